//! A relay's address with its pins: `velar://host:port[,host:port…]#pin[,next pin]` (SPEC.md §4.1).

use core::net::{Ipv4Addr, Ipv6Addr};
use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use super::limits::{MAX_ADDRESS_LEN, MAX_PLACES};

/// Most bytes of a DNS name, and of one of its labels (RFC 1035 §2.3.4).
const MAX_NAME_LEN: usize = 253;
const MAX_LABEL_LEN: usize = 63;

/// SHA-256 of a relay's TLS public key (the DER SubjectPublicKeyInfo, as in RFC 7469 §2.4), 32 bytes.
/// Written as 43 characters of unpadded base64url. No certificate authority is trusted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pin(pub [u8; 32]);

/// Where a relay listens: `host:port`. In lower case, and an IP address in its one shortest form, so that two that are
/// written alike are the same and the other way round.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    host: String,
    port: u16,
}

/// Where a relay is and how to know it: 1 to [`MAX_PLACES`] places that all lead to one key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RelayAddress {
    first: Place,
    others: Vec<Place>,
    pin: Pin,
    next_pin: Option<Pin>,
}

/// Why a text is not a relay address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It does not begin with `velar://`.
    #[error("a relay address begins with velar://")]
    Scheme,
    /// A host or port is missing or malformed, a place is there twice, or there are too many.
    #[error("a relay address has the form velar://host:port#pin")]
    Host,
    /// A pin is missing or not 43 characters of base64url.
    #[error("the pin after # is missing or damaged")]
    Pin,
}

impl Place {
    /// A DNS name, an IPv4 address, or an IPv6 address without brackets, and a UDP port. Upper case is made lower.
    ///
    /// # Errors
    /// [`AddressError::Host`] if it is none of these, or the port is 0.
    pub fn new(host: &str, port: u16) -> Result<Self, AddressError> {
        let host = host.to_ascii_lowercase();
        let host = match host.parse::<Ipv6Addr>() {
            // An IPv4 address has one form, its own.
            Ok(ip) if ip.to_ipv4_mapped().is_some() => return Err(AddressError::Host),
            Ok(ip) => ip.to_string(),
            Err(_) if is_name(&host) => host,
            Err(_) => return Err(AddressError::Host),
        };
        if port == 0 { Err(AddressError::Host) } else { Ok(Self { host, port }) }
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
}

/// As it is written, of what a person types or pastes: white space around it does not count, nor does the case of
/// scheme and hosts (all before the `#`).
pub(crate) fn typed(text: &str) -> String {
    let mut text = text.trim().to_owned();
    let before = text.find('#').unwrap_or(text.len());
    if let Some(before) = text.get_mut(..before) {
        before.make_ascii_lowercase();
    }
    text
}

/// Whether it is an IPv4 address or else a DNS name. What ends in a label of digits alone could be taken for an
/// address in one of its old forms: it must be one, in the form that all agree on.
fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        let legal = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        legal
            && (1..=MAX_LABEL_LEN).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let numeric =
        host.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if numeric {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    host.len() <= MAX_NAME_LEN && host.split('.').all(label)
}

impl RelayAddress {
    /// Of a relay at one place. See [`Place::new`].
    ///
    /// # Errors
    /// [`AddressError::Host`].
    pub fn new(
        host: &str,
        port: u16,
        pin: Pin,
        next_pin: Option<Pin>,
    ) -> Result<Self, AddressError> {
        Self::at(vec![Place::new(host, port)?], pin, next_pin)
    }

    /// Of a relay that is reached at any of these places; clients try them in this order.
    ///
    /// # Errors
    /// [`AddressError::Host`] unless they are 1 to [`MAX_PLACES`], all different, and fit [`MAX_ADDRESS_LEN`].
    pub fn at(places: Vec<Place>, pin: Pin, next_pin: Option<Pin>) -> Result<Self, AddressError> {
        let twice =
            places.iter().enumerate().any(|(i, one)| places.iter().skip(i + 1).any(|it| it == one));
        let count = places.len();
        let mut places = places.into_iter();
        let first = places.next().ok_or(AddressError::Host)?;
        let address = Self { first, others: places.collect(), pin, next_pin };
        let fits = count <= MAX_PLACES && address.to_string().len() <= MAX_ADDRESS_LEN;
        if fits && !twice { Ok(address) } else { Err(AddressError::Host) }
    }

    /// All places, in the order in which they are tried.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Host of the first place.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.first.host
    }

    /// UDP port of the first place.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.first.port
    }

    /// The first place, `host:port`, by which people tell relays apart; IPv6 in brackets. Two relays may share a host.
    #[must_use]
    pub fn place(&self) -> String {
        self.first.to_string()
    }

    /// Whether a person means this relay: by a place or host of it, or its whole address.
    #[must_use]
    pub fn is_called(&self, text: &str) -> bool {
        self.to_string() == text
            || self.places().any(|place| place.host == text || place.to_string() == text)
    }

    /// Whether a relay with this key is the one meant, now or after its announced change of key.
    #[must_use]
    pub fn accepts(&self, pin: &Pin) -> bool {
        self.pin == *pin || self.next_pin.as_ref() == Some(pin)
    }

    /// Exactly as it is written: what cards and offers hold.
    ///
    /// # Errors
    /// [`AddressError`].
    pub(crate) fn exact(text: &str) -> Result<Self, AddressError> {
        if text.len() > MAX_ADDRESS_LEN {
            return Err(AddressError::Host);
        }
        let rest = text.strip_prefix("velar://").ok_or(AddressError::Scheme)?;
        let (places, pins) = rest.split_once('#').ok_or(AddressError::Pin)?;
        let places = places.splitn(MAX_PLACES + 1, ',').map(str::parse);
        let places = places.collect::<Result<Vec<Place>, AddressError>>()?;
        let (pin, next) = match pins.split_once(',') {
            Some((pin, next)) => (pin, Some(next.parse()?)),
            None => (pins, None),
        };
        let address = Self::at(places, pin.parse()?, next)?;
        if address.to_string() == text { Ok(address) } else { Err(AddressError::Host) }
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

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Place {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::Host)?;
        let host = match host.strip_prefix('[') {
            Some(inner) if inner.contains(':') => {
                inner.strip_suffix(']').ok_or(AddressError::Host)?
            }
            None if !host.contains(':') => host,
            _ => return Err(AddressError::Host),
        };
        if port.starts_with('0') || !port.bytes().all(|b| b.is_ascii_digit()) {
            return Err(AddressError::Host);
        }
        Self::new(host, port.parse().map_err(|_| AddressError::Host)?)
    }
}

impl fmt::Display for RelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "velar://{}", self.first)?;
        self.others.iter().try_for_each(|place| write!(f, ",{place}"))?;
        write!(f, "#{}", self.pin)?;
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

/// As a person types or pastes it.
impl FromStr for RelayAddress {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::exact(&typed(text))
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
        Self::exact(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
