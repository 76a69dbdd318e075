//! By which access token a mailbox is open, and what that bounds.

use velar_protocol::wire::ChildId;

use super::*;
use crate::access::Grant;
use crate::limits::{
    EXPIRED_AT_ONCE, FLOOR_OF_TOKEN, HELD_FOR_EACH, SPENT_CHILD_S, SPENT_CHILDREN,
};

const SPENT: Answer = Answer::Refused(Refusal::AccessSpent);
const FULL: Answer = Answer::Full { retry_after_s: FULL_RETRY_S };

fn of(access: u16, most: Option<u32>) -> Leave {
    Leave::Of(Grant { access, most })
}

fn child(access: u16, number: u16) -> Leave {
    let mut id = [0; 16];
    id[..2].copy_from_slice(&number.to_le_bytes());
    Leave::ByChild(Grant { access, most: None }, ChildId(id))
}

impl Rig {
    /// Opens it with so many tokens of its own; how many were registered.
    fn open_with(&mut self, id: u8, leave: Leave, count: u8) -> usize {
        let tokens: Vec<SendTokenHash> = (0..count)
            .map(|number| SendTokenHash([[id, number]; 16].concat().try_into().unwrap()))
            .collect();
        let opened = answer(self.act(|boxes, now, writes| {
            boxes.open(mailbox(id), &tokens, leave, |_| Ok(()), now, writes)
        }));
        let Answer::Opened { outcomes, .. } = opened else { panic!("{opened:?}") };
        outcomes.iter().filter(|outcome| **outcome == TokenOutcome::Registered).count()
    }

    /// Opens it with the token of this number.
    fn open_for(&mut self, id: u8, leave: Leave) {
        self.act(|boxes, now, writes| {
            boxes.open(mailbox(id), &[token(id)], leave, |_| Ok(()), now, writes)
        });
    }

    /// Sends until it is full; how many were accepted.
    fn fill(&mut self, by: u8) -> u32 {
        // Nothing twice.
        let from = u32::from(by) * 1_000_000 + (self.now_s - START_S) as u32 * 1_000;
        (from..).take_while(|number| self.send(by, *number) == Answer::Accepted).count() as u32
    }

    fn open_by(&mut self, id: u8, leave: Leave) -> Answer {
        answer(
            self.act(|boxes, now, writes| {
                boxes.open(mailbox(id), &[], leave, |_| Ok(()), now, writes)
            }),
        )
    }

    fn close(&mut self, id: u8) {
        self.act(|boxes, _, writes| boxes.close(mailbox(id), writes));
    }

    fn open_by_access(&self, access: u16) -> u32 {
        self.mailboxes.open_by_access().get(&access).copied().unwrap_or(0)
    }
}

#[test]
fn each_access_token_has_its_share_of_mailboxes_across_restarts() {
    let mut rig = Rig::new(Limits { access_mailboxes: 2, ..Limits::default() });
    assert_eq!(rig.open_by(1, of(7, None)), opened(""));
    assert_eq!(rig.open_by(2, child(7, 1)), opened(""));
    for leave in [of(7, None), child(7, 2)] {
        assert_eq!(rig.open_by(3, leave), FULL);
    }
    assert_eq!(rig.open_by(1, of(7, None)), opened(""), "it is open already");
    assert_eq!(rig.open_by(3, of(8, Some(1))), opened(""), "another token's share is its own");
    assert_eq!(rig.open_by(4, of(8, Some(1))), FULL);
    assert_eq!(rig.open_by(4, Leave::NotNeeded), opened(""));
    rig.restart(1);
    assert_eq!((rig.open_by_access(7), rig.open_by_access(8), rig.open_by_access(0)), (2, 1, 0));
    assert_eq!(rig.open_by(5, of(7, None)), FULL);
    rig.close(1);
    assert_eq!(rig.open_by(5, of(7, None)), opened(""));
    rig.pass(1);
    rig.now_s += u64::from(rig.limits.mailbox_idle_s) + 2 * 86_400;
    rig.pass(1);
    assert_eq!(rig.mailboxes.open_by_access(), HashMap::new(), "nobody used them");
}

