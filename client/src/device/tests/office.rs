//! A relay as a map, and a circle of devices around it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::PathBuf;

use tempfile::TempDir;
use velar_protocol::circle::words::WordList;
use velar_protocol::circle::{Invitation, Role, Roles};
use velar_protocol::seal::MemberId;
use velar_protocol::wire::{
    Answer, DeliveryOutcome, Envelope, MailboxId, Pin, Refusal, RelayAddress, Request,
    SendTokenHash, TokenMark, TokenOutcome,
};

use crate::device::{Arrived, Device, Due, JoinState};
use crate::holds::testing::Relay;
use crate::passphrase::Passphrase;
use crate::records::{Item, What};
use crate::vault::{KdfCost, Vault};

pub(super) const START_S: u64 = 1_800_000_000;

/// What a relay does, without a network or disk.
#[derive(Default)]
pub(super) struct Office {
    tokens: HashMap<SendTokenHash, MailboxId>,
    boxes: HashMap<MailboxId, VecDeque<Envelope>>,
    /// What came, and by which token it says so; nothing of what was put into a mailbox otherwise.
    seen: BTreeMap<[u8; 32], TokenMark>,
    pub(super) sent: usize,
    /// What is held, by relay.
    pub(super) holds: HashMap<RelayAddress, Relay>,
    /// These relays answer nothing, and release nothing.
    pub(super) down: BTreeSet<u16>,
    /// No relay takes a hold.
    pub(super) without_holds: bool,
    /// No relay has room for a token that it does not have.
    pub(super) without_room: bool,
    /// What relays say of each token that they do not have, whatever is true.
    pub(super) lies: Option<TokenOutcome>,
}

impl Office {
    pub(super) fn open(
        &mut self,
        mailbox: MailboxId,
        tokens: &[SendTokenHash],
    ) -> Vec<TokenOutcome> {
        self.boxes.entry(mailbox).or_default();
        let had: Vec<SendTokenHash> =
            self.tokens.iter().filter(|(_, of)| **of == mailbox).map(|(token, _)| *token).collect();
        self.tokens.retain(|_, owner| *owner != mailbox);
        let judge = |token: &SendTokenHash| match self.tokens.get(token) {
            Some(_) => TokenOutcome::Taken,
            None if had.contains(token) => TokenOutcome::Registered,
            None if self.without_room => TokenOutcome::Full,
            None => self.lies.unwrap_or(TokenOutcome::Registered),
        };
        let outcomes: Vec<TokenOutcome> = tokens.iter().map(judge).collect();
        let registered = tokens.iter().zip(&outcomes);
        let registered = registered.filter(|(_, outcome)| **outcome == TokenOutcome::Registered);
        self.tokens.extend(registered.map(|(token, _)| (*token, mailbox)));
        outcomes
    }

    /// As after the loss of its disk: mailboxes are opened again by whoever comes.
    pub(super) fn forget_tokens(&mut self) {
        self.tokens.clear();
    }

    /// A token of this mailbox that its owner does not know of.
    pub(super) fn register(&mut self, mailbox: MailboxId, token: SendTokenHash) {
        self.tokens.insert(token, mailbox);
    }

    /// The answer of one of its relays to what a device asks; `None` if that is down.
    fn ask(&mut self, due: &Due, now_s: u64) -> Option<Answer> {
        if self.down.contains(&due.relay.port()) {
            return None;
        }
        match due.request(now_s)? {
            Request::Send { delivery } => Some(self.send(delivery.token.hash(), delivery.envelope)),
            _ if self.without_holds => Some(Answer::Full { retry_after_s: 3600 }),
            hold => {
                let tokens = &self.tokens;
                let takes = |token: &SendTokenHash| match tokens.get(token) {
                    Some(_) => DeliveryOutcome::Held,
                    None => DeliveryOutcome::Refused,
                };
                Some(self.holds.entry(due.relay.clone()).or_default().ask(hold, now_s, takes))
            }
        }
    }

    fn token_of(&self, envelope: &Envelope) -> Option<TokenMark> {
        self.seen.get(&envelope.digest().0).copied()
    }

    /// Holds whose time is over are released.
    pub(super) fn release(&mut self, now_s: u64) {
        let up = self.holds.iter_mut().filter(|(relay, _)| !self.down.contains(&relay.port()));
        let released: Vec<_> = up.flat_map(|(_, held)| held.release(now_s)).collect();
        for delivery in released {
            self.send(delivery.token.hash(), delivery.envelope);
        }
    }

    pub(super) fn send(&mut self, token: SendTokenHash, envelope: Envelope) -> Answer {
        let Some(mailbox) = self.tokens.get(&token) else {
            return Answer::Refused(Refusal::UnknownToken);
        };
        self.sent += 1;
        if self.seen.insert(envelope.digest().0, token.mark()).is_none() {
            self.boxes.get_mut(mailbox).unwrap().push_back(envelope);
        }
        Answer::Accepted
    }
}

