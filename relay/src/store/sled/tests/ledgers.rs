//! Ledgers that are damaged, too large, or cannot be rewritten.

use super::*;
use crate::store::entry::Entry;
use crate::store::ledger::{self, Ledger};

/// The ledger is damaged or cut, and behind the end of a segment that was used again lie leftovers of what went since.
#[test]
fn what_is_missing_in_the_ledger_does_not_arm_a_hold_that_was_cancelled() {
    missing_in_the_ledger(|bytes, from| bytes[from + 30] ^= 1);
    missing_in_the_ledger(|bytes, from| bytes.truncate(from));
}

fn missing_in_the_ledger(damage: impl Fn(&mut Vec<u8>, usize)) {
    let folder = folder();
    let store = opened(folder.path());
    applied(&store, &[hold(7, 1, 600)]);
    let from = fs::metadata(folder.path().join("ledger")).unwrap().len() as usize;
    let key = HeldKey { id: HoldId([7; 32]), generation: 1 };
    let mut leftovers = Vec::new();
    let of = |table, key: &[u8]| database(&store).get(table, key).unwrap().unwrap().to_vec();
    leftovers.extend(of(Table::Records, &record_key(Kind::Hold, &[7; 32])));
    leftovers.extend(of(Table::Envelopes, &held_key(key, 0)));
    leftovers.extend(of(Table::Envelopes, &held_key(key, 1)));
    applied(&store, &[put(1, 500)]);
    applied(&store, &[Write::RemoveHold(key)]);
    applied(&store, &[put(1, 501)]);
    synced(&store);
    store.compact();
    compacted(&store);
    drop(store);
    drop(opened(folder.path()));
    let path = folder.path().join("sled/db");
    let mut bytes = fs::read(&path).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 100;
    bytes.resize(bytes.len().max(used + leftovers.len()), 0);
    bytes[used..used + leftovers.len()].copy_from_slice(&leftovers);
    fs::write(&path, bytes).unwrap();
    // Well as it is: with its ledger whole nothing of it counts.
    let copy = tempfile::tempdir().unwrap();
    damage::copy(folder.path(), copy.path());
    let whole = opened(copy.path());
    assert_eq!(whole.load().unwrap().holds.len(), 0);

    let path = folder.path().join("ledger");
    let mut bytes = fs::read(&path).unwrap();
    damage(&mut bytes, from);
    fs::write(&path, bytes).unwrap();
    let store = opened(folder.path());
    assert!(
        !store.findings().ledger,
        "a bad ledger is called whole, and the damaged database deleted"
    );
    assert_eq!(store.load().unwrap().holds.len(), 0, "a hold that was cancelled is armed again");
}

/// After a rebuild every record of a mailbox and a hold is new to the ledger: one frame of all of them.
#[test]
fn a_store_of_many_holds_opens_after_a_rebuild() {
    let folder = folder();
    let store = opened(folder.path());
    let refused = HeldDelivery { token: SendTokenHash([1; 32]), outcome: DeliveryOutcome::Refused };
    for group in 0..63_u32 {
        let holds: Vec<Write> = (0..500)
            .map(|at| {
                let Write::Hold { mut record, envelopes, .. } = hold(7, 1, u64::from(at)) else {
                    panic!()
                };
                record.key.id.0[..4].copy_from_slice(&(group * 500 + at).to_le_bytes());
                record.deliveries.truncate(1);
                record.deliveries.resize(64, refused);
                Write::Hold { record, envelopes: envelopes[..1].to_vec(), replaces: None }
            })
            .collect();
        applied(&store, &holds);
    }
    drop(store);
    folder::ask_for_rebuild(folder.path());
    for _ in 0..2 {
        let opened = SledStore::open(folder.path(), 16).map(|store| store.findings());
        assert!(opened.is_ok());
    }
}

