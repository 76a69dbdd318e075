//! What all limits together allow of memory. `MemoryMax` of `deploy/velar-relay.service` is above it: a relay that is as full as it may
//! be must neither be killed nor fail to start again.
//!
//! Sizes are bytes of resident memory with all that the allocator adds, measured on x86-64: connections by `tests/bench`, the rest by
//! the measurement in `memory/tests.rs`.

use velar_protocol::wire::limits::ENVELOPE_LEN;

use super::{
    ACCESS_TOKENS, CACHED_ENVELOPES, DELIVERIES_AT_ONCE, FRAMES_AT_ONCE, GONE,
    INCOMING_BUFFER_TOTAL, Limits, NARROW_SEND_WINDOW, NARROW_WINDOW, RELEASED_WITHOUT_ROOM,
    REMEMBERED_LEAST, REMEMBERED_PREFIXES, SMALL_FRAME, SOCKET_BUFFER, SPENT_CHILDREN,
    WIDE_CONNECTIONS, WIDE_SEND_WINDOW, WIDE_WINDOW, WRITER_QUEUE,
};

/// The program with its threads, and its store without anything in it.
const PROGRAM: u64 = 20_000_000;
/// What the store has in buffers, beside its cache, while it writes as fast as the disk can.
const STORE_BUFFERS: u64 = 90_000_000;
/// While the ledger is rewritten: see `store/ledger.rs`.
const LEDGER: u64 = 20_000_000;
/// A connection that is idle.
const CONNECTION: u64 = 39_000;
/// A handshake in flight.
const HANDSHAKE: u64 = 72_000;
/// A mailbox without tokens.
const MAILBOX: u64 = 700;
/// A send token, its place in the table of all included.
const TOKEN: u64 = 150;
/// An envelope that waits or is held: its entry and digest in its mailbox, and what the store keeps to find it.
const ENVELOPE: u64 = 380;
/// A digest that is remembered.
const DIGEST: u64 = 100;
/// A hold without deliveries, and what is remembered of one that is dropped or lost.
const HOLD: u64 = 600;
/// A delivery of a hold by a token of its own.
const DELIVERY: u64 = 130;
/// A used child of an access token.
const CHILD: u64 = 80;
/// A prefix remembered for its new mailboxes.
const PREFIX: u64 = 130;
/// At a start all of these are there as the ledger, as the database and as the relay knows them.
const START: u64 = 3;

impl Limits {
    /// What takes memory while a relay with these limits runs, and how many bytes of it at most.
    #[must_use]
    pub fn memory(&self) -> Vec<(&'static str, u64)> {
        let of = |count: u32, each: u64| u64::from(count) * each;
        let envelope = ENVELOPE_LEN as u64;
        let in_memory = (WRITER_QUEUE + CACHED_ENVELOPES + RELEASED_WITHOUT_ROOM) as u64;
        let wide = u64::from(WIDE_WINDOW) + WIDE_SEND_WINDOW;
        vec![
            ("the program", PROGRAM),
            ("the store's cache of pages", u64::from(self.cache_mib) << 20),
            ("the store's buffers", STORE_BUFFERS),
            ("the ledger, while it is rewritten", LEDGER),
            ("connections, idle", of(self.connections, CONNECTION)),
            ("what is on its way from each", of(self.connections, NARROW_WINDOW.into())),
            ("half a small frame from each", of(self.connections, SMALL_FRAME as u64)),
            ("handshakes", of(self.handshakes, HANDSHAKE) + INCOMING_BUFFER_TOTAL),
            ("connections that have ended", GONE * HANDSHAKE),
            ("packets that wait in the kernel", 2 * SOCKET_BUFFER as u64),
            ("wide windows", WIDE_CONNECTIONS * wide),
            ("long frames", FRAMES_AT_ONCE),
            ("answers on their way to each", of(self.connections, NARROW_SEND_WINDOW)),
            ("envelopes for subscribers whose streams are full", DELIVERIES_AT_ONCE),
            (
                "envelopes for the disk, for slow readers and of released holds",
                in_memory * envelope,
            ),
            ("mailboxes", of(self.mailboxes, MAILBOX)),
            ("send tokens", of(self.tokens, TOKEN)),
            ("what is known of each envelope", of(self.envelopes, ENVELOPE)),
            ("holds", of(self.holds, HOLD)),
            ("their deliveries", of(self.hold_deliveries, DELIVERY)),
            ("remembered digests", self.digests() * DIGEST),
            ("used children of access tokens", (ACCESS_TOKENS * SPENT_CHILDREN) as u64 * CHILD),
            ("remembered prefixes", REMEMBERED_PREFIXES as u64 * PREFIX),
        ]
    }

    /// Bytes that a start takes at most, before anybody is connected.
    #[must_use]
    pub fn memory_at_start(&self) -> u64 {
        let found = u64::from(self.mailboxes) * MAILBOX
            + u64::from(self.tokens) * TOKEN / 2
            + u64::from(self.envelopes) * ENVELOPE / 2
            + u64::from(self.holds) * HOLD
            + u64::from(self.hold_deliveries) * DELIVERY / 2;
        PROGRAM + (u64::from(self.cache_mib) << 20) + STORE_BUFFERS + START * found
    }

    fn digests(&self) -> u64 {
        u64::from(self.remembered) + u64::from(self.mailboxes) * REMEMBERED_LEAST as u64
    }
}

#[cfg(test)]
mod tests;
