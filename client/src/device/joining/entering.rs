//! Entering: the welcome, and the first words between a newcomer and the others.

use velar_protocol::circle::limits::SPARES;
use velar_protocol::circle::{
    Body, Message, Names, Role, Roster, RosterMember, SignedCard, SignedRoster, Spare,
};
use velar_protocol::seal::MemberId;

use super::offer_of;
use crate::device::homes::spares_for_each;
use crate::device::opening::{Acted, Incoming};
use crate::device::sealing::Post;
use crate::device::{DeviceError, Done, Turn};
use crate::outbox::Class;
use crate::records::{Holder, JoiningKind};

impl Turn<'_> {
    /// As joiner: approved. Counts once the person has compared the words.
    pub(in crate::device) fn welcomed(&mut self, from: MemberId, bytes: &[u8]) -> Done<bool> {
        let Some(mut joining) = self.tx.get::<JoiningKind>(&[])? else { return Ok(false) };
        let by_coordinator =
            offer_of(&joining).is_some_and(|offer| offer.coordinator.member() == from);
        if !by_coordinator || self.roster()?.is_some() {
            return Ok(false);
        }
        if joining.confirmed {
            self.enter(bytes)?;
        } else {
            joining.welcome = Some(bytes.to_vec());
            self.tx.put::<JoiningKind>(&[], &joining)?;
        }
        Ok(true)
    }

    pub(in crate::device) fn enter(&mut self, bytes: &[u8]) -> Done {
        let joining = self.tx.get::<JoiningKind>(&[])?.ok_or(DeviceError::NotJoining)?;
        let offer = offer_of(&joining).ok_or(DeviceError::BadOffer)?;
        let Body::Welcome { roster, names, members, circle_name, card } =
            Message::decode(bytes)?.body
        else {
            return Err(DeviceError::NotJoining);
        };
        let coordinator = offer.coordinator.member();
        let checked = Roster::anchor(offer.circle, roster.clone());
        let fits = checked
            .is_ok_and(|roster| roster.lead() == coordinator && roster.member(self.me()).is_some());
        if !fits || card.verify(&offer.circle, &offer.coordinator).is_err() {
            tracing::warn!("a welcome does not fit its invitation");
            return Ok(());
        }
        let roster = self.anchor(offer.circle, roster)?;
        // What the circle uses now is what was joined.
        let spares = members.iter().flat_map(|(_, spare)| &spare.addresses);
        let cards = card.verify(&offer.circle, &offer.coordinator)?.addresses;
        self.know_relays(spares.chain(&cards).map(|address| &address.relay))?;
        let mut profile = self.profile()?;
        profile.circle_name = circle_name;
        self.set_profile(&profile)?;
        self.take_names(coordinator, &roster, &names)?;
        // What the join was sealed to was the invitation's; from here on it is the card's.
        self.take_card(&offer.coordinator, &card)?;
        for (member, spare) in members {
            self.introduce_to(member, &spare)?;
        }
        self.leave_spares(&roster, SPARES)?;
        self.act_on_early()
    }

    /// As newcomer: says hello to a member by one of its spares.
    pub(in crate::device) fn introduce_to(&mut self, member: MemberId, spare: &Spare) -> Done {
        let roster = self.the_roster()?;
        let Some(entry) = roster.member(member).copied() else { return Ok(()) };
        if !self.take_spare(&entry.identity, spare)? {
            return Ok(());
        }
        let mut profile = self.profile()?;
        let card = self.card_for(&mut profile, member)?;
        self.set_profile(&profile)?;
        let chain = vec![roster.signed().clone()];
        let body = Body::Introduction { chain, names: self.names(&roster)?, card };
        self.tell(&[member], body, &Post::of(Class::Care).with_stock())?;
        self.seal_waiting()
    }

    /// As member: a newcomer says hello.
    pub(in crate::device) fn introduced(
        &mut self,
        heard: &Incoming,
        sent_at_s: u64,
        chain: &[SignedRoster],
        names: &Names,
        card: &SignedCard,
    ) -> Done<Acted> {
        let from = heard.from.member();
        if self.roster()?.is_none() {
            return Ok(Acted::TooEarly);
        }
        self.take_rosters(from, sent_at_s, chain, names)?;
        let roster = self.the_roster()?;
        let Some(entry) = roster.member(from).copied() else {
            // States in between may be missing; the lead sends them too.
            return Ok(Acted::TooEarly);
        };
        if card.verify(&roster.circle(), &entry.identity).is_err() {
            tracing::warn!("a newcomer's card was refused");
            return Ok(Acted::Done { receipt: false });
        }
        self.take_card(&entry.identity, card)?;
        if let Holder::Spare(coordinator, number) = heard.through {
            let mut profile = self.profile()?;
            let spare = Holder::Spare(coordinator, number);
            self.hand_over(&mut profile, spare, Holder::Member(from));
            self.set_profile(&profile)?;
            self.leave_spares_with(&roster, coordinator, 1)?;
        }
        let mut peer = self.peer(from)?;
        if peer.card_told == 0 {
            let mut profile = self.profile()?;
            let mine = self.card_for(&mut profile, from)?;
            peer.card_told = profile.card_counter;
            self.set_profile(&profile)?;
            self.set_peer(from, &peer)?;
            self.tell(&[from], Body::Card(mine), &Post::of(Class::Care).with_stock())?;
        }
        self.seal_waiting()?;
        Ok(Acted::Done { receipt: true })
    }

    pub(in crate::device) fn leave_spares(&mut self, roster: &Roster, count: usize) -> Done {
        for entry in roster.members() {
            let member = entry.member();
            if entry.roles.has(Role::Coordinator) && member != self.me() {
                self.leave_spares_with(roster, member, count)?;
            }
        }
        Ok(())
    }

    /// Leaves spares with a coordinator, each with tokens and a prekey of its own.
    pub(in crate::device) fn leave_spares_with(
        &mut self,
        roster: &Roster,
        coordinator: MemberId,
        count: usize,
    ) -> Done {
        if roster.member(coordinator).is_none() {
            return Ok(());
        }
        let me = self.me();
        let leads = |m: &&RosterMember| m.roles.has(Role::Coordinator) && m.member() != me;
        let coordinators = roster.members().iter().filter(leads).count();
        let mut profile = self.profile()?;
        self.let_spares_go(&mut profile, coordinator, coordinators);
        let mut spares = Vec::new();
        for _ in 0..count.min(spares_for_each(coordinators).0) {
            let number = u64::from_le_bytes(self.random());
            let holder = Holder::Spare(coordinator, number);
            let addresses = self.addresses_for(&mut profile, holder);
            let (prekey, last_resort) = (self.issue_prekey(holder)?, self.last_resort()?);
            spares.push(Spare { addresses, prekey, last_resort });
        }
        self.set_profile(&profile)?;
        self.tell(&[coordinator], Body::Spares(spares), &Post::of(Class::Care)).map(|_| ())
    }
}
