//! Where the kit lies. Several processes use it at once: `velar panic` marks in place, the vault's keepers
//! put a whole new file in its place.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;

use super::format::{Choice, Contents, Generation, MAX_FILE_LEN, choose, used_mark};

/// The file, beside the vault's own folder.
const NAME: &str = "kit";

/// How long an alarm waits for another process to be done with the kit. Then it goes on all the same: two
/// alarms that post the same envelopes are one alarm.
const ALARM_WAITS: Duration = Duration::from_millis(200);

/// How long everybody else waits.
const KEEPER_WAITS: Duration = Duration::from_secs(5);

/// How often a waiting process looks again.
const STEP: Duration = Duration::from_millis(2);

/// The kit of one vault.
#[derive(Clone, Debug)]
pub struct KitFile {
    path: PathBuf,
}

/// Tells whether the file has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(u64, i64, i64, u64);

/// Why there is nothing to post.
#[derive(Debug)]
pub enum Empty {
    /// There is no kit, or nothing of it can be read.
    None,
    /// The person wants none.
    Disarmed,
    /// Each of its alarms was raised and is at everybody's relay.
    UsedUp {
        /// How many they were.
        count: usize,
    },
    /// The file cannot be read.
    Io(io::Error),
}

/// A generation that is to be posted now.
#[derive(Debug)]
pub struct Taken {
    /// What to post.
    pub generation: Generation,
    /// It was posted before, and did not get everywhere.
    pub again: bool,
    /// Alarms that are left after this one.
    pub left: usize,
    /// Whether the file says that it was used. If it could not be written, the next alarm posts the same.
    pub marked: bool,
    file: Arc<File>,
}

/// Marks in the kit what relays have.
#[derive(Clone, Debug)]
pub struct Marker {
    file: Arc<File>,
    /// Of the first mark of each envelope's ways.
    at: Vec<u64>,
}

impl KitFile {
    /// The kit beside the vault in `dir`.
    #[must_use]
    pub fn of(dir: &Path) -> Self {
        Self { path: dir.join(NAME) }
    }

    /// The bytes of the file; `None` if there is none.
    ///
    /// # Errors
    /// Of the disk.
    pub fn bytes(&self) -> io::Result<Option<Vec<u8>>> {
        match File::open(&self.path) {
            Ok(file) => all_of(&file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Changes with each change of the file; `None` if there is none.
    #[must_use]
    pub fn stamp(&self) -> Option<Stamp> {
        let now = fs::metadata(&self.path).ok()?;
        Some(Stamp(now.ino(), now.mtime(), now.mtime_nsec(), now.size()))
    }

    /// Takes the generation that an alarm posts now, and marks it as used. That it cannot be marked, or another
    /// process does not let go of the file, stops no alarm.
    ///
    /// # Errors
    /// [`Empty`]: there is none.
    pub fn take(&self, now_s: u64) -> Result<Taken, Empty> {
        let file = self.open_locked(ALARM_WAITS).map_err(Empty::Io)?.ok_or(Empty::None)?;
        let bytes = all_of(&file).map_err(Empty::Io)?;
        let taken = take_from(&bytes, file, now_s);
        if let Ok(taken) = &taken {
            // Closing it would unlock it too.
            taken.file.unlock().unwrap_or_default();
        }
        taken
    }

    /// Puts `new` in the place of a file that still is as `before`: whole or not at all, also after a crash. `false`
    /// if it is not any more, or another process does not let go of it: nothing was changed.
    ///
    /// # Errors
    /// Of the disk; the old file is as it was.
    pub fn replace(&self, before: Option<&[u8]>, new: &[u8]) -> io::Result<bool> {
        let unfinished = self.unfinished()?;
        let done = write_new(&unfinished, new).and_then(|()| self.put(&unfinished, before));
        if !matches!(done, Ok(true)) {
            fs::remove_file(&unfinished).unwrap_or_default();
        }
        done
    }

    /// Removes what is in the kit, and remembers that the person wants none. What the disk keeps of it elsewhere
    /// (flash does) is out of reach.
    ///
    /// # Errors
    /// Of the disk: something may still be there.
    pub fn disarm(&self) -> io::Result<()> {
        let mut overwritten = Ok(());
        if let Some(file) = self.open_locked(KEEPER_WAITS)? {
            overwritten = overwrite(&file);
        }
        // What a process left that was ended while it wrote a kit.
        let folder = self.path.parent().unwrap_or(Path::new("."));
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if name.to_string_lossy().starts_with(&format!(".{NAME}-unfinished-")) {
                let file = File::options().write(true).open(entry.path());
                overwritten = overwritten.and(file.and_then(|file| overwrite(&file)));
                fs::remove_file(entry.path())?;
            }
        }
        let unfinished = self.unfinished()?;
        write_new(&unfinished, &Contents::disarmed().encode())?;
        fs::rename(&unfinished, &self.path)?;
        self.sync_folder()?;
        overwritten
    }

    /// Forgets that the person wanted no kit.
    ///
    /// # Errors
    /// Of the disk.
    pub fn arm(&self) -> io::Result<()> {
        let disarmed = self.bytes()?.is_some_and(|bytes| Contents::decode(&bytes).disarmed);
        if disarmed {
            fs::remove_file(&self.path)?;
            self.sync_folder()?;
        }
        Ok(())
    }

    fn put(&self, unfinished: &Path, before: Option<&[u8]>) -> io::Result<bool> {
        let locked = self.open_locked(KEEPER_WAITS)?;
        let now = locked.as_ref().map(all_of).transpose()?;
        if now.as_deref() != before {
            return Ok(false);
        }
        fs::rename(unfinished, &self.path)?;
        self.sync_folder()?;
        Ok(true)
    }

    /// The file, for reading and, where that is allowed, writing; locked unless another process keeps it for longer
    /// than `patience`. Never one that was replaced meanwhile.
    fn open_locked(&self, patience: Duration) -> io::Result<Option<File>> {
        let end = Instant::now() + patience;
        loop {
            let mut options = File::options();
            let opened = match options.read(true).write(true).open(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                // Read only: it can be posted, if not marked.
                Err(_) => File::open(&self.path)?,
                Ok(file) => file,
            };
            loop {
                match opened.try_lock() {
                    Err(TryLockError::WouldBlock) if Instant::now() < end => {
                        std::thread::sleep(STEP);
                    }
                    _ => break,
                }
            }
            let same = fs::metadata(&self.path)
                .is_ok_and(|there| opened.metadata().is_ok_and(|here| there.ino() == here.ino()));
            if same || Instant::now() >= end {
                return Ok(Some(opened));
            }
        }
    }

    /// A name that nobody else uses.
    fn unfinished(&self) -> io::Result<PathBuf> {
        let mut suffix = [0; 8];
        getrandom::fill(&mut suffix).map_err(io::Error::other)?;
        Ok(self.path.with_file_name(format!(".{NAME}-unfinished-{}", HEXLOWER.encode(&suffix))))
    }

    fn sync_folder(&self) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all())
    }
}

