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
use velar_tests::person::program;

use self::of_three::OfThree;

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_does_not_exist_is_told_and_no_other_is_meant() -> Outcome<()> {
    let OfThree { luz, ana, .. } = &OfThree::form().await?;
    ana.run(&["panic", "--wait", "0"]).await?;
    for args in [
        &["claim", "ffff0000"][..],
        &["close", "ffff0000", "--unconfirmed"],
        &["note", "ffff0000", "voy"],
    ] {
        let [spanish, english] = luz.in_both(args).await?;
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
    let both = luz.in_both(&["inbox", "--all"]).await?;
    for ((_, text), (language, line)) in both.iter().zip(told) {
        assert!(text.contains(line), "{language}: {text}");
    }
    let (_, english) = &ana.in_both(&["circle", "show"]).await?[1];
    assert!(english.contains("as missed after 20 min"), "what she had first holds: {english}");
    // What is said meanwhile arrives.
    luz.run(&["say", "hola"]).await?;
    let (_, inbox) = &ana.in_both(&["inbox", "--all"]).await?[1];
    assert!(inbox.contains("hola"), "{inbox}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_left_is_told_and_says_nothing_to_people_who_do_not_hear() -> Outcome<()> {
    let OfThree { luz, eva, ana, .. } = &OfThree::form().await?;
    ana.run(&["plan", "set", "--every", "60"]).await?;
    eva.run(&["say", "nos vemos a las seis"]).await?;
    ana.must(&["status"]).await?;
    for (person, name, code, told) in [
        (eva, "Ana", 8, ["Esto solo lo puede hacer", "Only the circle's lead coordinator"]),
        (luz, "Luz", 8, ["sin ti nadie podría", "without you nobody could"]),
        (luz, "Iris", 6, ["no hay nadie «Iris»", "nobody \"Iris\""]),
    ] {
        let both = person.in_both(&["members", "remove", name, "--yes"]).await?;
        for ((ended, said), told) in both.iter().zip(told) {
            assert!(*ended == code && said.contains(told), "{name}: {ended} {said}");
        }
    }
    // Nobody is asked here; what it means is said all the same.
    let [spanish, english] = luz.in_both(&["members", "remove", "ana"]).await?;
    assert_eq!((spanish.0, english.0), (7, 7), "{spanish:?} {english:?}");
    for said in ["ni reportes ni alarmas", "espera un reporte de Ana", "members remove Ana --yes"] {
        assert!(spanish.1.contains(said), "{said}: {}", spanish.1);
    }
    for said in ["no check-ins, no alarms", "waits for Ana", "members remove Ana --yes"] {
        assert!(english.1.contains(said), "{said}: {}", english.1);
    }
    assert_eq!(luz.json(&["members"]).await?.1["members"].as_array().map(Vec::len), Some(3));

    let mut evas = eva.watch(&["--plain"]).await?;
    let mut anas = ana.speaking("es").watch(&["--plain"]).await?;
    let removed = luz.must(&["members", "remove", "Ana", "--yes"]).await?;
    assert!(removed.out.contains("A message to the device of Ana is on its way"), "{removed:?}");
    evas.line_with("Ana is not in the circle any more.").await?;
    anas.line_with("!!! Este equipo ya no está en el círculo.").await?;
    assert_eq!(anas.end().await?.0.code(), Some(8), "a terminal that watches over nobody ends");

    for args in [
        &["checkin"][..],
        &["say", "hola"],
        &["panic", "me siguen"],
        &["drill"],
        &["plan", "set", "--every", "30"],
        &["status"],
        &["watch", "--plain"],
    ] {
        let [spanish, english] = ana.in_both(args).await?;
        assert_eq!((spanish.0, english.0), (8, 8), "{args:?}: {spanish:?} {english:?}");
        for said in
            ["Este equipo ya no está en el círculo.", "Habla con el círculo por otro medio."]
        {
            assert!(spanish.1.contains(said), "{args:?}: {}", spanish.1);
        }
        for said in
            ["This device is not in the circle any more.", "Speak with the circle by another"]
        {
            assert!(english.1.contains(said), "{args:?}: {}", english.1);
        }
    }
    let locked = ana.run_locked(&["panic"]).await?;
    assert!(locked.code != 0 && locked.err.contains("NOT RAISED"), "{locked:?}");
    // What came before is still there, and does not look as if all were well; and the others go on.
    for args in [&["inbox", "--all"][..], &["members"], &["circle", "show"], &["alerts"], &["plan"]]
    {
        let [spanish, english] = ana.in_both(args).await?;
        assert!(spanish.0 == 0 && spanish.1.contains("ya no está en el círculo"), "{spanish:?}");
        assert!(english.0 == 0 && english.1.contains("not in the circle any more"), "{english:?}");
        let inbox = spanish.1.contains("nos vemos a las seis");
        assert_eq!(inbox, args[0] == "inbox", "{}", spanish.1);
    }
    luz.run(&["say", "seguimos"]).await?;
    evas.line_with("seguimos").await?;
    let (_, lines) = evas.stop().await?;
    assert!(!lines.iter().any(|line| line.contains("ALERT")), "{lines:#?}");
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
    let [spanish, english] = ana.in_both(&["inbox"]).await?;
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
        let [spanish, english] = ana.in_both(&["inbox"]).await?;
        assert_eq!((spanish.0, english.0), (10, 10), "{file}: {spanish:?} {english:?}");
        assert!(spanish.1.contains("está dañada"), "{file}: {}", spanish.1);
        assert!(spanish.1.contains("No borres nada. Copia la carpeta"), "{file}: {}", spanish.1);
        assert!(english.1.contains("is damaged"), "{file}: {}", english.1);
        assert!(english.1.contains("Do not delete anything. Copy the folder"), "{}", english.1);
        assert_eq!(fs::read(&path)?.len(), left, "{file} stays for who can mend it");
        fs::write(&path, whole)?;
    }
    // Whole again, it has all that it had.
    let (_, inbox) = &ana.in_both(&["inbox", "--all"]).await?[1];
    assert!(inbox.contains("nos vemos a las seis"), "{inbox}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_in_which_somebody_planted_something_is_refused_and_stays_as_it_is() -> Outcome<()>
{
    let OfThree { luz, ana, .. } = &OfThree::form().await?;
    luz.run(&["say", "nos vemos a las seis"]).await?;
    ana.must(&["status"]).await?;
    let path = ana.vault().join("vault/vault.db");
    let whole = fs::read(&path)?;
    for planted in [
        "CREATE TRIGGER t AFTER UPDATE ON chunk_7 BEGIN DELETE FROM record; END;",
        "CREATE VIEW v AS SELECT * FROM record;",
        "CREATE TABLE more (a);",
        "ALTER TABLE record ADD COLUMN made TEXT AS (hex(kind));",
    ] {
        rusqlite::Connection::open(&path)?.execute_batch(planted)?;
        let changed = fs::read(&path)?;
        for args in [&["inbox"][..], &["checkin", "--wait", "0"], &["watch", "--plain"]] {
            let [spanish, english] = ana.in_both(args).await?;
            assert_eq!((spanish.0, english.0), (11, 11), "{planted}: {spanish:?} {english:?}");
            assert!(spanish.1.contains("no está como la hace velar"), "{}", spanish.1);
            assert!(spanish.1.contains("Se dejó como está."), "{}", spanish.1);
            assert!(spanish.1.contains("velar restore"), "{}", spanish.1);
            assert!(english.1.contains("is not as velar makes it"), "{}", english.1);
            assert!(english.1.contains("It was left as it is."), "{}", english.1);
            assert!(english.1.contains("velar restore"), "{}", english.1);
        }
        assert!(fs::read(&path)? == changed, "{planted}");
        fs::write(&path, &whole)?;
    }
    let (_, inbox) = &ana.in_both(&["inbox", "--all"]).await?[1];
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
