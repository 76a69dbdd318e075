//! Kills a relay at any moment, again and again, under load, and counts what is missing afterwards.
//!
//! Senders keep 16 envelopes each on their way and repeat, after every kill, exactly what has no answer (SPEC §4.3).
//! Keepers leave holds, extend, replace and cancel them. Readers are online, or away until a filling has been read.
//! In the end everything that was accepted must have been received, in order, with no byte changed and no loss
//! reported; and every hold must be there, or have been released once its deadline was over.

mod chance;
mod clients;
mod holds;
mod keeper;
mod ledger;
mod letter;
mod lives;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use velar::net::Connector;

use super::Outcome;
use crate::process::RelayProcess;
use chance::Chance;
use clients::{Broken, Common, Reader, Sender, follow, read_all};
use holds::Fate;
use keeper::{Keeper, LONG_S, now_s};
use lives::Lives;

/// Kills at least before what is stored for readers who are away is read.
const FILLING_KILLS: u64 = 5;

/// Longest wait, in the end, for holds that are due.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks whether they have come.
const LOOK: Duration = Duration::from_millis(200);

/// Keepers at once.
const KEEPERS: usize = 3;

/// Longest end of a run: what is stored is read, and what is held is released.
const END: Duration = Duration::from_secs(300);

/// Seconds that one hold in two has in the end; the others stay.
const LAST_S: u32 = 1;

/// How much of what.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Chances: moments, lengths, bytes.
    pub seed: u64,
    /// Kills at least.
    pub kills: u64,
    /// Envelopes accepted at least.
    pub accepted: u64,
    /// Mailboxes, with one sender each.
    pub senders: u32,
    /// `Some`: readers are away until so many envelopes are stored, and for some kills; then all are read, and so on.
    pub filling: Option<u64>,
    /// A run that has not got through all this by then is a failed one, and ends.
    pub longest: Duration,
}

/// How a run ended.
#[derive(Clone, Debug, Default)]
pub struct Crash {
    /// Names, counts and what is counted, to be printed.
    pub figures: Vec<(&'static str, u64, &'static str)>,
    /// What was wrong; the first few in words.
    pub faults: Vec<String>,
}

struct Run {
    plan: Plan,
    common: Arc<Common>,
    chance: Chance,
    lives: Lives,
    keepers: Vec<Keeper>,
    begun: Instant,
}

/// Those who are at work during a filling.
struct Load {
    senders: JoinSet<Outcome<Sender>>,
    keepers: JoinSet<Outcome<Keeper>>,
    readers: JoinSet<Outcome<Reader>>,
}

/// Runs `plan` with a relay of its own, whose data are in `folder`.
///
/// # Errors
/// If the relay does not start, ends by itself, does not come to an end, or gives an answer that nothing explains.
/// What was lost is no error: see [`Crash::faults`].
pub async fn crash(program: &Path, folder: &Path, plan: Plan) -> Outcome<Crash> {
    timeout(plan.longest + END, carry_out(program, folder, plan)).await?
}

async fn carry_out(program: &Path, folder: &Path, plan: Plan) -> Outcome<Crash> {
    let relay = RelayProcess::init(program, folder).await?;
    let mut chance = Chance::new(plan.seed);
    let common = Arc::new(Common::new(chance.next(), plan.senders));
    let lives = Lives::begin(relay, Chance::new(chance.next()), common.clone()).await?;
    common.open(&lives.place()).await?;
    let mut keepers = Vec::new();
    for _ in 0..KEEPERS {
        keepers.push(Keeper::new(common.clone(), Connector::new()?, Chance::new(chance.next())));
    }
    let mut run = Run { plan, common, chance, lives, keepers, begun: Instant::now() };
    while !run.fill().await? {}
    run.end_holds().await?;
    run.lives.end().await?;
    Ok(outcome(&run.common))
}

impl Run {
    /// Loads and kills until enough is stored, or all is done; then everything is read. Whether all is done.
    async fn fill(&mut self) -> Outcome<bool> {
        self.common.stop.store(false, Ordering::Relaxed);
        let mut load = self.load()?;
        let done = self.kill_until_full(&mut load).await?;
        self.common.stop.store(true, Ordering::Relaxed);
        let Load { mut senders, mut keepers, mut readers } = load;
        while let Some(ended) = senders.join_next().await {
            ended??;
        }
        while let Some(ended) = keepers.join_next().await {
            self.keepers.push(ended??);
        }
        readers.shutdown().await;
        self.lives.kill_and_start_once().await?;
        self.read().await?;
        let mut ledger = self.common.ledger();
        ledger.check_all_received();
        Ok(done || ledger.faults.count > 0)
    }

    /// Everybody, at work.
    fn load(&mut self) -> Outcome<Load> {
        let (mut senders, mut readers) = (JoinSet::new(), JoinSet::new());
        for mailbox in 0..self.common.mailboxes.len() {
            let (common, sockets) = (self.common.clone(), Connector::new()?);
            senders.spawn(follow(Sender { common, sockets, mailbox }, self.lives.places()));
            if self.plan.filling.is_none() {
                let (common, sockets) = (self.common.clone(), Connector::new()?);
                let chance = Chance::new(self.chance.next());
                let reader = Reader { common, sockets, mailbox, chance };
                readers.spawn(follow(reader, self.lives.places()));
            }
        }
        let keepers = self.keepers.drain(..);
        let keepers = keepers.map(|keeper| follow(keeper, self.lives.places())).collect();
        Ok(Load { senders, keepers, readers })
    }

