//! Access tokens: an operator's leave to open new mailboxes, and what is made of one (SPEC.md §4.12).
//!
//! All three texts are the same for whoever carries them, an [`AccessToken`]; [`Access`] tells them apart.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::ids::{AccessToken, ChildId, MailboxId};
use crate::hash::{keyed, label, labelled};

const TOKEN: &str = "velar-access-";
const CHILD: &str = "velar-once-";
const REOPENING: &str = "velar-again-";
/// First byte of what follows the prefix.
const VERSION: u8 = 1;

/// Version, expiry, nonce and proof: the longest of the three.
const CHILD_LEN: usize = 1 + 8 + 16 + 32;

/// An access token: 32 random bytes. Never thought up by a person: whoever has a child could try guesses against it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct AccessKey([u8; 32]);

/// Leave to open one new mailbox, once.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Child {
    expiry_s: u64,
    nonce: [u8; 16],
    proof: [u8; 32],
}

/// Leave to open one mailbox again.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Reopening([u8; 32]);

/// What a text shown in an `Open` is.
#[derive(Clone)]
pub enum Access {
    /// An access token itself.
    Token(AccessKey),
    /// A child of one.
    Child(Child),
    /// A reopening text made of one.
    Reopening(Reopening),
}

impl AccessKey {
    /// From 32 random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The token that this text is. `None` if it is none.
    #[must_use]
    pub fn read(text: &AccessToken) -> Option<Self> {
        match Access::read(text)? {
            Access::Token(key) => Some(key),
            Access::Child(_) | Access::Reopening(_) => None,
        }
    }

    /// The text that an operator gives to a coordinator: 57 characters.
    #[must_use]
    pub fn to_text(&self) -> AccessToken {
        text(TOKEN, &[&self.0])
    }

    /// A child, good until `expiry_s` (Unix seconds). `nonce` is random.
    #[must_use]
    pub fn child(&self, expiry_s: u64, nonce: [u8; 16]) -> Child {
        Child { expiry_s, nonce, proof: self.child_proof(expiry_s, &nonce) }
    }

    /// Leave to open this mailbox again.
    #[must_use]
    pub fn reopening(&self, mailbox: &MailboxId) -> Reopening {
        Reopening(keyed(&self.0, label::ACCESS_REOPENING, &[mailbox.as_bytes()]))
    }

    fn child_proof(&self, expiry_s: u64, nonce: &[u8; 16]) -> [u8; 32] {
        keyed(&self.0, label::ACCESS_CHILD, &[&expiry_s.to_le_bytes(), nonce])
    }
}

impl Child {
    /// When it is over, Unix seconds.
    #[must_use]
    pub fn expiry_s(&self) -> u64 {
        self.expiry_s
    }

    /// What a relay remembers of it once it was used.
    #[must_use]
    pub fn id(&self) -> ChildId {
        let digest = labelled(label::ACCESS_SPENT, &[&self.nonce]);
        let mut id = [0; 16];
        for (into, byte) in id.iter_mut().zip(digest) {
            *into = byte;
        }
        ChildId(id)
    }

    /// Its text: 87 characters.
    #[must_use]
    pub fn to_text(&self) -> AccessToken {
        text(CHILD, &[&self.expiry_s.to_le_bytes(), &self.nonce, &self.proof])
    }
}

impl Reopening {
    /// Its text: 56 characters.
    #[must_use]
    pub fn to_text(&self) -> AccessToken {
        text(REOPENING, &[&self.0])
    }
}

impl Access {
    /// What this text is. `None`: none of the three. Each has exactly one text.
    #[must_use]
    pub fn read(text: &AccessToken) -> Option<Self> {
        let text = text.expose();
        if let Some(rest) = text.strip_prefix(TOKEN) {
            Some(Self::Token(AccessKey(*decoded(rest)?)))
        } else if let Some(rest) = text.strip_prefix(REOPENING) {
            Some(Self::Reopening(Reopening(*decoded(rest)?)))
        } else {
            let bytes = decoded::<{ CHILD_LEN - 1 }>(text.strip_prefix(CHILD)?)?;
            let (expiry, rest) = bytes.split_first_chunk()?;
            let (nonce, proof) = rest.split_first_chunk()?;
            let (expiry_s, proof) = (u64::from_le_bytes(*expiry), proof.try_into().ok()?);
            Some(Self::Child(Child { expiry_s, nonce: *nonce, proof }))
        }
    }

    /// Whether it is this token, or made of it; a reopening text: for this mailbox. In constant time.
    #[must_use]
    pub fn is_of(&self, key: &AccessKey, mailbox: &MailboxId) -> Choice {
        match self {
            Self::Token(shown) => shown.0.ct_eq(&key.0),
            Self::Child(child) => child.proof.ct_eq(&key.child_proof(child.expiry_s, &child.nonce)),
            Self::Reopening(shown) => shown.0.ct_eq(&key.reopening(mailbox).0),
        }
    }
}

macro_rules! opaque_debug {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}
opaque_debug!(AccessKey, Child, Reopening, Access);

