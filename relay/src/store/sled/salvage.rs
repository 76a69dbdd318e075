//! Reads a store without its engine: records describe themselves, so all that is whole on the disk can be found in the
//! engine's file, whatever the engine makes of it. For a store that is damaged, and for one that cannot be
//! opened because opening writes and the disk is full.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use memchr::memmem::Finder;
use velar_protocol::wire::{Envelope, HoldId, MailboxId};

mod versions;

use self::versions::Versions;
use super::reconcile::PURGED;
use super::target::noted;
use crate::store::entry::{Entry, State};
use crate::store::ledger;
use crate::store::record::{self, Kind, MAGIC, Raw};
use crate::store::{HeldKey, StoredEnvelope, short_digest};

/// Bytes read at a time.
const CHUNK: usize = 8 << 20;
/// The longest record: see `record.rs`.
const LONGEST: usize = 17 + 255 + 65_535 + 4;

/// Where a record is.
#[derive(Clone, Copy, Debug)]
struct Place {
    file: usize,
    offset: u64,
    len: u32,
}

/// What is live, and where on the disk its envelopes are.
#[derive(Debug, Default)]
pub(super) struct Salvage {
    /// Whether places are still true. Once sled has opened the files it may write over them.
    is_current: RwLock<bool>,
    /// Nothing can be read any more: the relay ends.
    is_over: bool,
    files: Vec<File>,
    /// What the store should have, as far as ledger and records tell.
    pub(super) state: State,
    envelopes: HashMap<(MailboxId, u64), Place>,
    /// Each with the commit that wrote it.
    held: HashMap<(HeldKey, u8), (u64, Place)>,
    /// While reading: what may turn out to be cut off.
    versions: Versions,
    /// The highest commit that any record names.
    pub(super) commit: u64,
    /// Notes of commits up to this may be gone.
    pub(super) purged: u64,
    /// The commits that wrote envelopes of which the ledger had not heard.
    newer: HashMap<(MailboxId, u64), u64>,
    /// What commits removed that `state` was not known to have removed, in their order.
    pub(super) removed: Vec<(u64, Vec<Entry>)>,
}

/// What was found of an envelope.
#[derive(Debug)]
pub(super) enum Salvaged {
    Found(Envelope),
    /// It was not on the disk when that was read.
    Nothing,
    /// It was, and its place has been used for something else since, or has become bad.
    Moved,
}

impl Salvaged {
    /// Where nobody else writes to the disk: if it has become bad, it is gone.
    pub(super) fn found(self) -> Option<Envelope> {
        match self {
            Self::Found(envelope) => Some(envelope),
            Self::Nothing | Self::Moved => None,
        }
    }
}

