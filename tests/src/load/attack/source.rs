//! Where clients come from: every address of 127.0.0.0/8, and in a network of one's own every one of fc00::/7, is one
//! of this machine's, so a client can have any prefix.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Prefixes that attackers can come from.
pub(super) const MOST_ATTACKING: u32 = 64 * 256;

/// First octets after 127 of attackers and of honest people: neither is the other's, nor the relay's.
const ATTACKING: u8 = 64;
const HONEST: u8 = 128;
const HONEST_PREFIXES: u32 = 120 * 256;

/// Honest people of IPv6 have a /32 each: whatever a relay counts by, they are not the attacker.
const HONEST_BITS: u32 = 32;

/// The addresses of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Addresses {
    /// Prefixes are /24.
    V4,
    /// Two attacking prefixes differ in these bits, counted from the front, at the latest: 64, 56, 48 or 32.
    V6 {
        /// How many bits.
        tier: u8,
    },
}

impl Addresses {
    /// The relay's.
    pub(super) fn relay(self) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::LOCALHOST.into(),
            Self::V6 { .. } => Ipv6Addr::from((0xfc00_u128 << 112) | 1).into(),
        }
    }

    /// In the attacker's prefix of this number.
    pub(super) fn attacker(self, prefix: u32) -> IpAddr {
        match self {
            Self::V4 => v4(ATTACKING, prefix % MOST_ATTACKING),
            Self::V6 { tier } => v6(0xfd00, prefix, u32::from(tier)),
        }
    }

    /// Of an honest person: each number has a prefix to itself, until they are used up.
    pub(super) fn honest(self, person: u32) -> IpAddr {
        match self {
            Self::V4 => v4(HONEST, person % HONEST_PREFIXES),
            Self::V6 { .. } => v6(0xfc00, person % 0xffff + 1, HONEST_BITS),
        }
    }
}

fn v4(base: u8, prefix: u32) -> IpAddr {
    let [_, _, high, low] = prefix.to_be_bytes();
    Ipv4Addr::new(127, base.saturating_add(high), low, 1).into()
}

fn v6(base: u128, prefix: u32, bits: u32) -> IpAddr {
    Ipv6Addr::from((base << 112) | (u128::from(prefix) << (128 - bits)) | 1).into()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn prefix(address: IpAddr, bits: u32) -> (bool, u128) {
        match address {
            IpAddr::V4(v4) => (false, u128::from(v4.to_bits() >> (32 - bits))),
            IpAddr::V6(v6) => (true, v6.to_bits() >> (128 - bits)),
        }
    }

    #[test]
    fn nobody_shares_a_prefix_but_attackers_of_a_narrower_tier() {
        for (addresses, bits) in [
            (Addresses::V4, 24),
            (Addresses::V6 { tier: 64 }, 64),
            (Addresses::V6 { tier: 48 }, 48),
            (Addresses::V6 { tier: 32 }, 32),
        ] {
            let people = (0..2000).map(|n| addresses.honest(n));
            let attackers = (0..2000).map(|n| addresses.attacker(n));
            let all = people.chain(attackers).chain([addresses.relay()]);
            let prefixes: HashSet<_> = all.map(|address| prefix(address, bits)).collect();
            assert_eq!(prefixes.len(), 4001, "{addresses:?}");
        }
        let narrow = Addresses::V6 { tier: 64 };
        assert_eq!(prefix(narrow.attacker(0), 48), prefix(narrow.attacker(2000), 48));
    }
}
