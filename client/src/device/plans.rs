//! The agreed check-ins of this device's person, as they are kept.

use super::{Device, Done, Turn};
use crate::plan::Plan;
use crate::records::PlanKind;

impl Device {
    /// The agreed check-ins, if any are.
    ///
    /// # Errors
    /// [`DeviceError::Vault`](super::DeviceError::Vault).
    pub fn plan(&mut self) -> Done<Option<Plan>> {
        self.read(0, |turn| turn.plan())
    }

    /// Keeps them, or none from now on. Tells nobody.
    ///
    /// # Errors
    /// [`DeviceError::Vault`](super::DeviceError::Vault).
    pub fn set_plan(&mut self, plan: Option<&Plan>, now_s: u64) -> Done {
        self.write(now_s, |turn| turn.set_plan(plan))
    }
}

impl Turn<'_> {
    /// The agreed check-ins, if any are.
    // A damaged one must not stop a check-in.
    pub(super) fn plan(&self) -> Done<Option<Plan>> {
        self.readable::<PlanKind>(&[])
    }

    pub(super) fn set_plan(&self, plan: Option<&Plan>) -> Done {
        match plan {
            Some(plan) => self.tx.put::<PlanKind>(&[], plan)?,
            None => {
                self.tx.delete::<PlanKind>(&[])?;
            }
        }
        Ok(())
    }
}
