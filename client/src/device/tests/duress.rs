//! Duress from end to end, without a network: Ana's vault is opened with the second passphrase.

mod alike;
mod beforehand;
mod ends;
mod offer;
mod own;
mod vault;

use velar_protocol::circle::{AlertEvent, AlertId, Body, EventKind, Reason, Role, StandDown};
use velar_protocol::seal::MemberId;

use super::office::World;
use crate::device::sealing::Post;
use crate::device::{AlertView, CheckInSaid, Turn};
use crate::outbox::Class;
use crate::records::{DeliveryKind, DuressKind, EventKind as EventRecord, PeerKind, Profile, What};

const OTHERS: [&str; 2] = ["Luz", "Eva"];

fn circle() -> World {
    World::circle("Luz", &[("Ana", Role::Defender), ("Eva", Role::Accompanier)])
}

fn check_in(world: &mut World, name: &'static str) {
    let now_s = world.now_s;
    let said = CheckInSaid { next_min: 60, ..CheckInSaid::default() };
    world.device(name).check_in(said, now_s).unwrap();
}

/// A circle in which Ana has checked in as usual, and again under duress.
fn under_duress() -> World {
    let mut world = circle();
    check_in(&mut world, "Ana");
    world.settle();
    world.person("Ana").reopen(true);
    check_in(&mut world, "Ana");
    world.settle();
    world
}

fn open(world: &mut World, name: &'static str) -> Vec<AlertView> {
    let now_s = world.now_s;
    world.device(name).alerts(true, now_s).unwrap()
}

fn only(world: &mut World, name: &'static str) -> AlertView {
    let mut views = open(world, name);
    assert_eq!(views.len(), 1, "{name}");
    views.remove(0)
}

fn reasons(view: &AlertView) -> Vec<Reason> {
    view.alert.reasons.iter().map(|(reason, ..)| *reason).collect()
}

/// How many events of alerts this device holds, and of how many alerts something is kept apart.
fn kept(world: &mut World, name: &'static str) -> (u64, u64) {
    let device = world.device(name);
    let count = device.vault.read(|tx| Ok((tx.count::<EventRecord>()?, tx.count::<DuressKind>()?)));
    count.map_err(|error: crate::vault::VaultError| error).unwrap()
}

/// Nothing on this device says or suggests duress.
fn knows_nothing(world: &mut World, name: &'static str) {
    let person = world.person(name);
    let duress = |what: &What| match what {
        What::Alert { event, .. } => {
            matches!(event.kind, EventKind::Raised { reason: Reason::Duress, .. })
        }
        _ => false,
    };
    assert!(!person.shown.iter().any(|item| duress(&item.what)), "{name} is shown it");
    let now_s = world.now_s;
    for view in world.device(name).alerts(false, now_s).unwrap() {
        assert!(!view.alert.duress && !reasons(&view).contains(&Reason::Duress), "{name}");
    }
    assert_eq!(kept(world, name).1, 0, "{name}");
}

#[test]
fn another_voice_raises_the_same_alert_at_everybody_but_her() {
    let mut world = under_duress();
    let ana = world.person("Ana").member();
    let seen = OTHERS.map(|name| only(&mut world, name));
    for view in &seen {
        assert_eq!(reasons(view), [Reason::Duress]);
        assert!(view.alert.duress && view.alert.subject == ana);
    }
    assert_eq!(seen[0].events[0].event(), seen[1].events[0].event());
    assert!(open(&mut world, "Ana").is_empty());
    assert_eq!(kept(&mut world, "Ana"), (0, 0));
    knows_nothing(&mut world, "Ana");
}

#[test]
fn it_is_the_alert_that_a_panic_of_hers_raises() {
    let mut world = under_duress();
    let duress = only(&mut world, "Luz").alert.id;
    let now_s = world.now_s;
    let (panic, _) = world.device("Ana").panic("", now_s).unwrap();
    assert_eq!(panic, duress);
    world.settle();
    let mut at_eva = reasons(&only(&mut world, "Eva"));
    at_eva.sort();
    assert_eq!(at_eva, [Reason::Panic, Reason::Duress, Reason::Duress]);
    assert_eq!(reasons(&only(&mut world, "Ana")), [Reason::Panic]);
}

