//! Envelopes as they come, and what those that come together share.

use velar_protocol::wire::{Envelope, RelayAddress, TokenMark};

use super::newer::Room;
use super::prekey_ids::{Found, PrekeyIds};
use super::{Device, Done, Turn};
use crate::records::{Holder, TalliesKind, What};
use crate::tallies::Tallies;

/// An envelope, and what its relay says of the way it came. An envelope tells only once it is opened who sealed it.
#[derive(Clone)]
pub struct Arrived {
    /// The envelope.
    pub envelope: Envelope,
    /// Which relay had it.
    pub relay: RelayAddress,
    /// By which token it came there, as that relay says; `None`: it does not know.
    pub token: Option<TokenMark>,
}

/// Envelopes that came today and yesterday and that nothing here opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnopenedView {
    /// By tokens of this device's that are valid, as relays say.
    pub by_token: Vec<UnopenedBy>,
    /// How many by tokens that are not known, or are nobody's.
    pub by_unknown: u64,
}

/// Those that came by one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnopenedBy {
    /// To whom it was given.
    pub holder: Holder,
    /// How many.
    pub count: u64,
    /// Whether that is more than an honest device sends.
    pub many: bool,
}

impl Device {
    /// What came lately and was not opened, by whose token.
    ///
    /// # Errors
    /// [`DeviceError::Vault`](super::DeviceError::Vault).
    pub fn unopened(&mut self, now_s: u64) -> Done<UnopenedView> {
        self.read(now_s, |turn| {
            let Some(tallies) = turn.readable::<TalliesKind>(&[])? else {
                return Ok(UnopenedView::default());
            };
            let (today, mut by_token) = (turn.today(), Vec::new());
            for (_, mark, holder) in turn.token_marks()? {
                let count = tallies.lately(Some(mark), today);
                let many = tallies.are_many(Some(mark), today);
                if count > 0 {
                    by_token.push(UnopenedBy { holder, count, many });
                }
            }
            Ok(UnopenedView { by_token, by_unknown: tallies.lately(None, today) })
        })
    }
}

/// What envelopes that come together share: read once for all of them.
#[derive(Default)]
pub(super) struct Batch {
    ids: PrekeyIds,
    holders: Option<Vec<(RelayAddress, TokenMark, Holder)>>,
    tallies: Option<Tallies>,
    /// What is kept of newer versions.
    newer: Option<Room>,
    /// Whose tokens brought many by now.
    many: Vec<(Holder, TokenMark)>,
    counted: bool,
}

impl Batch {
    /// The next one, with what the last knew of prekeys.
    pub(super) fn after(ids: PrekeyIds) -> Self {
        Self { ids, ..Self::default() }
    }

    /// Looks for new prekeys; at the beginning of a transaction.
    pub(super) fn begin(&mut self, turn: &Turn<'_>) -> Done {
        self.ids.look(turn)
    }

    /// What is known of prekeys, for the next one.
    pub(super) fn into_ids(self) -> PrekeyIds {
        self.ids
    }

    /// The prekey that an envelope is sealed to. Where many come by one token that nothing opens, those that were used
    /// are not looked through for each of them: there may be very many.
    pub(super) fn find(&mut self, turn: &Turn<'_>, arrived: &Arrived) -> Done<Option<Found>> {
        if let Some(found) = self.ids.issued(turn, &arrived.envelope)? {
            return Ok(Some(found));
        }
        let by = self.holder(turn, arrived)?.and(arrived.token);
        if self.tallies(turn)?.are_many(by, turn.today()) {
            return Ok(None);
        }
        self.ids.spent(turn, &arrived.envelope)
    }

    /// Counts an envelope that nothing opens. Returns to whom the token that brought it was given, as its relay says.
    pub(super) fn count(&mut self, turn: &Turn<'_>, arrived: &Arrived) -> Done<Option<Holder>> {
        let holder = self.holder(turn, arrived)?;
        let by = holder.and(arrived.token);
        let now_many = self.tallies(turn)?.add(by, turn.today());
        self.counted = true;
        if let (true, Some(holder), Some(token)) = (now_many, holder, by) {
            self.many.push((holder, token));
        }
        Ok(holder)
    }

    /// Keeps an envelope of a version that this program does not know. It counts as one that nothing opens: whoever has a
    /// token may call anything newer.
    pub(super) fn keep_newer(
        &mut self,
        turn: &mut Turn<'_>,
        version: u8,
        arrived: &Arrived,
    ) -> Done {
        if !turn.has_newer_envelope(&arrived.envelope)? {
            self.count(turn, arrived)?;
        }
        let room = match &mut self.newer {
            Some(room) => room,
            none => none.insert(Room::of(turn)?),
        };
        turn.keep_newer_envelope(room, version, arrived)
    }

    fn holder(&mut self, turn: &Turn<'_>, arrived: &Arrived) -> Done<Option<Holder>> {
        let Some(token) = arrived.token else { return Ok(None) };
        let holders = match &mut self.holders {
            Some(holders) => holders,
            none => none.insert(turn.token_marks()?),
        };
        let is_it = |(relay, mark, _): &&(RelayAddress, TokenMark, Holder)| {
            *mark == token && *relay == arrived.relay
        };
        Ok(holders.iter().find(is_it).map(|(.., holder)| *holder))
    }

    fn tallies(&mut self, turn: &Turn<'_>) -> Done<&mut Tallies> {
        Ok(match &mut self.tallies {
            Some(tallies) => tallies,
            none => none.insert(turn.readable::<TalliesKind>(&[])?.unwrap_or_default()),
        })
    }

    /// Keeps the numbers, and tells the person by whose token many come.
    pub(super) fn keep(&mut self, turn: &mut Turn<'_>) -> Done {
        let Some(tallies) = self.tallies.as_ref().filter(|_| self.counted) else { return Ok(()) };
        turn.tx.put::<TalliesKind>(&[], tallies)?;
        for (holder, token) in std::mem::take(&mut self.many) {
            let count = tallies.lately(Some(token), turn.today());
            turn.show(None, turn.now_s, What::ManyUnopened { holder, count })?;
        }
        Ok(())
    }
}
