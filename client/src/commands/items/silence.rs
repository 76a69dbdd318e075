//! What there is to say of somebody who did not check in again, or did.

use velar_protocol::circle::{AlertEvent, EventKind, Reason};
use velar_protocol::seal::MemberId;

use super::Teller;
use crate::deadlines::Deadline;
use crate::terminal::clean;
use crate::text::t;

impl Teller<'_> {
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
