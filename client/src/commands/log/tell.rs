//! Entries of a log in words, whatever is left out of them.

use crate::log::{Field, Shown, ShownPiece, What};
use crate::terminal::{Clock, clean};
use crate::text::{Text, t};

/// Digits of an id that stand for a member without a name.
const ID_DIGITS: usize = 6;

/// Tells entries.
pub(super) struct Teller<'a> {
    text: &'a Text,
    clock: &'a Clock,
}

/// When it happened: by its author's clock, or when it came here.
pub(super) fn at_s(entry: &Shown) -> u64 {
    let time = |field| entry.value(field).and_then(|value| value.parse().ok());
    time(Field::SaidS).or_else(|| time(Field::HeardS)).unwrap_or(0)
}

impl<'a> Teller<'a> {
    pub(super) fn new(text: &'a Text, clock: &'a Clock) -> Self {
        Self { text, clock }
    }

    /// When it happened, in full.
    pub(super) fn time(&self, entry: &Shown) -> String {
        self.clock.full(at_s(entry))
    }

    /// When it came to this device, if it was said before.
    pub(super) fn arrived(&self, entry: &Shown) -> Option<String> {
        entry.value(Field::SaidS)?;
        Some(self.clock.full(entry.value(Field::HeardS)?.parse().ok()?))
    }

    /// Who passed it on, if its author did not say it here.
    pub(super) fn passed_on(&self, entry: &Shown) -> Option<String> {
        entry.of(Field::BroughtBy).next()?;
        Some(self.person(entry, Field::BroughtBy, Field::BroughtByName))
    }

    /// What happened, on one line.
    pub(super) fn sentence(&self, entry: &Shown) -> String {
        let text = self.text;
        let by = self.person(entry, Field::Author, Field::AuthorName);
        match entry.what() {
            Some(What::Raised) => self.raised(entry, by),
            Some(What::Claimed) => t!(text, "log-claimed", by = by),
            Some(What::Released) => t!(text, "log-released", by = by),
            Some(What::Note) => t!(text, "log-noted", by = by),
            Some(What::StandDownAsked) => t!(text, "log-stand-down-asked", by = by),
            Some(What::StandDownConfirmed) => t!(text, "log-stand-down-confirmed", by = by),
            Some(What::Closed) => t!(text, "log-closed", by = by),
            Some(What::HandOver) => {
                let to = self.person(entry, Field::To, Field::ToName);
                t!(text, "log-handed-over", by = by, to = to)
            }
            Some(What::Received) => t!(text, "log-received", by = by),
            Some(What::FirstHand) => t!(text, "log-first-hand", by = by),
            Some(What::Export) => t!(text, "log-exported", by = by),
            None => t!(text, "log-other"),
        }
    }

    fn raised(&self, entry: &Shown, by: String) -> String {
        let text = self.text;
        let name = self.person(entry, Field::Subject, Field::SubjectName);
        let reason = match entry.value(Field::Reason) {
            Some("overdue") => Some(t!(text, "alert-reason-overdue")),
            Some("released") => Some(t!(text, "alert-reason-released")),
            Some("duress") => Some(t!(text, "alert-reason-duress")),
            _ => None,
        };
        let line = match reason {
            Some(reason) => t!(text, "log-raised-about", name = name, reason = reason),
            None if name == by => t!(text, "log-raised", by = by),
            None => t!(text, "log-raised-by", by = by, name = name),
        };
        match entry.value(Field::Drill) {
            Some(_) => t!(text, "log-drill", line = line),
            None => line,
        }
    }

    /// What was said, as it was written; what is left out in brackets.
    pub(super) fn texts(&self, entry: &Shown) -> Vec<String> {
        let texts = [Field::Text, Field::Consent].map(|field| self.said(entry, field));
        texts.into_iter().filter(|said| !said.is_empty()).collect()
    }

    fn said(&self, entry: &Shown, field: Field) -> String {
        let mut said = String::new();
        // Several words of one name in a row are shown as one.
        let mut last: Option<Option<u32>> = None;
        let mut between = String::new();
        for piece in entry.of(field) {
            match &piece.value {
                Some(value) if last.is_some() && value.trim().is_empty() => {
                    between.push_str(value);
                }
                Some(value) => {
                    said.push_str(&std::mem::take(&mut between));
                    said.push_str(value);
                    last = None;
                }
                None if last == Some(piece.person) && piece.person.is_some() => between.clear(),
                None => {
                    said.push_str(&std::mem::take(&mut between));
                    said.push_str(&self.left_out(piece));
                    last = Some(piece.person);
                }
            }
        }
        said.push_str(&between);
        said
    }

    /// A member: a name, else the beginning of an id, else what stands for them.
    fn person(&self, entry: &Shown, id: Field, name: Field) -> String {
        let called = entry.of(name).next().or_else(|| entry.of(id).next());
        match called {
            Some(ShownPiece { value: Some(value), field, .. }) if field == name.name() => {
                clean(value)
            }
            Some(ShownPiece { value: Some(value), .. }) => value.chars().take(ID_DIGITS).collect(),
            Some(piece) => self.left_out(piece),
            None => t!(self.text, "word-unknown-member"),
        }
    }

    fn left_out(&self, piece: &ShownPiece) -> String {
        match piece.person {
            Some(number) => t!(self.text, "log-person", number = number),
            None => "[…]".to_owned(),
        }
    }
}
