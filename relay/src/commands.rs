//! The command line: its types are its documentation.

mod access;
mod repair;

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use velar_protocol::wire::{Pin, RelayAddress};

pub use self::access::{Access, Told, access};
pub use self::repair::{Repair, check, repair};
use crate::access::{AccessError, peek};
use crate::clock::acceptance;
use crate::config::{Config, ConfigError, FILE_NAME, Flags};
use crate::hosts::Hosts;
use crate::keys::{Identity, KeyError, qr};
use crate::server::{ServeError, Server, open_store};
use crate::store::StoreError;

/// Forwards and stores sealed envelopes; knows ciphertext only
#[derive(Parser, Debug)]
#[command(name = "velar-relay", version, about)]
pub struct Cli {
    /// Check the configuration (flags, environment, file), say whether it can be used, and end
    #[arg(long)]
    pub check_config: bool,
    /// Configuration, when only checked.
    #[command(flatten)]
    pub flags: Flags,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make this relay's keys and configuration, once, and print its address
    Init(Init),
    /// Print this relay's address, as text and QR
    Address(Serve),
    /// Serve until told to stop (SIGTERM, Ctrl-C; a second one stops at once)
    Serve(Serve),
    /// Say what is wrong with the data folder, and what to do; changes nothing. The relay must be stopped
    Check(Serve),
    /// Save all that can still be read of the data folder into a new one. The relay must be stopped
    Repair(Repair),
    /// Access tokens: who may open new mailboxes here. Without any, anybody may. Works while the relay runs and while it is
    /// stopped
    #[command(subcommand)]
    Access(Access),
    /// The machine's clock, and what the relay makes of it
    #[command(subcommand)]
    Clock(Clock),
}

/// What to do about the clock.
#[derive(Subcommand, Debug)]
pub enum Clock {
    /// Say that the machine's clock is right after a long outage: all of it counts for the age of mail and mailboxes
    ///
    /// A relay that was down for more than a day cannot tell that from a clock that was set forward. Until it has run
    /// for 24 hours, it counts one day of each outage only, so that a wrong clock deletes nothing. Look at the clock
    /// first (date). Works while the relay runs and while it is stopped.
    Accept(Accept),
}

/// Arguments of `clock accept`.
#[derive(Args, Debug)]
pub struct Accept {
    /// Configuration.
    #[command(flatten)]
    pub flags: Flags,
}

/// Arguments of `init`.
#[derive(Args, Debug)]
pub struct Init {
    /// Folder to make keys and configuration in
    #[arg(long, env = "VELAR_RELAY_DATA", value_name = "DIR")]
    pub data: PathBuf,
    /// Name or address under which clients reach this relay; up to four, separated by commas, each with :PORT if it has another
    #[arg(long, env = "VELAR_RELAY_HOST", value_name = "HOST")]
    pub host: String,
    /// Address and UDP port to listen on
    #[arg(long, env = "VELAR_RELAY_LISTEN", value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// Port under which clients reach this relay, if not the one it listens on
    #[arg(long, env = "VELAR_RELAY_PUBLIC_PORT", value_name = "PORT")]
    pub public_port: Option<u16>,
}

/// Arguments of `serve`, `address` and `check`.
#[derive(Args, Debug)]
pub struct Serve {
    /// Check the configuration, say whether it can be used, and end
    #[arg(long)]
    pub check_config: bool,
    /// Configuration.
    #[command(flatten)]
    pub flags: Flags,
}

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The keys cannot be used or made.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The relay cannot start or go on.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The access tokens cannot be read or changed.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The relay that runs here would not.
    #[error("{0}")]
    Refused(String),
    /// The relay that runs here said nothing that makes sense.
    #[error(
        "{0}. If a relay is just starting, try again; look first with velar-relay access list. If it stays like this, stop the \
         relay: the command works without it"
    )]
    NoAnswer(String),
    /// The host's form is wrong.
    #[error(
        "{0} cannot be the host of an address; give a name or an address without scheme, or up to four separated by commas"
    )]
    Host(String),
    /// Nobody said under what name it is reached.
    #[error("no host; say with --host under which name or address clients reach this relay")]
    NoHost,
    /// The store does not open.
    #[error(
        "{0}; `velar-relay check` says what is wrong with the data folder, `velar-relay repair --into NEW` saves what can still \
         be read"
    )]
    Store(StoreError),
    /// There is nothing to repair.
    #[error("there is no store in {}; name the relay's data folder with --data", .0.display())]
    NoStore(PathBuf),
    /// Not beside the old folder, but in it.
    #[error("{} is inside the folder that is to be repaired; name one outside of it", .0.display())]
    Inside(PathBuf),
    /// Nothing is written over.
    #[error("{} is not empty; name a folder that is new", .0.display())]
    NotEmpty(PathBuf),
    /// `check` has found something.
    #[error("the data folder needs attention; see above")]
    NotWell,
    /// Files cannot be written, or stdout is gone.
    #[error("{}: {source}; mend that, then try again", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Whether the configuration can be used, and the access tokens, if there are any. Text for stdout.
