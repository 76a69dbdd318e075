//! Bounds of what members say to each other, each with its reason.

/// Members in a roster. A load-test limit; clients warn above [`COMFORTABLE_MEMBERS`].
pub const MAX_MEMBERS: usize = 32;

/// Above this many, each person feels less responsible (diffusion of responsibility).
pub const COMFORTABLE_MEMBERS: usize = 12;

/// Bytes of UTF-8 in a person's or circle's name: fits on one line of a narrow terminal.
pub const MAX_NAME_LEN: usize = 64;

/// Bytes of UTF-8 in a text that a person writes: about five envelopes, a page.
pub const MAX_TEXT_LEN: usize = 12_000;

/// Relays on one card: each costs every sender a connection.
pub const MAX_ADDRESSES: usize = 4;

/// Message ids in one receipt: 64 × 16 bytes leave room for a prekey in the same envelope.
pub const MAX_RECEIPT: usize = 64;

/// An end of an alert that stood for so long, in seconds (7 days), when who said it left the circle stands for good.
pub const PUT_AWAY_S: u64 = 7 * 86_400;

/// Roster states in one message: a laggard that needs more asks again.
pub const MAX_CHAIN: usize = 16;

/// {address, prekey} pairs that a member leaves with each coordinator for newcomers.
pub const SPARES: usize = 4;

/// Spares in one message.
pub const MAX_SPARES: usize = 8;

/// Contacts outside the circle: a list that a person reads in an emergency.
pub const MAX_CONTACTS: usize = 16;

/// Bytes of UTF-8 that say how to reach a contact: two lines.
pub const MAX_CONTACT_LEN: usize = 256;

/// Open alerts whose event sets one message compares.
pub const MAX_ALERT_MARKS: usize = 4;

/// Ids in one set of an alert's event: 4 KiB, two envelopes. Who has more to name makes several events.
pub const MAX_NAMED: usize = 256;

/// Events said to devices of a person under duress in place of one: a claim over more than 1 024 others is not told apart.
pub const MAX_IN_PLACE: usize = 4;

/// Events kept per alert and member who *brought* them, whoever is said to be their author: nobody can
/// fill another's vault, or use up another's share with forged hearsay.
pub const MAX_EVENTS_PER_AUTHOR: usize = 256;

/// Tagged fields at the end of one check-in, alarm, card or roster: a version adds one or two.
pub const MAX_EXTENSIONS: usize = 8;

/// Bytes of those fields in all: an alarm that was sealed beforehand still fits one envelope.
pub const MAX_EXTENSIONS_LEN: usize = 512;

/// Minutes that any interval or grace may last: 30 days, the longest hold. Later is not watching over.
pub const MAX_INTERVAL_MIN: u32 = 30 * 24 * 60;

/// Minutes that an unanswered alert may wait for a repeat or a tier, or a claim be quiet: a day.
pub const MAX_RESPONSE_MIN: u32 = 24 * 60;

/// Seconds that one receipt may call a terminal watched: a long shift.
pub const MAX_WATCH_S: u64 = 12 * 3600;

/// Seconds an invitation may be answered.
pub const INVITATION_S: u64 = 48 * 3600;

/// Seconds for which the child of an access token in an invitation is good: a day longer, for clocks that differ and for who
/// answers at the last moment.
pub const INVITATION_ACCESS_S: u64 = 72 * 3600;
