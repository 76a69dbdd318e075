//! Send tokens that are exchanged, and those that a relay does not register.

use velar_protocol::circle::Role;
use velar_protocol::circle::limits::SPARES;
use velar_protocol::seal::MemberId;
use velar_protocol::wire::{Answer, Envelope, MailboxId, Refusal, SendTokenHash, TokenOutcome};

use super::office::World;
use crate::device::{CheckInSaid, DeviceError, JoinState, Turn};
use crate::records::{Holder, Item, PeerKind, SparesKind, What};

const DAY_S: u64 = 86_400;

fn trio() -> World {
    World::circle("Luz", &[("Ana", Role::Defender), ("Eva", Role::Accompanier)])
}

fn member(world: &mut World, name: &'static str) -> MemberId {
    world.person(name).member()
}

/// The token that one person has for another's mailbox.
fn token(world: &mut World, of: &'static str, to: &'static str) -> SendTokenHash {
    let to = member(world, to);
    let peer = world.device(of).vault.read(|tx| tx.get::<PeerKind>(&to.0)).unwrap().unwrap();
    peer.addresses[0].token.hash()
}

fn junk(n: u8) -> Envelope {
    Envelope::new([&[1, n][..], &[n; 4094]].concat()).unwrap()
}

fn is_refused(world: &mut World, token: SendTokenHash) -> bool {
    let n = (world.now_s % 251) as u8;
    world.office.send(token, junk(n)) == Answer::Refused(Refusal::UnknownToken)
}

fn exchange(world: &mut World, of: &'static str, at_once: bool) {
    let (of, now_s) = (member(world, of), world.now_s);
    world.device("Luz").exchange_token(of, at_once, now_s).unwrap();
}

fn check_in(world: &mut World, name: &'static str, next_min: u32) {
    let now_s = world.now_s;
    let said = CheckInSaid { next_min, ..CheckInSaid::default() };
    world.device(name).check_in(said, now_s).unwrap();
}

fn tend(world: &mut World) {
    let now_s = world.now_s;
    world.device("Luz").tend(true, true, now_s).unwrap();
    world.settle();
}

fn taken(world: &mut World, name: &'static str) -> Vec<Holder> {
    let holder = |item: &Item| match item.what {
        What::TokenTaken { holder, .. } => Some(holder),
        _ => None,
    };
    world.person(name).shown.iter().filter_map(holder).collect()
}

#[test]
fn a_member_who_is_there_gets_another_token_and_the_earlier_one_ends() {
    let mut world = trio();
    let (old, ana) = (token(&mut world, "Ana", "Luz"), member(&mut world, "Ana"));
    exchange(&mut world, "Ana", false);
    world.settle();
    let new = token(&mut world, "Ana", "Luz");
    assert_ne!(old, new);
    assert_eq!(world.device("Luz").exchange(ana).unwrap(), None, "it is over");
    assert!(is_refused(&mut world, old));
    let now_s = world.now_s;
    world.device("Ana").say("con la nueva", &[], now_s).unwrap();
    world.settle();
    assert_eq!(world.person("Luz").texts(), ["con la nueva"]);
    let others = token(&mut world, "Eva", "Luz");
    assert!(!is_refused(&mut world, others));
}

#[test]
fn nobody_is_told_of_a_token_before_a_relay_has_registered_it() {
    let mut world = trio();
    let (old, ana) = (token(&mut world, "Ana", "Luz"), member(&mut world, "Ana"));
    world.office.without_room = true;
    exchange(&mut world, "Ana", false);
    world.settle();
    assert_eq!(token(&mut world, "Ana", "Luz"), old);
    // A card that goes out meanwhile names the one that counts.
    world.now_s += 8 * DAY_S;
    tend(&mut world);
    assert_eq!(token(&mut world, "Ana", "Luz"), old);
    assert!(!world.device("Luz").exchange(ana).unwrap().unwrap().registered);
    world.office.without_room = false;
    world.settle();
    assert_ne!(token(&mut world, "Ana", "Luz"), old);
    assert!(is_refused(&mut world, old));
}

