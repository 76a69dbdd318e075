//! Two versions in one circle: the programs of the previous one (`tests/previous`) and those of this source. Run by
//! `tests/mixed`, which builds the former.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use velar_tests::load::Outcome;
use velar_tests::person::{Person, Running, gather, program};
use velar_tests::process::RelayProcess;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Previous,
    This,
}

use Version::{Previous, This};

fn previous() -> PathBuf {
    std::env::var_os("VELAR_TEST_PREVIOUS").expect("run by tests/mixed").into()
}

async fn person(root: &Path, name: &str, version: Version) -> Outcome<Person> {
    match version {
        Previous => Person::with_programs(root, name, &previous()).await,
        This => Person::with_cheap_vault(root, name),
    }
}

async fn item(watch: &mut Running, fits: impl Fn(&Value) -> bool) -> Outcome<Value> {
    let object = |line: &str| serde_json::from_str::<Value>(line).unwrap_or_default();
    let line = watch.until(|line| fits(&object(line))).await?;
    Ok(object(&line))
}

/// What the demo shows: a circle, a check-in, an alarm that is taken, and its end; everybody hears of each step.
async fn story(relay: Version, [luz, eva, ana]: [Version; 3]) -> Outcome<()> {
    let root = TempDir::new()?;
    let programs = match relay {
        Previous => previous().join("velar-relay"),
        This => program("velar-relay")?,
    };
    // As shipped: one version's flags are not another's.
    let relay = RelayProcess::init(&programs, &root.path().join("relay")).await?;
    let mut relay = relay.as_shipped();
    relay.start().await?;
    let people = [
        person(root.path(), "Luz", luz).await?,
        person(root.path(), "Eva", eva).await?,
        person(root.path(), "Ana", ana).await?,
    ];
    gather(relay.address()?, &people, &["accompanier", "defender"]).await?;
    let [luz, eva, ana] = &people;
    let mut watches = [luz.watch(&["--json"]).await?, eva.watch(&["--json"]).await?];

    let (code, said) = ana.json(&["checkin", "--note", "todo bien", "--next", "90"]).await?;
    assert_eq!(code, 0, "{said}");
    let people = said["people"].as_array().unwrap();
    assert!(people.iter().all(|person| person["state"] == "received"), "{said}");
    ana.must(&["say", "voy saliendo"]).await?;
    ana.must(&["panic", "dos", "hombres"]).await?;
    let event = |name: &'static str| move |item: &Value| item["event"] == name;
    for watch in &mut watches {
        let check_in = item(watch, |item| item["kind"] == "check-in").await?;
        assert_eq!((&check_in["note"], &check_in["next_min"]), (&"todo bien".into(), &90.into()));
        item(watch, |item| item["text"] == "voy saliendo").await?;
        item(watch, event("raised")).await?;
    }
    eva.must(&["claim"]).await?;
    item(&mut watches[0], event("claimed")).await?;
    eva.must(&["note", "la tengo al telefono"]).await?;
    item(&mut watches[0], |item| item["text"] == "la tengo al telefono").await?;
    let (_, seen) = ana.json(&["alerts"]).await?;
    assert_eq!(seen["alerts"][0]["leader"]["name"], "Eva", "{seen}");
    ana.must(&["stand-down", "ya", "estoy", "bien"]).await?;
    item(&mut watches[1], event("stand-down-asked")).await?;
    luz.must(&["stand-down", "--confirm"]).await?;
    item(&mut watches[1], event("stand-down-confirmed")).await?;
    eva.must(&["close", "hablamos"]).await?;
    item(&mut watches[0], event("closed")).await?;
    for watch in watches {
        watch.stop().await?;
    }
    for person in [luz, eva, ana] {
        let (_, seen) = person.json(&["alerts"]).await?;
        assert!(seen["alerts"].as_array().unwrap().is_empty(), "{}: {seen}", person.name);
        let (_, status) = person.json(&["status"]).await?;
        assert_eq!((&status["damaged_records"], &status["unsent"]), (&0.into(), &0.into()));
        // What is left at a relay, both have to agree on.
        if person.name == "Ana" {
            assert!(status["holds"].to_string().contains("armed"), "{status}");
        }
        let (_, members) = person.json(&["members"]).await?;
        assert_eq!(members["members"].as_array().unwrap().len(), 3, "{members}");
    }
    relay.stop().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the programs of the previous version: tests/mixed builds them"]
async fn old_clients_get_along_with_a_new_relay() -> Outcome<()> {
    story(This, [Previous; 3]).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the programs of the previous version: tests/mixed builds them"]
async fn new_clients_get_along_with_an_old_relay() -> Outcome<()> {
    story(Previous, [This; 3]).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the programs of the previous version: tests/mixed builds them"]
async fn a_circle_of_both_gets_along_whoever_leads() -> Outcome<()> {
    story(This, [This, Previous, This]).await?;
    story(This, [Previous, This, Previous]).await
}
