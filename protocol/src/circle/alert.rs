//! Alerts: a set of authenticated events and the pure fold that gives their state.
//!
//! Events are merged as a set: order, doubles and gaps do not matter, and everybody who has the same
//! events sees the same state at the same time. Alarm travels by hearsay, calm only at first hand.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::extensions::Extensions;
use super::limits::MAX_EVENTS_PER_AUTHOR;
use crate::encoding;
use crate::hash::labelled;
use crate::seal::MemberId;

mod compose;
mod fold;

/// Ties an alert's id to its subject: nobody else's name can be put on it.
const LABEL_ALERT: &[u8] = b"velar/1 alert";
/// An event's id is a digest of all it says: no other event can take its place.
const LABEL_EVENT: &[u8] = b"velar/1 alert event";
/// Digest of an alert's set of events.
const LABEL_SET: &[u8] = b"velar/1 alert events";

macro_rules! id_16 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// The first four bytes in hex: how people name it.
            #[must_use]
            pub fn short(&self) -> String {
                self.0.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.short())
            }
        }
    };
}

id_16!(
    /// Names an alert. Drawn beforehand, so that a panic and a missed check-in are one alert.
    AlertId
);
id_16!(
    /// Names an event: a digest of all that it says (see [`AlertEvent::id`]).
    EventId
);

impl AlertId {
    /// An id for the next alert about `subject`: `random ‖ H(label, subject, random)[..8]`.
    ///
    /// Check-ins make the id known to the whole circle before it is needed. Bound to its subject, it cannot
    /// be used to make an alert look as if it were about somebody else.
    #[must_use]
    pub fn draw(subject: MemberId, random: [u8; 8]) -> Self {
        let digest = labelled(LABEL_ALERT, &[&subject.0, &random]);
        let mut bytes = random.into_iter().chain(digest);
        Self(core::array::from_fn(|_| bytes.next().unwrap_or_default()))
    }

    /// Whether it was drawn for alerts about `subject`.
    #[must_use]
    pub fn is_about(&self, subject: MemberId) -> bool {
        let mut bytes = self.0.into_iter();
        Self::draw(subject, core::array::from_fn(|_| bytes.next().unwrap_or_default())) == *self
    }
}

/// Why an alert was raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// The person asked for help.
    Panic,
    /// No check-in came after this one, and its time is over.
    Overdue {
        /// Counter of the last check-in.
        check_in: u64,
    },
    /// A relay released the person's held alert.
    Released {
        /// Counter of the check-in at which it was sealed; extended since, there are newer ones.
        check_in: u64,
    },
    /// The person's vault was opened with another passphrase than the one the circle knows her by.
    Duress,
}

/// What happened. Tags are the order of the variants and append-only.
///
/// What calms names what its author has seen: what it did not see stays as it was. No more than
/// [`MAX_NAMED`](super::limits::MAX_NAMED) ids in each set; several events of one author add up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// Somebody needs help.
    Raised {
        /// Why.
        reason: Reason,
        /// Whom it is about.
        subject: MemberId,
        /// A drill: the same path and bytes, said only here.
        drill: bool,
        /// What the person said, if anything.
        text: String,
        /// Of versions to come; passed on with the rest.
        extensions: Extensions,
    },
    /// The author takes the alert.
    Claimed {
        /// Earlier claims that this one takes over.
        over: BTreeSet<EventId>,
    },
    /// The author gives back these claims of its own.
    Released {
        /// The claims. Named, because a clock that was set back must not undo or prolong a release.
        claims: BTreeSet<EventId>,
        /// Why, if said.
        text: String,
    },
    /// A log entry; keeps the author's claim alive.
    Note {
        /// The entry.
        text: String,
    },
    /// The subject asks to stand down, from any of her devices. Never closes anything.
    StandDownAsked {
        /// The `Raised` events that the author has seen; void once she panics again.
        saw: BTreeSet<EventId>,
        /// What was said.
        text: String,
    },
    /// Another person confirms that it can stand down.
    StandDownConfirmed {
        /// The requests that the author has seen.
        asked: BTreeSet<EventId>,
        /// The `Raised` events that the author has seen.
        saw: BTreeSet<EventId>,
    },
    /// The author closes it for the reasons it has seen, and ends the claims it has seen.
    Closed {
        /// The `Raised` and `Claimed` events that the author has seen. Whoever calls again after the end must
        /// not be told that somebody has it already.
        saw: BTreeSet<EventId>,
        /// What was said.
        text: String,
    },
    /// The author, who has it, asks another member to take it. The author's claim stands until that member claims.
    HandOver {
        /// Who is asked.
        to: MemberId,
        /// The author's claims.
        claims: BTreeSet<EventId>,
        /// What was said.
        text: String,
    },
}

