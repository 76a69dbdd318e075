//! Holds on virtual time.

use super::*;
use crate::store::LostHold;

fn rig() -> Rig {
    let mut rig = Rig::new(Limits::default());
    rig.open(1, &[1]);
    rig.open(2, &[2]);
    rig
}

#[test]
fn a_hold_is_released_at_its_deadline_and_only_once() {
    let mut rig = rig();
    assert_eq!(rig.hold(1, 60, &[1, 2], None), held(2));
    rig.pass(59);
    assert_eq!(rig.waiting(1), [0; 0]);
    rig.pass(1);
    assert_eq!((rig.waiting(1), rig.waiting(2)), (vec![100], vec![100]));
    rig.pass(100);
    rig.restart(1);
    rig.pass(100);
    assert_eq!(rig.waiting(1), [100]);
    assert_eq!(rig.extend(1, 60), Answer::Refused(Refusal::UnknownHold));
}

#[test]
fn extending_moves_the_deadline_and_cancelling_ends_it() {
    let mut rig = rig();
    rig.hold(1, 60, &[1], None);
    rig.pass(50);
    let outcomes = vec![DeliveryOutcome::Held];
    assert_eq!(rig.extend(1, 60), Answer::Extended { outcomes });
    rig.pass(59);
    assert_eq!(rig.waiting(1), [0; 0]);
    assert_eq!(rig.cancel(1), Answer::Cancelled);
    assert_eq!(rig.cancel(1), Answer::Refused(Refusal::UnknownHold));
    rig.pass(100);
    assert_eq!(rig.waiting(1), [0; 0]);
    assert!(rig.store.load().unwrap().holds.is_empty());
}

/// Each extension and each replacement is written anew, by whoever and from wherever it comes.
#[test]
fn one_hold_is_written_anew_so_often_and_no_more() {
    let mut rig = rig();
    let burst = rig.limits.hold_burst;
    let wait_s = 60 / rig.limits.hold_rate_per_min;
    let full = Answer::Full { retry_after_s: wait_s };
    assert_eq!(rig.hold(1, 600, &[1], None), held(1));
    for _ in 0..burst / 2 {
        assert!(matches!(rig.extend(1, 600), Answer::Extended { .. }));
        assert_eq!(rig.hold(1, 600, &[1], Some(1)), held(1));
    }
    assert_eq!(rig.extend(1, 900), full);
    assert_eq!(rig.hold(2, 900, &[1], Some(1)), full);
    assert_eq!(rig.hold(2, 600, &[1], None), held(1), "another one");
    assert!(matches!(rig.extend(2, 600), Answer::Extended { .. }));
    rig.pass(u64::from(wait_s));
    assert_eq!(rig.hold(3, 600, &[1], Some(1)), held(1));
    assert_eq!(rig.extend(3, 600), full, "by another name it has no more left");
    assert_eq!(rig.cancel(3), Answer::Cancelled, "what goes costs nothing");
    rig.pass(600);
    assert_eq!(rig.waiting(1), [200], "the other one, when it was due");
}

#[test]
fn lengths_out_of_bounds_are_refused() {
    let mut rig = rig();
    let refused = Answer::Refused(Refusal::HoldLength);
    assert_eq!(rig.hold(1, 0, &[1], None), refused);
    assert_eq!(rig.hold(1, rig.limits.hold_length_s + 1, &[1], None), refused);
    assert_eq!(rig.hold(1, rig.limits.hold_length_s, &[1], None), held(1));
    assert_eq!(rig.extend(1, 0), refused);
}

#[test]
fn space_is_reserved_until_release_and_outcomes_are_per_delivery() {
    let mut rig = Rig::new(Limits { mailbox_envelopes: 2, ..Limits::default() });
    rig.open(1, &[1, 11]);
    rig.open(2, &[2]);
    rig.send(1, 1);
    use DeliveryOutcome::{Full, Held, Refused};
    let outcomes = vec![Held, Refused, Held, Full];
    let answer = rig.hold(1, 60, &[1, 77, 2, 11], None);
    assert_eq!(answer, Answer::Held { outcomes: outcomes.clone() });
    assert_eq!(rig.send(11, 2), Answer::Full { retry_after_s: FULL_RETRY_S });
    rig.restart(1);
    assert_eq!(rig.send(11, 2), Answer::Full { retry_after_s: FULL_RETRY_S }, "still reserved");
    assert_eq!(rig.extend(1, 60), Answer::Extended { outcomes });
    rig.open(2, &[]);
    let outcomes = vec![Held, Refused, Refused, Full];
    assert_eq!(rig.extend(1, 60), Answer::Extended { outcomes }, "a token was revoked");
    rig.pass(60);
    assert_eq!((rig.waiting(1), rig.waiting(2)), (vec![1, 100], vec![]));
}

