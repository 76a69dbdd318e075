//! The holds of a relay as a map: `protocol/SPEC.md` §4.6, without a network, a disk or an outage.

use std::collections::{HashMap, HashSet};

use velar_protocol::wire::{
    Answer, Delivery, DeliveryOutcome, HoldId, HoldSecret, Refusal, Request, SendTokenHash,
};

/// The longest that it holds anything.
const LENGTH_S: u64 = 30 * 86_400;

/// What it holds.
#[derive(Default)]
pub(crate) struct Relay {
    pub(crate) holds: HashMap<HoldId, Held>,
    pub(crate) lost: HashSet<HoldId>,
}

/// One hold.
pub(crate) struct Held {
    pub(crate) release_s: u64,
    pub(crate) deliveries: Vec<(Delivery, DeliveryOutcome)>,
}

impl Relay {
    /// Damage takes all that it holds.
    pub(crate) fn lose(&mut self) {
        self.lost.extend(self.holds.drain().map(|(id, _)| id));
    }

    fn gone(&self, id: &HoldId) -> Answer {
        let lost = self.lost.contains(id);
        Answer::Refused(if lost { Refusal::HoldLost } else { Refusal::UnknownHold })
    }

    /// Answers a request about a hold; `takes` says what becomes of a delivery.
    pub(crate) fn ask(
        &mut self,
        request: Request,
        now_s: u64,
        takes: impl Fn(&SendTokenHash) -> DeliveryOutcome,
    ) -> Answer {
        let refused = Answer::Refused;
        let too_long = |for_s: u32| for_s == 0 || u64::from(for_s) > LENGTH_S;
        match request {
            Request::Hold { id, for_s, deliveries, replaces } => {
                let replaced = replaces.as_ref().map(HoldSecret::id);
                if too_long(for_s) {
                    return refused(Refusal::HoldLength);
                }
                if self.holds.contains_key(&id) && replaced != Some(id) {
                    return refused(Refusal::HoldExists);
                }
                if let Some(gone) = replaced.filter(|old| !self.holds.contains_key(old)) {
                    return self.gone(&gone);
                }
                let outcomes: Vec<_> =
                    deliveries.iter().map(|delivery| takes(&delivery.token.hash())).collect();
                if outcomes.contains(&DeliveryOutcome::Held) {
                    let deliveries = deliveries.into_iter().zip(outcomes.clone()).collect();
                    replaced.map(|replaced| self.holds.remove(&replaced));
                    let release_s = now_s + u64::from(for_s);
                    self.holds.insert(id, Held { release_s, deliveries });
                    self.lost.remove(&id);
                }
                Answer::Held { outcomes }
            }
            Request::Extend { secret, for_s } => match self.holds.get_mut(&secret.id()) {
                _ if too_long(for_s) => refused(Refusal::HoldLength),
                None => self.gone(&secret.id()),
                Some(held) => {
                    held.release_s = now_s + u64::from(for_s);
                    let outcome = |(delivery, outcome): &(Delivery, _)| match outcome {
                        DeliveryOutcome::Held => takes(&delivery.token.hash()),
                        other => *other,
                    };
                    Answer::Extended { outcomes: held.deliveries.iter().map(outcome).collect() }
                }
            },
            Request::Cancel { secret } => match self.holds.remove(&secret.id()) {
                Some(_) => Answer::Cancelled,
                None => self.gone(&secret.id()),
            },
            other => panic!("not about a hold: {other:?}"),
        }
    }

    /// What is released by now.
    pub(crate) fn release(&mut self, now_s: u64) -> Vec<Delivery> {
        let over: Vec<HoldId> = self
            .holds
            .iter()
            .filter(|(_, held)| held.release_s <= now_s)
            .map(|(id, _)| *id)
            .collect();
        let released = over.iter().filter_map(|id| self.holds.remove(id));
        let held = released.flat_map(|held| held.deliveries);
        held.filter(|(_, outcome)| *outcome == DeliveryOutcome::Held).map(|(one, _)| one).collect()
    }
}
