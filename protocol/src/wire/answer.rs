//! What a relay sends.

use serde::{Deserialize, Serialize};

use super::bounded;
use super::ids::{AccessToken, Envelope, TokenMark};
use super::limits::{MAX_DELIVERIES, MAX_TOKENS};

/// The answer to one request. `Accepted`, `Held`, `Extended`, `Opened`, `Closed` and `Cancelled` are
/// sent only when what they say is on disk.
///
/// Tags (SPEC.md §3) are the order of the variants and append-only: 0 `Info`, 1 `Opened`, 2 `Closed`,
/// 3 `Subscribed`, 4 `Accepted`, 5 `Held`, 6 `Extended`, 7 `Cancelled`, 8 `Refused`, 9 `Full`,
/// 10 `Unavailable`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// To `Info`.
    Info(Info),
    /// To `Open`: the mailbox is open, and of the tokens named exactly those may send that were registered.
    Opened {
        /// What became of each token hash, in order.
        #[serde(deserialize_with = "bounded::vec::<_, _, MAX_TOKENS>")]
        outcomes: Vec<TokenOutcome>,
        /// A [`Reopening`](super::Reopening) text, where a new mailbox needs an access token and this one is by a valid one.
        reopening: Option<AccessToken>,
    },
    /// To `Close`: the mailbox is gone.
    Closed,
    /// To `Subscribe`: [`Event`]s follow.
    Subscribed,
    /// To `Send`: the envelope is on disk (or was before).
    Accepted,
    /// To `Hold`: one outcome per delivery, in order.
    Held {
        /// What became of each delivery.
        #[serde(deserialize_with = "bounded::vec::<_, _, MAX_DELIVERIES>")]
        outcomes: Vec<DeliveryOutcome>,
    },
    /// To `Extend`: whether each delivery can still be made, in order.
    Extended {
        /// What would become of each delivery now.
        #[serde(deserialize_with = "bounded::vec::<_, _, MAX_DELIVERIES>")]
        outcomes: Vec<DeliveryOutcome>,
    },
    /// To `Cancel`.
    Cancelled,
    /// The request was not carried out, and repeating it unchanged will not help.
    Refused(Refusal),
    /// No room or over a rate now; nothing was stored. Worth repeating later.
    Full {
        /// Seconds after which a repetition makes sense.
        retry_after_s: u32,
    },
    /// The relay cannot serve now (shutting down, or its disk fails). Nothing was promised.
    Unavailable {
        /// Seconds after which a repetition makes sense.
        retry_after_s: u32,
    },
}

impl Answer {
    /// That a mailbox is open, and every token of the `Open` registered.
    #[must_use]
    pub fn opened_with_all(&self) -> bool {
        let registered = |outcome: &TokenOutcome| *outcome == TokenOutcome::Registered;
        matches!(self, Self::Opened { outcomes, .. } if outcomes.iter().all(registered))
    }
}

/// Why a request was refused. Tags are the order of the variants and append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The frame did not decode: unknown tag, wrong direction, trailing bytes, a count out of range.
    #[error("the request is malformed")]
    Malformed,
    /// The frame's length is over the limit.
    #[error("the request is too long")]
    TooLong,
    /// The proof does not verify for this connection, verb and arguments.
    #[error("the proof is wrong")]
    WrongProof,
    /// New mailboxes need an access token here, and what was shown is none, or of none that is valid.
    #[error("the access token is missing or wrong")]
    AccessRequired,
    /// No mailbox of this name is open here.
    #[error("no such mailbox is open here")]
    UnknownMailbox,
    /// No open mailbox has registered this send token (never, or it was revoked).
    #[error("the send token is not valid here")]
    UnknownToken,
    /// No hold has this secret (never, released, or cancelled). One that was lost is [`Refusal::HoldLost`].
    #[error("no such hold is here")]
    UnknownHold,
    /// A hold of this id exists already and is not the one being replaced.
    #[error("a hold of this id exists already")]
    HoldExists,
    /// The hold is longer than this relay allows (see [`ServedLimits`]), or of zero length.
    #[error("the hold's length is out of bounds")]
    HoldLength,
    /// This connection has too many subscriptions or mailboxes.
    #[error("too many subscriptions on this connection")]
    TooManySubscriptions,
    /// A hold with this secret was left here, and the relay has lost it or part of it through damage: it did
    /// not fire and will not.
    #[error("the hold was lost through damage")]
    HoldLost,
    /// The child of an access token that was shown has been used, or its time is over.
    #[error("this leave to open a mailbox was used, or its time is over")]
    AccessSpent,
}

