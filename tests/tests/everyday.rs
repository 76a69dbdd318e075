//! The everyday commands over the real programs: check-ins, alarms, and the terminals that show them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

mod of_three;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use velar::vault::BUSY_TIMEOUT;
use velar_tests::load::Outcome;
use velar_tests::person::Running;

use self::of_three::{OfThree, leader_of_two, object};

/// Keeps everybody else out of a database for this long.
fn hold(database: &Path, held: Duration) {
    let connection = rusqlite::Connection::open(database).unwrap();
    connection.busy_timeout(BUSY_TIMEOUT).unwrap();
    connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
    std::thread::sleep(held);
    connection.execute_batch("ROLLBACK").unwrap();
}

async fn item(watch: &mut Running, kind: &str) -> Outcome<Value> {
    let wanted = format!(r#""kind":"{kind}""#);
    Ok(object(&watch.line_with(&wanted).await?))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_shown_taken_stood_down_and_closed() -> Outcome<()> {
    let circle = OfThree::form().await?;
    let OfThree { luz, eva, ana, .. } = &circle;
    let mut luz_watch = luz.watch(&["--plain"]).await?;
    let mut eva_watch = eva.watch(&["--plain"]).await?;

    let (code, said) = ana.json(&["checkin", "--note", "todo bien", "--next", "90"]).await?;
    assert_eq!(code, 0, "{said}");
    let people = said["people"].as_array().unwrap();
    assert_eq!(people.len(), 2, "{said}");
    assert!(people.iter().all(|person| person["state"] == "received"), "{said}");
    for watch in [&mut luz_watch, &mut eva_watch] {
        let line = watch.line_with("Check-in of Ana").await?;
        assert!(line.contains("todo bien"), "{line}");
    }
    let status = ana.must(&["status"]).await?.out;
    assert!(status.contains("2 of 2 watching: "), "{status}");

    let raised = ana.must(&["panic", "two", "men", "at", "the", "door"]).await?.out;
    assert!(raised.contains("ALARM RAISED"), "{raised}");
    assert!(raised.contains("Luz's terminal has received it."), "{raised}");
    assert!(raised.contains("2 of 2 terminals have received it."), "{raised}");
    for watch in [&mut luz_watch, &mut eva_watch] {
        // The alarm goes before its words: it needs no passphrase, they do.
        watch.line_with("*** ALERT").await?;
        watch.line_with("Ana: two men at the door").await?;
    }

    let own = ana.run(&["claim"]).await?;
    assert_eq!(own.code, 8, "{own:?}");
    let taken = eva.must(&["claim"]).await?.out;
    assert!(taken.contains("You have taken alert"), "{taken}");
    let line = luz_watch.line_with("is taken by").await?;
    assert!(line.ends_with("of Ana is taken by Eva."), "{line}");
    let shown = ana.must(&["alerts"]).await?.out;
    assert!(shown.contains("Taken by Eva"), "{shown}");
    assert!(shown.contains("Luz: received by Luz's terminal"), "{shown}");

    eva.must(&["note", "I have her on the phone"]).await?;
    luz_watch.line_with("Eva: I have her on the phone").await?;

    let early = eva.run(&["stand-down", "--confirm"]).await?;
    assert_eq!(early.code, 8, "{early:?}");
    for other in ["Luz", "9d69f7b4"] {
        let none = eva.run(&["close", other, "all is well"]).await?;
        assert_eq!(none.code, 6, "nobody else's alert is meant: {none:?}");
    }
    let unasked = eva.run(&["close"]).await?;
    assert_eq!(unasked.code, 7, "without a terminal nothing is decided: {unasked:?}");
    ana.must(&["stand-down", "they are gone"]).await?;
    luz_watch.line_with(r#"Ana says "I am safe""#).await?;
    let mine = ana.run(&["stand-down", "--confirm"]).await?;
    assert_eq!(mine.code, 8, "{mine:?}");
    let refused = ana.run(&["close"]).await?;
    assert_eq!(refused.code, 8, "{refused:?}");
    luz.must(&["stand-down", "--confirm"]).await?;
    eva_watch.line_with("Luz confirmed that Ana is safe.").await?;
    eva.must(&["close", "she is at home"]).await?;
    luz_watch.line_with("of Ana is closed by Eva.").await?;
    let none = ana.must(&["alerts"]).await?.out;
    assert!(none.contains("No open alerts."), "{none}");
    assert_eq!(eva.run(&["claim"]).await?.code, 6);

    let (status, lines) = luz_watch.stop().await?;
    assert!(status.success() && lines.last().unwrap().contains("Watch ended."), "{lines:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_without_network_says_so_at_once_and_goes_out_later() -> Outcome<()> {
    let mut circle = OfThree::form().await?;
    circle.relay.kill_nine().await?;
    let mut panic = circle.ana.start(&["panic", "help", "--wait", "600"])?;
    panic.line_with("ALARM RAISED").await?;
    // It says so long before its wait is over, and goes on.
    panic.line_with("NO CONNECTION: the alarm has not gone out yet.").await?;
    let (status, lines) = panic.stop().await?;
    assert_eq!(status.code(), Some(3), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("NOT reached yet: ")), "{lines:#?}");

    // Neither a slip, a bad filter nor many words stop it; without a terminal it ends when its wait does.
    let typed = ["panic", "--wiat", "--wait", "1", "--json=1", "--lang", "xx", &"x".repeat(5_000)];
    let output = circle.ana.command(&typed)?.env("VELAR_LOG", "a=b=c").output().await?;
    let again = velar_tests::person::Ran::from(output);
    assert_eq!(again.code, 3, "{again:?}");
    assert!(again.err.contains("is not a filter for technical messages"), "{again:?}");
    for said in ["was open already", "only its beginning goes out", "leave velar watch open"] {
        assert!(again.out.contains(said), "{said}: {again:?}");
    }

    let kept = circle.ana.run(&["say", "hello", "--to", "Luz"]).await?;
    assert_eq!(kept.code, 3, "{kept:?}");
    assert!(kept.out.contains("NOT SENT YET"), "{kept:?}");

    circle.relay.start().await?;
    let mut watch = circle.luz.watch(&["--plain"]).await?;
    circle.ana.must(&["status"]).await?;
    watch.line_with("Ana: help").await?;
    watch.line_with("Ana: hello").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_that_is_stopped_while_the_vault_opens_says_how_it_stands() -> Outcome<()> {
    let circle = OfThree::form().await?;
    let database = circle.ana.vault().join("vault").join("vault.db");
    let mut panic = circle.ana.start(&["panic", "help", "--wait", "600"])?;
    panic.line_with("ALARM RAISED").await?;
    let holder = std::thread::spawn(move || hold(&database, BUSY_TIMEOUT.mul_f32(0.8)));
    panic.line_with("The alarm is at the relay").await?;
    let (status, lines) = panic.stop().await?;
    holder.join().unwrap();
    assert_eq!(status.code(), Some(4), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("NOT reached yet: ")), "{lines:#?}");
    Ok(())
}

/// A pipe is read like a file: it may give the passphrase late, or never.
#[tokio::test(flavor = "multi_thread")]
async fn a_panic_that_is_stopped_while_its_passphrase_is_read_says_how_it_stands() -> Outcome<()> {
    let mut circle = OfThree::form().await?;
    circle.relay.kill_nine().await?;
    let ana = circle.ana.typing("pipe");
    let pipe = ana.file("pipe");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0)?;

    let mut late = ana.start(&["panic", "help", "--wait", "600"])?;
    late.line_with("NO CONNECTION").await?;
    let passphrase = std::fs::read(ana.file("passphrase"))?;
    // The program holds its end open from here on, and reads until this end is closed.
    let mut end = std::fs::File::options().write(true).open(&pipe)?;
    late.interrupt()?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    end.write_all(&passphrase)?;
    drop(end);
    let (status, lines) = late.end().await?;
    assert_eq!(status.code(), Some(3), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("NOT reached yet: ")), "{lines:#?}");

    // Stopped before it reads, and while.
    for said in ["ALARM RAISED", "NO CONNECTION"] {
        let mut never = ana.start(&["panic", "--wait", "600"])?;
        never.line_with(said).await?;
        let (status, lines) = never.stop().await?;
        assert_eq!(status.code(), Some(130), "{lines:#?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mesh_holds() -> Outcome<()> {
    let mut circle = OfThree::form().await?;
    let mut panic = circle.ana.start(&["panic", "--wait", "600"])?;
    panic.line_with("The alarm is at the relay").await?;
    let mut watches = [circle.luz.watch(&["--json"]).await?, circle.eva.watch(&["--json"]).await?];
    for watch in &mut watches {
        assert_eq!(item(watch, "ring").await?["event"], "raised");
    }
    panic.kill_nine().await?;
    std::fs::remove_dir_all(circle.ana.vault())?;
    for watch in watches {
        watch.stop().await?;
    }

    // Neither can know of the other's claim when making it.
    circle.relay.stop().await?;
    for person in [&circle.luz, &circle.eva] {
        let claimed = person.run(&["claim"]).await?;
        assert_eq!(claimed.code, 3, "{claimed:?}");
    }
    circle.relay.start().await?;
    circle.luz.must(&["status"]).await?;
    let leader = leader_of_two(&circle.eva).await?;
    assert_eq!(leader_of_two(&circle.luz).await?, leader);
    assert!(leader == "Luz" || leader == "Eva", "{leader}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_shows_each_item_once_across_restarts() -> Outcome<()> {
    let circle = OfThree::form().await?;
    let OfThree { luz, eva, .. } = &circle;
    let mut shown = Vec::new();
    let mut watch = luz.watch(&["--json"]).await?;
    for text in ["one", "two"] {
        eva.must(&["say", text]).await?;
        watch.line_with(&format!(r#""text":"{text}""#)).await?;
    }
    shown.extend(watch.kill_nine().await?);
    eva.run(&["say", "three"]).await?;
    let mut watch = luz.watch(&["--json"]).await?;
    watch.line_with(r#""text":"three""#).await?;
    shown.extend(watch.stop().await?.1);
    let mut watch = luz.watch(&["--json"]).await?;
    let sent = eva.run_with(&["say", "--json"], "four \u{1b}[2J\nlines\n").await?;
    assert_eq!(sent.code, 0, "{sent:?}");
    let last = watch.line_with(r#""text":"four"#).await?;
    assert!(!last.contains('\u{1b}'), "{last}");
    let last = object(&last);
    assert_eq!(last["text"], "four \u{1b}[2J\nlines");
    assert_eq!(object(&sent.out)["message"], last["message"]);
    shown.extend(watch.stop().await?.1);

    // After kill -9 the very last line may come again, with the same number.
    let items: Vec<Value> =
        shown.iter().map(|line| object(line)).filter(|line| line.get("n").is_some()).collect();
    let mut numbers: Vec<u64> = items.iter().map(|item| item["n"].as_u64().unwrap()).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    let all = numbers.len();
    numbers.dedup();
    assert!(all - numbers.len() <= 1, "{numbers:?}");

    // The inbox keeps a place of its own, and shows each once as well.
    let inbox = luz.must(&["inbox", "--json"]).await?.out;
    let texts: Vec<Value> = inbox
        .lines()
        .map(object)
        .filter(|item| item["kind"] == "message")
        .map(|item| item["text"].clone())
        .collect();
    assert_eq!(texts, ["one", "two", "three", "four \u{1b}[2J\nlines"]);
    assert_eq!(luz.must(&["inbox", "--json"]).await?.out, "");
    let plain = luz.must(&["inbox", "--all"]).await?.out;
    assert!(plain.contains("Eva: four \u{fffd}[2J ⏎ lines"), "{plain}");

    let watch = luz.watch(&["--plain"]).await?;
    let status = watch.stop_reading().await?;
    assert_eq!(status.code(), Some(1), "a watch that nobody reads is none");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_runs_for_each_ringing_and_its_failure_is_shown() -> Outcome<()> {
    let circle = OfThree::form().await?;
    let file = circle.eva.file("rung");
    let hook = format!("echo \"$VELAR_ALERT $VELAR_EVENT\" >> '{}'; exit 7", file.display());
    let mut watch = circle.eva.watch(&["--plain", "--exec", &hook]).await?;
    // Luz's terminal is off: Ana's waits for it until she ends it.
    let mut panic = circle.ana.start(&["panic", "--wait", "600"])?;
    panic.line_with("Eva's terminal has received it.").await?;
    let (status, lines) = panic.stop().await?;
    assert!(status.success(), "{lines:#?}");
    assert!(lines.iter().any(|line| line == "NOT reached yet: Luz"), "{lines:#?}");
    watch.line_with("*** ALERT").await?;
    let failed = watch.line_with("The command of --exec did not work").await?;
    assert!(failed.contains("code 7"), "{failed}");
    let rung = std::fs::read_to_string(file)?;
    let (alert, event) = rung.trim().split_once(' ').unwrap();
    assert_eq!((alert.len(), event), (8, "raised"), "{rung}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_outlives_a_vault_that_is_busy_for_longer_than_it_waits() -> Outcome<()> {
    let circle = OfThree::form().await?;
    let OfThree { luz, ana, .. } = &circle;
    let mut watch = luz.watch(&["--json"]).await?;
    // Another program holds the vault's file, as a backup might, for as long as two attempts take.
    let database = luz.vault().join("vault").join("vault.db");
    let held = Duration::from_secs(2 * BUSY_TIMEOUT.as_secs() + 2);
    let holder = std::thread::spawn(move || hold(&database, held));
    let trouble = item(&mut watch, "vault-trouble").await?;
    assert!(!trouble["reason"].as_str().unwrap().is_empty(), "{trouble}");
    holder.join().unwrap();

    // Eva's terminal is off: nobody is held to have received it by then.
    ana.run(&["say", "sigues ahí?"]).await?;
    assert_eq!(item(&mut watch, "message").await?["text"], "sigues ahí?");
    assert!(watch.stop().await?.0.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_without_room_is_told_from_one_that_does_not_answer() -> Outcome<()> {
    let OfThree { mut relay, luz, ana, root: _root, .. } = OfThree::form().await?;
    relay.kill_nine().await?;
    let mut relay = relay.with_flag("--free-space-mib=4294967295");
    relay.start().await?;
    // Every mailbox has a floor, of which one token has a part: that is used up first.
    let mut said = ana.run(&["say", "hola"]).await?;
    for _ in 0..8 {
        if said.code == 3 {
            break;
        }
        said = ana.run(&["say", "hola"]).await?;
    }
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("has no room for it now"), "{said:?}");
    let raised = ana.run(&["panic", "--wait", "5"]).await?;
    assert_eq!(raised.code, 3, "{raised:?}");
    assert!(raised.out.contains("does not take the alarm now"), "{raised:?}");
    assert!(!raised.out.contains("NO CONNECTION"), "{raised:?}");

    relay.kill_nine().await?;
    let mut relay = relay.with_flag("--free-space-mib=0");
    relay.start().await?;
    let mut watch = luz.start(&["watch", "--json"])?;
    let sending = ana.watch(&["--json"]).await?;
    assert_eq!(item(&mut watch, "alert").await?["event"], "raised");
    assert!(sending.stop().await?.0.success());
    Ok(())
}
