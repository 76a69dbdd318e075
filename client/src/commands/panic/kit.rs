//! `velar panic` with the kit: posted first, with no passphrase. Only then, if it is at hand, the vault is opened
//! and the alarm followed from there.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use velar_protocol::seal::Day;
use velar_protocol::seal::lifetimes::KIT_WARNING_DAYS;

use super::super::{Context, clocks, show};
use super::telling::{NO_ANSWER, Raised, Telling};
use super::{SAY_SO, UNTIL_STOPPED, WAIT, cut, follow};
use crate::device::{Device, DeviceError, KitView};
use crate::failure::{Exit, Failure, failure, net_reason, reason};
use crate::kit::{self, Contents, KitFile, Marker, News, Posting, Renew, Taken};
use crate::link::now_s;
use crate::net::NetError;
use crate::passphrase::PassphraseSource;
use crate::text::t;

/// How long a command that has said everything waits for the last answer.
const SETTLE: Duration = Duration::from_secs(1);

/// Time is looked at this often when nothing happens.
const TICK: Duration = Duration::from_millis(200);

pub(super) async fn run(
    context: &Context,
    taken: Taken,
    said: &str,
    wait: Option<Duration>,
) -> Result<Exit, Failure> {
    let given = context.passphrase != PassphraseSource::Prompt;
    let marker = taken.marker();
    let posting = Posting::start(&taken.generation, &marker, !given).map_err(|error| {
        context.remark(&t!(context.text, "panic-failed"));
        let detail = net_reason(&error, &context.text);
        failure!(context.text, Exit::Failed, "error-internal", detail = detail)
    })?;
    context.stop.last_words(None);
    let mut alarm = Alarm::new(context, taken, posting, marker);
    alarm.sync();
    alarm.raised();
    let device = if given {
        alarm
            .listen(|alarm| {
                alarm.asked
                    || alarm.trouble.is_some()
                    || alarm.not_taken.is_some()
                    || alarm.begun.elapsed() >= NO_ANSWER
            })
            .await;
        // The file or descriptor may not open it: the alarm is on its way all the same.
        context.stop.last_words(Some(alarm.so_far()));
        context.device().map_err(|failure| context.remark(failure.what())).ok()
    } else if context.can_ask() {
        alarm.listen(|alarm| alarm.heard || alarm.begun.elapsed() >= NO_ANSWER).await;
        // Ctrl-C at the question ends it at once.
        context.stop.last_words(Some(alarm.so_far()));
        context.device_if_wanted()
    } else {
        None
    };
    context.stop.last_words(None);
    match device {
        Some(device) => alarm.followed(device, said, wait).await,
        None => alarm.alone(said, wait).await,
    }
}

/// `velar panic --disarm`
pub(super) fn disarm(context: &Context) -> Result<Exit, Failure> {
    context.stop.last_words(None);
    KitFile::of(&context.vault_dir).disarm().map_err(|error| {
        let detail = reason(&error, &context.text);
        failure!(context.text, Exit::Failed, "error-kit", detail = detail)
    })?;
    say(context, &json!({"disarmed": true}), &t!(context.text, "panic-disarmed"));
    Ok(Exit::Done)
}

/// `velar panic --arm`
pub(super) async fn arm(context: &Context) -> Result<Exit, Failure> {
    context.stop.last_words(None);
    let mut device = context.device()?;
    KitFile::of(&context.vault_dir).arm().map_err(|error| {
        let detail = reason(&error, &context.text);
        failure!(context.text, Exit::Failed, "error-kit", detail = detail)
    })?;
    kit::keep(&mut device, Renew::Lacking, now_s()).map_err(|error| context.failure(error))?;
    let left = device.kit().map_err(|error| context.failure(error))?.left;
    say(context, &json!({"armed": left}), &t!(context.text, "panic-armed", count = left));
    Ok(if left > 0 { Exit::Done } else { Exit::NotNow })
}

/// How the kit stands, for `velar status`.
pub(in crate::commands) struct KitLines {
    kit: KitView,
    disarmed: bool,
}

impl KitLines {
    pub(in crate::commands) fn of(
        context: &Context,
        device: &mut Device,
    ) -> Result<Self, DeviceError> {
        let bytes = KitFile::of(&context.vault_dir).bytes().ok().flatten();
        let disarmed = bytes.is_some_and(|bytes| Contents::decode(&bytes).disarmed);
        Ok(Self { kit: device.kit()?, disarmed })
    }

    pub(in crate::commands) fn lines(&self, context: &Context) -> Vec<String> {
        let text = &context.text;
        if self.disarmed {
            return vec![t!(text, "status-kit-disarmed")];
        }
        let lacking = (self.kit.left > 0 && self.kit.lacking > 0)
            .then(|| t!(text, "status-kit-lacking", count = self.kit.lacking));
        let kit = t!(text, "status-kit", count = self.kit.left);
        std::iter::once(kit).chain(lacking).collect()
    }

