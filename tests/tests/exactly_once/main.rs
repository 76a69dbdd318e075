//! At least once to the client, exactly once to the person, whatever is killed meanwhile.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "helpers of tests fail by panicking, and say what their chance was"
)]

mod client;
mod traces;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use velar::device::Device;
use velar::passphrase::PassphraseSource;
use velar::records::{DeliveryKind, PeerKind};
use velar::vault::Vault;
use velar_protocol::wire::RelayAddress;
use velar_tests::job::{Job, Said};
use velar_tests::load::Outcome;
use velar_tests::network::{Harm, Harmed, Network};
use velar_tests::person::{Person, form_circle, program};
use velar_tests::process::RelayProcess;

use self::client::Client;

/// What happens in a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script {
    /// Messages that each says by `velar say`, one process each.
    says: usize,
    /// Messages that each says by one process that is killed and started again.
    talks: usize,
    /// Texts typed to that process ahead of what it has kept.
    typed_ahead: usize,
    /// Messages that one has said and the others have not been shown yet, at most: so that what is killed is killed
    /// while it works, and not while a long queue is drained.
    window: usize,
    relay_kills: usize,
    client_kills: usize,
}

/// Nothing is timed: where nothing moves for this long, something is lost.
const PATIENCE: Duration = Duration::from_secs(100);

/// Exit codes of a `say` whose message is kept: received, kept, at the relay.
const KEPT: [i32; 3] = [0, 3, 4];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Relay,
    Client(usize),
}

#[derive(Debug)]
enum Event {
    Watch(usize, Said),
    Talker(usize, Said),
    Say(usize, String, Said),
    Strike(Victim),
}

/// Chance that can be repeated: splitmix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 33).unwrap() % limit
    }
}

struct Scene {
    script: Script,
    relay: RelayProcess,
    clients: Vec<Client>,
    tell: UnboundedSender<Event>,
    events: UnboundedReceiver<Event>,
    chance: Chance,
    /// What is killed, and after how many messages were shown.
    strikes: Vec<(usize, Victim)>,
    under_way: usize,
}

impl Scene {
    /// How many messages were shown to somebody.
    fn shown(&self) -> usize {
        self.clients.iter().map(|client| client.shown.len()).sum()
    }

    /// How many messages of this one were shown to the others.
    fn shown_of(&self, index: usize) -> usize {
        let name = &self.clients[index].person.name;
        self.clients.iter().filter_map(|client| client.shown_of.get(name)).sum()
    }

    fn others(&self) -> usize {
        self.clients.len() - 1
    }

    fn is_done(&self) -> bool {
        let all = |client: &Client| {
            let up = !client.down && client.caught_up && client.says.is_empty();
            let heard = self.shown_of(client.index) == self.others() * client.kept.len();
            client.goal_reached() && client.typed.is_empty() && up && heard
        };
        self.strikes.is_empty() && self.under_way == 0 && self.clients.iter().all(all)
    }

    async fn play(&mut self) -> Outcome<()> {
        while !self.is_done() {
            for index in 0..self.clients.len() {
                let waiting = (self.others() * self.clients[index].kept.len())
                    .saturating_sub(self.shown_of(index));
                if waiting < self.others() * self.script.window {
                    self.clients[index].say(&self.tell).await?;
                }
            }
            self.schedule();
            self.until_something_moves().await?;
        }
        Ok(())
    }

    /// Sets off what is due. The pause makes the moment random; nothing waits for it.
    fn schedule(&mut self) {
        let shown = self.shown();
        while let Some((at, victim)) = self.strikes.last().copied()
            && at <= shown
        {
            self.strikes.pop();
            self.under_way += 1;
            let pause = Duration::from_millis(self.chance.below(300) as u64);
            let tell = self.tell.clone();
            tokio::spawn(async move {
                tokio::time::sleep(pause).await;
                let _ = tell.send(Event::Strike(victim));
            });
        }
    }

    async fn until_something_moves(&mut self) -> Outcome<()> {
        let moves = async {
            while let Some(event) = self.events.recv().await {
                let another = !self.events.is_empty();
                let moved = Self::take(
                    &mut self.relay,
                    &mut self.clients,
                    &mut self.under_way,
                    &self.tell,
                    event,
                );
                if moved.await? && !another {
                    break;
                }
            }
            Outcome::Ok(())
        };
        match timeout(PATIENCE, moves).await {
            Ok(done) => done,
            Err(_) => Err(self.stuck().into()),
        }
    }

