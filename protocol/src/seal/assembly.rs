//! Messages longer than a part: cut by the sender, put together by the recipient. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::identity::{MemberId, MessageId, Voice};
use super::lifetimes::PART_DAYS;
use super::part::{MAX_PARTS, MAX_PREKEYS, Part, body_capacity};
use super::prekey::{Day, PREKEY_LEN, Prekey};

/// Most incomplete messages of one sender: more than anybody has under way at once. Bounds what a member
/// who sends parts of messages that never complete can make others keep.
pub const MAX_INCOMPLETE: usize = 16;

/// Most bytes of one message.
pub const MAX_MESSAGE_LEN: usize = MAX_PARTS as usize * body_capacity(0);

/// What one part carries of a message: see [`split`].
#[derive(Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its piece of the body.
    pub body: Vec<u8>,
    /// Prekeys that travel with it.
    pub prekeys: Vec<Prekey>,
}

/// The message does not fit into [`MAX_PARTS`] parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message needs {parts} parts, at most {MAX_PARTS} are sent")]
pub struct TooLong {
    /// What it would need.
    pub parts: usize,
}

/// How many parts a body needs beside so many prekeys; at least 1.
#[must_use]
pub fn parts_needed(body_len: usize, prekeys: usize) -> usize {
    let bytes = body_len.saturating_add(prekeys.saturating_mul(PREKEY_LEN));
    bytes.div_ceil(body_capacity(0)).max(prekeys.div_ceil(MAX_PREKEYS)).max(1)
}

/// How many prekeys travel with a body without needing another part.
#[must_use]
pub fn free_prekeys(body_len: usize) -> usize {
    let parts = parts_needed(body_len, 0);
    let spare = parts.saturating_mul(body_capacity(0)).saturating_sub(body_len);
    (spare / PREKEY_LEN).min(parts.saturating_mul(MAX_PREKEYS))
}

/// Cuts a body into the fewest parts that carry it and the prekeys; prekeys are spread evenly.
///
/// # Errors
/// [`TooLong`].
pub fn split(body: &[u8], prekeys: Vec<Prekey>) -> Result<Vec<Piece>, TooLong> {
    let parts = parts_needed(body.len(), prekeys.len());
    if parts > usize::from(MAX_PARTS) {
        return Err(TooLong { parts });
    }
    let mut pieces = vec![Piece { body: Vec::new(), prekeys: Vec::new() }; parts];
    let (mut prekeys, mut rest) = (prekeys.into_iter(), body);
    for _ in 0..MAX_PREKEYS {
        for (piece, prekey) in pieces.iter_mut().zip(prekeys.by_ref()) {
            piece.prekeys.push(prekey);
        }
    }
    for piece in &mut pieces {
        let len = body_capacity(piece.prekeys.len()).min(rest.len());
        let (head, tail) = rest.split_at_checked(len).unwrap_or_default();
        piece.body = head.to_vec();
        rest = tail;
    }
    Ok(pieces)
}

/// A message with all its parts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whole {
    /// By whom, authenticated.
    pub sender: MemberId,
    /// Its id, unique for this sender.
    pub message: MessageId,
    /// The sender's count of messages to this recipient.
    pub sequence: u64,
    /// All voices that its parts carry, usually one. Parts that were sealed again may carry another; one
    /// that is not the sender's plain voice is enough to be duress.
    pub voices: BTreeSet<Voice>,
    /// The message.
    pub body: Vec<u8>,
}

/// What a part brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The message is complete, and no longer kept here.
    Whole(Whole),
    /// Others are missing.
    Waiting {
        /// How many.
        missing: u8,
        /// The sender's oldest incomplete message, given up because it has [`MAX_INCOMPLETE`] others.
        /// To be shown and asked for again, never dropped in silence.
        given_up: Option<MessageId>,
    },
    /// This part was here before.
    Double,
}

/// Why a part was refused; what was here stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssemblyError {
    /// Index and count cannot be.
    #[error("part {index} of {count} cannot be")]
    Index {
        /// As given.
        index: u8,
        /// As given.
        count: u8,
    },
    /// It contradicts parts of the same message: another count, sequence, or another body at its place.
    #[error("the part contradicts other parts of its message")]
    Contradiction,
}

/// Incomplete messages, by authenticated sender and message id. Keeps no record of complete ones: the
/// caller remembers their ids, and does not hand over parts that come again after them.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assembly {
    incomplete: BTreeMap<MemberId, BTreeMap<MessageId, Incomplete>>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Incomplete {
    since: Day,
    count: u8,
    sequence: u64,
    voices: BTreeSet<Voice>,
    bodies: BTreeMap<u8, Vec<u8>>,
}

