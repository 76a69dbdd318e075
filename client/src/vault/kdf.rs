//! From a passphrase to a key: Argon2id (RFC 9106), version 0x13, one lane.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::{Zeroize, Zeroizing};

use super::VaultError;
use crate::passphrase::Passphrase;

/// Bytes of the salt; one per vault.
pub(super) const SALT_LEN: usize = 32;

/// What one guess at a passphrase costs. Each vault keeps its own; the default is for people, a cheap one for tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KdfCost {
    /// Memory, in KiB.
    memory_kib: u32,
    /// Passes over that memory.
    passes: u32,
}

impl KdfCost {
    /// Least memory. Under it Argon2 is no obstacle; only tests go so low.
    pub const MIN_MEMORY_KIB: u32 = 64;
    /// Most memory: half of a 1 GiB machine. A damaged file must not eat all memory.
    pub const MAX_MEMORY_KIB: u32 = 512 * 1024;
    /// Most passes: with the most memory, some ten seconds on a slow machine.
    pub const MAX_PASSES: u32 = 16;

    /// A cost within bounds.
    ///
    /// # Errors
    /// [`VaultError::Cost`] outside of the bounds above, or with no pass at all.
    pub fn new(memory_kib: u32, passes: u32) -> Result<Self, VaultError> {
        let memory_fits = (Self::MIN_MEMORY_KIB..=Self::MAX_MEMORY_KIB).contains(&memory_kib);
        let passes_fit = (1..=Self::MAX_PASSES).contains(&passes);
        if memory_fits && passes_fit {
            Ok(Self { memory_kib, passes })
        } else {
            Err(VaultError::Cost)
        }
    }

    /// Memory, in KiB.
    #[must_use]
    pub fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over that memory.
    #[must_use]
    pub fn passes(self) -> u32 {
        self.passes
    }
}

impl Default for KdfCost {
    /// 64 MiB, 3 passes: the second recommendation of RFC 9106 §4, about 0.2 s; fits a phone and a 1 GiB machine.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3 }
    }
}

/// Derives the key that seals a slot.
pub(super) fn derive(
    passphrase: &Passphrase,
    salt: &[u8; SALT_LEN],
    cost: KdfCost,
) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let params =
        Params::new(cost.memory_kib, cost.passes, 1, Some(32)).map_err(|_| VaultError::Cost)?;
    let mut memory: Vec<Block> = Vec::new();
    memory.try_reserve_exact(params.block_count()).map_err(|_| VaultError::OutOfMemory)?;
    memory.resize(params.block_count(), Block::new());
    let mut key = Zeroizing::new([0u8; 32]);
    let derived = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(passphrase.as_bytes(), salt, key.as_mut(), &mut memory);
    memory.zeroize();
    derived.map_err(|_| VaultError::Cost)?;
    Ok(key)
}
