//! Group commit. One OS thread takes everything that waits, applies it, commits once, and then answers
//! all of it. Nothing is answered before its commit.

use std::collections::{HashMap, HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};
use velar_protocol::wire::MailboxId;

use crate::limits::{
    COMMIT_EVERY, COMMIT_WATCHDOG, FLOOR, LOOK_AFTER, LOOK_EVERY, WRITE_ROOM, WRITER_GROUP,
    WRITER_QUEUE,
};
use crate::mailboxes::Mailboxes;
use crate::store::{Loaded, Room, Store, StoreError, Upkeep, Write};

/// What waits for the writer.
pub(crate) enum Job {
    /// Apply these. If `done` is there, commit and then send on it; otherwise they go with the next commit.
    /// `room` is given back then.
    Write {
        writes: Vec<Write>,
        done: Option<oneshot::Sender<()>>,
        room: Option<OwnedSemaphorePermit>,
    },
    /// Look at the disk, and let the store do what it does for itself.
    Look,
    /// Commit what came before, and end.
    Stop,
}

/// The thread, and what it tells.
pub(crate) struct Writer {
    thread: JoinHandle<Result<(), StoreError>>,
    ended: watch::Receiver<bool>,
    watchdog: Arc<Watchdog>,
}

#[derive(Default)]
struct Watchdog {
    /// Milliseconds since `epoch` when the commit in progress began, plus one; 0 between commits.
    since_ms: AtomicU64,
    over: AtomicBool,
}

impl Writer {
    /// Starts the thread. `leftovers` are written as soon as that can be. `free_space` is the number of bytes below which
    /// nothing new is taken in.
    pub(crate) fn start(
        store: Arc<dyn Store>,
        mailboxes: Arc<Mutex<Mailboxes>>,
        leftovers: Vec<Write>,
        free_space: u64,
    ) -> std::io::Result<(Self, mpsc::Sender<Job>)> {
        let (jobs, waiting) = mpsc::channel(WRITER_QUEUE);
        let (ended_sender, ended) = watch::channel(false);
        let watchdog = Arc::new(Watchdog::default());
        let epoch = Instant::now();
        let mut work = Work {
            store,
            mailboxes,
            free_space,
            epoch,
            watchdog: watchdog.clone(),
            looked: None,
            written: 0,
            room: Room::Enough,
            crowded: false,
            deferred: Deferred::default(),
            ahead: VecDeque::new(),
        };
        work.deferred.extend(leftovers.into_iter());
        // Before anybody can ask for something.
        work.look_at_free_space();
        let thread = {
            thread::Builder::new().name("writer".into()).spawn(move || {
                let result = catch_unwind(AssertUnwindSafe(|| work.run(waiting)));
                let _ = ended_sender.send(true);
                result.unwrap_or_else(|_| {
                    let reason = "it stopped without an error".to_owned();
                    Err(StoreError::Engine { doing: "writing", reason })
                })
            })?
        };
        let dog = watchdog.clone();
        thread::Builder::new().name("watchdog".into()).spawn(move || dog.watch(epoch))?;
        Ok((Self { thread, ended, watchdog }, jobs))
    }

    /// Becomes true when the thread has ended, for whatever reason.
    pub(crate) fn ended(&self) -> watch::Receiver<bool> {
        self.ended.clone()
    }

    /// Waits for the thread, which must have been told to stop, or have failed. Blocks.
    pub(crate) fn join(self) -> Result<(), StoreError> {
        let result = self.thread.join().unwrap_or_else(|_| {
            Err(StoreError::Engine { doing: "writing", reason: "it stopped".to_owned() })
        });
        self.watchdog.over.store(true, Ordering::Relaxed);
        result
    }
}

impl Watchdog {
    fn watch(&self, epoch: Instant) {
        while !self.over.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_secs(1));
            let since = self.since_ms.load(Ordering::Relaxed);
            let now = elapsed_ms(epoch);
            if since > 0 && now.saturating_sub(since) > COMMIT_WATCHDOG.as_millis() as u64 {
                tracing::error!(
                    "one commit takes more than 30 s: the disk does not answer; aborting"
                );
                std::process::abort();
            }
        }
    }
}

fn elapsed_ms(epoch: Instant) -> u64 {
    u64::try_from(epoch.elapsed().as_millis()).unwrap_or(u64::MAX)
}

struct Work {
    store: Arc<dyn Store>,
    mailboxes: Arc<Mutex<Mailboxes>>,
    free_space: u64,
    epoch: Instant,
    watchdog: Arc<Watchdog>,
    /// When the free space was last looked at, and how many writes there were since.
    looked: Option<Instant>,
    written: usize,
    room: Room,
    /// There are as many envelopes as there may be.
    crowded: bool,
    /// Writes that wait for room on the disk.
    deferred: Deferred,
    /// Jobs that come before those that wait.
    ahead: VecDeque<Job>,
}

