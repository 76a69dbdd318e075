use std::cell::{Cell, RefCell};

use velar_protocol::wire::{ChildId, DeliveryOutcome, HoldId, MailboxId, SendTokenHash};

use super::*;
use crate::store::{
    ClockMark, HeldDelivery, HeldKey, HoldRecord, LostHold, MailboxRecord, SpentChild,
    SpentChildren, StoredEnvelope,
};

fn mailbox(id: u8) -> Entry {
    Entry::Mailbox(MailboxRecord {
        id: MailboxId([id; 32]),
        sequence_ceiling: 9,
        expired: 1,
        used_day: 2,
        access: 3,
        tokens: vec![SendTokenHash([id; 32])],
    })
}

fn envelope(id: u8, sequence: u64) -> Entry {
    Entry::Envelope(StoredEnvelope {
        mailbox: MailboxId([id; 32]),
        sequence,
        received_hour: 3,
        kept_since_hour: 4,
        digest: [sequence as u8; 16],
    })
}

fn spent(id: u8) -> SpentChild {
    SpentChild { id: ChildId([id; 16]), until_s: 10 }
}

fn hold(id: u8) -> Entry {
    let delivery = HeldDelivery { token: SendTokenHash([1; 32]), outcome: DeliveryOutcome::Held };
    let key = HeldKey { id: HoldId([id; 32]), generation: 1 };
    Entry::Hold(HoldRecord { key, due_s: 5, deliveries: vec![delivery] })
}

/// One of each, in an order in which some go again.
fn all() -> Vec<Entry> {
    vec![
        mailbox(1),
        mailbox(2),
        envelope(1, 1),
        envelope(1, 2),
        envelope(1, 3),
        envelope(2, 1),
        hold(1),
        hold(2),
        hold(3),
        hold(4),
        Entry::LostHold(LostHold { id: HoldId([5; 32]), until_s: 6 }),
        Entry::LostHold(LostHold { id: HoldId([6; 32]), until_s: 7 }),
        Entry::Spent(SpentChildren { access: 3, children: vec![spent(8), spent(9)] }),
        Entry::Spent(SpentChildren { access: 4, children: Vec::new() }),
        Entry::Clock(ClockMark { hold_ms: 1, age_ms: 2, wall_ms: 3, pending_ms: 4 }),
        Entry::RemoveEnvelope(MailboxId([1; 32]), 1),
        Entry::ExpireEnvelope(MailboxId([1; 32]), 2),
        Entry::RemoveMailbox(MailboxId([2; 32])),
        Entry::RemoveHold(HoldId([1; 32])),
        Entry::ReleaseHold(HoldId([2; 32])),
        Entry::ReplaceHold { old: HoldId([3; 32]), new: HoldId([4; 32]) },
        Entry::ForgetLostHold(HoldId([6; 32])),
    ]
}

fn state(entries: &[Entry]) -> State {
    let mut state = State::default();
    for entry in entries {
        state.take(7, entry.clone());
    }
    state
}

fn bytes(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    entries.iter().for_each(|entry| entry.encode(7, &mut bytes));
    bytes
}

/// What a ledger of these frames says.
fn appended(folder: &Path, frames: &[&[Entry]]) -> Ledger {
    let mut ledger = Ledger::create(folder, 6, &State::default()).unwrap();
    for (commit, frame) in (7..).zip(frames) {
        ledger.append(commit, &bytes(frame)).unwrap();
    }
    ledger
}

