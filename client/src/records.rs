//! What a vault holds: every kind of record, its tag and its type. Tags are append-only.

mod item;
mod joining;
mod newer;
mod tokens;

pub use item::{Item, What};
pub use joining::{Answered, Invited, InvitedState, Joining};
pub use newer::{NewerEnvelope, NewerMessage};
pub use tokens::{Exchange, Registration};

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use velar_protocol::circle::{
    Address, AlertId, Body, CheckIn, EventId, Former, Heard, Message, PersonId, SignedRoster, Spare,
};
use velar_protocol::seal::{CircleId, Day, Identity, MemberId, MessageId, Prekey, PrekeyId, Voice};
use velar_protocol::wire::{AccessToken, RelayAddress};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::contacts::Contacts;
use crate::drill::Drill;
use crate::duress::Apart;
use crate::holds::Holds;
use crate::inbox::{Complete, Inbox, Owed};
use crate::kit::KitRecord;
use crate::log::LogRecord;
use crate::outbox::{Class, Route};
use crate::plan::Plan;
use crate::relays::RelayBook;
use crate::tallies::{Asked, Remembered, Tallies};
use crate::vault::Kind;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $tag:literal, $name:literal, $value:ty;)*) => {
        $(
            $(#[$doc])*
            pub struct $kind;
            impl Kind for $kind {
                const TAG: u8 = $tag;
                const NAME: &'static str = $name;
                type Value = $value;
            }
        )*

        /// Kinds must not share a tag: each would be taken for the other.
        const _: () = {
            let (mut tags, mut seen): (&[u8], _) = (&[$($tag),*], 0_u128);
            while let [tag, rest @ ..] = tags {
                assert!(seen & (1 << *tag) == 0, "two kinds of records have one tag");
                (tags, seen) = (rest, seen | (1 << *tag));
            }
        };

        /// Every record there is: the name of its kind, its position, and its value as it is encoded.
        #[cfg(test)]
        pub(crate) fn all_of(tx: &crate::vault::Tx<'_>) -> Vec<(&'static str, u64, Vec<u8>)> {
            let mut all = Vec::new();
            let config = bincode::config::standard();
            $(
                for (position, value) in tx.list::<$kind>().unwrap() {
                    let bytes = bincode::serde::encode_to_vec(&value, config).unwrap();
                    all.push(($name, position, bytes));
                }
            )*
            all
        }
    };
}

