//! My mailboxes on relays, and the tokens that I hand out for them.

mod exchange;
mod tokens;

use rand_core::Rng;
use velar_protocol::circle::limits::{MAX_ADDRESSES, SPARES};
use velar_protocol::circle::{Address, Body};
use velar_protocol::seal::lifetimes::MAILBOX_DAYS;
use velar_protocol::seal::{MemberId, MessageId, expand};
use velar_protocol::wire::limits::MAX_TOKENS;
use velar_protocol::wire::{
    AccessToken, MailboxSecret, RelayAddress, SendToken, SendTokenHash, TokenOutcome,
};

pub use self::exchange::ExchangeView;
use super::sealing::Post;
use super::{Device, DeviceError, Done, Turn};
use crate::outbox::Class;
use crate::records::{Holder, Home, Item, Profile, Secret, What};

/// Derives token `i` of a mailbox: label ‖ i (u64le).
const LABEL_TOKEN: &[u8] = b"velar/1 mailbox token";

/// What a connection needs to read a mailbox of mine.
pub struct HomeView {
    /// The relay.
    pub relay: RelayAddress,
    /// The mailbox's key.
    pub mailbox: MailboxSecret,
    /// Hashes of the tokens that are valid.
    pub tokens: Vec<SendTokenHash>,
    /// What may be shown to open it, the best first.
    pub access: Vec<AccessToken>,
    /// The relay asks for that before it opens a mailbox, and has given nothing that would open this one again, had it lost
    /// its disk.
    pub is_unopenable: bool,
    /// Which set of tokens this is.
    pub revision: u64,
    /// Whether the relay has opened the mailbox with it.
    pub registered: bool,
    /// Tokens that it did not register when it was last asked, and why.
    pub unregistered: Vec<(Holder, TokenOutcome)>,
    /// When it was left, if it was: it is still read for a while.
    pub left_s: Option<u64>,
}

/// How long the mailbox at a relay that was left is still read: as long as anything can lie there.
const LEAVING_S: u64 = MAILBOX_DAYS as u64 * 86_400;

impl Home {
    fn seed(&self) -> [u8; 32] {
        self.mailbox.array().unwrap_or_default()
    }

    /// Token number `index`.
    fn token(&self, index: u64) -> SendToken {
        let label = [LABEL_TOKEN, &index.to_le_bytes()].concat();
        SendToken::new(*expand::<32>(&self.seed(), &label))
    }

    /// A new token for this holder.
    fn issue(&mut self, holder: Holder) -> SendToken {
        let index = self.next_token;
        self.next_token += 1;
        self.revision += 1;
        self.tokens.push((index, holder));
        self.token(index)
    }

    /// The token of this holder, new if it has none.
    fn token_of(&mut self, holder: Holder) -> SendToken {
        match self.tokens.iter().find(|(_, owner)| *owner == holder) {
            Some((index, _)) => self.token(*index),
            None => self.issue(holder),
        }
    }
}

/// Tokens at a relay that spares may take: the others are for members and invitations.
const SPARE_TOKENS: usize = 64;

/// How many spares I leave with each of so many coordinators at once, and how many older ones stay valid beside them.
pub(super) fn spares_for_each(coordinators: usize) -> (usize, usize) {
    let each = SPARE_TOKENS / coordinators.max(1);
    let new = SPARES.min(each);
    (new, (3 * SPARES).min(each - new))
}

