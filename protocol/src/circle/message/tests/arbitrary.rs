//! Any message within its bounds, and messages with something wrong.

use std::collections::BTreeSet;

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use super::super::*;
use super::samples::{address, card, join, names, offer, roster, samples};
use crate::circle::extensions::tests::extensions;
use crate::circle::{EventId, Reason, WordList};
use crate::seal::{CircleId, Prekey, Signature};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "\\PC{0,40}", Just("ñ".repeat(MAX_TEXT_LEN / 2))]
}

fn member() -> impl Strategy<Value = MemberId> {
    any::<[u8; 32]>().prop_map(MemberId)
}

fn alert() -> impl Strategy<Value = AlertId> {
    any::<[u8; 16]>().prop_map(AlertId)
}

fn ids() -> impl Strategy<Value = BTreeSet<EventId>> {
    btree_set(any::<[u8; 16]>().prop_map(EventId), 0..5)
}

fn kind() -> impl Strategy<Value = EventKind> {
    let reason = prop_oneof![
        Just(Reason::Panic),
        any::<u64>().prop_map(|check_in| Reason::Overdue { check_in }),
        any::<u64>().prop_map(|check_in| Reason::Released { check_in }),
        Just(Reason::Duress),
    ];
    prop_oneof![
        (reason, member(), any::<bool>(), text(), extensions()).prop_map(
            |(reason, subject, drill, text, extensions)| EventKind::Raised {
                reason,
                subject,
                drill,
                text,
                extensions
            }
        ),
        ids().prop_map(|over| EventKind::Claimed { over }),
        (ids(), text()).prop_map(|(claims, text)| EventKind::Released { claims, text }),
        text().prop_map(|text| EventKind::Note { text }),
        (ids(), text()).prop_map(|(saw, text)| EventKind::StandDownAsked { saw, text }),
        (ids(), ids()).prop_map(|(asked, saw)| EventKind::StandDownConfirmed { asked, saw }),
        (ids(), text()).prop_map(|(saw, text)| EventKind::Closed { saw, text }),
        (member(), ids(), text()).prop_map(|(to, claims, text)| EventKind::HandOver {
            to,
            claims,
            text
        }),
    ]
}

fn event() -> impl Strategy<Value = AlertEvent> {
    (alert(), any::<[u8; 8]>(), member(), any::<u64>(), kind()).prop_map(
        |(alert, salt, author, at_s, kind)| AlertEvent { alert, salt, author, at_s, kind },
    )
}

fn check_in() -> impl Strategy<Value = CheckIn> {
    let condition = option::of(prop_oneof![
        Just(Condition::Well),
        Just(Condition::Tired),
        Just(Condition::Unwell),
        Just(Condition::Afraid)
    ]);
    let minutes = || 0..=MAX_INTERVAL_MIN;
    let flags = any::<[bool; 3]>();
    (any::<u64>(), minutes(), minutes(), alert(), condition, flags, text(), extensions()).prop_map(
        |(counter, next_min, grace_min, next_alarm, condition, flags, note, extensions)| {
            let [low_battery, no_signal, planned_silence] = flags;
            CheckIn {
                counter,
                next_min,
                grace_min,
                next_alarm,
                condition,
                low_battery,
                no_signal,
                planned_silence,
                note,
                extensions,
            }
        },
    )
}

fn prekey() -> impl Strategy<Value = Prekey> {
    vec(any::<u8>(), 1284).prop_map(|bytes| Prekey::from_bytes(&bytes.try_into().unwrap()))
}

fn spare() -> impl Strategy<Value = Spare> {
    (vec(any::<u8>().prop_map(address), 1..=4), prekey(), prekey())
        .prop_map(|(addresses, prekey, last_resort)| Spare { addresses, prekey, last_resort })
}

fn chain() -> impl Strategy<Value = Vec<SignedRoster>> {
    vec(Just(roster()), 0..4)
}

fn an_offer() -> impl Strategy<Value = Offer> {
    let list = prop_oneof![Just(WordList::Spanish), Just(WordList::English)];
    (any::<[[u8; 32]; 2]>(), list, prekey(), any::<u64>()).prop_map(
        |([circle, commitment], words, reply_prekey, until_s)| Offer {
            circle: CircleId(circle),
            commitment,
            words,
            reply_prekey,
            until_s,
            ..offer()
        },
    )
}

