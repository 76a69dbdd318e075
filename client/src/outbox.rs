//! The outbox: what becomes of one envelope on its way to one recipient. Pure; times are Unix seconds.
//!
//! An envelope is in the vault before it is on the wire and stays there until its receipt. The same bytes
//! go to every relay that the recipient listed until each has answered; they are sealed again only if
//! the recipient was heard from since and still sent no receipt, or asked.

use serde::{Deserialize, Serialize};
use velar_protocol::seal::lifetimes::MAX_RESEALS;
use velar_protocol::wire::{Answer, RelayAddress, SendToken};

/// A recipient that was heard from this long after a relay had the envelope, and sent no receipt, has
/// not got it. Shorter, and a receipt on its way would be missed.
const RECEIPT_PATIENCE_S: u64 = 120;

/// Longest pause on one route for an alert, whatever a relay says and whatever the clock was.
const ALERT_PAUSE_S: u64 = 60;

/// The same for everything else.
const PAUSE_S: u64 = 3600;

/// A refused token is tried again after this, then after twice that, and so on: its owner may be about to
/// register it.
const REFUSED_RETRY_S: u64 = 2;

/// Refusals of one route after which it is given up, more than a week later; a new card brings new routes. An
/// alert is never given up.
const MAX_REFUSALS: u8 = 200;

/// How urgent a message is, and what counts as its arrival. Tags are append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    /// Overtakes everything; may take reserved prekeys.
    Alert,
    /// In order; may take reserved prekeys. Receipts and check-ins.
    Care,
    /// In order; leaves the reserve alone.
    Talk,
    /// In order; sealed to the last-resort prekey only, and worth nothing later. Heartbeats.
    Presence,
    /// In order; sealed to the last-resort prekey only. Asks for what could not be opened: if that is because this vault is
    /// an older copy, the one-time prekeys in it were used; and whoever sends junk must not use up others' prekeys by it.
    Question,
}

/// The way of one envelope through one relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The relay.
    pub relay: RelayAddress,
    /// The recipient's token for this sender there.
    pub token: SendToken,
    /// How far it got.
    pub state: RouteState,
}

/// How far an envelope got on one route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouteState {
    /// Not accepted yet.
    Waiting {
        /// Not before this time.
        next_s: u64,
        /// Refusals so far.
        refusals: u8,
    },
    /// On that relay's disk.
    Accepted {
        /// Since.
        at_s: u64,
    },
    /// The relay keeps refusing the token.
    GivenUp,
}

impl Route {
    /// A route to be tried at once.
    #[must_use]
    pub fn new(relay: RelayAddress, token: SendToken) -> Self {
        Self { relay, token, state: RouteState::Waiting { next_s: 0, refusals: 0 } }
    }

    /// Whether it is to be sent at `now_s`.
    ///
    /// A time that lies beyond the longest pause of its class was set by another clock: it is due.
    #[must_use]
    pub fn is_due(&self, class: Class, now_s: u64) -> bool {
        match self.state {
            RouteState::Waiting { next_s, .. } => {
                next_s <= now_s || next_s > now_s.saturating_add(longest_s(class))
            }
            RouteState::Accepted { .. } | RouteState::GivenUp => false,
        }
    }

    /// From when on it is due, if it is not at `now_s`.
    #[must_use]
    pub fn due_later_s(&self, class: Class, now_s: u64) -> Option<u64> {
        match self.state {
            RouteState::Waiting { next_s, .. } => {
                Some(next_s).filter(|_| !self.is_due(class, now_s))
            }
            RouteState::Accepted { .. } | RouteState::GivenUp => None,
        }
    }

    /// Whether an answer is still awaited, now or later.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self.state, RouteState::Waiting { .. })
    }

    /// Whether it is on that relay's disk.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        matches!(self.state, RouteState::Accepted { .. })
    }

    /// Takes the relay's answer to a `Send` of this envelope. Pauses are [drawn out](drawn_out) with `random`.
    pub fn answered(&mut self, answer: &Answer, class: Class, now_s: u64, random: u64) {
        let longest = longest_s(class);
        let refusals = match self.state {
            RouteState::Waiting { refusals, .. } => refusals,
            RouteState::Accepted { .. } => return,
            RouteState::GivenUp => 0,
        };
        self.state = match answer {
            Answer::Accepted => RouteState::Accepted { at_s: now_s },
            Answer::Full { retry_after_s } | Answer::Unavailable { retry_after_s } => {
                let pause_s = drawn_out((*retry_after_s).max(1).into(), longest, random);
                let next_s = now_s.saturating_add(pause_s);
                RouteState::Waiting { next_s, refusals }
            }
            _ if refusals >= MAX_REFUSALS && class != Class::Alert => RouteState::GivenUp,
            _ => {
                let pause_s = (REFUSED_RETRY_S << refusals.min(16)).min(longest);
                let next_s = now_s.saturating_add(pause_s);
                RouteState::Waiting { next_s, refusals: refusals.saturating_add(1) }
            }
        };
    }
}

