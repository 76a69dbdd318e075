//! Used children of access tokens: whatever happens to the store, none of them may be used again.

use velar_protocol::wire::ChildId;

use super::*;
use crate::store::record::spent_key;
use crate::store::{SpentChild, SpentChildren};

fn used(ids: &[u8]) -> SpentChildren {
    let child = |id: &u8| SpentChild { id: ChildId([*id; 16]), until_s: 1_800_000_000 };
    SpentChildren { access: 9, children: ids.iter().map(child).collect() }
}

fn remembered(folder: &Path) -> Vec<SpentChildren> {
    opened(folder).load().unwrap().spent
}

#[test]
fn used_children_outlive_damage_a_rebuild_a_lost_ledger_and_a_repair() {
    let folder = folder();
    let store = opened(folder.path());
    applied(&store, &[Write::OpenByChild { mailbox: mailbox(5), spent: used(&[1]) }]);
    applied(&store, &[Write::OpenByChild { mailbox: mailbox(6), spent: used(&[1, 2]) }]);
    drop(store);
    let all = [used(&[1, 2])];
    assert_eq!(remembered(folder.path()), all);

    let store = opened(folder.path());
    let database = database(&store);
    database.insert(Table::Records, &spent_key(9), b"nonsense").unwrap();
    database.sync().unwrap();
    drop((database, store));
    assert_eq!(remembered(folder.path()), all, "taken from the ledger");

    folder::ask_for_rebuild(folder.path());
    assert_eq!(remembered(folder.path()), all, "rebuilt");

    let new = tempfile::tempdir().unwrap();
    repair(folder.path(), new.path()).unwrap();
    assert_eq!(remembered(new.path()), all, "repaired");

    fs::remove_file(folder.path().join("ledger")).unwrap();
    assert_eq!(remembered(folder.path()), all, "without its ledger");
}

#[test]
fn the_commit_of_a_used_child_names_no_mailbox_but_the_last() {
    let folder = folder();
    let store = opened(folder.path());
    let database = database(&store);
    let commits = |id: u8| {
        let mailbox = record_key(Kind::Mailbox, &[id; 32]);
        [&mailbox[..], &spent_key(9)].map(|key| {
            let value = database.get(Table::Records, key).unwrap().unwrap();
            crate::store::record::parse(&value).unwrap().commit
        })
    };
    applied(&store, &[Write::OpenByChild { mailbox: mailbox(5), spent: used(&[1]) }]);
    let [opened, spent] = commits(5);
    assert_eq!(opened, spent);
    applied(&store, &[Write::OpenByChild { mailbox: mailbox(6), spent: used(&[1, 2]) }]);
    let [opened, spent] = commits(5);
    assert!(opened < spent, "one record for all of them");
}
