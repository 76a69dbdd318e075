//! Prekeys: hybrid public keys that an owner hands to one member, to be used once.
//!
//! On the wire, 1284 bytes: `X25519(32) ‖ encapsulation key(1184) ‖ u32le day ‖ signature(64)`.

use std::fmt;

use ml_kem::array::Array;
use ml_kem::{Decapsulate, KeyExport, Seed};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, Zeroizing};

use super::identity::{CircleId, Identity, IdentitySecret, Signature, public_id, usable_x25519};
use super::lifetimes::{CLOCK_SKEW_DAYS, LAST_RESORT_MAX_AGE_DAYS, PREKEY_MAX_AGE_DAYS};
use super::noise::StaticKey;
use super::{fixed, labels};
use crate::hash::{Digest32, labelled};

/// Bytes of an ML-KEM-768 encapsulation key (FIPS 203).
pub const EK_LEN: usize = 1184;
/// Bytes of an ML-KEM-768 ciphertext (FIPS 203).
pub const KEM_CIPHERTEXT_LEN: usize = 1088;
/// Bytes of a prekey on the wire.
pub const PREKEY_LEN: usize = 32 + EK_LEN + 4 + 64;
/// Bytes of a prekey's secret seed.
pub const PREKEY_SEED_LEN: usize = 96;

/// Days since 1970-01-01, UTC. Whole days: a prekey tells nothing finer about its owner's habits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Day(pub u32);

impl Day {
    /// The day of a time in seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn of_unix(seconds: u64) -> Self {
        Self(u32::try_from(seconds / 86_400).unwrap_or(u32::MAX))
    }
}

/// What a prekey is for. Its signature says so: a key that is used again and again must not pass for one that is used once, nor
/// the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrekeyKind {
    /// For one member, and one message.
    OneTime,
    /// For every member, and any number of messages, until it expires.
    LastResort,
}

impl PrekeyKind {
    /// Days from its issue in which it may be sealed to.
    #[must_use]
    pub const fn max_age_days(self) -> u32 {
        match self {
            Self::OneTime => PREKEY_MAX_AGE_DAYS,
            Self::LastResort => LAST_RESORT_MAX_AGE_DAYS,
        }
    }

    const fn label(self) -> &'static [u8] {
        match self {
            Self::OneTime => labels::PREKEY_SIGNATURE,
            Self::LastResort => labels::LAST_RESORT_SIGNATURE,
        }
    }
}

public_id!(
    /// Name of a prekey: the first 16 bytes of `H("velar/1 prekey", X25519, encapsulation key)`.
    PrekeyId, 16
);

/// A prekey as it came: nothing about it is checked. [`verify`](Self::verify) before use.
#[derive(Clone, PartialEq, Eq)]
pub struct Prekey {
    /// X25519 public key: the responder's static key of the Noise message.
    pub x25519: [u8; 32],
    /// ML-KEM-768 encapsulation key.
    pub ek: Box<[u8; EK_LEN]>,
    /// When it was issued.
    pub day: Day,
    /// By the owner's identity, over circle, day and both keys.
    pub signature: Signature,
}

/// A prekey that passed every check. Only [`Prekey::verify`] and [`Prekey::recheck_age`] make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedPrekey(Prekey);

/// Why a prekey is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrekeyError {
    /// Not canonical or of low order.
    #[error("the X25519 half of the prekey is unusable")]
    X25519,
    /// It repeats the owner's identity key: a one-time key would be a long-term one.
    #[error("the prekey repeats its owner's identity key")]
    RepeatsIdentity,
    /// Fails the check of FIPS 203 §7.2.
    #[error("the ML-KEM half of the prekey is unusable")]
    EncapsulationKey,
    /// Not signed by this owner for this circle and this use.
    #[error("the prekey is not signed by its owner for this circle and this use")]
    Signature,
    /// Too old to be sealed to.
    #[error("the prekey is {age_days} days old, at most {max_age_days} are accepted")]
    TooOld {
        /// Its age.
        age_days: u32,
        /// The most that is accepted.
        max_age_days: u32,
    },
    /// Dated further ahead than clocks differ.
    #[error("the prekey is dated {ahead_days} days ahead")]
    FromTheFuture {
        /// How far.
        ahead_days: u32,
    },
}

