//! Virtual time, real time zones.

use jiff::civil::date;
use proptest::prelude::*;

use super::*;

const ZONES: [&str; 8] = [
    "America/Mexico_City",
    "America/New_York",
    "Europe/Madrid",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
];

pub(crate) fn plan(rhythm: Rhythm, zone: &str) -> Plan {
    Plan {
        number: 1,
        rhythm,
        zone: zone.to_owned(),
        grace_min: 15,
        margin_min: MARGIN_MIN,
        ends_s: None,
        silent_until_s: None,
        itinerary: String::new(),
        low_battery: false,
        no_signal: false,
    }
}

fn at(times: &[(u16, u16)], zone: &str) -> Plan {
    let minutes_of_day = times.iter().map(|(hour, minute)| hour * 60 + minute).collect();
    plan(Rhythm::At { minutes_of_day }, zone)
}

/// Unix seconds of a time that is shown once.
fn on(zone: &str, (y, m, d): (i16, i8, i8), (hour, minute): (i8, i8)) -> u64 {
    let zoned = date(y, m, d).at(hour, minute, 0, 0).in_tz(zone).unwrap();
    zoned.timestamp().as_second().try_into().unwrap()
}

fn due(plan: &Plan, now_s: u64) -> u64 {
    next_due(plan, now_s, &plan.time_zone(), false).at_s.unwrap()
}

#[test]
fn an_interval_counts_from_the_check_in() {
    let plan = plan(Rhythm::Every { minutes: 90 }, "UTC");
    assert_eq!(due(&plan, 1_000), 1_000 + 5_400);
}

#[test]
fn fixed_times_follow_each_other_over_midnight() {
    let (zone, day) = ("America/Mexico_City", (2026, 11, 23));
    let plan = at(&[(9, 0), (14, 0), (20, 0)], zone);
    assert_eq!(due(&plan, on(zone, day, (9, 1))), on(zone, day, (14, 0)));
    assert_eq!(due(&plan, on(zone, day, (13, 30))), on(zone, day, (14, 0)));
    assert_eq!(due(&plan, on(zone, day, (21, 0))), on(zone, (2026, 11, 24), (9, 0)));
}

#[test]
fn who_answers_the_reminder_has_answered_for_that_time() {
    let (zone, day) = ("UTC", (2026, 11, 23));
    let plan = at(&[(9, 0), (14, 0)], zone);
    assert_eq!(due(&plan, on(zone, day, (8, 50))), on(zone, day, (14, 0)));
    assert_eq!(due(&plan, on(zone, day, (8, 44))), on(zone, day, (9, 0)));
    // What tells of the plan answers for nothing.
    let told_s = on(zone, day, (8, 50));
    let first = next_due(&plan, told_s, &TimeZone::UTC, true);
    assert_eq!(first.at_s, Some(on(zone, day, (9, 0))));
}

#[test]
fn times_that_are_close_together_are_not_answered_in_one() {
    let (zone, day) = ("UTC", (2026, 11, 23));
    let plan = at(&[(9, 0), (9, 10), (9, 20)], zone);
    assert_eq!(due(&plan, on(zone, day, (9, 4))), on(zone, day, (9, 10)));
    assert_eq!(due(&plan, on(zone, day, (9, 6))), on(zone, day, (9, 20)));
}

#[test]
fn a_time_that_the_clocks_skip_is_the_first_moment_after() {
    let zone = "Europe/Madrid";
    let plan = at(&[(2, 30)], zone);
    // 2027-03-28: after 01:59 comes 03:00.
    let skipped = due(&plan, on(zone, (2027, 3, 27), (12, 0)));
    assert_eq!(skipped, on(zone, (2027, 3, 28), (3, 0)));
    assert_eq!(due(&plan, skipped), on(zone, (2027, 3, 29), (2, 30)));
    let edge = at(&[(2, 0)], zone);
    assert_eq!(due(&edge, on(zone, (2027, 3, 27), (12, 0))), on(zone, (2027, 3, 28), (3, 0)));
}

#[test]
fn a_time_that_the_clocks_show_twice_is_the_first() {
    let zone = "Europe/Madrid";
    let plan = at(&[(2, 30)], zone);
    // 2027-10-31: 02:30 comes at 00:30 and at 01:30 UTC.
    let first = on("UTC", (2027, 10, 31), (0, 30));
    assert_eq!(due(&plan, on(zone, (2027, 10, 30), (12, 0))), first);
    assert_eq!(due(&plan, first), on(zone, (2027, 11, 1), (2, 30)));
}

#[test]
fn a_day_that_a_zone_skipped_has_one_time_at_its_end() {
    // Samoa left out 2011-12-30.
    let zone = "Pacific/Apia";
    let plan = at(&[(9, 0), (20, 0)], zone);
    let evening = on(zone, (2011, 12, 29), (20, 0));
    let midnight = on(zone, (2011, 12, 31), (0, 0));
    assert_eq!(due(&plan, evening), midnight);
    assert_eq!(due(&plan, midnight), on(zone, (2011, 12, 31), (9, 0)));
}

#[test]
fn a_days_times_differ_by_the_hour_that_the_clocks_were_changed() {
    let zone = "America/New_York";
    let plan = at(&[(9, 0)], zone);
    let before = on(zone, (2027, 3, 13), (9, 0));
    assert_eq!(due(&plan, before) - before, 23 * 3600);
}

