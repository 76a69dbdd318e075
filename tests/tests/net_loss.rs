//! Networks that lose datagrams: whatever they do, an envelope gets through, or the sender is told.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

mod common;

use std::sync::atomic::Ordering;

use velar::net::{Connector, Purpose};
use velar_protocol::wire::Answer;
use velar_tests::network::{Harm, Network};

use common::{Relay, envelope, next_envelope, open, secret, send};

/// A tenth is lost.
const HARM: Harm = Harm { lost: 100, doubled: 0, late: 0 };

/// With `pad_to_mtu` this stands still: quinn 0.11 counts padded acknowledgements as in flight, one fills the
/// smallest congestion window, and nothing ever empties it.
#[tokio::test]
async fn envelopes_get_through_a_network_that_loses_a_tenth() {
    let relay = Relay::start();
    let connector = Connector::new().unwrap();
    let one = Network::to(relay.address.port(), HARM, 7).await.unwrap();
    let other = Network::to(relay.address.port(), HARM, 11).await.unwrap();
    let reader =
        connector.connect(&one.towards(&relay.address).unwrap(), Purpose::Read).await.unwrap();
    open(&reader, 1).await;
    let mut subscription = reader.subscribe(&[secret(1)]).await.unwrap();
    let sender =
        connector.connect(&other.towards(&relay.address).unwrap(), Purpose::Send).await.unwrap();
    for byte in 0..60 {
        assert_eq!(sender.request(&send(1, envelope(byte))).await.unwrap(), Answer::Accepted);
        let (received, ack) = next_envelope(&mut subscription).await;
        assert_eq!(received, byte);
        subscription.ack(ack).await.unwrap();
    }
    assert!(
        one.harmed().lost.load(Ordering::Relaxed) > 0
            && other.harmed().lost.load(Ordering::Relaxed) > 0
    );
}
