//! A crash in the middle of one write: sled has the index entry of an envelope, and not the envelope.

use std::path::Path;

use crate::disk::Sled;
use crate::reference::{Ask, Delivery, Op, setup};
use crate::system::{System, number_of};

/// Where sled keeps its files in a store's folder, and the size that its segments were made with.
const DATABASE: &str = "sled";
const SEGMENT: usize = 8 << 20;
/// The bytes of the key of an envelope that is in a mailbox.
const KEY: usize = 40;

#[test]
fn an_envelope_whose_write_was_cut_short_is_taken_in_when_it_is_sent_again() {
    let mut system = system();
    let send = |number| Op::Ask(Ask::Send { token: 2, number });
    for op in [send(1), Op::Commit, send(2), Op::Commit, send(3)] {
        system.act(&op);
    }
    crash_in_a_write(&mut system, usize::MAX);
    system.act(&send(3));
    system.act(&Op::Commit);
    assert_all_there_or_counted(&mut system, &[1, 2, 3]);
}

#[test]
fn a_held_envelope_whose_release_was_cut_short_is_released_again() {
    let mut system = system();
    let deliveries = vec![Delivery { token: 2, number: 1 }];
    let hold = Ask::Hold { hold: 0, for_s: 10, deliveries, replaces: None };
    for op in [Op::Ask(hold), Op::Commit, Op::Pass { seconds: 10 }] {
        system.act(&op);
    }
    // All but the last: that is the removal of the hold.
    let applied = system.relay().waiting() - 1;
    crash_in_a_write(&mut system, applied);
    for op in [Op::Pass { seconds: 10 }, Op::Pass { seconds: 10 }, Op::Commit] {
        system.act(&op);
    }
    assert_all_there_or_counted(&mut system, &[1]);
}

fn system() -> System<Sled> {
    let mut system = System::new();
    setup().iter().for_each(|op| system.act(op));
    system
}

fn crash_in_a_write(system: &mut System<Sled>, applied: usize) {
    system.disk.harm = Some(cut_last_envelope);
    system.act(&Op::Crash { applied, flushed: true, outage_s: 0 });
}

/// Deletes the envelope and leaves the entry that leads to it.
fn cut_last_envelope(folder: &Path) {
    let database = sled::Config::new().path(folder.join(DATABASE)).segment_size(SEGMENT);
    let database = database.open().unwrap();
    let envelopes = database.open_tree("envelopes").unwrap();
    let mut keys = envelopes.iter().keys().map(Result::unwrap);
    let last = keys.rfind(|key| key.len() == KEY).unwrap();
    envelopes.remove(last).unwrap();
    database.flush().unwrap();
}

/// In mailbox 1. Twice, for a loss is noticed when it is read.
fn assert_all_there_or_counted(system: &mut System<Sled>, numbers: &[u16]) {
    let mut read = || {
        let there = system.subscribed(1, usize::MAX).unwrap();
        there.iter().map(|one| number_of(&one.envelope)).collect::<Vec<u16>>()
    };
    let there = [read(), read()];
    let counted = system.expired(1).unwrap();
    assert!(
        there == [numbers, numbers] || counted == 1,
        "{there:?} is there, {counted} counted, of {numbers:?}, all answered"
    );
}
