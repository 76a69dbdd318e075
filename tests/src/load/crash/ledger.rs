//! What was sent, promised and received, and everything wrong with it. Pure: times are arguments.

use super::holds::Holds;
use super::letter::{Letter, Wrong};

const HOUR_S: u64 = 3600;
/// Faults told in words; all are counted.
const TOLD: usize = 20;

/// One arrival of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Copy {
    /// As the event says. Where it is on disk it stays the same.
    pub sequence: u64,
    /// When it came into the mailbox, by the relay's clock, at the earliest.
    pub at_s: u64,
    /// The same, at the latest.
    pub by_s: u64,
}

impl Copy {
    /// What an event says that is read at `now_s`. A full hour may stand for any second of it: a relay that was started
    /// again knows no more (SPEC §4.5).
    pub(super) fn new(sequence: u64, received_at_s: u64, now_s: u64) -> Self {
        let is_exact = !received_at_s.is_multiple_of(HOUR_S);
        let latest_s = if is_exact { received_at_s } else { received_at_s + HOUR_S - 1 };
        Self { sequence, at_s: received_at_s, by_s: latest_s.min(now_s).max(received_at_s) }
    }

    /// Whether both may be one envelope, delivered twice because its ack was lost with a crash.
    pub(super) fn may_be(&self, other: &Self) -> bool {
        self.sequence == other.sequence && self.at_s <= other.by_s && other.at_s <= self.by_s
    }
}

/// Moments of the kills, Unix milliseconds.
#[derive(Debug, Default)]
pub(super) struct Kills(Vec<u64>);

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Ledger {
    boxes: Vec<Tally>,
    pub holds: Holds,
    pub kills: Kills,
    pub seen: Seen,
    pub faults: Faults,
}

/// Counted on the way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub kills_in_start: u64,
    pub repeated: u64,
    pub out_of_order: u64,
    pub doubles: u64,
    pub stored_twice: u64,
    pub invented: u64,
    pub changed: u64,
}

/// What is wrong.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub count: u64,
    pub told: Vec<String>,
}

/// One mailbox and its one sender.
#[derive(Debug, Default)]
struct Tally {
    /// Numbers below this were given to the network at least once.
    sent: u64,
    /// Numbers below this were answered `Accepted`.
    accepted: u64,
    received: Bits,
    /// One more than the highest number received.
    high: u64,
    /// Highest number of envelopes that the relay called expired.
    expired: u64,
}

#[derive(Debug, Default)]
struct Bits {
    words: Vec<u64>,
    count: u64,
}

impl Ledger {
    pub(super) fn new(mailboxes: usize) -> Self {
        Self {
            boxes: (0..mailboxes).map(|_| Tally::default()).collect(),
            holds: Holds::default(),
            kills: Kills::default(),
            seen: Seen::default(),
            faults: Faults::default(),
        }
    }

    /// The oldest number of this sender without an answer, and the first that was never sent.
    pub(super) fn place_of(&self, mailbox: u32) -> (u64, u64) {
        self.tally(mailbox).map_or((0, 0), |tally| (tally.accepted, tally.sent))
    }

    /// This number is about to be sent.
    pub(super) fn sending(&mut self, mailbox: u32, number: u64) {
        let Some(tally) = self.tally_mut(mailbox) else { return };
        let again = number < tally.sent;
        tally.sent = tally.sent.max(number + 1);
        self.seen.repeated += u64::from(again);
    }

    /// The oldest number without an answer was accepted.
    pub(super) fn accepted(&mut self, mailbox: u32) {
        if let Some(tally) = self.tally_mut(mailbox) {
            tally.accepted += 1;
        }
    }

