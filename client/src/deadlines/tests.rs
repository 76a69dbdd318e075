//! Virtual clocks, right and wrong.

use proptest::prelude::*;
use velar_protocol::circle::Extensions;

use super::*;

const NOW_S: u64 = 1_800_000_000;
const HOUR_S: u64 = 3600;

fn deadline(said_s: u64, length_s: u64) -> Deadline {
    Deadline {
        member: MemberId([1; 32]),
        check_in: 7,
        alert: AlertId([2; 16]),
        said_s,
        due_s: said_s + length_s,
    }
}

fn said(next_min: u32, grace_min: u32) -> CheckIn {
    CheckIn {
        counter: 7,
        next_min,
        grace_min,
        next_alarm: AlertId([2; 16]),
        condition: None,
        low_battery: false,
        no_signal: false,
        planned_silence: false,
        note: String::new(),
        extensions: Extensions::NONE,
    }
}

#[test]
fn a_deadline_counts_from_the_earlier_of_sent_and_arrived() {
    let of = |sent_s, arrived_s| {
        Deadline::of(MemberId([1; 32]), &said(60, 15), sent_s, arrived_s).unwrap().due_s
    };
    assert_eq!(of(1_000, 1_005), 1_000 + 75 * 60);
    // Whose clock is ahead gains nothing.
    assert_eq!(of(9_000, 1_005), 1_005 + 75 * 60);
    assert_eq!(Deadline::of(MemberId([1; 32]), &said(0, 15), 1_000, 1_005), None);
}

#[test]
fn the_time_is_over_at_the_deadline_and_not_before() {
    let mut timers = Timers::default();
    let due = [deadline(NOW_S, HOUR_S)];
    assert!(timers.past(&due, NOW_S, 50).is_empty());
    assert!(timers.past(&due, NOW_S + HOUR_S - 1, 50 + HOUR_S - 1).is_empty());
    assert!(timers.past(&due, NOW_S + HOUR_S, 50 + HOUR_S).contains(&due[0].key()));
}

#[test]
fn a_clock_set_back_a_day_delays_no_alarm() {
    let mut timers = Timers::default();
    let due = [deadline(NOW_S, HOUR_S)];
    assert!(timers.past(&due, NOW_S, 0).is_empty());
    let back = |s| NOW_S + s - 24 * HOUR_S;
    assert!(timers.past(&due, back(600), 600).is_empty());
    assert!(timers.past(&due, back(HOUR_S - 1), HOUR_S - 1).is_empty());
    assert_eq!(timers.past(&due, back(HOUR_S), HOUR_S).len(), 1);
}

#[test]
fn a_clock_set_back_before_the_watch_began_delays_by_no_more_than_the_interval() {
    let mut timers = Timers::default();
    let due = [deadline(NOW_S, HOUR_S)];
    let back = |s| NOW_S + s - 24 * HOUR_S;
    assert!(timers.past(&due, back(0), 0).is_empty());
    assert_eq!(timers.past(&due, back(HOUR_S), HOUR_S).len(), 1);
}

#[test]
fn a_clock_set_ahead_a_day_rings_and_spoils_nothing_that_follows() {
    let mut timers = Timers::default();
    let first = deadline(NOW_S, HOUR_S);
    assert!(timers.past(&[first], NOW_S, 0).is_empty());
    assert_eq!(timers.past(&[first], NOW_S + 24 * HOUR_S, 60).len(), 1);
    // Set right again: the next check-in has its whole time.
    let next = Deadline { check_in: 8, ..deadline(NOW_S + 120, HOUR_S) };
    assert!(timers.past(&[next], NOW_S + 120, 120).is_empty());
    assert!(timers.past(&[next], NOW_S + 119 + HOUR_S, 119 + HOUR_S).is_empty());
    assert_eq!(timers.past(&[next], NOW_S + 120 + HOUR_S, 120 + HOUR_S).len(), 1);
}

#[test]
fn who_leaves_or_checks_in_again_is_not_waited_for() {
    let mut timers = Timers::default();
    let due = deadline(NOW_S, HOUR_S);
    timers.past(&[due], NOW_S, 0);
    assert!(timers.past(&[], NOW_S + 2 * HOUR_S, 2 * HOUR_S).is_empty());
    assert!(timers.ends.is_empty());
}

#[test]
fn a_person_is_reminded_ten_minutes_before_and_when_it_is_due_once_each() {
    let mut reminders = Reminders::default();
    let own = deadline(NOW_S, HOUR_S);
    let mut look = |s| reminders.look(Some(&own), NOW_S + s, s);
    assert_eq!(look(0), None);
    assert_eq!(look(HOUR_S - REMIND_S - 1), None);
    assert_eq!(look(HOUR_S - REMIND_S), Some(Reminder::Soon));
    assert_eq!(look(HOUR_S - 1), None);
    assert_eq!(look(HOUR_S), Some(Reminder::Now));
    assert_eq!(look(2 * HOUR_S), None);
    // A clock that was set back does not say it again.
    assert_eq!(reminders.look(Some(&own), NOW_S, 3 * HOUR_S), None);
    let next = Deadline { check_in: 8, ..deadline(NOW_S + 3 * HOUR_S, HOUR_S) };
    assert_eq!(reminders.look(Some(&next), NOW_S + 3 * HOUR_S, 3 * HOUR_S), None);
    let due_s = 4 * HOUR_S;
    assert_eq!(reminders.look(Some(&next), NOW_S + due_s, due_s), Some(Reminder::Now));
}

#[test]
fn a_short_interval_has_no_reminder_before_its_end() {
    let mut reminders = Reminders::default();
    let own = deadline(NOW_S, 15 * 60);
    assert_eq!(reminders.look(Some(&own), NOW_S + 10 * 60, 10 * 60), None);
    assert_eq!(reminders.look(Some(&own), NOW_S + 15 * 60, 15 * 60), Some(Reminder::Now));
    assert_eq!(reminders.look(None, NOW_S, 0), None);
}

#[test]
fn a_clock_that_is_set_is_noticed_and_one_that_sleeps_is_not() {
    let mut clock = ClockWatch::default();
    assert_eq!(clock.look(NOW_S, 0), None);
    // A night asleep: both go on.
    assert_eq!(clock.look(NOW_S + 9 * HOUR_S, 9 * HOUR_S), None);
    assert_eq!(clock.look(NOW_S + 33 * HOUR_S, 9 * HOUR_S), Some(24 * 3600));
    assert_eq!(clock.look(NOW_S + 33 * HOUR_S, 9 * HOUR_S), None);
    assert_eq!(clock.look(NOW_S + 9 * HOUR_S + 1, 9 * HOUR_S + 1), Some(-24 * 3600));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// However a clock is set, from the moment that a watch has seen the check-in: the alarm is never later than it should
    /// be, and with a clock that is not ahead never earlier.
    #[test]
    fn no_setting_of_the_clock_delays_an_alarm(
        length_s in 60u64..200_000,
        looks in prop::collection::vec((1u64..5_000, -100_000i64..100_000), 1..60),
    ) {
        let mut timers = Timers::default();
        let due = [deadline(NOW_S, length_s)];
        prop_assert!(timers.past(&due, NOW_S, 0).is_empty());
        let mut steady_s = 0;
        for (wait_s, wrong_s) in looks {
            steady_s += wait_s;
            let now_s = (NOW_S + steady_s).saturating_add_signed(wrong_s);
            let rings = !timers.past(&due, now_s, steady_s).is_empty();
            prop_assert!(rings || steady_s < length_s);
            prop_assert!(!rings || steady_s >= length_s || wrong_s > 0);
        }
    }
}
