//! Velar.

pub mod passphrase;
pub mod vault;
