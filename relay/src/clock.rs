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
    /// Microseconds since the machine was started, those it slept through included. Cannot be set.
    pub boot_us: u64,
    /// Milliseconds since the Unix epoch, by the wall clock.
    pub wall_ms: u64,
}

impl Reading {
    /// Milliseconds by the clock that cannot be set, rounded down.
    fn since_ms(self, earlier_us: u64) -> u64 {
        self.boot_us.saturating_sub(earlier_us) / 1000
    }
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

    /// The second of hold time that begins `for_s` seconds from now, or within the second after: never early.
    #[must_use]
    pub fn due_s(self, for_s: u32) -> u64 {
        self.hold_ms.div_ceil(1000).saturating_add(u64::from(for_s))
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

    /// The same moment where the wall clock was set by so much.
    #[cfg(test)]
    pub(crate) fn with_wall_set(self, by_ms: i64) -> Self {
        Self { wall_ms: self.wall_ms.saturating_add_signed(by_ms), ..self }
    }

    /// The same moment where hold time went on under a wall clock that was wrong by so much at a start.
    #[cfg(test)]
    pub(crate) fn with_hold_set(self, by_ms: i64) -> Self {
        Self { hold_ms: self.hold_ms.saturating_add_signed(by_ms), ..self }
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
/// Microseconds between the two that do not matter.
const AT_ONCE_US: u64 = 1_000;

impl Clock for SystemClock {
    /// A thread may have to wait between the two clocks. The one that counts is read last: what lies between makes
    /// relay time late by as much, never early. The reading counts in which least lay between.
    fn read(&self) -> Reading {
        let read = || {
            let before_us = counting_us();
            let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let boot_us = counting_us();
            let wall_ms = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
            (boot_us.saturating_sub(before_us), Reading { boot_us, wall_ms })
        };
        let mut best = read();
        for _ in 1..TRIES {
            if best.0 <= AT_ONCE_US {
                break;
            }
            let next = read();
            if next.0 < best.0 {
                best = next;
            }
        }
        best.1
    }
}

/// Microseconds by the clock that counts through sleep.
fn counting_us() -> u64 {
    #[cfg(target_os = "linux")]
    let counting = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let counting = ClockId::Monotonic;
    let now = clock_gettime(counting);
    let us = now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000);
    u64::try_from(us).unwrap_or(0)
}
