//! The one module that knows bincode: standard configuration (little-endian, variable-length integers),
//! a hard limit, and trailing bytes are an error (SPEC.md §1).
//!
//! What was received is hashed or signed as received, never re-encoded: bincode accepts integers that
//! are longer than they need be.

use bincode::error::DecodeError;
use serde::{Serialize, de::DeserializeOwned};

/// Most bytes that any one value may take; a limit on what a length field can make a decoder reserve.
pub const MAX_VALUE_LEN: usize = 512 * 1024;

/// What a bounded list says of itself when it is too long.
pub(crate) const TOO_MANY: &str = "a list is longer than its bound";

/// Why bytes are not exactly one value of the type awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Unknown tag, truncation, trailing bytes, or over [`MAX_VALUE_LEN`].
    #[error("malformed value")]
    Malformed,
    /// A list is longer than its bound; nothing was reserved for it.
    #[error("a list is too long")]
    TooMany,
}

/// Encodes a value.
///
/// # Errors
/// [`Fault::Malformed`] if the value has no encoding (no type of this crate is of that kind).
pub fn to_bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, Fault> {
    bincode::serde::encode_to_vec(value, bincode::config::standard()).map_err(|_| Fault::Malformed)
}

/// Decodes exactly one value that takes up all of `bytes`.
///
/// # Errors
/// [`Fault`].
pub fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    let config = bincode::config::standard().with_limit::<MAX_VALUE_LEN>();
    match bincode::serde::decode_from_slice(bytes, config) {
        Ok((value, used)) if used == bytes.len() => Ok(value),
        Err(DecodeError::OtherString(reason)) if reason == TOO_MANY => Err(Fault::TooMany),
        _ => Err(Fault::Malformed),
    }
}
