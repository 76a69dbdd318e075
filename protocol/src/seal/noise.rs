//! Noise. The only file that knows snow.
//!
//! snow brings the handshake, we bring every primitive: they wipe their keys on drop, and X25519 refuses
//! an all-zero shared secret, so that nothing is ever sealed to or opened from a low-order key. What
//! stays in memory unwiped is snow's chaining key (THREATS.md).

use blake2::{Blake2s256, Digest};
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce, Tag};
use snow::params::{CipherChoice, DHChoice, HashChoice, NoiseParams};
use snow::resolvers::CryptoResolver;
use snow::types::{Cipher, Dh, Hash, Random};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::part::PART_LEN;

/// Names the handshake: one message, sender's static key encrypted, psk mixed in first.
pub(super) const PROTOCOL: &str = "Noise_Xpsk0_25519_ChaChaPoly_BLAKE2s";

/// What Noise adds: ephemeral key (32), encrypted static key (32 + 16), tag (16).
pub(super) const OVERHEAD: usize = 96;

/// Bytes of a Noise message.
pub(super) const MESSAGE_LEN: usize = PART_LEN + OVERHEAD;

const TAG_LEN: usize = 16;

/// It did not work; why is nobody's business.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failed;

impl From<snow::Error> for Failed {
    fn from(_: snow::Error) -> Self {
        Self
    }
}

/// Both halves of a static key, as their owner keeps them.
#[derive(Clone, Copy)]
pub(super) struct StaticKey<'a> {
    pub(super) secret: &'a StaticSecret,
    pub(super) public: &'a [u8; 32],
}

/// Encrypts a part to the responder's static key.
///
/// `ephemeral` are 32 bytes of the caller's randomness, never used twice.
pub(super) fn write(
    sender: StaticKey<'_>,
    recipient: &[u8; 32],
    psk: &[u8; 32],
    prologue: &[u8],
    ephemeral: Zeroizing<[u8; 32]>,
    part: &[u8; PART_LEN],
) -> Result<[u8; MESSAGE_LEN], Failed> {
    let mut state = builder(sender, Some(ephemeral), psk, prologue)?
        .remote_public_key(recipient)?
        .build_initiator()?;
    let mut message = [0; MESSAGE_LEN];
    match state.write_message(part, &mut message)? {
        MESSAGE_LEN => Ok(message),
        _ => Err(Failed),
    }
}

/// What was in a Noise message.
pub(super) struct Read {
    /// The sender's static key. That the sender holds its private half is proven to the recipient.
    pub(super) sender: [u8; 32],
    pub(super) part: Box<Zeroizing<[u8; PART_LEN]>>,
}

/// Decrypts. After a failure nothing that snow may have learnt is handed out.
pub(super) fn read(
    recipient: StaticKey<'_>,
    psk: &[u8; 32],
    prologue: &[u8],
    message: &[u8; MESSAGE_LEN],
) -> Result<Read, Failed> {
    let mut state = builder(recipient, None, psk, prologue)?.build_responder()?;
    let mut part = Box::new(Zeroizing::new([0; PART_LEN]));
    if state.read_message(message, part.as_mut_slice())? != PART_LEN {
        return Err(Failed);
    }
    let sender = state.get_remote_static().and_then(|key| key.try_into().ok()).ok_or(Failed)?;
    Ok(Read { sender, part })
}

fn builder<'a>(
    own: StaticKey<'a>,
    ephemeral: Option<Zeroizing<[u8; 32]>>,
    psk: &'a [u8; 32],
    prologue: &'a [u8],
) -> Result<snow::Builder<'a>, Failed> {
    let params: NoiseParams = PROTOCOL.parse()?;
    let ephemeral = ephemeral.unwrap_or_default();
    let resolver = Box::new(Primitives { own_public: *own.public, ephemeral });
    Ok(snow::Builder::with_resolver(params, resolver)
        .local_private_key(own.secret.as_bytes())?
        .psk(0, psk)?
        .prologue(prologue)?)
}

struct Primitives {
    /// Public half of the static key, so that it need not be computed again for every envelope.
    own_public: [u8; 32],
    ephemeral: Zeroizing<[u8; 32]>,
}

