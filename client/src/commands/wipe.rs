//! `velar wipe`: destroys the vault and what belongs to it on this device. Needs no passphrase, and tells no relay.

use rand_core::Rng;
use serde_json::json;

use super::{Context, show};
use crate::cli::Wipe;
use crate::device::Entropy;
use crate::failure::{Exit, Failure, failure};
use crate::terminal::clean;
use crate::text::{Text, t};
use crate::vault::{Wiped, is_anything, wipe};

pub(super) fn run(context: &Context, args: Wipe) -> Result<Exit, Failure> {
    let text = &context.text;
    let folder = &context.vault_dir;
    let path = folder.display().to_string();
    let missing = || failure!(text, Exit::NotFound, "error-vault-missing", path = path.as_str());
    if !is_anything(folder) {
        return Err(missing());
    }
    if !args.yes {
        confirm(context, &path)?;
    }
    let mut entropy = Entropy::default();
    let wiped = wipe(folder, &mut |buffer| entropy.fill_bytes(buffer)).map_err(|_| missing())?;
    report(context, &path, &wiped)?;
    if wiped.failed.is_empty() {
        return Ok(Exit::Done);
    }
    let paths = text.list(wiped.failed.iter().map(|path| path.display().to_string()));
    Err(match wiped.keys {
        true => failure!(text, Exit::Failed, "error-wipe-left", paths = paths),
        false => failure!(text, Exit::Failed, "error-wipe-keys", paths = paths),
    })
}

/// One word, typed. Of `--yes` nothing is asked: there may be no time.
fn confirm(context: &Context, path: &str) -> Result<(), Failure> {
    let text = &context.text;
    if !context.can_ask() {
        return Err(failure!(text, Exit::NeedsConfirmation, "error-wipe-unconfirmed"));
    }
    context.remark(&t!(text, "wipe-warning", path = clean(path)));
    let words = t!(text, "wipe-words");
    let word = words.split(' ').next().unwrap_or_default();
    let typed = context.ask(&t!(text, "wipe-ask", word = word)).unwrap_or_default();
    if is_confirmed(text, &typed) {
        return Ok(());
    }
    Err(failure!(text, Exit::NeedsConfirmation, "error-declined"))
}

fn is_confirmed(text: &Text, typed: &str) -> bool {
    let typed = typed.trim().to_lowercase();
    t!(text, "wipe-words").split(' ').any(|word| word == typed)
}

fn report(context: &Context, path: &str, wiped: &Wiped) -> Result<(), Failure> {
    let text = &context.text;
    let shown = |paths: &[std::path::PathBuf]| -> Vec<String> {
        paths.iter().map(|path| clean(&path.display().to_string())).collect()
    };
    if context.json {
        let data = json!({
            "keys_destroyed": wiped.keys, "kit_destroyed": wiped.kit,
            "failed": shown(&wiped.failed), "others": shown(&wiped.others),
        });
        return context.line(&show::json_line(&data));
    }
    if wiped.keys {
        context.line(&t!(text, "wipe-keys"))?;
    }
    if wiped.failed.is_empty() {
        context.line(&t!(text, "wipe-done", path = clean(path)))?;
    }
    if wiped.kit {
        context.line(&t!(text, "wipe-kit"))?;
    }
    if !wiped.others.is_empty() {
        context.line(&t!(text, "wipe-others", paths = text.list(shown(&wiped.others))))?;
    }
    context.line(&t!(text, "wipe-silence"))?;
    context.line(&t!(text, "wipe-flash"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Language;

    #[test]
    fn only_the_word_itself_confirms_in_both_languages() {
        for language in Language::ALL {
            let text = Text::new(language);
            for typed in ["wipe", "WIPE", " borrar "] {
                assert!(is_confirmed(&text, typed), "{typed}");
            }
            for typed in ["", "y", "yes", "sí", "wip", "wipe now"] {
                assert!(!is_confirmed(&text, typed), "{typed}");
            }
        }
    }
}
