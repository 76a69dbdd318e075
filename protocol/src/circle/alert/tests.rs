mod calm;
mod closing;
mod growing;
mod judged;
mod properties;

use super::*;
use crate::circle::limits::PUT_AWAY_S;
use crate::circle::roster::Role;
use crate::circle::testing::{
    ANA, DEFENDER, LEAD, LUZ, SECOND, STRANGER, circle, id, member, secret,
};
use crate::circle::{Agreement, Former, Membership, Roster};

/// When the panic of these tests was raised.
const T: u64 = 1_790_000_000;
const MINUTE: u64 = 60;
const QUIET: u64 = 20 * MINUTE;

fn alarm() -> AlertId {
    AlertId::draw(id(DEFENDER), [1; 8])
}

fn event(author: u8, at_s: u64, kind: EventKind) -> AlertEvent {
    AlertEvent { alert: alarm(), salt: [author; 8], author: id(author), at_s, kind }
}

/// Arrived from its author in the second in which it was made.
fn first(author: u8, at_s: u64, kind: EventKind) -> Heard {
    Heard::new(event(author, at_s, kind), id(author), at_s).unwrap()
}

fn raised(author: u8, at_s: u64, reason: Reason) -> Heard {
    raised_about(author, at_s, reason, DEFENDER)
}

fn raised_about(author: u8, at_s: u64, reason: Reason, subject: u8) -> Heard {
    let text = String::from("help");
    first(author, at_s, EventKind::raised(reason, id(subject), false, text))
}

fn panic() -> Heard {
    raised(DEFENDER, T, Reason::Panic)
}

fn claimed(author: u8, at_s: u64, over: &[&Heard]) -> Heard {
    first(author, at_s, EventKind::Claimed { over: ids(over) })
}

fn note(author: u8, at_s: u64) -> Heard {
    first(author, at_s, EventKind::Note { text: String::from("at the bridge") })
}

fn asked(author: u8, at_s: u64, saw: &[&Heard]) -> Heard {
    first(author, at_s, EventKind::StandDownAsked { saw: ids(saw), text: String::new() })
}

fn confirmed(author: u8, at_s: u64, asks: &[&Heard], saw: &[&Heard]) -> Heard {
    first(author, at_s, EventKind::StandDownConfirmed { asked: ids(asks), saw: ids(saw) })
}

fn closed(author: u8, at_s: u64, saw: &[&Heard]) -> Heard {
    first(author, at_s, EventKind::Closed { saw: ids(saw), text: String::new() })
}

fn ids(events: &[&Heard]) -> BTreeSet<EventId> {
    events.iter().map(|heard| heard.event.id()).collect()
}

fn fold_in(roster: &Roster, events: &[&Heard], now_s: u64) -> Option<Alert> {
    fold_among(&roster.clone().into(), events, now_s)
}

fn fold_among(members: &Membership, events: &[&Heard], now_s: u64) -> Option<Alert> {
    let events: Vec<Heard> = events.iter().map(|heard| (*heard).clone()).collect();
    Alert::fold(alarm(), &events, members, &Agreement::default(), now_s)
}

/// The circle after `member` was removed at this time.
fn without(member: u8, left_s: u64) -> Membership {
    let roster = circle().without_member(&secret(LEAD), id(member)).unwrap();
    let entry = *circle().member(id(member)).unwrap();
    Membership::new(roster, vec![Former { entry, left_s }])
}

fn fold(events: &[&Heard], now_s: u64) -> Alert {
    fold_in(&circle(), events, now_s).unwrap()
}

fn leader(events: &[&Heard], now_s: u64) -> Option<MemberId> {
    fold(events, now_s).leading().map(|claim| claim.by)
}

#[test]
fn a_panic_and_two_missed_deadlines_are_one_alert_with_three_reasons() {
    let (one, two) = (
        raised(ANA, T + 5, Reason::Overdue { check_in: 7 }),
        raised(LUZ, T + 9, Reason::Overdue { check_in: 7 }),
    );
    let alert = fold(&[&two, &panic(), &one], T + 60);
    assert_eq!(alert.subject, id(DEFENDER));
    assert_eq!(alert.raised_s, T);
    let authors: Vec<MemberId> = alert.reasons.iter().map(|(_, author, _)| *author).collect();
    assert_eq!(authors, [id(DEFENDER), id(ANA), id(LUZ)]);
    assert!(alert.is_open() && !alert.drill && alert.claims.is_empty());
    assert_eq!(alert.stand_down, StandDown::None);
}

