//! What a watch says and rings for alerts that are open.

use serde_json::json;
use velar_protocol::circle::Alert;

use super::super::items::{Teller, alert_json};
use super::Post;
use super::end::End;
use super::rounds::Ring;
use crate::link::now_s;
use crate::text::t;

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
        for (id, ring) in self.rounds.look(&open, self.repeat_s, now) {
            if let Some(alert) = open.iter().find(|alert| alert.id == id) {
                self.rung(alert, ring)?;
            }
            if let Some(hook) = &mut self.hook {
                hook.ring(id, ring.name());
            }
        }
        Ok(())
    }

    fn rung(&self, alert: &Alert, ring: Ring) -> Result<(), End> {
        let text = &self.context.text;
        let (time, id) = (self.time(), alert.id.short());
        let name = self.who.name(alert.subject);
        let data = || json!({"alert": id, "event": ring.name()});
        let line = match ring {
            // The items have said these.
            Ring::Raised | Ring::GivenBack => None,
            Ring::Expired => {
                Some(t!(text, "watch-claim-expired", time = time, alert = id.as_str(), name = name))
            }
            Ring::Again => {
                let since = self.context.clock.moment(alert.raised_s, now_s());
                let alert = id.as_str();
                Some(t!(
                    text,
                    "watch-alert-again",
                    time = time,
                    alert = alert,
                    name = name,
                    since = since
                ))
            }
        };
        match line {
            _ if self.context.json => self.out.tell("ring", data(), "")?,
            Some(line) => self.out.tell("ring", data(), &line)?,
            None => {}
        }
        Ok(self.out.bell()?)
    }
}
