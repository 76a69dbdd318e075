//! Invitations, from both ends, until somebody is in the circle.

use serde::{Deserialize, Serialize};
use velar_protocol::circle::Roles;
use velar_protocol::seal::{Identity, MemberId};

use super::Secret;

/// An invitation that I made.
#[derive(Clone, Serialize, Deserialize)]
pub struct Invited {
    /// Its id, on this device only.
    pub id: [u8; 16],
    /// The link, which holds its secret.
    pub link: Secret,
    /// 32 bytes: the nonce that the offer commits to.
    pub nonce: Secret,
    /// The offer's message bytes.
    pub offer: Vec<u8>,
    /// Roles for whoever joins by it.
    pub roles: Roles,
    /// Until when.
    pub until_s: u64,
    /// Who answered.
    pub answers: Vec<Answered>,
    /// How far it is.
    pub state: InvitedState,
    /// Its mailbox is gone from the relay.
    pub closed: bool,
}

/// An answer to an invitation.
#[derive(Clone, Serialize, Deserialize)]
pub struct Answered {
    /// The joiner's keys.
    pub identity: Identity,
    /// The join's message bytes.
    pub join: Vec<u8>,
    /// The name they gave.
    pub name: String,
}

/// How far an invitation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InvitedState {
    /// Nobody was approved yet.
    Open,
    /// The nonce was revealed; the words wait to be compared.
    Revealed,
    /// This member was approved.
    Approved(MemberId),
    /// Rejected, or two answered.
    Void,
}

/// My way into a circle.
#[derive(Clone, Serialize, Deserialize)]
pub struct Joining {
    /// The link.
    pub link: Secret,
    /// The offer's message bytes.
    pub offer: Vec<u8>,
    /// My answer's message bytes.
    pub join: Vec<u8>,
    /// `n_C`, once revealed.
    pub nonce: Option<[u8; 32]>,
    /// I have compared the words.
    pub confirmed: bool,
    /// A welcome that waits until I have.
    pub welcome: Option<Vec<u8>>,
    /// The coordinator said no.
    pub void: bool,
}
