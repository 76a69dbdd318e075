//! SPEC.md says what the code does: its limits, labels and examples are the code's own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says what must hold by panicking"
)]

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use velar_protocol::wire::codec::{self, Frame, HEADER_LEN};
use velar_protocol::wire::limits::{
    ALPN_QUIC, ENVELOPE_LEN, EXPORTER_LABEL, MAX_ACCESS_TOKEN_LEN, MAX_ACK_LEN, MAX_ADDRESS_LEN,
    MAX_ANSWER_LEN, MAX_CHILD_S, MAX_DELIVERIES, MAX_EVENT_LEN, MAX_PLACES, MAX_REQUEST_LEN,
    MAX_SUBSCRIBED, MAX_TOKENS, MAX_UNACKED, PROTOCOL_VERSION, QUIC_VERSION,
};
use velar_protocol::wire::{Answer, Envelope, Event, HoldSecret, Request, SendToken};

const SPEC: &str = include_str!("../SPEC.md");
const LIMITS: &str = include_str!("../src/wire/limits.rs");
const LABELS: &str = include_str!("../src/hash.rs");

/// Rows `| `NAME` | value | …` whose name is in capitals.
fn limits_of_the_specification() -> BTreeMap<String, String> {
    let rows = SPEC.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let name = cells.next()?.strip_suffix('`')?;
        let capitals = name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        capitals.then(|| (name.to_owned(), cells.next().unwrap().trim_matches('`').to_owned()))
    });
    rows.collect()
}

fn limits_of_the_code() -> BTreeMap<String, String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let numbers = [
        ("PROTOCOL_VERSION", usize::from(PROTOCOL_VERSION)),
        ("ENVELOPE_LEN", ENVELOPE_LEN),
        ("MAX_TOKENS", MAX_TOKENS),
        ("MAX_DELIVERIES", MAX_DELIVERIES),
        ("MAX_SUBSCRIBED", MAX_SUBSCRIBED),
        ("MAX_REQUEST_LEN", MAX_REQUEST_LEN),
        ("MAX_ANSWER_LEN", MAX_ANSWER_LEN),
        ("MAX_EVENT_LEN", MAX_EVENT_LEN),
        ("MAX_ACK_LEN", MAX_ACK_LEN),
        ("MAX_ACCESS_TOKEN_LEN", MAX_ACCESS_TOKEN_LEN),
        ("MAX_PLACES", MAX_PLACES),
        ("MAX_ADDRESS_LEN", MAX_ADDRESS_LEN),
        ("MAX_UNACKED", MAX_UNACKED),
        ("MAX_CHILD_S", MAX_CHILD_S as usize),
        ("QUIC_VERSION", QUIC_VERSION as usize),
    ];
    let texts = [("ALPN_QUIC", text(ALPN_QUIC)), ("EXPORTER_LABEL", text(EXPORTER_LABEL))];
    let numbers = numbers.map(|(name, value)| (name, value.to_string()));
    numbers.into_iter().chain(texts).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Names of the constants that a source file exports.
fn constants(source: &str) -> impl Iterator<Item = (&str, &str)> {
    source.lines().filter_map(|line| line.trim().strip_prefix("pub const ")?.split_once(':'))
}

#[test]
fn the_limits_of_the_specification_are_those_of_the_code() {
    assert_eq!(limits_of_the_specification(), limits_of_the_code());
}

#[test]
fn every_limit_of_the_code_is_compared() {
    let compared = limits_of_the_code();
    for (name, _) in constants(LIMITS) {
        assert!(compared.contains_key(name), "{name} is missing in this test and in SPEC.md §4.8");
    }
}

#[test]
fn every_label_of_the_wire_is_in_the_specification() {
    let labels: Vec<&str> =
        constants(LABELS).filter_map(|(_, rest)| rest.split('"').nth(1)).collect();
    assert!(labels.contains(&"velar/1 proof"), "no labels found in hash.rs");
    let sealing = ["sealing.md", "circles.md"].map(|file| {
        let path = format!("{}/spec/{file}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap_or_default()
    });
    for label in labels {
        let listed = |text: &str| text.contains(&format!("`{label}`"));
        assert!(
            listed(SPEC) || sealing.iter().any(|text| listed(text)),
            "`{label}` is in no table of labels"
        );
    }
}

#[test]
fn the_examples_of_the_specification_are_right() {
    let examples = [
        ("send token hash of 11*32", SendToken::new([0x11; 32]).hash().0),
        ("hold id of 44*32", HoldSecret::new([0x44; 32]).id().0),
        ("envelope digest of 5a*4096", Envelope::new(vec![0x5a; 4096]).unwrap().digest().0),
    ];
    for (name, digest) in examples {
        let line = SPEC.lines().find(|line| line.starts_with(name)).expect(name);
        assert_eq!(
            line.split_whitespace().last(),
            Some(HEXLOWER.encode(&digest).as_str()),
            "{name}"
        );
    }
}

/// Frames of the published vectors whose name begins like this, without their length field.
fn published(target: &str, prefix: &str) -> Vec<Vec<u8>> {
    let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    named.map(|entry| std::fs::read(entry.path()).unwrap().split_off(HEADER_LEN)).collect()
}

/// That the section has a row with the tag and name of every published frame of this kind.
fn check_tags<F: Frame + std::fmt::Debug>(section: &str, frames: &[Vec<u8>]) {
    assert!(!frames.is_empty());
    let text = SPEC.split("\n### ").find(|text| text.starts_with(section)).expect(section);
    for frame in frames {
        let value = format!("{:?}", codec::decode::<F>(frame).unwrap());
        let mut names = value.split(|c: char| !c.is_ascii_alphanumeric());
        let row = |tag: u8, name: &str| {
            assert!(
                text.contains(&format!("| {tag} | `{name}` |")),
                "§{section} lacks {tag} {name}"
            );
        };
        row(frame[1], names.next().unwrap());
        if value.starts_with("Refused(") {
            row(frame[2], names.next().unwrap());
        }
    }
}

#[test]
fn the_tags_of_the_specification_are_those_of_the_code() {
    check_tags::<Request>("3.2", &published("request_decoding", "request."));
    check_tags::<Answer>("3.3", &published("response_decoding", "answer."));
    check_tags::<Event>("3.4", &published("response_decoding", "event."));
}
