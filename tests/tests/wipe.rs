//! Wiping over the real programs: nothing is left, nothing is sent, and who still runs says so.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};

use tokio::io::{AsyncBufReadExt, BufReader};
use velar_tests::load::Outcome;
use velar_tests::person::{Person, Ran, form_circle, program};
use velar_tests::process::RelayProcess;

/// A wipe by somebody who knows no passphrase.
async fn wipe(person: &Person, args: &[&str]) -> Outcome<Ran> {
    let mut command = tokio::process::Command::new(program("velar")?);
    command.arg("wipe").args(args).arg("--vault").arg(person.vault()).arg("--lang=en");
    Ok(command.stdin(std::process::Stdio::null()).output().await?.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wipe_leaves_nothing_sends_nothing_and_ends_the_watch() -> Outcome<()> {
    let root = tempfile::tempdir()?;
    let mut relay =
        RelayProcess::init(&program("velar-relay")?, &root.path().join("relay")).await?;
    relay.start().await?;
    let address = relay.address()?.clone();
    let others = [("Ana", "defender")];
    let people = form_circle(root.path(), &address, "Luz", &others).await?;
    let [_, ana] = people.try_into().map_err(|_| "two people")?;
    let kit = ana.vault().join("kit");
    fs::write(&kit, b"tokens that are not sealed")?;

    let mut watch = ana.command(&["watch", "--json"])?.spawn()?;
    let mut lines = BufReader::new(watch.stdout.take().ok_or("no stdout")?).lines();
    while let Some(line) = lines.next_line().await? {
        if line.contains(r#""kind":"caught-up""#) {
            break;
        }
    }
    // In the relay's place, something that only hears whether anybody calls. It does hear: a status is tried.
    relay.kill_nine().await?;
    let ear = UdpSocket::bind((Ipv4Addr::LOCALHOST, address.port()))?;
    ear.set_nonblocking(true)?;
    let mut heard = [0; 2000];
    ana.must(&["status"]).await?;
    assert!(ear.recv(&mut heard).is_ok());

    let unsure = wipe(&ana, &[]).await?;
    assert_eq!(unsure.code, 7, "without a terminal nothing is decided: {unsure:?}");
    assert!(kit.exists());

    // The watch goes on knocking until it finds its vault gone.
    let wiped = wipe(&ana, &["--yes"]).await?;
    assert_eq!(wiped.code, 0, "{wiped:?}");
    for said in ["no passphrase opens", "your circle is alarmed", "Flash memory", "panic kit"] {
        assert!(wiped.out.contains(said), "{said}: {wiped:?}");
    }
    assert!(!ana.vault().exists());
    let ended = watch.wait_with_output().await?;
    let ended = (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned());
    assert_eq!(ended.0, Some(6), "{ended:?}");
    assert!(ended.1.contains("vault-gone"), "{ended:?}");

    assert_eq!(ana.run(&["status"]).await?.code, 6);
    assert_eq!(wipe(&ana, &["--yes"]).await?.code, 6, "there is nothing left to wipe");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wipe_calls_no_relay_and_needs_no_intact_vault() -> Outcome<()> {
    let root = tempfile::tempdir()?;
    let mut relay =
        RelayProcess::init(&program("velar-relay")?, &root.path().join("relay")).await?;
    relay.start().await?;
    let address = relay.address()?.clone();
    let others = [("Ana", "defender")];
    let people = form_circle(root.path(), &address, "Luz", &others).await?;
    let [luz, ana] = people.try_into().map_err(|_| "two people")?;
    relay.kill_nine().await?;
    let ear = UdpSocket::bind((Ipv4Addr::LOCALHOST, address.port()))?;
    ear.set_nonblocking(true)?;
    let mut heard = [0; 2000];

    assert_eq!(wipe(&ana, &["--yes", "--json"]).await?.json()["keys_destroyed"], true);
    let silent = ear.recv(&mut heard).map_err(|error| error.kind());
    assert_eq!(silent, Err(ErrorKind::WouldBlock), "nothing was sent");

    // Slots and database in ruins, and a file of the person's own beside them.
    fs::write(luz.vault().join("vault/slots"), b"ruins")?;
    fs::write(luz.vault().join("vault/vault.db"), b"ruins")?;
    fs::write(luz.vault().join("letter"), b"mine")?;
    let wiped = wipe(&luz, &["--yes", "--json"]).await?;
    assert_eq!(wiped.code, 0, "{wiped:?}");
    assert_eq!(wiped.json()["failed"], serde_json::json!([]));
    assert!(!luz.vault().join("vault").exists());
    assert_eq!(fs::read(luz.vault().join("letter"))?, b"mine");
    luz.run(&["status"]).await?;
    assert_eq!(luz.run(&["status"]).await?.code, 6);
    assert!(ear.recv(&mut heard).is_err(), "nor by a status without a vault");
    Ok(())
}
