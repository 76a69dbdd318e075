//! Frames whose last byte never comes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::task::JoinSet;
use tokio::time::sleep;
use velar_protocol::wire::limits::{ENVELOPE_LEN, MAX_DELIVERIES};
use velar_protocol::wire::{Answer, Delivery, Envelope, HoldId, Request, SendToken, codec};

use super::super::super::Outcome;
use super::super::client::{Connection, Failure, Stream};
use super::{AGAIN, Attacker};

/// Streams that a relay allows a connection at least (SPEC §4.1).
const STREAMS: usize = 8;

impl Attacker {
    /// On each stream of each connection all of the longest frame but its last byte; again when the relay gives it up.
    /// The first connection has a short frame on its first stream, to see when that is.
    pub(super) fn begin_frames(self: &Arc<Self>, tasks: &mut JoinSet<Outcome<()>>) {
        for part in 0..self.orders.size {
            self.forms();
            let attacker = self.clone();
            tasks.spawn(async move {
                let frame: Arc<[u8]> = all_but_the_last_byte(&longest()?)?.into();
                let short: Arc<[u8]> = all_but_the_last_byte(&send()?)?.into();
                let port = attacker.port(part)?;
                let mut formed = false;
                loop {
                    let connection = attacker.connect_at_last(&port).await;
                    // Its first frame is valid: it may stay.
                    if attacker.ask(&connection, &Request::Info).await.is_err() {
                        sleep(AGAIN).await;
                        continue;
                    }
                    let first = if part == 0 { &short } else { &frame };
                    let opened = attacker.hold_back(&connection, first, &frame).await;
                    if !std::mem::replace(&mut formed, true) {
                        attacker.in_place();
                    }
                    if let Ok(mut streams) = opened {
                        while streams.join_next().await.is_some() {}
                    }
                    sleep(AGAIN).await;
                }
            });
        }
    }

    /// The streams, each of which ends when the relay has had enough of it.
    async fn hold_back(
        self: &Arc<Self>,
        connection: &Connection,
        first: &Arc<[u8]>,
        others: &Arc<[u8]>,
    ) -> Result<JoinSet<()>, Failure> {
        let mut streams = JoinSet::new();
        for at in 0..STREAMS {
            let frame = if at == 0 { first } else { others };
            let mut stream = connection.stream().await?;
            self.counts.requests.fetch_add(1, Ordering::Relaxed);
            let begun = Instant::now();
            stream.send.write_all(frame).await?;
            let (attacker, is_short) = (self.clone(), frame.len() <= 2 * ENVELOPE_LEN);
            streams.spawn(async move { attacker.wait(stream, begun, is_short).await });
        }
        Ok(streams)
    }

    async fn wait(&self, mut stream: Stream, begun: Instant, is_short: bool) {
        self.counts.open_now.fetch_add(1, Ordering::Relaxed);
        // An answer or an end: it will not wait for the last byte any more.
        let _ = stream.hear::<Answer>().await;
        self.counts.open_now.fetch_sub(1, Ordering::Relaxed);
        self.counts.given_up.fetch_add(1, Ordering::Relaxed);
        if is_short {
            let after = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.counts.given_up_after_ms.store(after, Ordering::Relaxed);
        }
    }
}

fn delivery() -> Outcome<Delivery> {
    let (mut token, mut bytes) = ([0; 32], vec![0; ENVELOPE_LEN]);
    getrandom::fill(&mut token)?;
    getrandom::fill(&mut bytes)?;
    let envelope = Envelope::new(bytes).ok_or("no envelope")?;
    Ok(Delivery { token: SendToken::new(token), envelope })
}

fn longest() -> Outcome<Request> {
    let mut id = [0; 32];
    getrandom::fill(&mut id)?;
    let deliveries = vec![delivery()?; MAX_DELIVERIES];
    Ok(Request::Hold { id: HoldId(id), for_s: 3600, deliveries, replaces: None })
}

fn send() -> Outcome<Request> {
    Ok(Request::Send { delivery: delivery()? })
}

fn all_but_the_last_byte(request: &Request) -> Outcome<Vec<u8>> {
    let mut frame = codec::encode(request)?;
    frame.pop();
    Ok(frame)
}
