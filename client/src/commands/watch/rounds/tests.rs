//! Rounds on virtual time.

use proptest::prelude::*;
use velar_protocol::circle::{Claim, EventId, Seen, StandDown};
use velar_protocol::seal::MemberId;

use super::*;

mod folded;

const REPEAT_S: u64 = 300;
const TIER_TWO_S: u64 = 900;
const TIER_THREE_S: u64 = 2700;
const RULES: Rules =
    Rules { repeat_s: REPEAT_S, tier_two_s: TIER_TWO_S, tier_three_s: TIER_THREE_S };

fn alert(raised: u8, taken: bool, expired: bool) -> Alert {
    let claim = Claim { id: EventId([9; 16]), by: MemberId([2; 32]), at_s: 0, active_s: 0 };
    Alert {
        id: AlertId([1; 16]),
        subject: MemberId([1; 32]),
        raised_s: 0,
        reasons: vec![(Reason::Panic, MemberId([1; 32]), String::new())],
        drill: false,
        claims: if taken { vec![claim] } else { Vec::new() },
        claim_expired: expired,
        handed: Vec::new(),
        duress: false,
        stand_down: StandDown::None,
        closed_by: None,
        seen: Seen { raised: (0..raised).map(|n| EventId([n; 16])).collect(), ..Seen::default() },
    }
}

/// At a terminal that is asked first, of an alert that began just now.
fn look(rounds: &mut Rounds, alert: &Alert, now_s: u64) -> Vec<Ring> {
    let alert = Alert { raised_s: now_s, ..alert.clone() };
    at(rounds, Asking { alert: &alert, first: true, handed: false }, now_s)
}

fn at(rounds: &mut Rounds, asking: Asking<'_>, now_s: u64) -> Vec<Ring> {
    rounds.look(&[asking], &RULES, now_s).into_iter().map(|(_, ring)| ring).collect()
}

/// When what rang, looking each second.
fn rung(first: bool, handed: bool, until_s: u64, state: impl Fn(u64) -> Alert) -> Vec<(u64, Ring)> {
    let mut rounds = Rounds::default();
    let mut rung = Vec::new();
    for now_s in 0..until_s {
        let alert = state(now_s);
        let rings = at(&mut rounds, Asking { alert: &alert, first, handed }, now_s);
        rung.extend(rings.into_iter().map(|ring| (now_s, ring)));
    }
    rung
}

#[test]
fn an_alert_rings_once_and_then_at_each_interval_until_it_is_taken() {
    let mut rounds = Rounds::default();
    let open = alert(1, false, false);
    assert_eq!(look(&mut rounds, &open, 1000), [Ring::Raised]);
    assert_eq!(look(&mut rounds, &open, 1299), []);
    assert_eq!(look(&mut rounds, &open, 1300), [Ring::Again]);
    assert_eq!(look(&mut rounds, &open, 1301), []);
    assert_eq!(look(&mut rounds, &alert(1, true, false), 1302), []);
    assert_eq!(look(&mut rounds, &alert(1, true, false), 9000), []);
}

#[test]
fn a_clock_set_back_does_not_silence_an_alert() {
    let mut rounds = Rounds::default();
    let open = Alert { raised_s: 9000, ..alert(1, false, false) };
    let asking = Asking { alert: &open, first: true, handed: false };
    assert_eq!(at(&mut rounds, asking, 9000), [Ring::Raised]);
    assert_eq!(at(&mut rounds, asking, 1000), [Ring::Again]);
}

#[test]
fn a_clock_set_back_holds_up_no_tier() {
    let mut rounds = Rounds::default();
    let open = Alert { raised_s: 100_000, ..alert(1, false, false) };
    let asking = Asking { alert: &open, first: false, handed: false };
    assert_eq!(at(&mut rounds, asking, 100_000), []);
    assert_eq!(at(&mut rounds, asking, 13_600), []);
    assert_eq!(at(&mut rounds, asking, 13_600 + TIER_TWO_S - 1), []);
    assert_eq!(at(&mut rounds, asking, 13_600 + TIER_TWO_S), [Ring::TierTwo]);

    let mut restarted = Rounds::default();
    assert_eq!(at(&mut restarted, asking, 13_600), []);
    assert_eq!(at(&mut restarted, asking, 13_600 + TIER_TWO_S), [Ring::TierTwo]);
}

