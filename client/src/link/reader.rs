//! Reads one mailbox of this device: opens it where needed, subscribes, acknowledges.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use velar_protocol::wire::limits::MAX_UNACKED;
use velar_protocol::wire::{
    Ack, Answer, Event, Refusal, RelayAddress, Request, SendTokenHash, TokenOutcome,
};

use super::{RelayClock, Report};
use crate::device::{Admittance, Arrived, HomeView};
use crate::net::{Backoff, Connector, LONGEST, NetError, Purpose, RelayConnection};
use crate::outbox::drawn_out;

/// After so long what a relay did not register is asked of it again, and an `Open` that it did not carry out, unless it says
/// how long it needs.
const OPEN_AGAIN: Duration = Duration::from_secs(300);

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
    /// When the mailbox is opened again, where not all of its tokens are registered.
    open_at: Option<Instant>,
    /// Whether the relay asks for an access token before it opens a mailbox, as it said on this connection.
    access_required: bool,
    opening: Opening,
}

/// What the relay was last asked to open the mailbox with, and whether it needs time before it is asked again.
#[derive(Default)]
struct Opening {
    tokens: Vec<SendTokenHash>,
    not_now: Option<(Instant, Answer)>,
}

impl Opening {
    /// Until when it is not asked for these tokens, and what it answered. Whom a token is taken from may go on sending by it:
    /// that does not wait, whether the connection is another or not.
    fn waits(&self, tokens: &[SendTokenHash], now: Instant) -> Option<(Instant, &Answer)> {
        let revokes = self.tokens.iter().any(|token| !tokens.contains(token));
        let (until, answer) = self.not_now.as_ref()?;
        (now < *until && !revokes).then_some((*until, answer))
    }

