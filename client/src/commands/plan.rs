//! `velar plan`: the agreed check-ins. Whatever changes them is told by a check-in, so that all who watch hold the
//! new deadline.

use std::io::Read;
use std::path::Path;

use jiff::tz::TimeZone;
use serde_json::{Value, json};
use velar_protocol::circle::Agreement;

use super::checkin::{self, Besides, Said};
use super::{Context, say, show};
use crate::cli::{Plan as Args, PlanCommand, PlanSaid, PlanSet, PlanSilence, When};
use crate::device::{CheckInSaid, Device, DeviceError};
use crate::failure::{Exit, Failure, failure, reason};
use crate::link::now_s;
use crate::plan::{MARGIN_MIN, MAX_ITINERARY_LEN, Plan, PlanError, Rhythm};
use crate::terminal::{clean_block, span};
use crate::text::t;

pub(super) async fn run(context: &Context, args: Args) -> Result<Exit, Failure> {
    match args.what {
        None | Some(PlanCommand::Show) => show(context),
        Some(PlanCommand::Set(args)) => set(context, args).await,
        Some(PlanCommand::Silence(args)) => silence(context, args).await,
        Some(PlanCommand::End(said)) => {
            let device = context.device()?;
            let text = &context.text;
            let lines = (t!(text, "plan-ended"), t!(text, "plan-ended-kept"));
            tell(context, device, None, lines, said).await
        }
    }
}

fn show(context: &Context) -> Result<Exit, Failure> {
    let text = &context.text;
    let failed = |error: DeviceError| context.failure(error);
    let mut device = context.device()?;
    device.circle().map_err(failed)?;
    context.warn_if_removed(&mut device)?;
    let plan = device.plan().map_err(failed)?;
    let due_s = device.own_deadline().map_err(failed)?.map(|due| due.due_s);
    let now = now_s();
    if context.json {
        let data = json!({"plan": plan.as_ref().map(as_json), "next_s": due_s});
        context.line(&show::json_line(&data))?;
        return Ok(Exit::Done);
    }
    let Some(plan) = plan else {
        context.line(&t!(text, "plan-none"))?;
        context.line(&t!(text, "plan-how"))?;
        return Ok(Exit::Done);
    };
    context.line(&t!(text, "plan-is", plan = line(context, &plan, now)))?;
    if plan.is_silent(now) {
        context.line(&t!(text, "plan-silence-how"))?;
    }
    if let Some(due_s) = due_s {
        let time = context.clock.moment(due_s, now);
        context.line(&t!(text, "status-next-checkin", time = time))?;
    }
    let flags = [
        (plan.low_battery, t!(text, "flag-low-battery")),
        (plan.no_signal, t!(text, "flag-no-signal")),
    ];
    let flags: Vec<String> =
        flags.into_iter().filter_map(|(on, flag)| on.then_some(flag)).collect();
    if !flags.is_empty() {
        context.line(&t!(text, "plan-flags", flags = text.list(flags)))?;
    }
    if !plan.itinerary.is_empty() {
        context.line(&t!(text, "plan-itinerary"))?;
        context.line(&clean_block(&plan.itinerary, "  "))?;
    }
    Ok(Exit::Done)
}

