//! A member gets another send token in place of the one they have.
//!
//! They are told of it only once a relay has registered it: a relay that registers nothing has no card sent, and nobody who
//! sees the card can register it first.

use velar_protocol::circle::limits::{INVITATION_S, MAX_MEMBERS, SPARES};
use velar_protocol::seal::lifetimes::HOLD_MAX_DAYS;
use velar_protocol::seal::{MemberId, MessageId};
use velar_protocol::wire::limits::MAX_TOKENS;

use super::super::{Device, DeviceError, Done, Turn};
use crate::deadlines::Deadline;
use crate::records::{Exchange, ExchangeKind, Holder, Home, Profile, What};

/// Tokens of one mailbox that are to take another's place, or have lost theirs and still count. Those of members and
/// spares, and some of invitations, have room beside them.
pub(super) const MAX_EXCHANGED: usize = 16;

/// How long an earlier token counts for a member who is not known to have the new one: as long as a hold may lie, which
/// is the longest silence that is planned.
const EARLIER_S: u64 = HOLD_MAX_DAYS as u64 * 86_400;

/// By so long after a deadline a hold is released, whatever its margin and after an outage of its relay.
const RELEASED_S: u64 = 86_400;

/// How long earlier spares count: who was invited with one has used it by then.
const EARLIER_SPARES_S: u64 = INVITATION_S + 86_400;

/// Messages of which it is remembered that they tell of a new token.
const MAX_CARDS: usize = 8;
/// How far a member's way to another token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeView {
    /// Whether a relay has registered the new one, and the member is being told.
    pub registered: bool,
    /// Whether the member has said to have it.
    pub received: bool,
    /// Until when the earlier one counts at the latest; `None`: it counts no more.
    pub earlier_until_s: Option<u64>,
}
impl Device {
    /// Gives a member another token in place of the one they have. Once a relay has registered it they are told; the one
    /// they have counts until they are known to have the new one, and what they left at relays by the old one is over;
    /// `at_once`: no longer than that. While this goes on no further one is drawn.
    ///
    /// # Errors
    /// [`DeviceError::UnknownMember`]; [`DeviceError::TooManyExchanges`]; [`DeviceError::TooManyTokens`];
    /// [`DeviceError::Removed`].
    pub fn exchange_token(&mut self, member: MemberId, at_once: bool, now_s: u64) -> Done {
        self.write(now_s, |turn| {
            turn.must_belong()?;
            if member == turn.me() || turn.the_roster()?.member(member).is_none() {
                return Err(DeviceError::UnknownMember);
            }
            turn.exchange_token(member, at_once)
        })
    }

    /// How far a member's way to another token is; `None`: there is none, or it is over.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn exchange(&mut self, member: MemberId) -> Done<Option<ExchangeView>> {
        self.read(0, |turn| {
            let Some(going_on) = turn.readable::<ExchangeKind>(&member.0)? else {
                return Ok(None);
            };
            let homes = turn.profile()?.homes;
            let has = |holder| homes.iter().any(|home| home.has(holder));
            let counts = has(Holder::Earlier(member)) || has(Holder::Next(member));
            let until_s = going_on.since_s.saturating_add(EARLIER_S);
            Ok(Some(ExchangeView {
                registered: !going_on.cards.is_empty(),
                received: going_on.received_s.is_some(),
                earlier_until_s: counts.then_some(until_s),
            }))
        })
    }
}

impl Home {
    pub(super) fn has(&self, holder: Holder) -> bool {
        self.tokens.iter().any(|(_, owner)| *owner == holder)
    }
    /// Revokes tokens; says whether there were any.
    pub(super) fn drop_where(&mut self, goes: impl Fn(&(u64, Holder)) -> bool) -> bool {
        let before = self.tokens.len();
        self.tokens.retain(|token| !goes(token));
        let any = self.tokens.len() < before;
        self.revision += u64::from(any);
        any
    }

    pub(super) fn drop_held_by(&mut self, holder: Holder) -> bool {
        self.drop_where(|(_, owner)| *owner == holder)
    }

