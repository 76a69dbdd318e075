//! Devices talk to each other through relays that are only maps: real vaults, real sealing, virtual time.

mod alerts;
mod clocks;
mod damage;
mod deadlines;
mod forming;
mod holds;
mod log;
mod mail;
mod office;
mod strangers;
mod watching;
