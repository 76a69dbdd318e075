//! `velar approve`: two screens, four words, one decision.

use std::time::Duration;

use serde_json::json;
use velar_protocol::circle::words::same_words;
use velar_protocol::circle::{Role, Roles};

use super::Context;
use super::carrier::{Carrier, is_quiet};
use super::circle::{MANY, check_name};
use super::show::{json_line, role_names};
use crate::cli::{Approve, spoken};
use crate::device::{AnswerView, Device, DeviceError};
use crate::failure::{Exit, Failure, failure};
use crate::link::now_s;
use crate::net::NetError;
use crate::terminal::clean;
use crate::text::{Text, t};

/// How long the relay may take to hand over what waits there, or to take what is to be sent.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many words there are.
const WORDS: usize = 4;

/// What the person said to one request.
enum Decision {
    /// The words as heard.
    Heard(String),
    /// No.
    Rejected,
    /// Nothing.
    Left,
}

pub(super) async fn run(context: &Context, args: Approve) -> Result<Exit, Failure> {
    let words = four_words(context, &args.words)?;
    if let Some(name) = &args.name {
        check_name(context, name)?;
    }
    let mut device = context.device()?;
    if !device.circle().map_err(|error| context.failure(error))?.lead {
        return Err(context.failure(DeviceError::NotLead));
    }
    let mut carrier = Carrier::new(context)?;
    let done = decide_all(context, &mut device, &mut carrier, &args, words).await;
    carrier.close().await;
    context.warn_of_damage(&device);
    done
}

/// The four words of `--words`, if it was given.
pub(super) fn four_words(context: &Context, words: &[String]) -> Result<Option<String>, Failure> {
    let Some(words) = spoken(words) else { return Ok(None) };
    match words.split(' ').count() {
        WORDS => Ok(Some(words)),
        count => Err(failure!(context.text, Exit::Usage, "error-words-count", count = count)),
    }
}

async fn decide_all(
    context: &Context,
    device: &mut Device,
    carrier: &mut Carrier<'_>,
    args: &Approve,
    words: Option<String>,
) -> Result<Exit, Failure> {
    // What waits for somebody whose relay is gone is nothing to wait for here.
    let (_, before) = device.unfinished().map_err(|error| context.failure(error))?;
    let pending = pending(context, device, carrier, before).await?;
    let (void, open): (Vec<_>, Vec<_>) = pending.into_iter().partition(|answer| answer.void);
    let mut twice = None;
    for answer in void {
        if answer.twice {
            twice = Some(failure!(context.text, Exit::Suspicious, "error-invitation-twice"));
        }
        // Said once; it is void for good.
        device.forget_invitation(answer.invitation).map_err(|error| context.failure(error))?;
    }
    if let Some(twice) = twice {
        if open.is_empty() {
            return Err(twice);
        }
        context.remark(&twice.to_string());
    }
    let chosen = match (open.as_slice(), &words) {
        ([], _) => return Err(context.failure(DeviceError::NothingToApprove)),
        (open, Some(words)) => {
            let fits = |answer: &&AnswerView| same_words(words, &answer.words);
            let Some(answer) = open.iter().find(fits) else {
                return Err(context.failure(DeviceError::WordsDiffer));
            };
            vec![answer.clone()]
        }
        ([_, _, ..], None) if !context.can_ask() && args.reject => {
            return Err(context.failure(DeviceError::AmbiguousAnswer));
        }
        (open, None) => open.to_vec(),
    };
    if words.is_none() && !args.reject && !context.can_ask() {
        return show_pending(context, &chosen);
    }
    let mut exit = Exit::Done;
    for answer in chosen {
        let decision = match &words {
            Some(words) => Decision::Heard(words.clone()),
            None if args.reject && open.len() == 1 => Decision::Rejected,
            None => ask(context, &answer, args.reject)?,
        };
        let done = match decision {
            Decision::Heard(words) => approve(context, device, args, &answer, &words)?,
            Decision::Rejected => reject(context, device, &answer)?,
            Decision::Left => {
                context.remark(&t!(context.text, "approve-left"));
                Exit::NeedsConfirmation
            }
        };
        if done == Exit::Done {
            // The decision stands; what tells the others of it is kept if it cannot go out now.
            send(context, device, carrier, before).await?;
        }
        if exit == Exit::Done {
            exit = done;
        }
    }
    Ok(exit)
}

/// Reads what has come, and shows both screens the words.
async fn pending(
    context: &Context,
    device: &mut Device,
    carrier: &mut Carrier<'_>,
    before: usize,
) -> Result<Vec<AnswerView>, Failure> {
    if !carrier.reach(device, PATIENCE, |_, news| Ok(news.caught_up)).await? {
        return Err(unreached(context, device, carrier, false)?);
    }
    let pending = device.answers(now_s()).map_err(|error| context.failure(error))?;
    send(context, device, carrier, before).await?;
    Ok(pending)
}

