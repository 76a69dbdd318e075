//! The endpoint: who comes in, and how everything ends.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quinn::{Connection, Endpoint, Incoming, TokioRuntime, VarInt};
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval, timeout};
use velar_protocol::wire::{EndReason, Pin, RelayAddress};

use crate::access::{Access, AccessError};
use crate::admin::{self, Listener};
use crate::admission::{Admission, Guest, Verdict};
use crate::clock::{Clock, SystemClock, Timekeeper};
use crate::config::Config;
use crate::connection;
use crate::keys::{Identity, KeyError};
use crate::limits::{DRAIN, HANDSHAKE_TIMEOUT};
use crate::mailboxes::Mailboxes;
use crate::relay::Relay;
use crate::socket;
use crate::store::{SledStore, Store, StoreError, Write};
use crate::transport::{self, TlsError};
use crate::writer::Writer;

/// A relay that listens. Nothing is served before [`Server::run`].
pub struct Server {
    endpoint: Endpoint,
    relay: Arc<Relay>,
    writer: Writer,
    admin: Option<Listener>,
    admission: Admission,
    ending: watch::Sender<Option<EndReason>>,
    local: SocketAddr,
    address: Option<RelayAddress>,
    pin: Pin,
}

/// Why a relay cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// No keys, or bad ones.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// TLS will not have them.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The store does not open, or failed while serving. Nothing was promised that it does not have.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nobody can say who may open a mailbox.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The address to listen on is not to be had.
    #[error("cannot listen on {address}: {source}; choose another with --listen")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// No more threads.
    #[error(
        "a thread cannot be started: {0}. Allow the relay more of them (LimitNPROC, TasksMax), then start it again"
    )]
    Thread(std::io::Error),
    /// The blocking part stopped.
    #[error(
        "the relay stopped by itself; this is a defect. Start it again, and report it with the last lines of the log"
    )]
    Defect,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("local", &self.local).finish_non_exhaustive()
    }
}

/// The store's folder in the data folder.
pub(crate) const STORE: &str = "store";

/// Opens the store that `config` names: `store/` in the data folder.
///
/// # Errors
/// [`StoreError`].
pub fn open_store(config: &Config) -> Result<Arc<dyn Store>, StoreError> {
    let folder: PathBuf = config.data.join(STORE);
    Ok(Arc::new(SledStore::open(&folder, config.limits.cache_mib)?))
}

