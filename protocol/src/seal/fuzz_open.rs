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
    if let Some(part) = bytes.first_chunk::<PART_LEN>().and_then(|bytes| Part::decode(bytes).ok()) {
        assert!(part.encode().is_ok_and(|again| again[..] == bytes[..PART_LEN]));
    }
    if let Some(envelope) = Envelope::new(bytes) {
        let opened = open(&owner, &CircleId([3; 32]), &prekey, &envelope);
        assert!(opened.is_err(), "an envelope opened that nobody sealed");
        assert_eq!(hint_of(&envelope).is_ok(), envelope.as_bytes().first() == Some(&1));
        let _ = matches(&envelope, prekey.id());
    }
}
