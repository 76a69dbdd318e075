//! What a vault keeps does not tell with which passphrase it was opened when that was made, nor does the kit beside it.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;
use velar_protocol::circle::words::WordList;
use velar_protocol::circle::{Role, Roles};
use velar_protocol::wire::{
    Answer, DeliveryOutcome, Envelope, Pin, RelayAddress, Request, SendTokenHash, TokenOutcome,
};

use super::check_in;
use crate::device::tests::entropy::Entropy;
use crate::device::tests::office::{START_S, World, arrived, other_passphrase, passphrase};
use crate::device::{CheckInSaid, Device, Due, OfferToSend};
use crate::holds::testing::Relay;
use crate::kit::{self, KitFile, Renew};
use crate::passphrase::Passphrase;
use crate::plan::{Plan, Rhythm};
use crate::records::{Outgoing, all_of};
use crate::vault::{Vault, VaultError};

const HOUR_S: u64 = 3600;
const DAY_S: u64 = 24 * HOUR_S;

/// Ana's device on its own: relays take everything, and the same envelopes come, whichever passphrase was typed. And
/// that of a guest, who answers what she offers.
struct Alone {
    device: Device,
    guest: Device,
    relays: HashMap<RelayAddress, Relay>,
    mail: Vec<Vec<Envelope>>,
    offers: Vec<OfferToSend>,
    now_s: u64,
}

/// Position, kind, lookup, class, chunk.
type Row = (i64, Vec<u8>, Vec<u8>, u8, i64);

/// Something that is done, and its name.
type Step = (&'static str, fn(&mut Alone));

/// What whoever holds the vault, the kit and a passphrase can read, and the keys in the vault can open.
#[derive(Debug, PartialEq)]
struct Read {
    step: &'static str,
    /// As they are stored, but for the envelopes in the outbox, which are sealed to others, and their digests.
    records: Vec<(&'static str, u64, Vec<u8>)>,
    /// Where each of them is.
    rows: Vec<Row>,
    free: Vec<(u8, i64)>,
    kit: Option<Vec<u8>>,
    /// What lies at mailboxes of invitations: the link, which the vault keeps, opens them.
    offers: Vec<Vec<u8>>,
    /// Files and their sizes.
    files: BTreeMap<String, u64>,
}

impl Alone {
    fn of(folder: &Path, passphrase: &Passphrase, guest: &Path, mail: Vec<Vec<Envelope>>) -> Self {
        let opened = |folder, passphrase, seed| {
            let mut device = Device::of(Vault::open(folder, passphrase).unwrap()).unwrap();
            device.entropy = Entropy::Seeded { seed, drawn: 0 };
            device
        };
        let (device, guest) =
            (opened(folder, passphrase, 7), opened(guest, &self::passphrase(), 8));
        let (relays, offers) = (HashMap::new(), Vec::new());
        Self { device, guest, relays, mail, offers, now_s: START_S + HOUR_S }
    }

    fn send(&mut self) {
        let now_s = self.now_s;
        open_homes(&mut self.device, now_s);
        // A check-in first, and then what is asked about holds.
        for _ in 0..3 {
            let mut answers = Vec::new();
            for due in self.device.due(now_s, 1000, |_| false).unwrap() {
                let answer = match due.request(now_s).unwrap() {
                    Request::Send { .. } => Answer::Accepted,
                    hold => {
                        let relay = self.relays.entry(due.relay.clone()).or_default();
                        relay.ask(hold, now_s, |_| DeliveryOutcome::Held)
                    }
                };
                answers.push((due.id, answer));
            }
            self.device.answered(&answers, now_s).unwrap();
        }
    }

    fn receive(&mut self) {
        let now_s = self.now_s;
        let mail = self.mail.pop().unwrap();
        assert!(!mail.is_empty());
        let mail: Vec<_> = mail.into_iter().map(arrived).collect();
        self.device.receive(&mail, now_s).unwrap();
        self.device.send_receipts(None, now_s).unwrap();
    }

    fn invite(&mut self) {
        let roles = Roles::of(&[Role::Accompanier]);
        let offer = self.device.invite(roles, WordList::Spanish, self.now_s).unwrap();
        self.offers.push(offer);
        self.send();
    }

    /// The guest answers the last invitation, and Ana's device shows the words.
    fn be_answered(&mut self) {
        let (now_s, offer) = (self.now_s, self.offers.last().unwrap());
        self.guest
            .join(&offer.invitation, std::slice::from_ref(&offer.envelope), "Sol", now_s)
            .unwrap();
        open_homes(&mut self.guest, now_s);
        let said = |due: Due| match due.request(now_s) {
            Some(Request::Send { delivery }) => Some(arrived(delivery.envelope)),
            _ => None,
        };
        let said = self.guest.due(now_s, 1000, |_| false).unwrap().into_iter().filter_map(said);
        self.device.receive(&said.collect::<Vec<_>>(), now_s).unwrap();
        assert_eq!(self.device.answers(now_s).unwrap().len(), 1);
        self.send();
    }

    fn approve(&mut self) {
        let answer = self.device.answers(self.now_s).unwrap().remove(0);
        let words = answer.words.join(" ");
        let approved =
            self.device.approve(answer.invitation, &words, None, None, None, self.now_s).unwrap();
        assert_eq!(approved, self.guest.member());
        self.send();
    }

    fn keep_kit(&mut self) {
        kit::keep(&mut self.device, Renew::All, self.now_s).unwrap();
    }

    fn kit(&self) -> KitFile {
        KitFile::of(self.device.folder())
    }

    /// The alarm without a passphrase, and its coming into the vault.
    fn panic_by_kit(&mut self) {
        let taken = self.kit().take(self.now_s).unwrap();
        for envelope in 0..taken.generation.envelopes.len() {
            taken.marker().accepted(envelope, 0);
        }
        kit::reconcile(&mut self.device, self.now_s).unwrap();
    }

    fn read(&mut self, step: &'static str) -> Read {
        let all = self.device.vault.read(|tx| Ok::<_, VaultError>(all_of(tx))).unwrap();
        let kit = self.kit().bytes().unwrap();
        let folder = self.device.folder().join("vault");
        let database = Connection::open(folder.join("vault.db")).unwrap();
        let mut rows =
            database.prepare("SELECT position, kind, lookup, class, chunk FROM record").unwrap();
        let rows = rows.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        });
        let mut free = database.prepare("SELECT class, chunk FROM free").unwrap();
        let free = free.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        let entries = fs::read_dir(&folder).unwrap().map(Result::unwrap);
        let size = |entry: &fs::DirEntry| entry.metadata().unwrap().len();
        Read {
            step,
            records: all.into_iter().map(without_envelopes).collect(),
            rows: rows.unwrap().map(Result::unwrap).collect(),
            free: free.unwrap().map(Result::unwrap).collect(),
            kit,
            offers: self.offers.iter().map(|one| one.envelope.as_bytes().to_vec()).collect(),
            files: entries.map(|e| (e.file_name().into_string().unwrap(), size(&e))).collect(),
        }
    }
}

