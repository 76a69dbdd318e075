//! The command of `--exec`: run for each ringing, one at a time, and never waited for.

use std::collections::VecDeque;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};
use velar_protocol::circle::AlertId;

/// A command that runs longer is ended: the next ringing would wait behind it.
const LONGEST: Duration = Duration::from_secs(60);

/// Ringings that wait for the one before at most; they name the alerts, and more would say nothing new.
const WAITING: usize = 32;

/// Runs a command for each ringing. It gets no names and no texts: its environment can be read by others.
pub(super) struct Hook {
    command: String,
    waiting: VecDeque<Ringing>,
    running: Option<(Child, Instant)>,
}

/// Which alert, if it is known; why it rings, and whether it is a drill.
type Ringing = (Option<AlertId>, &'static str, bool);

/// What went wrong with it.
pub(super) enum Trouble {
    /// It could not be started, or asked after.
    Io(std::io::Error),
    /// It ended with this code, if any.
    Ended(Option<i32>),
    /// It did not end.
    TooLong,
}

impl Hook {
    pub(super) fn new(command: String) -> Self {
        Self { command, waiting: VecDeque::new(), running: None }
    }

    /// Runs it for this when its turn comes. `event`: the stable name of why it rings.
    pub(super) fn ring(&mut self, alert: Option<AlertId>, event: &'static str, drill: bool) {
        let ringing = (alert, event, drill);
        if self.waiting.len() < WAITING && !self.waiting.contains(&ringing) {
            self.waiting.push_back(ringing);
        }
    }

    /// Looks after the one that runs and starts the next. To be called often.
    pub(super) fn tend(&mut self) -> Option<Trouble> {
        if let Some((mut child, begun)) = self.running.take() {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => {}
                Ok(Some(status)) => return Some(Trouble::Ended(status.code())),
                Ok(None) if begun.elapsed() >= LONGEST => {
                    return Some(
                        child.start_kill().map_or_else(Trouble::Io, |()| Trouble::TooLong),
                    );
                }
                Ok(None) => {
                    self.running = Some((child, begun));
                    return None;
                }
                Err(error) => return Some(Trouble::Io(error)),
            }
        }
        let (alert, event, drill) = self.waiting.pop_front()?;
        let child = Command::new("sh")
            .arg("-c")
            .arg(&self.command)
            .env("VELAR_ALERT", alert.map(|alert| alert.short()).unwrap_or_default())
            .env("VELAR_EVENT", event)
            .env("VELAR_DRILL", if drill { "1" } else { "0" })
            .stdin(Stdio::null())
            // Standard output is for data alone.
            .stdout(Stdio::from(std::io::stderr()))
            .spawn();
        match child {
            Ok(child) => {
                self.running = Some((child, Instant::now()));
                None
            }
            Err(error) => Some(Trouble::Io(error)),
        }
    }
}
