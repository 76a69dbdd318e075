//! From an envelope to what it says, in one transaction: decrypt, store, delete the key, remember the
//! envelope. Only after that is the relay told to delete it. A failed decryption consumes nothing.

use velar_protocol::circle::{Body, Message};
use velar_protocol::seal::{
    Identity, MemberId, MessageId, Opened, Part, PrekeySecret, Voice, Whole, matches, open,
};
use velar_protocol::wire::Envelope;

use super::{Device, Done, Turn};
use crate::inbox::{Complete, Taken};
use crate::records::{
    Holder, Issued, IssuedKind, PartsKind, PrivateKind, SeenEnvelopeKind, SeenMessageKind,
    SpentKind, What, pair_key,
};

/// Unfinished messages by people who are not known yet: whoever has a token may begin one.
const MAX_STRANGERS: u64 = 64;

impl Device {
    /// Takes in envelopes in the order of their arrival. When this returns, each may be acknowledged:
    /// it is in the vault, was there before, or can never be opened here.
    ///
    /// # Errors
    /// [`DeviceError`](super::DeviceError) of this device alone; nothing that is in an envelope is an error.
    pub fn receive(&mut self, envelopes: &[Envelope], now_s: u64) -> Done {
        self.write(now_s, |turn| {
            for envelope in envelopes {
                turn.receive(envelope)?;
            }
            Ok(())
        })
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
    fn receive(&mut self, envelope: &Envelope) -> Done {
        let digest = envelope.digest();
        if self.tx.contains::<SeenEnvelopeKind>(&digest.0)? {
            return Ok(());
        }
        let issued = self.tx.list::<IssuedKind>()?;
        let fits = |issued: &Issued| matches(envelope, issued.id);
        let Some((_, issued)) = issued.into_iter().find(|(_, issued)| fits(issued)) else {
            return self.unopened(envelope);
        };
        let Some(opened) = self.open(&issued, envelope)? else { return Ok(()) };
        let today = self.today();
        self.tx.put::<SeenEnvelopeKind>(&digest.0, &today)?;
        if !matches!(issued.holder, Holder::Everyone | Holder::Invitation(_)) {
            self.spend(&issued)?;
        }
        self.take_in(opened, issued.holder)
    }

    /// Opens it, and holds the author to be the one the prekey was issued to. `None`: not for use, and
    /// nothing was consumed.
    fn open(&self, issued: &Issued, envelope: &Envelope) -> Done<Option<Opened>> {
        let seed = self.tx.get::<PrivateKind>(&issued.id.0)?.and_then(|secret| secret.array());
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

    /// Sealed to a prekey that is spent (after a rollback, say): said, and asked for again.
    fn unopened(&mut self, envelope: &Envelope) -> Done {
        let spent = self.tx.list::<SpentKind>()?;
        let Some((_, spent)) = spent.into_iter().find(|(_, s)| matches(envelope, s.id)) else {
            tracing::warn!("an envelope is sealed to no key of this device");
            return Ok(());
        };
        let today = self.today();
        self.tx.put::<SeenEnvelopeKind>(&envelope.digest().0, &today)?;
        let Holder::Member(member) = spent.holder else { return Ok(()) };
        let now_s = self.now_s;
        self.show(Some(member), now_s, What::Unopened)?;
        let body = Body::Resend { envelope: envelope.digest() };
        self.tell(&[member], body, &super::sealing::Post::of(crate::outbox::Class::Care))?;
        Ok(())
    }

    /// Puts the part to the others of its message.
    fn take_in(&mut self, opened: Opened, through: Holder) -> Done {
        let claimed = opened.part.sender;
        let author = self.identity_of(claimed)?;
        let x25519 = opened.sender_x25519;
        let (part, known) = match author {
            Some(identity) => match opened.authenticate(&identity) {
                Ok(part) => (part, Some(identity)),
                Err(error) => {
                    tracing::warn!(%error, "an envelope is not by the member it names");
                    return Ok(());
                }
            },
            // A joiner or newcomer says who they are in the message itself; of a long one, only the first part
            // comes under the invitation or spare.
            None => (opened.part, None),
        };
        if known.is_none() && self.tx.count::<PartsKind>()? >= MAX_STRANGERS {
            tracing::warn!("too many strangers have begun a message");
            return Ok(());
        }
        let key = pair_key(&x25519, &claimed.0);
        let mut inbox = self.tx.get::<PartsKind>(&key)?.unwrap_or_default();
        if let Some(identity) = &known {
            self.take_along(identity, &part)?;
        }
        let taken = inbox.take(&part, through, known.is_none(), self.today());
        if inbox.is_empty() {
            self.tx.delete::<PartsKind>(&key)?;
        } else {
            self.tx.put::<PartsKind>(&key, &inbox)?;
        }
        let complete = match taken {
            Ok(Taken::Message(complete)) => *complete,
            Ok(Taken::Waiting { given_up: None } | Taken::Double) => return Ok(()),
            Ok(Taken::Waiting { given_up: Some(_) }) => {
                let now_s = self.now_s;
                return self.show(Some(claimed), now_s, What::Unopened);
            }
            Err(error) => {
                tracing::warn!(%error, "a part does not fit its message");
                return Ok(());
            }
        };
        let Some(identity) = known.or_else(|| self_named(&complete.whole, &x25519, claimed)) else {
            tracing::warn!("a newcomer's message does not say who it is by");
            return Ok(());
        };
        self.heard(identity, complete)
    }

    /// What every part says beside its message: prekeys, the voice, which roster its sender knows.
    fn take_along(&mut self, from: &Identity, part: &Part) -> Done {
        for prekey in &part.prekeys {
            if !self.stock(from, prekey)? {
                tracing::debug!("a prekey was refused");
            }
        }
        let mut peer = self.peer(from.member())?;
        peer.heard_s = Some(self.now_s);
        let Voice(voice) = part.voice;
        peer.voice.get_or_insert(voice);
        // They hold fewer of mine than I count: the rest was lost on the way, or is on it.
        if usize::from(part.yours_held) + 2 < velar_protocol::seal::lifetimes::STOCK_RESERVE
            && peer.outstanding as usize >= velar_protocol::seal::lifetimes::STOCK_MAX
        {
            peer.outstanding = u32::from(part.yours_held);
        }
        self.set_peer(from.member(), &peer)?;
        self.compare_rosters(from.member(), part.roster_number, &part.roster_hash)
    }

    /// A whole message: taken in once, and receipted each time it comes.
    fn heard(&mut self, from: Identity, complete: Complete) -> Done {
        let Complete { whole, through, brought } = complete;
        let member = from.member();
        let seen = pair_key(&member.0, &whole.message.0);
        if self.tx.contains::<SeenMessageKind>(&seen)? {
            return self.owe_receipt(member, whole.message);
        }
        let message = match Message::decode(&whole.body) {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!(%error, "a message could not be read");
                let now_s = self.now_s;
                return self.show(Some(member), now_s, What::Unopened);
            }
        };
        let today = self.today();
        self.tx.put::<SeenMessageKind>(&seen, &today)?;
        let heard = Incoming {
            from,
            id: whole.message,
            sequence: whole.sequence,
            bytes: whole.body,
            through,
        };
        let receipt = self.act_on(&heard, message)?;
        for prekey in &brought {
            self.stock(&heard.from, prekey)?;
        }
        let mut peer = self.peer(member)?;
        peer.received += 1;
        peer.heard_s = Some(self.now_s);
        self.set_peer(member, &peer)?;
        if receipt { self.owe_receipt(member, heard.id) } else { Ok(()) }
    }
}

/// The keys that a join or introduction names for its author, if they are those that sealed it.
fn self_named(whole: &Whole, x25519: &[u8; 32], claimed: MemberId) -> Option<Identity> {
    let identity = match Message::decode(&whole.body).ok()?.body {
        Body::Join(join) => join.identity,
        Body::Introduction { chain, .. } => super::roster::named_in(&chain, claimed)?,
        _ => return None,
    };
    let same = identity.x25519 == *x25519 && identity.member() == claimed;
    (same && identity.check().is_ok()).then_some(identity)
}
