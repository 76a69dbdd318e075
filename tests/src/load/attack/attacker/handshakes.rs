//! Handshakes that begin and never end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use quinn::Connecting;
use tokio::time::interval;
use velar_protocol::wire::RelayAddress;

use super::super::super::Outcome;
use super::super::client::{Dialer, Port};
use super::Attacker;

/// Bytes a second of what is sent.
pub(super) const RATE: u64 = 1_000_000;

/// The same, of an attacker who wants the relay's memory: 2000 handshakes a second.
pub(super) const HIGH_RATE: u64 = 5_000_000;

/// Bytes of a client's first words: two datagrams.
const HELLO: u64 = 2 * 1200;

/// Handshakes that are begun from one socket, at most: each prefix has its part of all of them.
const PER_PORT: usize = 16;

/// Between two looks at what may be sent by now.
const PACE: Duration = Duration::from_millis(5);

/// Nothing is repeated before a handshake makes room for the next one.
const FIRST_TIMEOUT: Duration = Duration::from_secs(2);

/// A socket, and the handshakes that stall on it.
struct Stalled {
    port: Port,
    begun: Vec<Connecting>,
}

pub(super) fn dialer(relay: &RelayAddress) -> Outcome<Dialer> {
    Dialer::with_first_timeout(relay, FIRST_TIMEOUT)
}

impl Attacker {
    /// Says a client's first words, at a steady rate of bytes, answers a `Retry`, and never anything else. The eldest
    /// handshakes are forgotten for new ones, and the relay is not told.
    pub(super) async fn stall_handshakes(self: Arc<Self>, rate: u64) -> Outcome<()> {
        let sent = self.dialer.sent();
        let size = self.orders.size as usize;
        let per_port = (size / self.orders.prefixes.max(1) as usize).clamp(1, PER_PORT);
        let (begun, mut paces) = (Instant::now(), interval(PACE));
        let (mut stalled, mut ports) = (VecDeque::<Stalled>::new(), 0);
        let mut in_place = false;
        loop {
            paces.tick().await;
            let due = begun.elapsed().as_secs_f64() * rate as f64;
            loop {
                // What was begun just now goes out on tasks of its own; what a `Retry` costs shows later.
                let begun = self.counts.handshakes.load(Ordering::Relaxed) * HELLO;
                if begun.max(sent.load(Ordering::Relaxed)) as f64 >= due {
                    break;
                }
                if stalled.back().is_none_or(|last| last.begun.len() >= per_port) {
                    let source = self.addresses.attacker(ports % self.orders.prefixes.max(1));
                    ports += 1;
                    let port = self.dialer.stalling_port(source)?;
                    stalled.push_back(Stalled { port, begun: Vec::with_capacity(per_port) });
                }
                let Some(last) = stalled.back_mut() else { break };
                last.begun.push(last.port.begin()?);
                self.counts.handshakes.fetch_add(1, Ordering::Relaxed);
            }
            while stalled.len() * per_port > size + per_port
                && let Some(eldest) = stalled.pop_front()
            {
                eldest.port.mute();
                if !in_place {
                    self.in_place();
                    in_place = true;
                }
            }
            let now = stalled.iter().map(|stalled| stalled.begun.len() as i64).sum();
            self.counts.open_now.store(now, Ordering::Relaxed);
        }
    }
}
