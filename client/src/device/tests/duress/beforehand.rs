//! What was sealed beforehand says nothing of a passphrase; nothing else may say nothing.

use velar_protocol::circle::{AlertEvent, AlertId, Body, EventKind, Message, Reason, Role};
use velar_protocol::seal::{Day, MemberId, MessageId, Voice};

use super::{OTHERS, check_in, circle, only, open, reasons, under_duress};
use crate::device::Turn;
use crate::device::sealing::Post;
use crate::device::tests::office::{START_S, World, arrived};
use crate::kit::{self, KitFile, KitRecord, Renew, VoicedBook};
use crate::outbox::Class;
use crate::records::{EarlyKind, KitKind, PartsKind, Peer, PeerKind, Seen, SeenMessageKind};

/// Something that Ana's device says to somebody.
type Say = fn(&mut Turn<'_>, MemberId);

/// What this device says meanwhile says no voice, as a modified program might.
fn without_voice(world: &mut World, name: &'static str, say: impl FnOnce(&mut Turn<'_>)) {
    let now_s = world.now_s;
    let with = |turn: &mut Turn<'_>| {
        turn.voice = Voice::NONE;
        say(turn);
        Ok(())
    };
    world.device(name).write(now_s, with).unwrap();
}

/// The voice by which a member is known on this device.
fn known_voice(world: &mut World, name: &'static str, of: MemberId) -> Option<[u8; 16]> {
    let peer = world.device(name).vault.read(|tx| tx.get::<PeerKind>(&of.0)).unwrap();
    peer.and_then(|peer| peer.voice)
}

fn keep_kit(world: &mut World) {
    let now_s = world.now_s;
    kit::keep(world.device("Ana"), Renew::All, now_s).unwrap();
}

/// Ana's kit is posted, by whoever holds it.
fn post_kit(world: &mut World) {
    let now_s = world.now_s;
    let taken = KitFile::of(world.device("Ana").folder()).take(now_s).unwrap();
    for one in &taken.generation.envelopes {
        for way in &one.ways {
            world.office.send(way.token.hash(), one.envelope.clone());
        }
    }
    for name in OTHERS {
        world.receive(name);
    }
}

#[test]
fn a_kit_is_no_sign_of_duress_whichever_passphrase_it_was_made_under() {
    for second in [false, true] {
        let mut world = circle();
        check_in(&mut world, "Ana");
        world.settle();
        world.person("Ana").reopen(second);
        keep_kit(&mut world);
        post_kit(&mut world);
        for name in OTHERS {
            assert_eq!(reasons(&only(&mut world, name)), [Reason::Panic], "{name}");
        }
        // What is said after it, live, says who said it.
        check_in(&mut world, "Ana");
        world.settle();
        for name in OTHERS {
            assert_eq!(only(&mut world, name).alert.duress, second, "{name}");
        }
    }
}

#[test]
fn a_hold_is_no_sign_of_duress_whichever_passphrase_it_was_made_under() {
    for second in [false, true] {
        let mut world = circle();
        // The check-in itself is seen by nobody but the relay, which holds what it left.
        world.person("Ana").reopen(second);
        check_in(&mut world, "Ana");
        world.send("Ana", |_| true);
        world.send("Ana", |_| true);
        for name in OTHERS {
            world.meddle(name, |waiting| waiting.clear());
        }
        world.now_s += 3 * 3600;
        let now_s = world.now_s;
        world.office.release(now_s);
        for name in OTHERS {
            world.receive(name);
            let seen = reasons(&only(&mut world, name));
            assert!(matches!(seen[..], [Reason::Released { .. }]), "{name}: {seen:?}");
        }
    }
}

#[test]
fn nobody_is_known_by_no_voice() {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender)]);
    let ana = world.person("Ana").member();
    keep_kit(&mut world);
    // As if this alarm were the first that is ever heard of her.
    let forget = |turn: &mut Turn<'_>| {
        let peer = Peer { voice: None, ..turn.peer(ana)? };
        turn.set_peer(ana, &peer)
    };
    world.device("Luz").write(1, forget).unwrap();
    let now_s = world.now_s;
    let taken = KitFile::of(world.device("Ana").folder()).take(now_s).unwrap();
    let one = &taken.generation.envelopes[0];
    world.office.send(one.ways[0].token.hash(), one.envelope.clone());
    world.receive("Luz");
    assert_eq!(reasons(&only(&mut world, "Luz")), [Reason::Panic]);
    assert_eq!(known_voice(&mut world, "Luz", ana), None);
    check_in(&mut world, "Ana");
    world.settle();
    assert_eq!(known_voice(&mut world, "Luz", ana), Some(world.device("Ana").vault.voice()));
    assert_eq!(reasons(&only(&mut world, "Luz")), [Reason::Panic]);
}

