//! One suite that every store passes. The memory store is also the model for random
//! sequences of writes with a reopening in the middle.

use std::path::Path;

use proptest::prelude::*;
use velar_protocol::wire::{ChildId, DeliveryOutcome, Envelope, HoldId, MailboxId, SendTokenHash};

use super::{
    ClockMark, HeldDelivery, HeldKey, HoldRecord, Loaded, LostHold, MailboxRecord, MemoryStore,
    SledStore, SpentChild, SpentChildren, Store, StoreError, StoredEnvelope, Write,
};

fn envelope(byte: u8) -> Envelope {
    Envelope::new(vec![byte; 4096]).unwrap()
}

fn mailbox(id: u8) -> MailboxRecord {
    MailboxRecord {
        id: MailboxId([id; 32]),
        sequence_ceiling: 1024,
        expired: 2,
        used_day: 20_000,
        access: u16::from(id),
        tokens: vec![SendTokenHash([id; 32]), SendTokenHash([id + 100; 32])],
    }
}

fn put(mailbox: u8, sequence: u64) -> Write {
    let stored = StoredEnvelope {
        mailbox: MailboxId([mailbox; 32]),
        sequence,
        received_hour: 500_000 + sequence as u32,
        kept_since_hour: 470_000 + sequence as u32,
        digest: [sequence as u8; 16],
    };
    Write::Put(stored, envelope(sequence as u8))
}

fn hold_key(id: u8, generation: u32) -> HeldKey {
    HeldKey { id: HoldId([id; 32]), generation }
}

fn hold(id: u8, generation: u32, replaces: Option<HeldKey>) -> Write {
    let delivery = |outcome| HeldDelivery { token: SendTokenHash([id; 32]), outcome };
    let record = HoldRecord {
        key: hold_key(id, generation),
        due_s: 1_800_000_000,
        deliveries: vec![delivery(DeliveryOutcome::Refused), delivery(DeliveryOutcome::Held)],
    };
    Write::Hold { record, envelopes: vec![(1, envelope(generation as u8))], replaces }
}

fn mark(hold_ms: u64) -> ClockMark {
    ClockMark { hold_ms, age_ms: hold_ms + 1, wall_ms: hold_ms + 2, pending_ms: hold_ms + 3 }
}

fn applied(store: &dyn Store, writes: &[Write]) {
    store.apply(writes).unwrap();
    store.commit().unwrap();
}

fn keeps_what_it_is_given_and_forgets_what_it_is_told(store: &dyn Store) {
    assert_eq!(store.load().unwrap(), Loaded::default());
    let (one, two) = (MailboxId([1; 32]), MailboxId([2; 32]));
    applied(
        store,
        &[
            Write::Mailbox(mailbox(1)),
            Write::Mailbox(mailbox(2)),
            put(2, 300),
            put(2, 7),
            put(1, 9),
            Write::Clock(mark(5)),
            Write::Clock(mark(6)),
        ],
    );
    let loaded = store.load().unwrap();
    assert_eq!(loaded.mailboxes, [mailbox(1), mailbox(2)]);
    let order: Vec<_> = loaded.envelopes.iter().map(|it| (it.mailbox, it.sequence)).collect();
    assert_eq!(order, [(one, 9), (two, 7), (two, 300)], "by mailbox and number, not by bytes");
    assert_eq!(
        (loaded.envelopes[0].received_hour, loaded.envelopes[0].kept_since_hour),
        (500_009, 470_009)
    );
    assert_eq!(loaded.envelopes[0].digest, [9; 16]);
    assert_eq!((loaded.clock, loaded.set_aside), (Some(mark(6)), 0));
    assert_eq!(store.envelope(&two, 7).unwrap(), Some(envelope(7)));
    assert_eq!(store.envelope(&two, 8).unwrap(), None);

    applied(
        store,
        &[
            Write::Remove { mailbox: two, sequence: 7 },
            Write::Remove { mailbox: two, sequence: 8 },
            Write::Mailbox(MailboxRecord { expired: 3, tokens: vec![], ..mailbox(1) }),
        ],
    );
    assert_eq!(store.envelope(&two, 7).unwrap(), None);
    assert_eq!(store.load().unwrap().mailboxes[0].expired, 3);

    applied(store, &[Write::RemoveMailbox(two), put(1, 10)]);
    let loaded = store.load().unwrap();
    assert_eq!((loaded.mailboxes.len(), loaded.envelopes.len()), (1, 2));
    assert_eq!(store.envelope(&two, 300).unwrap(), None);
}

