//! What is left of a store when the power fails.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use tempfile::TempDir;
use velar_relay::store::{MemoryStore, SledStore, Store};

/// The least that a relay takes: the pages of one case are few.
const CACHE_MIB: u32 = 8;

/// Where a store lives.
pub(crate) trait Disk {
    type Store: Store;

    fn new() -> Self;

    /// An empty store.
    fn open(&mut self) -> Self::Store;

    /// What comes up after the power failed. `flushed`: the store was just through with a commit. Also, whether
    /// exactly what was applied must be there; otherwise what was not committed may be missing.
    fn crashed(&mut self, store: Self::Store, flushed: bool) -> (Self::Store, bool);

    /// What comes up after the process ended as planned.
    fn reopened(&mut self, store: Self::Store) -> Self::Store;
}

/// The store that is the measure of others; it loses nothing that was applied.
pub(crate) struct Memory;

/// sled in a folder.
pub(crate) struct Sled {
    folder: TempDir,
    /// What else the next crash does to the folder.
    pub(crate) harm: Option<fn(&Path)>,
}

impl Disk for Memory {
    type Store = MemoryStore;

    fn new() -> Self {
        Self
    }

    fn open(&mut self) -> MemoryStore {
        MemoryStore::default()
    }

    fn crashed(&mut self, store: MemoryStore, _: bool) -> (MemoryStore, bool) {
        (store, true)
    }

    fn reopened(&mut self, store: MemoryStore) -> MemoryStore {
        store
    }
}

impl Disk for Sled {
    type Store = SledStore;

    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), harm: None }
    }

    fn open(&mut self) -> SledStore {
        SledStore::open(self.folder.path(), CACHE_MIB).unwrap()
    }

    /// The next life is on a copy of the folder, made while the store is open: a store that is dropped writes
    /// what it has not written yet, and a machine without power does not.
    fn crashed(&mut self, store: SledStore, flushed: bool) -> (SledStore, bool) {
        if flushed {
            store.commit().unwrap();
        }
        let image = tempfile::tempdir().unwrap();
        copy(self.folder.path(), image.path());
        drop(store);
        self.folder = image;
        let harm = self.harm.take();
        harm.iter().for_each(|harm| harm(self.folder.path()));
        (self.open(), flushed && harm.is_none())
    }

    fn reopened(&mut self, store: SledStore) -> SledStore {
        drop(store);
        self.open()
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            copy_file(&entry.path(), &to);
        }
    }
}

/// Without the zeros, of which sled's files are full.
fn copy_file(from: &Path, to: &Path) {
    let (mut from, mut to) = (File::open(from).unwrap(), File::create(to).unwrap());
    let mut block = vec![0; 1 << 16];
    loop {
        let length = from.read(&mut block).unwrap();
        let read = &block[..length];
        if read.is_empty() {
            break;
        } else if read.iter().all(|byte| *byte == 0) {
            to.seek(SeekFrom::Current(i64::try_from(length).unwrap())).unwrap();
        } else {
            to.write_all(read).unwrap();
        }
    }
    let end = to.stream_position().unwrap();
    to.set_len(end).unwrap();
}
