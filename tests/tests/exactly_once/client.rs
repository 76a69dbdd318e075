//! One of those in this test.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tokio::process::Command;
use tokio::sync::mpsc::UnboundedSender;
use velar_tests::job::Job;
use velar_tests::load::Outcome;
use velar_tests::person::Person;

use crate::traces::Traces;
use crate::{Event, Script};

/// One of them: their processes, what they said, and what they were shown.
pub(crate) struct Client {
    pub(crate) index: usize,
    pub(crate) person: Person,
    pub(crate) watch: Option<Job>,
    pub(crate) talker: Option<Job>,
    pub(crate) says: BTreeMap<String, Job>,
    /// Processes that have not ended.
    pub(crate) running: usize,
    /// Its processes were killed, and some have not ended yet.
    pub(crate) down: bool,
    pub(crate) closing: bool,
    pub(crate) caught_up: bool,
    /// It is to be killed so often once it is up again: what is down cannot be.
    pub(crate) strikes: usize,
    pub(crate) next: usize,
    pub(crate) said: usize,
    pub(crate) typed: BTreeSet<String>,
    /// What is in the vault: the process that said it has told so, or it was shown as one's own.
    pub(crate) kept: BTreeSet<String>,
    /// Numbers of what `watch` showed, run by run.
    pub(crate) runs: Vec<Vec<u64>>,
    /// Number of each text of others that `watch` showed.
    pub(crate) shown: BTreeMap<String, u64>,
    /// How many of each author that were.
    pub(crate) shown_of: BTreeMap<String, usize>,
    /// What was in the vault when its processes were not running.
    pub(crate) traces: Traces,
    script: Script,
}

impl Client {
    pub(crate) fn new(index: usize, person: Person, script: Script) -> Self {
        Self {
            index,
            person,
            watch: None,
            talker: None,
            says: BTreeMap::new(),
            running: 0,
            down: false,
            closing: false,
            caught_up: false,
            strikes: 0,
            next: 0,
            said: 0,
            typed: BTreeSet::new(),
            kept: BTreeSet::new(),
            runs: Vec::new(),
            shown: BTreeMap::new(),
            shown_of: BTreeMap::new(),
            traces: Traces::default(),
            script,
        }
    }

    pub(crate) fn start(&mut self, tell: &UnboundedSender<Event>) -> Outcome<()> {
        self.traces.take(&self.person)?;
        let index = self.index;
        let to = tell.clone();
        let watch = self.person.command(&["watch", "--json"])?;
        self.watch = Some(Job::start(watch, move |said| {
            let _ = to.send(Event::Watch(index, said));
        })?);
        let mut talker = Command::new(env!("CARGO_BIN_EXE_velar-talker"));
        talker.arg("--vault").arg(self.person.vault());
        talker.arg("--passphrase-file").arg(self.person.file("passphrase"));
        let to = tell.clone();
        self.talker = Some(Job::start(talker, move |said| {
            let _ = to.send(Event::Talker(index, said));
        })?);
        self.runs.push(Vec::new());
        (self.running, self.down, self.caught_up) = (2, false, false);
        Ok(())
    }

    /// Kills all its processes at once.
    pub(crate) fn strike(&mut self) {
        self.down = true;
        self.typed.clear();
        let jobs = self.watch.iter_mut().chain(&mut self.talker).chain(self.says.values_mut());
        jobs.for_each(Job::kill_nine);
    }

    pub(crate) fn text(&mut self) -> String {
        self.next += 1;
        format!("{}-{:04}", self.person.name, self.next)
    }

    pub(crate) fn goal_reached(&self) -> bool {
        self.kept.len() >= self.script.says + self.script.talks && self.said >= self.script.says
    }

    /// Says more.
    pub(crate) async fn say(&mut self, tell: &UnboundedSender<Event>) -> Outcome<()> {
        if self.down || self.closing {
            return Ok(());
        }
        let Script { says, talks, typed_ahead, .. } = self.script;
        if self.says.is_empty() && self.said < says {
            let text = self.text();
            let say = self.person.command(&["say", &text, "--json"])?;
            let (index, key, to) = (self.index, text.clone(), tell.clone());
            let job = Job::start(say, move |said| {
                let _ = to.send(Event::Say(index, key.clone(), said));
            })?;
            self.says.insert(text, job);
            self.running += 1;
        }
        let open = self.kept.len() + self.typed.len() + (says - self.said.min(says));
        if self.typed.len() < typed_ahead && open < says + talks {
            let text = self.text();
            if let Some(talker) = &mut self.talker {
                talker.type_line(&text).await;
            }
            self.typed.insert(text);
        }
        Ok(())
    }

    /// One process has ended.
    pub(crate) fn ended(&mut self, what: &str, code: Option<i32>) {
        self.running -= 1;
        let expected = self.down || self.closing && code == Some(0);
        assert!(expected, "{what} of {} ended with {code:?}", self.person.name);
    }

    /// Takes a line of `watch`. Whether something new was shown.
    pub(crate) fn watched(&mut self, line: &str) -> bool {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        self.caught_up |= line["kind"] == "caught-up";
        let Some(n) = line["n"].as_u64() else { return false };
        assert_ne!(line["kind"], "unopened", "{line}");
        assert_ne!(line["kind"], "expired", "{line}");
        self.runs.last_mut().unwrap().push(n);
        let Some(text) = line["text"].as_str().map(str::to_owned) else { return false };
        if line["mine"] == true {
            self.typed.remove(&text);
            return self.kept.insert(text);
        }
        match self.shown.insert(text, n) {
            None => {
                let author = line["name"].as_str().unwrap().to_owned();
                *self.shown_of.entry(author).or_default() += 1;
                true
            }
            Some(before) => {
                assert_eq!(before, n, "{} was shown something twice: {line}", self.person.name);
                false
            }
        }
    }

    /// Lines that `watch` showed twice: each the last before a kill and the first after it.
    pub(crate) fn repeated(&self) -> usize {
        let mut last = 0;
        let mut repeated = 0;
        for run in &self.runs {
            for (index, n) in run.iter().enumerate() {
                let again = index == 0 && *n == last;
                assert!(again || *n > last, "{}: {n} after {last}", self.person.name);
                repeated += usize::from(again);
                last = *n;
            }
        }
        repeated
    }
}