/// Carries until all that came up here is at a relay.
async fn send(
    context: &Context,
    device: &mut Device,
    carrier: &mut Carrier<'_>,
    before: usize,
) -> Result<(), Failure> {
    let quiet = carrier.reach(device, PATIENCE, is_quiet).await?;
    let (_, unsent) = device.unfinished().map_err(|error| context.failure(error))?;
    if quiet && unsent <= before { Ok(()) } else { Err(unreached(context, device, carrier, true)?) }
}

/// No relay was reached in time; what is known of why.
pub(super) fn unreached(
    context: &Context,
    device: &mut Device,
    carrier: &mut Carrier<'_>,
    kept: bool,
) -> Result<Failure, Failure> {
    if context.stop.is_told() {
        return Ok(failure!(context.text, Exit::Interrupted, "error-interrupted"));
    }
    let homes = device.homes().map_err(|error| context.failure(error))?;
    let relay = homes.into_iter().next().map(|home| home.relay);
    let trouble = carrier.news.trouble.take().or_else(|| Some((relay?, NetError::Timeout)));
    Ok(match trouble {
        Some((relay, error)) if kept => context.kept_failure(&relay, &error),
        Some((relay, error)) => context.net_failure(&relay, &error),
        None => context.failure(DeviceError::NoCircle),
    })
}

fn show_pending(context: &Context, pending: &[AnswerView]) -> Result<Exit, Failure> {
    if context.json {
        let pending: Vec<_> = pending
            .iter()
            .map(|answer| {
                let roles = role_names(answer.roles);
                json!({"name": answer.name, "words": answer.words, "roles": roles})
            })
            .collect();
        context.line(&json_line(&json!({ "pending": pending })))?;
    } else {
        for answer in pending {
            show(context, answer)?;
        }
        let missing = failure!(context.text, Exit::NeedsConfirmation, "error-words-missing");
        context.remark(&missing.to_string());
    }
    Ok(Exit::NeedsConfirmation)
}

fn show(context: &Context, answer: &AnswerView) -> Result<(), Failure> {
    let (text, name) = (&context.text, clean(&answer.name));
    let roles = text.roles(answer.roles);
    context.line(&t!(text, "approve-request", name = name.as_str(), roles = roles))?;
    context.line(&t!(text, "approve-words", words = answer.words.join(" ")))?;
    context.remark(&t!(text, "approve-words-compare", name = name));
    Ok(())
}

fn ask(context: &Context, answer: &AnswerView, reject: bool) -> Result<Decision, Failure> {
    show(context, answer)?;
    let (text, name) = (&context.text, clean(&answer.name));
    let question = if reject {
        t!(text, "approve-ask-reject", name = name)
    } else {
        t!(text, "approve-words-type", name = name)
    };
    let Some(said) = context.ask(&question) else { return Ok(Decision::Left) };
    Ok(match (is_one_of(&said, &t!(text, "answer-yes")), reject) {
        (true, true) => Decision::Rejected,
        (false, true) => Decision::Left,
        (true, false) => Decision::Heard(answer.words.join(" ")),
        (false, false) if is_one_of(&said, &t!(text, "answer-no")) => Decision::Left,
        (false, false) => Decision::Heard(said),
    })
}

fn is_one_of(said: &str, words: &str) -> bool {
    let said = said.to_lowercase();
    words.split(' ').any(|word| word == said)
}

fn approve(
    context: &Context,
    device: &mut Device,
    args: &Approve,
    answer: &AnswerView,
    words: &str,
) -> Result<Exit, Failure> {
    let text: &Text = &context.text;
    let failed = |error| context.failure(error);
    let name = args.name.as_deref().unwrap_or(&answer.name).trim().to_owned();
    let members = device.members().map_err(failed)?;
    if members.iter().any(|member| member.name.to_lowercase() == name.to_lowercase()) {
        return Err(failure!(text, Exit::NotNow, "error-name-taken", name = name));
    }
    let roles: Vec<Role> = args.roles.iter().copied().map(Role::from).collect();
    let roles = (!roles.is_empty()).then(|| Roles::of(&roles));
    device.approve(answer.invitation, words, None, Some(&name), roles, now_s()).map_err(failed)?;
    let roles = roles.unwrap_or(answer.roles);
    if context.json {
        let value = json!({"approved": {"name": name, "roles": role_names(roles)}});
        context.line(&json_line(&value))?;
    } else {
        let (name, roles) = (clean(&name), text.roles(roles));
        context.line(&t!(text, "approve-done", name = name, roles = roles))?;
    }
    let count = members.len() + 1;
    if count > MANY {
        context.remark(&t!(text, "circle-large", count = count));
    }
    Ok(Exit::Done)
}

fn reject(context: &Context, device: &mut Device, answer: &AnswerView) -> Result<Exit, Failure> {
    device.reject(answer.invitation, now_s()).map_err(|error| context.failure(error))?;
    if context.json {
        context.line(&json_line(&json!({"rejected": {"name": answer.name}})))?;
    } else {
        let name = clean(&answer.name);
        context.line(&t!(context.text, "approve-rejected", name = name))?;
    }
    Ok(Exit::Done)
}