impl Work {
    fn run(&mut self, mut waiting: mpsc::Receiver<Job>) -> Result<(), StoreError> {
        let mut group = Vec::new();
        let mut answers = Vec::new();
        let mut rooms = Vec::new();
        let mut dirty = false;
        let mut stop = false;
        let mut busy = false;
        let mut committed = Instant::now();
        while !stop {
            let mut next = match self.ahead.pop_front().map_or_else(|| waiting.try_recv(), Ok) {
                Ok(job) => Some(job),
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) if busy => None,
                Err(TryRecvError::Empty) => match waiting.blocking_recv() {
                    Some(job) => Some(job),
                    None => break,
                },
            };
            let mut promised = false;
            while let Some(job) = next.take() {
                match job {
                    Job::Write { writes, done, room } => {
                        promised |= done.is_some() && !writes.is_empty();
                        group.extend(writes);
                        answers.extend(done);
                        rooms.extend(room);
                    }
                    Job::Look => {}
                    Job::Stop => stop = true,
                }
                if group.len() < WRITER_GROUP && answers.len() < WRITER_GROUP {
                    next = self.ahead.pop_front().or_else(|| waiting.try_recv().ok());
                }
            }
            self.watchdog.since_ms.store(elapsed_ms(self.epoch) + 1, Ordering::Relaxed);
            cancel_out(&mut group);
            if !self.store.is_writable() {
                // Nothing is promised that cannot be kept: whoever waits hears that the relay cannot serve it now.
                if promised {
                    answers.clear();
                }
                self.deferred.extend(group.drain(..));
            } else if self.room == Room::None && !promised {
                self.deferred.extend(group.drain(..));
            } else {
                self.deferred.before(&mut group);
                self.store.apply(&group)?;
                dirty |= !group.is_empty();
            }
            // What nobody waits for does not wait long: the entries of a commit are in memory until then.
            let late = committed.elapsed() >= COMMIT_EVERY;
            if dirty && (stop || late || !answers.is_empty()) {
                self.store.commit()?;
                dirty = false;
                committed = Instant::now();
            }
            for done in answers.drain(..) {
                // Whoever asked may be gone.
                let _ = done.send(());
            }
            self.tell_committed(&mut group);
            rooms.clear();
            self.look_at_free_space();
            if !self.store.is_writable() {
                // No commit: a store that opens is read from end to end, and perhaps made anew.
                self.watchdog.since_ms.store(0, Ordering::Relaxed);
            }
            busy = self.store.upkeep(self.room)? == Upkeep::Busy;
            if let Some(loaded) = self.store.reopened() {
                self.take_reopened(loaded, &mut waiting);
            }
            self.watchdog.since_ms.store(0, Ordering::Relaxed);
        }
        Ok(())
    }

    /// What was counted as lost goes behind all that was written without knowing of it: what was deferred, and what waits
    /// already. Jobs are sent under the mailboxes' lock, so these are all.
    fn take_reopened(&mut self, loaded: Loaded, waiting: &mut mpsc::Receiver<Job>) {
        let mut mailboxes = self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
        while let Ok(job) = waiting.try_recv() {
            self.ahead.push_back(job);
        }
        let of_jobs = self.ahead.iter_mut().flat_map(|job| match job {
            Job::Write { writes, .. } => writes.as_mut_slice(),
            Job::Look | Job::Stop => &mut [],
        });
        let mut writes = Vec::new();
        mailboxes.reopened(loaded, self.deferred.writes.iter_mut().chain(of_jobs), &mut writes);
        self.ahead.push_back(Job::Write { writes, done: None, room: None });
    }

    fn tell_committed(&mut self, group: &mut Vec<Write>) {
        // Records, too: a hold's of 64 deliveries is half an envelope, and can be written again and again.
        self.written += group.iter().map(envelopes_of).sum::<usize>();
        let puts = puts_of(group);
        if !puts.is_empty() {
            self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner).committed(&puts);
        }
    }

    fn mailboxes(&self) -> MutexGuard<'_, Mailboxes> {
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Once a second while it works, and after every mebibyte that was written: it is a system call.
    fn look_at_free_space(&mut self) {
        let recent = self.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY);
        if recent && self.written < LOOK_AFTER {
            return;
        }
        self.looked = Some(Instant::now());
        self.written = 0;
        let open = self.mailboxes().len();
        let envelope = self.store.envelope_bytes().max(1);
        // Without a reserve a store that is full stays so, however much of it is read: what is left has to be written anew. And
        // whatever happens, every mailbox that is open has room for its floor.
        let mark = match self.free_space {
            0 => 0,
            set => {
                let floors = open as u64 * u64::from(FLOOR) * envelope;
                set.max(self.store.reserve_bytes()).saturating_add(floors)
            }
        };
        let free = self.store.free_bytes();
        let room = match free {
            _ if !self.store.is_writable() => Room::None,
            Some(free) if free < self.free_space.min(WRITE_ROOM) => Room::None,
            Some(free) if free < mark => Room::Low,
            _ => Room::Enough,
        };
        let left = |free: u64| free.saturating_sub(mark) / envelope;
        let crowded = {
            let mut mailboxes = self.mailboxes();
            mailboxes.set_room(room, free.map_or(u64::MAX, left));
            room == Room::Enough && mailboxes.spare() < u64::from(FLOOR)
        };
        if !std::mem::replace(&mut self.crowded, crowded) && crowded {
            tracing::error!(
                "as many envelopes wait or are held as there may be in all: nothing new is taken in but a few for each mailbox; if this \
                 machine has more memory, set a higher limit `envelopes`"
            );
        }
        if std::mem::replace(&mut self.room, room) == room {
            return;
        }
        match room {
            Room::Enough => tracing::info!("enough disk space again"),
            Room::Low => tracing::error!(
                mebibytes = mark >> 20,
                "little disk space left: nothing new is taken in but a few envelopes for each mailbox; make at least so much room on the disk of the data folder, \
                 no restart is needed"
            ),
            Room::None => tracing::error!(
                "no disk space left: nothing is written, and what is acknowledged meanwhile is only kept in memory; make \
                 room on the disk of the data folder, no restart is needed"
            ),
        }
    }
}

