//! Every size and count that both ends rely on, each with its reason.

/// Version of this protocol; the first byte of every frame.
pub const PROTOCOL_VERSION: u8 = 1;

/// Version of QUIC (RFC 9000, section 15); no other is offered or accepted.
pub const QUIC_VERSION: u32 = 1;

/// ALPN on QUIC. The readable part of a handshake then does not mark its users.
pub const ALPN_QUIC: &[u8] = b"h3";

/// Label of the TLS exporter (RFC 8446 §7.5) whose value a [`Proof`](super::Proof) signs, with an empty context.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-velar-proof";

/// Bytes of every envelope. One size for all kinds of message: size tells nothing.
pub const ENVELOPE_LEN: usize = 4096;

/// Token hashes in one `Open`: 31 other members, 4 spares with each of a few coordinators, room for replacement.
pub const MAX_TOKENS: usize = 128;

/// Deliveries in one `Hold`: 31 members with two addresses each on the same relay, rounded up.
pub const MAX_DELIVERIES: usize = 64;

/// Mailboxes in one `Subscribe`: a member's own, and those of its open invitations.
pub const MAX_SUBSCRIBED: usize = 16;

/// Bytes after the length field of a client's frame: a `Hold` with [`MAX_DELIVERIES`] needs 264 457.
pub const MAX_REQUEST_LEN: usize = 264 * 1024;

/// Bytes after the length field of an answer: the largest is an `Opened` with [`MAX_TOKENS`] outcomes.
pub const MAX_ANSWER_LEN: usize = 1024;

/// Bytes after the length field of an event on a subscription: one envelope and its numbers.
pub const MAX_EVENT_LEN: usize = ENVELOPE_LEN + 64;

/// Bytes after the length field of an `Ack`.
pub const MAX_ACK_LEN: usize = 32;

/// Bytes of an access token, child or reopening text: they are handed out in writing, so they are text; the longest of today
/// has 87.
pub const MAX_ACCESS_TOKEN_LEN: usize = 128;

/// Places in one address: a relay's name, its IP addresses, and one elsewhere. Each costs a silent one's callers a second.
pub const MAX_PLACES: usize = 4;

/// Characters of an address: a DNS name, a port and two pins fit, or four names as they are common.
pub const MAX_ADDRESS_LEN: usize = 400;

/// Seconds from now until a child of an access token expires, at most: a relay remembers each used one for about as long.
pub const MAX_CHILD_S: u64 = 7 * 86_400;

/// Envelopes on one subscription that a relay sends ahead of their `Ack`s. Bounds memory at both ends.
pub const MAX_UNACKED: usize = 64;
