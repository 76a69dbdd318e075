use proptest::prelude::*;

use super::*;
use crate::seal::testing::{CIRCLE, TODAY, issued, person, prekey_secret};

fn verify(prekey: &Prekey) -> Result<(), PrekeyError> {
    prekey.verify(&person(1).public(), &CIRCLE, TODAY, PrekeyKind::OneTime).map(|_| ())
}

fn encode(prekey: &Prekey) -> Vec<u8> {
    bincode::serde::encode_to_vec(prekey, bincode::config::standard()).unwrap()
}

fn decode(bytes: &[u8]) -> Option<(Prekey, usize)> {
    bincode::serde::decode_from_slice(bytes, bincode::config::standard()).ok()
}

#[test]
fn golden_bytes() {
    let prekey = Prekey {
        x25519: [1; 32],
        ek: Box::new([2; EK_LEN]),
        day: Day(0x0403),
        signature: Signature([5; 64]),
    };
    let expected = [&[1; 32][..], &[2; 1184], &[3, 4, 0, 0], &[5; 64]].concat();
    assert_eq!(PREKEY_LEN, 1284);
    assert_eq!(prekey.to_bytes()[..], expected[..]);
    assert_eq!(encode(&prekey), expected);
}

#[test]
fn a_prekey_survives_its_bytes_and_every_truncation_fails() {
    let prekey = issued(&person(1), 1);
    assert_eq!(Prekey::from_bytes(&prekey.to_bytes()), prekey);
    let bytes = encode(&prekey);
    assert_eq!(decode(&bytes), Some((prekey, PREKEY_LEN)));
    for len in 0..bytes.len() {
        assert_eq!(decode(&bytes[..len]), None, "{len} bytes");
    }
}

#[test]
fn a_seed_makes_the_same_prekey_again() {
    let secret = prekey_secret(1);
    let again = PrekeySecret::from_seed(&secret.to_seed());
    assert_eq!(*secret.to_seed(), [0x81; 96]);
    assert_eq!(again.id(), secret.id());
    assert_eq!(again.id(), issued(&person(1), 1).id());
    assert_ne!(again.id(), prekey_secret(2).id());
    assert_eq!(format!("{secret:?}"), "PrekeySecret(..)");
}

#[test]
fn an_issued_prekey_passes_every_check_and_can_be_stored() {
    let prekey = issued(&person(1), 1);
    let checked = prekey.verify(&person(1).public(), &CIRCLE, TODAY, PrekeyKind::OneTime).unwrap();
    assert_eq!(checked.id(), prekey.id());
    assert_eq!(checked.prekey(), &prekey);
    let stored = checked.into_prekey();
    assert!(stored.clone().recheck_age(Day(TODAY.0 + 14), 14).is_ok());
    assert_eq!(
        stored.recheck_age(Day(TODAY.0 + 15), 14),
        Err(PrekeyError::TooOld { age_days: 15, max_age_days: 14 })
    );
}

#[test]
fn age_is_bounded_on_both_sides() {
    let issue = |day| prekey_secret(1).issue(&person(1), &CIRCLE, Day(day), PrekeyKind::OneTime);
    assert_eq!(verify(&issue(TODAY.0 - 14)), Ok(()));
    let too_old = PrekeyError::TooOld { age_days: 15, max_age_days: 14 };
    assert_eq!(verify(&issue(TODAY.0 - 15)), Err(too_old));
    assert_eq!(verify(&issue(TODAY.0 + 1)), Ok(()));
    let ahead = PrekeyError::FromTheFuture { ahead_days: 2 };
    assert_eq!(verify(&issue(TODAY.0 + 2)), Err(ahead));
    assert!(matches!(verify(&issue(u32::MAX)), Err(PrekeyError::FromTheFuture { .. })));
    assert!(matches!(verify(&issue(0)), Err(PrekeyError::TooOld { .. })));
}

