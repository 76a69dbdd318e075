//! The passphrase slots: always two, in random order; which is which only a passphrase tells (design §5).
//!
//! ```text
//! file  = copy, zeros to 4096, copy, zeros to 8192                   two copies: a torn write or a bad sector costs none
//! copy  = magic(8) ‖ memory KiB u32le ‖ passes u32le ‖ salt(32) ‖ slot(104) ‖ slot(104) ‖ BLAKE2s-256 of all before
//! slot  = nonce(24) ‖ XChaCha20-Poly1305(Argon2id(passphrase, salt), data key(32) ‖ voice(16) ‖ zeros(16))
//!         or 104 random bytes, which nobody can tell from it
//! ```
//!
//! The file is written in place, never replaced: what a slot held before is gone from it, and neither a
//! new inode nor a second file says that a slot was changed. Every opening sets the time of modification,
//! so it does not say so either.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

use zeroize::Zeroizing;

use super::files::lock;
use super::kdf::{self, KdfCost, SALT_LEN};
use super::record::aead;
use super::{Entropy, VaultError};
use crate::passphrase::Passphrase;
use velar_protocol::hash::labelled;

#[cfg(test)]
mod tests;

/// Format 1. The last byte is the version.
const MAGIC: [u8; 8] = *b"velarsl\x01";
/// Binds a slot to its header: a slot does not open under another salt or cost.
const SLOT_LABEL: &[u8] = b"velar/1 vault slot";
/// For recognising damage, not forgery.
const SUM_LABEL: &[u8] = b"velar/1 vault slots sum";

const HEADER_LEN: usize = 8 + 4 + 4 + SALT_LEN;
const CONTENTS_LEN: usize = 64;
const SLOT_LEN: usize = aead::OVERHEAD + CONTENTS_LEN;
const BODY_LEN: usize = HEADER_LEN + 2 * SLOT_LEN;
const COPY_LEN: usize = BODY_LEN + 32;
/// Where the two copies start: on different pages and sectors.
const COPIES_AT: [u64; 2] = [0, 4096];
const FILE_LEN: u64 = 8192;

/// What a slot opens to.
pub(super) struct Contents {
    pub(super) data_key: Zeroizing<[u8; 32]>,
    pub(super) voice: [u8; 16],
}

/// Which slot to write, seen from a passphrase that opens one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// The one it opens.
    Own,
    /// The other one.
    Other,
}

type Slot = [u8; SLOT_LEN];

#[derive(Clone, PartialEq, Eq)]
struct Slots {
    cost: KdfCost,
    salt: [u8; SALT_LEN],
    slots: [Slot; 2],
}

/// Writes a new slot file; it must not exist. One slot holds `contents`, the other random bytes.
pub(super) fn create(
    path: &Path,
    passphrase: &Passphrase,
    cost: KdfCost,
    contents: &Contents,
    entropy: Entropy<'_>,
) -> Result<(), VaultError> {
    let mut new = Slots { cost, salt: [0; SALT_LEN], slots: [[0; SLOT_LEN]; 2] };
    entropy(&mut new.salt);
    for slot in &mut new.slots {
        entropy(slot);
    }
    let key = kdf::derive(passphrase, &new.salt, cost)?;
    let mut coin = [0u8];
    entropy(&mut coin);
    let sealed = new.seal(&key, contents, entropy)?;
    new.put(usize::from(coin[0] & 1), sealed);

    let failed = |error| VaultError::io(path, error);
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    let copy = new.encode();
    for at in COPIES_AT {
        file.write_all_at(&copy, at).map_err(failed)?;
    }
    file.set_len(FILE_LEN).map_err(failed)?;
    file.flush().and_then(|()| file.sync_all()).map_err(failed)
}

/// Opens whichever slot the passphrase opens. Takes the same steps and time whichever it is.
pub(super) fn open(path: &Path, passphrase: &Passphrase) -> Result<Contents, VaultError> {
    let file = open_file(path)?;
    let slots = read_locked(&file, path)?;
    let key = kdf::derive(passphrase, &slots.salt, slots.cost)?;
    let opened = slots.try_both(&key)?;
    // After the derivation and for any outcome: the time tells only that somebody tried. A read-only
    // file system refuses, and then says nothing about changes either.
    let _ = file.set_modified(SystemTime::now());
    opened.map(|(_, contents)| contents).ok_or(VaultError::WrongPassphrase)
}

