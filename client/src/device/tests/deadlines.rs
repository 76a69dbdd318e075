//! Deadlines judged by each accompanier's client, without a network and with virtual time.

use std::collections::BTreeSet;

use velar_protocol::circle::{AlertEvent, Body, EventKind, Reason, Role};
use velar_protocol::seal::MemberId;

use super::office::World;
use crate::device::sealing::Post;
use crate::device::{CheckInSaid, Missed};
use crate::outbox::Class;
use crate::plan::{Plan, Rhythm};
use crate::records::{QuietKind, What};

const MIN: u64 = 60;

/// Relays take no holds: what each client finds by itself.
fn circle() -> World {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender), ("Eva", Role::Accompanier)]);
    world.office.without_holds = true;
    world
}

fn plan(minutes: u32) -> Plan {
    Plan {
        number: 0,
        rhythm: Rhythm::Every { minutes },
        zone: "America/Mexico_City".to_owned(),
        grace_min: 10,
        margin_min: 5,
        ends_s: None,
        silent_until_s: None,
        itinerary: "a Tapachula, en autobus".to_owned(),
        low_battery: true,
        no_signal: false,
    }
}

/// Ana agrees on a check-in each hour with ten minutes of grace; everybody has heard of it.
fn agreed() -> World {
    let mut world = circle();
    let now_s = world.now_s;
    world.device("Ana").agree_to_plan(Some(plan(60)), CheckInSaid::default(), now_s).unwrap();
    world.settle();
    world
}

fn judge(world: &mut World, name: &'static str, knows: bool) -> Vec<Missed> {
    let now_s = world.now_s;
    world.device(name).judge(|_| knows, &BTreeSet::new(), now_s).unwrap()
}

fn check_in(world: &mut World) {
    let now_s = world.now_s;
    let said = CheckInSaid { next_min: 60, ..CheckInSaid::default() };
    world.device("Ana").check_in(said, now_s).unwrap();
}

/// The reasons of all open alerts that somebody knows.
fn reasons(world: &mut World, name: &'static str) -> Vec<Reason> {
    let now_s = world.now_s;
    let views = world.device(name).alerts(true, now_s).unwrap();
    views.iter().flat_map(|view| view.alert.reasons.iter().map(|(reason, ..)| *reason)).collect()
}

/// Lines about this that somebody was shown.
fn shown(world: &mut World, name: &'static str, fits: impl Fn(&What) -> bool) -> usize {
    world.receive(name);
    world.person(name).shown.iter().filter(|item| fits(&item.what)).count()
}

fn raised(what: &What) -> bool {
    matches!(what, What::Alert { event, .. } if matches!(event.kind, EventKind::Raised { .. }))
}

fn outdated(what: &What) -> bool {
    matches!(what, What::Outdated { .. })
}

/// What a relay releases: sealed by Ana at this check-in, about herself.
fn release(world: &mut World, to: &'static str, check_in: u64) {
    let (now_s, to) = (world.now_s, world.person(to).member());
    world
        .device("Ana")
        .write(now_s, |turn| {
            let (me, alert) = (turn.me(), turn.profile()?.next_alarm);
            let event = about(me, alert, Reason::Released { check_in }, [7; 8]);
            turn.tell(&[to], Body::Alert(event), &Post::of(Class::Alert)).map(|_| ())
        })
        .unwrap();
    world.settle();
}

fn about(
    subject: MemberId,
    alert: velar_protocol::circle::AlertId,
    reason: Reason,
    salt: [u8; 8],
) -> AlertEvent {
    let text = "a Tapachula".to_owned();
    let kind = EventKind::raised(reason, subject, false, text);
    AlertEvent { alert, salt, author: subject, at_s: 0, kind }
}

#[test]
fn a_change_of_the_plan_is_told_by_a_check_in_without_the_itinerary() {
    let mut world = circle();
    let now_s = world.now_s;
    let (_, first) =
        world.device("Ana").agree_to_plan(Some(plan(60)), CheckInSaid::default(), now_s).unwrap();
    assert_eq!((first.next_min, first.grace_min, first.low_battery), (60, 10, true));
    assert_eq!((first.planned_silence, first.note.as_str()), (false, ""));
    let kept = world.device("Ana").plan().unwrap().unwrap();
    assert_eq!(kept.number, first.counter);

    let until_s = now_s + 300 * MIN;
    let silent = Plan { silent_until_s: Some(until_s), ..kept };
    let (_, second) =
        world.device("Ana").agree_to_plan(Some(silent), CheckInSaid::default(), now_s).unwrap();
    assert_eq!((second.next_min, second.planned_silence), (300, true));
    assert!(world.device("Ana").plan().unwrap().unwrap().number > first.counter);
    // A word during the silence does not end it.
    let due = world.device("Ana").next_check_in(now_s + 60 * MIN).unwrap();
    assert_eq!((due.at_s, due.silence), (Some(until_s), true));

    let (_, last) = world.device("Ana").agree_to_plan(None, CheckInSaid::default(), now_s).unwrap();
    assert_eq!(last.next_min, 0);
    assert_eq!(world.device("Ana").plan().unwrap(), None);
    world.settle();
    world.now_s += 30 * 86_400;
    assert_eq!(judge(&mut world, "Luz", true), []);
}

