//! What a watch says of deadlines: who is late rings as an alert, of whom it cannot be known is said loudly, and the
//! person at this device is reminded of her own.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::show;
use super::Post;
use super::end::End;
use crate::deadlines::{ClockWatch, Key, Reminder, Reminders, Timers};
use crate::device::Missed;
use crate::text::t;

/// A relay that is connected has this long to hand over what lies there before it is said that nothing is known.
const CATCHING_UP_S: u64 = 10;

/// What a watch knows of deadlines.
#[derive(Default)]
pub(super) struct Deadlines {
    timers: Timers,
    reminders: Reminders,
    clock: ClockWatch,
    /// When it was last said of whom it cannot be known.
    said: BTreeMap<Key, u64>,
    /// Since when nothing is known.
    blind_since: Option<u64>,
}

impl Post<'_> {
    /// Judges all deadlines. To be called before alerts ring, once it is known what waited at the relays, or that none
    /// can be reached.
    pub(super) fn deadlines(&mut self, now: u64) -> Result<(), End> {
        let steady = steady_s();
        self.clock(now, steady)?;
        let knows = self.connections.has_caught_up();
        let due = self.device.deadlines()?;
        let past = self.deadlines.timers.past(&due, now, steady);
        let missed = self.device.judge(knows, &past, now)?;
        // What was found just now is shown before it rings.
        if missed.iter().any(|one| one.known) {
            self.items()?;
        }
        let since = (!knows).then(|| *self.deadlines.blind_since.get_or_insert(steady));
        self.deadlines.blind_since = since;
        let waits = since.is_some_and(|since| steady < since + CATCHING_UP_S);
        let unknown: Vec<Missed> = missed.into_iter().filter(|one| !one.known).collect();
        self.deadlines.said.retain(|key, _| unknown.iter().any(|one| one.deadline.key() == *key));
        if !(waits && self.connections.is_catching_up()) {
            for one in &unknown {
                self.cannot_know(one, steady)?;
            }
        }
        self.own_check_in(now, steady)
    }

    /// Said at once, and again at the times of an alert that nobody has taken.
    fn cannot_know(&mut self, missed: &Missed, steady: u64) -> Result<(), End> {
        let key = missed.deadline.key();
        let said = self.deadlines.said.get(&key);
        if said.is_some_and(|said| steady < said + self.repeat_s.max(1)) {
            return Ok(());
        }
        self.deadlines.said.insert(key, steady);
        let (member, due_s) = (missed.deadline.member, missed.deadline.due_s);
        let name = self.who.name(member);
        let data = json!({
            "member": show::hex(&member.0), "name": name, "check_in": missed.deadline.check_in,
            "due_s": due_s, "alert": missed.deadline.alert.short(),
        });
        let due = self.context.clock.moment(due_s, crate::link::now_s());
        let text = &self.context.text;
        let line = t!(text, "watch-cannot-know", time = self.time(), name = name, due = due);
        self.out.tell("cannot-know", data, &line)?;
        if let Some(hook) = &mut self.hook {
            hook.ring(missed.deadline.alert, "cannot-know");
        }
        Ok(self.out.bell()?)
    }

    /// Reminds the person of her own check-in. Nothing of it goes to the network.
    fn own_check_in(&mut self, now: u64, steady: u64) -> Result<(), End> {
        let own = self.device.own_deadline()?;
        let reminder = self.deadlines.reminders.look(own.as_ref(), now, steady);
        let (Some(own), Some(reminder)) = (own, reminder) else { return Ok(()) };
        let text = &self.context.text;
        let due = self.context.clock.moment(own.due_s, now);
        let (event, line) = match reminder {
            Reminder::Soon => ("soon", t!(text, "watch-own-soon", time = self.time(), due = due)),
            Reminder::Now => ("due", t!(text, "watch-own-due", time = self.time(), due = due)),
        };
        self.out.tell("own-check-in", json!({"event": event, "due_s": own.due_s}), &line)?;
        Ok(self.out.bell()?)
    }

    /// A clock that was set may make it look as if somebody were late who is not.
    fn clock(&mut self, now: u64, steady: u64) -> Result<(), End> {
        let Some(by_s) = self.deadlines.clock.look(now, steady) else { return Ok(()) };
        let text = &self.context.text;
        let minutes = by_s.unsigned_abs() / 60;
        let line = if by_s > 0 {
            t!(text, "watch-clock-ahead", time = self.time(), minutes = minutes)
        } else {
            t!(text, "watch-clock-back", time = self.time(), minutes = minutes)
        };
        self.out.tell("clock-set", json!({"seconds": by_s}), &line)?;
        Ok(self.out.bell()?)
    }
}

/// Seconds that nobody sets, also while the device sleeps where the system counts those.
fn steady_s() -> u64 {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let clock = rustix::time::ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let clock = rustix::time::ClockId::Monotonic;
    u64::try_from(rustix::time::clock_gettime(clock).tv_sec).unwrap_or(0)
}
