use proptest::prelude::*;

use super::*;
use crate::seal::testing::{issued, part, person};

fn decode(bytes: &[u8]) -> Result<Part, PartError> {
    Part::decode(bytes.try_into().unwrap())
}

#[test]
fn golden_bytes() {
    let part = Part {
        sender: MemberId([1; 32]),
        roster_number: 0x0203,
        roster_hash: [4; 32],
        voice: Voice([5; 16]),
        message: MessageId([6; 16]),
        sequence: 0x0708,
        index: 9,
        count: 10,
        yours_held: 11,
        body: b"estoy bien".to_vec(),
        prekeys: vec![],
    };
    let mut expected = Vec::new();
    expected.extend([1; 32]);
    expected.extend([3, 2, 0, 0, 0, 0, 0, 0]);
    expected.extend([4; 32]);
    expected.extend([5; 16]);
    expected.extend([6; 16]);
    expected.extend([8, 7, 0, 0, 0, 0, 0, 0]);
    expected.extend([9, 10, 11, 0, 10, 0]);
    expected.extend(b"estoy bien");
    expected.resize(PART_LEN, 0);
    assert_eq!(part.encode().unwrap()[..], expected[..]);
    assert_eq!(decode(&expected), Ok(part));
}

#[test]
fn prekeys_stand_between_the_fixed_fields_and_the_body() {
    let ana = person(1);
    let prekeys = vec![issued(&ana, 1), issued(&ana, 2)];
    let bytes = part(&ana, b"body", prekeys.clone()).encode().unwrap();
    assert_eq!(bytes[115], 2);
    assert_eq!(bytes[118..118 + 1284], prekeys[0].to_bytes());
    assert_eq!(bytes[118 + 1284..118 + 2568], prekeys[1].to_bytes());
    assert_eq!(&bytes[118 + 2568..][..5], b"body\0");
}

#[test]
fn a_full_part_has_no_padding_and_one_byte_more_is_refused() {
    let ana = person(1);
    for count in 0..=2 {
        let capacity = [2777, 1493, 209][count];
        assert_eq!(body_capacity(count), capacity);
        let prekeys: Vec<_> = (0..count).map(|i| issued(&ana, i as u8)).collect();
        let full = part(&ana, &vec![0xff; capacity], prekeys.clone());
        assert_eq!(full.encode().unwrap()[PART_LEN - 1], 0xff);
        assert_eq!(decode(&full.encode().unwrap()[..]), Ok(full));
        let over = part(&ana, &vec![0xff; capacity + 1], prekeys);
        assert_eq!(over.encode(), Err(PartError::Body { len: capacity + 1, capacity }));
    }
    assert_eq!(body_capacity(3), 0);
    assert_eq!(body_capacity(usize::MAX), 0);
}

#[test]
fn each_bound_has_its_error_in_both_directions() {
    let ana = person(1);
    let good = part(&ana, b"body", vec![]);
    for (index, count) in [(0, 0), (1, 1), (64, 65), (255, 255)] {
        let bad = Part { index, count, ..good.clone() };
        assert_eq!(bad.encode(), Err(PartError::Index { index, count }));
        let mut bytes = *good.encode().unwrap();
        (bytes[112], bytes[113]) = (index, count);
        assert_eq!(decode(&bytes[..]), Err(PartError::Index { index, count }));
    }
    let three = (1..4).map(|i| issued(&ana, i)).collect();
    assert_eq!(part(&ana, b"", three).encode(), Err(PartError::Prekeys));
    let mut bytes = good.encode().unwrap();
    bytes[115] = 3;
    assert_eq!(Part::decode(&bytes), Err(PartError::Prekeys));

    let mut bytes = good.encode().unwrap();
    bytes[117] = 0xff;
    let len = usize::from(u16::from_le_bytes([4, 0xff]));
    assert_eq!(Part::decode(&bytes), Err(PartError::Body { len, capacity: 2777 }));

    let (one, other) = (issued(&ana, 1), issued(&ana, 2));
    let same_ek = Prekey { ek: one.ek.clone(), ..other.clone() };
    let same_x25519 = Prekey { x25519: one.x25519, ..other.clone() };
    for twin in [one.clone(), same_ek, same_x25519] {
        let twins = part(&ana, b"", vec![one.clone(), twin.clone()]);
        assert_eq!(twins.encode(), Err(PartError::RepeatedPrekey));
        let mut bytes = part(&ana, b"", vec![one.clone(), other.clone()]).encode().unwrap();
        bytes[118 + 1284..118 + 2568].copy_from_slice(&twin.to_bytes());
        assert_eq!(Part::decode(&bytes), Err(PartError::RepeatedPrekey));
    }
}

#[test]
fn every_byte_of_padding_is_zero() {
    let good = part(&person(1), b"body", vec![]).encode().unwrap();
    for position in 122..PART_LEN {
        let mut bytes = good.clone();
        bytes[position] = 1;
        assert_eq!(Part::decode(&bytes), Err(PartError::Padding), "byte {position}");
    }
}

/// The type takes 2895 bytes and nothing else: a shorter plaintext is cut inside, where its fields are.
#[test]
fn every_truncation_of_the_content_fails_or_changes_it() {
    let full = part(&person(1), &[0xff; 2777], vec![]);
    let bytes = full.encode().unwrap();
    for len in 0..PART_LEN {
        let mut cut = [0; PART_LEN];
        cut[..len].copy_from_slice(&bytes[..len]);
        assert_ne!(Part::decode(&cut), Ok(full.clone()), "cut at {len}");
        assert!(<&[u8; PART_LEN]>::try_from(&bytes[..len]).is_err());
    }
}

#[test]
fn debug_shows_no_content() {
    let shown = format!("{:?}", part(&person(1), b"estoy en Bogota", vec![]));
    assert!(shown.starts_with("Part(MessageId(06060606) of MemberId("), "{shown}");
    assert!(!shown.contains("Bogota") && shown.len() < 80, "{shown}");
}

prop_compose! {
    fn any_part()(
        sender: [u8; 32], roster_number: u64, roster_hash: [u8; 32], voice: [u8; 16],
        message: [u8; 16], sequence: u64, (index, count) in (1..=MAX_PARTS).prop_flat_map(|n| (0..n, Just(n))),
        yours_held: u8, prekeys in 0_usize..=2, fill in 0.0..=1.0_f64, byte: u8,
    ) -> Part {
        let capacity = body_capacity(prekeys) as f64;
        Part {
            sender: MemberId(sender), roster_number, roster_hash, voice: Voice(voice),
            message: MessageId(message), sequence, index, count, yours_held,
            body: vec![byte; (capacity * fill) as usize],
            prekeys: (0..prekeys).map(|i| issued(&person(1), i as u8)).collect(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_part_survives_its_bytes(part in any_part()) {
        prop_assert_eq!(Part::decode(&part.encode().unwrap()), Ok(part));
    }

    #[test]
    fn perturbed_bytes_never_panic_and_decode_to_themselves(
        part in any_part(),
        changes in proptest::collection::vec((0..PART_LEN, any::<u8>()), 1..8),
    ) {
        let mut bytes = part.encode().unwrap();
        for (position, byte) in changes {
            bytes[position] = byte;
        }
        if let Ok(other) = Part::decode(&bytes) {
            prop_assert_eq!(other.encode().unwrap(), bytes);
        }
    }
}
