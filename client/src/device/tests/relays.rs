//! Relays that members name: which of them a device connects to.

use std::collections::BTreeSet;

use velar_protocol::circle::Role;
use velar_protocol::wire::{Pin, RelayAddress};

use super::damage::Garbage;
use super::office::{World, relay};
use crate::device::{CheckInSaid, DeviceError, NamedRelay, Progress, Reach};
use crate::kit::{self, Contents, KitFile, Renew};
use crate::records::{Item, RelaysKind, StockKind, What};
use crate::relays::Standing;
use crate::vault::Kind;

const DAY_S: u64 = 86_400;

fn circle() -> World {
    World::circle("Luz", &[("Ana", Role::Defender), ("Eva", Role::Accompanier)])
}

/// A relay that nobody uses yet.
fn new_relay(port: u16) -> RelayAddress {
    RelayAddress::new("relay.example.org", port, Pin([9; 32]), None).unwrap()
}

impl World {
    fn use_also(&mut self, name: &'static str, relay: &RelayAddress) {
        let now_s = self.now_s;
        self.device(name).add_relay(relay, None, now_s).unwrap();
        self.settle();
    }

    /// From now on this person is reached at that relay, and nowhere else.
    fn move_to(&mut self, name: &'static str, there: &RelayAddress) {
        self.use_also(name, there);
        let now_s = self.now_s;
        self.device(name).leave_relay(&relay().to_string(), now_s).unwrap();
        self.settle();
    }

    fn answer_about(
        &mut self,
        name: &'static str,
        relay: &RelayAddress,
        allow: bool,
    ) -> NamedRelay {
        let now_s = self.now_s;
        self.device(name).answer_about_relay(&relay.place(), allow, now_s).unwrap()
    }

    /// The relays that this device would connect to now.
    fn asks(&mut self, name: &'static str) -> BTreeSet<String> {
        let now_s = self.now_s;
        let due = self.device(name).due(now_s, 1000, |_| false).unwrap();
        due.into_iter().map(|due| due.relay.place()).collect()
    }

    fn standing(
        &mut self,
        name: &'static str,
        relay: &RelayAddress,
    ) -> Option<(Standing, usize, usize)> {
        let named = self.device(name).named_relays().unwrap().into_iter();
        let mut this = named.filter(|one| one.relay == *relay);
        this.next().map(|one| (one.standing, one.by.len(), one.only.len()))
    }

    /// How often this person was asked about a relay.
    fn asked(&self, name: &'static str) -> usize {
        let asked = |what: &What| matches!(what, What::RelayAsks { .. });
        self.people[name].shown.iter().filter(|item| asked(&item.what)).count()
    }

    fn say(&mut self, name: &'static str) -> Progress {
        let now_s = self.now_s;
        let message = self.device(name).say("hola", &[], now_s).unwrap();
        self.device(name).progress(message).unwrap()
    }

    /// Relays in the kit of this device.
    fn kit_relays(&mut self, name: &'static str) -> BTreeSet<String> {
        let now_s = self.now_s;
        kit::keep(self.device(name), Renew::All, now_s).unwrap();
        let bytes = KitFile::of(self.device(name).folder()).bytes().unwrap().unwrap();
        let kit = Contents::decode(&bytes);
        let ways = kit.generations.iter().flat_map(|one| &one.envelopes).flat_map(|one| &one.ways);
        ways.map(|way| way.relay.place()).collect()
    }
}

fn places(relays: &[RelayAddress]) -> BTreeSet<String> {
    relays.iter().map(RelayAddress::place).collect()
}

fn reach(progress: &Progress, name: &str) -> Reach {
    progress.iter().find(|(_, known, _)| known == name).unwrap().2.clone()
}

