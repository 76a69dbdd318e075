//! What is on its way: envelopes due, relays' answers, receipts, sealing again.

use std::collections::{BTreeSet, HashMap};

use velar_protocol::seal::{MemberId, MessageId};
use velar_protocol::wire::{
    Answer, Delivery as WireDelivery, Envelope, RelayAddress, Request, SendToken, SendTokenHash,
};

use super::sealing::Post;
use super::{Device, Done, Turn};
use crate::holds::{HoldRequest, StepId};
use crate::outbox::{Candidate, Class, Route, RouteState, accepted_at, in_order, wants_resealing};
use crate::records::{
    Delivery, DeliveryKind, Outgoing, OutgoingBytesKind, OutgoingKind, OwedKind, delivery_key,
};
use crate::vault::Fate;
use velar_protocol::circle::{Address, Body};

/// One envelope on one route, or one step with one hold.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DueId(What);

#[derive(Clone, PartialEq, Eq, Hash)]
enum What {
    Envelope {
        key: Vec<u8>,
        /// Not its place among the routes: an address that goes while it is under way moves the others.
        relay: RelayAddress,
        token: SendTokenHash,
    },
    Hold(StepId),
}

/// Something that is to be asked of a relay now.
pub struct Due {
    /// To answer by.
    pub id: DueId,
    /// Where.
    pub relay: RelayAddress,
    what: Asked,
}

enum Asked {
    Send(WireDelivery),
    Hold(HoldRequest),
}

impl DueId {
    /// The relay that is asked.
    #[must_use]
    pub fn relay(&self) -> &RelayAddress {
        match &self.0 {
            What::Envelope { relay, .. } => relay,
            What::Hold(step) => step.relay(),
        }
    }
}

impl Due {
    /// As it is asked at `now_s`. `None`: it is too late for it.
    #[must_use]
    pub fn request(&self, now_s: u64) -> Option<Request> {
        match &self.what {
            Asked::Send(delivery) => Some(Request::Send { delivery: delivery.clone() }),
            Asked::Hold(hold) => hold.at(now_s),
        }
    }

    /// Whose mailbox an envelope is for: what goes there keeps its order.
    #[must_use]
    pub fn lane(&self) -> Option<&SendToken> {
        match &self.what {
            Asked::Send(delivery) => Some(&delivery.token),
            Asked::Hold(_) => None,
        }
    }
}

impl Device {
    /// What is to be sent now, in order, steps with holds last, leaving out what `under_way` says is being sent; at most `limit`
    /// for each relay, with what is under way.
    ///
    /// # Errors
    /// [`DeviceError::Vault`](super::DeviceError::Vault).
    pub fn due(
        &mut self,
        now_s: u64,
        limit: usize,
        under_way: impl Fn(&DueId) -> bool,
    ) -> Done<Vec<Due>> {
        self.read(now_s, |turn| {
            if !turn.can_be_answered()? {
                return Ok(Vec::new());
            }
            let outgoing = turn.tx.list::<OutgoingKind>()?;
            let candidates: Vec<_> = outgoing
                .iter()
                .flat_map(|(_, out)| {
                    out.routes.iter().enumerate().map(move |(route, way)| Candidate {
                        id: (out, route),
                        class: out.class,
                        recipient: &out.to.0,
                        route: way,
                    })
                })
                .collect();
            let mut due = Vec::new();
            let mut busy: HashMap<RelayAddress, usize> = HashMap::new();
            // Each relay has room of its own: one that does not answer must not hold up the others.
            let mut has_room = |relay: &RelayAddress, id: &DueId| {
                let taken = busy.entry(relay.clone()).or_default();
                *taken += 1;
                *taken <= limit && !under_way(id)
            };
            for (out, route) in in_order(&candidates, now_s) {
                let Some(way) = out.routes.get(route) else { continue };
                let key = out.key();
                let (relay, token) = (way.relay.clone(), way.token.hash());
                let id = DueId(What::Envelope { key: key.clone(), relay, token });
                if !has_room(&way.relay, &id) {
                    continue;
                }
                let bytes = turn.readable::<OutgoingBytesKind>(&key)?;
                let Some(envelope) = bytes.and_then(Envelope::new) else { continue };
                let what = Asked::Send(WireDelivery { token: way.token.clone(), envelope });
                due.push(Due { id, relay: way.relay.clone(), what });
            }
            for step in turn.hold_steps()? {
                let relay = step.id.relay().clone();
                let id = DueId(What::Hold(step.id));
                if has_room(&relay, &id) {
                    due.push(Due { id, relay, what: Asked::Hold(step.request) });
                }
            }
            Ok(due)
        })
    }