    /// The token that was to take the place of a member's takes it. The other one is the earlier one from now on, unless
    /// the relay has it for somebody else.
    pub(super) fn exchange(&mut self, member: MemberId, taken: &[u64]) {
        let of = Holder::Member(member);
        self.drop_where(|(index, holder)| *holder == of && taken.contains(index));
        if self.has(of) {
            self.drop_held_by(Holder::Earlier(member));
        }
        for (_, holder) in &mut self.tokens {
            if *holder == of {
                *holder = Holder::Earlier(member);
            } else if *holder == Holder::Next(member) {
                *holder = of;
            }
        }
    }

    /// Whether as many tokens are in an exchange as may be. Of those that lost their place none goes for another's: an
    /// alarm may still come by it.
    fn is_exchanging_many(&self) -> bool {
        let exchanged =
            |(_, holder): &&(u64, Holder)| matches!(holder, Holder::Next(_) | Holder::Earlier(_));
        self.tokens.iter().filter(exchanged).count() >= MAX_EXCHANGED
    }

    /// Whether there is room for one token more that is to take another's place, beside those of so many members who are
    /// still to come.
    pub(super) fn has_room_for_next(&self, to_come: usize) -> bool {
        !self.is_exchanging_many() && self.tokens.len() + to_come < MAX_TOKENS
    }
}

