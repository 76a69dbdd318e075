//! `velar join`: the way into a circle. Each step is in the vault before the next; called again, it goes on.

use std::io::Read;
use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;
use velar_protocol::circle::Invitation;
use velar_protocol::wire::{Ack, Envelope, Event, Refusal, Request};
use zeroize::Zeroizing;

use super::Context;
use super::approve::{four_words, unreached};
use super::carrier::{Carrier, News, is_quiet, is_settled, token_trouble};
use super::circle::{check_name, in_circle};
use super::show::{json_line, role_names};
use crate::cli::Join;
use crate::device::{Device, DeviceError, JoinState};
use crate::failure::{Exit, Failure, failure, link_reason, reason};
use crate::link::now_s;
use crate::net::{Connector, NetError, Purpose, RelayConnection, Subscription};
use crate::terminal::clean;
use crate::text::t;

/// How long one waits for the coordinator to look at the answer.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// How long the relay may take for one step.
const STEP: Duration = Duration::from_secs(15);

/// How long the relay may take to say whether something has changed.
const GLANCE: Duration = Duration::from_secs(5);

/// How long one waits to be let in once the words were compared.
const ENTERING: Duration = Duration::from_secs(60);

/// Envelopes that are looked at in an invitation's mailbox; whoever has the link can leave some.
const OFFERS: usize = 16;

/// Bytes of a file with a link at most.
const LINK_FILE: u64 = 4096;

pub(super) async fn run(context: &Context, args: Join) -> Result<Exit, Failure> {
    let words = four_words(context, &args.words)?;
    let given = given_link(context, &args)?;
    let mut device = context.device()?;
    let mut carrier = Carrier::new(context)?;
    let done = join(context, &mut device, &mut carrier, given, args.me, words).await;
    carrier.close().await;
    context.warn_of_damage(&device);
    done
}

async fn join(
    context: &Context,
    device: &mut Device,
    carrier: &mut Carrier<'_>,
    mut given: Option<Invitation>,
    me: Option<String>,
    words: Option<String>,
) -> Result<Exit, Failure> {
    let begun = match device.join_state() {
        Ok(state) => Some(state),
        Err(DeviceError::NotJoining) => None,
        Err(error) => return Err(context.failure(error)),
    };
    let first = begun.is_none() && words.is_none() && given.is_none();
    if first && let Some(typed) = asked_link(context) {
        given = Some(parse(context, &typed)?);
    }
    if let Some(invitation) = given {
        let same = device.is_joining_by(&invitation).map_err(|error| context.failure(error))?;
        match begun {
            Some(JoinState::In) if !same => {
                return Err(in_circle(context, device, DeviceError::InCircle));
            }
            Some(JoinState::Void) | None => {
                answer(context, device, carrier.connector(), &invitation, me).await?
            }
            Some(_) if same => {}
            // Nothing has ever reached this device: the relay did not open its mailbox.
            Some(JoinState::Waiting)
                if !is_settled(device).map_err(|error| context.failure(error))? =>
            {
                answer(context, device, carrier.connector(), &invitation, me).await?
            }
            Some(_) => return Err(failure!(context.text, Exit::NotNow, "error-join-pending")),
        }
    }
    go_on(context, device, carrier, words).await
}

/// From wherever the way into the circle is, as far as it goes now.
async fn go_on(
    context: &Context,
    device: &mut Device,
    carrier: &mut Carrier<'_>,
    words: Option<String>,
) -> Result<Exit, Failure> {
    loop {
        match state(context, device)? {
            JoinState::Waiting => {
                if let Some(exit) = wait_for_words(context, device, carrier).await? {
                    return Ok(exit);
                }
            }
            JoinState::Compare(four) => {
                // It may have been turned down meanwhile. Without a relay the words are the same.
                carrier.reach(device, GLANCE, |_, news| Ok(news.caught_up)).await?;
                if state(context, device)? == JoinState::Void {
                    continue;
                }
                let typed = match &words {
                    Some(words) => Some(words.clone()),
                    None => compare(context, device, carrier, four).await?,
                };
                let Some(typed) = typed else { return Ok(Exit::NeedsConfirmation) };
                device.confirm_words(&typed, now_s()).map_err(|error| context.failure(error))?;
            }
            JoinState::Confirmed(_) => {
                context.remark(&t!(context.text, "join-words-same"));
                let left = |device: &mut Device, _: &News| {
                    Ok(!matches!(device.join_state()?, JoinState::Confirmed(_)))
                };
                if !carrier.reach(device, ENTERING, left).await? {
                    return pending(context, "confirmed");
                }
            }
            JoinState::In => return entered(context, device, carrier).await,
            JoinState::Void => {
                answerable(context, device)?;
                if context.json {
                    context.line(&json_line(&json!({"state": "void"})))?;
                }
                context.remark(&t!(context.text, "join-rejected"));
                return Ok(Exit::Suspicious);
            }
        }
    }
}

