//! What the last group of commits has left, where a power cut may have taken any part of it: not one sector after the other,
//! as the engine reads its log, but each by itself. A record that comes in one step with what goes, or with other records,
//! says so itself; here it is found out whether all of that is there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use velar_protocol::wire::{HoldId, MailboxId};

use super::{Salvage, entry};
use crate::store::entry::Entry;
use crate::store::record::{self, Kind, Raw};
use crate::store::{HoldRecord, SpentChildren};

/// Records of which it is not known yet whether they count.
#[derive(Debug, Default)]
pub(super) struct Versions {
    /// Of each hold by commit: the newest, and what would be true without it.
    holds: HashMap<HoldId, BTreeMap<u64, Version>>,
    /// Of each access token, by commit, the used children, and whether a mailbox was opened in the same step.
    spent: HashMap<u16, BTreeMap<u64, (SpentChildren, bool)>>,
    /// Commits of the last group that wrote the record of a mailbox.
    opened: BTreeSet<u64>,
    /// How many envelopes expired with the record of a mailbox that counts, and the commit.
    expired: HashMap<MailboxId, (u64, u32)>,
}

#[derive(Debug)]
struct Version {
    record: HoldRecord,
    replaces: Option<HoldId>,
}

impl Versions {
    /// `last` is the last commit so far.
    pub(super) fn add_hold(&mut self, raw: &Raw<'_>, last: u64) {
        let Some(Entry::Hold(record)) = entry(raw) else { return };
        let replaces = record::replaced_with(raw.body);
        let versions = self.holds.entry(record.key.id).or_default();
        versions.insert(raw.commit, Version { record, replaces });
        keep_newest(versions, last);
    }

    /// `last` is the last commit so far.
    pub(super) fn add_spent(&mut self, raw: &Raw<'_>, last: u64) {
        let Some(Entry::Spent(spent)) = entry(raw) else { return };
        let versions = self.spent.entry(spent.access).or_default();
        versions.insert(raw.commit, (spent, record::opens(raw.body)));
        keep_newest(versions, last);
    }

    /// `last` is the last commit so far.
    pub(super) fn note_opened(&mut self, raw: &Raw<'_>, last: u64) {
        if raw.kind == Kind::Mailbox && raw.commit >= record::group_start(last) {
            self.opened.insert(raw.commit);
        }
    }

    pub(super) fn note_expired(&mut self, raw: &Raw<'_>) {
        let id = raw.key.get(1..).and_then(|id| id.try_into().ok());
        let Some(id) = id.map(MailboxId).filter(|_| raw.kind == Kind::Mailbox) else { return };
        self.expired.insert(id, (raw.commit, record::expired_with(raw.body)));
    }
}

/// Of those that were synced only the newest can count.
fn keep_newest<T>(versions: &mut BTreeMap<u64, T>, last: u64) {
    let newest = versions.range(..record::group_start(last)).next_back();
    if let Some(newest) = newest.map(|(commit, _)| *commit) {
        *versions = versions.split_off(&newest);
    }
}

impl Salvage {
    /// Takes what counts, now that all is read, and adds to the notes, which are in order, what went with it. Returns holds
    /// of which the newest does not count: were it read again beside later commits, it would look as if it had been synced.
    pub(super) fn settle(&mut self, notes: &mut Vec<(u64, Vec<Entry>)>) -> Vec<HoldId> {
        let versions = std::mem::take(&mut self.versions);
        let (mut void, mut unnoted) = (Vec::new(), Vec::new());
        let of = |commit: u64| {
            let from = notes.partition_point(|(at, _)| *at < commit);
            let of_it = notes.iter().skip(from).take_while(move |(at, _)| *at == commit);
            of_it.flat_map(|(_, removed)| removed)
        };
        for (id, versions) in versions.holds {
            let counts =
                |(commit, version): &(u64, Version)| self.is_whole(*commit, &version.record);
            let newest = versions.last_key_value().map(|(commit, _)| *commit);
            let counting = versions.into_iter().rev().find(counts);
            if counting.as_ref().map(|(commit, _)| *commit) != newest {
                void.push(id);
            }
            let Some((commit, version)) = counting else { continue };
            if let Some(old) = version.replaces {
                let replaced = Entry::ReplaceHold { old, new: id };
                if !of(commit).any(|removed| *removed == replaced) {
                    unnoted.push((commit, vec![replaced]));
                }
            }
            self.state.take(commit, Entry::Hold(version.record));
        }
        for (access, versions_of_it) in versions.spent {
            let newest = versions_of_it.last_key_value().map(|(commit, _)| *commit);
            let counts = |(commit, (_, opens)): &(u64, (SpentChildren, bool))| {
                !opens || !self.is_open(*commit) || versions.opened.contains(commit)
            };
            match (versions_of_it.into_iter().rev().find(counts), newest) {
                (Some((commit, (spent, _))), _) => self.state.take(commit, Entry::Spent(spent)),
                // Nobody was answered who would have used them. Written anew, as every list is, so that this one never counts.
                (None, Some(newest)) if !self.state.spent.contains_key(&access) => {
                    let none = SpentChildren { access, children: Vec::new() };
                    self.state.take(newest, Entry::Spent(none));
                }
                (None, _) => {}
            }
        }
        for (id, (commit, count)) in versions.expired {
            if !self.is_open(commit) {
                continue;
            }
            let is_it = |entry: &&Entry| matches!(entry, Entry::ExpireEnvelope(of, _) if *of == id);
            let noted = of(commit).filter(is_it).count() as u64;
            if let Some(found) = self.state.mailboxes.get_mut(&id) {
                // Those without a note are still there.
                let stayed = u64::from(count).saturating_sub(noted);
                found.record.expired = found.record.expired.saturating_sub(stayed);
            }
        }
        notes.append(&mut unnoted);
        notes.sort_by_key(|(commit, _)| *commit);
        void
    }

    /// Whether a commit is of the last group, and nothing tells that it was synced.
    fn is_open(&self, commit: u64) -> bool {
        commit >= record::group_start(self.commit) && commit > self.purged
    }

    /// Whether this version of a hold was not cut off: if its envelopes are all there, or at least one of an earlier group.
    fn is_whole(&self, commit: u64, hold: &HoldRecord) -> bool {
        let mut held = (0..=u8::MAX).filter(|at| hold.holds(*at));
        let of = |at: u8| self.held.get(&(hold.key, at));
        !self.is_open(commit)
            || held.clone().all(|at| of(at).is_some())
            || held.any(|at| of(at).is_some_and(|(commit, _)| !self.is_open(*commit)))
    }
}
