//! The relay over the memory store.

use std::sync::atomic::{AtomicBool, AtomicU32};
use std::time::{Duration, Instant};

use tokio::time::timeout;
use velar_protocol::wire::limits::{ENVELOPE_LEN, MAX_DELIVERIES};
use velar_protocol::wire::{Exporter, HoldSecret, MailboxSecret, Request, SendToken};

use super::*;
use crate::access::Leave;
use crate::clock::{Clock, Reading, SystemClock};
use crate::limits::{MAILBOXES_SWEPT_AT_ONCE, WRITER_QUEUE};
use crate::store::{Loaded, MailboxRecord, MemoryStore, Write};

fn hold(number: u8) -> Action {
    let token = SendToken::new([1; 32]).hash();
    let envelope = Envelope::new(vec![number; ENVELOPE_LEN]).unwrap();
    let deliveries = vec![(token, envelope); MAX_DELIVERIES];
    Action::Hold { id: HoldSecret::new([number; 32]).id(), for_s: 60, deliveries, replaces: None }
}

fn here() -> Origin {
    crate::origin::Origins::default().of([127, 0, 0, 1].into())
}

#[tokio::test(start_paused = true)]
async fn holds_wait_for_the_writer_with_no_more_envelopes_than_there_is_room_for() {
    let folder = tempfile::tempdir().unwrap();
    let time = Timekeeper::start(Arc::new(SystemClock), folder.path().to_owned(), None);
    let now = time.now();
    let access = Arc::new(Access::open(folder.path()).unwrap());
    let most = u32::MAX;
    let limits = Limits {
        token_envelopes: most,
        mailbox_envelopes: most,
        hold_part: 0,
        token_burst: most,
        ..Limits::default()
    };
    let mailboxes = Mailboxes::new(limits, Loaded::default(), now, &mut Vec::new());
    let mailboxes = Arc::new(Mutex::new(mailboxes));
    let (jobs, mut waiting) = mpsc::channel(WRITER_QUEUE);
    let (_ending, ended) = watch::channel(None);
    let store = Arc::new(MemoryStore::default());
    let relay = Relay::new(limits, access, time, mailboxes.clone(), store, jobs, ended);
    let tokens = vec![SendToken::new([1; 32]).hash()];
    let mailbox = MailboxId([2; 32]);
    mailboxes.lock().unwrap().open(
        mailbox,
        &tokens,
        Leave::NotNeeded,
        |_| Ok(()),
        now,
        &mut Vec::new(),
    );

    // Nobody writes: what is asked for stays in the queue.
    let at_once = |action| timeout(Duration::ZERO, relay.carry_out(action, here()));
    for number in 0..WRITER_QUEUE / MAX_DELIVERIES {
        let held = at_once(hold(u8::try_from(number).unwrap())).await;
        assert!(matches!(held, Ok(Pending::Commit(..))), "{number}");
    }
    assert!(at_once(hold(255)).await.is_err(), "there is no room for it");
    drop(waiting.recv().await);
    let held = at_once(hold(255)).await;
    assert!(matches!(held, Ok(Pending::Commit(..))), "a written one gives its room back");
}