/// Its relays take its tokens.
fn open_homes(device: &mut Device, now_s: u64) {
    for home in device.homes().unwrap() {
        let registered = |token: &SendTokenHash| (*token, TokenOutcome::Registered);
        let said: Vec<_> = home.tokens.iter().map(registered).collect();
        device.opened(&home.relay, home.revision, &said, now_s).unwrap();
    }
}

fn without_envelopes(
    (kind, position, bytes): (&'static str, u64, Vec<u8>),
) -> (&'static str, u64, Vec<u8>) {
    let config = bincode::config::standard();
    let bytes = match kind {
        "outgoing bytes" => bytes.len().to_le_bytes().to_vec(),
        "outgoing envelope" => {
            let (mut out, _): (Outgoing, _) =
                bincode::serde::decode_from_slice(&bytes, config).unwrap();
            out.digest = [0; 32];
            bincode::serde::encode_to_vec(&out, config).unwrap()
        }
        _ => bytes,
    };
    (kind, position, bytes)
}

fn plan() -> Plan {
    Plan {
        number: 0,
        rhythm: Rhythm::Every { minutes: 120 },
        zone: "UTC".to_owned(),
        grace_min: 15,
        margin_min: 5,
        ends_s: None,
        silent_until_s: None,
        itinerary: "por la costa".to_owned(),
        low_battery: false,
        no_signal: false,
    }
}

/// What is done, under either passphrase.
const DAY: &[Step] = &[
    ("opened", |_| {}),
    ("a kit", Alone::keep_kit),
    ("a check-in, and what is left at the relay", |ana| {
        let said = CheckInSaid { next_min: 60, ..CheckInSaid::default() };
        ana.device.check_in(said, ana.now_s).unwrap();
        ana.send();
    }),
    ("mail", Alone::receive),
    ("answers", Alone::send),
    ("talk", |ana| {
        ana.device.say(&"voy llegando ".repeat(300), &[], ana.now_s).unwrap();
        ana.send();
    }),
    ("a plan", |ana| {
        ana.device.agree_to_plan(Some(plan()), CheckInSaid::default(), ana.now_s).unwrap();
        ana.send();
    }),
    ("an alarm by the kit", Alone::panic_by_kit),
    ("a kit that is complete again", |ana| {
        ana.send();
        ana.keep_kit();
    }),
    ("more mail", Alone::receive),
    ("an alarm", |ana| {
        let (alert, _) = ana.device.panic("ayuda", ana.now_s).unwrap();
        ana.device.note(alert, "sigo aquí", ana.now_s).unwrap();
        ana.device.stand_down(alert, "fue un error", ana.now_s).unwrap();
        ana.send();
    }),
    ("one more relay", |ana| {
        let relay = RelayAddress::new("127.0.0.1", 4434, Pin([8; 32]), None).unwrap();
        ana.device.add_relay(&relay, None, ana.now_s).unwrap();
        ana.send();
        ana.keep_kit();
    }),
    ("another token for a member", |ana| {
        let members = ana.device.members().unwrap();
        let other = members.iter().find(|member| !member.me).unwrap().member;
        ana.device.exchange_token(other, false, ana.now_s).unwrap();
        // Registered, then told.
        ana.send();
        ana.device.tend(true, true, ana.now_s).unwrap();
        ana.send();
    }),
    ("an invitation", Alone::invite),
    ("an answer", Alone::be_answered),
    ("an approval", Alone::approve),
    ("an invitation that nobody answers", Alone::invite),
    ("a drill, and being there", |ana| {
        ana.device.drill("simulacro", ana.now_s).unwrap();
        ana.device.say_presence(ana.now_s + HOUR_S, true, ana.now_s).unwrap();
        ana.send();
    }),
    ("a week later", |ana| {
        ana.now_s += 8 * DAY_S;
        ana.device.tend(true, true, ana.now_s).unwrap();
        ana.keep_kit();
        ana.send();
    }),
    ("what is left is made anew", |ana| {
        ana.device
            .check_in(CheckInSaid { next_min: 60, ..CheckInSaid::default() }, ana.now_s)
            .unwrap();
        ana.send();
        ana.keep_kit();
    }),
];

/// Mail for Ana's device, the newest first; nothing of it depends on what she says.
fn mail(world: &mut World) -> Vec<Vec<Envelope>> {
    let mut all = Vec::new();
    for _ in 0..2 {
        for name in super::OTHERS {
            check_in(world, name);
            let now_s = world.now_s;
            world.device(name).say("¿cómo vas?", &[], now_s).unwrap();
            world.send(name, |_| true);
        }
        let mut taken = Vec::new();
        world.meddle("Ana", |waiting| taken.extend(waiting.drain(..)));
        all.push(taken);
    }
    all
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("vault")).unwrap();
    for entry in fs::read_dir(from.join("vault")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join("vault").join(path.file_name().unwrap())).unwrap();
    }
}

