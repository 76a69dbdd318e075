//! By which access token a mailbox is open, and what that bounds.

use velar_protocol::wire::ChildId;

use super::*;
use crate::access::Grant;
use crate::limits::{SPENT_CHILD_S, SPENT_CHILDREN};

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
