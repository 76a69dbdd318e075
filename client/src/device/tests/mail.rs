//! Messages over good and bad ways.

use velar_protocol::circle::{Body, Role};
use velar_protocol::encoding;
use velar_protocol::seal::assembly::MAX_INCOMPLETE;
use velar_protocol::seal::lifetimes::STOCK_MAX;

use super::office::{START_S, World};
use crate::device::Reach;
use crate::device::sealing::Post;
use crate::outbox::Class;
use crate::records::{IssuedKind, OutgoingKind, PartsKind, StockKeyKind, StockKind, What};

fn pair() -> World {
    World::circle("Luz", &[("Ana", Role::Defender)])
}

#[test]
fn many_messages_arrive_once_and_in_order() {
    let mut world = pair();
    let texts: Vec<String> = (0..150).map(|i| format!("{i}")).collect();
    for text in &texts {
        let now_s = world.now_s;
        world.device("Ana").say(text, &[], now_s).unwrap();
    }
    world.settle();
    assert_eq!(world.person("Luz").texts(), texts);
}

#[test]
fn answers_that_are_lost_double_nothing() {
    let mut world = pair();
    for i in 0..20 {
        let now_s = world.now_s;
        world.device("Ana").say(&i.to_string(), &[], now_s).unwrap();
        // The relay has it; its answer is lost every other time.
        world.send("Ana", |index| index % 2 == 1);
        world.receive("Luz");
    }
    world.settle();
    let expected: Vec<String> = (0..20).map(|i| i.to_string()).collect();
    assert_eq!(world.person("Luz").texts(), expected);
}

#[test]
fn an_envelope_that_comes_twice_is_shown_once() {
    let mut world = pair();
    let now_s = world.now_s;
    world.device("Ana").say("una vez", &[], now_s).unwrap();
    world.send("Ana", |_| true);
    world.meddle("Luz", |waiting| waiting.extend(waiting.clone()));
    world.settle();
    world.settle();
    assert_eq!(world.person("Luz").texts(), ["una vez"]);
}

#[test]
fn an_envelope_under_the_last_resort_prekey_cannot_be_replayed() {
    let mut world = pair();
    // More than the stock: the rest goes under the last-resort prekey.
    for i in 0..STOCK_MAX {
        let now_s = world.now_s;
        world.device("Ana").say(&i.to_string(), &[], now_s).unwrap();
    }
    world.send("Ana", |_| true);
    let mut copies = Vec::new();
    world.meddle("Luz", |waiting| copies.extend(waiting.iter().cloned()));
    world.settle();
    world.meddle("Luz", |waiting| waiting.extend(copies));
    world.settle();
    assert_eq!(world.person("Luz").texts().len(), STOCK_MAX);
    let unopened = |item: &crate::records::Item| matches!(item.what, What::Unopened { .. });
    assert!(!world.person("Luz").shown.iter().any(unopened));
}

#[test]
fn a_card_that_nobody_signed_blocks_nothing_behind_it() {
    let mut world = pair();
    let luz = world.person("Luz").member();
    let now_s = world.now_s;
    world
        .device("Ana")
        .write(now_s, |turn| {
            let mut profile = turn.profile()?;
            let honest = turn.card_for(&mut profile, luz)?;
            let mut bytes = encoding::to_bytes(&honest).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            let forged = encoding::from_bytes(&bytes).unwrap();
            turn.tell(&[luz], Body::Card(forged), &Post::of(Class::Care)).map(|_| ())
        })
        .unwrap();
    world.device("Ana").say("detras", &[], now_s).unwrap();
    world.settle();
    assert_eq!(world.person("Luz").texts(), ["detras"]);
}

