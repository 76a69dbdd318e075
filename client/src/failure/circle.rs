//! From what the device and its relays say to what a person can do about it.

use std::path::Path;

use velar_protocol::wire::{Refusal, RelayAddress};

use super::{Exit, Failure, failure, link_reason, vault_failure};
use crate::device::DeviceError;
use crate::net::NetError;
use crate::text::{Text, t};

/// What a failing command was asked about, for its message.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The vault's folder.
    pub vault: &'a Path,
    /// The member or alert as typed; empty if none was.
    pub which: &'a str,
}

/// Why the device did not do what was asked.
#[must_use]
pub fn device_failure(error: &DeviceError, asked: Asked<'_>, text: &Text) -> Failure {
    let which = asked.which;
    match error {
        DeviceError::Vault(error) => vault_failure(error, asked.vault, text),
        DeviceError::Incomplete => {
            let path = asked.vault.display().to_string();
            failure!(text, Exit::Damaged, "error-vault-incomplete", path = path)
        }
        DeviceError::NoCircle => failure!(text, Exit::NotNow, "error-no-circle"),
        DeviceError::InCircle => failure!(text, Exit::NotNow, "error-in-circle"),
        DeviceError::NotLead => failure!(text, Exit::NotNow, "error-not-lead"),
        DeviceError::NotAllowed => failure!(text, Exit::NotNow, "error-not-allowed"),
        DeviceError::Text => failure!(text, Exit::Usage, "error-text-unfit"),
        DeviceError::UnknownMember => {
            failure!(text, Exit::NotFound, "error-member-unknown", name = which)
        }
        DeviceError::AmbiguousMember => {
            failure!(text, Exit::NeedsConfirmation, "error-member-ambiguous", name = which)
        }
        DeviceError::UnknownAlert if which.is_empty() => {
            failure!(text, Exit::NotFound, "error-alert-none")
        }
        DeviceError::UnknownAlert => {
            failure!(text, Exit::NotFound, "error-alert-unknown", alert = which)
        }
        DeviceError::AmbiguousAlert => {
            failure!(text, Exit::NeedsConfirmation, "error-alert-ambiguous")
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
        DeviceError::BadOffer => failure!(text, Exit::Suspicious, "error-invitation-offer"),
        DeviceError::Link(error) => {
            failure!(text, Exit::Usage, "error-link-bad", detail = link_reason(*error, text))
        }
        DeviceError::AnotherPerson => failure!(text, Exit::NotNow, "error-another-person"),
        DeviceError::NotYours => failure!(text, Exit::NotNow, "error-not-yours"),
        DeviceError::NotTaken => {
            failure!(text, Exit::NotNow, "error-alert-not-taken", alert = which)
        }
        DeviceError::NotAsked => failure!(text, Exit::NotNow, "error-not-asked"),
        DeviceError::Seal(..) => failure!(text, Exit::Failed, "error-seal"),
        DeviceError::Roster(_) | DeviceError::Card(_) | DeviceError::Message(_) => {
            failure!(text, Exit::Suspicious, "error-unexpected", detail = error.to_string())
        }
    }
}

/// Why a relay did not do what was asked. `kept`: whether what was to be sent waits in the vault.
#[must_use]
pub fn net_failure(error: &NetError, relay: &RelayAddress, kept: bool, text: &Text) -> Failure {
    let shown = shown(relay);
    match error {
        NetError::WrongPin { .. } => {
            failure!(text, Exit::Refused, "error-relay-pin", relay = shown)
        }
        NetError::VersionMismatch { .. } => {
            failure!(text, Exit::Refused, "error-relay-version", relay = shown)
        }
        NetError::Refused(Refusal::AccessRequired) => {
            failure!(text, Exit::Refused, "error-relay-access-token", relay = shown)
        }
        NetError::Refused(refusal) => {
            let detail = refusal_reason(*refusal, text);
            failure!(text, Exit::Refused, "error-relay-refused", relay = shown, detail = detail)
        }
        NetError::BadRequest(_) => {
            failure!(text, Exit::Failed, "error-internal", detail = error.to_string())
        }
        error if kept => failure!(
            text,
            Exit::Kept,
            "error-relay-unreachable",
            relay = shown,
            detail = net_reason(error, text)
        ),
        error => failure!(
            text,
            Exit::Failed,
            "error-relay-unreachable-nothing-kept",
            relay = shown,
            detail = net_reason(error, text)
        ),
    }
}

/// Why a relay cannot be used, in a few words, for a line of `watch` or the `detail` of a failure.
#[must_use]
pub fn net_reason(error: &NetError, text: &Text) -> String {
    match error {
        NetError::Local(_) => t!(text, "reason-no-socket"),
        NetError::Unresolved { host } => t!(text, "reason-unresolved", host = host.as_str()),
        NetError::Unreachable { host } => t!(text, "reason-no-route", host = host.as_str()),
        NetError::Timeout => t!(text, "reason-timeout"),
        NetError::WrongPin { host } => t!(text, "reason-pin", host = host.as_str()),
        NetError::Handshake { host } => t!(text, "reason-handshake", host = host.as_str()),
        NetError::VersionMismatch { .. } => t!(text, "reason-version"),
        NetError::Busy => t!(text, "reason-busy"),
        NetError::Refused(refusal) => refusal_reason(*refusal, text),
        NetError::Unavailable { .. } => t!(text, "reason-unavailable"),
        NetError::Protocol(_) | NetError::UnexpectedAnswer | NetError::BadRequest(_) => {
            t!(text, "reason-protocol")
        }
        NetError::Closed | NetError::ClosedHere => t!(text, "reason-closed"),
        NetError::Lost => t!(text, "reason-lost"),
    }
}

/// Why a relay refused, in a few words.
#[must_use]
pub fn refusal_reason(refusal: Refusal, text: &Text) -> String {
    match refusal {
        Refusal::Malformed | Refusal::TooLong => t!(text, "reason-refused-malformed"),
        Refusal::WrongProof => t!(text, "reason-refused-proof"),
        Refusal::AccessRequired => t!(text, "reason-refused-access"),
        Refusal::UnknownMailbox => t!(text, "reason-refused-mailbox"),
        Refusal::UnknownToken | Refusal::TokenTaken => t!(text, "reason-refused-token"),
        Refusal::UnknownHold | Refusal::HoldExists | Refusal::HoldLength => {
            t!(text, "reason-refused-hold")
        }
        Refusal::TooManySubscriptions => t!(text, "reason-refused-too-many"),
    }
}

/// A relay as people name it: host and port, without the pin.
fn shown(relay: &RelayAddress) -> String {
    if relay.host().contains(':') {
        format!("[{}]:{}", relay.host(), relay.port())
    } else {
        format!("{}:{}", relay.host(), relay.port())
    }
}

#[cfg(test)]
mod tests {
    use velar_protocol::wire::Pin;

    use super::*;
    use crate::text::Language;

    fn relay() -> RelayAddress {
        RelayAddress::new("::1", 443, Pin([7; 32]), None).unwrap()
    }

    #[test]
    fn a_relay_is_named_without_its_pin() {
        for language in Language::ALL {
            let failure = net_failure(&NetError::Timeout, &relay(), true, &Text::new(language));
            assert_eq!(failure.exit(), Exit::Kept);
            assert!(failure.to_string().contains("[::1]:443"), "{failure}");
            assert!(!failure.to_string().contains(&Pin([7; 32]).to_string()), "{failure}");
        }
    }

    #[test]
    fn a_wrong_pin_is_said_as_what_it_is_even_if_all_is_kept() {
        let error = NetError::WrongPin { host: "::1".into() };
        let failure = net_failure(&error, &relay(), true, &Text::new(Language::English));
        assert_eq!((failure.exit(), failure.name()), (Exit::Refused, "relay-pin"));
    }

    #[test]
    fn nothing_is_said_to_be_kept_that_is_not() {
        let text = Text::new(Language::English);
        let failure = net_failure(&NetError::Busy, &relay(), false, &text);
        assert_eq!(failure.exit(), Exit::Failed);
        assert!(failure.to_string().contains("Nothing was changed"), "{failure}");
    }

    #[test]
    fn an_alert_that_was_not_named_is_not_shown_as_an_empty_name() {
        let text = Text::new(Language::English);
        let asked = |which| Asked { vault: Path::new("/v"), which };
        let failure = device_failure(&DeviceError::UnknownAlert, asked(""), &text);
        assert_eq!(failure.name(), "alert-none");
        let failure = device_failure(&DeviceError::UnknownAlert, asked("3f2a"), &text);
        assert!(failure.to_string().contains("3f2a"), "{failure}");
    }
}
