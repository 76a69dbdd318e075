//! Carries envelopes between a device and the relays: one task reads each mailbox, one sends to each relay,
//! and [`Link::step`] alone touches the vault.
//!
//! A task that loses its relay says so at once and tries again with growing, jittered pauses, for ever:
//! whoever holds the [`Link`] decides when it is enough.

mod clocks;
mod reader;
mod sender;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use velar_protocol::seal::MemberId;
use velar_protocol::wire::{Ack, Answer, ClockJump, RelayAddress, SendTokenHash, TokenOutcome};

use crate::device::{Admittance, Arrived, Device, DeviceError, DueId};
use crate::kit::{self, KitFile, Renew, Stamp};
use crate::net::{Connector, NetError};

pub use self::clocks::{Difference, RelayClock};
use self::reader::Reader;
use self::sender::Sender;

/// How often the vault is looked at for what other processes put into the outbox.
const LOOK: Duration = Duration::from_millis(200);

/// How often time-driven work (retries, sealing again, renewals) is looked after.
const TEND: Duration = Duration::from_secs(20);

/// Reports of tasks that wait for the vault at most; a relay sends no more than 64 envelopes ahead of acks.
const REPORTS: usize = 256;

/// Reports taken into one transaction.
const BATCH: usize = 64;

/// Envelopes handed to one sender at once.
const UNDER_WAY: usize = 256;

/// What a task has to say.
enum Report {
    /// An envelope came; acknowledged by its reader's queue, on the same connection.
    Envelope { arrived: Arrived, connection: u64, ack: Ack },
    /// All that was stored has been sent.
    CaughtUp { relay: RelayAddress, expired: u64 },
    /// The relay has opened the mailbox with this set of tokens, and says of each what became of it.
    Opened { relay: RelayAddress, revision: u64, tokens: Vec<(SendTokenHash, TokenOutcome)> },
    /// The mailbox is open, and who may open one.
    Admitted { relay: RelayAddress, admittance: Admittance },
    /// The relay's clock.
    Time { relay: RelayAddress, clock: RelayClock },
    /// A mailbox is being read.
    Reading { relay: RelayAddress },
    /// A mailbox is being read, but the relay did not open it anew: newer tokens do not reach it.
    NotOpened { relay: RelayAddress, error: NetError },
    /// A mailbox is not being read; it is tried again.
    NotReading { relay: RelayAddress, error: NetError },
    /// A relay answered to an envelope, or to a step with a hold.
    Answered { relay: RelayAddress, id: DueId, answer: Answer },
    /// What was not sent, because the relay did not take what goes before it, or it was too late.
    Returned { ids: Vec<DueId> },
    /// A relay cannot be sent to; it is tried again.
    NotSending { relay: RelayAddress, error: NetError },
}

/// What happened in a [`Link::step`], for the person.
#[derive(Debug)]
pub enum Happened {
    /// Alerts reach this device through this relay from now on.
    Connected(RelayAddress),
    /// Nothing reaches this device through this relay, and why.
    Disconnected(RelayAddress, NetError),
    /// Everything that was waiting at this relay is here.
    CaughtUp(RelayAddress),
    /// This relay reads the mailbox out, but did not open it with its newest tokens, and why: somebody's messages may be
    /// refused.
    NotOpened(RelayAddress, NetError),
    /// This relay has no room for the tokens of these members: what they send there is refused.
    NoRoomFor(RelayAddress, Vec<MemberId>),
    /// Nothing can be sent to this relay now, and why.
    CannotSend(RelayAddress, NetError),
    /// This device's clock and the relay's differ by minutes.
    ClockDiffers(RelayAddress, Difference),
    /// The relay's clock was set by minutes since it started, as it says.
    RelayClockSet(RelayAddress, ClockJump),
    /// Something in the vault has changed, here or by another process.
    Changed,
    /// This relay, where a mailbox is read, has just answered: what it took before was on its way here.
    Answered(RelayAddress),
}

