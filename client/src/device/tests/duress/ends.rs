//! After the end of an alert under duress: what her devices are told of it, and when.

use std::collections::BTreeSet;

use super::*;

fn close(world: &mut World, alert: AlertId) {
    let now_s = world.now_s;
    world.device("Eva").close(alert, "está con nosotras", now_s).unwrap();
    world.settle();
}

#[test]
fn closed_by_the_others_it_stays_open_on_her_device_until_she_speaks_with_her_own_voice() {
    let mut world = under_duress();
    let now_s = world.now_s;
    let (alert, _) = world.device("Ana").panic("", now_s).unwrap();
    world.settle();
    close(&mut world, alert);
    assert!(open(&mut world, "Luz").is_empty());
    assert!(only(&mut world, "Ana").alert.is_open());
    world.person("Ana").reopen(false);
    check_in(&mut world, "Ana");
    world.settle();
    assert!(open(&mut world, "Ana").is_empty());
    let all = world.device("Ana").alerts(false, now_s).unwrap();
    assert_eq!(all[0].alert.closed_by, Some(world.person("Eva").member()));
    knows_nothing(&mut world, "Ana");
    names_nothing_unknown(&mut world, "Ana");
    let text =
        |event: &EventKind| matches!(event, EventKind::Closed { text, .. } if !text.is_empty());
    assert!(!all[0].events.iter().any(|heard| text(&heard.event().kind)));
    // Another alarm is another alert.
    assert_ne!(world.device("Ana").panic("", now_s).unwrap().0, alert);
}

#[test]
fn heard_again_after_the_end_it_rings_again() {
    let mut world = under_duress();
    let alert = only(&mut world, "Luz").alert.id;
    close(&mut world, alert);
    assert!(open(&mut world, "Luz").is_empty());
    check_in(&mut world, "Ana");
    world.settle();
    for name in OTHERS {
        let view = only(&mut world, name);
        assert!(view.alert.duress && view.alert.id == alert, "{name}");
    }
    knows_nothing(&mut world, "Ana");
}

#[test]
fn what_is_written_after_an_end_that_she_was_not_told_waits_until_she_is_heard_as_herself() {
    let mut world = under_duress();
    let now_s = world.now_s;
    let (alert, _) = world.device("Ana").panic("", now_s).unwrap();
    world.settle();
    close(&mut world, alert);
    // Her silence opens the same alert again: the device may still be in other hands.
    world.now_s += 100 * 60;
    let now_s = world.now_s;
    for name in OTHERS {
        world.device(name).judge(|_| true, &BTreeSet::new(), now_s).unwrap();
        let view = only(&mut world, name);
        assert!(view.alert.id == alert && !view.alert.duress, "{name}");
    }
    world.device("Luz").note(alert, "está con Marta", now_s).unwrap();
    world.settle();
    assert_eq!(["Ana", "Eva"].map(|name| notes(&mut world, name, alert)), [0, 1]);
    // Over again, and she speaks with her own voice.
    close(&mut world, alert);
    world.now_s += 1;
    world.person("Ana").reopen(false);
    check_in(&mut world, "Ana");
    world.settle();
    let now_s = world.now_s;
    world.device("Eva").note(alert, "ya viene", now_s).unwrap();
    world.settle();
    assert_eq!(notes(&mut world, "Ana", alert), 1);
    knows_nothing(&mut world, "Ana");
}

#[test]
fn what_was_sealed_with_her_own_voice_before_calms_nobody() {
    let mut world = circle();
    for _ in 0..3 {
        check_in(&mut world, "Ana");
        world.settle();
    }
    world.person("Ana").reopen(true);
    let now_s = world.now_s;
    let (alert, _) = world.device("Ana").panic("", now_s).unwrap();
    world.settle();
    close(&mut world, alert);
    // Her device is off; what she left at the relay comes, because she is silent.
    let ana = world.people.remove("Ana").unwrap();
    world.now_s += 100 * 60;
    let now_s = world.now_s;
    world.office.release(now_s);
    world.settle();
    let view = only(&mut world, "Luz");
    assert!(reasons(&view).iter().any(|reason| matches!(reason, Reason::Released { .. })));
    assert!(view.alert.id == alert && !view.alert.duress);
    world.now_s += 1;
    let now_s = world.now_s;
    world.device("Luz").note(alert, "está con Marta", now_s).unwrap();
    world.people.insert("Ana", ana);
    world.settle();
    assert_eq!(["Ana", "Eva"].map(|name| notes(&mut world, name, alert)), [0, 1]);
}
