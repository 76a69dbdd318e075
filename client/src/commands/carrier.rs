//! Carrying envelopes for as long as a command waits for something, or until the person stops it.

use std::time::Duration;

use tokio::time::Instant;
use velar_protocol::wire::RelayAddress;

use super::Context;
use super::clocks::{self, RelayClocks};
use crate::device::{Device, DeviceError, Progress, Reach};
use crate::failure::{Exit, Failure, failure, is_final, net_reason};
use crate::link::{Difference, Happened, Link, now_s};
use crate::net::{Connector, NetError};
use crate::records::Holder;

/// How long a command that shows something waits for what lies at the relays.
pub(super) const CATCH_UP: Duration = Duration::from_secs(2);

/// How long a command that ends still tries to hand over receipts and answers.
const SETTLE: Duration = Duration::from_secs(1);

/// A link and what is known of its connections.
pub(super) struct Carrier<'a> {
    link: Link,
    context: &'a Context,
    /// What the connections did so far.
    pub(super) news: News,
}

/// What the connections did so far.
#[derive(Default)]
pub(super) struct News {
    /// The relays that are connected.
    connected: Vec<RelayAddress>,
    /// Everything that waited at the relays is here.
    pub(super) caught_up: bool,
    /// Everything that waited at one relay at least is here.
    pub(super) read: bool,
    /// Envelopes are on their way to a relay that has not answered.
    sending: bool,
    /// The last thing that failed.
    pub(super) trouble: Option<(RelayAddress, NetError)>,
    /// Between this device's clock and a relay's, if minutes.
    pub(super) clock_differs: Option<Difference>,
    /// Relays whose clocks were set.
    pub(super) relay_clocks: RelayClocks,
}

/// Why carrying ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// What was waited for is so.
    Met,
    /// It was not so in time.
    Late,
    /// The person asked to end.
    Stopped,
}

impl<'a> Carrier<'a> {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// [`Failure`] if this machine has no randomness.
    pub(super) fn new(context: &'a Context) -> Result<Self, Failure> {
        Ok(Self { link: link(context, false)?, context, news: News::default() })
    }

    /// What another connection of this command has asked is not asked again: see [`Link::no_question`].
    pub(super) fn no_question(&mut self) {
        self.link.no_question();
    }

    /// Makes connections beside those that carry.
    pub(super) fn connector(&self) -> &Connector {
        self.link.connector()
    }

    /// Carries until `done` says so, for `wait` at most. `done` is asked first, then after everything that
    /// happens, and at least five times a second.
    ///
    /// # Errors
    /// [`DeviceError`] of the vault.
    pub(super) async fn until(
        &mut self,
        device: &mut Device,
        wait: Duration,
        mut done: impl FnMut(&mut Device, &News) -> Result<bool, DeviceError>,
    ) -> Result<Ended, DeviceError> {
        let deadline = Instant::now() + wait;
        loop {
            if done(device, &self.news)? {
                return Ok(Ended::Met);
            }
            if self.context.stop.is_told() {
                return Ok(Ended::Stopped);
            }
            if Instant::now() >= deadline {
                return Ok(Ended::Late);
            }
            let happened = tokio::select! {
                happened = self.link.step(device, deadline) => happened?,
                () = self.context.stop.wait() => continue,
            };
            self.news.take(happened);
            self.news.caught_up = self.link.is_caught_up();
            self.news.read = self.link.has_caught_up();
            self.news.sending = self.link.is_sending();
        }
    }

    /// Carries until `so`, for `patience` at most; says whether it is so. Ends early if a relay of this
    /// device's says something that waiting does not mend. [`News::trouble`] is what stood against it, if anything.
    ///
    /// # Errors
    /// [`Failure`] of the vault.
    pub(super) async fn reach(
        &mut self,
        device: &mut Device,
        patience: Duration,
        mut so: impl FnMut(&mut Device, &News) -> Result<bool, DeviceError>,
    ) -> Result<bool, Failure> {
        let context = self.context;
        (self.news.trouble, self.news.clock_differs) = (None, None);
        let (mut reached, mut clock_said) = (false, None);
        let done = |device: &mut Device, news: &News| {
            if let Some(differs) = news.clock_differs.filter(|_| clock_said != news.clock_differs) {
                context.remark(&clocks::difference(differs, &context.text));
                clock_said = Some(differs);
            }
            reached = so(device, news)?;
            Ok(reached || news.is_hopeless(device)?)
        };
        self.until(device, patience, done).await.map_err(|error| context.failure(error))?;
        Ok(reached)
    }

    /// Carries until everything that lay at the relays is here, for `wait` at most; says whether it is.
    ///
    /// # Errors
    /// [`DeviceError`] of the vault.
    pub(super) async fn catch_up(
        &mut self,
        device: &mut Device,
        wait: Duration,
    ) -> Result<bool, DeviceError> {
        self.until(device, wait, |_, news| Ok(news.caught_up)).await.map(|end| end == Ended::Met)
    }

