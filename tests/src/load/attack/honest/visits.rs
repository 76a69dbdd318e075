//! Newcomers and alarms, each on connections of their own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;
use tokio::time::timeout;
use velar_protocol::wire::{Ack, Answer, Delivery, Event, HoldSecret, Refusal, Request, SendToken};

use super::super::client::{ANSWER_TIMEOUT, Connection, Failure};
use super::super::samples::Operation;
use super::circle::{Circle, OTHERS};
use super::{Crowd, Ticks, fresh_secret};

/// For how long the hold that nobody has is extended.
const NOBODYS_S: u32 = 86_400;

/// Newcomers, one per tick.
pub(super) async fn newcomers(crowd: Arc<Crowd>, mut ticks: Ticks) {
    let mut people = JoinSet::new();
    while let Some(begun) = ticks.next().await {
        while people.try_join_next().is_some() {}
        let crowd = crowd.clone();
        // What failed is noted.
        people.spawn(async move { crowd.arrive(begun).await });
    }
    while people.join_next().await.is_some() {}
}

/// Alarms, one per tick.
pub(super) async fn alarms(circle: Arc<Circle>, mut ticks: Ticks) {
    let mut people = JoinSet::new();
    while let Some(begun) = ticks.next().await {
        while people.try_join_next().is_some() {}
        let circle = circle.clone();
        people.spawn(async move { circle.alarm(begun).await });
    }
    while people.join_next().await.is_some() {}
}

impl Crowd {
    /// Somebody opens a mailbox, and is sent something by somebody else.
    async fn arrive(&self, begun: Instant) -> Result<(), Failure> {
        let reader = self.connect(begun).await?;
        let secret = fresh_secret().map_err(|_| Failure::Odd)?;
        let tokens = self.new_tokens().map_err(|_| Failure::Odd)?;
        let hashes = tokens.iter().map(SendToken::hash).collect();
        let asked = Instant::now();
        self.samples.note(Operation::Open, asked, reader.open(&secret, hashes).await)?;
        let mut events = reader.subscribe([&secret]).await?;

        let sender = self.connect(Instant::now()).await?;
        // The first may be somebody else's.
        let token = tokens.get(1).ok_or(Failure::Odd)?.clone();
        let sent = Instant::now();
        let (number, envelope) = self.envelopes.make(sent)?;
        // Only this reader can have it; it is waited for here.
        self.envelopes.forget(number);
        let send = Request::Send { delivery: Delivery { token, envelope: envelope.clone() } };
        self.samples.note(Operation::Send, sent, accepted(&sender, &send).await)?;
        let read = async {
            loop {
                if let Event::Envelope { mailbox, sequence, envelope: read, .. } =
                    events.hear().await?
                    && read == envelope
                {
                    break events.say(&Ack { mailbox, sequence }).await.map(|()| sequence);
                }
            }
        };
        let read = timeout(ANSWER_TIMEOUT, read).await.unwrap_or(Err(Failure::Silence));
        self.samples.note(Operation::Delivery, sent, read).map(drop)
    }
}

impl Circle {
    /// From the panic kit alone: an envelope to each, and what looks like a hold's extension.
    async fn alarm(&self, begun: Instant) -> Result<(), Failure> {
        let samples = &self.crowd.samples;
        let raised = async {
            let connection = self.crowd.connect(begun).await?;
            let posted = Instant::now();
            let mut unanswered = VecDeque::with_capacity(OTHERS);
            let posting = self.post(&connection, &mut unanswered);
            let result = timeout(ANSWER_TIMEOUT, posting).await.unwrap_or(Err(Failure::Silence));
            for number in unanswered {
                self.crowd.envelopes.forget(number);
            }
            samples.note(Operation::Send, posted, result)?;
            Ok(connection)
        };
        let raised = raised.await;
        let connection = samples.note(Operation::Alarm, begun, raised)?;
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|_| Failure::Odd)?;
        let question = Request::Extend { secret: HoldSecret::new(secret), for_s: NOBODYS_S };
        match connection.ask(&question).await {
            Ok(Answer::Refused(Refusal::UnknownHold)) => Ok(()),
            other => {
                let failure = other.map_or_else(|failure| failure, |answer| Failure::of(&answer));
                samples.note(Operation::Extend, begun, Err(failure))
            }
        }
    }

    /// `unanswered` are the numbers of envelopes that were sent and have no answer.
    async fn post(
        &self,
        connection: &Connection,
        unanswered: &mut VecDeque<u64>,
    ) -> Result<(), Failure> {
        let mut stream = connection.stream().await?;
        for other in 0..OTHERS {
            let token = self.token(other).ok_or(Failure::Odd)?;
            let (number, envelope) = self.crowd.envelopes.make(Instant::now())?;
            unanswered.push_back(number);
            stream.say(&Request::Send { delivery: Delivery { token, envelope } }).await?;
        }
        let mut outcome = Ok(());
        while let Some(number) = unanswered.front().copied() {
            let answer = stream.hear().await?;
            unanswered.pop_front();
            if answer != Answer::Accepted {
                outcome = Err(Failure::of(&answer));
                self.crowd.envelopes.forget(number);
            }
        }
        outcome
    }
}

async fn accepted(connection: &Connection, request: &Request) -> Result<(), Failure> {
    match connection.ask(request).await? {
        Answer::Accepted => Ok(()),
        other => Err(Failure::of(&other)),
    }
}
