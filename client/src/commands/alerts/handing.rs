//! `velar hand-over`: asking somebody else to take what one has taken.

use super::super::{Context, say, show};
use super::which::Which;
use super::{Desk, FirstWord};
use crate::cli::HandOver;
use crate::device::DeviceError;
use crate::failure::{Exit, Failure, failure};
use crate::link::now_s;
use crate::text::t;

pub(in crate::commands) async fn hand_over(
    context: &Context,
    args: HandOver,
) -> Result<Exit, Failure> {
    let text = &context.text;
    let mut desk = Desk::open(context).await?;
    let (given, said) = desk.alert_and_text(&args.what, FirstWord::Id)?;
    say::fits(context, &said)?;
    let alert = desk.find(given.as_deref(), Which::TakenByMe)?;
    let to = desk.device.find_member(&args.to);
    let to = to.map_err(|error| show::failed_about(context, error, &args.to))?;
    let (id, name) = (alert.id.short(), desk.who.name(to));
    if desk.who.is_me(to) {
        return Err(failure!(text, Exit::Usage, "error-member-self"));
    }
    if alert.claims.iter().any(|claim| claim.by == to) {
        let exit = Exit::NotNow;
        return Err(failure!(text, exit, "error-hand-over-has-it", alert = id, name = name));
    }
    let said = match desk.device.hand_over(alert.id, to, &said, now_s()) {
        Err(DeviceError::CannotTake) => {
            return Err(failure!(text, Exit::NotNow, "error-hand-over-not-they", name = name));
        }
        said => said.map_err(|error| desk.failed_about(error, &alert))?,
    };
    let progress = desk.send(&said).await?;
    let lines = vec![
        t!(text, "hand-over-done", alert = id, name = name.as_str()),
        t!(text, "hand-over-next", name = name.as_str()),
    ];
    desk.end("handed-over", &alert, &progress, lines).await
}
