//! Stores that were left in a bad state.

mod children;
mod compaction;
mod crash;
mod damage;
mod ledgers;
mod logs;
mod pages;
mod places;
mod reuse;
mod room;
mod torn;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use velar_protocol::wire::{DeliveryOutcome, HoldId, SendTokenHash};

use super::target::NOTE;
use super::*;
use crate::store::{HeldDelivery, HoldRecord, MailboxRecord, StoredEnvelope, short_digest};

const COUNT: u64 = 120;

pub(super) fn envelope(number: u64) -> Envelope {
    let mut bytes = vec![0; 4096];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = (number as usize * 31 + at * 7 + at / 256) as u8;
    }
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    Envelope::new(bytes).unwrap()
}

pub(super) fn mailbox(id: u8) -> MailboxRecord {
    MailboxRecord {
        id: MailboxId([id; 32]),
        sequence_ceiling: 1024,
        expired: 0,
        used_day: 20_000,
        access: 0,
        tokens: vec![SendTokenHash([id; 32])],
    }
}

/// Every sequence has an envelope of its own, whatever the mailbox.
pub(super) fn put(mailbox: u8, sequence: u64) -> Write {
    let envelope = envelope(sequence);
    let stored = StoredEnvelope {
        mailbox: MailboxId([mailbox; 32]),
        sequence,
        received_hour: 9,
        kept_since_hour: 8,
        digest: short_digest(&envelope),
    };
    Write::Put(stored, envelope)
}

pub(super) fn mark() -> Write {
    Write::Clock(crate::clock::Now::from_s(1_800_000_000).mark())
}

pub(super) fn remove(mailbox: u8, sequence: u64) -> Write {
    Write::Remove { mailbox: MailboxId([mailbox; 32]), sequence }
}

/// A hold of two envelopes, `number` and the next.
pub(super) fn hold(id: u8, generation: u32, number: u64) -> Write {
    let delivery = HeldDelivery { token: SendTokenHash([1; 32]), outcome: DeliveryOutcome::Held };
    let key = HeldKey { id: HoldId([id; 32]), generation };
    let record = HoldRecord { key, due_s: 1_900_000_000, deliveries: vec![delivery; 2] };
    let envelopes = vec![(0, envelope(number)), (1, envelope(number + 1))];
    Write::Hold { record, envelopes, replaces: None }
}

pub(super) fn applied(store: &SledStore, writes: &[Write]) {
    store.apply(writes).unwrap();
    store.commit().unwrap();
}

pub(super) fn opened(folder: &Path) -> SledStore {
    SledStore::open(folder, 16).unwrap()
}

/// A store with one mailbox and `COUNT` envelopes, closed in order.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path());
    applied(&store, &[Write::Mailbox(mailbox(1)), mark()]);
    for sequence in 0..COUNT {
        applied(&store, &[put(1, sequence)]);
    }
    folder
}

/// All that is read is as it was written; what cannot be read, or is not there, is counted. Returns how many there are.
fn readable(store: &SledStore) -> u64 {
    let loaded = store.load().unwrap();
    let (mut found, mut lost) = (0, loaded.mailboxes[0].expired);
    for stored in &loaded.envelopes {
        match store.envelope(&stored.mailbox, stored.sequence).unwrap() {
            Some(read) => {
                assert!(read == envelope(stored.sequence), "a wrong envelope was served");
                found += 1;
            }
            None => lost += 1,
        }
    }
    assert_eq!(found + lost, COUNT, "{found} found and {lost} counted");
    found
}

/// Flips a bit in every copy of one envelope in the file, also of a store that is open.
fn spoil(store: &Path) {
    let key = envelope_key(&MailboxId([1; 32]), COUNT / 2);
    spoil_where(store, &[&key[..], &(9 * 3600_u64).to_le_bytes()].concat());
}

/// The same of every record in which these bytes are.
fn spoil_where(store: &Path, wanted: &[u8]) {
    let path = store.join("sled/db");
    let bytes = fs::read(&path).unwrap();
    let places: Vec<usize> =
        (0..bytes.len() - wanted.len()).filter(|at| bytes[*at..].starts_with(wanted)).collect();
    assert!(!places.is_empty());
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    for at in places {
        file.write_all_at(&[bytes[at + 2000] ^ 1], at as u64 + 2000).unwrap();
    }
}

