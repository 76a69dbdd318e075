//! What every command needs: where the vault is, how to speak, ask, fail and stop.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::Stop;
use crate::device::{Device, DeviceError};
use crate::failure::{
    Exit, Failure, device_failure, failure, net_failure, passphrase_failure, reader_has_gone,
    reason, vault_failure,
};
use crate::kit;
use crate::link::now_s;
use crate::net::NetError;
use crate::passphrase::{Passphrase, PassphraseError, PassphraseSource};
use crate::terminal::{self, Clock};
use crate::text::{Text, t};
use crate::vault::{Vault, VaultError};
use velar_protocol::wire::RelayAddress;

/// How often an alarm asks for the passphrase.
const TRIES: usize = 3;

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
    /// Whether the person wants the command to end.
    pub stop: Arc<Stop>,
}

impl Context {
    /// Opens the vault and the device in it. Says so if records are damaged, or files were open to others.
    ///
    /// # Errors
    /// [`Failure`]: no vault, wrong passphrase, damage.
    pub fn device(&self) -> Result<Device, Failure> {
        let mut device = self.open_as_given()?;
        // What came before this program was upgraded. An alarm does not wait for it; what cannot be read now stays kept.
        if let Err(error) = device.read_newer(now_s()) {
            tracing::warn!(%error, "what an older program kept was not read");
        }
        Ok(device)
    }

    /// The same for an alarm: a slip in the passphrase does not end it. At a terminal it is asked for up to
    /// three times, also when the file or descriptor that was given does not open the vault.
    ///
    /// # Errors
    /// As [`Context::device`].
    pub fn device_for_alarm(&self) -> Result<Device, Failure> {
        let mut opened = self.open_as_given();
        let again = t!(self.text, "passphrase-wrong-again");
        let prompted = self.passphrase == PassphraseSource::Prompt;
        for tried in usize::from(prompted)..TRIES {
            let can_ask = if prompted { terminal::asker().is_ok() } else { self.can_ask() };
            match &opened {
                Err(failure) if failure.exit() == Exit::Locked && can_ask => {
                    // What is wrong with a file is not said by asking again.
                    if tried == 0 {
                        self.remark(&failure.to_string());
                    }
                    opened = self.open(&PassphraseSource::Prompt, &again);
                }
                _ => break,
            }
        }
        opened
    }

    /// Asks for the passphrase of an alarm that is on its way already. `None`: nothing was typed, or nothing that
    /// opens the vault; that is said.
    #[must_use]
    pub fn device_if_wanted(&self) -> Option<Device> {
        let mut prompt = t!(self.text, "panic-kit-prompt");
        for _ in 0..TRIES {
            let typed = self.stop.while_asking(|| PassphraseSource::Prompt.read(&prompt)).ok()?;
            match self.opened(&typed) {
                Ok(device) => return Some(device),
                Err(failure) => {
                    self.remark(failure.what());
                    if failure.exit() != Exit::Locked {
                        return None;
                    }
                }
            }
            prompt = t!(self.text, "panic-kit-prompt-again");
        }
        None
    }

    fn open_as_given(&self) -> Result<Device, Failure> {
        self.open(&self.passphrase, &t!(self.text, "passphrase-prompt"))
    }

    fn open(&self, source: &PassphraseSource, prompt: &str) -> Result<Device, Failure> {
        let passphrase = self
            .stop
            .while_reading(source, |from| from.read(prompt))
            .map_err(|error| self.passphrase_failure(&error))?;
        self.opened(&passphrase)
    }

    fn opened(&self, passphrase: &Passphrase) -> Result<Device, Failure> {
        let vault =
            Vault::open(&self.vault_dir, passphrase).map_err(|error| self.vault_failure(&error))?;
        let mut device = Device::of(vault).map_err(|error| self.failure(error))?;
        if device.was_exposed() {
            self.remark(&t!(self.text, "warning-exposed"));
        }
        self.warn_of_damage(&device);
        // An alarm that was raised without the passphrase is known from here on.
        kit::reconcile(&mut device, now_s()).map_err(|error| self.failure(error))?;
        Ok(device)
    }

    /// Says how many records could not be read so far, if any.
    pub fn warn_of_damage(&self, device: &Device) {
        let count = device.damage();
        if count > 0 {
            self.remark(&t!(self.text, "warning-damage", count = count));
        }
    }

    /// Says it before what a removed device still shows: it looks as ever.
    ///
    /// # Errors
    /// [`Failure`] of the vault.
    pub fn warn_if_removed(&self, device: &mut Device) -> Result<(), Failure> {
        if device.is_removed().map_err(|error| self.failure(error))? {
            self.remark(&self.failure(DeviceError::Removed).to_string());
        }
        Ok(())
    }

    /// Prints one line of data to standard output. A reader that has gone is not a failure.
    ///
    /// # Errors
    /// [`Failure`] if the output cannot be written.
    pub fn line(&self, line: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        match writeln!(out, "{line}").and_then(|()| out.flush()) {
            Err(error) if !reader_has_gone(&error) => {
                let detail = reason(&error, &self.text);
                Err(failure!(self.text, Exit::Failed, "error-output", detail = detail))
            }
            _ => Ok(()),
        }
    }

    /// Prints one line that is not data to standard error.
    pub fn remark(&self, line: &str) {
        let mut err = std::io::stderr().lock();
        writeln!(err, "{line}").unwrap_or_default();
    }

    /// Whether a person can be asked: not if another program reads what this one says.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        !self.json && std::io::stderr().is_terminal() && terminal::asker().is_ok()
    }

    /// Asks for a line. `None`: nothing was typed, or there is nobody to ask.
    #[must_use]
    pub fn ask(&self, prompt: &str) -> Option<String> {
        self.stop
            .while_asking(|| terminal::asker().and_then(|mut asker| asker.line(prompt)).ok()?)
    }

    /// For what the device says.
    pub fn failure(&self, error: DeviceError) -> Failure {
        let open = matches!(error, DeviceError::Vault(_));
        // An open vault whose files are gone says all sorts of things.
        if open && matches!(Vault::exists(&self.vault_dir), Ok(false)) {
            let path = self.vault_dir.display().to_string();
            return failure!(self.text, Exit::NotFound, "error-vault-gone", path = path);
        }
        device_failure(&error, &self.vault_dir, &self.text)
    }

    /// For what the vault says.
    pub fn vault_failure(&self, error: &VaultError) -> Failure {
        vault_failure(error, &self.vault_dir, &self.text)
    }

    /// For what reading the passphrase says.
    pub fn passphrase_failure(&self, error: &PassphraseError) -> Failure {
        passphrase_failure(error, &self.text)
    }

    /// For what a relay or the network says, when nothing could be kept for later.
    pub fn net_failure(&self, relay: &RelayAddress, error: &NetError) -> Failure {
        net_failure(relay, error, false, &self.text)
    }

    /// For what a relay or the network says, when what was to be sent is kept for later.
    pub fn kept_failure(&self, relay: &RelayAddress, error: &NetError) -> Failure {
        net_failure(relay, error, true, &self.text)
    }
}
