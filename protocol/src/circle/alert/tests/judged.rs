//! Reasons that clients find by themselves, and alerts that are handed over.

use super::*;

fn duress() -> Heard {
    Heard::new(AlertEvent::duress(alarm(), id(DEFENDER), [5; 8]), id(ANA), T + 5).unwrap()
}

fn handed(author: u8, to: u8, claims: &[&Heard]) -> Heard {
    let (to, claims) = (id(to), ids(claims));
    first(author, T + 20, EventKind::HandOver { to, claims, text: String::new() })
}

#[test]
fn what_two_clients_judge_alike_is_one_event() {
    let judged = || AlertEvent::overdue(alarm(), id(DEFENDER), 7);
    let by_ana = Heard::new(judged(), id(ANA), T + 5).unwrap();
    let by_luz = Heard::new(judged(), id(LUZ), T + 9).unwrap();
    let alert = fold(&[&by_luz, &by_ana], T + 10);
    let reason = Reason::Overdue { check_in: 7 };
    assert_eq!(alert.reasons, [(reason, id(DEFENDER), String::new())]);
    assert_eq!((alert.raised_s, alert.subject), (T + 5, id(DEFENDER)));
    assert_ne!(judged().id(), AlertEvent::overdue(alarm(), id(DEFENDER), 8).id());
}

#[test]
fn under_duress_a_stand_down_is_never_confirmed_until_that_reason_is_closed() {
    let ask = asked(DEFENDER, T + 10, &[&panic()]);
    let confirm = confirmed(ANA, T + 15, &[&ask], &[&panic(), &duress()]);
    let alert = fold(&[&panic(), &duress(), &ask, &confirm], T + 20);
    assert!(alert.duress);
    assert_eq!(alert.stand_down, StandDown::Asked(id(DEFENDER)));

    let close = closed(LUZ, T + 30, &[&duress()]);
    let alert = fold(&[&panic(), &duress(), &ask, &confirm, &close], T + 40);
    assert!(!alert.duress && alert.is_open());
    assert_eq!(alert.stand_down, StandDown::Confirmed(id(DEFENDER), id(ANA)));
}

#[test]
fn who_hands_over_has_it_until_the_other_takes_it() {
    let claim = claimed(ANA, T + 10, &[]);
    let hand = handed(ANA, LUZ, &[&claim]);
    let alert = fold(&[&panic(), &claim, &hand], T + 30);
    assert_eq!(alert.handed, [(id(ANA), id(LUZ))]);
    assert_eq!(alert.leading().map(|claim| claim.by), Some(id(ANA)));

    let taken = claimed(LUZ, T + 30, &[&claim]);
    let alert = fold(&[&panic(), &claim, &hand, &taken], T + 40);
    assert_eq!(alert.handed, []);
    assert_eq!(alert.leading().map(|claim| claim.by), Some(id(LUZ)));
}

#[test]
fn handing_over_is_a_sign_of_life() {
    let claim = claimed(ANA, T, &[]);
    let hand = handed(ANA, LUZ, &[&claim]);
    assert_eq!(leader(&[&panic(), &claim, &hand], T + QUIET + 10), Some(id(ANA)));
    assert_eq!(leader(&[&panic(), &claim], T + QUIET + 10), None);
}

#[test]
fn nobody_hands_over_what_another_has_nor_to_who_may_not_answer() {
    let claim = claimed(ANA, T + 10, &[]);
    for hand in [handed(LUZ, LEAD, &[&claim]), handed(ANA, DEFENDER, &[&claim])] {
        assert_eq!(fold(&[&panic(), &claim, &hand], T + 30).handed, []);
    }
    let second_hand = Heard::new(handed(ANA, LUZ, &[&claim]).event, id(LUZ), T);
    assert_eq!(second_hand, None);
}
