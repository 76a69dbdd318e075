//! Clocks that are set: programs that see the time of a file, by libfaketime. It can be set while they run.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::process::Command;

use crate::load::Outcome;

/// The loader puts the machine's folder for libraries in the place of `$LIB`.
const LIBRARY: &str = "/usr/$LIB/faketime/libfaketimeMT.so.1";

/// The clock of some programs. Only what people call the time is set by it: what is measured from one moment to the next
/// goes on as it is.
#[derive(Clone, Debug)]
pub struct SetClock {
    file: PathBuf,
}

impl SetClock {
    /// A clock that is right, and can be set by a file in this folder.
    ///
    /// # Errors
    /// If libfaketime is not installed.
    pub fn new(folder: &Path) -> Outcome<Self> {
        let clock = Self { file: folder.join("clock") };
        clock.set_by(86_400 * 365)?;
        let mut date = std::process::Command::new("date");
        let shown = date.arg("+%s").envs(clock.environment()).output()?;
        let shown: i64 = String::from_utf8(shown.stdout)?.trim().parse()?;
        if shown - unix_s()? < 86_400 {
            return Err(
                "no clock can be set: install libfaketime (apt-get install faketime)".into()
            );
        }
        clock.set_by(0)?;
        Ok(clock)
    }

    /// Sets it ahead of the right time by so many seconds, or back.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn set_by(&self, seconds: i64) -> Outcome<()> {
        // In one step: a program may read it at any moment.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{seconds:+}\n"))?;
        Ok(fs::rename(new, &self.file)?)
    }

    /// Sets it to this time, Unix seconds. It goes on from there.
    ///
    /// # Errors
    /// As [`SetClock::set_by`].
    pub fn set_to(&self, at_s: i64) -> Outcome<()> {
        self.set_by(at_s - unix_s()?)
    }

    /// Has a program see it.
    pub fn give(&self, command: &mut Command) {
        command.envs(self.environment());
    }

    fn environment(&self) -> [(&'static str, PathBuf); 5] {
        [
            ("LD_PRELOAD", LIBRARY.into()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.clone()),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
            ("NO_FAKE_STAT", "1".into()),
        ]
    }
}

fn unix_s() -> Outcome<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?)
}
