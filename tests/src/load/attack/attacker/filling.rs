//! What fills the store: envelopes, holds, junk.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;
use velar_protocol::wire::limits::{ENVELOPE_LEN, MAX_TOKENS};
use velar_protocol::wire::{
    Answer, Delivery, Envelope, Exporter, HoldId, MailboxSecret, Request, SendToken,
};

use super::super::super::{Mailbox, Outcome};
use super::super::client::{Connection, Failure, Port};
use super::{AGAIN, Attacker, Turn};

/// Connections that leave holds, whatever their number.
const HOLDERS: u32 = 14;

/// A hold's length: none is to fire.
const HOLD_S: u32 = 6 * 3600;

/// A mailbox with as many tokens as it may have.
pub(super) struct Wide {
    secret: MailboxSecret,
    tokens: Vec<SendToken>,
}

impl Attacker {
    /// On each connection one mailbox after the other, filled.
    pub(super) fn fill(self: &Arc<Self>, tasks: &mut JoinSet<Outcome<()>>) {
        for part in 0..self.orders.size {
            self.forms();
            let attacker = self.clone();
            tasks.spawn(async move {
                let port = attacker.port(part)?;
                let mut full = false;
                loop {
                    let mailbox = Wide::new()?;
                    attacker.fill_one(&port, &mailbox).await?;
                    if !std::mem::replace(&mut full, true) {
                        attacker.in_place();
                    }
                }
            });
        }
    }

    /// Opens a mailbox and sends until there is no room, on one connection after the other, for each has its rate.
    pub(super) async fn fill_one(&self, port: &Port, mailbox: &Wide) -> Outcome<()> {
        loop {
            let connection = self.connect_at_last(port).await;
            let open = mailbox.open(&connection.exporter);
            if self.ask(&connection, &open).await != Ok(Turn::GoOn) {
                sleep(AGAIN).await;
                return Ok(());
            }
            let mut tokens = mailbox.tokens.iter().cycle();
            let pumped = self.pump(&connection, |_| {
                let delivery = Delivery { token: tokens.next()?.clone(), envelope: junk().ok()? };
                Some(Request::Send { delivery })
            });
            match pumped.await {
                Ok((Turn::NoRoom | Turn::Done, _)) => return Ok(()),
                Ok((Turn::Reconnect | Turn::GoOn, _)) => {}
                Err(_) => sleep(AGAIN).await,
            }
        }
    }

    /// Holds of one envelope each, as many as were ordered.
    pub(super) fn leave_holds(self: &Arc<Self>, tasks: &mut JoinSet<Outcome<()>>) {
        for part in 0..HOLDERS {
            self.forms();
            let attacker = self.clone();
            tasks.spawn(async move {
                let port = attacker.port(part)?;
                let mailbox = Wide::new()?;
                let share = attacker.orders.size.div_ceil(HOLDERS) as usize;
                let (mut left, mut full) = (0, false);
                while left < share {
                    let connection = attacker.connect_at_last(&port).await;
                    let open = mailbox.open(&connection.exporter);
                    if attacker.ask(&connection, &open).await == Ok(Turn::GoOn) {
                        let mut asked = left;
                        let mut tokens = mailbox.tokens.iter().cycle();
                        let pumped = attacker.pump(&connection, |_| {
                            asked += 1;
                            let token = tokens.next()?.clone();
                            let hold = hold_of(Delivery { token, envelope: junk().ok()? })?;
                            (asked <= share).then_some(hold)
                        });
                        if let Ok((turn, granted)) = pumped.await {
                            left += granted;
                            if turn != Turn::NoRoom && granted > 0 {
                                continue;
                            }
                        }
                    }
                    if !std::mem::replace(&mut full, true) {
                        attacker.in_place();
                    }
                    sleep(AGAIN).await;
                }
                if !full {
                    attacker.in_place();
                }
                Ok(())
            });
        }
    }

    /// By one valid token of a mailbox of others, as fast as it may, on so many connections.
    pub(super) fn send_junk(self: &Arc<Self>, tasks: &mut JoinSet<Outcome<()>>) {
        for part in 0..self.orders.size {
            let attacker = self.clone();
            let token = SendToken::new(attacker.known);
            tasks.spawn(async move {
                let port = attacker.port(part)?;
                loop {
                    let connection = attacker.connect_at_last(&port).await;
                    while let Ok(pause) = attacker.send_one(&connection, &token).await {
                        sleep(pause).await;
                    }
                    sleep(AGAIN).await;
                }
            });
        }
    }

    /// Returns how long to wait before the next one.
    async fn send_one(
        &self,
        connection: &Connection,
        token: &SendToken,
    ) -> Result<Duration, Failure> {
        let envelope = junk().map_err(|_| Failure::Odd)?;
        let delivery = Delivery { token: token.clone(), envelope };
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        let answer = connection.ask(&Request::Send { delivery }).await?;
        self.counts.heed(&answer);
        Ok(match answer {
            Answer::Full { retry_after_s } => Duration::from_secs(u64::from(retry_after_s.min(1))),
            _ => Duration::ZERO,
        })
    }
}

impl Wide {
    pub(super) fn new() -> Outcome<Self> {
        let secret = Mailbox::fresh()?.secret;
        let tokens = (0..MAX_TOKENS).map(|_| Ok(Mailbox::fresh()?.token));
        Ok(Self { secret, tokens: tokens.collect::<Outcome<_>>()? })
    }

    pub(super) fn secret(&self) -> &MailboxSecret {
        &self.secret
    }

    pub(super) fn tokens(&self) -> &[SendToken] {
        &self.tokens
    }

    pub(super) fn open(&self, exporter: &Exporter) -> Request {
        let hashes = self.tokens.iter().map(SendToken::hash).collect();
        Request::open(exporter, &self.secret, hashes, None)
    }
}

/// An envelope that nobody can open.
pub(super) fn junk() -> Outcome<Envelope> {
    let mut bytes = vec![0; ENVELOPE_LEN];
    getrandom::fill(&mut bytes)?;
    Envelope::new(bytes).ok_or_else(|| "no envelope".into())
}

fn hold_of(delivery: Delivery) -> Option<Request> {
    let mut id = [0; 32];
    getrandom::fill(&mut id).ok()?;
    let deliveries = vec![delivery];
    Some(Request::Hold { id: HoldId(id), for_s: HOLD_S, deliveries, replaces: None })
}
