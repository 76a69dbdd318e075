//! The relay's own time, from what the machine's clocks say and what the last mark on disk says. Pure.
//!
//! | time line | while the relay runs | across a restart |
//! |---|---|---|
//! | hold | as the clock that cannot be set | all that the wall clock went on since the mark |
//! | age | the same | of that, a day at most; the rest waits until the relay has run for a day, or the operator accepts it |
//!
//! Neither ever goes back. At a restart a wall clock that was set forward and an outage look alike. Then it is better to
//! send out what may be due, after the wait that lets its owner object, and to delete nothing.

use velar_protocol::wire::ClockJump;

use super::{Now, Reading};
use crate::limits::{CLOCK_JUMP_MS, CLOCK_SETTLES_MS, COUNTED_AT_START_MS, TRUSTED_AFTER_MS};
use crate::store::ClockMark;

/// See the [module](self).
#[derive(Clone, Debug)]
pub(crate) struct RelayTime {
    /// When this process started, by the clock that cannot be set.
    started_boot_us: u64,
    /// The last look for jumps.
    last: Reading,
    /// Both at the start.
    hold_ms: u64,
    age_ms: u64,
    /// Passed across restarts, by the wall clock, and not yet counted for ages.
    pending_ms: u64,
    outage: Outage,
    /// Has run long enough for the wall clock to be believed.
    trusted: bool,
    jump: ClockJump,
}

/// What is known of the time before the start.
#[derive(Clone, Copy, Debug)]
struct Outage {
    /// The wall clock at the last mark. `None`: there was no relay before.
    mark_ms: Option<u64>,
    /// The wall clock at the start, corrected by all that it was set by since.
    start_ms: u64,
    counted_ms: u64,
}

/// What a look at the clocks has shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judged {
    /// The wall clock was set.
    pub(crate) jump: ClockJump,
    /// By so much the outage before the start was longer than it seemed; hold time has gone on by it.
    pub(crate) outage_ms: u64,
    /// By so much age time has gone on because the relay has run for long enough.
    pub(crate) counted_ms: u64,
}

impl Outage {
    fn known_ms(&self) -> u64 {
        self.mark_ms.map_or(0, |mark_ms| self.start_ms.saturating_sub(mark_ms))
    }
}

impl RelayTime {
    /// Goes on from the last mark. Without one it begins with the wall clock.
    pub(crate) fn start(mark: Option<&ClockMark>, at: Reading) -> Self {
        let begins = Now::from_ms(at.wall_ms).mark();
        let from = mark.copied().unwrap_or(begins);
        let mut outage =
            Outage { mark_ms: mark.map(|mark| mark.wall_ms), start_ms: at.wall_ms, counted_ms: 0 };
        let elapsed_ms = outage.known_ms();
        outage.counted_ms = elapsed_ms;
        let counted_ms = elapsed_ms.min(COUNTED_AT_START_MS);
        Self {
            started_boot_us: at.boot_us,
            last: at,
            hold_ms: settled(&from, from.hold_ms.saturating_add(elapsed_ms), at),
            age_ms: from.age_ms.saturating_add(counted_ms),
            pending_ms: from.pending_ms.saturating_add(elapsed_ms - counted_ms),
            outage,
            trusted: false,
            jump: ClockJump::None,
        }
    }

    /// The present moment. Looks for nothing: cheap.
    pub(crate) fn now(&self, at: Reading) -> Now {
        let running_ms = self.running_ms(at);
        Now {
            hold_ms: self.hold_ms.saturating_add(running_ms),
            age_ms: self.age_ms.saturating_add(running_ms),
            wall_ms: at.wall_ms,
            pending_ms: self.pending_ms,
        }
    }

    /// Looks for jumps of the wall clock, once a second. A clock that is slewed, however far, never jumps: each look
    /// compares with the one before.
    pub(crate) fn tick(&mut self, at: Reading) -> Judged {
        let by_ms = self.jumped_by(at);
        self.last = at;
        let mut judged = Judged::default();
        if by_ms != 0 {
            judged.jump = jump_of(by_ms);
            self.jump = judged.jump;
            judged.outage_ms = self.set_by(by_ms, at);
        }
        if !self.trusted && self.running_ms(at) >= TRUSTED_AFTER_MS {
            self.trusted = true;
            judged.counted_ms = self.accept();
        }
        judged
    }

    /// Counts for ages, too, all that passed across restarts. How much that was.
    pub(crate) fn accept(&mut self) -> u64 {
        let counted_ms = std::mem::take(&mut self.pending_ms);
        self.age_ms = self.age_ms.saturating_add(counted_ms);
        counted_ms
    }

    /// What passed across restarts and is not yet counted for ages.
    pub(crate) fn pending_ms(&self) -> u64 {
        self.pending_ms
    }

    /// The last jump of the wall clock since the start.
    pub(crate) fn last_jump(&self) -> ClockJump {
        self.jump
    }

    fn running_ms(&self, at: Reading) -> u64 {
        at.since_ms(self.started_boot_us)
    }

    /// By how much the wall clock was set since the last look; 0 if it was not.
    fn jumped_by(&self, at: Reading) -> i64 {
        let passed_ms = at.since_ms(self.last.boot_us);
        let expected_ms = self.last.wall_ms.saturating_add(passed_ms);
        // Linux slews a clock by a tenth at most.
        let slewed_ms = CLOCK_JUMP_MS.saturating_add(passed_ms / 10);
        if at.wall_ms.abs_diff(expected_ms) <= slewed_ms {
            return 0;
        }
        let by = i128::from(at.wall_ms) - i128::from(expected_ms);
        i64::try_from(by).unwrap_or(if by < 0 { i64::MIN } else { i64::MAX })
    }

    /// Takes in that the wall clock was set: what it said before was wrong. By how much that lengthens the outage.
    fn set_by(&mut self, by_ms: i64, at: Reading) -> u64 {
        if by_ms < 0 {
            // What did not pass is not pending.
            self.pending_ms = self.pending_ms.saturating_sub(by_ms.unsigned_abs());
        }
        self.outage.start_ms = self.outage.start_ms.saturating_add_signed(by_ms);
        if by_ms < 0 || self.running_ms(at) > CLOCK_SETTLES_MS {
            return 0;
        }
        // Only what lies after the mark: a clock that started in 1970 is set by decades.
        let more_ms = self.outage.known_ms().saturating_sub(self.outage.counted_ms);
        self.outage.counted_ms = self.outage.counted_ms.saturating_add(more_ms);
        self.hold_ms = self.hold_ms.saturating_add(more_ms);
        more_ms
    }
}

/// Hold time at a start. The two clocks are not read at one moment: what that makes of it at each restart would grow
/// without end. So where the wall clock was not set, by what counts as a jump, hold time is the wall clock again; it never
/// goes back.
fn settled(from: &ClockMark, hold_ms: u64, at: Reading) -> u64 {
    if hold_ms.abs_diff(at.wall_ms) <= CLOCK_JUMP_MS {
        at.wall_ms.max(from.hold_ms)
    } else {
        hold_ms
    }
}

fn jump_of(by_ms: i64) -> ClockJump {
    let by_s = by_ms.unsigned_abs().saturating_add(500) / 1000;
    match by_ms {
        0 => ClockJump::None,
        1.. => ClockJump::Forward { by_s },
        _ => ClockJump::Back { by_s },
    }
}

#[cfg(test)]
mod tests;
