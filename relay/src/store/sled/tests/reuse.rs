//! Segments that sled uses again.

use super::*;
use crate::store::sled::database::SEGMENT;

const GROUP: u64 = 1024;

/// The worst that a power cut can leave of a group, with the last state that was synced: only what was written over something
/// else. `None`: nothing was.
fn worst(synced: &[u8], now: &[u8]) -> Option<Vec<u8>> {
    let is_used = |bytes: &[u8]| bytes.iter().any(|byte| *byte != 0);
    let mut left = synced.to_vec();
    for (start, was) in (0..).step_by(SEGMENT).zip(synced.chunks(SEGMENT)) {
        let Some(is) = now.get(start..).map(|rest| &rest[..rest.len().min(SEGMENT)]) else { break };
        // Its head: it is another segment.
        if is_used(was) && is.get(..20) != was.get(..20) {
            left.resize(left.len().max(start + is.len()), 0);
            left[start..start + is.len()].copy_from_slice(is);
        }
    }
    (left != synced).then_some(left)
}

/// sled moves what lives out of a segment, and writes over that within the same group, if it is a large one.
#[test]
fn what_is_written_over_within_a_group_has_been_synced_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let store = opened(folder.path());
    applied(&store, &(1..=4).map(|id| Write::Mailbox(mailbox(id))).collect::<Vec<_>>());
    let path = folder.path().join("sled/db");
    let (mut came, mut went) = (0, 0);
    let place = |at: u64| ((at % 4 + 1) as u8, at / 4);
    let (mut groups, mut cuts, mut syncs) = (0, 0, 0);
    while groups < 12 {
        let mut synced = fs::read(&path).unwrap();
        let ledger = fs::read(folder.path().join("ledger")).unwrap();
        let mut writes = Vec::new();
        for _ in 0..GROUP {
            writes.push(put(place(came).0, place(came).1));
            came += 1;
            if came - went > 2 * GROUP {
                writes.push(remove(place(went).0, place(went).1));
                went += 1;
            }
        }
        for write in writes {
            let before = database(&store).synced_segment();
            store.apply(&[write]).unwrap();
            if database(&store).synced_segment() != before {
                synced = fs::read(&path).unwrap();
                syncs += 1;
            }
        }
        database(&store).flush();
        if let Some(left) = worst(&synced, &fs::read(&path).unwrap()) {
            let cut = tempfile::tempdir().unwrap();
            fs::create_dir(cut.path().join("sled")).unwrap();
            fs::write(cut.path().join("sled/db"), &left).unwrap();
            fs::write(cut.path().join("ledger"), ledger).unwrap();
            folder::ask_for_rebuild(cut.path());
            assert_eq!(opened(cut.path()).findings().envelopes, 0, "in group {groups}");
            cuts += 1;
        }
        store.commit().unwrap();
        groups += 1;
    }
    assert!(syncs < 8 * groups, "{syncs} syncs within {groups} groups, {cuts} cuts");
}
