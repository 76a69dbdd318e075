//! What time asks for: a new last-resort prekey each week, and forgetting what is old.

use velar_protocol::seal::Day;
use velar_protocol::seal::lifetimes::{
    CLOCK_SKEW_DAYS, LAST_RESORT_ROTATION_DAYS, PREKEY_MAX_AGE_DAYS, PRIVATE_HALF_DAYS,
    SPENT_ID_DAYS, private_half_expired,
};

use super::{Done, Turn};
use crate::records::{
    CursorKind, DeliveryKind, EarlyKind, EarlySinceKind, ForgottenKind, Holder, InvitationKind,
    InvitedState, IssuedKind, ItemKind, NotedKind, PartsKind, PrivateKind, RememberedKind,
    SeenEnvelopeKind, SeenMessageKind, SpentKind, UsedKind, pair_key,
};
use crate::vault::Fate;

/// How long after its end an answer to an invitation may still be read.
pub(super) const LATE_S: u64 = 14 * 86_400;

/// How long a message waits for the roster that makes its sender a member: a mailbox's life.
const EARLY_DAYS: u32 = velar_protocol::seal::lifetimes::MAILBOX_DAYS;

/// How long a prekey that was sealed to could come again and pass for a fresh one.
const USED_DAYS: u32 = PREKEY_MAX_AGE_DAYS + CLOCK_SKEW_DAYS;

/// How long what every reader has shown is kept.
const ITEM_S: u64 = 180 * 86_400;

/// Under this reader's name the day of forgetting was kept; it shows nothing.
const NO_READER: &[u8] = b"day of the last forgetting";