#[test]
fn a_child_opens_one_mailbox_and_no_second_one_also_after_a_restart() {
    let mut rig = Rig::new(Limits::default());
    assert_eq!(rig.open_by(1, child(7, 1)), opened(""));
    assert_eq!(rig.open_by(1, child(7, 1)), opened(""), "the same again, whose answer was lost");
    assert_eq!(rig.open_by(2, child(7, 1)), SPENT);
    rig.restart(10);
    assert_eq!(rig.open_by(2, child(7, 1)), SPENT);
    rig.close(1);
    assert_eq!(rig.open_by(1, child(7, 1)), SPENT, "it is not given back");
    assert_eq!(rig.open_by(2, child(7, 2)), opened(""));
    assert_eq!(rig.open_by(3, child(8, 1)), opened(""), "of another token");
}

#[test]
fn a_used_child_is_forgotten_when_its_time_is_long_over_and_so_on_disk() {
    let mut rig = Rig::new(Limits::default());
    rig.open_by(1, child(7, 1));
    let remembered = |rig: &Rig| rig.store.load().unwrap().spent;
    let until_s = remembered(&rig)[0].children[0].until_s;
    assert_eq!(until_s % 86_400, 0, "which second it was is nobody's to know");
    rig.now_s += SPENT_CHILD_S - 120;
    rig.pass(1);
    assert_eq!(rig.open_by(2, child(7, 1)), SPENT);
    rig.now_s = until_s + 120;
    rig.pass(1);
    assert_eq!(remembered(&rig), []);
    assert_eq!(rig.open_by(2, child(7, 1)), opened(""), "its time is judged elsewhere");
}

#[test]
fn used_children_are_bounded_for_each_token_alone() {
    let limits = Limits { access_mailboxes: 1, ..Limits::default() };
    let mut rig = Rig::new(limits);
    for number in 0..SPENT_CHILDREN as u16 {
        assert_eq!(rig.open_by(1, child(7, number)), opened(""), "{number}");
        rig.close(1);
    }
    assert_eq!(rig.open_by(1, child(7, 2000)), FULL);
    assert_eq!(
        rig.open_by(1, of(7, None)),
        opened(""),
        "the token itself leaves nothing to remember"
    );
    assert_eq!(rig.open_by(2, child(8, 2000)), opened(""));
}

#[test]
fn a_mailbox_without_a_valid_token_takes_the_one_that_is_shown() {
    let mut rig = Rig::new(Limits { access_mailboxes: 1, ..Limits::default() });
    assert_eq!(rig.open_by(1, Leave::NotNeeded), opened(""));
    assert_eq!(rig.open_by(1, child(7, 1)), opened(""));
    assert_eq!(rig.mailboxes.access_of(&mailbox(1)), Some(0), "a child is for a new one");
    assert_eq!(rig.open_by(2, child(7, 1)), opened(""), "and was not used for that");
    assert_eq!(rig.open_by(1, of(7, None)), opened(""), "it is open, whatever there is room for");
    assert_eq!(rig.mailboxes.access_of(&mailbox(1)), Some(0));
    assert_eq!(rig.open_by(1, of(8, None)), opened(""));
    rig.restart(1);
    assert_eq!(rig.mailboxes.access_of(&mailbox(1)), Some(8));
    assert_eq!((rig.open_by_access(7), rig.open_by_access(8)), (1, 1));
}

#[test]
fn a_refused_mailbox_uses_no_child() {
    let mut rig = Rig::new(Limits { mailboxes: 1, ..Limits::default() });
    rig.open_by(1, of(7, None));
    assert_eq!(rig.open_by(2, child(7, 1)), FULL);
    rig.close(1);
    assert_eq!(rig.open_by(2, child(7, 1)), opened(""));
}

#[test]
fn mailboxes_by_one_access_token_leave_send_tokens_for_those_by_another() {
    let mut rig = Rig::new(Limits { tokens: 20_000, ..Limits::default() });
    let registered: Vec<usize> = (0..60).map(|id| rig.open_with(id, of(7, None), 128)).collect();
    let share = registered.iter().take_while(|count| **count == 128).count();
    assert_eq!(share, 52, "52 * 128 are a third of all, and the next would have more");
    assert!(registered[share..].iter().all(|count| (32..128).contains(count)), "{registered:?}");
    assert_eq!(registered[59], 32, "each has what a member of a small circle needs");
    assert_eq!(rig.open_with(100, of(8, None), 128), 128);
    assert_eq!(rig.open_with(101, Leave::NotNeeded, 128), 128, "by none: its own share alone");
    rig.restart(1);
    assert_eq!(rig.open_with(60, of(7, None), 128), 32, "what is found after a start counts");
    for id in 0..30 {
        rig.close(id);
    }
    assert_eq!(rig.open_with(61, of(7, None), 128), 128);
}

