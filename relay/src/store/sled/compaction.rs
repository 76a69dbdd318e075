//! Files of a database never shrink. When too little of one is alive, what is goes into a second one, a few records
//! between two commits; then the first one is deleted. Meanwhile there are two: new things go into the second, both
//! are asked, and what is removed is hidden by the second. The first one is synced before anything is copied, and then
//! never written to: what is copied, or passed over, is by what a start finds there. A crash leaves two, and the next start
//! goes on.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use velar_protocol::wire::HoldId;

use super::database::{Database, Failure, Table, sync_folder};
use super::folder::{self, LIVE_ENVELOPE};
use super::keeper::{finished, spawn};
use super::start::{self, or_damaged};
use super::target::GONE;
use super::{Engine, SledStore, salvage};
use crate::limits::{BLOAT, BLOAT_LOW, WRITE_ROOM};
use crate::store::entry::Entry;
use crate::store::record::{self, Kind};
use crate::store::{Room, StoreError, Upkeep};

/// Below this nobody minds.
const FLOOR: u64 = 256 << 20;
/// The same while the disk is low: three of sled's segments.
const FLOOR_LOW: u64 = 24 << 20;
/// Empty values removed between two commits.
const CLEARED: usize = 256;
/// Records copied between two commits: some milliseconds.
const SLICE: usize = 48;
/// Between two looks at the size.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// After one that could not begin.
const TRY_AGAIN: Duration = Duration::from_secs(60);

/// How far it is.
pub(super) enum Compaction {
    /// Nothing to do before this moment.
    Idle(Instant),
    /// A second database is being made, in this folder.
    Making(PathBuf, Option<JoinHandle<io::Result<Database>>>),
    /// See [`Copied`].
    Copying(Copied),
    /// The first one is being deleted.
    Deleting(Option<JoinHandle<io::Result<()>>>),
    /// What hid its values is being removed.
    Clearing,
}

/// What the last compaction of this process left.
#[derive(Clone, Copy, Default)]
pub(super) struct Compact {
    /// Bytes of its file.
    size: u64,
    /// Envelopes.
    live: u64,
}

/// How much is copied: the tables before `table`, and of it all keys up to `after`. A record of the new database says so,
/// behind what was copied, so that a start goes on from there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Copied {
    table: usize,
    after: Option<Vec<u8>>,
}

/// Names that record.
pub(super) const COPIED: &[u8] = b"copied";

impl Copied {
    fn record(&self) -> Vec<u8> {
        let mut body = vec![self.table as u8];
        body.extend(self.after.iter().flatten());
        record::sealed(Kind::Note, 0, COPIED, &body)
    }

    /// What the record says. From the beginning, if it makes no sense.
    pub(super) fn read(value: &[u8]) -> Self {
        let body = record::opened(Kind::Note, COPIED, value).map(|(_, body)| body);
        let Some((table, after)) = body.and_then(<[u8]>::split_first) else {
            return Self::default();
        };
        let after = Some(after.to_vec()).filter(|after| !after.is_empty());
        Self { table: usize::from(*table), after }
    }
}

impl Compaction {
    /// The first look comes at once: this process may not live for long.
    pub(super) fn at_start() -> Self {
        Self::Idle(Instant::now())
    }

    fn idle() -> Self {
        Self::Idle(Instant::now() + LOOK_EVERY)
    }

    /// After something that did not work out.
    pub(super) fn later() -> Self {
        Self::Idle(Instant::now() + TRY_AGAIN)
    }

    pub(super) fn may_begin(&self) -> bool {
        matches!(self, Self::Idle(until) if *until <= Instant::now())
    }
}

