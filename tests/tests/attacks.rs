//! Short forms of `velar-load attack`, with smaller limits where the shipped ones would take long. Only outcomes are looked
//! at: nothing honest is refused, nothing grows without bound. How long it takes is in BENCHMARKS.md.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;
use tokio::sync::Mutex;
use velar_tests::load::Outcome;
use velar_tests::person::program;

/// Beside each other they would be one another's attack.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// What was measured, or nothing where this machine does not allow the attack.
async fn attack(args: &[&str]) -> Outcome<Option<Value>> {
    attack_for(2, args).await
}

async fn attack_for(seconds: u32, args: &[&str]) -> Outcome<Option<Value>> {
    let _turn = ONE_AT_A_TIME.lock().await;
    let ran = Command::new(env!("CARGO_BIN_EXE_velar-load"))
        .arg("--relay")
        .arg(program("velar-relay")?)
        .args(["attack", "--json", "--quiet-seconds=1"])
        .arg(format!("--seconds={seconds}"))
        .args(args)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    let said = String::from_utf8_lossy(&ran.stderr);
    let seen: Value = serde_json::from_slice(&ran.stdout)
        .map_err(|error| format!("{args:?}: {error}; {said}"))?;
    Ok(seen["skipped"].is_null().then_some(seen))
}

/// Everything honest was done, in both phases.
fn nothing_refused(seen: &Value) {
    let operations = seen["operations"].as_object().unwrap();
    assert_eq!(operations.len(), 7);
    for (name, both) in operations {
        for phase in ["quiet", "attacked"] {
            let (done, failures) = (&both[phase]["done"], &both[phase]["failures"]);
            assert!(done.as_u64().unwrap() > 0, "no {name}, {phase}: {seen}");
            assert!(failures.as_object().unwrap().is_empty(), "{name}, {phase}: {failures}");
        }
    }
}

/// The attacker's count of this.
fn count(seen: &Value, of: &str) -> u64 {
    seen["attack"][of].as_u64().unwrap()
}

#[tokio::test]
async fn stalled_handshakes_keep_nobody_out() {
    let limits = ["--limit=handshakes=32", "--limit=handshakes-before-retry=8"];
    let seen =
        attack(&[&["handshakes", "--size=64"], &limits[..]].concat()).await.unwrap().unwrap();
    assert!(count(&seen, "handshakes") > 64, "{seen}");
    nothing_refused(&seen);
}

#[tokio::test]
async fn stalled_handshakes_from_a_network_of_ipv6_keep_nobody_out() {
    let limits = ["--limit=handshakes=32", "--limit=handshakes-before-retry=8"];
    // One from each /64 of a /48.
    let args = ["handshakes", "--size=256", "--prefixes=256", "--ipv6"];
    // Elsewhere the machine lets nobody make a network, and says so.
    let Some(seen) = attack(&[&args, &limits[..]].concat()).await.unwrap() else { return };
    assert!(count(&seen, "handshakes") > 256, "{seen}");
    nothing_refused(&seen);
}

#[tokio::test]
async fn half_frames_do_not_fill_the_memory() {
    let seen = attack(&["half-frames", "--size=160"]).await.unwrap().unwrap();
    assert!(count(&seen, "requests") > 160, "{seen}");
    assert!(seen["peak_rss_mib"].as_f64().unwrap() < 300.0, "{seen}");
    nothing_refused(&seen);
}

#[tokio::test]
async fn on_a_full_disk_every_mailbox_has_its_floor() {
    let seen = attack(&["fill", "--size=40", "--prefixes=40"]).await.unwrap().unwrap();
    assert!(count(&seen, "full") > 0, "{seen}");
    assert_eq!(seen["floor"]["accepted"], seen["floor"]["sent"], "{seen}");
    let alarms = &seen["operations"]["alarm"]["attacked"];
    assert!(alarms["done"].as_u64().unwrap() > 0 && alarms["failed"] == 0, "{alarms}");
}

#[tokio::test]
async fn one_prefix_does_not_have_all_holds() {
    let seen = attack(&["holds", "--size=600", "--limit=holds=500"]).await.unwrap().unwrap();
    assert!(count(&seen, "full") > 0, "{seen}");
    nothing_refused(&seen);
}

#[tokio::test]
async fn one_prefix_does_not_have_all_tokens() {
    let seen = attack(&["tokens", "--limit=tokens=20000"]).await.unwrap().unwrap();
    assert!(count(&seen, "full") > 0, "{seen}");
    nothing_refused(&seen);
}

