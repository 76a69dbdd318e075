//! Leaves holds, extends, replaces and cancels them, and asks again when an answer did not come.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::sleep;
use velar::net::{Connector, Purpose, RelayConnection};
use velar_protocol::wire::{
    Answer, Delivery, DeliveryOutcome, HoldSecret, Refusal, RelayAddress, Request,
};

use super::chance::Chance;
use super::clients::{Broken, Client, Common};
use super::holds::Fate;
use super::letter::Letter;

/// Holds of one keeper at the relay at once.
const MOST: usize = 48;

/// Deliveries in one hold.
const DELIVERIES: u64 = 12;

/// Longest pause between two requests.
const PAUSE_MS: u64 = 30;

/// Seconds of a hold that is to be released in the course of the run.
const SHORT_S: (u64, u64) = (1, 4);

/// And of one that is not.
pub(super) const LONG_S: u32 = 86_400;

/// One who leaves holds.
pub(super) struct Keeper {
    pub common: Arc<Common>,
    pub sockets: Connector,
    pub chance: Chance,
    /// Answered `Held`, and perhaps released since.
    live: Vec<u64>,
    task: Option<Task>,
}

/// A request that is asked until it is answered.
#[derive(Clone, Copy, Debug)]
struct Task {
    verb: Verb,
    hold: u64,
    for_s: u32,
    replaces: Option<u64>,
    /// It was asked before, and no answer came.
    again: bool,
}

#[derive(Clone, Copy, Debug)]
enum Verb {
    Hold,
    /// An extension, to learn whether the hold was taken.
    Settle,
    Extend,
    Cancel,
}

