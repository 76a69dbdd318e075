//! When an alert rings: pure, over the state of the alerts, the circle's agreement and the time.
//!
//! Tier one is the whole circle for a panic or duress, those on shift for a check-in that did not come (everybody, if
//! nobody is known to be on shift). Tier two is everybody. Tier three shows a person whom to turn to outside. Tiers
//! count from when the alert began to ask for somebody (spec/circles.md §8.3, rule 7).

use std::collections::BTreeMap;

use velar_protocol::circle::{Agreement, Alert, AlertId, Reason};

/// Why an alert rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ring {
    /// It was raised, or raised again.
    Raised,
    /// Who had taken it gave it back.
    GivenBack,
    /// Who had taken it went quiet.
    Expired,
    /// Nobody has taken it for a while.
    Again,
    /// Nobody of those who are asked first has taken it: it rings here for the first time.
    TierTwo,
    /// Nobody has taken it for long: a person may have to turn to somebody outside.
    TierThree,
    /// Who has it asks this member to take it.
    Handed,
}

/// What was agreed about unanswered alerts, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) repeat_s: u64,
    tier_two_s: u64,
    tier_three_s: u64,
}

/// An alert that is open and about somebody else.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    /// The alert.
    pub(super) alert: &'a Alert,
    /// Whether this terminal is of the first that it rings at; see [`is_asked_first`].
    pub(super) first: bool,
    /// Whether this member is asked to take it over.
    pub(super) handed: bool,
}

/// What has rung.
#[derive(Default)]
pub(super) struct Rounds {
    known: BTreeMap<AlertId, Known>,
    last_s: u64,
    /// What clocks that were set back have lost: tiers go on all the same.
    lost_s: u64,
}

struct Known {
    raised: usize,
    taken: bool,
    handed: bool,
    /// It has rung here.
    rung: bool,
    /// Whom to turn to outside was shown, since it was last taken.
    outside: bool,
    rung_s: u64,
    first_s: u64,
    /// What clocks had lost before it was known here: of no account to it.
    lost_s: u64,
}

/// Whether an alert rings at this terminal from the beginning. `here`: it is on shift, for a member who may answer.
/// `others`: another one is known to be.
pub(super) fn is_asked_first(alert: &Alert, here: bool, others: bool) -> bool {
    let at_once = |reason: &Reason| matches!(reason, Reason::Panic | Reason::Duress);
    alert.duress || alert.reasons.iter().any(|(reason, ..)| at_once(reason)) || here || !others
}

impl Ring {
    /// Its stable name: `VELAR_EVENT`, and `event` in JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::GivenBack => "given-back",
            Self::Expired => "claim-expired",
            Self::Again => "again",
            Self::TierTwo => "tier-two",
            Self::TierThree => "tier-three",
            Self::Handed => "handed-over",
        }
    }
}

impl From<&Agreement> for Rules {
    fn from(agreement: &Agreement) -> Self {
        let seconds = |minutes: u32| u64::from(minutes) * 60;
        Self {
            repeat_s: seconds(agreement.repeat_min).max(1),
            tier_two_s: seconds(agreement.tier_two_min),
            tier_three_s: seconds(agreement.tier_three_min),
        }
    }
}

impl Rounds {
    /// What rings now. A stand-down, even confirmed, stops nothing: only a claim or the end does
    /// (spec/circles.md §8.4).
    pub(super) fn look(
        &mut self,
        asking: &[Asking<'_>],
        rules: &Rules,
        now_s: u64,
    ) -> Vec<(AlertId, Ring)> {
        self.known.retain(|id, _| asking.iter().any(|one| one.alert.id == *id));
        self.lost_s += self.last_s.saturating_sub(now_s);
        self.last_s = now_s;
        let lost_s = self.lost_s;
        let ring = |one: &Asking<'_>| {
            let id = one.alert.id;
            let known = self.known.get_mut(&id);
            match known {
                Some(known) => {
                    let steady_s = now_s.saturating_add(lost_s.saturating_sub(known.lost_s));
                    known.look(one, rules, now_s, steady_s).map(|ring| (id, ring))
                }
                None => {
                    let (known, ring) = Known::new(one, rules, now_s, lost_s);
                    self.known.insert(id, known);
                    ring.map(|ring| (id, ring))
                }
            }
        };
        asking.iter().filter_map(ring).collect()
    }
}

impl Known {
    fn new(one: &Asking<'_>, rules: &Rules, now_s: u64, lost_s: u64) -> (Self, Option<Ring>) {
        let mut known = Self {
            raised: one.alert.seen.raised.len(),
            taken: !one.alert.claims.is_empty(),
            handed: one.handed,
            rung: false,
            outside: false,
            rung_s: now_s,
            first_s: now_s,
            lost_s,
        };
        known.rung = one.first || one.handed || known.waited_s(one, now_s) >= rules.circle_s();
        let ring = if one.handed { Ring::Handed } else { Ring::Raised };
        let rings = known.rung;
        (known, rings.then_some(ring))
    }

    fn look(&mut self, one: &Asking<'_>, rules: &Rules, now_s: u64, steady_s: u64) -> Option<Ring> {
        let waited_s = self.waited_s(one, steady_s);
        let asked = one.first || waited_s >= rules.circle_s();
        let raised = one.alert.seen.raised.len();
        let taken = !one.alert.claims.is_empty();
        // A clock that was set back must not silence it.
        let due = now_s.abs_diff(self.rung_s) >= rules.repeat_s;
        let outside = waited_s >= rules.tier_three_s;
        let ring = if raised > self.raised && asked {
            Some(Ring::Raised)
        } else if one.handed && (!self.handed || due) {
            Some(Ring::Handed)
        } else if taken || !asked {
            None
        } else if self.taken {
            Some(if one.alert.claim_expired { Ring::Expired } else { Ring::GivenBack })
        } else if outside && (!self.outside || due) {
            Some(Ring::TierThree)
        } else if !self.rung {
            Some(Ring::TierTwo)
        } else {
            due.then_some(Ring::Again)
        };
        self.raised = raised;
        self.taken = taken;
        self.handed = one.handed;
        self.outside = !taken && (self.outside || ring == Some(Ring::TierThree));
        if ring.is_some() {
            self.rung = true;
            self.rung_s = now_s;
        }
        ring
    }

    /// How long it has asked for somebody. A time that lies ahead is another clock's.
    fn waited_s(&self, one: &Asking<'_>, steady_s: u64) -> u64 {
        let since_s = one.alert.raised_s;
        steady_s.saturating_sub(if since_s <= steady_s { since_s } else { self.first_s })
    }
}

impl Rules {
    /// After this long an alert that nobody has taken rings everywhere.
    fn circle_s(&self) -> u64 {
        self.tier_two_s.min(self.tier_three_s)
    }
}

#[cfg(test)]
mod tests;
