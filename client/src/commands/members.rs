//! See the command's help.
use super::Context;
use crate::failure::{Exit, Failure};
pub(super) fn list(_: &Context) -> Result<Exit, Failure> {
    todo!()
}
pub(super) fn verify(_: &Context, _: crate::cli::Verify) -> Result<Exit, Failure> {
    todo!()
}
