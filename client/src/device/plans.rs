//! The agreed check-ins of this device's person, as they are kept.

use velar_protocol::circle::CheckIn;
use velar_protocol::seal::MessageId;

use super::{CheckInSaid, Device, Done, Turn};
use crate::plan::{Due, Plan, minutes_until, next_due};
use crate::records::PlanKind;

impl Device {
    /// The agreed check-ins, if any are.
    ///
    /// # Errors
    /// [`DeviceError::Vault`](super::DeviceError::Vault).
    pub fn plan(&mut self) -> Done<Option<Plan>> {
        self.read(0, |turn| turn.plan())
    }

    /// When the next check-in is due after one that is made now; without a plan, after the time that the circle has
    /// agreed on for those who are in base.
    ///
    /// # Errors
    /// [`DeviceError::NoCircle`](super::DeviceError::NoCircle).
    pub fn next_check_in(&mut self, now_s: u64) -> Done<Due> {
        self.read(now_s, |turn| {
            let agreed_s = u64::from(turn.the_roster()?.agreement().in_base_min) * 60;
            Ok(match turn.plan()? {
                Some(plan) => next_due(&plan, now_s, &plan.time_zone(), false),
                None => Due { at_s: Some(now_s.saturating_add(agreed_s)), silence: false },
            })
        })
    }

    /// Keeps another plan, or none from now on, and checks in, so that all who watch hold the new deadline. The plan's
    /// number and when the next check-in is due are filled in.
    ///
    /// # Errors
    /// As [`Device::check_in`]: then nothing is changed.
    pub fn agree_to_plan(
        &mut self,
        plan: Option<Plan>,
        said: CheckInSaid,
        now_s: u64,
    ) -> Done<(MessageId, CheckIn)> {
        self.write(now_s, |turn| {
            let Some(mut plan) = plan else {
                turn.set_plan(None)?;
                return turn.check_in(CheckInSaid { next_min: 0, ..said });
            };
            plan.number = turn.profile()?.check_in_counter + 1;
            turn.set_plan(Some(&plan))?;
            let due = next_due(&plan, now_s, &plan.time_zone(), true);
            let next_min = minutes_until(due, now_s);
            turn.check_in(CheckInSaid { next_min, planned_silence: due.silence, ..said })
        })
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
