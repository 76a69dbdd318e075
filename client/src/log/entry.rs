//! An entry of the log: what it says, and how it is bound to all entries before it.
//!
//! ```text
//! salt i  = H("velar/1 log salt", seed ‖ i u32le)[..16]          one per piece, from the entry's secret seed
//! value i = H("velar/1 log value", salt i, text i)
//! content = H("velar/1 log content", field 0, value 0, field 1, value 1, …)
//! hash    = H("velar/1 log entry", n u64le, hash of entry n - 1 (zeros for the first), content)
//! ```

use serde::{Deserialize, Serialize};
use velar_protocol::circle::{EventKind, Reason};
use velar_protocol::hash::labelled;

use super::words::split;

/// Salts come from a seed that nobody is shown: a piece that was left out cannot be found by trying names.
const LABEL_SALT: &[u8] = b"velar/1 log salt";
/// Of one piece's value.
const LABEL_VALUE: &[u8] = b"velar/1 log value";
/// Of all pieces: their number, order and fields are bound also where values are left out.
const LABEL_CONTENT: &[u8] = b"velar/1 log content";
/// Of an entry: its place in the chain is bound.
const LABEL_ENTRY: &[u8] = b"velar/1 log entry";

/// Bytes of a salt: as many as make trying them all hopeless.
pub(super) const SALT_LEN: usize = 16;

macro_rules! named {
    ($(#[$doc:meta])* $enum:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $enum { $($(#[$variant_doc])* $variant,)* }

        impl $enum {
            /// Its name: hashed, and in exports.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The one with this name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

named!(
    /// What a piece of an entry is. Tags are append-only.
    Field {
        /// What happened: a name of [`What`].
        What = "what",
        /// The alert's short id.
        Alert = "alert",
        /// Its whole id. It can be checked against a member's id, so it is left out where a name is.
        AlertId = "alert-id",
        /// The event's id. As the alert's.
        EventId = "event-id",
        /// When it was said by its author's clock, Unix seconds.
        SaidS = "said-s",
        /// When it came into this log, Unix seconds.
        HeardS = "heard-s",
        /// Who says so: a member's id, and how this device knew that member.
        Author = "author",
        /// See `Author`.
        AuthorName = "author-name",
        /// Who passed it on, if its author did not say it to this device.
        BroughtBy = "brought-by",
        /// See `BroughtBy`.
        BroughtByName = "brought-by-name",
        /// Whom the alert is about.
        Subject = "subject",
        /// See `Subject`.
        SubjectName = "subject-name",
        /// Who is asked to take it.
        To = "to",
        /// See `To`.
        ToName = "to-name",
        /// Why it was raised.
        Reason = "reason",
        /// `yes` for a drill.
        Drill = "drill",
        /// Id of an event that this one names as seen.
        Names = "names",
        /// What was said; one piece per word, and per what is between words.
        Text = "text",
        /// Who agreed to an export, and to what; as `Text`.
        Consent = "consent",
        /// What an export left out.
        Redacted = "redacted",
    }
);

named!(
    /// What happened.
    What {
        /// An alarm.
        Raised = "raised",
        /// Somebody took the alert.
        Claimed = "claimed",
        /// Somebody gave it back.
        Released = "released",
        /// A note.
        Note = "note",
        /// The person says that she is safe.
        StandDownAsked = "stand-down-asked",
        /// Another person confirms it.
        StandDownConfirmed = "stand-down-confirmed",
        /// It was closed.
        Closed = "closed",
        /// Somebody was asked to take it over.
        HandOver = "hand-over",
        /// A member's client received an alarm that this device sent.
        Received = "received",
        /// The log of an alert was exported.
        Export = "export",
        /// The author itself said what others had passed on before.
        FirstHand = "first-hand",
    }
);

impl What {
    /// What an event says that happened.
    #[must_use]
    pub fn of(kind: &EventKind) -> Self {
        match kind {
            EventKind::Raised { .. } => Self::Raised,
            EventKind::Claimed { .. } => Self::Claimed,
            EventKind::Released { .. } => Self::Released,
            EventKind::Note { .. } => Self::Note,
            EventKind::StandDownAsked { .. } => Self::StandDownAsked,
            EventKind::StandDownConfirmed { .. } => Self::StandDownConfirmed,
            EventKind::Closed { .. } => Self::Closed,
            EventKind::HandOver { .. } => Self::HandOver,
        }
    }
}

/// Names why an alert was raised.
#[must_use]
pub fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::Panic => "panic",
        Reason::Overdue { .. } => "overdue",
        Reason::Released { .. } => "released",
        Reason::Duress => "duress",
    }
}

/// One piece of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// What it is.
    pub field: Field,
    /// What it says.
    pub value: String,
}

impl Piece {
    /// A piece.
    #[must_use]
    pub fn new(field: Field, value: impl Into<String>) -> Self {
        Self { field, value: value.into() }
    }

    /// A text, in pieces.
    pub fn text(field: Field, text: &str) -> impl Iterator<Item = Self> {
        split(text).into_iter().map(move |value| Self { field, value })
    }
}

/// Where the chain ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of the last entry; 0 if there is none.
    pub n: u64,
    /// Its hash; zeros if there is none.
    pub hash: [u8; 32],
}

