//! The command line: every command, argument and option of `velar`, in one place.
//!
//! Commands, options and enumerated values are the same in every language; Spanish names are accepted
//! beside the English ones. What `--help` says comes from `locales/` (see [`localise`]).

mod arguments;
mod forgiving;
mod localise;
mod log;
mod plan;
mod usage;
mod watching;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::failure::Failure;
use crate::passphrase::PassphraseSource;
use crate::text::{Language, Text};

pub use self::arguments::{
    AlertText, Alerts, Approve, Checkin, CircleNew, Close, Completions, Duress, Inbox, Invite,
    Join, Link, Mood, Panic, RelayAdd, RelayAnswer, RelayLeave, RelayOnce, RelayToken, Role, Say,
    StandDown, Verify, Watch, WhichAlert, alert_and_text, spoken,
};
pub use self::forgiving::{Early, early};
pub use self::localise::localise;
pub use self::log::{Backup, Log, LogCommand, LogExport, LogFormat, LogVerify, Restore, Wipe};
pub use self::plan::{Plan, PlanCommand, PlanSaid, PlanSet, PlanSilence, When};
pub use self::watching::{
    CircleAgree, Contacts, ContactsAdd, ContactsCommand, ContactsRemove, Drill, HandOver, Members,
    MembersCommand, MembersNewToken, MembersRemove, Status,
};

/// One call of `velar`, understood.
#[derive(Debug, Parser)]
#[command(name = "velar", version, disable_help_flag = true, disable_help_subcommand = true)]
#[command(
    disable_version_flag = true,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// Options that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes, before or after its name.
#[derive(Debug, Args)]
pub struct Global {
    /// Folder with the keys and messages; see [`Global::vault_dir`] for the default.
    #[arg(long, global = true)]
    pub vault: Option<PathBuf>,
    /// File whose first line is the passphrase.
    #[arg(long, global = true, conflicts_with = "passphrase_fd")]
    pub passphrase_file: Option<PathBuf>,
    /// Open file descriptor to read the passphrase from.
    #[arg(long, global = true, value_parser = clap::value_parser!(i32).range(0..))]
    pub passphrase_fd: Option<i32>,
    /// Language of this call; already applied by [`early`].
    #[arg(long, global = true, value_enum, ignore_case = true)]
    pub lang: Option<Language>,
    /// Print data as JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// Filter for technical messages on stderr; otherwise `VELAR_LOG`, see [`Global::log_filter`].
    #[arg(long, global = true)]
    pub log: Option<String>,
    /// Show the help of the command.
    #[arg(short = 'h', long, alias = "ayuda", global = true, action = ArgAction::Help)]
    help: Option<bool>,
    /// Show the version.
    #[arg(short = 'V', long, global = true, action = ArgAction::Version)]
    version: Option<bool>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a vault.
    #[command(alias = "iniciar")]
    Init,
    /// Form a circle, or look at it.
    #[command(subcommand, aliases = ["circulo", "círculo"])]
    Circle(Circle),
    /// Make an invitation.
    #[command(alias = "invitar")]
    Invite(Invite),
    /// Answer an invitation.
    #[command(aliases = ["unirme", "entrar"])]
    Join(Join),
    /// Let in who answered an invitation.
    #[command(alias = "aprobar")]
    Approve(Approve),
    /// Who is in the circle.
    #[command(aliases = ["miembros", "integrantes"])]
    Members(Members),
    /// Compare safety numbers.
    #[command(alias = "verificar")]
    Verify(Verify),
    /// Say that one is well.
    #[command(aliases = ["check-in", "ok", "reporte", "reportar", "estoy-bien"])]
    Checkin(Checkin),
    /// The agreed check-ins.
    #[command(aliases = ["acuerdo", "itinerario"])]
    Plan(Plan),
    /// Raise the alarm.
    #[command(aliases = ["panico", "pánico", "sos", "auxilio", "alarma", "alarm"])]
    Panic(Panic),
    /// Open alerts and their state for each person.
    #[command(aliases = ["alertas", "alert", "alerta"])]
    Alerts(Alerts),
    /// Take an alert.
    #[command(aliases = ["tomar", "take"])]
    Claim(WhichAlert),
    /// Give back an alert one has taken.
    #[command(alias = "soltar")]
    Release(WhichAlert),
    /// Ask somebody else to take an alert one has taken.
    #[command(aliases = ["handover", "entregar", "pasar"])]
    HandOver(HandOver),
    /// Write into an alert's log.
    #[command(aliases = ["nota", "anotar"])]
    Note(AlertText),
    /// Say that one is safe, or confirm that another person is.
    #[command(aliases = ["standdown", "a-salvo", "safe"])]
    StandDown(StandDown),
    /// Close an alert.
    #[command(alias = "cerrar")]
    Close(Close),
    /// Send a message to the circle.
    #[command(alias = "decir")]
    Say(Say),
    /// Read messages.
    #[command(aliases = ["mensajes", "messages", "buzon", "buzón"])]
    Inbox(Inbox),
    /// Keep watch: stay connected and show what comes in.
    #[command(aliases = ["vigilar", "guardia"])]
    Watch(Watch),
    /// The state of this device and of what it has sent.
    #[command(alias = "estado")]
    Status(Status),
    /// Practise: an alarm that says to everybody that it is a drill; or show how one went.
    #[command(aliases = ["simulacro", "ensayo"])]
    Drill(Drill),
    /// What happened in alerts.
    #[command(aliases = ["bitacora", "bitácora"])]
    Log(Log),
    /// Whom to turn to outside the circle.
    #[command(aliases = ["contactos", "contact", "contacto"])]
    Contacts(Contacts),
    /// The relays through which this device is reached.
    #[command(aliases = ["servidores", "relay", "servidor", "relevos", "relevo"])]
    Relays(Relays),
    /// A second passphrase, for when somebody makes one unlock.
    #[command(aliases = ["coaccion", "coacción"])]
    Duress(Duress),
    /// Destroy the vault.
    #[command(aliases = ["borrar", "destruir"])]
    Wipe(Wipe),
    /// Write a backup.
    #[command(aliases = ["respaldo", "respaldar"])]
    Backup(Backup),
    /// Take over a backup.
    #[command(aliases = ["restaurar", "recuperar"])]
    Restore(Restore),
    /// Completions for a shell.
    #[command(alias = "completado")]
    Completions(Completions),
}

