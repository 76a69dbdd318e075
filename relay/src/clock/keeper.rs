//! Keeps the relay's time while it runs: reads the clocks, and tells the operator what happens to them.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::spawn_blocking;
use velar_protocol::wire::ClockJump;

use super::{Clock, Judged, Now, RelayTime, acceptance};
use crate::store::ClockMark;

/// See the [module](self). Its lock is held for a few additions only, inside of any other.
pub(crate) struct Timekeeper {
    clock: Arc<dyn Clock>,
    time: Mutex<RelayTime>,
    /// Where the operator's word is left.
    data: PathBuf,
    /// That it cannot be taken was said.
    said_stuck: AtomicBool,
}

impl Timekeeper {
    /// Goes on from the last mark, and takes the operator's word if it was left meanwhile.
    pub(crate) fn start(clock: Arc<dyn Clock>, data: PathBuf, mark: Option<&ClockMark>) -> Self {
        let time = Mutex::new(RelayTime::start(mark, clock.read()));
        let this = Self { clock, time, data, said_stuck: AtomicBool::new(false) };
        if this.heard(acceptance::take(&this.data)) {
            this.accept();
        }
        let pending_ms = this.time().pending_ms();
        if pending_ms > 0 {
            tracing::warn!(
                days = %days(pending_ms),
                "the machine's clock went on by more than a day while the relay was down; so many days are not counted \
                 for the age of mail and mailboxes until the relay has run for 24 hours. If the clock is right, count \
                 them now with: velar-relay clock accept; if not, set it right"
            );
        }
        this
    }

    pub(crate) fn now(&self) -> Now {
        // Read under the lock: who waited for it while a day was counted must not go back behind that.
        let time = self.time();
        time.now(self.clock.read())
    }

    /// Looks at the clocks and says what was found.
    pub(crate) fn tick(&self) -> (Now, Judged) {
        let mut time = self.time();
        let at = self.clock.read();
        let judged = time.tick(at);
        let now = time.now(at);
        drop(time);
        let changed = match judged.jump {
            ClockJump::None => None,
            ClockJump::Forward { by_s } => Some(("forward", by_s)),
            ClockJump::Back { by_s } => Some(("back", by_s)),
        };
        if let Some((direction, by_s)) = changed {
            if judged.outage_ms == 0 {
                tracing::warn!(
                    by_s,
                    "the machine's clock was set {direction}; deadlines and ages go on by the relay's own time. \
                     Look at what sets the clock of this machine"
                );
            } else {
                tracing::warn!(
                    by_s,
                    outage_s = judged.outage_ms / 1000,
                    "the machine's clock was set {direction} shortly after the start: the relay was down for longer than \
                     it seemed. Holds that came due meanwhile are released after the usual wait"
                );
            }
        }
        if judged.counted_ms > 0 {
            tracing::info!(
                days = %days(judged.counted_ms),
                "the relay has run for 24 hours: days that it was down count for the age of mail and mailboxes"
            );
        }
        (now, judged)
    }

    /// Takes the operator's word, if it was left. Whether it was.
    pub(crate) async fn listen(&self) -> bool {
        let data = self.data.clone();
        let left = spawn_blocking(move || acceptance::take(&data)).await;
        let heard = left.is_ok_and(|left| self.heard(left));
        if heard {
            self.accept();
        }
        heard
    }

    pub(crate) fn last_jump(&self) -> ClockJump {
        self.time().last_jump()
    }

    fn accept(&self) {
        match self.time().accept() {
            0 => tracing::info!(
                "the machine's clock was accepted; nothing was left to be counted for the age of mail and mailboxes"
            ),
            counted_ms => tracing::warn!(
                days = %days(counted_ms),
                "the machine's clock was accepted: so many days that the relay was down count now for the age of mail \
                 and mailboxes"
            ),
        }
    }

    fn heard(&self, left: std::io::Result<bool>) -> bool {
        left.unwrap_or_else(|error| {
            if !self.said_stuck.swap(true, Ordering::Relaxed) {
                let path = acceptance::path(&self.data);
                tracing::error!(
                    "{} cannot be removed, so it does not count: {error}",
                    path.display()
                );
            }
            false
        })
    }

    fn time(&self) -> MutexGuard<'_, RelayTime> {
        self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Days with one decimal, never fewer than they are.
fn days(ms: u64) -> String {
    let tenths = ms.div_ceil(8_640_000);
    format!("{}.{}", tenths / 10, tenths % 10)
}
