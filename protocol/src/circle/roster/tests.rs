use proptest::prelude::*;

use super::*;
use crate::circle::extensions::Extension;
use crate::circle::extensions::tests::extensions;
use crate::circle::limits::MAX_NAME_LEN;
use crate::circle::testing::{
    ANA, DEFENDER, LEAD, LUZ, STRANGER, circle, founded, id, member, secret,
};

fn newcomer() -> RosterMember {
    member(STRANGER, STRANGER, &[Role::Accompanier])
}

/// A state that `signer` signed, whatever is in it.
fn forged(body: Body, signer: u8) -> SignedRoster {
    let bytes = encoding::to_bytes(&body).unwrap();
    let signature = secret(signer).sign(LABEL_SIGN, &[&bytes]);
    SignedRoster { body: bytes, signer: id(signer), signature }
}

fn next(roster: &Roster, change: impl FnOnce(&mut Body)) -> Body {
    let mut body = roster.next_body();
    change(&mut body);
    body
}

#[test]
fn a_new_circle_is_named_by_its_first_state_for_ever() {
    let first = founded();
    assert_eq!(first.number(), 0);
    assert_eq!(first.circle(), CircleId(first.hash()));
    let later = circle();
    assert_eq!(later.circle(), first.circle());
    assert_eq!(later.number(), 4);
    assert_eq!(later.members().len(), 5);
    assert_eq!(Roster::anchor(later.circle(), later.signed().clone()), Ok(later));
}

#[test]
fn members_are_added_and_removed_one_state_at_a_time() {
    let lead = secret(LEAD);
    let held = circle();
    let with = held.with_member(&lead, newcomer()).unwrap();
    assert_eq!(held.accept(with.signed().clone()).as_ref(), Ok(&with));
    assert!(with.member(id(STRANGER)).is_some());
    let heirs = with.with_successors(&lead, vec![id(ANA), id(LUZ)]).unwrap();
    let without = heirs.without_member(&lead, id(ANA)).unwrap();
    assert_eq!(heirs.accept(without.signed().clone()).as_ref(), Ok(&without));
    assert!(without.member(id(ANA)).is_none());
    assert_eq!(without.successors(), [id(LUZ)]);
    assert_eq!(without.without_member(&lead, id(ANA)), Err(RosterError::UnknownMember));
    assert_eq!(without.without_member(&lead, id(LEAD)), Err(RosterError::Malformed));
    assert_eq!(held.with_member(&secret(ANA), newcomer()), Err(RosterError::Signature));
    assert_eq!(with.with_member(&lead, newcomer()), Err(RosterError::Malformed));
}

#[test]
fn only_the_lead_changes_what_was_agreed_and_only_within_bounds() {
    let held = circle();
    let agreement = Agreement { repeat_min: 1, grace_min: 0, ..Agreement::default() };
    let next = held.with_agreement(&secret(LEAD), agreement).unwrap();
    let accepted = held.accept(next.signed().clone()).unwrap();
    assert_eq!((accepted.agreement(), accepted.members()), (&agreement, held.members()));
    assert_eq!(held.with_agreement(&secret(ANA), agreement), Err(RosterError::Signature));
    let without_pause = Agreement { repeat_min: 0, ..agreement };
    assert_eq!(held.with_agreement(&secret(LEAD), without_pause), Err(RosterError::Malformed));
}

#[test]
fn a_circle_of_thirty_two_is_full() {
    let lead = secret(LEAD);
    let full = (100..131).fold(founded(), |roster, seed| {
        roster.with_member(&lead, member(seed, seed, &[Role::Accompanier])).unwrap()
    });
    assert_eq!(full.members().len(), 32);
    assert_eq!(full.with_member(&lead, newcomer()), Err(RosterError::Full));
    let over = forged(next(&full, |body| body.members.push(newcomer())), LEAD);
    assert_eq!(full.accept(over), Err(RosterError::Malformed));
}

