//! The relay's own keys: files in its data folder, made once, readable by its user only.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519, PublicKeyData};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use velar_protocol::wire::{Pin, RelayAddress};
use zeroize::{Zeroize, Zeroizing};

const TLS_KEY: &str = "tls.key";
const TLS_CERTIFICATE: &str = "tls.cert";
const RESET_KEY: &str = "reset.key";

/// Name in the certificate. The same for every relay: it tells nothing, and nobody checks it.
const CERTIFICATE_NAME: &str = "localhost";

/// A relay's keys. Clients know it by its [`Pin`].
pub struct Identity {
    pub(crate) key: PrivateKeyDer<'static>,
    pub(crate) certificate: CertificateDer<'static>,
    /// For stateless resets: after a crash clients learn at once that their connection is gone.
    pub(crate) reset_key: Zeroizing<[u8; 32]>,
    pin: Pin,
}

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There are keys already; they are never overwritten.
    #[error("there are keys in {} already; they stay as they are", .0.display())]
    Exists(PathBuf),
    /// There are none yet.
    #[error("there are no keys in {}; make them with: velar-relay init --data {} --host <name or address>", .0.display(), .0.display())]
    Missing(PathBuf),
    /// `init` was cut short here: nobody has these keys' address yet.
    #[error("making keys in {} was cut short; remove {} there, then run init again", .path.display(), .there.join(", "))]
    Unfinished {
        /// The folder.
        path: PathBuf,
        /// What is there.
        there: Vec<&'static str>,
    },
    /// They are not what `init` wrote.
    #[error("the keys in {} are damaged ({reason}); restore them from a backup, or make new ones in another folder", .path.display())]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The disk refused.
    #[error("the disk failed on {}: {source}. Look after that disk, then try again", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No randomness, or no memory.
    #[error("a key could not be made: {0}. Nothing was written; try again")]
    Make(String),
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { key: _, certificate: _, reset_key: _, pin } = self;
        f.debug_struct("Identity").field("pin", pin).finish_non_exhaustive()
    }
}

impl Identity {
    /// Makes keys in `data`, creating the folder (0700) and files (0600).
    ///
    /// # Errors
    /// [`KeyError::Exists`], [`KeyError::Unfinished`]: nothing is ever overwritten.
    pub fn create(data: &Path) -> Result<Self, KeyError> {
        let made = |error: rcgen::Error| KeyError::Make(error.to_string());
        DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(failed(data))?;
        match there(data).len() {
            0 => {}
            3 => return Err(KeyError::Exists(data.to_owned())),
            _ => return Err(incomplete(data)),
        }
        let pair = KeyPair::generate_for(&PKCS_ED25519).map_err(made)?;
        let params = CertificateParams::new(vec![CERTIFICATE_NAME.to_owned()]).map_err(made)?;
        let certificate = params.self_signed(&pair).map_err(made)?;
        let mut reset_key = Zeroizing::new([0; 32]);
        getrandom::fill(reset_key.as_mut_slice())
            .map_err(|error| KeyError::Make(error.to_string()))?;
        let mut der = pair.serialize_der();
        let written = write(&data.join(TLS_KEY), &der);
        der.zeroize();
        written?;
        write(&data.join(RESET_KEY), reset_key.as_slice())?;
        // Last: with it the set is complete.
        write(&data.join(TLS_CERTIFICATE), certificate.der())?;
        File::open(data).and_then(|dir| dir.sync_all()).map_err(failed(data))?;
        Self::load(data)
    }

    /// Reads the keys in `data`.
    ///
    /// # Errors
    /// [`KeyError::Missing`], [`KeyError::Unfinished`], [`KeyError::Damaged`], [`KeyError::Io`].
    pub fn load(data: &Path) -> Result<Self, KeyError> {
        let damaged =
            |reason: &str| KeyError::Damaged { path: data.to_owned(), reason: reason.to_owned() };
        let key = PrivatePkcs8KeyDer::from(read(data, TLS_KEY)?);
        let certificate = CertificateDer::from(read(data, TLS_CERTIFICATE)?);
        let reset = Zeroizing::new(read(data, RESET_KEY)?);
        let reset_key = reset.as_slice().try_into().map_err(|_| damaged("reset.key"))?;
        let pair = KeyPair::try_from(&key).map_err(|_| damaged("tls.key"))?;
        let pin = Pin(Sha256::digest(pair.subject_public_key_info()).into());
        Ok(Self { key: key.into(), certificate, reset_key: Zeroizing::new(reset_key), pin })
    }

