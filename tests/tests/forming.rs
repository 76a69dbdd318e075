//! A circle is formed by real processes over a real relay: and what stands in the way of it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use rand_core::{Rng, UnwrapErr};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;
use velar::device::Device;
use velar::link::{Link, now_s};
use velar::net::{Connector, Purpose};
use velar::passphrase::Passphrase;
use velar::vault::{KdfCost, Vault};
use velar_protocol::circle::Invitation;
use velar_protocol::wire::{Envelope, Event};
use velar_tests::forming::{Person, Said, binaries};
use velar_tests::process::RelayProcess;

/// A relay, and a lead with a circle on it.
struct Scene {
    scratch: TempDir,
    relay: RelayProcess,
    lead: Person,
}

async fn relay(scratch: &TempDir) -> RelayProcess {
    let program = binaries().unwrap().join("velar-relay");
    RelayProcess::init(&program, &scratch.path().join("relay")).await.unwrap()
}

fn found(lead: &Person, address: &str) -> Said {
    let new = ["circle", "new", "--json", "--name=Casa Norte", "--me=Coco"];
    lead.run(&[&new[..], &["--relay", address]].concat()).unwrap()
}

impl Scene {
    async fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let mut relay = relay(&scratch).await;
        relay.start().await.unwrap();
        let lead = Person::with_vault(scratch.path(), "lead").unwrap();
        let said = found(&lead, &relay.address().unwrap().to_string());
        assert_eq!(said.exit, Some(0), "{said:?}");
        Self { scratch, relay, lead }
    }

    fn person(&self, name: &str) -> Person {
        Person::with_vault(self.scratch.path(), name).unwrap()
    }

    fn invite(&self, role: &str) -> String {
        let said = self.lead.run(&["invite", "--json", "--role", role]).unwrap();
        assert_eq!(said.exit, Some(0), "{said:?}");
        said.json()["link"].as_str().unwrap().to_owned()
    }

    /// Joins as far as both screens show the words.
    fn meet(&self, person: &Person, name: &str, role: &str) -> String {
        let link = self.invite(role);
        let mut joining = person.start(&["join", &link, "--me", name, "--json"]).unwrap();
        joining.until("has been sent").unwrap();
        let shown = self.lead.run(&["approve", "--json"]).unwrap();
        assert_eq!(shown.exit, Some(7), "{shown:?}");
        let shown = words(&shown.json()["pending"][0]);
        let said = joining.end().unwrap();
        assert_eq!((said.exit, said.json()["state"].as_str()), (Some(7), Some("compare")));
        assert_eq!(words(&said.json()), shown);
        shown
    }

    /// Joins until the end.
    fn join(&self, person: &Person, name: &str, role: &str) {
        let words = self.meet(person, name, role);
        let said = self.lead.run(&["approve", "--words", &words]).unwrap();
        assert_eq!(said.exit, Some(0), "{said:?}");
        let said = person.run(&["join", "--words", &words, "--json"]).unwrap();
        assert_eq!((said.exit, &said.json()["state"]), (Some(0), &"in".into()), "{said:?}");
    }
}

fn words(value: &Value) -> String {
    let words: Vec<_> = value["words"].as_array().unwrap().iter().flat_map(Value::as_str).collect();
    assert_eq!(words.len(), 4);
    words.join(" ")
}

fn members(person: &Person) -> Vec<Value> {
    let said = person.run(&["members", "--json"]).unwrap();
    assert_eq!(said.exit, Some(0), "{said:?}");
    said.json()["members"].as_array().unwrap().clone()
}

