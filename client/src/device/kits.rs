//! The panic kit as the vault sees it: which generations there are, and what became of those that were used.
//! Its file is a copy of what is decided here, with marks (see [`crate::kit`]).

use velar_protocol::circle::{
    Address, AlertEvent, AlertId, Body, EventKind as Kind, Heard, Reason, Roster,
};
use velar_protocol::seal::lifetimes::{PREKEY_MAX_AGE_DAYS, PRIVATE_HALF_DAYS, STOCK_RESERVE};
use velar_protocol::seal::{CheckedPrekey, Day, Identity, MemberId, MessageId, Part, seal, split};
use velar_protocol::wire::Envelope;

use super::sealing::Post;
use super::{Device, DeviceError, Done, Turn};
use crate::kit::{
    Book, Contents, GENERATIONS, Generation, KitRecord, Made, SealedFor, Seat, State, Way,
};
use crate::outbox::{Class, Route, RouteState, accepted_at};
use crate::records::{
    Delivery, DeliveryKind, KitKind, Outgoing, OutgoingBytesKind, OutgoingKind, Peer, StockKeyKind,
    StockKind, UsedKind, What, delivery_key,
};

/// A generation is made anew after this many days: prekeys in it are then at most this much older than when sealed to.
const WEEK_DAYS: u32 = 7;

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
    /// The day on which the oldest was sealed.
    pub sealed: Option<Day>,
}

