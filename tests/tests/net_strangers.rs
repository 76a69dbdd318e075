//! The client's network layer against relays that are not what they should be, and what any relay can see of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Endpoint, ServerConfig, ValidationTokenConfig};
use rcgen::PublicKeyData;
use rustls::NamedGroup;
use rustls::crypto::aws_lc_rs::{self, sign::any_supported_type};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{
    ClientHello, ResolvesServerCert, ServerSessionMemoryCache, StoresServerSessions,
};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;
use velar::net::{Connector, NetError, Purpose};
use velar_protocol::wire::{CodecError, Pin, RelayAddress, Request};

/// A QUIC server with a key of its own, which keeps what it sees of clients and says `words` to each request.
struct Stranger {
    address: RelayAddress,
    seen: Arc<Seen>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Seen {
    key: Arc<CertifiedKey>,
    names: Mutex<Vec<Option<String>>>,
    groups: Mutex<Vec<Vec<NamedGroup>>>,
    protocols: Mutex<Vec<Vec<Vec<u8>>>>,
    validated: Mutex<Vec<bool>>,
    ports: Mutex<Vec<u16>>,
    tickets: Arc<ServerSessionMemoryCache>,
    issued: AtomicUsize,
    presented: AtomicUsize,
}

impl ResolvesServerCert for Seen {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.names.lock().unwrap().push(hello.server_name().map(str::to_owned));
        self.groups.lock().unwrap().push(hello.named_groups().unwrap_or_default().to_vec());
        let protocols = hello.alpn().into_iter().flatten().map(<[u8]>::to_vec).collect();
        self.protocols.lock().unwrap().push(protocols);
        Some(self.key.clone())
    }
}

impl StoresServerSessions for Seen {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.issued.fetch_add(1, Ordering::SeqCst);
        self.tickets.put(key, value)
    }
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.presented.fetch_add(1, Ordering::SeqCst);
        self.tickets.get(key)
    }
    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.presented.fetch_add(1, Ordering::SeqCst);
        self.tickets.take(key)
    }
    fn can_cache(&self) -> bool {
        true
    }
}

