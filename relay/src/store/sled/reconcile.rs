//! Compares what the databases have with what the ledger says they should have.

use std::collections::{HashMap, HashSet};

use velar_protocol::wire::{HoldId, MailboxId};

use super::compaction::{COPIED, Copied};
use super::database::{Database, Table};
use super::salvage;
use super::target::{CLOCK, GONE, noted};
use crate::store::entry::{Entry, State, Versioned};
use crate::store::record::{self, Kind};
use crate::store::{
    ClockMark, HoldRecord, Loaded, LostHold, MailboxRecord, SpentChildren, StoreError,
    StoredEnvelope, Write, remembered,
};

mod compare;
mod look;

/// Names the note that says up to which commit notes may be gone.
pub(super) const PURGED: &[u8] = b"purged";

/// Its value: a record of that commit, to be found without the engine too.
pub(super) fn purged(commit: u64) -> Vec<u8> {
    record::sealed(Kind::Note, commit, PURGED, &[])
}

/// What the databases have.
#[derive(Default)]
pub(super) struct Found {
    mailboxes: HashMap<MailboxId, Versioned<MailboxRecord>>,
    holds: HashMap<HoldId, Versioned<HoldRecord>>,
    lost_holds: HashMap<HoldId, Versioned<LostHold>>,
    spent: HashMap<u16, Versioned<SpentChildren>>,
    clock: Option<Versioned<ClockMark>>,
    index: Vec<StoredEnvelope>,
    /// What commits removed that the ledger has not heard of, in their order.
    notes: Vec<(u64, Vec<Entry>)>,
    /// The last commit of which there was a note.
    noted: u64,
    /// Notes of commits up to this may be gone: the ledger was synced after it.
    purged: u64,
    /// How far a compaction that was cut off had come.
    pub(super) copied: Copied,
    /// Records that do not check out.
    pub(super) bad: Vec<(Table, Vec<u8>, Vec<u8>)>,
    /// Empty values of the newer database, which hide those of the older.
    pub(super) gone: HashSet<(Table, Vec<u8>)>,
    /// All pages could be read.
    pub(super) whole: bool,
}

/// What follows from the comparison.
#[derive(Default)]
pub(super) struct Plan {
    /// Envelopes that are there without their index entry.
    pub(super) unindexed: Vec<StoredEnvelope>,
    /// Writes that bring the databases to what they should have.
    pub(super) writes: Vec<Write>,
    /// Entries that the ledger does not have yet, with their commits.
    pub(super) unrecorded: Vec<(u64, Entry)>,
    /// What there is, then.
    pub(super) loaded: Loaded,
    /// The last commit that left a trace.
    pub(super) commit: u64,
    /// Something that is said to be there could not be read.
    pub(super) in_doubt: bool,
    /// The ledger says everything up to its end; if not, what is lost cannot be known.
    pub(super) covered: bool,
    /// Envelopes and holds that are lost.
    pub(super) lost: (u64, u64),
    /// Records taken from the ledger.
    pub(super) restored: u64,
}

/// Reads records, index and the notes of commits after `known` of both databases; of two records of one key the newer
/// database's counts.
pub(super) fn scan(
    new: &Database,
    old: Option<&Database>,
    known: u64,
) -> Result<Found, StoreError> {
    let mut found = Found { whole: true, ..Found::default() };
    for (is_old, database) in [(false, Some(new)), (true, old)] {
        let Some(database) = database else { continue };
        let mut whole = database.scan(Table::Records, &mut |key, value| {
            if value == GONE {
                found.gone.insert((Table::Records, key.to_vec()));
                return;
            }
            if key == COPIED {
                if !is_old {
                    found.copied = Copied::read(value);
                }
                return;
            }
            if found.note(key, value, known) || (is_old && found.hides(Table::Records, key)) {
                return;
            }
            if !found.record(key, value, is_old) {
                found.bad.push((Table::Records, key.to_vec(), value.to_vec()));
            }
        })?;
        whole &= database.scan(Table::Index, &mut |key, value| {
            if value == GONE {
                found.gone.extend([Table::Index, Table::Envelopes].map(|it| (it, key.to_vec())));
            } else if !(is_old && found.hides(Table::Index, key)) {
                match record::index_entry(key, value) {
                    Some(stored) => found.index.push(stored),
                    None => found.bad.push((Table::Index, key.to_vec(), value.to_vec())),
                }
            }
        })?;
        found.whole &= whole;
    }
    // Stable: of two in one place the newer database's comes first, and stays.
    found.index.sort_by_key(|stored| (stored.mailbox, stored.sequence));
    found.index.dedup_by_key(|stored| (stored.mailbox, stored.sequence));
    found.notes.sort_by_key(|(commit, _)| *commit);
    Ok(found)
}

impl Found {
    fn hides(&self, table: Table, key: &[u8]) -> bool {
        !self.gone.is_empty() && self.gone.contains(&(table, key.to_vec()))
    }