impl Salvage {
    /// Finds in `files` what belongs to `state`, which is known up to `commit`, and what is newer than that. What is
    /// older and not in `state` was removed. With an empty state and commit 0 everything that was ever written and is
    /// still there comes back.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn gather(files: &[PathBuf], state: State, commit: u64) -> io::Result<Self> {
        let opened: Vec<File> = files.iter().map(File::open).collect::<io::Result<_>>()?;
        let is_current = RwLock::new(true);
        let mut this = Self { is_current, state, commit, ..Self::default() };
        let mut notes: BTreeMap<Vec<u8>, (u64, Vec<Entry>)> = BTreeMap::new();
        for (at, file) in opened.iter().enumerate() {
            scan(file, &mut |offset, raw| {
                let place = Place { file: at, offset, len: raw.len as u32 };
                this.commit = this.commit.max(raw.commit);
                if raw.key == PURGED && raw.kind == Kind::Note {
                    this.purged = this.purged.max(raw.commit);
                    return;
                }
                if raw.kind == Kind::Note && raw.commit > commit {
                    let removed = noted(raw.body).unwrap_or_default();
                    notes.insert(raw.key.to_vec(), (raw.commit, removed));
                }
                this.found(raw, place, commit);
            })?;
        }
        this.files = opened;
        let last = this.commit;
        let mut notes: Vec<_> = notes.into_values().collect();
        let void = this.settle(&mut notes);
        for (at, mut removed) in notes {
            removed.retain(|entry| at < last || at <= this.purged || this.has_happened(entry, at));
            for entry in &removed {
                this.remove(entry.clone(), at);
            }
            this.removed.push((at, removed));
        }
        // For who reads the same files again, and more. Where an earlier one counts, that is written anew.
        let void = void.into_iter().filter(|id| !this.state.holds.contains_key(id));
        let void: Vec<Entry> = void.map(Entry::RemoveHold).collect();
        if !void.is_empty() {
            this.removed.push((last, void));
        }
        Ok(this)
    }

    /// Whether a removal that the last commit noted beforehand has been carried out, as far as that matters: what
    /// somebody asked for and has no answer to may be or not, but a hold must not go for nothing, and no envelope uncounted.
    fn has_happened(&self, entry: &Entry, at: u64) -> bool {
        match entry {
            Entry::ReleaseHold(_) => false,
            Entry::ReplaceHold { new, .. } => {
                self.state.holds.get(new).is_some_and(|hold| hold.commit == at)
            }
            Entry::ExpireEnvelope(mailbox, _) => {
                self.state.mailboxes.get(mailbox).is_some_and(|found| found.commit == at)
            }
            _ => true,
        }
    }

    /// Carries out a removal that commit `at` noted. What was written after it stays.
    fn remove(&mut self, entry: Entry, at: u64) {
        let later = |commit: Option<u64>| commit.is_some_and(|commit| commit > at);
        match &entry {
            Entry::RemoveMailbox(id) => {
                let newer = &self.newer;
                if let Some(of_it) = self.state.envelopes.get_mut(id) {
                    let of_it = Arc::make_mut(of_it);
                    of_it.retain(|sequence, _| later(newer.get(&(*id, *sequence)).copied()));
                }
                if later(self.state.mailboxes.get(id).map(|it| it.commit)) {
                    return;
                }
            }
            Entry::RemoveEnvelope(mailbox, sequence) | Entry::ExpireEnvelope(mailbox, sequence)
                if later(self.newer.get(&(*mailbox, *sequence)).copied()) =>
            {
                return;
            }
            Entry::RemoveHold(id) | Entry::ReleaseHold(id)
                if later(self.state.holds.get(id).map(|it| it.commit)) =>
            {
                return;
            }
            // A hold may be replaced by one of the same name.
            Entry::ReplaceHold { old, new }
                if old == new || later(self.state.holds.get(old).map(|it| it.commit)) =>
            {
                return;
            }
            _ => {}
        }
        self.state.take(at, entry);
    }

    /// Envelopes in mailboxes and of holds that live.
    pub(super) fn count(&self) -> u64 {
        let holds = self.state.holds.values().map(|hold| &hold.record);
        let held = holds
            .flat_map(|hold| (0..=u8::MAX).filter(|at| self.held.contains_key(&(hold.key, *at))));
        self.state.envelope_count() + held.count() as u64
    }

    fn found(&mut self, raw: &Raw<'_>, place: Place, known: u64) {
        match raw.kind {
            Kind::Hold if raw.commit > known => self.versions.add_hold(raw, self.commit),
            Kind::Spent if raw.commit > known => self.versions.add_spent(raw, self.commit),
            Kind::Mailbox | Kind::LostHold | Kind::Clock if raw.commit > known => {
                self.versions.note_opened(raw, self.commit);
                if let Some(entry) = entry(raw)
                    && self.version(&entry) <= Some(raw.commit)
                {
                    self.versions.note_expired(raw);
                    self.state.take(raw.commit, entry);
                }
            }
            Kind::Envelope => {
                let (Some(key), Some(stored)) = (record::envelope_place(raw.key), stored(raw))
                else {
                    return;
                };
                let of_state = self.state.envelopes.get(&key.0).and_then(|of| of.get(&key.1));
                // Of two envelopes of one place the later: the place was used again, or the earlier was never answered.
                let is_listed = of_state == Some(&stored) && !self.newer.contains_key(&key);
                let is_newer = raw.commit > known && self.newer.get(&key) <= Some(&raw.commit);
                let wanted = is_listed || is_newer;
                if wanted {
                    if raw.commit > known {
                        self.newer.insert(key, raw.commit);
                    }
                    self.state.take(raw.commit, Entry::Envelope(stored));
                    self.envelopes.insert(key, place);
                }
            }
            Kind::Held => {
                if let Some(key) = record::held_place(raw.key) {
                    self.held.insert(key, (raw.commit, place));
                }
            }
            Kind::Mailbox
            | Kind::Hold
            | Kind::LostHold
            | Kind::Spent
            | Kind::Note
            | Kind::Clock => {}
        }
    }

    fn version(&self, entry: &Entry) -> Option<u64> {
        match entry {
            Entry::Mailbox(record) => self.state.mailboxes.get(&record.id).map(|it| it.commit),
            Entry::LostHold(record) => self.state.lost_holds.get(&record.id).map(|it| it.commit),
            Entry::Clock(_) => self.state.clock.as_ref().map(|it| it.commit),
            _ => None,
        }
        .or(Some(0))
    }

    /// What readers find when nothing can be read any more.
    pub(super) fn over() -> Self {
        Self { is_current: RwLock::new(true), is_over: true, ..Self::default() }
    }

    /// Keeps readers waiting while somebody else may write to the files. `false` in it: they have.
    pub(super) fn paused(&self) -> RwLockWriteGuard<'_, bool> {
        self.is_current.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_current(&self) -> bool {
        *self.is_current.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// An envelope of a mailbox.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn envelope(&self, mailbox: &MailboxId, sequence: u64) -> io::Result<Salvaged> {
        let key = record::envelope_key(mailbox, sequence);
        self.read(self.envelopes.get(&(*mailbox, sequence)), Kind::Envelope, &key)
    }

    /// An envelope of a hold.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn held(&self, hold: HeldKey, delivery: u8) -> io::Result<Salvaged> {
        let key = record::held_key(hold, delivery);
        let place = self.held.get(&(hold, delivery)).map(|(_, place)| place);
        self.read(place, Kind::Held, &key)
    }

    fn read(&self, place: Option<&Place>, kind: Kind, key: &[u8]) -> io::Result<Salvaged> {
        let is_current = self.is_current.read().unwrap_or_else(PoisonError::into_inner);
        if !*is_current {
            return Ok(Salvaged::Moved);
        }
        if self.is_over {
            return Err(io::Error::other("the store cannot be read any more"));
        }
        let Some(place) = place else { return Ok(Salvaged::Nothing) };
        let Some(file) = self.files.get(place.file) else { return Ok(Salvaged::Nothing) };
        let mut bytes = vec![0; place.len as usize];
        let read = ledger::read_readable(file, &mut bytes, place.offset)?;
        let raw = record::parse(bytes.get(..read).unwrap_or_default());
        let raw = raw.filter(|raw| raw.kind == kind && raw.key == key);
        let found = raw.and_then(|raw| record::envelope(&raw));
        Ok(found.map_or(Salvaged::Moved, Salvaged::Found))
    }
}

