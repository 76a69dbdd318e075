//! A relay inside the test's own process, and what its tests ask of it.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "shared by several test programs; helpers of tests fail by panicking"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use velar::net::{Connector, Purpose, RelayConnection, Subscription};
use velar_protocol::wire::limits::ENVELOPE_LEN;
use velar_protocol::wire::{
    Ack, Delivery, Envelope, Event, MailboxSecret, RelayAddress, Request, SendToken,
};
use velar_relay::{Config, Identity, Server, open_store};

/// A relay that runs in this process, on a disk folder of its own.
pub struct Relay {
    folder: TempDir,
    pub address: RelayAddress,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Relay {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Identity::create(folder.path()).unwrap();
        Self::serve(folder, 0)
    }

    pub fn serve(folder: TempDir, port: u16) -> Self {
        let server = bind(folder.path(), port);
        let address = server.address().unwrap().clone();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(async move {
            server.run(async { stopped.await.unwrap_or(()) }).await.unwrap();
        });
        Self { folder, address, stop, running }
    }

    /// Stops in an orderly way. What is left can be served again.
    pub async fn stop(self) -> (TempDir, u16) {
        self.stop.send(()).unwrap();
        self.running.await.unwrap();
        (self.folder, self.address.port())
    }
}

fn bind(data: &Path, port: u16) -> Server {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let config = Config { data: data.to_owned(), listen, ..Config::default() };
    Server::bind(&config, open_store(&config).unwrap()).unwrap()
}

pub fn secret(seed: u8) -> MailboxSecret {
    MailboxSecret::from_seed(&[seed; 32])
}

pub fn token(seed: u8) -> SendToken {
    SendToken::new([seed; 32])
}

pub fn envelope(first: u8) -> Envelope {
    Envelope::new(vec![first; ENVELOPE_LEN]).unwrap()
}

pub fn send(to: u8, envelope: Envelope) -> Request {
    Request::Send { delivery: Delivery { token: token(to), envelope } }
}

pub async fn connect(relay: &Relay, purpose: Purpose) -> RelayConnection {
    Connector::new().unwrap().connect(&relay.address, purpose).await.unwrap()
}

/// Opens the mailbox of this seed, with one token of the same seed.
pub async fn open(reader: &RelayConnection, seed: u8) {
    let request = Request::open(&reader.exporter(), &secret(seed), vec![token(seed).hash()], None);
    assert!(reader.request(&request).await.unwrap().opened_with_all());
}

/// The first byte and the acknowledgement of the next envelope.
pub async fn next_envelope(subscription: &mut Subscription) -> (u8, Ack) {
    loop {
        match subscription.next().await.unwrap() {
            Event::Envelope { mailbox, sequence, envelope, .. } => {
                return (envelope.as_bytes()[0], Ack { mailbox, sequence });
            }
            Event::CaughtUp { .. } => {}
            Event::Ended { reason } => panic!("ended: {reason:?}"),
        }
    }
}
