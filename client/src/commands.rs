//! What each command does: it opens the device, acts, carries envelopes for a moment, and says the truth
//! about what became of it.

mod context;

pub use context::Context;

use crate::cli::{Cli, Command};
use crate::failure::{Exit, Failure};

/// Runs one command. What it returns is how the program ends.
///
/// # Errors
/// [`Failure`]: what happened and what to do next.
pub async fn run(cli: Cli, context: &Context) -> Result<Exit, Failure> {
    match cli.command {
        Command::Init => todo!(),
        _ => todo!(),
    }
}