    /// SHA-256 of the TLS public key: what clients know this relay by.
    #[must_use]
    pub fn pin(&self) -> Pin {
        self.pin
    }
}

/// An address as a QR code for terminals.
#[must_use]
pub fn qr(address: &RelayAddress) -> Option<String> {
    let code = QrCode::new(address.to_string()).ok()?;
    // Dark modules as spaces: readable on the dark background most terminals have.
    let colours = (Dense1x2::Light, Dense1x2::Dark);
    Some(code.render::<Dense1x2>().dark_color(colours.0).light_color(colours.1).build())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), KeyError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .map_err(failed(path))
}

/// The files of a set of keys that are there.
fn there(data: &Path) -> Vec<&'static str> {
    let all = [TLS_KEY, RESET_KEY, TLS_CERTIFICATE].into_iter();
    all.filter(|name| data.join(name).exists()).collect()
}

/// The certificate is written last. Without it nothing was ever served with these keys; without another one a set that
/// was whole has been damaged.
fn incomplete(data: &Path) -> KeyError {
    let there = there(data);
    let path = data.to_owned();
    if there.is_empty() {
        KeyError::Missing(path)
    } else if there.contains(&TLS_CERTIFICATE) {
        KeyError::Damaged { path, reason: "a file is missing".to_owned() }
    } else {
        KeyError::Unfinished { path, there }
    }
}

fn read(data: &Path, name: &str) -> Result<Vec<u8>, KeyError> {
    let path = data.join(name);
    fs::read(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => incomplete(data),
        _ => KeyError::Io { path, source },
    })
}

fn failed(path: &Path) -> impl Fn(io::Error) -> KeyError {
    move |source| KeyError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keys_are_private_lasting_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        assert!(matches!(Identity::load(&data), Err(KeyError::Missing(_))));
        let made = Identity::create(&data).unwrap();
        assert_eq!(Identity::load(&data).unwrap().pin(), made.pin());
        assert!(matches!(Identity::create(&data), Err(KeyError::Exists(_))));
        for name in [TLS_KEY, TLS_CERTIFICATE, RESET_KEY] {
            let mode = fs::metadata(data.join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
        let other = Identity::create(&folder.path().join("other")).unwrap();
        assert_ne!(other.pin(), made.pin());
    }

    #[test]
    fn the_key_is_an_ed25519_key_and_the_pin_is_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let made = Identity::create(folder.path()).unwrap();
        let key = KeyPair::try_from(fs::read(folder.path().join(TLS_KEY)).unwrap()).unwrap();
        let info = key.subject_public_key_info();
        // RFC 8410: SEQUENCE { SEQUENCE { 1.3.101.112 }, BIT STRING of 32 bytes }.
        let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        assert!(info.starts_with(&prefix) && info.len() == prefix.len() + 32);
        assert_eq!(made.pin().0, <[u8; 32]>::from(Sha256::digest(&info)));
        let certificate = fs::read(folder.path().join(TLS_CERTIFICATE)).unwrap();
        assert!(certificate.windows(info.len()).any(|bytes| bytes == info));
    }

    #[test]
    fn keys_whose_making_was_cut_short_are_told_from_damaged_ones() {
        let folder = tempfile::tempdir().unwrap();
        Identity::create(folder.path()).unwrap();
        fs::remove_file(folder.path().join(TLS_CERTIFICATE)).unwrap();
        for cut_short in [Identity::create(folder.path()), Identity::load(folder.path())] {
            let error = cut_short.unwrap_err();
            assert!(matches!(&error, KeyError::Unfinished { there, .. } if there.len() == 2));
            assert!(error.to_string().contains("remove tls.key, reset.key there"), "{error}");
        }
        fs::remove_file(folder.path().join(TLS_KEY)).unwrap();
        fs::remove_file(folder.path().join(RESET_KEY)).unwrap();
        Identity::create(folder.path()).unwrap();
        fs::remove_file(folder.path().join(RESET_KEY)).unwrap();
        assert!(matches!(Identity::create(folder.path()), Err(KeyError::Damaged { .. })));
        assert!(matches!(Identity::load(folder.path()), Err(KeyError::Damaged { .. })));
    }

    #[test]
    fn damaged_keys_are_a_clear_error() {
        let folder = tempfile::tempdir().unwrap();
        Identity::create(folder.path()).unwrap();
        fs::write(folder.path().join(TLS_KEY), b"not a key").unwrap();
        assert!(matches!(Identity::load(folder.path()), Err(KeyError::Damaged { .. })));
    }
}