    pub(in crate::commands) fn json(&self) -> Value {
        let KitView { left, whole, lacking } = self.kit;
        json!({"left": left, "whole": whole, "lacking": lacking, "disarmed": self.disarmed})
    }
}

fn say(context: &Context, data: &Value, line: &str) {
    show::say(context, &if context.json { show::json_line(data) } else { line.to_owned() });
}

/// An alarm of the kit, and what is known of it without the vault.
struct Alarm<'a> {
    context: &'a Context,
    taken: Taken,
    posting: Posting,
    begun: Instant,
    /// Something was heard of a relay.
    heard: bool,
    /// All that goes along was asked of one.
    asked: bool,
    /// Marks what relays have.
    marker: Marker,
    relays: BTreeSet<String>,
    strangers: BTreeSet<String>,
    trouble: Option<String>,
    /// Where a relay did not take something.
    not_taken: Option<String>,
    said_kept: bool,
    said_clock: bool,
}

impl<'a> Alarm<'a> {
    fn new(context: &'a Context, taken: Taken, posting: Posting, marker: Marker) -> Self {
        Self {
            context,
            taken,
            posting,
            begun: Instant::now(),
            heard: false,
            asked: false,
            marker,
            relays: BTreeSet::new(),
            strangers: BTreeSet::new(),
            trouble: None,
            not_taken: None,
            said_kept: false,
            said_clock: false,
        }
    }

    fn tell(&self, kind: &str, mut data: Value, line: &str) {
        show::set(&mut data, "kind", json!(kind));
        show::set(&mut data, "alert", json!(self.taken.generation.alert()));
        say(self.context, &data, line);
    }

    fn add(&self, line: &str) {
        if !self.context.json {
            show::say(self.context, line);
        }
    }

    /// The marks go to the disk, beside everything else.
    fn sync(&self) {
        let marker = self.marker.clone();
        tokio::task::spawn_blocking(move || marker.sync());
    }

    fn placed(&self) -> usize {
        self.taken.generation.placed()
    }

    fn total(&self) -> usize {
        self.taken.generation.envelopes.len()
    }

    /// At how many of its places the alarm is.
    fn so_far(&self) -> String {
        t!(self.context.text, "panic-kit-summary", count = self.placed(), total = self.total())
    }

    fn raised(&self) {
        let text = &self.context.text;
        let (generation, at_s) = (&self.taken.generation, now_s());
        let alert = generation.alert();
        let time = self.context.clock.stamp(at_s);
        let line = if self.taken.again {
            t!(text, "panic-kit-again", alert = alert)
        } else {
            t!(text, "panic-raised", alert = alert, time = time)
        };
        let days = Day::of_unix(at_s).0.saturating_sub(generation.day.0);
        let data = json!({
            "raised_s": at_s, "kit": generation.number, "again": self.taken.again,
            "left": self.taken.left, "lacking": generation.lacking, "days": days,
            "marked": self.taken.marked,
        });
        self.tell("raised", data, &line);
        if days > KIT_WARNING_DAYS {
            self.add(&t!(text, "panic-kit-old", days = days));
        }
        if !self.taken.marked {
            self.add(&t!(text, "panic-kit-unmarked"));
        }
        self.add(&t!(text, "panic-sending"));
    }

    /// Says what becomes known until `done`, or the person wants to end.
    async fn listen(&mut self, done: impl Fn(&Self) -> bool) {
        while !self.context.stop.is_told() {
            while let Some(news) = self.posting.try_next() {
                self.take(news);
            }
            self.say_kept();
            if done(self) {
                return;
            }
            tokio::select! {
                news = self.posting.next() => self.take(news),
                () = tokio::time::sleep(TICK) => {}
                () = self.context.stop.wait() => {}
            }
        }
    }

    fn take(&mut self, news: News) {
        let text = &self.context.text;
        match news {
            News::Accepted { envelope, way } => {
                self.heard = true;
                self.taken.accepted(envelope, way);
                if self.placed() == 1 || self.placed() == self.total() {
                    self.sync();
                }
                let one = self.taken.generation.envelopes.get(envelope);
                let host = one.and_then(|one| one.ways.get(way)).map(|way| way.relay.place());
                let host = host.unwrap_or_default();
                if self.relays.insert(host.clone()) {
                    let line = t!(text, "panic-at-relay", relay = host.as_str());
                    self.tell("at-relay", json!({"relay": host}), &line);
                }
            }
            News::NotTaken { relay } => {
                self.heard = true;
                self.not_taken = Some(relay.place());
            }
            News::Trouble { relay, error } => {
                let host = relay.place();
                self.trouble = Some(net_reason(&error, text));
                if matches!(error, NetError::WrongPin { .. }) && self.strangers.insert(host.clone())
                {
                    let line = t!(text, "panic-pin", relay = host.as_str());
                    self.tell("not-the-relay", json!({"relay": host}), &line);
                }
            }
            News::Asked => self.asked = true,
            News::Time(clock) => {
                if let Some(differs) = clock.difference(now_s()).filter(|_| !self.said_clock) {
                    self.said_clock = true;
                    self.context.remark(&clocks::difference(differs, text));
                }
            }
        }
    }