///
/// # Errors
/// [`CommandError`].
pub fn check_config(config: &Config) -> Result<String, CommandError> {
    peek(&config.data)?;
    let limits = config.limits;
    let running: u64 = limits.memory().iter().map(|(_, bytes)| bytes).sum();
    let mebibytes = running.max(limits.memory_at_start()).div_ceil(1 << 20);
    Ok(format!("the configuration is valid\nits limits allow {mebibytes} MiB of memory at most\n"))
}

/// Writes to stderr. That nobody reads it is no error.
pub fn remark(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Makes keys and configuration. Text for stdout.
///
/// # Errors
/// [`CommandError`]; keys that are there already stay as they are.
pub fn init(init: &Init) -> Result<String, CommandError> {
    let listen = init.listen.unwrap_or(Config::default().listen);
    let port = init.public_port.unwrap_or(listen.port());
    // Before anything is made: port 0 is for tests, any other address must be possible.
    let impossible = |_| CommandError::Host(init.host.clone());
    let hosts = Hosts::parse(&init.host).map_err(impossible)?;
    hosts.address(port.max(1), Pin([0; 32])).map_err(impossible)?;
    let identity = Identity::create(&init.data)?;
    let path = init.data.join(FILE_NAME);
    if !path.exists() {
        let host = &init.host;
        let mut text = format!(
            "# Made by `velar-relay init`; all keys are in relay.example.toml.\nlisten = \"{listen}\"\nhost = \"{host}\"\n"
        );
        if let Some(port) = init.public_port {
            text.push_str(&format!("public_port = {port}\n"));
        }
        write_new(&path, &text)?;
    }
    match hosts.address(port, identity.pin()) {
        Ok(address) => Ok(shown(&address)),
        Err(_) => Ok("keys made; the address is printed when the relay serves\n".to_owned()),
    }
}

/// The address, as text and QR, for stdout.
///
/// # Errors
/// [`CommandError`].
pub fn address(config: &Config) -> Result<String, CommandError> {
    let identity = Identity::load(&config.data)?;
    let port = config.public_port.unwrap_or(config.listen.port());
    let (host, address) = match &config.host {
        Some(hosts) => (hosts.to_string(), hosts.address(port, identity.pin())),
        None if config.listen.ip().is_unspecified() => return Err(CommandError::NoHost),
        None => {
            let host = config.listen.ip().to_canonical().to_string();
            let address = RelayAddress::new(&host, port, identity.pin(), None);
            (host, address)
        }
    };
    Ok(shown(&address.map_err(|_| CommandError::Host(host))?))
}

/// Leaves the operator's word for the relay. Text for stdout.
///
/// # Errors
/// [`CommandError`].
pub fn accept_clock(config: &Config) -> Result<String, CommandError> {
    // A folder without keys is no relay's: nobody would ever hear it there.
    Identity::load(&config.data)?;
    acceptance::leave(&config.data).map_err(|source| {
        let path = acceptance::path(&config.data);
        CommandError::Io { path, source }
    })?;
    Ok("the machine's clock counts as right: a relay that runs hears it within a few seconds, one that is stopped at its \
        next start. All the time that it was down then counts for the age of mail and mailboxes, and what is over \
        its age is deleted. The relay's log says how many days that are\n"
        .to_owned())
}

/// Serves until `shutdown`. Prints where, then the address, to stdout.
///
/// # Errors
/// [`CommandError`].
pub async fn serve(
    config: &Config,
    shutdown: impl Future<Output = ()>,
) -> Result<(), CommandError> {
    // Keys first: without them there is nothing to serve, and no store needs to be made.
    Identity::load(&config.data)?;
    let store = open_store(config).map_err(|error| match error {
        StoreError::InUse(_) => CommandError::Serve(error.into()),
        error => CommandError::Store(error),
    })?;
    let server = Server::bind(config, store)?;
    let mut text = format!("listening on {}\n", server.local_addr());
    match server.address() {
        Some(address) => text.push_str(&format!("{address}\n")),
        None => tracing::warn!("no host is configured: clients need an address with --host"),
    }
    print(&text)?;
    server.run(shutdown).await?;
    Ok(())
}

/// Writes to stdout at once. That nobody reads it is no error.
///
/// # Errors
/// [`CommandError::Io`].
pub fn print(text: &str) -> Result<(), CommandError> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CommandError::Io { path: PathBuf::from("stdout"), source: error })
        }
        _ => Ok(()),
    }
}

fn shown(address: &RelayAddress) -> String {
    match qr(address) {
        Some(code) => format!("{address}\n\n{code}\n"),
        None => format!("{address}\n"),
    }
}

fn write_new(path: &Path, text: &str) -> Result<(), CommandError> {
    let failed = |source| CommandError::Io { path: path.to_owned(), source };
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}