#[test]
fn a_member_who_is_away_keeps_the_earlier_token_for_an_alarm() {
    let mut world = trio();
    let (old, now_s) = (token(&mut world, "Ana", "Luz"), world.now_s);
    exchange(&mut world, "Ana", false);
    world.carry("Luz");
    world.carry("Luz");
    assert!(!is_refused(&mut world, old));
    // She knows nothing of it yet.
    world.device("Ana").panic("ayuda", now_s).unwrap();
    world.send("Ana", |_| true);
    world.receive("Luz");
    assert_eq!(world.device("Luz").alerts(true, now_s).unwrap().len(), 1);
    world.settle();
    assert!(is_refused(&mut world, old));
}

#[test]
fn the_earlier_token_counts_while_a_hold_by_it_may_lie_at_a_relay() {
    let mut world = trio();
    check_in(&mut world, "Ana", 60);
    world.settle();
    let (old, ana) = (token(&mut world, "Ana", "Luz"), member(&mut world, "Ana"));
    exchange(&mut world, "Ana", false);
    world.settle();
    let view = world.device("Luz").exchange(ana).unwrap().unwrap();
    assert!(view.received && view.earlier_until_s.is_some());
    assert!(!is_refused(&mut world, old));
    world.now_s += 600;
    check_in(&mut world, "Ana", 60);
    world.settle();
    tend(&mut world);
    assert!(is_refused(&mut world, old));

    // Whoever does not check in again: after a day it was released.
    let mut world = trio();
    check_in(&mut world, "Ana", 60);
    world.settle();
    let old = token(&mut world, "Ana", "Luz");
    exchange(&mut world, "Ana", false);
    world.settle();
    world.now_s += DAY_S;
    tend(&mut world);
    assert!(!is_refused(&mut world, old));
    world.now_s += DAY_S / 2;
    tend(&mut world);
    assert!(is_refused(&mut world, old));
}

#[test]
fn the_earlier_token_of_who_never_answers_ends_after_a_month_and_that_is_said() {
    let mut world = trio();
    let old = token(&mut world, "Ana", "Luz");
    exchange(&mut world, "Ana", false);
    let alone = |world: &mut World, days: u64| {
        world.now_s += days * DAY_S;
        let now_s = world.now_s;
        world.device("Luz").tend(true, true, now_s).unwrap();
        world.carry("Luz");
        world.carry("Luz");
    };
    alone(&mut world, 0);
    alone(&mut world, 30);
    assert!(!is_refused(&mut world, old));
    alone(&mut world, 1);
    alone(&mut world, 1);
    assert!(is_refused(&mut world, old));
    let said = |item: &&Item| matches!(item.what, What::TokenEnded { .. });
    assert_eq!(world.person("Luz").shown.iter().filter(said).count(), 1);
    // She comes back: what waits for her brings the new one.
    world.settle();
    let now_s = world.now_s;
    world.device("Ana").say("ya volvi", &[], now_s).unwrap();
    world.settle();
    assert_eq!(world.person("Luz").texts(), ["ya volvi"]);
}

#[test]
fn at_once_the_earlier_token_ends_before_the_member_knows() {
    for begun in [false, true] {
        let mut world = trio();
        check_in(&mut world, "Ana", 60);
        world.settle();
        let old = token(&mut world, "Ana", "Luz");
        if begun {
            exchange(&mut world, "Ana", false);
            world.carry("Luz");
            world.carry("Luz");
            assert!(!is_refused(&mut world, old));
        }
        exchange(&mut world, "Ana", true);
        world.carry("Luz");
        world.carry("Luz");
        assert!(is_refused(&mut world, old), "{begun}");
        let now_s = world.now_s;
        world.device("Ana").say("aqui", &[], now_s).unwrap();
        world.settle();
        world.now_s += 7200;
        world.settle();
        assert_eq!(world.person("Luz").texts(), ["aqui"], "{begun}");
    }
}