impl EventKind {
    /// An alarm as this version raises it.
    #[must_use]
    pub fn raised(reason: Reason, subject: MemberId, drill: bool, text: String) -> Self {
        Self::Raised { reason, subject, drill, text, extensions: Extensions::NONE }
    }

    /// Whether it counts when somebody else than its author passes it on.
    #[must_use]
    pub fn travels_by_hearsay(&self) -> bool {
        matches!(self, Self::Raised { .. } | Self::Note { .. })
    }

    /// What was said, where something can be.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Raised { text, .. }
            | Self::Released { text, .. }
            | Self::Note { text }
            | Self::HandOver { text, .. }
            | Self::StandDownAsked { text, .. }
            | Self::Closed { text, .. } => Some(text),
            Self::Claimed { .. } | Self::StandDownConfirmed { .. } => None,
        }
    }

    /// The sets of events that it names: none, one or two.
    #[must_use]
    pub fn named(&self) -> Vec<&BTreeSet<EventId>> {
        match self {
            Self::Raised { .. } | Self::Note { .. } => Vec::new(),
            Self::Claimed { over: ids }
            | Self::Released { claims: ids, .. }
            | Self::HandOver { claims: ids, .. }
            | Self::StandDownAsked { saw: ids, .. }
            | Self::Closed { saw: ids, .. } => vec![ids],
            Self::StandDownConfirmed { asked, saw } => vec![asked, saw],
        }
    }
}

/// One event of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertEvent {
    /// The alert.
    pub alert: AlertId,
    /// 8 random bytes: tells it from an equal event of another time.
    pub salt: [u8; 8],
    /// Who says so; authenticated at first hand, claimed at second.
    pub author: MemberId,
    /// By the author's clock, Unix seconds. 0 in what is sealed beforehand (kits, holds): its time is that
    /// of its arrival.
    pub at_s: u64,
    /// What happened.
    pub kind: EventKind,
}

impl AlertEvent {
    /// What every client says of itself when `subject` did not check in again after her check-in number `check_in`.
    ///
    /// It is the same event whoever says it: those who judge alike hold the same set without telling each other.
    #[must_use]
    pub fn overdue(alert: AlertId, subject: MemberId, check_in: u64) -> Self {
        Self::judged(alert, subject, check_in.to_le_bytes(), Reason::Overdue { check_in })
    }

    /// What every client says of itself when it opens a message of `subject`'s that was said under duress. `occasion`:
    /// the first 8 bytes of that message's id.
    #[must_use]
    pub fn duress(alert: AlertId, subject: MemberId, occasion: [u8; 8]) -> Self {
        Self::judged(alert, subject, occasion, Reason::Duress)
    }

    fn judged(alert: AlertId, subject: MemberId, salt: [u8; 8], reason: Reason) -> Self {
        let kind = EventKind::raised(reason, subject, false, String::new());
        Self { alert, salt, author: subject, at_s: 0, kind }
    }

    /// Its name: the first 16 bytes of `H(label, encoding)`. Whoever changes a word of an event while
    /// passing it on makes another event, which takes nobody's place.
    #[must_use]
    pub fn id(&self) -> EventId {
        let bytes = encoding::to_bytes(self).unwrap_or_default();
        EventId(first_16(labelled(LABEL_EVENT, &[&bytes])))
    }
}

/// An event and how it reached this client. The only input of [`Alert::fold`], and made only by
/// [`Heard::new`]: so that calm at second hand never counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    event: AlertEvent,
    brought_by: MemberId,
    heard_s: u64,
}

impl Heard {
    /// Takes an event that `sender` (authenticated by its seal, in the roster) sent, and that arrived at
    /// `heard_s` by this client's clock. For this client's own events: itself, and when they were made.
    /// `None` if it may not travel by hearsay and `sender` is not its author: it counts for nothing.
    #[must_use]
    pub fn new(event: AlertEvent, sender: MemberId, heard_s: u64) -> Option<Self> {
        let first_hand = event.author == sender;
        (first_hand || event.kind.travels_by_hearsay()).then_some(Self {
            event,
            brought_by: sender,
            heard_s,
        })
    }

    /// The event.
    #[must_use]
    pub fn event(&self) -> &AlertEvent {
        &self.event
    }

    /// Whether its author itself sent it.
    #[must_use]
    pub fn is_first_hand(&self) -> bool {
        self.brought_by == self.event.author
    }

    /// Who sent it: its author, if it ever came from there.
    #[must_use]
    pub fn brought_by(&self) -> MemberId {
        self.brought_by
    }

