//! Presence, hand-over, drills, contacts and the agreement, without a network.

use velar_protocol::circle::{Agreement, Contact, Reason, Role};

use super::office::World;
use crate::device::{DeviceError, DrillView};
use crate::presence::WATCHING_S;
use crate::records::{DeliveryKind, IssuedKind, What};
use crate::vault::Fate;

fn circle() -> World {
    World::circle("Luz", &[("Ana", Role::Defender), ("Eva", Role::Accompanier)])
}

/// Names of those who are watching, as somebody sees it.
fn watching(world: &mut World, name: &'static str) -> Vec<String> {
    let now_s = world.now_s;
    let watchers = world.device(name).watchers().unwrap();
    watchers.into_iter().filter(|w| w.is_watching(now_s)).map(|w| w.name).collect()
}

/// One-time prekeys of each other member that somebody holds.
fn stock(world: &mut World, name: &'static str) -> Vec<usize> {
    let now_s = world.now_s;
    let stock = world.device(name).read(now_s, |turn| {
        turn.others()?.into_iter().map(|member| turn.in_stock(member)).collect()
    });
    stock.unwrap()
}

fn deliveries(world: &mut World, name: &'static str) -> u64 {
    world.device(name).vault.read(|tx| tx.count::<DeliveryKind>()).unwrap()
}

#[test]
fn heartbeats_say_who_watches_and_use_up_no_prekey_and_no_receipt() {
    let mut world = circle();
    let (now_s, before) = (world.now_s, stock(&mut world, "Eva"));
    assert_eq!(watching(&mut world, "Ana"), Vec::<String>::new());
    let kept = deliveries(&mut world, "Eva");
    for _ in 0..50 {
        world.device("Eva").say_presence(now_s + WATCHING_S, false, now_s).unwrap();
        assert!(world.send("Eva", |_| true));
    }
    assert_eq!(stock(&mut world, "Eva"), before);
    assert_eq!(deliveries(&mut world, "Eva"), kept);
    world.receive("Ana");
    assert!(!world.send("Ana", |_| true), "a heartbeat is answered by nothing");
    assert_eq!(watching(&mut world, "Ana"), ["Eva"]);
    world.settle();
    assert_eq!(watching(&mut world, "Luz"), ["Eva"]);
    world.now_s += WATCHING_S;
    assert_eq!(watching(&mut world, "Ana"), Vec::<String>::new());
}

#[test]
fn not_watching_any_more_is_not_undone_by_what_was_said_before() {
    let mut world = circle();
    let now_s = world.now_s;
    world.device("Eva").say_presence(now_s + WATCHING_S, false, now_s).unwrap();
    world.send("Eva", |_| true);
    world.device("Eva").say_presence(0, false, now_s).unwrap();
    world.send("Eva", |_| true);
    world.meddle("Ana", |envelopes| envelopes.make_contiguous().reverse());
    world.settle();
    assert_eq!(watching(&mut world, "Ana"), Vec::<String>::new());
}

#[test]
fn heartbeats_that_cannot_go_out_do_not_pile_up() {
    let mut world = circle();
    let (now_s, before) = (world.now_s, deliveries(&mut world, "Eva"));
    let issued =
        |world: &mut World| world.device("Eva").vault.read(|tx| tx.count::<IssuedKind>()).unwrap();
    let prekeys = issued(&mut world);
    for hour in 0..20 {
        let at_s = now_s + hour * 3600;
        world.device("Eva").say_presence(at_s + WATCHING_S, false, at_s).unwrap();
    }
    assert_eq!(deliveries(&mut world, "Eva"), before + 2);
    assert_eq!(world.device("Eva").unfinished().unwrap(), (0, 0), "nobody waits for them");
    assert_eq!(issued(&mut world), prekeys, "nothing is lost with those that were dropped");
}

