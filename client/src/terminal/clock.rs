//! Times, in the device's time zone.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Shows times in one time zone.
#[derive(Clone, Debug)]
pub struct Clock {
    zone: TimeZone,
}

impl Clock {
    /// In the device's time zone (`TZ`, else `/etc/localtime`, else UTC).
    #[must_use]
    pub fn local() -> Self {
        Self { zone: TimeZone::system() }
    }

    /// In this time zone.
    #[must_use]
    pub fn in_zone(zone: TimeZone) -> Self {
        Self { zone }
    }

    /// Its time zone.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Short and unambiguous: `14:03` if it is the same day as `now`, else `2026-11-22 14:03`. Unix seconds.
    #[must_use]
    pub fn moment(&self, at_s: u64, now_s: u64) -> String {
        let (Some(at), Some(now)) = (self.zoned(at_s), self.zoned(now_s)) else {
            return "?".to_owned();
        };
        let format = if at.date() == now.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
        at.strftime(format).to_string()
    }

    /// With seconds, for lines that follow each other: `14:03:27`. Unix seconds.
    #[must_use]
    pub fn stamp(&self, at_s: u64) -> String {
        self.zoned(at_s).map_or_else(|| "?".to_owned(), |at| at.strftime("%H:%M:%S").to_string())
    }

    /// For what others will read elsewhere: `2026-11-22 14:03:27 -06:00`. Unix seconds.
    #[must_use]
    pub fn full(&self, at_s: u64) -> String {
        let format = "%Y-%m-%d %H:%M:%S %:z";
        self.zoned(at_s).map_or_else(|| "?".to_owned(), |at| at.strftime(format).to_string())
    }

    fn zoned(&self, at_s: u64) -> Option<Zoned> {
        let at = Timestamp::from_second(i64::try_from(at_s).ok()?).ok()?;
        Some(at.to_zoned(self.zone.clone()))
    }
}

/// A length of time in either language: `45 s`, `12 min`, `2 h 5 min`, `3 d 4 h`. Rounded down.
#[must_use]
pub fn span(length: Duration) -> String {
    let s = length.as_secs();
    let two = |large: u64, unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {small_unit}"),
    };
    match s {
        0..60 => format!("{s} s"),
        60..3_600 => format!("{} min", s / 60),
        3_600..86_400 => two(s / 3_600, "h", s % 3_600 / 60, "min"),
        _ => two(s / 86_400, "d", s % 86_400 / 3_600, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_another_day_carries_its_date() {
        // Fixed: six hours behind UTC, as in Mexico City.
        let clock = Clock::in_zone(TimeZone::fixed(jiff::tz::offset(-6)));
        let at = 1_795_464_180; // 2026-11-23 20:03:00 UTC
        assert_eq!(clock.moment(at, at + 60), "14:03");
        assert_eq!(clock.moment(at, at + 10 * 3_600), "2026-11-23 14:03");
        assert_eq!(clock.moment(at, at - 86_400), "2026-11-23 14:03");
        assert_eq!(clock.stamp(at + 27), "14:03:27");
        assert_eq!(clock.full(at + 27), "2026-11-23 14:03:27 -06:00");
    }

    #[test]
    fn a_time_beyond_the_calendar_is_no_panic() {
        let clock = Clock::in_zone(TimeZone::UTC);
        assert_eq!(clock.moment(u64::MAX, 0), "?");
        assert_eq!(clock.moment(0, 1 << 60), "?");
        assert_eq!(clock.stamp(u64::MAX), "?");
    }

    #[test]
    fn spans_are_short_and_rounded_down() {
        let cases = [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_599, "59 min"),
            (3_600, "1 h"),
            (7_500, "2 h 5 min"),
            (86_400, "1 d"),
            (273_600, "3 d 4 h"),
        ];
        for (seconds, shown) in cases {
            assert_eq!(span(Duration::from_secs(seconds)), shown);
        }
    }
}
