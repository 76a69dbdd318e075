//! Sockets, names and handshakes.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use quinn::{
    AckFrequencyConfig, ClientConfig, Connection, Endpoint, EndpointConfig, IdleTimeout,
    NoneTokenStore, TokioRuntime, TransportConfig, VarInt,
};
use rustls::crypto::CryptoProvider;
use tokio::net::lookup_host;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use velar_protocol::wire::limits::QUIC_VERSION;
use velar_protocol::wire::{Place, RelayAddress};

use super::tls::{NO_NAME, configure, provider};
use super::{NetError, RelayConnection};

/// For the name, the handshake and all addresses together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Head start of each address before the next is tried beside it (RFC 8305 §5): a broken IPv6 costs an
/// alarm a quarter of a second.
const HEAD_START: Duration = Duration::from_millis(250);

/// Head start of each place of a relay. A handshake over a slow mobile network takes less; an alarm that finds the first
/// place blocked waits no longer than this.
const PLACE_HEAD_START: Duration = Duration::from_secs(1);

/// A connection on which nothing is heard for this long is lost. Three keep-alives fit into it.
const IDLE_TIMEOUT_MS: u32 = 75_000;

/// Mean interval of keep-alives: under the 30 s after which common home routers forget a UDP mapping.
const KEEP_ALIVE_MS: u64 = 20_000;

/// Keep-alives vary by this much either way from one connection to the next: no clock to recognise.
const KEEP_ALIVE_JITTER_MS: u64 = 4_000;

/// What a stream may receive ahead of being read: an event burst of 16 envelopes at full speed.
const STREAM_WINDOW: u32 = 128 * 1024;

/// What a connection may receive ahead of being read.
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// What may be on its way to the relay: the largest `Hold`, or 64 envelopes.
const SEND_WINDOW: u64 = 512 * 1024;

/// A relay acknowledges every so many packets instead of every second one: each acknowledgement is padded to a
/// full datagram, and they were a third of all. Reordering is still answered at once (quinn's default).
const PACKETS_PER_ACK: u32 = 8;

/// And at the latest after this, so that a sender learns of a loss about as soon as otherwise.
const ACK_DELAY: Duration = Duration::from_millis(5);

/// How long a process waits for its farewells before it ends.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// What a connection is for. A relay sees each on a socket of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Opening, reading and closing one's own mailboxes: proves who owns them.
    Read,
    /// Putting envelopes into others' mailboxes, and holds: proves nothing about who sends.
    Send,
}

/// Owns the sockets of this process and makes connections to relays.
///
/// One socket for each purpose and address family, opened when first needed. Nothing that TLS or QUIC could
/// recognise a client by passes from one connection to the next.
#[derive(Debug)]
pub struct Connector {
    provider: Arc<CryptoProvider>,
    read: Sockets,
    send: Sockets,
}

#[derive(Debug, Default)]
struct Sockets {
    v4: Mutex<Option<Endpoint>>,
    v6: Mutex<Option<Endpoint>>,
}

impl Connector {
    /// Opens nothing yet.
    ///
    /// # Errors
    /// [`NetError::Local`] if the random source fails.
    pub fn new() -> Result<Self, NetError> {
        getrandom::u64().map_err(|error| NetError::Local(io::Error::other(error)))?;
        Ok(Self { provider: provider(), read: Sockets::default(), send: Sockets::default() })
    }

    /// Connects to a relay, at the first of its places that answers: the next one is tried when the one before has
    /// failed, and beside it when that has not answered within a second. At most 10 s in all.
    ///
    /// Of one place the name is resolved, its addresses are tried one after another with a head start each, IPv6
    /// first, and the first that completes a handshake with the pinned key is kept.
    ///
    /// To be called within a tokio runtime, always the same one, and when there is something to ask: a relay
    /// closes a connection on which it has heard nothing 5 s after the handshake.
    ///
    /// # Errors
    /// All but those of requests and streams. When places or addresses fail in different ways, a wrong pin is what is
    /// told. A relay of another protocol version says so only in its first answer.
    pub async fn connect(
        &self,
        relay: &RelayAddress,
        purpose: Purpose,
    ) -> Result<RelayConnection, NetError> {
        let connecting = first_to_answer(relay.places(), |place| async move {
            let addresses = resolve(place).await?;
            self.race(relay, place, purpose, addresses).await
        });
        let connection =
            timeout(CONNECT_TIMEOUT, connecting).await.map_err(|_| NetError::Timeout)??;
        RelayConnection::new(connection)
    }

