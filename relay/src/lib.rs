//! A relay: takes in sealed envelopes and keeps them for their mailboxes' owners. It knows ciphertext only.
//!
//! `main` parses, loads, binds, waits, and shuts down. Tests and load generators run a [`Server`] inside
//! their own process:
//!
//! ```no_run
//! # async fn run() -> Result<(), velar_relay::ServeError> {
//! use velar_relay::{Config, Identity, Server, open_store};
//! let config = Config { data: "/tmp/relay".into(), ..Config::default() };
//! Identity::create(&config.data)?;
//! let server = Server::bind(&config, open_store(&config)?)?;
//! println!("{}", server.local_addr());
//! server.run(std::future::pending()).await
//! # }
//! ```

mod access;
mod admin;
mod admission;
pub mod clock;
pub mod commands;
pub mod config;
mod connection;
pub mod dry_run;
mod frames;
mod hosts;
pub mod keys;
pub mod limits;
pub mod logs;
mod mailboxes;
mod memory;
mod origin;
mod rate;
mod relay;
mod server;
pub mod session;
mod shares;
mod socket;
pub mod store;
mod transport;
mod writer;

pub use access::AccessError;
pub use config::{Config, ConfigError};
pub use hosts::Hosts;
pub use keys::{Identity, KeyError};
pub use limits::Limits;
pub use server::{ServeError, Server, open_store};
pub use transport::TlsError;
