//! A device that is reached through two relays loses nothing with one of them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests fail by panicking, and say what their chance was"
)]

use std::collections::BTreeMap;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use velar_tests::job::{Job, Said};
use velar_tests::load::Outcome;
use velar_tests::person::{Person, Running, form_circle, program};
use velar_tests::process::RelayProcess;

/// Alarms of the run in which a relay is killed.
const ALARMS: usize = 200;

async fn relay(folder: &std::path::Path) -> Outcome<RelayProcess> {
    let mut relay = RelayProcess::init(&program("velar-relay")?, folder).await?;
    relay.start().await?;
    Ok(relay)
}

/// Everybody is reached through the second relay, too, and everybody knows.
async fn add(people: &[Person], relay: &RelayProcess) -> Outcome<()> {
    let address = relay.address()?.to_string();
    for person in people {
        let (code, added) = person.json(&["relays", "add", &address]).await?;
        assert_eq!((code, &added["registered"]), (0, &Value::Bool(true)), "{added}");
    }
    for person in people.iter().chain(people) {
        person.must(&["status"]).await?;
    }
    Ok(())
}

/// Types alarms, and goes on while they are kept; tells each that is.
fn alarms(person: &Person) -> Outcome<(Job, UnboundedReceiver<Said>)> {
    let mut talker = Command::new(env!("CARGO_BIN_EXE_velar-talker"));
    talker.arg("--alarms").arg("--vault").arg(person.vault());
    talker.arg("--passphrase-file").arg(person.file("passphrase"));
    let (tell, said) = unbounded_channel();
    let job = Job::start(talker, move |line| {
        let _ = tell.send(line);
    })?;
    Ok((job, said))
}

/// How often each alarm was shown.
fn shown(lines: &[String]) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for line in lines {
        let item: Value = serde_json::from_str(line).unwrap();
        if item["kind"] == "alert" && item["event"] == "raised" {
            *count.entry(item["text"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    count
}

async fn until_shown(watch: &mut Running, text: &str) -> Outcome<()> {
    let wanted = format!(r#""text":"{text}""#);
    watch.line_with(&wanted).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_dies_amid_two_hundred_alarms_costs_none_and_doubles_none() -> Outcome<()> {
    let root = tempfile::tempdir()?;
    let mut relays =
        [relay(&root.path().join("one")).await?, relay(&root.path().join("other")).await?];
    let others = [("Eva", "accompanier"), ("Ana", "defender")];
    let people = form_circle(root.path(), relays[0].address()?, "Luz", &others).await?;
    add(&people, &relays[1]).await?;
    let (_, listed) = people[2].json(&["relays", "list"]).await?;
    let answering = listed["relays"].as_array().unwrap().iter().filter(|r| r["answers"] == true);
    assert_eq!(answering.count(), 2, "{listed}");

    let mut watches = Vec::new();
    for person in &people[..2] {
        watches.push(person.watch(&["--json"]).await?);
    }
    // Carries what Ana says; nobody reads what it shows.
    let mut carrying = people[2].command(&["watch"])?.stdout(Stdio::null()).spawn()?;
    let chance = getrandom::u64()?;
    let (at, victim) = (20 + chance as usize % (ALARMS - 40), (chance >> 32) as usize % 2);
    eprintln!("relay {victim} dies after alarm {at}");
    let (mut typing, mut kept) = alarms(&people[2])?;
    for n in 0..ALARMS {
        let text = format!("alarm {n}");
        typing.type_line(&text).await;
        assert_eq!(kept.recv().await, Some(Said::Line(text)));
        if n == at {
            relays[victim].kill_nine().await?;
        }
    }
    typing.close_stdin();

    // The relay stays dead: nobody waits for it.
    for watch in &mut watches {
        until_shown(watch, &format!("alarm {}", ALARMS - 1)).await?;
        while shown(&watch.seen).len() < ALARMS {
            watch.until(|line| line.contains(r#""event":"raised""#)).await?;
        }
    }
    // It comes back with what it had accepted: known already, shown to nobody again.
    relays[victim].start().await?;
    for watch in &mut watches {
        let place = relays[victim].address()?.place();
        let reached = |line: &str| line.contains(r#""kind":"connected""#) && line.contains(&place);
        if !watch
            .seen
            .iter()
            .rev()
            .take_while(|line| !line.contains("disconnected"))
            .any(|l| reached(l))
        {
            watch.until(reached).await?;
        }
    }
    carrying.kill().await?;
    for watch in watches {
        let (status, lines) = watch.stop().await?;
        assert!(status.success());
        let count = shown(&lines);
        assert!(count.values().all(|times| *times == 1), "{count:?}");
        assert_eq!(count.len(), ALARMS);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_is_left_only_when_another_stays_and_is_read_for_a_while() -> Outcome<()> {
    let root = tempfile::tempdir()?;
    let one = relay(&root.path().join("one")).await?;
    let other = relay(&root.path().join("other")).await?;
    let people = form_circle(root.path(), one.address()?, "Luz", &[("Ana", "defender")]).await?;
    let place = one.address()?.place();
    let last = people[1].run(&["relays", "leave", &place, "--json"]).await?;
    assert_eq!((last.code, last.failure().as_str()), (8, "relay-last"), "{last:?}");
    // One that has never answered is no other.
    let mut dead = relay(&root.path().join("dead")).await?;
    dead.kill_nine().await?;
    let dead = dead.address()?;
    let (code, added) = people[1].json(&["relays", "add", &dead.to_string()]).await?;
    assert_eq!((code, &added["registered"]), (3, &Value::Bool(false)), "{added}");
    let last = people[1].run(&["relays", "leave", &place, "--json"]).await?;
    assert_eq!(last.failure(), "relay-last", "{last:?}");
    people[1].run(&["relays", "leave", &dead.place()]).await?;
    add(&people, &other).await?;
    let again = people[1].run(&["relays", "add", &other.address()?.to_string(), "--json"]).await?;
    assert_eq!(again.failure(), "relay-known", "{again:?}");
    let unknown = people[1].run(&["relays", "leave", "nowhere", "--json"]).await?;
    assert_eq!(unknown.failure(), "relay-unknown", "{unknown:?}");
    let both = people[1].run(&["relays", "leave", "127.0.0.1", "--json"]).await?;
    assert_eq!(both.failure(), "relay-ambiguous", "{both:?}");

    let (code, left) = people[1].json(&["relays", "leave", &place]).await?;
    assert_eq!((code, &left["told"]), (0, &Value::Bool(true)), "{left}");
    // Luz does not know yet and sends to both; Ana reads both.
    people[0].run(&["say", "hola"]).await?;
    let read = people[1].must(&["inbox"]).await?.out;
    assert_eq!(read.matches("hola").count(), 1, "{read}");
    let (_, listed) = people[1].json(&["relays", "list"]).await?;
    let in_use = listed["relays"].as_array().unwrap().iter().filter(|r| r["left_s"].is_null());
    assert_eq!(in_use.count(), 1, "{listed}");
    Ok(())
}
