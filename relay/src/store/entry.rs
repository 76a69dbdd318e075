//! What a [`Write`] changes in what the store knows, without the envelopes' bytes: the content of the ledger, and of
//! the notes that the engine keeps of removals.
//!
//! ```text
//! entry   = tag(1) ‖ key ‖ (for what is put:) commit(8) ‖ body length(2) ‖ body
//! ```
//!
//! Integers are little-endian; the tag is a kind in lower case for what is put, in upper case for what is removed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use velar_protocol::wire::{HoldId, MailboxId};

use super::record::{self, ENVELOPE_KEY, Kind, RECORD_KEY, Raw, take};
use super::{
    ClockMark, HoldRecord, LostHold, MailboxRecord, SpentChildren, StoredEnvelope, Write,
    short_digest,
};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Mailbox(MailboxRecord),
    RemoveMailbox(MailboxId),
    Envelope(StoredEnvelope),
    RemoveEnvelope(MailboxId, u64),
    /// Removed unread, and counted: if it is still there, it must not be counted again.
    ExpireEnvelope(MailboxId, u64),
    Hold(HoldRecord),
    RemoveHold(HoldId),
    /// Its envelopes were put first, or that it was lost: if that is not there, it has not happened.
    ReleaseHold(HoldId),
    /// The one that comes in its place is written in the same step.
    ReplaceHold {
        old: HoldId,
        new: HoldId,
    },
    LostHold(LostHold),
    ForgetLostHold(HoldId),
    Spent(SpentChildren),
    Clock(ClockMark),
}

/// A record, and the commit that wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Versioned<T> {
    pub(super) commit: u64,
    pub(super) record: T,
}

/// Bytes that an envelope takes in a ledger.
pub(super) const LEDGER_ENVELOPE: u64 = 80;

/// What a store should have, according to a sequence of entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) mailboxes: HashMap<MailboxId, Versioned<MailboxRecord>>,
    /// Shared with clones until one of them changes: there may be millions.
    pub(super) envelopes: HashMap<MailboxId, Arc<BTreeMap<u64, StoredEnvelope>>>,
    pub(super) holds: HashMap<HoldId, Versioned<HoldRecord>>,
    pub(super) lost_holds: HashMap<HoldId, Versioned<LostHold>>,
    /// By the index of the access token.
    pub(super) spent: HashMap<u16, Versioned<SpentChildren>>,
    pub(super) clock: Option<Versioned<ClockMark>>,
}

/// What a write changes. A replaced hold goes before the one that comes.
pub(super) fn entries(write: &Write) -> Vec<Entry> {
    match write {
        Write::Mailbox(record) => vec![Entry::Mailbox(record.clone())],
        Write::RemoveMailbox(id) => vec![Entry::RemoveMailbox(*id)],
        Write::Put(stored, _) => vec![Entry::Envelope(*stored)],
        Write::Remove { mailbox, sequence } => vec![Entry::RemoveEnvelope(*mailbox, *sequence)],
        Write::Expire { record, sequences } => {
            let expired = sequences.iter().map(|at| Entry::ExpireEnvelope(record.id, *at));
            expired.chain([Entry::Mailbox(record.clone())]).collect()
        }
        Write::Hold { record, replaces, .. } => {
            let new = record.key.id;
            let replaced = replaces.iter().map(|old| Entry::ReplaceHold { old: old.id, new });
            replaced.chain([Entry::Hold(record.clone())]).collect()
        }
        Write::HoldRecord(record) => vec![Entry::Hold(record.clone())],
        Write::RemoveHold(key) => vec![Entry::RemoveHold(key.id)],
        Write::ReleaseHold(key) => vec![Entry::ReleaseHold(key.id)],
        Write::LostHold(lost) => vec![Entry::LostHold(*lost)],
        Write::ForgetLostHold(id) => vec![Entry::ForgetLostHold(*id)],
        Write::OpenByChild { mailbox, spent } => {
            vec![Entry::Mailbox(mailbox.clone()), Entry::Spent(spent.clone())]
        }
        Write::Spent(spent) => vec![Entry::Spent(spent.clone())],
        Write::Clock(mark) => vec![Entry::Clock(*mark)],
    }
}

