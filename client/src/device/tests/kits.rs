//! The panic kit from end to end, without a network.

use velar_protocol::circle::{AlertId, Body, Role};
use velar_protocol::seal::lifetimes::STOCK_RESERVE;
use velar_protocol::wire::{Answer, Pin, RelayAddress};

use super::office::{START_S, World};
use crate::device::sealing::Post;
use crate::device::{CheckInSaid, Reach};
use crate::kit::{self, Contents, GENERATIONS, Generation, KitFile, Renew};
use crate::outbox::Class;
use crate::records::{KitKind, StockKind, What};

const DAY_S: u64 = 86_400;

/// Luz and Eva accompany Ana, and have talked enough to hold more prekeys than the reserve.
fn circle() -> World {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender), ("Eva", Role::Accompanier)]);
    talk(&mut world);
    world
}

/// Everybody says something to everybody, four times.
fn talk(world: &mut World) {
    for _ in 0..4 {
        for name in ["Ana", "Luz", "Eva"] {
            let now_s = world.now_s;
            world.device(name).check_in(CheckInSaid::default(), now_s).unwrap();
        }
        world.settle();
    }
}

fn file(world: &mut World) -> KitFile {
    KitFile::of(world.device("Ana").folder())
}

/// Ana's device looks after its kit; what is in the file then.
fn keep(world: &mut World) -> Contents {
    let now_s = world.now_s;
    kit::keep(world.device("Ana"), Renew::All, now_s).unwrap();
    Contents::decode(&file(world).bytes().unwrap().unwrap_or_default())
}

fn numbers(contents: &Contents) -> Vec<u64> {
    contents.generations.iter().map(|one| one.number).collect()
}

/// Somebody who holds this generation posts it. Says what the relay answered.
fn post(world: &mut World, generation: &Generation) -> Vec<Answer> {
    let ways = generation.envelopes.iter().flat_map(|one| one.ways.iter().map(move |w| (one, w)));
    ways.map(|(one, way)| world.office.send(way.token.hash(), one.envelope.clone())).collect()
}

/// Ana panics without her passphrase: nothing but the file is used.
fn panic_by_kit(world: &mut World) -> u64 {
    let now_s = world.now_s;
    let taken = file(world).take(now_s).unwrap();
    let answers = post(world, &taken.generation);
    for (envelope, answer) in answers.iter().enumerate() {
        assert_eq!(*answer, Answer::Accepted);
        taken.marker().accepted(envelope, 0);
    }
    taken.generation.number
}

fn reasons(world: &mut World, name: &'static str) -> usize {
    let now_s = world.now_s;
    let views = world.device(name).alerts(true, now_s).unwrap();
    views.iter().map(|view| view.alert.reasons.len()).sum()
}

fn shows(world: &mut World, name: &'static str, what: fn(&What) -> bool) -> usize {
    world.person(name).shown.iter().filter(|item| what(&item.what)).count()
}

fn old_kit(what: &What) -> bool {
    matches!(what, What::OldKit { .. })
}

fn copied(what: &What) -> bool {
    matches!(what, What::KitCopied { .. })
}

fn unopened(what: &What) -> bool {
    matches!(what, What::Unopened { .. })
}

#[test]
fn three_alarms_go_out_without_the_vault_and_are_in_it_afterwards() {
    let mut world = circle();
    assert_eq!(keep(&mut world).generations.len(), GENERATIONS);
    let before = world.now_s;
    for alarm in 1..=GENERATIONS {
        world.now_s += 60;
        panic_by_kit(&mut world);
        for name in ["Luz", "Eva"] {
            world.receive(name);
            assert_eq!(reasons(&mut world, name), alarm, "{name}");
        }
    }
    let now_s = world.now_s;
    assert!(file(&mut world).take(now_s).is_err(), "four in a row are one too many");

    kit::reconcile(world.device("Ana"), now_s).unwrap();
    let views = world.device("Ana").alerts(true, now_s).unwrap();
    let [view] = views.as_slice() else { panic!("one alert, several reasons") };
    assert_eq!(view.alert.reasons.len(), GENERATIONS);
    assert_eq!(
        view.alert.raised_s,
        before + 60,
        "when it was raised, not when the vault was opened"
    );
    assert!(view.progress.iter().all(|(.., reach)| matches!(reach, Reach::AtRelay(_))));
    world.settle();
    let view = world.device("Ana").alerts(true, now_s).unwrap().remove(0);
    assert_eq!(view.progress.len(), 2);
    assert!(view.progress.iter().all(|(.., reach)| matches!(reach, Reach::Received(_))));

    let renewed = keep(&mut world);
    assert_eq!(numbers(&renewed), [4, 5, 6]);
    assert_eq!(renewed.left(), GENERATIONS);
    talk(&mut world);
    for name in ["Ana", "Luz", "Eva"] {
        assert_eq!(shows(&mut world, name, unopened), 0, "no prekey was used twice: {name}");
        assert_eq!(shows(&mut world, name, old_kit) + shows(&mut world, name, copied), 0);
    }
}

