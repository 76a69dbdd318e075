//! `velar panic`: raised first, in the vault; then told, with what is true as it becomes true.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use velar_protocol::circle::limits::MAX_TEXT_LEN;
use velar_protocol::circle::{AlertId, Claim};
use velar_protocol::seal::{MemberId, MessageId};

use super::carrier::{Carrier, News, is_over};
use super::{Context, show};
use crate::cli::Panic;
use crate::device::{Device, DeviceError, Progress, Reach};
use crate::failure::{Exit, Failure};
use crate::link::now_s;
use crate::terminal::clean;
use crate::text::t;

/// How long the command goes on sending and listening unless said otherwise.
const WAIT: Duration = Duration::from_secs(60);

/// Without an answer for this long there is no connection, as far as the person is concerned; a lost network
/// does not always say so.
const NO_ANSWER: Duration = Duration::from_secs(2);

pub(super) async fn run(context: &Context, args: Panic) -> Result<Exit, Failure> {
    let (mut device, raised) = match raise(context, &args.text.join(" ")) {
        Ok(raised) => raised,
        Err(failure) => {
            context.remark(&t!(context.text, "panic-failed"));
            return Err(failure);
        }
    };
    let failed = |error: DeviceError| context.failure(error);
    let mut telling = Telling::new(context, raised);
    telling.raised();
    let alone = device.progress(telling.raised.message).map_err(failed)?.is_empty();
    if alone {
        telling.tell("nobody", json!({}), &t!(context.text, "panic-nobody"));
        return Ok(Exit::NotNow);
    }
    let mut carrier = Carrier::new(context)?;
    let wait = args.wait.unwrap_or(WAIT);
    carrier
        .until(&mut device, wait, |device, news| telling.go_on(device, news))
        .await
        .map_err(failed)?;
    telling.go_on(&mut device, &carrier.news).map_err(failed)?;
    let exit = telling.summary(carrier.is_stopped());
    carrier.finish(&mut device).await.map_err(failed)?;
    Ok(exit)
}

/// An alarm that is in the vault.
struct Raised {
    alert: AlertId,
    message: MessageId,
    at_s: u64,
    /// Whether the same alert was open before.
    added: bool,
}

/// Puts the alarm into the vault. A text that is too long is cut, never refused.
fn raise(context: &Context, said: &str) -> Result<(Device, Raised), Failure> {
    let mut device = context.device()?;
    let at_s = now_s();
    let open = device.alerts(true, at_s).unwrap_or_default();
    let (alert, message) = device.panic(cut(said), at_s).map_err(|error| context.failure(error))?;
    let added = open.iter().any(|view| view.alert.id == alert);
    Ok((device, Raised { alert, message, at_s, added }))
}

/// As much of a text as fits into a message.
fn cut(said: &str) -> &str {
    let end = (0..=MAX_TEXT_LEN.min(said.len())).rev().find(|end| said.is_char_boundary(*end));
    end.and_then(|end| said.get(..end)).unwrap_or_default()
}

/// Says each thing once, when it has become true.
struct Telling<'a> {
    context: &'a Context,
    raised: Raised,
    begun: Instant,
    progress: Progress,
    relays: BTreeSet<String>,
    received: BTreeSet<MemberId>,
    taken: BTreeSet<MemberId>,
    said_kept: bool,
}

impl<'a> Telling<'a> {
    fn new(context: &'a Context, raised: Raised) -> Self {
        Self {
            context,
            raised,
            begun: Instant::now(),
            progress: Progress::new(),
            relays: BTreeSet::new(),
            received: BTreeSet::new(),
            taken: BTreeSet::new(),
            said_kept: false,
        }
    }

    /// A line for people, or an object with `kind` for programs. Whether it can be written changes nothing.
    fn tell(&self, kind: &str, mut data: Value, line: &str) {
        if self.context.json {
            show::set(&mut data, "kind", json!(kind));
            show::set(&mut data, "alert", json!(self.raised.alert.short()));
            show::say(self.context, &show::json_line(&data));
        } else {
            show::say(self.context, line);
        }
    }

