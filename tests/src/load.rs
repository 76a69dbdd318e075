//! Loads on a relay: mailboxes with one sender each, over the client's own network layer.

mod alarm;
pub mod attack;
mod crash;
mod idle;
mod latency;
mod refill;
mod stored;
mod throughput;
mod waits;

use std::error::Error;
use std::time::{Duration, Instant};

use velar::net::{Connector, Purpose, RelayConnection, Subscription};
use velar_protocol::wire::limits::ENVELOPE_LEN;
use velar_protocol::wire::{
    Ack, Answer, Delivery, Envelope, Event, Info, MailboxSecret, RelayAddress, Request, SendToken,
};

pub use alarm::{Alarm, alarm};
pub use crash::{Crash, Plan, crash};
pub use idle::{Idle, idle};
pub use latency::{Latency, latency};
pub use refill::{Compactions, Quiet, Refill, Stall, longest};
pub use stored::{Stored, drain, stored};
pub use throughput::{Throughput, throughput};
pub use waits::{Waits, waits};

/// What a measurement returns: a number, or why there is none.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A mailbox of this load, and the one token that sends into it.
#[derive(Clone, Debug)]
pub struct Mailbox {
    /// Its key.
    pub secret: MailboxSecret,
    /// Its sender's token.
    pub token: SendToken,
}

/// Makes envelopes that differ from each other, do not compress, and carry when they were made.
#[derive(Clone, Copy, Debug)]
pub struct Envelopes {
    epoch: Instant,
    state: u64,
}

impl Mailbox {
    /// A fresh one.
    ///
    /// # Errors
    /// If the random source fails.
    pub fn fresh() -> Outcome<Self> {
        let (mut seed, mut token) = ([0; 32], [0; 32]);
        getrandom::fill(&mut seed)?;
        getrandom::fill(&mut token)?;
        Ok(Self { secret: MailboxSecret::from_seed(&seed), token: SendToken::new(token) })
    }

    /// The request that sends an envelope here.
    #[must_use]
    pub fn send(&self, envelope: Envelope) -> Request {
        Request::Send { delivery: Delivery { token: self.token.clone(), envelope } }
    }
}

impl Envelopes {
    /// Times count from `epoch`; envelopes of different `seed`s differ.
    #[must_use]
    pub fn new(epoch: Instant, seed: u64) -> Self {
        Self { epoch, state: (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 }
    }

    /// The next envelope, made now.
    ///
    /// # Panics
    /// Never: its length is the right one.
    #[must_use]
    pub fn make(&mut self) -> Envelope {
        let mut bytes = Vec::with_capacity(ENVELOPE_LEN);
        let age = u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
        bytes.extend_from_slice(&age.to_le_bytes());
        while bytes.len() < ENVELOPE_LEN {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            bytes.extend_from_slice(&self.state.to_le_bytes());
        }
        Envelope::new(bytes).unwrap_or_else(|| unreachable!("4096 is a multiple of 8"))
    }
}

/// How long ago an envelope was made by [`Envelopes`] of the same epoch.
#[must_use]
pub fn age(epoch: Instant, envelope: &Envelope) -> Duration {
    let made = envelope.as_bytes().first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    epoch.elapsed().saturating_sub(Duration::from_nanos(made))
}

/// Value below which the share `q` (0 to 1) of the samples lies. Sorts them.
#[must_use]
pub fn quantile(samples: &mut [Duration], q: f64) -> Duration {
    samples.sort_unstable();
    let last = samples.len().saturating_sub(1);
    samples.get((last as f64 * q) as usize).copied().unwrap_or_default()
}

/// Opens each mailbox with its one token, over one connection.
///
/// # Errors
/// If the relay refuses one.
pub async fn open_all(reader: &RelayConnection, mailboxes: &[Mailbox]) -> Outcome<()> {
    /// On the way at once; a relay reads no further than its own limit anyway.
    const AHEAD: usize = 64;
    let mut pipeline = reader.pipeline().await?;
    let mut outstanding = 0;
    for mailbox in mailboxes {
        let tokens = vec![mailbox.token.hash()];
        pipeline.send(&Request::open(&reader.exporter(), &mailbox.secret, tokens, None)).await?;
        outstanding += 1;
        if outstanding == AHEAD {
            opened(pipeline.answer().await?)?;
            outstanding -= 1;
        }
    }
    for _ in 0..outstanding {
        opened(pipeline.answer().await?)?;
    }
    Ok(())
}

/// What the relay says of itself.
///
/// # Errors
/// If it cannot be asked.
pub async fn info(connection: &RelayConnection) -> Outcome<Info> {
    match connection.request(&Request::Info).await? {
        Answer::Info(info) => Ok(info),
        other => Err(format!("asked for Info, was told {other:?}").into()),
    }
}

/// One sender, one mailbox, one reader: each side with its own connection and socket.
struct Pair {
    mailbox: Mailbox,
    sender: RelayConnection,
    subscription: Subscription,
    /// Dropping it would end the subscription.
    _reader: RelayConnection,
    _sockets: Connector,
}

impl Pair {
    async fn connect(relay: &RelayAddress) -> Outcome<Self> {
        let sockets = Connector::new()?;
        let mailbox = Mailbox::fresh()?;
        let reader = sockets.connect(relay, Purpose::Read).await?;
        open_all(&reader, std::slice::from_ref(&mailbox)).await?;
        let subscription = reader.subscribe(std::slice::from_ref(&mailbox.secret)).await?;
        let sender = sockets.connect(relay, Purpose::Send).await?;
        Ok(Self { mailbox, sender, subscription, _reader: reader, _sockets: sockets })
    }
}

/// The next envelope of a subscription, acknowledged.
async fn receive(subscription: &mut Subscription) -> Outcome<Envelope> {
    loop {
        match subscription.next().await? {
            Event::Envelope { mailbox, sequence, envelope, .. } => {
                subscription.ack(Ack { mailbox, sequence }).await?;
                return Ok(envelope);
            }
            Event::CaughtUp { .. } => {}
            Event::Ended { reason } => return Err(format!("ended: {reason:?}").into()),
        }
    }
}

fn opened(answer: Answer) -> Outcome<()> {
    if answer.opened_with_all() {
        return Ok(());
    }
    Err(format!("the relay answered {answer:?} to an Open").into())
}

fn expect(answer: Answer, wanted: &Answer) -> Outcome<()> {
    if answer == *wanted {
        return Ok(());
    }
    Err(format!("the relay answered {answer:?} instead of {wanted:?}").into())
}
