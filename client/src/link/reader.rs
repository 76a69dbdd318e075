//! Reads one mailbox of this device: opens it where needed, subscribes, acknowledges.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use velar_protocol::wire::limits::MAX_UNACKED;
use velar_protocol::wire::{Ack, Answer, Event, RelayAddress, Request};

use super::{RelayClock, Report};
use crate::device::{Arrived, HomeView};
use crate::net::{Backoff, Connector, LONGEST, NetError, Purpose, RelayConnection};

/// Seconds after which a token that the relay did not register is registered again.
const UNREGISTERED_RETRY_S: u32 = 300;

/// The task that reads one mailbox. Dropping it ends the task and its connection.
pub(super) struct Reader {
    acks: mpsc::Sender<(u64, Ack)>,
    home: watch::Sender<Arc<HomeView>>,
    asked: Arc<Notify>,
    task: JoinHandle<()>,
}

struct Reading {
    connector: Arc<Connector>,
    reports: mpsc::Sender<Report>,
    acks: mpsc::Receiver<(u64, Ack)>,
    home: watch::Receiver<Arc<HomeView>>,
    asked: Arc<Notify>,
    relay: RelayAddress,
    /// Counts this task's connections.
    connection: u64,
}

impl Reader {
    pub(super) fn start(
        connector: &Arc<Connector>,
        reports: &mpsc::Sender<Report>,
        home: HomeView,
    ) -> Self {
        let (acks, pending) = mpsc::channel(2 * MAX_UNACKED);
        let relay = home.relay.clone();
        let (home, updates) = watch::channel(Arc::new(home));
        let asked = Arc::new(Notify::new());
        let reading = Reading {
            connector: connector.clone(),
            reports: reports.clone(),
            acks: pending,
            home: updates,
            asked: asked.clone(),
            relay,
            connection: 0,
        };
        Self { acks, home, asked, task: tokio::spawn(reading.run()) }
    }

    /// Another set of tokens, perhaps, or the same one, which another process has replaced at the relay by an older one.
    pub(super) fn update(&self, home: HomeView) {
        self.home.send_if_modified(|known| {
            let replaced = known.registered && !home.registered;
            let open = home.revision != known.revision || replaced;
            if open || home.registered != known.registered {
                *known = Arc::new(home);
            }
            open
        });
    }

    /// Asks whether the relay is still there, and what its clock says.
    pub(super) fn ask(&self) {
        self.asked.notify_one();
    }

    /// The relay may delete this one. Without a connection it is dropped: the envelope comes again, is
    /// recognised, and acknowledged then.
    pub(super) fn ack(&self, connection: u64, ack: Ack) {
        if self.acks.try_send((connection, ack)).is_err() {
            tracing::debug!("an acknowledgement waits for the next connection");
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Reading {
    async fn run(mut self) {
        let mut backoff = Backoff::new();
        loop {
            let error = self.read(&mut backoff).await;
            let random = getrandom::u64().unwrap_or(u64::MAX / 2);
            let pause = backoff.after(&error, LONGEST, random);
            let relay = self.relay.clone();
            if self.reports.send(Report::NotReading { relay, error }).await.is_err() {
                return;
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// One connection, from its beginning to its end.
    async fn read(&mut self, backoff: &mut Backoff) -> NetError {
        match self.connected(backoff).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn connected(
        &mut self,
        backoff: &mut Backoff,
    ) -> Result<std::convert::Infallible, NetError> {
        let connection = self.connector.connect(&self.relay, Purpose::Read).await?;
        self.connection += 1;
        self.check_clock(&connection).await?;
        let home = self.home.borrow_and_update().clone();
        // Each time: what the relay confirmed once it may have lost since, with its disk, or to an older set
        // of another process. Reading does not wait for it to succeed.
        let opened = self.open(&connection, &home).await;
        let mailboxes = [home.mailbox.clone()];
        let (subscription, unopened) = match (connection.subscribe(&mailboxes).await, opened) {
            (Ok(subscription), opened) => (subscription, opened.err()),
            (Err(_), Err(why)) | (Err(why), Ok(())) => return Err(why),
        };
        backoff.reset();
        self.say(Report::Reading { relay: self.relay.clone() }).await?;
        if let Some(error) = unopened {
            self.say(Report::NotOpened { relay: self.relay.clone(), error }).await?;
        }
        let (mut events, mut acks) = subscription.split();
        loop {
            tokio::select! {
                event = events.next() => self.take(event?).await?,
                // Acks of an earlier connection would name other envelopes now.
                Some((connection, ack)) = self.acks.recv() => {
                    if connection == self.connection {
                        acks.ack(ack).await?;
                    }
                }
                // Without an answer the connection counts as lost, long before it would by itself.
                () = self.asked.notified() => self.check_clock(&connection).await?,
                changed = self.home.changed() => {
                    changed.map_err(|_| NetError::ClosedHere)?;
                    let home = self.home.borrow_and_update().clone();
                    self.open(&connection, &home).await?;
                }
            }
        }
    }

    async fn take(&mut self, event: Event) -> Result<(), NetError> {
        let relay = self.relay.clone();
        match event {
            Event::Envelope { mailbox, sequence, token, envelope, .. } => {
                let (ack, connection) = (Ack { mailbox, sequence }, self.connection);
                let arrived = Arrived { envelope, relay, token };
                self.say(Report::Envelope { arrived, connection, ack }).await
            }
            Event::CaughtUp { expired, .. } => self.say(Report::CaughtUp { relay, expired }).await,
            Event::Ended { .. } => Err(NetError::Closed),
        }
    }

    async fn open(&mut self, on: &RelayConnection, home: &HomeView) -> Result<(), NetError> {
        let access = home.access.clone();
        let request = Request::open(&on.exporter(), &home.mailbox, home.tokens.clone(), access);
        match on.request(&request).await? {
            answer @ Answer::Opened { .. } if answer.opened_with_all() => {
                let (relay, revision) = (self.relay.clone(), home.revision);
                self.say(Report::Registered { relay, revision }).await
            }
            // Of a token that is not registered nothing arrives.
            Answer::Opened { .. } => Err(NetError::Full { retry_after_s: UNREGISTERED_RETRY_S }),
            other => Err(NetError::of_answer(&other)),
        }
    }

    async fn check_clock(&mut self, on: &RelayConnection) -> Result<(), NetError> {
        match on.request(&Request::Info).await? {
            Answer::Info(info) => {
                let (relay, clock) = (self.relay.clone(), RelayClock::of(&info));
                self.say(Report::Time { relay, clock }).await
            }
            other => Err(NetError::of_answer(&other)),
        }
    }

    async fn say(&self, report: Report) -> Result<(), NetError> {
        self.reports.send(report).await.map_err(|_| NetError::ClosedHere)
    }
}