/// A compaction that has begun is carried to its end.
fn compacted(store: &SledStore) {
    while !store.is_deleting() {
        store.upkeep(Room::Low).unwrap();
        store.commit().unwrap();
    }
    while store.is_deleting() {
        store.upkeep(Room::Low).unwrap();
    }
}

/// The store takes in new things, commits, and opens again.
fn works(folder: &Path, store: SledStore) {
    applied(&store, &[put(1, 5000)]);
    drop(store);
    let read = opened(folder).envelope(&MailboxId([1; 32]), 5000).unwrap();
    assert!(read == Some(envelope(5000)));
}

fn database(store: &SledStore) -> Arc<Database> {
    match store.engine() {
        Engine::Databases { new, .. } => new,
        Engine::Salvage(_) => panic!("there is room"),
    }
}

#[test]
fn a_torn_snapshot_of_a_crashed_start_is_removed() {
    let folder = folder();
    fs::write(folder.path().join("sled/snap.FFFFFFFFFFFFFF.generating"), b"torn").unwrap();
    let store = opened(folder.path());
    assert_eq!(readable(&store), COUNT);
    works(folder.path(), store);
}

#[test]
fn a_damaged_snapshot_is_left_out_and_everything_is_there() {
    let folder = folder();
    // Opening once more writes a snapshot of everything.
    drop(opened(folder.path()));
    let mut damaged = 0;
    for entry in fs::read_dir(folder.path().join("sled")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("snap.") {
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0xff;
            fs::write(&path, bytes).unwrap();
            damaged += 1;
        }
    }
    assert!(damaged > 0);
    let store = opened(folder.path());
    assert_eq!(readable(&store), COUNT);
    works(folder.path(), store);
}

#[test]
fn a_truncated_log_opens_with_what_is_left_and_counts_the_rest() {
    let folder = folder();
    let path = folder.path().join("sled/db");
    let bytes = fs::read(&path).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    fs::write(&path, &bytes[..used / 2]).unwrap();
    let store = opened(folder.path());
    let left = readable(&store);
    assert!(left > 0 && left < COUNT, "{left}");
    assert_eq!(store.writing().live, left, "what is lost does not go twice");
    works(folder.path(), store);
}

#[test]
fn without_its_database_a_store_knows_what_it_had() {
    let folder = folder();
    fs::remove_dir_all(folder.path().join("sled")).unwrap();
    let store = opened(folder.path());
    assert_eq!(readable(&store), 0);
    assert_eq!(store.load().unwrap().mailboxes[0].tokens, mailbox(1).tokens);
    works(folder.path(), store);
}

#[test]
fn without_its_ledger_a_store_has_everything() {
    let folder = folder();
    fs::remove_file(folder.path().join("ledger")).unwrap();
    let store = opened(folder.path());
    assert_eq!(readable(&store), COUNT);
    works(folder.path(), store);
}

#[test]
fn an_entry_without_its_envelope_finds_it_where_it_still_lies() {
    let folder = folder();
    let store = opened(folder.path());
    let key = envelope_key(&MailboxId([1; 32]), COUNT - 1);
    database(&store).remove(Table::Envelopes, &key).unwrap();
    database(&store).sync().unwrap();
    drop(store);
    assert_eq!(readable(&opened(folder.path())), COUNT);
}

/// What is lost while the relay runs is counted then, and a rebuild has nothing left to count. A disk that failed for a moment only
/// has it still, and somebody may look for it.
#[test]
fn what_an_envelope_could_not_be_read_from_while_the_relay_ran_is_kept() {
    let folder = folder();
    let store = opened(folder.path());
    spoil(folder.path());
    assert_eq!(store.envelope(&MailboxId([1; 32]), COUNT / 2).unwrap(), None);
    drop(store);
    spoil(folder.path());
    assert_eq!(readable(&opened(folder.path())), COUNT, "the same bits again: it is healed");
    assert!(folder.path().join("damaged.1/db").exists());
}

