//! One alert as a block of lines, or as an object.

use serde_json::{Value, json};
use velar_protocol::circle::{EventKind, Heard, Reason, StandDown};

use super::super::Context;
use super::super::items::{alert_json, event_json};
use super::super::show::{self, Who};
use crate::device::AlertView;
use crate::terminal::clean;
use crate::text::t;

/// For people: a heading and what follows it, indented; an empty line at the end.
pub(super) fn block(context: &Context, who: &Who, view: &AlertView, now_s: u64) -> Vec<String> {
    let text = &context.text;
    let alert = &view.alert;
    let id = alert.id.short();
    let name = who.name(alert.subject);
    let moment = |at_s: u64| context.clock.moment(at_s, now_s);
    let time = moment(alert.raised_s);
    let mut lines = Vec::new();
    let heading = if alert.is_open() {
        t!(text, "alert-heading", alert = id.as_str(), name = name.as_str(), time = time)
    } else {
        t!(text, "alert-heading-closed", alert = id.as_str(), name = name.as_str(), time = time)
    };
    if alert.drill {
        lines.push(t!(text, "alert-reason-drill"));
    }
    for heard in &view.events {
        let event = heard.event();
        let by = who.name(event.author);
        let line = match &event.kind {
            EventKind::Raised { reason, text: said, .. } if said.is_empty() => {
                format!("{by}: {}", text.reason(*reason))
            }
            EventKind::Raised { reason: reason @ Reason::Released { .. }, text: said, .. } => {
                format!("{by}: {}: {}", text.reason(*reason), clean(said))
            }
            EventKind::Raised { text: said, .. } => {
                t!(text, "alert-text", name = by.as_str(), text = clean(said))
            }
            EventKind::Note { text: said } => {
                let time = moment(event.at_s);
                t!(text, "alert-note", time = time, name = by.as_str(), text = clean(said))
            }
            _ => continue,
        };
        lines.push(line);
        if !heard.is_first_hand() {
            let teller = who.name(heard.brought_by());
            lines.push(t!(text, "alert-passed-on", by = teller, name = by));
        }
    }
    if alert.is_open() {
        lines.extend(taken(context, who, view, now_s));
        for (by, to) in &alert.handed {
            let (by, to) = (who.name(*by), who.name(*to));
            lines.push(t!(text, "alert-handed", by = by, to = to, alert = id.as_str()));
        }
    }
    match alert.stand_down {
        StandDown::None => {}
        StandDown::Asked(by) => {
            let (time, by) = (moment(last(view, is_ask)), who.name(by));
            let id = id.as_str();
            lines.push(t!(text, "alert-stand-down-asked", name = by, time = time, alert = id));
        }
        StandDown::Confirmed(asked, by) => {
            let time = moment(last(view, is_confirmation));
            let (by, name) = (who.name(by), who.name(asked));
            lines.push(t!(text, "alert-stand-down-confirmed", by = by, time = time, name = name));
        }
    }
    if let Some(by) = alert.closed_by {
        let time = moment(last(view, |kind| matches!(kind, EventKind::Closed { .. })));
        lines.push(t!(text, "alert-closed", name = who.name(by), time = time));
    }
    lines.extend(people(context, view));
    let indented = lines.into_iter().map(|line| format!("  {line}"));
    std::iter::once(heading).chain(indented).chain([String::new()]).collect()
}

/// Who has it.
fn taken(context: &Context, who: &Who, view: &AlertView, now_s: u64) -> Option<String> {
    let text = &context.text;
    let alert = &view.alert;
    let id = alert.id.short();
    match alert.claims.as_slice() {
        [] if who.is_me(alert.subject) => Some(t!(text, "alert-open-own")),
        [] if alert.claim_expired => Some(t!(text, "alert-claim-expired", alert = id)),
        [] => Some(t!(text, "alert-open", alert = id)),
        [one] => {
            let time = context.clock.moment(one.at_s, now_s);
            Some(t!(text, "alert-taken", name = who.name(one.by), time = time))
        }
        several => {
            let names: Vec<String> = several.iter().map(|claim| who.name(claim.by)).collect();
            let leader = names.first().cloned().unwrap_or_default();
            let names = text.list(&names);
            Some(t!(text, "alert-taken-by-several", names = names, leader = leader))
        }
    }
}

/// How far it got for each person, where this device raised it.
fn people(context: &Context, view: &AlertView) -> Vec<String> {
    let text = &context.text;
    if view.progress.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![t!(text, "alert-people")];
    for (_, name, reach) in &view.progress {
        let name = clean(name);
        lines.push(format!("  {name}: {}", show::reach_text(context, &name, reach)));
    }
    let not_reached = show::names_where(&view.progress, |reach| !show::is_received(reach));
    if !not_reached.is_empty() {
        lines.push(t!(text, "alert-not-reached", names = text.list(&not_reached)));
    }
    let not_heard = show::names_where(&view.latest, |reach| !show::is_received(reach));
    if !not_heard.is_empty() {
        lines.push(t!(text, "alert-added-not-received", names = text.list(&not_heard)));
    }
    lines
}

fn is_ask(kind: &EventKind) -> bool {
    matches!(kind, EventKind::StandDownAsked { .. })
}

fn is_confirmation(kind: &EventKind) -> bool {
    matches!(kind, EventKind::StandDownConfirmed { .. })
}

/// When the last event of a kind was.
fn last(view: &AlertView, of: impl Fn(&EventKind) -> bool) -> u64 {
    let events = view.events.iter().map(Heard::event);
    events.filter(|event| of(&event.kind)).map(|event| event.at_s).max().unwrap_or(0)
}

/// For programs: the state, the events, and how far it got.
pub(super) fn json(view: &AlertView, who: &Who) -> Value {
    let mut data = alert_json(&view.alert, who);
    let events: Vec<Value> = view
        .events
        .iter()
        .map(|heard| {
            let event = heard.event();
            let mut one = event_json(event);
            let told_by = Some(heard.brought_by()).filter(|_| !heard.is_first_hand());
            show::set(&mut one, "told_by", json!(told_by.map(|by| show::hex(&by.0))));
            show::set(&mut one, "name", json!(who.name(event.author)));
            one
        })
        .collect();
    show::set(&mut data, "events", json!(events));
    show::set(&mut data, "people", show::people_json(&view.progress));
    data
}
