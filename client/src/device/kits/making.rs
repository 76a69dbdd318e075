//! Making generations, and keeping them up to date.

use velar_protocol::circle::{AlertEvent, AlertId, EventKind as Kind, Reason, Roster};
use velar_protocol::seal::lifetimes::STOCK_RESERVE;
use velar_protocol::seal::{
    CheckedPrekey, Identity, MemberId, Part, PrekeyKind, Voice, seal, split,
};

use super::super::{DeviceError, Done, Turn};
use crate::kit::{Book, GENERATIONS, KitRecord, Made, Renew, Seat, State};
use crate::records::{KitKind, Peer, StockKeyKind, StockKind, UsedKind};

/// A generation is made anew after this many days: prekeys in it are then at most this much older than when sealed to.
const WEEK_DAYS: u32 = 7;

impl Turn<'_> {
    pub(super) fn void_kit(&self, made: &mut Made) -> Done {
        made.state = State::Void;
        for seat in &made.seats {
            self.tx.delete::<KitKind>(&Made::key(made.number, seat.to))?;
        }
        Ok(())
    }

    /// Brings each generation up to date, replaces those that are old or about an alert that is over, and makes what
    /// lacks of [`GENERATIONS`].
    pub(super) fn renew_kit(&mut self, book: &mut Book, roster: &Roster, renew: Renew) -> Done {
        let next_alarm = self.profile()?.next_alarm;
        let others = self.others()?;
        let today = self.today().0;
        let is_old = |made: &Made| {
            let fits = made.event.alert == next_alarm
                && made.day.0 <= today + 1
                && today < made.day.0 + WEEK_DAYS;
            !fits && renew == Renew::All
        };
        let mut ready: Vec<&mut Made> =
            book.generations.iter_mut().filter(|made| made.is_ready()).collect();
        // Those that stay come first: what they lack goes before anything new.
        ready.sort_by_key(|made| is_old(made));
        let (mut up_to_date, mut old, mut voided) = (0, 0, 0);
        for made in ready {
            self.leave_seats(made, roster)?;
            let needed: Vec<MemberId> = made.seats.iter().map(|seat| seat.to).collect();
            let rank = if is_old(made) {
                if self.can_seal_to(&needed, roster, up_to_date, voided)? {
                    self.void_kit(made)?;
                    voided += 1;
                    continue;
                }
                // An old one is better than none, and takes nothing from those that come.
                old += 1;
                GENERATIONS
            } else {
                up_to_date += 1;
                up_to_date - 1
            };
            for to in others.iter().filter(|to| !needed.contains(to)) {
                self.seat(made, *to, roster, rank)?;
            }
        }
        while up_to_date + old < GENERATIONS {
            let Some(made) = self.make(book.next, next_alarm, &others, roster, up_to_date)? else {
                break;
            };
            book.next += 1;
            book.generations.push(made);
            up_to_date += 1;
        }
        Ok(())
    }

    /// Seats of those who left, or have other keys now.
    fn leave_seats(&self, made: &mut Made, roster: &Roster) -> Done {
        let (gone, kept) = std::mem::take(&mut made.seats)
            .into_iter()
            .partition::<Vec<_>, _>(|seat| roster.member(seat.to).is_none());
        made.seats = kept;
        for seat in gone {
            self.tx.delete::<KitKind>(&Made::key(made.number, seat.to))?;
        }
        Ok(())
    }

    /// A new generation, if there is anybody to seal it to.
    fn make(
        &mut self,
        number: u64,
        alert: AlertId,
        others: &[MemberId],
        roster: &Roster,
        rank: usize,
    ) -> Done<Option<Made>> {
        let subject = self.me();
        let kind = Kind::raised(Reason::Panic, subject, false, String::new());
        let event = AlertEvent { alert, salt: self.random(), author: subject, at_s: 0, kind };
        let mut made = Made {
            number,
            day: self.today(),
            event,
            seats: Vec::new(),
            state: State::Ready,
            placed: false,
            receipts: Vec::new(),
        };
        for to in others {
            self.seat(&mut made, *to, roster, rank)?;
        }
        Ok((!made.seats.is_empty()).then_some(made))
    }

    /// Seals a generation for one member, if a one-time prekey of theirs is there for it.
    fn seat(&mut self, made: &mut Made, to: MemberId, roster: &Roster, rank: usize) -> Done {
        let Some(recipient) = roster.member(to).map(|entry| entry.identity) else { return Ok(()) };
        let peer = self.peer(to)?;
        if self.ways(to, true)?.is_empty() {
            return Ok(());
        }
        let Some(prekey) = self.take_one_time(&recipient, reserve(rank))? else { return Ok(()) };
        let tx = self.tx;
        match tx.whole(|| self.seal_seat(made, &recipient, peer, &prekey, roster)) {
            Ok(seat) => made.seats.push(seat),
            Err(DeviceError::Seal(..)) => tracing::error!("a kit cannot be sealed to one member"),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn seal_seat(
        &mut self,
        made: &Made,
        recipient: &Identity,
        mut peer: Peer,
        prekey: &CheckedPrekey,
        roster: &Roster,
    ) -> Done<Seat> {
        let to = recipient.member();
        peer.sequence += 1;
        self.set_peer(to, &peer)?;
        let pieces = split(&made.encode()?, Vec::new()).map_err(|_| DeviceError::Text)?;
        let body = pieces.into_iter().next().map(|piece| piece.body).unwrap_or_default();
        let part = Part {
            sender: self.me(),
            roster_number: roster.number(),
            roster_hash: roster.hash(),
            voice: Voice::NONE,
            message: made.message(),
            sequence: peer.sequence,
            index: 0,
            count: 1,
            yours_held: self.in_stock(to)?.min(usize::from(u8::MAX)) as u8,
            body,
            prekeys: Vec::new(),
        };
        let circle = roster.circle();
        let envelope = seal(self.identity, recipient, &circle, prekey, &part, &mut self.entropy)
            .map_err(|error| DeviceError::Seal(to, error))?;
        let sealed = KitRecord::Sealed(envelope.as_bytes().to_vec());
        self.tx.put::<KitKind>(&Made::key(made.number, to), &sealed)?;
        Ok(Seat { to, digest: envelope.digest().0, sequence: peer.sequence })
    }

    /// Whether, beside `others` that are to be made, a generation can be sealed to each of these now, after `rank` that
    /// stay. Lets go of prekeys that are too old.
    fn can_seal_to(
        &self,
        members: &[MemberId],
        roster: &Roster,
        rank: usize,
        others: usize,
    ) -> Done<bool> {
        let (circle, today) = (self.circle()?, self.today());
        let mut all = true;
        for member in members {
            let Some(entry) = roster.member(*member) else { continue };
            let mut fresh = Vec::new();
            for id in self.readable::<StockKind>(&member.0)?.unwrap_or_default() {
                let prekey = self.readable::<StockKeyKind>(&id.0)?;
                let usable = prekey.is_some_and(|prekey| {
                    prekey.verify(&entry.identity, &circle, today, PrekeyKind::OneTime).is_ok()
                });
                if usable {
                    fresh.push(id);
                } else {
                    self.tx.delete::<StockKeyKind>(&id.0)?;
                    self.tx.put::<UsedKind>(&id.0, &today)?;
                }
            }
            all &= fresh.len() > others + reserve(rank + others);
            self.tx.put::<StockKind>(&member.0, &fresh)?;
        }
        Ok(all)
    }
}

/// One-time prekeys of a member that stay for other things. The first generation may have the last one.
const fn reserve(rank: usize) -> usize {
    if rank == 0 { 0 } else { STOCK_RESERVE }
}
