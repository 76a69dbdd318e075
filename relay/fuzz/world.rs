//! A relay, its clients, and what it has promised them. Part of `bodies.rs`.
//!
//! The model knows little, on purpose: what must be in a mailbox, in which order, and what may be there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use velar_protocol::wire::codec::{HEADER_LEN, encode};
use velar_protocol::wire::{
    Answer, Delivery, DeliveryOutcome, Envelope, Exporter, HoldSecret, MailboxId, MailboxSecret,
    Refusal, Request, SendToken, TokenOutcome,
};
use velar_relay::Limits;
use velar_relay::clock::Now;
use velar_relay::dry_run::{Delivered, DryRelay, Outcome, Subscription};
use velar_relay::session::Session;
use velar_relay::store::MemoryStore;

const HERE: Exporter = Exporter([1; 32]);
const ELSEWHERE: Exporter = Exporter([2; 32]);
const MAILBOXES: u8 = 3;
const TOKENS: u8 = 4;
const HOLDS: u8 = 4;
const AGE_S: u32 = 120;
const MAILBOX_ENVELOPES: u32 = 6;

/// Operations, by the first byte of each, modulo their number. Seeds are written with these.
pub(crate) mod op {
    pub(crate) const OPEN: u8 = 0; // mailbox, tokens as bits, proof
    pub(crate) const CLOSE: u8 = 1; // mailbox
    pub(crate) const SEND: u8 = 2; // token
    pub(crate) const AGAIN: u8 = 3; // token, how many back
    pub(crate) const HOLD: u8 = 4; // hold, seconds, tokens as bits, replaced hold or not
    pub(crate) const EXTEND: u8 = 5; // hold, seconds
    pub(crate) const CANCEL: u8 = 6; // hold
    pub(crate) const SUBSCRIBE: u8 = 7; // mailboxes as bits
    pub(crate) const TAKE: u8 = 8; // subscription, room
    pub(crate) const ACK: u8 = 9; // which of those taken
    pub(crate) const LEAVE: u8 = 10; // subscription
    pub(crate) const COMMIT: u8 = 11;
    pub(crate) const PASS: u8 = 12; // seconds
    pub(crate) const CRASH: u8 = 13; // writes that arrive, seconds away
    pub(crate) const RAW: u8 = 14; // length, bytes
    pub(crate) const COUNT: u8 = 15;
}

/// One envelope in the model, by the number that its bytes begin with.
#[derive(Clone, Copy, Debug)]
struct Promised {
    number: u16,
    /// It must be there until then.
    until_s: u64,
    /// Its place is known: it was new when it was sent.
    in_order: bool,
}

#[derive(Default, Debug)]
struct Mailbox {
    must: Vec<Promised>,
    may: BTreeSet<u16>,
}

#[derive(Debug)]
struct Held {
    due_s: u64,
    deliveries: Vec<(u8, u16)>,
    /// Promised on disk, and not touched by a crash or by a revoked token.
    certain: bool,
}

struct Client {
    subscription: Subscription,
    last: BTreeMap<MailboxId, u64>,
}

pub(crate) struct World<'a> {
    input: &'a [u8],
    relay: DryRelay,
    session: Session,
    numbers: u16,
    tokens: BTreeMap<u8, u8>,
    mailboxes: BTreeMap<u8, Mailbox>,
    holds: BTreeMap<u8, Held>,
    /// Numbers that were ever held: where they may turn up is not modelled after a crash.
    held: BTreeSet<u16>,
    /// A token with something held was revoked: its space was given back, and if it is registered again its
    /// holds may bring more than fits.
    overbooked: bool,
    /// Answers that wait for the commit.
    sent: Vec<(u8, Promised)>,
    touched: BTreeSet<u8>,
    clients: Vec<Client>,
    taken: Vec<Delivered>,
}

fn limits() -> Limits {
    Limits {
        mailbox_part: 0,
        hold_part: 0,
        mailbox_envelopes: MAILBOX_ENVELOPES,
        token_envelopes: 4,
        envelope_age_s: AGE_S,
        hold_length_s: 100,
        holds: 3,
        mailboxes: 2,
        outage_wait_s: 5,
        token_burst: 8,
        hold_burst: 1_000_000,
        subscriptions_per_connection: 2,
        ..Limits::default()
    }
}

