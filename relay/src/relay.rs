//! The running relay behind all connections: the mailboxes, the writer, the store, the clock.

mod closing;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::{spawn_blocking, yield_now};
use velar_protocol::wire::limits::PROTOCOL_VERSION;
use velar_protocol::wire::{
    Answer, EndReason, Envelope, HoldId, Info, MailboxId, Owner, Refusal, SendTokenHash,
};

use crate::access::Access;
use crate::clock::{Judged, Now, Timekeeper};
use crate::limits::{Limits, SLICES_SWEPT_PER_TICK, UNAVAILABLE_RETRY_S, WRITER_QUEUE};
use crate::mailboxes::{Asked, Bell, Cursor, Mailboxes, Reply, Taken};
use crate::memory::Memory;
use crate::origin::{Newcomers, Origin};
use crate::session::Action;
use crate::store::{HoldRecord, ShortDigest, Store, StoreError, Write, short_digest};
use crate::writer::Job;

pub(crate) use self::closing::Closed;

/// See the [module](self).
pub(crate) struct Relay {
    pub(crate) limits: Limits,
    access: Arc<Access>,
    time: Timekeeper,
    mailboxes: Arc<Mutex<Mailboxes>>,
    store: Arc<dyn Store>,
    jobs: mpsc::Sender<Job>,
    /// Room for envelopes that wait for the writer.
    room: Arc<Semaphore>,
    readers: AtomicU64,
    newcomers: Newcomers,
    pub(crate) memory: Arc<Memory>,
    ending: watch::Receiver<Option<EndReason>>,
}

/// An answer on its way.
pub(crate) enum Pending {
    Ready(Answer),
    /// To be sent when the commit is done. A sender that is dropped means it never will be.
    Commit(oneshot::Receiver<()>, Answer),
}

/// A subscription that began. However it is dropped, the mailboxes then no longer wait for it.
pub(crate) struct Reading {
    relay: Arc<Relay>,
    pub(crate) reader: u64,
    pub(crate) bell: Bell,
    pub(crate) cursors: Vec<Cursor>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        let now = self.relay.now();
        self.relay.mailboxes().unsubscribe(self.reader, &self.cursors, now);
    }
}

impl Pending {
    /// The answer, when it may leave. Safe to drop and call again.
    pub(crate) async fn answer(&mut self) -> Answer {
        match self {
            Self::Ready(answer) => answer.clone(),
            Self::Commit(done, answer) => match done.await {
                Ok(()) => answer.clone(),
                Err(_) => unavailable(),
            },
        }
    }

    /// What it will say, if the disk takes it.
    pub(crate) fn said(&self) -> &Answer {
        match self {
            Self::Ready(answer) | Self::Commit(_, answer) => answer,
        }
    }

    fn is_loss(&self) -> bool {
        matches!(self, Self::Commit(_, Answer::Refused(Refusal::HoldLost)))
    }

    /// The answer, if it may leave now.
    pub(crate) fn answer_now(&mut self) -> Option<Answer> {
        match self {
            Self::Ready(answer) => Some(answer.clone()),
            Self::Commit(done, answer) => match done.try_recv() {
                Ok(()) => Some(answer.clone()),
                Err(oneshot::error::TryRecvError::Empty) => None,
                Err(oneshot::error::TryRecvError::Closed) => Some(unavailable()),
            },
        }
    }
}

pub(crate) fn unavailable() -> Answer {
    Answer::Unavailable { retry_after_s: UNAVAILABLE_RETRY_S }
}

impl Relay {
    pub(crate) fn new(
        limits: Limits,
        access: Arc<Access>,
        time: Timekeeper,
        mailboxes: Arc<Mutex<Mailboxes>>,
        store: Arc<dyn Store>,
        jobs: mpsc::Sender<Job>,
        ending: watch::Receiver<Option<EndReason>>,
    ) -> Self {
        let readers = AtomicU64::new(1);
        let room = Arc::new(Semaphore::new(WRITER_QUEUE));
        let newcomers = Newcomers::new(limits.new_mailboxes_per_prefix);
        let memory = Memory::new();
        Self {
            limits,
            access,
            time,
            mailboxes,
            store,
            jobs,
            room,
            readers,
            newcomers,
            memory,
            ending,
        }
    }

    /// Who may open a new mailbox.
    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    /// How many mailboxes are open by each access token that has some.
    pub(crate) fn open_by_access(&self) -> HashMap<u16, u32> {
        self.mailboxes().open_by_access()
    }