#[tokio::test]
async fn one_prefix_does_not_have_all_seats() {
    let limits = ["--limit=connections=128", "--limit=connections-per-prefix=32"];
    let seen = attack(&[&["seats", "--size=64"], &limits[..]].concat()).await.unwrap().unwrap();
    // More came, and some of them had to go.
    assert!(count(&seen, "connected") + count(&seen, "turned_away") > 32, "{seen}");
    assert!((1..=32).contains(&count(&seen, "open_now")), "{seen}");
    nothing_refused(&seen);
}

#[tokio::test]
async fn many_prefixes_do_not_have_all_seats() {
    let limits = ["--limit=connections=128", "--limit=connections-per-prefix=32"];
    for proved in [None, Some("--proved")] {
        let args = ["seats", "--size=256", "--prefixes=8"].into_iter().chain(proved).chain(limits);
        let seen = attack(&args.collect::<Vec<_>>()).await.unwrap().unwrap();
        assert!(count(&seen, "connected") > 0, "{seen}");
        nothing_refused(&seen);
    }
}

#[tokio::test]
async fn many_prefixes_of_one_network_of_ipv6_do_not_have_all_seats() {
    let limits = ["--limit=connections=128", "--limit=connections-per-prefix=32"];
    for tier in ["--tier=64", "--tier=48"] {
        let args = ["seats", "--size=256", "--prefixes=8", "--ipv6", tier];
        // Elsewhere the machine lets nobody make a network, and says so.
        let Some(seen) = attack(&[&args, &limits[..]].concat()).await.unwrap() else { return };
        assert!(count(&seen, "connected") > 0, "{seen}");
        nothing_refused(&seen);
    }
}

#[tokio::test]
async fn tokens_replaced_without_end_keep_nobody_out() {
    let seen =
        attack(&["opens", "--size=2", "--limit=mailbox-envelopes=512"]).await.unwrap().unwrap();
    assert!(count(&seen, "granted") > 512, "{seen}");
    nothing_refused(&seen);
}

#[tokio::test]
async fn many_readers_keep_nobody_out() {
    let seen = attack(&["readers", "--size=128"]).await.unwrap().unwrap();
    assert!(count(&seen, "events") > 0, "{seen}");
    nothing_refused(&seen);
}

#[tokio::test]
async fn junk_by_a_valid_token_keeps_nobody_out() {
    let seen = attack(&["junk", "--limit=token-burst=64"]).await.unwrap().unwrap();
    assert!(count(&seen, "granted") >= 64 && count(&seen, "full") > 0, "{seen}");
    nothing_refused(&seen);
}

#[tokio::test]
async fn a_hash_that_somebody_registered_first_keeps_nobody_out() {
    let seen = attack(&["taken", "--size=512"]).await.unwrap().unwrap();
    assert!(count(&seen, "granted") > 0, "{seen}");
    nothing_refused(&seen);
}

/// What ends stays in QUIC for a while.
#[tokio::test]
async fn handshakes_that_are_cut_off_do_not_fill_the_memory() {
    let args = ["cut", "--size=1000", "--prefixes=8"];
    let seen = attack_for(4, &args).await.unwrap().unwrap();
    assert!(count(&seen, "handshakes") > 1000, "{seen}");
    assert!(seen["peak_rss_mib"].as_f64().unwrap() < 150.0, "{seen}");
    nothing_refused(&seen);
}

#[tokio::test]
async fn holds_that_are_written_anew_do_not_fill_the_disk() {
    let seen = attack(&["extends", "--size=40"]).await.unwrap().unwrap();
    assert!(count(&seen, "granted") > 32 && count(&seen, "full") > 0, "{seen}");
    assert!(seen["disk_mib"].as_f64().unwrap() < 128.0, "{seen}");
    nothing_refused(&seen);
}

#[tokio::test]
async fn who_takes_nothing_does_not_fill_the_memory() {
    let seen = attack(&["untaken", "--size=128"]).await.unwrap().unwrap();
    assert!(count(&seen, "open_now") > 64, "{seen}");
    assert!(seen["peak_rss_mib"].as_f64().unwrap() < 150.0, "{seen}");
    nothing_refused(&seen);
}

#[tokio::test]
async fn who_sends_in_crumbs_is_sent_away() {
    let size = 4;
    let seen = attack_for(10, &["crumbs", &format!("--size={size}")]).await.unwrap().unwrap();
    assert!(count(&seen, "connected") > size, "they are closed, and come again: {seen}");
    nothing_refused(&seen);
}
