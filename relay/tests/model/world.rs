//! One relay as it has to be: what every mailbox and hold contains, what is answered, and what a crash may
//! leave of it. Exact, so that whatever a relay says either fits a world or does not.

mod passing;

use std::collections::BTreeSet;
use std::fmt;

use velar_protocol::wire::{Answer, DeliveryOutcome, Refusal, TokenOutcome};

use crate::reference::{Ask, Delivery};
use crate::state::{DAY_S, Entry, Hold, Mailbox, State, Token};

pub(crate) use passing::Kept;

/// A short while before a full hour.
pub(crate) const START_S: u64 = 1_800_003_500;
pub(crate) const IDLE_S: u64 = 2 * DAY_S;
pub(crate) const HOLD_LENGTH_S: u32 = 100;
pub(crate) const OUTAGE_WAIT_S: u64 = 5;
pub(crate) const OPEN_MAILBOXES: usize = 2;
pub(crate) const OPEN_HOLDS: usize = 3;

/// An acknowledged envelope is recognised for so long.
const REMEMBER_S: u64 = 3600;
/// After a refusal for want of room a token is given nothing for so long.
const SHUT_S: u64 = 1;
const RETRY_S: u32 = 300;

/// An answer, and when it may leave.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    AtOnce(Answer),
    AtCommit(Answer),
}

#[derive(Clone, PartialEq)]
pub(crate) struct World {
    now_s: u64,
    live: State,
    /// As it was at the last commit, and after every change since: what a crash may leave.
    history: Vec<State>,
    ticked_s: u64,
    swept_s: u64,
    /// Nothing is released before this.
    may_release_s: u64,
    /// From here on everything due is released.
    must_release_s: u64,
    serials: u32,
    watcher: Option<Watcher>,
}

/// Somebody who reads a mailbox and goes on.
#[derive(Clone, PartialEq)]
struct Watcher {
    mailbox: u8,
    /// The last that was sent to it.
    serial: u32,
    /// Opened again, it would be another one.
    closed: bool,
}

