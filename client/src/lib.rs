//! Velar.

pub mod net;
