//! Honest people, each from a prefix of their own: a circle that is there before the attack, whose members stay
//! connected, and newcomers and alarms on connections of their own. Each thing is begun when its time has come, whether
//! or not the one before has ended, and its wait counts from then.

mod circle;
mod visits;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval_at, timeout};
use velar_protocol::wire::limits::ENVELOPE_LEN;
use velar_protocol::wire::{Envelope, MailboxSecret, RelayAddress, SendToken};

use super::super::Outcome;
use super::client::{ANSWER_TIMEOUT, CONNECT_TIMEOUT, Connection, Dialer, Failure, Port};
use super::samples::{Operation, Samples};
use super::source::Addresses;
use circle::Circle;

pub(super) use circle::Floor;

/// Each kind of operation begins a share of the pace after the one before: they do not all come at once.
const LOOPS: u32 = 4;

/// Tokens of the mailbox of somebody new: a circle of a few people.
const NEW_TOKENS: usize = 16;

/// Longest wait for what is on its way at the end.
const PATIENCE: Duration = CONNECT_TIMEOUT.saturating_add(ANSWER_TIMEOUT);

/// Honest people at work. They stop when dropped.
pub(super) struct Honest {
    crowd: Arc<Crowd>,
    circle: Arc<Circle>,
    over: watch::Sender<bool>,
    loops: JoinSet<()>,
}

/// What all of them share.
struct Crowd {
    dialer: Dialer,
    addresses: Addresses,
    people: AtomicU32,
    samples: Arc<Samples>,
    envelopes: Numbered,
    /// Hashes of what newcomers use as tokens were registered by somebody else first.
    taken: Mutex<Option<[u8; 32]>>,
    newcomers: AtomicU32,
}

/// Envelopes that are told apart when they arrive, from each other and from junk.
struct Numbered {
    tag: u64,
    next: AtomicU64,
    on_way: Mutex<HashMap<u64, Instant>>,
}

/// When the next operation is to begin.
struct Ticks {
    interval: Interval,
    over: watch::Receiver<bool>,
}

/// The token of this number that both the attacker and newcomers know.
pub(super) fn known_token(seed: &[u8; 32], number: u32) -> SendToken {
    let hash = Sha256::new().chain_update(seed).chain_update(number.to_le_bytes()).finalize();
    SendToken::new(hash.into())
}

impl Honest {
    /// Forms the circle and begins, with one operation of each kind per `pace`.
    pub(super) async fn begin(
        relay: &RelayAddress,
        addresses: Addresses,
        pace: Duration,
    ) -> Outcome<Self> {
        let crowd = Arc::new(Crowd {
            dialer: Dialer::to(relay)?,
            addresses,
            people: AtomicU32::new(0),
            samples: Arc::default(),
            envelopes: Numbered {
                tag: getrandom::u64()?,
                next: AtomicU64::new(0),
                on_way: Mutex::default(),
            },
            taken: Mutex::new(None),
            newcomers: AtomicU32::new(0),
        });
        let circle = Arc::new(Circle::form(crowd.clone()).await?);
        let (over, ends) = watch::channel(false);
        let begun = tokio::time::Instant::now();
        let ticks = |share| {
            let mut interval = interval_at(begun + pace * share / LOOPS, pace);
            interval.set_missed_tick_behavior(MissedTickBehavior::Burst);
            Ticks { interval, over: ends.clone() }
        };
        let mut loops = JoinSet::new();
        loops.spawn(circle.clone().read(ends.clone()));
        loops.spawn(circle.clone().send(ticks(0)));
        loops.spawn(circle.clone().hold(ticks(1)));
        loops.spawn(visits::newcomers(crowd.clone(), ticks(2)));
        loops.spawn(visits::alarms(circle.clone(), ticks(3)));
        Ok(Self { crowd, circle, over, loops })
    }

    /// A token that is valid for a mailbox of the circle.
    pub(super) fn token(&self) -> Option<SendToken> {
        self.circle.spare_token()
    }

    /// From now on each newcomer has one token that somebody else has registered.
    pub(super) fn tokens_are_taken(&self, seed: [u8; 32]) {
        *self.crowd.taken.lock().unwrap_or_else(PoisonError::into_inner) = Some(seed);
    }

