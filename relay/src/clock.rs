//! Time as an argument: everything that decides takes a [`Now`]; only the server reads clocks.
//!
//! The machine's wall clock may be set at any moment, by hand, by an attacker or by a network, and a machine without a
//! battery for it starts in the past. So it decides nothing: `RelayTime` makes deadlines and ages from a clock that
//! nobody can set. What people are told is wall time.

pub mod acceptance;
mod keeper;
mod relay_time;

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::store::ClockMark;

pub(crate) use keeper::Timekeeper;
pub(crate) use relay_time::{Judged, RelayTime};

/// A moment, on the three time lines that a relay goes by, in milliseconds since the Unix epoch. They agree on a
/// machine whose clock was never wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    hold_ms: u64,
    age_ms: u64,
    wall_ms: u64,
    pending_ms: u64,
}

/// What the machine's clocks say at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Milliseconds since the machine was started, those it slept through included. Cannot be set.
    pub boot_ms: u64,
    /// Milliseconds since the Unix epoch, by the wall clock.
    pub wall_ms: u64,
}

/// Where a server takes the time from.
pub trait Clock: Send + Sync + 'static {
    /// What the clocks say now.
    fn read(&self) -> Reading;
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Now {
    /// The same moment on all time lines, from milliseconds since the Unix epoch.
    #[must_use]
    pub fn from_ms(ms: u64) -> Self {
        Self { hold_ms: ms, age_ms: ms, wall_ms: ms, pending_ms: 0 }
    }

    /// The same moment on all time lines, from seconds since the Unix epoch.
    #[must_use]
    pub fn from_s(seconds: u64) -> Self {
        Self::from_ms(seconds.saturating_mul(1000))
    }

    /// For deadlines of holds, rates and gaps. Outages count in full.
    #[must_use]
    pub fn hold_ms(self) -> u64 {
        self.hold_ms
    }

    /// As [`Now::hold_ms`], in whole seconds.
    #[must_use]
    pub fn hold_s(self) -> u64 {
        self.hold_ms / 1000
    }

    /// For ages of envelopes and mailboxes: seconds. Outages count once they are beyond doubt.
    #[must_use]
    pub fn age_s(self) -> u64 {
        self.age_ms / 1000
    }

    /// What the wall clock says: seconds. Told to clients; decides nothing.
    #[must_use]
    pub fn wall_s(self) -> u64 {
        self.wall_ms / 1000
    }

    /// What the next start goes on from.
    #[must_use]
    pub fn mark(self) -> ClockMark {
        let Self { hold_ms, age_ms, wall_ms, pending_ms } = self;
        ClockMark { hold_ms, age_ms, wall_ms, pending_ms }
    }
}

/// Readings tried for one in which both clocks were read at the same moment.
const TRIES: usize = 16;
/// Milliseconds between the two that do not matter.
const AT_ONCE_MS: u64 = 1;

impl Clock for SystemClock {
    /// A thread may have to wait between the two clocks, and what lies between them is taken for time that passed, or
    /// did not: over many restarts holds would come early by it. So the reading counts in which least lay between.
    fn read(&self) -> Reading {
        let mut best: Option<(u64, Reading)> = None;
        for _ in 0..TRIES {
            let boot_ms = counting_ms();
            let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let between_ms = counting_ms().saturating_sub(boot_ms);
            let wall_ms = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
            if best.is_none_or(|(least, _)| between_ms < least) {
                best = Some((between_ms, Reading { boot_ms, wall_ms }));
            }
            if between_ms <= AT_ONCE_MS {
                break;
            }
        }
        best.map_or(Reading { boot_ms: counting_ms(), wall_ms: 0 }, |(_, reading)| reading)
    }
}

/// Milliseconds by the clock that counts through sleep.
fn counting_ms() -> u64 {
    #[cfg(target_os = "linux")]
    let counting = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let counting = ClockId::Monotonic;
    let now = clock_gettime(counting);
    let ms = now.tv_sec.saturating_mul(1000).saturating_add(now.tv_nsec / 1_000_000);
    u64::try_from(ms).unwrap_or(0)
}
