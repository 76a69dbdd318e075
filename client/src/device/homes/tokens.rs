//! What a relay says of send tokens: which it registered, for which it has no room, and which somebody else had registered.

use std::collections::{BTreeMap, BTreeSet};

use velar_protocol::circle::limits::{MAX_MEMBERS, SPARES};
use velar_protocol::seal::MemberId;
use velar_protocol::wire::{MailboxSecret, RelayAddress, SendTokenHash, TokenMark, TokenOutcome};

use super::super::{Device, Done, Turn};
use crate::records::{Holder, Home, JoiningKind, Registration, RegistrationKind, What};

/// Tokens of one mailbox that are drawn anew within an hour because its relay says that somebody else had registered
/// them. It can say so of any.
const REDRAWN_AN_HOUR: usize = 4;

/// Of those for one holder, within a day: each may cost a card, and a card a prekey.
const REDRAWN_A_DAY: usize = 2;

/// What follows from what a relay said about tokens.
#[derive(Default)]
struct Outcome {
    /// Members whose new token counts from now on.
    exchanged: BTreeSet<MemberId>,
    /// Coordinators with whom other spares are to be left.
    spares: BTreeSet<MemberId>,
    /// Whose tokens somebody else had registered, where something is done about it.
    taken: Vec<Holder>,
    /// Members for whose tokens there is no room since now.
    no_room: Vec<MemberId>,
    /// The answer to the invitation that is being answered cannot come.
    join_lost: bool,
}

impl Device {
    /// A relay has opened a mailbox of mine with this set of tokens, and says of each what became of it. What somebody else
    /// had registered is drawn anew, a few an hour. Returns the members for whose tokens it has no room since now.
    ///
    /// An older set than the vault's, put there by a process that had not seen the newer, has replaced what was
    /// confirmed before: the newer is to be registered again.
    ///
    /// # Errors
    /// [`DeviceError::Vault`](crate::device::DeviceError::Vault).
    pub fn opened(
        &mut self,
        relay: &RelayAddress,
        revision: u64,
        tokens: &[(SendTokenHash, TokenOutcome)],
        now_s: u64,
    ) -> Done<Vec<MemberId>> {
        self.write(now_s, |turn| turn.opened(relay, revision, tokens))
    }
}

impl Home {
    /// Key of the record of what its relay did not register.
    fn registration_key(&self) -> [u8; 32] {
        MailboxSecret::from_seed(&self.seed()).id().0
    }
}

impl Registration {
    /// Takes over what the relay says of tokens, and forgets those that are no more.
    fn take(&mut self, said: &BTreeMap<u64, TokenOutcome>, home: &Home) {
        let stays = |index: &u64| {
            !said.contains_key(index) && home.tokens.iter().any(|(known, _)| known == index)
        };
        self.full.retain(stays);
        self.taken.retain(stays);
        for (index, outcome) in said {
            match outcome {
                TokenOutcome::Registered => {}
                TokenOutcome::Full => self.full.push(*index),
                TokenOutcome::Taken => self.taken.push(*index),
            }
        }
    }

    /// Whether a token may be drawn anew for this holder now; it counts as drawn then.
    fn may_redraw(&mut self, holder: Holder, now_s: u64) -> bool {
        self.redrawn.retain(|(at_s, _)| at_s.abs_diff(now_s) < 86_400);
        let hour = self.redrawn.iter().filter(|(at_s, _)| at_s.abs_diff(now_s) < 3600).count();
        let day = self.redrawn.iter().filter(|(_, known)| *known == holder).count();
        let may = hour < REDRAWN_AN_HOUR && day < REDRAWN_A_DAY;
        if may {
            self.redrawn.push((now_s, holder));
        }
        may
    }
}