    /// Whether it may be kept beside those that are `kept` of the same alert: at most
    /// [`MAX_EVENTS_PER_AUTHOR`] brought by one member, and as many again of her own alarms. Counted by who
    /// brought them: forged hearsay must not use up the share of the one in whose name it is forged.
    #[must_use]
    pub fn has_room<'a>(&self, kept: impl IntoIterator<Item = &'a Self>) -> bool {
        let of_the_same = |other: &&Self| {
            other.event.alert == self.event.alert && other.brought_by == self.brought_by
        };
        let count = kept.into_iter().filter(of_the_same).count();
        let own_alarm = self.is_first_hand() && matches!(self.event.kind, EventKind::Raised { .. });
        count < MAX_EVENTS_PER_AUTHOR * if own_alarm { 2 } else { 1 }
    }

    /// When it first arrived, by this client's clock.
    #[must_use]
    pub fn heard_s(&self) -> u64 {
        self.heard_s
    }

    /// The same event heard twice, in any order: at first hand if once it was, and since the earlier time.
    /// Events of different ids are not merged: the first stays.
    #[must_use]
    pub fn merge(mut self, again: &Self) -> Self {
        if self.event == again.event {
            let first_hand = self.is_first_hand() || again.is_first_hand();
            let earlier = (self.heard_s, self.brought_by).min((again.heard_s, again.brought_by));
            self.brought_by = if first_hand { self.event.author } else { earlier.1 };
            self.heard_s = earlier.0;
        }
        self
    }
}

/// A claim that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The claim.
    pub id: EventId,
    /// Who took it.
    pub by: MemberId,
    /// When, by that member's clock, and not after it arrived here.
    pub at_s: u64,
    /// Last sign of life from the claimer in this alert.
    pub active_s: u64,
}

/// Where a stand-down stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandDown {
    /// Nobody has asked.
    None,
    /// Asked by this member; another person has to confirm.
    Asked(MemberId),
    /// Asked by the first, confirmed by the second.
    Confirmed(MemberId, MemberId),
}

/// The state of an alert: a pure function of its events, the roster and `now`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// Whom it is about: the one the id was drawn for; where it was drawn for none, the lowest id named.
    pub subject: MemberId,
    /// Since when it asks for somebody: the earliest reason that is not closed (of all, if all are).
    pub raised_s: u64,
    /// Every reason, with who gave it and what was said, oldest first.
    pub reasons: Vec<(Reason, MemberId, String)>,
    /// Whether every reason was a drill.
    pub drill: bool,
    /// Claims that stand; the first leads, for everyone the same.
    pub claims: Vec<Claim>,
    /// Whether a claim existed and went quiet.
    pub claim_expired: bool,
    /// Who is asked to take it: by whom, who has it until then.
    pub handed: Vec<(MemberId, MemberId)>,
    /// Whether a reason that is not closed is that she is under duress: nothing of it may show on her devices.
    pub duress: bool,
    /// Where a stand-down stands.
    pub stand_down: StandDown,
    /// Who closed it, if every reason is closed.
    pub closed_by: Option<MemberId>,
    /// The ids that a next event may have to name.
    pub seen: Seen,
}

/// Ids of events that count, for the sets that later events carry. See [`Alert::claiming`] and its like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Every `Raised`.
    pub raised: BTreeSet<EventId>,
    /// Every claim that was neither taken over nor given back, standing or quiet, with its author.
    pub claims: BTreeSet<(EventId, MemberId)>,
    /// Every request to stand down.
    pub asked: BTreeSet<EventId>,
}

impl Alert {
    /// Whether it still asks for somebody.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.closed_by.is_none()
    }

    /// The claim that leads, if any stands.
    #[must_use]
    pub fn leading(&self) -> Option<&Claim> {
        self.claims.first()
    }
}

/// Digest of the events that can be passed on: equal sets, equal digests.
///
/// Those that count only from their author are left out: a watcher cannot be given them by anybody
/// else, and the two would compare, and forward, for ever.
#[must_use]
pub fn set_digest<'a>(events: impl IntoIterator<Item = &'a AlertEvent>) -> [u8; 16] {
    let travel = events.into_iter().filter(|event| event.kind.travels_by_hearsay());
    let ids: BTreeSet<EventId> = travel.map(AlertEvent::id).collect();
    let bytes: Vec<u8> = ids.iter().flat_map(|id| id.0).collect();
    first_16(labelled(LABEL_SET, &[&bytes]))
}

fn first_16(digest: [u8; 32]) -> [u8; 16] {
    let mut bytes = digest.into_iter();
    core::array::from_fn(|_| bytes.next().unwrap_or_default())
}

#[cfg(test)]
mod tests;
