//! A client that chooses the address it comes from, and says exactly what it is told to. Its transport and its TLS
//! are those of the real client (`client/src/net`), which leaves its address to the system.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{
    AckFrequencyConfig, ClientConfig, Connecting, ConnectionError, Endpoint, EndpointConfig,
    NoneTokenStore, ReadError, RecvStream, SendStream, TokioRuntime, TransportConfig,
    TransportErrorCode, VarInt, WriteError,
};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::version::TLS13;
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerIncompatible, SignatureScheme};
use sha2::{Digest, Sha256};
use tokio::time::timeout;
use velar_protocol::wire::codec::{self, Frame, HEADER_LEN};
use velar_protocol::wire::limits::{ALPN_QUIC, EXPORTER_LABEL, QUIC_VERSION};
use velar_protocol::wire::{
    Answer, Exporter, MailboxSecret, Pin, Refusal, RelayAddress, Request, SendTokenHash,
};

use super::super::Outcome;
use super::socket::Socket;

/// How long a handshake may take, as for the real client.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an answer may take, as for the real client.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// What is taken for a round trip before one is known, and the bytes of a stream that are taken before they are read.
const FIRST_RTT: Duration = Duration::from_millis(333);
/// See [`FIRST_RTT`].
const STREAM_WINDOW: u32 = 128 * 1024;

/// Why something was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The relay took no connection.
    Busy,
    /// No answer within [`CONNECT_TIMEOUT`] or [`ANSWER_TIMEOUT`].
    Silence,
    /// The connection or the stream ended.
    Lost,
    /// Not now.
    Full,
    /// Not now, and the relay is in trouble.
    Unavailable,
    /// No.
    Refused(Refusal),
    /// An answer that does not belong to the request, or no socket here.
    Odd,
}

/// Makes [`Port`]s towards one relay.
#[derive(Clone)]
pub(super) struct Dialer {
    relay: SocketAddr,
    config: ClientConfig,
    sent: Arc<AtomicU64>,
}

/// A socket at an address of one's choice.
pub(super) struct Port {
    endpoint: Endpoint,
    socket: Arc<Socket>,
    relay: SocketAddr,
    config: ClientConfig,
}

/// A connection.
pub(super) struct Connection {
    pub(super) quic: quinn::Connection,
    pub(super) exporter: Exporter,
}

/// A stream of it: requests or acks go out, answers or events come in.
pub(super) struct Stream {
    pub(super) send: SendStream,
    pub(super) recv: RecvStream,
    buffer: BytesMut,
}

impl Dialer {
    /// With the usual patience.
    pub(super) fn to(relay: &RelayAddress) -> Outcome<Self> {
        Self::made(relay, FIRST_RTT, STREAM_WINDOW)
    }

    /// The same, but what a handshake says is repeated about three times as late as `rtt`.
    pub(super) fn with_first_timeout(relay: &RelayAddress, rtt: Duration) -> Outcome<Self> {
        Self::made(relay, rtt, STREAM_WINDOW)
    }

    /// The same, but of each stream only so many bytes are taken that nobody reads.
    pub(super) fn taking(relay: &RelayAddress, bytes: u32) -> Outcome<Self> {
        Self::made(relay, FIRST_RTT, bytes)
    }

    fn made(relay: &RelayAddress, rtt: Duration, stream_window: u32) -> Outcome<Self> {
        let kx_groups = vec![aws_lc_rs::kx_group::X25519MLKEM768];
        let provider = Arc::new(CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() });
        let verifier = Pinned { address: relay.clone(), provider: provider.clone() };
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        tls.alpn_protocols = vec![ALPN_QUIC.to_vec()];
        tls.enable_sni = false;
        tls.resumption = Resumption::disabled();
        let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
        config
            .transport_config(Arc::new(transport(rtt, stream_window)?))
            .token_store(Arc::new(NoneTokenStore));
        let relay = SocketAddr::new(relay.host().parse()?, relay.port());
        Ok(Self { relay, config, sent: Arc::default() })
    }

    /// Bytes sent by all its ports so far, as far as UDP carries them.
    pub(super) fn sent(&self) -> Arc<AtomicU64> {
        self.sent.clone()
    }

    /// A new socket at this address.
    pub(super) fn port(&self, source: IpAddr) -> Outcome<Port> {
        self.bind(source, false)
    }

    /// The same, where no handshake is ever finished.
    pub(super) fn stalling_port(&self, source: IpAddr) -> Outcome<Port> {
        self.bind(source, true)
    }

    fn bind(&self, source: IpAddr, only_retry: bool) -> Outcome<Port> {
        let socket = Socket::bind(source, self.sent.clone(), only_retry)?;
        let mut config = EndpointConfig::default();
        config.supported_versions(vec![QUIC_VERSION]);
        let runtime = Arc::new(TokioRuntime);
        let endpoint = Endpoint::new_with_abstract_socket(config, None, socket.clone(), runtime)?;
        Ok(Port { endpoint, socket, relay: self.relay, config: self.config.clone() })
    }
}

impl Port {
    /// A whole handshake.
    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        let connecting = self.begin().map_err(|_| Failure::Odd)?;
        let quic = timeout(CONNECT_TIMEOUT, connecting).await.map_err(|_| Failure::Silence)??;
        let mut exporter = [0; 32];
        quic.export_keying_material(&mut exporter, EXPORTER_LABEL, b"")
            .map_err(|_| Failure::Lost)?;
        Ok(Connection { quic, exporter: Exporter(exporter) })
    }

    /// The beginning of one.
    pub(super) fn begin(&self) -> Result<Connecting, quinn::ConnectError> {
        self.endpoint.connect_with(self.config.clone(), self.relay, "relay.invalid")
    }

    /// See [`Socket::mute`].
    pub(super) fn mute(&self) {
        self.socket.mute();
    }
}

