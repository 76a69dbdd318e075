//! Closing mailboxes for the operator.

use std::ops::Bound;

use super::{Pending, Relay};
use velar_protocol::wire::Answer;

/// Mailboxes that were closed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) mailboxes: u32,
    /// That is on disk. If not: it is written as soon as there is room.
    pub(crate) durable: bool,
}

impl Relay {
    /// Closes all mailboxes that are open by this access token, a few under each lock. It must be revoked already, so that none is
    /// opened behind this.
    pub(crate) async fn close_by_access(&self, access: u16) -> Closed {
        let (mut mailboxes, mut from) = (0, Some(Bound::Unbounded));
        while let Some(start) = from.take() {
            self.write_behind(|all, _, writes| {
                let (closed, next) = all.close_some(access, start, writes);
                mailboxes += closed;
                from = next;
            })
            .await;
        }
        // Behind these in the writer's queue.
        let mut written = self.change(|all, _, _| all.promise(Answer::Closed)).await;
        let durable =
            matches!(written, Pending::Commit(..)) && written.answer().await == Answer::Closed;
        Closed { mailboxes, durable }
    }
}
