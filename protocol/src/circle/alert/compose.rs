//! What a member may say next about an alert, naming all that it has seen.
//!
//! Each answers one event, or several where more than [`MAX_NAMED`] ids are to be named: a member who
//! floods an alert with events must not make the others unable to take or close it.

use std::collections::BTreeSet;

use super::{Alert, EventId, EventKind};
use crate::circle::limits::MAX_NAMED;
use crate::seal::MemberId;

impl Alert {
    /// Takes the alert, over all claims seen: also those gone quiet, which a late note would revive.
    #[must_use]
    pub fn claiming(&self) -> Vec<EventKind> {
        let over = self.seen.claims.iter().map(|(id, _)| *id);
        in_sets(over).into_iter().map(|over| EventKind::Claimed { over }).collect()
    }

    /// Gives back all claims of `author`.
    #[must_use]
    pub fn releasing(&self, author: MemberId, text: &str) -> Vec<EventKind> {
        let own = self.seen.claims.iter().filter(|(_, by)| *by == author).map(|(id, _)| *id);
        in_sets(own)
            .into_iter()
            .map(|claims| EventKind::Released { claims, text: text.to_owned() })
            .collect()
    }

    /// Asks `to` to take it, for `author`, who has it.
    #[must_use]
    pub fn handing_over(&self, author: MemberId, to: MemberId, text: &str) -> Vec<EventKind> {
        let own = self.seen.claims.iter().filter(|(_, by)| *by == author).map(|(id, _)| *id);
        in_sets(own)
            .into_iter()
            .map(|claims| EventKind::HandOver { to, claims, text: text.to_owned() })
            .collect()
    }

    /// Asks to stand down: for the subject.
    #[must_use]
    pub fn asking(&self, text: &str) -> Vec<EventKind> {
        in_sets(self.seen.raised.iter().copied())
            .into_iter()
            .map(|saw| EventKind::StandDownAsked { saw, text: text.to_owned() })
            .collect()
    }

    /// Confirms every request to stand down: for another person than the subject.
    #[must_use]
    pub fn confirming(&self) -> Vec<EventKind> {
        let asked = in_sets(self.seen.asked.iter().copied());
        let saw = in_sets(self.seen.raised.iter().copied());
        (0..asked.len().max(saw.len()))
            .map(|i| EventKind::StandDownConfirmed {
                asked: asked.get(i).cloned().unwrap_or_default(),
                saw: saw.get(i).cloned().unwrap_or_default(),
            })
            .collect()
    }

    /// Closes it for every reason seen, and ends every claim seen: for another person than the subject.
    #[must_use]
    pub fn closing(&self, text: &str) -> Vec<EventKind> {
        let claims = self.seen.claims.iter().map(|(id, _)| *id);
        in_sets(self.seen.raised.iter().copied().chain(claims))
            .into_iter()
            .map(|saw| EventKind::Closed { saw, text: text.to_owned() })
            .collect()
    }
}

/// Sets of at most [`MAX_NAMED`]; one empty set for none.
fn in_sets(ids: impl Iterator<Item = EventId>) -> Vec<BTreeSet<EventId>> {
    let all: Vec<EventId> = ids.collect();
    if all.is_empty() {
        return vec![BTreeSet::new()];
    }
    all.chunks(MAX_NAMED).map(|chunk| chunk.iter().copied().collect()).collect()
}
