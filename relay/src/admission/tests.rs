//! Who is let in, who has to go, who stays.

use super::*;

fn limits() -> Limits {
    Limits {
        connections: 64,
        connections_per_prefix: 8,
        handshakes: 16,
        handshakes_before_retry: 4,
        ..Limits::default()
    }
}

fn at(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn enter(admission: &Admission, from: &str) -> Option<Guest> {
    match admission.knock(at(from), true, 0) {
        Verdict::Admit(guest) => {
            guest.seated();
            Some(guest)
        }
        Verdict::Retry => panic!("the address is proven"),
        Verdict::Refuse | Verdict::Wait => None,
    }
}

/// A handshake that has begun.
fn stall(admission: &Admission, from: &str) -> Guest {
    match admission.knock(at(from), true, 0) {
        Verdict::Admit(guest) => guest,
        other => panic!("{other:?}"),
    }
}

/// Whether it was told to leave.
fn has_to_go(guest: &Guest) -> bool {
    let told = guest.told_to_leave();
    let mut told = std::pin::pin!(told);
    let waker = std::task::Waker::noop();
    told.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_ready()
}

#[test]
fn a_prefix_has_its_seats_and_its_own_strangers_leave_for_who_comes_from_it() {
    let admission = Admission::new(limits());
    let first = enter(&admission, "203.0.113.1").unwrap();
    let rest: Vec<Guest> =
        (0..7).map(|_| enter(&admission, "::ffff:203.0.113.99").unwrap()).collect();
    let elsewhere = enter(&admission, "203.0.7.1").unwrap();
    assert!(!has_to_go(&first));
    let newest = enter(&admission, "203.0.113.7").unwrap();
    assert!(has_to_go(&first), "the longest there");
    assert!(!has_to_go(&elsewhere) && !has_to_go(&newest) && !rest.iter().any(has_to_go));
    drop(first);
    assert_eq!(locked(&admission.seats).taken.len(), 9, "who left gives nothing back twice");
}

#[test]
fn who_has_shown_something_keeps_the_seat_and_others_leave_first() {
    let admission = Admission::new(limits());
    let proved = enter(&admission, "203.0.113.1").unwrap();
    assert!(proved.proved() && proved.proved());
    let strangers: Vec<Guest> =
        (0..63).map(|n| enter(&admission, &format!("10.{n}.0.1")).unwrap()).collect();
    // All 64 are taken. Each of these has one stranger; the two of one prefix are the most.
    let newcomers: Vec<Guest> =
        (0..40).map(|n| enter(&admission, &format!("198.51.{n}.1")).unwrap()).collect();
    assert!(!has_to_go(&proved));
    let gone = strangers.iter().chain(&newcomers).filter(|guest| has_to_go(guest)).count();
    assert_eq!(gone, 40);
    assert_eq!(locked(&admission.seats).taken.len(), 64);
    drop((proved, strangers, newcomers));
    let seats = locked(&admission.seats);
    assert!(seats.taken.is_empty() && seats.by_prefix.is_empty());
    assert!(seats.strangers.is_empty() && seats.handshaking.is_empty());
}

#[test]
fn the_crowded_prefix_makes_room_for_the_others() {
    let admission = Admission::new(limits());
    let alone = enter(&admission, "192.0.2.1").unwrap();
    let crowd: Vec<Guest> =
        (0..63).map(|n| enter(&admission, &format!("10.{}.0.{n}", n / 8)).unwrap()).collect();
    for n in 0..30 {
        assert!(enter(&admission, &format!("198.51.{n}.1")).is_some());
    }
    assert!(!has_to_go(&alone));
    assert!(crowd.iter().filter(|guest| has_to_go(guest)).count() > 0);
}

#[test]
fn however_many_prefixes_prove_something_there_are_seats_for_the_next() {
    let admission = Admission::new(Limits { connections: 10_000, ..Limits::default() });
    let mut guests = Vec::new();
    for n in 0..200 {
        for _ in 0..50 {
            let guest = enter(&admission, &format!("10.{n}.0.1"));
            guests.extend(guest.inspect(|guest| {
                guest.proved();
            }));
        }
    }
    assert!(locked(&admission.seats).taken.len() == 10_000);
    for n in 0..100 {
        let newcomer = enter(&admission, &format!("198.{n}.0.1")).unwrap();
        assert!(newcomer.proved());
        guests.push(newcomer);
    }
    assert!(guests.iter().rev().take(100).all(|guest| !has_to_go(guest)));
}

#[test]
fn seats_that_are_all_kept_are_refused() {
    let admission = Admission::new(Limits { connections: 1, ..limits() });
    // One seat is no share of a prefix: it is kept by nobody.
    let only = enter(&admission, "192.0.2.1").unwrap();
    assert!(!only.proved());
    assert!(enter(&admission, "192.0.2.2").is_some());
    assert!(has_to_go(&only));
}

#[test]
fn wider_prefixes_have_limits_too() {
    let admission = Admission::new(limits());
    let mut guests = Vec::new();
    for n in 0..5 {
        for _ in 0..8 {
            guests.push(enter(&admission, &format!("2001:db8:1:{n}::1")).unwrap());
        }
    }
    let seats = locked(&admission.seats).taken.len();
    assert_eq!(seats, 32, "a /48 has four times the seats of a /64");
}

#[test]
fn many_handshakes_in_flight_ask_for_proof_of_the_address() {
    let admission = Admission::new(limits());
    let knock = |from: &str, validated| admission.knock(at(from), validated, 0);
    let unproven: Vec<Verdict> = (0..4).map(|n| knock(&format!("10.{n}.0.1"), false)).collect();
    assert!(unproven.iter().all(|verdict| matches!(verdict, Verdict::Admit(_))));
    assert!(matches!(knock("192.0.2.1", false), Verdict::Retry));
    assert!(matches!(knock("192.0.2.1", true), Verdict::Admit(_)));
}

#[test]
fn a_stalled_handshake_gives_way_to_the_next_of_its_prefix_and_of_any_other() {
    let limits = Limits { handshakes: 2 * HANDSHAKES_PER_PREFIX, ..Limits::default() };
    let admission = Admission::new(limits);
    let stall = |from: &str| stall(&admission, from);
    let stalled: Vec<Guest> = (0..720).map(|_| stall("203.0.113.1")).collect();
    let gone = stalled.iter().filter(|guest| has_to_go(guest)).count();
    assert_eq!(gone, 720 - HANDSHAKES_PER_PREFIX as usize);
    let honest = stall("198.51.100.1");
    let more: Vec<Guest> = (0..100).map(|n| stall(&format!("10.{n}.0.1"))).collect();
    assert!(!has_to_go(&honest), "the crowded prefix goes first");
    honest.seated();
    drop((stalled, more, honest));
    assert!(locked(&admission.seats).handshaking.is_empty());
}

/// Honest handshakes of as many keys of the hashes as there are admissions: none of them is lucky.
fn honest_ones_last(
    limits: Limits,
    honest: impl Fn(u32) -> String,
    attacker: impl Fn(u32) -> String,
) {
    for round in 0..4 {
        let admission = Admission::new(limits);
        let mut stalled: Vec<Guest> =
            (0..2 * limits.handshakes).map(|n| stall(&admission, &attacker(n))).collect();
        for n in 0..40 {
            let one = stall(&admission, &honest(n));
            // While it lasts, the attacker begins as many as there is room for.
            let more = (0..limits.handshakes).map(|k| stall(&admission, &attacker(n * 512 + k)));
            stalled.extend(more);
            assert!(!has_to_go(&one), "round {round}, honest handshake {n}");
            one.seated();
        }
        drop(stalled);
        assert!(locked(&admission.seats).handshaking.is_empty());
    }
}

#[test]
fn one_network_of_ipv6_puts_out_nobody_elses_handshakes() {
    // One handshake from each /64.
    let of_48 = |n: u32| format!("2001:db8:1:{:x}::1", n & 0xffff);
    let of_32 = |n: u32| format!("2001:db8:{:x}:{:x}::1", n % 199, n & 0xffff);
    let limits = Limits { handshakes: 64, ..Limits::default() };
    honest_ones_last(limits, |n| format!("2a00:{n:x}::1"), of_48);
    honest_ones_last(limits, |n| format!("2a00:{n:x}::1"), of_32);
    honest_ones_last(limits, |n| format!("198.{}.1.1", n % 250), of_48);
    // From another /48 of the same provider, and from another /24 of the same /16.
    honest_ones_last(limits, |n| format!("2001:db8:ffff:{n:x}::1"), of_48);
    honest_ones_last(
        limits,
        |n| format!("10.9.{}.1", n + 100),
        |n| format!("10.9.{}.{}", n % 8, n % 251),
    );
}

#[test]
fn a_network_of_ipv6_has_so_many_handshakes_and_no_more() {
    let limits = Limits { handshakes: 10_000, ..Limits::default() };
    for (from, most) in [
        ("2001:db8:1:1", HANDSHAKES_PER_PREFIX),
        ("2001:db8:1:%", 4 * HANDSHAKES_PER_PREFIX),
        ("2001:db8:%:1", 4 * HANDSHAKES_PER_PREFIX),
    ] {
        let admission = Admission::new(limits);
        let from = |n: u32| format!("{}::1", from.replace('%', &format!("{n:x}")));
        let guests: Vec<Guest> = (0..1000).map(|n| stall(&admission, &from(n))).collect();
        let (gone, there): (Vec<&Guest>, Vec<&Guest>) =
            guests.iter().partition(|one| has_to_go(one));
        assert_eq!(there.len(), most as usize, "{}", from(0));
        let oldest = there.iter().map(|guest| guest.number).min();
        assert!(
            gone.iter().all(|guest| Some(guest.number) < oldest),
            "the oldest stalled go first"
        );
    }
}

#[test]
fn among_equals_the_oldest_handshake_goes() {
    let admission = Admission::new(limits());
    let guests: Vec<Guest> = (0..40).map(|n| stall(&admission, &format!("10.{n}.0.1"))).collect();
    let gone: Vec<u64> = guests.iter().filter(|one| has_to_go(one)).map(|one| one.number).collect();
    assert_eq!(gone, (0..24).collect::<Vec<u64>>());
}

#[test]
fn many_people_of_one_provider_are_no_crowd_beside_one_who_has_as_many_alone() {
    let admission = Admission::new(limits());
    let provider: Vec<Guest> = (0..6).map(|n| stall(&admission, &format!("10.9.{n}.1"))).collect();
    let _greedy: Vec<Guest> =
        (0..50).map(|n| stall(&admission, &format!("10.{}.0.1", 20 + n % 5))).collect();
    assert!(!provider.iter().any(has_to_go));
}

#[test]
fn one_network_of_ipv6_has_not_the_seats_of_all_who_have_shown_nothing() {
    // One stranger from each /64, and honest ones that have nothing to show yet either.
    for _ in 0..8 {
        let admission = Admission::new(Limits { connections_per_prefix: 16, ..limits() });
        let honest: Vec<Guest> =
            (0..8).map(|n| enter(&admission, &format!("2a00:{n:x}::1")).unwrap()).collect();
        let _attacker: Vec<Guest> =
            (0..500).map(|n| enter(&admission, &format!("2001:db8:1:{n:x}::1")).unwrap()).collect();
        assert!(!honest.iter().any(has_to_go));
    }
}

/// QUIC keeps what has ended for a while.
#[test]
fn a_network_whose_handshakes_are_cut_off_waits_and_another_does_not() {
    let admission = Admission::new(limits());
    let knock = |from: &str, validated, open| admission.knock(at(from), validated, open);
    let many = usize::try_from(GONE_MANY).unwrap();
    for ended in 0..many {
        assert!(matches!(knock("203.0.113.1", true, ended), Verdict::Admit(_)));
        // From nowhere: it counts for nobody.
        assert!(matches!(knock("192.0.2.1", false, ended), Verdict::Admit(_)));
    }
    assert!(matches!(knock("203.0.113.9", true, many), Verdict::Wait));
    assert!(matches!(knock("198.51.100.1", true, many), Verdict::Admit(_)));
    assert!(matches!(knock("198.51.100.1", false, many), Verdict::Retry));
    assert!(matches!(knock("192.0.2.1", true, many), Verdict::Admit(_)));
    assert!(matches!(knock("203.0.113.9", true, 0), Verdict::Admit(_)), "QUIC has forgotten them");
    let most = usize::try_from(GONE).unwrap() + 64;
    assert!(matches!(knock("198.51.100.1", true, most), Verdict::Wait), "there may be no more");
}

/// A handshake that is over has proven where it comes from.
#[test]
fn strangers_who_were_seated_count_when_they_end() {
    let admission = Admission::new(limits());
    for _ in 0..GONE_MANY {
        match admission.knock(at("203.0.113.1"), false, 0) {
            Verdict::Admit(guest) => guest.seated(),
            other => panic!("{other:?}"),
        }
    }
    let many = usize::try_from(GONE_MANY).unwrap();
    assert!(matches!(admission.knock(at("203.0.113.9"), true, many), Verdict::Wait));
    assert!(matches!(admission.knock(at("198.51.100.1"), true, many), Verdict::Admit(_)));
}
