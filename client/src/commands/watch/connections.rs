//! Which relays reach this terminal, and since when one does not. Pure: times are arguments.

use std::collections::BTreeMap;

use velar_protocol::wire::RelayAddress;

/// A lost connection is said again after this long.
const SAY_AGAIN_S: u64 = 60;

/// The mailboxes' relays, by address.
#[derive(Default)]
pub(super) struct Connections {
    relays: BTreeMap<String, Relay>,
}

struct Relay {
    place: String,
    /// Others send there. One that was left is read, and nothing is said of it.
    in_use: bool,
    state: State,
}

enum State {
    Connecting,
    Up { caught_up: bool },
    Down { since_s: u64, said_s: u64 },
}

/// What is to be said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Say {
    Connecting,
    Connected,
    CaughtUp,
    /// Nothing reaches this terminal.
    Lost,
    /// What is for this terminal reaches it through another.
    LostOne,
    StillLost {
        since_s: u64,
    },
}

impl Connections {
    /// This relay is being called.
    pub(super) fn connecting(&mut self, relay: &RelayAddress, in_use: bool) -> Option<Say> {
        let new = !self.relays.contains_key(&relay.to_string());
        self.relay(relay).in_use = in_use;
        (new && in_use).then_some(Say::Connecting)
    }

    /// From now on others send to these, and to no others.
    pub(super) fn use_only(&mut self, in_use: &[RelayAddress]) {
        for (address, relay) in &mut self.relays {
            relay.in_use = in_use.iter().any(|one| one.to_string() == *address);
        }
    }

    /// It reaches this terminal.
    pub(super) fn connected(&mut self, relay: &RelayAddress) -> Option<Say> {
        let relay = self.relay(relay);
        relay.state = State::Up { caught_up: false };
        relay.in_use.then_some(Say::Connected)
    }

    /// All that waited there is here.
    pub(super) fn caught_up(&mut self, relay: &RelayAddress) -> Option<Say> {
        let relay = self.relay(relay);
        match &mut relay.state {
            State::Up { caught_up } if !*caught_up => {
                *caught_up = true;
                relay.in_use.then_some(Say::CaughtUp)
            }
            _ => None,
        }
    }

    /// It does not reach this terminal: said once; see [`Connections::look`].
    pub(super) fn lost(&mut self, relay: &RelayAddress, now_s: u64) -> Option<Say> {
        let relay = self.relay(relay);
        if let State::Down { .. } = relay.state {
            return None;
        }
        relay.state = State::Down { since_s: now_s, said_s: now_s };
        let said = relay.in_use;
        let say = if self.is_reached() { Say::LostOne } else { Say::Lost };
        said.then_some(say)
    }

    /// What has to be said again: while no relay reaches this terminal.
    pub(super) fn look(&mut self, now_s: u64) -> Vec<(String, Say)> {
        let mut say = Vec::new();
        if self.is_reached() {
            return say;
        }
        for relay in self.relays.values_mut().filter(|relay| relay.in_use) {
            if let State::Down { since_s, said_s } = &mut relay.state
                && now_s.abs_diff(*said_s) >= SAY_AGAIN_S
            {
                *said_s = now_s;
                say.push((relay.place.clone(), Say::StillLost { since_s: *since_s }));
            }
        }
        say
    }

    /// Whether a relay is connected whose backlog is still on its way.
    pub(super) fn is_catching_up(&self) -> bool {
        self.relays.values().any(|relay| matches!(relay.state, State::Up { caught_up: false }))
    }

    /// Whether everything that waited at this relay is here, and what comes there comes here.
    pub(super) fn is_read(&self, relay: &RelayAddress) -> bool {
        let known = self.relays.get(&relay.to_string());
        known.is_some_and(|relay| matches!(relay.state, State::Up { caught_up: true }))
    }

    /// Whether nothing is known yet of any relay in use.
    pub(super) fn is_connecting(&self) -> bool {
        let mut in_use = self.relays.values().filter(|relay| relay.in_use);
        in_use.all(|relay| matches!(relay.state, State::Connecting))
    }

    /// Whether what others send reaches this terminal through one relay at least.
    fn is_reached(&self) -> bool {
        let up = |relay: &Relay| relay.in_use && matches!(relay.state, State::Up { .. });
        self.relays.values().any(up)
    }

    fn relay(&mut self, relay: &RelayAddress) -> &mut Relay {
        self.relays.entry(relay.to_string()).or_insert_with(|| Relay {
            place: relay.place(),
            in_use: true,
            state: State::Connecting,
        })
    }
}

#[cfg(test)]
mod tests {
    use velar_protocol::wire::Pin;

    use super::*;

    #[test]
    fn a_lost_relay_is_said_at_once_and_every_minute_until_it_is_back() {
        let relay = RelayAddress::new("relay.example.org", 443, Pin([7; 32]), None).unwrap();
        let mut connections = Connections::default();
        assert_eq!(connections.connecting(&relay, true), Some(Say::Connecting));
        assert_eq!(connections.connecting(&relay, true), None);
        assert_eq!(connections.lost(&relay, 100), Some(Say::Lost));
        assert_eq!(connections.lost(&relay, 101), None);
        assert!(connections.look(159).is_empty());
        assert_eq!(connections.look(160).len(), 1);
        assert!(connections.look(161).is_empty());
        let (_, say) = connections.look(230).remove(0);
        assert_eq!(say, Say::StillLost { since_s: 100 });
        assert_eq!(connections.connected(&relay), Some(Say::Connected));
        assert!(connections.is_catching_up());
        assert_eq!(connections.caught_up(&relay), Some(Say::CaughtUp));
        assert_eq!(connections.caught_up(&relay), None);
        assert!(!connections.is_catching_up() && connections.look(999).is_empty());
        assert!(connections.is_read(&relay));
        assert_eq!(connections.lost(&relay, 999), Some(Say::Lost));
        assert!(!connections.is_read(&relay));
    }

    #[test]
    fn one_relay_of_two_is_said_quietly_and_one_that_was_left_not_at_all() {
        let [one, two, left] = [1, 2, 3].map(|byte| {
            RelayAddress::new("relay.example.org", 443, Pin([byte; 32]), None).unwrap()
        });
        let mut connections = Connections::default();
        assert_eq!(connections.connecting(&one, true), Some(Say::Connecting));
        assert_eq!(connections.connecting(&two, true), Some(Say::Connecting));
        assert_eq!(connections.connecting(&left, false), None);
        assert_eq!(connections.connected(&left), None);
        // That one which was left answers reaches nobody.
        assert!(connections.is_connecting());
        assert_eq!(connections.lost(&one, 100), Some(Say::Lost));
        assert_eq!(connections.connected(&two), Some(Say::Connected));
        assert_eq!(connections.connected(&one), Some(Say::Connected));
        assert_eq!(connections.lost(&one, 200), Some(Say::LostOne));
        assert!(connections.look(999).is_empty(), "the other brings everything");
        assert_eq!(connections.lost(&left, 999), None);
        assert_eq!(connections.lost(&two, 1000), Some(Say::Lost));
        assert_eq!(connections.look(1060).len(), 2);
        connections.use_only(std::slice::from_ref(&two));
        assert_eq!(connections.look(2000).len(), 1);
    }
}
