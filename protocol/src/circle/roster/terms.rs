//! What members may do, and what a circle has agreed.

use serde::{Deserialize, Serialize};

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
pub struct Roles(pub(super) u8);

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

    /// At least one role, and none that this version does not know.
    pub(super) fn is_valid(self) -> bool {
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
