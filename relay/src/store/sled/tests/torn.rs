//! Power cuts that leave any part of the last group. sled reads its log up to the first gap; a rebuild finds what lies behind
//! it, too. So of what one group wrote each record is taken away, or stays alone, and all that is left is rebuilt, with a ledger
//! that has not heard of that group.

use std::collections::{BTreeMap, BTreeSet};

use super::crash::Op::{self, *};
use super::crash::{HOUR_S, Rig, START_S, World};
use super::damage::copy;
use super::*;
use crate::store::{ledger, record};

/// Places in the file, by what is there.
type Parts = BTreeMap<(u64, Kind, Vec<u8>), Vec<(usize, usize)>>;

fn script() -> Vec<Op> {
    vec![
        Open(1, &[1]),
        OpenBy(2, &[2, 3], 1),
        Together(&[Send(1, 10), Send(1, 11), Send(2, 12), Send(3, 13)]),
        Together(&[Ack(1, 10), Send(1, 14), Send(3, 15)]),
        Hold { id: 1, for_s: HOUR_S, to: &[(1, 30), (2, 31)], replaces: None },
        Extend(1, 2 * HOUR_S),
        Hold { id: 2, for_s: 3 * HOUR_S, to: &[(1, 40), (3, 41)], replaces: Some(1) },
        Hold { id: 2, for_s: 4 * HOUR_S, to: &[(1, 42), (3, 43)], replaces: Some(2) },
        Together(&[
            Ack(1, 11),
            Hold { id: 6, for_s: HOUR_S, to: &[(2, 60)], replaces: Some(2) },
            Send(1, 16),
        ]),
        Together(&[
            Hold { id: 7, for_s: HOUR_S, to: &[(1, 70), (2, 71)], replaces: None },
            Extend(7, 2 * HOUR_S),
            Hold { id: 8, for_s: 3 * HOUR_S, to: &[(1, 80), (2, 81)], replaces: Some(7) },
        ]),
        Lose(8),
        Send(2, 21),
        Hold { id: 8, for_s: 3 * HOUR_S, to: &[(1, 82), (2, 83)], replaces: None },
        Together(&[Hold { id: 9, for_s: HOUR_S, to: &[(1, 90)], replaces: None }, Extend(6, 60)]),
        Cancel(9),
        Together(&[Cancel(8), Ack(2, 12), Open(2, &[2])]),
        Pass(100),
        Together(&[Ack(2, 60), Close(1)]),
        Together(&[OpenBy(1, &[1], 2), Send(1, 17), Send(1, 18), Send(2, 19)]),
        Pass(15 * 86_400),
        Together(&[Close(2), Send(1, 20)]),
        OpenBy(2, &[2], 3),
    ]
}

fn images(op: &Op) -> Vec<Op> {
    match op {
        Together(ops) => ops.to_vec(),
        other => vec![other.clone()],
    }
}

/// What the last group wrote that the ledger has not heard of.
fn parts(folder: &Path) -> Parts {
    let known = ledger::read(folder).unwrap().commit;
    let bytes = fs::read(folder.join("sled/db")).unwrap();
    let mut parts = Parts::new();
    salvage::each_record(&bytes, &mut |at, raw| {
        if raw.commit > known {
            let part = parts.entry((raw.commit, raw.kind, raw.key.to_vec())).or_default();
            part.push((at, raw.len));
        }
    });
    let last = parts.keys().map(|(commit, ..)| *commit).max().unwrap_or(0);
    parts.retain(|(commit, ..), _| *commit >= record::group_start(last));
    parts
}

/// Puts this into a folder, for the next start to rebuild.
fn torn_into(folder: &Path, database: &[u8], ledger: &[u8]) {
    fs::create_dir(folder.join("sled")).unwrap();
    fs::write(folder.join("sled/db"), database).unwrap();
    fs::write(folder.join("ledger"), ledger).unwrap();
    folder::ask_for_rebuild(folder);
}

