//! The embedded store. This file and `sled/start.rs` are the only ones that know sled; what it needs to be
//! trustworthy is written beside each call.
//!
//! Three trees: `records` (mailboxes, holds, marks; small), `index` (one small entry per envelope) and
//! `envelopes` (the ciphertext). Start reads the first two only. Every write is single-key inserts and
//! removals in an order that makes a crash between them harmless: what makes a thing visible is written
//! last and removed first, except that an index entry comes before its envelope and goes after it, so that
//! no envelope can ever be left without an entry that leads to it.

mod start;

use std::any::Any;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use sled::{Db, Tree};
use velar_protocol::wire::{Envelope, HoldId, MailboxId};

use super::record;
use super::{HeldKey, HoldRecord, Loaded, MailboxRecord, Store, StoreError, Write};

const MAILBOX: u8 = b'm';
const HOLD: u8 = b'h';
const ALIVE: &[u8] = b"alive";

/// A sled database in a folder of its own.
pub struct SledStore {
    db: Db,
    trees: Trees,
    /// Second handle on sled's file: `flush()` writes and asks for nothing more; this one's `fdatasync` is
    /// what makes it durable.
    file: File,
    folder: PathBuf,
    /// What the check at start has read already.
    found: Mutex<Option<Loaded>>,
    set_aside: AtomicU64,
    /// The last mark applied, 0 if it is noted outside already.
    marked: AtomicU64,
    /// Whether the last crash may have left an index entry without its envelope. At most one: its writes
    /// were made one after the other. Not after a rebuild, which leaves out what cannot be read.
    cut: AtomicBool,
    /// Held until the end: one process per folder.
    _lock: File,
}

#[derive(Clone)]
struct Trees {
    records: Tree,
    index: Tree,
    envelopes: Tree,
    /// Raw records that did not check out, under their old keys. For whoever investigates.
    aside: Tree,
}

impl std::fmt::Debug for SledStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SledStore").finish_non_exhaustive()
    }
}

impl Trees {
    fn open(db: &Db) -> sled::Result<Self> {
        Ok(Self {
            records: db.open_tree("records")?,
            index: db.open_tree("index")?,
            envelopes: db.open_tree("envelopes")?,
            aside: db.open_tree("aside")?,
        })
    }

    fn all(&self) -> [&Tree; 4] {
        [&self.records, &self.index, &self.envelopes, &self.aside]
    }
}

impl SledStore {
    /// Opens or creates the store in `folder`, repairing what a crash may have left.
    ///
    /// `cache_mib` bounds the memory for pages. Takes as long as reading the index: about a second per
    /// million envelopes.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Damaged`], [`StoreError::Io`].
    pub fn open(folder: &Path, cache_mib: u32) -> Result<Self, StoreError> {
        start::open(folder, cache_mib)
    }

    /// Keeps a copy for whoever investigates. The record itself stays where it is.
    fn set_aside(&self, tree: &Tree, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.set_aside.fetch_add(1, Ordering::Relaxed);
        tracing::error!(
            tree = %String::from_utf8_lossy(&tree.name()),
            "a record did not check out and was set aside; the disk or memory of this machine may be failing"
        );
        self.trees.aside.insert(key, value).map_err(engine("setting a record aside"))?;
        Ok(())
    }

    fn read(&self, key: &[u8]) -> Result<Option<Envelope>, StoreError> {
        let value = match contained(|| self.trees.envelopes.get(key)) {
            Ok(Some(value)) => value,
            Ok(None) => return Ok(None),
            Err(Failure::Damage(reason)) => {
                // The page is gone, not only this record. The next start copies what is readable.
                start::ask_for_rebuild(&self.folder);
                tracing::error!(
                    reason,
                    "a page of the store cannot be read; it will be rebuilt at the next start"
                );
                return Ok(None);
            }
            Err(Failure::Other(error)) => return Err(error),
        };
        let envelope = record::envelope(key, &value);
        if envelope.is_none() {
            self.set_aside(&self.trees.envelopes, key, &value)?;
        }
        Ok(envelope)
    }

