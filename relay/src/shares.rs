//! Shares of what is bounded. Whoever asks may have a part of what nobody has yet, so who has little is served before who has much.
//! `n` greedy holders with one part of `p` each, one after the other, leave `(p / (p + 1))^n` of it. Known from switches as dynamic thresholds
//! (Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998).

use std::collections::HashMap;
use std::hash::Hash;

/// How much one holder may have of `capacity` units when `used` are taken: a `parts`-th of what is left.
pub(crate) fn share(capacity: u64, used: u64, parts: u64) -> u64 {
    capacity.saturating_sub(used) / parts.max(1)
}

/// Units of one kind and who has them. A unit belongs to several holders at once, a network within a larger one: each of
/// them has its share.
#[derive(Debug)]
pub(crate) struct Shares<K> {
    capacity: u64,
    /// What everybody may have while half of all is free.
    least: u64,
    used: u64,
    held: HashMap<K, u64>,
}

impl<K: Copy + Eq + Hash> Shares<K> {
    pub(crate) fn new(capacity: u64, least: u64) -> Self {
        Self { capacity, least, used: 0, held: HashMap::new() }
    }

    /// Takes `units` for these holders, each named with how many parts of the rest are one too many. `false`: one of them
    /// would have more than its share, and nothing is taken.
    pub(crate) fn take(&mut self, holders: &[(K, u64)], units: u64) -> bool {
        let least = if self.used + units <= self.capacity / 2 { self.least } else { 0 };
        let fits = |(holder, parts): &(K, u64)| {
            let has = self.held.get(holder).copied().unwrap_or(0);
            has + units <= share(self.capacity, self.used, *parts).max(least)
        };
        if !holders.iter().all(fits) {
            return false;
        }
        self.used += units;
        for (holder, _) in holders {
            *self.held.entry(*holder).or_default() += units;
        }
        true
    }

    /// Gives back what was taken.
    pub(crate) fn give_back(&mut self, holders: &[(K, u64)], units: u64) {
        self.used = self.used.saturating_sub(units);
        for (holder, _) in holders {
            let left = self.held.get(holder).map_or(0, |held| held.saturating_sub(units));
            if left == 0 {
                self.held.remove(holder);
            } else {
                self.held.insert(*holder, left);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_are_greedy_something_is_left_for_the_next() {
        let mut shares = Shares::new(10_000, 0);
        for greedy in 0..200_u32 {
            while shares.take(&[(greedy, 32)], 1) {}
        }
        assert!(shares.used < 10_000);
        assert!(shares.take(&[(1_000, 32)], 1));
        assert!(!shares.take(&[(0, 32)], 1), "who has much waits until others have given back");
    }

    #[test]
    fn what_is_given_back_can_be_taken_again_and_a_larger_network_counts_too() {
        let mut shares = Shares::new(100, 0);
        let [one, other] = [[(1, 4), (10, 2)], [(2, 4), (10, 2)]];
        assert!(shares.take(&one, 20));
        assert!(!shares.take(&one, 10), "30 of the 80 that are left, where 20 are a fourth");
        assert!(shares.take(&other, 20));
        assert!(!shares.take(&[(3, 4), (10, 2)], 1), "the network of all three has its half");
        assert!(shares.take(&[(4, 4)], 15));
        shares.give_back(&one, 20);
        assert!(shares.take(&[(3, 4), (10, 2)], 1));
        shares.give_back(&other, 20);
        shares.give_back(&[(4, 4)], 15);
        shares.give_back(&[(3, 4), (10, 2)], 1);
        assert!(shares.held.is_empty() && shares.used == 0);
    }

    #[test]
    fn where_a_part_is_less_than_one_everybody_has_the_least_of_half_of_it() {
        let mut shares = Shares::new(20, 2);
        let taken = (0..100_u32).filter(|n| shares.take(&[(n / 3, 256)], 1)).count();
        assert_eq!(taken, 10);
    }
}
