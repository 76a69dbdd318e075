//! What is kept about an alert with a reason *duress*: which of it devices of the person under duress may know.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use velar_protocol::circle::{AlertEvent, AlertId, EventId, EventKind, PersonId, Reason, Roster};
use velar_protocol::seal::MemberId;

/// What devices of the person under duress may know of one alert. Made when the first reason duress comes; from then
/// on this device speaks with hers as if there were none.
#[derive(Clone, Serialize, Deserialize)]
pub struct Apart {
    /// The alert.
    pub alert: AlertId,
    /// Of whom a reason duress says it, with her person where the roster tells: a later roster may not.
    pub of: BTreeSet<(MemberId, Option<PersonId>)>,
    /// Events that her devices know, or may come to know.
    pub told: BTreeSet<EventId>,
    /// What I said to her devices in place of what I said to the others.
    pub said: Vec<AlertEvent>,
}

impl Apart {
    /// Whether `member` is a device of somebody whom a reason duress is about.
    #[must_use]
    pub fn is_hers(&self, member: MemberId, roster: &Roster) -> bool {
        let person = roster.person(member);
        self.of.iter().any(|(of, her)| *of == member || her.is_some() && person == *her)
    }
}

/// Of whom an event says that she is under duress.
#[must_use]
pub fn under_duress(event: &AlertEvent) -> Option<MemberId> {
    match &event.kind {
        EventKind::Raised { reason: Reason::Duress, subject, .. } => Some(*subject),
        _ => None,
    }
}
