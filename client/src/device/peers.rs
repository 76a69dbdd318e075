//! What I know of other members: their cards, and the prekeys of theirs that I hold.

use velar_protocol::circle::{Card, Extensions, SignedCard, Spare};
use velar_protocol::seal::lifetimes::{PREKEY_MAX_AGE_DAYS, STOCK_MAX, STOCK_RESERVE};
use velar_protocol::seal::{
    CheckedPrekey, Identity, MemberId, Prekey, PrekeyError, PrekeyKind, PrekeySecret,
};

use super::{Done, Turn};
use crate::outbox::Class;
use crate::records::{
    Holder, Issued, IssuedKind, JoiningKind, Peer, PeerKind, PrivateKind, Profile, Secret,
    StockKeyKind, StockKind, UsedKind,
};

/// One-time prekeys of one member that I keep at most, whatever they send.
const STOCK_BOUND: usize = 2 * STOCK_MAX;

impl Turn<'_> {
    /// What is known of a member; nothing if the record is damaged: they cannot be reached nor named then until
    /// they send a card and somebody tells their name.
    pub(super) fn peer(&self, member: MemberId) -> Done<Peer> {
        Ok(self.readable::<PeerKind>(&member.0)?.unwrap_or_default())
    }

    pub(super) fn set_peer(&self, member: MemberId, peer: &Peer) -> Done {
        Ok(self.tx.put::<PeerKind>(&member.0, peer)?)
    }

    /// The keys of a member: from the roster, or of the two ends of an invitation that is under way.
    pub(super) fn identity_of(&self, member: MemberId) -> Done<Option<Identity>> {
        if let Some(roster) = self.roster()?
            && let Some(entry) = roster.member(member)
        {
            return Ok(Some(entry.identity));
        }
        if let Some(joining) = self.readable::<JoiningKind>(&[])?
            && let Some(offer) = super::joining::offer_of(&joining)
            && offer.coordinator.member() == member
        {
            return Ok(Some(offer.coordinator));
        }
        self.answerer(member)
    }

    /// Takes over a card: newer than the one known, and signed.
    pub(super) fn take_card(&mut self, owner: &Identity, card: &SignedCard) -> Done<Card> {
        let card = card.verify(&self.circle()?, owner)?;
        // What is known of relays was known before this.
        self.look_at_relays()?;
        let mut peer = self.peer(owner.member())?;
        if card.counter > peer.card_counter {
            peer.card_counter = card.counter;
            let moved = peer.addresses != card.addresses;
            peer.addresses.clone_from(&card.addresses);
            // A key that cannot be used now (a clock was wrong) does not replace one that can.
            let (circle, today) = (self.circle()?, self.today());
            let checked = card.last_resort.verify(owner, &circle, today, PrekeyKind::LastResort);
            if checked.is_ok() {
                peer.last_resort = Some(card.last_resort.clone());
            }
            self.set_peer(owner.member(), &peer)?;
            if moved {
                self.look_at_relays()?;
                self.reroute(owner.member())?;
            }
        }
        Ok(card)
    }

    /// Whether something can still be sealed to a spare.
    pub(super) fn is_usable_spare(&self, owner: &Identity, spare: &Spare) -> Done<bool> {
        let (circle, today) = (self.circle()?, self.today());
        Ok(spare.last_resort.verify(owner, &circle, today, PrekeyKind::LastResort).is_ok())
    }

    /// Takes over a spare of a member that I have no card of; `false` if I have, or there is nothing to seal to.
    pub(super) fn take_spare(&mut self, owner: &Identity, spare: &Spare) -> Done<bool> {
        let usable = self.is_usable_spare(owner, spare)?;
        let mut peer = self.peer(owner.member())?;
        if peer.card_counter > 0 || !usable {
            return Ok(false);
        }
        if !self.stock(owner, &spare.prekey)? {
            tracing::debug!("a spare's one-time prekey is not usable");
        }
        self.look_at_relays()?;
        peer.addresses.clone_from(&spare.addresses);
        peer.last_resort = Some(spare.last_resort.clone());
        self.set_peer(owner.member(), &peer)?;
        self.look_at_relays()?;
        Ok(true)
    }

    /// Puts a prekey of somebody else's into stock; `false` if a check fails, or it is here already or was used.
    pub(super) fn stock(&self, owner: &Identity, prekey: &Prekey) -> Done<bool> {
        let circle = self.circle()?;
        let checked = prekey.verify(owner, &circle, self.today(), PrekeyKind::OneTime);
        let member = owner.member();
        let mut stock = self.readable::<StockKind>(&member.0)?.unwrap_or_default();
        // Sealed to twice, it would open once.
        let known = self.tx.contains::<StockKeyKind>(&prekey.id().0)?
            || self.tx.contains::<UsedKind>(&prekey.id().0)?;
        if checked.is_err() || known || stock.len() >= STOCK_BOUND {
            return Ok(false);
        }
        stock.push(prekey.id());
        self.tx.put::<StockKind>(&member.0, &stock)?;
        self.tx.put::<StockKeyKind>(&prekey.id().0, prekey)?;
        Ok(true)
    }

    /// Lets go of the one-time prekeys of a member.
    pub(super) fn drop_stock(&self, member: MemberId) -> Done {
        for id in self.readable::<StockKind>(&member.0)?.unwrap_or_default() {
            self.tx.delete::<StockKeyKind>(&id.0)?;
        }
        Ok(self.tx.delete::<StockKind>(&member.0).map(|_| ())?)
    }

    /// How many one-time prekeys of theirs I hold.
    pub(super) fn in_stock(&self, member: MemberId) -> Done<usize> {
        Ok(self.readable::<StockKind>(&member.0)?.map_or(0, |stock| stock.len()))
    }

    /// Takes `count` prekeys to seal to: one-time ones while the class may have them, then the last-resort
    /// one. `None` if there is nothing to seal to; nothing was taken then. The oldest go first; what is sealed `again`
    /// takes the newest: it may be that their owner has the older ones no more, and has just sent others.
    pub(super) fn take_prekeys(
        &self,
        owner: &Identity,
        peer: &Peer,
        class: Class,
        count: usize,
        again: bool,
    ) -> Done<Option<Vec<CheckedPrekey>>> {
        let (circle, today) = (self.circle()?, self.today());
        let mut stock = self.readable::<StockKind>(&owner.member().0)?.unwrap_or_default();
        let reserve = match class {
            Class::Alert | Class::Care => 0,
            Class::Talk => STOCK_RESERVE,
            // Towards a device that is off, heartbeats and questions must not use up what alarms need.
            Class::Presence | Class::Question => usize::MAX,
        };
        let mut taken = Vec::new();
        let mut used = Vec::new();
        let mut aged = Vec::new();
        while taken.len() < count && stock.len() > reserve {
            let id = stock.remove(if again { stock.len() - 1 } else { 0 });
            let Some(prekey) = self.readable::<StockKeyKind>(&id.0)? else { continue };
            match prekey.verify(owner, &circle, today, PrekeyKind::OneTime) {
                Ok(checked) => {
                    used.push(id);
                    taken.push(checked);
                }
                Err(PrekeyError::TooOld { .. } | PrekeyError::FromTheFuture { .. }) => {
                    aged.push(id)
                }
                Err(_) => used.push(id),
            }
        }
        // By today's date they are not for use; it may be the clock that is wrong. See `Turn::drop_aged`.
        if again {
            stock.extend(aged.into_iter().rev());
        } else {
            stock.splice(0..0, aged);
        }
        if taken.len() < count {
            let Some(last) = &peer.last_resort else { return Ok(None) };
            let checked = match last.verify(owner, &circle, today, PrekeyKind::LastResort) {
                // A device whose clock is wrong must not be mute: the private half is kept by its owner's clock, not this one's.
                Err(PrekeyError::TooOld { .. } | PrekeyError::FromTheFuture { .. })
                    if class != Class::Talk =>
                {
                    last.verify(owner, &circle, last.day, PrekeyKind::LastResort)
                }
                checked => checked,
            };
            let Ok(checked) = checked else { return Ok(None) };
            taken.resize(count, checked);
        }
        for id in used {
            self.tx.delete::<StockKeyKind>(&id.0)?;
            self.tx.put::<UsedKind>(&id.0, &today)?;
        }
        self.tx.put::<StockKind>(&owner.member().0, &stock)?;
        Ok(Some(taken))
    }

    /// Takes the oldest one-time prekey of a member's that can be sealed to, if `keep` others that can be stay.
    pub(super) fn take_one_time(
        &self,
        owner: &Identity,
        keep: usize,
    ) -> Done<Option<CheckedPrekey>> {
        let member = owner.member();
        let mut stock = self.readable::<StockKind>(&member.0)?.unwrap_or_default();
        let (circle, today) = (self.circle()?, self.today());
        let (mut oldest, mut others) = (None, 0);
        for (at, id) in stock.iter().enumerate() {
            let prekey = self.readable::<StockKeyKind>(&id.0)?;
            let checked =
                prekey.and_then(|p| p.verify(owner, &circle, today, PrekeyKind::OneTime).ok());
            match (checked, &oldest) {
                (Some(checked), None) => oldest = Some((at, checked)),
                (Some(_), Some(_)) => others += 1,
                (None, _) => {}
            }
            if oldest.is_some() && others >= keep {
                break;
            }
        }
        let Some((at, checked)) = oldest.filter(|_| others >= keep) else { return Ok(None) };
        let id = stock.remove(at);
        self.tx.delete::<StockKeyKind>(&id.0)?;
        self.tx.put::<UsedKind>(&id.0, &today)?;
        self.tx.put::<StockKind>(&member.0, &stock)?;
        Ok(Some(checked))
    }

    /// Lets go of one-time prekeys of others that are too old to be sealed to. Only with a clock that is right.
    pub(super) fn drop_aged(&self) -> Done {
        let today = self.today();
        let Some(roster) = self.roster()? else { return Ok(()) };
        for entry in roster.members() {
            let member = entry.member();
            let Some(stock) = self.readable::<StockKind>(&member.0)? else { continue };
            let (mut kept, mut dropped) = (Vec::new(), false);
            for id in stock {
                let prekey = self.readable::<StockKeyKind>(&id.0)?;
                let old = |key: &Prekey| today.0.saturating_sub(key.day.0) > PREKEY_MAX_AGE_DAYS;
                if prekey.as_ref().is_none_or(old) {
                    self.tx.delete::<StockKeyKind>(&id.0)?;
                    dropped = true;
                } else {
                    kept.push(id);
                }
            }
            if dropped {
                self.tx.put::<StockKind>(&member.0, &kept)?;
            }
        }
        Ok(())
    }

    /// Makes a prekey of mine for this holder.
    pub(super) fn issue_prekey(&mut self, holder: Holder) -> Done<Prekey> {
        let seed = zeroize::Zeroizing::new(self.random::<96>());
        let secret = PrekeySecret::from_seed(&seed);
        let day = self.today();
        let kind = match holder {
            // Whoever answers an invitation has only this one for all that is said until then.
            Holder::Everyone | Holder::Invitation(_) => PrekeyKind::LastResort,
            Holder::Member(_) | Holder::Spare(..) | Holder::Next(_) | Holder::Earlier(_) => {
                PrekeyKind::OneTime
            }
        };
        let prekey = secret.issue(self.identity, &self.circle()?, day, kind);
        let id = prekey.id();
        self.tx.put::<IssuedKind>(&id.0, &Issued { id, day, holder })?;
        self.tx.put::<PrivateKind>(&id.0, &Secret(seed.to_vec()))?;
        Ok(prekey)
    }

    /// My last-resort prekey, new if there is none yet or the newest has reached its age.
    pub(super) fn last_resort(&mut self) -> Done<Prekey> {
        let rotation = velar_protocol::seal::lifetimes::LAST_RESORT_ROTATION_DAYS;
        let issued = self.tx.list::<IssuedKind>()?;
        let newest = issued
            .into_iter()
            .map(|(_, issued)| issued)
            .filter(|issued| {
                issued.holder == Holder::Everyone && issued.day.0 <= self.today().0 + 1
            })
            .max_by_key(|issued| issued.day);
        if let Some(newest) = newest
            && self.today().0 < newest.day.0 + rotation
            && let Some(seed) = self.readable::<PrivateKind>(&newest.id.0)?
            && let Some(seed) = seed.array()
        {
            let secret = PrekeySecret::from_seed(&seed);
            let (circle, kind) = (self.circle()?, PrekeyKind::LastResort);
            return Ok(secret.issue(self.identity, &circle, newest.day, kind));
        }
        self.issue_prekey(Holder::Everyone)
    }

    /// My card for one member, with that member's own tokens.
    pub(super) fn card_for(&mut self, profile: &mut Profile, member: MemberId) -> Done<SignedCard> {
        let addresses = self.addresses_for(profile, Holder::Member(member));
        profile.card_counter += 1;
        let card = Card {
            circle: self.circle()?,
            member: self.me(),
            counter: profile.card_counter,
            addresses,
            last_resort: self.last_resort()?,
            extensions: Extensions::NONE,
        };
        Ok(card.sign(self.identity)?)
    }
}