#[tokio::test]
async fn a_hold_that_cannot_be_read_is_lost_before_it_is_extended_and_so_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let time = Timekeeper::start(Arc::new(SystemClock), folder.path().to_owned(), None);
    let (now, limits) = (time.now(), Limits::default());
    let access = Arc::new(Access::open(folder.path()).unwrap());
    let store = Arc::new(MemoryStore::default());
    let (token, mailbox) = (SendToken::new([1; 32]).hash(), MailboxId([2; 32]));
    let mut writes = Vec::new();
    let mut before = Mailboxes::new(limits, Loaded::default(), now, &mut writes);
    before.open(mailbox, &[token], Leave::NotNeeded, |_| Ok(()), now, &mut writes);
    let envelope = Envelope::new(vec![3; ENVELOPE_LEN]).unwrap();
    let [whole, damaged] = [4, 5].map(|byte| HoldSecret::new([byte; 32]).id());
    for id in [whole, damaged] {
        let deliveries = vec![(token, envelope.clone())];
        let asked = Asked { id, for_s: 60, deliveries, replaces: None };
        before.hold(asked, now, &mut writes);
    }
    store.apply(&writes).unwrap();
    let holds = store.load().unwrap().holds;
    let key = holds.iter().find(|record| record.key.id == damaged).unwrap().key;
    store.damage(key, 0);

    let loaded = store.load().unwrap();
    let mailboxes = Mailboxes::new(limits, loaded, now, &mut Vec::new());
    let (jobs, mut waiting) = mpsc::channel(WRITER_QUEUE);
    let (_ending, ended) = watch::channel(None);
    let mailboxes = Arc::new(Mutex::new(mailboxes));
    let relay = Relay::new(limits, access, time, mailboxes, store, jobs, ended);
    let mut pending = relay.carry_out(Action::Extend { id: damaged, for_s: 60 }, here()).await;
    assert_eq!(pending.answer_now(), None, "not before it is on disk");
    let Some(Job::Write { writes, done: Some(done), .. }) = waiting.recv().await else {
        unreachable!()
    };
    assert!(matches!(writes[..], [Write::LostHold(_), Write::ReleaseHold(lost)] if lost == key));
    done.send(()).unwrap();
    assert_eq!(pending.answer_now(), Some(Answer::Refused(Refusal::HoldLost)));
    let other = relay.carry_out(Action::Extend { id: whole, for_s: 60 }, here()).await;
    assert!(matches!(other, Pending::Commit(_, Answer::Extended { .. })));
}

/// A clock that a test sets.
struct SetClock(AtomicU32);

impl Clock for SetClock {
    fn read(&self) -> Reading {
        let s = u64::from(self.0.load(Ordering::SeqCst));
        Reading { boot_us: s * 1_000_000, wall_ms: s * 1000 }
    }
}

/// What a tick had written, in order.
#[derive(Debug, PartialEq)]
enum Wrote {
    Released,
    /// So many idle mailboxes went, one after the other.
    Removed(usize),
}

#[tokio::test]
async fn what_is_due_comes_before_a_sweep_which_goes_on_where_it_stood() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(SetClock(AtomicU32::new(1_800_000_000)));
    let time = Timekeeper::start(clock.clone(), folder.path().to_owned(), None);
    let now = time.now();
    // A sweep every second.
    let limits = Limits { envelope_age_s: 100, ..Limits::default() };
    let store = Arc::new(MemoryStore::default());
    let per_tick = SLICES_SWEPT_PER_TICK * MAILBOXES_SWEPT_AT_ONCE;
    // Those that stay come first: who begins anew at each tick gets no further than they go.
    let record = |number: usize| {
        let id =
            MailboxId([&(number as u64).to_be_bytes()[..], &[0; 24]].concat().try_into().unwrap());
        let used_day = if number < per_tick { u32::MAX } else { 1 };
        let (access, tokens) = (0, Vec::new());
        MailboxRecord { id, sequence_ceiling: 1, expired: 0, used_day, access, tokens }
    };
    let mailboxes = (0..2 * per_tick + 10).map(record).collect();
    let loaded = Loaded { mailboxes, ..Loaded::default() };
    let mut mailboxes = Mailboxes::new(limits, loaded, now, &mut Vec::new());
    let (token, mut writes) = (SendToken::new([1; 32]).hash(), Vec::new());
    mailboxes.open(MailboxId([0xff; 32]), &[token], Leave::NotNeeded, |_| Ok(()), now, &mut writes);
    for (number, for_s) in [(1, 1), (2, 2)] {
        let id = HoldSecret::new([number; 32]).id();
        let deliveries = vec![(token, Envelope::new(vec![number; ENVELOPE_LEN]).unwrap())];
        let asked = Asked { id, for_s, deliveries, replaces: None };
        assert!(matches!(mailboxes.hold(asked, now, &mut writes), Reply::Durable(_)));
    }
    store.apply(&writes).unwrap();
    let (jobs, mut waiting) = mpsc::channel(WRITER_QUEUE);
    let (_ending, ended) = watch::channel(None);
    let mailboxes = Arc::new(Mutex::new(mailboxes));
    let folder = tempfile::tempdir().unwrap();
    let access = Arc::new(Access::open(folder.path()).unwrap());
    let relay = Relay::new(limits, access, time, mailboxes, store.clone(), jobs, ended);
    let wrote = Arc::new(Mutex::new(Vec::new()));
    let writer = wrote.clone();
    tokio::spawn(async move {
        while let Some(job) = waiting.recv().await {
            let Job::Write { writes, done, .. } = job else { continue };
            let mut wrote = writer.lock().unwrap();
            for write in &writes {
                match (write, wrote.last_mut()) {
                    (Write::ReleaseHold(_), _) => wrote.push(Wrote::Released),
                    (Write::RemoveMailbox(_), Some(Wrote::Removed(count))) => *count += 1,
                    (Write::RemoveMailbox(_), _) => wrote.push(Wrote::Removed(1)),
                    _ => {}
                }
            }
            store.apply(&writes).unwrap();
            done.map(|done| done.send(()));
        }
    });
    for expected in [
        vec![Wrote::Released],
        vec![Wrote::Released, Wrote::Removed(per_tick)],
        vec![Wrote::Removed(10)],
    ] {
        clock.0.fetch_add(1, Ordering::SeqCst);
        relay.tick().await.unwrap();
        // What was sent before is written before.
        drop(relay.change(|_, _, _| Reply::Durable(Answer::Accepted)).await.answer().await);
        assert_eq!(std::mem::take(&mut *wrote.lock().unwrap()), expected);
    }
}