    fn scan(&self) -> Result<(Loaded, bool), StoreError> {
        let mut loaded = Loaded::default();
        let mut bad = Vec::new();
        let mut whole = scan(&self.trees.records, &mut |key, value| {
            if !record_found(&mut loaded, key, value) {
                bad.push((self.trees.records.clone(), key.to_vec(), value.to_vec()));
            }
        })?;
        whole &=
            scan(&self.trees.index, &mut |key, value| match record::index_entry(key, value) {
                Some(stored) => loaded.envelopes.push(stored),
                None => bad.push((self.trees.index.clone(), key.to_vec(), value.to_vec())),
            })?;
        loaded.envelopes.sort_unstable_by_key(|stored| (stored.mailbox, stored.sequence));
        for (tree, key, value) in bad {
            self.set_aside(&tree, &key, &value)?;
            tree.remove(key).map_err(engine("setting a record aside"))?;
        }
        loaded.set_aside = self.set_aside.load(Ordering::Relaxed);
        Ok((loaded, whole))
    }

    fn remove_range(&self, tree: &Tree, prefix: &[u8]) -> Result<(), StoreError> {
        for key in tree.scan_prefix(prefix).keys() {
            let key = key.map_err(engine("removing envelopes"))?;
            tree.remove(key).map_err(engine("removing envelopes"))?;
        }
        Ok(())
    }

    fn remove_held(&self, key: HeldKey) -> Result<(), StoreError> {
        let mut prefix = [0; 36];
        prefix.copy_from_slice(&record::held_key(key, 0)[..36]);
        // A mailbox of the same 32 bytes has longer keys: only those of this length are the hold's.
        for found in self.trees.envelopes.scan_prefix(prefix).keys() {
            let found = found.map_err(engine("removing a hold"))?;
            if found.len() == 37 {
                self.trees.envelopes.remove(found).map_err(engine("removing a hold"))?;
            }
        }
        Ok(())
    }

