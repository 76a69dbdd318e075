//! What is known of every hold, and whether what the relay does with it can be right. Pure.
//!
//! A request whose answer never came leaves two possibilities open: then every deadline that may be in force
//! is a *term*, and what fits any term is right. What a crash can undo is right as well: a release that was not on
//! disk yet, though a connected reader had its envelopes already (SPEC §4.5).

use super::ledger::{Copy, Faults, Kills};

/// What is known of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Asked for; no answer yet.
    Asked,
    /// The relay has said that it has it; it may have been released since.
    Held,
    /// The relay has said that it does not have it any more, and its deadline was over.
    Released,
    /// Cancelled, or replaced by another, with an answer.
    Ended,
    /// Not taken.
    Never,
    /// Two possibilities that no answer can tell apart any more.
    Unclear,
}

/// All holds of a run.
#[derive(Debug, Default)]
pub(super) struct Holds {
    all: Vec<Hold>,
    pub seen: HoldsSeen,
}

/// Counted on the way, and by [`Holds::check`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HoldsSeen {
    /// Vanished, or released with deliveries that never came.
    pub missing: u64,
    /// Deliveries that came before their time, or after an end with an answer.
    pub untimely: u64,
    /// Released, and still held afterwards, with no kill in between.
    pub both: u64,
    /// Deliveries that came into a mailbox twice, with no kill in between.
    pub twice: u64,
    /// Released, and still held after a kill.
    pub undone: u64,
}

#[derive(Debug)]
struct Hold {
    mailboxes: Vec<u32>,
    fate: Fate,
    terms: Vec<Term>,
    /// It was still there in this second, or later: the last request was made then to which the answer showed it.
    there_s: Option<u64>,
    /// The first arrival of each delivery.
    copies: Vec<Option<Copy>>,
}

/// A deadline that was, or may have been, in force.
#[derive(Clone, Copy, Debug)]
struct Term {
    due_s: u64,
    until_s: u64,
}

const OPEN: u64 = u64::MAX;

impl Holds {
    /// A hold for these mailboxes is about to be asked for. Its number.
    pub(super) fn ask(&mut self, mailboxes: Vec<u32>) -> u64 {
        let copies = vec![None; mailboxes.len()];
        self.all.push(Hold {
            mailboxes,
            fate: Fate::Asked,
            terms: Vec::new(),
            there_s: None,
            copies,
        });
        self.all.len() as u64 - 1
    }

    pub(super) fn mailboxes(&self, hold: u64) -> Vec<u32> {
        self.get(hold).map_or_else(Vec::new, |hold| hold.mailboxes.clone())
    }

    pub(super) fn fate(&self, hold: u64) -> Fate {
        self.get(hold).map_or(Fate::Never, |hold| hold.fate)
    }

    pub(super) fn count(&self, fate: Fate) -> u64 {
        self.all.iter().filter(|hold| hold.fate == fate).count() as u64
    }

    /// All that the relay has said it has, as far as is known.
    pub(super) fn held(&self) -> Vec<u64> {
        let held = (0..).zip(&self.all).filter(|(_, hold)| hold.fate == Fate::Held);
        held.map(|(number, _)| number).collect()
    }

    /// Whether all deliveries came of every hold that must have been released by `now_s`.
    pub(super) fn are_released(&self, now_s: u64) -> bool {
        let over = |hold: &&Hold| hold.terms.iter().all(|term| term.due_s <= now_s);
        let held = self.all.iter().filter(|hold| hold.fate == Fate::Held);
        held.filter(over).all(|hold| hold.copies.iter().all(Option::is_some))
    }

    /// A request is about to be made that sets this deadline. It counts until another is certain.
    pub(super) fn may_be_due(&mut self, hold: u64, due_s: u64) {
        if let Some(hold) = self.get_mut(hold) {
            hold.terms.push(Term { due_s, until_s: OPEN });
        }
    }

    /// The relay took it, or moved its deadline, on the last request, made at `asked_s`.
    pub(super) fn is_held(&mut self, hold: u64, asked_s: u64, now_s: u64) {
        let Some(hold) = self.get_mut(hold) else { return };
        hold.fate = Fate::Held;
        hold.there_s = Some(asked_s);
        if let Some((_, before)) = hold.terms.split_last_mut() {
            close(before, now_s);
        }
    }

