//! The agreed check-ins of this device's person. Pure: times come in as arguments.

use serde::{Deserialize, Serialize};

/// Minutes after the end of grace before relays release what was left with them, unless agreed otherwise: people's own
/// clients come first.
pub const MARGIN_MIN: u32 = 5;

/// Bytes of UTF-8 in an itinerary: with the alarm that brings it, it fits into one envelope.
pub const MAX_ITINERARY_LEN: usize = 2_000;

/// A plan: when check-ins are due, and what is told if one does not come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Grows by one with each change: what was left at relays is made anew then.
    pub number: u64,
    /// When check-ins are due.
    pub rhythm: Rhythm,
    /// IANA name of the time zone of fixed times.
    pub zone: String,
    /// Minutes of grace after each.
    pub grace_min: u32,
    /// Minutes after that before relays release what was left with them; see [`MARGIN_MIN`].
    pub margin_min: u32,
    /// No check-in is agreed after this time, Unix seconds.
    pub ends_s: Option<u64>,
    /// A planned silence: the next check-in is due when it ends, Unix seconds.
    pub silent_until_s: Option<u64>,
    /// Where to and how, for those who will look; at most [`MAX_ITINERARY_LEN`] bytes. Sealed, left at the relays, and
    /// read by nobody before it is needed.
    pub itinerary: String,
    /// Said with each check-in: the battery is low.
    pub low_battery: bool,
    /// Said with each check-in: no signal ahead.
    pub no_signal: bool,
}

/// When check-ins are due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rhythm {
    /// So many minutes after each check-in.
    Every {
        /// At least 1.
        minutes: u32,
    },
    /// At these minutes of each day, ascending, by the clocks of the plan's time zone.
    At {
        /// 0 to 1439; at least one.
        minutes_of_day: Vec<u16>,
    },
}