/// Sets of so many that stay.
fn subsets(count: usize) -> Vec<Vec<bool>> {
    if count <= 5 {
        return (0..1 << count)
            .map(|set| (0..count).map(|at| set >> at & 1 == 1).collect())
            .collect();
    }
    let single =
        |stays| (0..count).map(move |one| (0..count).map(|at| (at == one) == stays).collect());
    single(true).chain(single(false)).chain([vec![false; count], vec![true; count]]).collect()
}

/// What may be left of something that went through these states, none of which was answered but the first.
/// What went unasked right before `earlier` may come again.
fn check(op: &Op, found: &World, worlds: &[World], earlier: Option<&World>, torn: &str) {
    let (before, after) = (&worlds[0], &worlds[worlds.len() - 1]);
    for id in 1..=2 {
        let states: Vec<_> = worlds.iter().map(|world| world.mailboxes.get(&id)).collect();
        let Some((tokens, expired, waiting)) = found.mailboxes.get(&id) else {
            assert!(states.contains(&None), "mailbox {id} is gone, {torn}");
            continue;
        };
        let states: Vec<_> = states.into_iter().flatten().collect();
        // Of one that was not there, an envelope may be left: it is opened again by who asked for it, and until then takes none.
        let is_new = tokens.is_empty() && states.len() < worlds.len();
        let is_one = states.iter().any(|it| it.0 == *tokens);
        assert!(is_one || is_new, "tokens of {id}: {tokens:?}, {torn}");
        assert!(states.iter().any(|it| it.1 == *expired), "{expired} lost in {id}, {torn}");
        let stays = |number: &&u64| states.iter().all(|it| it.2.contains(number));
        let must: Vec<_> = states[0].2.iter().filter(stays).collect();
        let is_closed = states.len() < worlds.len();
        assert!(is_closed || must.iter().all(|it| waiting.contains(it)), "{waiting:?}, {torn}");
        let all: BTreeSet<u64> = states.iter().flat_map(|it| it.2.iter().copied()).collect();
        assert!(waiting.iter().all(|it| all.contains(it)), "{waiting:?} of {all:?}, {torn}");
        if let Pass(_) = op {
            let sum = |it: &(_, u64, Vec<u64>)| it.1 + it.2.len() as u64;
            let sums: Vec<u64> = states.iter().map(|it| sum(it)).collect();
            let is_same = sums.iter().all(|it| *it == sums[0]);
            let sum = expired + waiting.len() as u64;
            assert!(!is_same || sum == sums[0], "{expired} expired, {waiting:?} are there, {torn}");
        }
    }
    let all: BTreeSet<u8> = worlds.iter().flat_map(|world| world.spent.iter().copied()).collect();
    assert!(found.spent.is_subset(&all), "{:?} were used, {torn}", found.spent);
    for child in all {
        let (is, was) = (found.spent.contains(&child), before.spent.contains(&child));
        // It is forgotten in its time alone.
        assert!(is || !was || !after.spent.contains(&child), "child {child} is good again, {torn}");
        let by = images(op).into_iter().find_map(|op| match op {
            OpenBy(id, _, of) if of == child => Some(id),
            _ => None,
        });
        // Who has used it has a mailbox, or can use it still.
        let is_there = by.is_none_or(|id| found.mailboxes.contains_key(&id));
        assert!(!is || is_there, "child {child} was used for nothing, {torn}");
    }
    let ids = |world: &World| world.holds.keys().copied().collect::<BTreeSet<u8>>();
    let all: BTreeSet<u8> = worlds.iter().chain([found]).flat_map(ids).collect();
    for id in &all {
        let is = found.holds.get(id);
        let is_told = is.is_some() || found.lost_holds.contains(id);
        assert!(is_told || !matches!(op, Lose(of) if of == id), "nobody knows of {id}, {torn}");
        let there: Vec<u64> = found.mailboxes.values().flat_map(|it| it.2.clone()).collect();
        let is_there = |held: &[u64]| held.iter().all(|it| there.contains(it));
        // One that was released just before is released again, and what is there already is recognised.
        let is_one = worlds.iter().chain(earlier).any(|it| it.holds.get(id) == is);
        assert!(is_one || is.is_some_and(|it| is_there(&it.1)), "hold {id} is {is:?}, {torn}");
        if let (Some((_, held)), None, Pass(_)) = (before.holds.get(id), is, op) {
            assert!(is_there(held), "hold {id} went for nothing, {torn}");
        }
    }
    for op in images(op) {
        let Hold { id, replaces: Some(old), .. } = op else { continue };
        let is = [id, old].map(|id| found.holds.contains_key(&id));
        assert!(id == old || is != [true, true], "both {old} and {id} are there, {torn}");
        let was = before.holds.contains_key(&old) && after.holds.contains_key(&id);
        assert!(!was || is != [false, false], "neither {old} nor {id} is there, {torn}");
    }
}

