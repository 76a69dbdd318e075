//! Standing down, closing and reopening.

use super::*;

#[test]
fn a_second_person_confirms_a_stand_down_and_it_closes_nothing() {
    let ask = asked(SECOND, T + 2, &[&panic()]);
    let alert = fold(&[&panic(), &ask], T + 3);
    assert_eq!(alert.stand_down, StandDown::Asked(id(SECOND)), "from any of her devices");
    let alert = fold(&[&panic(), &ask, &confirmed(ANA, T + 4, &[&ask], &[&panic()])], T + 5);
    assert_eq!(alert.stand_down, StandDown::Confirmed(id(SECOND), id(ANA)));
    assert!(alert.is_open());
}

#[test]
fn nobody_else_can_ask_in_her_place() {
    let ask = asked(LUZ, T + 2, &[&panic()]);
    let confirm = confirmed(ANA, T + 3, &[&ask], &[&panic()]);
    assert_eq!(fold(&[&panic(), &ask, &confirm], T + 4).stand_down, StandDown::None);
}

#[test]
fn a_later_panic_voids_a_stand_down() {
    let ask = asked(DEFENDER, T + 2, &[&panic()]);
    let confirm = confirmed(ANA, T + 3, &[&ask], &[&panic()]);
    // Dated before the request: what counts is that the request does not name it.
    let again = raised(SECOND, T + 1, Reason::Panic);
    let alert = fold(&[&panic(), &ask, &confirm, &again], T + 5);
    assert_eq!(alert.stand_down, StandDown::None);
    let ask_again = asked(DEFENDER, T + 6, &[&panic(), &again]);
    let alert = fold(&[&panic(), &ask, &confirm, &again, &ask_again], T + 7);
    assert_eq!(alert.stand_down, StandDown::Asked(id(DEFENDER)), "the first was confirmed");
}

#[test]
fn a_request_is_confirmed_only_for_the_panics_that_it_names() {
    let ask = asked(DEFENDER, T + 2, &[&panic()]);
    let again = raised(DEFENDER, T + 3, Reason::Panic);
    let ask_again = asked(DEFENDER, T + 4, &[&panic(), &again]);
    let both = [&panic(), &again];
    let of_the_first = confirmed(ANA, T + 5, &[&ask], &both);
    let events = [&panic(), &ask, &again, &ask_again, &of_the_first];
    assert_eq!(fold(&events, T + 6).stand_down, StandDown::Asked(id(DEFENDER)));
    let of_the_second = confirmed(ANA, T + 5, &[&ask_again], &both);
    let events = [&panic(), &ask, &again, &ask_again, &of_the_second];
    let stand_down = fold(&events, T + 6).stand_down;
    assert_eq!(stand_down, StandDown::Confirmed(id(DEFENDER), id(ANA)));
}

#[test]
fn a_hold_that_she_cannot_see_does_not_void_her_request() {
    let released = raised(DEFENDER, T + 1, Reason::Released { check_in: 7 });
    let ask = asked(DEFENDER, T + 2, &[&panic()]);
    let alert = fold(&[&panic(), &released, &ask], T + 3);
    assert_eq!(alert.stand_down, StandDown::Asked(id(DEFENDER)));
}

#[test]
fn a_reason_that_the_confirmer_did_not_see_needs_another_confirmation() {
    let ask = asked(DEFENDER, T + 2, &[&panic()]);
    let confirm = confirmed(ANA, T + 3, &[&ask], &[&panic()]);
    let overdue = raised(LUZ, T + 4, Reason::Overdue { check_in: 7 });
    let events = [&panic(), &ask, &confirm, &overdue];
    assert_eq!(fold(&events, T + 5).stand_down, StandDown::Asked(id(DEFENDER)));
    let again = confirmed(LUZ, T + 6, &[&ask], &[&panic(), &overdue]);
    let events = [&panic(), &ask, &confirm, &overdue, &again];
    assert!(matches!(fold(&events, T + 7).stand_down, StandDown::Confirmed(..)));
}

#[test]
fn a_later_reason_reopens_a_closed_alert() {
    let close = closed(ANA, T + 60, &[&panic()]);
    let alert = fold(&[&panic(), &close], T + 61);
    assert_eq!(alert.closed_by, Some(id(ANA)));
    let later = raised(LUZ, T + 3600, Reason::Overdue { check_in: 7 });
    let alert = fold(&[&panic(), &close, &later], T + 3601);
    assert!(alert.is_open());
    assert_eq!(alert.raised_s, T + 3600, "it rings from here, not since the first reason");
    let again = closed(LUZ, T + 3700, &[&later]);
    let alert = fold(&[&panic(), &close, &later, &again], T + 3701);
    assert_eq!(alert.closed_by, Some(id(LUZ)), "two closings add up");
}

#[test]
fn a_closing_that_names_no_reason_does_not_pass_for_the_one_that_closed() {
    let close = closed(ANA, T + 60, &[&panic()]);
    let vain = closed(LUZ, T + 90, &[]);
    assert_eq!(fold(&[&panic(), &close, &vain], T + 99).closed_by, Some(id(ANA)));
}
