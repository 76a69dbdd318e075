//! Opening a store that may have been left in any state.

use std::cell::Cell;
use std::collections::HashSet;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::compaction::{Compact, Compaction};
use super::database::{self, Database, Failure, Table, sync_folder};
use super::keeper::{self, Keeper};
use super::log;
use super::reconcile::{self, Found, Plan};
use super::salvage::Salvage;
use super::steps::Steps;
use super::{Engine, SledStore, Writing, folder};
use crate::limits::LEDGER_PART;
use crate::store::entry::State;
use crate::store::ledger::{self, Ledger, Reading};
use crate::store::record::{self, Raw, envelope_key};
use crate::store::{Loaded, Room, Store as _, StoreError, Write};

pub(super) fn open(folder: &Path, cache_mib: u32, steps: &Steps) -> Result<SledStore, StoreError> {
    if !folder.exists() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(io("creating its folder"))?;
        folder.parent().map_or(Ok(()), sync_folder)?;
    }
    let lock = folder::lock(folder)?;
    let Ready { engine, writing, loaded, writes, findings } = ready(folder, cache_mib, steps)?;
    let store = SledStore {
        folder: folder.to_owned(),
        cache_mib,
        engine: RwLock::new(engine),
        found: Mutex::new(None),
        reopened: Mutex::new(None),
        writing: Mutex::new(writing),
        findings,
        set_aside: AtomicU64::new(0),
        rescue: Mutex::new(None),
        steps: steps.clone(),
        _lock: lock,
    };
    if store.is_writable() {
        settled(&store, &writes)?;
    }
    *store.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(loaded);
    for damaged in folder::numbered(folder, folder::DAMAGED)? {
        tracing::warn!(
            folder = %damaged.display(),
            "a damaged database is kept for whoever looks for what was lost; delete it when nobody needs it: it still holds \
             mail that was received"
        );
    }
    Ok(store)
}

/// Writes what a start has found to be written, which it counts already. `false`: there was no room for it, and the store is
/// only read.
fn settled(store: &SledStore, writes: &[Write]) -> Result<bool, StoreError> {
    let live = store.writing().live;
    let written = store.apply(writes).and_then(|()| store.commit());
    if written.as_ref().is_err_and(StoreError::is_full) {
        // The engine writes to what is read here until it is closed; until then, readers wait.
        let moved = Arc::new(Salvage::default());
        let waiting = moved.paused();
        store.set_engine(Engine::Salvage(moved.clone()));
        *store.writing() = Writing::none();
        let (salvage, done) = match gathered_alone(&store.folder) {
            Ok(salvage) => (salvage, Ok(false)),
            Err(error) => (Salvage::over(), Err(error)),
        };
        store.set_engine(Engine::Salvage(Arc::new(salvage)));
        drop(waiting);
        return done;
    }
    written?;
    store.writing().live = live;
    folder::remove_suspects(&store.folder, &store.steps)?;
    Ok(true)
}

