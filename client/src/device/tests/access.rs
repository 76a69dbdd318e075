//! Access tokens: what an invitation carries, and what a device shows to open its mailbox.

use velar_protocol::circle::limits::{INVITATION_ACCESS_S, INVITATION_S};
use velar_protocol::circle::words::WordList;
use velar_protocol::circle::{Body, Message, Offer, Role, Roles};
use velar_protocol::seal::{CircleId, open};
use velar_protocol::wire::limits::MAX_CHILD_S;
use velar_protocol::wire::{
    Access, AccessKey, AccessToken, MailboxId, Pin, RelayAddress, Request, TokenOutcome,
};

use super::office::{World, relay};
use crate::device::{Admittance, DeviceError, OfferToSend};

fn key() -> AccessKey {
    AccessKey::new([0xa5; 32])
}

/// A circle of one, whose lead has this token, on a relay that asks for one.
fn asked_for(access: Option<&AccessKey>) -> World {
    let mut world = World::circle("Luz", &[]);
    if let Some(access) = access {
        world.device("Luz").set_access(&relay(), access).unwrap();
    }
    hears(&mut world, "Luz", true, None);
    world
}

/// The relay has opened the mailbox.
fn hears(world: &mut World, name: &'static str, required: bool, reopening: Option<AccessToken>) {
    world.device(name).admitted(&relay(), &Admittance { required, reopening }).unwrap();
}

fn shown(world: &mut World, name: &'static str) -> Vec<AccessToken> {
    world.device(name).homes().unwrap().remove(0).access
}

fn is_unopenable(world: &mut World, name: &'static str) -> bool {
    world.device(name).homes().unwrap()[0].is_unopenable
}

fn invite(world: &mut World) -> Result<OfferToSend, DeviceError> {
    let now_s = world.now_s;
    world.device("Luz").invite(Roles::of(&[Role::Defender]), WordList::Spanish, now_s)
}

fn offer(sent: &OfferToSend) -> Offer {
    let (identity, prekey) = (sent.invitation.identity(), sent.invitation.prekey());
    let opened = open(&identity.public(), &CircleId::NONE, &prekey, &sent.envelope).unwrap();
    let Body::Offer(offer) = Message::decode(&opened.part.body).unwrap().body else { panic!() };
    offer
}

#[test]
fn an_invitation_carries_a_child_of_its_own_and_never_the_token() {
    let mut world = asked_for(Some(&key()));
    let children = [(); 2].map(|()| {
        let sent = invite(&mut world).unwrap();
        assert_eq!(sent.access, Some(key().to_text()), "for the invitation's own mailbox");
        let text = offer(&sent).access.unwrap();
        let access = Access::read(&text).unwrap();
        assert!(bool::from(access.is_of(&key(), &MailboxId([1; 32]))));
        let Access::Child(child) = access else { panic!("{}", text.expose()) };
        let until_s = world.now_s + INVITATION_ACCESS_S;
        assert_eq!(child.expiry_s(), until_s);
        assert!(
            child.expiry_s() <= world.now_s + MAX_CHILD_S && INVITATION_ACCESS_S > INVITATION_S
        );
        child.id()
    });
    assert_ne!(children[0], children[1]);
}

#[test]
fn without_a_token_nobody_is_invited_where_the_relay_asks_for_one() {
    let mut world = asked_for(None);
    let refused = invite(&mut world).err().unwrap();
    assert!(matches!(refused, DeviceError::NoAccessToken(place) if place == relay().place()));
    // Neither a child nor a reopening text makes children.
    hears(&mut world, "Luz", true, Some(key().reopening(&MailboxId([1; 32])).to_text()));
    assert!(matches!(invite(&mut world), Err(DeviceError::NoAccessToken(_))));
    world.device("Luz").set_access(&relay(), &key()).unwrap();
    assert!(offer(&invite(&mut world).unwrap()).access.is_some());
    // Where none is asked for, none is needed.
    let mut world = World::circle("Luz", &[]);
    assert_eq!(offer(&invite(&mut world).unwrap()).access, None);
}

