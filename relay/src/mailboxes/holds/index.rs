//! All holds, in the orders in which they are asked for.

use std::collections::{BTreeSet, HashMap};

use velar_protocol::wire::{HoldId, SendTokenHash};

use crate::clock::Now;
use crate::rate::Bucket;
use crate::store::HoldRecord;

pub(in crate::mailboxes) struct Hold {
    pub(super) record: HoldRecord,
    /// The access tokens that its recipients' mailboxes were by when it was taken or found.
    pub(super) accesses: Vec<u16>,
    /// Being released: its envelopes are on their way from the store.
    pub(super) releasing: bool,
    /// All its envelopes could be read, or were written, in this process.
    pub(super) whole: bool,
    /// Left or extended by somebody who spoke to this process: no outage lies between.
    pub(super) fresh: bool,
    /// Since when none of its recipients is here, in seconds of hold time.
    pub(super) gone_since_s: Option<u64>,
    /// How often it may be written anew. One that replaces another goes on with what that has left.
    pub(super) rate: Bucket,
}

/// All holds, and in which order they are due.
#[derive(Default)]
pub(in crate::mailboxes) struct Holds {
    pub(super) by_id: HashMap<HoldId, Hold>,
    /// Those that are not being released.
    pub(super) due: BTreeSet<(u64, HoldId)>,
    /// Holds that were dropped because their recipients are gone, how many deliveries they had, and until when an `Extend` is told
    /// so, in seconds of hold time.
    pub(super) abandoned: HashMap<HoldId, (usize, u64)>,
    /// How many envelopes are held for each token, registered or not: one that is registered again has its places again.
    held: HashMap<SendTokenHash, u32>,
    /// Holds for mailboxes by each access token.
    by_access: HashMap<u16, u32>,
    /// How many envelopes are held in all.
    envelopes: u64,
    /// How many deliveries all of them have, also such as are not held: each is remembered.
    deliveries: u64,
}

impl Holds {
    pub(in crate::mailboxes) fn with_capacity(holds: u32, deliveries: u32) -> Self {
        let by_id = HashMap::with_capacity(holds as usize);
        Self { by_id, held: HashMap::with_capacity(deliveries as usize), ..Self::default() }
    }

    pub(super) fn has(&self, id: &HoldId) -> bool {
        self.by_id.contains_key(id)
    }

    pub(super) fn get(&self, id: &HoldId) -> Option<&Hold> {
        self.by_id.get(id)
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn insert(&mut self, hold: Hold) {
        let id = hold.record.key.id;
        if !hold.releasing {
            self.due.insert((hold.record.due_s, id));
        }
        self.abandoned.remove(&id);
        self.deliveries += hold.record.deliveries.len() as u64;
        for token in hold.record.held() {
            self.envelopes += 1;
            *self.held.entry(*token).or_default() += 1;
        }
        for access in &hold.accesses {
            *self.by_access.entry(*access).or_default() += 1;
        }
        self.by_id.insert(id, hold);
    }

    /// Holds for mailboxes by this access token.
    pub(super) fn by_access(&self, access: u16) -> u32 {
        self.by_access.get(&access).copied().unwrap_or(0)
    }

    /// Envelopes that are held in all.
    pub(in crate::mailboxes) fn envelopes(&self) -> u64 {
        self.envelopes
    }

    /// Deliveries of all holds together.
    pub(super) fn deliveries(&self) -> u64 {
        self.deliveries
    }

    /// Envelopes that are held for this token.
    pub(in crate::mailboxes) fn held_for(&self, token: &SendTokenHash) -> u32 {
        self.held.get(token).copied().unwrap_or(0)
    }

    pub(super) fn remove(&mut self, id: &HoldId) -> Option<Hold> {
        let hold = self.by_id.remove(id)?;
        self.due.remove(&(hold.record.due_s, *id));
        self.deliveries -= hold.record.deliveries.len() as u64;
        for token in hold.record.held() {
            self.envelopes -= 1;
            match self.held.get_mut(token) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(self.held.remove(token)),
            }
        }
        for access in &hold.accesses {
            match self.by_access.get_mut(access) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(self.by_access.remove(access)),
            }
        }
        Some(hold)
    }

    /// Changes one that stays. What is due follows.
    pub(super) fn change(
        &mut self,
        id: &HoldId,
        change: impl FnOnce(&mut Hold),
    ) -> Option<HoldRecord> {
        let hold = self.by_id.get_mut(id)?;
        self.due.remove(&(hold.record.due_s, *id));
        change(hold);
        if !hold.releasing {
            self.due.insert((hold.record.due_s, *id));
        }
        Some(hold.record.clone())
    }

    pub(super) fn first_due(&self, now: Now) -> Option<HoldId> {
        self.due.first().filter(|(due_s, _)| *due_s <= now.hold_s()).map(|(_, id)| *id)
    }
}
