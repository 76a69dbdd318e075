//! What the databases have, beside what the ledger says.

use std::collections::HashMap;

use velar_protocol::wire::MailboxId;

use super::look::{Disk, Look};
use super::{Found, Plan};
use crate::limits::LOST_HOLD_S;
use crate::store::entry::{Entry, State, Versioned};
use crate::store::ledger::Reading;
use crate::store::record;
use crate::store::sled::database::Database;
use crate::store::{HoldRecord, LostHold, StoreError, Write};

impl Found {
    /// Compares with the ledger. Reads single envelopes where it must.
    pub(in crate::store::sled) fn compare(
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
