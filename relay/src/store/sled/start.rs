//! Opening a sled database that may have been left in any state.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread;
use std::time::Duration;

use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use sled::Db;

use super::{Failure, SledStore, Trees, contained, engine, scan};
use crate::store::StoreError;

/// Big enough that no page ever goes to sled's `blobs/`, where nothing is synced and nothing is freed.
/// Fixed for the life of a database.
const SEGMENT: usize = 8 << 20;
/// Files never shrink: beyond this many times the live bytes they are copied at start.
const BLOAT: u64 = 4;
/// Below this nobody minds.
const BLOAT_FLOOR: u64 = 256 << 20;
/// What one envelope takes, with its index entry and sled's own.
const LIVE_ENVELOPE: u64 = 4096 + 512;

const DATABASE: &str = "sled";
const COPY: &str = "sled.copy";
const REBUILD: &str = "rebuild";
const MARK: &str = "mark";

pub(super) fn open(folder: &Path, cache_mib: u32) -> Result<SledStore, StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(io("creating its folder"))?;
    let lock = lock(folder)?;
    // A copy that was not finished, or the original that a finished one has taken the place of.
    remove_dir(&folder.join(COPY))?;
    let mut store = open_database(folder, cache_mib, lock)?;
    let rebuild = folder.join(REBUILD);
    let (mut found, whole) = store.scan()?;
    if !whole || rebuild.exists() {
        tracing::error!("the store is damaged; copying all that can be read into a new one");
        let damaged = free_name(folder, "damaged")?;
        store = copied(store, cache_mib, Some(&damaged))?;
        remove_file(&rebuild)?;
        tracing::error!(kept = %damaged.display(), "the store was rebuilt; the damaged one is kept");
        store.cut = AtomicBool::new(false);
        found = store.scan()?.0;
        found.set_aside += 1;
    } else if bloated(folder, found.envelopes.len() as u64) {
        tracing::info!("compacting the store");
        store = copied(store, cache_mib, None)?;
    }
    if found.alive_s.unwrap_or(0) < noted_mark(folder) {
        found.set_aside += 1;
        store.cut = AtomicBool::new(false);
        tracing::error!(
            "the store has lost its last writes: its file was damaged or put back from a copy; \
             clients send again what was not received"
        );
    }
    store.found = Mutex::new(Some(found));
    Ok(store)
}

/// sled takes damage in the younger part of its log for the place where a crash cut it, and silently drops
/// what follows. A mark outside it, written after the commit of the same mark inside, tells the two apart.
/// Not synced: an old one only means less is noticed.
pub(super) fn note_mark(folder: &Path, at_s: u64) -> Result<(), StoreError> {
    fs::write(folder.join(MARK), at_s.to_string()).map_err(io("noting the time"))
}

fn noted_mark(folder: &Path) -> u64 {
    let text = fs::read_to_string(folder.join(MARK)).unwrap_or_default();
    text.parse().unwrap_or(0)
}

fn lock(folder: &Path) -> Result<File, StoreError> {
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(folder.join("lock"))
        .map_err(io("opening its lock file"))?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::InUse(folder.to_owned())),
        Err(error) => Err(io("locking its folder")(error.into())),
    }
}

fn open_database(folder: &Path, cache_mib: u32, lock: File) -> Result<SledStore, StoreError> {
    let path = folder.join(DATABASE);
    let new = !path.join("db").exists();
    // A crash during sled's own start leaves one; it would be read as the newest snapshot.
    for torn in
        snapshots(&path).into_iter().filter(|name| name.to_string_lossy().ends_with("generating"))
    {
        remove_file(&torn)?;
    }
    let db = match open_sled(&path, cache_mib) {
        Ok(db) => db,
        Err(Failure::Other(error)) => return Err(error),
        Err(Failure::Damage(reason)) => {
            tracing::error!(
                reason,
                "the store did not open; trying once more without its snapshots"
            );
            let aside = free_name(folder, "snapshots")?;
            fs::create_dir(&aside).map_err(io("moving snapshots aside"))?;
            for snapshot in snapshots(&path) {
                if let Some(name) = snapshot.file_name() {
                    fs::rename(&snapshot, aside.join(name))
                        .map_err(io("moving snapshots aside"))?;
                }
            }
            open_sled(&path, cache_mib).map_err(|failure| match failure {
                Failure::Other(error) => error,
                Failure::Damage(reason) => StoreError::Damaged { path: path.clone(), reason },
            })?
        }
    };
    let trees = Trees::open(&db).map_err(engine("opening"))?;
    let file =
        OpenOptions::new().write(true).open(path.join("db")).map_err(io("opening its file"))?;
    if new {
        db.flush().map_err(engine("flushing"))?;
        file.sync_all().map_err(io("syncing"))?;
        sync_dir(&path)?;
        sync_dir(folder)?;
    }
    blobs_alarm(folder);
    Ok(SledStore {
        db,
        trees,
        file,
        folder: folder.to_owned(),
        found: Mutex::new(None),
        set_aside: AtomicU64::new(0),
        marked: AtomicU64::new(0),
        cut: AtomicBool::new(true),
        _lock: lock,
    })
}