#[test]
fn messages_that_never_become_complete_fill_no_vault_and_block_nothing() {
    let mut world = pair();
    let now_s = world.now_s;
    let long = "x".repeat(velar_protocol::circle::limits::MAX_TEXT_LEN);
    for _ in 0..300 {
        world.device("Ana").say(&long, &[], now_s).unwrap();
    }
    world.send("Ana", |_| true);
    // Of each message one part is lost.
    world.meddle("Luz", |waiting| {
        let mut index = 0;
        waiting.retain(|_| {
            index += 1;
            index % 5 != 0
        });
    });
    world.receive("Luz");
    let kept = world.device("Luz").vault.read(|tx| tx.count::<PartsKind>()).unwrap();
    assert!(kept <= MAX_INCOMPLETE as u64, "{kept}");
    world.device("Ana").say("detras", &[], now_s).unwrap();
    world.send("Ana", |_| true);
    world.receive("Luz");
    assert!(world.person("Luz").texts().contains(&"detras"));
}

#[test]
fn unfinished_messages_of_one_member_displace_their_own_which_are_asked_for() {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender), ("Eva", Role::Accompanier)]);
    let now_s = world.now_s;
    let luz = [world.person("Luz").member()];
    let texts: Vec<String> = (0..20).map(|i| i.to_string().repeat(4000)).collect();
    let lose_first = |waiting: &mut std::collections::VecDeque<_>, parts: usize| {
        let mut index = 0;
        waiting.retain(|_| {
            index += 1;
            index % parts != 1
        });
    };
    world.device("Eva").say(&texts[0], &luz, now_s).unwrap();
    world.send("Eva", |_| true);
    world.meddle("Luz", |waiting| lose_first(waiting, 2));
    world.receive("Luz");
    for text in &texts[10..] {
        world.device("Ana").say(text, &luz, now_s).unwrap();
        world.device("Ana").say(text, &luz, now_s).unwrap();
    }
    world.send("Ana", |_| true);
    world.meddle("Luz", |waiting| lose_first(waiting, 3));
    world.receive("Luz");
    let kept = world.device("Luz").vault.read(|tx| tx.count::<PartsKind>()).unwrap();
    assert_eq!(kept, 1 + MAX_INCOMPLETE as u64);
    let asked = |item: &&crate::records::Item| matches!(item.what, What::Unopened { asked: true });
    assert_eq!(world.person("Luz").shown.iter().filter(asked).count(), 1);
    world.settle();
    // Those that were displaced, and the one that they displaced as they came again.
    assert_eq!(world.person("Luz").texts().len(), 5);
}

#[test]
fn what_every_reader_has_shown_is_forgotten_after_half_a_year() {
    let mut world = pair();
    let now_s = world.now_s;
    world.device("Ana").say("antes", &[], now_s).unwrap();
    world.settle();
    let items = |world: &mut World| world.device("Luz").items_after(0).unwrap();
    let last = items(&mut world).last().unwrap().0;
    world.device("Ana").say("sin leer", &[], now_s).unwrap();
    world.settle();
    let forget = |world: &mut World, days: u64| {
        world.now_s += days * 86_400;
        let now_s = world.now_s;
        world.device("Luz").write(now_s, |turn| turn.forget_old()).unwrap();
    };
    let before = items(&mut world).len();
    forget(&mut world, 181);
    assert_eq!(items(&mut world).len(), before, "no reader has shown it");
    world.device("Luz").set_cursor("watch", last).unwrap();
    forget(&mut world, 1);
    assert_eq!(items(&mut world).len(), 1);
}

#[test]
fn a_garbled_envelope_is_said_and_costs_no_other() {
    let mut world = pair();
    let now_s = world.now_s;
    world.device("Ana").say("uno", &[], now_s).unwrap();
    world.device("Ana").say("dos", &[], now_s).unwrap();
    world.send("Ana", |_| true);
    world.meddle("Luz", |waiting| {
        let mut bytes = waiting[0].as_bytes().to_vec();
        bytes[3000] ^= 1;
        waiting.push_front(velar_protocol::wire::Envelope::new(bytes).unwrap());
    });
    world.settle();
    assert_eq!(world.person("Luz").texts(), ["uno", "dos"]);
}

