//! One message of every kind, the same every time.

use std::collections::BTreeSet;

use super::super::*;
use crate::circle::card::{Address, Card};
use crate::circle::extensions::Extension;
use crate::circle::roster::{Agreement, PersonId, Role, Roles, Roster};
use crate::circle::testing::{LEAD, secret};
use crate::circle::{EventId, Reason, WordList};
use crate::seal::{CircleId, Prekey, Signature};
use crate::wire::{AccessToken, Pin, RelayAddress, SendToken};

/// 14 November 2023, 22:13:20 UTC.
const TIME: u64 = 1_700_000_000;

pub(super) fn message(body: Body) -> Message {
    Message { sent_at_s: TIME, kit: 0, marks: Vec::new(), body }
}

pub(super) fn address(byte: u8) -> Address {
    let relay = RelayAddress::new("relay.example", 4433, Pin([byte; 32]), None).unwrap();
    Address { relay, token: SendToken::new([byte; 32]) }
}

pub(super) fn spare() -> Spare {
    Spare { addresses: vec![address(0x61)], prekey: prekey(0x62), last_resort: prekey(0x63) }
}

fn prekey(byte: u8) -> Prekey {
    Prekey::from_bytes(&[byte; 1284])
}

/// The state after [`roster`], by a lead whose program is of a version to come.
fn extended_roster() -> SignedRoster {
    let lead = secret(LEAD);
    founded().with_extensions(&lead, extended()).unwrap().signed().clone()
}

pub(super) fn roster() -> SignedRoster {
    founded().signed().clone()
}

fn founded() -> Roster {
    let roles = Roles::of(&[Role::Defender, Role::Coordinator]);
    let person = PersonId([0x11; 16]);
    Roster::found(&secret(LEAD), person, roles, Agreement::default(), [0x12; 32]).unwrap()
}

pub(super) fn card() -> SignedCard {
    card_with(Extensions::NONE)
}

/// Of a version to come.
fn extended() -> Extensions {
    let field = |tag, bytes: &[u8]| Extension { tag, bytes: bytes.to_vec() };
    Extensions::new(vec![field(7, &[0xe5, 0xe6]), field(300, &[])]).unwrap()
}

fn card_with(extensions: Extensions) -> SignedCard {
    let identity = secret(LEAD);
    let card = Card {
        circle: CircleId([0x21; 32]),
        member: identity.public().member(),
        counter: 7,
        addresses: vec![address(0x22)],
        last_resort: prekey(0x23),
        extensions,
    };
    card.sign(&identity).unwrap()
}

pub(super) fn names() -> Names {
    vec![(MemberId([0x31; 32]), String::from("Ana")), (MemberId([0x32; 32]), String::from("Inés"))]
}

pub(in crate::circle) fn offer() -> Offer {
    Offer {
        coordinator: secret(LEAD).public(),
        circle: CircleId([0x21; 32]),
        commitment: [0x41; 32],
        words: WordList::English,
        reply: vec![address(0x42)],
        reply_prekey: prekey(0x43),
        access: AccessToken::new(String::from("leave")),
        until_s: TIME + 172_800,
    }
}

pub(in crate::circle) fn join() -> Join {
    Join {
        identity: secret(LEAD).public(),
        signature: Signature([0x51; 64]),
        name: String::from("Ana"),
        card: card(),
        nonce: [0x52; 32],
    }
}

pub(super) fn check_in() -> CheckIn {
    CheckIn {
        counter: 300,
        next_min: 60,
        grace_min: 15,
        next_alarm: AlertId([0x71; 16]),
        condition: Some(Condition::Tired),
        low_battery: true,
        no_signal: false,
        planned_silence: false,
        note: String::from("río"),
        extensions: Extensions::NONE,
    }
}

pub(super) fn of(kind: EventKind) -> AlertEvent {
    AlertEvent {
        alert: AlertId([0x81; 16]),
        salt: [0x82; 8],
        author: MemberId([0x83; 32]),
        at_s: TIME,
        kind,
    }
}

pub(super) fn event(kind: EventKind) -> Body {
    Body::Alert(of(kind))
}

fn ids(bytes: &[u8]) -> BTreeSet<EventId> {
    bytes.iter().map(|byte| EventId([*byte; 16])).collect()
}

