//! What a watch says of deadlines: who is late rings as an alert, of whom it cannot be known is said loudly, and the
//! person at this device is reminded of her own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use velar_protocol::wire::RelayAddress;

use super::super::show;
use super::Post;
use super::end::End;
use crate::deadlines::{ClockWatch, Deadline, Key, Reminder, Reminders, Timers};
use crate::device::Missed;
use crate::text::t;

/// A relay has this long to answer, or to hand over what lies there, before it is said that nothing is known.
const ANSWER_S: u64 = 5;

/// What a watch knows of deadlines.
#[derive(Default)]
pub(super) struct Deadlines {
    timers: Timers,
    reminders: Reminders,
    clock: ClockWatch,
    silences: Silences,
}

impl Deadlines {
    /// A relay where a mailbox is read has just answered.
    pub(super) fn answered(&mut self) {
        self.silences.answered();
    }

    /// Whether the relays are to be asked if they are still there.
    pub(super) fn asks(&mut self) -> bool {
        std::mem::take(&mut self.silences.asks)
    }
}

/// Deadlines that have passed, and whether a relay has answered since. Pure: times are arguments.
///
/// A connection may be dead for a minute before anybody notices, and a check-in wait behind it: only an answer that came
/// after the deadline shows that nothing does.
#[derive(Default)]
struct Silences {
    open: BTreeMap<Key, Silence>,
    asks: bool,
}

struct Silence {
    since: u64,
    answered: bool,
    /// When it was last said that it is no alert.
    said: Option<u64>,
}

impl Silences {
    /// These have passed and are no alert yet; `reads`: a relay is connected, and what waited there is here.
    fn look(&mut self, missed: &BTreeSet<Key>, reads: bool, steady_s: u64) {
        self.open.retain(|key, _| missed.contains(key));
        for key in missed {
            let new = !self.open.contains_key(key);
            let silence = self.open.entry(*key).or_insert(Silence {
                since: steady_s,
                answered: false,
                said: None,
            });
            // Read anew: everything that waited there came with it, and the relay is asked again.
            silence.answered &= reads;
            self.asks |= reads && (new || !silence.answered);
        }
    }

    fn answered(&mut self) {
        self.open.values_mut().for_each(|silence| silence.answered = true);
    }

    /// Whether nobody can have said anything that is not here.
    fn is_certain(&self, key: &Key) -> bool {
        self.open.get(key).is_some_and(|silence| silence.answered)
    }

    /// Whether to say now what is no alert: that it cannot be known, or could not be kept. `waits`: a relay is connected
    /// and may answer yet.
    fn says(&mut self, key: &Key, waits: bool, repeat_s: u64, steady_s: u64) -> bool {
        let Some(silence) = self.open.get_mut(key) else { return false };
        if !silence.answered && waits && steady_s < silence.since + ANSWER_S {
            return false;
        }
        let due = silence.said.is_none_or(|said| steady_s >= said + repeat_s.max(1));
        if due {
            silence.said = Some(steady_s);
        }
        due
    }
}