/// Keys of the records that a write puts or removes, each once.
pub(super) fn names(write: &Write) -> impl Iterator<Item = [u8; RECORD_KEY]> {
    let hold = |id: &HoldId| Some((Kind::Hold, id.0));
    let used = |spent: &SpentChildren| {
        let mut of_token = [0; 32];
        for (byte, of) in of_token.iter_mut().zip(spent.access.to_le_bytes()) {
            *byte = of;
        }
        (Kind::Spent, of_token)
    };
    let (one, other) = match write {
        Write::Mailbox(record) | Write::Expire { record, .. } => {
            (Some((Kind::Mailbox, record.id.0)), None)
        }
        Write::RemoveMailbox(id) => (Some((Kind::Mailbox, id.0)), None),
        Write::Hold { record, replaces, .. } => {
            let new = record.key.id;
            (hold(&new), replaces.filter(|old| old.id != new).and_then(|old| hold(&old.id)))
        }
        Write::HoldRecord(record) => (hold(&record.key.id), None),
        Write::RemoveHold(key) | Write::ReleaseHold(key) => (hold(&key.id), None),
        Write::LostHold(LostHold { id, .. }) | Write::ForgetLostHold(id) => {
            (Some((Kind::LostHold, id.0)), None)
        }
        Write::OpenByChild { mailbox, spent } => {
            (Some((Kind::Mailbox, mailbox.id.0)), Some(used(spent)))
        }
        Write::Spent(spent) => (Some(used(spent)), None),
        Write::Clock(_) => (Some((Kind::Clock, [0; 32])), None),
        Write::Put(..) | Write::Remove { .. } => (None, None),
    };
    one.into_iter().chain(other).map(|(kind, id)| record::record_key(kind, &id))
}

impl Entry {
    /// Whether something goes that a note has to tell of beforehand. What expires has its note in the same step.
    pub(super) fn removes(&self) -> bool {
        use Entry::{ReleaseHold, RemoveEnvelope, RemoveHold, RemoveMailbox, ReplaceHold};
        matches!(
            self,
            RemoveMailbox(_)
                | RemoveEnvelope(..)
                | RemoveHold(_)
                | ReleaseHold(_)
                | ReplaceHold { .. }
        )
    }

    /// Appends the bytes of this entry, written by `commit`.
    pub(super) fn encode(&self, commit: u64, bytes: &mut Vec<u8>) {
        match self {
            Self::Mailbox(record) => {
                put(b'm', record.id.as_bytes(), commit, &record::mailbox_body(record), bytes);
            }
            Self::Hold(record) => {
                put(b'h', record.key.id.as_bytes(), commit, &record::hold_body(record), bytes);
            }
            Self::Envelope(stored) => {
                let key = record::envelope_key(&stored.mailbox, stored.sequence);
                put(b'i', &key, commit, &record::index_body(stored), bytes);
            }
            Self::LostHold(lost) => {
                put(b'l', lost.id.as_bytes(), commit, &lost.until_s.to_le_bytes(), bytes);
            }
            Self::ForgetLostHold(id) => gone(b'L', id.as_bytes(), bytes),
            Self::Spent(spent) => {
                let key = spent.access.to_le_bytes();
                put(b's', &key, commit, &record::spent_body(spent), bytes);
            }
            Self::Clock(mark) => put(b'c', &[], commit, &record::clock_body(mark), bytes),
            Self::RemoveMailbox(id) => gone(b'M', id.as_bytes(), bytes),
            Self::RemoveHold(id) => gone(b'H', id.as_bytes(), bytes),
            Self::ReleaseHold(id) => gone(b'R', id.as_bytes(), bytes),
            Self::ReplaceHold { old, new } => {
                gone(b'S', old.as_bytes(), bytes);
                bytes.extend_from_slice(new.as_bytes());
            }
            Self::RemoveEnvelope(mailbox, sequence) => {
                gone(b'I', &record::envelope_key(mailbox, *sequence), bytes);
            }
            Self::ExpireEnvelope(mailbox, sequence) => {
                gone(b'X', &record::envelope_key(mailbox, *sequence), bytes);
            }
        }
    }

