//! The panic kit as the vault sees it: which generations there are, and what became of those that were used.
//! Its file is a copy of what is decided here, with marks (see [`crate::kit`]).

mod making;
mod used;

use velar_protocol::circle::{Address, AlertId, Body, EventKind as Kind, Reason, Roster};
use velar_protocol::seal::lifetimes::PRIVATE_HALF_DAYS;
use velar_protocol::seal::{MemberId, MessageId};
use velar_protocol::wire::Envelope;

use super::{Device, Done, Turn};
use crate::kit::{Book, Contents, Generation, KitRecord, Made, Renew, SealedFor, Way};
use crate::records::KitKind;

/// Generations of which something is remembered at most.
const MAX_REMEMBERED: usize = 64;

/// How the panic kit stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KitView {
    /// Alarms that can be raised without the passphrase.
    pub left: usize,
    /// How many of them have an envelope for everybody.
    pub whole: usize,
    /// For how many people the next of them has no envelope.
    pub lacking: usize,
}

impl Device {
    /// Takes in what `look` finds in the kit's file, and says what it should hold; `None` if it is as it should be, or
    /// cannot be known. As far as `renew` says, generations are made, completed and made anew.
    ///
    /// It looks while no other process writes the vault: in what was read before that, a generation that another
    /// process has placed since would be missing, and called void. Within: `None` if there is no file.
    ///
    /// # Errors
    /// [`DeviceError::Vault`](super::DeviceError::Vault).
    pub fn keep_kit(
        &mut self,
        look: impl FnOnce() -> Option<Option<Contents>>,
        renew: Renew,
        now_s: u64,
    ) -> Done<Option<Contents>> {
        self.write(now_s, |turn| {
            let Some(roster) = turn.roster()? else { return Ok(None) };
            let Some(found) = look() else { return Ok(None) };
            turn.keep_kit(&roster, found.as_ref(), renew)
        })
    }

    /// The alert and the message of a generation; `None` if this vault never made it, or has forgotten it.
    ///
    /// # Errors
    /// [`DeviceError::Vault`](super::DeviceError::Vault).
    pub fn kit_message(&mut self, number: u64) -> Done<Option<(AlertId, MessageId)>> {
        self.read(0, |turn| {
            let book = turn.kit_book()?;
            let made = book.generations.iter().find(|made| made.number == number);
            Ok(made.map(|made| (made.event.alert, made.message())))
        })
    }

    /// How the panic kit stands.
    ///
    /// # Errors
    /// [`DeviceError::Vault`](super::DeviceError::Vault).
    pub fn kit(&mut self) -> Done<KitView> {
        self.read(0, |turn| {
            let book = turn.kit_book()?;
            let others = turn.others().map_or(0, |others| others.len());
            let ready = book.ready(turn.profile()?.next_alarm);
            let Some(first) = ready.first() else { return Ok(KitView::default()) };
            Ok(KitView {
                left: ready.len(),
                whole: ready.iter().filter(|one| one.seats.len() >= others).count(),
                lacking: others.saturating_sub(first.seats.len()),
            })
        })
    }
}

