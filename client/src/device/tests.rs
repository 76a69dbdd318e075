//! Devices talk to each other through relays that are only maps: real vaults, real sealing, virtual time.

mod alerts;
mod damage;
mod duress;
mod forming;
mod mail;
mod office;
mod strangers;
