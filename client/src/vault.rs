//! The vault: all that a client keeps, sealed, in one database that several processes use at once.
//!
//! A passphrase opens one of two slots to `{data key, voice}`; under the data key every record is
//! sealed by itself. Nothing here knows which of the two slots was opened (design §5, Duress).
//!
//! Who has the files but no passphrase learns: that there is a vault; roughly how many records of how many kinds,
//! by coarse size, in which order; when it was last used. Not: what kinds, keys, contents, or whether a
//! second passphrase was ever set.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::passphrase::Passphrase;

mod database;
mod error;
mod files;
mod kdf;
mod parcel;
mod record;
mod slots;
#[cfg(test)]
mod tests;
mod tx;
mod wipe;

pub use error::{Part, VaultError};
pub use kdf::KdfCost;
pub use parcel::{PARCEL_LEN, open_parcel, seal_parcel};
pub use record::{Kind, MAX_VALUE_LEN};
pub use tx::{Damage, Fate, Tx};
pub use wipe::{Wiped, is_anything, wipe};

use database::Database;
use files::Files;
use record::Keys;
use slots::{Contents, Which};

/// How long one process waits for another before [`VaultError::Busy`]. A transaction takes milliseconds; a slow disk
/// that is syncing something large can take seconds.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a waiting process looks again.
const WAIT_STEP: Duration = Duration::from_millis(2);

/// Fills a buffer with random bytes.
type Entropy<'a> = &'a mut dyn FnMut(&mut [u8]);

/// An open vault. Send it to another thread, or open it again there: it is not shared.
pub struct Vault {
    dir: PathBuf,
    database: Database,
    keys: Keys,
    voice: [u8; 16],
    exposed: bool,
    damage: RefCell<BTreeSet<Damage>>,
    /// What [`Vault::changed`] saw last, and whether this handle has committed since.
    seen: i64,
    committed: bool,
}

/// Shows that keys and database belong together; three, so that damage to one does not lock anybody out.
struct Witness;

impl Kind for Witness {
    const TAG: u8 = 240;
    const NAME: &'static str = "witness";
    type Value = ();
}

const WITNESSES: [[u8; 1]; 3] = [[0], [1], [2]];