/// Longest pause on one route for what is of this class.
fn longest_s(class: Class) -> u64 {
    if class == Class::Alert { ALERT_PAUSE_S } else { PAUSE_S }
}

/// A pause of so many seconds, drawn out by up to a quarter with `random`, which is uniform: what was turned away together
/// does not come back together.
#[must_use]
pub fn drawn_out(pause_s: u64, longest_s: u64, random: u64) -> u64 {
    pause_s.saturating_add(random % (pause_s / 4 + 1)).min(longest_s)
}

/// When the first relay had the envelope on disk.
#[must_use]
pub fn accepted_at(routes: &[Route]) -> Option<u64> {
    let times = routes.iter().filter_map(|route| match route.state {
        RouteState::Accepted { at_s } => Some(at_s),
        _ => None,
    });
    times.min()
}

/// Whether a message is to be sealed again: a relay has had it for a while, the recipient was heard from
/// since, sent no receipt, and it was not sealed too often.
#[must_use]
pub fn wants_resealing(accepted_s: Option<u64>, heard_s: Option<u64>, reseals: u8) -> bool {
    match (accepted_s, heard_s) {
        (Some(accepted), Some(heard)) => {
            reseals < MAX_RESEALS && heard > accepted.saturating_add(RECEIPT_PATIENCE_S)
        }
        _ => false,
    }
}

/// One envelope's way through one relay, as [`in_order`] looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a, T> {
    /// What the caller knows it by.
    pub id: T,
    /// Class of its message.
    pub class: Class,
    /// Whose mailbox: envelopes to one recipient through one relay keep their order.
    pub recipient: &'a [u8],
    /// The route.
    pub route: &'a Route,
}

