//! From an envelope to what it says, in one transaction: decrypt, store, delete the key, remember the
//! envelope. Only after that is the relay told to delete it. A failed decryption consumes nothing.

use velar_protocol::circle::{AlertEvent, Body, EventKind, Message, Reason};
use velar_protocol::seal::lifetimes::STOCK_RESERVE;
use velar_protocol::seal::{
    Identity, MemberId, MessageId, Opened, Part, PrekeySecret, Voice, Whole, newer_version, open,
};
use velar_protocol::wire::Envelope;

use super::arrived::{Arrived, Batch};
use super::prekey_ids::{Found, PrekeyIds};
use super::remembering::{is_alarm, opens_many};
use super::unopened::parts_key;
use super::{Device, DeviceError, Done, Turn};
use crate::duress::{is_alarm_beforehand, says_nothing};
use crate::inbox::{Complete, Taken};
use crate::records::{
    Early, EarlyKind, EarlySinceKind, Holder, Issued, IssuedKind, PartEnvelopeKind, PartsKind,
    Peer, PrivateKind, Seen, SeenEnvelopeKind, SeenMessageKind, SpentKind, pair_key,
};
use crate::vault::VaultError;

/// Messages that wait for a roster; a newcomer gets a few from each member before she has confirmed the words.
const MAX_EARLY: usize = 512;

/// Of those, by one member who is known already.
const MAX_EARLY_OF_MEMBER: usize = 128;

/// And by strangers who came the same way: whoever has seen an invitation can invent many.
const MAX_EARLY_OF_STRANGERS: usize = 32;

/// What became of a message.
pub(super) enum Acted {
    /// It was acted on, or never will be.
    Done {
        /// Whether its sender gets a receipt.
        receipt: bool,
    },
    /// The roster that it needs is not here.
    TooEarly,
    /// It was not for this device, and is forgotten: nobody may take it for received, sealed again or not.
    Aside,
}

impl Device {
    /// Takes in envelopes in the order of their arrival. Says of each whether it may be acknowledged: it is in
    /// the vault, was there before, or can never be opened here.
    ///
    /// Nothing that is in an envelope is an error: one that cannot be acted on is undone as a whole, said,
    /// and counted, and the next is taken in.
    ///
    /// # Errors
    /// [`DeviceError`] of this device alone.
    pub fn receive(&mut self, arrived: &[Arrived], now_s: u64) -> Done<Vec<bool>> {
        let mut batch = Batch::after(std::mem::take(&mut self.prekeys));
        let done = self.write(now_s, |turn| {
            if let Err(error) = batch.begin(turn) {
                return waits_at_the_relay(error).map(|()| vec![false; arrived.len()]);
            }
            let taken_in = arrived.iter().map(|one| turn.receive_whole(one, &mut batch));
            let taken_in = taken_in.collect::<Done<_>>()?;
            batch.keep(turn)?;
            Ok(taken_in)
        });
        // What was undone may have been read: then all is read again.
        self.prekeys = if done.is_ok() { batch.into_ids() } else { PrekeyIds::default() };
        done
    }
}

/// A message by somebody whose keys are known.
pub(super) struct Incoming {
    pub(super) from: Identity,
    pub(super) id: MessageId,
    pub(super) sequence: u64,
    pub(super) bytes: Vec<u8>,
    /// Which prekey brought it: tells an invitation's answer and a newcomer's spare.
    pub(super) through: Holder,
}

