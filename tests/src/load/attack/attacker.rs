//! The attacker: a process of its own, with the least claim on the processor, that tells twice a second what it has done so
//! far and ends with its input.

mod extends;
mod filling;
mod frames;
mod handshakes;
mod seats;
mod tokens;
mod untaken;

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use data_encoding::HEXLOWER;
use rustix::process::nice;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};
use velar_protocol::wire::{
    Answer, DeliveryOutcome, Exporter, RelayAddress, Request, SendTokenHash, TokenOutcome,
};

use super::super::Outcome;
use super::client::{Connection, Dialer, Failure, Port};
use super::kind::Kind;
use super::source::Addresses;

/// The least claim there is.
const NICENESS: i32 = 19;

/// Between two reports.
const REPORTS: Duration = Duration::from_millis(500);

/// Requests on the way at once on one connection; a relay reads no further ahead.
const AHEAD: usize = 64;

/// Pause after a refusal that time alone can mend.
const AGAIN: Duration = Duration::from_secs(1);

/// Seconds from which on *full* means that there is no room, not that a rate was exceeded.
const NO_ROOM_S: u32 = 60;

/// What to do. Not for people: `velar-load attack` starts it.
#[derive(Args, Clone, Debug)]
pub struct Orders {
    /// Whom.
    #[arg(long)]
    pub at: RelayAddress,
    /// How.
    #[arg(long, value_enum)]
    pub kind: Kind,
    /// How many.
    #[arg(long)]
    pub size: u32,
    /// From so many prefixes.
    #[arg(long)]
    pub prefixes: u32,
    /// The bits in which IPv6 prefixes differ; without it, IPv4.
    #[arg(long)]
    pub tier: Option<u8>,
    /// Each connection proves that a mailbox is its own.
    #[arg(long)]
    pub proved: bool,
    /// What the honest side knows, too: 32 bytes in hexadecimal.
    #[arg(long)]
    pub known: String,
}

/// What has been done so far.
#[derive(Debug, Default)]
struct Counts {
    handshakes: AtomicU64,
    connected: AtomicU64,
    turned_away: AtomicU64,
    open_now: AtomicI64,
    requests: AtomicU64,
    granted: AtomicU64,
    full: AtomicU64,
    refused: AtomicU64,
    events: AtomicU64,
    /// Half frames that the relay gave up, and after how many milliseconds it did the short one.
    given_up: AtomicU64,
    given_up_after_ms: AtomicU64,
    /// Parts of the attack that are not in place yet.
    forming: AtomicI64,
}

/// One attacker.
struct Attacker {
    orders: Orders,
    known: [u8; 32],
    dialer: Dialer,
    addresses: Addresses,
    counts: Counts,
}

/// What an answer means for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    GoOn,
    /// This connection has used what it may.
    Reconnect,
    /// There is no room for this.
    NoRoom,
    /// Nothing more to ask.
    Done,
}

/// Attacks until standard input ends.
///
/// # Errors
/// If it cannot begin.
pub async fn attacker(orders: Orders) -> Outcome<()> {
    // Less is no reason not to attack.
    let _ = nice(NICENESS);
    let known = HEXLOWER.decode(orders.known.as_bytes())?;
    let known = known.try_into().map_err(|_| "32 bytes must be known")?;
    let dialer = match orders.kind {
        Kind::Handshakes | Kind::Cut => handshakes::dialer(&orders.at)?,
        Kind::Untaken | Kind::Crumbs => untaken::dialer(&orders.at)?,
        _ => Dialer::to(&orders.at)?,
    };
    let addresses = orders.tier.map_or(Addresses::V4, |tier| Addresses::V6 { tier });
    let sent = dialer.sent();
    let attacker =
        Arc::new(Attacker { orders, known, dialer, addresses, counts: Counts::default() });
    attacker.counts.forming.store(1, Ordering::Relaxed);
    let attacking = tokio::spawn(attacker.clone().attack());
    let begun = Instant::now();
    let mut reports = interval(REPORTS);
    // No farewells: who attacks does not say goodbye.
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0)
    });
    while !attacking.is_finished() {
        reports.tick().await;
        let report = attacker.counts.report(begun.elapsed(), sent.load(Ordering::Relaxed));
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{report}")?;
        stdout.flush()?;
    }
    attacking.await?
}

impl Attacker {
    async fn attack(self: Arc<Self>) -> Outcome<()> {
        let mut tasks = JoinSet::new();
        match self.orders.kind {
            Kind::Handshakes => return self.stall_handshakes(handshakes::RATE).await,
            Kind::Cut => return self.stall_handshakes(handshakes::HIGH_RATE).await,
            Kind::HalfFrames => self.begin_frames(&mut tasks),
            Kind::Fill => self.fill(&mut tasks),
            Kind::Holds => self.leave_holds(&mut tasks),
            Kind::Tokens => self.register_tokens(&mut tasks),
            Kind::Seats => self.take_seats(&mut tasks)?,
            Kind::Opens => self.open_again(&mut tasks).await?,
            Kind::Readers => self.read_along(&mut tasks).await?,
            Kind::Junk => self.send_junk(&mut tasks),
            Kind::Taken => self.take_tokens(&mut tasks),
            Kind::Extends => self.extend_holds(&mut tasks).await?,
            Kind::Untaken => self.take_nothing(&mut tasks).await?,
            Kind::Crumbs => self.send_crumbs(&mut tasks),
        }
        // What was there before its tasks were.
        self.in_place();
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        // What was taken is kept.
        std::future::pending().await
    }

