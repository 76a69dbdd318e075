//! How long keys and memories live, and how many there are, each with its reason (`spec/sealing.md` §7).

use super::prekey::Day;

/// A prekey is not sealed to when older. Bounds how long a key that was stolen while it lay at its
/// sender is worth anything, and long enough for people who meet every second week.
pub const PREKEY_MAX_AGE_DAYS: u32 = 14;

/// A prekey may be dated this far ahead: clocks differ, time zones do not matter (days are UTC).
pub const CLOCK_SKEW_DAYS: u32 = 1;

/// A new last-resort prekey is issued this often: it is the only one that is used more than once, so
/// what a thief of its private half reads reaches back this long, and as long as its key is kept.
pub const LAST_RESORT_ROTATION_DAYS: u32 = 7;

/// A last-resort prekey is not sealed to when older, but by a device that has nothing else and must not be mute.
/// Its private half is kept [`PRIVATE_HALF_DAYS`], of which an envelope may spend [`MAILBOX_DAYS`] in a mailbox. Who was
/// silent for longer is reached when they come back.
pub const LAST_RESORT_MAX_AGE_DAYS: u32 = 60;

/// The longest hold at a relay.
pub const HOLD_MAX_DAYS: u32 = 30;

/// A panic kit older than this is sent all the same, with a warning.
pub const KIT_WARNING_DAYS: u32 = 45;

/// A relay keeps an undelivered envelope this long.
pub const MAILBOX_DAYS: u32 = 14;

/// Private halves of prekeys, and digests of envelopes read under a last-resort prekey, are kept this
/// long after issue, and expire only after the backlog has been read.
///
/// The longest way of an envelope: prekey 14 days old when sealed to, 45 days in a kit (holds: 30),
/// 14 days in a mailbox: 73; and a day of clock skew at either end, of which a relay's rounding to the hour takes one hour.
pub const PRIVATE_HALF_DAYS: u32 = 75;

/// Ids of spent prekeys are remembered this long, to tell *could not be opened* from *not for us*.
pub const SPENT_ID_DAYS: u32 = 365;

/// Parts of an incomplete message are kept this long: a mailbox's whole life, and once more for parts
/// that were asked for again.
pub const PART_DAYS: u32 = 2 * MAILBOX_DAYS;

/// One-time prekeys that a new member gets of each other member.
pub const STOCK_START: usize = 4;

/// One-time prekeys of one member that a sender holds at most: a day of heavy use without an answer.
pub const STOCK_MAX: usize = 32;

/// Below this many only alerts, check-ins and receipts may take a one-time prekey: a conversation must
/// not use up what an alert needs.
pub const STOCK_RESERVE: usize = 4;

/// A message is sealed again at most this often, so that an unreachable member drains no stock.
pub const MAX_RESEALS: u8 = 3;

const _: () = assert!(
    PREKEY_MAX_AGE_DAYS + KIT_WARNING_DAYS + MAILBOX_DAYS + 2 * CLOCK_SKEW_DAYS
        <= PRIVATE_HALF_DAYS
);
const _: () =
    assert!(LAST_RESORT_MAX_AGE_DAYS + MAILBOX_DAYS + CLOCK_SKEW_DAYS <= PRIVATE_HALF_DAYS);
const _: () = assert!(HOLD_MAX_DAYS <= KIT_WARNING_DAYS);
const _: () = assert!(LAST_RESORT_ROTATION_DAYS <= PREKEY_MAX_AGE_DAYS);

/// Whether the private half of a prekey of `issued` may be deleted. Only after the backlog was read.
#[must_use]
pub fn private_half_expired(issued: Day, today: Day) -> bool {
    today.0.saturating_sub(issued.0) > PRIVATE_HALF_DAYS
}
