//! The circle: five mailboxes that one reader empties, a sender, somebody with a hold, and mailboxes of people who are
//! away.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use velar_protocol::wire::limits::MAX_TOKENS;
use velar_protocol::wire::{
    Ack, Answer, Delivery, DeliveryOutcome, Envelope, Event, HoldSecret, MailboxSecret, Request,
    SendToken,
};

use super::super::super::Outcome;
use super::super::client::{ANSWER_TIMEOUT, Connection, Failure, Port, Stream};
use super::super::samples::Operation;
use super::{Crowd, Ticks, fresh_secret, fresh_token};

/// The others in the circle: as many envelopes make an alarm.
pub(super) const OTHERS: usize = 5;

/// Holds left before the attack, extended in turn: none comes near its rate. Where the limits are small, fewer.
const HOLDS_BEFORE: usize = 32;

/// Deliveries of a hold.
const HELD: usize = 2;

/// A hold's length: it is not to fire here.
const HOLD_S: u32 = 6 * 3600;

/// People who are away, and what each can be sent without the relay having room for more (SPEC §4.5): so many
/// envelopes by each of so many tokens.
const AWAY: usize = 20;
const FLOOR_TOKENS: usize = 4;
const FLOOR_BY_ONE: usize = 2;

/// Connections that stay, for whoever sends or has a hold. Where the relay is slow, more are made.
const LINES: usize = 16;

/// Pause before a connection that was lost is made again.
const AGAIN: Duration = Duration::from_millis(500);

/// See the [module](self).
pub(super) struct Circle {
    pub(super) crowd: Arc<Crowd>,
    mailboxes: Vec<Mailbox>,
    away: Vec<Mailbox>,
    reading: Port,
    /// Those that nobody uses just now.
    lines: Mutex<Vec<Line>>,
    /// Left before the attack, and how often they were extended.
    holds: Vec<HoldSecret>,
    extended: AtomicUsize,
}

struct Mailbox {
    secret: MailboxSecret,
    tokens: Vec<SendToken>,
    used: AtomicUsize,
}

/// What people who are away could be sent although the relay was full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Floor {
    /// Envelopes sent, 8 to each.
    pub(in super::super) sent: usize,
    /// Envelopes that it took.
    pub(in super::super) accepted: usize,
}

/// A connection that stays, with one stream for requests; made again when it is lost.
struct Line {
    port: Port,
    open: Option<(Connection, Stream)>,
}

impl Circle {
    pub(super) async fn form(crowd: Arc<Crowd>) -> Outcome<Self> {
        let failed = |failure: Failure| format!("before any attack: {failure}");
        let mailboxes =
            (0..OTHERS).map(|_| Mailbox::new(MAX_TOKENS)).collect::<Outcome<Vec<_>>>()?;
        let away = (0..AWAY).map(|_| Mailbox::new(FLOOR_TOKENS)).collect::<Outcome<Vec<_>>>()?;
        for mailbox in mailboxes.iter().chain(&away) {
            // Each owner from a prefix of its own.
            let owner = crowd.newcomer().map_err(failed)?.connect().await.map_err(failed)?;
            let tokens = mailbox.tokens.iter().map(SendToken::hash).collect();
            owner.open(&mailbox.secret, tokens).await.map_err(failed)?;
        }
        let reading = crowd.newcomer().map_err(failed)?;
        let mut circle = Self {
            crowd,
            mailboxes,
            away,
            reading,
            lines: Mutex::default(),
            holds: Vec::new(),
            extended: AtomicUsize::new(0),
        };
        for _ in 0..LINES {
            let mut line = circle.new_line().map_err(failed)?;
            line.ask(&Request::Info).await.map_err(failed)?;
            circle.hang_up(line);
        }
        let mut line = circle.line().map_err(failed)?;
        for _ in 0..HOLDS_BEFORE {
            let secret = fresh_hold()?;
            match circle.leave(&mut line, &secret, HELD).await {
                Err(Failure::Full) if !circle.holds.is_empty() => break,
                left => left.map_err(failed)?,
            }
            circle.holds.push(secret);
        }
        circle.hang_up(line);
        Ok(circle)
    }

