//! Relays that lose what was left there, or say so.

use super::*;
use crate::holds::{HoldRequest, Step};

const LOST: Answer = Answer::Refused(Refusal::HoldLost);

impl World {
    fn loss(&self, port: u16) -> Option<Loss> {
        let views = self.holds.views(self.now_s);
        views.iter().find(|view| view.relay.port() == port).and_then(|view| view.lost)
    }

    fn digests(&self, port: u16) -> Vec<[u8; 32]> {
        let held = self.relays[&port].holds.values().flat_map(|held| &held.deliveries);
        held.map(|(one, _)| one.envelope.digest().0).collect()
    }

    /// Relay 1 says of everything that it is lost; of what is new, that it took it.
    fn lie(&mut self) {
        for step in self.holds.steps(self.now_s) {
            if step.id.relay().port() == 1 {
                let answer = match step.request {
                    HoldRequest::Leave { replaces: None, deliveries, .. } => {
                        Answer::Held { outcomes: vec![DeliveryOutcome::Held; deliveries.len()] }
                    }
                    _ => LOST,
                };
                self.take(&step.id, &answer);
            }
        }
    }
}

#[test]
fn what_was_lost_is_told_as_lost_and_the_same_is_left_again_at_once() {
    let mut world = World::new(&[1, 2], &[1, 2]);
    world.check_in(20);
    world.settle();
    let (sealed, before) = (world.drawn, world.digests(1));
    world.relays.get_mut(&1).unwrap().lose();
    world.pass(600);
    world.check_in(20);
    world.settle();
    assert_eq!((world.gone, world.lost), (0, 1));
    assert_eq!(world.digests(1), before, "nobody has read it, and no key is used");
    assert_eq!(world.drawn, sealed + 1, "only its name is new");
    for port in [1, 2] {
        assert_eq!(world.held(port), [START_S + 1800]);
        assert_eq!(world.state(port), Some(SlotState::Armed { until_s: START_S + 1800 }));
    }
    assert_eq!((world.loss(1), world.loss(2)), (Some(Loss::Once), None));
    // It is told once; with the next check-in it is over.
    world.pass(600);
    world.check_in(20);
    world.settle();
    assert_eq!((world.lost, world.loss(1)), (1, None));
}

#[test]
fn what_is_said_to_be_lost_after_its_time_is_not_left_again_but_sealed_anew() {
    let mut world = World::new(&[1], &[1]);
    world.check_in(20);
    world.settle();
    let before = world.digests(1);
    world.relays.get_mut(&1).unwrap().lose();
    world.pass(1300);
    world.check_in(20);
    assert!(!world.holds.spares());
    world.settle();
    assert_eq!((world.gone, world.lost), (0, 1));
    assert_eq!(world.held(1).len(), 1);
    assert_ne!(world.digests(1), before, "the relay may have released it, whatever it says");
    assert!(world.holds.spares());
}

#[test]
fn a_relay_that_loses_everything_is_given_it_once_more_for_each_check_in() {
    let mut world = World::new(&[1], &[1]);
    let mut left = 0;
    for number in 11..=15 {
        world.check_in(60);
        for _ in 0..20 {
            // Whatever changes meanwhile.
            world.members.extend([number]);
            world.fill(false);
            let leaves = |step: &&Step| matches!(step.request, HoldRequest::Leave { .. });
            left += world.holds.steps(world.now_s).iter().filter(leaves).count();
            world.ask(Way::Answered);
            world.relays.get_mut(&1).unwrap().lose();
            world.members.remove(&number);
            world.fill(false);
            world.pass(10);
        }
        assert_eq!(world.loss(1), Some(Loss::Again));
        assert_eq!(world.state(1), Some(SlotState::Nothing), "and nothing else is claimed");
    }
    assert!(left <= 5 * 4, "{left}");
    world.check_in(60);
    world.settle();
    assert_eq!(world.held(1).len(), 1, "the next check-in leaves it again");
}

#[test]
fn a_relay_that_lies_about_losses_uses_up_no_keys_and_keeps_no_other_from_being_extended() {
    let mut world = World::new(&[1, 2], &[1, 2]);
    world.check_in(20);
    world.settle();
    let sealed = world.digests(2);
    for _ in 0..10 {
        world.pass(600);
        world.check_in(20);
        for _ in 0..20 {
            world.lie();
        }
        let until_s = world.now_s + 1200;
        world.down.insert(1);
        world.settle();
        world.down.clear();
        assert_eq!(world.held(2), [until_s]);
        assert_eq!(world.digests(2), sealed);
    }
    assert!(world.released.iter().all(|(port, ..)| *port == 1));
}

#[test]
fn a_lost_hold_that_was_to_end_has_ended() {
    let mut world = World::new(&[1], &[1]);
    world.check_in(20);
    world.settle();
    world.relays.get_mut(&1).unwrap().lose();
    world.check_in(0);
    world.settle();
    assert!(world.holds.views(world.now_s).is_empty());
    assert_eq!((world.gone, world.lost), (0, 0));
}
