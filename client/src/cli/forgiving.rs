//! What is understood beyond the letter: people type this in a hurry, in the dark, in upper case.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use clap::Command;

use crate::text::Language;

/// What has to be known before the command line can be read or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Early {
    /// Language of the texts.
    pub language: Language,
    /// Whether `--json` was given.
    pub json: bool,
}

/// Looks for `--lang` and `--json` without refusing anything. `args` begins with the program's name;
/// `variable` reads the environment.
pub fn early(args: &[OsString], variable: impl Fn(&str) -> Option<String>) -> Early {
    let words: Vec<_> = args.iter().skip(1).map(|word| word.to_string_lossy()).collect();
    let options = || words.iter().take_while(|word| *word != "--");
    let mut named = None;
    for (index, word) in options().enumerate() {
        let value = match word.strip_prefix("--lang") {
            Some("") => words.get(index + 1).map(|word| word.to_string()),
            Some(rest) => rest.strip_prefix('=').map(str::to_owned),
            None => None,
        };
        named = named.or(value.as_deref().and_then(Language::named));
    }
    Early {
        language: named.unwrap_or_else(|| Language::of_environment(variable)),
        json: options().any(|word| word == "--json"),
    }
}

/// The command's name in the form the parser knows: lower case (`PANIC`), near misses of the alarm
/// (`pnaic`), and `help COMMAND` as `COMMAND --help`.
pub(super) fn normalise(root: &Command, args: &[OsString]) -> Vec<OsString> {
    let mut args = args.to_vec();
    let Some(at) = command_at(root, &args) else { return args };
    let Some(word) = args.get(at).map(|word| word.to_string_lossy().to_lowercase()) else {
        return args;
    };
    if word == "help" || word == "ayuda" {
        args.remove(at);
        args.push("--help".into());
        return args;
    }
    let known = root.get_subcommands().any(|sub| is_called(sub, &word));
    let name = if known {
        word
    } else if ["panic", "panico", "pánico"].iter().any(|alarm| one_slip_apart(&word, alarm)) {
        "panic".to_owned()
    } else {
        return args;
    };
    if let Some(slot) = args.get_mut(at) {
        *slot = name.into();
    }
    args
}

/// For a `panic` that was not understood, the way in which it can be: with every option that `fits`, in
/// the order in which they were given. One that does not fit is left out with its value; what is no option
/// of `panic` becomes the alert's text. `None` for every other command.
///
/// An alarm must not fail because of a slip of the finger, and nobody must read where a passphrase is.
pub(super) fn panic_at_any_rate(
    root: &Command,
    args: &[OsString],
    fits: impl Fn(&[OsString]) -> bool,
) -> Option<Vec<OsString>> {
    let at = command_at(root, args)?;
    let panic = root.find_subcommand("panic")?;
    if !is_called(panic, &args.get(at)?.to_string_lossy()) {
        return None;
    }
    let mut kept: Vec<OsString> = args.iter().take(1).cloned().collect();
    kept.push("panic".into());
    let mut text: Vec<OsString> = Vec::new();
    let known = |word: &OsStr| option(panic, word).or_else(|| option(root, word));
    let mut only_text = false;
    let mut rest = args.iter().enumerate().skip(1).filter(|(index, _)| *index != at).peekable();
    while let Some((index, word)) = rest.next() {
        if word == "--" && !only_text {
            only_text = index > at;
            continue;
        }
        let Some(option) = known(word).filter(|_| !only_text) else {
            text.push(word.to_string_lossy().into_owned().into());
            continue;
        };
        let mut with = kept.clone();
        with.push(word.clone());
        if option == Takes::Next {
            let value = rest.next_if(|(_, word)| *word != "--" && known(word).is_none());
            with.extend(value.map(|(_, value)| value.clone()));
        }
        if fits(&with) {
            kept = with;
        }
    }
    kept.push("--".into());
    kept.extend(text);
    Some(kept)
}

