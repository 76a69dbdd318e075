//! What members say to each other: the plaintext that is cut into parts and sealed.
use serde::{Deserialize, Serialize};

use super::alert::{AlertEvent, AlertId, EventKind};
use super::card::{SignedCard, Spare, check_addresses};
use super::extensions::Extensions;
use super::invitation::{Join, Offer};
use super::limits::{
    MAX_ALERT_MARKS, MAX_CHAIN, MAX_CONTACT_LEN, MAX_CONTACTS, MAX_IN_PLACE, MAX_INTERVAL_MIN,
    MAX_MEMBERS, MAX_NAMED, MAX_RECEIPT, MAX_SPARES, MAX_TEXT_LEN, MAX_WATCH_S,
};
use super::roster::{Names, SignedRoster, is_name};
use crate::encoding;
use crate::seal::{MemberId, MessageId};
use crate::wire::EnvelopeDigest;

/// First byte of every message: lets a later version change what follows.
pub const MESSAGE_VERSION: u8 = 1;

/// A message: what one member says to another, in one or more envelopes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// By the sender's clock, Unix seconds.
    pub sent_at_s: u64,
    /// Of panic kits: in what was sealed beforehand (`sent_at_s` 0) its generation; in every other message the
    /// lowest generation of the sender's that is not void, by which an old kit in wrong hands is recognised.
    pub kit: u64,
    /// The sender's open alerts, so that who has more events can pass them on.
    pub marks: Vec<AlertMark>,
    /// What is said.
    pub body: Body,
}

/// What a sender knows of one open alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertMark {
    /// The alert.
    pub alert: AlertId,
    /// [`set_digest`](super::alert::set_digest) of the sender's events.
    pub digest: [u8; 16],
}

impl AlertMark {
    /// Those of `open` that the next message carries: at most [`MAX_ALERT_MARKS`], taken in turn by
    /// `turn` (any number that grows with each message), so that many alerts at once hinder no message.
    #[must_use]
    pub fn choose(open: &[Self], turn: u64) -> Vec<Self> {
        let start = usize::try_from(turn.checked_rem(open.len() as u64).unwrap_or(0)).unwrap_or(0);
        open.iter().cycle().skip(start).take(open.len().min(MAX_ALERT_MARKS)).copied().collect()
    }
}

/// Until when a terminal counts as watched: what its receipt says, but no longer than [`MAX_WATCH_S`]
/// after the receipt came. A wrong clock must not leave somebody believing that she is watched over.
#[must_use]
pub fn watched_until_s(claimed_s: u64, heard_s: u64) -> u64 {
    claimed_s.min(heard_s.saturating_add(MAX_WATCH_S))
}