    fn write(&self, write: &Write) -> Result<(), StoreError> {
        let Trees { records, index, envelopes, .. } = &self.trees;
        match write {
            Write::Mailbox(mailbox) => {
                let key = record_key(MAILBOX, mailbox.id.as_bytes());
                let value = record::sealed(&key, &record::mailbox_body(mailbox));
                records.insert(key, value).map_err(engine("storing a mailbox"))?;
            }
            Write::RemoveMailbox(id) => {
                // The record first: an index entry without a mailbox is cleared away at start.
                let key = record_key(MAILBOX, id.as_bytes());
                records.remove(key).map_err(engine("removing a mailbox"))?;
                for entry in index.scan_prefix(id.as_bytes()).keys() {
                    let key = entry.map_err(engine("removing envelopes"))?;
                    envelopes.remove(&key).map_err(engine("removing envelopes"))?;
                }
                self.remove_range(index, id.as_bytes())?;
            }
            Write::Put(stored, envelope) => {
                let key = record::envelope_key(&stored.mailbox, stored.sequence);
                let entry = record::index_value(&key, stored);
                index.insert(key, entry).map_err(engine("storing an envelope"))?;
                let value = record::sealed(&key, envelope.as_bytes());
                envelopes.insert(key, value).map_err(engine("storing an envelope"))?;
            }
            Write::Remove { mailbox, sequence } => {
                let key = record::envelope_key(mailbox, *sequence);
                envelopes.remove(key).map_err(engine("removing an envelope"))?;
                index.remove(key).map_err(engine("removing an envelope"))?;
            }
            Write::Hold { record, envelopes: held, replaces } => {
                for (delivery, envelope) in held {
                    let key = record::held_key(record.key, *delivery);
                    let value = record::sealed(&key, envelope.as_bytes());
                    envelopes.insert(key, value).map_err(engine("storing a hold"))?;
                }
                // Two small records of one tree: here atomicity is worth the batch's lock.
                let mut swap = sled::Batch::default();
                if let Some(old) = replaces {
                    swap.remove(&record_key(HOLD, old.id.as_bytes())[..]);
                }
                let key = record_key(HOLD, record.key.id.as_bytes());
                swap.insert(&key[..], record::sealed(&key, &record::hold_body(record)));
                records.apply_batch(swap).map_err(engine("storing a hold"))?;
                if let Some(old) = replaces {
                    self.remove_held(*old)?;
                }
            }
            Write::HoldRecord(hold) => {
                let key = record_key(HOLD, hold.key.id.as_bytes());
                let value = record::sealed(&key, &record::hold_body(hold));
                records.insert(key, value).map_err(engine("extending a hold"))?;
            }
            Write::RemoveHold(held) => {
                let key = record_key(HOLD, held.id.as_bytes());
                records.remove(key).map_err(engine("removing a hold"))?;
                self.remove_held(*held)?;
            }
            Write::Alive(at_s) => {
                let value = record::sealed(ALIVE, &at_s.to_le_bytes());
                records.insert(ALIVE, value).map_err(engine("storing the time"))?;
                self.marked.store(*at_s, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}

impl Store for SledStore {
    fn load(&self) -> Result<Loaded, StoreError> {
        match self.found.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(loaded) => Ok(loaded),
            None => self.scan().map(|(loaded, _)| loaded),
        }
    }

    fn apply(&self, write: &Write) -> Result<(), StoreError> {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.write(write)
    }

    /// `flush` hands everything to the kernel; `fdatasync` on the same file makes it survive a power cut.
    /// Never `flush_async`: it deadlocks under load.
    fn commit(&self) -> Result<(), StoreError> {
        self.db.flush().map_err(engine("flushing"))?;
        self.file
            .sync_data()
            .map_err(|source| StoreError::Io { doing: "syncing the store", source })?;
        match self.marked.swap(0, Ordering::Relaxed) {
            0 => Ok(()),
            at_s => start::note_mark(&self.folder, at_s),
        }
    }

    fn envelope(&self, mailbox: &MailboxId, sequence: u64) -> Result<Option<Envelope>, StoreError> {
        self.read(&record::envelope_key(mailbox, sequence))
    }

    fn held(&self, key: HeldKey, delivery: u8) -> Result<Option<Envelope>, StoreError> {
        self.read(&record::held_key(key, delivery))
    }

    fn was_cut_short(&self, mailbox: &MailboxId, sequence: u64) -> bool {
        let key = record::envelope_key(mailbox, sequence);
        matches!(contained(|| self.trees.envelopes.contains_key(key)), Ok(false))
            && self.cut.swap(false, Ordering::Relaxed)
    }

    fn free_bytes(&self) -> Option<u64> {
        start::blobs_alarm(&self.folder);
        let stat = rustix::fs::statvfs(&self.folder).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

fn record_key(kind: u8, id: &[u8; 32]) -> [u8; 33] {
    let mut key = [kind; 33];
    key[1..].copy_from_slice(id);
    key
}

/// Files one record of the tree `records`. `false` if it does not check out.
fn record_found(loaded: &mut Loaded, key: &[u8], value: &[u8]) -> bool {
    let Some(body) = record::opened(key, value) else { return false };
    if key == ALIVE {
        let Ok(at_s) = body.try_into() else { return false };
        loaded.alive_s = Some(u64::from_le_bytes(at_s));
        return true;
    }
    let id = |rest: &[u8]| <[u8; 32]>::try_from(rest).ok();
    match key.split_first() {
        Some((&MAILBOX, rest)) => id(rest)
            .and_then(|id| record::mailbox(MailboxId(id), body))
            .map(|found: MailboxRecord| loaded.mailboxes.push(found))
            .is_some(),
        Some((&HOLD, rest)) => id(rest)
            .and_then(|id| record::hold(HoldId(id), body))
            .map(|found: HoldRecord| loaded.holds.push(found))
            .is_some(),
        _ => false,
    }
}

/// Visits all of a tree that can be read: forward up to the first unreadable page, then backward up to the
/// last. `Ok(false)` if there was one.
fn scan(tree: &Tree, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<bool, StoreError> {
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
            tracing::error!(reason, "a page of the store cannot be read")
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

/// What a call into sled can end in besides success.
enum Failure {
    /// What is on disk makes no sense to sled: it says so, or it panics.
    Damage(String),
    Other(StoreError),
}

/// Calls into sled where it reads what may be damaged; its panics end here.
fn contained<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(source))) => {
            Err(Failure::Other(StoreError::Io { doing: "reading the store", source }))
        }
        Ok(Err(error)) => Err(Failure::Damage(error.to_string())),
        Err(panic) => Err(Failure::Damage(format!("sled stopped: {}", words(panic.as_ref())))),
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given")
}

fn engine(doing: &'static str) -> impl Fn(sled::Error) -> StoreError {
    move |error| match error {
        sled::Error::Io(source) => StoreError::Io { doing, source },
        other => StoreError::Engine { doing, reason: other.to_string() },
    }
}

#[cfg(test)]
mod tests;
