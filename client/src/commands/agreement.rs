//! `velar circle agree`: what the circle has agreed about check-ins and unanswered alerts.

use std::time::Duration;

use serde_json::{Value, json};
use velar_protocol::circle::Agreement;
use velar_protocol::circle::limits::{MAX_INTERVAL_MIN, MAX_RESPONSE_MIN};

use super::carrier::{Carrier, is_quiet};
use super::{Context, show};
use crate::cli::CircleAgree;
use crate::failure::{Exit, Failure, failure};
use crate::link::now_s;
use crate::terminal::span;
use crate::text::{Text, t};

/// How long the change is carried before it is left for later.
const PATIENCE: Duration = Duration::from_secs(4);

pub(super) async fn agree(context: &Context, args: CircleAgree) -> Result<Exit, Failure> {
    let failed = |error| context.failure(error);
    let mut device = context.device()?;
    let before = device.circle().map_err(failed)?.agreement;
    let after = changed(context, before, &args)?;
    if after == before {
        show(context, &before)?;
        return Ok(Exit::Done);
    }
    device.agree(after, now_s()).map_err(failed)?;
    let mut carrier = Carrier::new(context)?;
    let sent = carrier.reach(&mut device, PATIENCE, is_quiet).await?;
    if !context.json {
        context.line(&t!(context.text, "agree-done"))?;
    }
    show(context, &after)?;
    if !sent {
        context.remark(&t!(context.text, "sent-kept"));
    }
    carrier.finish(&mut device).await.map_err(failed)?;
    Ok(if sent { Exit::Done } else { Exit::Kept })
}

fn show(context: &Context, agreement: &Agreement) -> Result<(), Failure> {
    if context.json {
        return context.line(&show::json_line(&json!({"agreement": agreement_json(agreement)})));
    }
    lines(&context.text, agreement).iter().try_for_each(|line| context.line(line))
}

/// As in `velar circle show --json`.
pub(super) fn agreement_json(agreement: &Agreement) -> Value {
    json!({
        "on_the_road_min": agreement.on_the_road_min, "in_base_min": agreement.in_base_min,
        "at_home_min": agreement.at_home_min, "grace_min": agreement.grace_min,
        "tier_two_min": agreement.tier_two_min, "tier_three_min": agreement.tier_three_min,
        "repeat_min": agreement.repeat_min, "claim_quiet_min": agreement.claim_quiet_min,
    })
}

/// For people.
pub(super) fn lines(text: &Text, agreement: &Agreement) -> Vec<String> {
    let time = |minutes: u32| span(Duration::from_secs(u64::from(minutes) * 60));
    let (road, base, home) =
        (time(agreement.on_the_road_min), time(agreement.in_base_min), time(agreement.at_home_min));
    let (two, three) = (time(agreement.tier_two_min), time(agreement.tier_three_min));
    vec![
        t!(text, "agreement-intervals", road = road, base = base, home = home),
        t!(text, "agreement-grace", time = time(agreement.grace_min)),
        t!(text, "agreement-tiers", two = two, three = three),
        t!(text, "agreement-repeat", time = time(agreement.repeat_min)),
        t!(text, "agreement-quiet", time = time(agreement.claim_quiet_min)),
    ]
}

/// The agreement with what was given.
fn changed(
    context: &Context,
    agreement: Agreement,
    args: &CircleAgree,
) -> Result<Agreement, Failure> {
    let minutes = |given: Option<Duration>, option: &str, least: u32, most: u32, known: u32| {
        let Some(given) = given else { return Ok(known) };
        let minutes = u32::try_from(given.as_secs() / 60).ok();
        minutes.filter(|minutes| (least..=most).contains(minutes)).ok_or_else(|| {
            let (given, option) = (span(given), option.to_owned());
            failure!(context.text, Exit::Usage, "error-usage-value", given = given, option = option)
        })
    };
    let interval = |given, option, known| minutes(given, option, 1, MAX_INTERVAL_MIN, known);
    let response =
        |given, option, least, known| minutes(given, option, least, MAX_RESPONSE_MIN, known);
    Ok(Agreement {
        on_the_road_min: interval(args.road, "--road", agreement.on_the_road_min)?,
        in_base_min: interval(args.base, "--base", agreement.in_base_min)?,
        at_home_min: interval(args.home, "--home", agreement.at_home_min)?,
        grace_min: response(args.grace, "--grace", 0, agreement.grace_min)?,
        tier_two_min: response(args.tier_two, "--tier-two", 0, agreement.tier_two_min)?,
        tier_three_min: response(args.tier_three, "--tier-three", 0, agreement.tier_three_min)?,
        repeat_min: response(args.repeat, "--repeat", 1, agreement.repeat_min)?,
        claim_quiet_min: response(args.claim_quiet, "--claim-quiet", 1, agreement.claim_quiet_min)?,
    })
}
