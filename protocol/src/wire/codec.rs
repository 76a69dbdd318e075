//! Frames: `u32le length ‖ u8 version ‖ bincode(value)`; length counts what follows it (SPEC.md §2).
//!
//! One frame is the same in every version for ever: `02 00 00 00 ‖ 00 ‖ v`, from a relay, says
//! *I speak version v*. It answers a first frame of a version that the relay does not know.

use serde::{Serialize, de::DeserializeOwned};

use super::limits::{
    ENVELOPE_LEN, MAX_ACCESS_TOKEN_LEN, MAX_ACK_LEN, MAX_ANSWER_LEN, MAX_DELIVERIES, MAX_EVENT_LEN,
    MAX_REQUEST_LEN, MAX_SUBSCRIBED, MAX_TOKENS, PROTOCOL_VERSION,
};
use super::{Ack, Answer, Event, Request};
use crate::encoding;

/// Bytes of the length field.
pub const HEADER_LEN: usize = 4;

/// Version byte of the frame that is the same in every version, and its length.
const VERSION_NOTICE: u8 = 0;
const NOTICE_LEN: u32 = 2;

/// Why bytes are not a frame of the kind awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The length field is 0 or over the limit for this kind.
    #[error("frame length {len} is not between 1 and {limit}")]
    Length {
        /// As received.
        len: u32,
        /// The limit for this kind of frame.
        limit: u32,
    },
    /// The other end speaks another version.
    #[error("the other end speaks protocol version {theirs}, this one speaks {PROTOCOL_VERSION}")]
    Version {
        /// Theirs.
        theirs: u8,
    },
    /// The body did not decode, or bytes were left over.
    #[error("frame body is malformed")]
    Malformed,
    /// A count is out of the bounds that the specification sets.
    #[error("a count in the frame is out of bounds")]
    Count,
}

/// The length field and the version of a frame, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Bytes that follow: version byte and body.
    pub len: usize,
}

mod sealed {
    pub trait Sealed {}
}

/// A type that travels as a frame. The directions have different types: a frame of the wrong direction
/// does not decode, or decodes as something its receiver refuses.
pub trait Frame: Serialize + DeserializeOwned + sealed::Sealed {
    /// Longest frame of this kind, without the length field.
    const MAX_LEN: usize;

    /// Bounds that the encoding itself does not enforce.
    #[doc(hidden)]
    fn bounds_hold(&self) -> bool {
        true
    }
}

macro_rules! frame {
    ($name:ty, $max:expr $(, $check:expr)?) => {
        impl sealed::Sealed for $name {}
        impl Frame for $name {
            const MAX_LEN: usize = $max;
            $(fn bounds_hold(&self) -> bool {
                let check: fn(&$name) -> bool = $check;
                check(self)
            })?
        }
    };
}

frame!(Request, MAX_REQUEST_LEN, |request| match request {
    Request::Open { tokens, .. } => tokens.len() <= MAX_TOKENS,
    Request::Subscribe { mailboxes } => (1..=MAX_SUBSCRIBED).contains(&mailboxes.len()),
    Request::Hold { deliveries, .. } => (1..=MAX_DELIVERIES).contains(&deliveries.len()),
    _ => true,
});
frame!(Answer, MAX_ANSWER_LEN, |answer| match answer {
    Answer::Held { outcomes } | Answer::Extended { outcomes } => outcomes.len() <= MAX_DELIVERIES,
    _ => true,
});
frame!(Event, MAX_EVENT_LEN);
frame!(Ack, MAX_ACK_LEN);

// The documented limits are enough for the largest legal values.
const _: () = assert!(MAX_REQUEST_LEN > MAX_DELIVERIES * (32 + 3 + ENVELOPE_LEN) + 128);
const _: () = assert!(MAX_REQUEST_LEN > MAX_TOKENS * 32 + MAX_ACCESS_TOKEN_LEN + 128);

/// Checks length field and version of a frame of kind `F`, from the bytes that it begins with, as many as there are.
/// `Ok(None)`: these are too few; five are enough.
///
/// Another version may have other limits, so it is told before a length over this one's.
///
/// # Errors
/// [`CodecError::Length`] if the length is 0 or over [`Frame::MAX_LEN`]; [`CodecError::Version`].
pub fn header<F: Frame>(bytes: &[u8]) -> Result<Option<FrameHeader>, CodecError> {
    let Some((length, rest)) = bytes.split_first_chunk::<HEADER_LEN>() else { return Ok(None) };
    let len = u32::from_le_bytes(*length);
    let out_of_bounds = Err(CodecError::Length { len, limit: F::MAX_LEN as u32 });
    if len == 0 {
        return out_of_bounds;
    }
    match (rest.first(), usize::try_from(len)) {
        (None, _) => Ok(None),
        (Some(&PROTOCOL_VERSION), Ok(len)) if len <= F::MAX_LEN => Ok(Some(FrameHeader { len })),
        (Some(&PROTOCOL_VERSION), _) => out_of_bounds,
        // Whose version it is stands in its body.
        (Some(&VERSION_NOTICE), Ok(n)) if len == NOTICE_LEN => Ok(Some(FrameHeader { len: n })),
        (Some(&theirs), _) => Err(CodecError::Version { theirs }),
    }
}

/// Decodes what follows the length field.
///
/// # Errors
/// Every other version, unknown tag, truncation, trailing byte and count out of bounds is an error.
pub fn decode<F: Frame>(frame: &[u8]) -> Result<F, CodecError> {
    let (&version, body) = frame.split_first().ok_or(CodecError::Malformed)?;
    match (version, body) {
        (PROTOCOL_VERSION, _) => {}
        (VERSION_NOTICE, &[theirs]) => return Err(CodecError::Version { theirs }),
        (theirs, _) => return Err(CodecError::Version { theirs }),
    }
    let value: F = encoding::from_bytes(body).map_err(|error| match error {
        encoding::Fault::TooMany => CodecError::Count,
        encoding::Fault::Malformed => CodecError::Malformed,
    })?;
    if !value.bounds_hold() {
        return Err(CodecError::Count);
    }
    Ok(value)
}

/// Encodes a whole frame, length field included.
///
/// # Errors
/// [`CodecError::Count`] if a count is out of bounds; [`CodecError::Length`] if the frame would be too long.
pub fn encode<F: Frame>(value: &F) -> Result<Vec<u8>, CodecError> {
    if !value.bounds_hold() {
        return Err(CodecError::Count);
    }
    let mut frame = vec![0, 0, 0, 0, PROTOCOL_VERSION];
    let body = encoding::to_bytes(value).map_err(|_| CodecError::Malformed)?;
    frame.extend_from_slice(&body);
    let len = frame.len() - HEADER_LEN;
    let limit = F::MAX_LEN as u32;
    if len > F::MAX_LEN {
        return Err(CodecError::Length { len: u32::try_from(len).unwrap_or(u32::MAX), limit });
    }
    for (to, from) in frame.iter_mut().zip((len as u32).to_le_bytes()) {
        *to = from;
    }
    Ok(frame)
}

/// The frame, length field included, that is the same in every version: *I speak this one*.
#[must_use]
pub fn version_notice() -> [u8; HEADER_LEN + 2] {
    [NOTICE_LEN as u8, 0, 0, 0, VERSION_NOTICE, PROTOCOL_VERSION]
}

#[cfg(test)]
mod tests;
