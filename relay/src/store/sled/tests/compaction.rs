//! Two databases at once, and what a compaction leaves behind.

use super::*;
use crate::store::sled::compaction::Compaction;
use crate::store::sled::folder;
use std::fs::OpenOptions;

/// sled's own thread hands one database to the kernel every 500 ms, the other at another moment; a power cut keeps any
/// prefix of each. What goes from the old one must not be gone before what comes in the new one is there.
#[test]
fn a_hold_released_while_compacting_is_not_lost_when_the_old_database_is_flushed_first() {
    let (folder, image) = (folder(), tempfile::tempdir().unwrap());
    let store = opened(folder.path());
    applied(&store, &[hold(7, 1, 600)]);
    store.compact();
    let Engine::Databases { old: Some(old), .. } = store.engine() else { panic!() };
    let key = HeldKey { id: HoldId([7; 32]), generation: 1 };
    store.apply(&[put(1, 600), put(1, 601), Write::ReleaseHold(key)]).unwrap();
    old.sync().unwrap();
    damage::copy(folder.path(), image.path());
    let store = opened(image.path());
    let loaded = store.load().unwrap();
    let there = loaded.envelopes.iter().filter(|it| it.sequence >= 600).count();
    assert!(loaded.holds.len() == 1 || there == 2, "neither the hold nor what it held");
}

#[test]
fn what_was_acknowledged_while_compacting_is_not_called_lost() {
    let (folder, image) = (folder(), tempfile::tempdir().unwrap());
    let store = opened(folder.path());
    store.compact();
    let Engine::Databases { old: Some(old), .. } = store.engine() else { panic!() };
    store.apply(&[remove(1, 0)]).unwrap();
    old.sync().unwrap();
    damage::copy(folder.path(), image.path());
    assert_eq!(opened(image.path()).findings().envelopes, 0, "acknowledged, and called lost");
}

/// `false`: there is one database only. sled hands what is written to the kernel at some moment, which may hide that nobody
/// else has.
fn is_copied_from_what_is_on_disk(store: &SledStore) -> bool {
    let Engine::Databases { old, .. } = store.engine() else { panic!("there is room") };
    assert!(old.as_ref().is_none_or(|old| old.is_synced()), "what is passed over may come back");
    old.is_some()
}

/// A store of `COUNT` envelopes and the holds 7 and 8, after a crash while it was compacted. Of a last group, which nobody was
/// answered for, anything may be there.
fn nothing_is_missing(folder: &Path) {
    let store = opened(folder);
    let Findings { envelopes, holds, bad, .. } = store.findings();
    assert_eq!((envelopes, holds, bad), (0, 0, 0), "called lost");
    if is_copied_from_what_is_on_disk(&store) {
        compacted(&store);
    }
    let loaded = store.load().unwrap();
    for stored in &loaded.envelopes {
        let read = store.envelope(&stored.mailbox, stored.sequence).unwrap();
        assert!(read == Some(envelope(stored.sequence)), "{} is lost", stored.sequence);
    }
    for hold in &loaded.holds {
        for delivery in 0..2 {
            let held = store.held(hold.key, delivery).unwrap();
            assert!(held.is_some(), "hold {} has lost what it held", hold.key.id.0[0]);
        }
    }
    let is_there = |sequence| loaded.envelopes.iter().any(|stored| stored.sequence == sequence);
    let is_held = |id: u8| loaded.holds.iter().any(|hold| hold.key.id == HoldId([id; 32]));
    assert!((40..COUNT).all(is_there), "nobody has removed them");
    assert!(is_held(7) || (is_there(600) && is_there(601)), "neither the hold nor what it held");
    assert!(is_held(8) || is_held(9), "neither the hold nor the one that replaces it");
}

/// What was written last is in no commit yet when there are two databases; a killed process leaves of each what it had handed
/// to the kernel.
#[test]
fn what_is_passed_over_because_it_went_is_not_there_again_after_a_crash() {
    let folder = folder();
    let store = opened(folder.path());
    applied(&store, &[hold(7, 1, 600), hold(8, 1, 610)]);
    let key = |id: u8| HeldKey { id: HoldId([id; 32]), generation: 1 };
    let Write::Hold { record, envelopes, .. } = hold(9, 1, 620) else { panic!() };
    let mut group = vec![
        Write::Expire {
            record: MailboxRecord { expired: 10, ..mailbox(1) },
            sequences: (20..30).collect(),
        },
        put(1, 600),
        put(1, 601),
        Write::ReleaseHold(key(7)),
        Write::Hold { record, envelopes, replaces: Some(key(8)) },
    ];
    group.extend((0..20).map(|at| remove(1, at)));
    store.apply(&group).unwrap();
    store.compact();
    let mut beside = 30..40;
    while !store.is_deleting() {
        assert!(is_copied_from_what_is_on_disk(&store));
        database(&store).flush();
        nothing_is_missing_in_a_copy_of(folder.path());
        if let Some(at) = beside.next() {
            store.apply(&[remove(1, at), put(1, 1000 + at)]).unwrap();
        }
        store.upkeep(Room::Low).unwrap();
    }
    nothing_is_missing_in_a_copy_of(folder.path());
}

