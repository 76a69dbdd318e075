//! Small disks. Where nobody may mount one, nothing is shown here.

use super::*;
use crate::clock::Now;
use crate::limits::{Limits, WRITE_ROOM};
use crate::mailboxes::Mailboxes;
use crate::store::sled::compaction::Compaction;
use std::sync::atomic::AtomicBool;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::ffi::CString;
use std::path::PathBuf;

fn holds(store: &SledStore) {
    applied(store, &[Write::Mailbox(mailbox(1)), mark()]);
    for from in 0..30 {
        let holds: Vec<Write> = (0..100_u32)
            .map(|at| {
                let number = from * 100 + at;
                let Write::Hold { mut record, envelopes, .. } = hold(7, 1, u64::from(number))
                else {
                    panic!()
                };
                record.key.id.0[..4].copy_from_slice(&number.to_le_bytes());
                Write::Hold { record, envelopes, replaces: None }
            })
            .collect();
        applied(store, &holds);
    }
}

/// Envelopes of holds take room in the new database, too.
#[test]
fn a_rebuild_that_has_no_room_for_holds_is_not_begun_and_the_store_is_served() {
    let Some(disk) = Small::new(300) else { return };
    holds(&opened(&disk.store()));
    folder::ask_for_rebuild(&disk.store());
    disk.leave(36);
    let first = SledStore::open(&disk.store(), 16).map(|store| store.is_writable());
    let second = SledStore::open(&disk.store(), 16).map(|store| store.is_writable());
    assert_eq!((first.ok(), second.ok()), (Some(false), Some(false)));
}

/// The relay's own leftovers are what fills the disk.
#[test]
fn a_disk_that_is_full_of_leftovers_is_cleared_of_them() {
    for left in ["rebuilding", "sled.gone", "checking"] {
        let Some(disk) = Small::new(120) else { return };
        filled(&disk.store());
        fs::create_dir(disk.store().join(left)).unwrap();
        fs::write(disk.store().join(left).join("db"), vec![1; 60 << 20]).unwrap();
        disk.leave(5);
        let store = opened(&disk.store());
        assert!(store.is_writable(), "{left} is never cleared away");
    }
}

/// A disk of so many MiB. `None` without the right to mount one.
///
/// No program is started for it: until its first instruction a child would hold the locks of the folders that other
/// tests have open.
pub(super) struct Small(PathBuf);

impl Small {
    pub(super) fn new(mib: u64) -> Option<Self> {
        Self::of("tmpfs", &format!("size={mib}m"))
    }
    /// Of a kind that keeps nothing in reserve, and calls nothing free.
    fn without_reserve() -> Option<Self> {
        Self::of("ramfs", "")
    }
    fn of(kind: &str, options: &str) -> Option<Self> {
        let path = tempfile::tempdir().unwrap().keep();
        let options = CString::new(options).unwrap();
        let mounted = mount("small", &path, kind, MountFlags::empty(), options.as_c_str());
        mounted.ok().map(|()| Self(path))
    }
    pub(super) fn store(&self) -> PathBuf {
        self.0.join("store")
    }
    /// Leaves so many MiB.
    pub(super) fn leave(&self, mib: u64) {
        let free = crate::store::sled::folder::free_bytes(&self.0).unwrap();
        fs::write(self.0.join("filler"), vec![1; (free - (mib << 20)) as usize]).unwrap();
    }
    pub(super) fn free(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = unmount(&self.0, UnmountFlags::DETACH);
        let _ = fs::remove_dir(&self.0);
    }
}

pub(super) fn filled(folder: &Path) {
    let store = opened(folder);
    applied(&store, &[Write::Mailbox(mailbox(1)), mark()]);
    for sequence in 0..COUNT {
        applied(&store, &[put(1, sequence)]);
    }
}

/// By this thread: other tests run beside it.
fn read_so_far() -> u64 {
    let io = fs::read_to_string("/proc/thread-self/io").unwrap();
    io.lines().next().unwrap().split(' ').nth(1).unwrap().parse().unwrap()
}