#[test]
fn replacing_is_one_step_and_uses_the_space_of_what_it_replaces() {
    let mut rig = Rig::new(Limits { mailbox_envelopes: 1, ..Limits::default() });
    rig.open(1, &[1]);
    assert_eq!(rig.hold(1, 60, &[1], None), held(1));
    assert_eq!(rig.hold(1, 60, &[1], None), Answer::Refused(Refusal::HoldExists));
    assert_eq!(rig.hold(2, 60, &[1], Some(9)), Answer::Refused(Refusal::UnknownHold));
    assert_eq!(rig.hold(2, 90, &[1], Some(1)), held(1));
    assert_eq!(rig.extend(1, 60), Answer::Refused(Refusal::UnknownHold));
    assert_eq!(rig.hold(2, 120, &[1], Some(2)), held(1), "by one of the same name");
    let none = Answer::Held { outcomes: vec![DeliveryOutcome::Refused] };
    assert_eq!(rig.hold(3, 60, &[9], Some(2)), none);
    rig.restart(1);
    rig.pass(118);
    assert_eq!(rig.waiting(1), [0; 0]);
    rig.pass(2);
    assert_eq!(rig.waiting(1), [200], "where nothing could be held the old one stayed");
}

#[test]
fn after_an_outage_a_missed_extension_can_still_arrive() {
    for (outage, wait) in [(300, 300), (4000, 900)] {
        let mut rig = rig();
        rig.hold(1, 60, &[1], None);
        rig.hold(2, 60, &[2], None);
        rig.pass(30);
        rig.restart(outage);
        rig.pass(wait - 1);
        assert_eq!(rig.waiting(1), [0; 0], "{outage}");
        assert!(matches!(rig.extend(2, 500), Answer::Extended { .. }));
        // The mark of the last life is up to ten seconds old.
        rig.pass(crate::limits::CLOCK_MARK_S + 1);
        assert_eq!((rig.waiting(1), rig.waiting(2)), (vec![100], vec![]), "{outage}");
    }
}

#[test]
fn a_machine_that_slept_waits_as_after_an_outage() {
    let mut rig = rig();
    rig.pass(5);
    rig.hold(1, 60, &[1], None);
    rig.now_s += 400;
    rig.tick();
    rig.pass(399);
    assert_eq!(rig.waiting(1), [0; 0]);
    rig.pass(1);
    assert_eq!(rig.waiting(1), [100]);
}

#[test]
fn what_was_promised_since_the_start_outlasts_an_outage_that_was_longer_than_it_seemed() {
    let mut rig = rig();
    rig.hold(1, 600, &[1], None);
    rig.hold(2, 600, &[2], None);
    rig.hold(3, 9000, &[1], None);
    rig.restart(1);
    rig.hold(4, 2000, &[2], None);
    rig.extend(2, 2000);
    rig.pass(5);
    // An hour and half a second more.
    rig.now_s += 3601;
    rig.act(|boxes, now, writes| boxes.outage_was_longer(3_600_500, now, writes));
    // Also if the relay ends right after it.
    rig.restart(1);
    rig.pass(898);
    assert_eq!(rig.waiting(1), [0; 0], "the wait after an outage");
    rig.pass(2);
    assert_eq!((rig.waiting(1), rig.waiting(2)), (vec![100], vec![]));
    rig.pass(1090);
    assert_eq!((rig.waiting(1), rig.waiting(2)), (vec![100], vec![]), "as late as was promised");
    rig.pass(5);
    assert_eq!(rig.waiting(1), [100]);
    let mut late = rig.waiting(2);
    late.sort_unstable();
    assert_eq!(late, [200, 400]);
}

#[test]
fn an_extension_between_reading_and_releasing_wins() {
    let mut rig = rig();
    rig.hold(1, 60, &[1], None);
    rig.pass(59);
    rig.now_s += 1;
    let now = rig.now();
    let due = rig.mailboxes.due(now);
    assert_eq!(due.len(), 1);
    assert!(rig.mailboxes.due(now).is_empty(), "once is enough");
    rig.extend(1, 60);
    let late = vec![(0, envelope(100))];
    rig.act(|boxes, now, writes| boxes.release(due[0].key, late, now, writes));
    assert_eq!(rig.waiting(1), [0; 0]);
    rig.pass(60);
    assert_eq!(rig.waiting(1), [100]);
}