    /// Waits, for at most 2 s, until connections that were closed have said so to their relays. To be called
    /// before a process ends.
    pub async fn drain(&self) {
        for slot in [&self.read.v4, &self.read.v6, &self.send.v4, &self.send.v6] {
            let endpoint = slot.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(endpoint) = endpoint {
                // Late or not, the relay finds out by its idle timeout.
                let _ = timeout(DRAIN_TIMEOUT, endpoint.wait_idle()).await;
            }
        }
    }

    async fn race(
        &self,
        relay: &RelayAddress,
        place: &Place,
        purpose: Purpose,
        addresses: Vec<SocketAddr>,
    ) -> Result<Connection, NetError> {
        let mut failure = NetError::Unreachable { host: place.host().to_owned() };
        let mut attempts = JoinSet::new();
        let mut addresses = addresses.into_iter().peekable();
        loop {
            if let Some(address) = addresses.next() {
                match self.attempt(relay, place, purpose, address) {
                    Ok(attempt) => drop(attempts.spawn(attempt)),
                    Err(error) => {
                        failure = worse(failure, error);
                        continue;
                    }
                }
            }
            if attempts.is_empty() && addresses.peek().is_none() {
                return Err(failure);
            }
            tokio::select! {
                Some(result) = attempts.join_next() => match result {
                    Ok(Ok(connection)) => return Ok(connection),
                    Ok(Err(error)) => failure = worse(failure, error),
                    Err(panicked) => {
                        failure = worse(failure, NetError::Local(io::Error::other(panicked)));
                    }
                },
                () = sleep(HEAD_START), if addresses.peek().is_some() => {}
            }
        }
    }

    /// One handshake with one address. Fails at once if there is no route or no socket.
    fn attempt(
        &self,
        relay: &RelayAddress,
        place: &Place,
        purpose: Purpose,
        address: SocketAddr,
    ) -> Result<impl Future<Output = Result<Connection, NetError>> + Send + 'static, NetError> {
        let host = place.host().to_owned();
        if !has_route(address) {
            return Err(NetError::Unreachable { host });
        }
        let (tls, verifier) = configure(&self.provider, relay).map_err(NetError::Local)?;
        let mut config = ClientConfig::new(Arc::new(tls));
        config.transport_config(Arc::new(transport().map_err(NetError::Local)?));
        // An address validation token would tie this connection to the one that brought it.
        config.token_store(Arc::new(NoneTokenStore));
        let endpoint = self.endpoint(purpose, address).map_err(NetError::Local)?;
        let connecting = endpoint
            .connect_with(config, address, NO_NAME)
            .map_err(|_| NetError::Unreachable { host: host.clone() })?;
        Ok(async move {
            connecting.await.map_err(|error| match verifier.saw_wrong_pin() {
                true => NetError::WrongPin { host },
                false => NetError::of_handshake(&error, &host),
            })
        })
    }

    fn endpoint(&self, purpose: Purpose, towards: SocketAddr) -> io::Result<Endpoint> {
        let sockets = match purpose {
            Purpose::Read => &self.read,
            Purpose::Send => &self.send,
        };
        let slot = if towards.is_ipv4() { &sockets.v4 } else { &sockets.v6 };
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(endpoint) = slot.as_ref() {
            return Ok(endpoint.clone());
        }
        let socket = UdpSocket::bind(wildcard(towards))?;
        let runtime = Arc::new(TokioRuntime);
        let mut config = EndpointConfig::default();
        config.supported_versions(vec![QUIC_VERSION]);
        let socket = velar_udp::wrap(socket, usize::MAX)?;
        let endpoint = Endpoint::new_with_abstract_socket(config, None, socket, runtime)?;
        Ok(slot.insert(endpoint).clone())
    }
}

/// Which of two failures a person should hear of: an impostor before all, silence before no route.
fn worse(one: NetError, other: NetError) -> NetError {
    let rank = |error: &NetError| match error {
        NetError::WrongPin { .. } => 4,
        NetError::Busy => 3,
        NetError::Handshake { .. } => 2,
        NetError::Unreachable { .. } => 0,
        _ => 1,
    };
    if rank(&other) >= rank(&one) { other } else { one }
}