    /// The next token of the mailbox of the `other`.
    pub(super) fn token(&self, other: usize) -> Option<SendToken> {
        let mailbox = self.mailboxes.get(other % OTHERS)?;
        // All but the last in turn: none comes near its rate.
        let turn = mailbox.used.fetch_add(1, Ordering::Relaxed) % (mailbox.tokens.len() - 1);
        mailbox.tokens.get(turn).cloned()
    }

    /// A token that nobody here uses.
    pub(super) fn spare_token(&self) -> Option<SendToken> {
        self.mailboxes.first()?.tokens.last().cloned()
    }

    /// Reads all mailboxes and acknowledges, until everything has arrived that was sent.
    pub(super) async fn read(self: Arc<Self>, over: watch::Receiver<bool>) {
        let secrets = || self.mailboxes.iter().map(|mailbox| &mailbox.secret);
        loop {
            let reading = async {
                let begun = Instant::now();
                let connection = self.reading.connect().await;
                let connection = self.crowd.samples.note(Operation::Connect, begun, connection)?;
                let mut events = connection.subscribe(secrets()).await?;
                loop {
                    if let Event::Envelope { mailbox, sequence, envelope, .. } =
                        events.hear().await?
                    {
                        self.arrived(&envelope);
                        events.say(&Ack { mailbox, sequence }).await?;
                    }
                }
            };
            let ended = async {
                let mut over = over.clone();
                let _ = over.wait_for(|over| *over).await;
                while !self.crowd.envelopes.all_arrived() {
                    sleep(Duration::from_millis(20)).await;
                }
            };
            let outcome: Result<(), Failure> = tokio::select! {
                outcome = reading => outcome,
                () = ended => return,
            };
            if outcome.is_err() {
                sleep(AGAIN).await;
            }
        }
    }

    fn arrived(&self, envelope: &Envelope) {
        if let Some(begun) = self.crowd.envelopes.arrived(envelope) {
            let _ = self.crowd.samples.note(Operation::Delivery, begun, Ok(()));
        }
    }

    /// Sends to each in turn, on connections that stay.
    pub(super) async fn send(self: Arc<Self>, mut ticks: Ticks) {
        let (mut other, mut sending) = (0, JoinSet::new());
        while let Some(begun) = ticks.next().await {
            while sending.try_join_next().is_some() {}
            other += 1;
            let circle = self.clone();
            sending.spawn(async move {
                let sent = circle.send_one(other, begun).await;
                let _ = circle.crowd.samples.note(Operation::Send, begun, sent);
            });
        }
        while sending.join_next().await.is_some() {}
    }

    async fn send_one(&self, other: usize, begun: Instant) -> Result<(), Failure> {
        let mut line = self.line()?;
        let token = self.token(other).ok_or(Failure::Odd)?;
        let (number, envelope) = self.crowd.envelopes.make(begun)?;
        let sent = line.accepted(&Request::Send { delivery: Delivery { token, envelope } }).await;
        if sent.is_err() {
            self.crowd.envelopes.forget(number);
        }
        self.hang_up(line);
        sent
    }

    /// Holds, on connections that stay.
    pub(super) async fn hold(self: Arc<Self>, mut ticks: Ticks) {
        let mut holding = JoinSet::new();
        while let Some(begun) = ticks.next().await {
            while holding.try_join_next().is_some() {}
            let circle = self.clone();
            // What failed is noted.
            holding.spawn(async move { circle.hold_one(begun).await });
        }
        while holding.join_next().await.is_some() {}
    }

    /// Leaves a hold, extends it and one of before, and cancels it.
    async fn hold_one(&self, begun: Instant) -> Result<(), Failure> {
        let samples = &self.crowd.samples;
        let mut line = self.line()?;
        let secret = fresh_hold().map_err(|_| Failure::Odd)?;
        let left = self.leave(&mut line, &secret, 0).await;
        if samples.note(Operation::Hold, begun, left).is_ok() {
            let asked = Instant::now();
            let _ = samples.note(Operation::Extend, asked, line.extend(&secret).await);
            let _ = line.ask(&Request::Cancel { secret }).await;
        }
        let asked = Instant::now();
        let turn = self.extended.fetch_add(1, Ordering::Relaxed) % self.holds.len().max(1);
        let before = self.holds.get(turn).ok_or(Failure::Odd)?;
        let extended = samples.note(Operation::Extend, asked, line.extend(before).await);
        self.hang_up(line);
        extended
    }

