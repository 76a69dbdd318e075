//! Copies of a data folder, each damaged in one place, under the real program: it starts with every one of them, serves no
//! wrong byte, and tells what is lost: to the owner of the mailbox by the count, to the owner of the hold by
//! the answer, to the operator by the log. `VELAR_DAMAGED_COPIES` and `VELAR_DAMAGED_FROM` set how many, `VELAR_DAMAGE_SEED` which;
//! `VELAR_DAMAGED_KEEP` is a folder for the one that fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test"
)]

mod common;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use common::{Client, Conn, Relay, number, program, secret, token};
use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use velar_protocol::wire::{
    Answer, Delivery, Envelope, Event, HoldSecret, Refusal, Request, codec,
};

const MAILBOXES: u8 = 20;
const HOLDS: u8 = 40;
const DAY_S: u32 = 86_400;
const LIFTED: [&str; 11] = [
    "--hold-part=0",
    "--token-envelopes=100000",
    "--token-rate-per-min=100000000",
    "--token-burst=1000000",
    "--hold-burst=1000000",
    "--connection-rate-per-min=100000000",
    "--connection-burst=1000000",
    "--listen=127.0.0.1:0",
    "--host=127.0.0.1",
    "--log=error",
    "--cache-mib=16",
];

/// Its number, and bytes that follow from it: a changed one is found.
fn envelope(number: u32) -> Envelope {
    let mut bytes = vec![0; 4096];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = (number as usize * 31 + at * 7 + at / 256) as u8;
    }
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    Envelope::new(bytes).unwrap()
}

fn chances(at: u64) -> TestRng {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&variable("VELAR_DAMAGE_SEED", 1).to_le_bytes());
    seed[8..16].copy_from_slice(&at.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &seed)
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Many at once on one stream.
async fn send_all(conn: &Conn, numbers: impl Iterator<Item = u32>) {
    let (mut send, mut recv) = conn.quic.open_bi().await.unwrap();
    let numbers: Vec<u32> = numbers.collect();
    for numbers in numbers.chunks(50) {
        for number in numbers {
            let to = 1 + (number % u32::from(MAILBOXES)) as u8;
            let request = common::send(&token(to), &envelope(*number));
            send.write_all(&codec::encode(&request).unwrap()).await.unwrap();
        }
        for _ in numbers {
            assert_eq!(common::read::<Answer>(&mut recv).await.unwrap(), Answer::Accepted);
        }
    }
}

fn hold_secret(number: u8) -> HoldSecret {
    HoldSecret::new([100 + number; 32])
}

/// Reads a mailbox to its end and acknowledges all. The numbers, and how many are counted as lost.
async fn read(conn: &Conn, mailbox: u8) -> (BTreeSet<u32>, u64) {
    let mut subscription = conn.subscribe(&[&secret(mailbox)]).await.unwrap();
    let mut numbers = BTreeSet::new();
    loop {
        match subscription.event().await {
            Event::Envelope { sequence, envelope: found, .. } => {
                let number = number(&found);
                assert!(found == envelope(number), "a wrong envelope was served");
                assert!(numbers.insert(number), "twice on one subscription");
                subscription.ack(sequence).await;
            }
            Event::CaughtUp { expired, .. } => return (numbers, expired),
            Event::Ended { reason } => panic!("{reason:?}"),
        }
    }
}

/// Acknowledges every fifth of the first envelopes in a mailbox; their numbers.
async fn acknowledge_some(conn: &Conn, mailbox: u8) -> Vec<u32> {
    let mut subscription = conn.subscribe(&[&secret(mailbox)]).await.unwrap();
    let mut acknowledged = Vec::new();
    for at in 0..30 {
        let (sequence, found) = subscription.envelope().await;
        if at % 5 == 3 {
            subscription.ack(sequence).await;
            acknowledged.push(number(&found));
        }
    }
    // Acks have no answer: once the stream is over, all are taken.
    subscription.send.finish().unwrap();
    let _ = subscription.recv.read_to_end(1 << 20).await;
    acknowledged
}

