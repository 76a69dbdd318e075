//! One sled database. This file and `log.rs` are the only ones that know sled; what it needs to be trustworthy is written beside each
//! call.

use std::any::Any;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::MetadataExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{FallocateFlags, FlockOperation, fallocate, flock};
use sled::{Db, Tree};

use super::steps::Steps;
use super::{folder, log};
use crate::store::{StoreError, is_full, ledger};

/// Big enough that no page ever goes to sled's `blobs/`, where nothing is synced and nothing is freed.
/// Fixed for the life of a database.
pub(super) const SEGMENT: usize = 8 << 20;
/// Whole segments beyond the end of its file that are sled's already: something else may fill the disk at any moment, and
/// sled does not survive a write that fails. What waits for the writer then, and what sled moves by itself, fits.
const RESERVED: u64 = 2;

/// Changes without a sync between two looks whether a segment is full: sled writes 4 MiB for so many, half a segment, at most. A
/// look reads the head of every segment, so it must not come with every commit.
const LOOK_EVERY: u32 = 256;
/// The same of what sled writes by itself.
const LOOK_AFTER: Duration = Duration::from_millis(100);

/// Bytes of a key or a value.
pub(super) type Value = sled::IVec;

/// A database that is being made.
pub(super) const MAKING: &str = "making";

/// The trees of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Table {
    /// Mailboxes, holds, marks, and notes of what commits removed until the ledger is synced; small.
    Records,
    /// One short entry per envelope in a mailbox.
    Index,
    /// The ciphertext, also of holds.
    Envelopes,
    /// Raw records that did not check out, under their old keys. For whoever investigates.
    Aside,
}

impl Table {
    /// In the order in which they are copied.
    pub(super) const ALL: [Self; 4] = [Self::Envelopes, Self::Index, Self::Records, Self::Aside];

    fn name(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Index => "index",
            Self::Envelopes => "envelopes",
            Self::Aside => "aside",
        }
    }
}

/// A sled database in a folder of its own.
pub(super) struct Database {
    db: Db,
    records: Tree,
    index: Tree,
    envelopes: Tree,
    aside: Tree,
    /// Second handle on sled's file: `flush()` writes and asks for nothing more; this one's `fdatasync` is what makes
    /// it durable.
    file: File,
    path: PathBuf,
    /// Something was written since the last sync.
    dirty: AtomicBool,
    /// When its file had been written to at the last look, and the newest segment of its log then, which is synced.
    looked: Mutex<(Option<SystemTime>, u64)>,
    /// Changes since the last sync.
    changes: AtomicU32,
    /// When somebody last looked because of what sled writes by itself.
    looked_at: Mutex<Option<Instant>>,
    steps: Steps,
}

/// What a call into sled can end in besides success.
#[derive(Debug)]
pub(super) enum Failure {
    /// What is on disk makes no sense to sled: it says so, or it panics.
    Damage(String),
    /// Anything else.
    Other(StoreError),
}

impl Database {
    /// Whether there is one in `path`.
    pub(super) fn is_in(path: &Path) -> bool {
        path.join("db").exists()
    }

    /// sled's file in `path`.
    pub(super) fn file_in(path: &Path) -> PathBuf {
        path.join("db")
    }

    /// Up to where the newest snapshot in `path` has sled's log. 0: there is none.
    pub(super) fn snapshot_lsn(path: &Path) -> u64 {
        let names = snapshots(path).into_iter().filter_map(|path| {
            let name = path.file_name()?.to_str()?.strip_prefix("snap.")?;
            u64::from_str_radix(name, 16).ok()
        });
        names.max().unwrap_or(0)
    }