impl Assembly {
    /// Takes a part that came out of [`Opened::authenticate`](super::Opened::authenticate). Its prekeys
    /// are the caller's to take, whatever this answers.
    ///
    /// # Errors
    /// [`AssemblyError`].
    pub fn accept(&mut self, part: &Part, today: Day) -> Result<Arrival, AssemblyError> {
        let Part { sender, message, sequence, index, count, voice, .. } = *part;
        if index >= count || count > MAX_PARTS {
            return Err(AssemblyError::Index { index, count });
        }
        let of_sender = self.incomplete.entry(sender).or_default();
        let known = of_sender.entry(message).or_insert_with(|| Incomplete {
            since: today,
            count,
            sequence,
            voices: BTreeSet::new(),
            bodies: BTreeMap::new(),
        });
        if known.count != count || known.sequence != sequence {
            return Err(AssemblyError::Contradiction);
        }
        if let Some(body) = known.bodies.get(&index) {
            if *body != part.body {
                return Err(AssemblyError::Contradiction);
            }
            known.voices.insert(voice);
            return Ok(Arrival::Double);
        }
        known.voices.insert(voice);
        known.bodies.insert(index, part.body.clone());
        let missing = count.saturating_sub(known.bodies.len() as u8);
        if missing > 0 {
            return Ok(Arrival::Waiting { missing, given_up: give_up(of_sender, message) });
        }
        let known = of_sender.remove(&message);
        if of_sender.is_empty() {
            self.incomplete.remove(&sender);
        }
        let (voices, bodies) = known.map(|known| (known.voices, known.bodies)).unwrap_or_default();
        let body = bodies.into_values().flatten().collect();
        Ok(Arrival::Whole(Whole { sender, message, sequence, voices, body }))
    }

    /// Drops what is incomplete for more than [`PART_DAYS`], and names it, so that it can be shown.
    pub fn expire(&mut self, today: Day) -> Vec<(MemberId, MessageId)> {
        let mut expired = Vec::new();
        for (sender, messages) in &mut self.incomplete {
            messages.retain(|message, known| {
                let keep = today.0.saturating_sub(known.since.0) <= PART_DAYS;
                if !keep {
                    expired.push((*sender, *message));
                }
                keep
            });
        }
        self.incomplete.retain(|_, messages| !messages.is_empty());
        expired
    }

    /// Drops what a removed member left incomplete.
    pub fn forget(&mut self, sender: &MemberId) {
        self.incomplete.remove(sender);
    }

    /// Drops the voices of what one sender left incomplete: [`Voice::NONE`] takes their place.
    pub fn forget_voices(&mut self, sender: &MemberId) {
        for known in self.incomplete.get_mut(sender).into_iter().flat_map(BTreeMap::values_mut) {
            known.voices = [Voice::NONE].into();
        }
    }

    /// The messages that are incomplete, and by whom.
    pub fn messages(&self) -> impl Iterator<Item = (MemberId, MessageId)> {
        let of = |(sender, messages): (&MemberId, &BTreeMap<MessageId, Incomplete>)| {
            let sender = *sender;
            messages.keys().map(move |message| (sender, *message)).collect::<Vec<_>>()
        };
        self.incomplete.iter().flat_map(of)
    }

    /// How many messages are incomplete.
    #[must_use]
    pub fn incomplete(&self) -> usize {
        self.incomplete.values().map(BTreeMap::len).sum()
    }
}

/// Makes room beside the message that a part has just come for.
fn give_up(
    messages: &mut BTreeMap<MessageId, Incomplete>,
    current: MessageId,
) -> Option<MessageId> {
    if messages.len() <= MAX_INCOMPLETE {
        return None;
    }
    let (oldest, _) = messages
        .iter()
        .filter(|(message, _)| **message != current)
        .min_by_key(|(_, known)| (known.since, known.sequence))?;
    let oldest = *oldest;
    messages.remove(&oldest);
    Some(oldest)
}

macro_rules! debug_without_content {
    ($($name:ident: $($field:ident),*;)*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))$(.field(stringify!($field), &self.$field))*
                    .finish_non_exhaustive()
            }
        }
    )*};
}
debug_without_content!(
    Whole: sender, message, sequence;
    Piece: prekeys;
);

impl fmt::Debug for Assembly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Assembly({} incomplete)", self.incomplete())
    }
}

#[cfg(test)]
mod tests;
