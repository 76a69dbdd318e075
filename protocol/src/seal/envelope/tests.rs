use super::super::testing::*;
use super::*;
use crate::seal::{PART_LEN, PrekeyKind, Voice, expand};

struct Scene {
    ana: IdentitySecret,
    eva: IdentitySecret,
    envelope: Envelope,
    part: Part,
}

/// Ana seals to Eva's prekey 9.
fn scene() -> Scene {
    let (ana, eva) = (person(1), person(2));
    let part = part(&ana, b"estoy bien", vec![issued(&ana, 11), issued(&ana, 12)]);
    let envelope =
        seal(&ana, &eva.public(), &CIRCLE, &checked(&eva, 9), &part, &mut Stream(0)).unwrap();
    Scene { ana, eva, envelope, part }
}

impl Scene {
    fn open(&self, envelope: &Envelope) -> Result<Opened, OpenError> {
        open(&self.eva.public(), &CIRCLE, &prekey_secret(9), envelope)
    }
}

fn flipped(envelope: &Envelope, position: usize) -> Envelope {
    let mut bytes = envelope.as_bytes().to_vec();
    bytes[position] ^= 1 << (position % 8);
    Envelope::new(bytes).unwrap()
}

#[test]
fn what_was_sealed_opens_and_authenticates() {
    let scene = scene();
    let opened = scene.open(&scene.envelope).unwrap();
    assert_eq!(opened.sender_x25519, scene.ana.public().x25519);
    assert_eq!(opened.authenticate(&scene.ana.public()), Ok(scene.part.clone()));
    // Opening consumes nothing by itself: it can be repeated until a transaction succeeds.
    assert!(scene.open(&scene.envelope).is_ok());
}

#[test]
fn the_hint_tells_the_owner_which_prekey() {
    let Scene { envelope, .. } = scene();
    assert!(matches(&envelope, prekey_secret(9).id()));
    assert!(!matches(&envelope, prekey_secret(10).id()));
    let ciphertext = envelope.as_bytes()[17..HEADER_LEN].try_into().unwrap();
    assert_eq!(hint_of(&envelope), Ok(hint(prekey_secret(9).id(), ciphertext)));
}

#[test]
fn sealing_twice_gives_unrelated_bytes() {
    let Scene { ana, eva, envelope, part } = scene();
    let again =
        seal(&ana, &eva.public(), &CIRCLE, &checked(&eva, 9), &part, &mut Stream(9)).unwrap();
    let (one, two) = (envelope.as_bytes(), again.as_bytes());
    assert_ne!(hint_of(&envelope), hint_of(&again));
    let equal = one.iter().zip(two).skip(1).filter(|(a, b)| a == b).count();
    // 4095 unrelated bytes agree in 16 places on average, in 50 with a chance below 10^-10.
    assert!(equal < 50, "{equal} of 4095 bytes are equal");
}

#[test]
fn wrong_owner_circle_or_prekey_does_not_open() {
    let Scene { ana, eva, envelope, .. } = scene();
    let fails = |owner: &Identity, circle, prekey| {
        open(owner, &circle, &prekey, &envelope).map(|_| ()).unwrap_err()
    };
    let eva = eva.public();
    assert_eq!(fails(&ana.public(), CIRCLE, prekey_secret(9)), OpenError::Undecryptable);
    assert_eq!(fails(&eva, CircleId([0xc2; 32]), prekey_secret(9)), OpenError::Undecryptable);
    assert_eq!(fails(&eva, CIRCLE, prekey_secret(10)), OpenError::OtherPrekey);
    for half in [Identity { ed25519: [7; 32], ..eva }, Identity { x25519: [7; 32], ..eva }] {
        assert_eq!(fails(&half, CIRCLE, prekey_secret(9)), OpenError::Undecryptable);
    }
}

#[test]
fn a_flipped_bit_anywhere_does_not_open() {
    let scene = scene();
    let body =
        (HEADER_LEN..HEADER_LEN + 32 + 48).chain((HEADER_LEN + 80..ENVELOPE_LEN).step_by(13));
    let tag = ENVELOPE_LEN - 16..ENVELOPE_LEN;
    for position in (0..HEADER_LEN).chain(body).chain(tag) {
        let error = scene.open(&flipped(&scene.envelope, position)).map(|_| ()).unwrap_err();
        let expected = match position {
            0 => OpenError::Version { theirs: 0 },
            1..HEADER_LEN => OpenError::OtherPrekey,
            _ => OpenError::Undecryptable,
        };
        assert_eq!(error, expected, "byte {position}");
    }
    assert!(scene.open(&scene.envelope).is_ok());
}

#[test]
fn a_header_with_a_matching_hint_over_another_ciphertext_does_not_open() {
    let scene = scene();
    let mut bytes = flipped(&scene.envelope, 400).as_bytes().to_vec();
    let forged = hint(prekey_secret(9).id(), bytes[17..HEADER_LEN].try_into().unwrap());
    bytes[1..17].copy_from_slice(forged.as_bytes());
    let error = scene.open(&Envelope::new(bytes).unwrap()).map(|_| ()).unwrap_err();
    assert_eq!(error, OpenError::Undecryptable);
}

#[test]
fn another_version_is_named() {
    let Scene { envelope, .. } = scene();
    let mut bytes = envelope.as_bytes().to_vec();
    bytes[0] = 2;
    let later = Envelope::new(bytes).unwrap();
    assert_eq!(hint_of(&later), Err(OpenError::Version { theirs: 2 }));
    assert!(!matches(&later, prekey_secret(9).id()));
}