impl Device {
    /// Takes in what was `found` in the kit's file, and says what it should hold; `None` if it is as it should be.
    /// With `renew` generations are made, completed and made anew; without, only what was used is taken in.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn keep_kit(
        &mut self,
        found: Option<&Contents>,
        renew: bool,
        now_s: u64,
    ) -> Done<Option<Contents>> {
        self.write(now_s, |turn| {
            let Some(roster) = turn.roster()? else { return Ok(None) };
            turn.keep_kit(&roster, found, renew)
        })
    }

    /// The alert and the message of a generation; `None` if this vault never made it, or has forgotten it.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
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
    /// [`DeviceError::Vault`].
    pub fn kit(&mut self) -> Done<KitView> {
        self.read(0, |turn| {
            let book = turn.kit_book()?;
            let others = turn.others().map_or(0, |others| others.len());
            let ready: Vec<&Made> = book.generations.iter().filter(|one| one.is_ready()).collect();
            let Some(first) = ready.first() else { return Ok(KitView::default()) };
            Ok(KitView {
                left: ready.len(),
                whole: ready.iter().filter(|one| one.seats.len() >= others).count(),
                lacking: others.saturating_sub(first.seats.len()),
                sealed: Some(first.day),
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
            _ => Ok(Book::default()),
        }
    }

    fn set_kit_book(&self, book: &Book) -> Done {
        Ok(self.tx.put::<KitKind>(&[], &KitRecord::Book(book.clone()))?)
    }

    fn keep_kit(
        &mut self,
        roster: &Roster,
        found: Option<&Contents>,
        renew: bool,
    ) -> Done<Option<Contents>> {
        let mut book = self.kit_book()?;
        let before = book.clone();
        self.take_in_used(&mut book, found)?;
        let disarmed = found.is_some_and(|found| found.disarmed);
        for made in book.generations.iter_mut().filter(|made| made.is_ready()) {
            let here = found.is_some_and(|found| {
                found.generations.iter().any(|known| known.number == made.number)
            });
            // What was there and is not any more may have been used, or taken.
            if disarmed || (made.placed && !here) {
                self.void_kit(made)?;
            }
            made.placed |= here;
        }
        if renew && !disarmed {
            self.renew_kit(&mut book, roster)?;
        }
        if book != before {
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

    /// What was posted, by this device or with a copy of its kit, becomes an alarm like any other.
    fn take_in_used(&mut self, book: &mut Book, found: Option<&Contents>) -> Done {
        let used = found.into_iter().flat_map(|found| &found.generations);
        let used: Vec<&Generation> = used.filter(|one| one.used_s.is_some()).collect();
        for made in &mut book.generations {
            let posted = used.iter().find(|posted| posted.number == made.number);
            let known = matches!(made.state, State::Used { .. });
            match posted {
                Some(posted) if known => self.placed_since(made, posted)?,
                Some(posted) => {
                    let now_s = self.now_s;
                    let at_s = posted.used_s.filter(|at_s| (1..=now_s).contains(at_s));
                    self.raised_by_kit(made, Some(posted), at_s.unwrap_or(now_s))?;
                }
                None if !known && !made.receipts.is_empty() => {
                    let alert = made.event.alert;
                    tracing::warn!("an alarm of the kit was raised, not by this device");
                    let heard_s = made.receipts.iter().map(|(_, at_s)| *at_s).min();
                    let now_s = self.now_s;
                    self.raised_by_kit(made, None, heard_s.unwrap_or(now_s))?;
                    self.show(None, now_s, What::KitCopied { alert })?;
                }
                None => {}
            }
        }
        Ok(())
    }

    fn raised_by_kit(&mut self, made: &mut Made, posted: Option<&Generation>, at_s: u64) -> Done {
        made.state = State::Used { at_s };
        let event = made.event.clone();
        if let Some(heard) = Heard::new(event.clone(), event.author, at_s) {
            self.add_event(heard)?;
        }
        self.show(None, at_s, What::Alert { event, told_by: None })?;
        let bytes = made.encode()?;
        let post = Post { alert: Some(made.event.alert), ..Post::of(Class::Alert).told() };
        for to in self.others()? {
            let seat = made.seats.iter().find(|seat| seat.to == to);
            let sent = seat.and_then(|seat| Some((seat, sent_to(posted?, &seat.digest)?)));
            match sent {
                Some((seat, sent)) => self.sent_by_kit(made, seat, sent, &bytes, at_s)?,
                // Nobody had an envelope for them: the same message, sealed now.
                None => self.queue(made.message(), to, bytes.clone(), &post)?,
            }
        }
        for (by, _) in std::mem::take(&mut made.receipts) {
            self.receipted(by, made.message())?;
        }
        for seat in &made.seats {
            self.tx.delete::<KitKind>(&Made::key(made.number, seat.to))?;
        }
        Ok(())
    }

    /// Into the outbox, as if it had gone out from there.
    fn sent_by_kit(
        &mut self,
        made: &Made,
        seat: &Seat,
        sent: &SealedFor,
        bytes: &[u8],
        at_s: u64,
    ) -> Done {
        let (message, to) = (made.message(), seat.to);
        let routes: Vec<Route> = sent.ways.iter().map(|way| route(way, at_s)).collect();
        let accepted = sent.ways.iter().filter(|way| way.accepted);
        let delivery = Delivery {
            message,
            to,
            class: Class::Alert,
            alert: Some(made.event.alert),
            told: true,
            bytes: bytes.to_vec(),
            prekeys: 0,
            voice: made.voice,
            sequence: seat.sequence,
            queued_s: at_s,
            parts: Some(1),
            accepted_parts: u8::from(sent.is_placed()),
            relays: accepted.map(|way| (way.relay.host().to_owned(), at_s)).collect(),
            received_s: None,
            receipt: true,
            reseals: 0,
            given_up: false,
        };
        let digest = seat.digest;
        let class = Class::Alert;
        let outgoing = Outgoing { message, to, reseal: 0, index: 0, class, digest, routes };
        let key = outgoing.key();
        self.tx.put::<OutgoingKind>(&key, &outgoing)?;
        if outgoing.routes.iter().any(Route::is_waiting) {
            self.tx.put::<OutgoingBytesKind>(&key, &sent.envelope.as_bytes().to_vec())?;
        }
        self.set_delivery(&delivery)?;
        let peer = self.peer(to)?;
        // They may have moved since it was sealed.
        self.reroute(to, &peer.addresses)
    }

    /// Relays have taken more of it since.
    fn placed_since(&mut self, made: &Made, posted: &Generation) -> Done {
        for seat in &made.seats {
            let Some(sent) = sent_to(posted, &seat.digest) else { continue };
            let mut key = delivery_key(made.message(), seat.to);
            let Some(mut delivery) = self.readable::<DeliveryKind>(&key)? else { continue };
            key.extend([0, 0]);
            let Some(mut out) = self.readable::<OutgoingKind>(&key)? else { continue };
            let before = (accepted_at(&out.routes), out.routes.clone());
            for way in sent.ways.iter().filter(|way| way.accepted) {
                let same = |route: &&mut Route| {
                    route.relay == way.relay && route.token == way.token && route.is_waiting()
                };
                if let Some(route) = out.routes.iter_mut().find(same) {
                    route.state = RouteState::Accepted { at_s: self.now_s };
                    delivery.relays.push((way.relay.host().to_owned(), self.now_s));
                }
            }
            if before.1 == out.routes {
                continue;
            }
            if delivery.reseals == 0 && before.0.is_none() {
                delivery.accepted_parts += 1;
            }
            self.tx.put::<OutgoingKind>(&key, &out)?;
            if !out.routes.iter().any(Route::is_waiting) {
                self.tx.delete::<OutgoingBytesKind>(&key)?;
            }
            self.set_delivery(&delivery)?;
        }
        Ok(())
    }

    fn void_kit(&self, made: &mut Made) -> Done {
        made.state = State::Void;
        for seat in &made.seats {
            self.tx.delete::<KitKind>(&Made::key(made.number, seat.to))?;
        }
        Ok(())
    }

    /// Brings each generation up to date, replaces those that are old or about an alert that is over, and makes what
    /// lacks of [`GENERATIONS`].
    fn renew_kit(&mut self, book: &mut Book, roster: &Roster) -> Done {
        let next_alarm = self.profile()?.next_alarm;
        let others = self.others()?;
        let (mut rank, mut voided) = (0, 0);
        for at in 0..book.generations.len() {
            let Some(made) = book.generations.get_mut(at).filter(|made| made.is_ready()) else {
                continue;
            };
            self.leave_seats(made, roster)?;
            let today = self.today().0;
            let fits = made.event.alert == next_alarm
                && made.day.0 <= today + 1
                && today < made.day.0 + WEEK_DAYS;
            let needed: Vec<MemberId> = made.seats.iter().map(|seat| seat.to).collect();
            // An old one is better than none.
            if !fits && self.can_seal_to(&needed, roster, rank, voided)? {
                self.void_kit(made)?;
                voided += 1;
                continue;
            }
            for to in others.iter().filter(|to| !needed.contains(to)) {
                self.seat(made, *to, roster, rank)?;
            }
            rank += 1;
        }
        while rank < GENERATIONS {
            let Some(made) = self.make(book.next, next_alarm, &others, roster, rank)? else {
                break;
            };
            book.next += 1;
            book.generations.push(made);
            rank += 1;
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
        let text = String::new();
        let kind = Kind::Raised { reason: Reason::Panic, subject, drill: false, text };
        let event = AlertEvent { alert, salt: self.random(), author: subject, at_s: 0, kind };
        let mut made = Made {
            number,
            day: self.today(),
            event,
            voice: self.voice,
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
        if peer.addresses.is_empty() {
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
            voice: made.voice,
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

    /// Takes a one-time prekey of a member's while more than `keep` stay.
    fn take_one_time(&self, owner: &Identity, keep: usize) -> Done<Option<CheckedPrekey>> {
        let member = owner.member();
        let mut stock = self.readable::<StockKind>(&member.0)?.unwrap_or_default();
        let (circle, today) = (self.circle()?, self.today());
        let mut at = 0;
        while stock.len() > keep && at < stock.len() {
            let Some(id) = stock.get(at).copied() else { break };
            let prekey = self.readable::<StockKeyKind>(&id.0)?;
            let checked =
                prekey.and_then(|p| p.verify(owner, &circle, today, PREKEY_MAX_AGE_DAYS).ok());
            if let Some(checked) = checked {
                stock.remove(at);
                self.tx.delete::<StockKeyKind>(&id.0)?;
                self.tx.put::<UsedKind>(&id.0, &today)?;
                self.tx.put::<StockKind>(&member.0, &stock)?;
                return Ok(Some(checked));
            }
            at += 1;
        }
        Ok(None)
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
                    prekey.verify(&entry.identity, &circle, today, PREKEY_MAX_AGE_DAYS).is_ok()
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

    /// What the kit's file is to hold.
    fn kit_contents(&self, book: &Book, roster: &Roster) -> Done<Contents> {
        let profile = self.profile()?;
        let homes: Vec<_> = profile.homes.iter().map(|home| home.relay.clone()).collect();
        let others = roster.members().len().saturating_sub(1);
        let mut generations = Vec::new();
        for made in book.generations.iter().filter(|made| made.is_ready()) {
            let mut envelopes = Vec::new();
            for seat in &made.seats {
                let key = Made::key(made.number, seat.to);
                let Some(KitRecord::Sealed(bytes)) = self.readable::<KitKind>(&key)? else {
                    continue;
                };
                let Some(envelope) = Envelope::new(bytes) else { continue };
                let way =
                    |one: Address| Way { relay: one.relay, token: one.token, accepted: false };
                let ways: Vec<Way> = self.peer(seat.to)?.addresses.into_iter().map(way).collect();
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

/// One-time prekeys of a member that stay for other things. The first generation may have the last one.
const fn reserve(rank: usize) -> usize {
    if rank == 0 { 0 } else { STOCK_RESERVE }
}

fn sent_to<'a>(posted: &'a Generation, digest: &[u8; 32]) -> Option<&'a SealedFor> {
    posted.envelopes.iter().find(|sent| sent.envelope.digest().0 == *digest)
}

fn route(way: &Way, at_s: u64) -> Route {
    let mut route = Route::new(way.relay.clone(), way.token.clone());
    if way.accepted {
        route.state = RouteState::Accepted { at_s };
    }
    route
}