#[test]
fn what_was_appended_is_read_and_rewritten_alike() {
    let folder = tempfile::tempdir().unwrap();
    let entries = all();
    let (first, second) = entries.split_at(8);
    let mut ledger = appended(folder.path(), &[first, second]);
    let found = read(folder.path()).unwrap();
    assert_eq!((&found.state, found.commit), (&state(&entries), 8));
    assert_eq!(found.len, ledger.len());
    assert_eq!((found.state.mailboxes.len(), found.state.holds.len()), (1, 1));
    assert_eq!(found.state.envelope_count(), 1);

    // Rewritten in another thread, while it goes on.
    let rewritten = rewrite(folder.path(), ledger.len(), |_| true).unwrap();
    ledger.append(9, &bytes(&[envelope(1, 9)])).unwrap();
    let before = ledger.len();
    ledger.replace(folder.path(), rewritten).unwrap();
    assert!(ledger.len() < before);
    ledger.append(10, &bytes(&[envelope(1, 10)])).unwrap();
    let found = read(folder.path()).unwrap();
    let wanted = [&entries[..], &[envelope(1, 9), envelope(1, 10)]].concat();
    assert_eq!((found.state, found.commit), (state(&wanted), 10));
}

/// What lives of a long one would be more than a running relay has memory for.
#[test]
fn a_long_ledger_is_rewritten_in_parts_that_are_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let named = |number: u32| {
        let mut name = [3; 32];
        name[..4].copy_from_slice(&number.to_be_bytes());
        name
    };
    let mut entries = all();
    for number in 0..140_000 {
        let mut stored = StoredEnvelope {
            mailbox: MailboxId(named(number / 10)),
            sequence: number.into(),
            received_hour: 3,
            kept_since_hour: 4,
            digest: [5; 16],
        };
        entries.push(Entry::Envelope(stored));
        stored.sequence += 1_000_000;
        if number % 2 == 0 {
            entries.push(Entry::Envelope(stored));
            entries.push(Entry::RemoveEnvelope(stored.mailbox, number.into()));
        }
        if number % 100 == 0 {
            entries.push(Entry::Hold(HoldRecord {
                key: HeldKey { id: HoldId(named(number)), generation: 1 },
                due_s: 5,
                deliveries: Vec::new(),
            }));
        }
        if number % 1000 == 999 {
            let old = HoldId(named(number - 999));
            entries.push(Entry::ReplaceHold { old, new: HoldId(named(number)) });
        }
    }
    let frames: Vec<&[Entry]> = entries.chunks(10_000).collect();
    let mut ledger = appended(folder.path(), &frames);
    let wanted = read(folder.path()).unwrap();
    let parts = ledger.len().div_ceil(REWRITTEN_AT_ONCE);
    assert!(parts >= 2);
    let keyed = RandomState::new();
    let of =
        |part| part_of(folder.path(), ledger.len(), (part, parts), true, &keyed).unwrap().unwrap();
    let counts: Vec<u64> = (0..parts).map(|part| of(part).state.envelope_count()).collect();
    let all = wanted.state.envelope_count();
    assert_eq!(counts.iter().sum::<u64>(), all);
    assert!(counts.iter().all(|count| *count < all * 5 / 4 / parts), "{counts:?}");

    let parts = Cell::new(0);
    let count = |_| parts.replace(parts.get() + 1) < u64::MAX;
    let rewritten = rewrite(folder.path(), ledger.len(), count).unwrap();
    assert!(parts.get() >= 2);
    ledger.replace(folder.path(), rewritten).unwrap();
    let found = read(folder.path()).unwrap();
    assert!(found.state == wanted.state);
    assert_eq!(found.commit, wanted.commit);
}

