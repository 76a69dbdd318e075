//! A relay with a clock that can be set, one mailbox on it, and its log.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::{sleep, timeout};
use velar::net::{Connector, Purpose, RelayConnection, Subscription};
use velar_protocol::wire::limits::ENVELOPE_LEN;
use velar_protocol::wire::{
    Ack, Answer, ClockJump, Delivery, DeliveryOutcome, Envelope, Event, HoldSecret, MailboxSecret,
    Request, SendToken,
};
use velar_tests::clock::SetClock;
use velar_tests::load::Outcome;
use velar_tests::person::program;
use velar_tests::process::RelayProcess;

/// Longest wait for something that comes: ticks are a second apart, and other tests take their share of the machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between looks at the log.
const LOOK: Duration = Duration::from_millis(50);

/// Envelopes from this number on only mark that time has passed.
const MARKERS: u8 = 100;

pub(super) const HOUR_S: i64 = 3_600;
pub(super) const DAY_S: i64 = 86_400;

pub(super) struct Rig {
    pub(super) relay: RelayProcess,
    pub(super) clock: SetClock,
    connection: Option<(Connector, RelayConnection)>,
    markers: AtomicU8,
    folder: TempDir,
}

impl Rig {
    /// Its clock is right, its mailbox open and empty.
    pub(super) async fn start() -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let clock = SetClock::new(folder.path())?;
        let relay =
            RelayProcess::init(&program("velar-relay")?, &folder.path().join("relay")).await?;
        // In doubt holds wait for a second only.
        let relay = relay.with_flag("--outage-wait-s=1").with_clock(&clock);
        let relay = relay.logging_to(folder.path().join("log"));
        let mut rig = Self { relay, clock, connection: None, markers: MARKERS.into(), folder };
        rig.serve().await?;
        rig.open().await?;
        Ok(rig)
    }

    pub(super) async fn serve(&mut self) -> Outcome<()> {
        self.relay.start().await?;
        let connector = Connector::new()?;
        let connection = connector.connect(self.relay.address()?, Purpose::Read).await?;
        self.connection = Some((connector, connection));
        Ok(())
    }

    /// Stops it, sets its clock, and starts it.
    pub(super) async fn restart_at(&mut self, ahead_s: i64) -> Outcome<()> {
        self.relay.stop().await?;
        self.clock.set_by(ahead_s)?;
        self.serve().await
    }

    pub(super) async fn ask(&self, request: &Request) -> Outcome<Answer> {
        let (_, connection) = self.connection.as_ref().ok_or("not connected")?;
        Ok(connection.request(request).await?)
    }

    async fn open(&self) -> Outcome<()> {
        let (_, connection) = self.connection.as_ref().ok_or("not connected")?;
        let tokens = vec![token().hash()];
        let request = Request::open(&connection.exporter(), &mailbox(), tokens, None);
        assert!(connection.request(&request).await?.opened_with_all());
        Ok(())
    }

    /// What the relay answers to an envelope of this number.
    pub(super) async fn send(&self, number: u8) -> Outcome<Answer> {
        self.ask(&Request::Send { delivery: delivery(number) }).await
    }

    /// Leaves the envelope of this number for so many seconds.
    pub(super) async fn hold(&self, number: u8, for_s: i64) -> Outcome<()> {
        let (id, for_s) = (hold(number).id(), u32::try_from(for_s)?);
        let request =
            Request::Hold { id, for_s, deliveries: vec![delivery(number)], replaces: None };
        let outcomes = vec![DeliveryOutcome::Held];
        assert_eq!(self.ask(&request).await?, Answer::Held { outcomes });
        Ok(())
    }

    /// Whether the relay still has this hold. If so it begins anew.
    pub(super) async fn has_hold(&self, number: u8) -> Outcome<bool> {
        let request = Request::Extend { secret: hold(number), for_s: 3_600 };
        Ok(matches!(self.ask(&request).await?, Answer::Extended { .. }))
    }

    /// What the relay says of its clock: that it was set, and what it shows.
    pub(super) async fn told_clock(&self) -> Outcome<(ClockJump, u64)> {
        match self.ask(&Request::Info).await? {
            Answer::Info(info) => Ok((info.clock_jump, info.time_s)),
            other => Err(format!("asked for Info, was told {other:?}").into()),
        }
    }

    pub(super) async fn subscribe(&self) -> Outcome<Mail> {
        let (_, connection) = self.connection.as_ref().ok_or("not connected")?;
        Ok(Mail(connection.subscribe(&[mailbox()]).await?))
    }

    /// The numbers of all envelopes that wait, those of [`Rig::pass`] aside, and how many were ever deleted for their age.
    pub(super) async fn waiting(&self) -> Outcome<(Vec<u8>, u64)> {
        let mut mail = self.subscribe().await?;
        let mut numbers = Vec::new();
        loop {
            match timeout(PATIENCE, mail.0.next()).await?? {
                Event::Envelope { envelope, .. } => match envelope.as_bytes()[0] {
                    MARKERS.. => {}
                    number => numbers.push(number),
                },
                Event::CaughtUp { expired, .. } => return Ok((numbers, expired)),
                Event::Ended { reason } => return Err(format!("ended: {reason:?}").into()),
            }
        }
    }

    /// Waits until the relay has looked at its clock, ages and deadlines more than once: a short hold comes.
    pub(super) async fn pass(&self) -> Outcome<()> {
        // Another one each time: what was acknowledged is recognised for an hour.
        let number = self.markers.fetch_add(1, Ordering::Relaxed);
        self.hold(number, 2).await?;
        self.subscribe().await?.until(number).await
    }

    /// Waits for a line of the log with these words; the last of them.
    pub(super) async fn logged(&self, words: &str) -> Outcome<String> {
        let found = async {
            loop {
                if let Some(line) = self.lines_with(words)?.pop() {
                    return Ok(line);
                }
                sleep(LOOK).await;
            }
        };
        timeout(PATIENCE, found).await.map_err(|_| format!("no line with «{words}»"))?
    }

    pub(super) fn lines_with(&self, words: &str) -> Outcome<Vec<String>> {
        let log = fs::read_to_string(self.folder.path().join("log"))?;
        Ok(log.lines().filter(|line| line.contains(words)).map(str::to_owned).collect())
    }

    /// Sets the clock, and waits until the relay says so in its log.
    pub(super) async fn set_by(&self, ahead_s: i64, said: &str) -> Outcome<()> {
        self.clock.set_by(ahead_s)?;
        self.logged(said).await?;
        Ok(())
    }

    /// Runs `velar-relay clock accept` on its folder; what it prints.
    pub(super) async fn accept(&self) -> Outcome<String> {
        let said = Command::new(program("velar-relay")?)
            .args(["clock", "accept", "--data"])
            .arg(self.folder.path().join("relay"))
            .output()
            .await?;
        if !said.status.success() {
            return Err(String::from_utf8_lossy(&said.stderr).into());
        }
        Ok(String::from_utf8(said.stdout)?)
    }

    pub(super) fn accept_file(&self) -> PathBuf {
        self.folder.path().join("relay/clock-accepted")
    }
}

