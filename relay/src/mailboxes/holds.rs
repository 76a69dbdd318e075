//! Holds: the dead man's switch as the relay sees it.

mod index;
mod releasing;

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

use velar_protocol::wire::{Answer, DeliveryOutcome, Envelope, HoldId, Refusal, SendTokenHash};

use super::{Mailboxes, Reply, Room, full, refused};
use crate::clock::Now;
use crate::limits::{
    ABANDONED_AFTER_S, HELD_FOR_EACH, HELD_FOR_MAILBOX, HELD_FOR_TOKEN, HOLDS_SWEPT_AT_ONCE,
    LOST_HOLD_S, Limits, NOT_HELD_PARTS,
};
use crate::rate::{Bucket, Rate};
use crate::shares::share;
use crate::store::{HeldDelivery, HeldKey, HoldRecord, LostHold, Write};

use self::index::Hold;
pub(super) use self::index::Holds;

/// A hold that is asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) id: HoldId,
    pub(crate) for_s: u32,
    pub(crate) deliveries: Vec<(SendTokenHash, Envelope)>,
    /// The hold whose place it takes.
    pub(crate) replaces: Option<HoldId>,
}

impl Mailboxes {
    /// Leaves envelopes for later. Where none of them can be held nothing is stored, and a hold that was
    /// to be replaced stays.
    pub(crate) fn hold(&mut self, asked: Asked, now: Now, writes: &mut Vec<Write>) -> Reply {
        let Asked { id, for_s, deliveries, replaces } = asked;
        if for_s == 0 || for_s > self.limits.hold_length_s {
            return refused(Refusal::HoldLength);
        }
        if self.holds.has(&id) && replaces != Some(id) {
            return refused(Refusal::HoldExists);
        }
        let (gone, replaces) = match replaces {
            Some(old) if self.holds.abandoned.contains_key(&old) => (Some(old), None),
            other => (None, other),
        };
        if let Some(old) = replaces.filter(|old| !self.holds.has(old)) {
            return self.gone(&old);
        }
        if let Err(retry_after_s) = replaces.map_or(Ok(()), |old| self.charge_hold(&old, now)) {
            return Reply::Now(Answer::Full { retry_after_s });
        }
        let old = replaces.and_then(|old| self.holds.remove(&old));
        if self.room != Room::Enough || !self.fits(deliveries.len(), old.as_ref()) {
            self.put_back(old);
            return full();
        }
        // The space of the one that goes is free for the one that comes.
        if let Some(old) = &old {
            self.unreserve(&old.record);
        }
        let mut freed: HashMap<SendTokenHash, u32> = HashMap::new();
        for token in old.iter().flat_map(|old| old.record.held()) {
            *freed.entry(*token).or_default() += 1;
        }
        let mut outcomes = Vec::with_capacity(deliveries.len());
        let mut record = Vec::with_capacity(deliveries.len());
        let mut envelopes = Vec::with_capacity(deliveries.len());
        for (at, (token, envelope)) in (0..=u8::MAX).zip(deliveries) {
            // It had this place before: shares that have shrunk since do not take it.
            let had = freed.get_mut(&token).filter(|left| **left > 0);
            let outcome = self.reserve(&token, had.is_some(), now);
            if let Some(left) = had {
                *left -= 1;
            }
            if outcome == DeliveryOutcome::Held {
                envelopes.push((at, envelope));
            }
            outcomes.push(outcome);
            record.push(HeldDelivery { token, outcome });
        }
        let not_held = record.len() - envelopes.len();
        let crowds = self.crowds(envelopes.len(), not_held, old.as_ref());
        if envelopes.is_empty() || crowds {
            for delivery in record.iter().filter(|one| one.outcome == DeliveryOutcome::Held) {
                if let Some(mailbox) = self.mailbox_of(&delivery.token) {
                    mailbox.unreserve(&delivery.token);
                    self.count(&delivery.token);
                }
            }
            if let Some(old) = &old {
                self.reserve_again(&old.record);
            }
            self.put_back(old);
            return if crowds { full() } else { Reply::Now(Answer::Held { outcomes }) };
        }
        if let Some(gone) = gone {
            self.holds.abandoned.remove(&gone);
        }
        self.generations = self.generations.wrapping_add(1);
        let key = HeldKey { id, generation: self.generations };
        let due_s = now.due_s(for_s);
        let record = HoldRecord { key, due_s, deliveries: record };
        let rate = old.as_ref().map_or_else(|| Bucket::new(now), |old| old.rate);
        let hold = Hold {
            record: record.clone(),
            rate,
            accesses: self.accesses(&record),
            releasing: false,
            whole: true,
            fresh: true,
            gone_since_s: None,
        };
        self.holds.insert(hold);
        let replaces = old.map(|old| old.record.key);
        writes.push(Write::Hold { record, envelopes, replaces });
        if self.lost.remove(&id).is_some() {
            // Found beside the hold after a crash, the mark is dropped.
            writes.push(Write::ForgetLostHold(id));
        }
        Reply::Durable(Answer::Held { outcomes })
    }

