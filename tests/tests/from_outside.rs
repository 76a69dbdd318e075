//! A scripted day as the relay sees it: what it stores and what it is asked for does not tell events apart by size or
//! count. (What timing tells is in protocol/THREATS.md.)
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests fail by panicking, and say what was seen"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::timeout;
use velar::device::Device;
use velar::net::{Connector, Purpose};
use velar::passphrase::PassphraseSource;
use velar::vault::Vault;
use velar_protocol::wire::{Event, MailboxSecret, RelayAddress};
use velar_tests::load::Outcome;
use velar_tests::person::{Person, form_circle, program};
use velar_tests::process::RelayProcess;

const SECOND: &str = "tormenta azul en marzo";

/// What one event looked like.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    /// Requests, by kind and size of their frames: how many.
    heard: BTreeMap<(String, usize), usize>,
    /// Sizes of what lies in each of the others' mailboxes now and did not before.
    stored: Vec<Vec<usize>>,
}

impl Seen {
    fn of(&self, request: &str) -> BTreeMap<usize, usize> {
        let those = self.heard.iter().filter(|((kind, _), _)| kind == request);
        those.map(|((_, bytes), count)| (*bytes, *count)).collect()
    }
}

struct Day {
    relay: RelayProcess,
    log: PathBuf,
    read: usize,
    people: Vec<Person>,
    boxes: Vec<MailboxSecret>,
    _root: tempfile::TempDir,
}

impl Day {
    async fn begin() -> Outcome<Self> {
        let root = tempfile::tempdir()?;
        let log = root.path().join("log");
        let relay =
            RelayProcess::init(&program("velar-relay")?, &root.path().join("relay")).await?;
        let mut relay = relay.logging_to(log.clone());
        relay.start().await?;
        let others = [("Ana", "defender"), ("Eva", "accompanier")];
        let people = form_circle(root.path(), relay.address()?, "Luz", &others).await?;
        let boxes = people.iter().map(mailbox).collect::<Outcome<Vec<_>>>()?;
        let mut day = Self { relay, log, read: 0, people, boxes, _root: root };
        let second = day.people[1].write_secret("second", SECOND)?;
        day.people[1].must(&["duress", "--second-file", &second.to_string_lossy()]).await?;
        day.people[1].run(&["checkin", "--wait", "0"]).await?;
        day.settle().await?;
        Ok(day)
    }

    /// Everybody reads what there is, and answers.
    async fn settle(&mut self) -> Outcome<()> {
        for _ in 0..3 {
            for person in &self.people {
                person.must(&["status"]).await?;
            }
        }
        Ok(())
    }

    /// What the relay was asked for since it was asked here last.
    fn heard(&mut self) -> Outcome<BTreeMap<(String, usize), usize>> {
        let all = fs::read_to_string(&self.log)?;
        let new = all.get(self.read..).ok_or("the log was cut")?;
        self.read = all.len();
        let mut heard = BTreeMap::new();
        for line in new.lines().filter(|line| line.contains(" heard ")) {
            let field = |name: &str| {
                let (_, rest) = line.split_once(name)?;
                rest.split_whitespace().next().map(|value| value.trim_matches('"'))
            };
            let request = field("request=").ok_or("no request")?.to_owned();
            let bytes = field("bytes=").ok_or("no size")?.parse()?;
            *heard.entry((request, bytes)).or_default() += 1;
        }
        Ok(heard)
    }

    fn others(&self, who: usize) -> impl Iterator<Item = usize> + use<> {
        (0..self.people.len()).filter(move |index| *index != who)
    }

    /// How much waits for each of the others.
    async fn before(&mut self, who: usize) -> Outcome<Vec<usize>> {
        let relay = self.relay.address()?.clone();
        let mut before = Vec::new();
        for other in self.others(who) {
            before.push(waiting(&relay, &self.boxes[other]).await?.len());
        }
        self.heard()?;
        Ok(before)
    }

    /// What came since.
    async fn since(&mut self, who: usize, before: Vec<usize>) -> Outcome<Seen> {
        let relay = self.relay.address()?.clone();
        let heard = self.heard()?;
        let mut stored = Vec::new();
        for (other, before) in self.others(who).zip(before) {
            stored.push(waiting(&relay, &self.boxes[other]).await?.split_off(before));
        }
        Ok(Seen { heard, stored })
    }

    /// What one command of somebody's looks like, while nobody else is there.
    async fn event(&mut self, who: usize, way: &Person, args: &[&str]) -> Outcome<Seen> {
        let before = self.before(who).await?;
        let ran = way.run(args).await?;
        assert!([0, 3, 4].contains(&ran.code), "{args:?}: {ran:?}");
        let seen = self.since(who, before).await?;
        eprintln!("{args:?}: {:?}, {:?}", seen.heard, seen.stored);
        Ok(seen)
    }
}