fn stored(raw: &Raw<'_>) -> Option<StoredEnvelope> {
    let (mailbox, sequence) = record::envelope_place(raw.key)?;
    let digest = short_digest(&record::envelope(raw)?);
    let mut rest = raw.body;
    let (received_hour, kept_since_hour) = record::received(&mut rest)?;
    Some(StoredEnvelope { mailbox, sequence, received_hour, kept_since_hour, digest })
}

/// What a record of the tree `records` says. `None` if it makes no sense.
pub(super) fn entry(raw: &Raw<'_>) -> Option<Entry> {
    let id = || raw.key.get(1..)?.try_into().ok();
    match raw.kind {
        Kind::Mailbox => record::mailbox(MailboxId(id()?), raw.body).map(Entry::Mailbox),
        Kind::Hold => record::hold(HoldId(id()?), raw.body).map(Entry::Hold),
        Kind::LostHold => record::lost_hold(HoldId(id()?), raw.body).map(Entry::LostHold),
        Kind::Spent => {
            let access = u16::from_le_bytes(raw.key.get(1..)?.first_chunk().copied()?);
            record::spent(access, raw.body).map(Entry::Spent)
        }
        Kind::Clock => record::clock(raw.body).map(Entry::Clock),
        Kind::Note | Kind::Envelope | Kind::Held => None,
    }
}

/// Visits every whole record in a file, in the order in which they lie there, with its offset. Some are older versions
/// of others.
fn scan(file: &File, visit: &mut dyn FnMut(u64, &Raw<'_>)) -> io::Result<()> {
    let mut bytes: Vec<u8> = Vec::with_capacity(CHUNK + LONGEST);
    // Offset in the file of the first of them.
    let mut base = 0_u64;
    loop {
        let had = bytes.len();
        bytes.resize(had + CHUNK, 0);
        let read = ledger::read_readable(
            file,
            bytes.get_mut(had..).unwrap_or_default(),
            base + had as u64,
        )?;
        bytes.truncate(had + read);
        let mut done = each_record(&bytes, &mut |at, raw| visit(base + at as u64, raw));
        if read < CHUNK {
            return Ok(());
        }
        // What begins near the end may go on beyond what was read.
        done = done.max(bytes.len().saturating_sub(LONGEST));
        bytes.drain(..done);
        base += done as u64;
    }
}

/// Visits every whole record in these bytes, with its place. Where the last one ends.
pub(super) fn each_record(bytes: &[u8], visit: &mut dyn FnMut(usize, &Raw<'_>)) -> usize {
    let finder = Finder::new(&MAGIC);
    let (mut at, mut end) = (0, 0);
    while let Some(found) = bytes.get(at..).and_then(|rest| finder.find(rest)) {
        at += found;
        match record::parse(bytes.get(at..).unwrap_or_default()) {
            Some(raw) => {
                visit(at, &raw);
                at += raw.len;
                end = at;
            }
            None => at += 1,
        }
    }
    end
}
