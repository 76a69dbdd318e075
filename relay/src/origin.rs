//! Where somebody comes from: the networks around an address, as far as one household, one organisation or one provider may
//! be behind them. Only keyed hashes of them are kept, in memory, under a key that is drawn at each start.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::Now;
use crate::limits::{
    FORGOTTEN_AT_ONCE, NEWCOMER_PARTS, NEWCOMER_WINDOW_MIN, PREFIXES_RETRY_S, REMEMBERED_PREFIXES,
    WIDER_PREFIX,
};
use crate::rate::{Bucket, Rate};

/// Keyed hash of an address prefix.
pub(crate) type Prefix = u64;

/// The prefixes of one address, the narrowest first: /24 and /16, or /64, /48 and /32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    prefixes: [Prefix; 3],
    count: usize,
}

/// Makes [`Origin`]s.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins(RandomState);

impl Origins {
    pub(crate) fn of(&self, address: IpAddr) -> Origin {
        let hashed = |len: u8, bits: u128| self.0.hash_one((len, bits));
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let bits = u128::from(v4.to_bits());
                // No IPv6 prefix has these lengths.
                let of = |len: u8| hashed(len, bits >> (32 - len));
                Origin { prefixes: [of(24), of(16), 0], count: 2 }
            }
            IpAddr::V6(v6) => {
                let of = |len: u8| hashed(len, v6.to_bits() >> (128 - len));
                Origin { prefixes: [of(64), of(48), of(32)], count: 3 }
            }
        }
    }
}

impl Origin {
    /// What one subscriber usually has.
    pub(crate) fn narrowest(&self) -> Prefix {
        self.prefixes[0]
    }

    /// All of them, the narrowest first.
    pub(crate) fn prefixes(&self) -> &[Prefix] {
        self.prefixes.get(..self.count).unwrap_or_default()
    }

    /// All of them, with the part of what is left that each may have.
    pub(crate) fn holders(&self, parts: [u64; 3]) -> Vec<(Prefix, u64)> {
        self.prefixes().iter().copied().zip(parts).collect()
    }
}

/// New mailboxes of the last ten minutes, per prefix.
#[derive(Debug)]
pub(crate) struct Newcomers {
    per_prefix: u32,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    prefixes: HashMap<Prefix, Remembered>,
    /// When each of them, in milliseconds of hold time, may be forgotten.
    until: BTreeSet<(u64, Prefix)>,
}

#[derive(Debug)]
struct Remembered {
    bucket: Bucket,
    until_ms: u64,
}

impl Newcomers {
    pub(crate) fn new(per_prefix: u32) -> Self {
        // A table that grows moves everything. What is not used yet is no memory.
        let prefixes = HashMap::with_capacity(REMEMBERED_PREFIXES);
        Self { per_prefix, known: Mutex::new(Known { prefixes, until: BTreeSet::new() }) }
    }

    /// Counts a new mailbox from there, or says after how many seconds there may be one: it counts for all prefixes around that
    /// address, or, where one of them has had its share, for none. `left`: how many more there may be in all, from everywhere.
    pub(crate) fn admit(&self, origin: Origin, left: u64, now: Now) -> Result<(), u32> {
        let mut known = self.known();
        known.forget(now);
        let share = u32::try_from(left / NEWCOMER_PARTS).unwrap_or(u32::MAX).max(1);
        let (mut counted, mut wait_s, mut fresh) = (Vec::with_capacity(3), 0, 0);
        for (at, prefix) in origin.prefixes().iter().enumerate() {
            let times = if at == 0 { 1 } else { WIDER_PREFIX };
            let rate = self.rate(times);
            let burst = rate.burst.min(share.saturating_mul(times));
            let before = known.prefixes.get(prefix);
            fresh += usize::from(before.is_none());
            let mut bucket = before.map_or_else(|| Bucket::new(now), |known| known.bucket);
            if let Err(longer_s) = bucket.take(Rate { burst, ..rate }, 1, now) {
                wait_s = longer_s.max(wait_s);
            }
            counted.push((*prefix, Remembered { bucket, until_ms: bucket.full_at_ms(rate) }));
        }
        if wait_s > 0 {
            return Err(wait_s);
        }
        if known.prefixes.len() + fresh > REMEMBERED_PREFIXES {
            return Err(PREFIXES_RETRY_S);
        }
        for (prefix, remembered) in counted {
            known.remember(prefix, remembered);
        }
        Ok(())
    }