    /// For mailboxes from the `first` on.
    async fn leave(
        &self,
        line: &mut Line,
        secret: &HoldSecret,
        first: usize,
    ) -> Result<(), Failure> {
        let delivery = |other| {
            let token = self.token(other).ok_or(Failure::Odd)?;
            let (number, envelope) = self.crowd.envelopes.make(Instant::now())?;
            // It never arrives.
            self.crowd.envelopes.forget(number);
            Ok::<_, Failure>(Delivery { token, envelope })
        };
        let deliveries = (first..first + HELD).map(delivery).collect::<Result<_, _>>()?;
        let hold = Request::Hold { id: secret.id(), for_s: HOLD_S, deliveries, replaces: None };
        match line.ask(&hold).await? {
            Answer::Held { outcomes } => all_held(&outcomes),
            other => Err(Failure::of(&other)),
        }
    }

    /// Sends each who is away the least that a mailbox takes.
    pub(super) async fn floor(self: &Arc<Self>) -> Floor {
        let mut sending = JoinSet::new();
        for at in 0..self.away.len() {
            let circle = self.clone();
            sending.spawn(async move { circle.fill(at).await.unwrap_or_default() });
        }
        let sent = self.away.len() * FLOOR_TOKENS * FLOOR_BY_ONE;
        let accepted = sending.join_all().await.into_iter().sum();
        Floor { sent, accepted }
    }

    /// How many of them were accepted.
    async fn fill(&self, at: usize) -> Option<usize> {
        let mut line = self.new_line().ok()?;
        let mut accepted = 0;
        for token in self.away.get(at)?.tokens.iter().flat_map(|token| [token; FLOOR_BY_ONE]) {
            let (number, envelope) = self.crowd.envelopes.make(Instant::now()).ok()?;
            // Nobody reads it.
            self.crowd.envelopes.forget(number);
            let delivery = Delivery { token: token.clone(), envelope };
            accepted += usize::from(line.accepted(&Request::Send { delivery }).await.is_ok());
        }
        Some(accepted)
    }

    /// One that nobody uses, or a new one.
    fn line(&self) -> Result<Line, Failure> {
        let idle = self.lines.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| self.new_line(), Ok)
    }

    fn new_line(&self) -> Result<Line, Failure> {
        Ok(Line { port: self.crowd.newcomer()?, open: None })
    }

    fn hang_up(&self, line: Line) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

impl Mailbox {
    fn new(tokens: usize) -> Outcome<Self> {
        let tokens = (0..tokens).map(|_| fresh_token()).collect::<Outcome<Vec<_>>>()?;
        Ok(Self { secret: fresh_secret()?, tokens, used: AtomicUsize::new(0) })
    }
}

impl Line {
    async fn ask(&mut self, request: &Request) -> Result<Answer, Failure> {
        let (connection, mut stream) = match self.open.take() {
            Some(open) => open,
            None => {
                let connection = self.port.connect().await?;
                let stream = timeout(ANSWER_TIMEOUT, connection.stream()).await;
                (connection, stream.map_err(|_| Failure::Silence)??)
            }
        };
        let answer = stream.ask(request).await?;
        self.open = Some((connection, stream));
        Ok(answer)
    }

    async fn accepted(&mut self, request: &Request) -> Result<(), Failure> {
        match self.ask(request).await? {
            Answer::Accepted => Ok(()),
            other => Err(Failure::of(&other)),
        }
    }

    async fn extend(&mut self, secret: &HoldSecret) -> Result<(), Failure> {
        match self.ask(&Request::Extend { secret: secret.clone(), for_s: HOLD_S }).await? {
            Answer::Extended { outcomes } => all_held(&outcomes),
            other => Err(Failure::of(&other)),
        }
    }
}

fn fresh_hold() -> Outcome<HoldSecret> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    Ok(HoldSecret::new(secret))
}

/// A hold that reaches only some is no hold.
fn all_held(outcomes: &[DeliveryOutcome]) -> Result<(), Failure> {
    match outcomes.iter().find(|outcome| **outcome != DeliveryOutcome::Held) {
        None => Ok(()),
        Some(DeliveryOutcome::Full) => Err(Failure::Full),
        Some(_) => Err(Failure::Odd),
    }
}