/// One step of what is to be done between commits.
///
/// A copy that was begun goes on without room, too: it alone gives some back. It writes into what is reserved behind the end of
/// the newer database, and stands still while nothing can be reserved.
pub(super) fn upkeep(store: &SledStore, room: Room) -> Result<Upkeep, StoreError> {
    let (new, old) = match store.engine() {
        Engine::Databases { new, old } => (new, old),
        Engine::Salvage(_) => return start::reopen(store).map(Upkeep::of),
    };
    // sled moves pages by itself, too.
    new.keep_up_at_times()?;
    let mut guard = store.writing();
    let writing = &mut *guard;
    let mut busy = false;
    if let Some(ledger) = &mut writing.ledger {
        let keeper = &mut writing.keeper;
        busy = keeper.step(&store.folder, ledger, writing.live, &new, room)?;
    }
    let (live, compact) = (writing.live, writing.compact);
    let next = match &mut writing.compaction {
        Compaction::Idle(until) if room == Room::None || *until > Instant::now() => {
            return Ok(Upkeep::of(busy));
        }
        Compaction::Idle(_) if old.is_none() && !writing.gone.is_empty() => {
            Some(Compaction::Clearing)
        }
        Compaction::Idle(_) if is_due(&new, live, compact, room, &store.folder) => {
            tracing::info!("compacting the store");
            let path = folder::next_database(&store.folder)?;
            let (cache_mib, steps) = (store.cache_mib, store.steps.clone());
            let (place, of) = (path.clone(), new.clone());
            let make = move || {
                has_room_for_copy(&of, live)?;
                Database::make(&path, cache_mib, &steps).map_err(made)
            };
            Some(Compaction::Making(place, Some(spawn("compaction", make)?)))
        }
        Compaction::Idle(_) => Some(Compaction::idle()),
        Compaction::Making(path, thread) => match finished(thread) {
            None => None,
            Some(Ok(database)) => Some(begin(store, database, new)?),
            Some(Err(error)) => {
                tracing::error!(%error, "the store cannot be compacted now");
                // A start would take it for the newest one.
                folder::remove_dir(path)?;
                Some(Compaction::later())
            }
        },
        Compaction::Copying(_) | Compaction::Clearing if !new.keep_reserve() => {
            return Ok(Upkeep::of(busy));
        }
        Compaction::Copying(copied) => {
            busy = true;
            let Some(old) = &old else { return Ok(Upkeep::Busy) };
            match Table::ALL.get(copied.table) {
                Some(table) => {
                    copied.after = copy_slice(*table, copied.after.as_deref(), &new, old)?;
                    copied.table += usize::from(copied.after.is_none());
                    new.insert(Table::Records, COPIED, &copied.record())?;
                    None
                }
                None => {
                    writing.compact = Compact { size: new.size(), live };
                    Some(finish(store, &new, old)?)
                }
            }
        }
        Compaction::Deleting(thread) => match finished(thread) {
            None => None,
            Some(deleted) => {
                if let Err(error) = deleted {
                    tracing::error!(%error, "the database before compaction cannot be deleted");
                }
                tracing::info!("the store is compact");
                Some(Compaction::Clearing)
            }
        },
        Compaction::Clearing => {
            busy = true;
            let from = writing.gone.len().saturating_sub(CLEARED);
            for (table, key) in writing.gone.drain(from..) {
                clear(&new, table, &key)?;
            }
            writing.gone.is_empty().then(Compaction::idle)
        }
    };
    if let Some(next) = next {
        writing.compaction = next;
    }
    Ok(Upkeep::of(busy))
}

/// From now on there are two.
fn begin(store: &SledStore, new: Database, old: Arc<Database>) -> Result<Compaction, StoreError> {
    // What is not copied because it was removed must not come back. The removal may be of no commit yet.
    old.sync()?;
    store.set_engine(Engine::Databases { new: Arc::new(new), old: Some(old) });
    Ok(Compaction::Copying(Copied::default()))
}

fn made(failure: Failure) -> io::Error {
    match failure {
        Failure::Other(error) => io::Error::other(error),
        Failure::Damage(reason) => io::Error::other(reason),
    }
}

/// Whether so much of the file is air that a copy is worth its while, and has room.
/// `live`: envelopes.
fn is_due(database: &Database, live: u64, last: Compact, room: Room, folder: &Path) -> bool {
    let size = database.size();
    let (bloat, floor) = match room {
        Room::Enough => (BLOAT, FLOOR),
        Room::Low | Room::None => (BLOAT_LOW, FLOOR_LOW),
    };
    size > floor.max(bloat * live * LIVE_ENVELOPE)
        && size > folder::room_for(live, 0)
        // The last one may not have come to less than this, if it did not copy much that is gone now.
        && (size > 2 * last.size || 2 * live < last.live)
        && has_room(folder, folder::room_for(live, 0))
}

/// Below that nothing would be copied any more.
fn has_room(folder: &Path, needed: u64) -> bool {
    folder::free_bytes(folder).is_none_or(|free| free > needed + WRITE_ROOM)
}

/// The same, with its records, of which all are read.
fn has_room_for_copy(database: &Database, live: u64) -> io::Result<()> {
    let mut bytes = 0;
    database
        .scan(Table::Records, &mut |key, value| bytes += (key.len() + value.len()) as u64)
        .map_err(io::Error::other)?;
    let folder = database.path().parent().unwrap_or(database.path());
    let has_room = has_room(folder, folder::room_for(live, bytes));
    has_room.then_some(()).ok_or_else(|| io::ErrorKind::StorageFull.into())
}

