//! What there is to show, as lines for people; as objects for programs: [`json`].

mod json;
mod silence;

use std::collections::BTreeMap;

use velar_protocol::circle::message::MESSAGE_VERSION;
use velar_protocol::circle::{Alert, AlertEvent, AlertId, CheckIn, EventKind, Reason};
use velar_protocol::seal::MemberId;
use velar_protocol::seal::envelope::ENVELOPE_VERSION;

use super::show::Who;
use super::{Context, tokens};
use crate::device::{Device, DeviceError};
use crate::duress::under_duress;
use crate::records::{Item, What};
use crate::terminal::clean;
use crate::text::{Text, t};

pub(super) use json::{alert_json, event_json};

/// Tells items, knowing who is who and how alerts stand at one moment.
pub(super) struct Teller<'a> {
    context: &'a Context,
    who: &'a Who,
    alerts: BTreeMap<AlertId, Alert>,
    now_s: u64,
}

impl Item {
    /// Whether this device said it itself.
    pub(super) fn is_mine(&self) -> bool {
        self.from.is_none()
            && matches!(self.what, What::Said { .. } | What::CheckedIn(_) | What::Alert { .. })
    }
}

impl<'a> Teller<'a> {
    /// As things are now.
    pub(super) fn new(
        context: &'a Context,
        who: &'a Who,
        device: &mut Device,
        now_s: u64,
    ) -> Result<Self, DeviceError> {
        let views = device.alerts(false, now_s)?;
        let alerts = views.into_iter().map(|view| (view.alert.id, view.alert)).collect();
        Ok(Self { context, who, alerts, now_s })
    }

    /// The time of a line: of the day, with the date if it is another day's.
    pub(super) fn time(&self, at_s: u64) -> String {
        let clock = &self.context.clock;
        let moment = clock.moment(at_s, self.now_s);
        if moment.contains('-') { moment } else { clock.stamp(at_s) }
    }

    /// For the inbox: with its number before it.
    pub(super) fn numbered(&self, n: u64, item: &Item) -> Vec<String> {
        self.lines(item).iter().map(|line| format!("{n}  {line}")).collect()
    }

    /// For people. Never empty.
    pub(super) fn lines(&self, item: &Item) -> Vec<String> {
        let text = &self.context.text;
        let time = self.time(item.at_s);
        let name = self.author(item);
        let line = match &item.what {
            What::Said { text: said, .. } => {
                t!(text, "watch-message", time = time, name = name, text = clean(said))
            }
            What::CheckedIn(check_in) => {
                let open = item.from.and_then(|from| self.still_open(from, &time));
                let line = self.check_in(item, check_in, time, name);
                return std::iter::once(line).chain(open).collect();
            }
            What::Alert { event, told_by } => {
                let passed_on = told_by.map(|by| self.passed_on(by, event, &time));
                let state = self.alerts.get(&event.alert);
                let mark = |line| match (state, &event.kind) {
                    // This one says so by itself.
                    (Some(state), kind) if !matches!(kind, EventKind::Raised { .. }) => {
                        marked(text, state, line)
                    }
                    _ => line,
                };
                let lines = self.alert(event, &time).into_iter().chain(passed_on);
                return lines.map(mark).collect();
            }
            What::Joined(member, _) => {
                let known = self.who.members().iter().find(|known| known.member == *member);
                let roles = known.map(|known| text.roles(known.roles)).unwrap_or_default();
                t!(text, "watch-member-joined", time = time, name = name, roles = roles)
            }
            What::Left(member, _) if self.who.is_me(*member) => {
                t!(text, "watch-removed", time = time)
            }
            What::Left(..) => t!(text, "watch-member-left", time = time, name = name),
            What::Answered { .. } => t!(text, "watch-join-request", time = time, name = name),
            What::Voided { .. } => t!(text, "watch-invitation-void", time = time),
            What::Undone { alert, by } => return self.undone(*alert, *by, &time),
            What::Unopened { .. } if item.from.is_some_and(|from| self.who.is_former(from)) => {
                t!(text, "watch-from-former", time = time, name = name)
            }
            What::Unopened { asked: true } => {
                t!(text, "watch-unopened", time = time, name = name)
            }
            What::Unopened { asked: false } => {
                t!(text, "watch-unopened-not-asked", time = time, name = name)
            }
            What::Newer { version } => {
                let [theirs, own] = [*version, MESSAGE_VERSION];
                t!(text, "watch-newer", time = time, name = name, theirs = theirs, own = own)
            }
            What::NewerEnvelope { version } => {
                let [theirs, own] = [*version, ENVELOPE_VERSION];
                t!(text, "watch-newer-envelope", time = time, theirs = theirs, own = own)
            }
            What::Expired { count } => t!(text, "watch-expired", time = time, count = *count),
            What::RosterConflict => t!(text, "watch-roster-conflict", time = time),
            What::Outdated { event, told_by } => self.outdated(event, *told_by, &time),
            What::Agreed if item.from.is_none() => t!(text, "watch-agreed-own", time = time),
            What::Agreed => t!(text, "watch-agreed", time = time, name = name),
            What::ContactsSet => t!(text, "watch-contacts-set", time = time, name = name),
            What::HoldGone { relay } => {
                t!(text, "watch-hold-gone", time = time, relay = clean(relay))
            }
            What::HoldLost { relay } => {
                t!(text, "watch-hold-lost", time = time, relay = clean(relay))
            }
            What::RelayAsks { relay } => {
                t!(text, "watch-relay-asks", time = time, name = name, relay = clean(relay))
            }
            What::Unmatched { asked: true, .. } => {
                t!(text, "watch-unmatched", time = time, name = name)
            }
            What::Unmatched { asked: false, .. } => {
                t!(text, "watch-unmatched-not-asked", time = time, name = name)
            }
            What::ManyUnopened { holder, count } => {
                let lines = tokens::many_now(self.context, &name, *holder, *count);
                return lines.into_iter().map(|line| format!("{time} {line}")).collect();
            }
            What::TokenTaken { relay, holder } => {
                tokens::taken(self.context, &time, &clean(relay), &name, *holder)
            }
            What::TokenEnded { .. } => t!(text, "watch-token-ended", time = time, name = name),
            What::AnswerRefused => t!(text, "watch-answer-refused", time = time),
            What::OldKit { .. } => t!(text, "watch-old-kit", time = time, name = name),
            What::KitCopied { alert } => {
                t!(text, "watch-kit-copied", time = time, alert = alert.short())
            }
        };
        vec![line]
    }

