//! Looks at sled's file before sled does.
//!
//! sled takes a message that does not check out for the place where a crash cut its log: it passes over the rest of
//! that segment, and at the young end of the log it overwrites all that follows. One flipped bit then costs everything
//! after it. What sled would pass over can be told beforehand, from its own rules (sled 0.34.7, `pagecache/iterator.rs`
//! and `pagecache/logger.rs`):
//!
//! ```text
//! file    = segments of 8 MiB
//! segment = crc32 ^ ff*4 (4) ‖ lsn ^ 7f ff*7 (8) ‖ stable lsn ^ 7f ff*7 (8) ‖ messages
//! message = crc32 ^ ff*4 (4) ‖ kind (1) ‖ length (var) ‖ segment number (var) ‖ page (var) ‖ body
//! ```
//!
//! In a log that is in order the last segment is not sealed; after a kill a few may not be. Behind the end of the first of
//! these there is nothing that lives and is not elsewhere, too, and nothing that was committed. If there is, or if
//! segments are missing, the store is rebuilt from its records instead of being opened: sled would lose some of them,
//! or look for pages for ever.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::Path;

use super::compaction::COPIED;
use super::database::SEGMENT;
use super::reconcile::PURGED;
use super::salvage::each_record;
use super::target::noted;
use crate::store::entry::Entry;
use crate::store::ledger;
use crate::store::record::{self, Kind, Raw, take};

const SEGMENT_HEAD: usize = 20;
/// Nearer to its end no message begins in a segment.
const RED_ZONE: usize = 32;
const CORRUPTED: u8 = 0;
const CAP: u8 = 2;
const LAST_KIND: u8 = 11;

/// One segment as sled would read it.
struct Segment {
    /// `None`: its head does not check out.
    head: Option<Head>,
    /// Where its messages end.
    end: usize,
    /// They end as they should: with the segment, or with a cap.
    sealed: bool,
}

#[derive(Clone, Copy)]
struct Head {
    lsn: u64,
    stable_lsn: u64,
}

/// Which record, of which commit.
type Which = (Kind, u64, Vec<u8>);

fn which(raw: &Raw<'_>) -> Which {
    (raw.kind, raw.commit, raw.key.to_vec())
}

/// Whether sled would find all of its log at `path` without a snapshot. Where it does not, it clears every segment and
/// calls the database empty.
///
/// # Errors
/// What the system says.
pub(super) fn is_whole_without_snapshot(path: &Path) -> io::Result<bool> {
    let mut heads = Vec::new();
    for_each_segment(&File::open(path)?, &mut |bytes| {
        let segment = segment(bytes);
        heads.extend(segment.head.map(|head| (head, segment.end_lsn(head))));
    })?;
    Ok(end_of_log(&heads, 0).is_some())
}

