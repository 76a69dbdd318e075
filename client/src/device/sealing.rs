//! From a message to sealed envelopes in the outbox, in one transaction.

use velar_protocol::circle::{AlertId, AlertMark, Body, Message};
use velar_protocol::seal::assembly::{free_prekeys, parts_needed};
use velar_protocol::seal::lifetimes::{STOCK_MAX, STOCK_START};
use velar_protocol::seal::{MemberId, MessageId, Part, seal, split};

use super::{DeviceError, Done, Turn};
use crate::outbox::{Class, Route};
use crate::records::{
    Delivery, DeliveryKind, Holder, Outgoing, OutgoingBytesKind, OutgoingKind, Peer, delivery_key,
};
use crate::vault::VaultError;

/// How a message is to travel.
pub(super) struct Post {
    pub(super) class: Class,
    pub(super) alert: Option<AlertId>,
    /// People are told when this arrives.
    pub(super) told: bool,
    /// Prekeys to bring at least, even if that takes more envelopes.
    pub(super) prekeys: u8,
    /// Whether its recipient sends a receipt.
    pub(super) receipt: bool,
}

impl Post {
    /// As one of this class, with a receipt.
    pub(super) const fn of(class: Class) -> Self {
        Self { class, alert: None, told: false, prekeys: 0, receipt: true }
    }

    /// The same, with a whole first stock of prekeys.
    pub(super) const fn with_stock(mut self) -> Self {
        self.prekeys = STOCK_START as u8;
        self
    }

    /// The same, without a receipt.
    pub(super) const fn without_receipt(mut self) -> Self {
        self.receipt = false;
        self
    }

    /// The same, with its arrival told to the person.
    pub(super) const fn told(mut self) -> Self {
        self.told = true;
        self
    }
}

