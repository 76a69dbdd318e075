//! The roster: a linear chain of small states signed by the lead. Names are not in it: a signed list of
//! names is evidence in the wrong hands; they travel sealed and unsigned beside it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::limits::{MAX_MEMBERS, MAX_NAME_LEN};
use crate::encoding;
use crate::hash::{Digest32, labelled};
use crate::seal::{CircleId, Identity, IdentitySecret, MemberId, Signature};

/// Hash of a roster's body; the circle's id is that of the first.
const LABEL_HASH: &[u8] = b"velar/1 roster";
/// What the lead signs: no other signature of a member passes as a roster.
const LABEL_SIGN: &[u8] = b"velar/1 roster signature";

/// One person, who may have several members. 16 random bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PersonId(pub [u8; 16]);

impl fmt::Debug for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonId(..)")
    }
}

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Checks in and raises alerts.
    Defender,
    /// Watches over defenders and takes alerts.
    Accompanier,
    /// Invites and approves.
    Coordinator,
}

impl Role {
    /// All roles, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Defender, Self::Accompanier, Self::Coordinator];

    fn bit(self) -> u8 {
        match self {
            Self::Defender => 1,
            Self::Accompanier => 2,
            Self::Coordinator => 4,
        }
    }
}

/// A set of roles: bit 0 defender, bit 1 accompanier, bit 2 coordinator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles(u8);

impl Roles {
    /// The set of these.
    #[must_use]
    pub fn of(roles: &[Role]) -> Self {
        Self(roles.iter().fold(0, |bits, role| bits | role.bit()))
    }

