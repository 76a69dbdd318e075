//! `velar-relay access`: asks the relay that runs in the data folder, or, where none does, works on its file.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::CommandError;
use crate::access::{self, AccessError, AccessFile};
use crate::admin::{self, Ask, AskAccess, CallError, ClosedView, Said, TokenView};
use crate::config::{Config, Flags};
use crate::keys::Identity;

const NEEDS_RELAY: &str = "no relay runs in this folder, and mailboxes are closed by one that does: start it (velar-relay \
     serve), then try again. Nothing was changed; without --close-mailboxes the access token can be revoked now";

/// What to do about access tokens.
#[derive(Subcommand, Debug)]
pub enum Access {
    /// Make an access token and print it, this once. From the first one on, new mailboxes need one
    ///
    /// Give each coordinator one of her own. Invitations that she makes carry leave for one mailbox, not the token. The name
    /// is for you alone: choose one that tells a stranger who reads this disk nothing. Back up access.toml afterwards.
    New(New),
    /// List the access tokens: names, and how many mailboxes are open by each. The tokens are not shown
    List(List),
    /// Revoke an access token: it opens nothing new any more, nor do invitations made with it. What is open stays open
    ///
    /// If a stolen token fills this relay, end what was opened by it, too: --close-mailboxes, in the same command. Afterwards
    /// nobody knows any more which mailboxes these are.
    Revoke(Revoke),
}

/// Which relay's tokens. (The limits' flags are not taken: `--mailboxes` is one of them.)
#[derive(Args, Debug)]
pub struct Of {
    /// Configuration file. By default relay.toml in the data folder, if there is one
    #[arg(long, env = "VELAR_RELAY_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of keys and store
    #[arg(long, env = "VELAR_RELAY_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// Arguments of `access new`.
#[derive(Args, Debug)]
pub struct New {
    /// What you call it: letters, digits, dots, hyphens and underscores
    pub name: String,
    /// Mailboxes that may be open by it [default: the limit access_mailboxes]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub mailboxes: Option<u32>,
    /// Whose.
    #[command(flatten)]
    pub of: Of,
}

/// Arguments of `access list`.
#[derive(Args, Debug)]
pub struct List {
    /// Whose.
    #[command(flatten)]
    pub of: Of,
}

/// Arguments of `access revoke`.
#[derive(Args, Debug)]
pub struct Revoke {
    /// What you call it
    pub name: String,
    /// Close every mailbox that is open by it, with all that waits there, alarms too: of everybody who came by it
    #[arg(long)]
    pub close_mailboxes: bool,
    /// Whose.
    #[command(flatten)]
    pub of: Of,
}

impl Access {
    /// What says where the data are.
    #[must_use]
    pub fn flags(&self) -> Flags {
        let Of { config, data } = match self {
            Self::New(args) => &args.of,
            Self::List(args) => &args.of,
            Self::Revoke(args) => &args.of,
        };
        Flags { config: config.clone(), data: data.clone(), ..Flags::default() }
    }
}

/// What a command has to say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// For stdout: what was asked for.
    pub out: String,
    /// For stderr: what to know about it.
    pub remark: String,
}

/// Makes, lists or revokes access tokens.
///
/// # Errors
/// [`CommandError`]; then nothing has changed, but if a relay that runs did not answer.
pub fn access(config: &Config, command: &Access) -> Result<Told, CommandError> {
    // A folder without keys is no relay's.
    Identity::load(&config.data)?;
    let ask = match command {
        Access::New(args) => AskAccess::New { name: args.name.clone(), mailboxes: args.mailboxes },
        Access::List(_) => AskAccess::List,
        Access::Revoke(args) => {
            AskAccess::Revoke { name: args.name.clone(), close_mailboxes: args.close_mailboxes }
        }
    };
    let said = match admin::call(&config.data, Ask::Access(ask.clone())) {
        Ok(said) => said,
        Err(CallError::Nobody) => alone(config, ask)?,
        Err(CallError::Failed(what)) => return Err(CommandError::NoAnswer(what)),
    };
    match said {
        Said::Failed { what } => Err(CommandError::Refused(what)),
        said => Ok(told(said, command)),
    }
}

