//! What holds for any events whatever: order, doubles, gaps, lies.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;

const AUTHORS: [u8; 6] = [LEAD, DEFENDER, SECOND, ANA, LUZ, STRANGER];

/// Any clock within a day of the right one, or any at all.
fn clock() -> impl Strategy<Value = u64> {
    prop_oneof![T - 86_400..T + 86_400, Just(0), any::<u64>()]
}

#[derive(Clone, Debug)]
struct Draw {
    author: u8,
    sender: u8,
    kind: u8,
    at_s: u64,
    heard_s: u64,
    /// Which of the events before it are named.
    named: u32,
    subject: u8,
    salt: u8,
}

fn draw() -> impl Strategy<Value = Draw> {
    let who = || proptest::sample::select(AUTHORS.to_vec());
    let sender = prop_oneof![3 => Just(None), 1 => who().prop_map(Some)];
    (who(), sender, 0..10_u8, clock(), T..T + 7200, any::<u32>(), who(), 0..3_u8).prop_map(
        |(author, sender, kind, at_s, heard_s, named, subject, salt)| {
            let sender = sender.unwrap_or(author);
            Draw { author, sender, kind, at_s, heard_s, named, subject, salt }
        },
    )
}

/// Events that name events before them; hearsay that does not count is dropped, as clients do.
fn build(draws: Vec<Draw>) -> Vec<Heard> {
    let mut made: Vec<Heard> = Vec::new();
    for draw in draws {
        let before = made.iter().enumerate();
        let named: BTreeSet<EventId> = before
            .filter(|(i, _)| draw.named >> (i % 32) & 1 == 1)
            .map(|(_, heard)| heard.event.id())
            .collect();
        let text = String::new();
        let raise =
            |reason| EventKind::raised(reason, id(draw.subject), draw.salt == 0, String::new());
        let kind = match draw.kind {
            0 => raise(Reason::Panic),
            1 => raise(Reason::Overdue { check_in: 7 }),
            2 => EventKind::Claimed { over: named },
            3 => EventKind::Released { claims: named, text },
            4 => EventKind::Note { text },
            5 => EventKind::StandDownAsked { saw: named, text },
            6 => EventKind::StandDownConfirmed { asked: named.clone(), saw: named },
            7 => EventKind::HandOver { to: id(draw.subject), claims: named, text },
            8 => raise(Reason::Duress),
            _ => EventKind::Closed { saw: named, text },
        };
        let mut event = event(draw.author, draw.at_s, kind);
        event.salt = [draw.salt; 8];
        made.extend(Heard::new(event, id(draw.sender), draw.heard_s));
    }
    made
}

fn any_events() -> impl Strategy<Value = Vec<Heard>> {
    vec(draw(), 0..24).prop_map(build)
}

/// The same events twice, the second time in any order and some of them doubled.
fn twice() -> impl Strategy<Value = (Vec<Heard>, Vec<Heard>)> {
    any_events().prop_flat_map(|events| {
        let all = events.clone();
        let shuffled = subsequence(events.clone(), 0..=events.len())
            .prop_map(move |doubles| [all.clone(), doubles].concat())
            .prop_shuffle();
        (Just(events), shuffled)
    })
}

fn state(events: &[Heard], now_s: u64) -> Option<Alert> {
    Alert::fold(alarm(), events, &circle().into(), &Agreement::default(), now_s)
}