#[test]
fn a_clock_that_was_set_right_hurries_nothing_that_is_raised_after() {
    let mut rounds = Rounds::default();
    assert!(rounds.look(&[], &RULES, 103_600).is_empty());
    assert!(rounds.look(&[], &RULES, 100_000).is_empty());
    let open = Alert { raised_s: 100_010, ..alert(1, false, false) };
    let asking = Asking { alert: &open, first: false, handed: false };
    assert_eq!(at(&mut rounds, asking, 100_010), []);
    assert_eq!(at(&mut rounds, asking, 100_010 + TIER_TWO_S - 1), []);
    assert_eq!(at(&mut rounds, asking, 100_010 + TIER_TWO_S), [Ring::TierTwo]);
}

#[test]
fn a_claim_that_ends_rings_and_says_how() {
    for (expired, ring) in [(true, Ring::Expired), (false, Ring::GivenBack)] {
        let mut rounds = Rounds::default();
        look(&mut rounds, &alert(1, true, false), 0);
        assert_eq!(look(&mut rounds, &alert(1, false, expired), 10), [ring]);
        assert_eq!(look(&mut rounds, &alert(1, false, expired), 11), []);
    }
}

#[test]
fn who_panics_again_rings_again_even_when_taken() {
    let mut rounds = Rounds::default();
    look(&mut rounds, &alert(1, true, false), 0);
    assert_eq!(look(&mut rounds, &alert(2, true, false), 1), [Ring::Raised]);
}

#[test]
fn an_alert_that_was_closed_rings_when_it_is_opened_again() {
    let mut rounds = Rounds::default();
    look(&mut rounds, &alert(1, false, false), 0);
    assert_eq!(rounds.look(&[], &RULES, 1), []);
    assert_eq!(look(&mut rounds, &alert(2, false, false), 2), [Ring::Raised]);
}

#[test]
fn a_confirmed_stand_down_silences_nothing() {
    let mut rounds = Rounds::default();
    let mut calm = alert(1, false, false);
    look(&mut rounds, &calm, 0);
    calm.stand_down = StandDown::Confirmed(MemberId([1; 32]), MemberId([2; 32]));
    assert_eq!(look(&mut rounds, &calm, 1_000), [Ring::Again]);
}

#[test]
fn a_panic_and_duress_ring_everywhere_at_once_and_silence_at_those_on_shift_first() {
    let with = |reason| Alert {
        reasons: vec![(reason, MemberId([1; 32]), String::new())],
        ..alert(1, false, false)
    };
    let silence = [Reason::Overdue { check_in: 1 }, Reason::Released { check_in: 1 }];
    for (here, others) in [(false, true), (false, false), (true, true), (true, false)] {
        assert!(is_asked_first(&with(Reason::Panic), here, others));
        assert!(is_asked_first(&with(Reason::Duress), here, others));
        for reason in silence {
            // Nobody is known to be on shift: everybody is asked.
            assert_eq!(is_asked_first(&with(reason), here, others), here || !others);
        }
    }
    let mut both = with(silence[0]);
    both.reasons.push((Reason::Panic, MemberId([1; 32]), String::new()));
    assert!(is_asked_first(&both, false, true));
}

#[test]
fn the_circle_is_asked_at_tier_two_and_a_person_is_shown_whom_to_turn_to_at_tier_three() {
    let open = |_| alert(1, false, false);
    let first = rung(true, false, TIER_THREE_S + REPEAT_S + 1, open);
    let again = (1..9).map(|n| (n * REPEAT_S, Ring::Again));
    let outside = [(TIER_THREE_S, Ring::TierThree), (TIER_THREE_S + REPEAT_S, Ring::TierThree)];
    let expected: Vec<_> = [(0, Ring::Raised)].into_iter().chain(again).chain(outside).collect();
    assert_eq!(first, expected);

    let rest = rung(false, false, TIER_TWO_S + REPEAT_S + 1, open);
    assert_eq!(rest, [(TIER_TWO_S, Ring::TierTwo), (TIER_TWO_S + REPEAT_S, Ring::Again)]);
}

