//! What a relay keeps on disk, behind one trait.
//!
//! # Contract
//!
//! * [`Store::apply`] takes writes in the order given. What it took is at once seen by [`Store::envelope`],
//!   [`Store::held`] and [`Store::load`] of the same process.
//! * [`Store::commit`] returns `Ok` only when everything applied before it would survive a power cut.
//! * After a crash, a prefix of the applied writes is there, at least up to the last commit. Of one
//!   [`Write`], everything or nothing that can be *seen* through this trait.
//! * A record that does not check out is set aside and reported, never returned and never a panic.
//! * What a committed write put and the store has lost since is counted: [`Store::load`] adds it to
//!   [`MailboxRecord::expired`] of its mailbox and names lost holds.
//! * Only one thread applies and commits; any thread reads meanwhile.
//! * One process per data folder: opening a second time is [`StoreError::InUse`].
//!
//! `store/contract.rs` holds one suite that every implementation passes.

#[cfg(test)]
mod contract;
mod entry;
mod ledger;
mod memory;
mod record;
mod sled;

use std::path::PathBuf;

use sha2::{Digest, Sha256};
use velar_protocol::wire::limits::ENVELOPE_LEN;
use velar_protocol::wire::{ChildId, DeliveryOutcome, Envelope, HoldId, MailboxId, SendTokenHash};

use crate::clock::Now;

pub use memory::MemoryStore;
pub use sled::{Examined, Findings, Repaired, SledStore, examine, repair};

/// Tells doubles from different envelopes: the first 16 bytes of their SHA-256, which most processors
/// compute in hardware. Never leaves the relay; nobody can aim at another's without knowing its bytes.
pub type ShortDigest = [u8; 16];

/// Disks know when an envelope came to the hour alone. Finer, they would tell more of people; coarser, an envelope could
/// stay for so much longer than keys are kept for.
const HOUR_S: u64 = 3600;

/// Digest of an envelope.
#[must_use]
pub fn short_digest(envelope: &Envelope) -> ShortDigest {
    let digest: [u8; 32] = Sha256::digest(envelope.as_bytes()).into();
    let mut short = ShortDigest::default();
    short.copy_from_slice(&digest[..16]);
    short
}

/// A place for mailboxes, envelopes and holds. See the [module](self) for the contract.
pub trait Store: Send + Sync + 'static {
    /// Everything but the envelopes themselves.
    ///
    /// # Errors
    /// [`StoreError`] if the store as a whole cannot be read; single bad records are counted in
    /// [`Loaded::set_aside`].
    fn load(&self) -> Result<Loaded, StoreError>;

    /// Takes writes, in order.
    ///
    /// # Errors
    /// [`StoreError`]; the relay then stops.
    fn apply(&self, writes: &[Write]) -> Result<(), StoreError>;

    /// Makes durable whatever was applied before.
    ///
    /// # Errors
    /// [`StoreError`]; the relay then stops.
    fn commit(&self) -> Result<(), StoreError>;

    /// An envelope in a mailbox. `None` if it is not there, or was set aside because it does not check out.
    ///
    /// # Errors
    /// [`StoreError`] if the store as a whole cannot be read.
    fn envelope(&self, mailbox: &MailboxId, sequence: u64) -> Result<Option<Envelope>, StoreError>;

    /// The envelope of one delivery of a hold. `None` as in [`Store::envelope`].
    ///
    /// # Errors
    /// [`StoreError`] if the store as a whole cannot be read.
    fn held(&self, key: HeldKey, delivery: u8) -> Result<Option<Envelope>, StoreError>;

    /// One short step of what the store does for itself between commits: some milliseconds. Only the thread that writes
    /// calls this; at least once a second.
    ///
    /// # Errors
    /// [`StoreError`]; the relay then stops.
    fn upkeep(&self, room: Room) -> Result<Upkeep, StoreError> {
        let _ = room;
        Ok(Upkeep::Idle)
    }

    /// Whether anything can be written. Until then, what is on disk is served; [`Store::upkeep`] tries again.
    fn is_writable(&self) -> bool {
        true
    }

    /// What there is, once, after a store that could only be read can be written again: some of what was read may turn out
    /// to be lost, and is counted there already.
    fn reopened(&self) -> Option<Loaded> {
        None
    }

    /// Bytes left on the disk below this store, where that means something.
    fn free_bytes(&self) -> Option<u64>;

    /// Bytes that have to be left for it to give room back once half of what it holds is gone.
    fn reserve_bytes(&self) -> u64 {
        0
    }

    /// Bytes that one more envelope takes of the disk, what has to be left for it counted.
    fn envelope_bytes(&self) -> u64 {
        ENVELOPE_LEN as u64
    }
}