    fn stuck(&self) -> String {
        let mut text = format!("nothing moves; {} strikes to come", self.strikes.len());
        for client in &self.clients {
            let lacks = |other: &Client| {
                let of_mine = |text: &&String| !other.shown.contains_key(*text);
                client.kept.iter().filter(of_mine).take(5).cloned().collect::<Vec<_>>()
            };
            let others = self.clients.iter().filter(|other| other.index != client.index);
            let lacking: Vec<_> =
                others.map(|other| (other.person.name.clone(), lacks(other))).collect();
            text.push_str(&format!(
                "\n{}: kept {}, said {}, typed {:?}, down {}, not shown {lacking:?}",
                client.person.name,
                client.kept.len(),
                client.said,
                client.typed,
                client.down
            ));
        }
        text
    }

    /// Whether it brings anything forward.
    async fn take(
        relay: &mut RelayProcess,
        clients: &mut [Client],
        under_way: &mut usize,
        tell: &UnboundedSender<Event>,
        event: Event,
    ) -> Outcome<bool> {
        let index = match &event {
            Event::Strike(Victim::Relay) => {
                *under_way -= 1;
                relay.kill_nine().await?;
                relay.start().await?;
                return Ok(true);
            }
            Event::Strike(Victim::Client(index))
            | Event::Watch(index, _)
            | Event::Talker(index, _)
            | Event::Say(index, ..) => *index,
        };
        let client = &mut clients[index];
        match event {
            Event::Strike(_) if client.down || !client.caught_up => client.strikes += 1,
            Event::Strike(_) => {
                *under_way -= 1;
                client.strike();
            }
            Event::Watch(_, Said::Line(line)) => {
                let moved = client.watched(&line);
                if client.caught_up && client.strikes > 0 && !client.down {
                    client.strikes -= 1;
                    tell.send(Event::Strike(Victim::Client(index)))?;
                }
                return Ok(moved);
            }
            Event::Watch(_, Said::Ended(code)) => client.ended("watch", code),
            Event::Talker(_, Said::Line(text)) => {
                client.typed.remove(&text);
                client.kept.insert(text);
            }
            Event::Talker(_, Said::Ended(code)) => client.ended("talker", code),
            Event::Say(_, _, Said::Line(_)) => return Ok(false),
            Event::Say(_, text, Said::Ended(code)) => {
                client.says.remove(&text);
                client.running -= 1;
                match code {
                    Some(code) => {
                        assert!(KEPT.contains(&code), "say ended with {code}");
                        client.kept.insert(text);
                        client.said += 1;
                    }
                    None => assert!(client.down, "say was ended by a signal"),
                }
            }
        }
        if client.down && client.running == 0 {
            client.start(tell)?;
        }
        Ok(true)
    }

    /// Ends all processes gently, and reads what they still have to say.
    async fn close(&mut self) -> Outcome<()> {
        for client in &mut self.clients {
            client.closing = true;
            client.talker.iter_mut().for_each(Job::close_stdin);
            client.watch.as_ref().ok_or("no watch")?.terminate()?;
        }
        while self.clients.iter().any(|client| client.running > 0) {
            self.until_something_moves().await?;
        }
        Ok(())
    }
}

/// What an inbox says: one's own texts, and those of each other person, in order.
async fn inbox(person: &Person) -> Outcome<BTreeMap<String, Vec<String>>> {
    let ran = person.must(&["inbox", "--all", "--json"]).await?;
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut sequences: BTreeMap<String, u64> = BTreeMap::new();
    let mut numbers = 0;
    for line in ran.out.lines() {
        let line: Value = serde_json::from_str(line)?;
        let n = line["n"].as_u64().unwrap();
        assert!(n > numbers, "{line}");
        numbers = n;
        let Some(text) = line["text"].as_str() else { continue };
        let (author, _) = text.split_once('-').unwrap();
        assert_eq!(line["name"], author, "{line}");
        if line["mine"] == false {
            let sequence = line["sequence"].as_u64().unwrap();
            let before = sequences.insert(author.to_owned(), sequence).unwrap_or(0);
            assert!(sequence > before, "{}: {sequence} after {before}", person.name);
        }
        texts.entry(author.to_owned()).or_default().push(text.to_owned());
    }
    Ok(texts)
}

/// How often anything was sealed again, and how many envelopes wait for a relay.
fn sealed_again(person: &Person) -> Outcome<(u32, usize)> {
    let passphrase = PassphraseSource::File(person.file("passphrase")).read("")?;
    let mut vault = Vault::open(&person.vault(), &passphrase)?;
    let deliveries = vault.read(|tx| tx.list::<DeliveryKind>())?;
    let peers = vault.read(|tx| tx.list::<PeerKind>().map(|peers| peers.len()))?;
    assert!(peers > 0, "the vault is that of a circle");
    let again = deliveries.iter().map(|(_, delivery)| u32::from(delivery.reseals)).sum();
    let (_, unsent) = Device::of(vault)?.unfinished()?;
    Ok((again, unsent))
}

