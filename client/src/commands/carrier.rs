//! Carrying envelopes for as long as a command waits for something.

use std::time::Duration;

use tokio::time::Instant;
use velar_protocol::wire::RelayAddress;

use super::Context;
use crate::device::{Device, DeviceError, Progress, Reach};
use crate::failure::{Exit, Failure, net_failure};
use crate::link::{Happened, Link, now_s};
use crate::net::NetError;

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
    /// Some mailbox is being read, or some relay answered.
    pub(super) connected: bool,
    /// Everything that waited at the relays is here.
    pub(super) caught_up: bool,
    /// The last thing that failed.
    pub(super) trouble: Option<(RelayAddress, NetError)>,
    /// Seconds between this device's clock and a relay's, if many.
    pub(super) clock_differs_s: Option<u64>,
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
        let link = Link::new(false).map_err(|error| internal(context, &error))?;
        Ok(Self { link, context, news: News::default() })
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
        }
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
        if self.news.connected && self.news.trouble.is_none() {
            let nothing_due = |device: &mut Device, _: &News| {
                device.due(now_s(), 1, |_| false).map(|due| due.is_empty())
            };
            self.until(device, SETTLE, nothing_due).await?;
        }
        self.link.finish().await;
        Ok(())
    }
}

impl News {
    fn take(&mut self, happened: Vec<Happened>) {
        for one in happened {
            match one {
                Happened::Connected(_) => {
                    self.connected = true;
                    self.trouble = None;
                }
                Happened::Disconnected(relay, error) | Happened::CannotSend(relay, error) => {
                    self.trouble = Some((relay, error));
                }
                Happened::ClockDiffers(_, seconds) => self.clock_differs_s = Some(seconds),
                Happened::CaughtUp(_) | Happened::Changed => {}
            }
        }
    }

    /// What a person is told about a failed connection, if one failed: all is kept.
    pub(super) fn trouble(&self, context: &Context) -> Option<Failure> {
        let (relay, error) = self.trouble.as_ref()?;
        Some(net_failure(relay, error, true, &context.text))
    }
}

/// Whether a message is on a relay or further for everybody it can get to.
pub(super) fn is_sent(progress: &Progress) -> bool {
    progress.iter().all(|(_, _, reach)| *reach != Reach::Queued)
}

/// Whether nothing more will become of a message: everybody has it, or never will.
pub(super) fn is_over(progress: &Progress) -> bool {
    progress.iter().all(|(_, _, reach)| matches!(reach, Reach::Received(_) | Reach::GivenUp))
}

fn internal(context: &Context, error: &NetError) -> Failure {
    let text = &context.text;
    crate::failure::failure!(text, Exit::Failed, "error-internal", detail = error.to_string())
}
