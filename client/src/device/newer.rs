//! What was said in a version that this program does not know: kept as it came, said to the person, and read once a
//! program is here that knows it. Until then it has not arrived: it is not receipted, and may be an alarm.

use std::collections::{BTreeMap, HashMap};

use velar_protocol::circle::Message;
use velar_protocol::circle::message::MESSAGE_VERSION;
use velar_protocol::seal::envelope::ENVELOPE_VERSION;
use velar_protocol::seal::lifetimes::PRIVATE_HALF_DAYS;
use velar_protocol::seal::{MemberId, Voice, Whole};
use velar_protocol::wire::{Envelope, RelayAddress, TokenMark};

use super::arrived::Arrived;
use super::opening::{self_named, was_left_at_a_relay};
use super::{Device, DeviceError, Done, Turn};
use crate::duress::is_alarm_beforehand;
use crate::inbox::Complete;
use crate::records::{
    Holder, NewerBodyKind, NewerBytesKind, NewerEnvelope, NewerEnvelopeKind, NewerMessage,
    NewerMessageKind, Peer, UnopenedSaidKind, What,
};

/// Messages of one member that are kept; strangers count as one. An alarm, and the days around it.
const MAX_OF_SENDER: usize = 64;

/// Bytes of those: six of the longest texts, or a dozen rosters.
const MAX_BYTES_OF_SENDER: usize = 512 * 1024;

/// Envelopes that came by one token of one relay: what it may have waiting is more, but whoever sends in a version that
/// nobody here knows may send anything.
const MAX_OF_TOKEN: usize = 64;

/// Envelopes in all: 4 MiB, and more tokens than any one sender has.
const MAX_ENVELOPES: usize = 1024;

/// Seconds after which it is said again of the same member, and rings again. Shorter than any grace: a program that is
/// too old for its circle is not to be got used to.
const AGAIN_S: u64 = 600;

/// The same of envelopes, which may be anybody's.
const ENVELOPE_AGAIN_S: u64 = 3600;

/// What is kept of versions that this program does not know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewerView {
    /// How many messages of each member; under nobody's name those of people who are not known here.
    pub messages: BTreeMap<Option<MemberId>, usize>,
    /// Envelopes. They may be anybody's.
    pub envelopes: usize,
}

impl Device {
    /// What is kept.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn newer(&mut self) -> Done<NewerView> {
        self.read(0, |turn| {
            let mut view = NewerView::default();
            for (_, kept) in turn.tx.list::<NewerMessageKind>()? {
                *view.messages.entry(kept.known.then_some(kept.by)).or_default() += 1;
            }
            view.envelopes = turn.tx.list::<NewerEnvelopeKind>()?.len();
            Ok(view)
        })
    }

    /// Reads what a program kept that was too old for it, and this one is not: as if it came now. To be called when a vault
    /// is opened.
    ///
    /// # Errors
    /// [`DeviceError`] of this device alone.
    pub fn read_newer(&mut self, now_s: u64) -> Done {
        let (messages, envelopes) = self.read(now_s, |turn| turn.readable_by_now())?;
        if !envelopes.is_empty() {
            let taken_in = self.receive(&envelopes, now_s)?;
            self.write(now_s, |turn| -> Done {
                for (arrived, _) in envelopes.iter().zip(taken_in).filter(|(_, taken_in)| *taken_in)
                {
                    turn.forget_newer_envelope(&arrived.envelope.digest().0)?;
                }
                Ok(())
            })?;
        }
        messages.iter().try_for_each(|kept| self.write(now_s, |turn| turn.read_newer_message(kept)))
    }
}

/// How many envelopes are kept, by where they came from.
pub(super) struct Room(HashMap<Source, usize>);

/// A relay, and the token, if that relay knew.
type Source = (RelayAddress, Option<TokenMark>);

impl Room {
    pub(super) fn of(turn: &Turn<'_>) -> Done<Self> {
        let mut room = Self(HashMap::new());
        for (_, kept) in turn.tx.list::<NewerEnvelopeKind>()? {
            *room.0.entry((kept.relay, kept.token)).or_default() += 1;
        }
        Ok(room)
    }

