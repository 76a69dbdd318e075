//! What several commands print alike.

use velar_protocol::circle::{Role, Roles};

/// Roles as they are named in JSON, and on the command line.
pub(super) fn role_names(roles: Roles) -> Vec<&'static str> {
    roles
        .iter()
        .map(|role| match role {
            Role::Defender => "defender",
            Role::Accompanier => "accompanier",
            Role::Coordinator => "coordinator",
        })
        .collect()
}
