//! Mailboxes by the access token that they were opened by: how many there are, and which children were used.

use std::collections::HashMap;

use velar_protocol::wire::{AccessToken, Answer, ChildId, MailboxId, Refusal};

use super::{Mailboxes, Reply, full, refused};
use crate::access::{Grant, Leave};
use crate::clock::Now;
use crate::limits::{SPENT_CHILD_S, SPENT_CHILDREN};
use crate::store::{MailboxRecord, SpentChild, SpentChildren, Write};

const DAY_S: u64 = 86_400;

/// See the [module](self). Keys are indexes of access tokens.
#[derive(Default)]
pub(super) struct ByAccess {
    /// How many are open; those by no token are not counted.
    open: HashMap<u16, u32>,
    spent: HashMap<u16, Vec<SpentChild>>,
}

impl ByAccess {
    pub(super) fn new(spent: Vec<SpentChildren>) -> Self {
        let spent = spent.into_iter().map(|of_one| (of_one.access, of_one.children));
        Self { open: HashMap::new(), spent: spent.collect() }
    }

    /// A mailbox is open by this token from now on.
    pub(super) fn enter(&mut self, access: u16) {
        if access != 0 {
            *self.open.entry(access).or_default() += 1;
        }
    }

    /// It is not any more.
    pub(super) fn leave(&mut self, access: u16) {
        if let Some(count) = self.open.get_mut(&access) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.open.remove(&access);
            }
        }
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
        self.by_access.open.clone()
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

    pub(super) fn forget_spent(&mut self, now: Now, writes: &mut Vec<Write>) {
        self.by_access.forget(now, writes);
    }

    fn has_room_for(&self, grant: Grant) -> bool {
        let open = self.by_access.open.get(&grant.access).copied().unwrap_or(0);
        open < grant.most.unwrap_or(self.limits.access_mailboxes)
    }
}