#[test]
fn mailboxes_by_one_access_token_leave_room_on_the_disk_for_those_by_another() {
    let limits = Limits { mailbox_part: 0, token_burst: 10_000, ..Limits::default() };
    let mut rig = Rig::new(limits);
    for (id, access) in [(1, 7), (2, 7), (3, 8)] {
        rig.open_for(id, of(access, None));
    }
    rig.open_for(4, Leave::NotNeeded);
    rig.mailboxes.set_room(Room::Enough, 300);
    assert_eq!(rig.fill(1), 100, "a half of what is left");
    assert_eq!(rig.fill(2), FLOOR_OF_TOKEN, "the floor alone");
    assert_eq!(rig.hold(1, 60, &[2], None), Answer::Held { outcomes: vec![DeliveryOutcome::Full] });
    assert_eq!(rig.fill(3), 66);
    assert_eq!(rig.hold(1, 60, &[4], None), held(1), "by none: its own share alone");
    let left = 300 - 100 - 66 - u64::from(FLOOR_OF_TOKEN) - 1;
    rig.restart(1);
    rig.mailboxes.set_room(Room::Enough, left);
    rig.pass(2);
    assert_eq!(rig.fill(1), 0, "what is found after a start counts");
    for _ in 0..60 {
        rig.ack_first(1);
    }
    rig.pass(2);
    assert!(rig.fill(2) > FLOOR, "what one has read is there for the other");
}

#[test]
fn holds_for_mailboxes_by_one_access_token_leave_room_for_those_for_others() {
    let limits = Limits { holds: 200, hold_part: 0, token_burst: 10_000, ..Limits::default() };
    let mut rig = Rig::new(limits);
    for (id, access) in [(1, 7), (2, 7), (3, 8)] {
        rig.open_for(id, of(access, None));
    }
    let fill = |rig: &mut Rig, from, to: &[u8]| {
        let all = (from..=u8::MAX).take_while(|id| {
            let asked = rig.hold(*id, 6000, to, None);
            asked == held(to.len())
        });
        all.count() as u32
    };
    assert_eq!(fill(&mut rig, 0, &[1, 1]), 67, "a half of what is left, each hold counted once");
    assert_eq!(fill(&mut rig, 70, &[2]), HELD_FOR_EACH, "a mailbox has so many in any case");
    assert_eq!(rig.hold(0, 6000, &[1, 1], Some(0)), held(2), "its places are its own");
    assert_eq!(fill(&mut rig, 80, &[3]), 42);
    rig.restart(1);
    rig.pass(10);
    assert_eq!(fill(&mut rig, 200, &[1]), 0, "what is found after a start counts");
    for id in 0..40 {
        rig.cancel(id);
    }
    assert_eq!(rig.hold(200, 6000, &[1], None), held(1));
}

#[test]
fn mailboxes_by_a_revoked_access_token_are_closed_a_few_at_a_time_and_no_others() {
    let limits = Limits {
        mailbox_envelopes: 10_000,
        token_envelopes: 10_000,
        token_burst: 10_000,
        mailbox_part: 0,
        access_part: 0,
        ..Limits::default()
    };
    let mut rig = Rig::new(limits);
    for id in 0..=u8::MAX {
        rig.open_for(id, of(if id % 2 == 0 { 7 } else { 8 }, None));
    }
    for number in 0..EXPIRED_AT_ONCE as u32 {
        assert_eq!(rig.send(2, number), Answer::Accepted);
    }
    rig.hold(1, 600, &[4, 5], None);
    let (mut from, mut closed) = (Some(Bound::Unbounded), Vec::new());
    while let Some(start) = from {
        let (count, next) = rig.act(|boxes, _, writes| boxes.close_some(7, start, writes));
        closed.push(count);
        from = next;
    }
    assert_eq!(closed, [2, 126, 0], "one with much in it ends a step");
    assert_eq!(rig.send(4, 1), Answer::Refused(Refusal::UnknownToken));
    assert_eq!(rig.send(5, 1), Answer::Accepted);
    rig.restart(1);
    let loaded = rig.store.load().unwrap();
    assert!(loaded.mailboxes.iter().all(|record| record.access == 8));
    assert_eq!((loaded.mailboxes.len(), loaded.envelopes.len()), (128, 1));
    let outcomes = vec![DeliveryOutcome::Refused, DeliveryOutcome::Held];
    assert_eq!(rig.extend(1, 600), Answer::Extended { outcomes });
}
