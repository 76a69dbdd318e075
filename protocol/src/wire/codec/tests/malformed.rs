//! What malformed frames do: every one is a typed error.

use std::fmt::Debug;

use super::super::super::{DeliveryOutcome, HoldId};
use super::super::*;
use super::framed;
use super::samples::{EXPORTER, acks, answers, delivery, events, largest_hold, mailbox, requests};

fn body(bytes: &[u8]) -> Vec<u8> {
    [&[PROTOCOL_VERSION], bytes].concat()
}

fn check_lengths<F: Frame>() {
    let limit = F::MAX_LEN as u32;
    let begun = |len: u32, version: u8| [&len.to_le_bytes()[..], &[version]].concat();
    assert_eq!(header::<F>(&[0; 4]), Err(CodecError::Length { len: 0, limit }));
    for len in [limit + 1, u32::MAX] {
        let error = Err(CodecError::Length { len, limit });
        assert_eq!(header::<F>(&begun(len, PROTOCOL_VERSION)), error);
        // Another version may have other limits.
        for theirs in [0, PROTOCOL_VERSION + 1, u8::MAX] {
            assert_eq!(header::<F>(&begun(len, theirs)), Err(CodecError::Version { theirs }));
        }
    }
    for len in [1, limit] {
        let whole = begun(len, PROTOCOL_VERSION);
        assert_eq!(header::<F>(&whole), Ok(Some(FrameHeader { len: len as usize })));
        for short in 0..whole.len() {
            assert_eq!(header::<F>(&whole[..short]), Ok(None));
        }
        assert_eq!(header::<F>(&begun(len, 9)), Err(CodecError::Version { theirs: 9 }));
    }
}

#[test]
fn a_length_out_of_bounds_and_another_version_are_told_by_the_first_five_bytes() {
    check_lengths::<Request>();
    check_lengths::<Answer>();
    check_lengths::<Event>();
    check_lengths::<Ack>();
}

#[test]
fn an_empty_frame_is_malformed() {
    assert_eq!(decode::<Request>(&[]), Err(CodecError::Malformed));
    assert_eq!(decode::<Request>(&[PROTOCOL_VERSION]), Err(CodecError::Malformed));
}

#[test]
fn an_unknown_tag_is_malformed() {
    // Padded with zeros, so that only the tag can be what is wrong.
    let padded = |start: &[u8]| body(&[start, &[0; 16]].concat());
    for tag in 8..=250 {
        assert_eq!(decode::<Request>(&body(&[tag])), Err(CodecError::Malformed), "{tag}");
        assert_eq!(decode::<Request>(&padded(&[tag])), Err(CodecError::Malformed), "{tag}");
    }
    for tag in 11..=250 {
        assert_eq!(decode::<Answer>(&padded(&[tag])), Err(CodecError::Malformed), "{tag}");
    }
    for tag in 12..=250 {
        assert_eq!(decode::<Answer>(&body(&[8, tag])), Err(CodecError::Malformed), "{tag}");
    }
    for tag in 5..=250 {
        assert_eq!(decode::<Event>(&body(&[2, tag])), Err(CodecError::Malformed), "{tag}");
    }
    for tag in 4..=250 {
        assert_eq!(decode::<Event>(&padded(&[tag])), Err(CodecError::Malformed), "{tag}");
        assert_eq!(decode::<Answer>(&body(&[1, 1, tag, 0])), Err(CodecError::Malformed), "{tag}");
        assert_eq!(decode::<Answer>(&body(&[5, 1, tag])), Err(CodecError::Malformed), "{tag}");
    }
}

fn check_wrong_direction<F: Frame, Other: Frame + Debug>(samples: &[(&str, F)]) {
    for (name, sample) in samples {
        assert!(decode::<Other>(&framed(sample)).is_err(), "{name} decodes in another direction");
    }
}

/// An `Ack` has no tag: on a stream where acks are awaited, a short answer would read as one. Only a
/// relay awaits acks, and it knows which sequences it sent; what it could be sent by mistake is a request.
#[test]
fn no_published_frame_decodes_as_a_kind_of_another_direction() {
    check_wrong_direction::<_, Answer>(&requests());
    check_wrong_direction::<_, Event>(&requests());
    check_wrong_direction::<_, Ack>(&requests());
    check_wrong_direction::<_, Request>(&answers());
    check_wrong_direction::<_, Event>(&answers());
    check_wrong_direction::<_, Request>(&events());
    check_wrong_direction::<_, Answer>(&events());
    check_wrong_direction::<_, Request>(&acks());
    check_wrong_direction::<_, Answer>(&acks());
    check_wrong_direction::<_, Event>(&acks());
}

