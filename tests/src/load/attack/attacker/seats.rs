//! Connections that are there: idle ones, and readers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{AcquireError, Mutex, OnceCell, Semaphore, SemaphorePermit};
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};
use velar_protocol::wire::limits::MAX_TOKENS;
use velar_protocol::wire::{Ack, Delivery, Event, MailboxSecret, Request, SendToken};

use super::super::super::{Mailbox, Outcome};
use super::super::client::{Connection, Failure, Port};
use super::filling::junk;
use super::{AGAIN, Attacker, Turn};

/// Connections on one socket: with many more, its buffer loses handshakes.
const PER_PORT: u32 = 128;

/// Handshakes at once.
const AT_ONCE: usize = 32;

/// Between two of them at least.
const KNOCKS: Duration = Duration::from_millis(1);

/// Subscriptions that a connection may have.
const SUBSCRIPTIONS: u32 = 4;

/// Between two envelopes for the readers.
const DELIVERIES: Duration = Duration::from_millis(50);

/// Who may knock, and when.
struct Queue {
    at_once: Semaphore,
    next: Mutex<Interval>,
}

/// What the seats of one socket share.
struct Bench {
    port: Port,
    /// A mailbox by which any of them proves itself, once new ones are refused.
    mailbox: OnceCell<MailboxSecret>,
}

impl Attacker {
    /// Takes every seat there is, and keeps trying for the rest.
    pub(super) fn take_seats(self: &Arc<Self>, tasks: &mut JoinSet<Outcome<()>>) -> Outcome<()> {
        let queue = Arc::new(Queue::new());
        let prefixes = self.orders.prefixes.max(1);
        for prefix in 0..prefixes {
            let seats =
                self.orders.size / prefixes + u32::from(prefix < self.orders.size % prefixes);
            for first in (0..seats).step_by(PER_PORT as usize) {
                let bench = Arc::new(Bench { port: self.port(prefix)?, mailbox: OnceCell::new() });
                for _ in first..seats.min(first + PER_PORT) {
                    self.forms();
                    let (attacker, bench, queue) = (self.clone(), bench.clone(), queue.clone());
                    tasks.spawn(async move { attacker.sit(&bench, &queue).await });
                }
            }
        }
        Ok(())
    }

    async fn sit(&self, bench: &Bench, queue: &Queue) -> Outcome<()> {
        let mut tried = false;
        loop {
            let turn = queue.turn().await?;
            let seated = async {
                let connection = self.connect(&bench.port).await?;
                self.speak(bench, &connection).await?;
                Ok::<_, Failure>(connection)
            };
            let seated = seated.await;
            drop(turn);
            if !std::mem::replace(&mut tried, true) {
                self.in_place();
            }
            if let Ok(connection) = seated {
                self.counts.open_now.fetch_add(1, Ordering::Relaxed);
                connection.quic.closed().await;
                self.counts.open_now.fetch_sub(1, Ordering::Relaxed);
            }
            sleep(AGAIN).await;
        }
    }

    /// The one valid frame without which a connection is closed.
    async fn speak(&self, bench: &Bench, connection: &Connection) -> Result<(), Failure> {
        if !self.orders.proved {
            return self.ask(connection, &Request::Info).await.map(drop);
        }
        let mailbox = Mailbox::fresh().map_err(|_| Failure::Odd)?;
        let open = |secret: &MailboxSecret| {
            Request::open(&connection.exporter, secret, vec![mailbox.token.hash()], None)
        };
        if self.ask(connection, &open(&mailbox.secret)).await? == Turn::GoOn {
            // Another may have been first.
            let _ = bench.mailbox.set(mailbox.secret);
            return Ok(());
        }
        match bench.mailbox.get() {
            Some(secret) => self.ask(connection, &open(secret)).await.map(drop),
            None => Err(Failure::Full),
        }
    }

    /// Readers of one mailbox, and somebody who sends to it.
    pub(super) async fn read_along(
        self: &Arc<Self>,
        tasks: &mut JoinSet<Outcome<()>>,
    ) -> Outcome<()> {
        let secret = Mailbox::fresh()?.secret;
        let tokens: Vec<SendToken> =
            (0..MAX_TOKENS).map(|_| Ok(Mailbox::fresh()?.token)).collect::<Outcome<_>>()?;
        let port = self.port(0)?;
        let sender = self.connect_at_last(&port).await;
        let hashes = tokens.iter().map(SendToken::hash).collect();
        let opened = sender.open(&secret, hashes).await;
        opened.map_err(|failure| format!("no mailbox to read: {failure}"))?;
        let queue = Arc::new(Queue::new());
        for connection in 0..self.orders.size.div_ceil(SUBSCRIPTIONS) {
            self.forms();
            let (attacker, secret, queue) = (self.clone(), secret.clone(), queue.clone());
            tasks.spawn(async move {
                let port = attacker.port(connection)?;
                let mut tried = false;
                loop {
                    let reading = attacker.subscribe(&port, &secret, &queue).await;
                    if !std::mem::replace(&mut tried, true) {
                        attacker.in_place();
                    }
                    if let Ok((_connection, mut readers)) = reading {
                        while readers.join_next().await.is_some() {}
                    }
                    sleep(AGAIN).await;
                }
            });
        }
        let attacker = self.clone();
        tasks.spawn(async move {
            let mut pace = interval(DELIVERIES);
            pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
            for token in tokens.iter().cycle() {
                pace.tick().await;
                let delivery = Delivery { token: token.clone(), envelope: junk()? };
                // Whatever becomes of it, the next one comes.
                let _ = attacker.ask(&sender, &Request::Send { delivery }).await;
            }
            Ok(())
        });
        Ok(())
    }

    async fn subscribe(
        self: &Arc<Self>,
        port: &Port,
        secret: &MailboxSecret,
        queue: &Queue,
    ) -> Result<(Connection, JoinSet<Result<(), Failure>>), Failure> {
        let _turn = queue.turn().await.map_err(|_| Failure::Odd)?;
        let connection = self.connect(port).await?;
        let mut readers = JoinSet::new();
        for _ in 0..SUBSCRIPTIONS {
            self.counts.requests.fetch_add(1, Ordering::Relaxed);
            let mut events = connection.subscribe([secret]).await?;
            let attacker = self.clone();
            readers.spawn(async move {
                attacker.counts.open_now.fetch_add(1, Ordering::Relaxed);
                let read = async {
                    loop {
                        if let Event::Envelope { mailbox, sequence, .. } = events.hear().await? {
                            attacker.counts.events.fetch_add(1, Ordering::Relaxed);
                            events.say(&Ack { mailbox, sequence }).await?;
                        }
                    }
                };
                let ended: Result<(), Failure> = read.await;
                attacker.counts.open_now.fetch_sub(1, Ordering::Relaxed);
                ended
            });
        }
        Ok((connection, readers))
    }
}

impl Queue {
    fn new() -> Self {
        let mut next = interval(KNOCKS);
        next.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Self { at_once: Semaphore::new(AT_ONCE), next: Mutex::new(next) }
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        let turn = self.at_once.acquire().await?;
        self.next.lock().await.tick().await;
        Ok(turn)
    }
}
