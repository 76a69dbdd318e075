//! Identities: a member's long-term keys, and the ids derived from or beside them.

use std::fmt;

use blake2::Blake2s256;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use hkdf::SimpleHkdf;
use serde::{Deserialize, Serialize};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::noise::StaticKey;
use super::{fixed, labels};
use crate::hash::labelled;

macro_rules! public_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// The bytes as they travel.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        /// The first four bytes in hexadecimal.
        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                let [a, b, c, d, ..] = self.0;
                write!(f, concat!(stringify!($name), "({:02x}{:02x}{:02x}{:02x})"), a, b, c, d)
            }
        }
    };
}
pub(super) use public_id;

public_id!(
    /// Name of a circle: digest of its first roster, 32 bytes. Zero while there is none (invitations).
    CircleId, 32
);
public_id!(
    /// Name of a member: `H("velar/1 member", Ed25519, X25519)`, 32 bytes.
    MemberId, 32
);
public_id!(
    /// Name of a message, drawn at random by its sender. Always read together with that sender's
    /// [`MemberId`]: nobody can occupy the id of somebody else's message.
    MessageId, 16
);

impl CircleId {
    /// Stands where no circle is known yet: in an invitation.
    pub const NONE: Self = Self([0; 32]);
}

/// Tells with which passphrase the sender's vault was opened. 16 random bytes, or [`Voice::NONE`]; never printed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Voice(pub [u8; 16]);

impl Voice {
    /// Says nothing of a passphrase: the voice of what is sealed beforehand, in kits and holds, of offers, and of
    /// nothing else.
    pub const NONE: Self = Self([0; 16]);
}

impl fmt::Debug for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Voice(..)")
    }
}

/// An Ed25519 signature (RFC 8032) by an identity over a labelled hash, 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature(#[serde(with = "fixed")] pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

/// The public half of a member's long-term keys. 64 bytes on the wire: Ed25519 ‖ X25519.
///
/// Deserialising does not check them: [`check`](Self::check) every identity that comes in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// Signs rosters, cards and prekeys.
    pub ed25519: [u8; 32],
    /// Noise static key: authenticates the sender of an envelope to its recipient.
    pub x25519: [u8; 32],
}

/// Why an identity is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Not a canonical point of the prime-order subgroup.
    #[error("the signing key of this identity is unusable")]
    Ed25519,
    /// Not canonical, or of low order: every shared secret with it would be known to all.
    #[error("the sealing key of this identity is unusable")]
    X25519,
}

/// The signature is not one by this identity over these parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not hold")]
pub struct SignatureError;

impl Identity {
    /// This member's name.
    #[must_use]
    pub fn member(&self) -> MemberId {
        MemberId(labelled(labels::MEMBER, &[&self.ed25519, &self.x25519]))
    }

    /// Refuses keys with which nothing is signed or sealed safely.
    ///
    /// # Errors
    /// [`IdentityError`] names the unusable key.
    pub fn check(&self) -> Result<(), IdentityError> {
        let key = VerifyingKey::from_bytes(&self.ed25519).map_err(|_| IdentityError::Ed25519)?;
        let point = key.to_edwards();
        // A second encoding of a point, or one with a small-order component, would be a second name
        // for a member, or a key under which one signature fits several messages.
        if key.is_weak() || !point.is_torsion_free() || point.compress().to_bytes() != self.ed25519
        {
            return Err(IdentityError::Ed25519);
        }
        if usable_x25519(&self.x25519) { Ok(()) } else { Err(IdentityError::X25519) }
    }

    /// Checks a signature over `H(label, parts)`.
    ///
    /// # Errors
    /// [`SignatureError`]; also for an unusable key.
    pub fn verify(
        &self,
        label: &[u8],
        parts: &[&[u8]],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        VerifyingKey::from_bytes(&self.ed25519)
            .and_then(|key| key.verify_strict(&labelled(label, parts), &signature))
            .map_err(|_| SignatureError)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?})", self.member())
    }
}

/// The private half of an [`Identity`]. Wiped on drop, never printed.
pub struct IdentitySecret {
    ed25519: SigningKey,
    x25519: StaticSecret,
    public: Identity,
}

impl IdentitySecret {
    /// From 64 random bytes: 32 of the Ed25519 seed ‖ 32 of the X25519 scalar.
    #[must_use]
    pub fn from_seed(seed: &[u8; 64]) -> Self {
        let mut halves = [Zeroizing::new([0; 32]), Zeroizing::new([0; 32])];
        for (half, bytes) in halves.iter_mut().zip(seed.chunks_exact(32)) {
            half.copy_from_slice(bytes);
        }
        let [ed25519, x25519] = halves;
        let ed25519 = SigningKey::from_bytes(&ed25519);
        let x25519 = StaticSecret::from(*x25519);
        let public = Identity {
            ed25519: ed25519.verifying_key().to_bytes(),
            x25519: PublicKey::from(&x25519).to_bytes(),
        };
        Self { ed25519, x25519, public }
    }

    /// The 64 bytes this was made from.
    #[must_use]
    pub fn to_seed(&self) -> Zeroizing<[u8; 64]> {
        let mut seed = Zeroizing::new([0; 64]);
        let halves = self.ed25519.as_bytes().iter().chain(self.x25519.as_bytes());
        for (to, from) in seed.iter_mut().zip(halves) {
            *to = *from;
        }
        seed
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> Identity {
        self.public
    }

    /// Signs `H(label, parts)`.
    #[must_use]
    pub fn sign(&self, label: &[u8], parts: &[&[u8]]) -> Signature {
        Signature(self.ed25519.sign(&labelled(label, parts)).to_bytes())
    }

    pub(super) fn x25519(&self) -> StaticKey<'_> {
        StaticKey { secret: &self.x25519, public: &self.public.x25519 }
    }
}

