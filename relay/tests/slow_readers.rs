//! Clients that do not take what the relay sends them: they cost a bounded memory, and all else about them goes on.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::time::Duration;

use common::{Client, Relay, Subscription, envelope, secret, token};
use quinn::{ReadError, ReadToEndError};
use tokio::time::{sleep, timeout};
use velar_protocol::wire::codec;
use velar_protocol::wire::{
    Ack, Answer, Delivery, EndReason, Event, HoldSecret, Request, SendToken,
};

/// For so long the relay waits until its last word is taken.
const DRAIN: Duration = Duration::from_secs(3);
/// The same, on a busy machine.
const DRAINED: Duration = Duration::from_secs(6);

/// A relay, and a client that takes little.
fn relay() -> (tempfile::TempDir, Relay, Client, Client) {
    let data = tempfile::tempdir().unwrap();
    Relay::init(data.path());
    let relay = Relay::serve(data.path(), &[]);
    let quick = Client::new(relay.addr, data.path());
    let slow = Client::taking(relay.addr, data.path(), 1000);
    (data, relay, quick, slow)
}

/// A subscription to a mailbox with so many envelopes, of which it has taken some of the first.
async fn waiting(quick: &Client, slow: &common::Conn, envelopes: u32) -> Subscription {
    let owner = quick.connect().await;
    owner.opened(&secret(1), &[&token(1)]).await;
    for number in 0..envelopes {
        assert_eq!(owner.send(&token(1), &envelope(number)).await, Answer::Accepted);
    }
    let subscription = slow.subscribe(&[&secret(1)]).await.unwrap();
    sleep(Duration::from_millis(300)).await;
    subscription
}

/// Others subscribe until there is no place for the first.
async fn displaced(quick: &Client) -> Vec<Subscription> {
    let mut others = Vec::new();
    for _ in 0..2 {
        let conn = quick.connect().await;
        for _ in 0..4 {
            others.push(conn.subscribe(&[&secret(1)]).await.unwrap());
        }
    }
    others
}

fn ended(reason: EndReason) -> Vec<u8> {
    codec::encode(&Event::Ended { reason }).unwrap()
}

async fn rest(subscription: &mut Subscription) -> Result<Vec<u8>, ReadToEndError> {
    timeout(DRAINED, subscription.recv.read_to_end(1 << 20)).await.expect("an end")
}

#[tokio::test]
async fn who_is_displaced_while_the_stream_waits_is_told_if_they_read_on() {
    let (_data, _relay, quick, slow) = relay();
    let conn = slow.connect().await;
    let mut first = waiting(&quick, &conn, 30).await;
    let _others = displaced(&quick).await;
    let said = rest(&mut first).await.unwrap();
    assert!(said.ends_with(&ended(EndReason::Displaced)));
    // The frame of which a part was there is whole; nothing else was in between.
    assert!(said.len() < 3 * 4200, "{}", said.len());
}

#[tokio::test]
async fn who_is_displaced_and_takes_nothing_is_not_waited_for() {
    let (_data, _relay, quick, slow) = relay();
    let conn = slow.connect().await;
    let mut first = waiting(&quick, &conn, 30).await;
    let _others = displaced(&quick).await;
    sleep(DRAINED).await;
    let said = rest(&mut first).await;
    assert!(matches!(said, Err(ReadToEndError::Read(ReadError::Reset(_)))), "{said:?}");
}

#[tokio::test]
async fn who_has_many_envelopes_unacknowledged_is_displaced_too() {
    let (_data, _relay, quick, _slow) = relay();
    let owner = quick.connect().await;
    let mut first = waiting(&quick, &owner, 70).await;
    let _others = displaced(&quick).await;
    let said = rest(&mut first).await.unwrap();
    assert!(said.ends_with(&ended(EndReason::Displaced)));
}

#[tokio::test]
async fn half_an_acknowledgement_is_late_while_the_stream_waits() {
    let (_data, _relay, quick, slow) = relay();
    let conn = slow.connect().await;
    let mut first = waiting(&quick, &conn, 30).await;
    let half = codec::encode(&Ack { mailbox: 0, sequence: 1 }).unwrap();
    first.send.write_all(&half[..half.len() - 1]).await.unwrap();
    sleep(Duration::from_secs(10) + DRAIN + DRAINED).await;
    let said = rest(&mut first).await;
    assert!(matches!(said, Err(ReadToEndError::Read(ReadError::Reset(_)))), "{said:?}");
}

/// A whole organisation, or a Tor exit, may share one network.
#[tokio::test]
async fn who_takes_nothing_keeps_nobody_of_the_same_network_from_reading() {
    let (data, relay, quick, _) = relay();
    let stubborn = Client::taking(relay.addr, data.path(), 16);
    let owner = quick.connect().await;
    let mut kept = Vec::new();
    for mailbox in 1..=6 {
        owner.opened(&secret(mailbox), &[&token(mailbox)]).await;
        for number in 0..30 {
            assert_eq!(owner.send(&token(mailbox), &envelope(number)).await, Answer::Accepted);
        }
        for _ in 0..2 {
            let conn = stubborn.connect().await;
            for _ in 0..4 {
                kept.push(conn.subscribe(&[&secret(mailbox)]).await.unwrap());
            }
            std::mem::forget(conn);
        }
    }
    sleep(Duration::from_millis(300)).await;
    owner.opened(&secret(9), &[&token(9)]).await;
    let mut reader = quick.connect().await.subscribe(&[&secret(9)]).await.unwrap();
    timeout(Duration::from_secs(30), async {
        reader.caught_up().await;
        for number in 100..110 {
            assert_eq!(owner.send(&token(9), &envelope(number)).await, Answer::Accepted);
            let (sequence, came) = reader.envelope().await;
            assert_eq!(common::number(&came), number);
            reader.ack(sequence).await;
        }
    })
    .await
    .expect("room for one");
}

#[tokio::test]
async fn an_answer_that_is_not_taken_keeps_no_room_for_its_request() {
    let (data, relay, quick, _) = relay();
    let owner = quick.connect().await;
    let tokens: Vec<SendToken> = (0..64).map(token).collect();
    owner.opened(&secret(1), &tokens.iter().collect::<Vec<_>>()).await;
    // Nothing of the answer is taken but its first bytes.
    let stubborn = Client::taking(relay.addr, data.path(), 16).connect().await;
    let mut kept = Vec::new();
    for number in 0..4 {
        let hold = |id| Request::Hold {
            id: HoldSecret::new([id; 32]).id(),
            for_s: 600,
            deliveries: (0..64)
                .map(|at| Delivery { token: token(at), envelope: envelope(at.into()) })
                .collect(),
            replaces: None,
        };
        let (mut send, recv) = stubborn.quic.open_bi().await.unwrap();
        send.write_all(&codec::encode(&hold(number)).unwrap()).await.unwrap();
        kept.push((send, recv));
        // One network has room for one such frame.
        let other = timeout(Duration::from_secs(30), owner.ask(&hold(100 + number))).await;
        let other = other.expect("room within moments");
        assert!(matches!(other, Answer::Held { .. }), "{other:?}");
    }
}
