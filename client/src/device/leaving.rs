//! Leaving the circle: the lead removes a member, everybody lets go of who was removed, and the device of who was removed
//! says so instead of speaking to people who do not hear it any more.

use std::collections::BTreeMap;

use velar_protocol::circle::{Body, Message, Roster};
use velar_protocol::seal::MemberId;

use super::sealing::Post;
use super::views::name_of;
use super::{Device, DeviceError, Done, Turn};
use crate::outbox::Class;
use crate::records::{
    Delivery, DeliveryKind, HoldKind, Holder, IntroductionKind, OwedKind, PassedKind, PresenceKind,
    RosterKind, SparesKind, delivery_key,
};

impl Device {
    /// Removes a member from the circle, as its lead, and tells everybody; that member too, so that nobody counts on people
    /// who do not hear. Says whether there is a way to tell them.
    ///
    /// # Errors
    /// [`DeviceError::NotLead`]; [`DeviceError::UnknownMember`]; [`DeviceError::LeadStays`].
    pub fn remove_member(&mut self, member: MemberId, now_s: u64) -> Done<bool> {
        self.write(now_s, |turn| {
            let before = turn.the_roster()?;
            turn.must_belong()?;
            if before.lead() != turn.me() {
                return Err(DeviceError::NotLead);
            }
            if member == turn.me() {
                return Err(DeviceError::LeadStays);
            }
            before.member(member).ok_or(DeviceError::UnknownMember)?;
            let after = before.without_member(turn.identity, member)?;
            // What only members may hear stays here; what says who is in the circle still goes.
            turn.drop_deliveries(member)?;
            let told = turn.farewell(member, &after)?;
            turn.set_roster(&after)?;
            for other in turn.others()? {
                turn.tell_roster(other, before.number())?;
            }
            turn.who_came_and_went(&before, &after)?;
            Ok(told)
        })
    }

    /// Whether this device was removed from its circle: nobody there hears it any more.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn is_removed(&mut self) -> Done<bool> {
        self.read(0, |turn| turn.is_removed())
    }

    /// Names of those who were in the circle once and are not any more.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn former_members(&mut self) -> Done<BTreeMap<MemberId, String>> {
        self.read(0, |turn| {
            let Some(now) = turn.roster()? else { return Ok(BTreeMap::new()) };
            let mut former = BTreeMap::new();
            for (_, state) in turn.tx.list::<RosterKind>()? {
                for member in Roster::claimed(&state).iter().map(|entry| entry.member()) {
                    if now.member(member).is_none() && !former.contains_key(&member) {
                        let name = match member == turn.me() {
                            true => turn.profile()?.name,
                            false => name_of(member, &turn.peer(member)?),
                        };
                        former.insert(member, name);
                    }
                }
            }
            Ok(former)
        })
    }
}

impl Turn<'_> {
    /// Whether the newest roster does not list this device.
    pub(super) fn is_removed(&self) -> Done<bool> {
        Ok(self.roster()?.is_some_and(|roster| roster.member(self.me()).is_none()))
    }

    /// What a person says is said to a circle that hears it.
    pub(super) fn must_belong(&self) -> Done {
        if self.is_removed()? { Err(DeviceError::Removed) } else { Ok(()) }
    }

    /// The state without a member, to that member, by the ways that are known now.
    fn farewell(&mut self, member: MemberId, after: &Roster) -> Done<bool> {
        let body = Body::Rosters { chain: vec![after.signed().clone()], names: Vec::new() };
        let message = self.tell(&[member], body, &Post::of(Class::Care).without_receipt())?;
        let delivery = self.readable::<DeliveryKind>(&delivery_key(message, member))?;
        Ok(delivery.is_some_and(|delivery| delivery.parts.is_some()))
    }

    /// Nothing more to or from this member: the tokens for my mailboxes revoked, what was to go there dropped, what was known
    /// of how to reach them forgotten.
    pub(super) fn let_go(&mut self, member: MemberId) -> Done {
        let mut profile = self.profile()?;
        self.revoke(&mut profile, |holder| match holder {
            Holder::Member(by) | Holder::Spare(by, _) => *by == member,
            Holder::Invitation(_) | Holder::Everyone => false,
        });
        self.set_profile(&profile)?;
        self.drop_deliveries(member)?;
        self.drop_stock(member)?;
        self.tx.delete::<OwedKind>(&member.0)?;
        self.tx.delete::<PassedKind>(&member.0)?;
        self.tx.delete::<PresenceKind>(&member.0)?;
        self.tx.delete::<SparesKind>(&member.0)?;
        for (_, (newcomer, of)) in self.tx.list::<IntroductionKind>()? {
            if newcomer == member || of == member {
                self.tx.delete::<IntroductionKind>(&super::joining::owed_key(newcomer, of))?;
            }
        }
        let mut peer = self.peer(member)?;
        peer.addresses.clear();
        peer.last_resort = None;
        peer.watching_until_s = None;
        self.set_peer(member, &peer)
    }

    /// It is this device that was removed. What lies at relays stays: there silence is heard by who does not know yet.
    pub(super) fn let_myself_go(&mut self, before: &Roster) -> Done {
        for member in before.members().iter().map(|entry| entry.member()) {
            self.drop_deliveries(member)?;
            self.tx.delete::<OwedKind>(&member.0)?;
        }
        self.set_plan(None)?;
        self.tx.delete::<HoldKind>(&[])?;
        let mut profile = self.profile()?;
        profile.check_in = None;
        self.set_profile(&profile)
    }

    /// Whether a message says who is in the circle, and is sealed: whoever is removed hears that, too.
    pub(super) fn is_about_the_roster(delivery: &Delivery) -> bool {
        let message = Message::decode(&delivery.bytes);
        delivery.parts.is_some()
            && message.is_ok_and(|message| matches!(message.body, Body::Rosters { .. }))
    }
}
