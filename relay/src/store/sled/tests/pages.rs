//! Pages that cannot be read.

use rustix::io::Errno;

use super::*;
use crate::store::sled::database::contained;

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

/// As damage it is told of, counted, and rebuilt; as anything else it would end the process, again and again.
#[test]
fn a_sector_that_the_disk_cannot_read_is_damage_and_a_full_disk_is_not() {
    for (errno, is_damage) in [(Errno::IO, true), (Errno::NOSPC, false), (Errno::MFILE, false)] {
        let failed = contained(|| Err::<(), _>(sled::Error::Io(errno.into())));
        assert_eq!(matches!(failed, Err(Failure::Damage(_))), is_damage, "{errno}");
    }
}
