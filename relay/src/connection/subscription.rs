//! One subscription's stream: envelopes out, acknowledgements in.

use bytes::Bytes;
use quinn::SendStream;
use velar_protocol::wire::codec::{self, CodecError};
use velar_protocol::wire::limits::MAX_UNACKED;
use velar_protocol::wire::{Ack, Answer, EndReason, Event};

use super::{Gone, Incoming, Reader, finish};
use crate::limits::READ_BATCH;
use crate::mailboxes::Taken;
use crate::relay::{Reading, Relay};
use crate::session;

/// What one subscription has sent and not seen acknowledged.
struct Subscription<'a> {
    relay: &'a Relay,
    reading: Reading,
    unacked: Vec<(u8, u64)>,
}

/// How a subscription ends.
enum End {
    /// The client ended it.
    Theirs,
    /// A frame of another version came.
    Version,
    Ours(EndReason),
}

/// Serves a subscription until either end closes it.
pub(super) async fn serve(
    relay: &Relay,
    reading: Reading,
    mut send: SendStream,
    mut reader: Reader,
) -> Result<(), Gone> {
    let mut subscription = Subscription { relay, reading, unacked: Vec::new() };
    send.write_all(&codec::encode(&Answer::Subscribed)?).await?;
    match subscription.until_ended(&mut send, &mut reader).await? {
        End::Theirs => {}
        End::Version => send.write_all(&codec::version_notice()).await?,
        End::Ours(reason) => send.write_all(&codec::encode(&Event::Ended { reason })?).await?,
    }
    drop(subscription);
    finish(send).await;
    Ok(())
}

impl Subscription<'_> {
    async fn until_ended(
        &mut self,
        send: &mut SendStream,
        reader: &mut Reader,
    ) -> Result<End, Gone> {
        let mut ending = self.relay.ending();
        let bell = self.reading.bell.clone();
        loop {
            if let Some(reason) = self.deliver(send).await? {
                return Ok(End::Ours(reason));
            }
            // A frame that began goes on being due while envelopes are sent: nobody's acknowledgements are held up by that.
            tokio::select! {
                incoming = reader.next::<Ack>() => {
                    let mut next = Some(incoming);
                    while let Some(incoming) = next {
                        let heard = match incoming {
                            Incoming::End => return Ok(End::Theirs),
                            Incoming::Frame(frame) => session::ack(&frame),
                            Incoming::Broken(error) => Err(error),
                            Incoming::Late | Incoming::NoRoom => Err(CodecError::Malformed),
                        };
                        match heard {
                            Ok(ack) if self.ack(ack).await => {}
                            Err(CodecError::Version { .. }) => return Ok(End::Version),
                            _ => return Ok(End::Ours(EndReason::ProtocolError)),
                        }
                        next = reader.next_now::<Ack>();
                    }
                }
                () = bell.notified() => {
                    if self.unacked.len() == MAX_UNACKED {
                        // Another subscription may have acknowledged what this one waits for.
                        let Self { relay, reading, unacked } = self;
                        unacked.retain(|(at, sequence)| {
                            let cursor = reading.cursors.get(usize::from(*at));
                            cursor.is_some_and(|cursor| relay.has(&cursor.mailbox, *sequence))
                        });
                    }
                }
                reason = async {
                    // The guard must not live on beside the other branches.
                    ending.wait_for(Option::is_some).await.ok().and_then(|reason| *reason)
                } => return Ok(End::Ours(reason.unwrap_or(EndReason::ShuttingDown))),
            }
        }
    }

    /// Sends what there is and may be sent. Mailboxes take turns.
    async fn deliver(&mut self, send: &mut SendStream) -> Result<Option<EndReason>, Gone> {
        let mut more = true;
        while more {
            more = false;
            for at in 0..self.reading.cursors.len() {
                let room = (MAX_UNACKED - self.unacked.len()).min(READ_BATCH);
                let reader = self.reading.reader;
                let Some(cursor) = self.reading.cursors.get_mut(at) else { break };
                if room == 0 {
                    return Ok(None);
                }
                let batch = match self.relay.take(reader, cursor, room) {
                    Ok(batch) => batch,
                    Err(reason) => return Ok(Some(reason)),
                };
                let mailbox = cursor.mailbox;
                let caught_up = !cursor.announced && cursor.next >= cursor.backlog_end;
                cursor.announced |= caught_up;
                more |= !batch.is_empty();
                // At most 16 mailboxes in one subscription.
                let at = at as u8;
                if !batch.is_empty() && !self.write(send, at, batch).await? {
                    return Ok(Some(EndReason::StoreFailed));
                }
                if caught_up {
                    let expired = self.relay.expired(&mailbox).unwrap_or(0);
                    let event = Event::CaughtUp { mailbox: at, expired };
                    send.write_all(&codec::encode(&event)?).await?;
                }
            }
        }
        Ok(None)
    }

    /// `false` if the store failed.
    async fn write(
        &mut self,
        send: &mut SendStream,
        at: u8,
        mut batch: Vec<Taken>,
    ) -> Result<bool, Gone> {
        let on_disk: Vec<u64> =
            batch.iter().filter(|one| one.bytes.is_none()).map(|one| one.sequence).collect();
        if !on_disk.is_empty()
            && let Some(cursor) = self.reading.cursors.get(usize::from(at))
        {
            let Ok(found) = self.relay.read_back(cursor.mailbox, on_disk).await else {
                return Ok(false);
            };
            for (sequence, envelope) in found {
                if let Ok(place) = batch.binary_search_by_key(&sequence, |one| one.sequence)
                    && let Some(one) = batch.get_mut(place)
                {
                    one.bytes = envelope;
                }
            }
        }
        let mut frames = Vec::with_capacity(batch.len());
        for Taken { sequence, received_at_s, token, bytes } in batch {
            // Gone since it was taken: acknowledged elsewhere, or lost and counted.
            let Some(envelope) = bytes else { continue };
            self.unacked.push((at, sequence));
            let event = Event::Envelope { mailbox: at, sequence, received_at_s, token, envelope };
            frames.push(Bytes::from(codec::encode(&event)?));
        }
        send.write_all_chunks(&mut frames).await?;
        Ok(true)
    }

    /// `false` if it is not an acknowledgement of something that was sent here.
    async fn ack(&mut self, Ack { mailbox, sequence }: Ack) -> bool {
        let Some(cursor) = self.reading.cursors.get(usize::from(mailbox)) else { return false };
        if sequence >= cursor.next {
            return false;
        }
        // A repeated one changes nothing.
        if let Some(place) = self.unacked.iter().position(|sent| *sent == (mailbox, sequence)) {
            self.unacked.swap_remove(place);
            self.relay.ack(&cursor.mailbox, sequence).await;
        }
        true
    }
}