    /// Why everything ends, once it does.
    pub(crate) fn ending(&self) -> watch::Receiver<Option<EndReason>> {
        self.ending.clone()
    }

    /// Carries out what a session decided, up to the disk. `Subscribe` and `Last` are the connection's.
    pub(crate) async fn carry_out(&self, action: Action, origin: Origin) -> Pending {
        match action {
            Action::Answer(answer) => Pending::Ready(answer),
            Action::Info => Pending::Ready(Answer::Info(self.info())),
            Action::Open { owner, tokens, access: shown } => {
                let id = owner.mailbox();
                self.change(|mailboxes, now, writes| {
                    let newcomer = |left| self.newcomers.admit(origin, left, now);
                    let access = self.access.tokens();
                    let leave = access.leave(mailboxes.access_of(&id), shown.as_ref(), &id, now);
                    let reply = mailboxes.open(id, &tokens, leave, newcomer, now, writes);
                    let by = mailboxes.access_of(&id);
                    reply.reopened_by(|| by.and_then(|by| access.reopening(by, &id)))
                })
                .await
            }
            Action::Close(owner) => {
                self.change(|mailboxes, _, writes| mailboxes.close(owner.mailbox(), writes)).await
            }
            Action::Send { token, envelope, digest } => {
                if self.settle(&token, &digest).await.is_err() {
                    return Pending::Ready(unavailable());
                }
                self.change(|mailboxes, now, writes| {
                    mailboxes.send(&token, envelope, digest, now, writes)
                })
                .await
            }
            Action::Hold { id, for_s, deliveries, replaces } => {
                let count = deliveries.len();
                let asked = Asked { id, for_s, deliveries, replaces };
                self.change_of(count, |mailboxes, now, writes| mailboxes.hold(asked, now, writes))
                    .await
            }
            Action::Extend { id, for_s } => self.extend(&id, for_s).await,
            Action::Cancel(id) => {
                self.change(|mailboxes, _, writes| mailboxes.cancel(&id, writes)).await
            }
            Action::Subscribe(_) | Action::Last { .. } => {
                Pending::Ready(Answer::Refused(Refusal::Malformed))
            }
        }
    }

    pub(crate) async fn subscribe(self: &Arc<Self>, owners: &[Owner]) -> Result<Reading, Answer> {
        let ids: Vec<MailboxId> = owners.iter().map(|owner| owner.mailbox()).collect();
        let permit = self.jobs.reserve().await.map_err(|_| unavailable())?;
        let reader = self.readers.fetch_add(1, Ordering::Relaxed);
        let bell = Bell::default();
        let subscribe = |mailboxes: &mut Mailboxes, now, writes: &mut Vec<Write>| {
            mailboxes.subscribe(&ids, reader, &bell, now, writes)
        };
        let cursors = self.written(permit, subscribe).map_err(Answer::Refused)?;
        Ok(Reading { relay: self.clone(), reader, bell, cursors })
    }

    /// See [`Mailboxes::take`].
    pub(crate) fn take(
        &self,
        reader: u64,
        cursor: &mut Cursor,
        room: usize,
    ) -> Result<Vec<Taken>, EndReason> {
        self.mailboxes().take(reader, cursor, room, self.now())
    }

    /// How many envelopes wait in this mailbox from this sequence on, up to so many.
    pub(crate) fn waiting(&self, mailbox: &MailboxId, from: u64, most: usize) -> usize {
        self.mailboxes().waiting(mailbox, from, most)
    }

    pub(crate) fn expired(&self, mailbox: &MailboxId) -> Option<u64> {
        self.mailboxes().expired(mailbox, self.now())
    }

    pub(crate) fn has(&self, mailbox: &MailboxId, sequence: u64) -> bool {
        self.mailboxes().has(mailbox, sequence)
    }

    pub(crate) async fn ack(&self, mailbox: &MailboxId, sequence: u64) {
        self.write_behind(|mailboxes, now, writes| mailboxes.ack(mailbox, sequence, now, writes))
            .await;
    }

