//! Time as an argument: everything that decides takes a [`Now`]; only the server reads a clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// A moment: milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now(u64);

/// Where a server takes the time from.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Now;
}

/// The machine's wall clock: deadlines of holds and ages of envelopes outlive the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Now {
    /// From milliseconds since the Unix epoch.
    #[must_use]
    pub fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// From seconds since the Unix epoch.
    #[must_use]
    pub fn from_s(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn ms(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    #[must_use]
    pub fn s(self) -> u64 {
        self.0 / 1000
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}
