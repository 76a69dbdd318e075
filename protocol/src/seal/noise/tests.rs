use super::super::prekey::{KEM_CIPHERTEXT_LEN, PrekeySecret, encapsulation_key};
use super::*;
use crate::seal::testing::{issued, person, prekey_secret};

fn unhex<const N: usize>(text: &str) -> [u8; N] {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
}

/// What somebody can send who shows a static key of which nobody has to know a private half: `ss` is then
/// taken to be zero, as it is for a low-order key.
struct Forger {
    primitives: Primitives,
    shown: Option<[u8; 32]>,
}

impl CryptoResolver for Forger {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        self.primitives.resolve_rng()
    }
    fn resolve_dh(&self, _: &DHChoice) -> Option<Box<dyn Dh>> {
        Some(Box::new(Lax {
            honest: X25519 { secret: StaticSecret::from([0; 32]), public: [0; 32] },
            shown: self.shown,
            forged: false,
        }))
    }
    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        self.primitives.resolve_hash(choice)
    }
    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        self.primitives.resolve_cipher(choice)
    }
}

/// X25519 without our checks; `set` (never called for an ephemeral key) exchanges the public key shown.
struct Lax {
    honest: X25519,
    shown: Option<[u8; 32]>,
    forged: bool,
}

impl Dh for Lax {
    fn name(&self) -> &'static str {
        "25519"
    }
    fn pub_len(&self) -> usize {
        32
    }
    fn priv_len(&self) -> usize {
        32
    }
    fn set(&mut self, private: &[u8]) {
        self.honest.set(private);
        self.honest.public = PublicKey::from(&self.honest.secret).to_bytes();
        self.forged = self.shown.is_some();
    }
    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), snow::Error> {
        self.honest.generate(rng)
    }
    fn pubkey(&self) -> &[u8] {
        match &self.shown {
            Some(shown) if self.forged => shown,
            _ => &self.honest.public,
        }
    }
    fn privkey(&self) -> &[u8] {
        self.honest.privkey()
    }
    fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        let public = PublicKey::from(*public.first_chunk::<32>().unwrap());
        let shared = self.honest.secret.diffie_hellman(&public);
        let low_order = self.forged && self.pubkey() == [0; 32];
        out[..32].copy_from_slice(if low_order { &[0; 32] } else { shared.as_bytes() });
        Ok(())
    }
}

fn lax(shown: Option<[u8; 32]>) -> snow::Builder<'static> {
    let primitives = Primitives { own_public: [0; 32], ephemeral: Zeroizing::new([8; 32]) };
    let resolver = Box::new(Forger { primitives, shown });
    snow::Builder::with_resolver(PROTOCOL.parse().unwrap(), resolver)
}

/// A message by somebody who shows `shown` as their static key and uses the secret of `own`.
pub(in crate::seal) fn forge(
    shown: [u8; 32],
    own: StaticKey<'_>,
    recipient: &[u8; 32],
    psk: &[u8; 32],
    prologue: &[u8],
    part: &[u8; PART_LEN],
) -> [u8; MESSAGE_LEN] {
    let mut state = lax(Some(shown))
        .psk(0, psk)
        .and_then(|b| b.prologue(prologue))
        .and_then(|b| b.local_private_key(own.secret.as_bytes()))
        .and_then(|b| b.remote_public_key(recipient))
        .and_then(snow::Builder::build_initiator)
        .unwrap();
    let mut message = [0; MESSAGE_LEN];
    assert_eq!(state.write_message(part, &mut message), Ok(MESSAGE_LEN));
    message
}

#[test]
fn identity_zero_is_refused_where_noise_alone_would_name_it_as_sender() {
    let (psk, part) = ([1; 32], [2; PART_LEN]);
    let prekey = prekey_secret(9);
    let recipient = *prekey.x25519().public;
    let nobody = person(3);
    let message = forge([0; 32], nobody.x25519(), &recipient, &psk, b"prologue", &part);

    let mut state = lax(None)
        .psk(0, &psk)
        .and_then(|b| b.prologue(b"prologue"))
        .and_then(|b| b.local_private_key(prekey.x25519().secret.as_bytes()))
        .and_then(snow::Builder::build_responder)
        .unwrap();
    let mut read_part = [0; PART_LEN];
    assert_eq!(state.read_message(&message, &mut read_part), Ok(PART_LEN), "the attack is real");
    assert_eq!(state.get_remote_static(), Some(&[0; 32][..]));

    assert_eq!(read(prekey.x25519(), &psk, b"prologue", &message).err(), Some(Failed));
}