/// `velar relays`
#[derive(Debug, Args)]
pub struct Relays {
    /// What to do; nothing means to show them.
    #[command(subcommand)]
    pub command: Option<RelaysCommand>,
}

/// `velar relays …`
#[derive(Debug, Subcommand)]
pub enum RelaysCommand {
    /// Those in use.
    #[command(aliases = ["ver", "mostrar", "lista"])]
    List,
    /// Use one more.
    #[command(aliases = ["agregar", "añadir"])]
    Add(RelayAdd),
    /// Give an access token for one.
    #[command(aliases = ["codigo", "código"])]
    Token(RelayToken),
    /// Make leave for one mailbox at one.
    #[command(aliases = ["una-vez", "permiso"])]
    Once(RelayOnce),
    /// Use one no longer.
    #[command(aliases = ["dejar", "quitar", "remove"])]
    Leave(RelayLeave),
    /// Send to a relay that a member names.
    #[command(aliases = ["permitir", "aceptar"])]
    Allow(RelayAnswer),
    /// Never send to a relay that a member names.
    #[command(aliases = ["negar", "rechazar"])]
    Refuse(RelayAnswer),
}

/// `velar circle …`
#[derive(Debug, Subcommand)]
pub enum Circle {
    /// Form a new circle.
    #[command(aliases = ["nuevo", "crear"])]
    New(CircleNew),
    /// Show the circle this vault belongs to.
    #[command(aliases = ["ver", "mostrar"])]
    Show,
    /// What the circle has agreed.
    #[command(aliases = ["acordar", "acuerdo", "agreement"])]
    Agree(CircleAgree),
}

/// Why a command line was not carried out.
#[derive(Debug)]
pub enum Stop {
    /// Help or version was asked for: print it (`error.print()`) and exit with 0.
    Show(Box<clap::Error>),
    /// Only `velar`: print its help (`error.print()`, to stderr) and exit with 2.
    NoCommand(Box<clap::Error>),
    /// Not understood.
    Usage(Failure),
}

