//! See the command's help.
use super::Context;
use crate::failure::{Exit, Failure};
pub(super) async fn list(_: &Context, _: crate::cli::Alerts) -> Result<Exit, Failure> {
    todo!()
}
pub(super) async fn claim(_: &Context, _: crate::cli::WhichAlert) -> Result<Exit, Failure> {
    todo!()
}
pub(super) async fn release(_: &Context, _: crate::cli::WhichAlert) -> Result<Exit, Failure> {
    todo!()
}
pub(super) async fn note(_: &Context, _: crate::cli::AlertText) -> Result<Exit, Failure> {
    todo!()
}
pub(super) async fn stand_down(_: &Context, _: crate::cli::StandDown) -> Result<Exit, Failure> {
    todo!()
}
pub(super) async fn close(_: &Context, _: crate::cli::AlertText) -> Result<Exit, Failure> {
    todo!()
}
