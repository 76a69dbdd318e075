//! What `velar log`, `wipe`, `backup` and `restore` take.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::log::Known;

/// `velar log`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Log {
    /// Short id, or the name of whom it is about; none means all.
    pub alert: Option<String>,
    /// What to do with the log.
    #[command(subcommand)]
    pub command: Option<LogCommand>,
}

/// `velar log …`
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Write an alert's log to files.
    #[command(alias = "exportar")]
    Export(LogExport),
    /// Check the log, or an exported file.
    #[command(aliases = ["verificar", "comprobar", "check"])]
    Verify(LogVerify),
}

/// `velar log export`
#[derive(Debug, Args)]
pub struct LogExport {
    /// Short id, or the name of whom it is about; none means the only one.
    pub alert: Option<String>,
    /// A folder, or the name of the file.
    #[arg(long, alias = "en")]
    pub out: PathBuf,
    /// Which formats; none means what the name of the file says, and both in a folder.
    #[arg(long = "format", alias = "formato", value_enum, ignore_case = true)]
    pub formats: Vec<LogFormat>,
    /// Who agreed to what; required, but said in better words than the parser's.
    #[arg(long, aliases = ["consentimiento", "acuerdo"])]
    pub consent: Option<String>,
    /// Names to leave out, or `all`.
    #[arg(long, aliases = ["ocultar", "omitir"])]
    pub redact: Vec<String>,
}

/// A format of an exported log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Markdown, for people.
    #[value(alias = "markdown")]
    Md,
    /// JSON, for programs and for checking.
    Json,
}

/// `velar log verify`
#[derive(Debug, Args)]
pub struct LogVerify {
    /// An exported file; none means this device's own log.
    pub file: Option<PathBuf>,
    /// The head that was noted before.
    #[arg(long, aliases = ["cabeza", "final"], value_parser = known)]
    pub head: Option<Known>,
}

/// `velar wipe`
#[derive(Debug, Args)]
pub struct Wipe {
    /// Do not ask.
    #[arg(long, short = 'y', aliases = ["si", "sí"])]
    pub yes: bool,
}

/// `velar backup`
#[derive(Debug, Args)]
pub struct Backup {
    /// The file; it must not exist.
    pub file: PathBuf,
    /// File with the backup's own passphrase.
    #[arg(long)]
    pub backup_passphrase_file: Option<PathBuf>,
}

/// `velar restore`
#[derive(Debug, Args)]
pub struct Restore {
    /// The file.
    pub file: PathBuf,
    /// File with the backup's own passphrase.
    #[arg(long)]
    pub backup_passphrase_file: Option<PathBuf>,
    /// Only show what is in it.
    #[arg(long, aliases = ["mostrar", "ver"])]
    pub show: bool,
}

fn known(text: &str) -> Result<Known, String> {
    text.parse().map_err(|form: &str| form.to_owned())
}
