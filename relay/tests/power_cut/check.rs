//! What a relay has after a cut, against what it must have.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use velar_protocol::wire::{Answer, DeliveryOutcome, Event, HoldSecret, Refusal, Request};

use super::common::{self, Client, Conn, Relay, secret};
use super::ledger::{Ledger, Presence, envelope, source};
use super::load::UNLIMITED;

/// One folder that a cut left.
pub struct Image {
    pub folder: PathBuf,
    /// How much of the journal had been written.
    pub cut: u64,
    /// Also lets the holds go out, which takes a second or two.
    pub release: bool,
    /// The relay was about to copy its store, and may say so again.
    pub rebuilds: bool,
}

/// Starts a relay on it. What is wrong there; empty if nothing is.
pub async fn check(image: Image, ledger: Arc<Ledger>) -> Vec<String> {
    let log = image.folder.with_extension("log");
    let rebuilds = image.rebuilds;
    let found = tokio::spawn(async move {
        let mut wrong = Vec::new();
        match timeout(Duration::from_secs(60), look(&image, &ledger, &mut wrong)).await {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => wrong.push(reason),
            Err(_) => wrong.push("it does not get done".to_owned()),
        }
        wrong
    });
    let mut wrong = found.await.unwrap_or_else(|panic| vec![format!("it stopped: {panic}")]);
    // Sets nothing aside and reports no loss: a power cut is not damage.
    for line in fs::read_to_string(log).unwrap_or_default().lines() {
        if line.contains("ERROR") && !rebuilds {
            wrong.push(format!("it says: {line}"));
        }
    }
    wrong
}

async fn look(image: &Image, ledger: &Ledger, wrong: &mut Vec<String>) -> Result<(), String> {
    let folder = image.folder.clone();
    let relay = tokio::task::spawn_blocking(move || start(&folder)).await.unwrap()?;
    let client = Client::new(relay.addr, &image.folder);
    let conn = client.connect().await;
    let mut found = BTreeMap::new();
    for (mailbox, life) in &ledger.mailboxes {
        let presence = life.after(image.cut);
        match conn.subscribe(&[&secret(*mailbox)]).await {
            Ok(_) if presence == Presence::MustNot => {
                wrong.push(format!("mailbox {mailbox} is there"));
            }
            Ok(mut subscription) => {
                found.insert(*mailbox, read(&mut subscription, *mailbox, wrong).await);
            }
            Err(Answer::Refused(Refusal::UnknownMailbox)) if presence != Presence::Must => {}
            Err(other) => wrong.push(format!("mailbox {mailbox}, {presence:?}: {other:?}")),
        }
    }
    envelopes(image, ledger, &found, wrong);
    let kept = holds(image, ledger, &conn, wrong).await;
    if image.release {
        released(&client, kept, wrong).await;
    }
    relay.kill();
    Ok(())
}

/// Not [`Relay::from`]: that it does not start is what this is about.
fn start(folder: &Path) -> Result<Relay, String> {
    let log = File::create(folder.with_extension("log")).unwrap();
    let mut command = common::program();
    command.args(["serve", "--data"]).arg(folder).args(UNLIMITED);
    let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let addr = line.trim().strip_prefix("listening on ").and_then(|addr| addr.parse().ok());
    let Some(addr) = addr else {
        let _ = child.kill();
        let _ = child.wait();
        let log = fs::read_to_string(folder.with_extension("log")).unwrap();
        return Err(format!("it does not start: {log}"));
    };
    Ok(Relay { child, addr, lines: vec![line] })
}

/// The numbers of all that waits there.
async fn read(
    subscription: &mut common::Subscription,
    mailbox: u8,
    wrong: &mut Vec<String>,
) -> Vec<u32> {
    let mut found = Vec::new();
    loop {
        match subscription.event().await {
            Event::Envelope { sequence, envelope: bytes, .. } => {
                let number = common::number(&bytes);
                if bytes != envelope(number) {
                    wrong.push(format!("{number:x} in mailbox {mailbox} is not what was sent"));
                }
                found.push(number);
                subscription.ack(sequence).await;
            }
            Event::CaughtUp { expired, .. } => {
                if expired != 0 {
                    wrong.push(format!("{expired} lost in mailbox {mailbox}, it says"));
                }
                return found;
            }
            Event::Ended { reason } => panic!("{reason:?}"),
        }
    }
}

