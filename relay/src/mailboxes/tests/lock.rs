//! How long one call holds the lock that all requests share, on a relay that is as full as its limits allow. A measurement:
//! `tests/bench` runs it, and its numbers are in `tests/BENCHMARKS.md`.

use std::time::{Duration, Instant};

use super::*;

const MAILBOXES: u32 = 100_000;
const QUEUED: u32 = 16_384;
const HOLDS: u32 = 50_000;

/// The longest of many calls of each kind.
#[derive(Default)]
struct Longest(Vec<(&'static str, u32, Duration)>);

impl Longest {
    fn time<T>(&mut self, what: &'static str, call: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = call();
        let took = begun.elapsed();
        match self.0.iter_mut().find(|(of, ..)| *of == what) {
            Some((_, calls, longest)) => {
                *calls += 1;
                *longest = took.max(*longest);
            }
            None => self.0.push((what, 1, took)),
        }
        done
    }
}

fn name(number: u32) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    bytes
}

#[test]
#[ignore = "a measurement, run by tests/bench with --release"]
#[allow(clippy::print_stdout, reason = "it prints what it measured")]
fn how_long_the_lock_is_held() {
    let most = u32::MAX;
    let limits =
        Limits { token_envelopes: most, token_burst: most, hold_part: 0, ..Limits::default() };
    let limits =
        Limits { mailbox_envelopes: 2 * QUEUED, holds: 2 * HOLDS, envelopes: most, ..limits };
    let limits = Limits { mailboxes: MAILBOXES, ..limits };
    let now = Now::from_s(START_S);
    let mut boxes = Mailboxes::new(limits, Loaded::default(), now, &mut Vec::new());
    let mut longest = Longest::default();
    let mut writes = Vec::new();
    for number in 0..MAILBOXES {
        let tokens = [SendToken::new(name(number)).hash()];
        longest.time("Open, new", || {
            boxes.open(
                MailboxId(name(number)),
                &tokens,
                Leave::NotNeeded,
                |_| Ok(()),
                now,
                &mut writes,
            )
        });
        writes.clear();
    }
    let full = SendToken::new(name(0)).hash();
    let id = MailboxId(name(0));
    for number in 0..QUEUED {
        let (sent, digest) = (envelope(number), short_digest(&envelope(number)));
        longest.time("Send", || boxes.send(&full, sent, digest, now, &mut writes));
        boxes.committed(&puts(&mut writes));
    }
    for number in 0..HOLDS {
        let token = SendToken::new(name(1 + number % (MAILBOXES - 1))).hash();
        let id = HoldSecret::new(name(number)).id();
        let deliveries = vec![(token, envelope(number))];
        let asked = Asked { id, for_s: 1_000 + number, deliveries, replaces: None };
        longest.time("Hold", || boxes.hold(asked, now, &mut writes));
        writes.clear();
    }
    for round in 0..100 {
        let tokens: Vec<SendTokenHash> = (0..127)
            .map(|n| SendToken::new(name(1_000_000 + round * 127 + n)).hash())
            .chain([full])
            .collect();
        let later = Now::from_s(START_S + 3_600 * u64::from(round));
        longest.time("Open, 127 new tokens, 16,384 queued", || {
            boxes.open(id, &tokens, Leave::NotNeeded, |_| Ok(()), later, &mut writes)
        });
        writes.clear();
    }
    let subscribed = boxes.subscribe(&[id], 1, &Bell::default(), now, &mut writes);
    let mut cursor = subscribed.unwrap().remove(0);
    for _ in 0..64 {
        longest.time("take 16", || boxes.take(1, &mut cursor, 16, now)).unwrap();
    }
    for number in 0..1_000 {
        let middle = 1 + u64::from(QUEUED / 2 + number);
        longest.time("Ack in the middle", || boxes.ack(&id, middle, now, &mut writes));
    }
    longest.time("the end of a subscription", || boxes.unsubscribe(1, &[cursor], now));
    writes.clear();
    for number in 0..1_000 {
        let id = HoldSecret::new(name(number)).id();
        longest.time("Extend", || boxes.extend(&id, 5_000, now, &mut writes));
    }
    writes.clear();
    let later = Now::from_s(START_S + 500);
    longest.time("tick", || boxes.tick(later, &mut writes));
    while longest.time("sweep, nothing to do", || boxes.sweep(later, &mut writes)) {}
    longest.time("holds that are due, none", || boxes.due(later));
    let late = Now::from_s(START_S + 15 * 86_400);
    boxes.tick(late, &mut writes);
    while longest.time("sweep, 15,384 to expire", || boxes.sweep(late, &mut writes)) {}
    writes.clear();
    let even_later = Now::from_s(START_S + 16 * 86_400);
    for _ in 0..100 {
        longest.time("holds that are due, all", || boxes.due(even_later));
    }
    println!("| call | calls | longest, µs |\n|---|---|---|");
    for (what, calls, took) in longest.0 {
        println!("| {what} | {calls} | {} |", took.as_micros());
    }
}

fn puts(writes: &mut Vec<Write>) -> Vec<(MailboxId, u64)> {
    crate::writer::puts_of(writes)
}
