//! Rounds over alerts as they are folded from events, at several terminals, on virtual time.

use velar_protocol::circle::{
    AlertEvent, EventKind, Heard, PersonId, Role, Roles, Roster, RosterMember,
};
use velar_protocol::seal::IdentitySecret;

use super::*;

/// When the alert begins.
const T: u64 = 1_800_000_000;

const QUIET_S: u64 = 20 * 60;

const ANA: u8 = 1;
const LUZ: u8 = 2;
const EVA: u8 = 3;

fn secret(seed: u8) -> IdentitySecret {
    IdentitySecret::from_seed(&[seed; 64])
}

fn id(seed: u8) -> MemberId {
    secret(seed).public().member()
}

/// Luz leads; Eva accompanies; Ana is at risk.
fn roster() -> Roster {
    let (lead, agreement) = (secret(LUZ), Agreement::default());
    let roles = Roles::of(&[Role::Coordinator, Role::Accompanier]);
    let founded = Roster::found(&lead, PersonId([LUZ; 16]), roles, agreement, [0; 32]).unwrap();
    [(EVA, Role::Accompanier), (ANA, Role::Defender)].into_iter().fold(founded, |roster, who| {
        let (seed, role) = who;
        let member = RosterMember {
            person: PersonId([seed; 16]),
            roles: Roles::of(&[role]),
            identity: secret(seed).public(),
        };
        roster.with_member(&lead, member).unwrap()
    })
}

fn said(author: u8, at_s: u64, kind: EventKind) -> Heard {
    let alert = AlertId::draw(id(ANA), [7; 8]);
    let event = AlertEvent { alert, salt: [author; 8], author: id(author), at_s, kind };
    Heard::new(event, id(author), at_s).unwrap()
}

fn overdue() -> Heard {
    let alert = AlertId::draw(id(ANA), [7; 8]);
    Heard::new(AlertEvent::overdue(alert, id(ANA), 4), id(ANA), T).unwrap()
}

fn claimed(author: u8, at_s: u64, over: &[&Heard]) -> Heard {
    let over = over.iter().map(|heard| heard.event().id()).collect();
    said(author, at_s, EventKind::Claimed { over })
}

/// What rings at one terminal, looking each second: on shift or not, and whether it knows of another who is.
fn rings(events: &[Heard], me: u8, here: bool, others: bool, until_s: u64) -> Vec<(u64, Ring)> {
    let (roster, mut rounds, mut rung) = (roster(), Rounds::default(), Vec::new());
    let rules = Rules::from(roster.agreement());
    for now_s in T..T + until_s {
        let heard: Vec<Heard> =
            events.iter().filter(|one| one.heard_s() <= now_s).cloned().collect();
        let alert = AlertId::draw(id(ANA), [7; 8]);
        let state =
            Alert::fold(alert, &heard, &roster.clone().into(), roster.agreement(), now_s).unwrap();
        let first = is_asked_first(&state, here, others);
        let handed = state.handed.iter().any(|(_, to)| *to == id(me));
        let looked = rounds.look(&[Asking { alert: &state, first, handed }], &rules, now_s);
        rung.extend(looked.into_iter().map(|(_, ring)| (now_s - T, ring)));
    }
    rung
}

#[test]
fn a_claim_without_a_sign_of_life_rings_again_and_a_note_keeps_it() {
    let claim = claimed(LUZ, T + 60, &[]);
    let until = |events: &[Heard]| rings(events, EVA, true, true, 60 + QUIET_S + 2);
    let quiet = until(&[overdue(), claim.clone()]);
    assert_eq!(quiet, [(0, Ring::Raised), (60 + QUIET_S, Ring::Expired)]);
    let note = said(LUZ, T + 600, EventKind::Note { text: "with her".to_owned() });
    assert_eq!(until(&[overdue(), claim, note]), [(0, Ring::Raised)]);
}

#[test]
fn silence_rings_first_at_those_on_shift_then_everywhere_and_a_claim_ends_it() {
    let open = [overdue()];
    let on_shift = rings(&open, LUZ, true, false, TIER_TWO_S + 1);
    assert_eq!(on_shift.first(), Some(&(0, Ring::Raised)));
    assert_eq!(rings(&open, EVA, false, true, TIER_TWO_S), []);
    assert_eq!(rings(&open, EVA, false, true, TIER_TWO_S + 1), [(TIER_TWO_S, Ring::TierTwo)]);
    assert_eq!(rings(&open, EVA, false, false, 1), [(0, Ring::Raised)]);
    let taken = [overdue(), claimed(LUZ, T + 840, &[])];
    assert_eq!(rings(&taken, EVA, false, true, TIER_TWO_S + QUIET_S / 2), []);
}

#[test]
fn a_hand_over_rings_until_it_is_taken() {
    let claim = claimed(LUZ, T + 60, &[]);
    let claims = [claim.event().id()].into();
    let hand = EventKind::HandOver { to: id(EVA), claims, text: String::new() };
    let taken = claimed(EVA, T + 500, &[&claim]);
    let events = [overdue(), claim, said(LUZ, T + 100, hand), taken];
    let at_eva = rings(&events, EVA, false, true, 1000);
    assert_eq!(at_eva, [(100, Ring::Handed), (100 + REPEAT_S, Ring::Handed)]);
    assert_eq!(rings(&events, LUZ, true, false, 1000), [(0, Ring::Raised)]);
}