    /// Fills what every mailbox has to itself; see [`Floor`].
    pub(super) async fn floor(&self) -> Floor {
        self.circle.floor().await
    }

    /// Begins nothing more, and waits until what was begun has ended.
    pub(super) async fn end(mut self) -> Arc<Samples> {
        // Whoever does not listen has ended.
        let _ = self.over.send(true);
        let all = async { while self.loops.join_next().await.is_some() {} };
        let _ = timeout(PATIENCE, all).await;
        self.loops.shutdown().await;
        self.crowd.envelopes.note_undelivered(&self.crowd.samples);
        self.crowd.samples.clone()
    }
}

impl Crowd {
    /// Somebody's socket who was never here before.
    fn newcomer(&self) -> Result<Port, Failure> {
        let person = self.people.fetch_add(1, Ordering::Relaxed);
        self.dialer.port(self.addresses.honest(person)).map_err(|_| Failure::Odd)
    }

    /// A connection of theirs, which was to be begun at `begun`.
    async fn connect(&self, begun: Instant) -> Result<Connection, Failure> {
        let result = async { self.newcomer()?.connect().await }.await;
        self.samples.note(Operation::Connect, begun, result)
    }

    /// The tokens of a new mailbox, the first of which may be taken.
    fn new_tokens(&self) -> Outcome<Vec<SendToken>> {
        let mut tokens =
            (0..NEW_TOKENS).map(|_| fresh_token()).collect::<Outcome<Vec<SendToken>>>()?;
        let taken = *self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(seed), Some(first)) = (taken, tokens.first_mut()) {
            *first = known_token(&seed, self.newcomers.fetch_add(1, Ordering::Relaxed));
        }
        Ok(tokens)
    }
}

impl Numbered {
    /// The next one, sent at `begun`.
    fn make(&self, begun: Instant) -> Result<(u64, Envelope), Failure> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut bytes = vec![0; ENVELOPE_LEN];
        getrandom::fill(&mut bytes).map_err(|_| Failure::Odd)?;
        let head = self.tag.to_le_bytes().into_iter().chain(number.to_le_bytes());
        for (byte, head) in bytes.iter_mut().zip(head) {
            *byte = head;
        }
        self.on_way().insert(number, begun);
        Ok((number, Envelope::new(bytes).ok_or(Failure::Odd)?))
    }

    /// It was not accepted: whether it arrives is not known.
    fn forget(&self, number: u64) {
        self.on_way().remove(&number);
    }

    /// When this one was sent, if it is one of these and did not arrive before.
    fn arrived(&self, envelope: &Envelope) -> Option<Instant> {
        let (tag, rest) = envelope.as_bytes().split_first_chunk::<8>()?;
        let (number, _) = rest.split_first_chunk::<8>()?;
        if u64::from_le_bytes(*tag) != self.tag {
            return None;
        }
        self.on_way().remove(&u64::from_le_bytes(*number))
    }

    fn all_arrived(&self) -> bool {
        self.on_way().is_empty()
    }

    fn note_undelivered(&self, samples: &Samples) {
        for begun in self.on_way().drain().map(|(_, begun)| begun) {
            let _ = samples.note(Operation::Delivery, begun, Err::<(), _>(Failure::Silence));
        }
    }

    fn on_way(&self) -> MutexGuard<'_, HashMap<u64, Instant>> {
        self.on_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticks {
    /// Waits for the next one, and says when it was to be; `None` at the end.
    async fn next(&mut self) -> Option<Instant> {
        if *self.over.borrow() {
            return None;
        }
        tokio::select! {
            tick = self.interval.tick() => Some(tick.into_std()),
            _ = self.over.wait_for(|over| *over) => None,
        }
    }
}

fn fresh_token() -> Outcome<SendToken> {
    let mut token = [0; 32];
    getrandom::fill(&mut token)?;
    Ok(SendToken::new(token))
}

fn fresh_secret() -> Outcome<MailboxSecret> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(MailboxSecret::from_seed(&seed))
}