kinds! {
    /// One record, key empty.
    ProfileKind = 1, "profile", Profile;
    /// The newest roster, key empty; and each state held, key its number (u64be).
    RosterKind = 2, "roster", SignedRoster;
    /// Key: member id.
    PeerKind = 3, "member", Peer;
    /// Key: member id. Ids of the one-time prekeys of theirs that I hold, oldest first.
    StockKind = 4, "stock of prekeys", Vec<PrekeyId>;
    /// Key: prekey id. A prekey of somebody else's.
    StockKeyKind = 5, "prekey of a member", Prekey;
    /// Key: prekey id. A prekey of mine that is out.
    IssuedKind = 6, "issued prekey", Issued;
    /// Key: prekey id. Its private half.
    PrivateKind = 7, "private prekey", Secret;
    /// Key: prekey id. A prekey of mine that was used.
    SpentKind = 8, "spent prekey", Issued;
    /// Key: envelope digest. An envelope that was read; value: the day.
    SeenEnvelopeKind = 9, "envelope seen", Day;
    /// Key: member id ‖ message id. A message that was taken in.
    SeenMessageKind = 10, "message seen", Seen;
    /// Key: see [`Outgoing::key`].
    OutgoingKind = 11, "outgoing envelope", Outgoing;
    /// Key: as its `Outgoing`. The 4096 bytes, until every relay has answered.
    OutgoingBytesKind = 12, "outgoing bytes", Vec<u8>;
    /// Key: message id ‖ member id.
    DeliveryKind = 13, "delivery", Delivery;
    /// Key: sender's X25519 ‖ member id it claims ‖ message id.
    PartsKind = 14, "parts", Inbox;
    /// Key: random. What is to be shown, in order.
    ItemKind = 15, "item", Item;
    /// Key: alert id ‖ event id.
    EventKind = 16, "alert event", Heard;
    /// Key: invitation id. As coordinator.
    InvitationKind = 17, "invitation", Invited;
    /// One record, key empty. As joiner.
    JoiningKind = 18, "joining", Joining;
    /// Key: member id. Messages of theirs that I owe a receipt for.
    OwedKind = 19, "owed receipts", Owed;
    /// Key: name of the reader. Position of the last item it has shown.
    CursorKind = 20, "cursor", u64;
    /// Key: member id. Spares that this member left with me, the coordinator.
    SparesKind = 21, "spares", Vec<Spare>;
    /// Key: newcomer ‖ member. An introduction that waits for a spare.
    IntroductionKind = 22, "introduction owed", (MemberId, MemberId);
    /// Key: member id ‖ message id. What cannot be acted on before the roster, or more of it, is here.
    EarlyKind = 23, "early message", Early;
    /// Key: prekey id. A spent prekey of which it was said once that something under it could not be opened.
    NotedKind = 24, "noted prekey", Day;
    /// Key: as its `Early`. Since when it waits.
    EarlySinceKind = 25, "day of an early message", Day;
    /// Key: member id, or empty. When it was last said that something by them could not be opened.
    UnopenedSaidKind = 26, "time of a notice", u64;
    /// Key: as its parts. An envelope that brought one of them: to ask for the message by.
    PartEnvelopeKind = 27, "envelope of a part", [u8; 32];
    /// One record, key empty. The day on which old things were last forgotten.
    ForgottenKind = 28, "day of forgetting", Day;
    /// Key: member id. Events that were passed on to them, oldest first.
    PassedKind = 29, "events passed on", Vec<EventId>;
    /// Key: prekey id. A one-time prekey of a member's that I have sealed to; the day.
    UsedKind = 30, "used prekey of a member", Day;
    /// One record, key empty. The agreed check-ins.
    PlanKind = 31, "plan", Plan;
    /// Key: as in `EventKind`. Alarms about a silence that was none, kept in case one begins.
    QuietKind = 32, "alert event kept aside", Heard;
    /// Key: empty for the head, else [`entry_key`](crate::log::entry_key).
    LogKind = 37, "log", LogRecord;
    /// Key: member id; when they called the roll. Key empty: until when this device said to be watching.
    PresenceKind = 35, "presence", u64;
    /// One record, key empty. Whom to turn to outside the circle.
    ContactsKind = 36, "contacts", Contacts;
    /// Key: alert id. A drill that this device raised.
    DrillKind = 39, "drill", Drill;
    /// One record, key empty. What is left at relays.
    HoldKind = 33, "holds", Holds;
    /// Key: empty, or see [`Made::key`](crate::kit::Made::key). The panic kit.
    KitKind = 34, "panic kit", KitRecord;
    /// Key: member id. Somebody who was in the circle.
    LeftKind = 40, "former member", Former;
    /// Key: see [`NewerMessage::key`].
    NewerMessageKind = 41, "message of a newer version", NewerMessage;
    /// Key: as its `NewerMessage`. What it says, as it came.
    NewerBodyKind = 42, "text of a newer version", Complete;
    /// Key: envelope digest.
    NewerEnvelopeKind = 43, "envelope of a newer version", NewerEnvelope;
    /// Key: envelope digest. Its 4096 bytes.
    NewerBytesKind = 44, "bytes of a newer version", Vec<u8>;
    /// Key: alert id. Of an alert with a reason duress: what devices of the person it is about may know.
    DuressKind = 38, "what is kept apart", Apart;
    /// One record, key empty. To which of the relays that members name this device connects.
    RelaysKind = 45, "relays of members", RelayBook;
    /// One record, key empty. How many envelopes came that nothing here opens.
    TalliesKind = 50, "numbers of unopened envelopes", Tallies;
    /// Key: member id. What they were asked for because it came by their token and matches no key.
    AskedKind = 51, "questions to a member", Asked;
    /// Key: member id; empty for everybody who is none. How many of their envelopes are remembered.
    RememberedKind = 54, "number of envelopes seen", Remembered;
    /// Key: mailbox id. What its relay did not register of its tokens.
    RegistrationKind = 52, "tokens not registered", Registration;
    /// Key: member id. They get another token.
    ExchangeKind = 53, "exchange of a token", Exchange;
}

/// Secret bytes, wiped on drop.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Secret(pub Vec<u8>);

impl Secret {
    /// As an array, if it has that length.
    #[must_use]
    pub fn array<const N: usize>(&self) -> Option<[u8; N]> {
        self.0.as_slice().try_into().ok()
    }
}

