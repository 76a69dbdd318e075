//! Invitations: a link small enough for a QR, an offer left at a mailbox that only its holders can read,
//! an answer, and four words that both screens show.
//!
//! The offer commits to a nonce that the coordinator reveals only when the answer is in: a thief of the
//! link who answers in somebody's place has one guess at 44 bits of words.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::card::{Address, SignedCard};
use super::words::WordList;
use crate::hash::{Digest32, labelled};
use crate::seal::{
    CircleId, Day, Identity, IdentitySecret, Prekey, PrekeyKind, PrekeySecret, Signature, expand,
};
use crate::wire::address::typed;
use crate::wire::{AccessToken, AddressError, MailboxSecret, RelayAddress, SendToken};

const LABEL_MAILBOX: &[u8] = b"velar/1 invitation mailbox";
const LABEL_TOKEN: &[u8] = b"velar/1 invitation token";
const LABEL_IDENTITY: &[u8] = b"velar/1 invitation identity";
const LABEL_PREKEY: &[u8] = b"velar/1 invitation prekey";
const LABEL_COMMIT: &[u8] = b"velar/1 invitation commitment";
const LABEL_JOIN: &[u8] = b"velar/1 join";
const LABEL_OFFER_HASH: &[u8] = b"velar/1 offer hash";
const LABEL_INVITATION_HASH: &[u8] = b"velar/1 invitation hash";
const LABEL_JOIN_HASH: &[u8] = b"velar/1 join hash";
const LABEL_WORDS: &[u8] = b"velar/1 words";

/// `relay address ! 32-byte seed`: all that the QR holds. Secret until it is used.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    relay: RelayAddress,
    seed: Seed,
}

#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
struct Seed([u8; 32]);

/// Step 1, from the coordinator. Nothing about people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The coordinator's keys.
    pub coordinator: Identity,
    /// The circle.
    pub circle: CircleId,
    /// `c = H(label, n_C, member id of the coordinator, circle)`.
    pub commitment: Digest32,
    /// In which language both screens show the words.
    pub words: WordList,
    /// Where to answer.
    pub reply: Vec<Address>,
    /// What to seal the answer to; it may be used more than once while the invitation lasts.
    pub reply_prekey: Prekey,
    /// For opening a mailbox at the relay, where one is needed.
    pub access: Option<AccessToken>,
    /// Until when it may be answered, Unix seconds.
    pub until_s: u64,
}

/// Step 2, from the joiner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The joiner's keys.
    pub identity: Identity,
    /// By its Ed25519 key, over the X25519 key and the offer; sealed by the X25519 key it names.
    pub signature: Signature,
    /// How the joiner wishes to be called.
    pub name: String,
    /// The joiner's card for the coordinator.
    pub card: SignedCard,
    /// `n_J`, 32 random bytes.
    pub nonce: [u8; 32],
}

/// Why a text is not an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It does not begin with `velar-join://`.
    #[error("an invitation begins with velar-join://")]
    Scheme,
    /// The relay address in it is damaged.
    #[error("the relay address in the invitation is damaged")]
    Address(#[from] AddressError),
    /// The seed is missing or damaged.
    #[error("the invitation is not complete")]
    Seed,
}

impl Invitation {
    /// A new one. `seed`: 32 random bytes.
    #[must_use]
    pub fn new(relay: RelayAddress, seed: [u8; 32]) -> Self {
        Self { relay, seed: Seed(seed) }
    }

    /// The relay where the offer is left.
    #[must_use]
    pub fn relay(&self) -> &RelayAddress {
        &self.relay
    }

    /// The secret that all else is derived from.
    #[must_use]
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed.0
    }

    /// The mailbox where the offer is left; both sides hold its key.
    #[must_use]
    pub fn mailbox(&self) -> MailboxSecret {
        MailboxSecret::from_seed(&expand::<32>(&self.seed.0, LABEL_MAILBOX))
    }

    /// The token that puts the offer there.
    #[must_use]
    pub fn token(&self) -> SendToken {
        SendToken::new(*expand::<32>(&self.seed.0, LABEL_TOKEN))
    }

    /// The identity that the offer is sealed to, held by whoever has the link.
    #[must_use]
    pub fn identity(&self) -> IdentitySecret {
        IdentitySecret::from_seed(&expand::<64>(&self.seed.0, LABEL_IDENTITY))
    }

    /// The prekey that the offer is sealed to.
    #[must_use]
    pub fn prekey(&self) -> PrekeySecret {
        PrekeySecret::from_seed(&expand::<96>(&self.seed.0, LABEL_PREKEY))
    }

    /// The public half of [`Self::prekey`], issued on `day`.
    #[must_use]
    pub fn public_prekey(&self, day: Day) -> Prekey {
        self.prekey().issue(&self.identity(), &CircleId::NONE, day, PrekeyKind::OneTime)
    }
}

