//! The ledger: a file beside the engine that tells what the engine should have.
//!
//! An engine that meets damage in its own log may take it for the place where a crash cut it, and go on without what
//! follows. Nothing inside it can tell that. So every commit, once it is on disk, is appended here: which mailboxes,
//! holds and envelopes it put or removed, without the envelopes' bytes. At start the two are compared
//! (`sled/reconcile.rs`): what is here and not there is lost, and whose it was is known; what is only older there is
//! taken from here.
//!
//! ```text
//! frame = magic(4) ‖ payload length(4) ‖ commit(8) ‖ payload ‖ crc32(4)
//! ```
//!
//! The payload is a sequence of entries (`entry.rs`); the checksum covers all but the magic. Frames are written in the
//! order of the commits.
//!
//! The ledger is written after the engine's sync and synced on its own every few seconds: it costs a commit one short
//! `write`. Until it is synced, the engine keeps a note of what each commit removed. So after a power cut, too,
//! what the ledger still lists and the engine no longer has is either in a note, or lost.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, BufReader, BufWriter, Read, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};

use super::entry::{Entry, State};
use super::record::take;
use crate::limits::REWRITTEN_AT_ONCE;

const MAGIC: [u8; 4] = [0xb3, 0x5e, 0x0d, 0xc9];
/// Magic, length and commit.
const HEAD: usize = 16;
const CHECKSUM: usize = 4;
/// Entries in one frame of a rewritten ledger.
const ENTRIES: usize = 1024;
/// No frame is longer: what says so is damaged.
const MAX_FRAME: usize = 64 << 20;
/// Bytes of what came during a rewriting that are copied in one piece.
const COPIED_AT_ONCE: usize = 1 << 20;
/// Bytes behind its end that are its own already: more than what waits for the writer at most.
const RESERVED: u64 = 512 << 10;

/// Its name in the store's folder.
pub(super) const NAME: &str = "ledger";
const NEW: &str = "ledger.new";

/// The ledger of a running store.
pub(super) struct Ledger {
    file: File,
    path: PathBuf,
    len: u64,
}

/// What a ledger says.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// What the store should have after `commit`.
    pub(super) state: State,
    /// The last commit read. 0: none.
    pub(super) commit: u64,
    /// Bytes that are whole frames.
    pub(super) len: u64,
    /// Behind the last of these there are whole frames: it is damaged, not torn.
    pub(super) is_damaged: bool,
}

/// A ledger that was written anew beside the present one, up to `upto` bytes of that.
pub(super) struct Rewritten {
    ledger: Ledger,
    upto: u64,
}

/// Reads the ledger in `folder`, up to the first frame that is not whole. One that is not there is as an empty one.
///
/// # Errors
/// What the system says.
pub(super) fn read(folder: &Path) -> io::Result<Reading> {
    match File::open(folder.join(NAME)) {
        Ok(file) => {
            let file_len = file.metadata()?.len();
            let found = reading(&file, |_| true, |_| true)?;
            let is_damaged = found.len < file_len && has_frame_after(&file, found.len)?;
            Ok(Reading { is_damaged, ..found })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Reading::default()),
        Err(error) => Err(error),
    }
}

