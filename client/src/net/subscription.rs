//! What comes in: the events of subscribed mailboxes, and the acknowledgements that go back.

use velar_protocol::wire::{Ack, Event};

use super::NetError;
use super::frames::{FrameReader, FrameWriter};

/// A subscription: events come until it ends, each envelope again on the next one unless acknowledged.
/// The relay sends at most `MAX_UNACKED` envelopes ahead of their acknowledgements.
#[derive(Debug)]
pub struct Subscription {
    events: EventSource,
    acks: AckSink,
}

/// The end where events come out.
#[derive(Debug)]
pub struct EventSource {
    reader: FrameReader,
}

/// The end where acknowledgements go in.
#[derive(Debug)]
pub struct AckSink {
    writer: FrameWriter,
}

impl Subscription {
    pub(super) fn new(writer: FrameWriter, reader: FrameReader) -> Self {
        Self { events: EventSource { reader }, acks: AckSink { writer } }
    }

    /// See [`EventSource::next`].
    ///
    /// # Errors
    /// As there.
    pub async fn next(&mut self) -> Result<Event, NetError> {
        self.events.next().await
    }

    /// See [`AckSink::ack`].
    ///
    /// # Errors
    /// As there.
    pub async fn ack(&mut self, ack: Ack) -> Result<(), NetError> {
        self.acks.ack(ack).await
    }

    /// Both ends, for two tasks. The subscription ends when either is dropped.
    #[must_use]
    pub fn split(self) -> (EventSource, AckSink) {
        (self.events, self.acks)
    }
}

impl EventSource {
    /// The next event. Cancel-safe. Waits for as long as the connection lives.
    ///
    /// # Errors
    /// [`NetError::Closed`] after [`Event::Ended`] or when the relay went away, [`NetError::Lost`] when
    /// nothing was heard of it any more.
    pub async fn next(&mut self) -> Result<Event, NetError> {
        self.reader.next().await
    }
}

impl AckSink {
    /// Says that an envelope is in the vault: the relay may delete it. There is no answer; an acknowledgement
    /// that gets lost costs a second delivery. If dropped before it returns, it goes with the next one.
    ///
    /// # Errors
    /// When the stream or the connection ended.
    pub async fn ack(&mut self, ack: Ack) -> Result<(), NetError> {
        self.writer.queue(&ack)?;
        self.writer.flush().await
    }
}