/// Writes one slot anew: sealed to a passphrase, or random bytes. `current` says which is which, and must open one.
///
/// # Errors
/// [`VaultError::PassphraseInUse`] if the new passphrase opens a slot that stays or its own.
pub(super) fn replace_slot(
    path: &Path,
    current: &Passphrase,
    which: Which,
    new: Option<(&Passphrase, Option<[u8; 16]>)>,
    entropy: Entropy<'_>,
) -> Result<(), VaultError> {
    let file = open_file(path)?;
    let before = read_locked(&file, path)?;
    let key = kdf::derive(current, &before.salt, before.cost)?;
    let new_key = match new {
        Some((passphrase, voice)) => {
            Some((kdf::derive(passphrase, &before.salt, before.cost)?, voice))
        }
        None => None,
    };

    lock(&file, path, File::try_lock)?;
    // Read again: another process may have written while the keys were derived.
    let result = read(&file, path).and_then(|mut slots| {
        let (own, contents) = slots.try_both(&key)?.ok_or(VaultError::WrongPassphrase)?;
        let mut slot = [0; SLOT_LEN];
        if let Some((new_key, voice)) = &new_key {
            if slots.try_both(new_key)?.is_some() {
                return Err(VaultError::PassphraseInUse);
            }
            let voice = voice.unwrap_or(contents.voice);
            let contents = Contents { data_key: contents.data_key, voice };
            slot = slots.seal(new_key, &contents, entropy)?;
        } else {
            entropy(&mut slot);
        }
        slots.put(if which == Which::Own { own } else { 1 - own }, slot);
        write(&file, &slots.encode()).map_err(|error| VaultError::io(path, error))
    });
    let _ = file.unlock();
    result
}

/// Overwrites both slots in place and waits for the disk: after that no passphrase opens the vault, ever.
/// Waits for no lock. Needs no passphrase and no intact file.
pub(super) fn destroy(path: &Path, entropy: Entropy<'_>) -> Result<(), VaultError> {
    let failed = |error| VaultError::io(path, error);
    let file = open_file(path)?;
    let len = file.metadata().map_err(failed)?.len().max(FILE_LEN);
    let mut noise = vec![0; usize::try_from(len).unwrap_or(FILE_LEN as usize)];
    entropy(&mut noise);
    file.write_all_at(&noise, 0).and_then(|()| file.sync_all()).map_err(failed)
}

impl Slots {
    fn header(&self) -> [u8; HEADER_LEN] {
        let mut header = [0; HEADER_LEN];
        fill(
            &mut header,
            &[
                &MAGIC,
                &self.cost.memory_kib().to_le_bytes(),
                &self.cost.passes().to_le_bytes(),
                &self.salt,
            ],
        );
        header
    }

    fn encode(&self) -> [u8; COPY_LEN] {
        let mut body = [0; BODY_LEN];
        fill(&mut body, &[&self.header(), &self.slots[0], &self.slots[1]]);
        let mut copy = [0; COPY_LEN];
        fill(&mut copy, &[&body, &labelled(SUM_LABEL, &[&body])]);
        copy
    }

    fn decode(copy: &[u8; COPY_LEN]) -> Result<Self, VaultError> {
        let (body, sum) = copy.split_first_chunk::<BODY_LEN>().ok_or(VaultError::SLOTS)?;
        if sum != labelled(SUM_LABEL, &[body]) {
            return Err(VaultError::SLOTS);
        }
        let mut rest = body.as_slice();
        let magic: [u8; 8] = take(&mut rest)?;
        match magic.split_last() {
            Some((version, name)) if MAGIC.starts_with(name) => match *version {
                1 => {}
                found => {
                    return Err(VaultError::UnknownVersion { found: found.into(), known: 1 });
                }
            },
            _ => return Err(VaultError::SLOTS),
        }
        let memory_kib = u32::from_le_bytes(take(&mut rest)?);
        let passes = u32::from_le_bytes(take(&mut rest)?);
        let cost = KdfCost::new(memory_kib, passes).map_err(|_| VaultError::SLOTS)?;
        Ok(Self { cost, salt: take(&mut rest)?, slots: [take(&mut rest)?, take(&mut rest)?] })
    }

