//! What can go wrong on a device.

use velar_protocol::circle::{CardError, LinkError, MessageError, RosterError};
use velar_protocol::seal::{MemberId, SealError};

use crate::vault::VaultError;

/// Why a device did not do what was asked. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The vault holds no identity: `velar init` did not finish.
    #[error("the vault holds no identity")]
    Incomplete,
    /// Not in a circle yet.
    #[error("this device is in no circle")]
    NoCircle,
    /// An invitation is answered, and not everything that lets this device in has come.
    #[error("a join is under way")]
    JoinPending,
    /// In a circle already: an identity is for one circle.
    #[error("this device is in a circle already")]
    InCircle,
    /// The lead has removed this device from the circle.
    #[error("this device was removed from its circle")]
    Removed,
    /// Without a lead nobody could change the roster any more.
    #[error("the lead cannot leave the circle")]
    LeadStays,
    /// Only the lead signs the roster.
    #[error("only the lead can do this")]
    NotLead,
    /// This role may not do it.
    #[error("this device's role does not allow it")]
    NotAllowed,
    /// A name or text is empty or too long.
    #[error("a name or text is empty or too long")]
    Text,
    /// No such member.
    #[error("no such member")]
    UnknownMember,
    /// More than one member fits.
    #[error("more than one member fits")]
    AmbiguousMember,
    /// No such alert.
    #[error("no such alert")]
    UnknownAlert,
    /// More than one alert fits.
    #[error("more than one alert fits")]
    AmbiguousAlert,
    /// So many invitations are open that a relay would take no more.
    #[error("too many invitations are open")]
    TooManyInvitations,
    /// So many tokens are valid that a relay would take no more.
    #[error("too many tokens are valid")]
    TooManyTokens,
    /// So many members' tokens are being exchanged that another one would end one of theirs.
    #[error("too many tokens are being exchanged")]
    TooManyExchanges,
    /// No invitation waits for this.
    #[error("nobody has answered an invitation")]
    NothingToApprove,
    /// Several invitations were answered: name one.
    #[error("several people wait for approval")]
    AmbiguousAnswer,
    /// Two answered the invitation, or it was rejected.
    #[error("the invitation is void")]
    Void,
    /// The words that were typed are not the ones on this screen.
    #[error("the words differ")]
    WordsDiffer,
    /// There is no join under way.
    #[error("no join is under way")]
    NotJoining,
    /// The invitation has expired.
    #[error("the invitation has expired")]
    InvitationExpired,
    /// What was found at the invitation's mailbox is no offer.
    #[error("the invitation's offer is damaged")]
    BadOffer,
    /// The link.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// A roster.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// A card.
    #[error(transparent)]
    Card(#[from] CardError),
    /// A message.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The subject of an alert cannot do this; another person has to.
    #[error("another person has to do this")]
    AnotherPerson,
    /// Only the person whom an alert is about can do this.
    #[error("the alert is about somebody else")]
    NotYours,
    /// There is nothing of mine to give back.
    #[error("this device has not taken the alert")]
    NotTaken,
    /// An alert can only be handed to another member who may answer it.
    #[error("that member cannot take the alert")]
    CannotTake,
    /// Nobody asked to stand down.
    #[error("nobody asked to stand down")]
    NotAsked,
    /// This device has a mailbox at that relay already.
    #[error("this relay is in use already")]
    RelayKnown,
    /// As many relays as a card may list.
    #[error("no more relays fit on a card")]
    TooManyRelays,
    /// No such relay.
    #[error("no such relay")]
    UnknownRelay,
    /// More than one relay fits.
    #[error("more than one relay fits")]
    AmbiguousRelay,
    /// The relay at this place opens a mailbox for a newcomer only by an access token, and there is none here.
    #[error("no access token for the relay {0}")]
    NoAccessToken(String),
    /// Without it nobody could reach this device.
    #[error("this is the only relay")]
    LastRelay,
    /// Sealing failed for this member: their keys are unusable.
    #[error("sealing to a member failed")]
    Seal(MemberId, #[source] SealError),
}
