//! Relays that lose what was left there, or say so, from end to end without a network.

use velar_protocol::circle::Role;
use velar_protocol::seal::{Day, MemberId, Prekey};
use velar_protocol::wire::{Answer, DeliveryOutcome, Refusal, Request};

use super::office::World;
use crate::device::CheckInSaid;
use crate::holds::{Loss, SlotState};
use crate::records::{StockKeyKind, StockKind, What};

const MINUTE_S: u64 = 60;

fn circle() -> World {
    World::circle("Luz", &[("Ana", Role::Defender), ("Eva", Role::Accompanier)])
}

impl World {
    /// Ana checks in again: the next one is due in an hour.
    fn ana_checks_in(&mut self) {
        let now_s = self.now_s;
        let said = CheckInSaid { next_min: 60, ..CheckInSaid::default() };
        self.device("Ana").check_in(said, now_s).unwrap();
    }

    fn keys_of(&mut self, member: MemberId) -> usize {
        let now_s = self.now_s;
        self.device("Ana").read(now_s, |turn| turn.in_stock(member)).unwrap()
    }

    fn leave_keys(&mut self, member: MemberId, count: usize) {
        let now_s = self.now_s;
        let few = |turn: &mut crate::device::Turn<'_>| {
            let mut stock = turn.tx.get::<StockKind>(&member.0)?.unwrap_or_default();
            for id in stock.drain(count..) {
                turn.tx.delete::<StockKeyKind>(&id.0)?;
            }
            Ok(turn.tx.put::<StockKind>(&member.0, &stock)?)
        };
        self.device("Ana").write(now_s, few).unwrap();
    }

    /// One of these keys is too old to be sealed to.
    fn spoil_a_key(&mut self, member: MemberId) {
        let now_s = self.now_s;
        let spoil = |turn: &mut crate::device::Turn<'_>| {
            let id = turn.tx.get::<StockKind>(&member.0)?.unwrap_or_default()[0];
            let key = turn.tx.get::<StockKeyKind>(&id.0)?.unwrap();
            Ok(turn.tx.put::<StockKeyKind>(&id.0, &Prekey { day: Day(1), ..key })?)
        };
        self.device("Ana").write(now_s, spoil).unwrap();
    }

    /// Of losses and of releases that Ana was told.
    fn told(&self) -> [usize; 2] {
        let shown = &self.people["Ana"].shown;
        let lost = shown.iter().filter(|item| matches!(item.what, What::HoldLost { .. })).count();
        let gone = shown.iter().filter(|item| matches!(item.what, What::HoldGone { .. })).count();
        [lost, gone]
    }

    /// The relay takes what is said, and says of every hold that it is lost; `exists`: of what is left in its place that it
    /// is there already. How often something was left.
    fn lie_about_losses(&mut self, exists: bool) -> usize {
        let mut left = 0;
        for round in 0..20_u64 {
            let now_s = self.now_s + round;
            let due = self.device("Ana").due(now_s, 64, |_| false).unwrap();
            let lost = || Answer::Refused(Refusal::HoldLost);
            let lies: Vec<_> = due
                .into_iter()
                .filter_map(|due| {
                    let answer = match due.request(now_s)? {
                        Request::Send { .. } => Answer::Accepted,
                        Request::Hold { replaces: None, deliveries, .. } => {
                            left += 1;
                            let outcomes = vec![DeliveryOutcome::Held; deliveries.len()];
                            let there = Answer::Refused(Refusal::HoldExists);
                            if exists { there } else { Answer::Held { outcomes } }
                        }
                        Request::Hold { .. } | Request::Extend { .. } | Request::Cancel { .. } => {
                            lost()
                        }
                        _ => return None,
                    };
                    Some((due.id, answer))
                })
                .collect();
            self.device("Ana").answered(&lies, now_s).unwrap();
            self.device("Ana").complete_holds(now_s).unwrap();
            self.device("Ana").tend(true, true, now_s).unwrap();
        }
        left
    }
}

#[test]
fn what_was_lost_is_told_as_lost_and_left_again_without_a_key() {
    let mut world = circle();
    world.ana_checks_in();
    world.settle();
    world.office.holds.values_mut().for_each(|relay| relay.lose());
    world.now_s += MINUTE_S;
    world.ana_checks_in();
    world.send("Ana", |_| true);
    let [luz, eva] = ["Luz", "Eva"].map(|name| world.person(name).member());
    let before = [world.keys_of(luz), world.keys_of(eva)];
    world.send("Ana", |_| true);
    world.send("Ana", |_| true);
    let now_s = world.now_s;
    let view = world.device("Ana").holds(now_s).unwrap();
    assert!(matches!(view.relays[0].state, SlotState::Armed { .. }));
    assert_eq!(view.relays[0].lost, Some(Loss::Once));
    assert!(view.nothing_for.is_empty());
    assert_eq!([world.keys_of(luz), world.keys_of(eva)], before);
    world.settle();
    assert_eq!(world.told(), [1, 0]);
    for name in ["Luz", "Eva"] {
        assert!(world.device(name).alerts(true, now_s).unwrap().is_empty(), "nothing fired");
    }
}

#[test]
fn a_relay_that_says_lost_twenty_times_is_left_one_more_alarm_a_check_in_and_costs_no_key() {
    for exists in [false, true] {
        let mut world = circle();
        world.ana_checks_in();
        world.settle();
        let luz = world.person("Luz").member();
        for _ in 0..3 {
            world.now_s += MINUTE_S;
            let before = world.keys_of(luz);
            world.ana_checks_in();
            let left = world.lie_about_losses(exists);
            assert!(left <= 1, "{left}");
            assert_eq!(before - world.keys_of(luz), 1, "of the check-in itself");
        }
        world.settle();
        let [lost, gone] = world.told();
        assert!((1..=6).contains(&lost) && gone == 0, "{lost} {gone}");
    }
}

#[test]
fn what_was_lost_after_its_time_is_sealed_anew_but_never_with_the_last_key_of_anybody() {
    let mut world = circle();
    // Each day brings keys, as long as there are few.
    for _ in 0..4 {
        world.now_s += 24 * 60 * MINUTE_S;
        world.ana_checks_in();
        world.settle();
    }
    let [luz, eva] = ["Luz", "Eva"].map(|name| world.person(name).member());
    world.now_s += 3 * 60 * MINUTE_S;
    // Of which the check-in takes one.
    world.leave_keys(luz, 3);
    world.leave_keys(eva, 3);
    world.ana_checks_in();
    world.spoil_a_key(luz);
    assert_eq!(world.lie_about_losses(false), 1);
    assert_eq!([world.keys_of(luz), world.keys_of(eva)], [1, 1], "of what can be used");
    let now_s = world.now_s;
    let nothing_for = world.device("Ana").holds(now_s).unwrap().nothing_for;
    assert_eq!(nothing_for, [(luz, "Luz".to_owned())], "she is told");
    world.settle();
    assert_eq!(world.told()[0], 1);
}
