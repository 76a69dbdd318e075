//! What is seen from outside, under either passphrase: outputs, exit codes, files and their sizes, envelopes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;
use velar::device::Device;
use velar::net::{Connector, Purpose};
use velar::passphrase::PassphraseSource;
use velar::vault::Vault;
use velar_protocol::wire::{Event, MailboxSecret, RelayAddress};
use velar_tests::files::copy;
use velar_tests::load::Outcome;
use velar_tests::person::Person;

use super::Circle;

/// A usual day, an alarm, and `duress` itself. Nobody else is online: nothing but this device's doing is seen.
const DAY: &[&[&str]] = &[
    &["checkin", "--mood", "tired", "--note", "en camino", "--wait", "20"],
    &["status", "--json"],
    &["inbox", "--all"],
    &["say", "llego a las seis"],
    &["panic", "ayuda", "--wait", "4"],
    &["alerts"],
    &["stand-down", "fue un error"],
    &["alerts", "--json"],
    &["close"],
    &["status"],
    &["duress", "--second-file", "THIRD"],
    &["duress", "--second-file", "ALIKE"],
    &["duress", "--remove"],
];

/// How often the day is lived under each passphrase.
const DAYS: usize = 2;

/// What a command did.
#[derive(Debug, PartialEq)]
struct Done {
    command: String,
    code: i32,
    out: String,
    err: String,
    /// Envelopes at the relay for each of the others, more than before. Each has 4096 bytes; other sizes do not exist.
    sent: Vec<usize>,
    /// The files of the vault: path, mode.
    files: BTreeMap<String, u32>,
}

/// What each command did, and the sizes of the files after it.
type Day = (Vec<Done>, Vec<BTreeMap<String, u64>>);

pub(super) async fn is_alike(circle: &Circle, scratch: &Path) -> Outcome<()> {
    let relay = circle.address()?;
    let boxes = [mailbox(&circle.luz)?, mailbox(&circle.eva)?];
    let kept = tempfile::tempdir_in(scratch)?;
    // Everybody is off now, and nothing lies in Ana's mailbox.
    circle.ana.must(&["status"]).await?;
    circle.ana.must(&["status"]).await?;
    circle.ana.write_secret("third", "nubes sobre el cerro")?;
    copy(&circle.ana.vault(), &kept.path().join("vault"))?;
    let mut days: Vec<Day> = Vec::new();
    for day in 0..2 * DAYS {
        fs::remove_dir_all(circle.ana.vault())?;
        copy(&kept.path().join("vault"), &circle.ana.vault())?;
        let (way, like) = match day % 2 {
            0 => (circle.ana.clone(), "camino sal luna piedra!"),
            _ => (circle.ana.typing("second"), "tormenta azul en marzo!"),
        };
        circle.ana.write_secret("alike", like)?;
        // A relay stores the same bytes once, and a kit that is in the copy was posted the day before.
        circle.ana.must(&["panic", "--disarm"]).await?;
        circle.ana.must(&["panic", "--arm"]).await?;
        days.push(live(&way, &relay, &boxes).await?);
    }
    let (usual, sizes) = &days[0];
    for (done, _) in &days[1..] {
        for (one, other) in usual.iter().zip(done) {
            assert_eq!(one, other);
        }
        assert_eq!(usual.len(), done.len());
    }
    assert!(usual.iter().any(|done| done.sent.iter().sum::<usize>() > 0), "nothing was sent");
    let seen = |voice: usize| -> Vec<BTreeSet<(String, u64)>> {
        let of = |at: usize| {
            let days = days.iter().skip(voice).step_by(2);
            days.flat_map(|(_, sizes)| sizes[at].clone()).collect()
        };
        (0..sizes.len()).map(of).collect()
    };
    for (at, (usual, duress)) in seen(0).into_iter().zip(seen(1)).enumerate() {
        assert_eq!(usual, duress, "sizes after {:?}", DAY[at]);
    }
    Ok(())
}

async fn live(way: &Person, relay: &RelayAddress, boxes: &[MailboxSecret]) -> Outcome<Day> {
    let mut before = waiting(relay, boxes).await?;
    let (mut done, mut sizes) = (Vec::new(), Vec::new());
    for command in DAY {
        let args: Vec<String> = command
            .iter()
            .map(|arg| match *arg {
                "THIRD" | "ALIKE" => way.file(&arg.to_lowercase()).display().to_string(),
                arg => arg.to_owned(),
            })
            .collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let ran = way.run(&args).await?;
        let now = waiting(relay, boxes).await?;
        let sent = now.iter().zip(&before).map(|(now, before)| now - before).collect();
        before = now;
        let (files, bytes) = files(&way.vault())?;
        sizes.push(bytes);
        done.push(Done {
            command: command.join(" "),
            code: ran.code,
            out: without_times(&ran.out),
            err: without_times(&ran.err),
            sent,
            files,
        });
    }
    Ok((done, sizes))
}

/// Times, ids and counters of seconds differ from day to day: digits of long words, and words of hexadecimal digits. (What
/// is tomorrow has its date before the time.)
fn without_times(said: &str) -> String {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-');
    let mut plain = String::new();
    let mut word = String::new();
    for c in said.chars().chain([' ']) {
        if part(c) {
            word.push(c);
            continue;
        }
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let hex = word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        plain.push_str(if hex || digits >= 3 { "#" } else { &word });
        word.clear();
        plain.push(c);
    }
    while plain.contains("# #") {
        plain = plain.replace("# #", "#");
    }
    plain
}

/// The mailbox of somebody who is off.
fn mailbox(person: &Person) -> Outcome<MailboxSecret> {
    let passphrase = PassphraseSource::File(person.file("passphrase")).read("")?;
    let mut device = Device::of(Vault::open(&person.vault(), &passphrase)?)?;
    Ok(device.homes()?.into_iter().next().ok_or("no mailbox")?.mailbox)
}

/// How many envelopes lie in each mailbox; they stay there.
async fn waiting(relay: &RelayAddress, boxes: &[MailboxSecret]) -> Outcome<Vec<usize>> {
    let mut counts = Vec::new();
    for mailbox in boxes {
        let sockets = Connector::new()?;
        let connection = sockets.connect(relay, Purpose::Read).await?;
        let mut subscription = connection.subscribe(std::slice::from_ref(mailbox)).await?;
        let mut count = 0;
        loop {
            match timeout(Duration::from_secs(60), subscription.next()).await?? {
                Event::Envelope { .. } => count += 1,
                Event::CaughtUp { .. } => break,
                Event::Ended { reason } => return Err(format!("ended: {reason:?}").into()),
            }
        }
        connection.close();
        counts.push(count);
    }
    Ok(counts)
}

/// Modes and sizes of all files below a folder, by path.
fn files(folder: &Path) -> Outcome<(BTreeMap<String, u32>, BTreeMap<String, u64>)> {
    let (mut modes, mut sizes) = (BTreeMap::new(), BTreeMap::new());
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let path = entry?.path();
            let name = path.strip_prefix(folder)?.display().to_string();
            let data = fs::metadata(&path)?;
            modes.insert(name.clone(), data.permissions().mode());
            if data.is_dir() {
                folders.push(path);
            } else {
                sizes.insert(name, data.len());
            }
        }
    }
    Ok((modes, sizes))
}
