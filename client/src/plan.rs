//! The agreed check-ins of this device's person. Pure: times come in as arguments.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use velar_protocol::circle::limits::MAX_INTERVAL_MIN;

/// Minutes after the end of grace before relays release what was left with them, unless agreed otherwise: people's own
/// clients come first.
pub const MARGIN_MIN: u32 = 5;

/// Bytes of UTF-8 in an itinerary: with the alarm that brings it, it fits into one envelope.
pub const MAX_ITINERARY_LEN: usize = 2_000;

/// A check-in that comes at most so many seconds before an agreed time counts for that time: who is reminded ten minutes
/// before, and answers at once, has answered.
pub const EARLY_S: u64 = 15 * 60;

/// Days that are looked at for the next fixed time: a zone may skip one, and every time of the one after.
const DAYS_AHEAD: i64 = 3;

/// A plan: when check-ins are due, and what is told if one does not come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The counter of the check-in that told the circle of it. Grows with each change: what was left at relays is made
    /// anew then.
    pub number: u64,
    /// When check-ins are due.
    pub rhythm: Rhythm,
    /// IANA name of the time zone of fixed times.
    pub zone: String,
    /// Minutes of grace after each.
    pub grace_min: u32,
    /// Minutes after that before relays release what was left with them; see [`MARGIN_MIN`].
    pub margin_min: u32,
    /// No check-in is agreed after this time, Unix seconds.
    pub ends_s: Option<u64>,
    /// A planned silence: the next check-in is due when it ends, Unix seconds.
    pub silent_until_s: Option<u64>,
    /// Where to and how, for those who will look; at most [`MAX_ITINERARY_LEN`] bytes. Sealed, left at the relays, and
    /// read by nobody before it is needed.
    pub itinerary: String,
    /// Said with each check-in: the battery is low.
    pub low_battery: bool,
    /// Said with each check-in: no signal ahead.
    pub no_signal: bool,
}

/// When check-ins are due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rhythm {
    /// So many minutes after each check-in.
    Every {
        /// At least 1.
        minutes: u32,
    },
    /// At these minutes of each day, ascending, by the clocks of the plan's time zone.
    At {
        /// 0 to 1439; at least one.
        minutes_of_day: Vec<u16>,
    },
}

/// When the next check-in is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Unix seconds; `None`: no check-in is agreed any more.
    pub at_s: Option<u64>,
    /// The time until then is a silence that was planned.
    pub silence: bool,
}

/// When the next check-in is due after one that is made at `now_s`; `zone` is [`Plan::time_zone`]. Always later than `now_s`.
///
/// Fixed times are those of the zone's clocks: one that the clocks skip is the first moment after, one that they show
/// twice is the first. A check-in made up to [`EARLY_S`] before an agreed time, or half of the time since the
/// one before if that is less, counts for it, unless `first`: the check-in that tells of a plan counts for none of its times.
/// After the plan's end, and shortly before, nothing is due; the last check-in is due at the end.
#[must_use]
pub fn next_due(plan: &Plan, now_s: u64, zone: &TimeZone, first: bool) -> Due {
    let early_s = if first { 0 } else { EARLY_S };
    if let Some(until_s) = plan.silent_until_s.filter(|until_s| *until_s > now_s + early_s) {
        return Due { at_s: Some(until_s), silence: true };
    }
    let next_s = match &plan.rhythm {
        Rhythm::Every { minutes } => now_s.saturating_add(u64::from(*minutes).max(1) * 60),
        Rhythm::At { minutes_of_day } => next_fixed(minutes_of_day, now_s, zone, early_s),
    };
    let at_s = match plan.ends_s {
        Some(ends_s) if ends_s <= now_s + early_s => None,
        Some(ends_s) => Some(next_s.min(ends_s)),
        None => Some(next_s),
    };
    Due { at_s, silence: false }
}

/// Minutes that a check-in made at `now_s` says until the next one: rounded up, so that nobody is late before the time
/// that was agreed; 0 if none is. No more than [`MAX_INTERVAL_MIN`].
#[must_use]
pub fn minutes_until(due: Due, now_s: u64) -> u32 {
    let Some(at_s) = due.at_s else { return 0 };
    let minutes = at_s.saturating_sub(now_s).div_ceil(60).max(1);
    u32::try_from(minutes).unwrap_or(u32::MAX).min(MAX_INTERVAL_MIN)
}

