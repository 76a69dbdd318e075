//! Bad input and limits, over the wire.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

mod common;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::{Client, Relay, access_key, all_registered, envelope, secret, token};
use rustls::crypto::aws_lc_rs::kx_group::{SECP256R1, X25519};
use tokio::time::timeout;
use velar_protocol::wire::codec;
use velar_protocol::wire::{
    AccessToken, Ack, Answer, Delivery, DeliveryOutcome, EndReason, Event, HoldSecret,
    MailboxProof, Refusal, Request, TokenOutcome,
};

fn relay(args: &[&str]) -> (tempfile::TempDir, Relay, Client) {
    let data = tempfile::tempdir().unwrap();
    Relay::init(data.path());
    let relay = Relay::serve(data.path(), args);
    let client = Client::new(relay.addr, data.path());
    (data, relay, client)
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_le_bytes(), body].concat()
}

fn refused(refusal: Refusal) -> Vec<u8> {
    codec::encode(&Answer::Refused(refusal)).unwrap()
}

#[tokio::test]
async fn broken_frames_end_their_stream_with_a_reason_and_nothing_else() {
    let (_data, _relay, client) = relay(&[]);
    let conn = client.connect().await;
    let info = codec::encode(&Request::Info).unwrap();
    for bad in [
        framed(&[1, 99]),
        framed(&[1, 0, 0]),
        framed(&codec::encode(&Answer::Closed).unwrap()[4..]),
        0_u32.to_le_bytes().to_vec(),
    ] {
        assert_eq!(conn.raw(&bad).await, refused(Refusal::Malformed), "{bad:?}");
    }
    assert_eq!(conn.raw(&[0xff, 0xff, 0xff, 0xff, 1]).await, refused(Refusal::TooLong));
    let after_good = conn.raw(&[info.clone(), framed(&[1, 99]), info].concat()).await;
    assert!(after_good.ends_with(&refused(Refusal::Malformed)));
    assert!(matches!(conn.ask(&Request::Info).await, Answer::Info(_)), "the connection goes on");
}

#[tokio::test]
async fn another_version_hears_ours_and_the_connection_ends() {
    let (_data, _relay, client) = relay(&[]);
    // Another version may have longer frames. Five bytes are enough.
    for bytes in [framed(&[9, 1, 2, 3]), vec![0xff, 0xff, 0xff, 0x7f, 9]] {
        let conn = client.connect().await;
        assert_eq!(conn.raw(&bytes).await, codec::version_notice());
        let closed = conn.quic.closed().await;
        assert!(matches!(closed, quinn::ConnectionError::ApplicationClosed(_)), "{closed:?}");
    }
}

#[tokio::test]
async fn another_version_hears_ours_on_a_subscription_too() {
    let (_data, _relay, client) = relay(&[]);
    let conn = client.connect().await;
    conn.open(&secret(1), &[]).await;
    for bytes in [&framed(&[9, 0, 1])[..], &[0xff, 0xff, 0xff, 0x7f, 9], &[2, 0, 0, 0, 0, 9]] {
        let mut online = conn.subscribe(&[&secret(1)]).await.unwrap();
        online.caught_up().await;
        online.send.write_all(bytes).await.unwrap();
        let said = online.recv.read_to_end(64).await.unwrap();
        assert_eq!(said, codec::version_notice(), "{bytes:?}");
    }
}

#[tokio::test]
async fn proofs_and_tokens_that_are_wrong_are_refused() {
    let (_data, _relay, client) = relay(&[]);
    let (here, elsewhere) = (client.connect().await, client.connect().await);
    let replayed = Request::open(&elsewhere.exporter, &secret(1), vec![], None);
    assert_eq!(here.ask(&replayed).await, Answer::Refused(Refusal::WrongProof));
    assert_eq!(elsewhere.ask(&replayed).await, all_registered(0));
    let replayed = Request::subscribe(&elsewhere.exporter, [&secret(1)]);
    assert_eq!(here.ask(&replayed).await, Answer::Refused(Refusal::WrongProof));
    let unknown = here.subscribe(&[&secret(2)]).await.err();
    assert_eq!(unknown, Some(Answer::Refused(Refusal::UnknownMailbox)));
    let unknown = here.send(&token(1), &envelope(1)).await;
    assert_eq!(unknown, Answer::Refused(Refusal::UnknownToken));
    here.open(&secret(2), &[&token(2)]).await;
    let outcomes = vec![TokenOutcome::Registered, TokenOutcome::Taken];
    let one_of_two = here.open(&secret(1), &[&token(1), &token(2)]).await;
    assert_eq!(one_of_two, Answer::Opened { outcomes, reopening: None });
    assert_eq!(here.send(&token(1), &envelope(1)).await, Answer::Accepted);
}

