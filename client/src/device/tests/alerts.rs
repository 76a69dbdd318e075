//! Alerts from end to end, without a network.

use velar_protocol::circle::{AlertId, AlertMark, EventKind, Heard, Role, StandDown};

use super::office::World;
use crate::device::{CheckInSaid, DeviceError, Reach};
use crate::records::{DeliveryKind, PassedKind};

fn circle() -> World {
    World::circle("Luz", &[("Ana", Role::Defender), ("Eva", Role::Accompanier)])
}

#[test]
fn a_panic_reaches_everybody_and_its_progress_is_true() {
    let mut world = circle();
    let now_s = world.now_s;
    let (alert, _) = world.device("Ana").panic("ayuda", now_s).unwrap();
    let progress = |world: &mut World| {
        let views = world.device("Ana").alerts(true, now_s).unwrap();
        views[0].progress.iter().map(|(.., reach)| reach.clone()).collect::<Vec<_>>()
    };
    assert_eq!(progress(&mut world), [Reach::Queued, Reach::Queued]);
    world.send("Ana", |_| true);
    assert!(progress(&mut world).iter().all(|reach| matches!(reach, Reach::AtRelay(_))));
    world.receive("Eva");
    world.send("Eva", |_| true);
    world.receive("Ana");
    let received = progress(&mut world);
    assert_eq!(received.iter().filter(|r| matches!(r, Reach::Received(_))).count(), 1);
    world.settle();
    for name in ["Luz", "Eva"] {
        let views = world.device(name).alerts(true, now_s).unwrap();
        assert_eq!(views[0].alert.id, alert);
        assert_eq!(views[0].alert.subject, world.person("Ana").member());
    }
}

#[test]
fn an_alarm_is_shown_before_what_is_said_of_it_in_the_same_second() {
    let mut world = circle();
    let now_s = world.now_s;
    let (alert, _) = world.device("Ana").panic("", now_s).unwrap();
    for text in ["me siguen", "dos hombres", "una camioneta", "voy al mercado", "estoy sola"] {
        world.device("Ana").note(alert, text, now_s).unwrap();
    }
    world.settle();
    for name in ["Ana", "Eva"] {
        let views = world.device(name).alerts(true, now_s).unwrap();
        let raised = |heard: &Heard| matches!(heard.event().kind, EventKind::Raised { .. });
        let shown: Vec<bool> = views[0].events.iter().map(raised).collect();
        assert_eq!(shown, [true, false, false, false, false, false]);
    }
}

#[test]
fn of_two_claims_at_once_everybody_sees_both_and_the_same_one_leading() {
    let mut world = circle();
    let now_s = world.now_s;
    let (alert, _) = world.device("Ana").panic("", now_s).unwrap();
    world.settle();
    world.device("Luz").claim(alert, now_s).unwrap();
    world.device("Eva").claim(alert, now_s).unwrap();
    world.settle();
    let seen = |world: &mut World, name| {
        world.device(name).alerts(true, now_s).unwrap()[0].alert.claims.clone()
    };
    let first = seen(&mut world, "Luz");
    assert_eq!(first.len(), 2);
    assert_eq!(seen(&mut world, "Eva"), first);
    assert_eq!(seen(&mut world, "Ana"), first);
}

#[test]
fn the_mesh_carries_a_claim_without_the_defender() {
    let mut world = circle();
    let now_s = world.now_s;
    let (alert, _) = world.device("Ana").panic("", now_s).unwrap();
    world.send("Ana", |_| true);
    world.people.remove("Ana");
    world.settle();
    world.device("Eva").claim(alert, now_s).unwrap();
    world.settle();
    let views = world.device("Luz").alerts(true, now_s).unwrap();
    assert_eq!(views[0].alert.leading().unwrap().by, world.person("Eva").member());
}

#[test]
fn the_subject_asks_another_confirms_and_only_another_closes() {
    let mut world = circle();
    let now_s = world.now_s;
    let (alert, _) = world.device("Ana").panic("", now_s).unwrap();
    world.settle();
    let refused = world.device("Ana").close(alert, "", now_s);
    assert!(matches!(refused, Err(DeviceError::AnotherPerson)));
    let early = world.device("Eva").confirm_stand_down(alert, now_s);
    assert!(matches!(early, Err(DeviceError::NotAsked)));
    let others = world.device("Eva").stand_down(alert, "", now_s);
    assert!(matches!(others, Err(DeviceError::NotYours)));
    world.device("Ana").stand_down(alert, "ya estoy bien", now_s).unwrap();
    world.settle();
    let own = world.device("Ana").confirm_stand_down(alert, now_s);
    assert!(matches!(own, Err(DeviceError::AnotherPerson)));
    let state =
        |world: &mut World| world.device("Luz").alerts(true, now_s).unwrap()[0].alert.clone();
    assert!(state(&mut world).is_open());
    world.device("Eva").confirm_stand_down(alert, now_s).unwrap();
    world.settle();
    assert!(matches!(state(&mut world).stand_down, StandDown::Confirmed(..)));
    assert!(state(&mut world).is_open(), "confirmed is not closed");
    world.device("Eva").close(alert, "hablamos", now_s).unwrap();
    world.settle();
    for name in ["Luz", "Ana", "Eva"] {
        assert!(world.device(name).alerts(true, now_s).unwrap().is_empty(), "{name}");
    }
}

