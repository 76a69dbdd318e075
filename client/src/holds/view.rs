//! How holds stand, for the person.

use serde::{Deserialize, Serialize};
use velar_protocol::seal::MemberId;
use velar_protocol::wire::{DeliveryOutcome, RelayAddress};

use super::{Holds, Left, Slot};

/// Why a relay did not do what was asked of it. Tags are append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trouble {
    /// It does not keep anything that long.
    TooLong,
    /// It has no room for another hold.
    Full,
    /// It cannot serve now.
    Unavailable,
    /// It refused.
    Refused,
}

/// What a relay says that it lost, without sending it out, since the newest check-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Loss {
    /// What lay there before. It is left again.
    Once,
    /// That, and what was left in its place. The next check-in leaves it again.
    Again,
}

/// How one relay stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotState {
    /// It releases at this time, as the newest check-in asks.
    Armed {
        /// Unix seconds.
        until_s: u64,
    },
    /// It is not known to know of the newest check-in. It may release at this time; `None`: it is not known when.
    Behind {
        /// Unix seconds.
        until_s: Option<u64>,
    },
    /// The time at which it was to release is over.
    Over {
        /// Unix seconds.
        until_s: u64,
    },
    /// Nothing lies there that is known of.
    Nothing,
}

/// One relay.
#[derive(Clone)]
pub struct SlotView {
    /// Which.
    pub relay: RelayAddress,
    /// How it stands.
    pub state: SlotState,
    /// Whether what lies there is to end.
    pub ends: bool,
    /// For whom it takes nothing.
    pub not_for: Vec<MemberId>,
    /// What it said last, if that was no.
    pub trouble: Option<Trouble>,
    /// What it says that it lost.
    pub lost: Option<Loss>,
}

impl Holds {
    /// Each relay where something lies or is to lie.
    #[must_use]
    pub fn views(&self, now_s: u64) -> Vec<SlotView> {
        let Some(wish) = self.wish else { return Vec::new() };
        let view = |slot: &Slot| {
            let left = slot.armed.as_ref();
            let state = match left {
                None => SlotState::Nothing,
                Some(left) if left.is_over(now_s) => SlotState::Over { until_s: left.until_s },
                Some(left) => match wish.until_s {
                    Some(until_s) if left.is_until(until_s) => SlotState::Armed { until_s },
                    _ => SlotState::Behind { until_s: left.earliest_s(wish.until_s) },
                },
            };
            let told = slot.coming.as_ref().filter(|coming| coming.was_refused()).or(left);
            let refused = told
                .into_iter()
                .flat_map(|left| &left.deliveries)
                .filter(|placed| !matches!(placed.outcome, None | Some(DeliveryOutcome::Held)));
            SlotView {
                relay: slot.relay.clone(),
                state,
                ends: !slot.wanted || wish.until_s.is_none(),
                not_for: refused.map(|placed| placed.member).collect(),
                trouble: slot.trouble,
                lost: slot.lost_since(wish.check_in),
            }
        };
        self.slots
            .iter()
            .filter(|slot| slot.armed.is_some() || (slot.wanted && wish.until_s.is_some()))
            .map(view)
            .collect()
    }

    /// The deadline that the newest check-in asks for.
    #[must_use]
    pub fn until_s(&self) -> Option<u64> {
        self.wish.and_then(|wish| wish.until_s)
    }

    /// Those of these members for whom no relay is known to have anything.
    #[must_use]
    pub fn uncovered(&self, members: &[MemberId]) -> Vec<MemberId> {
        let held = |member: &MemberId| {
            self.slots.iter().filter_map(|slot| slot.armed.as_ref()).any(|left| {
                left.deliveries.iter().any(|placed| {
                    placed.member == *member && placed.outcome == Some(DeliveryOutcome::Held)
                })
            })
        };
        members.iter().filter(|member| !held(member)).copied().collect()
    }
}

impl Left {
    fn is_over(&self, now_s: u64) -> bool {
        let last_s = if self.is_until(self.until_s) { self.until_s } else { self.latest_s };
        self.until_s > 0 && last_s <= now_s
    }

    /// When it may be released, if it was not asked for what is wished now, or was and the answer is lost.
    fn earliest_s(&self, wished_s: Option<u64>) -> Option<u64> {
        let known = Some(self.until_s).filter(|until_s| *until_s > 0)?;
        Some(known.min(self.perhaps_s.unwrap_or(known)).min(wished_s.unwrap_or(known)))
    }
}
