//! A relay that asks for access tokens: coordinators with tokens of their own, guests with what an invitation carries.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::time::Duration;

use rand_core::{Rng, UnwrapErr};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;
use velar::device::Device;
use velar::link::{Happened, Link, now_s};
use velar::net::{Connector, NetError, Purpose};
use velar::passphrase::Passphrase;
use velar::vault::{KdfCost, Vault};
use velar_protocol::circle::Invitation;
use velar_protocol::wire::{AccessKey, Envelope, Event, Refusal};
use velar_tests::person::{Person, Ran, program};
use velar_tests::process::RelayProcess;

/// A relay whose operator has made an access token, and a lead with a circle on it.
struct Scene {
    scratch: TempDir,
    relay: RelayProcess,
    lead: Person,
}

/// A relay that runs, and somebody who is in no circle.
async fn beginning() -> Scene {
    let scratch = tempfile::tempdir().unwrap();
    let program = program("velar-relay").unwrap();
    let mut relay = RelayProcess::init(&program, &scratch.path().join("relay")).await.unwrap();
    relay.start().await.unwrap();
    let lead = Person::with_cheap_vault(scratch.path(), "lead").unwrap();
    Scene { scratch, relay, lead }
}

impl Scene {
    async fn new() -> Self {
        let scene = beginning().await;
        let file = scene.token("casa-norte").await;
        let said = scene.found(&["--access-token-file", &file]).await;
        assert_eq!(said.code, 0, "{said:?}");
        scene
    }

