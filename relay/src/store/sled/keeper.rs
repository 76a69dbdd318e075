//! Looks after the ledger beside the writing: syncs it, forgets the notes that it makes superfluous, and rewrites it
//! when most of it has been cancelled out. What takes long runs in threads of its own.

use std::io;
use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::database::{Database, Table, sync_folder};
use super::folder;
use super::reconcile::{PURGED, purged};
use super::target::{NOTE, note_commit};
use crate::limits::{REWRITE_LEAVES, WRITE_ROOM};
use crate::store::entry::LEDGER_ENVELOPE;
use crate::store::ledger::{self, Ledger, Rewritten};
use crate::store::{Room, StoreError};

/// Between two syncs of the ledger: so long are notes kept.
const SYNC_EVERY: Duration = Duration::from_secs(5);
/// What went is not to be found in the ledger for much longer than this: it tells when which mailbox was read.
const REWRITE_EVERY: Duration = Duration::from_secs(600);
/// Shortest time between two that its size asks for.
const REWRITE_REST: Duration = Duration::from_secs(10);
/// A ledger is rewritten beyond this many bytes, and beyond twice what lives.
const REWRITE_FLOOR: u64 = 16 << 20;
/// After one that did not work out.
const TRY_AGAIN: Duration = Duration::from_secs(60);
/// Notes forgotten in one step.
const FORGOTTEN: usize = 512;

/// See the [module](self).
pub(super) struct Keeper {
    /// The last commit in the ledger.
    pub(super) appended: u64,
    /// Something that the ledger lists has been removed since it was rewritten.
    pub(super) stale: bool,
    rewritten: Instant,
    /// Bytes that it had then.
    compact: u64,
    /// Nothing is rewritten before this.
    rests_until: Instant,
    /// The last commit that is on disk there.
    synced: u64,
    /// Notes up to this are forgotten.
    purged: u64,
    asked: Instant,
    syncing: Option<JoinHandle<io::Result<u64>>>,
    rewriting: Option<JoinHandle<io::Result<Rewritten>>>,
}

/// Whether most of a ledger of so many bytes has been cancelled out, where so many bytes live.
pub(super) fn is_to_be_rewritten(len: u64, lives: u64) -> bool {
    len > REWRITE_FLOOR.max(2 * lives)
}

/// Whether a part of a rewritten ledger may be written. While others write, too, it leaves what they may take at once; where nobody
/// else does any more it goes further, for it gives back some of what a long ledger takes.
/// `free`: bytes, if that is known.
pub(super) fn has_room(free: Option<u64>, bytes: u64, room: Room) -> bool {
    let leaves = if room == Room::None { REWRITE_LEAVES } else { WRITE_ROOM };
    free.is_none_or(|free| free > bytes + leaves)
}

impl Keeper {
    /// With a ledger that is on disk up to the commit `appended`.
    pub(super) fn new(appended: u64) -> Self {
        Self {
            appended,
            // What an earlier process left there.
            stale: true,
            rewritten: Instant::now(),
            compact: 0,
            rests_until: Instant::now() + REWRITE_REST,
            synced: appended,
            purged: 0,
            asked: Instant::now(),
            syncing: None,
            rewriting: None,
        }
    }