async fn set(context: &Context, args: PlanSet) -> Result<Exit, Failure> {
    let failed = |error: DeviceError| context.failure(error);
    let itinerary = itinerary(context, args.itinerary, args.itinerary_file.as_deref())?;
    let mut device = context.device()?;
    let agreement = device.circle().map_err(failed)?.agreement;
    let now = now_s();
    let known = device.plan().map_err(failed)?;
    let mut plan = known.unwrap_or_else(|| first(context, &agreement, agreement.on_the_road_min));
    if plan.is_over(now) {
        (plan.ends_s, plan.itinerary) = (None, String::new());
    }
    plan.silent_until_s = plan.silent_until_s.filter(|until_s| *until_s > now);
    if let Some(zone) = args.zone {
        plan.zone = zone_named(context, &zone)?;
    }
    if let Some(minutes) = args.every {
        plan.rhythm = Rhythm::Every { minutes };
    }
    if !args.at.is_empty() {
        let mut minutes_of_day = args.at;
        minutes_of_day.sort_unstable();
        minutes_of_day.dedup();
        plan.rhythm = Rhythm::At { minutes_of_day };
    }
    if plan.zone.is_empty() && matches!(plan.rhythm, Rhythm::At { .. }) {
        return Err(failure!(context.text, Exit::Usage, "error-plan-zone-unknown"));
    }
    if let Some(until) = args.until {
        plan.ends_s = Some(moment(context, until, now, &plan)?);
    }
    plan.grace_min = args.grace.unwrap_or(plan.grace_min);
    plan.margin_min = args.margin.unwrap_or(plan.margin_min);
    plan.itinerary = itinerary.unwrap_or(plan.itinerary);
    // How things are now, not how they were.
    (plan.low_battery, plan.no_signal) = (args.low_battery, args.no_signal);
    let agreed = line(context, &plan, now);
    let kept = t!(context.text, "plan-set-kept", plan = agreed.as_str());
    let first_line = t!(context.text, "plan-set", plan = agreed);
    check(context, &plan, now)?;
    tell(context, device, Some(plan), (first_line, kept), args.said).await
}

async fn silence(context: &Context, args: PlanSilence) -> Result<Exit, Failure> {
    let text = &context.text;
    let failed = |error: DeviceError| context.failure(error);
    let mut device = context.device()?;
    let agreement = device.circle().map_err(failed)?.agreement;
    let now = now_s();
    let known = device.plan().map_err(failed)?;
    let line = if let Some(until) = args.until {
        let mut plan = known.unwrap_or_else(|| first(context, &agreement, agreement.in_base_min));
        let until_s = moment(context, until, now, &plan)?;
        plan.silent_until_s = Some(until_s);
        // Who said that a trip was over, and goes silent, is on another.
        plan.ends_s = plan.ends_s.filter(|ends_s| *ends_s > now);
        check(context, &plan, now)?;
        let time = context.clock.moment(until_s, now);
        let kept = t!(text, "plan-silent-kept", time = time.as_str());
        (Some(plan), (t!(text, "plan-silent", time = time), kept))
    } else {
        let plan = known.filter(|plan| plan.is_silent(now));
        let mut plan = plan.ok_or_else(|| failure!(text, Exit::NotNow, "error-plan-not-silent"))?;
        plan.silent_until_s = None;
        (Some(plan), (t!(text, "plan-silence-over"), t!(text, "plan-silence-over-kept")))
    };
    let (plan, lines) = line;
    tell(context, device, plan, lines, args.said).await
}

/// Keeps the plan, or none, and checks in. `lines`: what is said of it once somebody can know, and until then.
async fn tell(
    context: &Context,
    mut device: Device,
    plan: Option<Plan>,
    (line, kept): (String, String),
    args: PlanSaid,
) -> Result<Exit, Failure> {
    let note = args.note.unwrap_or_default();
    say::fits(context, &note)?;
    let at_s = now_s();
    let said = CheckInSaid { note, ..CheckInSaid::default() };
    let (message, check_in) =
        device.agree_to_plan(plan, said, at_s).map_err(|error| context.failure(error))?;
    let plan = device.plan().map_err(|error| context.failure(error))?;
    let besides = Besides { line, kept, plan: json!(plan.as_ref().map(as_json)) };
    let said = Said { message, check_in, at_s };
    checkin::say(context, device, &said, args.wait.unwrap_or(checkin::WAIT), Some(besides)).await
}

/// What holds before anything is agreed.
fn first(context: &Context, agreement: &Agreement, minutes: u32) -> Plan {
    Plan {
        number: 0,
        rhythm: Rhythm::Every { minutes },
        zone: context.clock.zone().iana_name().unwrap_or_default().to_owned(),
        grace_min: agreement.grace_min,
        margin_min: MARGIN_MIN,
        ends_s: None,
        silent_until_s: None,
        itinerary: String::new(),
        low_battery: false,
        no_signal: false,
    }
}

/// A moment as it was typed, by the clocks of the plan's zone; where none is known, by this device's.
fn moment(context: &Context, when: When, now: u64, plan: &Plan) -> Result<u64, Failure> {
    let zone = if plan.zone.is_empty() { context.clock.zone().clone() } else { plan.time_zone() };
    when.resolve(now, &zone).ok_or_else(|| failure!(context.text, Exit::Usage, "error-plan-past"))
}

