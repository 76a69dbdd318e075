//! Envelopes that nothing on this device opens: how many came, by which of its tokens, and for how many of them
//! somebody was asked. Pure; times are arguments.
//!
//! Whoever has a token can send what nobody can open. Each such envelope leaves a number here and no record of its own.

use serde::{Deserialize, Serialize};
use velar_protocol::seal::Day;
use velar_protocol::seal::lifetimes::PRIVATE_HALF_DAYS;
use velar_protocol::wire::{EnvelopeDigest, TokenMark};

/// Over so many a day by one token, a person is told: an honest device sends none, or a few after its owner or this
/// one went back to an older copy of a vault. A flood at a relay's usual rate gets there within a minute.
pub const MANY: u64 = 64;

/// Numbers that are kept, of today and yesterday: the tokens of a mailbox, twice. Of more, the smallest goes.
pub const MAX_TALLIES: usize = 256;

/// Questions in an hour to one member for what came by its token and matches no key. A relay can say of any envelope
/// that it came by that token, and each question costs a prekey.
pub const ASKED_AN_HOUR: usize = 4;

/// Envelopes of one member under the last-resort key whose digests are remembered, while its private half is kept: a
/// heartbeat an hour makes 1 800, roll-calls in a circle of twelve twice as many, and what finds no one-time prekey comes
/// beside. About 8 MiB in the vault.
pub const SEEN_OF_MEMBER: u32 = 16_384;

/// The same of everybody who is no member: those who answer an invitation, with a few tries, and newcomers. What they say
/// may be heard twice.
pub const SEEN_OF_STRANGERS: u32 = 256;

const HOUR_S: u64 = 3600;
const DAY_S: u64 = 86_400;

/// How many came, by token and day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tallies(Vec<Tally>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Tally {
    day: Day,
    by: Option<TokenMark>,
    count: u64,
}

impl Tallies {
    /// One more came by a token of this device's; `None`: by one that is not known. Says whether they are [`MANY`] now,
    /// once a day.
    pub fn add(&mut self, by: Option<TokenMark>, today: Day) -> bool {
        self.0.retain(|tally| is_lately(tally.day, today));
        let found = self.0.iter_mut().find(|tally| tally.day == today && tally.by == by);
        if let Some(tally) = found {
            tally.count += 1;
            return tally.count == MANY + 1;
        }
        if self.0.len() >= MAX_TALLIES
            && let Some(least) = self.0.iter().map(|tally| tally.count).min()
            && let Some(at) = self.0.iter().position(|tally| tally.count == least)
        {
            self.0.remove(at);
        }
        self.0.push(Tally { day: today, by, count: 1 });
        false
    }

    /// How many came today and yesterday.
    #[must_use]
    pub fn lately(&self, by: Option<TokenMark>, today: Day) -> u64 {
        self.of(by, today).map(|tally| tally.count).sum()
    }

    /// Whether they were [`MANY`] today or yesterday.
    #[must_use]
    pub fn are_many(&self, by: Option<TokenMark>, today: Day) -> bool {
        self.of(by, today).any(|tally| tally.count > MANY)
    }

    /// The tokens by which any came today or yesterday.
    pub fn tokens(&self, today: Day) -> impl Iterator<Item = Option<TokenMark>> {
        let mut tokens: Vec<Option<TokenMark>> = self
            .0
            .iter()
            .filter(|tally| is_lately(tally.day, today))
            .map(|tally| tally.by)
            .collect();
        tokens.sort_unstable();
        tokens.dedup();
        tokens.into_iter()
    }

    fn of(&self, by: Option<TokenMark>, today: Day) -> impl Iterator<Item = &Tally> {
        self.0.iter().filter(move |tally| tally.by == by && is_lately(tally.day, today))
    }
}

/// Today or yesterday; by a clock that is behind by a day, also tomorrow.
fn is_lately(day: Day, today: Day) -> bool {
    day.0.abs_diff(today.0) <= 1
}

/// How many envelopes of one sender are remembered, of those under keys that open more than one, by day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered(Vec<(Day, u32)>);

impl Remembered {
    /// One more came. Says whether it is to be remembered: of more than `most` none is, until older ones are forgotten.
    pub fn add(&mut self, today: Day, most: u32) -> bool {
        self.age(today);
        let count = self.count();
        // One that was not remembered shows that there are more.
        if count <= most {
            match self.0.iter_mut().find(|(day, _)| *day == today) {
                Some((_, count)) => *count += 1,
                None => self.0.push((today, 1)),
            }
        }
        count < most
    }

    /// Whether the last one was too many.
    #[must_use]
    pub fn is_over(&self, most: u32) -> bool {
        self.count() > most
    }

    /// Forgets the days whose digests are forgotten; says whether nothing is left.
    pub fn age(&mut self, today: Day) -> bool {
        self.0.retain(|(day, _)| today.0.saturating_sub(day.0) <= PRIVATE_HALF_DAYS);
        self.0.is_empty()
    }

    fn count(&self) -> u32 {
        self.0.iter().map(|(_, count)| count).sum()
    }
}

/// What one member was asked for lately, because it came by its token and matches no key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// When, and for which envelope.
    lately: Vec<(u64, EnvelopeDigest)>,
    /// When fresh prekeys were last sent with a question, beyond what lacks.
    fresh_s: Option<u64>,
    /// When the person was last told.
    said_s: Option<u64>,
}

