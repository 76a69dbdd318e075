//! The dead man's switch from end to end, without a network.

use velar_protocol::circle::{Body, EventKind, Reason, Role};
use velar_protocol::wire::{Answer, Pin, Refusal, RelayAddress, Request};

use super::office::{World, relay};
use crate::device::sealing::Post;
use crate::device::{CheckInSaid, HoldsView};
use crate::holds::SlotState;
use crate::outbox::Class;
use crate::plan::{Plan, Rhythm};
use crate::records::{Item, PlanKind, StockKeyKind, StockKind, What};

const MINUTE_S: u64 = 60;

fn circle() -> World {
    World::circle("Luz", &[("Ana", Role::Defender), ("Eva", Role::Accompanier)])
}

impl World {
    /// Ana checks in: the next one is due in so many minutes.
    fn check_in(&mut self, next_min: u32) -> u64 {
        let now_s = self.now_s;
        let said = CheckInSaid { next_min, ..CheckInSaid::default() };
        let (_, check_in) = self.device("Ana").check_in(said, now_s).unwrap();
        now_s + u64::from(next_min + check_in.grace_min) * MINUTE_S
    }

    fn plan(&mut self, number: u64, itinerary: &str) {
        let plan = Plan {
            number,
            rhythm: Rhythm::Every { minutes: 60 },
            zone: "UTC".to_owned(),
            grace_min: 15,
            margin_min: 0,
            ends_s: None,
            silent_until_s: None,
            itinerary: itinerary.to_owned(),
            low_battery: false,
            no_signal: false,
        };
        let now_s = self.now_s;
        let put = |turn: &mut crate::device::Turn<'_>| Ok(turn.tx.put::<PlanKind>(&[], &plan)?);
        self.device("Ana").write(now_s, put).unwrap();
    }

    fn holds(&mut self) -> HoldsView {
        let now_s = self.now_s;
        self.device("Ana").holds(now_s).unwrap()
    }

    fn held(&self) -> Vec<(usize, u64)> {
        let all = self.office.holds.values().flat_map(|relay| relay.holds.values());
        all.map(|held| (held.deliveries.len(), held.release_s)).collect()
    }

    /// Time passes while nobody is there.
    fn pass_to(&mut self, at_s: u64) {
        self.now_s = at_s;
        self.office.release(at_s);
    }
}

/// Reasons and texts of alarms that somebody was shown.
fn alarms(shown: &[Item]) -> Vec<(Reason, String)> {
    let alarm = |item: &Item| match &item.what {
        What::Alert { event, .. } => match &event.kind {
            EventKind::Raised { reason, text, .. } => Some((*reason, text.clone())),
            _ => None,
        },
        _ => None,
    };
    shown.iter().filter_map(alarm).collect()
}

#[test]
fn who_falls_silent_is_heard_with_the_itinerary_by_everybody_who_comes_back() {
    let mut world = circle();
    world.plan(1, "Camino a Puerto Escondido, vuelvo por la costa");
    let due_s = world.check_in(60);
    world.settle();
    assert_eq!(world.held(), [(2, due_s)], "one hold, for both, at the deadline and no margin");
    world.people.remove("Ana");
    world.pass_to(due_s - 1);
    world.settle();
    for name in ["Luz", "Eva"] {
        assert!(alarms(&world.person(name).shown).is_empty(), "before its time nobody reads it");
    }
    world.pass_to(due_s);
    world.settle();
    for name in ["Luz", "Eva"] {
        let heard = alarms(&world.person(name).shown);
        let (reason, text) = &heard[0];
        assert_eq!(heard.len(), 1, "{name}: {heard:?}");
        assert_eq!(*reason, Reason::Released { check_in: 1 });
        assert_eq!(text, "Camino a Puerto Escondido, vuelvo por la costa");
        let now_s = world.now_s;
        let alerts = world.device(name).alerts(true, now_s).unwrap();
        assert_eq!(alerts.len(), 1);
    }
    let luz = world.device("Luz").alerts(true, due_s).unwrap();
    let eva = world.device("Eva").alerts(true, due_s).unwrap();
    let ids = |views: &[crate::device::AlertView]| {
        views[0].events.iter().map(|heard| heard.event().id()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&luz), ids(&eva), "both have the same event");
}

#[test]
fn without_a_plan_relays_wait_five_minutes_after_grace() {
    let mut world = circle();
    let due_s = world.check_in(60);
    world.settle();
    assert_eq!(world.held(), [(2, due_s + 5 * MINUTE_S)]);
    let view = world.holds();
    assert_eq!(view.relays[0].state, SlotState::Armed { until_s: due_s + 5 * MINUTE_S });
    assert!(view.nothing_for.is_empty());
}

