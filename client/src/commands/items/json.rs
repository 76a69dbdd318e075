//! The same for programs: stable fields, documented in `JSON.md`.

use serde_json::{Value, json};
use velar_protocol::circle::{Alert, AlertEvent, CheckIn, EventKind, Reason, StandDown};
use velar_protocol::seal::MemberId;

use super::super::show::{Who, hex, set};
use super::super::tokens;
use super::Teller;
use crate::log;
use crate::records::{Item, What};

impl Teller<'_> {
    /// An item.
    pub(in crate::commands) fn json(&self, n: u64, item: &Item) -> Value {
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
            What::Left(member, _) => {
                let me = self.who.is_me(*member);
                ("member-left", json!({"member": hex(&member.0), "me": me}))
            }
            What::Answered { invitation, .. } => {
                ("join-request", json!({"invitation": hex(invitation)}))
            }
            What::Voided { invitation } => {
                ("invitation-void", json!({"invitation": hex(invitation)}))
            }
            What::Unopened { asked } => ("unopened", json!({"asked": asked})),
            What::Newer { version } => ("newer-message", json!({"version": version})),
            What::NewerEnvelope { version } => ("newer-envelope", json!({"version": version})),
            What::Unmatched { member, asked } => {
                ("unmatched", json!({"member": hex(&member.0), "asked": asked}))
            }
            What::ManyUnopened { holder, count } => {
                let member = holder.member().map(|member| hex(&member.0));
                let token = tokens::token_name(*holder);
                ("many-unopened", json!({"member": member, "count": count, "token": token}))
            }
            What::TokenTaken { relay, holder } => {
                let member = holder.member().map(|member| hex(&member.0));
                let token = tokens::token_name(*holder);
                ("token-taken", json!({"relay": relay, "member": member, "token": token}))
            }
            What::TokenEnded { member } => ("token-ended", json!({"member": hex(&member.0)})),
            What::AnswerRefused => ("answer-refused", json!({})),
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
            What::HoldLost { relay } => ("hold-lost", json!({"relay": relay})),
            What::RelayAsks { relay } => ("relay-asks", json!({"relay": relay})),
            What::OldKit { alert } => ("old-kit", json!({"alert": alert.short()})),
            What::KitCopied { alert } => ("kit-copied", json!({"alert": alert.short()})),
            What::Undone { alert, by } => {
                ("alert-undone", json!({"alert": alert.short(), "by": hex(&by.0)}))
            }
        };
        set(&mut data, "kind", json!(kind));
        set(&mut data, "n", json!(n));
        set(&mut data, "at_s", json!(item.at_s));
        // 0: sealed beforehand, in a kit or a hold.
        set(&mut data, "sent_at_s", json!(Some(item.sent_at_s).filter(|at_s| *at_s > 0)));
        set(&mut data, "from", json!(item.from.map(|from| hex(&from.0))));
        set(&mut data, "name", json!(self.author(item)));
        set(&mut data, "mine", json!(item.is_mine()));
        data
    }
}

/// An event, as in items and in `velar alerts`.
pub(in crate::commands) fn event_json(event: &AlertEvent) -> Value {
    let mut data = json!({
        "alert": event.alert.short(), "alert_id": hex(&event.alert.0), "event": log::What::of(&event.kind).name(),
        "event_id": hex(&event.id().0), "author": hex(&event.author.0), "event_at_s": Some(event.at_s).filter(|at_s| *at_s > 0),
        "text": event.kind.text(),
    });
    if let EventKind::HandOver { to, .. } = &event.kind {
        set(&mut data, "to", json!(hex(&to.0)));
    }
    if let EventKind::Raised { reason, drill, .. } = &event.kind {
        let check_in = match reason {
            Reason::Overdue { check_in } | Reason::Released { check_in } => Some(check_in),
            Reason::Panic | Reason::Duress => None,
        };
        set(&mut data, "reason", json!(log::reason_name(*reason)));
        set(&mut data, "check_in", json!(check_in));
        set(&mut data, "drill", json!(drill));
    }
    data
}

/// A state of an alert for programs: `{"by","name","at_s"}` per claim, the leading one first.
pub(in crate::commands) fn alert_json(alert: &Alert, who: &Who) -> Value {
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
        "raised_s": alert.raised_s, "drill": alert.drill, "duress": alert.duress, "open": alert.is_open(),
        "claims": claims, "leader": alert.leading().map(|claim| person(claim.by)),
        "handed": handed, "claim_expired": alert.claim_expired, "stand_down_asked": asked.map(person),
        "stand_down_confirmed": confirmed.map(person), "closed_by": alert.closed_by.map(person),
    })
}

fn check_in_json(said: &CheckIn) -> Value {
    json!({
        "counter": said.counter, "next_min": said.next_min, "grace_min": said.grace_min,
        "condition": said.condition.map(|condition| format!("{condition:?}").to_lowercase()),
        "low_battery": said.low_battery, "no_signal": said.no_signal,
        "planned_silence": said.planned_silence, "note": said.note,
    })
}