/// Whether Luz takes what Ana's device says to her without a voice for duress.
fn is_duress(say: Say, known: bool) -> bool {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender)]);
    check_in(&mut world, "Ana");
    world.settle();
    let (ana, luz) = (world.person("Ana").member(), world.person("Luz").member());
    let forget = |turn: &mut Turn<'_>| {
        let peer = Peer { voice: None, ..turn.peer(ana)? };
        turn.set_peer(ana, &peer)
    };
    if !known {
        world.device("Luz").write(1, forget).unwrap();
    }
    without_voice(&mut world, "Ana", |turn| say(turn, luz));
    world.settle();
    assert_ne!(known_voice(&mut world, "Luz", ana), Some([0; 16]));
    open(&mut world, "Luz").iter().any(|view| view.alert.duress)
}

fn raised(turn: &mut Turn<'_>, at_s: u64, drill: bool, about: MemberId) -> AlertEvent {
    let kind = EventKind::raised(Reason::Panic, about, drill, String::new());
    let alert = AlertId::draw(about, turn.random());
    AlertEvent { alert, salt: turn.random(), author: turn.me(), at_s, kind }
}

/// Sends a message as it is, with so many prekeys.
fn send(turn: &mut Turn<'_>, to: MemberId, sent_at_s: u64, body: Body, prekeys: u8) {
    let message = Message { sent_at_s, kit: 1, marks: Vec::new(), body };
    let bytes = message.encode().unwrap();
    // A stock that is full brings nothing along by itself.
    let peer = Peer { outstanding: 1000, ..turn.peer(to).unwrap() };
    turn.set_peer(to, &peer).unwrap();
    let post = Post { prekeys, ..Post::of(Class::Alert) };
    let id = MessageId(turn.random());
    turn.queue(id, to, bytes, &post).unwrap();
}

fn talk(turn: &mut Turn<'_>, to: MemberId) {
    send(turn, to, START_S, Body::Say { text: "todo bien".into() }, 0);
}

fn undated_talk(turn: &mut Turn<'_>, to: MemberId) {
    send(turn, to, 0, Body::Say { text: "todo bien".into() }, 0);
}

fn long_talk(turn: &mut Turn<'_>, to: MemberId) {
    send(turn, to, 0, Body::Say { text: "todo bien".repeat(900) }, 0);
}

fn receipt(turn: &mut Turn<'_>, to: MemberId) {
    let messages = vec![MessageId([9; 16])];
    send(turn, to, 0, Body::Receipt { messages, watching_until_s: None }, 0);
}

fn note(turn: &mut Turn<'_>, to: MemberId) {
    let kind = EventKind::Note { text: "todo bien".into() };
    let event = AlertEvent { kind, ..raised(turn, 0, false, turn.me()) };
    send(turn, to, 0, Body::Alert(event), 0);
}

fn alarm_said_now(turn: &mut Turn<'_>, to: MemberId) {
    let event = raised(turn, START_S, false, turn.me());
    send(turn, to, START_S, Body::Alert(event), 0);
}

fn drill(turn: &mut Turn<'_>, to: MemberId) {
    let event = raised(turn, 0, true, turn.me());
    send(turn, to, 0, Body::Alert(event), 0);
}

fn alarm_about_another(turn: &mut Turn<'_>, to: MemberId) {
    let event = raised(turn, 0, false, to);
    send(turn, to, 0, Body::Alert(event), 0);
}

/// With prekeys that whoever made it chose.
fn alarm_with_prekeys(turn: &mut Turn<'_>, to: MemberId) {
    let event = raised(turn, 0, false, turn.me());
    send(turn, to, 0, Body::Alert(event), 1);
}

fn alarm_of_a_kit(turn: &mut Turn<'_>, to: MemberId) {
    let event = raised(turn, 0, false, turn.me());
    send(turn, to, 0, Body::Alert(event), 0);
}

#[test]
fn no_voice_in_what_was_not_sealed_beforehand_is_duress() {
    let all: [Say; 9] = [
        talk,
        undated_talk,
        long_talk,
        receipt,
        note,
        alarm_said_now,
        drill,
        alarm_about_another,
        alarm_with_prekeys,
    ];
    for (case, say) in all.into_iter().enumerate() {
        assert!(is_duress(say, true), "{case}");
    }
    assert!(is_duress(talk, false), "nobody is known by it");
    assert!(is_duress(long_talk, false), "nor by that of a part");
    assert!(!is_duress(alarm_of_a_kit, true) && !is_duress(alarm_of_a_kit, false));
}

#[test]
fn no_voice_ends_nothing_that_duress_has_opened() {
    let mut world = under_duress();
    let now_s = world.now_s;
    let alert = only(&mut world, "Luz").alert.id;
    let to = OTHERS.map(|name| world.person(name).member());
    world.device("Luz").close(alert, "está libre", now_s).unwrap();
    world.settle();
    without_voice(&mut world, "Ana", |turn| to.iter().for_each(|to| talk(turn, *to)));
    world.settle();
    for name in OTHERS {
        assert!(
            only(&mut world, name).alert.duress,
            "{name}: it is another reason, not her return"
        );
    }
}

