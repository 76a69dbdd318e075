//! Handing an alert over.

use velar_protocol::circle::AlertId;
use velar_protocol::seal::{MemberId, MessageId};

use super::{Device, DeviceError, Done};

impl Device {
    /// Asks another member to take an alert that this device has taken. It stays taken until they do.
    ///
    /// # Errors
    /// [`DeviceError::NotTaken`]; [`DeviceError::CannotTake`] if that member may not take it, or is this device;
    /// [`DeviceError::UnknownMember`], [`DeviceError::UnknownAlert`]; [`DeviceError::Message`] if the text is too long.
    pub fn hand_over(
        &mut self,
        alert: AlertId,
        to: MemberId,
        text: &str,
        now_s: u64,
    ) -> Done<Vec<MessageId>> {
        self.write(now_s, |turn| {
            let me = turn.me();
            let state = turn.alert(alert)?;
            if !state.claims.iter().any(|claim| claim.by == me) {
                return Err(DeviceError::NotTaken);
            }
            let members = turn.members()?;
            members.roster().member(to).ok_or(DeviceError::UnknownMember)?;
            if to == me || !members.may_answer(to, state.subject) {
                return Err(DeviceError::CannotTake);
            }
            turn.say_events(alert, state.handing_over(me, to, text))
        })
    }
}