    /// The first entry of these bytes, with its commit (0 for what goes). `None` if they make no sense.
    pub(super) fn decode(bytes: &mut &[u8]) -> Option<(u64, Self)> {
        let [tag] = take(bytes)?;
        let entry = match tag {
            b'M' => Self::RemoveMailbox(MailboxId(take(bytes)?)),
            b'H' => Self::RemoveHold(HoldId(take(bytes)?)),
            b'R' => Self::ReleaseHold(HoldId(take(bytes)?)),
            b'S' => {
                let old = HoldId(take(bytes)?);
                Self::ReplaceHold { old, new: HoldId(take(bytes)?) }
            }
            b'L' => Self::ForgetLostHold(HoldId(take(bytes)?)),
            b'I' | b'X' => {
                let (mailbox, sequence) = record::envelope_place(&take::<ENVELOPE_KEY>(bytes)?)?;
                if tag == b'I' {
                    Self::RemoveEnvelope(mailbox, sequence)
                } else {
                    Self::ExpireEnvelope(mailbox, sequence)
                }
            }
            _ => return Self::decode_put(tag, bytes),
        };
        Some((0, entry))
    }

    fn decode_put(tag: u8, bytes: &mut &[u8]) -> Option<(u64, Self)> {
        let mut key = [0; ENVELOPE_KEY];
        let len = match tag {
            b'm' | b'h' | b'l' => 32,
            b'i' => ENVELOPE_KEY,
            b's' => 2,
            b'c' => 0,
            _ => return None,
        };
        let (name, rest) = bytes.split_at_checked(len)?;
        key.get_mut(..len)?.copy_from_slice(name);
        *bytes = rest;
        let commit = u64::from_le_bytes(take(bytes)?);
        let body_len = usize::from(u16::from_le_bytes(take(bytes)?));
        let (body, rest) = bytes.split_at_checked(body_len)?;
        *bytes = rest;
        let id = || key.first_chunk::<32>().copied();
        let entry = match tag {
            b'm' => Self::Mailbox(record::mailbox(MailboxId(id()?), body)?),
            b'h' => Self::Hold(record::hold(HoldId(id()?), body)?),
            b'l' => Self::LostHold(record::lost_hold(HoldId(id()?), body)?),
            b'i' => Self::Envelope(record::stored(&key, body)?),
            b's' => {
                let access = u16::from_le_bytes(*key.first_chunk()?);
                Self::Spent(record::spent(access, body)?)
            }
            _ => Self::Clock(record::clock(body)?),
        };
        Some((commit, entry))
    }
}

fn put(tag: u8, key: &[u8], commit: u64, body: &[u8], bytes: &mut Vec<u8>) {
    bytes.push(tag);
    bytes.extend_from_slice(key);
    bytes.extend_from_slice(&commit.to_le_bytes());
    bytes.extend_from_slice(&(body.len() as u16).to_le_bytes());
    bytes.extend_from_slice(body);
}

fn gone(tag: u8, key: &[u8], bytes: &mut Vec<u8>) {
    bytes.push(tag);
    bytes.extend_from_slice(key);
}

impl State {
    /// Takes the next entry.
    pub(super) fn take(&mut self, commit: u64, entry: Entry) {
        match entry {
            Entry::Mailbox(record) => {
                self.mailboxes.insert(record.id, Versioned { commit, record });
            }
            Entry::RemoveMailbox(id) => {
                self.mailboxes.remove(&id);
                self.envelopes.remove(&id);
            }
            Entry::Envelope(stored) => {
                let of_it = self.envelopes.entry(stored.mailbox).or_default();
                Arc::make_mut(of_it).insert(stored.sequence, stored);
            }
            Entry::RemoveEnvelope(mailbox, sequence) | Entry::ExpireEnvelope(mailbox, sequence) => {
                if let Some(of_it) = self.envelopes.get_mut(&mailbox) {
                    Arc::make_mut(of_it).remove(&sequence);
                    if of_it.is_empty() {
                        self.envelopes.remove(&mailbox);
                    }
                }
            }
            Entry::Hold(record) => {
                self.holds.insert(record.key.id, Versioned { commit, record });
            }
            Entry::RemoveHold(id) | Entry::ReleaseHold(id) | Entry::ReplaceHold { old: id, .. } => {
                self.holds.remove(&id);
            }
            Entry::LostHold(record) => {
                self.lost_holds.insert(record.id, Versioned { commit, record });
            }
            Entry::ForgetLostHold(id) => {
                self.lost_holds.remove(&id);
            }
            Entry::Spent(record) => {
                self.spent.insert(record.access, Versioned { commit, record });
            }
            Entry::Clock(record) => self.clock = Some(Versioned { commit, record }),
        }
    }

