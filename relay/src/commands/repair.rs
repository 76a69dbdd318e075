//! `check` and `repair`: what is wrong with a data folder, and what can be saved of it.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::CommandError;
use crate::config::{Config, Flags};
use crate::keys::Identity;
use crate::server::{STORE, ServeError};
use crate::store::{self, Examined, Findings, Repaired};

/// Arguments of `repair`.
#[derive(Args, Debug)]
pub struct Repair {
    /// Folder to save into; it must not exist, or be empty
    #[arg(long, value_name = "DIR")]
    pub into: PathBuf,
    /// Configuration.
    #[command(flatten)]
    pub flags: Flags,
}

/// Looks at the data folder. Text for stdout, and whether all is well.
///
/// # Errors
/// [`CommandError`].
pub fn check(config: &Config) -> Result<(String, bool), CommandError> {
    let mut text = String::new();
    let keys = Identity::load(&config.data);
    match &keys {
        Ok(_) => text.push_str("keys: they can be used\n"),
        Err(error) => {
            let _ = writeln!(text, "keys: {error}");
        }
    }
    let folder = config.data.join(STORE);
    if !folder.exists() {
        text.push_str("store: there is none yet; the relay makes one when it first serves\n");
        return Ok((text, keys.is_ok()));
    }
    let found = store::examine(&folder).map_err(ServeError::from)?;
    let well = is_well(&found);
    text.push_str(&store_text(&found));
    text.push_str(&advice(&found, well, &config.data));
    Ok((text, well && keys.is_ok()))
}

fn is_well(found: &Examined) -> bool {
    let clean = Findings { ledger: true, ..Findings::default() };
    found.start == Some(clean) && !found.full
}

fn store_text(found: &Examined) -> String {
    let (mailboxes, envelopes, holds) = found.expected;
    let (readable, held) = found.readable;
    let mut text = format!(
        "store: {mailboxes} mailboxes, {envelopes} envelopes in them, {holds} holds with {} envelopes\n\
         on the disk: {readable} of the envelopes and {held} of those of holds can be read\n",
        found.held
    );
    if let Some(start) = &found.start {
        if !start.ledger {
            text.push_str("ledger: missing or damaged; what else was lost cannot be known\n");
        }
        if start.rebuilt {
            text.push_str("database: damaged; a start puts what can be read into a new one\n");
        }
        if start.restored > 0 {
            let _ = writeln!(
                text,
                "database: {} records are lost or old there; a start takes them from the ledger",
                start.restored
            );
        }
        if start.bad > 0 {
            let _ = writeln!(text, "database: {} records do not check out", start.bad);
        }
        let _ = writeln!(
            text,
            "start: works; {} envelopes and {} holds are lost, and those they belong to are told",
            start.envelopes, start.holds
        );
    }
    if let Some(problem) = &found.problem {
        let _ = writeln!(text, "start: {problem}");
    }
    text
}

fn advice(found: &Examined, well: bool, data: &Path) -> String {
    let data = data.display();
    if well {
        return "nothing is wrong\n".to_owned();
    }
    let mut text = String::new();
    if found.full {
        text.push_str(
            "what to do: make room on the disk; until then the relay serves what it has\n",
        );
    }
    match &found.start {
        Some(start) if start.rebuilt || start.envelopes > 0 || start.holds > 0 => {
            let _ = writeln!(
                text,
                "what to do: look for a failing disk or memory first. To save what can be read elsewhere: \
                 velar-relay repair --data {data} --into NEW; then serve with --data NEW"
            );
        }
        Some(_) => text.push_str("what to do: start the relay; it puts this in order by itself\n"),
        None => {
            let _ = writeln!(
                text,
                "what to do: make room and check again, or save what can be read: \
                 velar-relay repair --data {data} --into NEW; then serve with --data NEW"
            );
        }
    }
    text
}

/// Saves what can be read of the data folder into a new one, keys and configuration included. Text for stdout.
///
/// # Errors
/// [`CommandError`]; the old folder stays as it is.
pub fn repair(config: &Config, into: &Path) -> Result<String, CommandError> {
    let failed = |source| CommandError::Io { path: into.to_owned(), source };
    let old = config.data.join(STORE);
    if !old.exists() {
        return Err(CommandError::NoStore(config.data.clone()));
    }
    // A folder in the old one would be taken for a part of it.
    if std::path::absolute(into)
        .map_err(failed)?
        .starts_with(std::path::absolute(&config.data).map_err(failed)?)
    {
        return Err(CommandError::Inside(into.to_owned()));
    }
    if into.exists() && fs::read_dir(into).map_err(failed)?.next().is_some() {
        return Err(CommandError::NotEmpty(into.to_owned()));
    }
    let mut folders = DirBuilder::new();
    folders.recursive(true).mode(0o700);
    folders.create(into.join(STORE)).map_err(failed)?;
    for entry in fs::read_dir(&config.data).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_file() {
            // With its permissions: keys stay private.
            fs::copy(entry.path(), into.join(entry.file_name())).map_err(failed)?;
        }
    }
    let saved = store::repair(&old, &into.join(STORE)).map_err(ServeError::from)?;
    Ok(saved_text(&saved, into))
}

fn saved_text(saved: &Repaired, into: &Path) -> String {
    let Repaired { mailboxes, envelopes, holds, envelopes_lost, holds_lost, all_known } = *saved;
    let into = into.display();
    let more = if all_known {
        "nothing else is known to be missing"
    } else {
        "the ledger is damaged: more may be missing, and some of what was saved may have been received already"
    };
    format!(
        "saved in {into}: {mailboxes} mailboxes, {envelopes} envelopes, {holds} holds that stay armed\n\
         lost: {envelopes_lost} envelopes and {holds_lost} holds; those they belong to are told\n\
         {more}\n\
         what to do: velar-relay serve --data {into}; keep the old folder until all is well\n"
    )
}
