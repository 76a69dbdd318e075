//! The command line: every command, argument and option of `velar`, in one place.
//!
//! Commands, options and enumerated values are the same in every language; Spanish names are accepted
//! beside the English ones. What `--help` says comes from `locales/` (see [`localise`]).

mod forgiving;
mod localise;
mod usage;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use velar_protocol::wire::RelayAddress;

use crate::failure::Failure;
use crate::text::{Language, Text};

pub use self::forgiving::{Early, early};
pub use self::localise::localise;

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
    #[arg(long, global = true, env = "VELAR_VAULT")]
    pub vault: Option<PathBuf>,
    /// File whose first line is the passphrase.
    #[arg(long, global = true, conflicts_with = "passphrase_fd")]
    pub passphrase_file: Option<PathBuf>,
    /// Open file descriptor to read the passphrase from.
    #[arg(long, global = true)]
    pub passphrase_fd: Option<u32>,
    /// Language of this call; already applied by [`early`].
    #[arg(long, global = true, value_enum, ignore_case = true)]
    pub lang: Option<Language>,
    /// Print data as JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// Filter for technical messages on stderr.
    #[arg(long, global = true, env = "VELAR_LOG")]
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
    Members,
    /// Compare safety numbers.
    #[command(alias = "verificar")]
    Verify(Verify),
    /// Say that one is well.
    #[command(aliases = ["check-in", "ok", "reporte", "reportar", "estoy-bien"])]
    Checkin(Checkin),
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
    /// Write into an alert's log.
    #[command(aliases = ["nota", "anotar"])]
    Note(AlertText),
    /// Say that one is safe, or confirm that another person is.
    #[command(aliases = ["standdown", "a-salvo", "safe"])]
    StandDown(StandDown),
    /// Close an alert.
    #[command(alias = "cerrar")]
    Close(AlertText),
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
    Status,
    /// Completions for a shell.
    #[command(alias = "completado")]
    Completions(Completions),
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
}

/// `velar circle new`
#[derive(Debug, Args)]
pub struct CircleNew {
    /// The circle's name; only its members see it.
    #[arg(long)]
    pub name: String,
    /// One's own name, as the others will see it.
    #[arg(long)]
    pub me: String,
    /// The relay's address with its pin.
    #[arg(long)]
    pub relay: RelayAddress,
    /// File with the token that this relay asks for before it makes a mailbox.
    #[arg(long)]
    pub access_token_file: Option<PathBuf>,
}

/// `velar invite`
#[derive(Debug, Args)]
pub struct Invite {
    /// Roles of who joins; none means defender.
    #[arg(long = "role", value_enum, ignore_case = true)]
    pub roles: Vec<Role>,
    /// Print only the link.
    #[arg(long)]
    pub no_qr: bool,
}

/// `velar join`: with a link, with the words, or without both to go on where it stopped.
#[derive(Debug, Args)]
pub struct Join {
    /// The invitation's link.
    #[arg(conflicts_with_all = ["link_file", "words"])]
    pub link: Option<String>,
    /// File with the link (`-`: standard input), which keeps it out of the shell's history.
    #[arg(long, conflicts_with = "words")]
    pub link_file: Option<PathBuf>,
    /// One's own name, as the others will see it.
    #[arg(long)]
    pub me: Option<String>,
    /// The four words heard from the coordinator; see [`spoken`].
    #[arg(long, num_args = 1..=4)]
    pub words: Vec<String>,
}

/// `velar approve`
#[derive(Debug, Args)]
pub struct Approve {
    /// The four words heard from who joins; see [`spoken`].
    #[arg(long, num_args = 1..=4)]
    pub words: Vec<String>,
    /// Another name than the one the person chose.
    #[arg(long)]
    pub name: Option<String>,
    /// Other roles than those of the invitation.
    #[arg(long = "role", value_enum, ignore_case = true)]
    pub roles: Vec<Role>,
    /// Turn the request down and void the invitation.
    #[arg(long, conflicts_with_all = ["words", "name", "roles"])]
    pub reject: bool,
}

/// `velar verify`
#[derive(Debug, Args)]
pub struct Verify {
    /// Short id or name; none means everyone.
    pub member: Option<String>,
    /// Remember that the numbers were compared and are the same.
    #[arg(long, requires = "member")]
    pub mark: bool,
}

/// `velar checkin`
#[derive(Debug, Args)]
pub struct Checkin {
    /// A few words for the circle.
    #[arg(long)]
    pub note: Option<String>,
    /// How one is.
    #[arg(long, value_enum, ignore_case = true)]
    pub mood: Option<Mood>,
    /// The battery may run out.
    #[arg(long)]
    pub low_battery: bool,
    /// There will be no signal for a while.
    #[arg(long)]
    pub no_signal: bool,
    /// When the next check-in will come.
    #[arg(long, value_parser = minutes)]
    pub next: Option<Duration>,
    /// How long to wait for receipts.
    #[arg(long, value_parser = seconds)]
    pub wait: Option<Duration>,
}

/// `velar panic`
#[derive(Debug, Args)]
pub struct Panic {
    /// What is happening; quotes are not needed.
    pub text: Vec<String>,
    /// How long to wait for receipts.
    #[arg(long, value_parser = seconds)]
    pub wait: Option<Duration>,
}

