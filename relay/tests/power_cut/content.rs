//! One file's bytes: those that are durable, and changes that are pending.

use std::collections::HashMap;
use std::ops::Range;

use super::random::{Fate, Random};

const SECTOR: usize = 512;

/// See the [module](self). Changes are named by their place in the journal.
#[derive(Clone, Default)]
pub struct Content {
    durable: Vec<u8>,
    pending: Vec<(usize, Change)>,
}

/// A change of a file. Bytes are a range of the journal.
#[derive(Clone)]
pub enum Change {
    Write { offset: usize, bytes: Range<usize> },
    Size(usize),
}

impl Content {
    pub fn durable(bytes: Vec<u8>) -> Self {
        Self { durable: bytes, pending: Vec::new() }
    }

    pub fn change(&mut self, at: usize, change: Change) {
        self.pending.push((at, change));
    }

    /// A sync that began at `began` has ended.
    pub fn synced(&mut self, began: usize, journal: &[u8]) {
        let covered = self.pending.iter().take_while(|(at, _)| *at < began).count();
        for (_, change) in self.pending.drain(..covered) {
            change.apply(&mut self.durable, journal);
        }
    }

    /// As the process sees it.
    pub fn whole(&self, journal: &[u8]) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        for (_, change) in &self.pending {
            change.apply(&mut bytes, journal);
        }
        bytes
    }

    /// As a power cut could leave it.
    pub fn cut(&self, journal: &[u8], random: &mut Random) -> Vec<u8> {
        let fate = random.fate();
        let last = self.last_kept(fate, random);
        let mut bytes = self.durable.clone();
        let mut grown = bytes.len();
        for (at, change) in self.pending.iter().take(last.count) {
            match change {
                Change::Size(size) => {
                    change.apply(&mut bytes, journal);
                    grown = *size;
                }
                Change::Write { offset, bytes: from } => {
                    grown = grown.max(offset + from.len());
                    for (sector, part) in sectors(*offset, from.len()) {
                        if last.of_sector.get(&sector).is_some_and(|last| last >= at) {
                            let from = from.start + (part.start - offset)
                                ..from.start + (part.end - offset);
                            let part = Change::Write { offset: part.start, bytes: from };
                            part.apply(&mut bytes, journal);
                        }
                    }
                }
            }
        }
        if fate != Fate::Dropped && random.one_in(2) {
            bytes.resize(grown.max(bytes.len()), 0);
        }
        bytes
    }

    fn last_kept(&self, fate: Fate, random: &mut Random) -> LastKept {
        let is_size = |change: &&(usize, Change)| matches!(change.1, Change::Size(_));
        let mut sizes = match fate {
            Fate::Kept => usize::MAX,
            Fate::Dropped => 0,
            Fate::Mixed => random.below(self.pending.iter().filter(is_size).count() + 1),
        };
        let mut last = LastKept { of_sector: HashMap::new(), count: 0 };
        for (at, change) in &self.pending {
            match change {
                Change::Size(_) if sizes == 0 => break,
                Change::Size(_) => sizes -= 1,
                Change::Write { offset, bytes } => {
                    let whole = match fate {
                        Fate::Mixed => random.below(3),
                        Fate::Kept => 0,
                        Fate::Dropped => 1,
                    };
                    for (sector, _) in sectors(*offset, bytes.len()) {
                        if whole == 0 || (whole == 2 && random.one_in(2)) {
                            last.of_sector.insert(sector, *at);
                        }
                    }
                }
            }
            last.count += 1;
        }
        last
    }
}

struct LastKept {
    /// The last write that each sector holds.
    of_sector: HashMap<usize, usize>,
    /// Changes before the first size that is dropped.
    count: usize,
}

/// The sectors of a write, each with the part of the file in it.
fn sectors(offset: usize, len: usize) -> impl Iterator<Item = (usize, Range<usize>)> {
    let end = offset + len;
    (offset / SECTOR..end.div_ceil(SECTOR)).map(move |sector| {
        (sector, (sector * SECTOR).max(offset)..((sector + 1) * SECTOR).min(end))
    })
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>, journal: &[u8]) {
        match self {
            Self::Size(size) => to.resize(*size, 0),
            Self::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if to.len() < end {
                    to.resize(end, 0);
                }
                to[*offset..end].copy_from_slice(&journal[bytes.clone()]);
            }
        }
    }
}