/// SPEC.md §4.9.
#[tokio::test]
async fn of_several_things_that_are_wrong_with_a_request_the_first_is_answered() {
    let data = tempfile::tempdir().unwrap();
    Relay::init(data.path());
    let key = access_key(data.path(), "norte");
    let args = ["--access-mailboxes=1", "--subscriptions-per-connection=1"];
    let relay = Relay::serve(data.path(), &args);
    let client = Client::new(relay.addr, data.path());
    let (conn, elsewhere) = (client.connect().await, client.connect().await);
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let child = |until_s, nonce| key.child(until_s, [nonce; 16]).to_text();
    let (used, unused) = (child(now_s + 600, 1), child(now_s + 600, 2));
    let over = child(now_s - 2 * 3600, 3);
    let none = AccessToken::new("aurora".to_owned()).unwrap();
    let open = |exporter, number, shown: &AccessToken| {
        Request::open(exporter, &secret(number), vec![token(1).hash()], Some(shown.clone()))
    };
    let opened = conn.ask(&open(&conn.exporter, 1, &used)).await;
    assert!(matches!(opened, Answer::Opened { reopening: Some(_), .. }), "{opened:?}");
    for shown in [&unused, &key.to_text()] {
        let full = conn.ask(&open(&conn.exporter, 7, shown)).await;
        assert!(matches!(full, Answer::Full { .. }), "its share is taken: {full:?}");
    }

    let proof = |exporter, number| match Request::subscribe(exporter, [&secret(number)]) {
        Request::Subscribe { mut mailboxes } => mailboxes.remove(0),
        _ => panic!(),
    };
    let [own, unknown] = [1, 7].map(|number| proof(&conn.exporter, number));
    let foreign = proof(&elsewhere.exporter, 1);
    let subscribe = |mailboxes: &[&MailboxProof]| Request::Subscribe {
        mailboxes: mailboxes.iter().map(|one| (*one).clone()).collect(),
    };
    let exists = HoldSecret::new([1; 32]);
    let never = || HoldSecret::new([2; 32]);
    let deliveries = |by| vec![Delivery { token: token(by), envelope: envelope(1) }];
    let hold = |id: &HoldSecret, for_s, by, replaces| Request::Hold {
        id: id.id(),
        for_s,
        deliveries: deliveries(by),
        replaces,
    };
    let held = Answer::Held { outcomes: vec![DeliveryOutcome::Held] };
    assert_eq!(conn.ask(&hold(&exists, 600, 1, None)).await, held);
    let cases = [
        (open(&elsewhere.exporter, 7, &none), Refusal::WrongProof),
        (Request::open(&conn.exporter, &secret(7), vec![], None), Refusal::AccessRequired),
        (open(&conn.exporter, 7, &none), Refusal::AccessRequired),
        (open(&conn.exporter, 7, &over), Refusal::AccessSpent),
        (open(&conn.exporter, 7, &used), Refusal::AccessSpent),
        (Request::close(&elsewhere.exporter, &secret(7)), Refusal::WrongProof),
        (Request::close(&conn.exporter, &secret(7)), Refusal::UnknownMailbox),
        (subscribe(&[&own, &own, &foreign]), Refusal::WrongProof),
        (subscribe(&[&unknown, &unknown]), Refusal::Malformed),
        (subscribe(&[&own, &unknown]), Refusal::UnknownMailbox),
        (hold(&exists, 0, 9, Some(never())), Refusal::HoldLength),
        (hold(&exists, 600, 9, Some(never())), Refusal::HoldExists),
        (hold(&never(), 600, 9, Some(never())), Refusal::UnknownHold),
        (Request::Extend { secret: never(), for_s: 0 }, Refusal::HoldLength),
        (Request::Extend { secret: never(), for_s: 1 }, Refusal::UnknownHold),
    ];
    for (request, refusal) in cases {
        assert_eq!(conn.ask(&request).await, Answer::Refused(refusal), "{request:?}");
    }
    let _online = conn.subscribe(&[&secret(1)]).await.unwrap();
    let too_many = Answer::Refused(Refusal::TooManySubscriptions);
    assert_eq!(conn.ask(&subscribe(&[&foreign, &foreign])).await, too_many);
}

