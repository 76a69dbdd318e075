//! Clients that take nothing of what they are sent, so that the relay has to keep it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;
use velar_protocol::wire::limits::MAX_UNACKED;
use velar_protocol::wire::{Delivery, RelayAddress, Request, codec};

use super::super::super::Outcome;
use super::super::client::{Connection, Dialer, Failure, Stream};
use super::filling::{Wide, junk};
use super::{AGAIN, Attacker, Turn};

/// Bytes of each stream that are taken: the answer to a `Subscribe`, and a few.
const TAKEN: u32 = 16;

/// Mailboxes that are read.
const MAILBOXES: usize = 16;

/// Subscriptions of each connection, and streams for requests.
const SUBSCRIPTIONS: usize = 4;
const STREAMS: usize = 8;

/// Between two bytes on one connection.
const CRUMBS: Duration = Duration::from_millis(1);

pub(super) fn dialer(relay: &RelayAddress) -> Outcome<Dialer> {
    Dialer::taking(relay, TAKEN)
}

impl Attacker {
    /// Fills some mailboxes of one's own, and subscribes to them on every connection as often as it may.
    pub(super) async fn take_nothing(
        self: &Arc<Self>,
        tasks: &mut JoinSet<Outcome<()>>,
    ) -> Outcome<()> {
        let port = self.port(0)?;
        let mut mailboxes = Vec::new();
        for _ in 0..MAILBOXES {
            let mailbox = Arc::new(Wide::new()?);
            let connection = self.connect_at_last(&port).await;
            if self.ask(&connection, &mailbox.open(&connection.exporter)).await != Ok(Turn::GoOn) {
                break;
            }
            for token in mailbox.tokens().iter().take(MAX_UNACKED) {
                let delivery = Delivery { token: token.clone(), envelope: junk()? };
                self.ask(&connection, &Request::Send { delivery })
                    .await
                    .map_err(|why| why.to_string())?;
            }
            mailboxes.push(mailbox);
        }
        let first = mailboxes.first().ok_or("no mailbox to read")?.clone();
        for part in 0..self.orders.size {
            self.forms();
            let attacker = self.clone();
            let mailbox = mailboxes.get(part as usize % MAILBOXES).unwrap_or(&first).clone();
            tasks.spawn(async move {
                let port = attacker.port(part)?;
                let mut formed = false;
                loop {
                    let connection = attacker.connect_at_last(&port).await;
                    let reading = attacker.subscribe_only(&connection, &mailbox).await;
                    if !std::mem::replace(&mut formed, true) {
                        attacker.in_place();
                    }
                    if let Ok(streams) = reading {
                        attacker.counts.open_now.fetch_add(1, Ordering::Relaxed);
                        connection.quic.closed().await;
                        attacker.counts.open_now.fetch_sub(1, Ordering::Relaxed);
                        drop(streams);
                    }
                    sleep(AGAIN).await;
                }
            });
        }
        Ok(())
    }

    async fn subscribe_only(
        &self,
        connection: &Connection,
        mailbox: &Wide,
    ) -> Result<Vec<Stream>, Failure> {
        let mut streams = Vec::new();
        for _ in 0..SUBSCRIPTIONS {
            self.counts.requests.fetch_add(1, Ordering::Relaxed);
            let mut stream = connection.stream().await?;
            stream.say(&Request::subscribe(&connection.exporter, [mailbox.secret()])).await?;
            streams.push(stream);
        }
        Ok(streams)
    }

    /// Asks for nothing much on all streams of each connection, byte by byte, and takes no answer.
    pub(super) fn send_crumbs(self: &Arc<Self>, tasks: &mut JoinSet<Outcome<()>>) {
        for part in 0..self.orders.size {
            self.forms();
            let attacker = self.clone();
            tasks.spawn(async move {
                let port = attacker.port(part)?;
                let question = codec::encode(&Request::Info)?;
                let mut formed = false;
                loop {
                    let connection = attacker.connect_at_last(&port).await;
                    if !std::mem::replace(&mut formed, true) {
                        attacker.in_place();
                    }
                    attacker.counts.open_now.fetch_add(1, Ordering::Relaxed);
                    // Until the relay has had enough.
                    let _ = attacker.crumble(&connection, &question).await;
                    attacker.counts.open_now.fetch_sub(1, Ordering::Relaxed);
                    sleep(AGAIN).await;
                }
            });
        }
    }

    async fn crumble(&self, connection: &Connection, question: &[u8]) -> Result<(), Failure> {
        let mut streams = Vec::new();
        for _ in 0..STREAMS {
            let mut stream = connection.stream().await?;
            stream.send.write_all(question).await?;
            streams.push(stream);
        }
        for byte in question.iter().cycle() {
            for stream in &mut streams {
                stream.send.write_all(std::slice::from_ref(byte)).await?;
                self.counts.requests.fetch_add(1, Ordering::Relaxed);
                sleep(CRUMBS).await;
            }
        }
        Ok(())
    }
}
