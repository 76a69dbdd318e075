//! Random legal values, and legal frames with bytes changed, cut or added.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::super::super::{
    AccessToken, Ack, Answer, ClockJump, Delivery, DeliveryOutcome, EndReason, Envelope, Event,
    HoldId, HoldSecret, Info, MailboxId, MailboxProof, Proof, Refusal, Request, SendToken,
    SendTokenHash, ServedLimits, TokenMark, TokenOutcome,
};
use super::super::{ENVELOPE_LEN, HEADER_LEN, MAX_DELIVERIES, MAX_SUBSCRIBED, MAX_TOKENS};
use super::notation::parse;

/// Values of every length of integer are as likely.
fn number() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64u32).prop_map(|(bits, shift)| bits >> shift)
}

fn short() -> impl Strategy<Value = u32> {
    (any::<u32>(), 0..32u32).prop_map(|(bits, shift)| bits >> shift)
}

fn proof() -> impl Strategy<Value = Proof> {
    any::<([u8; 32], [u8; 32])>().prop_map(|(r, s)| {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&r);
        bytes[32..].copy_from_slice(&s);
        Proof(bytes)
    })
}

fn envelope() -> impl Strategy<Value = Envelope> {
    // A few random bytes and a filler: drawing 4096 costs time and finds nothing more.
    (vec(any::<u8>(), 0..64), any::<u8>()).prop_map(|(mut bytes, filler)| {
        bytes.resize(ENVELOPE_LEN, filler);
        Envelope::new(bytes).unwrap()
    })
}

fn delivery() -> impl Strategy<Value = Delivery> {
    (any::<[u8; 32]>(), envelope())
        .prop_map(|(token, envelope)| Delivery { token: SendToken::new(token), envelope })
}

fn access() -> impl Strategy<Value = AccessToken> {
    // 1 to 32 characters of 1 to 4 bytes each are at most 128 bytes.
    "\\PC{1,32}".prop_map(|text| AccessToken::new(text).unwrap())
}

pub(super) fn request() -> impl Strategy<Value = Request> {
    let mailbox = || any::<[u8; 32]>().prop_map(MailboxId);
    let secret = || any::<[u8; 32]>().prop_map(HoldSecret::new);
    let tokens = vec(any::<[u8; 32]>().prop_map(SendTokenHash), 0..=MAX_TOKENS);
    let claim = (mailbox(), proof()).prop_map(|(mailbox, proof)| MailboxProof { mailbox, proof });
    let hold = (any::<[u8; 32]>(), short(), vec(delivery(), 1..=MAX_DELIVERIES));
    prop_oneof![
        Just(Request::Info),
        (mailbox(), proof(), tokens, proptest::option::of(access())).prop_map(
            |(mailbox, proof, tokens, access)| Request::Open { mailbox, proof, tokens, access }
        ),
        (mailbox(), proof()).prop_map(|(mailbox, proof)| Request::Close { mailbox, proof }),
        vec(claim, 1..=MAX_SUBSCRIBED).prop_map(|mailboxes| Request::Subscribe { mailboxes }),
        delivery().prop_map(|delivery| Request::Send { delivery }),
        (hold, proptest::option::of(secret())).prop_map(|((id, for_s, deliveries), replaces)| {
            Request::Hold { id: HoldId(id), for_s, deliveries, replaces }
        }),
        (secret(), short()).prop_map(|(secret, for_s)| Request::Extend { secret, for_s }),
        secret().prop_map(|secret| Request::Cancel { secret }),
    ]
}

fn refusal() -> impl Strategy<Value = Refusal> {
    proptest::sample::select(vec![
        Refusal::Malformed,
        Refusal::TooLong,
        Refusal::WrongProof,
        Refusal::AccessRequired,
        Refusal::UnknownMailbox,
        Refusal::UnknownToken,
        Refusal::UnknownHold,
        Refusal::HoldExists,
        Refusal::HoldLength,
        Refusal::TooManySubscriptions,
        Refusal::HoldLost,
        Refusal::AccessSpent,
    ])
}

