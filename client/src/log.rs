//! The log of alerts: a chain of entries that only grows, and what can be shown of it. Pure.
//!
//! Each entry names the hash of the one before it and commits to its content piece by piece, each word of a text by
//! itself. So an export may leave out any pieces and still be checked by anybody; how is written in `LOG.md`.
//!
//! A chain proves that nothing was changed *since somebody else has known its head*. It is not signed: who holds the
//! vault could write another one, and nobody can prove to third parties who said what.

mod check;
mod entry;
mod export;
mod hex;
mod redact;
#[cfg(test)]
mod tests;
mod words;

pub use self::check::{Checked, Compared, Fault, Known, check, check_chain};
pub use self::entry::{Entry, Field, Head, LogRecord, Piece, What, entry_key, reason_name};
pub use self::export::{Details, Export, Shown, ShownPiece};
pub use self::hex::Hex;
pub use self::redact::{NO_ID, People, Redaction, Unknown, Wanted};
pub use self::words::{fold, split};