/// A record that is sent late would take back what changed since: tokens that were revoked, a mailbox that was closed.
#[test]
fn what_a_subscription_writes_is_written_in_the_order_in_which_it_happened() {
    let exporter = Exporter([7; 32]);
    let secret = MailboxSecret::from_seed(&[3; 32]);
    let Request::Close { mailbox: id, proof } = Request::close(&exporter, &secret) else {
        unreachable!()
    };
    let owner = Owner::of_close(&exporter, id, &proof).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let time = Timekeeper::start(Arc::new(SystemClock), folder.path().to_owned(), None);
    let (now, limits) = (time.now(), Limits::default());
    let token = |number: u32| SendTokenHash([number.to_le_bytes(); 8].concat().try_into().unwrap());
    // Not read for long: a subscription writes that it is now.
    let unread = |number| {
        let (expired, tokens) = (0, vec![token(number)]);
        let record =
            MailboxRecord { id, sequence_ceiling: 1, expired, used_day: 1, access: 0, tokens };
        let loaded = Loaded { mailboxes: vec![record], ..Loaded::default() };
        Mailboxes::new(limits, loaded, now, &mut Vec::new())
    };
    let mailboxes = Arc::new(Mutex::new(unread(0)));
    let (jobs, mut waiting) = mpsc::channel(1 << 20);
    let (_ending, ended) = watch::channel(None);
    let store = Arc::new(MemoryStore::default());
    let access = Arc::new(Access::open(folder.path()).unwrap());
    let relay = Arc::new(Relay::new(limits, access, time, mailboxes, store, jobs, ended));
    let (opened, is_over) = (AtomicU32::new(0), AtomicBool::new(false));
    let alone = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    std::thread::scope(|scope| {
        // Opened again and again, each time with another token.
        scope.spawn(|| {
            // As many as the queue takes.
            while !is_over.load(Ordering::SeqCst) && opened.load(Ordering::SeqCst) < 1 << 18 {
                alone().block_on(relay.write_behind(|mailboxes, now, writes| {
                    let number = opened.fetch_add(1, Ordering::SeqCst) + 1;
                    mailboxes.open(id, &[token(number)], Leave::NotNeeded, |_| Ok(()), now, writes);
                }));
            }
        });
        let until = Instant::now() + Duration::from_secs(3);
        while Instant::now() < until {
            {
                let mut mailboxes = relay.mailboxes();
                *mailboxes = unread(opened.load(Ordering::SeqCst));
            }
            drop(alone().block_on(relay.subscribe(&[owner])));
        }
        is_over.store(true, Ordering::SeqCst);
    });
    let mut last = 0;
    while let Ok(Job::Write { writes, .. }) = waiting.try_recv() {
        for write in writes {
            let Write::Mailbox(record) = write else { unreachable!() };
            // Over the rate of new ones, there is none.
            let Some(SendTokenHash([a, b, c, d, ..])) = record.tokens.first().copied() else {
                continue;
            };
            let number = u32::from_le_bytes([a, b, c, d]);
            assert!(number >= last, "{number} after {last}");
            last = number;
        }
    }
    assert!(last > 100, "{last}");
}
