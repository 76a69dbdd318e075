//! Frames on their way out, which can be left at any moment for what is more urgent.

use bytes::Bytes;
use quinn::{SendStream, VarInt, WriteError};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::limits::DRAIN;
use crate::memory::Part;

/// Where envelopes are until the stream has taken them.
#[derive(Debug)]
pub(super) enum Room {
    Shared {
        _part: Part,
    },
    /// What the connection has in any case.
    Own {
        _permit: OwnedSemaphorePermit,
    },
    /// Nothing, or something short.
    None,
}

/// Frames that the stream has not taken yet, and the memory that they are in.
#[derive(Default)]
pub(super) struct Outgoing {
    /// What is left of each.
    frames: Vec<Bytes>,
    /// How long each is.
    lengths: Vec<usize>,
    /// How many of them the stream has taken.
    taken: usize,
    _room: Option<Room>,
}

impl Outgoing {
    /// These, in this room.
    pub(super) fn of(frames: Vec<Bytes>, room: Room) -> Self {
        let lengths = frames.iter().map(Bytes::len).collect();
        Self { frames, lengths, taken: 0, _room: Some(room) }
    }

    /// Whether the stream has taken all.
    pub(super) fn is_empty(&self) -> bool {
        self.taken == self.frames.len()
    }

    /// Waits until the stream has taken some. Safe to drop and call again.
    pub(super) async fn write(&mut self, send: &mut SendStream) -> Result<(), WriteError> {
        let rest = self.frames.get_mut(self.taken..).unwrap_or_default();
        self.taken += send.write_chunks(rest).await?.chunks;
        if self.is_empty() {
            *self = Self::default();
        }
        Ok(())
    }

    /// Only what is needed so that something else can follow: the rest of a frame of which the stream has taken a part.
    fn cut(self) -> Option<Bytes> {
        let (rest, length) =
            (self.frames.into_iter().nth(self.taken)?, self.lengths.get(self.taken)?);
        (rest.len() < *length).then_some(rest)
    }

    /// Says a last word, if the client takes it in time.
    pub(super) async fn end(
        self,
        send: &mut SendStream,
        last: Option<Vec<u8>>,
    ) -> Result<(), WriteError> {
        let mut words: Vec<Bytes> = self.cut().into_iter().chain(last.map(Bytes::from)).collect();
        match timeout(DRAIN, send.write_all_chunks(&mut words)).await {
            Ok(said) => said,
            Err(_) => {
                // Of what is in the stream nothing more is kept.
                let _ = send.reset(VarInt::from_u32(0));
                Ok(())
            }
        }
    }
}
