//! Access tokens: who may open new mailboxes here (SPEC.md §4.12).
//!
//! [`Tokens`] decides, and is pure. [`AccessFile`] is where they are kept; its lock keeps a relay and a command from
//! writing it at once. [`Access`] is both, in a relay that runs.

mod file;
mod tokens;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use velar_protocol::wire::{AccessKey, AccessToken};

use crate::limits::{ACCESS_NAME_LEN, ACCESS_TOKENS};

pub(crate) use self::file::{AccessFile, peek};
pub(crate) use self::tokens::{Grant, Leave, Token, Tokens};

/// Why access tokens cannot be read, made or revoked.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The file cannot be read.
    #[error(
        "the access tokens in {} cannot be read: {source}. Without them the relay does not know who may open a mailbox: make \
         the file readable for its user, or put a backup in its place", .path.display()
    )]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Others on this machine can read it.
    #[error("{} can be read by others on this machine; whoever has, has its tokens. Correct it with: chmod 600 {}", .0.display(), .0.display())]
    Mode(PathBuf),
    /// It is not what `velar-relay access` writes. No word of it is shown: it holds secrets.
    #[error(
        "{}{} is not as `velar-relay access` writes it: put a backup in its place", .path.display(), at(*.line)
    )]
    Form {
        /// Which.
        path: PathBuf,
        /// Where, from 1; 0 if no line is to blame.
        line: usize,
    },
    /// The file cannot be written.
    #[error("the access tokens in {} cannot be written: {source}. Mend that, then try again", .path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Somebody else works on it.
    #[error("a relay or another command is using the access tokens in {}; try again in a moment", .0.display())]
    Busy(PathBuf),
    /// The lock cannot be had.
    #[error("{} cannot be locked: {source}. See that this user may write in its folder, then try again", .path.display())]
    Lock {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// As many as there may be.
    #[error(
        "there are {ACCESS_TOKENS} access tokens, and there may be no more; revoke one first: velar-relay access revoke NAME"
    )]
    TooMany,
    /// Every index has been used.
    #[error(
        "65535 access tokens have been made here, and their numbers are not used again; begin with a new data folder"
    )]
    NoIndex,
    /// That is no name.
    #[error(
        "{0:?} cannot be the name of an access token: 1 to {ACCESS_NAME_LEN} letters, digits, dots, hyphens and underscores"
    )]
    Name(String),
    /// There is one of this name.
    #[error(
        "there is an access token of the name {0:?} already; choose another name, or revoke that one first"
    )]
    NameTaken(String),
    /// There is none of this name.
    #[error("there is no access token of the name {0:?}; velar-relay access list shows all")]
    NameUnknown(String),
    /// A token for no mailbox.
    #[error("an access token must be good for one mailbox at least")]
    NoMailboxes,
    /// No randomness.
    #[error("an access token could not be made: {0}. Nothing was changed; try again")]
    Random(String),
}

fn at(line: usize) -> String {
    if line == 0 { String::new() } else { format!(", line {line},") }
}

/// The access tokens of a relay that runs.
pub(crate) struct Access {
    file: Mutex<AccessFile>,
    tokens: RwLock<Arc<Tokens>>,
}

/// A token that was just made. Its text is shown once.
pub(crate) struct Made {
    pub(crate) text: AccessToken,
    /// Until now anybody could open a mailbox.
    pub(crate) first: bool,
}

impl Access {
    /// Takes the tokens in `data`, and keeps every command from writing them for as long as it lives.
    ///
    /// # Errors
    /// [`AccessError`]: says what to do. A relay that cannot read them must not start: it would let anybody in, or nobody.
    pub(crate) fn open(data: &Path) -> Result<Self, AccessError> {
        let file = AccessFile::lock_patiently(data)?;
        let tokens = RwLock::new(Arc::new(file.read()?));
        Ok(Self { file: Mutex::new(file), tokens })
    }

    /// Those that are valid now. Ask for them under the mailboxes' lock: what is revoked later then opens nothing.
    pub(crate) fn tokens(&self) -> Arc<Tokens> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a token, on disk before it is valid. Blocks.
    ///
    /// # Errors
    /// [`AccessError`].
    pub(crate) fn add(
        &self,
        name: &str,
        mailboxes: Option<u32>,
        is_used: impl Fn(u16) -> bool,
    ) -> Result<Made, AccessError> {
        self.change(|tokens| made(tokens, name, mailboxes, is_used))
    }

    /// Revokes a token; its index. Blocks.
    ///
    /// # Errors
    /// [`AccessError`].
    pub(crate) fn revoke(&self, name: &str) -> Result<u16, AccessError> {
        self.change(|tokens| tokens.revoke(name))
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut Tokens) -> Result<T, AccessError>,
    ) -> Result<T, AccessError> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tokens = Tokens::clone(&self.tokens());
        let done = change(&mut tokens)?;
        file.write(&tokens)?;
        *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tokens);
        Ok(done)
    }
}

/// Adds a new token to these.
pub(crate) fn made(
    tokens: &mut Tokens,
    name: &str,
    mailboxes: Option<u32>,
    is_used: impl Fn(u16) -> bool,
) -> Result<Made, AccessError> {
    let mut random = zeroize::Zeroizing::new([0; 34]);
    getrandom::fill(&mut *random).map_err(|error| AccessError::Random(error.to_string()))?;
    let first = !tokens.is_required();
    let (start, key) = random.split_at(2);
    let start = u16::from_le_bytes(start.try_into().unwrap_or_default());
    let key = AccessKey::new(key.try_into().unwrap_or([0; 32]));
    let text = key.to_text();
    tokens.add(name, key, mailboxes, start, is_used)?;
    Ok(Made { text, first })
}
