//! A whole joining, byte by byte: `vectors/joining.json`. Luz coordinates, Eva is a member, Ana comes in.
//!
//! `VELAR_WRITE_VECTORS=1 cargo test -p velar-protocol --features e2e --test joining` writes it anew: only when the
//! protocol changes on purpose.
#![cfg(feature = "e2e")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic is a failed test"
)]

mod given;

use serde_json::{Value, json};
use velar_protocol::circle::invitation::words;
use velar_protocol::circle::words::safety_number;
use velar_protocol::circle::{
    Address, Agreement, Body, Card, Extensions, Invitation, Join, Message, Offer, PersonId, Role,
    Roles, Roster, RosterMember, Spare, WordList,
};
use velar_protocol::encoding;
use velar_protocol::hash::labelled;
use velar_protocol::seal::*;
use velar_protocol::wire::{AccessToken, Envelope, Pin, RelayAddress, SendToken};

use given::{Given, bytes, check, counting, hex, load, unhex};

const DAY: Day = Day(20_780);
/// Noon of that day.
const NOW_S: u64 = 20_780 * 86_400 + 43_200;

fn luz() -> IdentitySecret {
    IdentitySecret::from_seed(&counting(0))
}

fn eva() -> IdentitySecret {
    IdentitySecret::from_seed(&counting(0x40))
}

fn ana() -> IdentitySecret {
    IdentitySecret::from_seed(&[0x7e; 64])
}

fn prekey(first: u8) -> PrekeySecret {
    PrekeySecret::from_seed(&counting(first))
}

fn invitation() -> Invitation {
    let relay = RelayAddress::new("relay.example.org", 443, Pin(counting(0xc0)), None).unwrap();
    Invitation::new(relay, counting(0xd0))
}

fn address(token: u8) -> Address {
    Address { relay: invitation().relay().clone(), token: SendToken::new([token; 32]) }
}

fn member(identity: &IdentitySecret, person: u8, roles: &[Role]) -> RosterMember {
    let person = PersonId([person; 16]);
    RosterMember { person, roles: Roles::of(roles), identity: identity.public() }
}

/// The states before and after Ana came in.
fn rosters() -> [Roster; 2] {
    let roles = Roles::of(&[Role::Accompanier, Role::Coordinator]);
    let founded =
        Roster::found(&luz(), PersonId([1; 16]), roles, Agreement::default(), counting(0x20));
    let eva = member(&eva(), 2, &[Role::Accompanier]);
    let before = founded.unwrap().with_member(&luz(), eva).unwrap();
    let after = before.with_member(&luz(), member(&ana(), 3, &[Role::Defender])).unwrap();
    [before, after]
}

fn circle() -> CircleId {
    rosters()[0].circle()
}

fn last_resort(owner: &IdentitySecret, first: u8) -> Prekey {
    prekey(first).issue(owner, &circle(), DAY, PrekeyKind::LastResort)
}

fn one_time(owner: &IdentitySecret, first: u8) -> Prekey {
    prekey(first).issue(owner, &circle(), DAY, PrekeyKind::OneTime)
}

fn card(owner: &IdentitySecret, token: u8, first: u8) -> velar_protocol::circle::SignedCard {
    let card = Card {
        circle: circle(),
        member: owner.public().member(),
        counter: 1,
        addresses: vec![address(token)],
        last_resort: last_resort(owner, first),
        extensions: Extensions::NONE,
    };
    card.sign(owner).unwrap()
}

fn message(body: Body) -> Vec<u8> {
    Message { sent_at_s: NOW_S, kit: 0, marks: Vec::new(), body }.encode().unwrap()
}

/// One message on its way: who seals it, to whose prekeys, under which circle.
struct Step<'a> {
    name: &'static str,
    from: &'a IdentitySecret,
    to: &'a IdentitySecret,
    circle: CircleId,
    /// Seed bytes and kinds of the prekeys that its parts are sealed to.
    under: Vec<(PrekeySecret, PrekeyKind)>,
    /// The roster that its sender holds.
    roster: Option<&'a Roster>,
    sequence: u64,
    message: Vec<u8>,
    brings: Vec<Prekey>,
}