/// The outcome of the first of these ways that succeeds. Each begins when one before has failed, or [`PLACE_HEAD_START`]
/// after the one before; all that began go on until then.
async fn first_to_answer<W, T, F: Future<Output = Result<T, NetError>>>(
    ways: impl Iterator<Item = W>,
    attempt: impl Fn(W) -> F,
) -> Result<T, NetError> {
    let mut ways = ways.peekable();
    let mut attempts: Vec<Pin<Box<F>>> = Vec::new();
    let mut failure: Option<NetError> = None;
    loop {
        attempts.extend(ways.next().map(|way| Box::pin(attempt(way))));
        if attempts.is_empty() {
            return Err(failure.unwrap_or(NetError::Timeout));
        }
        tokio::select! {
            result = poll_fn(|context| one_of(&mut attempts, context)) => match result {
                Ok(done) => return Ok(done),
                Err(error) => {
                    failure = Some(match failure {
                        Some(before) => worse(before, error),
                        None => error,
                    });
                }
            },
            () = sleep(PLACE_HEAD_START), if ways.peek().is_some() => {}
        }
    }
}

/// What one of these has come to, which is then taken out.
fn one_of<F: Future>(
    attempts: &mut Vec<Pin<Box<F>>>,
    context: &mut Context<'_>,
) -> Poll<F::Output> {
    let mut done = None;
    for (index, attempt) in attempts.iter_mut().enumerate() {
        if let Poll::Ready(result) = attempt.as_mut().poll(context) {
            done = Some((index, result));
            break;
        }
    }
    done.map_or(Poll::Pending, |(index, result)| {
        drop(attempts.swap_remove(index));
        Poll::Ready(result)
    })
}

/// The addresses of a place, IPv6 and IPv4 in turn.
async fn resolve(place: &Place) -> Result<Vec<SocketAddr>, NetError> {
    let unresolved = || NetError::Unresolved { host: place.host().to_owned() };
    let found = lookup_host((place.host(), place.port())).await.map_err(|_| unresolved())?;
    let addresses = in_turn(found);
    if addresses.is_empty() { Err(unresolved()) } else { Ok(addresses) }
}

fn in_turn(addresses: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let (v6, v4): (Vec<_>, Vec<_>) = addresses.partition(SocketAddr::is_ipv6);
    let (mut v6, mut v4) = (v6.into_iter(), v4.into_iter());
    let mut turns = Vec::new();
    loop {
        let before = turns.len();
        turns.extend(v6.next());
        turns.extend(v4.next());
        if turns.len() == before {
            return turns;
        }
    }
}

/// Asks the kernel for a route, without sending anything: offline is known at once instead of after 10 s.
fn has_route(address: SocketAddr) -> bool {
    UdpSocket::bind(wildcard(address)).and_then(|socket| socket.connect(address)).is_ok()
}

fn wildcard(family: SocketAddr) -> SocketAddr {
    let ip = match family {
        SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    SocketAddr::new(ip, 0)
}

fn transport() -> io::Result<TransportConfig> {
    let random = getrandom::u64().map_err(io::Error::other)?;
    let jitter = random % (2 * KEEP_ALIVE_JITTER_MS + 1);
    let keep_alive = Duration::from_millis(KEEP_ALIVE_MS - KEEP_ALIVE_JITTER_MS + jitter);
    let mut acks = AckFrequencyConfig::default();
    acks.ack_eliciting_threshold(VarInt::from_u32(PACKETS_PER_ACK)).max_ack_delay(Some(ACK_DELAY));
    let mut config = TransportConfig::default();
    config
        .ack_frequency_config(Some(acks))
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))))
        .keep_alive_interval(Some(keep_alive))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
        .send_window(SEND_WINDOW)
        // A relay opens no streams.
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .datagram_send_buffer_size(0)
        // Not yet: quinn-proto 0.11 counts a padded acknowledgement as in flight, though nobody answers it.
        // One of them fills the smallest congestion window, and after losses the connection is silent for
        // ever. An alarm that gets through goes before sizes that tell nothing.
        .pad_to_mtu(false)
        // Round trips are for those who make them.
        .allow_spin(false);
    Ok(config)
}

#[cfg(test)]
mod tests;