fn nothing_is_missing_in_a_copy_of(folder: &Path) {
    let image = tempfile::tempdir().unwrap();
    damage::copy(folder, image.path());
    nothing_is_missing(image.path());
}

/// `Database::open` of a compaction failed half-way (ENOSPC, EMFILE, EIO in `settle`): its folder stays.
#[test]
fn a_folder_left_by_a_compaction_that_could_not_begin_does_not_hide_the_newest_database() {
    let folder = folder();
    let store = opened(folder.path());
    let left = folder.path().join("sled.2");
    Database::open(&left, 16, &Steps::default()).unwrap().close();
    // A minute later it tries again, and that works: sled.3.
    store.compact();
    applied(&store, &[put(1, 300)]);
    drop(store);
    let store = opened(folder.path());
    let read = store.envelope(&MailboxId([1; 32]), 300).unwrap();
    assert_eq!(store.findings().envelopes, 0, "accepted, on disk, and called lost");
    assert!(read == Some(envelope(300)));
}

/// The start does not read envelopes' pages, so it goes on with the compaction and ends again.
#[test]
fn a_compaction_that_meets_a_page_it_cannot_read_asks_for_a_rebuild() {
    let folder = folder();
    let store = opened(folder.path());
    spoil(folder.path());
    store.compact();
    while store.upkeep(Room::Enough).is_ok() {
        assert!(!store.is_deleting());
    }
    assert!(folder.path().join("rebuild").exists(), "the next process meets the same page");
}

#[test]
fn envelopes_of_closed_mailboxes_do_not_count_as_living() {
    let folder = folder();
    let store = opened(folder.path());
    applied(&store, &[Write::RemoveMailbox(MailboxId([1; 32]))]);
    assert_eq!(store.load().unwrap().envelopes.len(), 0);
    assert_eq!(store.writing().live, 0, "so much more may the file grow before it is compacted");
}

/// What was needed once must not keep a deleted database on the disk.
#[test]
fn a_database_that_was_read_for_rescue_leaves_the_disk_when_it_is_compacted() {
    let folder = folder();
    let store = opened(folder.path());
    applied(&store, &[hold(7, 1, 600)]);
    let key = HeldKey { id: HoldId([7; 32]), generation: 1 };
    database(&store).remove(Table::Envelopes, &held_key(key, 0)).unwrap();
    assert!(store.held(key, 0).unwrap().is_some(), "rescued");
    store.compact();
    compacted(&store);
    let name = folder.path().to_string_lossy().into_owned();
    let held: Vec<String> = fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|it| fs::read_link(it.unwrap().path()).ok())
        .map(|it| it.to_string_lossy().into_owned())
        .filter(|it| it.starts_with(&name) && it.ends_with("(deleted)"))
        .collect();
    assert!(held.is_empty(), "{held:?}");
}

/// Killed again and again, each time before a compaction could begin or end.
#[test]
fn a_compaction_begins_and_ends_over_many_short_lives() {
    let folder = folder();
    let path = folder.path().join("sled/db");
    let mut lives = 0;
    while let Ok(file) = OpenOptions::new().write(true).open(&path) {
        assert!(lives < 20, "{:?}", folder::databases(folder.path()));
        let store = opened(folder.path());
        file.set_len(64 << 20).unwrap();
        for _ in 0..3 {
            store.upkeep(Room::Low).unwrap();
            store.commit().unwrap();
        }
        // What is being made is made.
        while matches!(store.writing().compaction, Compaction::Making(..)) {
            store.upkeep(Room::Low).unwrap();
        }
        lives += 1;
    }
    let store = opened(folder.path());
    assert_eq!(readable(&store), COUNT);
    works(folder.path(), store);
}

/// On a small disk nothing else ever gives it back.
#[test]
fn the_room_of_what_went_since_the_last_compaction_is_given_back() {
    let folder = folder();
    let store = opened(folder.path());
    for from in 0..80 {
        applied(&store, &(0..100).map(|at| put(1, 1000 + from * 100 + at)).collect::<Vec<_>>());
    }
    store.compact();
    compacted(&store);
    for from in 0..80 {
        applied(&store, &(0..100).map(|at| remove(1, 1000 + from * 100 + at)).collect::<Vec<_>>());
    }
    let size = database(&store).size();
    assert!(size > 60 << 20, "{size}");
    // What hid values of the older database is cleared away first.
    while !matches!(store.writing().compaction, Compaction::Idle(_)) {
        store.upkeep(Room::Low).unwrap();
    }
    store.writing().compaction = Compaction::at_start();
    store.upkeep(Room::Low).unwrap();
    assert!(
        matches!(store.writing().compaction, Compaction::Making(..)),
        "{size} bytes of nothing"
    );
}
