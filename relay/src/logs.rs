//! Logs without addresses, mailboxes or tokens, at every level. The libraries below log addresses
//! (quinn, rustls): only this crate's own lines pass, and sled's errors.

use std::io;
use std::panic;

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::config::LogLevel;

/// Sends logs to stderr, once per process.
///
/// # Errors
/// If something else has taken the logs of this process.
pub fn start(level: LogLevel) -> Result<(), TryInitError> {
    let filter = Targets::new().with_target("velar_relay", LevelFilter::from(level));
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
    tracing_subscriber::registry().with(filter).with(lines).try_init()?;
    // A failure of sled's own flusher is seen nowhere else.
    if log::set_logger(&EngineErrors).is_ok() {
        log::set_max_level(log::LevelFilter::Error);
    }
    // A message of a panic could hold anything; its place is enough to find it.
    panic::set_hook(Box::new(|panic| match panic.location() {
        Some(place) => tracing::error!(
            file = place.file(),
            line = place.line(),
            "a part stopped; this is a defect"
        ),
        None => tracing::error!("a part stopped; this is a defect"),
    }));
    Ok(())
}

struct EngineErrors;

impl log::Log for EngineErrors {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() == log::Level::Error && metadata.target().starts_with("sled")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            tracing::error!(target: "velar_relay::store", "sled: {}", record.args());
        }
    }

    fn flush(&self) {}
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Off => Self::OFF,
            LogLevel::Error => Level::ERROR.into(),
            LogLevel::Warn => Level::WARN.into(),
            LogLevel::Info => Level::INFO.into(),
            LogLevel::Debug => Level::DEBUG.into(),
            LogLevel::Trace => Level::TRACE.into(),
        }
    }
}
