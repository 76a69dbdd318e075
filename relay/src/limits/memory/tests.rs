use std::fs;
use std::path::Path;
use std::process::Command;

use velar_protocol::wire::{Envelope, HoldSecret, MailboxId, SendToken, SendTokenHash};

use super::*;
use crate::access::Leave;
use crate::clock::Now;
use crate::mailboxes::{Asked, Mailboxes};
use crate::store::{Room, SledStore, Store, Upkeep, Write, short_digest};
use crate::writer::puts_of;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const UNIT: &str = include_str!("../../../../deploy/velar-relay.service");
const START_S: u64 = 1_800_000_000;
/// Names the folder in which the process that measures a start finds its store.
const FOLDER: &str = "VELAR_MEASURED";

fn status(field: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

fn resident() -> u64 {
    status("VmRSS:")
}

fn name(number: u32) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// The token of this number of this mailbox.
fn token(mailbox: u32, number: u32) -> SendTokenHash {
    let mut bytes = name(mailbox);
    bytes[4] = number as u8;
    SendToken::new(bytes).hash()
}

/// The mailboxes and the store of a relay, without its connections.
struct Filled {
    store: SledStore,
    boxes: Mailboxes,
    now: Now,
    writes: Vec<Write>,
    applied: u32,
    last: u64,
}

impl Filled {
    fn act(&mut self, act: impl FnOnce(&mut Mailboxes, Now, &mut Vec<Write>)) {
        act(&mut self.boxes, self.now, &mut self.writes);
        self.store.apply(&self.writes).unwrap();
        self.applied += 1;
        if self.applied.is_multiple_of(512) {
            self.store.commit().unwrap();
            while self.store.upkeep(Room::Enough).unwrap() == Upkeep::Busy {}
        }
        let puts = puts_of(&mut self.writes);
        self.boxes.committed(&puts);
    }

    fn send(&mut self, mailbox: u32, number: u32) {
        let mut bytes = vec![0; ENVELOPE_LEN];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        let envelope = Envelope::new(bytes).unwrap();
        let digest = short_digest(&envelope);
        let token = token(mailbox, 0);
        self.act(|boxes, now, writes| {
            boxes.send(&token, envelope, digest, now, writes);
        });
    }

    /// How much more there is than at the last call.
    #[allow(clippy::print_stdout, reason = "it prints what it measured")]
    fn tell(&mut self, what: &str, units: u32) {
        let (now, before) = (resident(), std::mem::take(&mut self.last));
        let each = (now as f64 - before as f64) / f64::from(units);
        println!("{what}: {each:.0} bytes each of {units}, {} MB in all", now / 1_000_000);
        self.last = now;
    }
}

#[test]
fn what_the_limits_allow_fits_what_the_unit_allows_and_its_comment_says_so() {
    let limits = Limits::default();
    let parts = limits.memory();
    let running: u64 = parts.iter().map(|(_, bytes)| bytes).sum();
    let line = UNIT.lines().find_map(|line| line.strip_prefix("MemoryMax=")).unwrap();
    let allowed = line.strip_suffix('M').unwrap().parse::<u64>().unwrap() << 20;
    let start = limits.memory_at_start();
    assert!(running < allowed && start < allowed, "{running} and {start} of {allowed}");
    // 1 GB, and the rest of the machine.
    assert!(allowed <= 900 << 20, "{allowed}");
    let mb = |bytes: u64| bytes.div_ceil(1_000_000);
    let mut comment = String::new();
    for (what, bytes) in parts {
        comment.push_str(&format!("# {:>5}  {what}\n", mb(bytes)));
    }
    comment.push_str(&format!("# {:>5}  together; at a start {}\n", mb(running), mb(start)));
    assert!(UNIT.contains(&comment), "it is:\n{comment}");
}

/// Fills mailboxes and a store up to the limits, and starts again.
#[test]
#[ignore = "a measurement: two minutes, and some GB of the temporary folder"]
#[allow(clippy::print_stdout, reason = "it prints what it measured")]
fn a_relay_that_is_full_takes_what_was_reckoned() {
    let most = u32::MAX;
    let limits = Limits::default();
    let Limits { mailboxes, tokens, envelopes, holds, hold_deliveries, remembered, .. } = limits;
    let all = Limits { token_burst: most, token_envelopes: most, hold_part: 0, ..limits };
    let all = Limits { envelopes: most, mailbox_part: 0, ..all };
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(&folder.path().join("store"), limits.cache_mib).unwrap();
    let now = Now::from_s(START_S);
    let boxes = Mailboxes::new(all, store.load().unwrap(), now, &mut Vec::new());
    let last = resident();
    let mut relay = Filled { store, boxes, now, writes: Vec::new(), applied: 0, last };
    relay.tell("nothing", 1);
    let each = tokens / mailboxes;
    for count in [1, each] {
        for number in 0..mailboxes {
            let tokens: Vec<_> = (0..count).map(|at| token(number, at)).collect();
            relay.act(|boxes, now, writes| {
                boxes.open(
                    MailboxId(name(number)),
                    &tokens,
                    Leave::NotNeeded,
                    |_| Ok(()),
                    now,
                    writes,
                );
            });
        }
        relay.tell("mailboxes, and then their tokens", count * mailboxes);
    }
    for number in 0..remembered {
        relay.send(number % mailboxes, most - number);
    }
    for number in 0..remembered {
        let (id, at) = (MailboxId(name(number % mailboxes)), 1 + u64::from(number / mailboxes));
        relay.act(|boxes, now, writes| boxes.ack(&id, at, now, writes));
    }
    relay.tell("digests", remembered);
    let waiting = envelopes - hold_deliveries;
    for number in 0..waiting {
        relay.send(number % mailboxes, number);
    }
    relay.tell("envelopes", waiting);
    let of_each = hold_deliveries / holds;
    for hold in 0..holds {
        let deliveries = (hold * of_each..).take(of_each as usize).map(|number| {
            let envelope = Envelope::new(vec![hold as u8; ENVELOPE_LEN]).unwrap();
            (token(number % mailboxes, number / mailboxes % each), envelope)
        });
        let (id, deliveries) = (HoldSecret::new(name(hold)).id(), deliveries.collect());
        let asked = Asked { id, for_s: 1000 + hold, deliveries, replaces: None };
        relay.act(|boxes, now, writes| {
            boxes.hold(asked, now, writes);
        });
    }
    relay.tell("holds", holds);
    relay.store.commit().unwrap();
    let loaded = relay.store.load().unwrap();
    let held: usize = loaded.holds.iter().map(|hold| hold.held().count()).sum();
    assert_eq!((loaded.mailboxes.len(), loaded.holds.len()), (mailboxes as usize, holds as usize));
    assert_eq!((loaded.envelopes.len(), held), (waiting as usize, hold_deliveries as usize));
    let others = ["connections", "on its way", "frame", "handshakes", "packets", "wide", "slow"];
    let counts = |(what, _): &&(&str, u64)| !others.iter().any(|other| what.contains(other));
    let reckoned: u64 = limits.memory().iter().filter(counts).map(|(_, bytes)| bytes).sum();
    let peak = status("VmHWM:");
    println!("at most {} MB, reckoned {}", peak / 1_000_000, reckoned / 1_000_000);
    drop(relay);
    let own = std::env::current_exe().unwrap();
    let arguments = ["--ignored", "--exact", "--nocapture", "limits::memory::tests::a_start"];
    let start = Command::new(own).args(arguments).env(FOLDER, folder.path()).status().unwrap();
    assert!(start.success() && peak < reckoned, "{peak} of {reckoned}");
}

#[test]
#[ignore = "a process of the measurement above"]
#[allow(clippy::print_stdout, reason = "it prints what it measured")]
fn a_start() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let limits = Limits::default();
    let store = SledStore::open(&Path::new(&folder).join("store"), limits.cache_mib).unwrap();
    let (loaded, now) = (store.load().unwrap(), Now::from_s(START_S));
    let boxes = Mailboxes::new(limits, loaded, now, &mut Vec::new());
    let (peak, reckoned) = (status("VmHWM:"), limits.memory_at_start());
    println!("a start: at most {} MB, reckoned {}", peak / 1_000_000, reckoned / 1_000_000);
    assert!(peak < reckoned);
    drop(boxes);
}
