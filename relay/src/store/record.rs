//! Records as bytes.
//!
//! What the trees `records` and `envelopes` hold describes itself, so that it can be found and trusted even where
//! the engine cannot lead to it any more (`salvage.rs`):
//!
//! ```text
//! magic(4) ‖ version(1) ‖ kind(1) ‖ key length(1) ‖ body length(2) ‖ commit(8) ‖ key ‖ body ‖ crc32(4)
//! ```
//!
//! All integers are little-endian. `kind` tells what the key names: a mailbox's envelope and a hold's may have the
//! same 32 bytes. `commit` counts the commits of this store: of two versions the one with the higher is the newer. Commits
//! that are synced together differ in their low 16 bits alone: of the last of these groups, if it was not synced, a crash may
//! have left any part. The checksum covers everything between magic and checksum: a value found under another key does not
//! check out.
//!
//! Entries of the tree `index` are read by the hundred thousand at each start and stay short: `version(1) ‖
//! crc32(key ‖ body)(4) ‖ body`. All that they say is also in the record of the envelope itself.

mod bodies;

use velar_protocol::wire::{Envelope, HoldId, MailboxId};

use super::{HOUR_S, HeldKey, ShortDigest, StoredEnvelope};

pub(super) use self::bodies::{
    clock, clock_body, expired_with, expiring_body, hold, hold_body, lost_hold, mailbox,
    mailbox_body, opening_body, opens, replaced_with, replacing_body, spent, spent_body,
};

/// Rare in ciphertext: one chance in 2^32 for each byte of it, and then the checksum decides.
pub(super) const MAGIC: [u8; 4] = [0xf6, 0x9d, 0xc1, 0x7e];
const VERSION: u8 = 3;
const HEAD: usize = 17;
const CHECKSUM: usize = 4;
/// Of an index entry.
const SHORT_HEAD: usize = 5;

/// Commits that may be synced together. More than a group has writes: only a write's second of one name begins another.
const GROUP: u64 = 1 << 16;

/// The tree `records` names its records by kind and id.
pub(super) const RECORD_KEY: usize = 33;
/// `mailbox(32) ‖ sequence(8, big-endian)`.
pub(super) const ENVELOPE_KEY: usize = 40;
/// `hold(32) ‖ generation(4, big-endian) ‖ delivery(1)`. No mailbox key has this length.
pub(super) const HELD_KEY: usize = 37;

/// The first commit that may be of one group with this one.
pub(super) const fn group_start(commit: u64) -> u64 {
    commit & !(GROUP - 1)
}

/// The first commit of the next group.
pub(super) const fn next_group(commit: u64) -> u64 {
    group_start(commit).saturating_add(GROUP)
}

/// What a self-describing record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// A [`MailboxRecord`](super::MailboxRecord).
    Mailbox = b'm' as isize,
    /// A [`HoldRecord`](super::HoldRecord).
    Hold = b'h' as isize,
    /// A [`LostHold`](super::LostHold).
    LostHold = b'l' as isize,
    /// [`SpentChildren`](super::SpentChildren) of one access token.
    Spent = b's' as isize,
    /// What a commit removed.
    Note = b'n' as isize,
    /// The last mark.
    Clock = b'c' as isize,
    /// An envelope in a mailbox.
    Envelope = b'e' as isize,
    /// An envelope of a hold.
    Held = b'd' as isize,
}

impl Kind {
    pub(super) const fn byte(self) -> u8 {
        self as u8
    }

    fn from_byte(byte: u8) -> Option<Self> {
        use Kind::{Clock, Envelope, Held, Hold, LostHold, Mailbox, Note, Spent};
        [Mailbox, Hold, LostHold, Spent, Note, Clock, Envelope, Held]
            .into_iter()
            .find(|kind| kind.byte() == byte)
    }
}

/// A self-describing record whose checksum is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Raw<'a> {
    pub(super) kind: Kind,
    pub(super) commit: u64,
    pub(super) key: &'a [u8],
    pub(super) body: &'a [u8],
    /// Bytes it takes in all.
    pub(super) len: usize,
}