impl Scene {
    /// A circle of `people` at this relay, reached as `way` says, and its clients.
    async fn new(
        root: &Path,
        script: Script,
        people: &[&str],
        relay: RelayProcess,
        way: &RelayAddress,
    ) -> Outcome<Self> {
        let seed = match std::env::var("VELAR_TEST_SEED") {
            Ok(seed) => seed.parse()?,
            Err(_) => getrandom::u64()?,
        };
        eprintln!("to repeat these chances: VELAR_TEST_SEED={seed}");
        let mut chance = Chance(seed);
        let others: Vec<_> = people[1..].iter().map(|name| (*name, "accompanier")).collect();
        let people = form_circle(root, way, people[0], &others).await?;
        eprintln!("a circle of {}", people.len());
        let (tell, events) = unbounded_channel();
        let people = people.into_iter().enumerate();
        let clients: Vec<_> = people.map(|(index, one)| Client::new(index, one, script)).collect();
        let expected = (clients.len() - 1) * clients.len() * (script.says + script.talks);
        let mut strikes = vec![Victim::Relay; script.relay_kills];
        for index in 0..clients.len() {
            strikes.extend(vec![Victim::Client(index); script.client_kills]);
        }
        let mut strikes: Vec<_> =
            strikes.into_iter().map(|victim| (chance.below(expected * 9 / 10), victim)).collect();
        strikes.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        Ok(Self { script, relay, clients, tell, events, chance, strikes, under_way: 0 })
    }

    async fn run(&mut self) -> Outcome<()> {
        for client in &mut self.clients {
            client.start(&self.tell)?;
        }
        self.play().await?;
        self.close().await
    }

    /// Nothing lost, nothing twice, in order, and nothing sealed again. How many messages there were.
    async fn check(&self) -> Outcome<usize> {
        let mut repeated = 0;
        for client in &self.clients {
            assert_eq!(client.runs.len(), self.script.client_kills + 1);
            repeated += client.repeated();
        }
        let most = self.clients.len() * self.script.client_kills;
        assert!(repeated <= most, "{repeated} lines came again");
        let mut inboxes = Vec::new();
        for client in &self.clients {
            inboxes.push(inbox(&client.person).await?);
        }
        let mut messages = 0;
        for (client, own) in self.clients.iter().zip(&inboxes) {
            let name = &client.person.name;
            let kept: BTreeSet<_> = own[name].iter().cloned().collect();
            assert_eq!(kept.len(), own[name].len(), "{name} said nothing twice");
            assert!(client.kept.is_subset(&kept), "what was kept is in the vault of {name}");
            messages += kept.len();
            for other in &inboxes {
                assert_eq!(other[name], own[name]);
            }
            // Sealing again would make up for an envelope that a relay had accepted and lost.
            assert_eq!(sealed_again(&client.person)?, (0, 0), "{name}");
        }
        eprintln!("{messages} messages, {repeated} lines repeated after kills");
        Ok(messages)
    }
}

async fn relay(root: &Path) -> Outcome<RelayProcess> {
    RelayProcess::init(&program("velar-relay")?, &root.join("relay")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_accepted_is_lost_and_nothing_is_shown_twice() -> Outcome<()> {
    let root = tempfile::tempdir()?;
    let mut relay = relay(root.path()).await?.as_shipped();
    relay.start().await?;
    let way = relay.address()?.clone();
    let script = Script {
        says: 20,
        talks: 314,
        typed_ahead: 4,
        window: 24,
        relay_kills: 10,
        client_kills: 5,
    };
    let people = ["Alba", "Berta", "Celia"];
    let mut scene = Scene::new(root.path(), script, &people, relay, &way).await?;
    scene.run().await?;
    assert!(scene.check().await? >= 1_000);
    Ok(())
}

/// Of what the network carries a tenth is lost, doubled or late.
const HARM: Harm = Harm { lost: 20, doubled: 30, late: 50 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_messages_get_through_a_bad_network_and_leave_no_keys_behind() -> Outcome<()> {
    let root = tempfile::tempdir()?;
    // Ten thousand in a few minutes are a load: as shipped, a relay lets nobody send so much to one person.
    let mut relay = relay(root.path()).await?;
    relay.start().await?;
    let network = Network::to(relay.address()?.port(), HARM, getrandom::u64()?).await?;
    let way = network.towards(relay.address()?)?;
    let script = Script {
        says: 0,
        talks: 5_000,
        typed_ahead: 16,
        window: 64,
        relay_kills: 0,
        client_kills: 6,
    };
    let mut scene = Scene::new(root.path(), script, &["Alba", "Berta"], relay, &way).await?;
    scene.run().await?;
    assert!(scene.check().await? >= 10_000);
    let Harmed { lost, doubled, late } = network.harmed();
    for harmed in [lost, doubled, late] {
        assert!(harmed.load(Ordering::Relaxed) > 100, "{:?}", network.harmed());
    }
    eprintln!("{:?}", network.harmed());
    for client in &scene.clients {
        client.traces.are_gone(&client.person)?;
    }
    Ok(())
}