#[test]
fn a_relay_that_one_member_names_is_not_connected_to_before_a_yes() {
    let mut world = circle();
    let there = new_relay(1);
    world.use_also("Luz", &there);
    for name in ["Ana", "Eva"] {
        assert_eq!(world.standing(name, &there), Some((Standing::Asks, 1, 0)), "{name}");
        assert_eq!(world.asked(name), 1, "{name}");
        assert_eq!(world.standing(name, &relay()), None, "it is theirs");
    }
    // Everything goes the other way, alarms and what is left for a silence too.
    let now_s = world.now_s;
    let said = CheckInSaid { next_min: 60, ..CheckInSaid::default() };
    world.device("Ana").check_in(said, now_s).unwrap();
    world.device("Ana").panic("ayuda", now_s).unwrap();
    for _ in 0..3 {
        assert_eq!(world.asks("Ana"), places(&[relay()]));
        world.send("Ana", |_| true);
        world.now_s += 1;
        if world.asks("Ana").is_empty() {
            break;
        }
    }
    assert_eq!(world.device("Ana").holds(now_s).unwrap().relays.len(), 1);
    assert_eq!(world.kit_relays("Ana"), places(&[relay()]));
    world.settle();
    assert!(matches!(reach(&world.say("Ana"), "Luz"), Reach::Queued));
    world.settle();

    world.now_s += 1;
    let allowed = world.answer_about("Ana", &there, true);
    assert_eq!(allowed.standing, Standing::Known);
    world.say("Ana");
    assert_eq!(world.asks("Ana"), places(&[relay(), there.clone()]));
    world.settle();
    assert_eq!(world.kit_relays("Ana"), places(&[relay(), there.clone()]));
    assert_eq!(world.device("Ana").holds(now_s).unwrap().relays.len(), 2);
    assert_eq!(world.standing("Eva", &there), Some((Standing::Asks, 1, 0)), "each for itself");
    // Nobody is asked again.
    world.now_s += 8 * DAY_S;
    let now_s = world.now_s;
    for name in ["Luz", "Ana", "Eva"] {
        world.device(name).tend(true, true, now_s).unwrap();
    }
    world.settle();
    assert_eq!((world.asked("Ana"), world.asked("Eva")), (1, 1));
}

#[test]
fn who_is_reached_nowhere_else_gets_alarms_before_a_yes_and_all_else_after_it() {
    let mut world = circle();
    let there = new_relay(1);
    world.move_to("Luz", &there);
    let luz = world.person("Luz").member();
    assert_eq!(world.standing("Ana", &there), Some((Standing::Asks, 1, 1)));
    let stock = |world: &mut World| {
        world.device("Ana").vault.read(|tx| tx.get::<StockKind>(&luz.0)).unwrap().unwrap().len()
    };
    let before = stock(&mut world);
    let waits = Reach::NoRelay { relays: vec![there.place()], refused: false };
    assert_eq!(reach(&world.say("Ana"), "Luz"), waits);
    let now_s = world.now_s;
    let said = CheckInSaid { next_min: 60, ..CheckInSaid::default() };
    world.device("Ana").check_in(said, now_s).unwrap();
    let (_, drill) = world.device("Ana").drill("simulacro", now_s).unwrap();
    let drill = world.device("Ana").progress(drill).unwrap();
    assert_eq!(reach(&drill, "Luz"), waits, "a drill is no alarm");
    assert_eq!(stock(&mut world), before, "nothing is sealed to wait");
    assert_eq!(world.asks("Ana"), places(&[relay()]));
    world.send("Ana", |_| true);
    world.send("Ana", |_| true);
    let holds = world.device("Ana").holds(now_s).unwrap();
    assert_eq!(holds.relays.len(), 1);
    assert_eq!(holds.nothing_for.iter().map(|(member, _)| *member).collect::<Vec<_>>(), [luz]);

    // An alarm has no other way to her, with the kit or without.
    assert!(world.kit_relays("Ana").contains(&there.place()));
    let (alert, _) = world.device("Ana").panic("ayuda", now_s).unwrap();
    assert!(world.asks("Ana").contains(&there.place()));
    world.device("Ana").note(alert, "sigo aquí", now_s).unwrap();
    world.settle();
    let seen = world.device("Luz").alerts(true, now_s).unwrap();
    let raised = seen.iter().find(|view| view.alert.id == alert).unwrap();
    assert_eq!(raised.events.len(), 1, "the alarm alone");
    assert!(world.person("Luz").texts().is_empty());

    world.answer_about("Ana", &there, true);
    world.settle();
    assert_eq!(world.person("Luz").texts(), ["hola"]);
    let seen = world.device("Luz").alerts(true, now_s).unwrap();
    assert!(seen.iter().any(|view| view.alert.id == alert && view.events.len() == 2));
    let holds = world.device("Ana").holds(now_s).unwrap();
    assert!(holds.relays.len() == 2 && holds.nothing_for.is_empty());
}

