//! The relay's time on clocks that a test sets.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::*;

const S: u64 = 1_000;
const HOUR: u64 = 3_600 * S;
const DAY: u64 = 24 * HOUR;
const START: u64 = 1_800_000_000 * S;

/// A machine: both clocks, and the time of the relay that runs on it.
struct Machine {
    at: Reading,
    time: RelayTime,
}

impl Machine {
    fn new() -> Self {
        let at = Reading { boot_us: 5_000_000, wall_ms: START };
        Self { at, time: RelayTime::start(None, at) }
    }

    fn now(&self) -> Now {
        self.time.now(self.at)
    }

    /// Time passes; then one look.
    fn pass(&mut self, ms: u64) -> Judged {
        self.at.boot_us += ms * 1000;
        self.at.wall_ms += ms;
        self.time.tick(self.at)
    }

    /// Somebody sets the clock; a second later, a look.
    fn set_by(&mut self, ms: i64) -> Judged {
        self.at.wall_ms = self.at.wall_ms.saturating_add_signed(ms);
        self.pass(S)
    }

    /// The relay ends and is back after so long, the clock set meanwhile.
    fn restart(&mut self, down_ms: u64, set_by_ms: i64) {
        let mark = self.now().mark();
        self.at.boot_us += down_ms * 1000;
        self.at.wall_ms = (self.at.wall_ms + down_ms).saturating_add_signed(set_by_ms);
        self.time = RelayTime::start(Some(&mark), self.at);
    }

    /// The machine is started anew, and its wall clock says this.
    fn reboot_at(&mut self, wall_ms: u64) {
        let mark = self.now().mark();
        self.at = Reading { boot_us: 0, wall_ms };
        self.time = RelayTime::start(Some(&mark), self.at);
    }
}

fn ms(signed: u64) -> i64 {
    signed as i64
}

#[test]
fn while_it_runs_a_jump_moves_neither_deadlines_nor_ages_and_is_said_once() {
    let mut machine = Machine::new();
    machine.pass(HOUR);
    let before = machine.now();
    for (by, jump) in [
        (ms(120 * S), ClockJump::Forward { by_s: 120 }),
        (-ms(120 * S), ClockJump::Back { by_s: 120 }),
        (ms(100 * DAY), ClockJump::Forward { by_s: 8_640_000 }),
        (-ms(200 * DAY), ClockJump::Back { by_s: 17_280_000 }),
    ] {
        assert_eq!(machine.set_by(by), Judged { jump, ..Judged::default() });
        assert_eq!(machine.pass(S), Judged::default(), "once");
        assert_eq!(machine.time.last_jump(), jump);
    }
    let after = machine.now();
    assert_eq!(after.hold_ms - before.hold_ms, 8 * S);
    assert_eq!(after.age_ms - before.age_ms, 8 * S);
    assert_eq!(after.wall_ms, START + HOUR + 8 * S - 100 * DAY, "people are told wall time");
}

#[test]
fn a_clock_that_is_slewed_never_jumps_however_far_it_goes() {
    let mut machine = Machine::new();
    for _ in 0..100_000 {
        machine.at.wall_ms += 100;
        assert_eq!(machine.pass(S).jump, ClockJump::None);
    }
    // Not either if it is looked at rarely.
    machine.at.wall_ms += 6 * S;
    assert_eq!(machine.pass(60 * S).jump, ClockJump::None);
}

#[test]
fn what_is_no_jump_of_seconds_is_a_jump_from_there_on() {
    let mut machine = Machine::new();
    assert_eq!(machine.set_by(2_000).jump, ClockJump::None, "a leap second, a correction");
    assert_eq!(machine.set_by(-2_000).jump, ClockJump::None);
    assert_eq!(machine.set_by(2_600).jump, ClockJump::Forward { by_s: 3 });
    assert_eq!(machine.set_by(-2_600).jump, ClockJump::Back { by_s: 3 });
}

#[test]
fn an_outage_counts_in_full_for_deadlines_and_a_day_of_it_for_ages() {
    let mut machine = Machine::new();
    machine.restart(20 * DAY, 0);
    assert_eq!(machine.now().hold_ms, START + 20 * DAY);
    assert_eq!(machine.now().age_ms, START + DAY);
    assert_eq!(machine.time.pending_ms(), 19 * DAY);
    // A start after another counts for itself; what waits goes on waiting.
    machine.restart(HOUR, 0);
    assert_eq!(machine.now().age_ms, START + DAY + HOUR);
    assert_eq!(machine.time.pending_ms(), 19 * DAY);
    for _ in 0..24 * 60 - 1 {
        assert_eq!(machine.pass(60 * S), Judged::default());
    }
    assert_eq!(machine.pass(60 * S), Judged { counted_ms: 19 * DAY, ..Judged::default() });
    assert_eq!(machine.now().age_ms, machine.now().hold_ms);
    assert_eq!(machine.pass(60 * S), Judged::default());
}