/// What a relay says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// Protocol version served.
    pub version: u8,
    /// The relay's wall clock, Unix seconds. Used to warn of a skew, never to move a deadline.
    pub time_s: u64,
    /// Whether a new mailbox needs an access token.
    pub access_required: bool,
    /// Limits in force.
    pub limits: ServedLimits,
    /// The last time that the relay's clock was set since the relay started.
    pub clock_jump: ClockJump,
}

/// That a wall clock was set, and by how much. Tags are the order of the variants and append-only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClockJump {
    /// It was not.
    #[default]
    None,
    /// Forward.
    Forward {
        /// Seconds, rounded.
        by_s: u64,
    },
    /// Back.
    Back {
        /// Seconds, rounded.
        by_s: u64,
    },
}

/// The limits that an operator may set and a client may have to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedLimits {
    /// Seconds an envelope is kept for its recipient.
    pub envelope_age_s: u32,
    /// Longest hold, in seconds.
    pub hold_length_s: u32,
    /// Envelopes a mailbox can hold.
    pub mailbox_envelopes: u32,
    /// Envelopes one token may have waiting in its mailbox.
    pub token_envelopes: u32,
    /// Seconds after which a mailbox that nobody opened or read is deleted.
    pub mailbox_idle_s: u32,
}

/// What became of one delivery of a hold. Tags are the order of the variants and append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeliveryOutcome {
    /// Stored; space for it is reserved in the recipient's mailbox.
    Held,
    /// The token is not valid (any more).
    Refused,
    /// The recipient's mailbox has no space to reserve.
    Full,
}

/// What became of one token hash of an `Open`. Tags are the order of the variants and append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenOutcome {
    /// It may send.
    Registered,
    /// It is registered to another mailbox: draw another.
    Taken,
    /// The relay has no room for one more token of this mailbox now.
    Full,
}

/// On a subscription, from the relay. Tags are the order of the variants and append-only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// An envelope. Repeated on the next subscription unless acknowledged.
    Envelope {
        /// Index of the mailbox in the `Subscribe`.
        mailbox: u8,
        /// Grows within a mailbox; FIFO.
        sequence: u64,
        /// When the relay received it, Unix seconds by the relay's wall clock, which may have been wrong.
        received_at_s: u64,
        /// The token it came by, as long as the relay knows: a relay writes that down nowhere.
        token: Option<TokenMark>,
        /// The envelope.
        envelope: Envelope,
    },
    /// All that was stored when the subscription began has been sent, for this mailbox.
    CaughtUp {
        /// Index of the mailbox in the `Subscribe`.
        mailbox: u8,
        /// Envelopes that ever expired unread in this mailbox: the client sees a loss by its growth.
        expired: u64,
    },
    /// The mailbox was closed, or another reason ends this subscription; the stream ends after it.
    Ended {
        /// Why.
        reason: EndReason,
    },
}

/// Why a subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndReason {
    /// One of its mailboxes was closed.
    MailboxClosed,
    /// The relay is shutting down; come back after a pause of random length.
    ShuttingDown,
    /// The client broke the protocol (a malformed or impossible `Ack`).
    ProtocolError,
    /// The relay's store failed.
    StoreFailed,
    /// As many newer subscriptions to one of its mailboxes are served as the relay allows.
    Displaced,
}