/// Whether a whole frame begins somewhere behind `offset`.
fn has_frame_after(file: &File, offset: u64) -> io::Result<bool> {
    let len = usize::try_from(file.metadata()?.len().saturating_sub(offset)).unwrap_or(0);
    let mut bytes = vec![0; len];
    let read = read_readable(file, &mut bytes, offset)?;
    let bytes = bytes.get(..read).unwrap_or_default();
    for at in memchr::memmem::find_iter(bytes, &MAGIC) {
        let mut rest = bytes.get(at..).unwrap_or_default();
        if frame(&mut rest, &mut Vec::new())?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads what `counts` says of these, for as long as what lives of it `fits`: that is asked once in [`REWRITTEN_AT_ONCE`] bytes.
fn reading(
    input: impl Read,
    counts: impl Fn(&Entry) -> bool,
    mut fits: impl FnMut(&State) -> bool,
) -> io::Result<Reading> {
    let mut input = BufReader::with_capacity(1 << 20, input);
    let mut found = Reading::default();
    let (mut payload, mut looked_at) = (Vec::new(), 0);
    while let Some(commit) = frame(&mut input, &mut payload)? {
        let (mut rest, mut taken) = (payload.as_slice(), Vec::new());
        while !rest.is_empty() {
            match Entry::decode(&mut rest) {
                Some((version, entry)) if counts(&entry) => taken.push((version, entry)),
                Some(_) => {}
                // Its checksum is right and it makes no sense: of a later version.
                None => return Ok(found),
            }
        }
        for (version, entry) in taken {
            found.state.take(version, entry);
        }
        found.commit = found.commit.max(commit);
        found.len += (HEAD + payload.len() + CHECKSUM) as u64;
        if found.len - looked_at >= REWRITTEN_AT_ONCE {
            looked_at = found.len;
            if !fits(&found.state) {
                break;
            }
        }
    }
    Ok(found)
}

/// Reads the next frame; its commit. `None` if there is no whole one.
fn frame(input: &mut impl Read, payload: &mut Vec<u8>) -> io::Result<Option<u64>> {
    let mut head = [0; HEAD];
    if !filled(input, &mut head)? {
        return Ok(None);
    }
    let mut rest = head.as_slice();
    let magic: Option<[u8; 4]> = take(&mut rest);
    let len = take(&mut rest).map_or(0, u32::from_le_bytes) as usize;
    let commit = take(&mut rest).map_or(0, u64::from_le_bytes);
    if magic != Some(MAGIC) || len > MAX_FRAME {
        return Ok(None);
    }
    payload.clear();
    payload.resize(len, 0);
    let mut checksum = [0; CHECKSUM];
    if !filled(input, payload)? || !filled(input, &mut checksum)? {
        return Ok(None);
    }
    let mut hash = crc32fast::Hasher::new();
    hash.update(head.get(MAGIC.len()..).unwrap_or_default());
    hash.update(payload);
    Ok((hash.finalize() == u32::from_le_bytes(checksum)).then_some(commit))
}

/// `false` if the input ends before.
fn filled(input: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match input.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        // A sector that cannot be read: what comes before it counts.
        Err(error) if is_unreadable(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the disk says that it cannot read this.
pub(super) fn is_unreadable(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

/// Fills the bytes from `offset` on; how many there were. What the disk cannot read is zeros.
pub(super) fn read_readable(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    const SECTOR: usize = 4096;
    let mut all = 0;
    while all < bytes.len() {
        let rest = bytes.get_mut(all..).unwrap_or_default();
        match file.read_at(rest, offset + all as u64) {
            Ok(0) => break,
            Ok(read) => all += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_unreadable(&error) => {
                // Up to the next sector, then on.
                let at = offset + all as u64;
                let step = (SECTOR - at as usize % SECTOR).min(rest.len());
                let step_bytes = rest.get_mut(..step).unwrap_or_default();
                if file.read_at(step_bytes, at).is_err() {
                    step_bytes.fill(0);
                }
                all += step;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

fn framed(commit: u64, payload: &[u8]) -> io::Result<Vec<u8>> {
    let len = u32::try_from(payload.len()).ok().filter(|_| payload.len() <= MAX_FRAME);
    let len = len.ok_or_else(|| io::Error::other("a commit too large for the ledger"))?;
    let mut bytes = Vec::with_capacity(HEAD + payload.len() + CHECKSUM);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&len.to_le_bytes());
    bytes.extend_from_slice(&commit.to_le_bytes());
    bytes.extend_from_slice(payload);
    let checksum = crc32fast::hash(bytes.get(MAGIC.len()..).unwrap_or_default());
    bytes.extend_from_slice(&checksum.to_le_bytes());
    Ok(bytes)
}

impl Ledger {
    /// Goes on with the ledger in `folder` after its first `len` bytes, which are on disk then.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn resume(folder: &Path, len: u64) -> io::Result<Self> {
        let path = folder.join(NAME);
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        file.set_len(len)?;
        file.sync_data()?;
        File::open(folder)?.sync_all()?;
        Ok(Self { file, path, len })
    }

    /// Writes a new ledger of `state` after `commit`, synced, in the place of what there was.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn create(folder: &Path, commit: u64, state: &State) -> io::Result<Self> {
        let mut fresh = Fresh::begin(folder)?;
        fresh.take(state)?;
        let mut ledger = fresh.end(commit)?;
        ledger.put_in_place(folder)?;
        File::open(folder)?.sync_all()?;
        Ok(ledger)
    }

    fn put_in_place(&mut self, folder: &Path) -> io::Result<()> {
        let path = folder.join(NAME);
        fs::rename(&self.path, &path)?;
        self.path = path;
        Ok(())
    }

    /// Appends what a commit changed. It must be on disk in the engine already. Of one that is longer than a frame, all but the last
    /// part come under the commit before it: if the rest is cut off, it counts as one that the ledger has not heard of.
    ///
    /// # Errors
    /// What the system says. What was written of it then is cut off again.
    pub(super) fn append(&mut self, commit: u64, payload: &[u8]) -> io::Result<()> {
        let frame = framed(commit, payload)?;
        match self.file.write_all_at(&frame, self.len) {
            Ok(()) => {
                self.len += frame.len() as u64;
                Ok(())
            }
            Err(error) => {
                let _ = self.file.set_len(self.len);
                Err(error)
            }
        }
    }

    /// Takes room for the next commits, if there is some: they must not fail because something else fills the disk.
    pub(super) fn keep_reserve(&self) {
        let allocated = self.file.metadata().map_or(u64::MAX, |file| file.blocks() * 512);
        if allocated < self.len + RESERVED {
            // Where there is none, nothing new is taken in.
            let flags = FallocateFlags::KEEP_SIZE;
            let _ = fallocate(&self.file, flags, self.len, 2 * RESERVED);
        }
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Another handle, to sync in another thread.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Puts what was rewritten from the first bytes of this one in its place; what came since follows. Synced, but for its
    /// name: sync the folder.
    ///
    /// # Errors
    /// What the system says; this one then stays as it was.
    pub(super) fn replace(&mut self, folder: &Path, rewritten: Rewritten) -> io::Result<()> {
        let Rewritten { mut ledger, mut upto } = rewritten;
        let mut piece = vec![0; COPIED_AT_ONCE];
        while upto < self.len {
            let len = usize::try_from(self.len - upto).unwrap_or(usize::MAX).min(piece.len());
            let piece = piece.get_mut(..len).unwrap_or_default();
            self.file.read_exact_at(piece, upto)?;
            ledger.file.write_all_at(piece, ledger.len)?;
            upto += len as u64;
            ledger.len += len as u64;
        }
        ledger.file.sync_all()?;
        ledger.put_in_place(folder)?;
        *self = ledger;
        Ok(())
    }
}

impl Rewritten {
    /// Bytes that it has, without what came since.
    pub(super) fn len(&self) -> u64 {
        self.ledger.len
    }
}

/// Removes what a rewriting that failed, or was cut short, has left.
pub(super) fn remove_unfinished(folder: &Path) {
    // If it cannot be removed, the next rewriting writes over it.
    let _ = fs::remove_file(folder.join(NEW));
}

/// Rewrites the first `upto` bytes of the ledger in `folder` without what they cancel out. For another thread than
/// the one that appends. Where much lives, a part of all mailboxes and holds at a time: what it needs of memory comes to what a
/// running relay has otherwise. `has_room` says whether so many bytes may be written.
///
/// # Errors
/// What the system says; also if they are not whole frames, and [`io::ErrorKind::StorageFull`].
pub(super) fn rewrite(
    folder: &Path,
    upto: u64,
    has_room: impl Fn(u64) -> bool,
) -> io::Result<Rewritten> {
    let most = upto.div_ceil(REWRITTEN_AT_ONCE).max(1);
    // How much lives is found by reading it: most of a long one may be about one hold.
    let mut parts = 1;
    loop {
        if let Some(ledger) = rewritten_in(folder, upto, (parts, parts < most), &has_room)? {
            return Ok(Rewritten { ledger, upto });
        }
        parts = (2 * parts).min(most);
    }
}

/// In so many parts. `None`: more of one lives than is to be read at once, if it is `bounded`.
fn rewritten_in(
    folder: &Path,
    upto: u64,
    (parts, bounded): (u64, bool),
    has_room: impl Fn(u64) -> bool,
) -> io::Result<Option<Ledger>> {
    let keyed = RandomState::new();
    let (mut fresh, mut commit) = (Fresh::begin(folder)?, 0);
    for part in 0..parts {
        let Some(found) = part_of(folder, upto, (part, parts), bounded, &keyed)? else {
            return Ok(None);
        };
        if !has_room(found.state.ledger_bytes()) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        commit = found.commit;
        fresh.take(&found.state)?;
    }
    fresh.end(commit).map(Some)
}

/// One of so many parts of the first `upto` bytes. Keyed: nobody may choose names that are all in one. `None`: more of it lives than
/// is to be read at once, if it is `bounded`.
fn part_of(
    folder: &Path,
    upto: u64,
    (part, parts): (u64, u64),
    bounded: bool,
    keyed: &RandomState,
) -> io::Result<Option<Reading>> {
    let is_in = |entry: &Entry| keyed.hash_one(named(entry)) % parts == part;
    let mut fits = true;
    let found = reading(File::open(folder.join(NAME))?.take(upto), is_in, |state| {
        fits = !bounded || state.ledger_bytes() <= REWRITTEN_AT_ONCE;
        fits
    })?;
    if !fits {
        return Ok(None);
    }
    if found.len != upto {
        return Err(io::Error::other("the ledger does not check out"));
    }
    Ok(Some(found))
}

/// Whose an entry is: what replaces, or takes back, another one has the same name.
fn named(entry: &Entry) -> [u8; 32] {
    match entry {
        Entry::Mailbox(record) => record.id.0,
        Entry::Envelope(stored) => stored.mailbox.0,
        Entry::RemoveMailbox(mailbox)
        | Entry::RemoveEnvelope(mailbox, _)
        | Entry::ExpireEnvelope(mailbox, _) => mailbox.0,
        Entry::Hold(record) => record.key.id.0,
        Entry::RemoveHold(id) | Entry::ReleaseHold(id) | Entry::ReplaceHold { old: id, .. } => id.0,
        Entry::LostHold(lost) => lost.id.0,
        Entry::ForgetLostHold(id) => id.0,
        // A few records, all in one part.
        Entry::Spent(_) | Entry::Clock(_) => [0; 32],
    }
}

/// A ledger that is being written anew.
struct Fresh {
    out: BufWriter<File>,
    path: PathBuf,
    payload: Vec<u8>,
    /// Entries in it.
    count: usize,
    len: u64,
}

impl Fresh {
    fn begin(folder: &Path) -> io::Result<Self> {
        let path = folder.join(NEW);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)?;
        let out = BufWriter::with_capacity(1 << 20, file);
        Ok(Self { out, path, payload: Vec::new(), count: 0, len: 0 })
    }

    fn take(&mut self, state: &State) -> io::Result<()> {
        for (version, entry) in state.entries() {
            entry.encode(version, &mut self.payload);
            self.count += 1;
            if self.count == ENTRIES {
                // Of no commit: who reads only these has not read up to it.
                self.frame(0)?;
            }
        }
        Ok(())
    }

    fn frame(&mut self, commit: u64) -> io::Result<()> {
        let frame = framed(commit, &self.payload)?;
        self.len += frame.len() as u64;
        self.out.write_all(&frame)?;
        (self.payload, self.count) = (Vec::new(), 0);
        Ok(())
    }

    /// Synced. Always with a frame at the end, which names the commit.
    fn end(mut self, commit: u64) -> io::Result<Ledger> {
        self.frame(commit)?;
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(Ledger { file, path: self.path, len: self.len })
    }
}

#[cfg(test)]
mod tests;
