//! An export: the entries of one alert, as far as they are shown, and what binds them to the chain.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use velar_protocol::hash::labelled;

use super::entry::{Entry, Field, Head, SALT_LEN, What, content_hash, value_hash};
use super::hex::Hex;
use super::redact::Redaction;
use crate::terminal::is_hidden;

/// Of this format; see `LOG.md`.
pub(super) const FORMAT: &str = "velar-log/1";

/// Of a whole file: what the chain does not cover (the numbers given to people, the notes) is bound too.
const LABEL_FILE: &[u8] = b"velar/1 log file";

/// An exported log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// `velar-log/1`.
    pub format: String,
    /// The alert's short id.
    pub alert: String,
    /// When it was exported, Unix seconds.
    pub exported_s: u64,
    /// Language of the notes.
    pub language: String,
    /// Number of the entry that says who agreed to it.
    pub consent: u64,
    /// How many people were left out.
    pub people_left_out: u64,
    /// For whoever reads it: what it proves, and what leaving names out cannot do.
    pub notes: Vec<String>,
    /// The entries from the alert's first to the end of the chain.
    pub entries: Vec<Shown>,
    /// The last of them.
    pub head: ShownHead,
    /// See [`Export::digest`].
    pub digest: Hex<32>,
}

/// Where the chain ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownHead {
    /// Number of the last entry.
    pub n: u64,
    /// Its hash.
    pub hash: Hex<32>,
}

/// An entry, as far as it is shown. Either `pieces` or `content` is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// Its number.
    pub n: u64,
    /// The hash of the one before it.
    pub prev: Hex<32>,
    /// What it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pieces: Option<Vec<ShownPiece>>,
    /// For an entry that is left out as a whole: the hash over what it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Hex<32>>,
    /// Its hash.
    pub hash: Hex<32>,
}

/// A piece, shown (`salt`, `value`) or left out (`hidden`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownPiece {
    /// What it is.
    pub field: String,
    /// Its salt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<Hex<SALT_LEN>>,
    /// What it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// If it is left out: the hash of its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Hex<32>>,
    /// If it is left out: whom it names, by a number in this file only. Said by who exported, not bound by the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<u32>,
}

/// What an export says of itself.
#[derive(Clone, Debug)]
pub struct Details {
    /// The alert's short id.
    pub alert: String,
    /// When, Unix seconds.
    pub exported_s: u64,
    /// Language of the notes.
    pub language: String,
    /// The notes.
    pub notes: Vec<String>,
}

impl Export {
    /// From the log's entries, in order. The last is the one that records the consent to this export.
    ///
    /// Entries of other alerts, and consents to earlier exports, are left out as a whole.
    #[must_use]
    pub fn of(entries: &[Entry], redaction: &Redaction, details: Details) -> Self {
        let head = entries.last().map_or(Head::NONE, Entry::head);
        let is_shown = |entry: &Entry| {
            entry.value(Field::Alert) == Some(details.alert.as_str())
                && (entry.what() != Some(What::Export) || entry.n == head.n)
        };
        let first = entries.iter().position(is_shown).unwrap_or(entries.len());
        let shown = entries.iter().skip(first).map(|entry| {
            let pieces = is_shown(entry).then(|| show(entry, redaction));
            let content = pieces.is_none().then(|| Hex(entry.content()));
            Shown { n: entry.n, prev: Hex(entry.prev), pieces, content, hash: Hex(entry.hash) }
        });
        let mut shown: Vec<Shown> = shown.collect();
        let people_left_out = number_people(&mut shown);
        let mut export = Self {
            format: FORMAT.to_owned(),
            alert: details.alert.clone(),
            exported_s: details.exported_s,
            language: details.language,
            consent: head.n,
            people_left_out,
            notes: details.notes,
            entries: shown,
            head: ShownHead { n: head.n, hash: Hex(head.hash) },
            digest: Hex([0; 32]),
        };
        export.digest = export.digest();
        export
    }