/// Why sled's log at `path` is damaged, or was cut so that sled would lose what lives by a ledger that knows all commits
/// up to `known`. `None`: it is in order. sled goes on from its snapshot, which has the log up to `snapshot`.
///
/// # Errors
/// What the system says.
pub(super) fn damage(
    path: &Path,
    snapshot: u64,
    known: u64,
    lives: &dyn Fn(&Raw<'_>) -> bool,
) -> io::Result<Option<&'static str>> {
    let file = File::open(path)?;
    let (mut heads, mut headless, mut purged) = (Vec::new(), false, 0);
    // What is behind the end of a segment, and what is in a segment behind the end of the log.
    let (mut hidden, mut dropped): (HashSet<Which>, HashSet<Which>) = Default::default();
    // Of the hidden ones those that are no leftovers, and that the ledger does not know.
    let mut cut_off: HashSet<Which> = HashSet::new();
    for_each_segment(&file, &mut |bytes| {
        let segment = segment(bytes);
        match segment.head {
            Some(head) => heads.push((head, segment.end_lsn(head))),
            // One that was never used, or that sled has cleared, is empty.
            None => headless |= bytes.iter().any(|byte| *byte != 0),
        }
        if !segment.sealed {
            let mut is_young = false;
            each_record(bytes.get(segment.end..).unwrap_or_default(), &mut |_, raw| {
                is_young |= raw.commit > known;
                if raw.key == PURGED {
                    purged = raw.commit.max(purged);
                } else if lives(raw) {
                    hidden.insert(which(raw));
                }
            });
            if is_young {
                segment.each_message_behind(bytes, &mut |message| {
                    each_record(message, &mut |_, raw| {
                        if raw.commit > known {
                            cut_off.insert(which(raw));
                        }
                    });
                });
            }
        }
    })?;
    if headless {
        return Ok(Some("a segment of its log has no head"));
    }
    let Some(last) = end_of_log(&heads, snapshot) else {
        return Ok(Some("its log is cut before its end"));
    };
    let is_dropped = |segment: &Segment| segment.head.is_some_and(|head| head.lsn > last);
    if heads.iter().any(|(head, _)| head.lsn > last) {
        for_each_segment(&file, &mut |bytes| {
            let segment = segment(bytes);
            if is_dropped(&segment) {
                each_record(bytes.get(..segment.end).unwrap_or_default(), &mut |_, raw| {
                    // What upkeep notes is of no commit that was answered.
                    let is_upkeep = raw.key == PURGED || raw.key == COPIED;
                    if raw.commit <= known && !is_upkeep {
                        dropped.insert(which(raw));
                    }
                });
            }
        })?;
    }
    if hidden.is_empty() && dropped.is_empty() && cut_off.is_empty() {
        return Ok(None);
    }
    let mut gone = HashSet::new();
    let mut last = cut_off.iter().map(|(_, commit, _)| *commit).max().unwrap_or(0);
    // A segment that is used again holds leftovers behind its end. What lives of them is elsewhere, too.
    for_each_segment(&file, &mut |bytes| {
        let segment = segment(bytes);
        if is_dropped(&segment) {
            return;
        }
        each_record(bytes.get(..segment.end).unwrap_or_default(), &mut |_, raw| {
            hidden.remove(&which(raw));
            dropped.remove(&which(raw));
            cut_off.remove(&which(raw));
            last = last.max(raw.commit);
            if raw.key == PURGED {
                purged = raw.commit.max(purged);
            } else if raw.kind == Kind::Note && raw.commit > known {
                for removed in noted(raw.body).unwrap_or_default() {
                    gone.extend(place(&removed));
                }
            }
        });
    })?;
    hidden.retain(|(_, _, key)| !gone.contains(key));
    // A ledger that does not know what went since it ended does not know what lives.
    let is_known = purged <= known;
    // The last group may have been cut off by a crash. Those before were on disk when it began; where the ledger has lost
    // only its unsynced end, a power cut is no damage.
    cut_off.retain(|(_, commit, _)| *commit < record::group_start(last));
    let is_lost = known == 0 || !is_known;
    let is_cut =
        !dropped.is_empty() || (is_known && !hidden.is_empty()) || (is_lost && !cut_off.is_empty());
    Ok(is_cut.then_some("its log is cut before something that was committed"))
}

/// The key of an envelope that was removed.
fn place(removed: &Entry) -> Option<Vec<u8>> {
    match removed {
        Entry::RemoveEnvelope(mailbox, sequence) | Entry::ExpireEnvelope(mailbox, sequence) => {
            Some(record::envelope_key(mailbox, *sequence).to_vec())
        }
        _ => None,
    }
}

/// Where sled would take the log to end, from each segment's head and, if it is not sealed, where its messages end: the
/// number of the last segment that counts. `None` if sled would lose some of it, or look for pages for ever.
///
/// sled follows the log from one segment to the next, from the one on that its snapshot or the newest head calls stable, up
/// to the first that is not sealed, and drops what comes later. It calls stable what it has handed to the kernel: after a
/// power cut a head may be there and the segment before it not, and sled would find nothing at all. A process that is
/// killed leaves all up to there whole. sled writes at several places at once; so it may leave an open segment behind that,
/// and later ones.
fn end_of_log(heads: &[(Head, Option<u64>)], snapshot: u64) -> Option<u64> {
    let start = |lsn: u64| lsn / SEGMENT as u64 * SEGMENT as u64;
    let Some(last) = heads.iter().map(|(head, _)| head.lsn).max() else { return Some(0) };
    let followed = heads.iter().filter(|(head, _)| head.lsn >= start(snapshot));
    let stable = followed.map(|(head, _)| head.stable_lsn).fold(snapshot, u64::max);
    let first = start(stable);
    let open = || heads.iter().filter_map(|(head, end)| end.map(|end| (head.lsn, end)));
    if open().any(|(_, end)| end < stable) {
        return None;
    }
    if first > last {
        // The next one was to be begun, or it is gone.
        return (first == stable).then_some(last);
    }
    let end = open().map(|(lsn, _)| lsn).min().unwrap_or(last);
    let is_there = |lsn| heads.iter().any(|(head, _)| head.lsn == lsn);
    (first..end).step_by(SEGMENT).all(is_there).then_some(end)
}

