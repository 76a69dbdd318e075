//! The program's own words: configuration, keys, address, a second relay on one folder.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Output, Stdio};

use common::{Client, Relay, envelope, program, secret, token};
use rustix::process::Signal;
use velar_protocol::wire::RelayAddress;

fn run(args: &[&str], data: Option<&Path>) -> Output {
    let mut command = program();
    command.args(args);
    if let Some(data) = data {
        command.arg("--data").arg(data);
    }
    command.output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn init_makes_keys_once_and_address_repeats_what_it_said() {
    let data = tempfile::tempdir().unwrap();
    let init = ["init", "--host", "relay.example.org", "--listen", "127.0.0.1:4433"];
    let made = run(&init, Some(data.path()));
    assert!(made.status.success(), "{}", stderr(&made));
    let first = stdout(&made).lines().next().unwrap().to_owned();
    let address: RelayAddress = first.parse().unwrap();
    assert_eq!((address.host(), address.port()), ("relay.example.org", 4433));
    assert!(stdout(&made).contains('█'), "a QR for terminals");
    let again = run(&init, Some(data.path()));
    assert!(!again.status.success() && stderr(&again).contains("keys"), "{}", stderr(&again));
    assert_eq!(stdout(&run(&["address"], Some(data.path()))), stdout(&made));
}

#[test]
fn a_relay_with_several_hosts_has_one_address_with_all_of_them() {
    let data = tempfile::tempdir().unwrap();
    let hosts = "relay.example.org,203.0.113.9:8443,::1";
    let made = run(&["init", "--host", hosts, "--listen", "127.0.0.1:4433"], Some(data.path()));
    assert!(made.status.success(), "{}", stderr(&made));
    let address: RelayAddress = stdout(&made).lines().next().unwrap().parse().unwrap();
    let places: Vec<String> = address.places().map(ToString::to_string).collect();
    assert_eq!(places, ["relay.example.org:4433", "203.0.113.9:8443", "[::1]:4433"]);
    assert_eq!(stdout(&run(&["address"], Some(data.path()))), stdout(&made));
    for wrong in ["a,b,c,d,e", "a,a", "a:0", "https://a"] {
        let other = tempfile::tempdir().unwrap();
        let refused = run(&["init", "--host", wrong], Some(other.path()));
        assert!(!refused.status.success() && stderr(&refused).contains(wrong), "{wrong}");
        assert_eq!(fs::read_dir(other.path()).unwrap().count(), 0, "nothing was made");
    }
}

#[test]
fn configuration_is_checked_strictly() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("relay.toml");
    let check = |text: &str| {
        fs::write(&file, text).unwrap();
        run(&["serve", "--check-config", "--config", file.to_str().unwrap()], None)
    };
    let checked = check("data = '/d'\n[limits]\nholds = 5");
    assert!(checked.status.success());
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(said.contains("MiB of memory at most"), "{said}");
    for (text, word) in [
        ("data = '/d'\nlisten_on = ':1'", "listen_on"),
        ("data = '/d'\n[limits]\nenvelope_age = 5", "envelope_age"),
        ("data = '/d'\nlisten = 'here'", "listen"),
        ("data = '/d'\n[limits]\nconnections = 0", "connections"),
        ("listen = '127.0.0.1:1'", "--data"),
    ] {
        let checked = check(text);
        assert!(!checked.status.success(), "{text}");
        assert!(stderr(&checked).contains(word), "{text}: {}", stderr(&checked));
    }
    let missing = run(&["--check-config", "--config", "/nowhere/relay.toml"], None);
    assert!(!missing.status.success() && stderr(&missing).contains("/nowhere/relay.toml"));
    let output = program()
        .args(["--check-config", "--data", "/d"])
        .env("VELAR_RELAY_ENVELOPE_AGES", "3")
        .output()
        .unwrap();
    assert!(!output.status.success() && stderr(&output).contains("VELAR_RELAY_ENVELOPE_AGES"));
    let output = program()
        .args(["--check-config", "--data", "/d"])
        .env("VELAR_RELAY_ENVELOPE_AGE_S", "3")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn serving_without_keys_says_how_to_make_them() {
    let data = tempfile::tempdir().unwrap();
    let served = run(&["serve", "--listen", "127.0.0.1:0"], Some(data.path()));
    assert!(!served.status.success());
    assert!(stderr(&served).contains("velar-relay init"), "{}", stderr(&served));
    assert!(!data.path().join("store").exists());
}

#[test]
fn accepting_the_clock_is_for_folders_of_relays_and_says_what_will_happen() {
    let data = tempfile::tempdir().unwrap();
    let accept = || run(&["clock", "accept"], Some(data.path()));
    let nobody = accept();
    assert!(!nobody.status.success());
    assert!(stderr(&nobody).contains("velar-relay init"), "{}", stderr(&nobody));
    assert_eq!(fs::read_dir(data.path()).unwrap().count(), 0);
    Relay::init(data.path());
    for _ in 0..2 {
        let said = accept();
        assert!(said.status.success(), "{}", stderr(&said));
        assert!(stdout(&said).contains("what is over its age is deleted"), "{}", stdout(&said));
    }
    let file = data.path().join("clock-accepted");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let relay = Relay::serve(data.path(), &[]);
    assert!(!file.exists(), "heard at the start");
    drop(relay);
}

#[tokio::test]
async fn a_second_relay_on_the_same_folder_is_refused_and_the_first_goes_on() {
    let data = tempfile::tempdir().unwrap();
    Relay::init(data.path());
    let first = Relay::serve(data.path(), &[]);
    let second = run(&["serve"], Some(data.path()));
    assert!(!second.status.success());
    assert!(stderr(&second).contains("another relay is using"), "{}", stderr(&second));
    let conn = Client::new(first.addr, data.path()).connect().await;
    conn.opened(&secret(1), &[]).await;
}

#[tokio::test]
async fn logs_at_the_finest_level_name_no_address_mailbox_or_token() {
    let data = tempfile::tempdir().unwrap();
    Relay::init(data.path());
    let log = data.path().join("log");
    let mut command = program();
    command.args(["serve", "--log", "trace", "--data"]).arg(data.path());
    command.stderr(Stdio::from(fs::File::create(&log).unwrap()));
    let mut relay = Relay::from(command);
    let client = Client::new(relay.addr, data.path());
    let conn = client.connect().await;
    conn.open(&secret(1), &[&token(1)]).await;
    conn.send(&token(1), &envelope(1)).await;
    let mut online = conn.subscribe(&[&secret(1)]).await.unwrap();
    let (sequence, _) = online.envelope().await;
    online.ack(sequence).await;
    conn.raw(&[255; 40]).await;
    relay.signal(Signal::TERM);
    assert!(relay.child.wait().unwrap().success());
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("velar_relay"), "something was logged");
    let hex = data_encoding::HEXLOWER.encode(secret(1).id().as_bytes());
    let own_port = relay.addr.port().to_string();
    for secret in ["127.0.0.1", hex.as_str(), own_port.as_str()] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    for line in log.lines() {
        assert!(line.contains("velar_relay"), "a line of another's: {line}");
    }
}