#[test]
fn without_a_reason_there_is_no_alert_yet() {
    assert_eq!(fold_in(&circle(), &[], T), None);
    assert_eq!(fold_in(&circle(), &[&claimed(ANA, T, &[])], T), None);
}

#[test]
fn events_of_another_alert_are_passed_over() {
    let mut other = closed(ANA, T + 1, &[&panic()]);
    other.event.alert = AlertId([9; 16]);
    assert!(fold(&[&panic(), &other], T + 1).is_open());
}

#[test]
fn it_is_a_drill_only_if_every_reason_says_so() {
    let drill = |author, at_s| {
        let kind = EventKind::raised(Reason::Panic, id(DEFENDER), true, String::new());
        first(author, at_s, kind)
    };
    assert!(fold(&[&drill(DEFENDER, T)], T).drill);
    assert!(!fold(&[&drill(DEFENDER, T), &panic()], T).drill);
    // Whoever passes a panic on as a drill has made another event beside it.
    let forged = Heard::new(drill(DEFENDER, T).event, id(LUZ), T).unwrap();
    assert!(!fold(&[&forged, &panic()], T).drill);
}

#[test]
fn an_id_cannot_be_used_to_make_an_alert_look_as_if_it_were_about_somebody_else() {
    for liar in [SECOND, ANA, LUZ, LEAD] {
        for victim in [SECOND, ANA, LUZ, LEAD, STRANGER] {
            let lie = raised_about(liar, T - 1, Reason::Panic, victim);
            let alert = fold(&[&lie, &panic()], T);
            assert_eq!(alert.subject, id(DEFENDER));
            assert_eq!(alert.reasons.len(), 2, "no reason is lost");
        }
    }
    assert!(alarm().is_about(id(DEFENDER)) && !alarm().is_about(id(ANA)));
}

#[test]
fn an_id_drawn_for_nobody_still_raises() {
    let drawn_badly = AlertId([7; 16]);
    let mut heard = panic();
    heard.event.alert = drawn_badly;
    let alert =
        Alert::fold(drawn_badly, &[heard], &circle().into(), &Agreement::default(), T).unwrap();
    assert_eq!(alert.subject, id(DEFENDER));
}

#[test]
fn everybody_sees_the_same_claim_lead_and_a_takeover_ends_it() {
    let (one, two) = (claimed(ANA, T + 10, &[]), claimed(LUZ, T + 10, &[]));
    let alert = fold(&[&panic(), &one, &two], T + 20);
    assert_eq!(alert.claims.len(), 2);
    assert_eq!(alert.claims[0].id, one.event.id().min(two.event.id()));
    assert_eq!(fold(&[&two, &panic(), &one], T + 20), alert);

    let over = claimed(LEAD, T + 30, &[&one, &two]);
    let alert = fold(&[&panic(), &one, &two, &over], T + 40);
    assert_eq!(alert.claims.len(), 1);
    assert_eq!(alert.claims[0].by, id(LEAD));
}

#[test]
fn two_claims_of_one_member_are_one() {
    let (one, two) = (claimed(ANA, T + 10, &[]), claimed(ANA, T + 11, &[]));
    assert_eq!(fold(&[&panic(), &one, &two], T + 20).claims.len(), 1);
}

#[test]
fn a_release_gives_back_the_claims_it_names_whatever_the_clocks_say() {
    let ahead = claimed(ANA, T + 86_400, &[]);
    let release = |by, claims: &[&Heard]| {
        first(by, T + 60, EventKind::Released { claims: ids(claims), text: String::new() })
    };
    assert_eq!(leader(&[&panic(), &ahead, &release(ANA, &[&ahead])], T + 61), None);
    assert_eq!(leader(&[&panic(), &ahead, &release(LUZ, &[&ahead])], T + 61), Some(id(ANA)));
    let again = claimed(ANA, T + 30, &[]);
    let events = [&panic(), &ahead, &release(ANA, &[&ahead]), &again];
    assert_eq!(leader(&events, T + 61), Some(id(ANA)), "a clock that was set back undoes nothing");
}

#[test]
fn a_claim_expires_when_it_was_quiet_for_the_agreed_time_and_not_before() {
    let claim = claimed(ANA, T, &[]);
    let events = [&panic(), &claim];
    assert_eq!(leader(&events, T + QUIET - 1), Some(id(ANA)));
    assert!(!fold(&events, T + QUIET - 1).claim_expired);
    let alert = fold(&events, T + QUIET);
    assert_eq!(alert.leading(), None);
    assert!(alert.claim_expired);

    let noted = [&panic(), &claim, &note(ANA, T + QUIET - 1)];
    assert_eq!(leader(&noted, T + 2 * QUIET - 2), Some(id(ANA)));
    assert_eq!(leader(&noted, T + 2 * QUIET - 1), None);
    let of_another = [&panic(), &claim, &note(LUZ, T + QUIET - 1)];
    assert_eq!(leader(&of_another, T + QUIET), None);
}