pub(super) struct Person {
    pub(super) device: Device,
    pub(super) name: &'static str,
    pub(super) shown: Vec<Item>,
    position: u64,
    _folder: TempDir,
}

pub(super) struct World {
    pub(super) office: Office,
    pub(super) people: BTreeMap<&'static str, Person>,
    pub(super) now_s: u64,
}

pub(super) fn relay() -> RelayAddress {
    RelayAddress::new("127.0.0.1", 4433, Pin([7; 32]), None).unwrap()
}

/// As it comes from that relay, which does not say by which token.
pub(super) fn arrived(envelope: Envelope) -> Arrived {
    Arrived { envelope, relay: relay(), token: None }
}

pub(super) fn passphrase() -> Passphrase {
    Passphrase::new("a long enough passphrase").unwrap()
}

/// The second one.
pub(super) fn other_passphrase() -> Passphrase {
    Passphrase::new("what was made up for others").unwrap()
}

fn vault(folder: &TempDir) -> Vault {
    let passphrase = passphrase();
    let cost = KdfCost::new(KdfCost::MIN_MEMORY_KIB, 1).unwrap();
    let mut entropy = |bytes: &mut [u8]| getrandom::fill(bytes).unwrap();
    Vault::create(folder.path(), &passphrase, cost, &mut entropy).unwrap()
}

impl Person {
    fn new(name: &'static str) -> Self {
        let folder = TempDir::new().unwrap();
        let mut vault = vault(&folder);
        Device::initialise(&mut vault).unwrap();
        let device = Device::of(vault).unwrap();
        Self { device, name, shown: Vec::new(), position: 0, _folder: folder }
    }

    pub(super) fn texts(&self) -> Vec<&str> {
        let text = |item: &'_ Item| match &item.what {
            What::Said { text, .. } if item.from.is_some() => Some(text.clone()),
            _ => None,
        };
        self.shown.iter().filter_map(text).map(|text| &*text.leak()).collect()
    }

    pub(super) fn member(&self) -> MemberId {
        self.device.member()
    }

    /// A copy of the vault's files, as they are now.
    pub(super) fn copy(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files = std::fs::read_dir(self._folder.path().join("vault")).unwrap();
        let files = files.map(|file| file.unwrap().path()).filter(|path| path.is_file());
        files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
    }

    /// Puts such a copy in place of the vault.
    pub(super) fn put_back(&mut self, copy: &[(PathBuf, Vec<u8>)]) {
        for (path, bytes) in copy {
            std::fs::write(path, bytes).unwrap();
        }
        self.reopen(false);
        self.position = self.device.items_after(0).unwrap().last().map_or(0, |(at, _)| *at);
    }

    /// The same device in another process.
    pub(super) fn another_process(&self) -> Device {
        Device::of(Vault::open(self._folder.path(), &passphrase()).unwrap()).unwrap()
    }

    /// Opens the vault with another passphrase than before: the second, or the one it was made with.
    pub(super) fn reopen(&mut self, second: bool) {
        let other = other_passphrase();
        let folder = self._folder.path();
        let vault = match Vault::open(folder, &other) {
            Ok(vault) if second => vault,
            _ if second => {
                let mut entropy = |bytes: &mut [u8]| getrandom::fill(bytes).unwrap();
                let vault = Vault::open(folder, &passphrase()).unwrap();
                vault.set_second_passphrase(&passphrase(), &other, &mut entropy).unwrap();
                Vault::open(folder, &other).unwrap()
            }
            _ => Vault::open(folder, &passphrase()).unwrap(),
        };
        self.device = Device::of(vault).unwrap();
    }
}

impl World {
    pub(super) fn new() -> Self {
        Self { office: Office::default(), people: BTreeMap::new(), now_s: START_S }
    }

    pub(super) fn person(&mut self, name: &'static str) -> &mut Person {
        self.people.entry(name).or_insert_with(|| Person::new(name))
    }

    pub(super) fn device(&mut self, name: &'static str) -> &mut Device {
        &mut self.person(name).device
    }

