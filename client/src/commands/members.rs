//! `velar members` and `velar verify`.

mod new_token;
mod remove;

use serde_json::json;

use super::Context;
use super::show::{json_line, role_names};
use crate::cli::{Members, MembersCommand, Verify};
use crate::device::{Device, DeviceError, MemberView};
use crate::failure::{Exit, Failure, failure};
use crate::link::now_s;
use crate::terminal::{clean, short_id, table};
use crate::text::t;

pub(super) async fn run(context: &Context, args: Members) -> Result<Exit, Failure> {
    match args.command {
        None | Some(MembersCommand::List) => list(context),
        Some(MembersCommand::Remove(args)) => remove::run(context, args).await,
        Some(MembersCommand::NewToken(args)) => new_token::run(context, args).await,
    }
}

fn list(context: &Context) -> Result<Exit, Failure> {
    let mut device = context.device()?;
    context.warn_if_removed(&mut device)?;
    let members = device.members().map_err(|error| context.failure(error))?;
    let text = &context.text;
    if context.json {
        let members: Vec<_> = members
            .iter()
            .map(|member| {
                json!({
                    "id": short_id(&member.member.0),
                    "name": member.name,
                    "roles": role_names(member.roles),
                    "me": member.me,
                    "lead": member.lead,
                    "verified": member.verified,
                    "reachable": member.reachable,
                    "heard_s": member.heard_s,
                })
            })
            .collect();
        context.line(&json_line(&json!({ "members": members })))?;
    } else {
        let mut rows = vec![vec![
            t!(text, "column-id"),
            t!(text, "column-name"),
            t!(text, "column-roles"),
            t!(text, "column-last-heard"),
            t!(text, "column-verified"),
        ]];
        rows.extend(members.iter().map(|member| row(context, member)));
        context.line(table(&rows).trim_end())?;
    }
    context.warn_of_damage(&device);
    Ok(Exit::Done)
}

fn row(context: &Context, member: &MemberView) -> Vec<String> {
    let text = &context.text;
    let heard = match member.heard_s {
        _ if member.me => t!(text, "word-you"),
        Some(at_s) => context.clock.moment(at_s, now_s()),
        None => t!(text, "word-never"),
    };
    let verified = match (member.me, member.verified) {
        (true, _) => String::new(),
        (_, true) => t!(text, "members-verified"),
        (_, false) => t!(text, "members-unverified"),
    };
    let (id, name) = (short_id(&member.member.0), clean(&member.name));
    vec![id, name, text.roles(member.roles), heard, verified]
}

pub(super) fn verify(context: &Context, args: Verify) -> Result<Exit, Failure> {
    let mut device = context.device()?;
    context.warn_if_removed(&mut device)?;
    let members = device.members().map_err(|error| context.failure(error))?;
    let chosen: Vec<MemberView> = match &args.member {
        Some(wanted) => vec![one(context, &mut device, &members, wanted)?],
        None => members.into_iter().filter(|member| !member.me).collect(),
    };
    let mut numbers = Vec::new();
    for member in &chosen {
        let failed = |error| context.failure(error);
        if args.mark {
            device.mark_verified(member.member).map_err(failed)?;
        }
        let number = device.safety_number(member.member).map_err(failed)?;
        let verified = member.verified || args.mark;
        if context.json {
            let id = short_id(&member.member.0);
            numbers.push(json!({
                "id": id, "name": member.name, "number": number, "verified": verified,
            }));
        } else {
            show(context, member, &number, verified, args.mark)?;
        }
    }
    if context.json {
        context.line(&json_line(&json!({ "numbers": numbers })))?;
    } else if chosen.is_empty() {
        context.remark(&t!(context.text, "circle-alone"));
    }
    context.warn_of_damage(&device);
    Ok(Exit::Done)
}

fn show(
    context: &Context,
    member: &MemberView,
    number: &str,
    verified: bool,
    marked: bool,
) -> Result<(), Failure> {
    let (text, name) = (&context.text, clean(&member.name));
    if marked {
        return context.line(&t!(text, "verify-marked", name = name));
    }
    context.line(&t!(text, "verify-number", name = name.as_str()))?;
    context.line(&format!("  {number}"))?;
    let state = if verified { t!(text, "verify-state-yes") } else { t!(text, "verify-state-no") };
    context.line(&format!("  {state}"))?;
    if !verified {
        context.remark(&t!(text, "verify-how", id = short_id(&member.member.0)));
    }
    Ok(())
}

/// The one member that is meant, another than this device.
fn one(
    context: &Context,
    device: &mut Device,
    members: &[MemberView],
    wanted: &str,
) -> Result<MemberView, Failure> {
    let member = chosen(context, device, members, wanted)?;
    if member.me {
        return Err(failure!(context.text, Exit::Usage, "error-member-self"));
    }
    Ok(member)
}

/// The one member that is meant.
fn chosen(
    context: &Context,
    device: &mut Device,
    members: &[MemberView],
    wanted: &str,
) -> Result<MemberView, Failure> {
    let text = &context.text;
    let id = device.find_member(wanted).map_err(|error| match error {
        DeviceError::UnknownMember => {
            failure!(text, Exit::NotFound, "error-member-unknown", name = wanted)
        }
        DeviceError::AmbiguousMember => {
            let begin = wanted.trim().to_lowercase();
            let fitting = members.iter().filter(|m| {
                m.name.to_lowercase().starts_with(&begin)
                    || short_id(&m.member.0).starts_with(&begin)
            });
            let named = fitting.map(|m| format!("{} ({})", clean(&m.name), short_id(&m.member.0)));
            let members = text.list(named);
            let exit = Exit::NeedsConfirmation;
            failure!(text, exit, "error-member-several", name = wanted, members = members)
        }
        error => context.failure(error),
    })?;
    let member = members.iter().find(|member| member.member == id).cloned();
    member.ok_or_else(|| failure!(text, Exit::NotFound, "error-member-unknown", name = wanted))
}
