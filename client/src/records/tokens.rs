//! Send tokens for this device's mailboxes, beside those that are valid.

use serde::{Deserialize, Serialize};
use velar_protocol::seal::{MemberId, MessageId};

use super::Holder;

/// What a relay did not register of a mailbox's tokens, by their index in the derivation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// For these it had no room when it was last asked.
    pub full: Vec<u64>,
    /// These somebody else had registered.
    pub taken: Vec<u64>,
    /// When and for whom one was drawn anew, within a day.
    pub redrawn: Vec<(u64, Holder)>,
}

/// A member gets another token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Who.
    pub member: MemberId,
    /// Since when, or when they were last told.
    pub since_s: u64,
    /// The earlier one counts no more, whether the member has the new one or not.
    pub at_once: bool,
    /// Messages that told the member of it; a receipt for one of them is enough. Empty until a relay has registered it.
    pub cards: Vec<MessageId>,
    /// When such a receipt came.
    pub received_s: Option<u64>,
    /// Numbers of the spares that were left with the member, a coordinator, before others were.
    pub spares: Vec<u64>,
}
