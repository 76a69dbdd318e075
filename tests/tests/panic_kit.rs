//! The panic kit over the real programs: alarms that need no passphrase, and what is known of them afterwards.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

mod common;

use serde_json::Value;
use tempfile::TempDir;
use velar::kit::{Contents, Generation, KitFile, SealedFor, Way};
use velar::net::Purpose;
use velar_protocol::seal::Day;
use velar_tests::load::Outcome;
use velar_tests::person::{Person, form_circle, program};
use velar_tests::process::RelayProcess;

/// A relay and a circle of three: Luz coordinates and accompanies, Eva accompanies, Ana is at risk.
struct Circle {
    relay: RelayProcess,
    luz: Person,
    eva: Person,
    ana: Person,
    _root: TempDir,
}

impl Circle {
    /// Formed, and Ana's kit has this many alarms for everybody.
    async fn with_kit(alarms: u64) -> Outcome<Self> {
        let root = tempfile::tempdir()?;
        let mut relay =
            RelayProcess::init(&program("velar-relay")?, &root.path().join("relay")).await?;
        relay.start().await?;
        let others = [("Eva", "accompanier"), ("Ana", "defender")];
        let people = form_circle(root.path(), relay.address()?, "Luz", &others).await?;
        let [luz, eva, ana] = people.try_into().map_err(|_| "three people")?;
        let circle = Self { relay, luz, eva, ana, _root: root };
        circle.fill_kit(alarms).await?;
        Ok(circle)
    }

    /// Keys for the kit come with what people say to each other.
    async fn fill_kit(&self, alarms: u64) -> Outcome<()> {
        for _ in 0..20 {
            let kit = self.ana.json(&["status"]).await?.1["kit"].clone();
            if kit["whole"].as_u64() >= Some(alarms) {
                return Ok(());
            }
            self.ana.run(&["checkin", "--wait", "1"]).await?;
            for other in [&self.luz, &self.eva] {
                other.must(&["status"]).await?;
            }
        }
        Err("the kit does not fill".into())
    }
}