    /// Opens or makes the database in `path`, repairing what a crash during sled's own start may have left.
    /// `cache_mib` bounds the memory for pages.
    pub(super) fn open(path: &Path, cache_mib: u32, steps: &Steps) -> Result<Self, Failure> {
        let new = !Self::is_in(path);
        // A crash during sled's own start leaves one; it would be read as the newest snapshot.
        for torn in snapshots(path)
            .into_iter()
            .filter(|name| name.to_string_lossy().ends_with("generating"))
        {
            steps.pass();
            fs::remove_file(&torn).map_err(failed("removing a torn snapshot"))?;
        }
        if !new {
            let file = OpenOptions::new().write(true).open(Self::file_in(path));
            let reserved = file.and_then(|file| reserve(&file));
            reserved.map_err(failed("taking room for the store"))?;
        }
        steps.pass();
        let db = match open_sled(path, cache_mib) {
            Ok(db) => db,
            Err(Failure::Other(error)) => return Err(Failure::Other(error)),
            Err(Failure::Damage(reason)) => {
                let file = Self::file_in(path);
                if !log::is_whole_without_snapshot(&file).map_err(failed("reading the store"))? {
                    return Err(Failure::Damage(reason));
                }
                tracing::error!(
                    reason,
                    "the store did not open; trying once more without its snapshots"
                );
                for snapshot in snapshots(path) {
                    steps.pass();
                    fs::remove_file(&snapshot).map_err(failed("removing a snapshot"))?;
                }
                open_sled(path, cache_mib)?
            }
        };
        #[cfg(test)]
        steps.watch(path, &db);
        let tree = |table: Table| contained(|| db.open_tree(table.name()));
        let (records, index) = (tree(Table::Records)?, tree(Table::Index)?);
        let (envelopes, aside) = (tree(Table::Envelopes)?, tree(Table::Aside)?);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(Self::file_in(path))
            .map_err(failed("opening its file"))?;
        let (path, dirty) = (path.to_owned(), AtomicBool::new(true));
        let (looked, changes, steps) = (Mutex::default(), AtomicU32::default(), steps.clone());
        let looked_at = Mutex::default();
        let this = Self {
            db,
            records,
            index,
            envelopes,
            aside,
            file,
            path,
            dirty,
            looked,
            changes,
            looked_at,
            steps,
        };
        if new {
            reserve(&this.file).map_err(failed("taking room for the store"))?;
            this.settle().map_err(Failure::Other)?;
        }
        this.steps.pass();
        this.blobs_alarm();
        Ok(this)
    }

    /// Makes a database in `path`, where there is none: elsewhere first, so that under its name it is whole.
    pub(super) fn make(path: &Path, cache_mib: u32, steps: &Steps) -> Result<Self, Failure> {
        let parent = path.parent().unwrap_or(path);
        let unfinished = parent.join(MAKING);
        folder::remove_dir(&unfinished).map_err(Failure::Other)?;
        Self::open(&unfinished, cache_mib, steps)?.close();
        steps.pass();
        fs::rename(&unfinished, path).map_err(failed("naming a new database"))?;
        sync_folder(parent).map_err(Failure::Other)?;
        Self::open(path, cache_mib, steps)
    }

    /// Makes a new database durable, with its names: sled syncs neither its `conf` nor a folder.
    fn settle(&self) -> Result<(), StoreError> {
        self.sync()?;
        self.steps.pass();
        File::open(self.path.join("conf"))
            .and_then(|conf| conf.sync_all())
            .map_err(|source| StoreError::Io { doing: "syncing a new database", source })?;
        sync_folder(&self.path)?;
        self.path.parent().map_or(Ok(()), sync_folder)
    }

