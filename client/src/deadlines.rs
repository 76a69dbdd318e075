//! When a silence becomes an alarm, and when a person is reminded. Pure: times are arguments.
//!
//! A clock may be wrong, and be set while a terminal watches. What counts is the device's clock *or* the time that has
//! passed since the check-in was first looked at, whichever says first that the time is over: a clock that is set back
//! delays no alarm. Once it is right again, so is everything that follows.

use std::collections::{BTreeMap, BTreeSet};

use velar_protocol::circle::{AlertId, CheckIn};
use velar_protocol::seal::MemberId;

/// The person is reminded so long before a check-in is due.
pub const REMIND_S: u64 = 10 * 60;

/// An interval must be this long to be worth a reminder before its end.
const WORTH_REMINDING_S: u64 = 2 * REMIND_S;

/// A clock that runs ahead of, or behind, the time that has passed by more than this was set.
const SET_S: u64 = 120;

/// The time until which a member was to check in again, grace included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// Who.
    pub member: MemberId,
    /// The counter of the newest check-in.
    pub check_in: u64,
    /// The id of the alert that a silence raises.
    pub alert: AlertId,
    /// When it was said, or came, whichever is earlier: Unix seconds.
    pub said_s: u64,
    /// Until when, Unix seconds.
    pub due_s: u64,
}

impl Deadline {
    /// Of a check-in that was sent, and came, at these times. `None` if it says that no other is agreed.
    #[must_use]
    pub fn of(member: MemberId, said: &CheckIn, sent_s: u64, arrived_s: u64) -> Option<Self> {
        let minutes = u64::from(said.next_min) + u64::from(said.grace_min);
        let said_s = sent_s.min(arrived_s);
        (said.next_min > 0).then(|| Self {
            member,
            check_in: said.counter,
            alert: said.next_alarm,
            said_s,
            due_s: said_s.saturating_add(minutes * 60),
        })
    }

    /// Names it among all of a circle.
    #[must_use]
    pub fn key(&self) -> Key {
        (self.member, self.check_in)
    }
}

/// Names a deadline: whose, and of which check-in.
pub type Key = (MemberId, u64);

/// What a process that stays knows of the deadlines that it has looked at, by a clock that nobody sets.
#[derive(Default)]
pub struct Timers {
    ends: BTreeMap<Key, u64>,
}

impl Timers {
    /// Those whose time is over: by the device's clock (`now_s`, Unix seconds), or because as much time has passed
    /// (`steady_s`, seconds since any moment, never set).
    pub fn past(&mut self, deadlines: &[Deadline], now_s: u64, steady_s: u64) -> BTreeSet<Key> {
        self.ends.retain(|key, _| deadlines.iter().any(|deadline| deadline.key() == *key));
        let mut past = BTreeSet::new();
        for deadline in deadlines {
            // Of a clock that was set back before this process began, at most the whole length is believed.
            let length_s = deadline.due_s - deadline.said_s;
            let left_s = deadline.due_s.saturating_sub(now_s).min(length_s);
            let end_s = *self.ends.entry(deadline.key()).or_insert(steady_s + left_s);
            if left_s == 0 || steady_s >= end_s {
                past.insert(deadline.key());
            }
        }
        past
    }
}

/// What a person is told of her own next check-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reminder {
    /// It is due in ten minutes or less.
    Soon,
    /// It is due.
    Now,
}

/// Which reminders of the newest check-in were given.
#[derive(Default)]
pub struct Reminders {
    soon: Timers,
    due: Timers,
    given: BTreeSet<(u64, Reminder)>,
}

impl Reminders {
    /// What the person is to be told now, once. `own`: the agreed time of this device's own next check-in, without grace.
    pub fn look(&mut self, own: Option<&Deadline>, now_s: u64, steady_s: u64) -> Option<Reminder> {
        let own = own?;
        let soon = Deadline { due_s: own.due_s.saturating_sub(REMIND_S).max(own.said_s), ..*own };
        let is_soon = !self.soon.past(&[soon], now_s, steady_s).is_empty()
            && own.due_s - own.said_s >= WORTH_REMINDING_S;
        let is_due = !self.due.past(&[*own], now_s, steady_s).is_empty();
        let reminder = match (is_due, is_soon) {
            (true, _) => Reminder::Now,
            (false, true) => Reminder::Soon,
            (false, false) => return None,
        };
        self.given.retain(|(check_in, _)| *check_in == own.check_in);
        self.given.insert((own.check_in, reminder)).then_some(reminder)
    }
}

/// Notices when a device's clock is set.
#[derive(Default)]
pub struct ClockWatch {
    last: Option<(u64, u64)>,
}

impl ClockWatch {
    /// By how many seconds the clock was set since the last look, forward (positive) or back, if by much.
    pub fn look(&mut self, now_s: u64, steady_s: u64) -> Option<i64> {
        let (clock_s, passed_s) = self.last.replace((now_s, steady_s))?;
        let expected_s = clock_s.saturating_add(steady_s.saturating_sub(passed_s));
        if now_s.abs_diff(expected_s) <= SET_S {
            return None;
        }
        Some(i64::try_from(now_s).ok()? - i64::try_from(expected_s).ok()?)
    }
}

#[cfg(test)]
mod tests;