#[test]
fn a_record_that_does_not_check_out_is_set_aside_and_taken_from_the_ledger() {
    let folder = folder();
    let store = opened(folder.path());
    let database = database(&store);
    let key = envelope_key(&MailboxId([1; 32]), 3);
    let mut value = database.get(Table::Envelopes, &key).unwrap().unwrap().to_vec();
    value[2000] ^= 1;
    database.insert(Table::Envelopes, &key, &value).unwrap();
    let index_key = envelope_key(&MailboxId([1; 32]), 4);
    database.insert(Table::Index, &index_key, b"nonsense").unwrap();
    let mailbox_key = record_key(Kind::Mailbox, &[1; 32]);
    database.insert(Table::Records, &mailbox_key, b"nonsense").unwrap();
    database.sync().unwrap();
    drop((database, store));

    let store = opened(folder.path());
    let loaded = store.load().unwrap();
    assert_eq!(loaded.mailboxes, [mailbox(1)]);
    assert_eq!(loaded.envelopes.len() as u64, COUNT);
    assert!(loaded.set_aside >= 2);
    // An older copy of the changed envelope still lies in the file.
    assert_eq!(readable(&store), COUNT);
    works(folder.path(), store);
}

#[test]
fn a_store_that_asks_for_it_is_rebuilt_and_the_old_one_kept_if_something_is_lost() {
    let folder = folder();
    folder::ask_for_rebuild(folder.path());
    let store = opened(folder.path());
    assert_eq!((readable(&store), store.findings().rebuilt), (COUNT, true));
    for left in ["rebuild", "suspect.1", "damaged.1"] {
        assert!(!folder.path().join(left).exists(), "{left}");
    }
    works(folder.path(), store);

    let path = folder.path().join("sled/db");
    fs::write(&path, &fs::read(&path).unwrap()[..100_000]).unwrap();
    folder::ask_for_rebuild(folder.path());
    let store = opened(folder.path());
    assert!(store.findings().envelopes > 0);
    assert!(folder.path().join("damaged.1/db").exists());
}

/// Whatever step it ends at, what was lost is counted once, and what it was lost from is kept.
#[test]
fn a_rebuild_that_is_cut_off_counts_each_loss_once_and_keeps_what_it_was_lost_from() {
    let key = HeldKey { id: HoldId([7; 32]), generation: 1 };
    for (loses, loses_held) in [(true, false), (false, false), (false, true)] {
        let folder = folder();
        if loses {
            let path = folder.path().join("sled/db");
            fs::write(&path, &fs::read(&path).unwrap()[..100_000]).unwrap();
        }
        if loses_held {
            applied(&opened(folder.path()), &[hold(7, 1, 600)]);
            let bytes = envelope(600);
            spoil_where(folder.path(), &[&held_key(key, 0), &bytes.as_bytes()[..8]].concat());
        }
        folder::ask_for_rebuild(folder.path());
        let copies = Arc::new(Mutex::new(Vec::new()));
        let (from, into) = (folder.path().to_owned(), copies.clone());
        let steps = Steps::watched(move || {
            let copy = tempfile::tempdir().unwrap();
            damage::copy(&from, copy.path());
            into.lock().unwrap().push(copy);
        });
        let store = SledStore::open_with(folder.path(), 16, &steps).unwrap();
        let lost = store.load().unwrap().mailboxes[0].expired;
        assert_eq!(lost > 0, loses);
        steps.let_go();
        drop(store);
        let copies = std::mem::take(&mut *copies.lock().unwrap());
        assert!(copies.len() > 40, "{} steps", copies.len());
        // While it is filled the new database is in nobody's way.
        let last = copies.len() - 30;
        let some = copies.iter().enumerate().filter(|(step, _)| step % 20 == 0 || *step > last);
        for (step, copy) in some {
            let store = opened(copy.path());
            assert_eq!(readable(&store), COUNT - lost, "step {step}");
            let kept = copy.path().join("damaged.1/db").exists();
            assert_eq!(kept, loses || loses_held, "step {step}");
            let holds = store.load().unwrap().holds.len();
            assert_eq!(holds, usize::from(loses_held), "step {step}: it stays armed");
            assert!(!copy.path().join("suspect.1").exists(), "step {step}");
            works(copy.path(), store);
        }
    }
}

