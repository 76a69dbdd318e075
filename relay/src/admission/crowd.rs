//! Those who may have to leave, and who of them is the first: the longest there, of the most crowded prefix.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use crate::limits::WIDER_PREFIX;
use crate::origin::{Origin, Prefix};

/// All prefixes together. That a prefix hashes to it is as rare as that two hash alike.
pub(super) const EVERYWHERE: Prefix = 0;

/// By prefixes of every width, and [`EVERYWHERE`].
#[derive(Debug, Default)]
pub(super) struct Crowd(HashMap<Prefix, Group>);

#[derive(Debug, Default)]
struct Group {
    members: BTreeSet<u64>,
    /// How many narrowest prefixes they come from.
    subscribers: u64,
    /// The next narrower prefixes, the most crowded last.
    inner: BTreeSet<(Crowding, Prefix)>,
}

/// How crowded a prefix is: members for each subscriber first, then members, then since when the longest of them is there. A wider
/// prefix counts as the subscribers seen in it, [`WIDER_PREFIX`] at most, for one attacker may have thousands of the narrowest.
type Crowding = (u64, usize, Reverse<u64>);

impl Crowd {
    /// How many are within this prefix.
    pub(super) fn within(&self, prefix: Prefix) -> usize {
        self.0.get(&prefix).map_or(0, |group| group.members.len())
    }

    /// Who within this prefix leaves first. The widest prefixes are compared first, then those within the most crowded of them.
    pub(super) fn first_to_leave(&self, within: Prefix) -> Option<u64> {
        let mut group = self.0.get(&within)?;
        while let Some((_, inner)) = group.inner.last() {
            group = self.0.get(inner)?;
        }
        group.members.first().copied()
    }

    pub(super) fn enter(&mut self, number: u64, origin: Origin) {
        self.change(number, origin, true);
    }

    pub(super) fn leave(&mut self, number: u64, origin: Origin) {
        self.change(number, origin, false);
    }

    fn change(&mut self, number: u64, origin: Origin, comes: bool) {
        let path: Vec<Prefix> = origin.prefixes().iter().copied().chain([EVERYWHERE]).collect();
        let there = self.0.get(&EVERYWHERE).is_some_and(|all| all.members.contains(&number));
        if there == comes {
            return;
        }
        self.rank(&path, |ranked, inner| ranked.remove(&inner));
        // The first of a subscriber comes, or the last one goes.
        let subscriber = u64::from(self.within(origin.narrowest()) == usize::from(!comes));
        for prefix in &path {
            let group = self.0.entry(*prefix).or_default();
            if comes {
                group.members.insert(number);
                group.subscribers += subscriber;
            } else {
                group.members.remove(&number);
                group.subscribers = group.subscribers.saturating_sub(subscriber);
            }
            if group.members.is_empty() {
                self.0.remove(prefix);
            }
        }
        self.rank(&path, |ranked, inner| ranked.insert(inner));
    }

    /// Changes the place that each of these has within the next one.
    fn rank(
        &mut self,
        path: &[Prefix],
        change: impl Fn(&mut BTreeSet<(Crowding, Prefix)>, (Crowding, Prefix)) -> bool,
    ) {
        for (prefix, wider) in path.iter().zip(path.iter().skip(1)) {
            let Some(crowding) = self.0.get(prefix).and_then(Group::crowding) else { continue };
            if let Some(group) = self.0.get_mut(wider) {
                change(&mut group.inner, (crowding, *prefix));
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Group {
    fn crowding(&self) -> Option<Crowding> {
        let longest_there = *self.members.first()?;
        let members = self.members.len();
        // In thousandths.
        let each = members as u64 * 1000 / self.subscribers.clamp(1, WIDER_PREFIX.into());
        Some((each, members, Reverse(longest_there)))
    }
}
