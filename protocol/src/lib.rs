//! All that a Velar client and a Velar relay must agree on.
//!
//! Pure and deterministic: no network, no disk, no clock, no environment. Time and randomness are
//! arguments. `SPEC.md` beside this crate is normative; where code and spec differ, that is a defect.
//!
//! * [`wire`]: the relay protocol. The relay is built with this and nothing else.
//! * [`seal`] (feature `e2e`): message parts to envelopes and back.
//! * [`circle`] (feature `e2e`): rosters, messages, alerts, check-ins.

pub mod encoding;
pub mod hash;
pub mod wire;

#[cfg(feature = "e2e")]
pub mod circle;
#[cfg(feature = "e2e")]
pub mod seal;