impl Step<'_> {
    fn made(self) -> Value {
        let pieces = split(&self.message, self.brings).unwrap();
        assert_eq!(pieces.len(), self.under.len(), "{}", self.name);
        let count = pieces.len() as u8;
        let id = self.name.as_bytes()[0];
        let seal_one =
            |(index, (piece, (secret, kind))): (usize, (Piece, (PrekeySecret, PrekeyKind)))| {
                let part = Part {
                    sender: self.from.public().member(),
                    roster_number: self.roster.map_or(0, Roster::number),
                    roster_hash: self.roster.map_or([0; 32], Roster::hash),
                    // An offer says nothing of a passphrase.
                    voice: if self.name == "offer" { Voice::NONE } else { Voice([id; 16]) },
                    message: MessageId([id; 16]),
                    sequence: self.sequence,
                    index: index as u8,
                    count,
                    yours_held: 0,
                    body: piece.body,
                    prekeys: piece.prekeys,
                };
                let recipient = self.to.public();
                let issued = secret.issue(self.to, &self.circle, DAY, kind);
                let checked = issued.verify(&recipient, &self.circle, DAY, kind).unwrap();
                let (kem_random, ephemeral): ([u8; 32], [u8; 32]) =
                    (counting(id.wrapping_add(index as u8)), counting(id.wrapping_add(0x55)));
                let mut given = Given([kem_random, ephemeral].concat());
                let envelope =
                    seal(self.from, &recipient, &self.circle, &checked, &part, &mut given).unwrap();
                json!({
                    "prekey_seed": hex(&secret.to_seed()[..]),
                    "last_resort": kind == PrekeyKind::LastResort,
                    "prekey": hex(issued.to_bytes()), "kem_random": hex(kem_random),
                    "ephemeral": hex(ephemeral), "plaintext": hex(&part.encode().unwrap()[..]),
                    "envelope": hex(envelope.as_bytes()),
                })
            };
        let parts: Vec<Value> =
            pieces.into_iter().zip(self.under).enumerate().map(seal_one).collect();
        json!({
            "name": self.name, "sender_seed": hex(&self.from.to_seed()[..]),
            "recipient_seed": hex(&self.to.to_seed()[..]), "circle": hex(self.circle.0),
            "message": hex(&self.message), "parts": parts,
        })
    }
}

fn made() -> Value {
    let [before, after] = rosters();
    let (luz, eva, ana) = (luz(), eva(), ana());
    let circle = circle();
    let nonce: [u8; 32] = counting(0xe0);
    let offer = message(Body::Offer(Offer {
        coordinator: luz.public(),
        circle,
        commitment: Offer::commit(&nonce, &luz.public(), &circle),
        words: WordList::English,
        reply: vec![address(0x31)],
        reply_prekey: last_resort(&luz, 0x91),
        access: AccessToken::new(String::from("aurora")),
        until_s: NOW_S + 172_800,
    }));
    let join = message(Body::Join(Box::new(Join {
        identity: ana.public(),
        signature: Join::sign(&ana, &offer),
        name: String::from("Ana"),
        card: card(&ana, 0x32, 0x92),
        nonce: counting(0xf0),
    })));
    let spare = Spare {
        addresses: vec![address(0x33)],
        prekey: one_time(&eva, 0x93),
        last_resort: last_resort(&eva, 0x94),
    };
    let names = |roster: &Roster| {
        roster
            .members()
            .iter()
            .map(|one| one.member())
            .zip(["Luz", "Eva", "Ana"].map(String::from))
            .collect()
    };
    let welcome = message(Body::Welcome {
        roster: after.signed().clone(),
        names: names(&after),
        members: vec![(eva.public().member(), spare)],
        circle_name: String::from("Casa Norte"),
        card: card(&luz, 0x34, 0x95),
    });
    let introduction = message(Body::Introduction {
        chain: vec![after.signed().clone()],
        names: names(&after),
        card: card(&ana, 0x35, 0x92),
    });
    let brought = [0xa0, 0xa4, 0xa8, 0xac];
    let invited = invitation().identity();
    let (one, many) = (PrekeyKind::OneTime, PrekeyKind::LastResort);
    let steps = [
        Step {
            name: "offer",
            from: &luz,
            to: &invited,
            circle: CircleId::NONE,
            under: vec![(invitation().prekey(), one)],
            roster: None,
            sequence: 0,
            message: offer.clone(),
            brings: Vec::new(),
        },
        Step {
            name: "join",
            from: &ana,
            to: &luz,
            circle,
            under: vec![(prekey(0x91), many), (prekey(0x91), many), (prekey(0x91), many)],
            roster: None,
            sequence: 1,
            message: join.clone(),
            brings: brought.map(|first| one_time(&ana, first)).to_vec(),
        },
        Step {
            name: "reveal",
            from: &luz,
            to: &ana,
            circle,
            under: vec![(prekey(0xa0), one)],
            roster: Some(&before),
            sequence: 1,
            message: message(Body::Reveal { nonce }),
            brings: Vec::new(),
        },
        Step {
            name: "welcome",
            from: &luz,
            to: &ana,
            circle,
            under: vec![(prekey(0xa4), one), (prekey(0xa8), one)],
            roster: Some(&after),
            sequence: 2,
            message: welcome,
            brings: Vec::new(),
        },
        Step {
            name: "introduction",
            from: &ana,
            to: &eva,
            circle,
            under: vec![(prekey(0x93), one)],
            roster: Some(&after),
            sequence: 1,
            message: introduction,
            brings: Vec::new(),
        },
    ];
    let shown = words(WordList::English, &invitation(), &offer, &join, &nonce);
    let offered = labelled(b"velar/1 invitation hash", &[invitation().seed(), &offer]);
    let joined = labelled(b"velar/1 join hash", &[&join]);
    let digest = labelled(b"velar/1 words", &[&offered, &joined, &nonce]);
    let bits = u64::from_be_bytes(*digest.first_chunk().unwrap());
    let numbers = [53, 42, 31, 20].map(|shift| bits >> shift & 2047);
    assert_eq!(shown, WordList::English.words(&digest));
    let states = [&before, &after].map(|one| hex(encoding::to_bytes(one.signed()).unwrap()));
    let steps = steps.map(Step::made);
    json!({
        "comment": "A whole joining (spec/circles.md section 5), in hexadecimal but for link, words and numbers. See README.md.",
        "link": invitation().to_string(), "now_s": NOW_S, "day": DAY.0, "nonce": hex(nonce),
        "coordinator_seed": hex(&luz.to_seed()[..]), "member_seed": hex(&eva.to_seed()[..]),
        "joiner_seed": hex(&ana.to_seed()[..]), "circle": hex(circle.0),
        "rosters": states,
        "words": shown, "words_digest": hex(digest), "word_numbers": numbers, "safety_number": safety_number(&circle, &luz.public(), &ana.public()),
        "steps": steps,
    })
}