/// Whether the disk has room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// For what is new, too.
    Enough,
    /// For what goes and what is extended, not for what is new.
    Low,
    /// For nothing: whatever changes is changed in memory alone, and written when there is room. What will give room back
    /// goes on, by what was reserved for it.
    None,
}

/// Whether a store has more to do for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upkeep {
    /// Not now.
    Idle,
    /// It has: call again soon.
    Busy,
}

impl Upkeep {
    fn of(busy: bool) -> Self {
        if busy { Self::Busy } else { Self::Idle }
    }
}

/// One change. Each is atomic as seen through the trait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Opens a mailbox or replaces its record.
    Mailbox(MailboxRecord),
    /// Removes a mailbox with all its envelopes.
    RemoveMailbox(MailboxId),
    /// Puts an envelope into a mailbox.
    Put(StoredEnvelope, Envelope),
    /// Removes an envelope from a mailbox.
    Remove {
        /// The mailbox.
        mailbox: MailboxId,
        /// The envelope's sequence in it.
        sequence: u64,
    },
    /// Removes envelopes that nobody has read, and stores the record that counts them, in one step.
    Expire {
        /// The mailbox, as it is then.
        record: MailboxRecord,
        /// The envelopes' sequences in it.
        sequences: Vec<u64>,
    },
    /// Stores a hold with its envelopes and removes the one it replaces, in one step.
    Hold {
        /// The hold.
        record: HoldRecord,
        /// One per delivery whose outcome is `Held`, with its index.
        envelopes: Vec<(u8, Envelope)>,
        /// The hold that goes in the same step.
        replaces: Option<HeldKey>,
    },
    /// Replaces a hold's record (its deadline).
    HoldRecord(HoldRecord),
    /// Removes a hold with its envelopes.
    RemoveHold(HeldKey),
    /// The same, of a hold whose envelopes were put into their mailboxes just before, or of which it was just remembered that
    /// it was lost: without that it has not gone.
    ReleaseHold(HeldKey),
    /// Remembers that a hold was lost.
    LostHold(LostHold),
    /// Forgets that a hold was lost.
    ForgetLostHold(HoldId),
    /// Opens a mailbox by a child of an access token, and remembers that the child was used, in one step.
    OpenByChild {
        /// The mailbox.
        mailbox: MailboxRecord,
        /// All used children of its access token.
        spent: SpentChildren,
    },
    /// Replaces what is remembered of the used children of one access token.
    Spent(SpentChildren),
    /// Marks that the relay was alive then.
    Clock(ClockMark),
}

/// The relay's time when it was last known to serve; see [`clock`](crate::clock). All in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockMark {
    /// Hold time. Never less than in the mark before.
    pub hold_ms: u64,
    /// Age time.
    pub age_ms: u64,
    /// What the wall clock said.
    pub wall_ms: u64,
    /// Passed across restarts and not yet counted for ages.
    pub pending_ms: u64,
}

/// A mailbox as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxRecord {
    /// Its name.
    pub id: MailboxId,
    /// Sequences below this may have been given out.
    pub sequence_ceiling: u64,
    /// Envelopes that ever expired or were lost unread.
    pub expired: u64,
    /// Day (of age time) it was last opened or read: coarse on purpose.
    pub used_day: u32,
    /// Index of the access token by which it was opened; 0: by none, or by one that is not known.
    pub access: u16,
    /// Who may send.
    pub tokens: Vec<SendTokenHash>,
}

/// An envelope as the index knows it. Which token brought it, and when within its hour, is not stored: a seized disk
/// must not tell who sent, nor more than it has to of when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredEnvelope {
    /// Where it is.
    pub mailbox: MailboxId,
    /// Its place there.
    pub sequence: u64,
    /// The hour in which it was received, by the wall clock, since 1970: told to its recipient after a restart.
    pub received_hour: u32,
    /// The first full hour of age time after it was received: what its expiry is counted from. Never earlier than it
    /// came, so nothing is deleted before its time.
    pub kept_since_hour: u32,
    /// To recognise doubles.
    pub digest: ShortDigest,
}

impl StoredEnvelope {
    /// One that is received now.
    pub(crate) fn new(mailbox: MailboxId, sequence: u64, digest: ShortDigest, now: Now) -> Self {
        let hour = |hour| u32::try_from(hour).unwrap_or(u32::MAX);
        Self {
            mailbox,
            sequence,
            received_hour: hour(now.wall_s() / HOUR_S),
            kept_since_hour: hour(now.age_s().div_ceil(HOUR_S)),
            digest,
        }
    }

    /// The beginning of the hour in which it was received, Unix seconds.
    #[must_use]
    pub fn received_at_s(&self) -> u64 {
        u64::from(self.received_hour) * HOUR_S
    }

