//! The real program over real QUIC on real sled.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod common;

use std::io::Read as _;
use std::process::Stdio;
use std::time::Duration;

use common::{Client, Relay, envelope, number, secret, token};
use rustix::process::Signal;
use tokio::net::UdpSocket;
use tokio::time::timeout;
use velar_protocol::wire::codec;
use velar_protocol::wire::{
    Answer, Delivery, DeliveryOutcome, EndReason, Event, HoldSecret, Refusal, Request,
};

fn relay(args: &[&str]) -> (tempfile::TempDir, Relay, Client) {
    let data = tempfile::tempdir().unwrap();
    Relay::init(data.path());
    let relay = Relay::serve(data.path(), args);
    let client = Client::new(relay.addr, data.path());
    (data, relay, client)
}

#[tokio::test]
async fn an_envelope_goes_from_a_token_to_the_owner_and_is_gone_after_its_ack() {
    let (_data, relay, client) = relay(&[]);
    assert!(relay.lines[1].starts_with(&format!("velar://127.0.0.1:{}#", relay.addr.port())));
    let conn = client.connect().await;
    let Answer::Info(info) = conn.ask(&Request::Info).await else { panic!() };
    assert!(!info.access_required && info.version == 1);
    conn.opened(&secret(1), &[&token(1)]).await;
    conn.opened(&secret(1), &[&token(1)]).await;

    let mut online = conn.subscribe(&[&secret(1)]).await.unwrap();
    assert_eq!(online.caught_up().await, 0);
    let sender = client.connect().await;
    for i in 0..3 {
        assert_eq!(sender.send(&token(1), &envelope(i)).await, Answer::Accepted);
    }
    assert_eq!(sender.send(&token(1), &envelope(1)).await, Answer::Accepted, "a double");
    let mut sequences = Vec::new();
    for i in 0..3 {
        let (sequence, found) = online.envelope().await;
        assert_eq!(number(&found), i);
        sequences.push(sequence);
    }
    assert!(sequences.is_sorted());
    online.ack(sequences[0]).await;
    online.ack(sequences[1]).await;

    let conn = client.connect().await;
    let mut later = loop {
        // The relay takes the acks in in its own time.
        let mut later = conn.subscribe(&[&secret(1)]).await.unwrap();
        let (sequence, _) = later.envelope().await;
        if sequence == sequences[2] {
            break later;
        }
    };
    assert_eq!(later.caught_up().await, 0);
    later.ack(sequences[2]).await;
}

#[tokio::test]
async fn accepted_envelopes_survive_kill_nine() {
    let (data, relay, client) = relay(&[]);
    let conn = client.connect().await;
    conn.open(&secret(1), &[&token(1)]).await;
    for i in 0..40 {
        assert_eq!(conn.send(&token(1), &envelope(i)).await, Answer::Accepted);
    }
    relay.kill();
    let relay = Relay::serve(data.path(), &[]);
    let conn = Client::new(relay.addr, data.path()).connect().await;
    let mut subscription = conn.subscribe(&[&secret(1)]).await.unwrap();
    for i in 0..40 {
        let (sequence, found) = subscription.envelope().await;
        assert_eq!(number(&found), i);
        subscription.ack(sequence).await;
    }
    assert_eq!(subscription.caught_up().await, 0);
}

#[tokio::test]
async fn many_requests_on_one_stream_are_answered_in_order() {
    let (_data, _relay, client) = relay(&[]);
    let conn = client.connect().await;
    conn.open(&secret(1), &[&token(1)]).await;
    let (mut send, mut recv) = conn.quic.open_bi().await.unwrap();
    for i in 0..200 {
        let wrong = if i % 10 == 9 { token(9) } else { token(1) };
        let bytes = codec::encode(&common::send(&wrong, &envelope(i))).unwrap();
        send.write_all(&bytes).await.unwrap();
    }
    for i in 0..200 {
        let expected = match i % 10 {
            9 => Answer::Refused(Refusal::UnknownToken),
            _ => Answer::Accepted,
        };
        assert_eq!(common::read::<Answer>(&mut recv).await, Ok(expected), "{i}");
    }
}

#[tokio::test]
async fn a_slow_subscriber_and_its_twin_lose_nothing() {
    let (_data, _relay, client) = relay(&[]);
    let conn = client.connect().await;
    conn.open(&secret(1), &[&token(1)]).await;
    let mut slow = conn.subscribe(&[&secret(1)]).await.unwrap();
    let mut twin = client.connect().await.subscribe(&[&secret(1)]).await.unwrap();
    slow.caught_up().await;
    twin.caught_up().await;
    let sender = client.connect().await;
    for i in 0..200 {
        assert_eq!(sender.send(&token(1), &envelope(i)).await, Answer::Accepted);
    }
    // The twin takes 64 and acknowledges none; the slow one acknowledges all it gets.
    for i in 0..200 {
        let (sequence, found) = slow.envelope().await;
        assert_eq!(number(&found), i);
        if i < 64 {
            assert_eq!(number(&twin.envelope().await.1), i);
        }
        slow.ack(sequence).await;
    }
}

