//! What each command does: it opens the device, acts, carries envelopes for a moment, and says the truth
//! about what became of it.

mod agreement;
mod alerts;
mod approve;
mod backup;
mod carrier;
mod checkin;
mod circle;
mod clocks;
mod completions;
mod contacts;
mod context;
mod deadlines;
mod drill;
mod duress;
mod files;
mod holds;
mod inbox;
mod init;
mod invite;
mod items;
mod join;
mod log;
mod members;
mod newer;
mod panic;
mod plan;
mod presence;
mod relays;
mod say;
mod show;
mod status;
mod stop;
mod tokens;
mod watch;
mod wipe;

pub use context::Context;
pub use stop::Stop;

use crate::cli::{Cli, Command};
use crate::failure::{Exit, Failure};

/// Runs one command. What it returns is how the program ends.
///
/// # Errors
/// [`Failure`]: what happened and what to do next.
pub async fn run(cli: Cli, context: &Context) -> Result<Exit, Failure> {
    match cli.command {
        Command::Init => init::run(context),
        Command::Circle(args) => circle::run(context, args).await,
        Command::Invite(args) => invite::run(context, args).await,
        Command::Join(args) => join::run(context, args).await,
        Command::Approve(args) => approve::run(context, args).await,
        Command::Members(args) => members::run(context, args).await,
        Command::Verify(args) => members::verify(context, args),
        Command::Checkin(args) => checkin::run(context, args).await,
        Command::Panic(args) => panic::run(context, args).await,
        Command::Alerts(args) => alerts::list(context, args).await,
        Command::Claim(args) => alerts::claim(context, args).await,
        Command::Release(args) => alerts::release(context, args).await,
        Command::Note(args) => alerts::note(context, args).await,
        Command::StandDown(args) => alerts::stand_down(context, args).await,
        Command::Close(args) => alerts::close(context, args).await,
        Command::Say(args) => say::run(context, args).await,
        Command::Inbox(args) => inbox::run(context, args).await,
        Command::Watch(args) => watch::run(context, args).await,
        Command::Status(args) => status::run(context, args).await,
        Command::Completions(args) => completions::run(context, args),
        Command::Plan(args) => plan::run(context, args).await,
        Command::HandOver(args) => alerts::hand_over(context, args).await,
        Command::Drill(args) => drill::run(context, args).await,
        Command::Contacts(args) => contacts::run(context, args).await,
        Command::Relays(args) => relays::run(context, args).await,
        Command::Log(args) => log::run(context, args),
        Command::Wipe(args) => wipe::run(context, args),
        Command::Backup(args) => backup::backup(context, args),
        Command::Restore(args) => backup::restore(context, args),
        Command::Duress(args) => duress::run(context, args),
    }
}