#[test]
fn a_ledger_that_cannot_be_rewritten_now_does_not_end_the_relay() {
    let folder = folder();
    let store = opened(folder.path());
    applied(&store, &[remove(1, 0)]);
    // As ENOSPC: a ledger of a million envelopes takes 100 MB, and 32 MiB are room enough to go on.
    fs::create_dir(folder.path().join("ledger.new")).unwrap();
    store.writing().keeper.hurry_rewriting();
    store.upkeep(Room::Low).unwrap();
    assert!(store.writing().keeper.is_rewriting(), "it has begun");
    while store.writing().keeper.is_rewriting() {
        store.upkeep(Room::Low).unwrap();
        std::thread::yield_now();
    }
    applied(&store, &[put(1, 300)]);
}

#[test]
fn what_a_rewrite_of_the_ledger_left_is_cleared_away() {
    let folder = folder();
    fs::write(folder.path().join("ledger.new"), vec![1; 1 << 20]).unwrap();
    drop(opened(folder.path()));
    assert!(
        !folder.path().join("ledger.new").exists(),
        "it fills the disk for as long as the disk is full"
    );
}

/// Killed again and again, each time before the ledger was synced.
#[test]
fn neither_notes_nor_the_ledger_grow_over_many_short_lives() {
    let folder = folder();
    for life in 0..20 {
        let store = opened(folder.path());
        for at in 0..3 {
            applied(&store, &[remove(1, life * 3 + at)]);
            store.upkeep(Room::Enough).unwrap();
        }
        assert!(notes(&store) <= 6, "{} notes in life {life}", notes(&store));
    }

    let len = || fs::metadata(folder.path().join("ledger")).unwrap().len();
    let reading = ledger::read(folder.path()).unwrap();
    let mut ledger = Ledger::resume(folder.path(), reading.len).unwrap();
    let mut came_and_went = Vec::new();
    for sequence in 500..5_500 {
        let Write::Put(stored, _) = put(1, sequence) else { panic!() };
        Entry::Envelope(stored).encode(0, &mut came_and_went);
        Entry::RemoveEnvelope(stored.mailbox, sequence).encode(0, &mut came_and_went);
    }
    while len() <= 20 << 20 {
        ledger.append(reading.commit, &came_and_went).unwrap();
    }
    let store = opened(folder.path());
    assert!(len() < 1 << 20, "it is rewritten at a start, too");
    assert_eq!(store.load().unwrap().envelopes.len() as u64, COUNT - 60);
    assert_eq!(store.findings(), Findings { ledger: true, ..Findings::default() });
}

/// Rewritten, it has many frames, and all of them are as new as the last.
#[test]
fn a_ledger_of_which_only_the_beginning_can_be_read_takes_no_mailbox_away() {
    let folder = folder();
    let store = opened(folder.path());
    let named = |number: u64| {
        let mut record = mailbox(9);
        record.id.0[..8].copy_from_slice(&number.to_le_bytes());
        record.tokens = Vec::new();
        Write::Mailbox(record)
    };
    applied(&store, &(0..3000).map(named).collect::<Vec<_>>());
    drop(store);
    let path = folder.path().join("ledger");
    fs::remove_file(&path).unwrap();
    drop(opened(folder.path()));
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let store = opened(folder.path());
    assert_eq!(store.load().unwrap().mailboxes.len(), 3001);
}

/// Everything that was deferred while the disk was full comes at once.
#[test]
fn one_group_of_any_size_fits_the_ledger() {
    let folder = folder();
    let store = opened(folder.path());
    let Write::Hold { mut record, .. } = hold(7, 1, 600) else { panic!() };
    record.deliveries = vec![record.deliveries[0]; 64];
    let records: Vec<Write> = (0..5_000_u32)
        .map(|number| {
            record.key.id.0[..4].copy_from_slice(&number.to_le_bytes());
            Write::HoldRecord(record.clone())
        })
        .collect();
    store.apply(&records).unwrap();
    let longest = store.writing().parts.iter().map(|(_, part)| part.len()).max().unwrap();
    assert!(longest < crate::limits::LEDGER_PART + 4096, "{longest} bytes in one frame");
    store.commit().unwrap();
    drop(store);
    let store = opened(folder.path());
    assert_eq!(store.load().unwrap().holds.len(), 5_000);
    assert_eq!(store.findings(), Findings { ledger: true, ..Findings::default() });
}

