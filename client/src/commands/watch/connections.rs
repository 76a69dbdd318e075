//! Which relays reach this terminal, and since when one does not. Pure: times are arguments.

use std::collections::BTreeMap;

use velar_protocol::wire::RelayAddress;

/// A lost connection is said again after this long.
const SAY_AGAIN_S: u64 = 60;

/// The mailboxes' relays, by place.
#[derive(Default)]
pub(super) struct Connections {
    relays: BTreeMap<String, State>,
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
    Lost,
    StillLost { since_s: u64 },
}

impl Connections {
    /// This relay is being called.
    pub(super) fn connecting(&mut self, relay: &RelayAddress) -> Option<Say> {
        let new = !self.relays.contains_key(&relay.place());
        new.then(|| {
            self.relays.insert(relay.place(), State::Connecting);
            Say::Connecting
        })
    }

    /// It reaches this terminal.
    pub(super) fn connected(&mut self, relay: &RelayAddress) -> Say {
        self.relays.insert(relay.place(), State::Up { caught_up: false });
        Say::Connected
    }

    /// All that waited there is here.
    pub(super) fn caught_up(&mut self, relay: &RelayAddress) -> Option<Say> {
        match self.relays.get_mut(&relay.place()) {
            Some(State::Up { caught_up }) if !*caught_up => {
                *caught_up = true;
                Some(Say::CaughtUp)
            }
            _ => None,
        }
    }

    /// It does not reach this terminal: said once; see [`Connections::look`].
    pub(super) fn lost(&mut self, relay: &RelayAddress, now_s: u64) -> Option<Say> {
        if let Some(State::Down { .. }) = self.relays.get(&relay.place()) {
            return None;
        }
        let down = State::Down { since_s: now_s, said_s: now_s };
        self.relays.insert(relay.place(), down);
        Some(Say::Lost)
    }

    /// What has to be said again.
    pub(super) fn look(&mut self, now_s: u64) -> Vec<(String, Say)> {
        let mut say = Vec::new();
        for (host, state) in &mut self.relays {
            if let State::Down { since_s, said_s } = state
                && now_s.abs_diff(*said_s) >= SAY_AGAIN_S
            {
                *said_s = now_s;
                say.push((host.clone(), Say::StillLost { since_s: *since_s }));
            }
        }
        say
    }

    /// Whether a relay is connected whose backlog is still on its way.
    pub(super) fn is_catching_up(&self) -> bool {
        self.relays.values().any(|state| matches!(state, State::Up { caught_up: false }))
    }

    /// Whether everything that waited at this relay is here, and what comes there comes here.
    pub(super) fn is_read(&self, relay: &RelayAddress) -> bool {
        matches!(self.relays.get(&relay.place()), Some(State::Up { caught_up: true }))
    }

    /// Whether nothing is known yet of any relay.
    pub(super) fn is_connecting(&self) -> bool {
        self.relays.values().all(|state| matches!(state, State::Connecting))
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
        assert_eq!(connections.connecting(&relay), Some(Say::Connecting));
        assert_eq!(connections.connecting(&relay), None);
        assert_eq!(connections.lost(&relay, 100), Some(Say::Lost));
        assert_eq!(connections.lost(&relay, 101), None);
        assert!(connections.look(159).is_empty());
        assert_eq!(connections.look(160).len(), 1);
        assert!(connections.look(161).is_empty());
        let (_, say) = connections.look(230).remove(0);
        assert_eq!(say, Say::StillLost { since_s: 100 });
        assert_eq!(connections.connected(&relay), Say::Connected);
        assert!(connections.is_catching_up());
        assert_eq!(connections.caught_up(&relay), Some(Say::CaughtUp));
        assert_eq!(connections.caught_up(&relay), None);
        assert!(!connections.is_catching_up() && connections.look(999).is_empty());
        assert!(connections.is_read(&relay));
        assert_eq!(connections.lost(&relay, 999), Some(Say::Lost));
        assert!(!connections.is_read(&relay));
    }
}
