//! What one mailbox may have of what all need, and what every mailbox has whatever the others do.

use super::*;
use crate::limits::{
    ABANDONED_AFTER_S, EXPIRED_AT_ONCE, FLOOR_OF_TOKEN, MAILBOXES_SWEPT_AT_ONCE, READERS,
    REMEMBER_S, REMEMBERED_LEAST,
};

const FULL: Answer = Answer::Full { retry_after_s: FULL_RETRY_S };

#[test]
fn while_the_disk_is_nearly_full_every_mailbox_has_its_floor_and_nothing_else() {
    let mut rig = Rig::new(Limits::default());
    rig.open(1, &[1, 2, 3, 4, 5]);
    for number in 0..3 {
        assert_eq!(rig.send(1, number), Answer::Accepted);
    }
    rig.mailboxes.set_room(Room::Low, 0);
    assert_eq!(rig.send(1, 9), FULL, "one token has more than its part of the floor already");
    assert_eq!(answer(rig.open(2, &[6])), FULL);
    assert_eq!(rig.hold(1, 60, &[2], None), FULL);
    assert_eq!(rig.send(1, 1), Answer::Accepted, "what is stored stays accepted");
    let mut accepted = 0;
    for by in 2..=5 {
        let of_it = (0..4).filter(|n| rig.send(by, u32::from(by) * 100 + n) == Answer::Accepted);
        let of_it = of_it.count() as u32;
        assert!(of_it <= FLOOR_OF_TOKEN);
        accepted += of_it;
    }
    assert_eq!(accepted, FLOOR - 3);
    rig.ack_first(1);
    assert_eq!(rig.waiting(1).len() as u32, FLOOR - 1);
    rig.pass(2);
    assert_eq!(rig.send(5, 900), Answer::Accepted, "what is read makes room again");
    rig.mailboxes.set_room(Room::Enough, u64::MAX);
    rig.pass(2);
    assert_eq!(rig.send(1, 10), Answer::Accepted);
}

#[test]
fn what_is_held_does_not_keep_an_alarm_from_the_floor() {
    let mut rig = Rig::new(Limits::default());
    rig.open(1, &[1, 2, 3, 4]);
    for id in 0..20 {
        assert_eq!(rig.hold(id, 6000, &[[1, 3, 4][usize::from(id % 3)]], None), held(1));
    }
    rig.mailboxes.set_room(Room::Low, 0);
    assert_eq!(rig.send(1, 1), Answer::Accepted);
    assert_eq!(rig.send(2, 2), Answer::Accepted);
}

#[test]
fn the_fuller_the_disk_the_less_one_mailbox_may_have_and_floors_come_first() {
    let mut rig = Rig::new(Limits { mailbox_part: 4, token_burst: 10_000, ..Limits::default() });
    for id in 1..=3 {
        rig.open(id, &[id]);
    }
    rig.mailboxes.set_room(Room::Enough, 200);
    let mut sent = [0_u32; 3];
    for (id, sent) in (1..=3).zip(&mut sent) {
        while rig.send(id, u32::from(id) * 1_000 + *sent) == Answer::Accepted {
            *sent += 1;
        }
        rig.pass(2);
    }
    assert_eq!(sent, [40, 32, 25], "a fourth of what is left, each in its turn");
    rig.mailboxes.set_room(Room::Enough, u64::from(FLOOR) - 1);
    assert_eq!(answer(rig.open(4, &[4])), FULL, "no floor is promised that there is no room for");
    rig.mailboxes.set_room(Room::Enough, u64::from(FLOOR));
    assert_eq!(answer(rig.open(4, &[4])), opened("R"));
    assert_eq!(answer(rig.open(5, &[5])), FULL, "that room was taken a moment ago");
}

