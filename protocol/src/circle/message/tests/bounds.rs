//! Every bound, refused by encode and by decode alike; and that what is allowed fits into a message.

use std::collections::BTreeSet;

use super::super::*;
use super::samples::{
    address, card, check_in, event, join, message, names, of, offer, roster, samples, spare,
};
use crate::circle::EventId;
use crate::circle::Reason;
use crate::circle::limits::{MAX_ADDRESSES, MAX_NAME_LEN};

fn ids(count: usize) -> BTreeSet<EventId> {
    (0..count as u128).map(|n| EventId(n.to_be_bytes())).collect()
}

fn many_names(count: usize) -> Names {
    (0..count).map(|n| (MemberId([n as u8; 32]), "x".repeat(MAX_NAME_LEN))).collect()
}

/// What an encoder without checks would write.
fn unchecked(message: &Message) -> Vec<u8> {
    [vec![MESSAGE_VERSION], encoding::to_bytes(message).unwrap()].concat()
}

/// Each bound at its limit, and one beyond.
fn at_and_beyond() -> Vec<(&'static str, Body, Body)> {
    let text = |extra| "x".repeat(MAX_TEXT_LEN + extra);
    let raised =
        |extra| event(EventKind::raised(Reason::Panic, MemberId([1; 32]), false, text(extra)));
    let named = |extra| ids(MAX_NAMED + extra);
    let handed = |more, extra| {
        let to = MemberId([1; 32]);
        event(EventKind::HandOver { to, claims: named(more), text: text(extra) })
    };
    let contacts = |count: usize, name: &str, extra| {
        let how = "x".repeat(MAX_CONTACT_LEN + extra);
        let contacts = vec![Contact { name: name.to_owned(), how }; count];
        Body::Contacts { counter: 1, contacts }
    };
    let small = || ids(1);
    let given_back = |extra| of(EventKind::Released { claims: small(), text: text(extra) });
    let apart = |hers| Body::AlertApart { event: given_back(0), hers };
    let note = of(EventKind::Note { text: text(0) });
    let elsewhere = AlertEvent { alert: AlertId([9; 16]), ..given_back(0) };
    let another = AlertEvent { author: MemberId([9; 32]), ..given_back(0) };
    let spares = |count| vec![spare(); count];
    let spare_of = |count| Spare { addresses: vec![address(1); count], ..spare() };
    let chain = |extra| vec![roster(); MAX_CHAIN + extra];
    let receipt = |extra| Body::Receipt {
        messages: vec![MessageId([1; 16]); MAX_RECEIPT + extra],
        watching_until_s: Some(u64::MAX),
    };
    let introduce = |count| Body::Introduce { member: MemberId([1; 32]), spare: spare_of(count) };
    let offer_to = |count| Body::Offer(Offer { reply: vec![address(1); count], ..offer() });
    let join_as = |name: String| Body::Join(Box::new(Join { name, ..join() }));
    let welcome = |names, members: usize, circle_name: &str, addresses| Body::Welcome {
        roster: roster(),
        names,
        members: vec![(MemberId([1; 32]), spare_of(addresses)); members],
        circle_name: circle_name.to_owned(),
        card: card(),
    };
    let introduction = |chain, names| Body::Introduction { chain, names, card: card() };
    let rosters = |chain, names| Body::Rosters { chain, names };
    let long = "x".repeat(MAX_NAME_LEN);
    let check = |next_min, grace_min| Body::CheckIn(CheckIn { next_min, grace_min, ..check_in() });
    let most = MAX_INTERVAL_MIN;
    let full = || many_names(MAX_MEMBERS);
    vec![
        ("say", Body::Say { text: text(0) }, Body::Say { text: text(1) }),
        (
            "check-in note",
            Body::CheckIn(CheckIn { note: text(0), ..check_in() }),
            Body::CheckIn(CheckIn { note: text(1), ..check_in() }),
        ),
        ("check-in interval", check(most, 0), check(most + 1, 0)),
        ("check-in grace", check(0, most), check(0, most + 1)),
        ("raised", raised(0), raised(1)),
        (
            "claimed",
            event(EventKind::Claimed { over: named(0) }),
            event(EventKind::Claimed { over: named(1) }),
        ),
        (
            "released text",
            event(EventKind::Released { claims: small(), text: text(0) }),
            event(EventKind::Released { claims: small(), text: text(1) }),
        ),
        (
            "released claims",
            event(EventKind::Released { claims: named(0), text: text(0) }),
            event(EventKind::Released { claims: named(1), text: text(0) }),
        ),
        (
            "note",
            event(EventKind::Note { text: text(0) }),
            event(EventKind::Note { text: text(1) }),
        ),
        (
            "asked text",
            event(EventKind::StandDownAsked { saw: small(), text: text(0) }),
            event(EventKind::StandDownAsked { saw: small(), text: text(1) }),
        ),
        (
            "asked saw",
            event(EventKind::StandDownAsked { saw: named(0), text: text(0) }),
            event(EventKind::StandDownAsked { saw: named(1), text: text(0) }),
        ),
        (
            "confirmed asked",
            event(EventKind::StandDownConfirmed { asked: named(0), saw: named(0) }),
            event(EventKind::StandDownConfirmed { asked: named(1), saw: named(0) }),
        ),
        (
            "confirmed saw",
            event(EventKind::StandDownConfirmed { asked: named(0), saw: named(0) }),
            event(EventKind::StandDownConfirmed { asked: named(0), saw: named(1) }),
        ),
        (
            "closed text",
            event(EventKind::Closed { saw: named(0), text: text(0) }),
            event(EventKind::Closed { saw: named(0), text: text(1) }),
        ),
        (
            "closed saw",
            event(EventKind::Closed { saw: named(0), text: text(0) }),
            event(EventKind::Closed { saw: named(1), text: text(0) }),
        ),
        ("hand-over text", handed(0, 0), handed(0, 1)),
        ("hand-over claims", handed(0, 0), handed(1, 0)),
        ("contacts", contacts(MAX_CONTACTS, "x", 0), contacts(MAX_CONTACTS + 1, "x", 0)),
        ("contact without name", contacts(1, "x", 0), contacts(1, "", 0)),
        ("contact's way", contacts(1, "x", 0), contacts(1, "x", 1)),
        (
            "apart, in place",
            apart(vec![given_back(0); MAX_IN_PLACE]),
            apart(vec![given_back(0); MAX_IN_PLACE + 1]),
        ),
        ("apart, text in place", apart(vec![given_back(0)]), apart(vec![given_back(1)])),
        ("apart, another alert in place", apart(vec![given_back(0)]), apart(vec![elsewhere])),
        ("apart, another author in place", apart(vec![given_back(0)]), apart(vec![another])),
        ("apart, a note in place", apart(vec![given_back(0)]), apart(vec![note])),
        ("receipt", receipt(0), receipt(1)),
        ("rosters chain", rosters(chain(0), full()), rosters(chain(1), full())),
        (
            "rosters names",
            rosters(chain(0), full()),
            rosters(chain(0), many_names(MAX_MEMBERS + 1)),
        ),
        ("introduction chain", introduction(chain(0), names()), introduction(chain(1), names())),
        (
            "introduction names",
            introduction(chain(0), full()),
            introduction(chain(0), many_names(MAX_MEMBERS + 1)),
        ),
        ("spares", Body::Spares(spares(MAX_SPARES)), Body::Spares(spares(MAX_SPARES + 1))),
        (
            "spare addresses",
            Body::Spares(vec![spare_of(MAX_ADDRESSES)]),
            Body::Spares(vec![spare_of(MAX_ADDRESSES + 1)]),
        ),
        ("spare without address", introduce(1), introduce(0)),
        ("introduce addresses", introduce(MAX_ADDRESSES), introduce(MAX_ADDRESSES + 1)),
        ("offer without address", offer_to(1), offer_to(0)),
        ("offer addresses", offer_to(MAX_ADDRESSES), offer_to(MAX_ADDRESSES + 1)),
        ("join name", join_as(long.clone()), join_as(format!("{long}x"))),
        ("join without name", join_as(String::from("x")), join_as(String::new())),
        (
            "join that turns the line",
            join_as(String::from("x")),
            join_as(String::from("\u{202e}x")),
        ),
        (
            "welcome names",
            welcome(full(), 1, "x", 1),
            welcome(many_names(MAX_MEMBERS + 1), 1, "x", 1),
        ),
        (
            "welcome members",
            welcome(full(), MAX_MEMBERS, "x", 4),
            welcome(full(), MAX_MEMBERS + 1, "x", 4),
        ),
        ("welcome addresses", welcome(full(), 1, "x", 4), welcome(full(), 1, "x", 5)),
        ("welcome circle name", welcome(full(), 1, &long, 1), welcome(full(), 1, "", 1)),
    ]
}

