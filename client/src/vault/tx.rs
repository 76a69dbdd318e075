//! Reading and changing records inside one transaction.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use super::database::Rows;
use super::record::{Keys, Kind, Lookup, aead};
use super::{Part, VaultError, system_entropy};

/// One transaction on a vault: see [`Vault::read`](super::Vault::read) and [`Vault::write`](super::Vault::write).
pub struct Tx<'a> {
    pub(super) rows: Rows<'a>,
    pub(super) keys: &'a Keys,
    pub(super) writable: bool,
    pub(super) changed: Cell<bool>,
    pub(super) damage: &'a RefCell<BTreeSet<Damage>>,
}

/// What becomes of a record in [`Tx::revise`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays as it is.
    Keep,
    /// Its changed value is stored.
    Store,
    /// It is deleted.
    Delete,
}

impl Fate {
    /// [`Fate::Delete`] if so, else [`Fate::Keep`].
    #[must_use]
    pub fn delete_if(gone: bool) -> Self {
        if gone { Self::Delete } else { Self::Keep }
    }

    /// [`Fate::Store`] if so, else [`Fate::Keep`].
    #[must_use]
    pub fn store_if(changed: bool) -> Self {
        if changed { Self::Store } else { Self::Keep }
    }
}

/// A record that a list had to leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Damage {
    /// [`Kind::NAME`].
    pub kind: &'static str,
    /// Its position.
    pub position: u64,
}