    /// One step, if there is something to do. `true` if there is more. What `room` there is for the database.
    pub(super) fn step(
        &mut self,
        folder: &Path,
        ledger: &mut Ledger,
        live: u64,
        new: &Database,
        room: Room,
    ) -> Result<bool, StoreError> {
        if let Some(done) = finished(&mut self.syncing) {
            self.synced = self.synced.max(done.map_err(failed("syncing the ledger"))?);
        }
        if self.syncing.is_none()
            && self.appended > self.synced
            && self.asked.elapsed() >= SYNC_EVERY
        {
            self.asked = Instant::now();
            let (file, upto) =
                (ledger.handle().map_err(failed("syncing the ledger"))?, self.appended);
            self.syncing = Some(spawn("ledger", move || file.sync_data().map(|()| upto))?);
        }
        if let Some(done) = finished(&mut self.rewriting) {
            // The bytes that follow are few: they came while it was rewritten.
            let replaced = done.and_then(|rewritten| {
                self.compact = rewritten.len();
                ledger.replace(folder, rewritten)
            });
            match replaced {
                Ok(()) => {
                    sync_folder(folder)?;
                    self.synced = self.appended;
                }
                Err(error) => {
                    tracing::error!(%error, "the ledger could not be rewritten; it is tried again later");
                    ledger::remove_unfinished(folder);
                    self.stale = true;
                    self.rests_until = Instant::now() + TRY_AGAIN;
                }
            }
        }
        let lives = self.compact.max(live * LEDGER_ENVELOPE);
        let is_due = self.stale && self.rewritten.elapsed() >= REWRITE_EVERY
            || is_to_be_rewritten(ledger.len(), lives);
        if self.rewriting.is_none() && is_due && Instant::now() >= self.rests_until {
            self.stale = false;
            self.rewritten = Instant::now();
            self.rests_until = self.rewritten + REWRITE_REST;
            let (folder, upto) = (folder.to_owned(), ledger.len());
            let rewrite = move || {
                ledger::rewrite(&folder, upto, |len| {
                    has_room(folder::free_bytes(&folder), len, room)
                })
            };
            self.rewriting = Some(spawn("ledger", rewrite)?);
        }
        if room == Room::None { Ok(false) } else { self.forget(new) }
    }

    /// Notes of commits that the ledger has on disk are not needed any more.
    fn forget(&mut self, new: &Database) -> Result<bool, StoreError> {
        if self.purged >= self.synced {
            return Ok(false);
        }
        // First: whoever does not find a note must know that it may have been there.
        new.insert(Table::Records, PURGED, &purged(self.synced))?;
        let page = new
            .page(Table::Records, NOTE, None, FORGOTTEN)
            .map_err(super::start::or_damaged(new.path()))?;
        let is_superfluous = |key: &[u8]| note_commit(key).is_some_and(|at| at <= self.synced);
        let (mut forgotten, found) = (0, page.len());
        for (key, _) in page.iter().filter(|(key, _)| is_superfluous(key)) {
            new.remove(Table::Records, key)?;
            forgotten += 1;
        }
        if forgotten == FORGOTTEN && found == FORGOTTEN {
            return Ok(true);
        }
        self.purged = self.synced;
        Ok(false)
    }
}

/// The result of a thread that has ended.
pub(super) fn finished<T>(
    running: &mut Option<JoinHandle<io::Result<T>>>,
) -> Option<io::Result<T>> {
    let done = running.take_if(|thread| thread.is_finished())?;
    Some(done.join().unwrap_or_else(|_| Err(io::Error::other("a thread stopped"))))
}

/// Runs something that takes long.
pub(super) fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<JoinHandle<io::Result<T>>, StoreError> {
    thread::Builder::new().name(name.into()).spawn(work).map_err(failed("starting a thread"))
}

fn failed(doing: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::Io { doing, source }
}

#[cfg(test)]
impl Keeper {
    /// As if the time for a sync had come.
    pub(super) fn hurry(&mut self) {
        self.asked = self.asked.checked_sub(SYNC_EVERY).unwrap();
    }

    /// As if the time for a rewriting had come.
    pub(super) fn hurry_rewriting(&mut self) {
        self.stale = true;
        self.rewritten = self.rewritten.checked_sub(REWRITE_EVERY).unwrap();
        self.rests_until = Instant::now();
    }

    pub(super) fn is_rewriting(&self) -> bool {
        self.rewriting.is_some()
    }

    /// Whether everything that was appended is synced, and the notes of it are forgotten.
    pub(super) fn is_done(&self) -> bool {
        self.purged == self.appended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewriting_leaves_what_others_may_take_and_goes_further_where_nobody_writes() {
        let lives = 20 << 20;
        for (free_mib, low, none) in [(27, false, false), (30, false, true), (60, true, true)] {
            let free = Some(free_mib << 20);
            assert_eq!(has_room(free, lives, Room::Low), low, "{free_mib}");
            assert_eq!(has_room(free, lives, Room::None), none, "{free_mib}");
        }
        assert!(has_room(None, lives, Room::Low));
    }
}
