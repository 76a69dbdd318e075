//! A device whose clock is wrong is not mute.

use velar_protocol::circle::Role;
use velar_protocol::seal::lifetimes::STOCK_MAX;

use super::office::World;
use crate::device::{CheckInSaid, Reach};
use crate::records::StockKind;

const DAY_S: u64 = 86_400;

/// Whether an alarm raised by a clock that is `wrong` reaches Luz; then both go on by the right one.
fn arrives(wrong: impl Fn(u64) -> u64) {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender)]);
    let now_s = world.now_s;
    let luz = world.person("Luz").member();
    let stock = |world: &mut World| {
        let stock = world.device("Ana").vault.read(|tx| tx.get::<StockKind>(&luz.0)).unwrap();
        stock.unwrap().len()
    };
    let before = stock(&mut world);
    assert!((1..=STOCK_MAX).contains(&before));

    let theirs = wrong(now_s);
    let (_, alarm) = world.device("Ana").panic("", theirs).unwrap();
    world.device("Ana").check_in(CheckInSaid::default(), theirs).unwrap();
    let talk = world.device("Ana").say("hola", &[], theirs).unwrap();
    world.settle();
    let reach =
        |world: &mut World, message| world.device("Ana").progress(message).unwrap().remove(0).2;
    assert!(matches!(reach(&mut world, alarm), Reach::Received(_)));
    assert_eq!(reach(&mut world, talk), Reach::Queued, "conversation waits for the right time");
    assert!(world.device("Luz").alerts(true, now_s).unwrap().len() == 1);
    assert!(stock(&mut world) >= before, "what a wrong clock calls old is not thrown away");

    world.device("Ana").tend(true, true, now_s).unwrap();
    world.settle();
    assert!(matches!(reach(&mut world, talk), Reach::Received(_)));
}

#[test]
fn an_alarm_arrives_with_a_clock_that_is_behind_by_two_days_or_a_year() {
    arrives(|now_s| now_s - 2 * DAY_S);
    arrives(|now_s| now_s - 400 * DAY_S);
}

#[test]
fn an_alarm_arrives_with_a_clock_that_is_ahead_by_two_months_or_a_year() {
    arrives(|now_s| now_s + 61 * DAY_S);
    arrives(|now_s| now_s + 400 * DAY_S);
}

#[test]
fn keys_of_others_that_grew_too_old_make_room_for_new_ones() {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender)]);
    let luz = world.person("Luz").member();
    let stock = |world: &mut World| {
        let stock = world.device("Ana").vault.read(|tx| tx.get::<StockKind>(&luz.0)).unwrap();
        stock.unwrap_or_default()
    };
    let old = stock(&mut world);
    assert!(!old.is_empty());
    world.now_s += 16 * DAY_S;
    let now_s = world.now_s;
    world.device("Ana").tend(true, true, now_s).unwrap();
    assert!(stock(&mut world).is_empty());
    world.device("Luz").say("hola", &[], now_s).unwrap();
    world.settle();
    assert!(stock(&mut world).iter().all(|id| !old.contains(id)));
}
