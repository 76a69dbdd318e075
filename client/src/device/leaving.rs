//! Leaving the circle: the lead removes a member, everybody lets go of who was removed, and the device of who was removed
//! says so instead of speaking to people who do not hear it any more.

use std::collections::BTreeMap;

use velar_protocol::circle::limits::MAX_CHAIN;
use velar_protocol::circle::{
    Alert, AlertId, Body, EventKind, Former, Message, Roster, RosterMember, SignedRoster,
};
use velar_protocol::seal::{Identity, MemberId, MessageId, Opened};

use super::sealing::Post;
use super::views::name_of;
use super::{Device, DeviceError, Done, Turn};
use crate::outbox::Class;
use crate::records::{
    Delivery, DeliveryKind, HoldKind, Holder, IntroductionKind, InvitationKind, InvitedState,
    LeftKind, OwedKind, PassedKind, PresenceKind, SparesKind, What, delivery_key,
};

impl Device {
    /// Removes a member from the circle, as its lead, and tells everybody; that member too, so that nobody counts on people
    /// who do not hear. Says whether there is a way to tell them.
    ///
    /// # Errors
    /// [`DeviceError::NotLead`]; [`DeviceError::UnknownMember`]; [`DeviceError::LeadStays`].
    pub fn remove_member(&mut self, member: MemberId, now_s: u64) -> Done<bool> {
        self.write(now_s, |turn| {
            turn.must_belong()?;
            let before = turn.the_roster()?;
            if before.lead() != turn.me() {
                return Err(DeviceError::NotLead);
            }
            if member == turn.me() {
                return Err(DeviceError::LeadStays);
            }
            before.member(member).ok_or(DeviceError::UnknownMember)?;
            let after = before.without_member(turn.identity, member)?;
            // A silence that has begun is heard, whoever leaves.
            if let Some(deadline) = turn.deadline(member)?.filter(|one| one.due_s <= turn.now_s) {
                turn.overdue(&deadline)?;
            }
            let alerts = turn.all_alerts()?;
            let told = turn.farewell(member, &after)?;
            turn.set_roster(&after)?;
            for other in turn.others()? {
                turn.tell_roster(other, before.number())?;
            }
            turn.who_came_and_went(&before, &after, &alerts)?;
            turn.keep_holds()?;
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
            let mut names = BTreeMap::new();
            for former in turn.membership()?.iter().flat_map(|members| members.former()) {
                let member = former.entry.member();
                let name = match member == turn.me() {
                    true => turn.profile()?.name,
                    false => name_of(member, &turn.peer(member)?),
                };
                names.insert(member, name);
            }
            Ok(names)
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

    /// Tells a member, by the ways that are known now, of the state without it, and of those before that it may not have;
    /// no names, and nothing of what is open. All else that was to go there stays here. Whoever has not heard the welcome
    /// yet hears that the invitation is void.
    fn farewell(&mut self, member: MemberId, after: &Roster) -> Done<bool> {
        let mut chain = self.told_and_not_received(member)?;
        self.drop_deliveries(member, |_| true)?;
        chain.push(after.signed().clone());
        chain.drain(..chain.len().saturating_sub(MAX_CHAIN));
        let post = Post::of(Class::Care).without_receipt();
        let approved = |state| matches!(state, InvitedState::Approved(who) if who == member);
        let invitations = self.tx.list::<InvitationKind>()?;
        if invitations.iter().any(|(_, invited)| approved(invited.state)) {
            self.tell(&[member], Body::Void, &post)?;
        }
        let body = Body::Rosters { chain, names: Vec::new() };
        let (sent_at_s, kit) = (self.now_s, self.kit_valid_from()?);
        let message = Message { sent_at_s, kit, marks: Vec::new(), body }.encode()?;
        let id = MessageId(self.random());
        self.queue(id, member, message, &post)?;
        let delivery = self.readable::<DeliveryKind>(&delivery_key(id, member))?;
        Ok(delivery.is_some_and(|delivery| delivery.parts.is_some()))
    }

    /// States that a member was told of and has not said to have received, oldest first.
    fn told_and_not_received(&self, member: MemberId) -> Done<Vec<SignedRoster>> {
        let deliveries = self.tx.list::<DeliveryKind>()?.into_iter().map(|(_, one)| one);
        let mut told: Vec<Delivery> =
            deliveries.filter(|one| one.to == member && one.received_s.is_none()).collect();
        told.sort_by_key(|delivery| delivery.sequence);
        let mut chain: Vec<SignedRoster> = Vec::new();
        for delivery in told {
            if let Ok(Message { body: Body::Rosters { chain: states, .. }, .. }) =
                Message::decode(&delivery.bytes)
            {
                chain.extend(states);
            }
        }
        Ok(chain)
    }

    /// Nothing more to or from this member: the tokens for my mailboxes revoked, what was to go there dropped, what was known
    /// of how to reach them forgotten.
    pub(super) fn let_go(&mut self, entry: &RosterMember) -> Done {
        let member = entry.member();
        let mut profile = self.profile()?;
        self.revoke(&mut profile, |holder| match holder {
            Holder::Member(by) | Holder::Spare(by, _) => *by == member,
            Holder::Invitation(_) | Holder::Everyone => false,
        });
        self.set_profile(&profile)?;
        // What says who is in the circle, the lead has to say to who was removed, too.
        self.drop_deliveries(member, |delivery| !is_farewell(delivery))?;
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
        self.set_peer(member, &peer)?;
        self.remember(entry)
    }

    /// It is this device that was removed. Alarms that are sealed still go: whoever does not know yet hears them. So does what
    /// lies at relays.
    pub(super) fn let_myself_go(&mut self, before: &Roster) -> Done {
        for entry in before.members() {
            let member = entry.member();
            self.drop_deliveries(member, |delivery| delivery.class != Class::Alert)?;
            self.tx.delete::<OwedKind>(&member.0)?;
            if member == self.me() {
                self.remember(entry)?;
            }
        }
        self.set_plan(None)?;
        self.tx.delete::<HoldKind>(&[])?;
        let mut profile = self.profile()?;
        profile.check_in = None;
        self.set_profile(&profile)
    }

    fn remember(&self, entry: &RosterMember) -> Done {
        let former = Former { entry: *entry, left_s: self.now_s };
        Ok(self.tx.put::<LeftKind>(&entry.member().0, &former)?)
    }

    /// Says which alerts are open, or nobody's, because what this member said about them counts no more.
    pub(super) fn say_undone(&mut self, by: MemberId, before: &[Alert]) -> Done {
        for now in self.all_alerts()?.iter().filter(|alert| alert.is_open()) {
            let Some(before) = before.iter().find(|alert| alert.id == now.id) else { continue };
            let had_it = before.claims.iter().any(|claim| claim.by == by) && now.claims.is_empty();
            if had_it || !before.is_open() {
                let (now_s, alert) = (self.now_s, now.id);
                self.show(None, now_s, What::Undone { alert, by })?;
            }
        }
        Ok(())
    }

    /// The keys of somebody who was in the circle.
    pub(super) fn former_identity(&self, member: MemberId) -> Done<Option<Identity>> {
        let members = self.membership()?;
        Ok(members.and_then(|members| members.left(member).map(|former| former.entry.identity)))
    }

    /// An envelope by somebody who was removed: on its way when that was said.
    pub(super) fn opened_of_former(&mut self, identity: &Identity, opened: Opened) -> Done {
        let member = identity.member();
        let part = match opened.authenticate(identity) {
            Ok(part) => part,
            Err(error) => {
                tracing::warn!(%error, "an envelope is not by the former member it names");
                return Ok(());
            }
        };
        match Message::decode(&part.body) {
            Ok(message) if part.count == 1 => {
                self.said_by_former(member, message.sent_at_s, message.body)
            }
            _ => self.say_unopened(Some(member), false),
        }
    }

    /// It does not count any more, but is not passed over in silence; and an alarm that was announced is one all the same.
    pub(super) fn said_by_former(&mut self, member: MemberId, sent_at_s: u64, body: Body) -> Done {
        match body {
            Body::Alert(event)
                if event.author == member
                    && matches!(event.kind, EventKind::Raised { drill: false, .. })
                    && self.is_announced(member, &event.alert)? =>
            {
                self.told_event(member, sent_at_s, event, None)
            }
            Body::Say { .. } | Body::CheckIn(_) | Body::Alert(_) | Body::AlertApart { .. } => {
                self.say_unopened(Some(member), false)
            }
            _ => Ok(()),
        }
    }

    /// Whether a member's check-ins have named this alert beforehand, or it is known here: of those there is one, not any
    /// number that somebody who holds a removed device could invent.
    fn is_announced(&self, member: MemberId, alert: &AlertId) -> Done<bool> {
        let said = self.peer(member)?.check_in;
        let named = said.is_some_and(|(said, ..)| said.next_alarm == *alert);
        Ok(named || !self.events_of(*alert)?.is_empty())
    }
}

/// Whether a message says who is in the circle, and is sealed.
fn is_farewell(delivery: &Delivery) -> bool {
    let body = Message::decode(&delivery.bytes).map(|message| message.body);
    delivery.parts.is_some() && matches!(body, Ok(Body::Rosters { .. } | Body::Void))
}
