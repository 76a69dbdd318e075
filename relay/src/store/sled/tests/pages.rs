//! Pages that cannot be read.

use super::*;

/// "It will be rebuilt at the next start": until then nothing on that page may be called lost that a rebuild finds.
#[test]
fn envelopes_on_a_page_that_cannot_be_read_are_given_as_far_as_they_lie_in_the_file() {
    let folder = folder();
    let store = opened(folder.path());
    spoil(folder.path());
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