#[test]
fn a_prekey_of_another_owner_or_circle_is_refused() {
    let prekey = issued(&person(1), 1);
    let stolen = prekey.verify(&person(2).public(), &CIRCLE, TODAY, PrekeyKind::OneTime);
    assert_eq!(stolen, Err(PrekeyError::Signature));
    let elsewhere = prekey.verify(&person(1).public(), &CircleId::NONE, TODAY, PrekeyKind::OneTime);
    assert_eq!(elsewhere, Err(PrekeyError::Signature));
}

#[test]
fn a_prekey_for_every_message_does_not_pass_for_one_of_one_message_nor_the_other_way_round() {
    use PrekeyKind::{LastResort, OneTime};
    for (made, asked) in [(OneTime, LastResort), (LastResort, OneTime)] {
        let prekey = prekey_secret(1).issue(&person(1), &CIRCLE, TODAY, made);
        let owner = person(1).public();
        assert!(prekey.verify(&owner, &CIRCLE, TODAY, made).is_ok());
        let swapped = prekey.verify(&owner, &CIRCLE, TODAY, asked);
        assert_eq!(swapped, Err(PrekeyError::Signature), "{made:?} as {asked:?}");
    }
}

#[test]
fn every_field_is_signed() {
    let good = issued(&person(1), 1);
    let other = issued(&person(1), 2);
    let changed = [
        Prekey { x25519: other.x25519, ..good.clone() },
        Prekey { ek: other.ek.clone(), ..good.clone() },
        Prekey { day: Day(TODAY.0 - 1), ..good.clone() },
        Prekey { signature: other.signature, ..good.clone() },
    ];
    for prekey in changed {
        assert_eq!(verify(&prekey), Err(PrekeyError::Signature));
    }
}

#[test]
fn unusable_keys_are_refused_even_when_signed() {
    let owner = person(1);
    let sign = |x25519: [u8; 32], ek: Box<[u8; EK_LEN]>| {
        let ek_digest = labelled(labels::ENCAPSULATION_KEY, &[&ek[..]]);
        let day = TODAY.0.to_le_bytes();
        let parts: [&[u8]; 4] = [CIRCLE.as_bytes(), &day, &x25519, &ek_digest];
        let signature = owner.sign(labels::PREKEY_SIGNATURE, &parts);
        Prekey { x25519, ek, day: TODAY, signature }
    };
    let good = issued(&owner, 1);
    assert_eq!(verify(&sign(good.x25519, good.ek.clone())), Ok(()));

    assert_eq!(verify(&sign([0; 32], good.ek.clone())), Err(PrekeyError::X25519));
    let mut high_bit = good.x25519;
    high_bit[31] |= 0x80;
    assert_eq!(verify(&sign(high_bit, good.ek.clone())), Err(PrekeyError::X25519));

    let long_term = sign(owner.public().x25519, good.ek.clone());
    assert_eq!(verify(&long_term), Err(PrekeyError::RepeatsIdentity));

    let mut out_of_range = good.ek.clone();
    (out_of_range[0], out_of_range[1]) = (0xff, 0xff); // the first coefficient is 4095, over q
    assert_eq!(verify(&sign(good.x25519, out_of_range)), Err(PrekeyError::EncapsulationKey));
}

#[test]
fn days_are_counted_in_utc() {
    assert_eq!(Day::of_unix(0), Day(0));
    assert_eq!(Day::of_unix(86_399), Day(0));
    assert_eq!(Day::of_unix(86_400), Day(1));
    assert_eq!(Day::of_unix(u64::MAX), Day(u32::MAX));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn perturbed_bytes_never_panic_and_never_verify(
        changes in proptest::collection::vec((0..PREKEY_LEN, 1_u8..), 1..8),
    ) {
        let good = issued(&person(1), 1).to_bytes();
        let mut bytes = good;
        for (position, change) in changes {
            bytes[position] ^= change;
        }
        let prekey = Prekey::from_bytes(&bytes);
        prop_assert_eq!(prekey.to_bytes(), bytes);
        prop_assert_eq!(verify(&prekey).is_ok(), bytes == good);
    }
}
