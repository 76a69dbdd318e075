//! File systems that are really full: some memory, mounted in a namespace of this test's own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test"
)]

#[path = "../common/mod.rs"]
mod common;
mod disk;
mod filled;
mod refilled;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use common::{Client, Conn, Relay, Subscription, envelope, number, secret, token};
use rustix::process::Signal;
use tokio::time::{sleep, timeout};
use velar_protocol::wire::codec;
use velar_protocol::wire::{Answer, Event, Request};

/// A mailbox that is not there yet.
const NEWCOMER: u8 = 77;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(90);

/// Where no namespace can be made: the mark alone, as if the disk were nearly full.
async fn without_a_small_disk() {
    eprintln!(
        "no small disk: `unshare --user --mount` is not permitted here; testing the mark only"
    );
    let data = tempfile::tempdir().unwrap();
    Relay::init(data.path());
    let relay = Relay::serve(data.path(), &["--free-space-mib", "4294967295"]);
    let conn = Client::new(relay.addr, data.path()).connect().await;
    assert!(matches!(conn.open(&secret(1), &[]).await, Answer::Full { .. }));
}

/// Sends envelopes with these numbers until something else than `Accepted` comes, or nothing at all. Which were accepted,
/// and that.
async fn send_all(
    conn: &Conn,
    to: u8,
    numbers: impl Iterator<Item = u32>,
) -> (Vec<u32>, Option<Answer>) {
    /// On their way at once.
    const AHEAD: usize = 32;
    let (mut send, mut recv) = conn.quic.open_bi().await.unwrap();
    let (mut accepted, mut waiting) = (Vec::new(), std::collections::VecDeque::new());
    let mut numbers = numbers.peekable();
    let mut refused = None;
    while numbers.peek().is_some() || !waiting.is_empty() {
        if waiting.len() < AHEAD
            && refused.is_none()
            && let Some(number) = numbers.next()
        {
            let frame = codec::encode(&common::send(&token(to), &envelope(number))).unwrap();
            if send.write_all(&frame).await.is_err() {
                break;
            }
            waiting.push_back(number);
            continue;
        }
        let Some(number) = waiting.pop_front() else { break };
        let mut begun = [0; 5];
        if recv.read_exact(&mut begun).await.is_err() {
            break;
        }
        let mut body = vec![begun[4]; codec::header::<Answer>(&begun).unwrap().unwrap().len];
        recv.read_exact(&mut body[1..]).await.unwrap();
        match codec::decode(&body).unwrap() {
            Answer::Accepted => accepted.push(number),
            other => refused = Some(other),
        }
    }
    (accepted, refused)
}

/// Sends one until it is accepted, once there is room for more than floors: for a new mailbox. How long that took.
async fn until_accepted(conn: &Conn, to: u8, number: u32) -> Duration {
    let begun = Instant::now();
    while !conn.open(&secret(NEWCOMER), &[]).await.opened_with_all() {
        assert!(begun.elapsed() < PATIENCE, "it never takes anything new again");
        sleep(Duration::from_millis(20)).await;
    }
    let closed = conn.ask(&Request::close(&conn.exporter, &secret(NEWCOMER))).await;
    assert_eq!(closed, Answer::Closed);
    while conn.send(&token(to), &envelope(number)).await != Answer::Accepted {
        assert!(begun.elapsed() < PATIENCE, "it never accepts again");
        sleep(Duration::from_millis(20)).await;
    }
    begun.elapsed()
}

/// Reads and acknowledges what waits.
async fn read_all(conn: &Conn, from: u8) -> Vec<u32> {
    let mut subscription = conn.subscribe(&[&secret(from)]).await.unwrap();
    let mut found = Vec::new();
    loop {
        match timeout(PATIENCE, subscription.event()).await.expect("it goes on") {
            Event::Envelope { sequence, envelope, .. } => {
                found.push(number(&envelope));
                subscription.ack(sequence).await;
            }
            Event::CaughtUp { expired, .. } => {
                assert_eq!(expired, 0, "something was lost");
                acknowledged(subscription).await;
                return found;
            }
            Event::Ended { reason } => panic!("{reason:?}"),
        }
    }
}

/// Reads and acknowledges the next `count`.
async fn read_some(conn: &Conn, from: u8, count: usize) -> Vec<u32> {
    let mut subscription = conn.subscribe(&[&secret(from)]).await.unwrap();
    let mut found = Vec::new();
    for _ in 0..count {
        let (sequence, envelope) =
            timeout(PATIENCE, subscription.envelope()).await.expect("it goes on");
        subscription.ack(sequence).await;
        found.push(number(&envelope));
    }
    acknowledged(subscription).await;
    found
}

/// Ends a subscription; when this returns, the relay has taken what was acknowledged.
async fn acknowledged(mut subscription: Subscription) {
    subscription.send.finish().unwrap();
    // Those beyond what was asked for come before the end.
    let _ = timeout(PATIENCE, subscription.recv.read_to_end(1 << 24)).await.expect("it ends");
}

/// Ends it as its operator would.
fn stop(mut relay: Relay) {
    relay.signal(Signal::TERM);
    assert!(relay.child.wait().unwrap().success(), "it ends in order");
}

fn in_order(found: &[u32]) -> bool {
    found.is_sorted_by(|a, b| a < b)
}

/// None of `wanted` is missing.
fn has_all(found: &[u32], wanted: &[u32]) -> bool {
    let found: BTreeSet<_> = found.iter().collect();
    wanted.iter().all(|wanted| found.contains(wanted))
}
