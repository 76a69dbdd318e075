//! What a relay's access tokens permit. Pure.

use subtle::ConditionallySelectable as _;
use velar_protocol::wire::limits::MAX_CHILD_S;
use velar_protocol::wire::{Access, AccessKey, AccessToken, ChildId, MailboxId};

use super::AccessError;
use crate::clock::Now;
use crate::limits::{ACCESS_NAME_LEN, ACCESS_TOKENS, CHILD_TOLERANCE_S};

/// The valid access tokens of a relay.
#[derive(Clone, Default)]
pub(crate) struct Tokens {
    /// Whether a new mailbox needs one: also where all were revoked.
    required: bool,
    /// Index of the next one; 0: drawn with the first. Never one that was used.
    next: u32,
    valid: Vec<Token>,
}

/// One access token.
#[derive(Clone)]
pub(crate) struct Token {
    /// For the operator alone.
    pub(crate) name: String,
    /// 1 to 65535, never used again.
    pub(crate) index: u16,
    pub(crate) key: AccessKey,
    /// Mailboxes that may be open by it; `None`: as many as the limit says.
    pub(crate) mailboxes: Option<u32>,
}

/// What a valid access token gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// The token's index.
    pub(crate) access: u16,
    /// Mailboxes that may be open by it; `None`: as many as the limit says.
    pub(crate) most: Option<u32>,
}

/// What the `access` of an `Open` permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// This relay asks for none, or the mailbox is open by a token that is valid.
    NotNeeded,
    /// Nothing was shown, or nothing that is valid.
    Missing,
    /// A child whose time is over, or that expires too late to be remembered.
    Over,
    /// An access token itself, or a reopening text of this mailbox.
    Of(Grant),
    /// A child, if it was not used before.
    ByChild(Grant, ChildId),
}

impl Tokens {
    /// As they are in a file. `None` if there are too many, or two of one name or index, or an index that is none.
    pub(super) fn from_file(next: u32, valid: Vec<Token>) -> Option<Self> {
        let distinct = |at: usize, token: &Token| {
            let others = valid.iter().take(at);
            let same = |other: &Token| other.name == token.name || other.index == token.index;
            !others.clone().any(same)
        };
        let sound = valid.len() <= ACCESS_TOKENS
            && valid.iter().enumerate().all(|(at, token)| distinct(at, token))
            && valid.iter().all(|token| token.index > 0 && u32::from(token.index) < next)
            && valid.iter().all(|token| is_name(&token.name) && token.mailboxes != Some(0))
            && (1..=LAST + 1).contains(&next);
        sound.then_some(Self { required: true, next, valid })
    }

    /// Whether a new mailbox needs one.
    pub(crate) fn is_required(&self) -> bool {
        self.required
    }

    /// All of them, the oldest first.
    pub(crate) fn all(&self) -> &[Token] {
        &self.valid
    }

    pub(super) fn next(&self) -> u32 {
        self.next
    }

    /// Adds one. The first takes its index from `start`, any number, the others go on from there, past those for which
    /// `is_used`: where this file was lost and made anew, mailboxes may still have indexes of before.
    pub(crate) fn add(
        &mut self,
        name: &str,
        key: AccessKey,
        mailboxes: Option<u32>,
        start: u16,
        is_used: impl Fn(u16) -> bool,
    ) -> Result<(), AccessError> {
        if !is_name(name) {
            return Err(AccessError::Name(name.to_owned()));
        }
        if mailboxes == Some(0) {
            return Err(AccessError::NoMailboxes);
        }
        if self.valid.iter().any(|token| token.name == name) {
            return Err(AccessError::NameTaken(name.to_owned()));
        }
        if self.valid.len() >= ACCESS_TOKENS {
            return Err(AccessError::TooMany);
        }
        let from = if self.next == 0 { u32::from(start) % HALF + 1 } else { self.next };
        let free = (from..=LAST).filter_map(|index| u16::try_from(index).ok());
        let index = free.into_iter().find(|index| !is_used(*index)).ok_or(AccessError::NoIndex)?;
        self.required = true;
        self.next = u32::from(index) + 1;
        self.valid.push(Token { name: name.to_owned(), index, key, mailboxes });
        Ok(())
    }

    /// Takes one away; its index.
    pub(crate) fn revoke(&mut self, name: &str) -> Result<u16, AccessError> {
        let at = self.valid.iter().position(|token| token.name == name);
        let at = at.ok_or_else(|| AccessError::NameUnknown(name.to_owned()))?;
        Ok(self.valid.remove(at).index)
    }

    /// What `shown` permits for a mailbox; `access`: the index that it has, if it is open.
    pub(crate) fn leave(
        &self,
        access: Option<u16>,
        shown: Option<&AccessToken>,
        mailbox: &MailboxId,
        now: Now,
    ) -> Leave {
        let is_valid = |index: u16| self.valid.iter().any(|token| token.index == index);
        if !self.required || access.is_some_and(is_valid) {
            return Leave::NotNeeded;
        }
        let Some(shown) = shown.and_then(Access::read) else { return Leave::Missing };
        let Some(grant) = self.grant(&shown, mailbox) else { return Leave::Missing };
        match shown {
            Access::Token(_) | Access::Reopening(_) => Leave::Of(grant),
            Access::Child(child) => {
                // A clock that was set keeps nobody out: the one that lets in more counts.
                let (early, late) =
                    (now.wall_s().min(now.hold_s()), now.wall_s().max(now.hold_s()));
                let is_over = early > child.expiry_s().saturating_add(CHILD_TOLERANCE_S);
                if is_over || child.expiry_s() > late.saturating_add(MAX_CHILD_S) {
                    Leave::Over
                } else {
                    Leave::ByChild(grant, child.id())
                }
            }
        }
    }

    /// The reopening text of a mailbox that has this index.
    pub(crate) fn reopening(&self, access: u16, mailbox: &MailboxId) -> Option<AccessToken> {
        let token = self.valid.iter().find(|token| token.index == access)?;
        Some(token.key.reopening(mailbox).to_text())
    }

    /// Compares with every token, whichever fits: the time tells nothing.
    fn grant(&self, shown: &Access, mailbox: &MailboxId) -> Option<Grant> {
        let mut access = 0_u16;
        for token in &self.valid {
            access.conditional_assign(&token.index, shown.is_of(&token.key, mailbox));
        }
        let token = self.valid.iter().find(|token| token.index == access)?;
        Some(Grant { access, most: token.mailboxes })
    }
}

/// The last index.
const LAST: u32 = u16::MAX as u32;
/// The first index is at most this: half of them are left to go on with.
const HALF: u32 = LAST / 2;

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    !name.is_empty() && name.len() <= ACCESS_NAME_LEN && name.chars().all(fits)
}

#[cfg(test)]
mod tests;