/// Whether help or the version was asked for in so many words, as an alarm demands: not by letters of a text that
/// happens to begin with a dash. Every other command is asked as the parser understands it.
pub(super) fn asks_for_help(root: &Command, args: &[OsString]) -> bool {
    let alarm = command_at(root, args).and_then(|at| args.get(at)).is_some_and(|word| {
        root.find_subcommand("panic").is_some_and(|panic| is_called(panic, &word.to_string_lossy()))
    });
    let words = ["-h", "--help", "--ayuda", "-V", "--version"];
    let mut options = args.iter().take_while(|word| *word != "--");
    !alarm || options.any(|word| words.iter().any(|known| word == known))
}

/// `90`, `45m`, `2h`, `1h30`, `30s`; a number without unit counts `unit` seconds. At most a year.
pub(super) fn duration(text: &str, unit: u64) -> Option<Duration> {
    const YEAR: u64 = 365 * 86_400;
    let text = text.trim().to_lowercase();
    let mut total: u64 = 0;
    let mut unit = unit;
    let mut digits = String::new();
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let (this, following) = match c {
            'd' => (86_400, 3_600),
            'h' => (3_600, 60),
            'm' => (60, 1),
            's' => (1, 1),
            _ => return None,
        };
        total = total.checked_add(digits.parse::<u64>().ok()?.checked_mul(this)?)?;
        unit = following;
        digits.clear();
    }
    if !digits.is_empty() {
        total = total.checked_add(digits.parse::<u64>().ok()?.checked_mul(unit)?)?;
    }
    (!text.is_empty() && total <= YEAR).then(|| Duration::from_secs(total))
}

/// Where the command's name stands: the first word that is neither an option nor an option's value. A word
/// after an unknown option may be that option's value, if it is no command and another one is.
fn command_at(root: &Command, args: &[OsString]) -> Option<usize> {
    let is_command = |word: &OsStr| {
        let word = word.to_string_lossy().to_lowercase();
        root.get_subcommands().any(|sub| is_called(sub, &word))
    };
    let mut words = args.iter().enumerate().skip(1);
    let (mut first, mut after_unknown) = (None, false);
    while let Some((index, word)) = words.next() {
        let shown = word.to_string_lossy();
        if !shown.starts_with('-') {
            if is_command(word) {
                return Some(index);
            }
            let may_be_value = std::mem::take(&mut after_unknown);
            first = first.or(Some(index));
            if !may_be_value {
                return first;
            }
            continue;
        }
        let option = option(root, word);
        after_unknown = option.is_none() && shown.starts_with("--") && !shown.contains('=');
        if option == Some(Takes::Next) {
            words.next();
        }
    }
    first
}

/// What belongs to an option.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// Nothing more than its own word.
    Nothing,
    /// The next word.
    Next,
}

/// What belongs to a word that is an option of this command.
fn option(command: &Command, word: &OsStr) -> Option<Takes> {
    let word = word.to_string_lossy();
    let (name, inline) = match word.split_once('=') {
        Some((name, _)) => (name, true),
        None => (word.as_ref(), false),
    };
    let name = name.strip_prefix("--")?;
    let is_called = |arg: &&clap::Arg| {
        let aliases = arg.get_all_aliases().unwrap_or_default();
        arg.get_long() == Some(name) || aliases.contains(&name)
    };
    let arg = command.get_arguments().find(is_called)?;
    let next = arg.get_action().takes_values() && !inline;
    Some(if next { Takes::Next } else { Takes::Nothing })
}

fn is_called(command: &Command, word: &str) -> bool {
    command.get_name() == word || command.get_all_aliases().any(|alias| alias == word)
}

/// Whether one letter too many, too few, wrong, or two swapped tell the words apart.
fn one_slip_apart(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (short, long) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    if long.len() - short.len() > 1 {
        return false;
    }
    let head = short.iter().zip(long.iter()).take_while(|(x, y)| x == y).count();
    let (Some(s), Some(l)) = (short.get(head..), long.get(head..)) else { return false };
    if short.len() < long.len() {
        return l.get(1..) == Some(s);
    }
    match (s, l) {
        ([s0, s1, s_rest @ ..], [l0, l1, l_rest @ ..]) => {
            (s0 == l1 && s1 == l0 && s_rest == l_rest) || s.get(1..) == l.get(1..)
        }
        _ => true,
    }
}
