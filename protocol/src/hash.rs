//! Domain-separated hashing: the one hash construction of the protocol (SPEC.md §1).

use blake2::{Blake2s256, Digest};

/// A BLAKE2s-256 digest.
pub type Digest32 = [u8; 32];

/// Domain separation labels. Each blocks the reuse of a digest or signature made for one purpose in another.
pub mod label {
    /// Hash of a send token as a relay keeps it: a stolen relay disk yields no token.
    pub const SEND_TOKEN: &[u8] = b"velar/1 send token";
    /// Id of a hold from its secret: who sees the id cannot extend or cancel.
    pub const HOLD: &[u8] = b"velar/1 hold";
    /// What the holder of a mailbox key signs: no signature of another protocol passes as a proof.
    pub const PROOF: &[u8] = b"velar/1 proof";
    /// Digest of a whole envelope, for recognising doubles.
    pub const ENVELOPE: &[u8] = b"velar/1 envelope";
}

/// `H(label, parts) = BLAKE2s-256(u8 len(label) ‖ label ‖ (u32le len(part) ‖ part)*)`.
///
/// The lengths make it injective: no two different lists of parts are hashed as the same bytes.
/// Labels are at most 255 bytes (all are constants of this crate); parts are under 4 GiB.
#[must_use]
pub fn labelled(label: &[u8], parts: &[&[u8]]) -> Digest32 {
    let mut hash = Blake2s256::new();
    hash.update([label.len() as u8]);
    hash.update(label);
    for part in parts {
        hash.update((part.len() as u32).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_byte_between_parts_changes_the_digest() {
        assert_ne!(labelled(b"l", &[b"ab", b"c"]), labelled(b"l", &[b"a", b"bc"]));
        assert_ne!(labelled(b"la", &[b"b"]), labelled(b"l", &[b"ab"]));
        assert_ne!(labelled(b"l", &[]), labelled(b"l", &[b""]));
    }
}
