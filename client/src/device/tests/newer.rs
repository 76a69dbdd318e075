//! What devices of a version to come say, to devices of this one.

use velar_protocol::circle::{
    AlertEvent, AlertId, Body, CheckIn, EventKind, Extension, Extensions, Message, MessageError,
    Reason, Role, Roles, WordList,
};
use velar_protocol::seal::{MemberId, MessageId, Voice, Whole};
use velar_protocol::wire::{Envelope, RelayAddress, TokenMark};

use super::office::{World, relay};
use crate::device::sealing::Post;
use crate::device::{Arrived, CheckInSaid, DeviceError, NewerView, Reach, Turn};
use crate::inbox::Complete;
use crate::outbox::Class;
use crate::records::{
    Holder, Item, NewerBodyKind, NewerBytesKind, NewerEnvelopeKind, NewerMessageKind, Peer, What,
};

fn circle() -> World {
    World::circle("Luz", &[("Ana", Role::Defender), ("Eva", Role::Accompanier)])
}

fn fields() -> Extensions {
    Extensions::new(vec![Extension { tag: 40, bytes: vec![1, 2, 3] }]).unwrap()
}

fn tell(world: &mut World, from: &'static str, to: &'static str, body: Body) {
    let (now_s, to) = (world.now_s, world.person(to).member());
    let post = Post::of(Class::Alert);
    world.device(from).write(now_s, |turn| turn.tell(&[to], body, &post)).unwrap();
}

#[test]
fn an_alarm_is_passed_on_with_what_this_version_does_not_know() {
    let mut world = circle();
    let ana = world.person("Ana").member();
    let alert = AlertId::draw(ana, [4; 8]);
    let kind = EventKind::Raised {
        reason: Reason::Panic,
        subject: ana,
        drill: false,
        text: "ayuda".to_owned(),
        extensions: fields(),
    };
    let event = AlertEvent { alert, salt: [5; 8], author: ana, at_s: world.now_s, kind };
    tell(&mut world, "Ana", "Luz", Body::Alert(event.clone()));
    world.settle();
    let (now_s, eva) = (world.now_s, world.person("Eva").member());
    assert!(world.device("Luz").alerts(true, now_s).unwrap()[0].alert.is_open());
    let events_at = |world: &mut World, name| {
        let heard = world.device(name).read(now_s, |turn| turn.events_of(alert)).unwrap();
        heard.into_iter().map(|heard| heard.event().clone()).collect::<Vec<_>>()
    };
    assert_eq!(events_at(&mut world, "Luz"), std::slice::from_ref(&event));
    assert_eq!(events_at(&mut world, "Eva"), []);
    let pass_on = |world: &mut World| {
        world.device("Luz").write(now_s, |turn| {
            let events = turn.events_of(alert)?;
            turn.pass_on(eva, &events)
        })
    };
    pass_on(&mut world).unwrap();
    world.settle();
    assert_eq!(events_at(&mut world, "Eva"), [event]);
}

#[test]
fn a_check_in_counts_whatever_else_it_says() {
    let mut world = circle();
    let now_s = world.now_s;
    let said = CheckInSaid { next_min: 30, ..CheckInSaid::default() };
    let (_, first) = world.device("Ana").check_in(said, now_s).unwrap();
    world.settle();
    let next = CheckIn { counter: first.counter + 1, extensions: fields(), ..first };
    tell(&mut world, "Ana", "Luz", Body::CheckIn(next.clone()));
    world.settle();
    let ana = world.person("Ana").member();
    let members = world.device("Luz").members().unwrap();
    let view = members.into_iter().find(|member| member.member == ana).unwrap();
    assert_eq!(view.check_in.unwrap().0, next);
}

/// Says it in the version after this one.
pub(super) fn say_newer(
    world: &mut World,
    from: &'static str,
    to: &'static str,
    body: Body,
    post: &Post,
) -> MessageId {
    let (now_s, to) = (world.now_s, world.person(to).member());
    let said = world.device(from).write(now_s, |turn| {
        let id = MessageId(turn.random());
        say_newer_as(turn, id, to, body, post)?;
        Ok(id)
    });
    said.unwrap()
}

fn say_newer_as(
    turn: &mut Turn<'_>,
    id: MessageId,
    to: MemberId,
    body: Body,
    post: &Post,
) -> Result<(), DeviceError> {
    let message = Message { sent_at_s: turn.now_s, kit: 0, marks: Vec::new(), body };
    let mut bytes = message.encode()?;
    bytes[0] += 1;
    turn.queue(id, to, bytes, post)
}

