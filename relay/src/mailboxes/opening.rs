//! Opening and closing mailboxes, and which tokens may be registered.

use std::collections::BTreeSet;

use velar_protocol::wire::{Answer, MailboxId, Refusal, SendTokenHash, TokenOutcome};

use super::mailbox::Mailbox;
use super::{Mailboxes, Reply, full, refused};
use crate::access::Leave;
use crate::clock::Now;
use crate::limits::{FLOOR, TOKEN_PARTS, TOKENS_OF_MAILBOX};
use crate::shares::share;
use crate::store::{Room, Write};

impl Mailboxes {
    /// Opens a mailbox or replaces its tokens. `newcomer` is asked for a new mailbox alone, with how many more there may be in all:
    /// whether where it comes from may open it, or after how many seconds. A token that cannot be registered keeps no other from it,
    /// nor from being revoked.
    pub(crate) fn open(
        &mut self,
        id: MailboxId,
        tokens: &[SendTokenHash],
        leave: Leave,
        newcomer: impl FnOnce(u64) -> Result<(), u32>,
        now: Now,
        writes: &mut Vec<Write>,
    ) -> Reply {
        let had = self.access_of(&id);
        let known = had.is_some();
        let access = match had.map_or_else(|| self.admit(leave), |had| Ok(self.adopted(had, leave)))
        {
            Ok(access) => access,
            Err(answer) => return answer,
        };
        if !known {
            let left = u64::from(self.limits.mailboxes).saturating_sub(self.mailboxes.len() as u64);
            if self.room != Room::Enough || left == 0 || self.spare() < u64::from(FLOOR) {
                return full();
            }
            if let Err(retry_after_s) = newcomer(left) {
                return Reply::Now(Answer::Full { retry_after_s });
            }
        }
        let (mut outcomes, mut registered) = self.judge(&id, access, tokens, usize::MAX);
        if self.room == Room::None {
            return self.open_without_room(&id, &registered, outcomes, now, writes);
        }
        let is_new = |token: &&SendTokenHash| !self.tokens.contains_key(token);
        let new = registered.iter().filter(is_new).count();
        if let Some(mailbox) = self.mailboxes.get_mut(&id)
            && mailbox.charge_new_tokens(new, now).is_err()
        {
            // What is left out is revoked all the same.
            (outcomes, registered) = self.judge(&id, access, tokens, 0);
        }
        let (tokens, opened) = (registered, Answer::Opened { outcomes, reopening: None });
        let floor = self.sequence_floor;
        if !known {
            self.names.insert(id);
            self.spare = self.spare.saturating_sub(FLOOR.into());
        }
        let mailbox = self.mailboxes.entry(id).or_insert_with(|| Mailbox::new(id, floor, now));
        let before = mailbox.record();
        for token in mailbox.tokens() {
            self.tokens.remove(&token);
        }
        for token in &tokens {
            self.tokens.insert(*token, id);
        }
        mailbox.replace_tokens(&tokens, |token| self.holds.held_for(token), now);
        mailbox.used(now);
        mailbox.access = access;
        self.by_access.count(mailbox);
        let after = mailbox.record();
        mailbox.revoked_unwritten = false;
        if !known {
            writes.push(self.by_access.opened(after, leave, now));
        } else if before != after {
            writes.push(Write::Mailbox(after));
        }
        Reply::Durable(opened)
    }

    /// What becomes of each token of an `Open`, and those to be registered, once each. Those that the mailbox has stay; those
    /// that it gives up make room for others. `access`: the access token that it is by from now on. Of those that are new `most`
    /// are registered.
    fn judge(
        &self,
        id: &MailboxId,
        access: u16,
        tokens: &[SendTokenHash],
        most: usize,
    ) -> (Vec<TokenOutcome>, Vec<SendTokenHash>) {
        let had = self.mailboxes.get(id).map_or(0, |mailbox| mailbox.tokens().count());
        let is_own = |token: &SendTokenHash| self.tokens.get(token) == Some(id);
        let distinct: BTreeSet<SendTokenHash> = tokens.iter().copied().collect();
        let kept = distinct.iter().filter(|token| is_own(token)).count();
        let (limit, used) =
            (u64::from(self.limits.tokens), (self.tokens.len() - had + kept) as u64);
        let left = limit.saturating_sub(used);
        let own = share(limit, used, TOKEN_PARTS).saturating_sub(kept as u64);
        let least = TOKENS_OF_MAILBOX.saturating_sub(kept as u64);
        // All mailboxes by the same access token have a share together.
        let given_up = if self.access_of(id) == Some(access) { had - kept } else { 0 } as u64;
        let theirs = self.by_access.has(access).tokens.saturating_sub(given_up);
        let all = self.by_access.share(access, left, self.limits.access_part);
        let mut room = own.min(all.saturating_sub(theirs)).max(least).min(left).min(most as u64);
        let mut registered = BTreeSet::new();
        let outcomes = tokens.iter().map(|token| {
            if registered.contains(token) || is_own(token) {
                registered.insert(*token);
            } else if self.tokens.contains_key(token) {
                return TokenOutcome::Taken;
            } else if room == 0 {
                return TokenOutcome::Full;
            } else {
                room -= 1;
                registered.insert(*token);
            }
            TokenOutcome::Registered
        });
        (outcomes.collect(), registered.into_iter().collect())
    }

    /// A mailbox that is open as it is asked for is on disk already. Nothing else is promised; but while this process lives, nobody
    /// sends by a token that was left out.
    fn open_without_room(
        &mut self,
        id: &MailboxId,
        tokens: &[SendTokenHash],
        outcomes: Vec<TokenOutcome>,
        now: Now,
        writes: &mut Vec<Write>,
    ) -> Reply {
        let Some(mailbox) = self.mailboxes.get_mut(id) else { return full() };
        mailbox.used(now);
        let had: Vec<SendTokenHash> = mailbox.tokens().collect();
        let (kept, gone): (Vec<_>, Vec<_>) =
            had.into_iter().partition(|token| tokens.binary_search(token).is_ok());
        if !gone.is_empty() {
            mailbox.replace_tokens(&kept, |token| self.holds.held_for(token), now);
            mailbox.revoked_unwritten = true;
            self.by_access.count(mailbox);
            writes.push(Write::Mailbox(mailbox.record()));
        }
        for token in &gone {
            self.tokens.remove(token);
        }
        if !mailbox.revoked_unwritten && kept.len() == tokens.len() {
            Reply::Now(Answer::Opened { outcomes, reopening: None })
        } else {
            full()
        }
    }

    /// Deletes a mailbox with all that is in it.
    pub(crate) fn close(&mut self, id: MailboxId, writes: &mut Vec<Write>) -> Reply {
        if self.room == Room::None && self.mailboxes.contains_key(&id) {
            return full();
        }
        if self.delete(&id, writes) {
            Reply::Durable(Answer::Closed)
        } else {
            refused(Refusal::UnknownMailbox)
        }
    }

    pub(super) fn delete(&mut self, id: &MailboxId, writes: &mut Vec<Write>) -> bool {
        let Some(mailbox) = self.mailboxes.remove(id) else { return false };
        self.names.remove(id);
        for token in mailbox.tokens() {
            self.tokens.remove(&token);
        }
        self.by_access.uncount(&mailbox);
        self.cached = self.cached.saturating_sub(mailbox.cached());
        self.sequence_floor = self.sequence_floor.max(mailbox.next_sequence);
        mailbox.wake();
        writes.push(Write::RemoveMailbox(*id));
        true
    }
}
