//! Says what is wrong with a store, and saves what can be read of it, for the operator. Nothing here changes the store
//! that is looked at.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;

use velar_protocol::wire::MailboxId;

use super::database::{Database, Table};
use super::reconcile::{PURGED, purged};
use super::salvage::Salvage;
use super::start::{self, Findings, or_damaged};
use super::steps::Steps;
use super::target::{NOTED, Target, note};
use super::{SledStore, folder};
use crate::store::{HoldRecord, MailboxRecord, Store as _, StoreError, Write, ledger, record};

/// Memory for pages while looking.
const CACHE_MIB: u32 = 32;
const DAY_S: u64 = 86_400;
/// The copy of a store that is opened in its stead.
pub(super) const COPY: &str = "checking";

/// What a store is like.
#[derive(Clone, Debug, Default)]
pub struct Examined {
    /// Mailboxes, envelopes in them and holds that there should be.
    pub expected: (u64, u64, u64),
    /// Envelopes of these, and of holds, that can be read without the engine.
    pub readable: (u64, u64),
    /// Envelopes that holds should have.
    pub held: u64,
    /// What a start on a copy found. `None`: it could not be tried, for this reason.
    pub start: Option<Findings>,
    /// Why a start was not tried, or failed.
    pub problem: Option<String>,
    /// The disk has too little room for the relay to open its store: it serves, and takes nothing in.
    pub full: bool,
}

/// What was saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Mailboxes.
    pub mailboxes: u64,
    /// Envelopes in mailboxes.
    pub envelopes: u64,
    /// Holds that stay armed.
    pub holds: u64,
    /// Envelopes that were accepted and could not be saved; owners of their mailboxes are told.
    pub envelopes_lost: u64,
    /// Holds of which nothing could be saved.
    pub holds_lost: u64,
    /// Whether that is all that was lost. If the ledger is damaged, more may be.
    pub all_known: bool,
}

/// Looks at the store in `folder`, and starts a copy of it where there is room.
///
/// # Errors
/// [`StoreError::InUse`] while a relay works with it; [`StoreError::Io`].
pub fn examine(folder: &Path) -> Result<Examined, StoreError> {
    let _lock = folder::lock(folder)?;
    let salvage = start::gathered(folder)?;
    let mut found = Examined {
        expected: (
            salvage.state.mailboxes.len() as u64,
            salvage.state.envelope_count(),
            salvage.state.holds.len() as u64,
        ),
        ..Examined::default()
    };
    for stored in salvage.state.envelopes.values().flat_map(|of| of.values()) {
        let read = salvage.envelope(&stored.mailbox, stored.sequence).map_err(io("reading"))?;
        found.readable.0 += u64::from(read.found().is_some());
    }
    for hold in salvage.state.holds.values() {
        let held = held_of(&salvage, &hold.record)?;
        found.readable.1 += held.len() as u64;
        found.held += (0..=u8::MAX).filter(|at| hold.record.holds(*at)).count() as u64;
    }
    found.full = folder::has_no_room_to_open(folder);
    let copy = folder.join(COPY);
    let started = started_on_copy(folder, &copy);
    folder::remove_dir(&copy)?;
    match started {
        Ok(findings) => found.start = findings,
        Err(error) => found.problem = Some(error.to_string()),
    }
    if found.start.is_none() && found.problem.is_none() {
        found.problem = Some("there is no room for a copy of the store to be started".to_owned());
    }
    Ok(found)
}

/// Starts a copy and reads all of it. `None`: there is no room for one.
fn started_on_copy(folder: &Path, copy: &Path) -> Result<Option<Findings>, StoreError> {
    folder::remove_dir(copy)?;
    let paths = folder::databases(folder)?;
    let size: u64 = paths.iter().map(|path| size(&Database::file_in(path))).sum();
    let needed = size * 2 + folder::room_for(0, 0);
    if folder::free_bytes(folder).is_some_and(|free| free < needed) {
        return Ok(None);
    }
    fs::create_dir(copy).map_err(io("copying"))?;
    for path in paths {
        let to = copy.join(path.file_name().unwrap_or_default());
        fs::create_dir(&to).map_err(io("copying"))?;
        copy_files(&path, &to)?;
    }
    copy_files(folder, copy)?;
    let store = SledStore::open(copy, CACHE_MIB)?;
    let mut findings = store.findings();
    for stored in &store.load()?.envelopes {
        let read = store.envelope(&stored.mailbox, stored.sequence)?;
        findings.envelopes += u64::from(read.is_none());
    }
    Ok(Some(findings))
}