#[test]
fn where_a_relay_has_room_for_no_other_the_token_that_ends_at_once_makes_room() {
    let mut world = trio();
    let (old, ana) = (token(&mut world, "Ana", "Luz"), member(&mut world, "Ana"));
    world.office.without_room = true;
    exchange(&mut world, "Ana", true);
    world.carry("Luz");
    world.carry("Luz");
    assert!(is_refused(&mut world, old));
    world.office.without_room = false;
    world.settle();
    assert_eq!(world.device("Luz").exchange(ana).unwrap(), None);
}

#[test]
fn an_exchange_that_goes_on_draws_no_further_token_and_many_at_once_have_a_bound() {
    let mut world = trio();
    world.office.without_room = true;
    let count = |world: &mut World| world.device("Luz").homes().unwrap()[0].tokens.len();
    let before = count(&mut world);
    for _ in 0..5 {
        exchange(&mut world, "Ana", false);
        world.carry("Luz");
    }
    assert_eq!(count(&mut world), before + 1);
    let luz = member(&mut world, "Luz");
    let (now_s, device) = (world.now_s, world.device("Luz"));
    for nobody in [luz, MemberId([3; 32])] {
        let refused = device.exchange_token(nobody, false, now_s);
        assert!(matches!(refused, Err(DeviceError::UnknownMember)));
    }
}

/// A circle in which Ana's token and those of 15 others are being exchanged; none of them has heard of it.
fn many_exchanged() -> World {
    let mut world = trio();
    exchange(&mut world, "Ana", false);
    world.carry("Luz");
    let others = |turn: &mut Turn<'_>| {
        let mut profile = turn.profile()?;
        for home in &mut profile.homes {
            for n in 0..15 {
                home.tokens.push((home.next_token, Holder::Earlier(MemberId([n; 32]))));
                home.next_token += 1;
            }
            home.revision += 1;
        }
        turn.set_profile(&profile)
    };
    let now_s = world.now_s;
    world.device("Luz").write(now_s, others).unwrap();
    world.carry("Luz");
    world
}

#[test]
fn an_exchange_too_many_is_refused_and_ends_nobodys_token() {
    let mut world = many_exchanged();
    let (old, eva) = (token(&mut world, "Ana", "Luz"), member(&mut world, "Eva"));
    let (before, now_s) = (world.device("Luz").homes().unwrap()[0].tokens.clone(), world.now_s);
    let refused = world.device("Luz").exchange_token(eva, false, now_s);
    assert!(matches!(refused, Err(DeviceError::TooManyExchanges)));
    world.carry("Luz");
    assert_eq!(world.device("Luz").homes().unwrap()[0].tokens, before);
    assert!(!is_refused(&mut world, old));
    // Ana comes: there is room for Eva's.
    world.settle();
    assert!(is_refused(&mut world, old));
    exchange(&mut world, "Eva", false);
}

#[test]
fn a_token_that_somebody_else_has_is_exchanged_once_that_ends_nobodys() {
    let mut world = many_exchanged();
    let (old, hers) = (token(&mut world, "Ana", "Luz"), token(&mut world, "Eva", "Luz"));
    stolen(&mut world, &[hers]);
    for _ in 0..3 {
        world.carry("Luz");
        world.now_s += 60;
    }
    assert!(!is_refused(&mut world, old));
    assert!(taken(&mut world, "Luz").is_empty(), "nothing is done about it yet");
    rest(&mut world);
    let eva = member(&mut world, "Eva");
    assert_eq!(taken(&mut world, "Luz"), [Holder::Member(eva)]);
    assert!(is_refused(&mut world, old), "hers is over");
}

