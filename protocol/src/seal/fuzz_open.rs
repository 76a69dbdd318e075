//! Body of the fuzz target `envelope_opening`: nothing that comes in makes opening panic.

use super::{CircleId, IdentitySecret, PART_LEN, Part, PrekeySecret, hint_of, matches, open};
use crate::wire::Envelope;
use crate::wire::limits::ENVELOPE_LEN;

/// Opens `data` as an envelope, with the right hint when its first byte is odd, and reads it as a part.
/// Shorter input stands for input with zeros at its end.
pub fn open_any_bytes(data: &[u8]) {
    let owner = IdentitySecret::from_seed(&[1; 64]).public();
    let prekey = PrekeySecret::from_seed(&[2; 96]);
    let mut bytes: Vec<u8> =
        data.iter().copied().chain([0; ENVELOPE_LEN]).take(ENVELOPE_LEN).collect();
    if let Some((head, rest)) = bytes.split_at_mut_checked(17)
        && let Some(ciphertext) = rest.first_chunk()
        && head.first().is_some_and(|first| first % 2 == 1)
    {
        let hint = super::hint(prekey.id(), ciphertext);
        head.iter_mut().zip([1].iter().chain(hint.as_bytes())).for_each(|(to, from)| *to = *from);
    }
    if let Some(plaintext) = bytes.first_chunk::<PART_LEN>()
        && let Ok(part) = Part::decode(plaintext)
    {
        assert!(part.encode().is_ok_and(|again| **again == *plaintext));
    }
    if let Some(envelope) = Envelope::new(bytes) {
        if let Ok(opened) = open(&owner, &CircleId([3; 32]), &prekey, &envelope) {
            assert!(opened.part.encode().is_ok(), "a part was read that cannot be written");
        }
        assert_eq!(hint_of(&envelope).is_ok(), envelope.as_bytes().first() == Some(&1));
        let _ = matches(&envelope, prekey.id());
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_corpus_of_envelope_opening_panics_nowhere() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/envelope_opening");
        let mut files = 0;
        for file in std::fs::read_dir(corpus).unwrap() {
            super::open_any_bytes(&std::fs::read(file.unwrap().path()).unwrap());
            files += 1;
        }
        assert!(files >= 8, "the corpus has gone missing");
    }
}