/// A zone's name as it is written.
fn zone_named(context: &Context, name: &str) -> Result<String, Failure> {
    let zone = TimeZone::get(name).ok();
    let known = zone.as_ref().and_then(TimeZone::iana_name).map(str::to_owned);
    known.ok_or_else(|| failure!(context.text, Exit::Usage, "error-plan-zone", zone = name))
}

/// The itinerary that was given, if one was.
fn itinerary(
    context: &Context,
    given: Option<String>,
    file: Option<&Path>,
) -> Result<Option<String>, Failure> {
    let Some(path) = file else { return Ok(given) };
    let read = || -> std::io::Result<String> {
        // More than fits is enough to refuse it.
        let most = MAX_ITINERARY_LEN as u64 + 2;
        let mut text = String::new();
        if path.as_os_str() == "-" {
            std::io::stdin().lock().take(most).read_to_string(&mut text)?;
        } else {
            std::fs::File::open(path)?.take(most).read_to_string(&mut text)?;
        }
        Ok(text)
    };
    let text = read().map_err(|error| {
        let (path, detail) = (path.display().to_string(), reason(&error, &context.text));
        failure!(context.text, Exit::NotFound, "error-plan-file", path = path, detail = detail)
    })?;
    Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
}

fn check(context: &Context, plan: &Plan, now: u64) -> Result<(), Failure> {
    let text = &context.text;
    plan.check(now).map_err(|error| match error {
        PlanError::Past => failure!(text, Exit::Usage, "error-plan-past"),
        PlanError::TooFar => failure!(text, Exit::Usage, "error-plan-far"),
        PlanError::Itinerary => {
            let limit = MAX_ITINERARY_LEN;
            failure!(text, Exit::Usage, "error-plan-itinerary", limit = limit)
        }
    })
}

/// A plan in one line.
pub(super) fn line(context: &Context, plan: &Plan, now: u64) -> String {
    let text = &context.text;
    let minutes = |minutes: u32| match minutes {
        0 => "0 min".to_owned(),
        minutes => span(std::time::Duration::from_secs(u64::from(minutes) * 60)),
    };
    let rhythm = match &plan.rhythm {
        Rhythm::Every { minutes: every } => t!(text, "plan-every", time = minutes(*every)),
        Rhythm::At { minutes_of_day } => {
            let times = text.list(minutes_of_day.iter().map(|minute| at_text(*minute)));
            t!(text, "plan-at", times = times, zone = plan.zone.as_str())
        }
    };
    let mut parts = vec![rhythm, t!(text, "plan-grace", time = minutes(plan.grace_min))];
    if plan.is_over(now) {
        parts.push(t!(text, "plan-over"));
    } else if let Some(ends_s) = plan.ends_s {
        parts.push(t!(text, "plan-until", time = context.clock.moment(ends_s, now)));
    }
    if let Some(until_s) = plan.silent_until_s.filter(|_| plan.is_silent(now)) {
        parts.push(t!(text, "plan-silent-until", time = context.clock.moment(until_s, now)));
    }
    if !plan.itinerary.is_empty() {
        parts.push(t!(text, "plan-with-itinerary"));
    }
    text.list(parts)
}

fn at_text(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// For programs: stable fields, documented in `JSON.md`.
pub(super) fn as_json(plan: &Plan) -> Value {
    let (every_min, at) = match &plan.rhythm {
        Rhythm::Every { minutes } => (Some(minutes), Vec::new()),
        Rhythm::At { minutes_of_day } => {
            (None, minutes_of_day.iter().map(|minute| at_text(*minute)).collect())
        }
    };
    json!({
        "number": plan.number, "every_min": every_min, "at": at, "zone": plan.zone,
        "grace_min": plan.grace_min, "margin_min": plan.margin_min, "ends_s": plan.ends_s,
        "silent_until_s": plan.silent_until_s, "itinerary": plan.itinerary,
        "low_battery": plan.low_battery, "no_signal": plan.no_signal,
    })
}
