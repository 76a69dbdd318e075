//! A backup: what a person would want back after losing a device, and nothing that could act in her name.
//!
//! Names, safety numbers, the plan and the log; no identity, prekey, mailbox or hold key, and no messages. Who opens it learns
//! who was in the circle; it is sealed with a passphrase of its own.

use serde::{Deserialize, Serialize};

use crate::log::{Entry, Head};
use crate::passphrase::Passphrase;
use crate::plan::Plan;
use crate::vault::{KdfCost, VaultError, open_parcel, seal_parcel};

/// Of the file; the last byte is the format.
const MAGIC: [u8; 8] = *b"velarbk\x01";

/// Most memory that decoding may ask for; what is decoded is authentic.
const DECODE_LIMIT: usize = 1 << 30;

/// What a backup holds.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// When it was made, Unix seconds.
    pub made_s: u64,
    /// The circle's name, if the device was in one.
    pub circle: Option<String>,
    /// The name of the device's person.
    pub me: String,
    /// The person's id: her next member is the same person's.
    pub person: [u8; 16],
    /// The other members.
    pub members: Vec<Known>,
    /// The agreed check-ins.
    pub plan: Option<Plan>,
    /// The log, in order.
    pub log: Vec<Entry>,
    /// Where it ended.
    pub head: Head,
}

/// A member, as the device knew them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Their name.
    pub name: String,
    /// The safety number with them: with the device that was lost.
    pub number: String,
    /// Whether it had been compared.
    pub verified: bool,
}

/// Why there is no backup to be read.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file is no backup.
    #[error("not a backup")]
    NotABackup,
    /// Another passphrase, or the file was changed or cut off: the two cannot be told apart.
    #[error("it does not open with this passphrase")]
    Locked,
    /// Made by a newer version.
    #[error("made by a newer version")]
    Newer,
    /// Anything else.
    #[error(transparent)]
    Vault(VaultError),
}

impl From<VaultError> for BackupError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::WrongPassphrase => Self::Locked,
            VaultError::UnknownVersion { .. } => Self::Newer,
            error => Self::Vault(error),
        }
    }
}

impl Backup {
    /// As a file.
    ///
    /// # Errors
    /// [`BackupError::Vault`].
    pub fn seal(
        &self,
        passphrase: &Passphrase,
        cost: KdfCost,
        entropy: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Vec<u8>, BackupError> {
        let too_large = |_| BackupError::Vault(VaultError::Value { kind: "backup" });
        let plain = bincode::serde::encode_to_vec(self, bincode::config::standard())
            .map(zeroize::Zeroizing::new)
            .map_err(too_large)?;
        Ok(seal_parcel(MAGIC, passphrase, cost, &plain, entropy)?)
    }

    /// From a file.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn open(passphrase: &Passphrase, file: &[u8]) -> Result<Self, BackupError> {
        let plain = open_parcel(MAGIC, passphrase, file)?.ok_or(BackupError::NotABackup)?;
        let config = bincode::config::standard().with_limit::<DECODE_LIMIT>();
        match bincode::serde::decode_from_slice(&plain, config) {
            Ok((backup, used)) if used == plain.len() => Ok(backup),
            _ => Err(BackupError::Newer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Field, Piece};

    fn sample() -> Backup {
        let entry = Entry::after(&Head::NONE, [1; 32], vec![Piece::new(Field::What, "raised")]);
        Backup {
            made_s: 1_800_000_000,
            circle: Some("Casa Norte".to_owned()),
            me: "Ana".to_owned(),
            person: [3; 16],
            members: vec![Known {
                name: "Luz".to_owned(),
                number: "12345 67890".to_owned(),
                verified: true,
            }],
            plan: None,
            head: entry.head(),
            log: vec![entry],
        }
    }

    #[test]
    fn what_was_put_into_a_backup_comes_out_with_its_passphrase_only() {
        let cost = KdfCost::new(KdfCost::MIN_MEMORY_KIB, 1).unwrap();
        let mut entropy = |bytes: &mut [u8]| getrandom::fill(bytes).unwrap();
        let ours = Passphrase::new("otra frase para el papel").unwrap();
        let file = sample().seal(&ours, cost, &mut entropy).unwrap();
        assert!(Backup::open(&ours, &file).unwrap() == sample());
        let wrong = Passphrase::new("no es esta").unwrap();
        assert!(matches!(Backup::open(&wrong, &file), Err(BackupError::Locked)));
        let mut newer = file.clone();
        newer[7] += 1;
        assert!(matches!(Backup::open(&ours, &newer), Err(BackupError::Newer)));
        let cut = &file[..file.len() - 1];
        assert!(matches!(Backup::open(&ours, cut), Err(BackupError::Locked)));
        assert!(matches!(Backup::open(&ours, b"something"), Err(BackupError::NotABackup)));
    }
}
