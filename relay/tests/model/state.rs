//! What a relay has: mailboxes and holds, and of each what outlives the process and what does not.

use std::collections::BTreeMap;

use velar_protocol::wire::DeliveryOutcome;

use crate::reference::Delivery;

pub(crate) const DAY_S: u64 = 86_400;
pub(crate) const AGE_S: u64 = 120;
/// An envelope's age is counted from the next full hour: a disk has no more than that.
const HOUR_S: u64 = 3600;
pub(crate) const MAILBOX_ENVELOPES: usize = 6;
pub(crate) const TOKEN_ENVELOPES: usize = 4;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct State {
    pub(crate) mailboxes: BTreeMap<u8, Mailbox>,
    pub(crate) holds: BTreeMap<u8, Hold>,
    /// Holds that were dropped, for their recipients are gone. Known as long as the process lives.
    pub(crate) abandoned: BTreeMap<u8, Abandoned>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mailbox {
    pub(crate) tokens: BTreeMap<u8, Token>,
    pub(crate) queue: Vec<Entry>,
    /// Acknowledged envelopes, and until when they are recognised.
    pub(crate) remembered: BTreeMap<u16, u64>,
    pub(crate) expired: u64,
    pub(crate) used_s: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Token {
    pub(crate) reserved: usize,
    pub(crate) shut_until_s: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// Tells two puts of one envelope apart.
    pub(crate) serial: u32,
    pub(crate) number: u16,
    pub(crate) received_at_s: u64,
    /// Known as long as the process lives.
    pub(crate) sender: Option<u8>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hold {
    pub(crate) due_s: u64,
    pub(crate) deliveries: Vec<(Delivery, DeliveryOutcome)>,
    /// Since when none of its recipients was there whenever it was looked at. Known as long as the process lives.
    pub(crate) gone_since_s: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Abandoned {
    pub(crate) deliveries: usize,
    pub(crate) until_s: u64,
}

impl State {
    pub(crate) fn owner(&self, token: u8) -> Option<u8> {
        let mut all = self.mailboxes.iter();
        all.find(|(_, found)| found.tokens.contains_key(&token)).map(|(id, _)| *id)
    }

    pub(crate) fn mailbox_of(&mut self, token: u8) -> Option<&mut Mailbox> {
        self.mailboxes.values_mut().find(|found| found.tokens.contains_key(&token))
    }

    /// `had`: the hold that is replaced had a place for it.
    pub(crate) fn reserve(&mut self, token: u8, had: Option<u8>, now_s: u64) -> DeliveryOutcome {
        let Some(found) = self.mailbox_of(token) else { return DeliveryOutcome::Refused };
        if had.is_none() && (!found.has_room(token) || found.is_shut(token, now_s)) {
            return DeliveryOutcome::Full;
        }
        found.tokens.entry(token).or_default().reserved += 1;
        DeliveryOutcome::Held
    }

    pub(crate) fn unreserve(&mut self, hold: &Hold) {
        for token in hold.held() {
            if let Some(found) = self.mailbox_of(token) {
                let token = found.tokens.entry(token).or_default();
                token.reserved = token.reserved.saturating_sub(1);
            }
        }
    }

    /// How many envelopes are held for each token, registered or not.
    pub(crate) fn held_by_token(&self) -> BTreeMap<u8, usize> {
        let mut held = BTreeMap::new();
        for token in self.holds.values().flat_map(Hold::held) {
            *held.entry(token).or_default() += 1;
        }
        held
    }

    /// What a process that starts on this knows.
    pub(crate) fn restarted(&self) -> Self {
        let mut state = self.clone();
        let held = self.held_by_token();
        state.abandoned.clear();
        state.holds.values_mut().for_each(|hold| hold.gone_since_s = None);
        for found in state.mailboxes.values_mut() {
            found.remembered.clear();
            found.used_s = (found.used_s / DAY_S + 1) * DAY_S - 1;
            found.tokens.iter_mut().for_each(|(number, token)| {
                let reserved = held.get(number).copied().unwrap_or_default();
                *token = Token { reserved, ..Token::default() };
            });
            found.queue.iter_mut().for_each(|entry| entry.sender = None);
        }
        state
    }
}

impl Mailbox {
    pub(crate) fn new(now_s: u64) -> Self {
        Self {
            tokens: BTreeMap::new(),
            queue: Vec::new(),
            remembered: BTreeMap::new(),
            expired: 0,
            used_s: now_s,
        }
    }

    pub(crate) fn has_seen(&self, number: u16, now_s: u64) -> bool {
        self.queue.iter().any(|entry| entry.number == number)
            || self.remembered.get(&number).is_some_and(|until_s| *until_s > now_s)
    }

    pub(crate) fn is_shut(&self, token: u8, now_s: u64) -> bool {
        self.tokens.get(&token).is_some_and(|token| now_s < token.shut_until_s)
    }

    pub(crate) fn has_room(&self, token: u8) -> bool {
        let reserved: usize = self.tokens.values().map(|token| token.reserved).sum();
        let sent = self.queue.iter().filter(|entry| entry.sender == Some(token)).count();
        let of_token = sent + self.tokens.get(&token).map_or(0, |token| token.reserved);
        self.queue.len() + reserved < MAILBOX_ENVELOPES && of_token < TOKEN_ENVELOPES
    }
}

impl Entry {
    pub(crate) fn is_over(&self, now_s: u64) -> bool {
        now_s >= self.received_at_s.next_multiple_of(HOUR_S) + AGE_S
    }
}

impl Hold {
    pub(crate) fn held(&self) -> impl Iterator<Item = u8> {
        let held = self.deliveries.iter().filter(|(_, to)| *to == DeliveryOutcome::Held);
        held.map(|(one, _)| one.token)
    }
}