/// A data folder with some history: two restarts, and some of what came first acknowledged. The numbers of these.
async fn pristine(data: &Path, envelopes: u32) -> BTreeSet<u32> {
    let mut acknowledged = BTreeSet::new();
    Relay::init(data);
    for part in 0..3 {
        let relay = Relay::serve(data, &LIFTED);
        let conn = Client::new(relay.addr, data).connect().await;
        for mailbox in 1..=MAILBOXES {
            conn.opened(&secret(mailbox), &[&token(mailbox)]).await;
        }
        send_all(&conn, envelopes * part / 3..envelopes * (part + 1) / 3).await;
        if part == 1 {
            for number in 0..HOLDS {
                let delivery = |to: u8, at: u32| Delivery {
                    token: token(to),
                    envelope: envelope(1_000_000 + 2 * u32::from(number) + at),
                };
                let deliveries = vec![delivery(1, 0), delivery(2, 1)];
                let id = hold_secret(number).id();
                let hold = Request::Hold { id, for_s: 10 * DAY_S, deliveries, replaces: None };
                assert!(matches!(conn.ask(&hold).await, Answer::Held { .. }));
            }
            for mailbox in 1..=MAILBOXES {
                acknowledged.extend(acknowledge_some(&conn, mailbox).await);
            }
        }
        if part == 2 {
            relay.kill();
        } else {
            relay.signal(rustix::process::Signal::TERM);
            let mut relay = relay;
            assert!(relay.child.wait().unwrap().success());
        }
    }
    acknowledged
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() && !path.to_string_lossy().ends_with("lock") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Without the zeros, of which the store's files are full.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &place);
            continue;
        }
        if !entry.file_type().unwrap().is_file() {
            // The socket of a relay that was killed.
            continue;
        }
        let (bytes, file) = (fs::read(entry.path()).unwrap(), File::create(place).unwrap());
        file.set_len(bytes.len() as u64).unwrap();
        for (at, block) in bytes.chunks(4096).enumerate() {
            if block.iter().any(|byte| *byte != 0) {
                file.write_all_at(block, at as u64 * 4096).unwrap();
            }
        }
    }
}

/// Damages one file of the store, mostly the largest. What was done.
fn damage(store: &Path, rng: &mut TestRng) -> String {
    let files = files(store);
    let largest = files.iter().max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let any = &files[rng.next_u32() as usize % files.len()];
    let path = if rng.next_u32().is_multiple_of(3) { any } else { largest };
    let name = path.strip_prefix(store).unwrap().display();
    let mut bytes = fs::read(path).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let place = rng.next_u64() as usize % used.max(1);
    let what = match rng.next_u32() % 10 {
        0..=3 if used > 0 => {
            bytes[place] ^= 1 << (rng.next_u32() % 8);
            "a flipped bit"
        }
        4..=6 if used > 0 => {
            let from = place / 4096 * 4096;
            let to = (from + 4096 * (1 + rng.next_u32() as usize % 4)).min(bytes.len());
            bytes[from..to].fill(0);
            "zeroed pages"
        }
        7..=8 => {
            bytes.truncate(place);
            "truncation"
        }
        _ => {
            fs::remove_file(path).unwrap();
            return format!("{name} is missing");
        }
    };
    fs::write(path, bytes).unwrap();
    format!("{what} at {place} of {used} in {name}")
}

/// What became of a copy.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    envelopes_lost: u64,
    holds_lost: u64,
    read: Vec<BTreeSet<u32>>,
}

