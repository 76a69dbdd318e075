//! The log over the real programs: what it shows, what leaves the device and how, and what finds a change.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use velar_tests::load::Outcome;
use velar_tests::person::{Person, Ran, form_circle, program};
use velar_tests::process::RelayProcess;

const CONSENT: &str = "Ana agreed on 3 May, for the protection mechanism";

/// A call in Spanish, for a vault that the test helpers call in English.
async fn in_spanish(person: &Person, args: &[&str]) -> Outcome<Ran> {
    let mut command = tokio::process::Command::new(program("velar")?);
    command.args(args).arg("--vault").arg(person.vault());
    command.arg("--passphrase-file").arg(person.file("passphrase"));
    command.args(["--lang", "es"]).env("TZ", "America/Mexico_City");
    Ok(command.output().await?.into())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn files_in(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

/// An alert of Ana's from its beginning to its end.
async fn story(luz: &Person, eva: &Person, ana: &Person) -> Outcome<()> {
    ana.run(&["panic", "two men follow me", "--wait", "1"]).await?;
    luz.must(&["claim"]).await?;
    luz.must(&["note", "I spoke with ANA, # she hides at Eva's"]).await?;
    ana.must(&["stand-down", "I am at home"]).await?;
    eva.must(&["stand-down", "--confirm"]).await?;
    luz.must(&["close", "well ended"]).await?;
    for person in [ana, eva, luz] {
        person.must(&["alerts"]).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alerts_log_leaves_with_consent_and_without_names_and_every_change_is_found()
-> Outcome<()> {
    let root = tempfile::tempdir()?;
    let mut relay =
        RelayProcess::init(&program("velar-relay")?, &root.path().join("relay")).await?;
    relay.start().await?;
    let others = [("Eva", "accompanier"), ("Ana", "defender")];
    let people = form_circle(root.path(), relay.address()?, "Luz", &others).await?;
    let [luz, eva, ana] = people.try_into().map_err(|_| "three people")?;
    assert_eq!(luz.run(&["log", "export", "--out", ".", "--consent", CONSENT]).await?.code, 6);
    story(&luz, &eva, &ana).await?;
    // From here on nobody needs the relay.
    relay.kill_nine().await?;

    let shown = luz.must(&["log"]).await?.out;
    let told = ["Ana raised the alarm", "Luz took", "Luz wrote", "safe", "Eva confirmed", "closed"];
    for what in told {
        assert!(shown.contains(what), "{what}: {shown}");
    }
    let (_, hers) = ana.json(&["log"]).await?;
    let received = |entry: &&Value| entry["what"] == "received";
    let entries = hers["entries"].as_array().unwrap();
    assert_eq!(entries.iter().filter(received).count(), 2, "{hers}");
    assert_eq!(ana.json(&["log", "verify"]).await?.1["whole"], true);
    let (_, noted) = luz.json(&["log", "verify"]).await?;
    let noted = format!("{}:{}", noted["head"]["n"], noted["head"]["hash"].as_str().unwrap());
    luz.must(&["log", "verify", "--head", &noted]).await?;

    // No consent, no word of it, or a name that is nobody's: nothing is written, here or there.
    let out = luz.file("out");
    fs::create_dir(&out)?;
    let to = out.to_str().unwrap();
    let before = luz.json(&["log"]).await?.1["head"].clone();
    for (args, code) in [
        (vec!["log", "export", "--out", to], 7),
        (vec!["log", "export", "--out", to, "--consent", "yes"], 7),
        (vec!["log", "export", "--out", to, "--consent", CONSENT, "--redact", "Anna"], 6),
        (vec!["log", "export", "ffff", "--out", to, "--consent", CONSENT], 6),
    ] {
        let refused = luz.run(&args).await?;
        assert_eq!(refused.code, code, "{args:?}: {refused:?}");
    }
    assert_eq!(files_in(&out), [""; 0]);

    // A file in the place of one of the two: the other is not made either.
    let n = before["n"].as_u64().unwrap() + 1;
    let alert = hers["entries"][0]["alert"].as_str().unwrap();
    let taken = out.join(format!("velar-log-{alert}-{n}.json"));
    fs::write(&taken, "mine")?;
    let refused = luz.run(&["log", "export", "--out", to, "--consent", CONSENT]).await?;
    assert_eq!(refused.code, 8, "{refused:?}");
    assert_eq!((files_in(&out).len(), fs::read_to_string(&taken)?.as_str()), (1, "mine"));
    fs::remove_file(&taken)?;
    assert_eq!(luz.json(&["log"]).await?.1["head"], before);

    let args = ["log", "export", "--out", to, "--consent", CONSENT, "--redact", "all"];
    let (code, exported) = luz.json(&args).await?;
    assert_eq!((code, &exported["people_left_out"]), (0, &Value::from(3)), "{exported}");
    let names = files_in(&out);
    assert_eq!(names.len(), 2, "{names:?}");
    for name in &names {
        assert_eq!(mode(&out.join(name)), 0o600);
        let text = fs::read_to_string(out.join(name))?;
        for person in ["Ana", "Luz", "Eva", "ANA"] {
            assert!(!text.contains(person), "{person} in {text}");
        }
    }
    let file = out.join(names.iter().find(|name| name.ends_with(".json")).unwrap());
    let path = file.to_str().unwrap();
    let (code, checked) = ana.json(&["log", "verify", path, "--head", &noted]).await?;
    assert_eq!((code, &checked["same_as_noted"]), (0, &Value::from(true)), "{checked}");
    assert_eq!(checked["digest"], exported["digest"]);

    // Changed, cut, of another log.
    let whole = fs::read_to_string(&file)?;
    let changed = out.join("changed.json");
    fs::write(&changed, whole.replace("\"value\": \"home\"", "\"value\": \"work\""))?;
    assert_ne!(fs::read_to_string(&changed)?, whole);
    let refused = eva.run(&["log", "verify", changed.to_str().unwrap(), "--json"]).await?;
    assert_eq!((refused.code, refused.failure().as_str()), (11, "log-changed"), "{refused:?}");
    let other = format!("2:{}", "0".repeat(64));
    let refused = eva.run(&["log", "verify", path, "--head", &other, "--json"]).await?;
    assert_eq!((refused.code, refused.failure().as_str()), (11, "log-another"), "{refused:?}");
    let later = format!("99:{}", "0".repeat(64));
    let refused = eva.run(&["log", "verify", path, "--head", &later, "--json"]).await?;
    assert_eq!((refused.code, refused.failure().as_str()), (11, "log-cut"), "{refused:?}");

    // In the language of the call, the consent in it, what somebody wrote is no markup; never over another file.
    let document = out.join("bitacora.md");
    let args = ["bitacora", "exportar", "ana", "--out", document.to_str().unwrap(), "--consent"];
    let spanish = in_spanish(&luz, &[&args[..], &["Ana aceptó el 3 de mayo"]].concat()).await?;
    assert_eq!(spanish.code, 0, "{spanish:?}");
    assert!(spanish.err.contains("Lleva todos los nombres"), "{spanish:?}");
    let text = fs::read_to_string(&document)?;
    assert!(text.starts_with("# Bitácora de la alerta"), "{text}");
    for part in ["> Ana aceptó el 3 de mayo", "Ana dio la alarma", "\\# she hides", "-06:00"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("protection mechanism"), "an earlier consent is not told: {text}");
    let again = in_spanish(&luz, &[&args[..], &["Ana aceptó el 3 de mayo"]].concat()).await?;
    assert_eq!(again.code, 8, "{again:?}");
    assert_eq!(fs::read_to_string(&document)?, text);
    luz.must(&["log", "verify", "--head", &noted]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_gives_back_the_log_to_a_new_vault_and_no_keys() -> Outcome<()> {
    let root = tempfile::tempdir()?;
    let mut relay =
        RelayProcess::init(&program("velar-relay")?, &root.path().join("relay")).await?;
    relay.start().await?;
    let others = [("Ana", "defender")];
    let people = form_circle(root.path(), relay.address()?, "Luz", &others).await?;
    let [_, ana] = people.try_into().map_err(|_| "two people")?;
    ana.run(&["panic", "help", "--wait", "1"]).await?;
    let (_, log) = ana.json(&["log"]).await?;

    let (file, own) = (ana.file("backup"), ana.file("backup-passphrase"));
    fs::write(&own, "otra frase para el papel")?;
    fs::set_permissions(&own, fs::Permissions::from_mode(0o600))?;
    let (path, own) = (file.to_str().unwrap(), own.to_str().unwrap());
    let made = ana.json(&["backup", path, "--backup-passphrase-file", own]).await?;
    assert_eq!((made.0, &made.1["members"]), (0, &Value::from(1)), "{made:?}");
    assert_eq!(mode(&file), 0o600);
    let again = ana.run(&["backup", path, "--backup-passphrase-file", own]).await?;
    assert_eq!(again.code, 8, "never over another: {again:?}");

    let new = Person::new(root.path(), "Ana again").await?;
    let vaults = new.file("passphrase");
    let vaults = vaults.to_str().unwrap();
    let wrong = new.run(&["restore", path, "--backup-passphrase-file", vaults]).await?;
    assert_eq!(wrong.code, 5, "{wrong:?}");
    let shown = ana.must(&["restore", path, "--backup-passphrase-file", own, "--show"]).await?.out;
    assert!(shown.contains("Backup of Ana") && shown.contains("Luz"), "{shown}");
    let inside = ana.run(&["restore", path, "--backup-passphrase-file", own]).await?;
    assert_eq!(inside.code, 8, "a vault in a circle is not replaced: {inside:?}");
    new.must(&["restore", path, "--backup-passphrase-file", own]).await?;
    assert_eq!(new.json(&["log"]).await?.1, log);
    assert_eq!(new.json(&["log", "verify"]).await?.1["whole"], true);
    assert_eq!(new.run(&["circle", "show"]).await?.code, 6, "a new member, to be invited");
    Ok(())
}
