//! Texts as words and what stands between them, and words as they are compared.

/// A text in pieces that, put together, are the text: words, and what separates them. Letters of scripts without
/// spaces stand alone, so that a name in the middle of a sentence is pieces of its own.
#[must_use]
pub fn split(text: &str) -> Vec<String> {
    let mut pieces: Vec<(Sort, String)> = Vec::new();
    for c in text.chars() {
        let sort = match pieces.last() {
            Some((last, _)) if is_mark(c) => *last,
            _ => Sort::of(c),
        };
        match pieces.last_mut() {
            Some((last, piece)) if *last == sort && (sort != Sort::Sign || is_mark(c)) => {
                piece.push(c);
            }
            _ => pieces.push((sort, c.to_string())),
        }
    }
    pieces.into_iter().map(|(_, piece)| piece).collect()
}

/// Whether a piece of [`split`] is a word.
pub(super) fn is_word(piece: &str) -> bool {
    piece.chars().any(char::is_alphanumeric)
}

/// A word as it is compared: in lower case, without accents. `López` and `LOPEZ` are the same.
#[must_use]
pub fn fold(word: &str) -> String {
    let plain = |c: char| match c {
        'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' | 'ā' => 'a',
        'é' | 'è' | 'ê' | 'ë' | 'ē' => 'e',
        'í' | 'ì' | 'î' | 'ï' | 'ī' => 'i',
        'ó' | 'ò' | 'ô' | 'ö' | 'õ' | 'ō' => 'o',
        'ú' | 'ù' | 'û' | 'ü' | 'ū' => 'u',
        'ñ' => 'n',
        'ç' => 'c',
        'ý' | 'ÿ' => 'y',
        c => c,
    };
    let kept = word.chars().filter(|c| !is_mark(*c) && !crate::terminal::is_hidden(*c));
    kept.flat_map(char::to_lowercase).filter(|c| !is_mark(*c)).map(plain).collect()
}

/// The words of a name, as they are compared.
pub(super) fn name_words(name: &str) -> Vec<String> {
    split(name).iter().filter(|piece| is_word(piece)).map(|word| fold(word)).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Word,
    /// A letter that stands alone.
    Sign,
    Between,
}

impl Sort {
    fn of(c: char) -> Self {
        match c {
            // Ideographs, kana, Thai and their like are written without spaces.
            '\u{e00}'..='\u{eff}'
            | '\u{1000}'..='\u{109f}'
            | '\u{1780}'..='\u{17ff}'
            | '\u{2e80}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{3ffff}'
                if c.is_alphanumeric() =>
            {
                Self::Sign
            }
            // What nobody sees must not cut a name in two.
            c if c.is_alphanumeric() || crate::terminal::is_hidden(c) => Self::Word,
            _ => Self::Between,
        }
    }
}

/// Accents that stand after their letter.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_without_case_and_accents() {
        assert_eq!(fold("LÓPEZ"), "lopez");
        assert_eq!(fold("Lo\u{301}pez"), "lopez");
        assert_eq!(fold("A\u{200b}na"), "ana");
        assert_eq!(name_words("Ana-Luz  de la Ñandú"), ["ana", "luz", "de", "la", "nandu"]);
    }

    #[test]
    fn a_text_falls_into_words_and_what_is_between() {
        assert_eq!(split("Ana, ¡ven!"), ["Ana", ", ¡", "ven", "!"]);
        assert_eq!(split("@ana_lopez's"), ["@", "ana", "_", "lopez", "'", "s"]);
        assert_eq!(split("田中が"), ["田", "中", "が"]);
        assert_eq!(split("Lo\u{301}pez."), ["Lo\u{301}pez", "."]);
        assert!(split("").is_empty());
    }
}
