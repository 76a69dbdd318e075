//! The UDP socket under QUIC, at both ends: each packet in memory of its own.
//!
//! Of a batch that is received quinn copies all into one piece of memory, which stays for as long as anything in it is waited with: one
//! byte of a stream, behind a gap, would keep 63 KB. So packets are handed to it one by one.

use std::fmt::Debug;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use quinn::udp::{BATCH_SIZE, RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, Runtime, TokioRuntime, UdpPoller};

/// A socket for quinn, from one that is bound. `batch_packets`: handed to the kernel at once for one connection, at most. Must be
/// called within a tokio runtime.
///
/// # Errors
/// What the system says.
pub fn wrap(socket: UdpSocket, batch_packets: usize) -> io::Result<Arc<dyn AsyncUdpSocket>> {
    let socket = TokioRuntime.wrap_udp_socket(socket)?;
    Ok(Arc::new(Socket { socket, batch_packets, received: Mutex::new(Received::new()) }))
}

#[derive(Debug)]
struct Socket {
    socket: Arc<dyn AsyncUdpSocket>,
    batch_packets: usize,
    received: Mutex<Received>,
}

/// Bytes of what the system hands over at once, from one sender: no datagram is longer, and no batch of them.
const BATCH: usize = 64 * 1024;

/// Packets that were received and not handed over yet.
struct Received {
    /// [`BATCH_SIZE`] times [`BATCH`].
    bytes: Box<[u8]>,
    metas: [RecvMeta; BATCH_SIZE],
    /// How many of the batches are filled, the one that comes next, and how much of it was handed over.
    count: usize,
    at: usize,
    offset: usize,
}

impl Debug for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Received").finish_non_exhaustive()
    }
}

impl Received {
    fn new() -> Self {
        let bytes = vec![0; BATCH_SIZE * BATCH].into();
        Self { bytes, metas: [RecvMeta::default(); BATCH_SIZE], count: 0, at: 0, offset: 0 }
    }

    fn fill(
        &mut self,
        receive: impl FnOnce(&mut [IoSliceMut<'_>], &mut [RecvMeta]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<()>> {
        (self.count, self.at, self.offset) = (0, 0, 0);
        let mut slices: Vec<_> = self.bytes.chunks_mut(BATCH).map(IoSliceMut::new).collect();
        self.count = ready!(receive(&mut slices, &mut self.metas))?;
        Poll::Ready(Ok(()))
    }

    /// The next packet, and what is known of it.
    fn next(&mut self) -> Option<(&[u8], RecvMeta)> {
        loop {
            let meta = self.metas.get(..self.count)?.get(self.at)?;
            let from = self.at * BATCH + self.offset;
            let len = meta.stride.min(meta.len.saturating_sub(self.offset));
            if len == 0 {
                (self.at, self.offset) = (self.at + 1, 0);
                continue;
            }
            self.offset += len;
            let mut one = *meta;
            (one.len, one.stride) = (len, len);
            return Some((self.bytes.get(from..from + len)?, one));
        }
    }
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.socket.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.socket.try_send(transmit)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut handed = 0;
            while let (Some(buf), Some(meta)) = (bufs.get_mut(handed), meta.get_mut(handed))
                && let Some((packet, of)) = received.next()
            {
                // A longer one is none that this end has said to take.
                if let Some(place) = buf.get_mut(..packet.len()) {
                    place.copy_from_slice(packet);
                    *meta = of;
                    handed += 1;
                }
            }
            if handed > 0 {
                return Poll::Ready(Ok(handed));
            }
            ready!(received.fill(|bufs, metas| self.socket.poll_recv(cx, bufs, metas)))?;
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.socket.max_transmit_segments().min(self.batch_packets)
    }

    fn max_receive_segments(&self) -> usize {
        1
    }

    fn may_fragment(&self) -> bool {
        self.socket.may_fragment()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use quinn::udp::{UdpSockRef, UdpSocketState};

    use super::*;

    #[tokio::test]
    async fn each_packet_of_a_batch_is_handed_over_by_itself() {
        let socket = wrap(UdpSocket::bind("127.0.0.1:0").unwrap(), 3).unwrap();
        let (to, sender) = (socket.local_addr().unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let state = UdpSocketState::new(UdpSockRef::from(&sender)).unwrap();
        let contents: Vec<u8> = (0..2_500_u32).map(|n| n as u8).collect();
        let batch = Transmit {
            destination: to,
            ecn: None,
            contents: &contents,
            segment_size: Some(1_000),
            src_ip: None,
        };
        assert!(state.max_gso_segments() > 2, "this system does not send in batches");
        state.send(UdpSockRef::from(&sender), &batch).unwrap();
        state
            .send(
                UdpSockRef::from(&sender),
                &Transmit { segment_size: None, contents: b"last", ..batch },
            )
            .unwrap();
        let mut found = Vec::new();
        while found.len() < 4 {
            // Two at a time: the rest of a batch waits.
            let mut bytes = [[0; 1_472]; 2];
            let mut slices: Vec<_> = bytes.iter_mut().map(|one| IoSliceMut::new(one)).collect();
            let mut metas = [RecvMeta::default(); 2];
            let count = poll_fn(|cx| socket.poll_recv(cx, &mut slices, &mut metas)).await.unwrap();
            for (bytes, meta) in bytes.iter().zip(&metas).take(count) {
                assert_eq!((meta.len, meta.addr), (meta.stride, sender.local_addr().unwrap()));
                found.push(bytes[..meta.len].to_vec());
            }
        }
        let expected: Vec<&[u8]> = contents.chunks(1_000).chain([&b"last"[..]]).collect();
        assert_eq!(found, expected);
        assert_eq!(socket.max_receive_segments(), 1);
        assert!(socket.max_transmit_segments() <= 3);
    }
}
