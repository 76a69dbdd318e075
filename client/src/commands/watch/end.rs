//! Why a watch ends before it is asked to.

use std::io;

use super::super::Context;
use crate::device::DeviceError;
use crate::failure::{Exit, Failure, failure, reason};
use crate::vault::VaultError;

/// Why a watch ends before it is asked to.
pub(super) enum End {
    Device(DeviceError),
    Output(io::Error),
}

impl End {
    /// Whether it may be over in a moment: a full disk, or another command that works in the vault.
    pub(super) fn may_pass(&self) -> bool {
        let Self::Device(DeviceError::Vault(error)) = self else { return false };
        matches!(error, VaultError::DiskFull | VaultError::Busy)
    }

    pub(super) fn failure(self, context: &Context) -> Failure {
        let text = &context.text;
        match self {
            Self::Device(error) => context.failure(error),
            Self::Output(error) => {
                failure!(text, Exit::Failed, "error-watch-output", detail = reason(&error, text))
            }
        }
    }
}

impl From<DeviceError> for End {
    fn from(error: DeviceError) -> Self {
        Self::Device(error)
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
