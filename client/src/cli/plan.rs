//! What `velar plan` takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use velar_protocol::circle::limits::{MAX_INTERVAL_MIN, MAX_RESPONSE_MIN};

use super::arguments::seconds;
use super::forgiving::duration;
use crate::plan::moment_of;

/// `velar plan`: without a command it shows the plan.
#[derive(Debug, Args)]
pub struct Plan {
    /// What to do with it.
    #[command(subcommand)]
    pub what: Option<PlanCommand>,
}

/// `velar plan …`
#[derive(Debug, Subcommand)]
pub enum PlanCommand {
    /// Show it.
    #[command(aliases = ["ver", "mostrar"])]
    Show,
    /// Agree on when to check in. What is not given stays as it was.
    #[command(aliases = ["fijar", "acordar", "cambiar"])]
    Set(PlanSet),
    /// Announce a silence, or end it.
    #[command(alias = "silencio")]
    Silence(PlanSilence),
    /// No check-in is agreed from now on.
    #[command(aliases = ["terminar", "fin"])]
    End(PlanSaid),
}

/// `velar plan set`
#[derive(Debug, Args)]
pub struct PlanSet {
    /// So long after each check-in.
    #[arg(long, alias = "cada", value_parser = interval, conflicts_with = "at")]
    pub every: Option<u32>,
    /// At these times of each day, in minutes since midnight.
    #[arg(long, alias = "a-las", value_delimiter = ',', value_parser = minute_of_day)]
    pub at: Vec<u16>,
    /// Grace after each, in minutes.
    #[arg(long, alias = "gracia", value_parser = response)]
    pub grace: Option<u32>,
    /// The last check-in is due then.
    #[arg(long, alias = "hasta", value_parser = When::parse)]
    pub until: Option<When>,
    /// Time zone of the fixed times.
    #[arg(long, alias = "zona")]
    pub zone: Option<String>,
    /// Where to and how. Nobody reads it unless a check-in is missed.
    #[arg(long, alias = "itinerario", conflicts_with = "itinerary_file")]
    pub itinerary: Option<String>,
    /// File with the itinerary (`-`: standard input), which keeps it out of the shell's history.
    #[arg(long)]
    pub itinerary_file: Option<PathBuf>,
    /// So long after the grace relays release what was left with them, in minutes.
    #[arg(long, alias = "margen", value_parser = response)]
    pub margin: Option<u32>,
    /// Said with each check-in: the battery may run out.
    #[arg(long)]
    pub low_battery: bool,
    /// Said with each check-in: there will be no signal for a while.
    #[arg(long)]
    pub no_signal: bool,
    /// The check-in that tells of it.
    #[command(flatten)]
    pub said: PlanSaid,
}

/// `velar plan silence`
#[derive(Debug, Args)]
pub struct PlanSilence {
    /// The next check-in is due then.
    #[arg(long, alias = "hasta", value_parser = When::parse, required_unless_present = "over")]
    pub until: Option<When>,
    /// It is over.
    #[arg(long, conflicts_with = "until")]
    pub over: bool,
    /// The check-in that tells of it.
    #[command(flatten)]
    pub said: PlanSaid,
}

/// The check-in that tells of a change.
#[derive(Debug, Args)]
pub struct PlanSaid {
    /// A few words for the circle.
    #[arg(long)]
    pub note: Option<String>,
    /// How long to wait for receipts.
    #[arg(long, value_parser = seconds)]
    pub wait: Option<Duration>,
}

/// A moment as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// `18:00`: the next time the clocks show it.
    Clock(Time),
    /// `2026-11-25 18:00`.
    Date(DateTime),
    /// `90m`, `2h`, `1h30`, `3d`: so long from now.
    After(Duration),
}

impl When {
    /// A time, a date with a time, or a length of time with its unit.
    ///
    /// # Errors
    /// Examples of what fits.
    pub fn parse(text: &str) -> Result<Self, String> {
        let examples = || "18:00, 2026-11-25 18:00, 2h".to_owned();
        let text = text.trim();
        if let Some((date, time)) = text.split_once([' ', 'T']) {
            let date: Date = date.parse().map_err(|_| examples())?;
            let time = clock(time.trim()).ok_or_else(examples)?;
            return Ok(Self::Date(date.to_datetime(time)));
        }
        if text.contains(':') {
            return clock(text).map(Self::Clock).ok_or_else(examples);
        }
        // A bare number could be an hour or minutes.
        let bare = text.bytes().all(|byte| byte.is_ascii_digit());
        duration(text, 60).filter(|_| !bare).map(Self::After).ok_or_else(examples)
    }

