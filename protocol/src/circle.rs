//! Circles: who is in them, what they say to each other, and what an alert's state is (spec/circles.md).
//!
//! Clients only. Pure: state is a fold over authenticated input, and `now` is an argument.

pub mod alert;
pub mod card;
pub mod extensions;
pub mod invitation;
pub mod limits;
pub mod message;
pub mod roster;
pub mod words;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod vectors;

pub use alert::{
    Alert, AlertEvent, AlertId, Claim, EventId, EventKind, Heard, Reason, Seen, StandDown,
};
pub use card::{Address, Card, CardError, SignedCard, Spare};
pub use extensions::{Extension, Extensions, ExtensionsError};
pub use invitation::{Invitation, Join, LinkError, Offer};
pub use message::{AlertMark, Body, CheckIn, Condition, Contact, Message, MessageError};
pub use roster::{
    Agreement, Former, Membership, Names, PersonId, Role, Roles, Roster, RosterError, RosterMember,
    SignedRoster, merge_names,
};
pub use words::WordList;