    /// For people only.
    fn add(&self, line: &str) {
        if !self.context.json {
            show::say(self.context, line);
        }
    }

    fn raised(&self) {
        let text = &self.context.text;
        let alert = self.raised.alert.short();
        let time = self.context.clock.stamp(self.raised.at_s);
        let line = if self.raised.added {
            t!(text, "panic-added", alert = alert)
        } else {
            t!(text, "panic-raised", alert = alert, time = time)
        };
        let data = json!({
            "raised_s": self.raised.at_s, "added": self.raised.added,
            "message": show::hex(&self.raised.message.0),
        });
        self.tell("raised", data, &line);
        self.add(&t!(text, "panic-sending"));
    }

    /// Says what has become true; whether there is nothing left to wait for.
    fn go_on(&mut self, device: &mut Device, news: &News) -> Result<bool, DeviceError> {
        self.progress = device.progress(self.raised.message)?;
        let text = &self.context.text;
        for (member, name, reach) in &self.progress {
            match reach {
                Reach::AtRelay(relays) => {
                    for relay in relays {
                        if self.relays.insert(relay.clone()) {
                            let line = t!(text, "panic-at-relay", relay = relay.as_str());
                            self.tell("at-relay", json!({"relay": relay}), &line);
                        }
                    }
                }
                Reach::Received(_) if self.received.insert(*member) => {
                    let data = json!({"member": show::hex(&member.0), "name": name});
                    let line = t!(text, "panic-received", name = clean(name));
                    self.tell("received", data, &line);
                }
                _ => {}
            }
        }
        for claim in claims(device, self.raised.alert)? {
            if self.taken.insert(claim.by) {
                let name = self.progress.iter().find(|(member, ..)| *member == claim.by);
                let name = name.map(|(_, name, _)| name.clone()).unwrap_or_default();
                let data = json!({"member": show::hex(&claim.by.0), "name": name});
                self.tell("taken", data, &t!(text, "panic-taken", name = clean(&name)));
            }
        }
        let nowhere = self.relays.is_empty() && self.received.is_empty();
        let no_answer = news.trouble.is_some() || self.begun.elapsed() >= NO_ANSWER;
        if nowhere && no_answer && !self.said_kept {
            self.said_kept = true;
            self.tell("kept", json!({}), &t!(text, "panic-kept"));
            news.remark_trouble(self.context);
            self.add(&t!(text, "panic-other-means"));
        }
        Ok(is_over(&self.progress))
    }

    /// What is true at the end, and who was not reached.
    fn summary(&self, stopped: bool) -> Exit {
        let text = &self.context.text;
        let exit = show::exit(&self.progress);
        let (count, total) = (self.received.len(), self.progress.len());
        let data = json!({
            "people": show::people_json(&self.progress), "received": count, "total": total,
            "stopped": stopped,
        });
        self.tell("summary", data, &t!(text, "panic-summary", count = count, total = total));
        let not_reached = show::names_where(&self.progress, |reach| !show::is_received(reach));
        if !not_reached.is_empty() {
            self.add(&t!(text, "panic-not-reached", names = text.list(&not_reached)));
            if exit == Exit::Kept {
                self.add(&t!(text, "panic-kept"));
            }
            self.add(&t!(text, "panic-keeps-trying"));
        }
        if count == 0 {
            self.add(&t!(text, "panic-other-means"));
        }
        self.add(&t!(text, "panic-state"));
        self.add(&t!(text, "panic-false"));
        exit
    }
}

fn claims(device: &mut Device, alert: AlertId) -> Result<Vec<Claim>, DeviceError> {
    let open = device.alerts(true, now_s())?;
    let this = open.into_iter().find(|view| view.alert.id == alert);
    Ok(this.map(|view| view.alert.claims).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_long_is_cut_between_letters() {
        let long = format!("{}ñ", "x".repeat(MAX_TEXT_LEN - 1));
        assert_eq!(cut(&long).len(), MAX_TEXT_LEN - 1);
        assert_eq!(cut("¡ay!"), "¡ay!");
        assert_eq!(cut(""), "");
    }
}