/// A message that was taken in.
#[derive(Clone, Serialize, Deserialize)]
pub struct Seen {
    /// The day.
    pub day: Day,
    /// Retired: the voices of its parts. Kept of nothing any more.
    pub voices: BTreeSet<Voice>,
}

impl Seen {
    /// One that came on this day.
    #[must_use]
    pub fn on(day: Day) -> Self {
        Self { day, voices: BTreeSet::new() }
    }
}

/// A whole message that waits for a roster.
#[derive(Clone, Serialize, Deserialize)]
pub struct Early {
    /// By whom: the keys that sealed it.
    pub from: Identity,
    /// Its id.
    pub message: MessageId,
    /// The sender's count of messages to me.
    pub sequence: u64,
    /// The message.
    pub bytes: Vec<u8>,
    /// What it came under.
    pub through: Holder,
    /// Prekeys that came with it.
    pub prekeys: Vec<Prekey>,
    /// With which passphrases its sender's vault was opened.
    pub voices: BTreeSet<Voice>,
}

/// Who I am here.
#[derive(Serialize, Deserialize)]
pub struct Profile {
    /// How I wish to be called; empty until a circle is founded or joined.
    pub name: String,
    /// 64 bytes: the seed of my identity.
    pub identity: Secret,
    /// Me as a person.
    pub person: PersonId,
    /// My mailboxes.
    pub homes: Vec<Home>,
    /// Counts changes of my card.
    pub card_counter: u64,
    /// Counts my check-ins.
    pub check_in_counter: u64,
    /// My newest check-in: its message, and when I said it.
    pub check_in: Option<(MessageId, CheckIn, u64)>,
    /// The id that my next alert will have.
    pub next_alarm: AlertId,
    /// The circle, once I am in one.
    pub circle: Option<CircleId>,
    /// Its name.
    pub circle_name: String,
}

/// A mailbox of mine on a relay.
#[derive(Serialize, Deserialize)]
pub struct Home {
    /// The relay.
    pub relay: RelayAddress,
    /// 32 bytes: the seed of the mailbox key; tokens are derived from it too.
    pub mailbox: Secret,
    /// For opening it, where the operator asks for that: an access token, or a child of one until it has been used.
    pub access: Option<AccessToken>,
    /// Opens it again, as the relay said last.
    pub reopening: Option<AccessToken>,
    /// The relay asks for an access token before it opens a new mailbox, as far as is known.
    pub access_required: bool,
    /// Tokens that are valid, by their index in the derivation.
    pub tokens: Vec<(u64, Holder)>,
    /// Index of the next token.
    pub next_token: u64,
    /// Grows with each change of `tokens`.
    pub revision: u64,
    /// The revision with which the relay has opened it. Tokens that it did not register are in [`Registration`].
    pub registered: u64,
    /// Envelopes that the relay said have expired unread; growth is reported.
    pub expired: u64,
    /// When its relay was left: nobody is told of it any more, and it is read until all that may lie there has expired.
    pub left_s: Option<u64>,
}

/// For whom a token or prekey was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Holder {
    /// One member.
    Member(MemberId),
    /// Left with this coordinator for a newcomer; the number pairs token and prekey.
    Spare(MemberId, u64),
    /// Whoever answers this invitation.
    Invitation([u8; 16]),
    /// Everyone: my last-resort prekey.
    Everyone,
    /// One member, once a relay has registered it: until then the one that they have is theirs.
    Next(MemberId),
    /// One member who has, or is being given, another.
    Earlier(MemberId),
}

impl Holder {
    /// Whom a token was given to, or left with for somebody else; `None`: nobody in particular.
    #[must_use]
    pub fn member(&self) -> Option<MemberId> {
        match self {
            Self::Member(member)
            | Self::Spare(member, _)
            | Self::Next(member)
            | Self::Earlier(member) => Some(*member),
            Self::Invitation(_) | Self::Everyone => None,
        }
    }
}

/// A prekey of mine that is out, or was.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Issued {
    /// Its id.
    pub id: PrekeyId,
    /// The day of issue.
    pub day: Day,
    /// For whom.
    pub holder: Holder,
}

