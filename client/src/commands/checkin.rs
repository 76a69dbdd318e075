//! `velar checkin`: sealed and queued at once, then carried until everybody has it or the wait is over.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use velar_protocol::circle::CheckIn;
use velar_protocol::circle::limits::MAX_INTERVAL_MIN;
use velar_protocol::seal::MessageId;

use super::carrier::{Carrier, Ended, is_over, is_sent};
use super::{Context, clocks, holds, presence, show};
use crate::cli::Checkin;
use crate::device::{CheckInSaid, Device, DeviceError, Progress};
use crate::failure::{Exit, Failure, failure};
use crate::link::now_s;
use crate::plan::minutes_until;
use crate::text::t;

/// How long receipts are waited for unless said otherwise.
pub(super) const WAIT: Duration = Duration::from_secs(4);

/// Receipts that have not come this long after all envelopes were at relays come later, if at all: those
/// terminals are off. So short that a check-in takes less than two seconds of a person's time.
const PATIENCE: Duration = Duration::from_millis(1500);

pub(super) async fn run(context: &Context, args: Checkin) -> Result<Exit, Failure> {
    let text = &context.text;
    let mut device = context.device()?;
    let failed = |error: DeviceError| context.failure(error);
    let at_s = now_s();
    let by_agreement =
        args.next.is_none() && device.plan().map_err(failed)?.is_none() && !context.json;
    let (next_min, planned_silence) = match args.next {
        Some(next) => {
            let minutes = minutes(next).ok_or_else(|| {
                let given = crate::terminal::span(next);
                failure!(text, Exit::Usage, "error-usage-value", given = given, option = "--next")
            })?;
            (minutes, false)
        }
        None => {
            let due = device.next_check_in(at_s).map_err(failed)?;
            (minutes_until(due, at_s), due.silence)
        }
    };
    let said = CheckInSaid {
        next_min,
        condition: args.mood.map(Into::into),
        low_battery: args.low_battery,
        no_signal: args.no_signal,
        planned_silence,
        note: args.note.unwrap_or_default(),
    };
    let (message, check_in) = device.check_in(said, at_s).map_err(failed)?;
    let said = Said { message, check_in, at_s };
    let exit = say(context, device, &said, args.wait.unwrap_or(WAIT), None).await?;
    if by_agreement {
        context.line(&t!(text, "checkin-no-plan"))?;
    }
    Ok(exit)
}

/// A check-in that is in the vault.
pub(super) struct Said {
    /// Its message.
    pub(super) message: MessageId,
    /// What it says.
    pub(super) check_in: CheckIn,
    /// When it was made.
    pub(super) at_s: u64,
}

/// What a command that changed the plan tells besides.
pub(super) struct Besides {
    /// For people, before what became of the check-in.
    pub(super) line: String,
    /// The same while nobody can know of it.
    pub(super) kept: String,
    /// For programs, under `plan`.
    pub(super) plan: Value,
}

