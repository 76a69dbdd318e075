//! Files that commands write for people: only for their owner, and never over another one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::Context;
use crate::failure::{Exit, Failure, failure, reason};

/// A new file, 0600. Removed again unless it was [`NewFile::keep`]t.
pub(super) struct NewFile {
    file: File,
    path: PathBuf,
    kept: bool,
}

impl NewFile {
    /// Makes it.
    ///
    /// # Errors
    /// There is a file of this name; it cannot be made.
    pub(super) fn create(context: &Context, path: &Path) -> Result<Self, Failure> {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(file) => Ok(Self { file, path: path.to_owned(), kept: false }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let path = path.display().to_string();
                Err(failure!(context.text, Exit::NotNow, "error-file-exists", path = path))
            }
            Err(error) => Err(not_written(context, path, &error)),
        }
    }

    /// Fills it, durably.
    ///
    /// # Errors
    /// It cannot be written: it is removed again.
    pub(super) fn keep(mut self, context: &Context, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.file.write_all(bytes).and_then(|()| self.file.sync_all());
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let written = written.and_then(|()| File::open(folder)?.sync_all());
        written.map_err(|error| not_written(context, &self.path, &error))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Reads a file of at most `limit` bytes; of a longer one, more than `limit`.
///
/// # Errors
/// It cannot be read.
pub(super) fn read(context: &Context, path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
    read.map_err(|error| {
        let (path, detail) = (path.display().to_string(), reason(&error, &context.text));
        failure!(context.text, Exit::Failed, "error-file-read", path = path, detail = detail)
    })?;
    Ok(bytes)
}

fn not_written(context: &Context, path: &Path, error: &io::Error) -> Failure {
    let (path, detail) = (path.display().to_string(), reason(error, &context.text));
    failure!(context.text, Exit::Failed, "error-file-write", path = path, detail = detail)
}