    /// Whether the person asked to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.context.stop.is_told()
    }

    /// Hands over what can be handed over in a moment, and closes the connections.
    ///
    /// # Errors
    /// [`DeviceError`] of the vault.
    pub(super) async fn finish(mut self, device: &mut Device) -> Result<(), DeviceError> {
        if self.news.is_connected() {
            // What is due at a relay that does not answer is not waited for.
            let nothing_due = |device: &mut Device, news: &News| {
                let troubled = |relay| news.trouble.as_ref().is_some_and(|(down, _)| down == relay);
                let due = device.due(now_s(), 1, |_| false)?;
                Ok(due.iter().all(|due| troubled(&due.relay)))
            };
            self.until(device, SETTLE, nothing_due).await?;
        }
        self.keep_kit(device)?;
        self.close().await;
        Ok(())
    }

    /// Brings the panic kit up to date with what is known now.
    ///
    /// # Errors
    /// [`DeviceError`] of the vault.
    pub(super) fn keep_kit(&mut self, device: &mut Device) -> Result<(), DeviceError> {
        self.link.keep_kit(device)
    }

    /// Closes the connections at once.
    pub(super) async fn close(self) {
        self.link.finish().await;
    }
}

impl News {
    fn take(&mut self, happened: Vec<Happened>) {
        for one in happened {
            match one {
                Happened::Connected(relay) => {
                    self.connected.push(relay);
                    // That a relay has no room is not mended by its answering.
                    self.trouble.take_if(|(_, error)| !matches!(error, NetError::Full { .. }));
                }
                Happened::Disconnected(relay, error) => {
                    self.connected.retain(|connected| *connected != relay);
                    self.trouble = Some((relay, error));
                }
                Happened::CannotSend(relay, error) | Happened::NotOpened(relay, error) => {
                    self.trouble = Some((relay, error));
                }
                Happened::ClockDiffers(_, differs) => self.clock_differs = Some(differs),
                Happened::RelayClockSet(relay, jump) => self.relay_clocks.take(&relay, jump),
                Happened::CaughtUp(_)
                | Happened::Changed
                | Happened::Answered(_)
                | Happened::NoRoomFor(..) => {}
            }
        }
    }

    /// Whether the mailbox at this relay is being read.
    pub(super) fn reads(&self, relay: &RelayAddress) -> bool {
        self.connected.contains(relay)
    }

    /// Whether some mailbox is being read.
    pub(super) fn is_connected(&self) -> bool {
        !self.connected.is_empty()
    }

    /// Whether a relay where this device has a mailbox said something that waiting does not mend. Those of
    /// others are not waited for.
    fn is_hopeless(&self, device: &mut Device) -> Result<bool, DeviceError> {
        let Some((relay, _)) = self.trouble.as_ref().filter(|(_, error)| is_final(error)) else {
            return Ok(false);
        };
        // With several relays, what one of them says keeps nothing from the others.
        let homes = device.homes()?;
        Ok(homes.len() == 1 && homes.iter().any(|home| home.relay == *relay))
    }

    /// Tells the person about a failed connection, if one failed: all is kept.
    pub(super) fn remark_trouble(&self, context: &Context) {
        if let Some((relay, error)) = &self.trouble {
            context.remark(&context.kept_failure(relay, error).to_string());
        }
    }
}

/// Whether a message is on a relay or further for everybody it can get to.
pub(super) fn is_sent(progress: &Progress) -> bool {
    progress.iter().all(|(_, _, reach)| *reach != Reach::Queued)
}

/// Whether nothing more will become of a message: everybody has it, or will not before the person here says something.
pub(super) fn is_over(progress: &Progress) -> bool {
    let over = |reach: &Reach| {
        matches!(reach, Reach::Received(_) | Reach::GivenUp | Reach::NoRelay { .. })
    };
    progress.iter().all(|(_, _, reach)| over(reach))
}

/// Why nothing that is sent by a token of this device's arrives: of the relays that have opened its mailbox, none has
/// registered it. `None`: one has, or none has said anything.
pub(super) fn token_trouble(
    device: &mut Device,
    is_it: impl Fn(&Holder) -> bool,
) -> Result<Option<(RelayAddress, NetError)>, DeviceError> {
    let homes = device.homes()?;
    let opened = homes.iter().filter(|home| home.left_s.is_none() && home.registered);
    let mut trouble = None;
    for home in opened {
        let found = home.unregistered.iter().find(|(holder, _)| is_it(holder));
        match found.map(|(_, outcome)| NetError::of_token(Some(outcome))) {
            Some(Err(error)) => trouble = trouble.or(Some((home.relay.clone(), error))),
            Some(Ok(())) | None => return Ok(None),
        }
    }
    Ok(trouble)
}

/// Whether one of the device's mailboxes at least is open at its relay: what is sent to it by tokens that this relay has
/// registered arrives (see [`token_trouble`]).
pub(super) fn is_settled(device: &mut Device) -> Result<bool, DeviceError> {
    Ok(device.homes()?.iter().any(|home| home.left_s.is_none() && home.registered))
}

/// Whether all is read that waited, and nothing is left that could be sent now. What waits for a relay that is
/// gone, or for keys, is nothing to wait for.
pub(super) fn is_quiet(device: &mut Device, news: &News) -> Result<bool, DeviceError> {
    let calm = news.caught_up && !news.sending && is_settled(device)?;
    Ok(calm && device.due(now_s(), 1, |_| false)?.is_empty())
}

/// A link for a command that ends by itself, or for a terminal that is `watching`.
pub(super) fn link(context: &Context, watching: bool) -> Result<Link, Failure> {
    Link::new(watching).map_err(|error| {
        let detail = net_reason(&error, &context.text);
        failure!(context.text, Exit::Failed, "error-internal", detail = detail)
    })
}
