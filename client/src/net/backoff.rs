//! When to try again: capped exponential backoff with full jitter. Pure: randomness is an argument.

use std::time::Duration;

use super::NetError;

/// First ceiling. A relay that only restarts is back within about a second.
const FIRST: Duration = Duration::from_millis(500);

/// Last ceiling: someone may be waiting for an alarm, so the wait stays short; with full jitter, a thousand
/// clients of one relay come back over half a minute instead of all at once.
const LAST: Duration = Duration::from_secs(30);

/// No relay keeps a reader away for longer.
pub const LONGEST: Duration = Duration::from_secs(3600);
/// No relay keeps away for longer what may be an alarm.
pub const LONGEST_ALARM: Duration = Duration::from_secs(60);

/// Pauses between attempts. Each pause is drawn from zero up to a ceiling that doubles until it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    ceiling: Duration,
    last: Duration,
}

impl Backoff {
    /// With the ceilings that clients use towards relays: 0.5 s, doubling up to 30 s.
    #[must_use]
    pub fn new() -> Self {
        Self::between(FIRST, LAST)
    }

    /// With other ceilings.
    #[must_use]
    pub fn between(first: Duration, last: Duration) -> Self {
        Self { first, ceiling: first.min(last), last }
    }

    /// The next pause. `random` is uniform over all of `u64`.
    pub fn next(&mut self, random: u64) -> Duration {
        let ceiling = self.ceiling.as_nanos();
        self.ceiling = self.ceiling.saturating_mul(2).min(self.last);
        let nanos = (u128::from(random) * (ceiling + 1)) >> 64;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The next pause after this: never shorter than the relay said that it needs (`Full`, `Unavailable`), but for `longest`;
    /// and that long after a version notice, which only an upgrade changes, at one end or the other.
    pub fn after(&mut self, error: &NetError, longest: Duration, random: u64) -> Duration {
        let needed = match error {
            NetError::Full { retry_after_s } | NetError::Unavailable { retry_after_s } => {
                Duration::from_secs(u64::from(*retry_after_s)).min(longest)
            }
            NetError::VersionMismatch { .. } => longest,
            _ => Duration::ZERO,
        };
        needed.saturating_add(self.next(random))
    }

    /// Begins again, after a success.
    pub fn reset(&mut self) {
        *self = Self::between(self.first, self.last);
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_up_to_the_cap() {
        let mut backoff = Backoff::new();
        let ceilings: Vec<_> = (0..9).map(|_| backoff.next(u64::MAX).as_millis()).collect();
        assert_eq!(ceilings, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    }

    #[test]
    fn the_pause_is_spread_over_the_whole_range() {
        let first = |random| Backoff::new().next(random);
        assert_eq!(first(0), Duration::ZERO);
        assert_eq!(first(1 << 63), FIRST / 2);
        assert_eq!(first(u64::MAX), FIRST);
    }

    #[test]
    fn a_success_begins_again() {
        let mut backoff = Backoff::new();
        assert_ne!(backoff.next(1), backoff.next(u64::MAX));
        assert_ne!(backoff, Backoff::new());
        backoff.reset();
        assert_eq!(backoff, Backoff::new());
    }

    #[test]
    fn a_relay_that_asks_for_time_gets_it() {
        let mut backoff = Backoff::new();
        let full = |retry_after_s| NetError::Full { retry_after_s };
        let minute = Duration::from_secs(60);
        assert_eq!(backoff.after(&full(60), LONGEST, 0), minute);
        assert!(backoff.after(&full(60), LONGEST, 1 << 63) > minute);
        assert_eq!(backoff.after(&full(u32::MAX), LONGEST, 0), LONGEST);
        assert_eq!(backoff.after(&full(u32::MAX), LONGEST_ALARM, 0), minute);
        assert_eq!(backoff.after(&NetError::Lost, LONGEST, 0), Duration::ZERO);
    }

    #[test]
    fn who_speaks_another_version_is_asked_again_seldom() {
        let error = NetError::VersionMismatch { theirs: 9 };
        assert_eq!(Backoff::new().after(&error, LONGEST, 0), LONGEST);
        assert_eq!(Backoff::new().after(&error, LONGEST_ALARM, 0), LONGEST_ALARM);
    }
}