/// What it has; the rest follows from the operations.
impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "at {} s, with {} uncommitted changes",
            self.now_s - START_S,
            self.history.len() - 1
        )?;
        for (id, found) in &self.live.mailboxes {
            write!(f, "\n  mailbox {id}: {found:?}")?;
        }
        for (id, hold) in &self.live.holds {
            write!(f, "\n  hold {id}: {hold:?}")?;
        }
        Ok(())
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            now_s: START_S,
            live: State::default(),
            history: vec![State::default()],
            ticked_s: START_S,
            swept_s: 0,
            may_release_s: START_S,
            must_release_s: START_S,
            serials: 0,
            watcher: None,
        }
    }

    pub(crate) fn mailboxes(&self) -> Vec<u8> {
        self.live.mailboxes.keys().copied().collect()
    }

    /// The tokens that may send.
    pub(crate) fn tokens(&self) -> Vec<u8> {
        self.live.mailboxes.values().flat_map(|found| found.tokens.keys().copied()).collect()
    }

    pub(crate) fn holds(&self) -> Vec<u8> {
        self.live.holds.keys().copied().collect()
    }

    /// Carries out a request.
    pub(crate) fn ask(&mut self, ask: &Ask) -> Said {
        let said = match ask {
            Ask::Open { mailbox, tokens } => self.open(*mailbox, tokens),
            Ask::Close { mailbox } => self.close(*mailbox),
            Ask::Send { token, number } => self.send(*token, *number),
            Ask::Hold { hold, for_s, deliveries, replaces } => {
                self.hold(*hold, *for_s, deliveries, *replaces)
            }
            Ask::Extend { hold, for_s } => self.extend(*hold, *for_s),
            Ask::Cancel { hold } => self.cancel(*hold),
        };
        self.note();
        said
    }

    /// What a new subscriber is sent. `None`: there is no such mailbox.
    pub(crate) fn read(&mut self, mailbox: u8) -> Option<Vec<u16>> {
        let now_s = self.now_s;
        let found = self.live.mailboxes.get_mut(&mailbox)?;
        found.used_s = found.used_s.max(now_s);
        let there = found.queue.iter().filter(|entry| !entry.is_over(now_s));
        let there = there.map(|entry| entry.number).collect();
        self.note();
        Some(there)
    }

    /// Begins to read, and goes on. Whether there is such a mailbox.
    pub(crate) fn watch(&mut self, mailbox: u8) -> bool {
        self.leave();
        let there = self.read(mailbox).is_some();
        self.watcher = there.then_some(Watcher { mailbox, serial: 0, closed: false });
        there
    }

    pub(crate) fn leave(&mut self) {
        if let Some(watcher) = self.watcher.take() {
            self.read(watcher.mailbox);
        }
    }

    /// What is sent now to whoever reads. `None`: nobody does, or the mailbox is gone.
    pub(crate) fn news(&mut self) -> Option<Vec<u16>> {
        let now_s = self.now_s;
        let watcher = self.watcher.as_mut()?;
        let found = self.live.mailboxes.get(&watcher.mailbox).filter(|_| !watcher.closed)?;
        let new = found.queue.iter().filter(|entry| entry.serial > watcher.serial);
        let new = new.filter(|entry| !entry.is_over(now_s)).map(|entry| entry.number).collect();
        watcher.serial = self.serials;
        Some(new)
    }

    pub(crate) fn expired(&self, mailbox: u8) -> Option<u64> {
        let found = self.live.mailboxes.get(&mailbox)?;
        let over = found.queue.iter().filter(|entry| entry.is_over(self.now_s)).count();
        Some(found.expired + over as u64)
    }

    pub(crate) fn ack(&mut self, mailbox: u8, number: u16) {
        let until_s = self.now_s + REMEMBER_S;
        let Some(found) = self.live.mailboxes.get_mut(&mailbox) else { return };
        let Some(at) = found.queue.iter().position(|entry| entry.number == number) else { return };
        let serial = found.queue.remove(at).serial;
        found.remembered.insert(number, until_s);
        self.never_written(mailbox, serial);
        self.note();
    }

    pub(crate) fn commit(&mut self) {
        self.history = vec![self.live.clone()];
    }

    fn open(&mut self, mailbox: u8, tokens: &BTreeSet<u8>) -> Said {
        let taken = |token: &u8| self.live.owner(*token).is_some_and(|owner| owner != mailbox);
        let (taken, tokens): (BTreeSet<u8>, BTreeSet<u8>) =
            tokens.iter().partition(|token| taken(token));
        let outcome = |token| match taken.contains(token) {
            true => TokenOutcome::Taken,
            false => TokenOutcome::Registered,
        };
        let outcomes = taken.union(&tokens).map(outcome).collect();
        let held = self.live.held_by_token();
        let (now_s, mailboxes) = (self.now_s, &mut self.live.mailboxes);
        if !mailboxes.contains_key(&mailbox) && mailboxes.len() >= OPEN_MAILBOXES {
            return full();
        }
        let found = mailboxes.entry(mailbox).or_insert_with(|| Mailbox::new(now_s));
        let mut before = std::mem::take(&mut found.tokens);
        let again = |token: &u8| {
            let reserved = held.get(token).copied().unwrap_or_default();
            Token { reserved, ..Token::default() }
        };
        let kept = |token: &u8| (*token, before.remove(token).unwrap_or_else(|| again(token)));
        found.tokens = tokens.iter().map(kept).collect();
        found.used_s = found.used_s.max(now_s);
        Said::AtCommit(Answer::Opened { outcomes, reopening: None })
    }

    fn close(&mut self, mailbox: u8) -> Said {
        if let Some(watcher) = &mut self.watcher {
            watcher.closed |= watcher.mailbox == mailbox;
        }
        match self.live.mailboxes.remove(&mailbox) {
            Some(_) => Said::AtCommit(Answer::Closed),
            None => refused(Refusal::UnknownMailbox),
        }
    }

    fn send(&mut self, token: u8, number: u16) -> Said {
        let now_s = self.now_s;
        let Some(found) = self.live.mailbox_of(token) else {
            return refused(Refusal::UnknownToken);
        };
        if found.has_seen(number, now_s) {
            return Said::AtCommit(Answer::Accepted);
        }
        if found.is_shut(token, now_s) {
            return full();
        }
        if !found.has_room(token) {
            found.tokens.entry(token).or_default().shut_until_s = now_s + SHUT_S;
            return full();
        }
        self.put(token, number);
        Said::AtCommit(Answer::Accepted)
    }

    fn hold(&mut self, id: u8, for_s: u32, to: &[Delivery], replaces: Option<u8>) -> Said {
        if !(1..=HOLD_LENGTH_S).contains(&for_s) {
            return refused(Refusal::HoldLength);
        }
        if self.live.holds.contains_key(&id) && replaces != Some(id) {
            return refused(Refusal::HoldExists);
        }
        let (gone, replaces) = match replaces {
            Some(old) if self.live.abandoned.contains_key(&old) => (Some(old), None),
            other => (None, other),
        };
        if replaces.is_some_and(|old| !self.live.holds.contains_key(&old)) {
            return refused(Refusal::UnknownHold);
        }
        let before = self.live.clone();
        let old = replaces.and_then(|old| self.live.holds.remove(&old));
        if self.live.holds.len() >= OPEN_HOLDS {
            self.live = before;
            return full();
        }
        old.iter().for_each(|old| self.live.unreserve(old));
        let now_s = self.now_s;
        let mut freed: Vec<u8> = old.iter().flat_map(Hold::held).collect();
        let outcome = |one: &Delivery| {
            let had = freed.iter().position(|token| *token == one.token);
            (*one, self.live.reserve(one.token, had.map(|at| freed.swap_remove(at)), now_s))
        };
        let deliveries: Vec<_> = to.iter().map(outcome).collect();
        let outcomes: Vec<_> = deliveries.iter().map(|(_, outcome)| *outcome).collect();
        if !outcomes.contains(&DeliveryOutcome::Held) {
            self.live = before;
            return Said::AtOnce(Answer::Held { outcomes });
        }
        let due_s = now_s + u64::from(for_s);
        self.live.abandoned.retain(|abandoned, _| *abandoned != id && Some(*abandoned) != gone);
        self.live.holds.insert(id, Hold { due_s, deliveries, gone_since_s: None });
        Said::AtCommit(Answer::Held { outcomes })
    }

    fn extend(&mut self, id: u8, for_s: u32) -> Said {
        if !(1..=HOLD_LENGTH_S).contains(&for_s) {
            return refused(Refusal::HoldLength);
        }
        if let Some(abandoned) = self.live.abandoned.get(&id) {
            let outcomes = vec![DeliveryOutcome::Refused; abandoned.deliveries];
            return Said::AtCommit(Answer::Extended { outcomes });
        }
        let Some(hold) = self.live.holds.get_mut(&id) else {
            return refused(Refusal::UnknownHold);
        };
        hold.due_s = self.now_s + u64::from(for_s);
        let deliveries = hold.deliveries.clone();
        let outcome = |(one, outcome): (Delivery, DeliveryOutcome)| match outcome {
            DeliveryOutcome::Held if self.live.owner(one.token).is_none() => {
                DeliveryOutcome::Refused
            }
            other => other,
        };
        let outcomes = deliveries.into_iter().map(outcome).collect();
        Said::AtCommit(Answer::Extended { outcomes })
    }

    fn cancel(&mut self, id: u8) -> Said {
        if self.live.abandoned.remove(&id).is_some() {
            return Said::AtCommit(Answer::Cancelled);
        }
        let Some(hold) = self.live.holds.remove(&id) else {
            return refused(Refusal::UnknownHold);
        };
        self.live.unreserve(&hold);
        Said::AtCommit(Answer::Cancelled)
    }

    fn put(&mut self, token: u8, number: u16) {
        self.serials += 1;
        let (serial, received_at_s) = (self.serials, self.now_s);
        if let Some(found) = self.live.mailbox_of(token) {
            found.queue.push(Entry { serial, number, received_at_s, sender: Some(token) });
        }
    }

    /// An envelope that came and went between two commits is not written at all.
    fn never_written(&mut self, mailbox: u8, serial: u32) {
        let holds_it = |state: &State| {
            let found = state.mailboxes.get(&mailbox);
            found.is_some_and(|found| found.queue.iter().any(|entry| entry.serial == serial))
        };
        if self.history.first().is_some_and(holds_it) {
            return;
        }
        for state in &mut self.history {
            if let Some(found) = state.mailboxes.get_mut(&mailbox) {
                found.queue.retain(|entry| entry.serial != serial);
            }
        }
    }

    fn note(&mut self) {
        if self.history.last() != Some(&self.live) {
            self.history.push(self.live.clone());
        }
    }
}

fn refused(refusal: Refusal) -> Said {
    Said::AtOnce(Answer::Refused(refusal))
}

fn full() -> Said {
    Said::AtOnce(Answer::Full { retry_after_s: RETRY_S })
}
