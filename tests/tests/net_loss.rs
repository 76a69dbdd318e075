//! Networks that lose datagrams: whatever they do, an envelope gets through, or the sender is told.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

mod common;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use velar::net::{Connector, Purpose};
use velar_protocol::wire::{Answer, RelayAddress};

use common::{Relay, envelope, next_envelope, open, secret, send};

/// A network between one client socket and a relay, which loses a share of what it carries, both ways.
struct Network {
    port: u16,
    lost: Arc<AtomicU64>,
    carrying: JoinHandle<()>,
}

impl Network {
    async fn losing(percent: u64, relay: u16, mut seed: u64) -> Self {
        let near = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let far = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        far.connect((Ipv4Addr::LOCALHOST, relay)).await.unwrap();
        let port = near.local_addr().unwrap().port();
        let lost = Arc::new(AtomicU64::new(0));
        let counted = lost.clone();
        let carrying = tokio::spawn(async move {
            let mut client: Option<SocketAddr> = None;
            let (mut out, mut back) = ([0; 2048], [0; 2048]);
            loop {
                let (bytes, to_relay) = tokio::select! {
                    Ok((len, from)) = near.recv_from(&mut out) => {
                        client = Some(from);
                        (&out[..len], true)
                    }
                    Ok(len) = far.recv(&mut back) => (&back[..len], false),
                };
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                if seed % 100 < percent {
                    counted.fetch_add(1, Ordering::Relaxed);
                } else if to_relay {
                    far.send(bytes).await.unwrap();
                } else if let Some(client) = client {
                    near.send_to(bytes, client).await.unwrap();
                }
            }
        });
        Self { port, lost, carrying }
    }

    /// The relay's address by way of this network.
    fn towards(&self, relay: &RelayAddress) -> RelayAddress {
        let text = relay.to_string();
        text.replace(&format!(":{}#", relay.port()), &format!(":{}#", self.port)).parse().unwrap()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

/// With `pad_to_mtu` this stands still: quinn 0.11 counts padded acknowledgements as in flight, one fills the
/// smallest congestion window, and nothing ever empties it.
#[tokio::test]
async fn envelopes_get_through_a_network_that_loses_a_tenth() {
    let relay = Relay::start();
    let connector = Connector::new().unwrap();
    let (one, other) = (
        Network::losing(10, relay.address.port(), 7).await,
        Network::losing(10, relay.address.port(), 11).await,
    );
    let reader = connector.connect(&one.towards(&relay.address), Purpose::Read).await.unwrap();
    open(&reader, 1).await;
    let mut subscription = reader.subscribe(&[secret(1)]).await.unwrap();
    let sender = connector.connect(&other.towards(&relay.address), Purpose::Send).await.unwrap();
    for byte in 0..60 {
        assert_eq!(sender.request(&send(1, envelope(byte))).await.unwrap(), Answer::Accepted);
        let (received, ack) = next_envelope(&mut subscription).await;
        assert_eq!(received, byte);
        subscription.ack(ack).await.unwrap();
    }
    assert!(one.lost.load(Ordering::Relaxed) > 0 && other.lost.load(Ordering::Relaxed) > 0);
}
