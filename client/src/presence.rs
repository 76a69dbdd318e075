//! Who keeps watch: when a terminal that is on shift says so. Pure: times and randomness are arguments.

/// Seconds between two heartbeats of a terminal, on average.
const BEAT_S: u64 = 3600;

/// A heartbeat comes up to this much earlier or later: those of a circle must not fall into step, nor tell by
/// their minute whose they are.
const JITTER_S: u64 = 600;

/// What a watching terminal says of itself holds this long: longer than the longest wait for its next heartbeat, with
/// time for the way. Nothing tells when it is killed.
pub const WATCHING_S: u64 = BEAT_S + JITTER_S + 20 * 60;

/// A roll-call that is older than this is not answered any more: nobody waits for it.
pub const ROLL_CALL_S: u64 = 300;

/// When the next heartbeat is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heartbeat {
    due_s: Option<u64>,
}

impl Heartbeat {
    /// Whether one is due: the first at once. A time further ahead than any wait was set by another clock.
    #[must_use]
    pub fn is_due(&self, now_s: u64) -> bool {
        self.due_s.is_none_or(|due_s| due_s <= now_s || due_s > now_s + BEAT_S + JITTER_S)
    }

    /// One was said; `draw` is any random number.
    pub fn said(&mut self, now_s: u64, draw: u64) {
        self.due_s = Some(now_s + BEAT_S - JITTER_S + draw % (2 * JITTER_S + 1));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_heartbeat_comes_about_once_an_hour_and_before_the_last_one_is_over(
            now_s in 0u64..u64::from(u32::MAX), draw: u64,
        ) {
            let mut heartbeat = Heartbeat::default();
            prop_assert!(heartbeat.is_due(now_s));
            heartbeat.said(now_s, draw);
            prop_assert!(!heartbeat.is_due(now_s + BEAT_S - JITTER_S - 1));
            prop_assert!(heartbeat.is_due(now_s + BEAT_S + JITTER_S));
            prop_assert!(BEAT_S + JITTER_S < WATCHING_S);
        }
    }

    #[test]
    fn a_clock_that_was_days_ahead_keeps_no_heartbeat_back() {
        let mut heartbeat = Heartbeat::default();
        heartbeat.said(10 * 86_400, 0);
        assert!(heartbeat.is_due(86_400));
    }

    #[test]
    fn heartbeats_are_not_in_step() {
        let due = |draw| {
            let mut heartbeat = Heartbeat::default();
            heartbeat.said(0, draw);
            heartbeat.due_s
        };
        let times: std::collections::BTreeSet<_> = (0..1201).map(due).collect();
        assert_eq!(times.len(), 1201);
        assert_eq!(times.first(), Some(&Some(3000)));
        assert_eq!(times.last(), Some(&Some(4200)));
    }
}
