//! See the command's help.
use super::Context;
use crate::failure::{Exit, Failure};
pub(super) async fn run(_: &Context, _: crate::cli::Panic) -> Result<Exit, Failure> {
    todo!()
}
