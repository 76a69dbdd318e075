//! A relay's address with its pins: `velar://host:port#pin[,next pin]`.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

/// Longest address accepted: a DNS name (253), a port and two pins fit.
const MAX_LEN: usize = 400;

/// SHA-256 of a relay's TLS public key (the DER SubjectPublicKeyInfo, as in RFC 7469 §2.4), 32 bytes.
/// Written as 43 characters of unpadded base64url. No certificate authority is trusted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pin(pub [u8; 32]);

/// Where a relay is and how to know it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RelayAddress {
    host: String,
    port: u16,
    pin: Pin,
    next_pin: Option<Pin>,
}

/// Why a text is not a relay address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It does not begin with `velar://`.
    #[error("a relay address begins with velar://")]
    Scheme,
    /// Host or port are missing or malformed.
    #[error("a relay address has the form velar://host:port#pin")]
    Host,
    /// A pin is missing or not 43 characters of base64url.
    #[error("the pin after # is missing or damaged")]
    Pin,
}

impl RelayAddress {
    /// From its parts. The host is a DNS name, an IPv4 address or an IPv6 address without brackets.
    ///
    /// # Errors
    /// [`AddressError::Host`] if the host is empty, too long, or has characters that no host has.
    pub fn new(
        host: &str,
        port: u16,
        pin: Pin,
        next_pin: Option<Pin>,
    ) -> Result<Self, AddressError> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
        if host.is_empty() || host.len() > 253 || !host.chars().all(legal) || port == 0 {
            return Err(AddressError::Host);
        }
        Ok(Self { host: host.to_owned(), port, pin, next_pin })
    }

    /// DNS name, IPv4, or IPv6 without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// UDP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host:port`, by which people tell relays apart; IPv6 in brackets. Two relays may share a host.
    #[must_use]
    pub fn place(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Whether a relay with this key is the one meant, now or after its announced change of key.
    #[must_use]
    pub fn accepts(&self, pin: &Pin) -> bool {
        self.pin == *pin || self.next_pin.as_ref() == Some(pin)
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

impl FromStr for Pin {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| AddressError::Pin)?;
        bytes.try_into().map(Self).map_err(|_| AddressError::Pin)
    }
}

impl fmt::Display for RelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "velar://{}#{}", self.place(), self.pin)?;
        match &self.next_pin {
            Some(next) => write!(f, ",{next}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for RelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelayAddress({self})")
    }
}

impl FromStr for RelayAddress {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.len() > MAX_LEN {
            return Err(AddressError::Host);
        }
        let rest = text.strip_prefix("velar://").ok_or(AddressError::Scheme)?;
        let (authority, pins) = rest.split_once('#').ok_or(AddressError::Pin)?;
        let (host, port) = authority.rsplit_once(':').ok_or(AddressError::Host)?;
        let host = match host.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']').ok_or(AddressError::Host)?,
            None if host.contains(':') => return Err(AddressError::Host),
            None => host,
        };
        if !port.bytes().all(|b| b.is_ascii_digit()) {
            return Err(AddressError::Host);
        }
        let port = port.parse().map_err(|_| AddressError::Host)?;
        let (pin, next) = match pins.split_once(',') {
            Some((pin, next)) => (pin, Some(next.parse()?)),
            None => (pins, None),
        };
        Self::new(host, port, pin.parse()?, next)
    }
}

/// As its text: one form for links, cards and configuration.
impl Serialize for RelayAddress {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RelayAddress {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(byte: u8) -> Pin {
        Pin([byte; 32])
    }

    #[test]
    fn an_address_survives_its_text() {
        for (host, next) in
            [("relay.example.org", None), ("127.0.0.1", Some(pin(2))), ("::1", Some(pin(3)))]
        {
            let address = RelayAddress::new(host, 4433, pin(1), next).unwrap();
            assert_eq!(address.to_string().parse(), Ok(address.clone()));
            assert!(address.accepts(&pin(1)) && !address.accepts(&pin(9)));
            assert_eq!(address.accepts(&pin(2)), next == Some(pin(2)));
        }
    }

    #[test]
    fn a_damaged_address_says_which_part_is_wrong() {
        let good = RelayAddress::new("a.b", 1, pin(1), None).unwrap().to_string();
        let cases = [
            (good.replace("velar://", "https://"), AddressError::Scheme),
            (good.replace(":1#", "#"), AddressError::Host),
            (good.replace(":1#", ":+1#"), AddressError::Host),
            (good.replace(":1#", ":70000#"), AddressError::Host),
            (good.replace("a.b", "a b"), AddressError::Host),
            (good.replace("a.b", "[::1"), AddressError::Host),
            (good[..good.len() - 1].to_owned(), AddressError::Pin),
            (format!("{good},"), AddressError::Pin),
            (good.split('#').next().unwrap().to_owned(), AddressError::Pin),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<RelayAddress>(), Err(error), "{text}");
        }
    }
}
