//! What a client sends.

use serde::{Deserialize, Serialize};

use super::bounded;
use super::ids::{
    AccessToken, Envelope, HoldId, HoldSecret, MailboxId, Proof, SendToken, SendTokenHash,
};
use super::limits::{MAX_DELIVERIES, MAX_SUBSCRIBED, MAX_TOKENS};

/// One request. Answered in order on its stream, by one [`Answer`](super::Answer) each.
///
/// Tags (SPEC.md §3) are the order of the variants and append-only:
/// 0 `Info`, 1 `Open`, 2 `Close`, 3 `Subscribe`, 4 `Send`, 5 `Hold`, 6 `Extend`, 7 `Cancel`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Version, limits and time. Anyone may ask.
    Info,
    /// Opens the mailbox, or replaces its set of token hashes with this one. Repeating it changes nothing.
    Open {
        /// The mailbox.
        mailbox: MailboxId,
        /// By the mailbox key, over verb `Open` and the fields below.
        proof: Proof,
        /// All tokens that may send from now on; those left out are revoked.
        /// At most [`MAX_TOKENS`](super::limits::MAX_TOKENS).
        #[serde(deserialize_with = "bounded::vec::<_, _, MAX_TOKENS>")]
        tokens: Vec<SendTokenHash>,
        /// Needed for a new mailbox where the operator asks for an access token; see [`Access`](super::Access).
        access: Option<AccessToken>,
    },
    /// Deletes the mailbox with all that is in it.
    Close {
        /// The mailbox.
        mailbox: MailboxId,
        /// By the mailbox key, over verb `Close`.
        proof: Proof,
    },
    /// Turns this stream into a subscription: after `Subscribed` the relay sends
    /// [`Event`](super::Event)s and the client sends [`Ack`]s.
    Subscribe {
        /// 1 to [`MAX_SUBSCRIBED`](super::limits::MAX_SUBSCRIBED), each with its proof over verb
        /// `Subscribe`. Events name them by their index in this list.
        #[serde(deserialize_with = "bounded::vec::<_, _, MAX_SUBSCRIBED>")]
        mailboxes: Vec<MailboxProof>,
    },
    /// Puts an envelope into the mailbox that this token belongs to.
    Send {
        /// The envelope and where it goes.
        delivery: Delivery,
    },
    /// Leaves envelopes to be delivered `for_s` seconds from now unless extended or cancelled.
    Hold {
        /// Hash of the hold's secret.
        id: HoldId,
        /// Seconds from now until release.
        for_s: u32,
        /// 1 to [`MAX_DELIVERIES`](super::limits::MAX_DELIVERIES).
        #[serde(deserialize_with = "bounded::vec::<_, _, MAX_DELIVERIES>")]
        deliveries: Vec<Delivery>,
        /// The secret of a hold that this one takes the place of, in one step: never both, never neither.
        replaces: Option<HoldSecret>,
    },
    /// Moves a hold's release to `for_s` seconds from now.
    Extend {
        /// The hold's secret.
        secret: HoldSecret,
        /// Seconds from now until release.
        for_s: u32,
    },
    /// Deletes a hold with its envelopes.
    Cancel {
        /// The hold's secret.
        secret: HoldSecret,
    },
}

/// A mailbox and the proof that the sender holds its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxProof {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// By its key.
    pub proof: Proof,
}

/// An envelope and the token that says into which mailbox it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The recipient's token for this sender.
    pub token: SendToken,
    /// The envelope.
    pub envelope: Envelope,
}

/// On a subscription: the client has the envelope in its vault, the relay may delete it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// Index of the mailbox in the `Subscribe`.
    pub mailbox: u8,
    /// Sequence of the envelope as delivered.
    pub sequence: u64,
}