fn states(shown: &Value) -> Vec<String> {
    let people = shown["alerts"][0]["people"].as_array().unwrap();
    people.iter().map(|person| person["state"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_vault_raises_three_alarms_and_a_destroyed_one_too() -> Outcome<()> {
    let circle = Circle::with_kit(3).await?;
    let Circle { luz, eva, ana, .. } = &circle;
    let mut luz_watch = luz.watch(&["--plain"]).await?;
    let mut eva_watch = eva.watch(&["--plain"]).await?;
    for left in ["2 more alarms", "One more alarm", "That was the last alarm"] {
        let raised = ana.run_locked(&["panic", "they", "are", "here"]).await?;
        assert_eq!(raised.code, 4, "whether it was received cannot be known: {raised:?}");
        for said in
            ["ALARM RAISED", "at the relay for 2 of 2 people", "Your words did not go", left]
        {
            assert!(raised.out.contains(said), "{said}: {raised:?}");
        }
        for watch in [&mut luz_watch, &mut eva_watch] {
            let line = watch.line_with("*** ALERT").await?;
            assert!(line.contains("Ana"), "{line}");
        }
    }
    let fourth = ana.run_locked(&["panic"]).await?;
    assert_eq!(fourth.code, 5, "{fourth:?}");
    assert!(fourth.err.contains("All 3 alarms of the kit were raised"), "{fourth:?}");
    assert!(fourth.err.contains("THE ALARM WAS NOT RAISED"), "{fourth:?}");

    // The vault is opened: it knows of all of it, and the kit is made anew.
    circle.fill_kit(1).await?;
    let (_, shown) = ana.json(&["alerts"]).await?;
    assert_eq!(states(&shown), ["received", "received"], "{shown}");
    let events = shown["alerts"][0]["events"].as_array().unwrap();
    assert_eq!(events.iter().filter(|event| event["event"] == "raised").count(), 3, "{shown}");

    std::fs::remove_dir_all(ana.vault().join("vault"))?;
    let raised = ana.run(&["panic", "--wait", "60"]).await?;
    assert_eq!(
        raised.code, 4,
        "the passphrase opens nothing any more, and is not needed: {raised:?}"
    );
    for watch in [&mut luz_watch, &mut eva_watch] {
        watch.line_with("*** ALERT").await?;
    }
    for watch in [luz_watch, eva_watch] {
        let (_, lines) = watch.stop().await?;
        assert!(!lines.iter().any(|line| line.contains("OLD panic kit")), "{lines:#?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kit_works_beside_a_watch_and_can_be_removed() -> Outcome<()> {
    let circle = Circle::with_kit(1).await?;
    let Circle { luz, eva, ana, .. } = &circle;
    let mut ana_watch = ana.watch(&["--plain"]).await?;
    let mut luz_watch = luz.watch(&["--plain"]).await?;
    let raised = ana.run_locked(&["panic", "--json"]).await?;
    assert_eq!(raised.code, 4, "{raised:?}");
    assert_eq!(raised.json()["at_relay"], 2, "{raised:?}");
    luz_watch.line_with("*** ALERT").await?;
    // The watch of the same vault takes it in, and with it the receipts.
    ana_watch.line_with("ALERT").await?;
    let claimed = luz.must(&["claim"]).await?.out;
    assert!(claimed.contains("You have taken alert"), "{claimed}");
    ana_watch.line_with("is taken by Luz").await?;
    let shown = ana.must(&["alerts"]).await?.out;
    assert!(shown.contains("Luz: received by Luz's terminal"), "{shown}");
    assert!(shown.contains("Eva: at the relay"), "{shown}");

    // With the passphrase the words go along, after the alarm.
    circle.fill_kit(1).await?;
    let raised = ana.must(&["panic", "two", "men", "--wait", "60"]).await?.out;
    for said in ["ALARM RAISED", "was open already", "Luz's terminal has received it."] {
        assert!(raised.contains(said), "{said}: {raised}");
    }
    luz_watch.line_with("Ana: two men").await?;
    eva.must(&["status"]).await?;

    let gone = ana.run_locked(&["panic", "--disarm"]).await?;
    assert_eq!(gone.code, 0, "{gone:?}");
    let file = std::fs::read(ana.vault().join("kit"))?;
    assert!(file.len() < 64, "no relay and no token is left");
    let locked = ana.run_locked(&["panic"]).await?;
    assert_eq!(locked.code, 5, "{locked:?}");
    assert!(locked.err.contains("THE ALARM WAS NOT RAISED"), "{locked:?}");
    let status = ana.must(&["status"]).await?.out;
    assert!(status.contains("Panic kit: removed by you."), "{status}");
    ana.must(&["panic", "--arm"]).await?;
    let raised = ana.run_locked(&["panic"]).await?;
    assert_eq!(raised.code, 4, "{raised:?}");
    let (_, lines) = ana_watch.stop().await?;
    assert!(!lines.iter().any(|line| line.contains("not from here")), "{lines:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_of_the_kit_waits_for_the_relay_and_is_not_wasted() -> Outcome<()> {
    let mut circle = Circle::with_kit(1).await?;
    circle.relay.kill_nine().await?;
    let mut first = circle.ana.start_locked(&["panic"])?;
    first.line_with("ALARM RAISED").await?;
    first.line_with("NO CONNECTION: the alarm has not gone out yet.").await?;
    let (status, lines) = first.stop().await?;
    assert_eq!(status.code(), Some(3), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("at NO relay yet")), "{lines:#?}");

    // The same alarm, not another one; and it goes on by itself until the relay is back.
    let mut again = circle.ana.start_locked(&["panic"])?;
    again.line_with("it is sent again").await?;
    again.line_with("NO CONNECTION").await?;
    circle.relay.start().await?;
    again.line_with("The alarm is at the relay").await?;
    let (status, lines) = again.end().await?;
    assert_eq!(status.code(), Some(4), "{lines:#?}");
    let mut watch = circle.luz.watch(&["--plain"]).await?;
    watch.line_with("*** ALERT").await?;
    let (_, shown) = circle.ana.json(&["alerts"]).await?;
    let events = shown["alerts"][0]["events"].as_array().unwrap();
    assert_eq!(events.iter().filter(|event| event["event"] == "raised").count(), 1, "{shown}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_relay_of_two_is_enough_and_no_vault_is_looked_at() -> Outcome<()> {
    let (here, gone) = (common::Relay::start(), common::Relay::start());
    let reader = common::connect(&here, Purpose::Read).await;
    common::open(&reader, 7).await;
    let mut subscription = reader.subscribe(&[common::secret(7)]).await?;
    let way = |relay: &common::Relay| Way {
        relay: relay.address.clone(),
        token: common::token(7),
        accepted: false,
    };
    // What the device knows is both; the person has moved to the second since, or the first is down.
    let sealed = SealedFor { envelope: common::envelope(9), ways: vec![way(&gone), way(&here)] };
    let homes = vec![gone.address.clone()];
    // Sealed by a clock that was far ahead.
    let made = Generation::new(1, Day(40_000), [0xab; 4], 0, homes, vec![sealed]);
    gone.stop().await;

    let root = tempfile::tempdir()?;
    let person = Person::without_vault(root.path(), "Ana")?;
    std::fs::create_dir(person.vault())?;
    let contents = Contents { disarmed: false, generations: vec![made] };
    assert!(KitFile::of(&person.vault()).replace(None, &contents.encode())?);
    let raised = person.run_locked(&["panic"]).await?;
    assert_eq!(raised.code, 4, "{raised:?}");
    assert!(raised.out.contains("ALARM RAISED (abababab)"), "{raised:?}");
    assert_eq!(common::next_envelope(&mut subscription).await.0, 9);
    here.stop().await;
    Ok(())
}