const LOST: Answer = Answer::Refused(Refusal::HoldLost);
const UNKNOWN: Answer = Answer::Refused(Refusal::UnknownHold);

#[test]
fn a_damaged_hold_is_told_as_lost_and_nothing_of_it_fires() {
    let mut rig = rig();
    rig.hold(1, 60, &[1, 2], None);
    rig.restart(1);
    rig.damage(1, 1);
    assert_eq!(rig.extend(1, 60), LOST);
    for _ in 0..2 {
        assert_eq!(rig.extend(1, 60), LOST);
        assert_eq!(rig.cancel(1), LOST);
        assert_eq!(rig.hold(2, 60, &[1], Some(1)), LOST);
        assert_eq!(rig.extend(2, 60), UNKNOWN, "of another it says nothing");
        rig.restart(5);
    }
    rig.pass(200);
    assert_eq!((rig.waiting(1), rig.waiting(2)), (vec![], vec![]));
    assert_eq!((rig.expired(1), rig.expired(2)), (0, 0), "it was told to its owner");
    assert!(rig.store.load().unwrap().holds.is_empty());
}

#[test]
fn the_loss_is_forgotten_when_it_is_left_again_or_nobody_comes_back_for_it() {
    let mut rig = rig();
    let lose = |rig: &mut Rig, id| {
        rig.hold(id, 60, &[1], None);
        rig.restart(1);
        rig.damage(id, 0);
        assert_eq!(rig.extend(id, 60), LOST);
    };
    lose(&mut rig, 1);
    let none = Answer::Held { outcomes: vec![DeliveryOutcome::Refused] };
    assert_eq!(rig.hold(1, 60, &[9], None), none);
    assert_eq!(rig.extend(1, 60), LOST, "nothing was held in its place");
    assert_eq!(rig.hold(1, 60, &[1], None), held(1));
    assert!(matches!(rig.extend(1, 60), Answer::Extended { .. }));
    assert_eq!(rig.cancel(1), Answer::Cancelled);
    assert_eq!(rig.extend(1, 60), UNKNOWN);

    lose(&mut rig, 2);
    assert_eq!(rig.store.load().unwrap().lost_holds.len(), 1);
    rig.now_s += u64::from(rig.limits.hold_length_s) - 120;
    rig.pass(0);
    assert_eq!(rig.extend(2, 60), LOST);
    rig.pass(240);
    assert_eq!(rig.extend(2, 60), UNKNOWN);
    assert!(rig.store.load().unwrap().lost_holds.is_empty());
}

#[test]
fn what_is_left_of_a_damaged_hold_fires_at_its_deadline_and_the_rest_is_counted() {
    let mut rig = rig();
    rig.hold(1, 60, &[1, 2], None);
    rig.restart(1);
    rig.damage(1, 1);
    rig.pass(100);
    assert_eq!((rig.waiting(1), rig.waiting(2)), (vec![100], vec![]));
    assert_eq!((rig.expired(1), rig.expired(2)), (0, 1));
    assert_eq!(rig.extend(1, 60), UNKNOWN, "it fired");
    rig.restart(1);
    assert_eq!(rig.expired(2), 1);
}

#[test]
fn a_hold_of_which_nothing_is_left_never_fired() {
    let mut rig = rig();
    rig.hold(1, 60, &[1, 2], None);
    rig.restart(1);
    rig.damage(1, 0);
    rig.damage(1, 1);
    rig.pass(100);
    assert_eq!((rig.expired(1), rig.expired(2)), (1, 1));
    assert_eq!(rig.extend(1, 60), LOST);
}

#[test]
fn a_lost_hold_gives_its_space_back_and_its_envelopes_are_read_once() {
    let mut rig = Rig::new(Limits { mailbox_envelopes: 1, ..Limits::default() });
    rig.open(1, &[1]);
    rig.hold(1, 60, &[1], None);
    assert!(rig.mailboxes.unread(&hold(1)).is_none(), "this process wrote them");
    rig.restart(1);
    assert!(rig.mailboxes.unread(&hold(1)).is_some());
    assert!(matches!(rig.extend(1, 60), Answer::Extended { .. }));
    assert!(rig.mailboxes.unread(&hold(1)).is_none());
    rig.restart(1);
    rig.damage(1, 0);
    assert_eq!(rig.extend(1, 60), LOST);
    assert_eq!(rig.send(1, 7), Answer::Accepted);
}

