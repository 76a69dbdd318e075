//! The embedded store: a sled database (`sled/database.rs` and `sled/log.rs`, the only files that know sled), and beside it the
//! ledger (`ledger.rs`), which tells what the database should have.
//!
//! Every write is single-key inserts and removals in an order that makes a crash between them harmless: an index entry
//! comes after its envelope and goes before it, so an entry without its envelope is never left by a crash, only by damage.
//! An envelope without an entry may be left: nothing leads to it, and the next compaction leaves it out.
//!
//! Files of a database never shrink. When there is too much air in one, all that lives is copied into a second one, a
//! few records between two commits (`sled/compaction.rs`): meanwhile there are two, new ones go into the newer, and
//! both are asked.

mod compaction;
mod database;
mod folder;
mod keeper;
mod log;
mod reconcile;
mod repair;
mod salvage;
mod start;
pub(crate) mod steps;
mod target;

pub use self::repair::{Examined, Repaired, examine, repair};
pub use self::start::Findings;

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use velar_protocol::wire::{Envelope, MailboxId};

use self::compaction::{Compact, Compaction};
use self::database::{Database, Failure, Table};
use self::keeper::Keeper;
use self::salvage::{Salvage, Salvaged};
use self::steps::Steps;
use self::target::{GONE, NOTED, Target, note};
use super::entry::{self, Entry};
use super::ledger::Ledger;
use super::record::{self, Kind, RECORD_KEY, envelope_key, held_key, record_key};
use super::{HeldKey, Loaded, Room, Store, StoreError, Upkeep, Write};
use crate::limits::{LEDGER_PART, RESCUE_EVERY};

/// A store in a folder of its own: databases and ledger.
pub struct SledStore {
    folder: PathBuf,
    cache_mib: u32,
    engine: RwLock<Engine>,
    /// What the start has read already.
    found: Mutex<Option<Loaded>>,
    /// What a store has that can be written again.
    reopened: Mutex<Option<Loaded>>,
    /// Only the thread that writes takes this.
    writing: Mutex<Writing>,
    findings: Findings,
    set_aside: AtomicU64,
    /// What can be read without the engine, once it was needed.
    rescue: Mutex<Option<(Instant, Salvage)>>,
    steps: Steps,
    /// Held until the end: one process per folder.
    _lock: File,
}

/// Where envelopes are read and written.
#[derive(Clone)]
enum Engine {
    /// The newest database, and the one that is being copied into it.
    Databases { new: Arc<Database>, old: Option<Arc<Database>> },
    /// Nothing can be written: the disk has no room for a database to open.
    Salvage(Arc<Salvage>),
}

/// What only the writing thread knows.
struct Writing {
    /// `None` while nothing can be written.
    ledger: Option<Ledger>,
    /// The commit whose writes are being applied.
    commit: u64,
    /// Its entries, for the ledger, and those of commits before it that were not synced by themselves: each with the commit that is
    /// whole with it. The last ones are in `entries`.
    parts: Vec<(u64, Vec<u8>)>,
    entries: Vec<u8>,
    /// Its notes of what it removes.
    notes: u32,
    /// Records that it writes or removes.
    named: HashSet<[u8; RECORD_KEY]>,
    /// Envelopes, held ones too, as far as known: what a database should take.
    live: u64,
    compact: Compact,
    /// Empty values in the newer of two databases, or left by an earlier process.
    gone: Vec<(Table, Vec<u8>)>,
    keeper: Keeper,
    compaction: Compaction,
}

impl Writing {
    /// Of a store that nothing can be written to.
    fn none() -> Self {
        Self {
            ledger: None,
            commit: 0,
            parts: Vec::new(),
            entries: Vec::new(),
            notes: 0,
            named: HashSet::new(),
            live: 0,
            compact: Compact::default(),
            gone: Vec::new(),
            keeper: Keeper::new(0),
            compaction: Compaction::at_start(),
        }
    }

