//! Invitations, approval, rosters.

use velar_protocol::circle::limits::MAX_MEMBERS;
use velar_protocol::circle::words::WordList;
use velar_protocol::circle::{Invitation, Role, Roles};
use velar_protocol::wire::limits::MAX_TOKENS;
use velar_protocol::wire::{Pin, RelayAddress};

use super::office::World;
use crate::device::{DeviceError, JoinState, Reach};
use crate::records::{Item, What};

#[test]
fn everybody_of_a_new_circle_can_reach_everybody_else() {
    let mut world = World::circle(
        "Luz",
        &[("Ana", Role::Defender), ("Eva", Role::Accompanier), ("Iris", Role::Accompanier)],
    );
    let names = ["Luz", "Ana", "Eva", "Iris"];
    for name in names {
        let now_s = world.now_s;
        let message = world.device(name).say(name, &[], now_s).unwrap();
        world.settle();
        let progress = world.device(name).progress(message).unwrap();
        assert_eq!(progress.len(), 3);
        assert!(progress.iter().all(|(.., reach)| matches!(reach, Reach::Received(_))), "{name}");
    }
    for name in names {
        let others: Vec<&str> = names.into_iter().filter(|other| *other != name).collect();
        assert_eq!(world.person(name).texts(), others);
        let members = world.device(name).members().unwrap();
        let known: Vec<String> = members.iter().map(|member| member.name.clone()).collect();
        assert_eq!(known, ["Luz", "Ana", "Eva", "Iris"]);
    }
}

#[test]
fn an_answer_from_another_relay_is_not_taken_and_that_is_said() {
    let mut world = World::circle("Luz", &[]);
    let now_s = world.now_s;
    let roles = Roles::of(&[Role::Accompanier]);
    let offer = world.device("Luz").invite(roles, WordList::Spanish, now_s).unwrap();
    // Another pin would be another relay, whoever listens there.
    let elsewhere = RelayAddress::new("127.0.0.1", 4433, Pin([7; 32]), Some(Pin([9; 32]))).unwrap();
    let link = Invitation::new(elsewhere, *offer.invitation.seed());
    let said = |world: &mut World| {
        let refused = |item: &&Item| matches!(item.what, What::AnswerRefused);
        world.person("Luz").shown.iter().filter(refused).count()
    };
    for name in ["Sol", "Mar"] {
        world.device(name).join(&link, std::slice::from_ref(&offer.envelope), name, now_s).unwrap();
        world.settle();
        assert!(world.device("Luz").answers(now_s).unwrap().is_empty(), "{name}");
    }
    assert_eq!(said(&mut world), 1, "once an hour");
    // It spoils nothing for who is meant.
    let guest = std::slice::from_ref(&offer.envelope);
    world.device("Eva").join(&offer.invitation, guest, "Eva", now_s).unwrap();
    world.settle();
    assert_eq!(world.device("Luz").answers(now_s).unwrap().len(), 1);
}

#[test]
fn a_newcomer_reaches_those_who_were_offline_when_she_came() {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender)]);
    // Ana is away: everything below happens without her.
    let ana = world.people.remove("Ana").unwrap();
    world.admit("Luz", "Eva", Role::Accompanier);
    let now_s = world.now_s;
    let message = world.device("Eva").say("hola", &[], now_s).unwrap();
    world.settle();
    let progress = world.device("Eva").progress(message).unwrap();
    let at_relay =
        |(_, name, reach): &(_, String, Reach)| name == "Ana" && matches!(reach, Reach::AtRelay(_));
    assert!(progress.iter().any(at_relay), "{progress:?}");
    world.people.insert("Ana", ana);
    world.settle();
    assert_eq!(world.person("Ana").texts(), ["hola"]);
    let now_s = world.now_s;
    world.device("Ana").say("bienvenida", &[], now_s).unwrap();
    world.settle();
    assert_eq!(world.person("Eva").texts(), ["bienvenida"]);
}

#[test]
fn more_newcomers_than_spares_are_introduced_when_the_member_comes_back() {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender)]);
    let ana = world.people.remove("Ana").unwrap();
    let newcomers = ["B", "C", "D", "E", "F", "G"];
    for name in newcomers {
        world.admit("Luz", name, Role::Accompanier);
    }
    let now_s = world.now_s;
    for name in newcomers {
        world.device(name).say(name, &[], now_s).unwrap();
    }
    world.settle();
    world.people.insert("Ana", ana);
    world.settle();
    let mut heard = world.person("Ana").texts();
    heard.sort_unstable();
    assert_eq!(heard, newcomers);
}

