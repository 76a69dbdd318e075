//! The roster on this device: taking over states, telling laggards.

use velar_protocol::circle::limits::MAX_CHAIN;
use velar_protocol::circle::{
    Alert, Body, Names, Roster, RosterError, RosterMember, SignedRoster, merge_names,
};
use velar_protocol::seal::{CircleId, Identity, MemberId};

use super::sealing::Post;
use super::{Done, Turn};
use crate::outbox::Class;
use crate::records::{PeerKind, RosterKind, What};

/// The keys that a chain of states, its own signatures aside, gives for a member.
pub(super) fn named_in(chain: &[SignedRoster], member: MemberId) -> Option<Identity> {
    let listed = Roster::claimed(chain.last()?);
    listed.iter().map(|entry| entry.identity).find(|identity| identity.member() == member)
}

impl Turn<'_> {
    /// Stores a state as the newest.
    pub(super) fn set_roster(&self, roster: &Roster) -> Done {
        self.tx.put::<RosterKind>(&[], roster.signed())?;
        self.tx.put::<RosterKind>(&roster.number().to_be_bytes(), roster.signed())?;
        self.forget_voices_of_mine()
    }

    /// Takes over what follows the state held; shows who came and went.
    pub(super) fn take_rosters(
        &mut self,
        from: MemberId,
        sent_at_s: u64,
        chain: &[SignedRoster],
        names: &Names,
    ) -> Done {
        let mut roster = self.the_roster()?;
        let (before, alerts) = (roster.clone(), self.all_alerts()?);
        let (mut conflict, mut gap, mut left) = (false, false, Vec::new());
        for signed in chain {
            match roster.accept(signed.clone()) {
                Ok(next) => {
                    // However long this device was away.
                    left.extend(self.remember_who_left(&roster, &next, sent_at_s)?);
                    self.set_roster(&next)?;
                    roster = next;
                }
                Err(RosterError::NotNewer) => {}
                Err(RosterError::Gap) => gap = true,
                Err(RosterError::Fork | RosterError::Takeover) => conflict = true,
                Err(error) => tracing::warn!(%error, "a roster was refused"),
            }
        }
        // Anybody can make up a state: who is no member names nobody, and is asked for nothing.
        let member = roster.member(from).is_some();
        if member {
            self.take_names(from, &roster, names)?;
        }
        if gap && member {
            self.ask_roster(from, &roster)?;
        }
        if conflict {
            let now_s = self.now_s;
            self.show(Some(from), now_s, What::RosterConflict)?;
        }
        if roster.number() > before.number() {
            self.who_came_and_went(&before, &roster, &left, &alerts)?;
            self.act_on_early()?;
        }
        Ok(())
    }

    /// Names are not signed: see [`merge_names`].
    pub(super) fn take_names(&self, from: MemberId, roster: &Roster, names: &Names) -> Done {
        let held = self.names(roster)?;
        for (member, name) in merge_names(&held, names, from, roster) {
            if member != self.me() {
                let mut peer = self.peer(member)?;
                peer.name = name;
                self.set_peer(member, &peer)?;
            }
        }
        Ok(())
    }

    /// `left`: who was in the circle and is not any more. `alerts`: as they stood before.
    pub(super) fn who_came_and_went(
        &mut self,
        before: &Roster,
        after: &Roster,
        left: &[RosterMember],
        alerts: &[Alert],
    ) -> Done {
        let now_s = self.now_s;
        for entry in left {
            let member = entry.member();
            let name = if member == self.me() {
                self.let_myself_go(before)?;
                self.profile()?.name
            } else {
                self.let_go(member)?;
                self.peer(member)?.name
            };
            self.show(None, now_s, What::Left(member, name))?;
        }
        if before.agreement() != after.agreement() {
            self.show(Some(after.lead()), now_s, What::Agreed)?;
        }
        for entry in after.members() {
            let member = entry.member();
            if before.member(member).is_none() && member != self.me() {
                let name = self.peer(member)?.name;
                self.show(None, now_s, What::Joined(member, name))?;
                self.bring_up_to_date(member)?;
            }
        }
        for entry in left {
            self.say_undone(entry.member(), alerts)?;
        }
        Ok(())
    }

    /// Every part of every message says which roster its sender knows.
    pub(super) fn compare_rosters(&mut self, with: MemberId, number: u64, hash: &[u8; 32]) -> Done {
        let Some(roster) = self.roster()? else { return Ok(()) };
        if roster.member(with).is_none() {
            return Ok(());
        }
        if number > roster.number() {
            let mut peer = self.peer(with)?;
            if peer.roster_asked < number {
                peer.roster_asked = number;
                self.set_peer(with, &peer)?;
                self.ask_roster(with, &roster)?;
            }
        } else if number < roster.number() {
            self.tell_roster(with, number)?;
        } else if *hash != roster.hash() {
            // That two were signed is said only when it was seen: their state is asked for, once.
            let mut peer = self.peer(with)?;
            if peer.roster_asked < number.saturating_add(1) && number > 0 {
                peer.roster_asked = number.saturating_add(1);
                self.set_peer(with, &peer)?;
                let body = Body::RosterWanted { have: number - 1 };
                self.tell(&[with], body, &Post::of(Class::Care))?;
            }
        }
        Ok(())
    }

    fn ask_roster(&mut self, of: MemberId, roster: &Roster) -> Done {
        let body = Body::RosterWanted { have: roster.number() };
        self.tell(&[of], body, &Post::of(Class::Care)).map(|_| ())
    }

    /// Passes on the states after `have`, once for each newest one.
    pub(super) fn tell_roster(&mut self, to: MemberId, have: u64) -> Done {
        let roster = self.the_roster()?;
        let mut peer = self.peer(to)?;
        if have >= roster.number() || peer.roster_told >= roster.number() {
            return Ok(());
        }
        let chain = self.chain_after(have, &roster)?;
        peer.roster_told = have.saturating_add(chain.len() as u64);
        self.set_peer(to, &peer)?;
        let body = Body::Rosters { chain, names: self.names(&roster)? };
        self.tell(&[to], body, &Post::of(Class::Care)).map(|_| ())
    }

    /// States after `have` that are held here, at most [`MAX_CHAIN`].
    pub(super) fn chain_after(&self, have: u64, roster: &Roster) -> Done<Vec<SignedRoster>> {
        let mut chain = Vec::new();
        for number in have.saturating_add(1)..=roster.number() {
            if chain.len() < MAX_CHAIN
                && let Some(signed) = self.readable::<RosterKind>(&number.to_be_bytes())?
            {
                chain.push(signed);
            }
        }
        Ok(chain)
    }

    /// Everybody's names, mine included.
    pub(super) fn names(&self, roster: &Roster) -> Done<Names> {
        let mine = self.profile()?.name;
        let mut names = Vec::new();
        for entry in roster.members() {
            let member = entry.member();
            let name = match self.readable::<PeerKind>(&member.0)? {
                _ if member == self.me() => mine.clone(),
                Some(peer) => peer.name,
                None => continue,
            };
            if !name.is_empty() {
                names.push((member, name));
            }
        }
        Ok(names)
    }

    /// A state as the first one held.
    pub(super) fn anchor(&self, circle: CircleId, signed: SignedRoster) -> Done<Roster> {
        let roster = Roster::anchor(circle, signed)?;
        self.set_roster(&roster)?;
        Ok(roster)
    }
}