#[test]
fn what_a_client_does_by_itself_keeps_no_claim_alive() {
    let overdue = raised(ANA, T + QUIET - 1, Reason::Overdue { check_in: 7 });
    assert_eq!(leader(&[&panic(), &claimed(ANA, T, &[]), &overdue], T + QUIET), None);
}

#[test]
fn a_clock_a_day_ahead_keeps_no_claim_alive() {
    let mut claim = claimed(ANA, T + 86_400, &[]);
    claim.heard_s = T;
    let mut noted = note(ANA, T + 86_400);
    noted.heard_s = T + 60;
    assert_eq!(leader(&[&panic(), &claim], T + QUIET - 1), Some(id(ANA)));
    assert_eq!(leader(&[&panic(), &claim], T + QUIET), None);
    assert_eq!(leader(&[&panic(), &claim, &noted], T + QUIET + 60), None);
}

#[test]
fn forged_notes_keep_no_claim_alive() {
    let forged = event(ANA, T + QUIET - 1, EventKind::Note { text: String::from("all well") });
    let hearsay = Heard::new(forged, id(LUZ), T + QUIET - 1).unwrap();
    assert_eq!(leader(&[&panic(), &claimed(ANA, T, &[]), &hearsay], T + QUIET), None);
}

#[test]
fn a_wrong_clock_neither_delays_nor_hides_an_alert() {
    let mut ahead = raised(DEFENDER, T + 86_400, Reason::Panic);
    ahead.heard_s = T;
    assert_eq!(fold(&[&ahead], T + 60).raised_s, T, "or nobody further would be rung for a day");
    let behind = raised(DEFENDER, T - 86_400, Reason::Panic);
    assert!(fold(&[&behind, &closed(ANA, T, &[])], T + 60).is_open());
}

#[test]
fn what_was_sealed_beforehand_happened_when_it_arrived() {
    let mut kit = raised(DEFENDER, 0, Reason::Panic);
    kit.heard_s = T;
    assert_eq!(fold(&[&kit], T + 60).raised_s, T);
}

#[test]
fn nobody_answers_an_alert_about_her_own_person() {
    let claim = claimed(SECOND, T + 1, &[]);
    let ask = asked(DEFENDER, T + 2, &[&panic()]);
    for own in [DEFENDER, SECOND] {
        let confirm = confirmed(own, T + 3, &[&ask], &[&panic()]);
        let close = closed(own, T + 4, &[&panic()]);
        let alert = fold(&[&panic(), &claim, &ask, &confirm, &close], T + 5);
        assert!(alert.is_open() && alert.claims.is_empty());
        assert_eq!(alert.stand_down, StandDown::Asked(id(DEFENDER)));
    }
    assert!(!Membership::from(circle()).may_answer(id(SECOND), id(DEFENDER)));
    assert!(
        !Membership::from(circle()).may_answer(id(DEFENDER), id(ANA)),
        "a defender's role is another"
    );
    assert!(!Membership::from(circle()).may_answer(id(STRANGER), id(DEFENDER)));
    assert!(Membership::from(circle()).may_answer(id(SECOND), id(ANA)));
}

#[test]
fn a_member_in_no_roster_counts_for_nothing() {
    let claim = claimed(STRANGER, T + 1, &[]);
    let close = closed(STRANGER, T + 2, &[&panic()]);
    let alert = fold(&[&panic(), &claim, &close], T + 3);
    assert!(alert.is_open() && alert.claims.is_empty());
    let unknown = raised_about(STRANGER, T, Reason::Panic, STRANGER).event;
    let hearsay = Heard::new(unknown, id(ANA), T).unwrap();
    assert_eq!(fold_in(&circle(), &[&hearsay], T), None);
}

#[test]
fn removing_a_member_silences_no_alarm_and_undoes_her_claims() {
    let lead = secret(LEAD);
    let close = closed(ANA, T + 2, &[&panic()]);
    let events = [&panic(), &claimed(ANA, T + 1, &[]), &close];
    assert!(!fold(&events, T + 3).is_open());
    let without = circle().without_member(&lead, id(DEFENDER)).unwrap();
    assert!(fold_in(&without, &[&panic()], T + 3).unwrap().is_open());
    let without = circle().without_member(&lead, id(ANA)).unwrap();
    let hers =
        Heard::new(raised(ANA, T, Reason::Overdue { check_in: 7 }).event, id(LUZ), T).unwrap();
    assert!(fold_in(&without, &[&hers], T + 3).unwrap().is_open(), "passed on, about a member");
    let alert = fold_in(&without, &events, T + 3).unwrap();
    assert!(alert.is_open() && alert.claims.is_empty());
}

