//! A token bucket on virtual time.

use crate::clock::Now;

/// A rate and a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Units a minute, on average.
    pub(crate) per_min: u32,
    /// Units at once.
    pub(crate) burst: u32,
}

/// What is left of a [`Rate`]. Starts full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    /// Thousandths of a unit spent and not yet refilled.
    spent_milli: u64,
    at_ms: u64,
    /// Nothing is given for so long yet.
    closed_ms: u64,
    /// What was told at the last refusal: what follows a refused one waits as long.
    told_s: u32,
}

impl Bucket {
    pub(crate) fn new(now: Now) -> Self {
        Self { spent_milli: 0, at_ms: now.hold_ms(), closed_ms: 0, told_s: 0 }
    }

    /// Takes `cost` units, or says after how many seconds they will be there.
    /// A cost over the burst is asked of a full bucket only.
    ///
    /// After a refusal it stays closed for half of the seconds that were told (a client that counts in whole seconds
    /// comes early): of what was on its way behind the refused one, nothing may slip in before it.
    pub(crate) fn take(&mut self, rate: Rate, cost: u32, now: Now) -> Result<(), u32> {
        let per_min = u64::from(rate.per_min.max(1));
        let passed = now.hold_ms().saturating_sub(self.at_ms);
        self.at_ms = now.hold_ms();
        self.closed_ms = self.closed_ms.saturating_sub(passed);
        // units/min * ms / 60 = thousandths of a unit
        self.spent_milli = self.spent_milli.saturating_sub(passed.saturating_mul(per_min) / 60);
        let burst = u64::from(rate.burst.max(1)) * 1000;
        let cost = (u64::from(cost) * 1000).min(burst);
        let over = (self.spent_milli + cost).saturating_sub(burst);
        if over == 0 && self.closed_ms == 0 {
            self.spent_milli += cost;
            return Ok(());
        }
        if over > 0 {
            let wait_s = (over * 60).div_ceil(per_min * 1000).max(1);
            self.told_s = u32::try_from(wait_s).unwrap_or(u32::MAX);
            self.closed_ms = self.closed_ms.max(wait_s * 500);
        }
        Err(self.told_s)
    }

    /// The millisecond of hold time from which on nothing is missing in it, if nothing more is taken: a new one would be the same.
    pub(crate) fn full_at_ms(&self, rate: Rate) -> u64 {
        let refilled_ms = (self.spent_milli * 60).div_ceil(rate.per_min.max(1).into());
        self.at_ms.saturating_add(refilled_ms.max(self.closed_ms))
    }

    /// What was to be given is refused for another reason, and `wait_s` was told: closed for a second, so that
    /// nothing that was on its way behind it slips in before it.
    pub(crate) fn shut(&mut self, wait_s: u32) {
        self.told_s = wait_s;
        self.closed_ms = self.closed_ms.max(1000);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_at_once_and_its_rate_over_time() {
        let rate = Rate { per_min: 60, burst: 3 };
        let mut bucket = Bucket::new(Now::from_s(100));
        for _ in 0..3 {
            assert_eq!(bucket.take(rate, 1, Now::from_s(100)), Ok(()));
        }
        assert_eq!(bucket.take(rate, 1, Now::from_s(100)), Err(1));
        assert_eq!(bucket.take(rate, 2, Now::from_s(100)), Err(2));
        assert_eq!(bucket.take(rate, 1, Now::from_s(101)), Ok(()));
        assert_eq!(bucket.take(rate, 1, Now::from_s(101)), Err(1));
        assert_eq!(
            bucket.take(rate, 99, Now::from_s(200)),
            Ok(()),
            "a full bucket serves any cost"
        );
    }

    #[test]
    fn what_follows_a_refused_one_does_not_slip_in_before_it() {
        let rate = Rate { per_min: 6000, burst: 1 };
        let mut bucket = Bucket::new(Now::from_ms(0));
        assert_eq!(bucket.take(rate, 1, Now::from_ms(0)), Ok(()));
        assert_eq!(bucket.take(rate, 1, Now::from_ms(1)), Err(1));
        // By now there is room for one, and for many.
        assert_eq!(bucket.take(rate, 1, Now::from_ms(20)), Err(1));
        assert_eq!(bucket.take(rate, 1, Now::from_ms(500)), Err(1));
        assert_eq!(bucket.take(rate, 1, Now::from_ms(1000)), Ok(()));
    }

    #[test]
    fn a_clock_set_back_neither_refills_nor_freezes() {
        let rate = Rate { per_min: 60, burst: 1 };
        let mut bucket = Bucket::new(Now::from_s(1000));
        assert_eq!(bucket.take(rate, 1, Now::from_s(1000)), Ok(()));
        assert_eq!(bucket.take(rate, 1, Now::from_s(10)), Err(1));
        assert_eq!(bucket.take(rate, 1, Now::from_s(11)), Ok(()));
    }
}