pub(super) struct Mail(Subscription);

impl Mail {
    /// The number of the next envelope, acknowledged.
    pub(super) async fn next(&mut self) -> Outcome<u8> {
        loop {
            match timeout(PATIENCE, self.0.next()).await?? {
                Event::Envelope { mailbox, sequence, envelope, .. } => {
                    self.0.ack(Ack { mailbox, sequence }).await?;
                    return Ok(envelope.as_bytes()[0]);
                }
                Event::CaughtUp { .. } => {}
                Event::Ended { reason } => return Err(format!("ended: {reason:?}").into()),
            }
        }
    }

    /// Passes over others, which stay where they are.
    async fn until(&mut self, number: u8) -> Outcome<()> {
        loop {
            match timeout(PATIENCE, self.0.next()).await?? {
                Event::Envelope { mailbox, sequence, envelope, .. }
                    if envelope.as_bytes()[0] == number =>
                {
                    self.0.ack(Ack { mailbox, sequence }).await?;
                    return Ok(());
                }
                Event::Ended { reason } => return Err(format!("ended: {reason:?}").into()),
                _ => {}
            }
        }
    }
}

fn mailbox() -> MailboxSecret {
    MailboxSecret::from_seed(&[1; 32])
}

fn token() -> SendToken {
    SendToken::new([1; 32])
}

fn hold(number: u8) -> HoldSecret {
    HoldSecret::new([number; 32])
}

fn delivery(number: u8) -> Delivery {
    Delivery { token: token(), envelope: Envelope::new(vec![number; ENVELOPE_LEN]).unwrap() }
}
