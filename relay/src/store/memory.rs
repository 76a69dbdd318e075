//! A store that forgets when the process ends: for tests, and the model that the others are held to.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use velar_protocol::wire::{Envelope, HoldId, MailboxId};

use super::{
    ClockMark, HeldKey, HoldRecord, Loaded, LostHold, MailboxRecord, SpentChildren, Store,
    StoreError, StoredEnvelope, Write,
};

/// Keeps everything in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    mailboxes: BTreeMap<MailboxId, MailboxRecord>,
    envelopes: BTreeMap<(MailboxId, u64), (StoredEnvelope, Envelope)>,
    holds: BTreeMap<HoldId, HoldRecord>,
    held: HashMap<(HeldKey, u8), Envelope>,
    lost_holds: BTreeMap<HoldId, LostHold>,
    spent: BTreeMap<u16, SpentChildren>,
    clock: Option<ClockMark>,
}

impl MemoryStore {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As damage would.
    #[cfg(test)]
    pub(crate) fn damage(&self, key: HeldKey, delivery: u8) {
        self.kept().held.remove(&(key, delivery)).unwrap();
    }
}

impl Kept {
    fn apply(&mut self, write: &Write) {
        match write {
            Write::Mailbox(record) => {
                self.mailboxes.insert(record.id, record.clone());
            }
            Write::RemoveMailbox(id) => {
                self.mailboxes.remove(id);
                self.envelopes.retain(|(mailbox, _), _| mailbox != id);
            }
            Write::Put(stored, envelope) => {
                let key = (stored.mailbox, stored.sequence);
                self.envelopes.insert(key, (*stored, envelope.clone()));
            }
            Write::Remove { mailbox, sequence } => {
                self.envelopes.remove(&(*mailbox, *sequence));
            }
            Write::Expire { record, sequences } => {
                for sequence in sequences {
                    self.envelopes.remove(&(record.id, *sequence));
                }
                self.mailboxes.insert(record.id, record.clone());
            }
            Write::Hold { record, envelopes, replaces } => {
                if let Some(old) = replaces {
                    self.holds.remove(&old.id);
                    self.remove_held(*old);
                }
                for (delivery, envelope) in envelopes {
                    self.held.insert((record.key, *delivery), envelope.clone());
                }
                self.holds.insert(record.key.id, record.clone());
            }
            Write::HoldRecord(record) => {
                self.holds.insert(record.key.id, record.clone());
            }
            Write::RemoveHold(key) | Write::ReleaseHold(key) => {
                self.holds.remove(&key.id);
                self.remove_held(*key);
            }
            Write::LostHold(lost) => {
                self.lost_holds.insert(lost.id, *lost);
            }
            Write::ForgetLostHold(id) => {
                self.lost_holds.remove(id);
            }
            Write::OpenByChild { mailbox, spent } => {
                self.mailboxes.insert(mailbox.id, mailbox.clone());
                self.spent.insert(spent.access, spent.clone());
            }
            Write::Spent(spent) => {
                self.spent.insert(spent.access, spent.clone());
            }
            Write::Clock(mark) => self.clock = Some(*mark),
        }
    }

    fn remove_held(&mut self, key: HeldKey) {
        self.held.retain(|(of, _), _| *of != key);
    }
}

impl Store for MemoryStore {
    fn load(&self) -> Result<Loaded, StoreError> {
        let kept = self.kept();
        Ok(Loaded {
            mailboxes: kept.mailboxes.values().cloned().collect(),
            envelopes: kept.envelopes.values().map(|(stored, _)| *stored).collect(),
            holds: kept.holds.values().cloned().collect(),
            lost_holds: kept.lost_holds.values().copied().collect(),
            spent: super::remembered(kept.spent.values().cloned()),
            clock: kept.clock,
            set_aside: 0,
        })
    }

    fn apply(&self, writes: &[Write]) -> Result<(), StoreError> {
        let mut kept = self.kept();
        for write in writes {
            kept.apply(write);
        }
        Ok(())
    }

    fn commit(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn envelope(&self, mailbox: &MailboxId, sequence: u64) -> Result<Option<Envelope>, StoreError> {
        Ok(self.kept().envelopes.get(&(*mailbox, sequence)).map(|(_, envelope)| envelope.clone()))
    }

    fn held(&self, key: HeldKey, delivery: u8) -> Result<Option<Envelope>, StoreError> {
        Ok(self.kept().held.get(&(key, delivery)).cloned())
    }

    fn free_bytes(&self) -> Option<u64> {
        None
    }
}