/// Key of an envelope in a mailbox: a mailbox is one range, in order.
pub(super) fn envelope_key(mailbox: &MailboxId, sequence: u64) -> [u8; ENVELOPE_KEY] {
    let mut key = [0; ENVELOPE_KEY];
    key[..32].copy_from_slice(mailbox.as_bytes());
    key[32..].copy_from_slice(&sequence.to_be_bytes());
    key
}

/// The mailbox and the sequence in an envelope's key.
pub(super) fn envelope_place(key: &[u8]) -> Option<(MailboxId, u64)> {
    let mut rest = key;
    let mailbox = MailboxId(take(&mut rest)?);
    Some((mailbox, u64::from_be_bytes(rest.try_into().ok()?)))
}

/// Key of one envelope of a hold.
pub(super) fn held_key(key: HeldKey, delivery: u8) -> [u8; HELD_KEY] {
    let mut bytes = [0; HELD_KEY];
    bytes[..32].copy_from_slice(key.id.as_bytes());
    bytes[32..36].copy_from_slice(&key.generation.to_be_bytes());
    bytes[36] = delivery;
    bytes
}

/// The making of a hold in the key of one of its envelopes, and the delivery.
pub(super) fn held_place(key: &[u8]) -> Option<(HeldKey, u8)> {
    let mut rest = key;
    let id = HoldId(take(&mut rest)?);
    let generation = u32::from_be_bytes(take(&mut rest)?);
    let [delivery] = rest.try_into().ok()?;
    Some((HeldKey { id, generation }, delivery))
}

/// Key in the tree `records`.
pub(super) fn record_key(kind: Kind, id: &[u8; 32]) -> [u8; RECORD_KEY] {
    let mut key = [kind.byte(); RECORD_KEY];
    key[1..].copy_from_slice(id);
    key
}

/// Key in the tree `records` of the used children of an access token.
pub(super) fn spent_key(access: u16) -> [u8; RECORD_KEY] {
    let mut key = [0; RECORD_KEY];
    let [kind, low, high, ..] = &mut key;
    *kind = Kind::Spent.byte();
    [*low, *high] = access.to_le_bytes();
    key
}

/// A self-describing record. Keys are at most 255 bytes, bodies at most 65,535.
pub(super) fn sealed(kind: Kind, commit: u64, key: &[u8], body: &[u8]) -> Vec<u8> {
    sealed_of(kind, commit, key, &[body])
}

/// The same of a body in parts: an envelope is not copied once more for its sake.
fn sealed_of(kind: Kind, commit: u64, key: &[u8], body: &[&[u8]]) -> Vec<u8> {
    let body_len = body.iter().map(|part| part.len()).sum::<usize>();
    let mut value = Vec::with_capacity(HEAD + key.len() + body_len + CHECKSUM);
    value.extend_from_slice(&MAGIC);
    value.push(VERSION);
    value.push(kind.byte());
    value.push(key.len() as u8);
    value.extend_from_slice(&(body_len as u16).to_le_bytes());
    value.extend_from_slice(&commit.to_le_bytes());
    value.extend_from_slice(key);
    body.iter().for_each(|part| value.extend_from_slice(part));
    let checksum = crc32fast::hash(value.get(MAGIC.len()..).unwrap_or_default());
    value.extend_from_slice(&checksum.to_le_bytes());
    value
}

/// The record that begins at the first of these bytes, if there is a whole one.
pub(super) fn parse(bytes: &[u8]) -> Option<Raw<'_>> {
    let mut rest = bytes;
    if take::<4>(&mut rest)? != MAGIC || take::<1>(&mut rest)? != [VERSION] {
        return None;
    }
    let kind = Kind::from_byte(take::<1>(&mut rest)?[0])?;
    let key_len = usize::from(take::<1>(&mut rest)?[0]);
    let body_len = usize::from(u16::from_le_bytes(take(&mut rest)?));
    let commit = u64::from_le_bytes(take(&mut rest)?);
    let (key, after) = rest.split_at_checked(key_len)?;
    let (body, after) = after.split_at_checked(body_len)?;
    let checksum = u32::from_le_bytes(*after.first_chunk()?);
    let len = HEAD + key_len + body_len + CHECKSUM;
    let covered = bytes.get(MAGIC.len()..len - CHECKSUM)?;
    (crc32fast::hash(covered) == checksum).then_some(Raw { kind, commit, key, body, len })
}

