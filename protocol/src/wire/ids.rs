//! Ids, keys and tokens of the relay protocol. Mine and theirs are different types; secrets are wiped
//! on drop and never printed. `Debug` shows no byte of any of them: a relay must not log them.

use std::fmt;

use bytes::Bytes;
use ed25519_dalek::{Signer, SigningKey};
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::ser::{SerializeTuple, Serializer};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::limits::{ENVELOPE_LEN, MAX_ACCESS_TOKEN_LEN};
use crate::hash::{label, labelled};

macro_rules! opaque_debug {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

macro_rules! public_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// The bytes as they travel.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }
        opaque_debug!($name);
    };
}

public_id!(
    /// Name of a mailbox on a relay: its Ed25519 public key (RFC 8032), 32 bytes.
    MailboxId, 32
);
public_id!(
    /// What a relay keeps of a [`SendToken`]: `H("velar/1 send token", token)`, 32 bytes.
    SendTokenHash, 32
);
public_id!(
    /// Tells the tokens of one mailbox apart: the first 8 bytes of a [`SendTokenHash`].
    TokenMark, 8
);
public_id!(
    /// Name of a hold: `H("velar/1 hold", secret)`, 32 bytes.
    HoldId, 32
);
public_id!(
    /// Digest of a whole envelope: `H("velar/1 envelope", envelope)`, 32 bytes.
    EnvelopeDigest, 32
);
public_id!(
    /// What a relay remembers of a used child of an access token: the first 16 bytes of `H("velar/1 access spent", nonce)`.
    ChildId, 16
);
public_id!(
    /// Keying material exported from one TLS connection (RFC 8446 §7.5), 32 bytes. Binds proofs to it.
    Exporter, 32
);

impl SendTokenHash {
    /// What a delivery tells of the token that it came by.
    #[must_use]
    pub fn mark(&self) -> TokenMark {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        TokenMark([a, b, c, d, e, f, g, h])
    }
}

/// Private half of a mailbox: an Ed25519 seed, 32 bytes.
#[derive(Clone)]
pub struct MailboxSecret(SigningKey);

/// Lets one sender put envelopes into one mailbox. 32 random bytes.
#[derive(Clone, Zeroize, ZeroizeOnDrop, Serialize, Deserialize)]
pub struct SendToken([u8; 32]);

/// Lets its holder extend or cancel a hold. 32 random bytes.
#[derive(Clone, Zeroize, ZeroizeOnDrop, Serialize, Deserialize)]
pub struct HoldSecret([u8; 32]);

/// What an `Open` shows to open a new mailbox: 1 to [`MAX_ACCESS_TOKEN_LEN`] bytes of text. [`Access`](super::Access) reads it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct AccessToken(String);

/// An Ed25519 signature by a mailbox key over one verb on one connection, 64 bytes (see [`super::proof`]).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Proof(pub [u8; 64]);

/// Ciphertext of exactly [`ENVELOPE_LEN`] bytes: all that a relay ever handles. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope(Bytes);

opaque_debug!(MailboxSecret, SendToken, HoldSecret, AccessToken, Proof, Envelope);

impl MailboxSecret {
    /// From 32 random bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The 32 bytes this was made from.
    #[must_use]
    pub fn to_seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public name of this mailbox.
    #[must_use]
    pub fn id(&self) -> MailboxId {
        MailboxId(self.0.verifying_key().to_bytes())
    }

    pub(super) fn sign(&self, message: &[u8]) -> Proof {
        Proof(self.0.sign(message).to_bytes())
    }
}

macro_rules! secret_32 {
    ($name:ident) => {
        impl $name {
            /// From 32 random bytes.
            #[must_use]
            pub fn new(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The secret bytes. Whoever calls this keeps them secret.
            #[must_use]
            pub fn expose(&self) -> &[u8; 32] {
                &self.0
            }
        }

        /// In constant time.
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.ct_eq(&other.0).into()
            }
        }
        impl Eq for $name {}
    };
}
secret_32!(SendToken);
secret_32!(HoldSecret);

impl SendToken {
    /// What the mailbox's owner registers at the relay.
    #[must_use]
    pub fn hash(&self) -> SendTokenHash {
        SendTokenHash(labelled(label::SEND_TOKEN, &[&self.0]))
    }
}

impl HoldSecret {
    /// The public name of this hold.
    #[must_use]
    pub fn id(&self) -> HoldId {
        HoldId(labelled(label::HOLD, &[&self.0]))
    }
}

impl AccessToken {
    /// Takes the token's text. `None` if it is empty or longer than [`MAX_ACCESS_TOKEN_LEN`] bytes.
    #[must_use]
    pub fn new(text: String) -> Option<Self> {
        (!text.is_empty() && text.len() <= MAX_ACCESS_TOKEN_LEN).then_some(Self(text))
    }

    /// One that this crate has made: never empty, never too long.
    pub(super) fn of_own(text: String) -> Self {
        Self(text)
    }

    /// The secret text. Whoever calls this keeps it secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// In constant time for equal lengths.
impl PartialEq for AccessToken {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}
impl Eq for AccessToken {}

impl Envelope {
    /// Takes the bytes of an envelope. `None` unless there are exactly [`ENVELOPE_LEN`].
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>) -> Option<Self> {
        let bytes = bytes.into();
        (bytes.len() == ENVELOPE_LEN).then_some(Self(bytes))
    }

    /// The [`ENVELOPE_LEN`] bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// Tells doubles apart from different envelopes.
    #[must_use]
    pub fn digest(&self) -> EnvelopeDigest {
        EnvelopeDigest(labelled(label::ENVELOPE, &[&self.0]))
    }
}

/// Travels as its length (always 4096) and bytes, so that decoding is one copy.
impl Serialize for Envelope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes4096;
        impl Visitor<'_> for Bytes4096 {
            type Value = Envelope;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an envelope of {ENVELOPE_LEN} bytes")
            }
            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Envelope, E> {
                let len = bytes.len();
                Envelope::new(bytes).ok_or_else(|| E::invalid_length(len, &self))
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Envelope, E> {
                self.visit_byte_buf(bytes.to_vec())
            }
        }
        deserializer.deserialize_byte_buf(Bytes4096)
    }
}

/// Travels as its 64 bytes, without a length.
impl Serialize for Proof {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(64)?;
        for byte in &self.0 {
            tuple.serialize_element(byte)?;
        }
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for Proof {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes64;
        impl<'de> Visitor<'de> for Bytes64 {
            type Value = Proof;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("64 bytes")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Proof, A::Error> {
                let mut bytes = [0; 64];
                for (i, byte) in bytes.iter_mut().enumerate() {
                    *byte =
                        seq.next_element()?.ok_or_else(|| de::Error::invalid_length(i, &self))?;
                }
                Ok(Proof(bytes))
            }
        }
        deserializer.deserialize_tuple(64, Bytes64)
    }
}

impl Serialize for AccessToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AccessToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(text).ok_or_else(|| de::Error::custom("access token is empty or too long"))
    }
}