#[test]
fn who_ends_it_while_she_raises_an_alarm_ends_nothing_of_that() {
    let mut world = under_duress();
    let now_s = world.now_s;
    let alert = only(&mut world, "Luz").alert.id;
    world.device("Ana").panic("ayuda", now_s).unwrap();
    // Eva has not heard of the alarm; Luz hears it before she hears that it is over.
    world.device("Eva").close(alert, "", now_s).unwrap();
    world.carry("Ana");
    world.settle();
    for name in OTHERS {
        assert!(only(&mut world, name).alert.duress, "{name}");
    }
    world.device("Luz").note(alert, "la tienen", now_s).unwrap();
    world.settle();
    knows_nothing(&mut world, "Ana");
    let notes = only(&mut world, "Ana").events.into_iter();
    assert_eq!(notes.filter(|e| matches!(e.event().kind, EventKind::Note { .. })).count(), 0);
}

#[test]
fn who_reads_what_was_written_apart_writes_apart() {
    let mut world = circle();
    check_in(&mut world, "Ana");
    let now_s = world.now_s;
    let (alert, _) = world.device("Ana").panic("ayuda", now_s).unwrap();
    world.settle();
    // Only Eva hears the other voice.
    world.person("Ana").reopen(true);
    let eva = world.person("Eva").member();
    world.device("Ana").say("todo bien", &[eva], now_s).unwrap();
    world.settle();
    assert!(only(&mut world, "Eva").alert.duress && !only(&mut world, "Luz").alert.duress);
    world.now_s += 1;
    let now_s = world.now_s;
    world.device("Eva").note(alert, "la tienen", now_s).unwrap();
    world.settle();
    world.device("Luz").note(alert, "¿en la carretera?", now_s).unwrap();
    world.settle();
    let notes = |world: &mut World, name| {
        let events = only(world, name).events.into_iter();
        events.filter(|e| matches!(e.event().kind, EventKind::Note { .. })).count()
    };
    assert_eq!([notes(&mut world, "Luz"), notes(&mut world, "Eva")], [2, 2]);
    assert_eq!(notes(&mut world, "Ana"), 0);
}

#[test]
fn duress_of_one_person_in_the_alert_of_another_is_nobodys() {
    let mut world = circle();
    check_in(&mut world, "Ana");
    let now_s = world.now_s;
    let (alert, _) = world.device("Ana").panic("ayuda", now_s).unwrap();
    world.settle();
    let (luz, ana) = (world.person("Luz").member(), world.person("Ana").member());
    let forged = AlertEvent::duress(alert, luz, [7; 8]);
    let tell = |turn: &mut Turn<'_>| {
        let body = Body::AlertApart { event: forged, hers: Vec::new() };
        turn.tell(&[luz, ana], body, &Post::of(Class::Alert)).map(|_| ())
    };
    world.device("Eva").write(now_s, tell).unwrap();
    world.settle();
    for name in ["Luz", "Ana"] {
        assert_eq!(reasons(&only(&mut world, name)), [Reason::Panic], "{name}");
    }
    world.device("Luz").note(alert, "voy", now_s).unwrap();
    world.settle();
    let hers = only(&mut world, "Ana").events.into_iter();
    assert_eq!(hers.filter(|e| matches!(e.event().kind, EventKind::Note { .. })).count(), 1);
}

#[test]
fn who_names_the_alert_of_another_in_a_check_in_is_under_duress_in_an_alert_of_her_own() {
    let mut world = circle();
    check_in(&mut world, "Ana");
    let now_s = world.now_s;
    let (alert, _) = world.device("Ana").panic("ayuda", now_s).unwrap();
    world.settle();
    let change = |turn: &mut Turn<'_>| {
        let profile = Profile { next_alarm: alert, ..turn.profile()? };
        turn.set_profile(&profile)
    };
    world.device("Eva").write(now_s, change).unwrap();
    check_in(&mut world, "Eva");
    world.settle();
    world.person("Eva").reopen(true);
    for _ in 0..2 {
        check_in(&mut world, "Eva");
        world.settle();
    }
    let eva = world.person("Eva").member();
    for name in ["Ana", "Luz"] {
        let views = open(&mut world, name);
        let of =
            |id: bool| views.iter().filter(|v| (v.alert.id == alert) == id).collect::<Vec<_>>();
        let ([hers], [other]) = (&of(true)[..], &of(false)[..]) else { panic!("{name}") };
        assert_eq!((reasons(hers), hers.alert.duress), (vec![Reason::Panic], false), "{name}");
        assert!(other.alert.duress && other.alert.subject == eva, "{name}");
    }
    world.device("Luz").note(alert, "voy", now_s).unwrap();
    world.settle();
    assert_eq!(notes(&mut world, "Ana", alert), 1);
}

