//! The operator's word that the wall clock is right, left as a file in the data folder: it reaches a relay that runs, and
//! one that is to be started.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const NAME: &str = "clock-accepted";

/// Leaves it. Once is enough.
///
/// # Errors
/// If nothing can be written there.
pub fn leave(data: &Path) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path(data)).map(drop)
}

/// Takes it, if it is there. It is gone before it counts: one word never counts twice.
///
/// # Errors
/// If it cannot be removed. It must not count then.
pub fn take(data: &Path) -> io::Result<bool> {
    match fs::remove_file(path(data)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Where it is left.
#[must_use]
pub fn path(data: &Path) -> PathBuf {
    data.join(NAME)
}
