//! Where a passphrase comes from: a prompt, a file or a descriptor. Never an argument or the value of
//! an environment variable: other programs can read those.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zeroize::{Zeroize, Zeroizing};

#[cfg(test)]
mod tests;

/// Fewest characters of a new passphrase. Argon2id makes a guess cost about 0.1 s; what is shorter is found anyway.
pub const MIN_CHARS: usize = 10;

/// Most bytes of a passphrase: ten times a long sentence. Bounds what is read from a wrong file.
pub const MAX_LEN: usize = 1024;

/// What unlocks a vault: 1 to [`MAX_LEN`] bytes of UTF-8, taken as typed. Wiped on drop, never printed.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<Box<[u8]>>);

impl Passphrase {
    /// Takes text as it is; wipes the buffer it came in.
    ///
    /// # Errors
    /// [`PassphraseError::Empty`], [`PassphraseError::TooLong`], [`PassphraseError::NotText`].
    pub fn new(text: impl Into<Vec<u8>>) -> Result<Self, PassphraseError> {
        let bytes = Zeroizing::new(text.into());
        if bytes.is_empty() {
            return Err(PassphraseError::Empty);
        }
        if bytes.len() > MAX_LEN {
            return Err(PassphraseError::TooLong { max: MAX_LEN });
        }
        if std::str::from_utf8(&bytes).is_err() {
            return Err(PassphraseError::NotText);
        }
        // A copy of exactly this length: shrinking in place could leave the old buffer behind, unwiped.
        Ok(Self(Zeroizing::new(bytes.as_slice().into())))
    }

    /// The bytes, for key derivation only.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Both say the same. Only ever compares what one person typed twice.
    fn says_the_same(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn long_enough(self) -> Result<Self, PassphraseError> {
        let chars = std::str::from_utf8(&self.0).map_or(0, |text| text.chars().count());
        if chars < MIN_CHARS { Err(PassphraseError::TooShort { min: MIN_CHARS }) } else { Ok(self) }
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(..)")
    }
}

/// Why there is no passphrase.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    /// There is no terminal to ask at.
    #[error("there is no terminal to ask for the passphrase")]
    NoTerminal(#[source] io::Error),
    /// The person stopped at the prompt.
    #[error("interrupted at the prompt")]
    Interrupted,
    /// The file cannot be read.
    #[error("cannot read the passphrase file {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others on this machine may read the file (its mode has group or other bits).
    #[error("others may read the passphrase file {}", path.display())]
    Exposed {
        /// Which.
        path: PathBuf,
    },
    /// The descriptor is not open, or not readable.
    #[error("cannot read the passphrase from descriptor {descriptor}")]
    Descriptor {
        /// Which.
        descriptor: i32,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nothing was given.
    #[error("the passphrase is empty")]
    Empty,
    /// A new passphrase has too few characters.
    #[error("the passphrase is shorter than {min} characters")]
    TooShort {
        /// [`MIN_CHARS`].
        min: usize,
    },
    /// More bytes than a passphrase has: probably the wrong file.
    #[error("the passphrase is longer than {max} bytes")]
    TooLong {
        /// [`MAX_LEN`].
        max: usize,
    },
    /// Not UTF-8.
    #[error("the passphrase is not text")]
    NotText,
    /// The second time something else was typed.
    #[error("the two passphrases differ")]
    Differ,
}

/// Where to read a passphrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PassphraseSource {
    /// Ask at the controlling terminal, without echo.
    Prompt,
    /// A file that only its owner can read, or a pipe by name: its first line.
    File(PathBuf),
    /// An open descriptor: its first line. The descriptor itself stays
    /// open (closing it would need `unsafe`); a regular file is read from its start, whatever was read before.
    Descriptor(i32),
}

impl PassphraseSource {
    /// Reads a passphrase that already exists: any length is taken. `prompt` is shown as it is, at a prompt only.
    ///
    /// # Errors
    /// See [`PassphraseError`].
    pub fn read(&self, prompt: &str) -> Result<Passphrase, PassphraseError> {
        match self {
            Self::Prompt => ask(prompt),
            Self::File(path) => from_file(path),
            Self::Descriptor(descriptor) => from_descriptor(*descriptor),
        }
    }

    /// Reads a new passphrase: at least [`MIN_CHARS`] characters; asked for twice at a prompt.
    ///
    /// # Errors
    /// See [`PassphraseError`]. Too short is said before it is asked for again.
    pub fn read_new(&self, prompt: &str, again: &str) -> Result<Passphrase, PassphraseError> {
        let first = self.read(prompt)?.long_enough()?;
        if *self == Self::Prompt && !ask(again)?.says_the_same(&first) {
            return Err(PassphraseError::Differ);
        }
        Ok(first)
    }
}

fn ask(prompt: &str) -> Result<Passphrase, PassphraseError> {
    match rpassword::prompt_password(prompt) {
        Ok(typed) => Passphrase::new(typed),
        Err(error) => Err(match error.kind() {
            io::ErrorKind::Interrupted | io::ErrorKind::UnexpectedEof => {
                PassphraseError::Interrupted
            }
            _ => PassphraseError::NoTerminal(error),
        }),
    }
}

fn from_file(path: &Path) -> Result<Passphrase, PassphraseError> {
    let failed = |source| PassphraseError::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    // Of the open file, not of the path: it cannot be exchanged in between.
    if file.metadata().map_err(failed)?.permissions().mode() & 0o077 != 0 {
        return Err(PassphraseError::Exposed { path: path.to_owned() });
    }
    first_line(file, failed)
}

fn from_descriptor(descriptor: i32) -> Result<Passphrase, PassphraseError> {
    let failed = |source| PassphraseError::Descriptor { descriptor, source };
    if descriptor < 0 {
        return Err(failed(io::ErrorKind::InvalidInput.into()));
    }
    let folder = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    let file = File::open(Path::new(folder).join(descriptor.to_string())).map_err(failed)?;
    first_line(file, failed)
}

fn first_line(
    mut from: impl Read,
    failed: impl Fn(io::Error) -> PassphraseError,
) -> Result<Passphrase, PassphraseError> {
    // One fixed buffer: a growing one leaves copies behind. Room for "\r\n" and one byte too many.
    let mut buffer = Zeroizing::new([0u8; MAX_LEN + 3]);
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match from.read(room) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    // The first line, as a prompt would read it. What follows in a file is somebody's note.
    let bytes = buffer.get(..filled).unwrap_or_default();
    let bytes = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let passphrase = Passphrase::new(bytes);
    buffer.zeroize();
    passphrase
}