    /// Ends the use of this database.
    pub(super) fn close(self) {
        #[cfg(test)]
        self.steps.unwatch(&self.path);
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of its file, without what is reserved.
    pub(super) fn size(&self) -> u64 {
        self.file.metadata().map_or(0, |file| file.len())
    }

    /// Takes room for what comes next, if there is some. Where there is none, nothing new is to be taken in. Where the file system
    /// keeps nothing in reserve, as much has to be free.
    pub(super) fn keep_reserve(&self) -> bool {
        match reserve(&self.file) {
            Ok(Reserved::Kept) => true,
            Ok(Reserved::NotHere) => is_enough(folder::free_bytes(&self.path)),
            Err(_) => false,
        }
    }

    /// Sets a value. sled's single-key operations are atomic.
    pub(super) fn insert(&self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.steps.pass();
        self.dirty.store(true, Ordering::Relaxed);
        self.writing(|| self.tree(table).insert(key, value))?;
        self.changed()
    }

    /// Removes a value. Whether there was one.
    pub(super) fn remove(&self, table: Table, key: &[u8]) -> Result<bool, StoreError> {
        self.steps.pass();
        self.dirty.store(true, Ordering::Relaxed);
        let was_there = self.writing(|| self.tree(table).remove(key))?.is_some();
        self.changed()?;
        Ok(was_there)
    }

    /// Several changes in one step, `None` for what goes. A batch takes a lock of the whole database: only for what
    /// needs it.
    pub(super) fn batch(
        &self,
        table: Table,
        changes: &[(&[u8], Option<&[u8]>)],
    ) -> Result<(), StoreError> {
        self.steps.pass();
        self.dirty.store(true, Ordering::Relaxed);
        let mut batch = sled::Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(*key, *value),
                None => batch.remove(*key),
            }
        }
        self.writing(|| self.tree(table).apply_batch(batch.clone()))?;
        self.changed()
    }

    /// The value of a key.
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Value>, Failure> {
        contained(|| self.tree(table).get(key))
    }

    /// Up to `count` values whose keys begin with `prefix` and come after `after`, in order.
    pub(super) fn page(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        count: usize,
    ) -> Result<Vec<(Value, Value)>, Failure> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let from = after.map_or(Included(prefix), Excluded);
        contained(|| {
            self.tree(table)
                .range::<&[u8], _>((from, Unbounded))
                .take_while(|item| item.as_ref().map_or(true, |(key, _)| key.starts_with(prefix)))
                .take(count)
                .collect()
        })
    }

    /// Visits all of a table that can be read: forward up to the first unreadable page, then backward up to the
    /// last. `Ok(false)` if there was one.
    pub(super) fn scan(
        &self,
        table: Table,
        visit: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<bool, StoreError> {
        let tree = self.tree(table);
        let mut last = Vec::new();
        let forward = contained(|| {
            for item in tree.iter() {
                let (key, value) = item?;
                visit(&key, &value);
                last = key.to_vec();
            }
            Ok(())
        });
        match forward {
            Ok(()) => return Ok(true),
            Err(Failure::Damage(reason)) => {
                tracing::error!(reason, "a page of the store cannot be read");
            }
            Err(Failure::Other(error)) => return Err(error),
        }
        let backward = contained(|| {
            for item in tree.iter().rev() {
                let (key, value) = item?;
                if key.as_ref() <= last.as_slice() {
                    break;
                }
                visit(&key, &value);
            }
            Ok(())
        });
        match backward {
            Ok(()) | Err(Failure::Damage(_)) => Ok(false),
            Err(Failure::Other(error)) => Err(error),
        }
    }

    /// Makes durable whatever was written before. `flush` hands everything to the kernel; `fdatasync` on the same
    /// file makes it survive a power cut. Never `flush_async`: it deadlocks under load.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        if !self.dirty.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        self.changes.store(0, Ordering::Relaxed);
        self.steps.pass();
        self.db.flush().map_err(|error| match error {
            sled::Error::Io(source) => StoreError::Io { doing: "flushing", source },
            other => StoreError::Engine { doing: "flushing", reason: other.to_string() },
        })?;
        self.steps.pass();
        self.file
            .sync_data()
            .map_err(|source| StoreError::Io { doing: "syncing the store", source })
    }

    /// sled writes over a segment once all of it has been written again elsewhere, two or three segments of its log later, and
    /// takes for durable what the kernel has. A power cut could leave what was written over, and not what was written
    /// elsewhere. So each segment is synced once it is full. Mostly this is one look at the age of the file.
    pub(super) fn keep_up(&self) -> Result<(), StoreError> {
        let written = self.file.metadata().and_then(|file| file.modified()).ok();
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if written.is_some() && looked.0 == written {
            return Ok(());
        }
        let newest = log::newest_segment(&self.file)
            .map_err(|source| StoreError::Io { doing: "reading the store", source })?;
        if newest != looked.1 {
            self.dirty.store(true, Ordering::Relaxed);
            self.sync()?;
        }
        *looked = (written, newest);
        Ok(())
    }

    /// The same for what sled writes by itself, which is little: not with every commit.
    pub(super) fn keep_up_at_times(&self) -> Result<(), StoreError> {
        let mut looked_at = self.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        if looked_at.is_some_and(|at| at.elapsed() < LOOK_AFTER) {
            return Ok(());
        }
        *looked_at = Some(Instant::now());
        self.keep_up()
    }

    fn changed(&self) -> Result<(), StoreError> {
        if (self.changes.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(LOOK_EVERY) {
            return self.keep_up();
        }
        Ok(())
    }

    /// sled's `blobs/` must stay empty: nothing in it is synced.
    pub(super) fn blobs_alarm(&self) {
        let blobs = self.path.join("blobs");
        if fs::read_dir(blobs).is_ok_and(|mut entries| entries.next().is_some()) {
            tracing::error!(
                "the store has written to blobs/, which is not durable: report this as a defect"
            );
        }
    }

    /// A write that meets a page that cannot be read ends the process, and has the next one rebuild the store.
    fn writing<T>(&self, call: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
        contained(call).map_err(|failure| match failure {
            Failure::Other(error) => error,
            Failure::Damage(reason) => {
                if let Some(folder) = self.path.parent() {
                    folder::ask_for_rebuild(folder);
                }
                StoreError::Engine { doing: "writing to a damaged page", reason }
            }
        })
    }

    fn tree(&self, table: Table) -> &Tree {
        match table {
            Table::Records => &self.records,
            Table::Index => &self.index,
            Table::Envelopes => &self.envelopes,
            Table::Aside => &self.aside,
        }
    }
}