/// Commit and body of a value found under `key`, if it is what belongs there.
pub(super) fn opened<'a>(kind: Kind, key: &[u8], value: &'a [u8]) -> Option<(u64, &'a [u8])> {
    let raw = parse(value)?;
    let whole = raw.kind == kind && raw.key == key && raw.len == value.len();
    whole.then_some((raw.commit, raw.body))
}

/// `received_at_s(8) ‖ kept_since_s(8)`, both of full hours: no disk has the second at which an envelope came.
const RECEIVED: usize = 16;

fn received_bytes(stored: &StoredEnvelope) -> [u8; RECEIVED] {
    let mut bytes = [0; RECEIVED];
    bytes[..8].copy_from_slice(&stored.received_at_s().to_le_bytes());
    bytes[8..].copy_from_slice(&stored.kept_since_s().to_le_bytes());
    bytes
}

/// The hours in which an envelope was received, and from which on it is kept.
pub(super) fn received(rest: &mut &[u8]) -> Option<(u32, u32)> {
    let received_at_s = u64::from_le_bytes(take(rest)?);
    let kept_since_s = u64::from_le_bytes(take(rest)?);
    let hour = |hour| u32::try_from(hour).ok();
    Some((hour(received_at_s / HOUR_S)?, hour(kept_since_s.div_ceil(HOUR_S))?))
}

/// Record of an envelope in a mailbox. Its body: [`RECEIVED`] ‖ envelope(4096).
pub(super) fn sealed_envelope(
    commit: u64,
    key: &[u8],
    stored: &StoredEnvelope,
    envelope: &Envelope,
) -> Vec<u8> {
    let received = received_bytes(stored);
    sealed_of(Kind::Envelope, commit, key, &[&received, envelope.as_bytes()])
}

/// The envelope in the record of a mailbox's or a hold's.
pub(super) fn envelope(raw: &Raw<'_>) -> Option<Envelope> {
    let body = match raw.kind {
        Kind::Envelope => raw.body.get(RECEIVED..)?,
        Kind::Held => raw.body,
        _ => return None,
    };
    Envelope::new(body.to_vec())
}

/// An entry of the tree `index`.
pub(super) fn index_value(key: &[u8], stored: &StoredEnvelope) -> Vec<u8> {
    let body = index_body(stored);
    let mut value = Vec::with_capacity(SHORT_HEAD + body.len());
    value.push(VERSION);
    value.extend_from_slice(&short_checksum(key, &body).to_le_bytes());
    value.extend_from_slice(&body);
    value
}

/// The entry found under `key`, if it checks out.
pub(super) fn index_entry(key: &[u8], value: &[u8]) -> Option<StoredEnvelope> {
    let mut rest = value;
    if take::<1>(&mut rest)? != [VERSION] {
        return None;
    }
    let checksum = u32::from_le_bytes(take(&mut rest)?);
    (checksum == short_checksum(key, rest)).then_some(())?;
    stored(key, rest)
}

fn short_checksum(key: &[u8], body: &[u8]) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    hash.update(key);
    hash.update(body);
    hash.finalize()
}

/// [`RECEIVED`] ‖ digest(16).
pub(super) const INDEX_BODY: usize = RECEIVED + 16;

pub(super) fn index_body(stored: &StoredEnvelope) -> [u8; INDEX_BODY] {
    let mut body = [0; INDEX_BODY];
    body[..RECEIVED].copy_from_slice(&received_bytes(stored));
    body[RECEIVED..].copy_from_slice(&stored.digest);
    body
}

/// The reverse of [`index_body`], with the place from the key.
pub(super) fn stored(key: &[u8], mut body: &[u8]) -> Option<StoredEnvelope> {
    let (mailbox, sequence) = envelope_place(key)?;
    let (received_hour, kept_since_hour) = received(&mut body)?;
    let digest: ShortDigest = body.try_into().ok()?;
    Some(StoredEnvelope { mailbox, sequence, received_hour, kept_since_hour, digest })
}

/// The next `N` bytes.
pub(super) fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(*head)
}

#[cfg(test)]
mod tests;