#[test]
fn what_was_received_leaves_the_outbox() {
    let mut world = pair();
    let now_s = world.now_s;
    let message = world.device("Ana").say("hola", &[], now_s).unwrap();
    let reach = |world: &mut World| world.device("Ana").progress(message).unwrap()[0].2.clone();
    assert_eq!(reach(&mut world), Reach::Queued);
    world.send("Ana", |_| true);
    assert_eq!(reach(&mut world), Reach::AtRelay(vec!["127.0.0.1:4433".into()]));
    world.settle();
    assert!(matches!(reach(&mut world), Reach::Received(_)));
    for name in ["Ana", "Luz"] {
        let left = world.device(name).vault.read(|tx| tx.count::<OutgoingKind>()).unwrap();
        assert_eq!(left, 0, "{name}");
    }
}

#[test]
fn a_message_that_was_lost_is_sealed_again_once_the_other_is_heard() {
    let mut world = pair();
    let now_s = world.now_s;
    world.device("Ana").say("perdido", &[], now_s).unwrap();
    world.send("Ana", |_| true);
    world.meddle("Luz", std::collections::VecDeque::clear);
    world.now_s += 600;
    let now_s = world.now_s;
    world.device("Ana").tend(true, true, now_s).unwrap();
    world.settle();
    assert!(world.person("Luz").texts().is_empty(), "silence alone seals nothing again");
    world.device("Luz").say("aqui", &[], now_s).unwrap();
    world.settle();
    world.device("Ana").tend(true, true, now_s).unwrap();
    world.settle();
    assert_eq!(world.person("Luz").texts(), ["perdido"]);
}

#[test]
fn stocks_of_prekeys_stay_within_their_bounds() {
    let mut world = pair();
    for i in 0..200 {
        let now_s = world.now_s;
        let name = if i % 3 == 0 { "Luz" } else { "Ana" };
        world.device(name).say("x", &[], now_s).unwrap();
        world.settle();
    }
    for name in ["Ana", "Luz"] {
        let issued = world.device(name).vault.read(|tx| tx.list::<IssuedKind>()).unwrap();
        assert!(issued.len() <= STOCK_MAX + 8, "{name}: {}", issued.len());
    }
}

#[test]
fn a_new_last_resort_prekey_goes_out_each_week_and_old_private_halves_go_away() {
    let mut world = pair();
    let day = 86_400;
    for _ in 0..100 {
        world.now_s += day;
        let now_s = world.now_s;
        for name in ["Ana", "Luz"] {
            world.device(name).tend(true, true, now_s).unwrap();
        }
        world.settle();
    }
    let today = world.now_s / day;
    for name in ["Ana", "Luz"] {
        let issued = world.device(name).vault.read(|tx| tx.list::<IssuedKind>()).unwrap();
        let oldest = issued.iter().map(|(_, issued)| u64::from(issued.day.0)).min().unwrap();
        assert!(today - oldest <= 76, "{name}: {}", today - oldest);
    }
    let now_s = world.now_s;
    world.device("Ana").say("tras cien dias", &[], now_s).unwrap();
    world.settle();
    assert_eq!(world.person("Luz").texts(), ["tras cien dias"]);
}

#[test]
fn a_prekey_that_was_sealed_to_is_not_taken_again() {
    let mut world = pair();
    let luz = world.person("Luz").member();
    let now_s = world.now_s;
    let refused = world.device("Ana").write(now_s, |turn| {
        let ids = turn.tx.get::<StockKind>(&luz.0)?.unwrap();
        let prekey = turn.tx.get::<StockKeyKind>(&ids[0].0)?.unwrap();
        let owner = turn.identity_of(luz)?.unwrap();
        turn.tell(&[luz], Body::Prekeys, &Post::of(Class::Alert).without_receipt())?;
        let gone = !turn.tx.contains::<StockKeyKind>(&ids[0].0)?;
        Ok(gone && !turn.stock(&owner, &prekey)?)
    });
    assert!(refused.unwrap());
}

#[test]
fn an_older_set_of_tokens_at_the_relay_is_replaced_again() {
    let mut world = pair();
    let home = world.device("Luz").homes().unwrap().remove(0);
    assert!(home.registered);
    let registered = |world: &mut World, revision| {
        let device = world.device("Luz");
        device.opened(&home.relay, revision, &[], START_S).unwrap();
        device.homes().unwrap()[0].registered
    };
    assert!(!registered(&mut world, home.revision - 1));
    assert!(registered(&mut world, home.revision));
}
