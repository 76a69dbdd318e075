//! Carries out writes on the databases.

use std::cell::{Cell, RefCell};

use velar_protocol::wire::HoldId;

use super::database::{Database, Table};
use super::start::or_damaged;
use crate::store::entry::Entry;
use crate::store::record::{self, Kind, envelope_key, held_key, record_key, spent_key};
use crate::store::{HeldKey, HoldRecord, StoreError, Write};

pub(super) const CLOCK: &[u8] = b"clock";
/// A value in the newer of two databases: what the older one has under this key counts no more.
pub(super) const GONE: &[u8] = &[];
/// Removals in one note: 40 KiB, below what sled keeps in a page.
pub(super) const NOTED: usize = 1000;

/// The databases, and the commit that writes. While there are two, the older one is never written to: what of one write
/// reached which disk first would decide what a crash leaves. What goes is told by an empty value in the newer one.
pub(super) struct Target<'a> {
    pub(super) new: &'a Database,
    pub(super) old: Option<&'a Database>,
    pub(super) commit: u64,
    /// Empty values that were left, to be cleared away when the older database is.
    pub(super) gone: RefCell<Vec<(Table, Vec<u8>)>>,
    /// Envelopes that came less those that went.
    pub(super) grown: Cell<i64>,
}

impl<'a> Target<'a> {
    pub(super) fn new(new: &'a Database, old: Option<&'a Database>, commit: u64) -> Self {
        Self { new, old, commit, gone: RefCell::default(), grown: Cell::default() }
    }

    fn record(&self, kind: Kind, key: &[u8], body: &[u8]) -> Result<(), StoreError> {
        self.new.insert(Table::Records, key, &record::sealed(kind, self.commit, key, body))
    }

    fn remove(&self, table: Table, key: &[u8]) -> Result<(), StoreError> {
        if self.old.is_none() {
            return self.new.remove(table, key).map(drop);
        }
        self.gone.borrow_mut().push((table, key.to_vec()));
        self.new.insert(table, key, GONE)
    }

    fn grow(&self, by: i64) {
        self.grown.set(self.grown.get() + by);
    }

