//! Alerts: a set of authenticated events and the pure fold that gives their state.
//!
//! Events are merged as a set: order, doubles and gaps do not matter, and everybody who has the same
//! events sees the same state at the same time. Alarm travels by hearsay, calm only at first hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::roster::{Agreement, PersonId, Role, Roster};
use crate::hash::{Digest32, labelled};
use crate::seal::MemberId;

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
    /// Names an event. 16 random bytes.
    EventId
);

/// Why an alert was raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// The person asked for help.
    Panic,
    /// An accompanier's client saw the check-in missing.
    Overdue,
    /// A relay released the person's held alert.
    Released,
}

/// What happened. Tags are the order of the variants and append-only.
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
    },
    /// The author takes the alert.
    Claimed {
        /// Earlier claims that this one takes over.
        over: BTreeSet<EventId>,
    },
    /// The author gives back its claims.
    Released {
        /// Why, if said.
        text: String,
    },
    /// A log entry; keeps the author's claim alive.
    Note {
        /// The entry.
        text: String,
    },
    /// The author asks to stand down. Never closes anything.
    StandDownAsked {
        /// What was said.
        text: String,
    },
    /// Another person confirms that it can stand down.
    StandDownConfirmed {
        /// The requests that the author has seen.
        asked: BTreeSet<EventId>,
    },
    /// The author closes it for the reasons it has seen.
    Closed {
        /// The `Raised` events that the author has seen.
        saw: BTreeSet<EventId>,
        /// What was said.
        text: String,
    },
}

impl EventKind {
    /// Whether it counts when somebody else than its author passes it on.
    #[must_use]
    pub fn travels_by_hearsay(&self) -> bool {
        matches!(self, Self::Raised { .. } | Self::Note { .. })
    }
}

/// One event of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertEvent {
    /// The alert.
    pub alert: AlertId,
    /// This event.
    pub id: EventId,
    /// Who says so; authenticated at first hand, claimed at second.
    pub author: MemberId,
    /// By the author's clock, Unix seconds.
    pub at_s: u64,
    /// What happened.
    pub kind: EventKind,
}

/// A claim that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The claim.
    pub id: EventId,
    /// Who took it.
    pub by: MemberId,
    /// When, by that member's clock.
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
    /// Whom it is about; the lowest id if events disagree.
    pub subject: MemberId,
    /// When it was first raised, by its author's clock.
    pub raised_s: u64,
    /// Every reason, with who gave it and what was said, oldest first.
    pub reasons: Vec<(Reason, MemberId, String)>,
    /// Whether every reason was a drill.
    pub drill: bool,
    /// Claims that stand; the first leads, for everyone the same.
    pub claims: Vec<Claim>,
    /// Whether a claim existed and went quiet.
    pub claim_expired: bool,
    /// Where a stand-down stands.
    pub stand_down: StandDown,
    /// Who closed it, if every reason is closed.
    pub closed_by: Option<MemberId>,
}

impl Alert {
    /// Folds events into a state. `None` without any `Raised`: what it is about is not known yet.
    ///
    /// Events of other alerts and events that their author may not make are passed over.
    #[must_use]
    pub fn fold(
        id: AlertId,
        events: &[AlertEvent],
        roster: &Roster,
        agreement: &Agreement,
        now_s: u64,
    ) -> Option<Self> {
        let set: BTreeMap<EventId, &AlertEvent> =
            events.iter().filter(|e| e.alert == id).map(|e| (e.id, e)).collect();
        let mut raised: Vec<Raised<'_>> = set.values().copied().filter_map(Raised::of).collect();
        raised.sort_by_key(|r| (r.event.at_s, r.event.id));
        let subject = raised.iter().map(|r| r.subject).min()?;
        let raised_s = raised.first()?.event.at_s;
        let (claims, claim_expired) = claims(&set, subject, roster, agreement, now_s);
        Some(Self {
            id,
            subject,
            raised_s,
            reasons: raised.iter().map(|r| (r.reason, r.event.author, r.text.to_owned())).collect(),
            drill: raised.iter().all(|r| r.drill),
            claims,
            claim_expired,
            stand_down: stand_down(&set, roster),
            closed_by: closed_by(&set, &raised, subject, roster),
        })
    }

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

/// Digest of the ids of a set of events: equal sets, equal digests.
#[must_use]
pub fn set_digest<'a>(events: impl IntoIterator<Item = &'a AlertEvent>) -> [u8; 16] {
    let ids: BTreeSet<EventId> = events.into_iter().map(|event| event.id).collect();
    let bytes: Vec<u8> = ids.iter().flat_map(|id| id.0).collect();
    let digest: Digest32 = labelled(LABEL_SET, &[&bytes]);
    let mut short = [0; 16];
    for (to, from) in short.iter_mut().zip(digest) {
        *to = from;
    }
    short
}