#[test]
fn the_alarm_of_a_kit_counts_after_a_removal_and_says_nothing_of_duress() {
    let mut world = circle();
    check_in(&mut world, "Ana");
    world.settle();
    keep_kit(&mut world);
    let ana = world.person("Ana").member();
    let now_s = world.now_s;
    let kit = KitFile::of(world.device("Ana").folder()).take(now_s).unwrap();
    world.device("Luz").remove_member(ana, now_s).unwrap();
    world.carry("Luz");
    world.carry("Eva");
    // Her tokens are refused from now on; a relay may take it all the same.
    let envelopes: Vec<_> =
        kit.generation.envelopes.iter().map(|one| arrived(one.envelope.clone())).collect();
    for name in OTHERS {
        world.device(name).receive(&envelopes, now_s).unwrap();
        assert_eq!(reasons(&only(&mut world, name)), [Reason::Panic], "{name}");
    }
}

#[test]
fn the_alarm_of_a_kit_that_waits_for_a_roster_says_nothing_of_duress() {
    let mut world = World::circle("Luz", &[]);
    world.answer("Luz", "Ana", Role::Defender);
    world.settle();
    let now_s = world.now_s;
    let answer = world.device("Luz").answers(now_s).unwrap().remove(0);
    world.settle();
    let words = answer.words.join(" ");
    world.device("Luz").approve(answer.invitation, &words, None, None, None, now_s).unwrap();
    // As the kit would bring it, if there were a prekey left for it.
    let ana = world.person("Ana").member();
    without_voice(&mut world, "Luz", |turn| alarm_of_a_kit(turn, ana));
    world.send("Luz", |_| true);
    world.receive("Ana");
    let early = world.device("Ana").vault.read(|tx| tx.list::<EarlyKind>()).unwrap();
    assert!(early.iter().any(|(_, early)| early.voices == [Voice::NONE].into()), "it waits");
    world.device("Ana").confirm_words(&words, now_s).unwrap();
    world.settle();
    assert_eq!(reasons(&only(&mut world, "Ana")), [Reason::Panic]);
}

#[test]
fn no_voice_of_another_device_of_the_same_person_is_kept() {
    let mut world = circle();
    let ana = world.person("Ana").member();
    world.admit_device("Luz", "Ana 2", Role::Defender, Some(ana));
    let other = world.person("Ana 2").member();
    // As a vault of before had it.
    let known = |turn: &mut Turn<'_>| {
        let peer = Peer { voice: Some([5; 16]), ..turn.peer(other)? };
        turn.set_peer(other, &peer)
    };
    let now_s = world.now_s;
    world.device("Ana").write(now_s, known).unwrap();
    check_in(&mut world, "Ana 2");
    world.settle();
    assert_eq!(known_voice(&mut world, "Ana", other), None);
    // Nor with a message of which only a part has come.
    let (now_s, voice) = (world.now_s, world.device("Ana 2").vault.voice());
    world.device("Ana 2").say(&"x".repeat(9_000), &[], now_s).unwrap();
    world.send("Ana 2", |_| true);
    world.meddle("Ana", |waiting| waiting.truncate(1));
    world.receive("Ana");
    let parts = world.device("Ana").vault.read(|tx| tx.list::<PartsKind>()).unwrap();
    let bytes = bincode::serde::encode_to_vec(&parts[0].1, bincode::config::standard()).unwrap();
    assert!(!bytes.windows(16).any(|at| at == voice));
    assert!(known_voice(&mut world, "Luz", other).is_some());
}

#[test]
fn voices_that_a_vault_kept_before_go() {
    let mut world = circle();
    check_in(&mut world, "Ana");
    world.settle();
    keep_kit(&mut world);
    let now_s = world.now_s;
    let kit = |world: &mut World| {
        world.device("Ana").vault.read(|tx| tx.get::<KitKind>(&[])).unwrap().unwrap()
    };
    keep_kit(&mut world);
    let KitRecord::Book(book) = kit(&mut world) else { panic!("no book") };
    let voiced = VoicedBook::of(book.clone(), Voice([7; 16]));
    let before = |turn: &mut Turn<'_>| {
        turn.tx.put::<KitKind>(&[], &KitRecord::Voiced(voiced))?;
        let seen = Seen { voices: [Voice([7; 16])].into(), ..Seen::on(Day::of_unix(now_s)) };
        Ok(turn.tx.put::<SeenMessageKind>(b"a message", &seen)?)
    };
    world.device("Ana").write(now_s, before).unwrap();
    let before = KitFile::of(world.device("Ana").folder()).bytes().unwrap();
    kit::keep(world.device("Ana"), Renew::Nothing, now_s).unwrap();
    assert!(kit(&mut world) == KitRecord::Book(book), "the same generations");
    assert_eq!(KitFile::of(world.device("Ana").folder()).bytes().unwrap(), before);
    world.device("Ana").tend(true, true, now_s + 86_400).unwrap();
    let seen = world.device("Ana").vault.read(|tx| tx.list::<SeenMessageKind>()).unwrap();
    assert!(!seen.is_empty() && seen.iter().all(|(_, seen)| seen.voices.is_empty()));
}
