//! What streams bring in crumbs: QUIC keeps each piece by itself until those before it are there and read, and a piece of one byte costs
//! a hundred.

use crate::limits::{CRUMB, CRUMBS};

/// Pieces of streams that came, against what was read of them.
#[derive(Debug, Default)]
pub(super) struct Crumbs {
    /// Those for which nothing was read.
    unread: u64,
    pieces: u64,
    read: u64,
}

impl Crumbs {
    /// Whether some came since the last look.
    pub(super) fn have_come(&self, pieces: u64) -> bool {
        pieces > self.pieces
    }

    /// `pieces`: that came so far; `read`: bytes that were read so far. Whether QUIC may keep more of them than there may be.
    pub(super) fn are_too_many(&mut self, pieces: u64, read: u64) -> bool {
        let came = pieces.saturating_sub(self.pieces);
        let gone = read.saturating_sub(self.read) / CRUMB;
        // What was read before pays for nothing that comes.
        self.unread = (self.unread + came).saturating_sub(gone);
        (self.pieces, self.read) = (pieces, read);
        self.unread > CRUMBS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_read_may_send_small_pieces_for_ever_and_who_is_not_may_send_a_few() {
        let mut crumbs = Crumbs::default();
        // The shortest requests, and the ends of their streams, each by itself.
        for second in 0..1000 {
            assert!(!crumbs.are_too_many(2 * 2000 * second, 2000 * 6 * second));
        }
        let (pieces, read) = (2 * 2000 * 999, 2000 * 6 * 999);
        assert!(!crumbs.have_come(pieces) && crumbs.have_come(pieces + 1));
        assert!(!crumbs.are_too_many(pieces + CRUMBS, read));
        assert!(crumbs.are_too_many(pieces + CRUMBS + 1, read));
        assert!(!crumbs.are_too_many(pieces + CRUMBS + 1, read + CRUMB), "the first of them came");
    }
}
