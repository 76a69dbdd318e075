//! Many connections that do nothing but stay subscribed.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;
use velar::net::{Connector, Purpose};
use velar_protocol::wire::{Event, RelayAddress};

use super::{Mailbox, Outcome, open_all};
use crate::process::Usage;

/// Connections per client socket: beyond some hundreds one socket's buffer loses handshakes.
const PER_SOCKET: usize = 500;

/// Handshakes at once.
const AT_ONCE: usize = 16;

/// Memory of a relay with idle connections.
#[derive(Clone, Copy, Debug)]
pub struct Idle {
    /// Resident before, in KiB: mailboxes open, nobody connected but this generator.
    pub rss_before_kib: u64,
    /// Resident with all connections idle, in KiB.
    pub rss_after_kib: u64,
    /// How long all handshakes and subscriptions took.
    pub connecting: Duration,
}

/// Connects `count` readers with one subscription each, and lets them be idle for `settle`.
///
/// # Errors
/// If the relay refuses one.
pub async fn idle(
    relay: &RelayAddress,
    usage: Usage,
    count: usize,
    settle: Duration,
) -> Outcome<Idle> {
    let sockets = Connector::new()?;
    let reader = sockets.connect(relay, Purpose::Read).await?;
    let mailboxes = (0..count).map(|_| Mailbox::fresh()).collect::<Outcome<Vec<_>>>()?;
    open_all(&reader, &mailboxes).await?;
    let rss_before_kib = usage.rss_kib()?;
    let begun = std::time::Instant::now();
    let mut kept = Vec::new();
    let mut connecting = JoinSet::new();
    for chunk in mailboxes.chunks(PER_SOCKET) {
        let sockets = std::sync::Arc::new(Connector::new()?);
        for mailbox in chunk {
            if connecting.len() == AT_ONCE {
                kept.extend(connecting.join_next().await.transpose()?.transpose()?);
            }
            let (sockets, relay, secret) = (sockets.clone(), relay.clone(), mailbox.secret.clone());
            connecting.spawn(async move {
                let reader = sockets.connect(&relay, Purpose::Read).await?;
                let mut subscription = reader.subscribe(&[secret]).await?;
                match subscription.next().await? {
                    Event::CaughtUp { .. } => Outcome::Ok((sockets, reader, subscription)),
                    other => Err(format!("an empty mailbox began with {other:?}").into()),
                }
            });
        }
    }
    while let Some(done) = connecting.join_next().await {
        kept.push(done??);
    }
    let connecting = begun.elapsed();
    sleep(settle).await;
    Ok(Idle { rss_before_kib, rss_after_kib: usage.rss_kib()?, connecting })
}
