//! The four tests of every wire type (golden bytes, round trip, every truncation fails, perturbed input
//! never panics), and what malformed frames do. `samples` has one value of every variant; their golden
//! bytes are `vectors/frames.txt`, written to be read by implementers in other languages.

mod arbitrary;
mod corpus;
mod malformed;
mod notation;
mod samples;

use std::collections::BTreeSet;
use std::fmt::Debug;

use proptest::prelude::*;

use super::*;
use notation::{golden, parse};
use samples::{acks, answers, events, requests};

/// Frame of a value, without the length field: what [`decode`] takes.
fn framed<F: Frame>(value: &F) -> Vec<u8> {
    encode(value).unwrap().split_off(HEADER_LEN)
}

fn tags<F: Frame>(samples: &[(&str, F)]) -> BTreeSet<u8> {
    samples.iter().map(|(_, sample)| framed(sample)[1]).collect()
}

fn check_golden<F: Frame + PartialEq + Debug>(samples: &[(&str, F)]) {
    for (name, sample) in samples {
        let bytes = golden(name);
        assert_eq!(
            encode(sample).as_ref(),
            Ok(&bytes),
            "{name} does not encode to its golden bytes"
        );
        let frame = &bytes[HEADER_LEN..];
        let header = header::<F>(&bytes);
        assert_eq!(header, Ok(Some(FrameHeader { len: frame.len() })), "{name}");
        assert_eq!(decode::<F>(frame).as_ref(), Ok(sample), "{name}");
    }
}

fn check_truncations<F: Frame + Debug>(samples: &[(&str, F)]) {
    for (name, sample) in samples {
        let frame = framed(sample);
        for len in 0..frame.len() {
            assert!(decode::<F>(&frame[..len]).is_err(), "{name} decodes from {len} bytes");
        }
    }
}

/// Whatever decodes is within bounds and has exactly one encoding, from which it decodes again.
fn check_any_bytes<F: Frame + PartialEq + Debug>(frame: &[u8]) {
    if let Ok(value) = decode::<F>(frame) {
        assert_eq!(decode::<F>(&framed(&value)), Ok(value));
    }
}

#[test]
fn every_frame_has_the_bytes_of_the_published_vectors() {
    check_golden(&requests());
    check_golden(&answers());
    check_golden(&events());
    check_golden(&acks());
    assert_eq!(golden("notice").as_slice(), version_notice());
}

#[test]
fn every_published_vector_is_checked() {
    let mut checked: BTreeSet<&str> = BTreeSet::from(["notice"]);
    checked.extend(requests().iter().map(|(name, _)| *name));
    checked.extend(answers().iter().map(|(name, _)| *name));
    checked.extend(events().iter().map(|(name, _)| *name));
    checked.extend(acks().iter().map(|(name, _)| *name));
    let published = parse();
    assert_eq!(checked, published.keys().map(String::as_str).collect());
}

#[test]
fn every_variant_has_a_vector() {
    assert_eq!(tags(&requests()), (0..=7).collect());
    assert_eq!(tags(&answers()), (0..=10).collect());
    assert_eq!(tags(&events()), (0..=2).collect());
    let second = |prefix: &str, tag: u8| -> BTreeSet<u8> {
        let vectors = parse();
        let of_kind = vectors.iter().filter(|(name, _)| name.starts_with(prefix));
        of_kind.filter(|(_, bytes)| bytes[5] == tag).map(|(_, bytes)| bytes[6]).collect()
    };
    assert_eq!(second("answer.refused", 8), (0..=11).collect(), "refusals");
    assert_eq!(second("event.ended", 2), (0..=4).collect(), "reasons for an end");
}

#[test]
fn every_truncation_fails() {
    check_truncations(&requests());
    check_truncations(&answers());
    check_truncations(&events());
    check_truncations(&acks());
}

#[test]
fn the_largest_values_fit_their_limits() {
    let largest = framed(&samples::largest_hold());
    assert_eq!(largest.len(), 264_457, "limits.rs and SPEC.md name this figure");
    assert_eq!(decode(&largest), Ok(samples::largest_hold()));
    let open = samples::largest_open();
    assert_eq!(decode(&framed(&open)), Ok(open));
    let outcomes = vec![super::super::TokenOutcome::Full; MAX_TOKENS];
    let reopening = super::super::AccessToken::new("x".repeat(MAX_ACCESS_TOKEN_LEN));
    let opened = Answer::Opened { outcomes, reopening };
    assert_eq!(decode(&framed(&opened)), Ok(opened));
    let outcomes = vec![super::super::DeliveryOutcome::Full; MAX_DELIVERIES];
    let held = Answer::Held { outcomes };
    assert_eq!(decode(&framed(&held)), Ok(held));
}

proptest! {
    #[test]
    fn every_request_survives_the_wire(request in arbitrary::request()) {
        prop_assert_eq!(decode(&framed(&request)), Ok(request));
    }

    #[test]
    fn every_answer_survives_the_wire(answer in arbitrary::answer()) {
        prop_assert_eq!(decode(&framed(&answer)), Ok(answer));
    }

    #[test]
    fn every_event_survives_the_wire(event in arbitrary::event()) {
        prop_assert_eq!(decode(&framed(&event)), Ok(event));
    }

    #[test]
    fn every_ack_survives_the_wire(ack in arbitrary::ack()) {
        prop_assert_eq!(decode(&framed(&ack)), Ok(ack));
    }

    #[test]
    fn a_perturbed_frame_never_panics(frame in arbitrary::perturbed_frame()) {
        check_any_bytes::<Request>(&frame);
        check_any_bytes::<Answer>(&frame);
        check_any_bytes::<Event>(&frame);
        check_any_bytes::<Ack>(&frame);
    }

    #[test]
    fn random_bytes_never_panic(mut frame in proptest::collection::vec(any::<u8>(), 0..300)) {
        check_any_bytes::<Request>(&frame);
        check_any_bytes::<Answer>(&frame);
        // Most random bytes fail at the version; let the rest be tried as well.
        if let Some(version) = frame.first_mut() {
            *version = PROTOCOL_VERSION;
        }
        check_any_bytes::<Request>(&frame);
        check_any_bytes::<Answer>(&frame);
        check_any_bytes::<Event>(&frame);
        check_any_bytes::<Ack>(&frame);
    }
}
