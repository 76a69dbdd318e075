//! A relay inside the test's own process, with stores that are slow or fail on purpose.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

mod common;

use std::sync::{Arc, Condvar, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use common::{Client, Relay, envelope, number, secret, token};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use velar_protocol::wire::{Answer, EndReason, Envelope, Event, MailboxId, Request};
use velar_relay::store::{
    HeldKey, Loaded, MailboxRecord, MemoryStore, Store, StoreError, StoredEnvelope, Write,
};
use velar_relay::{Config, Identity, ServeError, Server};

/// What its disk does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Disk {
    Fine,
    Stuck,
    Broken,
}

/// The memory store with a disk that does as it is told.
struct Moody {
    store: MemoryStore,
    disk: Mutex<Disk>,
    changed: Condvar,
}

impl Moody {
    fn new() -> Arc<Self> {
        let disk = Mutex::new(Disk::Fine);
        Arc::new(Self { store: MemoryStore::default(), disk, changed: Condvar::new() })
    }

    fn set(&self, disk: Disk) {
        *self.disk.lock().unwrap() = disk;
        self.changed.notify_all();
    }
}

impl Store for Moody {
    fn load(&self) -> Result<Loaded, StoreError> {
        self.store.load()
    }

    fn apply(&self, writes: &[Write]) -> Result<(), StoreError> {
        self.store.apply(writes)
    }

    fn commit(&self) -> Result<(), StoreError> {
        let disk = self.disk.lock().unwrap();
        match *self.changed.wait_while(disk, |disk| *disk == Disk::Stuck).unwrap() {
            Disk::Broken => {
                Err(StoreError::Engine { doing: "flushing", reason: "the disk is gone".into() })
            }
            _ => Ok(()),
        }
    }

    fn envelope(&self, mailbox: &MailboxId, sequence: u64) -> Result<Option<Envelope>, StoreError> {
        self.store.envelope(mailbox, sequence)
    }

    fn held(&self, key: HeldKey, delivery: u8) -> Result<Option<Envelope>, StoreError> {
        self.store.held(key, delivery)
    }

    fn free_bytes(&self) -> Option<u64> {
        None
    }
}

struct Running {
    client: Client,
    stop: Option<oneshot::Sender<()>>,
    run: JoinHandle<Result<(), ServeError>>,
    _data: tempfile::TempDir,
}

fn run(store: Arc<dyn Store>, change: impl FnOnce(&mut Config)) -> Running {
    let data = tempfile::tempdir().unwrap();
    Identity::create(data.path()).unwrap();
    let listen = "127.0.0.1:0".parse().unwrap();
    let mut config = Config { data: data.path().to_owned(), listen, ..Config::default() };
    change(&mut config);
    let server = Server::bind(&config, store).unwrap();
    assert!(server.address().unwrap().accepts(&server.pin()));
    let client = Client::new(server.local_addr(), data.path());
    let (stop, stopped) = oneshot::channel::<()>();
    let run = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    Running { client, stop: Some(stop), run, _data: data }
}

#[tokio::test]
async fn who_is_online_gets_the_envelope_while_the_disk_still_works() {
    let store = Moody::new();
    let relay = run(store.clone(), |_| {});
    let conn = relay.client.connect().await;
    conn.open(&secret(1), &[&token(1)]).await;
    let mut online = conn.subscribe(&[&secret(1)]).await.unwrap();
    online.caught_up().await;
    store.set(Disk::Stuck);
    let sender = relay.client.connect().await;
    let sending = tokio::spawn(async move { sender.send(&token(1), &envelope(7)).await });
    let (sequence, found) = online.envelope().await;
    assert_eq!(number(&found), 7);
    assert!(!sending.is_finished(), "accepted means on disk");
    online.ack(sequence).await;
    store.set(Disk::Fine);
    assert_eq!(sending.await.unwrap(), Answer::Accepted);
}

