//! `velar relays`: through which relays this device is reached. What is for it goes to each of them; a relay that is
//! seized, blocked or down then costs nothing.

mod access;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;
use velar_protocol::seal::MemberId;
use velar_protocol::wire::{AccessToken, RelayAddress, TokenOutcome};

use super::carrier::{Carrier, News, is_quiet};
use super::circle::{PATIENCE, access_token, ask_relay};
use super::show::Who;
use super::{Context, show, tokens};
use crate::cli::{RelayAdd, RelayAnswer, RelayLeave, Relays, RelaysCommand};
use crate::device::{Device, DeviceError, HomeView, NamedRelay};
use crate::failure::{Exit, Failure, failure, is_final};
use crate::kit::{self, Renew};
use crate::link::now_s;
use crate::relays::Standing;
use crate::terminal::clean;
use crate::text::t;

/// How long the others are told before the command ends; what is left goes out with the next one.
const TELL: Duration = Duration::from_secs(5);

/// How long relays may take to answer.
const GLANCE: Duration = Duration::from_secs(4);

pub(super) async fn run(context: &Context, args: Relays) -> Result<Exit, Failure> {
    match args.command {
        None | Some(RelaysCommand::List) => list(context).await,
        Some(RelaysCommand::Add(args)) => add(context, args).await,
        Some(RelaysCommand::Token(args)) => access::token(context, args).await,
        Some(RelaysCommand::Once(args)) => access::once(context, &args),
        Some(RelaysCommand::Leave(args)) => leave(context, args).await,
        Some(RelaysCommand::Allow(args)) => answer(context, &args, true).await,
        Some(RelaysCommand::Refuse(args)) => answer(context, &args, false).await,
    }
}

/// Those in use and those that were left, and whether each answers.
async fn list(context: &Context) -> Result<Exit, Failure> {
    let failed = |error: DeviceError| context.failure(error);
    let mut device = context.device()?;
    device.circle().map_err(failed)?;
    let homes = device.homes().map_err(failed)?;
    let mut carrier = Carrier::new(context)?;
    let all = |_: &mut Device, news: &News| Ok(homes.iter().all(|home| news.reads(&home.relay)));
    carrier.until(&mut device, GLANCE, all).await.map_err(failed)?;
    // With what they have just said of tokens.
    let homes = device.homes().map_err(failed)?;
    let who = Who::of(context, &mut device).map_err(failed)?;
    let mut relays = Vec::new();
    for home in &homes {
        let answers = carrier.news.reads(&home.relay);
        relays.push(json!({
            "address": home.relay.to_string(), "registered": home.registered,
            "answers": answers, "left_s": home.left_s, "unopenable": home.is_unopenable,
            "clock_set_by_s": carrier.news.relay_clocks.set_by(&home.relay),
            "no_room_for": tokens::names(context, &who, home, TokenOutcome::Full),
            "taken": tokens::names(context, &who, home, TokenOutcome::Taken),
        }));
        if !context.json {
            context.line(&line(context, home, answers))?;
            for line in tokens::unregistered(context, &who, home) {
                context.line(&line)?;
            }
        }
    }
    let named = device.named_relays().map_err(failed)?;
    if context.json {
        let data = json!({"relays": relays, "named": json_named(&named)});
        context.line(&show::json_line(&data))?;
    } else {
        for one in &named {
            context.line(&named_line(context, one))?;
        }
        if named.iter().any(|one| one.standing == Standing::Asks) {
            context.remark(&t!(context.text, "relays-why"));
        }
        for line in carrier.news.relay_clocks.lines(&context.text) {
            context.line(&line)?;
        }
        carrier.news.remark_trouble(context);
        if homes.iter().filter(|home| home.left_s.is_none()).count() == 1 {
            context.remark(&t!(context.text, "relays-one"));
        }
    }
    carrier.finish(&mut device).await.map_err(failed)?;
    context.warn_of_damage(&device);
    Ok(Exit::Done)
}

fn line(context: &Context, home: &HomeView, answers: bool) -> String {
    let text = &context.text;
    let relay = home.relay.to_string();
    match home.left_s {
        Some(at_s) => {
            let time = context.clock.moment(at_s, now_s());
            t!(text, "relays-left", relay = relay, time = time)
        }
        None if answers => t!(text, "relays-answers", relay = relay),
        None => t!(text, "relays-silent", relay = relay),
    }
}

fn named_line(context: &Context, one: &NamedRelay) -> String {
    let text = &context.text;
    let (relay, names) = (one.called.clone(), names(context, &one.by));
    match one.standing {
        Standing::Known => t!(text, "relays-named-known", relay = relay, names = names),
        Standing::Asks => t!(text, "relays-named-asks", relay = relay, names = names),
        Standing::Refused => t!(text, "relays-named-refused", relay = relay, names = names),
    }
}

/// What a person has to know of relays on others' cards: those that wait for an answer, and those that were refused though
/// somebody is reached nowhere else.
pub(super) fn waiting_lines(context: &Context, named: &[NamedRelay]) -> Vec<String> {
    let text = &context.text;
    let line = |one: &NamedRelay| {
        let relay = one.called.clone();
        match (one.standing, one.only.is_empty()) {
            (Standing::Asks, true) => {
                let names = names(context, &one.by);
                Some(t!(text, "status-relay-asks", relay = relay, names = names))
            }
            (Standing::Asks, false) => {
                let names = names(context, &one.only);
                Some(t!(text, "status-relay-asks-only", relay = relay, names = names))
            }
            (Standing::Refused, false) => {
                let names = names(context, &one.only);
                Some(t!(text, "status-relay-refused-only", relay = relay, names = names))
            }
            (Standing::Known, _) | (Standing::Refused, true) => None,
        }
    };
    named.iter().filter_map(line).collect()
}

