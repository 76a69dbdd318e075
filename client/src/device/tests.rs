//! Devices talk to each other through relays that are only maps: real vaults, real sealing, virtual time.

mod alerts;
mod damage;
mod forming;
mod kits;
mod mail;
mod office;
mod strangers;