#[test]
fn every_bound_is_refused_by_encode_and_by_decode_and_what_it_allows_is_not() {
    for (name, at, beyond) in at_and_beyond() {
        let (at, beyond) = (message(at), message(beyond));
        let bytes = at.encode();
        assert!(bytes.is_ok(), "{name}");
        assert_eq!(Message::decode(&bytes.unwrap()), Ok(at), "{name}");
        assert_eq!(beyond.encode(), Err(MessageError::Limit), "{name}");
        assert_eq!(Message::decode(&unchecked(&beyond)), Err(MessageError::Limit), "{name}");
    }
}

#[test]
fn more_marks_than_allowed_are_refused() {
    let mark = AlertMark { alert: AlertId([1; 16]), digest: [2; 16] };
    for (_, sample) in samples() {
        let marked = |count| Message { marks: vec![mark; count], ..sample.clone() };
        assert!(marked(MAX_ALERT_MARKS).encode().is_ok());
        let beyond = marked(MAX_ALERT_MARKS + 1);
        assert_eq!(beyond.encode(), Err(MessageError::Limit));
        assert_eq!(Message::decode(&unchecked(&beyond)), Err(MessageError::Limit));
    }
}

/// `spec/circles.md` §6 names this figure; 64 parts carry more (`spec/sealing.md`).
#[test]
fn the_largest_message_fits_into_its_parts() {
    let longest = |extra: &mut Vec<usize>, body| extra.push(message(body).encode().unwrap().len());
    let mut lengths = Vec::new();
    for (_, at, _) in at_and_beyond() {
        longest(&mut lengths, at);
    }
    let largest = lengths.into_iter().max().unwrap();
    // The longest legal address has 400 bytes of text, these 70: 330 more for each.
    assert!(largest + MAX_MEMBERS * MAX_ADDRESSES * 330 < 150 * 1024, "{largest}");
}
