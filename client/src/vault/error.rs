//! What can go wrong with a vault, by what a person can do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a vault did not do what was asked. Nothing was changed, unless an operation says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// No slot opens with this passphrase.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// There is no vault in this folder.
    #[error("there is no vault here")]
    NotFound,
    /// There is a vault in this folder already. It was left as it is.
    #[error("there is a vault here already")]
    AlreadyExists,
    /// Bytes on disk are not what a vault wrote. Other records may still be readable.
    #[error("{what} of the vault is damaged")]
    Damaged {
        /// Which part.
        what: Part,
    },
    /// The database is not made as this program makes one: somebody has planted something in it, or it is damaged. Nothing
    /// of it was used.
    #[error("the database of the vault is not as this program makes it")]
    Foreign,
    /// Another process held the vault for over [`BUSY_TIMEOUT`](super::BUSY_TIMEOUT).
    #[error("another process is using the vault")]
    Busy,
    /// The disk is full.
    #[error("the disk is full")]
    DiskFull,
    /// The file system does not let this user do what is needed.
    #[error("no permission to use {}", .0.display())]
    Permission(PathBuf),
    /// Any other failure of the disk or the system.
    #[error("the vault cannot be read or written")]
    Io(#[source] io::Error),
    /// A newer version of this program wrote the vault.
    #[error("the vault has format {found}; this program knows format {known}")]
    UnknownVersion {
        /// As found.
        found: u32,
        /// The newest this program knows.
        known: u32,
    },
    /// The new passphrase opens this vault already.
    #[error("this passphrase is in use")]
    PassphraseInUse,
    /// Not enough memory to derive a key.
    #[error("not enough memory to derive a key")]
    OutOfMemory,
    /// A cost of key derivation outside of the bounds of [`KdfCost`](super::KdfCost).
    #[error("the cost of key derivation is out of bounds")]
    Cost,
    /// A value over [`MAX_VALUE_LEN`](super::MAX_VALUE_LEN), or one that cannot be encoded.
    #[error("a value of kind {kind} is too large or cannot be encoded")]
    Value {
        /// [`Kind::NAME`](super::Kind::NAME).
        kind: &'static str,
    },
    /// A change was asked of a transaction that only reads: a mistake in this program.
    #[error("a reading transaction cannot write")]
    ReadOnly,
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    Randomness,
}

/// A part of a vault that can be damaged by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The passphrase slots: nothing can be opened.
    Slots,
    /// The database, or a page of it.
    Database,
    /// One record. The others can be read.
    Record {
        /// [`Kind::NAME`](super::Kind::NAME).
        kind: &'static str,
    },
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slots => f.write_str("the passphrase file"),
            Self::Database => f.write_str("the database"),
            Self::Record { kind } => write!(f, "a record ({kind})"),
        }
    }
}

impl VaultError {
    /// From a failed operation on `path`.
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Permission(path.to_owned())
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Io(error),
        }
    }

    pub(super) const SLOTS: Self = Self::Damaged { what: Part::Slots };
    pub(super) const DATABASE: Self = Self::Damaged { what: Part::Database };
}