/// What I know of another member.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Peer {
    /// Their name, as told.
    pub name: String,
    /// Where I reach them. Empty until a card or spare came.
    pub addresses: Vec<Address>,
    /// Counter of the newest card; 0 if only a spare is known.
    pub card_counter: u64,
    /// For when no one-time prekey is left.
    pub last_resort: Option<Prekey>,
    /// Counts my messages to them.
    pub sequence: u64,
    /// Counts their messages to me; my stock for them grows with it.
    pub received: u64,
    /// One-time prekeys of mine that they may hold.
    pub outstanding: u32,
    /// When I last believed them that they lack prekeys of mine.
    pub restocked_s: u64,
    /// When I last heard of them, by my clock.
    pub heard_s: Option<u64>,
    /// The safety number was compared.
    pub verified: bool,
    /// The voice of their first message that has one. Not of a device of my own person.
    pub voice: Option<[u8; 16]>,
    /// The newest roster that I told them of.
    pub roster_told: u64,
    /// The newest roster that I asked them for.
    pub roster_asked: u64,
    /// My card counter when I last sent them my card.
    pub card_told: u64,
    /// Their newest check-in, and when it arrived.
    pub check_in: Option<(CheckIn, u64, u64)>,
    /// Until when they said to be watching.
    pub watching_until_s: Option<u64>,
    /// Event sets of alerts that I answered with what they lacked, and when.
    pub marks_answered: Vec<(AlertId, [u8; 16], u64)>,
    /// Their count of messages to me in the newest that said whether they watch.
    pub presence_sequence: u64,
    /// When that came.
    pub presence_s: u64,
    /// The lowest generation of their panic kit that they have not called void.
    pub kit_valid_from: u64,
}

/// One sealed envelope on its way.
#[derive(Clone, Serialize, Deserialize)]
pub struct Outgoing {
    /// The message.
    pub message: MessageId,
    /// The recipient.
    pub to: MemberId,
    /// How often the message had been sealed before.
    pub reseal: u8,
    /// Which part.
    pub index: u8,
    /// Its class.
    pub class: Class,
    /// Digest of the envelope.
    pub digest: [u8; 32],
    /// One for each address of the recipient.
    pub routes: Vec<Route>,
}

impl Outgoing {
    /// The record's key.
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        let mut key = delivery_key(self.message, self.to);
        key.extend([self.reseal, self.index]);
        key
    }
}

/// Key of a [`Delivery`].
#[must_use]
pub fn delivery_key(message: MessageId, to: MemberId) -> Vec<u8> {
    [&message.0[..], &to.0[..]].concat()
}

/// Key of two ids.
#[must_use]
pub fn pair_key(one: &[u8], other: &[u8]) -> Vec<u8> {
    [one, other].concat()
}

/// What became of one message for one recipient.
#[derive(Clone, Serialize, Deserialize)]
pub struct Delivery {
    /// The message.
    pub message: MessageId,
    /// The recipient.
    pub to: MemberId,
    /// Its class.
    pub class: Class,
    /// The alert that it raises, if it does.
    pub alert: Option<AlertId>,
    /// Whether the message is one whose arrival people are told of.
    pub told: bool,
    /// The encoded message, until its receipt.
    pub bytes: Vec<u8>,
    /// Prekeys to bring at least; once sealed, as many as it brought: sealed again, its parts are the same.
    pub prekeys: u8,
    /// My count of messages to this recipient.
    pub sequence: u64,
    /// When it was queued.
    pub queued_s: u64,
    /// In how many parts it was sealed; `None` while there is nothing to seal it to.
    pub parts: Option<u8>,
    /// Parts that some relay has on disk.
    pub accepted_parts: u8,
    /// Places of relays that have parts on disk, with the time of the last.
    pub relays: Vec<(String, u64)>,
    /// When its receipt came.
    pub received_s: Option<u64>,
    /// Whether a receipt will come; if not, it is done when accepted.
    pub receipt: bool,
    /// How often it was sealed again.
    pub reseals: u8,
    /// The recipient left, or every relay refuses: nothing more will happen.
    pub given_up: bool,
}

impl Delivery {
    /// Whether it raises an alarm of this person's, and no drill.
    #[must_use]
    pub fn is_alarm(&self) -> bool {
        let Some(body) = self.alert.and_then(|_| Message::decode(&self.bytes).ok()) else {
            return false;
        };
        let (Body::Alert(event) | Body::AlertApart { event, .. }) = body.body else { return false };
        matches!(event.kind, velar_protocol::circle::EventKind::Raised { drill: false, .. })
    }
}
