//! What every command needs: where the vault is, how to speak, how to fail.

use std::io::Write;
use std::path::PathBuf;

use crate::device::{Device, DeviceError};
use crate::failure::{Exit, Failure, failure, reader_has_gone};
use crate::net::NetError;
use crate::passphrase::{PassphraseError, PassphraseSource};
use crate::terminal::Clock;
use crate::text::{Text, t};
use crate::vault::{Vault, VaultError};
use velar_protocol::wire::RelayAddress;

/// What every command needs.
pub struct Context {
    /// Texts in the person's language.
    pub text: Text,
    /// Local time.
    pub clock: Clock,
    /// Whether data is printed as JSON.
    pub json: bool,
    /// Where the vault is.
    pub vault_dir: PathBuf,
    /// Where the passphrase comes from.
    pub passphrase: PassphraseSource,
}

impl Context {
    /// Opens the vault and the device in it.
    ///
    /// # Errors
    /// [`Failure`]: no vault, wrong passphrase, damage.
    pub fn device(&self) -> Result<Device, Failure> {
        let prompt = t!(self.text, "passphrase-prompt");
        let passphrase =
            self.passphrase.read(&prompt).map_err(|error| self.passphrase_failure(&error))?;
        let vault = Vault::open(&self.vault_dir, &passphrase)
            .map_err(|error| self.vault_failure(&error))?;
        Device::of(vault).map_err(|error| self.failure(error))
    }

    /// Prints one line of data to standard output. A reader that has gone is not a failure.
    ///
    /// # Errors
    /// [`Failure`] if the output cannot be written.
    pub fn line(&self, line: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        match writeln!(out, "{line}").and_then(|()| out.flush()) {
            Err(error) if !reader_has_gone(&error) => Err(self.internal(&error)),
            _ => Ok(()),
        }
    }

    /// Prints one line that is not data to standard error.
    pub fn remark(&self, line: &str) {
        let mut err = std::io::stderr().lock();
        writeln!(err, "{line}").unwrap_or_default();
    }

    /// For what the device says.
    pub fn failure(&self, error: DeviceError) -> Failure {
        match error {
            DeviceError::Vault(error) => self.vault_failure(&error),
            error => self.internal(&error),
        }
    }

    /// For what the vault says.
    pub fn vault_failure(&self, error: &VaultError) -> Failure {
        self.internal(error)
    }

    /// For what reading the passphrase says.
    pub fn passphrase_failure(&self, error: &PassphraseError) -> Failure {
        self.internal(error)
    }

    /// For what a relay or the network says, when nothing could be kept for later.
    pub fn net_failure(&self, _relay: &RelayAddress, error: &NetError) -> Failure {
        self.internal(error)
    }

    fn internal(&self, error: &dyn std::error::Error) -> Failure {
        failure!(self.text, Exit::Failed, "error-internal", detail = error.to_string())
    }
}