#[test]
fn what_the_kit_did_not_deliver_the_vault_does() {
    let mut world = circle();
    keep(&mut world);
    let now_s = world.now_s;
    // Marked as used, and then the battery was empty: only Luz's envelope went out, and nothing was marked.
    let taken = file(&mut world).take(now_s).unwrap();
    let first = &taken.generation.envelopes[0];
    world.office.send(first.ways[0].token.hash(), first.envelope.clone());
    kit::reconcile(world.device("Ana"), now_s).unwrap();
    world.settle();
    for name in ["Luz", "Eva"] {
        assert_eq!(reasons(&mut world, name), 1, "{name}");
    }
    assert_eq!(numbers(&keep(&mut world)), [2, 3, 4]);
}

#[test]
fn who_had_no_envelope_in_the_kit_is_told_once_the_vault_is_open() {
    let mut world = circle();
    let eva = world.person("Eva").member();
    let now_s = world.now_s;
    world.device("Ana").write(now_s, |turn| turn.drop_stock(eva)).unwrap();
    let contents = keep(&mut world);
    assert!(contents.generations.iter().all(|one| one.envelopes.len() == 1 && one.lacking == 1));
    panic_by_kit(&mut world);
    world.receive("Eva");
    assert_eq!(reasons(&mut world, "Eva"), 0);
    kit::reconcile(world.device("Ana"), now_s).unwrap();
    world.settle();
    assert_eq!(reasons(&mut world, "Eva"), 1);
}

#[test]
fn a_kit_never_takes_the_last_resort_prekey_and_only_its_first_alarm_the_reserve() {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender)]);
    let luz = world.person("Luz").member();
    let now_s = world.now_s;
    let stock =
        |world: &mut World| world.device("Ana").read(now_s, |turn| turn.in_stock(luz)).unwrap();
    let had = stock(&mut world);
    assert!((1..=STOCK_RESERVE).contains(&had), "{had}");
    assert_eq!(keep(&mut world).generations.len(), 1);
    assert_eq!(stock(&mut world), had - 1);
    keep(&mut world);
    assert_eq!(stock(&mut world), had - 1, "nothing is taken twice");

    let empty =
        |turn: &mut crate::device::Turn<'_>| Ok(turn.tx.put::<StockKind>(&luz.0, &Vec::new())?);
    world.device("Ana").write(now_s, empty).unwrap();
    panic_by_kit(&mut world);
    assert_eq!(keep(&mut world).generations.len(), 0, "no kit rather than one under that key");
}

#[test]
fn a_void_generation_is_an_alarm_all_the_same_and_shown_as_an_old_kit() {
    let mut world = circle();
    let stolen = keep(&mut world).generations.remove(0);
    let now_s = world.now_s;
    // An alert is closed: the next has another id, and the kit is made anew.
    let (alert, _) = world.device("Ana").panic("", now_s).unwrap();
    world.settle();
    world.device("Eva").close(alert, "", now_s).unwrap();
    world.settle();
    let renewed = keep(&mut world);
    assert_eq!(numbers(&renewed), [4, 5, 6]);
    assert_ne!(renewed.generations[0].alert, stolen.alert);
    // From here on they know.
    world.device("Ana").check_in(CheckInSaid::default(), now_s).unwrap();
    world.settle();
    post(&mut world, &stolen);
    world.settle();
    for name in ["Luz", "Eva"] {
        assert!(reasons(&mut world, name) > 0, "{name}: an alarm is never dropped");
        assert_eq!(shows(&mut world, name, old_kit), 1, "{name}");
    }
    // A kit that is not old is shown as any alarm is.
    panic_by_kit(&mut world);
    world.settle();
    assert_eq!(shows(&mut world, "Luz", old_kit), 1);
}

