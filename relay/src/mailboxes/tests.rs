//! The mailboxes on virtual time, with the memory store in place of a disk.

mod access;
mod holds;
mod hours;
mod lock;
mod shares;

use velar_protocol::wire::{DeliveryOutcome, EndReason, HoldSecret, SendToken, TokenOutcome};

use super::*;
use crate::access::Leave;
use crate::limits::FLOOR;
use crate::store::{MemoryStore, Store, short_digest};

const START_S: u64 = 1_800_000_000;

/// A relay without I/O: what the mailboxes write is applied, and committed when told.
struct Rig {
    mailboxes: Mailboxes,
    store: MemoryStore,
    limits: Limits,
    now_s: u64,
}

impl Rig {
    fn new(limits: Limits) -> Self {
        let store = MemoryStore::default();
        let now = Now::from_s(START_S);
        let mailboxes = Mailboxes::new(limits, Loaded::default(), now, &mut Vec::new());
        let mut rig = Self { mailboxes, store, limits, now_s: START_S };
        rig.pass(0);
        rig
    }

    fn now(&self) -> Now {
        Now::from_s(self.now_s)
    }

    fn act<T>(&mut self, act: impl FnOnce(&mut Mailboxes, Now, &mut Vec<Write>) -> T) -> T {
        let mut writes = Vec::new();
        let now = self.now();
        let result = act(&mut self.mailboxes, now, &mut writes);
        let mut puts = Vec::new();
        self.store.apply(&writes).unwrap();
        for write in &writes {
            if let Write::Put(stored, _) = write {
                puts.push((stored.mailbox, stored.sequence));
            }
        }
        self.mailboxes.committed(&puts);
        let [counted, there] = self.mailboxes.counted_and_there();
        assert_eq!(counted, there);
        result
    }

    /// Time passes, second by second as in the server; due holds go out.
    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now_s += 1;
            self.tick();
        }
        self.tick();
    }

    fn tick(&mut self) {
        self.act(Mailboxes::tick);
        for record in self.mailboxes.due(self.now()) {
            let envelopes = record.envelopes(&self.store).unwrap();
            self.act(|boxes, now, writes| boxes.release(record.key, envelopes, now, writes));
        }
        while self.act(Mailboxes::sweep) {}
    }

    /// The process ends now and is back after `outage` seconds.
    fn restart(&mut self, outage: u64) {
        self.now_s += outage;
        let (limits, now) = (self.limits, self.now());
        let mut writes = Vec::new();
        self.mailboxes = Mailboxes::new(limits, self.store.load().unwrap(), now, &mut writes);
        self.store.apply(&writes).unwrap();
        self.tick();
    }

    fn open(&mut self, id: u8, tokens: &[u8]) -> Reply {
        let tokens: Vec<SendTokenHash> = tokens.iter().map(|byte| token(*byte)).collect();
        self.act(|boxes, now, writes| {
            boxes.open(mailbox(id), &tokens, Leave::NotNeeded, |_| Ok(()), now, writes)
        })
    }

    fn send(&mut self, by: u8, number: u32) -> Answer {
        let (envelope, digest) = (envelope(number), short_digest(&envelope(number)));
        let reply =
            self.act(|boxes, now, writes| boxes.send(&token(by), envelope, digest, now, writes));
        answer(reply)
    }

    fn hold(&mut self, id: u8, for_s: u32, to: &[u8], replaces: Option<u8>) -> Answer {
        let deliveries = to.iter().map(|by| (token(*by), envelope(u32::from(id) * 100))).collect();
        let replaces = replaces.map(hold);
        let asked = Asked { id: hold(id), for_s, deliveries, replaces };
        answer(self.act(|boxes, now, writes| boxes.hold(asked, now, writes)))
    }

    fn extend(&mut self, id: u8, for_s: u32) -> Answer {
        let unread = self.mailboxes.unread(&hold(id));
        let looked = unread.map(|record| {
            let readable = record.envelopes(&self.store).unwrap().len();
            (record, readable)
        });
        answer(self.act(|boxes, now, writes| {
            let lost = looked
                .and_then(|(record, readable)| boxes.looked_at(&record, readable, now, writes));
            lost.unwrap_or_else(|| boxes.extend(&hold(id), for_s, now, writes))
        }))
    }

    fn cancel(&mut self, id: u8) -> Answer {
        answer(self.act(|boxes, _, writes| boxes.cancel(&hold(id), writes)))
    }

    /// Damage takes one envelope of a hold.
    fn damage(&mut self, id: u8, delivery: u8) {
        let holds = self.store.load().unwrap().holds;
        let key = holds.iter().find(|record| record.key.id == hold(id)).unwrap().key;
        self.store.damage(key, delivery);
    }

    fn expired(&mut self, id: u8) -> u64 {
        let now = self.now();
        self.mailboxes.expired(&mailbox(id), now).unwrap()
    }

    /// All that a subscriber who reads from the beginning would get, with their numbers.
    fn waiting(&mut self, id: u8) -> Vec<u32> {
        let now = self.now();
        let mut reading = self.act(|boxes, now, writes| {
            boxes.subscribe(&[mailbox(id)], 99, &Bell::default(), now, writes).unwrap()
        });
        let mut numbers = Vec::new();
        while let Ok(batch) = self.mailboxes.take(99, &mut reading[0], 16, now)
            && !batch.is_empty()
        {
            for taken in batch {
                let stored = || self.store.envelope(&mailbox(id), taken.sequence).unwrap().unwrap();
                let envelope = taken.bytes.unwrap_or_else(stored);
                numbers.push(u32::from_le_bytes(envelope.as_bytes()[..4].try_into().unwrap()));
            }
        }
        self.mailboxes.unsubscribe(99, &reading, now);
        numbers
    }

    fn ack_first(&mut self, id: u8) {
        let first = self.store.load().unwrap().envelopes;
        let first = first.iter().find(|stored| stored.mailbox == mailbox(id)).unwrap().sequence;
        self.act(|boxes, now, writes| boxes.ack(&mailbox(id), first, now, writes));
    }
}