#[test]
fn without_a_plan_the_circles_agreement_says_when_the_next_is_due() {
    let mut world = circle();
    let now_s = world.now_s;
    let due = world.device("Ana").next_check_in(now_s).unwrap();
    assert_eq!((due.at_s, due.silence), (Some(now_s + 240 * MIN), false));
}

#[test]
fn each_accompanier_finds_a_missed_check_in_alone_and_all_hold_the_same_alert() {
    let mut world = agreed();
    world.now_s += 70 * MIN - 1;
    for name in ["Luz", "Eva"] {
        assert_eq!(judge(&mut world, name, true), []);
    }
    world.now_s += 1;
    let mut digests = Vec::new();
    for name in ["Luz", "Eva"] {
        let missed = judge(&mut world, name, true);
        assert!(missed.len() == 1 && missed[0].known);
        assert_eq!(reasons(&mut world, name), [Reason::Overdue { check_in: 1 }]);
        let alert = missed[0].deadline.alert;
        assert!(alert.is_about(world.person("Ana").member()));
        digests.push(world.device(name).read(0, |turn| turn.event_digest(alert)).unwrap());
        assert_eq!(shown(&mut world, name, raised), 1);
    }
    assert_eq!(digests[0], digests[1]);
    // Nobody's device sent anything, and looking again says nothing new.
    assert!(!world.send("Luz", |_| true));
    world.now_s += 60 * MIN;
    judge(&mut world, "Luz", true);
    assert_eq!(shown(&mut world, "Luz", raised), 1);
    assert_eq!(reasons(&mut world, "Luz").len(), 1);
}

#[test]
fn the_defenders_own_device_raises_nothing_about_itself() {
    let mut world = agreed();
    let own = world.device("Ana").own_deadline().unwrap().unwrap();
    assert_eq!(own.due_s, world.now_s + 60 * MIN);
    world.now_s += 1_000 * MIN;
    assert_eq!(judge(&mut world, "Ana", true), []);
    assert_eq!(reasons(&mut world, "Ana"), []);
}

#[test]
fn who_has_read_no_relay_since_cannot_know() {
    let mut world = agreed();
    world.now_s += 50 * MIN;
    check_in(&mut world);
    // It waits at the relay; Luz is cut off.
    world.send("Ana", |_| true);
    world.now_s += 30 * MIN;
    let missed = judge(&mut world, "Luz", false);
    assert!(missed.len() == 1 && !missed[0].known);
    assert_eq!(reasons(&mut world, "Luz"), []);
    // Back, it reads first, and nobody is late.
    world.settle();
    assert_eq!(judge(&mut world, "Luz", true), []);
    // The next one never comes: cut off again, then back.
    world.now_s += 60 * MIN;
    assert!(!judge(&mut world, "Luz", false)[0].known);
    assert!(judge(&mut world, "Luz", true)[0].known);
    assert_eq!(reasons(&mut world, "Luz"), [Reason::Overdue { check_in: 2 }]);
    // What is known stays known when the relay is lost once more.
    assert!(judge(&mut world, "Luz", false)[0].known);
}

#[test]
fn three_days_offline_end_with_what_is_still_open() {
    let mut world = agreed();
    let eva = world.people.remove("Eva").unwrap();
    // A day of check-ins, then silence; the alert is taken and closed; a new day, and silence again.
    for _ in 0..3 {
        world.now_s += 50 * MIN;
        check_in(&mut world);
        world.settle();
    }
    world.now_s += 86_400;
    let first = judge(&mut world, "Luz", true)[0].deadline.alert;
    let now_s = world.now_s;
    world.device("Luz").close(first, "hablamos", now_s).unwrap();
    world.settle();
    world.now_s += 86_400;
    check_in(&mut world);
    world.settle();
    world.now_s += 86_400;
    world.people.insert("Eva", eva);
    let before = judge(&mut world, "Eva", false);
    assert!(before.len() == 1 && !before[0].known, "{before:?}");
    world.settle();
    let missed = judge(&mut world, "Eva", true);
    assert_eq!(missed.len(), 1);
    assert_eq!(reasons(&mut world, "Eva"), [Reason::Overdue { check_in: 5 }]);
    assert_ne!(missed[0].deadline.alert, first);
    // Of the silence in between only the end is there, and nothing rings for it.
    let now_s = world.now_s;
    let open = world.device("Eva").alerts(true, now_s).unwrap();
    assert_eq!(open.len(), 1);
}

