//! What a vault holds: every kind of record, its tag and its type. Tags are append-only.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use velar_protocol::circle::{
    Address, AlertEvent, AlertId, CheckIn, EventId, Heard, PersonId, Roles, SignedRoster, Spare,
};
use velar_protocol::seal::{CircleId, Day, Identity, MemberId, MessageId, Prekey, PrekeyId, Voice};
use velar_protocol::wire::{AccessToken, RelayAddress};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::contacts::Contacts;
use crate::drill::Drill;
use crate::holds::Holds;
use crate::inbox::{Inbox, Owed};
use crate::log::LogRecord;
use crate::outbox::{Class, Route};
use crate::plan::Plan;
use crate::vault::Kind;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $tag:literal, $name:literal, $value:ty;)*) => {$(
        $(#[$doc])*
        pub struct $kind;
        impl Kind for $kind {
            const TAG: u8 = $tag;
            const NAME: &'static str = $name;
            type Value = $value;
        }
    )*};
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
    /// One record, key empty. What is left at relays.
    HoldKind = 33, "holds", Holds;
    /// Key: empty for the head, else [`entry_key`](crate::log::entry_key).
    LogKind = 37, "log", LogRecord;
    /// Key: member id; when they called the roll. Key empty: until when this device said to be watching.
    PresenceKind = 35, "presence", u64;
    /// One record, key empty. Whom to turn to outside the circle.
    ContactsKind = 36, "contacts", Contacts;
    /// Key: alert id. A drill that this device raised.
    DrillKind = 39, "drill", Drill;
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
    /// With which passphrases its sender's vault was opened when its parts were sealed.
    pub voices: BTreeSet<Voice>,
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
    /// For opening it, where the operator asks for one.
    pub access: Option<AccessToken>,
    /// Tokens that are valid, by their index in the derivation.
    pub tokens: Vec<(u64, Holder)>,
    /// Index of the next token.
    pub next_token: u64,
    /// Grows with each change of `tokens`.
    pub revision: u64,
    /// The revision that the relay has confirmed.
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
    /// The voice of their first message.
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
    /// With which passphrase the vault was open when this was said.
    pub voice: Voice,
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

/// Something to show to the person, once.
#[derive(Clone, Serialize, Deserialize)]
pub struct Item {
    /// When it came, by my clock.
    pub at_s: u64,
    /// By the sender's clock.
    pub sent_at_s: u64,
    /// Who said it; `None` if this device did.
    pub from: Option<MemberId>,
    /// What.
    pub what: What,
}

/// What is shown. Tags are append-only.
#[derive(Clone, Serialize, Deserialize)]
pub enum What {
    /// Conversation.
    Said {
        /// The message.
        message: MessageId,
        /// The sender's count of messages to me.
        sequence: u64,
        /// The text.
        text: String,
    },
    /// A check-in.
    CheckedIn(CheckIn),
    /// An event of an alert.
    Alert {
        /// The event.
        event: AlertEvent,
        /// Who passed it on, if it did not come from its author.
        told_by: Option<MemberId>,
    },
    /// A member is in the circle now.
    Joined(MemberId, String),
    /// A member is not in the circle any more.
    Left(MemberId, String),
    /// Somebody answered an invitation and waits for approval.
    Answered {
        /// The invitation.
        invitation: [u8; 16],
        /// The name they gave.
        name: String,
    },
    /// Two people answered one invitation: it is void.
    Voided {
        /// The invitation.
        invitation: [u8; 16],
    },
    /// Something could not be opened.
    Unopened {
        /// Whether it was asked for again.
        asked: bool,
    },
    /// The relay let envelopes expire before this device read them.
    Expired {
        /// How many.
        count: u64,
    },
    /// A successor claims the lead, or the lead signed two rosters: a person has to look.
    RosterConflict,
    /// An alarm about a silence, of somebody who has checked in since: nothing rings.
    Outdated {
        /// The event.
        event: AlertEvent,
        /// Who passed it on, if it did not come from its author.
        told_by: Option<MemberId>,
    },
    /// A relay has released the alarm that was left there, or has lost it.
    HoldGone {
        /// Its host and port.
        relay: String,
    },
    /// The lead has changed the circle's agreement.
    Agreed,
    /// A coordinator has set whom to turn to outside.
    ContactsSet,
}

/// An invitation that I made.
#[derive(Clone, Serialize, Deserialize)]
pub struct Invited {
    /// Its id, on this device only.
    pub id: [u8; 16],
    /// The link, which holds its secret.
    pub link: Secret,
    /// 32 bytes: the nonce that the offer commits to.
    pub nonce: Secret,
    /// The offer's message bytes.
    pub offer: Vec<u8>,
    /// Roles for whoever joins by it.
    pub roles: Roles,
    /// Until when.
    pub until_s: u64,
    /// Who answered.
    pub answers: Vec<Answered>,
    /// How far it is.
    pub state: InvitedState,
}

/// An answer to an invitation.
#[derive(Clone, Serialize, Deserialize)]
pub struct Answered {
    /// The joiner's keys.
    pub identity: Identity,
    /// The join's message bytes.
    pub join: Vec<u8>,
    /// The name they gave.
    pub name: String,
}

/// How far an invitation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InvitedState {
    /// Nobody was approved yet.
    Open,
    /// The nonce was revealed; the words wait to be compared.
    Revealed,
    /// This member was approved.
    Approved(MemberId),
    /// Rejected, or two answered.
    Void,
}

/// My way into a circle.
#[derive(Clone, Serialize, Deserialize)]
pub struct Joining {
    /// The link.
    pub link: Secret,
    /// The offer's message bytes.
    pub offer: Vec<u8>,
    /// My answer's message bytes.
    pub join: Vec<u8>,
    /// `n_C`, once revealed.
    pub nonce: Option<[u8; 32]>,
    /// I have compared the words.
    pub confirmed: bool,
    /// A welcome that waits until I have.
    pub welcome: Option<Vec<u8>>,
    /// The coordinator said no.
    pub void: bool,
}
