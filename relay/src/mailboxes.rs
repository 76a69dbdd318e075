//! The relay's state: who may send where, what waits for whom, what is held. Pure: requests and the
//! time go in; answers and [`Write`]s come out. Envelopes themselves stay here only until they are on
//! disk and every online subscriber has taken them.
//!
//! An answer that is [`Reply::Durable`] may leave only when the writes pushed with it are committed.

mod access;
mod holds;
mod mailbox;
mod opening;
mod reading;
mod sweeping;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use tokio::sync::Notify;
use velar_protocol::wire::{Answer, Envelope, HoldId, MailboxId, Refusal, SendTokenHash};

use crate::clock::Now;
use crate::limits::{CACHED_ENVELOPES, FLOOR, FULL_RETRY_S, Limits, SEQUENCE_BLOCK};
use crate::rate::Rate;
use crate::shares::share;
use crate::store::{Loaded, Room, ShortDigest, Write};
use access::ByAccess;
use holds::Holds;
use mailbox::Mailbox;

pub(crate) use holds::Asked;
pub(crate) use reading::{Cursor, Taken};

/// An answer, and whether it has to wait for the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// May leave at once.
    Now(Answer),
    /// May leave when the writes that came with it are on disk.
    Durable(Answer),
}

/// See the [module](self).
pub(crate) struct Mailboxes {
    limits: Limits,
    tokens: HashMap<SendTokenHash, MailboxId>,
    mailboxes: HashMap<MailboxId, Mailbox>,
    holds: Holds,
    /// Holds that were lost, and when that is forgotten, in seconds of hold time.
    lost: HashMap<HoldId, u64>,
    by_access: ByAccess,
    /// No hold is released before this: a missed extension may still arrive.
    release_not_before_s: u64,
    /// The last tick, or the last mark of the process before, in hold time.
    alive_s: u64,
    marked_s: u64,
    swept_s: u64,
    /// All mailboxes in an order in which a sweep can go on, and where it goes on; `None` between sweeps.
    names: BTreeSet<MailboxId>,
    sweep_mailboxes: Option<Bound<MailboxId>>,
    sweep_holds: Option<Bound<(u64, HoldId)>>,
    /// Above every sequence of mailboxes that were deleted: a name that comes back never repeats one.
    sequence_floor: u64,
    /// Envelopes kept in memory for subscribers although they are on disk.
    cached: usize,
    /// Whether the disk has room, and for how many envelopes beside all floors, as far as is known.
    room: Room,
    spare: u64,
    /// Envelopes of holds that were released while it had none.
    released_without_room: usize,
    generations: u32,
}

impl Mailboxes {
    /// From what the store has. Leftovers of interrupted removals come out as writes.
    pub(crate) fn new(limits: Limits, loaded: Loaded, now: Now, writes: &mut Vec<Write>) -> Self {
        let alive_s = loaded.clock.map_or(now.hold_s(), |mark| mark.hold_ms / 1000);
        let mut this = Self {
            limits,
            // All that they will ever need: a table that grows moves everything, under the lock. What is not used yet is no memory.
            tokens: HashMap::with_capacity(limits.tokens as usize),
            mailboxes: HashMap::with_capacity(limits.mailboxes as usize),
            names: BTreeSet::new(),
            holds: Holds::with_capacity(limits.holds, limits.hold_deliveries),
            lost: loaded.lost_holds.iter().map(|lost| (lost.id, lost.until_s)).collect(),
            by_access: ByAccess::new(loaded.spent),
            release_not_before_s: 0,
            alive_s,
            marked_s: 0,
            swept_s: 0,
            sweep_mailboxes: None,
            sweep_holds: None,
            sequence_floor: 1,
            cached: 0,
            room: Room::Enough,
            spare: u64::MAX,
            released_without_room: 0,
            // Higher than any that an earlier process gave, also to holds of which nothing is left but old bytes.
            generations: u32::try_from(now.hold_s()).unwrap_or(0),
        };
        for record in loaded.mailboxes {
            for token in &record.tokens {
                this.tokens.insert(*token, record.id);
            }
            this.names.insert(record.id);
            this.mailboxes.insert(record.id, Mailbox::from_record(record, now));
        }
        for stored in loaded.envelopes {
            let (mailbox, sequence) = (stored.mailbox, stored.sequence);
            match this.mailboxes.get_mut(&mailbox) {
                Some(found) => found.restore(stored),
                None => writes.push(Write::Remove { mailbox, sequence }),
            }
        }
        for record in loaded.holds {
            this.restore_hold(record, now, writes);
        }
        for mailbox in this.mailboxes.values_mut() {
            this.by_access.count(mailbox);
        }
        this.note_gap(now.hold_s().saturating_sub(alive_s), now);
        this
    }