#[test]
fn a_vault_keeps_nothing_that_tells_under_which_passphrase_it_was_made() {
    // She leads: only a lead invites.
    let mut world = World::circle("Ana", &[("Luz", Role::Accompanier), ("Eva", Role::Accompanier)]);
    for _ in 0..3 {
        for name in ["Ana", "Luz", "Eva"] {
            check_in(&mut world, name);
        }
        world.settle();
    }
    // Sets the second passphrase; the copies have both.
    world.person("Ana").reopen(true);
    world.person("Ana").reopen(false);
    let mail = mail(&mut world);
    let (from, guest) =
        (world.device("Ana").folder().to_owned(), world.device("Sol").folder().to_owned());
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let mut lives = folders.iter().zip([passphrase(), other_passphrase()]).map(|(to, typed)| {
        let (hers, guests) = (to.path().join("hers"), to.path().join("guests"));
        copy(&from, &hers);
        copy(&guest, &guests);
        let mut ana = Alone::of(&hers, &typed, &guests, mail.clone());
        let mut live = |(step, act): &Step| {
            act(&mut ana);
            let read = ana.read(step);
            ana.now_s += 60;
            read
        };
        DAY.iter().map(&mut live).collect::<Vec<Read>>()
    });
    let (usual, second) = (lives.next().unwrap(), lives.next().unwrap());
    for (usual, second) in usual.iter().zip(&second) {
        for (one, other) in usual.records.iter().zip(&second.records) {
            assert_eq!(one, other, "after {}", usual.step);
        }
        assert!(usual.offers == second.offers, "what is offered after {}", usual.step);
        assert_eq!(usual, second);
    }
    let kits = usual.iter().filter_map(|read| read.kit.as_ref()).count();
    assert!(kits > DAY.len() / 2, "the kit was looked at");
    assert_eq!(usual.last().map(|read| read.offers.len()), Some(2));
}
