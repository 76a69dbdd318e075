//! What somebody who was never let in can make others do: little, and not for long.

use std::collections::BTreeSet;

use velar_protocol::circle::{Body, Message, PersonId, Role, Roles, RosterMember};
use velar_protocol::seal::{IdentitySecret, MessageId};

use super::office::World;
use crate::records::{DeliveryKind, Early, EarlyKind, Holder, PeerKind};

/// Introduces many invented newcomers to Luz, each by a state that may follow one which she does not hold.
fn flood(world: &mut World, through: Holder, first: u8, count: u8) {
    let now_s = world.now_s;
    for n in first..first + count {
        let stranger = IdentitySecret::from_seed(&[n; 64]);
        let identity = stranger.public();
        world
            .device("Luz")
            .write(now_s, |turn| {
                let entry = |identity| {
                    let person = PersonId([n; 16]);
                    RosterMember { person, roles: Roles::of(&[Role::Accompanier]), identity }
                };
                let other = IdentitySecret::from_seed(&[!n; 64]).public();
                let between = turn.the_roster()?.with_member(turn.identity, entry(other))?;
                let gap = between.with_member(turn.identity, entry(identity))?;
                let mut profile = turn.profile()?;
                let card = turn.card_for(&mut profile, identity.member())?;
                let names = vec![(turn.me(), "otra".to_owned())];
                let body = Body::Introduction { chain: vec![gap.signed().clone()], names, card };
                let bytes =
                    Message { sent_at_s: now_s, kit: 0, marks: Vec::new(), body }.encode()?;
                turn.act(Early {
                    from: identity,
                    message: MessageId([n; 16]),
                    sequence: 1,
                    bytes,
                    through,
                    prekeys: Vec::new(),
                    voices: BTreeSet::new(),
                })
            })
            .unwrap();
    }
}

#[test]
fn invented_newcomers_make_nobody_ask_and_are_forgotten() {
    let mut world = World::circle("Luz", &[("Ana", Role::Defender)]);
    let counts = |world: &mut World| {
        let vault = &mut world.device("Luz").vault;
        let count = |tx: &crate::vault::Tx<'_>| {
            let early = tx.count::<EarlyKind>()?;
            Ok::<_, crate::vault::VaultError>((
                early,
                tx.count::<PeerKind>()?,
                tx.count::<DeliveryKind>()?,
            ))
        };
        vault.read(count).unwrap()
    };
    let before = counts(&mut world);
    flood(&mut world, Holder::Everyone, 1, 40);
    assert_eq!(counts(&mut world), (32, before.1, before.2));
    // Another way has room of its own.
    flood(&mut world, Holder::Invitation([1; 16]), 41, 2);
    assert_eq!(counts(&mut world).0, 34);
    for days in [1, 13, 2] {
        world.now_s += days * 86_400;
        let now_s = world.now_s;
        world.device("Luz").write(now_s, |turn| turn.forget_old()).unwrap();
    }
    assert_eq!(counts(&mut world).0, 0);
}
