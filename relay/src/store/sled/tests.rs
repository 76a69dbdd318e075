//! Stores that were left in a bad state.

use std::fs;
use std::path::Path;

use velar_protocol::wire::SendTokenHash;

use super::*;
use crate::store::StoredEnvelope;

const COUNT: u64 = 120;

fn envelope(number: u64) -> Envelope {
    let mut bytes = vec![0; 4096];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = (number as usize * 31 + at * 7 + at / 256) as u8;
    }
    Envelope::new(bytes).unwrap()
}

fn mailbox() -> MailboxRecord {
    MailboxRecord {
        id: MailboxId([1; 32]),
        sequence_ceiling: 1024,
        expired: 0,
        used_day: 20_000,
        tokens: vec![SendTokenHash([2; 32])],
    }
}

fn put(sequence: u64) -> Write {
    let mailbox = mailbox().id;
    let stored = StoredEnvelope { mailbox, sequence, received_at_s: 9, digest: [0; 16] };
    Write::Put(stored, envelope(sequence))
}

/// A store with one mailbox and `COUNT` envelopes, closed in order.
fn filled(folder: &Path) {
    let store = SledStore::open(folder, 16).unwrap();
    store.apply(&Write::Mailbox(mailbox())).unwrap();
    for sequence in 0..COUNT {
        store.apply(&put(sequence)).unwrap();
    }
    store.apply(&Write::Alive(1_800_000_000)).unwrap();
    store.commit().unwrap();
}

/// Everything that can be read is as it was written, and any loss is reported. How many envelopes there are.
fn readable(store: &SledStore) -> u64 {
    let loaded = store.load().unwrap();
    let mut found = 0;
    for stored in &loaded.envelopes {
        if let Some(read) = store.envelope(&stored.mailbox, stored.sequence).unwrap() {
            assert!(read == envelope(stored.sequence), "a wrong envelope was served");
            found += 1;
        }
    }
    let reported = loaded.set_aside + store.set_aside.load(Ordering::Relaxed);
    let asked = store.folder.join("rebuild").exists();
    assert!(found == COUNT || reported > 0 || asked, "{found} of {COUNT}, and nothing said");
    found
}

/// The store takes in new things, commits, and opens again.
fn works(folder: &Path, store: SledStore) {
    store.apply(&put(5000)).unwrap();
    store.commit().unwrap();
    drop(store);
    let store = SledStore::open(folder, 16).unwrap();
    let read = store.envelope(&mailbox().id, 5000).unwrap();
    assert!(read == Some(envelope(5000)));
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    folder
}

#[test]
fn a_torn_snapshot_of_a_crashed_start_is_removed() {
    let folder = folder();
    fs::write(folder.path().join("sled/snap.FFFFFFFFFFFFFF.generating"), b"torn").unwrap();
    let store = SledStore::open(folder.path(), 16).unwrap();
    assert_eq!(readable(&store), COUNT);
    works(folder.path(), store);
}

#[test]
fn a_damaged_snapshot_is_moved_aside_and_everything_is_there() {
    let folder = folder();
    // Opening once more writes a snapshot of everything.
    drop(SledStore::open(folder.path(), 16).unwrap());
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
    let store = SledStore::open(folder.path(), 16).unwrap();
    assert_eq!(readable(&store), COUNT);
    works(folder.path(), store);
}

#[test]
fn flipped_bytes_are_never_served_and_never_a_panic() {
    let pristine = folder();
    let original = fs::read(pristine.path().join("sled/db")).unwrap();
    let used = original.iter().rposition(|byte| *byte != 0).unwrap();
    let mut kept = 0;
    let rounds = 12;
    for round in 0..rounds {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sled")).unwrap();
        fs::copy(pristine.path().join("mark"), folder.path().join("mark")).unwrap();
        for entry in fs::read_dir(pristine.path().join("sled")).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), folder.path().join("sled").join(entry.file_name())).unwrap();
            }
        }
        let mut bytes = original.clone();
        let at = used / rounds * round + used / (2 * rounds);
        bytes[at] ^= 0x55;
        fs::write(folder.path().join("sled/db"), bytes).unwrap();
        match SledStore::open(folder.path(), 16) {
            Ok(store) => {
                kept += readable(&store);
                works(folder.path(), store);
            }
            Err(error) => assert!(matches!(error, StoreError::Damaged { .. }), "{error}"),
        }
    }
    assert!(kept > 0);
}

#[test]
fn a_truncated_log_opens_with_what_is_left() {
    let folder = folder();
    let path = folder.path().join("sled/db");
    let bytes = fs::read(&path).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    fs::write(&path, &bytes[..used / 2]).unwrap();
    match SledStore::open(folder.path(), 16) {
        Ok(store) => {
            assert!(readable(&store) < COUNT);
            works(folder.path(), store);
        }
        Err(error) => assert!(matches!(error, StoreError::Damaged { .. }), "{error}"),
    }
}

#[test]
fn a_record_that_does_not_check_out_is_set_aside_and_reported() {
    let folder = folder();
    let store = SledStore::open(folder.path(), 16).unwrap();
    let key = record::envelope_key(&mailbox().id, 3);
    let mut value = store.trees.envelopes.get(key).unwrap().unwrap().to_vec();
    value[2000] ^= 1;
    store.trees.envelopes.insert(key, value).unwrap();
    let index_key = record::envelope_key(&mailbox().id, 4);
    store.trees.index.insert(index_key, &b"nonsense"[..]).unwrap();
    store.commit().unwrap();
    drop(store);

    let store = SledStore::open(folder.path(), 16).unwrap();
    let loaded = store.load().unwrap();
    assert_eq!((loaded.set_aside, loaded.envelopes.len() as u64), (1, COUNT - 1));
    assert_eq!(store.envelope(&mailbox().id, 3).unwrap(), None);
    assert_eq!(store.trees.aside.len(), 2, "kept for whoever investigates");
    works(folder.path(), store);
}

#[test]
fn a_store_that_asks_for_it_is_rebuilt_and_the_old_one_kept() {
    let folder = folder();
    start::ask_for_rebuild(folder.path());
    let store = SledStore::open(folder.path(), 16).unwrap();
    assert_eq!(readable(&store), COUNT);
    assert!(folder.path().join("damaged.1/db").exists());
    assert!(!folder.path().join("rebuild").exists());
    works(folder.path(), store);
    assert!(!folder.path().join("damaged.2").exists());
}

#[test]
fn a_copy_that_was_interrupted_changes_nothing() {
    let folder = folder();
    fs::create_dir(folder.path().join("sled.copy")).unwrap();
    fs::write(folder.path().join("sled.copy/db"), b"half").unwrap();
    let store = SledStore::open(folder.path(), 16).unwrap();
    assert_eq!(readable(&store), COUNT);
    assert!(!folder.path().join("sled.copy").exists());
}