impl Asked {
    /// Whether the member may be asked for this envelope now: at most [`ASKED_AN_HOUR`] times an hour, once for each.
    pub fn ask(&mut self, envelope: EnvelopeDigest, now_s: u64) -> bool {
        self.lately.retain(|(at_s, _)| at_s.abs_diff(now_s) < HOUR_S);
        let known = self.lately.iter().any(|(_, asked)| *asked == envelope);
        if known || self.lately.len() >= ASKED_AN_HOUR {
            return false;
        }
        self.lately.push((now_s, envelope));
        true
    }

    /// Whether fresh prekeys go along, whatever the member is known to hold: once a day. The private half of each is
    /// kept for months.
    pub fn bring_fresh(&mut self, now_s: u64) -> bool {
        once_a_day(&mut self.fresh_s, now_s)
    }

    /// Whether the person is told: once a day.
    pub fn say(&mut self, now_s: u64) -> bool {
        once_a_day(&mut self.said_s, now_s)
    }
}

/// A time that lies ahead was set by a clock that was wrong.
fn once_a_day(last_s: &mut Option<u64>, now_s: u64) -> bool {
    let due = last_s.is_none_or(|at_s| at_s.abs_diff(now_s) >= DAY_S);
    if due {
        *last_s = Some(now_s);
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(n: u16) -> Option<TokenMark> {
        let [high, low] = n.to_be_bytes();
        Some(TokenMark([high, low, 0, 0, 0, 0, 0, 0]))
    }

    #[test]
    fn so_many_are_remembered_until_older_ones_are_forgotten() {
        let mut remembered = Remembered::default();
        let mut add = |day, count: u32| (0..count).filter(|_| remembered.add(Day(day), 10)).count();
        assert_eq!([add(1, 4), add(2, 5), add(3, 5), add(4, 100)], [4, 5, 1, 0]);
        assert_eq!([add(76, 5), add(77, 100)], [0, 3]);
        assert!(remembered.is_over(10));
        assert!(!remembered.age(Day(77)) && remembered.age(Day(300)));
        assert!(!remembered.is_over(10));
    }

    #[test]
    fn many_by_one_token_are_said_once_a_day() {
        let mut tallies = Tallies::default();
        for day in [20_000, 20_001] {
            let said = (0..1000).filter(|_| tallies.add(mark(1), Day(day))).count();
            assert_eq!(said, 1, "{day}");
            assert!(tallies.are_many(mark(1), Day(day)));
            assert!(!tallies.are_many(mark(2), Day(day)));
        }
        assert_eq!(tallies.lately(mark(1), Day(20_001)), 2000);
        assert!(tallies.are_many(mark(1), Day(20_002)), "yesterday's");
        assert_eq!(tallies.lately(mark(1), Day(20_003)), 0);
    }

    #[test]
    fn a_few_by_each_of_several_tokens_are_not_many() {
        let mut tallies = Tallies::default();
        for _ in 0..MANY {
            assert!(!tallies.add(mark(1), Day(1)));
            assert!(!tallies.add(mark(2), Day(1)));
            assert!(!tallies.add(None, Day(1)));
        }
        assert!(![mark(1), mark(2), None].iter().any(|by| tallies.are_many(*by, Day(1))));
        assert_eq!(tallies.tokens(Day(1)).count(), 3);
    }

    #[test]
    fn numbers_are_bounded_and_the_largest_stays() {
        let mut tallies = Tallies::default();
        for _ in 0..=MANY {
            tallies.add(mark(0), Day(7));
        }
        for n in 1..=u16::MAX {
            tallies.add(mark(n), Day(7));
        }
        assert_eq!(tallies.0.len(), MAX_TALLIES);
        assert!(tallies.are_many(mark(0), Day(7)));
    }

    #[test]
    fn a_clock_that_was_ahead_leaves_nothing_behind() {
        let mut tallies = Tallies::default();
        tallies.add(mark(1), Day(30_000));
        tallies.add(mark(1), Day(20_000));
        assert_eq!(tallies.0.len(), 1);
        let mut asked = Asked::default();
        for n in 0..9 {
            asked.ask(EnvelopeDigest([n; 32]), 900_000_000);
        }
        assert!(asked.say(900_000_000));
        assert!(asked.ask(EnvelopeDigest([100; 32]), 1000));
        assert!(asked.say(1000));
    }

    #[test]
    fn a_member_is_asked_four_times_an_hour_and_once_for_an_envelope() {
        let mut asked = Asked::default();
        let mut times = 0;
        for second in 0..7200 {
            let [a, b, ..] = u64::to_be_bytes(second << 48);
            times += usize::from(
                asked.ask(EnvelopeDigest([[a, b]; 16].concat().try_into().unwrap()), second),
            );
        }
        assert_eq!(times, 2 * ASKED_AN_HOUR);
        let mut asked = Asked::default();
        assert!(asked.ask(EnvelopeDigest([1; 32]), 5));
        assert!(!asked.ask(EnvelopeDigest([1; 32]), 6));
    }

    #[test]
    fn the_person_is_told_once_a_day_and_fresh_prekeys_go_out_as_often() {
        let mut asked = Asked::default();
        let said = (0..DAY_S * 3).step_by(600).filter(|s| asked.say(*s)).count();
        let fresh = (0..DAY_S * 3).step_by(600).filter(|s| asked.bring_fresh(*s)).count();
        assert_eq!((said, fresh), (3, 3));
    }
}