    /// Cancelled or replaced by a request made at `asked_s`.
    pub(super) fn ended(&mut self, hold: u64, asked_s: Option<u64>, now_s: u64) {
        let Some(hold) = self.get_mut(hold) else { return };
        hold.fate = Fate::Ended;
        hold.there_s = asked_s.or(hold.there_s);
        close(&mut hold.terms, now_s);
    }

    /// Whether it may have been released by `now_s`.
    pub(super) fn may_be_over(&self, hold: u64, now_s: u64) -> bool {
        self.get(hold).is_some_and(|hold| hold.is_over(now_s))
    }

    /// The relay does not know it: it must have been released.
    pub(super) fn is_unknown(&mut self, number: u64, now_s: u64, faults: &mut Faults) {
        let Some(hold) = self.get_mut(number) else { return };
        let over = hold.is_over(now_s);
        hold.fate = Fate::Released;
        if !over {
            // Not to be called missing again because its deliveries do not come.
            hold.fate = Fate::Unclear;
            self.seen.missing += 1;
            faults.tell(|| format!("hold {number} vanished before its deadline"));
        }
    }

    pub(super) fn settle(&mut self, hold: u64, fate: Fate) {
        if let Some(hold) = self.get_mut(hold) {
            hold.fate = fate;
        }
    }

    /// A delivery arrived in `mailbox`. Whether it had arrived before; `None` if nobody asked for it.
    pub(super) fn received(
        &mut self,
        number: u64,
        mailbox: u32,
        delivery: u8,
        copy: Copy,
        kills: &Kills,
        faults: &mut Faults,
    ) -> Option<bool> {
        let Self { all, seen } = self;
        let hold = all.get_mut(usize::try_from(number).ok()?)?;
        let delivery = usize::from(delivery);
        hold.mailboxes.get(delivery).filter(|meant| **meant == mailbox)?;
        let fits = |term: &Term| term.due_s <= copy.by_s && copy.at_s <= term.until_s;
        if hold.fate == Fate::Never || !hold.terms.iter().any(fits) {
            seen.untimely += 1;
            faults.tell(|| format!("hold {number} was delivered at {}: {hold:?}", copy.at_s));
        }
        let place = hold.copies.get_mut(delivery)?;
        let Some(first) = *place else {
            *place = Some(copy);
            return Some(false);
        };
        // An ack that was not on disk yet is lost with a crash: then the same copy comes again.
        let again = first.may_be(&copy);
        let (from_s, to_s) = (first.at_s.min(copy.at_s), first.by_s.max(copy.by_s));
        if !again && !kills.between(from_s, to_s) {
            seen.twice += 1;
            faults.tell(|| format!("hold {number} was released twice: {first:?}, {copy:?}"));
        }
        Some(true)
    }

    /// To be called once, when every fate is known as well as it ever will be and everything was read.
    pub(super) fn check(&mut self, kills: &Kills, faults: &mut Faults) {
        let Self { all, seen } = self;
        for (number, hold) in all.iter().enumerate() {
            let came = hold.copies.iter().flatten();
            let missing = hold.copies.iter().filter(|copy| copy.is_none()).count();
            if hold.fate == Fate::Released && missing > 0 {
                seen.missing += 1;
                faults.tell(|| format!("hold {number}: {missing} deliveries never came: {hold:?}"));
            }
            if hold.fate == Fate::Never && came.clone().next().is_some() {
                seen.untimely += 1;
                faults.tell(|| format!("hold {number} was released and never taken"));
            }
            let Some(there_s) = hold.there_s else { continue };
            let before: Vec<_> = came.filter(|copy| copy.by_s < there_s).collect();
            if before.iter().any(|copy| !kills.between(copy.at_s, there_s)) {
                seen.both += 1;
                faults.tell(|| format!("hold {number} was there after its release: {hold:?}"));
            } else if !before.is_empty() {
                seen.undone += 1;
            }
        }
    }

    fn get(&self, hold: u64) -> Option<&Hold> {
        self.all.get(usize::try_from(hold).ok()?)
    }

    fn get_mut(&mut self, hold: u64) -> Option<&mut Hold> {
        self.all.get_mut(usize::try_from(hold).ok()?)
    }
}

impl Hold {
    fn is_over(&self, now_s: u64) -> bool {
        let open = self.terms.iter().filter(|term| term.until_s == OPEN);
        open.map(|term| term.due_s).any(|due_s| due_s <= now_s)
    }
}

