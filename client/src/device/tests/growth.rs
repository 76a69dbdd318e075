//! What whoever sends what opens can leave in a vault: a share, and no alarm is lost by it.

use velar_protocol::circle::{AlertEvent, AlertId, Body, EventKind, Reason, Role};
use velar_protocol::seal::{Day, MemberId};

use super::office::World;
use crate::device::Turn;
use crate::device::sealing::Post;
use crate::outbox::Class;
use crate::records::{
    Item, ItemKind, PeerKind, RememberedKind, SeenEnvelopeKind, SeenMessageKind, What,
};
use crate::tallies::{Remembered, SEEN_OF_MEMBER, SEEN_OF_STRANGERS};

fn trio() -> World {
    World::circle("Luz", &[("Ana", Role::Defender), ("Eva", Role::Accompanier)])
}

/// What Luz keeps of envelopes and messages that she has seen, and how many records in all.
fn seen(world: &mut World) -> [u64; 3] {
    let vault = &mut world.device("Luz").vault;
    let count = |tx: &crate::vault::Tx<'_>| {
        let [envelopes, messages] =
            [tx.count::<SeenEnvelopeKind>()?, tx.count::<SeenMessageKind>()?];
        Ok::<_, crate::vault::VaultError>([envelopes, messages, tx.count::<ItemKind>()?])
    };
    vault.read(count).unwrap()
}

/// Says so much to Luz, by the key that she has given to everybody.
fn talk(world: &mut World, from: &'static str, count: u64) {
    let (now_s, luz) = (world.now_s, world.person("Luz").member());
    for n in 0..count {
        let presence = Body::Presence { watching_until_s: n, ask: false };
        let post = Post::of(Class::Question).without_receipt();
        world.device(from).write(now_s, |turn| turn.tell(&[luz], presence, &post)).unwrap();
    }
    world.send(from, |_| true);
    world.receive("Luz");
}

/// As if Luz had remembered so many of somebody's envelopes.
fn remember(world: &mut World, of: MemberId, count: u32) {
    let (now_s, today) = (world.now_s, Day::of_unix(world.now_s));
    let put = |turn: &mut Turn<'_>| {
        let mut remembered = Remembered::default();
        (0..count).for_each(|_| assert!(remembered.add(today, count)));
        Ok(turn.tx.put::<RememberedKind>(&of.0, &remembered)?)
    };
    world.device("Luz").write(now_s, put).unwrap();
}

#[test]
fn who_answers_an_invitation_fills_nobodys_vault() {
    let mut world = trio();
    world.answer("Luz", "Inés", Role::Accompanier);
    world.settle();
    let before = seen(&mut world);
    for _ in 0..2 {
        talk(&mut world, "Inés", 300);
    }
    let after = seen(&mut world);
    let grown = [0, 1].map(|kind| after[kind] - before[kind]);
    assert!(grown.iter().all(|rows| *rows <= u64::from(SEEN_OF_STRANGERS)), "{grown:?}");
    assert_eq!(after[2], before[2] + 1, "that many came by the invitation is said");
    // She can be let in all the same.
    let now_s = world.now_s;
    let answer = world.device("Luz").answers(now_s).unwrap().remove(0);
    let words = answer.words.join(" ");
    let id = answer.invitation;
    world.device("Luz").approve(id, &words, None, None, None, now_s).unwrap();
}

#[test]
fn of_one_member_so_much_is_remembered_and_beyond_that_alarms_count() {
    let mut world = trio();
    let ana = world.person("Ana").member();
    let (now_s, luz) = (world.now_s, world.person("Luz").member());
    world.settle();
    remember(&mut world, ana, SEEN_OF_MEMBER - 2);
    talk(&mut world, "Ana", 2);
    let before = seen(&mut world);
    let heard = |world: &mut World| {
        let peer = world.device("Luz").vault.read(|tx| tx.get::<PeerKind>(&ana.0));
        peer.unwrap().unwrap().heard_s
    };
    let known = heard(&mut world);
    world.now_s += 600;
    talk(&mut world, "Ana", 20);
    let after = seen(&mut world);
    assert_eq!((after[0], after[1]), (before[0], before[1]));
    assert_eq!(heard(&mut world), known, "a replay of it would be no sign of life");
    let said = |item: &&Item| item.from == Some(ana) && matches!(item.what, What::Unopened { .. });
    assert_eq!(world.person("Luz").shown.iter().filter(said).count(), 1);
    // Nobody else's room, and no alarm.
    talk(&mut world, "Eva", 1);
    assert_eq!(seen(&mut world)[0], before[0] + 1);
    let alarm = EventKind::raised(Reason::Panic, ana, false, "ayuda".to_owned());
    let event = AlertEvent {
        alert: AlertId::draw(ana, [4; 8]),
        salt: [5; 8],
        author: ana,
        at_s: now_s,
        kind: alarm,
    };
    for _ in 0..2 {
        let post = Post::of(Class::Question);
        let said = Body::Alert(event.clone());
        world.device("Ana").write(now_s, |turn| turn.tell(&[luz], said, &post)).unwrap();
        world.send("Ana", |_| true);
        world.receive("Luz");
    }
    let alerts = world.device("Luz").alerts(true, now_s).unwrap();
    assert_eq!((alerts.len(), alerts[0].events.len()), (1, 1));
    assert_eq!(seen(&mut world)[1], before[1] + 1, "Eva's");
    // Nor is it missed that she is made to speak.
    world.person("Ana").reopen(true);
    talk(&mut world, "Ana", 1);
    assert!(world.device("Luz").alerts(true, now_s).unwrap()[0].alert.duress);
    // In time there is room again.
    world.now_s += 77 * 86_400;
    let now_s = world.now_s;
    world.device("Luz").tend(true, true, now_s).unwrap();
    let now_s = world.now_s;
    let left = world.device("Luz").read(now_s, |turn| Ok(turn.tx.get::<RememberedKind>(&ana.0)?));
    assert!(left.unwrap().is_none());
}