    /// Leaves the relay alive in the end. Whether all is done, or a fault was seen.
    async fn kill_until_full(&mut self, load: &mut Load) -> Outcome<bool> {
        let (kills_before, accepted_before, _) = self.so_far();
        loop {
            tokio::select! {
                () = sleep(self.lives.moment()) => {}
                // Nobody ends before being told to, but with an error.
                Some(ended) = load.senders.join_next() => drop(ended??),
                Some(ended) = load.keepers.join_next() => drop(ended??),
                Some(ended) = load.readers.join_next() => drop(ended??),
            }
            let (kills, accepted, faulty) = self.so_far();
            if faulty || kills >= self.plan.kills && accepted >= self.plan.accepted {
                return Ok(true);
            }
            let full = |filling| accepted - accepted_before >= filling;
            if self.plan.filling.is_some_and(full) && kills - kills_before >= FILLING_KILLS {
                return Ok(false);
            }
            if self.begun.elapsed() > self.plan.longest {
                let late = || format!("only {kills} kills and {accepted} accepted in time");
                self.common.ledger().faults.tell(late);
                return Ok(true);
            }
            self.lives.kill_and_start().await?;
        }
    }

    /// Kills, envelopes accepted, and whether something is wrong already.
    fn so_far(&self) -> (u64, u64, bool) {
        let ledger = self.common.ledger();
        let faulty = ledger.faults.count > 0 || ledger.has_gap();
        (ledger.kills.count(), ledger.accepted_in_all(), faulty)
    }

    /// Everything that is stored.
    async fn read(&self) -> Outcome<()> {
        let mut readers = JoinSet::new();
        for mailbox in 0..self.common.mailboxes.len() {
            readers.spawn(read_all(self.common.clone(), mailbox, self.lives.place()));
        }
        while let Some(read) = readers.join_next().await {
            read??;
        }
        Ok(())
    }

    /// Has every second hold released, and finds out what became of all of them.
    async fn end_holds(&mut self) -> Outcome<()> {
        let mut keeper = self.keepers.pop().ok_or("no keeper")?;
        let last = |hold: u64| if hold.is_multiple_of(2) { LONG_S } else { LAST_S };
        keeper.extend_all(&self.lives.place(), last).await.map_err(told)?;
        self.lives.kill_and_start_once().await?;
        let waiting = Instant::now();
        loop {
            self.read().await?;
            let released = self.common.ledger().holds.are_released(now_s());
            if released && waiting.elapsed() > Duration::from_secs(u64::from(LAST_S) + 1)
                || waiting.elapsed() > PATIENCE
            {
                break;
            }
            sleep(LOOK).await;
        }
        keeper.extend_all(&self.lives.place(), |_| LONG_S).await.map_err(told)?;
        self.read().await?;
        let mut ledger = self.common.ledger();
        let ledger = &mut *ledger;
        ledger.holds.check(&ledger.kills, &mut ledger.faults);
        Ok(())
    }
}

fn told(broken: Broken) -> String {
    match broken {
        Broken::Lost => "the relay could not be reached".to_owned(),
        Broken::Fault(what) => what,
    }
}

fn outcome(common: &Common) -> Crash {
    let mut ledger = common.ledger();
    let (seen, holds) = (ledger.seen, ledger.holds.seen);
    let fate = |fate| ledger.holds.count(fate);
    let figures = vec![
        ("kills", ledger.kills.count(), "kills"),
        ("kills_in_start", seen.kills_in_start, "kills"),
        ("accepted", ledger.accepted_in_all(), "envelopes"),
        ("received", ledger.received_in_all(), "envelopes"),
        ("repeated", seen.repeated, "envelopes"),
        ("doubles", seen.doubles, "envelopes"),
        ("missing", ledger.missing_in_all(), "envelopes"),
        ("out_of_order", seen.out_of_order, "envelopes"),
        ("stored_twice", seen.stored_twice, "envelopes"),
        ("invented", seen.invented, "envelopes"),
        ("changed", seen.changed, "envelopes"),
        ("expired", ledger.expired_in_all(), "envelopes"),
        ("holds_left", fate(Fate::Held), "holds"),
        ("holds_released", fate(Fate::Released), "holds"),
        ("holds_ended", fate(Fate::Ended), "holds"),
        ("holds_not_taken", fate(Fate::Never), "holds"),
        ("holds_unclear", fate(Fate::Unclear) + fate(Fate::Asked), "holds"),
        ("holds_undone", holds.undone, "holds"),
        ("holds_missing", holds.missing, "holds"),
        ("holds_untimely", holds.untimely, "deliveries"),
        ("holds_both", holds.both, "holds"),
        ("holds_released_twice", holds.twice, "deliveries"),
        ("faults", ledger.faults.count, "faults"),
    ];
    Crash { figures, faults: std::mem::take(&mut ledger.faults.told) }
}
