//! The UDP socket: wide buffers, and batches no longer than an envelope. quinn keeps for every connection a
//! buffer of one whole batch; with its own ten packets that would be a third of an idle connection.

use std::fmt::Debug;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, Runtime, TokioRuntime, UdpPoller};
use rustix::net::sockopt;

use crate::limits::{BATCH_PACKETS, SOCKET_BUFFER};

/// Listens. Must be called within a tokio runtime.
pub(crate) fn bind(address: SocketAddr) -> io::Result<Arc<dyn AsyncUdpSocket>> {
    let socket = UdpSocket::bind(address)?;
    // What the kernel grants depends on the system. Packets that find no room are lost and sent again.
    let results = [
        sockopt::set_socket_recv_buffer_size(&socket, SOCKET_BUFFER),
        sockopt::set_socket_send_buffer_size(&socket, SOCKET_BUFFER),
    ];
    if results.iter().any(Result::is_err) {
        tracing::warn!("the system does not widen the socket's buffers; bursts may be slow");
    }
    Ok(Arc::new(ShortBatches(TokioRuntime.wrap_udp_socket(socket)?)))
}

#[derive(Debug)]
struct ShortBatches(Arc<dyn AsyncUdpSocket>);

impl AsyncUdpSocket for ShortBatches {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        self.0.clone().create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.0.try_send(transmit)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_recv(cx, bufs, meta)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.0.max_transmit_segments().min(BATCH_PACKETS)
    }

    fn max_receive_segments(&self) -> usize {
        self.0.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.0.may_fragment()
    }
}