fn panic_of(world: &mut World, name: &'static str) -> (AlertId, Body) {
    let author = world.person(name).member();
    let alert = AlertId::draw(author, [4; 8]);
    let kind = EventKind::raised(Reason::Panic, author, false, "ayuda".to_owned());
    let event = AlertEvent { alert, salt: [5; 8], author, at_s: world.now_s, kind };
    (alert, Body::Alert(event))
}

fn talk(text: &str) -> Body {
    Body::Say { text: text.to_owned() }
}

/// Turns what is kept into what an older program would have kept of this version: this program is then the newer one.
fn upgrade(world: &mut World, name: &'static str) {
    let now_s = world.now_s;
    let done = world.device(name).write(now_s, |turn| {
        for (_, mut kept) in turn.tx.list::<NewerMessageKind>()? {
            let mut body = turn.tx.get::<NewerBodyKind>(&kept.key())?.unwrap();
            kept.version -= 1;
            body.whole.body[0] -= 1;
            turn.tx.put::<NewerMessageKind>(&kept.key(), &kept)?;
            turn.tx.put::<NewerBodyKind>(&kept.key(), &body)?;
        }
        for (_, mut kept) in turn.tx.list::<NewerEnvelopeKind>()? {
            let mut bytes = turn.tx.get::<NewerBytesKind>(&kept.digest)?.unwrap();
            turn.forget_newer_envelope(&kept.digest)?;
            kept.version -= 1;
            bytes[0] -= 1;
            kept.digest = Envelope::new(bytes.clone()).unwrap().digest().0;
            turn.tx.put::<NewerEnvelopeKind>(&kept.digest, &kept)?;
            turn.tx.put::<NewerBytesKind>(&kept.digest, &bytes)?;
        }
        Ok(())
    });
    done.unwrap();
    world.person(name).reopen(false);
    world.device(name).read_newer(now_s).unwrap();
}

fn kept(world: &mut World, name: &'static str) -> (usize, usize) {
    let NewerView { messages, envelopes } = world.device(name).newer().unwrap();
    (messages.values().sum(), envelopes)
}

fn shown(world: &mut World, name: &'static str, what: impl Fn(&What) -> bool) -> usize {
    world.receive(name);
    world.person(name).shown.iter().filter(|item: &&Item| what(&item.what)).count()
}

fn said_newer(what: &What) -> bool {
    matches!(what, What::Newer { version: 2 })
}

#[test]
fn an_alarm_of_a_newer_version_is_kept_said_and_read_after_the_upgrade() {
    let mut world = circle();
    let (alert, body) = panic_of(&mut world, "Ana");
    let message = say_newer(&mut world, "Ana", "Luz", body, &Post::of(Class::Alert).told());
    world.settle();
    let (now_s, ana) = (world.now_s, world.person("Ana").member());
    let reach = |world: &mut World| world.device("Ana").progress(message).unwrap()[0].2.clone();
    assert_eq!(shown(&mut world, "Luz", said_newer), 1);
    assert_eq!(world.person("Luz").shown.last().unwrap().from, Some(ana));
    assert!(matches!(reach(&mut world), Reach::AtRelay(_)), "it is not receipted");
    // Not by any restart, nor by a program that is as old.
    for _ in 0..2 {
        world.person("Luz").reopen(false);
        world.device("Luz").read_newer(now_s).unwrap();
        world.settle();
        let view = world.device("Luz").newer().unwrap();
        assert_eq!(view, NewerView { messages: [(Some(ana), 1)].into(), envelopes: 0 });
    }
    assert!(world.device("Luz").alerts(true, now_s).unwrap().is_empty());

    upgrade(&mut world, "Luz");
    let alerts = world.device("Luz").alerts(true, now_s).unwrap();
    assert!(alerts[0].alert.id == alert && alerts[0].alert.is_open());
    assert_eq!(kept(&mut world, "Luz"), (0, 0));
    world.settle();
    assert!(matches!(reach(&mut world), Reach::Received(_)));
    assert_eq!(shown(&mut world, "Luz", said_newer), 1);
}

