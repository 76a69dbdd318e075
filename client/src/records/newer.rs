//! What is kept of versions that this program does not know.

use serde::{Deserialize, Serialize};
use velar_protocol::seal::{Day, MemberId, MessageId};
use velar_protocol::wire::{RelayAddress, TokenMark};

/// A message that was opened and not read. What it says is kept beside it.
#[derive(Clone, Serialize, Deserialize)]
pub struct NewerMessage {
    /// Its version.
    pub version: u8,
    /// Whom it says to be by.
    pub by: MemberId,
    /// Its id.
    pub message: MessageId,
    /// The key that sealed it.
    pub x25519: [u8; 32],
    /// Whether that is the member's that it names: one of the circle, or who was.
    pub known: bool,
    /// It came under the last-resort prekey, as all that is trivial does.
    pub last_resort: bool,
    /// How many bytes it has.
    pub len: usize,
}

impl NewerMessage {
    /// The record's key.
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        [&self.x25519[..], &self.by.0, &self.message.0].concat()
    }

    /// Whether each may have to make room for the other: those of one member, and those of all who are not known.
    #[must_use]
    pub fn shares_room_with(&self, other: &Self) -> bool {
        self.known == other.known && (!self.known || self.by == other.by)
    }
}

/// An envelope that could not be opened. Its bytes are kept beside it.
#[derive(Clone, Serialize, Deserialize)]
pub struct NewerEnvelope {
    /// Its version.
    pub version: u8,
    /// Its digest.
    pub digest: [u8; 32],
    /// When it came.
    pub day: Day,
    /// Which relay had it.
    pub relay: RelayAddress,
    /// By which token it came there, as that relay says.
    pub token: Option<TokenMark>,
}
