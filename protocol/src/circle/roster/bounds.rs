//! What every roster state must satisfy, whoever signed it.

use std::collections::BTreeSet;

use super::{Agreement, Body, RosterError};
use crate::circle::limits::{MAX_INTERVAL_MIN, MAX_MEMBERS, MAX_RESPONSE_MIN};
use crate::seal::{CircleId, MemberId};

pub(super) fn check(body: &Body) -> Result<(), RosterError> {
    let ids: BTreeSet<MemberId> = body.members.iter().map(|m| m.member()).collect();
    // A key in two members would be two names for one device, or one sender under two names.
    let signing: BTreeSet<&[u8; 32]> = body.members.iter().map(|m| &m.identity.ed25519).collect();
    let sealing: BTreeSet<&[u8; 32]> = body.members.iter().map(|m| &m.identity.x25519).collect();
    let heirs: BTreeSet<MemberId> = body.successors.iter().copied().collect();
    let sound = (1..=MAX_MEMBERS).contains(&body.members.len())
        && [ids.len(), signing.len(), sealing.len()] == [body.members.len(); 3]
        && ids.contains(&body.lead)
        && heirs.len() == body.successors.len()
        && heirs.is_subset(&ids)
        && !heirs.contains(&body.lead)
        && (body.number == 0) == (body.circle == CircleId::NONE)
        && body.members.iter().all(|m| m.roles.is_valid() && m.identity.check().is_ok())
        && agreement_holds(&body.agreement);
    if sound { Ok(()) } else { Err(RosterError::Malformed) }
}

/// Nothing in an agreement may switch the alarm off, or make a client ring without pause.
fn agreement_holds(agreement: &Agreement) -> bool {
    let Agreement {
        on_the_road_min,
        in_base_min,
        at_home_min,
        grace_min,
        tier_two_min,
        tier_three_min,
        repeat_min,
        claim_quiet_min,
    } = *agreement;
    [on_the_road_min, in_base_min, at_home_min]
        .iter()
        .all(|minutes| (1..=MAX_INTERVAL_MIN).contains(minutes))
        && [grace_min, tier_two_min, tier_three_min].iter().all(|m| *m <= MAX_RESPONSE_MIN)
        && [repeat_min, claim_quiet_min].iter().all(|m| (1..=MAX_RESPONSE_MIN).contains(m))
}
