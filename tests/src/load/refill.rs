//! A relay that is filled and emptied again and again, while somebody else sends one envelope at a time.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{interval, sleep, timeout};
use velar::net::{Connector, Purpose};
use velar_protocol::wire::{Answer, RelayAddress};

use super::{Envelopes, Mailbox, Outcome, Pair, age, open_all, receive};

/// Mailboxes, each with a sender and a reader of its own.
const MAILBOXES: usize = 16;
/// Envelopes on the way at once, per sender.
const AHEAD: usize = 32;
/// Between two envelopes of the quiet one.
const PACE: Duration = Duration::from_millis(20);
/// Longest wait for the next envelope, or for room.
const PATIENCE: Duration = Duration::from_secs(120);

/// Mailboxes that are filled and read.
#[derive(Debug)]
pub struct Refill {
    relay: RelayAddress,
    mailboxes: Vec<Mailbox>,
    seed: u64,
}

impl Refill {
    /// Opens the mailboxes.
    ///
    /// # Errors
    /// If the relay refuses one.
    pub async fn open(relay: &RelayAddress) -> Outcome<Self> {
        let sockets = Connector::new()?;
        let reader = sockets.connect(relay, Purpose::Read).await?;
        let mailboxes = (0..MAILBOXES).map(|_| Mailbox::fresh()).collect::<Outcome<Vec<_>>>()?;
        open_all(&reader, &mailboxes).await?;
        Ok(Self { relay: relay.clone(), mailboxes, seed: 0 })
    }

    /// Sends `count` envelopes to all mailboxes in equal shares, or as many as are accepted. How many each has.
    ///
    /// # Errors
    /// If the relay goes away, or refuses one for another reason than that it is full.
    pub async fn fill(&mut self, count: usize) -> Outcome<(Vec<usize>, Duration)> {
        let begun = Instant::now();
        let sockets = Connector::new()?;
        let (full, mut senders) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
        for (at, mailbox) in self.mailboxes.iter().cloned().enumerate() {
            let sender = sockets.connect(&self.relay, Purpose::Send).await?;
            self.seed += 1;
            let mut envelopes = Envelopes::new(begun, self.seed);
            let (share, full) = (count / MAILBOXES, full.clone());
            senders.spawn(async move {
                let mut pipeline = sender.pipeline().await?;
                let (mut sent, mut answered, mut accepted) = (0, 0, 0);
                while answered < sent || (sent < share && !full.load(Ordering::Relaxed)) {
                    if sent < share && sent - answered < AHEAD && !full.load(Ordering::Relaxed) {
                        pipeline.send(&mailbox.send(envelopes.make())).await?;
                        sent += 1;
                        continue;
                    }
                    answered += 1;
                    match pipeline.answer().await? {
                        Answer::Accepted => accepted += 1,
                        Answer::Full { .. } => full.store(true, Ordering::Relaxed),
                        other => return Err(format!("the relay answered {other:?}").into()),
                    }
                }
                sender.close();
                Outcome::Ok((at, accepted))
            });
        }
        let mut shares = vec![0; MAILBOXES];
        while let Some(done) = senders.join_next().await {
            let (at, accepted) = done??;
            if let Some(share) = shares.get_mut(at) {
                *share = accepted;
            }
        }
        let elapsed = begun.elapsed();
        // What the relay keeps for them counts for its memory.
        sockets.drain().await;
        Ok((shares, elapsed))
    }

    /// Reads and acknowledges what every mailbox has, or every second one.
    ///
    /// # Errors
    /// If the relay goes away, or an envelope does not come.
    pub async fn read(&self, shares: &[usize], every_second: bool) -> Outcome<Duration> {
        let begun = Instant::now();
        let sockets = Connector::new()?;
        let mut readers = JoinSet::new();
        let step = if every_second { 2 } else { 1 };
        for (mailbox, share) in self.mailboxes.iter().zip(shares).step_by(step) {
            let reader = sockets.connect(&self.relay, Purpose::Read).await?;
            let (secret, share) = (mailbox.secret.clone(), *share);
            readers.spawn(async move {
                let mut subscription = reader.subscribe(&[secret]).await?;
                for _ in 0..share {
                    timeout(PATIENCE, receive(&mut subscription)).await??;
                }
                reader.close();
                Outcome::Ok(())
            });
        }
        while let Some(done) = readers.join_next().await {
            done??;
        }
        let elapsed = begun.elapsed();
        sockets.drain().await;
        Ok(elapsed)
    }

