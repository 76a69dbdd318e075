//! Holds that are written anew, over and over.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::sleep;
use velar_protocol::wire::limits::MAX_DELIVERIES;
use velar_protocol::wire::{Delivery, HoldSecret, Request};

use super::super::super::Outcome;
use super::filling::{Wide, junk};
use super::{AGAIN, Attacker, Turn};

/// Mailboxes that one prefix can open at once, and holds of the longest kind that each is in.
const MAILBOXES: usize = 16;
const HOLDS_OF_EACH: usize = 4;

/// Extensions for each replacement: a request of 70 bytes against one of 270 000.
const EXTENSIONS: usize = 63;

/// None is to fire.
const HOLD_S: u32 = 6 * 3600;

/// A hold to one's own mailbox.
struct Held {
    secret: [u8; 32],
    mailbox: Arc<Wide>,
    first: usize,
}

impl Attacker {
    /// Leaves holds for mailboxes of one's own, and extends and replaces them on so many connections, on one after the other.
    pub(super) async fn extend_holds(
        self: &Arc<Self>,
        tasks: &mut JoinSet<Outcome<()>>,
    ) -> Outcome<()> {
        let port = self.port(0)?;
        let mut held = Vec::new();
        for _ in 0..MAILBOXES {
            let mailbox = Arc::new(Wide::new()?);
            let connection = self.connect_at_last(&port).await;
            let opened = self.ask(&connection, &mailbox.open(&connection.exporter)).await;
            if opened != Ok(Turn::GoOn) {
                break;
            }
            for at in 0..HOLDS_OF_EACH {
                let mut secret = [0; 32];
                getrandom::fill(&mut secret)?;
                let hold = Held { secret, mailbox: mailbox.clone(), first: at * MAX_DELIVERIES };
                if self.ask(&connection, &hold.leave(false)?).await == Ok(Turn::GoOn) {
                    held.push(hold);
                }
            }
        }
        if held.is_empty() {
            return Err("no hold to extend".into());
        }
        let held = Arc::new(held);
        for part in 0..self.orders.size {
            let (attacker, held) = (self.clone(), held.clone());
            tasks.spawn(async move {
                let port = attacker.port(part)?;
                let mut turn = part as usize;
                loop {
                    let connection = attacker.connect_at_last(&port).await;
                    // It heeds no refusal: another hold may have some of its rate left.
                    let pumped = attacker.pump_anyway(&connection, || {
                        turn += 1;
                        let hold = held.get(turn % held.len())?;
                        if turn.is_multiple_of(EXTENSIONS + 1) {
                            hold.leave(true).ok()
                        } else {
                            Some(hold.extend())
                        }
                    });
                    let _ = pumped.await;
                    sleep(AGAIN).await;
                }
            });
        }
        Ok(())
    }
}

impl Held {
    fn secret(&self) -> HoldSecret {
        HoldSecret::new(self.secret)
    }

    fn extend(&self) -> Request {
        Request::Extend { secret: self.secret(), for_s: HOLD_S }
    }

    fn leave(&self, replaces: bool) -> Outcome<Request> {
        let tokens = self.mailbox.tokens().iter().cycle().skip(self.first).take(MAX_DELIVERIES);
        let deliveries = tokens
            .map(|token| Ok(Delivery { token: token.clone(), envelope: junk()? }))
            .collect::<Outcome<_>>()?;
        let replaces = replaces.then(|| self.secret());
        Ok(Request::Hold { id: self.secret().id(), for_s: HOLD_S, deliveries, replaces })
    }
}