fn notes(world: &mut World, name: &'static str, alert: AlertId) -> usize {
    let now_s = world.now_s;
    let views = world.device(name).alerts(false, now_s).unwrap();
    let of_it = views.iter().filter(|view| view.alert.id == alert).flat_map(|view| &view.events);
    of_it.filter(|heard| matches!(heard.event().kind, EventKind::Note { .. })).count()
}

#[test]
fn everybody_knows_what_she_was_told() {
    let mut world = under_duress();
    let now_s = world.now_s;
    let (alert, _) = world.device("Ana").panic("", now_s).unwrap();
    world.settle();
    world.device("Luz").claim(alert, now_s).unwrap();
    world.settle();
    // Over for the two of them, and taken again because it is not: she was told only of the taking.
    world.device("Luz").close(alert, "", now_s).unwrap();
    world.settle();
    world.device("Luz").claim(alert, now_s).unwrap();
    world.settle();
    world.device("Eva").claim(alert, now_s).unwrap();
    world.settle();
    names_nothing_unknown(&mut world, "Ana");
    let eva = world.person("Eva").member();
    let hers = only(&mut world, "Ana").alert.claims;
    assert_eq!(hers.iter().map(|claim| claim.by).collect::<Vec<_>>(), [eva]);
}

#[test]
fn without_a_check_in_her_panic_is_the_alert() {
    let mut world = circle();
    world.device("Ana").say("hola", &[], 1).unwrap();
    world.settle();
    world.person("Ana").reopen(true);
    let now_s = world.now_s;
    world.device("Ana").panic("", now_s).unwrap();
    world.settle();
    for name in OTHERS {
        assert_eq!(reasons(&only(&mut world, name)).len(), 2, "{name}");
    }
}

#[test]
fn a_receipt_alone_tells_it() {
    let mut world = circle();
    check_in(&mut world, "Ana");
    world.settle();
    world.person("Ana").reopen(true);
    let (now_s, ana) = (world.now_s, world.person("Ana").member());
    world.device("Luz").say("¿todo bien?", &[ana], now_s).unwrap();
    world.settle();
    assert!(only(&mut world, "Luz").alert.duress);
    knows_nothing(&mut world, "Ana");
}

#[test]
fn one_part_of_a_long_message_tells_it() {
    let mut world = circle();
    check_in(&mut world, "Ana");
    world.settle();
    world.person("Ana").reopen(true);
    let now_s = world.now_s;
    world.device("Ana").say(&"x".repeat(9_000), &[], now_s).unwrap();
    world.send("Ana", |_| true);
    world.meddle("Luz", |waiting| waiting.truncate(1));
    world.receive("Luz");
    assert!(world.person("Luz").texts().is_empty(), "it is not whole");
    assert!(only(&mut world, "Luz").alert.duress);
}

#[test]
fn what_waited_early_tells_it_too() {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender)]);
    let ana = world.people.remove("Ana").unwrap();
    world.admit("Luz", "Eva", Role::Accompanier);
    world.people.insert("Ana", ana);
    // Eva introduces herself; Ana answers, first as usual and then under duress.
    world.carry("Ana");
    world.carry("Ana");
    let eva = world.people.remove("Eva").unwrap();
    check_in(&mut world, "Ana");
    world.send("Ana", |_| true);
    world.person("Ana").reopen(true);
    check_in(&mut world, "Ana");
    world.send("Ana", |_| true);
    world.people.insert("Eva", eva);
    world.settle();
    assert!(only(&mut world, "Eva").alert.duress);
}