impl Post<'_> {
    /// Judges all deadlines. To be called before alerts ring, once it is known what waited at the relays, or that none
    /// can be reached.
    pub(super) fn deadlines(&mut self, now: u64) -> Result<(), End> {
        let steady = steady_s();
        self.clock(now, steady)?;
        let due = self.device.deadlines()?;
        let past = self.deadlines.timers.past(&due, now, steady);
        let nothing = past.is_empty();
        let reads = !nothing && !self.read_relays()?.is_empty();
        let missed = if nothing { Vec::new() } else { self.device.judge(|_| false, &past, now)? };
        let open = missed.iter().filter(|one| !one.known).map(|one| one.deadline.key()).collect();
        self.deadlines.silences.look(&open, reads, steady);
        let silences = &self.deadlines.silences;
        let knows = |deadline: &Deadline| {
            reads && !open.contains(&deadline.key()) || silences.is_certain(&deadline.key())
        };
        let judged =
            if nothing { Ok(missed.clone()) } else { self.device.judge(knows, &past, now) };
        let missed = match judged.map_err(End::from) {
            Ok(missed) => missed,
            // A full disk silences nobody.
            Err(end) if end.may_pass() => {
                self.say_vault(end)?;
                missed
            }
            Err(end) => return Err(end),
        };
        // What was found just now is shown before it rings.
        if missed.iter().any(|one| one.known) {
            self.items()?;
        }
        let waits = reads || self.connections.is_catching_up();
        for one in missed.iter().filter(|one| !one.known) {
            let key = one.deadline.key();
            let certain = self.deadlines.silences.is_certain(&key);
            if self.deadlines.silences.says(&key, waits, self.rules.repeat_s, steady) {
                self.not_an_alert(one, certain)?;
            }
        }
        self.own_check_in(now, steady)
    }

    /// The relays that others are told to send to, and where nothing waits.
    pub(super) fn read_relays(&mut self) -> Result<Vec<RelayAddress>, End> {
        let homes = self.device.homes()?.into_iter().filter(|home| home.left_s.is_none());
        Ok(homes.map(|home| home.relay).filter(|relay| self.connections.is_read(relay)).collect())
    }

    /// Said again at the times of an alert that nobody has taken.
    fn not_an_alert(&mut self, missed: &Missed, certain: bool) -> Result<(), End> {
        let (member, due_s) = (missed.deadline.member, missed.deadline.due_s);
        let name = self.who.name(member);
        let data = json!({
            "member": show::hex(&member.0), "name": name, "check_in": missed.deadline.check_in,
            "due_s": due_s, "alert": missed.deadline.alert.short(),
        });
        let due = self.context.clock.moment(due_s, crate::link::now_s());
        let text = &self.context.text;
        let (kind, line) = if certain {
            let line = t!(text, "watch-late-unkept", time = self.time(), name = name, due = due);
            ("late-not-kept", line)
        } else {
            let line = t!(text, "watch-cannot-know", time = self.time(), name = name, due = due);
            ("cannot-know", line)
        };
        self.out.tell(kind, data, &line)?;
        if let Some(hook) = &mut self.hook {
            hook.ring(Some(missed.deadline.alert), kind, false);
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

#[cfg(test)]
mod tests {
    use velar_protocol::seal::MemberId;

    use super::*;

    const KEY: Key = (MemberId([1; 32]), 7);

    fn look(silences: &mut Silences, reads: bool, steady_s: u64) {
        silences.look(&BTreeSet::from([KEY]), reads, steady_s);
    }

    #[test]
    fn only_an_answer_after_the_deadline_makes_it_certain() {
        let mut silences = Silences::default();
        // Before the deadline nothing is open: an answer says nothing of it.
        silences.answered();
        look(&mut silences, true, 100);
        assert!(std::mem::take(&mut silences.asks) && !silences.is_certain(&KEY));
        assert!(!silences.says(&KEY, true, 300, 100), "the relay may answer yet");
        silences.answered();
        look(&mut silences, true, 101);
        assert!(silences.is_certain(&KEY) && !silences.asks);
        // It is an alert now; if it could not be kept, that is said at once.
        silences.look(&BTreeSet::new(), true, 102);
        assert!(!silences.says(&KEY, true, 300, 102));
    }

    #[test]
    fn what_is_certain_and_cannot_be_kept_is_said_at_once_and_again() {
        let mut silences = Silences::default();
        look(&mut silences, true, 100);
        silences.answered();
        look(&mut silences, true, 101);
        assert!(silences.is_certain(&KEY) && silences.says(&KEY, true, 300, 101));
        assert!(!silences.says(&KEY, true, 300, 102));
        assert!(silences.says(&KEY, true, 300, 401));
    }

    #[test]
    fn a_dead_connection_is_no_answer_and_it_is_said_that_nothing_is_known() {
        let mut silences = Silences::default();
        look(&mut silences, true, 100);
        assert!(!silences.says(&KEY, true, 300, 104));
        assert!(silences.says(&KEY, true, 300, 105));
        assert!(!silences.says(&KEY, true, 300, 404));
        assert!(silences.says(&KEY, true, 300, 405), "again");
        assert!(!silences.is_certain(&KEY));
    }

    #[test]
    fn without_a_connection_it_is_said_at_once() {
        let mut silences = Silences::default();
        look(&mut silences, false, 100);
        assert!(!silences.asks && silences.says(&KEY, false, 300, 100));
    }

    #[test]
    fn an_answer_before_the_connection_was_lost_counts_no_more() {
        let mut silences = Silences::default();
        look(&mut silences, true, 100);
        silences.answered();
        look(&mut silences, false, 101);
        assert!(!silences.is_certain(&KEY));
        // Back: what waited is here, and the relay is asked once more.
        silences.asks = false;
        look(&mut silences, true, 200);
        assert!(silences.asks && !silences.is_certain(&KEY));
    }

    #[test]
    fn who_has_checked_in_is_not_spoken_of_any_more() {
        let mut silences = Silences::default();
        look(&mut silences, false, 100);
        silences.look(&BTreeSet::new(), true, 101);
        assert!(silences.open.is_empty() && !silences.says(&KEY, false, 300, 500));
    }
}
