//! Answering an invitation, and comparing the words: the way of who joins, until it is let in.

use velar_protocol::circle::invitation::words;
use velar_protocol::circle::roster::is_name;
use velar_protocol::circle::words::same_words;
use velar_protocol::circle::{Body, Invitation, Join, Message, MessageError, Offer};
use velar_protocol::seal::{CircleId, MemberId, MessageId, newer_version, open};
use velar_protocol::wire::Envelope;

use super::{link_of, offer_of};
use crate::device::sealing::Post;
use crate::device::{Device, DeviceError, Done, Turn};
use crate::outbox::Class;
use crate::records::{Joining, JoiningKind, Peer, Secret};
use crate::relays::RelayBook;

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

impl Device {
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

    /// Answers an invitation whose offer was found at its mailbox.
    ///
    /// # Errors
    /// [`DeviceError::BadOffer`], [`DeviceError::InvitationExpired`], [`DeviceError::InCircle`], [`DeviceError::Text`];
    /// [`DeviceError::Message`] if this program is too old for the offer.
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
        let newer = |envelope: &Envelope| {
            let opened = || open(&identity.public(), &CircleId::NONE, &prekey, envelope).ok();
            newer_version(envelope).or_else(|| Message::newer_version(&opened()?.part.body))
        };
        let refused = || match offers.iter().find_map(newer) {
            Some(version) => MessageError::Version(version).into(),
            None => DeviceError::BadOffer,
        };
        let (offer, bytes) = offers.iter().find_map(read).ok_or_else(refused)?;
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
}

impl Turn<'_> {
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
        // Until the words were compared, another invitation takes its place.
        if self.tx.get::<JoiningKind>(&[])?.is_some_and(|j| !j.void && j.confirmed) {
            return Err(DeviceError::InCircle);
        }
        self.take_back_answer()?;
        let coordinator = offer.coordinator.member();
        profile.name = my_name.trim().to_owned();
        profile.circle = Some(offer.circle);
        profile.homes.clear();
        // What an earlier try has taken for known is not of this circle.
        self.set_relay_book(&RelayBook::default())?;
        self.settle(&mut profile, invitation.relay().clone(), offer.access.clone())?;
        self.know_relays(offer.reply.iter().map(|address| &address.relay))?;
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
        let bytes = Message { sent_at_s: self.now_s, kit: 0, marks: Vec::new(), body }.encode()?;
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

    /// Nobody waits for the answer to an earlier invitation any more, and no other may wait behind it.
    fn take_back_answer(&self) -> Done {
        let Some(before) = self.tx.get::<JoiningKind>(&[])? else { return Ok(()) };
        let Some(offer) = offer_of(&before) else { return Ok(()) };
        self.drop_deliveries(offer.coordinator.member(), |one| one.bytes == before.join)
    }

    /// Whether anything that is sent can have an answer: who asks to be let in has a mailbox first. A relay may refuse her one,
    /// because somebody else has used the invitation.
    pub(in crate::device) fn can_be_answered(&self) -> Done<bool> {
        let is_joining = self.roster()?.is_none() && self.tx.contains::<JoiningKind>(&[])?;
        Ok(!is_joining || self.profile()?.homes.iter().any(|home| home.registered > 0))
    }

    pub(in crate::device) fn join_state(&self) -> Done<JoinState> {
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

    /// As joiner: the nonce came.
    pub(in crate::device) fn revealed(&mut self, from: MemberId, nonce: [u8; 32]) -> Done {
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
    pub(in crate::device) fn voided(&mut self, from: MemberId) -> Done {
        let Some(mut joining) = self.tx.get::<JoiningKind>(&[])? else { return Ok(()) };
        let by_coordinator =
            offer_of(&joining).is_some_and(|offer| offer.coordinator.member() == from);
        if by_coordinator && self.roster()?.is_none() {
            joining.void = true;
            self.tx.put::<JoiningKind>(&[], &joining)?;
        }
        Ok(())
    }
}
