//! What is said of clocks: this device's, and those of relays.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use velar_protocol::wire::{ClockJump, RelayAddress};

use crate::link::Difference;
use crate::text::{Text, t};

/// That two clocks differ, and what to do. Blames this device's only if the relay's was never set.
pub(super) fn difference(differs: Difference, text: &Text) -> String {
    let minutes = differs.by_s / 60;
    if differs.relay_was_set {
        t!(text, "status-clock-unclear", minutes = minutes)
    } else {
        t!(text, "status-clock", minutes = minutes)
    }
}

/// Relays whose clocks were set since they started, as they say.
#[derive(Default)]
pub(super) struct RelayClocks(BTreeMap<String, ClockJump>);

impl RelayClocks {
    pub(super) fn take(&mut self, relay: &RelayAddress, jump: ClockJump) {
        self.0.insert(relay.place(), jump);
    }

    /// A line for each of them: by how much, and what to do.
    pub(super) fn lines<'a>(&'a self, text: &'a Text) -> impl Iterator<Item = String> + 'a {
        self.0.iter().filter_map(move |(relay, jump)| match jump {
            ClockJump::None => None,
            ClockJump::Forward { by_s } => {
                Some(t!(text, "relay-clock-forward", relay = relay.as_str(), minutes = by_s / 60))
            }
            ClockJump::Back { by_s } => {
                Some(t!(text, "relay-clock-back", relay = relay.as_str(), minutes = by_s / 60))
            }
        })
    }

    /// By how many seconds this relay's was set, back if negative, or null.
    pub(super) fn set_by(&self, relay: &RelayAddress) -> Value {
        self.0.get(&relay.place()).map_or(Value::Null, by)
    }

    pub(super) fn json(&self) -> Value {
        self.0.iter().map(|(relay, jump)| json!({"relay": relay, "set_by_s": by(jump)})).collect()
    }
}

fn by(jump: &ClockJump) -> Value {
    let seconds = |by_s: u64| i64::try_from(by_s).unwrap_or(i64::MAX);
    match *jump {
        ClockJump::None => Value::Null,
        ClockJump::Forward { by_s } => json!(seconds(by_s)),
        ClockJump::Back { by_s } => json!(-seconds(by_s)),
    }
}
