//! What an export leaves out: people, by their ids and names, and words.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::{Entry, Field};
use super::words::{fold, is_word, name_words};

/// Shorter words of a name are left out only with the whole name: `de`, `la`, initials.
const MIN_WORD: usize = 3;

/// Parts of names that are ordinary words too.
const PARTICLES: [&str; 9] = ["del", "los", "las", "san", "van", "von", "der", "dos", "the"];

/// Digits of a member's id that count as the id.
const MIN_ID: usize = 6;

/// What the key of somebody begins with of whom only a name is known.
pub const NO_ID: &str = "? ";

/// Members' ids (hexadecimal, or [`NO_ID`] and anything) and every name that each is known by.
pub type People = BTreeMap<String, BTreeSet<String>>;

/// What a person asks to have left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing.
    Nobody,
    /// Everybody whom the log or the circle knows.
    Everybody,
    /// These: members by name, or words as they stand in the texts.
    These(Vec<String>),
}

/// Nobody is called so, and no text has these words: a slip would have left a name in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown(pub String);

/// What is left out.
#[derive(Clone, Debug, Default)]
pub struct Redaction {
    /// A person's id, and the sequences of words that name them.
    people: Vec<(String, BTreeSet<Vec<String>>)>,
    /// Further sequences of words.
    words: BTreeSet<Vec<String>>,
}

/// Why a piece is left out: its person, counted from 1, if it is one person's.
pub(super) type Hidden = Option<u32>;

impl Redaction {
    /// What `wanted` means for these entries, of which `known` names the people.
    ///
    /// # Errors
    /// [`Unknown`]: nothing may be exported then.
    pub fn of(wanted: &Wanted, known: &People, entries: &[&Entry]) -> Result<Self, Unknown> {
        let mut people = known.clone();
        for entry in entries {
            for (id, name) in named_in(entry) {
                people.entry(id.to_owned()).or_default().insert(name.to_owned());
            }
        }
        let with_id: BTreeSet<String> = people
            .iter()
            .filter(|(id, _)| !id.starts_with(NO_ID))
            .flat_map(|(_, names)| names.iter().cloned())
            .collect();
        people.retain(|id, names| !id.starts_with(NO_ID) || !names.is_subset(&with_id));
        let mut hidden: BTreeSet<String> = BTreeSet::new();
        let mut words = BTreeSet::new();
        match wanted {
            Wanted::Nobody => return Ok(Self::default()),
            Wanted::Everybody => hidden.extend(people.keys().cloned()),
            Wanted::These(names) => {
                for name in names {
                    let found = called(&people, name);
                    let sequence = name_words(name);
                    if found.is_empty() && !occurs(&sequence, entries) {
                        return Err(Unknown(name.clone()));
                    }
                    if found.is_empty() {
                        words.insert(sequence);
                    }
                    hidden.extend(found);
                }
            }
        }
        let names = |id: &String| {
            let names = people.get(id).into_iter().flatten().map(|name| name_words(name));
            names.filter(|words| !words.is_empty()).collect()
        };
        let people = hidden.iter().map(|id| (id.clone(), names(id))).collect();
        Ok(Self { people, words })
    }