fn replaces_and_removes_holds_in_one_step(store: &dyn Store) {
    // A mailbox of the same bytes as a hold must not be touched by it, nor touch it.
    applied(store, &[Write::Mailbox(mailbox(1)), put(1, 1), hold(1, 1, None), hold(2, 1, None)]);
    assert_eq!(store.held(hold_key(1, 1), 1).unwrap(), Some(envelope(1)));
    assert_eq!(store.held(hold_key(1, 1), 0).unwrap(), None);
    assert_eq!(store.load().unwrap().holds.len(), 2);

    applied(store, &[hold(1, 2, Some(hold_key(1, 1))), hold(3, 5, Some(hold_key(2, 1)))]);
    let keys: Vec<_> = store.load().unwrap().holds.iter().map(|hold| hold.key).collect();
    assert_eq!(keys, [hold_key(1, 2), hold_key(3, 5)]);
    assert_eq!(store.held(hold_key(1, 1), 1).unwrap(), None);
    assert_eq!(store.held(hold_key(1, 2), 1).unwrap(), Some(envelope(2)));
    assert_eq!(store.held(hold_key(2, 1), 1).unwrap(), None);

    let Write::Hold { record, .. } = hold(3, 5, None) else { unreachable!() };
    let extended = HoldRecord { due_s: 9, ..record };
    applied(store, &[Write::HoldRecord(extended.clone()), Write::RemoveHold(hold_key(1, 2))]);
    assert_eq!(store.load().unwrap().holds, [extended]);
    assert_eq!(store.held(hold_key(1, 2), 1).unwrap(), None);
    assert_eq!(store.held(hold_key(3, 5), 1).unwrap(), Some(envelope(5)));
    assert_eq!(store.envelope(&MailboxId([1; 32]), 1).unwrap(), Some(envelope(1)));
    applied(store, &[Write::RemoveMailbox(MailboxId([3; 32]))]);
    assert_eq!(store.held(hold_key(3, 5), 1).unwrap(), Some(envelope(5)));
}

fn remembers_lost_holds_until_told(store: &dyn Store) {
    let lost = |id, until_s| LostHold { id: HoldId([id; 32]), until_s };
    applied(store, &[hold(1, 1, None), Write::LostHold(lost(2, 8)), Write::LostHold(lost(1, 9))]);
    assert_eq!(store.load().unwrap().lost_holds, [lost(1, 9), lost(2, 8)]);
    assert_eq!(store.load().unwrap().holds.len(), 1, "a mark of the same name is not the hold");
    applied(store, &[Write::RemoveHold(hold_key(1, 1)), Write::LostHold(lost(1, 10))]);
    assert_eq!(store.load().unwrap().lost_holds, [lost(1, 10), lost(2, 8)]);
    let forget = |id| Write::ForgetLostHold(HoldId([id; 32]));
    applied(store, &[forget(1), forget(3)]);
    assert_eq!(store.load().unwrap().lost_holds, [lost(2, 8)]);
}

fn spent(access: u16, ids: &[u8]) -> SpentChildren {
    let child = |id: &u8| SpentChild { id: ChildId([*id; 16]), until_s: u64::from(*id) };
    SpentChildren { access, children: ids.iter().map(child).collect() }
}

fn remembers_used_children_until_told(store: &dyn Store) {
    let open = |id, spent| Write::OpenByChild { mailbox: mailbox(id), spent };
    applied(store, &[open(1, spent(300, &[1])), Write::Spent(spent(2, &[5, 6]))]);
    let loaded = store.load().unwrap();
    assert_eq!(loaded.mailboxes, [mailbox(1)]);
    assert_eq!(loaded.spent, [spent(2, &[5, 6]), spent(300, &[1])]);
    // What is remembered stays when the mailbox goes.
    applied(store, &[open(2, spent(300, &[1, 2])), Write::RemoveMailbox(MailboxId([1; 32]))]);
    applied(store, &[Write::Spent(spent(2, &[]))]);
    let loaded = store.load().unwrap();
    assert_eq!(loaded.mailboxes, [mailbox(2)]);
    assert_eq!(loaded.spent, [spent(300, &[1, 2])]);
}

