//! Every step between two operations of the engine or of the file system, as a place to crash. A script of requests runs
//! over real mailboxes and a real store; before each step what is on disk is copied. Every copy is then started, compared
//! with what had been answered, and asked once more for what had not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicUsize;

use velar_protocol::wire::{ChildId, SendTokenHash};

use super::damage::copy;
use super::*;
use crate::access::{Grant, Leave};
use crate::clock::Now;
use crate::limits::Limits;
use crate::mailboxes::{Asked, Mailboxes};

pub(super) const START_S: u64 = 1_800_000_000;
pub(super) const HOUR_S: u32 = 3600;
/// Index of the access token.
const ACCESS: u16 = 9;

/// What is asked of the relay. Envelopes are numbers, in the order in which they come to a mailbox.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Open(u8, &'static [u8]),
    /// By a child of an access token: whose mailbox, and which child.
    OpenBy(u8, &'static [u8], u8),
    Close(u8),
    Send(u8, u64),
    Ack(u8, u64),
    Hold {
        id: u8,
        for_s: u32,
        to: &'static [(u8, u64)],
        replaces: Option<u8>,
    },
    Extend(u8, u32),
    Cancel(u8),
    /// Nothing of it can be read any more.
    Lose(u8),
    /// Seconds; what is due is released, what is too old expires.
    Pass(u64),
    Restart,
    /// Begins to compact.
    Compact,
    /// So many steps of the store's own work.
    Upkeep(usize),
    /// One group of writes.
    Together(&'static [Op]),
    /// A page could not be read: the next start rebuilds.
    AskForRebuild,
}

use Op::*;

fn script() -> Vec<Op> {
    vec![
        Open(1, &[1]),
        OpenBy(2, &[2, 3], 1),
        Send(1, 10),
        Send(1, 11),
        Send(2, 12),
        Send(3, 13),
        Ack(1, 10),
        Hold { id: 1, for_s: HOUR_S, to: &[(1, 30), (2, 31)], replaces: None },
        Extend(1, 2 * HOUR_S),
        Hold { id: 2, for_s: 3 * HOUR_S, to: &[(1, 40), (3, 41)], replaces: Some(1) },
        Hold { id: 2, for_s: 4 * HOUR_S, to: &[(1, 42), (3, 43)], replaces: Some(2) },
        Hold { id: 3, for_s: HOUR_S, to: &[(2, 20)], replaces: None },
        Cancel(3),
        Hold { id: 4, for_s: 60, to: &[(1, 21), (2, 22), (3, 23)], replaces: None },
        Restart,
        Send(1, 14),
        Pass(100),
        Ack(2, 22),
        Open(2, &[2]),
        Hold { id: 5, for_s: 20 * HOUR_S, to: &[(1, 70), (2, 71)], replaces: None },
        Compact,
        Send(1, 50),
        Upkeep(1),
        Hold { id: 6, for_s: 30 * HOUR_S, to: &[(2, 72)], replaces: Some(5) },
        Ack(1, 14),
        Extend(2, 5 * HOUR_S),
        Close(2),
        Upkeep(2),
        Cancel(6),
        OpenBy(2, &[2], 2),
        Send(2, 51),
        Upkeep(40),
        Ack(1, 50),
        Compact,
        Send(2, 52),
        Upkeep(2),
        Restart,
        Ack(2, 51),
        Upkeep(40),
        Restart,
        AskForRebuild,
        Restart,
        Pass(15 * 86_400),
        Close(1),
    ]
}

/// What there is, as whoever asks would find it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct World {
    /// Tokens, expired, and the numbers that wait.
    pub(super) mailboxes: BTreeMap<u8, (Vec<SendTokenHash>, u64, Vec<u64>)>,
    /// Deadline, and the numbers that are held.
    pub(super) holds: BTreeMap<u8, (u64, Vec<u64>)>,
    pub(super) lost_holds: BTreeSet<u8>,
    /// Children of the one access token that were used.
    pub(super) spent: BTreeSet<u8>,
}

pub(super) struct Rig {
    folder: PathBuf,
    steps: Steps,
    store: Option<SledStore>,
    mailboxes: Mailboxes,
    pub(super) now_s: u64,
    /// What waits to be applied together.
    waiting: Option<Vec<Write>>,
}

fn limits() -> Limits {
    Limits { outage_wait_s: 30, ..Limits::default() }
}