impl Vault {
    /// Makes a new vault in `dir/vault` and opens it. Makes `dir` if it is missing (0700), and leaves its mode alone if
    /// not; the vault's own folder is 0700, its files 0600. It appears whole or not at all, also after a crash.
    ///
    /// # Errors
    /// [`VaultError::AlreadyExists`]: nothing was touched. [`VaultError::Permission`], [`VaultError::DiskFull`].
    pub fn create(
        dir: &Path,
        passphrase: &Passphrase,
        cost: KdfCost,
        entropy: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Self, VaultError> {
        files::create(dir, entropy, |files, entropy| {
            let mut contents = Contents { data_key: Zeroizing::new([0; 32]), voice: [0; 16] };
            entropy(contents.data_key.as_mut());
            entropy(&mut contents.voice);
            slots::create(&files.slots(), passphrase, cost, &contents, entropy)?;
            files::create_empty(&files.database())?;
            let database = Database::create(&files.database(), files.turn()?)?;
            let mut new = Self::assemble(dir, database, &contents)?;
            new.write(|tx| WITNESSES.iter().try_for_each(|key| tx.put::<Witness>(key, &())))
        })?;
        Self::open(dir, passphrase)
    }

    /// Whether there is a vault in `dir`, whole or damaged.
    ///
    /// # Errors
    /// [`VaultError::Permission`], [`VaultError::Io`].
    pub fn exists(dir: &Path) -> Result<bool, VaultError> {
        Files::of(dir).exist()
    }

    /// Opens the vault in `dir`. If files are open to others their modes are tightened: see [`Vault::was_exposed`].
    ///
    /// # Errors
    /// [`VaultError::NotFound`], [`VaultError::WrongPassphrase`], [`VaultError::Damaged`], [`VaultError::Foreign`],
    /// [`VaultError::Busy`], [`VaultError::Permission`], [`VaultError::UnknownVersion`], [`VaultError::OutOfMemory`].
    pub fn open(dir: &Path, passphrase: &Passphrase) -> Result<Self, VaultError> {
        let files = Files::of(dir);
        if !files.exist()? {
            return Err(VaultError::NotFound);
        }
        let exposed = files.tighten()?;
        let contents = slots::open(&files.slots(), passphrase)?;
        if !files.database().try_exists().map_err(|e| VaultError::io(&files.database(), e))? {
            return Err(VaultError::DATABASE);
        }
        let database = Database::open(&files.database(), files.turn()?)?;
        let mut vault = Self::assemble(dir, database, &contents)?;
        vault.exposed = exposed;
        let belongs = vault.read(|tx| {
            WITNESSES.iter().try_fold(false, |any, key| Ok(any | tx.contains::<Witness>(key)?))
        });
        match belongs {
            Ok(true) => Ok(vault),
            // With damaged indexes nobody can tell; what can be read shows it.
            Err(VaultError::Damaged { .. }) if vault.database.index_damaged => Ok(vault),
            Ok(false) => Err(VaultError::DATABASE),
            Err(error) => Err(error),
        }
    }

    fn assemble(dir: &Path, database: Database, contents: &Contents) -> Result<Self, VaultError> {
        Ok(Self {
            dir: dir.to_owned(),
            seen: database.others_commits()?,
            database,
            keys: Keys::new(&contents.data_key),
            voice: contents.voice,
            exposed: false,
            damage: RefCell::default(),
            committed: false,
        })
    }

    /// The folder that holds this vault's own.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Says, inside every message that is sealed when it is sent, with which passphrase this vault was opened. Not for
    /// anything that is kept: beside the other passphrase it would show that there are two.
    #[must_use]
    pub fn voice(&self) -> [u8; 16] {
        self.voice
    }

    /// Files of the vault were open to other users of this machine before this opening closed them.
    #[must_use]
    pub fn was_exposed(&self) -> bool {
        self.exposed
    }

    /// Damaged records that lists had to leave out since this vault was opened. Empty in a healthy vault.
    #[must_use]
    pub fn damage(&self) -> Vec<Damage> {
        self.damage.borrow().iter().copied().collect()
    }

    /// How many records there are, of all kinds.
    #[cfg(test)]
    pub(crate) fn records(&self) -> u64 {
        let count = |row: &rusqlite::Row<'_>| row.get(0);
        self.database.raw().query_row("SELECT count(*) FROM record", [], count).unwrap()
    }

    /// How many records this handle has opened.
    #[cfg(test)]
    pub(crate) fn records_opened(&self) -> usize {
        self.keys.opened.get()
    }

    /// The database is damaged beyond what opening could mend. What can be read is still what was written, but
    /// lists may lack records that [`Vault::damage`] does not name.
    #[must_use]
    pub fn index_damaged(&self) -> bool {
        self.database.index_damaged
    }

    /// Runs `f` on one consistent snapshot. Others cannot commit meanwhile: collect what is needed, no more.
    ///
    /// # Errors
    /// Those of `f`; [`VaultError::Busy`].
    pub fn read<T, E: From<VaultError>>(
        &mut self,
        f: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.transaction(false, f)
    }

    /// Runs `f` as the only writer. With `Ok` all of it is on disk, for good; with `Err`, on a panic or a crash, nothing
    /// of it is.
    ///
    /// # Errors
    /// Those of `f`; [`VaultError::Busy`]; [`VaultError::DiskFull`].
    pub fn write<T, E: From<VaultError>>(
        &mut self,
        f: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.transaction(true, f)
    }

    fn transaction<T, E: From<VaultError>>(
        &mut self,
        writable: bool,
        f: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let Self { database, keys, damage, .. } = self;
        let (done, changed) = database.transaction(writable, |rows| {
            let changed = Cell::new(false);
            let tx = Tx { rows, keys, writable, changed, damage };
            let done = f(&tx)?;
            Ok::<_, E>((done, tx.changed.get()))
        })?;
        self.committed |= changed;
        Ok(done)
    }

    /// Whether anybody, this handle included, has committed a change since this was last asked (at first: since opening).
    ///
    /// # Errors
    /// [`VaultError::Busy`], [`VaultError::Damaged`].
    pub fn changed(&mut self) -> Result<bool, VaultError> {
        let now = self.database.others_commits()?;
        let changed = now != self.seen || self.committed;
        self.seen = now;
        self.committed = false;
        Ok(changed)
    }

    /// Gives the slot that `current` opens another passphrase. The voice stays.
    ///
    /// # Errors
    /// [`VaultError::WrongPassphrase`]; [`VaultError::PassphraseInUse`] if `new` opens this vault already.
    pub fn change_passphrase(
        &self,
        current: &Passphrase,
        new: &Passphrase,
        entropy: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), VaultError> {
        let path = Files::of(&self.dir).slots();
        slots::replace_slot(&path, current, Which::Own, Some((new, None)), entropy)
    }

    /// Sets, or sets anew, the passphrase of the slot that `current` does not open; it gets a new voice.
    /// What that slot held before is gone: nobody can know whether it was anything.
    ///
    /// # Errors
    /// As [`Vault::change_passphrase`].
    pub fn set_second_passphrase(
        &self,
        current: &Passphrase,
        second: &Passphrase,
        entropy: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), VaultError> {
        let mut voice = [0; 16];
        entropy(&mut voice);
        let path = Files::of(&self.dir).slots();
        slots::replace_slot(&path, current, Which::Other, Some((second, Some(voice))), entropy)
    }

    /// Fills the slot that `current` does not open with random bytes.
    ///
    /// # Errors
    /// As [`Vault::change_passphrase`].
    pub fn clear_second_passphrase(
        &self,
        current: &Passphrase,
        entropy: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(), VaultError> {
        slots::replace_slot(&Files::of(&self.dir).slots(), current, Which::Other, None, entropy)
    }
}

/// Overwrites the passphrase slots of the vault in `dir` and waits for the disk: no passphrase opens it ever again.
/// Asks for no passphrase and waits for no other process. Vaults that are open already stay so until they are closed.
///
/// # Errors
/// [`VaultError::NotFound`]; [`VaultError::Permission`]; [`VaultError::Io`].
pub fn destroy_slots(dir: &Path, entropy: &mut dyn FnMut(&mut [u8])) -> Result<(), VaultError> {
    let files = Files::of(dir);
    if files.exist()? { slots::destroy(&files.slots(), entropy) } else { Err(VaultError::NotFound) }
}

/// Random bytes where none are passed in: nonces, and the order in which slots are tried.
fn system_entropy(buffer: &mut [u8]) -> Result<(), VaultError> {
    getrandom::fill(buffer).map_err(|_| VaultError::Randomness)
}