/// What is known of each envelope takes memory, however big the disk is.
#[test]
fn beyond_so_many_envelopes_in_all_it_is_as_on_a_disk_that_is_nearly_full() {
    let limits =
        Limits { envelopes: 100, mailbox_part: 4, token_burst: 10_000, ..Limits::default() };
    let mut rig = Rig::new(limits);
    for id in 1..=3 {
        rig.open(id, &[id]);
    }
    let fill = |rig: &mut Rig, by: u8| {
        let number = |n| u32::from(by) * 1_000 + n;
        (0..200).filter(|n| rig.send(by, number(*n)) == Answer::Accepted).count()
    };
    assert_eq!(rig.hold(1, 6_000, &[1, 2, 3], None), held(3));
    assert_eq!(
        fill(&mut rig, 1),
        14,
        "a fourth of what is left of 100 beside 24 of floors and 3 held"
    );
    assert_eq!(answer(rig.open(4, &[4])), opened("R"));
    rig.restart(1);
    assert_eq!(fill(&mut rig, 2), 9, "what is found after a start counts");
    let mut rig = Rig::new(Limits { mailbox_part: 0, ..limits });
    for id in 1..=3 {
        rig.open(id, &[id, 10 + id]);
    }
    assert_eq!(rig.hold(1, 6_000, &[1, 2], None), held(2));
    assert_eq!(fill(&mut rig, 1), 100 - 24 - 2);
    assert_eq!(answer(rig.open(4, &[4])), FULL);
    assert_eq!(rig.hold(2, 6_000, &[3], None), FULL);
    assert_eq!(rig.hold(3, 6_000, &[1, 2], Some(1)), held(2), "it takes nothing new");
    assert_eq!(fill(&mut rig, 2), FLOOR_OF_TOKEN as usize, "the floor, however full it is");
    assert_eq!(fill(&mut rig, 12), FLOOR_OF_TOKEN as usize);
    rig.restart(1);
    assert_eq!(rig.send(3, 3_000), Answer::Accepted);
    assert_eq!(rig.send(1, 1_999), FULL);
    for _ in 0..30 {
        rig.ack_first(1);
    }
    rig.pass(2);
    assert_eq!(rig.send(1, 1_999), Answer::Accepted, "what is read makes room again");
    assert_eq!(rig.hold(2, 6_000, &[3], None), held(1));
    answer(rig.act(|boxes, _, writes| boxes.close(mailbox(1), writes)));
    assert_eq!(answer(rig.open(4, &[4])), opened("R"));
    let (waiting, left) = (rig.waiting(2).len() + rig.waiting(3).len(), rig.mailboxes.spare());
    assert_eq!(left, 100 - 24 - 3 - waiting as u64, "and nothing of what has gone is counted");
}

/// Of a hold, each delivery is remembered, whatever became of it.
#[test]
fn deliveries_of_holds_are_bounded_in_all_and_each_mailbox_has_its_part_of_them() {
    let limits =
        Limits { hold_deliveries: 64, hold_part: 4, token_burst: 10_000, ..Limits::default() };
    let mut rig = Rig::new(limits);
    let tokens: Vec<u8> = (10..20).collect();
    rig.open(1, &tokens);
    rig.open(2, &[2]);
    let one = |id: u8| [tokens[usize::from(id) % 10]];
    let taken = (0..40).take_while(|id| rig.hold(*id, 6_000, &one(*id), None) == held(1)).count();
    assert_eq!(taken, 13, "a fourth of what is left");
    rig.restart(1);
    rig.pass(900);
    assert_eq!(
        rig.hold(40, 6_000, &[10], None),
        full_for_one(),
        "what is found after a start counts"
    );
    assert_eq!(rig.hold(0, 6_000, &one(0), Some(0)), held(1), "its place is its own");
    rig.cancel(0);
    assert_eq!(rig.hold(40, 6_000, &[11], None), held(1));

    let mut rig = Rig::new(Limits { hold_part: 0, ..limits });
    rig.open(1, &tokens);
    for id in 0..6 {
        assert_eq!(rig.hold(id, 6_000, &tokens, None), held(10));
    }
    assert_eq!(rig.hold(6, 6_000, &tokens, None), FULL, "60 of 64 are taken");
    assert_eq!(rig.hold(5, 6_000, &tokens, Some(5)), held(10));
    assert_eq!(rig.hold(6, 6_000, &tokens[..4], None), held(4));
    assert_eq!(rig.hold(7, 6_000, &tokens[..1], None), FULL);
}

fn full_for_one() -> Answer {
    Answer::Held { outcomes: vec![DeliveryOutcome::Full] }
}

#[test]
fn who_holds_for_nobody_leaves_deliveries_for_others() {
    let limits = Limits { hold_deliveries: 4 * 1024, hold_part: 0, ..Limits::default() };
    let mut rig = Rig::new(limits);
    rig.open(1, &[1, 2]);
    let nobody = |count: usize| [vec![1], vec![99; count]].concat();
    let some = |outcomes: &Answer| match outcomes {
        Answer::Held { outcomes } => outcomes.len(),
        _ => 0,
    };
    assert_eq!(rig.hold(1, 6_000, &nobody(5), None), FULL, "one in 1024 of what is left are 4");
    assert_eq!(some(&rig.hold(1, 6_000, &nobody(4), None)), 5);
    assert_eq!(some(&rig.hold(2, 6_000, &nobody(3), None)), 4, "now it is less than 4");
    assert_eq!(rig.hold(2, 6_000, &nobody(4), Some(2)), FULL);
    assert!(matches!(rig.extend(2, 6_000), Answer::Extended { outcomes } if outcomes.len() == 4));
    assert_eq!(some(&rig.hold(1, 6_000, &nobody(4), Some(1))), 5, "as many as it had");
    let reserved = rig.mailboxes.mailboxes.values().map(Mailbox::reserved).sum::<u32>();
    assert_eq!(reserved, 2, "what was refused has left nothing reserved");
}