impl Turn<'_> {
    fn receive_whole(&mut self, arrived: &Arrived, batch: &mut Batch) -> Done<bool> {
        let tx = self.tx;
        match tx.whole(|| self.receive(arrived, batch)) {
            Ok(()) => Ok(true),
            Err(DeviceError::Vault(error)) if !matches!(error, VaultError::Value { .. }) => {
                waits_at_the_relay(error.into()).map(|()| false)
            }
            Err(error) => {
                tracing::warn!(%error, "an envelope cannot be acted on");
                // Undone with all the rest: it is not remembered, and would end so again.
                batch.count(self, arrived)?;
                self.say_unopened(None, false).map(|()| true)
            }
        }
    }

    fn receive(&mut self, arrived: &Arrived, batch: &mut Batch) -> Done {
        let envelope = &arrived.envelope;
        let digest = envelope.digest();
        if self.tx.contains::<SeenEnvelopeKind>(&digest.0)? {
            return Ok(());
        }
        if let Some(version) = newer_version(envelope) {
            return batch.keep_newer(self, version, arrived);
        }
        let issued = match batch.find(self, arrived)? {
            Some(Found::Issued(issued)) => issued,
            Some(Found::Spent(spent)) => {
                batch.count(self, arrived)?;
                return self.unopened(digest, &spent);
            }
            None => {
                let holder = batch.count(self, arrived)?;
                return self.unmatched(digest, holder);
            }
        };
        let Some(opened) = self.open(&issued, envelope)? else {
            batch.count(self, arrived)?;
            return self.say_once(&issued, None, false).map(|_| ());
        };
        if !opens_many(&issued.holder) {
            let today = self.today();
            self.tx.put::<SeenEnvelopeKind>(&digest.0, &today)?;
            self.spend(&issued)?;
        }
        if !self.take_in(opened, issued.holder, digest.0)? {
            batch.count(self, arrived)?;
        }
        Ok(())
    }

    /// Opens it, and holds the author to be the one the prekey was issued to. `None`: not for use, and
    /// nothing was consumed.
    fn open(&self, issued: &Issued, envelope: &Envelope) -> Done<Option<Opened>> {
        let seed = self.readable::<PrivateKind>(&issued.id.0)?.and_then(|secret| secret.array());
        let Some(secret) = seed.map(|seed| PrekeySecret::from_seed(&seed)) else {
            return Ok(None);
        };
        let opened = match open(&self.identity.public(), &self.circle()?, &secret, envelope) {
            Ok(opened) => opened,
            Err(error) => {
                tracing::warn!(%error, "an envelope did not open");
                return Ok(None);
            }
        };
        if let Holder::Member(member) = issued.holder
            && opened.part.sender != member
        {
            tracing::warn!("an envelope came under a prekey of another member");
            return Ok(None);
        }
        Ok(Some(opened))
    }

    fn spend(&self, issued: &Issued) -> Done {
        self.tx.delete::<PrivateKind>(&issued.id.0)?;
        self.tx.delete::<IssuedKind>(&issued.id.0)?;
        self.tx.put::<SpentKind>(&issued.id.0, issued)?;
        if let Holder::Member(member) = issued.holder {
            let mut peer = self.peer(member)?;
            peer.outstanding = peer.outstanding.saturating_sub(1);
            self.set_peer(member, &peer)?;
        }
        Ok(())
    }

    /// Puts the part to the others of its message. Says whether the envelope is remembered.
    fn take_in(&mut self, opened: Opened, through: Holder, envelope: [u8; 32]) -> Done<bool> {
        let claimed = opened.part.sender;
        let author = self.identity_of(claimed)?;
        if author.is_none()
            && let Some(former) = self.former_identity(claimed)?
        {
            return self.opened_of_former(&former, opened, through, envelope);
        }
        let x25519 = opened.sender_x25519;
        let (mut part, known) = match author {
            Some(identity) => match opened.authenticate(&identity) {
                Ok(part) => (part, Some(identity)),
                Err(error) => {
                    tracing::warn!(%error, "an envelope is not by the member it names");
                    return Ok(!opens_many(&through));
                }
            },
            // A joiner or newcomer says who they are in the message itself; of a long one, only the first part
            // comes under the invitation or spare.
            None => (opened.part, None),
        };
        if known.is_some() && self.is_of_mine(claimed)? {
            // Kept nowhere, not even with a part that waits for others.
            part.voice = Voice::NONE;
        }
        let (voice, message) = (part.voice, part.message);
        let silent = says_nothing(&part);
        let heard_before_s = self.peer(claimed)?.heard_s;
        let by = if known.is_some() { self.belongs(claimed)? } else { None };
        let remembered = self.remember(by, &through, envelope)?;
        if let Some(identity) = &known {
            self.take_along(identity, &part)?;
        }
        self.put_together(&part, known, x25519, through, envelope, heard_before_s)?;
        if !remembered && by.is_some() {
            // It may come again, and again: no sign of life.
            let peer = Peer { heard_s: heard_before_s, ..self.peer(claimed)? };
            self.set_peer(claimed, &peer)?;
        }
        // After what the message itself says: a check-in names the alert that another voice raises.
        if let Some(sender) = known.filter(|_| !silent) {
            self.hear_voice(sender.member(), voice, message)?;
        }
        Ok(remembered)
    }

    fn put_together(
        &mut self,
        part: &Part,
        known: Option<Identity>,
        x25519: [u8; 32],
        through: Holder,
        envelope: [u8; 32],
        heard_before_s: Option<u64>,
    ) -> Done {
        let (claimed, message) = (part.sender, part.message);
        if known.is_some() {
            // Sealed again: its parts need not be put together once more.
            if self.tx.contains::<SeenMessageKind>(&pair_key(&claimed.0, &message.0))? {
                return self.owe_receipt(claimed, message);
            }
        }
        let key = parts_key(&x25519, claimed, message);
        let before = self.readable::<PartsKind>(&key)?;
        if before.is_none() && part.count > 1 {
            match &known {
                Some(sender) => self.make_room(sender)?,
                None => self.make_room_for_stranger()?,
            }
        }
        let mut inbox = before.unwrap_or_default();
        let taken = inbox.take(part, through, known.is_none(), self.today());
        if inbox.is_empty() {
            self.tx.delete::<PartsKind>(&key)?;
            self.tx.delete::<PartEnvelopeKind>(&key)?;
        } else {
            self.tx.put::<PartsKind>(&key, &inbox)?;
            if known.is_some() {
                self.tx.put::<PartEnvelopeKind>(&key, &envelope)?;
            }
        }
        let complete = match taken {
            Ok(Taken::Message(complete)) => *complete,
            Ok(Taken::Waiting | Taken::Double) => return Ok(()),
            Err(error) => {
                tracing::warn!(%error, "a part does not fit its message");
                return Ok(());
            }
        };
        if let Some(version) = Message::newer_version(&complete.whole.body) {
            return self.keep_newer_message(version, x25519, complete);
        }
        let Some(identity) = known.or_else(|| self_named(&complete.whole, &x25519, claimed)) else {
            tracing::warn!("a newcomer's message does not say who it is by");
            return Ok(());
        };
        let beforehand = was_left_at_a_relay(&complete.whole);
        self.heard(identity, complete)?;
        // What a relay released is no sign of life: its author said it long ago.
        if beforehand {
            let mut peer = self.peer(claimed)?;
            peer.heard_s = heard_before_s;
            self.set_peer(claimed, &peer)?;
        }
        Ok(())
    }

    /// What every part says beside its message: prekeys, which roster its sender knows.
    fn take_along(&mut self, from: &Identity, part: &Part) -> Done {
        for prekey in &part.prekeys {
            if !self.stock(from, prekey)? {
                tracing::debug!("a prekey was refused");
            }
        }
        let mut peer = self.peer(from.member())?;
        peer.heard_s = Some(self.now_s);
        // They hold fewer of mine than I count: the rest was lost on the way, or is on it, or lies sealed to at relays
        // and in kits. At most once a day: a member who claims it each time must not fill this vault with keys.
        let (held, few) = (u32::from(part.yours_held), 2 * STOCK_RESERVE as u32);
        if held < few
            && peer.outstanding >= held + few
            && peer.restocked_s.saturating_add(86_400) <= self.now_s
        {
            peer.outstanding = held;
            peer.restocked_s = self.now_s;
        }
        self.set_peer(from.member(), &peer)?;
        self.compare_rosters(from.member(), part.roster_number, &part.roster_hash)
    }

    /// A whole message: taken in once, and receipted each time it comes. What cannot be acted on yet is kept,
    /// and neither remembered nor receipted before it was.
    pub(super) fn heard(&mut self, from: Identity, complete: Complete) -> Done {
        let Complete { whole, through, brought } = complete;
        let early = Early {
            from,
            message: whole.message,
            sequence: whole.sequence,
            bytes: whole.body,
            through,
            prekeys: brought,
            voices: whole.voices,
        };
        self.act(early)
    }

    pub(super) fn act(&mut self, early: Early) -> Done {
        let member = early.from.member();
        let seen = pair_key(&member.0, &early.message.0);
        if self.tx.contains::<SeenMessageKind>(&seen)? {
            // A stranger could have invented the member.
            let known = self.identity_of(member)?.is_some();
            return if known { self.owe_receipt(member, early.message) } else { Ok(()) };
        }
        let today = self.today();
        let remember = Seen::on(today);
        let message = match Message::decode(&early.bytes) {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!(%error, "a message could not be read");
                let by = self.belongs(member)?;
                if !self.is_too_much(by, &early.through)? {
                    self.tx.put::<SeenMessageKind>(&seen, &remember)?;
                }
                return self.say_unopened(Some(member), false);
            }
        };
        // What is not remembered would count again each time it comes: an alarm does not, and nothing else is heard.
        let by = self.belongs(member)?;
        let too_much = self.is_too_much(by, &early.through)?;
        if too_much && by.is_some() && !is_alarm(&message.body) {
            tracing::warn!("too much comes of a member under the last-resort key");
            return self.say_unopened(Some(member), false);
        }
        let Early { from, message: id, sequence, bytes, through, prekeys, voices } = early.clone();
        let heard = Incoming { from, id, sequence, bytes, through };
        let sealed_beforehand = message.sent_at_s == 0;
        let receipt = match self.act_on(&heard, message)? {
            Acted::Done { receipt } => receipt,
            Acted::Aside => {
                tracing::warn!("an event that was not for this device was left aside");
                self.tx.delete::<EarlySinceKind>(&seen)?;
                return Ok(());
            }
            Acted::TooEarly => {
                if !self.has_room_for_early(&early)? {
                    tracing::warn!("too many messages wait for a roster");
                    return self.say_unopened(None, false);
                }
                if !self.tx.contains::<EarlySinceKind>(&seen)? {
                    self.tx.put::<EarlySinceKind>(&seen, &today)?;
                }
                return Ok(self.tx.put::<EarlyKind>(&seen, &early)?);
            }
        };
        self.tx.delete::<EarlySinceKind>(&seen)?;
        if !too_much {
            self.tx.put::<SeenMessageKind>(&seen, &remember)?;
        }
        // Of who was not let in, nor answers an invitation, nothing is kept.
        if self.identity_of(member)?.is_none() {
            return Ok(());
        }
        for prekey in &prekeys {
            self.stock(&heard.from, prekey)?;
        }
        let mut peer = self.peer(member)?;
        peer.received += 1;
        peer.heard_s = Some(self.now_s);
        self.set_peer(member, &peer)?;
        let silent = is_alarm_beforehand(member, &heard.bytes);
        for voice in voices.iter().filter(|voice| !silent || **voice != Voice::NONE) {
            self.hear_voice(member, *voice, heard.id)?;
        }
        if !sealed_beforehand {
            self.calm_again(member, &voices)?;
        }
        if receipt { self.owe_receipt(member, heard.id) } else { Ok(()) }
    }

    fn has_room_for_early(&self, next: &Early) -> Done<bool> {
        let sender = next.from.member();
        let waiting = self.tx.list::<EarlyKind>()?;
        let again = |early: &Early| early.message == next.message && early.from == next.from;
        if waiting.iter().any(|(_, early)| again(early)) {
            return Ok(true);
        }
        let known = self.identity_of(sender)?.is_some();
        let mut count = 0;
        for (_, early) in &waiting {
            let by = early.from.member();
            let alike = if known {
                by == sender
            } else {
                early.through == next.through && self.identity_of(by)?.is_none()
            };
            count += usize::from(alike);
        }
        let most = if known { MAX_EARLY_OF_MEMBER } else { MAX_EARLY_OF_STRANGERS };
        Ok(waiting.len() < MAX_EARLY && count < most)
    }

    /// The roster is here, or a newer one: what came before it is looked at again.
    pub(super) fn act_on_early(&mut self) -> Done {
        for (_, early) in self.tx.list::<EarlyKind>()? {
            let key = pair_key(&early.from.member().0, &early.message.0);
            self.tx.delete::<EarlyKind>(&key)?;
            let tx = self.tx;
            if let Err(error) = tx.whole(|| self.act(early)) {
                if let DeviceError::Vault(error) = error {
                    return Err(error.into());
                }
                tracing::warn!(%error, "an early message cannot be acted on");
                self.tx.delete::<EarlySinceKind>(&key)?;
                self.say_unopened(None, false)?;
            }
        }
        Ok(())
    }
}