    /// Moves a hold's release. Also answers what would become of each delivery now.
    pub(crate) fn extend(
        &mut self,
        id: &HoldId,
        for_s: u32,
        now: Now,
        writes: &mut Vec<Write>,
    ) -> Reply {
        if for_s == 0 || for_s > self.limits.hold_length_s {
            return refused(Refusal::HoldLength);
        }
        if let Err(retry_after_s) = self.charge_hold(id, now) {
            return Reply::Now(Answer::Full { retry_after_s });
        }
        let extended = self.holds.change(id, |hold| {
            hold.record.due_s = now.due_s(for_s);
            (hold.releasing, hold.fresh) = (false, true);
        });
        let Some(record) = extended else {
            let Some((deliveries, _)) = self.holds.abandoned.get(id) else { return self.gone(id) };
            let outcomes = vec![DeliveryOutcome::Refused; *deliveries];
            return self.promise(Answer::Extended { outcomes });
        };
        let outcome = |delivery: &HeldDelivery| match delivery.outcome {
            DeliveryOutcome::Held if !self.tokens.contains_key(&delivery.token) => {
                DeliveryOutcome::Refused
            }
            other => other,
        };
        let outcomes = record.deliveries.iter().map(outcome).collect();
        writes.push(Write::HoldRecord(record));
        if self.room == Room::None {
            // Nothing is promised; but while this process lives, nobody who extended is reported missing.
            return full();
        }
        Reply::Durable(Answer::Extended { outcomes })
    }

    /// Deletes a hold with its envelopes.
    pub(crate) fn cancel(&mut self, id: &HoldId, writes: &mut Vec<Write>) -> Reply {
        if self.holds.abandoned.remove(id).is_some() {
            return self.promise(Answer::Cancelled);
        }
        let Some(hold) = self.holds.remove(id) else { return self.gone(id) };
        self.unreserve(&hold.record);
        writes.push(Write::RemoveHold(hold.record.key));
        if self.room == Room::None { full() } else { Reply::Durable(Answer::Cancelled) }
    }

    /// A hold whose envelopes this process has not read back yet: the caller does, before it is extended, and comes
    /// back with [`Mailboxes::looked_at`].
    pub(crate) fn unread(&self, id: &HoldId) -> Option<HoldRecord> {
        self.holds.get(id).filter(|hold| !hold.whole).map(|hold| hold.record.clone())
    }

    /// Takes how many of a hold's envelopes could be read. One that is not whole is lost, the rest of it too: it
    /// would fire for some, and its owner would take it for armed. The answer then.
    pub(crate) fn looked_at(
        &mut self,
        record: &HoldRecord,
        readable: usize,
        now: Now,
        writes: &mut Vec<Write>,
    ) -> Option<Reply> {
        if readable < record.held().count() {
            return self.lose_hold(record.key, now, writes).then(|| self.gone(&record.key.id));
        }
        self.holds.change(&record.key.id, |hold| hold.whole |= hold.record.key == record.key);
        None
    }

