//! What is said of an alarm that is in the vault, as it becomes true.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use velar_protocol::circle::{AlertId, Claim};
use velar_protocol::seal::{MemberId, MessageId};

use super::super::carrier::{News, is_over, is_sent};
use super::super::{Context, clocks, relays, show};
use crate::device::{Device, DeviceError, Progress, Reach};
use crate::failure::Exit;
use crate::link::now_s;
use crate::net::NetError;
use crate::terminal::clean;
use crate::text::t;

/// Without an answer for this long there is no connection, as far as the person is concerned; a lost network
/// does not always say so.
pub(super) const NO_ANSWER: Duration = Duration::from_secs(2);

/// An alarm that is in the vault.
pub(super) struct Raised {
    pub(super) alert: AlertId,
    pub(super) message: MessageId,
    pub(super) at_s: u64,
    /// Whether the same alert was open before.
    pub(super) added: bool,
    /// Whether only the beginning of the text fitted.
    pub(super) cut: bool,
}

/// Says each thing once, when it has become true.
pub(super) struct Telling<'a> {
    context: &'a Context,
    pub(super) raised: Raised,
    begun: Instant,
    progress: Progress,
    relays: BTreeSet<String>,
    received: BTreeSet<MemberId>,
    taken: BTreeSet<MemberId>,
    said_kept: bool,
    said_clock: bool,
    said_removed: bool,
    said_relays: bool,
    /// Hosts where somebody else answered than the relay.
    strangers: BTreeSet<String>,
    /// The kit has asked a relay, with all that a command asks.
    pub(super) asked: bool,
}

impl<'a> Telling<'a> {
    pub(super) fn new(context: &'a Context, raised: Raised) -> Self {
        Self {
            context,
            raised,
            begun: Instant::now(),
            progress: Progress::new(),
            relays: BTreeSet::new(),
            asked: false,
            received: BTreeSet::new(),
            taken: BTreeSet::new(),
            said_kept: false,
            said_clock: false,
            said_removed: false,
            said_relays: false,
            strangers: BTreeSet::new(),
        }
    }

    /// One that goes on from where the kit got, with the relays that were told of already. `asked`: all that goes along
    /// was asked of one.
    pub(super) fn after_kit(
        context: &'a Context,
        raised: Raised,
        relays: BTreeSet<String>,
        asked: bool,
    ) -> Self {
        Self { relays, asked, ..Self::new(context, raised) }
    }

    /// A line for people, or an object with `kind` for programs. Whether it can be written changes nothing.
    pub(super) fn tell(&self, kind: &str, mut data: Value, line: &str) {
        if self.context.json {
            show::set(&mut data, "kind", json!(kind));
            show::set(&mut data, "alert", json!(self.raised.alert.short()));
            show::say(self.context, &show::json_line(&data));
        } else {
            show::say(self.context, line);
        }
    }

    /// For people only.
    pub(super) fn add(&self, line: &str) {
        if !self.context.json {
            show::say(self.context, line);
        }
    }

    pub(super) fn raised(&self) {
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

    /// The kit has said that it is raised; the vault is open now.
    pub(super) fn unlocked(&self) {
        let text = &self.context.text;
        let data = json!({
            "added": self.raised.added, "cut": self.raised.cut,
            "message": show::hex(&self.raised.message.0),
        });
        let line = match self.raised.added {
            true => t!(text, "panic-added", alert = self.raised.alert.short()),
            false => t!(text, "panic-kit-unlocked"),
        };
        self.tell("unlocked", data, &line);
        if self.raised.cut {
            self.add(&t!(text, "panic-cut"));
        }
    }

    /// No relay has it, as far as is known.
    pub(super) fn is_nowhere(&self) -> bool {
        self.relays.is_empty() && self.received.is_empty()
    }

    /// Somebody's terminal has it.
    pub(super) fn is_received(&self) -> bool {
        !self.received.is_empty()
    }

    /// Says what has become true; whether there is nothing left to wait for.
    pub(super) fn go_on(&mut self, device: &mut Device, news: &News) -> Result<bool, DeviceError> {
        self.progress = device.progress(self.raised.message)?;
        // Who has not heard of it yet may still receive the alarm.
        if !self.said_removed && device.is_removed()? {
            self.said_removed = true;
            self.context.remark(&self.context.failure(DeviceError::Removed).to_string());
        }
        if !std::mem::replace(&mut self.said_relays, true) {
            for one in device.named_relays()? {
                if let Some(line) = relays::alarm_line(self.context, &one) {
                    let data = relays::json_named(std::slice::from_ref(&one));
                    self.tell("relay-asks", json!({"relays": data}), &line);
                }
            }
        }
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
        if let Some(differs) = news.clock_differs.filter(|_| !self.said_clock) {
            self.said_clock = true;
            self.add(&clocks::difference(differs, text));
        }
        if let Some((relay, NetError::WrongPin { .. })) = &news.trouble {
            let host = relay.place();
            if self.strangers.insert(host.clone()) {
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
    pub(super) fn summary(&self, stopped: bool) -> Exit {
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
            show::no_relay(self.context, &self.progress).iter().for_each(|line| self.add(line));
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