impl CryptoResolver for Primitives {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Drawn(Some(self.ephemeral.clone()))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        matches!(choice, DHChoice::Curve25519).then(|| {
            Box::new(X25519 { secret: StaticSecret::from([0; 32]), public: self.own_public })
                as Box<dyn Dh>
        })
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        matches!(choice, HashChoice::Blake2s)
            .then(|| Box::new(Blake2s(Blake2s256::new())) as Box<dyn Hash>)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        matches!(choice, CipherChoice::ChaChaPoly)
            .then(|| Box::new(ChaChaPoly(Zeroizing::default())) as Box<dyn Cipher>)
    }
}

/// The caller's 32 bytes, given out once: a second ephemeral key cannot repeat the first.
struct Drawn(Option<Zeroizing<[u8; 32]>>);

impl Random for Drawn {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), snow::Error> {
        match self.0.take() {
            Some(bytes) if dest.len() == bytes.len() => {
                dest.copy_from_slice(bytes.as_slice());
                Ok(())
            }
            _ => Err(snow::Error::Rng),
        }
    }
}

struct X25519 {
    secret: StaticSecret,
    public: [u8; 32],
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    /// Only static keys are set, and their public half was given along.
    fn set(&mut self, private: &[u8]) {
        // All private keys that come here are 32 bytes by their type.
        if let Ok(private) = <[u8; 32]>::try_from(private) {
            self.secret = StaticSecret::from(private);
        }
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), snow::Error> {
        let mut secret = Zeroizing::new([0; 32]);
        rng.try_fill_bytes(secret.as_mut_slice())?;
        self.secret = StaticSecret::from(*secret);
        self.public = PublicKey::from(&self.secret).to_bytes();
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        self.secret.as_bytes()
    }

    fn dh(&self, public: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
        // snow hands over buffers for the longest key of any curve.
        let public: &[u8; 32] = public.first_chunk().ok_or(snow::Error::Dh)?;
        let shared = self.secret.diffie_hellman(&PublicKey::from(*public));
        if !shared.was_contributory() {
            return Err(snow::Error::Dh);
        }
        out.first_chunk_mut::<32>().ok_or(snow::Error::Dh)?.copy_from_slice(shared.as_bytes());
        Ok(())
    }
}

struct ChaChaPoly(Zeroizing<[u8; 32]>);

impl ChaChaPoly {
    fn keyed(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(<&Key>::from(&*self.0))
    }
}

/// Noise §12.3: 32 zero bits, then the counter, little-endian.
fn nonce(counter: u64) -> Nonce {
    let [a, b, c, d, e, f, g, h] = counter.to_le_bytes();
    Nonce::from([0, 0, 0, 0, a, b, c, d, e, f, g, h])
}

impl Cipher for ChaChaPoly {
    fn name(&self) -> &'static str {
        "ChaChaPoly"
    }

    fn set(&mut self, key: &[u8; 32]) {
        *self.0 = *key;
    }

    /// Zero bytes written means it failed: the message then has not the one length it can have.
    fn encrypt(&self, counter: u64, ad: &[u8], plaintext: &[u8], out: &mut [u8]) -> usize {
        let len = plaintext.len() + TAG_LEN;
        let Some((text, tag)) =
            out.get_mut(..len).and_then(|out| out.split_at_mut_checked(plaintext.len()))
        else {
            return 0;
        };
        text.copy_from_slice(plaintext);
        match self.keyed().encrypt_inout_detached(&nonce(counter), ad, text.into()) {
            Ok(made) => {
                tag.copy_from_slice(&made);
                len
            }
            Err(_) => 0,
        }
    }

    fn decrypt(
        &self,
        counter: u64,
        ad: &[u8],
        ciphertext: &[u8],
        out: &mut [u8],
    ) -> Result<usize, snow::Error> {
        let (text, tag) = ciphertext.split_last_chunk::<TAG_LEN>().ok_or(snow::Error::Decrypt)?;
        let out = out.get_mut(..text.len()).ok_or(snow::Error::Decrypt)?;
        out.copy_from_slice(text);
        self.keyed()
            .decrypt_inout_detached(&nonce(counter), ad, out.into(), &Tag::from(*tag))
            .map_err(|_| snow::Error::Decrypt)?;
        Ok(text.len())
    }
}

struct Blake2s(Blake2s256);

impl Hash for Blake2s {
    fn name(&self) -> &'static str {
        "BLAKE2s"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        32
    }

    fn reset(&mut self) {
        self.0 = Blake2s256::new();
    }

    fn input(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        let digest = core::mem::take(&mut self.0).finalize();
        for (to, from) in out.iter_mut().zip(digest) {
            *to = from;
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
