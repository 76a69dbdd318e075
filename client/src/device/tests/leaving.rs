//! A member who left: what the others let go of, and what the removed device still says.

use std::collections::BTreeSet;

use velar_protocol::circle::{AlertId, Body, Message, Role};
use velar_protocol::wire::{Answer, Refusal};

use super::office::World;
use crate::device::{CheckInSaid, DeviceError, JoinState, Reach};
use crate::kit::{self, Contents, KitFile, Renew};
use crate::records::{DeliveryKind, Holder, Item, SparesKind, What};

const NAMES: [&str; 3] = ["Luz", "Ana", "Eva"];

/// Luz leads; Eva coordinates too; Ana is accompanied. All have talked enough to fill Ana's panic kit.
fn circle() -> World {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender), ("Eva", Role::Coordinator)]);
    for _ in 0..4 {
        for name in NAMES {
            check_in(&mut world, name, 0);
        }
        world.settle();
    }
    world
}

fn check_in(world: &mut World, name: &'static str, next_min: u32) {
    let (now_s, said) = (world.now_s, CheckInSaid { next_min, ..CheckInSaid::default() });
    world.device(name).check_in(said, now_s).unwrap();
}

fn remove(world: &mut World, name: &'static str) -> bool {
    let (now_s, member) = (world.now_s, world.person(name).member());
    world.device("Luz").remove_member(member, now_s).unwrap()
}

/// Ana's kit, as it is now; made up to date first.
fn kit(world: &mut World) -> Contents {
    let now_s = world.now_s;
    kit::keep(world.device("Ana"), Renew::All, now_s).unwrap();
    let bytes = KitFile::of(world.device("Ana").folder()).bytes().unwrap();
    Contents::decode(&bytes.unwrap_or_default())
}

fn saw_leave(world: &mut World, name: &'static str, who: &'static str) -> bool {
    let member = world.person(who).member();
    let left =
        |what: &What| matches!(what, What::Left(one, called) if *one == member && called == who);
    world.person(name).shown.iter().any(|item| left(&item.what))
}

#[test]
fn who_was_removed_is_told_and_says_nothing_to_people_who_do_not_hear() {
    let mut world = circle();
    check_in(&mut world, "Ana", 60);
    world.settle();
    let old_kit = kit(&mut world);
    assert!(!old_kit.generations.is_empty());
    assert!(remove(&mut world, "Ana"), "there is a way to tell her");
    world.settle();
    for name in NAMES {
        assert!(saw_leave(&mut world, name, "Ana"), "{name}");
    }
    assert!(world.device("Ana").is_removed().unwrap());
    assert!(!world.device("Luz").is_removed().unwrap());

    let (now_s, ana) = (world.now_s, world.device("Ana"));
    let refused = |done: Result<(), DeviceError>| matches!(done, Err(DeviceError::Removed));
    assert!(refused(ana.check_in(CheckInSaid::default(), now_s).map(|_| ())));
    assert!(refused(ana.panic("", now_s).map(|_| ())));
    assert!(refused(ana.say("hola", &[], now_s).map(|_| ())));
    assert!(refused(ana.drill("", now_s).map(|_| ())));
    assert!(refused(ana.say_presence(now_s + 60, false, now_s)));
    assert!(ana.plan().unwrap().is_none() && ana.own_deadline().unwrap().is_none());
    assert!(!ana.holds_pending(now_s).unwrap(), "no hold is asked for any more");
    assert!(ana.deadlines().unwrap().is_empty(), "she hears nobody's check-ins");
    assert_eq!(ana.former_members().unwrap().into_values().collect::<Vec<_>>(), ["Ana"]);
    assert!(kit(&mut world).generations.is_empty(), "an alarm of it would reach nobody");

    // Neither time nor what still comes makes it speak.
    world.now_s += 10 * 86_400;
    let now_s = world.now_s;
    world.device("Ana").tend(true, true, now_s).unwrap();
    kit(&mut world);
    assert!(world.device("Ana").due(now_s, 100, |_| false).unwrap().is_empty());
}