    /// When the first of what a relay did not take, and is not due at `now_s`, is due again: Unix seconds.
    ///
    /// # Errors
    /// [`DeviceError::Vault`](super::DeviceError::Vault).
    pub fn next_try_s(&mut self, now_s: u64) -> Done<Option<u64>> {
        self.read(now_s, |turn| {
            let outgoing = turn.tx.list::<OutgoingKind>()?;
            let later = |out: &Outgoing| {
                out.routes.iter().filter_map(|route| route.due_later_s(out.class, now_s)).min()
            };
            let envelope_s = outgoing.iter().filter_map(|(_, out)| later(out)).min();
            Ok(envelope_s.into_iter().chain(turn.next_hold_step_s()?).min())
        })
    }

    /// Takes relays' answers to envelopes that were due.
    ///
    /// # Errors
    /// [`DeviceError::Vault`](super::DeviceError::Vault).
    pub fn answered(&mut self, answers: &[(DueId, Answer)], now_s: u64) -> Done {
        self.write(now_s, |turn| {
            for (id, answer) in answers {
                match &id.0 {
                    What::Envelope { key, relay, token } => {
                        turn.answered(key, relay, token, answer)?;
                    }
                    What::Hold(step) => turn.hold_answered(step, answer)?,
                }
            }
            Ok(())
        })
    }

    /// Queues the receipts that are owed. `watching_until_s`: said along by a terminal that is watched.
    ///
    /// # Errors
    /// [`DeviceError::Vault`](super::DeviceError::Vault).
    pub fn send_receipts(&mut self, watching_until_s: Option<u64>, now_s: u64) -> Done<bool> {
        if self.read(now_s, |turn| Ok(turn.tx.count::<OwedKind>()? == 0))? {
            return Ok(false);
        }
        self.write(now_s, |turn| turn.send_receipts(watching_until_s))
    }

    /// Seals again what needs it, what had nothing to be sealed to, and what has aged; issues a new
    /// last-resort prekey when it is time. Cheap when there is nothing to do. With a clock that is wrong by
    /// days nothing is forgotten and no key is dated; nothing is forgotten either before `all_read`, every relay's backlog,
    /// is here.
    ///
    /// # Errors
    /// [`DeviceError::Vault`](super::DeviceError::Vault).
    pub fn tend(&mut self, clock_is_right: bool, all_read: bool, now_s: u64) -> Done {
        if self.read(now_s, |turn| Ok(turn.profile()?.circle.is_none()))? {
            return Ok(());
        }
        self.write(now_s, |turn| {
            turn.look_at_relays()?;
            turn.seal_waiting()?;
            turn.reseal_unheard()?;
            turn.end_invitations()?;
            turn.keep_holds()?;
            if clock_is_right {
                turn.end_exchanges()?;
                turn.renew_card()?;
                turn.let_homes_go()?;
            }
            if clock_is_right && all_read {
                turn.forget_old()?;
            }
            Ok(())
        })
    }
}