impl Offer {
    /// The commitment to `nonce` for this coordinator and circle.
    #[must_use]
    pub fn commit(nonce: &[u8; 32], coordinator: &Identity, circle: &CircleId) -> Digest32 {
        labelled(LABEL_COMMIT, &[nonce, &coordinator.member().0, &circle.0])
    }

    /// Whether `nonce` is the one committed to.
    #[must_use]
    pub fn opens_with(&self, nonce: &[u8; 32]) -> bool {
        Self::commit(nonce, &self.coordinator, &self.circle) == self.commitment
    }
}

impl Join {
    /// Signs the joiner's keys to this offer (`offer`: the message bytes as received).
    #[must_use]
    pub fn sign(identity: &IdentitySecret, offer: &[u8]) -> Signature {
        let hash = labelled(LABEL_OFFER_HASH, &[offer]);
        identity.sign(LABEL_JOIN, &[&identity.public().x25519, &hash])
    }

    /// Whether the joiner signed its keys to this offer (`offer`: the message bytes as sent).
    #[must_use]
    pub fn is_signed_to(&self, offer: &[u8]) -> bool {
        let hash = labelled(LABEL_OFFER_HASH, &[offer]);
        self.identity.check().is_ok()
            && self
                .identity
                .verify(LABEL_JOIN, &[&self.identity.x25519, &hash], &self.signature)
                .is_ok()
    }
}

/// The four words: `H(label, H(invitation), H(join), n_C)`, where the invitation is the seed and the
/// offer's message bytes, and the join its message bytes. Nothing later enters.
#[must_use]
pub fn words(
    list: WordList,
    invitation: &Invitation,
    offer: &[u8],
    join: &[u8],
    nonce: &[u8; 32],
) -> [&'static str; 4] {
    let offered = labelled(LABEL_INVITATION_HASH, &[invitation.seed(), offer]);
    let joined = labelled(LABEL_JOIN_HASH, &[join]);
    list.words(&labelled(LABEL_WORDS, &[&offered, &joined, nonce]))
}

impl fmt::Display for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let relay = self.relay.to_string();
        let rest = relay.strip_prefix("velar://").unwrap_or(&relay);
        write!(f, "velar-join://{rest}!{}", BASE64URL_NOPAD.encode(&self.seed.0))
    }
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Invitation(..)")
    }
}

