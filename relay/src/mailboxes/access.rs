//! Mailboxes by the access token that they were opened by: what they have together, and which children were used.

use std::collections::HashMap;
use std::ops::Bound;

use velar_protocol::wire::{AccessToken, Answer, ChildId, MailboxId, Refusal};

use super::mailbox::Mailbox;
use super::{Mailboxes, Reply, full, refused};
use crate::access::{Grant, Leave};
use crate::clock::Now;
use crate::limits::{
    EXPIRED_AT_ONCE, MAILBOXES_SWEPT_AT_ONCE, REMEMBERED, REMEMBERED_LEAST, REMEMBERED_PARTS,
    SPENT_CHILD_S, SPENT_CHILDREN,
};
use crate::shares::share;
use crate::store::{MailboxRecord, SpentChild, SpentChildren, Write};

const DAY_S: u64 = 86_400;

/// What mailboxes have of what all need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Has {
    /// That are open.
    pub(super) mailboxes: u32,
    /// Send tokens.
    pub(super) tokens: u64,
    /// Envelopes that wait in them or are held for them.
    pub(super) envelopes: u64,
    /// Envelopes that wait in them.
    pub(super) waiting: u64,
    /// Digests of envelopes that were acknowledged.
    pub(super) remembered: u64,
}

impl Has {
    fn add(&mut self, other: Self) {
        let Self { mailboxes, tokens, envelopes, waiting, remembered } = other;
        self.mailboxes += mailboxes;
        self.tokens += tokens;
        self.envelopes += envelopes;
        self.waiting += waiting;
        self.remembered += remembered;
    }

    fn take(&mut self, other: Self) {
        let Self { mailboxes, tokens, envelopes, waiting, remembered } = other;
        self.mailboxes = self.mailboxes.saturating_sub(mailboxes);
        self.tokens = self.tokens.saturating_sub(tokens);
        self.envelopes = self.envelopes.saturating_sub(envelopes);
        self.waiting = self.waiting.saturating_sub(waiting);
        self.remembered = self.remembered.saturating_sub(remembered);
    }
}

/// See the [module](self). Keys are indexes of access tokens; 0: those by none, which have no share together.
#[derive(Default)]
pub(super) struct ByAccess {
    has: HashMap<u16, Has>,
    /// What all mailboxes have.
    all: Has,
    spent: HashMap<u16, Vec<SpentChild>>,
}

impl ByAccess {
    pub(super) fn new(spent: Vec<SpentChildren>) -> Self {
        let spent = spent.into_iter().map(|of_one| (of_one.access, of_one.children));
        Self { spent: spent.collect(), ..Self::default() }
    }

    /// Counts what a mailbox has now, after whatever may have changed that.
    pub(super) fn count(&mut self, mailbox: &mut Mailbox) {
        let now = (mailbox.access, mailbox.has());
        if mailbox.counted == now {
            return;
        }
        self.uncount(mailbox);
        let (access, has) = now;
        self.has.entry(access).or_default().add(has);
        self.all.add(has);
        mailbox.counted = now;
    }

    /// It is gone.
    pub(super) fn uncount(&mut self, mailbox: &Mailbox) {
        let (access, had) = mailbox.counted;
        let Some(all) = self.has.get_mut(&access) else { return };
        all.take(had);
        self.all.take(had);
        if all.mailboxes == 0 {
            self.has.remove(&access);
        }
    }

    /// What all mailboxes have.
    pub(super) fn all(&self) -> Has {
        self.all
    }

    /// How many digests one mailbox may remember, of `limit` in all.
    pub(super) fn remembers(&self, limit: u32) -> usize {
        let part = share(limit.into(), self.all.remembered, REMEMBERED_PARTS);
        usize::try_from(part).unwrap_or(REMEMBERED).clamp(REMEMBERED_LEAST, REMEMBERED)
    }

    /// What all mailboxes by this access token have.
    pub(super) fn has(&self, access: u16) -> Has {
        self.has.get(&access).copied().unwrap_or_default()
    }

    /// Of what is `left`, how much they may have, in one of `parts` at least (see [`Limits::access_part`](crate::limits::Limits::access_part)).
    pub(super) fn share(&self, access: u16, left: u64, parts: u32) -> u64 {
        if access == 0 || parts == 0 {
            return u64::MAX;
        }
        let sharing = self.has.len() - usize::from(self.has.contains_key(&0));
        share(left, 0, (sharing as u64).max(parts.into()))
    }

    /// What is written when a mailbox is opened by `leave`: what was used is remembered in the same step.
    pub(super) fn opened(&mut self, mailbox: MailboxRecord, leave: Leave, now: Now) -> Write {
        let Leave::ByChild(Grant { access, .. }, id) = leave else {
            return Write::Mailbox(mailbox);
        };
        let children = self.spent.entry(access).or_default();
        // Whole days, in the order of their hashes: which came when is nobody's to know.
        let until_s = (now.age_s() + SPENT_CHILD_S).next_multiple_of(DAY_S);
        children.push(SpentChild { id, until_s });
        children.sort_unstable();
        Write::OpenByChild { mailbox, spent: SpentChildren { access, children: children.clone() } }
    }