fn answer(reply: Reply) -> Answer {
    match reply {
        Reply::Now(answer) | Reply::Durable(answer) => answer,
    }
}

fn mailbox(byte: u8) -> MailboxId {
    MailboxId([byte; 32])
}

fn token(byte: u8) -> SendTokenHash {
    SendToken::new([byte; 32]).hash()
}

fn hold(byte: u8) -> HoldId {
    HoldSecret::new([byte; 32]).id()
}

fn envelope(number: u32) -> Envelope {
    let mut bytes = vec![0; 4096];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    Envelope::new(bytes).unwrap()
}

/// `R`egistered, `T`aken, `F`ull: one letter for each token of an `Open`.
fn opened(outcomes: &str) -> Answer {
    let outcome = |letter| match letter {
        'R' => TokenOutcome::Registered,
        'T' => TokenOutcome::Taken,
        _ => TokenOutcome::Full,
    };
    Answer::Opened { outcomes: outcomes.chars().map(outcome).collect(), reopening: None }
}

fn held(count: usize) -> Answer {
    Answer::Held { outcomes: vec![DeliveryOutcome::Held; count] }
}

#[test]
fn tokens_over_the_limit_of_the_relay_are_refused_and_those_there_stay() {
    let mut rig = Rig::new(Limits { tokens: 3, ..Limits::default() });
    assert_eq!(rig.open(1, &[1, 2]), Reply::Durable(opened("RR")));
    assert_eq!(rig.open(2, &[3, 4, 3]), Reply::Durable(opened("RFR")));
    assert_eq!(rig.send(1, 1), Answer::Accepted);
    assert_eq!(rig.send(4, 2), Answer::Refused(Refusal::UnknownToken));
    assert_eq!(rig.open(1, &[5, 2, 1]), Reply::Durable(opened("FRR")), "its own come first");
    assert_eq!(rig.open(1, &[1, 5]), Reply::Durable(opened("RR")), "one for another");
    assert_eq!(rig.open(1, &[1]), Reply::Durable(opened("R")));
    assert_eq!(rig.open(2, &[3, 4]), Reply::Durable(opened("RR")), "given back, it is free");
}