impl Prekey {
    /// Its name.
    #[must_use]
    pub fn id(&self) -> PrekeyId {
        id_of(&digest(&self.x25519, &self.ek))
    }

    /// The bytes as they travel.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; PREKEY_LEN] {
        let mut bytes = [0; PREKEY_LEN];
        let fields = [&self.x25519[..], &self.ek[..], &self.day.0.to_le_bytes(), &self.signature.0];
        for (to, from) in bytes.iter_mut().zip(fields.into_iter().flatten()) {
            *to = *from;
        }
        bytes
    }

    /// Reads the bytes as they travel. Every 1284 bytes are a prekey; few of them pass the checks.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; PREKEY_LEN]) -> Self {
        let mut rest = bytes.iter().copied();
        Self {
            x25519: take(&mut rest),
            ek: Box::new(take(&mut rest)),
            day: Day(u32::from_le_bytes(take(&mut rest))),
            signature: Signature(take(&mut rest)),
        }
    }

    /// Makes every check that a prekey needs before it is sealed to; when it comes in, not when a panic
    /// needs it.
    ///
    /// That it was not seen before is for the caller to check, by [`id`](Self::id): only it remembers.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn verify(
        &self,
        owner: &Identity,
        circle: &CircleId,
        today: Day,
        kind: PrekeyKind,
    ) -> Result<CheckedPrekey, PrekeyError> {
        if !usable_x25519(&self.x25519) {
            return Err(PrekeyError::X25519);
        }
        if self.x25519 == owner.x25519 {
            return Err(PrekeyError::RepeatsIdentity);
        }
        encapsulation_key(&self.ek).ok_or(PrekeyError::EncapsulationKey)?;
        let ek = labelled(labels::ENCAPSULATION_KEY, &[&self.ek[..]]);
        let signed: [&[u8]; 4] = [circle.as_bytes(), &self.day.0.to_le_bytes(), &self.x25519, &ek];
        owner.verify(kind.label(), &signed, &self.signature).map_err(|_| PrekeyError::Signature)?;
        self.clone().recheck_age(today, kind.max_age_days())
    }

    /// Takes back into use a prekey that this device stored after [`verify`](Self::verify), where nobody
    /// else could change it. Checks its age alone.
    ///
    /// # Errors
    /// [`PrekeyError::TooOld`], [`PrekeyError::FromTheFuture`].
    pub fn recheck_age(self, today: Day, max_age_days: u32) -> Result<CheckedPrekey, PrekeyError> {
        let ahead_days = self.day.0.saturating_sub(today.0);
        if ahead_days > CLOCK_SKEW_DAYS {
            return Err(PrekeyError::FromTheFuture { ahead_days });
        }
        let age_days = today.0.saturating_sub(self.day.0);
        if age_days > max_age_days {
            return Err(PrekeyError::TooOld { age_days, max_age_days });
        }
        Ok(CheckedPrekey(self))
    }
}

impl fmt::Debug for Prekey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prekey({:?}, {:?})", self.id(), self.day)
    }
}

/// Travels as its 1284 bytes, without a length.
impl Serialize for Prekey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fixed::serialize(&self.to_bytes(), serializer)
    }
}

impl<'de> Deserialize<'de> for Prekey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        fixed::deserialize(deserializer).map(|bytes| Self::from_bytes(&bytes))
    }
}

impl CheckedPrekey {
    /// As it came, to be stored.
    #[must_use]
    pub fn prekey(&self) -> &Prekey {
        &self.0
    }