/// What is kept counts its age from a full hour on: found in a store, it need not be waited for.
#[tokio::test]
async fn an_expired_envelope_is_counted_and_not_delivered() {
    let store = Moody::new();
    let (id, tokens) = (secret(1).id(), vec![token(1).hash()]);
    let record = MailboxRecord {
        id,
        sequence_ceiling: 3,
        expired: 0,
        used_day: u32::MAX,
        access: 0,
        tokens,
    };
    let this_hour = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 3600;
    let put = |sequence, hour: u64| {
        let hour = u32::try_from(hour).unwrap();
        let digest = [sequence as u8; 16];
        let stored = StoredEnvelope {
            mailbox: id,
            sequence,
            received_hour: hour,
            kept_since_hour: hour,
            digest,
        };
        Write::Put(stored, envelope(sequence as u32))
    };
    let writes = [Write::Mailbox(record), put(1, this_hour - 15 * 24), put(2, this_hour - 13 * 24)];
    store.apply(&writes).unwrap();
    let relay = run(store, |_| {});
    let conn = relay.client.connect().await;
    let mut online = conn.subscribe(&[&secret(1)]).await.unwrap();
    let (_, found) = online.envelope().await;
    assert_eq!(number(&found), 2, "of two weeks, and not a day more");
    let expired = |event| match event {
        Event::CaughtUp { expired, .. } => expired,
        other => panic!("{other:?}"),
    };
    assert_eq!(expired(online.event().await), 1);
}

#[tokio::test]
async fn a_store_that_fails_promises_nothing_and_ends_the_relay_with_its_reason() {
    let store = Moody::new();
    let relay = run(store.clone(), |_| {});
    let conn = relay.client.connect().await;
    conn.open(&secret(1), &[&token(1)]).await;
    let mut online = conn.subscribe(&[&secret(1)]).await.unwrap();
    online.caught_up().await;
    store.set(Disk::Broken);
    let answer = conn.send(&token(1), &envelope(1)).await;
    assert!(matches!(answer, Answer::Unavailable { retry_after_s } if retry_after_s > 0));
    loop {
        match online.event().await {
            Event::Ended { reason } => break assert_eq!(reason, EndReason::StoreFailed),
            Event::Envelope { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    let error = relay.run.await.unwrap().unwrap_err();
    assert!(matches!(error, ServeError::Store(_)));
    assert!(error.to_string().contains("the disk is gone"), "{error}");
}

#[tokio::test]
async fn stopping_finishes_what_was_begun() {
    let store = Moody::new();
    let mut relay = run(store.clone(), |_| {});
    let conn = relay.client.connect().await;
    conn.open(&secret(1), &[&token(1)]).await;
    store.set(Disk::Stuck);
    let begun = {
        let conn = relay.client.connect().await;
        tokio::spawn(async move { conn.send(&token(1), &envelope(1)).await })
    };
    // Delivered means that the relay has taken it in.
    let mut online = conn.subscribe(&[&secret(1)]).await.unwrap();
    online.envelope().await;
    relay.stop.take().unwrap().send(()).unwrap();
    loop {
        match online.event().await {
            Event::Ended { reason } => break assert_eq!(reason, EndReason::ShuttingDown),
            Event::CaughtUp { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    store.set(Disk::Fine);
    assert_eq!(begun.await.unwrap(), Answer::Accepted);
    relay.run.await.unwrap().unwrap();
    let kept = store.load().unwrap();
    assert_eq!((kept.mailboxes.len(), kept.envelopes.len()), (1, 1));
    assert!(kept.clock.is_some());
}

#[tokio::test]
async fn an_address_can_be_asked_for_proof_before_any_work_is_done() {
    let relay = run(Moody::new(), |config| config.limits.handshakes_before_retry = 0);
    let conn = relay.client.connect().await;
    assert!(matches!(conn.ask(&Request::Info).await, Answer::Info(_)));
}

#[tokio::test]
async fn a_crashed_relay_tells_its_old_clients_when_it_is_back() {
    let data = tempfile::tempdir().unwrap();
    Relay::init(data.path());
    let relay = Relay::serve(data.path(), &[]);
    let conn = Client::new(relay.addr, data.path()).connect().await;
    conn.ask(&Request::Info).await;
    let listen = relay.addr.to_string();
    relay.kill();
    let _relay = Relay::serve(data.path(), &["--listen", &listen]);
    let lost = async { conn.quic.open_bi().await.unwrap().0.write_all(&[0; 100]).await };
    let _ = lost.await;
    assert!(matches!(conn.quic.closed().await, quinn::ConnectionError::Reset));
}