#[test]
fn opening_replaces_tokens_and_revoked_ones_stop_at_once() {
    let mut rig = Rig::new(Limits::default());
    assert_eq!(answer(rig.open(1, &[1, 2])), opened("RR"));
    assert_eq!(answer(rig.open(1, &[1, 2])), opened("RR"), "repeating it changes nothing");
    assert_eq!(rig.send(1, 1), Answer::Accepted);
    assert_eq!(answer(rig.open(1, &[2, 3])), opened("RR"));
    assert_eq!(rig.send(1, 2), Answer::Refused(Refusal::UnknownToken));
    assert_eq!(rig.send(3, 3), Answer::Accepted);
    assert_eq!(answer(rig.open(2, &[2, 9])), opened("TR"), "the other one is registered");
    assert_eq!(answer(rig.open(1, &[9, 3])), opened("TR"), "and what is left out is revoked");
    assert_eq!(rig.send(2, 9), Answer::Refused(Refusal::UnknownToken));
    rig.restart(1);
    assert_eq!(rig.send(1, 4), Answer::Refused(Refusal::UnknownToken));
    assert_eq!(rig.waiting(1), [1, 3], "what a revoked token brought before stays");
}

#[test]
fn a_new_mailbox_needs_the_operators_leave_and_a_known_one_does_not() {
    let mut rig = Rig::new(Limits::default());
    let open =
        |rig: &mut Rig, leave| {
            answer(rig.act(|boxes, now, writes| {
                boxes.open(mailbox(1), &[], leave, |_| Ok(()), now, writes)
            }))
        };
    assert_eq!(open(&mut rig, Leave::Missing), Answer::Refused(Refusal::AccessRequired));
    assert_eq!(open(&mut rig, Leave::Over), Answer::Refused(Refusal::AccessSpent));
    assert_eq!(open(&mut rig, Leave::NotNeeded), opened(""));
    assert_eq!(open(&mut rig, Leave::Missing), opened(""));
}

#[test]
fn the_same_envelope_is_stored_once_while_it_waits_and_shortly_after() {
    let mut rig = Rig::new(Limits::default());
    rig.open(1, &[1, 2]);
    for by in [1, 1, 2] {
        assert_eq!(rig.send(by, 7), Answer::Accepted);
    }
    assert_eq!(rig.waiting(1), [7]);
    rig.ack_first(1);
    assert_eq!(rig.send(1, 7), Answer::Accepted);
    assert_eq!(rig.waiting(1), [0; 0], "a repetition whose answer was lost");
    rig.pass(1);
    rig.now_s += crate::limits::REMEMBER_S;
    assert_eq!(rig.send(1, 7), Answer::Accepted);
    assert_eq!(rig.waiting(1), [7], "memory of what is gone is bounded");
    rig.restart(1);
    assert_eq!(rig.send(1, 7), Answer::Accepted);
    assert_eq!(rig.waiting(1), [7], "what is stored is recognised after a restart too");
}

#[test]
fn quotas_are_visible_and_free_themselves_with_acknowledgements() {
    let limits = Limits { mailbox_envelopes: 3, token_envelopes: 2, ..Limits::default() };
    let mut rig = Rig::new(limits);
    rig.open(1, &[1, 2]);
    assert_eq!(rig.send(1, 1), Answer::Accepted);
    assert_eq!(rig.send(1, 2), Answer::Accepted);
    assert_eq!(rig.send(1, 3), Answer::Full { retry_after_s: FULL_RETRY_S }, "this token's share");
    assert_eq!(rig.send(2, 4), Answer::Accepted);
    assert_eq!(rig.send(2, 5), Answer::Full { retry_after_s: FULL_RETRY_S }, "the mailbox");
    rig.ack_first(1);
    let full = Answer::Full { retry_after_s: FULL_RETRY_S };
    assert_eq!(
        rig.send(1, 6),
        full,
        "what was on its way behind the refused one does not overtake it"
    );
    rig.pass(2);
    assert_eq!(rig.send(1, 3), Answer::Accepted);
    assert_eq!(rig.waiting(1), [2, 4, 3]);
}

#[test]
fn a_token_over_its_rate_hears_how_long_to_wait() {
    let mut rig = Rig::new(Limits { token_burst: 2, token_rate_per_min: 6, ..Limits::default() });
    rig.open(1, &[1, 2]);
    rig.send(1, 1);
    rig.send(1, 2);
    assert_eq!(rig.send(1, 3), Answer::Full { retry_after_s: 10 });
    assert_eq!(rig.send(2, 4), Answer::Accepted, "others are not concerned");
    rig.pass(10);
    assert_eq!(rig.send(1, 3), Answer::Accepted);
}

