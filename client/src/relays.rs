//! Relays that members name on their cards: to which of them this device connects. Pure; times are Unix seconds.
//!
//! A relay that nobody else in the circle uses learns the IP address of each device that sends there, and when: a member
//! could name one for that. So its person is asked first (spec/circles.md §4).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use velar_protocol::circle::limits::MAX_ADDRESSES;
use velar_protocol::seal::MemberId;
use velar_protocol::wire::RelayAddress;

/// Relays that are remembered because several used them, without anybody's yes: more than any circle has, few enough that
/// members who name new ones again and again fill no vault. Over it they are used as long as several do.
const MAX_REMEMBERED: usize = 64;

/// One member's relays are asked about at most [`MAX_ADDRESSES`] times in so long, whatever its cards name.
const ASKED_S: u64 = 3600;

/// Where this device stands with a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It connects there.
    Known,
    /// It does not before its person says so, but for an alarm that has no other way.
    Asks,
    /// It never does.
    Refused,
}

/// What is remembered of relays, by their places in lower case: a place that is known shows nothing new, whichever pins it
/// is named with. Of an address that names several, this device tries each: it is known where all of them are, and refused
/// where one is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayBook {
    known: BTreeSet<String>,
    refused: BTreeSet<String>,
    /// About which the person was asked (all places of an address), for whose card, and when.
    asked: BTreeMap<String, (MemberId, u64)>,
}

/// Its places, as they are remembered.
pub fn places(relay: &RelayAddress) -> impl Iterator<Item = String> {
    relay.places().map(|place| place.to_string().to_lowercase())
}

/// All places of an address, as one.
fn listed(relay: &RelayAddress) -> String {
    places(relay).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(",")
}

impl RelayBook {
    /// Where this device stands with a relay. `shared`: it uses this place itself, or more than one person does.
    #[must_use]
    pub fn standing(&self, relay: &RelayAddress, shared: impl Fn(&str) -> bool) -> Standing {
        if places(relay).any(|place| self.refused.contains(&place)) {
            Standing::Refused
        } else if places(relay).all(|place| self.known.contains(&place) || shared(&place)) {
            Standing::Known
        } else {
            Standing::Asks
        }
    }

    /// Whether it is remembered as known, or as refused.
    #[must_use]
    pub fn decides(&self, relay: &RelayAddress) -> bool {
        self.standing(relay, |_| false) != Standing::Asks
    }

    /// The person, or an invitation that was taken up, says so; also where it was refused before.
    pub fn allow(&mut self, relay: &RelayAddress) {
        self.asked.remove(&listed(relay));
        for place in places(relay) {
            self.refused.remove(&place);
            self.known.insert(place);
        }
    }

    /// The person says no: to those of its places that are not `kept`, for this device or others are reached there.
    pub fn refuse(&mut self, relay: &RelayAddress, kept: impl Fn(&str) -> bool) {
        self.asked.remove(&listed(relay));
        for place in places(relay).filter(|place| !kept(place)) {
            self.known.remove(&place);
            self.refused.insert(place);
        }
    }

    /// Several use it: it stays known when one of them leaves it.
    pub fn remember(&mut self, relay: &RelayAddress) {
        if self.known.len() < MAX_REMEMBERED && !self.decides(relay) {
            self.asked.remove(&listed(relay));
            self.known.extend(places(relay));
        }
    }

