//! Compares what the databases have with what the ledger says they should have.

use std::collections::{HashMap, HashSet};

use velar_protocol::wire::{HoldId, MailboxId};

use super::compaction::{COPIED, Copied};
use super::database::{Database, Table};
use super::salvage;
use super::target::{CLOCK, GONE, noted};
use crate::limits::LOST_HOLD_S;
use crate::store::entry::{Entry, State, Versioned};
use crate::store::ledger::Reading;
use crate::store::record::{self, Kind};
use crate::store::{
    ClockMark, HoldRecord, Loaded, LostHold, MailboxRecord, SpentChildren, StoreError,
    StoredEnvelope, Write, remembered,
};

mod look;

use self::look::{Disk, Look};

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

    /// Compares with the ledger. Reads single envelopes where it must.
    pub(super) fn compare(
        mut self,
        ledger: &Reading,
        new: &Database,
        old: Option<&Database>,
    ) -> Result<Plan, StoreError> {
        let mut plan = Plan { commit: self.commit().max(ledger.commit), ..Plan::default() };
        plan.covered = ledger.commit >= self.purged;
        let mut expected = State::default();
        let expired = self.expired();
        if plan.covered {
            expected = ledger.state.clone();
            for (_, removed) in self.notes.drain(..) {
                for entry in removed {
                    plan.unrecorded.push((0, entry.clone()));
                    expected.take(0, entry);
                }
            }
        }
        let disk = Disk { new, old };
        self.compare_records(&expected, ledger, &mut plan);
        self.compare_envelopes(&expected, &expired, &disk, &mut plan)?;
        self.compare_holds(&expected, ledger, &disk, &mut plan)?;
        let set_aside = plan.lost.0 + plan.lost.1 + self.bad.len() as u64;
        plan.loaded = self.loaded(set_aside);
        Ok(plan)
    }

    /// Envelopes that expired in commits that the ledger has not heard of: they are counted, whether they are still there
    /// or not.
    fn expired(&self) -> HashMap<(MailboxId, u64), u64> {
        let expired = self.notes.iter().flat_map(|(commit, removed)| {
            removed.iter().filter_map(move |entry| match entry {
                Entry::ExpireEnvelope(mailbox, sequence) => Some(((*mailbox, *sequence), *commit)),
                _ => None,
            })
        });
        expired.collect()
    }

    /// Mailboxes, used children and the mark: of two versions the newer counts, wherever it is.
    fn compare_records(&mut self, expected: &State, ledger: &Reading, plan: &mut Plan) {
        for (id, wanted) in &expected.mailboxes {
            if self.mailboxes.get(id).is_none_or(|found| found.commit < wanted.commit) {
                plan.restored += 1;
                plan.writes.push(Write::Mailbox(wanted.record.clone()));
                self.mailboxes.insert(*id, wanted.clone());
            }
        }
        for (access, wanted) in &expected.spent {
            let found = self.spent.get(access);
            if found.is_none_or(|found| found.commit < wanted.commit) {
                plan.restored += 1;
                plan.writes.push(Write::Spent(wanted.record.clone()));
                self.spent.insert(*access, wanted.clone());
            }
        }
        for (access, found) in &self.spent {
            if expected.spent.get(access) != Some(found) {
                plan.unrecorded.push((found.commit, Entry::Spent(found.record.clone())));
            }
        }
        if let Some(wanted) = &expected.clock
            && self.clock.as_ref().is_none_or(|found| found.commit < wanted.commit)
        {
            plan.writes.push(Write::Clock(wanted.record));
            self.clock = Some(wanted.clone());
        }
        self.mailboxes.retain(|id, found| {
            // By the ledger alone: what a note tells of may not have happened.
            let removed = plan.covered
                && found.commit <= ledger.commit
                && !ledger.state.mailboxes.contains_key(id);
            if removed {
                plan.writes.push(Write::RemoveMailbox(*id));
            } else if expected.mailboxes.get(id) != Some(found) {
                plan.unrecorded.push((found.commit, Entry::Mailbox(found.record.clone())));
            }
            !removed
        });
        if let Some(found) = &self.clock {
            plan.unrecorded.push((found.commit, Entry::Clock(found.record)));
        }
    }

    fn compare_envelopes(
        &mut self,
        expected: &State,
        expired: &HashMap<(MailboxId, u64), u64>,
        disk: &Disk<'_>,
        plan: &mut Plan,
    ) -> Result<(), StoreError> {
        let mut kept = Vec::with_capacity(self.index.len());
        for stored in self.index.drain(..) {
            let wanted =
                expected.envelopes.get(&stored.mailbox).and_then(|of| of.get(&stored.sequence));
            if wanted == Some(&stored) {
                kept.push(stored);
                continue;
            }
            let expired = expired.get(&(stored.mailbox, stored.sequence));
            let stays = match disk.look(&stored)? {
                Look::There(commit) => {
                    plan.commit = plan.commit.max(commit);
                    // A place may be used again after what was there expired.
                    expired.is_none_or(|at| commit > *at)
                }
                // Damage alone leaves an entry without its envelope: it is told when that is read, or by a rebuild.
                Look::Missing | Look::Unreadable => {
                    plan.in_doubt = true;
                    wanted.is_none() && expired.is_none()
                }
            };
            if stays {
                // Written by a commit that the ledger has not heard of, or removed by one that the engine has lost.
                plan.unrecorded.push((0, Entry::Envelope(stored)));
                kept.push(stored);
            } else if wanted.is_none() {
                let (mailbox, sequence) = (stored.mailbox, stored.sequence);
                plan.writes.push(Write::Remove { mailbox, sequence });
            }
        }
        let mut lost: HashMap<MailboxId, Vec<u64>> = HashMap::new();
        let mut back = Vec::new();
        for wanted in expected.envelopes.values().flat_map(|of| of.values()) {
            let place = (wanted.mailbox, wanted.sequence);
            let at = kept.binary_search_by_key(&place, |stored| (stored.mailbox, stored.sequence));
            if at.is_ok() {
                continue;
            }
            let look = disk.look(wanted)?;
            plan.in_doubt |= matches!(look, Look::Unreadable);
            if matches!(look, Look::Missing) {
                lost.entry(wanted.mailbox).or_default().push(wanted.sequence);
            } else {
                plan.unindexed.push(*wanted);
                back.push(*wanted);
            }
        }
        for (mailbox, sequences) in lost {
            plan.lost.0 += sequences.len() as u64;
            if let Some(found) = self.mailboxes.get_mut(&mailbox) {
                found.record.expired += sequences.len() as u64;
                let record = found.record.clone();
                plan.writes.push(Write::Expire { record, sequences });
            } else {
                // A mailbox that is gone has nobody to tell.
                let gone = |sequence| Write::Remove { mailbox, sequence };
                plan.writes.extend(sequences.into_iter().map(gone));
            }
        }
        kept.extend(back);
        kept.sort_unstable_by_key(|stored| (stored.mailbox, stored.sequence));
        self.index = kept;
        Ok(())
    }

    /// The mark of a lost hold stays for as long as its owner may ask for it.
    fn lost_hold(&self, hold: &HoldRecord) -> LostHold {
        let now_s = self.clock.as_ref().map_or(0, |clock| clock.record.hold_ms / 1000);
        LostHold { id: hold.key.id, until_s: hold.due_s.max(now_s) + LOST_HOLD_S }
    }

    fn compare_holds(
        &mut self,
        expected: &State,
        ledger: &Reading,
        disk: &Disk<'_>,
        plan: &mut Plan,
    ) -> Result<(), StoreError> {
        for (id, wanted) in &expected.holds {
            if self.holds.get(id).is_some_and(|found| found.commit >= wanted.commit) {
                continue;
            }
            let mut is_there = false;
            for (at, _) in (0..=u8::MAX).zip(&wanted.record.deliveries) {
                let look = disk.look_for_held(&record::held_key(wanted.record.key, at))?;
                plan.in_doubt |= matches!(look, Look::Unreadable);
                is_there |= !matches!(look, Look::Missing);
            }
            if is_there {
                plan.restored += 1;
                plan.writes.push(Write::HoldRecord(wanted.record.clone()));
                self.holds.insert(*id, wanted.clone());
            } else {
                plan.lost.1 += 1;
                self.holds.remove(id);
                let record = self.lost_hold(&wanted.record);
                plan.writes.push(Write::LostHold(record));
                plan.writes.push(Write::ReleaseHold(wanted.record.key));
                self.lost_holds.insert(*id, Versioned { commit: 0, record });
            }
        }
        for (id, wanted) in &expected.lost_holds {
            if !self.lost_holds.contains_key(id) {
                plan.writes.push(Write::LostHold(wanted.record));
                self.lost_holds.insert(*id, wanted.clone());
            }
        }
        for found in self.lost_holds.values() {
            plan.unrecorded.push((found.commit, Entry::LostHold(found.record)));
        }
        self.holds.retain(|id, found| {
            let removed = plan.covered
                && found.commit <= ledger.commit
                && !ledger.state.holds.contains_key(id);
            if removed {
                plan.writes.push(Write::RemoveHold(found.record.key));
            } else if expected.holds.get(id) != Some(found) {
                plan.unrecorded.push((found.commit, Entry::Hold(found.record.clone())));
            }
            !removed
        });
        Ok(())
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
