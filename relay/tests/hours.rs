//! A relay's disk does not have the second at which an envelope came.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use common::{Client, Relay, Subscription, envelope, secret, token};
use rustix::process::Signal;
use velar_protocol::wire::{Answer, Event};

const HOUR_S: u64 = 3600;

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// All that lies in a folder and those below it.
fn bytes_of(folder: &Path) -> Vec<u8> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let bytes = |path: PathBuf| match path.is_dir() {
        true => bytes_of(&path),
        // The socket for commands has none.
        false if !path.is_file() => Vec::new(),
        false => fs::read(path).unwrap(),
    };
    entries.flat_map(bytes).collect()
}

/// Whether this number of seconds is in these bytes, in either order.
fn has_second(bytes: &[u8], second: u64) -> bool {
    let short = u32::try_from(second).unwrap();
    [short.to_le_bytes(), short.to_be_bytes()]
        .iter()
        .any(|pattern| memchr::memmem::find(bytes, pattern).is_some())
}

async fn next_received_at_s(subscription: &mut Subscription) -> u64 {
    match subscription.event().await {
        Event::Envelope { received_at_s, .. } => received_at_s,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn no_file_of_the_store_has_the_second_at_which_an_envelope_came() {
    let data = tempfile::tempdir().unwrap();
    Relay::init(data.path());
    let mut relay = Relay::serve(data.path(), &[]);
    let conn = Client::new(relay.addr, data.path()).connect().await;
    conn.opened(&secret(1), &[&token(1)]).await;
    let from_s = now_s();
    for number in 0..20 {
        assert_eq!(conn.send(&token(1), &envelope(number)).await, Answer::Accepted);
    }
    let to_s = now_s();
    let mut reading = conn.subscribe(&[&secret(1)]).await.unwrap();
    let told_s = next_received_at_s(&mut reading).await;
    assert!((from_s..=to_s).contains(&told_s), "it is known as long as the relay runs");
    // As it lies there after a crash, and what a start makes of it.
    relay.kill();
    for round in ["after a crash", "after a start", "after a stop"] {
        let bytes = bytes_of(data.path());
        let hour_s = told_s / HOUR_S * HOUR_S;
        for second in (from_s..=to_s).filter(|second| second % HOUR_S != 0) {
            assert!(!has_second(&bytes, second), "{round}: {second} is on disk");
        }
        assert!(has_second(&bytes, hour_s), "{round}: the hour is not where it is looked for");
        relay = Relay::serve(data.path(), &[]);
        let conn = Client::new(relay.addr, data.path()).connect().await;
        let mut reading = conn.subscribe(&[&secret(1)]).await.unwrap();
        assert_eq!(next_received_at_s(&mut reading).await, hour_s, "{round}");
        if round == "after a start" {
            relay.signal(Signal::TERM);
            relay.child.wait().unwrap();
        } else {
            relay.kill();
        }
    }
}
