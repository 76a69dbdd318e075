use super::super::tests::{Blob, Word};
use super::*;

fn keys() -> Keys {
    Keys::new(&[1; 32])
}

#[test]
fn a_sealed_value_has_its_golden_bytes() {
    let keys = keys();
    let lookup = keys.lookup::<Word>(b"ana");
    let sealed = keys.seal::<Word>(&lookup, [2; 24], &"hola".to_owned()).unwrap();
    assert_eq!((sealed.class, sealed.bytes.len()), (7, sealed_len(7)));
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    assert_eq!(hex(&lookup), GOLDEN_LOOKUP);
    assert_eq!(hex(&keys.kind::<Word>()), GOLDEN_KIND);
    assert_eq!(hex(&sealed.bytes[..57]), GOLDEN_SEALED);
    assert_eq!(hex(&sealed.bytes[sealed.bytes.len() - 16..]), GOLDEN_TAG);
}

/// Computed by an independent implementation (BLAKE2s of Python's hashlib; XChaCha20-Poly1305 from its draft).
const GOLDEN_LOOKUP: &str = "a27a88c0466db550f75b6ee5bb39bc65b17d68dcafa6f9bdc587dabdda8c3b04";
const GOLDEN_KIND: &str = "d64eb7c83b052e686ca7b2f91421e709";
const GOLDEN_SEALED: &str = "01020202020202020202020202020202020202020202020202931c87fd3173e86a2928b597786b997582901b39c3af1bb4fc50d26743c0ac30";
const GOLDEN_TAG: &str = "bee159f6944db2991ce3e848152b3559";

#[test]
fn a_value_opens_only_in_its_own_place_and_as_its_own_kind() {
    let keys = keys();
    let lookup = keys.lookup::<Word>(b"ana");
    let sealed = keys.seal::<Word>(&lookup, [2; 24], &"hola".to_owned()).unwrap().bytes;
    assert_eq!(keys.open::<Word>(&lookup, &sealed).unwrap(), "hola");
    assert!(keys.open::<Word>(&keys.lookup::<Word>(b"beto"), &sealed).is_err());
    assert!(keys.open::<Blob>(&lookup, &sealed).is_err());
    assert!(Keys::new(&[3; 32]).open::<Word>(&lookup, &sealed).is_err());
}

#[test]
fn every_flipped_bit_and_every_truncation_is_damage() {
    let keys = keys();
    let lookup = keys.lookup::<Word>(b"ana");
    let sealed = keys.seal::<Word>(&lookup, [2; 24], &"hola".to_owned()).unwrap().bytes;
    for at in 0..sealed.len() {
        let mut flipped = sealed.clone();
        flipped[at] ^= 1 << (at % 8);
        for bytes in [&flipped[..], &sealed[..at]] {
            assert!(matches!(
                keys.open::<Word>(&lookup, bytes),
                Err(VaultError::Damaged { what: Part::Record { kind: "word" } })
            ));
        }
    }
}

#[test]
fn sizes_fall_into_coarse_classes() {
    let class = |len: usize| encode(&vec![0u8; len]).map(|(class, _)| class);
    assert_eq!(class(0), Some(7));
    assert_eq!(class(128 - 5), Some(7));
    assert_eq!(class(128 - 4), Some(8));
    assert_eq!(class(5000), Some(13));
    assert_eq!(class(MAX_VALUE_LEN + 1), None);
}

#[test]
fn a_wrong_length_inside_is_damage() {
    let (_, plain) = encode(&"hola".to_owned()).unwrap();
    for length in [0u32, 4, 6, 124, 125, u32::MAX] {
        let mut wrong = plain.clone();
        wrong[..4].copy_from_slice(&length.to_le_bytes());
        assert_eq!(decode::<String>(&wrong), None, "{length}");
    }
    assert_eq!(decode::<String>(&plain).as_deref(), Some("hola"));
    assert_eq!(decode::<String>(&[0, 0]), None);
}