/// `velar alerts`
#[derive(Debug, Args)]
pub struct Alerts {
    /// Closed ones too.
    #[arg(long)]
    pub all: bool,
}

/// One alert.
#[derive(Debug, Args)]
pub struct WhichAlert {
    /// Short id, or the name of who raised it; none means the only open one.
    pub alert: Option<String>,
}

/// A text for an alert. The alert may also be the first word of the text: see [`alert_and_text`].
#[derive(Debug, Args)]
pub struct AlertText {
    /// Short id, or the name of who raised it; none means the only open one.
    #[arg(long)]
    pub alert: Option<String>,
    /// The text; quotes are not needed.
    pub text: Vec<String>,
}

/// `velar stand-down`
#[derive(Debug, Args)]
pub struct StandDown {
    /// Which alert, and a text.
    #[command(flatten)]
    pub what: AlertText,
    /// Confirm that the person who asked is safe.
    #[arg(long, alias = "confirmar")]
    pub confirm: bool,
}

/// `velar say`
#[derive(Debug, Args)]
pub struct Say {
    /// The message; without one it is read from standard input. Quotes are not needed.
    pub text: Vec<String>,
    /// Short id or name; none means the whole circle.
    #[arg(long)]
    pub to: Vec<String>,
}

/// `velar inbox`
#[derive(Debug, Args)]
pub struct Inbox {
    /// Those already read, too.
    #[arg(long)]
    pub all: bool,
    /// Only those after this number.
    #[arg(long)]
    pub after: Option<u64>,
}

/// `velar watch`
#[derive(Debug, Args)]
pub struct Watch {
    /// Line by line, for screen readers, pipes and logs.
    #[arg(long)]
    pub plain: bool,
    /// Command to run for each alert that rings.
    #[arg(long)]
    pub exec: Option<String>,
}

/// `velar completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// For which shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// What a member does in the circle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Is at risk and checks in.
    #[value(aliases = ["defensora", "defensor", "defensa"])]
    Defender,
    /// Keeps watch and answers alerts.
    #[value(aliases = ["acompañante", "acompanante"])]
    Accompanier,
    /// Invites and approves.
    #[value(aliases = ["coordinadora", "coordinador", "coordinacion", "coordinación"])]
    Coordinator,
}

/// How somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mood {
    /// Well.
    #[value(alias = "bien")]
    Well,
    /// Tired.
    #[value(aliases = ["cansada", "cansado", "cansancio"])]
    Tired,
    /// Not well.
    #[value(alias = "mal")]
    Unwell,
    /// Afraid.
    #[value(alias = "miedo")]
    Afraid,
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
/// a `panic` for a mistyped option: what is not understood becomes part of its text.
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
    match first.kind() {
        clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion => {
            return Err(Stop::Show(Box::new(first)));
        }
        clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return Err(Stop::NoCommand(Box::new(first)));
        }
        _ => {}
    }
    for args in forgiving::panic_at_any_rate(&command, &args) {
        if let Ok(cli) = attempt(&command, &args) {
            return Ok(cli);
        }
    }
    Err(Stop::Usage(usage::explain(&first, text)))
}

fn attempt(command: &clap::Command, args: &[OsString]) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&command.clone().try_get_matches_from(args)?)
}

/// Takes the alert off the front of a text if its first word is one: `velar note 3f2a text`.
/// `is_alert` says whether a word names an open alert. An alert given by `--alert` always counts.
pub fn alert_and_text(
    what: &AlertText,
    is_alert: impl FnOnce(&str) -> bool,
) -> (Option<String>, String) {
    if what.alert.is_some() {
        return (what.alert.clone(), what.text.join(" "));
    }
    match what.text.split_first() {
        Some((first, rest)) if is_alert(first) => (Some(first.clone()), rest.join(" ")),
        _ => (None, what.text.join(" ")),
    }
}

/// The words as they are compared: lower case, one space between them, whatever separated them.
/// `None` if there are none.
#[must_use]
pub fn spoken(words: &[String]) -> Option<String> {
    let separator = |c: char| c.is_whitespace() || matches!(c, ',' | '-' | '.' | ';' | '·');
    let words: Vec<String> = words
        .iter()
        .flat_map(|word| word.split(separator))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

impl Global {
    /// Where the vault is: `--vault` or `VELAR_VAULT`, else `$XDG_DATA_HOME/velar`, else
    /// `~/.local/share/velar`. `None` if there is no home either. `variable` reads the environment.
    #[must_use]
    pub fn vault_dir(&self, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        if let Some(vault) = &self.vault {
            return Some(vault.clone());
        }
        // The XDG specification has relative paths ignored.
        let absolute =
            |name| variable(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
        absolute("XDG_DATA_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
            .map(|data| data.join("velar"))
    }
}

/// `90`, `90m`, `2h`, `1h30`: a bare number is minutes.
fn minutes(text: &str) -> Result<Duration, String> {
    forgiving::duration(text, 60).ok_or_else(|| "90, 90m, 2h, 1h30".to_owned())
}

/// `30`, `30s`, `2m`: a bare number is seconds.
fn seconds(text: &str) -> Result<Duration, String> {
    forgiving::duration(text, 1).ok_or_else(|| "30, 30s, 2m".to_owned())
}

#[cfg(test)]
mod tests;
