//! Carrying envelopes for a moment: until something is so, the time is up, or the person stops it.

use std::time::Duration;

use tokio::time::Instant;
use velar_protocol::wire::RelayAddress;

use super::Context;
use crate::device::{Device, DeviceError};
use crate::failure::{Exit, Failure, failure, is_final};
use crate::link::{Happened, Link};
use crate::net::NetError;
use crate::text::t;

/// How it ended.
#[derive(Debug)]
pub(super) enum Carried {
    /// What was waited for is so.
    Reached,
    /// Not so; the last that a relay or the network said against it, if anything.
    NotYet(Option<(RelayAddress, NetError)>),
}

impl Carried {
    pub(super) fn is_reached(&self) -> bool {
        matches!(self, Self::Reached)
    }
}

/// A link for a command that ends by itself.
pub(super) fn link(context: &Context) -> Result<Link, Failure> {
    Link::new(false).map_err(|error| {
        let detail = crate::failure::net_reason(&error, &context.text);
        failure!(context.text, Exit::Failed, "error-internal", detail = detail)
    })
}

/// Carries until `so`, for `patience` at most; ends early if a relay says something that waiting does not
/// mend, or the person stops it.
pub(super) async fn carry(
    context: &Context,
    device: &mut Device,
    link: &mut Link,
    patience: Duration,
    mut so: impl FnMut(&mut Device, &Link) -> Result<bool, DeviceError>,
) -> Result<Carried, Failure> {
    let deadline = Instant::now() + patience;
    let mut trouble = None;
    loop {
        if so(device, link).map_err(|error| context.failure(error))? {
            return Ok(Carried::Reached);
        }
        if Instant::now() >= deadline || context.stop.is_told() {
            return Ok(Carried::NotYet(trouble));
        }
        let happened = tokio::select! {
            happened = link.step(device, deadline) => happened,
            () = context.stop.wait() => continue,
        };
        for event in happened.map_err(|error| context.failure(error))? {
            match event {
                Happened::Disconnected(relay, error) | Happened::CannotSend(relay, error) => {
                    let hopeless = is_final(&error);
                    trouble = Some((relay, error));
                    if hopeless {
                        return Ok(Carried::NotYet(trouble));
                    }
                }
                Happened::Connected(_) => trouble = None,
                Happened::ClockDiffers(_, seconds) => {
                    context.remark(&t!(context.text, "status-clock", minutes = seconds / 60));
                }
                Happened::CaughtUp(_) | Happened::Changed => {}
            }
        }
    }
}

/// Whether each of the device's mailboxes is open at its relay, with all tokens that were given out.
pub(super) fn is_settled(device: &mut Device) -> Result<bool, DeviceError> {
    Ok(device.homes()?.iter().all(|home| home.registered))
}

/// Whether all is read that waited, and all is at a relay that was to be sent.
pub(super) fn is_quiet(device: &mut Device, link: &Link) -> Result<bool, DeviceError> {
    Ok(link.is_caught_up()
        && !link.is_sending()
        && is_settled(device)?
        && device.unfinished()?.1 == 0)
}
