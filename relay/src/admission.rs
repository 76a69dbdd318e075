//! Who may connect. Handshakes in flight and connections are counted in all and per [prefix](crate::origin). Where all seats are
//! taken, somebody who has shown nothing yet leaves for who comes: the longest there, of the most crowded prefix, the widest first.
//! Who has shown something keeps the seat.

mod crowd;
mod gone;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::limits::{
    ACK_DELAY, GONE, GONE_LONGEST, GONE_MANY, GONE_TIME, HANDSHAKES_PER_PREFIX, KEPT_SEATS, Limits,
    SEAT_PARTS, WIDER_PREFIX,
};
use crate::origin::{Origin, Origins, Prefix};
use crate::shares::Shares;
use crowd::{Crowd, EVERYWHERE};
use gone::Gone;

/// What to do with somebody who knocks.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Let it in; counted until the guard is dropped.
    Admit(Guest),
    /// It must first prove its address.
    Retry,
    /// Say no: too many.
    Refuse,
    /// Say nothing: it asks again in a moment.
    Wait,
}

/// The counts.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    limits: Limits,
    origins: Origins,
    seats: Arc<Mutex<Seats>>,
}

/// One connection, counted as long as this lives, or until it has to leave.
#[derive(Debug)]
pub(crate) struct Guest {
    seats: Arc<Mutex<Seats>>,
    number: u64,
    origin: Origin,
    leave: Arc<Notify>,
}

#[derive(Debug)]
struct Seats {
    /// Grows: the lowest is the longest there.
    next: u64,
    taken: BTreeMap<u64, Seat>,
    /// Connections, handshakes among them.
    by_prefix: HashMap<Prefix, u32>,
    handshaking: Crowd,
    /// Connected, and nothing shown.
    strangers: Crowd,
    kept: Shares<Prefix>,
    gone: Gone,
}

#[derive(Debug)]
struct Seat {
    origin: Origin,
    standing: Standing,
    leave: Arc<Notify>,
    /// How long QUIC keeps it when it is over. `None`: its address is not proven.
    kept_for: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Handshaking,
    Stranger,
    Kept,
}

impl Admission {
    pub(crate) fn new(limits: Limits) -> Self {
        let seats = Seats {
            next: 0,
            taken: BTreeMap::new(),
            by_prefix: HashMap::new(),
            handshaking: Crowd::default(),
            strangers: Crowd::default(),
            kept: Shares::new(limits.connections.into(), KEPT_SEATS),
            gone: Gone::default(),
        };
        Self { limits, origins: Origins::default(), seats: Arc::new(Mutex::new(seats)) }
    }

    /// `validated`: the address is proven. `open`: connections that QUIC keeps, those among them that have ended.
    pub(crate) fn knock(&self, address: IpAddr, validated: bool, open: usize) -> Verdict {
        let origin = self.origins.of(address);
        let mut seats = locked(&self.seats);
        // Where seats are free, so is the memory of as many.
        let (ended, free) = (
            open.saturating_sub(seats.taken.len()) as u64,
            u64::from(self.limits.connections).saturating_sub(seats.taken.len() as u64),
        );
        if ended >= GONE_MANY && !validated {
            // Nobody else can be made to wait by what comes from nowhere.
            return Verdict::Retry;
        }
        if seats.gone.is_crowded(origin, ended, GONE + free, Instant::now()) {
            return Verdict::Wait;
        }
        let handshaking = seats.handshaking.within(EVERYWHERE);
        if handshaking >= self.limits.handshakes_before_retry as usize && !validated {
            return Verdict::Retry;
        }
        // A handshake takes a moment; one that is stalled gives way to the next from its own prefixes, and to any other's where
        // its prefixes are the most crowded.
        for (prefix, limit) in per_prefix(&origin, HANDSHAKES_PER_PREFIX).rev() {
            if seats.handshaking.within(prefix) >= limit as usize {
                seats.send_away(Standing::Handshaking, prefix);
            }
        }
        if seats.handshaking.within(EVERYWHERE) >= self.limits.handshakes as usize {
            seats.send_away(Standing::Handshaking, EVERYWHERE);
        }
        for (prefix, limit) in per_prefix(&origin, self.limits.connections_per_prefix) {
            let here = seats.by_prefix.get(&prefix).copied().unwrap_or(0);
            if here >= limit && !seats.make_room(prefix) {
                return Verdict::Refuse;
            }
        }
        if seats.taken.len() >= self.limits.connections as usize && !seats.make_room(EVERYWHERE) {
            return Verdict::Refuse;
        }
        let (number, leave) = seats.take(origin, validated);
        Verdict::Admit(Guest { seats: self.seats.clone(), number, origin, leave })
    }
}

impl Guest {
    /// Where it comes from.
    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// The handshake is over.
    pub(crate) fn seated(&self) {
        let seats = &mut *locked(&self.seats);
        seats.stand(self.number, Standing::Handshaking, Standing::Stranger);
        // By that its address is proven.
        if let Some(seat) = seats.taken.get_mut(&self.number) {
            seat.kept_for.get_or_insert(GONE_TIME);
        }
    }

