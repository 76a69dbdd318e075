//! The folder of a store: its databases, its lock, its leftovers, the room on its disk.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use super::database::{MAKING, sync_folder};
use super::repair;
use super::steps::Steps;
use crate::store::{StoreError, ledger};

pub(super) const DATABASE: &str = "sled";
/// A database that is being rebuilt.
pub(super) const REBUILDING: &str = "rebuilding";
/// Before the number of one that was damaged, and is kept.
pub(super) const DAMAGED: &str = "damaged";
/// Before the number of one that was made anew, until it is known whether anything was lost.
pub(super) const SUSPECT: &str = "suspect";
/// What one envelope takes, with its index entry and sled's own.
pub(super) const LIVE_ENVELOPE: u64 = 4096 + 512;
/// sled writes when it opens: it clears the end of its log, one segment, and writes a snapshot. Below this it would
/// meet a full disk.
pub(super) const OPEN_ROOM: u64 = 16 << 20;
/// What a new database takes before anything is in it: its first segment, and what it keeps in reserve.
const NEW_ROOM: u64 = 24 << 20;

/// A compaction has left its database with a number: the only one has none.
pub(super) fn named(
    folder: &Path,
    mut paths: Vec<PathBuf>,
    steps: &Steps,
) -> Result<Vec<PathBuf>, StoreError> {
    if let [only] = paths.as_mut_slice() {
        let plain = folder.join(DATABASE);
        if *only != plain {
            steps.pass();
            fs::rename(&only, &plain).map_err(io("naming its database"))?;
            sync_folder(folder)?;
            *only = plain;
        }
    }
    Ok(paths)
}

/// Folders of databases, the oldest first: `sled`, `sled.2`, …
pub(super) fn databases(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(io("reading its folder"))? {
        let path = entry.map_err(io("reading its folder"))?.path();
        let number = path.file_name().and_then(|name| number(&name.to_string_lossy()));
        found.extend(number.map(|number| (number, path)));
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn number(name: &str) -> Option<u32> {
    match name.strip_prefix(DATABASE)? {
        "" => Some(1),
        rest => rest.strip_prefix('.')?.parse().ok(),
    }
}

/// A name for a database newer than all.
pub(super) fn next_database(folder: &Path) -> Result<PathBuf, StoreError> {
    let newest = databases(folder)?
        .last()
        .and_then(|path| path.file_name().and_then(|name| number(&name.to_string_lossy())));
    Ok(match newest {
        None => folder.join(DATABASE),
        Some(number) => folder.join(format!("{DATABASE}.{}", number + 1)),
    })
}

/// Folders of this name and a number.
pub(super) fn numbered(folder: &Path, prefix: &str) -> Result<Vec<PathBuf>, StoreError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(io("reading its folder"))? {
        let path = entry.map_err(io("reading its folder"))?.path();
        found.extend(path.extension().is_some().then_some(path));
    }
    found.retain(|path| path.file_stem().is_some_and(|name| name == prefix));
    found.sort();
    Ok(found)
}

const KEEP: &str = "keep";

/// Leaves word that something may be lost which no start finds out again: what is made anew is kept.
pub(super) fn ask_to_keep(folder: &Path) -> Result<(), StoreError> {
    File::create(folder.join(KEEP)).map_err(io("keeping a damaged database"))?;
    sync_folder(folder)
}

/// Whether somebody left word.
pub(super) fn keeping_asked(folder: &Path) -> bool {
    folder.join(KEEP).exists()
}

/// Something was lost: what was made anew is kept. To be called before anything says so on the disk.
pub(super) fn keep_suspects(folder: &Path, steps: &Steps) -> Result<(), StoreError> {
    for suspect in numbered(folder, SUSPECT)? {
        steps.pass();
        fs::rename(suspect, free_name(folder, DAMAGED)?)
            .map_err(io("keeping a damaged database"))?;
    }
    sync_folder(folder)
}

/// Nothing was lost from those that are left: nobody has anything to look for in them.
pub(super) fn remove_suspects(folder: &Path, steps: &Steps) -> Result<(), StoreError> {
    for suspect in numbered(folder, SUSPECT)? {
        steps.pass();
        remove_dir(&suspect)?;
    }
    if keeping_asked(folder) {
        steps.pass();
        remove_word(folder, KEEP).map_err(io("removing leftovers"))?;
    }
    Ok(())
}

/// The name under which a database waits to be deleted.
pub(super) fn leftover(path: &Path) -> PathBuf {
    path.with_extension("gone")
}

pub(super) fn clear_leftovers(folder: &Path, steps: &Steps) -> Result<(), StoreError> {
    for entry in fs::read_dir(folder).map_err(io("reading its folder"))? {
        let path = entry.map_err(io("reading its folder"))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".gone") || [REBUILDING, MAKING, repair::COPY].contains(&name.as_str()) {
            steps.pass();
            remove_dir(&path)?;
        }
    }
    ledger::remove_unfinished(folder);
    Ok(())
}

/// Bytes that a new database of so many envelopes, and so many bytes of records, takes: twice their own, because sled writes
/// each once more when it splits a page. While it is being written it takes up to 20 MiB more, of what is to be left anyway.
pub(super) fn room_for(envelopes: u64, record_bytes: u64) -> u64 {
    2 * (envelopes * LIVE_ENVELOPE + record_bytes) + NEW_ROOM
}

const REBUILD: &str = "rebuild";

/// Leaves word for the next start: a page could not be read.
pub(super) fn ask_for_rebuild(folder: &Path) {
    if let Err(error) = File::create(folder.join(REBUILD)) {
        tracing::error!(%error, "could not leave word that the store needs rebuilding");
    }
}

/// Whether an earlier process left word.
pub(super) fn rebuild_asked(folder: &Path) -> bool {
    folder.join(REBUILD).exists()
}

/// It is done.
pub(super) fn rebuild_done(folder: &Path) -> io::Result<()> {
    remove_word(folder, REBUILD)
}

fn remove_word(folder: &Path, word: &str) -> io::Result<()> {
    match fs::remove_file(folder.join(word)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether the disk has too little room for what opening a store writes.
pub(super) fn has_no_room_to_open(folder: &Path) -> bool {
    free_bytes(folder).is_some_and(|free| free < OPEN_ROOM)
}

/// Bytes left on the disk.
pub(super) fn free_bytes(folder: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

pub(super) fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join("lock");
    let lock = match OpenOptions::new().write(true).open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)
        }
        opened => opened,
    };
    let lock = lock.map_err(io("opening its lock file"))?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::InUse(folder.to_owned())),
        Err(error) => Err(io("locking its folder")(error.into())),
    }
}

/// `prefix.1`, or the first number that is free.
pub(super) fn free_name(folder: &Path, prefix: &str) -> Result<PathBuf, StoreError> {
    let names = (1..10_000).map(|number| folder.join(format!("{prefix}.{number}")));
    names.into_iter().find(|path| !path.exists()).ok_or_else(|| StoreError::Damaged {
        path: folder.to_owned(),
        reason: format!("it was repaired too often; remove {prefix}.* there"),
    })
}

pub(super) fn remove_dir(path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io("removing leftovers")(error))
        }
        _ => Ok(()),
    }
}

fn io(doing: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::Io { doing, source }
}
