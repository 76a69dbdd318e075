//! Many envelopes that wait for readers who are away, and their reading.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::timeout;
use velar::net::{Connector, Purpose};
use velar_protocol::wire::limits::MAX_SUBSCRIBED;
use velar_protocol::wire::{Answer, RelayAddress};

use super::{Envelopes, Mailbox, Outcome, expect, info, open_all, receive};

/// Envelopes on the way at once, per sender.
const AHEAD: usize = 64;

/// Longest wait for the next envelope of a backlog.
const PATIENCE: Duration = Duration::from_secs(60);

/// Senders at once.
const SENDERS: usize = 8;

/// What was left at the relay.
#[derive(Debug)]
pub struct Stored {
    /// Where.
    pub mailboxes: Vec<Mailbox>,
    /// In each mailbox but the last, which has the rest.
    pub each: usize,
    /// In all.
    pub envelopes: usize,
}

/// Leaves `count` envelopes, in as few mailboxes as the relay's limits allow.
///
/// # Errors
/// If the relay refuses one.
pub async fn stored(relay: &RelayAddress, count: usize) -> Outcome<Stored> {
    let sockets = Connector::new()?;
    let reader = sockets.connect(relay, Purpose::Read).await?;
    let limits = info(&reader).await?.limits;
    let each = usize::try_from(limits.mailbox_envelopes.min(limits.token_envelopes))?.max(1);
    let mailboxes =
        (0..count.div_ceil(each)).map(|_| Mailbox::fresh()).collect::<Outcome<Vec<_>>>()?;
    open_all(&reader, &mailboxes).await?;
    let epoch = Instant::now();
    let mut senders = JoinSet::new();
    for part in 0..SENDERS {
        let sender = sockets.connect(relay, Purpose::Send).await?;
        let mine: Vec<_> = mailboxes
            .iter()
            .enumerate()
            .filter(|(i, _)| i % SENDERS == part)
            .map(|(i, mailbox)| (mailbox.clone(), each.min(count - i * each)))
            .collect();
        senders.spawn(async move {
            let mut pipeline = sender.pipeline().await?;
            let mut envelopes = Envelopes::new(epoch, part as u64);
            let mut outstanding = 0;
            for (mailbox, share) in mine {
                for _ in 0..share {
                    pipeline.send(&mailbox.send(envelopes.make())).await?;
                    outstanding += 1;
                    if outstanding == AHEAD {
                        expect(pipeline.answer().await?, &Answer::Accepted)?;
                        outstanding -= 1;
                    }
                }
            }
            for _ in 0..outstanding {
                expect(pipeline.answer().await?, &Answer::Accepted)?;
            }
            Outcome::Ok(())
        });
    }
    while let Some(done) = senders.join_next().await {
        done??;
    }
    Ok(Stored { mailboxes, each, envelopes: count })
}

/// Reads and acknowledges all that was left, and says how long that took.
///
/// # Errors
/// If the relay goes away, or an envelope does not come within a minute of the one before.
pub async fn drain(relay: &RelayAddress, left: &Stored) -> Outcome<Duration> {
    let sockets = Connector::new()?;
    let begun = Instant::now();
    let mut readers = JoinSet::new();
    for (i, mailboxes) in left.mailboxes.chunks(MAX_SUBSCRIBED).enumerate() {
        let reader = sockets.connect(relay, Purpose::Read).await?;
        let secrets: Vec<_> = mailboxes.iter().map(|mailbox| mailbox.secret.clone()).collect();
        let before = i * MAX_SUBSCRIBED * left.each;
        let share = (mailboxes.len() * left.each).min(left.envelopes - before);
        readers.spawn(async move {
            let mut subscription = reader.subscribe(&secrets).await?;
            for _ in 0..share {
                timeout(PATIENCE, receive(&mut subscription)).await??;
            }
            Outcome::Ok(())
        });
    }
    while let Some(done) = readers.join_next().await {
        done??;
    }
    Ok(begun.elapsed())
}