/// Why a plan cannot be agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Its end, or the end of the silence, has passed.
    #[error("the plan ends in the past")]
    Past,
    /// Somebody must be missed within 30 days.
    #[error("the next check-in would be due too late")]
    TooFar,
    /// The itinerary has more than [`MAX_ITINERARY_LEN`] bytes.
    #[error("the itinerary is too long")]
    Itinerary,
}

impl Plan {
    /// Holds a plan that is told of at `now_s` to be one that can be kept.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn check(&self, now_s: u64) -> Result<(), PlanError> {
        if self.itinerary.len() > MAX_ITINERARY_LEN {
            return Err(PlanError::Itinerary);
        }
        if self.is_over(now_s) || self.silent_until_s.is_some_and(|until_s| until_s <= now_s) {
            return Err(PlanError::Past);
        }
        let due = next_due(self, now_s, &self.time_zone(), true);
        let wait_s = due.at_s.map_or(0, |at_s| at_s.saturating_sub(now_s));
        let interval_s = match self.rhythm {
            Rhythm::Every { minutes } => u64::from(minutes) * 60,
            Rhythm::At { .. } => 0,
        };
        // The longest that a hold lasts.
        let after_s = (u64::from(self.grace_min) + u64::from(self.margin_min)) * 60;
        let longest_s = wait_s.max(interval_s).saturating_add(after_s);
        if longest_s > u64::from(MAX_INTERVAL_MIN) * 60 {
            return Err(PlanError::TooFar);
        }
        Ok(())
    }

    /// The time zone of its fixed times: the one it names; if it is not known here, UTC.
    #[must_use]
    pub fn time_zone(&self) -> TimeZone {
        TimeZone::get(&self.zone).unwrap_or(TimeZone::UTC)
    }

    /// Whether a silence that was planned still goes on.
    #[must_use]
    pub fn is_silent(&self, now_s: u64) -> bool {
        self.silent_until_s.is_some_and(|until_s| until_s > now_s)
    }

    /// Whether its end has passed.
    #[must_use]
    pub fn is_over(&self, now_s: u64) -> bool {
        self.ends_s.is_some_and(|ends_s| ends_s <= now_s) && !self.is_silent(now_s)
    }
}

/// The moment at which a zone's clocks show this, Unix seconds; see [`next_due`] for those that they skip or show twice.
/// `None` beyond the calendar.
#[must_use]
pub fn moment_of(civil: DateTime, zone: &TimeZone) -> Option<u64> {
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    let moment = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
            ambiguous.earlier().ok()?
        }
        AmbiguousOffset::Gap { .. } => {
            let after = ambiguous.later().ok()?;
            let change = zone.preceding(after.checked_add(1.second()).ok()?).next();
            change.map_or(after, |change| change.timestamp())
        }
    };
    u64::try_from(moment.as_second()).ok()
}

/// The first of these minutes of the day after `now_s` for which a check-in made then does not count.
fn next_fixed(minutes_of_day: &[u16], now_s: u64, zone: &TimeZone, early_s: u64) -> u64 {
    let fallback = now_s.saturating_add(86_400);
    let Some(today) = date_of(now_s, zone) else { return fallback };
    let mut times: Vec<u64> = (-DAYS_AHEAD..=DAYS_AHEAD)
        .filter_map(|days| today.checked_add(days.days()).ok())
        .flat_map(|date| minutes_of_day.iter().filter_map(move |minute| at_minute(date, *minute)))
        .filter_map(|civil| moment_of(civil, zone))
        .collect();
    times.sort_unstable();
    times.dedup();
    let mut before_s = None;
    for at_s in times {
        let since_s = before_s.map_or(u64::MAX, |before_s: u64| at_s.saturating_sub(before_s));
        if at_s > now_s.saturating_add(early_s.min(since_s / 2)) {
            return at_s;
        }
        before_s = Some(at_s);
    }
    fallback
}

fn date_of(at_s: u64, zone: &TimeZone) -> Option<Date> {
    let at = Timestamp::from_second(i64::try_from(at_s).ok()?).ok()?;
    Some(at.to_zoned(zone.clone()).date())
}

fn at_minute(date: Date, minute: u16) -> Option<DateTime> {
    let (hour, minute) = (i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?);
    Some(date.to_datetime(jiff::civil::Time::new(hour, minute, 0, 0).ok()?))
}

#[cfg(test)]
mod tests;