    fn rate(&self, times: u32) -> Rate {
        let burst = self.per_prefix.saturating_mul(times);
        Rate { per_min: burst.div_ceil(NEWCOMER_WINDOW_MIN), burst }
    }

    /// Forgets a few prefixes from which nothing has come for so long that it makes no difference. `true`: there may be more.
    pub(crate) fn tidy(&self, now: Now) -> bool {
        self.known().forget(now)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn remember(&mut self, prefix: Prefix, remembered: Remembered) {
        self.until.insert((remembered.until_ms, prefix));
        let until_ms = remembered.until_ms;
        if let Some(before) = self.prefixes.insert(prefix, remembered)
            && before.until_ms != until_ms
        {
            self.until.remove(&(before.until_ms, prefix));
        }
    }

    fn forget(&mut self, now: Now) -> bool {
        for _ in 0..FORGOTTEN_AT_ONCE {
            let Some((until_ms, prefix)) = self.until.first().copied() else { return false };
            if until_ms > now.hold_ms() {
                return false;
            }
            self.until.remove(&(until_ms, prefix));
            self.prefixes.remove(&prefix);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_household_an_organisation_and_a_provider_are_told_apart_and_no_address_is_kept() {
        let origins = Origins::default();
        let of = |text| origins.of(at(text));
        assert_eq!(of("203.0.113.5"), of("::ffff:203.0.113.99"));
        let (one, other) = (of("203.0.113.5"), of("203.0.7.5"));
        assert_ne!(one.narrowest(), other.narrowest());
        assert_eq!(one.prefixes()[1], other.prefixes()[1]);
        let (one, other) = (of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(one.narrowest(), other.narrowest());
        assert_eq!(one.prefixes()[1..], other.prefixes()[1..]);
        let far = of("2001:db8:ffff:2::1");
        assert_ne!(one.prefixes()[1], far.prefixes()[1]);
        assert_eq!(one.prefixes()[2], far.prefixes()[2]);
        assert_ne!(Origins::default().of(at("203.0.113.5")), of("203.0.113.5"), "keyed");
    }

    #[test]
    fn one_prefix_opens_so_many_and_others_are_not_kept_from_it() {
        let (origins, newcomers) = (Origins::default(), Newcomers::new(20));
        let now = Now::from_s(1_000);
        let admit = |text: &str, now| newcomers.admit(origins.of(at(text)), 100_000, now);
        for _ in 0..20 {
            assert_eq!(admit("203.0.113.5", now), Ok(()));
        }
        assert!(admit("203.0.113.6", now).is_err());
        assert_eq!(admit("198.51.100.1", now), Ok(()));
        assert_eq!(admit("203.0.113.6", Now::from_s(1_000 + 600)), Ok(()));
        // One provider: eight times as many, however many subscribers it has.
        let later = Now::from_s(10_000);
        let opened = (0..=255).filter(|c| admit(&format!("10.9.{c}.1"), later).is_ok()).count();
        assert_eq!(opened, 160);
        let forget = |now| while newcomers.tidy(now) {};
        forget(Now::from_s(10_000 + 300));
        let known = newcomers.known().prefixes.len();
        assert_eq!(known, 1, "the provider; each household had one, which is long ago");
        // For ten minutes, and no longer.
        forget(Now::from_s(10_000 + 600));
        assert!(newcomers.known().prefixes.is_empty() && newcomers.known().until.is_empty());
    }

    #[test]
    fn what_a_wider_prefix_refuses_costs_the_narrower_nothing() {
        let (origins, newcomers) = (Origins::default(), Newcomers::new(20));
        let now = Now::from_s(1_000);
        let admit = |text: &str, now| newcomers.admit(origins.of(at(text)), 1_000_000, now);
        assert_eq!(admit("2001:db8:1:ffff::1", now), Ok(()));
        let greedy =
            (0..400).filter(|n| admit(&format!("2001:db8:1:{:x}::1", n % 50), now).is_ok());
        assert_eq!(greedy.count(), 159, "the /48 has had all");
        let remembered = newcomers.known().prefixes.len();
        for n in 0..100 {
            assert_eq!(admit("2001:db8:1:ffff::1", now), Err(4));
            assert!(admit(&format!("2001:db8:1:{:x}::1", 0x1000 + n), now).is_err());
        }
        assert_eq!(
            newcomers.known().prefixes.len(),
            remembered,
            "who is refused is not remembered"
        );
        // Another /48 of the same /32 is not held back by it, but by the /32.
        assert_eq!(admit("2001:db8:2:1::1", now), Err(4));
        // A narrower one that has had its share costs the wider ones nothing either.
        let later = Now::from_s(1_000 + 300);
        let own = (0..100).filter(|_| admit("2001:db8:1:ffff::1", later).is_ok()).count();
        assert_eq!(own, 20);
        let rest = (0..100).filter(|n| admit(&format!("2001:db8:1:{n:x}::1"), later).is_ok());
        assert_eq!(rest.count(), 80 - 20, "16 a minute for five minutes");
        assert_eq!(admit("2001:db8:1:ffff::1", later), Err(30), "the longest of the waits");
    }

    #[test]
    fn a_full_memory_forgets_nobody_too_early_and_few_at_once() {
        let (origins, newcomers) = (Origins::default(), Newcomers::new(20));
        let start = Now::from_s(1_000);
        let left = u64::from(u32::MAX);
        let admit = |text: &str, now| newcomers.admit(origins.of(at(text)), left, now);
        let greedy = |now| (0..100).filter(|_| admit("203.0.113.5", now).is_ok()).count();
        assert_eq!(greedy(start), 20);
        let others = |n: u32| format!("{}.{}.7.1", n / 256, n % 256);
        let fit = (0..65_536).filter(|n| admit(&others(*n), start).is_ok()).count();
        // A /24 and a /16 each.
        assert_eq!(fit, REMEMBERED_PREFIXES / 2 - 1);
        let known = || newcomers.known().prefixes.len();
        assert_eq!(
            (known(), newcomers.known().until.len()),
            (REMEMBERED_PREFIXES, REMEMBERED_PREFIXES)
        );
        assert_eq!(admit("2001:db8::1", start), Err(60));
        // Nobody but the greedy one has anything left to be remembered for.
        let later = Now::from_s(1_000 + 80);
        assert_eq!(admit("2001:db8::1", later), Ok(()));
        assert_eq!(known(), REMEMBERED_PREFIXES - FORGOTTEN_AT_ONCE + 3);
        let mut before = known();
        while newcomers.tidy(later) {
            assert_eq!(before - known(), FORGOTTEN_AT_ONCE);
            before = known();
        }
        assert_eq!(known(), 1 + 3, "the /24 of the greedy one, not its /16");
        assert_eq!(greedy(later), 2, "two a minute");
    }

    #[test]
    fn where_little_is_left_each_prefix_has_less_of_it() {
        let (origins, newcomers) = (Origins::default(), Newcomers::new(32));
        let now = Now::from_s(1_000);
        let left = 3 * NEWCOMER_PARTS;
        let opened = (0..32)
            .filter(|_| newcomers.admit(origins.of(at("203.0.113.5")), left, now).is_ok())
            .count();
        assert_eq!(opened, 3);
        assert_eq!(newcomers.admit(origins.of(at("198.51.100.1")), 1, now), Ok(()));
    }
}
