//! Whether two passphrases are too much alike: a slip must not turn one into the other, and whoever knows one must
//! not guess the other.

use zeroize::Zeroizing;

use super::Passphrase;

/// Characters in which two passphrases differ at least, and one more for each five of the longer one.
const MIN_DISTANCE: usize = 3;

impl Passphrase {
    /// Whether they say the same but for case, accents, spaces and signs, the order of their words, something added
    /// at an end, or a few characters.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        if self.says_the_same(other) {
            return true;
        }
        let (one, two) = (words(self), words(other));
        if sorted(&one) == sorted(&two) && !one.is_empty() {
            return true;
        }
        let (one, two) = (joined(&one), joined(&two));
        let (short, long) = if one.len() <= two.len() { (&one, &two) } else { (&two, &one) };
        // Only signs: nothing of them can be left aside.
        if short.is_empty() {
            return false;
        }
        long.starts_with(short)
            || long.ends_with(short)
            || distance(short, long) < MIN_DISTANCE + long.len() / 5
    }
}

type Letters = Zeroizing<Vec<char>>;

/// Letters and digits, in lower case and without accents, by words.
fn words(passphrase: &Passphrase) -> Vec<Letters> {
    let text = std::str::from_utf8(passphrase.as_bytes()).unwrap_or_default();
    let plain = |word: &str| -> Letters {
        Zeroizing::new(word.chars().flat_map(char::to_lowercase).map(without_accent).collect())
    };
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(plain).collect()
}

fn without_accent(c: char) -> char {
    match c {
        'á' => 'a',
        'é' => 'e',
        'í' => 'i',
        'ó' => 'o',
        'ú' | 'ü' => 'u',
        'ñ' => 'n',
        other => other,
    }
}

fn sorted(words: &[Letters]) -> Vec<&[char]> {
    let mut sorted: Vec<&[char]> = words.iter().map(|word| word.as_slice()).collect();
    sorted.sort_unstable();
    sorted
}

fn joined(words: &[Letters]) -> Letters {
    let len = words.iter().map(|word| word.len()).sum();
    let mut all = Zeroizing::new(Vec::with_capacity(len));
    words.iter().for_each(|word| all.extend_from_slice(word));
    all
}

/// Characters to insert, leave out or exchange on the way from one to the other (Levenshtein).
fn distance(one: &[char], two: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=two.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (b, place) in two.iter().zip(row.iter_mut().skip(1)) {
            let exchanged = diagonal + usize::from(a != b);
            diagonal = *place;
            left = exchanged.min(left + 1).min(*place + 1);
            *place = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn alike(one: &str, two: &str) -> bool {
        Passphrase::new(one).unwrap().is_like(&Passphrase::new(two).unwrap())
    }

    #[test]
    fn what_a_slip_or_a_guess_turns_into_the_other_is_too_alike() {
        let usual = "Camino sal Luna piedra";
        for other in [
            usual,
            "camino sal luna piedra",
            "camino-sal-luna-piedra!",
            "camino sal luna piedra 2",
            "1camino sal luna piedra",
            "piedra luna sal camino",
            "camino sal luna piedras",
            "camino sol luna piedra",
            "camíno sál luna pïedra",
            "camino sal luna",
        ] {
            assert!(alike(usual, other), "{other}");
            assert!(alike(other, usual), "{other}");
        }
    }

    #[test]
    fn other_words_are_not_too_alike() {
        let usual = "camino sal luna piedra";
        for other in [
            "tormenta azul en marzo",
            "camino al mercado viejo",
            "!!!!!!!!!!",
            "日本語の長い言葉です",
        ] {
            assert!(!alike(usual, other), "{other}");
            assert!(!alike(other, usual), "{other}");
        }
        assert!(!alike("!!!!!!!!!!", "??????????"));
    }

    proptest! {
        #[test]
        fn it_is_the_same_both_ways_and_true_of_the_same(one in ".{1,40}", two in ".{1,40}") {
            prop_assert!(alike(&one, &one));
            prop_assert_eq!(alike(&one, &two), alike(&two, &one));
        }

        #[test]
        fn one_character_more_less_or_other_is_alike(
            one in "[a-z]{6}[a-z ]{6,34}", at in 0_usize..12, with in "[a-z]?",
        ) {
            let mut two = one.clone();
            two.replace_range(at..=at, &with);
            prop_assert!(alike(&one, &two), "{} / {}", one, two);
        }
    }
}