#[test]
fn nothing_is_asked_before_the_check_in_itself_is_at_a_relay() {
    let mut world = circle();
    world.check_in(60);
    let now_s = world.now_s;
    let due = world.device("Ana").due(now_s, 100, |_| false).unwrap();
    assert!(due.iter().all(|due| due.lane().is_some()), "only envelopes");
    assert!(world.device("Ana").holds_pending(now_s).unwrap());
    world.send("Ana", |_| true);
    let due = world.device("Ana").due(now_s, 100, |_| false).unwrap();
    assert!(due.iter().any(|due| due.lane().is_none()), "now the hold");
    world.settle();
    assert!(!world.device("Ana").holds_pending(now_s).unwrap());
}

#[test]
fn check_ins_in_time_release_nothing_and_take_no_keys() {
    let mut world = circle();
    world.check_in(60);
    world.settle();
    let eva = world.person("Eva").member();
    let stock = |world: &mut World| {
        let now_s = world.now_s;
        world.device("Ana").read(now_s, |turn| turn.in_stock(eva)).unwrap()
    };
    let before = stock(&mut world);
    for _ in 0..10 {
        world.now_s += 60 * MINUTE_S;
        world.check_in(60);
        world.settle();
    }
    assert_eq!(world.held().len(), 1);
    assert!(stock(&mut world) >= before, "each check-in takes one and brings one");
    for name in ["Luz", "Eva"] {
        assert!(alarms(&world.person(name).shown).is_empty());
    }
    world.check_in(0);
    world.settle();
    assert!(world.held().is_empty(), "none agreed, none held");
}

#[test]
fn a_member_without_one_time_keys_is_left_out_and_named() {
    let mut world = circle();
    let eva = world.person("Eva").member();
    let now_s = world.now_s;
    world
        .device("Ana")
        .write(now_s, |turn| {
            for id in turn.tx.get::<StockKind>(&eva.0)?.unwrap_or_default() {
                turn.tx.delete::<StockKeyKind>(&id.0)?;
            }
            Ok(turn.tx.delete::<StockKind>(&eva.0).map(|_| ())?)
        })
        .unwrap();
    world.check_in(60);
    world.send("Ana", |_| true);
    world.send("Ana", |_| true);
    assert_eq!(world.held().iter().map(|(count, _)| *count).collect::<Vec<_>>(), [1]);
    assert_eq!(world.holds().nothing_for, [(eva, "Eva".to_owned())]);
    // Her receipt brings keys; what lies at the relay follows, with the same deadline.
    world.settle();
    world.device("Ana").tend(true, true, now_s).unwrap();
    world.settle();
    assert_eq!(world.held()[0].0, 2);
    assert!(world.holds().nothing_for.is_empty());
}

#[test]
fn an_itinerary_that_changed_replaces_what_lay_there() {
    let mut world = circle();
    world.plan(1, "por la sierra");
    world.check_in(60);
    world.settle();
    world.plan(2, "por la costa");
    let due_s = world.check_in(60);
    world.settle();
    assert_eq!(world.held(), [(2, due_s)]);
    world.people.remove("Ana");
    world.pass_to(due_s);
    world.settle();
    let heard = alarms(&world.person("Luz").shown);
    assert_eq!(heard, [(Reason::Released { check_in: 2 }, "por la costa".to_owned())]);
}

#[test]
fn keys_that_are_sealed_to_and_never_used_do_not_run_out() {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender)]);
    let luz = world.person("Luz").member();
    let mut least = usize::MAX;
    for number in 1..=60 {
        world.plan(number, "otro camino");
        world.now_s += 12 * 60 * MINUTE_S;
        world.check_in(24 * 60);
        world.settle();
        assert!(world.holds().nothing_for.is_empty(), "after {number} of them");
        let now_s = world.now_s;
        let stock = world.device("Ana").read(now_s, |turn| turn.in_stock(luz)).unwrap();
        least = least.min(stock);
    }
    assert!(least > 1, "something is always left for an alarm: {least}");
}

#[test]
fn a_released_alarm_is_no_sign_of_life() {
    let mut world = circle();
    let due_s = world.check_in(60);
    world.settle();
    let ana = world.person("Ana").member();
    let heard = |world: &mut World| {
        let now_s = world.now_s;
        world.device("Luz").read(now_s, |turn| Ok(turn.peer(ana)?.heard_s)).unwrap()
    };
    let before = heard(&mut world);
    world.people.remove("Ana");
    world.pass_to(due_s + 5 * MINUTE_S);
    world.settle();
    assert_eq!(alarms(&world.person("Luz").shown).len(), 1);
    assert_eq!(heard(&mut world), before);
}

#[test]
fn what_was_released_is_told_to_its_author_and_left_anew() {
    let mut world = circle();
    let due_s = world.check_in(60);
    world.settle();
    world.pass_to(due_s + 10 * MINUTE_S);
    world.check_in(60);
    world.settle();
    let told = |item: &&Item| matches!(item.what, What::HoldGone { .. });
    assert_eq!(world.person("Ana").shown.iter().filter(told).count(), 1);
    assert_eq!(world.held().len(), 1);
    let again_s = world.now_s + 80 * MINUTE_S;
    world.people.remove("Ana");
    world.pass_to(again_s);
    world.settle();
    assert_eq!(alarms(&world.person("Luz").shown).len(), 2, "it can be read a second time");
}