#[test]
fn who_was_taken_in_time_disturbs_nobody_else() {
    let taken_at = |now_s| alert(1, now_s >= 60, false);
    assert_eq!(rung(false, false, 10_000, taken_at), []);
    assert_eq!(rung(true, false, 10_000, taken_at), [(0, Ring::Raised)]);
}

#[test]
fn those_outside_are_shown_again_when_a_claim_that_came_late_ends() {
    let state = |now_s: u64| match now_s {
        0..3000 => alert(1, false, false),
        3000..4200 => alert(1, true, false),
        _ => alert(1, false, true),
    };
    let after: Vec<_> =
        rung(true, false, 4300, state).into_iter().filter(|(at, _)| *at >= 3000).collect();
    assert_eq!(after, [(4200, Ring::Expired), (4201, Ring::TierThree)]);
}

#[test]
fn a_hand_over_rings_at_the_one_asked_although_it_is_taken() {
    let state = |_| alert(1, true, false);
    let expected = [(0, Ring::Handed), (REPEAT_S, Ring::Handed)];
    assert_eq!(rung(false, true, REPEAT_S + 1, state), expected);
    assert_eq!(rung(false, false, REPEAT_S + 1, state), []);

    let mut rounds = Rounds::default();
    let taken = alert(1, true, false);
    let asking = Asking { alert: &taken, first: true, handed: false };
    assert_eq!(at(&mut rounds, asking, 0), [Ring::Raised]);
    assert_eq!(at(&mut rounds, Asking { handed: true, ..asking }, 1), [Ring::Handed]);
    assert_eq!(at(&mut rounds, Asking { handed: true, ..asking }, 2), []);
}

/// What one terminal may see in one step.
#[derive(Clone, Debug)]
struct Step {
    seconds: u64,
    taken: bool,
    first: bool,
    handed: bool,
    raised: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step =
        (0u64..400, any::<bool>(), any::<bool>(), any::<bool>(), proptest::bool::weighted(0.1))
            .prop_map(|(seconds, taken, first, handed, raised)| Step {
                seconds,
                taken,
                first,
                handed,
                raised,
            });
    proptest::collection::vec(step, 1..60)
}

proptest! {
    #[test]
    fn an_alert_that_nobody_has_taken_is_never_quiet_for_longer_than_agreed(all in steps()) {
        let mut rounds = Rounds::default();
        let (mut now_s, mut raised, mut rung_s) = (1_000_000, 1, None);
        let begun = now_s;
        for step in all {
            now_s += step.seconds;
            raised += u8::from(step.raised);
            let alert = Alert { raised_s: begun, ..alert(raised, step.taken, false) };
            let asking = Asking { alert: &alert, first: step.first, handed: step.handed };
            let rings = at(&mut rounds, asking, now_s);
            if !rings.is_empty() {
                rung_s = Some(now_s);
            }
            let asked = step.first || now_s - begun >= TIER_TWO_S;
            let must = !step.taken && asked || step.handed;
            if must {
                prop_assert!(rung_s.is_some_and(|at| now_s - at < REPEAT_S), "{:?}", step);
            }
        }
    }

    #[test]
    fn nothing_rings_twice_at_one_time_nor_where_nobody_is_asked(all in steps()) {
        let mut rounds = Rounds::default();
        let mut now_s = 1_000_000;
        let begun = now_s;
        for step in all {
            now_s += step.seconds;
            let alert = Alert { raised_s: begun, ..alert(1, step.taken, false) };
            let asking = Asking { alert: &alert, first: step.first, handed: step.handed };
            let rings = at(&mut rounds, asking, now_s);
            prop_assert!(rings.len() <= 1);
            let asked = step.first || now_s - begun >= TIER_TWO_S;
            prop_assert!(asked || step.handed || rings.is_empty());
        }
    }
}
