//! What a record is on disk: a keyed hash to find it by, and a sealed value of one of a few sizes.
//!
//! ```text
//! lookup = keyed BLAKE2s-256(lookup key, tag ‖ key)      kind = keyed BLAKE2s-256(lookup key, label ‖ tag)[..16]
//! sealed = version(1) ‖ nonce(24) ‖ XChaCha20-Poly1305(sealing key, AAD = version ‖ tag ‖ lookup,
//!          length u32le ‖ bincode(value) ‖ zeros to a power of two from 128)
//! ```
//!
//! The AAD ties a value to its place: records that were exchanged, or copied from another vault, do not open.

use blake2::Blake2sMac256;
use blake2::digest::{FixedOutput, KeyInit, Update};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{Part, VaultError};

#[cfg(test)]
mod tests;

/// Most bytes of an encoded value: an export of a long log fits; more is a mistake.
pub const MAX_VALUE_LEN: usize = (1 << MAX_CLASS) - LENGTH_LEN;

/// Most memory that decoding may ask for at once. bincode counts values as they are in memory, larger than encoded;
/// what is decoded is authentic, so this only has to stop a mistake.
const DECODE_LIMIT: usize = 64 << MAX_CLASS;

/// Size classes are powers of two: 128 bytes …
pub(super) const MIN_CLASS: u8 = 7;
/// … to 1 MiB.
pub(super) const MAX_CLASS: u8 = 20;

/// Of the layout above.
const VERSION: u8 = 1;
const LENGTH_LEN: usize = 4;

/// Of the two keys derived from the data key: neither is ever used for the other's purpose.
const SEALING_LABEL: &[u8] = b"velar/1 vault sealing key";
const LOOKUP_LABEL: &[u8] = b"velar/1 vault lookup key";
/// The first byte hashed is 0 for a lookup and 1 for a kind: neither is ever the other.
const KIND_LABEL: &[u8] = b"velar/1 vault kind";

/// A kind of record. Tags are append-only: a retired tag is never used again.
pub trait Kind {
    /// Different for each kind, 1 to 239; 0 and 240 to 255 are the vault's own.
    const TAG: u8;
    /// For error messages; not on disk.
    const NAME: &'static str;
    /// Its bincode form is what is on disk: add fields by a new kind, or by enums that grow at the end.
    type Value: Serialize + DeserializeOwned;
}

/// 32 bytes that find a record.
pub(super) type Lookup = [u8; 32];
/// 16 bytes that group the records of a kind.
pub(super) type KindId = [u8; 16];

/// The keys of an open vault. Wiped on drop.
pub(super) struct Keys {
    sealing: Zeroizing<[u8; 32]>,
    lookup: Zeroizing<[u8; 32]>,
    /// How many records were opened: what a change costs is counted, not timed.
    #[cfg(test)]
    pub(super) opened: std::cell::Cell<usize>,
}

/// A value ready for its place.
pub(super) struct Sealed {
    pub(super) class: u8,
    pub(super) bytes: Vec<u8>,
}

impl Keys {
    pub(super) fn new(data_key: &[u8; 32]) -> Self {
        Self {
            sealing: Zeroizing::new(keyed_hash(data_key, &[SEALING_LABEL])),
            lookup: Zeroizing::new(keyed_hash(data_key, &[LOOKUP_LABEL])),
            #[cfg(test)]
            opened: std::cell::Cell::default(),
        }
    }

    pub(super) fn lookup<K: Kind>(&self, key: &[u8]) -> Lookup {
        keyed_hash(&self.lookup, &[&[0, K::TAG], key])
    }

    pub(super) fn kind<K: Kind>(&self) -> KindId {
        let hash = keyed_hash(&self.lookup, &[&[1], KIND_LABEL, &[K::TAG]]);
        let mut id = [0; 16];
        id.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        id
    }