/// Carries envelopes for one device, as long as it is held and stepped.
pub struct Link {
    connector: Arc<Connector>,
    reports: mpsc::Receiver<Report>,
    reporter: mpsc::Sender<Report>,
    readers: HashMap<RelayAddress, Reader>,
    senders: HashMap<RelayAddress, Sender>,
    under_way: HashSet<DueId>,
    caught_up: HashSet<RelayAddress>,
    /// Relays that others are told to send to; those that were left are read, too.
    in_use: HashSet<RelayAddress>,
    /// Relays that did not answer when they were last called.
    down: HashSet<RelayAddress>,
    watching: bool,
    /// A command's traffic looks like a check-in's.
    question: bool,
    /// As far as the relay that was asked last can tell.
    clock_is_right: bool,
    /// Whether a relay has said what time it is.
    clock_is_known: bool,
    look: bool,
    /// When something that a relay did not take is due again: Unix seconds.
    retry_s: Option<u64>,
    tend_at: Instant,
    /// The panic kit as it was when it was last looked at.
    kit: Option<Stamp>,
}

/// Why a relay does not take an envelope now. (That it does not know a token is the recipient's to mend.)
fn not_now(answer: &Answer) -> Option<NetError> {
    let waits = matches!(answer, Answer::Full { .. } | Answer::Unavailable { .. });
    waits.then(|| NetError::of_answer(answer))
}