#[test]
fn two_answers_to_one_invitation_void_it() {
    let mut world = World::circle("Luz", &[]);
    let invitation = world.answer("Luz", "Ana", Role::Defender);
    let now_s = world.now_s;
    // A thief of the link answers too.
    let offer = world.people["Ana"].name;
    assert_eq!(offer, "Ana");
    world.thief("Luz", &invitation);
    world.settle();
    let answers = world.device("Luz").answers(now_s).unwrap();
    assert!(answers.iter().all(|answer| answer.void));
    world.settle();
    let words = answers[0].words.join(" ");
    let approved =
        world.device("Luz").approve(answers[0].invitation, &words, None, None, None, now_s);
    assert!(matches!(approved, Err(DeviceError::Void)), "{approved:?}");
    assert_eq!(world.device("Ana").join_state().unwrap(), JoinState::Void);
    let voided = |what: &What| matches!(what, What::Voided { .. });
    assert!(world.person("Luz").shown.iter().any(|item| voided(&item.what)));
    assert_eq!(world.device("Luz").members().unwrap().len(), 1);
}

#[test]
fn an_answer_does_not_wait_behind_one_to_an_earlier_invitation() {
    let mut world = World::circle("Luz", &[]);
    world.answer("Luz", "Ana", Role::Defender);
    world.office.forget_tokens();
    let now_s = world.now_s;
    world.send("Ana", |_| true);
    assert_eq!(world.device("Ana").next_try_s(now_s).unwrap(), Some(now_s + 2));
    world.answer("Luz", "Ana", Role::Defender);
    assert_eq!(world.device("Ana").next_try_s(now_s).unwrap(), None);
    world.settle();
    let answers = world.device("Luz").answers(now_s).unwrap();
    let names: Vec<&str> = answers.iter().map(|answer| answer.name.as_str()).collect();
    assert_eq!(names, ["Ana"]);
    world.now_s += 3;
    world.settle();
    assert_eq!(world.device("Luz").answers(now_s).unwrap().len(), 1);
}

#[test]
fn wrong_words_let_nobody_in() {
    let mut world = World::circle("Luz", &[]);
    world.answer("Luz", "Ana", Role::Defender);
    world.settle();
    let now_s = world.now_s;
    let answer = world.device("Luz").answers(now_s).unwrap().remove(0);
    world.settle();
    let wrong = "abaco abaco abaco abaco";
    let approved = world.device("Luz").approve(answer.invitation, wrong, None, None, None, now_s);
    assert!(matches!(approved, Err(DeviceError::WordsDiffer)));
    let confirmed = world.device("Ana").confirm_words(wrong, now_s);
    assert!(matches!(confirmed, Err(DeviceError::WordsDiffer)));
    // A coordinator who approves is not enough: the joiner compares too.
    let words = answer.words.join(" ");
    world.device("Luz").approve(answer.invitation, &words, None, None, None, now_s).unwrap();
    world.settle();
    assert!(matches!(world.device("Ana").join_state().unwrap(), JoinState::Compare(_)));
    world.device("Ana").confirm_words(&words, now_s).unwrap();
    assert_eq!(world.device("Ana").join_state().unwrap(), JoinState::In);
}

#[test]
fn only_the_lead_invites() {
    let mut world = World::circle("Luz", &[("Eva", Role::Coordinator)]);
    let now_s = world.now_s;
    let list = velar_protocol::circle::words::WordList::English;
    let roles = velar_protocol::circle::Roles::of(&[Role::Defender]);
    let invited = world.device("Eva").invite(roles, list, now_s);
    assert!(matches!(invited, Err(DeviceError::NotLead)));
}

#[test]
fn an_invitation_is_good_for_two_days() {
    let mut world = World::circle("Luz", &[]);
    world.now_s += 1;
    let late = world.now_s + 49 * 3600;
    let now_s = world.now_s;
    let roles = velar_protocol::circle::Roles::of(&[Role::Defender]);
    let list = velar_protocol::circle::words::WordList::English;
    let offer = world.device("Luz").invite(roles, list, now_s).unwrap();
    let found = [offer.envelope.clone()];
    let joined = world.device("Ana").join(&offer.invitation, &found, "Ana", late);
    assert!(matches!(joined, Err(DeviceError::InvitationExpired)), "{joined:?}");
}

