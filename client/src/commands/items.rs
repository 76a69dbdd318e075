//! What there is to show, as lines for people and as objects for programs.

mod silence;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use velar_protocol::circle::{Alert, AlertEvent, AlertId, CheckIn, EventKind, Reason};
use velar_protocol::seal::MemberId;

use super::Context;
use super::show::{Who, hex, set};
use crate::device::{Device, DeviceError};
use crate::records::{Item, What};
use crate::terminal::clean;
use crate::text::{Text, t};

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
                let passed_on = told_by.map(|by| self.passed_on(by, event.author, &time));
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
            What::Left(..) => t!(text, "watch-member-left", time = time, name = name),
            What::Answered { .. } => t!(text, "watch-join-request", time = time, name = name),
            What::Voided { .. } => t!(text, "watch-invitation-void", time = time),
            What::Unopened { asked: true } => {
                t!(text, "watch-unopened", time = time, name = name)
            }
            What::Unopened { asked: false } => {
                t!(text, "watch-unopened-not-asked", time = time, name = name)
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
        };
        vec![line]
    }

    /// For programs: stable fields, documented in `JSON.md`.
    pub(super) fn json(&self, n: u64, item: &Item) -> Value {
        let (kind, mut data) = match &item.what {
            What::Said { message, sequence, text } => {
                ("message", json!({"message": hex(&message.0), "sequence": sequence, "text": text}))
            }
            What::CheckedIn(check_in) => ("check-in", check_in_json(check_in)),
            What::Alert { event, told_by } => {
                let mut data = event_json(event);
                set(&mut data, "told_by", json!(told_by.map(|by| hex(&by.0))));
                let subject = self.subject(event);
                set(&mut data, "subject", json!(subject.map(|subject| hex(&subject.0))));
                set(&mut data, "subject_name", json!(subject.map(|s| self.who.name(s))));
                ("alert", data)
            }
            What::Joined(member, _) => ("member-joined", json!({"member": hex(&member.0)})),
            What::Left(member, _) => ("member-left", json!({"member": hex(&member.0)})),
            What::Answered { invitation, .. } => {
                ("join-request", json!({"invitation": hex(invitation)}))
            }
            What::Voided { invitation } => {
                ("invitation-void", json!({"invitation": hex(invitation)}))
            }
            What::Unopened { asked } => ("unopened", json!({"asked": asked})),
            What::Expired { count } => ("expired", json!({"count": count})),
            What::RosterConflict => ("roster-conflict", json!({})),
            What::Outdated { event, told_by } => {
                let mut data = event_json(event);
                set(&mut data, "told_by", json!(told_by.map(|by| hex(&by.0))));
                ("outdated-alert", data)
            }
            What::Agreed => ("agreed", json!({})),
            What::ContactsSet => ("contacts-set", json!({})),
            What::HoldGone { relay } => ("hold-gone", json!({"relay": relay})),
        };
        set(&mut data, "kind", json!(kind));
        set(&mut data, "n", json!(n));
        set(&mut data, "at_s", json!(item.at_s));
        set(&mut data, "sent_at_s", json!(item.sent_at_s));
        set(&mut data, "from", json!(item.from.map(|from| hex(&from.0))));
        set(&mut data, "name", json!(self.author(item)));
        set(&mut data, "mine", json!(item.is_mine()));
        data
    }

    /// Who said it, or whom it is about.
    fn author(&self, item: &Item) -> String {
        match (&item.what, item.from) {
            (What::Joined(_, name) | What::Left(_, name) | What::Answered { name, .. }, _) => {
                clean(name)
            }
            (_, Some(from)) => self.who.name(from),
            (_, None) if item.is_mine() => self.me(),
            (What::Unopened { .. }, None) => t!(self.context.text, "word-unknown-member"),
            (_, None) => String::new(),
        }
    }

    /// That it did not come from whose words it is said to be.
    fn passed_on(&self, by: MemberId, author: MemberId, time: &str) -> String {
        let (by, name) = (self.who.name(by), self.who.name(author));
        t!(self.context.text, "watch-passed-on", time = time, by = by, name = name)
    }

    /// This device's own name.
    fn me(&self) -> String {
        self.who.me().map(|me| self.who.name(me.member)).unwrap_or_default()
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
        let (alert, by, name) = (alert.as_str(), by.as_str(), name.as_str());
        let note = |said: &str| {
            let said = clean(said);
            t!(text, "watch-note", time = time, alert = alert, name = name, by = by, text = said)
        };
        let line = match &event.kind {
            EventKind::Raised { .. } => {
                let mut lines = vec![self.raised(event, name, time)];
                lines.extend(self.last_check_in(event, time));
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

fn check_in_json(said: &CheckIn) -> Value {
    json!({
        "counter": said.counter, "next_min": said.next_min, "grace_min": said.grace_min,
        "condition": said.condition.map(|condition| format!("{condition:?}").to_lowercase()),
        "low_battery": said.low_battery, "no_signal": said.no_signal,
        "planned_silence": said.planned_silence, "note": said.note,
    })
}

/// An event, as in items and in `velar alerts`.
pub(super) fn event_json(event: &AlertEvent) -> Value {
    let said = match &event.kind {
        EventKind::Raised { text, .. }
        | EventKind::Released { text, .. }
        | EventKind::Note { text }
        | EventKind::HandOver { text, .. }
        | EventKind::StandDownAsked { text, .. }
        | EventKind::Closed { text, .. } => Some(text),
        EventKind::Claimed { .. } | EventKind::StandDownConfirmed { .. } => None,
    };
    let mut data = json!({
        "alert": event.alert.short(), "alert_id": hex(&event.alert.0), "event": event_name(&event.kind),
        "event_id": hex(&event.id().0), "author": hex(&event.author.0), "event_at_s": event.at_s,
        "text": said,
    });
    if let EventKind::HandOver { to, .. } = &event.kind {
        set(&mut data, "to", json!(hex(&to.0)));
    }
    if let EventKind::Raised { reason, drill, .. } = &event.kind {
        let (reason, check_in) = match reason {
            Reason::Panic => ("panic", None),
            Reason::Overdue { check_in } => ("overdue", Some(check_in)),
            Reason::Released { check_in } => ("released", Some(check_in)),
            Reason::Duress => ("duress", None),
        };
        set(&mut data, "reason", json!(reason));
        set(&mut data, "check_in", json!(check_in));
        set(&mut data, "drill", json!(drill));
    }
    data
}

fn event_name(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::Raised { .. } => "raised",
        EventKind::Claimed { .. } => "claimed",
        EventKind::Released { .. } => "released",
        EventKind::Note { .. } => "note",
        EventKind::StandDownAsked { .. } => "stand-down-asked",
        EventKind::HandOver { .. } => "hand-over",
        EventKind::StandDownConfirmed { .. } => "stand-down-confirmed",
        EventKind::Closed { .. } => "closed",
    }
}

/// A line about an alert; of a drill's, it says so.
pub(super) fn marked(text: &Text, alert: &Alert, line: String) -> String {
    if alert.drill { t!(text, "drill-line", line = line) } else { line }
}

/// A state of an alert for programs: `{"by","name","at_s"}` per claim, the leading one first.
pub(super) fn alert_json(alert: &Alert, who: &Who) -> Value {
    use velar_protocol::circle::StandDown;
    let person = |member: MemberId| json!({"member": hex(&member.0), "name": who.name(member)});
    let claims: Vec<Value> = alert
        .claims
        .iter()
        .map(|claim| {
            let mut one = person(claim.by);
            set(&mut one, "at_s", json!(claim.at_s));
            one
        })
        .collect();
    let (asked, confirmed) = match alert.stand_down {
        StandDown::None => (None, None),
        StandDown::Asked(by) => (Some(by), None),
        StandDown::Confirmed(asked, by) => (Some(asked), Some(by)),
    };
    let handed = alert.handed.iter().map(|(by, to)| json!({"by": person(*by), "to": person(*to)}));
    let handed: Vec<Value> = handed.collect();
    json!({
        "alert": alert.id.short(), "alert_id": hex(&alert.id.0), "subject": person(alert.subject),
        "raised_s": alert.raised_s, "drill": alert.drill, "open": alert.is_open(),
        "claims": claims, "leader": alert.leading().map(|claim| person(claim.by)),
        "handed": handed, "claim_expired": alert.claim_expired, "stand_down_asked": asked.map(person),
        "stand_down_confirmed": confirmed.map(person), "closed_by": alert.closed_by.map(person),
    })
}
