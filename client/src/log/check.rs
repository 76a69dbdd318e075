//! Whether a chain, or an exported part of it, is what it was.

use super::entry::{Entry, Field, Head, entry_hash};
use super::export::{Export, FORMAT};
use super::hex::Hex;

/// What was found to be changed, with the number of the first entry concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not the JSON of an export, or of another version.
    #[error("not an exported log")]
    NotALog,
    /// What an entry says is not what its hash stands for.
    #[error("entry {0} was changed")]
    Changed(u64),
    /// The entry does not follow the one before it: one is missing, was put in, or moved.
    #[error("entry {0} does not follow the one before it")]
    OutOfPlace(u64),
    /// The end is missing: the chain went on after this entry.
    #[error("the chain ends at {0}, and had gone on")]
    CutOff(u64),
    /// The consent is missing, or entries are of another alert than the file says.
    #[error("the file contradicts its entries")]
    Contradiction,
    /// Something outside the entries was changed.
    #[error("the file's digest does not fit")]
    Digest,
    /// It is whole in itself, and still not the log that the known head belongs to.
    #[error("another log than the known one")]
    Another,
}

/// A chain's end that somebody noted: `12:` and at least the first 16 digits of its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    n: u64,
    prefix: String,
}

/// What the comparison with a noted head showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// No head was given.
    NotAsked,
    /// It is the same chain up to that entry at least.
    Same,
    /// That entry was before the first one of the file: nothing can be said.
    Before,
}

/// What a whole export holds.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The export.
    pub export: Export,
    /// Entries that are shown.
    pub shown: usize,
    /// Entries of which only the hash is there.
    pub left_out: usize,
    /// Pieces that are left out of those that are shown.
    pub pieces_left_out: usize,
    /// What a noted head said.
    pub compared: Compared,
}

impl Known {
    /// Fewest digits of a noted hash.
    pub const MIN_DIGITS: usize = 16;

    /// Compares it with a whole chain, in the order of its entries.
    ///
    /// # Errors
    /// [`Fault::CutOff`], [`Fault::Another`].
    pub fn of_chain(&self, entries: &[Entry]) -> Result<Compared, Fault> {
        let end = entries.last().map_or(0, |entry| entry.n);
        match entries.iter().find(|entry| entry.n == self.n) {
            Some(entry) if self.is(&entry.hash) => Ok(Compared::Same),
            None if self.n > end => Err(Fault::CutOff(end)),
            _ => Err(Fault::Another),
        }
    }

    fn is(&self, hash: &[u8; 32]) -> bool {
        Hex(*hash).to_string().starts_with(&self.prefix)
    }
}

impl std::str::FromStr for Known {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (n, hash) = text.trim().split_once(':').ok_or("12:3f2a…")?;
        let n = n.trim().parse().map_err(|_| "12:3f2a…")?;
        let prefix: String =
            hash.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
        let digits = prefix.len();
        let hex = prefix.bytes().all(|byte| byte.is_ascii_hexdigit());
        if n == 0 || !hex || !(Self::MIN_DIGITS..=64).contains(&digits) {
            return Err("12:3f2a…");
        }
        Ok(Self { n, prefix })
    }
}

/// Checks the chain of a vault, in the order of its entries. `head`: where it should end.
///
/// # Errors
/// [`Fault`]: the first that was found.
pub fn check_chain(entries: &[Entry], head: Head) -> Result<(), Fault> {
    let mut before = Head::NONE;
    for entry in entries {
        if entry.n != before.n.saturating_add(1) || entry.prev != before.hash {
            return Err(Fault::OutOfPlace(entry.n));
        }
        if !entry.is_whole() {
            return Err(Fault::Changed(entry.n));
        }
        before = entry.head();
    }
    match before == head {
        true => Ok(()),
        false if before.n < head.n => Err(Fault::CutOff(before.n)),
        false => Err(Fault::Another),
    }
}

/// Checks an exported file, alone and against a head that was noted before.
///
/// # Errors
/// [`Fault`]: the first that was found.
pub fn check(file: &str, known: Option<&Known>) -> Result<Checked, Fault> {
    let export: Export = serde_json::from_str(file).map_err(|_| Fault::NotALog)?;
    if export.format != FORMAT {
        return Err(Fault::NotALog);
    }
    let mut before: Option<Head> = None;
    for entry in &export.entries {
        let follows = |head: Head| entry.n == head.n.saturating_add(1) && entry.prev.0 == head.hash;
        // Nothing comes before the chain's first entry.
        let begins = entry.n != 1 || entry.prev.0 == Head::NONE.hash;
        if entry.n == 0 || !begins || !before.is_none_or(follows) {
            return Err(Fault::OutOfPlace(entry.n));
        }
        let hash = entry.content().map(|content| entry_hash(entry.n, &entry.prev.0, &content));
        if hash != Some(entry.hash.0) {
            return Err(Fault::Changed(entry.n));
        }
        before = Some(Head { n: entry.n, hash: entry.hash.0 });
    }
    let head = before.ok_or(Fault::Contradiction)?;
    let claimed = Head { n: export.head.n, hash: export.head.hash.0 };
    if head != claimed {
        return Err(if head.n < claimed.n { Fault::CutOff(head.n) } else { Fault::Another });
    }
    if !agrees_with_itself(&export) {
        return Err(Fault::Contradiction);
    }
    if export.digest() != export.digest {
        return Err(Fault::Digest);
    }
    let compared = compare(&export, known)?;
    let shown = export.entries.iter().filter(|entry| entry.pieces.is_some());
    let hidden = |piece: &&super::export::ShownPiece| piece.hidden.is_some();
    Ok(Checked {
        shown: shown.clone().count(),
        left_out: export.entries.len() - shown.clone().count(),
        pieces_left_out: shown.flat_map(|e| e.pieces.iter().flatten()).filter(hidden).count(),
        compared,
        export,
    })
}

/// The entries shown are of the alert that the file names, and the last is the consent to it.
fn agrees_with_itself(export: &Export) -> bool {
    let mut shown = export.entries.iter().filter(|entry| entry.pieces.is_some());
    let consent = export
        .entries
        .last()
        .is_some_and(|last| last.n == export.consent && last.what() == Some(super::What::Export));
    consent && shown.all(|entry| entry.value(Field::Alert) == Some(export.alert.as_str()))
}

fn compare(export: &Export, known: Option<&Known>) -> Result<Compared, Fault> {
    let Some(known) = known else { return Ok(Compared::NotAsked) };
    if known.n > export.head.n {
        return Err(Fault::CutOff(export.head.n));
    }
    let same = match export.entries.iter().find(|entry| entry.n == known.n) {
        Some(entry) => known.is(&entry.hash.0),
        None => match export.entries.first() {
            Some(first) if first.n == known.n.saturating_add(1) => known.is(&first.prev.0),
            _ => return Ok(Compared::Before),
        },
    };
    if same { Ok(Compared::Same) } else { Err(Fault::Another) }
}
