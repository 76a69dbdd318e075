//! A relay under load, its disk recorded.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustix::process::Signal;
use tokio::sync::watch;
use tokio::task::JoinSet;
use velar_protocol::wire::codec;
use velar_protocol::wire::{Answer, Delivery, DeliveryOutcome, HoldSecret, Request};

use super::common::{self, Client, Conn, Relay, secret, token};
use super::disk::Disk;
use super::journal::{Journal, Recorded, Shim, Syncs, inodes, same_tree};
use super::ledger::{Hold, Ledger, Life, envelope};

/// Only the disk is a limit.
pub const UNLIMITED: [&str; 13] = [
    "--hold-part=0",
    "--mailbox-envelopes=1000000",
    "--token-envelopes=1000000",
    "--token-rate-per-min=100000000",
    "--token-burst=1000000",
    "--hold-burst=1000000",
    "--connection-rate-per-min=100000000",
    "--connection-burst=1000000",
    "--subscriptions-per-connection=100",
    "--free-space-mib=0",
    "--outage-wait-s=0",
    "--cache-mib=8",
    "--log=warn",
];

/// Mailboxes that stay.
const MAILBOXES: [u8; 4] = [1, 2, 3, 4];
/// The most that a load may have for each.
const SENDERS: u8 = 6;
const HOUR: u32 = 3600;

/// What is done to a relay while it is recorded.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Distinguishes its envelopes, mailboxes and holds from those of other runs.
    pub run: u8,
    /// For each mailbox.
    pub senders: u8,
    /// How many each sender sends.
    pub envelopes: u32,
    /// How many each sender has on their way.
    pub pipelined: u32,
    /// How many of the mailboxes have a reader online.
    pub readers: usize,
    pub holds: u8,
    pub churns: u8,
}

/// A run of the relay, and what was asked of it.
pub struct Run {
    /// The disk as it was before.
    pub disk: Disk,
    pub recorded: Recorded,
    /// Calls until it listened.
    pub start: usize,
    pub ledger: Arc<Ledger>,
}

struct Loading {
    client: Client,
    journal: Journal,
    ledger: Mutex<Ledger>,
    load: Load,
}

/// Runs a relay on `data`, under load until all of that is answered, if there is one. Then it is stopped.
pub async fn run(
    shim: &Shim,
    data: &Path,
    ledger: Ledger,
    load: Option<Load>,
    syncs: Syncs,
) -> Run {
    let journal = Journal::new(data.with_extension("journal"));
    let disk = Disk::of(data, &inodes(data));
    let mut command = common::program();
    shim.preload(&mut command, data, &journal, syncs);
    command.args(["serve", "--data"]).arg(data).args(UNLIMITED);
    let mut relay = Relay::from(command);
    let listening = journal.len();
    let client = Client::new(relay.addr, data);
    let ledger = match load {
        None => ledger,
        Some(load) => {
            let (journal, ledger) = (journal.clone(), Mutex::new(ledger));
            let loading = Arc::new(Loading { client, journal, ledger, load });
            loading.clone().all().await;
            loading.ledger.lock().unwrap().clone()
        }
    };
    relay.signal(Signal::TERM);
    assert!(relay.child.wait().unwrap().success(), "the relay failed under load");

    let recorded = journal.read();
    assert_recorded(disk.clone(), &recorded, data);
    let start = recorded.calls.iter().take_while(|(_, end)| *end <= listening).count();
    Run { disk, recorded, start, ledger: Arc::new(ledger) }
}

/// What was recorded explains what is there: nothing went past the shim, and the disk here is right.
fn assert_recorded(mut disk: Disk, recorded: &Recorded, data: &Path) {
    disk.advance(recorded, recorded.calls.len());
    let replayed = data.with_extension("replayed");
    disk.whole(recorded, &replayed);
    if let Err(difference) = same_tree(data, &replayed) {
        panic!("the relay changes files in a way that the shim does not see: {difference}");
    }
    fs::remove_dir_all(replayed).unwrap();
}