impl Turn<'_> {
    /// Says something to everybody else in the circle; one message, one id.
    pub(super) fn tell_all(&mut self, body: Body, post: &Post) -> Done<MessageId> {
        let others = self.others()?;
        self.tell(&others, body, post)
    }

    /// Everybody else in the circle, to be told what a person says.
    ///
    /// # Errors
    /// [`DeviceError::Removed`]: nobody there hears it.
    pub(super) fn others(&self) -> Done<Vec<MemberId>> {
        self.must_belong()?;
        self.everybody_else()
    }

    /// Everybody else in the circle, whether this device is still in it or not.
    pub(super) fn everybody_else(&self) -> Done<Vec<MemberId>> {
        let roster = self.the_roster()?;
        Ok(roster.members().iter().map(|m| m.member()).filter(|m| *m != self.me()).collect())
    }

    /// Says something to these members; one message, one id. It is in the vault when this transaction is.
    pub(super) fn tell(&mut self, to: &[MemberId], body: Body, post: &Post) -> Done<MessageId> {
        let id = MessageId(self.random());
        self.tell_as(id, self.now_s, to, body, post).map(|()| id)
    }

    /// The same, under an id that is known already. `sent_at_s`: when it was first said; told again later, it is
    /// not newer for that. From a device that was removed nothing goes out.
    pub(super) fn tell_as(
        &mut self,
        id: MessageId,
        sent_at_s: u64,
        to: &[MemberId],
        body: Body,
        post: &Post,
    ) -> Done {
        if self.is_removed()? {
            return Ok(());
        }
        let kit = self.kit_valid_from()?;
        let message = Message { sent_at_s, kit, marks: self.marks()?, body };
        let bytes = message.encode()?;
        for member in to {
            let bytes = match self.marks_apart(*member)? {
                None => bytes.clone(),
                Some(marks) => Message { marks, ..message.clone() }.encode()?,
            };
            self.queue(id, *member, bytes, post)?;
        }
        Ok(())
    }

    /// Says what is known here of an alert, and nothing else.
    pub(super) fn say_mark(&mut self, to: MemberId, mark: AlertMark) -> Done {
        if self.is_removed()? {
            return Ok(());
        }
        let sent_at_s = self.now_s;
        let kit = self.kit_valid_from()?;
        let message = Message { sent_at_s, kit, marks: vec![mark], body: Body::Prekeys };
        let id = MessageId(self.random());
        self.queue(id, to, message.encode()?, &Post::of(Class::Care).without_receipt())
    }

    /// Queues one encoded message for one member, and seals it if there is something to seal it to.
    pub(super) fn queue(
        &mut self,
        message: MessageId,
        to: MemberId,
        bytes: Vec<u8>,
        post: &Post,
    ) -> Done {
        let mut peer = self.peer(to)?;
        peer.sequence += 1;
        self.set_peer(to, &peer)?;
        let mut delivery = Delivery {
            message,
            to,
            class: post.class,
            alert: post.alert,
            told: post.told,
            bytes,
            prekeys: post.prekeys,
            sequence: peer.sequence,
            queued_s: self.now_s,
            parts: None,
            accepted_parts: 0,
            relays: Vec::new(),
            received_s: None,
            receipt: post.receipt,
            reseals: 0,
            given_up: false,
        };
        self.try_to_seal(&mut delivery)?;
        if delivery.class == Class::Presence && delivery.parts.is_none() {
            return Ok(());
        }
        self.set_delivery(&delivery)
    }

    /// Seals a delivery, or leaves it unsealed: what is wrong with one recipient must not keep the others
    /// from being told.
    pub(super) fn try_to_seal(&mut self, delivery: &mut Delivery) -> Done {
        let before = delivery.clone();
        let tx = self.tx;
        match tx.whole(|| self.seal_delivery(delivery)) {
            Err(DeviceError::Vault(VaultError::Damaged { .. }) | DeviceError::Seal(..)) => {
                tracing::error!("a message to one member cannot be sealed");
                *delivery = before;
                Ok(())
            }
            other => other,
        }
    }

    pub(super) fn set_delivery(&self, delivery: &Delivery) -> Done {
        let key = delivery_key(delivery.message, delivery.to);
        Ok(self.tx.put::<DeliveryKind>(&key, delivery)?)
    }

    /// Seals a delivery; leaves it unsealed while the recipient has no address that this device uses, or no usable prekey.
    fn seal_delivery(&mut self, delivery: &mut Delivery) -> Done {
        let to = delivery.to;
        let Some(recipient) = self.identity_of(to)? else { return Ok(()) };
        let peer = self.peer(to)?;
        let ways = self.ways_of(delivery)?;
        if ways.is_empty() {
            return Ok(());
        }
        let bring = match delivery.reseals {
            0 => self.prekeys_to_bring(&peer, delivery),
            // The same cut as before: parts of both sealings then make one message.
            _ => usize::from(delivery.prekeys),
        };
        let circle = self.circle()?;
        // Parts are counted before anything is taken or issued.
        let parts = parts_needed(delivery.bytes.len(), bring);
        let (class, again) = (delivery.class, delivery.reseals > 0);
        let Some(taken) = self.take_prekeys(&recipient, &peer, class, parts, again)? else {
            return Ok(());
        };
        let mut brought = Vec::with_capacity(bring);
        for _ in 0..bring {
            brought.push(self.issue_prekey(Holder::Member(to))?);
        }
        let mut peer = self.peer(to)?;
        peer.outstanding += bring as u32;
        self.set_peer(to, &peer)?;
        let pieces = split(&delivery.bytes, brought).map_err(|_| DeviceError::Text)?;
        let count = pieces.len() as u8;
        let (roster_number, roster_hash) =
            self.roster()?.map_or((0, [0; 32]), |roster| (roster.number(), roster.hash()));
        let held = self.in_stock(to)?.min(usize::from(u8::MAX)) as u8;
        for (index, (piece, prekey)) in pieces.into_iter().zip(taken).enumerate() {
            let index = index as u8;
            let part = Part {
                sender: self.me(),
                roster_number,
                roster_hash,
                // Of who seals it now. A voice that was kept would show, beside another, that there are two.
                voice: self.voice,
                message: delivery.message,
                sequence: delivery.sequence,
                index,
                count,
                yours_held: held,
                body: piece.body,
                prekeys: piece.prekeys,
            };
            let envelope =
                seal(self.identity, &recipient, &circle, &prekey, &part, &mut self.entropy)
                    .map_err(|error| DeviceError::Seal(to, error))?;
            let route =
                |a: &velar_protocol::circle::Address| Route::new(a.relay.clone(), a.token.clone());
            let outgoing = Outgoing {
                message: delivery.message,
                to,
                reseal: delivery.reseals,
                index,
                class: delivery.class,
                digest: envelope.digest().0,
                routes: ways.iter().map(route).collect(),
            };
            let key = outgoing.key();
            self.tx.put::<OutgoingKind>(&key, &outgoing)?;
            self.tx.put::<OutgoingBytesKind>(&key, &envelope.as_bytes().to_vec())?;
        }
        delivery.parts = Some(count);
        delivery.prekeys = bring as u8;
        delivery.accepted_parts = 0;
        Ok(())
    }

    /// How many fresh prekeys travel with a message: what the other lacks of its stock, as far as they fit
    /// without another envelope; more only where the message asks for it.
    fn prekeys_to_bring(&self, peer: &Peer, delivery: &Delivery) -> usize {
        // A heartbeat may be dropped for a newer one, and they with it.
        if delivery.class == Class::Presence {
            return 0;
        }
        let target =
            STOCK_MAX.min(STOCK_START + usize::try_from(peer.received).unwrap_or(STOCK_MAX));
        let lacking = target.saturating_sub(peer.outstanding as usize);
        lacking.min(free_prekeys(delivery.bytes.len())).max(usize::from(delivery.prekeys))
    }

    /// My open alerts and the digests of their events.
    fn marks(&mut self) -> Done<Vec<AlertMark>> {
        let mut marks = Vec::new();
        for alert in self.open_alerts()? {
            marks.push(AlertMark { alert: alert.id, digest: self.event_digest(alert.id)? });
        }
        let turn = u64::from_le_bytes(self.random());
        Ok(AlertMark::choose(&marks, turn))
    }

    /// Tries again what had nothing to be sealed to.
    pub(super) fn seal_waiting(&mut self) -> Done {
        for (_, mut delivery) in self.tx.list::<DeliveryKind>()? {
            let waiting = delivery.parts.is_none() && delivery.received_s.is_none();
            if waiting && !delivery.given_up {
                self.try_to_seal(&mut delivery)?;
                if delivery.parts.is_some() {
                    self.set_delivery(&delivery)?;
                }
            }
        }
        Ok(())
    }
}
