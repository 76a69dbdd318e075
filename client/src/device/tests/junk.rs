//! Envelopes that nothing here opens, as whoever has a token can send any number of them.

use velar_protocol::circle::Role;
use velar_protocol::seal::{Day, PrekeyId};
use velar_protocol::wire::Envelope;

use super::office::World;
use crate::records::{Holder, Issued, IssuedKind, SpentKind};

fn pair() -> World {
    World::circle("Luz", &[("Ana", Role::Defender)])
}

fn junk(n: u64) -> Envelope {
    let bytes = [&[1][..], &n.to_le_bytes().repeat(512)[1..]].concat();
    Envelope::new(bytes).unwrap()
}

/// Prekeys as years of use leave them.
fn grow_old(world: &mut World, prekeys: u64) {
    let (day, holder) = (Day::of_unix(world.now_s), Holder::Member(world.person("Ana").member()));
    let vault = &mut world.device("Luz").vault;
    let put = vault.write::<_, crate::vault::VaultError>(|tx| {
        for n in 0..prekeys {
            let id = PrekeyId([n.to_le_bytes(), (!n).to_le_bytes()].concat().try_into().unwrap());
            let issued = Issued { id, day, holder };
            if n % 2 == 0 {
                tx.put::<IssuedKind>(&id.0, &issued)?;
            } else {
                tx.put::<SpentKind>(&id.0, &issued)?;
            }
        }
        Ok(())
    });
    put.unwrap();
}

/// Records that are opened for this many envelopes, each by itself.
fn cost(world: &mut World, envelopes: std::ops::Range<u64>) -> usize {
    let before = world.device("Luz").vault.records_opened();
    for n in envelopes {
        world.meddle("Luz", |waiting| waiting.push_back(junk(n)));
        world.receive("Luz");
    }
    world.device("Luz").vault.records_opened() - before
}

#[test]
fn what_junk_costs_does_not_grow_with_the_history_of_prekeys() {
    let [young, old] = [10, 3000].map(|prekeys| {
        let mut world = pair();
        grow_old(&mut world, prekeys);
        let first = cost(&mut world, 0..1);
        assert!(first as u64 >= prekeys, "{first}");
        cost(&mut world, 1..50)
    });
    assert_eq!(young, old);
}

#[test]
fn prekeys_that_another_process_issues_or_uses_are_known() {
    let mut world = pair();
    let now_s = world.now_s;
    cost(&mut world, 0..1);
    // What is told brings prekeys, and what is told back is sealed to them.
    for round in 0..6 {
        let mut other = world.person("Luz").another_process();
        other.say("hola", &[], now_s).unwrap();
        drop(other);
        world.settle();
        world.device("Ana").say(&format!("{round}"), &[], now_s).unwrap();
        world.send("Ana", |_| true);
        if round % 2 == 0 {
            let mut other = world.person("Luz").another_process();
            let mut waiting = Vec::new();
            world.meddle("Luz", |envelopes| waiting.extend(envelopes.iter().cloned()));
            other.receive(&waiting, now_s).unwrap();
        }
        world.settle();
    }
    assert_eq!(world.person("Luz").texts(), ["0", "1", "2", "3", "4", "5"]);
    let unopened =
        |item: &crate::records::Item| matches!(item.what, crate::records::What::Unopened { .. });
    assert_eq!(world.person("Luz").shown.iter().filter(|item| unopened(item)).count(), 1);
}
