//! What is asked of relays, and what becomes of their answers.

use velar_protocol::wire::{
    Answer, Delivery, DeliveryOutcome, Envelope, HoldId, HoldSecret, Refusal, RelayAddress, Request,
};

use super::{Holds, Left, Loss, Now, Slot, Trouble, Wish};

/// Shortest hold: a deadline that is nearer is rounded up to this.
const SHORTEST_S: u64 = 60;

/// One request to one relay.
pub struct Step {
    /// To answer by.
    pub id: StepId,
    /// What.
    pub request: HoldRequest,
}

/// Names a step: the same one is never under way twice.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct StepId {
    relay: RelayAddress,
    hold: HoldId,
    deed: Deed,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Deed {
    Leave { version: u32, until_s: u64 },
    Extend { until_s: u64 },
    Cancel,
}

/// What to ask. How long from now is known only when it is sent.
#[derive(Clone)]
pub enum HoldRequest {
    /// Leave this until then, in the place of another.
    Leave {
        /// The hold.
        id: HoldId,
        /// What.
        deliveries: Vec<Delivery>,
        /// The other.
        replaces: Option<HoldSecret>,
        /// Unix seconds by this device's clock.
        until_s: u64,
    },
    /// Release it then.
    Extend {
        /// The hold.
        secret: HoldSecret,
        /// Unix seconds by this device's clock.
        until_s: u64,
    },
    /// Forget it.
    Cancel {
        /// The hold.
        secret: HoldSecret,
    },
}

/// What the person has to know after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing.
    Nothing,
    /// This relay has released what was left there, or knows nothing of it any more.
    Gone,
    /// This relay says that it lost what was left there, and did not release it.
    Lost,
}

impl StepId {
    /// Whom it is asked of.
    #[must_use]
    pub fn relay(&self) -> &RelayAddress {
        &self.relay
    }
}

impl HoldRequest {
    /// As it is sent at `now_s`. `None`: its deadline has passed, and silence is to be heard.
    #[must_use]
    pub fn at(&self, now_s: u64) -> Option<Request> {
        let for_s = |until_s: u64| {
            let left_s = until_s.checked_sub(now_s).filter(|left_s| *left_s > 0)?;
            u32::try_from(left_s.max(SHORTEST_S)).ok()
        };
        Some(match self {
            Self::Leave { id, deliveries, replaces, until_s } => Request::Hold {
                id: *id,
                for_s: for_s(*until_s)?,
                deliveries: deliveries.clone(),
                replaces: replaces.clone(),
            },
            Self::Extend { secret, until_s } => {
                Request::Extend { secret: secret.clone(), for_s: for_s(*until_s)? }
            }
            Self::Cancel { secret } => Request::Cancel { secret: secret.clone() },
        })
    }
}

impl Holds {
    /// What is to be asked of relays now, one step each at most.
    ///
    /// After the deadline of the newest check-in nothing is asked any more: what lies at the relays is to be released.
    #[must_use]
    pub fn steps(&self, now_s: u64) -> Vec<Step> {
        let Some(wish) = self.wish else { return Vec::new() };
        if wish.until_s.is_some_and(|until_s| until_s <= now_s) {
            return Vec::new();
        }
        let may_end = self.may_end(wish);
        self.slots.iter().filter_map(|slot| self.step(slot, wish, may_end, now_s)).collect()
    }

    /// When the first of what waits after a relay's answer may be asked again: Unix seconds.
    #[must_use]
    pub fn next_step_s(&self, now_s: u64) -> Option<u64> {
        let waits = |left: &&Left| !left.may_ask(now_s);
        let left = self.slots.iter().flat_map(Slot::both).filter(waits);
        left.map(|left| left.not_before_s).min()
    }

    /// What lies at relays that nobody lists any more ends only when another relay knows of the newest check-in.
    fn may_end(&self, wish: Wish) -> bool {
        let Some(until_s) = wish.until_s else { return true };
        let mut wanted = self.slots.iter().filter(|slot| slot.wanted).peekable();
        let knows = |slot: &Slot| slot.armed.as_ref().is_some_and(|left| left.is_until(until_s));
        wanted.peek().is_none() || wanted.any(knows)
    }