impl Head {
    /// Of an empty log.
    pub const NONE: Self = Self { n: 0, hash: [0; 32] };
}

/// An entry of the chain.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, from 1.
    pub n: u64,
    /// The hash of the entry before it.
    pub prev: [u8; 32],
    seed: [u8; 32],
    /// What it says.
    pub pieces: Vec<Piece>,
    /// Its hash.
    pub hash: [u8; 32],
}

/// What a vault keeps of the log: its head under an empty key, each entry under its [`entry_key`].
#[derive(Clone, Serialize, Deserialize)]
pub enum LogRecord {
    /// Where it ends.
    Head(Head),
    /// An entry.
    Entry(Entry),
}

/// The key of an entry's record.
#[must_use]
pub fn entry_key(n: u64) -> [u8; 8] {
    n.to_be_bytes()
}

impl Entry {
    /// The entry that follows `head`. `seed`: random bytes.
    #[must_use]
    pub fn after(head: &Head, seed: [u8; 32], pieces: Vec<Piece>) -> Self {
        let mut entry =
            Self { n: head.n.saturating_add(1), prev: head.hash, seed, pieces, hash: [0; 32] };
        entry.hash = entry_hash(entry.n, &entry.prev, &entry.content());
        entry
    }

    /// The chain's end if this is its last entry.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { n: self.n, hash: self.hash }
    }

    /// The hash over what it says.
    #[must_use]
    pub fn content(&self) -> [u8; 32] {
        let values = (0..).zip(&self.pieces);
        let values = values.map(|(index, piece)| {
            let value = value_hash(&self.salt(index), &piece.value);
            (piece.field.name(), value)
        });
        content_hash(values)
    }

    /// Whether its hash is that of what it says.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.hash == entry_hash(self.n, &self.prev, &self.content())
    }

    /// The salt of a piece.
    #[must_use]
    pub fn salt(&self, index: u32) -> [u8; SALT_LEN] {
        let digest = labelled(LABEL_SALT, &[&self.seed, &index.to_le_bytes()]);
        let mut bytes = digest.into_iter();
        std::array::from_fn(|_| bytes.next().unwrap_or_default())
    }

    /// What happened.
    #[must_use]
    pub fn what(&self) -> Option<What> {
        What::named(self.value(Field::What)?)
    }

    /// The first piece of a field.
    #[must_use]
    pub fn value(&self, field: Field) -> Option<&str> {
        self.pieces.iter().find(|piece| piece.field == field).map(|piece| piece.value.as_str())
    }

    /// All pieces of a field, put together.
    #[must_use]
    pub fn text(&self, field: Field) -> String {
        let pieces = self.pieces.iter().filter(|piece| piece.field == field);
        pieces.map(|piece| piece.value.as_str()).collect()
    }
}

/// The hash of one piece's value.
pub(super) fn value_hash(salt: &[u8; SALT_LEN], value: &str) -> [u8; 32] {
    labelled(LABEL_VALUE, &[salt, value.as_bytes()])
}

/// The hash over pieces, each a field's name and the hash of its value.
pub(super) fn content_hash<'a>(pieces: impl IntoIterator<Item = (&'a str, [u8; 32])>) -> [u8; 32] {
    let pieces: Vec<(&str, [u8; 32])> = pieces.into_iter().collect();
    let parts: Vec<&[u8]> =
        pieces.iter().flat_map(|(field, value)| [field.as_bytes(), value.as_slice()]).collect();
    labelled(LABEL_CONTENT, &parts)
}

/// The hash of an entry.
pub(super) fn entry_hash(n: u64, prev: &[u8; 32], content: &[u8; 32]) -> [u8; 32] {
    labelled(LABEL_ENTRY, &[&n.to_le_bytes(), prev, content])
}
