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

/// For a `panic` that was not understood, the ways in which it could be: first with every option that
/// is intact, then with only those that say where the vault is; the rest becomes the alert's text.
/// Empty for every other command. An alarm must not fail because of a slip of the finger.
pub(super) fn panic_at_any_rate(root: &Command, args: &[OsString]) -> Vec<Vec<OsString>> {
    let Some(at) = command_at(root, args) else { return Vec::new() };
    let Some(panic) = root.find_subcommand("panic") else { return Vec::new() };
    if !args.get(at).is_some_and(|word| is_called(panic, &word.to_string_lossy())) {
        return Vec::new();
    }
    let essential = ["vault", "json"];
    let by = |keep: &dyn Fn(&str) -> bool| {
        let mut kept: Vec<OsString> = args.iter().take(1).cloned().collect();
        kept.push("panic".into());
        let mut text: Vec<OsString> = Vec::new();
        let mut rest = args.iter().enumerate().skip(1).peekable();
        while let Some((index, word)) = rest.next() {
            if index == at || word == "--" {
                continue;
            }
            let Some((name, takes_next)) = option(panic, word).or_else(|| option(root, word))
            else {
                text.push(word.clone());
                continue;
            };
            let value = if takes_next { rest.next().map(|(_, value)| value.clone()) } else { None };
            let whole = !takes_next || value.is_some();
            let target = if keep(&name) && whole { &mut kept } else { &mut text };
            target.push(word.clone());
            target.extend(value);
        }
        kept.push("--".into());
        kept.extend(text);
        kept
    };
    vec![by(&|_| true), by(&|name| essential.contains(&name))]
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

/// Where the command's name stands: the first word that is neither an option nor an option's value.
fn command_at(root: &Command, args: &[OsString]) -> Option<usize> {
    let mut words = args.iter().enumerate().skip(1);
    while let Some((index, word)) = words.next() {
        if word == "--" {
            return None;
        }
        if !word.to_string_lossy().starts_with('-') {
            return Some(index);
        }
        if option(root, word).is_some_and(|(_, takes_next)| takes_next) {
            words.next();
        }
    }
    None
}

/// The option that a word is, by its id, and whether its value is the next word.
fn option(command: &Command, word: &OsStr) -> Option<(String, bool)> {
    let word = word.to_string_lossy();
    let (name, inline) = match word.split_once('=') {
        Some((name, _)) => (name, true),
        None => (word.as_ref(), false),
    };
    let name = name.strip_prefix("--")?;
    let arg = command.get_arguments().find(|arg| arg.get_long() == Some(name))?;
    let takes = arg.get_action().takes_values();
    // `--json=1`: a value where none belongs is not an intact option.
    if inline && !takes {
        return None;
    }
    Some((arg.get_id().to_string(), takes && !inline))
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