fn check_trailing<F: Frame + Debug + PartialEq>(samples: &[(&str, F)]) {
    for (name, sample) in samples {
        for extra in [0x00, 0x01, 0xff] {
            let mut frame = framed(sample);
            frame.push(extra);
            assert_eq!(decode::<F>(&frame), Err(CodecError::Malformed), "{name}");
        }
    }
}

#[test]
fn a_trailing_byte_is_malformed() {
    check_trailing(&requests());
    check_trailing(&answers());
    check_trailing(&events());
    check_trailing(&acks());
}

#[test]
fn another_version_is_told_apart_from_a_malformed_frame() {
    for theirs in [0, 2, 255] {
        let mut frame = framed(&Request::Info);
        frame[0] = theirs;
        // The body is never looked at: another version may mean anything by it.
        frame.extend_from_slice(&[0xff; 20]);
        assert_eq!(decode::<Request>(&frame), Err(CodecError::Version { theirs }));
    }
}

#[test]
fn the_version_notice_names_the_version_of_the_other_end() {
    let notice = version_notice();
    let frame = &notice[HEADER_LEN..];
    assert_eq!(header::<Answer>(&notice), Ok(Some(FrameHeader { len: frame.len() })));
    let theirs = PROTOCOL_VERSION;
    assert_eq!(decode::<Answer>(frame), Err(CodecError::Version { theirs }));
    assert_eq!(decode::<Answer>(&[0, 9]), Err(CodecError::Version { theirs: 9 }));
}

#[test]
fn too_few_or_too_many_elements_are_refused_when_encoding_and_when_decoding() {
    let hold =
        |deliveries| Request::Hold { id: HoldId([0; 32]), for_s: 1, deliveries, replaces: None };
    let none = hold(Vec::new());
    let secrets = vec![mailbox(1); MAX_SUBSCRIBED + 1];
    let requests = [
        none,
        hold(vec![delivery(1, 1); MAX_DELIVERIES + 1]),
        Request::subscribe(&EXPORTER, &[]),
        Request::subscribe(&EXPORTER, &secrets),
        Request::open(
            &EXPORTER,
            &mailbox(1),
            vec![super::super::super::SendTokenHash([1; 32]); MAX_TOKENS + 1],
            None,
        ),
    ];
    for request in &requests {
        assert_eq!(encode(request), Err(CodecError::Count));
        let raw = bincode::serde::encode_to_vec(request, bincode::config::standard()).unwrap();
        assert_eq!(decode::<Request>(&body(&raw)), Err(CodecError::Count));
    }
    let held = Answer::Held { outcomes: vec![DeliveryOutcome::Held; MAX_DELIVERIES + 1] };
    assert_eq!(encode(&held), Err(CodecError::Count));
    let raw = bincode::serde::encode_to_vec(&held, bincode::config::standard()).unwrap();
    assert_eq!(decode::<Answer>(&body(&raw)), Err(CodecError::Count));
}

/// SPEC.md §3: encoders write the shortest form, decoders take every form that the integer's width allows.
#[test]
fn an_integer_longer_than_it_need_be_decodes_to_the_same_value() {
    let ack = Ack { mailbox: 0, sequence: 7 };
    for sequence in [&[7][..], &[0xfb, 7, 0], &[0xfc, 7, 0, 0, 0], &[0xfd, 7, 0, 0, 0, 0, 0, 0, 0]]
    {
        assert_eq!(decode(&body(&[&[0], sequence].concat())), Ok(ack));
    }
    // Tags are integers of 32 bits; a one-byte field is never an integer of variable length.
    assert_eq!(decode(&body(&[0xfb, 0, 0])), Ok(Request::Info));
    assert_eq!(decode(&body(&[0xfc, 0, 0, 0, 0])), Ok(Request::Info));
    assert_eq!(
        decode::<Request>(&body(&[0xfd, 0, 0, 0, 0, 0, 0, 0, 0])),
        Err(CodecError::Malformed)
    );
    assert_eq!(decode(&body(&[0xfb, 7])), Ok(Ack { mailbox: 0xfb, sequence: 7 }));
}