#[test]
fn a_laggard_learns_that_states_are_missing_and_catches_up_by_the_chain() {
    let lead = secret(LEAD);
    let held = circle();
    let one = held.with_member(&lead, newcomer()).unwrap();
    let two = one.without_member(&lead, id(ANA)).unwrap();
    assert_eq!(held.accept(two.signed().clone()), Err(RosterError::Gap));
    let caught_up = held.accept(one.signed().clone()).unwrap().accept(two.signed().clone());
    assert_eq!(caught_up, Ok(two.clone()));
    assert_eq!(two.accept(one.signed().clone()), Err(RosterError::NotNewer));
    assert_eq!(two.accept(two.signed().clone()), Err(RosterError::NotNewer));
}

#[test]
fn two_children_of_one_parent_are_shown_as_a_fork_of_the_lead() {
    let lead = secret(LEAD);
    let held = circle();
    let one = held.with_member(&lead, newcomer()).unwrap();
    let other = held.without_member(&lead, id(ANA)).unwrap();
    assert_eq!(one.accept(other.signed().clone()), Err(RosterError::Fork));
    let grandchild = other.with_successors(&lead, vec![id(LUZ)]).unwrap();
    assert_eq!(one.accept(grandchild.signed().clone()), Err(RosterError::Fork));
}

#[test]
fn nobody_else_can_make_the_lead_look_like_a_forger() {
    let held = circle();
    let elsewhere = |number| {
        next(&held, |body| {
            body.parent = [0xee; 32];
            body.number = number;
        })
    };
    for signer in [ANA, STRANGER] {
        let child = forged(elsewhere(held.number() + 1), signer);
        assert_eq!(held.accept(child), Err(RosterError::Signature));
    }
    assert_eq!(held.accept(forged(elsewhere(held.number()), ANA)), Err(RosterError::Signature));
    let mut unsigned = forged(elsewhere(held.number() + 1), ANA);
    unsigned.signer = id(LEAD);
    assert_eq!(held.accept(unsigned), Err(RosterError::Signature));
}

#[test]
fn a_state_cannot_vouch_for_its_own_signer() {
    let held = circle();
    let usurped = next(&held, |body| {
        body.members.push(newcomer());
        body.lead = id(STRANGER);
    });
    assert_eq!(held.accept(forged(usurped, STRANGER)), Err(RosterError::Signature));
    let promoted = next(&held, |body| body.lead = id(ANA));
    assert_eq!(held.accept(forged(promoted, ANA)), Err(RosterError::Signature));
    let heir = next(&held, |body| body.successors = vec![id(ANA)]);
    assert_eq!(held.accept(forged(heir, ANA)), Err(RosterError::Signature));
}

#[test]
fn what_an_unverified_state_claims_is_read_but_not_believed() {
    let usurped = forged(next(&circle(), |body| body.members.push(newcomer())), STRANGER);
    let claimed = Roster::claimed(&usurped);
    let listed = |member| claimed.iter().find(|entry| entry.member() == member);
    assert_eq!(listed(id(STRANGER)).map(|entry| entry.identity), Some(secret(STRANGER).public()));
    assert_eq!(listed(id(8)), None);
    assert_eq!(circle().accept(usurped), Err(RosterError::Signature));
}

#[test]
fn a_flipped_byte_is_never_accepted() {
    let held = circle();
    let good = held.with_member(&secret(LEAD), newcomer()).unwrap().signed().clone();
    for at in 0..good.body.len() {
        let mut bad = good.clone();
        bad.body[at] ^= 1;
        assert!(held.accept(bad).is_err(), "byte {at}");
    }
    let mut bad = good;
    bad.signature.0[5] ^= 1;
    assert_eq!(held.accept(bad), Err(RosterError::Signature));
}