/// What the whole device rests on is damaged: its mail waits at the relay. (A damaged record of one member or message
/// keeps nothing: see [`Turn::readable`].) Any other error is the device's.
fn waits_at_the_relay(error: DeviceError) -> Done {
    match error {
        DeviceError::Vault(VaultError::Damaged { .. }) => {
            tracing::error!(%error, "what came cannot be taken in");
            Ok(())
        }
        error => Err(error),
    }
}

/// Whether a message lay in a hold until a relay released it.
pub(super) fn was_left_at_a_relay(whole: &Whole) -> bool {
    let released = |event: &AlertEvent| match event.kind {
        EventKind::Raised { reason, .. } => matches!(reason, Reason::Released { .. }),
        _ => false,
    };
    match Message::decode(&whole.body) {
        Ok(Message { sent_at_s: 0, body: Body::Alert(event), .. }) => released(&event),
        _ => false,
    }
}

/// The keys that a join or introduction names for its author, if they are those that sealed it.
pub(super) fn self_named(whole: &Whole, x25519: &[u8; 32], claimed: MemberId) -> Option<Identity> {
    let identity = match Message::decode(&whole.body).ok()?.body {
        Body::Join(join) => join.identity,
        Body::Introduction { chain, .. } => super::roster::named_in(&chain, claimed)?,
        _ => return None,
    };
    let same = identity.x25519 == *x25519 && identity.member() == claimed;
    (same && identity.check().is_ok()).then_some(identity)
}