fn number_of(envelope: &Envelope) -> u64 {
    u64::from_le_bytes(envelope.as_bytes()[..8].try_into().unwrap())
}

fn token(byte: u8) -> SendTokenHash {
    SendTokenHash([byte; 32])
}

impl Rig {
    pub(super) fn open(folder: &Path, steps: Steps, now_s: u64) -> Self {
        let store = SledStore::open_with(folder, 16, &steps).unwrap();
        let mut writes = Vec::new();
        let loaded = store.load().unwrap();
        let mailboxes = Mailboxes::new(limits(), loaded, Now::from_s(now_s), &mut writes);
        applied(&store, &writes);
        let folder = folder.to_owned();
        let waiting = None;
        let mut this = Self { folder, steps, store: Some(store), mailboxes, now_s, waiting };
        this.act(Mailboxes::tick);
        while this.act(Mailboxes::sweep) {}
        this
    }

    fn store(&self) -> &SledStore {
        self.store.as_ref().unwrap()
    }

    fn act<T>(&mut self, act: impl FnOnce(&mut Mailboxes, Now, &mut Vec<Write>) -> T) -> T {
        let mut writes = Vec::new();
        let result = act(&mut self.mailboxes, Now::from_s(self.now_s), &mut writes);
        match &mut self.waiting {
            Some(waiting) => waiting.append(&mut writes),
            None => self.commit(&writes),
        }
        result
    }

    fn commit(&mut self, writes: &[Write]) {
        applied(self.store(), writes);
        let put = |write: &Write| match write {
            Write::Put(stored, _) => Some((stored.mailbox, stored.sequence)),
            _ => None,
        };
        self.mailboxes.committed(&writes.iter().filter_map(put).collect::<Vec<_>>());
    }

    /// As the relay does before it takes something for a double.
    fn settle(&mut self, by: u8, number: u64) {
        let digest = short_digest(&envelope(number));
        if let Some((id, sequence)) = self.mailboxes.in_doubt(&token(by), &digest) {
            match self.store().envelope(&id, sequence).unwrap() {
                Some(_) => self.mailboxes.verified(&id, sequence),
                None => self.act(|it, now, writes| it.lost(&id, sequence, now, writes)),
            }
        }
    }

    pub(super) fn perform(&mut self, op: &Op) {
        match op.clone() {
            Open(id, tokens) => {
                let tokens: Vec<SendTokenHash> = tokens.iter().map(|byte| token(*byte)).collect();
                let id = MailboxId([id; 32]);
                self.act(|it, now, writes| {
                    it.open(id, &tokens, Leave::NotNeeded, |_| Ok(()), now, writes)
                });
            }
            OpenBy(id, tokens, child) => {
                let tokens: Vec<SendTokenHash> = tokens.iter().map(|byte| token(*byte)).collect();
                let id = MailboxId([id; 32]);
                let grant = Grant { access: ACCESS, most: None };
                let leave = Leave::ByChild(grant, ChildId([child; 16]));
                self.act(|it, now, writes| it.open(id, &tokens, leave, |_| Ok(()), now, writes));
            }
            Close(id) => {
                self.act(|it, _, writes| it.close(MailboxId([id; 32]), writes));
            }
            Send(by, number) => {
                self.settle(by, number);
                let (envelope, digest) = (envelope(number), short_digest(&envelope(number)));
                self.act(|it, now, writes| it.send(&token(by), envelope, digest, now, writes));
            }
            Ack(id, number) => {
                let id = MailboxId([id; 32]);
                let digest = short_digest(&envelope(number));
                let waiting = self.store().load().unwrap().envelopes;
                let found = waiting.iter().find(|it| it.mailbox == id && it.digest == digest);
                if let Some(found) = found.copied() {
                    self.act(|it, now, writes| it.ack(&id, found.sequence, now, writes));
                }
            }
            Hold { id, for_s, to, replaces } => {
                let deliveries = to.iter().map(|(by, it)| (token(*by), envelope(*it))).collect();
                let hold = |id: u8| HoldId([id; 32]);
                let asked = Asked { id: hold(id), for_s, deliveries, replaces: replaces.map(hold) };
                self.act(|it, now, writes| it.hold(asked, now, writes));
            }
            Extend(id, for_s) => {
                self.act(|it, now, writes| it.extend(&HoldId([id; 32]), for_s, now, writes));
            }
            Cancel(id) => {
                self.act(|it, _, writes| it.cancel(&HoldId([id; 32]), writes));
            }
            Lose(id) => {
                let holds = self.store().load().unwrap().holds;
                let key = holds.iter().map(|hold| hold.key).find(|key| key.id.0[0] == id);
                if let Some(key) = key {
                    self.act(|it, now, writes| it.lose_hold(key, now, writes));
                }
            }
            Pass(seconds) => self.pass(seconds),
            Restart => {
                self.steps.let_go();
                drop(self.store.take());
                let (folder, steps) = (self.folder.clone(), self.steps.clone());
                *self = Self::open(&folder, steps, self.now_s);
            }
            Compact => self.store().compact(),
            Upkeep(count) => {
                for _ in 0..count {
                    self.store().upkeep(Room::Enough).unwrap();
                    // What it does beside the writing is waited for: every run takes the same steps.
                    while self.store().is_deleting() {
                        self.store().upkeep(Room::Enough).unwrap();
                    }
                }
                self.store().commit().unwrap();
            }
            Together(ops) => {
                self.waiting = Some(Vec::new());
                ops.iter().for_each(|op| self.perform(op));
                let writes = self.waiting.take().unwrap();
                self.commit(&writes);
            }
            AskForRebuild => folder::ask_for_rebuild(&self.folder),
        }
    }