/// That the alarm goes to relays that were not allowed yet, for want of others.
pub(super) fn alarm_line(context: &Context, one: &NamedRelay) -> Option<String> {
    let asks = one.standing == Standing::Asks && !one.only.is_empty();
    let (relay, names) = (one.called.clone(), names(context, &one.only));
    asks.then(|| t!(context.text, "panic-relay-asks", relay = relay, names = names))
}

/// `[{"relay", "state", "members": [{"member", "name"}], "only_for": [{"member", "name"}]}]`.
pub(super) fn json_named(named: &[NamedRelay]) -> Value {
    let person =
        |(member, name): &(MemberId, String)| json!({"member": show::hex(&member.0), "name": name});
    let one = |one: &NamedRelay| {
        let state = match one.standing {
            Standing::Known => "known",
            Standing::Asks => "asks",
            Standing::Refused => "refused",
        };
        let people = |all: &[(MemberId, String)]| all.iter().map(person).collect::<Vec<_>>();
        json!({
            "relay": one.called.clone(), "state": state, "members": people(&one.by),
            "only_for": people(&one.only),
        })
    };
    named.iter().map(one).collect()
}

fn names(context: &Context, people: &[(MemberId, String)]) -> String {
    context.text.list(people.iter().map(|(_, name)| clean(name)))
}

/// The person has decided about a relay on somebody's card.
async fn answer(context: &Context, args: &RelayAnswer, allow: bool) -> Result<Exit, Failure> {
    let text = &context.text;
    let mut device = context.device()?;
    let place = args.relay.as_str();
    let one = device.answer_about_relay(place, allow, now_s()).map_err(|error| match error {
        DeviceError::RelayKnown => failure!(text, Exit::NotNow, "error-relay-own", relay = place),
        DeviceError::UnknownRelay => {
            failure!(text, Exit::NotFound, "error-relay-nobodys", relay = place)
        }
        error => context.failure(error),
    })?;
    // What lies beside the vault goes there no more, or does.
    kit::keep(&mut device, Renew::Lacking, now_s()).map_err(|error| context.failure(error))?;
    let relay = one.called.clone();
    if context.json {
        let mut all = json_named(std::slice::from_ref(&one));
        let data = all.get_mut(0).map(Value::take).unwrap_or_default();
        context.line(&show::json_line(&data))?;
    } else if allow {
        let names = names(context, &one.by);
        context.line(&t!(text, "relays-allowed", relay = relay, names = names))?;
    } else {
        context.line(&t!(text, "relays-refused", relay = relay))?;
        if !one.only.is_empty() {
            let names = names(context, &one.only);
            context.line(&t!(text, "relays-refused-only", names = names))?;
        }
    }
    let mut carrier = Carrier::new(context)?;
    if allow {
        carrier.reach(&mut device, TELL, is_quiet).await?;
    }
    carrier.finish(&mut device).await.map_err(|error| context.failure(error))?;
    context.warn_of_damage(&device);
    Ok(Exit::Done)
}

async fn add(context: &Context, args: RelayAdd) -> Result<Exit, Failure> {
    let access = args.access_token_file.as_deref().map(|path| access_token(context, path));
    let access = access.transpose()?;
    let mut device = context.device()?;
    let mut carrier = Carrier::new(context)?;
    let done = added(context, &mut device, &mut carrier, &args.relay, access).await;
    carrier.close().await;
    done
}

async fn added(
    context: &Context,
    device: &mut Device,
    carrier: &mut Carrier<'_>,
    relay: &RelayAddress,
    access: Option<AccessToken>,
) -> Result<Exit, Failure> {
    // An address that leads elsewhere must not get onto anybody's card.
    let asked = ask_relay(carrier.connector(), relay, access.is_some());
    match timeout(PATIENCE, asked).await {
        Ok(Err(error)) if is_final(&error) => return Err(context.net_failure(relay, &error)),
        _ => {}
    }
    device.add_relay(relay, access, now_s()).map_err(|error| context.failure(error))?;
    let open = |device: &mut Device, _: &News| {
        Ok(device.homes()?.iter().any(|home| home.relay == *relay && home.registered))
    };
    let registered = carrier.reach(device, PATIENCE, open).await?;
    if registered {
        carrier.reach(device, TELL, is_quiet).await?;
    }
    let place = relay.place();
    if context.json {
        let data = json!({"added": relay.to_string(), "registered": registered});
        context.line(&show::json_line(&data))?;
    } else if registered {
        context.line(&t!(context.text, "relays-added", relay = place))?;
    } else {
        context.line(&t!(context.text, "relays-added-kept", relay = place))?;
        carrier.news.remark_trouble(context);
    }
    context.warn_of_damage(device);
    Ok(if registered { Exit::Done } else { Exit::Kept })
}

async fn leave(context: &Context, args: RelayLeave) -> Result<Exit, Failure> {
    let mut device = context.device()?;
    let relay = device.leave_relay(&args.relay, now_s()).map_err(|error| context.failure(error))?;
    let mut carrier = Carrier::new(context)?;
    let told = carrier.reach(&mut device, TELL, is_quiet).await?;
    if context.json {
        let data = json!({"left": relay.to_string(), "told": told});
        context.line(&show::json_line(&data))?;
    } else {
        context.line(&t!(context.text, "relays-leaving", relay = relay.place()))?;
        if !told {
            context.remark(&t!(context.text, "relays-leaving-kept"));
        }
    }
    carrier.close().await;
    context.warn_of_damage(&device);
    Ok(if told { Exit::Done } else { Exit::Kept })
}
