//! The client's network layer over a real relay: QUIC, sled, loopback.

mod common;

use velar::net::{Backoff, Connector, NetError, Purpose};
use velar_protocol::wire::limits::MAX_SUBSCRIBED;
use velar_protocol::wire::{
    Answer, CodecError, EndReason, Event, Pin, Refusal, RelayAddress, Request,
};

use common::{Relay, connect, envelope, next_envelope, open, secret, send};

#[tokio::test]
async fn the_real_relay_is_known_by_its_pin_only() {
    let relay = Relay::start();
    let connector = Connector::new().unwrap();
    let port = relay.address.port();
    let wrong = RelayAddress::new("127.0.0.1", port, Pin([9; 32]), None).unwrap();
    let error = connector.connect(&wrong, Purpose::Send).await.unwrap_err();
    assert!(matches!(error, NetError::WrongPin { .. }), "{error:?}");
    let right = connector.connect(&relay.address, Purpose::Send).await.unwrap();
    let Answer::Info(info) = right.request(&Request::Info).await.unwrap() else { panic!() };
    assert_eq!(info.version, 1);
    let by_name = relay.address.to_string().replace("127.0.0.1", "localhost").parse().unwrap();
    connector.connect(&by_name, Purpose::Send).await.unwrap();
}

#[tokio::test]
async fn a_relay_whose_first_places_are_blocked_is_reached_at_another() {
    let relay = Relay::start();
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().port();
    let own = format!("127.0.0.1:{}", relay.address.port());
    let with = |places: &str| -> RelayAddress {
        relay.address.to_string().replace(&own, places).parse().unwrap()
    };
    let connector = Connector::new().unwrap();
    for before in [format!("127.0.0.1:{silent}"), "no-such-relay.invalid:443".to_owned()] {
        let address = with(&format!("{before},{own}"));
        assert_eq!(address.place(), before);
        let reached = connector.connect(&address, Purpose::Send).await.unwrap();
        assert!(matches!(reached.request(&Request::Info).await.unwrap(), Answer::Info(_)));
    }
    // An impostor at one place keeps nobody from the relay at the next.
    let impostor = Relay::start();
    let address = with(&format!("127.0.0.1:{},{own}", impostor.address.port()));
    connector.connect(&address, Purpose::Read).await.unwrap();
    let error = connector.connect(&with(&format!("127.0.0.1:{silent}")), Purpose::Send).await;
    assert!(matches!(error.unwrap_err(), NetError::Timeout));
}

#[tokio::test]
async fn an_envelope_travels_and_is_gone_once_acknowledged() {
    let relay = Relay::start();
    let reader = connect(&relay, Purpose::Read).await;
    open(&reader, 1).await;
    let sender = connect(&relay, Purpose::Send).await;
    assert_eq!(sender.request(&send(1, envelope(7))).await.unwrap(), Answer::Accepted);
    let mut first = reader.subscribe(&[secret(1)]).await.unwrap();
    let (byte, _) = next_envelope(&mut first).await;
    assert_eq!(byte, 7);
    drop(first);
    // Not acknowledged: it comes again.
    let mut second = reader.subscribe(&[secret(1)]).await.unwrap();
    let (byte, ack) = next_envelope(&mut second).await;
    assert_eq!(byte, 7);
    second.ack(ack).await.unwrap();
    assert_eq!(sender.request(&send(1, envelope(8))).await.unwrap(), Answer::Accepted);
    // In order: what comes after the acknowledgement shows that it was read.
    let (byte, ack) = loop {
        let (byte, ack) = next_envelope(&mut second).await;
        if byte == 8 {
            break (byte, ack);
        }
    };
    second.ack(ack).await.unwrap();
    assert_eq!(byte, 8);
}

#[tokio::test]
async fn a_pipeline_is_answered_in_order_and_delivered_in_order() {
    let relay = Relay::start();
    let reader = connect(&relay, Purpose::Read).await;
    open(&reader, 1).await;
    let mut subscription = reader.subscribe(&[secret(1)]).await.unwrap();
    let sender = connect(&relay, Purpose::Send).await;
    let (mut sink, mut source) = sender.pipeline().await.unwrap().split();
    for byte in 0..100 {
        sink.send(&send(if byte % 10 == 9 { 99 } else { 1 }, envelope(byte))).await.unwrap();
    }
    for byte in 0..100 {
        let expected = match byte % 10 {
            9 => Answer::Refused(Refusal::UnknownToken),
            _ => Answer::Accepted,
        };
        assert_eq!(source.answer().await.unwrap(), expected, "{byte}");
    }
    for byte in (0..100).filter(|byte| byte % 10 != 9) {
        let (received, ack) = next_envelope(&mut subscription).await;
        assert_eq!(received, byte);
        subscription.ack(ack).await.unwrap();
    }
}