/// `prefix ‖ base64url(version ‖ parts)`. At most [`CHILD_LEN`] bytes are ever encoded.
fn text(prefix: &str, parts: &[&[u8]]) -> AccessToken {
    let mut bytes = Zeroizing::new(Vec::with_capacity(CHILD_LEN));
    bytes.push(VERSION);
    for part in parts {
        bytes.extend_from_slice(part);
    }
    // Moved into the token, which wipes it.
    let mut text = String::with_capacity(prefix.len() + BASE64URL_NOPAD.encode_len(bytes.len()));
    text.push_str(prefix);
    BASE64URL_NOPAD.encode_append(&bytes, &mut text);
    AccessToken::of_own(text)
}

/// The `N` bytes after the version.
fn decoded<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?);
    let (version, rest) = bytes.split_first()?;
    let rest = <[u8; N]>::try_from(rest).ok()?;
    (*version == VERSION).then_some(Zeroizing::new(rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::limits::MAX_ACCESS_TOKEN_LEN;

    const MINE: MailboxId = MailboxId([1; 32]);
    const YOURS: MailboxId = MailboxId([2; 32]);

    fn key(byte: u8) -> AccessKey {
        AccessKey::new([byte; 32])
    }

    /// What the text of it reads as.
    fn again(text: &AccessToken) -> Access {
        Access::read(text).unwrap()
    }

    fn is_of(text: &AccessToken, key: &AccessKey, mailbox: &MailboxId) -> bool {
        again(text).is_of(key, mailbox).into()
    }

    #[test]
    fn each_text_is_of_its_own_token_alone() {
        let child = key(7).child(1_800_000_000, [9; 16]);
        let texts = [key(7).to_text(), child.to_text(), key(7).reopening(&MINE).to_text()];
        for text in &texts {
            assert!(is_of(text, &key(7), &MINE), "{}", text.expose());
            assert!(!is_of(text, &key(8), &MINE), "{}", text.expose());
        }
        let [token, once, reopening] = &texts;
        assert!(is_of(token, &key(7), &YOURS) && is_of(once, &key(7), &YOURS));
        assert!(!is_of(reopening, &key(7), &YOURS), "for one mailbox");
        assert_eq!(texts.each_ref().map(|text| text.expose().len()), [57, 87, 56]);
    }

    #[test]
    fn a_child_is_not_to_be_had_for_longer_or_twice() {
        let Access::Child(mut child) = again(&key(7).child(1_800_000_000, [9; 16]).to_text())
        else {
            panic!("a child reads as one");
        };
        assert_eq!(child.expiry_s(), 1_800_000_000);
        assert_eq!(child.id(), key(7).child(5, [9; 16]).id(), "by its nonce");
        child.expiry_s += 1;
        assert!(!is_of(&child.to_text(), &key(7), &MINE));
        child.expiry_s -= 1;
        child.nonce[0] ^= 1;
        assert!(!is_of(&child.to_text(), &key(7), &MINE));
    }

    #[test]
    fn the_proof_of_one_kind_is_none_of_another() {
        let (key, mailbox) = (key(7), MailboxId([0; 32]));
        let reopening = key.reopening(&mailbox);
        let child = Child { expiry_s: 0, nonce: [0; 16], proof: reopening.0 };
        assert!(!is_of(&child.to_text(), &key, &mailbox));
        let posed = AccessKey(reopening.0);
        assert!(!is_of(&posed.to_text(), &key, &mailbox));
    }

    #[test]
    fn nothing_else_reads_as_one() {
        let whole = key(7).child(1_800_000_000, [9; 16]).to_text();
        let whole = whole.expose();
        let bad = [
            "aurora".to_owned(),
            whole[..whole.len() - 1].to_owned(),
            format!("{whole}A"),
            format!(" {whole}"),
            format!("{whole}\n"),
            whole.replace("velar-once-", "velar-access-"),
            whole.replace("velar-once-", "velar-again-"),
            // Another version.
            whole.replace("velar-once-A", "velar-once-B"),
            "velar-once-".to_owned(),
            "velar-access-".to_owned(),
        ];
        for text in bad {
            let shown = AccessToken::new(text.clone()).unwrap();
            assert!(Access::read(&shown).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_reads_has_one_text(text in "(velar-(access|once|again)-)?[A-Za-z0-9_-]{0,90}") {
            if let Some(shown) = AccessToken::new(text)
                && let Some(access) = Access::read(&shown)
            {
                let text = match access {
                    Access::Token(key) => key.to_text(),
                    Access::Child(child) => child.to_text(),
                    Access::Reopening(reopening) => reopening.to_text(),
                };
                prop_assert_eq!(text.expose(), shown.expose());
            }
        }

        #[test]
        fn what_is_made_reads_back_and_fits(bytes: [u8; 32], expiry_s: u64, nonce: [u8; 16]) {
            let key = AccessKey::new(bytes);
            let texts = [
                key.to_text(),
                key.child(expiry_s, nonce).to_text(),
                key.reopening(&MINE).to_text(),
            ];
            for text in texts {
                prop_assert!(text.expose().len() <= MAX_ACCESS_TOKEN_LEN);
                prop_assert!(is_of(&text, &key, &MINE));
            }
        }
    }
}
