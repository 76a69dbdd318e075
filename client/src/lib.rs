//! Velar's client: keeps the keys, checks in, raises alerts and shows them.
//!
//! * [`device`]: this device as a member of its circle, over its vault; no network, no clock.
//! * [`outbox`], [`inbox`]: what becomes of an envelope on its way, and of one that came; pure.
//! * [`tallies`]: envelopes that nothing here opens, counted; pure.
//! * [`net`]: connections to relays, known by their pins.
//! * [`kit`]: the panic kit beside the vault, for an alarm without passphrase.
//! * [`link`]: carries envelopes between the device and its relays.
//! * [`holds`]: what is left at relays, to be released if this device falls silent; pure.
//! * [`plan`], [`deadlines`]: the agreed check-ins, and when a silence becomes an alarm; pure.
//! * [`plan`]: the agreed check-ins; pure.
//! * [`presence`], [`drill`], [`contacts`]: who keeps watch, what is kept of a drill, whom to turn to outside; pure.
//! * [`relays`]: to which of the relays that members name this device connects; pure.
//! * [`duress`]: what a member's own devices may know of her alert; a record.
//! * [`vault`], [`records`]: what is kept, sealed.
//! * [`plan`]: the agreed check-ins; pure.
//! * [`log`]: the chain of what happened in alerts, and its exports; pure.
//! * [`vault`], [`records`]: what is kept, sealed; [`backup`]: what is kept elsewhere.
//! * [`cli`], [`text`], [`mod@failure`], [`terminal`]: what a person types and is told.

pub mod backup;
pub mod cli;
pub mod commands;
pub mod contacts;
pub mod deadlines;
pub mod device;
pub mod drill;
pub mod duress;
pub mod failure;
pub mod holds;
pub mod inbox;
pub mod kit;
pub mod link;
pub mod log;
pub mod net;
pub mod outbox;
pub mod passphrase;
pub mod plan;
pub mod presence;
pub mod records;
pub mod relays;
pub mod tallies;
pub mod terminal;
pub mod text;
pub mod vault;