    /// It was asked for these, and answered so.
    fn answered(&mut self, tokens: &[SendTokenHash], answer: &Answer, now: Instant, random: u64) {
        self.tokens = tokens.to_vec();
        self.not_now = match answer {
            Answer::Full { retry_after_s } | Answer::Unavailable { retry_after_s } => {
                let needed_s = drawn_out((*retry_after_s).into(), LONGEST.as_secs(), random);
                Some((now + Duration::from_secs(needed_s), answer.clone()))
            }
            _ => None,
        };
    }
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
            open_at: None,
            access_required: false,
            opening: Opening::default(),
        };
        Self { acks, home, asked, task: tokio::spawn(reading.run()) }
    }

    /// Another set of tokens, perhaps, or the same one, which another process has replaced at the relay by an older one.
    pub(super) fn update(&self, home: HomeView) {
        self.home.send_if_modified(|known| {
            let replaced = known.registered && !home.registered;
            let open = home.revision != known.revision || replaced;
            if open || home.registered != known.registered || home.access != known.access {
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
        let unopened = self.open(&connection, &home).await?;
        let mailboxes = [home.mailbox.clone()];
        let subscription = match (connection.subscribe(&mailboxes).await, unopened) {
            (Ok(subscription), None) => {
                self.is_read(backoff).await?;
                subscription
            }
            (Ok(subscription), Some(error)) => {
                self.is_read(backoff).await?;
                self.say(Report::NotOpened { relay: self.relay.clone(), error }).await?;
                subscription
            }
            (Err(_), Some(why)) | (Err(why), None) => return Err(why),
        };
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
                    self.open_again(&connection).await?;
                }
                () = until(self.open_at) => self.open_again(&connection).await?,
            }
        }
    }

    async fn is_read(&self, backoff: &mut Backoff) -> Result<(), NetError> {
        backoff.reset();
        self.say(Report::Reading { relay: self.relay.clone() }).await
    }

    /// Whatever comes of it, what is there is read on.
    async fn open_again(&mut self, on: &RelayConnection) -> Result<(), NetError> {
        let home = self.home.borrow_and_update().clone();
        match self.open(on, &home).await? {
            None => Ok(()),
            Some(error) => self.say(Report::NotOpened { relay: self.relay.clone(), error }).await,
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

    /// Opens the mailbox with its tokens, and says what became of each. Returns why the relay did not, if it did not, or is
    /// not asked yet.
    async fn open(
        &mut self,
        on: &RelayConnection,
        home: &HomeView,
    ) -> Result<Option<NetError>, NetError> {
        if let Some((until, answer)) = self.opening.waits(&home.tokens, Instant::now()) {
            self.open_at = Some(until);
            return Ok(Some(NetError::of_answer(answer)));
        }
        self.open_at = Some(Instant::now() + OPEN_AGAIN);
        let answer = self.ask_to_open(on, home).await?;
        let random = getrandom::u64().unwrap_or(u64::MAX / 2);
        self.opening.answered(&home.tokens, &answer, Instant::now(), random);
        match answer {
            Answer::Opened { outcomes, .. } if outcomes.len() == home.tokens.len() => {
                if outcomes.iter().all(|outcome| *outcome == TokenOutcome::Registered) {
                    self.open_at = None;
                }
                let (relay, revision) = (self.relay.clone(), home.revision);
                let tokens = home.tokens.iter().copied().zip(outcomes).collect();
                self.say(Report::Opened { relay, revision, tokens }).await.map(|()| None)
            }
            answer @ (Answer::Full { .. } | Answer::Unavailable { .. } | Answer::Refused(_)) => {
                if let Some((until, _)) = self.opening.not_now {
                    self.open_at = self.open_at.max(Some(until));
                }
                Ok(Some(NetError::of_answer(&answer)))
            }
            other => Err(NetError::of_answer(&other)),
        }
    }

    /// Shows one thing after the other that may open the mailbox, until one is not refused; the answer to that, or to the
    /// first. What opens it again is told at once.
    async fn ask_to_open(
        &mut self,
        on: &RelayConnection,
        home: &HomeView,
    ) -> Result<Answer, NetError> {
        let mut shown = home.access.iter().cloned().map(Some);
        let mut access = shown.next().flatten();
        let mut first = None;
        loop {
            let request = Request::open(&on.exporter(), &home.mailbox, home.tokens.clone(), access);
            let answer = on.request(&request).await?;
            if let Answer::Opened { reopening, .. } = &answer {
                let (required, reopening) = (self.access_required, reopening.clone());
                let (relay, admittance) = (self.relay.clone(), Admittance { required, reopening });
                self.say(Report::Admitted { relay, admittance }).await?;
            }
            let refused = Answer::Refused(Refusal::AccessRequired);
            if answer != refused && answer != Answer::Refused(Refusal::AccessSpent) {
                return Ok(answer);
            }
            let said_first = first.get_or_insert(answer).clone();
            let Some(next) = shown.next() else { return Ok(said_first) };
            access = next;
        }
    }

    async fn check_clock(&mut self, on: &RelayConnection) -> Result<(), NetError> {
        match on.request(&Request::Info).await? {
            Answer::Info(info) => {
                self.access_required = info.access_required;
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

/// For ever, where there is no such time.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(n: u8) -> SendTokenHash {
        SendTokenHash([n; 32])
    }

    #[test]
    fn a_relay_that_needs_time_is_not_asked_sooner_but_to_take_a_token_back() {
        let (now, later) = (Instant::now(), |s| Instant::now() + Duration::from_secs(s));
        for answer in
            [Answer::Full { retry_after_s: 40 }, Answer::Unavailable { retry_after_s: 40 }]
        {
            let mut opening = Opening::default();
            opening.answered(&[token(1), token(2)], &answer, now, 10);
            let until = now + Duration::from_secs(50);
            let waits = |tokens: &[SendTokenHash], at| opening.waits(tokens, at).map(|(at, _)| at);
            // Another connection; one more token.
            assert_eq!(waits(&[token(1), token(2)], now), Some(until));
            assert_eq!(waits(&[token(2), token(1), token(3)], now), Some(until));
            assert_eq!(waits(&[token(1), token(2)], later(51)), None);
            // One is taken back.
            assert_eq!(waits(&[token(1), token(3)], now), None);
            assert!(opening.waits(&[token(1), token(2)], now).is_some_and(|(_, a)| *a == answer));
        }
    }

    #[test]
    fn what_a_relay_needs_is_bounded_and_over_once_it_opens() {
        let now = Instant::now();
        let mut opening = Opening::default();
        opening.answered(&[token(1)], &Answer::Full { retry_after_s: u32::MAX }, now, 0);
        assert_eq!(opening.waits(&[token(1)], now).map(|(until, _)| until), Some(now + LONGEST));
        // Taking one back was refused, too: the next try waits.
        opening.answered(&[], &Answer::Full { retry_after_s: 40 }, now, 0);
        assert!(opening.waits(&[], now).is_some());
        opening.answered(&[], &Answer::Closed, now, 0);
        assert!(opening.waits(&[], now).is_none());
    }
}
