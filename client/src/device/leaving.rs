//! Leaving the circle: the lead removes a member, everybody lets go of who was removed, and the device of who was removed
//! says so instead of speaking to people who do not hear it any more.

use std::collections::BTreeMap;

use velar_protocol::circle::limits::MAX_CHAIN;
use velar_protocol::circle::{
    Alert, AlertEvent, Body, EventKind, Former, Message, MessageError, Reason, Roster, RosterMember,
};
use velar_protocol::seal::{Identity, MemberId, MessageId, Opened, Voice, Whole};

use super::sealing::Post;
use super::views::name_of;
use super::{Device, DeviceError, Done, Turn};
use crate::duress::says_nothing;
use crate::inbox::Complete;
use crate::outbox::Class;
use crate::records::{
    AskedKind, Delivery, DeliveryKind, EventKind as AlertEventKind, ExchangeKind, HoldKind, Holder,
    IntroductionKind, InvitationKind, InvitedState, LeftKind, OwedKind, PassedKind, PresenceKind,
    SparesKind, What, delivery_key,
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
            let told = turn.farewell(member, &before, &after)?;
            let left = turn.remember_who_left(&before, &after, now_s)?;
            turn.set_roster(&after)?;
            turn.who_came_and_went(&before, &after, &left, &alerts)?;
            for other in turn.others()? {
                turn.tell_roster(other, before.number())?;
                // Nobody else will find it any more.
                for alert in alerts.iter().filter(|alert| alert.subject == member) {
                    let events = turn.events_for(alert.id, other)?;
                    turn.pass_on(other, &events)?;
                }
            }
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
    fn farewell(&mut self, member: MemberId, before: &Roster, after: &Roster) -> Done<bool> {
        let mut chain = Vec::new();
        if self.has_not_received_a_roster(member)? {
            let first = after.number().saturating_sub(MAX_CHAIN as u64);
            chain = self.chain_after(first, before)?;
        }
        self.drop_deliveries(member, |_| true)?;
        chain.push(after.signed().clone());
        let approved = |state| matches!(state, InvitedState::Approved(who) if who == member);
        let invitations = self.tx.list::<InvitationKind>()?;
        if invitations.iter().any(|(_, invited)| approved(invited.state)) {
            self.say_without_marks(member, Body::Void)?;
        }
        let id = self.say_without_marks(member, Body::Rosters { chain, names: Vec::new() })?;
        let delivery = self.readable::<DeliveryKind>(&delivery_key(id, member))?;
        Ok(delivery.is_some_and(|delivery| delivery.parts.is_some()))
    }

    fn say_without_marks(&mut self, to: MemberId, body: Body) -> Done<MessageId> {
        let (sent_at_s, kit) = (self.now_s, self.kit_valid_from()?);
        let message = Message { sent_at_s, kit, marks: Vec::new(), body }.encode()?;
        let id = MessageId(self.random());
        self.queue(id, to, message, &Post::of(Class::Care).without_receipt())?;
        Ok(id)
    }

    /// Whether a member was told of states and has not said to have received them.
    fn has_not_received_a_roster(&self, member: MemberId) -> Done<bool> {
        let deliveries = self.tx.list::<DeliveryKind>()?;
        let waits = |one: &Delivery| {
            let told = one.to == member && one.received_s.is_none();
            told && matches!(body_of(one), Some(Body::Rosters { .. } | Body::Welcome { .. }))
        };
        Ok(deliveries.iter().any(|(_, delivery)| waits(delivery)))
    }

    /// Keeps who is in one state and not in the next, before that is taken over: what they said is judged by it.
    pub(super) fn remember_who_left(
        &self,
        before: &Roster,
        after: &Roster,
        said_s: u64,
    ) -> Done<Vec<RosterMember>> {
        let gone = |entry: &&RosterMember| after.member(entry.member()).is_none();
        let left: Vec<RosterMember> = before.members().iter().filter(gone).copied().collect();
        for entry in &left {
            let former = Former { entry: *entry, left_s: said_s.min(self.now_s) };
            self.tx.put::<LeftKind>(&entry.member().0, &former)?;
        }
        Ok(left)
    }

    /// Nothing more to or from this member: the tokens for my mailboxes revoked, what was to go there dropped, what was known
    /// of how to reach them forgotten.
    pub(super) fn let_go(&mut self, member: MemberId) -> Done {
        let mut profile = self.profile()?;
        self.revoke(&mut profile, |holder| holder.member() == Some(member));
        self.set_profile(&profile)?;
        self.tx.delete::<ExchangeKind>(&member.0)?;
        self.tx.delete::<AskedKind>(&member.0)?;
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
        self.set_peer(member, &peer)
    }

    /// It is this device that was removed. Its own alarms still go: whoever does not know yet hears them. So does what lies at
    /// relays.
    pub(super) fn let_myself_go(&mut self, before: &Roster) -> Done {
        for member in before.members().iter().map(|entry| entry.member()) {
            self.drop_deliveries(member, |delivery| delivery.alert.is_none())?;
            self.tx.delete::<OwedKind>(&member.0)?;
        }
        self.set_plan(None)?;
        self.tx.delete::<HoldKind>(&[])?;
        let mut profile = self.profile()?;
        profile.check_in = None;
        self.set_profile(&profile)
    }

    /// Says which alerts are open again, or nobody's, because what this member said about them counts no more.
    pub(super) fn say_undone(&mut self, by: MemberId, before: &[Alert]) -> Done {
        for now in self.all_alerts()?.iter().filter(|alert| alert.is_open()) {
            let Some(before) = before.iter().find(|alert| alert.id == now.id) else { continue };
            let had_it = before.claims.iter().any(|claim| claim.by == by);
            if (had_it && now.claims.is_empty()) || before.closed_by == Some(by) {
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
    pub(super) fn opened_of_former(
        &mut self,
        identity: &Identity,
        opened: Opened,
        through: Holder,
        envelope: [u8; 32],
    ) -> Done<bool> {
        let member = identity.member();
        let mut part = match opened.authenticate(identity) {
            Ok(part) => part,
            Err(error) => {
                tracing::warn!(%error, "an envelope is not by the former member it names");
                return self.remember(None, &through, envelope);
            }
        };
        let remembered = self.remember(Some(member), &through, envelope)?;
        if matches!(through, Holder::Spare(..)) {
            // It came with a way to reach me that was hers to be.
            let mut profile = self.profile()?;
            self.revoke(&mut profile, |holder| *holder == through);
            self.set_profile(&profile)?;
        }
        if self.is_of_mine(member)? {
            part.voice = Voice::NONE;
        }
        let silent = says_nothing(&part);
        match Message::decode(&part.body) {
            Err(MessageError::Version(version)) if part.count == 1 => {
                let whole = Whole {
                    sender: member,
                    message: part.message,
                    sequence: part.sequence,
                    voices: [part.voice].into(),
                    body: part.body,
                };
                let complete = Complete { whole, through, brought: Vec::new() };
                self.keep_newer_message(version, identity.x25519, complete)?;
            }
            Ok(message) if part.count == 1 => {
                self.said_by_former(member, message.sent_at_s, message.body)?;
            }
            _ => self.say_unopened(Some(member), false)?,
        }
        // Who made her say it does not make it another's.
        if !silent {
            self.hear_voice(member, part.voice, part.message)?;
        }
        Ok(remembered)
    }

    /// It does not count any more, but is not passed over in silence; and an alarm that was announced is one all the same.
    pub(super) fn said_by_former(&mut self, member: MemberId, sent_at_s: u64, body: Body) -> Done {
        match body {
            Body::Alert(event) if is_alarm(&event) && event.author == member => {
                if self.is_announced(member, &event)? {
                    return self.told_event(member, sent_at_s, event, None);
                }
                let key = [&member.0[..], b"alarm"].concat();
                self.say_unopened_as(key, Some(member), false)
            }
            Body::Say { .. } | Body::CheckIn(_) | Body::Alert(_) | Body::AlertApart { .. } => {
                self.say_unopened(Some(member), false)
            }
            _ => Ok(()),
        }
    }

    /// Whether this is the one alarm that a former member can raise: of herself, of an alert that her check-ins have named
    /// or that is known here, and not after another one. Whoever holds a removed device could invent any number.
    fn is_announced(&self, member: MemberId, alarm: &AlertEvent) -> Done<bool> {
        let hers = matches!(
            alarm.kind,
            EventKind::Raised { reason: Reason::Panic | Reason::Released { .. }, subject, .. }
                if subject == member && alarm.alert.is_about(member)
        );
        let said = self.peer(member)?.check_in;
        let named = said.is_some_and(|(said, ..)| said.next_alarm == alarm.alert);
        let known = named || !self.events_of(alarm.alert)?.is_empty();
        if !hers || !known {
            return Ok(false);
        }
        let Some(former) = self.readable::<LeftKind>(&member.0)? else { return Ok(false) };
        let mut known = self.tx.list::<AlertEventKind>()?.into_iter().map(|(_, heard)| heard);
        Ok(!known.any(|heard| {
            let event = heard.event();
            let since = event.author == member && heard.heard_s() >= former.left_s;
            since && is_alarm(event) && heard.is_first_hand() && event.id() != alarm.id()
        }))
    }
}

/// Whether an event is an alarm, and no drill. (That somebody is under duress is found by each device.)
fn is_alarm(event: &AlertEvent) -> bool {
    matches!(&event.kind, EventKind::Raised { drill: false, reason, .. } if *reason != Reason::Duress)
}

fn body_of(delivery: &Delivery) -> Option<Body> {
    Message::decode(&delivery.bytes).ok().map(|message| message.body)
}

/// Whether a message says that its recipient was removed, and is sealed.
fn is_farewell(delivery: &Delivery) -> bool {
    delivery.parts.is_some() && matches!(body_of(delivery), Some(Body::Rosters { .. } | Body::Void))
}