fn envelopes(
    image: &Image,
    ledger: &Ledger,
    found: &BTreeMap<u8, Vec<u32>>,
    wrong: &mut Vec<String>,
) {
    let all: BTreeSet<(u8, u32)> = found
        .iter()
        .flat_map(|(mailbox, numbers)| numbers.iter().map(|number| (*mailbox, *number)))
        .collect();
    for (number, (mailbox, life)) in &ledger.envelopes {
        if life.after(image.cut) == Presence::Must && !all.contains(&(*mailbox, *number)) {
            wrong.push(format!("{number:x} of mailbox {mailbox} is missing"));
        }
    }
    for (mailbox, number) in &all {
        let sent = ledger.envelopes.get(number).filter(|(to, _)| to == mailbox);
        if sent.is_none_or(|(_, life)| life.after(image.cut) == Presence::MustNot) {
            wrong.push(format!("{number:x} in mailbox {mailbox} is invented"));
        }
    }
    for (mailbox, numbers) in found {
        let mut last = BTreeMap::new();
        for number in numbers {
            if last.insert(source(*number), *number).is_some_and(|before| before >= *number) {
                wrong.push(format!("{number:x} in mailbox {mailbox} is out of order"));
            }
        }
    }
}

/// What the holds that are there hold. They are due in a second.
async fn holds(
    image: &Image,
    ledger: &Ledger,
    conn: &Conn,
    wrong: &mut Vec<String>,
) -> BTreeSet<(u8, u32)> {
    let mut kept = BTreeSet::new();
    let mut there = BTreeMap::new();
    for (key, hold) in &ledger.holds {
        let presence = hold.life.after(image.cut);
        let for_s = if image.release { 1 } else { 3600 };
        let extend = Request::Extend { secret: HoldSecret::new(*key), for_s };
        let is = match conn.ask(&extend).await {
            Answer::Extended { outcomes } => {
                if outcomes.iter().any(|outcome| *outcome != DeliveryOutcome::Held) {
                    wrong.push(format!("hold {key:?} would go nowhere: {outcomes:?}"));
                }
                kept.extend(hold.held.iter().copied());
                true
            }
            Answer::Refused(Refusal::UnknownHold) => false,
            other => {
                wrong.push(format!("hold {key:?}: {other:?}"));
                continue;
            }
        };
        there.insert(*key, is);
        if is && presence == Presence::MustNot || !is && presence == Presence::Must {
            wrong.push(format!("hold {key:?} is {is}, {presence:?}"));
        }
    }
    for (key, hold) in &ledger.holds {
        let Some(old) = hold.replaces else { continue };
        // Asked for and not answered: never both, never neither, if the old one was there before.
        let old_life = ledger.holds[&old].life;
        let was = old_life.made.is_some_and(|made| made <= image.cut);
        if was && hold.life.after(image.cut) == Presence::May && there[key] == there[&old] {
            wrong.push(format!("of hold {old:?} and what replaces it {} are there", there[key]));
        }
    }
    kept
}

/// What is held arrives, whole.
async fn released(client: &Client, mut due: BTreeSet<(u8, u32)>, wrong: &mut Vec<String>) {
    let conn = client.connect().await;
    let mailboxes: BTreeSet<u8> = due.iter().map(|(mailbox, _)| *mailbox).collect();
    for mailbox in mailboxes {
        let Ok(mut online) = conn.subscribe(&[&secret(mailbox)]).await else {
            wrong.push(format!("mailbox {mailbox} is gone"));
            return;
        };
        while due.iter().any(|(to, _)| *to == mailbox) {
            let next = timeout(Duration::from_secs(20), online.envelope());
            let Ok((sequence, bytes)) = next.await else {
                let missing: Vec<_> = due.iter().filter(|(to, _)| *to == mailbox).collect();
                wrong.push(format!("held and never released: {missing:x?}"));
                break;
            };
            let number = common::number(&bytes);
            online.ack(sequence).await;
            if !due.remove(&(mailbox, number)) || bytes != envelope(number) {
                wrong.push(format!("{number:x} was released to mailbox {mailbox}"));
            }
        }
    }
}
