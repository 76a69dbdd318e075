//! Searching everything that a process or a folder holds for things that must not be there.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, Encoding, HEXLOWER, HEXUPPER};
use memchr::memmem::Finder;

use crate::load::Outcome;

/// Memory is read in pieces of this size.
const PIECE: usize = 1 << 20;

/// Something that is looked for, in each form that it could have.
#[derive(Clone, Debug)]
pub struct Needle {
    what: String,
    forms: Vec<Finder<'static>>,
}

/// A place that was searched.
#[derive(Clone, Debug)]
pub struct Searched {
    /// How many bytes.
    pub bytes: u64,
    /// What was found, and where.
    pub found: Vec<String>,
}

impl Needle {
    /// Bytes as they are, in hexadecimal of either case, and inside base64 of either alphabet.
    #[must_use]
    pub fn new(what: impl Into<String>, bytes: &[u8]) -> Self {
        let mut forms = vec![bytes.to_vec()];
        forms.extend([&HEXLOWER, &HEXUPPER].map(|hex| hex.encode(bytes).into_bytes()));
        for alphabet in [&BASE64_NOPAD, &BASE64URL_NOPAD] {
            forms.extend((0..3).map(|before| within_base64(alphabet, bytes, before)));
        }
        forms.dedup();
        Self { what: what.into(), forms: forms.into_iter().map(finder).collect() }
    }

    /// A text as it is, and in the forms of [`Needle::new`].
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::new(format!("«{text}»"), text.as_bytes())
    }

    /// These bytes and no other form of them.
    #[must_use]
    pub fn exactly(what: impl Into<String>, bytes: &[u8]) -> Self {
        Self { what: what.into(), forms: vec![finder(bytes.to_vec())] }
    }

    /// What it is.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Each form in which it is looked for.
    pub fn forms(&self) -> impl Iterator<Item = &[u8]> {
        self.forms.iter().map(Finder::needle)
    }

    fn is_in(&self, hay: &[u8]) -> bool {
        self.forms.iter().any(|form| form.find(hay).is_some())
    }
}

impl Searched {
    /// Whether this was found anywhere.
    #[must_use]
    pub fn has(&self, needle: &Needle) -> bool {
        self.found.iter().any(|found| found.starts_with(&format!("{} in ", needle.what)))
    }
}

/// Searches each file of a folder, whole, leaving out those of these names.
///
/// # Errors
/// If one cannot be read.
pub fn search_folder(folder: &Path, except: &[&str], needles: &[Needle]) -> Outcome<Searched> {
    let mut searched = Searched { bytes: 0, found: Vec::new() };
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if entry.file_type()?.is_file()
                && !except.iter().any(|it| entry.file_name() == *it)
            {
                let hay = fs::read(entry.path())?;
                searched.add(&hay, needles, &entry.path().display().to_string());
            }
            // A name is data too.
            searched.add(entry.file_name().as_encoded_bytes(), needles, "the name of a file");
        }
    }
    Ok(searched)
}

/// Searches all memory of a process that can be read: heap, stacks, files it has mapped, its environment.
///
/// # Errors
/// If the process is gone, or is not ours.
pub fn search_memory(pid: u32, needles: &[Needle]) -> Outcome<Searched> {
    let mut searched = Searched { bytes: 0, found: Vec::new() };
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let overlap = needles.iter().flat_map(Needle::forms).map(<[u8]>::len).max().unwrap_or(0);
    let mut piece = vec![0; PIECE + overlap];
    for line in fs::read_to_string(format!("/proc/{pid}/maps"))?.lines() {
        let mut fields = line.split_whitespace();
        let (Some(range), Some(rights)) = (fields.next(), fields.next()) else { continue };
        let (from, to) = range.split_once('-').ok_or("unreadable maps")?;
        let (mut at, end) = (u64::from_str_radix(from, 16)?, u64::from_str_radix(to, 16)?);
        // What belongs to the kernel cannot be read.
        if !rights.starts_with('r') || line.contains("[vvar") || line.contains("[vsyscall") {
            continue;
        }
        while at < end {
            let len = usize::try_from(end - at)?.min(piece.len());
            let window = piece.get_mut(..len).ok_or("no room")?;
            match memory.read_exact_at(window, at) {
                Ok(()) => searched.add(window, needles, line),
                // Unmapped meanwhile, or a file that was cut short under its mapping.
                Err(error) if is_gone(&error) => break,
                Err(error) => return Err(error.into()),
            }
            at += PIECE as u64;
        }
    }
    Ok(searched)
}

impl Searched {
    fn add(&mut self, hay: &[u8], needles: &[Needle], place: &str) {
        self.bytes += hay.len() as u64;
        let found = needles.iter().filter(|needle| needle.is_in(hay));
        self.found.extend(found.map(|needle| format!("{} in {place}", needle.what)));
    }
}

fn finder(bytes: Vec<u8>) -> Finder<'static> {
    Finder::new(&bytes).into_owned()
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
        || [rustix::io::Errno::IO, rustix::io::Errno::FAULT]
            .iter()
            .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// What stands in base64 for these bytes whatever surrounds them, if this many bytes (modulo 3) come before.
fn within_base64(alphabet: &Encoding, bytes: &[u8], before: usize) -> Vec<u8> {
    let padded = [vec![0; before], bytes.to_vec()].concat();
    let mut text = alphabet.encode(&padded).into_bytes();
    // The last character also says what follows, unless it ends a group.
    if padded.len() % 3 != 0 {
        text.pop();
    }
    // Characters of which some bits are of what comes before.
    text.split_off((before * 8).div_ceil(6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_needle_is_found_in_each_form_wherever_it_stands() {
        let secret = [7, 99, 180, 250, 3, 61, 90, 200, 17];
        let needle = Needle::new("it", &secret);
        for before in 0..7 {
            for after in 0..7 {
                let hay = [vec![b'a'; before], secret.to_vec(), vec![b'z'; after]].concat();
                let forms = [
                    hay.clone(),
                    HEXLOWER.encode(&hay).into_bytes(),
                    HEXUPPER.encode(&hay).into_bytes(),
                    BASE64_NOPAD.encode(&hay).into_bytes(),
                    BASE64URL_NOPAD.encode(&hay).into_bytes(),
                ];
                for form in forms {
                    assert!(needle.is_in(&form), "{before} before, {after} after: {form:?}");
                }
                assert!(!Needle::new("other", &[8; 9]).is_in(&hay));
            }
        }
    }

    #[test]
    fn a_folder_is_searched_with_its_folders_and_names() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("deep")).unwrap();
        fs::write(folder.path().join("deep/file-of-marleny"), b"....quimbaya....").unwrap();
        fs::write(folder.path().join("left-out"), b"cauca").unwrap();
        let needles = ["quimbaya", "marleny", "cauca"].map(Needle::text);
        let searched = search_folder(folder.path(), &["left-out"], &needles).unwrap();
        assert_eq!(needles.each_ref().map(|needle| searched.has(needle)), [true, true, false]);
    }

    #[test]
    fn the_memory_of_a_process_is_searched() {
        let needle = Needle::exactly("kept", b"a secret of this test 81023");
        let kept = vec![1_u8; 3 * PIECE];
        let searched = search_memory(std::process::id(), std::slice::from_ref(&needle)).unwrap();
        assert!(searched.has(&needle) && searched.bytes > kept.len() as u64);
        assert!(search_memory(u32::MAX, &[needle]).is_err());
    }
}
