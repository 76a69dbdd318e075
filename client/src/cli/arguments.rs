//! What each command takes.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use velar_protocol::circle::message::Condition;
use velar_protocol::circle::roster;
use velar_protocol::wire::RelayAddress;
use zeroize::Zeroizing;

use super::forgiving::duration;

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
    pub link: Option<Link>,
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

/// An invitation's link as typed. It holds a secret: it is not shown by `Debug`, and wiped.
#[derive(Clone)]
pub struct Link(Zeroizing<String>);

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
    /// How long to go on at most.
    #[arg(long, value_parser = seconds)]
    pub wait: Option<Duration>,
    /// Remove the panic kit from this device; raises no alarm. With a text it is an alarm all the same.
    #[arg(long, alias = "desarmar")]
    pub disarm: bool,
    /// Make a panic kit again after `--disarm`; raises no alarm.
    #[arg(long, alias = "armar")]
    pub arm: bool,
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
    /// The text; quotes are not needed.
    pub text: Vec<String>,
    /// Short id, or the name of who raised it; none means the only open one.
    #[arg(long)]
    pub alert: Option<String>,
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

/// `velar close`
#[derive(Debug, Args)]
pub struct Close {
    /// Which alert, and a text.
    #[command(flatten)]
    pub what: AlertText,
    /// Also if nobody has confirmed that the person is safe.
    #[arg(long, alias = "sin-confirmar")]
    pub unconfirmed: bool,
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
    /// Not on shift: the others are not told that this terminal is watched.
    #[arg(long, alias = "sin-turno")]
    pub off_shift: bool,
}

/// `velar relays add`
#[derive(Debug, Args)]
pub struct RelayAdd {
    /// The relay's address with its pin.
    pub relay: RelayAddress,
    /// File with the token that this relay asks for before it makes a mailbox.
    #[arg(long)]
    pub access_token_file: Option<PathBuf>,
}

/// `velar relays token`
#[derive(Debug, Args)]
pub struct RelayToken {
    /// Its host, `host:port`, or whole address.
    pub relay: String,
    /// File with the access token.
    #[arg(long)]
    pub access_token_file: PathBuf,
}

/// `velar relays once`
#[derive(Debug, Args)]
pub struct RelayOnce {
    /// Its host, `host:port`, or whole address.
    pub relay: String,
}

/// `velar relays leave`
#[derive(Debug, Args)]
pub struct RelayLeave {
    /// Its host, `host:port`, or whole address.
    pub relay: String,
}

/// `velar relays allow`, `velar relays refuse`
#[derive(Debug, Args)]
pub struct RelayAnswer {
    /// Its host, `host:port`, or whole address.
    pub relay: String,
}

/// `velar duress`
#[derive(Debug, Args)]
pub struct Duress {
    /// File whose first line is the second passphrase.
    #[arg(long, conflicts_with_all = ["second_fd", "remove"])]
    pub second_file: Option<PathBuf>,
    /// Open file descriptor to read the second passphrase from.
    #[arg(long, value_parser = clap::value_parser!(i32).range(0..), conflicts_with = "remove")]
    pub second_fd: Option<i32>,
    /// From now on only the passphrase in use opens the vault.
    #[arg(long, alias = "quitar")]
    pub remove: bool,
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

impl From<Role> for roster::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Defender => Self::Defender,
            Role::Accompanier => Self::Accompanier,
            Role::Coordinator => Self::Coordinator,
        }
    }
}

impl From<Mood> for Condition {
    fn from(mood: Mood) -> Self {
        match mood {
            Mood::Well => Self::Well,
            Mood::Tired => Self::Tired,
            Mood::Unwell => Self::Unwell,
            Mood::Afraid => Self::Afraid,
        }
    }
}

impl Link {
    /// The text, for parsing.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Link {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link(..)")
    }
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

/// `90`, `90m`, `2h`, `1h30`: a bare number is minutes.
pub(super) fn minutes(text: &str) -> Result<Duration, String> {
    duration(text, 60).ok_or_else(|| "90, 90m, 2h, 1h30".to_owned())
}

/// `30`, `30s`, `2m`: a bare number is seconds.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    duration(text, 1).ok_or_else(|| "30, 30s, 2m".to_owned())
}
