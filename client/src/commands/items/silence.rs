//! What there is to say of somebody who did not check in again, or did.

use velar_protocol::circle::{AlertEvent, EventKind, Reason};
use velar_protocol::seal::MemberId;

use super::Teller;
use crate::deadlines::Deadline;
use crate::terminal::clean;
use crate::text::t;

impl Teller<'_> {
    /// Whom an event's alert is about, as far as is known: its id may say so before anybody else does.
    pub(super) fn subject(&self, event: &AlertEvent) -> Option<MemberId> {
        let known = self.alerts.get(&event.alert).map(|alert| alert.subject);
        let mut members = self.who.members().iter().map(|known| known.member);
        known.or_else(|| members.find(|member| event.alert.is_about(*member)))
    }

    /// A check-in closes no alert: whoever sent it may not have been free to.
    pub(super) fn still_open(&self, of: MemberId, time: &str) -> Option<String> {
        let open = self.alerts.values().find(|alert| alert.is_open() && alert.subject == of)?;
        let (alert, name) = (open.id.short(), self.who.name(of));
        let text = &self.context.text;
        Some(t!(text, "watch-checkin-open", time = time, alert = alert, name = name))
    }

    /// Of whom a deadline was missed: what her last check-in said.
    pub(super) fn last_check_in(&self, event: &AlertEvent, time: &str) -> Option<String> {
        let text = &self.context.text;
        let EventKind::Raised { reason: Reason::Overdue { check_in }, subject, .. } = &event.kind
        else {
            return None;
        };
        let member = self.who.members().iter().find(|known| known.member == *subject)?;
        let (said, sent_s, arrived_s) = member.check_in.as_ref()?;
        let due_s = Deadline::of(*subject, said, *sent_s, *arrived_s)?.due_s;
        if said.counter != *check_in {
            return None;
        }
        let moment = |at_s: u64| self.context.clock.moment(at_s, self.now_s);
        let (mut last, due) = (moment(*sent_s), moment(due_s));
        if let Some(details) = text.checkin_details(said) {
            last = format!("{last} ({})", clean(&details));
        }
        let name = self.who.name(*subject);
        Some(t!(text, "watch-overdue-last", time = time, name = name, last = last, due = due))
    }

    /// An alarm about a silence that was none.
    pub(super) fn outdated(
        &self,
        event: &AlertEvent,
        told_by: Option<MemberId>,
        time: &str,
    ) -> String {
        let text = &self.context.text;
        let EventKind::Raised { subject, .. } = &event.kind else { return String::new() };
        let name = self.who.name(*subject);
        match told_by {
            None => t!(text, "watch-outdated", time = time, name = name),
            Some(by) => {
                let by = self.who.name(by);
                t!(text, "watch-outdated-passed-on", time = time, name = name, by = by)
            }
        }
    }
}
