//! A small client for tests: real QUIC, the wire types, nothing of the real client's care.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test helpers say what must hold by panicking when it does not"
)]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, TransportConfig};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use velar_protocol::wire::codec::{self, CodecError, Frame};
use velar_protocol::wire::limits::{ALPN_QUIC, EXPORTER_LABEL};
use velar_protocol::wire::{
    AccessKey, AccessToken, Ack, Answer, Delivery, Envelope, Event, Exporter, MailboxSecret,
    Request, SendToken, TokenOutcome,
};

/// A client that knows one relay's certificate.
pub struct Client {
    endpoint: Endpoint,
    relay: SocketAddr,
}

/// One connection.
pub struct Conn {
    pub quic: Connection,
    pub exporter: Exporter,
    _endpoint: Endpoint,
}

/// A subscription's stream.
pub struct Subscription {
    pub send: SendStream,
    pub recv: RecvStream,
}

impl Client {
    /// For the relay whose keys are in `data`.
    pub fn new(relay: SocketAddr, data: &Path) -> Self {
        Self::with_groups(relay, data, vec![aws_lc_rs::kx_group::X25519MLKEM768])
    }

    pub fn with_groups(
        relay: SocketAddr,
        data: &Path,
        groups: Vec<&'static dyn rustls::crypto::SupportedKxGroup>,
    ) -> Self {
        Self::made(relay, data, groups, TransportConfig::default())
    }

    /// One that takes so many bytes of each stream before it reads.
    pub fn taking(relay: SocketAddr, data: &Path, bytes: u32) -> Self {
        let mut transport = TransportConfig::default();
        transport.stream_receive_window(bytes.into());
        Self::made(relay, data, vec![aws_lc_rs::kx_group::X25519MLKEM768], transport)
    }

    fn made(
        relay: SocketAddr,
        data: &Path,
        groups: Vec<&'static dyn rustls::crypto::SupportedKxGroup>,
        mut transport: TransportConfig,
    ) -> Self {
        let certificate = CertificateDer::from(std::fs::read(data.join("tls.cert")).unwrap());
        let mut provider = aws_lc_rs::default_provider();
        provider.kx_groups = groups;
        let provider = Arc::new(provider);
        let mut tls = rustls::ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Pinned { certificate, provider }))
            .with_no_client_auth();
        tls.alpn_protocols = vec![ALPN_QUIC.to_vec()];
        tls.enable_sni = false;
        let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
        transport.max_idle_timeout(Some(Duration::from_secs(30).try_into().unwrap()));
        transport.keep_alive_interval(Some(Duration::from_secs(5)));
        config.transport_config(Arc::new(transport));
        let mut endpoint = Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        endpoint.set_default_client_config(config);
        Self { endpoint, relay }
    }

    pub async fn connect(&self) -> Conn {
        self.try_connect().await.unwrap()
    }

    pub async fn try_connect(&self) -> Result<Conn, quinn::ConnectionError> {
        let quic = self.endpoint.connect(self.relay, "localhost").unwrap().await?;
        let mut exporter = [0; 32];
        quic.export_keying_material(&mut exporter, EXPORTER_LABEL, b"").unwrap();
        Ok(Conn { quic, exporter: Exporter(exporter), _endpoint: self.endpoint.clone() })
    }
}

impl Conn {
    /// One request on a stream of its own.
    pub async fn ask(&self, request: &Request) -> Answer {
        let (mut send, mut recv) = self.quic.open_bi().await.unwrap();
        send.write_all(&codec::encode(request).unwrap()).await.unwrap();
        send.finish().unwrap();
        read(&mut recv).await.unwrap()
    }

    pub async fn open(&self, secret: &MailboxSecret, tokens: &[&SendToken]) -> Answer {
        let tokens = tokens.iter().map(|token| token.hash()).collect();
        self.ask(&Request::open(&self.exporter, secret, tokens, None)).await
    }

    /// Opens it with all of these tokens, or fails.
    pub async fn opened(&self, secret: &MailboxSecret, tokens: &[&SendToken]) {
        assert_eq!(self.open(secret, tokens).await, all_registered(tokens.len()));
    }

    pub async fn send(&self, token: &SendToken, envelope: &Envelope) -> Answer {
        self.ask(&send(token, envelope)).await
    }

