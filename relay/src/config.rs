//! Configuration: a file (TOML), environment variables (`VELAR_RELAY_…`) and flags. Flags win over the
//! environment, the environment over the file. Nothing unknown is accepted anywhere.

use std::env;
use std::fs;
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Deserialize;

use crate::hosts::Hosts;
use crate::limits::{LimitFlags, Limits};

/// The file that `init` leaves in the data folder; read when no other is named.
pub const FILE_NAME: &str = "relay.toml";

const PREFIX: &str = "VELAR_RELAY_";

/// Everything a relay needs to know, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of keys and store.
    pub data: PathBuf,
    /// Where to listen (UDP). Port 0: any.
    pub listen: SocketAddr,
    /// Names and addresses under which clients reach it. `None`: the one it listens on.
    pub host: Option<Hosts>,
    /// Port under which clients reach it, where the host names none. `None`: the one it listens on.
    pub public_port: Option<u16>,
    /// What to log.
    pub log: LogLevel,
    /// Let the kernel cut packets. Off for networks whose cards claim it and fail.
    pub gso: bool,
    /// Threads that serve connections. The disk has its own.
    pub workers: usize,
    /// Limits.
    pub limits: Limits,
}

/// What to log. No level shows an address, a mailbox or a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What the operator must act on.
    Error,
    /// What may become that.
    Warn,
    /// Start, stop, and changes of state.
    Info,
    /// For development.
    Debug,
    /// For development.
    Trace,
}

/// The file's form.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    data: Option<PathBuf>,
    listen: Option<SocketAddr>,
    host: Option<String>,
    public_port: Option<u16>,
    log: Option<LogLevel>,
    gso: Option<bool>,
    workers: Option<usize>,
    limits: Limits,
}

/// Flags and environment variables.
#[derive(Args, Clone, Debug, Default)]
pub struct Flags {
    /// Configuration file. By default relay.toml in the data folder, if there is one
    #[arg(long, env = "VELAR_RELAY_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of keys and store
    #[arg(long, env = "VELAR_RELAY_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Address and UDP port to listen on
    #[arg(long, env = "VELAR_RELAY_LISTEN", value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// Name or address under which clients reach this relay; up to four, separated by commas, each with :PORT if it has another
    #[arg(long, env = "VELAR_RELAY_HOST", value_name = "HOST")]
    pub host: Option<String>,
    /// Port under which clients reach this relay, if not the one it listens on
    #[arg(long, env = "VELAR_RELAY_PUBLIC_PORT", value_name = "PORT")]
    pub public_port: Option<u16>,
    /// What to log; no level shows an address, a mailbox or a token
    #[arg(long, env = "VELAR_RELAY_LOG", value_name = "LEVEL")]
    pub log: Option<LogLevel>,
    /// Whether the kernel may cut packets (turn off for network cards that fail at it)
    #[arg(long, env = "VELAR_RELAY_GSO", value_name = "BOOL")]
    pub gso: Option<bool>,
    /// Threads that serve connections
    #[arg(long, env = "VELAR_RELAY_WORKERS", value_name = "N")]
    pub workers: Option<usize>,
    /// Limits.
    #[command(flatten)]
    pub limits: LimitFlags,
}

const ENVIRONMENT: &[&str] = &[
    "VELAR_RELAY_CONFIG",
    "VELAR_RELAY_DATA",
    "VELAR_RELAY_LISTEN",
    "VELAR_RELAY_HOST",
    "VELAR_RELAY_PUBLIC_PORT",
    "VELAR_RELAY_LOG",
    "VELAR_RELAY_GSO",
    "VELAR_RELAY_WORKERS",
];

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No address can be made with it.
    #[error(
        "{0:?} cannot be the host of an address; give a name or an address without scheme, or up to four separated by commas"
    )]
    Host(String),
    /// A file that was named is not there, or cannot be read.
    #[error("configuration file {} cannot be read: {source}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not TOML of the expected form: unknown key, wrong type.
    #[error("configuration file {}: {message}", .path.display())]
    Form {
        /// Which.
        path: PathBuf,
        /// Where and what, with the line.
        message: String,
    },
    /// An environment variable that looks like ours and is none.
    #[error("environment variable {0} means nothing to velar-relay; correct its name or unset it")]
    UnknownVariable(String),
    /// Nothing says where the data are.
    #[error("no data folder; name one with --data, VELAR_RELAY_DATA or `data` in the file")]
    NoData,
    /// A limit below what can work.
    #[error("limit {name} must be at least {minimum}")]
    Limit {
        /// Which.
        name: &'static str,
        /// Its least value.
        minimum: u64,
    },
    /// A limit above what clients count on.
    #[error(
        "limit {name} must be at most {maximum}: clients delete the keys that open older envelopes"
    )]
    LimitAbove {
        /// Which.
        name: &'static str,
        /// Its greatest value.
        maximum: u64,
    },
    /// No threads, or absurdly many.
    #[error("workers must be 1 to 64")]
    Workers,
}

/// The defaults, each with its reason.
impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("/var/lib/velar-relay"),
            // The port of HTTP/3, which this looks like from outside; IPv6 and, on Linux, IPv4 too.
            listen: SocketAddr::from((Ipv6Addr::UNSPECIFIED, 443)),
            host: None,
            public_port: None,
            log: LogLevel::Info,
            gso: true,
            // Small machines are the rule, and the disk is the limit before the second core is.
            workers: 2,
            limits: Limits::default(),
        }
    }
}

