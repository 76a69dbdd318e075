//! One mailbox: its tokens, what waits in it, who reads it.

use std::collections::{HashMap, VecDeque};

use velar_protocol::wire::{EndReason, Envelope, MailboxId, SendTokenHash, TokenMark};

use super::access::Has;
use super::{Bell, Cursor};
use crate::clock::Now;
use crate::limits::{
    EXPIRED_AT_ONCE, FLOOR, FLOOR_OF_TOKEN, Limits, NEW_TOKENS, READERS, REMEMBER_S,
};
use crate::rate::{Bucket, Rate};
use crate::store::{MailboxRecord, ShortDigest, StoredEnvelope, Write};

const DAY_S: u64 = 86_400;

pub(super) struct Mailbox {
    id: MailboxId,
    tokens: Vec<Token>,
    queue: VecDeque<Entry>,
    /// Digests in `queue` and in `remembered`, with their sequences.
    seen: HashMap<ShortDigest, u64>,
    /// Acknowledged a short while ago, oldest first, with the second at which to forget.
    remembered: VecDeque<(u64, ShortDigest)>,
    pub(super) next_sequence: u64,
    pub(super) sequence_ceiling: u64,
    pub(super) expired: u64,
    /// Last opened or read, in age time, seconds; on disk only the day.
    used_s: u64,
    /// How many of `queue` came by a token, as far as that is known: also by one that was revoked.
    waiting: HashMap<TokenMark, u32>,
    /// Space promised to holds, by all tokens.
    reserved: u32,
    /// New tokens that may still be registered. It goes with the mailbox: no connection made anew refills it.
    new_tokens: Bucket,
    /// Index of the access token by which it was opened; 0: by none.
    pub(super) access: u16,
    /// Tokens were revoked while there was no room to write that down.
    pub(super) revoked_unwritten: bool,
    /// What was counted of it last, and with which access token.
    pub(super) counted: (u16, Has),
    /// Oldest first.
    pub(super) readers: Vec<(u64, Bell)>,
    /// Readers whose place was taken and who do not know it yet; what came from the given sequence on never waited for them.
    displaced: HashMap<u64, u64>,
}

pub(super) struct Token {
    hash: SendTokenHash,
    /// Space promised to holds. A revoked token gives it back; registered again it starts anew.
    reserved: u32,
    bucket: Bucket,
}

pub(super) struct Entry {
    pub(super) sequence: u64,
    pub(super) received_at_s: u64,
    kept_since_s: u64,
    digest: ShortDigest,
    /// Who sent it, as long as the process lives: for the token's quota, and told to the owner.
    pub(super) token: Option<TokenMark>,
    pub(super) bytes: Option<Envelope>,
    /// Online subscribers that have not taken it yet.
    awaited: u8,
    pub(super) durable: bool,
    /// Written by this process, or read since it began: the entry of an envelope alone is no proof that it is there.
    pub(super) verified: bool,
}

impl Mailbox {
    pub(super) fn new(id: MailboxId, first_sequence: u64, now: Now) -> Self {
        Self {
            id,
            tokens: Vec::new(),
            queue: VecDeque::new(),
            seen: HashMap::new(),
            remembered: VecDeque::new(),
            next_sequence: first_sequence,
            sequence_ceiling: first_sequence,
            expired: 0,
            used_s: now.age_s(),
            waiting: HashMap::new(),
            reserved: 0,
            new_tokens: Bucket::new(now),
            access: 0,
            revoked_unwritten: false,
            counted: (0, Has::default()),
            readers: Vec::new(),
            displaced: HashMap::new(),
        }
    }

    pub(super) fn from_record(record: MailboxRecord, now: Now) -> Self {
        let mut this = Self::new(record.id, record.sequence_ceiling, now);
        this.expired = record.expired;
        this.access = record.access;
        this.used_s = (u64::from(record.used_day) + 1) * DAY_S - 1;
        // Holds come after the mailboxes.
        this.replace_tokens(&record.tokens, |_| 0, now);
        this
    }

    /// An envelope found on disk. They come in order.
    pub(super) fn restore(&mut self, stored: StoredEnvelope) {
        self.next_sequence = self.next_sequence.max(stored.sequence + 1);
        self.sequence_ceiling = self.sequence_ceiling.max(self.next_sequence);
        self.seen.insert(stored.digest, stored.sequence);
        self.queue.push_back(Entry {
            sequence: stored.sequence,
            received_at_s: stored.received_at_s(),
            kept_since_s: stored.kept_since_s(),
            digest: stored.digest,
            token: None,
            bytes: None,
            awaited: 0,
            durable: true,
            verified: false,
        });
    }