    /// Begins the next commit of this group, without a sync. `false`: this one has to be synced first.
    fn begin_next(&mut self) -> bool {
        let next = self.commit + 1;
        if self.notes > 0 || next == record::next_group(self.commit) {
            return false;
        }
        let entries = std::mem::take(&mut self.entries);
        self.parts.push((self.commit, entries));
        self.commit = next;
        self.named.clear();
        true
    }

    /// How many of these writes may go into the present commit.
    fn fitting(&mut self, writes: &[Write]) -> usize {
        let named = &mut self.named;
        writes.iter().take_while(|write| entry::names(write).all(|it| named.insert(it))).count()
    }
}

impl std::fmt::Debug for SledStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SledStore").finish_non_exhaustive()
    }
}

impl SledStore {
    /// Opens or creates the store in `folder`, repairing what a crash may have left, and comparing it with its ledger.
    ///
    /// `cache_mib` bounds the memory for pages. Takes as long as reading the index: about a second per
    /// million envelopes.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Damaged`], [`StoreError::Io`].
    pub fn open(folder: &Path, cache_mib: u32) -> Result<Self, StoreError> {
        start::open(folder, cache_mib, &Steps::default())
    }

    /// As [`SledStore::open`], with steps at which it stops.
    #[cfg(test)]
    pub(crate) fn open_with(
        folder: &Path,
        cache_mib: u32,
        steps: &Steps,
    ) -> Result<Self, StoreError> {
        start::open(folder, cache_mib, steps)
    }

    /// What the start has found.
    #[must_use]
    pub fn findings(&self) -> Findings {
        self.findings
    }

