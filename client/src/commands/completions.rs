//! `velar completions`.

use super::Context;
use crate::cli;
use crate::failure::{Exit, Failure};

pub(super) fn run(context: &Context, args: cli::Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    cli::completions(args.shell, &context.text, &mut script);
    context.line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Done)
}