fn secret(mailbox: u8) -> MailboxSecret {
    MailboxSecret::from_seed(&[mailbox; 32])
}

/// Bytes that no mutation comes upon.
fn random(seed: u8) -> [u8; 32] {
    static ALL: LazyLock<Vec<[u8; 32]>> =
        LazyLock::new(|| (0..16).map(|seed| secret(100 + seed).id().0).collect());
    ALL[usize::from(seed)]
}

fn token(token: u8) -> SendToken {
    SendToken::new(random(token))
}

fn hold_secret(hold: u8) -> HoldSecret {
    HoldSecret::new(random(8 + hold))
}

/// Asks for all that is in a mailbox.
fn reading(mailbox: u8) -> &'static [u8] {
    static ALL: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
        let frame = |mailbox| encode(&Request::subscribe(&HERE, [&secret(mailbox)]));
        (0..MAILBOXES).map(|mailbox| frame(mailbox).expect("one mailbox")).collect()
    });
    &ALL[usize::from(mailbox)][HEADER_LEN..]
}

fn envelope(number: u16) -> Envelope {
    let mut bytes = vec![0; 4096];
    bytes[..2].copy_from_slice(&number.to_le_bytes());
    Envelope::new(bytes).expect("the length of an envelope")
}

fn number_of(envelope: &Envelope) -> u16 {
    u16::from_le_bytes([envelope.as_bytes()[0], envelope.as_bytes()[1]])
}

fn bits(of: u8, count: u8) -> impl Iterator<Item = u8> {
    (0..count).filter(move |bit| of >> bit & 1 == 1)
}

