//! The four tests of every body (golden bytes, round trip, every truncation fails, perturbed input never
//! panics) and every bound, in both directions. `samples` has one value of every variant; their golden
//! bytes are `vectors/messages.txt`, written to be read by implementers in other languages.

mod arbitrary;
mod bounds;
mod notation;
pub(in crate::circle) mod samples;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use notation::{parse, render};
use samples::samples;

/// Whatever decodes is within bounds and has exactly one encoding, from which it decodes again.
fn check_any_bytes(bytes: &[u8]) {
    if let Ok(message) = Message::decode(bytes) {
        assert_eq!(Message::decode(&message.encode().unwrap()), Ok(message));
    }
}

#[test]
fn every_message_has_the_bytes_of_the_published_vectors() {
    let published = parse();
    for (name, message) in samples() {
        let bytes = message.encode().unwrap();
        assert_eq!(published.get(name), Some(&bytes), "{name} =\n{}", render(&bytes));
        assert_eq!(Message::decode(&bytes), Ok(message), "{name}");
    }
}

#[test]
fn every_published_vector_is_checked() {
    let checked: BTreeSet<&str> = samples().iter().map(|(name, _)| *name).collect();
    assert_eq!(checked, parse().keys().map(String::as_str).collect());
}

#[test]
fn every_variant_has_a_vector() {
    // After the version (1 byte), the time of these samples (5), no kit (1) and no marks (1) comes the tag.
    let plain = || {
        let plain = |message: &Message| message.marks.is_empty() && message.kit == 0;
        samples().into_iter().filter(move |(_, message)| plain(message))
    };
    let tags: BTreeSet<u8> = plain().map(|(_, message)| message.encode().unwrap()[8]).collect();
    assert_eq!(tags, (0..=19).collect());
    let events = plain().filter_map(|(_, message)| match message.body {
        Body::Alert(event) => Some(encoding::to_bytes(&event.kind).unwrap()[0]),
        _ => None,
    });
    assert_eq!(events.collect::<BTreeSet<u8>>(), (0..=7).collect());
}

#[test]
fn every_truncation_fails() {
    for (name, message) in samples() {
        let bytes = message.encode().unwrap();
        for len in 0..bytes.len() {
            assert!(Message::decode(&bytes[..len]).is_err(), "{name} decodes from {len} bytes");
        }
    }
}

#[test]
fn a_trailing_byte_is_malformed() {
    for (name, message) in samples() {
        let mut bytes = message.encode().unwrap();
        bytes.push(0);
        assert_eq!(Message::decode(&bytes), Err(MessageError::Malformed), "{name}");
    }
}

#[test]
fn a_newer_version_is_told_apart_from_a_malformed_message() {
    let mut bytes = samples()[0].1.encode().unwrap();
    for newer in 2..=255 {
        bytes[0] = newer;
        assert_eq!(Message::decode(&bytes), Err(MessageError::Version(newer)));
        assert_eq!(Message::newer_version(&bytes), Some(newer));
        assert_eq!(Message::decode(&[newer]), Err(MessageError::Version(newer)));
    }
    for known in 0..=MESSAGE_VERSION {
        bytes[0] = known;
        assert_eq!(Message::newer_version(&bytes), None);
    }
    assert_eq!(Message::newer_version(&[]), None);
    bytes[0] = 0;
    assert_eq!(Message::decode(&bytes), Err(MessageError::Malformed));
    assert_eq!(Message::decode(&[]), Err(MessageError::Malformed));
}

#[test]
fn an_unknown_tag_is_malformed() {
    let say = samples().into_iter().find(|(name, _)| *name == "say").unwrap().1;
    for tag in 17..=250 {
        let mut bytes = say.encode().unwrap();
        bytes[7] = tag;
        bytes.extend_from_slice(&[0; 2000]);
        assert_eq!(Message::decode(&bytes), Err(MessageError::Malformed), "{tag}");
    }
}

#[test]
fn a_list_that_announces_more_than_there_is_fails_at_once() {
    let huge = [&[0xfd][..], &(1_u64 << 60).to_le_bytes(), &[0; 64]].concat();
    for start in [&[1, 0][..], &[1, 0, 0, 3], &[1, 0, 0, 4], &[1, 0, 0, 8], &[1, 0, 0, 0]] {
        assert_eq!(Message::decode(&[start, &huge].concat()), Err(MessageError::Malformed));
    }
}

#[test]
fn marks_take_turns_when_there_are_many() {
    let mark = |n| AlertMark { alert: AlertId([n; 16]), digest: [n; 16] };
    let open: Vec<AlertMark> = (0..7).map(mark).collect();
    assert_eq!(AlertMark::choose(&open, 0), (0..4).map(mark).collect::<Vec<_>>());
    assert_eq!(AlertMark::choose(&open, 5), [5, 6, 0, 1].map(mark));
    let seen: BTreeSet<u8> = (0..7)
        .flat_map(|turn| AlertMark::choose(&open, u64::MAX - turn))
        .map(|mark| mark.digest[0])
        .collect();
    assert_eq!(seen.len(), 7, "each has its turn");
    assert_eq!(AlertMark::choose(&open[..2], 1), [1, 0].map(mark));
    assert_eq!(AlertMark::choose(&[], 9), []);
}

#[test]
fn no_receipt_calls_a_terminal_watched_for_longer_than_a_shift() {
    assert_eq!(watched_until_s(1000, 500), 1000);
    assert_eq!(watched_until_s(u64::MAX, 500), 500 + MAX_WATCH_S);
    assert_eq!(watched_until_s(u64::MAX, u64::MAX), u64::MAX);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn every_message_survives_the_wire(message in arbitrary::message()) {
        prop_assert_eq!(Message::decode(&message.encode().unwrap()), Ok(message));
    }

    #[test]
    fn a_perturbed_message_never_panics(bytes in arbitrary::perturbed()) {
        check_any_bytes(&bytes);
    }

    #[test]
    fn random_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        check_any_bytes(&bytes);
        // Most random bytes fail at the version, or at the marks; let the rest be tried as well.
        bytes.splice(0..0, [1, 0, 0]);
        check_any_bytes(&bytes);
    }
}
