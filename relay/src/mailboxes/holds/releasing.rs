//! Holds whose time has come.

use velar_protocol::wire::{DeliveryOutcome, Envelope, HoldId};

use super::index::Hold;
use crate::clock::Now;
use crate::limits::{RELEASED_AT_ONCE, RELEASED_WITHOUT_ROOM};
use crate::mailboxes::Mailboxes;
use crate::store::{HeldKey, HoldRecord, Room, Write, short_digest};

impl Mailboxes {
    /// Holds to be released now, a few at a time: the caller reads their envelopes and comes back with
    /// [`Mailboxes::release`].
    pub(crate) fn due(&mut self, now: Now) -> Vec<HoldRecord> {
        if now.hold_s() < self.release_not_before_s
            || self.released_without_room > RELEASED_WITHOUT_ROOM
        {
            return Vec::new();
        }
        let next = || {
            let id = self.holds.first_due(now)?;
            self.holds.change(&id, |hold| hold.releasing = true)
        };
        std::iter::from_fn(next).take(RELEASED_AT_ONCE).collect()
    }

    /// Puts the envelopes of a due hold into their mailboxes. One that was extended, replaced or cancelled
    /// meanwhile stays as it is. None of them may be [in doubt](Mailboxes::in_doubt). An envelope that is missing among
    /// them is counted in its mailbox; returns how many.
    pub(crate) fn release(
        &mut self,
        key: HeldKey,
        envelopes: Vec<(u8, Envelope)>,
        now: Now,
        writes: &mut Vec<Write>,
    ) -> usize {
        let ready = |hold: &Hold| hold.record.key == key && hold.releasing;
        if !self.holds.get(&key.id).is_some_and(ready) {
            return 0;
        }
        let Some(hold) = self.holds.get(&key.id) else { return 0 };
        let record = hold.record.clone();
        let missing = self.count_missing(&record, &envelopes, writes);
        if envelopes.is_empty() {
            self.lose_hold(key, now, writes);
            return missing;
        }
        if self.room == Room::None {
            self.released_without_room += envelopes.len();
        }
        self.holds.remove(&key.id);
        self.unreserve(&record);
        for (at, envelope) in envelopes {
            let Some(delivery) = record.deliveries.get(usize::from(at)) else { continue };
            let digest = short_digest(&envelope);
            let Some(seen) = self.has_seen(&delivery.token, &digest, now) else { continue };
            // After a crash in the middle of a release some are there already.
            if !seen {
                self.put(&delivery.token, envelope, digest, now, writes);
            }
        }
        // After the envelopes: a crash between them releases again, and doubles are recognised.
        writes.push(Write::ReleaseHold(key));
        missing
    }

    /// Counts in its mailbox each envelope that damage has taken.
    fn count_missing(
        &mut self,
        record: &HoldRecord,
        envelopes: &[(u8, Envelope)],
        writes: &mut Vec<Write>,
    ) -> usize {
        let mut missing = 0;
        for (at, delivery) in (0..=u8::MAX).zip(&record.deliveries) {
            let there = envelopes.iter().any(|(of, _)| *of == at);
            if there || delivery.outcome != DeliveryOutcome::Held {
                continue;
            }
            missing += 1;
            if let Some(mailbox) = self.mailbox_of(&delivery.token) {
                // A crash before the hold is removed counts it twice rather than never.
                mailbox.expired += 1;
                writes.push(Write::Mailbox(mailbox.record()));
            }
        }
        missing
    }

    /// The outage before the start was longer than it seemed, and hold time has gone on by that much just now. What
    /// was promised since the start is to come as late as was promised.
    pub(crate) fn outage_was_longer(&mut self, by_ms: u64, now: Now, writes: &mut Vec<Write>) {
        let by_s = by_ms.div_ceil(1000);
        self.note_gap(by_s, now);
        let later = |hold: &&Hold| hold.fresh && !hold.releasing;
        let ids: Vec<HoldId> =
            self.holds.by_id.values().filter(later).map(|hold| hold.record.key.id).collect();
        for id in ids {
            let add = |hold: &mut Hold| {
                hold.record.due_s = hold.record.due_s.saturating_add(by_s);
            };
            writes.extend(self.holds.change(&id, add).map(Write::HoldRecord));
        }
    }
}
