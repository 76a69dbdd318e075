//! Reads one mailbox of this device: opens it where needed, subscribes, acknowledges.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use velar_protocol::wire::limits::MAX_UNACKED;
use velar_protocol::wire::{Ack, Answer, Event, Refusal, RelayAddress, Request};

use super::Report;
use crate::device::HomeView;
use crate::net::{Backoff, Connector, NetError, Purpose, RelayConnection};

/// The task that reads one mailbox. Dropping it ends the task and its connection.
pub(super) struct Reader {
    acks: mpsc::Sender<Ack>,
    home: watch::Sender<Arc<HomeView>>,
    task: JoinHandle<()>,
}

struct Reading {
    connector: Arc<Connector>,
    reports: mpsc::Sender<Report>,
    acks: mpsc::Receiver<Ack>,
    home: watch::Receiver<Arc<HomeView>>,
    relay: RelayAddress,
    /// The set of tokens that the relay has confirmed to this task.
    confirmed: Option<u64>,
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
        let reading = Reading {
            connector: connector.clone(),
            reports: reports.clone(),
            acks: pending,
            home: updates,
            relay,
            confirmed: None,
        };
        Self { acks, home, task: tokio::spawn(reading.run()) }
    }

    /// Another set of tokens, perhaps.
    pub(super) fn update(&self, home: HomeView) {
        self.home.send_if_modified(|known| {
            let newer = home.revision != known.revision;
            if newer {
                *known = Arc::new(home);
            }
            newer
        });
    }

    /// The relay may delete this one. Without a connection it is dropped: the envelope comes again, is
    /// recognised, and acknowledged then.
    pub(super) fn ack(&self, ack: Ack) {
        if self.acks.try_send(ack).is_err() {
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
            let relay = self.relay.clone();
            if self.reports.send(Report::NotReading { relay, error }).await.is_err() {
                return;
            }
            let random = getrandom::u64().unwrap_or(u64::MAX / 2);
            tokio::time::sleep(backoff.next(random)).await;
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
        // Acks of an earlier connection would name other envelopes now.
        while self.acks.try_recv().is_ok() {}
        self.check_clock(&connection).await?;
        let home = self.home.borrow_and_update().clone();
        if !home.registered || self.confirmed.is_some_and(|known| known != home.revision) {
            self.open(&connection, &home).await?;
        }
        let mailboxes = [home.mailbox.clone()];
        let subscription = match connection.subscribe(&mailboxes).await {
            // The relay has let the mailbox go, or is another disk's: it is opened again.
            Err(NetError::Refused(Refusal::UnknownMailbox)) => {
                self.open(&connection, &home).await?;
                connection.subscribe(&mailboxes).await?
            }
            other => other?,
        };
        backoff.reset();
        self.say(Report::Reading { relay: self.relay.clone() }).await?;
        let (mut events, mut acks) = subscription.split();
        loop {
            tokio::select! {
                event = events.next() => self.take(event?).await?,
                Some(ack) = self.acks.recv() => acks.ack(ack).await?,
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
            Event::Envelope { mailbox, sequence, envelope, .. } => {
                let ack = Ack { mailbox, sequence };
                self.say(Report::Envelope { relay, ack, envelope }).await
            }
            Event::CaughtUp { expired, .. } => self.say(Report::CaughtUp { relay, expired }).await,
            Event::Ended { .. } => Err(NetError::Closed),
        }
    }

    async fn open(&mut self, on: &RelayConnection, home: &HomeView) -> Result<(), NetError> {
        let access = home.access.clone();
        let request = Request::open(&on.exporter(), &home.mailbox, home.tokens.clone(), access);
        match on.request(&request).await? {
            Answer::Opened => {
                self.confirmed = Some(home.revision);
                let (relay, revision) = (self.relay.clone(), home.revision);
                self.say(Report::Registered { relay, revision }).await
            }
            Answer::Refused(refusal) => Err(NetError::Refused(refusal)),
            Answer::Full { retry_after_s } | Answer::Unavailable { retry_after_s } => {
                Err(NetError::Unavailable { retry_after_s })
            }
            _ => Err(NetError::UnexpectedAnswer),
        }
    }

    async fn check_clock(&mut self, on: &RelayConnection) -> Result<(), NetError> {
        match on.request(&Request::Info).await? {
            Answer::Info(info) => {
                let (relay, time_s) = (self.relay.clone(), info.time_s);
                self.say(Report::Time { relay, time_s }).await
            }
            Answer::Unavailable { retry_after_s } => Err(NetError::Unavailable { retry_after_s }),
            _ => Err(NetError::UnexpectedAnswer),
        }
    }

    async fn say(&self, report: Report) -> Result<(), NetError> {
        self.reports.send(report).await.map_err(|_| NetError::ClosedHere)
    }
}
