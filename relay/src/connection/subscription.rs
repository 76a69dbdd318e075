//! One subscription's stream: envelopes out, acknowledgements in.

mod outgoing;

use bytes::Bytes;
use quinn::SendStream;
use tokio::time::sleep;
use velar_protocol::wire::codec::{self, CodecError};
use velar_protocol::wire::limits::MAX_UNACKED;
use velar_protocol::wire::{Ack, Answer, EndReason, Event};

use self::outgoing::{Outgoing, Room};
use super::{Gone, Incoming, Reader, finish};
use crate::limits::{FRAME_WAIT, READ_BATCH};
use crate::mailboxes::Taken;
use crate::origin::Origin;
use crate::relay::{Reading, Relay};
use crate::session;

/// What one subscription has sent and not seen acknowledged.
struct Subscription<'a> {
    relay: &'a Relay,
    origin: Origin,
    reading: Reading,
    /// The mailbox whose turn it is.
    turn: usize,
    unacked: Vec<(u8, u64)>,
    outgoing: Outgoing,
}

/// How a subscription ends.
enum End {
    /// The client ended it.
    Theirs,
    /// A frame of another version came.
    Version,
    Ours(EndReason),
}

/// What there is to send.
enum Next {
    /// It is on its way.
    Something,
    Nothing,
    /// There may be something, and there is no memory for it now.
    NoRoom,
}

/// Serves a subscription until either end closes it.
pub(super) async fn serve(
    relay: &Relay,
    origin: Origin,
    reading: Reading,
    mut send: SendStream,
    mut reader: Reader,
) -> Result<(), Gone> {
    let first = Bytes::from(codec::encode(&Answer::Subscribed)?);
    let outgoing = Outgoing::of(vec![first], Room::None);
    let unacked = Vec::new();
    let mut subscription = Subscription { relay, origin, reading, turn: 0, unacked, outgoing };
    let last = match subscription.until_ended(&mut send, &mut reader).await? {
        End::Theirs => None,
        End::Version => Some(codec::version_notice().to_vec()),
        End::Ours(reason) => Some(codec::encode(&Event::Ended { reason })?),
    };
    let Subscription { reading, outgoing, .. } = subscription;
    drop(reading);
    outgoing.end(&mut send, last).await?;
    finish(send).await;
    Ok(())
}

impl Subscription<'_> {
    /// While the stream waits until the client takes something, all the rest goes on: acknowledgements, those that are late, and the end.
    async fn until_ended(
        &mut self,
        send: &mut SendStream,
        reader: &mut Reader,
    ) -> Result<End, Gone> {
        let mut ending = self.relay.ending();
        let bell = self.reading.bell.clone();
        loop {
            let mut has_room = true;
            if self.outgoing.is_empty() {
                match self.next_batch(reader).await? {
                    Ok(Next::Something | Next::Nothing) => {}
                    Ok(Next::NoRoom) => has_room = false,
                    Err(reason) => return Ok(End::Ours(reason)),
                }
            }
            tokio::select! {
                written = self.outgoing.write(send), if !self.outgoing.is_empty() => written?,
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
                    if let Err(reason) = self.is_reader() {
                        return Ok(End::Ours(reason));
                    }
                    if self.unacked.len() == MAX_UNACKED {
                        // Another subscription may have acknowledged what this one waits for.
                        let Self { relay, reading, unacked, .. } = self;
                        unacked.retain(|(at, sequence)| {
                            let cursor = reading.cursors.get(usize::from(*at));
                            cursor.is_some_and(|cursor| relay.has(&cursor.mailbox, *sequence))
                        });
                    }
                }
                () = sleep(FRAME_WAIT), if !has_room => {}
                reason = async {
                    // The guard must not live on beside the other branches.
                    ending.wait_for(Option::is_some).await.ok().and_then(|reason| *reason)
                } => return Ok(End::Ours(reason.unwrap_or(EndReason::ShuttingDown))),
            }
        }
    }

    /// Whether it still reads each of its mailboxes.
    fn is_reader(&mut self) -> Result<(), EndReason> {
        let Reading { reader, cursors, .. } = &mut self.reading;
        cursors.iter_mut().try_for_each(|cursor| self.relay.take(*reader, cursor, 0).map(drop))
    }

    /// Takes what there is and may be sent, of the mailbox whose turn it is, or the next one that has something.
    async fn next_batch(&mut self, reader: &Reader) -> Result<Result<Next, EndReason>, Gone> {
        for _ in 0..self.reading.cursors.len() {
            let at = self.turn;
            let most = (MAX_UNACKED - self.unacked.len()).min(READ_BATCH);
            if most == 0 {
                break;
            }
            let Some(cursor) = self.reading.cursors.get(at) else { break };
            let found = match self.relay.waiting(&cursor.mailbox, cursor.next, most) {
                0 => Some((1, Room::None)),
                count => self.room_for(count, reader),
            };
            let Some((count, room)) = found else { return Ok(Ok(Next::NoRoom)) };
            let Reading { reader: number, cursors, .. } = &mut self.reading;
            let Some(cursor) = cursors.get_mut(at) else { break };
            let batch = match self.relay.take(*number, cursor, count) {
                Ok(batch) => batch,
                Err(reason) => return Ok(Err(reason)),
            };
            let caught_up = !cursor.announced && cursor.next >= cursor.backlog_end;
            cursor.announced |= caught_up;
            let mailbox = cursor.mailbox;
            self.turn = (at + 1) % cursors.len();
            // At most 16 mailboxes in one subscription.
            let at = at as u8;
            let mut frames = Vec::with_capacity(batch.len() + usize::from(caught_up));
            if !batch.is_empty() && !self.encode(at, batch, &mut frames).await? {
                return Ok(Err(EndReason::StoreFailed));
            }
            if caught_up {
                let expired = self.relay.expired(&mailbox).unwrap_or(0);
                let event = Event::CaughtUp { mailbox: at, expired };
                frames.push(Bytes::from(codec::encode(&event)?));
            }
            if !frames.is_empty() {
                self.outgoing = Outgoing::of(frames, room);
                return Ok(Ok(Next::Something));
            }
        }
        Ok(Ok(Next::Nothing))
    }

    /// Room for so many envelopes, or for one; for how many.
    fn room_for(&self, envelopes: usize, reader: &Reader) -> Option<(usize, Room)> {
        let shared = |envelopes| {
            let part = self.relay.memory.for_deliveries(self.origin, envelopes)?;
            Some((envelopes, Room::Shared { _part: part }))
        };
        let own = || Some((1, Room::Own { _permit: reader.small_room()? }));
        shared(envelopes).or_else(|| shared(1)).or_else(own)
    }

    /// `false` if the store failed.
    async fn encode(
        &mut self,
        at: u8,
        mut batch: Vec<Taken>,
        frames: &mut Vec<Bytes>,
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
        for Taken { sequence, received_at_s, token, bytes } in batch {
            // Gone since it was taken: acknowledged elsewhere, or lost and counted.
            let Some(envelope) = bytes else { continue };
            self.unacked.push((at, sequence));
            let event = Event::Envelope { mailbox: at, sequence, received_at_s, token, envelope };
            frames.push(Bytes::from(codec::encode(&event)?));
        }
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