#[test]
fn with_a_coordinators_token_the_spares_that_she_keeps_are_exchanged() {
    let mut world = trio();
    world.admit("Luz", "Sol", Role::Coordinator);
    world.now_s += 8 * DAY_S;
    tend(&mut world);
    let luz = member(&mut world, "Luz");
    let spares = |world: &mut World| -> Vec<SendTokenHash> {
        let kept = world.device("Sol").vault.read(|tx| tx.get::<SparesKind>(&luz.0));
        let kept = kept.unwrap().unwrap();
        kept.iter().map(|spare| spare.addresses[0].token.hash()).collect()
    };
    let before = spares(&mut world);
    exchange(&mut world, "Sol", false);
    world.settle();
    let after = spares(&mut world);
    assert_eq!(after.len(), SPARES);
    assert!(before.iter().all(|token| !after.contains(token)));
    // Somebody may be on the way in by one of them.
    assert!(!is_refused(&mut world, before[0]));
    world.now_s += 3 * DAY_S + 1;
    tend(&mut world);
    assert!(before.iter().all(|token| is_refused(&mut world, *token)));
    assert!(after.iter().all(|token| !is_refused(&mut world, *token)));
}

/// Until nothing moves, and what was refused has been tried again.
fn rest(world: &mut World) {
    for _ in 0..4 {
        world.settle();
        world.now_s += 60;
    }
}

/// A relay that has lost its disk, where somebody else registers these tokens first.
fn stolen(world: &mut World, tokens: &[SendTokenHash]) -> MailboxId {
    let thief = MailboxId([66; 32]);
    world.office.forget_tokens();
    assert_eq!(world.office.open(thief, tokens), vec![TokenOutcome::Registered; tokens.len()]);
    thief
}

#[test]
fn a_token_that_somebody_else_registered_first_is_drawn_anew_and_its_holder_told() {
    let mut world = trio();
    let old = token(&mut world, "Ana", "Luz");
    stolen(&mut world, &[old]);
    rest(&mut world);
    let new = token(&mut world, "Ana", "Luz");
    assert_ne!(old, new);
    let ana = member(&mut world, "Ana");
    assert_eq!(taken(&mut world, "Luz"), [Holder::Member(ana)]);
    let now_s = world.now_s;
    for name in ["Ana", "Eva"] {
        world.device(name).say(name, &[], now_s).unwrap();
    }
    world.settle();
    let mut texts = world.person("Luz").texts();
    texts.sort_unstable();
    assert_eq!(texts, ["Ana", "Eva"]);
    let home = world.device("Luz").homes().unwrap().remove(0);
    assert!(home.registered && home.unregistered.is_empty(), "{:?}", home.unregistered);
}

#[test]
fn a_relay_that_calls_every_token_taken_has_a_few_drawn_an_hour_and_no_card_sent() {
    let mut world = trio();
    world.office.forget_tokens();
    world.office.lies = Some(TokenOutcome::Taken);
    let before = world.device("Luz").homes().unwrap()[0].tokens.clone();
    let drawn = |world: &mut World| {
        let tokens = world.device("Luz").homes().unwrap().remove(0).tokens;
        tokens.into_iter().filter(|token| !before.contains(token)).count()
    };
    let sent = world.office.sent;
    let mut revisions = Vec::new();
    for _ in 0..20 {
        world.send("Luz", |_| true);
        world.now_s += 60;
        revisions.push(world.device("Luz").homes().unwrap()[0].revision);
    }
    assert!(drawn(&mut world) <= 4);
    revisions.dedup();
    assert!(revisions.len() <= 9, "{revisions:?}");
    assert!(taken(&mut world, "Luz").len() <= 4);
    for _ in 0..100 {
        world.now_s += DAY_S / 4;
        world.send("Luz", |_| true);
    }
    assert!(world.device("Luz").homes().unwrap()[0].tokens.len() < 40);
    assert_eq!(world.office.sent, sent);
    // Once it tells the truth, all is well.
    world.office.lies = None;
    world.now_s += DAY_S;
    world.settle();
    let now_s = world.now_s;
    world.device("Ana").say("por fin", &[], now_s).unwrap();
    world.settle();
    assert_eq!(world.person("Luz").texts(), ["por fin"]);
}

