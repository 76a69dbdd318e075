//! The relay's socket: with wide buffers, and batches to send that are no longer than an envelope: quinn keeps a buffer of one for every
//! connection, and with its own ten packets that would be a third of an idle one.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use quinn::AsyncUdpSocket;
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
    velar_udp::wrap(socket, BATCH_PACKETS)
}