impl Turn<'_> {
    fn exchange_token(&mut self, member: MemberId, at_once: bool) -> Done {
        let mut profile = self.profile()?;
        let known = self.readable::<ExchangeKind>(&member.0)?;
        let goes_on =
            |home: &Home| home.has(Holder::Next(member)) || home.has(Holder::Earlier(member));
        if let Some(mut exchange) = known.clone()
            && profile.homes.iter().any(goes_on)
        {
            if at_once {
                exchange.at_once = true;
                self.tx.put::<ExchangeKind>(&member.0, &exchange)?;
                self.end_exchange(member)?;
            }
            return Ok(());
        }
        let to_come = MAX_MEMBERS.saturating_sub(self.the_roster()?.members().len());
        let mut spares = known.map(|exchange| exchange.spares).unwrap_or_default();
        for home in &mut profile.homes {
            if home.left_s.is_some() {
                // Nobody is told of this one any more.
                home.exchange(member, &[]);
            } else if home.has_room_for_next(to_come) {
                home.issue(Holder::Next(member));
            } else if home.is_exchanging_many() {
                return Err(DeviceError::TooManyExchanges);
            } else {
                return Err(DeviceError::TooManyTokens);
            }
            for (_, holder) in &home.tokens {
                if let Holder::Spare(by, number) = holder
                    && *by == member
                    && !spares.contains(number)
                {
                    spares.push(*number);
                }
            }
        }
        self.set_profile(&profile)?;
        let since_s = self.now_s;
        let exchange =
            Exchange { member, since_s, at_once, cards: Vec::new(), received_s: None, spares };
        Ok(self.tx.put::<ExchangeKind>(&member.0, &exchange)?)
    }

    pub(super) fn ends_at_once(&self, member: MemberId) -> Done<bool> {
        let exchange = self.readable::<ExchangeKind>(&member.0)?;
        Ok(exchange.is_some_and(|exchange| exchange.at_once))
    }

    /// A relay has registered a member's new token: the member is told, and gets other spares if it had any.
    pub(super) fn tell_new_token(&mut self, member: MemberId) -> Done {
        let known = self.readable::<ExchangeKind>(&member.0)?;
        let told = known.as_ref().is_some_and(|exchange| !exchange.cards.is_empty());
        let since_s = self.now_s;
        let mut exchange = known.unwrap_or(Exchange {
            member,
            since_s,
            at_once: false,
            cards: Vec::new(),
            received_s: None,
            spares: Vec::new(),
        });
        exchange.cards = self.send_card(member)?.into_iter().collect();
        (exchange.since_s, exchange.received_s) = (self.now_s, None);
        self.tx.put::<ExchangeKind>(&member.0, &exchange)?;
        if !told && !exchange.spares.is_empty() {
            let roster = self.the_roster()?;
            self.leave_spares_with(&roster, member, SPARES)?;
        }
        self.end_exchange(member)
    }

    /// This message tells a member of the token that it has now.
    pub(super) fn card_sent(&self, member: MemberId, message: MessageId) -> Done {
        let Some(mut exchange) = self.readable::<ExchangeKind>(&member.0)? else { return Ok(()) };
        // Before the first, the new token is nobody's yet.
        if exchange.cards.is_empty() {
            return Ok(());
        }
        exchange.cards.push(message);
        let surplus = exchange.cards.len().saturating_sub(MAX_CARDS);
        exchange.cards.drain(..surplus);
        Ok(self.tx.put::<ExchangeKind>(&member.0, &exchange)?)
    }

    /// A member has a message of mine; perhaps the one that told of the new token.
    pub(in crate::device) fn card_received(&mut self, by: MemberId, message: MessageId) -> Done {
        let Some(mut exchange) = self.readable::<ExchangeKind>(&by.0)? else { return Ok(()) };
        if exchange.received_s.is_some() || !exchange.cards.contains(&message) {
            return Ok(());
        }
        exchange.received_s = Some(self.now_s);
        self.tx.put::<ExchangeKind>(&by.0, &exchange)?;
        self.end_exchange(by)
    }

    /// Ends what can be ended of all exchanges.
    pub(in crate::device) fn end_exchanges(&mut self) -> Done {
        for (_, exchange) in self.tx.list::<ExchangeKind>()? {
            self.end_exchange(exchange.member)?;
        }
        Ok(())
    }

    /// The earlier token is revoked when the member has the new one, and no hold of theirs can lie anywhere by the earlier
    /// one; and if that cannot be known, after the longest time that a hold may lie.
    fn end_exchange(&mut self, member: MemberId) -> Done {
        let Some(mut exchange) = self.readable::<ExchangeKind>(&member.0)? else { return Ok(()) };
        let (mut profile, before) = (self.profile()?, exchange.clone());
        let revisions = |profile: &Profile| -> Vec<u64> {
            profile.homes.iter().map(|home| home.revision).collect()
        };
        let known_revisions = revisions(&profile);
        let age_s = self.now_s.saturating_sub(exchange.since_s);
        let over = age_s > EARLIER_S;
        let pending = profile.homes.iter().any(|home| home.has(Holder::Next(member)));
        let known = match exchange.received_s {
            Some(received_s) => !self.may_hold_lie(member, received_s)?,
            None => false,
        };
        let mut revoked = false;
        if known || over || exchange.at_once {
            for home in &mut profile.homes {
                revoked |= home.drop_held_by(Holder::Earlier(member));
            }
        }
        let had_spares = exchange.received_s.is_some() && age_s > EARLIER_SPARES_S;
        if had_spares || over || exchange.at_once && !pending {
            let spares = std::mem::take(&mut exchange.spares);
            let goes = |holder: &Holder| matches!(holder, Holder::Spare(by, number) if *by == member && spares.contains(number));
            for home in &mut profile.homes {
                home.drop_where(|(_, holder)| goes(holder));
            }
        }
        if revisions(&profile) != known_revisions {
            self.set_profile(&profile)?;
        }
        if over && revoked && exchange.received_s.is_none() {
            let now_s = self.now_s;
            self.show(None, now_s, What::TokenEnded { member })?;
        }
        let earlier = profile.homes.iter().any(|home| home.has(Holder::Earlier(member)));
        let told = exchange.received_s.is_some() || over;
        if told && !pending && !earlier && exchange.spares.is_empty() {
            self.tx.delete::<ExchangeKind>(&member.0)?;
        } else if exchange != before {
            self.tx.put::<ExchangeKind>(&member.0, &exchange)?;
        }
        Ok(())
    }

    /// Whether a hold of this member's may lie at a relay as it was left before they had the new token: their next check-in
    /// leaves it anew.
    fn may_hold_lie(&self, member: MemberId, received_s: u64) -> Done<bool> {
        let Some((said, sent_s, arrived_s)) = self.peer(member)?.check_in else { return Ok(false) };
        if arrived_s > received_s {
            return Ok(false);
        }
        let deadline = Deadline::of(member, &said, sent_s, arrived_s);
        let released_s = deadline.map(|one| one.due_s.saturating_add(RELEASED_S));
        Ok(released_s.is_some_and(|released_s| self.now_s <= released_s))
    }
}
