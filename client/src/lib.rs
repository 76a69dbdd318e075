//! Velar's client: keeps the keys, checks in, raises alerts and shows them.

pub mod cli;
pub mod failure;
pub mod passphrase;
pub mod terminal;
pub mod text;
pub mod vault;
