//! What the network says, as a person can act on it.

use velar_protocol::wire::limits::PROTOCOL_VERSION;
use velar_protocol::wire::{Refusal, RelayAddress};

use super::{Exit, Failure, failure};
use crate::net::NetError;
use crate::text::{Text, t};

/// Why a relay could not be reached or would not, to stand inside of a sentence.
#[must_use]
pub fn net_reason(error: &NetError, text: &Text) -> String {
    match error {
        NetError::Local(_) => t!(text, "reason-no-socket"),
        NetError::Unresolved { host } => t!(text, "reason-unresolved", host = host.as_str()),
        NetError::Unreachable { host } => t!(text, "reason-no-route", host = host.as_str()),
        NetError::Timeout => t!(text, "reason-timeout"),
        NetError::WrongPin { .. } => t!(text, "reason-pin"),
        NetError::Handshake { host } => t!(text, "reason-handshake", host = host.as_str()),
        NetError::VersionMismatch { theirs } if *theirs < PROTOCOL_VERSION => {
            t!(text, "reason-older")
        }
        NetError::VersionMismatch { .. } => t!(text, "reason-newer"),
        NetError::Busy => t!(text, "reason-busy"),
        NetError::Refused(refusal) => refusal_reason(*refusal, text),
        NetError::Unavailable { .. } => t!(text, "reason-unavailable"),
        NetError::Full { .. } => t!(text, "reason-full"),
        NetError::Protocol(_) | NetError::UnexpectedAnswer | NetError::BadRequest(_) => {
            t!(text, "reason-protocol")
        }
        NetError::TokenTaken => t!(text, "reason-token-taken"),
        NetError::Closed => t!(text, "reason-closed"),
        NetError::Lost | NetError::ClosedHere => t!(text, "reason-lost"),
    }
}

fn refusal_reason(refusal: Refusal, text: &Text) -> String {
    match refusal {
        Refusal::Malformed | Refusal::TooLong => t!(text, "reason-refused-malformed"),
        Refusal::WrongProof => t!(text, "reason-refused-proof"),
        Refusal::AccessRequired => t!(text, "reason-refused-access"),
        Refusal::AccessSpent => t!(text, "reason-refused-spent"),
        Refusal::UnknownMailbox => t!(text, "reason-refused-mailbox"),
        Refusal::UnknownToken => t!(text, "reason-refused-token"),
        Refusal::UnknownHold | Refusal::HoldExists | Refusal::HoldLength | Refusal::HoldLost => {
            t!(text, "reason-refused-hold")
        }
        Refusal::TooManySubscriptions => t!(text, "reason-refused-too-many"),
    }
}

/// Why nothing came of it. `kept`: what was to be sent is in the vault and goes out later; otherwise
/// nothing was changed.
#[must_use]
pub fn net_failure(relay: &RelayAddress, error: &NetError, kept: bool, text: &Text) -> Failure {
    let name = relay.place();
    match error {
        NetError::WrongPin { .. } => {
            failure!(text, Exit::Refused, "error-relay-pin", relay = name)
        }
        NetError::VersionMismatch { theirs } if *theirs < PROTOCOL_VERSION => {
            failure!(text, Exit::Refused, "error-relay-older", relay = name)
        }
        NetError::VersionMismatch { .. } => {
            failure!(text, Exit::Refused, "error-relay-newer", relay = name)
        }
        NetError::Refused(Refusal::AccessRequired) => {
            failure!(text, Exit::Refused, "error-relay-access-token", relay = name)
        }
        NetError::Refused(Refusal::AccessSpent) => {
            failure!(text, Exit::Refused, "error-relay-access-spent", relay = name)
        }
        NetError::Refused(refusal) => {
            let detail = refusal_reason(*refusal, text);
            failure!(text, Exit::Refused, "error-relay-refused", relay = name, detail = detail)
        }
        NetError::TokenTaken => {
            failure!(text, Exit::Suspicious, "error-token-taken", relay = name)
        }
        NetError::Full { .. } if kept => {
            failure!(text, Exit::Kept, "error-relay-full", relay = name)
        }
        NetError::Full { .. } => {
            failure!(text, Exit::Failed, "error-relay-full-nothing-kept", relay = name)
        }
        error => {
            let detail = net_reason(error, text);
            if kept {
                failure!(text, Exit::Kept, "error-relay-unreachable", relay = name, detail = detail)
            } else {
                failure!(
                    text,
                    Exit::Failed,
                    "error-relay-unreachable-nothing-kept",
                    relay = name,
                    detail = detail
                )
            }
        }
    }
}

/// Whether trying again cannot help: somebody has to do something first.
#[must_use]
pub fn is_final(error: &NetError) -> bool {
    matches!(
        error,
        NetError::WrongPin { .. }
            | NetError::VersionMismatch { .. }
            | NetError::Refused(_)
            | NetError::TokenTaken
    )
}

#[cfg(test)]
mod tests {
    use std::io;

    use velar_protocol::wire::{CodecError, Pin};

    use super::*;
    use crate::text::Language;

    #[test]
    fn every_failure_of_the_network_says_what_to_do_in_both_languages() {
        let host = || "relay.example.org".to_owned();
        let all = [
            NetError::Local(io::ErrorKind::Other.into()),
            NetError::Unresolved { host: host() },
            NetError::Unreachable { host: host() },
            NetError::Timeout,
            NetError::WrongPin { host: host() },
            NetError::Handshake { host: host() },
            NetError::VersionMismatch { theirs: 0 },
            NetError::VersionMismatch { theirs: 9 },
            NetError::Busy,
            NetError::Refused(Refusal::AccessRequired),
            NetError::Refused(Refusal::AccessSpent),
            NetError::Refused(Refusal::UnknownToken),
            NetError::Refused(Refusal::HoldLength),
            NetError::Unavailable { retry_after_s: 1 },
            NetError::Full { retry_after_s: 1 },
            NetError::TokenTaken,
            NetError::Protocol(CodecError::Malformed),
            NetError::UnexpectedAnswer,
            NetError::Closed,
            NetError::Lost,
            NetError::ClosedHere,
        ];
        let relay = RelayAddress::new(&host(), 443, Pin([1; 32]), None).unwrap();
        for (error, kept) in all.iter().flat_map(|error| [(error, true), (error, false)]) {
            let [spanish, english] = Language::ALL.map(|language| {
                let text = Text::new(language);
                assert!(!net_reason(error, &text).is_empty());
                net_failure(&relay, error, kept, &text)
            });
            assert_ne!(spanish.to_string(), english.to_string(), "{error:?}");
            assert!(english.to_string().lines().count() >= 2, "{english}");
            let expected = match (is_final(error), kept) {
                (true, _) if matches!(error, NetError::TokenTaken) => Exit::Suspicious,
                (true, _) => Exit::Refused,
                (false, true) => Exit::Kept,
                (false, false) => Exit::Failed,
            };
            assert_eq!(english.exit(), expected, "{error:?}");
        }
    }
}