#[test]
fn nothing_is_written_to_a_low_order_key() {
    let sender = person(1);
    let mut one = [0; 32];
    one[0] = 1;
    for low_order in [[0; 32], one] {
        let part = [2; PART_LEN];
        let ephemeral = Zeroizing::new([8; 32]);
        let written = write(sender.x25519(), &low_order, &[1; 32], b"", ephemeral, &part);
        assert_eq!(written.err(), Some(Failed));
    }
}

#[test]
fn drawn_bytes_are_given_out_once() {
    let mut drawn = Drawn(Some(Zeroizing::new([7; 32])));
    let mut bytes = [0; 32];
    assert_eq!(drawn.try_fill_bytes(&mut bytes), Ok(()));
    assert_eq!(bytes, [7; 32]);
    assert_eq!(drawn.try_fill_bytes(&mut bytes), Err(snow::Error::Rng));
}

/// Cacophony's vector for the nearest pattern that it has: the same primitives, psk in the second place.
#[test]
fn our_primitives_reproduce_a_public_noise_vector() {
    let psk = unhex("54686973206973206d7920417573747269616e20706572737065637469766521");
    let secret: [u8; 32] =
        unhex("e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1");
    let remote: [u8; 32] =
        unhex("31e0303fd6418d2f8c0e78b91f22e8caed0fbe48656dcf4767e4834f701b8f62");
    let ephemeral = unhex("893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a");
    let own_public = PublicKey::from(&StaticSecret::from(secret)).to_bytes();
    let resolver = Box::new(Primitives { own_public, ephemeral: Zeroizing::new(ephemeral) });
    let params = "Noise_Xpsk1_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
    let mut state = snow::Builder::with_resolver(params, resolver)
        .psk(1, &psk)
        .and_then(|b| b.prologue(b"John Galt"))
        .and_then(|b| b.local_private_key(&secret))
        .and_then(|b| b.remote_public_key(&remote))
        .and_then(snow::Builder::build_initiator)
        .unwrap();
    let mut message = [0; 112];
    assert_eq!(state.write_message(b"Ludwig von Mises", &mut message), Ok(112));
    let expected: [u8; 112] = unhex(concat!(
        "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944",
        "79be957c06c64483c69607f17a61f440528418499b7f686adfb8091fb03643ac",
        "32b5823d51c15e00d9355d5623c817a552a0bb264052946463c288d45d9ede7c",
        "6ea227faafbb5f1dd11166d6ad3f7cc5"
    ));
    assert_eq!(message, expected);
}

#[test]
fn ml_kem_agrees_with_aws_lc_both_ways() {
    use aws_lc_rs::kem::{Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_768};
    for seed in 0..8 {
        let ours = prekey_secret(seed);
        let ek = issued(&person(1), seed).ek;
        let theirs = EncapsulationKey::new(&ML_KEM_768, &ek[..]).unwrap();
        let (ciphertext, secret) = theirs.encapsulate().unwrap();
        let bytes: &[u8; KEM_CIPHERTEXT_LEN] = ciphertext.as_ref().try_into().unwrap();
        assert_eq!(&ours.decapsulate(bytes)[..], secret.as_ref());

        let theirs = DecapsulationKey::generate(&ML_KEM_768).unwrap();
        let ek = theirs.encapsulation_key().unwrap().key_bytes().unwrap();
        let ours = encapsulation_key(ek.as_ref().try_into().unwrap()).unwrap();
        let (ciphertext, secret) = ours.encapsulate_deterministic(&[seed; 32].into());
        let opened = theirs.decapsulate(Ciphertext::from(&ciphertext.0[..])).unwrap();
        assert_eq!(opened.as_ref(), &secret.0);
    }
}

#[test]
fn a_foreign_ciphertext_decapsulates_to_another_secret_and_not_to_an_error() {
    let (one, other): (PrekeySecret, PrekeySecret) = (prekey_secret(1), prekey_secret(2));
    let ek = encapsulation_key(&issued(&person(1), 1).ek).unwrap();
    let (ciphertext, secret) = ek.encapsulate_deterministic(&[5; 32].into());
    assert_eq!(*one.decapsulate(&ciphertext.0), secret.0);
    assert_ne!(*other.decapsulate(&ciphertext.0), secret.0);
}
