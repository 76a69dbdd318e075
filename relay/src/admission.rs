//! Who may connect: counts of connections and handshakes, in all and per address prefix. Addresses are
//! only in memory, only as prefixes, and only while connected.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::Limits;

/// What to do with somebody who knocks.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Let it in; counted until the guard is dropped.
    Admit(Guest),
    /// It must first prove its address.
    Retry,
    /// Say no: too many.
    Refuse,
    /// Say nothing: answering would be the work that somebody wants us to do.
    Ignore,
}

/// The counts.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    limits: Limits,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    connections: u32,
    handshakes: u32,
    prefixes: HashMap<Prefix, u32>,
}

/// /24 of IPv4, /56 of IPv6: what one subscriber usually has.
type Prefix = [u8; 7];

/// One connection, counted as long as this lives.
#[derive(Debug)]
pub(crate) struct Guest {
    counts: Arc<Mutex<Counts>>,
    prefix: Prefix,
    handshaking: bool,
}

impl Admission {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, counts: Arc::default() }
    }

    /// `validated`: the address is proven.
    pub(crate) fn knock(&self, address: IpAddr, validated: bool) -> Verdict {
        let prefix = prefix(address);
        let mut counts = locked(&self.counts);
        if counts.handshakes >= self.limits.handshakes {
            return Verdict::Ignore;
        }
        if counts.handshakes >= self.limits.handshakes_before_retry && !validated {
            return Verdict::Retry;
        }
        let here = counts.prefixes.get(&prefix).copied().unwrap_or(0);
        if counts.connections >= self.limits.connections
            || here >= self.limits.connections_per_prefix
        {
            return Verdict::Refuse;
        }
        counts.connections += 1;
        counts.handshakes += 1;
        counts.prefixes.insert(prefix, here + 1);
        Verdict::Admit(Guest { counts: self.counts.clone(), prefix, handshaking: true })
    }
}

impl Guest {
    /// The handshake is over.
    pub(crate) fn seated(&mut self) {
        if std::mem::take(&mut self.handshaking) {
            locked(&self.counts).handshakes -= 1;
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.seated();
        let mut counts = locked(&self.counts);
        counts.connections -= 1;
        if let Some(here) = counts.prefixes.get_mut(&self.prefix) {
            *here -= 1;
            if *here == 0 {
                counts.prefixes.remove(&self.prefix);
            }
        }
    }
}

fn locked(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

fn prefix(address: IpAddr) -> Prefix {
    match address.to_canonical() {
        // 64:: is not in use for addresses of people: no IPv6 prefix looks like an IPv4 one.
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            [0, 100, 255, 255, a, b, c]
        }
        IpAddr::V6(v6) => {
            let [a, b, c, d, e, f, g, ..] = v6.octets();
            [a, b, c, d, e, f, g]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            connections: 4,
            connections_per_prefix: 2,
            handshakes: 3,
            handshakes_before_retry: 2,
            ..Limits::default()
        }
    }

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_prefix_has_its_share_and_gets_it_back() {
        let admission = Admission::new(limits());
        let enter = |text| {
            let Verdict::Admit(mut guest) = admission.knock(at(text), true) else {
                panic!("{text}")
            };
            guest.seated();
            guest
        };
        let first = enter("203.0.113.5");
        let _second = enter("::ffff:203.0.113.99");
        assert!(matches!(admission.knock(at("203.0.113.7"), true), Verdict::Refuse));
        let _third = enter("2001:db8::1");
        let _fourth = enter("2001:db8:0:ff::1");
        assert!(
            matches!(admission.knock(at("198.51.100.1"), true), Verdict::Refuse),
            "all seats taken"
        );
        drop(first);
        let _again = enter("203.0.113.8");
    }

    #[test]
    fn many_handshakes_in_flight_ask_for_proof_and_then_for_silence() {
        let admission = Admission::new(limits());
        let one = admission.knock(at("203.0.113.1"), false);
        let _two = admission.knock(at("198.51.100.1"), false);
        assert!(matches!(admission.knock(at("192.0.2.1"), false), Verdict::Retry));
        let _three = admission.knock(at("192.0.2.1"), true);
        assert!(matches!(admission.knock(at("192.0.2.1"), true), Verdict::Ignore));
        drop(one);
        assert!(matches!(admission.knock(at("192.0.2.2"), true), Verdict::Admit(_)));
    }
}
