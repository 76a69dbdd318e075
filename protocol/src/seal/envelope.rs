//! Seal and open.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 1 | version: 1 |
//! | 1 | 16 | [`Hint`] |
//! | 17 | 1088 | ML-KEM-768 ciphertext |
//! | 1105 | 2991 | Noise message |
//!
//! `info = "velar/1 seal" ‖ circle ‖ recipient's Ed25519 ‖ recipient's X25519 ‖ H(prekey)`;
//! `psk = HKDF-BLAKE2s(ML-KEM secret, info ‖ H(ciphertext))`; prologue = `info ‖ header`, where the
//! header is everything before the Noise message.

use ml_kem::Encapsulate;
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use super::identity::{CircleId, Identity, IdentitySecret, hkdf, public_id, usable_x25519};
use super::labels;
use super::noise::{self, MESSAGE_LEN};
use super::part::{Part, PartError};
use super::prekey::{self, CheckedPrekey, KEM_CIPHERTEXT_LEN, PrekeyId, PrekeySecret};
use crate::hash::{Digest32, labelled};
use crate::wire::Envelope;
use crate::wire::limits::ENVELOPE_LEN;

/// First byte of every envelope of this version.
pub const ENVELOPE_VERSION: u8 = 1;
/// Bytes of a hint.
pub const HINT_LEN: usize = 16;
/// Bytes before the Noise message.
pub const HEADER_LEN: usize = 1 + HINT_LEN + KEM_CIPHERTEXT_LEN;

const INFO_LEN: usize = labels::SEAL.len() + 4 * 32;

const _: () = assert!(HEADER_LEN + MESSAGE_LEN == ENVELOPE_LEN);

public_id!(
    /// Tells the owner of a prekey which one an envelope is sealed to:
    /// `H("velar/1 hint", prekey id, ciphertext)`, the first 16 bytes. To everybody else two envelopes to
    /// one prekey look unrelated.
    Hint, 16
);

/// Why a part was not sealed. None of it is the recipient's doing, and nothing was used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The part does not encode.
    #[error("the part cannot be sealed: {0}")]
    Part(#[from] PartError),
    /// The part names another sender than the identity that seals it.
    #[error("the part names another sender than the one who seals it")]
    Sender,
    /// A key of the recipient is unusable. A checked prekey and identity never lead here.
    #[error("a key of the recipient is unusable")]
    Recipient,
}

/// Why an envelope did not open. Nothing of it is to be used; nothing was used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Sealed by a later version of this protocol, or not an envelope.
    #[error("the envelope has version {theirs}, this one opens {ENVELOPE_VERSION}")]
    Version {
        /// Its first byte.
        theirs: u8,
    },
    /// Sealed to another prekey.
    #[error("the envelope is not sealed to this prekey")]
    OtherPrekey,
    /// Damaged, or sealed for another recipient or circle, or not by who holds the sender's key.
    #[error("the envelope does not decrypt")]
    Undecryptable,
    /// Decrypted, but its plaintext is malformed: a defect or malice at the sender.
    #[error("the content of the envelope is malformed: {0}")]
    Part(#[from] PartError),
    /// The sender's key is one that everybody holds.
    #[error("the sender's key is unusable")]
    UnusableSender,
    /// The part was sealed by another member than the one it names, or than the one expected.
    #[error("the envelope is not by the member it should be by")]
    OtherSender,
}

/// What was in an envelope. By whom it is shows [`authenticate`](Self::authenticate).
#[derive(Debug)]
pub struct Opened {
    /// The sender's static key. Whoever sealed the envelope holds its private half, or that of the prekey.
    pub sender_x25519: [u8; 32],
    /// What it says. Of an invitation's answer it is read before its author is known; of nothing else.
    pub part: Part,
}

