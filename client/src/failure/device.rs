//! What a device says, as a person can act on it. A command that knows names says more where it can.

use std::path::Path;

use velar_protocol::circle::limits::MAX_ADDRESSES;
use velar_protocol::circle::{MessageError, RosterError};

use super::{Exit, Failure, failure, link_reason, vault_failure};
use crate::device::DeviceError;
use crate::text::Text;

/// Why the device whose vault is in `folder` did not do what was asked.
#[must_use]
pub fn device_failure(error: &DeviceError, folder: &Path, text: &Text) -> Failure {
    match error {
        DeviceError::Vault(error) => vault_failure(error, folder, text),
        DeviceError::Incomplete => {
            let path = folder.display().to_string();
            failure!(text, Exit::NotNow, "error-vault-incomplete", path = path)
        }
        DeviceError::JoinPending => failure!(text, Exit::NotNow, "error-join-pending"),
        DeviceError::NoCircle => failure!(text, Exit::NotFound, "error-no-circle"),
        DeviceError::InCircle => failure!(text, Exit::NotNow, "error-in-circle"),
        DeviceError::Removed => failure!(text, Exit::NotNow, "error-removed"),
        DeviceError::LeadStays => failure!(text, Exit::NotNow, "error-lead-stays"),
        DeviceError::NotLead => failure!(text, Exit::NotNow, "error-not-lead"),
        DeviceError::NotAllowed => failure!(text, Exit::NotNow, "error-not-allowed"),
        DeviceError::Text | DeviceError::Message(MessageError::Limit) => {
            failure!(text, Exit::Usage, "error-text-bad")
        }
        DeviceError::UnknownMember | DeviceError::Roster(RosterError::UnknownMember) => {
            failure!(text, Exit::NotFound, "error-member-none")
        }
        DeviceError::AmbiguousMember => {
            failure!(text, Exit::NeedsConfirmation, "error-member-ambiguous")
        }
        DeviceError::UnknownAlert => failure!(text, Exit::NotFound, "error-alert-none"),
        DeviceError::AmbiguousAlert => {
            failure!(text, Exit::NeedsConfirmation, "error-alert-ambiguous")
        }
        DeviceError::TooManyInvitations => {
            failure!(text, Exit::NotNow, "error-invitations-many")
        }
        DeviceError::TooManyTokens => failure!(text, Exit::NotNow, "error-tokens-many"),
        DeviceError::TooManyExchanges => {
            failure!(text, Exit::NotNow, "error-exchanges-many")
        }
        DeviceError::NothingToApprove => failure!(text, Exit::NotFound, "error-approve-none"),
        DeviceError::AmbiguousAnswer => {
            failure!(text, Exit::NeedsConfirmation, "error-approve-several")
        }
        DeviceError::Void => failure!(text, Exit::Suspicious, "error-invitation-void"),
        DeviceError::WordsDiffer => failure!(text, Exit::Suspicious, "error-words-differ"),
        DeviceError::NotJoining => failure!(text, Exit::NotFound, "error-link-missing"),
        DeviceError::InvitationExpired => {
            failure!(text, Exit::NotFound, "error-invitation-expired")
        }
        DeviceError::Message(MessageError::Version(_)) => {
            failure!(text, Exit::Refused, "error-invitation-newer")
        }
        DeviceError::BadOffer => failure!(text, Exit::Suspicious, "error-invitation-false"),
        DeviceError::Link(error) => {
            let detail = link_reason(*error, text);
            failure!(text, Exit::Usage, "error-link-bad", detail = detail)
        }
        DeviceError::Roster(RosterError::Full) => {
            failure!(text, Exit::NotNow, "error-circle-full")
        }
        DeviceError::Roster(RosterError::Fork | RosterError::Takeover) => {
            failure!(text, Exit::Suspicious, "error-roster-conflict")
        }
        DeviceError::AnotherPerson => failure!(text, Exit::NotNow, "error-alert-another-person"),
        DeviceError::NotYours => failure!(text, Exit::NotNow, "error-alert-not-yours"),
        DeviceError::NotTaken => failure!(text, Exit::NotNow, "error-alert-not-yours-to-release"),
        DeviceError::CannotTake => failure!(text, Exit::NotNow, "error-hand-over-cannot"),
        DeviceError::NotAsked => failure!(text, Exit::NotNow, "error-alert-not-asked"),
        DeviceError::RelayKnown => failure!(text, Exit::NotNow, "error-relay-known"),
        DeviceError::TooManyRelays => {
            failure!(text, Exit::NotNow, "error-relays-many", count = MAX_ADDRESSES)
        }
        DeviceError::UnknownRelay => failure!(text, Exit::NotFound, "error-relay-unknown"),
        DeviceError::AmbiguousRelay => {
            failure!(text, Exit::NeedsConfirmation, "error-relay-ambiguous")
        }
        DeviceError::NoAccessToken(relay) => no_access_token(relay, text),
        DeviceError::LastRelay => failure!(text, Exit::NotNow, "error-relay-last"),
        DeviceError::Seal(member, _) => {
            let member = crate::terminal::short_id(&member.0);
            failure!(text, Exit::Failed, "error-member-keys", member = member)
        }
        // Records of the vault that contradict each other, or mistakes of this program.
        DeviceError::Roster(_) | DeviceError::Card(_) | DeviceError::Message(_) => {
            failure!(text, Exit::Failed, "error-internal", detail = error.to_string())
        }
    }
}

