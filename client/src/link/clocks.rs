//! What a relay's clock tells about this device's.

use velar_protocol::wire::{ClockJump, Info};

/// Seconds from which on a difference, or that a clock was set, is worth a word: deadlines are minutes.
const WORTH_S: u64 = 120;

/// With a difference of this much nothing is forgotten and no key is dated.
const DAY_S: u64 = 86_400;

/// A relay's clock, as the relay shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayClock {
    time_s: u64,
    jump: ClockJump,
}

/// Between this device's clock and a relay's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Seconds.
    pub by_s: u64,
    /// The relay says that its own clock was set: this device's need not be the one that is wrong.
    pub relay_was_set: bool,
}

impl RelayClock {
    /// From what the relay says of itself.
    #[must_use]
    pub fn of(info: &Info) -> Self {
        Self { time_s: info.time_s, jump: info.clock_jump }
    }

    /// How it differs from this device's, if that is worth a word.
    #[must_use]
    pub fn difference(self, now_s: u64) -> Option<Difference> {
        let by_s = self.time_s.abs_diff(now_s);
        let relay_was_set = self.jump != ClockJump::None;
        (by_s > WORTH_S).then_some(Difference { by_s, relay_was_set })
    }

    /// That it was set, if that is worth a word.
    #[must_use]
    pub fn was_set(self) -> Option<ClockJump> {
        let (ClockJump::Forward { by_s } | ClockJump::Back { by_s }) = self.jump else {
            return None;
        };
        (by_s > WORTH_S).then_some(self.jump)
    }

    /// Whether this device's clock is right to the day. `None` if this relay's cannot tell.
    #[must_use]
    pub fn vouches(self, now_s: u64) -> Option<bool> {
        let agrees = self.time_s.abs_diff(now_s) < DAY_S;
        (agrees || self.jump == ClockJump::None).then_some(agrees)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: u64 = 1_800_000_000;

    #[test]
    fn a_clock_that_was_never_set_tells_of_this_devices() {
        let clock = |time_s| RelayClock { time_s, jump: ClockJump::None };
        assert_eq!(clock(NOW_S + 120).difference(NOW_S), None);
        let differs = Difference { by_s: 121, relay_was_set: false };
        assert_eq!(clock(NOW_S - 121).difference(NOW_S), Some(differs));
        assert_eq!(clock(NOW_S).vouches(NOW_S), Some(true));
        assert_eq!(clock(NOW_S + DAY_S).vouches(NOW_S), Some(false));
        assert_eq!(clock(NOW_S).was_set(), None);
    }

    #[test]
    fn a_clock_that_was_set_blames_nobody() {
        let jump = ClockJump::Forward { by_s: 15 * DAY_S };
        let clock = RelayClock { time_s: NOW_S + 15 * DAY_S, jump };
        let differs = Difference { by_s: 15 * DAY_S, relay_was_set: true };
        assert_eq!(clock.difference(NOW_S), Some(differs));
        assert_eq!(clock.vouches(NOW_S), None, "it cannot tell whose clock is wrong");
        assert_eq!(clock.was_set(), Some(jump));
        let right_again = RelayClock { time_s: NOW_S, jump: ClockJump::Back { by_s: 3 } };
        assert_eq!(right_again.vouches(NOW_S), Some(true));
        assert_eq!(right_again.was_set(), None, "a correction of seconds is not worth a word");
    }
}
