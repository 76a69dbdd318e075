//! Where a vault's files are, and who may read them.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use data_encoding::HEXLOWER;

use super::{BUSY_TIMEOUT, Entropy, VaultError, WAIT_STEP};

/// The vault's own folder, inside the one that the caller names: what lies beside the vault (a panic kit, say) is
/// not in it, and a new vault appears at once or not at all, by renaming.
pub(super) const FOLDER: &str = "vault";
/// Where a new vault is made; a name of its own each time, so that two at once do not meet.
pub(super) const UNFINISHED: &str = ".vault-unfinished-";

/// The files of one vault.
pub(super) struct Files {
    folder: PathBuf,
}

impl Files {
    pub(super) fn of(dir: &Path) -> Self {
        Self { folder: dir.join(FOLDER) }
    }

    pub(super) fn exist(&self) -> Result<bool, VaultError> {
        self.folder.try_exists().map_err(|e| VaultError::io(&self.folder, e))
    }

    pub(super) fn slots(&self) -> PathBuf {
        self.folder.join("slots")
    }

    pub(super) fn database(&self) -> PathBuf {
        self.folder.join("vault.db")
    }

    /// See [`Turn`].
    pub(super) fn turn(&self) -> Result<Turn, VaultError> {
        let path = self.turn_path();
        let mut options = File::options();
        let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path);
        match file {
            Ok(file) => Ok(Turn { file, path }),
            Err(error) => Err(VaultError::io(&path, error)),
        }
    }

    fn turn_path(&self) -> PathBuf {
        self.folder.join("turn")
    }

    fn journal(&self) -> PathBuf {
        self.folder.join("vault.db-journal")
    }

    /// Makes the folder 0700 and the files 0600 again if others got rights (after a copy or a restore, say).
    /// Refusing to open would leave a person without a vault; what is inside is sealed all the same. Says whether
    /// anything was open to others.
    pub(super) fn tighten(&self) -> Result<bool, VaultError> {
        let mut exposed = false;
        for (path, mode) in [
            (self.folder.clone(), 0o700),
            (self.slots(), 0o600),
            (self.database(), 0o600),
            (self.turn_path(), 0o600),
            (self.journal(), 0o600),
        ] {
            // By path, never by opening: closing any handle of the database drops SQLite's locks on it.
            match fs::metadata(&path) {
                Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
                    exposed = true;
                    fs::set_permissions(&path, Permissions::from_mode(mode))
                        .map_err(|e| VaultError::io(&path, e))?;
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(VaultError::io(&path, error)),
            }
        }
        Ok(exposed)
    }
}

/// Whose turn it is to ask for the writers' lock. Only its holder asks SQLite, so a process that writes one
/// transaction after another (a long backlog, say) cannot keep a check-in from its turn.
pub(super) struct Turn {
    file: File,
    path: PathBuf,
}

/// Gives the turn to the next when dropped.
pub(super) struct Taken<'a>(&'a File);

impl Turn {
    pub(super) fn take(&self) -> Result<Taken<'_>, VaultError> {
        lock(&self.file, &self.path, File::try_lock).map(|()| Taken(&self.file))
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        // Cannot fail on an open file; closing it would unlock it too.
        let _ = self.0.unlock();
    }
}

/// Locks with `try_lock`, waiting for others as long as [`BUSY_TIMEOUT`].
pub(super) fn lock(
    file: &File,
    path: &Path,
    try_lock: fn(&File) -> Result<(), TryLockError>,
) -> Result<(), VaultError> {
    let end = Instant::now() + BUSY_TIMEOUT;
    loop {
        match try_lock(file) {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(WAIT_STEP),
            Err(TryLockError::WouldBlock) => return Err(VaultError::Busy),
            Err(TryLockError::Error(error)) => return Err(VaultError::io(path, error)),
        }
    }
}

/// Makes a vault's files with `fill` and puts them in place, durably, all or nothing.
pub(super) fn create(
    dir: &Path,
    entropy: Entropy<'_>,
    fill: impl FnOnce(&Files, Entropy<'_>) -> Result<(), VaultError>,
) -> Result<(), VaultError> {
    let finished = Files::of(dir);
    if finished.exist()? {
        return Err(VaultError::AlreadyExists);
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|e| VaultError::io(dir, e))?;

    let mut suffix = [0; 8];
    entropy(&mut suffix);
    let folder = dir.join(format!("{UNFINISHED}{}", HEXLOWER.encode(&suffix)));
    DirBuilder::new().mode(0o700).create(&folder).map_err(|e| VaultError::io(&folder, e))?;
    let unfinished = Files { folder };
    let result = fill(&unfinished, entropy).and_then(|()| {
        sync(&unfinished.folder)?;
        put_in_place(&unfinished.folder, &finished.folder)?;
        sync(dir)
    });
    if result.is_err() {
        // Holds nothing but keys that were never used.
        let _ = fs::remove_dir_all(&unfinished.folder);
    }
    result
}

/// An empty file, for SQLite to fill: it would make one that the umask decides on.
pub(super) fn create_empty(path: &Path) -> Result<(), VaultError> {
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|e| VaultError::io(path, e))
}

/// A folder that is there and not empty is never replaced by a rename.
fn put_in_place(from: &Path, to: &Path) -> Result<(), VaultError> {
    fs::rename(from, to).map_err(|error| match error.kind() {
        io::ErrorKind::DirectoryNotEmpty
        | io::ErrorKind::AlreadyExists
        | io::ErrorKind::NotADirectory => VaultError::AlreadyExists,
        _ => VaultError::io(to, error),
    })
}

fn sync(folder: &Path) -> Result<(), VaultError> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| VaultError::io(folder, e))
}