/// What is said. Tags are the order of the variants and append-only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// Conversation.
    Say {
        /// The text.
        text: String,
    },
    /// I am here, and I will be back.
    CheckIn(CheckIn),
    /// An event of an alert. Its author is the sender, or it is passed on by hearsay.
    Alert(AlertEvent),
    /// These messages are in my vault.
    Receipt {
        /// Their ids. At most [`MAX_RECEIPT`].
        messages: Vec<MessageId>,
        /// Set by a terminal that is being watched: until when, Unix seconds. See [`watched_until_s`].
        watching_until_s: Option<u64>,
    },
    /// Roster states, oldest first, with the names.
    Rosters {
        /// At most [`MAX_CHAIN`].
        chain: Vec<SignedRoster>,
        /// Names of members.
        names: Names,
    },
    /// Send me the roster states after this number.
    RosterWanted {
        /// The number of the state I hold.
        have: u64,
    },
    /// A newcomer's first words to a member: the roster that names it, and its card.
    Introduction {
        /// The roster state that names the newcomer, and any before it that may be missing.
        chain: Vec<SignedRoster>,
        /// Names of members.
        names: Names,
        /// The newcomer's card for this member.
        card: SignedCard,
    },
    /// My card for you has changed.
    Card(SignedCard),
    /// For newcomers, left with a coordinator. At most [`MAX_SPARES`].
    Spares(Vec<Spare>),
    /// From a coordinator: how to reach a member that you have no card of.
    Introduce {
        /// The member.
        member: MemberId,
        /// One of its spares.
        spare: Spare,
    },
    /// Nothing but the prekeys that ride on it.
    Prekeys,
    /// An envelope of yours could not be opened here; say it again.
    Resend {
        /// The envelope.
        envelope: EnvelopeDigest,
    },
    /// Invitation, step 1: the coordinator's offer.
    Offer(Offer),
    /// Invitation, step 2: the joiner's answer.
    Join(Box<Join>),
    /// Invitation, step 3: the nonce that the offer committed to. Both screens can show the words.
    Reveal {
        /// `n_C`, 32 bytes.
        nonce: [u8; 32],
    },
    /// Invitation, step 4: approved.
    Welcome {
        /// The roster that names the newcomer.
        roster: SignedRoster,
        /// Names of members.
        names: Names,
        /// How to reach the others: a spare of each that has left one.
        members: Vec<(MemberId, Spare)>,
        /// The circle's name.
        circle_name: String,
        /// The coordinator's own card for the newcomer.
        card: SignedCard,
    },
    /// Invitation: not approved (two people answered it, or the words differed).
    Void,
    /// I am watching, or not any more. Never receipted; sealed to the last-resort prekey: towards a device that is
    /// off it must not use up the stock.
    Presence {
        /// Until when, Unix seconds; 0: not any more. See [`watched_until_s`].
        watching_until_s: u64,
        /// A roll-call: who is watching answers with its own.
        ask: bool,
    },
    /// From a coordinator: whom a person may turn to outside the circle. The highest counter counts.
    Contacts {
        /// Grows by one with each change.
        counter: u64,
        /// At most [`MAX_CONTACTS`].
        contacts: Vec<Contact>,
    },
    /// An event that devices of the one it is about are not told: she is under duress. Never sent to those.
    AlertApart {
        /// The event, as in [`Body::Alert`].
        event: AlertEvent,
        /// What its author says to her devices in its place: claims, releases, hand-overs, confirmations and closings of
        /// the same author and alert. At most [`MAX_IN_PLACE`].
        hers: Vec<AlertEvent>,
    },
}

/// Somebody outside the circle: a lawyer, a protection mechanism, a consulate. Shown to a person, who acts; the
/// program turns to nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Who.
    pub name: String,
    /// How to reach them, and for what. At most [`MAX_CONTACT_LEN`] bytes.
    pub how: String,
}

/// A check-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckIn {
    /// Grows by one each time; only a higher counter moves a deadline.
    pub counter: u64,
    /// The next check-in is due this many minutes after this one; 0: none is agreed.
    pub next_min: u32,
    /// Minutes of grace after that.
    pub grace_min: u32,
    /// The id that an alert would have if this check-in were the last.
    pub next_alarm: AlertId,
    /// How the person is, if said.
    pub condition: Option<Condition>,
    /// The battery is low: silence may be that.
    pub low_battery: bool,
    /// No signal is expected ahead.
    pub no_signal: bool,
    /// The time until the next one is a silence that was planned.
    pub planned_silence: bool,
    /// What was said.
    pub note: String,
    /// Of versions to come.
    pub extensions: Extensions,
}

/// How a person is. Tags are the order of the variants and append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Condition {
    /// Well.
    Well,
    /// Tired.
    Tired,
    /// Unwell.
    Unwell,
    /// Afraid.
    Afraid,
}

/// Why bytes are not a message that may be acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Of a later version: this client is too old for it.
    #[error("the message is of version {0}, newer than this client")]
    Version(u8),
    /// Not a message.
    #[error("the message is malformed")]
    Malformed,
    /// A text or list is longer than allowed.
    #[error("the message breaks a limit")]
    Limit,
}