    /// A circle with this lead and these others; everybody has settled.
    pub(super) fn circle(lead: &'static str, others: &[(&'static str, Role)]) -> Self {
        let mut world = Self::new();
        let roles = Roles::of(&[Role::Coordinator, Role::Accompanier]);
        let now_s = world.now_s;
        world.device(lead).found_circle("Casa", lead, roles, relay(), None, now_s).unwrap();
        for (name, role) in others {
            world.admit(lead, name, *role);
        }
        world
    }

    /// Takes somebody into the circle by invitation, request, words and approval.
    pub(super) fn admit(&mut self, lead: &'static str, name: &'static str, role: Role) {
        self.admit_device(lead, name, role, None);
    }

    /// The same for another device of a person who is in the circle already.
    pub(super) fn admit_device(
        &mut self,
        lead: &'static str,
        name: &'static str,
        role: Role,
        person: Option<MemberId>,
    ) {
        self.answer(lead, name, role);
        self.settle();
        let now_s = self.now_s;
        let answers = self.device(lead).answers(now_s).unwrap();
        let answer = answers.iter().find(|answer| answer.name == name).unwrap().clone();
        self.settle();
        let JoinState::Compare(words) = self.device(name).join_state().unwrap() else {
            panic!("{name} sees no words");
        };
        assert_eq!(words, answer.words);
        self.device(name).confirm_words(&words.join(" "), now_s).unwrap();
        self.device(lead)
            .approve(answer.invitation, &words.join(" "), person, None, None, now_s)
            .unwrap();
        self.settle();
        assert_eq!(self.device(name).join_state().unwrap(), JoinState::In);
    }

    /// Up to the answer to an invitation.
    pub(super) fn answer(
        &mut self,
        lead: &'static str,
        name: &'static str,
        role: Role,
    ) -> Invitation {
        let now_s = self.now_s;
        let offer = self.device(lead).invite(Roles::of(&[role]), WordList::Spanish, now_s).unwrap();
        self.settle();
        let (mailbox, token) = (offer.mailbox().id(), offer.token().hash());
        self.office.open(mailbox, &[token]);
        assert_eq!(self.office.send(token, offer.envelope.clone()), Answer::Accepted);
        let found: Vec<Envelope> = self.office.boxes[&mailbox].iter().cloned().collect();
        self.device(name).join(&offer.invitation, &found, name, now_s).unwrap();
        offer.invitation
    }

    /// Somebody else answers the same invitation.
    pub(super) fn thief(&mut self, lead: &'static str, invitation: &Invitation) {
        let now_s = self.now_s;
        let found: Vec<Envelope> =
            self.office.boxes[&invitation.mailbox().id()].iter().cloned().collect();
        assert_ne!(lead, "thief");
        self.device("thief").join(invitation, &found, "thief", now_s).unwrap();
    }

    /// Carries everything until nothing moves any more.
    pub(super) fn settle(&mut self) {
        let names: Vec<&'static str> = self.people.keys().copied().collect();
        for _ in 0..60 {
            let moved = names.iter().map(|name| self.carry(name)).filter(|moved| *moved).count();
            if moved == 0 {
                return;
            }
        }
        panic!("the circle does not come to rest");
    }

    /// One device goes online for a moment; says whether anything moved.
    pub(super) fn carry(&mut self, name: &'static str) -> bool {
        let sent = self.send(name, |_| true);
        let received = self.receive(name);
        sent || received
    }

    /// Sends what is due; `accepts` says of which envelopes the relay's answer gets back.
    pub(super) fn send(
        &mut self,
        name: &'static str,
        mut accepts: impl FnMut(usize) -> bool,
    ) -> bool {
        let now_s = self.now_s;
        self.office.release(now_s);
        let person = self.people.get_mut(name).unwrap();
        for home in person.device.homes().unwrap() {
            let outcomes = self.office.open(home.mailbox.id(), &home.tokens);
            let said: Vec<_> = home.tokens.iter().copied().zip(outcomes).collect();
            let registered =
                |(_, outcome): &(_, TokenOutcome)| *outcome == TokenOutcome::Registered;
            if !home.registered || !home.unregistered.is_empty() || !said.iter().all(registered) {
                person.device.opened(&home.relay, home.revision, &said, now_s).unwrap();
            }
        }
        let mut answers = Vec::new();
        for (index, due) in
            person.device.due(now_s, 1000, |_| false).unwrap().into_iter().enumerate()
        {
            let answer = self.office.ask(&due, now_s);
            if let Some(answer) = answer.filter(|_| accepts(index)) {
                answers.push((due.id, answer));
            }
        }
        person.device.answered(&answers, now_s).unwrap();
        !answers.is_empty()
    }

    pub(super) fn receive(&mut self, name: &'static str) -> bool {
        let now_s = self.now_s;
        let person = self.people.get_mut(name).unwrap();
        let mut envelopes = Vec::new();
        for home in person.device.homes().unwrap() {
            let waiting = self.office.boxes.get_mut(&home.mailbox.id());
            for envelope in waiting.map(std::mem::take).unwrap_or_default() {
                let (relay, token) = (home.relay.clone(), self.office.token_of(&envelope));
                envelopes.push(Arrived { envelope, relay, token });
            }
        }
        person.device.receive(&envelopes, now_s).unwrap();
        let receipts = person.device.send_receipts(None, now_s).unwrap();
        for (position, item) in person.device.items_after(person.position).unwrap() {
            person.position = position;
            person.shown.push(item);
        }
        !envelopes.is_empty() || receipts
    }

    /// Puts envelopes that wait for this person into another order, or takes or doubles some.
    pub(super) fn meddle(
        &mut self,
        name: &'static str,
        with: impl FnOnce(&mut VecDeque<Envelope>),
    ) {
        let homes = self.people.get_mut(name).unwrap().device.homes().unwrap();
        with(self.office.boxes.get_mut(&homes[0].mailbox.id()).unwrap());
    }
}