    /// Drops a hold that was damaged, and remembers that it did not fire. `false`: it is not there any more.
    pub(crate) fn lose_hold(&mut self, key: HeldKey, now: Now, writes: &mut Vec<Write>) -> bool {
        if self.holds.get(&key.id).is_none_or(|hold| hold.record.key != key) {
            return false;
        }
        let Some(hold) = self.holds.remove(&key.id) else { return false };
        self.unreserve(&hold.record);
        if self.lost.len() >= self.limits.holds as usize {
            let oldest = self.lost.iter().min_by_key(|(_, until_s)| **until_s);
            if let Some(oldest) = oldest.map(|(id, _)| *id) {
                tracing::error!(
                    "more holds were lost than are remembered; the oldest is forgotten"
                );
                self.lost.remove(&oldest);
                writes.push(Write::ForgetLostHold(oldest));
            }
        }
        let until_s = now.hold_s() + LOST_HOLD_S;
        self.lost.insert(key.id, until_s);
        // First: a crash between the two must not make it look as if it had fired.
        writes.push(Write::LostHold(LostHold { id: key.id, until_s }));
        writes.push(Write::ReleaseHold(key));
        true
    }

    /// Nobody comes back for these: they would have been released long ago.
    pub(super) fn forget_lost(&mut self, now: Now, writes: &mut Vec<Write>) {
        self.lost.retain(|id, until_s| {
            let stays = *until_s > now.hold_s();
            if !stays {
                writes.push(Write::ForgetLostHold(*id));
            }
            stays
        });
    }

    /// Takes what writing this hold anew costs, or says after how many seconds it will be there. One that is not there costs nothing.
    fn charge_hold(&mut self, id: &HoldId, now: Now) -> Result<(), u32> {
        let Limits { hold_rate_per_min: per_min, hold_burst: burst, .. } = self.limits;
        let hold = self.holds.by_id.get_mut(id);
        hold.map_or(Ok(()), |hold| hold.rate.take(Rate { per_min, burst }, 1, now))
    }

    /// To who asks for a hold that is not there.
    fn gone(&self, id: &HoldId) -> Reply {
        if self.lost.contains_key(id) {
            // Perhaps in a group that is not committed yet: this answer waits behind it.
            self.promise(Answer::Refused(Refusal::HoldLost))
        } else {
            refused(Refusal::UnknownHold)
        }
    }

    pub(super) fn restore_hold(&mut self, record: HoldRecord, now: Now, writes: &mut Vec<Write>) {
        self.generations = self.generations.max(record.key.generation);
        self.reserve_again(&record);
        if self.lost.remove(&record.key.id).is_some() {
            // A crash cut in two how it was lost, or how it was left again: whether it is whole is found when it is extended.
            writes.push(Write::ForgetLostHold(record.key.id));
        }
        let accesses = self.accesses(&record);
        self.holds.insert(Hold {
            record,
            accesses,
            releasing: false,
            whole: false,
            fresh: false,
            gone_since_s: None,
            rate: Bucket::new(now),
        });
    }

    pub(super) fn drop_hold(&mut self, id: &HoldId) -> Option<HeldKey> {
        let hold = self.holds.remove(id)?;
        self.unreserve(&hold.record);
        Some(hold.record.key)
    }

    fn put_back(&mut self, hold: Option<Hold>) {
        if let Some(hold) = hold {
            self.holds.insert(hold);
        }
    }

    /// Looks at a few holds: one whose recipients have all been gone for [`ABANDONED_AFTER_S`] is dropped, however often it is
    /// extended. It would keep others from leaving theirs.
    pub(super) fn sweep_some_holds(&mut self, now: Now, writes: &mut Vec<Write>) {
        let Some(from) = self.sweep_holds else { return };
        let range = self.holds.due.range((from, Bound::Unbounded));
        let some: Vec<(u64, HoldId)> = range.take(HOLDS_SWEPT_AT_ONCE).copied().collect();
        self.sweep_holds = some.last().map(|last| Bound::Excluded(*last));
        for (due_s, id) in some {
            let Some(hold) = self.holds.by_id.get_mut(&id) else { continue };
            if hold.record.held().any(|token| self.tokens.contains_key(token)) {
                hold.gone_since_s = None;
                continue;
            }
            let since_s = *hold.gone_since_s.get_or_insert(now.hold_s());
            if now.hold_s() < since_s + ABANDONED_AFTER_S {
                continue;
            }
            let (key, deliveries) = (hold.record.key, hold.record.deliveries.len());
            self.holds.remove(&id);
            if self.holds.abandoned.len() < self.limits.holds as usize {
                self.holds.abandoned.insert(id, (deliveries, due_s));
            }
            writes.push(Write::RemoveHold(key));
        }
        if self.sweep_holds.is_none() {
            self.holds.abandoned.retain(|_, (_, until_s)| *until_s > now.hold_s());
        }
    }

