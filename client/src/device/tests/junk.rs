//! Envelopes that nothing here opens, as whoever has a token can send any number of them.

use velar_protocol::circle::Role;
use velar_protocol::seal::lifetimes::{STOCK_MAX, STOCK_START};
use velar_protocol::seal::{Day, MemberId, PrekeyId};
use velar_protocol::wire::{Answer, Envelope, SendTokenHash};

use super::office::{World, arrived};
use crate::device::{Arrived, UnopenedView};
use crate::records::{
    Holder, Issued, IssuedKind, Item, PeerKind, SeenEnvelopeKind, SpentKind, What,
};
use crate::tallies::{ASKED_AN_HOUR, MANY};

fn trio() -> World {
    World::circle("Luz", &[("Ana", Role::Defender), ("Eva", Role::Accompanier)])
}

fn junk(n: u64) -> Envelope {
    let bytes = [&[1][..], &n.to_le_bytes().repeat(512)[1..]].concat();
    Envelope::new(bytes).unwrap()
}

/// The token that one person has for another's mailbox.
fn token(world: &mut World, of: &'static str, to: &'static str) -> SendTokenHash {
    let to = world.person(to).member();
    let peer = world.device(of).vault.read(|tx| tx.get::<PeerKind>(&to.0)).unwrap().unwrap();
    peer.addresses[0].token.hash()
}

/// Sends junk to Luz by this token.
fn flood(world: &mut World, by: SendTokenHash, numbers: std::ops::Range<u64>) {
    for n in numbers {
        assert_eq!(world.office.send(by, junk(n)), Answer::Accepted);
    }
    world.receive("Luz");
}

fn unopened(world: &mut World) -> UnopenedView {
    let now_s = world.now_s;
    world.device("Luz").unopened(now_s).unwrap()
}

/// As a later version may begin.
fn newer(n: u64) -> Envelope {
    let bytes = [&[2][..], &junk(n).as_bytes()[1..]].concat();
    Envelope::new(bytes).unwrap()
}

/// What Luz was told of a member's token: how often that something came, and how often that many did.
fn told(world: &mut World, of: MemberId) -> (usize, usize) {
    let shown = &world.person("Luz").shown;
    let unmatched =
        |item: &&Item| matches!(item.what, What::Unmatched { member, .. } if member == of);
    let many = |item: &&Item| matches!(item.what, What::ManyUnopened { holder, .. } if holder.member() == Some(of));
    (shown.iter().filter(unmatched).count(), shown.iter().filter(many).count())
}