fn a_join() -> impl Strategy<Value = Join> {
    ("[a-zñ ]{0,30}x", any::<[u8; 32]>(), vec(any::<u8>(), 64)).prop_map(
        |(name, nonce, signature)| Join {
            name,
            nonce,
            signature: Signature(signature.try_into().unwrap()),
            ..join()
        },
    )
}

fn body() -> impl Strategy<Value = Body> {
    let messages = vec(any::<[u8; 16]>().prop_map(MessageId), 0..=MAX_RECEIPT);
    prop_oneof![
        text().prop_map(|text| Body::Say { text }),
        check_in().prop_map(Body::CheckIn),
        event().prop_map(Body::Alert),
        (messages, option::of(any::<u64>())).prop_map(|(messages, watching_until_s)| {
            Body::Receipt { messages, watching_until_s }
        }),
        chain().prop_map(|chain| Body::Rosters { chain, names: names() }),
        any::<u64>().prop_map(|have| Body::RosterWanted { have }),
        chain().prop_map(|chain| Body::Introduction { chain, names: names(), card: card() }),
        Just(Body::Card(card())),
        vec(spare(), 0..3).prop_map(Body::Spares),
        (member(), spare()).prop_map(|(member, spare)| Body::Introduce { member, spare }),
        Just(Body::Prekeys),
        any::<[u8; 32]>().prop_map(|bytes| Body::Resend { envelope: EnvelopeDigest(bytes) }),
        an_offer().prop_map(Body::Offer),
        a_join().prop_map(|join| Body::Join(Box::new(join))),
        any::<[u8; 32]>().prop_map(|nonce| Body::Reveal { nonce }),
        (vec((member(), spare()), 0..3), "[a-zñ ]{0,30}x").prop_map(|(members, circle_name)| {
            Body::Welcome { roster: roster(), names: names(), members, circle_name, card: card() }
        }),
        Just(Body::Void),
        any::<(u64, bool)>()
            .prop_map(|(watching_until_s, ask)| Body::Presence { watching_until_s, ask }),
        (any::<u64>(), vec(("[a-zñ ]{0,30}x", "\\PC{0,40}"), 0..4)).prop_map(|(counter, list)| {
            let contact = |(name, how)| Contact { name, how };
            Body::Contacts { counter, contacts: list.into_iter().map(contact).collect() }
        }),
        (event(), vec(kind(), 0..=MAX_IN_PLACE)).prop_map(|(event, kinds)| {
            let calms = |kind: &EventKind| {
                use EventKind::{Note, Raised, StandDownAsked};
                !matches!(kind, Raised { .. } | Note { .. } | StandDownAsked { .. })
            };
            let kinds = kinds.into_iter().filter(calms);
            let hers = kinds.map(|kind| AlertEvent { kind, ..event.clone() }).collect();
            Body::AlertApart { event, hers }
        }),
    ]
}

fn mark() -> impl Strategy<Value = AlertMark> {
    (alert(), any::<[u8; 16]>()).prop_map(|(alert, digest)| AlertMark { alert, digest })
}

pub(super) fn message() -> impl Strategy<Value = Message> {
    (any::<[u64; 2]>(), vec(mark(), 0..=MAX_ALERT_MARKS), body())
        .prop_map(|([sent_at_s, kit], marks, body)| Message { sent_at_s, kit, marks, body })
}

/// A sample with bytes changed, taken out or put in.
pub(super) fn perturbed() -> impl Strategy<Value = Vec<u8>> {
    let samples: Vec<Vec<u8>> =
        samples().into_iter().map(|(_, sample)| sample.encode().unwrap()).collect();
    let changes = vec((any::<prop::sample::Index>(), 0..3_u8, any::<u8>()), 1..6);
    (proptest::sample::select(samples), changes).prop_map(|(mut bytes, changes)| {
        for (at, how, byte) in changes {
            // Mostly near the start, where tags and lengths are.
            let at = at.index(bytes.len().max(1)) % if byte % 2 == 0 { 64 } else { usize::MAX };
            match how {
                0 if at < bytes.len() => bytes[at] = byte,
                1 if at < bytes.len() => {
                    bytes.remove(at);
                }
                _ => bytes.insert(at.min(bytes.len()), byte),
            }
        }
        bytes
    })
}