/// Seals a part to a prekey of the recipient, which must not be used again unless it is a last-resort one.
///
/// Draws 32 bytes from `rng` for ML-KEM, then 32 for the ephemeral key.
///
/// # Errors
/// [`SealError`]; the prekey is then unused.
pub fn seal(
    sender: &IdentitySecret,
    recipient: &Identity,
    circle: &CircleId,
    prekey: &CheckedPrekey,
    part: &Part,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Envelope, SealError> {
    if part.sender != sender.public().member() {
        return Err(SealError::Sender);
    }
    let plaintext = part.encode()?;
    let prekey = prekey.prekey();
    let ek = prekey::encapsulation_key(&prekey.ek).ok_or(SealError::Recipient)?;
    let (ciphertext, mut secret) = ek.encapsulate_with_rng(rng);
    let kem_secret = Zeroizing::new(secret.0);
    secret.as_mut_slice().zeroize();

    let digest = prekey::digest(&prekey.x25519, &prekey.ek);
    let info = info(circle, recipient, &digest);
    let psk = psk(&kem_secret, &info, &ciphertext.0);
    let mut bytes = Vec::with_capacity(INFO_LEN + ENVELOPE_LEN);
    bytes.extend_from_slice(&info);
    bytes.push(ENVELOPE_VERSION);
    bytes.extend_from_slice(hint(prekey.id(), &ciphertext.0).as_bytes());
    bytes.extend_from_slice(&ciphertext.0);
    let mut ephemeral = Zeroizing::new([0; 32]);
    rng.fill_bytes(ephemeral.as_mut_slice());
    let message =
        noise::write(sender.x25519(), &prekey.x25519, &psk, &bytes, ephemeral, &plaintext)
            .map_err(|_| SealError::Recipient)?;
    bytes.extend_from_slice(&message);
    bytes.drain(..INFO_LEN);
    Envelope::new(bytes).ok_or(SealError::Recipient)
}

/// Opens an envelope with the private half of one prekey. Changes nothing: deleting the prekey is for
/// the caller, in one transaction with storing the message.
///
/// `circle` and `owner` are those for which the prekey was issued.
///
/// # Errors
/// [`OpenError`].
pub fn open(
    owner: &Identity,
    circle: &CircleId,
    prekey: &PrekeySecret,
    envelope: &Envelope,
) -> Result<Opened, OpenError> {
    let Fields { header, hint: theirs, ciphertext, message } = fields(envelope)?;
    if hint(prekey.id(), ciphertext) != theirs {
        return Err(OpenError::OtherPrekey);
    }
    let info = info(circle, owner, &prekey.digest());
    let psk = psk(&prekey.decapsulate(ciphertext), &info, ciphertext);
    let prologue = [&info[..], header].concat();
    let read = noise::read(prekey.x25519(), &psk, &prologue, message)
        .map_err(|_| OpenError::Undecryptable)?;
    if !usable_x25519(&read.sender) {
        return Err(OpenError::UnusableSender);
    }
    Ok(Opened { sender_x25519: read.sender, part: Part::decode(&read.part)? })
}

impl Opened {
    /// The part, if it is by `sender`: the member that the prekey was issued to.
    ///
    /// # Errors
    /// [`OpenError::OtherSender`], also if the part names somebody else than who sealed it;
    /// [`OpenError::UnusableSender`].
    pub fn authenticate(self, sender: &Identity) -> Result<Part, OpenError> {
        if !usable_x25519(&sender.x25519) {
            return Err(OpenError::UnusableSender);
        }
        if sender.x25519 != self.sender_x25519 || self.part.sender != sender.member() {
            return Err(OpenError::OtherSender);
        }
        Ok(self.part)
    }
}

/// What an envelope with this ciphertext to this prekey has in its header.
#[must_use]
pub fn hint(prekey: PrekeyId, kem_ciphertext: &[u8; KEM_CIPHERTEXT_LEN]) -> Hint {
    let [hint @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
        labelled(labels::HINT, &[prekey.as_bytes(), kem_ciphertext]);
    Hint(hint)
}

/// The hint in an envelope's header.
///
/// # Errors
/// [`OpenError::Version`].
pub fn hint_of(envelope: &Envelope) -> Result<Hint, OpenError> {
    fields(envelope).map(|fields| fields.hint)
}

/// The version of an envelope, if it is newer than this one. Anybody with a token can write any: it says nothing of who
/// sealed it, or whether anybody did.
#[must_use]
pub fn newer_version(envelope: &Envelope) -> Option<u8> {
    envelope.as_bytes().first().copied().filter(|version| *version > ENVELOPE_VERSION)
}

/// Whether an envelope is sealed to this prekey. Its owner tries all that it has, also the spent ones.
#[must_use]
pub fn matches(envelope: &Envelope, prekey: PrekeyId) -> bool {
    fields(envelope).is_ok_and(|fields| hint(prekey, fields.ciphertext) == fields.hint)
}

struct Fields<'a> {
    header: &'a [u8],
    hint: Hint,
    ciphertext: &'a [u8; KEM_CIPHERTEXT_LEN],
    message: &'a [u8; MESSAGE_LEN],
}

fn fields(envelope: &Envelope) -> Result<Fields<'_>, OpenError> {
    let bytes: &[u8] = envelope.as_bytes();
    let split = || {
        let (&version, rest) = bytes.split_first()?;
        let (hint, rest) = rest.split_first_chunk()?;
        let (ciphertext, message) = rest.split_first_chunk()?;
        let header = bytes.get(..HEADER_LEN)?;
        let fields =
            Fields { header, hint: Hint(*hint), ciphertext, message: message.try_into().ok()? };
        Some((version, fields))
    };
    match split() {
        Some((ENVELOPE_VERSION, fields)) => Ok(fields),
        Some((theirs, _)) => Err(OpenError::Version { theirs }),
        // Not reached: an `Envelope` has one length.
        None => Err(OpenError::Undecryptable),
    }
}

/// Binds circle, recipient and prekey. All fields have fixed lengths.
fn info(circle: &CircleId, recipient: &Identity, prekey: &Digest32) -> [u8; INFO_LEN] {
    let mut info = [0; INFO_LEN];
    let fields: [&[u8]; 5] =
        [labels::SEAL, circle.as_bytes(), &recipient.ed25519, &recipient.x25519, prekey];
    for (to, from) in info.iter_mut().zip(fields.into_iter().flatten()) {
        *to = *from;
    }
    info
}

fn psk(
    kem_secret: &[u8; 32],
    info: &[u8; INFO_LEN],
    ciphertext: &[u8; KEM_CIPHERTEXT_LEN],
) -> Zeroizing<[u8; 32]> {
    hkdf(kem_secret, &[info, &labelled(labels::KEM_CIPHERTEXT, &[ciphertext])])
}

#[cfg(test)]
mod tests;