#[tokio::test]
async fn a_hold_goes_out_when_nobody_extends_it() {
    let (_data, _relay, client) = relay(&[]);
    let conn = client.connect().await;
    conn.open(&secret(1), &[&token(1)]).await;
    let mut online = conn.subscribe(&[&secret(1)]).await.unwrap();
    online.caught_up().await;
    let hold = |byte: u8, number| {
        let delivery = |token| Delivery { token, envelope: envelope(number) };
        let id = HoldSecret::new([byte; 32]).id();
        let deliveries = vec![delivery(token(1)), delivery(token(9))];
        Request::Hold { id, for_s: 1, deliveries, replaces: None }
    };
    let outcomes = vec![DeliveryOutcome::Held, DeliveryOutcome::Refused];
    assert_eq!(conn.ask(&hold(1, 1)).await, Answer::Held { outcomes: outcomes.clone() });
    assert_eq!(conn.ask(&hold(2, 2)).await, Answer::Held { outcomes: outcomes.clone() });
    assert_eq!(conn.ask(&hold(2, 2)).await, Answer::Refused(Refusal::HoldExists));
    let secret = HoldSecret::new([1; 32]);
    assert_eq!(
        conn.ask(&Request::Extend { secret, for_s: 600 }).await,
        Answer::Extended { outcomes }
    );
    assert_eq!(number(&online.envelope().await.1), 2, "the one that was not extended");
    let secret = HoldSecret::new([2; 32]);
    let gone = conn.ask(&Request::Cancel { secret }).await;
    assert_eq!(gone, Answer::Refused(Refusal::UnknownHold));
    let secret = HoldSecret::new([1; 32]);
    assert_eq!(conn.ask(&Request::Cancel { secret }).await, Answer::Cancelled);
}

#[tokio::test]
async fn a_relay_that_stops_tells_its_subscribers_and_ends_well() {
    let (_data, mut relay, client) = relay(&[]);
    let conn = client.connect().await;
    conn.open(&secret(1), &[]).await;
    let mut online = conn.subscribe(&[&secret(1)]).await.unwrap();
    online.caught_up().await;
    relay.signal(Signal::TERM);
    assert_eq!(online.event().await, Event::Ended { reason: EndReason::ShuttingDown });
    assert!(relay.child.wait().unwrap().success());
}

#[tokio::test]
async fn stopping_with_clients_connected_is_no_defect() {
    let data = tempfile::tempdir().unwrap();
    Relay::init(data.path());
    let mut command = common::program();
    command.args(["serve", "--log", "trace", "--data"]).arg(data.path()).stderr(Stdio::piped());
    let mut relay = Relay::from(command);
    let client = Client::new(relay.addr, data.path());
    let mut online = Vec::new();
    for byte in 1..=4 {
        let conn = client.connect().await;
        conn.open(&secret(byte), &[&token(byte)]).await;
        let mut subscription = conn.subscribe(&[&secret(byte)]).await.unwrap();
        subscription.caught_up().await;
        // Streams in every state: answered and open, in the middle of a frame, never written to.
        let (mut answered, mut answer) = conn.quic.open_bi().await.unwrap();
        answered.write_all(&codec::encode(&Request::Info).unwrap()).await.unwrap();
        common::read::<Answer>(&mut answer).await.unwrap();
        let (mut cut, rest) = conn.quic.open_bi().await.unwrap();
        cut.write_all(&[9]).await.unwrap();
        online.push((subscription, conn, (answered, answer), (cut, rest)));
    }
    relay.signal(Signal::TERM);
    for (subscription, ..) in &mut online {
        assert_eq!(subscription.event().await, Event::Ended { reason: EndReason::ShuttingDown });
    }
    let status = relay.child.wait().unwrap();
    let mut log = String::new();
    relay.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("stopping"), "{log}");
    assert!(!log.contains("defect") && !log.contains("ERROR"), "{log}");
}

#[tokio::test]
async fn with_seven_streams_kept_open_an_eighth_works_again_and_again() {
    let (_data, _relay, client) = relay(&[]);
    let conn = client.connect().await;
    let mut kept = Vec::new();
    for _ in 0..7 {
        let (mut send, mut recv) = conn.quic.open_bi().await.unwrap();
        send.write_all(&codec::encode(&Request::Info).unwrap()).await.unwrap();
        common::read::<Answer>(&mut recv).await.unwrap();
        kept.push((send, recv));
    }
    for time in 1..=20 {
        let answer = timeout(Duration::from_secs(5), conn.ask(&Request::Info)).await;
        assert!(matches!(answer, Ok(Answer::Info(_))), "the {time}th time");
    }
}

/// Drafts of QUIC have version numbers of their own (RFC 9000, section 15).
#[tokio::test]
async fn no_other_version_of_quic_is_offered() {
    let (_data, relay, _) = relay(&[]);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for version in [0xff00_001d_u32, 0xff00_0022, 0x6b33_43cf] {
        // A long header with two connection ids, in a datagram as long as a client's first has to be.
        let mut first = vec![0xc0];
        first.extend(version.to_be_bytes());
        first.extend([&[8], &[1; 8][..], &[8], &[2; 8]].concat());
        first.resize(1200, 0);
        socket.send_to(&first, relay.addr).await.unwrap();
        let mut answer = [0; 1500];
        let heard = timeout(Duration::from_secs(5), socket.recv(&mut answer)).await;
        let len = heard.expect("a version negotiation").unwrap();
        assert_eq!(answer[1..5], [0; 4], "version negotiation");
        let versions: Vec<u32> = answer[5 + 2 * 9..len]
            .chunks(4)
            .map(|bytes| u32::from_be_bytes(bytes.try_into().unwrap()))
            // Reserved, to exercise negotiation.
            .filter(|offered| offered & 0x0f0f_0f0f != 0x0a0a_0a0a)
            .collect();
        assert_eq!(versions, [1], "asked with {version:#x}");
    }
}
