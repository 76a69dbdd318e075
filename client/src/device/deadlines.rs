//! The first of the two watchers: this device finds by itself that a member did not check in again
//! (spec/circles.md §10), and keeps aside what says so of a member who did.

use std::collections::BTreeSet;

use velar_protocol::circle::limits::MAX_INTERVAL_MIN;
use velar_protocol::circle::{AlertEvent, EventKind as Kind, Heard, Reason};
use velar_protocol::seal::MemberId;

use super::alerts::event_key;
use super::{Device, Done, Turn};
use crate::deadlines::{Deadline, Key};
use crate::records::{EventKind, QuietKind, What};
use crate::vault::Fate;

/// A deadline that has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Which.
    pub deadline: Deadline,
    /// Whether it counts as missed here. If not, nothing has been read since: what she said may be waiting at a relay.
    pub known: bool,
}

impl Device {
    /// Until when each other member of the circle was to check in, for those who have agreed on a next time.
    ///
    /// # Errors
    /// [`DeviceError::Vault`](super::DeviceError::Vault).
    pub fn deadlines(&mut self) -> Done<Vec<Deadline>> {
        self.read(0, |turn| turn.deadlines())
    }

    /// When this device's own next check-in is due, without grace; `None` if none is agreed.
    ///
    /// # Errors
    /// [`DeviceError::Vault`](super::DeviceError::Vault).
    pub fn own_deadline(&mut self) -> Done<Option<Deadline>> {
        self.read(0, |turn| turn.own_deadline())
    }

    /// Which deadlines have passed: by `now_s`, or because they are in `past` (see [`Timers`](crate::deadlines::Timers)).
    ///
    /// `knows` says of which the backlog of a relay was read since: each of those becomes an alert, once, and what was kept
    /// aside about that member counts from now on. Of the others, those that are no alert already are returned as not known.
    ///
    /// # Errors
    /// [`DeviceError::Vault`](super::DeviceError::Vault).
    pub fn judge(
        &mut self,
        knows: impl Fn(&Deadline) -> bool,
        past: &BTreeSet<Key>,
        now_s: u64,
    ) -> Done<Vec<Missed>> {
        let missed = self.read(now_s, |turn| turn.missed(past))?;
        if !missed.iter().any(|(one, news)| *news && knows(&one.deadline)) {
            return Ok(missed.into_iter().map(|(one, _)| one).collect());
        }
        self.write(now_s, |turn| {
            // Another process may have heard from her meanwhile.
            for (one, _) in turn.missed(past)?.iter().filter(|(one, _)| knows(&one.deadline)) {
                turn.overdue(&one.deadline)?;
            }
            Ok(turn.missed(past)?.into_iter().map(|(one, _)| one).collect())
        })
    }
}

