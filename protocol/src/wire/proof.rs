//! Proofs: the holder of a mailbox key signs one verb, with its arguments, on one connection.
//!
//! Signed bytes: `H("velar/1 proof", exporter, verb, mailbox, arguments)`, 32 bytes, by Ed25519
//! (RFC 8032), where `exporter` is this connection's [`Exporter`], `verb` one byte and `arguments` the
//! digest of what else the verb carries. A proof seen on one connection is worth nothing on another,
//! nor for another verb or other arguments.

use ed25519_dalek::{Signature, VerifyingKey};

use super::Refusal;
use super::ids::{AccessToken, Exporter, MailboxId, MailboxSecret, Proof, SendTokenHash};
use super::request::{MailboxProof, Request};
use crate::hash::{Digest32, label, labelled};

const OPEN: u8 = 1;
const CLOSE: u8 = 2;
const SUBSCRIBE: u8 = 3;

/// That the other end of this connection holds a mailbox's key. Only verification makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner(MailboxId);

impl Owner {
    /// The mailbox that is owned.
    #[must_use]
    pub fn mailbox(self) -> MailboxId {
        self.0
    }

    /// Checks the proof of an `Open`.
    ///
    /// # Errors
    /// [`Refusal::WrongProof`].
    pub fn of_open(
        exporter: &Exporter,
        mailbox: MailboxId,
        proof: &Proof,
        tokens: &[SendTokenHash],
        access: Option<&AccessToken>,
    ) -> Result<Self, Refusal> {
        verify(exporter, OPEN, mailbox, &open_arguments(tokens, access), proof)
    }

    /// Checks the proof of a `Close`.
    ///
    /// # Errors
    /// [`Refusal::WrongProof`].
    pub fn of_close(
        exporter: &Exporter,
        mailbox: MailboxId,
        proof: &Proof,
    ) -> Result<Self, Refusal> {
        verify(exporter, CLOSE, mailbox, &[], proof)
    }

    /// Checks one proof of a `Subscribe`.
    ///
    /// # Errors
    /// [`Refusal::WrongProof`].
    pub fn of_subscribe(exporter: &Exporter, claim: &MailboxProof) -> Result<Self, Refusal> {
        verify(exporter, SUBSCRIBE, claim.mailbox, &[], &claim.proof)
    }
}

impl Request {
    /// An `Open` with its proof.
    #[must_use]
    pub fn open(
        exporter: &Exporter,
        secret: &MailboxSecret,
        tokens: Vec<SendTokenHash>,
        access: Option<AccessToken>,
    ) -> Self {
        let arguments = open_arguments(&tokens, access.as_ref());
        let proof = secret.sign(&signed(exporter, OPEN, secret.id(), &arguments));
        Self::Open { mailbox: secret.id(), proof, tokens, access }
    }

    /// A `Close` with its proof.
    #[must_use]
    pub fn close(exporter: &Exporter, secret: &MailboxSecret) -> Self {
        let proof = secret.sign(&signed(exporter, CLOSE, secret.id(), &[]));
        Self::Close { mailbox: secret.id(), proof }
    }

    /// A `Subscribe` with its proofs.
    #[must_use]
    pub fn subscribe<'a>(
        exporter: &Exporter,
        secrets: impl IntoIterator<Item = &'a MailboxSecret>,
    ) -> Self {
        let claim = |secret: &MailboxSecret| MailboxProof {
            mailbox: secret.id(),
            proof: secret.sign(&signed(exporter, SUBSCRIBE, secret.id(), &[])),
        };
        Self::Subscribe { mailboxes: secrets.into_iter().map(claim).collect() }
    }
}

fn open_arguments(tokens: &[SendTokenHash], access: Option<&AccessToken>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(tokens.len() * 32 + 160);
    bytes.extend_from_slice(&(tokens.len() as u32).to_le_bytes());
    for token in tokens {
        bytes.extend_from_slice(token.as_bytes());
    }
    if let Some(access) = access {
        bytes.push(1);
        bytes.extend_from_slice(access.expose().as_bytes());
    }
    bytes
}

fn signed(exporter: &Exporter, verb: u8, mailbox: MailboxId, arguments: &[u8]) -> Digest32 {
    labelled(label::PROOF, &[exporter.as_bytes(), &[verb], mailbox.as_bytes(), arguments])
}

/// Strict verification (spec/sealing.md §1): no point of small order, under which one proof fits many mailboxes.
fn verify(
    exporter: &Exporter,
    verb: u8,
    mailbox: MailboxId,
    arguments: &[u8],
    proof: &Proof,
) -> Result<Owner, Refusal> {
    let message = signed(exporter, verb, mailbox, arguments);
    VerifyingKey::from_bytes(mailbox.as_bytes())
        .and_then(|key| key.verify_strict(&message, &Signature::from_bytes(&proof.0)))
        .map(|()| Owner(mailbox))
        .map_err(|_| Refusal::WrongProof)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPORTER: Exporter = Exporter([7; 32]);

    fn secret() -> MailboxSecret {
        MailboxSecret::from_seed(&[3; 32])
    }

    #[test]
    fn a_proof_holds_for_its_connection_verb_and_arguments_only() {
        let tokens = vec![SendTokenHash([1; 32])];
        let Request::Open { mailbox, proof, tokens, access } =
            Request::open(&EXPORTER, &secret(), tokens, None)
        else {
            unreachable!()
        };
        let check = |exporter: &Exporter, tokens: &[SendTokenHash]| {
            Owner::of_open(exporter, mailbox, &proof, tokens, access.as_ref())
        };
        assert_eq!(check(&EXPORTER, &tokens).map(Owner::mailbox), Ok(secret().id()));
        assert_eq!(check(&Exporter([8; 32]), &tokens), Err(Refusal::WrongProof));
        assert_eq!(check(&EXPORTER, &[]), Err(Refusal::WrongProof));
        assert_eq!(Owner::of_close(&EXPORTER, mailbox, &proof), Err(Refusal::WrongProof));
        let claim = MailboxProof { mailbox, proof };
        assert_eq!(Owner::of_subscribe(&EXPORTER, &claim), Err(Refusal::WrongProof));
    }

    #[test]
    fn a_small_order_mailbox_key_proves_nothing() {
        let mut identity = [0; 32];
        identity[0] = 1;
        let forged = MailboxProof { mailbox: MailboxId(identity), proof: Proof([0; 64]) };
        assert_eq!(Owner::of_subscribe(&EXPORTER, &forged), Err(Refusal::WrongProof));
    }
}
