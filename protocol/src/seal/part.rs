//! The plaintext of an envelope: always 2895 bytes.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 32 | sender's [`MemberId`] |
//! | 32 | 8 | number of the roster the sender knows, u64le |
//! | 40 | 32 | hash of that roster |
//! | 72 | 16 | [`Voice`] |
//! | 88 | 16 | [`MessageId`] |
//! | 104 | 8 | sequence, u64le |
//! | 112 | 1 | index of this part |
//! | 113 | 1 | count of parts, 1 to 64 |
//! | 114 | 1 | one-time prekeys of the recipient that the sender still holds; 255 means 255 or more |
//! | 115 | 1 | count of prekeys `p`, 0 to 2 |
//! | 116 | 2 | length of the body `b`, u16le |
//! | 118 | 1284 p | fresh prekeys of the sender, for the recipient alone |
//! | 118 + 1284 p | b | body |
//! | 118 + 1284 p + b | rest | padding, zero |

use std::fmt;

use zeroize::Zeroizing;

use super::identity::{MemberId, MessageId, Voice};
use super::prekey::{PREKEY_LEN, Prekey};

/// Bytes of every part: what is left of an envelope of 4096.
pub const PART_LEN: usize = 2895;

/// Most parts in one message: 173 KiB. A newcomer to a circle of 32 is told of 31 cards and spare prekeys
/// at once, about 90 KiB; a member who sends parts of messages that never complete cannot fill a vault.
pub const MAX_PARTS: u8 = 64;

/// Most prekeys in one part: as many as fit.
pub const MAX_PREKEYS: usize = 2;

const FIXED_LEN: usize = 118;

const _: () = assert!(FIXED_LEN + MAX_PREKEYS * PREKEY_LEN < PART_LEN);
const _: () = assert!(FIXED_LEN + (MAX_PREKEYS + 1) * PREKEY_LEN > PART_LEN);

/// One part of a message. What it says about its sender counts only once it came out of
/// [`Opened::authenticate`](super::Opened::authenticate).
#[derive(Clone, PartialEq, Eq)]
pub struct Part {
    /// Who says to have sent it.
    pub sender: MemberId,
    /// Number of the newest roster that the sender knows.
    pub roster_number: u64,
    /// Hash of that roster. Who knows a newer one passes it on; who knows an older one asks.
    pub roster_hash: [u8; 32],
    /// With which passphrase the sender's vault was opened; [`Voice::NONE`] in what is sealed beforehand, and in offers.
    pub voice: Voice,
    /// The message that this is a part of.
    pub message: MessageId,
    /// The sender's count of messages to this recipient, the same in all parts of one: a gap is a loss.
    pub sequence: u64,
    /// Which part, from 0.
    pub index: u8,
    /// Of how many: 1 to [`MAX_PARTS`].
    pub count: u8,
    /// One-time prekeys of the recipient that the sender still holds; 255 means 255 or more.
    pub yours_held: u8,
    /// This part's piece of the message, at most [`body_capacity`] bytes.
    pub body: Vec<u8>,
    /// Fresh one-time prekeys of the sender for the recipient alone. Unchecked. At most [`MAX_PREKEYS`].
    pub prekeys: Vec<Prekey>,
}

/// Why something is not a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// The index is not below the count, or the count not 1 to [`MAX_PARTS`].
    #[error("part {index} of {count} cannot be")]
    Index {
        /// As given.
        index: u8,
        /// As given.
        count: u8,
    },
    /// More than [`MAX_PREKEYS`].
    #[error("a part carries at most {MAX_PREKEYS} prekeys")]
    Prekeys,
    /// Two prekeys share a key: one of them would be used twice.
    #[error("the prekeys of a part repeat a key")]
    RepeatedPrekey,
    /// Longer than what the prekeys leave.
    #[error("the body is {len} bytes, {capacity} fit")]
    Body {
        /// Its length.
        len: usize,
        /// What fits.
        capacity: usize,
    },
    /// Padding that is not zero could carry what no one sees.
    #[error("the padding of a part is not zero")]
    Padding,
}