/// Works on the file, where no relay runs.
fn alone(config: &Config, ask: AskAccess) -> Result<Said, CommandError> {
    let file = AccessFile::lock(&config.data).map_err(unlocked)?;
    let mut tokens = file.read()?;
    let said = match ask {
        // Which indexes mailboxes have is in the store, which nobody has opened: the file alone has to know.
        AskAccess::New { name, mailboxes } => {
            let made = access::made(&mut tokens, &name, mailboxes, |_| false)?;
            Said::AccessMade { token: made.text, first: made.first }
        }
        AskAccess::List => {
            return Ok(admin::listed(&tokens, None));
        }
        AskAccess::Revoke { close_mailboxes: true, .. } => {
            return Err(CommandError::Refused(NEEDS_RELAY.to_owned()));
        }
        AskAccess::Revoke { name, close_mailboxes: false } => {
            tokens.revoke(&name)?;
            Said::AccessRevoked { mailboxes: None, closed: None }
        }
    };
    file.write(&tokens)?;
    Ok(said)
}

/// Nobody listens, and somebody has the file: a relay that is starting, stopping, or has no socket.
fn unlocked(error: AccessError) -> CommandError {
    match error {
        AccessError::Busy(_) => CommandError::NoAnswer(error.to_string()),
        other => other.into(),
    }
}

fn told(said: Said, command: &Access) -> Told {
    match said {
        Said::AccessMade { token, first } => {
            let mut remark = String::from(
                "This is the only time that it is shown. Give it to one coordinator, by a way that nobody else reads: velar circle \
                 new … --access-token-file FILE, or velar relays token … --access-token-file FILE\n",
            );
            if first {
                remark.push_str(
                    "Until now anybody could open a mailbox here; from now on new ones need an access token. Those that are \
                     open stay open\n",
                );
            }
            Told { out: format!("{}\n", token.expose()), remark }
        }
        Said::AccessListed { required, tokens, revoked } => list(required, &tokens, revoked),
        Said::AccessRevoked { mailboxes, closed } => {
            let name = match command {
                Access::Revoke(args) => args.name.as_str(),
                _ => "",
            };
            let out = match closed {
                Some(closed) => closed_text(name, &closed),
                None => revoked_text(name, mailboxes),
            };
            Told { out, remark: String::new() }
        }
        Said::Failed { what } => Told { out: String::new(), remark: format!("{what}\n") },
    }
}

fn closed_text(name: &str, closed: &ClosedView) -> String {
    let mailboxes = match closed.mailboxes {
        0 => "No mailbox was open by it".to_owned(),
        1 => "1 mailbox that was open by it is closed, with all that waited there".to_owned(),
        count => {
            format!("{count} mailboxes that were open by it are closed, with all that waited there")
        }
    };
    let disk = match closed.durable {
        true => "",
        false => {
            ". The disk is full: they go from it as soon as there is room, and not before; make some"
        }
    };
    format!(
        "{name} is revoked: it opens nothing new any more, nor do invitations made with it. {mailboxes}{disk}\n"
    )
}

fn revoked_text(name: &str, mailboxes: Option<u32>) -> String {
    let open = match mailboxes {
        None => "Mailboxes that are open by it stay open".to_owned(),
        Some(1) => "1 mailbox is open by it, and stays open".to_owned(),
        Some(count) => format!("{count} mailboxes are open by it, and stay open"),
    };
    format!(
        "{name} is revoked: it opens nothing new any more, nor do invitations made with it. {open}; if this relay loses its \
         disk, they cannot be opened again, until their coordinator has another token\n"
    )
}

fn list(required: bool, tokens: &[TokenView], revoked: Option<u32>) -> Told {
    if !required {
        let remark = "Anybody may open a mailbox here: there is no access token. Make one with: velar-relay access new NAME\n";
        return Told { out: String::new(), remark: remark.to_owned() };
    }
    let number = |known: Option<u32>| known.map_or_else(|| "?".to_owned(), |it| it.to_string());
    let width = tokens.iter().map(|token| token.name.chars().count()).max().unwrap_or(0).max(4);
    let mut out = format!("{:<width$}  index  mailboxes\n", "name");
    for TokenView { name, index, open: now, most } in tokens {
        let _ = writeln!(out, "{name:<width$}  {index:>5}  {} of {}", number(*now), number(*most));
    }
    let mut remark = String::new();
    if tokens.is_empty() {
        remark.push_str(
            "There is no access token left: nobody can open a new mailbox. Make one with: velar-relay access new NAME\n",
        );
    }
    match revoked {
        Some(0) => {}
        Some(count) => {
            let _ =
                writeln!(remark, "Mailboxes that are open by tokens that were revoked: {count}");
        }
        None => remark.push_str("How many mailboxes are open is known while the relay runs\n"),
    }
    Told { out, remark }
}