#[test]
fn the_next_alert_gets_a_new_id_only_after_the_last_was_closed() {
    let mut world = circle();
    let now_s = world.now_s;
    let (first, _) = world.device("Ana").panic("", now_s).unwrap();
    assert_eq!(world.device("Ana").panic("otra vez", now_s).unwrap().0, first);
    world.settle();
    world.device("Eva").close(first, "", now_s).unwrap();
    world.settle();
    assert_ne!(world.device("Ana").panic("", now_s).unwrap().0, first);
}

#[test]
fn who_missed_an_alarm_hears_it_from_another() {
    let mut world = circle();
    let now_s = world.now_s;
    world.device("Ana").panic("", now_s).unwrap();
    world.send("Ana", |_| true);
    world.people.remove("Ana");
    // Luz's copy is lost on the way; Ana cannot say it again.
    world.meddle("Luz", std::collections::VecDeque::clear);
    world.settle();
    assert!(world.device("Luz").alerts(true, now_s).unwrap().is_empty());
    world.now_s += 120;
    let now_s = world.now_s;
    world.device("Luz").say("todo bien?", &[], now_s).unwrap();
    world.settle();
    world.device("Eva").say("hay una alerta", &[], now_s).unwrap();
    world.settle();
    world.now_s += 120;
    let now_s = world.now_s;
    world.device("Luz").say("cual?", &[], now_s).unwrap();
    world.settle();
    assert_eq!(world.device("Luz").alerts(true, now_s).unwrap().len(), 1);
}

#[test]
fn an_alarm_reaches_members_that_the_device_did_not_know_of_when_it_was_raised() {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender)]);
    let ana = world.people.remove("Ana").unwrap();
    world.admit("Luz", "Eva", Role::Accompanier);
    world.people.insert("Ana", ana);
    let now_s = world.now_s;
    // Ana has not been online since: she knows of Luz alone.
    let said = CheckInSaid { next_min: 60, ..CheckInSaid::default() };
    let (check_in, _) = world.device("Ana").check_in(said, now_s).unwrap();
    let (alert, raised) = world.device("Ana").panic("", now_s).unwrap();
    world.settle();
    assert_eq!(world.device("Eva").alerts(true, now_s).unwrap()[0].alert.id, alert);
    for message in [check_in, raised] {
        let progress = world.device("Ana").progress(message).unwrap();
        assert_eq!(progress.len(), 2);
        assert!(progress.iter().all(|(.., reach)| matches!(reach, Reach::Received(_))));
    }
}

#[test]
fn a_check_in_told_to_a_newcomer_keeps_its_time() {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender)]);
    let said_s = world.now_s;
    let said = CheckInSaid { next_min: 60, ..CheckInSaid::default() };
    world.device("Ana").check_in(said, said_s).unwrap();
    world.settle();
    world.now_s += 1800;
    world.admit("Luz", "Eva", Role::Accompanier);
    let ana = world.person("Ana").member();
    for name in ["Luz", "Eva"] {
        let members = world.device(name).members().unwrap();
        let view = members.iter().find(|member| member.member == ana).unwrap();
        assert_eq!(view.check_in.as_ref().unwrap().1, said_s, "{name}");
    }
    let (at_s, progress) = world.device("Ana").last_check_in().unwrap().unwrap();
    assert_eq!((at_s, progress.len()), (said_s, 2));
}

#[test]
fn what_a_member_lacks_is_passed_on_once_alarms_first_then_the_newest() {
    let mut world = circle();
    let now_s = world.now_s;
    let (alert, _) = world.device("Ana").panic("", now_s).unwrap();
    world.settle();
    for n in 0..40 {
        world.device("Ana").note(alert, &n.to_string(), now_s + n).unwrap();
    }
    let eva = world.person("Eva").member();
    let sent = world.device("Ana").write(now_s, |turn| {
        let events = turn.events_of(alert)?;
        let mut passed = Vec::new();
        for _ in 0..3 {
            let more = turn.pass_on(eva, &events)?;
            passed.push((more, turn.tx.get::<PassedKind>(&eva.0)?.unwrap_or_default()));
        }
        let raised = events.iter().find(|e| matches!(e.event().kind, EventKind::Raised { .. }));
        let newest = events.iter().max_by_key(|e| e.heard_s());
        let first = [raised.unwrap().event().id(), newest.unwrap().event().id()];
        Ok((passed, first))
    });
    let (passed, first) = sent.unwrap();
    let counts: Vec<_> = passed.iter().map(|(more, ids)| (*more, ids.len())).collect();
    assert_eq!(counts, [(true, 32), (false, 41), (false, 41)]);
    assert_eq!(passed[0].1[..2], first);
}

#[test]
fn a_mark_alone_leaves_nothing_behind() {
    let mut world = circle();
    let (now_s, eva) = (world.now_s, world.person("Eva").member());
    let deliveries = |world: &mut World| {
        world.device("Ana").vault.read(|tx| tx.count::<DeliveryKind>()).unwrap()
    };
    let before = deliveries(&mut world);
    let mark = AlertMark { alert: AlertId([1; 16]), digest: [2; 16] };
    world.device("Ana").write(now_s, |turn| turn.say_mark(eva, mark)).unwrap();
    world.settle();
    assert_eq!(deliveries(&mut world), before);
}