#[test]
fn a_crash_amid_a_loss_never_looks_as_if_it_had_fired() {
    let mut rig = rig();
    rig.hold(1, 60, &[1], None);
    rig.restart(1);
    rig.damage(1, 0);
    let key = rig.store.load().unwrap().holds[0].key;
    let (mut writes, now) = (Vec::new(), rig.now());
    assert!(rig.mailboxes.lose_hold(key, now, &mut writes));
    assert!(!rig.mailboxes.lose_hold(key, now, &mut writes), "once");
    assert_eq!(writes.len(), 2);
    rig.store.apply(&writes[..1]).unwrap();
    rig.restart(1);
    assert_eq!(rig.extend(1, 60), LOST);
}

#[test]
fn losses_are_remembered_for_no_more_holds_than_there_may_be() {
    let mut rig = Rig::new(Limits { holds: 2, ..Limits::default() });
    rig.open(1, &[1]);
    for id in 1..=3 {
        assert_eq!(rig.hold(id, 60, &[1], None), held(1));
        rig.restart(1);
        rig.damage(id, 0);
        assert_eq!(rig.extend(id, 60), LOST);
    }
    assert_eq!([1, 2, 3].map(|id| rig.extend(id, 60)), [UNKNOWN, LOST, LOST]);
    assert_eq!(rig.store.load().unwrap().lost_holds.len(), 2);
}

/// Without room nothing can be promised: a write that is promised goes to the disk at once, and a store that was opened
/// without room then ends the relay.
#[test]
fn without_room_the_loss_of_a_hold_is_not_promised() {
    let mut rig = rig();
    rig.hold(1, 60, &[1, 2], None);
    rig.restart(1);
    rig.mailboxes.set_room(Room::None, 0);
    let record = rig.mailboxes.unread(&hold(1)).unwrap();
    let (now, mut writes) = (rig.now(), Vec::new());
    let reply = rig.mailboxes.looked_at(&record, 1, now, &mut writes).unwrap();
    assert!(!writes.is_empty());
    assert!(matches!(reply, Reply::Now(_)), "{reply:?}");
}

/// A released envelope that waits in memory for room is not on disk.
#[test]
fn without_room_a_double_of_what_is_only_in_memory_is_not_accepted() {
    let mut rig = rig();
    rig.hold(1, 60, &[1], None);
    rig.pass(59);
    rig.mailboxes.set_room(Room::None, 0);
    rig.now_s += 1;
    let now = rig.now();
    let mut writes = Vec::new();
    rig.mailboxes.tick(now, &mut writes);
    for record in rig.mailboxes.due(now) {
        let envelopes = record.envelopes(&rig.store).unwrap();
        rig.mailboxes.release(record.key, envelopes, now, &mut writes);
    }
    assert!(writes.iter().any(|write| matches!(write, Write::Put(..))), "deferred by the writer");
    let (sent, mut none) = (envelope(100), Vec::new());
    let reply = rig.mailboxes.send(&token(1), sent, short_digest(&envelope(100)), now, &mut none);
    // `Durable` without writes: the writer answers it at once, whatever it deferred.
    assert!(!matches!(reply, Reply::Durable(Answer::Accepted)), "{reply:?}");
}

/// A power cut may bring back the mark of a hold that was lost and left again.
#[test]
fn a_hold_that_is_there_is_not_lost_when_the_store_can_be_written_again() {
    let mut rig = rig();
    rig.hold(1, 60, &[1], None);
    rig.hold(2, 60, &[1], None);
    let mut loaded = rig.store.load().unwrap();
    let ids: Vec<HoldId> = loaded.holds.iter().map(|hold| hold.key.id).collect();
    loaded.lost_holds = ids.iter().map(|id| LostHold { id: *id, until_s: u64::MAX }).collect();
    loaded.holds.retain(|hold| hold.key.id == ids[0]);
    rig.act(|boxes, _, writes| {
        boxes.reopened(loaded, [].iter_mut(), writes);
        assert!(
            writes.iter().any(|write| matches!(write, Write::ReleaseHold(key) if key.id == ids[1]))
        );
        assert!(
            !writes
                .iter()
                .any(|write| matches!(write, Write::ReleaseHold(key) if key.id == ids[0]))
        );
    });
    let answers = [rig.extend(1, 60), rig.extend(2, 60)];
    assert_eq!(answers.iter().filter(|answer| **answer == LOST).count(), 1, "{answers:?}");
}