    /// An envelope was received from this mailbox. Whether it had been received before.
    pub(super) fn received(
        &mut self,
        mailbox: u32,
        copy: Copy,
        letter: Result<Letter, Wrong>,
    ) -> bool {
        match letter {
            Ok(Letter::Sent { mailbox: meant, number }) if meant == mailbox => {
                self.received_sent(mailbox, number)
            }
            Ok(Letter::Held { mailbox: meant, hold, delivery }) if meant == mailbox => {
                let Self { holds, kills, faults, seen, .. } = self;
                match holds.received(hold, mailbox, delivery, copy, kills, faults) {
                    Some(double) => {
                        seen.doubles += u64::from(double);
                        double
                    }
                    None => self.invented(mailbox, "of a hold that nobody asked for"),
                }
            }
            Ok(_) => self.invented(mailbox, "of another mailbox"),
            Err(Wrong::Foreign) => self.invented(mailbox, "of another run"),
            Err(Wrong::Changed) => {
                self.seen.changed += 1;
                self.faults.tell(|| format!("mailbox {mailbox}: changed bytes"));
                false
            }
        }
    }

    fn received_sent(&mut self, mailbox: u32, number: u64) -> bool {
        let Some(tally) = self.tally_mut(mailbox).filter(|tally| number < tally.sent) else {
            return self.invented(mailbox, "that was never sent");
        };
        let (double, high) = (!tally.received.set(number), tally.high);
        tally.high = high.max(number + 1);
        if double {
            self.seen.doubles += 1;
        } else if number < high {
            self.seen.out_of_order += 1;
            self.faults.tell(|| format!("mailbox {mailbox}: {number} came after {}", high - 1));
        }
        double
    }

    fn invented(&mut self, mailbox: u32, what: &str) -> bool {
        self.seen.invented += 1;
        self.faults.tell(|| format!("mailbox {mailbox}: an envelope {what}"));
        false
    }

    /// One subscription, with nobody sending, brought the same envelope twice.
    pub(super) fn stored_twice(&mut self, mailbox: u32, letter: Letter) {
        self.seen.stored_twice += 1;
        self.faults.tell(|| format!("mailbox {mailbox}: {letter:?} was stored twice"));
    }

    /// All that had been stored was received; so many had expired, says the relay.
    pub(super) fn caught_up(&mut self, mailbox: u32, expired: u64) {
        let Some(tally) = self.tally_mut(mailbox) else { return };
        let more = expired > tally.expired;
        tally.expired = tally.expired.max(expired);
        if more {
            self.faults.tell(|| format!("mailbox {mailbox}: {expired} called lost"));
        }
    }

    /// To be asked when everything was read: what was accepted and never came. Told once.
    pub(super) fn check_all_received(&mut self) {
        for (mailbox, tally) in self.boxes.iter().enumerate() {
            let missing = tally.missing();
            if missing > 0 {
                let first = (0..tally.accepted).find(|number| !tally.received.has(*number));
                let accepted = tally.accepted;
                self.faults.tell(|| {
                    format!("mailbox {mailbox}: {missing} of {accepted} missing, first {first:?}")
                });
            }
        }
    }

    /// Whether an envelope has overtaken one that had not come: that one is lost, or out of order.
    pub(super) fn has_gap(&self) -> bool {
        self.boxes.iter().any(|tally| tally.received.count < tally.high)
    }

    pub(super) fn accepted_in_all(&self) -> u64 {
        self.boxes.iter().map(|tally| tally.accepted).sum()
    }

    pub(super) fn received_in_all(&self) -> u64 {
        self.boxes.iter().map(|tally| tally.received.count).sum()
    }

    pub(super) fn missing_in_all(&self) -> u64 {
        self.boxes.iter().map(Tally::missing).sum()
    }

    pub(super) fn expired_in_all(&self) -> u64 {
        self.boxes.iter().map(|tally| tally.expired).sum()
    }

    fn tally(&self, mailbox: u32) -> Option<&Tally> {
        self.boxes.get(usize::try_from(mailbox).ok()?)
    }

    fn tally_mut(&mut self, mailbox: u32) -> Option<&mut Tally> {
        self.boxes.get_mut(usize::try_from(mailbox).ok()?)
    }
}

