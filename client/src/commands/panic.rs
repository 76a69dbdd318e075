//! `velar panic`: raised first, in the vault; then told, with what is true as it becomes true.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use velar_protocol::circle::{AlertId, Claim};
use velar_protocol::seal::{MemberId, MessageId};

use super::carrier::{Carrier, Ended, News, is_over, is_sent};
use super::{Context, show};
use crate::cli::Panic;
use crate::device::{Device, DeviceError, Progress, Reach};
use crate::failure::{Exit, Failure};
use crate::link::now_s;
use crate::net::NetError;
use crate::terminal::clean;
use crate::text::t;

/// How long the command goes on sending and listening unless said otherwise.
const WAIT: Duration = Duration::from_secs(60);

/// Without an answer for this long there is no connection, as far as the person is concerned; a lost network
/// does not always say so.
const NO_ANSWER: Duration = Duration::from_secs(2);

/// How long it goes on at a terminal while no relay has the alarm: until the person ends it.
const UNTIL_STOPPED: Duration = Duration::from_secs(365 * 86_400);

/// Bytes of text that go out with an alarm. It then takes one envelope and one prekey for each person: what
/// is said must not keep the alarm from arriving.
const MAX_ALARM_LEN: usize = 2_000;

pub(super) async fn run(context: &Context, args: Panic) -> Result<Exit, Failure> {
    let raised = raise(context, &args.text.join(" "));
    context.stop.last_words(None);
    let (mut device, raised) = match raised {
        Ok(raised) => raised,
        Err(failure) => {
            context.remark(&t!(context.text, "panic-failed"));
            return Err(failure);
        }
    };
    let mut telling = Telling::new(context, raised);
    telling.raised();
    let done = carry(context, &mut device, &mut telling, args.wait.unwrap_or(WAIT)).await;
    if done.is_err() && telling.is_nowhere() {
        context.remark(&t!(context.text, "panic-kept"));
    }
    done
}

/// Sends the alarm and tells what becomes of it: for `wait`, and at a terminal until a relay has it.
async fn carry(
    context: &Context,
    device: &mut Device,
    telling: &mut Telling<'_>,
    wait: Duration,
) -> Result<Exit, Failure> {
    let failed = |error: DeviceError| context.failure(error);
    if device.progress(telling.raised.message).map_err(failed)?.is_empty() {
        telling.tell("nobody", json!({}), &t!(context.text, "panic-nobody"));
        return Ok(Exit::NotNow);
    }
    let mut carrier = Carrier::new(context)?;
    let go_on = |device: &mut Device, news: &News| telling.go_on(device, news);
    let ended = carrier.until(device, wait, go_on).await.map_err(failed)?;
    let watched = !context.json && std::io::stdout().is_terminal();
    if watched && ended == Ended::Late && telling.is_nowhere() {
        telling.add(&t!(context.text, "panic-goes-on"));
        let somewhere = |device: &mut Device, news: &News| {
            Ok(telling.go_on(device, news)? || !telling.is_nowhere())
        };
        carrier.until(device, UNTIL_STOPPED, somewhere).await.map_err(failed)?;
        let go_on = |device: &mut Device, news: &News| telling.go_on(device, news);
        carrier.until(device, wait, go_on).await.map_err(failed)?;
    }
    telling.go_on(device, &carrier.news).map_err(failed)?;
    let exit = telling.summary(carrier.is_stopped());
    carrier.finish(device).await.map_err(failed)?;
    Ok(exit)
}

/// An alarm that is in the vault.
struct Raised {
    alert: AlertId,
    message: MessageId,
    at_s: u64,
    /// Whether the same alert was open before.
    added: bool,
    /// Whether only the beginning of the text fitted.
    cut: bool,
}

/// Puts the alarm into the vault. A text that is too long is cut, never refused.
fn raise(context: &Context, said: &str) -> Result<(Device, Raised), Failure> {
    let mut device = context.device_for_alarm()?;
    let at_s = now_s();
    let open = device.alerts(true, at_s).unwrap_or_default();
    let text = cut(said);
    let (alert, message) = device.panic(text, at_s).map_err(|error| context.failure(error))?;
    let added = open.iter().any(|view| view.alert.id == alert);
    Ok((device, Raised { alert, message, at_s, added, cut: text.len() < said.len() }))
}

