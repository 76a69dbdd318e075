//! Something else has filled the disk.

use velar_protocol::wire::{Delivery, HoldSecret, Refusal};

use super::disk::SmallDisk;
use super::*;

/// With room for a store, and for what it needs to open.
const SIZE: u32 = 112;
const MARK: &str = "--free-space-mib=40";
/// Envelopes in mailbox 1.
const WAITING: u32 = 400;
/// How many of them are acknowledged while the disk is full.
const ACKED: usize = 150;
/// Holds go there.
const HOLDER: u8 = 3;

fn hold_secret(byte: u8) -> HoldSecret {
    HoldSecret::new([byte; 32])
}

async fn hold(conn: &Conn, byte: u8, for_s: u32) -> Answer {
    let envelope = envelope(u32::from(byte) * 1000);
    let deliveries = vec![Delivery { token: token(HOLDER), envelope }];
    conn.ask(&Request::Hold { id: hold_secret(byte).id(), for_s, deliveries, replaces: None }).await
}

/// A mailbox with envelopes, one for holds, and four holds: 1 and 2 are due soon after the fourth second, 3 and 4 before.
async fn prepare(client: &Client) {
    let conn = client.connect().await;
    conn.opened(&secret(1), &[&token(1)]).await;
    conn.opened(&secret(HOLDER), &[&token(HOLDER)]).await;
    for (byte, for_s) in [(1, 8), (2, 8), (3, 6), (4, 6)] {
        assert!(matches!(hold(&conn, byte, for_s).await, Answer::Held { .. }));
    }
    let (accepted, refused) = send_all(&conn, 1, 0..WAITING).await;
    assert_eq!((accepted.len() as u32, refused), (WAITING, None));
}

/// Nothing new comes in, and what is the same as before is no news.
async fn refuses(conn: &Conn) {
    assert!(matches!(conn.send(&token(1), &envelope(9_999)).await, Answer::Full { .. }));
    assert!(matches!(conn.open(&secret(9), &[&token(9)]).await, Answer::Full { .. }));
    assert!(matches!(conn.open(&secret(1), &[&token(1), &token(8)]).await, Answer::Full { .. }));
    assert!(matches!(hold(conn, 9, 600).await, Answer::Full { .. }));
    conn.opened(&secret(1), &[&token(1)]).await;
}

/// Extends the third hold and cancels the fourth, and waits until the others are released.
async fn holds_in_memory(conn: &Conn) {
    let extended = conn.ask(&Request::Extend { secret: hold_secret(3), for_s: 3600 }).await;
    assert!(matches!(extended, Answer::Full { .. }), "{extended:?}");
    let cancelled = conn.ask(&Request::Cancel { secret: hold_secret(4) }).await;
    assert!(matches!(cancelled, Answer::Full { .. }), "{cancelled:?}");
    let again = conn.ask(&Request::Cancel { secret: hold_secret(4) }).await;
    assert_eq!(again, Answer::Refused(Refusal::UnknownHold));
    let mut released = read_some(conn, HOLDER, 2).await;
    released.sort_unstable();
    assert_eq!(released, [1000, 2000], "neither the one extended nor the one cancelled");
}

/// All that a relay does on a full disk, until there is room, and after a restart.
async fn serves_and_recovers(disk: &SmallDisk, how: End) {
    let (relay, client) = disk.serve(MARK);
    prepare(&client).await;
    match how {
        End::InOrder => stop(relay),
        End::Killed => relay.kill(),
    }
    let ballast = disk.fill();
    disk.log();

    let (mut relay, client) = disk.serve(MARK);
    let conn = client.connect().await;
    refuses(&conn).await;
    let first = read_some(&conn, 1, ACKED).await;
    assert!(first.iter().copied().eq(0..ACKED as u32), "{first:?}");
    let (_, next) = conn.subscribe(&[&secret(1)]).await.unwrap().envelope().await;
    assert_eq!(number(&next), ACKED as u32, "what was acknowledged does not come again");
    holds_in_memory(&conn).await;
    assert!(relay.child.try_wait().unwrap().is_none(), "it goes on");
    assert_eq!(disk.free(), 0);

    ballast.remove();
    until_accepted(&conn, 1, 10_000).await;
    let log = disk.log();
    for line in ["the disk has no room to open the store", "no disk space left"] {
        assert_eq!(log.matches(line).count(), 1, "{line}: {log}");
    }
    assert!(log.contains("enough disk space again"), "{log}");
    stop(relay);

    let (_relay, client) = disk.serve(MARK);
    let conn = client.connect().await;
    let found = read_all(&conn, 1).await;
    assert!(found.iter().copied().eq((ACKED as u32..WAITING).chain([10_000])), "{found:?}");
    assert!(read_all(&conn, HOLDER).await.is_empty(), "released once");
    let extended = conn.ask(&Request::Extend { secret: hold_secret(3), for_s: 3600 }).await;
    assert!(matches!(extended, Answer::Extended { .. }), "{extended:?}");
}

enum End {
    InOrder,
    Killed,
}

