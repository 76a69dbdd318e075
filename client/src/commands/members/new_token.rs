//! `velar members new-token`: another send token for a member, in place of the one they have.

use std::time::Duration;

use serde_json::json;

use super::super::Context;
use super::super::carrier::{Carrier, is_quiet};
use super::super::show::json_line;
use super::one;
use crate::cli::MembersNewToken;
use crate::device::{Device, DeviceError, ExchangeView, MemberView};
use crate::failure::{Exit, Failure, failure};
use crate::link::now_s;
use crate::terminal::{Reply, asker, clean, short_id};
use crate::text::t;

/// How long a relay may take to register it.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long the member is waited for; what is left goes on with whatever is done next.
const TELL: Duration = Duration::from_secs(5);

pub(super) async fn run(context: &Context, args: MembersNewToken) -> Result<Exit, Failure> {
    let failed = |error: DeviceError| context.failure(error);
    let mut device = context.device()?;
    if device.is_removed().map_err(failed)? {
        return Err(failed(DeviceError::Removed));
    }
    let members = device.members().map_err(failed)?;
    let member = one(context, &mut device, &members, &args.member)?;
    if args.now {
        context.remark(&t!(context.text, "new-token-means", name = clean(&member.name)));
        if !args.yes {
            confirm(context, &member)?;
        }
    }
    device.exchange_token(member.member, args.now, now_s()).map_err(failed)?;
    let mut carrier = Carrier::new(context)?;
    let registered = |device: &mut Device| -> Result<bool, DeviceError> {
        Ok(device.exchange(member.member)?.is_none_or(|exchange| exchange.registered))
    };
    carrier.reach(&mut device, PATIENCE, |device, _| registered(device)).await?;
    let over = |exchange: &ExchangeView| exchange.received && exchange.earlier_until_s.is_none();
    if registered(&mut device).map_err(failed)? {
        let told = |device: &mut Device| -> Result<bool, DeviceError> {
            Ok(device.exchange(member.member)?.is_none_or(|exchange| over(&exchange)))
        };
        carrier
            .reach(&mut device, TELL, |device, news| Ok(told(device)? && is_quiet(device, news)?))
            .await?;
    }
    let exchange = device.exchange(member.member).map_err(failed)?.unwrap_or(ExchangeView {
        registered: true,
        received: true,
        earlier_until_s: None,
    });
    tell(context, &member, &exchange)?;
    if !exchange.registered {
        carrier.news.remark_trouble(context);
    }
    carrier.finish(&mut device).await.map_err(failed)?;
    context.warn_of_damage(&device);
    Ok(if exchange.registered { Exit::Done } else { Exit::Kept })
}

/// What is known by now, and what goes on by itself.
fn tell(context: &Context, member: &MemberView, exchange: &ExchangeView) -> Result<(), Failure> {
    let (text, name) = (&context.text, clean(&member.name));
    let (name, id) = (name.as_str(), short_id(&member.member.0));
    if context.json {
        return context.line(&json_line(&json!({
            "member": id, "name": member.name, "registered": exchange.registered,
            "received": exchange.received, "earlier_until_s": exchange.earlier_until_s,
        })));
    }
    if !exchange.registered {
        return context.line(&t!(text, "new-token-kept", name = name));
    }
    context.line(&if exchange.received {
        t!(text, "new-token-received", name = name)
    } else {
        t!(text, "new-token-told", name = name)
    })?;
    match exchange.earlier_until_s {
        Some(until_s) => {
            let time = context.clock.moment(until_s, now_s());
            context.line(&t!(text, "new-token-earlier", name = name, time = time))?;
            context.remark(&t!(text, "many-unopened-end", id = id));
        }
        None => context.line(&t!(text, "new-token-ended", name = name))?,
    }
    Ok(())
}

fn confirm(context: &Context, member: &MemberView) -> Result<(), Failure> {
    let text = &context.text;
    if !context.can_ask() {
        let (exit, name) = (Exit::NeedsConfirmation, clean(&member.name));
        return Err(failure!(text, exit, "error-new-token-unconfirmed", name = name));
    }
    let question = t!(text, "new-token-ask");
    match context.stop.while_asking(|| asker()?.yes_or_no(&question, text)) {
        Ok(Reply::Yes) => Ok(()),
        _ => Err(failure!(text, Exit::NeedsConfirmation, "error-declined")),
    }
}
