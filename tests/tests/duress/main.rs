//! Coercion has no tell: the circle learns it, and nothing outside of the seal shows which passphrase was typed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests fail by panicking"
)]

mod outside;
mod times;

use std::path::Path;

use serde_json::Value;
use velar_protocol::wire::RelayAddress;
use velar_tests::load::Outcome;
use velar_tests::person::{Person, Running, gather, program};
use velar_tests::process::RelayProcess;

/// What Ana types when somebody makes her.
const SECOND: &str = "tormenta azul en marzo";

/// A relay, and Luz (who coordinates), Ana (a defender) and Eva, whose vaults open in no time. Ana has set a second
/// passphrase and checked in as usual.
struct Circle {
    relay: RelayProcess,
    luz: Person,
    ana: Person,
    eva: Person,
    _root: tempfile::TempDir,
}

async fn circle() -> Outcome<Circle> {
    let root = tempfile::tempdir()?;
    let mut relay =
        RelayProcess::init(&program("velar-relay")?, &root.path().join("relay")).await?;
    relay.start().await?;
    let person = |name| Person::with_cheap_vault(root.path(), name);
    let people = [person("Luz")?, person("Ana")?, person("Eva")?];
    gather(relay.address()?, &people, &["defender", "accompanier"]).await?;
    let [luz, ana, eva] = people;
    set_second(&ana, "second", SECOND).await?;
    ana.run(&["checkin", "--wait", "0"]).await?;
    for _ in 0..2 {
        for person in [&ana, &luz, &eva] {
            person.must(&["status"]).await?;
        }
    }
    Ok(Circle { relay, luz, ana, eva, _root: root })
}

/// Sets the second passphrase and leaves it in a file of this name.
async fn set_second(person: &Person, file: &str, passphrase: &str) -> Outcome<()> {
    let path = person.write_secret(file, passphrase)?;
    person.must(&["duress", "--second-file", &path.to_string_lossy()]).await?;
    Ok(())
}

impl Circle {
    fn address(&self) -> Outcome<RelayAddress> {
        Ok(self.relay.address()?.clone())
    }
}

/// Whether what a command of Ana's says has a word of it.
fn tells(said: &str) -> bool {
    ["coerc", "duress\":true", "second passphrase was", "under duress"]
        .iter()
        .any(|word| said.contains(word))
}

async fn alerts(person: &Person) -> Outcome<Value> {
    let (_, value) = person.json(&["alerts"]).await?;
    Ok(value["alerts"].clone())
}

async fn until_duress(watch: &mut Running) -> Outcome<String> {
    watch.line_with("Ana may be acting under coercion").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_circle_learns_and_her_device_shows_a_usual_day() {
    let circle = circle().await.unwrap();
    story(&circle).await.unwrap();
}

async fn story(circle: &Circle) -> Outcome<()> {
    let Circle { luz, ana, eva, .. } = circle;
    let coerced = ana.typing("second");
    let mut at_luz = luz.watch(&["--plain"]).await?;
    let mut at_eva = eva.watch(&["--plain"]).await?;
    let mut at_ana = coerced.watch(&["--plain"]).await?;

    let usual = coerced.must(&["checkin", "--note", "todo bien"]).await?;
    assert!(usual.out.starts_with("Checked in."), "{}", usual.out);
    until_duress(&mut at_luz).await?;
    let noticed = until_duress(&mut at_eva).await?;
    assert!(noticed.contains("*** ALERT"), "{noticed}");
    at_eva.line_with("Nothing of this shows on Ana's devices").await?;
    let seen = alerts(eva).await?;
    assert_eq!((&seen[0]["duress"], &seen[0]["subject"]["name"]), (&true.into(), &"Ana".into()));
    assert_eq!(seen[0]["events"][0]["reason"], "duress");
    assert_eq!(alerts(&coerced).await?, Value::Array(Vec::new()));

    // What they do about it stays among them; conversation goes to her too, and they are warned.
    luz.must(&["claim"]).await?;
    luz.must(&["note", "la tienen en la carretera"]).await?;
    at_eva.line_with("la tienen en la carretera").await?;
    let warned = luz.must(&["say", "buenos días"]).await?;
    assert!(warned.err.contains("Ana may be acting under coercion"), "{}", warned.err);
    at_ana.line_with("buenos días").await?;

    // She is made to raise an alarm and to take it back: it looks confirmed to her, and stays open.
    coerced.must(&["panic", "ayuda"]).await?;
    at_eva.line_with("ayuda").await?;
    eva.must(&["claim"]).await?;
    at_ana.line_with("is taken by Eva").await?;
    let down = coerced.must(&["stand-down", "fue un error"]).await?;
    assert!(down.out.contains("better ten false alarms"), "{}", down.out);
    at_luz.line_with("may have been said under coercion").await?;
    let confirmed = luz.must(&["stand-down", "--confirm"]).await?;
    assert!(confirmed.out.contains("stays open"), "{}", confirmed.out);
    let calm = at_ana.line_with("confirmed that you are safe").await?;
    assert!(calm.contains("better ten false alarms"), "{calm}");
    let hers = alerts(&coerced).await?;
    assert_eq!(hers[0]["stand_down_confirmed"]["name"], "Luz");
    for person in [luz, eva] {
        let seen = alerts(person).await?;
        assert_eq!(seen[0]["stand_down_confirmed"], Value::Null);
        assert_eq!((&seen[0]["open"], &seen[0]["duress"]), (&true.into(), &true.into()));
    }
    let refused = luz.run(&["close", "--json"]).await?;
    assert_eq!((refused.code, refused.failure().as_str()), (7, "close-duress"));

    // Nothing that she was shown has a word of it, in either language.
    let (_, lines) = at_ana.stop().await?;
    for command in [&["status"][..], &["inbox", "--all"], &["alerts", "--all"]] {
        for json in [&[][..], &["--json"]] {
            let said = coerced.must(&[command, json].concat()).await?;
            assert!(!tells(&said.out) && !said.out.contains("carretera"), "{}", said.out);
        }
    }
    assert!(!lines.iter().any(|line| tells(line) || line.contains("carretera")), "{lines:#?}");

    // Free again: the end that the others agreed on reaches her, and another alarm is another alert.
    luz.must(&["close", "--unconfirmed", "está con su hermana"]).await?;
    let open = alerts(&coerced).await?;
    assert_eq!(open[0]["open"], true);
    let first = open[0]["alert"].clone();
    ana.must(&["checkin"]).await?;
    let mut at_ana = ana.watch(&["--plain"]).await?;
    at_ana.line_with("It was right to call").await?;
    let (_, lines) = at_ana.stop().await?;
    assert!(!lines.iter().any(|line| line.contains("hermana")), "{lines:#?}");
    let again = ana.must(&["panic", "--json"]).await?;
    let raised: Value = serde_json::from_str(again.out.lines().next().unwrap_or_default())?;
    assert_ne!(raised["alert"], first);
    at_luz.stop().await?;
    at_eva.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_long_commands_take_does_not_tell_which_passphrase_was_typed() {
    times::are_alike(&circle().await.unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outputs_files_and_envelopes_do_not_tell_which_passphrase_was_typed() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
    outside::is_alike(&circle().await.unwrap(), root).await.unwrap();
}
