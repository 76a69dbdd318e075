//! Where somebody comes from: the networks around an address, as far as one household, one organisation or one provider may
//! be behind them. Only keyed hashes of them are kept, in memory, under a key that is drawn at each start.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::clock::Now;
use crate::limits::{NEWCOMER_PARTS, NEWCOMER_WINDOW_MIN, REMEMBERED_PREFIXES, WIDER_PREFIX};
use crate::rate::{Bucket, Rate};

/// Keyed hash of an address prefix.
pub(crate) type Prefix = u64;

/// The prefixes of one address, the narrowest first: /24 and /16, or /64, /48 and /32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    known: Mutex<HashMap<Prefix, Bucket>>,
}

impl Newcomers {
    pub(crate) fn new(per_prefix: u32) -> Self {
        Self { per_prefix, known: Mutex::default() }
    }

    /// Counts a new mailbox from there, or says after how many seconds there may be one. `left`: how many more there may be in
    /// all, from everywhere.
    pub(crate) fn admit(&self, origin: Origin, left: u64, now: Now) -> Result<(), u32> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() + origin.prefixes().len() > REMEMBERED_PREFIXES {
            known.retain(|_, bucket| !bucket.is_full(self.rate(WIDER_PREFIX), now));
        }
        let share = u32::try_from(left / NEWCOMER_PARTS).unwrap_or(u32::MAX).max(1);
        for (at, prefix) in origin.prefixes().iter().enumerate() {
            let times = if at == 0 { 1 } else { WIDER_PREFIX };
            let Rate { per_min, burst } = self.rate(times);
            let burst = burst.min(share.saturating_mul(times));
            let fresh = known.len() >= REMEMBERED_PREFIXES && !known.contains_key(prefix);
            if fresh {
                return Err(60);
            }
            let bucket = known.entry(*prefix).or_insert_with(|| Bucket::new(now));
            bucket.take(Rate { per_min, burst }, 1, now)?;
        }
        Ok(())
    }

    fn rate(&self, times: u32) -> Rate {
        let burst = self.per_prefix.saturating_mul(times);
        Rate { per_min: burst.div_ceil(NEWCOMER_WINDOW_MIN), burst }
    }

    /// Forgets prefixes from which nothing has come for so long that it makes no difference.
    pub(crate) fn tidy(&self, now: Now) {
        let rate = self.rate(1);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, bucket| !bucket.is_full(rate, now));
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
        newcomers.tidy(Now::from_s(20_000));
        assert!(newcomers.known.lock().unwrap().is_empty());
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