#[test]
fn what_calls_itself_newer_counts_as_all_that_is_not_opened() {
    let mut world = trio();
    let (ana, by) = (world.person("Ana").member(), token(&mut world, "Ana", "Luz"));
    for n in 0..=MANY {
        assert_eq!(world.office.send(by, newer(n)), Answer::Accepted);
    }
    world.receive("Luz");
    assert_eq!(told(&mut world, ana), (0, 1));
    let counted = unopened(&mut world);
    let [one] = counted.by_token.as_slice() else { panic!("{counted:?}") };
    assert_eq!((one.holder, one.count, one.many), (Holder::Member(ana), MANY + 1, true));
    // What is kept counts once, however often a relay delivers it.
    let again = |n| Arrived { token: Some(by.mark()), ..arrived(newer(n)) };
    let (again, now_s) = ((0..32).map(again).collect::<Vec<_>>(), world.now_s);
    world.device("Luz").receive(&again, now_s).unwrap();
    assert_eq!(unopened(&mut world), counted);
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
fn cost(world: &mut World, by: SendTokenHash, envelopes: std::ops::Range<u64>) -> usize {
    let before = world.device("Luz").vault.records_opened();
    for n in envelopes {
        flood(world, by, n..n + 1);
    }
    world.device("Luz").vault.records_opened() - before
}

#[test]
fn what_junk_costs_does_not_grow_with_the_history_of_prekeys() {
    let [young, old] = [10, 3000].map(|prekeys| {
        let mut world = World::circle("Luz", &[("Ana", Role::Defender)]);
        grow_old(&mut world, prekeys);
        let ana = token(&mut world, "Ana", "Luz");
        let first = cost(&mut world, ana, 0..10);
        assert!(first as u64 >= prekeys, "{first}");
        cost(&mut world, ana, 10..100)
    });
    assert_eq!(young, old);
    assert!(young < 90 * 10, "{young}");
}

#[test]
fn junk_by_a_members_token_leaves_no_records_and_nothing_is_lost_beside_it() {
    let mut world = trio();
    let (ana, member) = (token(&mut world, "Ana", "Luz"), world.person("Ana").member());
    let now_s = world.now_s;
    flood(&mut world, ana, 0..200);
    world.settle();
    let before = world.device("Luz").vault.records();
    for n in 0..20 {
        flood(&mut world, ana, 200 + n * 100..300 + n * 100);
        world.settle();
    }
    assert_eq!(world.device("Luz").vault.records(), before);
    world.device("Ana").say("sigo aqui", &[], now_s).unwrap();
    world.device("Eva").say("yo tambien", &[], now_s).unwrap();
    flood(&mut world, ana, 3000..3100);
    world.settle();
    assert_eq!(world.person("Luz").texts(), ["sigo aqui", "yo tambien"]);
    assert_eq!(told(&mut world, member), (1, 1));
    let counted = unopened(&mut world);
    assert_eq!(counted.by_unknown, 0);
    let [one] = counted.by_token.as_slice() else { panic!("{counted:?}") };
    assert_eq!((one.holder, one.count, one.many), (Holder::Member(member), 2300, true));
    let eva = world.person("Eva").member();
    assert_eq!(told(&mut world, eva), (0, 0));
}

#[test]
fn a_member_is_asked_a_few_times_an_hour_whatever_comes_by_their_token() {
    let mut world = trio();
    let ana = token(&mut world, "Ana", "Luz");
    let member = world.person("Ana").member();
    let told = |world: &mut World| {
        let vault = &mut world.device("Luz").vault;
        vault.read(|tx| tx.get::<PeerKind>(&member.0)).unwrap().unwrap().sequence
    };
    let asked = |world: &mut World, hours: u64| {
        let before = told(world);
        for hour in 0..hours {
            for batch in 0..4 {
                let first = 1_000 * hour + 10 * batch + 100_000 * world.now_s;
                flood(world, ana, first..first + 10);
                world.settle();
                world.now_s += 800;
            }
            world.now_s += 400;
        }
        told(world) - before
    };
    assert_eq!(asked(&mut world, 1), ASKED_AN_HOUR as u64);
    // Also by another process.
    world.person("Luz").reopen(false);
    assert_eq!(asked(&mut world, 3), 3 * ASKED_AN_HOUR as u64);
    // Who answers no question is asked no more.
    for round in 0..100 {
        flood(&mut world, ana, round * 7 + 1..round * 7 + 8);
        world.send("Luz", |_| true);
        world.now_s += 3600;
    }
    let before = world.device("Luz").vault.records();
    flood(&mut world, ana, 900..990);
    assert_eq!(world.device("Luz").vault.records(), before);
}

#[test]
fn the_first_question_of_a_day_brings_fresh_prekeys_whatever_the_member_holds() {
    let mut world = trio();
    let (ana, member) = (token(&mut world, "Ana", "Luz"), world.person("Ana").member());
    let vault = &mut world.device("Luz").vault;
    let full = vault.write::<_, crate::vault::VaultError>(|tx| {
        let peer = tx.get::<PeerKind>(&member.0)?.unwrap();
        tx.put::<PeerKind>(&member.0, &crate::records::Peer { outstanding: 1000, ..peer })
    });
    full.unwrap();
    let mut issued = Vec::new();
    for n in 0..4 {
        let count = |world: &mut World| {
            world.device("Luz").vault.read(|tx| tx.count::<IssuedKind>()).unwrap()
        };
        let before = count(&mut world);
        flood(&mut world, ana, n..n + 1);
        issued.push(count(&mut world) - before);
        world.now_s += 86_400 / 3 + 1;
    }
    assert_eq!(issued, [STOCK_START as u64, 0, 0, STOCK_START as u64]);
}

#[test]
fn what_comes_by_no_known_token_is_counted_and_no_more() {
    let mut world = trio();
    let before = (world.device("Luz").vault.records(), world.person("Luz").shown.len());
    world.meddle("Luz", |waiting| waiting.extend((0..MANY + 36).map(junk)));
    world.receive("Luz");
    let home = world.device("Luz").homes().unwrap().remove(0);
    let nobodys = SendTokenHash([9; 32]);
    world.office.register(home.mailbox.id(), nobodys);
    flood(&mut world, nobodys, 500..600);
    assert_eq!(unopened(&mut world), UnopenedView { by_token: Vec::new(), by_unknown: MANY + 136 });
    let after = (world.device("Luz").vault.records(), world.person("Luz").shown.len());
    assert_eq!(after, (before.0 + 1, before.1), "one record of numbers");
    assert!(!world.carry("Luz"));
}

#[test]
fn what_comes_by_a_spare_is_counted_and_many_are_said() {
    let mut world = trio();
    let luz = world.person("Luz").member();
    world.admit("Luz", "Sol", Role::Coordinator);
    world.now_s += 8 * 86_400;
    let now_s = world.now_s;
    world.device("Luz").tend(true, true, now_s).unwrap();
    world.settle();
    let spares = world.device("Sol").vault.read(|tx| tx.get::<crate::records::SparesKind>(&luz.0));
    let spare = spares.unwrap().unwrap()[0].addresses[0].token.hash();
    flood(&mut world, spare, 0..MANY + 1);
    let sol = world.person("Sol").member();
    assert_eq!(told(&mut world, sol), (0, 1));
    assert!(matches!(unopened(&mut world).by_token[0].holder, Holder::Spare(by, _) if by == sol));
}

#[test]
fn envelopes_that_look_like_one_to_a_known_prekey_leave_no_records() {
    let mut world = trio();
    let (ana, now_s) = (token(&mut world, "Ana", "Luz"), world.now_s);
    for _ in 0..STOCK_MAX {
        world.device("Ana").say("hola", &[], now_s).unwrap();
    }
    world.send("Ana", |_| true);
    let mut seen = Vec::new();
    world.meddle("Luz", |waiting| seen.extend(waiting.iter().cloned()));
    let forged = |world: &mut World, n: u8| {
        for envelope in &seen {
            let mut bytes = envelope.as_bytes().to_vec();
            bytes[2000..2016].copy_from_slice(&[n; 16]);
            world.office.send(ana, Envelope::new(bytes).unwrap());
        }
        world.receive("Luz");
    };
    // The prekeys are out, and then they are used.
    for n in [0, 10] {
        (n..n + 3).for_each(|n| forged(&mut world, n));
        world.settle();
        let seen = |world: &mut World| {
            world.device("Luz").vault.read(|tx| tx.count::<SeenEnvelopeKind>()).unwrap()
        };
        let before = (seen(&mut world), world.device("Luz").vault.records());
        (n + 3..n + 10).for_each(|n| forged(&mut world, n));
        assert_eq!((seen(&mut world), world.device("Luz").vault.records()), before);
    }
    assert_eq!(world.person("Luz").texts().len(), STOCK_MAX);
}

#[test]
fn used_prekeys_are_not_looked_through_for_each_envelope_of_a_flood() {
    let said = |many: u64| {
        let mut world = trio();
        let (ana, now_s) = (token(&mut world, "Ana", "Luz"), world.now_s);
        let mut used = Vec::new();
        world.device("Ana").say("hola", &[], now_s).unwrap();
        world.send("Ana", |_| true);
        world.meddle("Luz", |waiting| used.extend(waiting.iter().cloned()));
        world.settle();
        // Ids that were out are known until the next day.
        world.now_s += 86_400;
        flood(&mut world, ana, 0..many);
        let mut bytes = used[0].as_bytes().to_vec();
        bytes[3000] ^= 1;
        world.office.send(ana, Envelope::new(bytes).unwrap());
        world.receive("Luz");
        let unopened = |item: &&Item| matches!(item.what, What::Unopened { .. });
        world.person("Luz").shown.iter().filter(unopened).count()
    };
    assert_eq!((said(MANY - 1), said(MANY + 1)), (1, 0));
}

#[test]
fn what_was_sealed_to_keys_that_an_older_copy_of_the_vault_lacks_comes_again() {
    let mut world = trio();
    let (now_s, ana) = (world.now_s, [world.person("Ana").member()]);
    let talk = |world: &mut World, rounds: usize| {
        for _ in 0..rounds {
            world.device("Ana").say("antes", &[], now_s).unwrap();
            world.settle();
            world.device("Luz").say("antes", &ana, now_s).unwrap();
            world.settle();
        }
    };
    // Each has more of the other's prekeys than the reserve.
    talk(&mut world, 12);
    let copy = world.person("Luz").copy();
    // Others take the place of all of them.
    talk(&mut world, 2 * STOCK_MAX);
    world.person("Luz").put_back(&copy);
    world.device("Ana").say("despues", &[], now_s).unwrap();
    // Each of the prekeys of Ana's in the copy was used, and is asked about.
    let mut rounds = 0;
    while ["Ana", "Eva", "Luz"].iter().any(|name| world.carry(name)) {
        rounds += 1;
        assert!(rounds < 500, "the circle does not come to rest");
    }
    assert_eq!(world.person("Luz").texts().last(), Some(&"despues"));
    let ana = ana[0];
    assert_eq!(told(&mut world, ana), (1, 0));
    assert_eq!(unopened(&mut world).by_token.len(), 1);
}

#[test]
fn prekeys_that_another_process_issues_or_uses_are_known() {
    let mut world = trio();
    let now_s = world.now_s;
    world.meddle("Luz", |waiting| waiting.push_back(junk(0)));
    world.receive("Luz");
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
            let arrived: Vec<Arrived> = waiting.into_iter().map(arrived).collect();
            other.receive(&arrived, now_s).unwrap();
        }
        world.settle();
    }
    assert_eq!(world.person("Luz").texts(), ["0", "1", "2", "3", "4", "5"]);
    assert_eq!(unopened(&mut world).by_unknown, 1);
}

#[test]
fn a_former_member_is_asked_for_nothing() {
    let mut world = trio();
    let (now_s, eva) = (world.now_s, world.person("Eva").member());
    let by = token(&mut world, "Eva", "Luz");
    world.device("Luz").remove_member(eva, now_s).unwrap();
    // It was on its way.
    let sent = world.office.sent;
    flood(&mut world, by, 0..MANY + 10);
    assert_eq!(told(&mut world, eva), (0, 0));
    assert_eq!(unopened(&mut world).by_unknown, MANY + 10);
    assert_eq!(world.office.sent, sent + MANY as usize + 10);
}
