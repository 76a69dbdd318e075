//! A file sealed with a passphrase of its own, for what leaves the vault (a backup).
//!
//! ```text
//! magic(8) ‖ memory KiB u32le ‖ passes u32le ‖ salt(32) ‖ nonce(24) ‖ XChaCha20-Poly1305(Argon2id(passphrase, salt),
//! AAD = label ‖ all before the nonce, length u32le ‖ contents ‖ zeros to a multiple of 64 KiB)
//! ```

use zeroize::Zeroizing;

use super::kdf::{self, KdfCost, SALT_LEN};
use super::record::aead;
use super::{Entropy, VaultError};
use crate::passphrase::Passphrase;

/// Most bytes of such a file: what is longer is another file. A log of ten thousand long notes fits.
pub const PARCEL_LEN: usize = 256 << 20;

/// A parcel is no slot of a vault, and no slot a parcel.
const LABEL: &[u8] = b"velar/1 sealed file";

/// Its length tells how much is in it only this roughly.
const STEP: usize = 64 << 10;

const HEADER_LEN: usize = 8 + 4 + 4 + SALT_LEN;

/// Seals `contents`; the file begins with `magic`, of which the last byte is the format.
///
/// # Errors
/// [`VaultError::OutOfMemory`]; [`VaultError::Value`] if it is too long.
pub fn seal_parcel(
    magic: [u8; 8],
    passphrase: &Passphrase,
    cost: KdfCost,
    contents: &[u8],
    entropy: &mut dyn FnMut(&mut [u8]),
) -> Result<Vec<u8>, VaultError> {
    let too_long = VaultError::Value { kind: "sealed file" };
    let padded = contents.len().saturating_add(4).next_multiple_of(STEP);
    let length = u32::try_from(contents.len()).ok().filter(|_| padded < PARCEL_LEN - STEP);
    let mut plain = Zeroizing::new(Vec::with_capacity(padded));
    plain.extend_from_slice(&length.ok_or(too_long)?.to_le_bytes());
    plain.extend_from_slice(contents);
    plain.resize(padded, 0);
    let mut salt = [0; SALT_LEN];
    let mut nonce = [0; aead::NONCE_LEN];
    draw(entropy, &mut salt, &mut nonce);
    let key = kdf::derive(passphrase, &salt, cost)?;
    let (memory, passes) = (cost.memory_kib().to_le_bytes(), cost.passes().to_le_bytes());
    let mut file = [&magic[..], &memory, &passes, &salt].concat();
    let sealed = aead::seal(&key, nonce, &bound(&file), &plain);
    file.extend_from_slice(&sealed);
    Ok(file)
}

/// What such a file holds. `None`: it is not one with this `magic`.
///
/// # Errors
/// [`VaultError::WrongPassphrase`], also if the file was changed: the two cannot be told apart;
/// [`VaultError::UnknownVersion`]; [`VaultError::OutOfMemory`].
pub fn open_parcel(
    magic: [u8; 8],
    passphrase: &Passphrase,
    file: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
    let (known, name) = match magic.split_last() {
        Some((known, name)) => (*known, name),
        None => return Ok(None),
    };
    let Some((header, sealed)) = file.split_first_chunk::<HEADER_LEN>() else { return Ok(None) };
    let Some(rest) = header.strip_prefix(name) else { return Ok(None) };
    let Some((found, rest)) = rest.split_first() else { return Ok(None) };
    if *found != known {
        return Err(VaultError::UnknownVersion { found: (*found).into(), known: known.into() });
    }
    let Some((memory, rest)) = rest.split_first_chunk() else { return Ok(None) };
    let Some((passes, salt)) = rest.split_first_chunk() else { return Ok(None) };
    let Ok(salt) = salt.try_into() else { return Ok(None) };
    // A cost that no program of this version writes was put there to exhaust this device.
    let cost = KdfCost::new(u32::from_le_bytes(*memory), u32::from_le_bytes(*passes))
        .map_err(|_| VaultError::WrongPassphrase)?;
    let key = kdf::derive(passphrase, salt, cost)?;
    let plain = aead::open(&key, &bound(header), sealed).ok_or(VaultError::WrongPassphrase)?;
    let contents = plain
        .split_first_chunk()
        .and_then(|(length, rest)| rest.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?));
    contents
        .map(|contents| Some(Zeroizing::new(contents.to_vec())))
        .ok_or(VaultError::WrongPassphrase)
}

fn draw(entropy: Entropy<'_>, salt: &mut [u8], nonce: &mut [u8]) {
    entropy(salt);
    entropy(nonce);
}

fn bound(header: &[u8]) -> Vec<u8> {
    [LABEL, header].concat()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cheap, noise, passphrase};
    use super::*;

    const MAGIC: [u8; 8] = *b"velarte\x01";

    fn sealed(contents: &[u8]) -> Vec<u8> {
        seal_parcel(MAGIC, &passphrase("una frase propia"), cheap(), contents, &mut noise).unwrap()
    }

    fn open(file: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        open_parcel(MAGIC, &passphrase("una frase propia"), file)
    }

    #[test]
    fn only_its_passphrase_opens_it_and_nothing_of_it_can_be_read_without() {
        let contents = b"los nombres de todas las personas".repeat(100);
        let file = sealed(&contents);
        assert_eq!(open(&file).unwrap().unwrap().as_slice(), contents);
        assert!(!file.windows(16).any(|window| contents.windows(16).any(|plain| plain == window)));
        let other = open_parcel(MAGIC, &passphrase("otra frase"), &file);
        assert!(matches!(other, Err(VaultError::WrongPassphrase)));
        assert_eq!(sealed(b"a").len(), sealed(&contents).len(), "the length does not tell");
        assert!(open(&sealed(b"")).unwrap().unwrap().is_empty());
    }

    #[test]
    fn a_changed_or_cut_file_does_not_open() {
        let file = sealed(b"contents");
        for at in (0..HEADER_LEN + 60).chain([file.len() - 1]) {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert!(!matches!(open(&changed), Ok(Some(_))), "{at}");
        }
        for len in [0, 7, HEADER_LEN, HEADER_LEN + 1, file.len() - 1] {
            assert!(!matches!(open(&file[..len]), Ok(Some(_))), "{len}");
        }
        let mut newer = file;
        newer[7] = 2;
        assert!(matches!(open(&newer), Err(VaultError::UnknownVersion { found: 2, known: 1 })));
        assert!(matches!(
            open(b"a text of somebody, long enough to be a header of ours"),
            Ok(None)
        ));
    }
}
