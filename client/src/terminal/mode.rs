//! The terminal's mode, to be put back when a program ends in the middle of a hidden prompt.

use std::fs::File;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// The controlling terminal as it was.
pub struct Mode {
    terminal: File,
    was: Termios,
}

impl Mode {
    /// As it is now. `None` without a terminal.
    #[must_use]
    pub fn now() -> Option<Self> {
        let terminal = File::open("/dev/tty").ok()?;
        let was = tcgetattr(&terminal).ok()?;
        Some(Self { terminal, was })
    }

    /// Puts it back. That the terminal has gone meanwhile is no error.
    pub fn restore(&self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.was);
    }
}