impl<'a> World<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        let now = Now::from_s(1_800_000_000);
        Self {
            input,
            relay: DryRelay::new(MemoryStore::default(), limits(), now).expect("memory"),
            session: Session::new(HERE, &limits(), now),
            numbers: 0,
            tokens: BTreeMap::new(),
            mailboxes: BTreeMap::new(),
            holds: BTreeMap::new(),
            held: BTreeSet::new(),
            overbooked: false,
            sent: Vec::new(),
            touched: BTreeSet::new(),
            clients: Vec::new(),
            taken: Vec::new(),
        }
    }

    /// The next byte of the input; zeros at its end.
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.input.split_first() else { return 0 };
        self.input = rest;
        *first
    }

    /// One operation. `false` at the end of the input.
    pub(crate) fn step(&mut self) -> bool {
        if self.input.is_empty() {
            return false;
        }
        match self.byte() % op::COUNT {
            op::OPEN => self.open(),
            op::CLOSE => self.close(),
            op::SEND => {
                let token = self.byte() % TOKENS;
                self.numbers += 1;
                self.send(token, self.numbers);
            }
            op::AGAIN => {
                let (token, back) = (self.byte() % TOKENS, u16::from(self.byte()));
                self.send(token, self.numbers.saturating_sub(back));
            }
            op::HOLD => self.hold(),
            op::EXTEND => self.extend(),
            op::CANCEL => self.cancel(),
            op::SUBSCRIBE => self.subscribe(),
            op::TAKE => self.take(),
            op::ACK => self.ack(),
            op::LEAVE => self.leave(),
            op::COMMIT => self.commit(),
            op::PASS => self.pass(),
            op::CRASH => self.crash(),
            _ => self.raw(),
        }
        true
    }

    fn ask(&mut self, request: &Request) -> Outcome {
        let frame = encode(request).expect("a request within bounds");
        self.relay.frame(&mut self.session, &frame[HEADER_LEN..])
    }

    fn open(&mut self) {
        let (mailbox, tokens, proof) = (self.byte() % MAILBOXES, self.byte(), self.byte());
        let exporter = if proof % 8 == 7 { ELSEWHERE } else { HERE };
        let hashes = bits(tokens, TOKENS).map(|byte| token(byte).hash()).collect();
        let outcome = self.ask(&Request::open(&exporter, &secret(mailbox), hashes, None));
        let Outcome::AtCommit(Answer::Opened { outcomes, .. }) = outcome else { return };
        assert_ne!(proof % 8, 7, "opened by a proof for another connection");
        self.mailboxes.entry(mailbox).or_default();
        assert!(self.mailboxes.len() <= 2, "more mailboxes than allowed");
        let before = std::mem::take(&mut self.tokens);
        self.tokens =
            before.iter().filter(|(_, of)| **of != mailbox).map(|(t, m)| (*t, *m)).collect();
        let registered = outcomes.iter().map(|outcome| *outcome == TokenOutcome::Registered);
        for (byte, registered) in bits(tokens, TOKENS).zip(registered) {
            let others = self.tokens.get(&byte).is_some_and(|of| *of != mailbox);
            assert_ne!(registered, others, "another mailbox's token, or a free one refused");
            if !registered {
                continue;
            }
            assert!(self.tokens.insert(byte, mailbox).is_none(), "one token, two mailboxes");
        }
        for revoked in before.into_keys() {
            if !self.tokens.contains_key(&revoked) {
                self.doubt_holds_to(revoked);
            }
        }
        self.commit();
    }

    /// What is held for a revoked token is not delivered, or is, if the token comes back.
    fn doubt_holds_to(&mut self, token: u8) {
        for held in self.holds.values_mut() {
            if !held.certain || held.deliveries.iter().any(|(to, _)| *to == token) {
                held.certain = false;
                self.overbooked = true;
            }
        }
    }

    fn close(&mut self) {
        let mailbox = self.byte() % MAILBOXES;
        let outcome = self.ask(&Request::close(&HERE, &secret(mailbox)));
        let closed = matches!(outcome, Outcome::AtCommit(Answer::Closed));
        assert_eq!(closed, self.mailboxes.remove(&mailbox).is_some());
        let of_it = self.tokens.iter().filter(|(_, of)| **of == mailbox);
        for token in of_it.map(|(token, _)| *token).collect::<Vec<_>>() {
            self.tokens.remove(&token);
            self.doubt_holds_to(token);
        }
        self.sent.retain(|(of, _)| *of != mailbox);
        self.taken.retain(|taken| taken.mailbox != secret(mailbox).id());
        self.commit();
    }

    fn send(&mut self, by: u8, number: u16) {
        let delivery = Delivery { token: token(by), envelope: envelope(number) };
        let outcome = self.ask(&Request::Send { delivery });
        let Some(mailbox) = self.tokens.get(&by).copied() else {
            assert!(!matches!(outcome, Outcome::AtCommit(_)), "accepted for nobody");
            return;
        };
        if let Outcome::AtCommit(answer) = outcome {
            assert_eq!(answer, Answer::Accepted);
            let until_s = self.relay.now().age_s() + u64::from(AGE_S);
            let found = self.mailboxes.get_mut(&mailbox).expect("a token has its mailbox");
            // Seen before: there already, or acknowledged a while ago.
            if !self.held.contains(&number) && found.may.insert(number) {
                self.sent.push((mailbox, Promised { number, until_s, in_order: true }));
            }
        }
    }

    fn hold(&mut self) {
        let [hold, for_s, tokens, replaces] = std::array::from_fn(|_| self.byte());
        let (id, for_s) = (hold % HOLDS, for_s % 110);
        let replaces = (replaces % 2 == 1).then_some(replaces / 2 % HOLDS);
        let mut numbered = Vec::new();
        for byte in bits(tokens, TOKENS) {
            self.numbers += 1;
            numbered.push((byte, self.numbers));
        }
        if numbered.is_empty() {
            return;
        }
        let deliver =
            |(to, number): &(u8, u16)| Delivery { token: token(*to), envelope: envelope(*number) };
        let deliveries: Vec<Delivery> = numbered.iter().map(deliver).collect();
        let outcome = self.ask(&Request::Hold {
            id: hold_secret(id).id(),
            for_s: u32::from(for_s),
            deliveries,
            replaces: replaces.map(hold_secret),
        });
        let Outcome::AtCommit(Answer::Held { outcomes }) = outcome else { return };
        assert!((1..=100).contains(&for_s), "held too long, or not at all");
        if let Some(old) = replaces {
            self.holds.remove(&old);
            self.touched.insert(old);
        }
        let held = numbered.iter().zip(outcomes);
        let held = held.filter(|(_, outcome)| *outcome == DeliveryOutcome::Held);
        let deliveries: Vec<(u8, u16)> = held.map(|(one, _)| *one).collect();
        self.held.extend(deliveries.iter().map(|(_, number)| *number));
        let registered = |(to, _): &(u8, u16)| self.tokens.contains_key(to);
        assert!(deliveries.iter().all(registered), "held for nobody");
        let due_s = self.relay.now().hold_s() + u64::from(for_s);
        self.holds.insert(id, Held { due_s, deliveries, certain: true });
        self.touched.insert(id);
        assert!(self.holds.values().filter(|held| held.certain).count() <= 3, "too many holds");
    }

    fn extend(&mut self) {
        let (hold, for_s) = (self.byte() % HOLDS, self.byte());
        let secret = hold_secret(hold);
        let outcome = self.ask(&Request::Extend { secret, for_s: u32::from(for_s) });
        let known = self.holds.get(&hold).is_some_and(|held| held.certain);
        if matches!(outcome, Outcome::AtCommit(Answer::Extended { .. })) {
            let due_s = self.relay.now().hold_s() + u64::from(for_s);
            self.holds.entry(hold).and_modify(|held| held.due_s = due_s);
            self.touched.insert(hold);
        } else if let Outcome::Answered(Answer::Refused(refusal)) = outcome {
            assert!(refusal != Refusal::UnknownHold || !known, "lost a hold");
        } else {
            let lost = matches!(outcome, Outcome::AtCommit(Answer::Refused(Refusal::HoldLost)));
            assert!(!lost, "lost a hold without any damage");
        }
    }

    fn cancel(&mut self) {
        let hold = self.byte() % HOLDS;
        let outcome = self.ask(&Request::Cancel { secret: hold_secret(hold) });
        if matches!(outcome, Outcome::AtCommit(Answer::Cancelled)) {
            self.holds.remove(&hold);
            self.touched.insert(hold);
        }
    }

    fn subscribe(&mut self) {
        let which: Vec<MailboxSecret> = bits(self.byte(), MAILBOXES).map(secret).collect();
        if which.is_empty() {
            return;
        }
        if let Outcome::Subscribed(subscription) =
            self.ask(&Request::subscribe(&HERE, which.iter()))
        {
            self.clients.push(Client { subscription, last: BTreeMap::new() });
            assert!(self.clients.len() <= 2, "more subscriptions than allowed");
        }
    }

    fn take(&mut self) {
        let (at, room) = (usize::from(self.byte()), usize::from(self.byte() % 8));
        let Some(at) = at.checked_rem(self.clients.len()) else { return };
        let client = &mut self.clients[at];
        let delivered = self.relay.take(&mut client.subscription, room).expect("memory");
        for one in delivered.into_iter().flatten() {
            let before = client.last.insert(one.mailbox, one.sequence);
            assert!(before.is_none_or(|before| before < one.sequence), "out of order");
            self.taken.push(one);
        }
    }

    fn ack(&mut self) {
        let at = usize::from(self.byte());
        let Some(at) = at.checked_rem(self.taken.len()) else { return };
        let taken = self.taken.swap_remove(at);
        let number = number_of(&taken.envelope);
        let is_it = |mailbox: &u8| secret(*mailbox).id() == taken.mailbox;
        let Some(mailbox) = (0..MAILBOXES).find(is_it) else { return };
        self.relay.ack(&taken.mailbox, taken.sequence);
        self.sent.retain(|(of, sent)| *of != mailbox || sent.number != number);
        let found = self.mailboxes.get_mut(&mailbox).expect("taken from an open mailbox");
        found.must.retain(|promised| promised.number != number);
    }

    fn leave(&mut self) {
        let at = usize::from(self.byte());
        let Some(at) = at.checked_rem(self.clients.len()) else { return };
        let client = self.clients.swap_remove(at);
        self.relay.unsubscribe(&mut self.session, &client.subscription);
    }

    /// Everything that waits is answered now: from here on it is promised.
    pub(crate) fn commit(&mut self) {
        self.relay.commit().expect("memory");
        self.answered();
    }

    fn answered(&mut self) {
        for (mailbox, promised) in self.sent.drain(..) {
            let found = self.mailboxes.get_mut(&mailbox).expect("an accepted envelope's mailbox");
            found.must.push(promised);
        }
        self.touched.clear();
    }

    fn pass(&mut self) {
        let seconds = u64::from(self.byte());
        let released = self.relay.pass(seconds).expect("memory");
        if !released.is_empty() {
            // All that came before was committed.
            self.answered();
        }
        for id in released {
            let is_it = |hold: &u8| hold_secret(*hold).id() == id;
            let hold = (0..HOLDS).find(is_it).expect("a hold that was asked for");
            self.touched.insert(hold);
            if let Some(held) = self.holds.remove(&hold) {
                self.released(&held);
            }
        }
    }

    fn released(&mut self, held: &Held) {
        let now_s = self.relay.now().age_s();
        for (to, number) in &held.deliveries {
            let Some(mailbox) = self.tokens.get(to).copied().filter(|_| held.certain) else {
                continue;
            };
            assert!(held.due_s <= now_s, "released too early");
            let until_s = now_s + u64::from(AGE_S);
            self.sent.push((mailbox, Promised { number: *number, until_s, in_order: false }));
        }
    }

    /// What was answered stays. What was not answered is there, or is not.
    fn crash(&mut self) {
        let (applied, outage_s) = (usize::from(self.byte()), u64::from(self.byte()));
        self.relay.restart(applied, outage_s).expect("memory");
        self.sent.clear();
        self.clients.clear();
        self.taken.clear();
        for hold in std::mem::take(&mut self.touched) {
            let doubted = Held { due_s: 0, deliveries: Vec::new(), certain: false };
            self.holds.entry(hold).or_insert(doubted).certain = false;
        }
        self.session = Session::new(HERE, &limits(), self.relay.now());
    }

    /// Bytes that no client of ours would send. They may ask for nothing that needs a secret.
    fn raw(&mut self) {
        let length = usize::from(self.byte()).min(self.input.len());
        let (frame, rest) = self.input.split_at(length);
        self.input = rest;
        if let Outcome::AtCommit(answer) = self.relay.frame(&mut self.session, frame) {
            panic!("guessed a secret: {answer:?}");
        }
    }

    /// What was promised is there, in order, once; nothing else is; and no more than fits.
    pub(crate) fn check(&mut self) {
        let now_s = self.relay.now().age_s();
        for mailbox in 0..MAILBOXES {
            let there = self.read(mailbox);
            let Some(found) = self.mailboxes.get_mut(&mailbox) else {
                assert!(there.is_none(), "a mailbox that nobody opened");
                continue;
            };
            let there = there.expect("an open mailbox can be read");
            let asked_for = |number: &u16| found.may.contains(number) || self.held.contains(number);
            assert!(there.iter().all(asked_for), "came from nowhere: {there:?}");
            let once: BTreeSet<&u16> = there.iter().collect();
            assert_eq!(once.len(), there.len(), "stored twice: {there:?}");
            found.must.retain(|promised| promised.until_s > now_s);
            for promised in &found.must {
                assert!(there.contains(&promised.number), "lost {promised:?} of {there:?}");
            }
            let must = found.must.iter().filter(|promised| promised.in_order);
            let order: Vec<u16> = must.map(|promised| promised.number).collect();
            let in_order: Vec<u16> =
                there.iter().copied().filter(|number| order.contains(number)).collect();
            assert_eq!(in_order, order, "not in the order of arrival");
            assert!(self.overbooked || there.len() <= MAILBOX_ENVELOPES as usize, "over quota");
        }
    }

    /// All that a new subscriber would get. `None` if there is no such mailbox.
    fn read(&mut self, mailbox: u8) -> Option<Vec<u16>> {
        let mut session = Session::new(HERE, &limits(), self.relay.now());
        let Outcome::Subscribed(mut subscription) =
            self.relay.frame(&mut session, reading(mailbox))
        else {
            return None;
        };
        let all = self.relay.take(&mut subscription, usize::MAX).expect("memory");
        self.relay.unsubscribe(&mut session, &subscription);
        Some(all?.iter().map(|one| number_of(&one.envelope)).collect())
    }
}
