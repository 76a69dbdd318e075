//! The kit's bytes and file, whatever becomes of them.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use tempfile::TempDir;
use velar_protocol::seal::Day;
use velar_protocol::wire::limits::ENVELOPE_LEN;
use velar_protocol::wire::{Envelope, Pin, RelayAddress, SendToken};

use super::file::take_from;
use super::*;

const NOW_S: u64 = 1_800_000_000;

fn relay(port: u16) -> RelayAddress {
    RelayAddress::new("relay.example.org", port, Pin([7; 32]), None).unwrap()
}

fn generation(number: u64, people: u8, relays: u16) -> Generation {
    let one = |person: u8| SealedFor {
        envelope: Envelope::new(vec![number as u8 ^ person; ENVELOPE_LEN]).unwrap(),
        ways: (1..=relays)
            .map(|port| Way {
                relay: relay(port),
                token: SendToken::new([person; 32]),
                accepted: false,
            })
            .collect(),
    };
    let envelopes = (0..people).map(one).collect();
    Generation::new(number, Day(20_000), [number as u8; 4], 0, vec![relay(1)], envelopes)
}

fn kit(numbers: &[u64]) -> Contents {
    let generations = numbers.iter().map(|number| generation(*number, 2, 2)).collect();
    Contents { disarmed: false, generations }
}

fn placed(folder: &TempDir, contents: &Contents) -> KitFile {
    let file = KitFile::of(folder.path());
    assert!(file.replace(file.bytes().unwrap().as_deref(), &contents.encode()).unwrap());
    file
}

fn read(file: &KitFile) -> Contents {
    Contents::decode(&file.bytes().unwrap().unwrap())
}

/// All ways of a generation are marked as accepted.
fn all_accepted(taken: &Taken) {
    for (index, one) in taken.generation.envelopes.iter().enumerate() {
        (0..one.ways.len()).for_each(|way| taken.marker().accepted(index, way));
    }
}

#[test]
fn what_is_written_is_read_again() {
    let contents = kit(&[3, 4, 5]);
    assert_eq!(Contents::decode(&contents.encode()).unmarked(), contents);
    assert!(Contents::decode(&Contents::disarmed().encode()).disarmed);
    assert_eq!(Contents::decode(b""), Contents::default());
}

#[test]
fn alarms_take_one_generation_after_another_and_then_none() {
    let folder = TempDir::new().unwrap();
    let file = placed(&folder, &kit(&[3, 4, 5]));
    for (number, left) in [(3, 2), (4, 1), (5, 0)] {
        let taken = file.take(NOW_S).unwrap();
        assert_eq!((taken.generation.number, taken.left), (number, left));
        assert!(taken.marked && !taken.again);
        all_accepted(&taken);
    }
    assert!(matches!(file.take(NOW_S), Err(Empty::UsedUp { count: 3 })));
    let used = read(&file);
    assert!(used.generations.iter().all(|one| one.used_s == Some(NOW_S) && one.placed() == 2));
    assert_eq!(used.unmarked(), kit(&[3, 4, 5]), "marks change nothing else");
}

#[test]
fn an_alarm_that_is_at_no_relay_is_sent_again_before_another_is_used() {
    let folder = TempDir::new().unwrap();
    let file = placed(&folder, &kit(&[3, 4]));
    assert_eq!(file.take(NOW_S).unwrap().generation.number, 3);
    let again = file.take(NOW_S + 60).unwrap();
    assert_eq!((again.generation.number, again.again, again.left), (3, true, 1));
    again.marker().accepted(1, 0);
    let next = file.take(NOW_S + 120).unwrap();
    assert_eq!((next.generation.number, next.again), (4, false));
    all_accepted(&next);
    // Nothing fresh is left: what one person's relay still lacks is tried again.
    let last = file.take(NOW_S + 180).unwrap();
    assert_eq!((last.generation.number, last.again), (3, true));
    assert!(last.generation.envelopes[1].is_placed() && !last.generation.envelopes[0].is_placed());
}