#[test]
fn an_alarm_about_who_was_removed_counts_by_hearsay_too() {
    let heard = Heard::new(panic().event, id(LUZ), T).unwrap();
    let roster = without(DEFENDER, T).roster().clone();
    assert_eq!(fold_in(&roster, &[&heard], T), None, "who never knew her");
    assert!(fold_among(&without(DEFENDER, T), &[&heard], T).unwrap().is_open());
}

#[test]
fn what_was_over_for_a_week_when_its_end_was_removed_stays_over() {
    let close = closed(ANA, T + 2, &[&panic()]);
    let events = [&panic(), &claimed(ANA, T + 1, &[]), &close];
    let open = |left_s: u64, now_s: u64| {
        fold_among(&without(ANA, left_s), &events, now_s).unwrap().is_open()
    };
    // It neither ends again as time goes by, nor begins again.
    for later in [0, PUT_AWAY_S, 50 * PUT_AWAY_S] {
        assert!(open(T + 1 + PUT_AWAY_S, T + 1 + PUT_AWAY_S + later));
        assert!(!open(T + 2 + PUT_AWAY_S, T + 2 + PUT_AWAY_S + later));
    }
    let again = raised(LUZ, T + 3, Reason::Panic);
    let members = without(ANA, T + 2 + PUT_AWAY_S);
    let events = [&panic(), &close, &again];
    assert!(fold_among(&members, &events, T + 3 + PUT_AWAY_S).unwrap().is_open());
    // It ends nothing that came later, whatever it named beforehand.
    let foreseen = closed(ANA, T, &[&panic(), &again]);
    let events = [&panic(), &foreseen, &again];
    let members = without(ANA, T + 2 + PUT_AWAY_S);
    assert!(fold_among(&members, &events, T + 3 + PUT_AWAY_S).unwrap().is_open());
    // Who could not have ended it then does not end it by having left.
    let by_herself = closed(DEFENDER, T + 2, &[&panic()]);
    let members = without(DEFENDER, T + 50 * PUT_AWAY_S);
    assert!(fold_among(&members, &[&panic(), &by_herself], T + 60).unwrap().is_open());
}

#[test]
fn a_coordinator_may_answer_and_a_pure_defender_may_not() {
    let roster = circle().with_member(&secret(LEAD), member(9, 9, &[Role::Defender])).unwrap();
    let members = Membership::from(roster);
    assert!(members.may_answer(id(LEAD), id(DEFENDER)));
    assert!(!members.may_answer(id(9), id(DEFENDER)));
}

#[test]
fn only_alarm_travels_by_hearsay() {
    let from_luz = |heard: Heard| Heard::new(heard.event, id(LUZ), T);
    assert!(from_luz(panic()).is_some_and(|heard| !heard.is_first_hand()));
    assert!(from_luz(note(ANA, T)).is_some());
    let (claim, ask) = (claimed(ANA, T, &[]), asked(DEFENDER, T, &[]));
    let confirm = confirmed(ANA, T, &[&ask], &[]);
    let kind = EventKind::Released { claims: ids(&[&claim]), text: String::new() };
    for calm in [claim, ask, confirm, closed(ANA, T, &[]), first(ANA, T, kind)] {
        assert!(!calm.event.kind.travels_by_hearsay());
        assert_eq!(Heard::new(calm.event.clone(), id(LUZ), T), None);
        assert!(Heard::new(calm.event, id(ANA), T).is_none_or(|heard| heard.is_first_hand()));
    }
}

#[test]
fn an_event_heard_twice_is_known_at_first_hand_and_since_the_earlier_time() {
    let late = panic();
    let early = Heard::new(late.event.clone(), id(LUZ), T - 5).unwrap();
    let merged = late.clone().merge(&early);
    assert_eq!(merged, early.merge(&late));
    assert!(merged.is_first_hand());
    assert_eq!(merged.heard_s(), T - 5);
    assert_eq!(panic().merge(&note(ANA, T)), panic());
}