#[test]
fn a_closed_alert_is_not_raised_again_for_the_same_silence() {
    let mut world = agreed();
    world.now_s += 80 * MIN;
    let alert = judge(&mut world, "Luz", true)[0].deadline.alert;
    let now_s = world.now_s;
    world.device("Luz").close(alert, "esta en casa", now_s).unwrap();
    world.settle();
    // Eva finds the same event only now: it was named in the closing.
    judge(&mut world, "Eva", true);
    for name in ["Luz", "Eva"] {
        judge(&mut world, name, true);
        assert_eq!(reasons(&mut world, name), [], "{name}");
    }
}

#[test]
fn a_check_in_that_comes_late_stops_no_alert_and_starts_a_new_deadline() {
    let mut world = agreed();
    world.now_s += 80 * MIN;
    judge(&mut world, "Luz", true);
    check_in(&mut world);
    world.settle();
    assert_eq!(judge(&mut world, "Luz", true), []);
    assert_eq!(reasons(&mut world, "Luz"), [Reason::Overdue { check_in: 1 }]);
    world.now_s += 70 * MIN;
    judge(&mut world, "Luz", true);
    // The same alert, with both reasons.
    let both = [Reason::Overdue { check_in: 1 }, Reason::Overdue { check_in: 2 }];
    assert_eq!(reasons(&mut world, "Luz"), both);
    let now_s = world.now_s;
    assert_eq!(world.device("Luz").alerts(true, now_s).unwrap().len(), 1);
}

/// Luz removes Ana from the circle, on her own device.
fn remove_ana(world: &mut World) {
    let (now_s, ana) = (world.now_s, world.person("Ana").member());
    world.device("Luz").remove_member(ana, now_s).unwrap();
}

#[test]
fn who_was_late_hears_of_her_alert_and_stands_down() {
    let mut world = agreed();
    world.now_s += 80 * MIN;
    let alert = judge(&mut world, "Luz", true)[0].deadline.alert;
    judge(&mut world, "Eva", true);
    let now_s = world.now_s;
    world.device("Luz").claim(alert, now_s).unwrap();
    world.settle();
    world.now_s += 2 * MIN;
    let now_s = world.now_s;
    check_in(&mut world);
    // The receipts say that something is open, and what.
    world.settle();
    assert_eq!(reasons(&mut world, "Ana"), [Reason::Overdue { check_in: 1 }]);
    let open = world.device("Ana").alerts(true, now_s).unwrap();
    assert_eq!(open[0].alert.claims.len(), 1);
    world.device("Ana").stand_down(alert, "se acabo la bateria", now_s).unwrap();
    world.settle();
    world.device("Luz").confirm_stand_down(alert, now_s).unwrap();
    world.device("Luz").close(alert, "", now_s).unwrap();
    world.settle();
    for name in ["Ana", "Luz", "Eva"] {
        assert_eq!(reasons(&mut world, name), [], "{name}");
    }
    // Her next silence is another alert.
    check_in(&mut world);
    world.settle();
    assert_ne!(world.device("Luz").deadlines().unwrap()[0].alert, alert);
}

#[test]
fn a_member_who_left_is_not_waited_for() {
    let mut world = agreed();
    world.now_s += 50 * MIN;
    remove_ana(&mut world);
    world.now_s += 30 * MIN;
    assert_eq!(judge(&mut world, "Luz", true), []);
    assert_eq!(reasons(&mut world, "Luz"), []);
}

#[test]
fn removing_who_is_late_silences_nothing() {
    let mut world = agreed();
    world.now_s += 80 * MIN;
    judge(&mut world, "Luz", true);
    remove_ana(&mut world);
    assert_eq!(reasons(&mut world, "Luz"), [Reason::Overdue { check_in: 1 }]);
}