/// Seconds since 1970 by this device's clock.
#[must_use]
pub fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Link {
    /// For a command that ends by itself, or for a terminal that is `watching`.
    ///
    /// # Errors
    /// [`NetError::Local`].
    pub fn new(watching: bool) -> Result<Self, NetError> {
        let (reporter, reports) = mpsc::channel(REPORTS);
        Ok(Self {
            connector: Arc::new(Connector::new()?),
            reports,
            reporter,
            readers: HashMap::new(),
            senders: HashMap::new(),
            under_way: HashSet::new(),
            caught_up: HashSet::new(),
            in_use: HashSet::new(),
            down: HashSet::new(),
            watching,
            // A terminal that is watched stays connected and sends at all times: it needs no mask.
            question: !watching,
            clock_is_right: true,
            clock_is_known: false,
            look: true,
            retry_s: None,
            tend_at: Instant::now(),
            kit: None,
        })
    }

    /// No question about a hold goes along with what is sent (see [`holds::question`](crate::holds::question)).
    pub fn no_question(&mut self) {
        self.question = false;
    }

    /// The connections it makes are made by this.
    #[must_use]
    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Whether everything that was waiting at the device's relays is here: at one of those in use at least, and at each
    /// that answers. One that was left is not waited for.
    #[must_use]
    pub fn is_caught_up(&self) -> bool {
        let here = |relay| self.caught_up.contains(relay);
        let known =
            |relay| here(relay) || self.down.contains(relay) || !self.in_use.contains(relay);
        self.has_caught_up() && self.readers.keys().all(known)
    }

    /// Whether everything that was waiting at each of the device's relays is here.
    fn is_all_read(&self) -> bool {
        self.readers.keys().all(|relay| self.caught_up.contains(relay)) && !self.readers.is_empty()
    }

    /// Whether everything that was waiting at one of the relays where others reach this device is here.
    #[must_use]
    pub fn has_caught_up(&self) -> bool {
        self.in_use.iter().any(|relay| self.caught_up.contains(relay))
    }

    /// Whether envelopes are with the senders and not answered yet.
    #[must_use]
    pub fn is_sending(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// Asks the device's relays whether they are still there: [`Happened::Answered`].
    pub fn ask(&self) {
        self.readers.values().for_each(Reader::ask);
    }

    /// Does what is to be done, then waits for something to happen, until `deadline` at most.
    ///
    /// # Errors
    /// [`DeviceError`]: of the vault. What the network does is in the answer.
    pub async fn step(
        &mut self,
        device: &mut Device,
        deadline: Instant,
    ) -> Result<Vec<Happened>, DeviceError> {
        // Another process has raised an alarm with it, perhaps.
        if KitFile::of(device.folder()).stamp() != self.kit {
            kit::reconcile(device, now_s())?;
            self.kit = KitFile::of(device.folder()).stamp();
        }
        self.look_at_vault(device)?;
        let mut happened = Vec::new();
        let wake = deadline.min(Instant::now() + LOOK).min(self.tend_at.max(Instant::now()));
        if let Ok(Some(first)) = timeout_at(wake, self.reports.recv()).await {
            let mut reports = vec![first];
            while reports.len() < BATCH
                && let Ok(report) = self.reports.try_recv()
            {
                reports.push(report);
            }
            self.take(device, reports, &mut happened)?;
        }
        // A backlog is receipted in few messages: only when nothing more is at hand.
        if self.reports.is_empty() {
            let until = self.watching.then(|| now_s() + crate::presence::WATCHING_S);
            device.send_receipts(until, now_s())?;
        }
        if device.changed()? {
            self.look = true;
            happened.push(Happened::Changed);
        }
        if Instant::now() >= self.tend_at {
            self.tend_at = Instant::now() + TEND;
            self.look = true;
            if self.is_caught_up() {
                device.tend(self.clock_is_right, self.is_all_read(), now_s())?;
                self.keep_kit(device)?;
            }
        }
        Ok(happened)
    }

    /// The terminal is not watched any more: what is said from now on does not say so.
    pub fn end_watch(&mut self) {
        self.watching = false;
    }

    /// Brings the panic kit up to date. For a command that ends: while it goes on, each round does.
    ///
    /// # Errors
    /// [`DeviceError`] of the vault.
    pub fn keep_kit(&mut self, device: &mut Device) -> Result<(), DeviceError> {
        // With a wrong clock keys would look old that are not.
        let renew = match self.clock_is_known {
            true if self.clock_is_right => Renew::All,
            true => Renew::Nothing,
            false => Renew::Lacking,
        };
        kit::keep(device, renew, now_s())?;
        self.kit = KitFile::of(device.folder()).stamp();
        Ok(())
    }

    /// Closes the connections and waits a moment until the relays know.
    pub async fn finish(mut self) {
        self.readers.clear();
        self.senders.clear();
        self.connector.drain().await;
    }

    /// Gives the readers their tokens and the senders what is due.
    fn look_at_vault(&mut self, device: &mut Device) -> Result<(), DeviceError> {
        let retry = self.retry_s.is_some_and(|at_s| at_s <= now_s());
        if !std::mem::take(&mut self.look) && !retry {
            return Ok(());
        }
        let homes = device.homes()?;
        self.readers.retain(|relay, _| homes.iter().any(|home| home.relay == *relay));
        self.in_use = homes
            .iter()
            .filter(|home| home.left_s.is_none())
            .map(|home| home.relay.clone())
            .collect();
        for home in homes {
            let relay = home.relay.clone();
            match self.readers.get(&relay) {
                Some(reader) => reader.update(home),
                None => {
                    let reader = Reader::start(&self.connector, &self.reporter, home);
                    self.readers.insert(relay, reader);
                }
            }
        }
        self.leave_refused(device)?;
        let under_way = &self.under_way;
        let due = device.due(now_s(), UNDER_WAY, |id| under_way.contains(id))?;
        let asking = if due.is_empty() { Vec::new() } else { device.hold_relays(now_s())? };
        for due in due {
            let question = self.question && !asking.contains(&due.relay);
            let sender = self.senders.entry(due.relay.clone()).or_insert_with(|| {
                Sender::start(&self.connector, &self.reporter, &due.relay, question)
            });
            let id = due.id.clone();
            if sender.send(due) {
                self.under_way.insert(id);
            }
        }
        self.retry_s = device.next_try_s(now_s())?;
        Ok(())
    }

    /// Ends what goes on with relays that the person has refused meanwhile.
    fn leave_refused(&mut self, device: &mut Device) -> Result<(), DeviceError> {
        let mut refused = Vec::new();
        for relay in self.senders.keys() {
            if device.refuses(relay)? {
                refused.push(relay.clone());
            }
        }
        for relay in refused {
            self.senders.remove(&relay);
            self.under_way.retain(|id| *id.relay() != relay);
        }
        Ok(())
    }

    fn take(
        &mut self,
        device: &mut Device,
        reports: Vec<Report>,
        happened: &mut Vec<Happened>,
    ) -> Result<(), DeviceError> {
        let mut envelopes = Vec::new();
        let mut acks = Vec::new();
        let mut answers = Vec::new();
        let mut returned = Vec::new();
        let mut caught_up = Vec::new();
        for report in reports {
            match report {
                Report::Envelope { arrived, connection, ack } => {
                    acks.push((arrived.relay.clone(), connection, ack));
                    envelopes.push(arrived);
                }
                Report::CaughtUp { relay, expired } => caught_up.push((relay, expired)),
                Report::Opened { relay, revision, tokens } => {
                    let no_room = device.opened(&relay, revision, &tokens, now_s())?;
                    // There may be others to register now, and what waited until this device could be answered is due.
                    self.look = true;
                    if !no_room.is_empty() {
                        happened.push(Happened::NoRoomFor(relay, no_room));
                    }
                }
                Report::Admitted { relay, admittance } => device.admitted(&relay, &admittance)?,
                Report::Time { relay, clock } => {
                    let now_s = now_s();
                    if let Some(is_right) = clock.vouches(now_s) {
                        (self.clock_is_right, self.clock_is_known) = (is_right, true);
                    }
                    if let Some(jump) = clock.was_set() {
                        happened.push(Happened::RelayClockSet(relay.clone(), jump));
                    }
                    if let Some(differs) = clock.difference(now_s) {
                        happened.push(Happened::ClockDiffers(relay.clone(), differs));
                    }
                    happened.push(Happened::Answered(relay));
                }
                Report::Reading { relay } => {
                    self.down.remove(&relay);
                    happened.push(Happened::Connected(relay));
                }
                Report::NotOpened { relay, error } => {
                    happened.push(Happened::NotOpened(relay, error));
                }
                Report::NotReading { relay, error } => {
                    self.caught_up.remove(&relay);
                    self.down.insert(relay.clone());
                    happened.push(Happened::Disconnected(relay, error));
                }
                Report::Answered { relay, id, answer } => {
                    if let Some(error) = not_now(&answer) {
                        happened.push(Happened::CannotSend(relay, error));
                    }
                    answers.push((id, answer));
                }
                Report::Returned { ids } => returned.extend(ids),
                Report::NotSending { relay, error } => {
                    happened.push(Happened::CannotSend(relay, error));
                }
            }
        }
        if !envelopes.is_empty() {
            let taken_in = device.receive(&envelopes, now_s())?;
            // Only now: what the relay deletes is in the vault.
            for ((relay, connection, ack), _) in
                acks.into_iter().zip(taken_in).filter(|(_, taken_in)| *taken_in)
            {
                if let Some(reader) = self.readers.get(&relay) {
                    reader.ack(connection, ack);
                }
            }
        }
        if !answers.is_empty() {
            device.answered(&answers, now_s())?;
            for (id, _) in answers {
                self.under_way.remove(&id);
            }
            self.look = true;
        }
        // Only now: with the answers in the vault, they wait for the one that was not taken.
        for id in returned {
            self.under_way.remove(&id);
            self.look = true;
        }
        for (relay, expired) in caught_up {
            device.expired(&relay, expired, now_s())?;
            self.caught_up.insert(relay.clone());
            self.tend_at = self.tend_at.min(Instant::now());
            happened.push(Happened::CaughtUp(relay));
        }
        Ok(())
    }
}