impl Tx<'_> {
    /// Inserts or replaces. A record that existed keeps its position. What was there before is overwritten on disk
    /// at the commit.
    ///
    /// # Errors
    /// [`VaultError::ReadOnly`] in a reading transaction; [`VaultError::Value`] if it is too large;
    /// [`VaultError::DiskFull`].
    pub fn put<K: Kind>(&self, key: &[u8], value: &K::Value) -> Result<(), VaultError> {
        self.may_write()?;
        let lookup = self.keys.lookup::<K>(key);
        let mut nonce = [0; aead::NONCE_LEN];
        system_entropy(&mut nonce)?;
        let sealed = self.keys.seal::<K>(&lookup, nonce, value)?;
        match self.rows.find(&lookup)? {
            Some(place) => self.rows.replace(place, &sealed),
            None => self.rows.insert(&self.keys.kind::<K>(), &lookup, &sealed),
        }
    }

    /// The value under a key.
    ///
    /// # Errors
    /// [`VaultError::Damaged`] if it is there and cannot be read, or if it cannot be told whether it is there.
    pub fn get<K: Kind>(&self, key: &[u8]) -> Result<Option<K::Value>, VaultError> {
        let lookup = self.keys.lookup::<K>(key);
        match self.rows.find(&lookup)? {
            Some(place) => self
                .rows
                .sealed(place)
                .map_err(in_record::<K>)
                .and_then(|sealed| self.keys.open::<K>(&lookup, &sealed))
                .map(Some),
            None => Ok(None),
        }
    }

    /// Whether there is a record under a key; nothing is decrypted.
    ///
    /// # Errors
    /// [`VaultError::Damaged`] if it cannot be told.
    pub fn contains<K: Kind>(&self, key: &[u8]) -> Result<bool, VaultError> {
        Ok(self.rows.find(&self.keys.lookup::<K>(key))?.is_some())
    }

    /// Deletes; says whether there was one. Its sealed bytes are overwritten on disk at the commit.
    ///
    /// # Errors
    /// [`VaultError::ReadOnly`] in a reading transaction.
    pub fn delete<K: Kind>(&self, key: &[u8]) -> Result<bool, VaultError> {
        self.may_write()?;
        match self.rows.find(&self.keys.lookup::<K>(key))? {
            Some(place) => self.rows.delete(place).map(|()| true),
            None => Ok(false),
        }
    }

    /// All records of a kind in the order of their first insertion, each with its position: it grows, and is never
    /// used again.
    ///
    /// A damaged record does not keep the others from being read: it is left out, logged, and named by
    /// [`Vault::damage`](super::Vault::damage), which whoever shows anything to a person must look at.
    ///
    /// If a whole page is damaged, a writing transaction that met it here cannot write any more: read in a transaction
    /// of its own then.
    ///
    /// # Errors
    /// [`VaultError::Damaged`] if the records of this kind cannot be enumerated at all.
    pub fn list<K: Kind>(&self) -> Result<Vec<(u64, K::Value)>, VaultError> {
        self.list_after::<K>(0)
    }

    /// As [`Tx::list`], those over `position` only.
    ///
    /// # Errors
    /// As [`Tx::list`].
    pub fn list_after<K: Kind>(&self, position: u64) -> Result<Vec<(u64, K::Value)>, VaultError> {
        let Ok(after) = i64::try_from(position) else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for at in self.rows.positions(&self.keys.kind::<K>(), after)? {
            let position = at.unsigned_abs();
            let value = self
                .rows
                .at(at)
                .and_then(|(lookup, place)| Ok((lookup, self.rows.sealed(place)?)))
                .and_then(|(lookup, sealed): (Lookup, _)| self.keys.open::<K>(&lookup, &sealed));
            match value {
                Ok(value) => found.push((position, value)),
                Err(VaultError::Damaged { .. }) => {
                    tracing::error!(kind = K::NAME, position, "a record is damaged: left out");
                    self.damage.borrow_mut().insert(Damage { kind: K::NAME, position });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// How many records of a kind there are; nothing is decrypted.
    ///
    /// # Errors
    /// [`VaultError::Damaged`] if they cannot be enumerated.
    pub fn count<K: Kind>(&self) -> Result<u64, VaultError> {
        self.rows.count(&self.keys.kind::<K>())
    }

    /// Goes through all records of a kind in order; each is kept, stored anew, or deleted. A damaged one is left as it is.
    ///
    /// # Errors
    /// [`VaultError::ReadOnly`] in a reading transaction; [`VaultError::Damaged`] as [`Tx::list`].
    pub fn revise<K: Kind>(
        &self,
        mut fate: impl FnMut(&mut K::Value) -> Fate,
    ) -> Result<(), VaultError> {
        self.may_write()?;
        for at in self.rows.positions(&self.keys.kind::<K>(), 0)? {
            let found = self.rows.at(at).and_then(|(lookup, place)| {
                let sealed = self.rows.sealed(place)?;
                Ok((lookup, place, self.keys.open::<K>(&lookup, &sealed)?))
            });
            let (lookup, place, mut value) = match found {
                Ok(found) => found,
                Err(VaultError::Damaged { .. }) => continue,
                Err(error) => return Err(error),
            };
            match fate(&mut value) {
                Fate::Keep => {}
                Fate::Store => {
                    let mut nonce = [0; aead::NONCE_LEN];
                    system_entropy(&mut nonce)?;
                    self.rows.replace(place, &self.keys.seal::<K>(&lookup, nonce, &value)?)?;
                }
                Fate::Delete => self.rows.delete(place)?,
            }
        }
        Ok(())
    }

    /// Runs `f` as a whole or not at all, without ending the transaction around it.
    ///
    /// # Errors
    /// Those of `f`: what it did is undone, and the transaction goes on.
    pub fn whole<T, E: From<VaultError>>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.rows.savepoint()?;
        match f() {
            Ok(done) => self.rows.keep_savepoint().map(|()| done).map_err(E::from),
            Err(error) => {
                self.rows.undo_savepoint()?;
                Err(error)
            }
        }
    }

    fn may_write(&self) -> Result<(), VaultError> {
        if !self.writable {
            return Err(VaultError::ReadOnly);
        }
        self.changed.set(true);
        Ok(())
    }
}

fn in_record<K: Kind>(error: VaultError) -> VaultError {
    match error {
        VaultError::Damaged { .. } => VaultError::Damaged { what: Part::Record { kind: K::NAME } },
        other => other,
    }
}