#[cfg(test)]
impl Database {
    /// The newest segment when one was last synced because it was full.
    pub(super) fn synced_segment(&self) -> u64 {
        self.looked.lock().unwrap().1
    }

    /// Whether nothing was written since the last sync.
    pub(super) fn is_synced(&self) -> bool {
        !self.dirty.load(Ordering::Relaxed)
    }

    /// Hands all to the kernel, as sled does by itself after a while.
    pub(super) fn flush(&self) {
        self.db.flush().unwrap();
    }
}

/// What became of room behind the end of a file.
#[derive(Debug, PartialEq, Eq)]
enum Reserved {
    /// It is sled's.
    Kept,
    /// This file system cannot.
    NotHere,
}

/// Whether so many free bytes are as much as would be kept in reserve; `None`: nobody knows.
fn is_enough(free: Option<u64>) -> bool {
    free.is_none_or(|free| free >= (1 + RESERVED) * SEGMENT as u64)
}

/// Allocates what comes behind the end of sled's file, whose length stays.
fn reserve(file: &File) -> std::io::Result<Reserved> {
    let (metadata, segment) = (file.metadata()?, SEGMENT as u64);
    let from = metadata.len() / segment * segment;
    let to = from + (1 + RESERVED) * segment;
    if metadata.blocks() * 512 >= to {
        return Ok(Reserved::Kept);
    }
    match fallocate(file, FallocateFlags::KEEP_SIZE, from, to - from) {
        Ok(()) => Ok(Reserved::Kept),
        Err(rustix::io::Errno::OPNOTSUPP) => Ok(Reserved::NotHere),
        Err(error) => Err(error.into()),
    }
}

fn open_sled(path: &Path, cache_mib: u32) -> Result<Db, Failure> {
    wait_for_sled(&Database::file_in(path));
    contained(|| {
        sled::Config::new()
            .path(path)
            .segment_size(SEGMENT)
            // For a while there are two.
            .cache_capacity((u64::from(cache_mib) << 20) / 2)
            // Not `None`: sled collects its garbage only in this thread.
            .flush_every_ms(Some(500))
            .open()
    })
}

/// sled's threads hold its file's lock for a moment after it is dropped. The folder's lock is ours, so nobody
/// else can have it. Should it last, sled's own refusal tells.
pub(super) fn wait_for_sled(file: &Path) {
    let Ok(file) = File::open(file) else { return };
    for _ in 0..250 {
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn snapshots(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snap."))
        })
        .collect()
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| StoreError::Io { doing: "syncing its folder", source })
}

/// Calls into sled where it reads what may be damaged; its panics end here.
pub(super) fn contained<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        // What sled itself calls input or output without a system call: its file ends too early, or makes no sense. A sector
        // that cannot be read is damage, too: what else is in the file can be.
        Ok(Err(sled::Error::Io(source))) if is_refusal(&source) => {
            Err(Failure::Other(StoreError::Io { doing: "working on the store", source }))
        }
        Ok(Err(error)) => Err(Failure::Damage(error.to_string())),
        Err(panic) => Err(Failure::Damage(format!("sled stopped: {}", words(panic.as_ref())))),
    }
}

/// Whether the system refuses, and not the disk to read.
fn is_refusal(error: &std::io::Error) -> bool {
    (error.raw_os_error().is_some() && !ledger::is_unreadable(error)) || is_full(error)
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given")
}

fn failed(doing: &'static str) -> impl Fn(std::io::Error) -> Failure {
    move |source| Failure::Other(StoreError::Io { doing, source })
}
