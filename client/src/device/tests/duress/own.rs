//! No voice of another device of the same person's stays in a vault, whenever it turns out to be one.

use velar_protocol::circle::{Body, Role};

use super::circle;
use crate::device::sealing::Post;
use crate::device::tests::newer::say_newer;
use crate::device::tests::office::World;
use crate::device::{JoinState, Turn};
use crate::outbox::Class;
use crate::records::all_of;
use crate::vault::VaultError;

/// The kinds of records in which the vault of `at` keeps the voice of `of`.
fn kept(world: &mut World, at: &'static str, of: &'static str) -> Vec<&'static str> {
    let voice = world.device(of).vault.voice();
    let all = world.device(at).vault.read(|tx| Ok::<_, VaultError>(all_of(tx))).unwrap();
    let has = |bytes: &[u8]| bytes.windows(voice.len()).any(|at| at == voice);
    all.into_iter().filter(|(.., bytes)| has(bytes)).map(|(kind, ..)| kind).collect()
}

fn talk(text: &str) -> Body {
    Body::Say { text: text.to_owned() }
}

#[test]
fn who_is_let_in_as_the_same_person_leaves_none() {
    let mut world = circle();
    let (luz, now_s) = (world.person("Luz").member(), world.now_s);
    world.answer("Luz", "Luz 2", Role::Accompanier);
    world.settle();
    let answer = world.device("Luz").answers(now_s).unwrap().remove(0);
    world.settle();
    assert_eq!(kept(&mut world, "Luz", "Luz 2"), ["member"], "anybody's");
    assert_eq!(kept(&mut world, "Luz 2", "Luz"), ["member"], "anybody's");
    let words = answer.words.join(" ");
    world.device("Luz").approve(answer.invitation, &words, Some(luz), None, None, now_s).unwrap();
    assert_eq!(kept(&mut world, "Luz", "Luz 2"), [""; 0]);
    // The welcome waits until the words are confirmed.
    world.settle();
    world.device("Luz 2").confirm_words(&words, now_s).unwrap();
    assert_eq!(world.device("Luz 2").join_state().unwrap(), JoinState::In);
    assert_eq!(kept(&mut world, "Luz 2", "Luz"), [""; 0]);
}

#[test]
fn what_came_of_it_before_leaves_none() {
    let mut world = circle();
    let (luz, now_s) = (world.person("Luz").member(), world.now_s);
    world.answer("Luz", "Luz 2", Role::Accompanier);
    world.settle();
    let answer = world.device("Luz").answers(now_s).unwrap().remove(0);
    world.settle();
    say_newer(&mut world, "Luz 2", "Luz", talk("hola"), &Post::of(Class::Talk));
    let long = talk(&"x".repeat(9_000));
    let tell = |turn: &mut Turn<'_>| turn.tell(&[luz], long, &Post::of(Class::Talk));
    world.device("Luz 2").write(now_s, tell).unwrap();
    world.send("Luz 2", |_| true);
    world.meddle("Luz", |waiting| waiting.truncate(2));
    world.receive("Luz");
    let mut before = kept(&mut world, "Luz", "Luz 2");
    before.sort_unstable();
    assert_eq!(before, ["member", "parts", "text of a newer version"]);
    let words = answer.words.join(" ");
    world.device("Luz").approve(answer.invitation, &words, Some(luz), None, None, now_s).unwrap();
    assert_eq!(kept(&mut world, "Luz", "Luz 2"), [""; 0]);
}

#[test]
fn a_removed_one_leaves_none() {
    let mut world = circle();
    let ana = world.person("Ana").member();
    world.admit_device("Luz", "Ana 2", Role::Defender, Some(ana));
    let (other, now_s) = (world.person("Ana 2").member(), world.now_s);
    say_newer(&mut world, "Ana 2", "Ana", talk("hola"), &Post::of(Class::Talk));
    world.send("Ana 2", |_| true);
    world.device("Luz").remove_member(other, now_s).unwrap();
    world.send("Luz", |_| true);
    // The removal comes first.
    world.meddle("Ana", |waiting| waiting.make_contiguous().reverse());
    world.receive("Ana");
    assert_eq!(kept(&mut world, "Ana", "Ana 2"), [""; 0]);
    assert_eq!(world.device("Ana").newer().unwrap().messages.get(&Some(other)), Some(&1));
}