pub(super) fn samples() -> Vec<(&'static str, Message)> {
    let text = || String::from("¡ya voy!");
    let raised =
        |reason, drill| event(EventKind::raised(reason, MemberId([0x84; 32]), drill, text()));
    let well =
        CheckIn { condition: None, planned_silence: true, note: String::new(), ..check_in() };
    let marks = [1, 2].map(|n| AlertMark { alert: AlertId([n; 16]), digest: [n + 2; 16] }).to_vec();
    let bodies = vec![
        ("say", Body::Say { text: text() }),
        ("check-in", Body::CheckIn(check_in())),
        ("check-in.plain", Body::CheckIn(well)),
        ("alert.raised.panic", raised(Reason::Panic, false)),
        ("alert.raised.overdue", raised(Reason::Overdue { check_in: 300 }, false)),
        ("alert.raised.released.drill", raised(Reason::Released { check_in: 7 }, true)),
        ("alert.raised.duress", raised(Reason::Duress, false)),
        ("alert.claimed", event(EventKind::Claimed { over: ids(&[1, 2]) })),
        ("alert.released", event(EventKind::Released { claims: ids(&[1]), text: text() })),
        ("alert.note", event(EventKind::Note { text: text() })),
        (
            "alert.stand-down-asked",
            event(EventKind::StandDownAsked { saw: ids(&[3]), text: text() }),
        ),
        (
            "alert.stand-down-confirmed",
            event(EventKind::StandDownConfirmed { asked: ids(&[4]), saw: ids(&[3, 5]) }),
        ),
        ("alert.closed", event(EventKind::Closed { saw: ids(&[3, 5]), text: text() })),
        (
            "alert.hand-over",
            event(EventKind::HandOver {
                to: MemberId([0x85; 32]),
                claims: ids(&[1]),
                text: text(),
            }),
        ),
        (
            "receipt",
            Body::Receipt {
                messages: vec![MessageId([0x91; 16]), MessageId([0x92; 16])],
                watching_until_s: None,
            },
        ),
        (
            "receipt.watching",
            Body::Receipt { messages: Vec::new(), watching_until_s: Some(TIME + 3600) },
        ),
        ("rosters", Body::Rosters { chain: vec![roster()], names: names() }),
        ("roster-wanted", Body::RosterWanted { have: 41 }),
        (
            "introduction",
            Body::Introduction { chain: vec![roster()], names: names(), card: card() },
        ),
        ("card", Body::Card(card())),
        ("spares", Body::Spares(vec![spare(), spare()])),
        ("introduce", Body::Introduce { member: MemberId([0xa1; 32]), spare: spare() }),
        ("prekeys", Body::Prekeys),
        ("resend", Body::Resend { envelope: EnvelopeDigest([0xb1; 32]) }),
        ("offer", Body::Offer(offer())),
        ("offer.open-relay", Body::Offer(Offer { access: None, ..offer() })),
        ("join", Body::Join(Box::new(join()))),
        ("reveal", Body::Reveal { nonce: [0xc1; 32] }),
        (
            "welcome",
            Body::Welcome {
                roster: roster(),
                names: names(),
                members: vec![(MemberId([0xd1; 32]), spare())],
                circle_name: String::from("La Vega"),
                card: card(),
            },
        ),
        ("void", Body::Void),
        ("presence", Body::Presence { watching_until_s: TIME + 4800, ask: false }),
        ("presence.ask", Body::Presence { watching_until_s: 0, ask: true }),
        (
            "contacts",
            Body::Contacts {
                counter: 2,
                contacts: vec![Contact {
                    name: String::from("Lic. Robles"),
                    how: String::from("55 0000 0000, día y noche"),
                }],
            },
        ),
        (
            "alert-apart",
            Body::AlertApart {
                event: of(EventKind::Claimed { over: ids(&[1, 2]) }),
                hers: vec![of(EventKind::Claimed { over: ids(&[1]) })],
            },
        ),
        (
            "alert-apart.nothing",
            Body::AlertApart { event: of(EventKind::Note { text: text() }), hers: Vec::new() },
        ),
    ];
    let later = |name, body| (name, message(body));
    let raised_later = EventKind::Raised {
        reason: Reason::Panic,
        subject: MemberId([0x84; 32]),
        drill: false,
        text: text(),
        extensions: extended(),
    };
    let marked = Message { marks, ..message(Body::Say { text: text() }) };
    let mut samples: Vec<_> =
        bodies.into_iter().map(|(name, body)| (name, message(body))).collect();
    samples.extend([
        later("check-in.extended", Body::CheckIn(CheckIn { extensions: extended(), ..check_in() })),
        later("alert.raised.extended", event(raised_later)),
        later("card.extended", Body::Card(card_with(extended()))),
        later(
            "rosters.extended",
            Body::Rosters { chain: vec![roster(), extended_roster()], names: names() },
        ),
    ]);
    samples.push(("say.marked", marked));
    let beforehand = Message { sent_at_s: 0, kit: 3, ..message(raised(Reason::Panic, false)) };
    samples.push(("alert.raised.kit", beforehand));
    samples
}