fn state(context: &Context, device: &mut Device) -> Result<JoinState, Failure> {
    device.join_state().map_err(|error| context.failure(error))
}

fn pending(context: &Context, state: &str) -> Result<Exit, Failure> {
    if context.json {
        context.line(&json_line(&json!({ "state": state })))?;
    }
    context.remark(&t!(context.text, "join-pending"));
    Ok(Exit::NeedsConfirmation)
}

/// Sends the answer, then waits until the coordinator has looked at it. An exit: nobody has.
async fn wait_for_words(
    context: &Context,
    device: &mut Device,
    carrier: &mut Carrier<'_>,
) -> Result<Option<Exit>, Failure> {
    let looked = |device: &mut Device| Ok(device.join_state()? != JoinState::Waiting);
    let sent = |device: &mut Device, news: &News| {
        Ok(looked(device)? || is_quiet(device, news)? && device.unfinished()?.1 == 0)
    };
    if !carrier.reach(device, STEP, sent).await? {
        return Err(unreached(context, device, carrier, true)?);
    }
    answerable(context, device)?;
    if looked(device).map_err(|error| context.failure(error))? {
        return Ok(None);
    }
    context.remark(&t!(context.text, "join-sent"));
    context.remark(&t!(context.text, "join-waiting"));
    let seen = carrier.reach(device, PATIENCE, |device, _| looked(device)).await?;
    if seen { Ok(None) } else { pending(context, "waiting").map(Some) }
}

/// Whether an answer can come by the one token that the coordinator has for it.
fn answerable(context: &Context, device: &mut Device) -> Result<(), Failure> {
    let trouble = token_trouble(device, |_| true).map_err(|error| context.failure(error))?;
    trouble.map_or(Ok(()), |(relay, error)| Err(context.kept_failure(&relay, &error)))
}

