//! A small circle for tests: a coordinator who leads, a defender with two devices, two accompaniers.

use std::sync::LazyLock;

use super::roster::{Agreement, PersonId, Role, Roles, Roster, RosterMember};
use crate::seal::{IdentitySecret, MemberId};

/// Each with the seed byte of its identity.
pub(super) const LEAD: u8 = 1;
pub(super) const DEFENDER: u8 = 2;
/// The defender's second device, with which she also accompanies others.
pub(super) const SECOND: u8 = 3;
pub(super) const ANA: u8 = 4;
pub(super) const LUZ: u8 = 5;
/// In no roster.
pub(super) const STRANGER: u8 = 9;

pub(super) fn secret(seed: u8) -> IdentitySecret {
    IdentitySecret::from_seed(&[seed; 64])
}

pub(super) fn id(seed: u8) -> MemberId {
    static IDS: LazyLock<Vec<MemberId>> =
        LazyLock::new(|| (0..10).map(|seed| secret(seed).public().member()).collect());
    IDS.get(usize::from(seed)).copied().unwrap_or_else(|| secret(seed).public().member())
}

pub(super) fn member(seed: u8, person: u8, roles: &[Role]) -> RosterMember {
    RosterMember {
        person: PersonId([person; 16]),
        roles: Roles::of(roles),
        identity: secret(seed).public(),
    }
}

pub(super) fn founded() -> Roster {
    let roles = Roles::of(&[Role::Coordinator]);
    let agreement = Agreement::default();
    Roster::found(&secret(LEAD), PersonId([LEAD; 16]), roles, agreement, [7; 32]).unwrap()
}

pub(super) fn circle() -> Roster {
    static CIRCLE: LazyLock<Roster> = LazyLock::new(five);
    CIRCLE.clone()
}

fn five() -> Roster {
    [
        member(DEFENDER, DEFENDER, &[Role::Defender]),
        member(SECOND, DEFENDER, &[Role::Defender, Role::Accompanier]),
        member(ANA, ANA, &[Role::Accompanier]),
        member(LUZ, LUZ, &[Role::Accompanier]),
    ]
    .into_iter()
    .fold(founded(), |roster, member| roster.with_member(&secret(LEAD), member).unwrap())
}
