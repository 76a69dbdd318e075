//! From typed errors to what a person can do about them.

use std::io;
use std::path::Path;

use velar_protocol::circle::invitation::LinkError;
use velar_protocol::wire::AddressError;

use super::{Exit, Failure, failure};
use crate::passphrase::PassphraseError;
use crate::text::{Text, t};
use crate::vault::{Part, VaultError};

/// What the system said about a file, in the reader's language where it is one of the common reasons.
#[must_use]
pub fn reason(error: &io::Error, text: &Text) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => t!(text, "reason-file-missing"),
        io::ErrorKind::PermissionDenied => t!(text, "reason-file-permission"),
        io::ErrorKind::IsADirectory => t!(text, "reason-file-is-folder"),
        io::ErrorKind::InvalidData => t!(text, "reason-file-not-text"),
        io::ErrorKind::BrokenPipe => t!(text, "reason-broken-pipe"),
        io::ErrorKind::StorageFull => t!(text, "reason-disk-full"),
        _ => error.to_string(),
    }
}

/// Why a text is not a relay address.
#[must_use]
pub fn address_reason(error: AddressError, text: &Text) -> String {
    match error {
        AddressError::Scheme => t!(text, "reason-address-scheme"),
        AddressError::Host => t!(text, "reason-address-host"),
        AddressError::Pin => t!(text, "reason-address-pin"),
    }
}

/// Why a text is not an invitation: for `error-link-bad`.
#[must_use]
pub fn link_reason(error: LinkError, text: &Text) -> String {
    match error {
        LinkError::Scheme => t!(text, "reason-link-scheme"),
        LinkError::Address(error) => address_reason(error, text),
        LinkError::Seed => t!(text, "reason-link-seed"),
    }
}

/// Why there is no passphrase.
#[must_use]
pub fn passphrase_failure(error: &PassphraseError, text: &Text) -> Failure {
    let shown = |path: &Path| path.display().to_string();
    match error {
        PassphraseError::NoTerminal(_) => failure!(text, Exit::Locked, "error-passphrase-missing"),
        PassphraseError::Interrupted => failure!(text, Exit::Interrupted, "error-interrupted"),
        PassphraseError::File { path, source } => failure!(
            text,
            Exit::Locked,
            "error-passphrase-file",
            path = shown(path),
            detail = reason(source, text)
        ),
        PassphraseError::Exposed { path } => {
            failure!(text, Exit::Locked, "error-passphrase-file-exposed", path = shown(path))
        }
        PassphraseError::Descriptor { descriptor, source } => failure!(
            text,
            Exit::Locked,
            "error-passphrase-fd",
            fd = *descriptor,
            detail = reason(source, text)
        ),
        PassphraseError::Empty => failure!(text, Exit::Locked, "error-passphrase-empty"),
        PassphraseError::TooShort { min } => {
            failure!(text, Exit::Locked, "error-passphrase-short", count = *min)
        }
        PassphraseError::TooLong { max } => {
            failure!(text, Exit::Locked, "error-passphrase-long", count = *max)
        }
        PassphraseError::NotText => failure!(text, Exit::Locked, "error-passphrase-not-text"),
        PassphraseError::Differ => failure!(text, Exit::Locked, "error-passphrases-differ"),
    }
}