#[test]
fn check_and_repair_say_what_to_do_and_write_over_nothing() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    Relay::init(&data);
    let run = |args: &[&str], more: &[&std::path::Path]| {
        let mut command = program();
        command.args(args).arg("--data").arg(&data);
        for into in more {
            command.arg("--into").arg(into);
        }
        command.output().unwrap()
    };
    let checked = run(&["check"], &[]);
    assert!(checked.status.success() && stdout(&checked).contains("there is none yet"));
    let new = root.path().join("new");
    let refused = run(&["repair"], &[&new]);
    assert!(stderr(&refused).contains("there is no store"), "{}", stderr(&refused));

    let relay = Relay::serve(&data, &[]);
    let busy = run(&["check"], &[]);
    assert!(!busy.status.success() && stderr(&busy).contains("another relay is using"));
    relay.kill();
    let checked = run(&["check"], &[]);
    assert!(checked.status.success(), "{}{}", stdout(&checked), stderr(&checked));
    assert!(stdout(&checked).contains("nothing is wrong"));
    let refused = run(&["repair"], &[&data.join("inside")]);
    assert!(stderr(&refused).contains("name one outside of it"), "{}", stderr(&refused));
    let repaired = run(&["repair"], &[&new]);
    assert!(repaired.status.success(), "{}", stderr(&repaired));
    assert!(stdout(&repaired).contains("what to do: velar-relay serve --data"));
    let again = run(&["repair"], &[&new]);
    assert!(stderr(&again).contains("is not empty"), "{}", stderr(&again));
    drop(Relay::serve(&new, &[]));
}
