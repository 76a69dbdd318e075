//! What this device leaves at relays, to be delivered if it falls silent: the dead man's switch. Pure: answers, times and
//! random bytes come in as arguments.
//!
//! One alarm is sealed for each member ([`Sealing`]); at each relay that members list there is one hold with those of
//! its members (`Slot`). A check-in sets the deadline that is wished for; [`Holds::steps`] says what is to be asked of which
//! relay to come there, and [`Holds::answered`] takes what it said. Nothing else decides.

mod step;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod view;

use serde::{Deserialize, Serialize};
use velar_protocol::circle::{AlertEvent, AlertId};
use velar_protocol::seal::lifetimes::PREKEY_MAX_AGE_DAYS;
use velar_protocol::seal::{Day, MemberId};
use velar_protocol::wire::{DeliveryOutcome, HoldSecret, RelayAddress, Request, SendToken};

use crate::outbox::drawn_out;

pub use step::{HoldRequest, Step, StepId, Told};
pub use view::{Loss, SlotState, SlotView, Trouble};

/// A sealing is used for so many days; the first check-in after that makes a new one.
const RENEW_DAYS: u32 = 7;

/// A hold at a relay that no member lists any more, and that does not answer, is let go of so long after it must have
/// been released.
const LET_GO_S: u64 = 86_400;

/// Longest pause before a relay that said no is asked again.
const PAUSE_S: u64 = 3600;

/// After the first no; doubles with each.
const FIRST_PAUSE_S: u64 = 2;

/// A hold's usual length.
const USUAL_S: u32 = 15_600;

/// A question about a hold that there is not. To the network it is what follows a check-in; it goes along with all else
/// that a command sends.
#[must_use]
pub fn question() -> Request {
    let mut secret = [0; 32];
    // Without randomness there is no connection to send it on.
    getrandom::fill(&mut secret).unwrap_or_default();
    Request::Extend { secret: HoldSecret::new(secret), for_s: USUAL_S }
}

/// Everything about holds that this device has to remember.
#[derive(Default, Serialize, Deserialize)]
pub struct Holds {
    wish: Option<Wish>,
    sealing: Option<Sealing>,
    slots: Vec<Slot>,
    /// The check-in at which the alarm was made anew because a relay had let it go, or lost it.
    renewed_at: Option<u64>,
}

/// What the newest check-in asks for.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Wish {
    check_in: u64,
    /// When relays are to release; `None`: no check-in is agreed.
    until_s: Option<u64>,
}

/// What an alarm is about: another one has to be sealed when this changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The alert that it raises.
    pub alert: AlertId,
    /// The number of the plan with the itinerary.
    pub plan: u64,
}

/// One alarm, sealed for each member once.
#[derive(Serialize, Deserialize)]
pub struct Sealing {
    about: About,
    day: Day,
    event: AlertEvent,
    sealed: Vec<Sealed>,
    /// A relay has let it go, or lost it, for some: another is to be made.
    out: bool,
    /// It took the place of one that may be out: nobody's last prekeys are used for it.
    spares: bool,
}

/// An alarm for one member.
#[derive(Serialize, Deserialize)]
struct Sealed {
    member: MemberId,
    day: Day,
    digest: [u8; 32],
    bytes: Vec<u8>,
    /// Of the alarm before, for want of a prekey.
    old: bool,
    /// A relay has let it go, or lost it: it may be with its member already, and would not be read twice.
    out: bool,
}

/// One relay.
#[derive(Serialize, Deserialize)]
struct Slot {
    relay: RelayAddress,
    /// Members list it.
    wanted: bool,
    /// What is there, as far as is known.
    armed: Option<Left>,
    /// What is to take its place. Whether the relay has it already is not known.
    coming: Option<Left>,
    trouble: Option<Trouble>,
    /// What it said that it lost, and since which check-in.
    lost: Option<(u64, Loss)>,
}

/// One hold.
#[derive(Serialize, Deserialize)]
struct Left {
    secret: HoldSecret,
    deliveries: Vec<Placed>,
    /// Counts how often the deliveries were exchanged under this secret.
    version: u32,
    /// When the relay releases it, as far as it has confirmed that; 0: unknown.
    until_s: u64,
    /// The earliest that it was asked for since, perhaps: no answer came.
    perhaps_s: Option<u64>,
    /// The latest release that was ever wished for.
    latest_s: u64,
    /// It was to be cancelled: that it is not there says nothing.
    doubtful: bool,
    not_before_s: u64,
    refusals: u8,
}

/// One envelope in a hold.
#[derive(Clone, Serialize, Deserialize)]
pub struct Placed {
    /// For whom.
    pub member: MemberId,
    /// Their token for this device at this relay.
    pub token: SendToken,
    digest: [u8; 32],
    outcome: Option<DeliveryOutcome>,
}