#[test]
fn a_guest_shows_the_child_until_she_has_what_opens_her_mailbox_again() {
    let mut world = asked_for(Some(&key()));
    world.answer("Luz", "Ana", Role::Defender);
    let child = shown(&mut world, "Ana");
    assert!(matches!(Access::read(&child[0]), Some(Access::Child(_))) && child.len() == 1);
    let again = key().reopening(&MailboxId([1; 32])).to_text();
    hears(&mut world, "Ana", true, Some(again.clone()));
    assert_eq!(shown(&mut world, "Ana"), std::slice::from_ref(&again));
    assert!(!is_unopenable(&mut world, "Ana"));
    // The relay asks for nothing for a while: what was said may count again.
    hears(&mut world, "Ana", false, None);
    assert_eq!(shown(&mut world, "Ana"), [again]);
    assert!(!is_unopenable(&mut world, "Ana"));
    // The token was revoked.
    hears(&mut world, "Ana", true, None);
    assert_eq!(shown(&mut world, "Ana"), []);
    assert!(is_unopenable(&mut world, "Ana"));
}

#[test]
fn who_has_a_token_makes_children_of_it_for_others_and_nobody_else_does() {
    let mut world = asked_for(None);
    let now_s = world.now_s;
    let child = |world: &mut World| world.device("Luz").child_for(&relay(), now_s);
    let refused = child(&mut world).err().unwrap();
    assert!(matches!(refused, DeviceError::NoAccessToken(place) if place == relay().place()));
    hears(&mut world, "Luz", true, Some(key().reopening(&MailboxId([1; 32])).to_text()));
    assert!(child(&mut world).is_err());
    world.device("Luz").set_access(&relay(), &key()).unwrap();
    let made = [(); 2].map(|()| child(&mut world).unwrap());
    let [one, other] = made.each_ref().map(|(text, until_s)| {
        let access = Access::read(text).unwrap();
        assert!(bool::from(access.is_of(&key(), &MailboxId([1; 32]))));
        let Access::Child(child) = access else { panic!("{}", text.expose()) };
        assert_eq!((child.expiry_s(), *until_s), (now_s + INVITATION_ACCESS_S, child.expiry_s()));
        child.id()
    });
    assert_ne!(one, other);
    assert_eq!(shown(&mut world, "Luz")[0], key().to_text(), "it is still her own");
    let refused = world.device("Luz").set_child(&relay(), made[0].0.clone());
    assert!(matches!(refused, Err(DeviceError::RelayKnown)));
}

#[test]
fn a_child_that_is_given_later_is_shown_after_what_opens_the_mailbox_again() {
    let mut world = asked_for(Some(&key()));
    world.answer("Luz", "Ana", Role::Defender);
    let again = key().reopening(&MailboxId([1; 32])).to_text();
    hears(&mut world, "Ana", true, Some(again.clone()));
    let child = key().child(world.now_s + 60, [3; 16]).to_text();
    let before = world.device("Ana").homes().unwrap()[0].revision;
    world.device("Ana").set_child(&relay(), child.clone()).unwrap();
    assert!(world.device("Ana").homes().unwrap()[0].revision > before, "it is shown at once");
    assert_eq!(shown(&mut world, "Ana"), [again.clone(), child]);
    hears(&mut world, "Ana", true, Some(again.clone()));
    assert_eq!(shown(&mut world, "Ana"), [again]);
}