#[test]
fn her_other_device_is_not_told_and_says_nothing() {
    let mut world = circle();
    let ana = world.person("Ana").member();
    world.admit_device("Luz", "Ana 2", Role::Defender, Some(ana));
    check_in(&mut world, "Ana");
    world.settle();
    world.person("Ana").reopen(true);
    check_in(&mut world, "Ana");
    world.settle();
    for name in OTHERS {
        let alert = only(&mut world, name).alert.id;
        let now_s = world.now_s;
        world.device(name).claim(alert, now_s).unwrap();
        world.device(name).note(alert, "la tienen", now_s).unwrap();
    }
    world.now_s += 400;
    let now_s = world.now_s;
    for name in ["Ana", "Luz", "Eva", "Ana 2"] {
        world.device(name).say("hola", &[], now_s).unwrap();
        world.settle();
    }
    for name in ["Ana", "Ana 2"] {
        knows_nothing(&mut world, name);
        assert_eq!(kept(&mut world, name), (0, 0), "{name}");
    }
}

#[test]
fn a_new_device_of_hers_is_not_told_and_others_who_join_are() {
    let mut world = under_duress();
    let ana = world.person("Ana").member();
    let alert = only(&mut world, "Luz").alert.id;
    let now_s = world.now_s;
    world.device("Luz").claim(alert, now_s).unwrap();
    world.device("Luz").note(alert, "la tienen", now_s).unwrap();
    world.settle();
    world.admit_device("Luz", "Ana 2", Role::Accompanier, Some(ana));
    world.admit("Luz", "Sol", Role::Accompanier);
    assert!(only(&mut world, "Sol").alert.duress);
    knows_nothing(&mut world, "Ana 2");
    assert_eq!(kept(&mut world, "Ana 2"), (0, 0));
    // The newcomer has not taken the voice under duress for hers.
    let known = |world: &mut World, name, member: MemberId| {
        world.device(name).vault.read(|tx| tx.get::<PeerKind>(&member.0)).unwrap().unwrap().voice
    };
    assert_eq!(known(&mut world, "Sol", ana), None);
    assert!(known(&mut world, "Luz", ana).is_some());
}

#[test]
fn a_stand_down_looks_confirmed_to_her_and_is_not() {
    let mut world = under_duress();
    let now_s = world.now_s;
    let (alert, _) = world.device("Ana").panic("", now_s).unwrap();
    world.settle();
    world.device("Eva").claim(alert, now_s).unwrap();
    world.device("Ana").stand_down(alert, "todo bien", now_s).unwrap();
    world.settle();
    world.device("Luz").confirm_stand_down(alert, now_s).unwrap();
    world.device("Luz").note(alert, "no le crean: la tienen", now_s).unwrap();
    world.settle();
    let (luz, eva) = (world.person("Luz").member(), world.person("Eva").member());
    let ana = world.person("Ana").member();
    let hers = only(&mut world, "Ana");
    assert_eq!(hers.alert.stand_down, StandDown::Confirmed(ana, luz));
    assert_eq!(hers.alert.leading().map(|claim| claim.by), Some(eva));
    knows_nothing(&mut world, "Ana");
    let texts = hers.events.iter().filter(|e| matches!(e.event().kind, EventKind::Note { .. }));
    assert_eq!(texts.count(), 0);
    for name in OTHERS {
        let seen = only(&mut world, name);
        assert_eq!(seen.alert.stand_down, StandDown::Asked(ana), "{name}");
        assert!(seen.alert.duress && seen.alert.is_open());
    }
}

/// Every id that an event on this device names is of an event on it.
fn names_nothing_unknown(world: &mut World, name: &'static str) {
    let device = world.device(name);
    let events = device.vault.read(|tx| tx.list::<EventRecord>()).unwrap();
    let known: Vec<_> = events.iter().map(|(_, heard)| heard.event().id()).collect();
    for (_, heard) in &events {
        let named = match &heard.event().kind {
            EventKind::Claimed { over } => over.clone(),
            EventKind::Released { claims, .. } | EventKind::HandOver { claims, .. } => {
                claims.clone()
            }
            EventKind::StandDownAsked { saw, .. } | EventKind::Closed { saw, .. } => saw.clone(),
            EventKind::StandDownConfirmed { asked, saw } => asked.union(saw).copied().collect(),
            EventKind::Raised { .. } | EventKind::Note { .. } => continue,
        };
        assert!(named.iter().all(|id| known.contains(id)), "{:?}", heard.event());
    }
}