/// Whether `calmer` asks for less than `alert`, at the same time.
fn is_calmer(calmer: &Alert, alert: &Alert) -> bool {
    let confirmed = |alert: &Alert| matches!(alert.stand_down, StandDown::Confirmed(..));
    let missing = calmer.claims.iter().any(|claim| {
        !alert.claims.iter().any(|other| other.id == claim.id && other.active_s >= claim.active_s)
    });
    (!calmer.is_open() && alert.is_open())
        || (confirmed(calmer) && !confirmed(alert))
        || (calmer.drill && !alert.drill)
        || calmer.raised_s > alert.raised_s
        || missing
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn the_state_is_the_same_in_any_order_and_with_doubles(
        (events, shuffled) in twice(),
        now_s in T..T + 10_000,
    ) {
        prop_assert_eq!(state(&events, now_s), state(&shuffled, now_s));
        let digest = |events: &[Heard]| set_digest(events.iter().map(Heard::event));
        prop_assert_eq!(digest(&events), digest(&shuffled));
    }

    #[test]
    fn gaps_and_any_clock_never_panic_and_lose_no_reason(
        (events, part) in any_events().prop_flat_map(|events| {
            let part = subsequence(events.clone(), 0..=events.len());
            (Just(events), part)
        }),
        now_s in any::<u64>(),
    ) {
        let (all, some) = (state(&events, now_s), state(&part, now_s));
        if let Some(some) = some {
            let all = all.unwrap();
            prop_assert!(some.seen.raised.is_subset(&all.seen.raised));
            prop_assert!(some.reasons.iter().all(|reason| all.reasons.contains(reason)));
        }
    }

    /// The subject's person and strangers, all together, with any clocks and any lies.
    #[test]
    fn only_another_persons_own_words_calm_an_alert(events in any_events(), now_s in T..T + 10_000) {
        let own = [id(DEFENDER), id(SECOND), id(STRANGER)];
        let mut events: Vec<Heard> = events
            .into_iter()
            .filter(|heard| own.contains(&heard.event.author) || !heard.is_first_hand())
            .collect();
        events.push(panic());
        let alert = state(&events, now_s).unwrap();
        prop_assert_eq!(alert.subject, id(DEFENDER));
        prop_assert!(alert.is_open());
        prop_assert!(alert.claims.is_empty());
        prop_assert!(!matches!(alert.stand_down, StandDown::Confirmed(..)));
    }

    #[test]
    fn hearsay_never_calms(events in any_events(), now_s in T..T + 10_000) {
        let mut direct: Vec<Heard> =
            events.iter().filter(|heard| heard.is_first_hand()).cloned().collect();
        direct.push(panic());
        let all = [events, vec![panic()]].concat();
        let (with, without) = (state(&all, now_s).unwrap(), state(&direct, now_s).unwrap());
        prop_assert!(!is_calmer(&with, &without), "{:?} {:?}", with, without);
    }

    #[test]
    fn no_clock_lets_a_claim_stand_beyond_the_agreed_time_after_it_was_last_heard_of(
        events in any_events(),
        now_s in T..T + 10_000,
    ) {
        let all = [events, vec![panic()]].concat();
        for claim in state(&all, now_s).unwrap().claims {
            let by = all.iter().filter(|heard| heard.event.author == claim.by);
            let last = by.filter(|heard| heard.is_first_hand()).map(Heard::heard_s).max().unwrap();
            prop_assert!(now_s < last + QUIET);
        }
    }

    #[test]
    fn a_reason_that_nobody_named_keeps_the_alert_open(events in any_events(), now_s in T..T + 10_000) {
        let mut new = raised(LUZ, T + 7200, Reason::Released { check_in: 7 });
        new.event.salt = [0xff; 8];
        let all = [events, vec![new]].concat();
        let alert = state(&all, now_s).unwrap();
        prop_assert!(alert.is_open());
        prop_assert!(!matches!(alert.stand_down, StandDown::Confirmed(..)));
    }

    #[test]
    fn all_see_the_same_claim_lead_while_nobody_is_quiet(
        authors in vec(proptest::sample::select(std::vec![LEAD, ANA, LUZ]), 1..6),
        now_s in T..T + QUIET,
    ) {
        let mut events: Vec<Heard> =
            authors.iter().enumerate().map(|(i, by)| claimed(*by, T + i as u64, &[])).collect();
        let lowest = events.iter().map(|heard| heard.event.id()).min();
        events.push(panic());
        let alert = state(&events, now_s).unwrap();
        prop_assert_eq!(alert.leading().map(|claim| claim.id), lowest);
    }
}
