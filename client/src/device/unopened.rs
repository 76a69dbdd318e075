//! What could not be opened or put together: said, not too often, and asked for again where that can be.

use velar_protocol::circle::Body;
use velar_protocol::seal::assembly::MAX_INCOMPLETE;
use velar_protocol::seal::lifetimes::STOCK_START;
use velar_protocol::seal::{Identity, MemberId, MessageId};
use velar_protocol::wire::EnvelopeDigest;

use super::sealing::Post;
use super::{Done, Turn};
use crate::inbox::Inbox;
use crate::outbox::Class;
use crate::records::{
    AskedKind, Delivery, DeliveryKind, Holder, Issued, NotedKind, PartEnvelopeKind, PartsKind,
    UnopenedSaidKind, What,
};
use crate::vault::Fate;

/// Unfinished messages by people who are not known yet: whoever has a token may begin one.
const MAX_STRANGERS: usize = 64;

/// Questions for lost messages that wait for one member's receipt at most: who answers none is asked no more.
const MAX_ASKED: usize = MAX_INCOMPLETE;

/// That something could not be opened is said at most once in so many seconds, for each member and for strangers:
/// whoever has a token can send what nobody can open.
const UNOPENED_S: u64 = 3600;

impl Turn<'_> {
    /// Sealed to a prekey that is spent (after a rollback, say): said, and asked for again; once for each
    /// prekey, since whoever has seen one such envelope can make others that look like it. Those leave no record.
    pub(super) fn unopened(&mut self, envelope: EnvelopeDigest, spent: &Issued) -> Done {
        let Holder::Member(member) = spent.holder else {
            return self.say_once(spent, None, false).map(|_| ());
        };
        if self.say_once(spent, Some(member), true)? {
            self.ask_again(member, envelope, 0)?;
        }
        Ok(())
    }

    /// Sealed to no key of this device. Anybody with a token can make such envelopes, so they leave no record. But where
    /// it came by a member's token, as its relay says, it may be something of theirs, sealed to a key that this device
    /// had once: it is asked for again, with keys that it has. What a relay does not know was given to a member is
    /// counted, and no more.
    pub(super) fn unmatched(&mut self, envelope: EnvelopeDigest, by: Option<Holder>) -> Done {
        tracing::debug!("an envelope is sealed to no key of this device");
        let Some(Holder::Member(member) | Holder::Earlier(member)) = by else { return Ok(()) };
        if self.roster()?.is_none_or(|roster| roster.member(member).is_none()) {
            return Ok(());
        }
        let mut asked = self.readable::<AskedKind>(&member.0)?.unwrap_or_default();
        let before = asked.clone();
        let asks = asked.ask(envelope, self.now_s) && self.may_ask(member)?;
        if asks {
            let fresh = if asked.bring_fresh(self.now_s) { STOCK_START as u8 } else { 0 };
            self.ask_again(member, envelope, fresh)?;
        }
        if asked.say(self.now_s) {
            let now_s = self.now_s;
            self.show(None, now_s, What::Unmatched { member, asked: asks })?;
        }
        if asked == before { Ok(()) } else { Ok(self.tx.put::<AskedKind>(&member.0, &asked)?) }
    }

    /// Says that something under this prekey could not be opened, unless that was said before.
    pub(super) fn say_once(
        &mut self,
        issued: &Issued,
        from: Option<MemberId>,
        asked: bool,
    ) -> Done<bool> {
        if self.tx.contains::<NotedKind>(&issued.id.0)? {
            return Ok(false);
        }
        let today = self.today();
        self.tx.put::<NotedKind>(&issued.id.0, &today)?;
        self.say_unopened(from, asked).map(|()| true)
    }

    /// Asks a member for an envelope, and sends at least so many prekeys along to seal it to.
    fn ask_again(&mut self, member: MemberId, envelope: EnvelopeDigest, prekeys: u8) -> Done {
        let post = Post { prekeys, ..Post::of(Class::Question) };
        self.tell(&[member], Body::Resend { envelope }, &post).map(|_| ())
    }

    /// Says that something could not be opened; once an hour for each member, and for all who are not known.
    pub(super) fn say_unopened(&mut self, from: Option<MemberId>, asked: bool) -> Done {
        let key = from.map_or(Vec::new(), |member| member.0.to_vec());
        self.say_unopened_as(key, from, asked)
    }

    /// The same, once an hour for each key.
    pub(super) fn say_unopened_as(
        &mut self,
        key: Vec<u8>,
        from: Option<MemberId>,
        asked: bool,
    ) -> Done {
        let now_s = self.now_s;
        let said_s = self.readable::<UnopenedSaidKind>(&key)?;
        if said_s.is_some_and(|at_s| at_s <= now_s && now_s - at_s < UNOPENED_S) {
            return Ok(());
        }
        self.tx.put::<UnopenedSaidKind>(&key, &now_s)?;
        self.show(from, now_s, What::Unopened { asked })
    }

    /// Begins another message of a member: of too many the oldest is given up, shown, and asked for again.
    /// Nobody's messages take the place of another's.
    pub(super) fn make_room(&mut self, sender: &Identity) -> Done {
        let member = sender.member();
        let theirs = |(_, inbox): (u64, Inbox)| {
            inbox.message().filter(|(by, _)| *by == member && !inbox.is_of_stranger())
        };
        let mut begun: Vec<_> =
            self.tx.list::<PartsKind>()?.into_iter().filter_map(theirs).collect();
        begun.truncate((begun.len() + 1).saturating_sub(MAX_INCOMPLETE));
        for (_, message) in begun {
            self.tx.delete::<PartsKind>(&parts_key(&sender.x25519, member, message))?;
            self.lost(member, message)?;
        }
        Ok(())
    }

    /// The same for somebody who is not known yet; of too many the oldest goes.
    pub(super) fn make_room_for_stranger(&mut self) -> Done {
        let mut count = 0;
        self.tx.revise::<PartsKind>(|inbox| {
            count += usize::from(inbox.is_of_stranger());
            Fate::Keep
        })?;
        let mut surplus = (count + 1).saturating_sub(MAX_STRANGERS);
        if surplus == 0 {
            return Ok(());
        }
        self.tx.revise::<PartsKind>(|inbox| {
            let goes = surplus > 0 && inbox.is_of_stranger();
            surplus -= usize::from(goes);
            Fate::delete_if(goes)
        })?;
        self.say_unopened(None, false)
    }

    /// A message that never became complete: said, and asked for by one of its envelopes.
    pub(super) fn lost(&mut self, sender: MemberId, message: MessageId) -> Done {
        let Some(identity) = self.identity_of(sender)? else {
            return self.say_unopened(None, false);
        };
        let key = parts_key(&identity.x25519, sender, message);
        let envelope = self.readable::<PartEnvelopeKind>(&key)?;
        self.tx.delete::<PartEnvelopeKind>(&key)?;
        match envelope {
            Some(envelope) if self.may_ask(sender)? => {
                self.ask_again(sender, EnvelopeDigest(envelope), 0)?;
                self.say_unopened(Some(sender), true)
            }
            _ => self.say_unopened(Some(sender), false),
        }
    }

    /// Whether not too many questions wait for this member's receipt.
    fn may_ask(&self, member: MemberId) -> Done<bool> {
        let waits =
            |d: &Delivery| d.to == member && d.class == Class::Question && d.received_s.is_none();
        let deliveries = self.tx.list::<DeliveryKind>()?;
        Ok(deliveries.iter().filter(|(_, d)| waits(d)).count() < MAX_ASKED)
    }
}

/// Key of what has come of a message.
pub(super) fn parts_key(x25519: &[u8; 32], claimed: MemberId, message: MessageId) -> Vec<u8> {
    [&x25519[..], &claimed.0, &message.0].concat()
}