fn numbers(person: &Person) -> BTreeSet<String> {
    let said = person.run(&["verify", "--json"]).unwrap().json();
    let numbers = said["numbers"].as_array().unwrap();
    numbers.iter().map(|one| one["number"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_people_form_a_circle_and_each_can_reach_each() {
    let scene = Scene::new().await;
    let (ana, luz) = (scene.person("ana"), scene.person("luz"));
    scene.join(&ana, "Ana", "defender");
    scene.join(&luz, "Luz", "accompanier");
    // Each reads what the others left for them; there is nothing more to say after that.
    for person in [&scene.lead, &ana, &luz, &ana] {
        let said = person.run(&["join"]).unwrap();
        assert_eq!(said.exit, Some(0), "{said:?}");
    }
    for person in [&scene.lead, &ana, &luz] {
        let members = members(person);
        let names: Vec<_> = members.iter().map(|m| m["name"].as_str().unwrap()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 3, "{names:?}");
        for other in members.iter().filter(|member| member["me"] == false) {
            assert!(other["heard_s"].is_u64() && other["reachable"] == true, "{other}");
        }
    }
    let (of_lead, of_ana, of_luz) = (numbers(&scene.lead), numbers(&ana), numbers(&luz));
    for (one, other) in [(&of_lead, &of_ana), (&of_ana, &of_luz), (&of_luz, &of_lead)] {
        assert_eq!(one.intersection(other).count(), 1);
    }
    let marked = ana.run(&["verify", "Luz", "--mark", "--json"]).unwrap();
    assert_eq!(marked.json()["numbers"][0]["verified"], true);
    let verified: Vec<_> =
        members(&ana).into_iter().filter(|member| member["verified"] == true).collect();
    assert_eq!((verified.len(), &verified[0]["name"]), (1, &"Luz".into()));
    let stranger = ana.run(&["verify", "Nadie", "--json"]).unwrap();
    assert_eq!((stranger.exit, stranger.failure().as_str()), (Some(6), "member-unknown"));
    // Inviting is the lead's.
    let said = ana.run(&["invite", "--json"]).unwrap();
    assert_eq!((said.exit, said.failure().as_str()), (Some(8), "not-lead"));
    assert!(said.out.is_empty());
}

/// Whoever saw the link and takes the offer without a trace.
struct Thief {
    device: Device,
    invitation: Invitation,
    offers: Vec<Envelope>,
}

impl Thief {
    async fn with(link: &str, scratch: &TempDir) -> Self {
        let invitation: Invitation = link.parse().unwrap();
        let connector = Connector::new().unwrap();
        let connection = connector.connect(invitation.relay(), Purpose::Read).await.unwrap();
        let mut subscription = connection.subscribe(&[invitation.mailbox()]).await.unwrap();
        let mut offers = Vec::new();
        while let Event::Envelope { envelope, .. } = subscription.next().await.unwrap() {
            offers.push(envelope);
        }
        let passphrase = Passphrase::new("a thief's passphrase").unwrap();
        let mut random = UnwrapErr(getrandom::SysRng);
        let cost = KdfCost::new(KdfCost::MIN_MEMORY_KIB, 1).unwrap();
        let folder = scratch.path().join("thief");
        let fill = &mut |buffer: &mut [u8]| random.fill_bytes(buffer);
        let mut vault = Vault::create(&folder, &passphrase, cost, fill).unwrap();
        Device::initialise(&mut vault).unwrap();
        Self { device: Device::of(vault).unwrap(), invitation, offers }
    }

    async fn answers(&mut self, name: &str) {
        self.device.join(&self.invitation, &self.offers, name, now_s()).unwrap();
        let mut link = Link::new(false).unwrap();
        while link.is_sending() || self.device.unfinished().unwrap().1 > 0 {
            let soon = Instant::now() + Duration::from_secs(1);
            link.step(&mut self.device, soon).await.unwrap();
        }
        link.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_two_people_answer_lets_nobody_in() {
    let scene = Scene::new().await;
    let ana = scene.person("ana");
    let link = scene.invite("defender");
    let mut thief = Thief::with(&link, &scene.scratch).await;
    let mut joining = ana.start(&["join", &link, "--me=Ana", "--json"]).unwrap();
    joining.until("has been sent").unwrap();
    thief.answers("Ana").await;
    let said = scene.lead.run(&["approve", "--json"]).unwrap();
    assert_eq!((said.exit, said.failure().as_str()), (Some(11), "invitation-twice"), "{said:?}");
    let said = joining.end().unwrap();
    assert_eq!((said.exit, &said.json()["state"]), (Some(11), &"void".into()), "{said:?}");
    assert_eq!(members(&scene.lead).len(), 1);
    let said = scene.lead.run(&["approve", "--json"]).unwrap();
    assert_eq!((said.exit, said.failure().as_str()), (Some(6), "approve-none"));
    // Another invitation lets her in.
    scene.join(&ana, "Ana", "defender");
    assert_eq!(members(&scene.lead).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_was_taken_is_not_there_for_a_second_person() {
    let scene = Scene::new().await;
    let (ana, luz) = (scene.person("ana"), scene.person("luz"));
    let link = scene.invite("defender");
    let mut joining = ana.start(&["join", &link, "--me=Ana"]).unwrap();
    joining.until("has been sent").unwrap();
    let said = luz.run(&["join", &link, "--me=Luz", "--json"]).unwrap();
    assert_eq!((said.exit, said.failure().as_str()), (Some(6), "invitation-gone"), "{said:?}");
    let mut unknown = link.clone();
    let end = if unknown.pop() == Some('A') { 'E' } else { 'A' };
    unknown.push(end);
    let said = luz.run(&["join", &unknown, "--me=Luz", "--json"]).unwrap();
    assert_eq!((said.exit, said.failure().as_str()), (Some(6), "invitation-gone"), "{said:?}");
    let said = luz.run(&["join", "velar-join://nothing", "--me=Luz", "--json"]).unwrap();
    assert_eq!((said.exit, said.failure().as_str()), (Some(2), "link-bad"), "{said:?}");
    let said = luz.run(&["join", "--json"]).unwrap();
    assert_eq!((said.exit, said.failure().as_str()), (Some(6), "link-missing"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_differ_are_refused_on_either_side() {
    let scene = Scene::new().await;
    let ana = scene.person("ana");
    let four = scene.meet(&ana, "Ana", "defender");
    let wrong = "zebra zebra zebra zebra";
    let said = scene.lead.run(&["approve", "--json", "--words", wrong]).unwrap();
    assert_eq!((said.exit, said.failure().as_str()), (Some(11), "words-differ"), "{said:?}");
    let said = ana.run(&["join", "--json", "--words", wrong]).unwrap();
    assert_eq!((said.exit, said.failure().as_str()), (Some(11), "words-differ"), "{said:?}");
    let said = ana.run(&["join", "--json", "--words", "only three words"]).unwrap();
    assert_eq!((said.exit, said.failure().as_str()), (Some(2), "words-count"), "{said:?}");
    // The coordinator let her in, but she has not compared: she is not in.
    let said = scene.lead.run(&["approve", "--words", &four]).unwrap();
    assert_eq!(said.exit, Some(0), "{said:?}");
    let said = ana.run(&["join", "--json"]).unwrap();
    assert_eq!((said.exit, words(&said.json())), (Some(7), four.clone()), "{said:?}");
    let loud = four.to_uppercase().replace(' ', ", ");
    let said = ana.run(&["join", "--json", "--words", &loud]).unwrap();
    assert_eq!((said.exit, &said.json()["state"]), (Some(0), &"in".into()), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_turned_down_is_told() {
    let scene = Scene::new().await;
    let ana = scene.person("ana");
    scene.meet(&ana, "Ana", "defender");
    let said = scene.lead.run(&["approve", "--reject", "--json"]).unwrap();
    assert_eq!((said.exit, &said.json()["rejected"]["name"]), (Some(0), &"Ana".into()));
    let said = scene.lead.run(&["approve", "--json"]).unwrap();
    assert_eq!((said.exit, said.failure().as_str()), (Some(6), "approve-none"), "{said:?}");
    let said = ana.run(&["join", "--json"]).unwrap();
    assert_eq!((said.exit, &said.json()["state"]), (Some(11), &"void".into()), "{said:?}");
    let said = ana.run(&["members", "--json"]).unwrap();
    assert_eq!((said.exit, said.failure().as_str()), (Some(6), "no-circle"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_told_apart_and_roles_are_the_leads_to_give() {
    let scene = Scene::new().await;
    let other = scene.person("other");
    let four = scene.meet(&other, "coco", "defender");
    let said = scene.lead.run(&["approve", "--json", "--words", &four]).unwrap();
    assert_eq!((said.exit, said.failure().as_str()), (Some(8), "name-taken"), "{said:?}");
    let approve = ["approve", "--json", "--words", &four, "--name=Coco M", "--role=accompanier"];
    let said = scene.lead.run(&approve).unwrap();
    assert_eq!(said.exit, Some(0), "{said:?}");
    let known = members(&scene.lead);
    assert_eq!(
        (&known[1]["name"], &known[1]["roles"][0]),
        (&"Coco M".into(), &"accompanier".into())
    );
    let said = other.run(&["join", "--json", "--words", &four]).unwrap();
    assert_eq!((said.exit, &said.json()["roles"][0]), (Some(0), &"accompanier".into()), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_opens_with_its_passphrase_alone_and_is_never_overwritten() {
    let scratch = tempfile::tempdir().unwrap();
    let ana = Person::new(scratch.path(), "ana").unwrap();
    let said = ana.run(&["members", "--json"]).unwrap();
    assert_eq!((said.exit, said.failure().as_str()), (Some(6), "vault-missing"));
    assert_eq!(ana.run(&["init"]).unwrap().exit, Some(0));
    let slots = fs::read(ana.vault().join("vault/slots")).unwrap();
    let said = ana.run(&["init", "--json"]).unwrap();
    assert_eq!((said.exit, said.failure().as_str()), (Some(8), "vault-exists"));
    assert_eq!(fs::read(ana.vault().join("vault/slots")).unwrap(), slots);
    let passphrase = scratch.path().join("ana.passphrase");
    fs::write(&passphrase, "another passphrase").unwrap();
    let said = ana.run(&["members", "--json"]).unwrap();
    assert_eq!((said.exit, said.failure().as_str()), (Some(5), "wrong-passphrase"));
    let short = Person::new(scratch.path(), "short").unwrap();
    fs::write(scratch.path().join("short.passphrase"), "short").unwrap();
    let said = short.run(&["init", "--json"]).unwrap();
    assert_eq!((said.exit, said.failure().as_str()), (Some(5), "passphrase-short"));
    assert!(!short.vault().join("vault").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_relay_a_circle_is_kept_and_nothing_is_handed_out() {
    let scratch = tempfile::tempdir().unwrap();
    let mut relay = relay(&scratch).await;
    relay.start().await.unwrap();
    let address = relay.address().unwrap().to_string();
    relay.stop().await.unwrap();
    let lead = Person::with_vault(scratch.path(), "lead").unwrap();
    let said = found(&lead, &address);
    assert_eq!((said.exit, &said.json()["registered"]), (Some(3), &false.into()), "{said:?}");
    let said = lead.run(&["invite", "--json"]).unwrap();
    let failure = "relay-unreachable-nothing-kept";
    assert_eq!((said.exit, said.failure().as_str()), (Some(1), failure), "{said:?}");
    assert!(said.out.is_empty());
    relay.start().await.unwrap();
    let said = lead.run(&["invite", "--json"]).unwrap();
    assert_eq!(said.exit, Some(0), "{said:?}");
    let said = found(&lead, &address);
    assert_eq!((said.exit, said.failure().as_str()), (Some(8), "circle-exists"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_with_another_key_is_refused_and_nothing_is_kept() {
    let scratch = tempfile::tempdir().unwrap();
    let mut relay = relay(&scratch).await;
    relay.start().await.unwrap();
    let address = relay.address().unwrap().to_string();
    let (place, _) = address.split_once('#').unwrap();
    let lead = Person::with_vault(scratch.path(), "lead").unwrap();
    let said = found(&lead, &format!("{place}#{}", "A".repeat(43)));
    assert_eq!((said.exit, said.failure().as_str()), (Some(9), "relay-pin"), "{said:?}");
    let said = found(&lead, &address);
    assert_eq!(said.exit, Some(0), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_wants_a_token_gets_it_from_the_lead_and_those_who_join() {
    let scratch = tempfile::tempdir().unwrap();
    let mut relay = relay(&scratch).await;
    let token = scratch.path().join("token");
    fs::write(&token, "for the circle only\n").unwrap();
    let config = scratch.path().join("relay/relay.toml");
    let written = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{written}access_token_file = {token:?}\n")).unwrap();
    relay.start().await.unwrap();
    let address = relay.address().unwrap().to_string();
    let lead = Person::with_vault(scratch.path(), "lead").unwrap();
    let said = found(&lead, &address);
    assert_eq!((said.exit, said.failure().as_str()), (Some(9), "relay-access-token"), "{said:?}");
    let with = |file: &str| {
        let file = scratch.path().join(file).display().to_string();
        let new = ["circle", "new", "--json", "--name=Casa", "--me=Coco", "--relay", &address];
        lead.run(&[&new[..], &["--access-token-file", &file]].concat()).unwrap()
    };
    fs::write(scratch.path().join("wrong"), "another\n").unwrap();
    let said = with("missing");
    assert_eq!((said.exit, said.failure().as_str()), (Some(6), "access-token-file"), "{said:?}");
    let said = with("wrong");
    assert_eq!((said.exit, said.failure().as_str()), (Some(9), "relay-access-token"), "{said:?}");
    let said = with("token");
    assert_eq!(said.exit, Some(0), "{said:?}");
    let scene = Scene { scratch, relay, lead };
    let ana = scene.person("ana");
    scene.join(&ana, "Ana", "defender");
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_goes_on_after_kill_nine_at_every_step() {
    let mut scene = Scene::new().await;
    let ana = scene.person("ana");
    let link = scene.invite("defender");
    let join: &[&str] = &["join", &link, "--me=Ana", "--json"];
    let mut joining = ana.start(join).unwrap();
    joining.until("has been sent").unwrap();
    joining.kill_nine().unwrap();
    // The same link again is no second answer.
    let mut joining = ana.start(join).unwrap();
    joining.until("Waiting for the coordinator").unwrap();
    joining.kill_nine().unwrap();
    let mut joining = ana.start(&["join", "--json"]).unwrap();
    joining.until("Waiting for the coordinator").unwrap();
    joining.interrupt().unwrap();
    let said = joining.end().unwrap();
    assert_eq!((said.exit, &said.json()["state"]), (Some(7), &"waiting".into()), "{said:?}");
    let said = ana.run(&["join", "velar-join://nothing", "--json"]).unwrap();
    assert_eq!((said.exit, said.failure().as_str()), (Some(2), "link-bad"), "{said:?}");
    let said = scene.lead.run(&["approve", "--json"]).unwrap();
    assert_eq!(said.exit, Some(7), "{said:?}");
    let four = words(&said.json()["pending"][0]);
    // The relay goes through a crash of its own.
    scene.relay.kill_nine().await.unwrap();
    scene.relay.start().await.unwrap();
    let said = ana.run(&["join", "--json"]).unwrap();
    assert_eq!((said.exit, words(&said.json())), (Some(7), four.clone()), "{said:?}");
    let mut joining = ana.start(&["join", "--words", &four]).unwrap();
    joining.until("The words match").unwrap();
    joining.kill_nine().unwrap();
    let said = scene.lead.run(&["approve", "--words", &four]).unwrap();
    assert_eq!(said.exit, Some(0), "{said:?}");
    let said = ana.run(&["join", "--json"]).unwrap();
    assert_eq!((said.exit, &said.json()["state"]), (Some(0), &"in".into()), "{said:?}");
    let said = ana.run(&["join", &link, "--json"]).unwrap();
    assert_eq!((said.exit, &said.json()["state"]), (Some(0), &"in".into()), "{said:?}");
}