    /// Who said it, or whom it is about.
    fn author(&self, item: &Item) -> String {
        match (&item.what, item.from) {
            (What::Joined(_, name) | What::Left(_, name) | What::Answered { name, .. }, _) => {
                clean(name)
            }
            (_, Some(from)) => self.who.name(from),
            (What::Unmatched { member, .. } | What::TokenEnded { member }, _) => {
                self.who.name(*member)
            }
            (What::ManyUnopened { holder, .. } | What::TokenTaken { holder, .. }, _) => {
                holder.member().map(|member| self.who.name(member)).unwrap_or_default()
            }
            (_, None) if item.is_mine() => self.me(),
            (What::Unopened { .. } | What::Newer { .. }, None) => {
                t!(self.context.text, "word-unknown-member")
            }
            (_, None) => String::new(),
        }
    }

    /// That an alert is open again, or nobody's.
    fn undone(&self, id: AlertId, by: MemberId, time: &str) -> Vec<String> {
        let text = &self.context.text;
        let state = self.alerts.get(&id);
        let name = state.map(|alert| self.who.name(alert.subject)).unwrap_or_default();
        let (alert, by) = (id.short(), self.who.name(by));
        let line =
            t!(text, "watch-undone", time = time, alert = alert.as_str(), name = name, by = by);
        let Some(state) = state else { return vec![line] };
        let nobody = state.is_open() && state.claims.is_empty() && !self.who.is_me(state.subject);
        let how = nobody.then(|| t!(text, "watch-alert-how", time = time, alert = alert));
        std::iter::once(marked(text, state, line)).chain(how).collect()
    }

    /// That it did not come from whose words it is said to be.
    fn passed_on(&self, by: MemberId, event: &AlertEvent, time: &str) -> String {
        let (by, name) = (self.who.name(by), self.who.name(event.author));
        if under_duress(event).is_some() {
            // Nobody's words: each terminal finds it by itself.
            return t!(self.context.text, "watch-duress-passed-on", time = time, by = by);
        }
        t!(self.context.text, "watch-passed-on", time = time, by = by, name = name)
    }

    /// This device's own name.
    fn me(&self) -> String {
        self.who.my_name()
    }

    fn check_in(&self, item: &Item, said: &CheckIn, time: String, name: String) -> String {
        let text = &self.context.text;
        let next = (said.next_min > 0).then(|| {
            let next_s = item.sent_at_s.saturating_add(u64::from(said.next_min) * 60);
            t!(text, "watch-checkin-next", time = self.context.clock.moment(next_s, self.now_s))
        });
        let details = text.checkin_details(said).map(|details| clean(&details));
        let details = text.list(details.into_iter().chain(next));
        if details.is_empty() {
            t!(text, "watch-checkin", time = time, name = name)
        } else {
            t!(text, "watch-checkin-details", time = time, name = name, details = details)
        }
    }

