//! A relay without sockets and threads: real sessions and mailboxes over any store, driven by hand on virtual
//! time. For tests and fuzzing, which decide when a commit happens and when the process dies.

use velar_protocol::wire::{Answer, Envelope, HoldId, MailboxId, Owner, Refusal, SendTokenHash};

use crate::access::Leave;
use crate::clock::Now;
use crate::limits::{Limits, SLICES_SWEPT_PER_TICK};
use crate::mailboxes::{Asked, Bell, Cursor, Mailboxes, Reply};
use crate::session::{Action, Session};
use crate::store::{MemoryStore, ShortDigest, Store, StoreError, Write, short_digest};
use crate::writer::{cancel_out, puts_of};

/// See the [module](self).
pub struct DryRelay<S: Store = MemoryStore> {
    limits: Limits,
    mailboxes: Mailboxes,
    store: S,
    now: Now,
    /// Changed in memory, and not yet in the store.
    group: Vec<Write>,
    readers: u64,
}

/// What a frame led to.
#[derive(Debug)]
pub enum Outcome {
    /// Answered at once.
    Answered(Answer),
    /// Answered with the next [`DryRelay::commit`]; never, if the process dies before.
    AtCommit(Answer),
    /// A subscription has begun.
    Subscribed(Subscription),
    /// The stream ends with these bytes.
    Last(Vec<u8>),
}

/// A subscription that goes on.
#[derive(Debug)]
pub struct Subscription {
    reader: u64,
    cursors: Vec<Cursor>,
}

/// An envelope as a subscriber gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// From which mailbox.
    pub mailbox: MailboxId,
    /// Its place there.
    pub sequence: u64,
    /// What came.
    pub envelope: Envelope,
}

impl<S: Store> std::fmt::Debug for DryRelay<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DryRelay").field("now", &self.now).finish_non_exhaustive()
    }
}

impl<S: Store> DryRelay<S> {
    /// Starts on what `store` has.
    ///
    /// # Errors
    /// Those of [`Store::load`].
    pub fn new(store: S, limits: Limits, now: Now) -> Result<Self, StoreError> {
        let mut group = Vec::new();
        let mailboxes = Mailboxes::new(limits, store.load()?, now, &mut group);
        Ok(Self { limits, mailboxes, store, now, group, readers: 0 })
    }

    /// Its time.
    #[must_use]
    pub fn now(&self) -> Now {
        self.now
    }

    /// Does what a frame (what follows its length field) on `session` asks for.
    pub fn frame(&mut self, session: &mut Session, frame: &[u8]) -> Outcome {
        let action = session.frame(frame, self.now);
        if let Action::Send { token, digest, .. } = &action
            && self.settle(token, digest).is_err()
        {
            return Outcome::Answered(Answer::Unavailable { retry_after_s: 1 });
        }
        let (now, mailboxes, group) = (self.now, &mut self.mailboxes, &mut self.group);
        let reply = match action {
            Action::Answer(answer) => Reply::Now(answer),
            // Says nothing about mailboxes.
            Action::Info => Reply::Now(Answer::Accepted),
            Action::Open { owner, tokens, .. } => {
                mailboxes.open(owner.mailbox(), &tokens, Leave::NotNeeded, |_| Ok(()), now, group)
            }
            Action::Close(owner) => mailboxes.close(owner.mailbox(), group),
            Action::Send { token, envelope, digest } => {
                mailboxes.send(&token, envelope, digest, now, group)
            }
            Action::Hold { id, for_s, deliveries, replaces } => {
                mailboxes.hold(Asked { id, for_s, deliveries, replaces }, now, group)
            }
            Action::Extend { id, for_s } => {
                let unread = mailboxes.unread(&id);
                // Taken by an earlier process, so it is in the store. The memory store has no errors.
                let lost = unread.and_then(|record| {
                    let readable = record.envelopes(&self.store).map_or(0, |found| found.len());
                    mailboxes.looked_at(&record, readable, now, group)
                });
                lost.unwrap_or_else(|| mailboxes.extend(&id, for_s, now, group))
            }
            Action::Cancel(id) => mailboxes.cancel(&id, group),
            Action::Subscribe(owners) => match self.subscribe(&owners) {
                Ok(subscription) => return Outcome::Subscribed(subscription),
                Err(refusal) => {
                    session.subscription_ended();
                    Reply::Now(Answer::Refused(refusal))
                }
            },
            Action::Last { frame, .. } => return Outcome::Last(frame),
        };
        match reply {
            Reply::Now(answer) => Outcome::Answered(answer),
            Reply::Durable(answer) => Outcome::AtCommit(answer),
        }
    }

    /// As in the server: an entry alone is no proof of its envelope.
    fn settle(&mut self, token: &SendTokenHash, digest: &ShortDigest) -> Result<(), StoreError> {
        let Some((mailbox, sequence)) = self.mailboxes.in_doubt(token, digest) else {
            return Ok(());
        };
        match self.store.envelope(&mailbox, sequence)? {
            Some(_) => self.mailboxes.verified(&mailbox, sequence),
            None => self.mailboxes.lost(&mailbox, sequence, self.now, &mut self.group),
        }
        Ok(())
    }

    fn subscribe(&mut self, owners: &[Owner]) -> Result<Subscription, Refusal> {
        let ids: Vec<MailboxId> = owners.iter().map(|owner| owner.mailbox()).collect();
        self.readers += 1;
        let (reader, now) = (self.readers, self.now);
        let cursors =
            self.mailboxes.subscribe(&ids, reader, &Bell::default(), now, &mut self.group)?;
        Ok(Subscription { reader, cursors })
    }