/// Ana's device says it to Luz in the next version and without a voice, as a kit does. What Luz is told before and after
/// her program is of that version too: whether Ana is under duress.
fn under_duress(body: impl Fn(MemberId) -> Body, sent_at_s: u64) -> [bool; 2] {
    let mut world = circle();
    world.device("Ana").check_in(CheckInSaid::default(), 1).unwrap();
    world.settle();
    let (now_s, ana, luz) =
        (world.now_s, world.person("Ana").member(), world.person("Luz").member());
    let said = world.device("Ana").write(now_s, |turn| {
        turn.voice = Voice::NONE;
        // A stock that is full brings nothing along by itself.
        let peer = Peer { outstanding: 1000, ..turn.peer(luz)? };
        turn.set_peer(luz, &peer)?;
        let message = Message { sent_at_s, kit: 1, marks: Vec::new(), body: body(ana) };
        let mut bytes = message.encode()?;
        bytes[0] += 1;
        let id = MessageId(turn.random());
        turn.queue(id, luz, bytes, &Post { prekeys: 0, ..Post::of(Class::Alert) })
    });
    said.unwrap();
    world.settle();
    assert_eq!(shown(&mut world, "Luz", said_newer), 1);
    let duress = |world: &mut World| {
        let alerts = world.device("Luz").alerts(true, now_s).unwrap();
        alerts.iter().any(|view| view.alert.duress)
    };
    let before = duress(&mut world);
    upgrade(&mut world, "Luz");
    [before, duress(&mut world)]
}

#[test]
fn an_alarm_of_a_newer_kit_is_no_sign_of_duress() {
    let alarm = |ana| {
        let kind = EventKind::raised(Reason::Panic, ana, false, String::new());
        let alert = AlertId::draw(ana, [4; 8]);
        Body::Alert(AlertEvent { alert, salt: [5; 8], author: ana, at_s: 0, kind })
    };
    assert_eq!(under_duress(alarm, 0), [false, false]);
}

#[test]
fn what_is_said_in_a_newer_version_without_a_voice_is_judged_once_it_can_be_read() {
    assert_eq!(under_duress(|_| talk("todo bien"), 7), [false, true]);
}

#[test]
fn what_a_relay_released_in_a_newer_version_is_no_sign_of_life() {
    let mut world = circle();
    let (now_s, ana) = (world.now_s, world.person("Ana").member());
    world.device("Ana").check_in(CheckInSaid::default(), now_s).unwrap();
    world.settle();
    let reason = Reason::Released { check_in: 1 };
    let kind = EventKind::raised(reason, ana, false, String::new());
    let alert = AlertId::draw(ana, [4; 8]);
    let body = Body::Alert(AlertEvent { alert, salt: [5; 8], author: ana, at_s: 0, kind });
    let luz = world.person("Luz").member();
    let said = world.device("Ana").write(now_s, |turn| {
        let message = Message { sent_at_s: 0, kit: 0, marks: Vec::new(), body };
        let mut bytes = message.encode()?;
        bytes[0] += 1;
        let id = MessageId(turn.random());
        turn.queue(id, luz, bytes, &Post::of(Class::Alert))
    });
    said.unwrap();
    world.settle();
    let heard_s =
        |world: &mut World| world.device("Luz").read(now_s, |turn| turn.peer(ana)).unwrap().heard_s;
    let before = heard_s(&mut world);
    world.now_s += 60;
    upgrade(&mut world, "Luz");
    let alerts = world.device("Luz").alerts(true, now_s).unwrap();
    assert!(alerts.iter().any(|view| view.alert.id == alert));
    assert_eq!(heard_s(&mut world), before);
}

#[test]
fn a_long_message_of_a_newer_version_is_read_whole() {
    let mut world = circle();
    let text = "x".repeat(9_000);
    say_newer(&mut world, "Ana", "Luz", talk(&text), &Post::of(Class::Talk));
    world.settle();
    assert_eq!(kept(&mut world, "Luz"), (1, 0));
    upgrade(&mut world, "Luz");
    world.settle();
    assert_eq!(world.person("Luz").texts(), [text]);
}

#[test]
fn a_message_that_is_sealed_again_is_kept_once_and_said_once() {
    let mut world = circle();
    let (now_s, luz) = (world.now_s, world.person("Luz").member());
    for _ in 0..3 {
        let again = world.device("Ana").write(now_s, |turn| {
            say_newer_as(turn, MessageId([9; 16]), luz, talk("hola"), &Post::of(Class::Talk))
        });
        again.unwrap();
        world.settle();
    }
    assert_eq!(kept(&mut world, "Luz"), (1, 0));
    assert_eq!(shown(&mut world, "Luz", said_newer), 1);
    // Another one is said again, but not at once.
    say_newer(&mut world, "Ana", "Luz", talk("otra"), &Post::of(Class::Talk));
    world.settle();
    assert_eq!((kept(&mut world, "Luz").0, shown(&mut world, "Luz", said_newer)), (2, 1));
    world.now_s += 600;
    say_newer(&mut world, "Ana", "Luz", talk("y otra"), &Post::of(Class::Talk));
    world.settle();
    assert_eq!((kept(&mut world, "Luz").0, shown(&mut world, "Luz", said_newer)), (3, 2));
}