impl Server {
    /// Listens, with the keys in `config.data` and with `store`, by the machine's clocks.
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`ServeError`].
    pub fn bind(config: &Config, store: Arc<dyn Store>) -> Result<Self, ServeError> {
        Self::bind_with_clock(config, store, Arc::new(SystemClock))
    }

    /// As [`Server::bind`], by other clocks.
    ///
    /// # Errors
    /// [`ServeError`].
    pub fn bind_with_clock(
        config: &Config,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ServeError> {
        let listen = |source| ServeError::Listen { address: config.listen, source };
        let identity = Identity::load(&config.data)?;
        let access = Arc::new(Access::open(&config.data)?);
        let tls = transport::server(&identity, &config.limits, config.gso)?;
        let socket = socket::bind(config.listen).map_err(listen)?;
        let endpoint = Endpoint::new_with_abstract_socket(
            transport::endpoint(&identity),
            Some(tls),
            socket,
            Arc::new(TokioRuntime),
        )
        .map_err(listen)?;
        let local = endpoint.local_addr().map_err(listen)?;

        let mut leftovers: Vec<Write> = Vec::new();
        let loaded = store.load()?;
        if loaded.set_aside > 0 {
            tracing::error!(
                records = loaded.set_aside,
                "records were set aside because they did not check out"
            );
        }
        let time = Timekeeper::start(clock, config.data.clone(), loaded.clock.as_ref());
        let mailboxes = Mailboxes::new(config.limits, loaded, time.now(), &mut leftovers);
        let mailboxes = Arc::new(Mutex::new(mailboxes));
        let free_space = u64::from(config.limits.free_space_mib) << 20;
        let (writer, jobs) = Writer::start(store.clone(), mailboxes.clone(), leftovers, free_space)
            .map_err(ServeError::Thread)?;
        let (ending, ended) = watch::channel(None);
        let relay = Relay::new(config.limits, access, time, mailboxes, store, jobs, ended);
        Ok(Self {
            address: address(config, local, identity.pin()),
            endpoint,
            relay: Arc::new(relay),
            writer,
            admin: admin::listen(&config.data),
            admission: Admission::new(config.limits),
            ending,
            local,
            pin: identity.pin(),
        })
    }

    /// Where it listens; the real port also if port 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// What clients know it by.
    #[must_use]
    pub fn pin(&self) -> Pin {
        self.pin
    }

    /// What clients are given. `None` if it listens on all addresses and no host was configured.
    #[must_use]
    pub fn address(&self) -> Option<&RelayAddress> {
        self.address.as_ref()
    }

    /// Serves until `shutdown` is ready or the store fails; then says goodbye to subscribers, finishes
    /// commits, and closes.
    ///
    /// # Errors
    /// [`ServeError::Store`]: the process should end and be started again.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self { endpoint, relay, writer, admin, admission, ending, .. } = self;
        let mut connections = JoinSet::new();
        let mut writer_ended = writer.ended();
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ticking = {
            let relay = relay.clone();
            async move {
                loop {
                    ticks.tick().await;
                    relay.tick().await?;
                }
            }
        };
        let mut ticking = pin!(ticking);
        let mut commands = pin!(admin::serve(admin, relay.clone()));
        let mut shutdown = pin!(shutdown);
        let failed: Result<(), StoreError> = loop {
            tokio::select! {
                incoming = endpoint.accept() => match incoming {
                    Some(incoming) => {
                        let open = endpoint.open_connections();
                        knock(incoming, open, &admission, &relay, &mut connections);
                    }
                    None => break Ok(()),
                },
                Some(_) = connections.join_next() => {}
                never = &mut commands => match never {},
                () = &mut shutdown => break Ok(()),
                failed = &mut ticking => break failed,
                _ = writer_ended.wait_for(|ended| *ended) => break Ok(()),
            }
        };

        endpoint.set_server_config(None);
        let failing = failed.is_err() || *writer_ended.borrow();
        let reason = if failing { EndReason::StoreFailed } else { EndReason::ShuttingDown };
        let _ = ending.send(Some(reason));
        tracing::info!(connections = connections.len(), "stopping");
        let _ =
            timeout(2 * DRAIN, async { while connections.join_next().await.is_some() {} }).await;
        connections.abort_all();
        relay.stop().await;
        let written = spawn_blocking(move || writer.join()).await;
        endpoint.close(VarInt::from_u32(0), b"");
        let _ = timeout(DRAIN, endpoint.wait_idle()).await;
        failed?;
        written.map_err(|_| ServeError::Defect)??;
        Ok(())
    }
}

/// Lets somebody in, or not.
fn knock(
    incoming: Incoming,
    open: usize,
    admission: &Admission,
    relay: &Arc<Relay>,
    connections: &mut JoinSet<()>,
) {
    let validated = incoming.remote_address_validated();
    match admission.knock(incoming.remote_address().ip(), validated, open) {
        Verdict::Admit(guest) => {
            connections.spawn(welcome(incoming, guest, relay.clone()));
        }
        Verdict::Retry if incoming.may_retry() => {
            let _ = incoming.retry();
        }
        Verdict::Refuse => incoming.refuse(),
        Verdict::Retry | Verdict::Wait => incoming.ignore(),
    }
}

async fn welcome(incoming: Incoming, guest: Guest, relay: Arc<Relay>) {
    // Boxed, so that it takes no room for as long as the connection lasts.
    let connection = tokio::select! {
        connection = Box::pin(handshake(incoming)) => connection,
        () = guest.told_to_leave() => None,
    };
    let Some(connection) = connection else { return };
    guest.seated();
    connection::serve(connection, guest, relay).await;
}

async fn handshake(incoming: Incoming) -> Option<Connection> {
    timeout(HANDSHAKE_TIMEOUT, incoming.accept().ok()?).await.ok()?.ok()
}

fn address(config: &Config, local: SocketAddr, pin: Pin) -> Option<RelayAddress> {
    let port = config.public_port.unwrap_or(local.port());
    match &config.host {
        Some(hosts) => hosts.address(port, pin).ok(),
        None if local.ip().is_unspecified() => None,
        None => RelayAddress::new(&local.ip().to_canonical().to_string(), port, pin, None).ok(),
    }
}