/// Understands a command line. `args` begins with the program's name.
///
/// Forgiving where a mistake can be understood (upper case, accents, Spanish names), and never refuses
/// a `panic` for a mistyped option: one that does not fit is left out, an unknown one becomes part of its text.
///
/// # Errors
/// [`Stop`], with texts in the language of `text`.
pub fn parse(args: &[OsString], text: &Text) -> Result<Cli, Stop> {
    let command = localise(Cli::command(), text);
    let args = forgiving::normalise(&command, args);
    let first = match attempt(&command, &args) {
        Ok(cli) => return Ok(cli),
        Err(error) => error,
    };
    let shows = match first.kind() {
        clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion => true,
        clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return Err(Stop::NoCommand(Box::new(first)));
        }
        _ => false,
    };
    // `panic -help me` asks for help of another kind.
    if shows && forgiving::asks_for_help(&command, &args) {
        return Err(Stop::Show(Box::new(first)));
    }
    let fits = |args: &[OsString]| attempt(&command, args).is_ok();
    if let Some(Ok(cli)) =
        forgiving::panic_at_any_rate(&command, &args, fits).map(|args| attempt(&command, &args))
    {
        return Ok(cli);
    }
    Err(if shows { Stop::Show(Box::new(first)) } else { Stop::Usage(usage::explain(&first, text)) })
}

/// Writes the completions of `shell` for `velar`, with descriptions in the language of `text`.
pub fn completions(shell: clap_complete::Shell, text: &Text, out: &mut impl Write) {
    clap_complete::generate(shell, &mut localise(Cli::command(), text), "velar", out);
}

fn attempt(command: &clap::Command, args: &[OsString]) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&command.clone().try_get_matches_from(args)?)
}

impl Global {
    /// Where the passphrase comes from.
    #[must_use]
    pub fn passphrase(&self) -> PassphraseSource {
        match (&self.passphrase_file, self.passphrase_fd) {
            (Some(path), _) => PassphraseSource::File(path.clone()),
            (None, Some(descriptor)) => PassphraseSource::Descriptor(descriptor),
            (None, None) => PassphraseSource::Prompt,
        }
    }

    /// Where the vault is: `--vault` or `VELAR_VAULT`, else `$XDG_DATA_HOME/velar`, else
    /// `~/.local/share/velar`. `None` if there is no home either. `variable` reads the environment.
    #[must_use]
    pub fn vault_dir(&self, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        let said = || variable("VELAR_VAULT").filter(|vault| !vault.is_empty()).map(PathBuf::from);
        if let Some(vault) = self.vault.clone().or_else(said) {
            return Some(vault);
        }
        // The XDG specification has relative paths ignored.
        let absolute =
            |name| variable(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
        absolute("XDG_DATA_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
            .map(|data| data.join("velar"))
    }
}

/// Which technical messages are shown, and what was asked for that is not understood.
#[derive(Debug)]
pub struct LogFilter {
    /// What was asked for; errors only, if nothing was or it is not understood.
    pub filter: EnvFilter,
    /// What is not understood.
    pub bad: Option<String>,
    /// Whether that was typed, not taken from the environment.
    pub typed: bool,
}

impl Global {
    /// `--log`, else `VELAR_LOG`. `variable` reads the environment.
    #[must_use]
    pub fn log_filter(&self, variable: impl Fn(&str) -> Option<OsString>) -> LogFilter {
        let typed = self.log.is_some();
        let said = || variable("VELAR_LOG").map(|said| said.to_string_lossy().into_owned());
        let asked = self.log.clone().or_else(said).filter(|asked| typed || !asked.is_empty());
        let filter = asked.as_ref().and_then(|asked| EnvFilter::try_new(asked).ok());
        let bad = asked.filter(|_| filter.is_none());
        LogFilter { filter: filter.unwrap_or_else(|| EnvFilter::new("error")), bad, typed }
    }
}

#[cfg(test)]
mod tests;
