//! A log with a segment behind the one in which it ends.

use super::*;
use crate::store::sled::database::SEGMENT;
use crate::store::{ledger, record};
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

const HEAD: u64 = 20;
const PUT: u8 = 7;

fn head(lsn: u64, stable_lsn: u64) -> Vec<u8> {
    const FLIP: u64 = 0x7fff_ffff_ffff_ffff;
    let rest = [(lsn ^ FLIP).to_le_bytes(), (stable_lsn ^ FLIP).to_le_bytes()].concat();
    [&(crc32fast::hash(&rest) ^ u32::MAX).to_le_bytes()[..], &rest].concat()
}

/// A message of segment 1 that holds an envelope.
fn message(commit: u64) -> Vec<u8> {
    let key = envelope_key(&MailboxId([1; 32]), 9_000);
    let Write::Put(stored, envelope) = put(1, 9_000) else { panic!() };
    let body = record::sealed_envelope(commit, &key, &stored, &envelope);
    let [high, low] = (body.len() as u16 - 2288).to_be_bytes();
    let (number, page) = (1, 99);
    let rest = [PUT, 249, high, low, number, page];
    let checksum = crc32fast::hash(&[&body[..], &rest].concat()) ^ u32::MAX;
    [&checksum.to_le_bytes()[..], &rest, &body].concat()
}

/// What the next start finds with a segment behind the open one, `stable_lsn` in its head, and in it, if it holds
/// anything, an envelope of the commit so many after the last one.
fn found(stable_lsn: u64, after_last: Option<u64>) -> Findings {
    let folder = folder();
    let known = ledger::read(folder.path()).unwrap().commit;
    let path = folder.path().join("sled/db");
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let message = after_last.map(|after| message(known + after)).unwrap_or_default();
    let bytes = [head(SEGMENT as u64, stable_lsn), message].concat();
    file.write_all_at(&bytes, SEGMENT as u64).unwrap();
    for snapshot in fs::read_dir(path.parent().unwrap()).unwrap() {
        let snapshot = snapshot.unwrap().path();
        if snapshot.file_name().unwrap().to_string_lossy().starts_with("snap.") {
            fs::remove_file(snapshot).unwrap();
        }
    }
    let store = opened(folder.path());
    let findings = store.findings();
    assert_eq!(readable(&store), COUNT);
    works(folder.path(), store);
    findings
}

#[test]
fn a_segment_of_what_was_not_committed_yet_is_left_by_a_kill() {
    let findings = found(HEAD, Some(1));
    assert_eq!(findings, Findings { ledger: true, ..Findings::default() });
}

#[test]
fn a_segment_of_what_was_committed_shows_that_the_one_before_is_damaged() {
    assert!(found(HEAD, Some(0)).rebuilt);
}

#[test]
fn a_log_that_was_whole_up_to_behind_its_open_segment_is_damaged() {
    assert!(found(SEGMENT as u64 - 1, None).rebuilt);
}

/// sled clears a segment without a page that lives when it opens, also the last but one; its snapshot is behind that.
#[test]
fn a_log_from_which_sled_has_cleared_segments_is_in_order() {
    many_lives(&|_| {});
}

/// Without its snapshot sled does not find the beginning of such a log, takes the database for an empty one, and clears it.
#[test]
fn a_damaged_snapshot_of_a_log_from_which_segments_were_cleared_loses_nothing() {
    many_lives(&|folder| {
        let copy = tempfile::tempdir().unwrap();
        damage::copy(folder, copy.path());
        for path in fs::read_dir(copy.path().join("sled")).unwrap() {
            let path = path.unwrap().path();
            if path.file_name().unwrap().to_string_lossy().starts_with("snap.") {
                let mut bytes = fs::read(&path).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(&path, bytes).unwrap();
            }
        }
        let store = opened(copy.path());
        let Findings { envelopes, holds, .. } = store.findings();
        assert_eq!((envelopes, holds), (0, 0));
        assert!(store.envelope(&MailboxId([1; 32]), 500_000).unwrap().is_some());
    });
}

/// `look` is shown the folder after each.
fn many_lives(look: &dyn Fn(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    for life in 0..24 {
        let store = opened(folder.path());
        assert!(!store.findings().rebuilt, "in life {life}");
        applied(&store, &[Write::Mailbox(mailbox(1)), mark()]);
        for group in 0..life % 8 {
            let numbers = || (0..100).map(|at| life * 10_000 + group * 100 + at);
            applied(&store, &numbers().map(|at| put(1, at)).collect::<Vec<_>>());
            applied(&store, &numbers().map(|at| remove(1, at)).collect::<Vec<_>>());
        }
        // One that stays, and is written anew: all that lives is young.
        applied(&store, &[remove(1, 500_000)]);
        applied(&store, &[put(1, 500_000)]);
        synced(&store);
        applied(&store, &[mark(), Write::Mailbox(mailbox(1))]);
        drop(store);
        look(folder.path());
    }
}
