//! A device's holds at relays that are only maps, on virtual time.

mod losses;
mod properties;

use std::collections::{BTreeMap, BTreeSet};

use velar_protocol::circle::{AlertEvent, AlertId, EventKind, Reason};
use velar_protocol::seal::{Day, MemberId};
use velar_protocol::wire::limits::ENVELOPE_LEN;
use velar_protocol::wire::{
    Answer, DeliveryOutcome, Envelope, Pin, Refusal, RelayAddress, SendToken, SendTokenHash,
};

use super::testing::Relay;
use super::*;

const START_S: u64 = 1_800_000_000;

/// One device, its relays, and whether what it asks and hears gets through.
struct World {
    holds: Holds,
    relays: BTreeMap<u16, Relay>,
    down: BTreeSet<u16>,
    /// These members' tokens are not registered.
    refused: BTreeSet<u8>,
    members: BTreeSet<u8>,
    /// Members that nothing can be sealed to.
    without_keys: BTreeSet<u8>,
    now_s: u64,
    check_in: u64,
    plan: u64,
    drawn: u32,
    /// Relay, envelope, when.
    released: Vec<(u16, [u8; 32], u64)>,
    gone: usize,
    lost: usize,
}

/// What becomes of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Answered,
    AnswerLost,
    /// Two processes ask the same, before either has stored an answer.
    Twice,
}

fn address(port: u16) -> RelayAddress {
    RelayAddress::new("127.0.0.1", port, Pin([7; 32]), None).unwrap()
}

fn token(member: u8, port: u16) -> SendToken {
    let mut bytes = [member; 32];
    bytes[..2].copy_from_slice(&port.to_le_bytes());
    SendToken::new(bytes)
}

impl World {
    fn new(relays: &[u16], members: &[u8]) -> Self {
        Self {
            holds: Holds::default(),
            relays: relays.iter().map(|port| (*port, Relay::default())).collect(),
            down: BTreeSet::new(),
            refused: BTreeSet::new(),
            members: members.iter().copied().collect(),
            without_keys: BTreeSet::new(),
            now_s: START_S,
            check_in: 0,
            plan: 1,
            drawn: 0,
            released: Vec::new(),
            gone: 0,
            lost: 0,
        }
    }

    fn check_in(&mut self, minutes: u64) {
        self.check_in += 1;
        let until_s = (minutes > 0).then(|| self.now_s + minutes * 60);
        self.holds.wish(self.check_in, until_s, self.now_s);
        if until_s.is_some() {
            if self.holds.wants_alarm(self.about(), Day::of_unix(self.now_s)) {
                self.begin();
            }
            self.fill(true);
        }
    }

    fn about(&self) -> About {
        About { alert: AlertId([3; 16]), plan: self.plan }
    }

    fn begin(&mut self) {
        let reason = Reason::Released { check_in: self.check_in };
        let kind = EventKind::raised(reason, MemberId([0; 32]), false, String::new());
        let salt = self.draw()[..8].try_into().unwrap();
        let event =
            AlertEvent { alert: AlertId([3; 16]), salt, author: MemberId([0; 32]), at_s: 0, kind };
        self.holds.begin(self.about(), event, Day::of_unix(self.now_s));
    }

    fn fill(&mut self, again: bool) {
        let members: Vec<_> = self.members.iter().map(|member| MemberId([*member; 32])).collect();
        if let Some((_, lacking)) = self.holds.unsealed(&members) {
            for member in lacking {
                if !self.without_keys.contains(&member.0[0]) {
                    let mut bytes = vec![0; ENVELOPE_LEN];
                    bytes[..32].copy_from_slice(&self.draw());
                    let digest = Envelope::new(bytes.clone()).unwrap().digest().0;
                    self.holds.sealed(member, digest, bytes, Day::of_unix(self.now_s));
                }
            }
        }
        let mut addresses = Vec::new();
        for member in &self.members {
            for port in self.relays.keys() {
                addresses.push((address(*port), MemberId([*member; 32]), token(*member, *port)));
            }
        }
        let drawn = &mut self.drawn;
        self.holds.place(&addresses, again, || {
            *drawn += 1;
            let mut bytes = [9; 32];
            bytes[..4].copy_from_slice(&drawn.to_le_bytes());
            bytes
        });
    }

