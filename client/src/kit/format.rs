//! What a kit's file holds, and its bytes. Pure.
//!
//! ```text
//! file       = "velar kit 1\n", generations one after another; or "velar kit 1\ndisarmed\n"
//! generation = MARKER(8), length of body u32le, checksum(16), body, marks
//! body       = number u64le, day u32le, alert(4), lacking u8,
//!              count u8, own relays: count × text,
//!              count u8, envelopes: count × (count u8, ways: count × (relay text, token(32)), envelope(4096))
//! text       = length u16le, UTF-8
//! marks      = used u8, used_s u64le, one byte for each way, in order
//! ```
//!
//! Each generation stands for itself: damage costs those that it hits and no other. Marks are outside the
//! checksum and change in place: that needs no room on a full disk.

use velar_protocol::hash::labelled;
use velar_protocol::seal::Day;
use velar_protocol::wire::limits::ENVELOPE_LEN;
use velar_protocol::wire::{Envelope, RelayAddress, SendToken};

const MAGIC: &[u8] = b"velar kit 1\n";
const DISARMED: &[u8] = b"disarmed\n";

/// Where a generation may begin; what only looks like it fails the checksum.
const MARKER: &[u8; 8] = b"\xffvelgen\x01";
const LABEL: &[u8] = b"velar client panic kit";
const HEAD_LEN: usize = MARKER.len() + 4 + 16;

/// `used` and `used_s`.
pub(super) const USED_LEN: usize = 9;

/// More is no kit: 3 generations of 32 members with four relays each are a seventh of it.
pub(super) const MAX_FILE_LEN: u64 = 4 << 20;

/// What a kit's file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The person wants no kit on this device.
    pub disarmed: bool,
    /// In the order of the file.
    pub generations: Vec<Generation>,
}

/// One alarm, ready to be posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Counts on for ever.
    pub number: u64,
    /// When it was sealed.
    pub day: Day,
    /// The first bytes of the alert's id: what people call it by.
    pub alert: [u8; 4],
    /// For how many people there was no key to seal to.
    pub lacking: u8,
    /// The relays where this device has mailboxes.
    pub homes: Vec<RelayAddress>,
    /// One for each person.
    pub envelopes: Vec<SealedFor>,
    /// When it was posted, if it was.
    pub used_s: Option<u64>,
    /// Where its marks are in the file. 0 in one that was not read from there.
    pub(super) marks_at: u64,
}

/// One person's envelope. Nothing here says whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedFor {
    /// The envelope.
    pub envelope: Envelope,
    /// Each of the relays that it goes to.
    pub ways: Vec<Way>,
}

/// One way of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The relay.
    pub relay: RelayAddress,
    /// The recipient's token there.
    pub token: SendToken,
    /// Whether that relay has it on disk.
    pub accepted: bool,
}

/// Which generation the next alarm posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its place among the generations.
    pub index: usize,
    /// It was used before and is not where it should be: the same alarm, tried again.
    pub again: bool,
}

/// An alarm that got nowhere is tried again for so long.
const LOST_S: u64 = 3600;

/// Which generation the next alarm posts. First one that was used in the last hour and is at no relay: that alarm is not
/// out yet, and is worth no other. (Later it may be that what a relay took was not noted: the same bytes would be read by nobody.) Then the first that was not used. Then, with none left, the newest that has not
/// got to everybody's relay. `None`: there is nothing to post.
#[must_use]
pub fn choose(generations: &[Generation], now_s: u64) -> Option<Choice> {
    let all = || generations.iter().enumerate().filter(|(_, one)| !one.envelopes.is_empty());
    let again = |(index, _): (usize, &Generation)| Choice { index, again: true };
    let recent = |one: &Generation| one.used_s.is_some_and(|at_s| at_s.abs_diff(now_s) < LOST_S);
    let nowhere = all().filter(|(_, one)| recent(one) && one.placed() == 0);
    if let Some(lost) = nowhere.max_by_key(|(_, one)| one.number) {
        return Some(again(lost));
    }
    if let Some((index, _)) = all().find(|(_, one)| one.used_s.is_none()) {
        return Some(Choice { index, again: false });
    }
    let partly = all().filter(|(_, one)| one.placed() < one.envelopes.len());
    partly.max_by_key(|(_, one)| one.number).map(again)
}

impl SealedFor {
    /// Whether some relay has it.
    #[must_use]
    pub fn is_placed(&self) -> bool {
        self.ways.iter().any(|way| way.accepted)
    }
}

impl Generation {
    /// One that nobody has used.
    #[must_use]
    pub fn new(
        number: u64,
        day: Day,
        alert: [u8; 4],
        lacking: u8,
        homes: Vec<RelayAddress>,
        envelopes: Vec<SealedFor>,
    ) -> Self {
        Self { number, day, alert, lacking, homes, envelopes, used_s: None, marks_at: 0 }
    }

    /// For how many people some relay has it.
    #[must_use]
    pub fn placed(&self) -> usize {
        self.envelopes.iter().filter(|one| one.is_placed()).count()
    }

