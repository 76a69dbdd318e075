//! Those who talk to the relay while it is killed: what they have in common, senders, and readers.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use velar::net::{Connector, NetError, Purpose, Subscription};
use velar_protocol::wire::{
    Ack, Answer, Delivery, Event, MailboxSecret, RelayAddress, Request, SendToken, SendTokenHash,
};

use super::chance::Chance;
use super::keeper::now_s;
use super::ledger::{Copy, Ledger};
use super::letter::Letter;
use crate::load::{Outcome, opened};

/// Envelopes of one sender on their way at once.
const OUTSTANDING: u64 = 16;

/// Acks that an online reader keeps back at most, and for how long: kills find envelopes that were received and
/// not acknowledged.
const ACKS_KEPT: u64 = 40;
const ACKS_KEPT_MS: u64 = 15;

/// Longest absence of an online reader after a kill, every other time: senders repeat before it is back.
const LATE_MS: u64 = 300;

/// Pause after a connection broke though the relay had not been killed.
const AGAIN: Duration = Duration::from_millis(100);

/// Longest wait for the next event of a backlog.
const PATIENCE: Duration = Duration::from_secs(60);

/// A mailbox, and the tokens of its one sender and of those who leave holds.
#[derive(Debug)]
pub(super) struct Mailbox {
    pub number: u32,
    pub secret: MailboxSecret,
    pub sender: SendToken,
    pub keeper: SendToken,
}

/// What everybody sees.
#[derive(Debug)]
pub(super) struct Common {
    /// Differs between runs; part of every envelope.
    pub run: u64,
    pub mailboxes: Vec<Mailbox>,
    pub stop: AtomicBool,
    ledger: Mutex<Ledger>,
}

/// Why a client cannot go on with this connection.
#[derive(Debug)]
pub(super) enum Broken {
    /// It ended, or nobody is there: to be tried again.
    Lost,
    /// The relay said something that it must not say.
    Fault(String),
}

/// One who connects again after every kill.
pub(super) trait Client: Send {
    /// Works with the relay at this place until nothing is left to do. Dropped when the place changes; what must
    /// be repeated then is remembered outside of the future.
    fn serve(&mut self, place: &RelayAddress) -> impl Future<Output = Result<(), Broken>> + Send;
}

/// Sends into one mailbox.
pub(super) struct Sender {
    pub common: Arc<Common>,
    pub sockets: Connector,
    pub mailbox: usize,
}

/// Reads one mailbox as it comes.
pub(super) struct Reader {
    pub common: Arc<Common>,
    pub sockets: Connector,
    pub mailbox: usize,
    pub chance: Chance,
}

