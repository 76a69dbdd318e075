//! The card: what a member says of itself to one other member, signed by its identity.

use serde::{Deserialize, Serialize};

use super::limits::MAX_ADDRESSES;
use crate::encoding;
use crate::seal::{CircleId, Identity, IdentitySecret, MemberId, Prekey, Signature};
use crate::wire::{RelayAddress, SendToken};

/// What a member signs as its card.
const LABEL: &[u8] = b"velar/1 card";

/// Where one sender reaches one member: a relay and that sender's own token there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The relay, with its pins.
    pub relay: RelayAddress,
    /// This sender's token for the member's mailbox there.
    pub token: SendToken,
}

/// A member's addresses for one sender, and its last-resort prekey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The circle.
    pub circle: CircleId,
    /// Whose card.
    pub member: MemberId,
    /// Grows with every change; an older card never replaces a newer one.
    pub counter: u64,
    /// Everything goes to all of them. 1 to [`MAX_ADDRESSES`].
    pub addresses: Vec<Address>,
    /// Used when no one-time prekey is left; may be used again and again.
    pub last_resort: Prekey,
}

/// A card as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedCard {
    body: Vec<u8>,
    signature: Signature,
}

/// What a member leaves with a coordinator, so that a newcomer can reach it while it is offline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spare {
    /// 1 to [`MAX_ADDRESSES`], with tokens that nobody uses yet.
    pub addresses: Vec<Address>,
    /// A one-time prekey issued to whoever uses it first.
    pub prekey: Prekey,
}

/// Why a card is not taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// The bytes are no card, or break a bound.
    #[error("the card is malformed")]
    Malformed,
    /// Not signed by the member it names, or of another circle or member.
    #[error("the card is not signed by its member")]
    Signature,
}

impl Card {
    /// Signs it.
    ///
    /// # Errors
    /// [`CardError::Malformed`] if the number of addresses is out of bounds.
    pub fn sign(&self, identity: &IdentitySecret) -> Result<SignedCard, CardError> {
        check_addresses(&self.addresses)?;
        let body = encoding::to_bytes(self).map_err(|_| CardError::Malformed)?;
        let signature = identity.sign(LABEL, &[&body]);
        Ok(SignedCard { body, signature })
    }
}

impl SignedCard {
    /// Verifies that `owner` signed it for this circle. The last-resort prekey is checked by
    /// [`Prekey::verify`] when it is taken into use.
    ///
    /// # Errors
    /// [`CardError`].
    pub fn verify(&self, circle: &CircleId, owner: &Identity) -> Result<Card, CardError> {
        owner.verify(LABEL, &[&self.body], &self.signature).map_err(|_| CardError::Signature)?;
        let card: Card = encoding::from_bytes(&self.body).map_err(|_| CardError::Malformed)?;
        check_addresses(&card.addresses)?;
        if card.circle != *circle || card.member != owner.member() {
            return Err(CardError::Signature);
        }
        Ok(card)
    }
}

/// Whether a number of addresses is within bounds.
///
/// # Errors
/// [`CardError::Malformed`].
pub fn check_addresses(addresses: &[Address]) -> Result<(), CardError> {
    if (1..=MAX_ADDRESSES).contains(&addresses.len()) { Ok(()) } else { Err(CardError::Malformed) }
}