#[test]
fn the_others_let_go_of_every_way_in() {
    let mut world = circle();
    let (eva, now_s) = (world.person("Eva").member(), world.now_s);
    let kit_before = kit(&mut world);
    remove(&mut world, "Eva");
    world.settle();
    for name in ["Luz", "Ana"] {
        let open = world.device(name).read(now_s, |turn| {
            let theirs = |holder: &Holder| {
                matches!(holder, Holder::Member(by) | Holder::Spare(by, _) if *by == eva)
            };
            let profile = turn.profile()?;
            let tokens = profile.homes.iter().flat_map(|home| &home.tokens);
            let ways = tokens.filter(|(_, holder)| theirs(holder)).count();
            let addressed = !turn.peer(eva)?.addresses.is_empty();
            Ok((ways, addressed, turn.in_stock(eva)?, turn.tx.contains::<SparesKind>(&eva.0)?))
        });
        assert_eq!(open.unwrap(), (0, false, 0, false), "{name}");
        let former = world.device(name).former_members().unwrap();
        assert_eq!(former.get(&eva).map(String::as_str), Some("Eva"), "the name is still known");
    }
    // What was sealed for her beforehand goes, too; the rest stays as it was.
    let seats = |kit: &Contents| kit.generations.iter().map(|one| one.envelopes.len()).max();
    assert_eq!((seats(&kit_before), seats(&kit(&mut world))), (Some(2), Some(1)));
    // Both still speak with each other, and with who comes after.
    world.admit("Luz", "Iris", Role::Accompanier);
    for name in ["Luz", "Ana", "Iris"] {
        let now_s = world.now_s;
        let message = world.device(name).say(name, &[], now_s).unwrap();
        world.settle();
        let progress = world.device(name).progress(message).unwrap();
        assert_eq!(progress.len(), 2, "{name}");
        assert!(progress.iter().all(|(.., reach)| matches!(reach, Reach::Received(_))), "{name}");
    }
}

#[test]
fn a_device_that_was_off_hears_it_when_it_comes_back_and_its_alarm_is_not_called_received() {
    let mut world = circle();
    let kit = kit(&mut world);
    let ana = world.people.remove("Ana").unwrap();
    // Something changes before: she must not lack a state in between.
    let now_s = world.now_s;
    let mut agreement = world.device("Luz").circle().unwrap().agreement;
    agreement.grace_min += 1;
    world.device("Luz").agree(agreement, now_s).unwrap();
    world.device("Luz").say("nos vemos", &[], now_s).unwrap();
    assert!(world.device("Luz").remove_member(ana.member(), now_s).unwrap());
    world.settle();
    // Her kit is refused everywhere.
    for one in kit.generations.iter().flat_map(|one| &one.envelopes) {
        for way in &one.ways {
            let answer = world.office.send(way.token.hash(), one.envelope.clone());
            assert_eq!(answer, Answer::Refused(Refusal::UnknownToken));
        }
    }
    world.people.insert("Ana", ana);
    let now_s = world.now_s;
    let (_, message) = world.device("Ana").panic("me siguen", now_s).unwrap();
    world.settle();
    assert!(saw_leave(&mut world, "Ana", "Ana"));
    assert!(world.person("Ana").texts().is_empty(), "said when she was to be removed");
    let progress = world.device("Ana").progress(message).unwrap();
    assert_eq!(progress.len(), 2);
    let nowhere = |reach: &Reach| matches!(reach, Reach::Queued | Reach::GivenUp);
    assert!(progress.iter().all(|(.., reach)| nowhere(reach)), "{progress:?}");
    assert!(world.device("Luz").alerts(true, now_s).unwrap().is_empty());
}

