//! The card: what a member says of itself to one other member, signed by its identity.

use serde::{Deserialize, Serialize};

use super::extensions::Extensions;
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
    /// Of versions to come.
    pub extensions: Extensions,
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
    /// The member's last-resort prekey: an introduction rarely fits into one envelope.
    pub last_resort: Prekey,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circle::extensions::tests::extensions;
    use crate::circle::testing::{ANA, LUZ, secret};
    use crate::seal::{Day, PrekeyKind, PrekeySecret};
    use crate::wire::Pin;

    const CIRCLE: CircleId = CircleId([8; 32]);

    fn card(addresses: usize) -> Card {
        let relay = RelayAddress::new("relay.example", 4433, Pin([1; 32]), None).unwrap();
        let address = Address { relay, token: SendToken::new([2; 32]) };
        let last_resort = PrekeySecret::from_seed(&[3; 96]).issue(
            &secret(ANA),
            &CIRCLE,
            Day(1),
            PrekeyKind::LastResort,
        );
        Card {
            circle: CIRCLE,
            member: secret(ANA).public().member(),
            counter: 1,
            addresses: vec![address; addresses],
            last_resort,
            extensions: Extensions::NONE,
        }
    }

    fn forged(card: &Card, signer: u8) -> SignedCard {
        let body = encoding::to_bytes(card).unwrap();
        let signature = secret(signer).sign(LABEL, &[&body]);
        SignedCard { body, signature }
    }

    #[test]
    fn a_card_holds_for_its_member_and_circle_only() {
        let signed = card(2).sign(&secret(ANA)).unwrap();
        let [ana, luz] = [ANA, LUZ].map(|seed| secret(seed).public());
        assert_eq!(signed.verify(&CIRCLE, &ana), Ok(card(2)));
        assert_eq!(signed.verify(&CIRCLE, &luz), Err(CardError::Signature));
        assert_eq!(signed.verify(&CircleId([9; 32]), &ana), Err(CardError::Signature));
        assert_eq!(forged(&card(2), LUZ).verify(&CIRCLE, &luz), Err(CardError::Signature));
    }

    proptest::proptest! {
        #[test]
        fn a_card_holds_whatever_later_versions_say_in_it(extensions in extensions()) {
            let card = Card { extensions, ..card(1) };
            let signed = card.sign(&secret(ANA)).unwrap();
            let passed = encoding::from_bytes::<SignedCard>(&encoding::to_bytes(&signed).unwrap());
            proptest::prop_assert_eq!(passed.unwrap().verify(&CIRCLE, &secret(ANA).public()), Ok(card));
        }
    }

    #[test]
    fn a_card_has_one_to_four_addresses() {
        let ana = secret(ANA).public();
        for addresses in [0, MAX_ADDRESSES + 1] {
            assert_eq!(card(addresses).sign(&secret(ANA)), Err(CardError::Malformed));
            let signed = forged(&card(addresses), ANA);
            assert_eq!(signed.verify(&CIRCLE, &ana), Err(CardError::Malformed));
        }
        assert!(card(MAX_ADDRESSES).sign(&secret(ANA)).is_ok());
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let good = card(1).sign(&secret(ANA)).unwrap();
        for at in (0..good.body.len()).step_by(7) {
            let mut bad = good.clone();
            bad.body[at] ^= 0x80;
            assert_eq!(bad.verify(&CIRCLE, &secret(ANA).public()), Err(CardError::Signature));
        }
    }

    #[test]
    fn signed_bytes_that_are_no_card_are_malformed() {
        for body in [Vec::new(), vec![0xff; 40], {
            let mut trailing = encoding::to_bytes(&card(1)).unwrap();
            trailing.push(0);
            trailing
        }] {
            let signature = secret(ANA).sign(LABEL, &[&body]);
            let signed = SignedCard { body, signature };
            let verified = signed.verify(&CIRCLE, &secret(ANA).public());
            assert_eq!(verified, Err(CardError::Malformed));
        }
    }
}