#[test]
fn a_coordinator_shows_her_token_first_and_then_what_came_of_another() {
    let mut world = asked_for(Some(&key()));
    let again = AccessKey::new([7; 32]).reopening(&MailboxId([1; 32])).to_text();
    hears(&mut world, "Luz", true, Some(again.clone()));
    assert_eq!(shown(&mut world, "Luz"), [key().to_text(), again.clone()]);
    hears(&mut world, "Luz", true, None);
    assert_eq!(shown(&mut world, "Luz"), [key().to_text()]);
    assert!(
        is_unopenable(&mut world, "Luz"),
        "the relay gave nothing: her token is not valid there"
    );
    let before = world.device("Luz").homes().unwrap()[0].revision;
    world.device("Luz").set_access(&relay(), &AccessKey::new([8; 32])).unwrap();
    let home = world.device("Luz").homes().unwrap().remove(0);
    assert!(home.revision > before, "it is shown at once");
    assert_eq!(home.access, [AccessKey::new([8; 32]).to_text()]);
}

#[test]
fn who_asks_to_be_let_in_says_nothing_before_she_can_be_answered() {
    let mut world = World::circle("Luz", &[]);
    world.answer("Luz", "Ana", Role::Defender);
    let now_s = world.now_s;
    let due = |world: &mut World| world.device("Ana").due(now_s, 100, |_| false).unwrap();
    let opened = |world: &mut World| {
        let home = world.device("Ana").homes().unwrap().remove(0);
        let said: Vec<_> = home.tokens.iter().map(|it| (*it, TokenOutcome::Registered)).collect();
        world.device("Ana").opened(&home.relay, home.revision, &said, now_s).unwrap();
    };
    assert!(due(&mut world).is_empty(), "her mailbox is not open");
    // Another invitation takes the place of one whose relay opened no mailbox; the first answer never leaves.
    let sent = invite(&mut world).unwrap();
    let offers = [sent.envelope.clone()];
    world.device("Ana").join(&sent.invitation, &offers, "Ana", now_s).unwrap();
    assert!(due(&mut world).is_empty());
    opened(&mut world);
    let sending = due(&mut world);
    let reply = offer(&sent).reply[0].token.hash();
    assert!(!sending.is_empty());
    for due in sending {
        let Some(Request::Send { delivery }) = due.request(now_s) else { panic!() };
        assert_eq!(delivery.token.hash(), reply);
    }
    assert_eq!(world.device("Ana").unfinished().unwrap().1, 1);
}

#[test]
fn a_relay_is_found_by_its_place() {
    let mut world = World::circle("Luz", &[]);
    let device = world.device("Luz");
    for place in [relay().place(), relay().host().to_owned(), relay().to_string()] {
        assert_eq!(device.relay_at(&place).unwrap(), relay());
    }
    assert!(matches!(device.relay_at("elsewhere"), Err(DeviceError::UnknownRelay)));
}

#[test]
fn invitations_that_are_over_are_closed_once() {
    let mut world = asked_for(Some(&key()));
    let (first, second) = (invite(&mut world).unwrap(), invite(&mut world).unwrap());
    let ended = |world: &mut World| {
        let now_s = world.now_s;
        let ended = world.device("Luz").ended_invitations(&relay(), now_s).unwrap();
        ended.iter().map(|(_, mailbox)| mailbox.id()).collect::<Vec<_>>()
    };
    assert_eq!(ended(&mut world), [], "both may be answered");
    world.now_s += INVITATION_S + 1;
    let third = invite(&mut world).unwrap();
    let over = ended(&mut world);
    assert_eq!(over.len(), 2);
    assert!(over.contains(&first.mailbox().id()) && over.contains(&second.mailbox().id()));
    world.device("Luz").invitations_closed(&[first.id]).unwrap();
    assert_eq!(ended(&mut world), [second.mailbox().id()]);
    let now_s = world.now_s;
    let elsewhere = world.device("Luz").ended_invitations(&other_relay(), now_s).unwrap();
    assert!(elsewhere.is_empty());
    assert!(!ended(&mut world).contains(&third.mailbox().id()));
}

fn other_relay() -> RelayAddress {
    RelayAddress::new("127.0.0.1", 4434, Pin([8; 32]), None).unwrap()
}