impl fmt::Debug for IdentitySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentitySecret(..)")
    }
}

/// Derives `N` secret bytes from a seed: `HKDF-BLAKE2s(salt = none, ikm = seed, info = label)`.
///
/// One label per purpose. `N` is at most 8160 (checked when compiled).
#[must_use]
pub fn expand<const N: usize>(seed: &[u8; 32], label: &[u8]) -> Zeroizing<[u8; N]> {
    hkdf(seed, &[label])
}

pub(super) fn hkdf<const N: usize>(secret: &[u8; 32], info: &[&[u8]]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= 255 * 32, "HKDF makes at most 255 blocks") };
    let mut out = Zeroizing::new([0; N]);
    #[expect(
        clippy::expect_used,
        reason = "the only error is a length that the assertion excludes"
    )]
    SimpleHkdf::<Blake2s256>::new(None, secret)
        .expand_multi_info(info, out.as_mut_slice())
        .expect("length checked when compiled");
    out
}

/// Whether an X25519 public key is canonical (RFC 7748 §5: below 2^255 − 19, top bit clear) and not of
/// low order. A second encoding would slip past comparisons; a low-order key makes secrets public.
pub(super) fn usable_x25519(key: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = key;
    let below_p =
        *last < 0x7f || (*last == 0x7f && (*first < 0xed || middle.iter().any(|b| *b != 0xff)));
    below_p && !LOW_ORDER.contains(key)
}

/// All canonical points of low order, on the curve and its twist: of order 1 or 2, 4, 8, 8, and 4.
/// Whatever slips past is refused again by the exchange itself: its result is all zero.
const LOW_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    padded(1, 0, 0),
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
    padded(0xec, 0xff, 0x7f),
];

/// `first ‖ 30 × middle ‖ last`.
const fn padded(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let m = middle;
    [
        first, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m, m,
        m, m, last,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> IdentitySecret {
        IdentitySecret::from_seed(&core::array::from_fn(|i| i as u8))
    }

    #[test]
    fn a_seed_makes_the_same_identity_again() {
        let again = IdentitySecret::from_seed(&secret().to_seed());
        assert_eq!(again.public(), secret().public());
        assert_eq!(*secret().to_seed(), core::array::from_fn(|i| i as u8));
        assert_eq!(secret().public().check(), Ok(()));
    }

    #[test]
    fn a_signature_holds_for_its_label_parts_and_signer_only() {
        let signature = secret().sign(b"label", &[b"a", b"b"]);
        let public = secret().public();
        assert_eq!(public.verify(b"label", &[b"a", b"b"], &signature), Ok(()));
        assert_eq!(public.verify(b"other", &[b"a", b"b"], &signature), Err(SignatureError));
        assert_eq!(public.verify(b"label", &[b"ab"], &signature), Err(SignatureError));
        let other = IdentitySecret::from_seed(&[9; 64]).public();
        assert_eq!(other.verify(b"label", &[b"a", b"b"], &signature), Err(SignatureError));
    }

    #[test]
    fn every_low_order_or_non_canonical_sealing_key_is_refused() {
        let p_plus = |n: u8| {
            let mut key = [0xff; 32];
            key[0] = 0xed + n;
            key[31] = 0x7f;
            key
        };
        let mut high_bit = secret().public().x25519;
        high_bit[31] |= 0x80;
        // 2^255 - 1 = p + 18: the encoding of 18 a second time.
        let second_encodings = [p_plus(0), p_plus(1), p_plus(18), high_bit];
        for key in LOW_ORDER.into_iter().chain(second_encodings) {
            let identity = Identity { x25519: key, ..secret().public() };
            assert_eq!(identity.check(), Err(IdentityError::X25519), "{key:02x?}");
        }
        let exchange = StaticSecret::from([1; 32]);
        for key in LOW_ORDER {
            assert!(!exchange.diffie_hellman(&PublicKey::from(key)).was_contributory());
        }
        for key in [padded(9, 0, 0), padded(0xeb, 0xff, 0x7f), padded(0xff, 0xff, 0x7e)] {
            assert!(usable_x25519(&key));
        }
    }

    #[test]
    fn every_weak_or_non_canonical_signing_key_is_refused() {
        let mut identity_point = [0; 32];
        identity_point[0] = 1;
        let mut second_encoding = [0xff; 32]; // y = p + 1, the identity point again
        second_encoding[0] = 0xee;
        second_encoding[31] = 0x7f;
        let mut off_curve = [0; 32];
        off_curve[0] = 2;
        for key in [[0; 32], identity_point, second_encoding, off_curve] {
            let identity = Identity { ed25519: key, ..secret().public() };
            assert_eq!(identity.check(), Err(IdentityError::Ed25519), "{key:02x?}");
        }
    }

    #[test]
    fn debug_shows_short_ids_and_no_secret() {
        assert_eq!(format!("{:?}", MessageId([0xab; 16])), "MessageId(abababab)");
        assert_eq!(format!("{:?}", Voice([7; 16])), "Voice(..)");
        assert_eq!(format!("{:?}", secret()), "IdentitySecret(..)");
    }

    #[test]
    fn expansion_depends_on_seed_and_label() {
        let one: Zeroizing<[u8; 96]> = expand(&[1; 32], b"a");
        assert_ne!(*one, *expand::<96>(&[1; 32], b"b"));
        assert_ne!(*one, *expand::<96>(&[2; 32], b"a"));
        assert_eq!(one[..32], *expand::<32>(&[1; 32], b"a"));
    }
}
