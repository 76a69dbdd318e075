//! What time does: marks, expiry, mailboxes that nobody reads any more, and waiting after an outage.

use std::ops::Bound;

use velar_protocol::wire::MailboxId;

use super::Mailboxes;
use crate::clock::Now;
use crate::limits::{CLOCK_MARK_S, EXPIRED_AT_ONCE, MAILBOXES_SWEPT_AT_ONCE, OUTAGE_GAP_S};
use crate::store::{Room, Write};

impl Mailboxes {
    /// The mark, and the beginning of a sweep, unless one is not over yet. Holds that are due come from [`Mailboxes::due`].
    pub(crate) fn tick(&mut self, now: Now, writes: &mut Vec<Write>) {
        let gap = now.hold_s().saturating_sub(self.alive_s);
        self.alive_s = now.hold_s();
        if gap >= OUTAGE_GAP_S {
            self.note_gap(gap, now);
        }
        if now.hold_s().abs_diff(self.marked_s) >= CLOCK_MARK_S && self.room != Room::None {
            self.mark(now, writes);
        }
        let age = u64::from(self.limits.envelope_age_s);
        let idle = u64::from(self.limits.mailbox_idle_s);
        let unfinished = self.sweep_mailboxes.is_some() || self.sweep_holds.is_some();
        if unfinished || now.hold_s().abs_diff(self.swept_s) < (age.min(idle) / 100).clamp(1, 60) {
            return;
        }
        self.swept_s = now.hold_s();
        (self.sweep_mailboxes, self.sweep_holds) = (Some(Bound::Unbounded), Some(Bound::Unbounded));
        self.forget_lost(now, writes);
        self.forget_spent(now, writes);
    }

    /// Expiry, idle mailboxes, and holds that nobody waits for: a few at a time, so that nobody waits for the lock. `true`: there is
    /// more to do.
    pub(crate) fn sweep(&mut self, now: Now, writes: &mut Vec<Write>) -> bool {
        let age = u64::from(self.limits.envelope_age_s);
        let idle = u64::from(self.limits.mailbox_idle_s);
        if let Some(from) = self.sweep_mailboxes {
            let range = self.names.range((from, Bound::Unbounded));
            let some: Vec<MailboxId> = range.take(MAILBOXES_SWEPT_AT_ONCE).copied().collect();
            self.sweep_mailboxes = some.last().map(|last| Bound::Excluded(*last));
            let mut expired = 0;
            for id in some {
                let Some(mailbox) = self.mailboxes.get_mut(&id) else { continue };
                let before = mailbox.expired;
                self.cached = self.cached.saturating_sub(mailbox.expire(age, now, writes));
                mailbox.forget_old(now);
                self.by_access.count(mailbox);
                expired += mailbox.expired - before;
                let stays = !mailbox.is_idle(idle, now);
                if mailbox.has_expired(age, now) || expired >= EXPIRED_AT_ONCE as u64 {
                    self.sweep_mailboxes = Some(Bound::Included(id));
                    return true;
                }
                if !stays {
                    self.delete(&id, writes);
                }
            }
        }
        self.sweep_some_holds(now, writes);
        self.sweep_mailboxes.is_some() || self.sweep_holds.is_some()
    }

    /// Leaves the mark that the next start goes on from. After a planned stop, the outage begins with it.
    pub(crate) fn mark(&mut self, now: Now, writes: &mut Vec<Write>) {
        self.marked_s = now.hold_s();
        writes.push(Write::Clock(now.mark()));
    }

    /// After a time without ticks nothing is released for as long again: whoever wanted to extend a hold
    /// could not.
    pub(super) fn note_gap(&mut self, gap_s: u64, now: Now) {
        let wait = gap_s.min(u64::from(self.limits.outage_wait_s));
        self.release_not_before_s = self.release_not_before_s.max(now.hold_s() + wait);
    }
}
