//! What fills or shakes the table of tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::task::JoinSet;
use tokio::time::sleep;
use velar_protocol::wire::Request;
use velar_protocol::wire::limits::MAX_TOKENS;

use super::super::super::{Mailbox, Outcome};
use super::super::honest::known_token;
use super::filling::Wide;
use super::{AGAIN, Attacker, Turn, random_hashes};

impl Attacker {
    /// New mailboxes with as many tokens as each may have.
    pub(super) fn register_tokens(self: &Arc<Self>, tasks: &mut JoinSet<Outcome<()>>) {
        for part in 0..self.orders.size {
            self.forms();
            let attacker = self.clone();
            tasks.spawn(async move {
                let port = attacker.port(part)?;
                let mut full = false;
                loop {
                    let connection = attacker.connect_at_last(&port).await;
                    let pumped = attacker.pump(&connection, |exporter| {
                        let secret = Mailbox::fresh().ok()?.secret;
                        Some(Request::open(exporter, &secret, random_hashes(MAX_TOKENS), None))
                    });
                    if !matches!(pumped.await, Ok((Turn::Reconnect, _))) {
                        if !std::mem::replace(&mut full, true) {
                            attacker.in_place();
                        }
                        sleep(AGAIN).await;
                    }
                }
            });
        }
    }

    /// A full mailbox, whose tokens are replaced for ever.
    pub(super) async fn open_again(
        self: &Arc<Self>,
        tasks: &mut JoinSet<Outcome<()>>,
    ) -> Outcome<()> {
        let mailbox = Arc::new(Wide::new()?);
        self.fill_one(&self.port(0)?, &mailbox).await?;
        for part in 0..self.orders.size {
            let (attacker, mailbox) = (self.clone(), mailbox.clone());
            tasks.spawn(async move {
                let port = attacker.port(part)?;
                loop {
                    let connection = attacker.connect_at_last(&port).await;
                    let pumped = attacker.pump(&connection, |exporter| {
                        let tokens = random_hashes(MAX_TOKENS);
                        Some(Request::open(exporter, mailbox.secret(), tokens, None))
                    });
                    if !matches!(pumped.await, Ok((Turn::Reconnect, _))) {
                        sleep(AGAIN).await;
                    }
                }
            });
        }
        Ok(())
    }

    /// Mailboxes with the hashes of tokens that others are about to register.
    pub(super) fn take_tokens(self: &Arc<Self>, tasks: &mut JoinSet<Outcome<()>>) {
        self.forms();
        let attacker = self.clone();
        tasks.spawn(async move {
            let next = AtomicU32::new(0);
            let port = attacker.port(0)?;
            while next.load(Ordering::Relaxed) < attacker.orders.size {
                let connection = attacker.connect_at_last(&port).await;
                let pumped = attacker.pump(&connection, |exporter| {
                    let first = next.fetch_add(MAX_TOKENS as u32, Ordering::Relaxed);
                    let those = first..attacker.orders.size.min(first + MAX_TOKENS as u32);
                    let hashes: Vec<_> =
                        those.map(|n| known_token(&attacker.known, n).hash()).collect();
                    let secret = Mailbox::fresh().ok()?.secret;
                    (!hashes.is_empty()).then(|| Request::open(exporter, &secret, hashes, None))
                });
                if !matches!(pumped.await, Ok((Turn::Done | Turn::Reconnect, _))) {
                    break;
                }
            }
            attacker.in_place();
            Ok(())
        });
    }
}