    /// What its expiry is counted from, in seconds of age time.
    #[must_use]
    pub fn kept_since_s(&self) -> u64 {
        u64::from(self.kept_since_hour) * HOUR_S
    }
}

/// Names the envelopes of one making of a hold: a hold may be replaced by one of the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HeldKey {
    /// The hold.
    pub id: HoldId,
    /// Differs between makings.
    pub generation: u32,
}

/// A hold as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldRecord {
    /// Its name and making.
    pub key: HeldKey,
    /// When it is released, in hold time, seconds.
    pub due_s: u64,
    /// One per delivery asked for, in order.
    pub deliveries: Vec<HeldDelivery>,
}

impl HoldRecord {
    /// Whether an envelope was stored for this delivery.
    #[must_use]
    pub fn holds(&self, delivery: u8) -> bool {
        let found = self.deliveries.get(usize::from(delivery));
        found.is_some_and(|found| found.outcome == DeliveryOutcome::Held)
    }

    /// Tokens of the deliveries that have an envelope.
    pub(crate) fn held(&self) -> impl Iterator<Item = &SendTokenHash> {
        let held = self.deliveries.iter().filter(|one| one.outcome == DeliveryOutcome::Held);
        held.map(|delivery| &delivery.token)
    }

    /// Reads the envelopes back, each with the index of its delivery; one that cannot be read is left out.
    pub(crate) fn envelopes(&self, store: &dyn Store) -> Result<Vec<(u8, Envelope)>, StoreError> {
        let mut envelopes = Vec::with_capacity(self.deliveries.len());
        for at in (0..=u8::MAX).filter(|at| self.holds(*at)) {
            envelopes.extend(store.held(self.key, at)?.map(|envelope| (at, envelope)));
        }
        Ok(envelopes)
    }
}

/// A hold that damage has taken: its owner must not be told that it fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostHold {
    /// Its name.
    pub id: HoldId,
    /// When that may be forgotten, in seconds of hold time.
    pub until_s: u64,
}

/// The used children of one access token that must not be used again. One record for all of them, rewritten each time: a
/// record for each would tell, by the commit that wrote both, which mailbox was opened by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpentChildren {
    /// Index of the token.
    pub access: u16,
    /// The children, in no order that means anything; at most 2730 fit a record. None: there is nothing to remember.
    pub children: Vec<SpentChild>,
}

/// A child of an access token that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpentChild {
    /// Which.
    pub id: ChildId,
    /// When that may be forgotten, in seconds of age time.
    pub until_s: u64,
}

/// One delivery of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldDelivery {
    /// The recipient's token.
    pub token: SendTokenHash,
    /// What was answered; only `Held` ones have an envelope.
    pub outcome: DeliveryOutcome,
}

/// What was found at start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// All mailboxes.
    pub mailboxes: Vec<MailboxRecord>,
    /// All envelopes, ordered by mailbox and sequence.
    pub envelopes: Vec<StoredEnvelope>,
    /// All holds.
    pub holds: Vec<HoldRecord>,
    /// Holds that were lost.
    pub lost_holds: Vec<LostHold>,
    /// Used children of access tokens, ordered by the token's index; none without any.
    pub spent: Vec<SpentChildren>,
    /// The last mark.
    pub clock: Option<ClockMark>,
    /// Records that did not check out and were set aside.
    pub set_aside: u64,
}

/// What is worth telling of used children: in order, and nothing of a token without any.
fn remembered(spent: impl Iterator<Item = SpentChildren>) -> Vec<SpentChildren> {
    let mut spent: Vec<_> = spent.filter(|of_one| !of_one.children.is_empty()).collect();
    spent.sort_unstable_by_key(|of_one| of_one.access);
    spent
}

/// Why a store cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the data folder.
    #[error("another relay is using the data folder {}; stop it first, or choose another folder with --data", .0.display())]
    InUse(PathBuf),
    /// What is there was not written by this version, or is damaged beyond what can be set aside.
    #[error("the store in {} cannot be read: {reason}. See what is wrong with: velar-relay check --data FOLDER", .path.display())]
    Damaged {
        /// Where it is.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The disk has no room for what opening a store writes.
    #[error("the disk of {} is full; make room there", .path.display())]
    NoRoom {
        /// Where it is.
        path: PathBuf,
    },
    /// The disk refused.
    #[error(
        "the disk failed while {doing}: {source}. Look after the disk of the data folder, then try again"
    )]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The engine refused.
    #[error(
        "the store failed while {doing}: {reason}. Try again; if it stays so: velar-relay check --data FOLDER"
    )]
    Engine {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        reason: String,
    },
}

impl StoreError {
    /// Whether the disk has no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::NoRoom { .. } => true,
            Self::Io { source, .. } => is_full(source),
            _ => false,
        }
    }
}

fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}
