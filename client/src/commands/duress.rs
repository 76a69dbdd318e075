//! `velar duress`: sets, changes or removes the passphrase that opens the vault with another voice.
//!
//! It does the same under either passphrase, to the slot of the other one: neither this command nor anybody who
//! watches it knows which of the two was typed.

use rand_core::Rng;
use serde_json::json;

use super::Context;
use crate::cli::Duress;
use crate::device::Entropy;
use crate::failure::{Exit, Failure, failure};
use crate::passphrase::{PassphraseError, PassphraseSource};
use crate::text::t;
use crate::vault::{Vault, VaultError};

pub(super) fn run(context: &Context, args: Duress) -> Result<Exit, Failure> {
    let text = &context.text;
    let unread = |error: PassphraseError| context.passphrase_failure(&error);
    let failed = |error: VaultError| context.vault_failure(&error);
    let prompt = t!(text, "passphrase-prompt");
    let current = context
        .stop
        .while_reading(&context.passphrase, |from| from.read(&prompt))
        .map_err(unread)?;
    // A wrong one is said before another is thought up.
    let vault = Vault::open(&context.vault_dir, &current).map_err(failed)?;
    let mut entropy = Entropy::default();
    let mut draw = |buffer: &mut [u8]| entropy.fill_bytes(buffer);
    if args.remove {
        vault.clear_second_passphrase(&current, &mut draw).map_err(failed)?;
        return done(context, "removed", &[t!(text, "duress-removed")]);
    }
    let source = match (args.second_file, args.second_fd) {
        (Some(path), _) => PassphraseSource::File(path),
        (None, Some(descriptor)) => PassphraseSource::Descriptor(descriptor),
        (None, None) => PassphraseSource::Prompt,
    };
    if source == PassphraseSource::Prompt {
        context.remark(&t!(text, "duress-advice"));
    }
    let (prompt, again) = (t!(text, "duress-second"), t!(text, "passphrase-again"));
    let second = context
        .stop
        .while_reading(&source, |from| from.read_new(&prompt, &again))
        .map_err(unread)?;
    // One refusal for both: which of them it is like is not said.
    let alike = || failure!(text, Exit::NotNow, "error-duress-alike");
    if second.is_like(&current) {
        return Err(alike());
    }
    match vault.set_second_passphrase(&current, &second, &mut draw) {
        Err(VaultError::PassphraseInUse) => Err(alike()),
        set => {
            set.map_err(failed)?;
            done(context, "set", &[t!(text, "duress-set"), t!(text, "duress-set-next")])
        }
    }
}

fn done(context: &Context, second: &str, lines: &[String]) -> Result<Exit, Failure> {
    if context.json {
        context.line(&json!({ "second": second }).to_string())?;
    } else {
        lines.iter().try_for_each(|line| context.line(line))?;
    }
    Ok(Exit::Done)
}
