//! Sealing: message parts to envelopes and back (`spec/sealing.md`). Clients only.
//!
//! Every envelope is sealed to a hybrid prekey (X25519 and ML-KEM-768) that is used once. No session,
//! no order, no ratchet: any envelope opens on its own, and its key is gone once it was read.
//!
//! * [`identity`]: who somebody is.
//! * [`prekey`]: what is sealed to.
//! * [`part`]: the plaintext; [`assembly`]: messages longer than one part.
//! * [`envelope`]: seal and open.
//! * [`lifetimes`]: how long and how many; [`labels`]: what keeps hashes apart.

pub mod assembly;
pub mod envelope;
mod fixed;
pub mod identity;
pub mod labels;
pub mod lifetimes;
mod noise;
pub mod part;
pub mod prekey;
#[cfg(test)]
mod testing;

pub use assembly::{
    Arrival, Assembly, AssemblyError, Piece, TooLong, Whole, free_prekeys, parts_needed, split,
};
pub use envelope::{
    Hint, OpenError, Opened, SealError, hint, hint_of, matches, newer_version, open, seal,
};
pub use identity::{
    CircleId, Identity, IdentityError, IdentitySecret, MemberId, MessageId, Signature,
    SignatureError, Voice, expand,
};
pub use part::{PART_LEN, Part, PartError, body_capacity};
pub use prekey::{CheckedPrekey, Day, Prekey, PrekeyError, PrekeyId, PrekeyKind, PrekeySecret};
