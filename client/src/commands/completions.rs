//! See the command's help.
use super::Context;
use crate::failure::{Exit, Failure};
pub(super) fn run(_: &Context, _: crate::cli::Completions) -> Result<Exit, Failure> {
    todo!()
}