impl Config {
    /// From flags, environment and file, checked.
    ///
    /// # Errors
    /// [`ConfigError`]: says what to correct.
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy();
            let known = |known: &&&str| **known == name;
            if name.starts_with(PREFIX)
                && !ENVIRONMENT.iter().chain(LimitFlags::ENVIRONMENT).any(|it| known(&it))
            {
                return Err(ConfigError::UnknownVariable(name.into_owned()));
            }
        }
        let file = match (&flags.config, &flags.data) {
            (Some(path), _) => File::read(path)?,
            (None, Some(data)) if data.join(FILE_NAME).exists() => {
                File::read(&data.join(FILE_NAME))?
            }
            _ => File::default(),
        };
        Self::merged(flags, file)
    }

    fn merged(flags: &Flags, file: File) -> Result<Self, ConfigError> {
        let default = Self::default();
        let limits = flags.limits.over(file.limits);
        if let Some((name, minimum)) = limits.below_minimum() {
            return Err(ConfigError::Limit { name, minimum });
        }
        if let Some((name, maximum)) = limits.above_maximum() {
            return Err(ConfigError::LimitAbove { name, maximum });
        }
        let host = flags.host.clone().or(file.host);
        let host = host
            .map(|host| Hosts::parse(&host).map_err(|_| ConfigError::Host(host)))
            .transpose()?;
        let workers = flags.workers.or(file.workers).unwrap_or(default.workers);
        if !(1..=64).contains(&workers) {
            return Err(ConfigError::Workers);
        }
        Ok(Self {
            data: flags.data.clone().or(file.data).ok_or(ConfigError::NoData)?,
            listen: flags.listen.or(file.listen).unwrap_or(default.listen),
            host,
            public_port: flags.public_port.or(file.public_port),
            log: flags.log.or(file.log).unwrap_or(default.log),
            gso: flags.gso.or(file.gso).unwrap_or(default.gso),
            workers,
            limits,
        })
    }
}

impl File {
    fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        toml::from_str(&text).map_err(|error| ConfigError::Form {
            path: path.to_owned(),
            message: error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, flags: Flags) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relay.toml");
        fs::write(&path, text).unwrap();
        Config::load(&Flags { config: Some(path), ..flags })
    }

    #[test]
    fn the_shipped_example_is_valid_and_says_the_defaults() {
        let text = include_str!("../../deploy/relay.example.toml");
        let config = Config::merged(&Flags::default(), toml::from_str(text).unwrap()).unwrap();
        let default = Config::default();
        assert_eq!(config.limits, default.limits);
        assert_eq!((config.data, config.listen), (default.data, default.listen));
        assert_eq!((config.gso, config.workers), (default.gso, default.workers));
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_line() {
        for text in ["data = '/d'\nlisten_on = '::'", "data = '/d'\n[limits]\nenvelope_age = 3"] {
            let error = load(text, Flags::default()).unwrap_err();
            assert!(matches!(&error, ConfigError::Form { .. }), "{error}");
            assert!(error.to_string().contains("unknown field"), "{error}");
        }
    }

    #[test]
    fn a_file_that_was_named_and_is_not_there_is_an_error() {
        let flags = Flags { config: Some("/nowhere/relay.toml".into()), ..Flags::default() };
        assert!(matches!(Config::load(&flags), Err(ConfigError::Read { .. })));
    }

    #[test]
    fn flags_win_over_the_file() {
        let limits = LimitFlags { envelope_age_s: Some(2), ..LimitFlags::default() };
        let flags = Flags { host: Some("flag".into()), limits, ..Flags::default() };
        let text = "data = '/d'\nhost = 'file'\n[limits]\nenvelope_age_s = 3\nholds = 4";
        let config = load(text, flags).unwrap();
        assert_eq!(config.host, Hosts::parse("flag").ok());
        assert_eq!((config.limits.envelope_age_s, config.limits.holds), (2, 4));
    }

    #[test]
    fn limits_that_cannot_work_are_refused() {
        let error = load("data = '/d'\n[limits]\nconnections = 0", Flags::default()).unwrap_err();
        assert!(matches!(error, ConfigError::Limit { name: "connections", minimum: 1 }));
    }

    #[test]
    fn what_clients_keep_keys_for_is_not_outlived() {
        for (name, most) in [("envelope_age_s", 14 * 86_400), ("hold_length_s", 30 * 86_400_u32)] {
            let text = |value| format!("data = '/d'\n[limits]\n{name} = {value}");
            load(&text(most), Flags::default()).unwrap();
            let error = load(&text(most + 1), Flags::default()).unwrap_err();
            let ConfigError::LimitAbove { name: found, maximum } = error else { panic!("{error}") };
            assert_eq!((found, maximum), (name, u64::from(most)));
            assert!(error.to_string().contains(&most.to_string()), "{error}");
        }
        let limits = LimitFlags { hold_length_s: Some(u32::MAX), ..LimitFlags::default() };
        let error = load("data = '/d'", Flags { limits, ..Flags::default() }).unwrap_err();
        assert!(matches!(error, ConfigError::LimitAbove { name: "hold_length_s", .. }));
    }
}