impl Device {
    /// My mailboxes.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn homes(&mut self) -> Done<Vec<HomeView>> {
        self.read(0, |turn| {
            let view = |home: &Home| {
                Ok(HomeView {
                    relay: home.relay.clone(),
                    mailbox: MailboxSecret::from_seed(&home.seed()),
                    tokens: home.tokens.iter().map(|(i, _)| home.token(*i).hash()).collect(),
                    access: home.shown(),
                    is_unopenable: home.access_required && home.reopening.is_none(),
                    revision: home.revision,
                    registered: home.registered == home.revision,
                    unregistered: turn.unregistered(home)?,
                    left_s: home.left_s,
                })
            };
            turn.profile()?.homes.iter().map(view).collect()
        })
    }

    /// Takes a mailbox on one more relay, or again on one that was left, and tells everybody: from then on all that is
    /// for this device goes to all of its relays.
    ///
    /// # Errors
    /// [`DeviceError::NoCircle`]; [`DeviceError::RelayKnown`]; [`DeviceError::TooManyRelays`] with [`MAX_ADDRESSES`].
    pub fn add_relay(
        &mut self,
        relay: &RelayAddress,
        access: Option<AccessToken>,
        now_s: u64,
    ) -> Done {
        self.write(now_s, |turn| {
            turn.must_belong()?;
            turn.the_roster()?;
            let mut profile = turn.profile()?;
            if profile.homes.iter().any(|home| home.left_s.is_none() && home.relay == *relay) {
                return Err(DeviceError::RelayKnown);
            }
            if profile.homes.iter().filter(|home| home.left_s.is_none()).count() >= MAX_ADDRESSES {
                return Err(DeviceError::TooManyRelays);
            }
            match profile.homes.iter_mut().find(|home| home.relay == *relay) {
                Some(home) => {
                    home.left_s = None;
                    home.access = access.or(home.access.take());
                    home.revision += 1;
                    turn.know_relays([relay])?;
                }
                None => turn.settle(&mut profile, relay.clone(), access)?,
            }
            turn.set_profile(&profile)?;
            // Somebody may be reached there whom it was not used for before.
            turn.relays_changed()?;
            turn.send_cards()
        })
    }

    /// Leaves the relay at this place (one of its `host:port`, or of its hosts, or its address) and tells everybody. What lies there, and
    /// what others send before they know, is still read for as long as a mailbox lives.
    ///
    /// # Errors
    /// [`DeviceError::UnknownRelay`]; [`DeviceError::AmbiguousRelay`]; [`DeviceError::LastRelay`]: of the others none has
    /// ever taken this device's mailbox.
    pub fn leave_relay(&mut self, place: &str, now_s: u64) -> Done<RelayAddress> {
        self.write(now_s, |turn| {
            turn.must_belong()?;
            turn.the_roster()?;
            let mut profile = turn.profile()?;
            let in_use = profile.homes.iter().filter(|home| home.left_s.is_none()).count();
            let named = |relay: &RelayAddress| relay.is_called(place);
            // A relay where the mailbox was never opened takes nothing for this device yet.
            let other = |home: &&Home| home.left_s.is_none() && !named(&home.relay);
            let another_answers =
                profile.homes.iter().filter(other).any(|home| home.registered > 0);
            let mut found: Vec<&mut Home> = profile
                .homes
                .iter_mut()
                .filter(|home| home.left_s.is_none() && named(&home.relay))
                .collect();
            let home = match found.as_mut_slice() {
                [] => return Err(DeviceError::UnknownRelay),
                [one] => one,
                _ => return Err(DeviceError::AmbiguousRelay),
            };
            if in_use == 1 || !another_answers && home.registered > 0 {
                return Err(DeviceError::LastRelay);
            }
            home.left_s = Some(now_s);
            let relay = home.relay.clone();
            turn.set_profile(&profile)?;
            turn.send_cards()?;
            Ok(relay)
        })
    }

    /// The relay in use at this place (`host:port`, or its host, or its address).
    ///
    /// # Errors
    /// [`DeviceError::UnknownRelay`]; [`DeviceError::AmbiguousRelay`].
    pub fn relay_at(&mut self, place: &str) -> Done<RelayAddress> {
        let profile = self.read(0, |turn| turn.profile())?;
        let in_use = profile.homes.iter().filter(|home| home.left_s.is_none());
        let mut found = in_use.map(|home| &home.relay).filter(|relay| relay.is_called(place));
        match (found.next(), found.next()) {
            (Some(relay), None) => Ok(relay.clone()),
            (None, _) => Err(DeviceError::UnknownRelay),
            (Some(_), Some(_)) => Err(DeviceError::AmbiguousRelay),
        }
    }

    /// The relay says how many envelopes have ever expired unread there; growth is shown to the person.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn expired(&mut self, relay: &RelayAddress, total: u64, now_s: u64) -> Done {
        self.write(now_s, |turn| {
            let mut profile = turn.profile()?;
            let mut grown = 0;
            for home in profile.homes.iter_mut().filter(|home| home.relay == *relay) {
                grown += total.saturating_sub(home.expired);
                home.expired = total;
            }
            if grown > 0 {
                turn.set_profile(&profile)?;
                turn.show(None, now_s, What::Expired { count: grown })?;
            }
            Ok(())
        })
    }
}

