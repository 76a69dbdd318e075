//! Looks at single envelopes.

use crate::store::record::{self, Kind, Raw};
use crate::store::sled::database::{Database, Failure, Table};
use crate::store::{StoreError, StoredEnvelope, short_digest};

/// What can be read of single envelopes.
pub(super) struct Disk<'a> {
    pub(super) new: &'a Database,
    pub(super) old: Option<&'a Database>,
}

/// What a look at one envelope has shown.
pub(super) enum Look {
    /// It is there, written by this commit.
    There(u64),
    Missing,
    /// The page on which it would be cannot be read: whether it is in the file, a rebuild finds out.
    Unreadable,
}

impl Disk<'_> {
    fn look_at(&self, key: &[u8], is_it: impl Fn(&Raw<'_>) -> bool) -> Result<Look, StoreError> {
        let mut found = Look::Missing;
        for database in [Some(self.new), self.old].into_iter().flatten() {
            match database.get(Table::Envelopes, key) {
                Ok(Some(value)) => {
                    let raw = record::parse(&value).filter(|raw| raw.key == key && is_it(raw));
                    return Ok(raw.map_or(found, |raw| Look::There(raw.commit)));
                }
                Ok(None) => {}
                Err(Failure::Damage(_)) => found = Look::Unreadable,
                Err(Failure::Other(error)) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Whether the envelope is there, and is the one that is meant.
    pub(super) fn look(&self, stored: &StoredEnvelope) -> Result<Look, StoreError> {
        self.look_at(&record::envelope_key(&stored.mailbox, stored.sequence), |raw| {
            record::envelope(raw).is_some_and(|found| short_digest(&found) == stored.digest)
        })
    }

    pub(super) fn look_for_held(&self, key: &[u8]) -> Result<Look, StoreError> {
        self.look_at(key, |raw| raw.kind == Kind::Held)
    }
}
