//! Ids of this device's prekeys, to find which one an envelope is sealed to: read from the vault once and then added
//! to, since whoever has a token can send envelopes that are sealed to none of them.
//!
//! The vault decides: an id that is found here is looked up there. So what was deleted since does no harm, and what
//! another process has added is found by its position, which only grows.

use velar_protocol::seal::{Day, PrekeyId, matches};
use velar_protocol::wire::Envelope;

use super::{Done, Turn};
use crate::records::{Issued, IssuedKind, SpentKind};
use crate::vault::{Kind, Tx};

/// Ids of the prekeys that are out, and of those that were used.
#[derive(Default)]
pub(super) struct PrekeyIds {
    issued: Ids,
    /// Read when first needed: there are many more of them.
    spent: Option<Ids>,
    /// The day on which they were read as a whole: each day without those that are gone.
    day: Option<Day>,
}

/// Ids of one kind of record, and the position of the newest that was looked at.
#[derive(Default)]
struct Ids {
    ids: Vec<PrekeyId>,
    position: u64,
}

/// The prekey that an envelope is sealed to.
pub(super) enum Found {
    /// It is out.
    Issued(Issued),
    /// It was used.
    Spent(Issued),
}

impl PrekeyIds {
    /// Adds those that are new. Only where nothing was written in this transaction: what is read must not be undone.
    pub(super) fn look(&mut self, turn: &Turn<'_>) -> Done {
        let today = turn.today();
        if self.day != Some(today) {
            *self = Self { day: Some(today), ..Self::default() };
        }
        self.issued.look::<IssuedKind>(turn.tx)?;
        self.spent.as_mut().map_or(Ok(()), |spent| spent.look::<SpentKind>(turn.tx))
    }

    /// The prekey that an envelope is sealed to, of those that are out or were not long ago.
    pub(super) fn issued(&self, turn: &Turn<'_>, envelope: &Envelope) -> Done<Option<Found>> {
        for id in self.issued.matching(envelope) {
            if let Some(issued) = turn.readable::<IssuedKind>(&id.0)? {
                return Ok(Some(Found::Issued(issued)));
            }
            if let Some(spent) = turn.readable::<SpentKind>(&id.0)? {
                return Ok(Some(Found::Spent(spent)));
            }
        }
        Ok(None)
    }

    /// The prekey that it is sealed to, of those that were used.
    pub(super) fn spent(&mut self, turn: &Turn<'_>, envelope: &Envelope) -> Done<Option<Found>> {
        let spent = match &mut self.spent {
            Some(spent) => spent,
            none => {
                let mut spent = Ids::default();
                spent.look::<SpentKind>(turn.tx)?;
                none.insert(spent)
            }
        };
        for id in spent.matching(envelope) {
            if let Some(spent) = turn.readable::<SpentKind>(&id.0)? {
                return Ok(Some(Found::Spent(spent)));
            }
        }
        Ok(None)
    }
}

impl Ids {
    fn look<K: Kind<Value = Issued>>(&mut self, tx: &Tx<'_>) -> Done {
        for (position, issued) in tx.list_after::<K>(self.position)? {
            self.ids.push(issued.id);
            self.position = position;
        }
        Ok(())
    }

    fn matching(&self, envelope: &Envelope) -> impl Iterator<Item = PrekeyId> {
        self.ids.iter().copied().filter(|id| matches(envelope, *id))
    }
}