    pub(super) fn record(&self) -> MailboxRecord {
        MailboxRecord {
            id: self.id,
            sequence_ceiling: self.sequence_ceiling,
            expired: self.expired,
            used_day: u32::try_from(self.used_s / DAY_S).unwrap_or(u32::MAX),
            access: self.access,
            tokens: self.tokens().collect(),
        }
    }

    pub(super) fn tokens(&self) -> impl Iterator<Item = SendTokenHash> {
        self.tokens.iter().map(|token| token.hash)
    }

    /// Those kept keep their rate and their count; of those that come, `held` says how many envelopes wait for them already.
    pub(super) fn replace_tokens(
        &mut self,
        tokens: &[SendTokenHash],
        held: impl Fn(&SendTokenHash) -> u32,
        now: Now,
    ) {
        let before = std::mem::take(&mut self.tokens);
        let mut before: HashMap<_, _> =
            before.into_iter().map(|token| (token.hash, token)).collect();
        let fresh = |hash| Token { hash, reserved: held(&hash), bucket: Bucket::new(now) };
        let kept_or_fresh = |hash| before.remove(hash).unwrap_or_else(|| fresh(*hash));
        self.tokens = tokens.iter().map(kept_or_fresh).collect();
        self.reserved = self.tokens.iter().map(|token| token.reserved).sum();
    }

