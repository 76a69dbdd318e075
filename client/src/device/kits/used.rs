//! What became of generations that were posted: alarms like any other.

use velar_protocol::circle::Heard;

use super::super::sealing::Post;
use super::super::{Done, Turn};
use crate::kit::{Book, Contents, Generation, Made, SealedFor, Seat, State, Way};
use crate::outbox::{Class, Route, RouteState, accepted_at};
use crate::records::{
    Delivery, DeliveryKind, KitKind, Outgoing, OutgoingBytesKind, OutgoingKind, What, delivery_key,
};

impl Turn<'_> {
    /// What was posted, by this device or with a copy of its kit, becomes an alarm like any other.
    pub(super) fn take_in_used(&mut self, book: &mut Book, found: Option<&Contents>) -> Done {
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
        for to in self.everybody_else()? {
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
            sequence: seat.sequence,
            queued_s: at_s,
            parts: Some(1),
            accepted_parts: u8::from(sent.is_placed()),
            relays: accepted.map(|way| (way.relay.place(), at_s)).collect(),
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
        // They may have moved since it was sealed.
        self.reroute(to)
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
                    delivery.relays.push((way.relay.place(), self.now_s));
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