impl Kills {
    pub(super) fn note(&mut self, at_ms: u64) {
        self.0.push(at_ms);
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// Whether the relay may have been killed between two seconds of its clock.
    pub(super) fn between(&self, from_s: u64, to_s: u64) -> bool {
        let first = self.0.partition_point(|at_ms| *at_ms < from_s * 1000);
        self.0.get(first).is_some_and(|at_ms| *at_ms < (to_s + 1) * 1000)
    }
}

impl Faults {
    pub(super) fn tell(&mut self, fault: impl FnOnce() -> String) {
        self.count += 1;
        if self.told.len() < TOLD {
            self.told.push(fault());
        }
    }
}

impl Tally {
    /// Accepted and not received. Numbers that are not answered yet do not count.
    fn missing(&self) -> u64 {
        if self.received.count >= self.sent {
            return 0;
        }
        (0..self.accepted).filter(|number| !self.received.has(*number)).count() as u64
    }
}

impl Bits {
    /// Whether it was not set before.
    fn set(&mut self, number: u64) -> bool {
        let at = usize::try_from(number / 64).unwrap_or(usize::MAX);
        if self.words.len() <= at {
            self.words.resize(at + 1, 0);
        }
        let Some(word) = self.words.get_mut(at) else { return false };
        let new = *word & (1 << (number % 64)) == 0;
        *word |= 1 << (number % 64);
        self.count += u64::from(new);
        new
    }

    fn has(&self, number: u64) -> bool {
        let word = usize::try_from(number / 64).ok().and_then(|at| self.words.get(at));
        word.is_some_and(|word| word & (1 << (number % 64)) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COPY: Copy = Copy { sequence: 1, at_s: 1, by_s: 1 };

    fn sent(number: u64) -> Result<Letter, Wrong> {
        Ok(Letter::Sent { mailbox: 0, number })
    }

    /// Five sent, four of them accepted.
    fn ledger() -> Ledger {
        let mut ledger = Ledger::new(2);
        for number in 0..5 {
            ledger.sending(0, number);
        }
        (0..4).for_each(|_| ledger.accepted(0));
        ledger
    }

    #[test]
    fn what_came_in_order_and_partly_again_is_no_fault() {
        let mut ledger = ledger();
        for number in [0, 1, 0, 2, 1, 3, 4] {
            ledger.received(0, COPY, sent(number));
        }
        ledger.check_all_received();
        assert_eq!((ledger.faults.count, ledger.seen.doubles), (0, 2));
        assert_eq!((ledger.received_in_all(), ledger.missing_in_all()), (5, 0));
    }

    #[test]
    fn a_missing_one_is_found_unless_it_was_never_accepted() {
        let mut ledger = ledger();
        for number in [0, 1, 2] {
            ledger.received(0, COPY, sent(number));
        }
        assert!(!ledger.has_gap());
        ledger.check_all_received();
        assert_eq!((ledger.faults.count, ledger.missing_in_all()), (1, 1));
    }

    #[test]
    fn one_that_comes_late_is_a_gap_first_and_then_out_of_order() {
        let mut ledger = ledger();
        ledger.received(0, COPY, sent(1));
        assert!(ledger.has_gap() && ledger.faults.count == 0);
        ledger.received(0, COPY, sent(0));
        assert_eq!((ledger.seen.out_of_order, ledger.faults.count), (1, 1));
    }

    #[test]
    fn what_nobody_sent_is_invented_and_a_loss_that_is_none_is_a_fault() {
        let mut ledger = ledger();
        ledger.received(0, COPY, sent(5));
        ledger.received(1, COPY, sent(0));
        ledger.received(0, COPY, Err(Wrong::Foreign));
        ledger.received(0, COPY, Err(Wrong::Changed));
        assert_eq!((ledger.seen.invented, ledger.seen.changed, ledger.faults.count), (3, 1, 4));
        ledger.caught_up(1, 0);
        assert_eq!((ledger.expired_in_all(), ledger.faults.count), (0, 4));
        ledger.caught_up(1, 2);
        assert_eq!((ledger.expired_in_all(), ledger.faults.count), (2, 5));
    }

    #[test]
    fn a_kill_lies_between_seconds_that_touch_it() {
        let mut kills = Kills::default();
        kills.note(5_400);
        let between = |from, to| kills.between(from, to);
        assert!(between(5, 5) && between(4, 5) && between(5, 6));
        assert!(!between(4, 4) && !between(6, 9));
    }
}