#[test]
fn a_token_that_is_registered_again_before_the_release_is_as_if_it_had_stayed() {
    let mut rig = Rig::new(Limits { token_envelopes: 2, ..Limits::default() });
    rig.open(1, &[1]);
    assert_eq!(rig.hold(1, 60, &[1], None), held(1));
    assert_eq!(rig.hold(2, 90, &[1], None), held(1));
    let held_once = || Answer::Extended { outcomes: vec![DeliveryOutcome::Held] };
    for restarts in [false, true] {
        rig.open(1, &[]);
        let outcomes = vec![DeliveryOutcome::Refused];
        assert_eq!(rig.extend(1, 60), Answer::Extended { outcomes });
        rig.open(1, &[1]);
        if restarts {
            rig.restart(1);
        }
        assert_eq!(rig.extend(1, 60), held_once());
        // Its place is kept again: what is held fills the token's share.
        let full = vec![DeliveryOutcome::Full];
        assert_eq!(rig.hold(3, 60, &[1], None), Answer::Held { outcomes: full });
        assert_eq!(rig.send(1, 7), Answer::Full { retry_after_s: FULL_RETRY_S });
    }
    rig.pass(60);
    assert_eq!(rig.waiting(1), [100]);
    rig.pass(60);
    assert_eq!(rig.waiting(1), [100, 200]);
    rig.ack_first(1);
    assert_eq!(rig.send(1, 8), Answer::Accepted, "nothing is kept for what was released");
}

#[test]
fn what_is_held_goes_where_its_token_is_registered_at_the_release() {
    let mut rig = rig();
    rig.hold(1, 60, &[1], None);
    rig.open(1, &[]);
    rig.open(2, &[1, 2]);
    rig.pass(60);
    assert_eq!((rig.waiting(1), rig.waiting(2)), (vec![], vec![100]));
}

#[test]
fn a_send_without_room_shuts_its_token_for_a_second_and_a_hold_without_room_shuts_nothing() {
    let mut rig = Rig::new(Limits { mailbox_envelopes: 1, ..Limits::default() });
    rig.open(1, &[1]);
    assert_eq!(rig.send(1, 1), Answer::Accepted);
    let full = vec![DeliveryOutcome::Full];
    assert_eq!(rig.hold(1, 60, &[1], None), Answer::Held { outcomes: full });
    rig.ack_first(1);
    assert_eq!(rig.send(1, 2), Answer::Accepted);
    let no_room = Answer::Full { retry_after_s: FULL_RETRY_S };
    assert_eq!(rig.send(1, 3), no_room);
    rig.ack_first(1);
    assert_eq!(rig.send(1, 4), no_room, "what was sent later does not slip in before it");
    rig.pass(1);
    assert_eq!(rig.send(1, 3), Answer::Accepted);
}

/// Who has just sent much, or is over a share that has shrunk, must not lose what is held by renewing it.
#[test]
fn a_place_that_a_replaced_hold_had_costs_no_rate_and_anything_beside_it_does() {
    let limits = Limits { token_burst: 4, token_rate_per_min: 6, ..Limits::default() };
    let mut rig = Rig::new(limits);
    rig.open(1, &[1, 2]);
    assert_eq!(rig.hold(1, 600, &[1, 1], None), held(2));
    for _ in 0..5 {
        assert_eq!(rig.hold(1, 600, &[1, 1], Some(1)), held(2));
    }
    assert_eq!(rig.send(1, 1), Answer::Accepted, "two of four are left");
    assert_eq!(rig.send(1, 2), Answer::Accepted);
    let shut = Answer::Full { retry_after_s: 10 };
    assert_eq!(rig.send(1, 3), shut);
    assert_eq!(rig.hold(1, 600, &[1, 1], Some(1)), held(2), "while the token is shut, too");
    let outcomes = [DeliveryOutcome::Held, DeliveryOutcome::Held, DeliveryOutcome::Full];
    assert_eq!(rig.hold(1, 600, &[1, 1, 1], Some(1)), Answer::Held { outcomes: outcomes.into() });
    assert_eq!(rig.send(1, 3), shut, "and does not open it");
    // Another token has had no place there.
    assert_eq!(rig.hold(1, 600, &[1, 2], Some(1)), held(2));
    assert_eq!((0..8).filter(|n| rig.send(2, 100 + n) == Answer::Accepted).count(), 3);
    rig.open(1, &[1]);
    let outcomes = [DeliveryOutcome::Held, DeliveryOutcome::Refused];
    assert_eq!(rig.hold(1, 600, &[1, 2], Some(1)), Answer::Held { outcomes: outcomes.into() });
}
