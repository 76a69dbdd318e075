//! Connections that have ended, but not yet in QUIC: for three probe timeouts what still comes of one is answered (RFC 9000 §10.2),
//! and all of it is kept. Before a round trip is known these are three seconds.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use crate::limits::{GONE_LEAST, GONE_MANY, GONE_PARTS, GONE_REMEMBERED};
use crate::origin::{Origin, Prefix};
use crate::shares::share;

/// Where those came from that QUIC still keeps.
#[derive(Debug, Default)]
pub(super) struct Gone {
    until: BTreeSet<(Instant, u64, Origin)>,
    next: u64,
    by_prefix: HashMap<Prefix, u32>,
}

impl Gone {
    /// One more, kept until then.
    pub(super) fn ended(&mut self, origin: Origin, until: Instant) {
        if self.until.len() == GONE_REMEMBERED {
            self.forget_first();
        }
        self.until.insert((until, self.next, origin));
        self.next += 1;
        for prefix in origin.prefixes() {
            *self.by_prefix.entry(*prefix).or_default() += 1;
        }
    }

    /// Whether the next one from there has to wait, where QUIC keeps `ended` of `most` that have ended: a network has a part of those
    /// that there may still be. One that has none of them waits only where there may be no more.
    pub(super) fn is_crowded(
        &mut self,
        origin: Origin,
        ended: u64,
        most: u64,
        now: Instant,
    ) -> bool {
        while self.until.first().is_some_and(|(until, ..)| *until <= now) {
            self.forget_first();
        }
        let has = |prefix| u64::from(self.by_prefix.get(&prefix).copied().unwrap_or(0));
        let has_its_part = |((prefix, parts), least): ((Prefix, u64), u64)| {
            has(prefix) >= share(most, ended, parts).max(least)
        };
        let mut holders = origin.holders(GONE_PARTS).into_iter().zip(GONE_LEAST);
        ended >= most || ended >= GONE_MANY && holders.any(has_its_part)
    }

    fn forget_first(&mut self) {
        let Some((_, _, origin)) = self.until.pop_first() else { return };
        for prefix in origin.prefixes() {
            match self.by_prefix.get_mut(prefix) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(self.by_prefix.remove(prefix)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{GONE, GONE_TIME};
    use crate::origin::Origins;

    #[test]
    fn a_network_whose_connections_end_all_the_time_waits_and_others_do_not() {
        let (origins, start) = (Origins::default(), Instant::now());
        let of = |last: u8| origins.of([10, 0, last, 1].into());
        let mut gone = Gone::default();
        for _ in 0..GONE_MANY {
            assert!(!gone.is_crowded(of(1), gone.until.len() as u64, GONE, start));
            gone.ended(of(1), start + GONE_TIME);
        }
        assert!(gone.is_crowded(of(1), GONE_MANY, GONE, start));
        let other = origins.of([198, 51, 100, 1].into());
        assert!(!gone.is_crowded(other, GONE_MANY, GONE, start));
        assert!(!gone.is_crowded(of(1), GONE_MANY - 1, GONE, start), "QUIC has forgotten some");
        assert!(!gone.is_crowded(other, GONE - 1, GONE, start), "however many others have");
        assert!(gone.is_crowded(other, GONE, GONE, start), "all that there may be");
        assert!(!gone.is_crowded(of(1), GONE_MANY, GONE, start + GONE_TIME));
        assert!(gone.until.is_empty() && gone.by_prefix.is_empty());
    }

    #[test]
    fn however_many_networks_end_theirs_the_next_one_is_let_in() {
        let (origins, start) = (Origins::default(), Instant::now());
        let (mut gone, mut ended, most) = (Gone::default(), 0, 3000);
        for network in 0..200_u8 {
            let origin = origins.of([10, network, 0, 1].into());
            for _ in 0..100 {
                if !gone.is_crowded(origin, ended, most, start) {
                    gone.ended(origin, start + GONE_TIME);
                    ended += 1;
                }
            }
        }
        assert!(ended < most, "{ended}");
        let next = origins.of([198, 51, 100, 1].into());
        assert!(!gone.is_crowded(next, ended, most, start));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (origins, start) = (Origins::default(), Instant::now());
        let mut gone = Gone::default();
        for network in 0..=GONE_REMEMBERED {
            let origin = origins.of([10, (network >> 8) as u8, network as u8, 1].into());
            gone.ended(origin, start + GONE_TIME);
        }
        assert_eq!(gone.until.len(), GONE_REMEMBERED);
        assert!(gone.by_prefix.len() <= 2 * GONE_REMEMBERED);
    }
}
