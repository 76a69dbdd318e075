//! What goes wrong on bad days: each ends in a clear line with the next step, in both languages, and loses nothing.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

mod of_three;

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use velar_tests::files::copy;
use velar_tests::load::Outcome;
use velar_tests::person::{Person, program};

use self::of_three::OfThree;

/// What it says in either language: Spanish, English.
async fn in_both(person: &Person, args: &[&str]) -> Outcome<[(i32, String); 2]> {
    let mut said = Vec::new();
    for language in ["es", "en"] {
        let mut command = Command::new(program("velar")?);
        command.args(args).args(["--lang", language]).arg("--vault").arg(person.vault());
        command.arg("--passphrase-file").arg(person.file("passphrase"));
        let output = command.stdin(Stdio::null()).output().await?;
        let text = [output.stdout, output.stderr].concat();
        said.push((output.status.code().unwrap_or(-1), String::from_utf8(text)?));
    }
    said.try_into().map_err(|_| "two languages".into())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_does_not_exist_is_told_and_no_other_is_meant() -> Outcome<()> {
    let OfThree { luz, ana, .. } = &OfThree::form().await?;
    ana.run(&["panic", "--wait", "0"]).await?;
    for args in [
        &["claim", "ffff0000"][..],
        &["close", "ffff0000", "--unconfirmed"],
        &["note", "ffff0000", "voy"],
    ] {
        let [spanish, english] = in_both(luz, args).await?;
        assert_eq!((spanish.0, english.0), (6, 6), "{args:?}: {spanish:?} {english:?}");
        assert!(spanish.1.contains("No hay una alerta «ffff0000»."), "{}", spanish.1);
        assert!(english.1.contains("There is no alert \"ffff0000\"."), "{}", english.1);
        assert!(spanish.1.contains("velar alerts") && english.1.contains("velar alerts"));
    }
    let (_, seen) = luz.json(&["alerts"]).await?;
    assert_eq!(seen["alerts"][0]["events"].as_array().unwrap().len(), 1, "{seen}");
    assert_eq!(seen["alerts"][0]["open"], true);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_watch_shows_all_and_its_end_leaves_the_first() -> Outcome<()> {
    let OfThree { luz, ana, eva, .. } = &OfThree::form().await?;
    let mut first = luz.watch(&["--plain"]).await?;
    let mut second = luz.watch(&["--plain"]).await?;
    ana.run(&["panic", "me siguen", "--wait", "3"]).await?;
    first.line_with("me siguen").await?;
    second.line_with("me siguen").await?;
    let (status, _) = second.stop().await?;
    assert!(status.success());
    // The one that is left says again that somebody watches: the other has said that nobody does.
    loop {
        let (_, status) = eva.json(&["status"]).await?;
        if status["watching"][0] == "Luz" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    ana.run(&["panic", "siguen ahí", "--wait", "3"]).await?;
    first.line_with("siguen ahí").await?;
    first.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roster_of_a_dead_branch_is_told_and_changes_nothing() -> Outcome<()> {
    let OfThree { luz, ana, .. } = &OfThree::form().await?;
    let before = luz.file("before");
    copy(&luz.vault(), &before)?;
    luz.must(&["circle", "agree", "--grace", "20m"]).await?;
    ana.must(&["status"]).await?;
    // As after a vault that was set back: what follows from there is another branch.
    fs::remove_dir_all(luz.vault())?;
    copy(&before, &luz.vault())?;
    luz.must(&["circle", "agree", "--grace", "30m"]).await?;
    for _ in 0..3 {
        for person in [luz, ana] {
            person.must(&["status"]).await?;
        }
    }
    let told = [
        (
            "es",
            "!!! Dos listas de integrantes de este círculo se contradicen. Habla con el círculo",
        ),
        ("en", "!!! Two member lists of this circle contradict each other. Speak with the circle"),
    ];
    let [spanish, english] = in_both(luz, &["inbox", "--all"]).await?;
    for ((_, text), (language, line)) in [spanish, english].iter().zip(told) {
        assert!(text.contains(line), "{language}: {text}");
    }
    let (_, english) = &in_both(ana, &["circle", "show"]).await?[1];
    assert!(english.contains("as missed after 20 min"), "what she had first holds: {english}");
    // What is said meanwhile arrives.
    luz.run(&["say", "hola"]).await?;
    let (_, inbox) = &in_both(ana, &["inbox", "--all"]).await?[1];
    assert!(inbox.contains("hola"), "{inbox}");
    Ok(())
}