    /// Bytes on a stream of their own; everything that comes back until the stream ends.
    pub async fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let (mut send, mut recv) = self.quic.open_bi().await.unwrap();
        send.write_all(bytes).await.unwrap();
        recv.read_to_end(1 << 20).await.unwrap()
    }

    pub async fn subscribe(&self, secrets: &[&MailboxSecret]) -> Result<Subscription, Answer> {
        let request = Request::subscribe(&self.exporter, secrets.iter().copied());
        let (mut send, mut recv) = self.quic.open_bi().await.unwrap();
        send.write_all(&codec::encode(&request).unwrap()).await.unwrap();
        match read(&mut recv).await.unwrap() {
            Answer::Subscribed => Ok(Subscription { send, recv }),
            other => Err(other),
        }
    }
}

impl Subscription {
    pub async fn event(&mut self) -> Event {
        read(&mut self.recv).await.unwrap()
    }

    /// The next envelope with its sequence; passes over marks.
    pub async fn envelope(&mut self) -> (u64, Envelope) {
        loop {
            match self.event().await {
                Event::Envelope { sequence, envelope, .. } => return (sequence, envelope),
                Event::CaughtUp { .. } => {}
                Event::Ended { reason } => panic!("ended: {reason:?}"),
            }
        }
    }

    pub async fn caught_up(&mut self) -> u64 {
        match self.event().await {
            Event::CaughtUp { expired, .. } => expired,
            other => panic!("{other:?}"),
        }
    }

    pub async fn ack(&mut self, sequence: u64) {
        let ack = Ack { mailbox: 0, sequence };
        self.send.write_all(&codec::encode(&ack).unwrap()).await.unwrap();
    }
}

pub fn send(token: &SendToken, envelope: &Envelope) -> Request {
    Request::Send { delivery: Delivery { token: token.clone(), envelope: envelope.clone() } }
}

pub fn secret(byte: u8) -> MailboxSecret {
    MailboxSecret::from_seed(&[byte; 32])
}

pub fn token(byte: u8) -> SendToken {
    SendToken::new([byte; 32])
}

pub fn envelope(number: u32) -> Envelope {
    let mut bytes = vec![0; 4096];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    Envelope::new(bytes).unwrap()
}

pub fn number(envelope: &Envelope) -> u32 {
    u32::from_le_bytes(envelope.as_bytes()[..4].try_into().unwrap())
}

pub async fn read<F: Frame>(recv: &mut RecvStream) -> Result<F, CodecError> {
    let mut begun = [0; 5];
    recv.read_exact(&mut begun).await.expect("the stream goes on");
    let header = codec::header::<F>(&begun)?.expect("five bytes are enough");
    let mut body = vec![begun[4]; header.len];
    recv.read_exact(&mut body[1..]).await.expect("the stream goes on");
    codec::decode(&body)
}

/// The real program in a process of its own; killed with the test.
pub struct Relay {
    pub child: Child,
    pub addr: SocketAddr,
    pub lines: Vec<String>,
}

impl Relay {
    pub fn init(data: &Path) {
        let status = program()
            .args(["init", "--host", "127.0.0.1", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Starts it on `data`, with `args`, and waits until it listens.
    pub fn serve(data: &Path, args: &[&str]) -> Self {
        let mut command = program();
        command.args(["serve", "--data"]).arg(data).args(args);
        Self::from(command)
    }

    pub fn from(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut lines = Vec::new();
        for _ in 0..2 {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            lines.push(line.trim().to_owned());
        }
        let addr = lines[0].strip_prefix("listening on ").expect("it listens").parse().unwrap();
        Self { child, addr, lines }
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_velar-relay"));
    command.env_clear();
    command
}

/// Makes an access token for the relay in `data`.
pub fn access_key(data: &Path, name: &str) -> AccessKey {
    let made = program().args(["access", "new", name, "--data"]).arg(data).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let text = String::from_utf8(made.stdout).unwrap();
    AccessKey::read(&AccessToken::new(text.trim_end().to_owned()).unwrap()).unwrap()
}

#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        assert_eq!(*end_entity, self.certificate);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The answer to an `Open` of so many tokens, where the relay asks for no access token.
pub fn all_registered(tokens: usize) -> Answer {
    Answer::Opened { outcomes: vec![TokenOutcome::Registered; tokens], reopening: None }
}