#[test]
fn what_a_member_says_in_a_newer_version_takes_bounded_room_and_displaces_no_alarm() {
    let mut world = circle();
    say_newer(&mut world, "Eva", "Luz", talk("de Eva"), &Post::of(Class::Talk));
    let (alert, body) = panic_of(&mut world, "Ana");
    say_newer(&mut world, "Ana", "Luz", body, &Post::of(Class::Alert));
    world.settle();
    let now_s = world.now_s;
    let ana = world.person("Ana").device.identity();
    // What comes under her last-resort prekey: heartbeats, and what she says when others are used up.
    let keep = |world: &mut World, n: u8, len: usize, through| {
        let whole = Whole {
            sender: ana.member(),
            message: MessageId([n; 16]),
            sequence: n.into(),
            voices: [].into(),
            body: vec![2; len],
        };
        let complete = Complete { whole, through, brought: Vec::new() };
        let kept = |turn: &mut Turn<'_>| turn.keep_newer_message(2, ana.x25519, complete);
        world.device("Luz").write(now_s, kept).unwrap();
        world.device("Luz").newer().unwrap().messages[&Some(ana.member())]
    };
    let counts: Vec<usize> = (0..70).map(|n| keep(&mut world, n, 40, Holder::Everyone)).collect();
    assert_eq!((counts[0], counts[61], counts[62], counts[69]), (2, 63, 64, 64));
    let unopened = |what: &What| matches!(what, What::Unopened { asked: false });
    assert_eq!(shown(&mut world, "Luz", unopened), 1, "that something went is said");
    // Eight that are so long displace all that is trivial, and a ninth no alarm.
    for n in 100..109 {
        keep(&mut world, n, 64 * 1024, Holder::Everyone);
    }
    assert_eq!(keep(&mut world, 120, 1, Holder::Member(ana.member())), 9);
    assert_eq!(world.device("Luz").newer().unwrap().messages.len(), 2, "Eva's is still there");
    upgrade(&mut world, "Luz");
    world.settle();
    assert_eq!(world.person("Luz").texts(), ["de Eva"]);
    let alerts = world.device("Luz").alerts(true, now_s).unwrap();
    assert!(alerts[0].alert.id == alert && alerts[0].alert.is_open());
}

#[test]
fn an_envelope_of_a_newer_version_is_kept_and_opened_after_the_upgrade() {
    let mut world = circle();
    let now_s = world.now_s;
    world.device("Ana").say("hola", &[], now_s).unwrap();
    world.send("Ana", |_| true);
    world.meddle("Luz", |waiting| {
        let mut bytes = waiting.pop_front().unwrap().as_bytes().to_vec();
        bytes[0] += 1;
        let newer = Envelope::new(bytes).unwrap();
        waiting.extend([newer.clone(), newer]);
    });
    let quietly = |what: &What| matches!(what, What::NewerEnvelope { version: 2 });
    assert_eq!(shown(&mut world, "Luz", quietly), 1);
    assert_eq!(shown(&mut world, "Luz", said_newer), 0);
    world.person("Luz").reopen(false);
    assert_eq!(kept(&mut world, "Luz"), (0, 1));
    upgrade(&mut world, "Luz");
    world.settle();
    assert_eq!((kept(&mut world, "Luz"), world.person("Luz").texts()), ((0, 0), vec!["hola"]));
}