impl Turn<'_> {
    /// A new mailbox on this relay.
    pub(super) fn settle(
        &mut self,
        profile: &mut Profile,
        relay: RelayAddress,
        access: Option<AccessToken>,
    ) -> Done {
        let mailbox = Secret(self.random::<32>().to_vec());
        self.know_relays([&relay])?;
        profile.homes.push(Home {
            relay,
            mailbox,
            access,
            reopening: None,
            access_required: false,
            tokens: Vec::new(),
            next_token: 0,
            revision: 1,
            registered: 0,
            expired: 0,
            left_s: None,
        });
        Ok(())
    }

    /// Where this holder reaches me: its own token on each of my relays.
    pub(super) fn addresses_for(&self, profile: &mut Profile, holder: Holder) -> Vec<Address> {
        let address =
            |home: &mut Home| Address { relay: home.relay.clone(), token: home.token_of(holder) };
        profile.homes.iter_mut().filter(|home| home.left_s.is_none()).map(address).collect()
    }

    /// Everybody gets a new card, and coordinators new spares: my relays or my last-resort prekey have changed.
    pub(super) fn send_cards(&mut self) -> Done {
        let roster = self.the_roster()?;
        for entry in roster.members() {
            let member = entry.member();
            if member != self.me()
                && let Some(message) = self.send_card(member)?
            {
                self.card_sent(member, message)?;
            }
        }
        self.leave_spares(&roster, SPARES)
    }

    /// One member gets a new card, if there is a way to them.
    fn send_card(&mut self, member: MemberId) -> Done<Option<MessageId>> {
        if self.peer(member)?.addresses.is_empty() {
            return Ok(None);
        }
        let mut profile = self.profile()?;
        let card = self.card_for(&mut profile, member)?;
        self.set_profile(&profile)?;
        self.tell(&[member], Body::Card(card), &Post::of(Class::Care)).map(Some)
    }

    /// Mailboxes at relays that were left so long ago that nothing can lie there any more.
    pub(super) fn let_homes_go(&mut self) -> Done {
        let mut profile = self.profile()?;
        let over = |home: &Home| {
            home.left_s.is_some_and(|left_s| self.now_s.saturating_sub(left_s) > LEAVING_S)
        };
        if !profile.homes.iter().any(over) {
            return Ok(());
        }
        for home in profile.homes.iter().filter(|home| over(home)) {
            self.forget_registration(home)?;
        }
        profile.homes.retain(|home| !over(home));
        self.set_profile(&profile)
    }

    /// A spare's token becomes that of the member who came with it.
    pub(super) fn hand_over(&self, profile: &mut Profile, from: Holder, to: Holder) {
        for home in &mut profile.homes {
            home.tokens.retain(|(_, holder)| *holder != to);
            for (_, holder) in &mut home.tokens {
                if *holder == from {
                    *holder = to;
                }
            }
            home.revision += 1;
        }
    }

    /// Whether each of my relays takes so many tokens more.
    pub(super) fn has_room_for_tokens(&self, profile: &Profile, more: usize) -> bool {
        profile.homes.iter().all(|home| home.tokens.len() + more <= MAX_TOKENS)
    }

    /// Tokens of spares that a coordinator was left with long ago, and has replaced since, are revoked.
    pub(super) fn let_spares_go(
        &self,
        profile: &mut Profile,
        coordinator: MemberId,
        coordinators: usize,
    ) {
        let kept = spares_for_each(coordinators).1;
        for home in &mut profile.homes {
            let theirs =
                |holder: &Holder| matches!(holder, Holder::Spare(by, _) if *by == coordinator);
            let count = home.tokens.iter().filter(|(_, holder)| theirs(holder)).count();
            let mut surplus = count.saturating_sub(kept);
            home.tokens.retain(|(_, holder)| {
                let goes = surplus > 0 && theirs(holder);
                surplus -= usize::from(goes);
                !goes
            });
            home.revision += 1;
        }
    }

    /// Whoever holds these tokens can send nothing more.
    pub(super) fn revoke(&self, profile: &mut Profile, goes: impl Fn(&Holder) -> bool) {
        for home in &mut profile.homes {
            home.tokens.retain(|(_, holder)| !goes(holder));
            home.revision += 1;
        }
    }

    /// Puts something before the person, once.
    pub(super) fn show(&mut self, from: Option<MemberId>, sent_at_s: u64, what: What) -> Done {
        let mut key = [0; 16];
        self.entropy.fill_bytes(&mut key);
        let item = Item { at_s: self.now_s, sent_at_s, from, what };
        Ok(self.tx.put::<crate::records::ItemKind>(&key, &item)?)
    }
}

#[cfg(test)]
mod tests {
    use velar_protocol::circle::limits::MAX_MEMBERS;

    use super::*;

    #[test]
    fn members_and_spares_never_need_more_tokens_than_a_relay_takes() {
        for coordinators in 0..MAX_MEMBERS {
            let (new, kept) = spares_for_each(coordinators);
            assert!(new >= 1 && kept <= 3 * SPARES, "{coordinators}");
            let others = MAX_MEMBERS - 1 + exchange::MAX_EXCHANGED;
            assert!(others + coordinators * (new + kept) < MAX_TOKENS);
        }
        assert_eq!(spares_for_each(1), (SPARES, 3 * SPARES));
    }
}
