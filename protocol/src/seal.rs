//! Sealing: message parts to envelopes and back (`spec/sealing.md`). Clients only.
//!
//! Every envelope is sealed to a hybrid prekey (X25519 and ML-KEM-768) that is used once. No session,
//! no order, no ratchet: any envelope opens on its own, and its key is gone once it was read.

mod fixed;
pub mod identity;
pub mod labels;
pub mod lifetimes;
pub mod prekey;

pub use identity::{
    CircleId, Identity, IdentityError, IdentitySecret, MemberId, MessageId, Signature,
    SignatureError, Voice, expand,
};
pub use prekey::{CheckedPrekey, Day, Prekey, PrekeyError, PrekeyId, PrekeySecret};
