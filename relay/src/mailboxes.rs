//! The relay's state: who may send where, what waits for whom, what is held. Pure: requests and the
//! time go in; answers and [`Write`]s come out. Envelopes themselves stay here only until they are on
//! disk and every online subscriber has taken them.
//!
//! An answer that is [`Reply::Durable`] may leave only when the writes pushed with it are committed.

mod access;
mod holds;
mod mailbox;
mod reading;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use tokio::sync::Notify;
use velar_protocol::wire::{
    Answer, Envelope, HoldId, MailboxId, Refusal, SendTokenHash, TokenOutcome,
};

use crate::access::Leave;
use crate::clock::Now;
use crate::limits::{
    CACHED_ENVELOPES, CLOCK_MARK_S, EXPIRED_AT_ONCE, FLOOR, FULL_RETRY_S, Limits,
    MAILBOXES_SWEPT_AT_ONCE, OUTAGE_GAP_S, SEQUENCE_BLOCK, TOKEN_PARTS, TOKENS_OF_MAILBOX,
};
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
            holds: Holds::with_capacity(limits.holds),
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
            this.restore_hold(record, writes);
        }
        for mailbox in this.mailboxes.values_mut() {
            this.by_access.count(mailbox);
        }
        this.note_gap(now.hold_s().saturating_sub(alive_s), now);
        this
    }

    /// Opens a mailbox or replaces its tokens. `newcomer` is asked for a new mailbox alone, with how many more there may be in all:
    /// whether where it comes from may open it, or after how many seconds. A token that cannot be registered keeps no other from it,
    /// nor from being revoked.
    pub(crate) fn open(
        &mut self,
        id: MailboxId,
        tokens: &[SendTokenHash],
        leave: Leave,
        newcomer: impl FnOnce(u64) -> Result<(), u32>,
        now: Now,
        writes: &mut Vec<Write>,
    ) -> Reply {
        let had = self.access_of(&id);
        let known = had.is_some();
        let access = match had.map_or_else(|| self.admit(leave), |had| Ok(self.adopted(had, leave)))
        {
            Ok(access) => access,
            Err(answer) => return answer,
        };
        if !known {
            let left = u64::from(self.limits.mailboxes).saturating_sub(self.mailboxes.len() as u64);
            if self.room != Room::Enough || left == 0 || self.spare < u64::from(FLOOR) {
                return full();
            }
            if let Err(retry_after_s) = newcomer(left) {
                return Reply::Now(Answer::Full { retry_after_s });
            }
        }
        let (mut outcomes, mut registered) = self.judge(&id, access, tokens, usize::MAX);
        if self.room == Room::None {
            return self.open_without_room(&id, &registered, outcomes, now, writes);
        }
        let is_new = |token: &&SendTokenHash| !self.tokens.contains_key(token);
        let new = registered.iter().filter(is_new).count();
        if let Some(mailbox) = self.mailboxes.get_mut(&id)
            && mailbox.charge_new_tokens(new, now).is_err()
        {
            // What is left out is revoked all the same.
            (outcomes, registered) = self.judge(&id, access, tokens, 0);
        }
        let (tokens, opened) = (registered, Answer::Opened { outcomes, reopening: None });
        let floor = self.sequence_floor;
        if !known {
            self.names.insert(id);
            self.spare = self.spare.saturating_sub(FLOOR.into());
        }
        let mailbox = self.mailboxes.entry(id).or_insert_with(|| Mailbox::new(id, floor, now));
        let before = mailbox.record();
        for token in mailbox.tokens() {
            self.tokens.remove(&token);
        }
        for token in &tokens {
            self.tokens.insert(*token, id);
        }
        mailbox.replace_tokens(&tokens, |token| self.holds.held_for(token), now);
        mailbox.used(now);
        mailbox.access = access;
        self.by_access.count(mailbox);
        let after = mailbox.record();
        mailbox.revoked_unwritten = false;
        if !known {
            writes.push(self.by_access.opened(after, leave, now));
        } else if before != after {
            writes.push(Write::Mailbox(after));
        }
        Reply::Durable(opened)
    }

    /// What becomes of each token of an `Open`, and those to be registered, once each. Those that the mailbox has stay; those
    /// that it gives up make room for others. `access`: the access token that it is by from now on. Of those that are new `most`
    /// are registered.
    fn judge(
        &self,
        id: &MailboxId,
        access: u16,
        tokens: &[SendTokenHash],
        most: usize,
    ) -> (Vec<TokenOutcome>, Vec<SendTokenHash>) {
        let had = self.mailboxes.get(id).map_or(0, |mailbox| mailbox.tokens().count());
        let is_own = |token: &SendTokenHash| self.tokens.get(token) == Some(id);
        let distinct: BTreeSet<SendTokenHash> = tokens.iter().copied().collect();
        let kept = distinct.iter().filter(|token| is_own(token)).count();
        let (limit, used) =
            (u64::from(self.limits.tokens), (self.tokens.len() - had + kept) as u64);
        let left = limit.saturating_sub(used);
        let own = share(limit, used, TOKEN_PARTS).saturating_sub(kept as u64);
        let least = TOKENS_OF_MAILBOX.saturating_sub(kept as u64);
        // All mailboxes by the same access token have a share together.
        let given_up = if self.access_of(id) == Some(access) { had - kept } else { 0 } as u64;
        let theirs = self.by_access.has(access).tokens.saturating_sub(given_up);
        let all = self.by_access.share(access, left, self.limits.access_part);
        let mut room = own.min(all.saturating_sub(theirs)).max(least).min(left).min(most as u64);
        let mut registered = BTreeSet::new();
        let outcomes = tokens.iter().map(|token| {
            if registered.contains(token) || is_own(token) {
                registered.insert(*token);
            } else if self.tokens.contains_key(token) {
                return TokenOutcome::Taken;
            } else if room == 0 {
                return TokenOutcome::Full;
            } else {
                room -= 1;
                registered.insert(*token);
            }
            TokenOutcome::Registered
        });
        (outcomes.collect(), registered.into_iter().collect())
    }

    /// A mailbox that is open as it is asked for is on disk already. Nothing else is promised; but while this process lives, nobody
    /// sends by a token that was left out.
    fn open_without_room(
        &mut self,
        id: &MailboxId,
        tokens: &[SendTokenHash],
        outcomes: Vec<TokenOutcome>,
        now: Now,
        writes: &mut Vec<Write>,
    ) -> Reply {
        let Some(mailbox) = self.mailboxes.get_mut(id) else { return full() };
        mailbox.used(now);
        let had: Vec<SendTokenHash> = mailbox.tokens().collect();
        let (kept, gone): (Vec<_>, Vec<_>) =
            had.into_iter().partition(|token| tokens.binary_search(token).is_ok());
        if !gone.is_empty() {
            mailbox.replace_tokens(&kept, |token| self.holds.held_for(token), now);
            mailbox.revoked_unwritten = true;
            self.by_access.count(mailbox);
            writes.push(Write::Mailbox(mailbox.record()));
        }
        for token in &gone {
            self.tokens.remove(token);
        }
        if !mailbox.revoked_unwritten && kept.len() == tokens.len() {
            Reply::Now(Answer::Opened { outcomes, reopening: None })
        } else {
            full()
        }
    }

    /// Deletes a mailbox with all that is in it.
    pub(crate) fn close(&mut self, id: MailboxId, writes: &mut Vec<Write>) -> Reply {
        if self.room == Room::None && self.mailboxes.contains_key(&id) {
            return full();
        }
        if self.delete(&id, writes) {
            Reply::Durable(Answer::Closed)
        } else {
            refused(Refusal::UnknownMailbox)
        }
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
        let Some(mailbox) = self.mailbox_of(token) else { return refused(Refusal::UnknownToken) };
        if mailbox.has_seen(&digest, now) {
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

    /// The mark, and the beginning of a sweep, unless one is not over yet. Holds that are due come from [`Mailboxes::due`].
    pub(crate) fn tick(&mut self, now: Now, writes: &mut Vec<Write>) {
        let gap = now.hold_s().saturating_sub(self.alive_s);
        self.alive_s = now.hold_s();
        if gap >= OUTAGE_GAP_S {
            self.note_gap(gap, now);
        }
        if now.hold_s().abs_diff(self.marked_s) >= CLOCK_MARK_S && self.room != Room::None {
            self.mark(now, writes);
        }
        let age = u64::from(self.limits.envelope_age_s);
        let idle = u64::from(self.limits.mailbox_idle_s);
        let unfinished = self.sweep_mailboxes.is_some() || self.sweep_holds.is_some();
        if unfinished || now.hold_s().abs_diff(self.swept_s) < (age.min(idle) / 100).clamp(1, 60) {
            return;
        }
        self.swept_s = now.hold_s();
        (self.sweep_mailboxes, self.sweep_holds) = (Some(Bound::Unbounded), Some(Bound::Unbounded));
        self.forget_lost(now, writes);
        self.forget_spent(now, writes);
    }

    /// Expiry, idle mailboxes, and holds that nobody waits for: a few at a time, so that nobody waits for the lock. `true`: there is
    /// more to do.
    pub(crate) fn sweep(&mut self, now: Now, writes: &mut Vec<Write>) -> bool {
        let age = u64::from(self.limits.envelope_age_s);
        let idle = u64::from(self.limits.mailbox_idle_s);
        if let Some(from) = self.sweep_mailboxes {
            let range = self.names.range((from, Bound::Unbounded));
            let some: Vec<MailboxId> = range.take(MAILBOXES_SWEPT_AT_ONCE).copied().collect();
            self.sweep_mailboxes = some.last().map(|last| Bound::Excluded(*last));
            let mut expired = 0;
            for id in some {
                let Some(mailbox) = self.mailboxes.get_mut(&id) else { continue };
                let before = mailbox.expired;
                self.cached = self.cached.saturating_sub(mailbox.expire(age, now, writes));
                self.by_access.count(mailbox);
                expired += mailbox.expired - before;
                let stays = !mailbox.is_idle(idle, now);
                if mailbox.has_expired(age, now) || expired >= EXPIRED_AT_ONCE as u64 {
                    self.sweep_mailboxes = Some(Bound::Included(id));
                    return true;
                }
                if !stays {
                    self.delete(&id, writes);
                }
            }
        }
        self.sweep_some_holds(now, writes);
        self.sweep_mailboxes.is_some() || self.sweep_holds.is_some()
    }

    /// Leaves the mark that the next start goes on from. After a planned stop, the outage begins with it.
    pub(crate) fn mark(&mut self, now: Now, writes: &mut Vec<Write>) {
        self.marked_s = now.hold_s();
        writes.push(Write::Clock(now.mark()));
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

    /// After a time without ticks nothing is released for as long again: whoever wanted to extend a hold
    /// could not.
    fn note_gap(&mut self, gap_s: u64, now: Now) {
        let wait = gap_s.min(u64::from(self.limits.outage_wait_s));
        self.release_not_before_s = self.release_not_before_s.max(now.hold_s() + wait);
    }

    /// Envelopes that the mailbox of this token may have, as the disk is now.
    fn envelope_share(&self, token: &SendTokenHash) -> u64 {
        let access = self.access_by(token);
        let all = self.by_access.share(access, self.spare, self.limits.access_part);
        if self.by_access.has(access).envelopes >= all {
            return 0;
        }
        match (self.room, self.limits.mailbox_part) {
            (Room::Low | Room::None, _) => 0,
            (Room::Enough, 0) => u64::MAX,
            (Room::Enough, parts) => share(self.spare, 0, parts.into()),
        }
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

    fn delete(&mut self, id: &MailboxId, writes: &mut Vec<Write>) -> bool {
        let Some(mailbox) = self.mailboxes.remove(id) else { return false };
        self.names.remove(id);
        for token in mailbox.tokens() {
            self.tokens.remove(&token);
        }
        self.by_access.uncount(&mailbox);
        self.cached = self.cached.saturating_sub(mailbox.cached());
        self.sequence_floor = self.sequence_floor.max(mailbox.next_sequence);
        mailbox.wake();
        writes.push(Write::RemoveMailbox(*id));
        true
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
