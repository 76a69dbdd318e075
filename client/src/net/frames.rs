//! Frames on a QUIC stream, both ways. Both ends of it are cancel-safe: a dropped future loses no byte.

use bytes::{Buf, BytesMut};
use quinn::{RecvStream, SendStream};
use velar_protocol::wire::codec::{Frame, HEADER_LEN, decode, encode, header};

use super::NetError;

/// Most bytes taken from quinn at a time; more would only be copied about.
const CHUNK: usize = 64 * 1024;

/// Takes frames from a stream.
#[derive(Debug)]
pub(super) struct FrameReader {
    stream: RecvStream,
    buffer: BytesMut,
}

impl FrameReader {
    pub(super) fn new(stream: RecvStream) -> Self {
        Self { stream, buffer: BytesMut::new() }
    }

    /// The next frame. Cancel-safe.
    ///
    /// # Errors
    /// [`NetError::Closed`] at the end of the stream; what [`NetError::of_frame`] makes of a bad frame, after
    /// which the stream is of no more use.
    pub(super) async fn next<F: Frame>(&mut self) -> Result<F, NetError> {
        loop {
            if let Some(frame) = take(&mut self.buffer)? {
                return Ok(frame);
            }
            let chunk = self.stream.read_chunk(CHUNK, true).await?.ok_or(NetError::Closed)?;
            self.buffer.extend_from_slice(&chunk.bytes);
        }
    }
}

/// Puts frames on a stream.
#[derive(Debug)]
pub(super) struct FrameWriter {
    stream: SendStream,
    pending: BytesMut,
}

impl FrameWriter {
    pub(super) fn new(stream: SendStream) -> Self {
        Self { stream, pending: BytesMut::new() }
    }

    /// Queues a frame behind what is pending. Nothing is queued on error.
    ///
    /// # Errors
    /// [`NetError::BadRequest`].
    pub(super) fn queue<F: Frame>(&mut self, frame: &F) -> Result<(), NetError> {
        let bytes = encode(frame).map_err(NetError::BadRequest)?;
        self.pending.extend_from_slice(&bytes);
        Ok(())
    }

    /// Hands to the transport what is queued. Cancel-safe: what is left goes with the next call.
    ///
    /// # Errors
    /// When the stream or the connection ended.
    pub(super) async fn flush(&mut self) -> Result<(), NetError> {
        while !self.pending.is_empty() {
            let written = self.stream.write(&self.pending).await?;
            self.pending.advance(written);
        }
        Ok(())
    }
}

/// Takes a whole frame from the front of the buffer, if one is there.
fn take<F: Frame>(buffer: &mut BytesMut) -> Result<Option<F>, NetError> {
    let Some(header) = header::<F>(buffer).map_err(NetError::of_frame)? else { return Ok(None) };
    let length = header.len;
    if buffer.len() < HEADER_LEN + length {
        buffer.reserve(HEADER_LEN + length - buffer.len());
        return Ok(None);
    }
    buffer.advance(HEADER_LEN);
    decode(&buffer.split_to(length)).map(Some).map_err(NetError::of_frame)
}

#[cfg(test)]
mod tests {
    use velar_protocol::wire::codec::version_notice;
    use velar_protocol::wire::{Answer, CodecError, Refusal};

    use super::*;

    #[test]
    fn frames_come_out_whole_however_they_were_cut() {
        let answers = [Answer::Accepted, Answer::Refused(Refusal::UnknownToken), Answer::Closed];
        let bytes: Vec<u8> = answers.iter().flat_map(|a| encode(a).unwrap()).collect();
        for cut in 0..=bytes.len() {
            let (mut buffer, mut seen) = (BytesMut::new(), Vec::new());
            for part in [&bytes[..cut], &bytes[cut..]] {
                buffer.extend_from_slice(part);
                while let Some(answer) = take::<Answer>(&mut buffer).unwrap() {
                    seen.push(answer);
                }
            }
            assert_eq!(seen, answers);
        }
    }

    #[test]
    fn an_oversized_length_is_an_error_before_any_byte_is_awaited() {
        let mut buffer = BytesMut::from(&[0xff, 0xff, 0xff, 0xff, 1][..]);
        let error = take::<Answer>(&mut buffer).unwrap_err();
        assert!(matches!(error, NetError::Protocol(CodecError::Length { .. })));
    }

    #[test]
    fn the_notice_of_another_version_names_it() {
        let mut notice = version_notice();
        notice[5] = 9;
        let error = take::<Answer>(&mut BytesMut::from(&notice[..])).unwrap_err();
        assert!(matches!(error, NetError::VersionMismatch { theirs: 9 }));
    }
}
