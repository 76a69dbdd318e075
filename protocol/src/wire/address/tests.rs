//! `vectors/addresses.json`: what is an address, what a person may type for one, and what is none.

use data_encoding::HEXLOWER;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::encoding;

fn vectors(kind: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../../../vectors/addresses.json")).unwrap();
    all[kind].as_array().unwrap().clone()
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap()
}

/// What a card holds.
fn as_in_a_card(text: &str) -> Result<RelayAddress, encoding::Fault> {
    encoding::from_bytes(&encoding::to_bytes(&text).unwrap())
}

fn pin(byte: u8) -> Pin {
    Pin([byte; 32])
}

fn relay() -> RelayAddress {
    let places = [("relay.example.org", 443), ("::1", 8443)];
    let places = places.map(|(host, port)| Place::new(host, port).unwrap());
    RelayAddress::at(places.to_vec(), pin(1), Some(pin(2))).unwrap()
}

#[test]
fn what_is_published_as_good_has_these_places_and_pins_and_one_form() {
    for case in vectors("good") {
        let address = text(&case, "address");
        let read: RelayAddress = address.parse().expect(address);
        assert_eq!(as_in_a_card(address), Ok(read.clone()), "{address}");
        assert_eq!(read.to_string(), address);
        let places: Vec<(&str, u64)> =
            read.places().map(|place| (place.host(), place.port().into())).collect();
        let published: Vec<(&str, u64)> = case["places"]
            .as_array()
            .unwrap()
            .iter()
            .map(|place| (text(place, "host"), place["port"].as_u64().unwrap()))
            .collect();
        assert_eq!(places, published, "{address}");
        let pins: Vec<Pin> = case["pins"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pin| HEXLOWER.decode(pin.as_str().unwrap().as_bytes()).unwrap())
            .map(|pin| Pin(pin.try_into().unwrap()))
            .collect();
        assert_eq!(Some(&read.pin), pins.first(), "{address}");
        assert_eq!(read.next_pin.as_ref(), pins.get(1), "{address}");
    }
}

#[test]
fn what_a_person_may_type_stands_in_no_card() {
    for case in vectors("typed") {
        let typed = text(&case, "typed");
        assert_eq!(typed.parse::<RelayAddress>(), text(&case, "address").parse(), "{typed}");
        assert!(as_in_a_card(typed).is_err(), "{typed}");
    }
}

#[test]
fn what_is_published_as_bad_is_refused_from_people_and_from_cards() {
    for case in vectors("bad") {
        let address = text(&case, "address");
        assert!(address.parse::<RelayAddress>().is_err(), "{}: {address}", case["why"]);
        assert!(as_in_a_card(address).is_err(), "{}: {address}", case["why"]);
    }
}

#[test]
fn a_damaged_address_says_which_part_is_wrong() {
    let good = relay().to_string();
    let cases = [
        (good.replace("velar://", "https://"), AddressError::Scheme),
        (good.replace(":443,", ","), AddressError::Host),
        (good.replace(":8443", ""), AddressError::Host),
        (good.replace("relay", "re lay"), AddressError::Host),
        (good[..good.len() - 1].to_owned(), AddressError::Pin),
        (good.split('#').next().unwrap().to_owned(), AddressError::Pin),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<RelayAddress>(), Err(error), "{text}");
    }
}

#[test]
fn people_call_a_relay_by_its_first_place_and_mean_it_by_each() {
    assert_eq!((relay().host(), relay().port()), ("relay.example.org", 443));
    assert_eq!(relay().place(), "relay.example.org:443");
    let whole = relay().to_string();
    for name in ["relay.example.org", "relay.example.org:443", "::1", "[::1]:8443", &whole] {
        assert!(relay().is_called(name), "{name}");
    }
    for name in ["relay.example.org:8443", "[::1]", "example.org", "", "velar://"] {
        assert!(!relay().is_called(name), "{name}");
    }
    assert!(relay().accepts(&pin(1)) && relay().accepts(&pin(2)) && !relay().accepts(&pin(3)));
}

#[test]
fn an_address_has_as_many_places_as_there_may_be_and_no_more() {
    let places = |count: u16| (1..=count).map(|port| Place::new("a", port).unwrap()).collect();
    for (count, holds) in [(0, false), (1, true), (4, true), (5, false)] {
        assert_eq!(RelayAddress::at(places(count), pin(1), None).is_ok(), holds, "{count}");
    }
}

proptest! {
    #[test]
    fn any_text_is_an_address_in_its_one_form_or_an_error(
        text in "(velar://)?[a-zA-Z0-9.:,#\\[\\]%_ -]{0,60}|\\PC{0,60}",
    ) {
        if let Ok(address) = text.parse::<RelayAddress>() {
            prop_assert_eq!(as_in_a_card(&address.to_string()), Ok(address));
        }
        if let Ok(address) = as_in_a_card(&text) {
            prop_assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn a_changed_address_is_another_or_an_error(at in any::<prop::sample::Index>(), c in "[ -~]") {
        let good = relay().to_string();
        let at = at.index(good.len());
        let changed = format!("{}{c}{}", &good[..at], &good[at + 1..]);
        if let Ok(other) = as_in_a_card(&changed) {
            prop_assert!(other != relay() || changed == good);
        }
    }
}
