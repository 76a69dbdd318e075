//! The operator's file of access tokens: `access.toml` in the data folder. Names stand here alone; the store has
//! indexes.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use velar_protocol::wire::{AccessKey, AccessToken};
use zeroize::Zeroizing;

use super::AccessError;
use super::tokens::{Token, Tokens};
use crate::limits::{ACCESS_FILE_LEN, ACCESS_LOCK_PATIENCE};

const NAME: &str = "access.toml";
const NEW: &str = "access.toml.new";
const LOCK: &str = "access.lock";

const HEAD: &str = "\
# The access tokens of this relay: who may open new mailboxes. Made by `velar-relay access`; change it with that alone.
# Secret, like the keys beside it. Back it up after each change: without it nobody opens anything here again.
";

/// The file's form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    /// Index of the next token.
    next: u32,
    #[serde(default)]
    token: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    index: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    mailboxes: Option<u32>,
    token: AccessToken,
}

/// The file, locked: nobody else writes it.
pub(crate) struct AccessFile {
    data: PathBuf,
    _lock: File,
}

/// Reads the tokens in `data` without their lock, to see whether they can be used.
///
/// # Errors
/// [`AccessError`].
pub(crate) fn peek(data: &Path) -> Result<Tokens, AccessError> {
    read(&data.join(NAME))
}

impl AccessFile {
    /// Locks the file in `data`, whether there is one or not.
    ///
    /// # Errors
    /// [`AccessError::Busy`] at once, if a relay or a command has it.
    pub(crate) fn lock(data: &Path) -> Result<Self, AccessError> {
        let path = data.join(LOCK);
        let failed = |source| AccessError::Lock { path: path.clone(), source };
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(false).mode(0o600);
        let lock = options.open(&path).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { data: data.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(AccessError::Busy(data.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// As [`AccessFile::lock`], and waits for a command to end.
    ///
    /// # Errors
    /// The same.
    pub(crate) fn lock_patiently(data: &Path) -> Result<Self, AccessError> {
        let until = Instant::now() + ACCESS_LOCK_PATIENCE;
        loop {
            match Self::lock(data) {
                Err(AccessError::Busy(_)) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                done => return done,
            }
        }
    }

    /// Reads the tokens. No file: anybody may open a mailbox.
    ///
    /// # Errors
    /// [`AccessError`].
    pub(crate) fn read(&self) -> Result<Tokens, AccessError> {
        read(&self.data.join(NAME))
    }

    /// Puts these in the place of what there was, on disk.
    ///
    /// # Errors
    /// [`AccessError::Write`]: what there was is still there.
    pub(crate) fn write(&self, tokens: &Tokens) -> Result<(), AccessError> {
        let path = self.data.join(NAME);
        let failed = |source| AccessError::Write { path: path.clone(), source };
        let text = text(tokens).ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))?;
        let new = self.data.join(NEW);
        let written = write_synced(&new, text.as_bytes())
            .and_then(|()| fs::rename(&new, &path))
            .and_then(|()| File::open(&self.data)?.sync_all());
        if written.is_err() {
            let _ = fs::remove_file(&new);
        }
        written.map_err(failed)
    }
}

fn read(path: &Path) -> Result<Tokens, AccessError> {
    let failed = |source| AccessError::Read { path: path.to_owned(), source };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Tokens::default()),
        Err(error) => return Err(failed(error)),
    };
    if file.metadata().map_err(failed)?.mode() & 0o077 != 0 {
        return Err(AccessError::Mode(path.to_owned()));
    }
    let mut text = Zeroizing::new(String::new());
    let most = ACCESS_FILE_LEN as u64 + 1;
    let read = (&mut file).take(most).read_to_string(&mut text);
    let bad = |line| AccessError::Form { path: path.to_owned(), line };
    match read {
        Ok(read) if read > ACCESS_FILE_LEN => return Err(bad(0)),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(bad(0)),
        Err(error) => return Err(failed(error)),
    }
    let form: Form = toml::from_str(&text).map_err(|error| bad(line_of(&text, &error)))?;
    tokens(form).ok_or_else(|| bad(0))
}

/// The line that is to blame. What the parser says of it would show the secrets in it.
fn line_of(text: &str, error: &toml::de::Error) -> usize {
    let before = error.span().and_then(|span| text.get(..span.start));
    before.map_or(0, |before| before.matches('\n').count() + 1)
}

fn tokens(form: Form) -> Option<Tokens> {
    let token = |entry: Entry| {
        let key = AccessKey::read(&entry.token)?;
        Some(Token { name: entry.name, index: entry.index, key, mailboxes: entry.mailboxes })
    };
    Tokens::from_file(form.next, form.token.into_iter().map(token).collect::<Option<_>>()?)
}

fn text(tokens: &Tokens) -> Option<Zeroizing<String>> {
    let entry = |token: &Token| Entry {
        name: token.name.clone(),
        index: token.index,
        mailboxes: token.mailboxes,
        token: token.key.to_text(),
    };
    let form = Form { next: tokens.next(), token: tokens.all().iter().map(entry).collect() };
    let body = Zeroizing::new(toml::to_string(&form).ok()?);
    Some(Zeroizing::new(format!("{HEAD}{}", *body)))
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let _ = fs::remove_file(path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
