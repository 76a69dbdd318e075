//! What is kept about an alert with a reason *duress*: which of it devices of the person under duress may know. And what
//! says nothing about duress.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use velar_protocol::circle::{
    AlertEvent, AlertId, Body, EventId, EventKind, Heard, Membership, Message, PersonId, Reason,
};
use velar_protocol::seal::assembly::parts_needed;
use velar_protocol::seal::{MemberId, Part, Voice};

/// What devices of the person under duress know of one alert. Made when the first reason duress comes, or somebody
/// says something apart from them; from then on this device speaks with hers as if there were none.
#[derive(Clone, Serialize, Deserialize)]
pub struct Apart {
    /// The alert.
    pub alert: AlertId,
    /// Of whom a reason duress says it, with her person where the roster tells: a later roster may not.
    pub of: BTreeSet<(MemberId, Option<PersonId>)>,
    /// Events that her devices know, or may come to know, as everybody does.
    pub told: BTreeSet<EventId>,
    /// What was said to her devices alone, each with the event in whose place: by me, and by others as far as heard.
    pub said: Vec<(EventId, Heard)>,
    /// When one of her devices was last heard with the voice she is known by, by my clock.
    pub herself_s: u64,
}

impl Apart {
    /// Whether `member` is a device of somebody whom a reason duress is about.
    #[must_use]
    pub fn is_hers(&self, member: MemberId, members: &Membership) -> bool {
        let person = members.person(member);
        self.of.iter().any(|(of, her)| *of == member || her.is_some() && person == *her)
    }

    /// What was said to her devices in place of this event.
    #[must_use]
    pub fn in_place_of(&self, event: EventId) -> Vec<AlertEvent> {
        let said = self.said.iter().filter(|(of, _)| *of == event);
        said.map(|(_, heard)| heard.event().clone()).collect()
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

/// Whether a part says nothing about its author's passphrase, and may: an alarm that was sealed beforehand, whole, and
/// nothing else with it. Somebody who opens a vault by force can send no more than an alarm in this way. What is of a
/// newer version may be such an alarm, and is judged once it can be read.
#[must_use]
pub fn says_nothing(part: &Part) -> bool {
    let alone = part.count == 1 && part.prekeys.is_empty();
    let newer = Message::newer_version(&part.body).is_some();
    part.voice == Voice::NONE && alone && (newer || is_alarm_beforehand(part.sender, &part.body))
}

/// Whether a message is an alarm of its author's own, as kits and holds bring it.
#[must_use]
pub fn is_alarm_beforehand(author: MemberId, bytes: &[u8]) -> bool {
    let Ok(Message { sent_at_s: 0, body: Body::Alert(event), .. }) = Message::decode(bytes) else {
        return false;
    };
    let hers = match event.kind {
        EventKind::Raised {
            reason: Reason::Panic | Reason::Released { .. },
            subject,
            drill,
            ..
        } => subject == author && !drill,
        _ => false,
    };
    hers && event.author == author && event.at_s == 0 && parts_needed(bytes.len(), 0) == 1
}