#[test]
fn the_operators_word_counts_what_waits_at_once_and_only_that() {
    let mut machine = Machine::new();
    machine.restart(20 * DAY, 0);
    assert_eq!(machine.time.accept(), 19 * DAY);
    assert_eq!(machine.now().age_ms, machine.now().hold_ms);
    assert_eq!(machine.time.accept(), 0);
    machine.restart(20 * DAY, 0);
    assert_eq!(machine.time.pending_ms(), 19 * DAY, "not for the next time");
}

#[test]
fn a_clock_found_wrong_takes_back_what_waits() {
    let mut machine = Machine::new();
    machine.restart(HOUR, ms(100 * DAY));
    assert_eq!(machine.time.pending_ms(), 99 * DAY + HOUR);
    machine.set_by(-ms(10 * DAY));
    assert_eq!(machine.time.pending_ms(), 89 * DAY + HOUR);
    machine.set_by(-ms(90 * DAY));
    assert_eq!(machine.time.pending_ms(), 0);
    assert_eq!(machine.now().age_ms, START + DAY + 2 * S, "a day at most was counted");
}

#[test]
fn a_clock_that_is_set_right_after_the_start_tells_how_long_the_outage_was() {
    let mut machine = Machine::new();
    // Two hours later the machine starts in 1970, and hears the time after five minutes.
    machine.reboot_at(0);
    assert_eq!(machine.now().hold_ms, START, "before the mark nothing has passed");
    machine.pass(300 * S);
    let judged = machine.set_by(ms(START + 2 * HOUR));
    assert_eq!(judged.jump, ClockJump::Forward { by_s: (START + 2 * HOUR) / S });
    assert_eq!(judged.outage_ms, 2 * HOUR);
    assert_eq!(machine.now().hold_ms, START + 2 * HOUR + 301 * S);
    assert_eq!(machine.now().age_ms, START + 301 * S, "ages do not count it");
    assert_eq!(machine.time.pending_ms(), 0);
    // There and back again is no outage, and neither is it once more.
    machine.set_by(-ms(HOUR));
    assert_eq!(machine.set_by(ms(HOUR)).outage_ms, 0);
    assert_eq!(machine.set_by(ms(HOUR)).outage_ms, HOUR);
    machine.pass(600 * S);
    assert_eq!(machine.set_by(ms(HOUR)).outage_ms, 0, "so late it tells nothing of the start");
}

#[test]
fn before_its_first_start_there_was_no_outage() {
    let mut machine = Machine::new();
    assert_eq!(machine.set_by(ms(DAY)).outage_ms, 0);
    assert_eq!(machine.now().hold_ms, START + S);
}

#[test]
fn a_clock_that_was_ahead_when_the_relay_ended_costs_no_more_than_the_outage() {
    let mut machine = Machine::new();
    machine.set_by(ms(DAY));
    machine.restart(HOUR, -ms(DAY));
    assert_eq!(
        machine.now().hold_ms,
        START + S,
        "it cannot be told; deadlines come later, never earlier"
    );
    machine.pass(HOUR);
    assert_eq!(machine.now().hold_ms, START + S + HOUR);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Pass(u64),
    Set(i64),
    Restart(u64, i64),
    Accept,
}

fn step() -> impl Strategy<Value = Step> {
    let far = -ms(40 * DAY)..ms(40 * DAY);
    prop_oneof![
        4 => (0..5 * S).prop_map(Step::Pass),
        1 => (0..2 * DAY).prop_map(Step::Pass),
        2 => far.clone().prop_map(Step::Set),
        1 => (0..3 * DAY, prop_oneof![Just(0), far]).prop_map(|(ms, by)| Step::Restart(ms, by)),
        1 => Just(Step::Accept),
    ]
}