/// Nobody can be invited over the relay at this place.
#[must_use]
pub fn no_access_token(relay: &str, text: &Text) -> Failure {
    failure!(text, Exit::NotNow, "error-invite-access-token", relay = relay)
}

#[cfg(test)]
mod tests {
    use velar_protocol::circle::{CardError, LinkError};
    use velar_protocol::seal::{MemberId, SealError};

    use super::*;
    use crate::text::Language;
    use crate::vault::VaultError;

    fn all() -> Vec<DeviceError> {
        vec![
            DeviceError::Vault(VaultError::WrongPassphrase),
            DeviceError::Incomplete,
            DeviceError::NoCircle,
            DeviceError::JoinPending,
            DeviceError::InCircle,
            DeviceError::Removed,
            DeviceError::LeadStays,
            DeviceError::NotLead,
            DeviceError::NotAllowed,
            DeviceError::Text,
            DeviceError::UnknownMember,
            DeviceError::AmbiguousMember,
            DeviceError::UnknownAlert,
            DeviceError::AmbiguousAlert,
            DeviceError::TooManyInvitations,
            DeviceError::TooManyTokens,
            DeviceError::TooManyExchanges,
            DeviceError::NothingToApprove,
            DeviceError::AmbiguousAnswer,
            DeviceError::Void,
            DeviceError::WordsDiffer,
            DeviceError::NotJoining,
            DeviceError::InvitationExpired,
            DeviceError::BadOffer,
            DeviceError::Link(LinkError::Seed),
            DeviceError::Roster(RosterError::Full),
            DeviceError::Roster(RosterError::Fork),
            DeviceError::Card(CardError::Malformed),
            DeviceError::Message(MessageError::Limit),
            DeviceError::Message(MessageError::Version(2)),
            DeviceError::AnotherPerson,
            DeviceError::NotYours,
            DeviceError::NotTaken,
            DeviceError::NotAsked,
            DeviceError::CannotTake,
            DeviceError::RelayKnown,
            DeviceError::TooManyRelays,
            DeviceError::UnknownRelay,
            DeviceError::AmbiguousRelay,
            DeviceError::NoAccessToken("relay.example.org:443".to_owned()),
            DeviceError::LastRelay,
            DeviceError::Seal(MemberId([7; 32]), SealError::Recipient),
        ]
    }

    #[test]
    fn every_failure_of_the_device_says_what_to_do_in_both_languages() {
        let folder = Path::new("/home/ana/.local/share/velar");
        for error in all() {
            let [spanish, english] =
                Language::ALL.map(|language| device_failure(&error, folder, &Text::new(language)));
            assert_ne!(spanish.exit(), Exit::Done);
            assert_ne!(spanish.to_string(), english.to_string(), "{error:?}");
            assert!(english.to_string().lines().count() >= 2, "{english}");
            let internal = matches!(error, DeviceError::Card(_));
            assert_eq!(english.name() == "internal", internal, "{error:?}");
        }
    }
}
