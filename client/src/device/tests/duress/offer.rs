//! The offer of an invitation says nothing of a passphrase: its link, which the vault keeps, opens it.

use velar_protocol::circle::words::WordList;
use velar_protocol::circle::{Invitation, Role, Roles};
use velar_protocol::seal::{CircleId, Day, Part, PrekeyKind, Voice, open, seal};
use velar_protocol::wire::Envelope;

use super::{circle, knows_nothing};
use crate::device::tests::office::World;
use crate::records::{InvitationKind, PeerKind};

/// The voice of an offer, opened with the link that the vault keeps.
fn voice(world: &mut World, id: [u8; 16], offer: &Envelope) -> Voice {
    let kept = world.device("Luz").vault.read(|tx| tx.get::<InvitationKind>(&id)).unwrap().unwrap();
    let link: Invitation = String::from_utf8(kept.link.0.clone()).unwrap().parse().unwrap();
    let (identity, prekey) = (link.identity().public(), link.prekey());
    open(&identity, &CircleId::NONE, &prekey, offer).unwrap().part.voice
}

#[test]
fn an_offer_says_the_same_whichever_passphrase_was_typed() {
    let mut world = circle();
    for second in [false, true] {
        world.person("Luz").reopen(second);
        let (now_s, roles) = (world.now_s, Roles::of(&[Role::Accompanier]));
        let offer = world.device("Luz").invite(roles, WordList::Spanish, now_s).unwrap();
        assert_eq!(voice(&mut world, offer.id, &offer.envelope), Voice::NONE, "second: {second}");
    }
}

#[test]
fn what_an_offer_says_of_a_passphrase_is_passed_over() {
    let mut world = circle();
    let (now_s, roles) = (world.now_s, Roles::of(&[Role::Accompanier]));
    let offer = world.device("Luz").invite(roles, WordList::Spanish, now_s).unwrap();
    let (luz, link) = (world.person("Luz").member(), &offer.invitation);
    let (guest, none) = (link.identity().public(), CircleId::NONE);
    // As an earlier program made it, or another.
    let device = world.device("Luz");
    let own = Voice(device.vault.voice());
    let opened = open(&guest, &none, &link.prekey(), &offer.envelope).unwrap();
    let part = Part { voice: Voice([9; 16]), ..opened.part };
    let today = Day::of_unix(now_s);
    let prekey = link.public_prekey(today).verify(&guest, &none, today, PrekeyKind::OneTime);
    let said = seal(&device.identity, &guest, &none, &prekey.unwrap(), &part, &mut device.entropy);
    world.device("Sol").join(link, &[said.unwrap()], "Sol", now_s).unwrap();
    let known = |world: &mut World| {
        let peer = world.device("Sol").vault.read(|tx| tx.get::<PeerKind>(&luz.0)).unwrap();
        peer.unwrap().voice
    };
    assert_eq!(known(&mut world), None);
    world.settle();
    world.device("Luz").answers(now_s).unwrap();
    world.settle();
    assert_eq!(known(&mut world), Some(own.0));
    knows_nothing(&mut world, "Sol");
}