#[test]
fn a_relay_without_room_for_some_tokens_is_used_by_the_others() {
    let mut world = trio();
    let (ana, eva) = (token(&mut world, "Ana", "Luz"), token(&mut world, "Eva", "Luz"));
    let home = world.device("Luz").homes().unwrap().remove(0);
    let say = |world: &mut World, outcome| {
        let said: Vec<_> = home
            .tokens
            .iter()
            .map(|token| (*token, if *token == ana { outcome } else { TokenOutcome::Registered }))
            .collect();
        let now_s = world.now_s;
        world.device("Luz").opened(&home.relay, home.revision, &said, now_s).unwrap()
    };
    let member = member(&mut world, "Ana");
    assert_eq!(say(&mut world, TokenOutcome::Full), [member]);
    assert_eq!(say(&mut world, TokenOutcome::Full), [], "it was said");
    let seen = world.device("Luz").homes().unwrap().remove(0);
    assert!(seen.registered);
    assert_eq!(seen.unregistered, [(Holder::Member(member), TokenOutcome::Full)]);
    assert!(!is_refused(&mut world, eva));
    assert_eq!(say(&mut world, TokenOutcome::Registered), []);
    assert!(world.device("Luz").homes().unwrap()[0].unregistered.is_empty());
}

#[test]
fn a_spare_that_somebody_else_registered_is_left_anew() {
    let mut world = trio();
    world.admit("Luz", "Sol", Role::Coordinator);
    world.now_s += 8 * DAY_S;
    tend(&mut world);
    let (luz, sol) = (member(&mut world, "Luz"), member(&mut world, "Sol"));
    let spares = |world: &mut World| {
        let kept = world.device("Sol").vault.read(|tx| tx.get::<SparesKind>(&luz.0));
        kept.unwrap().unwrap()
    };
    let first = spares(&mut world)[0].addresses[0].token.hash();
    stolen(&mut world, &[first]);
    rest(&mut world);
    assert!(matches!(taken(&mut world, "Luz")[..], [Holder::Spare(by, _)] if by == sol));
    let hashes: Vec<_> = spares(&mut world).iter().map(|s| s.addresses[0].token.hash()).collect();
    assert!(hashes.len() == SPARES && !hashes.contains(&first));
    world.admit("Luz", "Iris", Role::Defender);
    let now_s = world.now_s;
    world.device("Iris").say("llegue", &[], now_s).unwrap();
    world.settle();
    assert_eq!(world.person("Luz").texts(), ["llegue"]);
}

#[test]
fn an_answer_to_an_invitation_that_cannot_be_answered_to_is_void() {
    let mut world = trio();
    world.answer("Luz", "Iris", Role::Defender);
    let home = world.device("Iris").homes().unwrap().remove(0);
    stolen(&mut world, &home.tokens);
    world.send("Iris", |_| true);
    assert_eq!(world.device("Iris").join_state().unwrap(), JoinState::Void);
    let home = world.device("Iris").homes().unwrap().remove(0);
    assert_eq!(home.unregistered.len(), 1);
    assert_eq!(home.unregistered[0].1, TokenOutcome::Taken);
    // Another invitation is answered from another mailbox.
    rest(&mut world);
    world.answer("Luz", "Iris", Role::Defender);
    rest(&mut world);
    let now_s = world.now_s;
    assert!(!world.device("Luz").answers(now_s).unwrap().is_empty());
    rest(&mut world);
    let state = world.device("Iris").join_state().unwrap();
    assert!(matches!(state, JoinState::Compare(_)), "{state:?}");
    assert!(world.device("Iris").homes().unwrap()[0].unregistered.is_empty());
}

#[test]
fn who_is_removed_keeps_no_token_old_or_new() {
    let mut world = trio();
    let old = token(&mut world, "Eva", "Luz");
    check_in(&mut world, "Eva", 60);
    world.settle();
    exchange(&mut world, "Eva", false);
    world.settle();
    let new = token(&mut world, "Eva", "Luz");
    assert!(!is_refused(&mut world, old) && !is_refused(&mut world, new));
    let (eva, now_s) = (member(&mut world, "Eva"), world.now_s);
    world.device("Luz").remove_member(eva, now_s).unwrap();
    world.carry("Luz");
    assert!(is_refused(&mut world, old) && is_refused(&mut world, new));
    assert_eq!(world.device("Luz").exchange(eva).unwrap(), None);
}