#[test]
fn a_released_alert_of_who_has_checked_in_since_is_one_quiet_line_until_she_is_late() {
    let mut world = agreed();
    world.now_s += 50 * MIN;
    check_in(&mut world);
    world.settle();
    // A relay that missed the extension gives out what was left at the first check-in.
    world.now_s += 25 * MIN;
    release(&mut world, "Luz", 1);
    assert_eq!(reasons(&mut world, "Luz"), []);
    assert_eq!((shown(&mut world, "Luz", outdated), shown(&mut world, "Luz", raised)), (1, 0));
    release(&mut world, "Luz", 1);
    assert_eq!(shown(&mut world, "Luz", outdated), 1, "once");
    // Not known is not late.
    world.now_s += 45 * MIN;
    judge(&mut world, "Luz", false);
    assert_eq!(reasons(&mut world, "Luz"), []);
    judge(&mut world, "Luz", true);
    let both = [Reason::Released { check_in: 1 }, Reason::Overdue { check_in: 2 }];
    let found: BTreeSet<_> = reasons(&mut world, "Luz").into_iter().collect();
    assert_eq!(found, BTreeSet::from(both));
    assert_eq!(shown(&mut world, "Luz", raised), 2);
}

#[test]
fn a_released_alert_counts_where_no_newer_check_in_is_known() {
    let mut world = agreed();
    world.now_s += 75 * MIN;
    release(&mut world, "Luz", 1);
    assert_eq!(reasons(&mut world, "Luz"), [Reason::Released { check_in: 1 }]);
    // And also before the time is over by this device's clock: there is nothing newer.
    let mut world = agreed();
    release(&mut world, "Luz", 1);
    assert_eq!(reasons(&mut world, "Luz"), [Reason::Released { check_in: 1 }]);
    // Late by one's own rule, an older one counts too.
    let mut world = agreed();
    check_in(&mut world);
    world.settle();
    world.now_s += 75 * MIN;
    release(&mut world, "Luz", 1);
    assert_eq!(reasons(&mut world, "Luz"), [Reason::Released { check_in: 1 }]);
}

#[test]
fn overdue_by_hearsay_is_quiet_where_a_newer_check_in_is_known() {
    let mut world = agreed();
    world.now_s += 50 * MIN;
    check_in(&mut world);
    world.send("Ana", |_| true);
    world.receive("Luz");
    // Eva's copy is lost: she finds Ana late, and says so to Luz.
    world.meddle("Eva", std::collections::VecDeque::clear);
    world.now_s += 30 * MIN;
    let overdue = judge(&mut world, "Eva", true)[0].deadline;
    let (now_s, luz) = (world.now_s, world.person("Luz").member());
    let event = AlertEvent::overdue(overdue.alert, overdue.member, overdue.check_in);
    world
        .device("Eva")
        .write(now_s, |turn| {
            turn.tell(&[luz], Body::Alert(event), &Post::of(Class::Alert)).map(|_| ())
        })
        .unwrap();
    world.settle();
    assert_eq!(reasons(&mut world, "Luz"), []);
    assert_eq!(shown(&mut world, "Luz", outdated), 1);
}

#[test]
fn an_alert_kept_aside_is_forgotten_after_the_longest_hold() {
    let mut world = agreed();
    check_in(&mut world);
    world.settle();
    release(&mut world, "Luz", 1);
    let kept =
        |world: &mut World| world.device("Luz").vault.read(|tx| tx.count::<QuietKind>()).unwrap();
    assert_eq!(kept(&mut world), 1);
    for (days, left) in [(29, 1), (2, 0)] {
        world.now_s += days * 86_400;
        let now_s = world.now_s;
        world.device("Luz").tend(true, true, now_s).unwrap();
        assert_eq!(kept(&mut world), left);
    }
}

#[test]
fn a_deadline_that_a_steady_clock_says_is_over_counts() {
    let mut world = agreed();
    let deadline = world.device("Luz").deadlines().unwrap()[0];
    // The wall clock was set back a day.
    let now_s = world.now_s - 86_400;
    let past = BTreeSet::from([deadline.key()]);
    let missed = world.device("Luz").judge(|_| true, &past, now_s).unwrap();
    assert!(missed.len() == 1 && missed[0].known);
    assert_eq!(reasons(&mut world, "Luz"), [Reason::Overdue { check_in: 1 }]);
}

#[test]
fn zones_far_apart_agree_on_the_moment() {
    let mut world = circle();
    let now_s = world.now_s; // 2027-01-15 08:00 UTC
    let there = Plan {
        rhythm: Rhythm::At { minutes_of_day: vec![9 * 60] },
        zone: "Pacific/Kiritimati".to_owned(), // UTC+14: 22:00 there
        ..plan(60)
    };
    let (_, said) =
        world.device("Ana").agree_to_plan(Some(there), CheckInSaid::default(), now_s).unwrap();
    assert_eq!(said.next_min, 11 * 60);
    world.settle();
    for name in ["Luz", "Eva"] {
        let due = world.device(name).deadlines().unwrap()[0].due_s;
        assert_eq!(due, now_s + (11 * 60 + 10) * MIN, "{name}");
    }
}