#[test]
fn a_receipt_for_an_alarm_that_was_not_raised_here_tells_of_the_copy() {
    let mut world = circle();
    let contents = keep(&mut world);
    post(&mut world, &contents.generations[0]);
    world.settle();
    let now_s = world.now_s;
    assert_eq!(reasons(&mut world, "Ana"), 0);
    let renewed = keep(&mut world);
    world.settle();
    assert_eq!(shows(&mut world, "Ana", copied), 1);
    assert_eq!(reasons(&mut world, "Ana"), 1, "she can stand down from it");
    assert_eq!(numbers(&renewed), [2, 3, 4], "the copied one is not used again");
    let view = world.device("Ana").alerts(true, now_s).unwrap().remove(0);
    assert!(view.progress.iter().all(|(.., reach)| matches!(reach, Reach::Received(_))));
    keep(&mut world);
    world.settle();
    assert_eq!(shows(&mut world, "Ana", copied), 1, "said once");
}

#[test]
fn a_kit_follows_who_comes_moves_and_leaves_without_new_keys() {
    let mut world = circle();
    let before = keep(&mut world);
    let digests = |contents: &Contents| {
        let envelopes = contents.generations.iter().flat_map(|one| &one.envelopes);
        envelopes.map(|one| one.envelope.digest().0).collect::<Vec<_>>()
    };
    let other = RelayAddress::new("127.0.0.2", 4433, Pin([8; 32]), None).unwrap();

    // Luz lists a second relay; Ana learns of it from her card.
    let (now_s, ana) = (world.now_s, world.person("Ana").member());
    let there = other.clone();
    let move_in = move |turn: &mut crate::device::Turn<'_>| {
        let mut profile = turn.profile()?;
        turn.settle(&mut profile, there, None)?;
        let card = turn.card_for(&mut profile, ana)?;
        turn.set_profile(&profile)?;
        turn.tell(&[ana], Body::Card(card), &Post::of(Class::Care)).map(|_| ())
    };
    world.device("Luz").write(now_s, move_in).unwrap();
    world.settle();
    let ways = |contents: &Contents| {
        let envelopes = contents.generations.iter().flat_map(|one| &one.envelopes);
        envelopes.flat_map(|one| &one.ways).filter(|way| way.relay == other).count()
    };
    let moved = keep(&mut world);
    assert_eq!((digests(&moved), ways(&moved)), (digests(&before), 0), "not before Ana says so");
    world.device("Ana").answer_about_relay(other.host(), true, now_s).unwrap();
    let moved = keep(&mut world);
    assert_eq!((digests(&moved), ways(&moved)), (digests(&before), GENERATIONS));

    world.admit("Luz", "Sol", Role::Accompanier);
    let joined = keep(&mut world);
    assert_eq!(joined.generations[0].envelopes.len(), 3);
    assert_eq!(digests(&joined)[..2], digests(&before)[..2]);
    assert_eq!(numbers(&joined), numbers(&before));
}

#[test]
fn a_kit_is_made_anew_each_week_and_an_old_one_is_better_than_none() {
    let mut world = circle();
    let first = keep(&mut world);
    world.now_s += 6 * DAY_S;
    assert_eq!(keep(&mut world), first);
    world.now_s += DAY_S;
    let renewed = keep(&mut world);
    assert_eq!(numbers(&renewed)[0], 4);
    assert!(renewed.generations.iter().all(|one| one.day.0 == first.generations[0].day.0 + 7));
    // Alone for so long that nobody's prekeys can be sealed to any more.
    world.now_s += 40 * DAY_S;
    assert_eq!(keep(&mut world), renewed);
    panic_by_kit(&mut world);
    world.settle();
    assert_eq!(reasons(&mut world, "Luz"), 1, "47 days old, it still opens");
}

#[test]
fn an_alarm_after_the_end_of_an_alert_is_another_alert_however_few_prekeys_there_are() {
    let mut world = circle();
    keep(&mut world);
    panic_by_kit(&mut world);
    let now_s = world.now_s;
    kit::reconcile(world.device("Ana"), now_s).unwrap();
    world.settle();
    let first = world.device("Ana").alerts(true, now_s).unwrap()[0].alert.id;
    world.device("Luz").close(first, "", now_s).unwrap();
    world.settle();
    // One prekey of each is left: for the alarm that comes next.
    for name in ["Luz", "Eva"] {
        let member = world.person(name).member();
        let few = |turn: &mut crate::device::Turn<'_>| {
            let mut stock = turn.readable::<StockKind>(&member.0)?.unwrap();
            stock.truncate(1);
            Ok(turn.tx.put::<StockKind>(&member.0, &stock)?)
        };
        world.device("Ana").write(now_s, few).unwrap();
    }
    assert_eq!(
        keep(&mut world).generations.len(),
        2,
        "a new one, and an old one that nothing could replace"
    );
    panic_by_kit(&mut world);
    world.settle();
    let open = world.device("Luz").alerts(true, now_s).unwrap();
    assert_eq!(open.len(), 1);
    assert_ne!(open[0].alert.id, first);
}

