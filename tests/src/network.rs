//! A network that loses, doubles and delays what it carries, on loopback.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::{JoinHandle, JoinSet};
use velar_protocol::wire::RelayAddress;

use crate::load::Outcome;

/// What becomes of datagrams, in thousandths of them, both ways.
#[derive(Clone, Copy, Debug, Default)]
pub struct Harm {
    /// They are lost.
    pub lost: u64,
    /// They arrive twice.
    pub doubled: u64,
    /// They arrive up to [`LATEST`] later, after others that were sent after them.
    pub late: u64,
}

/// The longest that a datagram is kept back.
pub const LATEST: Duration = Duration::from_millis(20);

/// What a network did so far.
#[derive(Debug, Default)]
pub struct Harmed {
    /// Datagrams lost.
    pub lost: AtomicU64,
    /// Datagrams that arrived twice.
    pub doubled: AtomicU64,
    /// Datagrams that were kept back.
    pub late: AtomicU64,
}

/// A network between any number of clients' sockets and a relay. It ends when dropped.
pub struct Network {
    port: u16,
    harmed: Arc<Harmed>,
    carrying: JoinHandle<()>,
}

impl Network {
    /// Begins to carry between a port of its own and `relay`'s. The same `seed` makes the same choices, datagram by
    /// datagram.
    ///
    /// # Errors
    /// If there is no socket.
    pub async fn to(relay: u16, harm: Harm, seed: u64) -> io::Result<Self> {
        let near = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?);
        let port = near.local_addr()?.port();
        let harmed = Arc::new(Harmed::default());
        let fate =
            Fate { harm, harmed: harmed.clone(), chance: Arc::new(AtomicU64::new(seed | 1)) };
        let carrying = tokio::spawn(async move { carry(near, relay, fate).await });
        Ok(Self { port, harmed, carrying })
    }

    /// A relay's address by way of this network.
    ///
    /// # Errors
    /// Never: it differs from a valid one by its port.
    pub fn towards(&self, relay: &RelayAddress) -> Outcome<RelayAddress> {
        let text = relay.to_string();
        Ok(text.replace(&format!(":{}#", relay.port()), &format!(":{}#", self.port)).parse()?)
    }

    /// What it did so far.
    #[must_use]
    pub fn harmed(&self) -> &Harmed {
        &self.harmed
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

/// Carries until it is dropped: for each client's socket there is one towards the relay.
async fn carry(near: Arc<UdpSocket>, relay: u16, fate: Fate) {
    let mut far: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut back = JoinSet::new();
    let mut buffer = [0; 2048];
    loop {
        // A client that is gone shows as an error here; the others go on.
        let Ok((len, client)) = near.recv_from(&mut buffer).await else { continue };
        let socket = match far.get(&client) {
            Some(socket) => socket.clone(),
            None => {
                let Ok(socket) = towards(relay).await else { continue };
                let socket = Arc::new(socket);
                far.insert(client, socket.clone());
                back.spawn(bring_back(socket.clone(), near.clone(), client, fate.clone()));
                socket
            }
        };
        let bytes = buffer.get(..len).unwrap_or_default().to_vec();
        let send = move |bytes: Vec<u8>| {
            let socket = socket.clone();
            async move { socket.send(&bytes).await.map(|_| ()) }
        };
        fate.decide(bytes, send).await;
    }
}

async fn towards(relay: u16) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    socket.connect((Ipv4Addr::LOCALHOST, relay)).await?;
    Ok(socket)
}

async fn bring_back(far: Arc<UdpSocket>, near: Arc<UdpSocket>, client: SocketAddr, fate: Fate) {
    let mut buffer = [0; 2048];
    loop {
        // While the relay is down this fails.
        let Ok(len) = far.recv(&mut buffer).await else { continue };
        let near = near.clone();
        let send = move |bytes: Vec<u8>| {
            let near = near.clone();
            async move { near.send_to(&bytes, client).await.map(|_| ()) }
        };
        fate.decide(buffer.get(..len).unwrap_or_default().to_vec(), send).await;
    }
}

#[derive(Clone)]
struct Fate {
    harm: Harm,
    harmed: Arc<Harmed>,
    chance: Arc<AtomicU64>,
}

impl Fate {
    /// splitmix64, shared by both directions.
    fn draw(&self) -> u64 {
        let drawn = self.chance.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mut z = drawn;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    async fn decide<F, S>(&self, bytes: Vec<u8>, send: F)
    where
        F: Fn(Vec<u8>) -> S + Send + 'static,
        S: Future<Output = io::Result<()>> + Send,
    {
        let Harm { lost, doubled, late } = self.harm;
        let lot = self.draw() % 1_000;
        let again = if lot < lost {
            self.harmed.lost.fetch_add(1, Ordering::Relaxed);
            return;
        } else if lot < lost + doubled {
            self.harmed.doubled.fetch_add(1, Ordering::Relaxed);
            // What cannot be sent counts as lost.
            let _ = send(bytes.clone()).await;
            true
        } else {
            lot < lost + doubled + late
        };
        if !again {
            let _ = send(bytes).await;
            return;
        }
        self.harmed.late.fetch_add(1, Ordering::Relaxed);
        let pause = LATEST.mul_f64((self.draw() % 1_000) as f64 / 1_000.0);
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            let _ = send(bytes).await;
        });
    }
}