impl Loading {
    async fn all(self: Arc<Self>) {
        let conn = self.client.connect().await;
        for mailbox in MAILBOXES {
            let tokens: Vec<_> = (0..SENDERS).map(|n| token(sender(mailbox, n))).collect();
            let tokens: Vec<_> = tokens.iter().chain([&token(200 + mailbox)]).cloned().collect();
            self.open(&conn, mailbox, &tokens.iter().collect::<Vec<_>>()).await;
        }
        let (done, until) = watch::channel(());
        let mut readers = JoinSet::new();
        for mailbox in MAILBOXES.into_iter().take(self.load.readers) {
            readers.spawn(self.clone().read(mailbox, until.clone()));
        }
        let mut writers = JoinSet::new();
        for mailbox in MAILBOXES {
            for number in 0..self.load.senders {
                writers.spawn(self.clone().send(mailbox, sender(mailbox, number)));
            }
        }
        writers.spawn(self.clone().hold());
        writers.spawn(self.clone().churn());
        while let Some(ended) = writers.join_next().await {
            ended.unwrap();
        }
        drop(done);
        while let Some(ended) = readers.join_next().await {
            ended.unwrap();
        }
    }

    /// Runs `change` with the journal's length now.
    fn note(&self, change: impl FnOnce(&mut Ledger, u64)) {
        let now = self.journal.len();
        change(&mut self.ledger.lock().unwrap(), now);
    }

    async fn open(&self, conn: &Conn, mailbox: u8, tokens: &[&velar_protocol::wire::SendToken]) {
        self.note(|ledger, now| {
            ledger.mailboxes.entry(mailbox).or_insert(Life::asked(now));
        });
        conn.opened(&secret(mailbox), tokens).await;
        self.note(|ledger, now| {
            let life = ledger.mailboxes.get_mut(&mailbox).unwrap();
            if life.made.is_none() {
                *life = Life { made: Some(now), ending: None, ..*life };
            }
        });
    }

    /// Several envelopes are on their way at any time.
    async fn send(self: Arc<Self>, mailbox: u8, from: u8) {
        let conn = self.client.connect().await;
        let (mut send, mut recv) = conn.quic.open_bi().await.unwrap();
        let Load { envelopes, pipelined, .. } = self.load;
        let number = |count| self.number(from, count);
        for count in 0..envelopes + pipelined {
            if count < envelopes {
                self.asked(mailbox, number(count));
                let request = common::send(&token(from), &envelope(number(count)));
                send.write_all(&codec::encode(&request).unwrap()).await.unwrap();
            }
            if count >= pipelined {
                assert_eq!(common::read::<Answer>(&mut recv).await, Ok(Answer::Accepted));
                self.accepted(number(count - pipelined));
            }
        }
    }

    /// Acknowledges everything, some of it late.
    async fn read(self: Arc<Self>, mailbox: u8, mut until: watch::Receiver<()>) {
        let conn = self.client.connect().await;
        let mut online = conn.subscribe(&[&secret(mailbox)]).await.unwrap();
        let mut kept = VecDeque::new();
        loop {
            let (sequence, found) = tokio::select! {
                found = online.envelope() => found,
                _ = until.changed() => return,
            };
            let number = common::number(&found);
            assert_eq!(found, envelope(number));
            kept.push_back((sequence, number));
            if kept.len() > number as usize % 12 {
                let (sequence, number) = kept.pop_front().unwrap();
                self.note(|ledger, now| {
                    let life = &mut ledger.envelopes.get_mut(&number).unwrap().1;
                    life.ending = life.ending.or(Some(now));
                });
                online.ack(sequence).await;
            }
        }
    }