    fn draw(&mut self) -> [u8; 32] {
        self.drawn += 1;
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&self.drawn.to_le_bytes());
        bytes
    }

    /// Time passes; relays release, those that are down when they are back.
    fn pass(&mut self, seconds: u64) {
        self.now_s += seconds;
        for (port, relay) in &mut self.relays {
            if !self.down.contains(port) {
                for delivery in relay.release(self.now_s) {
                    self.released.push((*port, delivery.envelope.digest().0, self.now_s));
                }
            }
        }
    }

    /// Asks what is to be asked now; says whether anything was.
    fn ask(&mut self, way: Way) -> bool {
        let mut any = false;
        for step in self.holds.steps(self.now_s) {
            let port = step.id.relay().port();
            if self.down.contains(&port) {
                continue;
            }
            any = true;
            let mut answers = Vec::new();
            for _ in 0..=usize::from(way == Way::Twice) {
                let request = step.request.at(self.now_s).unwrap();
                let refused = self.refused.clone();
                let takes = |hash: &SendTokenHash| {
                    if refused.iter().any(|member| token(*member, port).hash() == *hash) {
                        DeliveryOutcome::Refused
                    } else {
                        DeliveryOutcome::Held
                    }
                };
                answers.push(self.relays.get_mut(&port).unwrap().ask(request, self.now_s, takes));
            }
            if way != Way::AnswerLost {
                for answer in answers {
                    self.take(&step.id, &answer);
                }
            }
        }
        any
    }

    fn take(&mut self, id: &StepId, answer: &Answer) {
        match self.holds.answered(id, answer, self.now_s, 0) {
            Told::Nothing => {}
            Told::Gone => self.gone += 1,
            Told::Lost => self.lost += 1,
        }
        if self.holds.is_running(self.now_s) {
            if self.holds.is_out() {
                self.begin();
            }
            self.fill(false);
        }
    }

    /// Asks until there is nothing to ask.
    fn settle(&mut self) {
        for _ in 0..20 {
            if !self.ask(Way::Answered) {
                return;
            }
        }
        panic!("the holds do not come to rest");
    }

    fn state(&self, port: u16) -> Option<SlotState> {
        let views = self.holds.views(self.now_s);
        views.iter().find(|view| view.relay.port() == port).map(|view| view.state)
    }

    fn held(&self, port: u16) -> Vec<u64> {
        self.relays[&port].holds.values().map(|held| held.release_s).collect()
    }
}

#[test]
fn silence_is_heard_at_the_deadline_and_not_before() {
    let mut world = World::new(&[1], &[1, 2]);
    world.check_in(20);
    world.settle();
    assert_eq!(world.state(1), Some(SlotState::Armed { until_s: START_S + 1200 }));
    world.pass(1199);
    assert!(world.released.is_empty());
    world.pass(1);
    assert_eq!(world.released.len(), 2);
}

#[test]
fn each_check_in_moves_the_deadline_and_seals_nothing_anew() {
    let mut world = World::new(&[1, 2], &[1, 2]);
    world.check_in(20);
    world.settle();
    let sealed = world.drawn;
    for _ in 0..50 {
        world.pass(1100);
        world.check_in(20);
        world.settle();
    }
    assert!(world.released.is_empty());
    assert_eq!((world.drawn, world.held(1).len(), world.held(2).len()), (sealed, 1, 1));
}

#[test]
fn after_the_deadline_nothing_is_asked_any_more() {
    let mut world = World::new(&[1], &[1]);
    world.down.insert(1);
    world.check_in(20);
    world.settle();
    world.pass(1200);
    world.down.clear();
    assert!(world.holds.steps(world.now_s).is_empty());
}

#[test]
fn a_request_that_waited_past_its_deadline_is_not_sent() {
    let mut world = World::new(&[1], &[1]);
    world.check_in(20);
    let step = world.holds.steps(world.now_s).pop().unwrap();
    assert!(step.request.at(START_S + 1199).is_some());
    assert!(step.request.at(START_S + 1200).is_none());
}

#[test]
fn how_long_is_reckoned_when_it_is_sent_and_at_least_a_minute() {
    use velar_protocol::wire::Request;
    let mut world = World::new(&[1], &[1]);
    world.check_in(20);
    let step = world.holds.steps(world.now_s).pop().unwrap();
    let for_s = |now_s: u64| match step.request.at(now_s) {
        Some(Request::Hold { for_s, .. }) => for_s,
        other => panic!("{other:?}"),
    };
    assert_eq!([for_s(START_S), for_s(START_S + 700), for_s(START_S + 1190)], [1200, 500, 60]);
}

#[test]
fn a_check_in_that_agrees_none_cancels_and_the_next_leaves_anew_without_alarm() {
    let mut world = World::new(&[1], &[1]);
    world.check_in(20);
    world.settle();
    world.check_in(0);
    world.ask(Way::AnswerLost);
    assert!(world.held(1).is_empty());
    // Whether it was cancelled is not known here: that it is not there any more says nothing.
    world.check_in(20);
    world.settle();
    assert_eq!((world.gone, world.held(1).len()), (0, 1));
    world.check_in(0);
    world.settle();
    assert!(world.held(1).is_empty() && world.holds.views(world.now_s).is_empty());
}

