//! On shift: what this watch tells the others of itself, and what it knows of them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;
use velar_protocol::circle::{Alert, Role};
use velar_protocol::seal::MemberId;

use super::Post;
use super::end::End;
use super::rounds::{Asking, is_asked_first};
use crate::link::{Link, now_s};
use crate::presence::{Heartbeat, WATCHING_S};
use crate::terminal::clean;
use crate::text::t;

/// How long a watch that ends tries to tell the others.
const SIGN_OFF: Duration = Duration::from_secs(1);

/// Who watches is looked at this often when nothing happens: what somebody said runs out by itself.
const LOOK: Duration = Duration::from_secs(10);

/// Whether this terminal is on shift, and who else is.
pub(super) struct Shift {
    on: bool,
    heartbeat: Heartbeat,
    others: Vec<MemberId>,
    said: BTreeSet<String>,
    looked: Option<Instant>,
}

impl Shift {
    pub(super) fn new(on: bool) -> Self {
        Self {
            on,
            heartbeat: Heartbeat::default(),
            others: Vec::new(),
            said: BTreeSet::new(),
            looked: None,
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.on
    }
}

impl Post<'_> {
    /// Tells the others, when it is time, that this terminal is watched, and answers those who ask. The first time it
    /// asks them too.
    pub(super) fn be_present(&mut self, changed: bool, now: u64) -> Result<(), End> {
        if !self.shift.on {
            return Ok(());
        }
        let until_s = now.saturating_add(WATCHING_S);
        // Another watch on this device has ended, and said so for both.
        let silenced = changed && self.device.presence_said()? <= now;
        if silenced || self.shift.heartbeat.is_due(now) {
            let first = self.shift.heartbeat == Heartbeat::default();
            self.device.say_presence(until_s, first, now)?;
            let draw = self.device.random();
            self.shift.heartbeat.said(now, draw);
        }
        if changed {
            self.device.answer_roll_calls(until_s, now)?;
        }
        Ok(())
    }

    /// Says who else watches, when that changes.
    pub(super) fn presence(&mut self, changed: bool, now: u64) -> Result<(), End> {
        if !changed && self.shift.looked.is_some_and(|at| at.elapsed() < LOOK) {
            return Ok(());
        }
        self.shift.looked = Some(Instant::now());
        let mut watchers = self.device.watchers()?;
        watchers.retain(|watcher| watcher.is_watching(now));
        self.shift.others = watchers.iter().map(|watcher| watcher.member).collect();
        let names: BTreeSet<String> = watchers.iter().map(|watcher| clean(&watcher.name)).collect();
        if names == self.shift.said {
            return Ok(());
        }
        let text = &self.context.text;
        let shown = match names.is_empty() {
            true => t!(text, "word-nobody"),
            false => text.list(&names),
        };
        let line = t!(text, "watch-presence", time = self.time(), names = shown);
        let data = json!({"names": names});
        self.shift.said = names;
        Ok(self.out.tell("presence", data, &line)?)
    }

    /// How an alert stands to this terminal.
    pub(super) fn asking<'a>(&self, alert: &'a Alert) -> Asking<'a> {
        let me = self.who.me();
        let answers =
            me.is_some_and(|me| me.roles.has(Role::Accompanier) || me.roles.has(Role::Coordinator));
        let others = self.shift.others.iter().any(|member| *member != alert.subject);
        let first = is_asked_first(alert, self.shift.on && answers, others);
        let mine = |to: &MemberId| me.is_some_and(|me| me.member == *to);
        Asking { alert, first, handed: alert.handed.iter().any(|(_, to)| mine(to)) }
    }

    /// The watch ends: the others are told, if that can be done in a moment.
    pub(super) async fn sign_off(&mut self, link: &mut Link) -> Result<(), End> {
        if !self.shift.on {
            return Ok(());
        }
        link.end_watch();
        self.device.say_presence(0, false, now_s())?;
        let end = Instant::now() + SIGN_OFF;
        while Instant::now() < end && !self.device.due(now_s(), 1, |_| false)?.is_empty() {
            link.step(&mut self.device, end.into()).await?;
        }
        Ok(())
    }
}
