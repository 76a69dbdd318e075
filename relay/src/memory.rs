//! Memory that strangers can make the relay spend, beside what each connection has in any case: frames that are not whole yet, or
//! not carried out, envelopes that a stream has not taken, and wide windows. Each prefix has its [share](crate::shares).

use std::sync::{Arc, Mutex, PoisonError};

use velar_protocol::wire::codec::HEADER_LEN;
use velar_protocol::wire::limits::MAX_EVENT_LEN;

use crate::limits::{
    DELIVERIES_AT_ONCE, FRAME_PARTS, FRAMES_AT_ONCE, WIDE_CONNECTIONS, WIDE_LEAST, WIDE_PARTS,
};
use crate::origin::{Origin, Prefix};
use crate::shares::Shares;

/// Bytes of an envelope as a subscriber gets it.
const EVENT: usize = HEADER_LEN + MAX_EVENT_LEN;

/// What is bounded, and who has it.
#[derive(Debug)]
pub(crate) struct Memory {
    frames: Mutex<Shares<Prefix>>,
    deliveries: Mutex<Shares<Prefix>>,
    wide_incoming: Mutex<Shares<Prefix>>,
    wide_outgoing: Mutex<Shares<Prefix>>,
}

/// A part of it, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Part {
    memory: Arc<Memory>,
    kind: Kind,
    origin: Origin,
    units: u64,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Frame,
    Deliveries,
    WideIncoming,
    WideOutgoing,
}

impl Memory {
    pub(crate) fn new() -> Arc<Self> {
        let wide = || Mutex::new(Shares::new(WIDE_CONNECTIONS, WIDE_LEAST));
        let frames = Mutex::new(Shares::new(FRAMES_AT_ONCE, 0));
        let deliveries = Mutex::new(Shares::new(DELIVERIES_AT_ONCE, 0));
        Arc::new(Self { frames, deliveries, wide_incoming: wide(), wide_outgoing: wide() })
    }

    /// For a frame of so many bytes. `None`: not now.
    pub(crate) fn for_frame(self: &Arc<Self>, origin: Origin, bytes: usize) -> Option<Part> {
        self.part(Kind::Frame, origin, bytes as u64)
    }

    /// For so many envelopes on their way to a subscriber. `None`: not now.
    pub(crate) fn for_deliveries(
        self: &Arc<Self>,
        origin: Origin,
        envelopes: usize,
    ) -> Option<Part> {
        self.part(Kind::Deliveries, origin, (envelopes * EVENT) as u64)
    }

    /// For the wide window of a connection that sends. `None`: it has a narrow one.
    pub(crate) fn for_wide_incoming(self: &Arc<Self>, origin: Origin) -> Option<Part> {
        self.part(Kind::WideIncoming, origin, 1)
    }

    /// The same for one that reads.
    pub(crate) fn for_wide_outgoing(self: &Arc<Self>, origin: Origin) -> Option<Part> {
        self.part(Kind::WideOutgoing, origin, 1)
    }

    fn part(self: &Arc<Self>, kind: Kind, origin: Origin, units: u64) -> Option<Part> {
        let (shares, parts) = self.of(kind);
        let mut shares = shares.lock().unwrap_or_else(PoisonError::into_inner);
        shares.take(&origin.holders(parts), units).then(|| Part {
            memory: self.clone(),
            kind,
            origin,
            units,
        })
    }

    fn of(&self, kind: Kind) -> (&Mutex<Shares<Prefix>>, [u64; 3]) {
        match kind {
            Kind::Frame => (&self.frames, FRAME_PARTS),
            Kind::Deliveries => (&self.deliveries, FRAME_PARTS),
            Kind::WideIncoming => (&self.wide_incoming, WIDE_PARTS),
            Kind::WideOutgoing => (&self.wide_outgoing, WIDE_PARTS),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let (shares, parts) = self.memory.of(self.kind);
        let mut shares = shares.lock().unwrap_or_else(PoisonError::into_inner);
        shares.give_back(&self.origin.holders(parts), self.units);
    }
}

#[cfg(test)]
mod tests {
    use velar_protocol::wire::limits::MAX_REQUEST_LEN;

    use super::*;
    use crate::origin::Origins;

    #[test]
    fn half_frames_of_many_prefixes_leave_room_for_the_longest_of_the_next() {
        let (origins, memory) = (Origins::default(), Memory::new());
        let mut parts = Vec::new();
        for n in 0..200 {
            let origin = origins.of([10, n, 0, 1].into());
            while let Some(part) = memory.for_frame(origin, 4_101) {
                parts.push(part);
            }
        }
        let bytes: u64 = parts.iter().map(|part| part.units).sum();
        assert!(bytes < FRAMES_AT_ONCE);
        let next = origins.of([198, 51, 100, 1].into());
        assert!(memory.for_frame(next, 4_101).is_some());
        parts.clear();
        assert!(memory.for_frame(next, MAX_REQUEST_LEN).is_some(), "all is given back");
    }
    #[test]
    fn one_network_may_have_half_of_the_wide_windows_and_leaves_some_for_the_next() {
        let (origins, memory) = (Origins::default(), Memory::new());
        let one = origins.of([198, 51, 100, 1].into());
        let parts: Vec<_> = std::iter::from_fn(|| memory.for_wide_incoming(one)).collect();
        assert_eq!(parts.len() as u64, WIDE_CONNECTIONS / 2);
        let next = origins.of([203, 0, 113, 1].into());
        assert!(memory.for_wide_incoming(next).is_some());
        assert!(memory.for_wide_outgoing(one).is_some(), "who sends takes nothing from who reads");
    }
}
