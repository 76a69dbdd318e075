//! Whether two ways of doing the same thing take different times: a statistic over many pairs of runs.
//!
//! In each pair both ways run once, in an order that a coin decides. If they do not differ, each pair's two times
//! could as well have come out the other way round; so the sign of every difference is a fair coin, whatever the
//! times are distributed like and however they drift. Sums over such signs are bounded by Hoeffding's inequality:
//! no approximation, and nothing is assumed about the machine.

/// Two times of one pair, in any unit: by the first way and by the second.
pub type Pair = (f64, f64);

/// How far two ways are apart; 0 for not at all. See [`limit`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Apart {
    /// Whether one is slower.
    pub location: f64,
    /// Whether one varies more.
    pub spread: f64,
}

/// Compares the ranks that all these times have among each other, and how far each rank is from the middle.
#[must_use]
pub fn compare(pairs: &[Pair]) -> Apart {
    let ranks = ranks(pairs);
    let middle = (2.0 * pairs.len() as f64 + 1.0) / 2.0;
    let from_middle = |rank: f64| (rank - middle).abs();
    Apart {
        location: standing(ranks.iter().map(|(one, two)| one - two)),
        spread: standing(ranks.iter().map(|(one, two)| from_middle(*one) - from_middle(*two))),
    }
}

/// The same over several groups of pairs (commands, say) at once, each ranked by itself.
#[must_use]
pub fn compare_all(groups: &[Vec<Pair>]) -> f64 {
    let scaled = |pairs: &Vec<Pair>| {
        let count = pairs.len().max(1) as f64;
        ranks(pairs).into_iter().map(move |(one, two)| (one - two) / count).collect::<Vec<_>>()
    };
    standing(groups.iter().flat_map(scaled))
}

/// What `tests` statistics of two equal ways exceed, any of them, with a probability of at most `false_alarm`.
#[must_use]
pub fn limit(tests: usize, false_alarm: f64) -> f64 {
    (2.0 * (2.0 * tests as f64 / false_alarm).ln()).sqrt()
}

/// The sum of differences whose signs are fair coins, in units of Hoeffding's bound: P(≥ z) ≤ 2 exp(-z²/2).
fn standing(differences: impl Iterator<Item = f64>) -> f64 {
    let (sum, squares) =
        differences.fold((0.0, 0.0), |(sum, squares), d| (sum + d, squares + d * d));
    if squares == 0.0 { 0.0 } else { f64::abs(sum) / f64::sqrt(squares) }
}

/// The ranks of all times, from 1; equal times share the mean of theirs.
fn ranks(pairs: &[Pair]) -> Vec<Pair> {
    let mut times: Vec<f64> = pairs.iter().flat_map(|(one, two)| [*one, *two]).collect();
    times.sort_by(f64::total_cmp);
    let rank = |time: f64| {
        let below = times.partition_point(|other| other.total_cmp(&time).is_lt());
        let up_to = times.partition_point(|other| other.total_cmp(&time).is_le());
        (below + 1 + up_to) as f64 / 2.0
    };
    pairs.iter().map(|(one, two)| (rank(*one), rank(*two))).collect()
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    /// Reproducible numbers in [0, 1).
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> f64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1_u64 << 53) as f64
        }

        /// Run times look like this: most are near the least, some far above; and the machine gets slower.
        fn time(&mut self, at: usize) -> f64 {
            let tail = -(1.0 - self.next()).ln();
            100.0 + 10.0 * tail + at as f64 / 10.0
        }
    }

    #[test]
    fn equal_ways_stay_below_the_limit() {
        let mut numbers = Numbers(1);
        let limit = limit(2, 1e-6);
        for _ in 0..2_000 {
            let pairs: Vec<Pair> = (0..60).map(|at| (numbers.time(at), numbers.time(at))).collect();
            let apart = compare(&pairs);
            assert!(apart.location < limit && apart.spread < limit, "{apart:?}");
        }
    }

    #[test]
    fn who_is_slower_by_what_times_vary_is_found() {
        let mut numbers = Numbers(2);
        let pairs: Vec<Pair> =
            (0..120).map(|at| (numbers.time(at), numbers.time(at) + 15.0)).collect();
        assert!(compare(&pairs).location > limit(16, 1e-6));
    }

    #[test]
    fn a_little_in_each_of_many_commands_is_found() {
        let mut numbers = Numbers(3);
        let group = |numbers: &mut Numbers| -> Vec<Pair> {
            (0..60).map(|at| (numbers.time(at), numbers.time(at) + 5.0)).collect()
        };
        let groups: Vec<_> = (0..8).map(|_| group(&mut numbers)).collect();
        assert!(compare(&groups[0]).location < limit(17, 1e-6));
        assert!(compare_all(&groups) > limit(17, 1e-6));
    }

    #[test]
    fn who_varies_more_is_found() {
        let mut numbers = Numbers(4);
        let around = |numbers: &mut Numbers, wide: f64| 100.0 + wide * (numbers.next() - 0.5);
        let pairs: Vec<Pair> =
            (0..120).map(|_| (around(&mut numbers, 10.0), around(&mut numbers, 60.0))).collect();
        let apart = compare(&pairs);
        assert!(apart.spread > limit(16, 1e-6) && apart.location < limit(16, 1e-6), "{apart:?}");
    }

    #[test]
    fn equal_times_are_no_difference() {
        assert_eq!(compare(&[(5.0, 5.0); 40]), Apart { location: 0.0, spread: 0.0 });
    }
}