/// A repetition whose answer was lost comes within minutes; to remember more is a matter of memory.
#[test]
fn digests_that_are_remembered_are_bounded_in_all_and_a_few_of_each_mailbox_are() {
    let remembered = 64 * 10;
    let limits =
        Limits { remembered, token_burst: 10_000, token_envelopes: 10_000, ..Limits::default() };
    let mut rig = Rig::new(limits);
    let number = |id: u8, n: u32| u32::from(id) * 1_000 + n;
    for id in 0..=u8::MAX {
        rig.open(id, &[id]);
        for n in 0..20 {
            assert_eq!(rig.send(id, number(id, n)), Answer::Accepted);
            rig.ack_first(id);
        }
    }
    let has = |rig: &Rig, id: u8| rig.mailboxes.mailboxes[&mailbox(id)].has().remembered;
    assert_eq!(has(&rig, 0), 9, "one in 64 of what is left");
    assert_eq!(has(&rig, u8::MAX), REMEMBERED_LEAST as u64);
    assert!(
        rig.mailboxes.by_access.all().remembered
            <= u64::from(remembered) + 256 * REMEMBERED_LEAST as u64
    );
    for n in 16..20 {
        assert_eq!(rig.send(u8::MAX, number(u8::MAX, n)), Answer::Accepted);
    }
    assert_eq!(rig.waiting(u8::MAX), [0; 0], "doubles");
    rig.now_s += REMEMBER_S;
    rig.pass(60);
    assert_eq!(rig.totals(), (0, 0), "also where nobody sends any more");
    assert_eq!(rig.send(7, number(7, 19)), Answer::Accepted);
    assert_eq!(rig.waiting(7).len(), 1);
    for id in 1..=u8::MAX {
        answer(rig.act(|boxes, _, writes| boxes.close(mailbox(id), writes)));
    }
    assert_eq!(rig.totals(), (0, 0));
}

impl Rig {
    /// What waits, and what is remembered.
    fn totals(&self) -> (u64, u64) {
        let all = self.mailboxes.by_access.all();
        (all.waiting, all.remembered)
    }
}

#[test]
fn a_prefix_that_opened_its_part_waits_and_what_is_open_stays_so() {
    let mut rig = Rig::new(Limits { mailboxes: 10, ..Limits::default() });
    rig.open(1, &[1]);
    let mut open = |id, admitted: Result<(), u32>| {
        let mut asked = None;
        let reply = rig.act(|boxes, now, writes| {
            let newcomer = |left| {
                asked = Some(left);
                admitted
            };
            boxes.open(mailbox(id), &[], Leave::NotNeeded, newcomer, now, writes)
        });
        (answer(reply), asked)
    };
    assert_eq!(open(2, Err(77)), (Answer::Full { retry_after_s: 77 }, Some(9)));
    assert_eq!(open(2, Ok(())), (opened(""), Some(9)));
    assert_eq!(open(1, Err(77)), (opened(""), None));
}

/// Hashes of tokens of these numbers.
fn numbered(of: std::ops::Range<u32>) -> Vec<SendTokenHash> {
    let hash = |number: u32| {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        SendToken::new(bytes).hash()
    };
    of.map(hash).collect()
}

impl Rig {
    fn open_with_hashes(&mut self, id: u8, tokens: &[SendTokenHash]) -> Answer {
        answer(self.act(|boxes, now, writes| {
            boxes.open(mailbox(id), tokens, Leave::NotNeeded, |_| Ok(()), now, writes)
        }))
    }

    fn send_by_hash(&mut self, token: &SendTokenHash, number: u32) -> Answer {
        let (envelope, digest) = (envelope(number), short_digest(&envelope(number)));
        answer(self.act(|boxes, now, writes| boxes.send(token, envelope, digest, now, writes)))
    }
}

