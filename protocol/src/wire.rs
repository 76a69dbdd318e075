//! The relay protocol: what crosses a connection between a client and a relay (SPEC.md §2–4).

pub mod access;
pub mod address;
mod answer;
pub(crate) mod bounded;
pub mod codec;
pub mod ids;
pub mod limits;
pub mod proof;
mod request;

pub use access::{Access, AccessKey, Child, Reopening};
pub use address::{AddressError, Pin, Place, RelayAddress};
pub use answer::{
    Answer, ClockJump, DeliveryOutcome, EndReason, Event, Info, Refusal, ServedLimits, TokenOutcome,
};
pub use codec::{CodecError, FrameHeader};
pub use ids::{
    AccessToken, ChildId, Envelope, EnvelopeDigest, Exporter, HoldId, HoldSecret, MailboxId,
    MailboxSecret, Proof, SendToken, SendTokenHash, TokenMark,
};
pub use proof::Owner;
pub use request::{Ack, Delivery, MailboxProof, Request};
