//! `velar say`: a message to the circle or to some of its members.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Read};

use serde_json::json;
use velar_protocol::circle::limits::MAX_TEXT_LEN;
use velar_protocol::seal::MemberId;

use super::carrier::Carrier;
use super::show::Who;
use super::{Context, checkin, show};
use crate::cli::Say;
use crate::device::{Device, DeviceError};
use crate::failure::{Exit, Failure, failure, reason};
use crate::link::now_s;
use crate::terminal::{Reply, asker};
use crate::text::t;

pub(super) async fn run(context: &Context, args: Say) -> Result<Exit, Failure> {
    let failed = |error: DeviceError| context.failure(error);
    let said = if args.text.is_empty() { typed(context)? } else { args.text.join(" ") };
    check(context, &said)?;
    let mut device = context.device()?;
    let to = recipients(context, &mut device, &args.to)?;
    read_under_duress(context, &mut device, &to)?;
    let message = device.say(&said, &to, now_s()).map_err(failed)?;

    let mut carrier = Carrier::new(context)?;
    let progress = checkin::deliver(&mut carrier, &mut device, message, checkin::WAIT)
        .await
        .map_err(failed)?;
    let exit = show::exit(&progress);
    if context.json {
        let people = show::people_json(&progress);
        let data = json!({"message": show::hex(&message.0), "people": people});
        context.line(&show::json_line(&data))?;
    } else {
        if matches!(exit, Exit::Done | Exit::NotReceived) {
            context.line(&t!(context.text, "say-done"))?;
        }
        for line in show::outcome(context, &progress) {
            context.line(&line)?;
        }
        if exit == Exit::Kept {
            carrier.news.remark_trouble(context);
        }
    }
    carrier.finish(&mut device).await.map_err(failed)?;
    Ok(exit)
}

/// Holds a text to be there and to fit.
///
/// # Errors
/// [`Failure`] that says which.
pub(super) fn check(context: &Context, said: &str) -> Result<(), Failure> {
    if said.trim().is_empty() {
        return Err(failure!(context.text, Exit::Usage, "error-text-missing"));
    }
    fits(context, said)
}

/// Holds a text to fit; it may be empty.
///
/// # Errors
/// [`Failure`].
pub(super) fn fits(context: &Context, said: &str) -> Result<(), Failure> {
    if said.len() <= MAX_TEXT_LEN {
        return Ok(());
    }
    let (count, limit) = (said.len(), MAX_TEXT_LEN);
    Err(failure!(context.text, Exit::Usage, "error-text-long", count = count, limit = limit))
}

/// What comes on standard input, without the line break at its end.
fn typed(context: &Context) -> Result<String, Failure> {
    let text = &context.text;
    let mut said = String::new();
    // One byte over the limit is enough to refuse it.
    let limit = MAX_TEXT_LEN as u64 + 2;
    std::io::stdin().lock().take(limit).read_to_string(&mut said).map_err(|error| {
        failure!(text, Exit::Failed, "error-input", detail = reason(&error, text))
    })?;
    Ok(said.strip_suffix('\n').unwrap_or(&said).to_owned())
}

fn recipients(
    context: &Context,
    device: &mut Device,
    names: &[String],
) -> Result<Vec<MemberId>, Failure> {
    let mut to = Vec::new();
    for name in names {
        let member =
            device.find_member(name).map_err(|error| show::failed_about(context, error, name))?;
        if member == device.member() {
            return Err(failure!(context.text, Exit::Usage, "error-member-self"));
        }
        if !to.contains(&member) {
            to.push(member);
        }
    }
    Ok(to)
}

/// Conversation goes to everybody whom it is for, also to somebody under duress: whoever writes is told, and asked
/// where there is somebody to ask.
fn read_under_duress(
    context: &Context,
    device: &mut Device,
    to: &[MemberId],
) -> Result<(), Failure> {
    let text = &context.text;
    let failed = |error: DeviceError| context.failure(error);
    let who = Who::of(context, device).map_err(failed)?;
    let alerts = device.alerts(true, now_s()).map_err(failed)?;
    let reads = |member: &MemberId| to.is_empty() || to.contains(member);
    let about = alerts.iter().map(|view| &view.alert).filter(|alert| alert.duress);
    let names: BTreeSet<String> =
        about.map(|alert| alert.subject).filter(reads).map(|member| who.name(member)).collect();
    if names.is_empty() {
        return Ok(());
    }
    let warning = t!(text, "say-duress", names = text.list(&names));
    if context.json || !std::io::stdin().is_terminal() {
        context.remark(&warning);
        return Ok(());
    }
    let Ok(mut asker) = asker() else { return Ok(()) };
    let asked =
        asker.show(&warning).and_then(|()| asker.yes_or_no(&t!(text, "say-duress-ask"), text));
    match asked {
        Ok(Reply::Yes) => Ok(()),
        _ => Err(failure!(text, Exit::NeedsConfirmation, "error-declined")),
    }
}