/// Bytes of body that fit beside so many prekeys: 2777, 1493, 209; none beside more.
#[must_use]
pub const fn body_capacity(prekeys: usize) -> usize {
    (PART_LEN - FIXED_LEN).saturating_sub(prekeys.saturating_mul(PREKEY_LEN))
}

impl Part {
    /// The 2895 bytes, padded with zeros. Layout: see the [module](self).
    ///
    /// # Errors
    /// Every [`PartError`] but `Padding`.
    pub fn encode(&self) -> Result<Box<Zeroizing<[u8; PART_LEN]>>, PartError> {
        self.bounds()?;
        let mut bytes = Box::new(Zeroizing::new([0; PART_LEN]));
        let [b0, b1, ..] = self.body.len().to_le_bytes();
        let fixed: [&[u8]; 11] = [
            self.sender.as_bytes(),
            &self.roster_number.to_le_bytes(),
            &self.roster_hash,
            &self.voice.0,
            self.message.as_bytes(),
            &self.sequence.to_le_bytes(),
            &[self.index],
            &[self.count],
            &[self.yours_held],
            &[self.prekeys.len() as u8],
            &[b0, b1],
        ];
        let prekeys = self.prekeys.iter().flat_map(Prekey::to_bytes);
        let all = fixed.into_iter().flatten().copied().chain(prekeys);
        for (to, from) in bytes.iter_mut().zip(all.chain(self.body.iter().copied())) {
            *to = from;
        }
        Ok(bytes)
    }

    /// Reads the 2895 bytes. Layout: see the [module](self).
    ///
    /// # Errors
    /// Every count and length out of bounds, repeated prekeys, and padding that is not zero.
    pub fn decode(bytes: &[u8; PART_LEN]) -> Result<Self, PartError> {
        let mut rest = Reader(bytes);
        let sender = MemberId(rest.take());
        let roster_number = u64::from_le_bytes(rest.take());
        let roster_hash = rest.take();
        let voice = Voice(rest.take());
        let message = MessageId(rest.take());
        let sequence = u64::from_le_bytes(rest.take());
        let [index, count, yours_held, prekeys] = rest.take();
        let len = usize::from(u16::from_le_bytes(rest.take()));
        let prekeys = usize::from(prekeys);
        if prekeys > MAX_PREKEYS {
            return Err(PartError::Prekeys);
        }
        let capacity = body_capacity(prekeys);
        if len > capacity {
            return Err(PartError::Body { len, capacity });
        }
        let prekeys = (0..prekeys).map(|_| Prekey::from_bytes(&rest.take())).collect();
        let (body, padding) = rest.0.split_at_checked(len).unwrap_or_default();
        if padding.iter().any(|byte| *byte != 0) {
            return Err(PartError::Padding);
        }
        let body = body.to_vec();
        let part = Self {
            sender,
            roster_number,
            roster_hash,
            voice,
            message,
            sequence,
            index,
            count,
            yours_held,
            body,
            prekeys,
        };
        part.bounds()?;
        Ok(part)
    }

    fn bounds(&self) -> Result<(), PartError> {
        let Self { index, count, .. } = *self;
        if index >= count || count > MAX_PARTS {
            return Err(PartError::Index { index, count });
        }
        if self.prekeys.len() > MAX_PREKEYS {
            return Err(PartError::Prekeys);
        }
        if let [one, other] = &self.prekeys[..]
            && (one.x25519 == other.x25519 || one.ek == other.ek)
        {
            return Err(PartError::RepeatedPrekey);
        }
        let (len, capacity) = (self.body.len(), body_capacity(self.prekeys.len()));
        if len > capacity { Err(PartError::Body { len, capacity }) } else { Ok(()) }
    }
}

/// Which part of what, and no content.
impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sender, message, index, count, .. } = self;
        write!(f, "Part({message:?} of {sender:?}, {index}/{count}, ..)")
    }
}

/// Takes fields off a part's bytes; the lengths were checked before, zeros where they end.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_first_chunk::<N>().unwrap_or((&[0; N], &[]));
        self.0 = rest;
        *field
    }
}

#[cfg(test)]
mod tests;