impl FromStr for Invitation {
    type Err = LinkError;
    fn from_str(text: &str) -> Result<Self, LinkError> {
        let text = typed(text);
        let rest = text.strip_prefix("velar-join://").ok_or(LinkError::Scheme)?;
        let (relay, seed) = rest.rsplit_once('!').ok_or(LinkError::Seed)?;
        let relay = RelayAddress::exact(&format!("velar://{relay}"))?;
        let bytes = BASE64URL_NOPAD.decode(seed.as_bytes()).map_err(|_| LinkError::Seed)?;
        let seed = bytes.try_into().map_err(|_| LinkError::Seed)?;
        Ok(Self::new(relay, seed))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::circle::message::samples;
    use crate::wire::Pin;

    fn invitation() -> Invitation {
        let relay = RelayAddress::new("::1", 4433, Pin([1; 32]), Some(Pin([2; 32]))).unwrap();
        Invitation::new(relay, [9; 32])
    }

    #[test]
    fn a_link_survives_its_text_and_fits_a_terminal_qr() {
        let text = invitation().to_string();
        assert_eq!(text.parse(), Ok(invitation()));
        assert!(text.len() < 200, "{}", text.len());
    }

    #[test]
    fn links_are_read_as_published() {
        let all = include_str!("../../vectors/addresses.json");
        let all: serde_json::Value = serde_json::from_str(all).unwrap();
        let cases = |kind: &str| all["links"][kind].as_array().unwrap().clone();
        for case in cases("good") {
            let link = case["link"].as_str().unwrap();
            let read: Invitation = link.parse().expect(link);
            assert_eq!(read.to_string(), link);
            assert_eq!(read.relay().to_string(), case["address"]);
            assert_eq!(data_encoding::HEXLOWER.encode(read.seed()), case["seed"]);
        }
        for case in cases("typed") {
            let [typed, link] = ["typed", "link"].map(|name| case[name].as_str().unwrap());
            assert_eq!(
                typed.parse::<Invitation>().map(|read| read.to_string()),
                Ok(link.to_owned())
            );
        }
        for case in cases("bad") {
            assert!(
                case["link"].as_str().unwrap().parse::<Invitation>().is_err(),
                "{}",
                case["why"]
            );
        }
    }

    #[test]
    fn a_damaged_link_says_which_part_is_wrong() {
        let text = invitation().to_string();
        assert_eq!(text[..text.len() - 1].parse::<Invitation>(), Err(LinkError::Seed));
        assert_eq!(text.replace('!', "").parse::<Invitation>(), Err(LinkError::Seed));
        assert_eq!(
            text.replace("velar-join", "velar").parse::<Invitation>(),
            Err(LinkError::Scheme)
        );
        let address = LinkError::Address(AddressError::Host);
        assert_eq!(text.replace(":4433", "").parse::<Invitation>(), Err(address));
    }

    #[test]
    fn the_words_change_with_everything_they_vouch_for() {
        let other = Invitation::new(invitation().relay().clone(), [8; 32]);
        let of = |i: &Invitation, offer: &[u8], join: &[u8], nonce| {
            words(WordList::Spanish, i, offer, join, nonce)
        };
        let base = of(&invitation(), b"o", b"j", &[0; 32]);
        assert_ne!(base, of(&other, b"o", b"j", &[0; 32]));
        assert_ne!(base, of(&invitation(), b"p", b"j", &[0; 32]));
        assert_ne!(base, of(&invitation(), b"o", b"k", &[0; 32]));
        assert_ne!(base, of(&invitation(), b"o", b"j", &[1; 32]));
        assert_eq!(base, of(&invitation(), b"o", b"j", &[0; 32]));
    }

    #[test]
    fn a_commitment_opens_with_its_nonce_only() {
        let coordinator = IdentitySecret::from_seed(&[4; 64]).public();
        let circle = CircleId([5; 32]);
        let commitment = Offer::commit(&[1; 32], &coordinator, &circle);
        assert_ne!(commitment, Offer::commit(&[2; 32], &coordinator, &circle));
        assert_ne!(commitment, Offer::commit(&[1; 32], &coordinator, &CircleId([6; 32])));
    }

    #[test]
    fn an_offer_opens_with_its_own_nonce_coordinator_and_circle_only() {
        let offer = samples::offer();
        let commitment = Offer::commit(&[1; 32], &offer.coordinator, &offer.circle);
        let offer = Offer { commitment, ..offer };
        assert!(offer.opens_with(&[1; 32]));
        assert!(!offer.opens_with(&[2; 32]));
        assert!(!Offer { circle: CircleId([0; 32]), ..offer.clone() }.opens_with(&[1; 32]));
        let coordinator = IdentitySecret::from_seed(&[4; 64]).public();
        assert!(!Offer { coordinator, ..offer }.opens_with(&[1; 32]));
    }

    #[test]
    fn a_join_is_signed_for_one_offer_and_one_sealing_key() {
        let joiner = IdentitySecret::from_seed(&[7; 64]);
        let (identity, signature) = (joiner.public(), Join::sign(&joiner, b"offer"));
        let join = Join { identity, signature, ..samples::join() };
        assert!(join.is_signed_to(b"offer"));
        assert!(!join.is_signed_to(b"another"));
        let x25519 = IdentitySecret::from_seed(&[8; 64]).public().x25519;
        for x25519 in [x25519, [0; 32]] {
            let identity = Identity { x25519, ..identity };
            assert!(!Join { identity, ..join.clone() }.is_signed_to(b"offer"));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_link_or_an_error(text in "(velar-join://)?\\PC{0,60}") {
            let _ = text.parse::<Invitation>();
        }

        #[test]
        fn a_changed_link_is_another_invitation_or_an_error(at in any::<Index>(), c in "[ -~]") {
            let text = invitation().to_string();
            let at = at.index(text.len());
            let changed = format!("{}{c}{}", &text[..at], &text[at + 1..]);
            if let Ok(other) = changed.parse::<Invitation>() {
                prop_assert!(other != invitation() || typed(&changed) == text);
            }
        }
    }
}