#[test]
fn an_alarm_that_was_on_its_way_is_one_and_the_rest_is_not_passed_over_in_silence() {
    let mut world = circle();
    let (ana, now_s) = (world.person("Ana").member(), world.now_s);
    let (alert, _) = world.device("Ana").panic("me siguen", now_s).unwrap();
    world.device("Ana").say("estoy en la terminal", &[], now_s).unwrap();
    world.send("Ana", |_| true);
    // Luz has read nothing of it, and Eva hears of the removal before.
    remove(&mut world, "Ana");
    world.send("Luz", |_| true);
    world.meddle("Eva", |waiting| {
        let by_ana = waiting.len() - 2;
        waiting.rotate_right(by_ana);
    });
    world.settle();
    for name in ["Luz", "Eva"] {
        let open = world.device(name).alerts(true, now_s).unwrap();
        assert_eq!(open.iter().map(|view| view.alert.id).collect::<Vec<_>>(), [alert], "{name}");
        assert!(world.person(name).texts().is_empty(), "{name}");
        let unopened = |what: &What| matches!(what, What::Unopened { asked: false });
        let shown = &world.person(name).shown;
        let told: Vec<_> = shown.iter().filter(|item| unopened(&item.what)).collect();
        assert_eq!(told.iter().map(|item| item.from).collect::<Vec<_>>(), [Some(ana)], "{name}");
    }
}

#[test]
fn an_alarm_that_nobody_announced_is_said_and_rings_nobody() {
    let mut world = circle();
    let (ana, now_s) = (world.person("Ana").member(), world.now_s);
    // As somebody would who has the device and a relay that asks for no token.
    let invented = world.device("Ana").write(now_s, |turn| {
        let mut profile = turn.profile()?;
        profile.next_alarm = AlertId::draw(turn.me(), [9; 8]);
        turn.set_profile(&profile)
    });
    invented.unwrap();
    world.device("Ana").panic("", now_s).unwrap();
    world.send("Ana", |_| true);
    remove(&mut world, "Ana");
    world.settle();
    assert!(world.device("Luz").alerts(true, now_s).unwrap().is_empty());
    let told = |item: &&Item| matches!(item.what, What::Unopened { .. }) && item.from == Some(ana);
    assert_eq!(world.person("Luz").shown.iter().filter(told).count(), 1);
}

#[test]
fn a_silence_that_had_begun_is_an_alert_for_everybody() {
    let mut world = circle();
    // No relay watches along: whoever removes her is the only one who finds it.
    world.office.without_holds = true;
    check_in(&mut world, "Ana", 60);
    world.settle();
    world.now_s += 80 * 60;
    // Nobody has looked yet, and after that nobody says anything.
    let eva = world.people.remove("Eva").unwrap();
    remove(&mut world, "Ana");
    world.settle();
    world.people.insert("Eva", eva);
    world.carry("Eva");
    let now_s = world.now_s;
    for name in ["Luz", "Eva"] {
        assert_eq!(world.device(name).alerts(true, now_s).unwrap().len(), 1, "{name}");
    }
}

#[test]
fn who_was_under_duress_is_so_also_when_she_was_removed_meanwhile() {
    let mut world = circle();
    let now_s = world.now_s;
    world.person("Ana").reopen(true);
    check_in(&mut world, "Ana", 60);
    world.send("Ana", |_| true);
    remove(&mut world, "Ana");
    world.settle();
    for name in ["Luz", "Eva"] {
        let open = world.device(name).alerts(true, now_s).unwrap();
        assert_eq!(open.len(), 1, "{name}");
        assert!(open[0].alert.duress, "{name}");
    }
}

#[test]
fn what_was_over_before_a_newcomer_came_does_not_ring_at_hers() {
    let mut world = circle();
    closed_by_eva(&mut world);
    world.now_s += 8 * 86_400;
    world.admit("Luz", "Iris", Role::Accompanier);
    remove(&mut world, "Eva");
    world.settle();
    world.now_s += 400;
    let now_s = world.now_s;
    for name in ["Luz", "Iris", "Luz", "Ana"] {
        world.device(name).say("buen dia", &[], now_s).unwrap();
        world.settle();
    }
    for name in ["Luz", "Ana", "Iris"] {
        assert!(world.device(name).alerts(true, now_s).unwrap().is_empty(), "{name}");
    }
}

#[test]
fn who_came_and_was_removed_while_a_device_was_off_is_not_nobody_to_it() {
    let mut world = circle();
    let eva = world.people.remove("Eva").unwrap();
    world.admit("Luz", "Iris", Role::Accompanier);
    remove(&mut world, "Iris");
    world.settle();
    let iris = world.person("Iris").member();
    world.people.insert("Eva", eva);
    world.settle();
    assert!(world.device("Eva").former_members().unwrap().contains_key(&iris));
    assert!(world.device("Ana").former_members().unwrap().contains_key(&iris));
}