    /// Reads back what is only on disk. `None` in place of what is not there any more.
    pub(crate) async fn read_back(
        &self,
        mailbox: MailboxId,
        sequences: Vec<u64>,
    ) -> Result<Vec<(u64, Option<Envelope>)>, StoreError> {
        let store = self.store.clone();
        let read = move || {
            let one = |sequence| Ok((sequence, store.envelope(&mailbox, sequence)?));
            sequences.into_iter().map(one).collect()
        };
        let found: Vec<(u64, Option<Envelope>)> = joined(spawn_blocking(read).await)?;
        let mut lost = 0_u64;
        for (sequence, envelope) in &found {
            // What was acknowledged while it was read is not missed.
            if envelope.is_none() && self.has(&mailbox, *sequence) {
                lost += 1;
                self.write_behind(|mailboxes, now, writes| {
                    mailboxes.lost(&mailbox, *sequence, now, writes);
                })
                .await;
            }
        }
        if lost > 0 {
            tracing::error!(
                envelopes = lost,
                "the store has lost what was accepted: its disk may be failing; the owner of the mailbox is told"
            );
        }
        Ok(found)
    }

    /// Looks at the clocks; marks, holds that are due, and then some of what a sweep has left to do.
    pub(crate) async fn tick(&self) -> Result<(), StoreError> {
        let accepted = self.time.listen().await;
        self.write_behind(|mailboxes, _, writes| {
            // Under the mailboxes' lock: no hold is taken between hold time's going on and what follows from it.
            let (now, judged) = self.time.tick();
            if judged.outage_ms > 0 {
                mailboxes.outage_was_longer(judged.outage_ms, now, writes);
            }
            mailboxes.tick(now, writes);
            if accepted || judged != Judged::default() {
                mailboxes.mark(now, writes);
            }
        })
        .await;
        // If its queue is full, it works anyway.
        let _ = self.jobs.try_send(Job::Look);
        // What is due waits for nothing that can be done later.
        self.release_due().await?;
        for _ in 0..SLICES_SWEPT_PER_TICK {
            let writer_is_behind = self.jobs.capacity() == 0;
            let mut more = false;
            self.write_behind(|mailboxes, now, writes| more = mailboxes.sweep(now, writes)).await;
            if !more || writer_is_behind {
                break;
            }
        }
        while self.newcomers.tidy(self.now()) {
            // Others may want it.
            yield_now().await;
        }
        Ok(())
    }

    async fn release_due(&self) -> Result<(), StoreError> {
        loop {
            let due = self.mailboxes().due(self.now());
            if due.is_empty() {
                return Ok(());
            }
            // A short hold may be due before a slow disk has it: what is held is read after it is there.
            self.change(|_, _, _| Reply::Durable(Answer::Accepted)).await.answer().await;
            for record in due {
                self.release(record).await?;
            }
        }
    }

    async fn release(&self, record: HoldRecord) -> Result<(), StoreError> {
        let (key, of) = (record.key, record.held().count());
        let tokens: Vec<SendTokenHash> = record.deliveries.iter().map(|it| it.token).collect();
        let envelopes = self.read_held(record).await?;
        for (at, envelope) in &envelopes {
            if let Some(token) = tokens.get(usize::from(*at)) {
                self.settle(token, &short_digest(envelope)).await?;
            }
        }
        let mut missing = 0;
        let done = self
            .change(|mailboxes, now, writes| {
                missing = mailboxes.release(key, envelopes, now, writes);
                mailboxes.promise(Answer::Accepted)
            })
            .await;
        drop(done);
        if missing > 0 {
            tracing::error!(
                missing,
                of,
                "a hold was released without envelopes that cannot be read"
            );
        }
        Ok(())
    }

    /// Reads the envelope that these bytes would be a double of, if its entry is all that is known of it.
    async fn settle(&self, token: &SendTokenHash, digest: &ShortDigest) -> Result<(), StoreError> {
        let doubt = self.mailboxes().in_doubt(token, digest);
        let Some((mailbox, sequence)) = doubt else { return Ok(()) };
        let found = self.read_back(mailbox, vec![sequence]).await?;
        if found.iter().any(|(_, envelope)| envelope.is_some()) {
            self.mailboxes().verified(&mailbox, sequence);
        }
        Ok(())
    }