#[test]
fn without_a_relay_that_says_the_time_a_kit_is_completed_and_nothing_is_called_old() {
    let mut world = circle();
    let first = keep(&mut world);
    panic_by_kit(&mut world);
    // As far as this device knows, half a year has gone by.
    world.now_s += 180 * DAY_S;
    let now_s = world.now_s;
    kit::keep(world.device("Ana"), Renew::Lacking, now_s).unwrap();
    world.now_s -= 180 * DAY_S;
    let kept = Contents::decode(&file(&mut world).bytes().unwrap().unwrap());
    assert_eq!(kept.unmarked().generations, first.unmarked().generations[1..]);
    let now_s = world.now_s;
    kit::keep(world.device("Ana"), Renew::Lacking, now_s).unwrap();
    let bytes = file(&mut world).bytes().unwrap().unwrap();
    assert_eq!(numbers(&Contents::decode(&bytes)), [2, 3, 4], "no prekey was thrown away");
}

#[test]
fn a_clock_that_is_wrong_by_a_day_changes_nothing() {
    for wrong in [0, 2 * DAY_S] {
        let mut world = circle();
        let right = world.now_s;
        world.now_s = right - DAY_S + wrong;
        assert_eq!(keep(&mut world).generations.len(), GENERATIONS);
        panic_by_kit(&mut world);
        world.now_s = right;
        world.receive("Luz");
        let views = world.device("Luz").alerts(true, right).unwrap();
        assert_eq!(views[0].alert.raised_s, right, "its time is that of its arrival");
        assert_eq!(shows(&mut world, "Luz", old_kit), 0);
        assert_eq!(keep(&mut world).left(), GENERATIONS);
    }
}

#[test]
fn kits_that_are_never_used_do_not_use_up_anybodys_keys() {
    let mut world = circle();
    for week in 0..12 {
        world.now_s += 7 * DAY_S;
        for name in ["Ana", "Luz", "Eva"] {
            let now_s = world.now_s;
            world.device(name).check_in(CheckInSaid::default(), now_s).unwrap();
        }
        world.settle();
        for name in ["Ana", "Luz", "Eva"] {
            let now_s = world.now_s;
            world.device(name).tend(true, true, now_s).unwrap();
            kit::keep(world.device(name), Renew::All, now_s).unwrap();
        }
        world.settle();
        let contents = keep(&mut world);
        assert!(!contents.generations.is_empty(), "week {week}");
        assert_eq!(contents.generations[0].lacking, 0, "week {week}");
        let days = START_S / DAY_S + (week + 1) * 7;
        assert!(u64::from(contents.generations[0].day.0) + 14 >= days, "week {week}");
    }
    talk(&mut world);
    let ready = keep(&mut world);
    assert_eq!(ready.left(), GENERATIONS);
    let now_s = world.now_s;
    let kept = world.device("Ana").read(now_s, |turn| Ok(turn.tx.count::<KitKind>()?)).unwrap();
    assert_eq!(kept, 1 + 2 * GENERATIONS as u64, "void envelopes are gone from the vault");
}

#[test]
fn a_device_that_was_disarmed_makes_no_kit_and_calls_what_was_there_void() {
    let mut world = circle();
    let copy = keep(&mut world).generations.remove(0);
    file(&mut world).disarm().unwrap();
    assert_eq!(keep(&mut world), Contents::disarmed());
    let now_s = world.now_s;
    assert_eq!(world.device("Ana").kit().unwrap().left, 0);
    world.device("Ana").check_in(CheckInSaid::default(), now_s).unwrap();
    world.settle();
    post(&mut world, &copy);
    world.settle();
    assert_eq!(shows(&mut world, "Luz", old_kit), 1);
    file(&mut world).arm().unwrap();
    assert_eq!(keep(&mut world).generations.len(), GENERATIONS);
}

#[test]
fn a_kit_whose_file_was_lost_or_damaged_is_void_and_made_anew() {
    let mut world = circle();
    keep(&mut world);
    let path = world.device("Ana").folder().join("kit");
    // Once its file was seen, what is not there any more may be in other hands.
    keep(&mut world);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(numbers(&keep(&mut world)), [4, 5, 6]);
    keep(&mut world);
    let mut bytes = std::fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[half] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(numbers(&keep(&mut world)), [4, 6, 7]);
    let next: AlertId = world.device("Ana").kit_message(7).unwrap().unwrap().0;
    let now_s = world.now_s;
    assert_eq!(world.device("Ana").panic("", now_s).unwrap().0, next);
}