#[test]
fn new_tokens_cost_and_what_they_cost_does_not_come_back_by_asking_again() {
    let mut rig = Rig::new(Limits::default());
    let mut open = |of| rig.open_with_hashes(1, &numbered(of));
    assert!(open(0..128).opened_with_all(), "the first ones are free: a mailbox costs by itself");
    assert!(open(128..256).opened_with_all());
    assert!(open(256..384).opened_with_all());
    assert_eq!(open(256..385), opened(&("R".repeat(128) + "F")));
    assert!(open(256..384).opened_with_all(), "what it has costs nothing");
    let mut left = |asked_again| {
        for _ in 0..asked_again {
            assert_eq!(open(383..385), opened("RF"), "and what is not registered is none of it");
        }
    };
    left(3);
    rig.pass(60);
    assert!(rig.open_with_hashes(1, &numbered(375..385)).opened_with_all());
}

/// A stolen token ends, although there is no room for the one in its place.
#[test]
fn revoking_waits_for_no_room_for_what_is_new() {
    let mut rig = Rig::new(Limits::default());
    for from in [0, 128, 256] {
        assert!(rig.open_with_hashes(1, &numbered(from..from + 128)).opened_with_all());
    }
    let stolen = numbered(256..257)[0];
    assert_eq!(rig.send_by_hash(&stolen, 1), Answer::Accepted);
    let answered = rig.open_with_hashes(1, &numbered(257..385));
    assert_eq!(answered, opened(&("R".repeat(127) + "F")));
    assert_eq!(rig.send_by_hash(&stolen, 2), Answer::Refused(Refusal::UnknownToken));
    assert_eq!(rig.send_by_hash(&numbered(257..258)[0], 3), Answer::Accepted, "the others stay");
    rig.restart(1);
    assert_eq!(rig.send_by_hash(&stolen, 4), Answer::Refused(Refusal::UnknownToken));

    // Without room for anything nothing is promised, and it ends all the same.
    rig.open(2, &[1, 2]);
    rig.hold(1, 600, &[1, 2], None);
    rig.mailboxes.set_room(Room::None, 0);
    let full = Answer::Full { retry_after_s: FULL_RETRY_S };
    assert_eq!(answer(rig.open(2, &[2, 3])), full);
    assert_eq!(rig.send(1, 5), Answer::Refused(Refusal::UnknownToken));
    assert_eq!(rig.send(3, 5), Answer::Refused(Refusal::UnknownToken), "nothing new is taken in");
    assert_eq!(answer(rig.open(2, &[1, 2])), full, "it does not come back");
    assert_eq!(answer(rig.open(2, &[2])), full, "it has these, and no disk knows");
    rig.mailboxes.set_room(Room::Enough, u64::MAX);
    assert_eq!(rig.open(2, &[2]), Reply::Durable(opened("R")));
    rig.mailboxes.set_room(Room::None, 0);
    assert_eq!(rig.open(2, &[2]), Reply::Now(opened("R")), "now it does");
    rig.mailboxes.set_room(Room::Enough, u64::MAX);
    assert_eq!(rig.send(2, 6), Answer::Accepted);
    rig.restart(1);
    assert_eq!(rig.send(1, 7), Answer::Refused(Refusal::UnknownToken), "written when there was");
}

#[test]
fn holds_for_one_mailbox_leave_room_for_those_for_others() {
    let mut rig =
        Rig::new(Limits { holds: 200, hold_part: 4, token_burst: 10_000, ..Limits::default() });
    let tokens: Vec<u8> = (10..20).collect();
    rig.open(1, &tokens);
    rig.open(2, &[2]);
    let mut left = 0;
    while rig.hold(left, 6000, &[tokens[usize::from(left) % tokens.len()]], None) == held(1) {
        left += 1;
    }
    assert_eq!(left, 40, "a fourth of what is left");
    assert_eq!(rig.hold(100, 6000, &[2], None), held(1));
    let both = rig.hold(101, 6000, &[10, 2], None);
    let outcomes = vec![DeliveryOutcome::Full, DeliveryOutcome::Held];
    assert_eq!(both, Answer::Held { outcomes });
    // A share that has shrunk since takes no place from what replaces a hold that had it.
    assert_eq!(rig.hold(102, 6000, &[10], Some(0)), held(1));
}

#[test]
fn one_token_does_not_have_all_that_is_held_for_a_mailbox() {
    let mut rig = Rig::new(Limits::default());
    rig.open(1, &[1, 2]);
    let full = Answer::Held { outcomes: vec![DeliveryOutcome::Full] };
    for id in 0..8 {
        assert_eq!(rig.hold(id, 6000, &[1], None), held(1));
    }
    assert_eq!(rig.hold(8, 6000, &[1], None), full);
    assert_eq!(rig.hold(9, 6000, &[2], None), held(1));
    assert_eq!(rig.hold(10, 6000, &[1], Some(0)), held(1));
    assert_eq!(rig.hold(11, 6000, &[1], None), full);
}