    /// Whether this record is one of what there is, in this version.
    pub(super) fn lists(&self, raw: &Raw<'_>) -> bool {
        let version = |at: Option<u64>| at == Some(raw.commit);
        let id = || raw.key.get(1..).and_then(|id| id.try_into().ok());
        match raw.kind {
            Kind::Envelope => record::envelope_place(raw.key).is_some_and(|(mailbox, sequence)| {
                let of_it = self.envelopes.get(&mailbox);
                let found = of_it.and_then(|of_it| of_it.get(&sequence));
                found.is_some_and(|found| {
                    record::envelope(raw).is_some_and(|it| short_digest(&it) == found.digest)
                })
            }),
            Kind::Held => record::held_place(raw.key).is_some_and(|(key, _)| {
                self.holds.get(&key.id).is_some_and(|hold| hold.record.key == key)
            }),
            Kind::Mailbox => id().is_some_and(|id| {
                version(self.mailboxes.get(&MailboxId(id)).map(|found| found.commit))
            }),
            Kind::Hold => id()
                .is_some_and(|id| version(self.holds.get(&HoldId(id)).map(|found| found.commit))),
            // These are taken from the ledger if they are older in the engine.
            Kind::LostHold | Kind::Spent | Kind::Note | Kind::Clock => false,
        }
    }

    /// Whether there is a record of this name. `true` for what is not kept here.
    pub(super) fn has_record(&self, key: &[u8]) -> bool {
        let Some((kind, id)) = key.split_first() else { return true };
        let Ok(id) = id.try_into() else { return true };
        match *kind {
            it if it == Kind::Mailbox.byte() => self.mailboxes.contains_key(&MailboxId(id)),
            it if it == Kind::Hold.byte() => self.holds.contains_key(&HoldId(id)),
            it if it == Kind::LostHold.byte() => self.lost_holds.contains_key(&HoldId(id)),
            _ => true,
        }
    }

    /// Everything, as the entries that would make it, in no particular order.
    pub(super) fn entries(&self) -> impl Iterator<Item = (u64, Entry)> {
        let mailboxes =
            self.mailboxes.values().map(|it| (it.commit, Entry::Mailbox(it.record.clone())));
        let envelopes = self
            .envelopes
            .values()
            .flat_map(|of_it| of_it.values())
            .map(|it| (0, Entry::Envelope(*it)));
        let holds = self.holds.values().map(|it| (it.commit, Entry::Hold(it.record.clone())));
        let lost = self.lost_holds.values().map(|it| (it.commit, Entry::LostHold(it.record)));
        let spent = self.spent.values().map(|it| (it.commit, Entry::Spent(it.record.clone())));
        let clock = self.clock.iter().map(|it| (it.commit, Entry::Clock(it.record)));
        mailboxes.chain(envelopes).chain(holds).chain(lost).chain(spent).chain(clock)
    }

    /// Bytes that its records take: mailboxes with their tokens, holds without their envelopes, used children.
    pub(super) fn record_bytes(&self) -> u64 {
        /// Head, key twice, and what is of no variable length.
        const RECORD: usize = 128;
        let tokens = self.mailboxes.values().map(|it| it.record.tokens.len());
        let deliveries = self.holds.values().map(|it| it.record.deliveries.len());
        let children = self.spent.values().map(|it| it.record.children.len());
        let listed = self.mailboxes.len() + self.holds.len() + self.lost_holds.len();
        let listed = RECORD * (listed + self.spent.len());
        let bodies = 32 * tokens.sum::<usize>() + 33 * deliveries.sum::<usize>();
        (listed + bodies + 24 * children.sum::<usize>()) as u64
    }

    /// Bytes that all of it takes in a ledger, or a little less or more.
    pub(super) fn ledger_bytes(&self) -> u64 {
        self.envelope_count() * LEDGER_ENVELOPE + self.record_bytes()
    }

    /// Envelopes in all mailboxes.
    pub(super) fn envelope_count(&self) -> u64 {
        self.envelopes.values().map(|of_it| of_it.len() as u64).sum()
    }
}