#[test]
fn an_alarm_of_long_ago_whose_marks_were_lost_is_not_posted_in_the_place_of_a_new_one() {
    let folder = TempDir::new().unwrap();
    let file = placed(&folder, &kit(&[3, 4]));
    assert_eq!(file.take(NOW_S).unwrap().generation.number, 3);
    let next = file.take(NOW_S + 5 * 3600).unwrap();
    assert_eq!((next.generation.number, next.again), (4, false));
    all_accepted(&next);
    // Better the old one than none.
    let last = file.take(NOW_S + 5 * 3600).unwrap();
    assert_eq!((last.generation.number, last.again), (3, true));
}

#[test]
fn what_was_left_unfinished_goes_with_the_kit() {
    let folder = TempDir::new().unwrap();
    let file = placed(&folder, &kit(&[1]));
    let unfinished = folder.path().join(".kit-unfinished-00ff");
    fs::write(&unfinished, kit(&[2]).encode()).unwrap();
    file.disarm().unwrap();
    assert!(!unfinished.exists());
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(left, [folder.path().join("kit")]);
}

#[test]
fn of_many_alarms_at_once_each_posts_something_and_no_generation_is_skipped() {
    let folder = TempDir::new().unwrap();
    let file = placed(&folder, &kit(&[1, 2, 3]));
    let alarm = |file: KitFile| {
        std::thread::spawn(move || {
            let taken = file.take(NOW_S).unwrap();
            all_accepted(&taken);
            taken.generation.number
        })
    };
    let alarms: Vec<_> = (0..3).map(|_| alarm(file.clone())).collect();
    let mut posted: Vec<u64> = alarms.into_iter().map(|alarm| alarm.join().unwrap()).collect();
    posted.sort_unstable();
    posted.dedup();
    // Two that meet before a relay has answered post the same, which is one alarm.
    assert_eq!(posted, (1..=posted.len() as u64).collect::<Vec<_>>());
    let used = read(&file).generations.iter().filter(|one| one.used_s.is_some()).count();
    assert_eq!(used, posted.len());
}

#[test]
fn a_kit_that_cannot_be_marked_is_posted_all_the_same() {
    let folder = TempDir::new().unwrap();
    let file = placed(&folder, &kit(&[1, 2]));
    // As with a full or read-only disk: the write fails.
    let read_only = File::open(folder.path().join("kit")).unwrap();
    let taken = take_from(&file.bytes().unwrap().unwrap(), read_only, NOW_S).unwrap();
    assert_eq!(taken.generation.number, 1);
    assert_eq!((taken.marked, taken.left), (false, 0), "the same one would be next");
    all_accepted(&taken);
    assert_eq!(read(&file).unmarked(), kit(&[1, 2]));
}

#[test]
fn a_new_kit_never_takes_the_place_of_one_that_was_used_meanwhile() {
    let folder = TempDir::new().unwrap();
    let file = placed(&folder, &kit(&[1, 2]));
    let before = file.bytes().unwrap();
    file.take(NOW_S).unwrap();
    assert!(!file.replace(before.as_deref(), &kit(&[3]).encode()).unwrap());
    assert_eq!(read(&file).unmarked(), kit(&[1, 2]));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
}

#[test]
fn a_kit_that_cannot_be_written_leaves_the_old_one_as_it_was() {
    let folder = TempDir::new().unwrap();
    let file = placed(&folder, &kit(&[1]));
    let gone = KitFile::of(&folder.path().join("missing"));
    gone.replace(None, &kit(&[2]).encode()).unwrap_err();
    assert_eq!(read(&file).unmarked(), kit(&[1]));
}

