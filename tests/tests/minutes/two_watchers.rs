//! The second of the two watchers: what a defender left at a relay speaks when she cannot.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

use std::fs;

use serde_json::Value;
use velar_tests::load::Outcome;
use velar_tests::person::{Person, form_circle, program};
use velar_tests::process::RelayProcess;

const ITINERARY: &str = "Camino a Zipolite por la costa, con Beto";

/// The alerts that are open for somebody who comes back now.
async fn alerts(person: &Person) -> Outcome<Vec<Value>> {
    let (_, shown) = person.json(&["alerts"]).await?;
    Ok(shown["alerts"].as_array().cloned().unwrap_or_default())
}

/// What an alert says by whom it is about, with the reason why.
fn raised(alert: &Value) -> Vec<(String, String)> {
    let events = alert["events"].as_array().unwrap().iter();
    let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
    events
        .filter(|event| event["event"] == "raised")
        .map(|event| (text(event, "reason"), text(event, "text")))
        .collect()
}

/// Everything in a folder, as it is on disk.
fn bytes_below(folder: &std::path::Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(bytes_below(&path));
        } else if path.is_file() {
            // Not the operator's socket.
            all.extend(fs::read(path).unwrap());
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_device_is_destroyed_is_heard_by_everybody_who_comes_back() -> Outcome<()> {
    let root = tempfile::tempdir()?;
    let data = root.path().join("relay");
    let mut relay = RelayProcess::init(&program("velar-relay")?, &data).await?;
    relay.start().await?;
    let others = [("Eva", "accompanier"), ("Ana", "defender")];
    let people = form_circle(root.path(), relay.address()?, "Luz", &others).await?;
    let [luz, eva, ana] = people.try_into().map_err(|_| "three people")?;

    // A check-in each minute, without grace or margin. Nobody else is online from here on.
    let set = ["plan", "set", "--every", "1m", "--grace", "0", "--margin", "0"];
    let (_, said) = ana.json(&[&set[..], &["--itinerary", ITINERARY]].concat()).await?;
    let held = &said["holds"];
    assert_eq!(held["relays"][0]["state"], "armed", "{said}");
    assert_eq!(held["nothing_for"].as_array().map(Vec::len), Some(0), "{said}");
    let until_s = held["until_s"].as_u64().ok_or("no deadline")?;
    assert_eq!(held["relays"][0]["until_s"], until_s, "{said}");

    // Her device is wiped and gone, and with it every key; silence still rings. The relay dies before the deadline.
    let watching = ana.watch(&["--json"]).await?;
    watching.kill_nine().await?;
    let wiped = ana.run_locked(&["wipe", "--yes"]).await?;
    assert_eq!(wiped.code, 0, "{wiped:?}");
    if ana.vault().exists() {
        fs::remove_dir_all(ana.vault())?;
    }
    wait_until(until_s - 10).await;
    relay.kill_nine().await?;
    wait_until(until_s + 1).await;
    // It was down across the deadline. It waits as long as it was down, for who could not reach it meanwhile.
    relay.start().await?;

    let stored = bytes_below(&data);
    let readable = stored.windows(ITINERARY.len()).any(|window| window == ITINERARY.as_bytes());
    assert!(!readable, "the relay knows where she is");

    // Who waits at a terminal hears of it by the relay, not only by what it reckons itself.
    let mut watch = eva.watch(&["--json"]).await?;
    let line = watch.until(|line| line.contains(ITINERARY)).await?;
    let item: Value = serde_json::from_str(&line)?;
    assert_eq!(item["name"], "Ana", "{item}");
    assert!(item["reason"].as_str().unwrap_or_default().starts_with("released"), "{item}");
    drop(watch);
    for person in [&eva, &luz] {
        let open = alerts(person).await?;
        assert_eq!(open.len(), 1, "one alert, whoever found it: {open:#?}");
        assert_eq!(open[0]["subject"]["name"], "Ana");
        let reasons = raised(&open[0]);
        let released = reasons.iter().filter(|(reason, _)| reason.starts_with("released"));
        assert_eq!(released.clone().count(), 1, "{reasons:?}");
        assert!(released.clone().all(|(_, text)| text == ITINERARY), "{reasons:?}");
    }
    // Its end is as that of any other.
    eva.must(&["claim"]).await?;
    eva.must(&["close", "--unconfirmed", "she is at her sister's"]).await?;
    assert!(alerts(&luz).await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_missed_the_extension_raises_no_false_alarm() -> Outcome<()> {
    let root = tempfile::tempdir()?;
    let data = root.path().join("relay");
    let mut relay = RelayProcess::init(&program("velar-relay")?, &data).await?;
    relay.start().await?;
    let others = [("Ana", "defender")];
    let people = form_circle(root.path(), relay.address()?, "Luz", &others).await?;
    let [luz, ana] = people.try_into().map_err(|_| "two people")?;
    let set = ["plan", "set", "--every", "1m", "--grace", "0", "--margin", "0"];
    let (_, said) = ana.json(&set).await?;
    let until_s = said["holds"]["until_s"].as_u64().ok_or("no deadline")?;

    // She checks in in time, and the relay cannot be reached: it does not hear of it before its deadline is over.
    wait_until(until_s - 15).await;
    relay.kill_nine().await?;
    let kept = ana.run(&["checkin", "--next", "2h", "--wait", "1"]).await?;
    assert_eq!(kept.code, 3, "{kept:?}");
    assert!(kept.out.contains("does NOT know of this check-in yet"), "{kept:?}");
    wait_until(until_s + 1).await;
    let down_s = now_s() - (until_s - 15);
    relay.start().await?;
    let back_s = now_s();
    // It is back, and so is she: it is told before it releases anything.
    let (_, status) = ana.json(&["status"]).await?;
    assert_eq!(status["holds"]["relays"][0]["state"], "armed", "{status}");
    let armed_s = status["holds"]["relays"][0]["until_s"].as_u64();
    assert!(armed_s.is_some_and(|armed_s| armed_s > until_s + 3600), "{status}");

    // Long enough for what was not extended to have been released.
    wait_until(back_s + down_s + 10).await;
    let open = alerts(&luz).await?;
    assert!(open.is_empty(), "{open:#?}");
    let shown = luz.must(&["inbox", "--json"]).await?.out;
    let kinds: Vec<Value> =
        shown.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect();
    assert!(kinds.iter().any(|item| item["kind"] == "check-in"), "{shown}");
    let loud = |item: &&Value| item["kind"] == "alert" || item["kind"] == "outdated-alert";
    assert_eq!(kinds.iter().filter(loud).count(), 0, "{shown}");

    // The end of a plan ends what lies at the relay.
    let ended = ana.run(&["plan", "end"]).await?.out;
    assert!(!ended.contains("127.0.0.1"), "{ended}");
    let (_, status) = ana.json(&["status"]).await?;
    assert_eq!(status["holds"]["relays"].as_array().map(Vec::len), Some(0), "{status}");
    Ok(())
}

fn now_s() -> u64 {
    velar::link::now_s()
}

/// What the test is about takes time: a minute is the shortest interval that can be agreed on.
async fn wait_until(at_s: u64) {
    while now_s() < at_s {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}