fn open_sled(path: &Path, cache_mib: u32) -> Result<Db, Failure> {
    wait_for_sled(&path.join("db"));
    contained(|| {
        sled::Config::new()
            .path(path)
            .segment_size(SEGMENT)
            .cache_capacity(u64::from(cache_mib) << 20)
            // Not `None`: sled collects its garbage only in this thread.
            .flush_every_ms(Some(500))
            .open()
    })
}

/// sled's threads hold its file's lock for a moment after it is dropped. The folder's lock is ours, so nobody
/// else can have it. Should it last, sled's own refusal tells.
fn wait_for_sled(file: &Path) {
    let Ok(file) = File::open(file) else { return };
    for _ in 0..100 {
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Copies everything readable into a new database and puts that in the old one's place, in one step. The
/// old one is kept as `keep`, or removed.
fn copied(old: SledStore, cache_mib: u32, keep: Option<&Path>) -> Result<SledStore, StoreError> {
    let folder = old.folder.clone();
    let copy = folder.join(COPY);
    let new = open_sled(&copy, cache_mib).map_err(|failure| match failure {
        Failure::Other(error) => error,
        Failure::Damage(reason) => StoreError::Damaged { path: copy.clone(), reason },
    })?;
    let new_trees = Trees::open(&new).map_err(engine("copying"))?;
    for (from, to) in old.trees.all().into_iter().zip(new_trees.all()) {
        let mut failed = None;
        scan(from, &mut |key, value| {
            if failed.is_none() {
                failed = to.insert(key, value).err();
            }
        })?;
        if let Some(error) = failed {
            return Err(engine("copying")(error));
        }
    }
    new.flush().map_err(engine("copying"))?;
    File::open(copy.join("db")).and_then(|file| file.sync_all()).map_err(io("copying"))?;
    sync_dir(&copy)?;
    drop((new_trees, new));
    let SledStore { db, trees, file, _lock: lock, .. } = old;
    drop((trees, db, file));
    renameat_with(CWD, folder.join(DATABASE), CWD, &copy, RenameFlags::EXCHANGE)
        .map_err(|error| io("putting the copy in place")(error.into()))?;
    sync_dir(&folder)?;
    match keep {
        Some(name) => fs::rename(&copy, name).map_err(io("keeping the damaged store"))?,
        None => remove_dir(&copy)?,
    }
    open_database(&folder, cache_mib, lock)
}

fn bloated(folder: &Path, envelopes: u64) -> bool {
    let size = fs::metadata(folder.join(DATABASE).join("db")).map_or(0, |file| file.blocks() * 512);
    size > BLOAT_FLOOR.max(BLOAT * envelopes * LIVE_ENVELOPE)
}

/// Leaves word for the next start: a page could not be read.
pub(super) fn ask_for_rebuild(folder: &Path) {
    if let Err(error) = File::create(folder.join(REBUILD)) {
        tracing::error!(%error, "could not leave word that the store needs rebuilding");
    }
}

/// sled's `blobs/` must stay empty: nothing in it is synced.
pub(super) fn blobs_alarm(folder: &Path) {
    let blobs = folder.join(DATABASE).join("blobs");
    if fs::read_dir(blobs).is_ok_and(|mut entries| entries.next().is_some()) {
        tracing::error!(
            "the store has written to blobs/, which is not durable: report this as a defect"
        );
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

/// `prefix.1`, or the first number that is free.
fn free_name(folder: &Path, prefix: &str) -> Result<PathBuf, StoreError> {
    let names = (1..10_000).map(|number| folder.join(format!("{prefix}.{number}")));
    names.into_iter().find(|path| !path.exists()).ok_or_else(|| StoreError::Damaged {
        path: folder.to_owned(),
        reason: format!("it was repaired too often; remove {prefix}.* there"),
    })
}

fn sync_dir(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(io("syncing its folder"))
}

fn remove_file(path: &Path) -> Result<(), StoreError> {
    gone(fs::remove_file(path))
}

fn remove_dir(path: &Path) -> Result<(), StoreError> {
    gone(fs::remove_dir_all(path))
}

fn gone(removed: io::Result<()>) -> Result<(), StoreError> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io("removing leftovers")(error))
        }
        _ => Ok(()),
    }
}

fn io(doing: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::Io { doing, source }
}
