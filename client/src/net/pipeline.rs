//! A stream with many requests on their way at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout};
use velar_protocol::wire::{Answer, CodecError, Request};

use super::NetError;
use super::connection::ANSWER_TIMEOUT;
use super::frames::{FrameReader, FrameWriter};

/// How often a source that waits looks whether an answer has become overdue.
const CHECK: Duration = Duration::from_secs(5);

/// Requests go in, answers come out in the same order. How many may be outstanding is the caller's choice;
/// the relay reads no further when it has enough.
#[derive(Debug)]
pub struct Pipeline {
    sink: PipelineSink,
    source: PipelineSource,
}

/// The end where requests go in.
#[derive(Debug)]
pub struct PipelineSink {
    writer: FrameWriter,
    sent: Arc<AtomicU64>,
}

/// The end where answers come out.
#[derive(Debug)]
pub struct PipelineSource {
    reader: FrameReader,
    sent: Arc<AtomicU64>,
    answered: u64,
    waiting_since: Option<Instant>,
}

impl Pipeline {
    pub(super) fn new(writer: FrameWriter, reader: FrameReader) -> Self {
        let sent = Arc::new(AtomicU64::new(0));
        let sink = PipelineSink { writer, sent: sent.clone() };
        Self { sink, source: PipelineSource { reader, sent, answered: 0, waiting_since: None } }
    }

    /// See [`PipelineSink::send`].
    ///
    /// # Errors
    /// As there.
    pub async fn send(&mut self, request: &Request) -> Result<(), NetError> {
        self.sink.send(request).await
    }

    /// See [`PipelineSource::answer`].
    ///
    /// # Errors
    /// As there.
    pub async fn answer(&mut self) -> Result<Answer, NetError> {
        self.source.answer().await
    }

    /// Both ends, for two tasks.
    #[must_use]
    pub fn split(self) -> (PipelineSink, PipelineSource) {
        (self.sink, self.source)
    }
}

impl PipelineSink {
    /// Sends a request. Returns when the transport has taken it, which says nothing of the relay.
    ///
    /// If dropped before it returns, the request still counts as sent: it goes out with the next call and is
    /// answered in its turn.
    ///
    /// # Errors
    /// [`NetError::BadRequest`] if nothing was sent (also for `Subscribe`, which needs a stream of its own).
    /// Any other: the stream is at its end; outstanding requests have an unknown outcome.
    pub async fn send(&mut self, request: &Request) -> Result<(), NetError> {
        if matches!(request, Request::Subscribe { .. }) {
            return Err(NetError::BadRequest(CodecError::Malformed));
        }
        self.writer.queue(request)?;
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.writer.flush().await
    }
}

impl PipelineSource {
    /// The answer to the oldest request that has none yet. Cancel-safe.
    ///
    /// # Errors
    /// [`NetError::Timeout`] if requests are outstanding and nothing came for 20 s; whatever ended the stream.
    pub async fn answer(&mut self) -> Result<Answer, NetError> {
        loop {
            if self.sent.load(Ordering::Relaxed) == self.answered {
                self.waiting_since = None;
            } else if self.waiting_since.get_or_insert_with(Instant::now).elapsed()
                >= ANSWER_TIMEOUT
            {
                return Err(NetError::Timeout);
            }
            if let Ok(answer) = timeout(CHECK, self.reader.next()).await {
                self.answered += 1;
                self.waiting_since = None;
                return answer;
            }
        }
    }
}
