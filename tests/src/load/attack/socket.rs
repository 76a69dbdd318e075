//! A UDP socket that counts what it sends, and that can be deaf and mute.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, Runtime, TokioRuntime, UdpPoller};
use rustix::net::sockopt;

/// Bytes asked of the kernel for datagrams that wait: hundreds of connections share a socket.
const BUFFER: usize = 4 << 20;

/// A QUIC version 1 packet that begins with this half of a byte is a `Retry` (RFC 9000 §17.2.5).
const RETRY: u8 = 0xf0;

#[derive(Debug)]
pub(super) struct Socket {
    inner: Arc<dyn AsyncUdpSocket>,
    sent: Arc<AtomicU64>,
    /// Hears of `Retry` alone: a handshake that is begun here is never finished.
    only_retry: bool,
    mute: AtomicBool,
}

impl Socket {
    /// At any port of this address. Bytes that it sends are added to `sent`. To be called within a tokio runtime.
    pub(super) fn bind(
        source: IpAddr,
        sent: Arc<AtomicU64>,
        only_retry: bool,
    ) -> io::Result<Arc<Self>> {
        let socket = UdpSocket::bind(SocketAddr::from((source, 0)))?;
        // What it grants depends on the system.
        let _ = sockopt::set_socket_recv_buffer_size(&socket, BUFFER);
        let inner = TokioRuntime.wrap_udp_socket(socket)?;
        Ok(Arc::new(Self { inner, sent, only_retry, mute: AtomicBool::new(false) }))
    }

    /// Sends nothing more, not even that a connection is closed.
    pub(super) fn mute(&self) {
        self.mute.store(true, Ordering::Relaxed);
    }
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.inner.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        if self.mute.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.inner.try_send(transmit)?;
        self.sent.fetch_add(transmit.contents.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let received = ready!(self.inner.poll_recv(cx, bufs, meta))?;
        if self.only_retry {
            for (buffer, meta) in bufs.iter_mut().zip(meta.iter_mut()).take(received) {
                meta.len = keep_retries(buffer, meta.len, meta.stride);
            }
        }
        Poll::Ready(Ok(received))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.inner.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.inner.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.inner.may_fragment()
    }
}

/// Moves the `Retry` packets among `len` bytes of datagrams, `stride` bytes each but the last, to the front. Returns
/// how many bytes they are.
fn keep_retries(bytes: &mut [u8], len: usize, stride: usize) -> usize {
    let (mut kept, mut at) = (0, 0);
    while at < len {
        let end = len.min(at + stride.max(1));
        if bytes.get(at).is_some_and(|first| first & RETRY == RETRY) {
            bytes.copy_within(at..end, kept);
            kept += end - at;
        }
        at = end;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_all_that_comes_only_retries_are_heard() {
        let mut bytes = [0xc3, 1, 1, 0xf5, 2, 2, 0x40, 3, 3, 0xf0, 4];
        let kept = keep_retries(&mut bytes, 11, 3);
        assert_eq!(bytes[..kept], [0xf5, 2, 2, 0xf0, 4]);
        assert_eq!(keep_retries(&mut [0xc0; 8], 8, 8), 0);
    }
}
