//! Velar's client: keeps the keys, checks in, raises alerts and shows them.
//!
//! * [`device`]: this device as a member of its circle, over its vault; no network, no clock.
//! * [`outbox`], [`inbox`]: what becomes of an envelope on its way, and of one that came; pure.
//! * [`net`]: connections to relays, known by their pins.
//! * [`link`]: carries envelopes between the device and its relays.
//! * [`plan`]: the agreed check-ins; pure.
//! * [`duress`]: what a member's own devices may know of her alert; a record.
//! * [`vault`], [`records`]: what is kept, sealed.
//! * [`cli`], [`text`], [`mod@failure`], [`terminal`]: what a person types and is told.

pub mod cli;
pub mod commands;
pub mod device;
pub mod duress;
pub mod failure;
pub mod inbox;
pub mod link;
pub mod net;
pub mod outbox;
pub mod passphrase;
pub mod plan;
pub mod records;
pub mod terminal;
pub mod text;
pub mod vault;