    pub(super) fn seal<K: Kind>(
        &self,
        lookup: &Lookup,
        nonce: [u8; aead::NONCE_LEN],
        value: &K::Value,
    ) -> Result<Sealed, VaultError> {
        let (class, plain) = encode(value).ok_or(VaultError::Value { kind: K::NAME })?;
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&aead::seal(&self.sealing, nonce, &bound::<K>(lookup), &plain));
        Ok(Sealed { class, bytes })
    }

    pub(super) fn open<K: Kind>(
        &self,
        lookup: &Lookup,
        sealed: &[u8],
    ) -> Result<K::Value, VaultError> {
        #[cfg(test)]
        self.opened.set(self.opened.get() + 1);
        sealed
            .split_first()
            .filter(|(version, _)| **version == VERSION)
            .and_then(|(_, sealed)| aead::open(&self.sealing, &bound::<K>(lookup), sealed))
            .and_then(|plain| decode(&plain))
            .ok_or(VaultError::Damaged { what: Part::Record { kind: K::NAME } })
    }
}

/// Bytes of a sealed value of a class.
pub(super) fn sealed_len(class: u8) -> usize {
    1 + aead::OVERHEAD + (1 << class)
}

fn bound<K: Kind>(lookup: &Lookup) -> [u8; 34] {
    let mut bound = [0; 34];
    let bytes = [VERSION, K::TAG].into_iter().chain(*lookup);
    bound.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    bound
}

/// Counts first, so that the buffer has its final length at once: one that grows leaves copies behind.
fn encode<V: Serialize>(value: &V) -> Option<(u8, Zeroizing<Vec<u8>>)> {
    let config = bincode::config::standard();
    let mut counter = Counter(0);
    bincode::serde::encode_into_writer(value, &mut counter, config).ok()?;
    let class = (MIN_CLASS..=MAX_CLASS).find(|class| LENGTH_LEN + counter.0 <= 1 << class)?;
    let mut plain = Zeroizing::new(vec![0; 1 << class]);
    let (length, body) = plain.split_first_chunk_mut::<LENGTH_LEN>()?;
    *length = u32::try_from(counter.0).ok()?.to_le_bytes();
    let written = bincode::serde::encode_into_slice(value, body, config).ok()?;
    (written == counter.0).then_some((class, plain))
}

fn decode<V: DeserializeOwned>(plain: &[u8]) -> Option<V> {
    let config = bincode::config::standard().with_limit::<DECODE_LIMIT>();
    let (length, body) = plain.split_first_chunk::<LENGTH_LEN>()?;
    let body = body.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    let (value, used) = bincode::serde::decode_from_slice(body, config).ok()?;
    (used == body.len()).then_some(value)
}

struct Counter(usize);

impl bincode::enc::write::Writer for Counter {
    fn write(&mut self, bytes: &[u8]) -> Result<(), bincode::error::EncodeError> {
        self.0 += bytes.len();
        Ok(())
    }
}

fn keyed_hash(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Blake2sMac256 as KeyInit>::new(key.into());
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize_fixed().into()
}

/// `nonce(24) ‖ ciphertext ‖ tag(16)` with XChaCha20-Poly1305: a nonce long enough to be drawn at random.
pub(super) mod aead {
    use chacha20poly1305::aead::inout::InOutBuf;
    use chacha20poly1305::{AeadInOut, KeyInit, XChaCha20Poly1305};
    use zeroize::Zeroizing;

    /// Bytes of the nonce.
    pub(in crate::vault) const NONCE_LEN: usize = 24;
    const TAG_LEN: usize = 16;
    /// Bytes that sealing adds.
    pub(in crate::vault) const OVERHEAD: usize = NONCE_LEN + TAG_LEN;

    pub(in crate::vault) fn seal(
        key: &[u8; 32],
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        plain: &[u8],
    ) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(plain.len() + OVERHEAD);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let text = sealed.get_mut(NONCE_LEN..).unwrap_or_default();
        #[expect(
            clippy::expect_used,
            reason = "fails over 256 GiB only; a value has at most 1 MiB"
        )]
        let tag = XChaCha20Poly1305::new(key.into())
            .encrypt_inout_detached(&nonce.into(), aad, InOutBuf::from(text))
            .expect("within the cipher's limit");
        sealed.extend_from_slice(&tag);
        sealed
    }

    pub(in crate::vault) fn open(
        key: &[u8; 32],
        aad: &[u8],
        sealed: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let (text, tag) = sealed.split_last_chunk::<TAG_LEN>()?;
        let mut plain = Zeroizing::new(text.to_vec());
        XChaCha20Poly1305::new(key.into())
            .decrypt_inout_detached(
                nonce.into(),
                aad,
                InOutBuf::from(plain.as_mut_slice()),
                tag.into(),
            )
            .ok()?;
        Some(plain)
    }
}