#[test]
fn what_was_released_is_told_and_sealed_anew_at_every_relay() {
    let mut world = World::new(&[1, 2], &[1, 2]);
    world.check_in(20);
    world.settle();
    // Relay 1 cannot be reached at the next check-in: it releases.
    world.down.insert(1);
    world.pass(600);
    world.check_in(20);
    world.settle();
    assert_eq!(world.state(1), Some(SlotState::Behind { until_s: Some(START_S + 1200) }));
    world.down.clear();
    world.pass(700);
    assert_eq!(world.released.len(), 2);
    let out: Vec<[u8; 32]> = world.released.iter().map(|(_, digest, _)| *digest).collect();
    world.settle();
    assert_eq!(world.gone, 1);
    for port in [1, 2] {
        let held = world.relays[&port].holds.values().next().unwrap();
        assert_eq!(held.deliveries.len(), 2);
        assert!(held.deliveries.iter().all(|(one, _)| !out.contains(&one.envelope.digest().0)));
    }
}

#[test]
fn a_week_a_new_plan_or_a_new_member_replace_it_in_one_step() {
    let mut world = World::new(&[1], &[1]);
    let look = |world: &mut World| {
        world.settle();
        let held: Vec<_> = world.relays[&1].holds.iter().collect();
        assert_eq!(held.len(), 1);
        let digests = held[0].1.deliveries.iter().map(|(one, _)| one.envelope.digest().0);
        digests.collect::<Vec<_>>()
    };
    world.check_in(60 * 24);
    let first = look(&mut world);
    world.plan = 2;
    world.check_in(60 * 24 * 8);
    let second = look(&mut world);
    assert_ne!(first, second);
    world.members.insert(2);
    world.fill(false);
    let third = look(&mut world);
    assert_eq!((third.len(), third[0]), (2, second[0]), "who had an envelope keeps it");
    world.pass(7 * 86_400);
    world.check_in(60);
    let fourth = look(&mut world);
    assert!(fourth.len() == 2 && !fourth.iter().any(|one| third.contains(one)));
}

#[test]
fn who_cannot_be_sealed_to_is_named_and_comes_in_when_keys_are_there() {
    let mut world = World::new(&[1], &[1, 2]);
    world.without_keys.insert(2);
    world.check_in(60);
    world.settle();
    let both = [MemberId([1; 32]), MemberId([2; 32])];
    assert_eq!(world.holds.uncovered(&both), [both[1]]);
    world.without_keys.clear();
    world.fill(false);
    world.settle();
    assert!(world.holds.uncovered(&both).is_empty());
    // Of a new plan she keeps what was sealed before, rather than nothing.
    world.without_keys.insert(2);
    world.plan = 2;
    world.check_in(60);
    world.settle();
    assert!(world.holds.uncovered(&both).is_empty());
}

#[test]
fn while_a_relay_takes_nothing_new_what_lies_there_goes_on() {
    let mut world = World::new(&[1], &[1]);
    world.check_in(20);
    world.settle();
    world.refused.insert(1);
    world.plan = 2;
    world.pass(600);
    world.check_in(20);
    world.settle();
    assert_eq!(world.held(1), [START_S + 1800]);
    let view = world.holds.views(world.now_s).pop().unwrap();
    assert_eq!(view.not_for, [MemberId([1; 32])]);
    world.refused.clear();
    world.pass(600);
    world.check_in(20);
    world.settle();
    assert_eq!(world.state(1), Some(SlotState::Armed { until_s: START_S + 2400 }));
    assert!(world.holds.views(world.now_s)[0].not_for.is_empty());
}

#[test]
fn what_a_full_relay_does_not_take_is_asked_again_no_earlier_than_it_said_and_not_by_all_at_once() {
    let asked_after = |random| {
        let mut world = World::new(&[1], &[1]);
        world.check_in(20);
        let step = world.holds.steps(world.now_s).remove(0);
        world.holds.answered(&step.id, &Answer::Full { retry_after_s: 400 }, world.now_s, random);
        let asks = |after_s: &u64| !world.holds.steps(world.now_s + after_s).is_empty();
        (0..PAUSE_S).find(asks)
    };
    assert_eq!([0, 50, 100, 101].map(asked_after), [Some(400), Some(450), Some(500), Some(400)]);
}

#[test]
fn what_one_relay_says_is_out_does_not_keep_what_lies_at_another_from_being_extended() {
    let mut world = World::new(&[1, 2], &[1]);
    world.check_in(20);
    world.settle();
    world.plan = 2;
    world.pass(600);
    world.check_in(20);
    // The second relay has what it was never given, and has lost it: nothing of the new alarm may be used.
    for why in [Refusal::HoldExists, Refusal::UnknownHold] {
        let steps = world.holds.steps(world.now_s);
        let step = steps.iter().find(|step| step.id.relay().port() == 2).unwrap();
        world.holds.answered(&step.id, &Answer::Refused(why), world.now_s, 0);
    }
    assert!(world.holds.is_out());
    world.ask(Way::Answered);
    assert_eq!(world.held(1), [START_S + 1800]);
}
