//! `vectors/words.json`: what another implementation computed, and what spec/circles.md says beside it.

use data_encoding::HEXLOWER;
use serde_json::Value;

use super::alert::set_digest;
use super::invitation::words;
use super::roster::is_name;
use super::words::{safety_number, same_words};
use super::{AlertEvent, AlertId, EventKind, Invitation, Join, Offer, WordList};
use crate::seal::{CircleId, IdentitySecret, MemberId};

const SPEC: &str = include_str!("../../spec/circles.md");

fn vectors(kind: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../../vectors/words.json")).unwrap();
    let cases = all[kind].as_array().unwrap().clone();
    assert!(!cases.is_empty(), "{kind}");
    cases
}

fn bytes(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn digests_show_the_published_words() {
    for case in vectors("word_digests") {
        let digest = array(&case["digest"]);
        assert_eq!(WordList::Spanish.words(&digest).to_vec(), texts(&case["es"]));
        assert_eq!(WordList::English.words(&digest).to_vec(), texts(&case["en"]));
    }
}

#[test]
fn invitations_derive_what_is_published() {
    for case in vectors("invitations") {
        let invitation: Invitation = case["link"].as_str().unwrap().parse().unwrap();
        assert_eq!(*invitation.seed(), array(&case["seed"]));
        assert_eq!(invitation.to_string(), case["link"].as_str().unwrap());
        assert_eq!(*invitation.mailbox().to_seed(), array(&case["mailbox_seed"]));
        assert_eq!(invitation.mailbox().id().0, array(&case["mailbox"]));
        assert_eq!(*invitation.token().expose(), array(&case["token"]));
        assert_eq!(*invitation.identity().to_seed(), array(&case["identity_seed"]));
        assert_eq!(invitation.identity().public().member().0, array(&case["member"]));
        assert_eq!(*invitation.prekey().to_seed(), array(&case["prekey_seed"]));

        let coordinator = IdentitySecret::from_seed(&array(&case["coordinator_seed"])).public();
        let (nonce, circle) = (array(&case["nonce"]), CircleId(array(&case["circle"])));
        let commitment = Offer::commit(&nonce, &coordinator, &circle);
        assert_eq!(commitment, array(&case["commitment"]));
        let (offer, join) = (bytes(&case["offer_message"]), bytes(&case["join_message"]));
        let joiner = IdentitySecret::from_seed(&array(&case["joiner_seed"]));
        assert_eq!(Join::sign(&joiner, &offer).0.to_vec(), bytes(&case["join_signature"]));
        let shown = |list| words(list, &invitation, &offer, &join, &nonce).to_vec();
        assert_eq!(shown(WordList::Spanish), texts(&case["es"]));
        assert_eq!(shown(WordList::English), texts(&case["en"]));
        let digest = array(&case["words_digest"]);
        assert_eq!(WordList::English.words(&digest).to_vec(), texts(&case["en"]));
    }
}

#[test]
fn words_that_people_type_are_compared_as_published() {
    let all: Value = serde_json::from_str(include_str!("../../vectors/words.json")).unwrap();
    let words: [&str; 4] = texts(&all["typed_words"]["words"]).try_into().unwrap();
    for case in all["typed_words"]["cases"].as_array().unwrap() {
        let typed = case["typed"].as_str().unwrap();
        assert_eq!(same_words(typed, &words), case["same"], "{typed:?}");
    }
}

#[test]
fn names_are_judged_as_published() {
    for case in vectors("names") {
        let name = case["name"].as_str().unwrap();
        assert_eq!(is_name(name), case["holds"], "{name:?}");
    }
}

#[test]
fn safety_numbers_are_the_published_ones() {
    for case in vectors("safety_numbers") {
        let [one, other] = [0, 1].map(|i| {
            let identity = IdentitySecret::from_seed(&array(&case["identity_seeds"][i])).public();
            assert_eq!(identity.member().0, array(&case["members"][i]));
            identity
        });
        let number = safety_number(&CircleId(array(&case["circle"])), &one, &other);
        assert_eq!(number, case["number"].as_str().unwrap());
    }
}

#[test]
fn alerts_and_events_have_the_published_ids() {
    for case in vectors("alerts") {
        let alert = AlertId::draw(MemberId(array(&case["subject"])), array(&case["random"]));
        assert_eq!(alert.0, array(&case["alert"]));
        let event = AlertEvent {
            alert,
            salt: array(&case["salt"]),
            author: MemberId(array(&case["author"])),
            at_s: case["at_s"].as_u64().unwrap(),
            kind: EventKind::Note { text: case["note"].as_str().unwrap().to_owned() },
        };
        let encoding = crate::encoding::to_bytes(&event).unwrap();
        assert_eq!(encoding, bytes(&case["event_encoding"]));
        assert_eq!(event.id().0, array(&case["event"]));
        assert_eq!(set_digest([&event]), array(&case["set_digest"]));
        assert_eq!(set_digest([]), array(&case["empty_set_digest"]));
    }
}

/// Rows `| `NAME` | value | …` of the table of limits.
#[test]
fn the_limits_of_the_specification_are_those_of_the_code() {
    let specified: Vec<(&str, u64)> = SPEC
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
            let capitals = name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            capitals.then(|| (name, rest.split(" |").next().unwrap().replace(' ', "")))
        })
        .map(|(name, value)| (name, value.parse().expect(name)))
        .collect();
    use super::limits::*;
    let code = [
        ("MAX_MEMBERS", MAX_MEMBERS as u64),
        ("COMFORTABLE_MEMBERS", COMFORTABLE_MEMBERS as u64),
        ("MAX_NAME_LEN", MAX_NAME_LEN as u64),
        ("MAX_TEXT_LEN", MAX_TEXT_LEN as u64),
        ("MAX_ADDRESSES", MAX_ADDRESSES as u64),
        ("MAX_RECEIPT", MAX_RECEIPT as u64),
        ("PUT_AWAY_S", PUT_AWAY_S),
        ("MAX_CHAIN", MAX_CHAIN as u64),
        ("SPARES", SPARES as u64),
        ("MAX_SPARES", MAX_SPARES as u64),
        ("MAX_CONTACTS", MAX_CONTACTS as u64),
        ("MAX_CONTACT_LEN", MAX_CONTACT_LEN as u64),
        ("MAX_ALERT_MARKS", MAX_ALERT_MARKS as u64),
        ("MAX_NAMED", MAX_NAMED as u64),
        ("MAX_IN_PLACE", MAX_IN_PLACE as u64),
        ("MAX_EVENTS_PER_AUTHOR", MAX_EVENTS_PER_AUTHOR as u64),
        ("MAX_EXTENSIONS", MAX_EXTENSIONS as u64),
        ("MAX_EXTENSIONS_LEN", MAX_EXTENSIONS_LEN as u64),
        ("MAX_INTERVAL_MIN", u64::from(MAX_INTERVAL_MIN)),
        ("MAX_RESPONSE_MIN", u64::from(MAX_RESPONSE_MIN)),
        ("MAX_WATCH_S", MAX_WATCH_S),
        ("INVITATION_S", INVITATION_S),
        ("INVITATION_ACCESS_S", INVITATION_ACCESS_S),
    ];
    assert_eq!(specified, code);
    let constants = include_str!("limits.rs").matches("pub const ").count();
    assert_eq!(constants, code.len(), "a limit is missing here and in spec/circles.md §13");
}

#[test]
fn every_label_of_circles_is_in_the_specification() {
    let sources = [
        include_str!("alert.rs"),
        include_str!("card.rs"),
        include_str!("invitation.rs"),
        include_str!("roster.rs"),
        include_str!("words.rs"),
    ];
    let mut found = 0;
    for label in sources.iter().flat_map(|source| source.split("b\"velar/1 ").skip(1)) {
        let label = label.split('"').next().unwrap();
        assert!(SPEC.contains(&format!("| `velar/1 {label}` |")), "{label}");
        found += 1;
    }
    assert_eq!(found, SPEC.matches("| `velar/1 ").count(), "labels that the code does not have");
}