#[test]
fn only_its_owner_can_read_a_kit() {
    let folder = TempDir::new().unwrap();
    placed(&folder, &kit(&[1]));
    let mode = fs::metadata(folder.path().join("kit")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_disarmed_device_has_no_tokens_and_keeps_no_kit() {
    let folder = TempDir::new().unwrap();
    let file = placed(&folder, &kit(&[1]));
    file.disarm().unwrap();
    assert!(matches!(file.take(NOW_S), Err(Empty::Disarmed)));
    assert_eq!(file.bytes().unwrap().unwrap(), Contents::disarmed().encode());
    file.disarm().unwrap();
    file.arm().unwrap();
    assert!(matches!(file.take(NOW_S), Err(Empty::None)));
    file.disarm().unwrap();
    assert!(matches!(file.take(NOW_S), Err(Empty::Disarmed)), "also where there was none");
}

#[test]
fn a_kit_names_nobody() {
    let bytes = kit(&[1]).encode();
    // Magic, head, and the body's fields; then relays, tokens and ciphertext, and marks: nothing else.
    let texts = relay(1).to_string().len() + 2;
    let ways = 2 * 2 * (texts + 32);
    let len = 12 + 28 + (8 + 4 + 4 + 1) + (1 + texts) + (1 + 2 + ways + 2 * ENVELOPE_LEN) + (9 + 4);
    assert_eq!(bytes.len(), len);
}

proptest! {
    #[test]
    fn damage_costs_no_more_than_the_generations_it_hits(
        at in 0usize..60_000, flip in 1u8.., cut in proptest::bool::ANY,
    ) {
        let whole = kit(&[1, 2, 3]);
        let mut bytes = whole.encode();
        let at = at % bytes.len();
        let ends: Vec<usize> =
            (0..=3).map(|n| kit(&[1, 2, 3][..n]).encode().len()).collect();
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] ^= flip;
        }
        let read = Contents::decode(&bytes);
        for (index, generation) in whole.generations.iter().enumerate() {
            let hit = if cut { at < ends[index + 1] } else { (ends[index]..ends[index + 1]).contains(&at) };
            let same = read.generations.iter().any(|one| {
                one.number == generation.number && one.envelopes.len() == 2
            });
            prop_assert!(same || hit, "{index} is lost");
        }
        for generation in read.unmarked().generations {
            let made = whole.generations.iter().find(|one| one.number == generation.number);
            prop_assert_eq!(Some(&generation), made, "what is read is what was written");
        }
    }

    #[test]
    fn anything_can_be_read_as_a_kit(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let mut file = kit(&[9]).encode();
        let at = file.len() / 2;
        file.splice(at..at, bytes.iter().copied());
        prop_assert_eq!(Contents::decode(&bytes), Contents::default());
        prop_assert!(Contents::decode(&file).generations.len() <= 1);
    }

    #[test]
    fn the_choice_never_wastes_an_alarm_and_always_finds_one(
        states in proptest::collection::vec((any::<bool>(), 0usize..3), 0..6),
    ) {
        let generations: Vec<Generation> = states.iter().zip(1..).map(|((used, placed), number)| {
            let mut one = generation(number, 2, 1);
            one.used_s = used.then_some(NOW_S);
            let ways = one.envelopes.iter_mut().flat_map(|one| &mut one.ways);
            ways.take(*placed).filter(|_| *used).for_each(|way| way.accepted = true);
            one
        }).collect();
        let fresh = |one: &Generation| one.used_s.is_none();
        let unfinished = generations.iter().any(|one| fresh(one) || one.placed() < 2);
        let choice = choose(&generations, NOW_S);
        prop_assert_eq!(choice.is_some(), unfinished);
        if let Some(Choice { index, again }) = choice {
            let chosen = &generations[index];
            prop_assert_eq!(again, !fresh(chosen));
            let lowest = generations.iter().filter(|one| fresh(one)).map(|one| one.number).min();
            prop_assert!(again || Some(chosen.number) == lowest);
            // With a fresh one at hand, only an alarm that is nowhere goes before it.
            prop_assert!(!again || lowest.is_none() || chosen.placed() == 0);
        }
    }
}