#[test]
fn a_relay_that_was_refused_gets_nothing_not_even_an_alarm_until_that_is_taken_back() {
    let mut world = circle();
    let there = new_relay(1);
    world.move_to("Luz", &there);
    let now_s = world.now_s;
    // An alarm is on its way when she says no.
    world.kit_relays("Ana");
    let (_, first) = world.device("Ana").panic("ayuda", now_s).unwrap();
    assert!(world.asks("Ana").contains(&there.place()));
    let refused = world.answer_about("Ana", &there, false);
    assert_eq!((refused.standing, refused.only.len()), (Standing::Refused, 1));
    assert!(world.device("Ana").refuses(&there).unwrap());
    let (_, second) = world.device("Ana").panic("", now_s).unwrap();
    world.say("Ana");
    world
        .device("Ana")
        .check_in(CheckInSaid { next_min: 60, ..CheckInSaid::default() }, now_s)
        .unwrap();
    for _ in 0..3 {
        assert!(!world.asks("Ana").contains(&there.place()));
        world.send("Ana", |_| true);
    }
    let lacks = Reach::NoRelay { relays: vec![there.place()], refused: true };
    for message in [first, second] {
        let progress = world.device("Ana").progress(message).unwrap();
        assert_eq!(reach(&progress, "Luz"), lacks);
    }
    assert_eq!(world.kit_relays("Ana"), places(&[relay()]));
    world.settle();
    assert!(world.device("Luz").alerts(true, now_s).unwrap().is_empty());
    // Also when somebody else uses it, and when the same is named once more.
    world.use_also("Eva", &there);
    assert_eq!(world.standing("Ana", &there), Some((Standing::Refused, 2, 1)));
    assert!(!world.asks("Ana").contains(&there.place()));
    assert_eq!(world.asked("Ana"), 1);

    world.answer_about("Ana", &there, true);
    world.settle();
    assert!(!world.device("Luz").alerts(true, now_s).unwrap().is_empty());
    assert_eq!(world.person("Luz").texts(), ["hola"]);
}

/// Places of one relay, as a card may name them.
fn several(all: &[&RelayAddress]) -> RelayAddress {
    let places: Vec<String> = all.iter().map(|relay| relay.place()).collect();
    let last = all.last().unwrap().to_string();
    let (_, pin) = last.rsplit_once('#').unwrap();
    format!("velar://{}#{pin}", places.join(",")).parse().unwrap()
}

#[test]
fn a_place_beside_a_known_one_is_asked_about_by_its_own_name_and_not_gone_to_before() {
    for known_first in [true, false] {
        let mut world = circle();
        let (here, new) = (relay(), new_relay(1));
        let both = if known_first { [&here, &new] } else { [&new, &here] };
        // The key is the new one's: at the place that everybody knows is another.
        let pin = new.to_string().rsplit_once('#').unwrap().1.to_owned();
        let places_of = both.map(RelayAddress::place).join(",");
        let there: RelayAddress = format!("velar://{places_of}#{pin}").parse().unwrap();
        world.move_to("Luz", &there);
        assert_eq!(world.standing("Ana", &there), Some((Standing::Asks, 1, 1)));
        let asked =
            |item: &Item| matches!(&item.what, What::RelayAsks { relay } if *relay == new.place());
        assert_eq!(world.people["Ana"].shown.iter().filter(|item| asked(item)).count(), 1);
        let lacks = Reach::NoRelay { relays: vec![new.place()], refused: false };
        assert_eq!(reach(&world.say("Ana"), "Luz"), lacks);
        assert!(!world.asks("Ana").contains(&there.place()) || there.place() == here.place());

        let now_s = world.now_s;
        let refused = world.device("Ana").answer_about_relay(&new.place(), false, now_s).unwrap();
        assert_eq!((refused.standing, refused.called), (Standing::Refused, new.place()));
        // Her own place of these is no other than before.
        assert!(!world.device("Ana").refuses(&here).unwrap());
        assert!(world.device("Ana").refuses(&new).unwrap());
        let allowed = world.device("Ana").answer_about_relay(&new.place(), true, now_s).unwrap();
        assert_eq!(allowed.standing, Standing::Known);
    }
}

