//! Cuts the bytes of a stream into frames, without waiting and without copying where it can.

use bytes::{Buf, Bytes};
use velar_protocol::wire::codec::{self, CodecError, Frame, HEADER_LEN};

/// Bytes that came and are not yet consumed. Holds at most one chunk and one incomplete frame, and memory
/// only for what really came: a length field alone reserves nothing.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    chunk: Bytes,
    partial: Vec<u8>,
}

impl Frames {
    /// Takes the next chunk. The one before must be used up: [`Frames::next`] returned `None`.
    pub(crate) fn feed(&mut self, chunk: Bytes) {
        debug_assert!(self.chunk.is_empty());
        self.chunk = chunk;
    }

    /// The next whole frame of kind `F`, without its length field. `None`: more bytes are needed.
    pub(crate) fn next<F: Frame>(&mut self) -> Option<Result<Bytes, CodecError>> {
        if self.partial.is_empty()
            && let Some(header) = codec::header::<F>(&self.chunk).transpose()
        {
            let len = match header {
                Ok(header) => header.len,
                Err(error) => return Some(Err(error)),
            };
            if self.chunk.len() >= HEADER_LEN + len {
                self.chunk.advance(HEADER_LEN);
                let frame = self.chunk.split_to(len);
                self.let_go();
                return Some(Ok(frame));
            }
        }
        self.gather(HEADER_LEN + 1);
        let len = match codec::header::<F>(&self.partial).transpose()? {
            Ok(header) => header.len,
            Err(error) => return Some(Err(error)),
        };
        self.gather(HEADER_LEN + len);
        if self.partial.len() < HEADER_LEN + len {
            return None;
        }
        let mut frame = Bytes::from(std::mem::take(&mut self.partial));
        frame.advance(HEADER_LEN);
        Some(Ok(frame))
    }

    /// Bytes that the frame has in all which has begun and is not whole; 0 before its header is there, and with it that its length
    /// was judged.
    pub(crate) fn begun(&self) -> Option<usize> {
        if self.partial.is_empty() {
            return None;
        }
        let judged = self.partial.get(..HEADER_LEN + 1).and_then(<[u8]>::first_chunk::<HEADER_LEN>);
        let length = judged.copied().map(u32::from_le_bytes);
        Some(length.and_then(|length| usize::try_from(length).ok()).unwrap_or(0))
    }

    /// Moves bytes from the chunk until `partial` has `len` of them.
    fn gather(&mut self, len: usize) {
        let missing = len.saturating_sub(self.partial.len()).min(self.chunk.len());
        if self.partial.capacity() - self.partial.len() < missing {
            // Twice what came, and never more than the frame has.
            let twice = (2 * (self.partial.len() + missing)).min(len);
            self.partial.reserve_exact(twice - self.partial.len());
        }
        self.partial.extend_from_slice(&self.chunk.split_to(missing));
        self.let_go();
    }

    /// An empty rest would keep a whole packet in memory.
    fn let_go(&mut self) {
        if self.chunk.is_empty() {
            self.chunk = Bytes::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use velar_protocol::wire::Request;
    use velar_protocol::wire::limits::PROTOCOL_VERSION;

    fn cut(bytes: &[u8], piece: usize) -> (Vec<Bytes>, Option<CodecError>) {
        let mut frames = Frames::default();
        let mut found = Vec::new();
        for chunk in bytes.chunks(piece) {
            frames.feed(Bytes::copy_from_slice(chunk));
            while let Some(next) = frames.next::<Request>() {
                match next {
                    Ok(frame) => found.push(frame),
                    Err(error) => return (found, Some(error)),
                }
            }
        }
        (found, None)
    }

    #[test]
    fn frames_come_out_whole_however_the_stream_is_cut() {
        let bodies: Vec<Vec<u8>> =
            [1, 5, 4100, 2, 70_000].map(|len| vec![PROTOCOL_VERSION; len]).to_vec();
        let mut stream = Vec::new();
        for body in &bodies {
            stream.extend_from_slice(&(body.len() as u32).to_le_bytes());
            stream.extend_from_slice(body);
        }
        for piece in [1, 3, 4, 5, 1200, 65_536, stream.len()] {
            let (found, error) = cut(&stream, piece);
            assert_eq!(error, None);
            assert_eq!(found, bodies, "pieces of {piece}");
        }
    }

    #[test]
    fn a_length_out_of_bounds_is_an_error_at_once_and_reserves_nothing() {
        let begun = |len: u32| [&len.to_le_bytes()[..], &[PROTOCOL_VERSION]].concat();
        for len in [0, u32::MAX] {
            let (found, error) = cut(&begun(len), 2);
            assert!(found.is_empty());
            assert!(matches!(error, Some(CodecError::Length { len: l, .. }) if l == len));
        }
        let (_, error) = cut(&[0xff, 0xff, 0xff, 0xff, 9], 1);
        assert_eq!(error, Some(CodecError::Version { theirs: 9 }));
        let mut frames = Frames::default();
        frames.feed(Bytes::from(begun(260_000)));
        assert!(frames.next::<Request>().is_none());
        assert!(frames.partial.capacity() < 64);
        assert_eq!(frames.begun(), Some(260_000));
    }

    /// Nobody waits, or keeps room, for a length that was not judged.
    #[test]
    fn a_length_counts_only_once_it_was_judged() {
        let mut frames = Frames::default();
        frames.feed(Bytes::from_static(&[0xff; 4]));
        assert!(frames.next::<Request>().is_none());
        assert_eq!(frames.begun(), Some(0));
        frames.feed(Bytes::from_static(&[PROTOCOL_VERSION]));
        assert!(matches!(frames.next::<Request>(), Some(Err(_))));
    }
}
