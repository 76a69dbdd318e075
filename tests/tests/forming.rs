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
use velar_tests::person::{Person, Ran, program};
use velar_tests::process::RelayProcess;

/// A relay, and a lead with a circle on it.
struct Scene {
    scratch: TempDir,
    relay: RelayProcess,
    lead: Person,
}

async fn relay(scratch: &TempDir) -> RelayProcess {
    let program = program("velar-relay").unwrap();
    RelayProcess::init(&program, &scratch.path().join("relay")).await.unwrap()
}

async fn found(lead: &Person, address: &str) -> Ran {
    let new = ["circle", "new", "--json", "--name=Casa Norte", "--me=Coco"];
    lead.run(&[&new[..], &["--relay", address]].concat()).await.unwrap()
}

impl Scene {
    async fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let mut relay = relay(&scratch).await;
        relay.start().await.unwrap();
        let lead = Person::new(scratch.path(), "lead").await.unwrap();
        let said = found(&lead, &relay.address().unwrap().to_string()).await;
        assert_eq!(said.code, 0, "{said:?}");
        Self { scratch, relay, lead }
    }

    async fn person(&self, name: &str) -> Person {
        Person::new(self.scratch.path(), name).await.unwrap()
    }

    async fn invite(&self, role: &str) -> String {
        let said = self.lead.run(&["invite", "--json", "--role", role]).await.unwrap();
        assert_eq!(said.code, 0, "{said:?}");
        said.json()["link"].as_str().unwrap().to_owned()
    }

    /// Joins as far as both screens show the words.
    async fn meet(&self, person: &Person, name: &str, role: &str) -> String {
        let link = self.invite(role).await;
        let mut joining = person.listen(&["join", &link, "--me", name, "--json"]).unwrap();
        joining.line_with("has been sent").await.unwrap();
        let shown = self.lead.run(&["approve", "--json"]).await.unwrap();
        assert_eq!(shown.code, 7, "{shown:?}");
        let shown = words(&shown.json()["pending"][0]);
        let said = joining.ran().await.unwrap();
        assert_eq!((said.code, said.json()["state"].as_str()), (7, Some("compare")));
        assert_eq!(words(&said.json()), shown);
        shown
    }

    /// Joins until the end.
    async fn join(&self, person: &Person, name: &str, role: &str) {
        let words = self.meet(person, name, role).await;
        let said = self.lead.run(&["approve", "--words", &words]).await.unwrap();
        assert_eq!(said.code, 0, "{said:?}");
        let said = person.run(&["join", "--words", &words, "--json"]).await.unwrap();
        assert_eq!((said.code, &said.json()["state"]), (0, &"in".into()), "{said:?}");
    }
}

fn words(value: &Value) -> String {
    let words: Vec<_> = value["words"].as_array().unwrap().iter().flat_map(Value::as_str).collect();
    assert_eq!(words.len(), 4);
    words.join(" ")
}

async fn members(person: &Person) -> Vec<Value> {
    let said = person.run(&["members", "--json"]).await.unwrap();
    assert_eq!(said.code, 0, "{said:?}");
    said.json()["members"].as_array().unwrap().clone()
}

