//! What a watch says and rings for alerts that are open.

use serde_json::json;
use velar_protocol::circle::{Alert, Contact};

use super::super::contacts::contacts_json;
use super::super::items::{Teller, alert_json, marked};
use super::super::show;
use super::Post;
use super::end::End;
use super::rounds::{Asking, Ring};
use crate::link::now_s;
use crate::terminal::clean;
use crate::text::{Text, t};

impl Post<'_> {
    /// The alerts that were open at the start and still are, once what is known of them is not old any more.
    pub(super) fn open_alerts(&mut self) -> Result<(), End> {
        let untold = std::mem::take(&mut self.untold);
        if untold.is_empty() {
            return Ok(());
        }
        let (text, now) = (&self.context.text, now_s());
        let teller = Teller::new(self.context, &self.who, &mut self.device, now)?;
        let open = self.device.alerts(true, now)?;
        for alert in open.iter().map(|view| &view.alert).filter(|a| untold.contains(&a.id)) {
            let (time, name) = (self.context.clock.stamp(now), self.who.name(alert.subject));
            let id = alert.id.short();
            let line = match alert.claims.as_slice() {
                [] => {
                    let since = teller.time(alert.raised_s);
                    t!(
                        text,
                        "watch-alert-again",
                        time = time,
                        alert = id,
                        name = name,
                        since = since
                    )
                }
                [one] => {
                    let by = self.who.name(one.by);
                    t!(text, "watch-taken", time = time, alert = id, name = name, by = by)
                }
                _ => teller.several(alert, &time),
            };
            let line = marked(text, alert, line);
            self.out.tell("open-alert", alert_json(alert, &self.who), &line)?;
        }
        Ok(())
    }

    /// Rings for what is open and about others, at its times.
    pub(super) fn ring(&mut self, now: u64) -> Result<(), End> {
        let views = self.device.alerts(true, now)?;
        let open: Vec<&Alert> = views
            .iter()
            .map(|view| &view.alert)
            // A ring on the screen of the person in danger helps nobody but who stands beside her.
            .filter(|alert| !self.who.is_me(alert.subject))
            .collect();
        let asking: Vec<Asking<'_>> = open.iter().map(|alert| self.asking(alert)).collect();
        for (id, ring) in self.rounds.look(&asking, &self.rules, now) {
            let alert = open.iter().find(|alert| alert.id == id);
            if let Some(alert) = alert {
                self.rung(alert, ring)?;
            }
            if let Some(hook) = &mut self.hook {
                hook.ring(Some(id), ring.name(), alert.is_some_and(|alert| alert.drill));
            }
        }
        Ok(())
    }

    fn rung(&mut self, alert: &Alert, ring: Ring) -> Result<(), End> {
        let contacts = match ring {
            Ring::TierThree => self.device.contacts()?,
            _ => Vec::new(),
        };
        if self.context.json {
            let mut data = json!({
                "alert": alert.id.short(), "event": ring.name(), "drill": alert.drill,
            });
            if ring == Ring::TierThree {
                show::set(&mut data, "contacts", contacts_json(&contacts));
            }
            self.out.tell("ring", data, "")?;
        } else {
            self.out.lines(&self.ring_lines(alert, ring, &contacts))?;
        }
        Ok(self.out.bell()?)
    }

    /// What a ring says; nothing where the items have said it.
    fn ring_lines(&self, alert: &Alert, ring: Ring, contacts: &[Contact]) -> Vec<String> {
        let text = &self.context.text;
        let (time, id) = (self.time(), alert.id.short());
        let id = id.as_str();
        let subject = self.who.name(alert.subject);
        let name = subject.as_str();
        let since = self.context.clock.moment(alert.raised_s, now_s());
        let line = match ring {
            Ring::Raised | Ring::GivenBack => return Vec::new(),
            Ring::Expired => t!(text, "watch-claim-expired", time = time, alert = id, name = name),
            Ring::Again => {
                t!(text, "watch-alert-again", time = time, alert = id, name = name, since = since)
            }
            Ring::TierTwo => {
                t!(text, "watch-tier-two", time = time, alert = id, name = name, since = since)
            }
            Ring::TierThree => {
                t!(text, "watch-tier-three", time = time, alert = id, name = name, since = since)
            }
            Ring::Handed => {
                let me = self.who.me().map(|me| me.member);
                let asked = alert.handed.iter().filter(|(_, to)| Some(*to) == me);
                let by = text.list(asked.map(|(by, _)| self.who.name(*by)));
                t!(text, "watch-handed-to-you", time = time, alert = id, name = name, by = by)
            }
        };
        let mut lines = vec![marked(text, alert, line)];
        if ring == Ring::TierThree {
            lines.extend(outside(text, id, &subject, alert.drill, contacts));
        }
        lines
    }
}

/// Whom to turn to outside, and what a person does. The program turns to nobody.
fn outside(text: &Text, alert: &str, name: &str, drill: bool, contacts: &[Contact]) -> Vec<String> {
    let mut lines = Vec::new();
    if drill {
        lines.push(t!(text, "outside-drill"));
    }
    lines.push(t!(text, "outside-try", name = name));
    if contacts.is_empty() {
        lines.push(t!(text, "outside-nobody"));
    } else {
        lines.push(t!(text, "outside-call"));
    }
    for contact in contacts {
        let (name, how) = (clean(&contact.name), clean(&contact.how));
        lines.push(t!(text, "outside-contact", name = name, how = how));
    }
    lines.push(t!(text, "outside-note", alert = alert));
    lines.push(t!(text, "outside-person"));
    lines.into_iter().map(|line| format!("  {line}")).collect()
}
