//! Ctrl-C: first politely, then at once.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::failure::Exit;
use crate::passphrase::PassphraseSource;
use crate::terminal::Mode;

/// After the first Ctrl-C a passphrase may still come from a file or a descriptor for [`READING_STEPS`] times this: a pipe may
/// never give one.
const READING_STEP: Duration = Duration::from_millis(250);

const READING_STEPS: u32 = 20;

/// The person wants the command to end: it stops waiting, and says what is kept.
pub struct Stop {
    told: watch::Sender<bool>,
    asking: AtomicBool,
    reading: AtomicBool,
    last_words: Mutex<Option<String>>,
}

impl Stop {
    /// Nobody wants that yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            told: watch::Sender::new(false),
            asking: AtomicBool::new(false),
            reading: AtomicBool::new(false),
            last_words: Mutex::new(None),
        }
    }

    /// The person wants the command to end.
    pub fn tell(&self) {
        self.told.send_replace(true);
    }

    /// Whether the person wants the command to end.
    #[must_use]
    pub fn is_told(&self) -> bool {
        *self.told.borrow()
    }

    /// Waits until the person wants the command to end.
    pub async fn wait(&self) {
        // An error would mean that the sender is gone, and it is here.
        let _ = self.told.subscribe().wait_for(|told| *told).await;
    }

    /// Whether a question is open: it cannot be taken back, the program has to end at once.
    #[must_use]
    pub fn is_asking(&self) -> bool {
        self.asking.load(Ordering::Relaxed)
    }

    /// What is said if the program is ended at once from now on: that an alarm was not raised.
    pub fn last_words(&self, line: Option<String>) {
        *self.last_words.lock().unwrap_or_else(PoisonError::into_inner) = line;
    }

    /// The first Ctrl-C (or SIGTERM) asks the command to end, the second ends the program; so does the first
    /// during a question, and a passphrase that does not come.
    pub async fn obey_the_keyboard(self: Arc<Self>) {
        let mode = Mode::now();
        let (Ok(mut stops), Ok(mut ends)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        let mut read = 0;
        loop {
            tokio::select! {
                _ = stops.recv() => {}
                _ = ends.recv() => {}
                // It may begin to read only after it was told.
                () = tokio::time::sleep(READING_STEP), if self.is_told() => {
                    read = if self.reading.load(Ordering::Relaxed) { read + 1 } else { 0 };
                    if read < READING_STEPS {
                        continue;
                    }
                }
            }
            if self.is_told() || self.is_asking() {
                mode.as_ref().map(Mode::restore).unwrap_or_default();
                let last = self.last_words.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(line) = last.as_ref() {
                    let mut err = std::io::stderr().lock();
                    writeln!(err, "\n{line}").unwrap_or_default();
                }
                std::process::exit(Exit::Interrupted.code().into());
            }
            self.tell();
        }
    }

    pub(super) fn while_asking<T>(&self, ask: impl FnOnce() -> T) -> T {
        during(&self.asking, ask)
    }

    /// A passphrase is a question at a prompt only: a file is read, and the command ends as it would otherwise.
    pub(super) fn while_reading<T>(
        &self,
        source: &PassphraseSource,
        read: impl FnOnce(&PassphraseSource) -> T,
    ) -> T {
        let flag = if *source == PassphraseSource::Prompt { &self.asking } else { &self.reading };
        during(flag, || read(source))
    }
}

fn during<T>(flag: &AtomicBool, act: impl FnOnce() -> T) -> T {
    flag.store(true, Ordering::Relaxed);
    let done = act();
    flag.store(false, Ordering::Relaxed);
    done
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}
