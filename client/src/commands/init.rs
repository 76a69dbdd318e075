//! `velar init`: makes a vault and the identity in it.

use rand_core::Rng;
use serde_json::json;

use super::Context;
use super::show::json_line;
use crate::device::{Device, Entropy};
use crate::failure::{Exit, Failure};
use crate::passphrase::PassphraseSource;
use crate::text::t;
use crate::vault::{KdfCost, Vault, VaultError};

pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let folder = &context.vault_dir;
    let failed = |error: VaultError| context.vault_failure(&error);
    // Said before a passphrase is thought up for nothing.
    if Vault::exists(folder).map_err(failed)? {
        return Err(failed(VaultError::AlreadyExists));
    }
    if context.passphrase == PassphraseSource::Prompt {
        context.remark(&t!(context.text, "passphrase-advice"));
    }
    let (prompt, again) =
        (t!(context.text, "passphrase-new"), t!(context.text, "passphrase-again"));
    let passphrase = context
        .stop
        .while_reading(&context.passphrase, |from| from.read_new(&prompt, &again))
        .map_err(|error| context.passphrase_failure(&error))?;
    let mut entropy = Entropy::default();
    let mut vault = Vault::create(folder, &passphrase, KdfCost::default(), &mut |buffer| {
        entropy.fill_bytes(buffer);
    })
    .map_err(failed)?;
    Device::initialise(&mut vault).map_err(|error| context.failure(error))?;
    let path = folder.display().to_string();
    if context.json {
        context.line(&json_line(&json!({ "vault": path })))?;
    } else {
        context.line(&t!(context.text, "init-done", path = path))?;
        context.remark(&t!(context.text, "init-next"));
    }
    Ok(Exit::Done)
}