/// Somebody extends a hold again and again.
#[test]
fn a_long_ledger_of_which_little_lives_is_read_once_and_needs_little_room() {
    let folder = tempfile::tempdir().unwrap();
    let many = vec![hold(1); 1000];
    let mut ledger = appended(folder.path(), &[&all()]);
    for commit in 8.. {
        ledger.append(commit, &bytes(&many)).unwrap();
        if ledger.len() > 3 * REWRITTEN_AT_ONCE {
            break;
        }
    }
    let wanted = read(folder.path()).unwrap();
    let no_room = rewrite(folder.path(), ledger.len(), |_| false).map(drop).unwrap_err();
    assert_eq!(no_room.kind(), io::ErrorKind::StorageFull);

    let asked = RefCell::new(Vec::new());
    let has_room = |bytes| {
        asked.borrow_mut().push(bytes);
        true
    };
    let rewritten = rewrite(folder.path(), ledger.len(), has_room).unwrap();
    let len = rewritten.len();
    assert!(matches!(asked.borrow()[..], [bytes] if bytes < 4096), "{asked:?}");
    assert!(len < 4096);
    // It goes on meanwhile, by more than is copied at once.
    let upto = ledger.len();
    let commit = wanted.commit + 1;
    while ledger.len() - upto <= COPIED_AT_ONCE as u64 {
        ledger.append(commit, &bytes(&many)).unwrap();
    }
    let tail = ledger.len() - upto;
    ledger.append(commit + 1, &bytes(&[envelope(1, 10)])).unwrap();
    let last = ledger.len() - upto - tail;
    ledger.replace(folder.path(), rewritten).unwrap();
    assert_eq!(ledger.len(), len + tail + last);
    let found = read(folder.path()).unwrap();
    assert_eq!((found.commit, found.len), (commit + 1, ledger.len()));
    let mut state = wanted.state;
    state.take(7, hold(1));
    state.take(7, envelope(1, 10));
    assert!(found.state == state);
}

#[test]
fn of_a_ledger_that_is_cut_or_changed_all_before_that_place_is_read_and_nothing_after() {
    let folder = tempfile::tempdir().unwrap();
    let entries = all();
    let (first, second) = entries.split_at(8);
    let len = appended(folder.path(), &[first]).len();
    drop(appended(folder.path(), &[first, second, &[envelope(1, 9)]]));
    let path = folder.path().join(NAME);
    let whole = fs::read(&path).unwrap();
    let middle = usize::try_from(len).unwrap();
    for at in (middle..whole.len()).step_by(7) {
        fs::write(&path, &whole[..at]).unwrap();
        assert!(read(folder.path()).unwrap().commit <= 8);
        let mut bad = whole.clone();
        bad[at] ^= 0x10;
        fs::write(&path, bad).unwrap();
        let found = read(folder.path()).unwrap();
        assert!(found.commit <= 8 && found.len >= len, "{}", found.commit);
        assert!(found.commit > 7 || found.state == state(first));
    }
}

#[test]
fn what_follows_a_torn_end_is_appended_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let entries = all();
    drop(appended(folder.path(), &[&entries]));
    let path = folder.path().join(NAME);
    let mut torn = fs::read(&path).unwrap();
    let len = torn.len() as u64;
    torn.extend_from_slice(&framed(8, &bytes(&[envelope(1, 9)])).unwrap()[..20]);
    fs::write(&path, torn).unwrap();
    let found = read(folder.path()).unwrap();
    assert_eq!(found.len, len);
    let mut ledger = Ledger::resume(folder.path(), found.len).unwrap();
    ledger.append(8, &bytes(&[envelope(1, 10)])).unwrap();
    let wanted = [&entries[..], &[envelope(1, 10)]].concat();
    assert_eq!(read(folder.path()).unwrap().state, state(&wanted));
}

#[test]
fn no_bytes_make_reading_panic_or_take_memory() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&u32::MAX.to_le_bytes());
    bytes.extend_from_slice(&[7; 100]);
    fs::write(folder.path().join(NAME), bytes).unwrap();
    assert_eq!(read(folder.path()).unwrap().commit, 0);
    let entries = bytes_of_all();
    for at in 0..entries.len() {
        for change in [1, 0x80] {
            let mut bad = entries.clone();
            bad[at] ^= change;
            let mut rest = &bad[..];
            while !rest.is_empty() && Entry::decode(&mut rest).is_some() {}
        }
    }
}

fn bytes_of_all() -> Vec<u8> {
    bytes(&all())
}