/// Unix seconds.
pub(super) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl Keeper {
    pub(super) fn new(common: Arc<Common>, sockets: Connector, chance: Chance) -> Self {
        Self { common, sockets, chance, live: Vec::new(), task: None }
    }

    /// Moves the deadline of every hold that may be there to `for_s` of its number; then it is known which are.
    pub(super) async fn extend_all(
        &mut self,
        place: &RelayAddress,
        for_s: impl Fn(u64) -> u32 + Send,
    ) -> Result<(), Broken> {
        let connection = self.sockets.connect(place, Purpose::Send).await?;
        let held = self.common.ledger().holds.held();
        for hold in held {
            let for_s = for_s(hold);
            self.task =
                Some(Task { verb: Verb::Extend, hold, for_s, replaces: None, again: false });
            self.work_off(&connection).await?;
        }
        Ok(())
    }

    async fn work_off(&mut self, connection: &RelayConnection) -> Result<(), Broken> {
        while let Some(mut task) = self.task {
            let asked_s = now_s();
            if matches!(task.verb, Verb::Hold)
                && task.again
                && self.common.ledger().holds.may_be_over(task.hold, asked_s)
            {
                // Repeated, it would perhaps be left and released a second time.
                task.verb = Verb::Settle;
            }
            if !matches!(task.verb, Verb::Cancel) {
                let due_s = asked_s + u64::from(task.for_s);
                self.common.ledger().holds.may_be_due(task.hold, due_s);
            }
            self.task = Some(Task { again: true, ..task });
            let answer = connection.request(&self.request(&task)).await?;
            self.task = self.judge(task, &answer, asked_s)?;
        }
        Ok(())
    }

    fn request(&self, task: &Task) -> Request {
        let secret = self.secret(task.hold);
        match task.verb {
            Verb::Hold => Request::Hold {
                id: secret.id(),
                for_s: task.for_s,
                deliveries: self.deliveries(task.hold),
                replaces: task.replaces.map(|old| self.secret(old)),
            },
            Verb::Settle | Verb::Extend => Request::Extend { secret, for_s: task.for_s },
            Verb::Cancel => Request::Cancel { secret },
        }
    }

    fn secret(&self, hold: u64) -> HoldSecret {
        HoldSecret::new(Chance::new(self.common.run ^ hold.rotate_left(32)).bytes())
    }

    fn deliveries(&self, hold: u64) -> Vec<Delivery> {
        let mailboxes = self.common.ledger().holds.mailboxes(hold);
        let deliveries = (0..).zip(mailboxes).filter_map(|(delivery, mailbox)| {
            let token = self.common.mailbox(usize::try_from(mailbox).ok()?).ok()?.keeper.clone();
            let envelope = Letter::Held { mailbox, hold, delivery }.envelope(self.common.run);
            Some(Delivery { token, envelope })
        });
        deliveries.collect()
    }

    /// Enters an answer into the ledger. What is to be asked next, if anything.
    fn judge(&mut self, task: Task, answer: &Answer, asked_s: u64) -> Result<Option<Task>, Broken> {
        let mut ledger = self.common.ledger();
        let ledger = &mut *ledger;
        let (holds, faults, now_s) = (&mut ledger.holds, &mut ledger.faults, now_s());
        let Task { hold, replaces, again, .. } = task;
        let all_held = |outcomes: &[DeliveryOutcome]| {
            outcomes.iter().all(|outcome| *outcome == DeliveryOutcome::Held)
        };
        match (task.verb, answer) {
            (Verb::Hold, Answer::Held { outcomes }) if all_held(outcomes) => {
                holds.is_held(hold, asked_s, now_s);
                self.live.push(hold);
                if let Some(old) = replaces {
                    holds.ended(old, Some(asked_s), now_s);
                }
            }
            // The first one worked, but nobody has said yet that it is on disk.
            (Verb::Hold, Answer::Refused(Refusal::HoldExists)) if again => {
                return Ok(Some(Task { verb: Verb::Settle, ..task }));
            }
            (Verb::Hold, Answer::Refused(Refusal::UnknownHold)) if replaces.is_some() => {
                holds.settle(hold, Fate::Never);
                if let Some(old) = replaces {
                    holds.is_unknown(old, now_s, faults);
                }
            }
            (Verb::Settle, Answer::Extended { outcomes }) if all_held(outcomes) => {
                holds.is_held(hold, asked_s, now_s);
                self.live.push(hold);
                if let Some(old) = replaces {
                    holds.ended(old, None, now_s);
                }
            }
            (Verb::Settle, Answer::Refused(Refusal::UnknownHold)) => {
                if !holds.may_be_over(hold, now_s) {
                    return Ok(Some(Task { verb: Verb::Hold, ..task }));
                }
                holds.settle(hold, Fate::Unclear);
                if let Some(old) = replaces {
                    holds.settle(old, Fate::Unclear);
                }
            }
            (Verb::Extend, Answer::Extended { outcomes }) if all_held(outcomes) => {
                holds.is_held(hold, asked_s, now_s);
            }
            (Verb::Cancel, Answer::Cancelled) => holds.ended(hold, Some(asked_s), now_s),
            // Cancelled by the first one, or released.
            (Verb::Cancel, Answer::Refused(Refusal::UnknownHold)) if again => {
                holds.settle(hold, Fate::Unclear);
            }
            (Verb::Extend | Verb::Cancel, Answer::Refused(Refusal::UnknownHold)) => {
                holds.is_unknown(hold, now_s, faults);
            }
            (verb, answer) => return Err(Broken::of_answer(&format!("{verb:?}"), answer)),
        }
        Ok(None)
    }

    /// The next request, by chance.
    fn draw(&mut self) -> Task {
        let mut ledger = self.common.ledger();
        self.live.retain(|hold| ledger.holds.fate(*hold) == Fate::Held);
        let chance = &mut self.chance;
        let short_s = u32::try_from(chance.between(SHORT_S.0, SHORT_S.1)).unwrap_or(1);
        let for_s = if chance.once_in(2) { short_s } else { LONG_S };
        let at = chance.between(0, MOST as u64 - 1);
        let chosen = usize::try_from(at).ok().and_then(|at| self.live.get(at)).copied();
        let full = self.live.len() >= MOST;
        let (verb, hold, for_s, replaces) = match (chosen, chance.between(1, 10)) {
            (Some(hold), 1..=3) => (Verb::Extend, hold, for_s, None),
            (Some(hold), 4..=5) => (Verb::Cancel, hold, 0, None),
            (Some(hold), draw) if draw <= 7 || full => (Verb::Hold, 0, LONG_S, Some(hold)),
            _ => (Verb::Hold, 0, for_s, None),
        };
        let hold = if matches!(verb, Verb::Hold) {
            let most = self.common.mailboxes.len() as u64 - 1;
            let deliveries = chance.between(1, DELIVERIES);
            let mut one = |_| u32::try_from(chance.between(0, most)).unwrap_or(0);
            ledger.holds.ask((0..deliveries).map(&mut one).collect())
        } else {
            hold
        };
        Task { verb, hold, for_s, replaces, again: false }
    }
}

impl Client for Keeper {
    async fn serve(&mut self, place: &RelayAddress) -> Result<(), Broken> {
        let connection = self.sockets.connect(place, Purpose::Send).await?;
        loop {
            self.work_off(&connection).await?;
            if self.common.stops() {
                return Ok(());
            }
            sleep(Duration::from_millis(self.chance.between(0, PAUSE_MS))).await;
            self.task = Some(self.draw());
        }
    }
}
