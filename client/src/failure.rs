//! What went wrong, for the person at the keyboard: what happened, and what to do next.

mod device;
mod log;
mod net;
mod reasons;

use std::fmt;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::json;

use crate::terminal::clean_block;

/// As wide as what begins a message: `velar: `.
const INDENT: &str = "       ";

/// How `velar` ends. `EXIT-CODES.md` says the same, held to it by a test. Numbers never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Exit {
    /// Done, and received wherever the command waits for that.
    Done = 0,
    /// It did not work for a reason without a code of its own.
    Failed = 1,
    /// The command line was not understood.
    Usage = 2,
    /// Kept on this device, not yet at a relay; it goes out only while velar runs and reaches one.
    Kept = 3,
    /// At the relay, but nobody's terminal has received it yet.
    NotReceived = 4,
    /// The vault stays locked: wrong passphrase, or none given.
    Locked = 5,
    /// There is no such vault, circle, member, alert or invitation.
    NotFound = 6,
    /// A person has to decide or be more precise; nothing was changed.
    NeedsConfirmation = 7,
    /// Not possible in the present state: it exists already, is closed, or is another role's.
    NotNow = 8,
    /// A relay refused, or is not the one its address promises.
    Refused = 9,
    /// The vault or a file of it is damaged.
    Damaged = 10,
    /// Somebody interfered: words that differ, an invitation used twice.
    Suspicious = 11,
    /// Stopped from the keyboard (second Ctrl-C).
    Interrupted = 130,
}

/// A failure in the reader's language.
///
/// Made by [`failure!`], so that a text without advice does not compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    exit: Exit,
    id: &'static str,
    what: String,
    next: String,
}

/// `failure!(text, Exit::NotFound, "error-alert-unknown", alert = name)`.
///
/// The text with that id says what happened, its attribute `next` what to do. Both exist, or it does not
/// compile; `next` may use the same variables.
#[macro_export]
macro_rules! failure {
    ($text:expr, $exit:expr, $id:tt $(, $name:ident = $value:expr)* $(,)?) => {{
        let text: &$crate::text::Text = &$text;
        let variables: ::std::collections::HashMap<&str, ::fluent_bundle::FluentValue<'_>> =
            ::std::collections::HashMap::from([$((stringify!($name), $value.into())),*]);
        // Given one by one, the variables are checked at compile time; given as a map, only the id is.
        let what = ::i18n_embed_fl::fl!(
            text.loader(), $id $(, $name = variables
                .get(stringify!($name)).cloned().unwrap_or(::fluent_bundle::FluentValue::None))*
        );
        let next = ::i18n_embed_fl::fl!(text.loader(), $id, "next", variables);
        $crate::failure::Failure::new($exit, $id, what, next)
    }};
}
pub use self::device::{device_failure, no_access_token};
pub use self::log::log_failure;
pub use self::net::{is_final, net_failure, net_reason};
pub use self::reasons::{address_reason, link_reason, passphrase_failure, reason, vault_failure};
pub use crate::failure;

impl Failure {
    /// From its parts. Prefer [`failure!`].
    #[must_use]
    pub fn new(exit: Exit, id: &'static str, what: String, next: String) -> Self {
        Self { exit, id, what, next }
    }

    /// How the program ends.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// What happened, without what to do.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The stable name of this failure: the id of its text, without `error-`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.id.strip_prefix("error-").unwrap_or(self.id)
    }

    /// One line of JSON: `{"error":{"code":6,"kind":"not-found","name":"…","what":"…","next":"…"}}`.
    #[must_use]
    pub fn json(&self) -> String {
        json!({"error": {
            "code": self.exit.code(),
            "kind": self.exit,
            "name": self.name(),
            "what": self.what,
            "next": self.next,
        }})
        .to_string()
    }

    /// Writes it to `out` (standard error), as JSON or for people. An error of `out` is ignored: there is
    /// nowhere left to report it.
    pub fn print(&self, out: &mut impl Write, json: bool) {
        let written = if json { writeln!(out, "{}", self.json()) } else { writeln!(out, "{self}") };
        written.and_then(|()| out.flush()).unwrap_or_default();
    }
}

/// What happened, and below it what to do. Names and texts of other people in it are made harmless.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = clean_block(&self.what, INDENT);
        write!(f, "velar: {}\n{}", what.trim_start(), clean_block(&self.next, INDENT))
    }
}

impl std::error::Error for Failure {}

impl Exit {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 13] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Kept,
        Self::NotReceived,
        Self::Locked,
        Self::NotFound,
        Self::NeedsConfirmation,
        Self::NotNow,
        Self::Refused,
        Self::Damaged,
        Self::Suspicious,
        Self::Interrupted,
    ];

    /// Its number.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Whether an error of standard output only says that its reader has gone (`velar inbox | head`): end quietly.
#[must_use]
pub fn reader_has_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Language, Text};

    fn sample(language: Language) -> Failure {
        failure!(Text::new(language), Exit::NotFound, "error-alert-unknown", alert = "3f2a")
    }

    #[test]
    fn a_failure_says_what_happened_and_what_to_do_in_both_languages() {
        let [spanish, english] = Language::ALL.map(|language| sample(language).to_string());
        assert_ne!(spanish, english);
        for shown in [spanish, english] {
            let lines: Vec<_> = shown.lines().collect();
            assert!(lines.len() >= 2 && lines[0].contains("3f2a"), "{shown}");
            assert!(lines[1].contains("velar alerts"), "{shown}");
        }
    }

    #[test]
    fn a_name_cannot_steer_the_terminal_or_forge_a_line() {
        let name = "x\u{1b}[2J\nvelar: all is well";
        let text = Text::new(Language::English);
        let shown = failure!(text, Exit::NotFound, "error-member-unknown", name = name).to_string();
        assert!(!shown.contains('\u{1b}'), "{shown}");
        assert_eq!(shown.lines().filter(|line| line.starts_with("velar:")).count(), 1, "{shown}");
    }

    #[test]
    fn the_json_form_is_one_line_with_a_stable_name() {
        let line = sample(Language::English).json();
        assert!(!line.contains('\n'));
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["error"]["code"], 6);
        assert_eq!(value["error"]["kind"], "not-found");
        assert_eq!(value["error"]["name"], "alert-unknown");
        assert!(value["error"]["what"].is_string() && value["error"]["next"].is_string());
    }

    #[test]
    fn every_exit_code_is_documented() {
        let document = include_str!("../EXIT-CODES.md");
        let rows: Vec<String> = document
            .lines()
            .filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit())
            .map(|line| line.split('|').take(3).map(str::trim).collect::<Vec<_>>().join("|"))
            .collect();
        let expected: Vec<String> = Exit::ALL
            .iter()
            .map(|exit| {
                let name = serde_json::to_value(exit).unwrap();
                format!("|{}|`{}`", exit.code(), name.as_str().unwrap())
            })
            .collect();
        assert_eq!(rows, expected);
    }
}
