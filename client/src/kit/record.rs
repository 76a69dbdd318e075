//! What the vault knows of the kit: enough to write its file anew, and to tell afterwards who was reached.

use serde::{Deserialize, Serialize};
use velar_protocol::circle::{AlertEvent, AlertId, Body, Message, MessageError};
use velar_protocol::seal::{Day, MemberId, MessageId, Voice};

/// A record of kind `KitKind`. Tags are append-only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KitRecord {
    /// Retired: all generations, each with the voice it was sealed under. Replaced by [`KitRecord::Book`] wherever it is found:
    /// beside the other passphrase it would show that there are two.
    Voiced(VoicedBook),
    /// Key [`Made::key`]: the envelope of one member.
    Sealed(Vec<u8>),
    /// Key empty: all generations.
    Book(Book),
}

/// All generations that were made, as long as something may still be heard of them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// The number of the next.
    pub next: u64,
    /// Lowest number first.
    pub generations: Vec<Made>,
}

/// One generation.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Its number.
    pub number: u64,
    /// When it was sealed.
    pub day: Day,
    /// What it says.
    pub event: AlertEvent,
    /// For whom there is an envelope.
    pub seats: Vec<Seat>,
    /// What became of it.
    pub state: State,
    /// Whether it was seen in the kit's file.
    pub placed: bool,
    /// Receipts that came before it was known here that it was used.
    pub receipts: Vec<(MemberId, u64)>,
}

/// One member's envelope.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// Whose.
    pub to: MemberId,
    /// Digest of the envelope.
    pub digest: [u8; 32],
    /// My count of messages to this member.
    pub sequence: u64,
}

/// What became of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// It can be posted.
    Ready,
    /// It was posted.
    Used {
        /// When.
        at_s: u64,
    },
    /// It may not be used any more.
    Void,
}

impl Default for Book {
    fn default() -> Self {
        Self { next: 1, generations: Vec::new() }
    }
}

/// [`Book`] as it was when voices were kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoicedBook {
    next: u64,
    generations: Vec<VoicedMade>,
}

/// [`Made`] as it was when voices were kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct VoicedMade {
    number: u64,
    day: Day,
    event: AlertEvent,
    voice: Voice,
    seats: Vec<Seat>,
    state: State,
    placed: bool,
    receipts: Vec<(MemberId, u64)>,
}

#[cfg(test)]
impl VoicedBook {
    /// As an earlier version kept it.
    pub(crate) fn of(book: Book, voice: Voice) -> Self {
        let voiced = |made: Made| {
            let Made { number, day, event, seats, state, placed, receipts } = made;
            VoicedMade { number, day, event, voice, seats, state, placed, receipts }
        };
        Self { next: book.next, generations: book.generations.into_iter().map(voiced).collect() }
    }
}

impl From<VoicedBook> for Book {
    fn from(VoicedBook { next, generations }: VoicedBook) -> Self {
        let without_voice = |made: VoicedMade| {
            let VoicedMade { number, day, event, voice: _, seats, state, placed, receipts } = made;
            Made { number, day, event, seats, state, placed, receipts }
        };
        Self { next, generations: generations.into_iter().map(without_voice).collect() }
    }
}

/// How long a generation that was used is not called void after that: others may receive it after what this
/// device says next.
const USED_IS_VALID_S: u64 = 86_400;

impl Book {
    /// What can be posted, in the order in which alarms take it: those that are about an alert that is over come last.
    #[must_use]
    pub fn ready(&self, next_alarm: AlertId) -> Vec<&Made> {
        let mut ready: Vec<&Made> =
            self.generations.iter().filter(|made| made.is_ready()).collect();
        ready.sort_by_key(|made| (made.event.alert != next_alarm, made.number));
        ready
    }

    /// The lowest generation that is not void, for every message; 0 if there never was one.
    #[must_use]
    pub fn valid_from(&self, now_s: u64) -> u64 {
        if self.next <= 1 {
            return 0;
        }
        let valid = |made: &&Made| match made.state {
            State::Ready => true,
            State::Used { at_s } => at_s.saturating_add(USED_IS_VALID_S) > now_s,
            State::Void => false,
        };
        let numbers = self.generations.iter().filter(valid).map(|made| made.number);
        numbers.min().unwrap_or(self.next)
    }
}

impl Made {
    /// The id of its message, to everybody the same.
    #[must_use]
    pub fn message(&self) -> MessageId {
        MessageId(self.event.id().0)
    }

    /// Its message.
    ///
    /// # Errors
    /// None: what it says is short.
    pub fn encode(&self) -> Result<Vec<u8>, MessageError> {
        let body = Body::Alert(self.event.clone());
        Message { sent_at_s: 0, kit: self.number, marks: Vec::new(), body }.encode()
    }

    /// Key of the envelope of this member.
    #[must_use]
    pub fn key(number: u64, to: MemberId) -> Vec<u8> {
        [&number.to_be_bytes()[..], &to.0].concat()
    }

    /// Whether it can be posted.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.state == State::Ready
    }
}