fn outcomes() -> impl Strategy<Value = Vec<DeliveryOutcome>> {
    use DeliveryOutcome::{Full, Held, Refused};
    vec(proptest::sample::select(vec![Held, Refused, Full]), 0..=MAX_DELIVERIES)
}

fn info() -> impl Strategy<Value = Info> {
    let limits =
        (short(), short(), short(), short(), short()).prop_map(|(a, b, c, d, e)| ServedLimits {
            envelope_age_s: a,
            hold_length_s: b,
            mailbox_envelopes: c,
            token_envelopes: d,
            mailbox_idle_s: e,
        });
    let clock_jump = prop_oneof![
        Just(ClockJump::None),
        number().prop_map(|by_s| ClockJump::Forward { by_s }),
        number().prop_map(|by_s| ClockJump::Back { by_s }),
    ];
    (any::<u8>(), number(), any::<bool>(), limits, clock_jump).prop_map(
        |(version, time_s, access_required, limits, clock_jump)| Info {
            version,
            time_s,
            access_required,
            limits,
            clock_jump,
        },
    )
}

fn opened() -> impl Strategy<Value = Answer> {
    use TokenOutcome::{Full, Registered, Taken};
    let outcomes = vec(proptest::sample::select(vec![Registered, Taken, Full]), 0..=MAX_TOKENS);
    (outcomes, proptest::option::of(access()))
        .prop_map(|(outcomes, reopening)| Answer::Opened { outcomes, reopening })
}

pub(super) fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        info().prop_map(Answer::Info),
        opened(),
        Just(Answer::Closed),
        Just(Answer::Subscribed),
        Just(Answer::Accepted),
        outcomes().prop_map(|outcomes| Answer::Held { outcomes }),
        outcomes().prop_map(|outcomes| Answer::Extended { outcomes }),
        Just(Answer::Cancelled),
        refusal().prop_map(Answer::Refused),
        short().prop_map(|retry_after_s| Answer::Full { retry_after_s }),
        short().prop_map(|retry_after_s| Answer::Unavailable { retry_after_s }),
    ]
}

pub(super) fn event() -> impl Strategy<Value = Event> {
    use EndReason::{Displaced, MailboxClosed, ProtocolError, ShuttingDown, StoreFailed};
    let reasons = vec![MailboxClosed, ShuttingDown, ProtocolError, StoreFailed, Displaced];
    prop_oneof![
        (any::<u8>(), number(), number(), proptest::option::of(any::<[u8; 8]>()), envelope())
            .prop_map(|(mailbox, sequence, received_at_s, token, envelope)| Event::Envelope {
                mailbox,
                sequence,
                received_at_s,
                token: token.map(TokenMark),
                envelope,
            }),
        (any::<u8>(), number()).prop_map(|(mailbox, expired)| Event::CaughtUp { mailbox, expired }),
        proptest::sample::select(reasons).prop_map(|reason| Event::Ended { reason }),
    ]
}

pub(super) fn ack() -> impl Strategy<Value = Ack> {
    (any::<u8>(), number()).prop_map(|(mailbox, sequence)| Ack { mailbox, sequence })
}

/// A golden frame, without its length field, after one to four changes: a byte replaced, a part cut out,
/// bytes put in.
pub(super) fn perturbed_frame() -> impl Strategy<Value = Vec<u8>> {
    let frames: Vec<Vec<u8>> =
        parse().into_values().map(|mut bytes| bytes.split_off(HEADER_LEN)).collect();
    let change = (any::<Index>(), 0..3u8, 1..9usize, any::<u8>());
    (proptest::sample::select(frames), vec(change, 1..=4)).prop_map(|(mut frame, changes)| {
        for (place, kind, count, byte) in changes {
            // Nearly all structure is in the first bytes; half of the changes go there.
            let reach = if byte & 1 == 0 { frame.len().min(80) } else { frame.len() };
            let at = if reach == 0 { 0 } else { place.index(reach) };
            match kind {
                0 if at < frame.len() => frame[at] = byte,
                1 => drop(frame.drain(at..(at + count).min(frame.len()))),
                _ => drop(frame.splice(at..at, std::iter::repeat_n(byte, count))),
            }
        }
        frame
    })
}