impl Turn<'_> {
    fn answered(
        &mut self,
        key: &[u8],
        relay: &RelayAddress,
        token: &SendTokenHash,
        answer: &Answer,
    ) -> Done {
        let Some(mut out) = self.readable::<OutgoingKind>(key)? else { return Ok(()) };
        let before = accepted_at(&out.routes);
        let random = u64::from_le_bytes(self.random());
        let same = |way: &&mut Route| way.relay == *relay && way.token.hash() == *token;
        let Some(route) = out.routes.iter_mut().find(same) else { return Ok(()) };
        route.answered(answer, out.class, self.now_s, random);
        let accepted = route.is_accepted();
        let host = route.relay.place();
        self.tx.put::<OutgoingKind>(key, &out)?;
        if !out.routes.iter().any(crate::outbox::Route::is_waiting) {
            self.tx.delete::<OutgoingBytesKind>(key)?;
        }
        let key = delivery_key(out.message, out.to);
        let Some(mut delivery) = self.readable::<DeliveryKind>(&key)? else { return Ok(()) };
        if accepted && out.reseal == delivery.reseals {
            let now_s = self.now_s;
            match delivery.relays.iter_mut().find(|(name, _)| *name == host) {
                Some((_, at)) => *at = now_s,
                None => delivery.relays.push((host, now_s)),
            }
            delivery.accepted_parts += u8::from(before.is_none());
        }
        let all_parts = delivery.parts.is_some_and(|parts| delivery.accepted_parts >= parts);
        let stuck = !out.routes.is_empty()
            && out.routes.iter().all(|route| route.state == RouteState::GivenUp);
        delivery.given_up |= stuck;
        if all_parts && !delivery.receipt && !self.still_waiting(&delivery)? {
            self.clear(&delivery)?;
            self.tx.delete::<DeliveryKind>(&key)?;
            return Ok(());
        }
        self.set_delivery(&delivery)
    }

    /// Whether any part still waits for any relay.
    fn still_waiting(&self, delivery: &Delivery) -> Done<bool> {
        for out in self.outgoing_of(delivery)? {
            if out.routes.iter().any(crate::outbox::Route::is_waiting) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn outgoing_of(&self, delivery: &Delivery) -> Done<Vec<Outgoing>> {
        let mut found = Vec::new();
        for reseal in 0..=delivery.reseals {
            for index in 0..delivery.parts.unwrap_or(0) {
                let mut key = delivery_key(delivery.message, delivery.to);
                key.extend([reseal, index]);
                found.extend(self.readable::<OutgoingKind>(&key)?);
            }
        }
        Ok(found)
    }

    /// Takes the envelopes of a delivery out of the outbox.
    fn clear(&self, delivery: &Delivery) -> Done {
        for out in self.outgoing_of(delivery)? {
            let key = out.key();
            self.tx.delete::<OutgoingKind>(&key)?;
            self.tx.delete::<OutgoingBytesKind>(&key)?;
        }
        Ok(())
    }

    /// A receipt: this member has this message. Their text is not kept for sending any more.
    pub(super) fn receipted(&mut self, by: MemberId, message: MessageId) -> Done {
        self.card_received(by, message)?;
        let key = delivery_key(message, by);
        let Some(mut delivery) = self.readable::<DeliveryKind>(&key)? else {
            return self.kit_receipted(by, message);
        };
        self.clear(&delivery)?;
        if delivery.told {
            delivery.bytes = Vec::new();
            let alert = delivery.alert.filter(|_| delivery.received_s.is_none());
            delivery.received_s = delivery.received_s.or(Some(self.now_s));
            self.set_delivery(&delivery)?;
            return alert.map_or(Ok(()), |alert| self.log_received(by, alert));
        }
        self.tx.delete::<DeliveryKind>(&key)?;
        Ok(())
    }

    /// Heartbeats to these members that no relay has yet.
    pub(super) fn drop_presence(&self, to: &[MemberId]) -> Done {
        for (_, delivery) in self.tx.list::<DeliveryKind>()? {
            if delivery.class == Class::Presence && to.contains(&delivery.to) {
                self.clear(&delivery)?;
                self.tx.delete::<DeliveryKind>(&delivery_key(delivery.message, delivery.to))?;
            }
        }
        Ok(())
    }

    /// Of what goes to this member, drops what `goes` says.
    pub(super) fn drop_deliveries(&self, to: MemberId, goes: impl Fn(&Delivery) -> bool) -> Done {
        for (_, mut delivery) in self.tx.list::<DeliveryKind>()? {
            if delivery.to == to && delivery.received_s.is_none() && goes(&delivery) {
                self.clear(&delivery)?;
                delivery.given_up = true;
                delivery.bytes = Vec::new();
                self.set_delivery(&delivery)?;
            }
        }
        Ok(())
    }

    /// A member could not open this envelope of mine: says it again, in new envelopes.
    pub(super) fn resend(&mut self, by: MemberId, digest: [u8; 32]) -> Done {
        let asked = self
            .tx
            .list::<OutgoingKind>()?
            .into_iter()
            .find(|(_, o)| o.digest == digest && o.to == by);
        let Some((_, out)) = asked else { return Ok(()) };
        let key = delivery_key(out.message, by);
        let Some(delivery) = self.readable::<DeliveryKind>(&key)? else { return Ok(()) };
        if delivery.reseals < velar_protocol::seal::lifetimes::MAX_RESEALS {
            self.reseal(delivery)?;
        }
        Ok(())
    }

    fn reseal(&mut self, mut delivery: Delivery) -> Done {
        if delivery.bytes.is_empty() {
            return Ok(());
        }
        let before = delivery.clone();
        delivery.reseals += 1;
        delivery.parts = None;
        self.try_to_seal(&mut delivery)?;
        // Nothing to seal it to now: it stays as it was, to be tried again later.
        if delivery.parts.is_none() {
            self.set_delivery(&before)
        } else {
            self.set_delivery(&delivery)
        }
    }

    /// A member's addresses have changed, or which of them this device uses: what has not gone out takes those of now.
    pub(super) fn reroute(&self, to: MemberId) -> Done {
        let (usual, alarm) = (self.ways(to, false)?, self.ways(to, true)?);
        let mut alarms = BTreeSet::new();
        if alarm != usual {
            let deliveries = self.tx.list::<DeliveryKind>()?.into_iter().map(|(_, d)| d);
            let of_theirs = deliveries.filter(|delivery| delivery.to == to && delivery.is_alarm());
            alarms.extend(of_theirs.map(|delivery| delivery.message));
        }
        let (mut moved, mut less) = (false, false);
        self.tx.revise::<OutgoingKind>(|out| {
            if out.to != to
                || out.routes.iter().all(|route| route.is_accepted()) && !out.routes.is_empty()
            {
                return Fate::Keep;
            }
            let addresses = if alarms.contains(&out.message) { &alarm } else { &usual };
            let before = out.routes.clone();
            let known = |a: &Address, r: &Route| a.relay == r.relay && a.token == r.token;
            out.routes.retain(|r| r.is_accepted() || addresses.iter().any(|a| known(a, r)));
            less |= out.routes.len() < before.len();
            for address in addresses {
                if !out.routes.iter().any(|r| known(address, r)) {
                    out.routes.push(Route::new(address.relay.clone(), address.token.clone()));
                    moved = true;
                }
            }
            if out.routes == before { Fate::Keep } else { Fate::Store }
        })?;
        if less {
            self.finish_rerouted(to)?;
        }
        if !moved {
            return Ok(());
        }
        self.tx
            .revise::<DeliveryKind>(|delivery| {
                let revived = delivery.to == to && delivery.given_up && !delivery.bytes.is_empty();
                delivery.given_up &= !revived;
                if revived { Fate::Store } else { Fate::Keep }
            })
            .map_err(Into::into)
    }

    /// What nobody answers with a receipt, and was still to go only where it does not go any more, is done.
    fn finish_rerouted(&self, to: MemberId) -> Done {
        for (_, delivery) in self.tx.list::<DeliveryKind>()? {
            let sent = delivery.parts.is_some_and(|parts| delivery.accepted_parts >= parts);
            if delivery.to == to && sent && !delivery.receipt && !self.still_waiting(&delivery)? {
                self.clear(&delivery)?;
                self.tx.delete::<DeliveryKind>(&delivery_key(delivery.message, to))?;
            }
        }
        Ok(())
    }

    fn reseal_unheard(&mut self) -> Done {
        for (_, delivery) in self.tx.list::<DeliveryKind>()? {
            if !delivery.receipt || delivery.received_s.is_some() || delivery.given_up {
                continue;
            }
            let all = delivery.parts.is_some_and(|parts| delivery.accepted_parts >= parts);
            let accepted = delivery.relays.iter().map(|(_, at)| *at).max().filter(|_| all);
            if accepted.is_none() {
                continue;
            }
            let heard = self.peer(delivery.to)?.heard_s;
            if wants_resealing(accepted, heard, delivery.reseals) {
                self.reseal(delivery)?;
            }
        }
        Ok(())
    }

    pub(super) fn owe_receipt(&self, to: MemberId, message: MessageId) -> Done {
        let mut owed = self.readable::<OwedKind>(&to.0)?.unwrap_or_default();
        owed.add(message);
        Ok(self.tx.put::<OwedKind>(&to.0, &owed)?)
    }

    fn send_receipts(&mut self, watching_until_s: Option<u64>) -> Done<bool> {
        let Some(roster) = self.roster()? else { return Ok(false) };
        let mut any = false;
        for entry in roster.members() {
            let member = entry.member();
            let Some(owed) = self.readable::<OwedKind>(&member.0)? else { continue };
            for messages in owed.receipts() {
                let body = Body::Receipt { messages, watching_until_s };
                self.tell(&[member], body, &Post::of(Class::Care).without_receipt())?;
                any = true;
            }
            self.tx.delete::<OwedKind>(&member.0)?;
        }
        Ok(any)
    }
}