impl Turn<'_> {
    fn deadlines(&self) -> Done<Vec<Deadline>> {
        // Whoever was removed hears nobody's check-ins any more.
        let Some(roster) = self.roster()?.filter(|roster| roster.member(self.me()).is_some())
        else {
            return Ok(Vec::new());
        };
        let mut deadlines = Vec::new();
        for member in roster.members().iter().map(|entry| entry.member()) {
            if member != self.me() {
                deadlines.extend(self.deadline(member)?);
            }
        }
        Ok(deadlines)
    }

    /// Of one other member.
    pub(super) fn deadline(&self, member: MemberId) -> Done<Option<Deadline>> {
        let said = self.peer(member)?.check_in;
        Ok(said
            .and_then(|(said, sent_s, arrived_s)| Deadline::of(member, &said, sent_s, arrived_s)))
    }

    fn own_deadline(&self) -> Done<Option<Deadline>> {
        let Some((_, mut said, at_s)) = self.profile()?.check_in else { return Ok(None) };
        said.grace_min = 0;
        Ok(Deadline::of(self.me(), &said, at_s, at_s))
    }

    /// What has passed, and whether it, or something kept aside about that member, does not count yet.
    fn missed(&self, past: &BTreeSet<Key>) -> Done<Vec<(Missed, bool)>> {
        let now_s = self.now_s;
        let is_past = |one: &Deadline| one.due_s <= now_s || past.contains(&one.key());
        let mut missed = Vec::new();
        for deadline in self.deadlines()?.into_iter().filter(is_past) {
            let key = event_key(&overdue_event(&deadline));
            let known = self.tx.contains::<EventKind>(&key)?;
            missed.push((Missed { deadline, known }, !known));
        }
        if !missed.is_empty() && self.tx.count::<QuietKind>()? > 0 {
            let aside = self.tx.list::<QuietKind>()?;
            for (one, news) in &mut missed {
                *news |= aside.iter().any(|(_, heard)| subject(heard) == one.deadline.member);
            }
        }
        Ok(missed)
    }

    /// She did not check in again: the alert that every client finds by itself, and what was kept aside.
    pub(super) fn overdue(&mut self, deadline: &Deadline) -> Done {
        let event = overdue_event(deadline);
        // Nobody has told it. It is as good as her own word, and stays when she is removed from the circle.
        let at_s = deadline.due_s.min(self.now_s);
        if let Some(heard) = Heard::new(event.clone(), deadline.member, at_s)
            && self.add_event(heard)?
        {
            let what = What::Alert { event, told_by: None };
            self.show(Some(deadline.member), deadline.due_s, what)?;
        }
        for (_, heard) in self.tx.list::<QuietKind>()? {
            if subject(&heard) != deadline.member {
                continue;
            }
            let event = heard.event().clone();
            self.tx.delete::<QuietKind>(&event_key(&event))?;
            let told_by = Some(heard.brought_by()).filter(|_| !heard.is_first_hand());
            let at_s = heard.heard_s();
            if self.add_event(heard)? {
                let author = Some(event.author);
                self.show(author, at_s, What::Alert { event, told_by })?;
            }
        }
        Ok(())
    }

    /// Whether an event only says that somebody was silent who has checked in since, and is not late by what is known here.
    pub(super) fn is_outdated(&self, event: &AlertEvent) -> Done<bool> {
        let Kind::Raised { reason, subject, .. } = &event.kind else { return Ok(false) };
        let (Reason::Overdue { check_in } | Reason::Released { check_in }) = reason else {
            return Ok(false);
        };
        // What others hold open about me I must know, to say that I am safe.
        if *subject == self.me() {
            return Ok(false);
        }
        let newest = self.peer(*subject)?.check_in.map(|(said, ..)| said.counter);
        let late = self.deadline(*subject)?.is_some_and(|due| due.due_s <= self.now_s);
        let known = self.tx.contains::<EventKind>(&event_key(event))?;
        Ok(!late && !known && newest.is_some_and(|newest| newest > *check_in))
    }

    /// Keeps such an event, with one quiet line.
    pub(super) fn keep_aside(&mut self, heard: Heard, sent_at_s: u64) -> Done {
        let event = heard.event().clone();
        let key = event_key(&event);
        if let Some(known) = self.readable::<QuietKind>(&key)? {
            return Ok(self.tx.put::<QuietKind>(&key, &known.merge(&heard))?);
        }
        let kept = self.tx.list::<QuietKind>()?;
        if !heard.has_room(kept.iter().map(|(_, heard)| heard)) {
            tracing::warn!("too many alerts that are out of date by one member");
            return Ok(());
        }
        let told_by = Some(heard.brought_by()).filter(|_| !heard.is_first_hand());
        self.tx.put::<QuietKind>(&key, &heard)?;
        let author = Some(event.author).filter(|author| *author != self.me());
        self.show(author, sent_at_s, What::Outdated { event, told_by })
    }

    /// What was kept aside longer than any hold lasts says nothing of today.
    pub(super) fn forget_outdated(&self) -> Done {
        let horizon = self.now_s.saturating_sub(u64::from(MAX_INTERVAL_MIN) * 60);
        Ok(self.tx.revise::<QuietKind>(|heard| Fate::delete_if(heard.heard_s() < horizon))?)
    }
}

fn overdue_event(deadline: &Deadline) -> AlertEvent {
    AlertEvent::overdue(deadline.alert, deadline.member, deadline.check_in)
}

/// Whether an alarm is about a silence. Its author's device, if it is there, has not made it, nor heard of it.
pub(super) fn is_about_silence(event: &AlertEvent) -> bool {
    let Kind::Raised { reason, .. } = &event.kind else { return false };
    matches!(reason, Reason::Overdue { .. } | Reason::Released { .. })
}

/// Whom an alarm is about.
fn subject(heard: &Heard) -> MemberId {
    match &heard.event().kind {
        Kind::Raised { subject, .. } => *subject,
        _ => heard.event().author,
    }
}