    fn has_spent(&self, access: u16, id: ChildId) -> bool {
        let children = self.spent.get(&access);
        children.is_some_and(|children| children.iter().any(|child| child.id == id))
    }

    fn forget(&mut self, now: Now, writes: &mut Vec<Write>) {
        self.spent.retain(|access, children| {
            let before = children.len();
            children.retain(|child| child.until_s > now.age_s());
            if children.len() < before {
                let (access, children) = (*access, children.clone());
                writes.push(Write::Spent(SpentChildren { access, children }));
            }
            !children.is_empty()
        });
    }
}

impl Reply {
    /// The same; if a mailbox is open, with what opens it again.
    pub(crate) fn reopened_by(self, text: impl FnOnce() -> Option<AccessToken>) -> Self {
        let with = |answer| match answer {
            Answer::Opened { outcomes, .. } => Answer::Opened { outcomes, reopening: text() },
            other => other,
        };
        match self {
            Self::Now(answer) => Self::Now(with(answer)),
            Self::Durable(answer) => Self::Durable(with(answer)),
        }
    }
}

impl Mailboxes {
    /// The index of the access token by which a mailbox was opened, 0 if by none. `None`: it is not open.
    pub(crate) fn access_of(&self, id: &MailboxId) -> Option<u16> {
        self.mailboxes.get(id).map(|mailbox| mailbox.access)
    }

    /// How many mailboxes are open by each access token that has some.
    pub(crate) fn open_by_access(&self) -> HashMap<u16, u32> {
        let by_one = self.by_access.has.iter().filter(|(access, _)| **access != 0);
        by_one.map(|(access, has)| (*access, has.mailboxes)).collect()
    }

    /// The access token that a new mailbox is opened by, 0 for none.
    ///
    /// # Errors
    /// The answer, if it may not be opened.
    pub(super) fn admit(&self, leave: Leave) -> Result<u16, Reply> {
        let grant = match leave {
            Leave::NotNeeded => return Ok(0),
            Leave::Missing => return Err(refused(Refusal::AccessRequired)),
            Leave::Over => return Err(refused(Refusal::AccessSpent)),
            Leave::Of(grant) => grant,
            Leave::ByChild(grant, id) => {
                if self.by_access.has_spent(grant.access, id) {
                    return Err(refused(Refusal::AccessSpent));
                }
                grant
            }
        };
        let used = self.by_access.spent.get(&grant.access).map_or(0, Vec::len);
        let by_child = matches!(leave, Leave::ByChild(..));
        if !self.has_room_for(grant) || by_child && used >= SPENT_CHILDREN {
            return Err(full());
        }
        Ok(grant.access)
    }

    /// The access token by which an open mailbox is from now on: one that was shown takes the place of one that is not valid
    /// any more. (Otherwise nothing is looked at, and nothing was shown.)
    pub(super) fn adopted(&self, access: u16, leave: Leave) -> u16 {
        match leave {
            Leave::Of(grant) if self.has_room_for(grant) => grant.access,
            _ => access,
        }
    }

    /// What is counted, and what there is.
    #[cfg(test)]
    pub(super) fn counted_and_there(&self) -> [HashMap<u16, Has>; 2] {
        let mut there: HashMap<u16, Has> = HashMap::new();
        for mailbox in self.mailboxes.values() {
            there.entry(mailbox.access).or_default().add(mailbox.has());
        }
        let mut all = Has::default();
        there.values().for_each(|has| all.add(*has));
        assert_eq!(self.by_access.all, all);
        [self.by_access.has.clone(), there]
    }

    /// Closes those that are open by this access token among the next few: nobody waits for the lock. How many were closed, and
    /// where to go on, if there are more.
    pub(crate) fn close_some(
        &mut self,
        access: u16,
        from: Bound<MailboxId>,
        writes: &mut Vec<Write>,
    ) -> (u32, Option<Bound<MailboxId>>) {
        let range = self.names.range((from, Bound::Unbounded));
        let some: Vec<MailboxId> = range.take(MAILBOXES_SWEPT_AT_ONCE).copied().collect();
        let (mut closed, mut envelopes) = (0, 0);
        for id in &some {
            if self.access_of(id) != Some(access) {
                continue;
            }
            envelopes += self.mailboxes.get(id).map_or(0, |mailbox| mailbox.has().envelopes);
            closed += u32::from(self.delete(id, writes));
            if envelopes >= EXPIRED_AT_ONCE as u64 {
                return (closed, Some(Bound::Excluded(*id)));
            }
        }
        (closed, some.last().map(|last| Bound::Excluded(*last)))
    }

    pub(super) fn forget_spent(&mut self, now: Now, writes: &mut Vec<Write>) {
        self.by_access.forget(now, writes);
    }

    fn has_room_for(&self, grant: Grant) -> bool {
        let open = self.by_access.has(grant.access).mailboxes;
        open < grant.most.unwrap_or(self.limits.access_mailboxes)
    }
}