    /// The operator makes an access token; the file in which it is handed over.
    async fn token(&self, name: &str) -> String {
        let text = self.relay.command(&["access", "new", name]).await.unwrap();
        self.file(name, &text)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.scratch.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    async fn found(&self, with: &[&str]) -> Ran {
        let address = self.relay.address().unwrap().to_string();
        let new = ["circle", "new", "--json", "--name=Casa", "--me=Coco", "--relay", &address];
        self.lead.run(&[&new[..], with].concat()).await.unwrap()
    }

    fn person(&self, name: &str) -> Person {
        Person::with_cheap_vault(self.scratch.path(), name).unwrap()
    }

    async fn invite(&self) -> String {
        let said = self.lead.run(&["invite", "--json"]).await.unwrap();
        assert_eq!(said.code, 0, "{said:?}");
        said.json()["link"].as_str().unwrap().to_owned()
    }

    /// Comes in by this link.
    async fn join(&self, person: &Person, link: &str) {
        let mut joining = person.listen(&["join", link, "--me", &person.name, "--json"]).unwrap();
        joining.line_with("has been sent").await.unwrap();
        let shown = self.lead.run(&["approve", "--json"]).await.unwrap();
        assert_eq!(shown.code, 7, "{shown:?}");
        let said = joining.ran().await.unwrap();
        assert_eq!(said.code, 7, "{said:?}");
        let words: Vec<String> = serde_json::from_value(said.json()["words"].clone()).unwrap();
        let words = words.join(" ");
        self.lead.must(&["approve", "--words", &words]).await.unwrap();
        let said = person.must(&["join", "--words", &words, "--json"]).await.unwrap();
        assert_eq!(said.json()["state"], "in");
        self.lead.must(&["status"]).await.unwrap();
    }

    async fn restart(&mut self) {
        self.relay.kill_nine().await.unwrap();
        self.relay.start().await.unwrap();
    }

    /// Everything that the relay stored is gone; its keys and its access tokens are not.
    async fn lose_the_store(&mut self) {
        self.relay.stop().await.unwrap();
        fs::remove_dir_all(self.relay.data().join("store")).unwrap();
        self.relay.start().await.unwrap();
    }

    /// One says something, the other hears it.
    async fn talk(&self, from: &Person, to: &Person, text: &str) {
        // What lay at the relay may have been lost with it: each is reached again once both have been there.
        for person in [to, from] {
            person.must(&["status"]).await.unwrap();
        }
        // Nobody watches: it is left at the relay.
        let said = from.run(&["say", text]).await.unwrap();
        assert_eq!(said.code, 4, "{said:?}");
        let heard = to.must(&["inbox", "--all"]).await.unwrap();
        assert!(heard.out.contains(text), "{heard:?}");
    }
}

/// Relays at which this person's mailbox could not be opened again, as `velar status` says.
async fn unopenable(person: &Person) -> Value {
    let (code, said) = person.json(&["status"]).await.unwrap();
    assert_eq!((code, &said["connected"]), (0, &true.into()), "{said}");
    said["unopenable"].clone()
}

/// Whoever saw the link, and took what lies behind it without a trace.
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
        let fill = &mut |buffer: &mut [u8]| random.fill_bytes(buffer);
        let folder = scratch.path().join("thief");
        let mut vault = Vault::create(&folder, &passphrase, cost, fill).unwrap();
        Device::initialise(&mut vault).unwrap();
        Self { device: Device::of(vault).unwrap(), invitation, offers }
    }

    /// Answers the invitation; what the relay says to a mailbox for that.
    async fn answers(&mut self) -> Result<(), NetError> {
        self.device.join(&self.invitation, &self.offers, "Thief", now_s()).unwrap();
        let mut link = Link::new(false).unwrap();
        let opened = loop {
            let soon = Instant::now() + Duration::from_secs(1);
            let happened = link.step(&mut self.device, soon).await.unwrap();
            let refused = happened.into_iter().find_map(|one| match one {
                Happened::Disconnected(_, error) => Some(error),
                _ => None,
            });
            if let Some(error) = refused {
                break Err(error);
            }
            if self.device.unfinished().unwrap().1 == 0 {
                break Ok(());
            }
        };
        link.finish().await;
        opened
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_circle_forms_by_a_token_and_by_what_its_invitations_carry() {
    let scene = beginning().await;
    let good = scene.token("casa-norte").await;
    let said = scene.found(&[]).await;
    assert_eq!((said.code, said.failure().as_str()), (9, "relay-access-token"), "{said:?}");
    let said = scene.found(&["--access-token-file", "/nowhere/token"]).await;
    assert_eq!((said.code, said.failure().as_str()), (6, "access-token-file"), "{said:?}");
    let text = fs::read_to_string(&good).unwrap();
    for cut in ["aurora", "", text.trim_end().split_at(40).0] {
        let file = scene.file("cut", cut);
        let said = scene.found(&["--access-token-file", &file]).await;
        assert_eq!((said.code, said.failure().as_str()), (2, "access-token-form"), "{said:?}");
    }
    let unknown = scene.file("unknown", AccessKey::new([9; 32]).to_text().expose());
    let revoked = scene.token("revoked").await;
    scene.relay.command(&["access", "revoke", "revoked"]).await.unwrap();
    for file in [unknown, revoked] {
        let said = scene.found(&["--access-token-file", &file]).await;
        assert_eq!((said.code, said.failure().as_str()), (9, "relay-access-token"), "{said:?}");
    }
    let said = scene.found(&["--access-token-file", &good]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let ana = scene.person("ana");
    let link = scene.invite().await;
    assert!(!link.contains("velar-once") && !link.contains("velar-access"), "{link}");
    scene.join(&ana, &link).await;
    scene.talk(&ana, &scene.lead, "hola").await;
    for person in [&scene.lead, &ana] {
        assert_eq!(unopenable(person).await, Value::Array(vec![]));
    }
    let listed = scene.relay.command(&["access", "list"]).await.unwrap();
    // The lead's, the invitation's, Ana's.
    assert!(listed.contains("casa-norte") && listed.contains("3 of 256"), "{listed}");
    // An invitation that is over gives its place to the next.
    scene.invite().await;
    let listed = scene.relay.command(&["access", "list"]).await.unwrap();
    assert!(listed.contains("3 of 256"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_person_with_the_same_link_gets_no_mailbox() {
    let mut scene = Scene::new().await;
    let ana = scene.person("ana");
    let link = scene.invite().await;
    let mut thief = Thief::with(&link, &scene.scratch).await;
    scene.join(&ana, &link).await;
    scene.restart().await;
    let refused = thief.answers().await;
    let spent = NetError::Refused(Refusal::AccessSpent);
    assert_eq!(format!("{refused:?}"), format!("{:?}", Err::<(), _>(spent)));
    scene.talk(&ana, &scene.lead, "hola").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_second_hears_that_somebody_was_there_and_comes_in_by_another_invitation() {
    let scene = Scene::new().await;
    let ana = scene.person("ana");
    let link = scene.invite().await;
    let mut thief = Thief::with(&link, &scene.scratch).await;
    thief.answers().await.unwrap();
    let said = ana.run(&["join", &link, "--me=Ana", "--json"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (9, "relay-access-spent"), "{said:?}");
    let [spanish, english] = ana.in_both(&["join"]).await.unwrap();
    assert!(spanish.1.contains("alguien más pudo verla"), "{spanish:?}");
    assert!(english.1.contains("somebody else may have seen it"), "{english:?}");
    // She has answered nothing, for she could not be answered. The lead lets nobody in by this invitation.
    let said = scene.lead.run(&["approve", "--reject", "--json"]).await.unwrap();
    assert_eq!((said.code, &said.json()["rejected"]["name"]), (0, &"Thief".into()), "{said:?}");
    let link = scene.invite().await;
    scene.join(&ana, &link).await;
    scene.talk(&ana, &scene.lead, "hola").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_relay_that_lost_its_store_the_next_connection_of_each_opens_their_mailbox_again() {
    let mut scene = Scene::new().await;
    let ana = scene.person("ana");
    let link = scene.invite().await;
    scene.join(&ana, &link).await;
    scene.talk(&ana, &scene.lead, "antes").await;
    scene.lose_the_store().await;
    scene.talk(&ana, &scene.lead, "después").await;
    // For ever: not only while the invitation is young.
    scene.lose_the_store().await;
    scene.talk(&scene.lead, &ana, "otra vez").await;
    let listed = scene.relay.command(&["access", "list"]).await.unwrap();
    assert!(listed.contains("2 of 256"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_lets_nobody_new_in_and_another_one_mends_it() {
    let mut scene = Scene::new().await;
    let ana = scene.person("ana");
    let link = scene.invite().await;
    scene.join(&ana, &link).await;
    scene.relay.command(&["access", "revoke", "casa-norte"]).await.unwrap();
    // What is open stays open, and each hears that it would not come back.
    scene.talk(&ana, &scene.lead, "hola").await;
    let place = scene.relay.address().unwrap().place();
    for person in [&scene.lead, &ana] {
        assert_eq!(unopenable(person).await, serde_json::json!([place]));
        let [spanish, english] = person.in_both(&["status"]).await.unwrap();
        assert!(spanish.1.contains("NO podría volver a abrirse"), "{spanish:?}");
        assert!(english.1.contains("could NOT be opened again"), "{english:?}");
    }
    let said = scene.lead.run(&["invite", "--json"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (8, "invite-access-token"), "{said:?}");
    assert!(said.out.is_empty());
    let file = scene.scratch.path().join("casa-norte").display().to_string();
    let give = async |file: &str| {
        let token = ["relays", "token", &place, "--access-token-file", file, "--json"];
        scene.lead.run(&token).await.unwrap()
    };
    let said = give(&file).await;
    assert_eq!((said.code, said.failure().as_str()), (9, "access-token-wrong"), "{said:?}");
    let said = give(&scene.token("casa-norte-2").await).await;
    assert_eq!((said.code, &said.json()["tried"]), (0, &true.into()), "{said:?}");
    assert_eq!(unopenable(&scene.lead).await, Value::Array(vec![]));
    let luz = scene.person("luz");
    let link = scene.invite().await;
    scene.join(&luz, &link).await;
    scene.lose_the_store().await;
    scene.talk(&luz, &scene.lead, "hola").await;
    let said = ana.run(&["status", "--json"]).await.unwrap();
    assert_eq!(said.json()["connected"], false, "as she was told: {said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_begins_to_ask_says_so_to_a_lead_without_a_token_before_anything_is_handed_out()
 {
    let mut scene = beginning().await;
    assert_eq!(scene.found(&[]).await.code, 0);
    let ana = scene.person("ana");
    let link = scene.invite().await;
    scene.join(&ana, &link).await;
    let file = scene.token("casa-norte").await;
    let said = scene.lead.run(&["invite", "--json"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (8, "invite-access-token"), "{said:?}");
    assert!(said.out.is_empty());
    let [spanish, english] = scene.lead.in_both(&["invite"]).await.unwrap();
    for said in [spanish, english] {
        assert!(said.1.contains("velar relays token 127.0.0.1:"), "{said:?}");
    }
    let place = scene.relay.address().unwrap().place();
    scene.lead.must(&["relays", "token", &place, "--access-token-file", &file]).await.unwrap();
    let luz = scene.person("luz");
    let link = scene.invite().await;
    scene.join(&luz, &link).await;
    // Ana's mailbox is by no token: she is told that nothing would open it again.
    assert_eq!(unopenable(&ana).await, serde_json::json!([place]));
    for person in [&scene.lead, &luz] {
        assert_eq!(unopenable(person).await, Value::Array(vec![]));
    }
    scene.lose_the_store().await;
    scene.talk(&luz, &scene.lead, "hola").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_is_reached_over_a_second_relay_by_what_somebody_with_a_token_there_makes() {
    let scene = Scene::new().await;
    let ana = scene.person("ana");
    let link = scene.invite().await;
    scene.join(&ana, &link).await;
    let other = Scene { lead: scene.person("nobody"), ..beginning().await };
    let address = other.relay.address().unwrap().to_string();
    let place = other.relay.address().unwrap().place();
    let file = other.token("casa-norte").await;
    let said = ana.run(&["relays", "once", &place, "--json"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (6, "relay-unknown"), "{said:?}");
    let said = ana.run(&["relays", "add", &address, "--json"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (9, "relay-access-token"), "{said:?}");
    let add = ["relays", "add", &address, "--access-token-file"];
    scene.lead.must(&[&add[..], &[&file]].concat()).await.unwrap();
    // Where she has none of her own she can make none.
    let first = scene.relay.address().unwrap().place();
    let said = ana.run(&["relays", "once", &first, "--json"]).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (8, "once-access-token"), "{said:?}");
    let once = async |name: &str| {
        let said = scene.lead.run(&["relays", "once", &place, "--json"]).await.unwrap();
        assert_eq!(said.code, 0, "{said:?}");
        other.file(name, said.json()["once"].as_str().unwrap())
    };
    // Somebody else is first. She hears why, and comes in by another.
    let seen = once("seen").await;
    let luz = scene.person("luz");
    let link = scene.invite().await;
    scene.join(&luz, &link).await;
    luz.must(&[&add[..], &[&seen]].concat()).await.unwrap();
    let said = ana.run(&[&add[..], &[&seen]].concat()).await.unwrap();
    assert_eq!(said.code, 3, "{said:?}");
    let token = ["relays", "token", &place, "--access-token-file"];
    let said = scene.lead.run(&[&token[..], &[&seen, "--json"]].concat()).await.unwrap();
    assert_eq!((said.code, said.failure().as_str()), (8, "once-needless"), "{said:?}");
    let [spanish, english] = scene.lead.in_both(&["relays", "once", &place]).await.unwrap();
    for (code, said) in [spanish, english] {
        assert!(code == 0 && said.starts_with("velar-once-") && said.contains(&address), "{said}");
    }
    let said = ana.run(&[&token[..], &[&once("hers").await, "--json"]].concat()).await.unwrap();
    assert_eq!((said.code, &said.json()["tried"]), (0, &true.into()), "{said:?}");
    assert_eq!(unopenable(&ana).await, Value::Array(vec![]));
    let listed = other.relay.command(&["access", "list"]).await.unwrap();
    assert!(listed.contains("3 of 256"), "{listed}");
}
