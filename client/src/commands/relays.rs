//! `velar relays`: through which relays this device is reached. What is for it goes to each of them; a relay that is
//! seized, blocked or down then costs nothing.

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;
use velar_protocol::wire::{AccessToken, RelayAddress};

use super::carrier::{Carrier, News, is_quiet};
use super::circle::{PATIENCE, access_token, ask_relay};
use super::{Context, show};
use crate::cli::{RelayAdd, RelayLeave, Relays};
use crate::device::{Device, DeviceError, HomeView};
use crate::failure::{Exit, Failure, is_final};
use crate::link::now_s;
use crate::text::t;

/// How long the others are told before the command ends; what is left goes out with the next one.
const TELL: Duration = Duration::from_secs(5);

/// How long relays may take to answer.
const GLANCE: Duration = Duration::from_secs(4);

pub(super) async fn run(context: &Context, args: Relays) -> Result<Exit, Failure> {
    match args {
        Relays::List => list(context).await,
        Relays::Add(args) => add(context, args).await,
        Relays::Leave(args) => leave(context, args).await,
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
    let mut relays = Vec::new();
    for home in &homes {
        let answers = carrier.news.reads(&home.relay);
        relays.push(json!({
            "address": home.relay.to_string(), "registered": home.registered,
            "answers": answers, "left_s": home.left_s,
            "clock_set_by_s": carrier.news.relay_clocks.set_by(&home.relay),
        }));
        if !context.json {
            context.line(&line(context, home, answers))?;
        }
    }
    if context.json {
        context.line(&show::json_line(&json!({"relays": relays})))?;
    } else {
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