#[test]
fn an_integer_wider_than_its_field_is_malformed() {
    for marker in [0xfe, 0xff] {
        assert_eq!(
            decode::<Ack>(&body(&[&[0, marker][..], &[0; 16]].concat())),
            Err(CodecError::Malformed)
        );
    }
    let full = [&[9, 0xfd][..], &[0; 8]].concat();
    assert_eq!(decode::<Answer>(&body(&full)), Err(CodecError::Malformed), "64 bits for 32");
}

/// A list that announces 2^60 elements fails at its announcement: nothing is reserved for it, and no
/// element is read (the bytes that follow would be valid ones).
#[test]
fn an_announced_length_of_two_to_the_sixty_is_refused_at_once() {
    let huge = [&[0xfd][..], &(1_u64 << 60).to_le_bytes()].concat();
    let after = [0; 4096];
    let lists: [(&str, Vec<u8>); 3] = [
        ("tokens", [&[1][..], &[0; 96], &huge, &after].concat()),
        ("mailboxes", [&[3][..], &huge, &after].concat()),
        ("deliveries", [&[5][..], &[0; 33], &huge, &after].concat()),
    ];
    for (name, bytes) in lists {
        assert_eq!(decode::<Request>(&body(&bytes)), Err(CodecError::Count), "{name}");
    }
    for tag in [5, 6] {
        let bytes = [&[tag][..], &huge].concat();
        assert_eq!(decode::<Answer>(&body(&bytes)), Err(CodecError::Count));
    }
    let envelope = [&[4][..], &[0; 32], &huge, &after].concat();
    assert_eq!(decode::<Request>(&body(&envelope)), Err(CodecError::Malformed));
    let access = [&[1][..], &[0; 96], &[0, 1], &huge, &after].concat();
    assert_eq!(decode::<Request>(&body(&access)), Err(CodecError::Malformed));
}

#[test]
fn an_envelope_of_another_size_is_malformed() {
    for len in [0_u16, 1, 4095, 4097] {
        let mut bytes = vec![4];
        bytes.extend_from_slice(&[0x11; 32]);
        bytes.push(0xfb);
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.resize(bytes.len() + usize::from(len), 0x5a);
        assert_eq!(decode::<Request>(&body(&bytes)), Err(CodecError::Malformed), "{len}");
    }
}

#[test]
fn an_access_token_that_is_empty_or_long_or_not_utf8_is_malformed() {
    let open = |token: &[u8]| {
        let start = [&[1][..], &[0; 96], &[0, 1, token.len() as u8], token].concat();
        decode::<Request>(&body(&start))
    };
    assert!(open(b"x").is_ok());
    assert!(open(&[b'x'; MAX_ACCESS_TOKEN_LEN]).is_ok());
    for token in [&b""[..], &[b'x'; MAX_ACCESS_TOKEN_LEN + 1], &[0xc3, 0x28]] {
        assert_eq!(open(token), Err(CodecError::Malformed));
    }
}

#[test]
fn an_option_or_a_truth_value_other_than_zero_or_one_is_malformed() {
    let mut open = [&[1][..], &[0; 96], &[0]].concat();
    open.push(2);
    assert_eq!(decode::<Request>(&body(&open)), Err(CodecError::Malformed));
    let info = body(&[0, 1, 0, 2, 0, 0, 0, 0, 0, 0]);
    assert_eq!(decode::<Answer>(&info), Err(CodecError::Malformed));
    let mut legal = info;
    legal[4] = 1;
    assert!(decode::<Answer>(&legal).is_ok());
    *legal.last_mut().unwrap() = 3;
    assert_eq!(decode::<Answer>(&legal), Err(CodecError::Malformed), "a third way to set a clock");
}

#[test]
fn a_hold_cut_anywhere_between_its_deliveries_fails() {
    let frame = framed(&largest_hold());
    for len in (0..frame.len()).step_by(4131).chain(frame.len() - 40..frame.len()) {
        assert!(decode::<Request>(&frame[..len]).is_err(), "decodes from {len} bytes");
    }
}