    /// The alert's short id.
    #[must_use]
    pub fn alert(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.alert)
    }

    /// Where the mark of one way is, from the beginning of the marks.
    pub(super) fn mark_of(&self, envelope: usize, way: usize) -> u64 {
        let before: usize = self.envelopes.iter().take(envelope).map(|one| one.ways.len()).sum();
        (USED_LEN + before + way) as u64
    }

    fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend(self.number.to_le_bytes());
        body.extend(self.day.0.to_le_bytes());
        body.extend(self.alert);
        body.push(self.lacking);
        body.push(self.homes.len() as u8);
        for home in self.homes.iter().take(255) {
            put_text(&mut body, &home.to_string());
        }
        body.push(self.envelopes.len() as u8);
        for one in self.envelopes.iter().take(255) {
            body.push(one.ways.len() as u8);
            for way in one.ways.iter().take(255) {
                put_text(&mut body, &way.relay.to_string());
                body.extend(way.token.expose());
            }
            body.extend_from_slice(one.envelope.as_bytes());
        }
        body
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        let body = self.body();
        bytes.extend(MARKER);
        bytes.extend((body.len() as u32).to_le_bytes());
        bytes.extend(checksum(&body));
        bytes.extend(body);
        bytes.extend(used_mark(self.used_s));
        let ways = self.envelopes.iter().flat_map(|one| &one.ways);
        bytes.extend(ways.map(|way| u8::from(way.accepted)));
    }

    /// The generation at the beginning of `bytes`, and what follows it.
    fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let mut rest = Reader(bytes.strip_prefix(MARKER)?);
        let len = usize::try_from(u32::from_le_bytes(rest.array()?)).ok()?;
        let sum: [u8; 16] = rest.array()?;
        let body = rest.take(len)?;
        let mut generation = (checksum(body) == sum).then(|| Self::read(body))??;
        generation.marks_at = (HEAD_LEN + len) as u64;
        // Marks that are cut off or make no sense are as if they were not there.
        let used: u8 = rest.array().map_or(0, |[used]| used);
        let used_s = rest.array().map_or(0, u64::from_le_bytes);
        generation.used_s = (used != 0).then_some(used_s);
        for way in generation.envelopes.iter_mut().flat_map(|one| &mut one.ways) {
            way.accepted = rest.array() == Some([1]);
        }
        Some((generation, rest.0))
    }

    fn read(body: &[u8]) -> Option<Self> {
        let mut rest = Reader(body);
        let number = u64::from_le_bytes(rest.array()?);
        let day = Day(u32::from_le_bytes(rest.array()?));
        let alert = rest.array()?;
        let [lacking] = rest.array()?;
        let [count] = rest.array()?;
        let homes = (0..count).map(|_| rest.relay()).collect::<Option<_>>()?;
        let [count] = rest.array()?;
        let envelopes = (0..count).map(|_| rest.sealed()).collect::<Option<_>>()?;
        let all = rest.0.is_empty();
        all.then(|| Self::new(number, day, alert, lacking, homes, envelopes))
    }
}

impl Contents {
    /// What a person wants who wants none.
    #[must_use]
    pub fn disarmed() -> Self {
        Self { disarmed: true, generations: Vec::new() }
    }

    /// Alarms that were not raised yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.generations.iter().filter(|one| one.used_s.is_none()).count()
    }

    /// Bytes of a whole file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        if self.disarmed {
            bytes.extend(DISARMED);
        }
        for generation in &self.generations {
            generation.encode(&mut bytes);
        }
        bytes
    }

    /// What can be read of a file, whatever became of it. Never fails: what is damaged is not there.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let disarmed = bytes.strip_prefix(MAGIC) == Some(DISARMED);
        let mut contents = Self { disarmed, generations: Vec::new() };
        let mut rest = bytes;
        while !rest.is_empty() {
            if let Some((mut generation, after)) = Generation::decode(rest) {
                generation.marks_at += (bytes.len() - rest.len()) as u64;
                rest = after;
                // A copy of one that is there already tells nothing new.
                if contents.generations.iter().all(|known| known.number != generation.number) {
                    contents.generations.push(generation);
                }
                continue;
            }
            let next = rest.windows(MARKER.len()).skip(1).position(|at| at == MARKER);
            rest = next.and_then(|at| rest.get(at + 1..)).unwrap_or_default();
        }
        contents
    }

    /// The same without any marks: what was made, not what became of it.
    #[must_use]
    pub fn unmarked(mut self) -> Self {
        for generation in &mut self.generations {
            (generation.used_s, generation.marks_at) = (None, 0);
            for way in generation.envelopes.iter_mut().flat_map(|one| &mut one.ways) {
                way.accepted = false;
            }
        }
        self
    }
}

/// The bytes that mark a generation as used, or not.
pub(super) fn used_mark(used_s: Option<u64>) -> [u8; USED_LEN] {
    let [a, b, c, d, e, f, g, h] = used_s.unwrap_or(0).to_le_bytes();
    [u8::from(used_s.is_some()), a, b, c, d, e, f, g, h]
}

fn checksum(body: &[u8]) -> [u8; 16] {
    let [sum @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = labelled(LABEL, &[body]);
    sum
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn relay(&mut self) -> Option<RelayAddress> {
        let len = u16::from_le_bytes(self.array()?);
        std::str::from_utf8(self.take(len.into())?).ok()?.parse().ok()
    }

    fn sealed(&mut self) -> Option<SealedFor> {
        let [count] = self.array()?;
        let way = |rest: &mut Self| {
            let relay = rest.relay()?;
            Some(Way { relay, token: SendToken::new(rest.array()?), accepted: false })
        };
        let ways = (0..count).map(|_| way(self)).collect::<Option<_>>()?;
        let envelope = Envelope::new(self.take(ENVELOPE_LEN)?.to_vec())?;
        Some(SealedFor { envelope, ways })
    }
}
