//! Founding a circle: this device signs its first roster.

use velar_protocol::circle::roster::is_name;
use velar_protocol::circle::{Agreement, Roles, Roster};
use velar_protocol::seal::CircleId;
use velar_protocol::wire::{AccessToken, RelayAddress};

use crate::device::{Device, DeviceError, Done, Turn};
use crate::records::{JoiningKind, Profile};
use crate::relays::RelayBook;

impl Device {
    /// Founds a circle with this device as its lead, with a mailbox on this relay. A circle that no relay
    /// ever knew of gives way: its relay's address may have been wrong.
    ///
    /// # Errors
    /// [`DeviceError::InCircle`], [`DeviceError::Text`].
    pub fn found_circle(
        &mut self,
        circle_name: &str,
        my_name: &str,
        roles: Roles,
        relay: RelayAddress,
        access: Option<AccessToken>,
        now_s: u64,
    ) -> Done<CircleId> {
        self.write(now_s, |turn| {
            let mut profile = turn.profile()?;
            if profile.circle.is_some() && !turn.is_unheard_of(&profile)? {
                return Err(DeviceError::InCircle);
            }
            if !is_name(circle_name) || !is_name(my_name) {
                return Err(DeviceError::Text);
            }
            let nonce = turn.random();
            let agreement = Agreement::default();
            let roster = Roster::found(turn.identity, profile.person, roles, agreement, nonce)?;
            profile.name = my_name.trim().to_owned();
            profile.circle_name = circle_name.trim().to_owned();
            profile.circle = Some(roster.circle());
            profile.homes.clear();
            // What an earlier try has taken for known is not of this circle.
            turn.set_relay_book(&RelayBook::default())?;
            turn.settle(&mut profile, relay, access)?;
            turn.set_profile(&profile)?;
            turn.set_roster(&roster)?;
            Ok(roster.circle())
        })
    }
}

impl Turn<'_> {
    /// Whether this circle is one that nobody else knows of, or one that did not let me in.
    fn is_unheard_of(&self, profile: &Profile) -> Done<bool> {
        let Some(roster) = self.roster()? else {
            return Ok(self.tx.get::<JoiningKind>(&[])?.is_some_and(|joining| joining.void));
        };
        let alone = roster.members().len() == 1;
        Ok(alone && profile.homes.iter().all(|home| home.registered == 0))
    }
}
