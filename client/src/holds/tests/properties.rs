//! Whatever gets lost on the way: nothing is claimed that a relay would not do, and nothing is left behind.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Op {
    CheckIn(u64),
    Pass(u64),
    Down(u16),
    Up(u16),
    Ask(Way),
    Refuse(u8),
    Accept(u8),
    Leave(u8),
    Join(u8),
    Keys(bool),
    Plan,
    Lose(u16),
}

fn op() -> impl Strategy<Value = Op> {
    let way = prop_oneof![Just(Way::Answered), Just(Way::AnswerLost), Just(Way::Twice)];
    prop_oneof![
        3 => (0u64..4).prop_map(|hours| Op::CheckIn(hours * 45)),
        3 => (1u64..10_000).prop_map(Op::Pass),
        1 => (1u16..3).prop_map(Op::Down),
        1 => (1u16..3).prop_map(Op::Up),
        6 => way.prop_map(Op::Ask),
        1 => (1u8..4).prop_map(Op::Refuse),
        1 => (1u8..4).prop_map(Op::Accept),
        1 => (1u8..4).prop_map(Op::Leave),
        1 => (1u8..4).prop_map(Op::Join),
        1 => any::<bool>().prop_map(Op::Keys),
        1 => Just(Op::Plan),
        1 => (1u16..3).prop_map(Op::Lose),
    ]
}

impl World {
    fn run(&mut self, op: &Op) {
        match *op {
            Op::CheckIn(minutes) => self.check_in(minutes),
            Op::Pass(seconds) => self.pass(seconds),
            Op::Down(port) => self.down.extend([port]),
            Op::Up(port) => {
                self.down.retain(|down| *down != port);
                self.pass(0);
            }
            Op::Ask(way) => {
                self.ask(way);
            }
            Op::Refuse(member) => self.refused.extend([member]),
            Op::Accept(member) => self.refused.retain(|refused| *refused != member),
            Op::Leave(member) => self.change(|members| members.retain(|other| *other != member)),
            Op::Join(member) => self.change(|members| members.extend([member])),
            Op::Keys(there) => {
                self.without_keys = if there { BTreeSet::new() } else { BTreeSet::from([2]) };
            }
            Op::Plan => self.plan += 1,
            Op::Lose(port) => self.relays.get_mut(&port).unwrap().lose(),
        }
    }

    fn change(&mut self, with: impl FnOnce(&mut BTreeSet<u8>)) {
        with(&mut self.members);
        if self.holds.is_running(self.now_s) {
            self.fill(false);
        }
    }

    /// What the person is told to be armed is there, once, and is released then: not before, and hardly later.
    fn claims_are_true(&self) {
        for view in self.holds.views(self.now_s) {
            if let SlotState::Armed { until_s } = view.state {
                assert!(!view.ends);
                let relay = &self.relays[&view.relay.port()];
                if relay.holds.is_empty() && !relay.lost.is_empty() {
                    // Nobody has been told yet.
                    continue;
                }
                let held = self.held(view.relay.port());
                assert!(
                    held.iter().any(|release_s| (until_s..=until_s + 60).contains(release_s)),
                    "until {until_s}, but {held:?}"
                );
                assert!(
                    held.iter().all(|release_s| *release_s >= until_s),
                    "another is released before {until_s}: {held:?}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_loss_makes_it_claim_too_much_or_forget_anything(ops in proptest::collection::vec(op(), 1..60)) {
        let mut world = World::new(&[1, 2], &[1, 2, 3]);
        for op in &ops {
            world.run(op);
            world.claims_are_true();
        }
        // All is well again, and a check-in is made: one hold at each relay, for everybody, at its deadline.
        world.down.clear();
        world.refused.clear();
        world.without_keys.clear();
        world.pass(1);
        world.check_in(45);
        world.settle();
        world.claims_are_true();
        let until_s = world.now_s + 45 * 60;
        for port in [1, 2] {
            let held: Vec<_> = world.relays[&port].holds.values().collect();
            let expected = usize::from(!world.members.is_empty());
            prop_assert_eq!(held.len(), expected, "relay {}", port);
            for held in held {
                prop_assert_eq!(held.release_s, until_s);
                prop_assert_eq!(held.deliveries.len(), world.members.len());
                // What went out here before would not be read again.
                let again = held.deliveries.iter().any(|(one, _)| {
                    world.released.iter().any(|(at, digest, _)| *at == port && *digest == one.envelope.digest().0)
                });
                prop_assert!(!again, "something that was released lies here again");
            }
        }
        world.check_in(0);
        world.settle();
        prop_assert!(world.relays.values().all(|relay| relay.holds.is_empty()));
    }

    #[test]
    fn who_checks_in_in_time_where_relays_answer_is_never_said_to_be_silent(
        pauses in proptest::collection::vec((1u64..3_600, any::<bool>()), 1..40),
    ) {
        let mut world = World::new(&[1, 2], &[1, 2, 3]);
        for (pause_s, twice) in pauses {
            world.check_in(60);
            world.ask(if twice { Way::Twice } else { Way::Answered });
            world.settle();
            world.pass(pause_s);
            prop_assert!(world.released.is_empty() && world.gone == 0);
        }
    }
}
