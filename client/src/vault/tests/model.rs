//! Any sequence of operations does what it does to a map.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Op {
    Put(u8, Vec<u8>),
    Get(u8),
    Contains(u8),
    Delete(u8),
    List(u8),
    Count,
    CommitAndReopen,
    Abandon,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let key = 0u8..12;
    let value = prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..200),
        2 => prop::collection::vec(any::<u8>(), 200..6000),
    ];
    let op = prop_oneof![
        8 => (key.clone(), value).prop_map(|(k, v)| Op::Put(k, v)),
        3 => key.clone().prop_map(Op::Get),
        2 => key.clone().prop_map(Op::Contains),
        4 => key.prop_map(Op::Delete),
        2 => any::<u8>().prop_map(Op::List),
        1 => Just(Op::Count),
        1 => Just(Op::CommitAndReopen),
        1 => Just(Op::Abandon),
    ];
    prop::collection::vec(op, 1..60)
}

#[derive(Clone, Default)]
struct Model {
    /// Key to position and value.
    records: BTreeMap<u8, (u64, Vec<u8>)>,
}

impl Model {
    fn in_order(&self, after: u64) -> Vec<(u64, Vec<u8>)> {
        let mut all: Vec<_> = self.records.values().filter(|r| r.0 > after).cloned().collect();
        all.sort();
        all
    }
}

fn apply(tx: &Tx<'_>, op: &Op, model: &mut Model, last: &mut u64) -> Result<(), VaultError> {
    match op {
        Op::Put(key, value) => {
            tx.put::<Blob>(&[*key], value)?;
            if let Some(record) = model.records.get_mut(key) {
                record.1.clone_from(value);
            } else {
                let (position, found) = tx.list::<Blob>()?.pop().unwrap();
                assert!(position > *last, "positions grow and are never used again");
                assert_eq!(&found, value);
                *last = position;
                model.records.insert(*key, (position, value.clone()));
            }
        }
        Op::Get(key) => {
            assert_eq!(tx.get::<Blob>(&[*key])?, model.records.get(key).map(|r| r.1.clone()));
        }
        Op::Contains(key) => {
            assert_eq!(tx.contains::<Blob>(&[*key])?, model.records.contains_key(key));
        }
        Op::Delete(key) => {
            assert_eq!(tx.delete::<Blob>(&[*key])?, model.records.remove(key).is_some());
        }
        Op::List(after) => {
            assert_eq!(tx.list_after::<Blob>((*after).into())?, model.in_order((*after).into()));
        }
        Op::Count => assert_eq!(tx.count::<Blob>()?, model.records.len() as u64),
        Op::CommitAndReopen | Op::Abandon => {}
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_does_what_it_does_to_a_map(ops in ops()) {
        let (dir, mut vault) = new();
        let mut model = Model::default();
        let mut last = 0;
        for transaction in ops.split_inclusive(|op| matches!(op, Op::CommitAndReopen | Op::Abandon)) {
            let mut next = model.clone();
            // What was abandoned may be given out again: only a commit makes a position known.
            let mut next_last = last;
            let committed = vault.write(|tx| {
                for op in transaction {
                    apply(tx, op, &mut next, &mut next_last)?;
                }
                if matches!(transaction.last(), Some(Op::Abandon)) {
                    return Err(VaultError::Busy);
                }
                Ok(())
            });
            match committed {
                Ok(()) => (model, last) = (next, next_last),
                Err(VaultError::Busy) => {}
                Err(error) => panic!("{error}"),
            }
            vault = open(&dir);
            prop_assert_eq!(
                vault.read::<_, VaultError>(|tx| tx.list::<Blob>()).unwrap(),
                model.in_order(0)
            );
        }
    }
}
