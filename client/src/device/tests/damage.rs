//! A record that cannot be read any more costs what it held, and nothing else.

use velar_protocol::circle::Role;

use super::office::World;
use crate::device::Reach;
use crate::records::{LogKind, PeerKind, RosterKind, StockKeyKind, StockKind};
use crate::vault::Kind;

/// Bytes that are no value of the kind with this tag.
pub(super) struct Garbage<const TAG: u8>;

impl<const TAG: u8> Kind for Garbage<TAG> {
    const TAG: u8 = TAG;
    const NAME: &'static str = "garbage";
    type Value = ();
}

fn damage<const TAG: u8>(world: &mut World, name: &'static str, key: &[u8]) {
    let vault = &mut world.device(name).vault;
    vault.write(|tx| tx.put::<Garbage<TAG>>(key, &())).unwrap();
}

fn circle() -> World {
    World::circle("Luz", &[("Ana", Role::Defender), ("Eva", Role::Accompanier)])
}

#[test]
fn a_damaged_member_keeps_no_alarm_from_the_others() {
    let mut world = circle();
    let luz = world.person("Luz").member();
    damage::<{ PeerKind::TAG }>(&mut world, "Ana", &luz.0);
    let now_s = world.now_s;
    let names = |world: &mut World| {
        let members = world.device("Ana").members().unwrap();
        members.into_iter().map(|member| member.name).collect::<Vec<_>>()
    };
    let short = crate::terminal::short_id(&luz.0);
    assert_eq!(names(&mut world), [&*short, "Ana", "Eva"]);
    let (_, raised) = world.device("Ana").panic("ayuda", now_s).unwrap();
    world.settle();
    assert_eq!(world.device("Eva").alerts(true, now_s).unwrap().len(), 1);
    let progress = world.device("Ana").progress(raised).unwrap();
    let reach = |name: &str| progress.iter().find(|(_, known, _)| known == name).unwrap().2.clone();
    assert!(matches!(reach("Eva"), Reach::Received(_)));
    assert_eq!(reach(&short), Reach::Queued);
    // What she says arrives, and her next card makes her reachable again.
    world.device("Luz").say("aqui", &[], now_s).unwrap();
    world.settle();
    assert_eq!(world.person("Ana").texts(), ["aqui"]);
    world.now_s += 8 * 86_400;
    let now_s = world.now_s;
    world.device("Luz").tend(true, true, now_s).unwrap();
    world.settle();
    let progress = world.device("Ana").progress(raised).unwrap();
    assert!(progress.iter().all(|(.., reach)| matches!(reach, Reach::Received(_))), "{progress:?}");
}

#[test]
fn of_a_damaged_roster_the_other_copy_is_used() {
    let mut world = circle();
    damage::<{ RosterKind::TAG }>(&mut world, "Ana", &[]);
    let now_s = world.now_s;
    world.device("Ana").say("sigo", &[], now_s).unwrap();
    world.settle();
    assert_eq!(world.device("Ana").members().unwrap().len(), 3);
    assert_eq!(world.person("Eva").texts(), ["sigo"]);
}

#[test]
fn with_a_damaged_stock_of_prekeys_the_last_resort_serves() {
    let mut world = circle();
    let luz = world.person("Luz").member();
    damage::<{ StockKind::TAG }>(&mut world, "Ana", &luz.0);
    let now_s = world.now_s;
    world.device("Ana").say("uno", &[], now_s).unwrap();
    world.settle();
    let stock = world.device("Ana").vault.read(|tx| tx.get::<StockKind>(&luz.0)).unwrap().unwrap();
    for id in &stock {
        damage::<{ StockKeyKind::TAG }>(&mut world, "Ana", &id.0);
    }
    world.device("Ana").panic("", now_s).unwrap();
    world.settle();
    assert_eq!(world.person("Luz").texts(), ["uno"]);
    assert_eq!(world.device("Luz").alerts(true, now_s).unwrap().len(), 1);
}

#[test]
fn a_damaged_log_keeps_no_alarm_back_and_goes_on_after_what_can_be_read() {
    let mut world = circle();
    let now_s = world.now_s;
    world.device("Ana").panic("uno", now_s).unwrap();
    world.settle();
    damage::<{ LogKind::TAG }>(&mut world, "Eva", &[]);
    damage::<{ LogKind::TAG }>(&mut world, "Ana", &[]);
    world.device("Ana").panic("dos", now_s).unwrap();
    world.settle();
    for name in ["Ana", "Eva"] {
        let log = world.device(name).log().unwrap();
        assert_eq!(crate::log::check_chain(&log.entries, log.head), Ok(()), "{name}");
        let texts = log.entries.iter().map(|entry| entry.text(crate::log::Field::Text));
        let texts: Vec<String> = texts.filter(|text| !text.is_empty()).collect();
        assert_eq!(texts, ["uno", "dos"], "{name}");
    }
    assert_eq!(world.device("Eva").alerts(true, now_s).unwrap()[0].events.len(), 2);
}