#[test]
fn envelopes_of_a_newer_version_take_bounded_room_by_token_and_in_all() {
    let mut world = circle();
    let now_s = world.now_s;
    let flood = |world: &mut World, relay: &RelayAddress, token: Option<TokenMark>, first: u32| {
        let envelope = |n: u32| {
            let mut bytes = vec![7; 4096];
            bytes[0] = 9;
            bytes[1..5].copy_from_slice(&n.to_le_bytes());
            Envelope::new(bytes).unwrap()
        };
        let came = |n| Arrived { envelope: envelope(n), relay: relay.clone(), token };
        let came: Vec<_> = (first..first + 100).map(came).collect();
        assert_eq!(world.device("Luz").receive(&came, now_s).unwrap(), [true; 100]);
        kept(world, "Luz").1
    };
    let other =
        RelayAddress::new("127.0.0.1", 4444, velar_protocol::wire::Pin([8; 32]), None).unwrap();
    assert_eq!(flood(&mut world, &relay(), Some(TokenMark([1; 8])), 0), 64);
    assert_eq!(flood(&mut world, &relay(), Some(TokenMark([1; 8])), 1000), 64);
    assert_eq!(flood(&mut world, &relay(), Some(TokenMark([2; 8])), 2000), 128);
    assert_eq!(flood(&mut world, &relay(), None, 3000), 192);
    assert_eq!(flood(&mut world, &other, Some(TokenMark([1; 8])), 4000), 256);
    for n in 10..24 {
        flood(&mut world, &relay(), Some(TokenMark([n; 8])), 1000 * u32::from(n));
    }
    assert_eq!(kept(&mut world, "Luz").1, 1024);
    let unopened = |what: &What| matches!(what, What::Unopened { asked: false });
    assert_eq!(shown(&mut world, "Luz", unopened), 1, "that some were too many is said");
    // Nothing opens them after so long.
    world.now_s += 77 * 86_400;
    let now_s = world.now_s;
    world.device("Luz").write(now_s, |turn| turn.forget_newer()).unwrap();
    assert_eq!(kept(&mut world, "Luz").1, 0);
}

#[test]
fn what_a_former_member_says_in_a_newer_version_is_kept_too() {
    let mut world = circle();
    let now_s = world.now_s;
    // The alert that her check-in named.
    world.device("Ana").check_in(CheckInSaid::default(), now_s).unwrap();
    world.settle();
    let ana = world.person("Ana").member();
    let alert = world.device("Ana").read(now_s, |turn| Ok(turn.profile()?.next_alarm)).unwrap();
    let kind = EventKind::raised(Reason::Panic, ana, false, String::new());
    let event = AlertEvent { alert, salt: [5; 8], author: ana, at_s: now_s, kind };
    say_newer(&mut world, "Ana", "Eva", Body::Alert(event), &Post::of(Class::Alert));
    world.device("Luz").remove_member(ana, now_s).unwrap();
    world.send("Luz", |_| true);
    world.receive("Eva");
    world.send("Ana", |_| true);
    assert_eq!(shown(&mut world, "Eva", said_newer), 1);
    assert_eq!(kept(&mut world, "Eva"), (1, 0));
    upgrade(&mut world, "Eva");
    let alerts = world.device("Eva").alerts(true, now_s).unwrap();
    assert!(alerts[0].alert.id == alert && alerts[0].alert.is_open());
}

#[test]
fn an_invitation_of_a_newer_version_says_who_has_to_upgrade() {
    let mut world = circle();
    let now_s = world.now_s;
    let roles = Roles::of(&[Role::Accompanier]);
    let offer = world.device("Luz").invite(roles, WordList::Spanish, now_s).unwrap();
    let mut bytes = offer.envelope.as_bytes().to_vec();
    bytes[0] += 1;
    let newer = Envelope::new(bytes).unwrap();
    let joined = world.device("Inés").join(&offer.invitation, &[newer], "Inés", now_s);
    assert!(matches!(joined, Err(DeviceError::Message(MessageError::Version(2)))));
}

#[test]
fn what_a_stranger_answers_in_a_newer_version_is_kept_under_no_name() {
    let mut world = circle();
    world.answer("Luz", "Inés", Role::Accompanier);
    let now_s = world.now_s;
    let changed = world.device("Inés").write(now_s, |turn| {
        use crate::records::{DeliveryKind, OutgoingBytesKind, OutgoingKind};
        for (_, mut delivery) in turn.tx.list::<DeliveryKind>()? {
            for (_, sealed) in turn.tx.list::<OutgoingKind>()? {
                turn.tx.delete::<OutgoingKind>(&sealed.key())?;
                turn.tx.delete::<OutgoingBytesKind>(&sealed.key())?;
            }
            delivery.bytes[0] += 1;
            delivery.parts = None;
            turn.try_to_seal(&mut delivery)?;
            turn.set_delivery(&delivery)?;
        }
        Ok(())
    });
    changed.unwrap();
    world.settle();
    let view = world.device("Luz").newer().unwrap();
    assert_eq!(view, NewerView { messages: [(None, 1)].into(), envelopes: 0 });
    assert_eq!(shown(&mut world, "Luz", said_newer), 1);
    assert!(world.device("Luz").answers(now_s).unwrap().is_empty());
    upgrade(&mut world, "Luz");
    assert_eq!(world.device("Luz").answers(now_s).unwrap()[0].name, "Inés");
}