#[test]
fn a_relay_that_loses_every_hold_costs_one_alarm_a_check_in_and_the_other_relays_nothing() {
    let mut world = circle();
    world.check_in(60);
    world.settle();
    let luz = world.person("Luz").member();
    let stock = |world: &mut World| {
        let now_s = world.now_s;
        world.device("Ana").read(now_s, |turn| turn.in_stock(luz)).unwrap()
    };
    let before = stock(&mut world);
    world.now_s += MINUTE_S;
    world.check_in(60);
    // It takes what is said, and of every hold it says that it is not there, or is there already.
    for round in 0..40_u64 {
        let now_s = world.now_s + round;
        let due = world.device("Ana").due(now_s, 64, |_| false).unwrap();
        let lies: Vec<_> = due
            .into_iter()
            .filter_map(|due| match due.request(now_s)? {
                Request::Send { .. } => Some((due.id, Answer::Accepted)),
                Request::Hold { .. } => Some((due.id, Answer::Refused(Refusal::HoldExists))),
                Request::Extend { .. } => Some((due.id, Answer::Refused(Refusal::UnknownHold))),
                _ => None,
            })
            .collect();
        world.device("Ana").answered(&lies, now_s).unwrap();
        world.device("Ana").tend(true, true, now_s).unwrap();
    }
    let used = before - stock(&mut world);
    assert!((1..=3).contains(&used), "a check-in, and at most two alarms: {used}");
    world.settle();
    let told = |item: &&Item| matches!(item.what, What::HoldGone { .. });
    let gone = world.person("Ana").shown.iter().filter(told).count();
    assert!((1..=3).contains(&gone), "{gone} times");
}

#[test]
fn a_member_who_left_gets_nothing_any_more() {
    let mut world = circle();
    let due_s = world.check_in(60);
    world.settle();
    let eva = world.person("Eva").member();
    let now_s = world.now_s;
    world.device("Luz").remove_member(eva, now_s).unwrap();
    world.settle();
    world.device("Ana").tend(true, true, now_s).unwrap();
    world.settle();
    assert_eq!(world.held(), [(1, due_s + 5 * MINUTE_S)], "the same deadline, for one");
}

#[test]
fn a_relay_that_could_not_be_reached_does_not_keep_the_other_from_being_asked() {
    let mut world = circle();
    world.second_homes();
    let first_s = world.check_in(60) + 5 * MINUTE_S;
    world.settle();
    assert_eq!(world.held().len(), 2, "one at each relay");
    world.office.down.insert(4434);
    world.now_s += 30 * MINUTE_S;
    let second_s = world.check_in(60) + 5 * MINUTE_S;
    world.settle();
    let states: Vec<SlotState> = world.holds().relays.iter().map(|slot| slot.state).collect();
    assert_eq!(
        states,
        [SlotState::Armed { until_s: second_s }, SlotState::Behind { until_s: Some(first_s) }]
    );
    // It is back, and has released; both members have the newer check-in.
    world.office.down.clear();
    world.pass_to(first_s);
    world.settle();
    for name in ["Luz", "Eva"] {
        assert!(world.device(name).alerts(true, first_s).unwrap().is_empty(), "no false alarm");
        let quiet = |item: &&Item| matches!(item.what, What::Outdated { .. });
        assert_eq!(world.person(name).shown.iter().filter(quiet).count(), 1, "one quiet line");
    }
    let told = |item: &&Item| matches!(item.what, What::HoldGone { .. });
    assert_eq!(world.person("Ana").shown.iter().filter(told).count(), 1);
    assert_eq!(world.held().iter().filter(|(_, at_s)| *at_s == second_s).count(), 2);
}

impl World {
    /// Everybody gets a mailbox at another relay, too.
    fn second_homes(&mut self) {
        let second = RelayAddress::new("127.0.0.1", 4434, Pin([8; 32]), None).unwrap();
        assert_ne!(second, relay());
        let now_s = self.now_s;
        for name in ["Luz", "Ana", "Eva"] {
            let second = second.clone();
            let moved = |turn: &mut crate::device::Turn<'_>| {
                let mut profile = turn.profile()?;
                turn.settle(&mut profile, second, None)?;
                turn.set_profile(&profile)?;
                for member in turn.others()? {
                    let mut profile = turn.profile()?;
                    let card = turn.card_for(&mut profile, member)?;
                    turn.set_profile(&profile)?;
                    turn.tell(&[member], Body::Card(card), &Post::of(Class::Care))?;
                }
                Ok(())
            };
            self.device(name).write(now_s, moved).unwrap();
        }
        self.settle();
    }
}
