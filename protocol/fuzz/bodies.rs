//! What each fuzz target does with its input. Included by the targets (nightly, libFuzzer) and by
//! `tests/corpus.rs` (stable, replays the corpora).
//!
//! A new target is a function here, a line in [`TARGETS`], a `[[bin]]` with its five-line file in
//! `fuzz_targets/`, and seeds in `corpus/<name>/`. What only clients know is behind `feature = "e2e"`, in
//! `bodies_e2e.rs`; the targets of the relay are in `relay/fuzz/`, with this layout.
#![allow(dead_code, reason = "each target uses one body, the replay uses the table")]

use velar_protocol::wire::codec::{self, Frame, HEADER_LEN};
use velar_protocol::wire::{
    Access, AccessKey, AccessToken, Ack, Answer, Event, MailboxId, RelayAddress, Request,
};

#[cfg(feature = "e2e")]
#[path = "bodies_e2e.rs"]
mod e2e;
#[cfg(feature = "e2e")]
pub(crate) use e2e::*;

/// A fuzz target: the name of its corpus, and its body.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every target.
pub(crate) const TARGETS: &[Target] = &[
    ("request_decoding", request_decoding),
    ("response_decoding", response_decoding),
    ("link_parsing", link_parsing),
    ("access_reading", access_reading),
    #[cfg(feature = "e2e")]
    ("envelope_opening", envelope_opening),
    #[cfg(feature = "e2e")]
    ("message_decoding", message_decoding),
    #[cfg(feature = "e2e")]
    ("statement_verifying", statement_verifying),
];

/// What a relay reads.
pub(crate) fn request_decoding(input: &[u8]) {
    frame_decoding::<Request>(input);
    frame_decoding::<Ack>(input);
}

/// What a client reads.
pub(crate) fn response_decoding(input: &[u8]) {
    frame_decoding::<Answer>(input);
    frame_decoding::<Event>(input);
}

/// What a person pastes.
pub(crate) fn link_parsing(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(address) = text.parse::<RelayAddress>() {
        assert_eq!(address.to_string().parse(), Ok(address));
    }
    #[cfg(feature = "e2e")]
    invitation_parsing(text);
}

/// What is shown to open a mailbox. Whatever reads has one text, and is of no token that nobody has.
pub(crate) fn access_reading(input: &[u8]) {
    let Ok(text) = String::from_utf8(input.to_vec()) else { return };
    let Some(shown) = AccessToken::new(text) else { return };
    let Some(access) = Access::read(&shown) else { return };
    let (key, mailbox) = (AccessKey::new([0xa5; 32]), MailboxId([0x5a; 32]));
    assert!(!bool::from(access.is_of(&key, &mailbox)));
    let text = match access {
        Access::Token(key) => key.to_text(),
        Access::Child(child) => child.to_text(),
        Access::Reopening(reopening) => reopening.to_text(),
    };
    assert_eq!(text.expose(), shown.expose());
}

/// Length field and body as a stream has them. What decodes has one encoding, and decodes from it again.
fn frame_decoding<F: Frame + PartialEq + std::fmt::Debug>(input: &[u8]) {
    let Ok(Some(header)) = codec::header::<F>(input) else { return };
    let Some(frame) = input.get(HEADER_LEN..HEADER_LEN + header.len) else { return };
    let Ok(value) = codec::decode::<F>(frame) else { return };
    let encoded = codec::encode(&value).expect("what decodes is within bounds");
    assert!(encoded.len() <= HEADER_LEN + frame.len(), "the encoding is the shortest");
    assert_eq!(codec::decode(&encoded[HEADER_LEN..]), Ok(value));
}