#[test]
fn a_roll_call_is_answered_by_who_watches_and_turns_no_watch_off() {
    let mut world = circle();
    let now_s = world.now_s;
    world.device("Luz").say_presence(now_s + WATCHING_S, false, now_s).unwrap();
    world.settle();
    // Luz, who watches herself, asks from another terminal.
    world.device("Luz").call_the_roll(now_s).unwrap();
    world.settle();
    assert_eq!(watching(&mut world, "Ana"), ["Luz"]);
    assert!(world.device("Eva").answer_roll_calls(now_s + WATCHING_S, now_s).unwrap());
    assert!(!world.device("Eva").answer_roll_calls(now_s + WATCHING_S, now_s).unwrap());
    world.settle();
    assert_eq!(watching(&mut world, "Luz"), ["Eva"]);
    // Only who asked was answered.
    assert_eq!(watching(&mut world, "Ana"), ["Luz"]);

    // Nobody waits for an answer any more: a terminal that is opened an hour later says nothing.
    world.device("Luz").call_the_roll(now_s).unwrap();
    world.settle();
    world.now_s += 3600;
    let later_s = world.now_s;
    let sent = world.office.sent;
    assert!(world.device("Eva").answer_roll_calls(later_s + WATCHING_S, later_s).unwrap());
    world.settle();
    assert_eq!(world.office.sent, sent);
}

#[test]
fn a_watch_notices_that_another_on_this_device_has_signed_off() {
    let mut world = circle();
    let now_s = world.now_s;
    let eva = world.device("Eva");
    assert_eq!(eva.presence_said().unwrap(), 0);
    eva.say_presence(now_s + WATCHING_S, false, now_s).unwrap();
    eva.call_the_roll(now_s).unwrap();
    assert_eq!(eva.presence_said().unwrap(), now_s + WATCHING_S);
    eva.say_presence(0, false, now_s).unwrap();
    assert_eq!(eva.presence_said().unwrap(), 0);
}

#[test]
fn the_lead_sets_the_agreement_and_everybody_is_told() {
    let mut world = circle();
    let now_s = world.now_s;
    let agreement = Agreement { repeat_min: 1, tier_two_min: 2, ..Agreement::default() };
    let refused = world.device("Eva").agree(agreement, now_s);
    assert!(matches!(refused, Err(DeviceError::NotLead)));
    assert!(world.device("Luz").agree(agreement, now_s).unwrap());
    assert!(!world.device("Luz").agree(agreement, now_s).unwrap(), "nothing changes");
    world.settle();
    for name in ["Luz", "Eva", "Ana"] {
        assert_eq!(world.device(name).circle().unwrap().agreement, agreement, "{name}");
        let shown = &world.person(name).shown;
        let told = shown.iter().filter(|item| matches!(item.what, What::Agreed)).count();
        assert_eq!(told, 1, "{name}");
    }
    let without_end = Agreement { claim_quiet_min: 0, ..agreement };
    let refused = world.device("Luz").agree(without_end, now_s);
    assert!(matches!(refused, Err(DeviceError::Roster(_))));
}

#[test]
fn contacts_come_from_coordinators_and_reach_newcomers() {
    let mut world = circle();
    let now_s = world.now_s;
    let marta = Contact { name: "Marta".to_owned(), how: "abogada, +52 55".to_owned() };
    let refused = world.device("Eva").set_contacts(vec![marta.clone()], now_s);
    assert!(matches!(refused, Err(DeviceError::NotAllowed)));
    let long = Contact { how: "x".repeat(257), ..marta.clone() };
    let refused = world.device("Luz").set_contacts(vec![long], now_s);
    assert!(matches!(refused, Err(DeviceError::Text)));
    world.device("Luz").set_contacts(vec![marta.clone()], now_s).unwrap();
    world.settle();
    world.admit("Luz", "Rosa", Role::Accompanier);
    for name in ["Luz", "Ana", "Eva", "Rosa"] {
        assert_eq!(world.device(name).contacts().unwrap(), std::slice::from_ref(&marta), "{name}");
    }
    world.device("Luz").set_contacts(Vec::new(), now_s).unwrap();
    world.settle();
    assert_eq!(world.device("Rosa").contacts().unwrap(), []);
}

#[test]
fn contacts_by_who_is_no_coordinator_count_for_nothing() {
    use crate::device::sealing::Post;
    use crate::outbox::Class;
    use velar_protocol::circle::Body;

    let mut world = circle();
    let now_s = world.now_s;
    let forged = Contact { name: "Nadie".to_owned(), how: String::new() };
    let body = Body::Contacts { counter: 9, contacts: vec![forged] };
    world.device("Eva").write(now_s, |turn| turn.tell_all(body, &Post::of(Class::Care))).unwrap();
    world.settle();
    assert_eq!(world.device("Ana").contacts().unwrap(), []);
}