    /// Takes what so many new tokens cost, or says after how many seconds it will be there.
    pub(super) fn charge_new_tokens(&mut self, count: usize, now: Now) -> Result<(), u32> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        if count == 0 { Ok(()) } else { self.new_tokens.take(NEW_TOKENS, count, now) }
    }

    pub(super) fn used(&mut self, now: Now) {
        self.used_s = self.used_s.max(now.age_s());
    }

    pub(super) fn is_idle(&self, idle_s: u64, now: Now) -> bool {
        self.readers.is_empty() && now.age_s() > self.used_s.saturating_add(idle_s)
    }

    pub(super) fn has_seen(&mut self, digest: &ShortDigest, now: Now) -> bool {
        self.forget_old(now);
        self.seen.contains_key(digest)
    }

    /// Forgets what was acknowledged long ago, and gives back the memory that is not needed any more.
    pub(super) fn forget_old(&mut self, now: Now) {
        while self.remembered.front().is_some_and(|(until_s, _)| *until_s <= now.hold_s()) {
            self.forget_oldest();
        }
    }

    /// The sequence of an entry of this digest that nobody has read since the process began.
    pub(super) fn in_doubt(&mut self, digest: &ShortDigest) -> Option<u64> {
        let sequence = *self.seen.get(digest)?;
        self.entry(sequence).filter(|entry| !entry.verified).map(|entry| entry.sequence)
    }

    /// Whether the entry of this digest is on its way to the disk.
    pub(super) fn is_unwritten(&mut self, digest: &ShortDigest) -> bool {
        let sequence = self.seen.get(digest).copied();
        sequence.and_then(|sequence| self.entry(sequence)).is_some_and(|entry| !entry.durable)
    }

    fn forget_oldest(&mut self) {
        if let Some((_, digest)) = self.remembered.pop_front() {
            self.seen.remove(&digest);
        }
        self.give_back();
    }

    /// What grew while it was needed, and is mostly empty: of all mailboxes, one after the other, it would be more than there is.
    fn give_back(&mut self) {
        let is_mostly_empty = |len: usize, capacity: usize| capacity > 32 && len < capacity / 8 * 3;
        let (len, capacity) = (self.queue.len(), self.queue.capacity());
        if len == 0 || is_mostly_empty(len, capacity) {
            self.queue.shrink_to(len + len / 4);
        }
        let (len, capacity) = (self.remembered.len(), self.remembered.capacity());
        if len == 0 || is_mostly_empty(len, capacity) {
            self.remembered.shrink_to(len + len / 4);
        }
        let (len, capacity) = (self.seen.len(), self.seen.capacity());
        if len == 0 || is_mostly_empty(len, capacity) {
            self.seen.shrink_to(len + len / 4);
        }
        let (len, capacity) = (self.waiting.len(), self.waiting.capacity());
        if len == 0 || is_mostly_empty(len, capacity) {
            self.waiting.shrink_to(len + len / 4);
        }
    }

    /// What was just removed was not received: the same envelope sent again is not a double.
    pub(super) fn forget_newest(&mut self) {
        if let Some((_, digest)) = self.remembered.pop_back() {
            self.seen.remove(&digest);
        }
    }

    pub(super) fn charge(
        &mut self,
        token: &SendTokenHash,
        rate: Rate,
        now: Now,
    ) -> Result<(), u32> {
        let found = self.tokens.iter_mut().find(|found| found.hash == *token);
        found.map_or(Ok(()), |token| token.bucket.take(rate, 1, now))
    }

    /// A refusal of something else than its rate: see [`Bucket::shut`](crate::rate::Bucket::shut).
    pub(super) fn shut(&mut self, token: &SendTokenHash, wait_s: u32) {
        if let Some(token) = self.tokens.iter_mut().find(|found| found.hash == *token) {
            token.bucket.shut(wait_s);
        }
    }

    /// Whether one more fits that came by this token. `share`: envelopes that the disk has for one mailbox. The floor is there in
    /// any case, and held ones do not count towards it: what lies there for silence must not keep an alarm out.
    pub(super) fn has_room(&self, limits: &Limits, token: &SendTokenHash, share: u64) -> bool {
        let taken = self.queue.len() as u64 + u64::from(self.reserved);
        let of_token = self.tokens.iter().find(|found| found.hash == *token);
        let (waiting, reserved) =
            (self.waiting_of(token), of_token.map_or(0, |token| token.reserved));
        let on_floor = self.queue.len() < FLOOR as usize && waiting < FLOOR_OF_TOKEN;
        taken < limits.mailbox_envelopes.into()
            && waiting.saturating_add(reserved) < limits.token_envelopes
            && (taken < share || on_floor)
    }

    fn waiting_of(&self, token: &SendTokenHash) -> u32 {
        self.waiting.get(&token.mark()).copied().unwrap_or(0)
    }

    /// What it has of what all need.
    pub(super) fn has(&self) -> Has {
        let envelopes = self.queue.len() as u64 + u64::from(self.reserved);
        Has {
            mailboxes: 1,
            tokens: self.tokens.len() as u64,
            envelopes,
            waiting: self.queue.len() as u64,
            remembered: self.remembered.len() as u64,
        }
    }

    /// Envelopes held for this mailbox.
    pub(super) fn reserved(&self) -> u32 {
        self.reserved
    }

    /// Space promised to holds of one token's.
    pub(super) fn reserved_by(&self, token: &SendTokenHash) -> u32 {
        let found = self.tokens.iter().find(|found| found.hash == *token);
        found.map_or(0, |token| token.reserved)
    }

    pub(super) fn reserve(&mut self, token: &SendTokenHash) {
        if let Some(token) = self.tokens.iter_mut().find(|found| found.hash == *token) {
            token.reserved += 1;
            self.reserved += 1;
        }
    }

    pub(super) fn unreserve(&mut self, token: &SendTokenHash) {
        let token = self.tokens.iter_mut().find(|found| found.hash == *token);
        if let Some(token) = token.filter(|token| token.reserved > 0) {
            token.reserved -= 1;
            self.reserved -= 1;
        }
    }

    pub(super) fn push(
        &mut self,
        token: &SendTokenHash,
        sequence: u64,
        digest: ShortDigest,
        now: Now,
        envelope: &Envelope,
    ) -> StoredEnvelope {
        self.seen.insert(digest, sequence);
        *self.waiting.entry(token.mark()).or_default() += 1;
        let stored = StoredEnvelope::new(self.id, sequence, digest, now);
        self.queue.push_back(Entry {
            sequence,
            received_at_s: now.wall_s(),
            kept_since_s: stored.kept_since_s(),
            digest,
            token: Some(token.mark()),
            bytes: Some(envelope.clone()),
            awaited: u8::try_from(self.readers.len()).unwrap_or(u8::MAX),
            durable: false,
            verified: true,
        });
        stored
    }

    /// One more reader. Over [`READERS`] the oldest gives up its place.
    pub(super) fn enter(&mut self, reader: u64, bell: Bell) {
        if self.readers.len() >= READERS {
            let (oldest, bell) = self.readers.remove(0);
            self.displaced.insert(oldest, self.next_sequence);
            bell.notify_one();
        }
        self.readers.push((reader, bell));
    }

    /// Whether this reader is one; if not, why it is none any more.
    pub(super) fn check_reader(&self, reader: u64) -> Result<(), EndReason> {
        if self.readers.iter().any(|(id, _)| *id == reader) {
            Ok(())
        } else if self.displaced.contains_key(&reader) {
            Err(EndReason::Displaced)
        } else {
            Err(EndReason::MailboxClosed)
        }
    }

    pub(super) fn wake(&self) {
        for (_, bell) in &self.readers {
            bell.notify_one();
        }
    }

    /// On disk now. `true` if it stays in memory all the same, for a subscriber that is still to take it.
    pub(super) fn committed(&mut self, sequence: u64, room: bool) -> bool {
        let Some(entry) = self.entry(sequence) else { return false };
        entry.durable = true;
        if entry.awaited == 0 || !room {
            entry.bytes = None;
        }
        entry.bytes.is_some()
    }

    pub(super) fn entry(&mut self, sequence: u64) -> Option<&mut Entry> {
        let at = self.queue.binary_search_by_key(&sequence, |entry| entry.sequence).ok()?;
        self.queue.get_mut(at)
    }

    /// Entries from `sequence` on.
    pub(super) fn from(&mut self, sequence: u64) -> impl Iterator<Item = &mut Entry> {
        let at = self.queue.partition_point(|entry| entry.sequence < sequence);
        self.queue.range_mut(at..)
    }

    /// Takes an entry out, and remembers it with as many others as it may. How many envelopes that frees from the memory kept for slow
    /// subscribers.
    pub(super) fn remove(&mut self, sequence: u64, remembers: usize, now: Now) -> Option<usize> {
        let at = self.queue.binary_search_by_key(&sequence, |entry| entry.sequence).ok()?;
        let entry = self.queue.remove(at)?;
        while self.remembered.len() >= remembers {
            self.forget_oldest();
        }
        self.remembered.push_back((now.hold_s() + REMEMBER_S, entry.digest));
        self.uncount(&entry);
        self.give_back();
        Some(usize::from(entry.is_cached()))
    }

    /// Envelopes on disk, so it was believed, that are not.
    pub(super) fn not_in(&self, is_there: impl Fn(u64) -> bool) -> Vec<u64> {
        let on_disk = self.queue.iter().filter(|entry| entry.durable);
        on_disk.map(|entry| entry.sequence).filter(|sequence| !is_there(*sequence)).collect()
    }

    /// Forgets an envelope that was lost: the same one sent again is no double.
    pub(super) fn drop_lost(&mut self, sequence: u64) {
        let Ok(at) = self.queue.binary_search_by_key(&sequence, |entry| entry.sequence) else {
            return;
        };
        if let Some(entry) = self.queue.remove(at) {
            self.seen.remove(&entry.digest);
            self.uncount(&entry);
            self.give_back();
        }
    }

    /// Removes what is too old, [`EXPIRED_AT_ONCE`] at most. Returns as [`Mailbox::remove`] does.
    pub(super) fn expire(&mut self, age_s: u64, now: Now, writes: &mut Vec<Write>) -> usize {
        let mut sequences = Vec::new();
        let mut freed = 0;
        while sequences.len() < EXPIRED_AT_ONCE && self.has_expired(age_s, now) {
            let Some(entry) = self.queue.pop_front() else { break };
            self.expired += 1;
            self.seen.remove(&entry.digest);
            self.uncount(&entry);
            freed += usize::from(entry.is_cached());
            sequences.push(entry.sequence);
        }
        if !sequences.is_empty() {
            self.give_back();
            writes.push(Write::Expire { record: self.record(), sequences });
        }
        freed
    }

    /// Whether something in it is too old.
    pub(super) fn has_expired(&self, age_s: u64, now: Now) -> bool {
        self.queue.front().is_some_and(|entry| entry.is_over(age_s, now))
    }

    /// Envelopes counted as kept for slow subscribers.
    pub(super) fn cached(&self) -> usize {
        self.queue.iter().filter(|entry| entry.is_cached()).count()
    }

    /// A subscriber is gone; what it had not taken no longer waits for it.
    pub(super) fn leave(&mut self, reader: u64, cursor: &Cursor) -> usize {
        self.readers.retain(|(id, _)| *id != reader);
        let until = self.displaced.remove(&reader).unwrap_or(u64::MAX);
        let from = cursor.next.max(cursor.backlog_end);
        self.from(from).take_while(|entry| entry.sequence < until).map(Entry::taken).sum()
    }

    fn uncount(&mut self, entry: &Entry) {
        let Some(of) = entry.token else { return };
        let left = self.waiting.get(&of).map_or(0, |waiting| waiting.saturating_sub(1));
        if left == 0 {
            self.waiting.remove(&of);
        } else {
            self.waiting.insert(of, left);
        }
    }
}

impl Entry {
    pub(super) fn is_over(&self, age_s: u64, now: Now) -> bool {
        now.age_s() >= self.kept_since_s.saturating_add(age_s)
    }

    fn is_cached(&self) -> bool {
        self.durable && self.bytes.is_some()
    }

    /// One subscriber has it. Returns 1 if that frees it from the memory kept for slow ones.
    pub(super) fn taken(&mut self) -> usize {
        self.awaited = self.awaited.saturating_sub(1);
        let frees = self.awaited == 0 && self.is_cached();
        if frees {
            self.bytes = None;
        }
        usize::from(frees)
    }
}

#[cfg(test)]
mod tests;