#[test]
fn a_takeover_needs_a_hand_and_then_the_old_lead_is_refused() {
    let lead = secret(LEAD);
    let held = circle().with_successors(&lead, vec![id(ANA), id(LUZ)]).unwrap();
    let taken = held.take_over(&secret(LUZ)).unwrap();
    assert_eq!(taken.lead(), id(LUZ));
    assert_eq!(taken.successors(), [id(ANA)]);
    assert_eq!(held.accept(taken.signed().clone()), Err(RosterError::Takeover));
    assert_eq!(held.accept_takeover(taken.signed().clone()).as_ref(), Ok(&taken));

    let old = held.without_member(&lead, id(LUZ)).unwrap();
    let older = old.without_member(&lead, id(ANA)).unwrap();
    assert_eq!(taken.accept(old.signed().clone()), Err(RosterError::NotNewer));
    assert_eq!(taken.accept(older.signed().clone()), Err(RosterError::Signature));
    let beside = forged(next(&taken, |body| body.lead = id(LEAD)), LEAD);
    assert_eq!(taken.accept(beside), Err(RosterError::Signature));
    assert_eq!(taken.without_member(&lead, id(ANA)), Err(RosterError::Signature));
    let next = taken.without_member(&secret(LUZ), id(LEAD)).unwrap();
    assert_eq!(taken.accept(next.signed().clone()).as_ref(), Ok(&next));
}

#[test]
fn a_takeover_changes_the_lead_and_nothing_else() {
    let held = circle().with_successors(&secret(LEAD), vec![id(ANA)]).unwrap();
    let sly = next(&held, |body| {
        body.lead = id(ANA);
        body.successors.clear();
        body.members.push(newcomer());
    });
    assert_eq!(held.accept(forged(sly.clone(), ANA)), Err(RosterError::Signature));
    assert_eq!(held.accept_takeover(forged(sly, ANA)), Err(RosterError::Signature));
    assert_eq!(held.take_over(&secret(LUZ)), Err(RosterError::Signature));
    let regular = held.with_successors(&secret(LEAD), Vec::new()).unwrap();
    assert_eq!(held.accept_takeover(regular.signed().clone()), Err(RosterError::NotNewer));
}

#[test]
fn whatever_is_accepted_can_be_read_back_alone() {
    let held = circle().with_successors(&secret(LEAD), vec![id(ANA)]).unwrap();
    let taken = held.take_over(&secret(ANA)).unwrap();
    let taken = held.accept_takeover(taken.signed().clone()).unwrap();
    assert_eq!(Roster::anchor(held.circle(), taken.signed().clone()), Ok(taken));
    // A lead who signs that another leads would make every client refuse its own roster at its next start.
    let given = forged(next(&held, |body| body.lead = id(LUZ)), LEAD);
    assert_eq!(held.accept(given), Err(RosterError::Signature));
}

#[test]
fn a_state_of_another_circle_is_refused() {
    let lead = secret(LEAD);
    let (person, roles) = (PersonId([LEAD; 16]), Roles::of(&[Role::Coordinator]));
    let other = Roster::found(&lead, person, roles, Agreement::default(), [8; 32]).unwrap();
    let state = other.with_member(&lead, newcomer()).unwrap();
    assert_eq!(founded().accept(state.signed().clone()), Err(RosterError::OtherCircle));
    let anchored = Roster::anchor(founded().circle(), state.signed().clone());
    assert_eq!(anchored, Err(RosterError::OtherCircle));
}

#[test]
fn the_first_state_held_is_signed_by_the_lead_it_names() {
    let held = circle();
    let by_another = forged(next(&held, |_| {}), ANA);
    assert_eq!(Roster::anchor(held.circle(), by_another), Err(RosterError::Signature));
    let by_nobody = forged(next(&held, |_| {}), STRANGER);
    assert_eq!(Roster::anchor(held.circle(), by_nobody), Err(RosterError::Signature));
}