#[test]
fn what_came_before_the_words_were_compared_is_not_lost_nor_said_to_be_received() {
    let mut world = World::circle("Luz", &[]);
    world.answer("Luz", "Ana", Role::Defender);
    world.settle();
    let now_s = world.now_s;
    let answer = world.device("Luz").answers(now_s).unwrap().remove(0);
    world.settle();
    let words = answer.words.join(" ");
    world.device("Luz").approve(answer.invitation, &words, None, None, None, now_s).unwrap();
    let message = world.device("Luz").say("ya estas dentro", &[], now_s).unwrap();
    world.settle();
    let received = |world: &mut World| {
        let progress = world.device("Luz").progress(message).unwrap();
        matches!(progress[0].2, Reach::Received(_))
    };
    assert!(!received(&mut world));
    world.device("Ana").confirm_words(&words, now_s).unwrap();
    world.settle();
    assert_eq!(world.person("Ana").texts(), ["ya estas dentro"]);
    assert!(received(&mut world));
}

#[test]
fn three_who_are_approved_together_reach_each_other_in_whatever_order_they_come() {
    let mut world = World::circle("Luz", &[]);
    let now_s = world.now_s;
    let names = ["Ana", "Eva", "Iris"];
    for name in names {
        world.answer("Luz", name, Role::Accompanier);
        world.settle();
    }
    let answers = world.device("Luz").answers(now_s).unwrap();
    world.settle();
    for name in names {
        let answer = answers.iter().find(|answer| answer.name == name).unwrap();
        let words = answer.words.join(" ");
        world.device("Luz").approve(answer.invitation, &words, None, None, None, now_s).unwrap();
    }
    world.settle();
    for name in ["Iris", "Ana", "Eva"] {
        let words = answers.iter().find(|answer| answer.name == name).unwrap().words.join(" ");
        world.device(name).confirm_words(&words, now_s).unwrap();
        world.settle();
    }
    for name in names {
        let message = world.device(name).say(name, &[], now_s).unwrap();
        world.settle();
        let progress = world.device(name).progress(message).unwrap();
        assert_eq!(progress.len(), 3, "{name}");
        assert!(
            progress.iter().all(|(.., reach)| matches!(reach, Reach::Received(_))),
            "{name}: {progress:?}"
        );
    }
}

#[test]
fn a_newcomer_after_a_season_reaches_those_who_were_online_meanwhile() {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender)]);
    for _ in 0..100 {
        world.now_s += 86_400;
        let now_s = world.now_s;
        for name in ["Luz", "Ana"] {
            world.device(name).tend(true, true, now_s).unwrap();
        }
        world.settle();
    }
    let ana = world.people.remove("Ana").unwrap();
    world.admit("Luz", "Eva", Role::Accompanier);
    let now_s = world.now_s;
    world.device("Eva").say("hola", &[], now_s).unwrap();
    world.settle();
    world.people.insert("Ana", ana);
    world.settle();
    assert_eq!(world.person("Ana").texts(), ["hola"]);
    let tokens = world.device("Ana").homes().unwrap()[0].tokens.len();
    assert!(tokens < 32, "{tokens}");
}

#[test]
fn so_many_invitations_that_the_relay_would_take_no_more_tokens_are_refused_before() {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender)]);
    let (now_s, roles) = (world.now_s, Roles::of(&[Role::Defender]));
    let refused = (0..MAX_TOKENS)
        .find_map(|_| world.device("Luz").invite(roles, WordList::Spanish, now_s).err());
    assert!(matches!(refused, Some(DeviceError::TooManyInvitations)));
    let tokens = world.device("Luz").homes().unwrap()[0].tokens.len();
    assert!(tokens + (MAX_MEMBERS - 2) <= MAX_TOKENS, "{tokens}: room for those who are to come");
    let later = now_s + 17 * 86_400;
    world.device("Luz").tend(true, true, later).unwrap();
    world.device("Luz").invite(roles, WordList::Spanish, later).unwrap();
}

#[test]
fn a_clock_that_was_years_ahead_for_a_day_costs_nobody_their_keys() {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender)]);
    let now_s = world.now_s;
    world.device("Ana").tend(false, true, now_s + 4 * 365 * 86_400).unwrap();
    world.settle();
    world.device("Luz").say("sigues ahi?", &[], now_s).unwrap();
    world.settle();
    world.device("Ana").say("si", &[], now_s).unwrap();
    world.settle();
    assert_eq!(world.person("Ana").texts(), ["sigues ahi?"]);
    assert_eq!(world.person("Luz").texts(), ["si"]);
}