#[test]
fn a_hold_whose_recipients_are_all_gone_is_dropped_however_often_it_is_extended() {
    let mut rig = Rig::new(Limits { outage_wait_s: 0, ..Limits::default() });
    rig.open(1, &[1]);
    rig.open(2, &[2]);
    rig.hold(1, 1_000_000, &[1, 2], None);
    rig.hold(2, 1_000_000, &[1], None);
    rig.open(1, &[]);
    rig.pass(120);
    rig.open(1, &[1]);
    rig.pass(120);
    rig.act(|boxes, _, writes| boxes.close(mailbox(1), writes));
    let gone = Answer::Extended { outcomes: vec![DeliveryOutcome::Refused] };
    for _ in 0..=ABANDONED_AFTER_S / 60 + 2 {
        rig.pass(60);
        assert_eq!(rig.extend(2, 1_000_000), gone);
    }
    let stored = |rig: &Rig| rig.store.load().unwrap().holds.len();
    assert_eq!(stored(&rig), 1, "the one that can still reach somebody");
    assert_eq!(rig.extend(2, 1_000_000), gone, "it did not fire, and is not told as if it had");
    assert_eq!(rig.cancel(2), Answer::Cancelled);
    assert_eq!(rig.cancel(2), Answer::Refused(Refusal::UnknownHold));
    rig.act(|boxes, _, writes| boxes.close(mailbox(2), writes));
    rig.pass(2 * ABANDONED_AFTER_S);
    assert_eq!(stored(&rig), 0);
    rig.open(3, &[3]);
    assert_eq!(rig.hold(3, 60, &[3], Some(1)), held(1), "it can be replaced all the same");
}

#[test]
fn a_ninth_reader_takes_the_place_of_the_oldest() {
    let mut rig = Rig::new(Limits::default());
    rig.open(1, &[1]);
    let subscribe = |rig: &mut Rig, reader| {
        rig.act(|boxes, now, writes| {
            boxes.subscribe(&[mailbox(1)], reader, &Bell::default(), now, writes).unwrap()
        })
    };
    let mut readers: Vec<_> = (0..READERS as u64).map(|n| subscribe(&mut rig, n)).collect();
    let now = rig.now();
    rig.send(1, 1);
    let mut newest = subscribe(&mut rig, 99);
    assert_eq!(rig.mailboxes.take(0, &mut readers[0][0], 16, now), Err(EndReason::Displaced));
    for (reader, cursors) in (0..).zip(&mut readers).skip(1) {
        assert_eq!(rig.mailboxes.take(reader, &mut cursors[0], 16, now).unwrap().len(), 1);
    }
    assert_eq!(rig.mailboxes.take(99, &mut newest[0], 16, now).unwrap().len(), 1);
    rig.send(1, 2);
    assert_eq!(rig.mailboxes.cached, 2, "the first one still waits for who was displaced");
    rig.mailboxes.unsubscribe(0, &readers[0], now);
    assert_eq!(rig.mailboxes.cached, 1, "the second one never did");
    let taken = rig.mailboxes.take(99, &mut newest[0], 16, now).unwrap();
    assert!(taken[0].bytes.is_some());
}

#[test]
fn a_sweep_goes_on_where_it_stopped_and_leaves_nothing_out() {
    let limits = Limits { envelope_age_s: 1_000, token_burst: 1_000_000, ..Limits::default() };
    let mut rig = Rig::new(limits);
    let many = MAILBOXES_SWEPT_AT_ONCE as u32 + 10;
    for number in 0..many {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&number.to_le_bytes());
        let tokens = [SendToken::new(id).hash()];
        rig.act(|boxes, now, writes| {
            boxes.open(MailboxId(id), &tokens, Leave::NotNeeded, |_| Ok(()), now, writes);
            let (sent, digest) = (envelope(number), short_digest(&envelope(number)));
            boxes.send(&tokens[0], sent, digest, now, writes);
        });
    }
    rig.open(200, &[200]);
    let more = EXPIRED_AT_ONCE as u32 + 10;
    for number in 0..more {
        assert_eq!(rig.send(200, 1_000_000 + number), Answer::Accepted);
    }
    rig.now_s += 2_000;
    rig.act(Mailboxes::tick);
    let mut steps = 1;
    while rig.act(Mailboxes::sweep) {
        steps += 1;
    }
    assert!(steps >= 3, "{steps}");
    assert!(rig.store.load().unwrap().envelopes.is_empty());
    assert_eq!(rig.expired(200), u64::from(more));
}