/// Saves what can be read of the store in `folder` into a new one in `into`.
///
/// # Errors
/// [`StoreError::InUse`] while a relay works with either; [`StoreError::Io`].
pub fn repair(folder: &Path, into: &Path) -> Result<Repaired, StoreError> {
    let _lock = folder::lock(folder)?;
    let reading = ledger::read(folder).map_err(io("reading the ledger"))?;
    let salvage = start::gather(&folder::databases(folder)?, &reading)?;
    let path = into.join("sled");
    let new = Database::open(&path, CACHE_MIB, &Steps::default()).map_err(or_damaged(&path))?;
    fill(&new, &salvage, reading.commit)?;
    new.close();
    // With it, the new store finds out by itself what is lost, and tells whose it was.
    let old = folder.join(ledger::NAME);
    if old.exists() {
        fs::copy(old, into.join(ledger::NAME)).map_err(io("copying the ledger"))?;
    }
    let store = SledStore::open(into, CACHE_MIB)?;
    let (loaded, findings) = (store.load()?, store.findings());
    Ok(Repaired {
        mailboxes: loaded.mailboxes.len() as u64,
        envelopes: loaded.envelopes.len() as u64,
        holds: loaded.holds.len() as u64,
        envelopes_lost: findings.envelopes,
        holds_lost: findings.holds,
        all_known: reading.commit > 0 && findings.ledger && !reading.is_damaged,
    })
}

/// Writes everything that was salvaged. `known` is the last commit of the ledger. Returns how many envelopes are
/// missing of holds that the ledger knows.
pub(super) fn fill(new: &Database, salvage: &Salvage, known: u64) -> Result<u64, StoreError> {
    let commit = record::next_group(salvage.commit);
    let target = Target::new(new, None, commit);
    let write = |write: Write| target.write(&write, &mut 0);
    let state = &salvage.state;
    new.insert(Table::Records, PURGED, &purged(known.max(salvage.purged)))?;
    // The ledger does not know of these: what they removed is not lost.
    for (number, (commit, removed)) in (0..).zip(&salvage.removed) {
        for (at, removed) in (0..).zip(removed.chunks(NOTED)) {
            let (key, value) = note(*commit, number * 100 + at, removed);
            new.insert(Table::Records, &key, &value)?;
        }
    }
    let mut used_day = state.clock.as_ref().map_or(0, |clock| clock.record.age_ms / 1000 / DAY_S);
    let mut without: HashSet<MailboxId> = HashSet::new();
    for stored in state.envelopes.values().flat_map(|of| of.values()) {
        let envelope = salvage.envelope(&stored.mailbox, stored.sequence).map_err(io("reading"))?;
        if let Some(envelope) = envelope.found() {
            used_day = used_day.max(stored.kept_since_s() / DAY_S);
            if !state.mailboxes.contains_key(&stored.mailbox) {
                without.insert(stored.mailbox);
            }
            write(Write::Put(*stored, envelope))?;
        }
    }
    for mailbox in state.mailboxes.values() {
        write(Write::Mailbox(mailbox.record.clone()))?;
    }
    // Whoever has the key of one opens it again, and then reads.
    for id in without {
        let last = state.envelopes.get(&id).and_then(|of_it| of_it.last_key_value());
        let sequence_ceiling = last.map_or(0, |(sequence, _)| sequence + 1);
        let used_day = u32::try_from(used_day).unwrap_or(u32::MAX);
        let (access, tokens) = (0, Vec::new());
        let record = MailboxRecord { id, sequence_ceiling, expired: 0, used_day, access, tokens };
        write(Write::Mailbox(record))?;
    }
    let mut missing = 0;
    for hold in state.holds.values() {
        let envelopes = held_of(salvage, &hold.record)?;
        // A later one may have been cut off while it was written, and was not answered then.
        if hold.commit <= known {
            missing += (hold.record.held().count() - envelopes.len()) as u64;
        }
        if !envelopes.is_empty() {
            write(Write::Hold { record: hold.record.clone(), envelopes, replaces: None })?;
        }
    }
    for lost in state.lost_holds.values() {
        write(Write::LostHold(lost.record))?;
    }
    for spent in state.spent.values() {
        write(Write::Spent(spent.record.clone()))?;
    }
    if let Some(clock) = &state.clock {
        write(Write::Clock(clock.record))?;
    }
    // Of a later group: what is missing of those before was not cut off, but lost.
    let (key, value) = note(record::next_group(commit), 0, &[]);
    new.insert(Table::Records, &key, &value)?;
    new.sync()?;
    Ok(missing)
}

fn held_of(
    salvage: &Salvage,
    hold: &HoldRecord,
) -> Result<Vec<(u8, velar_protocol::wire::Envelope)>, StoreError> {
    let mut envelopes = Vec::new();
    for at in (0..=u8::MAX).filter(|at| hold.holds(*at)) {
        let held = salvage.held(hold.key, at).map_err(io("reading"))?;
        envelopes.extend(held.found().map(|held| (at, held)));
    }
    Ok(envelopes)
}

fn copy_files(from: &Path, to: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(from).map_err(io("copying"))? {
        let entry = entry.map_err(io("copying"))?;
        if entry.file_type().map_err(io("copying"))?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).map_err(io("copying"))?;
        }
    }
    Ok(())
}

fn size(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |found| found.len())
}

fn io(doing: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::Io { doing, source }
}
