//! Domain-separated hashing: the one hash construction of the protocol, and the one with a key (SPEC.md §1).

use blake2::{Blake2s256, Digest};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

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
    /// Proof of a child of an access token: no reopening text passes as one.
    pub const ACCESS_CHILD: &[u8] = b"velar/1 access child";
    /// Proof of a reopening text: no child passes as one.
    pub const ACCESS_REOPENING: &[u8] = b"velar/1 access reopening";
    /// What a relay remembers of a used child: a stolen relay disk yields none.
    pub const ACCESS_SPENT: &[u8] = b"velar/1 access spent";
}

/// `H(label, parts) = BLAKE2s-256(u8 len(label) ‖ label ‖ (u32le len(part) ‖ part)*)`.
///
/// The lengths make it injective: no two different lists of parts are hashed as the same bytes.
/// Labels are at most 255 bytes (all are constants of this crate); parts are under 4 GiB.
#[must_use]
pub fn labelled(label: &[u8], parts: &[&[u8]]) -> Digest32 {
    let mut hash = Blake2s256::new();
    encode(label, parts, |bytes| hash.update(bytes));
    hash.finalize().into()
}

/// `M(key, label, parts)`: HMAC-SHA-256 of what [`labelled`] hashes.
#[must_use]
pub fn keyed(key: &[u8; 32], label: &[u8], parts: &[&[u8]]) -> Digest32 {
    // HMAC fills a key up to its block with zeros: a block is never refused.
    let mut block = Zeroizing::new([0; 64]);
    for (into, byte) in block.iter_mut().zip(key) {
        *into = *byte;
    }
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    encode(label, parts, |bytes| mac.update(bytes));
    mac.finalize().into_bytes().into()
}

fn encode(label: &[u8], parts: &[&[u8]], mut take: impl FnMut(&[u8])) {
    take(&[label.len() as u8]);
    take(label);
    for part in parts {
        take(&(part.len() as u32).to_le_bytes());
        take(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_byte_between_parts_changes_the_digest() {
        assert_ne!(labelled(b"l", &[b"ab", b"c"]), labelled(b"l", &[b"a", b"bc"]));
        assert_ne!(labelled(b"la", &[b"b"]), labelled(b"l", &[b"ab"]));
        assert_ne!(labelled(b"l", &[]), labelled(b"l", &[b""]));
        let key = &[7; 32];
        assert_ne!(keyed(key, b"l", &[b"ab", b"c"]), keyed(key, b"l", &[b"a", b"bc"]));
        assert_ne!(keyed(key, b"l", &[]), keyed(&[8; 32], b"l", &[]));
    }
}
