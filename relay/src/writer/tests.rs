use std::sync::atomic::AtomicUsize;

use velar_protocol::wire::{Envelope, HoldId};

use super::*;
use crate::clock::Now;
use crate::limits::Limits;
use crate::store::MailboxRecord;
use crate::store::{HeldKey, HoldRecord, Loaded, StoredEnvelope};

/// A store that notes what is asked of it, and fails when told.
#[derive(Default)]
struct Noted {
    steps: Mutex<Vec<&'static str>>,
    commits: AtomicUsize,
    failing: AtomicBool,
    free: AtomicU64,
    reserve: AtomicU64,
}

impl Store for Noted {
    fn load(&self) -> Result<Loaded, StoreError> {
        Ok(Loaded::default())
    }

    fn apply(&self, writes: &[Write]) -> Result<(), StoreError> {
        self.steps.lock().unwrap().extend(writes.iter().map(|write| match write {
            Write::Put(..) => "put",
            Write::Remove { .. } => "remove",
            _ => "other",
        }));
        Ok(())
    }

    fn commit(&self) -> Result<(), StoreError> {
        if self.failing.load(Ordering::SeqCst) {
            return Err(StoreError::Engine { doing: "flushing", reason: "no".into() });
        }
        self.steps.lock().unwrap().push("commit");
        self.commits.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn envelope(&self, _: &MailboxId, _: u64) -> Result<Option<Envelope>, StoreError> {
        Ok(None)
    }

    fn held(&self, _: HeldKey, _: u8) -> Result<Option<Envelope>, StoreError> {
        Ok(None)
    }

    fn upkeep(&self, room: Room) -> Result<Upkeep, StoreError> {
        if room == Room::None {
            self.steps.lock().unwrap().push("upkeep without room");
        }
        Ok(Upkeep::Idle)
    }

    fn free_bytes(&self) -> Option<u64> {
        Some(self.free.load(Ordering::SeqCst))
    }

    fn reserve_bytes(&self) -> u64 {
        self.reserve.load(Ordering::SeqCst)
    }
}

fn put(sequence: u64) -> Write {
    let mailbox = MailboxId([1; 32]);
    let stored =
        StoredEnvelope { mailbox, sequence, received_hour: 0, kept_since_hour: 0, digest: [0; 16] };
    Write::Put(stored, Envelope::new(vec![0; 4096]).unwrap())
}

fn remove(sequence: u64) -> Write {
    Write::Remove { mailbox: MailboxId([1; 32]), sequence }
}

fn start(store: Arc<Noted>) -> (Writer, mpsc::Sender<Job>) {
    let now = Now::from_s(1);
    let mailboxes = Mailboxes::new(Limits::default(), Loaded::default(), now, &mut Vec::new());
    Writer::start(store, Arc::new(Mutex::new(mailboxes)), Vec::new(), 1).unwrap()
}

fn job(write: Write) -> (Job, oneshot::Receiver<()>) {
    let (done, wait) = oneshot::channel();
    (Job::Write { writes: vec![write], done: Some(done), room: None }, wait)
}

#[test]
fn no_answer_comes_without_a_commit_after_its_write() {
    let store = Arc::new(Noted::default());
    let (writer, jobs) = start(store.clone());
    for sequence in 0..50 {
        let (job, wait) = job(put(sequence));
        let before = store.commits.load(Ordering::SeqCst);
        jobs.blocking_send(job).unwrap();
        wait.blocking_recv().unwrap();
        assert!(store.commits.load(Ordering::SeqCst) > before);
    }
    jobs.blocking_send(Job::Stop).unwrap();
    writer.join().unwrap();
    let steps = store.steps.lock().unwrap();
    assert_eq!(steps[..2], ["put", "commit"]);
}

fn work(store: Arc<dyn Store>, loaded: Loaded) -> Work {
    let mailboxes = Mailboxes::new(Limits::default(), loaded, Now::from_s(1), &mut Vec::new());
    Work {
        store,
        mailboxes: Arc::new(Mutex::new(mailboxes)),
        free_space: 1,
        epoch: Instant::now(),
        watchdog: Arc::default(),
        looked: None,
        written: 0,
        room: Room::Enough,
        crowded: false,
        deferred: Deferred::default(),
        ahead: VecDeque::new(),
    }
}

#[test]
fn what_was_counted_at_a_reopening_is_not_overwritten_by_what_waited_meanwhile() {
    let (jobs, mut waiting) = mpsc::channel(64);
    let Write::Put(stored, _) = put(7) else { panic!() };
    let record = |expired| MailboxRecord {
        id: stored.mailbox,
        sequence_ceiling: 1024,
        expired,
        used_day: 0,
        access: 0,
        tokens: Vec::new(),
    };
    let before =
        Loaded { mailboxes: vec![record(0)], envelopes: vec![stored], ..Loaded::default() };
    let mut work = work(Arc::new(Noted::default()), before);
    let writes = vec![Write::Mailbox(record(0))];
    jobs.blocking_send(Job::Write { writes, done: None, room: None }).unwrap();
    let lost = Loaded { mailboxes: vec![record(1)], ..Loaded::default() };
    work.take_reopened(lost, &mut waiting);
    let written = work.ahead.into_iter().flat_map(|job| match job {
        Job::Write { writes, .. } => writes,
        _ => Vec::new(),
    });
    let counts: Vec<u64> = written
        .filter_map(|write| match write {
            Write::Mailbox(record) => Some(record.expired),
            _ => None,
        })
        .collect();
    // The group that writes these may be cut off between them.
    assert_eq!(counts, [1, 1]);
}

#[test]
fn what_waits_is_committed_as_one_group_and_at_the_end() {
    let store = Arc::new(Noted::default());
    let (jobs, waiting) = mpsc::channel(64);
    let mut answers = Vec::new();
    for sequence in 0..20 {
        let (job, wait) = job(put(sequence));
        jobs.blocking_send(job).unwrap();
        answers.push(wait);
    }
    jobs.blocking_send(Job::Write { writes: vec![remove(99)], done: None, room: None }).unwrap();
    jobs.blocking_send(Job::Stop).unwrap();
    work(store.clone(), Loaded::default()).run(waiting).unwrap();
    assert_eq!(store.commits.load(Ordering::SeqCst), 1);
    assert!(answers.into_iter().all(|mut answer| answer.try_recv().is_ok()));
}

#[test]
fn a_store_that_fails_answers_nothing_and_ends_the_writer() {
    let store = Arc::new(Noted::default());
    store.failing.store(true, Ordering::SeqCst);
    let (writer, jobs) = start(store);
    let (job, wait) = job(put(1));
    jobs.blocking_send(job).unwrap();
    assert!(wait.blocking_recv().is_err());
    assert!(writer.join().is_err());
}

#[test]
fn only_what_came_and_went_in_this_order_cancels_out() {
    let mut group = vec![put(1), put(2), remove(1), remove(3), put(1)];
    cancel_out(&mut group);
    assert_eq!(group, [put(2), remove(3), put(1)]);
    let mut group = vec![remove(1), put(1)];
    cancel_out(&mut group);
    assert_eq!(group, [remove(1), put(1)]);
}

#[test]
fn of_a_hold_that_is_extended_many_times_at_once_the_last_is_written() {
    let extended = |generation, due_s| {
        let key = HeldKey { id: HoldId([1; 32]), generation };
        Write::HoldRecord(HoldRecord { key, due_s, deliveries: Vec::new() })
    };
    let removed = Write::RemoveHold(HeldKey { id: HoldId([1; 32]), generation: 1 });
    let mut group = vec![extended(1, 5), put(1), extended(1, 6), removed.clone(), extended(2, 7)];
    cancel_out(&mut group);
    assert_eq!(group, [put(1), extended(1, 6), removed, extended(2, 7)]);
}

/// A store that was opened without room, and a promised write.
struct Unwritable;

impl Store for Unwritable {
    fn load(&self) -> Result<Loaded, StoreError> {
        Ok(Loaded::default())
    }
    fn apply(&self, _: &[Write]) -> Result<(), StoreError> {
        Err(StoreError::NoRoom { path: "store".into() })
    }
    fn commit(&self) -> Result<(), StoreError> {
        Ok(())
    }
    fn envelope(&self, _: &MailboxId, _: u64) -> Result<Option<Envelope>, StoreError> {
        Ok(None)
    }
    fn held(&self, _: HeldKey, _: u8) -> Result<Option<Envelope>, StoreError> {
        Ok(None)
    }
    fn is_writable(&self) -> bool {
        false
    }
    fn free_bytes(&self) -> Option<u64> {
        Some(0)
    }
}

#[test]
fn nothing_new_is_taken_in_below_what_the_store_needs_to_give_room_back() {
    for (reserve, room) in [((1 << 30) + 1, Room::Low), (1 << 30, Room::Enough)] {
        let store = Noted { free: (1 << 30).into(), reserve: reserve.into(), ..Noted::default() };
        let mut work = work(Arc::new(store), Loaded::default());
        work.look_at_free_space();
        assert_eq!(work.room, room);
    }
}

#[test]
fn a_store_without_room_goes_on_with_what_gives_some_back() {
    let store = Arc::new(Noted::default());
    let (writer, jobs) = start(store.clone());
    jobs.blocking_send(Job::Look).unwrap();
    jobs.blocking_send(Job::Stop).unwrap();
    writer.join().unwrap();
    assert!(store.steps.lock().unwrap().contains(&"upkeep without room"));
}

#[test]
fn a_promise_that_cannot_be_kept_does_not_end_a_relay_without_room() {
    let now = Now::from_s(1);
    let mailboxes = Mailboxes::new(Limits::default(), Loaded::default(), now, &mut Vec::new());
    let (writer, jobs) =
        Writer::start(Arc::new(Unwritable), Arc::new(Mutex::new(mailboxes)), Vec::new(), 1)
            .unwrap();
    let (job, wait) = job(remove(1));
    jobs.blocking_send(job).unwrap();
    let _ = wait.blocking_recv();
    jobs.blocking_send(Job::Stop).unwrap();
    writer.join().unwrap();
}

#[test]
fn records_that_are_written_again_and_again_use_up_room_as_envelopes_do() {
    let key = HeldKey { id: HoldId([1; 32]), generation: 1 };
    let record = HoldRecord { key, due_s: 1, deliveries: Vec::new() };
    let envelopes = (0..64).map(|at| (at, Envelope::new(vec![at; 4096]).unwrap())).collect();
    let hold = Write::Hold { record: record.clone(), envelopes, replaces: None };
    for (write, count) in [(Write::HoldRecord(record), LOOK_AFTER), (hold, LOOK_AFTER / 64)] {
        let store = Arc::new(Noted { free: (1 << 30).into(), ..Noted::default() });
        let mut work = work(store.clone(), Loaded::default());
        work.look_at_free_space();
        store.free.store(0, Ordering::SeqCst);
        work.look_at_free_space();
        assert_eq!(work.room, Room::Enough, "it was looked at just now");
        work.tell_committed(&mut vec![write; count]);
        work.look_at_free_space();
        assert_eq!(work.room, Room::None);
    }
}