/// Shows the words; those that the coordinator says, if there is somebody to ask.
async fn compare(
    context: &Context,
    device: &mut Device,
    carrier: &mut Carrier<'_>,
    four: [&'static str; 4],
) -> Result<Option<String>, Failure> {
    let text = &context.text;
    if context.json {
        context.line(&json_line(&json!({"state": "compare", "words": four})))?;
    } else {
        context.line(&t!(text, "join-words", words = four.join(" ")))?;
    }
    context.remark(&t!(text, "join-words-compare"));
    if !context.can_ask() {
        return Ok(None);
    }
    let typed = context.ask(&t!(text, "join-words-type"));
    // What came while the person was asked.
    let nothing_at_hand = |_: &mut Device, _: &News| Ok(false);
    carrier.reach(device, Duration::from_millis(200), nothing_at_hand).await?;
    if typed.is_none() {
        context.remark(&t!(text, "join-pending"));
    }
    Ok(typed)
}

/// In the circle: says so once those who have to know can.
async fn entered(
    context: &Context,
    device: &mut Device,
    carrier: &mut Carrier<'_>,
) -> Result<Exit, Failure> {
    let failed = |error| context.failure(error);
    let circle = device.circle().map_err(failed)?;
    let members = device.members().map_err(failed)?;
    let me = members.iter().find(|member| member.me);
    let Some(me) = me else { return Err(context.failure(DeviceError::UnknownMember)) };
    if context.json {
        let roles = role_names(me.roles);
        let value = json!({"state": "in", "circle": circle.name, "me": me.name, "roles": roles});
        context.line(&json_line(&value))?;
    } else {
        let (text, circle, name) = (&context.text, clean(&circle.name), clean(&me.name));
        let roles = text.roles(me.roles);
        context.line(&t!(text, "join-done", circle = circle, name = name, roles = roles))?;
        context.remark(&t!(text, "join-next"));
    }
    // What has nothing to be sealed to yet goes to somebody who is not in herself: nothing to wait for.
    let quiet = carrier.reach(device, ENTERING, is_quiet).await?;
    if quiet { Ok(Exit::Done) } else { Err(unreached(context, device, carrier, true)?) }
}

/// Fetches the offer and answers it.
async fn answer(
    context: &Context,
    device: &mut Device,
    connector: &Connector,
    invitation: &Invitation,
    me: Option<String>,
) -> Result<(), Failure> {
    let text = &context.text;
    let asked = || context.can_ask().then(|| context.ask(&t!(text, "join-name-prompt")))?;
    let Some(me) = me.or_else(asked) else {
        return Err(failure!(text, Exit::Usage, "error-name-missing"));
    };
    check_name(context, &me)?;
    let relay = invitation.relay();
    let failed = |error: NetError| match error {
        NetError::Refused(Refusal::UnknownMailbox) => {
            failure!(text, Exit::NotFound, "error-invitation-gone")
        }
        error => context.net_failure(relay, &error),
    };
    let connection = connector.connect(relay, Purpose::Read).await.map_err(failed)?;
    let (mut subscription, acks, offers) = offers(&connection, invitation).await.map_err(failed)?;
    if offers.is_empty() {
        return Err(failure!(text, Exit::NotFound, "error-invitation-gone"));
    }
    device
        .join(invitation, &offers, &me, now_s())
        .map_err(|error| in_circle(context, device, error))?;
    // Only now: until the answer is in the vault, the offer stays where it can be found again.
    // What gets lost here costs nothing: the offer then lies there until it expires.
    for ack in acks {
        subscription.ack(ack).await.unwrap_or_default();
    }
    let _ = connection.request(&Request::Info).await;
    connection.close();
    Ok(())
}

/// All that lies in the invitation's mailbox.
async fn offers(
    connection: &RelayConnection,
    invitation: &Invitation,
) -> Result<(Subscription, Vec<Ack>, Vec<Envelope>), NetError> {
    let mut subscription = connection.subscribe(&[invitation.mailbox()]).await?;
    let (mut acks, mut envelopes) = (Vec::new(), Vec::new());
    while envelopes.len() < OFFERS {
        let event = timeout(STEP, subscription.next()).await.map_err(|_| NetError::Timeout)??;
        match event {
            Event::Envelope { mailbox, sequence, envelope, .. } => {
                acks.push(Ack { mailbox, sequence });
                envelopes.push(envelope);
            }
            Event::CaughtUp { .. } => break,
            Event::Ended { .. } => return Err(NetError::Closed),
        }
    }
    Ok((subscription, acks, envelopes))
}

/// The link of the command line, if any.
fn given_link(context: &Context, args: &Join) -> Result<Option<Invitation>, Failure> {
    if let Some(link) = &args.link {
        return parse(context, link.reveal()).map(Some);
    }
    let Some(path) = &args.link_file else { return Ok(None) };
    let read = || -> std::io::Result<Zeroizing<String>> {
        let mut text = Zeroizing::new(String::new());
        if path.as_os_str() == "-" {
            std::io::stdin().lock().take(LINK_FILE).read_to_string(&mut text)?;
        } else {
            std::fs::File::open(path)?.take(LINK_FILE).read_to_string(&mut text)?;
        }
        Ok(text)
    };
    let text = read().map_err(|error| {
        let (path, detail) = (path.display().to_string(), reason(&error, &context.text));
        failure!(context.text, Exit::NotFound, "error-link-file", path = path, detail = detail)
    })?;
    parse(context, &text).map(Some)
}

fn asked_link(context: &Context) -> Option<Zeroizing<String>> {
    let asked = || context.ask(&t!(context.text, "join-link-prompt")).map(Zeroizing::new);
    context.can_ask().then(asked)?
}

fn parse(context: &Context, text: &str) -> Result<Invitation, Failure> {
    text.trim().parse().map_err(|error| {
        let detail = link_reason(error, &context.text);
        failure!(context.text, Exit::Usage, "error-link-bad", detail = detail)
    })
}
