//! What is remembered of envelopes that came, so that none counts twice. Under a key that opens many, whoever knows it makes
//! any number: of each sender no more than a share is remembered.

use velar_protocol::circle::{Body, EventKind};
use velar_protocol::seal::MemberId;

use super::{Done, Turn};
use crate::records::{Holder, RememberedKind, SeenEnvelopeKind};
use crate::tallies::{SEEN_OF_MEMBER, SEEN_OF_STRANGERS};

impl Turn<'_> {
    /// Remembers an envelope of this sender, who is a member or was one, or is not (`None`). Under a key that opens many
    /// anybody who knows it makes any number: of too many none is remembered. Says whether this one is.
    pub(super) fn remember(
        &mut self,
        by: Option<MemberId>,
        through: &Holder,
        envelope: [u8; 32],
    ) -> Done<bool> {
        if !opens_many(through) {
            return Ok(true);
        }
        let (today, (key, most)) = (self.today(), share(by.as_ref()));
        let before = self.readable::<RememberedKind>(key)?.unwrap_or_default();
        let mut remembered = before.clone();
        let fits = remembered.add(today, most);
        if fits {
            self.tx.put::<SeenEnvelopeKind>(&envelope, &today)?;
        }
        if remembered != before {
            self.tx.put::<RememberedKind>(key, &remembered)?;
        }
        Ok(fits)
    }

    /// Whether more of this sender's has come under keys that open many than is remembered.
    pub(super) fn is_too_much(&self, by: Option<MemberId>, through: &Holder) -> Done<bool> {
        let (key, most) = share(by.as_ref());
        let too_much =
            || Ok(self.readable::<RememberedKind>(key)?.is_some_and(|r| r.is_over(most)));
        if opens_many(through) { too_much() } else { Ok(false) }
    }

    /// This member, if the roster lists or ever listed them.
    pub(super) fn belongs(&self, member: MemberId) -> Done<Option<MemberId>> {
        let members = self.membership()?;
        Ok(members.is_some_and(|members| members.known(member).is_some()).then_some(member))
    }
}

/// Whether a prekey opens any number of envelopes, not one.
pub(super) fn opens_many(holder: &Holder) -> bool {
    matches!(holder, Holder::Everyone | Holder::Invitation(_))
}

/// Under which key it is counted what is remembered of a sender, and how much that is at most.
fn share(by: Option<&MemberId>) -> (&[u8], u32) {
    by.map_or((&[], SEEN_OF_STRANGERS), |member| (&member.0, SEEN_OF_MEMBER))
}

/// Whether a message is an alarm, said or passed on.
pub(super) fn is_alarm(body: &Body) -> bool {
    let (Body::Alert(event) | Body::AlertApart { event, .. }) = body else { return false };
    matches!(event.kind, EventKind::Raised { drill: false, .. })
}
