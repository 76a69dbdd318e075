//! When an envelope came is on disk to the hour.

use super::*;

fn rig() -> Rig {
    let mut rig = Rig::new(Limits { envelope_age_s: 600, ..Limits::default() });
    rig.open(1, &[1]);
    rig
}

/// When what waits came, as a subscriber is told.
fn received(rig: &mut Rig) -> Vec<u64> {
    let now = rig.now();
    let mut reading = rig.act(|boxes, now, writes| {
        boxes.subscribe(&[mailbox(1)], 99, &Bell::default(), now, writes).unwrap()
    });
    let taken = rig.mailboxes.take(99, &mut reading[0], 16, now).unwrap();
    rig.mailboxes.unsubscribe(99, &reading, now);
    taken.into_iter().map(|taken| taken.received_at_s).collect()
}

#[test]
fn an_envelope_is_kept_for_its_age_from_the_next_full_hour_on() {
    for restarted in [false, true] {
        let mut rig = rig();
        rig.now_s += 1;
        rig.send(1, 1);
        rig.now_s += 2000;
        if restarted {
            rig.restart(5);
        }
        rig.send(1, 2);
        rig.now_s = START_S + 3600 + 599;
        rig.pass(0);
        assert_eq!((rig.expired(1), rig.waiting(1)), (0, vec![1, 2]), "{restarted}");
        rig.pass(1);
        assert_eq!((rig.expired(1), rig.waiting(1)), (2, vec![]), "both came in one hour");
    }
}

#[test]
fn what_comes_at_a_full_hour_is_kept_for_its_age() {
    let mut rig = rig();
    rig.send(1, 1);
    rig.now_s = START_S + 599;
    rig.pass(0);
    assert_eq!(rig.expired(1), 0);
    rig.pass(1);
    assert_eq!(rig.expired(1), 1);
}

#[test]
fn its_recipient_is_told_the_second_until_a_restart_and_then_the_hour() {
    let mut rig = rig();
    rig.now_s += 3725;
    rig.send(1, 1);
    assert_eq!(received(&mut rig), [START_S + 3725]);
    rig.restart(5);
    rig.send(1, 2);
    assert_eq!(received(&mut rig), [START_S + 3600, START_S + 3730]);
}

#[test]
fn no_write_has_the_second() {
    let mut rig = rig();
    rig.now_s += 3725;
    rig.send(1, 1);
    let stored = rig.store.load().unwrap().envelopes[0];
    assert_eq!((stored.received_at_s(), stored.kept_since_s()), (START_S + 3600, START_S + 7200));
}