#[test]
fn what_she_is_told_names_nothing_that_she_was_not_told() {
    let mut world = under_duress();
    let alert = only(&mut world, "Luz").alert.id;
    let now_s = world.now_s;
    // Taken before she raises the alarm: her devices do not hear of it.
    world.device("Luz").claim(alert, now_s).unwrap();
    world.settle();
    world.device("Ana").panic("", now_s).unwrap();
    world.settle();
    assert!(only(&mut world, "Ana").alert.claims.is_empty());
    world.device("Eva").claim(alert, now_s).unwrap();
    world.device("Luz").release(alert, "", now_s).unwrap();
    world.settle();
    world.device("Ana").stand_down(alert, "", now_s).unwrap();
    world.settle();
    world.device("Luz").confirm_stand_down(alert, now_s).unwrap();
    world.device("Eva").release(alert, "voy a la fiscalía", now_s).unwrap();
    world.settle();
    names_nothing_unknown(&mut world, "Ana");
    let said =
        |event: &EventKind| matches!(event, EventKind::Released { text, .. } if text.is_empty());
    let hers = only(&mut world, "Ana");
    assert!(hers.events.iter().any(|heard| said(&heard.event().kind)), "without a word");
    assert!(hers.alert.claims.is_empty());
}

#[test]
fn an_alert_raised_by_hand_before_is_under_duress_from_then_on() {
    let mut world = circle();
    check_in(&mut world, "Ana");
    let now_s = world.now_s;
    let (alert, _) = world.device("Ana").panic("ayuda", now_s).unwrap();
    world.settle();
    world.device("Eva").note(alert, "la llamo", now_s).unwrap();
    world.settle();
    world.person("Ana").reopen(true);
    world.device("Ana").stand_down(alert, "", now_s).unwrap();
    world.settle();
    world.device("Luz").confirm_stand_down(alert, now_s).unwrap();
    world.device("Luz").note(alert, "no es ella", now_s).unwrap();
    world.settle();
    assert!(only(&mut world, "Eva").alert.duress);
    let hers = only(&mut world, "Ana");
    assert!(matches!(hers.alert.stand_down, StandDown::Confirmed(..)));
    let notes = hers.events.iter().filter(|e| matches!(e.event().kind, EventKind::Note { .. }));
    assert_eq!(notes.count(), 1, "only what was written before");
    // What a note of the others would be passed on for is not passed on to her.
    world.now_s += 400;
    for name in ["Ana", "Luz", "Eva"] {
        let now_s = world.now_s;
        world.device(name).say("hola", &[], now_s).unwrap();
        world.settle();
    }
    let notes = only(&mut world, "Ana");
    let notes = notes.events.iter().filter(|e| matches!(e.event().kind, EventKind::Note { .. }));
    assert_eq!(notes.count(), 1);
}

#[test]
fn what_was_said_with_her_own_voice_raises_nothing() {
    let mut world = circle();
    for second in [false, false] {
        world.person("Ana").reopen(second);
        check_in(&mut world, "Ana");
        world.settle();
    }
    for name in OTHERS {
        assert!(open(&mut world, name).is_empty());
    }
}

#[test]
fn it_is_queued_for_nobody() {
    let mut world = circle();
    check_in(&mut world, "Ana");
    world.settle();
    let waiting = |world: &mut World, name| {
        world.device(name).vault.read(|tx| tx.count::<DeliveryKind>()).unwrap()
    };
    let before = OTHERS.map(|name| waiting(&mut world, name));
    world.person("Ana").reopen(true);
    check_in(&mut world, "Ana");
    world.settle();
    let after = OTHERS.map(|name| waiting(&mut world, name));
    assert_eq!(before, after, "every device finds it by itself");
}