fn mailbox(person: &Person) -> Outcome<MailboxSecret> {
    let passphrase = PassphraseSource::File(person.file("passphrase")).read("")?;
    let mut device = Device::of(Vault::open(&person.vault(), &passphrase)?)?;
    Ok(device.homes()?.into_iter().next().ok_or("no mailbox")?.mailbox)
}

/// Sizes of what lies in a mailbox, oldest first; it stays there.
async fn waiting(relay: &RelayAddress, mailbox: &MailboxSecret) -> Outcome<Vec<usize>> {
    let sockets = Connector::new()?;
    let connection = sockets.connect(relay, Purpose::Read).await?;
    let mut subscription = connection.subscribe(std::slice::from_ref(mailbox)).await?;
    let mut sizes = Vec::new();
    loop {
        match timeout(Duration::from_secs(60), subscription.next()).await?? {
            Event::Envelope { envelope, .. } => sizes.push(envelope.as_bytes().len()),
            Event::CaughtUp { .. } => break,
            Event::Ended { reason } => return Err(format!("ended: {reason:?}").into()),
        }
    }
    connection.close();
    Ok(sizes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sizes_and_counts_do_not_tell_the_events_of_a_day_apart() -> Outcome<()> {
    let mut day = Day::begin().await?;
    let [luz, ana, eva] = [0, 1, 2].map(|index| day.people[index].clone());
    let coerced = ana.typing("second");
    let script: &[(usize, &Person, &[&str])] = &[
        (1, &ana, &["checkin", "--wait", "3"]),
        (1, &ana, &["say", "llego a las seis"]),
        (1, &ana, &["drill", "simulacro", "--wait", "3"]),
        (0, &luz, &["claim", "ALERT"]),
        (0, &luz, &["close", "ALERT"]),
        (1, &ana, &["panic", "--wait", "3"]),
        (0, &luz, &["claim", "ALERT"]),
        (2, &eva, &["note", "ALERT", "la llamé"]),
        (0, &luz, &["hand-over", "ALERT", "--to", "Eva"]),
        (2, &eva, &["claim", "ALERT"]),
        (2, &eva, &["say", "voy en camino"]),
        (1, &ana, &["stand-down", "ALERT", "fue un error"]),
        (0, &luz, &["stand-down", "ALERT", "--confirm"]),
        (2, &eva, &["close", "ALERT"]),
        (1, &coerced, &["checkin", "--note", "todo bien", "--wait", "3"]),
        (1, &coerced, &["panic", "--wait", "3"]),
        (2, &eva, &["claim", "ALERT"]),
        (1, &coerced, &["stand-down", "ALERT"]),
        (0, &luz, &["stand-down", "ALERT", "--confirm"]),
        (0, &luz, &["checkin", "--wait", "3"]),
    ];
    let mut seen = Vec::new();
    for (who, way, args) in script {
        day.settle().await?;
        let mut args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        for arg in &mut args {
            if arg == "ALERT" {
                *arg = latest(way).await?;
            }
        }
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        seen.push((args.join(" "), day.event(*who, way, &args).await?));
    }
    // The kit alone, with nothing that opens the vault.
    day.settle().await?;
    let before = day.before(1).await?;
    let ran = ana.run_locked(&["panic", "--wait", "3"]).await?;
    assert_eq!(ran.code, 4, "{ran:?}");
    seen.push(("panic, locked".into(), day.since(1, before).await?));
    let (_, usual) = &seen[0];
    assert_eq!(usual.stored, [[4096], [4096]], "one envelope for each of the others");
    for (event, seen) in &seen {
        assert_eq!(seen.stored, usual.stored, "{event}");
        assert_eq!(seen.of("send"), usual.of("send"), "{event}");
        // What is left at the relay is left anew when its contents change, which only a check-in does.
        let asked: usize = ["extend", "hold"].map(|kind| seen.of(kind).values().sum()).iter().sum();
        assert_eq!(asked, 1, "{event}");
        assert!(seen.of("hold").is_empty() || event.starts_with("checkin"), "{event}");
    }

    // That somebody watches, and that they do not any more: said like everything else.
    day.settle().await?;
    let before = day.before(0).await?;
    let watch = luz.watch(&["--plain"]).await?;
    watch.stop().await?;
    let presence = day.since(0, before).await?;
    assert_eq!(presence.stored, [[4096; 2], [4096; 2]]);
    assert!(presence.of("send").keys().eq(usual.of("send").keys()));
    Ok(())
}

/// The alert that was raised last, as this person sees it.
async fn latest(way: &Person) -> Outcome<String> {
    let (_, value) = way.json(&["alerts"]).await?;
    let alerts = value["alerts"].as_array().ok_or("no alerts")?;
    let id = alerts.last().and_then(|alert| alert["alert"].as_str());
    Ok(id.ok_or("no open alert")?.to_owned())
}