#[test]
fn what_is_too_old_is_never_delivered_and_its_loss_is_counted() {
    let mut rig = Rig::new(Limits { envelope_age_s: 600, ..Limits::default() });
    rig.open(1, &[1]);
    rig.send(1, 1);
    rig.pass(599);
    rig.send(1, 2);
    let now = rig.now();
    assert_eq!(rig.mailboxes.expired(&mailbox(1), now), Some(0));
    rig.now_s += 1;
    let now = rig.now();
    assert_eq!(rig.mailboxes.expired(&mailbox(1), now), Some(1), "before the sweep too");
    assert_eq!(rig.waiting(1), [2]);
    rig.pass(20);
    assert_eq!(rig.mailboxes.expired(&mailbox(1), now), Some(1));
    assert_eq!(rig.store.load().unwrap().envelopes.len(), 1);
    rig.restart(5);
    assert_eq!(rig.mailboxes.expired(&mailbox(1), now), Some(1), "the counter survives");
}

#[test]
fn an_idle_mailbox_goes_and_one_that_is_read_stays() {
    let day = 86_400;
    let mut rig = Rig::new(Limits { mailbox_idle_s: 3 * day, ..Limits::default() });
    rig.open(1, &[1]);
    rig.open(2, &[2]);
    for _ in 0..4 {
        rig.now_s += u64::from(day);
        rig.pass(1);
        rig.waiting(2);
    }
    rig.pass(61);
    assert_eq!(rig.send(1, 1), Answer::Refused(Refusal::UnknownToken));
    assert_eq!(rig.send(2, 2), Answer::Accepted);
    rig.restart(1);
    assert_eq!(rig.waiting(2), [2]);
    let ids: Vec<_> = rig.store.load().unwrap().mailboxes.iter().map(|it| it.id).collect();
    assert_eq!(ids, [mailbox(2)]);
}

#[test]
fn sequences_grow_across_restarts_and_reopening() {
    let mut rig = Rig::new(Limits::default());
    let mut last = 0;
    for round in 0..4_u32 {
        rig.open(1, &[1]);
        rig.send(1, round);
        let sequence = rig.store.load().unwrap().envelopes[0].sequence;
        assert!(sequence > last, "{sequence} after {last}");
        last = sequence;
        rig.ack_first(1);
        if round % 2 == 0 {
            rig.restart(1);
        } else {
            let closed = rig.act(|boxes, _, writes| boxes.close(mailbox(1), writes));
            assert_eq!(answer(closed), Answer::Closed);
        }
    }
}

#[test]
fn a_reader_of_a_mailbox_that_was_closed_and_reopened_hears_of_the_end() {
    let mut rig = Rig::new(Limits::default());
    rig.open(1, &[1]);
    let mut cursors = rig.act(|boxes, now, writes| {
        boxes.subscribe(&[mailbox(1)], 7, &Bell::default(), now, writes).unwrap()
    });
    rig.act(|boxes, _, writes| boxes.close(mailbox(1), writes));
    rig.open(1, &[1]);
    let now = rig.now();
    assert_eq!(rig.mailboxes.take(7, &mut cursors[0], 16, now), Err(EndReason::MailboxClosed));
}

#[test]
fn the_memory_for_slow_readers_is_given_back() {
    let mut rig = Rig::new(Limits::default());
    rig.open(1, &[1]);
    let subscribe = |rig: &mut Rig, reader| {
        rig.act(|boxes, now, writes| {
            boxes.subscribe(&[mailbox(1)], reader, &Bell::default(), now, writes).unwrap()
        })
    };
    let mut quick = subscribe(&mut rig, 1);
    let slow = subscribe(&mut rig, 2);
    for number in 0..5 {
        rig.send(1, number);
    }
    assert_eq!(rig.mailboxes.cached, 5);
    let now = rig.now();
    let taken = rig.mailboxes.take(1, &mut quick[0], 3, now).unwrap();
    assert!(taken.iter().all(|one| one.bytes.is_some()) && taken.len() == 3);
    assert_eq!(rig.mailboxes.cached, 5, "the slow one has taken nothing");
    rig.mailboxes.unsubscribe(2, &slow, now);
    assert_eq!(rig.mailboxes.cached, 2);
    rig.ack_first(1);
    rig.mailboxes.take(1, &mut quick[0], 16, now).unwrap();
    assert_eq!(rig.mailboxes.cached, 0);
}