/// Opens the databases of a store that was only read so far, if there is room now. What is in memory stays true: all
/// that could be read is there.
pub(super) fn reopen(store: &SledStore) -> Result<bool, StoreError> {
    // They may be what fills the disk.
    folder::clear_leftovers(&store.folder, &store.steps)?;
    if folder::has_no_room_to_open(&store.folder) {
        return Ok(false);
    }
    if !store.writing().compaction.may_begin() {
        return Ok(false);
    }
    let Engine::Salvage(salvage) = store.engine() else { return Ok(false) };
    let start = start(&store.folder, store.cache_mib, &store.steps)?;
    // The engine writes to what is read there as soon as it is opened.
    let mut is_current = salvage.paused();
    match start.opened() {
        Ok(Ready { engine, writing, loaded, writes, .. }) => {
            *store.writing() = writing;
            store.set_engine(engine);
            *is_current = false;
            drop(is_current);
            if !settled(store, &writes)? {
                store.writing().compaction = Compaction::later();
                return Ok(false);
            }
            store.set_reopened(loaded);
            tracing::info!("there is room for the store again");
            Ok(true)
        }
        Err(StoreError::NoRoom { .. }) if !start.touched.get() => {
            store.writing().compaction = Compaction::later();
            Ok(false)
        }
        // It took what there was, and that was not enough.
        Err(error) if error.is_full() => {
            store.set_engine(Engine::Salvage(Arc::new(gathered_alone(&store.folder)?)));
            *is_current = false;
            store.writing().compaction = Compaction::later();
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

const LEDGER_UNKNOWN: &str = "the ledger of the store is missing or damaged: what else may be lost cannot be known; \
     clients send again what was not received";

mod rebuild;

/// What a store works with.
struct Ready {
    engine: Engine,
    writing: Writing,
    loaded: Loaded,
    /// To be applied before anything else.
    writes: Vec<Write>,
    findings: Findings,
}

/// What a start has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The ledger is whole, and says everything that the store should have.
    pub ledger: bool,
    /// The database was damaged, or did not open, and was made anew of what can be read.
    pub rebuilt: bool,
    /// Records of mailboxes and holds that were lost or older, and were taken from the ledger.
    pub restored: u64,
    /// Envelopes that were accepted and are lost.
    pub envelopes: u64,
    /// Holds that are lost.
    pub holds: u64,
    /// Single records that did not check out.
    pub bad: u64,
}

fn ready(folder: &Path, cache_mib: u32, steps: &Steps) -> Result<Ready, StoreError> {
    let start = start(folder, cache_mib, steps)?;
    match start.opened() {
        Err(error) if error.is_full() => start.salvaged(),
        opened => opened,
    }
}

fn start<'a>(folder: &'a Path, cache_mib: u32, steps: &'a Steps) -> Result<Start<'a>, StoreError> {
    let reading = ledger::read(folder).map_err(io("reading the ledger"))?;
    Ok(Start { folder, cache_mib, steps, reading, touched: Cell::new(false) })
}

/// What a start goes by.
struct Start<'a> {
    folder: &'a Path,
    cache_mib: u32,
    steps: &'a Steps,
    reading: Reading,
    /// The engine was asked to open its files: it may have written to them.
    touched: Cell<bool>,
}

/// The databases of a store, as they were found.
struct Opened {
    new: Database,
    old: Option<Database>,
    found: Found,
}

impl Start<'_> {
    /// With its databases. An error that [is one of a full disk](StoreError::is_full) leaves all as it was.
    fn opened(&self) -> Result<Ready, StoreError> {
        let (folder, steps) = (self.folder, self.steps);
        // Deleting gives room, and needs none.
        folder::clear_leftovers(folder, steps)?;
        let paths = folder::databases(folder)?;
        if !paths.is_empty() && folder::has_no_room_to_open(folder) {
            return Err(StoreError::NoRoom { path: folder.to_owned() });
        }
        let paths = folder::named(folder, paths, steps)?;
        if let Some(reason) = self.damage(&paths)? {
            return self.rebuilt(reason);
        }
        match self.open(&paths) {
            Ok(opened) => {
                let reason = if !opened.found.whole {
                    "a page cannot be read"
                } else if !opened.found.bad_is_known(&self.reading.state) {
                    folder::ask_to_keep(self.folder)?;
                    "a record that its ledger does not know does not check out"
                } else {
                    return self.checked(opened);
                };
                drop(opened);
                self.rebuilt(reason)
            }
            Err(Failure::Damage(reason)) => self.rebuilt(&reason),
            Err(Failure::Other(error)) => Err(error),
        }
    }

    fn open(&self, paths: &[PathBuf]) -> Result<Opened, Failure> {
        self.touched.set(true);
        let open = |path: &Path| Database::open(path, self.cache_mib, self.steps);
        let (old, newest) = match paths {
            [] => (None, self.folder.join(folder::DATABASE)),
            [only] => (None, only.clone()),
            [old, new] => (Some(old), new.clone()),
            _ => return Err(Failure::Damage("there are more than two databases".to_owned())),
        };
        let old = old.map(|path| open(path)).transpose()?;
        // What is copied next goes by it. A process that was killed has not synced all that is read now.
        old.as_ref().map_or(Ok(()), Database::sync).map_err(Failure::Other)?;
        let new = match paths {
            [] => Database::make(&newest, self.cache_mib, self.steps)?,
            _ => open(&newest)?,
        };
        let found =
            reconcile::scan(&new, old.as_ref(), self.reading.commit).map_err(Failure::Other)?;
        Ok(Opened { new, old, found })
    }

    /// Compares with the ledger, and goes on with what that says.
    fn checked(&self, opened: Opened) -> Result<Ready, StoreError> {
        let (folder, steps) = (self.folder, self.steps);
        let Opened { new, old, found } = opened;
        for (_, key, value) in &found.bad {
            tracing::error!(
                "a record did not check out and was set aside; the disk or memory of this machine may be failing"
            );
            new.insert(Table::Aside, key, value)?;
        }
        let gone = found.gone.iter().cloned().collect();
        let bad: Vec<_> = found.bad.iter().map(|(table, key, _)| (*table, key.clone())).collect();
        let copied = found.copied.clone();
        let plan = found.compare(&self.reading, &new, old.as_ref())?;
        self.report(&plan);
        let is_lost = plan.lost != (0, 0) || plan.in_doubt;
        if !plan.covered || is_lost || folder::keeping_asked(folder) {
            folder::keep_suspects(folder, steps)?;
        }
        let findings = Findings {
            ledger: plan.covered,
            rebuilt: false,
            restored: plan.restored,
            envelopes: plan.lost.0,
            holds: plan.lost.1,
            bad: bad.len() as u64,
        };
        for (table, key) in bad {
            // What the ledger knows of it is written again below.
            new.remove(table, &key)?;
        }
        let Plan { unindexed, writes, unrecorded, loaded, commit, covered, in_doubt, .. } = plan;
        for stored in &unindexed {
            let key = envelope_key(&stored.mailbox, stored.sequence);
            new.insert(Table::Index, &key, &record::index_value(&key, stored))?;
        }
        steps.pass();
        let (mut entries, mut state) = (Vec::new(), State::default());
        for (version, entry) in &unrecorded {
            entry.encode(*version, &mut entries);
        }
        let held = loaded.holds.iter().map(|hold| hold.held().count() as u64).sum::<u64>();
        let live = loaded.envelopes.len() as u64 + held;
        let is_good = entries.len() < LEDGER_PART && self.reading.len > 0;
        // A process that does not live for long would never rewrite it.
        let lives = self.reading.state.ledger_bytes();
        let is_long = keeper::is_to_be_rewritten(self.reading.len, lives)
            && keeper::has_room(folder::free_bytes(folder), lives, Room::Enough);
        // What is in doubt is listed on the disk before it can be rebuilt: what then is not found is counted.
        let (ledger, appended) = if covered && is_good && !is_long && !in_doubt {
            (Ledger::resume(folder, self.reading.len), self.reading.commit)
        } else {
            if covered {
                state = self.reading.state.clone();
            }
            entries.clear();
            for (version, entry) in unrecorded {
                state.take(version, entry);
            }
            (Ledger::create(folder, commit, &state), commit)
        };
        let ledger = ledger.map_err(io("opening the ledger"))?;
        if in_doubt {
            tracing::error!(
                "envelopes of the store cannot be read; it will be rebuilt at the next start"
            );
            folder::ask_for_rebuild(folder);
        }
        let compaction = match &old {
            Some(_) => Compaction::Copying(copied),
            None => Compaction::at_start(),
        };
        let writing = Writing {
            ledger: Some(ledger),
            commit: record::next_group(commit),
            parts: Vec::new(),
            entries,
            notes: 0,
            named: HashSet::new(),
            live,
            compact: Compact::default(),
            gone,
            keeper: Keeper::new(appended),
            compaction,
        };
        let engine = Engine::Databases { new: Arc::new(new), old: old.map(Arc::new) };
        Ok(Ready { engine, writing, loaded, writes, findings })
    }

    fn report(&self, plan: &Plan) {
        if !plan.covered {
            tracing::error!("{LEDGER_UNKNOWN}");
        }
        if plan.restored > 0 {
            tracing::error!(
                records = plan.restored,
                "the store had lost or older records, which were taken from its ledger: its disk may be failing, or it \
                 was put back from a copy"
            );
        }
        let (envelopes, holds) = plan.lost;
        if envelopes > 0 || holds > 0 {
            tracing::error!(
                envelopes,
                holds,
                "the store has lost what was accepted: its disk may be failing, or it was put back from a copy; owners of \
                 the mailboxes and holds are told"
            );
        }
    }

    /// Why sled would lose something that the ledger says lives.
    fn damage(&self, paths: &[PathBuf]) -> Result<Option<&'static str>, StoreError> {
        // What a damaged ledger lists may have gone since.
        let lives = |raw: &Raw<'_>| !self.reading.is_damaged && self.reading.state.lists(raw);
        for path in paths.iter().filter(|path| Database::is_in(path)) {
            let file = Database::file_in(path);
            let snapshot = Database::snapshot_lsn(path);
            let damage = log::damage(&file, snapshot, self.reading.commit, &lives);
            if let Some(reason) = damage.map_err(io("reading the store"))? {
                return Ok(Some(reason));
            }
        }
        Ok(folder::rebuild_asked(self.folder).then_some("a page of it could not be read"))
    }

    /// Reads, and writes nothing, until there is room.
    fn salvaged(&self) -> Result<Ready, StoreError> {
        tracing::error!(
            mebibytes = folder::OPEN_ROOM >> 20,
            "the disk has no room to open the store: what it holds is served, nothing new is taken in; make at least so \
             much room on it, no restart is needed"
        );
        let salvage = gathered_alone(self.folder)?;
        let loaded = reconcile::loaded_from(&salvage.state, 0);
        let ledger = self.reading.commit >= salvage.purged;
        if !ledger {
            tracing::error!("{LEDGER_UNKNOWN}");
        }
        let engine = Engine::Salvage(Arc::new(salvage));
        let findings = Findings { ledger, ..Findings::default() };
        Ok(Ready { engine, writing: Writing::none(), loaded, writes: Vec::new(), findings })
    }
}