async fn served(data: &Path, envelopes: u32, gone: &BTreeSet<u32>) -> (Outcome, String) {
    let mut command = program();
    command.args(["serve", "--data"]).arg(data).args(LIFTED);
    let log = data.with_extension("log");
    command.stderr(File::create(&log).unwrap());
    let relay = Relay::from(command);
    let conn = Client::new(relay.addr, data).connect().await;
    let mut outcome = Outcome::default();
    for mailbox in 1..=MAILBOXES {
        let (read, expired) = read(&conn, mailbox).await;
        let wanted: BTreeSet<u32> = (0..envelopes)
            .filter(|number| number % u32::from(MAILBOXES) == u32::from(mailbox - 1))
            .filter(|number| !gone.contains(number))
            .collect();
        let missing = wanted.difference(&read).count() as u64;
        assert_eq!(missing, expired, "mailbox {mailbox}: {missing} missing, {expired} counted");
        outcome.envelopes_lost += missing;
        outcome.read.push(read);
    }
    for number in 0..HOLDS {
        match conn.ask(&Request::Extend { secret: hold_secret(number), for_s: DAY_S }).await {
            Answer::Extended { .. } => {}
            Answer::Refused(Refusal::HoldLost) => outcome.holds_lost += 1,
            other => panic!("hold {number}: {other:?}, as if it had fired"),
        }
    }
    relay.kill();
    (outcome, fs::read_to_string(log).unwrap())
}

fn command(name: &str, data: &Path, more: &[&Path]) -> Output {
    let mut command = program();
    command.args([name, "--data"]).arg(data);
    if let [into] = more {
        command.arg("--into").arg(into);
    }
    command.output().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_starts_with_every_damaged_copy_and_loses_nothing_in_silence() {
    let copies = variable("VELAR_DAMAGED_COPIES", 24);
    let envelopes = if copies > 50 { 3000 } else { 1200 };
    let root = tempfile::tempdir().unwrap();
    let whole = root.path().join("whole");
    let gone = pristine(&whole, envelopes).await;
    assert!(!whole.join("store/damaged.1").exists(), "rebuilt without any damage");
    let (mut lost, mut most, mut holds, mut kept) = (0, 0, 0, 0);
    for at in variable("VELAR_DAMAGED_FROM", 0)..=copies {
        let data = root.path().join(format!("copy-{at}"));
        copy(&whole, &data);
        // The first one is as it was.
        let done = match at {
            0 => "nothing".to_owned(),
            _ => damage(&data.join("store"), &mut chances(at)),
        };
        eprintln!("copy {at}: {done}");
        let kept_at = std::env::var("VELAR_DAMAGED_KEEP").ok().map(PathBuf::from);
        if let Some(kept_at) = &kept_at {
            copy(&data, kept_at);
        }
        let looked_at = at % 6 == 0;
        let (checked, into) =
            (looked_at.then(|| command("check", &data, &[])), root.path().join("new"));
        let repaired = looked_at.then(|| command("repair", &data, &[&into]));
        let (outcome, log) = served(&data, envelopes, &gone).await;
        let loses = outcome.envelopes_lost + outcome.holds_lost > 0;
        eprintln!(
            "copy {at}: {} envelopes and {} holds lost",
            outcome.envelopes_lost, outcome.holds_lost
        );
        assert!(!loses || (log.contains("ERROR") && log.contains("lost")), "{log}");
        assert!(at > 0 || (!loses && log.is_empty()), "a loss that is none: {log}");
        if let (Some(checked), Some(repaired)) = (checked, repaired) {
            let said = String::from_utf8(checked.stdout).unwrap();
            assert_eq!(checked.status.success(), said.contains("nothing is wrong"), "{said}");
            assert!(checked.status.success() || said.contains("what to do: "), "{said}");
            assert!(at > 0 || checked.status.success(), "{said}");
            let said = String::from_utf8_lossy(&repaired.stderr);
            assert!(repaired.status.success(), "{said}");
            let (saved, _) = served(&into, envelopes, &gone).await;
            assert!(saved.envelopes_lost <= outcome.envelopes_lost, "{saved:?} saved, {outcome:?}");
            assert!(saved.holds_lost <= outcome.holds_lost);
            kept += 1;
            fs::remove_dir_all(into).unwrap();
        }
        lost += u64::from(loses);
        most = most.max(outcome.envelopes_lost);
        holds += outcome.holds_lost;
        fs::remove_dir_all(data).unwrap();
        kept_at.iter().for_each(|kept_at| fs::remove_dir_all(kept_at).unwrap());
    }
    eprintln!(
        "{copies} copies of {envelopes} envelopes: all started, {lost} with losses, all of them told; {most} envelopes at \
         most, {holds} holds in all; {kept} repaired"
    );
}