    /// The hash over all of the file but its `digest`: over its JSON without it, with sorted keys and without spaces.
    #[must_use]
    pub fn digest(&self) -> Hex<32> {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            fields.remove("digest");
        }
        Hex(labelled(LABEL_FILE, &[value.to_string().as_bytes()]))
    }

    /// The file: JSON for programs, on lines for people. What a terminal would act on or hide is escaped; a parser reads
    /// the texts as they were.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = String::new();
        for c in serde_json::to_string_pretty(self).unwrap_or_default().chars() {
            let steers = c.is_control() || is_hidden(c) || matches!(c, '\u{2028}' | '\u{2029}');
            if steers && c != '\n' {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            } else {
                text.push(c);
            }
        }
        text.push('\n');
        text
    }
}

impl Shown {
    /// An entry of which nothing is left out.
    #[must_use]
    pub fn whole(entry: &Entry) -> Self {
        let pieces = Some(show(entry, &Redaction::default()));
        let (prev, hash) = (Hex(entry.prev), Hex(entry.hash));
        Self { n: entry.n, prev, pieces, content: None, hash }
    }

    /// The hash over what it says, from what is shown. `None` if it shows both or neither of two things.
    pub(super) fn content(&self) -> Option<[u8; 32]> {
        match (&self.pieces, &self.content) {
            (None, Some(content)) => Some(content.0),
            (Some(pieces), None) => {
                let values: Option<Vec<(&str, [u8; 32])>> =
                    pieces.iter().map(|p| Some((p.field.as_str(), p.hash()?))).collect();
                Some(content_hash(values?))
            }
            _ => None,
        }
    }

    /// What happened, if that is shown.
    #[must_use]
    pub fn what(&self) -> Option<What> {
        What::named(self.value(Field::What)?)
    }

    /// The pieces of a field, in order.
    pub fn of(&self, field: Field) -> impl Iterator<Item = &ShownPiece> {
        let pieces = self.pieces.iter().flatten();
        pieces.filter(move |piece| piece.field == field.name())
    }

    /// What the first piece of a field says, if it is shown.
    #[must_use]
    pub fn value(&self, field: Field) -> Option<&str> {
        self.of(field).next()?.value.as_deref()
    }
}

impl ShownPiece {
    /// The hash of its value. `None` if it shows both or neither of two things.
    pub(super) fn hash(&self) -> Option<[u8; 32]> {
        match (&self.salt, &self.value, &self.hidden) {
            (Some(salt), Some(value), None) if self.person.is_none() => {
                Some(value_hash(&salt.0, value))
            }
            (None, None, Some(hidden)) => Some(hidden.0),
            _ => None,
        }
    }
}

/// Numbers people in the order in which they appear, without gaps: nobody learns how many there are besides. Returns
/// how many appear.
fn number_people(entries: &mut [Shown]) -> u64 {
    let mut numbers: BTreeMap<u32, u32> = BTreeMap::new();
    let mut count = 0;
    for piece in entries.iter_mut().flat_map(|entry| entry.pieces.iter_mut().flatten()) {
        piece.person = piece.person.map(|person| {
            *numbers.entry(person).or_insert_with(|| {
                count += 1;
                count
            })
        });
    }
    count.into()
}

/// An entry without what is left out.
fn show(entry: &Entry, redaction: &Redaction) -> Vec<ShownPiece> {
    let hidden = redaction.hide(entry).into_iter().chain(std::iter::repeat(None));
    let pieces = (0..).zip(&entry.pieces).zip(hidden);
    let shown = pieces.map(|((index, piece), hidden)| {
        let salt = entry.salt(index);
        let field = piece.field.name().to_owned();
        match hidden {
            Some(person) => ShownPiece {
                field,
                salt: None,
                value: None,
                hidden: Some(Hex(value_hash(&salt, &piece.value))),
                person,
            },
            None => ShownPiece {
                field,
                salt: Some(Hex(salt)),
                value: Some(piece.value.clone()),
                hidden: None,
                person: None,
            },
        }
    });
    shown.collect()
}