    /// No relay has it: said at once, and once.
    fn say_kept(&mut self) {
        let no_answer =
            self.trouble.is_some() || self.not_taken.is_some() || self.begun.elapsed() >= NO_ANSWER;
        if self.placed() > 0 || !no_answer || self.said_kept {
            return;
        }
        self.said_kept = true;
        let text = &self.context.text;
        if self.context.json || self.strangers.is_empty() {
            let line = match &self.not_taken {
                Some(relay) => t!(text, "panic-not-taken", relay = relay.as_str()),
                None => t!(text, "panic-no-connection"),
            };
            self.tell("kept", json!({}), &line);
        }
        if self.strangers.is_empty() {
            self.trouble.as_ref().map(|why| self.add(&format!("({why})"))).unwrap_or_default();
            self.add(&t!(text, "panic-other-means"));
        }
    }

    /// The vault is open: from here the alarm is one like any other, with what was said along.
    async fn followed(
        mut self,
        mut device: Device,
        said: &str,
        wait: Option<Duration>,
    ) -> Result<Exit, Failure> {
        while let Some(news) = self.posting.try_next() {
            self.take(news);
        }
        let context = self.context;
        let at_s = now_s();
        let raised = kit::raised(&mut device, &self.taken, at_s);
        let Ok(Some((alert, message))) = raised else {
            // The vault is another one, or cannot be written: the kit knows enough.
            raised.map(|_| ()).unwrap_or_else(|error| {
                context.remark(context.failure(error).what());
            });
            return self.alone(said, wait).await;
        };
        let (text, relays) = (cut(said), self.relays);
        // What it did not deliver is in the outbox now.
        self.posting.finish().await;
        let cut = text.len() < said.len();
        if !text.is_empty() {
            // Words that cannot be kept must not keep the alarm back.
            if let Err(error) = device.note(alert, text, at_s) {
                context.remark(context.failure(error).what());
            }
        }
        let views = device.alerts(true, at_s).unwrap_or_default();
        let this = views.iter().find(|view| view.alert.id == alert);
        let added = this.is_some_and(|view| view.alert.seen.raised.len() > 1);
        let raised = Raised { alert, message, at_s, added, cut };
        let mut telling = Telling::after_kit(context, raised, relays, self.asked);
        telling.unlocked();
        follow(context, &mut device, &mut telling, wait).await
    }

    /// Nobody opens the vault: goes on until every envelope is at a relay. Whether it was received cannot be known.
    async fn alone(mut self, said: &str, wait: Option<Duration>) -> Result<Exit, Failure> {
        let text = &self.context.text;
        if !said.is_empty() {
            self.add(&t!(text, "panic-kit-words"));
        }
        let say_so = wait.unwrap_or(SAY_SO);
        let over = |alarm: &Self, wait: Duration| {
            alarm.placed() == alarm.total() || alarm.begun.elapsed() >= wait
        };
        self.listen(|alarm| over(alarm, say_so)).await;
        if wait.is_none() && self.placed() == 0 && !self.context.stop.is_told() {
            self.add(&t!(text, "panic-kit-goes-on"));
            self.listen(|alarm| alarm.placed() > 0 || over(alarm, UNTIL_STOPPED)).await;
        }
        if wait.is_none() {
            let enough = self.begun.elapsed().max(WAIT);
            self.listen(|alarm| over(alarm, enough)).await;
        }
        let exit = self.summary();
        // What goes along goes out too: an alarm must not look different.
        let said = Instant::now();
        self.listen(|alarm| alarm.asked || alarm.placed() == 0 || said.elapsed() >= SETTLE).await;
        self.posting.finish().await;
        Ok(exit)
    }

    fn summary(&self) -> Exit {
        let text = &self.context.text;
        let (placed, total) = (self.placed(), self.total());
        let data = json!({
            "at_relay": placed, "total": total, "lacking": self.taken.generation.lacking,
            "left": self.taken.left, "stopped": self.context.stop.is_told(),
        });
        self.tell("summary", data, &self.so_far());
        let lacking = self.taken.generation.lacking;
        if lacking > 0 {
            self.add(&t!(text, "panic-kit-lacking", count = lacking));
        }
        if placed < total {
            self.add(&t!(text, "panic-kit-not-everywhere"));
        }
        if placed == 0 {
            self.add(&t!(text, "panic-other-means"));
        }
        self.add(&t!(text, "panic-kit-state"));
        self.add(&t!(text, "panic-kit-left", count = self.taken.left));
        if placed > 0 { Exit::NotReceived } else { Exit::Kept }
    }
}