    /// Leaves holds and extends them; a third stays, a third is cancelled, a third replaced.
    async fn hold(self: Arc<Self>) {
        let conn = self.client.connect().await;
        for count in 0..self.load.holds {
            let key = [self.load.run, count, 0, 1].repeat(8).try_into().unwrap();
            self.leave(&conn, key, None).await;
            let extend = Request::Extend { secret: HoldSecret::new(key), for_s: 2 * HOUR };
            let outcomes = vec![DeliveryOutcome::Held; 2];
            assert_eq!(conn.ask(&extend).await, Answer::Extended { outcomes });
            match count % 3 {
                0 => {}
                1 => {
                    self.ending(key);
                    let cancel = Request::Cancel { secret: HoldSecret::new(key) };
                    assert_eq!(conn.ask(&cancel).await, Answer::Cancelled);
                    self.ended(key);
                }
                _ => {
                    let next = [self.load.run, count, 1, 1].repeat(8).try_into().unwrap();
                    self.leave(&conn, next, Some(key)).await;
                }
            }
        }
    }

    async fn leave(&self, conn: &Conn, key: [u8; 32], replaces: Option<[u8; 32]>) {
        let first = u32::from(key[1]) * 4 + u32::from(key[2]) * 2;
        let held: Vec<(u8, u32)> =
            [1, 3].into_iter().zip(first..).map(|(to, n)| (to, self.number(250, n))).collect();
        let deliveries = held.iter().map(|(mailbox, number)| Delivery {
            token: token(200 + mailbox),
            envelope: envelope(*number),
        });
        let request = Request::Hold {
            id: HoldSecret::new(key).id(),
            for_s: HOUR,
            deliveries: deliveries.collect(),
            replaces: replaces.map(HoldSecret::new),
        };
        if let Some(old) = replaces {
            self.ending(old);
        }
        self.note(|ledger, now| {
            ledger.holds.insert(key, Hold { life: Life::asked(now), held, replaces });
        });
        let outcomes = vec![DeliveryOutcome::Held; 2];
        assert_eq!(conn.ask(&request).await, Answer::Held { outcomes });
        self.note(|ledger, now| ledger.holds.get_mut(&key).unwrap().life.made = Some(now));
        if let Some(old) = replaces {
            self.ended(old);
        }
    }

    fn ending(&self, hold: [u8; 32]) {
        self.note(|ledger, now| ledger.holds.get_mut(&hold).unwrap().life.ending = Some(now));
    }

    fn ended(&self, hold: [u8; 32]) {
        self.note(|ledger, now| ledger.holds.get_mut(&hold).unwrap().life.ended = Some(now));
    }

    /// Opens mailboxes, puts something in, and closes most.
    async fn churn(self: Arc<Self>) {
        let conn = self.client.connect().await;
        for count in 0..self.load.churns {
            let mailbox = 10 + self.load.run * 8 + count;
            self.open(&conn, mailbox, &[&token(mailbox)]).await;
            let numbers: Vec<u32> = (0..4).map(|n| self.number(mailbox, n)).collect();
            for number in &numbers {
                self.asked(mailbox, *number);
                let sent = conn.send(&token(mailbox), &envelope(*number)).await;
                assert_eq!(sent, Answer::Accepted);
                self.accepted(*number);
            }
            if count % 3 == 2 {
                continue;
            }
            self.note(|ledger, now| {
                ledger.mailboxes.get_mut(&mailbox).unwrap().ending = Some(now);
                for number in &numbers {
                    ledger.envelopes.get_mut(number).unwrap().1.ending = Some(now);
                }
            });
            let conn = self.client.connect().await;
            let close = Request::close(&conn.exporter, &secret(mailbox));
            assert_eq!(conn.ask(&close).await, Answer::Closed);
            self.note(|ledger, now| {
                ledger.mailboxes.get_mut(&mailbox).unwrap().ended = Some(now);
            });
        }
    }

    fn asked(&self, mailbox: u8, number: u32) {
        self.note(|ledger, now| {
            ledger.envelopes.insert(number, (mailbox, Life::asked(now)));
        });
    }

    fn accepted(&self, number: u32) {
        self.note(|ledger, now| {
            ledger.envelopes.get_mut(&number).unwrap().1.made = Some(now);
        });
    }

    fn number(&self, from: u8, count: u32) -> u32 {
        (u32::from(self.load.run) << 24) | (u32::from(from) << 16) | count
    }
}

/// Also the byte of its token.
fn sender(mailbox: u8, number: u8) -> u8 {
    100 + 10 * mailbox + number
}