async fn numbers(person: &Person) -> BTreeSet<String> {
    let said = person.run(&["verify", "--json"]).await.unwrap().json();
    let numbers = said["numbers"].as_array().unwrap();
    numbers.iter().map(|one| one["number"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_people_form_a_circle_and_each_can_reach_each() {
    let scene = Scene::new().await;
    let (ana, luz) = (scene.person("ana").await, scene.person("luz").await);
    scene.join(&ana, "Ana", "defender").await;
    scene.join(&luz, "Luz", "accompanier").await;
    // Each reads what the others left for them; there is nothing more to say after that.
    for person in [&scene.lead, &ana, &luz, &ana] {
        let said = person.run(&["join"]).await.unwrap();
        assert_eq!(said.code, 0, "{said:?}");
    }
    for person in [&scene.lead, &ana, &luz] {
        let members = members(person).await;
        let names: Vec<_> = members.iter().map(|m| m["name"].as_str().unwrap()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 3, "{names:?}");
        for other in members.iter().filter(|member| member["me"] == false) {
            assert!(other["heard_s"].is_u64() && other["reachable"] == true, "{other}");
        }
    }
    let (of_lead, of_ana, of_luz) =
        (numbers(&scene.lead).await, numbers(&ana).await, numbers(&luz).await);
    for (one, other) in [(&of_lead, &of_ana), (&of_ana, &of_luz), (&of_luz, &of_lead)] {
        assert_eq!(one.intersection(other).count(), 1);
    }
    let marked = ana.run(&["verify", "Luz", "--mark", "--json"]).await.unwrap();
    assert_eq!(marked.json()["numbers"][0]["verified"], true);
    let verified: Vec<_> =
        members(&ana).await.into_iter().filter(|member| member["verified"] == true).collect();
    assert_eq!((verified.len(), &verified[0]["name"]), (1, &"Luz".into()));
    let stranger = ana.run(&["verify", "Nadie", "--json"]).await.unwrap();
    assert_eq!((stranger.code, stranger.failure().as_str()), (6, "member-unknown"));
    // Inviting is the lead's.
    let said = ana.run(&["invite", "--json"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (8, "not-lead"));
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
    let ana = scene.person("ana").await;
    let link = scene.invite("defender").await;
    let mut thief = Thief::with(&link, &scene.scratch).await;
    let mut joining = ana.listen(&["join", &link, "--me=Ana", "--json"]).unwrap();
    joining.line_with("has been sent").await.unwrap();
    thief.answers("Ana").await;
    let said = scene.lead.run(&["approve", "--json"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (11, "invitation-twice"), "{said:?}");
    let said = joining.ran().await.unwrap();
    assert_eq!((said.code, &said.json()["state"]), (11, &"void".into()), "{said:?}");
    assert_eq!(members(&scene.lead).await.len(), 1);
    let said = scene.lead.run(&["approve", "--json"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (6, "approve-none"));
    // Another invitation lets her in.
    scene.join(&ana, "Ana", "defender").await;
    assert_eq!(members(&scene.lead).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_was_taken_is_not_there_for_a_second_person() {
    let scene = Scene::new().await;
    let (ana, luz) = (scene.person("ana").await, scene.person("luz").await);
    let link = scene.invite("defender").await;
    let mut joining = ana.listen(&["join", &link, "--me=Ana"]).unwrap();
    joining.line_with("has been sent").await.unwrap();
    let said = luz.run(&["join", &link, "--me=Luz", "--json"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (6, "invitation-gone"), "{said:?}");
    let mut unknown = link.clone();
    let end = if unknown.pop() == Some('A') { 'E' } else { 'A' };
    unknown.push(end);
    let said = luz.run(&["join", &unknown, "--me=Luz", "--json"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (6, "invitation-gone"), "{said:?}");
    let said = luz.run(&["join", "velar-join://nothing", "--me=Luz", "--json"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (2, "link-bad"), "{said:?}");
    let said = luz.run(&["join", "--json"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (6, "link-missing"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_differ_are_refused_on_either_side() {
    let scene = Scene::new().await;
    let ana = scene.person("ana").await;
    let four = scene.meet(&ana, "Ana", "defender").await;
    let wrong = "zebra zebra zebra zebra";
    let said = scene.lead.run(&["approve", "--json", "--words", wrong]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (11, "words-differ"), "{said:?}");
    let said = ana.run(&["join", "--json", "--words", wrong]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (11, "words-differ"), "{said:?}");
    let said = ana.run(&["join", "--json", "--words", "only three words"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (2, "words-count"), "{said:?}");
    // The coordinator let her in, but she has not compared: she is not in.
    let said = scene.lead.run(&["approve", "--words", &four]).await.unwrap();
    assert_eq!(said.code, 0, "{said:?}");
    let said = ana.run(&["join", "--json"]).await.unwrap();
    assert_eq!((said.code, words(&said.json())), (7, four.clone()), "{said:?}");
    let loud = four.to_uppercase().replace(' ', ", ");
    let said = ana.run(&["join", "--json", "--words", &loud]).await.unwrap();
    assert_eq!((said.code, &said.json()["state"]), (0, &"in".into()), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_turned_down_is_told() {
    let scene = Scene::new().await;
    let ana = scene.person("ana").await;
    scene.meet(&ana, "Ana", "defender").await;
    let said = ana.run(&["checkin", "--json"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (8, "join-pending"), "{said:?}");
    let said = scene.lead.run(&["approve", "--reject", "--json"]).await.unwrap();
    assert_eq!((said.code, &said.json()["rejected"]["name"]), (0, &"Ana".into()));
    let said = scene.lead.run(&["approve", "--json"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (6, "approve-none"), "{said:?}");
    let said = ana.run(&["join", "--json"]).await.unwrap();
    assert_eq!((said.code, &said.json()["state"]), (11, &"void".into()), "{said:?}");
    let said = ana.run(&["members", "--json"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (6, "no-circle"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_told_apart_and_roles_are_the_leads_to_give() {
    let scene = Scene::new().await;
    let other = scene.person("other").await;
    let four = scene.meet(&other, "coco", "defender").await;
    let said = scene.lead.run(&["approve", "--json", "--words", &four]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (8, "name-taken"), "{said:?}");
    let approve = ["approve", "--json", "--words", &four, "--name=Coco M", "--role=accompanier"];
    let said = scene.lead.run(&approve).await.unwrap();
    assert_eq!(said.code, 0, "{said:?}");
    let known = members(&scene.lead).await;
    assert_eq!(
        (&known[1]["name"], &known[1]["roles"][0]),
        (&"Coco M".into(), &"accompanier".into())
    );
    let said = other.run(&["join", "--json", "--words", &four]).await.unwrap();
    assert_eq!((said.code, &said.json()["roles"][0]), (0, &"accompanier".into()), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_opens_with_its_passphrase_alone_and_is_never_overwritten() {
    let scratch = tempfile::tempdir().unwrap();
    let ana = Person::without_vault(scratch.path(), "ana").unwrap();
    let said = ana.run(&["members", "--json"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (6, "vault-missing"));
    assert_eq!(ana.run(&["init"]).await.unwrap().code, 0);
    let slots = fs::read(ana.vault().join("vault/slots")).unwrap();
    let said = ana.run(&["init", "--json"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (8, "vault-exists"));
    assert_eq!(fs::read(ana.vault().join("vault/slots")).unwrap(), slots);
    let passphrase = ana.file("passphrase");
    fs::write(&passphrase, "another passphrase").unwrap();
    let said = ana.run(&["members", "--json"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (5, "wrong-passphrase"));
    let short = Person::without_vault(scratch.path(), "short").unwrap();
    fs::write(short.file("passphrase"), "short").unwrap();
    let said = short.run(&["init", "--json"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (5, "passphrase-short"));
    assert!(!short.vault().join("vault").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_relay_a_circle_is_kept_and_nothing_is_handed_out() {
    let scratch = tempfile::tempdir().unwrap();
    let mut relay = relay(&scratch).await;
    relay.start().await.unwrap();
    let address = relay.address().unwrap().to_string();
    relay.stop().await.unwrap();
    let lead = Person::new(scratch.path(), "lead").await.unwrap();
    let said = found(&lead, &address).await;
    assert_eq!((said.code, &said.json()["registered"]), (3, &false.into()), "{said:?}");
    let said = lead.run(&["invite", "--json"]).await.unwrap();
    let failure = "relay-unreachable-nothing-kept";
    assert_eq!((said.code, said.failure().as_str()), (1, failure), "{said:?}");
    assert!(said.out.is_empty());
    relay.start().await.unwrap();
    let said = lead.run(&["invite", "--json"]).await.unwrap();
    assert_eq!(said.code, 0, "{said:?}");
    let said = found(&lead, &address).await;
    assert_eq!((said.code, said.failure().as_str()), (8, "circle-exists"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_with_another_key_is_refused_and_nothing_is_kept() {
    let scratch = tempfile::tempdir().unwrap();
    let mut relay = relay(&scratch).await;
    relay.start().await.unwrap();
    let address = relay.address().unwrap().to_string();
    let (place, _) = address.split_once('#').unwrap();
    let lead = Person::new(scratch.path(), "lead").await.unwrap();
    let said = found(&lead, &format!("{place}#{}", "A".repeat(43))).await;
    assert_eq!((said.code, said.failure().as_str()), (9, "relay-pin"), "{said:?}");
    let said = found(&lead, &address).await;
    assert_eq!(said.code, 0, "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn joining_goes_on_after_kill_nine_at_every_step() {
    let mut scene = Scene::new().await;
    let ana = scene.person("ana").await;
    let link = scene.invite("defender").await;
    let join: &[&str] = &["join", &link, "--me=Ana", "--json"];
    let mut joining = ana.listen(join).unwrap();
    joining.line_with("has been sent").await.unwrap();
    joining.kill_nine().await.unwrap();
    // The same link again is no second answer.
    let mut joining = ana.listen(join).unwrap();
    joining.line_with("Waiting for the coordinator").await.unwrap();
    joining.kill_nine().await.unwrap();
    let mut joining = ana.listen(&["join", "--json"]).unwrap();
    joining.line_with("Waiting for the coordinator").await.unwrap();
    joining.interrupt().unwrap();
    let said = joining.ran().await.unwrap();
    assert_eq!((said.code, &said.json()["state"]), (7, &"waiting".into()), "{said:?}");
    let said = ana.run(&["join", "velar-join://nothing", "--json"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (2, "link-bad"), "{said:?}");
    let said = scene.lead.run(&["approve", "--json"]).await.unwrap();
    assert_eq!(said.code, 7, "{said:?}");
    let four = words(&said.json()["pending"][0]);
    // The relay goes through a crash of its own.
    scene.relay.kill_nine().await.unwrap();
    scene.relay.start().await.unwrap();
    let said = ana.run(&["join", "--json"]).await.unwrap();
    assert_eq!((said.code, words(&said.json())), (7, four.clone()), "{said:?}");
    let mut joining = ana.listen(&["join", "--words", &four]).unwrap();
    joining.line_with("The words match").await.unwrap();
    joining.kill_nine().await.unwrap();
    let said = scene.lead.run(&["approve", "--words", &four]).await.unwrap();
    assert_eq!(said.code, 0, "{said:?}");
    let said = ana.run(&["join", "--json"]).await.unwrap();
    assert_eq!((said.code, &said.json()["state"]), (0, &"in".into()), "{said:?}");
    let said = ana.run(&["join", &link, "--json"]).await.unwrap();
    assert_eq!((said.code, &said.json()["state"]), (0, &"in".into()), "{said:?}");
}