proptest! {
    #[test]
    fn time_goes_forward_by_what_has_passed_and_no_more_than_may_be(steps in vec(step(), 0..60)) {
        let mut machine = Machine::new();
        for step in steps {
            let (before, waiting) = (machine.now(), machine.time.pending_ms());
            let boot_us = machine.at.boot_us;
            let (mut judged, mut accepted_ms) = (Judged::default(), 0);
            let mut elapsed_ms = None;
            match step {
                Step::Pass(ms) => judged = machine.pass(ms),
                Step::Set(by) => judged = machine.set_by(by),
                Step::Restart(ms, by) => {
                    let mark_ms = machine.at.wall_ms;
                    machine.restart(ms, by);
                    elapsed_ms = Some(machine.at.wall_ms.saturating_sub(mark_ms));
                }
                Step::Accept => accepted_ms = machine.time.accept(),
            }
            let after = machine.now();
            let passed_ms = machine.at.since_ms(boot_us);
            let hold_ms = after.hold_ms.checked_sub(before.hold_ms).expect("hold time went back");
            let age_ms = after.age_ms.checked_sub(before.age_ms).expect("age time went back");
            match elapsed_ms {
                Some(elapsed_ms) => {
                    let mut expected_ms = elapsed_ms;
                    if (before.hold_ms + elapsed_ms).abs_diff(after.wall_ms) <= CLOCK_JUMP_MS {
                        expected_ms = after.wall_ms.saturating_sub(before.hold_ms);
                    }
                    prop_assert_eq!(hold_ms, expected_ms);
                    prop_assert_eq!(age_ms, elapsed_ms.min(DAY));
                    prop_assert_eq!(machine.time.pending_ms(), waiting + elapsed_ms - age_ms);
                }
                None => {
                    prop_assert_eq!(hold_ms, passed_ms + judged.outage_ms);
                    prop_assert_eq!(age_ms, passed_ms + judged.counted_ms + accepted_ms);
                    prop_assert!(judged.counted_ms + accepted_ms <= waiting);
                }
            }
            if judged.outage_ms > 0 {
                let ClockJump::Forward { by_s } = judged.jump else { panic!("{judged:?}") };
                prop_assert!(judged.outage_ms <= (by_s + 1) * S);
                let settling = machine.at.since_ms(machine.time.started_boot_us);
                prop_assert!(settling <= CLOCK_SETTLES_MS);
            }
            prop_assert_eq!(after.wall_ms, machine.at.wall_ms);
        }
    }

    #[test]
    fn no_mark_and_no_clock_overflow_it(mark in any::<[u64; 4]>(), at in any::<[u64; 4]>()) {
        let [hold_ms, age_ms, wall_ms, pending_ms] = mark;
        let mark = ClockMark { hold_ms, age_ms, wall_ms, pending_ms };
        let [boot_us, wall_ms, later_us, other_ms] = at;
        let mut time = RelayTime::start(Some(&mark), Reading { boot_us, wall_ms });
        time.tick(Reading { boot_us: later_us, wall_ms: other_ms });
        time.accept();
        let now = time.now(Reading { boot_us: later_us, wall_ms: other_ms });
        prop_assert!(now.hold_ms >= mark.hold_ms && now.age_ms >= mark.age_ms);
    }
}

/// Read between two looks at the wall clock, the counting clock last; each thread may have to wait between the two.
#[test]
fn hold_time_is_never_ahead_of_the_wall_clock_and_does_not_drift_from_it_over_restarts() {
    // The two do not begin a millisecond together.
    const US: u64 = 1_800_000_000_000_300;
    let mut rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut some_us = |most: u32| u64::from(rng.next_u32() % most);
    let (mut mark, mut true_us) = (None, 5_000_000);
    for _ in 0..10_000 {
        let mut read = || {
            true_us += some_us(3_000_000);
            let wall_ms = (US + true_us) / 1000;
            true_us += some_us(2) * some_us(1_500);
            Reading { boot_us: true_us, wall_ms }
        };
        let mut time = RelayTime::start(mark.as_ref(), read());
        let at = read();
        time.tick(at);
        let hold_ms = time.now(at).hold_ms;
        let true_ms = (US + at.boot_us) / 1000;
        assert!(hold_ms <= true_ms, "early by {} ms", hold_ms - true_ms);
        assert!(true_ms - hold_ms <= 3, "late by {} ms", true_ms - hold_ms);
        mark = Some(time.now(at).mark());
    }
}

#[test]
fn a_deadline_is_rounded_up_to_a_whole_second() {
    let due_s = |ms: u64| Now::from_ms(ms).due_s(20);
    assert_eq!((due_s(99_001), due_s(99_999), due_s(100_000)), (120, 120, 120));
}