fn close(terms: &mut [Term], now_s: u64) {
    for term in terms {
        term.until_s = term.until_s.min(now_s);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(at_s: u64) -> Copy {
        Copy::new(at_s, at_s, at_s)
    }

    struct Scene {
        holds: Holds,
        kills: Kills,
        faults: Faults,
    }

    /// One hold for mailboxes 4 and 5, taken at 100 for 10 seconds.
    fn scene() -> Scene {
        let mut holds = Holds::default();
        assert_eq!(holds.ask(vec![4, 5]), 0);
        holds.may_be_due(0, 110);
        holds.is_held(0, 100, 100);
        Scene { holds, kills: Kills::default(), faults: Faults::default() }
    }

    impl Scene {
        fn comes(&mut self, delivery: u8, at_s: u64) {
            let (mailbox, copy) = (4 + u32::from(delivery), copy(at_s));
            let Self { holds, kills, faults } = self;
            assert!(holds.received(0, mailbox, delivery, copy, kills, faults).is_some());
        }

        fn both_come(&mut self, at_s: u64) {
            self.comes(0, at_s);
            self.comes(1, at_s);
        }

        fn faults(mut self) -> u64 {
            self.holds.check(&self.kills, &mut self.faults);
            self.faults.count
        }
    }

    #[test]
    fn a_release_after_the_deadline_is_right_and_one_before_is_not() {
        let mut right = scene();
        right.both_come(110);
        right.holds.is_unknown(0, 110, &mut right.faults);
        assert_eq!(right.faults(), 0);
        let mut early = scene();
        early.both_come(109);
        assert_eq!(early.holds.seen.untimely, 2);
    }

    #[test]
    fn half_a_release_and_one_that_vanished_are_missing() {
        let mut half = scene();
        half.comes(0, 110);
        half.holds.is_unknown(0, 111, &mut half.faults);
        assert_eq!(half.faults(), 1);
        let mut vanished = scene();
        vanished.holds.is_unknown(0, 109, &mut vanished.faults);
        assert_eq!((vanished.holds.seen.missing, vanished.faults()), (1, 1));
    }

    #[test]
    fn an_extension_without_an_answer_leaves_both_deadlines_open() {
        let mut open = scene();
        open.holds.may_be_due(0, 200);
        open.both_come(111);
        assert_eq!(open.faults(), 0);
        let mut moved = scene();
        moved.holds.may_be_due(0, 200);
        moved.holds.is_held(0, 105, 105);
        moved.both_come(111);
        assert_eq!(moved.holds.seen.untimely, 2);
    }

    #[test]
    fn what_was_released_is_not_there_again_unless_a_kill_undid_it() {
        let again = |kill: bool| {
            let mut scene = scene();
            scene.both_come(110);
            if kill {
                scene.kills.note(112_000);
            }
            scene.holds.may_be_due(0, 200);
            scene.holds.is_held(0, 115, 115);
            scene.holds.check(&scene.kills, &mut scene.faults);
            (scene.holds.seen.both, scene.holds.seen.undone, scene.faults.count)
        };
        assert_eq!((again(false), again(true)), ((1, 0, 1), (0, 1, 0)));
    }

    #[test]
    fn twice_is_a_fault_unless_a_kill_lies_between_or_it_is_the_same_copy() {
        let twice = |kill: bool, at_s: u64| {
            let mut scene = scene();
            scene.both_come(110);
            if kill {
                scene.kills.note(111_000);
            }
            scene.comes(0, at_s);
            scene.faults()
        };
        assert_eq!((twice(false, 112), twice(true, 112), twice(false, 110)), (1, 0, 0));
    }

    #[test]
    fn a_full_hour_may_be_any_second_of_it_up_to_now() {
        let known = |now_s| {
            let copy = Copy::new(7, 7200, now_s);
            (copy.at_s, copy.by_s)
        };
        assert_eq!((known(7300), known(20_000)), ((7200, 7300), (7200, 10_799)));
        assert_eq!(Copy::new(7, 7201, 7300).by_s, 7201, "a second is a second");
        let whole = Copy::new(7, 7200, 7300);
        assert!(whole.may_be(&Copy::new(7, 7250, 7300)), "read before and after a crash");
        assert!(
            !whole.may_be(&Copy::new(7, 7301, 7301)) && !whole.may_be(&Copy::new(8, 7250, 7300))
        );
    }

    #[test]
    fn what_was_cancelled_with_an_answer_never_comes() {
        let mut cancelled = scene();
        cancelled.holds.ended(0, Some(105), 105);
        cancelled.both_come(111);
        assert_eq!(cancelled.holds.seen.untimely, 2);
    }
}