/// Those that may be sent now, in order: first alerts, then each recipient's in the order of the
/// outbox, none of which overtakes an earlier one that has to wait at the same relay.
#[must_use]
pub fn in_order<T: Copy>(candidates: &[Candidate<'_, T>], now_s: u64) -> Vec<T> {
    let mut blocked: Vec<(&[u8], &RelayAddress)> = Vec::new();
    let mut alerts = Vec::new();
    let mut others = Vec::new();
    for candidate in candidates {
        let lane = (candidate.recipient, &candidate.route.relay);
        match (candidate.class, candidate.route.is_due(candidate.class, now_s)) {
            (Class::Alert, true) => alerts.push(candidate.id),
            (Class::Alert, false) => {}
            (_, true) if !blocked.contains(&lane) => others.push(candidate.id),
            (_, true) => {}
            (_, false) if candidate.route.is_waiting() => blocked.push(lane),
            (_, false) => {}
        }
    }
    alerts.extend(others);
    alerts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use velar_protocol::wire::{Pin, Refusal};

    use super::*;

    fn route() -> Route {
        let relay = RelayAddress::new("127.0.0.1", 1, Pin([0; 32]), None).unwrap();
        Route::new(relay, SendToken::new([1; 32]))
    }

    #[test]
    fn an_accepted_envelope_is_never_sent_again() {
        let mut route = route();
        route.answered(&Answer::Accepted, Class::Talk, 7, 0);
        assert!(!route.is_due(Class::Talk, u64::MAX));
        route.answered(&Answer::Full { retry_after_s: 1 }, Class::Talk, 8, 0);
        assert_eq!(route.state, RouteState::Accepted { at_s: 7 });
    }

    #[test]
    fn a_full_mailbox_is_tried_again_when_the_relay_says_and_never_given_up() {
        let mut route = route();
        for round in 0..1_000 {
            route.answered(&Answer::Full { retry_after_s: 30 }, Class::Talk, round * 30, 0);
            assert!(!route.is_due(Class::Talk, round * 30 + 29));
            assert!(route.is_due(Class::Talk, round * 30 + 30));
        }
    }

    #[test]
    fn a_refused_token_is_given_up_after_a_few_tries_and_says_so() {
        let mut route = route();
        let mut tries = 0;
        let mut now = 0;
        while route.is_waiting() {
            assert!(route.is_due(Class::Talk, now));
            route.answered(&Answer::Refused(Refusal::UnknownToken), Class::Talk, now, 0);
            tries += 1;
            now += PAUSE_S;
        }
        assert_eq!((tries, route.state), (u32::from(MAX_REFUSALS) + 1, RouteState::GivenUp));
    }

    #[test]
    fn an_alert_is_never_given_up_and_never_waits_long() {
        let mut route = route();
        let refused = Answer::Refused(Refusal::UnknownToken);
        let full = Answer::Full { retry_after_s: u32::MAX };
        for round in 0..1_000 {
            let answer = if round % 2 == 0 { &refused } else { &full };
            route.answered(answer, Class::Alert, round * ALERT_PAUSE_S, round);
            assert!(route.is_due(Class::Alert, (round + 1) * ALERT_PAUSE_S));
        }
    }

    #[test]
    fn a_clock_that_was_years_ahead_parks_nothing() {
        let mut route = route();
        route.answered(&Answer::Full { retry_after_s: 5 }, Class::Talk, 2_000_000_000, 0);
        assert!(!route.is_due(Class::Talk, 2_000_000_000));
        assert!(route.is_due(Class::Talk, 1_800_000_000));
    }

    #[test]
    fn an_alert_waits_no_longer_where_the_clock_was_set_back_by_less_than_an_hour() {
        let refused = Answer::Refused(Refusal::UnknownToken);
        for answer in [refused, Answer::Full { retry_after_s: 60 }] {
            let mut route = route();
            (0..9).for_each(|_| route.answered(&answer, Class::Alert, 2_000_000_000, 0));
            assert_eq!(route.due_later_s(Class::Alert, 2_000_000_000), Some(2_000_000_060));
            let back_s = 2_000_000_000 - 30 * 60;
            assert!(route.is_due(Class::Alert, back_s) && !route.is_due(Class::Talk, back_s));
            assert_eq!(route.due_later_s(Class::Alert, back_s), None);
        }
    }

    #[test]
    fn silence_alone_never_seals_a_message_again() {
        assert!(!wants_resealing(Some(100), None, 0));
        assert!(!wants_resealing(Some(100), Some(100 + RECEIPT_PATIENCE_S), 0));
        assert!(wants_resealing(Some(100), Some(101 + RECEIPT_PATIENCE_S), 0));
        assert!(!wants_resealing(Some(100), Some(10_000), MAX_RESEALS));
        assert!(!wants_resealing(None, Some(10_000), 0));
    }

    #[test]
    fn an_alert_overtakes_talk_that_waits_for_a_full_mailbox() {
        let mut full = route();
        full.answered(&Answer::Full { retry_after_s: 60 }, Class::Talk, 0, 0);
        let free = route();
        let make = |id, class, route| Candidate { id, class, recipient: b"ana", route };
        let all = [
            make(1, Class::Talk, &full),
            make(2, Class::Talk, &free),
            make(3, Class::Alert, &free),
        ];
        assert_eq!(in_order(&all, 10), [3]);
        assert_eq!(in_order(&all, 60), [3, 1, 2]);
    }

    proptest! {
        #[test]
        fn what_a_full_relay_turned_away_comes_back_no_earlier_and_not_much_later_than_it_said(
            retry_after_s in 1..=3000_u32, random in any::<u64>(),
        ) {
            let mut route = route();
            route.answered(&Answer::Full { retry_after_s }, Class::Talk, 1_000, random);
            let said = 1_000 + u64::from(retry_after_s);
            let latest = (said + u64::from(retry_after_s) / 4).min(1_000 + PAUSE_S);
            prop_assert!(!route.is_due(Class::Talk, said - 1) && route.is_due(Class::Talk, latest));
        }

        #[test]
        fn talk_to_one_recipient_never_changes_its_order(
            waits in proptest::collection::vec((0u8..3, 0u64..100), 0..20), now in 0u64..100,
        ) {
            let routes: Vec<_> = waits.iter().map(|(_, next_s)| {
                let mut route = route();
                route.state = RouteState::Waiting { next_s: *next_s, refusals: 0 };
                route
            }).collect();
            let names = [b"a", b"b", b"c"];
            let all: Vec<_> = routes.iter().zip(&waits).enumerate().map(|(id, (route, (who, _)))| {
                let recipient: &[u8] = names[usize::from(*who)];
                Candidate { id, class: Class::Talk, recipient, route }
            }).collect();
            let sent = in_order(&all, now);
            for name in names {
                let mine: Vec<_> = all.iter().filter(|c| c.recipient == name).map(|c| c.id).collect();
                let sent: Vec<_> = sent.iter().copied().filter(|id| mine.contains(id)).collect();
                prop_assert_eq!(&mine[..sent.len()], &sent[..]);
            }
        }
    }
}
