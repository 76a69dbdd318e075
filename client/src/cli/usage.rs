//! A mistyped command line, said in the reader's language.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use velar_protocol::wire::AddressError;

use crate::failure::{Exit, Failure, address_reason, failure};
use crate::text::{Language, Text};

/// What was not understood, and what to type instead.
pub(super) fn explain(error: &clap::Error, text: &Text) -> Failure {
    let one = |kind| error.get(kind).map(plain).unwrap_or_default();
    let argument = one(ContextKind::InvalidArg);
    let suggestion = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg]
        .into_iter()
        .find_map(|kind| error.get(kind).and_then(best));
    match (error.kind(), suggestion) {
        (ErrorKind::InvalidSubcommand, Some(meant)) => {
            let given = one(ContextKind::InvalidSubcommand);
            failure!(text, Exit::Usage, "error-usage-command-meant", given = given, meant = meant)
        }
        (ErrorKind::InvalidSubcommand, None) => {
            let given = one(ContextKind::InvalidSubcommand);
            failure!(text, Exit::Usage, "error-usage-command", given = given)
        }
        (ErrorKind::UnknownArgument, Some(meant)) => {
            failure!(text, Exit::Usage, "error-usage-option-meant", given = argument, meant = meant)
        }
        (ErrorKind::UnknownArgument, None) => {
            failure!(text, Exit::Usage, "error-usage-option", given = argument)
        }
        (ErrorKind::InvalidValue, _) if one(ContextKind::InvalidValue).is_empty() => {
            failure!(text, Exit::Usage, "error-usage-value-missing", option = argument)
        }
        (ErrorKind::InvalidValue, _) if error.get(ContextKind::ValidValue).is_some() => {
            let given = one(ContextKind::InvalidValue);
            let possible = in_language(&one(ContextKind::ValidValue), text);
            failure!(
                text,
                Exit::Usage,
                "error-usage-value-one-of",
                option = argument,
                given = given,
                possible = possible
            )
        }
        (ErrorKind::ValueValidation, _) if let Some(why) = address_error(error) => {
            let (given, detail) = (one(ContextKind::InvalidValue), address_reason(why, text));
            failure!(text, Exit::Usage, "error-relay-address", given = given, detail = detail)
        }
        (ErrorKind::InvalidValue | ErrorKind::ValueValidation, _) => {
            let given = one(ContextKind::InvalidValue);
            let option = argument;
            failure!(text, Exit::Usage, "error-usage-value", option = option, given = given)
        }
        (ErrorKind::MissingRequiredArgument, _) => {
            failure!(text, Exit::Usage, "error-usage-missing", missing = argument)
        }
        (ErrorKind::ArgumentConflict, _) => {
            let other = one(ContextKind::PriorArg);
            if other.is_empty() || other == argument {
                return failure!(text, Exit::Usage, "error-usage-twice", option = argument);
            }
            failure!(text, Exit::Usage, "error-usage-conflict", option = argument, other = other)
        }
        (ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues, _) => {
            failure!(text, Exit::Usage, "error-usage-value-missing", option = argument)
        }
        (ErrorKind::MissingSubcommand, _) => failure!(text, Exit::Usage, "error-usage-subcommand"),
        _ => failure!(text, Exit::Usage, "error-usage-other"),
    }
}

/// The reason, if the value should have been a relay's address.
fn address_error(error: &clap::Error) -> Option<AddressError> {
    std::error::Error::source(error)?.downcast_ref().copied()
}

/// The likeliest of several suggestions: the parser puts it last.
fn best(value: &ContextValue) -> Option<String> {
    let best = match value {
        ContextValue::Strings(several) => several.last()?.clone(),
        other => plain(other),
    };
    (!best.is_empty()).then_some(best)
}

fn plain(value: &ContextValue) -> String {
    match value {
        ContextValue::String(one) => one.clone(),
        ContextValue::Strings(several) => several.join(", "),
        ContextValue::StyledStr(styled) => styled.to_string(),
        ContextValue::StyledStrs(several) => {
            several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
        ContextValue::Bool(value) => value.to_string(),
        ContextValue::Number(value) => value.to_string(),
        _ => String::new(),
    }
}
/// What an option may be, in the words that a reader would type; the English ones are understood too.
fn in_language(possible: &str, text: &Text) -> String {
    if text.language() == Language::English {
        return possible.to_owned();
    }
    let word = |word: &str| {
        match word {
            "well" => "bien",
            "tired" => "cansancio",
            "unwell" => "mal",
            "afraid" => "miedo",
            "defender" => "defensora",
            "accompanier" => "acompañante",
            "coordinator" => "coordinadora",
            _ => return word.to_owned(),
        }
        .to_owned()
    };
    possible.split(", ").map(word).collect::<Vec<String>>().join(", ")
}
