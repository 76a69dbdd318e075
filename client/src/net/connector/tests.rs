//! Names, places and sockets.

use std::cell::RefCell;

use tokio::time::{Instant, timeout};
use velar_protocol::wire::Pin as KeyPin;

use super::*;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn place(host: &str) -> Place {
    Place::new(host, 4433).unwrap()
}

fn relay(host: &str) -> RelayAddress {
    RelayAddress::new(host, 4433, KeyPin([1; 32]), None).unwrap()
}

#[test]
fn families_take_turns_and_ipv6_begins() {
    let found = ["192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1", "[2001:db8::1]:1"].map(address);
    let expected = ["[2001:db8::1]:1", "192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"];
    assert_eq!(in_turn(found.into_iter()), expected.map(address));
}

#[test]
fn an_impostor_is_reported_before_other_failures() {
    let host = || "relay.example.org".to_owned();
    let impostor = || NetError::WrongPin { host: host() };
    for other in [NetError::Timeout, NetError::Busy, NetError::Unreachable { host: host() }] {
        assert!(matches!(worse(other, impostor()), NetError::WrongPin { .. }));
    }
    for other in [NetError::Timeout, NetError::Busy, NetError::Unreachable { host: host() }] {
        assert!(matches!(worse(impostor(), other), NetError::WrongPin { .. }));
    }
    let unreachable = NetError::Unreachable { host: host() };
    assert!(matches!(worse(NetError::Timeout, unreachable), NetError::Timeout));
}

#[tokio::test]
async fn literal_addresses_need_no_name_server() {
    assert_eq!(resolve(&place("127.0.0.1")).await.unwrap(), [address("127.0.0.1:4433")]);
    assert_eq!(resolve(&place("::1")).await.unwrap(), [address("[::1]:4433")]);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_told_with_its_name() {
    let connector = Connector::new().unwrap();
    let error =
        connector.connect(&relay("no-such-relay.invalid"), Purpose::Send).await.unwrap_err();
    assert!(matches!(&error, NetError::Unresolved { host } if host == "no-such-relay.invalid"));
}

#[tokio::test]
async fn purposes_have_sockets_of_their_own() {
    let connector = Connector::new().unwrap();
    let port = |purpose| {
        let endpoint = connector.endpoint(purpose, address("127.0.0.1:1")).unwrap();
        endpoint.local_addr().unwrap().port()
    };
    assert_ne!(port(Purpose::Read), port(Purpose::Send));
    assert_eq!(port(Purpose::Read), port(Purpose::Read));
}

/// A way of a relay: when it answers after it was begun, if ever, in milliseconds, and whether well.
type Way = (Option<u64>, bool);

/// Which way answered first, or how all failed; when each was begun; and how long it took, in milliseconds.
async fn raced(ways: &[Way]) -> (Result<usize, NetError>, Vec<u128>, u128) {
    let start = Instant::now();
    let begun = RefCell::new(Vec::new());
    let result = first_to_answer(ways.iter().enumerate(), |(index, (after_ms, well))| {
        begun.borrow_mut().push(start.elapsed().as_millis());
        async move {
            match after_ms {
                Some(after_ms) => sleep(Duration::from_millis(*after_ms)).await,
                None => std::future::pending().await,
            }
            let failed = || Err(NetError::Unreachable { host: index.to_string() });
            if *well { Ok(index) } else { failed() }
        }
    });
    let result = timeout(CONNECT_TIMEOUT, result).await.unwrap_or(Err(NetError::Timeout));
    (result, begun.into_inner(), start.elapsed().as_millis())
}

#[tokio::test(start_paused = true)]
async fn the_next_place_is_tried_when_one_fails_or_is_silent_for_a_second() {
    let (won, begun, took) = raced(&[(Some(200), true), (Some(0), true)]).await;
    assert_eq!((won.unwrap(), begun, took), (0, vec![0], 200));
    // The first name does not resolve.
    let (won, begun, took) = raced(&[(Some(100), false), (Some(200), true)]).await;
    assert_eq!((won.unwrap(), begun, took), (1, vec![0, 100], 300));
    // Nobody answers there.
    let (won, begun, _) = raced(&[(None, true), (None, true), (Some(50), true)]).await;
    assert_eq!((won.unwrap(), begun), (2, vec![0, 1000, 2000]));
    // A slow one that answers all the same.
    let (won, begun, took) = raced(&[(Some(1500), true), (None, true)]).await;
    assert_eq!((won.unwrap(), begun, took), (0, vec![0, 1000], 1500));
}

#[tokio::test(start_paused = true)]
async fn when_no_place_answers_each_was_tried_and_it_is_said() {
    let (lost, begun, _) = raced(&[(Some(10), false), (Some(10), false)]).await;
    assert!(matches!(lost, Err(NetError::Unreachable { .. })));
    assert_eq!(begun, [0, 10]);
    let (lost, begun, took) = raced(&[(None, true); 4]).await;
    assert!(matches!(lost, Err(NetError::Timeout)));
    assert_eq!((begun, took), (vec![0, 1000, 2000, 3000], 10_000));
}
