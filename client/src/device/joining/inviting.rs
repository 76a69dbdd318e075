//! Inviting: a link for one person, and the sealed offer that waits behind it.

use velar_protocol::circle::limits::{INVITATION_ACCESS_S, INVITATION_S, MAX_MEMBERS};
use velar_protocol::circle::words::WordList;
use velar_protocol::circle::{Body, Invitation, Message, Offer, Roles};
use velar_protocol::seal::{CircleId, MessageId, Part, PrekeyKind, Voice, seal, split};
use velar_protocol::wire::{AccessToken, Envelope, MailboxSecret, RelayAddress, SendToken};

use super::link_of;

use crate::device::{Device, DeviceError, Done, Turn};
use crate::records::{Holder, Home, InvitationKind, Invited, InvitedState, Secret};

/// Mailboxes of ended invitations that are closed when another is made.
const CLOSED_AT_ONCE: usize = 16;

/// What has to be on the relay before an invitation may be handed out.
pub struct OfferToSend {
    /// The link: show it, and nobody else.
    pub invitation: Invitation,
    /// Its id on this device.
    pub id: [u8; 16],
    /// The access token, for opening the invitation's mailbox. It is not in the offer: a child of it is, for the guest's.
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

impl Device {
    /// Prepares an invitation; only the lead can, who signs the roster.
    ///
    /// # Errors
    /// [`DeviceError::NotLead`], [`DeviceError::NoCircle`], [`DeviceError::TooManyInvitations`];
    /// [`DeviceError::NoAccessToken`] where no relay in use lets this device's guests in.
    pub fn invite(&mut self, roles: Roles, list: WordList, now_s: u64) -> Done<OfferToSend> {
        self.write(now_s, |turn| turn.invite(roles, list))
    }

    /// Mailboxes at this relay of invitations that are over, a few at a time: they count among those of the access token.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn ended_invitations(
        &mut self,
        relay: &RelayAddress,
        now_s: u64,
    ) -> Done<Vec<([u8; 16], MailboxSecret)>> {
        self.read(now_s, |turn| {
            let mut ended = Vec::new();
            for (_, invited) in turn.tx.list::<InvitationKind>()? {
                let waits = matches!(invited.state, InvitedState::Open | InvitedState::Revealed);
                let is_over = !waits || invited.until_s < now_s;
                let invitation = link_of(&invited.link)?;
                if is_over && !invited.closed && invitation.relay() == relay {
                    ended.push((invited.id, invitation.mailbox()));
                }
            }
            ended.truncate(CLOSED_AT_ONCE);
            Ok(ended)
        })
    }

    /// The relay has deleted the mailboxes of these.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn invitations_closed(&mut self, ids: &[[u8; 16]]) -> Done {
        self.write(0, |turn| {
            for id in ids {
                if let Some(mut invited) = turn.tx.get::<InvitationKind>(id)? {
                    invited.closed = true;
                    turn.tx.put::<InvitationKind>(id, &invited)?;
                }
            }
            Ok(())
        })
    }

    /// Takes back an invitation that never got to its relay.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn forget_invitation(&mut self, id: [u8; 16]) -> Done {
        self.write(0, |turn| {
            turn.tx.delete::<InvitationKind>(&id)?;
            let mut profile = turn.profile()?;
            turn.revoke(&mut profile, |holder| *holder == Holder::Invitation(id));
            turn.set_profile(&profile)
        })
    }
}

impl Turn<'_> {
    fn invite(&mut self, roles: Roles, list: WordList) -> Done<OfferToSend> {
        self.must_belong()?;
        let roster = self.the_roster()?;
        if roster.lead() != self.me() {
            return Err(DeviceError::NotLead);
        }
        let mut profile = self.profile()?;
        // Of the relay's room for tokens, members who are still to come need theirs.
        let to_come = MAX_MEMBERS.saturating_sub(roster.members().len());
        if !self.has_room_for_tokens(&profile, to_come + 1) {
            return Err(DeviceError::TooManyInvitations);
        }
        let in_use = || profile.homes.iter().filter(|home| home.left_s.is_none());
        let first = in_use().next().ok_or(DeviceError::NoCircle)?;
        let lets_in = |home: &&Home| !home.access_required || home.access_key().is_some();
        let Some(home) = in_use().find(lets_in) else {
            return Err(DeviceError::NoAccessToken(first.relay.place()));
        };
        let (relay, key) = (home.relay.clone(), home.access_key());
        let (id, seed) = (self.random::<16>(), zeroize::Zeroizing::new(self.random::<32>()));
        let nonce = zeroize::Zeroizing::new(self.random::<32>());
        let invitation = Invitation::new(relay, *seed);
        let me = self.identity.public();
        let until_s = self.now_s + INVITATION_S;
        let expiry_s = self.now_s + INVITATION_ACCESS_S;
        let child = key.as_ref().map(|key| key.child(expiry_s, self.random()).to_text());
        let offer = Offer {
            coordinator: me,
            circle: roster.circle(),
            commitment: Offer::commit(&nonce, &me, &roster.circle()),
            words: list,
            reply: self.addresses_for(&mut profile, Holder::Invitation(id)),
            reply_prekey: self.issue_prekey(Holder::Invitation(id))?,
            access: child,
            until_s,
        };
        self.set_profile(&profile)?;
        let message =
            Message { sent_at_s: self.now_s, kit: 0, marks: Vec::new(), body: Body::Offer(offer) };
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
            closed: false,
        };
        self.tx.put::<InvitationKind>(&id, &invited)?;
        let access = key.map(|key| key.to_text());
        Ok(OfferToSend { invitation, id, access, envelope, until_s })
    }

    fn seal_offer(&mut self, invitation: &Invitation, bytes: &[u8]) -> Done<Envelope> {
        let recipient = invitation.identity().public();
        let today = self.today();
        let prekey = invitation
            .public_prekey(today)
            .verify(&recipient, &CircleId::NONE, today, PrekeyKind::OneTime)
            .map_err(|_| DeviceError::BadOffer)?;
        let pieces = split(bytes, Vec::new()).map_err(|_| DeviceError::Text)?;
        let [piece] = pieces.try_into().map_err(|_| DeviceError::Text)?;
        let part = Part {
            sender: self.me(),
            roster_number: 0,
            roster_hash: [0; 32],
            // The link opens it, and stays in this vault: whoever reads that compares voices.
            voice: Voice::NONE,
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
}
