//! Every size, count and timeout by which strangers cannot cost the relay more, each with its reason. Those an operator may set are in
//! [`Limits`] (file section `[limits]`, flag, environment variable); the rest are constants. Beside their code are only the layouts of
//! files and frames, and how the store tends its own files: how often, how much of it in one step, and what room that needs.

mod memory;

use std::time::Duration;

use clap::Args;
use serde::Deserialize;
use velar_protocol::wire::ServedLimits;
use velar_protocol::wire::limits::MAX_CHILD_S;

use crate::rate::Rate;

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident / $env:literal : $type:ty = $default:expr, $min:literal $(..=$max:expr)?;)+) => {
        /// The limits that an operator may set.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $name: $type,)+
        }

        /// The defaults, for a machine of 1 GB and circles of 3 to 32 people; reasons at each field.
        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        /// The same limits as flags and environment variables; what is given here wins over the file.
        #[derive(Args, Clone, Debug, Default)]
        #[command(next_help_heading = "Limits")]
        pub struct LimitFlags {
            $($(#[doc = $doc])+
            #[arg(long, env = $env, value_name = "N", hide_env_values = true, hide_short_help = true)]
            pub $name: Option<$type>,)+
        }

        impl LimitFlags {
            /// Names of the environment variables understood here.
            pub(crate) const ENVIRONMENT: &[&str] = &[$($env),+];

            /// `limits` with what was given here in its place.
            #[must_use]
            pub fn over(&self, limits: Limits) -> Limits {
                Limits { $($name: self.$name.unwrap_or(limits.$name),)+ }
            }
        }

        impl Limits {
            /// The first limit that is below what can work, with its least value.
            pub(crate) fn below_minimum(&self) -> Option<(&'static str, u64)> {
                [$((stringify!($name), u64::from(self.$name), $min)),+]
                    .into_iter()
                    .find_map(|(name, value, least)| (value < least).then_some((name, least)))
            }

            /// The first limit that is above what clients count on, with its greatest value.
            pub(crate) fn above_maximum(&self) -> Option<(&'static str, u64)> {
                let bounded: &[(&'static str, u32, u32)] =
                    &[$($((stringify!($name), self.$name, $max),)?)+];
                let over = |(name, value, most): &(&'static str, u32, u32)| {
                    (value > most).then_some((*name, u64::from(*most)))
                };
                bounded.iter().find_map(over)
            }
        }
    };
}

limits! {
    /// Connections in all. 38 KiB each when idle (tests/BENCHMARKS.md), and 32 KiB more with something on its way.
    connections / "VELAR_RELAY_CONNECTIONS": u32 = 3_000, 1;
    /// Connections from one address prefix (/24 or /64), and four times as many from the wider ones around it (/16; /48, /32). A whole
    /// organisation or a Tor exit may share one. Over it, and over all connections, who has shown nothing yet leaves for who comes.
    connections_per_prefix / "VELAR_RELAY_CONNECTIONS_PER_PREFIX": u32 = 512, 1;
    /// Handshakes in flight; beyond it, the oldest of the most crowded prefix is dropped, the widest prefixes first. A post-quantum
    /// handshake costs about 0.3 ms.
    handshakes / "VELAR_RELAY_HANDSHAKES": u32 = 512, 1;
    /// Handshakes in flight from which on a client must first prove its address (one more round trip).
    handshakes_before_retry / "VELAR_RELAY_HANDSHAKES_BEFORE_RETRY": u32 = 64, 0;
    /// Mailboxes in all. About 700 bytes of memory each, their tokens and envelopes aside.
    mailboxes / "VELAR_RELAY_MAILBOXES": u32 = 40_000, 1;
    /// Mailboxes that one address prefix (/24 or /64) may newly open within ten minutes; its larger prefixes (/16; /48, /32) eight
    /// times as many each. A training of 30 people behind one address fits. Fewer when most mailboxes are taken.
    new_mailboxes_per_prefix / "VELAR_RELAY_NEW_MAILBOXES_PER_PREFIX": u32 = 32, 1;
    /// Mailboxes open by one access token, where it was not made with another number: some circles, and their invitations.
    access_mailboxes / "VELAR_RELAY_ACCESS_MAILBOXES": u32 = 256, 1;
    /// Of the send tokens, holds and room on the disk that are left, all mailboxes by one access token may have one part of as many as
    /// there are access tokens with mailboxes, and of so many at least: one alone leaves two thirds for the next, and however many
    /// take all they can leave more than a third. Each mailbox has its least all the same. 0: as much as there is.
    access_part / "VELAR_RELAY_ACCESS_PART": u32 = 2, 0;
    /// Send tokens in all. About 150 bytes of memory each; a member of a circle of 12 has about 30.
    tokens / "VELAR_RELAY_TOKENS": u32 = 450_000, 128;
    /// Envelopes waiting in one mailbox: 14 days of hourly check-ins of 31 members, with spare room.
    mailbox_envelopes / "VELAR_RELAY_MAILBOX_ENVELOPES": u32 = 16_384, 1;
    /// Envelopes in all, waiting and held, floors of open mailboxes among them. About 380 bytes of memory each, however much room the
    /// disk has. Beyond it the relay does as on a disk that is nearly full.
    envelopes / "VELAR_RELAY_ENVELOPES": u32 = 360_000, 8;
    /// Of the room that is left on the disk and in memory beside all floors, one mailbox may have one part of so many. The 32 new ones of one prefix,
    /// filled as fast as possible, leave 60 % of it. 0: as much as there is.
    mailbox_part / "VELAR_RELAY_MAILBOX_PART": u32 = 64, 0;
    /// Digests of acknowledged envelopes that all mailboxes remember together, beside four of each. About 100 bytes of memory each.
    remembered / "VELAR_RELAY_REMEMBERED": u32 = 30_000, 0;
    /// Envelopes one token may have waiting: 14 days of hourly check-ins, heartbeats and receipts, doubled.
    token_envelopes / "VELAR_RELAY_TOKEN_ENVELOPES": u32 = 2_048, 1;
    /// Seconds an envelope is kept for its recipient (14 days, and no more: clients delete old keys).
    envelope_age_s / "VELAR_RELAY_ENVELOPE_AGE_S": u32 = 14 * 86_400, 1..=14 * 86_400;
    /// Seconds after which a mailbox that nobody opened or read is deleted (90 days).
    mailbox_idle_s / "VELAR_RELAY_MAILBOX_IDLE_S": u32 = 90 * 86_400, 1;
    /// Longest hold in seconds (30 days, and no more: prekeys of held envelopes are kept 75 days by their owners).
    hold_length_s / "VELAR_RELAY_HOLD_LENGTH_S": u32 = 30 * 86_400, 1..=30 * 86_400;
    /// Holds in all.
    holds / "VELAR_RELAY_HOLDS": u32 = 20_000, 0;
    /// Deliveries of all holds together, those that are not held among them. About 130 bytes of memory each.
    hold_deliveries / "VELAR_RELAY_HOLD_DELIVERIES": u32 = 100_000, 64;
    /// Of the holds and their deliveries that may still be left, one mailbox may be in one part of so many, 256 at most: one of each of 31
    /// others, with room for those of a circle that changes. A hundred greedy ones leave two thirds. 0: as many as there is room for.
    hold_part / "VELAR_RELAY_HOLD_PART": u32 = 256, 0;
    /// Extensions and replacements of one hold a minute, on average: each writes it anew, and takes no new room. A check-in every quarter
    /// of an hour needs a sixtieth.
    hold_rate_per_min / "VELAR_RELAY_HOLD_RATE_PER_MIN": u32 = 4, 1;
    /// Extensions and replacements of one hold at once: a device that repeats over a bad network, and somebody who changes their mind.
    hold_burst / "VELAR_RELAY_HOLD_BURST": u32 = 32, 1;
    /// Longest wait in seconds before holds are released after an outage, so that missed extensions arrive.
    outage_wait_s / "VELAR_RELAY_OUTAGE_WAIT_S": u32 = 900, 0;
    /// Envelopes a minute that one token may send, on average. A panic with repeats needs a tenth.
    token_rate_per_min / "VELAR_RELAY_TOKEN_RATE_PER_MIN": u32 = 240, 1;
    /// Envelopes that one token may send at once: a backlog after days without a network.
    token_burst / "VELAR_RELAY_TOKEN_BURST": u32 = 512, 1;
    /// Requests a minute on one connection, on average; each delivery of a hold counts as one, and each token of an Open.
    connection_rate_per_min / "VELAR_RELAY_CONNECTION_RATE_PER_MIN": u32 = 6_000, 1;
    /// Requests at once on one connection: a whole outbox after days without a network.
    connection_burst / "VELAR_RELAY_CONNECTION_BURST": u32 = 4_096, 128;
    /// Subscriptions at once on one connection. One serves 16 mailboxes.
    subscriptions_per_connection / "VELAR_RELAY_SUBSCRIPTIONS_PER_CONNECTION": u32 = 4, 1;
    /// Seconds a connection may be silent. Clients ping every 15 to 25 s.
    idle_timeout_s / "VELAR_RELAY_IDLE_TIMEOUT_S": u32 = 90, 1;
    /// Seconds from the handshake to the first valid frame.
    first_frame_s / "VELAR_RELAY_FIRST_FRAME_S": u32 = 5, 1;
    /// Free space in MiB below which nothing new is taken in: the store must never meet a full disk. With many envelopes it is
    /// more, so that the store can be written anew when half of them are gone; 0 takes both away.
    free_space_mib / "VELAR_RELAY_FREE_SPACE_MIB": u32 = 512, 0;
    /// Memory in MiB for the store's cache of pages.
    cache_mib / "VELAR_RELAY_CACHE_MIB": u32 = 48, 8;
}

impl Limits {
    /// What clients are told.
    #[must_use]
    pub fn served(&self) -> ServedLimits {
        ServedLimits {
            envelope_age_s: self.envelope_age_s,
            hold_length_s: self.hold_length_s,
            mailbox_envelopes: self.mailbox_envelopes,
            token_envelopes: self.token_envelopes,
            mailbox_idle_s: self.mailbox_idle_s,
        }
    }
}

/// Envelopes that every mailbox has room for as long as it is open, whoever fills the disk: an alarm from each of a few people.
pub(crate) const FLOOR: u32 = 8;
/// Of these, how many by one token.
pub(crate) const FLOOR_OF_TOKEN: u32 = 2;
/// Of the send tokens that are not registered yet, one mailbox may have one part of so many, if that is more than
/// [`TOKENS_OF_MAILBOX`].
pub(crate) const TOKEN_PARTS: u64 = 64;
/// See [`TOKEN_PARTS`]: what a member of a circle of 12 needs. Also where the access token's mailboxes have its share of them.
pub(crate) const TOKENS_OF_MAILBOX: u64 = 32;
/// New tokens that one mailbox may register: 128 at once, twice, and then ten a minute. Each costs a lookup and 32 bytes in a record
/// that is written anew. A circle of 32 is set up within these.
pub(crate) const NEW_TOKENS: Rate = Rate { per_min: 10, burst: 256 };
/// Envelopes held for one mailbox: see [`Limits::hold_part`].
pub(crate) const HELD_FOR_MAILBOX: u32 = 256;
/// See [`Limits::hold_part`]: a mailbox is in so many in any case, also where those of its access token are in its share of them.
pub(crate) const HELD_FOR_EACH: u32 = 8;
/// Envelopes held by one token for one mailbox, where mailboxes have a part: a member has one hold, and leaves the next one before an
/// earlier is over. One token must not take the part of all who have one.
pub(crate) const HELD_FOR_TOKEN: u32 = 8;
/// Of the deliveries of holds that may still be left, one hold may have one part of so many that are not held, and in any case as many as
/// are, or as the one had that it replaces. Whoever names recipients who are none leaves 65 000.
pub(crate) const NOT_HELD_PARTS: u64 = 1024;
/// Seconds of hold time after which a hold is dropped whose recipients are all gone. A device that registered an older set of its
/// tokens may be off for a while before it registers the newer one again: until then the hold stays.
pub(crate) const ABANDONED_AFTER_S: u64 = 86_400;
/// Subscriptions to one mailbox: one device, a few commands beside its watch, and connections that died unnoticed. Every one costs a
/// wake-up and a copy of each envelope.
pub(crate) const READERS: usize = 8;
/// Mailboxes looked at under one lock: well below a millisecond.
pub(crate) const MAILBOXES_SWEPT_AT_ONCE: usize = 256;
/// Holds looked at under one lock: up to 64 tokens each.
pub(crate) const HOLDS_SWEPT_AT_ONCE: usize = 64;
/// Envelopes that expire under one lock.
pub(crate) const EXPIRED_AT_ONCE: usize = 1024;
/// Slices of a sweep, each of [`MAILBOXES_SWEPT_AT_ONCE`], [`HOLDS_SWEPT_AT_ONCE`] and [`EXPIRED_AT_ONCE`], between two looks a second
/// apart at what is due; one while the writer is behind. 40 000 mailboxes and 20 000 holds take 10 s, 16 384 envelopes of one mailbox
/// one more.
pub(crate) const SLICES_SWEPT_PER_TICK: usize = 32;
/// Handshakes in flight from a /24 or /64, and half of [`WIDER_PREFIX`] times as many from the wider ones around it: one network has
/// half of all. Beyond it the oldest of them is dropped: one round trip of an honest one is over by then.
pub(crate) const HANDSHAKES_PER_PREFIX: u32 = 64;
/// Connections that have ended and that QUIC still keeps, in all, beside as many as there are seats free; then those who come wait.
pub(crate) const GONE: u64 = 256;
/// From so many on who comes must first prove its address, and each network has one part of so many that there may still be: /24 or
/// /64, /16 or /48, /32.
pub(crate) const GONE_MANY: u64 = 64;
/// See [`GONE_MANY`]. Two hundred networks leave something to the next.
pub(crate) const GONE_PARTS: [u64; 3] = [64, 16, 8];
/// What each has in any case, as long as it has not come to [`GONE`].
pub(crate) const GONE_LEAST: [u64; 3] = [1, 2, 4];
/// Three probe timeouts (RFC 9002 §6.2), and a little: as long as QUIC keeps a connection that ended before a round trip was known.
pub(crate) const GONE_TIME: Duration = Duration::from_millis(3_200);
/// Longest time for which one counts: a client may make its round trips look long.
pub(crate) const GONE_LONGEST: Duration = Duration::from_secs(120);
/// What a client may wait before it acknowledges (RFC 9000 §18.2): a part of each of these timeouts.
pub(crate) const ACK_DELAY: Duration = Duration::from_millis(25);
/// Of these, remembered with their prefixes: 1 MiB.
pub(crate) const GONE_REMEMBERED: usize = 8192;
/// Minutes after which it does not matter any more that somebody opened mailboxes: prefixes are remembered for so long.
pub(crate) const NEWCOMER_WINDOW_MIN: u32 = 10;
/// How many times as much as the narrowest prefix a wider one around it may have.
pub(crate) const WIDER_PREFIX: u32 = 8;
/// Of the mailboxes that may still be opened, one prefix may open one part of so many within ten minutes, and one in any case.
pub(crate) const NEWCOMER_PARTS: u64 = 1024;
/// Prefixes remembered for their new mailboxes: 8 MiB. While there are more, new ones wait.
pub(crate) const REMEMBERED_PREFIXES: usize = 65_536;
/// Seconds for which they wait: a prefix that opened one mailbox is forgotten after a quarter of it.
pub(crate) const PREFIXES_RETRY_S: u32 = 60;
/// Of these, forgotten in one step, under a lock for which the one of all mailboxes may wait: well below a millisecond.
pub(crate) const FORGOTTEN_AT_ONCE: usize = 256;
/// Of the seats that nobody keeps, a /24 or /64 may keep one part of 256, a /16 or /48 one of 32, and a /32 one of 8. Two hundred
/// attacking prefixes leave 45 % of them.
pub(crate) const SEAT_PARTS: [u64; 3] = [256, 32, 8];
/// Seats that every prefix may keep while half of all are free, however few there are in all.
pub(crate) const KEPT_SEATS: u64 = 4;
/// The same as [`SEAT_PARTS`] for memory of frames: a prefix has 850 KiB of it, three of the longest, and 200 leave 650 KiB until their
/// frames time out.
pub(crate) const FRAME_PARTS: [u64; 3] = [48, 16, 4];
/// The same for [`WIDE_CONNECTIONS`].
pub(crate) const WIDE_PARTS: [u64; 3] = [16, 8, 4];
/// Of these, what one network may have while half of all are free: many people may come from one, through a proxy.
pub(crate) const WIDE_LEAST: u64 = WIDE_CONNECTIONS / 2;
/// Bidirectional streams a client may have open: the 8 of SPEC §4.1, and one more, because quinn announces new ones only
/// when more than an eighth of them have ended. It keeps one map entry per stream that may be opened.
pub(crate) const STREAMS: u32 = 8 + 1;
/// Longest time in which a frame that has begun may come, and a second more for so many of its bytes: the slowest mobile
/// network that is still one sends a hold of 64 envelopes within three minutes.
pub(crate) const FRAME_TIME: Duration = Duration::from_secs(10);
/// See [`FRAME_TIME`].
pub(crate) const FRAME_BYTES_PER_S: usize = 2 * 1024;
/// Bytes of frames longer than [`SMALL_FRAME`] that are not whole or not carried out yet, in all; see
/// [`FRAME_PARTS`]. While there is no room for one, the rest of it is left on its way.
pub(crate) const FRAMES_AT_ONCE: u64 = 40 << 20;
/// Bytes of envelopes on their way to subscribers whose streams have not taken them, in all; see [`FRAME_PARTS`]. A prefix
/// has 170 KiB of it, and 200 leave 130 KiB. Beside it each connection has room for one, where it has for half a [small frame](SMALL_FRAME).
pub(crate) const DELIVERIES_AT_ONCE: u64 = 8 << 20;
/// Bytes of a frame that each connection has room for in any case: every request but a `Hold` of more than one envelope.
pub(crate) const SMALL_FRAME: usize = 8 * 1024;
/// Pieces of streams that a connection may have sent and that could not be read, a hundred bytes of memory each: the narrow window
/// holds 340 of the shortest requests, each by itself.
pub(crate) const CRUMBS: u64 = 512;
/// Bytes read for which one piece more may have come: the shortest request has three times as many, its end may come by itself, and
/// both may be repeated.
pub(crate) const CRUMB: u64 = 2;
/// Between two looks at how many there are, while some come. A wide window of single bytes, each by itself, is all that can come between.
pub(crate) const CRUMBS_LOOK: Duration = Duration::from_millis(250);
/// The same while none come.
pub(crate) const CRUMBS_REST: Duration = Duration::from_secs(2);
/// Bytes of a handshake that QUIC keeps before those in front of them are there: a `ClientHello` with a post-quantum key has 1.6 KB.
pub(crate) const HANDSHAKE_BUFFER: usize = 4 * 1024;
/// How often somebody whose frame there is no room for looks again.
pub(crate) const FRAME_WAIT: Duration = Duration::from_millis(50);
/// Bytes asked of quinn at once; it hands over what came in one packet, or a few.
pub(crate) const READ_AT_ONCE: usize = 64 * 1024;
/// Bytes in flight on one stream, from the client: 30 envelopes.
pub(crate) const STREAM_WINDOW: u32 = 128 * 1024;
/// Bytes in flight on one connection, from a client that has shown nothing yet: five envelopes.
pub(crate) const NARROW_WINDOW: u32 = 24 * 1024;
/// Bytes on their way to such a client, and to one that reads and has no wide window: answers are short, and two envelopes at a time
/// are some ten in a second on a slow network.
pub(crate) const NARROW_SEND_WINDOW: u64 = 8 * 1024;
/// Bytes in flight from one of the [`WIDE_CONNECTIONS`] that have sent something. quinn announces room whenever an eighth of it has been
/// read: to a narrow window that is one packet more for every envelope.
pub(crate) const WIDE_WINDOW: u32 = 256 * 1024;
/// Bytes on their way to one of as many that read: a full set of unacknowledged envelopes.
pub(crate) const WIDE_SEND_WINDOW: u64 = 320 * 1024;
/// Connections with a wide window in one direction, of those that have shown a token, or an owner's proof: 72 MiB for both.
pub(crate) const WIDE_CONNECTIONS: u64 = 128;
/// Handshakes that quinn keeps before the relay has looked at them.
pub(crate) const MAX_INCOMING: usize = 2048;
/// Bytes of early packets kept for one of these.
pub(crate) const INCOMING_BUFFER: u64 = 64 * 1024;
/// The same, in all.
pub(crate) const INCOMING_BUFFER_TOTAL: u64 = 8 * 1024 * 1024;
/// Bytes asked of the kernel for packets that wait, each way: 64 clients with 16 envelopes each.
pub(crate) const SOCKET_BUFFER: usize = 4 << 20;
/// Packets handed to the kernel at once for one connection: one envelope.
pub(crate) const BATCH_PACKETS: usize = 3;
/// A handshake that takes longer is dropped; four round trips of a bad satellite link fit.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Requests of one stream that wait for the disk. A sender with 16 outstanding never waits for this.
pub(crate) const MAX_PIPELINED: usize = 64;
/// Envelopes waiting for the writer, those of holds among them: 8 MiB. Jobs at most as many.
pub(crate) const WRITER_QUEUE: usize = 2048;
/// Jobs in one commit. Beyond a few hundred a bigger group gains nothing.
pub(crate) const WRITER_GROUP: usize = 1024;
/// Longest time between two commits while something is written.
pub(crate) const COMMIT_EVERY: Duration = Duration::from_secs(1);
/// Between two looks at the free space, which are system calls; and writes, in envelopes: a mebibyte comes between two.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// See [`LOOK_EVERY`].
pub(crate) const LOOK_AFTER: usize = 256;
/// One commit that takes longer means a disk that is gone: the process aborts for its supervisor.
pub(crate) const COMMIT_WATCHDOG: Duration = Duration::from_secs(30);
/// Envelopes kept in memory for subscribers that are slower than the disk: 16 MiB. Others are read back.
pub(crate) const CACHED_ENVELOPES: usize = 4096;
/// Envelopes read back from the store in one step: 64 KiB.
pub(crate) const READ_BATCH: usize = 16;
/// Free bytes below which nothing at all is written: four of the store's segments, which it may take at once.
pub(crate) const WRITE_ROOM: u64 = 32 << 20;
/// Free bytes that rewriting the ledger leaves on a disk on which nothing else is written any more. It gives back more.
pub(crate) const REWRITE_LEAVES: u64 = 8 << 20;
/// Bytes of entries that go to the ledger in one piece, and one entry more.
pub(crate) const LEDGER_PART: usize = 8 << 20;
/// Bytes of what lives of a ledger that is rewritten in one reading: it is in memory meanwhile, 20 MB at most.
pub(crate) const REWRITTEN_AT_ONCE: u64 = 8 << 20;
/// Between two readings of the store's whole file for what its engine does not find, however many ask for it.
pub(crate) const RESCUE_EVERY: Duration = Duration::from_secs(60);
/// The store's file is written anew when it is longer than so many times what lives in it: nobody fills the disk with what has gone.
pub(crate) const BLOAT: u64 = 4;
/// The same while the disk is low.
pub(crate) const BLOAT_LOW: u64 = 2;
/// Envelopes of released holds that may wait in memory for room on the disk: 8 MiB. Further holds wait.
pub(crate) const RELEASED_WITHOUT_ROOM: usize = 2048;
/// Digests remembered per mailbox after the acknowledgement: a repetition whose answer was lost is a double.
pub(crate) const REMEMBERED: usize = 256;
/// Of those that may still be remembered in all, one mailbox may remember one part of so many.
pub(crate) const REMEMBERED_PARTS: u64 = 64;
/// So many in any case: one sender or two who repeat.
pub(crate) const REMEMBERED_LEAST: usize = 4;
/// Seconds they are remembered. A sender repeats within minutes.
pub(crate) const REMEMBER_S: u64 = 3600;
/// Sequences promised on disk at a time, so that numbers keep growing across restarts.
pub(crate) const SEQUENCE_BLOCK: u64 = 1024;
/// Seconds for which a lost hold is told as such: the longest a hold may last.
pub(crate) const LOST_HOLD_S: u64 = 30 * 86_400;
/// Access tokens that are valid at once: each text that is shown is compared with all of them.
pub(crate) const ACCESS_TOKENS: usize = 64;
/// Bytes of an access token's name.
pub(crate) const ACCESS_NAME_LEN: usize = 64;
/// Bytes of the file of access tokens: all of them with the longest names take a quarter.
pub(crate) const ACCESS_FILE_LEN: usize = 64 * 1024;
/// For so long a relay waits at its start for a command that changes its access tokens.
pub(crate) const ACCESS_LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// Seconds after its expiry for which a child of an access token is still good: clocks of people's devices differ.
pub(crate) const CHILD_TOLERANCE_S: u64 = 3600;
/// Seconds of age time for which a used child is remembered: the longest that one can be good for, and a day.
pub(crate) const SPENT_CHILD_S: u64 = MAX_CHILD_S + 86_400;
/// Used children remembered of one access token: 128 newcomers a day. They are one record, of 24 KiB then.
pub(crate) const SPENT_CHILDREN: usize = 1024;
/// Bytes of a line on the socket for commands.
pub(crate) const ADMIN_LINE: usize = 4096;
/// Bytes of an answer there: all access tokens with their names.
pub(crate) const ADMIN_ANSWER: usize = 64 * 1024;
/// Commands served there at once.
pub(crate) const ADMIN_CONNECTIONS: usize = 4;
/// For so long a command there may take to be asked, and to be answered: a disk that flushes slowly.
pub(crate) const ADMIN_TIME: Duration = Duration::from_secs(10);
/// Seconds between marks of the relay's time: the error of an outage's measured length.
pub(crate) const CLOCK_MARK_S: u64 = 10;
/// Seconds without a tick (machine asleep, disk stalled) that count as an outage.
pub(crate) const OUTAGE_GAP_S: u64 = 60;
/// Milliseconds by which the wall clock must differ from what it should say for it to have been set. A leap second is
/// no jump.
pub(crate) const CLOCK_JUMP_MS: u64 = 2_000;
/// Milliseconds after the start in which a machine without a battery for its clock hears the right time: a jump
/// forward then tells how long the outage was.
pub(crate) const CLOCK_SETTLES_MS: u64 = 600_000;
/// Milliseconds that mail and mailboxes age at a restart at most: a repair of that length is common, a clock that is
/// wrong by weeks would delete everything.
pub(crate) const COUNTED_AT_START_MS: u64 = 86_400_000;
/// Milliseconds of running after which the wall clock of the start is believed: a day for the operator to notice.
pub(crate) const TRUSTED_AFTER_MS: u64 = 86_400_000;
/// Holds released in one step, each read from the store: bounds memory after an outage.
pub(crate) const RELEASED_AT_ONCE: usize = 16;
/// Seconds a client should wait when the relay cannot serve.
pub(crate) const UNAVAILABLE_RETRY_S: u32 = 5;
/// Seconds a client should wait when a mailbox, a token or the disk has no room.
pub(crate) const FULL_RETRY_S: u32 = 300;
/// Time for the last words of streams at shutdown.
pub(crate) const DRAIN: Duration = Duration::from_secs(3);