    /// Of these, each with the member whose card names it, those about which the person is to be asked now: once each, and of
    /// one member a few in an hour.
    pub fn ask(
        &mut self,
        open: &[(RelayAddress, MemberId)],
        now_s: u64,
    ) -> Vec<(RelayAddress, MemberId)> {
        let recent = |at_s: u64| now_s.abs_diff(at_s) < ASKED_S;
        let open_now: BTreeSet<String> = open.iter().map(|(relay, _)| listed(relay)).collect();
        self.asked.retain(|places, (_, at_s)| open_now.contains(places) || recent(*at_s));
        let mut new = Vec::new();
        for (relay, by) in open {
            let of_theirs =
                self.asked.values().filter(|(member, at_s)| member == by && recent(*at_s));
            if of_theirs.count() < MAX_ADDRESSES && !self.asked.contains_key(&listed(relay)) {
                self.asked.insert(listed(relay), (*by, now_s));
                new.push((relay.clone(), *by));
            }
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use velar_protocol::wire::Pin;

    use super::*;

    const NOW_S: u64 = 1_800_000_000;

    fn relay(port: u16) -> RelayAddress {
        RelayAddress::new("relay.example.org", port, Pin([1; 32]), None).unwrap()
    }

    fn member(n: u8) -> MemberId {
        MemberId([n; 32])
    }

    #[test]
    fn a_no_holds_until_it_is_taken_back_whoever_uses_it() {
        let mut book = RelayBook::default();
        assert_eq!(book.standing(&relay(1), |_| false), Standing::Asks);
        assert_eq!(book.standing(&relay(1), |_| true), Standing::Known);
        book.refuse(&relay(1), |_| false);
        book.remember(&relay(1));
        assert_eq!(book.standing(&relay(1), |_| true), Standing::Refused);
        book.allow(&relay(1));
        assert_eq!(book.standing(&relay(1), |_| false), Standing::Known);
        assert_eq!(book.standing(&relay(2), |_| false), Standing::Asks);
    }

    #[test]
    fn another_pin_or_spelling_of_a_place_is_the_same_place() {
        let mut book = RelayBook::default();
        book.refuse(&relay(1), |_| false);
        let other = RelayAddress::new("Relay.EXAMPLE.org", 1, Pin([2; 32]), None).unwrap();
        assert_eq!(book.standing(&other, |_| true), Standing::Refused);
    }

    fn several(hosts: &[&str]) -> RelayAddress {
        let pin = relay(1).to_string().rsplit_once('#').unwrap().1.to_owned();
        let places: Vec<String> = hosts.iter().map(|host| format!("{host}:443")).collect();
        format!("velar://{}#{pin}", places.join(",")).parse().unwrap()
    }

    #[test]
    fn a_place_beside_a_known_one_is_asked_about_and_one_beside_a_refused_one_is_refused() {
        let (shared, both) = (several(&["a.example"]), several(&["a.example", "b.example"]));
        let other_way = several(&["b.example", "a.example"]);
        let in_use = |place: &str| place == "a.example:443";
        let mut book = RelayBook::default();
        book.allow(&shared);
        assert_eq!(book.standing(&both, in_use), Standing::Asks);
        assert_eq!(book.standing(&other_way, in_use), Standing::Asks);
        assert_eq!(book.ask(&[(both.clone(), member(1))], NOW_S).len(), 1);
        assert!(book.ask(&[(other_way.clone(), member(1))], NOW_S).is_empty(), "the same places");
        book.refuse(&both, in_use);
        for relay in [&both, &other_way, &several(&["b.example"])] {
            assert_eq!(book.standing(relay, in_use), Standing::Refused);
        }
        assert_eq!(book.standing(&shared, in_use), Standing::Known, "others are reached there");
        assert_eq!(book.standing(&several(&["a.example", "c.example"]), in_use), Standing::Asks);
        book.allow(&other_way);
        assert_eq!(book.standing(&both, |_| false), Standing::Known);
    }

    #[test]
    fn of_what_several_use_no_more_than_a_bound_is_remembered_and_a_yes_is_always() {
        let mut book = RelayBook::default();
        (1..1000).for_each(|port| book.remember(&relay(port)));
        assert_eq!(book.known.len(), MAX_REMEMBERED);
        book.allow(&relay(5000));
        assert_eq!(book.standing(&relay(5000), |_| false), Standing::Known);
    }

    proptest! {
        #[test]
        fn nobody_is_asked_about_more_than_a_few_relays_of_one_member_in_an_hour(
            cards in prop::collection::vec((1u16..200, 0u64..600), 1..80),
        ) {
            let (mut book, mut now_s, mut asked) = (RelayBook::default(), NOW_S, Vec::new());
            for (port, pause_s) in cards {
                now_s += pause_s;
                let open: Vec<_> = (port..port + 4).map(|port| (relay(port), member(1))).collect();
                asked.extend(book.ask(&open, now_s).into_iter().map(|_| now_s));
                prop_assert!(book.ask(&open, now_s).is_empty(), "once each");
                let recent = asked.iter().filter(|at_s| now_s - **at_s < ASKED_S).count();
                prop_assert!(recent <= MAX_ADDRESSES);
                prop_assert!(book.asked.len() <= 2 * MAX_ADDRESSES);
            }
            // And about somebody else's all the same.
            prop_assert_eq!(book.ask(&[(relay(900), member(2))], now_s).len(), 1);
        }
    }
}
