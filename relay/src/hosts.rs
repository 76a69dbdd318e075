//! Under which names and addresses clients reach this relay, as an operator writes them.

use std::fmt;

use velar_protocol::wire::{AddressError, Pin, Place, RelayAddress};

/// One or several, in the order in which clients try them: `relay.example.org,203.0.113.9:8443`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts(Vec<(String, Option<u16>)>);

impl Hosts {
    /// Reads names, IPv4 and IPv6 addresses, each with a port of its own if need be, separated by commas. An IPv6 address
    /// that has one is in brackets.
    ///
    /// # Errors
    /// [`AddressError::Host`] if no address can be made of them.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let hosts = Self(text.split(',').map(|host| one(host.trim())).collect::<Result<_, _>>()?);
        // Whether it can be: the port and the pin that it will have are not known here.
        hosts.address(443, Pin([0; 32]))?;
        Ok(hosts)
    }

    /// The address of a relay with this key. `port`: of the hosts that name none.
    ///
    /// # Errors
    /// [`AddressError::Host`], also if `port` is 0 or makes two of them the same.
    pub fn address(&self, port: u16, pin: Pin) -> Result<RelayAddress, AddressError> {
        let place = |(host, own): &(String, Option<u16>)| Place::new(host, own.unwrap_or(port));
        RelayAddress::at(self.0.iter().map(place).collect::<Result<_, _>>()?, pin, None)
    }
}

impl fmt::Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|(host, _)| host.as_str()).collect();
        f.write_str(&names.join(","))
    }
}

fn one(text: &str) -> Result<(String, Option<u16>), AddressError> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(bare) = bare.filter(|bare| bare.contains(':')) {
        return Ok((bare.to_owned(), None));
    }
    // An IPv6 address without brackets has colons of its own.
    if text.starts_with('[') || text.matches(':').count() == 1 {
        let place: Place = text.to_ascii_lowercase().parse()?;
        return Ok((place.host().to_owned(), Some(place.port())));
    }
    Ok((text.to_owned(), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str, port: u16) -> Option<Vec<String>> {
        let address = Hosts::parse(text).ok()?.address(port, Pin([1; 32])).ok()?;
        Some(address.places().map(ToString::to_string).collect())
    }

    #[test]
    fn hosts_are_read_in_their_order_each_with_its_own_port_if_it_has_one() {
        for (text, expected) in [
            ("Relay.example.org", &["relay.example.org:8443"][..]),
            ("relay.example.org:443", &["relay.example.org:443"]),
            ("::1", &["[::1]:8443"]),
            ("[::1]", &["[::1]:8443"]),
            ("[2001:DB8::1]:443", &["[2001:db8::1]:443"]),
            ("a, 192.0.2.1:443 ,::1,b", &["a:8443", "192.0.2.1:443", "[::1]:8443", "b:8443"]),
        ] {
            assert_eq!(places(text, 8443).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_no_address_can_be_made_of_is_refused() {
        for text in [
            "",
            ",",
            "a,",
            "a:0",
            "a:65536",
            "a:x",
            "https://a",
            "a/b",
            "a b",
            "[a]",
            "[::1",
            "::1]:443",
            "a,a",
            "a,a:443",
            "a,b,c,d,e",
            "a_b",
        ] {
            assert_eq!(places(text, 443), None, "{text}");
        }
        // The same only with the port that it has.
        assert_eq!(places("a,a:8443", 8443), None);
    }
}
