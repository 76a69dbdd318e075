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