/// The ledger is not there, or its end was not synced before a power cut.
fn forget_most(folder: &Path, all: bool) {
    let path = folder.join("ledger");
    let ledger = fs::read(&path).unwrap();
    let left = if all { &[] } else { &ledger[..ledger.len() / 4] };
    fs::write(path, left).unwrap();
}

/// The page becomes bad when the log has been looked at, as one does that a disk cannot read now and then.
#[test]
fn a_page_that_cannot_be_read_takes_nothing_with_it_that_the_ledger_does_not_list() {
    for all in [true, false] {
        let folder = folder();
        forget_most(folder.path(), all);
        let (path, mut step) = (folder.path().to_owned(), 0);
        let steps = Steps::watched(move || {
            step += 1;
            // The engine has opened its file, and read no page of envelopes yet.
            if step == 2 {
                spoil(&path);
            }
        });
        let store = SledStore::open_with(folder.path(), 16, &steps).unwrap();
        assert!(!store.findings().rebuilt);
        assert_eq!(store.load().unwrap().envelopes.len() as u64, COUNT);
        steps.let_go();
        drop(store);
        for start in 1..3 {
            let store = opened(folder.path());
            assert_eq!(readable(&store), COUNT - 1, "start {start}, without all: {all}");
            assert_eq!(store.load().unwrap().mailboxes[0].expired, 1);
        }
        assert!(folder.path().join("damaged.1/db").exists(), "without all: {all}");
    }
}

/// sled would take it for the place where a crash cut its log, and overwrite all that follows.
#[test]
fn a_damaged_message_takes_nothing_with_it_where_the_ledger_is_lost() {
    let folder = folder();
    forget_most(folder.path(), true);
    spoil(folder.path());
    let store = opened(folder.path());
    let envelopes = store.load().unwrap().envelopes.len() as u64;
    assert_eq!((envelopes, store.findings().ledger), (COUNT - 1, false));
    assert!(folder.path().join("damaged.1/db").exists(), "it cannot be counted");
}

/// Older copies of them still lie in the file.
#[test]
fn records_that_do_not_check_out_take_no_mail_with_them_where_the_ledger_does_not_list_them() {
    for all in [true, false] {
        let folder = folder();
        let store = opened(folder.path());
        let nonsense = |table, key: &[u8]| {
            database(&store).insert(table, key, b"nonsense").unwrap();
        };
        nonsense(Table::Index, &envelope_key(&MailboxId([1; 32]), COUNT - 1));
        if all {
            nonsense(Table::Records, &record_key(Kind::Mailbox, &[1; 32]));
        }
        database(&store).sync().unwrap();
        drop(store);
        forget_most(folder.path(), all);
        for start in 0..2 {
            let store = opened(folder.path());
            assert_eq!(store.load().unwrap().mailboxes, [mailbox(1)], "start {start}");
            assert_eq!(readable(&store), COUNT, "start {start}, without all: {all}");
        }
    }
}

/// One client can ask for it hundreds of times within one group, and all others wait for the same sync.
#[test]
fn a_record_that_changes_often_in_one_group_costs_one_sync_and_the_last_one_counts() {
    let folder = folder();
    let store = opened(folder.path());
    let ledger = || fs::metadata(folder.path().join("ledger")).unwrap().len();
    let changed = |used_day| Write::Mailbox(MailboxRecord { used_day, ..mailbox(1) });
    let before = ledger();
    store.apply(&(1..=200).map(changed).collect::<Vec<_>>()).unwrap();
    assert_eq!(ledger(), before, "nothing was committed by itself");
    store.commit().unwrap();
    assert!(ledger() > before);
    store.apply(&[changed(300)]).unwrap();
    drop(store);
    let loaded = opened(folder.path()).load().unwrap();
    assert!([200, 300].contains(&loaded.mailboxes[0].used_day));
    fs::write(folder.path().join("rebuild"), "").unwrap();
    let store = opened(folder.path());
    assert!([200, 300].contains(&store.load().unwrap().mailboxes[0].used_day));
    assert_eq!(readable(&store), COUNT);
}