    /// A socket in the prefix of this part of the attack.
    fn port(&self, part: u32) -> Outcome<Port> {
        self.dialer.port(self.addresses.attacker(part % self.orders.prefixes.max(1)))
    }

    /// A handshake.
    async fn connect(&self, port: &Port) -> Result<Connection, Failure> {
        self.counts.handshakes.fetch_add(1, Ordering::Relaxed);
        let connected = port.connect().await;
        let counter =
            if connected.is_ok() { &self.counts.connected } else { &self.counts.turned_away };
        counter.fetch_add(1, Ordering::Relaxed);
        connected
    }

    /// A handshake that succeeds at last.
    async fn connect_at_last(&self, port: &Port) -> Connection {
        loop {
            match self.connect(port).await {
                Ok(connection) => return connection,
                Err(_) => sleep(AGAIN).await,
            }
        }
    }

    /// A part of the attack is to be in place.
    fn forms(&self) {
        self.counts.forming.fetch_add(1, Ordering::Relaxed);
    }

    /// It is, or will never be more than it is.
    fn in_place(&self) {
        self.counts.forming.fetch_sub(1, Ordering::Relaxed);
    }

    /// Keeps requests on the way on one connection, until an answer says that it should not or there are no more. Also
    /// returns how many were granted.
    async fn pump(
        &self,
        connection: &Connection,
        mut next: impl FnMut(&Exporter) -> Option<Request>,
    ) -> Result<(Turn, usize), Failure> {
        let mut stream = connection.stream().await?;
        let (mut on_way, mut granted) = (0, 0);
        loop {
            while on_way < AHEAD
                && let Some(request) = next(&connection.exporter)
            {
                stream.say(&request).await?;
                self.counts.requests.fetch_add(1, Ordering::Relaxed);
                on_way += 1;
            }
            if on_way == 0 {
                return Ok((Turn::Done, granted));
            }
            let answer = stream.hear().await?;
            on_way -= 1;
            granted += usize::from(is_granted(&answer));
            let turn = self.counts.heed(&answer);
            if turn != Turn::GoOn {
                return Ok((turn, granted));
            }
        }
    }

    /// The same, for as long as the connection lasts.
    async fn pump_anyway(
        &self,
        connection: &Connection,
        mut next: impl FnMut() -> Option<Request>,
    ) -> Result<(), Failure> {
        let mut stream = connection.stream().await?;
        let mut on_way = 0;
        loop {
            while on_way < AHEAD
                && let Some(request) = next()
            {
                stream.say(&request).await?;
                self.counts.requests.fetch_add(1, Ordering::Relaxed);
                on_way += 1;
            }
            self.counts.heed(&stream.hear().await?);
            on_way -= 1;
        }
    }

    /// One request and what its answer means.
    async fn ask(&self, connection: &Connection, request: &Request) -> Result<Turn, Failure> {
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        Ok(self.counts.heed(&connection.ask(request).await?))
    }
}

/// Whether all that was asked for was given: who has a share may have less.
fn is_granted(answer: &Answer) -> bool {
    match answer {
        Answer::Refused(_) | Answer::Full { .. } | Answer::Unavailable { .. } => false,
        Answer::Held { outcomes } => !outcomes.contains(&DeliveryOutcome::Full),
        Answer::Opened { outcomes, .. } => !outcomes.contains(&TokenOutcome::Full),
        _ => true,
    }
}

impl Counts {
    fn heed(&self, answer: &Answer) -> Turn {
        let (counter, turn) = match answer {
            Answer::Full { retry_after_s } | Answer::Unavailable { retry_after_s } => {
                let no_room = *retry_after_s >= NO_ROOM_S;
                (&self.full, if no_room { Turn::NoRoom } else { Turn::Reconnect })
            }
            Answer::Refused(_) => (&self.refused, Turn::GoOn),
            answer if !is_granted(answer) => (&self.full, Turn::GoOn),
            _ => (&self.granted, Turn::GoOn),
        };
        counter.fetch_add(1, Ordering::Relaxed);
        turn
    }

    fn report(&self, elapsed: Duration, bytes: u64) -> Value {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        json!({
            "seconds": elapsed.as_secs_f64(),
            "in_place": self.forming.load(Ordering::Relaxed) <= 0,
            "bytes": bytes,
            "handshakes": read(&self.handshakes),
            "connected": read(&self.connected),
            "turned_away": read(&self.turned_away),
            "open_now": self.open_now.load(Ordering::Relaxed),
            "requests": read(&self.requests),
            "granted": read(&self.granted),
            "full": read(&self.full),
            "refused": read(&self.refused),
            "events": read(&self.events),
            "given_up": read(&self.given_up),
            "given_up_after_ms": read(&self.given_up_after_ms),
        })
    }
}

/// So many hashes that are those of no token anybody has.
fn random_hashes(count: usize) -> Vec<SendTokenHash> {
    let mut hash = [0; 32];
    let fresh = |_| {
        // Without randomness there is no attack of this kind.
        let _ = getrandom::fill(&mut hash);
        SendTokenHash(hash)
    };
    (0..count).map(fresh).collect()
}