    fn seal(
        &self,
        key: &[u8; 32],
        contents: &Contents,
        entropy: Entropy<'_>,
    ) -> Result<Slot, VaultError> {
        let mut plain = Zeroizing::new([0u8; CONTENTS_LEN]);
        fill(plain.as_mut(), &[contents.data_key.as_ref(), &contents.voice]);
        let mut nonce = [0; aead::NONCE_LEN];
        entropy(&mut nonce);
        let sealed = aead::seal(key, nonce, &self.bound(), plain.as_ref());
        sealed.as_slice().try_into().map_err(|_| VaultError::SLOTS)
    }

    /// Tries both slots always, in random order, without stopping at the first that opens.
    fn try_both(&self, key: &[u8; 32]) -> Result<Option<(usize, Contents)>, VaultError> {
        let mut coin = [0u8];
        super::system_entropy(&mut coin)?;
        let first = usize::from(coin[0] & 1);
        let opened = [first, 1 - first].map(|index| {
            let slot = self.slots.get(index)?;
            let plain = aead::open(key, &self.bound(), slot)?;
            let mut rest = plain.as_slice();
            let data_key = Zeroizing::new(take(&mut rest).ok()?);
            let voice = take(&mut rest).ok()?;
            Some((index, Contents { data_key, voice }))
        });
        Ok(opened.into_iter().flatten().next())
    }

    fn bound(&self) -> Vec<u8> {
        [SLOT_LABEL, &self.header()].concat()
    }

    fn put(&mut self, index: usize, slot: Slot) {
        if let Some(place) = self.slots.get_mut(index) {
            *place = slot;
        }
    }
}

fn open_file(path: &Path) -> Result<File, VaultError> {
    OpenOptions::new().read(true).write(true).open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => VaultError::SLOTS,
        _ => VaultError::io(path, error),
    })
}

fn read_locked(file: &File, path: &Path) -> Result<Slots, VaultError> {
    lock(file, path, File::try_lock_shared)?;
    let slots = read(file, path);
    let _ = file.unlock();
    slots
}

/// The first intact copy. If the other one differs (a crash while writing, or damage) it stays until the next
/// writing: both were whole states of this vault, and the first is the one that was in force.
fn read(file: &File, path: &Path) -> Result<Slots, VaultError> {
    let mut why = VaultError::SLOTS;
    for at in COPIES_AT {
        let mut copy = [0; COPY_LEN];
        match file.read_exact_at(&mut copy, at) {
            Ok(()) => match Slots::decode(&copy) {
                Ok(slots) => return Ok(slots),
                Err(unknown @ VaultError::UnknownVersion { .. }) => why = unknown,
                Err(_) => {}
            },
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
            Err(error) => why = VaultError::io(path, error),
        }
    }
    Err(why)
}

/// The second copy first: while it is written, the first still holds the old state; while the first is
/// written, the second already holds the new one.
fn write(file: &File, copy: &[u8; COPY_LEN]) -> io::Result<()> {
    for at in COPIES_AT.into_iter().rev() {
        file.write_all_at(copy, at)?;
        file.sync_data()?;
    }
    Ok(())
}

/// Writes the parts one after another; what is left of `to` stays.
fn fill(to: &mut [u8], parts: &[&[u8]]) {
    let bytes = parts.iter().flat_map(|part| part.iter());
    for (to, from) in to.iter_mut().zip(bytes) {
        *to = *from;
    }
}

fn take<const N: usize>(from: &mut &[u8]) -> Result<[u8; N], VaultError> {
    let (taken, rest) = from.split_first_chunk::<N>().ok_or(VaultError::SLOTS)?;
    *from = rest;
    Ok(*taken)
}