#[test]
fn only_the_expected_sender_is_authenticated() {
    let scene = scene();
    let opened = || scene.open(&scene.envelope).unwrap();
    let ana = scene.ana.public();
    assert_eq!(opened().authenticate(&person(3).public()), Err(OpenError::OtherSender));
    // The same sealing key under another signing key is another member.
    let half = Identity { ed25519: person(3).public().ed25519, ..ana };
    assert_eq!(opened().authenticate(&half), Err(OpenError::OtherSender));
    let zero = Identity { x25519: [0; 32], ..ana };
    assert_eq!(opened().authenticate(&zero), Err(OpenError::UnusableSender));
    let zero_static = Opened { sender_x25519: [0; 32], ..opened() };
    assert_eq!(zero_static.authenticate(&ana), Err(OpenError::OtherSender));
}

#[test]
fn nobody_seals_in_the_name_of_another() {
    let Scene { eva, part, .. } = scene();
    let sealed = seal(&person(3), &eva.public(), &CIRCLE, &checked(&eva, 9), &part, &mut Stream(0));
    assert_eq!(sealed, Err(SealError::Sender));
}

#[test]
fn a_malformed_part_is_not_sealed() {
    let Scene { ana, eva, part, .. } = scene();
    let too_long = Part { body: vec![0; 210], ..part };
    let sealed = seal(&ana, &eva.public(), &CIRCLE, &checked(&eva, 9), &too_long, &mut Stream(0));
    assert_eq!(sealed, Err(SealError::Part(PartError::Body { len: 210, capacity: 209 })));
}

#[test]
fn an_authentic_envelope_with_malformed_content_gives_a_typed_error() {
    let (ana, eva) = (person(1), person(2));
    let mut plaintext = part(&ana, b"", vec![]).encode().unwrap();
    plaintext[PART_LEN - 1] = 1;
    let envelope = seal_bytes(&ana, &eva, &plaintext);
    let error = open(&eva.public(), &CIRCLE, &prekey_secret(9), &envelope).map(|_| ()).unwrap_err();
    assert_eq!(error, OpenError::Part(PartError::Padding));
}

#[test]
fn an_invitation_uses_a_derived_identity_and_no_circle() {
    let seed = [0x77; 32];
    let derived = || {
        let invited = IdentitySecret::from_seed(&expand(&seed, b"test identity"));
        let prekey = PrekeySecret::from_seed(&expand(&seed, b"test prekey"));
        let public = prekey.issue(&invited, &CircleId::NONE, TODAY, PrekeyKind::OneTime);
        (invited.public(), prekey, public)
    };
    let (invited, _, public) = derived();
    let prekey = public.verify(&invited, &CircleId::NONE, TODAY, PrekeyKind::OneTime).unwrap();
    let joiner = person(5);
    let part = Part { voice: Voice([0; 16]), ..part(&joiner, b"join", vec![]) };
    let envelope =
        seal(&joiner, &invited, &CircleId::NONE, &prekey, &part, &mut Stream(0)).unwrap();
    let (owner, secret, _) = derived();
    let opened = open(&owner, &CircleId::NONE, &secret, &envelope).unwrap();
    assert_eq!(opened.part.body, b"join");
    assert_eq!(opened.authenticate(&joiner.public()), Ok(part));
}

#[test]
fn a_sender_key_in_a_second_encoding_is_refused() {
    // X25519 ignores the top bit: Noise alone would authenticate another key than Ana's.
    let (ana, eva) = (person(1), person(2));
    let mut second = ana.public().x25519;
    second[31] |= 0x80;
    let plaintext = part(&ana, b"", vec![]).encode().unwrap();
    for (shown, error) in [(second, OpenError::UnusableSender), ([0; 32], OpenError::Undecryptable)]
    {
        let envelope = seal_with(&eva, |to, psk, prologue| {
            noise::tests::forge(shown, ana.x25519(), to, psk, prologue, &plaintext)
        });
        let opened = open(&eva.public(), &CIRCLE, &prekey_secret(9), &envelope);
        assert_eq!(opened.map(|_| ()).unwrap_err(), error);
    }
}

/// Seals any plaintext to Eva's prekey 9, as a malicious sender can.
fn seal_bytes(ana: &IdentitySecret, eva: &IdentitySecret, plaintext: &[u8; PART_LEN]) -> Envelope {
    seal_with(eva, |to, psk, prologue| {
        let ephemeral = Zeroizing::new([8; 32]);
        noise::write(ana.x25519(), to, psk, prologue, ephemeral, plaintext).unwrap()
    })
}

/// An envelope to Eva's prekey 9 around any Noise message.
fn seal_with(
    eva: &IdentitySecret,
    write: impl FnOnce(&[u8; 32], &[u8; 32], &[u8]) -> [u8; MESSAGE_LEN],
) -> Envelope {
    let prekey = checked(eva, 9);
    let ek = prekey::encapsulation_key(&prekey.prekey().ek).unwrap();
    let (ciphertext, secret) = ek.encapsulate_deterministic(&[1; 32].into());
    let digest = prekey::digest(&prekey.prekey().x25519, &prekey.prekey().ek);
    let info = info(&CIRCLE, &eva.public(), &digest);
    let mut bytes = info.to_vec();
    bytes.push(ENVELOPE_VERSION);
    bytes.extend_from_slice(hint(prekey.id(), &ciphertext.0).as_bytes());
    bytes.extend_from_slice(&ciphertext.0);
    let psk = psk(&secret.0, &info, &ciphertext.0);
    bytes.extend_from_slice(&write(&prekey.prekey().x25519, &psk, &bytes));
    Envelope::new(bytes.split_off(INFO_LEN)).unwrap()
}