/// Bytes to be left so that a compaction may begin when half of so many envelopes are gone: for the copy, which takes twice
/// what the other half does, and half as much again for what acknowledging them writes until then. Below some 75 000 envelopes
/// the operator's mark is more.
///
/// While one spends it, that is what is left to copy.
pub(super) fn reserve(store: &SledStore) -> u64 {
    let engine = store.engine();
    let writing = store.writing();
    match (&writing.compaction, engine) {
        // What was copied from is given back last.
        (Compaction::Copying(_) | Compaction::Deleting(_), Engine::Databases { new, .. }) => {
            folder::room_for(writing.live, 0).saturating_sub(new.size())
        }
        _ => writing.live * LIVE_ENVELOPE / 2 * 3,
    }
}

/// Copies the next records that live. The last key, or `None` at the end of the table.
fn copy_slice(
    table: Table,
    after: Option<&[u8]>,
    new: &Database,
    old: &Database,
) -> Result<Option<Vec<u8>>, StoreError> {
    let page = old.page(table, &[], after, SLICE).map_err(or_damaged(old.path()))?;
    for (key, value) in &page {
        let is_there = new.get(table, key).map_err(or_damaged(new.path()))?.is_some();
        if !is_there && value != GONE && lives(table, key, new, old)? {
            new.insert(table, key, value)?;
        }
    }
    Ok(page.last().map(|(key, _)| key.to_vec()))
}

/// Whether something leads to this record. Crashes may have left envelopes to which nothing does.
fn lives(table: Table, key: &[u8], new: &Database, old: &Database) -> Result<bool, StoreError> {
    let get = |table, key: &[u8]| -> Result<Option<_>, StoreError> {
        match new.get(table, key).map_err(or_damaged(new.path()))? {
            None => old.get(table, key).map_err(or_damaged(old.path())),
            found => Ok(found),
        }
    };
    if table != Table::Envelopes {
        return Ok(true);
    }
    let Some((held, _)) = record::held_place(key) else {
        return Ok(get(Table::Index, key)?.is_some_and(|entry| entry != GONE));
    };
    let HoldId(id) = held.id;
    let value = get(Table::Records, &record::record_key(Kind::Hold, &id))?;
    let hold = value.as_deref().and_then(record::parse).and_then(|raw| salvage::entry(&raw));
    Ok(matches!(hold, Some(Entry::Hold(hold)) if hold.key == held))
}

/// All is copied: the second database is the only one now.
fn finish(
    store: &SledStore,
    new: &Arc<Database>,
    old: &Arc<Database>,
) -> Result<Compaction, StoreError> {
    new.remove(Table::Records, COPIED)?;
    new.sync()?;
    let gone = folder::leftover(old.path());
    // One that could not be deleted before.
    folder::remove_dir(&gone)?;
    store.steps.pass();
    fs::rename(old.path(), &gone)
        .map_err(|source| StoreError::Io { doing: "removing a database", source })?;
    sync_folder(&store.folder)?;
    store.set_engine(Engine::Databases { new: new.clone(), old: None });
    store.forget_rescue();
    let old = old.clone();
    let delete = move || {
        close(old);
        fs::remove_dir_all(&gone)
    };
    Ok(Compaction::Deleting(Some(spawn("compaction", delete)?)))
}

#[cfg(test)]
impl SledStore {
    /// Begins to compact, however little air there is.
    pub(crate) fn compact(&self) {
        let path = folder::next_database(&self.folder).unwrap();
        let new = Database::make(&path, self.cache_mib, &self.steps).map_err(made).unwrap();
        let Engine::Databases { new: old, .. } = self.engine() else { panic!("there is room") };
        let begun = begin(self, new, old).unwrap();
        self.writing().compaction = begun;
    }

    /// Whether a database is being deleted.
    pub(crate) fn is_deleting(&self) -> bool {
        matches!(self.writing().compaction, Compaction::Deleting(_))
    }
}

/// Removes an empty value, which hides nothing without the older database.
fn clear(new: &Database, table: Table, key: &[u8]) -> Result<(), StoreError> {
    let found = new.get(table, key).map_err(or_damaged(new.path()))?;
    if found.is_some_and(|value| value == GONE) {
        new.remove(table, key)?;
    }
    Ok(())
}

/// Waits for those who still read.
fn close(mut database: Arc<Database>) {
    while let Err(shared) = Arc::try_unwrap(database) {
        database = shared;
        std::thread::sleep(Duration::from_millis(20));
    }
}