    /// Whether there is room for a hold of so many deliveries in the place of `old`. One that has no more than that takes nothing new.
    fn fits(&self, deliveries: usize, old: Option<&Hold>) -> bool {
        let had = old.map_or(0, |old| old.record.deliveries.len());
        let more = deliveries.saturating_sub(had) as u64;
        let left = self.deliveries_left().min(self.spare()).saturating_sub(had as u64);
        self.holds.len() < self.limits.holds as usize && (more == 0 || more <= left)
    }

    /// Whether a hold in the place of `old` has more deliveries that are not held than it may have of what is left.
    fn crowds(&self, held: usize, not_held: usize, old: Option<&Hold>) -> bool {
        let had = old.map_or(0, |old| old.record.deliveries.len() - old.record.held().count());
        let part = share(self.deliveries_left(), 0, NOT_HELD_PARTS);
        held > 0 && not_held > held.max(had) && not_held as u64 > part
    }

    /// Deliveries of holds that there may still be.
    fn deliveries_left(&self) -> u64 {
        u64::from(self.limits.hold_deliveries).saturating_sub(self.holds.deliveries())
    }

    /// Reserves a place for an envelope; `had`: it had one in the hold that is replaced.
    fn reserve(&mut self, token: &SendTokenHash, had: bool, now: Now) -> DeliveryOutcome {
        let (limits, rate, envelopes) =
            (self.limits, self.token_rate(), self.envelope_share(token));
        let held = match limits.hold_part {
            0 => u64::MAX,
            parts => share(limits.holds.into(), self.holds.len() as u64, parts.into())
                .min(share(self.deliveries_left(), 0, parts.into()))
                .clamp(HELD_FOR_EACH.into(), HELD_FOR_MAILBOX.into()),
        };
        let of_token = match limits.hold_part {
            0 => u32::MAX,
            _ => HELD_FOR_TOKEN,
        };
        // All mailboxes by the same access token have a share together.
        let (access, left) =
            (self.access_by(token), (limits.holds as usize).saturating_sub(self.holds.len()));
        let left = (left as u64).min(self.deliveries_left());
        let all = self.by_access.share(access, left, limits.access_part);
        let is_over = u64::from(self.holds.by_access(access)) >= all;
        let held = if is_over { held.min(HELD_FOR_EACH.into()) } else { held };
        let Some(mailbox) = self.mailbox_of(token) else { return DeliveryOutcome::Refused };
        let fits = u64::from(mailbox.reserved()) < held
            && mailbox.reserved_by(token) < of_token
            && mailbox.has_room(&limits, token, envelopes);
        if !(had || fits && mailbox.charge(token, rate, now).is_ok()) {
            return DeliveryOutcome::Full;
        }
        mailbox.reserve(token);
        self.count(token);
        self.take_envelope();
        DeliveryOutcome::Held
    }

    fn reserve_again(&mut self, record: &HoldRecord) {
        for token in record.held() {
            if let Some(mailbox) = self.mailbox_of(token) {
                mailbox.reserve(token);
                self.count(token);
            }
        }
    }

    /// The access tokens that the mailboxes of a hold's recipients are by.
    fn accesses(&self, record: &HoldRecord) -> Vec<u16> {
        let all = record.held().map(|token| self.access_by(token));
        let distinct: BTreeSet<u16> = all.filter(|access| *access != 0).collect();
        distinct.into_iter().collect()
    }

    fn unreserve(&mut self, record: &HoldRecord) {
        for token in record.held() {
            if let Some(mailbox) = self.mailbox_of(token) {
                mailbox.unreserve(token);
                self.count(token);
            }
        }
    }
}
