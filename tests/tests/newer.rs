//! Somebody in the circle has upgraded and others have not: real programs, and one that speaks the next version.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

mod of_three;

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;
use velar::device::Device;
use velar::link::now_s;
use velar::passphrase::PassphraseSource;
use velar::records::{NewerBodyKind, NewerMessageKind};
use velar::vault::{Vault, VaultError};
use velar_tests::load::Outcome;
use velar_tests::person::Person;

use self::of_three::{OfThree, object};

/// Says a line in the next version; it goes out with that person's next command.
fn talk(person: &Person, options: &[&str], line: &str) -> Outcome<()> {
    let mut talker = Command::new(env!("CARGO_BIN_EXE_velar-talker"))
        .arg("--vault")
        .arg(person.vault())
        .arg("--passphrase-file")
        .arg(person.file("passphrase"))
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    writeln!(talker.stdin.take().unwrap(), "{line}")?;
    if talker.wait()?.success() { Ok(()) } else { Err("the talker failed".into()) }
}

/// Makes of what this person's device keeps what a program would have kept that is one version older than this one.
fn upgrade(person: &Person) -> Outcome<()> {
    let passphrase = PassphraseSource::File(person.file("passphrase")).read("")?;
    let mut vault = Vault::open(&person.vault(), &passphrase)?;
    vault.write(|tx| -> Result<(), VaultError> {
        for (_, mut kept) in tx.list::<NewerMessageKind>()? {
            let mut complete = tx.get::<NewerBodyKind>(&kept.key())?.unwrap();
            kept.version -= 1;
            complete.whole.body[0] -= 1;
            tx.put::<NewerMessageKind>(&kept.key(), &kept)?;
            tx.put::<NewerBodyKind>(&kept.key(), &complete)?;
        }
        Ok(())
    })?;
    Ok(Device::of(vault)?.read_newer(now_s())?)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_of_a_newer_version_rings_is_kept_and_is_read_after_the_upgrade() -> Outcome<()> {
    let circle = OfThree::form().await?;
    let OfThree { eva, ana, root, .. } = &circle;
    let rung = root.path().join("rung");
    let hook = format!("echo \"$VELAR_EVENT,$VELAR_ALERT\" >> {}", rung.display());
    let mut watch = eva.watch(&["--plain", "--exec", &hook]).await?;
    talk(ana, &["--alarms", "--newer", "messages"], "dos hombres en la puerta")?;
    ana.must(&["status"]).await?;
    let line = watch.line_with("NEWER version").await?;
    assert!(line.contains("!!! Ana") && line.contains("MAY BE AN ALARM"), "{line}");
    assert!(line.contains("on this device"), "who has to upgrade: {line}");
    while !std::fs::read_to_string(&rung).is_ok_and(|rung| rung.contains("newer-version,\n")) {
        tokio::task::yield_now().await;
    }
    watch.stop().await?;

    // Ana hears of no receipt, by whatever Eva does.
    for (language, said) in [("es", "PUEDE"), ("en", "may be an alarm")] {
        let status = eva.speaking(language).must(&["status"]).await?.out;
        assert!(status.to_lowercase().contains(&said.to_lowercase()), "{status}");
    }
    let (_, status) = eva.json(&["status"]).await?;
    assert_eq!(
        (&status["newer_messages"][0]["name"], &status["newer_envelopes"]),
        (&Value::from("Ana"), &Value::from(0))
    );
    let (_, status) = ana.json(&["status"]).await?;
    let waiting = status["not_received_by"].as_array().unwrap();
    assert!(waiting.contains(&Value::from("Eva")), "{status}");
    let (_, alerts) = eva.json(&["alerts"]).await?;
    assert!(alerts["alerts"].as_array().unwrap().is_empty(), "{alerts}");
    assert_eq!(alerts["newer_messages"][0]["name"], "Ana", "{alerts}");
    let none = eva.must(&["alerts"]).await?.out;
    assert!(none.contains("may be an alarm"), "nobody is told that there is nothing: {none}");

    upgrade(eva)?;
    let (_, alerts) = eva.json(&["alerts"]).await?;
    assert_eq!(alerts["alerts"][0]["subject"]["name"], "Ana", "{alerts}");
    let (_, status) = eva.json(&["status"]).await?;
    assert!(status["newer_messages"].as_array().unwrap().is_empty(), "{status}");
    let (_, status) = ana.json(&["status"]).await?;
    assert!(
        !status["not_received_by"].as_array().unwrap().contains(&Value::from("Eva")),
        "{status}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn envelopes_of_a_newer_version_are_said_quietly_kept_and_acknowledged() -> Outcome<()> {
    let circle = OfThree::form().await?;
    let OfThree { eva, ana, root, .. } = &circle;
    let rung = root.path().join("rung");
    let hook = format!("touch {}", rung.display());
    let mut watch = eva.watch(&["--json", "--exec", &hook]).await?;
    talk(ana, &["--newer", "envelopes"], "hola")?;
    ana.must(&["status"]).await?;
    let item = object(&watch.line_with(r#""kind":"newer-envelope""#).await?);
    assert_eq!((&item["version"], &item["from"]), (&Value::from(2), &Value::Null));
    // What comes after it is not kept back.
    ana.must(&["say", "y esto se lee"]).await?;
    watch.line_with("y esto se lee").await?;
    watch.stop().await?;
    assert!(!rung.exists(), "it does not ring");
    for _ in 0..2 {
        let (_, status) = eva.json(&["status"]).await?;
        assert_eq!(status["newer_envelopes"], 1, "{status}");
    }
    let status = eva.must(&["status"]).await?.out;
    assert!(status.contains("Nobody knows yet who sent it."), "{status}");
    Ok(())
}
