//! Names and places that are used again, seen after a power cut that took the end of the ledger.

use super::*;

/// Another envelope than [`put`] puts in this place.
fn put_later(sequence: u64, envelope: &Envelope) -> Write {
    let Write::Put(stored, _) = put(1, sequence) else { panic!() };
    let digest = short_digest(envelope);
    Write::Put(StoredEnvelope { digest, ..stored }, envelope.clone())
}

/// Closed and opened again in the seconds before a power cut takes the ledger's tail, and a rebuild.
#[test]
fn what_a_mailbox_had_before_it_was_closed_does_not_come_back_when_it_is_opened_again() {
    let folder = folder();
    let ledger = fs::read(folder.path().join("ledger")).unwrap();
    let store = opened(folder.path());
    applied(&store, &[Write::RemoveMailbox(MailboxId([1; 32]))]);
    applied(&store, &[Write::Mailbox(mailbox(1))]);
    drop(store);
    fs::write(folder.path().join("ledger"), ledger).unwrap();
    let copy = tempfile::tempdir().unwrap();
    damage::copy(folder.path(), copy.path());
    assert_eq!(opened(copy.path()).load().unwrap().envelopes.len(), 0, "without a rebuild");
    folder::ask_for_rebuild(folder.path());
    let store = opened(folder.path());
    assert_eq!(store.load().unwrap().envelopes.len(), 0);
}

/// A sequence that is used again after the mailbox was closed, and the relay started again.
#[test]
fn an_envelope_in_a_place_that_was_removed_before_survives() {
    for rebuild in [false, true] {
        let folder = folder();
        let ledger = fs::read(folder.path().join("ledger")).unwrap();
        let store = opened(folder.path());
        applied(&store, &[remove(1, 5), Write::RemoveMailbox(MailboxId([1; 32]))]);
        let later = envelope(7777);
        applied(&store, &[Write::Mailbox(mailbox(1)), put_later(5, &later)]);
        drop(store);
        fs::write(folder.path().join("ledger"), ledger).unwrap();
        if rebuild {
            folder::ask_for_rebuild(folder.path());
        }
        let store = opened(folder.path());
        let read = store.envelope(&MailboxId([1; 32]), 5).unwrap();
        assert!(read == Some(later), "rebuild {rebuild}");
    }
}

/// The same, where what was in that place expired before.
#[test]
fn an_envelope_in_a_place_that_expired_before_survives() {
    let folder = folder();
    let ledger = fs::read(folder.path().join("ledger")).unwrap();
    let store = opened(folder.path());
    let record = MailboxRecord { expired: 1, ..mailbox(1) };
    applied(&store, &[Write::Expire { record, sequences: vec![5] }]);
    applied(&store, &[Write::RemoveMailbox(MailboxId([1; 32]))]);
    let later = envelope(7777);
    applied(&store, &[Write::Mailbox(mailbox(1)), put_later(5, &later)]);
    drop(store);
    fs::write(folder.path().join("ledger"), ledger).unwrap();
    let store = opened(folder.path());
    assert!(store.envelope(&MailboxId([1; 32]), 5).unwrap() == Some(later));
}

/// The mailbox was closed during a compaction, and opened again before that had come to its end.
#[test]
fn an_envelope_in_a_place_that_the_older_database_has_too_survives() {
    let folder = folder();
    let store = opened(folder.path());
    store.compact();
    applied(&store, &[Write::RemoveMailbox(MailboxId([1; 32]))]);
    drop(store);
    let store = opened(folder.path());
    let later: Vec<Write> =
        (0..COUNT).map(|sequence| put_later(sequence, &envelope(7_000 + sequence))).collect();
    applied(&store, &[&[Write::Mailbox(mailbox(1))][..], &later].concat());
    drop(store);
    for start in 0..2 {
        let store = opened(folder.path());
        assert_eq!(store.findings().envelopes, 0, "start {start}");
        for sequence in 0..COUNT {
            let read = store.envelope(&MailboxId([1; 32]), sequence).unwrap();
            assert!(read == Some(envelope(7_000 + sequence)), "{sequence} in start {start}");
        }
    }
}

/// Written twice in one group, the ledger's end lost in a power cut, and a rebuild, which finds the first one last.
#[test]
fn of_two_records_of_one_name_in_one_group_the_last_counts_in_a_rebuild() {
    let folder = folder();
    let store = opened(folder.path());
    applied(&store, &[hold(7, 1, 600)]);
    let ledger = fs::read(folder.path().join("ledger")).unwrap();
    let Write::Hold { mut record, .. } = hold(7, 1, 600) else { panic!() };
    let mut due = |due_s| {
        record.due_s = due_s;
        Write::HoldRecord(record.clone())
    };
    applied(&store, &[due(1_900_000_100), due(1_900_086_400)]);
    drop(store);
    let path = folder.path().join("sled/db");
    let mut bytes = fs::read(&path).unwrap();
    let mut first = Vec::new();
    salvage::each_record(&bytes, &mut |at, raw| {
        if let Some(Entry::Hold(found)) = salvage::entry(raw)
            && found.due_s == 1_900_000_100
        {
            first = bytes[at..at + raw.len].to_vec();
        }
    });
    assert!(!first.is_empty());
    // As in a segment that was used before.
    bytes.extend(vec![0; 100]);
    bytes.extend(first);
    fs::write(&path, bytes).unwrap();
    fs::write(folder.path().join("ledger"), ledger).unwrap();
    folder::ask_for_rebuild(folder.path());
    assert_eq!(opened(folder.path()).load().unwrap().holds[0].due_s, 1_900_086_400);
}

#[test]
fn what_goes_and_comes_back_in_one_group_is_there_after_a_rebuild() {
    let folder = folder();
    let store = opened(folder.path());
    applied(&store, &[hold(7, 1, 600)]);
    let ledger = fs::read(folder.path().join("ledger")).unwrap();
    let key = HeldKey { id: HoldId([7; 32]), generation: 1 };
    let mailbox_goes = Write::RemoveMailbox(MailboxId([1; 32]));
    applied(
        &store,
        &[
            Write::RemoveHold(key),
            hold(7, 2, 610),
            mailbox_goes,
            Write::Mailbox(mailbox(1)),
            put(1, 500),
        ],
    );
    drop(store);
    fs::write(folder.path().join("ledger"), ledger).unwrap();
    folder::ask_for_rebuild(folder.path());
    let store = opened(folder.path());
    let loaded = store.load().unwrap();
    assert_eq!(loaded.holds.iter().map(|hold| hold.key.generation).collect::<Vec<_>>(), [2]);
    assert_eq!(loaded.mailboxes, [mailbox(1)]);
    let sequences: Vec<u64> = loaded.envelopes.iter().map(|stored| stored.sequence).collect();
    assert_eq!(sequences, [500]);
}