    /// Whether `role` is among them.
    #[must_use]
    pub fn has(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Those in the set, in the order of [`Role::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }

    fn is_valid(self) -> bool {
        self.0 != 0 && self.0 < 8
    }
}

/// The circle's agreement; the default is that of the accompaniment protocol. Minutes throughout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// Between check-ins on the road.
    pub on_the_road_min: u32,
    /// Between check-ins in base.
    pub in_base_min: u32,
    /// Between check-ins at home.
    pub at_home_min: u32,
    /// After a missed check-in before anybody is alarmed.
    pub grace_min: u32,
    /// Unclaimed for this long: the whole circle.
    pub tier_two_min: u32,
    /// Unclaimed for this long: outside contacts are shown to a person.
    pub tier_three_min: u32,
    /// Between repeats of an alert that nobody has taken.
    pub repeat_min: u32,
    /// A claim without a sign of life for this long expires and the alert rings again.
    pub claim_quiet_min: u32,
}

impl Default for Agreement {
    fn default() -> Self {
        Self {
            on_the_road_min: 60,
            in_base_min: 240,
            at_home_min: 1440,
            grace_min: 15,
            tier_two_min: 15,
            tier_three_min: 45,
            repeat_min: 5,
            claim_quiet_min: 20,
        }
    }
}

/// One member in a roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterMember {
    /// The person whose device this is.
    pub person: PersonId,
    /// What it may do.
    pub roles: Roles,
    /// Its keys; the member's id is their hash.
    pub identity: Identity,
}

impl RosterMember {
    /// This member's id.
    #[must_use]
    pub fn member(&self) -> MemberId {
        self.identity.member()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Body {
    /// Zero in the first state.
    circle: CircleId,
    number: u64,
    /// Hash of the parent's body; 32 random bytes in the first state.
    parent: Digest32,
    lead: MemberId,
    successors: Vec<MemberId>,
    agreement: Agreement,
    members: Vec<RosterMember>,
}

/// A roster state as it travels: the signed bytes and their signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedRoster {
    body: Vec<u8>,
    signer: MemberId,
    signature: Signature,
}

/// A roster state that was verified. Only verification or signing makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    body: Body,
    hash: Digest32,
    signed: SignedRoster,
}

/// Names of members: sealed with the roster, never signed.
pub type Names = Vec<(MemberId, String)>;

/// Why a roster is not taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RosterError {
    /// The bytes are no roster, or break a bound.
    #[error("the roster is malformed")]
    Malformed,
    /// Not signed by who may sign it.
    #[error("the roster is not signed by the lead")]
    Signature,
    /// It belongs to another circle.
    #[error("the roster is of another circle")]
    OtherCircle,
    /// It is older than, or the same as, the one held.
    #[error("the roster is not newer")]
    NotNewer,
    /// States between this and the one held are missing: ask for them.
    #[error("roster states in between are missing")]
    Gap,
    /// Two different states of the same number, both signed by the lead.
    #[error("the lead signed two different rosters with the same number")]
    Fork,
    /// Signed by a named successor: a person accepts it by hand, or not.
    #[error("a successor has taken the lead; accept it by hand")]
    Takeover,
    /// The member is not in the roster.
    #[error("no such member")]
    UnknownMember,
    /// The circle is full.
    #[error("the circle is full")]
    Full,
}

impl Roster {
    /// The first state of a new circle: its lead alone. `nonce` makes the circle's id unique.
    ///
    /// # Errors
    /// [`RosterError::Malformed`] if `roles` is empty.
    pub fn found(
        lead: &IdentitySecret,
        person: PersonId,
        roles: Roles,
        agreement: Agreement,
        nonce: [u8; 32],
    ) -> Result<Self, RosterError> {
        let identity = lead.public();
        Self::sign(
            Body {
                circle: CircleId::NONE,
                number: 0,
                parent: nonce,
                lead: identity.member(),
                successors: Vec::new(),
                agreement,
                members: vec![RosterMember { person, roles, identity }],
            },
            lead,
        )
    }

    /// The next state, with one more member.
    ///
    /// # Errors
    /// [`RosterError::Signature`] if `lead` is not the lead's; [`RosterError::Full`];
    /// [`RosterError::Malformed`] if the member is in it already or has no role.
    pub fn with_member(
        &self,
        lead: &IdentitySecret,
        member: RosterMember,
    ) -> Result<Self, RosterError> {
        if self.body.members.len() >= MAX_MEMBERS {
            return Err(RosterError::Full);
        }
        let mut body = self.next_body();
        body.members.push(member);
        self.sign_next(body, lead)
    }

    /// The next state, without a member.
    ///
    /// # Errors
    /// [`RosterError::Signature`]; [`RosterError::UnknownMember`]; [`RosterError::Malformed`] if it is the lead.
    pub fn without_member(
        &self,
        lead: &IdentitySecret,
        member: MemberId,
    ) -> Result<Self, RosterError> {
        self.member(member).ok_or(RosterError::UnknownMember)?;
        let mut body = self.next_body();
        body.members.retain(|m| m.member() != member);
        body.successors.retain(|m| *m != member);
        self.sign_next(body, lead)
    }

    /// The next state, with these successors, first in line first.
    ///
    /// # Errors
    /// [`RosterError::Signature`]; [`RosterError::Malformed`] if one is no member or is the lead.
    pub fn with_successors(
        &self,
        lead: &IdentitySecret,
        successors: Vec<MemberId>,
    ) -> Result<Self, RosterError> {
        let mut body = self.next_body();
        body.successors = successors;
        self.sign_next(body, lead)
    }

    /// Verifies a state that is to be the first one held: its signature by the lead that it names.
    /// That this lead is the right one is for the caller to know (from the invitation's words).
    ///
    /// # Errors
    /// Any [`RosterError`] but `Gap`, `NotNewer`, `Fork` and `Takeover`.
    pub fn anchor(circle: CircleId, signed: SignedRoster) -> Result<Self, RosterError> {
        let roster = Self::parse(signed)?;
        if roster.circle() != circle {
            return Err(RosterError::OtherCircle);
        }
        if roster.signed.signer != roster.body.lead {
            return Err(RosterError::Signature);
        }
        roster.verify_by(&roster)?;
        Ok(roster)
    }

    /// Verifies the successor state of this one.
    ///
    /// # Errors
    /// See [`RosterError`]; nothing changes.
    pub fn accept(&self, signed: SignedRoster) -> Result<Self, RosterError> {
        let next = Self::parse(signed)?;
        if next.circle() != self.circle() {
            return Err(RosterError::OtherCircle);
        }
        if next.body.number <= self.body.number {
            let fork = next.body.number == self.body.number && next.hash != self.hash;
            if fork && next.signed.signer == self.body.lead && next.verify_by(self).is_ok() {
                return Err(RosterError::Fork);
            }
            return Err(RosterError::NotNewer);
        }
        if next.body.number != self.body.number + 1 {
            return Err(RosterError::Gap);
        }
        if next.body.parent != self.hash {
            return Err(RosterError::Fork);
        }
        next.verify_by(self)?;
        if next.signed.signer == self.body.lead {
            return Ok(next);
        }
        let successor = self.body.successors.contains(&next.signed.signer);
        Err(if successor { RosterError::Takeover } else { RosterError::Signature })
    }

    /// The keys that an unverified state gives for a member: a claim, to be verified by taking the state over.
    #[must_use]
    pub fn claimed(signed: &SignedRoster, member: MemberId) -> Option<Identity> {
        let roster = Self::parse(signed.clone()).ok()?;
        roster.member(member).map(|entry| entry.identity)
    }

    /// The circle's id.
    #[must_use]
    pub fn circle(&self) -> CircleId {
        if self.body.number == 0 { CircleId(self.hash) } else { self.body.circle }
    }

    /// 0 for the first state, then one more each.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.body.number
    }

    /// Hash of this state.
    #[must_use]
    pub fn hash(&self) -> Digest32 {
        self.hash
    }

    /// The member who signs.
    #[must_use]
    pub fn lead(&self) -> MemberId {
        self.body.lead
    }

    /// Who may take the lead, first in line first.
    #[must_use]
    pub fn successors(&self) -> &[MemberId] {
        &self.body.successors
    }

    /// The circle's agreement.
    #[must_use]
    pub fn agreement(&self) -> &Agreement {
        &self.body.agreement
    }

    /// All members, oldest first.
    #[must_use]
    pub fn members(&self) -> &[RosterMember] {
        &self.body.members
    }

    /// One member.
    #[must_use]
    pub fn member(&self, id: MemberId) -> Option<&RosterMember> {
        self.body.members.iter().find(|member| member.member() == id)
    }

    /// The person a member belongs to.
    #[must_use]
    pub fn person(&self, id: MemberId) -> Option<PersonId> {
        self.member(id).map(|member| member.person)
    }

    /// As it travels.
    #[must_use]
    pub fn signed(&self) -> &SignedRoster {
        &self.signed
    }

    fn next_body(&self) -> Body {
        let mut body = self.body.clone();
        body.circle = self.circle();
        body.number += 1;
        body.parent = self.hash;
        body
    }

    fn sign_next(&self, body: Body, lead: &IdentitySecret) -> Result<Self, RosterError> {
        if lead.public().member() != self.body.lead {
            return Err(RosterError::Signature);
        }
        Self::sign(body, lead)
    }

    fn sign(body: Body, lead: &IdentitySecret) -> Result<Self, RosterError> {
        check(&body)?;
        let bytes = encoding::to_bytes(&body).map_err(|_| RosterError::Malformed)?;
        let signature = lead.sign(LABEL_SIGN, &[&bytes]);
        let hash = labelled(LABEL_HASH, &[&bytes]);
        let signer = lead.public().member();
        Ok(Self { body, hash, signed: SignedRoster { body: bytes, signer, signature } })
    }

    fn parse(signed: SignedRoster) -> Result<Self, RosterError> {
        let body: Body = encoding::from_bytes(&signed.body).map_err(|_| RosterError::Malformed)?;
        check(&body)?;
        let hash = labelled(LABEL_HASH, &[&signed.body]);
        Ok(Self { body, hash, signed })
    }

    /// The signer's key is taken from `known`: a new state cannot vouch for its own signer.
    fn verify_by(&self, known: &Self) -> Result<(), RosterError> {
        let signer = known.member(self.signed.signer).ok_or(RosterError::Signature)?;
        signer
            .identity
            .verify(LABEL_SIGN, &[&self.signed.body], &self.signed.signature)
            .map_err(|_| RosterError::Signature)
    }
}

fn check(body: &Body) -> Result<(), RosterError> {
    let ids: Vec<MemberId> = body.members.iter().map(RosterMember::member).collect();
    let mut distinct = ids.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let mut heirs = body.successors.clone();
    heirs.sort_unstable();
    heirs.dedup();
    let sound = !ids.is_empty()
        && ids.len() <= MAX_MEMBERS
        && distinct.len() == ids.len()
        && ids.contains(&body.lead)
        && heirs.len() == body.successors.len()
        && heirs.iter().all(|heir| ids.contains(heir) && *heir != body.lead)
        && (body.number == 0) == (body.circle == CircleId::NONE)
        && body.members.iter().all(|m| m.roles.is_valid() && m.identity.check().is_ok());
    if sound { Ok(()) } else { Err(RosterError::Malformed) }
}

/// Whether a name may be used: 1 to [`MAX_NAME_LEN`] bytes, no control characters.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let trimmed = name.trim();
    !trimmed.is_empty() && name.len() <= MAX_NAME_LEN && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests;