    fn alert(&self, event: &AlertEvent, time: &str) -> Vec<String> {
        let text = &self.context.text;
        let alert = event.alert.short();
        let state = self.alerts.get(&event.alert);
        let by = self.who.name(event.author);
        let name = self.subject(event).map_or_else(|| by.clone(), |subject| self.who.name(subject));
        // Who called hears that it was right, whatever it was.
        let own = state.is_some_and(|state| self.who.is_me(state.subject));
        let (alert, by, name) = (alert.as_str(), by.as_str(), name.as_str());
        let note = |said: &str| {
            let said = clean(said);
            t!(text, "watch-note", time = time, alert = alert, name = name, by = by, text = said)
        };
        let line = match &event.kind {
            EventKind::Raised { .. } => {
                let mut lines = vec![self.raised(event, name, time)];
                lines.extend(self.last_check_in(event, time));
                if under_duress(event).is_some() {
                    let how = t!(text, "watch-duress-how", time = time, alert = alert, name = name);
                    lines.push(how);
                }
                if state.is_some_and(|s| s.is_open() && s.claims.is_empty())
                    && !state.is_some_and(|s| self.who.is_me(s.subject))
                {
                    lines.push(t!(text, "watch-alert-how", time = time, alert = alert));
                }
                return lines;
            }
            EventKind::Claimed { .. } => match state.filter(|state| state.claims.len() > 1) {
                Some(state) => self.several(state, time),
                None => t!(text, "watch-taken", time = time, alert = alert, name = name, by = by),
            },
            EventKind::Released { .. } => {
                t!(text, "watch-released", time = time, alert = alert, name = name, by = by)
            }
            EventKind::Note { text: said } => note(said),
            EventKind::HandOver { to, .. } => {
                let to = self.who.name(*to);
                t!(
                    text,
                    "watch-handed-over",
                    time = time,
                    alert = alert,
                    name = name,
                    by = by,
                    to = to
                )
            }
            EventKind::StandDownAsked { .. } if state.is_some_and(|state| state.duress) => {
                t!(text, "watch-stand-down-duress", time = time, alert = alert)
            }
            EventKind::StandDownConfirmed { .. } if state.is_some_and(|state| state.duress) => {
                t!(
                    text,
                    "watch-stand-down-confirmed-duress",
                    time = time,
                    alert = alert,
                    name = name,
                    by = by
                )
            }
            EventKind::StandDownConfirmed { .. } if own => {
                t!(text, "watch-stand-down-confirmed-own", time = time, alert = alert, by = by)
            }
            EventKind::Closed { .. } if own => {
                t!(text, "watch-closed-own", time = time, alert = alert, by = by)
            }
            EventKind::StandDownAsked { .. } => {
                t!(text, "watch-stand-down-asked", time = time, alert = alert, name = name)
            }
            EventKind::StandDownConfirmed { .. } => {
                t!(
                    text,
                    "watch-stand-down-confirmed",
                    time = time,
                    alert = alert,
                    name = name,
                    by = by
                )
            }
            EventKind::Closed { .. } => {
                t!(text, "watch-closed", time = time, alert = alert, name = name, by = by)
            }
        };
        let said = match &event.kind {
            EventKind::Released { text: said, .. }
            | EventKind::HandOver { text: said, .. }
            | EventKind::StandDownAsked { text: said, .. }
            | EventKind::Closed { text: said, .. }
                if !said.is_empty() =>
            {
                Some(note(said))
            }
            _ => None,
        };
        std::iter::once(line).chain(said).collect()
    }

    fn raised(&self, event: &AlertEvent, name: &str, time: &str) -> String {
        let text = &self.context.text;
        let EventKind::Raised { reason, text: said, drill, .. } = &event.kind else {
            return String::new();
        };
        let (alert, by) = (event.alert.short(), self.who.name(event.author));
        let by = Some(by).filter(|by| by != name);
        if under_duress(event).is_some() {
            return t!(text, "watch-duress", time = time, alert = alert, name = name);
        }
        if *drill && said.is_empty() {
            return t!(text, "watch-drill", time = time, alert = alert, name = name);
        }
        if *drill {
            let said = clean(said);
            return t!(
                text,
                "watch-drill-text",
                time = time,
                alert = alert,
                name = name,
                text = said
            );
        }
        let said = match (*reason, said.is_empty()) {
            (Reason::Panic, true) if by.is_none() => {
                return t!(text, "watch-alert", time = time, alert = alert, name = name);
            }
            // An itinerary: it has to be said how it came here.
            (reason @ Reason::Released { .. }, false) => {
                format!("{}: {}", text.reason(reason), clean(said))
            }
            (_, false) => clean(said),
            (reason, true) => text.reason(reason),
        };
        match by {
            None => {
                t!(text, "watch-alert-text", time = time, alert = alert, name = name, text = said)
            }
            // Nobody's words are put into the mouth of the person it is about.
            Some(by) => {
                t!(
                    text,
                    "watch-alert-by",
                    time = time,
                    alert = alert,
                    name = name,
                    by = by,
                    text = said
                )
            }
        }
    }

    /// Several who took it at once, and who leads.
    pub(super) fn several(&self, state: &Alert, time: &str) -> String {
        let text = &self.context.text;
        let names: Vec<String> = state.claims.iter().map(|c| self.who.name(c.by)).collect();
        let leader = names.first().cloned().unwrap_or_default();
        let (alert, name) = (state.id.short(), self.who.name(state.subject));
        let names = text.list(&names);
        t!(
            text,
            "watch-taken-by-several",
            time = time,
            alert = alert,
            name = name,
            names = names,
            leader = leader
        )
    }
}

/// A line about an alert; of a drill's, it says so.
pub(super) fn marked(text: &Text, alert: &Alert, line: String) -> String {
    if alert.drill { t!(text, "drill-line", line = line) } else { line }
}
