//! The one module that knows bincode: standard configuration (little-endian, variable-length integers),
//! a hard limit, and trailing bytes are an error (SPEC.md §1).
//!
//! What was received is hashed or signed as received, never re-encoded: bincode accepts integers that
//! are longer than they need be.

use serde::{Serialize, de::DeserializeOwned};

/// Most bytes that any one value may take; a limit on what a length field can make a decoder reserve.
pub const MAX_VALUE_LEN: usize = 512 * 1024;

/// The bytes are not exactly one value of the type awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed value")]
pub struct Malformed;

/// Encodes a value.
///
/// # Errors
/// [`Malformed`] if the value has no encoding (no type of this crate is of that kind).
pub fn to_bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, Malformed> {
    bincode::serde::encode_to_vec(value, bincode::config::standard()).map_err(|_| Malformed)
}

/// Decodes exactly one value that takes up all of `bytes`.
///
/// # Errors
/// [`Malformed`]: unknown tag, truncation, trailing bytes, or over [`MAX_VALUE_LEN`].
pub fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    let config = bincode::config::standard().with_limit::<MAX_VALUE_LEN>();
    match bincode::serde::decode_from_slice(bytes, config) {
        Ok((value, used)) if used == bytes.len() => Ok(value),
        _ => Err(Malformed),
    }
}