impl Stranger {
    fn saying(words: &'static [u8]) -> Self {
        let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let pin = Pin(Sha256::digest(certified.signing_key.subject_public_key_info()).into());
        let key =
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
        let key = any_supported_type(&key).unwrap();
        let seen = Arc::new(Seen {
            key: Arc::new(CertifiedKey::new(vec![certified.cert.der().clone()], key)),
            names: Mutex::default(),
            groups: Mutex::default(),
            protocols: Mutex::default(),
            validated: Mutex::default(),
            ports: Mutex::default(),
            tickets: ServerSessionMemoryCache::new(16),
            issued: AtomicUsize::new(0),
            presented: AtomicUsize::new(0),
        });
        // Everything that could recognise a client is offered: tickets, early data, validation tokens.
        let mut tls =
            rustls::ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_protocol_versions(&[&TLS13])
                .unwrap()
                .with_no_client_auth()
                .with_cert_resolver(seen.clone());
        tls.alpn_protocols = vec![b"h3".to_vec()];
        tls.session_storage = seen.clone();
        tls.send_tls13_tickets = 4;
        tls.max_early_data_size = u32::MAX;
        let mut config =
            ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
        let mut tokens = ValidationTokenConfig::default();
        tokens.sent(4);
        config.validation_token_config(tokens);
        let endpoint =
            Endpoint::server(config, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let port = endpoint.local_addr().unwrap().port();
        let serving = tokio::spawn(serve(endpoint, seen.clone(), words));
        let address = RelayAddress::new("127.0.0.1", port, pin, None).unwrap();
        Self { address, seen, serving }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(endpoint: Endpoint, seen: Arc<Seen>, words: &'static [u8]) {
    while let Some(incoming) = endpoint.accept().await {
        seen.validated.lock().unwrap().push(incoming.remote_address_validated());
        seen.ports.lock().unwrap().push(incoming.remote_address().port());
        tokio::spawn(async move {
            let Ok(connection) = incoming.await else { return };
            while let Ok((mut send, mut receive)) = connection.accept_bi().await {
                let mut heard = [0; 6];
                receive.read_exact(&mut heard).await.unwrap();
                send.write_all(words).await.unwrap();
                send.finish().unwrap();
            }
        });
    }
}

async fn what_comes_of(words: &'static [u8]) -> NetError {
    let stranger = Stranger::saying(words);
    let connector = Connector::new().unwrap();
    let connection = connector.connect(&stranger.address, Purpose::Send).await.unwrap();
    connection.request(&Request::Info).await.unwrap_err()
}

#[tokio::test]
async fn a_relay_of_another_version_is_told_by_its_version() {
    let error = what_comes_of(&[2, 0, 0, 0, 0, 7]).await;
    assert!(matches!(error, NetError::VersionMismatch { theirs: 7 }), "{error:?}");
    // Who says that it is of this one is not to be believed otherwise.
    let error = what_comes_of(&[2, 0, 0, 0, 0, 1]).await;
    assert!(matches!(error, NetError::Protocol(_)), "{error:?}");
}

#[tokio::test]
async fn nonsense_from_a_relay_is_a_typed_error() {
    let error = what_comes_of(&[0xff, 0xff, 0xff, 0xff, 1, 0xff]).await;
    assert!(matches!(error, NetError::Protocol(CodecError::Length { .. })), "{error:?}");
    let error = what_comes_of(&[2, 0, 0, 0, 1, 0xee]).await;
    assert!(matches!(error, NetError::Protocol(CodecError::Malformed)), "{error:?}");
    let error = what_comes_of(&[200, 0, 0, 0, 1]).await;
    assert!(matches!(error, NetError::Closed), "{error:?}");
}

#[tokio::test]
async fn a_key_that_is_not_the_pinned_one_is_never_talked_to() {
    let stranger = Stranger::saying(&[]);
    let connector = Connector::new().unwrap();
    let port = stranger.address.port();
    let wrong = RelayAddress::new("127.0.0.1", port, Pin([5; 32]), None).unwrap();
    let error = connector.connect(&wrong, Purpose::Read).await.unwrap_err();
    assert!(matches!(&error, NetError::WrongPin { host } if host == "127.0.0.1"), "{error:?}");
}

#[tokio::test]
async fn the_announced_next_key_is_accepted() {
    let stranger = Stranger::saying(&[]);
    let text = stranger.address.to_string();
    let (authority, pin) = text.split_once('#').unwrap();
    let next = format!("{authority}#{},{pin}", Pin([5; 32])).parse().unwrap();
    Connector::new().unwrap().connect(&next, Purpose::Read).await.unwrap();
}

#[tokio::test]
async fn the_readable_part_of_a_handshake_names_nobody() {
    let stranger = Stranger::saying(&[]);
    Connector::new().unwrap().connect(&stranger.address, Purpose::Read).await.unwrap();
    assert_eq!(*stranger.seen.names.lock().unwrap(), [None]);
    assert_eq!(*stranger.seen.groups.lock().unwrap(), [[NamedGroup::X25519MLKEM768]]);
    assert_eq!(*stranger.seen.protocols.lock().unwrap(), [[b"h3".to_vec()]]);
}

#[tokio::test]
async fn a_client_brings_nothing_back_that_a_relay_gave_it() {
    let stranger = Stranger::saying(&[2, 0, 0, 0, 0, 7]);
    let connector = Connector::new().unwrap();
    for _ in 0..3 {
        let connection = connector.connect(&stranger.address, Purpose::Read).await.unwrap();
        // An answer comes after the tickets and tokens of its connection.
        connection.request(&Request::Info).await.unwrap_err();
        connection.close();
    }
    assert!(stranger.seen.issued.load(Ordering::SeqCst) > 0, "no ticket was offered");
    assert_eq!(stranger.seen.presented.load(Ordering::SeqCst), 0);
    assert_eq!(*stranger.seen.validated.lock().unwrap(), [false; 3]);
}

#[tokio::test]
async fn reading_and_sending_come_from_different_ports() {
    let stranger = Stranger::saying(&[]);
    let connector = Connector::new().unwrap();
    for purpose in [Purpose::Read, Purpose::Send, Purpose::Read] {
        connector.connect(&stranger.address, purpose).await.unwrap();
    }
    let ports = stranger.seen.ports.lock().unwrap().clone();
    assert_eq!(ports[0], ports[2]);
    assert_ne!(ports[0], ports[1]);
}

#[tokio::test]
async fn where_no_name_or_server_is_there_is_a_typed_error_without_addresses() {
    let connector = Connector::new().unwrap();
    let relay = RelayAddress::new("no-such-relay.invalid", 1, Pin([5; 32]), None).unwrap();
    let error = connector.connect(&relay, Purpose::Send).await.unwrap_err();
    assert_eq!(error.to_string(), "the name no-such-relay.invalid could not be resolved");
}
