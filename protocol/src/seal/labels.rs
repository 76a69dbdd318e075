//! Domain separation labels of sealing. Each blocks the reuse of a value made for one purpose in another.

/// A member's id from its keys: no other hash names a member.
pub const MEMBER: &[u8] = b"velar/1 member";
/// A prekey's digest and id: a prekey is named by both its keys, so neither can be exchanged alone.
pub const PREKEY: &[u8] = b"velar/1 prekey";
/// Digest of an encapsulation key, as signed.
pub const ENCAPSULATION_KEY: &[u8] = b"velar/1 encapsulation key";
/// What the owner of a prekey signs: no other signature of an identity issues a prekey.
pub const PREKEY_SIGNATURE: &[u8] = b"velar/1 prekey signature";
/// Signature of a last-resort prekey.
pub const LAST_RESORT_SIGNATURE: &[u8] = b"velar/1 last-resort prekey signature";
/// The hint in an envelope's header: it tells a prekey's owner which one, and no one else anything.
pub const HINT: &[u8] = b"velar/1 hint";
/// Digest of the ML-KEM ciphertext, bound into the psk: a re-encapsulation changes every later key.
pub const KEM_CIPHERTEXT: &[u8] = b"velar/1 kem ciphertext";
/// First bytes of `info`, which binds an envelope to circle, recipient and prekey.
pub const SEAL: &[u8] = b"velar/1 seal";
