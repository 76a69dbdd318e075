//! What the commands of keeping watch take: handing over, drills, contacts, members, the agreement, the roll-call.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::arguments::{AlertText, minutes, seconds};

/// `velar circle agree`: without options it shows what is agreed.
#[derive(Debug, Args)]
pub struct CircleAgree {
    /// After a check-in that did not come, before anybody is alarmed.
    #[arg(long, value_parser = minutes)]
    pub grace: Option<Duration>,
    /// Until the whole circle is asked.
    #[arg(long, value_parser = minutes)]
    pub tier_two: Option<Duration>,
    /// Until a person is shown whom to turn to outside.
    #[arg(long, value_parser = minutes)]
    pub tier_three: Option<Duration>,
    /// Between two rings of an alert that nobody has taken.
    #[arg(long, value_parser = minutes)]
    pub repeat: Option<Duration>,
    /// Until a claim without a sign of life expires.
    #[arg(long, value_parser = minutes)]
    pub claim_quiet: Option<Duration>,
    /// Between check-ins on the road.
    #[arg(long, value_parser = minutes)]
    pub road: Option<Duration>,
    /// Between check-ins in base.
    #[arg(long, value_parser = minutes)]
    pub base: Option<Duration>,
    /// Between check-ins at home.
    #[arg(long, value_parser = minutes)]
    pub home: Option<Duration>,
}

/// `velar hand-over`
#[derive(Debug, Args)]
pub struct HandOver {
    /// Which alert, and a text.
    #[command(flatten)]
    pub what: AlertText,
    /// Short id or name of who is asked to take it.
    #[arg(long)]
    pub to: String,
}

/// `velar drill`
#[derive(Debug, Args)]
pub struct Drill {
    /// What is practised; quotes are not needed.
    pub text: Vec<String>,
    /// How long to wait for receipts, and for somebody to take it.
    #[arg(long, value_parser = seconds)]
    pub wait: Option<Duration>,
    /// Show how a drill went: the one of this short id, or the latest.
    #[arg(long, conflicts_with_all = ["text", "wait"], alias = "informe")]
    pub report: Option<Option<String>>,
}

/// `velar contacts`
#[derive(Debug, Args)]
pub struct Contacts {
    /// What to do with the list; nothing means to show it.
    #[command(subcommand)]
    pub command: Option<ContactsCommand>,
}

/// `velar contacts …`
#[derive(Debug, Subcommand)]
pub enum ContactsCommand {
    /// Show the list.
    #[command(aliases = ["ver", "mostrar", "show"])]
    List,
    /// Put somebody on it, or change how to reach them.
    #[command(alias = "agregar")]
    Add(ContactsAdd),
    /// Take somebody off it.
    #[command(alias = "quitar")]
    Remove(ContactsRemove),
}

/// `velar contacts add`
#[derive(Debug, Args)]
pub struct ContactsAdd {
    /// Who.
    pub name: String,
    /// How to reach them, and for what; quotes are not needed.
    #[arg(required = true)]
    pub how: Vec<String>,
}

/// `velar contacts remove`
#[derive(Debug, Args)]
pub struct ContactsRemove {
    /// Who.
    pub name: String,
}

/// `velar members`
#[derive(Debug, Args)]
pub struct Members {
    /// What to do; nothing means to show them.
    #[command(subcommand)]
    pub command: Option<MembersCommand>,
}

/// `velar members …`
#[derive(Debug, Subcommand)]
pub enum MembersCommand {
    /// Show them.
    #[command(aliases = ["ver", "mostrar", "show", "lista"])]
    List,
    /// Take somebody out of the circle.
    #[command(aliases = ["quitar", "sacar", "retirar"])]
    Remove(MembersRemove),
    /// Give somebody another token for sending to this device.
    #[command(aliases = ["ficha-nueva", "nueva-ficha"])]
    NewToken(MembersNewToken),
}

/// `velar members remove`
#[derive(Debug, Args)]
pub struct MembersRemove {
    /// Short id or name.
    pub member: String,
    /// Without asking.
    #[arg(long)]
    pub yes: bool,
}

/// `velar members new-token`
#[derive(Debug, Args)]
pub struct MembersNewToken {
    /// Short id or name.
    pub member: String,
    /// The one they have counts no more, whether they have the new one or not.
    #[arg(long, alias = "ya")]
    pub now: bool,
    /// Without asking.
    #[arg(long, alias = "si", requires = "now")]
    pub yes: bool,
}

/// `velar status`
#[derive(Debug, Args)]
pub struct Status {
    /// Call the roll: ask who is watching now.
    #[arg(long, alias = "preguntar")]
    pub ask: bool,
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use crate::cli::{Circle, Command, ContactsCommand, parse};
    use crate::text::{Language, Text};

    fn understood(line: &str) -> Command {
        let words = std::iter::once("velar").chain(line.split_whitespace());
        let args: Vec<OsString> = words.map(OsString::from).collect();
        match parse(&args, &Text::new(Language::Spanish)) {
            Ok(cli) => cli.command,
            Err(stop) => panic!("{line}: {stop:?}"),
        }
    }

    #[test]
    fn what_keeping_watch_takes_is_understood_in_spanish_too() {
        for line in ["hand-over --to Eva 3f2a ya voy", "entregar 3f2a ya voy --to Eva"] {
            let Command::HandOver(args) = understood(line) else { panic!("{line}") };
            assert_eq!((args.to.as_str(), args.what.text.len()), ("Eva", 3), "{line}");
        }
        for line in ["contacts add Marta abogada, 55", "contactos agregar Marta abogada, 55"] {
            let Command::Contacts(args) = understood(line) else { panic!("{line}") };
            let Some(ContactsCommand::Add(args)) = args.command else { panic!("{line}") };
            assert_eq!((args.name.as_str(), args.how.join(" ").as_str()), ("Marta", "abogada, 55"));
        }
        for line in ["circle agree --repeat 1h", "círculo acordar --repeat 60"] {
            let Command::Circle(Circle::Agree(args)) = understood(line) else { panic!("{line}") };
            assert_eq!(args.repeat.map(|time| time.as_secs()), Some(3600), "{line}");
            assert_eq!(args.grace, None);
        }
    }

    #[test]
    fn a_drill_is_raised_unless_a_report_is_asked_for() {
        let drill = |line: &str| match understood(line) {
            Command::Drill(args) => (args.text.join(" "), args.report),
            _ => panic!("{line}"),
        };
        assert_eq!(drill("drill"), (String::new(), None));
        assert_eq!(drill("simulacro en domingo"), ("en domingo".to_owned(), None));
        assert_eq!(drill("drill --report"), (String::new(), Some(None)));
        assert_eq!(drill("drill --informe 3f2a").1, Some(Some("3f2a".to_owned())));
    }
}
