//! The roster: a linear chain of small states signed by the lead. Names are not in it: a signed list of
//! names is evidence in the wrong hands; they travel sealed and unsigned beside it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::extensions::Extensions;
use super::limits::MAX_MEMBERS;
use crate::encoding;
use crate::hash::{Digest32, labelled};
use crate::seal::{CircleId, Identity, IdentitySecret, MemberId, Signature};

mod bounds;
mod membership;
mod names;
mod terms;

use bounds::check;
pub use membership::{Former, Membership};
pub use names::{Names, is_name, merge_names};
pub use terms::{Agreement, Role, Roles};

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
    /// Of versions to come; the next state has them too.
    extensions: Extensions,
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
                extensions: Extensions::NONE,
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

    /// The next state, with this agreement.
    ///
    /// # Errors
    /// [`RosterError::Signature`] if `lead` is not the lead's; [`RosterError::Malformed`] if it breaks a bound.
    pub fn with_agreement(
        &self,
        lead: &IdentitySecret,
        agreement: Agreement,
    ) -> Result<Self, RosterError> {
        let mut body = self.next_body();
        body.agreement = agreement;
        self.sign_next(body, lead)
    }

    /// The next state, with these fields of versions to come instead of those held. Every other next state has those
    /// held: who signs it may be older than who wrote them.
    ///
    /// # Errors
    /// [`RosterError::Signature`] if `lead` is not the lead's.
    pub fn with_extensions(
        &self,
        lead: &IdentitySecret,
        extensions: Extensions,
    ) -> Result<Self, RosterError> {
        let mut body = self.next_body();
        body.extensions = extensions;
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
        if next.body.number < self.body.number || next.hash == self.hash {
            return Err(RosterError::NotNewer);
        }
        if next.body.number > self.body.number.saturating_add(1) {
            return Err(RosterError::Gap);
        }
        // Only a signature accuses the lead of a fork, or a successor of a takeover: anybody can make up
        // a state that fits nowhere.
        next.verify_by(self)?;
        let by_lead = next.signed.signer == self.body.lead;
        if next.body.number == self.body.number {
            return Err(if by_lead { RosterError::Fork } else { RosterError::NotNewer });
        }
        let follows = next.body.parent == self.hash;
        match (by_lead, follows) {
            (true, true) => Ok(next),
            (true, false) => Err(RosterError::Fork),
            (false, _) if self.may_follow(&next) => Err(RosterError::Takeover),
            (false, _) => Err(RosterError::Signature),
        }
    }

    /// The next state, in which a named successor takes the lead. The others accept it by hand.
    ///
    /// # Errors
    /// [`RosterError::Signature`] if `successor` is not named as one.
    pub fn take_over(&self, successor: &IdentitySecret) -> Result<Self, RosterError> {
        let lead = successor.public().member();
        if !self.body.successors.contains(&lead) {
            return Err(RosterError::Signature);
        }
        let mut body = self.next_body();
        body.lead = lead;
        body.successors.retain(|heir| *heir != lead);
        Self::sign(body, successor)
    }

    /// Verifies a state for which [`accept`](Self::accept) said [`RosterError::Takeover`], after a person
    /// has decided to follow the successor. From then on the old lead's states are refused.
    ///
    /// # Errors
    /// See [`RosterError`]; nothing changes.
    pub fn accept_takeover(&self, signed: SignedRoster) -> Result<Self, RosterError> {
        match self.accept(signed.clone()) {
            Err(RosterError::Takeover) => Self::parse(signed),
            Err(other) => Err(other),
            Ok(_) => Err(RosterError::NotNewer),
        }
    }

    /// The members that an unverified state lists: a claim, to be verified by taking the state over. Empty if it cannot
    /// be read.
    #[must_use]
    pub fn claimed(signed: &SignedRoster) -> Vec<RosterMember> {
        Self::parse(signed.clone()).map(|roster| roster.body.members).unwrap_or_default()
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

    /// What later versions say in it.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.body.extensions
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

    /// Whether `next` is signed by one of our successors, who names itself the lead and changes nothing
    /// else: what a person accepts by hand is who leads, not a list of members.
    fn may_follow(&self, next: &Self) -> bool {
        let mut awaited = self.next_body();
        awaited.lead = next.signed.signer;
        awaited.successors.retain(|heir| *heir != next.signed.signer);
        self.body.successors.contains(&next.signed.signer) && next.body == awaited
    }

    fn next_body(&self) -> Body {
        let mut body = self.body.clone();
        body.circle = self.circle();
        body.number = body.number.saturating_add(1);
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

    /// The signer's key is taken from `known`: a new state cannot vouch for its own signer. Every state is
    /// signed by the lead that it names: each can be the first one held, after a restart or by a newcomer.
    fn verify_by(&self, known: &Self) -> Result<(), RosterError> {
        if self.signed.signer != self.body.lead {
            return Err(RosterError::Signature);
        }
        let signer = known.member(self.signed.signer).ok_or(RosterError::Signature)?;
        signer
            .identity
            .verify(LABEL_SIGN, &[&self.signed.body], &self.signed.signature)
            .map_err(|_| RosterError::Signature)
    }
}

#[cfg(test)]
mod tests;