    fn pass(&mut self, seconds: u64) {
        for _ in 0..2 {
            self.now_s += seconds / 2;
            self.act(Mailboxes::tick);
            for record in self.mailboxes.due(Now::from_s(self.now_s)) {
                let mut held = Vec::new();
                for (at, delivery) in (0..=u8::MAX).zip(&record.deliveries) {
                    let found = self.store().held(record.key, at).unwrap().unwrap();
                    self.settle(delivery.token.0[0], number_of(&found));
                    held.push((at, found));
                }
                self.act(|it, now, writes| it.release(record.key, held, now, writes));
            }
            while self.act(Mailboxes::sweep) {}
        }
    }

    pub(super) fn world(&self) -> World {
        let loaded = self.store().load().unwrap();
        let mut world = World::default();
        for mut record in loaded.mailboxes {
            record.tokens.sort_unstable();
            let waiting = loaded.envelopes.iter().filter(|stored| stored.mailbox == record.id);
            let read = waiting.map(|stored| {
                let found = self.store().envelope(&record.id, stored.sequence).unwrap();
                number_of(&found.expect("an entry leads to its envelope"))
            });
            let numbers = read.collect();
            world.mailboxes.insert(record.id.0[0], (record.tokens, record.expired, numbers));
        }
        let spent = loaded.spent.iter().flat_map(|of_one| &of_one.children);
        world.spent = spent.map(|child| child.id.0[0]).collect();
        world.lost_holds = loaded.lost_holds.iter().map(|lost| lost.id.0[0]).collect();
        for hold in loaded.holds {
            let held = (0..hold.deliveries.len() as u8).map(|at| {
                let found = self.store().held(hold.key, at).unwrap();
                number_of(&found.expect("a hold has its envelopes"))
            });
            world.holds.insert(hold.key.id.0[0], (hold.due_s, held.collect()));
        }
        world
    }
}

