//! The only file that reads and writes streams.

mod crumbs;
mod subscription;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use quinn::{Connection, RecvStream, SendStream, VarInt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use velar_protocol::wire::codec::{self, CodecError, Frame};
use velar_protocol::wire::limits::EXPORTER_LABEL;
use velar_protocol::wire::{Answer, Exporter, Request};

use self::crumbs::Crumbs;
use crate::admission::Guest;
use crate::frames::Frames;
use crate::limits::{
    CRUMBS_LOOK, CRUMBS_REST, DRAIN, FRAME_BYTES_PER_S, FRAME_TIME, FRAME_WAIT, MAX_PIPELINED,
    READ_AT_ONCE, SMALL_FRAME, WIDE_SEND_WINDOW, WIDE_WINDOW,
};
use crate::memory::{Memory, Part};
use crate::origin::Origin;
use crate::relay::{Pending, Reading, Relay};
use crate::session::{self, Action, Session, Shown};

/// What the streams of one connection share.
struct Peer {
    relay: Arc<Relay>,
    session: Mutex<Session>,
    connection: Connection,
    guest: Guest,
    /// Whether it keeps its seat.
    kept: AtomicBool,
    /// Whether one of its streams has the [room](SMALL_FRAME) that a connection has in any case.
    small_frame: Arc<Semaphore>,
    /// Bytes that its streams have brought.
    read: Arc<AtomicU64>,
    /// Set when it first shows that it sends, or reads: its part of what is wide in that direction, if there was one.
    wide_incoming: OnceLock<Option<Part>>,
    wide_outgoing: OnceLock<Option<Part>>,
}

/// The reading half of a stream, in frames.
struct Reader {
    stream: RecvStream,
    frames: Frames,
    /// When the frame began that is not whole yet.
    begun: Option<Instant>,
    memory: FrameMemory,
    /// Bytes read by all streams of its connection.
    read: Arc<AtomicU64>,
}

/// Where a frame finds room that is not whole or not carried out yet.
struct FrameMemory {
    shared: Arc<Memory>,
    origin: Origin,
    small: Arc<Semaphore>,
    has: Option<FrameRoom>,
}

/// Given back when it is dropped.
enum FrameRoom {
    Small { _permit: OwnedSemaphorePermit },
    Shared { _part: Part },
}

/// What a stream brought.
enum Incoming {
    Frame(Bytes),
    Broken(CodecError),
    /// A frame that began did not become whole in time.
    Late,
    /// There was no room for it in that time.
    NoRoom,
    /// The other end finished, reset, or is gone.
    End,
}

/// The other end is gone; nothing more to do here.
struct Gone;

impl<E: std::error::Error> From<E> for Gone {
    fn from(_: E) -> Self {
        Self
    }
}

/// Serves one connection until it ends, or the relay does.
pub(crate) async fn serve(connection: Connection, guest: Guest, relay: Arc<Relay>) {
    let mut exporter = [0; 32];
    if connection.export_keying_material(&mut exporter, EXPORTER_LABEL, b"").is_err() {
        return;
    }
    let session = Session::new(Exporter(exporter), &relay.limits, relay.now());
    let first_frame = Duration::from_secs(u64::from(relay.limits.first_frame_s));
    let mut ending = relay.ending();
    let peer = Arc::new(Peer {
        relay,
        session: Mutex::new(session),
        connection,
        guest,
        kept: AtomicBool::new(false),
        small_frame: Arc::new(Semaphore::new(1)),
        read: Arc::default(),
        wide_incoming: OnceLock::new(),
        wide_outgoing: OnceLock::new(),
    });
    let mut streams = JoinSet::new();
    let mut patience = Some(Box::pin(sleep(first_frame)));
    let mut drain = DRAIN;
    let (mut crumbs, mut look) = (Crumbs::default(), Box::pin(sleep(CRUMBS_LOOK)));
    while ending.borrow_and_update().is_none() {
        tokio::select! {
            stream = peer.connection.accept_bi() => match stream {
                Ok((send, recv)) => { streams.spawn(stream_ends(peer.clone(), send, recv)); }
                Err(_) => break,
            },
            Some(ended) = streams.join_next() => if let Ok(Some(subscribed)) = ended {
                streams.spawn(subscription_ends(peer.clone(), subscribed));
            },
            () = async { if let Some(patience) = &mut patience { patience.await } }, if patience.is_some() => {
                patience = None;
                if !peer.session().has_spoken() {
                    drain = Duration::ZERO;
                    break;
                }
            }
            () = &mut look => {
                let frames = peer.connection.stats().frame_rx.stream;
                let pause = if crumbs.have_come(frames) { CRUMBS_LOOK } else { CRUMBS_REST };
                look.as_mut().reset(Instant::now() + pause);
                if crumbs.are_too_many(frames, peer.read.load(Ordering::Relaxed)) {
                    tracing::debug!("a connection is closed: what it sends comes in crumbs that are no requests");
                    drain = Duration::ZERO;
                    break;
                }
            }
            () = peer.guest.told_to_leave() => {
                drain = Duration::ZERO;
                break;
            }
            changed = ending.changed() => if changed.is_err() { break },
        }
    }
    // Streams see the end themselves and say their last words.
    let _ = timeout(drain, async { while streams.join_next().await.is_some() {} }).await;
    streams.abort_all();
    peer.guest.is_over(peer.connection.rtt());
    peer.connection.close(VarInt::from_u32(0), b"");
}

/// A stream that has become a subscription: from now on another, smaller task.
type Subscribed = Box<(Reading, SendStream, Reader)>;

async fn stream_ends(peer: Arc<Peer>, send: SendStream, recv: RecvStream) -> Option<Subscribed> {
    requests(&peer, send, recv).await.ok().flatten()
}

async fn subscription_ends(peer: Arc<Peer>, subscribed: Subscribed) -> Option<Subscribed> {
    let (reading, send, reader) = *subscribed;
    let _ = subscription::serve(&peer.relay, peer.guest.origin(), reading, send, reader).await;
    peer.session().subscription_ended();
    None
}

/// Requests and answers, in order, many at a time.
async fn requests(
    peer: &Peer,
    mut send: SendStream,
    recv: RecvStream,
) -> Result<Option<Subscribed>, Gone> {
    let memory = FrameMemory {
        shared: peer.relay.memory.clone(),
        origin: peer.guest.origin(),
        small: peer.small_frame.clone(),
        has: None,
    };
    let (frames, read) = (Frames::default(), peer.read.clone());
    let mut reader = Reader { stream: recv, frames, begun: None, memory, read };
    let mut waiting: VecDeque<Pending> = VecDeque::new();
    let mut last: Option<(Vec<u8>, bool)> = None;
    let mut reading = true;
    let mut ending = peer.relay.ending();
    while reading || !waiting.is_empty() {
        if waiting.len() >= MAX_PIPELINED {
            reader.rests();
        }
        if ending.borrow_and_update().is_some() {
            reading = false;
            if waiting.is_empty() {
                break;
            }
        }
        tokio::select! {
            biased;
            answer = next_answer(&mut waiting), if !waiting.is_empty() => {
                let mut bytes = codec::encode(&answer)?;
                waiting.pop_front();
                while let Some(answer) = waiting.front_mut().and_then(Pending::answer_now) {
                    bytes.extend_from_slice(&codec::encode(&answer)?);
                    waiting.pop_front();
                }
                send.write_all(&bytes).await?;
            }
            incoming = reader.next::<Request>(), if reading && waiting.len() < MAX_PIPELINED => {
                let action = match incoming {
                    Incoming::End => { reading = false; continue }
                    Incoming::Broken(error) => peer.session().broken(error),
                    Incoming::Late => peer.session().broken(CodecError::Malformed),
                    Incoming::NoRoom => session::no_room(),
                    Incoming::Frame(frame) => peer.session().frame(&frame, peer.relay.now()),
                };
                match action {
                    Action::Last { frame, close } => {
                        reading = false;
                        last = Some((frame, close));
                    }
                    Action::Subscribe(owners) => {
                        while !waiting.is_empty() {
                            let answer = next_answer(&mut waiting).await;
                            waiting.pop_front();
                            send.write_all(&codec::encode(&answer)?).await?;
                        }
                        let subscribed = peer.relay.subscribe(&owners).await;
                        drop(owners);
                        match subscribed {
                            Ok(reading) => {
                                peer.proved();
                                peer.widen_outgoing();
                                return Ok(Some(Box::new((reading, send, reader))));
                            }
                            Err(answer) => {
                                peer.session().subscription_ended();
                                waiting.push_back(Pending::Ready(answer));
                            }
                        }
                    }
                    other => {
                        let shown = Shown::by(&other);
                        let pending = peer.relay.carry_out(other, peer.guest.origin()).await;
                        // Its answer may wait for long until it is taken.
                        reader.is_carried_out();
                        if shown.proves(pending.said()) {
                            peer.proved();
                            if shown == Shown::Token {
                                peer.widen_incoming();
                            }
                        }
                        waiting.push_back(pending);
                    }
                }
            }
            _ = ending.changed(), if reading => {}
        }
    }
    let close = match last {
        Some((frame, close)) => {
            send.write_all(&frame).await?;
            let _ = reader.stream.stop(VarInt::from_u32(0));
            close
        }
        None => false,
    };
    finish(send).await;
    if close {
        peer.connection.close(VarInt::from_u32(0), b"");
    }
    Ok(None)
}

/// Waits for the oldest answer. It stays in the queue: safe to drop and call again.
async fn next_answer(waiting: &mut VecDeque<Pending>) -> Answer {
    match waiting.front_mut() {
        Some(pending) => pending.answer().await,
        None => std::future::pending().await,
    }
}

/// Ends a stream; gives what was written the time to arrive.
async fn finish(mut send: SendStream) {
    if send.finish().is_ok() {
        let _ = timeout(DRAIN, send.stopped()).await;
    }
}

impl Peer {
    /// The other end has shown what not everybody has: it keeps its seat.
    fn proved(&self) {
        if !self.kept.load(Ordering::Relaxed) && self.guest.proved() {
            self.kept.store(true, Ordering::Relaxed);
        }
    }