impl Common {
    pub(super) fn new(run: u64, mailboxes: u32) -> Self {
        let mut chance = Chance::new(run);
        let mut one = |number| Mailbox {
            number,
            secret: MailboxSecret::from_seed(&chance.bytes()),
            sender: SendToken::new(chance.bytes()),
            keeper: SendToken::new(chance.bytes()),
        };
        let mailboxes: Vec<_> = (0..mailboxes).map(&mut one).collect();
        let ledger = Mutex::new(Ledger::new(mailboxes.len()));
        Self { run, mailboxes, stop: AtomicBool::new(false), ledger }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stops(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(super) fn mailbox(&self, at: usize) -> Outcome<&Mailbox> {
        Ok(self.mailboxes.get(at).ok_or("no such mailbox")?)
    }

    /// Opens all mailboxes.
    pub(super) async fn open(&self, place: &RelayAddress) -> Outcome<()> {
        let sockets = Connector::new()?;
        let reader = sockets.connect(place, Purpose::Read).await?;
        for mailbox in &self.mailboxes {
            let tokens: Vec<SendTokenHash> = vec![mailbox.sender.hash(), mailbox.keeper.hash()];
            let request = Request::open(&reader.exporter(), &mailbox.secret, tokens, None);
            opened(reader.request(&request).await?)?;
        }
        Ok(())
    }
}

impl From<NetError> for Broken {
    fn from(error: NetError) -> Self {
        match error {
            NetError::Refused(_)
            | NetError::Full { .. }
            | NetError::Protocol(_)
            | NetError::UnexpectedAnswer
            | NetError::BadRequest(_)
            | NetError::VersionMismatch { .. } => Self::Fault(error.to_string()),
            // Whoever has a dead relay's port now may have another key.
            _ => Self::Lost,
        }
    }
}

impl Broken {
    /// An answer that is neither the one hoped for nor *not now*.
    pub(super) fn of_answer(asked: &str, answer: &Answer) -> Self {
        match answer {
            Answer::Unavailable { .. } => Self::Lost,
            other => Self::Fault(format!("{asked} was answered {other:?}")),
        }
    }
}

/// Has a client serve wherever the relay is, until it is done.
pub(super) async fn follow<C: Client>(
    mut client: C,
    mut places: watch::Receiver<RelayAddress>,
) -> Outcome<C> {
    loop {
        let place = places.borrow_and_update().clone();
        let served = tokio::select! {
            served = client.serve(&place) => served,
            changed = places.changed() => {
                changed?;
                continue;
            }
        };
        match served {
            Ok(()) => return Ok(client),
            Err(Broken::Fault(what)) => return Err(what.into()),
            Err(Broken::Lost) => {
                if let Ok(changed) = timeout(AGAIN, places.changed()).await {
                    changed?;
                    places.mark_changed();
                }
            }
        }
    }
}

impl Client for Sender {
    /// Repeats what has no answer, the same bytes in the same order, and goes on.
    async fn serve(&mut self, place: &RelayAddress) -> Result<(), Broken> {
        let Ok(mailbox) = self.common.mailbox(self.mailbox) else { return Ok(()) };
        let connection = self.sockets.connect(place, Purpose::Send).await?;
        let mut pipeline = connection.pipeline().await?;
        let (mut next, _) = self.common.ledger().place_of(mailbox.number);
        loop {
            let (oldest, unsent) = self.common.ledger().place_of(mailbox.number);
            let goes_on = next < unsent || !self.common.stops();
            if goes_on && next < oldest + OUTSTANDING {
                let letter = Letter::Sent { mailbox: mailbox.number, number: next };
                let envelope = letter.envelope(self.common.run);
                let delivery = Delivery { token: mailbox.sender.clone(), envelope };
                self.common.ledger().sending(mailbox.number, next);
                pipeline.send(&Request::Send { delivery }).await?;
                next += 1;
            } else if oldest == next {
                return Ok(());
            } else {
                match pipeline.answer().await? {
                    Answer::Accepted => self.common.ledger().accepted(mailbox.number),
                    other => return Err(Broken::of_answer("an envelope", &other)),
                }
            }
        }
    }
}

impl Client for Reader {
    /// Acknowledges in batches, the newest first now and then. Never done.
    async fn serve(&mut self, place: &RelayAddress) -> Result<(), Broken> {
        let Ok(mailbox) = self.common.mailbox(self.mailbox) else { return Ok(()) };
        if self.chance.once_in(2) {
            sleep(Duration::from_millis(self.chance.between(0, LATE_MS))).await;
        }
        let connection = self.sockets.connect(place, Purpose::Read).await?;
        let secrets = std::slice::from_ref(&mailbox.secret);
        let mut subscription = connection.subscribe(secrets).await?;
        let mut acks = Vec::new();
        loop {
            let most = self.chance.between(1, ACKS_KEPT);
            let until =
                Instant::now() + Duration::from_millis(self.chance.between(0, ACKS_KEPT_MS));
            while (acks.len() as u64) < most {
                let event = if acks.is_empty() {
                    subscription.next().await?
                } else {
                    match timeout_at(until, subscription.next()).await {
                        Ok(event) => event?,
                        Err(_) => break,
                    }
                };
                if let Some((ack, _, _)) = taken(&self.common, mailbox, event)? {
                    acks.push(ack);
                }
            }
            if self.chance.once_in(4) {
                acks.reverse();
            }
            for ack in acks.drain(..) {
                subscription.ack(ack).await?;
            }
        }
    }
}

/// Reads and acknowledges all that is in one mailbox, until a subscription brings nothing any more.
pub(super) async fn read_all(common: Arc<Common>, at: usize, place: RelayAddress) -> Outcome<()> {
    let mailbox = common.mailbox(at)?;
    let sockets = Connector::new()?;
    let mut kept = None;
    loop {
        let connection = sockets.connect(&place, Purpose::Read).await?;
        let subscription = connection.subscribe(std::slice::from_ref(&mailbox.secret)).await?;
        // Only now may the one before go: it would have taken its last acks with it.
        let (_, subscription) = kept.insert((connection, subscription));
        if read_once(&common, mailbox, subscription).await? == 0 {
            return Ok(());
        }
    }
}

/// What one subscription brings until it has caught up.
async fn read_once(
    common: &Common,
    mailbox: &Mailbox,
    subscription: &mut Subscription,
) -> Outcome<usize> {
    let mut numbers = HashSet::new();
    let mut came = 0;
    loop {
        let event = timeout(PATIENCE, subscription.next()).await??;
        let caught_up = matches!(event, Event::CaughtUp { .. });
        match taken(common, mailbox, event) {
            Ok(Some((ack, letter, double))) => {
                came += 1;
                if let Some(letter @ Letter::Sent { number, .. }) = letter
                    && !numbers.insert(number)
                    && double
                {
                    common.ledger().stored_twice(mailbox.number, letter);
                }
                subscription.ack(ack).await?;
            }
            Ok(None) if caught_up => return Ok(came),
            Ok(None) => {}
            Err(Broken::Fault(what)) => return Err(what.into()),
            Err(Broken::Lost) => return Err("the relay ended a subscription by itself".into()),
        }
    }
}

/// Enters an event into the ledger. For an envelope: its ack, what it is, and whether it had come before.
fn taken(
    common: &Common,
    mailbox: &Mailbox,
    event: Event,
) -> Result<Option<(Ack, Option<Letter>, bool)>, Broken> {
    match event {
        Event::Envelope { mailbox: index, sequence, received_at_s, envelope, .. } => {
            let letter = Letter::read(common.run, &envelope);
            let copy = Copy::new(sequence, received_at_s, now_s());
            let double = common.ledger().received(mailbox.number, copy, letter);
            Ok(Some((Ack { mailbox: index, sequence }, letter.ok(), double)))
        }
        Event::CaughtUp { expired, .. } => {
            common.ledger().caught_up(mailbox.number, expired);
            Ok(None)
        }
        Event::Ended { reason } => Err(Broken::Fault(format!("a subscription ended: {reason:?}"))),
    }
}