impl Holds {
    /// A check-in was made at `now_s`. Relays are to release at `until_s` if nothing follows; `None`: nothing is agreed.
    pub fn wish(&mut self, check_in: u64, until_s: Option<u64>, now_s: u64) {
        for slot in self.slots.iter_mut().filter(|slot| slot.armed.is_none()) {
            // What is left now is left again.
            if self.wish.is_some_and(|wish| slot.lost_since(wish.check_in).is_some()) {
                slot.lost = Some((check_in, Loss::Once));
            }
        }
        for left in self.slots.iter_mut().flat_map(Slot::both_mut) {
            match self.wish.map(|wish| wish.until_s) {
                Some(Some(wished_s)) if wished_s != left.until_s => {
                    left.perhaps_s =
                        left.perhaps_s.map_or(Some(wished_s), |at| Some(at.min(wished_s)));
                }
                Some(None) => left.doubtful = true,
                _ => {}
            }
            left.latest_s = left.latest_s.max(until_s.unwrap_or(0));
            (left.not_before_s, left.refusals) = (0, 0);
        }
        self.slots.retain(|slot| {
            slot.wanted || slot.both().any(|left| left.latest_s.saturating_add(LET_GO_S) > now_s)
        });
        self.wish = Some(Wish { check_in, until_s });
    }

    /// The newest check-in that was told to this, if its deadline is still ahead.
    #[must_use]
    pub fn is_running(&self, now_s: u64) -> bool {
        self.wish.and_then(|wish| wish.until_s).is_some_and(|until_s| until_s > now_s)
    }

    /// Whether another alarm is to be made: at a check-in about this, on this day.
    #[must_use]
    pub fn wants_alarm(&self, about: About, today: Day) -> bool {
        self.sealing.as_ref().is_none_or(|sealing| {
            sealing.out || sealing.about != about || today.0.abs_diff(sealing.day.0) >= RENEW_DAYS
        })
    }

    /// Whether the alarm may be with the members already: at once, another is to be made.
    #[must_use]
    pub fn is_out(&self) -> bool {
        self.sealing.as_ref().is_some_and(|sealing| sealing.out)
    }

    /// Whether another alarm is to be made at once in the place of one that may be out: once for each check-in. A relay that
    /// loses everything, or says so, must not use up everybody's prekeys.
    pub fn takes_renewal(&mut self) -> bool {
        let check_in = self.wish.map(|wish| wish.check_in);
        self.is_out() && std::mem::replace(&mut self.renewed_at, check_in) != check_in
    }

    /// Whether nobody's last prekeys are to be used for the alarm: not for one whose predecessor a relay let go, or says
    /// that it lost.
    #[must_use]
    pub fn spares(&self) -> bool {
        self.sealing.as_ref().is_some_and(|sealing| sealing.spares)
    }

    /// Another alarm takes the place of the one before. Whoever cannot be sealed to keeps that one, if it has not gone out.
    pub fn begin(&mut self, about: About, event: AlertEvent, today: Day) {
        let spares = self.is_out();
        let mut sealed = self.sealing.take().map(|sealing| sealing.sealed).unwrap_or_default();
        sealed.retain(|one| !one.out && today.0.abs_diff(one.day.0) <= PREKEY_MAX_AGE_DAYS);
        sealed.iter_mut().for_each(|one| one.old = true);
        self.sealing = Some(Sealing { about, day: today, event, sealed, out: false, spares });
    }

    /// The alarm that is to be sealed for these members, and for whom it is not yet. Who is not among them is let go of.
    /// `None` for one that may be out.
    pub fn unsealed(&mut self, members: &[MemberId]) -> Option<(AlertEvent, Vec<MemberId>)> {
        let sealing = self.sealing.as_mut().filter(|sealing| !sealing.out)?;
        sealing.sealed.retain(|one| members.contains(&one.member));
        let has =
            |member: &MemberId| sealing.sealed.iter().any(|one| one.member == *member && !one.old);
        let lacking = members.iter().filter(|member| !has(member)).copied().collect();
        Some((sealing.event.clone(), lacking))
    }

    /// It was sealed for this member.
    pub fn sealed(&mut self, member: MemberId, digest: [u8; 32], bytes: Vec<u8>, today: Day) {
        if let Some(sealing) = &mut self.sealing {
            sealing.sealed.retain(|one| one.member != member);
            let sealed = Sealed { member, day: today, digest, bytes, old: false, out: false };
            sealing.sealed.push(sealed);
        }
    }

