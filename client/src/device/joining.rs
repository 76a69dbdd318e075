//! Founding a circle, inviting, joining, approving.
//!
//! Every step is a message in the vault before it is on the wire, so each side may stop and go on later.

use velar_protocol::circle::invitation::words;
use velar_protocol::circle::limits::{INVITATION_S, SPARES};
use velar_protocol::circle::roster::is_name;
use velar_protocol::circle::words::{WordList, same_words};
use velar_protocol::circle::{
    Agreement, Body, Invitation, Join, Message, Names, Offer, PersonId, Role, Roles, Roster,
    RosterMember, SignedCard, SignedRoster, Spare,
};
use velar_protocol::seal::lifetimes::PREKEY_MAX_AGE_DAYS;
use velar_protocol::seal::{CircleId, Identity, MemberId, MessageId, Part, open, seal, split};
use velar_protocol::wire::{AccessToken, Envelope, MailboxSecret, RelayAddress, SendToken};

use super::opening::Incoming;
use super::sealing::Post;
use super::{Device, DeviceError, Done, Turn};
use crate::outbox::Class;
use crate::records::{
    Answered, Holder, IntroductionKind, InvitationKind, Invited, InvitedState, Joining,
    JoiningKind, Peer, Profile, Secret, SparesKind, What, pair_key,
};

/// What has to be on the relay before an invitation may be handed out.
pub struct OfferToSend {
    /// The link: show it, and nobody else.
    pub invitation: Invitation,
    /// Its id on this device.
    pub id: [u8; 16],
    /// For opening the invitation's mailbox.
    pub access: Option<AccessToken>,
    /// The sealed offer.
    pub envelope: Envelope,
    /// Until when it may be answered.
    pub until_s: u64,
}

impl OfferToSend {
    /// The mailbox where the offer is left.
    #[must_use]
    pub fn mailbox(&self) -> MailboxSecret {
        self.invitation.mailbox()
    }

    /// The token that puts it there.
    #[must_use]
    pub fn token(&self) -> SendToken {
        self.invitation.token()
    }
}

