//! The attacks, and what each is to leave of a relay's service.

use std::time::Duration;

use clap::ValueEnum;
use clap::builder::PossibleValue;

/// An attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Handshakes that are begun and never finished, at 1 MB/s [size: handshakes that stall at once]
    Handshakes,
    /// Holds of 64 envelopes whose last byte never comes, 8 on each connection [size: connections]
    HalfFrames,
    /// Mailboxes of one's own, filled as fast as the relay allows, on a small disk [size: connections]
    Fill,
    /// Holds for mailboxes of one's own, on 14 connections [size: holds]
    Holds,
    /// New mailboxes with 128 tokens each, as fast as the relay allows [size: connections]
    Tokens,
    /// Connections that do nothing [size: connections in all]
    Seats,
    /// 128 new tokens for a full mailbox, over and over [size: connections]
    Opens,
    /// Readers of one mailbox in which 20 envelopes a second arrive [size: readers]
    Readers,
    /// Junk by one valid token, as fast as the relay allows [size: connections]
    Junk,
    /// Hashes of tokens that somebody else is about to register [size: hashes]
    Taken,
    /// Handshakes that are begun and never finished, at 5 MB/s [size: handshakes that stall at once]
    Cut,
    /// Holds of one's own, extended and replaced as fast as the relay allows, on a small disk [size: connections]
    Extends,
    /// Readers and holders who take nothing of what they are sent [size: connections]
    Untaken,
    /// Requests in pieces of one byte whose answers are not taken, on 8 streams of each connection [size: connections]
    Crumbs,
}

/// One attack, or each in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Each in turn, in its usual forms.
    All,
    /// This one.
    One(Kind),
}

/// What has to hold under an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Goals {
    /// The longest wait for a connection, and for an alarm that needs one.
    pub(super) connect: Duration,
    /// The longest wait for all else.
    pub(super) longest: Duration,
    /// Whether the 99th percentile of all else stays near that of the quiet phase.
    pub(super) near_quiet: bool,
    /// Whether somebody new finds room on the disk.
    pub(super) room_for_new: bool,
    /// The relay's memory, in MiB.
    pub(super) memory_mib: Option<u64>,
    /// What its data take on the disk, in MiB.
    pub(super) disk_mib: Option<u64>,
}

/// How much the 99th percentile may grow, and what it may be in any case: a machine with two cores is not quiet.
pub(super) const NEAR: u32 = 5;
/// See [`NEAR`].
pub(super) const NEAR_IN_ANY_CASE: Duration = Duration::from_millis(50);

/// From so many attacking prefixes on, everything may take as long as a connection.
const MANY_PREFIXES: u32 = 200;

impl Kind {
    /// As on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Handshakes => "handshakes",
            Self::HalfFrames => "half-frames",
            Self::Fill => "fill",
            Self::Holds => "holds",
            Self::Tokens => "tokens",
            Self::Seats => "seats",
            Self::Opens => "opens",
            Self::Readers => "readers",
            Self::Junk => "junk",
            Self::Taken => "taken",
            Self::Cut => "cut",
            Self::Extends => "extends",
            Self::Untaken => "untaken",
            Self::Crumbs => "crumbs",
        }
    }

    /// Its usual size, from so many prefixes: what a relay with the shipped limits can just about be made to take.
    #[must_use]
    pub fn size(self, prefixes: u32) -> u32 {
        match self {
            Self::Handshakes => 720,
            Self::Cut => 3_000,
            Self::Extends => 200,
            Self::HalfFrames | Self::Untaken | Self::Crumbs => 512,
            Self::Fill => 100,
            Self::Holds => 20_000,
            Self::Tokens | Self::Opens => 4,
            Self::Seats => prefixes.saturating_mul(512).min(3_000),
            Self::Readers => 2048,
            Self::Junk => 1,
            Self::Taken => 4096,
        }
    }

    /// The forms in which it is usually run.
    pub(super) fn forms(self) -> &'static [&'static [&'static str]] {
        match self {
            // One from each /64 of a /48.
            Self::Handshakes => &[&[], &["--ipv6", "--prefixes=720"]],
            Self::Cut => &[&["--prefixes=8"]],
            Self::Fill => &[&[], &["--prefixes=100"]],
            Self::Seats => {
                &[&[], &["--prefixes=20"], &["--prefixes=20", "--proved"], &["--prefixes=200"]]
            }
            _ => &[&[]],
        }
    }

    /// What [`Kind::size`] counts.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Handshakes | Self::Cut => "stalled handshakes",
            Self::HalfFrames
            | Self::Fill
            | Self::Tokens
            | Self::Seats
            | Self::Opens
            | Self::Junk
            | Self::Extends
            | Self::Untaken
            | Self::Crumbs => "connections",
            Self::Holds => "holds",
            Self::Readers => "readers",
            Self::Taken => "hashes",
        }
    }

    /// Size in MiB of the disk that it needs: above the mark of the shipped limits by what is to be filled.
    pub(super) fn disk_mib(self) -> Option<u32> {
        matches!(self, Self::Fill | Self::Extends).then_some(768)
    }

    pub(super) fn goals(self, prefixes: u32) -> Goals {
        let many = prefixes >= MANY_PREFIXES;
        let two = Duration::from_secs(2);
        Goals {
            connect: two,
            longest: if many { two } else { Duration::from_secs(1) },
            near_quiet: !many,
            // Many prefixes together may fill a disk. Then those who are there already have what they were promised.
            room_for_new: self != Self::Fill || prefixes == 1,
            memory_mib: match self {
                Self::HalfFrames => Some(300),
                Self::Handshakes | Self::Cut | Self::Untaken => Some(150),
                Self::Crumbs => Some(200),
                _ => None,
            },
            disk_mib: (self == Self::Extends).then_some(128),
        }
    }
}

impl ValueEnum for Which {
    fn value_variants<'a>() -> &'a [Self] {
        const VARIANTS: [Which; 15] = [
            Which::All,
            Which::One(Kind::Handshakes),
            Which::One(Kind::HalfFrames),
            Which::One(Kind::Fill),
            Which::One(Kind::Holds),
            Which::One(Kind::Tokens),
            Which::One(Kind::Seats),
            Which::One(Kind::Opens),
            Which::One(Kind::Readers),
            Which::One(Kind::Junk),
            Which::One(Kind::Taken),
            Which::One(Kind::Cut),
            Which::One(Kind::Extends),
            Which::One(Kind::Untaken),
            Which::One(Kind::Crumbs),
        ];
        &VARIANTS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::All => Some(PossibleValue::new("all").help("Each in turn, as a table")),
            Self::One(kind) => kind.to_possible_value(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attack_has_its_name_and_can_be_chosen() {
        for kind in Kind::value_variants() {
            let named = kind.to_possible_value().unwrap();
            assert_eq!(named.get_name(), kind.name());
            assert_eq!(Which::from_str(kind.name(), false), Ok(Which::One(*kind)));
        }
        assert_eq!(Which::value_variants().len(), Kind::value_variants().len() + 1);
    }
}