/// Ana's alarm, taken and closed by Eva.
fn closed_by_eva(world: &mut World) -> AlertId {
    let now_s = world.now_s;
    let (alert, _) = world.device("Ana").panic("", now_s).unwrap();
    world.settle();
    world.device("Eva").claim(alert, now_s).unwrap();
    world.device("Eva").close(alert, "", now_s).unwrap();
    world.settle();
    assert!(world.device("Luz").alerts(true, now_s).unwrap().is_empty());
    alert
}

fn undone(world: &mut World, name: &'static str) -> Vec<AlertId> {
    let alert = |item: &Item| match &item.what {
        What::Undone { alert, .. } => Some(*alert),
        _ => None,
    };
    world.person(name).shown.iter().filter_map(alert).collect()
}

#[test]
fn what_she_ended_lately_is_open_again_and_says_so_and_what_was_long_over_stays_so() {
    let mut world = circle();
    closed_by_eva(&mut world);
    world.now_s += 8 * 86_400;
    let lately = closed_by_eva(&mut world);
    let now_s = world.now_s;
    let (taken, _) = world.device("Luz").panic("", now_s).unwrap();
    world.settle();
    world.device("Eva").claim(taken, now_s).unwrap();
    world.settle();
    remove(&mut world, "Eva");
    world.settle();
    for name in ["Luz", "Ana"] {
        for later_s in [0, 30 * 86_400] {
            let open = world.device(name).alerts(true, now_s + later_s).unwrap();
            let open: BTreeSet<AlertId> = open.iter().map(|view| view.alert.id).collect();
            assert_eq!(open, BTreeSet::from([lately, taken]), "{name}");
        }
        let said: BTreeSet<AlertId> = undone(&mut world, name).into_iter().collect();
        assert_eq!(said, BTreeSet::from([lately, taken]), "{name}");
    }
}

#[test]
fn who_heard_of_an_alarm_only_from_others_has_it_all_the_same() {
    let mut world = circle();
    let eva = world.people.remove("Eva").unwrap();
    let now_s = world.now_s;
    let (alert, _) = world.device("Ana").panic("", now_s).unwrap();
    world.settle();
    // What Ana sent to her is lost.
    world.people.insert("Eva", eva);
    world.meddle("Eva", |waiting| waiting.clear());
    remove(&mut world, "Ana");
    world.settle();
    world.now_s += 400;
    let now_s = world.now_s;
    for name in ["Luz", "Eva", "Luz"] {
        world.device(name).say("hay una alerta", &[], now_s).unwrap();
        world.settle();
    }
    let open = world.device("Eva").alerts(true, now_s).unwrap();
    assert_eq!(open.iter().map(|view| view.alert.id).collect::<Vec<_>>(), [alert]);
}

#[test]
fn a_newcomer_who_is_removed_before_she_was_welcomed_does_not_wait_for_ever() {
    let mut world = World::circle("Luz", &[]);
    world.answer("Luz", "Ana", Role::Defender);
    world.settle();
    let now_s = world.now_s;
    let answer = world.device("Luz").answers(now_s).unwrap().remove(0);
    world.settle();
    let words = answer.words.join(" ");
    world.device("Ana").confirm_words(&words, now_s).unwrap();
    world.device("Luz").approve(answer.invitation, &words, None, None, None, now_s).unwrap();
    remove(&mut world, "Ana");
    world.settle();
    assert_eq!(world.device("Ana").join_state().unwrap(), JoinState::Void);
}

#[test]
fn her_alarm_still_goes_to_who_has_not_heard_of_it() {
    let mut world = circle();
    let eva = world.people.remove("Eva").unwrap();
    let now_s = world.now_s;
    let (alert, _) = world.device("Ana").panic("", now_s).unwrap();
    // Before she gets through, she hears that she was removed; Eva is away and knows nothing.
    remove(&mut world, "Ana");
    world.send("Luz", |_| true);
    world.receive("Ana");
    assert!(world.device("Ana").is_removed().unwrap());
    world.settle();
    world.people.insert("Eva", eva);
    world.settle();
    let open = world.device("Eva").alerts(true, now_s).unwrap();
    assert_eq!(open.iter().map(|view| view.alert.id).collect::<Vec<_>>(), [alert]);
}