    fn engine(&self) -> Engine {
        self.engine.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_engine(&self, engine: Engine) {
        *self.engine.write().unwrap_or_else(PoisonError::into_inner) = engine;
    }

    fn set_reopened(&self, loaded: Loaded) {
        *self.reopened.lock().unwrap_or_else(PoisonError::into_inner) = Some(loaded);
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a copy for whoever investigates. The record itself stays where it is.
    fn set_aside(&self, database: &Database, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.set_aside.fetch_add(1, Ordering::Relaxed);
        tracing::error!(
            "a record did not check out and was set aside; the disk or memory of this machine may be failing"
        );
        database.insert(Table::Aside, key, value)
    }

    /// The envelope of a key, in the newer database or the older.
    fn read(&self, kind: Kind, key: &[u8]) -> Result<Option<Envelope>, StoreError> {
        let Engine::Databases { new, old } = self.engine() else { return Ok(None) };
        for database in [Some(&new), old.as_ref()].into_iter().flatten() {
            match database.get(Table::Envelopes, key) {
                Ok(None) => {}
                Ok(Some(value)) if value == GONE => return Ok(None),
                Ok(Some(value)) => {
                    let raw =
                        record::parse(&value).filter(|raw| raw.kind == kind && raw.key == key);
                    let found = raw.and_then(|raw| record::envelope(&raw));
                    if found.is_none() {
                        self.set_aside(&new, key, &value)?;
                    }
                    return Ok(found);
                }
                Err(Failure::Damage(reason)) => {
                    // The page is gone, not only this record. The next start takes what is readable.
                    folder::ask_for_rebuild(&self.folder);
                    tracing::error!(
                        reason,
                        "a page of the store cannot be read; it will be rebuilt at the next start"
                    );
                }
                Err(Failure::Other(error)) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Whether something leads to an envelope that cannot be read.
    fn is_missed(
        &self,
        table: Table,
        key: &[u8],
        leads: impl Fn(&[u8]) -> bool,
    ) -> Result<bool, StoreError> {
        let Engine::Databases { new, old } = self.engine() else { return Ok(false) };
        for database in [Some(new), old].into_iter().flatten() {
            match database.get(table, key) {
                Ok(None) => {}
                Ok(Some(value)) => return Ok(value != GONE && leads(&value)),
                // It cannot be known.
                Err(Failure::Damage(_)) => return Ok(true),
                Err(Failure::Other(error)) => return Err(error),
            }
        }
        Ok(false)
    }

    /// What the engine does not have may still lie in its file. All of that is read once a minute, and again when the
    /// engine has moved what is looked for.
    fn rescued(
        &self,
        read: impl Fn(&Salvage) -> io::Result<Salvaged>,
    ) -> Result<Option<Envelope>, StoreError> {
        let mut rescue = self.rescue.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, salvage)) = &*rescue
            && at.elapsed() < RESCUE_EVERY
        {
            match read(salvage).map_err(Self::salvaged)? {
                Salvaged::Moved => {}
                found => return Ok(found.found()),
            }
        }
        let salvage = start::gathered(&self.folder)?;
        let found = read(&salvage).map_err(Self::salvaged)?;
        *rescue = Some((Instant::now(), salvage));
        let found = found.found();
        if found.is_none() {
            // It is counted as lost now. Where the disk gives it back later, somebody can look for it.
            if let Err(error) = folder::ask_to_keep(&self.folder) {
                tracing::warn!(%error, "what an envelope was lost from may not be kept");
            }
        }
        Ok(found)
    }

    /// Reads without the engine. `None`: there is another one now, which is to be asked instead.
    fn read_salvage(
        salvage: &Salvage,
        read: impl Fn(&Salvage) -> io::Result<Salvaged>,
    ) -> Result<Option<Option<Envelope>>, StoreError> {
        match read(salvage).map_err(Self::salvaged)? {
            Salvaged::Moved if !salvage.is_current() => Ok(None),
            found => Ok(Some(found.found())),
        }
    }

    fn apply_part(&self, writes: &[Write]) -> Result<(), StoreError> {
        if writes.is_empty() {
            return Ok(());
        }
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let Engine::Databases { new, old } = self.engine() else {
            return Err(StoreError::NoRoom { path: self.folder.clone() });
        };
        let mut writing = self.writing();
        let target = Target::new(&new, old.as_deref(), writing.commit);
        let mut removed = Vec::new();
        for entry in writes.iter().flat_map(entry::entries) {
            if writing.entries.len() > LEDGER_PART {
                let part = std::mem::take(&mut writing.entries);
                // Of a commit that the ledger has heard of in part it counts as having heard nothing.
                writing.parts.push((target.commit.saturating_sub(1), part));
            }
            entry.encode(target.commit, &mut writing.entries);
            if entry.removes() {
                removed.push(entry);
            }
        }
        writing.keeper.stale |= !removed.is_empty();
        // Before anything goes: until the ledger is synced, this is how a start knows that it is not lost.
        for removed in removed.chunks(NOTED) {
            writing.notes += 1;
            let (key, value) = note(target.commit, writing.notes, removed);
            new.insert(Table::Records, &key, &value)?;
        }
        for write in writes {
            target.write(write, &mut writing.notes)?;
        }
        writing.live = writing.live.saturating_add_signed(target.grown.get());
        writing.gone.append(&mut target.gone.into_inner());
        Ok(())
    }

    /// Lets go of the files that were read.
    fn forget_rescue(&self) {
        *self.rescue.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn salvaged(error: std::io::Error) -> StoreError {
        StoreError::Io { doing: "reading the store", source: error }
    }
}

impl Store for SledStore {
    fn load(&self) -> Result<Loaded, StoreError> {
        if let Some(loaded) = self.found.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Ok(loaded);
        }
        match self.engine() {
            Engine::Databases { new, old } => {
                let found = reconcile::scan(&new, old.as_deref(), u64::MAX)?;
                let set_aside = self.set_aside.load(Ordering::Relaxed) + found.bad.len() as u64;
                Ok(found.loaded(set_aside))
            }
            Engine::Salvage(salvage) => Ok(reconcile::loaded_from(&salvage.state, 0)),
        }
    }

    /// No commit writes one name twice, or removes and writes it: by its commit alone it is known which of two records found
    /// in a file is the later. So what comes second is of the next commit. Where the first removed something that one is synced
    /// before: whether it happened is known of the last commit alone.
    fn apply(&self, writes: &[Write]) -> Result<(), StoreError> {
        let mut rest = writes;
        while !rest.is_empty() {
            let fitting = self.writing().fitting(rest);
            let (now, later) = rest.split_at(fitting);
            self.apply_part(now)?;
            if !later.is_empty() && !self.writing().begin_next() {
                self.commit()?;
            }
            rest = later;
        }
        Ok(())
    }

    fn commit(&self) -> Result<(), StoreError> {
        let Engine::Databases { new, .. } = self.engine() else { return Ok(()) };
        // The older one of two is never written to, and was synced.
        new.sync()?;
        let mut writing = self.writing();
        let Writing { ledger: Some(ledger), commit, parts, entries, keeper, .. } = &mut *writing
        else {
            return Ok(());
        };
        if entries.is_empty() && parts.is_empty() {
            return Ok(());
        }
        let failed = |source| StoreError::Io { doing: "writing the ledger", source };
        for (commit, part) in parts.drain(..) {
            ledger.append(commit, &part).map_err(failed)?;
        }
        self.steps.pass();
        ledger.append(*commit, entries).map_err(failed)?;
        keeper.appended = *commit;
        entries.clear();
        *commit = record::next_group(*commit);
        writing.notes = 0;
        writing.named.clear();
        Ok(())
    }

    fn envelope(&self, mailbox: &MailboxId, sequence: u64) -> Result<Option<Envelope>, StoreError> {
        let read = |salvage: &Salvage| salvage.envelope(mailbox, sequence);
        while let Engine::Salvage(salvage) = self.engine() {
            if let Some(found) = Self::read_salvage(&salvage, read)? {
                return Ok(found);
            }
        }
        let key = envelope_key(mailbox, sequence);
        match self.read(Kind::Envelope, &key)? {
            None if self.is_missed(Table::Index, &key, |_| true)? => self.rescued(read),
            found => Ok(found),
        }
    }

    fn held(&self, key: HeldKey, delivery: u8) -> Result<Option<Envelope>, StoreError> {
        let read = |salvage: &Salvage| salvage.held(key, delivery);
        while let Engine::Salvage(salvage) = self.engine() {
            if let Some(found) = Self::read_salvage(&salvage, read)? {
                return Ok(found);
            }
        }
        let record = record_key(Kind::Hold, key.id.as_bytes());
        let holds = |entry: Entry| match entry {
            Entry::Hold(hold) => hold.key == key && hold.holds(delivery),
            _ => false,
        };
        let is_held = |value: &[u8]| {
            record::parse(value).and_then(|raw| salvage::entry(&raw)).is_some_and(holds)
        };
        match self.read(Kind::Held, &held_key(key, delivery))? {
            None if self.is_missed(Table::Records, &record, is_held)? => self.rescued(read),
            found => Ok(found),
        }
    }

    fn upkeep(&self, room: Room) -> Result<Upkeep, StoreError> {
        compaction::upkeep(self, room)
    }

    fn reopened(&self) -> Option<Loaded> {
        self.reopened.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn is_writable(&self) -> bool {
        matches!(self.engine(), Engine::Databases { .. })
    }

    /// Compaction writes all that lives once more, before it deletes anything.
    fn reserve_bytes(&self) -> u64 {
        compaction::reserve(self)
    }

    /// Itself, and what has to be left so that it can be written once more.
    fn envelope_bytes(&self) -> u64 {
        folder::LIVE_ENVELOPE / 2 * 5
    }

    fn free_bytes(&self) -> Option<u64> {
        if let Engine::Databases { new, old } = self.engine() {
            new.blobs_alarm();
            for database in [Some(new), old].into_iter().flatten() {
                let _ = database.keep_reserve();
            }
            if let Some(ledger) = &self.writing().ledger {
                ledger.keep_reserve();
            }
        }
        folder::free_bytes(&self.folder)
    }
}

#[cfg(test)]
mod tests;
