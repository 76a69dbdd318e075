//! Who is in the circle, and who was.

use serde::{Deserialize, Serialize};

use super::{PersonId, Role, Roster, RosterMember};
use crate::seal::MemberId;

/// Somebody who was in the circle, as a client saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// As the roster listed them last.
    pub entry: RosterMember,
    /// When this client took over the state that lists them no more, by its clock. Unix seconds.
    pub left_s: u64,
}

/// Who is in the circle, and who was in it while this client was.
#[derive(Clone, Debug)]
pub struct Membership {
    roster: Roster,
    former: Vec<Former>,
}

impl Membership {
    /// The roster held, and those who left before. Of those who are in the roster (again), only that counts.
    #[must_use]
    pub fn new(roster: Roster, mut former: Vec<Former>) -> Self {
        former.retain(|one| roster.member(one.entry.member()).is_none());
        Self { roster, former }
    }

    /// The roster held.
    #[must_use]
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Who was in the circle and is not any more.
    #[must_use]
    pub fn former(&self) -> &[Former] {
        &self.former
    }

    /// Somebody who was in the circle and is not any more.
    #[must_use]
    pub fn left(&self, member: MemberId) -> Option<&Former> {
        self.former.iter().find(|one| one.entry.member() == member)
    }

    /// Everybody who is or was in the circle.
    pub fn ever(&self) -> impl Iterator<Item = &RosterMember> {
        self.roster.members().iter().chain(self.former.iter().map(|one| &one.entry))
    }

    /// The entry of a member, the last one of a former member.
    #[must_use]
    pub fn known(&self, member: MemberId) -> Option<&RosterMember> {
        self.ever().find(|entry| entry.member() == member)
    }

    /// The person a member belongs to, or belonged to.
    #[must_use]
    pub fn person(&self, member: MemberId) -> Option<PersonId> {
        self.known(member).map(|entry| entry.person)
    }

    /// Whether both are devices of one person.
    #[must_use]
    pub fn same_person(&self, one: MemberId, other: MemberId) -> bool {
        one == other || self.person(one).is_some_and(|person| self.person(other) == Some(person))
    }

    /// Whether `member` may take, confirm or close an alert about `subject`: an accompanier or a coordinator who is in the
    /// circle, and another person than the subject.
    #[must_use]
    pub fn may_answer(&self, member: MemberId, subject: MemberId) -> bool {
        self.roster.member(member).is_some_and(|entry| self.answers(entry, subject))
    }

    /// Whether somebody who left might have answered an alert about `subject` while in the circle.
    #[must_use]
    pub fn might_have_answered(&self, former: &Former, subject: MemberId) -> bool {
        self.answers(&former.entry, subject)
    }

    fn answers(&self, entry: &RosterMember, subject: MemberId) -> bool {
        let answers = entry.roles.has(Role::Accompanier) || entry.roles.has(Role::Coordinator);
        answers && !self.same_person(entry.member(), subject)
    }
}

impl From<Roster> for Membership {
    /// Nobody has left.
    fn from(roster: Roster) -> Self {
        Self::new(roster, Vec::new())
    }
}