#[test]
fn a_no_to_what_others_use_leaves_this_devices_own_relay_alone() {
    let mut world = circle();
    let (here, new) = (relay(), new_relay(1));
    let there = several(&[&here, &new]);
    world.use_also("Luz", &there);
    world.use_also("Eva", &new);
    assert_eq!(world.standing("Ana", &there).unwrap().0, Standing::Known, "all its places are");
    let now_s = world.now_s;
    world.device("Ana").answer_about_relay(&there.to_string(), false, now_s).unwrap();
    assert!(world.device("Ana").refuses(&new).unwrap());
    assert!(!world.device("Ana").refuses(&here).unwrap());
}

#[test]
fn what_was_left_at_a_relay_that_is_refused_then_is_not_asked_about_again() {
    let mut world = circle();
    let there = new_relay(1);
    world.move_to("Luz", &there);
    world.answer_about("Ana", &there, true);
    let check_in = |world: &mut World| {
        let now_s = world.now_s;
        let said = CheckInSaid { next_min: 60, ..CheckInSaid::default() };
        world.device("Ana").check_in(said, now_s).unwrap();
        world.settle();
    };
    check_in(&mut world);
    assert_eq!(world.office.holds[&there].holds.len(), 1);
    world.answer_about("Ana", &there, false);
    world.now_s += 60;
    let now_s = world.now_s;
    let said = CheckInSaid { next_min: 60, ..CheckInSaid::default() };
    world.device("Ana").check_in(said, now_s).unwrap();
    for _ in 0..3 {
        assert!(!world.asks("Ana").contains(&there.place()));
        world.send("Ana", |_| true);
    }
    assert!(!world.device("Ana").holds_pending(now_s).unwrap(), "nothing is waited for");
    assert!(!world.device("Ana").hold_relays(now_s).unwrap().contains(&there));
}

#[test]
fn a_relay_of_several_people_is_known_and_stays_so_and_two_devices_of_one_are_not_several() {
    let mut world = circle();
    let luz = world.person("Luz").member();
    world.admit_device("Luz", "Luz 2", Role::Accompanier, Some(luz));
    let there = new_relay(1);
    world.use_also("Luz", &there);
    world.use_also("Luz 2", &there);
    assert_eq!(world.standing("Ana", &there), Some((Standing::Asks, 2, 0)));
    world.use_also("Eva", &there);
    assert_eq!(world.standing("Ana", &there), Some((Standing::Known, 3, 0)));
    assert_eq!(world.asked("Ana"), 1);
    let now_s = world.now_s;
    world.device("Ana").tend(false, false, now_s).unwrap();
    world.device("Eva").leave_relay(&there.place(), now_s).unwrap();
    world.settle();
    assert_eq!(world.standing("Ana", &there), Some((Standing::Known, 2, 0)), "it is remembered");
}

#[test]
fn an_ordinary_circle_of_two_relays_never_sees_the_question() {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender)]);
    let second = new_relay(1);
    for name in ["Luz", "Ana"] {
        let now_s = world.now_s;
        world.device(name).add_relay(&second, None, now_s).unwrap();
    }
    world.settle();
    world.admit("Luz", "Eva", Role::Accompanier);
    world.use_also("Eva", &second);
    world.admit("Luz", "Sol", Role::Accompanier);
    for name in ["Luz", "Ana", "Eva", "Sol"] {
        assert_eq!(world.asked(name), 0, "{name}");
        let named = world.device(name).named_relays().unwrap();
        assert!(named.iter().all(|one| one.standing == Standing::Known), "{name}");
        world.say(name);
        world.settle();
    }
    assert_eq!(world.person("Sol").texts(), ["hola", "hola", "hola"]);
}