/// The number in the log of the newest segment of this file.
///
/// # Errors
/// What the system says.
pub(super) fn newest_segment(file: &File) -> io::Result<u64> {
    let (mut newest, mut bytes) = (0, [0; SEGMENT_HEAD]);
    for offset in (0..file.metadata()?.len()).step_by(SEGMENT) {
        if ledger::read_readable(file, &mut bytes, offset)? == SEGMENT_HEAD {
            newest = head(&bytes).map_or(newest, |head| newest.max(head.lsn));
        }
    }
    Ok(newest)
}

fn for_each_segment(file: &File, visit: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let mut bytes = vec![0; SEGMENT];
    let mut offset = 0;
    loop {
        let read = ledger::read_readable(file, &mut bytes, offset)?;
        visit(bytes.get(..read).unwrap_or_default());
        if read < SEGMENT {
            return Ok(());
        }
        offset += SEGMENT as u64;
    }
}

fn segment(bytes: &[u8]) -> Segment {
    let Some(head) = head(bytes) else { return Segment { head: None, end: 0, sealed: false } };
    let number = head.lsn / SEGMENT as u64;
    let mut end = SEGMENT_HEAD;
    let sealed = loop {
        if end > SEGMENT - RED_ZONE {
            break true;
        }
        match message(bytes.get(end..).unwrap_or_default(), number) {
            None => break false,
            Some((CAP, _)) => break true,
            Some((_, len)) => end += len,
        }
    };
    Segment { head: Some(head), end, sealed }
}

impl Segment {
    /// Where its messages end in the log, if it is not sealed.
    fn end_lsn(&self, head: Head) -> Option<u64> {
        (!self.sealed).then(|| head.lsn + self.end as u64)
    }

    /// Visits messages behind its end that are whole, and of this use of the segment: one before them is damaged.
    fn each_message_behind(&self, bytes: &[u8], visit: &mut dyn FnMut(&[u8])) {
        let Some(head) = self.head else { return };
        let (number, mut at) = (head.lsn / SEGMENT as u64, self.end);
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match message(rest, number) {
                Some((_, len)) => {
                    visit(rest.get(..len).unwrap_or_default());
                    at += len;
                }
                None => at += 1,
            }
        }
    }
}

fn head(bytes: &[u8]) -> Option<Head> {
    const FLIP: u64 = 0x7fff_ffff_ffff_ffff;
    let mut rest = bytes;
    let checksum = u32::from_le_bytes(take(&mut rest)?) ^ u32::MAX;
    let lsn = u64::from_le_bytes(take(&mut rest)?) ^ FLIP;
    // Before the first sync it is -1.
    let stable_lsn = i64::from_le_bytes(take(&mut rest)?) ^ FLIP as i64;
    let stable_lsn = u64::try_from(stable_lsn).unwrap_or(0);
    let ok = crc32fast::hash(bytes.get(4..SEGMENT_HEAD)?) == checksum;
    (ok && lsn.is_multiple_of(SEGMENT as u64)).then_some(Head { lsn, stable_lsn })
}

/// Kind and length in all of the message that these bytes begin with.
fn message(bytes: &[u8], number: u64) -> Option<(u8, usize)> {
    let mut rest = bytes;
    let checksum = u32::from_le_bytes(take(&mut rest)?);
    let [kind] = take(&mut rest)?;
    if kind == CORRUPTED || kind > LAST_KIND {
        return None;
    }
    let len = usize::try_from(varint(&mut rest)?).ok()?;
    let segment = varint(&mut rest)?;
    varint(&mut rest)?;
    let head_len = bytes.len() - rest.len();
    let body = rest.get(..len)?;
    if segment != number {
        return None;
    }
    let mut hash = crc32fast::Hasher::new();
    hash.update(body);
    hash.update(bytes.get(4..head_len)?);
    (hash.finalize() ^ u32::MAX == checksum).then_some((kind, head_len + len))
}

/// sled's integers of variable length, least significant byte first.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let [first] = take(bytes)?;
    let first = u64::from(first);
    Some(match first {
        0..=240 => first,
        241..=248 => 240 + 256 * (first - 241) + u64::from(take::<1>(bytes)?[0]),
        249 => {
            let [high, low] = take(bytes)?;
            2288 + 256 * u64::from(high) + u64::from(low)
        }
        _ => {
            let len = usize::try_from(first - 247).ok()?;
            let (digits, rest) = bytes.split_at_checked(len)?;
            *bytes = rest;
            digits.iter().rev().fold(0, |value, digit| value << 8 | u64::from(*digit))
        }
    })
}