/// What a crash between two answered states may leave.
fn check(op: &Op, found: &World, before: &World, after: &World) {
    let numbers = |world: &World, id: u8| -> BTreeSet<u64> {
        world.mailboxes.get(&id).map(|it| it.2.iter().copied().collect()).unwrap_or_default()
    };
    for id in 1..=2 {
        let (had, has) = (before.mailboxes.contains_key(&id), after.mailboxes.contains_key(&id));
        let is = found.mailboxes.contains_key(&id);
        assert!(is == had || is == has, "mailbox {id} after a crash in {op:?}");
        let Some((tokens, expired, waiting)) = found.mailboxes.get(&id) else { continue };
        assert!(waiting.is_sorted_by(|one, next| one < next), "{waiting:?} out of order in {op:?}");
        let (b, a, f) =
            (numbers(before, id), numbers(after, id), waiting.iter().copied().collect());
        // A mailbox that is being closed, or opened anew, may have lost all of it or nothing.
        if had && has {
            assert!(
                b.intersection(&a).all(|it| waiting.contains(it)),
                "lost in {op:?}: {f:?}, was {b:?}"
            );
        }
        assert!(
            b.union(&a).copied().collect::<BTreeSet<_>>().is_superset(&f),
            "invented in {op:?}: {f:?}"
        );
        let allowed = [before, after].map(|world| world.mailboxes.get(&id));
        assert!(allowed.iter().flatten().any(|it| it.0 == *tokens), "tokens in {op:?}");
        assert!(
            allowed.iter().flatten().any(|it| it.1 == *expired),
            "{expired} counted as lost in {op:?}, {allowed:?}"
        );
    }
    for child in before.spent.union(&after.spent) {
        let [had, has] = [before, after].map(|world| world.spent.contains(child));
        let is = found.spent.contains(child);
        assert!(is == had || is == has, "child {child} after a crash in {op:?}");
        if let OpenBy(id, _, of) = op
            && of == child
        {
            assert_eq!(is, found.mailboxes.contains_key(id), "half of {op:?}");
        }
    }
    for id in before.holds.keys().chain(after.holds.keys()) {
        let (b, a, f) = (before.holds.get(id), after.holds.get(id), found.holds.get(id));
        assert!(f == b || f == a, "hold {id} after a crash in {op:?}: {f:?}");
        if let (Some((_, held)), None, Pass(_)) = (b, f, op) {
            let all: BTreeSet<u64> = (1..=2).flat_map(|mailbox| numbers(found, mailbox)).collect();
            assert!(held.iter().all(|it| all.contains(it)), "hold {id} lost in {op:?}");
        }
    }
    if let Hold { id, replaces: Some(old), .. } = op
        && old != id
    {
        let both = found.holds.contains_key(id) && found.holds.contains_key(old);
        let neither = !found.holds.contains_key(id) && !found.holds.contains_key(old);
        assert!(!both && !neither, "a hold was not replaced in one step");
    }
    assert!(
        found.holds.keys().all(|id| before.holds.contains_key(id) || after.holds.contains_key(id))
    );
}

#[test]
fn a_crash_at_any_step_loses_nothing_invents_nothing_and_leaves_what_can_be_asked_again() {
    let (folder, images) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (count, now) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let photographs = Arc::new(Mutex::new(Vec::new()));
    let steps = {
        let (from, to) = (folder.path().to_owned(), images.path().to_owned());
        let (count, now, photographs) = (count.clone(), now.clone(), photographs.clone());
        Steps::watched(move || {
            let image = to.join(count.fetch_add(1, Ordering::SeqCst).to_string());
            copy(&from, &image);
            photographs.lock().unwrap().push((image, now.load(Ordering::SeqCst)));
        })
    };
    let mut rig = Rig::open(folder.path(), steps, START_S);
    let script = script();
    let (mut worlds, mut times) = (vec![rig.world()], vec![rig.now_s]);
    // What was photographed while it began is of no request.
    photographs.lock().unwrap().clear();
    for (at, op) in script.iter().enumerate() {
        now.store(at, Ordering::SeqCst);
        rig.perform(op);
        worlds.push(rig.world());
        times.push(rig.now_s);
    }
    rig.steps.let_go();
    let photographs = std::mem::take(&mut *photographs.lock().unwrap());
    assert!(photographs.len() > 200, "{} steps", photographs.len());
    let mut seen = BTreeSet::new();
    for (image, at) in photographs {
        let op = &script[at];
        seen.insert(at);
        let mut crashed = Rig::open(&image, Steps::default(), times[at]);
        check(op, &crashed.world(), &worlds[at], &worlds[at + 1]);
        // Whoever asked had no answer, and asks again.
        if !matches!(op, Restart | Compact | Upkeep(_) | AskForRebuild) {
            crashed.perform(op);
            if let Pass(_) = op {
                crashed.pass(200);
            }
            let (mut found, wanted) = (crashed.world(), &worlds[at + 1]);
            if let Extend(..) | Hold { .. } | Pass(_) = op {
                for (id, (due_s, _)) in &mut found.holds {
                    *due_s = wanted.holds.get(id).map_or(0, |it| it.0);
                }
            }
            assert_eq!(&found, wanted, "asked again after a crash in {op:?}");
        }
        drop(crashed);
        fs::remove_dir_all(image).unwrap();
    }
    let silent: Vec<&Op> = script
        .iter()
        .enumerate()
        .filter(|(at, op)| !seen.contains(at) && !matches!(op, AskForRebuild | Pass(_)))
        .map(|(_, op)| op)
        .collect();
    assert!(silent.is_empty(), "no step was seen in {silent:?}");
}
