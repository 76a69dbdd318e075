//! What devices of a version to come say, to devices of this one.

use velar_protocol::circle::{
    AlertEvent, AlertId, Body, CheckIn, EventKind, Extension, Extensions, Reason, Role,
};

use super::office::World;
use crate::device::CheckInSaid;
use crate::device::sealing::Post;
use crate::outbox::Class;

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
