//! `--help` in the chosen language.

use clap::{Arg, Command};

use crate::text::{Text, t};

/// Puts the texts of `locales/` onto a command, its subcommands and all their arguments.
///
/// Ids: `help-cmd` and `help-cmd-circle-new` for commands (attribute `more`: examples and advice under
/// the options), `help-arg-circle-new-relay` for arguments, `help-arg-vault` for those that every
/// command takes (attribute `value`: the placeholder of the value). The words that the parser would
/// print in English (headings, `Usage`, `[OPTIONS]`) come from `help-word-*`.
#[must_use]
pub fn localise(command: Command, text: &Text) -> Command {
    let mut command = speak(command, "", text);
    command.build();
    say_usage(&mut command, text);
    command
}

fn speak(command: Command, path: &str, text: &Text) -> Command {
    let id = format!("help-cmd{path}");
    let template = format!(
        "{{about-with-newline}}\n{} {{usage}}\n\n{{all-args}}{{after-help}}",
        t!(text, "help-word-usage")
    );
    let mut command = command
        .about(text.by_id(&id))
        .help_template(template)
        .subcommand_help_heading(t!(text, "help-word-commands"))
        .subcommand_value_name(t!(text, "help-word-command"))
        .mut_args(|arg| speak_arg(arg, path, text))
        .mut_subcommands(|sub| {
            let path = format!("{path}-{}", sub.get_name());
            speak(sub, &path, text)
        });
    if let Some(more) = text.attribute(&id, "more") {
        command = command.after_help(more);
    }
    command
}

fn speak_arg(arg: Arg, path: &str, text: &Text) -> Arg {
    let id = arg_id(&arg, path);
    let heading = if arg.is_global_set() {
        t!(text, "help-word-common")
    } else if arg.is_positional() {
        t!(text, "help-word-arguments")
    } else {
        t!(text, "help-word-options")
    };
    let mut arg = arg.help(text.by_id(&id)).help_heading(heading);
    if arg.get_action().takes_values() {
        // The texts name them, in words.
        arg = arg.hide_possible_values(true).hide_env(true).hide_default_value(true);
    }
    if let Some(value) = text.attribute(&id, "value") {
        arg = arg.value_name(value);
    }
    arg
}

fn arg_id(arg: &Arg, path: &str) -> String {
    let path = if arg.is_global_set() { "" } else { path };
    format!("help-arg{path}-{}", arg.get_id().as_str().replace('_', "-"))
}

/// The usage line, which the parser can only write in English.
fn say_usage(command: &mut Command, text: &Text) {
    let usage = command.render_usage().to_string();
    let usage = usage
        .trim_start_matches("Usage:")
        .trim()
        .replace("[OPTIONS]", &format!("[{}]", t!(text, "help-word-options-short")));
    *command = std::mem::take(command).override_usage(usage);
    for sub in command.get_subcommands_mut() {
        say_usage(sub, text);
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;
    use crate::text::Language;

    fn every(command: &Command, path: &str, see: &mut impl FnMut(&str, Option<&Arg>)) {
        see(&format!("help-cmd{path}"), None);
        for arg in command.get_arguments() {
            see(&arg_id(arg, path), Some(arg));
        }
        for sub in command.get_subcommands() {
            every(sub, &format!("{path}-{}", sub.get_name()), see);
        }
    }

    #[test]
    fn every_command_and_argument_has_its_help_in_both_languages() {
        for language in Language::ALL {
            let text = Text::new(language);
            every(&Cli::command(), "", &mut |id, arg| {
                assert!(text.has(id), "{language:?}: {id}");
                let takes = arg.is_some_and(|arg| arg.get_action().takes_values());
                let named = text.attribute(id, "value").is_some();
                assert!(arg.is_none() || takes == named, "{language:?}: {id}.value");
            });
        }
    }

    #[test]
    fn no_help_text_belongs_to_nothing() {
        let mut used = std::collections::BTreeSet::new();
        every(&Cli::command(), "", &mut |id, _| {
            used.insert(id.to_owned());
        });
        for id in Text::ids(Language::English) {
            let help = id.starts_with("help-cmd") || id.starts_with("help-arg");
            assert!(!help || used.contains(&id), "{id}");
        }
    }

    #[test]
    fn the_parsers_own_english_is_not_seen_in_spanish() {
        let text = Text::new(Language::Spanish);
        let mut root = localise(Cli::command(), &text);
        let english = ["Usage", "OPTIONS", "COMMAND", "Options", "Commands", "Arguments", "Print "];
        let mut pages = vec![root.render_long_help().to_string()];
        for sub in root.get_subcommands_mut() {
            pages.push(sub.render_long_help().to_string());
            pages.extend(sub.get_subcommands_mut().map(|sub| sub.render_long_help().to_string()));
        }
        for page in pages {
            for word in english {
                assert!(!page.contains(word), "{word} in:\n{page}");
            }
        }
    }

    #[test]
    fn the_parser_accepts_its_own_definition() {
        Cli::command().debug_assert();
        for language in Language::ALL {
            localise(Cli::command(), &Text::new(language)).debug_assert();
        }
    }
}