    /// Takes one, if the source and all together have room for it.
    fn take(&mut self, source: Source) -> bool {
        let all = self.0.values().sum::<usize>();
        let of_source = self.0.entry(source).or_default();
        let fits = *of_source < MAX_OF_TOKEN && all < MAX_ENVELOPES;
        *of_source += usize::from(fits);
        fits
    }
}

impl Turn<'_> {
    /// Keeps a message of a newer version instead of reading it. What its sender said first makes room for it, what is
    /// trivial before all else.
    pub(super) fn keep_newer_message(
        &mut self,
        version: u8,
        x25519: [u8; 32],
        complete: Complete,
    ) -> Done {
        let whole = &complete.whole;
        let by = whole.sender;
        let kept = NewerMessage {
            version,
            by,
            message: whole.message,
            x25519,
            known: self.identity_of(by)?.is_some() || self.former_identity(by)?.is_some(),
            last_resort: complete.through == Holder::Everyone,
            len: whole.body.len(),
        };
        let key = kept.key();
        if self.tx.contains::<NewerMessageKind>(&key)? {
            return Ok(());
        }
        self.tx.put::<NewerMessageKind>(&key, &kept)?;
        self.tx.put::<NewerBodyKind>(&key, &complete)?;
        self.make_room_beside(&kept)?;
        self.say_newer(kept.known.then_some(by), What::Newer { version }, AGAIN_S)
    }

    fn make_room_beside(&mut self, newest: &NewerMessage) -> Done {
        let kept = self.tx.list::<NewerMessageKind>()?.into_iter().map(|(_, kept)| kept);
        let mut theirs: Vec<NewerMessage> =
            kept.filter(|kept| kept.shares_room_with(newest)).collect();
        // In the order in which they go.
        theirs.sort_by_key(|kept| !kept.last_resort);
        let mut count = theirs.len();
        let mut bytes: usize = theirs.iter().map(|kept| kept.len).sum();
        let before = count;
        for one in theirs {
            if count <= MAX_OF_SENDER && bytes <= MAX_BYTES_OF_SENDER {
                break;
            }
            if one.key() == newest.key() && !one.last_resort {
                continue;
            }
            count -= 1;
            bytes -= one.len;
            self.forget_newer_message(&one)?;
        }
        if count == before {
            return Ok(());
        }
        self.say_unopened(newest.known.then_some(newest.by), false)
    }

    fn forget_newer_message(&mut self, kept: &NewerMessage) -> Done {
        self.tx.delete::<NewerMessageKind>(&kept.key())?;
        self.tx.delete::<NewerBodyKind>(&kept.key())?;
        Ok(())
    }

    pub(super) fn has_newer_envelope(&self, envelope: &Envelope) -> Done<bool> {
        Ok(self.tx.contains::<NewerEnvelopeKind>(&envelope.digest().0)?)
    }

    /// Keeps an envelope of a newer version, if its source and all together have room for it.
    pub(super) fn keep_newer_envelope(
        &mut self,
        room: &mut Room,
        version: u8,
        arrived: &Arrived,
    ) -> Done {
        let Arrived { envelope, relay, token } = arrived;
        let digest = envelope.digest().0;
        if self.has_newer_envelope(envelope)? {
            return Ok(());
        }
        let (relay, token) = (relay.clone(), *token);
        if !room.take((relay.clone(), token)) {
            tracing::warn!("too many envelopes of a newer version are kept");
            return self.say_unopened(None, false);
        }
        let record = NewerEnvelope { version, digest, day: self.today(), relay, token };
        self.tx.put::<NewerEnvelopeKind>(&digest, &record)?;
        self.tx.put::<NewerBytesKind>(&digest, &envelope.as_bytes().to_vec())?;
        self.say_newer(None, What::NewerEnvelope { version }, ENVELOPE_AGAIN_S)
    }

    pub(super) fn forget_newer_envelope(&mut self, digest: &[u8; 32]) -> Done {
        self.tx.delete::<NewerEnvelopeKind>(digest)?;
        self.tx.delete::<NewerBytesKind>(digest)?;
        Ok(())
    }

    /// Envelopes that are so old that their keys are gone.
    pub(super) fn forget_newer(&mut self) -> Done {
        let today = self.today();
        let mut lost = false;
        for (_, kept) in self.tx.list::<NewerEnvelopeKind>()? {
            if today.0.saturating_sub(kept.day.0) > PRIVATE_HALF_DAYS {
                self.forget_newer_envelope(&kept.digest)?;
                lost = true;
            }
        }
        if lost { self.say_unopened(None, false) } else { Ok(()) }
    }

    /// Says that there is something of a newer version, but not again before so many seconds.
    fn say_newer(&mut self, from: Option<MemberId>, what: What, again_s: u64) -> Done {
        let envelope = matches!(what, What::NewerEnvelope { .. });
        let label: &[u8] = if envelope { b"newer envelope" } else { b"newer message" };
        let by = from.map_or(Vec::new(), |member| member.0.to_vec());
        let key = [label, &by].concat();
        let now_s = self.now_s;
        let said_s = self.readable::<UnopenedSaidKind>(&key)?;
        if said_s.is_some_and(|at_s| at_s <= now_s && now_s - at_s < again_s) {
            return Ok(());
        }
        self.tx.put::<UnopenedSaidKind>(&key, &now_s)?;
        self.show(from, now_s, what)
    }

    /// What is kept and of a version that this program knows.
    fn readable_by_now(&self) -> Done<(Vec<NewerMessage>, Vec<Arrived>)> {
        if self.tx.count::<NewerMessageKind>()? + self.tx.count::<NewerEnvelopeKind>()? == 0 {
            return Ok((Vec::new(), Vec::new()));
        }
        let messages = self.tx.list::<NewerMessageKind>()?.into_iter().map(|(_, kept)| kept);
        let messages = messages.filter(|kept| kept.version <= MESSAGE_VERSION).collect();
        let mut envelopes = Vec::new();
        for (_, kept) in self.tx.list::<NewerEnvelopeKind>()? {
            if kept.version <= ENVELOPE_VERSION
                && let Some(bytes) = self.readable::<NewerBytesKind>(&kept.digest)?
                && let Some(envelope) = Envelope::new(bytes)
            {
                envelopes.push(Arrived { envelope, relay: kept.relay, token: kept.token });
            }
        }
        Ok((messages, envelopes))
    }

    /// Reads a message that is of a known version by now. Whatever is in it, the next one is read.
    fn read_newer_message(&mut self, kept: &NewerMessage) -> Done {
        let complete = self.readable::<NewerBodyKind>(&kept.key())?;
        self.forget_newer_message(kept)?;
        let Some(complete) = complete else { return self.say_unopened(None, false) };
        let tx = self.tx;
        match tx.whole(|| self.read_newer_whole(kept, complete)) {
            Err(DeviceError::Vault(error)) => Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, "a message that was kept cannot be acted on");
                self.say_unopened(None, false)
            }
            Ok(()) => Ok(()),
        }
    }

    fn read_newer_whole(&mut self, kept: &NewerMessage, complete: Complete) -> Done {
        let by = kept.by;
        let Complete { whole: Whole { message, ref voices, ref body, .. }, .. } = complete;
        // Who said nothing of a passphrase could not be judged before.
        let silent = voices.contains(&Voice::NONE) && !is_alarm_beforehand(by, body);
        // What a relay released is no sign of life.
        let left = was_left_at_a_relay(&complete.whole) && self.identity_of(by)?.is_some();
        let heard_s = self.peer(by)?.heard_s;
        self.act_on_newer(kept, complete)?;
        if left {
            let peer = Peer { heard_s, ..self.peer(by)? };
            self.set_peer(by, &peer)?;
        }
        if silent { self.hear_voice(by, Voice::NONE, message) } else { Ok(()) }
    }

    fn act_on_newer(&mut self, kept: &NewerMessage, complete: Complete) -> Done {
        let by = kept.by;
        if let Some(identity) = self.identity_of(by)? {
            // What came of a stranger was not held against the member that it names.
            let same = identity.x25519 == kept.x25519;
            return if same {
                self.heard(identity, complete)
            } else {
                self.say_unopened(None, false)
            };
        }
        if self.former_identity(by)?.is_some_and(|former| former.x25519 == kept.x25519) {
            let message = Message::decode(&complete.whole.body)?;
            return self.said_by_former(by, message.sent_at_s, message.body);
        }
        match self_named(&complete.whole, &kept.x25519, by) {
            Some(identity) => self.heard(identity, complete),
            None => self.say_unopened(None, false),
        }
    }
}