/// What can be read in `folder` without an engine, according to its ledger as it is now.
pub(super) fn gathered(folder: &Path) -> Result<Salvage, StoreError> {
    gather(&folder::databases(folder)?, &ledger::read(folder).map_err(io("reading the ledger"))?)
}

/// The same, once the engine has let go of its files.
fn gathered_alone(folder: &Path) -> Result<Salvage, StoreError> {
    for path in folder::databases(folder)? {
        database::wait_for_sled(&Database::file_in(&path));
    }
    gathered(folder)
}

pub(super) fn gather(paths: &[PathBuf], reading: &Reading) -> Result<Salvage, StoreError> {
    let files: Vec<PathBuf> =
        paths.iter().map(|path| Database::file_in(path)).filter(|path| path.exists()).collect();
    Salvage::gather(&files, reading.state.clone(), reading.commit).map_err(io("reading the store"))
}

/// Damage where nothing else is left to try.
pub(super) fn or_damaged(path: &Path) -> impl Fn(Failure) -> StoreError {
    let path = path.to_owned();
    move |failure| match failure {
        Failure::Other(error) => error,
        Failure::Damage(reason) => {
            // If the process ends with this, the next one does not meet it again.
            if let Some(folder) = path.parent().filter(|_| Database::is_in(&path)) {
                folder::ask_for_rebuild(folder);
            }
            StoreError::Damaged { path: path.clone(), reason }
        }
    }
}

fn io(doing: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::Io { doing, source }
}