fn sled(folder: &Path) -> SledStore {
    SledStore::open(folder, 16).unwrap()
}

#[test]
fn memory_keeps_the_contract() {
    keeps_what_it_is_given_and_forgets_what_it_is_told(&MemoryStore::default());
    replaces_and_removes_holds_in_one_step(&MemoryStore::default());
    remembers_lost_holds_until_told(&MemoryStore::default());
    remembers_used_children_until_told(&MemoryStore::default());
}

#[test]
fn sled_keeps_the_contract() {
    let folders = [(); 4].map(|()| tempfile::tempdir().unwrap());
    keeps_what_it_is_given_and_forgets_what_it_is_told(&sled(folders[0].path()));
    replaces_and_removes_holds_in_one_step(&sled(folders[1].path()));
    remembers_lost_holds_until_told(&sled(folders[2].path()));
    remembers_used_children_until_told(&sled(folders[3].path()));
}

#[test]
fn a_second_store_in_the_same_folder_is_refused_and_the_first_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let first = sled(folder.path());
    assert!(matches!(SledStore::open(folder.path(), 16), Err(StoreError::InUse(_))));
    applied(&first, &[Write::Mailbox(mailbox(1))]);
    drop(first);
    assert_eq!(sled(folder.path()).load().unwrap().mailboxes.len(), 1);
}

/// Anything a relay may ask of a store; few names, so that they meet.
fn any_write() -> impl Strategy<Value = Write> {
    let id = 1..4_u8;
    let key = (id.clone(), 1..3_u32).prop_map(|(id, generation)| hold_key(id, generation));
    prop_oneof![
        id.clone().prop_map(|id| Write::Mailbox(mailbox(id))),
        id.clone().prop_map(|id| Write::RemoveMailbox(MailboxId([id; 32]))),
        (id.clone(), 1..6_u64).prop_map(|(id, sequence)| put(id, sequence)),
        (id.clone(), 1..6_u64).prop_map(|(id, sequence)| {
            Write::Remove { mailbox: MailboxId([id; 32]), sequence }
        }),
        (id, 1..3_u32, proptest::option::of(key.clone()))
            // A new making never has the name of the one it replaces.
            .prop_map(|(id, generation, replaces)| {
                hold(id, generation, replaces.filter(|old| *old != hold_key(id, generation)))
            }),
        key.prop_map(Write::RemoveHold),
        (1..4_u8, 1..9_u64).prop_map(|(id, until_s)| {
            Write::LostHold(LostHold { id: HoldId([id; 32]), until_s })
        }),
        (1..4_u8).prop_map(|id| Write::ForgetLostHold(HoldId([id; 32]))),
        (1..4_u8, 1..4_u16, prop::collection::vec(1..9_u8, 0..3)).prop_map(|(id, access, ids)| {
            Write::OpenByChild { mailbox: mailbox(id), spent: spent(access, &ids) }
        }),
        (1..4_u16, prop::collection::vec(1..9_u8, 0..3))
            .prop_map(|(access, ids)| Write::Spent(spent(access, &ids))),
        (1..9_u64).prop_map(|hold_ms| Write::Clock(mark(hold_ms))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// The memory store is the model; sled is opened anew in the middle.
    #[test]
    fn sled_does_what_memory_does(
        before in prop::collection::vec(any_write(), 0..30),
        after in prop::collection::vec(any_write(), 0..30),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let model = MemoryStore::default();
        for writes in [before, after] {
            let store = sled(folder.path());
            prop_assert_eq!(store.load().unwrap(), model.load().unwrap());
            store.apply(&writes).unwrap();
            model.apply(&writes).unwrap();
            store.commit().unwrap();
            prop_assert_eq!(store.load().unwrap(), model.load().unwrap());
            for id in 1..4 {
                for sequence in 1..6 {
                    let id = MailboxId([id; 32]);
                    prop_assert_eq!(
                        store.envelope(&id, sequence).unwrap(),
                        model.envelope(&id, sequence).unwrap()
                    );
                }
                for generation in 1..3 {
                    let key = hold_key(id, generation);
                    prop_assert_eq!(store.held(key, 1).unwrap(), model.held(key, 1).unwrap());
                }
            }
        }
    }
}