/// Why the vault in `folder` did not do what was asked.
#[must_use]
pub fn vault_failure(error: &VaultError, folder: &Path, text: &Text) -> Failure {
    let path = folder.display().to_string();
    match error {
        VaultError::WrongPassphrase => failure!(text, Exit::Locked, "error-wrong-passphrase"),
        VaultError::NotFound => failure!(text, Exit::NotFound, "error-vault-missing", path = path),
        VaultError::AlreadyExists => {
            failure!(text, Exit::NotNow, "error-vault-exists", path = path)
        }
        VaultError::Damaged { what } => {
            let detail = match what {
                Part::Slots => t!(text, "reason-damaged-slots"),
                Part::Database => t!(text, "reason-damaged-database"),
                Part::Record { kind } => t!(text, "reason-damaged-record", kind = *kind),
            };
            failure!(text, Exit::Damaged, "error-vault-damaged", path = path, detail = detail)
        }
        VaultError::Foreign => {
            failure!(text, Exit::Suspicious, "error-vault-foreign", path = path)
        }
        VaultError::Busy => failure!(text, Exit::Failed, "error-vault-busy", path = path),
        VaultError::DiskFull => failure!(text, Exit::Failed, "error-disk-full", path = path),
        VaultError::Permission(path) => {
            let path = path.display().to_string();
            failure!(text, Exit::Failed, "error-vault-permission", path = path)
        }
        VaultError::Io(source) => {
            let detail = reason(source, text);
            failure!(text, Exit::Failed, "error-vault-io", path = path, detail = detail)
        }
        VaultError::UnknownVersion { .. } => {
            failure!(text, Exit::NotNow, "error-vault-newer", path = path)
        }
        VaultError::PassphraseInUse => {
            failure!(text, Exit::NotNow, "error-passphrase-in-use")
        }
        VaultError::OutOfMemory => failure!(text, Exit::Failed, "error-no-memory"),
        VaultError::Randomness => failure!(text, Exit::Failed, "error-no-randomness"),
        // Mistakes of this program, not of its user.
        VaultError::Cost | VaultError::Value { .. } | VaultError::ReadOnly => {
            failure!(text, Exit::Failed, "error-internal", detail = error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Language;

    #[test]
    fn every_failure_of_the_vault_says_what_to_do_in_both_languages() {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let folder = Path::new("/home/ana/.local/share/velar");
        let vault = [
            (VaultError::WrongPassphrase, Exit::Locked),
            (VaultError::NotFound, Exit::NotFound),
            (VaultError::AlreadyExists, Exit::NotNow),
            (VaultError::Damaged { what: Part::Record { kind: "roster" } }, Exit::Damaged),
            (VaultError::Foreign, Exit::Suspicious),
            (VaultError::Busy, Exit::Failed),
            (VaultError::DiskFull, Exit::Failed),
            (VaultError::Permission("/x".into()), Exit::Failed),
            (VaultError::Io(missing()), Exit::Failed),
            (VaultError::UnknownVersion { found: 2, known: 1 }, Exit::NotNow),
            (VaultError::OutOfMemory, Exit::Failed),
            (VaultError::ReadOnly, Exit::Failed),
        ];
        let passphrase = [
            (PassphraseError::NoTerminal(missing()), Exit::Locked),
            (PassphraseError::Interrupted, Exit::Interrupted),
            (PassphraseError::File { path: "/p".into(), source: missing() }, Exit::Locked),
            (PassphraseError::TooShort { min: 8 }, Exit::Locked),
        ];
        let [spanish, english] = Language::ALL.map(|language| {
            let text = Text::new(language);
            let of_vault = vault.iter().map(|(e, exit)| (vault_failure(e, folder, &text), *exit));
            let asked = passphrase.iter().map(|(e, exit)| (passphrase_failure(e, &text), *exit));
            of_vault.chain(asked).collect::<Vec<_>>()
        });
        for ((spanish, exit), (english, _)) in spanish.iter().zip(&english) {
            assert_eq!((spanish.exit(), english.exit()), (*exit, *exit), "{english}");
            assert_ne!(spanish.to_string(), english.to_string());
            assert!(spanish.to_string().lines().count() >= 2, "{spanish}");
        }
    }

    #[test]
    fn a_damaged_invitation_says_which_part_is_wrong() {
        let text = Text::new(Language::Spanish);
        let scheme = link_reason(
            "velar://x".parse::<velar_protocol::circle::Invitation>().unwrap_err(),
            &text,
        );
        assert!(scheme.contains("velar-join://"), "{scheme}");
        let pin = link_reason(LinkError::Address(AddressError::Pin), &text);
        assert!(pin.contains("huella"), "{pin}");
    }
}