#[test]
fn a_state_that_breaks_a_bound_is_malformed_even_if_the_lead_signed_it() {
    type Change = fn(&mut Body);
    let changes: [(&str, Change); 18] = [
        ("nobody", |b| b.members.clear()),
        ("lead is no member", |b| b.lead = id(STRANGER)),
        ("twice the same member", |b| b.members.push(b.members[1])),
        ("a signing key in two members", |b| {
            let mut twin = newcomer();
            twin.identity.ed25519 = b.members[1].identity.ed25519;
            b.members.push(twin);
        }),
        ("a sealing key in two members", |b| {
            let mut twin = newcomer();
            twin.identity.x25519 = b.members[1].identity.x25519;
            b.members.push(twin);
        }),
        ("an unusable key", |b| b.members[1].identity.x25519 = [0; 32]),
        ("no role", |b| b.members[1].roles = Roles::of(&[])),
        ("a role that does not exist", |b| b.members[1].roles = Roles(9)),
        ("the lead succeeds itself", |b| b.successors = vec![b.lead]),
        ("a successor is no member", |b| b.successors = vec![id(STRANGER)]),
        ("a successor twice", |b| b.successors = vec![id(ANA), id(ANA)]),
        ("no circle", |b| b.circle = CircleId::NONE),
        ("a first state that names a circle", |b| b.number = 0),
        ("never again a check-in", |b| b.agreement.at_home_min = 30 * 24 * 60 + 1),
        ("a check-in without pause", |b| b.agreement.on_the_road_min = 0),
        ("a ring without pause", |b| b.agreement.repeat_min = 0),
        ("a claim for ever", |b| b.agreement.claim_quiet_min = 24 * 60 + 1),
        ("a tier after a week", |b| b.agreement.tier_two_min = 7 * 24 * 60),
    ];
    let held = circle();
    assert!(held.accept(forged(next(&held, |_| {}), LEAD)).is_ok());
    for (what, change) in changes {
        let state = forged(next(&held, change), LEAD);
        let anchored = Roster::anchor(held.circle(), state.clone());
        assert_eq!(held.accept(state), Err(RosterError::Malformed), "{what}");
        assert_eq!(anchored, Err(RosterError::Malformed), "{what}");
    }
    let mut trailing = forged(next(&held, |_| {}), LEAD);
    trailing.body.push(0);
    assert_eq!(held.accept(trailing), Err(RosterError::Malformed));
}

#[test]
fn every_role_bit_above_seven_is_refused() {
    let held = circle();
    for bits in 0..=u8::MAX {
        let state = forged(next(&held, |b| b.members[1].roles = Roles(bits)), LEAD);
        assert_eq!(held.accept(state).is_ok(), (1..=7).contains(&bits), "{bits}");
    }
    let all = Roles::of(&Role::ALL);
    assert_eq!(all.iter().collect::<Vec<_>>(), Role::ALL);
}

#[test]
fn the_agreement_of_zero_tolerance_is_allowed() {
    let agreement = Agreement { grace_min: 0, tier_two_min: 0, ..Agreement::default() };
    let roles = Roles::of(&[Role::Coordinator]);
    assert!(Roster::found(&secret(LEAD), PersonId([1; 16]), roles, agreement, [0; 32]).is_ok());
}

#[test]
fn the_last_number_has_no_successor_and_does_not_overflow() {
    let last = forged(next(&circle(), |body| body.number = u64::MAX), LEAD);
    let held = Roster::anchor(circle().circle(), last).unwrap();
    let next = held.with_member(&secret(LEAD), newcomer()).unwrap();
    assert!(held.accept(next.signed().clone()).is_err());
}