#[test]
fn what_was_interrupted_is_cleared_away() {
    let folder = folder();
    let all = ["rebuilding", "sled.gone", "suspect.1"];
    for left in all {
        fs::create_dir(folder.path().join(left)).unwrap();
        fs::write(folder.path().join(left).join("db"), b"half").unwrap();
    }
    let store = opened(folder.path());
    assert_eq!(readable(&store), COUNT);
    assert!(!all.iter().any(|left| folder.path().join(left).exists()));
}

/// The ledger is synced, and notes of what went until now are forgotten.
fn synced(store: &SledStore) {
    store.writing().keeper.hurry();
    while !store.writing().keeper.is_done() {
        store.upkeep(Room::Enough).unwrap();
        std::thread::yield_now();
    }
    store.commit().unwrap();
}

fn notes(store: &SledStore) -> usize {
    database(store).page(Table::Records, NOTE, None, 1000).unwrap().len()
}

#[test]
fn notes_of_removals_stay_until_the_ledger_is_synced() {
    let folder = folder();
    let store = opened(folder.path());
    applied(&store, &[remove(1, 0), remove(1, 1)]);
    applied(&store, &[remove(1, 2)]);
    assert_eq!(notes(&store), 2);
    synced(&store);
    assert_eq!(notes(&store), 0);
    drop(store);
    let loaded = opened(folder.path()).load().unwrap();
    assert_eq!((loaded.envelopes.len() as u64, loaded.mailboxes[0].expired), (COUNT - 3, 0));
}

#[test]
fn what_was_removed_after_the_last_word_of_the_ledger_is_not_lost() {
    let folder = folder();
    let ledger = fs::read(folder.path().join("ledger")).unwrap();
    let store = opened(folder.path());
    applied(&store, &[remove(1, 0), remove(1, 1)]);
    applied(&store, &[put(1, 300), Write::Mailbox(mailbox(2))]);
    applied(&store, &[Write::RemoveMailbox(MailboxId([2; 32]))]);
    drop(store);
    // As after a power cut: nothing of it was synced.
    fs::write(folder.path().join("ledger"), ledger).unwrap();
    let store = opened(folder.path());
    let loaded = store.load().unwrap();
    assert_eq!((loaded.mailboxes.len(), loaded.mailboxes[0].expired), (1, 0));
    assert_eq!(loaded.envelopes.len() as u64, COUNT - 1);
    assert_eq!(store.findings(), Findings { ledger: true, ..Findings::default() });
}

#[test]
fn a_ledger_that_has_lost_what_was_synced_calls_nothing_lost_and_is_told_of() {
    let folder = folder();
    let ledger = fs::read(folder.path().join("ledger")).unwrap();
    let store = opened(folder.path());
    applied(&store, &[remove(1, 0), remove(1, 1)]);
    synced(&store);
    drop(store);
    fs::write(folder.path().join("ledger"), ledger).unwrap();
    let store = opened(folder.path());
    assert_eq!(store.load().unwrap().mailboxes[0].expired, 0);
    assert!(!store.findings().ledger);
    drop(store);
    assert!(opened(folder.path()).findings().ledger, "it is written anew");
}

#[test]
fn a_database_put_back_from_a_copy_is_told_of_and_brought_up_to_date() {
    let folder = folder();
    let copy = tempfile::tempdir().unwrap();
    damage::copy(&folder.path().join("sled"), &copy.path().join("sled"));
    let store = opened(folder.path());
    applied(&store, &[Write::Mailbox(mailbox(2)), put(2, 500), put(1, 501), remove(1, 0)]);
    applied(
        &store,
        &[hold(7, 1, 600), Write::Mailbox(MailboxRecord { tokens: vec![], ..mailbox(1) })],
    );
    drop(store);
    fs::remove_dir_all(folder.path().join("sled")).unwrap();
    fs::rename(copy.path().join("sled"), folder.path().join("sled")).unwrap();
    let store = opened(folder.path());
    let loaded = store.load().unwrap();
    assert_eq!(loaded.mailboxes[0].tokens, [], "what was revoked stays revoked");
    let expired: Vec<u64> = loaded.mailboxes.iter().map(|mailbox| mailbox.expired).collect();
    assert_eq!(expired, [1, 1]);
    assert_eq!((loaded.holds.len(), loaded.lost_holds.len()), (0, 1));
    assert_eq!((store.findings().envelopes, store.findings().holds), (2, 1));
}