#[test]
fn an_alert_about_who_was_removed_stays_until_somebody_closes_it() {
    let mut world = circle();
    let now_s = world.now_s;
    let (alert, _) = world.device("Ana").panic("me siguen", now_s).unwrap();
    world.settle();
    remove(&mut world, "Ana");
    world.settle();
    for name in ["Luz", "Eva"] {
        let open = world.device(name).alerts(true, now_s).unwrap();
        assert_eq!(open.iter().map(|view| view.alert.id).collect::<Vec<_>>(), [alert], "{name}");
    }
    world.device("Eva").claim(alert, now_s).unwrap();
    world.settle();
    world.device("Eva").close(alert, "hablamos con ella", now_s).unwrap();
    world.settle();
    for name in ["Luz", "Eva"] {
        assert!(world.device(name).alerts(true, now_s).unwrap().is_empty(), "{name}");
    }
}

#[test]
fn only_the_lead_removes_and_never_herself() {
    let mut world = circle();
    let now_s = world.now_s;
    let (luz, ana) = (world.person("Luz").member(), world.person("Ana").member());
    let by_eva = world.device("Eva").remove_member(ana, now_s);
    assert!(matches!(by_eva, Err(DeviceError::NotLead)), "{by_eva:?}");
    let herself = world.device("Luz").remove_member(luz, now_s);
    assert!(matches!(herself, Err(DeviceError::LeadStays)), "{herself:?}");
    remove(&mut world, "Ana");
    let twice = world.device("Luz").remove_member(ana, now_s);
    assert!(matches!(twice, Err(DeviceError::UnknownMember)), "{twice:?}");
    assert_eq!(world.device("Luz").members().unwrap().len(), 2);
}

#[test]
fn that_she_was_removed_is_all_that_still_goes_to_her() {
    let mut world = circle();
    let (ana, now_s) = (world.person("Ana").member(), world.now_s);
    let mut agreement = world.device("Luz").circle().unwrap().agreement;
    agreement.grace_min += 1;
    world.device("Luz").agree(agreement, now_s).unwrap();
    world.device("Luz").say("para las que estamos", &[], now_s).unwrap();
    remove(&mut world, "Ana");
    let waiting = world.device("Luz").read(now_s, |turn| {
        let all = turn.tx.list::<DeliveryKind>()?.into_iter().map(|(_, one)| one);
        let hers = all.filter(|one| one.to == ana && !one.given_up && one.received_s.is_none());
        Ok(hers.map(|one| Message::decode(&one.bytes).unwrap()).collect::<Vec<_>>())
    });
    let waiting = waiting.unwrap();
    assert_eq!(waiting.len(), 2);
    for message in waiting {
        assert!(message.marks.is_empty());
        match message.body {
            Body::Void => {}
            // With the one before, which she may not have.
            Body::Rosters { chain, names } => assert!(chain.len() >= 2 && names.is_empty()),
            other => panic!("{other:?}"),
        }
    }
    world.settle();
    assert!(world.device("Ana").is_removed().unwrap());
    assert_eq!(world.device("Luz").unfinished().unwrap(), (0, 0), "nothing waits for her");
}

#[test]
fn a_farewell_that_reaches_no_relay_is_given_up_after_a_while() {
    let mut world = circle();
    world.office.down.insert(4433);
    let ana = world.person("Ana").member();
    remove(&mut world, "Ana");
    for (days, left) in [(1, 2), (15, 0)] {
        let later_s = world.now_s + days * 86_400;
        world.device("Luz").tend(true, true, later_s).unwrap();
        let waiting = world.device("Luz").read(later_s, |turn| {
            let all = turn.tx.list::<DeliveryKind>()?.into_iter().map(|(_, one)| one);
            Ok(all.filter(|one| one.to == ana && !one.given_up && one.received_s.is_none()).count())
        });
        assert_eq!(waiting.unwrap(), left, "after {days} days");
    }
}