impl Turn<'_> {
    /// Sends everybody a new card when the last-resort prekey has reached its age.
    pub(super) fn renew_card(&mut self) -> Done {
        if self.roster()?.is_none() {
            return Ok(());
        }
        let issued = self.tx.list::<IssuedKind>()?;
        let newest = issued
            .iter()
            .filter(|(_, issued)| issued.holder == Holder::Everyone)
            .map(|(_, issued)| issued.day.0)
            // Dated by a clock that was wrong.
            .filter(|day| *day <= self.today().0 + 1)
            .max();
        if newest.is_some_and(|day| self.today().0 < day + LAST_RESORT_ROTATION_DAYS) {
            return Ok(());
        }
        // Spares age with the key that they bring.
        self.send_cards()
    }

    /// Tokens of invitations that nobody can answer any more.
    pub(super) fn end_invitations(&mut self) -> Done {
        let mut ended = Vec::new();
        let now_s = self.now_s;
        self.tx.revise::<InvitationKind>(|invited| {
            let waits = matches!(invited.state, InvitedState::Open | InvitedState::Revealed);
            // Who answered in time may be read late.
            let late = invited.until_s.saturating_add(LATE_S) < now_s;
            if waits && late && invited.answers.is_empty() {
                ended.push(invited.id);
            }
            Fate::delete_if(waits && late && invited.answers.is_empty())
        })?;
        if ended.is_empty() {
            return Ok(());
        }
        let mut profile = self.profile()?;
        for id in ended {
            self.revoke(&mut profile, |holder| *holder == Holder::Invitation(id));
        }
        self.set_profile(&profile)
    }

    /// Once a day: private halves, ids and digests that are past their time.
    ///
    /// Called only after the backlog was read: what still lies at a relay must find its key.
    pub(super) fn forget_old(&mut self) -> Done {
        let today = self.today();
        // A day that lies ahead was set by a clock that was wrong.
        let done = |day: Day| day.0 == today.0 || day.0 == today.0 + 1;
        if self.readable::<ForgottenKind>(&[])?.is_some_and(done) {
            return Ok(());
        }
        for (_, issued) in self.tx.list::<IssuedKind>()? {
            if private_half_expired(issued.day, today) {
                self.tx.delete::<PrivateKind>(&issued.id.0)?;
                self.tx.delete::<IssuedKind>(&issued.id.0)?;
                self.tx.put::<SpentKind>(&issued.id.0, &issued)?;
                if let Holder::Member(member) = issued.holder {
                    let mut peer = self.peer(member)?;
                    peer.outstanding = peer.outstanding.saturating_sub(1);
                    self.set_peer(member, &peer)?;
                }
            }
        }
        let older = |day: u32, limit: u32| today.0.saturating_sub(day) > limit;
        self.tx.revise::<SpentKind>(|s| Fate::delete_if(older(s.day.0, SPENT_ID_DAYS)))?;
        let aged = |day: &mut Day| Fate::delete_if(older(day.0, PRIVATE_HALF_DAYS));
        self.tx.revise::<SeenEnvelopeKind>(aged)?;
        self.tx.revise::<SeenMessageKind>(|seen| {
            let voices = std::mem::take(&mut seen.voices);
            match older(seen.day.0, PRIVATE_HALF_DAYS) {
                true => Fate::Delete,
                false if voices.is_empty() => Fate::Keep,
                false => Fate::Store,
            }
        })?;
        self.tx.revise::<RememberedKind>(|seen| Fate::delete_if(seen.age(today)))?;
        self.tx.revise::<NotedKind>(|day| Fate::delete_if(older(day.0, SPENT_ID_DAYS)))?;
        // Older ones are refused for their age. They are as many as envelopes were sealed in that time.
        self.tx.revise::<UsedKind>(|day| Fate::delete_if(older(day.0, USED_DAYS)))?;
        let mut lost = Vec::new();
        self.tx.revise::<PartsKind>(|parts| {
            let expired = parts.expire(today);
            let fate = if expired.is_empty() { Fate::Keep } else { Fate::Store };
            lost.extend(expired);
            if parts.is_empty() { Fate::Delete } else { fate }
        })?;
        for (sender, message) in lost {
            self.lost(sender, message)?;
        }
        self.forget_early()?;
        self.forget_newer()?;
        self.forget_outdated()?;
        self.drop_aged()?;
        // What still tells somebody who left that they did, and reaches no relay.
        let too_late = self.now_s.saturating_sub(LATE_S);
        let removed = self.is_removed()?;
        for members in self.membership()?.iter() {
            for member in members.ever().map(|entry| entry.member()) {
                if removed || members.left(member).is_some() {
                    self.drop_deliveries(member, |one| one.queued_s < too_late)?;
                }
            }
        }
        let horizon = self.now_s.saturating_sub(u64::from(PRIVATE_HALF_DAYS) * 86_400);
        self.tx.revise::<DeliveryKind>(|delivery| {
            let done = delivery.received_s.is_some() || delivery.given_up;
            Fate::delete_if(done && delivery.queued_s < horizon)
        })?;
        self.forget_items()?;
        Ok(self.tx.put::<ForgottenKind>(&[], &today)?)
    }

    /// What was shown half a year ago, by every reader that there is. Events of alerts stay.
    fn forget_items(&mut self) -> Done {
        self.tx.delete::<CursorKind>(NO_READER)?;
        let cursors = self.tx.list::<CursorKind>()?;
        let Some(shown) = cursors.into_iter().map(|(_, position)| position).min() else {
            return Ok(());
        };
        let items = self.tx.list::<ItemKind>()?;
        let mut behind = items.iter().filter(|(position, _)| *position <= shown).count();
        let horizon = self.now_s.saturating_sub(ITEM_S);
        // Both go through what can be read, in the order of the positions.
        self.tx.revise::<ItemKind>(|item| {
            let gone = behind > 0 && item.at_s < horizon;
            behind = behind.saturating_sub(1);
            Fate::delete_if(gone)
        })?;
        Ok(())
    }

    /// What no roster made anybody's for so long is nobody's.
    fn forget_early(&mut self) -> Done {
        let today = self.today();
        let mut lost = false;
        for (_, early) in self.tx.list::<EarlyKind>()? {
            let key = pair_key(&early.from.member().0, &early.message.0);
            let since = self.readable::<EarlySinceKind>(&key)?;
            if since.is_none_or(|since| since.0 > today.0 + 1) {
                self.tx.put::<EarlySinceKind>(&key, &today)?;
            } else if since.is_some_and(|since| today.0.saturating_sub(since.0) > EARLY_DAYS) {
                self.tx.delete::<EarlyKind>(&key)?;
                self.tx.delete::<EarlySinceKind>(&key)?;
                lost = true;
            }
        }
        if lost { self.say_unopened(None, false) } else { Ok(()) }
    }
}