impl Message {
    /// Encodes it: version byte, then the value.
    ///
    /// # Errors
    /// [`MessageError::Limit`] if a text or list is too long: say so to the person before anything is sent.
    pub fn encode(&self) -> Result<Vec<u8>, MessageError> {
        self.check()?;
        let mut bytes = vec![MESSAGE_VERSION];
        bytes.extend(encoding::to_bytes(self).map_err(|_| MessageError::Malformed)?);
        Ok(bytes)
    }

    /// Decodes it and checks every bound.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        match bytes.split_first() {
            Some((&MESSAGE_VERSION, rest)) => {
                let message: Self =
                    encoding::from_bytes(rest).map_err(|_| MessageError::Malformed)?;
                message.check()?;
                Ok(message)
            }
            _ => Err(match Self::newer_version(bytes) {
                Some(newer) => MessageError::Version(newer),
                None => MessageError::Malformed,
            }),
        }
    }

    /// The version of an encoded message, if it is newer than this one: to be kept until a program reads it that knows it.
    #[must_use]
    pub fn newer_version(bytes: &[u8]) -> Option<u8> {
        bytes.first().copied().filter(|version| *version > MESSAGE_VERSION)
    }

    fn check(&self) -> Result<(), MessageError> {
        let names_hold = |names: &Names| {
            names.len() <= MAX_MEMBERS && names.iter().all(|(_, name)| is_name(name))
        };
        let spare_holds = |spare: &Spare| check_addresses(&spare.addresses).is_ok();
        let holds = match &self.body {
            Body::Say { text } => text.len() <= MAX_TEXT_LEN,
            Body::CheckIn(check_in) => {
                check_in.note.len() <= MAX_TEXT_LEN
                    && check_in.next_min <= MAX_INTERVAL_MIN
                    && check_in.grace_min <= MAX_INTERVAL_MIN
            }
            Body::Alert(event) => event_holds(event),
            Body::AlertApart { event, hers } => {
                let in_place = |hers: &AlertEvent| {
                    let calms = !matches!(
                        hers.kind,
                        EventKind::Raised { .. }
                            | EventKind::Note { .. }
                            | EventKind::StandDownAsked { .. }
                    );
                    let same = (hers.author, hers.alert) == (event.author, event.alert);
                    calms && same && event_holds(hers)
                };
                hers.len() <= MAX_IN_PLACE && event_holds(event) && hers.iter().all(in_place)
            }
            Body::Receipt { messages, .. } => messages.len() <= MAX_RECEIPT,
            Body::Rosters { chain, names } | Body::Introduction { chain, names, .. } => {
                chain.len() <= MAX_CHAIN && names_hold(names)
            }
            Body::Spares(spares) => spares.len() <= MAX_SPARES && spares.iter().all(spare_holds),
            Body::Introduce { spare, .. } => spare_holds(spare),
            Body::Join(join) => is_name(&join.name),
            Body::Welcome { names, members, circle_name, .. } => {
                names_hold(names)
                    && is_name(circle_name)
                    && members.len() <= MAX_MEMBERS
                    && members.iter().all(|(_, spare)| spare_holds(spare))
            }
            Body::Contacts { contacts, .. } => {
                let holds = |c: &Contact| is_name(&c.name) && c.how.len() <= MAX_CONTACT_LEN;
                contacts.len() <= MAX_CONTACTS && contacts.iter().all(holds)
            }
            Body::Offer(offer) => check_addresses(&offer.reply).is_ok(),
            Body::RosterWanted { .. }
            | Body::Card(_)
            | Body::Prekeys
            | Body::Resend { .. }
            | Body::Reveal { .. }
            | Body::Presence { .. }
            | Body::Void => true,
        };
        if holds && self.marks.len() <= MAX_ALERT_MARKS { Ok(()) } else { Err(MessageError::Limit) }
    }
}

fn event_holds(event: &AlertEvent) -> bool {
    let kind = &event.kind;
    kind.text().is_none_or(|text| text.len() <= MAX_TEXT_LEN)
        && kind.named().iter().all(|ids| ids.len() <= MAX_NAMED)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) use tests::samples;