#[tokio::test]
async fn a_relay_that_was_stopped_starts_on_a_full_disk_and_recovers_by_itself() {
    let Some(disk) = SmallDisk::new(SIZE) else { return without_a_small_disk().await };
    serves_and_recovers(&disk, End::InOrder).await;
}

#[tokio::test]
async fn a_relay_that_was_killed_starts_on_a_full_disk_and_recovers_by_itself() {
    let Some(disk) = SmallDisk::new(SIZE) else { return without_a_small_disk().await };
    serves_and_recovers(&disk, End::Killed).await;
}

#[tokio::test]
async fn whatever_is_acknowledged_on_a_full_disk_nothing_else_is_missing_after_kills() {
    let Some(disk) = SmallDisk::new(SIZE) else { return without_a_small_disk().await };
    let (relay, client) = disk.serve(MARK);
    prepare(&client).await;
    relay.kill();
    let ballast = disk.fill();
    for _ in 0..3 {
        let (relay, client) = disk.serve(MARK);
        let conn = client.connect().await;
        refuses(&conn).await;
        // Acknowledged in memory alone, and forgotten with it.
        let first = read_some(&conn, 1, ACKED).await;
        assert!(first.iter().copied().eq(0..ACKED as u32), "{first:?}");
        relay.kill();
    }
    let (relay, client) = disk.serve(MARK);
    let conn = client.connect().await;
    read_some(&conn, 1, ACKED).await;
    ballast.remove();
    until_accepted(&conn, 1, 10_000).await;
    relay.kill();
    let (_relay, client) = disk.serve(MARK);
    let found = read_all(&client.connect().await, 1).await;
    let wanted: Vec<u32> = (ACKED as u32..WAITING).chain([10_000]).collect();
    assert!(in_order(&found) && has_all(&found, &wanted), "{found:?}");
}

#[tokio::test]
async fn a_disk_that_fills_at_once_while_the_relay_takes_things_in_does_not_stop_it() {
    let Some(disk) = SmallDisk::new(SIZE) else { return without_a_small_disk().await };
    let (mut relay, client) = disk.serve(MARK);
    prepare(&client).await;
    let conn = client.connect().await;
    // It is busy when it happens, and refuses in the end.
    let sender = client.connect().await;
    let sending = tokio::spawn(async move { send_all(&sender, 1, 20_000..60_000).await });
    while disk.free() > 52 << 20 {
        sleep(Duration::from_millis(1)).await;
    }
    let ballast = disk.fill();
    let (mut accepted, refused) = sending.await.unwrap();
    assert!(matches!(refused, Some(Answer::Full { .. })), "{refused:?}");
    disk.logs("no disk space left").await;
    refuses(&conn).await;
    let first = read_some(&conn, 1, ACKED).await;
    assert!(first.iter().copied().eq(0..ACKED as u32), "{first:?}");
    holds_in_memory(&conn).await;
    assert!(relay.child.try_wait().unwrap().is_none(), "it goes on: {}", disk.log());

    ballast.remove();
    until_accepted(&conn, 1, 10_000).await;
    accepted.push(10_000);
    relay.kill();
    let (_relay, client) = disk.serve(MARK);
    let conn = client.connect().await;
    let found = read_all(&conn, 1).await;
    let wanted: Vec<u32> = (ACKED as u32..WAITING).chain(accepted).collect();
    assert_eq!(found, wanted);
    assert!(read_all(&conn, HOLDER).await.is_empty(), "released once");
}

#[tokio::test]
async fn a_relay_without_a_mark_that_fills_the_disk_refuses_or_stops_loudly_and_loses_nothing_accepted()
 {
    let Some(disk) = SmallDisk::new(64) else { return without_a_small_disk().await };
    let (relay, client) = disk.serve("--free-space-mib=0");
    let conn = client.connect().await;
    conn.opened(&secret(1), &[&token(1)]).await;
    let (accepted, refused) = send_all(&conn, 1, 0..100_000).await;
    assert!(accepted.len() > 100, "{}", accepted.len());
    match refused {
        // It looked just before.
        Some(Answer::Full { .. }) => relay.kill(),
        None | Some(Answer::Unavailable { .. }) => stopped_loudly(&disk, relay),
        Some(other) => panic!("{other:?}"),
    }

    // What was not answered may be there too: its sender sends it again, and it is recognised.
    let (_relay, client) = disk.serve("--free-space-mib=0");
    let found = read_all(&client.connect().await, 1).await;
    assert!(
        in_order(&found) && has_all(&found, &accepted),
        "{} of {}",
        found.len(),
        accepted.len()
    );
}

fn stopped_loudly(disk: &SmallDisk, mut relay: Relay) {
    assert!(!relay.child.wait().unwrap().success());
    // Where sled's own thread meets the full disk first, a commit never returns, and the watchdog ends it.
    let log = disk.log();
    let loud = [
        "velar-relay: the disk failed",
        "velar-relay: the store failed",
        "the disk does not answer; aborting",
    ];
    assert!(loud.iter().any(|line| log.contains(line)), "{log}");
}
