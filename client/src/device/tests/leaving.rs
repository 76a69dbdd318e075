//! A member who left: what the others let go of, and what the removed device still says.

use velar_protocol::circle::Role;
use velar_protocol::wire::{Answer, Refusal};

use super::office::World;
use crate::device::{CheckInSaid, DeviceError, Reach};
use crate::kit::{self, Contents, KitFile, Renew};
use crate::outbox::Class;
use crate::records::{DeliveryKind, Holder, SparesKind, What};

const NAMES: [&str; 3] = ["Luz", "Ana", "Eva"];

/// Luz leads; Eva coordinates too; Ana is accompanied. All have talked enough to fill Ana's panic kit.
fn circle() -> World {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender), ("Eva", Role::Coordinator)]);
    for _ in 0..4 {
        for name in NAMES {
            check_in(&mut world, name, 60);
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
    assert!(progress.iter().all(|(.., reach)| *reach == Reach::GivenUp), "{progress:?}");
    assert!(world.device("Luz").alerts(true, now_s).unwrap().is_empty());
}

#[test]
fn what_was_on_its_way_when_she_was_removed_does_not_vanish_without_a_word() {
    let mut world = circle();
    let (ana, now_s) = (world.person("Ana").member(), world.now_s);
    world.device("Ana").panic("", now_s).unwrap();
    world.send("Ana", |_| true);
    // Eva has both in her mailbox: first what Luz says, then the alarm.
    remove(&mut world, "Ana");
    world.send("Luz", |_| true);
    world.meddle("Eva", |waiting| waiting.rotate_right(1));
    world.settle();
    let unopened = |what: &What| matches!(what, What::Unopened { asked: false });
    let shown = &world.person("Eva").shown;
    let told: Vec<_> = shown.iter().filter(|item| unopened(&item.what)).collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].from, Some(ana));
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
fn who_is_in_the_circle_is_all_that_still_goes_to_who_was_removed() {
    let mut world = circle();
    let (ana, now_s) = (world.person("Ana").member(), world.now_s);
    world.device("Luz").say("para las que estamos", &[], now_s).unwrap();
    remove(&mut world, "Ana");
    let waiting = world.device("Luz").read(now_s, |turn| {
        let all = turn.tx.list::<DeliveryKind>()?.into_iter().map(|(_, one)| one);
        Ok(all.filter(|one| one.to == ana && !one.given_up && one.received_s.is_none()).count())
    });
    assert_eq!(waiting.unwrap(), 1);
    world.settle();
    let unfinished = world.device("Luz").unfinished().unwrap();
    assert_eq!(unfinished, (0, 0), "nothing waits for her");
    let talk = world.device("Luz").read(now_s, |turn| {
        let all = turn.tx.list::<DeliveryKind>()?.into_iter().map(|(_, one)| one);
        Ok(all.filter(|one| one.to == ana && one.class == Class::Talk && !one.given_up).count())
    });
    assert_eq!(talk.unwrap(), 0);
}