    /// It has shown something that not everybody has. `true` if it keeps its seat from now on, or did before: a prefix keeps a share
    /// of all seats.
    pub(crate) fn proved(&self) -> bool {
        locked(&self.seats).keep(self.number)
    }

    /// Its connection is over, and its round trips took so long: QUIC keeps it for three probe timeouts (RFC 9002 §6.2.1).
    pub(crate) fn is_over(&self, rtt: Duration) {
        let seats = &mut *locked(&self.seats);
        if let Some(seat) = seats.taken.get_mut(&self.number) {
            seat.kept_for = Some(3 * (3 * rtt + ACK_DELAY));
        }
    }

    /// Waits until it has to leave.
    pub(crate) async fn told_to_leave(&self) {
        self.leave.notified().await;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        locked(&self.seats).give_up(self.number);
    }
}

impl Seats {
    fn take(&mut self, origin: Origin, validated: bool) -> (u64, Arc<Notify>) {
        let (number, leave) = (self.next, Arc::new(Notify::new()));
        self.next += 1;
        for prefix in origin.prefixes() {
            *self.by_prefix.entry(*prefix).or_default() += 1;
        }
        let standing = Standing::Handshaking;
        self.taken.insert(
            number,
            Seat {
                origin,
                standing,
                leave: leave.clone(),
                kept_for: validated.then_some(GONE_TIME),
            },
        );
        self.handshaking.enter(number, origin);
        (number, leave)
    }

    /// Somebody who has shown nothing has to go; who is still at the handshake last.
    fn make_room(&mut self, within: Prefix) -> bool {
        self.send_away(Standing::Stranger, within) || self.send_away(Standing::Handshaking, within)
    }

    /// The [first](Crowd::first_to_leave) of those with this standing within this prefix has to go. `false`: nobody is there who
    /// would have to.
    fn send_away(&mut self, standing: Standing, within: Prefix) -> bool {
        let crowd = match standing {
            Standing::Handshaking => &self.handshaking,
            _ => &self.strangers,
        };
        let Some(number) = crowd.first_to_leave(within) else { return false };
        if let Some(seat) = self.give_up(number) {
            seat.leave.notify_one();
        }
        true
    }

    fn stand(&mut self, number: u64, before: Standing, after: Standing) {
        let Some(seat) = self.taken.get_mut(&number).filter(|seat| seat.standing == before) else {
            return;
        };
        seat.standing = after;
        let origin = seat.origin;
        for (crowd, standing) in [
            (&mut self.handshaking, Standing::Handshaking),
            (&mut self.strangers, Standing::Stranger),
        ] {
            if before == standing {
                crowd.leave(number, origin);
            }
            if after == standing {
                crowd.enter(number, origin);
            }
        }
    }

    fn keep(&mut self, number: u64) -> bool {
        let Some(seat) = self.taken.get(&number) else { return false };
        let stranger = seat.standing == Standing::Stranger;
        if stranger && self.kept.take(&seat.origin.holders(SEAT_PARTS), 1) {
            self.stand(number, Standing::Stranger, Standing::Kept);
        }
        self.taken.get(&number).is_some_and(|seat| seat.standing == Standing::Kept)
    }

    fn give_up(&mut self, number: u64) -> Option<Seat> {
        let seat = self.taken.remove(&number)?;
        if let Some(kept_for) = seat.kept_for {
            self.gone.ended(seat.origin, Instant::now() + kept_for.min(GONE_LONGEST));
        }
        match seat.standing {
            Standing::Handshaking => self.handshaking.leave(number, seat.origin),
            Standing::Stranger => self.strangers.leave(number, seat.origin),
            Standing::Kept => self.kept.give_back(&seat.origin.holders(SEAT_PARTS), 1),
        }
        for prefix in seat.origin.prefixes() {
            let left = self.by_prefix.get(prefix).map_or(0, |here| here.saturating_sub(1));
            if left == 0 {
                self.by_prefix.remove(prefix);
            } else {
                self.by_prefix.insert(*prefix, left);
            }
        }
        Some(seat)
    }
}

/// What each prefix may have where the narrowest has so much: the wider ones around it half of [`WIDER_PREFIX`] times as much.
fn per_prefix(
    origin: &Origin,
    narrowest: u32,
) -> impl DoubleEndedIterator<Item = (Prefix, u32)> + use<> {
    let wider = narrowest.saturating_mul(WIDER_PREFIX / 2);
    let prefixes = origin.prefixes().to_vec().into_iter().enumerate();
    prefixes.map(move |(at, prefix)| (prefix, if at == 0 { narrowest } else { wider }))
}

fn locked(seats: &Mutex<Seats>) -> MutexGuard<'_, Seats> {
    seats.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
