//! Velar.