    fn step(&self, slot: &Slot, wish: Wish, may_end: bool, now_s: u64) -> Option<Step> {
        let step = |left: &Left, deed, request| {
            let id = StepId { relay: slot.relay.clone(), hold: left.secret.id(), deed };
            Some(Step { id, request })
        };
        let due = |left: &&Left| left.may_ask(now_s);
        let Some(until_s) = wish.until_s.filter(|_| slot.wanted) else {
            let left = slot.coming.as_ref().or(slot.armed.as_ref());
            let left = left.filter(due).filter(|_| may_end)?;
            let request = HoldRequest::Cancel { secret: left.secret.clone() };
            return step(left, Deed::Cancel, request);
        };
        // A relay that loses whatever is left there is not given it over and over.
        let takes = slot.lost_since(wish.check_in) != Some(Loss::Again);
        if let Some(coming) = slot.coming.as_ref().filter(due).filter(|_| takes)
            && let Some(deliveries) = self.envelopes(coming)
        {
            let id = coming.secret.id();
            let replaces = slot.armed.as_ref().map(|armed| armed.secret.clone());
            let request = HoldRequest::Leave { id, deliveries, replaces, until_s };
            return step(coming, Deed::Leave { version: coming.version, until_s }, request);
        }
        // While there is no other, or the relay does not take it, the one there goes on.
        let armed = slot.armed.as_ref().filter(due).filter(|armed| !armed.is_until(until_s))?;
        let request = HoldRequest::Extend { secret: armed.secret.clone(), until_s };
        step(armed, Deed::Extend { until_s }, request)
    }

    fn envelopes(&self, left: &Left) -> Option<Vec<Delivery>> {
        let sealed = &self.sealing.as_ref()?.sealed;
        let deliveries = left.deliveries.iter().map(|placed| {
            let one = sealed.iter().find(|one| one.digest == placed.digest && !one.out)?;
            let envelope = Envelope::new(one.bytes.clone())?;
            Some(Delivery { token: placed.token.clone(), envelope })
        });
        deliveries.collect()
    }

    /// Takes a relay's answer; what is to lie there has to be [placed](Holds::place) again after it. What was decided otherwise since, here or by another process, is not touched.
    /// Pauses are [drawn out](crate::outbox::drawn_out) with `random`.
    pub fn answered(&mut self, id: &StepId, answer: &Answer, now_s: u64, random: u64) -> Told {
        let check_in = self.wish.map_or(0, |wish| wish.check_in);
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.relay == id.relay) else {
            return Told::Nothing;
        };
        // It may have been there, and released, without an answer that got here.
        let unknown = matches!(answer, Answer::Refused(Refusal::UnknownHold));
        let lost = matches!(answer, Answer::Refused(Refusal::HoldLost));
        let exists = matches!(answer, Answer::Refused(Refusal::HoldExists));
        let tells_little = match id.deed {
            Deed::Leave { .. } => exists || matches!(answer, Answer::Held { .. }),
            Deed::Cancel => unknown || lost || *answer == Answer::Cancelled,
            Deed::Extend { .. } => false,
        };
        let unsure =
            tells_little && slot.coming.as_ref().is_some_and(|coming| coming.may_be_out(now_s));
        let now = Now { at_s: now_s, random };
        let gone = match id.deed {
            Deed::Leave { version, until_s } => slot.left(id.hold, version, until_s, answer, now),
            Deed::Extend { until_s } => slot.extended(id.hold, until_s, answer, now),
            Deed::Cancel => slot.cancelled(id.hold, answer, now),
        };
        if lost && gone.is_some() {
            slot.loses_what_was_left(check_in);
        }
        self.slots.retain(|slot| slot.wanted || slot.both().next().is_some());
        if let Some(sealing) = self.sealing.as_mut().filter(|_| unsure) {
            sealing.out = true;
            sealing.sealed.iter_mut().for_each(|one| one.out = true);
        }
        let Some(gone) = gone else { return Told::Nothing };
        // Of what was lost before its time nobody has anything: the same envelopes are left again. After it, the relay's
        // word is not enough.
        let out = gone.may_be_out(now_s) || !(gone.doubtful || lost);
        if let Some(sealing) = self.sealing.as_mut().filter(|_| out) {
            // Of some it is not known what lay there.
            let lay_there = |digest: &[u8; 32]| {
                gone.deliveries.is_empty()
                    || gone.deliveries.iter().any(|placed| placed.digest == *digest)
            };
            for one in sealing.sealed.iter_mut().filter(|one| lay_there(&one.digest)) {
                one.out = true;
                sealing.out = true;
            }
        }
        match (lost, gone.doubtful) {
            (true, _) => Told::Lost,
            (false, true) => Told::Nothing,
            (false, false) => Told::Gone,
        }
    }
}