    /// Whether nothing is left out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.people.is_empty() && self.words.is_empty()
    }

    /// Which pieces of an entry are left out, in their order.
    pub(super) fn hide(&self, entry: &Entry) -> Vec<Option<Hidden>> {
        let mut hidden: Vec<Option<Hidden>> =
            entry.pieces.iter().map(|piece| self.hides(entry, piece.field)).collect();
        for field in [Field::Text, Field::Consent] {
            let places: Vec<usize> = (0..)
                .zip(&entry.pieces)
                .filter(|(_, piece)| piece.field == field && is_word(&piece.value))
                .map(|(place, _)| place)
                .collect();
            let words: Vec<String> = places
                .iter()
                .filter_map(|place| entry.pieces.get(*place))
                .map(|piece| fold(&piece.value))
                .collect();
            for (place, found) in places.iter().zip(self.in_words(&words)) {
                if let Some(slot) = hidden.get_mut(*place)
                    && found.is_some()
                {
                    *slot = found;
                }
            }
        }
        hidden
    }

    /// Ids and names of those left out, and what could be checked against them.
    fn hides(&self, entry: &Entry, field: Field) -> Option<Hidden> {
        if self.is_empty() {
            return None;
        }
        let of = match field {
            Field::Author | Field::AuthorName => Field::Author,
            Field::BroughtBy | Field::BroughtByName => Field::BroughtBy,
            Field::Subject | Field::SubjectName => Field::Subject,
            Field::To | Field::ToName => Field::To,
            Field::AlertId | Field::EventId | Field::Names => return Some(None),
            _ => return None,
        };
        let id = entry.value(of)?;
        let person = self.people.iter().position(|(hidden, _)| hidden == id);
        if let Some(person) = person {
            return Some(number(person));
        }
        // Somebody else whose name has words that are left out.
        let name = match field {
            Field::AuthorName | Field::BroughtByName | Field::SubjectName | Field::ToName => {
                name_words(entry.value(field)?)
            }
            _ => return None,
        };
        self.in_words(&name).into_iter().any(|found| found.is_some()).then_some(None)
    }

    /// Which words of a text are left out.
    fn in_words(&self, words: &[String]) -> Vec<Option<Hidden>> {
        let mut hidden: Vec<Option<Hidden>> = vec![None; words.len()];
        let mut mark = |at: usize, len: usize, person: Hidden| {
            for slot in hidden.iter_mut().skip(at).take(len) {
                *slot = match slot {
                    // Of two people: nobody can say whose it is.
                    Some(other) if *other != person => Some(None),
                    _ => Some(person),
                };
            }
        };
        for (index, (id, names)) in self.people.iter().enumerate() {
            let person = number(index);
            let mut seen = BTreeSet::new();
            for name in names {
                let single =
                    name.iter().filter(|word| stands_alone(word)).map(std::slice::from_ref);
                for sequence in single.chain([name.as_slice()]) {
                    for at in occurrences(sequence, words) {
                        if seen.insert((at, sequence.len())) {
                            mark(at, sequence.len(), person);
                        }
                    }
                }
            }
            for (at, word) in words.iter().enumerate() {
                if word.len() >= MIN_ID && id.starts_with(word.as_str()) {
                    mark(at, 1, person);
                }
            }
        }
        for sequence in &self.words {
            for at in occurrences(sequence, words) {
                mark(at, sequence.len(), None);
            }
        }
        hidden
    }
}

fn number(index: usize) -> Hidden {
    u32::try_from(index).ok()?.checked_add(1)
}

/// Whether a word of a name is left out without the others.
fn stands_alone(word: &str) -> bool {
    word.chars().count() >= MIN_WORD && !PARTICLES.contains(&word)
}

/// Where a sequence of words begins in a text.
fn occurrences<'a>(
    sequence: &'a [String],
    words: &'a [String],
) -> impl Iterator<Item = usize> + 'a {
    let windows = words.windows(sequence.len().max(1)).enumerate();
    windows.filter(move |(_, window)| *window == sequence).map(|(at, _)| at)
}

fn occurs(sequence: &[String], entries: &[&Entry]) -> bool {
    let text = |entry: &&Entry, field| name_words(&entry.text(field));
    let mut texts =
        entries.iter().flat_map(|entry| [text(entry, Field::Text), text(entry, Field::Consent)]);
    !sequence.is_empty() && texts.any(|words| occurrences(sequence, &words).next().is_some())
}

/// Those with this name or id; else those with names that it is a part of, in whole words.
fn called(people: &People, name: &str) -> BTreeSet<String> {
    let wanted = name_words(name);
    let folded = fold(name.trim());
    let whole = |(id, names): &(&String, &BTreeSet<String>)| {
        names.iter().any(|known| name_words(known) == wanted)
            || folded.len() >= MIN_ID && id.starts_with(&folded)
    };
    let part = |(_, names): &(&String, &BTreeSet<String>)| {
        names.iter().any(|known| occurrences(&wanted, &name_words(known)).next().is_some())
    };
    if wanted.is_empty() {
        return BTreeSet::new();
    }
    let ids = |found: Vec<(&String, &BTreeSet<String>)>| -> BTreeSet<String> {
        found.into_iter().map(|(id, _)| id.clone()).collect()
    };
    let exact = ids(people.iter().filter(whole).collect());
    if exact.is_empty() { ids(people.iter().filter(part).collect()) } else { exact }
}

/// The ids in an entry, with the names beside them.
fn named_in(entry: &Entry) -> impl Iterator<Item = (&str, &str)> {
    let pairs = [
        (Field::Author, Field::AuthorName),
        (Field::BroughtBy, Field::BroughtByName),
        (Field::Subject, Field::SubjectName),
        (Field::To, Field::ToName),
    ];
    pairs
        .into_iter()
        .filter_map(|(id, name)| Some((entry.value(id)?, entry.value(name).unwrap_or_default())))
}