#[test]
fn forged_hearsay_uses_up_the_share_of_its_bringer_only() {
    let forged = |i: u64| {
        let note = event(ANA, T + i, EventKind::Note { text: String::from("forged") });
        Heard::new(note, id(LUZ), T).unwrap()
    };
    let mut kept = Vec::new();
    for i in 0..1000 {
        let heard = forged(i);
        if heard.has_room(&kept) {
            kept.push(heard);
        }
    }
    assert_eq!(kept.len(), MAX_EVENTS_PER_AUTHOR);
    assert!(claimed(ANA, T, &[]).has_room(&kept), "her own words still have room");
    assert!(!note(LUZ, T).has_room(&kept));
    assert!(raised(LUZ, T, Reason::Panic).has_room(&kept), "and so has an alarm of the bringer");
    kept.extend((0..MAX_EVENTS_PER_AUTHOR as u64).map(|i| raised(LUZ, T + i, Reason::Panic)));
    assert!(!raised(LUZ, T, Reason::Panic).has_room(&kept));
    // Heard from its author after all: it no longer counts against the bringer.
    let own = note(ANA, T);
    let merged = Heard::new(own.event.clone(), id(LUZ), T).unwrap().merge(&own);
    assert_eq!(merged.brought_by(), id(ANA));
}

#[test]
fn an_event_is_named_by_all_that_it_says() {
    let base = event(ANA, T, EventKind::Note { text: String::from("a") });
    let others = [
        AlertEvent { alert: AlertId([0; 16]), ..base.clone() },
        AlertEvent { salt: [0; 8], ..base.clone() },
        AlertEvent { author: id(LUZ), ..base.clone() },
        AlertEvent { at_s: T + 1, ..base.clone() },
        AlertEvent { kind: EventKind::Note { text: String::from("b") }, ..base.clone() },
    ];
    for other in others {
        assert_ne!(other.id(), base.id());
    }
    assert_eq!(base.id(), base.clone().id());
}

#[test]
fn a_digest_compares_what_can_be_passed_on() {
    let (panic, noted, claim) = (panic().event, note(ANA, T).event, claimed(ANA, T, &[]).event);
    let digest = |events: &[&AlertEvent]| set_digest(events.iter().copied());
    assert_eq!(digest(&[&panic, &noted]), digest(&[&noted, &panic, &noted]));
    assert_ne!(digest(&[&panic]), digest(&[&panic, &noted]));
    assert_ne!(digest(&[]), digest(&[&panic]));
    assert_eq!(digest(&[&panic, &claim]), digest(&[&panic]));
}

#[test]
fn a_flooded_alert_is_still_taken_stood_down_and_closed_within_bounds() {
    let mut heard = vec![panic()];
    for i in 0..600_u64 {
        heard.push(raised(LUZ, T + i, Reason::Overdue { check_in: 7 }));
        heard.push(claimed(LUZ, T + i, &[]));
    }
    let ring = |heard: &[Heard]| {
        Alert::fold(alarm(), heard, &circle().into(), &Agreement::default(), T + 900).unwrap()
    };
    let say = |heard: &mut Vec<Heard>, author, kinds: Vec<EventKind>| {
        for (i, kind) in kinds.into_iter().enumerate() {
            let body = crate::circle::Body::Alert(event(author, T + 900 + i as u64, kind.clone()));
            let message = crate::circle::Message { sent_at_s: T, kit: 0, marks: Vec::new(), body };
            message.encode().unwrap();
            heard.push(first(author, T + 900 + i as u64, kind));
        }
    };
    let alert = ring(&heard);
    say(&mut heard, ANA, alert.claiming());
    assert!(ring(&heard).claims.iter().all(|claim| claim.by == id(ANA)));
    say(&mut heard, DEFENDER, alert.asking("I am out"));
    let alert = ring(&heard);
    say(&mut heard, ANA, alert.confirming());
    let alert = ring(&heard);
    assert_eq!(alert.stand_down, StandDown::Confirmed(id(DEFENDER), id(ANA)));
    say(&mut heard, ANA, alert.closing("with her"));
    let alert = ring(&heard);
    assert_eq!(alert.closed_by, Some(id(ANA)));
    say(&mut heard, ANA, alert.releasing(id(ANA), ""));
    assert_eq!(ring(&heard).leading(), None);
}

#[test]
fn a_first_answer_names_nothing_more_than_it_has_to() {
    let alert = fold(&[&panic()], T);
    assert_eq!(alert.claiming(), [EventKind::Claimed { over: BTreeSet::new() }]);
    let text = String::from("x");
    assert_eq!(alert.closing("x"), [EventKind::Closed { saw: ids(&[&panic()]), text }]);
}