#[test]
fn the_last_check_in_is_due_at_the_end_and_none_after() {
    let mut plan = plan(Rhythm::Every { minutes: 60 }, "UTC");
    plan.ends_s = Some(100_000);
    assert_eq!(due(&plan, 98_000), 100_000);
    for now_s in [100_000 - EARLY_S, 100_000, 100_001] {
        let due = next_due(&plan, now_s, &TimeZone::UTC, false);
        assert_eq!((due.at_s, minutes_until(due, now_s)), (None, 0));
    }
    assert!(plan.is_over(100_000) && !plan.is_over(99_999));
}

#[test]
fn a_planned_silence_ends_with_a_check_in() {
    let mut plan = plan(Rhythm::Every { minutes: 60 }, "UTC");
    plan.silent_until_s = Some(200_000);
    plan.ends_s = Some(150_000);
    let silent = next_due(&plan, 100_000, &TimeZone::UTC, false);
    assert_eq!(silent, Due { at_s: Some(200_000), silence: true });
    assert!(!plan.is_over(180_000));
    // Whoever is back checks in: from then on it is as before.
    plan.ends_s = None;
    let back = next_due(&plan, 199_500, &TimeZone::UTC, false);
    assert_eq!(back, Due { at_s: Some(203_100), silence: false });
}

#[test]
fn minutes_are_rounded_up_and_never_more_than_a_hold_may_last() {
    let due = |at_s| Due { at_s, silence: false };
    assert_eq!(minutes_until(due(Some(160)), 100), 1);
    assert_eq!(minutes_until(due(Some(161)), 100), 2);
    assert_eq!(minutes_until(due(Some(100)), 100), 1);
    assert_eq!(minutes_until(due(None), 100), 0);
    assert_eq!(minutes_until(due(Some(u64::MAX)), 100), MAX_INTERVAL_MIN);
}

#[test]
fn what_cannot_be_kept_is_not_agreed_on() {
    let good = plan(Rhythm::Every { minutes: 60 }, "UTC");
    let now_s = 1_800_000_000;
    assert_eq!(good.check(now_s), Ok(()));
    let day_s = 86_400;
    let cases = [
        (Plan { ends_s: Some(now_s), ..good.clone() }, PlanError::Past),
        (Plan { silent_until_s: Some(now_s - 1), ..good.clone() }, PlanError::Past),
        (Plan { silent_until_s: Some(now_s + 30 * day_s), ..good.clone() }, PlanError::TooFar),
        (plan(Rhythm::Every { minutes: MAX_INTERVAL_MIN - 19 }, "UTC"), PlanError::TooFar),
        (
            Plan { itinerary: "x".repeat(MAX_ITINERARY_LEN + 1), ..good.clone() },
            PlanError::Itinerary,
        ),
    ];
    for (plan, error) in cases {
        assert_eq!(plan.check(now_s), Err(error), "{plan:?}");
    }
    assert_eq!(plan(Rhythm::Every { minutes: MAX_INTERVAL_MIN - 20 }, "UTC").check(now_s), Ok(()));
    let long = Plan { ends_s: Some(now_s + 300 * day_s), ..good };
    assert_eq!(long.check(now_s), Ok(()));
}

fn rhythm() -> impl Strategy<Value = Rhythm> {
    let fixed = prop::collection::btree_set(0u16..1440, 1..8)
        .prop_map(|set| Rhythm::At { minutes_of_day: set.into_iter().collect() });
    prop_oneof![(1u32..MAX_INTERVAL_MIN).prop_map(|minutes| Rhythm::Every { minutes }), fixed]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever the zone and the moment: a next check-in is due, after now, and, for fixed times, within two
    /// days and an hour; on the wall it is one of the agreed times, unless the clocks skip it.
    #[test]
    fn a_next_check_in_is_always_due(
        rhythm in rhythm(),
        zone in prop::sample::select(&ZONES[..]),
        now_s in 1_700_000_000u64..2_000_000_000,
    ) {
        let plan = plan(rhythm, zone);
        let zone = plan.time_zone();
        let due = next_due(&plan, now_s, &zone, false);
        let at_s = due.at_s.unwrap();
        prop_assert!(at_s > now_s);
        prop_assert!(minutes_until(due, now_s) >= 1);
        if let Rhythm::At { minutes_of_day } = &plan.rhythm {
            prop_assert!(at_s - now_s <= 49 * 3600 + EARLY_S);
            let shown = Timestamp::from_second(at_s as i64).unwrap().to_zoned(zone.clone());
            let minute = shown.hour() as u16 * 60 + shown.minute() as u16;
            let moment_before = Timestamp::from_second(at_s as i64 - 1).unwrap();
            let skipped = zone.to_offset(moment_before) != shown.offset();
            prop_assert!(minutes_of_day.contains(&minute) || skipped, "{shown}");
        }
    }

    /// Who checks in later is never due earlier; and checking in when it is due leads on for ever.
    #[test]
    fn a_later_check_in_is_never_due_earlier(
        rhythm in rhythm(),
        zone in prop::sample::select(&ZONES[..]),
        now_s in 1_700_000_000u64..2_000_000_000,
        wait_s in 0u64..100_000,
        first: bool,
    ) {
        let plan = plan(rhythm, zone);
        let zone = plan.time_zone();
        let at = |now_s| next_due(&plan, now_s, &zone, first).at_s.unwrap();
        prop_assert!(at(now_s) <= at(now_s + wait_s));
        let mut moment_s = now_s;
        for _ in 0..10 {
            let next_s = at(moment_s);
            prop_assert!(next_s > moment_s);
            moment_s = next_s;
        }
    }
}