#[test]
fn an_alert_is_handed_to_who_may_take_it_and_stays_taken_until_they_do() {
    let mut world = circle();
    let now_s = world.now_s;
    let (alert, _) = world.device("Ana").panic("", now_s).unwrap();
    world.settle();
    let (ana, luz, eva) =
        (world.person("Ana").member(), world.person("Luz").member(), world.person("Eva").member());
    let early = world.device("Luz").hand_over(alert, eva, "", now_s);
    assert!(matches!(early, Err(DeviceError::NotTaken)));
    world.device("Luz").claim(alert, now_s).unwrap();
    for nobody in [ana, luz] {
        let refused = world.device("Luz").hand_over(alert, nobody, "", now_s);
        assert!(matches!(refused, Err(DeviceError::CannotTake)));
    }
    world.device("Luz").hand_over(alert, eva, "termina mi turno", now_s).unwrap();
    world.settle();
    for name in ["Luz", "Ana", "Eva"] {
        let view = &world.device(name).alerts(true, now_s).unwrap()[0];
        assert_eq!(view.alert.handed, [(luz, eva)], "{name}");
        assert_eq!(view.alert.leading().unwrap().by, luz, "{name}");
    }
    world.device("Eva").claim(alert, now_s).unwrap();
    world.settle();
    let view = &world.device("Ana").alerts(true, now_s).unwrap()[0];
    assert_eq!((view.alert.handed.len(), view.alert.leading().unwrap().by), (0, eva));
}

fn drill(world: &mut World, name: &'static str) -> DrillView {
    let now_s = world.now_s;
    world.device(name).drills(now_s).unwrap().remove(0)
}

/// Seconds until each of these received it, and took it.
fn took(view: &DrillView, names: &[&str]) -> Vec<(Option<u64>, Option<u64>)> {
    let one = |name: &&str| {
        let person = view.drill.people.iter().find(|person| person.name == **name).unwrap();
        (view.drill.after_s(person.received_s), view.drill.after_s(person.taken_s))
    };
    names.iter().map(one).collect()
}

#[test]
fn a_drill_reports_how_long_each_took_and_the_report_outlives_its_deliveries() {
    let mut world = circle();
    let now_s = world.now_s;
    world.device("Ana").drill("domingo", now_s).unwrap();
    world.send("Ana", |_| true);
    world.now_s += 20;
    world.carry("Eva");
    world.now_s += 30;
    let (taken_s, alert) = (world.now_s, drill(&mut world, "Eva").alert);
    world.device("Eva").claim(alert, taken_s).unwrap();
    world.send("Eva", |_| true);
    // Ana's terminal was off meanwhile: that makes nobody slower.
    world.now_s += 1000;
    world.settle();
    let names = ["Eva", "Luz"];
    let expected = [(Some(20), Some(50)), (Some(1050), None)];
    let view = drill(&mut world, "Ana");
    assert!(view.mine);
    assert_eq!((took(&view, &names), view.drill.text.as_str()), (expected.to_vec(), "domingo"));

    world
        .device("Ana")
        .write(now_s, |turn| Ok(turn.tx.revise::<DeliveryKind>(|_| Fate::Delete)?))
        .unwrap();
    assert_eq!(took(&drill(&mut world, "Ana"), &names), expected);

    // Who did not raise it knows of itself, and who took it.
    let seen = drill(&mut world, "Luz");
    assert!(!seen.mine);
    assert_eq!(took(&seen, &["Luz", "Eva"]), [(Some(1050), None), (None, Some(50))]);
}

#[test]
fn an_alarm_during_a_drill_is_another_alert_that_nobody_has_taken() {
    let mut world = circle();
    let now_s = world.now_s;
    let (practised, _) = world.device("Ana").drill("", now_s).unwrap();
    world.settle();
    world.device("Eva").claim(practised, now_s).unwrap();
    world.settle();
    let (real, _) = world.device("Ana").panic("", now_s).unwrap();
    world.settle();
    for name in ["Luz", "Eva", "Ana"] {
        let views = world.device(name).alerts(true, now_s).unwrap();
        let alert = |id| &views.iter().find(|view| view.alert.id == id).unwrap().alert;
        assert!(alert(practised).drill && !alert(real).drill, "{name}");
        assert_eq!((alert(practised).claims.len(), alert(real).claims.len()), (1, 0), "{name}");
        assert_eq!(alert(real).reasons[0].0, Reason::Panic);
    }
}
