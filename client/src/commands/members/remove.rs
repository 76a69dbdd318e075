//! `velar members remove`: the lead takes somebody out of the circle.

use std::time::Duration;

use serde_json::json;
use velar_protocol::circle::Heard;
use velar_protocol::circle::limits::PUT_AWAY_S;

use super::super::carrier::{CATCH_UP, Carrier, is_quiet};
use super::super::show::json_line;
use super::super::{Context, deadlines};
use super::chosen;
use crate::cli::MembersRemove;
use crate::device::{Device, DeviceError, MemberView};
use crate::failure::{Exit, Failure, failure};
use crate::link::now_s;
use crate::terminal::{Reply, asker, clean, short_id};
use crate::text::t;

/// How long the circle is told before the command ends; what is left goes out with the next one.
const TELL: Duration = Duration::from_secs(4);

/// Takes somebody out of the circle, after saying what that means.
pub(super) async fn run(context: &Context, args: MembersRemove) -> Result<Exit, Failure> {
    let (text, failed) = (&context.text, |error: DeviceError| context.failure(error));
    let mut device = context.device()?;
    if device.is_removed().map_err(failed)? {
        return Err(failed(DeviceError::Removed));
    }
    if !device.circle().map_err(failed)?.lead {
        return Err(failed(DeviceError::NotLead));
    }
    let mut carrier = Carrier::new(context)?;
    // What is said about alerts and check-ins is to be the newest.
    if !carrier.catch_up(&mut device, CATCH_UP).await.map_err(failed)? {
        context.remark(&t!(text, "remove-not-up-to-date"));
    }
    deadlines::judge(&mut device, &carrier.news).map_err(failed)?;
    let members = device.members().map_err(failed)?;
    let member = chosen(context, &mut device, &members, &args.member)?;
    if member.me {
        return Err(failed(DeviceError::LeadStays));
    }
    let name = clean(&member.name);
    let known = consequences(context, &mut device, &member)?;
    known.iter().for_each(|line| context.remark(line));
    if !args.yes {
        confirm(context, &name)?;
        // What came while this was asked, an alarm perhaps, counts as said before.
        carrier.catch_up(&mut device, CATCH_UP).await.map_err(failed)?;
        let now = consequences(context, &mut device, &member)?;
        let news: Vec<&String> = now.iter().filter(|line| !known.contains(line)).collect();
        if !news.is_empty() {
            news.iter().for_each(|line| context.remark(line));
            confirm(context, &name)?;
        }
    }
    let told = device.remove_member(member.member, now_s()).map_err(failed)?;
    let sent = carrier.reach(&mut device, TELL, is_quiet).await?;
    if context.json {
        let id = short_id(&member.member.0);
        let data = json!({"removed": id, "name": member.name, "told": told, "sent": sent});
        context.line(&json_line(&data))?;
    } else {
        context.line(&t!(text, "remove-done", name = name.as_str()))?;
        if sent {
            context.line(&t!(text, "remove-others"))?;
        }
        if told {
            context.line(&t!(text, "remove-told", name = name))?;
        } else {
            context.line(&t!(text, "remove-not-told", name = name))?;
        }
        if !sent {
            context.remark(&t!(text, "sent-kept"));
        }
    }
    carrier.finish(&mut device).await.map_err(failed)?;
    context.warn_of_damage(&device);
    Ok(if sent { Exit::Done } else { Exit::Kept })
}

/// What it means for this person, and for what is open about them.
fn consequences(
    context: &Context,
    device: &mut Device,
    member: &MemberView,
) -> Result<Vec<String>, Failure> {
    let (text, failed) = (&context.text, |error: DeviceError| context.failure(error));
    let name = clean(&member.name);
    let mut lines = vec![t!(text, "remove-means", name = name.as_str())];
    for view in device.alerts(false, now_s()).map_err(failed)? {
        let alert = view.alert.id.short();
        if !view.alert.is_open() {
            let lately = |heard: &Heard| heard.heard_s().saturating_add(PUT_AWAY_S) > now_s();
            if view.alert.closed_by == Some(member.member) && view.events.iter().any(lately) {
                lines.push(t!(text, "remove-reopens", name = name.as_str(), alert = alert));
            }
            continue;
        }
        if view.alert.claims.iter().any(|claim| claim.by == member.member) {
            lines.push(t!(text, "remove-claim", name = name.as_str(), alert = alert.as_str()));
        }
        if view.alert.subject != member.member || view.alert.drill {
            continue;
        }
        if view.alert.duress {
            lines.push(t!(text, "remove-duress", name = name.as_str(), alert = alert.as_str()));
        }
        lines.push(t!(text, "remove-alert", name = name.as_str(), alert = alert));
    }
    let deadlines = device.deadlines().map_err(failed)?;
    if let Some(deadline) = deadlines.iter().find(|one| one.member == member.member) {
        let time = context.clock.moment(deadline.due_s, now_s());
        lines.push(match deadline.due_s <= now_s() {
            true => t!(text, "remove-late", name = name, time = time),
            false => t!(text, "remove-awaited", name = name, time = time),
        });
    }
    Ok(lines)
}

fn confirm(context: &Context, name: &str) -> Result<(), Failure> {
    let text = &context.text;
    if !context.can_ask() {
        let exit = Exit::NeedsConfirmation;
        return Err(failure!(text, exit, "error-remove-unconfirmed", name = name));
    }
    let question = t!(text, "remove-ask", name = name);
    let asked = context.stop.while_asking(|| asker()?.yes_or_no(&question, text));
    match asked {
        Ok(Reply::Yes) => Ok(()),
        _ => Err(failure!(text, Exit::NeedsConfirmation, "error-declined")),
    }
}
