//! Relays as real processes.

use std::fs;
use std::time::Duration;

use crate::load::Outcome;

/// Kernel clock ticks per second in /proc (`USER_HZ`, 100 on every Linux).
const TICKS_PER_S: u64 = 100;

/// What the kernel counts for a process.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pid: u32,
}

impl Usage {
    /// Of the process with this id.
    #[must_use]
    pub fn of(pid: u32) -> Self {
        Self { pid }
    }

    /// CPU time used so far, user and system, to 10 ms.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn cpu(self) -> Outcome<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        // The name, in brackets, may contain spaces; utime and stime are fields 14 and 15 of all.
        let (_, fields) = stat.rsplit_once(") ").ok_or("unreadable stat")?;
        let ticks =
            fields.split(' ').skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
        Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_S))
    }

    /// Resident memory, in KiB.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn rss_kib(self) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.split_whitespace().nth(1).ok_or("unreadable VmRSS")?.parse()?)
    }
}