#[test]
fn any_part_of_the_last_group_leaves_each_request_done_or_not_done() {
    let folder = tempfile::tempdir().unwrap();
    let at_start = {
        drop(Rig::open(folder.path(), Steps::default(), START_S));
        fs::read(folder.path().join("ledger")).unwrap()
    };
    let mut rig = Rig::open(folder.path(), Steps::default(), START_S);
    let (mut wrong, mut torn, mut earlier) = (Vec::new(), 0, None);
    for op in script() {
        let before = tempfile::tempdir().unwrap();
        copy(folder.path(), before.path());
        let mut worlds = vec![rig.world()];
        let mut slowly = Rig::open(before.path(), Steps::default(), rig.now_s);
        let now_s = rig.now_s;
        let known = fs::read(folder.path().join("ledger")).unwrap();
        rig.perform(&op);
        for op in images(&op) {
            slowly.perform(&op);
            worlds.push(slowly.world());
        }
        worlds.push(rig.world());
        let (image, now_s) = (tempfile::tempdir().unwrap(), now_s.max(rig.now_s));
        copy(folder.path(), image.path());
        fs::write(image.path().join("ledger"), &known).unwrap();
        let parts = parts(image.path());
        assert!(!parts.is_empty(), "{op:?} wrote nothing");
        let bytes = fs::read(image.path().join("sled/db")).unwrap();
        for stay in subsets(parts.len()) {
            let mut left = bytes.clone();
            let gone = parts.iter().zip(&stay).filter(|(_, stays)| !**stays);
            let mut names = Vec::new();
            for (((commit, kind, key), places), _) in gone {
                names.push(format!("{kind:?} {:02x} of {commit}", key[1]));
                places.iter().for_each(|(at, len)| left[*at..at + len].fill(0));
            }
            let used = left.iter().rposition(|byte| *byte != 0).unwrap() + 1;
            left.truncate(used);
            for ledger in [&known, &at_start] {
                let cut = tempfile::tempdir().unwrap();
                torn_into(cut.path(), &left, ledger);
                let told = format!("without {names:?} in {op:?}");
                let found = std::panic::catch_unwind(|| {
                    let found = Rig::open(cut.path(), Steps::default(), now_s).world();
                    check(&op, &found, &worlds, earlier.as_ref(), &told);
                    // Cut off again before the old database was put away.
                    torn_into(cut.path(), &left, ledger);
                    let again = Rig::open(cut.path(), Steps::default(), now_s).world();
                    assert_eq!(again, found, "rebuilt once more, {told}");
                });
                wrong.extend(found.is_err().then_some(told));
                torn += 1;
            }
        }
        earlier = matches!(op, Lose(_)).then(|| worlds.swap_remove(0));
    }
    assert!(torn > 200, "{torn}");
    assert!(wrong.is_empty(), "{} of {torn} are wrong: {wrong:#?}", wrong.len());
}