#[tokio::test]
async fn a_full_mailbox_says_so_and_takes_more_after_an_ack() {
    let (_data, _relay, client) = relay(&["--mailbox-envelopes", "2"]);
    let conn = client.connect().await;
    conn.open(&secret(1), &[&token(1)]).await;
    conn.send(&token(1), &envelope(1)).await;
    conn.send(&token(1), &envelope(2)).await;
    let full = conn.send(&token(1), &envelope(3)).await;
    assert!(matches!(full, Answer::Full { retry_after_s } if retry_after_s > 0));
    let mut online = conn.subscribe(&[&secret(1)]).await.unwrap();
    let (sequence, _) = online.envelope().await;
    online.ack(sequence).await;
    // The ack is taken in in the relay's own time.
    while conn.send(&token(1), &envelope(3)).await != Answer::Accepted {}
}

#[tokio::test]
async fn an_impossible_ack_ends_the_subscription() {
    let (_data, _relay, client) = relay(&[]);
    let conn = client.connect().await;
    conn.open(&secret(1), &[]).await;
    let impossible = [Ack { mailbox: 0, sequence: 77 }, Ack { mailbox: 3, sequence: 0 }];
    let impossible = impossible.map(|ack| codec::encode(&ack).unwrap());
    for bytes in [&impossible[0], &impossible[1], &framed(&[1, 2, 3, 4, 5])] {
        let mut online = conn.subscribe(&[&secret(1)]).await.unwrap();
        online.caught_up().await;
        online.send.write_all(bytes).await.unwrap();
        assert_eq!(online.event().await, Event::Ended { reason: EndReason::ProtocolError });
        assert!(online.recv.read_to_end(1).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn closing_a_mailbox_ends_its_subscriptions() {
    let (_data, _relay, client) = relay(&[]);
    let conn = client.connect().await;
    conn.open(&secret(1), &[&token(1)]).await;
    let mut online = conn.subscribe(&[&secret(1)]).await.unwrap();
    online.caught_up().await;
    let close = Request::close(&conn.exporter, &secret(1));
    assert_eq!(conn.ask(&close).await, Answer::Closed);
    assert_eq!(online.event().await, Event::Ended { reason: EndReason::MailboxClosed });
    let gone = conn.send(&token(1), &envelope(1)).await;
    assert_eq!(gone, Answer::Refused(Refusal::UnknownToken));
    assert_eq!(conn.ask(&close).await, Answer::Refused(Refusal::UnknownMailbox));
}

#[tokio::test]
async fn subscriptions_on_one_connection_are_limited_and_given_back() {
    let (_data, _relay, client) = relay(&["--subscriptions-per-connection", "1"]);
    let conn = client.connect().await;
    conn.open(&secret(1), &[]).await;
    let mut online = conn.subscribe(&[&secret(1)]).await.unwrap();
    let second = conn.subscribe(&[&secret(1)]).await.err();
    assert_eq!(second, Some(Answer::Refused(Refusal::TooManySubscriptions)));
    online.send.finish().unwrap();
    online.recv.read_to_end(100).await.unwrap();
    while conn.subscribe(&[&secret(1)]).await.is_err() {}
}

#[tokio::test]
async fn who_offers_no_post_quantum_key_exchange_is_not_let_in() {
    let (data, relay, client) = relay(&[]);
    let classical = Client::with_groups(relay.addr, data.path(), vec![X25519, SECP256R1]);
    assert!(classical.try_connect().await.is_err());
    client.connect().await;
}

#[tokio::test]
async fn who_says_nothing_valid_is_shown_out() {
    let (_data, _relay, client) = relay(&["--first-frame-s", "1"]);
    let (silent, speaking) = (client.connect().await, client.connect().await);
    speaking.ask(&Request::Info).await;
    let closed = silent.quic.closed().await;
    assert!(matches!(closed, quinn::ConnectionError::ApplicationClosed(_)), "{closed:?}");
    assert!(matches!(speaking.ask(&Request::Info).await, Answer::Info(_)));
}

#[tokio::test]
async fn at_the_limit_of_a_prefix_who_has_shown_nothing_leaves_and_who_has_stays() {
    let (_data, _relay, client) = relay(&["--connections-per-prefix", "1"]);
    let stranger = client.connect().await;
    stranger.ask(&Request::Info).await;
    let owner = client.connect().await;
    let left = timeout(Duration::from_secs(5), stranger.quic.closed()).await;
    assert!(left.is_ok(), "it makes room");
    // An empty set of tokens proves the mailbox all the same.
    owner.opened(&secret(1), &[]).await;
    assert!(client.try_connect().await.is_err());
    assert!(matches!(owner.ask(&Request::Info).await, Answer::Info(_)), "it keeps its seat");
    owner.quic.close(0_u32.into(), b"");
    while client.try_connect().await.is_err() {}
}

/// What an alarm from the panic kit shows: no mailbox, but a token that somebody has registered.
#[tokio::test]
async fn a_registered_token_keeps_the_seat_and_an_unknown_one_does_not() {
    let (_data, _relay, client) = relay(&["--connections-per-prefix", "2"]);
    let owner = client.connect().await;
    owner.opened(&secret(1), &[&token(1)]).await;
    for (by, stays) in [(2, false), (1, true)] {
        let sender = client.connect().await;
        let sent = sender.send(&token(by), &envelope(1)).await;
        assert_eq!(sent == Answer::Accepted, stays);
        assert_eq!(client.try_connect().await.is_err(), stays);
        let left = timeout(Duration::from_millis(500), sender.quic.closed()).await;
        assert_eq!(left.is_err(), stays);
    }
}

#[tokio::test]
async fn a_prefix_that_opened_its_mailboxes_waits_and_keeps_those_it_has() {
    let (_data, _relay, client) = relay(&["--new-mailboxes-per-prefix", "2"]);
    let conn = client.connect().await;
    for byte in [1, 2] {
        conn.opened(&secret(byte), &[]).await;
    }
    let elsewhere = client.connect().await;
    let third = elsewhere.open(&secret(3), &[]).await;
    assert!(matches!(third, Answer::Full { retry_after_s: 1..=600 }), "{third:?}");
    elsewhere.opened(&secret(2), &[&token(2)]).await;
}

/// The last byte of the longest frame is held back on every stream of many connections.
#[tokio::test]
async fn half_frames_cost_a_bounded_memory_and_others_are_served_beside_them() {
    let (_data, relay, client) = relay(&[]);
    let conn = client.connect().await;
    conn.opened(&secret(1), &[&token(1)]).await;
    let deliveries = (0..64).map(|n| Delivery { token: token(1), envelope: envelope(n) }).collect();
    let (id, replaces) = (HoldSecret::new([9; 32]).id(), None);
    let hold = Request::Hold { id, for_s: 600, deliveries, replaces };
    let frame = codec::encode(&hold).unwrap();
    let mut held_back = Vec::new();
    for _ in 0..100 {
        let stalled = client.connect().await;
        assert!(matches!(stalled.ask(&Request::Info).await, Answer::Info(_)));
        for _ in 0..8 {
            let (mut send, recv) = stalled.quic.open_bi().await.unwrap();
            let half = frame[..frame.len() - 1].to_vec();
            let sending = tokio::spawn(async move {
                let _ = send.write_all(&half).await;
                send
            });
            held_back.push((sending, recv));
        }
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(conn.send(&token(1), &envelope(999)).await, Answer::Accepted);
    let status = std::fs::read_to_string(format!("/proc/{}/status", relay.child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    // 800 whole frames would be 206 MiB, with what the relay has anyway.
    assert!(peak < 150 << 10, "{peak} KiB");
}

#[tokio::test]
async fn nothing_is_taken_in_without_disk_space() {
    let (_data, _relay, client) = relay(&["--free-space-mib", "4294967295"]);
    let conn = client.connect().await;
    let opened = conn.open(&secret(1), &[]).await;
    assert!(matches!(opened, Answer::Full { .. }), "{opened:?}");
}

/// How long after its first byte a frame was given up that is not whole after 10 s; on a busy machine it is heard of later.
const GIVEN_UP: std::ops::Range<Duration> = Duration::from_secs(10)..Duration::from_secs(20);

#[tokio::test]
async fn a_frame_that_does_not_become_whole_ends_its_stream() {
    let (_data, _relay, client) = relay(&[]);
    let conn = client.connect().await;
    assert!(matches!(conn.ask(&Request::Info).await, Answer::Info(_)));
    let (mut send, mut recv) = conn.quic.open_bi().await.unwrap();
    // A second frame, behind a whole one.
    let info = codec::encode(&Request::Info).unwrap();
    let begun = Instant::now();
    send.write_all(&[&info[..], &info[..info.len() - 1]].concat()).await.unwrap();
    assert!(matches!(common::read::<Answer>(&mut recv).await, Ok(Answer::Info(_))));
    let ended = timeout(GIVEN_UP.end, recv.read_to_end(64)).await;
    assert_eq!(ended.expect("an end").unwrap(), refused(Refusal::Malformed));
    assert!(GIVEN_UP.contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert!(matches!(conn.ask(&Request::Info).await, Answer::Info(_)), "the connection goes on");
}

/// A byte more after a while changes nothing. It is the same where envelopes go on arriving and where none do.
#[tokio::test]
async fn an_acknowledgement_that_does_not_become_whole_ends_its_subscription() {
    let (_data, _relay, client) = relay(&[]);
    let (quiet, busy) = (client.connect().await, client.connect().await);
    quiet.opened(&secret(1), &[&token(1)]).await;
    busy.opened(&secret(2), &[&token(2)]).await;
    let mut quietly = quiet.subscribe(&[&secret(1)]).await.unwrap();
    let mut busily = busy.subscribe(&[&secret(2)]).await.unwrap();
    quietly.caught_up().await;
    busily.caught_up().await;
    let sender = client.connect().await;
    let sending = tokio::spawn(async move {
        for number in 0.. {
            assert_eq!(sender.send(&token(2), &envelope(number)).await, Answer::Accepted);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    let cut = async |online: &mut common::Subscription| {
        let half = codec::encode(&Ack { mailbox: 0, sequence: 1 }).unwrap();
        let begun = Instant::now();
        online.send.write_all(&half[..half.len() - 2]).await.unwrap();
        let one = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            online.send.write_all(&half[half.len() - 2..half.len() - 1]).await.unwrap();
        };
        let read = timeout(GIVEN_UP.end, online.recv.read_to_end(1 << 20));
        let (said, ()) = tokio::join!(read, one);
        let said = said.expect("an end").unwrap();
        let ended = codec::encode(&Event::Ended { reason: EndReason::ProtocolError }).unwrap();
        assert!(
            said.ends_with(&ended) && GIVEN_UP.contains(&begun.elapsed()),
            "{:?}",
            begun.elapsed()
        );
        said.len()
    };
    let (few, many) = tokio::join!(cut(&mut quietly), cut(&mut busily));
    assert!(few < 4096 && many > 10 * 4096, "{few} and {many} bytes were sent");
    assert!(!sending.is_finished());
    sending.abort();
}

#[tokio::test]
async fn a_connection_without_a_whole_frame_is_not_kept_for_half_of_one() {
    let (_data, _relay, client) = relay(&["--first-frame-s", "1"]);
    let conn = client.connect().await;
    let (mut send, _recv) = conn.quic.open_bi().await.unwrap();
    send.write_all(&[1, 0]).await.unwrap();
    // Streams are given three seconds for their last words at a stop, and must not have them here.
    let closed = timeout(Duration::from_secs(3), conn.quic.closed()).await;
    assert!(closed.is_ok(), "it is still there");
}