/// Damaged, with room to open but none to rebuild: this state lasts until somebody comes.
#[test]
fn a_store_that_waits_for_room_to_be_rebuilt_is_not_read_from_end_to_end_at_every_step() {
    let Some(disk) = Small::new(120) else { return };
    filled(&disk.store());
    folder::ask_for_rebuild(&disk.store());
    disk.leave(25);
    let size = fs::metadata(disk.store().join("sled/db")).unwrap().len();
    let before = read_so_far();
    let store = opened(&disk.store());
    assert!(!store.is_writable());
    assert!(read_so_far() - before > size, "a whole look is seen here");
    let before = read_so_far();
    for _ in 0..5 {
        store.upkeep(Room::Low).unwrap();
    }
    let read = read_so_far() - before;
    assert!(read < 2 * size, "5 steps between commits read {read} bytes");
}

/// Reopened beside mailboxes that know nothing of what the comparison counted.
#[test]
fn what_a_store_finds_lost_when_there_is_room_again_stays_counted() {
    for changes_tokens in [true, false] {
        finds_lost_when_there_is_room_again(changes_tokens);
    }
}

fn finds_lost_when_there_is_room_again(changes_tokens: bool) {
    let Some(disk) = Small::new(120) else { return };
    filled(&disk.store());
    // One envelope is damaged on the disk.
    spoil(&disk.store());
    disk.leave(10);
    let (is_last, copies) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let (from, is_looked_at, into) = (disk.store(), is_last.clone(), copies.clone());
    let steps = Steps::watched(move || {
        if is_looked_at.load(Ordering::SeqCst) {
            let copy = tempfile::tempdir().unwrap();
            damage::copy(&from, copy.path());
            into.lock().unwrap().push(copy);
        }
    });
    let store = SledStore::open_with(&disk.store(), 16, &steps).unwrap();
    assert!(!store.is_writable());
    let now = Now::from_s(1_800_000_100);
    let mut writes = Vec::new();
    let mut mailboxes = Mailboxes::new(Limits::default(), store.load().unwrap(), now, &mut writes);
    assert!(writes.is_empty());
    disk.free();
    while !store.is_writable() {
        store.upkeep(Room::Low).unwrap();
    }
    // What was deferred comes first, and knows nothing of the loss.
    let mut waits = vec![Write::Mailbox(mailbox(1))];
    mailboxes.reopened(store.reopened().unwrap(), waits.iter_mut(), &mut writes);
    let mut writes = [waits, writes].concat();
    if changes_tokens {
        // Its owner does, and the relay is started again before anybody reads.
        let tokens = vec![SendTokenHash([1; 32]), SendTokenHash([2; 32])];
        let _ = mailboxes.open(
            MailboxId([1; 32]),
            &tokens,
            crate::access::Leave::NotNeeded,
            |_| Ok(()),
            now,
            &mut writes,
        );
    }
    is_last.store(true, Ordering::SeqCst);
    applied(&store, &writes);
    is_last.store(false, Ordering::SeqCst);
    steps.let_go();
    drop(store);
    let store = opened(&disk.store());
    assert_eq!(readable(&store), COUNT - 1);
    // A crash at any step of it.
    let copies = std::mem::take(&mut *copies.lock().unwrap());
    assert!(copies.len() > 3);
    for copy in copies {
        assert_eq!(readable(&opened(copy.path())), COUNT - 1);
    }
}