/// Writes that wait for room on the disk. Of those that replace each other the last one stays, so that they are never
/// more than there are mailboxes, holds and envelopes.
#[derive(Default)]
struct Deferred {
    writes: Vec<Write>,
    /// Length at which to look for what was replaced.
    tidy_at: usize,
}

impl Deferred {
    fn extend(&mut self, writes: impl Iterator<Item = Write>) {
        self.writes.extend(writes);
        if self.writes.len() > self.tidy_at {
            cancel_out(&mut self.writes);
            self.keep_last();
            self.tidy_at = 2 * self.writes.len() + 1024;
        }
    }

    /// Puts them before what comes now.
    fn before(&mut self, group: &mut Vec<Write>) {
        if !self.writes.is_empty() {
            let mut all = std::mem::take(self).writes;
            all.append(group);
            cancel_out(&mut all);
            *group = all;
        }
    }

    fn keep_last(&mut self) {
        let mut seen = HashSet::new();
        let mut kept: Vec<Write> = std::mem::take(&mut self.writes)
            .into_iter()
            .rev()
            .filter(|write| match write {
                Write::Mailbox(record) => seen.insert((0, record.id.0)),
                Write::HoldRecord(record) => seen.insert((1, record.key.id.0)),
                Write::Clock(_) => seen.insert((2, [0; 32])),
                _ => true,
            })
            .collect();
        kept.reverse();
        self.writes = kept;
    }
}

/// How many envelopes come to as many bytes as this, or more.
fn envelopes_of(write: &Write) -> usize {
    match write {
        Write::Hold { envelopes, .. } => 1 + envelopes.len(),
        Write::Expire { sequences, .. } => 1 + sequences.len() / 64,
        _ => 1,
    }
}

/// Empties a group that is applied; what it put where.
pub(crate) fn puts_of(group: &mut Vec<Write>) -> Vec<(MailboxId, u64)> {
    let put = |write: Write| match write {
        Write::Put(stored, _) => Some((stored.mailbox, stored.sequence)),
        _ => None,
    };
    group.drain(..).filter_map(put).collect()
}

/// An envelope that came and was acknowledged within one group never needs to reach the disk: its
/// recipient has it. Nor does what a hold was before it was extended once more. Order decides, so that a name used again is not confused.
pub(crate) fn cancel_out(group: &mut Vec<Write>) {
    let mut puts = HashMap::new();
    let mut holds = HashMap::new();
    let mut gone = vec![false; group.len()];
    for (at, write) in group.iter().enumerate() {
        match write {
            Write::Put(stored, _) => {
                puts.insert((stored.mailbox, stored.sequence), at);
            }
            Write::Remove { mailbox, sequence } => {
                if let Some(put) = puts.remove(&(*mailbox, *sequence)) {
                    for at in [put, at] {
                        if let Some(gone) = gone.get_mut(at) {
                            *gone = true;
                        }
                    }
                }
            }
            // A key names one taking of a hold: between the two there was no other of this name.
            Write::HoldRecord(record) => {
                if let Some(gone) = holds.insert(record.key, at).and_then(|at| gone.get_mut(at)) {
                    *gone = true;
                }
            }
            _ => {}
        }
    }
    let mut gone = gone.into_iter();
    group.retain(|_| !gone.next().unwrap_or(false));
}

#[cfg(test)]
mod tests;