    /// Waits until the relay accepts an envelope again.
    ///
    /// # Errors
    /// If it does not, or goes away.
    pub async fn until_accepted(&self) -> Outcome<Duration> {
        let begun = Instant::now();
        let sockets = Connector::new()?;
        let sender = sockets.connect(&self.relay, Purpose::Send).await?;
        let mut envelopes = Envelopes::new(begun, u64::MAX / 2);
        let mailbox = self.mailboxes.first().ok_or("no mailbox")?;
        loop {
            match sender.request(&mailbox.send(envelopes.make())).await? {
                Answer::Accepted => return Ok(begun.elapsed()),
                Answer::Full { .. } if begun.elapsed() < PATIENCE => sleep(PACE).await,
                other => return Err(format!("the relay answered {other:?}").into()),
            }
        }
    }
}

/// Somebody who sends one envelope after the other to a mailbox of its own, and reads it.
#[derive(Debug)]
pub struct Quiet {
    over: Arc<AtomicBool>,
    sending: JoinHandle<Outcome<Vec<Stall>>>,
    reading: JoinHandle<()>,
    delivered: mpsc::UnboundedReceiver<Stall>,
}

/// One wait, and when it began.
pub type Stall = (Instant, Duration);

impl Quiet {
    /// Begins.
    ///
    /// # Errors
    /// If the relay refuses its mailbox.
    pub async fn begin(relay: &RelayAddress) -> Outcome<Self> {
        let Pair { mailbox, sender, mut subscription, _reader, _sockets } =
            Pair::connect(relay).await?;
        let (epoch, over) = (Instant::now(), Arc::new(AtomicBool::new(false)));
        let ends = over.clone();
        let sending = tokio::spawn(async move {
            let _kept = (_reader, _sockets);
            let (mut envelopes, mut waits) = (Envelopes::new(epoch, u64::MAX / 3), Vec::new());
            let mut ticks = interval(PACE);
            while !ends.load(Ordering::Relaxed) {
                ticks.tick().await;
                let begun = Instant::now();
                match sender.request(&mailbox.send(envelopes.make())).await? {
                    // A refusal comes at once, or it does not: that is a wait, too.
                    Answer::Accepted | Answer::Full { .. } => waits.push((begun, begun.elapsed())),
                    other => return Err(format!("the relay answered {other:?}").into()),
                }
            }
            Outcome::Ok(waits)
        });
        let (sender, delivered) = mpsc::unbounded_channel();
        let reading = tokio::spawn(async move {
            while let Ok(envelope) = receive(&mut subscription).await {
                let waited = age(epoch, &envelope);
                let _ = sender.send((Instant::now() - waited, waited));
            }
        });
        Ok(Self { over, sending, reading, delivered })
    }

    /// Ends; the waits from sending to the answer, and to the delivery.
    ///
    /// # Errors
    /// If the relay went away or refused.
    pub async fn end(mut self) -> Outcome<(Vec<Stall>, Vec<Stall>)> {
        self.over.store(true, Ordering::Relaxed);
        let answered = self.sending.await??;
        self.reading.abort();
        let mut delivered = Vec::new();
        self.delivered.close();
        while let Some(stall) = self.delivered.recv().await {
            delivered.push(stall);
        }
        Ok((answered, delivered))
    }
}

/// Notes when a store has two databases, or one that is being deleted.
#[derive(Debug)]
pub struct Compactions {
    over: Arc<AtomicBool>,
    watching: JoinHandle<std::io::Result<Vec<(Instant, Instant)>>>,
}

impl Compactions {
    /// Begins to look at the store in this folder.
    #[must_use]
    pub fn watch(store: PathBuf) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ends = over.clone();
        let watching = tokio::spawn(async move {
            let (mut found, mut since) = (Vec::new(), None);
            let mut ticks = interval(PACE / 2);
            while !ends.load(Ordering::Relaxed) {
                ticks.tick().await;
                let databases = fs::read_dir(&store)?
                    .flatten()
                    .filter(|entry| entry.file_name().to_string_lossy().starts_with("sled"));
                match (databases.count() > 1, since) {
                    (true, None) => since = Some(Instant::now()),
                    (false, Some(from)) => {
                        found.push((from, Instant::now()));
                        since = None;
                    }
                    _ => {}
                }
            }
            found.extend(since.map(|from| (from, Instant::now())));
            Ok(found)
        });
        Self { over, watching }
    }

    /// Ends; when there were some.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub async fn end(self) -> Outcome<Vec<(Instant, Instant)>> {
        self.over.store(true, Ordering::Relaxed);
        Ok(self.watching.await??)
    }
}

/// The longest of the waits that overlap one of these times.
#[must_use]
pub fn longest(waits: &[Stall], during: Option<&[(Instant, Instant)]>) -> Duration {
    let overlaps = |(begun, waited): &&Stall| {
        during.is_none_or(|times| {
            times.iter().any(|(from, to)| begun <= to && *begun + *waited >= *from)
        })
    };
    waits.iter().filter(overlaps).map(|(_, waited)| *waited).max().unwrap_or_default()
}
