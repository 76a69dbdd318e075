//! Devices talk to each other through relays that are only maps: real vaults, real sealing, virtual time.

mod access;
mod alerts;
mod clocks;
mod damage;
mod deadlines;
mod duress;
pub(super) mod entropy;
mod forming;
mod growth;
mod holds;
mod junk;
mod kits;
mod leaving;
mod log;
mod lost_holds;
mod mail;
mod newer;
mod office;
mod relays;
mod strangers;
mod tokens;
mod watching;
