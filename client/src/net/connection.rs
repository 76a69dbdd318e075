//! One QUIC connection to one relay.

use std::time::Duration;

use quinn::{Connection, VarInt};
use tokio::sync::Mutex;
use tokio::time::timeout;
use velar_protocol::wire::limits::EXPORTER_LABEL;
use velar_protocol::wire::{Answer, Exporter, MailboxSecret, Request};

use super::frames::{FrameReader, FrameWriter};
use super::{NetError, Pipeline, Subscription};

/// How long an answer may take. A relay's disk stalls for seconds under load, not for longer; and keep-alives
/// are answered even by a relay that is stuck, so the idle timeout would never notice.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A connection to a relay whose key was found to be the pinned one. Dropping it closes it.
#[derive(Debug)]
pub struct RelayConnection {
    connection: Connection,
    exporter: Exporter,
    requests: Mutex<Option<(FrameWriter, FrameReader)>>,
}

impl RelayConnection {
    /// # Errors
    /// [`NetError::Closed`] if the connection ended meanwhile.
    pub(super) fn new(connection: Connection) -> Result<Self, NetError> {
        let mut exporter = [0; 32];
        connection
            .export_keying_material(&mut exporter, EXPORTER_LABEL, b"")
            .map_err(|_| NetError::Closed)?;
        Ok(Self { connection, exporter: Exporter(exporter), requests: Mutex::new(None) })
    }

    /// What proofs on this connection sign.
    #[must_use]
    pub fn exporter(&self) -> Exporter {
        self.exporter
    }

    /// Asks one thing and waits for its answer. Calls from several tasks wait for each other.
    ///
    /// All requests of a connection share one stream. A call that is dropped before its answer has an
    /// unknown outcome; the stream is then given up and the next call opens another.
    ///
    /// # Errors
    /// Refusals are answers, not errors. [`NetError::VersionMismatch`] can come with the first answer;
    /// [`NetError::BadRequest`] leaves the connection usable, [`NetError::Timeout`] too but says nothing of
    /// what became of the request.
    pub async fn request(&self, request: &Request) -> Result<Answer, NetError> {
        let mut kept = self.requests.lock().await;
        let (mut writer, mut reader) = match kept.take() {
            Some(stream) => stream,
            None => self.open().await?,
        };
        if let Err(error) = writer.queue(request) {
            *kept = Some((writer, reader));
            return Err(error);
        }
        let exchange = async {
            writer.flush().await?;
            reader.next::<Answer>().await
        };
        let answer = timeout(ANSWER_TIMEOUT, exchange).await.map_err(|_| NetError::Timeout)??;
        if !matches!(request, Request::Subscribe { .. }) {
            *kept = Some((writer, reader));
        }
        Ok(answer)
    }

    /// Opens a stream on which many requests can be on their way at once.
    ///
    /// # Errors
    /// When the connection ended.
    pub async fn pipeline(&self) -> Result<Pipeline, NetError> {
        let (writer, reader) = self.open().await?;
        Ok(Pipeline::new(writer, reader))
    }

    /// Subscribes to mailboxes: proves that their keys are held, on this connection, and waits for
    /// `Subscribed`. Events name the mailboxes by their index in `secrets`.
    ///
    /// # Errors
    /// [`NetError::Refused`], [`NetError::Full`] and [`NetError::Unavailable`] as the relay answers;
    /// [`NetError::BadRequest`] unless there are 1 to `MAX_SUBSCRIBED` mailboxes.
    pub async fn subscribe(&self, secrets: &[MailboxSecret]) -> Result<Subscription, NetError> {
        let request = Request::subscribe(&self.exporter, secrets);
        let (mut writer, mut reader) = self.open().await?;
        writer.queue(&request)?;
        let exchange = async {
            writer.flush().await?;
            reader.next::<Answer>().await
        };
        match timeout(ANSWER_TIMEOUT, exchange).await.map_err(|_| NetError::Timeout)?? {
            Answer::Subscribed => Ok(Subscription::new(writer, reader)),
            other => Err(NetError::of_answer(&other)),
        }
    }

    /// Waits until the connection has ended, and says why.
    pub async fn closed(&self) -> NetError {
        self.connection.closed().await.into()
    }

    /// Closes the connection now. See [`Connector::drain`](super::Connector::drain) before a process ends.
    pub fn close(&self) {
        self.connection.close(VarInt::from_u32(0), b"");
    }

    async fn open(&self) -> Result<(FrameWriter, FrameReader), NetError> {
        let opening = timeout(ANSWER_TIMEOUT, self.connection.open_bi());
        let (send, receive) = opening.await.map_err(|_| NetError::Timeout)??;
        Ok((FrameWriter::new(send), FrameReader::new(receive)))
    }
}