    /// As it came, to be stored.
    #[must_use]
    pub fn into_prekey(self) -> Prekey {
        self.0
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> PrekeyId {
        self.0.id()
    }
}

/// The private half of a prekey. Stored as its seed of 96 bytes; wiped on drop, never printed.
pub struct PrekeySecret {
    x25519: StaticSecret,
    x25519_public: [u8; 32],
    dk: Box<ml_kem::DecapsulationKey768>,
    seed: Zeroizing<[u8; PREKEY_SEED_LEN]>,
    digest: Digest32,
}

impl PrekeySecret {
    /// From 96 random bytes: X25519 scalar (32) ‖ ML-KEM `d` (32) ‖ `z` (32).
    #[must_use]
    pub fn from_seed(seed: &[u8; PREKEY_SEED_LEN]) -> Self {
        let mut bytes = seed.iter().copied();
        let scalar: Zeroizing<[u8; 32]> = Zeroizing::new(take(&mut bytes));
        let mut kem_seed: Seed = Array(take(&mut bytes));
        let x25519 = StaticSecret::from(*scalar);
        let x25519_public = PublicKey::from(&x25519).to_bytes();
        let dk = Box::new(ml_kem::DecapsulationKey768::from_seed(kem_seed));
        kem_seed.as_mut_slice().zeroize();
        let digest = digest(&x25519_public, &dk.encapsulation_key().to_bytes().0);
        Self { x25519, x25519_public, dk, seed: Zeroizing::new(*seed), digest }
    }

    /// The 96 bytes this was made from.
    #[must_use]
    pub fn to_seed(&self) -> Zeroizing<[u8; PREKEY_SEED_LEN]> {
        self.seed.clone()
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> PrekeyId {
        id_of(&self.digest)
    }

    /// The public half, signed by its owner for a circle and a use.
    #[must_use]
    pub fn issue(
        &self,
        owner: &IdentitySecret,
        circle: &CircleId,
        day: Day,
        kind: PrekeyKind,
    ) -> Prekey {
        let ek = Box::new(self.dk.encapsulation_key().to_bytes().0);
        let ek_digest = labelled(labels::ENCAPSULATION_KEY, &[&ek[..]]);
        let signed: [&[u8]; 4] =
            [circle.as_bytes(), &day.0.to_le_bytes(), &self.x25519_public, &ek_digest];
        let signature = owner.sign(kind.label(), &signed);
        Prekey { x25519: self.x25519_public, ek, day, signature }
    }

    pub(super) fn digest(&self) -> Digest32 {
        self.digest
    }

    pub(super) fn x25519(&self) -> StaticKey<'_> {
        StaticKey { secret: &self.x25519, public: &self.x25519_public }
    }

    /// Never fails: for a ciphertext that was not made for this key the secret is pseudo-random.
    pub(super) fn decapsulate(&self, ciphertext: &[u8; KEM_CIPHERTEXT_LEN]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.dk.decapsulate(&Array(*ciphertext)).0)
    }
}

impl fmt::Debug for PrekeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrekeySecret(..)")
    }
}

/// `H("velar/1 prekey", X25519, encapsulation key)`.
pub(super) fn digest(x25519: &[u8; 32], ek: &[u8; EK_LEN]) -> Digest32 {
    labelled(labels::PREKEY, &[x25519, ek])
}

/// The encapsulation key, if it passes the check of FIPS 203 §7.2.
pub(super) fn encapsulation_key(ek: &[u8; EK_LEN]) -> Option<ml_kem::EncapsulationKey768> {
    ml_kem::EncapsulationKey768::new(&Array(*ek)).ok()
}

fn id_of(digest: &Digest32) -> PrekeyId {
    PrekeyId(take(&mut digest.iter().copied()))
}

/// The next `N` bytes; zeros where the bytes end (callers take what their type has).
fn take<const N: usize>(bytes: &mut impl Iterator<Item = u8>) -> [u8; N] {
    core::array::from_fn(|_| bytes.next().unwrap_or_default())
}

#[cfg(test)]
mod tests;