impl Turn<'_> {
    /// Whose each of my tokens is, by what a relay tells of it.
    pub(in crate::device) fn token_marks(&self) -> Done<Vec<(RelayAddress, TokenMark, Holder)>> {
        let mut marks = Vec::new();
        for home in &self.profile()?.homes {
            for (index, holder) in &home.tokens {
                marks.push((home.relay.clone(), home.token(*index).hash().mark(), *holder));
            }
        }
        Ok(marks)
    }

    fn registration(&self, home: &Home) -> Done<Registration> {
        Ok(self.readable::<RegistrationKind>(&home.registration_key())?.unwrap_or_default())
    }

    /// What its relay said of its tokens.
    pub(super) fn forget_registration(&self, home: &Home) -> Done {
        self.tx.delete::<RegistrationKind>(&home.registration_key())?;
        Ok(())
    }

    /// Tokens that the relay did not register when it was last asked, and why.
    pub(super) fn unregistered(&self, home: &Home) -> Done<Vec<(Holder, TokenOutcome)>> {
        let registration = self.registration(home)?;
        let unregistered = |(index, holder): &(u64, Holder)| {
            let is_in = |list: &[u64]| list.contains(index);
            let taken = is_in(&registration.taken).then_some(TokenOutcome::Taken);
            let full = is_in(&registration.full).then_some(TokenOutcome::Full);
            Some((*holder, taken.or(full)?))
        };
        Ok(home.tokens.iter().filter_map(unregistered).collect())
    }

    fn opened(
        &mut self,
        relay: &RelayAddress,
        revision: u64,
        tokens: &[(SendTokenHash, TokenOutcome)],
    ) -> Done<Vec<MemberId>> {
        let mut profile = self.profile()?;
        let Some(home) = profile.homes.iter_mut().find(|home| home.relay == *relay) else {
            return Ok(Vec::new());
        };
        home.registered = revision;
        let outcome = self.take_outcomes(home, &tokens.iter().copied().collect())?;
        self.set_profile(&profile)?;
        self.act_on_outcome(relay, &outcome)?;
        Ok(outcome.no_room)
    }

    fn take_outcomes(
        &mut self,
        home: &mut Home,
        said: &BTreeMap<SendTokenHash, TokenOutcome>,
    ) -> Done<Outcome> {
        let before = self.registration(home)?;
        let mut registration = before.clone();
        let of = |index: u64| said.get(&home.token(index).hash()).copied();
        let said: BTreeMap<u64, TokenOutcome> =
            home.tokens.iter().filter_map(|(index, _)| Some((*index, of(*index)?))).collect();
        registration.take(&said, home);
        let mut outcome = Outcome::default();
        for (index, holder) in home.tokens.clone() {
            match (holder, said.get(&index)) {
                (Holder::Next(member), Some(TokenOutcome::Registered)) => {
                    home.exchange(member, &registration.taken);
                    if self.ends_at_once(member)? {
                        home.drop_held_by(Holder::Earlier(member));
                    }
                    outcome.exchanged.insert(member);
                }
                // The one that is to go makes room.
                (Holder::Next(member), Some(TokenOutcome::Full))
                    if self.ends_at_once(member)? =>
                {
                    home.drop_held_by(Holder::Member(member));
                }
                (Holder::Member(member), Some(TokenOutcome::Full)) => {
                    outcome.no_room.extend((!before.full.contains(&index)).then_some(member));
                }
                _ => {}
            }
        }
        let roster = self.roster()?;
        for index in registration.taken.clone() {
            let new = !before.taken.contains(&index);
            match &roster {
                Some(roster) if home.left_s.is_none() => {
                    let to_come = MAX_MEMBERS.saturating_sub(roster.members().len());
                    self.redraw(home, (index, new), to_come, &mut registration, &mut outcome);
                }
                Some(_) => {}
                // Another answer to the same invitation would make it void: it takes another invitation.
                None => outcome.join_lost = true,
            }
        }
        if registration != before {
            self.tx.put::<RegistrationKind>(&home.registration_key(), &registration)?;
        }
        Ok(outcome)
    }

    /// Somebody else had registered the token of this index: its holder gets another, if that may be now.
    fn redraw(
        &self,
        home: &mut Home,
        (index, new): (u64, bool),
        to_come: usize,
        registration: &mut Registration,
        outcome: &mut Outcome,
    ) {
        let found = home.tokens.iter().find(|(known, _)| *known == index).copied();
        let Some((_, holder)) = found else { return };
        let mut may = |holder| registration.may_redraw(holder, self.now_s);
        match holder {
            Holder::Earlier(_) => {
                home.drop_held_by(holder);
            }
            Holder::Member(member) => {
                let next = Holder::Next(member);
                if !home.has(next) && home.has_room_for_next(to_come) && may(holder) {
                    home.issue(next);
                    outcome.taken.push(holder);
                }
            }
            Holder::Next(_) => {
                if may(holder) {
                    home.drop_held_by(holder);
                    home.issue(holder);
                }
            }
            Holder::Spare(by, _) => {
                // With one of a coordinator's all are left anew.
                if outcome.spares.contains(&by) || may(Holder::Spare(by, 0)) {
                    home.drop_held_by(holder);
                    outcome.taken.extend(outcome.spares.insert(by).then_some(holder));
                }
            }
            // Nobody can be told of another one.
            Holder::Invitation(_) => outcome.taken.extend((new && may(holder)).then_some(holder)),
            Holder::Everyone => {}
        }
    }

    fn act_on_outcome(&mut self, relay: &RelayAddress, outcome: &Outcome) -> Done {
        for member in &outcome.exchanged {
            self.tell_new_token(*member)?;
        }
        if let Some(roster) = self.roster()? {
            for coordinator in &outcome.spares {
                self.leave_spares_with(&roster, *coordinator, SPARES)?;
            }
        }
        for holder in &outcome.taken {
            let (now_s, relay, holder) = (self.now_s, relay.place(), *holder);
            self.show(None, now_s, What::TokenTaken { relay, holder })?;
        }
        if outcome.join_lost
            && let Some(mut joining) = self.tx.get::<JoiningKind>(&[])?
        {
            joining.void = true;
            self.tx.put::<JoiningKind>(&[], &joining)?;
        }
        Ok(())
    }
}
