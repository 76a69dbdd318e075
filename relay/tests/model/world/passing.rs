//! What time and crashes do to a world.

use std::collections::BTreeSet;
use std::slice;

use velar_protocol::wire::DeliveryOutcome;

use super::{IDLE_S, OPEN_HOLDS, OUTAGE_WAIT_S, World};
use crate::state::{Abandoned, Hold, Mailbox};

/// A pause between two ticks from which on it counts as an outage.
const GAP_S: u64 = 60;

/// Seconds for which all recipients of a hold have to be gone.
const ABANDONED_S: u64 = 86_400;

/// How much of the writes that waited the store had taken when the process died.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kept {
    Nothing,
    Everything,
    /// The first so many; how many is not known.
    Some,
}

impl World {
    /// Time passes, then these holds are released, in this order, and what is over goes. The worlds that come of it; none, if
    /// this must not happen.
    pub(crate) fn pass(&self, seconds: u64, released: &[u8]) -> Vec<Self> {
        let mut after = self.clone();
        after.now_s += seconds;
        if after.now_s - after.ticked_s >= GAP_S {
            after.must_release_s = after.must_release_s.max(after.now_s + OUTAGE_WAIT_S);
        }
        after.ticked_s = after.now_s;
        if !after.may_be_released(released) {
            return Vec::new();
        }
        if !released.is_empty() {
            after.commit();
        }
        released.iter().for_each(|hold| after.release(*hold));
        // Mailboxes are gone through in any order, which shows if a crash comes between them.
        let order: Vec<u8> = after.live.mailboxes.keys().copied().collect();
        let back: Vec<u8> = order.iter().rev().copied().collect();
        let mut worlds: Vec<Self> = Vec::new();
        for order in [order, back] {
            let mut world = after.clone();
            world.clear_away(&order);
            world.drop_abandoned();
            if !worlds.contains(&world) {
                worlds.push(world);
            }
        }
        worlds
    }

    /// What a correct relay would release if so many seconds passed. For guessing.
    pub(crate) fn due_after(&self, seconds: u64) -> Vec<u8> {
        let now_s = self.now_s + seconds;
        let gap = now_s - self.ticked_s >= GAP_S;
        let waits = gap || now_s < self.must_release_s;
        let due = self.live.holds.iter().filter(|(_, hold)| !waits && hold.due_s <= now_s);
        due.map(|(id, _)| *id).collect()
    }

    /// The process died and is back after `outage_s`. All that it may have come back as.
    pub(crate) fn restart(&self, kept: Kept, outage_s: u64) -> Vec<Self> {
        let left = match kept {
            Kept::Nothing => &self.history[..1],
            Kept::Everything => slice::from_ref(&self.live),
            Kept::Some => &self.history[..],
        };
        let now_s = self.now_s + outage_s;
        let mut worlds = Vec::new();
        for state in left {
            let live = state.restarted();
            let world = Self {
                now_s,
                history: vec![live.clone()],
                live,
                // The last mark is of the life before: the first tick may count the outage again.
                ticked_s: 0,
                swept_s: 0,
                may_release_s: now_s + outage_s.min(OUTAGE_WAIT_S),
                must_release_s: now_s + OUTAGE_WAIT_S,
                serials: self.serials,
                watcher: None,
            };
            if !worlds.contains(&world) {
                worlds.push(world);
            }
        }
        worlds
    }

    fn may_be_released(&self, released: &[u8]) -> bool {
        let once: BTreeSet<&u8> = released.iter().collect();
        let due = |id: &u8| self.live.holds.get(id).is_some_and(|hold| hold.due_s <= self.now_s);
        let late = |(id, hold): (&u8, &Hold)| hold.due_s <= self.now_s && !once.contains(id);
        once.len() == released.len()
            && released.iter().all(|id| due(id) && self.now_s >= self.may_release_s)
            && !(self.now_s >= self.must_release_s && self.live.holds.iter().any(late))
    }

    /// Removes what is over its age, and mailboxes that nobody uses.
    fn clear_away(&mut self, order: &[u8]) {
        let now_s = self.now_s;
        for id in order {
            let mut count = 0;
            while let Some(found) = self.live.mailboxes.get_mut(id)
                && found.queue.first().is_some_and(|entry| entry.is_over(now_s))
            {
                found.queue.remove(0);
                count += 1;
            }
            if let Some(found) = self.live.mailboxes.get_mut(id) {
                found.expired += count;
            }
            self.note();
            let watched = self.watcher.as_ref().is_some_and(|it| it.mailbox == *id && !it.closed);
            let idle = |found: &Mailbox| now_s > found.used_s + IDLE_S;
            if !watched && self.live.mailboxes.get(id).is_some_and(idle) {
                self.live.mailboxes.remove(id);
                self.note();
            }
        }
    }

    /// Drops holds whose recipients have all been gone for a while, however often they were extended.
    fn drop_abandoned(&mut self) {
        let now_s = self.now_s;
        if now_s == self.swept_s {
            return;
        }
        self.swept_s = now_s;
        let mut order: Vec<(u64, u8)> =
            self.live.holds.iter().map(|(id, hold)| (hold.due_s, *id)).collect();
        order.sort_unstable();
        for (due_s, id) in order {
            let Some(hold) = self.live.holds.get(&id) else { continue };
            let there = hold.held().any(|token| self.live.owner(token).is_some());
            let deliveries = hold.deliveries.len();
            let Some(hold) = self.live.holds.get_mut(&id) else { continue };
            if there {
                hold.gone_since_s = None;
            } else if now_s >= *hold.gone_since_s.get_or_insert(now_s) + ABANDONED_S {
                self.live.holds.remove(&id);
                if self.live.abandoned.len() < OPEN_HOLDS {
                    self.live.abandoned.insert(id, Abandoned { deliveries, until_s: due_s });
                }
                self.note();
            }
        }
        self.live.abandoned.retain(|_, abandoned| abandoned.until_s > now_s);
    }

    /// The envelopes come in one by one, and then the hold goes: a crash may come between them.
    fn release(&mut self, id: u8) {
        let Some(hold) = self.live.holds.get(&id).cloned() else { return };
        self.live.unreserve(&hold);
        for (one, outcome) in &hold.deliveries {
            let now_s = self.now_s;
            let new = |found: &mut Mailbox| !found.has_seen(one.number, now_s);
            if *outcome == DeliveryOutcome::Held && self.live.mailbox_of(one.token).is_some_and(new)
            {
                self.put(one.token, one.number);
                self.note();
            }
        }
        self.live.holds.remove(&id);
        self.note();
    }
}