    /// Files one record. `false` if it does not check out.
    fn record(&mut self, key: &[u8], value: &[u8], is_old: bool) -> bool {
        let kind = match key.first() {
            _ if key == CLOCK => Kind::Clock,
            Some(first) if *first == Kind::Mailbox.byte() => Kind::Mailbox,
            Some(first) if *first == Kind::Hold.byte() => Kind::Hold,
            Some(first) if *first == Kind::LostHold.byte() => Kind::LostHold,
            Some(first) if *first == Kind::Spent.byte() => Kind::Spent,
            _ => return false,
        };
        if record::opened(kind, key, value).is_none() {
            return false;
        }
        let Some(raw) = record::parse(value) else { return false };
        let commit = raw.commit;
        match salvage::entry(&raw) {
            Some(Entry::Mailbox(record)) => {
                let versioned = Versioned { commit, record };
                let id = versioned.record.id;
                if is_old {
                    self.mailboxes.entry(id).or_insert(versioned);
                } else {
                    self.mailboxes.insert(id, versioned);
                }
            }
            Some(Entry::Hold(record)) => {
                let versioned = Versioned { commit, record };
                let id = versioned.record.key.id;
                if is_old {
                    self.holds.entry(id).or_insert(versioned);
                } else {
                    self.holds.insert(id, versioned);
                }
            }
            Some(Entry::LostHold(record)) => {
                self.lost_holds.entry(record.id).or_insert(Versioned { commit, record });
            }
            Some(Entry::Spent(record)) => {
                let versioned = Versioned { commit, record };
                let access = versioned.record.access;
                if is_old {
                    self.spent.entry(access).or_insert(versioned);
                } else {
                    self.spent.insert(access, versioned);
                }
            }
            Some(Entry::Clock(record)) => {
                if self.clock.as_ref().is_none_or(|clock| clock.commit < commit) {
                    self.clock = Some(Versioned { commit, record });
                }
            }
            _ => return false,
        }
        true
    }

    /// Files one note, if it is of a commit after `known`. `false` if it is none.
    fn note(&mut self, key: &[u8], value: &[u8], known: u64) -> bool {
        if key == PURGED {
            if let Some((commit, _)) = record::opened(Kind::Note, key, value) {
                self.purged = self.purged.max(commit);
            }
            return true;
        }
        let Some((commit, body)) = record::opened(Kind::Note, key, value) else { return false };
        let Some(removed) = noted(body) else { return false };
        self.noted = self.noted.max(commit);
        if commit > known {
            self.notes.push((commit, removed));
        }
        true
    }

    /// Whether all that does not check out is in the ledger, too. If not, an older copy may still lie in the file.
    pub(super) fn bad_is_known(&self, ledger: &State) -> bool {
        self.bad.iter().all(|(table, key, _)| match table {
            Table::Index => record::envelope_place(key).is_none_or(|(mailbox, sequence)| {
                ledger.envelopes.get(&mailbox).is_some_and(|of| of.contains_key(&sequence))
            }),
            _ => ledger.has_record(key),
        })
    }

    fn commit(&self) -> u64 {
        let records = self.mailboxes.values().map(|it| it.commit);
        let holds = self.holds.values().map(|it| it.commit);
        let lost = self.lost_holds.values().map(|it| it.commit);
        let spent = self.spent.values().map(|it| it.commit);
        let clock = self.clock.iter().map(|it| it.commit);
        let records = records.chain(holds).chain(lost).chain(spent).chain(clock);
        let records = records.max().unwrap_or(0);
        records.max(self.noted).max(self.purged)
    }

    /// As it is, compared with nothing.
    pub(super) fn loaded(self, set_aside: u64) -> Loaded {
        let mut mailboxes: Vec<_> = self.mailboxes.into_values().map(|it| it.record).collect();
        mailboxes.sort_unstable_by_key(|record| record.id);
        let mut holds: Vec<_> = self.holds.into_values().map(|it| it.record).collect();
        holds.sort_unstable_by_key(|record| record.key.id);
        let mut lost_holds: Vec<_> = self.lost_holds.into_values().map(|it| it.record).collect();
        lost_holds.sort_unstable_by_key(|record| record.id);
        let spent = remembered(self.spent.into_values().map(|it| it.record));
        let clock = self.clock.map(|it| it.record);
        Loaded { mailboxes, envelopes: self.index, holds, lost_holds, spent, clock, set_aside }
    }
}

/// What a state says there is.
pub(super) fn loaded_from(state: &State, set_aside: u64) -> Loaded {
    let found = Found {
        mailboxes: state.mailboxes.clone(),
        holds: state.holds.clone(),
        lost_holds: state.lost_holds.clone(),
        spent: state.spent.clone(),
        clock: state.clock.clone(),
        index: state.envelopes.values().flat_map(|of| of.values()).copied().collect(),
        ..Found::default()
    };
    let mut loaded = found.loaded(set_aside);
    loaded.envelopes.sort_unstable_by_key(|stored| (stored.mailbox, stored.sequence));
    loaded
}