/// Who reads while the engine is opened waits, and then asks the engine, which may have moved what is read.
#[test]
fn nothing_is_called_lost_while_the_engine_opens_its_file() {
    let Some(disk) = Small::new(120) else { return };
    filled(&disk.store());
    disk.leave(10);
    let store = opened(&disk.store());
    let Engine::Salvage(salvage) = store.engine() else { panic!("there is no room") };
    let is_read = |sequence| store.envelope(&MailboxId([1; 32]), sequence).unwrap().is_some();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !store.is_writable() {
                assert!((0..COUNT).all(is_read));
            }
        });
        disk.free();
        while !store.is_writable() {
            store.upkeep(Room::Low).unwrap();
        }
        reader.join().unwrap();
    });
    assert!((0..COUNT).all(is_read));
    let stale = salvage.envelope(&MailboxId([1; 32]), 0).unwrap();
    assert!(
        matches!(stale, salvage::Salvaged::Moved),
        "its places are not to be believed any more"
    );
}

/// A compaction takes what is reserved for it: meanwhile nobody is to be sent away for it.
#[test]
fn what_a_compaction_takes_is_not_reserved_once_more() {
    let Some(disk) = Small::new(400) else { return };
    let store = opened(&disk.store());
    applied(&store, &[Write::Mailbox(mailbox(1))]);
    for from in 0..80 {
        applied(&store, &(0..100).map(|at| put(1, from * 100 + at)).collect::<Vec<_>>());
    }
    let is_enough = || store.free_bytes().unwrap() > store.reserve_bytes();
    assert!(is_enough());
    // As much as a compaction needs to begin.
    disk.leave((folder::room_for(8_000, 0) + WRITE_ROOM) / (1 << 20) + 1);
    assert!(is_enough());
    store.compact();
    while !store.is_deleting() {
        store.upkeep(Room::Enough).unwrap();
        assert!(is_enough(), "{} of {:?}", store.reserve_bytes(), store.free_bytes());
    }
    while store.is_deleting() {
        assert!(is_enough());
        store.upkeep(Room::Enough).unwrap();
    }
    assert!(is_enough());
}

const COPIED: u64 = 3_000;

fn to_be_compacted(disk: &Small) -> SledStore {
    let store = opened(&disk.store());
    applied(&store, &[Write::Mailbox(mailbox(1))]);
    for from in 0..COPIED / 100 {
        applied(&store, &(0..100).map(|at| put(1, from * 100 + at)).collect::<Vec<_>>());
    }
    store
}

fn is_copying(store: &SledStore) -> bool {
    matches!(store.writing().compaction, Compaction::Copying(_))
}

/// More than a copy takes.
const STEPS: usize = 1_000;

/// Nothing else gives room back. What it needs to begin is enough.
#[test]
fn a_compaction_that_was_begun_ends_without_room_for_anything_else() {
    let Some(disk) = Small::new(400) else { return };
    let store = to_be_compacted(&disk);
    disk.leave((folder::room_for(COPIED, 0) + WRITE_ROOM) / (1 << 20) + 1);
    store.compact();
    for _ in 0..STEPS {
        store.upkeep(Room::None).unwrap();
    }
    assert!(!is_copying(&store));
    while store.is_deleting() {
        store.upkeep(Room::None).unwrap();
    }
    assert!(store.free_bytes().unwrap() > WRITE_ROOM);
    drop(store);
    let store = opened(&disk.store());
    assert!((0..COPIED).all(|at| store.envelope(&MailboxId([1; 32]), at).unwrap().is_some()));
}

/// sled would end the process.
#[test]
fn a_compaction_writes_no_further_than_what_it_could_reserve() {
    let Some(disk) = Small::new(400) else { return };
    let store = to_be_compacted(&disk);
    store.compact();
    store.upkeep(Room::Low).unwrap();
    disk.leave(2);
    for room in [Room::Low, Room::None] {
        for _ in 0..STEPS {
            store.upkeep(room).unwrap();
        }
        assert!(is_copying(&store));
    }
    disk.free();
    for _ in 0..STEPS {
        store.upkeep(Room::None).unwrap();
    }
    assert!(!is_copying(&store));
}

#[test]
fn where_nothing_is_kept_in_reserve_a_compaction_goes_on_only_while_as_much_is_free() {
    let Some(disk) = Small::without_reserve() else { return };
    let store = to_be_compacted(&disk);
    store.compact();
    for _ in 0..STEPS {
        store.upkeep(Room::None).unwrap();
    }
    assert!(is_copying(&store));
}

