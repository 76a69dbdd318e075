//! After the end.

use super::*;

#[test]
fn a_panic_after_the_end_needs_somebody_anew() {
    let claim = claimed(ANA, T + 10, &[]);
    let mut heard = vec![panic(), claim];
    let alert =
        Alert::fold(alarm(), &heard, &circle().into(), &Agreement::default(), T + 20).unwrap();
    heard.extend(alert.closing("").into_iter().map(|kind| first(ANA, T + 20, kind)));
    let events: Vec<&Heard> = heard.iter().collect();
    assert!(!fold(&events, T + 21).is_open());

    let again = raised(DEFENDER, T + 30, Reason::Panic);
    let events: Vec<&Heard> = heard.iter().chain([&again]).collect();
    let alert = fold(&events, T + 31);
    assert!(alert.is_open() && !alert.claim_expired);
    assert_eq!(alert.leading(), None, "who had it before the end does not have it now");

    let second = claimed(LUZ, T + 40, &[]);
    let events: Vec<&Heard> = events.into_iter().chain([&second]).collect();
    assert_eq!(leader(&events, T + 41), Some(id(LUZ)));
}

#[test]
fn a_closing_that_crosses_a_panic_leaves_it_to_be_taken() {
    let claim = claimed(ANA, T + 10, &[]);
    let again = raised(DEFENDER, T + 15, Reason::Panic);
    let closing = closed(LUZ, T + 16, &[&panic(), &claim]);
    let alert = fold(&[&panic(), &claim, &again, &closing], T + 20);
    assert!(alert.is_open());
    assert_eq!(alert.leading(), None);
}

#[test]
fn who_may_not_answer_ends_no_claim() {
    let claim = claimed(ANA, T + 10, &[]);
    let closing = closed(DEFENDER, T + 16, &[&panic(), &claim]);
    assert_eq!(leader(&[&panic(), &claim, &closing], T + 20), Some(id(ANA)));
}