impl Turn<'_> {
    /// For every message: the lowest generation of mine that is not void.
    pub(super) fn kit_valid_from(&self) -> Done<u64> {
        Ok(self.kit_book()?.valid_from(self.now_s))
    }

    /// What a message of somebody's says about their kit. `Some`: it is an alarm by a generation that they called
    /// void.
    pub(super) fn heard_kit(
        &self,
        from: MemberId,
        sent_at_s: u64,
        kit: u64,
        body: &Body,
    ) -> Done<Option<AlertId>> {
        let mut peer = self.peer(from)?;
        if sent_at_s > 0 {
            if kit > peer.kit_valid_from {
                peer.kit_valid_from = kit;
                self.set_peer(from, &peer)?;
            }
            return Ok(None);
        }
        let alarm = match body {
            Body::Alert(event) if event.author == from => event,
            _ => return Ok(None),
        };
        let panic = matches!(alarm.kind, Kind::Raised { reason: Reason::Panic, .. });
        Ok((panic && kit < peer.kit_valid_from).then_some(alarm.alert))
    }

    /// A receipt for what is in no outbox: an alarm of the kit, perhaps.
    pub(super) fn kit_receipted(&self, by: MemberId, message: MessageId) -> Done {
        let mut book = self.kit_book()?;
        let now_s = self.now_s;
        let Some(made) = book.generations.iter_mut().find(|made| made.message() == message) else {
            return Ok(());
        };
        if made.receipts.iter().all(|(known, _)| *known != by) {
            made.receipts.push((by, now_s));
            self.set_kit_book(&book)?;
        }
        Ok(())
    }

    fn kit_book(&self) -> Done<Book> {
        match self.readable::<KitKind>(&[])? {
            Some(KitRecord::Book(book)) => Ok(book),
            Some(KitRecord::Voiced(book)) => Ok(book.into()),
            _ => Ok(Book::default()),
        }
    }

    /// Whether what is kept of the kit still tells voices.
    fn kit_tells_voices(&self) -> Done<bool> {
        Ok(matches!(self.readable::<KitKind>(&[])?, Some(KitRecord::Voiced(_))))
    }

    fn set_kit_book(&self, book: &Book) -> Done {
        Ok(self.tx.put::<KitKind>(&[], &KitRecord::Book(book.clone()))?)
    }

    fn keep_kit(
        &mut self,
        roster: &Roster,
        found: Option<&Contents>,
        renew: Renew,
    ) -> Done<Option<Contents>> {
        let mut book = self.kit_book()?;
        let before = book.clone();
        self.take_in_used(&mut book, found)?;
        let disarmed = found.is_some_and(|found| found.disarmed);
        // Nobody would hear an alarm of it.
        let removed = self.is_removed()?;
        for made in book.generations.iter_mut().filter(|made| made.is_ready()) {
            let here = found.is_some_and(|found| {
                found.generations.iter().any(|known| known.number == made.number)
            });
            // What was there and is not any more may have been used, or taken.
            if disarmed || removed || (made.placed && !here) {
                self.void_kit(made)?;
            }
            made.placed |= here;
        }
        if renew != Renew::Nothing && !disarmed && !removed {
            self.renew_kit(&mut book, roster, renew)?;
        }
        if book != before || self.kit_tells_voices()? {
            self.forget_kits(&mut book)?;
            self.set_kit_book(&book)?;
        }
        if disarmed {
            return Ok(None);
        }
        let wanted = self.kit_contents(&book, roster)?;
        let nothing = found.is_none() && wanted.generations.is_empty();
        let same = found.cloned().map(Contents::unmarked).as_ref() == Some(&wanted);
        Ok((!nothing && !same).then_some(wanted))
    }

    /// What the kit's file is to hold.
    fn kit_contents(&self, book: &Book, roster: &Roster) -> Done<Contents> {
        let profile = self.profile()?;
        let homes: Vec<_> = profile.homes.iter().map(|home| home.relay.clone()).collect();
        let others = roster.members().len().saturating_sub(1);
        let mut generations = Vec::new();
        for made in book.ready(profile.next_alarm) {
            let mut envelopes = Vec::new();
            for seat in &made.seats {
                let key = Made::key(made.number, seat.to);
                let Some(KitRecord::Sealed(bytes)) = self.readable::<KitKind>(&key)? else {
                    continue;
                };
                let Some(envelope) = Envelope::new(bytes) else { continue };
                let way =
                    |one: Address| Way { relay: one.relay, token: one.token, accepted: false };
                let ways: Vec<Way> = self.ways(seat.to, true)?.into_iter().map(way).collect();
                if !ways.is_empty() {
                    envelopes.push(SealedFor { envelope, ways });
                }
            }
            let [a, b, c, d, ..] = made.event.alert.0;
            generations.push(Generation::new(
                made.number,
                made.day,
                [a, b, c, d],
                others.saturating_sub(envelopes.len()).min(255) as u8,
                homes.clone(),
                envelopes,
            ));
        }
        Ok(Contents { disarmed: false, generations })
    }

    /// What nothing can be heard of any more.
    fn forget_kits(&self, book: &mut Book) -> Done {
        let today = self.today().0;
        let mut surplus = book.generations.len().saturating_sub(MAX_REMEMBERED);
        book.generations.retain(|made| {
            let old = today.saturating_sub(made.day.0) > PRIVATE_HALF_DAYS;
            let goes = !made.is_ready() && (old || surplus > 0);
            surplus = surplus.saturating_sub(usize::from(goes));
            !goes
        });
        Ok(())
    }
}