#[test]
fn only_the_lead_renames_and_only_members_have_names() {
    let roster = circle();
    let names = |pairs: &[(u8, &str)]| -> Names {
        pairs.iter().map(|(seed, name)| (id(*seed), (*name).to_owned())).collect()
    };
    let held = names(&[(DEFENDER, "Inés"), (ANA, "Ana")]);
    let swapped = names(&[(DEFENDER, "Ana"), (ANA, "Inés"), (LUZ, "Luz"), (STRANGER, "X")]);
    let by = |sender| merge_names(&held, &swapped, id(sender), &roster);
    assert_eq!(by(LUZ), names(&[(DEFENDER, "Inés"), (ANA, "Ana"), (LUZ, "Luz")]));
    assert_eq!(by(LEAD), names(&[(DEFENDER, "Ana"), (ANA, "Inés"), (LUZ, "Luz")]));
    let bad = names(&[(ANA, "a\u{1b}[2J")]);
    assert_eq!(merge_names(&held, &bad, id(LEAD), &roster), held);
}

#[test]
fn a_name_fits_on_a_line_and_does_nothing_to_it() {
    for good in ["Ana", "María José", "علی", "க்ஷ", "می\u{200c}خواهم", &"x".repeat(MAX_NAME_LEN)]
    {
        assert!(is_name(good), "{good}");
    }
    let long = "x".repeat(MAX_NAME_LEN + 1);
    for bad in ["", "  ", "a\nb", "\u{1b}[31m", "a\u{202e}b", "a\u{2066}b", "\u{200b}", &long] {
        assert!(!is_name(bad), "{bad:?}");
    }
}

/// As a lead whose program is of a version to come says something.
fn grown(roster: &Roster) -> Roster {
    let fields = vec![Extension { tag: 3, bytes: vec![1, 2] }];
    roster.with_extensions(&secret(LEAD), Extensions::new(fields).unwrap()).unwrap()
}

#[test]
fn what_a_later_version_says_in_a_state_is_in_every_one_that_follows() {
    let lead = secret(LEAD);
    let held = circle().with_successors(&lead, vec![id(ANA)]).unwrap();
    let grown = grown(&held);
    assert_eq!(held.accept(grown.signed().clone()).as_ref(), Ok(&grown));
    assert_ne!(held.extensions(), grown.extensions());
    let agreement = Agreement { repeat_min: 1, ..Agreement::default() };
    let followers = [
        grown.with_member(&lead, newcomer()),
        grown.without_member(&lead, id(LUZ)),
        grown.with_successors(&lead, vec![]),
        grown.with_agreement(&lead, agreement),
    ];
    for next in followers {
        let next = grown.accept(next.unwrap().signed().clone()).unwrap();
        assert_eq!(next.extensions(), grown.extensions());
    }
    let taken = grown.take_over(&secret(ANA)).unwrap();
    assert_eq!(taken.extensions(), grown.extensions());
    assert_eq!(grown.accept_takeover(taken.signed().clone()), Ok(taken));
    // Who takes the lead changes nothing else, known or not.
    let mut body = next(&grown, |body| body.lead = id(ANA));
    body.successors.clear();
    body.extensions = Extensions::NONE;
    assert_eq!(grown.accept(forged(body, ANA)), Err(RosterError::Signature));
}

proptest! {
    #[test]
    fn a_state_is_read_whatever_later_versions_say_in_it(some in extensions()) {
        let held = circle();
        let next = held.with_extensions(&secret(LEAD), some.clone()).unwrap();
        let accepted = held.accept(next.signed().clone()).unwrap();
        prop_assert_eq!(accepted.extensions(), &some);
        prop_assert_eq!((accepted.members(), accepted.agreement()), (held.members(), held.agreement()));
        let anchored = Roster::anchor(held.circle(), accepted.signed().clone());
        prop_assert_eq!(anchored, Ok(accepted));
    }

    #[test]
    fn random_bytes_are_never_a_roster_and_never_panic(
        body in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let signature = secret(LEAD).sign(LABEL_SIGN, &[&body]);
        let signed = SignedRoster { body, signer: id(LEAD), signature };
        prop_assert!(circle().accept(signed).is_err());
    }
}