    /// It sends: more of it may be on its way here.
    fn widen_incoming(&self) {
        self.wide_incoming.get_or_init(|| {
            let part = self.relay.memory.for_wide_incoming(self.guest.origin())?;
            self.connection.set_receive_window(WIDE_WINDOW.into());
            Some(part)
        });
    }

    /// It reads: more may be on its way there.
    fn widen_outgoing(&self) {
        self.wide_outgoing.get_or_init(|| {
            let part = self.relay.memory.for_wide_outgoing(self.guest.origin())?;
            self.connection.set_send_window(WIDE_SEND_WINDOW);
            Some(part)
        });
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FrameMemory {
    /// Whether there is room for a frame of this length, now or since it began. One whose length is not known yet needs none.
    fn is_there(&mut self, len: usize) -> bool {
        let covered = match &self.has {
            None => 0,
            Some(FrameRoom::Small { .. }) => SMALL_FRAME,
            Some(FrameRoom::Shared { .. }) => usize::MAX,
        };
        if len <= covered {
            return true;
        }
        let small = || self.small.clone().try_acquire_owned().ok();
        self.has = (len <= SMALL_FRAME)
            .then(small)
            .flatten()
            .map(|permit| FrameRoom::Small { _permit: permit })
            .or_else(|| {
                let part = self.shared.for_frame(self.origin, len)?;
                Some(FrameRoom::Shared { _part: part })
            });
        self.has.is_some()
    }
}

impl Reader {
    /// The room that its connection has for something small in any case, if nothing is in it.
    fn small_room(&self) -> Option<OwnedSemaphorePermit> {
        self.memory.small.clone().try_acquire_owned().ok()
    }

    /// The next frame of kind `F`; the one before is carried out. Safe to drop and call again.
    async fn next<F: Frame>(&mut self) -> Incoming {
        self.is_carried_out();
        loop {
            if let Some(incoming) = self.next_now::<F>() {
                self.begun = None;
                return incoming;
            }
            let until = self.until();
            if let (Some(until), Some(len)) = (until, self.frames.begun())
                && !self.memory.is_there(len)
            {
                // What is on its way stays there: the sender is slowed down, and nothing is lost.
                if Instant::now() >= until {
                    return Incoming::NoRoom;
                }
                sleep(FRAME_WAIT).await;
                continue;
            }
            let chunk = self.stream.read_chunk(READ_AT_ONCE, true);
            let chunk = match until {
                None => chunk.await,
                Some(until) => match timeout_at(until, chunk).await {
                    Ok(chunk) => chunk,
                    Err(_) => return Incoming::Late,
                },
            };
            match chunk {
                Ok(Some(chunk)) => {
                    self.read.fetch_add(chunk.bytes.len() as u64, Ordering::Relaxed);
                    self.frames.feed(chunk.bytes);
                }
                Ok(None) | Err(_) => return Incoming::End,
            }
        }
    }

    /// Gives back what the last frame was in, if the next one has not begun.
    fn is_carried_out(&mut self) {
        if self.frames.begun().is_none() {
            self.memory.has = None;
        }
    }

    /// Who is not read is not late: what follows a frame of any length may have no room on its way meanwhile.
    fn rests(&mut self) {
        self.begun = None;
    }

    /// When a frame that has begun has to be whole.
    fn until(&mut self) -> Option<Instant> {
        let Some(len) = self.frames.begun() else {
            self.begun = None;
            return None;
        };
        let begun = *self.begun.get_or_insert_with(Instant::now);
        Some(begun + FRAME_TIME + Duration::from_secs((len / FRAME_BYTES_PER_S) as u64))
    }

    /// The next frame, if it came with the one before.
    fn next_now<F: Frame>(&mut self) -> Option<Incoming> {
        self.frames.next::<F>().map(|next| match next {
            Ok(frame) => Incoming::Frame(frame),
            Err(error) => Incoming::Broken(error),
        })
    }
}
