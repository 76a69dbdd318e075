//! Founding a circle, inviting, joining, approving.
//!
//! Every step is a message in the vault before it is on the wire, so each side may stop and go on later.

mod answering;
mod approving;
mod entering;
mod founding;
mod inviting;

use velar_protocol::circle::{Body, Invitation, Message, Offer};
use velar_protocol::seal::MemberId;

use super::Done;
use crate::records::{Joining, Secret, pair_key};

pub use answering::JoinState;
pub use approving::AnswerView;
pub use inviting::OfferToSend;

/// Key of an introduction that waits for a spare.
pub(super) fn owed_key(newcomer: MemberId, member: MemberId) -> Vec<u8> {
    pair_key(&newcomer.0, &member.0)
}

pub(super) fn offer_of(joining: &Joining) -> Option<Offer> {
    match Message::decode(&joining.offer).ok()?.body {
        Body::Offer(offer) => Some(offer),
        _ => None,
    }
}

fn link_of(secret: &Secret) -> Done<Invitation> {
    Ok(String::from_utf8_lossy(&secret.0).parse()?)
}
