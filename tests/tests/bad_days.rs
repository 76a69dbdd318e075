//! What goes wrong on bad days: each ends in a clear line with the next step, in both languages, and loses nothing.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
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

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_does_not_open_is_told_with_the_next_step_and_stays_as_it_is() -> Outcome<()> {
    let OfThree { luz, ana, .. } = &OfThree::form().await?;
    luz.run(&["say", "nos vemos a las seis"]).await?;
    ana.must(&["status"]).await?;
    let kept = ana.file("kept");
    copy(&ana.vault(), &kept)?;

    let passphrase = fs::read_to_string(ana.file("passphrase"))?;
    ana.write_secret("passphrase", "rio abajo sin puente")?;
    let [spanish, english] = in_both(ana, &["inbox"]).await?;
    assert_eq!((spanish.0, english.0), (5, 5), "{spanish:?} {english:?}");
    assert!(spanish.1.contains("La frase de acceso no abre esta bóveda."), "{}", spanish.1);
    assert!(spanish.1.contains("revisa las mayúsculas"), "{}", spanish.1);
    assert!(english.1.contains("The passphrase does not open this vault."), "{}", english.1);
    assert!(english.1.contains("check upper case"), "{}", english.1);
    ana.write_secret("passphrase", &passphrase)?;

    // Half of it was written, or half of it was lost.
    for (file, left) in [("vault.db", 20_000), ("slots", 100)] {
        let path = ana.vault().join("vault").join(file);
        let whole = fs::read(&path)?;
        fs::write(&path, &whole[..left])?;
        let [spanish, english] = in_both(ana, &["inbox"]).await?;
        assert_eq!((spanish.0, english.0), (10, 10), "{file}: {spanish:?} {english:?}");
        assert!(spanish.1.contains("está dañada"), "{file}: {}", spanish.1);
        assert!(spanish.1.contains("No borres nada. Copia la carpeta"), "{file}: {}", spanish.1);
        assert!(english.1.contains("is damaged"), "{file}: {}", english.1);
        assert!(english.1.contains("Do not delete anything. Copy the folder"), "{}", english.1);
        assert_eq!(fs::read(&path)?.len(), left, "{file} stays for who can mend it");
        fs::write(&path, whole)?;
    }
    // Whole again, it has all that it had.
    let (_, inbox) = &in_both(ana, &["inbox", "--all"]).await?[1];
    assert!(inbox.contains("nos vemos a las seis"), "{inbox}");
    Ok(())
}

/// Puts a copy of a vault on a file system of 2 MiB that is full, and says things until one more does not fit; raises an
/// alarm there; makes room, and says one more.
const ON_A_FULL_DISK: &str = r#"
    mount -t tmpfs -o size=2m,mode=0700 small "$DISK" || exit 99
    cp -a "$VAULT" "$DISK/vault" && cp -p "$PASSPHRASE" "$DISK/passphrase" || exit 98
    dd if=/dev/zero of="$DISK/ballast" bs=4096 2>/dev/null
    ask() { "$VELAR" "$@" --vault "$DISK/vault" --passphrase-file "$DISK/passphrase" 2>&1; echo "[$?]"; }
    long=$(head -c 2000 /dev/zero | tr '\0' x)
    n=0
    while [ $n -lt 20 ]; do
        n=$((n + 1))
        said=$(ask say "$n $long" --lang es)
        case $said in *'[1]') break ;; esac
    done
    echo "$said"
    ask say "one more" --lang en
    "$VELAR" panic --vault "$DISK/vault" --lang en 2>&1 </dev/null
    echo "alarm [$?]"
    rm "$DISK/ballast"
    ask say "después" --lang en
    ask inbox --all --lang en
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_stops_no_alarm_and_loses_nothing() -> Outcome<()> {
    let OfThree { luz, ana, .. } = &OfThree::form().await?;
    luz.run(&["say", "nos vemos a las seis"]).await?;
    ana.must(&["status"]).await?;
    let disk = ana.file("disk");
    fs::create_dir(&disk)?;
    let ran = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", ON_A_FULL_DISK])
        .env("DISK", &disk)
        .env("VAULT", ana.vault())
        .env("PASSPHRASE", ana.file("passphrase"))
        .env("VELAR", program("velar")?)
        .stdin(Stdio::null())
        .output()
        .await?;
    let said = String::from_utf8([ran.stdout, ran.stderr].concat())?;
    // As the relay's own test of a full disk: where nobody may make namespaces, `tests/run` says so.
    if !ran.status.success() && (ran.status.code() == Some(99) || said.contains("unshare")) {
        eprintln!("no small disk: {said}");
        return Ok(());
    }
    assert!(said.contains("Ya no hay espacio en el disco de"), "{said}");
    assert!(said.contains("Libera espacio e inténtalo otra vez."), "{said}");
    assert!(said.contains("There is no space left on the disk of"), "{said}");
    assert!(said.contains("Free some space and try again."), "{said}");
    assert!(said.contains("alarm [4]"), "{said}");
    let (_, after) = said.split_once("alarm [4]").unwrap();
    assert!(after.contains("nos vemos a las seis") && after.contains("después"), "{said}");
    luz.must(&["status"]).await?;
    let (_, seen) = luz.json(&["alerts"]).await?;
    assert_eq!(seen["alerts"][0]["events"].as_array().unwrap().len(), 1, "{seen}");
    Ok(())
}