/// Whether a member may take, confirm or close an alert about `subject`: somebody else than the subject's person.
fn may_answer(roster: &Roster, member: MemberId, subject: MemberId) -> bool {
    let other = differs(roster.person(member), roster.person(subject));
    let answers = |role| roster.member(member).is_some_and(|m| m.roles.has(role));
    member != subject && other && (answers(Role::Accompanier) || answers(Role::Coordinator))
}

fn differs(one: Option<PersonId>, other: Option<PersonId>) -> bool {
    one.is_some() && one != other
}

struct Raised<'a> {
    event: &'a AlertEvent,
    reason: Reason,
    subject: MemberId,
    drill: bool,
    text: &'a str,
}

impl<'a> Raised<'a> {
    fn of(event: &'a AlertEvent) -> Option<Self> {
        match &event.kind {
            EventKind::Raised { reason, subject, drill, text } => {
                Some(Self { event, reason: *reason, subject: *subject, drill: *drill, text })
            }
            _ => None,
        }
    }
}

/// Claims that stand at `now_s`, leading one first: those that no later claim of theirs takes over, that
/// their author has not given back, and that have not gone quiet. Also whether one went quiet.
fn claims(
    set: &BTreeMap<EventId, &AlertEvent>,
    subject: MemberId,
    roster: &Roster,
    agreement: &Agreement,
    now_s: u64,
) -> (Vec<Claim>, bool) {
    let mut superseded = BTreeSet::new();
    let mut active: BTreeMap<MemberId, u64> = BTreeMap::new();
    let mut given_back: BTreeMap<MemberId, u64> = BTreeMap::new();
    for event in set.values() {
        let latest = active.entry(event.author).or_default();
        *latest = (*latest).max(event.at_s);
        match &event.kind {
            EventKind::Claimed { over } if may_answer(roster, event.author, subject) => {
                superseded.extend(over.iter().copied().filter(|id| *id != event.id));
            }
            EventKind::Released { .. } => {
                let latest = given_back.entry(event.author).or_default();
                *latest = (*latest).max(event.at_s);
            }
            _ => {}
        }
    }
    let mut standing = Vec::new();
    let mut expired = false;
    for event in set.values() {
        let EventKind::Claimed { .. } = event.kind else { continue };
        let returned = given_back.get(&event.author).is_some_and(|at| *at >= event.at_s);
        if superseded.contains(&event.id) || returned || !may_answer(roster, event.author, subject)
        {
            continue;
        }
        let active_s = active.get(&event.author).copied().unwrap_or(event.at_s);
        if now_s.saturating_sub(active_s) > u64::from(agreement.claim_quiet_min) * 60 {
            expired = true;
            continue;
        }
        standing.push(Claim { id: event.id, by: event.author, at_s: event.at_s, active_s });
    }
    // Two claims of one author are one claim: keep the lower id.
    let mut seen = BTreeSet::new();
    standing.sort_by_key(|claim| claim.id);
    standing.retain(|claim| seen.insert(claim.by));
    (standing, expired)
}

fn stand_down(set: &BTreeMap<EventId, &AlertEvent>, roster: &Roster) -> StandDown {
    let mut asked: Vec<&AlertEvent> = set
        .values()
        .copied()
        .filter(|event| matches!(event.kind, EventKind::StandDownAsked { .. }))
        .collect();
    asked.sort_by_key(|event| (event.at_s, event.id));
    let Some(last) = asked.last() else { return StandDown::None };
    let confirmed = set.values().find_map(|event| match &event.kind {
        EventKind::StandDownConfirmed { asked: seen }
            if seen.contains(&last.id)
                && differs(roster.person(event.author), roster.person(last.author)) =>
        {
            Some(event.author)
        }
        _ => None,
    });
    match confirmed {
        Some(by) => StandDown::Confirmed(last.author, by),
        None => StandDown::Asked(last.author),
    }
}

/// Who closed it, if closings by people other than the subject name every reason.
fn closed_by(
    set: &BTreeMap<EventId, &AlertEvent>,
    raised: &[Raised<'_>],
    subject: MemberId,
    roster: &Roster,
) -> Option<MemberId> {
    let mut closed = BTreeSet::new();
    let mut last: Option<&AlertEvent> = None;
    for event in set.values() {
        if let EventKind::Closed { saw, .. } = &event.kind
            && may_answer(roster, event.author, subject)
        {
            closed.extend(saw.iter().copied());
            if last.is_none_or(|other| (event.at_s, event.id) > (other.at_s, other.id)) {
                last = Some(event);
            }
        }
    }
    let all = raised.iter().all(|reason| closed.contains(&reason.event.id));
    last.filter(|_| all).map(|event| event.author)
}

#[cfg(test)]
mod tests;