/// Of what began to be made anew, too, when something else took the room for it.
#[test]
fn a_rebuild_that_meets_a_full_disk_leaves_nothing_there() {
    let Some(disk) = Small::new(300) else { return };
    holds(&opened(&disk.store()));
    folder::ask_for_rebuild(&disk.store());
    disk.leave(100);
    let store = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !disk.store().join("rebuilding/db").exists() {
                std::thread::yield_now();
            }
            // As far as it goes.
            let _ = fs::write(disk.0.join("more"), vec![1; 97 << 20]);
        });
        opened(&disk.store())
    });
    assert!(!store.is_writable());
    assert!(!disk.store().join("rebuilding").exists());
    disk.free();
    while !store.is_writable() {
        store.upkeep(Room::Low).unwrap();
        store.writing().compaction = Compaction::at_start();
    }
    assert_eq!(store.load().unwrap().holds.len(), 3_000);
}

#[test]
fn a_store_without_room_clears_away_leftovers_to_open_again() {
    let Some(disk) = Small::new(120) else { return };
    filled(&disk.store());
    disk.leave(10);
    let store = opened(&disk.store());
    assert!(!store.is_writable());
    disk.free();
    disk.leave(40);
    fs::create_dir(disk.store().join("rebuilding")).unwrap();
    fs::write(disk.store().join("rebuilding/db"), vec![1; 30 << 20]).unwrap();
    store.upkeep(Room::Low).unwrap();
    assert!(store.is_writable());
}

/// 2600, with 128 tokens each: 10 MiB.
fn large_mailboxes(store: &SledStore) {
    for from in 0..26_u8 {
        let named = |number: u8| {
            let mut record = mailbox(from);
            record.id.0[0] = number;
            record.tokens = (0..128).map(|it| SendTokenHash([it; 32])).collect();
            Write::Mailbox(record)
        };
        applied(store, &(0..100).map(named).collect::<Vec<_>>());
    }
}

/// It would end without room to write anything, and with two databases.
#[test]
fn a_compaction_that_has_no_room_for_records_is_not_begun() {
    let Some(disk) = Small::new(300) else { return };
    let store = opened(&disk.store());
    for _ in 0..3 {
        large_mailboxes(&store);
    }
    disk.leave((folder::room_for(0, 0) + WRITE_ROOM) / (1 << 20) + 4);
    let begins = || {
        store.upkeep(Room::Low).unwrap();
        matches!(store.writing().compaction, Compaction::Making(..))
    };
    assert!(begins() || begins(), "it looks into it");
    while matches!(store.writing().compaction, Compaction::Making(..)) {
        store.upkeep(Room::Low).unwrap();
    }
    assert_eq!(folder::databases(&disk.store()).unwrap().len(), 1);
}

/// There is room to open it, and not for all that was found to be written then.
#[test]
fn a_store_that_cannot_write_what_its_start_found_is_only_read() {
    let Some(disk) = Small::new(200) else { return };
    drop(opened(&disk.store()));
    let copy = tempfile::tempdir().unwrap();
    damage::copy(&disk.store().join("sled"), &copy.path().join("sled"));
    large_mailboxes(&opened(&disk.store()));
    // Put back from a copy: the records come from the ledger.
    fs::remove_dir_all(disk.store().join("sled")).unwrap();
    damage::copy(&copy.path().join("sled"), &disk.store().join("sled"));
    disk.leave(10);
    let store = opened(&disk.store());
    disk.free();
    disk.leave(30);
    for _ in 0..3 {
        store.upkeep(Room::Low).unwrap();
        store.writing().compaction = Compaction::at_start();
        assert!(!store.is_writable());
    }
    disk.free();
    store.upkeep(Room::Low).unwrap();
    assert!(store.is_writable());
    assert_eq!(store.reopened().unwrap().mailboxes.len(), 2_600);
}
