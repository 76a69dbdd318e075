//! One envelope at a time, from one sender to one online reader.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use velar_protocol::wire::{Answer, RelayAddress};

use super::{Envelopes, Outcome, Pair, age, expect, quantile, receive};

/// Medians and 99th percentiles.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// From the call until `Accepted`.
    pub ack_p50: Duration,
    /// The same, 99th percentile.
    pub ack_p99: Duration,
    /// From the call until the reader has the envelope.
    pub delivered_p50: Duration,
    /// The same, 99th percentile.
    pub delivered_p99: Duration,
}

/// Sends `count` envelopes, each after the answer to the one before and a pause of `pace`.
///
/// # Errors
/// If the relay refuses one or goes away.
pub async fn latency(relay: &RelayAddress, count: usize, pace: Duration) -> Outcome<Latency> {
    let Pair { mailbox, sender, mut subscription, _reader, _sockets } =
        Pair::connect(relay).await?;
    let epoch = Instant::now();
    let reading = tokio::spawn(async move {
        let mut delivered = Vec::with_capacity(count);
        while delivered.len() < count {
            let envelope = receive(&mut subscription).await?;
            delivered.push(age(epoch, &envelope));
        }
        Outcome::Ok(delivered)
    });
    let mut envelopes = Envelopes::new(epoch, 1);
    let mut acks = Vec::with_capacity(count);
    for _ in 0..count {
        let request = mailbox.send(envelopes.make());
        let begun = Instant::now();
        expect(sender.request(&request).await?, &Answer::Accepted)?;
        acks.push(begun.elapsed());
        if !pace.is_zero() {
            sleep(pace).await;
        }
    }
    let mut delivered = reading.await??;
    Ok(Latency {
        ack_p50: quantile(&mut acks, 0.5),
        ack_p99: quantile(&mut acks, 0.99),
        delivered_p50: quantile(&mut delivered, 0.5),
        delivered_p99: quantile(&mut delivered, 0.99),
    })
}