/// As much of a text as goes out with an alarm.
fn cut(said: &str) -> &str {
    let end = (0..=MAX_ALARM_LEN.min(said.len())).rev().find(|end| said.is_char_boundary(*end));
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
    said_clock: bool,
    /// Hosts where somebody else answered than the relay.
    strangers: BTreeSet<String>,
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
            said_clock: false,
            strangers: BTreeSet::new(),
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
            "raised_s": self.raised.at_s, "added": self.raised.added, "cut": self.raised.cut,
            "message": show::hex(&self.raised.message.0),
        });
        self.tell("raised", data, &line);
        if self.raised.cut {
            self.add(&t!(text, "panic-cut"));
        }
        self.add(&t!(text, "panic-sending"));
    }

    /// No relay has it, as far as is known.
    fn is_nowhere(&self) -> bool {
        self.relays.is_empty() && self.received.is_empty()
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
        if let Some(seconds) = news.clock_differs_s.filter(|_| !self.said_clock) {
            self.said_clock = true;
            self.add(&t!(text, "status-clock", minutes = seconds / 60));
        }
        if let Some((relay, NetError::WrongPin { .. })) = &news.trouble {
            let host = relay.place();
            if self.strangers.insert(host.to_owned()) {
                let line = t!(text, "panic-pin", relay = host.as_str());
                self.tell("not-the-relay", json!({"relay": host}), &line);
            }
        }
        let no_answer = news.trouble.is_some() || self.begun.elapsed() >= NO_ANSWER;
        if self.is_nowhere() && no_answer && !self.said_kept {
            self.said_kept = true;
            // Who was told that a stranger answers knows that it is kept, and what to do.
            let told = !self.strangers.is_empty();
            if self.context.json || !told {
                let line = match &news.trouble {
                    Some((relay, NetError::Full { .. } | NetError::Unavailable { .. })) => {
                        t!(text, "panic-not-taken", relay = relay.place())
                    }
                    None if news.is_connected() => t!(text, "panic-not-out"),
                    _ => t!(text, "panic-no-connection"),
                };
                self.tell("kept", json!({}), &line);
            }
            if !told {
                news.remark_trouble(self.context);
                self.add(&t!(text, "panic-other-means"));
            }
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
            if is_over(&self.progress) {
                // They left, or their relays refuse: nothing more is tried.
            } else if exit == Exit::Kept && self.strangers.is_empty() {
                self.add(&t!(text, "panic-kept"));
            } else if is_sent(&self.progress) {
                self.add(&t!(text, "sent-waits-at-relay"));
            } else {
                self.add(&t!(text, "panic-keeps-trying"));
            }
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
    use velar_protocol::circle::limits::MAX_ALERT_MARKS;
    use velar_protocol::circle::{AlertEvent, AlertMark, Body, EventKind, Message, Reason};
    use velar_protocol::seal::assembly::parts_needed;

    use super::*;

    #[test]
    fn an_alarm_takes_one_envelope_however_much_is_said() {
        let (alert, author) = (AlertId([0xff; 16]), MemberId([0xff; 32]));
        let text = "x".repeat(MAX_ALARM_LEN + 1);
        let kind = EventKind::Raised {
            reason: Reason::Panic,
            subject: author,
            drill: true,
            text: cut(&text).to_owned(),
        };
        let at_s = u64::MAX;
        let event = AlertEvent { alert, salt: [0xff; 8], author, at_s, kind };
        let mark = AlertMark { alert, digest: [0xff; 16] };
        let message = Message {
            sent_at_s: at_s,
            kit: u64::MAX,
            marks: vec![mark; MAX_ALERT_MARKS],
            body: Body::Alert(event),
        };
        assert_eq!(parts_needed(message.encode().unwrap().len(), 0), 1);
    }

    #[test]
    fn a_text_that_is_too_long_is_cut_between_letters() {
        let long = format!("{}ñ", "x".repeat(MAX_ALARM_LEN - 1));
        assert_eq!(cut(&long).len(), MAX_ALARM_LEN - 1);
        assert_eq!(cut("¡ay!"), "¡ay!");
        assert_eq!(cut(""), "");
    }
}
