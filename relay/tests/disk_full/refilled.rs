//! The relay itself has filled the disk, up to its mark.

use std::fs;

use velar_protocol::wire::{Delivery, HoldSecret, Request};

use super::disk::SmallDisk;
use super::*;

const SIZE: u32 = 272;
const MARK: &str = "--free-space-mib=144";
const MARK_BYTES: u64 = 144 << 20;
/// What may be on its way when the mark is seen: what waits for the writer, and what the store writes beside.
const BEHIND: u64 = 12 << 20;
/// Two mailboxes take turns.
const KEPT: u8 = 1;
const READ: u8 = 2;
/// To kill a relay half-way.
const ATTEMPTS: u32 = 20;
/// Envelopes come in these portions.
const PORTION: u32 = 200;

/// Fills it up to the mark, from two mailboxes in turns. What both have.
async fn fill(disk: &SmallDisk, client: &Client) -> (Vec<u32>, Vec<u32>) {
    let conn = client.connect().await;
    for byte in [KEPT, READ] {
        conn.opened(&secret(byte), &[&token(byte)]).await;
    }
    let (mut kept, mut read) = (Vec::new(), Vec::new());
    for portion in 0.. {
        let numbers = portion * PORTION..(portion + 1) * PORTION;
        let (accepted, refused) = send_all(&conn, KEPT, numbers.clone()).await;
        kept.extend(accepted);
        let (accepted, refused_too) = send_all(&conn, READ, numbers).await;
        read.extend(accepted);
        if let Some(refused) = refused.or(refused_too) {
            assert!(matches!(refused, Answer::Full { .. }), "{refused:?}");
            break;
        }
    }
    assert!(disk.free() > MARK_BYTES - BEHIND, "{} left", disk.free());
    assert!(disk.free() < MARK_BYTES, "{} left", disk.free());
    (kept, read)
}

/// Databases in the store.
fn databases(disk: &SmallDisk) -> Vec<String> {
    let entries = fs::read_dir(disk.store()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("sled")).collect()
}

/// Reads what is in one mailbox or in both, and waits until there is room again.
async fn makes_room(also_the_kept: bool) {
    let Some(disk) = SmallDisk::new(SIZE) else { return without_a_small_disk().await };
    let (relay, client) = disk.serve(MARK);
    let (mut kept, read) = fill(&disk, &client).await;
    let conn = client.connect().await;
    assert_eq!(read_all(&conn, READ).await, read);
    if also_the_kept {
        assert_eq!(read_all(&conn, KEPT).await, kept);
        kept.clear();
    }
    let waited = until_accepted(&conn, KEPT, 1_000_000).await;
    assert!(waited < Duration::from_secs(60), "{waited:?}");
    assert!(disk.free() > MARK_BYTES, "{} left", disk.free());
    kept.push(1_000_000);
    disk.logs("the store is compact").await;
    relay.kill();

    let (_relay, client) = disk.serve(MARK);
    let conn = client.connect().await;
    assert_eq!(read_all(&conn, KEPT).await, kept);
    assert_eq!(read_all(&conn, READ).await, [0; 0]);
    assert_eq!(databases(&disk), ["sled"]);
}

#[tokio::test]
async fn a_disk_full_of_what_was_acknowledged_takes_in_again_without_a_restart() {
    makes_room(true).await;
}

#[tokio::test]
async fn a_disk_full_of_what_was_half_acknowledged_takes_in_again_without_a_restart() {
    makes_room(false).await;
}

/// Kills a relay while it compacts. What mailbox `KEPT` has then. `None`: it was done before.
async fn killed_half_way(disk: &SmallDisk) -> Option<Vec<u32>> {
    let (relay, client) = disk.serve(MARK);
    let conn = client.connect().await;
    conn.opened(&secret(KEPT), &[&token(KEPT)]).await;
    let held = HoldSecret::new([1; 32]);
    let deliveries = vec![Delivery { token: token(KEPT), envelope: envelope(0) }];
    let hold = Request::Hold { id: held.id(), for_s: 86_400, deliveries, replaces: None };
    assert!(matches!(conn.ask(&hold).await, Answer::Held { .. }));
    let (kept, read) = fill(disk, &client).await;
    assert_eq!(read_all(&conn, READ).await, read);
    // Nobody waits until an acknowledgement is on the disk. This is answered after all of them are.
    assert_eq!(conn.ask(&Request::Cancel { secret: held }).await, Answer::Cancelled);
    // A part of them is in the second database, and neither has all.
    disk.logs("compacting the store").await;
    let len = |name| fs::metadata(disk.store().join(name)).map_or(0, |file| file.len());
    while len("sled.2/db") < 8 << 20 && len("sled/db") > 0 {
        sleep(Duration::from_millis(1)).await;
    }
    relay.kill();
    (databases(disk).len() == 2).then_some(kept)
}

#[tokio::test]
async fn a_relay_killed_while_it_compacts_goes_on_with_that_and_misses_nothing() {
    // On a busy machine the relay may be done before it is looked at.
    for _ in 0..ATTEMPTS {
        let Some(disk) = SmallDisk::new(SIZE) else { return without_a_small_disk().await };
        if let Some(kept) = killed_half_way(&disk).await {
            return goes_on(&disk, kept).await;
        }
    }
    panic!("it was always done");
}

async fn goes_on(disk: &SmallDisk, mut kept: Vec<u32>) {
    disk.log();
    let (relay, client) = disk.serve(MARK);
    let conn = client.connect().await;
    until_accepted(&conn, KEPT, 1_000_000).await;
    kept.push(1_000_000);
    disk.logs("the store is compact").await;
    assert_eq!(databases(disk), ["sled.2"]);
    assert!(disk.free() > MARK_BYTES, "{} left", disk.free());
    relay.kill();

    let (_relay, client) = disk.serve(MARK);
    let conn = client.connect().await;
    assert_eq!(read_all(&conn, KEPT).await, kept);
    assert_eq!(read_all(&conn, READ).await, [0; 0]);
    assert_eq!(databases(disk), ["sled"]);
}
