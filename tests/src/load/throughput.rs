//! Many senders at once, each with its own reader.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use velar_protocol::wire::{Answer, RelayAddress};

use super::{Envelopes, Outcome, Pair, age, expect, quantile, receive};
use crate::process::Usage;

/// What a relay did under load.
#[derive(Clone, Copy, Debug)]
pub struct Throughput {
    /// Envelopes answered `Accepted`.
    pub accepted: u64,
    /// Envelopes that their readers had by the end.
    pub delivered: u64,
    /// From the first envelope to the last answer.
    pub elapsed: Duration,
    /// CPU time the relay used meanwhile.
    pub relay_cpu: Duration,
    /// From sending to `Accepted`.
    pub ack_p50: Duration,
    /// The same, 99th percentile.
    pub ack_p99: Duration,
    /// From sending until the reader has it.
    pub delivered_p50: Duration,
    /// The same, 99th percentile.
    pub delivered_p99: Duration,
}

/// `pairs` senders keep `outstanding` envelopes each on the way for `seconds`, to as many readers.
///
/// # Errors
/// If the relay refuses one or goes away.
pub async fn throughput(
    relay: &RelayAddress,
    usage: Usage,
    pairs: u32,
    outstanding: usize,
    seconds: u64,
) -> Outcome<Throughput> {
    let mut connected = Vec::new();
    for _ in 0..pairs {
        connected.push(Pair::connect(relay).await?);
    }
    let epoch = Instant::now();
    let stop = epoch + Duration::from_secs(seconds);
    let arrived = Arc::new(AtomicU64::new(0));
    let (mut senders, mut readers) = (JoinSet::new(), JoinSet::new());
    // Connections live until all readers have finished.
    let mut kept = Vec::new();
    let cpu_before = usage.cpu()?;
    for (seed, pair) in (0..).zip(connected) {
        let Pair { mailbox, sender, mut subscription, _reader, _sockets } = pair;
        kept.push((_reader, _sockets));
        let arrived = arrived.clone();
        readers.spawn(async move {
            let mut ages = Vec::new();
            // Ends with its connection.
            while let Ok(envelope) = receive(&mut subscription).await {
                ages.push(age(epoch, &envelope));
                arrived.fetch_add(1, Ordering::Relaxed);
            }
            ages
        });
        senders.spawn(async move {
            let mut pipeline = sender.pipeline().await?;
            let mut envelopes = Envelopes::new(epoch, seed);
            let mut begun = std::collections::VecDeque::new();
            let mut acks = Vec::new();
            loop {
                while begun.len() < outstanding && Instant::now() < stop {
                    let request = mailbox.send(envelopes.make());
                    begun.push_back(Instant::now());
                    pipeline.send(&request).await?;
                }
                let Some(sent) = begun.pop_front() else { return Outcome::Ok(acks) };
                expect(pipeline.answer().await?, &Answer::Accepted)?;
                acks.push(sent.elapsed());
            }
        });
    }
    let mut acks = Vec::new();
    while let Some(done) = senders.join_next().await {
        acks.extend(done??);
    }
    let elapsed = epoch.elapsed();
    let accepted = acks.len() as u64;
    let patience = Instant::now() + Duration::from_secs(10);
    while arrived.load(Ordering::Relaxed) < accepted && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let relay_cpu = usage.cpu()?.saturating_sub(cpu_before);
    for (reader, _) in &kept {
        reader.close();
    }
    let mut ages = Vec::new();
    while let Some(done) = readers.join_next().await {
        ages.extend(done?);
    }
    Ok(Throughput {
        accepted,
        delivered: arrived.load(Ordering::Relaxed),
        elapsed,
        relay_cpu,
        ack_p50: quantile(&mut acks, 0.5),
        ack_p99: quantile(&mut acks, 0.99),
        delivered_p50: quantile(&mut ages, 0.5),
        delivered_p99: quantile(&mut ages, 0.99),
    })
}