impl Connection {
    /// Opens a stream.
    pub(super) async fn stream(&self) -> Result<Stream, Failure> {
        let (send, recv) = self.quic.open_bi().await?;
        Ok(Stream { send, recv, buffer: BytesMut::new() })
    }

    /// Asks one thing, on a stream of its own.
    pub(super) async fn ask(&self, request: &Request) -> Result<Answer, Failure> {
        let mut stream = self.stream().await?;
        let answer = stream.ask(request).await?;
        let _ = stream.send.finish();
        Ok(answer)
    }

    /// Opens a mailbox, or replaces its tokens.
    pub(super) async fn open(
        &self,
        secret: &MailboxSecret,
        tokens: Vec<SendTokenHash>,
    ) -> Result<(), Failure> {
        match self.ask(&Request::open(&self.exporter, secret, tokens, None)).await? {
            #[allow(clippy::unneeded_struct_pattern, reason = "whatever it says of each token")]
            Answer::Opened { .. } => Ok(()),
            other => Err(Failure::of(&other)),
        }
    }

    /// Subscribes; events come on the stream.
    pub(super) async fn subscribe<'a>(
        &self,
        secrets: impl IntoIterator<Item = &'a MailboxSecret>,
    ) -> Result<Stream, Failure> {
        let mut stream = self.stream().await?;
        match stream.ask(&Request::subscribe(&self.exporter, secrets)).await? {
            Answer::Subscribed => Ok(stream),
            other => Err(Failure::of(&other)),
        }
    }
}

impl Stream {
    /// Sends a frame; says nothing of whether it was read.
    pub(super) async fn say<F: Frame>(&mut self, frame: &F) -> Result<(), Failure> {
        let bytes = codec::encode(frame).map_err(|_| Failure::Odd)?;
        Ok(self.send.write_all(&bytes).await?)
    }

    /// The next frame, however long it takes.
    pub(super) async fn hear<F: Frame>(&mut self) -> Result<F, Failure> {
        loop {
            if let Some(frame) = self.whole()? {
                return Ok(frame);
            }
            let chunk = self.recv.read_chunk(usize::MAX, true).await?.ok_or(Failure::Lost)?;
            self.buffer.extend_from_slice(&chunk.bytes);
        }
    }

    /// One request and its answer, in time.
    pub(super) async fn ask(&mut self, request: &Request) -> Result<Answer, Failure> {
        let exchange = async {
            self.say(request).await?;
            self.hear().await
        };
        timeout(ANSWER_TIMEOUT, exchange).await.map_err(|_| Failure::Silence)?
    }

    fn whole<F: Frame>(&mut self) -> Result<Option<F>, Failure> {
        let odd = |_| Failure::Odd;
        let Some(header) = codec::header::<F>(&self.buffer).map_err(odd)? else { return Ok(None) };
        if self.buffer.len() < HEADER_LEN + header.len {
            return Ok(None);
        }
        self.buffer.advance(HEADER_LEN);
        codec::decode(&self.buffer.split_to(header.len)).map(Some).map_err(odd)
    }
}

impl Failure {
    /// Of an answer that is not the one hoped for.
    pub(super) fn of(answer: &Answer) -> Self {
        match answer {
            Answer::Full { .. } => Self::Full,
            Answer::Unavailable { .. } => Self::Unavailable,
            Answer::Refused(refusal) => Self::Refused(*refusal),
            _ => Self::Odd,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("no connection taken"),
            Self::Silence => f.write_str("no answer in time"),
            Self::Lost => f.write_str("connection lost"),
            Self::Full => f.write_str("full"),
            Self::Unavailable => f.write_str("unavailable"),
            Self::Refused(refusal) => write!(f, "{refusal}"),
            Self::Odd => f.write_str("odd answer"),
        }
    }
}

impl From<ConnectionError> for Failure {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::TimedOut => Self::Silence,
            ConnectionError::ConnectionClosed(close)
                if close.error_code == TransportErrorCode::CONNECTION_REFUSED =>
            {
                Self::Busy
            }
            _ => Self::Lost,
        }
    }
}

impl From<WriteError> for Failure {
    fn from(_: WriteError) -> Self {
        Self::Lost
    }
}

impl From<ReadError> for Failure {
    fn from(_: ReadError) -> Self {
        Self::Lost
    }
}

/// As the real client's.
fn transport(initial_rtt: Duration, stream_window: u32) -> Outcome<TransportConfig> {
    let mut acks = AckFrequencyConfig::default();
    acks.ack_eliciting_threshold(VarInt::from_u32(8)).max_ack_delay(Some(Duration::from_millis(5)));
    let mut config = TransportConfig::default();
    config
        .initial_rtt(initial_rtt)
        .ack_frequency_config(Some(acks))
        .max_idle_timeout(Some(Duration::from_secs(75).try_into()?))
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .stream_receive_window(VarInt::from_u32(stream_window))
        .receive_window(VarInt::from_u32(256 * 1024))
        .send_window(512 * 1024)
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .datagram_send_buffer_size(0)
        .pad_to_mtu(false)
        .allow_spin(false);
    Ok(config)
}

/// Knows the relay by its pins.
#[derive(Debug)]
struct Pinned {
    address: RelayAddress,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let key = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
        if self.address.accepts(&Pin(Sha256::digest(key.as_ref()).into())) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