/// Chooses from these bytes of `file`, and marks there.
pub(super) fn take_from(bytes: &[u8], file: File, now_s: u64) -> Result<Taken, Empty> {
    let mut contents = Contents::decode(bytes);
    let Some(Choice { index, again }) = choose(&contents.generations, now_s) else {
        let count = contents.generations.len();
        return Err(match count {
            _ if contents.disarmed => Empty::Disarmed,
            0 => Empty::None,
            count => Empty::UsedUp { count },
        });
    };
    let mut generation = contents.generations.remove(index);
    let marked = again || {
        generation.used_s = Some(now_s);
        file.write_all_at(&used_mark(Some(now_s)), generation.marks_at).is_ok()
    };
    // Where nothing can be marked, this same one would be next.
    let left = if marked { contents.left() } else { 0 };
    Ok(Taken { generation, again, left, marked, file: Arc::new(file) })
}

impl Taken {
    /// Marks this generation's ways.
    #[must_use]
    pub fn marker(&self) -> Marker {
        let generation = &self.generation;
        let at = |envelope| generation.marks_at + generation.mark_of(envelope, 0);
        let at = (0..generation.envelopes.len()).map(at).collect();
        Marker { file: self.file.clone(), at }
    }

    /// A relay has one envelope on disk.
    pub fn accepted(&mut self, envelope: usize, way: usize) {
        let ways = self.generation.envelopes.get_mut(envelope).map(|one| &mut one.ways);
        if let Some(way) = ways.and_then(|ways| ways.get_mut(way)) {
            way.accepted = true;
        }
    }
}

impl Marker {
    /// A relay has one envelope on disk. If that cannot be marked, it is posted there again: the relay keeps it once.
    pub fn accepted(&self, envelope: usize, way: usize) {
        let Some(at) = self.at.get(envelope) else { return };
        if let Err(error) = self.file.write_all_at(&[1], at + way as u64) {
            tracing::warn!(%error, "the panic kit cannot be marked");
        }
    }

    /// Waits until the marks are on the disk. After posting: nothing may stand before that.
    pub fn sync(&self) {
        if let Err(error) = self.file.sync_data() {
            tracing::warn!(%error, "the panic kit's marks may be lost");
        }
    }
}

fn overwrite(file: &File) -> io::Result<()> {
    let len = usize::try_from(file.metadata()?.len().min(MAX_FILE_LEN)).unwrap_or(0);
    file.write_all_at(&vec![0; len], 0)?;
    file.sync_data()
}

fn all_of(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(MAX_FILE_LEN).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
