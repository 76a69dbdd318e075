use velar_protocol::wire::{ChildId, DeliveryOutcome, SendTokenHash};

use super::*;
use crate::store::{ClockMark, HeldDelivery, HoldRecord, MailboxRecord, SpentChild, SpentChildren};

#[test]
fn a_changed_bit_a_cut_or_a_foreign_key_does_not_check_out() {
    let value = sealed(Kind::Mailbox, 7, b"key", b"body");
    assert_eq!(opened(Kind::Mailbox, b"key", &value), Some((7, &b"body"[..])));
    assert_eq!(opened(Kind::Mailbox, b"kez", &value), None);
    assert_eq!(opened(Kind::Hold, b"key", &value), None);
    for byte in 0..value.len() {
        let mut bad = value.clone();
        bad[byte] ^= 4;
        assert_eq!(parse(&bad), None, "byte {byte}");
        assert_eq!(parse(&value[..byte]), None);
    }
    let mut longer = value.clone();
    longer.push(0);
    assert_eq!(parse(&longer).map(|raw| raw.len), Some(value.len()), "where it ends is known");
    assert_eq!(opened(Kind::Mailbox, b"key", &longer), None);
}

#[test]
fn an_index_entry_checks_out_under_its_own_key_alone() {
    let mailbox = MailboxId([1; 32]);
    let stored = StoredEnvelope {
        mailbox,
        sequence: 5,
        received_hour: 6,
        kept_since_hour: 7,
        digest: [8; 16],
    };
    let key = envelope_key(&mailbox, 5);
    let value = index_value(&key, &stored);
    assert_eq!(index_entry(&key, &value), Some(stored));
    assert_eq!(index_entry(&envelope_key(&mailbox, 6), &value), None);
    for byte in 0..value.len() {
        let mut bad = value.clone();
        bad[byte] ^= 1;
        assert_eq!(index_entry(&key, &bad), None, "byte {byte}");
        assert_eq!(index_entry(&key, &value[..byte]), None);
    }
}

#[test]
fn records_survive_their_bytes_and_no_truncation_of_them_panics() {
    let mailbox_record = MailboxRecord {
        id: MailboxId([1; 32]),
        sequence_ceiling: 9,
        expired: 3,
        used_day: 20_000,
        access: 0x0102,
        tokens: vec![SendTokenHash([2; 32]), SendTokenHash([3; 32])],
    };
    let body = mailbox_body(&mailbox_record);
    assert_eq!(mailbox(mailbox_record.id, &body), Some(mailbox_record));
    let record = HoldRecord {
        key: HeldKey { id: HoldId([4; 32]), generation: 5 },
        due_s: 6,
        deliveries: [DeliveryOutcome::Held, DeliveryOutcome::Refused, DeliveryOutcome::Full]
            .map(|outcome| HeldDelivery { token: SendTokenHash([7; 32]), outcome })
            .to_vec(),
    };
    let held = hold_body(&record);
    assert_eq!(hold(record.key.id, &held), Some(record.clone()));
    let mark = ClockMark { hold_ms: 1, age_ms: 2, wall_ms: 3, pending_ms: 4 };
    let marked = clock_body(&mark);
    assert_eq!(clock(&marked), Some(mark));
    for len in 0..body.len() {
        let _ = mailbox(MailboxId([1; 32]), &body[..len]);
    }
    for len in 0..held.len() {
        assert_ne!(hold(record.key.id, &held[..len]).as_ref(), Some(&record));
    }
    for len in 0..marked.len() {
        assert_eq!(clock(&marked[..len]), None);
    }
    let children = [1, 2].map(|byte| SpentChild { id: ChildId([byte; 16]), until_s: 9 });
    let used = SpentChildren { access: 0x0102, children: children.to_vec() };
    let listed = spent_body(&used);
    assert_eq!(spent(0x0102, &listed).as_ref(), Some(&used));
    let opening = opening_body(&used);
    assert_eq!(spent(0x0102, &opening).as_ref(), Some(&used));
    assert!(opens(&opening) && !opens(&listed) && !opens(&[]));
    for len in 0..listed.len() {
        assert_ne!(spent(0x0102, &listed[..len]).as_ref(), Some(&used));
    }
    assert_eq!(spent_key(0x0102)[..4], [b's', 2, 1, 0]);
    let key = held_key(record.key, 3);
    assert_eq!(held_place(&key), Some((record.key, 3)));
    assert_eq!(envelope_place(&key), None, "no key of one kind is one of the other");
}