    /// Before the first extension of a hold that an earlier process took, what it holds is read back.
    async fn extend(&self, id: &HoldId, for_s: u32) -> Pending {
        let unread = self.mailboxes().unread(id);
        let looked = match unread {
            None => None,
            Some(record) => match self.read_held(record.clone()).await {
                Ok(envelopes) => Some((record, envelopes.len())),
                Err(error) => {
                    tracing::error!(%error, "what is held cannot be read");
                    return Pending::Ready(unavailable());
                }
            },
        };
        let answer = self
            .change(|mailboxes, now, writes| {
                let lost = looked.as_ref().and_then(|(record, readable)| {
                    mailboxes.looked_at(record, *readable, now, writes)
                });
                lost.unwrap_or_else(|| mailboxes.extend(id, for_s, now, writes))
            })
            .await;
        if let (Some((record, readable)), true) = (looked, answer.is_loss()) {
            let of = record.held().count();
            let missing = of - readable;
            tracing::error!(missing, of, "a hold was dropped: envelopes of it cannot be read");
        }
        answer
    }

    async fn read_held(&self, record: HoldRecord) -> Result<Vec<(u8, Envelope)>, StoreError> {
        let store = self.store.clone();
        joined(spawn_blocking(move || record.envelopes(&*store)).await)
    }

    /// Tells the writer to commit what waits, with a mark that the outage begins now, and to end.
    pub(crate) async fn stop(&self) {
        self.write_behind(Mailboxes::mark).await;
        let _ = self.jobs.send(Job::Stop).await;
    }

    pub(crate) fn now(&self) -> Now {
        self.time.now()
    }

    fn info(&self) -> Info {
        Info {
            version: PROTOCOL_VERSION,
            time_s: self.now().wall_s(),
            access_required: self.access.tokens().is_required(),
            limits: self.limits.served(),
            clock_jump: self.time.last_jump(),
        }
    }

    /// A place in the writer's queue first, then the change and its writes under one lock: the writer sees
    /// them in the order in which they happened.
    async fn change(
        &self,
        change: impl FnOnce(&mut Mailboxes, Now, &mut Vec<Write>) -> Reply,
    ) -> Pending {
        self.change_of(1, change).await
    }

    /// The same for a change that brings so many envelopes: there must be room for them until they are on disk.
    async fn change_of(
        &self,
        envelopes: usize,
        change: impl FnOnce(&mut Mailboxes, Now, &mut Vec<Write>) -> Reply,
    ) -> Pending {
        let envelopes = u32::try_from(envelopes.clamp(1, WRITER_QUEUE)).unwrap_or(1);
        let Ok(room) = self.room.clone().acquire_many_owned(envelopes).await else {
            return Pending::Ready(unavailable());
        };
        let Ok(permit) = self.jobs.reserve().await else { return Pending::Ready(unavailable()) };
        let mut writes = Vec::new();
        let mut mailboxes = self.mailboxes();
        match change(&mut mailboxes, self.now(), &mut writes) {
            Reply::Now(answer) => {
                // What changed without a promise is written when that can be.
                if !writes.is_empty() {
                    permit.send(Job::Write { writes, done: None, room: Some(room) });
                }
                Pending::Ready(answer)
            }
            Reply::Durable(answer) => {
                let (done, wait) = oneshot::channel();
                permit.send(Job::Write { writes, done: Some(done), room: Some(room) });
                Pending::Commit(wait, answer)
            }
        }
    }

    /// A change that nobody waits for; it goes with the next commit.
    async fn write_behind(&self, change: impl FnOnce(&mut Mailboxes, Now, &mut Vec<Write>)) {
        let Ok(permit) = self.jobs.reserve().await else { return };
        self.written(permit, change);
    }

    /// The same, with its place in the queue. Its writes are sent before the lock is let go: a record that comes late would
    /// take back what changed since.
    fn written<T>(
        &self,
        permit: mpsc::Permit<'_, Job>,
        change: impl FnOnce(&mut Mailboxes, Now, &mut Vec<Write>) -> T,
    ) -> T {
        let mut writes = Vec::new();
        let mut mailboxes = self.mailboxes();
        let result = change(&mut mailboxes, self.now(), &mut writes);
        if !writes.is_empty() {
            permit.send(Job::Write { writes, done: None, room: None });
        }
        result
    }

    fn mailboxes(&self) -> MutexGuard<'_, Mailboxes> {
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn joined<T>(read: Result<Result<T, StoreError>, tokio::task::JoinError>) -> Result<T, StoreError> {
    read.unwrap_or_else(|_| {
        Err(StoreError::Engine { doing: "reading", reason: "it stopped".to_owned() })
    })
}

#[cfg(test)]
mod tests;