    /// Unix seconds, by the clocks of this zone. `None` beyond the calendar.
    #[must_use]
    pub fn resolve(self, now_s: u64, zone: &TimeZone) -> Option<u64> {
        match self {
            Self::After(length) => now_s.checked_add(length.as_secs()),
            Self::Date(civil) => moment_of(civil, zone),
            Self::Clock(time) => {
                let now = Timestamp::from_second(i64::try_from(now_s).ok()?).ok()?;
                let today = now.to_zoned(zone.clone()).date();
                let on = |days: i64| {
                    moment_of(today.checked_add(days.days()).ok()?.to_datetime(time), zone)
                };
                [on(0), on(1)].into_iter().flatten().find(|at_s| *at_s > now_s)
            }
        }
    }
}

/// `9:00`, `09:00`.
fn clock(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hour) || !digits(minute) || !(1..=2).contains(&hour.len()) || minute.len() != 2 {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

fn minute_of_day(text: &str) -> Result<u16, String> {
    let time = clock(text.trim()).ok_or_else(|| "09:00,14:00,20:00".to_owned())?;
    let minutes = i16::from(time.hour()) * 60 + i16::from(time.minute());
    u16::try_from(minutes).map_err(|_| "09:00".to_owned())
}

fn interval(text: &str) -> Result<u32, String> {
    within(text, 1, MAX_INTERVAL_MIN).ok_or_else(|| "90, 90m, 2h, 1h30".to_owned())
}

fn response(text: &str) -> Result<u32, String> {
    within(text, 0, MAX_RESPONSE_MIN).ok_or_else(|| "0, 15, 15m, 1h".to_owned())
}

/// Whole minutes within bounds; a bare number is minutes.
fn within(text: &str, least: u32, most: u32) -> Option<u32> {
    let length = duration(text, 60)?.as_secs();
    let minutes = u32::try_from(length / 60).ok()?;
    (length % 60 == 0 && (least..=most).contains(&minutes)).then_some(minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON_S: u64 = 1_795_435_200; // 2026-11-23 12:00 UTC

    fn resolve(text: &str) -> Option<u64> {
        When::parse(text).ok()?.resolve(NOON_S, &TimeZone::UTC)
    }

    #[test]
    fn a_moment_is_a_time_a_date_or_a_length() {
        assert_eq!(resolve("18:00"), Some(NOON_S + 6 * 3600));
        assert_eq!(resolve("9:30"), Some(NOON_S + 86_400 - 9_000));
        assert_eq!(resolve("12:00"), Some(NOON_S + 86_400));
        assert_eq!(resolve("2026-11-25 18:00"), Some(NOON_S + 2 * 86_400 + 6 * 3600));
        assert_eq!(resolve("2026-11-25T18:00"), resolve("2026-11-25 18:00"));
        assert_eq!(resolve("2026-11-20 18:00"), Some(NOON_S - 3 * 86_400 + 6 * 3600));
        assert_eq!(resolve("1h30"), Some(NOON_S + 5_400));
        assert_eq!(resolve("3d"), Some(NOON_S + 3 * 86_400));
        for bad in
            ["", "18", "18:60", "25:00", "1:2", "tomorrow", "2026-13-01 10:00", "+1:00", "99:99"]
        {
            assert!(When::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_is_that_of_the_plans_zone() {
        let mexico = TimeZone::get("America/Mexico_City").unwrap();
        let at = When::parse("18:00").unwrap().resolve(NOON_S, &mexico);
        assert_eq!(at, Some(NOON_S + 12 * 3600));
    }

    #[test]
    fn minutes_are_whole_and_within_bounds() {
        assert_eq!(interval("90"), Ok(90));
        assert_eq!(interval("1m"), Ok(1));
        assert_eq!(interval("30d"), Ok(MAX_INTERVAL_MIN));
        for bad in ["0", "30s", "31d", "soon"] {
            assert!(interval(bad).is_err(), "{bad}");
        }
        assert_eq!((response("0"), response("1d")), (Ok(0), Ok(1440)));
        assert!(response("1441").is_err());
        assert_eq!((minute_of_day("9:05"), minute_of_day("23:59")), (Ok(545), Ok(1439)));
        assert!(minute_of_day("24:00").is_err());
    }
}
