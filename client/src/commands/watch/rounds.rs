//! When an alert rings: pure, over the state of the alerts and the time.

use std::collections::BTreeMap;

use velar_protocol::circle::{Alert, AlertId};

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
}

/// What has rung.
#[derive(Default)]
pub(super) struct Rounds {
    known: BTreeMap<AlertId, Known>,
}

struct Known {
    raised: usize,
    taken: bool,
    rung_s: u64,
}

impl Ring {
    /// Its stable name: `VELAR_EVENT`, and `event` in JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::GivenBack => "given-back",
            Self::Expired => "claim-expired",
            Self::Again => "again",
        }
    }
}

impl Rounds {
    /// What rings now. `alerts` are those that are open and about somebody else. A stand-down, even confirmed,
    /// stops nothing: only a claim or the end does (spec/circles.md §8.4).
    pub(super) fn look(
        &mut self,
        alerts: &[&Alert],
        repeat_s: u64,
        now_s: u64,
    ) -> Vec<(AlertId, Ring)> {
        self.known.retain(|id, _| alerts.iter().any(|alert| alert.id == *id));
        let mut rings = Vec::new();
        for alert in alerts {
            let raised = alert.seen.raised.len();
            let taken = !alert.claims.is_empty();
            let ring = match self.known.get(&alert.id) {
                None => Some(Ring::Raised),
                Some(known) if raised > known.raised => Some(Ring::Raised),
                Some(known) if known.taken && !taken && alert.claim_expired => Some(Ring::Expired),
                Some(known) if known.taken && !taken => Some(Ring::GivenBack),
                Some(known) => {
                    // A clock that was set back must not silence it.
                    let due = now_s.abs_diff(known.rung_s) >= repeat_s.max(1);
                    (!taken && due).then_some(Ring::Again)
                }
            };
            let known =
                self.known.entry(alert.id).or_insert(Known { raised, taken, rung_s: now_s });
            known.raised = raised;
            known.taken = taken;
            if let Some(ring) = ring {
                known.rung_s = now_s;
                rings.push((alert.id, ring));
            }
        }
        rings
    }
}

#[cfg(test)]
mod tests {
    use velar_protocol::circle::{Claim, EventId, Seen, StandDown};
    use velar_protocol::seal::MemberId;

    use super::*;

    fn alert(raised: u8, taken: bool, expired: bool) -> Alert {
        let claim = Claim { id: EventId([9; 16]), by: MemberId([2; 32]), at_s: 0, active_s: 0 };
        Alert {
            id: AlertId([1; 16]),
            subject: MemberId([1; 32]),
            raised_s: 0,
            reasons: Vec::new(),
            drill: false,
            claims: if taken { vec![claim] } else { Vec::new() },
            claim_expired: expired,
            handed: Vec::new(),
            duress: false,
            stand_down: StandDown::None,
            closed_by: None,
            seen: Seen {
                raised: (0..raised).map(|n| EventId([n; 16])).collect(),
                ..Seen::default()
            },
        }
    }

    fn look(rounds: &mut Rounds, alert: &Alert, now_s: u64) -> Vec<Ring> {
        rounds.look(&[alert], 300, now_s).into_iter().map(|(_, ring)| ring).collect()
    }

    #[test]
    fn an_alert_rings_once_and_then_at_each_interval_until_it_is_taken() {
        let mut rounds = Rounds::default();
        let open = alert(1, false, false);
        assert_eq!(look(&mut rounds, &open, 1000), [Ring::Raised]);
        assert_eq!(look(&mut rounds, &open, 1299), []);
        assert_eq!(look(&mut rounds, &open, 1300), [Ring::Again]);
        assert_eq!(look(&mut rounds, &open, 1301), []);
        assert_eq!(look(&mut rounds, &alert(1, true, false), 1302), []);
        assert_eq!(look(&mut rounds, &alert(1, true, false), 9000), []);
    }

    #[test]
    fn a_clock_set_back_does_not_silence_an_alert() {
        let mut rounds = Rounds::default();
        let open = alert(1, false, false);
        look(&mut rounds, &open, 9000);
        assert_eq!(look(&mut rounds, &open, 1000), [Ring::Again]);
    }

    #[test]
    fn a_claim_that_ends_rings_and_says_how() {
        for (expired, ring) in [(true, Ring::Expired), (false, Ring::GivenBack)] {
            let mut rounds = Rounds::default();
            look(&mut rounds, &alert(1, true, false), 0);
            assert_eq!(look(&mut rounds, &alert(1, false, expired), 10), [ring]);
            assert_eq!(look(&mut rounds, &alert(1, false, expired), 11), []);
        }
    }

    #[test]
    fn who_panics_again_rings_again_even_when_taken() {
        let mut rounds = Rounds::default();
        look(&mut rounds, &alert(1, true, false), 0);
        assert_eq!(look(&mut rounds, &alert(2, true, false), 1), [Ring::Raised]);
    }

    #[test]
    fn an_alert_that_was_closed_rings_when_it_is_opened_again() {
        let mut rounds = Rounds::default();
        look(&mut rounds, &alert(1, false, false), 0);
        assert_eq!(rounds.look(&[], 300, 1), []);
        assert_eq!(look(&mut rounds, &alert(2, false, false), 2), [Ring::Raised]);
    }

    #[test]
    fn a_confirmed_stand_down_silences_nothing() {
        let mut rounds = Rounds::default();
        let mut calm = alert(1, false, false);
        look(&mut rounds, &calm, 0);
        calm.stand_down = StandDown::Confirmed(MemberId([1; 32]), MemberId([2; 32]));
        assert_eq!(look(&mut rounds, &calm, 1_000), [Ring::Again]);
    }
}
