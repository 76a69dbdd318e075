//! One named value of every variant, refusal, outcome and reason. The names are those of `vectors/frames.txt`.

use super::super::super::{
    AccessToken, Ack, Answer, ClockJump, Delivery, DeliveryOutcome, EndReason, Envelope, Event,
    Exporter, HoldSecret, Info, MailboxSecret, Refusal, Request, SendToken, SendTokenHash,
    ServedLimits, TokenMark, TokenOutcome,
};
use super::super::{MAX_ACCESS_TOKEN_LEN, MAX_DELIVERIES, MAX_TOKENS};

/// The connection on which the vectors' proofs were made.
pub(super) const EXPORTER: Exporter = Exporter([0x07; 32]);

/// The mailbox whose proofs the vectors have.
pub(super) fn mailbox(seed: u8) -> MailboxSecret {
    MailboxSecret::from_seed(&[seed; 32])
}

pub(super) fn delivery(token: u8, filler: u8) -> Delivery {
    Delivery {
        token: SendToken::new([token; 32]),
        envelope: Envelope::new(vec![filler; 4096]).unwrap(),
    }
}

pub(super) fn access(text: &str) -> AccessToken {
    AccessToken::new(text.to_owned()).unwrap()
}

pub(super) fn requests() -> Vec<(&'static str, Request)> {
    let tokens = vec![SendToken::new([0x11; 32]).hash(), SendTokenHash([0x22; 32])];
    let id = HoldSecret::new([0x44; 32]).id();
    let old = HoldSecret::new([0x55; 32]);
    vec![
        ("request.info", Request::Info),
        ("request.open", Request::open(&EXPORTER, &mailbox(0x03), tokens, None)),
        (
            "request.open.access",
            Request::open(&EXPORTER, &mailbox(0x03), Vec::new(), Some(access("llave-1"))),
        ),
        ("request.close", Request::close(&EXPORTER, &mailbox(0x03))),
        ("request.subscribe", Request::subscribe(&EXPORTER, &[mailbox(0x03), mailbox(0x04)])),
        ("request.send", Request::Send { delivery: delivery(0x11, 0x5a) }),
        (
            "request.hold",
            Request::Hold {
                id,
                for_s: 4800,
                deliveries: vec![delivery(0x11, 0x5a)],
                replaces: None,
            },
        ),
        (
            "request.hold.replaces",
            Request::Hold {
                id,
                for_s: 200,
                deliveries: vec![delivery(0x11, 0x5a), delivery(0x12, 0x5b)],
                replaces: Some(old.clone()),
            },
        ),
        ("request.extend", Request::Extend { secret: old.clone(), for_s: 2_592_000 }),
        ("request.cancel", Request::Cancel { secret: old }),
    ]
}

pub(super) fn answers() -> Vec<(&'static str, Answer)> {
    use DeliveryOutcome::{Full, Held, Refused};
    use TokenOutcome::{Full as NoRoom, Registered, Taken};
    let limits = ServedLimits {
        envelope_age_s: 1_209_600,
        hold_length_s: 2_592_000,
        mailbox_envelopes: 4096,
        token_envelopes: 250,
        mailbox_idle_s: 7_776_000,
    };
    let info = |clock_jump| {
        let (version, time_s, access_required) = (1, 1_795_500_000, true);
        Answer::Info(Info { version, time_s, access_required, limits, clock_jump })
    };
    let refused = Answer::Refused;
    vec![
        ("answer.info", info(ClockJump::None)),
        ("answer.info.clock-forward", info(ClockJump::Forward { by_s: 1_296_000 })),
        ("answer.info.clock-back", info(ClockJump::Back { by_s: 120 })),
        (
            "answer.opened",
            Answer::Opened { outcomes: vec![Registered, Taken, NoRoom], reopening: None },
        ),
        (
            "answer.opened.reopening",
            Answer::Opened { outcomes: vec![], reopening: AccessToken::new("aurora".to_owned()) },
        ),
        ("answer.closed", Answer::Closed),
        ("answer.subscribed", Answer::Subscribed),
        ("answer.accepted", Answer::Accepted),
        ("answer.held", Answer::Held { outcomes: vec![Held, Refused, Full] }),
        ("answer.extended", Answer::Extended { outcomes: vec![Held, Refused] }),
        ("answer.cancelled", Answer::Cancelled),
        ("answer.refused.malformed", refused(Refusal::Malformed)),
        ("answer.refused.too-long", refused(Refusal::TooLong)),
        ("answer.refused.wrong-proof", refused(Refusal::WrongProof)),
        ("answer.refused.access-required", refused(Refusal::AccessRequired)),
        ("answer.refused.unknown-mailbox", refused(Refusal::UnknownMailbox)),
        ("answer.refused.unknown-token", refused(Refusal::UnknownToken)),
        ("answer.refused.unknown-hold", refused(Refusal::UnknownHold)),
        ("answer.refused.hold-exists", refused(Refusal::HoldExists)),
        ("answer.refused.hold-length", refused(Refusal::HoldLength)),
        ("answer.refused.too-many-subscriptions", refused(Refusal::TooManySubscriptions)),
        ("answer.refused.hold-lost", refused(Refusal::HoldLost)),
        ("answer.refused.access-spent", refused(Refusal::AccessSpent)),
        ("answer.full", Answer::Full { retry_after_s: 30 }),
        ("answer.unavailable", Answer::Unavailable { retry_after_s: 70_000 }),
    ]
}

pub(super) fn events() -> Vec<(&'static str, Event)> {
    let envelope = |token| Event::Envelope {
        mailbox: 1,
        sequence: 5_000_000_000,
        received_at_s: 1_795_500_000,
        token,
        envelope: Envelope::new(vec![0x5a; 4096]).unwrap(),
    };
    let ended = |reason| Event::Ended { reason };
    vec![
        ("event.envelope", envelope(Some(TokenMark([0x6b; 8])))),
        ("event.envelope.token-unknown", envelope(None)),
        ("event.caught-up", Event::CaughtUp { mailbox: 0, expired: 3 }),
        ("event.ended.mailbox-closed", ended(EndReason::MailboxClosed)),
        ("event.ended.shutting-down", ended(EndReason::ShuttingDown)),
        ("event.ended.protocol-error", ended(EndReason::ProtocolError)),
        ("event.ended.store-failed", ended(EndReason::StoreFailed)),
        ("event.ended.displaced", ended(EndReason::Displaced)),
    ]
}

pub(super) fn acks() -> Vec<(&'static str, Ack)> {
    vec![
        ("ack", Ack { mailbox: 0, sequence: 250 }),
        ("ack.long", Ack { mailbox: 15, sequence: 5_000_000_000 }),
    ]
}

/// The longest request there is: 64 deliveries, the longest integers, and a hold replaced.
pub(super) fn largest_hold() -> Request {
    Request::Hold {
        id: HoldSecret::new([0x44; 32]).id(),
        for_s: u32::MAX,
        deliveries: (0..MAX_DELIVERIES).map(|i| delivery(i as u8, 0x5a)).collect(),
        replaces: Some(HoldSecret::new([0x55; 32])),
    }
}

/// The longest `Open` there is.
pub(super) fn largest_open() -> Request {
    let tokens = (0..MAX_TOKENS).map(|i| SendTokenHash([i as u8; 32])).collect();
    let text = "x".repeat(MAX_ACCESS_TOKEN_LEN);
    Request::open(&EXPORTER, &mailbox(0x03), tokens, Some(access(&text)))
}
