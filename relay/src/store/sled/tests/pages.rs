//! Pages that cannot be read.

use super::*;
use std::fs::OpenOptions;

/// "It will be rebuilt at the next start": until then nothing on that page may be called lost that a rebuild finds.
#[test]
fn envelopes_on_a_page_that_cannot_be_read_are_given_as_far_as_they_lie_in_the_file() {
    let folder = folder();
    let store = opened(folder.path());
    let key = envelope_key(&MailboxId([1; 32]), COUNT / 2);
    let wanted = [&key[..], &9_u64.to_le_bytes()].concat();
    let path = folder.path().join("sled/db");
    let mut bytes = fs::read(&path).unwrap();
    let places: Vec<usize> =
        (0..bytes.len() - wanted.len()).filter(|at| bytes[*at..].starts_with(&wanted)).collect();
    for at in &places {
        bytes[at + 2000] ^= 1;
    }
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0).unwrap();
    let salvage = start::gathered(folder.path()).unwrap();
    let (mut given, mut found) = (0, 0);
    for sequence in 0..COUNT {
        let id = MailboxId([1; 32]);
        given += u64::from(store.envelope(&id, sequence).unwrap().is_some());
        found += u64::from(salvage.envelope(&id, sequence).unwrap().found().is_some());
    }
    // For each that is not given, the relay counts a loss and removes it; the rebuild then leaves it out.
    assert_eq!(given, found);
}
