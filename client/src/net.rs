//! The network: QUIC connections to relays, each known by its pin, carrying the frames of the relay protocol.
//!
//! Only this module knows quinn and rustls. It keeps no message: what is lost with a connection is sent
//! again by the outbox, and what was not acknowledged is delivered again by the relay.
//!
//! * [`Connector`] owns the sockets: what reads (and proves who owns a mailbox) and what sends (and proves
//!   nothing) never share one, so that a relay cannot tie them together by address and port.
//! * [`RelayConnection`] is one connection: [`request`](RelayConnection::request) for one thing at a time,
//!   [`Pipeline`] for many sends in flight, [`Subscription`] for what comes in.
//! * [`Backoff`] says when to try again.

mod backoff;
mod connection;
mod connector;
mod error;
mod frames;
mod pipeline;
mod subscription;
mod tls;

pub use backoff::{Backoff, LONGEST, LONGEST_ALARM};
pub use connection::RelayConnection;
pub use connector::{Connector, Purpose};
pub use error::NetError;
pub use pipeline::{Pipeline, PipelineSink, PipelineSource};
pub use subscription::{AckSink, EventSource, Subscription};
