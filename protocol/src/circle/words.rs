//! Words that people read to each other: the 2048-word lists of BIP-39, 11 bits a word.

use bip39::Language;
use serde::{Deserialize, Serialize};

use crate::hash::{Digest32, labelled};
use crate::seal::{CircleId, Identity};

/// Digest behind a safety number.
const LABEL_SAFETY: &[u8] = b"velar/1 safety number";

/// A language of words. Tags are the order of the variants and append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WordList {
    /// Spanish.
    Spanish,
    /// English.
    English,
}

impl WordList {
    /// The first 44 bits of a digest, most significant first, as four words.
    #[must_use]
    pub fn words(self, digest: &Digest32) -> [&'static str; 4] {
        let language = match self {
            Self::Spanish => Language::Spanish,
            Self::English => Language::English,
        };
        let list = language.word_list();
        let bits = digest.iter().take(8).fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        [53, 42, 31, 20].map(|shift| {
            let index = (bits >> shift) as usize & 0x7ff;
            list.get(index).copied().unwrap_or_default()
        })
    }
}

/// Whether what a person typed are these words: case, accents, commas and extra spaces do not matter.
#[must_use]
pub fn same_words(typed: &str, words: &[&str; 4]) -> bool {
    let separators = |c: char| c.is_whitespace() || c == ',' || c == '-' || c == '.';
    let typed: Vec<String> =
        typed.split(separators).filter(|word| !word.is_empty()).map(plain).collect();
    typed.len() == words.len() && typed.iter().zip(words).all(|(one, other)| *one == plain(other))
}

/// Lower case without accents; covers both lists (Spanish: á é í ó ú ü ñ, composed or not).
fn plain(word: &str) -> String {
    word.to_lowercase()
        .chars()
        .filter(|c| !('\u{300}'..='\u{36f}').contains(c))
        .map(|c| match c {
            'á' => 'a',
            'é' => 'e',
            'í' => 'i',
            'ó' => 'o',
            'ú' | 'ü' => 'u',
            'ñ' => 'n',
            other => other,
        })
        .collect()
}

/// The safety number of two members: 12 groups of 5 digits, the same on both devices, about 199 bits.
#[must_use]
pub fn safety_number(circle: &CircleId, one: &Identity, other: &Identity) -> String {
    let mut members = [one.member(), other.member()];
    members.sort_unstable();
    let [low, high] = members;
    let group = |index: u8| {
        let digest = labelled(LABEL_SAFETY, &[&circle.0, &low.0, &high.0, &[index]]);
        let bits = digest.iter().take(8).fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        format!("{:05}", bits % 100_000)
    };
    (0..12).map(group).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::IdentitySecret;

    #[test]
    fn typed_words_match_whatever_their_accents_case_and_spacing() {
        let words = WordList::Spanish.words(&[0; 32]);
        assert_eq!(words.map(plain), ["abaco"; 4].map(String::from));
        assert!(same_words(" Ábaco, abaco  ABACO-ábaco ", &words));
        assert!(!same_words("abaco abaco abaco", &words));
        assert!(!same_words("abaco abaco abaco abdomen", &words));
    }

    #[test]
    fn no_two_words_of_a_list_become_the_same_without_accents() {
        for language in [Language::Spanish, Language::English] {
            let mut plain_words: Vec<String> =
                language.word_list().iter().map(|word| plain(word)).collect();
            assert!(plain_words.iter().all(|word| word.bytes().all(|b| b.is_ascii_lowercase())));
            plain_words.sort();
            plain_words.dedup();
            assert_eq!(plain_words.len(), 2048);
        }
    }

    #[test]
    fn each_word_takes_eleven_bits_of_its_own() {
        let all = WordList::English.words(&[0xff; 32]);
        assert_eq!(all, ["zoo"; 4]);
        let mut one = [0; 32];
        one[1] = 0b0010_0000;
        assert_eq!(WordList::English.words(&one), ["ability", "abandon", "abandon", "abandon"]);
    }

    #[test]
    fn a_safety_number_is_the_same_from_both_ends() {
        let [a, b, c] =
            [[1; 64], [2; 64], [3; 64]].map(|seed| IdentitySecret::from_seed(&seed).public());
        let circle = CircleId([0; 32]);
        assert_eq!(safety_number(&circle, &a, &b), safety_number(&circle, &b, &a));
        assert_ne!(safety_number(&circle, &a, &b), safety_number(&circle, &a, &c));
        assert_eq!(safety_number(&circle, &a, &b).len(), 12 * 5 + 11);
    }
}