#[test]
fn a_joining_is_made_as_written_and_opens_from_the_file() {
    check("joining.json", &made());
    let file = load("joining.json");
    let invitation: Invitation = file["link"].as_str().unwrap().parse().unwrap();
    let nonce = bytes(&file["nonce"]);
    let [offer, join, reveal, welcome, introduction] =
        ["offer", "join", "reveal", "welcome", "introduction"].map(|name| opened(&file, name));

    let Body::Offer(offered) = &offer.1.body else { panic!() };
    assert!(offered.opens_with(&nonce));
    let circle = offered.circle;
    let checked = |prekey: &Prekey, owner, kind| prekey.verify(owner, &circle, DAY, kind).is_ok();
    assert!(checked(&offered.reply_prekey, &offered.coordinator, PrekeyKind::LastResort));
    assert!(!checked(&offered.reply_prekey, &offered.coordinator, PrekeyKind::OneTime));

    let Body::Join(joined) = &join.1.body else { panic!() };
    assert!(joined.is_signed_to(&offer.0) && !joined.is_signed_to(&join.0));
    let card = joined.card.verify(&circle, &joined.identity).unwrap();
    assert!(card.addresses.iter().all(|address| address.relay == *invitation.relay()));
    assert!(joined.card.verify(&CircleId::NONE, &joined.identity).is_err());
    assert_eq!(reveal.1.body, Body::Reveal { nonce });
    let shown = words(offered.words, &invitation, &offer.0, &join.0, &nonce);
    assert_eq!(json!(shown), file["words"]);

    let Body::Welcome { roster, members, card, .. } = welcome.1.body else { panic!() };
    let roster = Roster::anchor(circle, roster).unwrap();
    assert_eq!(roster.lead(), offered.coordinator.member());
    assert!(roster.member(joined.identity.member()).is_some());
    assert!(card.verify(&circle, &offered.coordinator).is_ok());
    let Body::Introduction { chain, card, .. } = introduction.1.body else { panic!() };
    let known = encoding::from_bytes(&unhex(&file["rosters"][0])).unwrap();
    let known = Roster::anchor(circle, known).unwrap();
    assert_eq!(known.accept(chain[0].clone()), Ok(roster.clone()));
    assert!(card.verify(&circle, &joined.identity).is_ok());
    let [(member, spare)] = &members[..] else { panic!() };
    assert!(checked(&spare.prekey, &roster.member(*member).unwrap().identity, PrekeyKind::OneTime));
}

/// The message of a step: its bytes, and what they say. It opens under its circle and under no other.
fn opened(file: &Value, name: &str) -> (Vec<u8>, Message) {
    let steps = file["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["name"] == name).unwrap();
    let recipient = IdentitySecret::from_seed(&bytes(&step["recipient_seed"])).public();
    let sender = IdentitySecret::from_seed(&bytes(&step["sender_seed"])).public();
    let circle = CircleId(bytes(&step["circle"]));
    let other = match name {
        "offer" => CircleId(bytes(&file["circle"])),
        _ => CircleId::NONE,
    };
    let mut assembly = Assembly::default();
    let mut whole = None;
    for part in step["parts"].as_array().unwrap() {
        let secret = PrekeySecret::from_seed(&bytes(&part["prekey_seed"]));
        let envelope = Envelope::new(unhex(&part["envelope"])).unwrap();
        assert!(open(&recipient, &other, &secret, &envelope).is_err(), "{name}");
        let part = open(&recipient, &circle, &secret, &envelope).unwrap();
        let part = part.authenticate(&sender).unwrap();
        if let Arrival::Whole(complete) = assembly.accept(&part, DAY).unwrap() {
            whole = Some(complete.body);
        }
    }
    let bytes = whole.expect(name);
    assert_eq!(bytes, unhex(&step["message"]), "{name}");
    let message = Message::decode(&bytes).unwrap();
    (bytes, message)
}
