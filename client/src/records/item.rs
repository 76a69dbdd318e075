//! What there is to show to the person.

use serde::{Deserialize, Serialize};
use velar_protocol::circle::{AlertEvent, AlertId, CheckIn};
use velar_protocol::seal::{MemberId, MessageId};

use super::Holder;

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
    /// The lead has changed the circle's agreement.
    Agreed,
    /// A coordinator has set whom to turn to outside.
    ContactsSet,
    /// A relay has released the alarm that was left there, or knows nothing of it any more.
    HoldGone {
        /// Its place.
        relay: String,
    },
    /// An alarm came by a panic kit that its owner had called void: somebody may hold an old copy.
    OldKit {
        /// The alert.
        alert: AlertId,
    },
    /// An alarm of this device's kit is out, and the kit on this device was not used: somebody may hold a copy.
    KitCopied {
        /// The alert.
        alert: AlertId,
    },
    /// What a former member said about an alert counts no more: it is open, and nobody has it.
    Undone {
        /// The alert.
        alert: AlertId,
        /// Who left the circle.
        by: MemberId,
    },
    /// A relay says that it lost what was left there, without releasing it.
    HoldLost {
        /// Its place.
        relay: String,
    },
    /// A member's card names a relay that nobody else uses: this device does not connect there before its person says so.
    RelayAsks {
        /// Its place.
        relay: String,
    },
    /// Somebody said something in a version that this program does not know. It may be an alarm.
    Newer {
        /// The version.
        version: u8,
    },
    /// An envelope is in a version that this program does not know. It may be anybody's.
    NewerEnvelope {
        /// The version.
        version: u8,
    },
    /// Something came by a member's token, as the relay says, and matches no key of this device.
    Unmatched {
        /// Whose token.
        member: MemberId,
        /// Whether it was asked for again.
        asked: bool,
    },
    /// Many envelopes come by one token, as the relay says, and nothing here opens them.
    ManyUnopened {
        /// To whom it was given.
        holder: Holder,
        /// How many today and yesterday, by now.
        count: u64,
    },
    /// Somebody else had registered a token at this relay before this device did.
    TokenTaken {
        /// Its place.
        relay: String,
        /// To whom the token was given.
        holder: Holder,
    },
    /// A member's earlier token counts no more, and it is not known whether they have the new one.
    TokenEnded {
        /// The member.
        member: MemberId,
    },
    /// An answer to an invitation of mine does not fit it: its relay, keys or time.
    AnswerRefused,
}