    /// Puts an envelope into the mailbox that the token belongs to.
    pub(crate) fn send(
        &mut self,
        token: &SendTokenHash,
        envelope: Envelope,
        digest: ShortDigest,
        now: Now,
        writes: &mut Vec<Write>,
    ) -> Reply {
        let (limits, rate) = (self.limits, self.token_rate());
        let (room, share) = (self.room, self.envelope_share(token));
        let seen = self.has_seen(token, &digest, now);
        let Some(mailbox) = self.mailbox_of(token) else { return refused(Refusal::UnknownToken) };
        if seen == Some(true) {
            if room == Room::None && mailbox.is_unwritten(&digest) {
                // Of a released hold, and in memory alone.
                return full();
            }
            // Stored, perhaps in a group that is not committed yet: this answer waits behind it.
            return Reply::Durable(Answer::Accepted);
        }
        if let Err(retry_after_s) = mailbox.charge(token, rate, now) {
            return Reply::Now(Answer::Full { retry_after_s });
        }
        if room == Room::None || !mailbox.has_room(&limits, token, share) {
            mailbox.shut(token, FULL_RETRY_S);
            return full();
        }
        self.put(token, envelope, digest, now, writes);
        Reply::Durable(Answer::Accepted)
    }

    /// The store can be written again, and has this. What is not among it is lost. The writes go behind those that `wait`, of
    /// which some know nothing of it: what is lost is counted in these, too, so that the count never goes back.
    pub(crate) fn reopened<'w>(
        &mut self,
        loaded: Loaded,
        wait: impl Iterator<Item = &'w mut Write>,
        writes: &mut Vec<Write>,
    ) {
        let there: HashSet<(MailboxId, u64)> =
            loaded.envelopes.iter().map(|stored| (stored.mailbox, stored.sequence)).collect();
        let counted: HashMap<MailboxId, u64> =
            loaded.mailboxes.iter().map(|record| (record.id, record.expired)).collect();
        let mut lost_of: HashMap<MailboxId, u64> = HashMap::new();
        for (id, mailbox) in &mut self.mailboxes {
            let lost = mailbox.not_in(|sequence| there.contains(&(*id, sequence)));
            for sequence in &lost {
                mailbox.drop_lost(*sequence);
                mailbox.expired += 1;
            }
            self.by_access.count(mailbox);
            lost_of.insert(*id, lost.len() as u64);
            if !lost.is_empty() || counted.get(id) != Some(&mailbox.expired) {
                writes.push(Write::Mailbox(mailbox.record()));
            }
        }
        for write in wait {
            if let Write::Mailbox(record) | Write::Expire { record, .. } = write {
                record.expired += lost_of.get(&record.id).unwrap_or(&0);
            }
        }
        let held: HashSet<HoldId> = loaded.holds.iter().map(|hold| hold.key.id).collect();
        for lost in loaded.lost_holds.into_iter().filter(|lost| !held.contains(&lost.id)) {
            self.lost.insert(lost.id, lost.until_s);
            if let Some(key) = self.drop_hold(&lost.id) {
                writes.extend([Write::LostHold(lost), Write::ReleaseHold(key)]);
            }
        }
    }

    /// Mailboxes that are open: each owns a floor.
    pub(crate) fn len(&self) -> usize {
        self.mailboxes.len()
    }

    /// Says whether the disk has room now, and for how many envelopes beside all floors.
    pub(crate) fn set_room(&mut self, room: Room, spare: u64) {
        (self.room, self.spare) = (room, spare);
        if room != Room::None {
            self.released_without_room = 0;
        }
    }

    /// An answer to something that is written.
    pub(crate) fn promise(&self, answer: Answer) -> Reply {
        match self.room {
            Room::None => Reply::Now(answer),
            Room::Low | Room::Enough => Reply::Durable(answer),
        }
    }

    /// An envelope of these bytes is in the mailbox of this token, found on disk by its entry alone: before it is called
    /// a double, somebody has to read it, and say so to [`Mailboxes::verified`] or [`Mailboxes::lost`].
    pub(crate) fn in_doubt(
        &mut self,
        token: &SendTokenHash,
        digest: &ShortDigest,
    ) -> Option<(MailboxId, u64)> {
        let id = *self.tokens.get(token)?;
        let sequence = self.mailboxes.get_mut(&id)?.in_doubt(digest)?;
        Some((id, sequence))
    }

    /// The store has this envelope as it should be.
    pub(crate) fn verified(&mut self, id: &MailboxId, sequence: u64) {
        if let Some(entry) = self.mailboxes.get_mut(id).and_then(|mailbox| mailbox.entry(sequence))
        {
            entry.verified = true;
        }
    }

    /// These are on disk now.
    pub(crate) fn committed(&mut self, puts: &[(MailboxId, u64)]) {
        for (id, sequence) in puts {
            let room = self.cached < CACHED_ENVELOPES;
            if let Some(mailbox) = self.mailboxes.get_mut(id)
                && mailbox.committed(*sequence, room)
            {
                self.cached += 1;
            }
        }
    }

    /// Envelopes that the mailbox of this token may have, as the disk is now.
    fn envelope_share(&self, token: &SendTokenHash) -> u64 {
        let access = self.access_by(token);
        let all = self.by_access.share(access, self.spare(), self.limits.access_part);
        if self.by_access.has(access).envelopes >= all {
            return 0;
        }
        match (self.room, self.limits.mailbox_part) {
            (Room::Low | Room::None, _) => 0,
            (Room::Enough, 0) if self.spare() > 0 => u64::MAX,
            (Room::Enough, parts) => share(self.spare(), 0, parts.into()),
        }
    }

    /// For how many envelopes there is room beside all floors: on the disk, and in memory for what is known of each.
    pub(crate) fn spare(&self) -> u64 {
        let floors = u64::from(FLOOR) * self.mailboxes.len() as u64;
        let taken = self.by_access.all().waiting + self.holds.envelopes() + floors;
        self.spare.min(u64::from(self.limits.envelopes).saturating_sub(taken))
    }

    /// One more is written: until the disk is looked at again there is room for one less.
    fn take_envelope(&mut self) {
        if self.spare != u64::MAX {
            self.spare = self.spare.saturating_sub(1);
        }
    }

    fn token_rate(&self) -> Rate {
        Rate { per_min: self.limits.token_rate_per_min, burst: self.limits.token_burst }
    }

    /// The access token that the mailbox of this token is by; 0: none.
    fn access_by(&self, token: &SendTokenHash) -> u16 {
        self.tokens.get(token).and_then(|id| self.access_of(id)).unwrap_or(0)
    }

    /// Counts what the mailbox of this token has now.
    fn count(&mut self, token: &SendTokenHash) {
        let id = self.tokens.get(token);
        if let Some(mailbox) = id.and_then(|id| self.mailboxes.get_mut(id)) {
            self.by_access.count(mailbox);
        }
    }

    /// Whether the mailbox of this token has, or had a short while ago, an envelope of this digest. `None`: there is no such mailbox.
    fn has_seen(&mut self, token: &SendTokenHash, digest: &ShortDigest, now: Now) -> Option<bool> {
        let mailbox = self.mailboxes.get_mut(self.tokens.get(token)?)?;
        let seen = mailbox.has_seen(digest, now);
        // It has forgotten what is old.
        self.by_access.count(mailbox);
        Some(seen)
    }

    fn mailbox_of(&mut self, token: &SendTokenHash) -> Option<&mut Mailbox> {
        let id = self.tokens.get(token)?;
        self.mailboxes.get_mut(id)
    }

    /// Gives the envelope its place, wakes who waits for it, and has it written.
    fn put(
        &mut self,
        token: &SendTokenHash,
        envelope: Envelope,
        digest: ShortDigest,
        now: Now,
        writes: &mut Vec<Write>,
    ) {
        self.take_envelope();
        let Some(mailbox) = self.mailbox_of(token) else { return };
        let sequence = mailbox.next_sequence;
        if sequence >= mailbox.sequence_ceiling {
            mailbox.sequence_ceiling = sequence + SEQUENCE_BLOCK;
            writes.push(Write::Mailbox(mailbox.record()));
        }
        mailbox.next_sequence += 1;
        let stored = mailbox.push(token, sequence, digest, now, &envelope);
        mailbox.wake();
        self.count(token);
        writes.push(Write::Put(stored, envelope));
    }
}

fn refused(refusal: Refusal) -> Reply {
    Reply::Now(Answer::Refused(refusal))
}

fn full() -> Reply {
    Reply::Now(Answer::Full { retry_after_s: FULL_RETRY_S })
}

/// How a subscription is woken.
pub(crate) type Bell = Arc<Notify>;