/// Carries a check-in for `wait` at most, and says the truth about what became of it.
pub(super) async fn say(
    context: &Context,
    mut device: Device,
    said: &Said,
    wait: Duration,
    besides: Option<Besides>,
) -> Result<Exit, Failure> {
    let text = &context.text;
    let failed = |error: DeviceError| context.failure(error);
    let Said { message, check_in, at_s } = said;
    let mut carrier = Carrier::new(context)?;
    let begun = Instant::now();
    let progress = deliver(&mut carrier, &mut device, *message, wait).await.map_err(failed)?;
    let rest = wait.saturating_sub(begun.elapsed());
    holds::settle(&mut carrier, &mut device, rest).await.map_err(failed)?;
    let left = device.holds(now_s()).map_err(failed)?;
    let exit = show::exit(&progress);
    let next_s = (check_in.next_min > 0).then(|| at_s + u64::from(check_in.next_min) * 60);
    let alerts = device.alerts(true, now_s()).map_err(failed)?;
    let watchers = device.watchers().map_err(failed)?;
    let me = device.member();
    let own = alerts.iter().map(|view| &view.alert).find(|a| a.subject == me && !a.drill);
    let own = own.map(|alert| alert.id.short());

    if context.json {
        let mut data = json!({
            "check_in": check_in.counter, "message": show::hex(&message.0), "sent_at_s": at_s,
            "next_s": next_s, "own_alert": own, "people": show::people_json(&progress),
            "clock_differs_s": carrier.news.clock_differs.map(|differs| differs.by_s),
            "watching": presence::names(&watchers, now_s()), "watchers": watchers.len(),
            "holds": holds::json(&left),
        });
        if let Some(besides) = besides {
            show::set(&mut data, "plan", besides.plan);
        }
        context.line(&show::json_line(&data))?;
    } else {
        let first = if exit == Exit::Kept {
            t!(text, "checkin-not-sent")
        } else {
            t!(text, "checkin-done")
        };
        let besides = besides.map(|it| if exit == Exit::Kept { it.kept } else { it.line });
        for line in besides.into_iter().chain([first]) {
            context.line(&line)?;
        }
        for line in show::outcome(context, &progress) {
            context.line(&line)?;
        }
        for line in next(context, check_in, next_s, *at_s) {
            context.line(&line)?;
        }
        // What is known of before says nothing about now.
        if exit != Exit::Kept && !progress.is_empty() {
            for line in presence::told_at_check_in(context, &watchers, now_s()) {
                context.line(&line)?;
            }
        }
        for line in holds::lines(context, &left, now_s()) {
            context.line(&line)?;
        }
        if let Some(alert) = own {
            context.line(&t!(text, "checkin-alert-open", alert = alert))?;
        }
        // Those who watch count from the earlier of two clocks.
        if let Some(differs) = carrier.news.clock_differs {
            context.remark(&clocks::difference(differs, text));
        }
        if exit == Exit::Kept {
            carrier.news.remark_trouble(context);
        }
    }
    carrier.finish(&mut device).await.map_err(failed)?;
    Ok(exit)
}

/// When the next one is due, or that none is.
fn next(context: &Context, said: &CheckIn, next_s: Option<u64>, now_s: u64) -> Vec<String> {
    let text = &context.text;
    let Some(next_s) = next_s else { return vec![t!(text, "checkin-no-next")] };
    let time = context.clock.moment(next_s, now_s);
    if said.planned_silence {
        return vec![t!(text, "checkin-silence", time = time), t!(text, "plan-silence-how")];
    }
    vec![t!(text, "checkin-next", time = time)]
}

/// Minutes within what may be agreed; seconds are rounded up: only 0 means that none is agreed.
fn minutes(next: Duration) -> Option<u32> {
    u32::try_from(next.as_secs().div_ceil(60)).ok().filter(|minutes| *minutes <= MAX_INTERVAL_MIN)
}

/// Carries until everybody has received a message, or `wait` is over, or it is at the relays and nobody has
/// answered for a while. Returns how far it got.
pub(super) async fn deliver(
    carrier: &mut Carrier<'_>,
    device: &mut Device,
    message: MessageId,
    wait: Duration,
) -> Result<Progress, DeviceError> {
    let mut progress = Progress::new();
    let mut quiet_since: Option<Instant> = None;
    let ended = carrier
        .until(device, wait, |device, _| {
            let now = device.progress(message)?;
            if now != progress {
                quiet_since = None;
                progress = now;
            }
            if is_over(&progress) {
                return Ok(true);
            }
            if !is_sent(&progress) {
                return Ok(false);
            }
            Ok(quiet_since.get_or_insert_with(Instant::now).elapsed() >= PATIENCE)
        })
        .await?;
    if ended != Ended::Met {
        progress = device.progress(message)?;
    }
    Ok(progress)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_than_a_minute_is_agreed_as_one_and_only_nothing_as_none() {
        let agreed = [0, 1, 30, 60, 61].map(|s| minutes(Duration::from_secs(s)).unwrap());
        assert_eq!(agreed, [0, 1, 1, 1, 2]);
        let most = 60 * u64::from(MAX_INTERVAL_MIN);
        assert_eq!(minutes(Duration::from_secs(most)), Some(MAX_INTERVAL_MIN));
        assert_eq!(minutes(Duration::from_secs(most + 1)), None);
    }
}
