//! Subscriptions, as the mailboxes see them.

use velar_protocol::wire::{EndReason, Envelope, MailboxId, Refusal, TokenMark};

use super::{Bell, Mailboxes};
use crate::clock::Now;
use crate::store::Write;

/// How far one subscription has read in one mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) mailbox: MailboxId,
    /// The first sequence not yet taken.
    pub(crate) next: u64,
    /// What was stored when the subscription began is below this.
    pub(crate) backlog_end: u64,
    pub(crate) announced: bool,
}

/// One envelope on its way to a subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) sequence: u64,
    pub(crate) received_at_s: u64,
    pub(crate) token: Option<TokenMark>,
    /// `None`: it is only on disk.
    pub(crate) bytes: Option<Envelope>,
}

impl Mailboxes {
    /// Begins a subscription. `reader` is a number that no other subscription has.
    pub(crate) fn subscribe(
        &mut self,
        ids: &[MailboxId],
        reader: u64,
        bell: &Bell,
        now: Now,
        writes: &mut Vec<Write>,
    ) -> Result<Vec<Cursor>, Refusal> {
        if ids.iter().any(|id| !self.mailboxes.contains_key(id)) {
            return Err(Refusal::UnknownMailbox);
        }
        let mut cursors = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(mailbox) = self.mailboxes.get_mut(id) else { continue };
            let before = mailbox.record().used_day;
            mailbox.used(now);
            let record = mailbox.record();
            if record.used_day != before {
                writes.push(Write::Mailbox(record));
            }
            mailbox.enter(reader, bell.clone());
            let backlog_end = mailbox.next_sequence;
            cursors.push(Cursor { mailbox: *id, next: 0, backlog_end, announced: false });
        }
        Ok(cursors)
    }

    /// Ends a subscription.
    pub(crate) fn unsubscribe(&mut self, reader: u64, cursors: &[Cursor], now: Now) {
        for cursor in cursors {
            if let Some(mailbox) = self.mailboxes.get_mut(&cursor.mailbox) {
                mailbox.used(now);
                let freed = mailbox.leave(reader, cursor);
                self.cached = self.cached.saturating_sub(freed);
            }
        }
    }

    /// The next envelopes for this cursor, at most `room`; moves the cursor.
    /// Envelopes that are over their age are skipped; the next sweep counts and removes them.
    ///
    /// # Errors
    /// Why the subscription is over: the mailbox is gone (closed and opened again, it is another one to its old readers),
    /// or others have taken its place.
    pub(crate) fn take(
        &mut self,
        reader: u64,
        cursor: &mut Cursor,
        room: usize,
        now: Now,
    ) -> Result<Vec<Taken>, EndReason> {
        let age_s = u64::from(self.limits.envelope_age_s);
        let mailbox = self.mailboxes.get_mut(&cursor.mailbox).ok_or(EndReason::MailboxClosed)?;
        mailbox.check_reader(reader)?;
        let live_from = cursor.backlog_end;
        let mut taken = Vec::new();
        let mut freed = 0;
        let mut next = cursor.next;
        for entry in mailbox.from(cursor.next) {
            if taken.len() == room {
                break;
            }
            next = entry.sequence + 1;
            let bytes = entry.bytes.clone();
            // What came before the subscription was never counted as awaited by it.
            if entry.sequence >= live_from {
                freed += entry.taken();
            }
            if !entry.is_over(age_s, now) {
                let (sequence, received_at_s) = (entry.sequence, entry.received_at_s);
                taken.push(Taken { sequence, received_at_s, token: entry.token, bytes });
            }
        }
        if taken.len() < room {
            next = mailbox.next_sequence;
        }
        cursor.next = next;
        self.cached = self.cached.saturating_sub(freed);
        Ok(taken)
    }

    /// How many envelopes there are from this sequence on, up to so many.
    pub(crate) fn waiting(&mut self, id: &MailboxId, from: u64, most: usize) -> usize {
        self.mailboxes.get_mut(id).map_or(0, |mailbox| mailbox.from(from).take(most).count())
    }

    /// Envelopes that ever expired in this mailbox; what is over its age but not yet cleared away counts.
    pub(crate) fn expired(&mut self, id: &MailboxId, now: Now) -> Option<u64> {
        let age_s = u64::from(self.limits.envelope_age_s);
        let mailbox = self.mailboxes.get_mut(id)?;
        let over = mailbox.from(0).take_while(|entry| entry.is_over(age_s, now)).count();
        Some(mailbox.expired + over as u64)
    }

    /// The subscriber has it: delete.
    pub(crate) fn ack(&mut self, id: &MailboxId, sequence: u64, now: Now, writes: &mut Vec<Write>) {
        let remembers = self.by_access.remembers(self.limits.remembered);
        let Some(mailbox) = self.mailboxes.get_mut(id) else { return };
        let Some(freed) = mailbox.remove(sequence, remembers, now) else { return };
        self.by_access.count(mailbox);
        if mailbox.readers.len() > 1 {
            // Others may be waiting for acknowledgements of what is gone now.
            mailbox.wake();
        }
        self.cached = self.cached.saturating_sub(freed);
        writes.push(Write::Remove { mailbox: *id, sequence });
    }

    /// Whether an envelope is still stored.
    pub(crate) fn has(&mut self, id: &MailboxId, sequence: u64) -> bool {
        self.mailboxes.get_mut(id).is_some_and(|mailbox| mailbox.entry(sequence).is_some())
    }

    /// The store does not have it, or not as it was: its owner sees the loss in the counter.
    pub(crate) fn lost(
        &mut self,
        id: &MailboxId,
        sequence: u64,
        now: Now,
        writes: &mut Vec<Write>,
    ) {
        let remembers = self.by_access.remembers(self.limits.remembered);
        let Some(mailbox) = self.mailboxes.get_mut(id) else { return };
        let Some(freed) = mailbox.remove(sequence, remembers, now) else { return };
        mailbox.expired += 1;
        mailbox.forget_newest();
        self.by_access.count(mailbox);
        writes.push(Write::Expire { record: mailbox.record(), sequences: vec![sequence] });
        self.cached = self.cached.saturating_sub(freed);
    }
}