    /// Keys that begin with `prefix` and have a value, a page at a time.
    fn each(
        &self,
        table: Table,
        prefix: &[u8],
        act: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for (is_old, database) in [(false, Some(self.new)), (true, self.old)] {
            let Some(database) = database else { continue };
            let mut after: Option<Vec<u8>> = None;
            loop {
                let page = database
                    .page(table, prefix, after.as_deref(), 64)
                    .map_err(or_damaged(database.path()))?;
                let Some((last, _)) = page.last() else { break };
                after = Some(last.to_vec());
                for (key, value) in &page {
                    let hidden = || self.new.get(table, key).map_err(or_damaged(self.new.path()));
                    if value != GONE && !(is_old && hidden()?.is_some()) {
                        act(key)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn remove_held(&self, key: HeldKey) -> Result<(), StoreError> {
        let whole = held_key(key, 0);
        let prefix = whole.get(..36).unwrap_or_default();
        // A mailbox of the same 32 bytes has longer keys: only those of this length are the hold's.
        self.each(Table::Envelopes, prefix, &mut |found| {
            if found.len() == record::HELD_KEY {
                self.remove(Table::Envelopes, found)?;
                self.grow(-1);
            }
            Ok(())
        })
    }

    /// `notes` counts those of this commit.
    pub(super) fn write(&self, write: &Write, notes: &mut u32) -> Result<(), StoreError> {
        match write {
            Write::Mailbox(mailbox) => {
                let key = record_key(Kind::Mailbox, mailbox.id.as_bytes());
                self.record(Kind::Mailbox, &key, &record::mailbox_body(mailbox))
            }
            Write::RemoveMailbox(id) => {
                // The record first: an index entry without a mailbox is cleared away at start.
                self.remove(Table::Records, &record_key(Kind::Mailbox, id.as_bytes()))?;
                self.each(Table::Index, id.as_bytes(), &mut |key| {
                    self.grow(-1);
                    self.remove(Table::Index, key)?;
                    self.remove(Table::Envelopes, key)
                })
            }
            Write::Put(stored, envelope) => {
                let key = envelope_key(&stored.mailbox, stored.sequence);
                let value = record::sealed_envelope(self.commit, &key, stored, envelope);
                self.grow(1);
                self.new.insert(Table::Envelopes, &key, &value)?;
                self.new.insert(Table::Index, &key, &record::index_value(&key, stored))
            }
            Write::Remove { mailbox, sequence } => {
                let key = envelope_key(mailbox, *sequence);
                self.grow(-1);
                self.remove(Table::Index, &key)?;
                self.remove(Table::Envelopes, &key)
            }
            Write::Expire { record: mailbox, sequences } => {
                let key = record_key(Kind::Mailbox, mailbox.id.as_bytes());
                let count = u32::try_from(sequences.len()).unwrap_or(u32::MAX);
                let body = record::expiring_body(mailbox, count);
                let value = record::sealed(Kind::Mailbox, self.commit, &key, &body);
                let expired: Vec<Entry> =
                    sequences.iter().map(|at| Entry::ExpireEnvelope(mailbox.id, *at)).collect();
                let noted: Vec<_> = expired
                    .chunks(NOTED)
                    .map(|expired| {
                        *notes += 1;
                        note(self.commit, *notes, expired)
                    })
                    .collect();
                let mut changes: Vec<(&[u8], Option<&[u8]>)> =
                    noted.iter().map(|(key, note)| (&key[..], Some(&note[..]))).collect();
                changes.push((&key, Some(&value)));
                self.new.batch(Table::Records, &changes)?;
                for sequence in sequences {
                    let key = envelope_key(&mailbox.id, *sequence);
                    self.grow(-1);
                    self.remove(Table::Index, &key)?;
                    self.remove(Table::Envelopes, &key)?;
                }
                Ok(())
            }
            Write::Hold { record: hold, envelopes, replaces } => {
                for (delivery, envelope) in envelopes {
                    let key = held_key(hold.key, *delivery);
                    self.grow(1);
                    let value = record::sealed(Kind::Held, self.commit, &key, envelope.as_bytes());
                    self.new.insert(Table::Envelopes, &key, &value)?;
                }
                self.swap_hold(hold, replaces.map(|old| old.id))?;
                replaces.map_or(Ok(()), |old| self.remove_held(old))
            }
            Write::HoldRecord(hold) => {
                let key = record_key(Kind::Hold, hold.key.id.as_bytes());
                self.record(Kind::Hold, &key, &record::hold_body(hold))
            }
            Write::RemoveHold(held) | Write::ReleaseHold(held) => {
                self.remove(Table::Records, &record_key(Kind::Hold, held.id.as_bytes()))?;
                self.remove_held(*held)
            }
            Write::LostHold(lost) => {
                let key = record_key(Kind::LostHold, lost.id.as_bytes());
                self.record(Kind::LostHold, &key, &lost.until_s.to_le_bytes())
            }
            Write::ForgetLostHold(id) => {
                self.remove(Table::Records, &record_key(Kind::LostHold, id.as_bytes()))
            }
            Write::OpenByChild { mailbox, spent } => {
                let key = record_key(Kind::Mailbox, mailbox.id.as_bytes());
                let body = record::mailbox_body(mailbox);
                let opened = record::sealed(Kind::Mailbox, self.commit, &key, &body);
                let (of_token, body) = (spent_key(spent.access), record::opening_body(spent));
                let spent = record::sealed(Kind::Spent, self.commit, &of_token, &body);
                let changes = [(&key[..], Some(&opened[..])), (&of_token[..], Some(&spent[..]))];
                self.new.batch(Table::Records, &changes)
            }
            Write::Spent(spent) => {
                let key = spent_key(spent.access);
                self.record(Kind::Spent, &key, &record::spent_body(spent))
            }
            Write::Clock(mark) => self.record(Kind::Clock, CLOCK, &record::clock_body(mark)),
        }
    }

    /// The new hold's record comes and the old one's goes in one step: two small records of one tree. Where the engine cannot
    /// tell, the new one does.
    fn swap_hold(&self, hold: &HoldRecord, replaces: Option<HoldId>) -> Result<(), StoreError> {
        let key = record_key(Kind::Hold, hold.key.id.as_bytes());
        let Some(old) = replaces.filter(|old| *old != hold.key.id) else {
            return self.record(Kind::Hold, &key, &record::hold_body(hold));
        };
        let gone = record_key(Kind::Hold, old.as_bytes());
        let body = record::replacing_body(hold, old);
        let value = record::sealed(Kind::Hold, self.commit, &key, &body);
        let after = self.old.map(|_| GONE);
        if after.is_some() {
            self.gone.borrow_mut().push((Table::Records, gone.to_vec()));
        }
        self.new.batch(Table::Records, &[(&gone, after), (&key, Some(&value))])
    }
}

/// Notes are in the tree of the records, so that one can come in the same step as a record.
pub(super) const NOTE: &[u8] = &[Kind::Note.byte()];

/// `n ‖ commit(8, big-endian) ‖ number(4, big-endian)`.
fn note_key(commit: u64, number: u32) -> [u8; 13] {
    let mut key = [Kind::Note.byte(); 13];
    key[1..9].copy_from_slice(&commit.to_be_bytes());
    key[9..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The commit in the key of a note. `None`: this is none.
pub(super) fn note_commit(key: &[u8]) -> Option<u64> {
    let rest = key.strip_prefix(NOTE).filter(|rest| rest.len() == 12)?;
    rest.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// Key and value of a note.
pub(super) fn note(commit: u64, number: u32, removed: &[Entry]) -> ([u8; 13], Vec<u8>) {
    let (key, mut body) = (note_key(commit, number), Vec::new());
    for entry in removed {
        entry.encode(0, &mut body);
    }
    (key, record::sealed(Kind::Note, commit, &key, &body))
}

/// What a note says was removed. `None` if it makes no sense.
pub(super) fn noted(mut body: &[u8]) -> Option<Vec<Entry>> {
    let mut removed = Vec::new();
    while !body.is_empty() {
        removed.push(Entry::decode(&mut body)?.1);
    }
    Some(removed)
}
