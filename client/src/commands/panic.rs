//! `velar panic`: with the panic kit at once and without a passphrase; otherwise raised in the vault. Then told,
//! with what is true as it becomes true.

mod kit;
mod telling;

use std::time::{Duration, Instant};

use serde_json::json;

pub(super) use self::kit::KitLines;
use self::telling::{Raised, Telling};
use super::Context;
use super::carrier::{Carrier, Ended, News};
use crate::cli::Panic;
use crate::device::{Device, DeviceError};
use crate::failure::{Exit, Failure};
use crate::kit::{Empty, KitFile};
use crate::link::now_s;
use crate::text::t;

/// How long the command goes on listening, once somebody has received the alarm, unless said otherwise.
const WAIT: Duration = Duration::from_secs(60);

/// After this long without a receipt it says that it goes on.
const SAY_SO: Duration = Duration::from_secs(10);

/// How long it goes on while nobody has received the alarm: until the person ends it.
const UNTIL_STOPPED: Duration = Duration::from_secs(365 * 86_400);

/// Bytes of text that go out with an alarm. It then takes one envelope and one prekey for each person: what
/// is said must not keep the alarm from arriving.
const MAX_ALARM_LEN: usize = 2_000;

pub(super) async fn run(context: &Context, args: Panic) -> Result<Exit, Failure> {
    let said = args.text.join(" ");
    if said.is_empty() && args.disarm {
        return kit::disarm(context);
    }
    if said.is_empty() && args.arm {
        return kit::arm(context).await;
    }
    match KitFile::of(&context.vault_dir).take(now_s()) {
        Ok(taken) => kit::run(context, taken, &said, args.wait).await,
        Err(empty) => {
            if let Empty::UsedUp { count } = empty {
                context.remark(&t!(context.text, "panic-kit-used-up", count = count));
            }
            from_vault(context, &said, args.wait).await
        }
    }
}

/// Without a kit.
async fn from_vault(
    context: &Context,
    said: &str,
    wait: Option<Duration>,
) -> Result<Exit, Failure> {
    let raised = raise(context, said);
    context.stop.last_words(None);
    let (mut device, raised) = match raised {
        Ok(raised) => raised,
        Err(failure) => {
            context.remark(&t!(context.text, "panic-failed"));
            return Err(failure);
        }
    };
    let mut telling = Telling::new(context, raised);
    telling.raised();
    follow(context, &mut device, &mut telling, wait).await
}

/// Follows an alarm that is in the vault. If that fails, what is kept is said.
async fn follow(
    context: &Context,
    device: &mut Device,
    telling: &mut Telling<'_>,
    wait: Option<Duration>,
) -> Result<Exit, Failure> {
    let done = carry(context, device, telling, wait).await;
    if done.is_err() && telling.is_nowhere() {
        context.remark(&t!(context.text, "panic-kept"));
    }
    done
}

/// Sends the alarm and tells what becomes of it: for `wait`; without one until somebody has received it, however
/// long that takes, and then for a while until everybody has.
async fn carry(
    context: &Context,
    device: &mut Device,
    telling: &mut Telling<'_>,
    wait: Option<Duration>,
) -> Result<Exit, Failure> {
    let failed = |error: DeviceError| context.failure(error);
    if device.progress(telling.raised.message).map_err(failed)?.is_empty() {
        telling.tell("nobody", json!({}), &t!(context.text, "panic-nobody"));
        return Ok(Exit::NotNow);
    }
    let begun = Instant::now();
    let mut carrier = Carrier::new(context)?;
    if telling.asked {
        carrier.no_question();
    }
    if wait.is_none() {
        let somebody = |telling: &mut Telling<'_>, device: &mut Device, news: &News| {
            Ok(telling.go_on(device, news)? || telling.is_received())
        };
        let met = |device: &mut Device, news: &News| somebody(telling, device, news);
        let mut ended = carrier.until(device, SAY_SO, met).await.map_err(failed)?;
        if ended == Ended::Late {
            telling.add(&t!(context.text, "panic-goes-on"));
            let met = |device: &mut Device, news: &News| somebody(telling, device, news);
            ended = carrier.until(device, UNTIL_STOPPED, met).await.map_err(failed)?;
        }
        tracing::debug!(?ended, "nobody to wait for, or somebody has it");
    }
    let rest = wait.unwrap_or(WAIT).saturating_sub(begun.elapsed());
    let go_on = |device: &mut Device, news: &News| telling.go_on(device, news);
    carrier.until(device, rest, go_on).await.map_err(failed)?;
    telling.go_on(device, &carrier.news).map_err(failed)?;
    let exit = telling.summary(carrier.is_stopped());
    carrier.finish(device).await.map_err(failed)?;
    Ok(exit)
}

/// Puts the alarm into the vault. A text that is too long is cut, never refused.
fn raise(context: &Context, said: &str) -> Result<(Device, Raised), Failure> {
    let mut device = context.device_for_alarm()?;
    let at_s = now_s();
    let open = device.alerts(true, at_s).unwrap_or_default();
    let text = cut(said);
    let (alert, message) = device.panic(text, at_s).map_err(|error| context.failure(error))?;
    let added = open.iter().any(|view| view.alert.id == alert);
    Ok((device, Raised { alert, message, at_s, added, cut: text.len() < said.len() }))
}

/// As much of a text as goes out with an alarm.
fn cut(said: &str) -> &str {
    let end = (0..=MAX_ALARM_LEN.min(said.len())).rev().find(|end| said.is_char_boundary(*end));
    end.and_then(|end| said.get(..end)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use velar_protocol::circle::limits::MAX_ALERT_MARKS;
    use velar_protocol::circle::{
        AlertEvent, AlertId, AlertMark, Body, EventKind, Message, Reason,
    };
    use velar_protocol::seal::MemberId;
    use velar_protocol::seal::assembly::parts_needed;

    use super::*;

    #[test]
    fn an_alarm_takes_one_envelope_however_much_is_said() {
        let (alert, author) = (AlertId([0xff; 16]), MemberId([0xff; 32]));
        let text = "x".repeat(MAX_ALARM_LEN + 1);
        let kind = EventKind::raised(Reason::Panic, author, true, cut(&text).to_owned());
        let at_s = u64::MAX;
        let event = AlertEvent { alert, salt: [0xff; 8], author, at_s, kind };
        let mark = AlertMark { alert, digest: [0xff; 16] };
        let message = Message {
            sent_at_s: at_s,
            kit: u64::MAX,
            marks: vec![mark; MAX_ALERT_MARKS],
            body: Body::Alert(event),
        };
        assert_eq!(parts_needed(message.encode().unwrap().len(), 0), 1);
    }

    #[test]
    fn a_text_that_is_too_long_is_cut_between_letters() {
        let long = format!("{}ñ", "x".repeat(MAX_ALARM_LEN - 1));
        assert_eq!(cut(&long).len(), MAX_ALARM_LEN - 1);
        assert_eq!(cut("¡ay!"), "¡ay!");
        assert_eq!(cut(""), "");
    }
}
