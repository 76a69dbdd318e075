//! The seeds that are made by code: what a fuzzer would take long to come upon. `VELAR_WRITE_SEEDS=1` writes
//! them anew, after a change of the protocol.

#[path = "../../src/circle/message/tests/notation.rs"]
#[allow(dead_code, reason = "only the tests of messages write this notation")]
mod notation;

use std::{env, fs};

use serde_json::Value;
use velar_protocol::circle::{
    Address, Agreement, Card, Extensions, Message, Role, Roles, Roster, SignedRoster,
};
use velar_protocol::encoding;
use velar_protocol::seal::{Day, MemberId, PrekeyKind, PrekeySecret, Signature};
use velar_protocol::wire::{Pin, RelayAddress, SendToken};

use crate::bodies::{CIRCLE, HEIR, LEAD, ROSTER, secret};
use crate::fuzz_folder;

/// `(target, name, bytes)`.
type Seed = (&'static str, String, Vec<u8>);

fn made() -> Vec<Seed> {
    [links(), messages(), statements()].concat()
}

fn links() -> Vec<Seed> {
    let seed = |name: &str, text: String| ("link_parsing", format!("join-{name}"), text.into());
    let vectors: Value = serde_json::from_str(include_str!("../../vectors/words.json")).unwrap();
    let link = vectors["invitations"][0]["link"].as_str().unwrap();
    let (relay, key) = link.rsplit_once('!').unwrap();
    vec![
        seed("right", link.to_owned()),
        seed("spaces", format!(" \n{link}\t")),
        seed("no-seed", relay.to_owned()),
        seed("seed-empty", format!("{relay}!")),
        seed("seed-short", link[..link.len() - 2].to_owned()),
        seed("seed-long", format!("{link}AA")),
        seed("seed-padded", format!("{link}=")),
        seed("seed-trailing-bits", format!("{}_", &link[..link.len() - 1])),
        seed("two-seeds", format!("{link}!{key}")),
        seed("no-relay", format!("velar-join://!{key}")),
        seed("address-in-address", link.replace("://", "://velar://")),
        seed("relay-scheme", link.replace("velar-join", "velar")),
    ]
}

/// The published messages, and what stands just outside of one.
fn messages() -> Vec<Seed> {
    let seed = |name: &str, bytes| ("message_decoding", name.to_owned(), bytes);
    let published = notation::parse().into_iter();
    let mut seeds: Vec<Seed> = published.map(|(name, bytes)| seed(&name, bytes)).collect();
    let say = Message::decode(&[1, 0, 0, 0, 0, 0]).expect("an empty text").encode().unwrap();
    seeds.extend([
        seed("say-empty", say.clone()),
        seed("trailing", [&say[..], &[0]].concat()),
        seed("version-0", [&[0], &say[1..]].concat()),
        seed("version-2", [&[2], &say[1..]].concat()),
        seed("marks-2-60", [&[1, 0, 0, 253][..], &(1_u64 << 60).to_le_bytes()].concat()),
        seed("text-2-60", [&[1, 0, 0, 0, 0, 253][..], &(1_u64 << 60).to_le_bytes()].concat()),
        seed("text-not-utf8", vec![1, 0, 0, 0, 0, 1, 0xff]),
        seed("receipt-2-60", [&[1, 0, 0, 0, 3, 253][..], &(1_u64 << 60).to_le_bytes()].concat()),
        seed("tag-19", vec![1, 0, 0, 0, 19]),
        seed("tag-overlong", vec![1, 0, 0, 0, 251, 0, 0, 0]),
    ]);
    seeds
}

/// States that may follow the roster that the target holds, ones that may not, and a card.
fn statements() -> Vec<Seed> {
    let lead = secret(LEAD);
    let newcomer = velar_protocol::circle::RosterMember {
        person: velar_protocol::circle::PersonId([3; 16]),
        roles: Roles::of(&[Role::Defender, Role::Accompanier]),
        identity: secret(3).public(),
    };
    let joined = ROSTER.with_member(&lead, newcomer).unwrap();
    let heir = secret(HEIR).public().member();
    let states = [
        ("joined", joined.clone()),
        ("gap", joined.without_member(&lead, newcomer.member()).unwrap()),
        ("removed", ROSTER.without_member(&lead, heir).unwrap()),
        ("no-successor", ROSTER.with_successors(&lead, vec![]).unwrap()),
        ("takeover", ROSTER.take_over(&secret(HEIR)).unwrap()),
        ("held", ROSTER.clone()),
        (
            "other-circle",
            Roster::found(&lead, newcomer.person, newcomer.roles, Agreement::default(), [8; 32])
                .unwrap(),
        ),
    ];
    let mut seeds: Vec<Seed> = states
        .iter()
        .map(|(name, state)| ("statement_verifying", (*name).to_owned(), body(state.signed())))
        .collect();
    for addresses in [0, 1, 2, 9] {
        let relay = RelayAddress::new("relay.example", 443, Pin([1; 32]), None).unwrap();
        let address = Address { relay, token: SendToken::new([2; 32]) };
        let last_resort =
            PrekeySecret::from_seed(&[3; 96]).issue(&lead, &CIRCLE, Day(1), PrekeyKind::LastResort);
        let addresses_of = vec![address; addresses];
        let member = lead.public().member();
        let card = Card {
            circle: CIRCLE,
            member,
            counter: 1,
            addresses: addresses_of,
            last_resort,
            extensions: Extensions::NONE,
        };
        let bytes = encoding::to_bytes(&card).unwrap();
        seeds.push(("statement_verifying", format!("card-{addresses}"), bytes));
    }
    seeds
}

/// The bytes that were signed.
fn body(signed: &SignedRoster) -> Vec<u8> {
    let bytes = encoding::to_bytes(signed).unwrap();
    let (body, _, _): (Vec<u8>, MemberId, Signature) = encoding::from_bytes(&bytes).unwrap();
    body
}

#[test]
fn every_seed_that_code_makes_is_in_its_corpus() {
    for (target, name, bytes) in made() {
        let path = fuzz_folder("corpus").join(target).join(&name);
        if env::var_os("VELAR_WRITE_SEEDS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &bytes).unwrap();
        }
        let seed = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(seed == bytes, "{target}/{name} changed: run this with VELAR_WRITE_SEEDS=1");
    }
}