impl Slot {
    /// Each returns what turned out not to be there any more.
    fn left(
        &mut self,
        hold: HoldId,
        version: u32,
        until_s: u64,
        answer: &Answer,
        now: Now,
    ) -> Option<Left> {
        let mut coming = self.coming.take_if(|coming| coming.secret.id() == hold)?;
        match answer {
            Answer::Held { outcomes } if outcomes.contains(&DeliveryOutcome::Held) => {
                if coming.version == version {
                    coming.take(outcomes);
                } else {
                    // Something else lies there under this secret.
                    coming.deliveries.clear();
                }
                coming.confirmed(until_s);
                (self.armed, self.trouble) = (Some(coming), None);
                return None;
            }
            Answer::Refused(Refusal::HoldExists) => {
                // It worked the first time. Extending it tells the outcomes.
                if coming.version > 0 {
                    coming.deliveries.clear();
                }
                let perhaps_s = coming.perhaps_s.map_or(until_s, |at_s| at_s.min(until_s));
                coming.confirmed(0);
                coming.perhaps_s = Some(perhaps_s);
                (self.armed, self.trouble) = (Some(coming), None);
                return None;
            }
            Answer::Refused(Refusal::UnknownHold | Refusal::HoldLost) if self.armed.is_some() => {
                self.coming = Some(coming);
                return self.armed.take();
            }
            Answer::Held { outcomes } => {
                if coming.version == version {
                    coming.take(outcomes);
                }
                coming.pause(0, now);
                self.trouble = Some(Trouble::Refused);
            }
            other => self.trouble = Some(coming.turned_away(other, now)),
        }
        self.coming = Some(coming);
        None
    }

    fn extended(&mut self, hold: HoldId, until_s: u64, answer: &Answer, now: Now) -> Option<Left> {
        let coming = self.coming.is_some();
        let armed = self.armed.as_mut().filter(|armed| armed.secret.id() == hold)?;
        match answer {
            Answer::Extended { outcomes } => {
                armed.take(outcomes);
                armed.confirmed(until_s);
                self.trouble = None;
            }
            // Another process may have put what comes into its place: the answer to that will tell.
            Answer::Refused(Refusal::UnknownHold) if coming => armed.pause(0, now),
            Answer::Refused(Refusal::UnknownHold | Refusal::HoldLost) => return self.armed.take(),
            other => self.trouble = Some(armed.turned_away(other, now)),
        }
        None
    }

    fn cancelled(&mut self, hold: HoldId, answer: &Answer, now: Now) -> Option<Left> {
        let ended = matches!(
            answer,
            Answer::Cancelled | Answer::Refused(Refusal::UnknownHold | Refusal::HoldLost)
        );
        if let Some(coming) = self.coming.as_mut().filter(|coming| coming.secret.id() == hold) {
            if ended {
                self.coming = None;
            } else {
                coming.turned_away(answer, now);
            }
            return None;
        }
        let armed = self.armed.as_mut().filter(|armed| armed.secret.id() == hold)?;
        match answer {
            Answer::Cancelled | Answer::Refused(Refusal::HoldLost) => self.armed = None,
            // Before its time it was another process that cancelled it.
            Answer::Refused(Refusal::UnknownHold) => {
                return self.armed.take().filter(|armed| armed.may_be_out(now.at_s));
            }
            other => self.trouble = Some(armed.turned_away(other, now)),
        }
        None
    }
}

impl Left {
    /// Whether a time is over at which it may have been released.
    fn may_be_out(&self, now_s: u64) -> bool {
        let over = |at_s: u64| at_s > 0 && at_s <= now_s;
        over(self.until_s) || self.perhaps_s.is_some_and(over)
    }

    fn confirmed(&mut self, until_s: u64) {
        self.until_s = until_s;
        (self.perhaps_s, self.doubtful) = (None, false);
        (self.not_before_s, self.refusals) = (0, 0);
    }

    /// In the order of the deliveries.
    fn take(&mut self, outcomes: &[DeliveryOutcome]) {
        if outcomes.len() == self.deliveries.len() {
            for (placed, outcome) in self.deliveries.iter_mut().zip(outcomes) {
                placed.outcome = Some(*outcome);
            }
        }
    }

    fn turned_away(&mut self, answer: &Answer, now: Now) -> Trouble {
        let (at_least_s, trouble) = match answer {
            Answer::Full { retry_after_s } => (*retry_after_s, Trouble::Full),
            Answer::Unavailable { retry_after_s } => (*retry_after_s, Trouble::Unavailable),
            Answer::Refused(Refusal::HoldLength) => (0, Trouble::TooLong),
            _ => (0, Trouble::Refused),
        };
        self.pause(at_least_s.into(), now);
        trouble
    }
}
