//! Reproducible randomness.

/// SplitMix64: a seed that is printed gives the same cuts of the same journal.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// The fate of many changes: mixed most of the time.
    pub fn fate(&mut self) -> Fate {
        match self.below(6) {
            0 => Fate::Kept,
            1 => Fate::Dropped,
            _ => Fate::Mixed,
        }
    }
}

/// What becomes of pending changes at one cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Kept,
    Dropped,
    Mixed,
}