#[test]
fn what_the_circle_used_when_somebody_joined_is_known_to_them() {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender)]);
    let there = new_relay(1);
    world.use_also("Luz", &there);
    world.answer_about("Ana", &there, true);
    world.admit("Luz", "Eva", Role::Accompanier);
    assert_eq!(world.standing("Eva", &there), Some((Standing::Known, 1, 0)));
    // And what is named later is not.
    let later = new_relay(2);
    world.use_also("Ana", &later);
    assert_eq!(world.standing("Eva", &later), Some((Standing::Asks, 1, 0)));
}

#[test]
fn a_vault_of_before_takes_what_is_on_cards_for_known_and_a_damaged_record_nothing() {
    let mut world = circle();
    let there = new_relay(1);
    world.use_also("Luz", &there);
    let forget = |turn: &mut crate::device::Turn<'_>| Ok(turn.tx.delete::<RelaysKind>(&[])?);
    world.device("Ana").write(1, forget).unwrap();
    assert_eq!(world.standing("Ana", &there), Some((Standing::Known, 1, 0)));
    // Before the next card is taken over, not after.
    let later = new_relay(2);
    world.use_also("Luz", &later);
    assert_eq!(world.standing("Ana", &there), Some((Standing::Known, 1, 0)));
    assert_eq!(world.standing("Ana", &later), Some((Standing::Asks, 1, 0)));
    world.device("Ana").vault.write(|tx| tx.put::<Garbage<{ RelaysKind::TAG }>>(&[], &())).unwrap();
    assert_eq!(world.standing("Ana", &there), Some((Standing::Asks, 1, 0)));
    world.say("Ana");
    assert_eq!(world.asks("Ana"), places(&[relay()]), "her own she knows");
}

#[test]
fn cards_that_name_ever_new_relays_ask_about_few() {
    let mut world = circle();
    for port in 1..20 {
        let there = new_relay(port);
        world.use_also("Luz", &there);
        let now_s = world.now_s;
        world.device("Luz").leave_relay(&there.place(), now_s).unwrap();
        world.settle();
    }
    assert_eq!(world.asked("Ana"), 4);
    let last = new_relay(50);
    world.use_also("Luz", &last);
    assert_eq!(world.asked("Ana"), 4);
    assert_eq!(
        world.standing("Ana", &last),
        Some((Standing::Asks, 1, 0)),
        "it is shown all the same"
    );
    world.now_s += 3601;
    let now_s = world.now_s;
    world.device("Ana").tend(true, true, now_s).unwrap();
    world.receive("Ana");
    assert_eq!(world.asked("Ana"), 5);
}

#[test]
fn an_answer_about_what_nobody_names_or_what_is_ones_own_is_none() {
    let mut world = circle();
    let (one, other) = (new_relay(1), new_relay(2));
    world.use_also("Luz", &one);
    world.use_also("Eva", &other);
    let now_s = world.now_s;
    let ana = world.device("Ana");
    let unknown = ana.answer_about_relay("elsewhere.example.org", true, now_s);
    assert!(matches!(unknown, Err(DeviceError::UnknownRelay)));
    let own = ana.answer_about_relay(&relay().place(), false, now_s);
    assert!(matches!(own, Err(DeviceError::RelayKnown)));
    let both = ana.answer_about_relay("relay.example.org", false, now_s);
    assert!(matches!(both, Err(DeviceError::AmbiguousRelay)));
    assert!(ana.answer_about_relay("RELAY.example.org:1", true, now_s).is_ok());
    assert!(ana.answer_about_relay(&other.to_string(), true, now_s).is_ok());
}

#[test]
fn who_is_removed_from_a_relay_of_their_own_is_told_by_no_new_way() {
    let mut world = circle();
    let there = new_relay(1);
    world.move_to("Eva", &there);
    let (now_s, eva) = (world.now_s, world.person("Eva").member());
    assert!(!world.device("Luz").remove_member(eva, now_s).unwrap(), "there is no way to tell her");
    assert!(!world.asks("Luz").contains(&there.place()));
}