    /// What there is for a subscription, at most `room` of each mailbox. `None`: a mailbox of it was closed.
    ///
    /// # Errors
    /// Those of [`Store::envelope`]. What the store has lost is counted by the mailbox, as in the server.
    pub fn take(
        &mut self,
        subscription: &mut Subscription,
        room: usize,
    ) -> Result<Option<Vec<Delivered>>, StoreError> {
        let mut delivered = Vec::new();
        for cursor in &mut subscription.cursors {
            let batch = self.mailboxes.take(subscription.reader, cursor, room, self.now);
            let (Ok(batch), mailbox) = (batch, cursor.mailbox) else { return Ok(None) };
            for taken in batch {
                let sequence = taken.sequence;
                let stored = match taken.bytes {
                    None => self.store.envelope(&mailbox, sequence)?,
                    bytes => bytes,
                };
                match stored {
                    Some(envelope) => delivered.push(Delivered { mailbox, sequence, envelope }),
                    None => self.mailboxes.lost(&mailbox, sequence, self.now, &mut self.group),
                }
            }
        }
        Ok(Some(delivered))
    }

    /// What `CaughtUp` says of a mailbox: see SPEC.md §4.5. `None`: there is no such mailbox.
    pub fn expired(&mut self, mailbox: &MailboxId) -> Option<u64> {
        self.mailboxes.expired(mailbox, self.now)
    }

    /// The subscriber has it.
    pub fn ack(&mut self, mailbox: &MailboxId, sequence: u64) {
        self.mailboxes.ack(mailbox, sequence, self.now, &mut self.group);
    }

    /// Ends a subscription of `session`.
    pub fn unsubscribe(&mut self, session: &mut Session, subscription: &Subscription) {
        self.mailboxes.unsubscribe(subscription.reader, &subscription.cursors, self.now);
        session.subscription_ended();
    }

    /// One round of the writer: all that waits is applied and answered.
    ///
    /// # Errors
    /// Those of [`Store::apply`] and [`Store::commit`].
    pub fn commit(&mut self) -> Result<(), StoreError> {
        self.apply(usize::MAX)?;
        self.store.commit()?;
        self.mailboxes.committed(&puts_of(&mut self.group));
        Ok(())
    }

    /// Time passes; then one tick, as in the server. Returns the holds that were released, in that order.
    ///
    /// # Errors
    /// Those of the [`Store`].
    pub fn pass(&mut self, seconds: u64) -> Result<Vec<HoldId>, StoreError> {
        self.now = Now::from_ms(self.now.hold_ms().saturating_add(seconds.saturating_mul(1000)));
        self.mailboxes.tick(self.now, &mut self.group);
        let released = self.release_due()?;
        for _ in 0..SLICES_SWEPT_PER_TICK {
            if !self.mailboxes.sweep(self.now, &mut self.group) {
                break;
            }
        }
        Ok(released)
    }

    fn release_due(&mut self) -> Result<Vec<HoldId>, StoreError> {
        let mut released = Vec::new();
        loop {
            let due = self.mailboxes.due(self.now);
            if due.is_empty() {
                return Ok(released);
            }
            // The server reads what is held only when all that came before is in the store.
            self.commit()?;
            for record in due {
                let envelopes = record.envelopes(&self.store)?;
                for (at, envelope) in &envelopes {
                    if let Some(delivery) = record.deliveries.get(usize::from(*at)) {
                        self.settle(&delivery.token, &short_digest(envelope))?;
                    }
                }
                self.mailboxes.release(record.key, envelopes, self.now, &mut self.group);
                released.push(record.key.id);
            }
        }
    }

    /// How many writes wait for the store; those that cancel each other out are not counted.
    pub fn waiting(&mut self) -> usize {
        cancel_out(&mut self.group);
        self.group.len()
    }

    /// The process dies when the store has taken `applied` of the writes that waited, and is back on the same
    /// store after `outage_s`. No session and no subscription outlives it.
    ///
    /// # Errors
    /// Those of [`Store::apply`] and [`Store::load`].
    pub fn restart(&mut self, applied: usize, outage_s: u64) -> Result<(), StoreError> {
        self.apply(applied)?;
        self.group.clear();
        self.now = Now::from_ms(self.now.hold_ms().saturating_add(outage_s.saturating_mul(1000)));
        self.mailboxes = Mailboxes::new(self.limits, self.store.load()?, self.now, &mut self.group);
        Ok(())
    }

    /// The process dies when the store has taken `applied` of the writes that waited. Nothing is committed: the
    /// caller decides what of the store is left.
    ///
    /// # Errors
    /// Those of [`Store::apply`].
    pub fn die(mut self, applied: usize) -> Result<S, StoreError> {
        self.apply(applied)?;
        Ok(self.store)
    }

    /// The process ends as planned, with all that waited committed.
    ///
    /// # Errors
    /// Those of [`Store::apply`] and [`Store::commit`].
    pub fn stop(mut self) -> Result<S, StoreError> {
        self.mailboxes.mark(self.now, &mut self.group);
        self.commit()?;
        Ok(self.store)
    }

    /// Hands the first `most` of the writes that wait to the store, as the writer does.
    fn apply(&mut self, most: usize) -> Result<(), StoreError> {
        cancel_out(&mut self.group);
        self.store.apply(self.group.get(..most).unwrap_or(&self.group))
    }
}