#[tokio::test]
async fn a_proof_replayed_on_another_connection_is_refused() {
    let relay = Relay::start();
    let (one, other) = (connect(&relay, Purpose::Read).await, connect(&relay, Purpose::Read).await);
    assert_ne!(one.exporter(), other.exporter());
    open(&one, 1).await;
    let wrong = Answer::Refused(Refusal::WrongProof);
    let recorded = Request::open(&one.exporter(), &secret(1), vec![], None);
    assert_eq!(other.request(&recorded).await.unwrap(), wrong);
    let recorded = Request::close(&one.exporter(), &secret(1));
    assert_eq!(other.request(&recorded).await.unwrap(), wrong);
    let recorded = Request::subscribe(&one.exporter(), &[secret(1)]);
    assert_eq!(other.request(&recorded).await.unwrap(), wrong);
    assert_eq!(one.request(&recorded).await.unwrap(), Answer::Subscribed);
}

#[tokio::test]
async fn a_refused_subscription_is_an_error_and_leaves_the_connection() {
    let relay = Relay::start();
    let reader = connect(&relay, Purpose::Read).await;
    let error = reader.subscribe(&[secret(1)]).await.unwrap_err();
    assert!(matches!(error, NetError::Refused(Refusal::UnknownMailbox)), "{error:?}");
    let many: Vec<_> = (0..=MAX_SUBSCRIBED as u8).map(secret).collect();
    for secrets in [&[][..], &many] {
        let error = reader.subscribe(secrets).await.unwrap_err();
        assert!(matches!(error, NetError::BadRequest(CodecError::Count)), "{error:?}");
    }
    open(&reader, 1).await;
    reader.subscribe(&[secret(1)]).await.unwrap();
}

#[tokio::test]
async fn a_request_that_was_dropped_does_not_shift_the_answers() {
    let relay = Relay::start();
    let reader = connect(&relay, Purpose::Read).await;
    open(&reader, 1).await;
    // Polled once: it is on its way, its answer is not here.
    tokio::select! {
        biased;
        _ = reader.request(&Request::Info) => panic!("answered without waiting"),
        () = std::future::ready(()) => {}
    }
    open(&reader, 1).await;
}

#[tokio::test]
async fn a_relay_that_stops_says_so_and_serves_the_rest_after_its_return() {
    let relay = Relay::start();
    let connector = Connector::new().unwrap();
    let reader = connector.connect(&relay.address, Purpose::Read).await.unwrap();
    open(&reader, 1).await;
    let sender = connector.connect(&relay.address, Purpose::Send).await.unwrap();
    assert_eq!(sender.request(&send(1, envelope(7))).await.unwrap(), Answer::Accepted);
    let mut subscription = reader.subscribe(&[secret(1)]).await.unwrap();
    assert_eq!(next_envelope(&mut subscription).await.0, 7);
    let address = relay.address.clone();
    let stopping = tokio::spawn(relay.stop());
    let ended = loop {
        match subscription.next().await {
            Ok(Event::Ended { reason }) => break reason,
            Ok(_) => {}
            Err(error) => panic!("no farewell: {error:?}"),
        }
    };
    assert_eq!(ended, EndReason::ShuttingDown);
    assert!(matches!(subscription.next().await, Err(NetError::Closed)));
    drop(subscription);
    assert!(matches!(reader.closed().await, NetError::Closed));
    assert!(matches!(sender.request(&Request::Info).await, Err(NetError::Closed)));
    let (folder, port) = stopping.await.unwrap();
    // A store takes a moment to let go of its folder; a client meets the same when it comes back early.
    let relay = Relay::serve(folder, port);
    assert_eq!(relay.address, address);
    let mut backoff = Backoff::new();
    let reader = loop {
        match connector.connect(&address, Purpose::Read).await {
            Ok(reader) => break reader,
            Err(_) => tokio::time::sleep(backoff.next(1 << 60)).await,
        }
    };
    let mut subscription = reader.subscribe(&[secret(1)]).await.unwrap();
    assert_eq!(next_envelope(&mut subscription).await.0, 7);
}

#[tokio::test]
async fn what_was_closed_from_here_is_told_as_that() {
    let relay = Relay::start();
    let connector = Connector::new().unwrap();
    let reader = connector.connect(&relay.address, Purpose::Read).await.unwrap();
    open(&reader, 1).await;
    let mut subscription = reader.subscribe(&[secret(1)]).await.unwrap();
    reader.close();
    assert!(matches!(reader.closed().await, NetError::ClosedHere));
    assert!(matches!(reader.request(&Request::Info).await, Err(NetError::ClosedHere)));
    // What had arrived can still be read.
    let end = loop {
        if let Err(error) = subscription.next().await {
            break error;
        }
    };
    assert!(matches!(end, NetError::ClosedHere), "{end:?}");
    connector.drain().await;
}