    /// Says what is to lie at which relay: for each member its address there. What lies there already stays; with `again`,
    /// what a relay did not take is offered once more. Says whether anything changed.
    pub fn place(
        &mut self,
        addresses: &[(RelayAddress, MemberId, SendToken)],
        again: bool,
        mut draw: impl FnMut() -> [u8; 32],
    ) -> bool {
        let Some(sealing) = &self.sealing else { return false };
        let until_s = self.wish.and_then(|wish| wish.until_s).unwrap_or(0);
        let mut relays: Vec<(RelayAddress, Vec<Placed>)> = Vec::new();
        for (relay, member, token) in addresses {
            let mut of_theirs = sealing.sealed.iter().filter(|one| one.member == *member);
            let Some(one) = of_theirs.find(|one| !one.out) else { continue };
            let placed =
                Placed { member: *member, token: token.clone(), digest: one.digest, outcome: None };
            match relays.iter_mut().find(|(known, _)| known == relay) {
                // One mailbox at each relay is enough.
                Some((_, all)) if all.iter().any(|known| known.member == *member) => {}
                Some((_, all)) => all.push(placed),
                None => relays.push((relay.clone(), vec![placed])),
            }
        }
        let mut changed = false;
        for slot in &mut self.slots {
            let wanted = addresses.iter().any(|(relay, ..)| *relay == slot.relay);
            changed |= slot.wanted != wanted;
            // From now on it may be cancelled.
            slot.both_mut().for_each(|left| left.doubtful |= !wanted);
            slot.wanted = wanted;
        }
        for (relay, deliveries) in relays {
            let at = self.slots.iter().position(|slot| slot.relay == relay);
            let at = at.unwrap_or_else(|| {
                self.slots.push(Slot::new(relay));
                self.slots.len() - 1
            });
            if let Some(slot) =
                self.slots.get_mut(at).filter(|slot| !slot.loses(&deliveries, addresses))
            {
                changed |= slot.place(deliveries, again, until_s, &mut draw);
            }
        }
        changed
    }
}

impl Slot {
    fn new(relay: RelayAddress) -> Self {
        Self { relay, wanted: true, armed: None, coming: None, trouble: None, lost: None }
    }

    /// What was lost since this check-in.
    fn lost_since(&self, check_in: u64) -> Option<Loss> {
        self.lost.filter(|(at, _)| *at == check_in).map(|(_, loss)| loss)
    }

    fn loses_what_was_left(&mut self, check_in: u64) {
        let before = self.lost_since(check_in);
        self.lost = Some((check_in, before.map_or(Loss::Once, |_| Loss::Again)));
    }

    /// Whether somebody who can be reached here would be left out for want of an envelope: what lies there then goes on.
    fn loses(
        &self,
        deliveries: &[Placed],
        addresses: &[(RelayAddress, MemberId, SendToken)],
    ) -> bool {
        let mut there = self.armed.iter().flat_map(|armed| &armed.deliveries);
        there.any(|placed| {
            let listed = |(relay, member, _): &(RelayAddress, MemberId, SendToken)| {
                *relay == self.relay && *member == placed.member
            };
            addresses.iter().any(listed)
                && !deliveries.iter().any(|one| one.member == placed.member)
        })
    }

    fn both(&self) -> impl Iterator<Item = &Left> {
        self.armed.iter().chain(&self.coming)
    }

    fn both_mut(&mut self) -> impl Iterator<Item = &mut Left> {
        self.armed.iter_mut().chain(&mut self.coming)
    }

    fn place(
        &mut self,
        deliveries: Vec<Placed>,
        again: bool,
        until_s: u64,
        draw: &mut impl FnMut() -> [u8; 32],
    ) -> bool {
        if let Some(coming) = &mut self.coming {
            let same = coming.is_of(&deliveries);
            if !same {
                coming.deliveries = deliveries;
                coming.version += 1;
                (coming.not_before_s, coming.refusals) = (0, 0);
            }
            return !same;
        }
        let stays = self
            .armed
            .as_ref()
            .is_some_and(|armed| armed.is_of(&deliveries) && !(again && armed.was_refused()));
        if !stays {
            self.coming = Some(Left {
                secret: HoldSecret::new(draw()),
                deliveries,
                version: 0,
                until_s: 0,
                perhaps_s: None,
                latest_s: until_s,
                doubtful: false,
                not_before_s: 0,
                refusals: 0,
            });
        }
        !stays
    }
}

/// When an answer came, and a random number for the pause after it.
#[derive(Clone, Copy)]
struct Now {
    at_s: u64,
    random: u64,
}

impl Left {
    fn is_of(&self, deliveries: &[Placed]) -> bool {
        let same = |(a, b): (&Placed, &Placed)| {
            a.member == b.member && a.token == b.token && a.digest == b.digest
        };
        self.deliveries.len() == deliveries.len()
            && self.deliveries.iter().zip(deliveries).all(same)
    }

    /// Whether the relay has confirmed this deadline, and nothing else was asked since.
    fn is_until(&self, until_s: u64) -> bool {
        self.until_s == until_s && self.perhaps_s.is_none() && !self.doubtful
    }

    fn was_refused(&self) -> bool {
        let taken = |placed: &Placed| matches!(placed.outcome, None | Some(DeliveryOutcome::Held));
        !self.deliveries.iter().all(taken)
    }

    /// A time beyond the longest pause was set by another clock.
    fn may_ask(&self, now_s: u64) -> bool {
        self.not_before_s <= now_s || self.not_before_s > now_s.saturating_add(PAUSE_S)
    }

    fn pause(&mut self, at_least_s: u64, now: Now) {
        let pause_s = (FIRST_PAUSE_S << self.refusals.min(16)).max(at_least_s);
        let pause_s = drawn_out(pause_s, PAUSE_S, now.random);
        self.not_before_s = now.at_s.saturating_add(pause_s);
        self.refusals = self.refusals.saturating_add(1);
    }
}