/// Somebody who answered an invitation.
#[derive(Clone, Debug)]
pub struct AnswerView {
    /// The invitation.
    pub invitation: [u8; 16],
    /// The name they gave.
    pub name: String,
    /// The four words of this answer.
    pub words: [&'static str; 4],
    /// The roles that the invitation gives.
    pub roles: Roles,
    /// Nobody can be approved by it: it was rejected, or two people answered.
    pub void: bool,
    /// More than one person answered.
    pub twice: bool,
}

/// How far this device's way into a circle is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JoinState {
    /// The answer is under way; nobody has looked at it yet.
    Waiting,
    /// The words can be compared.
    Compare([&'static str; 4]),
    /// The words were the same; the coordinator has to approve.
    Confirmed([&'static str; 4]),
    /// In the circle.
    In,
    /// The coordinator said no, or two people answered the invitation.
    Void,
}

/// Key of an introduction that waits for a spare.
pub(super) fn owed_key(newcomer: MemberId, member: MemberId) -> Vec<u8> {
    pair_key(&newcomer.0, &member.0)
}

pub(super) fn offer_of(joining: &Joining) -> Option<Offer> {
    match Message::decode(&joining.offer).ok()?.body {
        Body::Offer(offer) => Some(offer),
        _ => None,
    }
}

fn link_of(secret: &Secret) -> Done<Invitation> {
    Ok(String::from_utf8_lossy(&secret.0).parse()?)
}

impl Device {
    /// Founds a circle with this device as its lead, with a mailbox on this relay. A circle that no relay
    /// ever knew of gives way: its relay's address may have been wrong.
    ///
    /// # Errors
    /// [`DeviceError::InCircle`], [`DeviceError::Text`].
    pub fn found_circle(
        &mut self,
        circle_name: &str,
        my_name: &str,
        roles: Roles,
        relay: RelayAddress,
        access: Option<AccessToken>,
        now_s: u64,
    ) -> Done<CircleId> {
        self.write(now_s, |turn| {
            let mut profile = turn.profile()?;
            if profile.circle.is_some() && !turn.is_unheard_of(&profile)? {
                return Err(DeviceError::InCircle);
            }
            if !is_name(circle_name) || !is_name(my_name) {
                return Err(DeviceError::Text);
            }
            let nonce = turn.random();
            let agreement = Agreement::default();
            let roster = Roster::found(turn.identity, profile.person, roles, agreement, nonce)?;
            profile.name = my_name.trim().to_owned();
            profile.circle_name = circle_name.trim().to_owned();
            profile.circle = Some(roster.circle());
            profile.homes.clear();
            turn.settle(&mut profile, relay, access);
            turn.set_profile(&profile)?;
            turn.set_roster(&roster)?;
            Ok(roster.circle())
        })
    }

    /// Whether the way into a circle that is under way began with this invitation.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn is_joining_by(&mut self, invitation: &Invitation) -> Done<bool> {
        self.read(0, |turn| {
            let joining = turn.tx.get::<JoiningKind>(&[])?;
            Ok(joining.is_some_and(|joining| joining.link.0 == invitation.to_string().as_bytes()))
        })
    }

    /// Prepares an invitation; only the lead can, who signs the roster.
    ///
    /// # Errors
    /// [`DeviceError::NotLead`], [`DeviceError::NoCircle`].
    pub fn invite(&mut self, roles: Roles, list: WordList, now_s: u64) -> Done<OfferToSend> {
        self.write(now_s, |turn| turn.invite(roles, list))
    }

    /// Takes back an invitation that never got to its relay.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn forget_invitation(&mut self, id: [u8; 16]) -> Done {
        self.write(0, |turn| {
            turn.tx.delete::<InvitationKind>(&id)?;
            let mut profile = turn.profile()?;
            turn.revoke(&mut profile, Holder::Invitation(id));
            turn.set_profile(&profile)
        })
    }

    /// Answers an invitation whose offer was found at its mailbox.
    ///
    /// # Errors
    /// [`DeviceError::BadOffer`], [`DeviceError::InvitationExpired`], [`DeviceError::InCircle`], [`DeviceError::Text`].
    pub fn join(
        &mut self,
        invitation: &Invitation,
        offers: &[Envelope],
        my_name: &str,
        now_s: u64,
    ) -> Done {
        let identity = invitation.identity();
        let prekey = invitation.prekey();
        let read = |envelope: &Envelope| -> Option<(Offer, Vec<u8>)> {
            let opened = open(&identity.public(), &CircleId::NONE, &prekey, envelope).ok()?;
            let bytes = opened.part.body.clone();
            let Body::Offer(offer) = Message::decode(&bytes).ok()?.body else { return None };
            offer.coordinator.check().ok()?;
            opened.authenticate(&offer.coordinator).ok()?;
            Some((offer, bytes))
        };
        let (offer, bytes) = offers.iter().find_map(read).ok_or(DeviceError::BadOffer)?;
        self.write(now_s, |turn| turn.join(invitation, offer, bytes, my_name))
    }

    /// How far the way into a circle is.
    ///
    /// # Errors
    /// [`DeviceError::NotJoining`].
    pub fn join_state(&mut self) -> Done<JoinState> {
        self.read(0, |turn| turn.join_state())
    }

    /// The person has heard the words from the coordinator. The same: a welcome counts from now on.
    ///
    /// # Errors
    /// [`DeviceError::WordsDiffer`]; [`DeviceError::NotJoining`].
    pub fn confirm_words(&mut self, typed: &str, now_s: u64) -> Done<JoinState> {
        self.write(now_s, |turn| {
            let mut joining = turn.tx.get::<JoiningKind>(&[])?.ok_or(DeviceError::NotJoining)?;
            let (JoinState::Compare(words) | JoinState::Confirmed(words)) = turn.join_state()?
            else {
                return turn.join_state();
            };
            if !same_words(typed, &words) {
                return Err(DeviceError::WordsDiffer);
            }
            joining.confirmed = true;
            let welcome = joining.welcome.take();
            turn.tx.put::<JoiningKind>(&[], &joining)?;
            if let Some(bytes) = welcome {
                turn.enter(&bytes)?;
            }
            turn.join_state()
        })
    }

    /// Who answered and waits for approval. Reveals the nonce to each, so that both screens show the words.
    ///
    /// # Errors
    /// [`DeviceError::NoCircle`].
    pub fn answers(&mut self, now_s: u64) -> Done<Vec<AnswerView>> {
        self.write(now_s, |turn| {
            turn.the_roster()?;
            let mut views = Vec::new();
            for (_, invited) in turn.tx.list::<InvitationKind>()? {
                views.extend(turn.answer(invited)?);
            }
            Ok(views)
        })
    }

    /// Takes the one who answered into the circle, if what they read aloud are the words. `person`: of
    /// whom it is another device. `name` and `roles` replace what they asked for and the invitation's.
    ///
    /// # Errors
    /// [`DeviceError::Text`] for a name that cannot be one.
    /// [`DeviceError::NothingToApprove`], [`DeviceError::AmbiguousAnswer`], [`DeviceError::WordsDiffer`],
    /// [`DeviceError::Void`], [`DeviceError::NotLead`].
    pub fn approve(
        &mut self,
        invitation: [u8; 16],
        typed: &str,
        person: Option<MemberId>,
        name: Option<&str>,
        roles: Option<Roles>,
        now_s: u64,
    ) -> Done<MemberId> {
        self.write(now_s, |turn| turn.approve(invitation, typed, person, name, roles))
    }

    /// Turns down whoever answered this invitation; it is void from now on.
    ///
    /// # Errors
    /// [`DeviceError::NothingToApprove`].
    pub fn reject(&mut self, invitation: [u8; 16], now_s: u64) -> Done {
        self.write(now_s, |turn| {
            let invited =
                turn.tx.get::<InvitationKind>(&invitation)?.ok_or(DeviceError::NothingToApprove)?;
            turn.void(invited)
        })
    }
}

impl Turn<'_> {
    fn invite(&mut self, roles: Roles, list: WordList) -> Done<OfferToSend> {
        let roster = self.the_roster()?;
        if roster.lead() != self.me() {
            return Err(DeviceError::NotLead);
        }
        let mut profile = self.profile()?;
        let home = profile.homes.first().ok_or(DeviceError::NoCircle)?;
        let (relay, access) = (home.relay.clone(), home.access.clone());
        let (id, seed) = (self.random::<16>(), zeroize::Zeroizing::new(self.random::<32>()));
        let nonce = zeroize::Zeroizing::new(self.random::<32>());
        let invitation = Invitation::new(relay, *seed);
        let me = self.identity.public();
        let until_s = self.now_s + INVITATION_S;
        let offer = Offer {
            coordinator: me,
            circle: roster.circle(),
            commitment: Offer::commit(&nonce, &me, &roster.circle()),
            words: list,
            reply: self.addresses_for(&mut profile, Holder::Invitation(id)),
            reply_prekey: self.issue_prekey(Holder::Invitation(id))?,
            access: access.clone(),
            until_s,
        };
        self.set_profile(&profile)?;
        let message =
            Message { sent_at_s: self.now_s, marks: Vec::new(), body: Body::Offer(offer) };
        let bytes = message.encode()?;
        let envelope = self.seal_offer(&invitation, &bytes)?;
        let invited = Invited {
            id,
            link: Secret(invitation.to_string().into_bytes()),
            nonce: Secret(nonce.to_vec()),
            offer: bytes,
            roles,
            until_s,
            answers: Vec::new(),
            state: InvitedState::Open,
        };
        self.tx.put::<InvitationKind>(&id, &invited)?;
        Ok(OfferToSend { invitation, id, access, envelope, until_s })
    }

    fn seal_offer(&mut self, invitation: &Invitation, bytes: &[u8]) -> Done<Envelope> {
        let recipient = invitation.identity().public();
        let today = self.today();
        let prekey = invitation
            .public_prekey(today)
            .verify(&recipient, &CircleId::NONE, today, PREKEY_MAX_AGE_DAYS)
            .map_err(|_| DeviceError::BadOffer)?;
        let pieces = split(bytes, Vec::new()).map_err(|_| DeviceError::Text)?;
        let [piece] = pieces.try_into().map_err(|_| DeviceError::Text)?;
        let part = Part {
            sender: self.me(),
            roster_number: 0,
            roster_hash: [0; 32],
            voice: self.voice,
            message: MessageId(self.random()),
            sequence: 0,
            index: 0,
            count: 1,
            yours_held: 0,
            body: piece.body,
            prekeys: Vec::new(),
        };
        let none = CircleId::NONE;
        seal(self.identity, &recipient, &none, &prekey, &part, &mut self.entropy)
            .map_err(|error| DeviceError::Seal(recipient.member(), error))
    }

    fn join(
        &mut self,
        invitation: &Invitation,
        offer: Offer,
        offer_bytes: Vec<u8>,
        my_name: &str,
    ) -> Done {
        let mut profile = self.profile()?;
        if self.roster()?.is_some() {
            return Err(DeviceError::InCircle);
        }
        if !is_name(my_name) {
            return Err(DeviceError::Text);
        }
        if offer.until_s < self.now_s {
            return Err(DeviceError::InvitationExpired);
        }
        if self.tx.get::<JoiningKind>(&[])?.is_some_and(|joining| !joining.void) {
            return Err(DeviceError::InCircle);
        }
        let coordinator = offer.coordinator.member();
        profile.name = my_name.trim().to_owned();
        profile.circle = Some(offer.circle);
        profile.homes.clear();
        self.settle(&mut profile, invitation.relay().clone(), offer.access.clone());
        self.set_profile(&profile)?;
        let peer = Peer {
            addresses: offer.reply.clone(),
            last_resort: Some(offer.reply_prekey.clone()),
            ..Peer::default()
        };
        self.set_peer(coordinator, &peer)?;
        // An earlier invitation that became void may have left some: by this one's prekey alone the
        // coordinator knows which invitation is answered.
        self.drop_stock(coordinator)?;
        let card = self.card_for(&mut profile, coordinator)?;
        self.set_profile(&profile)?;
        let join = Join {
            identity: self.identity.public(),
            signature: Join::sign(self.identity, &offer_bytes),
            name: profile.name.clone(),
            card,
            nonce: self.random(),
        };
        let body = Body::Join(Box::new(join));
        let bytes = Message { sent_at_s: self.now_s, marks: Vec::new(), body }.encode()?;
        let joining = Joining {
            link: Secret(invitation.to_string().into_bytes()),
            offer: offer_bytes,
            join: bytes.clone(),
            nonce: None,
            confirmed: false,
            welcome: None,
            void: false,
        };
        self.tx.put::<JoiningKind>(&[], &joining)?;
        let id = MessageId(self.random());
        self.queue(id, coordinator, bytes, &Post::of(Class::Care).with_stock().without_receipt())
    }

    fn join_state(&self) -> Done<JoinState> {
        if self.roster()?.is_some() {
            return Ok(JoinState::In);
        }
        let joining = self.tx.get::<JoiningKind>(&[])?.ok_or(DeviceError::NotJoining)?;
        if joining.void {
            return Ok(JoinState::Void);
        }
        let Some(nonce) = joining.nonce else { return Ok(JoinState::Waiting) };
        let offer = offer_of(&joining).ok_or(DeviceError::BadOffer)?;
        let link = link_of(&joining.link)?;
        let words = words(offer.words, &link, &joining.offer, &joining.join, &nonce);
        Ok(if joining.confirmed { JoinState::Confirmed(words) } else { JoinState::Compare(words) })
    }

    /// The keys of somebody who answered an invitation of mine that is under way.
    pub(super) fn answerer(&self, member: MemberId) -> Done<Option<Identity>> {
        let invitations = self.tx.list::<InvitationKind>()?;
        let answers = invitations.iter().flat_map(|(_, invited)| &invited.answers);
        Ok(answers.map(|answer| answer.identity).find(|identity| identity.member() == member))
    }

    /// As coordinator: somebody answers.
    pub(super) fn invitation_answered(&mut self, heard: &Incoming, join: Join) -> Done {
        let Holder::Invitation(id) = heard.through else { return Ok(()) };
        let Some(mut invited) = self.tx.get::<InvitationKind>(&id)? else { return Ok(()) };
        let member = join.identity.member();
        let circle = self.circle()?;
        let honest = join.identity == heard.from
            && join.is_signed_to(&invited.offer)
            && join.card.verify(&circle, &join.identity).is_ok();
        if !honest || invited.until_s < self.now_s || self.the_roster()?.member(member).is_some() {
            tracing::warn!("an answer to an invitation was left aside");
            return Ok(());
        }
        if invited.answers.iter().any(|answer| answer.identity == join.identity) {
            return Ok(());
        }
        let name = join.name.clone();
        invited.answers.push(Answered {
            identity: join.identity,
            join: heard.bytes.clone(),
            name: name.clone(),
        });
        self.tx.put::<InvitationKind>(&id, &invited)?;
        self.take_card(&join.identity, &join.card)?;
        let mut peer = self.peer(member)?;
        peer.name.clone_from(&name);
        self.set_peer(member, &peer)?;
        let now_s = self.now_s;
        match invited.state {
            // The words vouched for the first; whoever came later had the link too.
            InvitedState::Approved(_) => self.show(None, now_s, What::Voided { invitation: id }),
            _ if invited.answers.len() > 1 => {
                self.void(invited)?;
                self.show(None, now_s, What::Voided { invitation: id })
            }
            _ => self.show(None, now_s, What::Answered { invitation: id, name }),
        }
    }

    /// Ends an invitation and tells whoever answered it.
    fn void(&mut self, mut invited: Invited) -> Done {
        invited.state = InvitedState::Void;
        let answerers: Vec<MemberId> =
            invited.answers.iter().map(|answer| answer.identity.member()).collect();
        self.tx.put::<InvitationKind>(&invited.id, &invited)?;
        let mut profile = self.profile()?;
        self.revoke(&mut profile, Holder::Invitation(invited.id));
        self.set_profile(&profile)?;
        self.tell(&answerers, Body::Void, &Post::of(Class::Care).without_receipt()).map(|_| ())
    }

    fn answer(&mut self, mut invited: Invited) -> Done<Option<AnswerView>> {
        if invited.answers.is_empty() || matches!(invited.state, InvitedState::Approved(_)) {
            return Ok(None);
        }
        let void = invited.state == InvitedState::Void;
        let Some(first) = invited.answers.first().cloned() else { return Ok(None) };
        let view = AnswerView {
            invitation: invited.id,
            name: first.name.clone(),
            words: words_of(&invited, &first)?,
            roles: invited.roles,
            void,
            twice: invited.answers.len() > 1,
        };
        if invited.state == InvitedState::Open {
            let nonce = invited.nonce.array().unwrap_or_default();
            let to = [first.identity.member()];
            self.tell(&to, Body::Reveal { nonce }, &Post::of(Class::Care).without_receipt())?;
            invited.state = InvitedState::Revealed;
            self.tx.put::<InvitationKind>(&invited.id, &invited)?;
        }
        Ok(Some(view))
    }

    /// Whether this circle is one that nobody else knows of, or one that did not let me in.
    fn is_unheard_of(&self, profile: &Profile) -> Done<bool> {
        let Some(roster) = self.roster()? else {
            return Ok(self.tx.get::<JoiningKind>(&[])?.is_some_and(|joining| joining.void));
        };
        let alone = roster.members().len() == 1;
        Ok(alone && profile.homes.iter().all(|home| home.registered == 0))
    }

    fn approve(
        &mut self,
        id: [u8; 16],
        typed: &str,
        person: Option<MemberId>,
        name: Option<&str>,
        roles: Option<Roles>,
    ) -> Done<MemberId> {
        let mut invited =
            self.tx.get::<InvitationKind>(&id)?.ok_or(DeviceError::NothingToApprove)?;
        let answer = match (invited.state, invited.answers.as_slice()) {
            (InvitedState::Void, _) | (_, [_, _, ..]) => return Err(DeviceError::Void),
            (InvitedState::Approved(_), _) | (_, []) => return Err(DeviceError::NothingToApprove),
            (_, [one]) => one.clone(),
        };
        if !same_words(typed, &words_of(&invited, &answer)?) {
            return Err(DeviceError::WordsDiffer);
        }
        let name = name.unwrap_or(&answer.name).trim().to_owned();
        if !is_name(&name) {
            return Err(DeviceError::Text);
        }
        let before = self.the_roster()?;
        let person = match person.and_then(|member| before.person(member)) {
            Some(person) => person,
            None => PersonId(self.random()),
        };
        let newcomer = answer.identity.member();
        let roles = roles.unwrap_or(invited.roles);
        let entry = RosterMember { person, roles, identity: answer.identity };
        let mut peer = self.peer(newcomer)?;
        peer.name.clone_from(&name);
        self.set_peer(newcomer, &peer)?;
        let roster = before.with_member(self.identity, entry)?;
        self.set_roster(&roster)?;
        invited.state = InvitedState::Approved(newcomer);
        self.tx.put::<InvitationKind>(&id, &invited)?;
        self.welcome(&before, &roster, newcomer)?;
        let now_s = self.now_s;
        self.show(None, now_s, What::Joined(newcomer, name))?;
        self.bring_up_to_date(newcomer)?;
        Ok(newcomer)
    }

    /// Tells the newcomer how to reach the others, and the others that there is a newcomer.
    fn welcome(&mut self, before: &Roster, roster: &Roster, newcomer: MemberId) -> Done {
        let others: Vec<MemberId> =
            before.members().iter().map(RosterMember::member).filter(|m| *m != self.me()).collect();
        // First, so that who is told of a newcomer hears of the roster before.
        for member in &others {
            self.tell_roster(*member, before.number())?;
        }
        let mut members = Vec::new();
        for member in &others {
            let mut spares = self.tx.get::<SparesKind>(&member.0)?.unwrap_or_default();
            if spares.is_empty() {
                let owed = (newcomer, *member);
                self.tx.put::<IntroductionKind>(&owed_key(newcomer, *member), &owed)?;
                continue;
            }
            members.push((*member, spares.remove(0)));
            self.tx.put::<SparesKind>(&member.0, &spares)?;
        }
        let mut profile = self.profile()?;
        let card = self.card_for(&mut profile, newcomer)?;
        self.set_profile(&profile)?;
        let names = self.names(roster)?;
        let body = Body::Welcome {
            roster: roster.signed().clone(),
            names,
            members,
            circle_name: profile.circle_name,
            card,
        };
        self.tell(&[newcomer], body, &Post::of(Class::Care).with_stock()).map(|_| ())
    }

    /// As joiner: the nonce came.
    pub(super) fn revealed(&mut self, from: MemberId, nonce: [u8; 32]) -> Done {
        let Some(mut joining) = self.tx.get::<JoiningKind>(&[])? else { return Ok(()) };
        let Some(offer) = offer_of(&joining) else { return Ok(()) };
        if offer.coordinator.member() != from || joining.nonce.is_some() {
            return Ok(());
        }
        if !offer.opens_with(&nonce) {
            tracing::warn!("a nonce does not open the offer's commitment");
            return Ok(());
        }
        joining.nonce = Some(nonce);
        Ok(self.tx.put::<JoiningKind>(&[], &joining)?)
    }

    /// As joiner: not approved.
    pub(super) fn voided(&mut self, from: MemberId) -> Done {
        let Some(mut joining) = self.tx.get::<JoiningKind>(&[])? else { return Ok(()) };
        let by_coordinator =
            offer_of(&joining).is_some_and(|offer| offer.coordinator.member() == from);
        if by_coordinator && self.roster()?.is_none() {
            joining.void = true;
            self.tx.put::<JoiningKind>(&[], &joining)?;
        }
        Ok(())
    }

    /// As joiner: approved. Counts once the person has compared the words.
    pub(super) fn welcomed(&mut self, from: MemberId, bytes: &[u8]) -> Done<bool> {
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

    fn enter(&mut self, bytes: &[u8]) -> Done {
        let joining = self.tx.get::<JoiningKind>(&[])?.ok_or(DeviceError::NotJoining)?;
        let offer = offer_of(&joining).ok_or(DeviceError::BadOffer)?;
        let Body::Welcome { roster, names, members, circle_name, card } =
            Message::decode(bytes)?.body
        else {
            return Err(DeviceError::NotJoining);
        };
        let checked = Roster::anchor(offer.circle, roster.clone())?;
        let coordinator = offer.coordinator.member();
        let by_lead = checked.lead() == coordinator;
        if !by_lead || checked.member(self.me()).is_none() {
            tracing::warn!("a welcome does not fit its invitation");
            return Ok(());
        }
        let roster = self.anchor(offer.circle, roster)?;
        let mut profile = self.profile()?;
        profile.circle_name = circle_name;
        self.set_profile(&profile)?;
        self.take_names(coordinator, &roster, &names)?;
        // What the join was sealed to was the invitation's; from here on it is the card's.
        self.take_card(&offer.coordinator, &card)?;
        for (member, spare) in members {
            self.introduce_to(member, &spare)?;
        }
        self.leave_spares(&roster, SPARES)
    }

    /// As newcomer: says hello to a member by one of its spares.
    pub(super) fn introduce_to(&mut self, member: MemberId, spare: &Spare) -> Done {
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
    pub(super) fn introduced(
        &mut self,
        heard: &Incoming,
        chain: &[SignedRoster],
        names: &Names,
        card: &SignedCard,
    ) -> Done<bool> {
        let from = heard.from.member();
        self.take_rosters(from, chain, names)?;
        let roster = self.the_roster()?;
        let Some(entry) = roster.member(from).copied() else {
            tracing::warn!("somebody who is not in the roster introduced themselves");
            return Ok(false);
        };
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
        Ok(true)
    }

    fn leave_spares(&mut self, roster: &Roster, count: usize) -> Done {
        for entry in roster.members() {
            let member = entry.member();
            if entry.roles.has(Role::Coordinator) && member != self.me() {
                self.leave_spares_with(roster, member, count)?;
            }
        }
        Ok(())
    }

    /// Leaves spares with a coordinator, each with tokens and a prekey of its own.
    fn leave_spares_with(&mut self, roster: &Roster, coordinator: MemberId, count: usize) -> Done {
        if roster.member(coordinator).is_none() {
            return Ok(());
        }
        let mut profile = self.profile()?;
        let mut spares = Vec::new();
        for _ in 0..count {
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

fn words_of(invited: &Invited, answer: &Answered) -> Done<[&'static str; 4]> {
    let Ok(Message { body: Body::Offer(offer), .. }) = Message::decode(&invited.offer) else {
        return Err(DeviceError::BadOffer);
    };
    let nonce = invited.nonce.array().unwrap_or_default();
    Ok(words(offer.words, &link_of(&invited.link)?, &invited.offer, &answer.join, &nonce))
}
