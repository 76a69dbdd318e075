//! The shim: building it, preloading it, and reading what it recorded.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The compiled shim, in a folder that cargo keeps for this test.
pub struct Shim(PathBuf);

/// What a relay did to its folder, so far.
#[derive(Clone)]
pub struct Journal(PathBuf);

/// What becomes of the syncs that the relay asks for.
#[derive(Clone, Copy, Debug)]
pub enum Syncs {
    /// As on a disk that is so much slower than the one here.
    TakeLonger {
        ms: u32,
    },
    DoNothing,
}

/// One call that succeeded. Paths are relative to the folder; bytes are a range of the journal.
#[derive(Clone, Debug)]
pub enum Call {
    Create { path: String, inode: u64 },
    Mkdir { path: String, inode: u64 },
    Write { inode: u64, offset: u64, bytes: Range<usize> },
    Size { inode: u64, size: u64 },
    Rename { from: String, to: String },
    Exchange { one: String, other: String },
    Remove { path: String },
    Link { from: String, to: String },
    SyncBegin { pair: u64 },
    SyncEnd { inode: u64, pair: u64 },
}

/// A journal that was read: the calls, each with where its record ends.
pub struct Recorded {
    pub bytes: Vec<u8>,
    pub calls: Vec<(Call, u64)>,
}

impl Shim {
    /// # Errors
    /// Why this machine does not allow it.
    pub fn build() -> Result<Self, String> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/power_cut/shim.c");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        // Tests build it side by side.
        let made = folder.join(format!("shim.{}.{:?}", std::process::id(), fresh()));
        let compiled = Command::new("cc")
            .args(["-O2", "-shared", "-fPIC", "-o"])
            .args([made.as_os_str(), source.as_os_str(), OsStr::new("-ldl")])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("there is no C compiler (cc: {error})"))?;
        if !compiled.status.success() {
            let words = String::from_utf8_lossy(&compiled.stderr).into_owned();
            return Err(format!("the C compiler refuses the shim: {words}"));
        }
        let shim = Self(made);
        shim.try_out()?;
        Ok(shim)
    }

    /// A static program, or a hardened loader, ignores the preload.
    fn try_out(&self) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        let watched = fs::canonicalize(folder.path()).unwrap().join("data");
        fs::create_dir(&watched).unwrap();
        let journal = Journal(folder.path().join("journal"));
        let mut command = crate::common::program();
        self.preload(&mut command, &watched, &journal, Syncs::TakeLonger { ms: 0 });
        command.args(["init", "--host", "127.0.0.1", "--data"]).arg(&watched);
        command.stdout(Stdio::null()).status().map_err(|error| error.to_string())?;
        match journal.len() {
            0 => Err("LD_PRELOAD does not reach the relay".to_owned()),
            _ => Ok(()),
        }
    }

    /// Lets `command` record what it does below `folder`, which is a canonical path.
    pub fn preload(&self, command: &mut Command, folder: &Path, journal: &Journal, syncs: Syncs) {
        command.env("LD_PRELOAD", &self.0);
        command.env("POWER_CUT_FOLDER", folder).env("POWER_CUT_JOURNAL", &journal.0);
        match syncs {
            Syncs::TakeLonger { ms } => command.env("POWER_CUT_SYNC_MS", ms.to_string()),
            Syncs::DoNothing => command.env("POWER_CUT_NO_SYNC", "1"),
        };
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn fresh() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Journal {
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Its length now. What somebody was told before rests on nothing behind this.
    pub fn len(&self) -> u64 {
        fs::metadata(&self.0).map_or(0, |file| file.len())
    }

    pub fn read(&self) -> Recorded {
        let bytes = fs::read(&self.0).unwrap();
        let mut calls = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let (call, end) = call(&bytes, at);
            calls.push((call, end as u64));
            at = end;
        }
        Recorded { bytes, calls }
    }
}

fn call(journal: &[u8], at: usize) -> (Call, usize) {
    let word = |n: usize| u32::from_le_bytes(journal[at + 4 * n..][..4].try_into().unwrap());
    let long = |n: usize| u64::from_le_bytes(journal[at + 8 * n..][..8].try_into().unwrap());
    let (path_len, other_len) = (word(1) as usize, word(2) as usize);
    let (inode, offset, data_len) = (long(2), long(3), long(4) as usize);
    let other_at = at + 40 + path_len;
    let data_at = other_at + other_len;
    let text = |range: Range<usize>| String::from_utf8(journal[range].to_vec()).unwrap();
    let (path, other) = (text(at + 40..other_at), text(other_at..data_at));
    let call = match word(0) {
        1 => Call::Create { path, inode },
        2 => Call::Mkdir { path, inode },
        3 => Call::Write { inode, offset, bytes: data_at..data_at + data_len },
        4 => Call::Size { inode, size: offset },
        5 => Call::Rename { from: path, to: other },
        6 => Call::Exchange { one: path, other },
        7 => Call::Remove { path },
        8 => Call::Link { from: path, to: other },
        9 => Call::SyncBegin { pair: offset },
        10 => Call::SyncEnd { inode, pair: offset },
        11 => panic!("the relay does what the shim cannot record: {path}"),
        other => panic!("the journal is broken: {other}"),
    };
    (call, data_at + data_len)
}

impl Recorded {
    /// Bytes that are written and not yet durable, after each number of calls.
    pub fn pending(&self) -> Vec<usize> {
        let mut writes = BTreeMap::new();
        let mut syncs = HashMap::new();
        let mut pending = vec![0];
        for (at, (call, _)) in self.calls.iter().enumerate() {
            match call {
                Call::Write { inode, bytes, .. } => {
                    writes.insert(at, (*inode, bytes.len()));
                }
                Call::SyncBegin { pair } => {
                    syncs.insert(*pair, at);
                }
                Call::SyncEnd { inode, pair } => {
                    let began = syncs[pair];
                    writes.retain(|at, (of, _)| of != inode || *at > began);
                }
                _ => {}
            }
            pending.push(writes.values().map(|(_, len)| len).sum());
        }
        pending
    }
}

/// The inode numbers of all that is in a folder, by relative path; the folder itself is "".
pub fn inodes(folder: &Path) -> HashMap<String, u64> {
    let mut found = HashMap::from([(String::new(), fs::metadata(folder).unwrap().ino())]);
    let mut ahead = vec![folder.to_owned()];
    while let Some(at) = ahead.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
            found.insert(name.to_owned(), metadata.ino());
            if metadata.is_dir() {
                ahead.push(path);
            }
        }
    }
    found
}

/// # Errors
/// The first difference in names or bytes.
pub fn same_tree(one: &Path, other: &Path) -> Result<(), String> {
    let names = |folder: &Path| inodes(folder).into_keys().collect::<BTreeSet<_>>();
    let (mine, its) = (names(one), names(other));
    if mine != its {
        return Err(format!("names: {:?}", mine.symmetric_difference(&its).collect::<Vec<_>>()));
    }
    for name in mine {
        let (one, other) = (one.join(&name), other.join(&name));
        if one.is_dir() != other.is_dir()
            || (one.is_file() && fs::read(one).unwrap() != fs::read(other).unwrap())
        {
            return Err(format!("the content of {name:?}"));
        }
    }
    Ok(())
}
