//! What opens my mailboxes, where a relay asks for it (SPEC.md §4.12).

use velar_protocol::wire::{AccessKey, AccessToken, RelayAddress};

use super::{Device, DeviceError, Done};
use crate::records::Home;

/// What a relay said of who may open a mailbox, when it confirmed that this one is open.
#[derive(Clone)]
pub struct Admittance {
    /// It asks for an access token before it opens a new one.
    pub required: bool,
    /// What opens this one again.
    pub reopening: Option<AccessToken>,
}

impl Home {
    /// The access token, if there is one: what opens any mailbox at this relay.
    pub(super) fn access_key(&self) -> Option<AccessKey> {
        AccessKey::read(self.access.as_ref()?)
    }

    /// What may be shown to open the mailbox. A child is good once, so only while nothing else is there.
    pub(super) fn shown(&self) -> Vec<AccessToken> {
        let token = self.access.as_ref().filter(|_| self.access_key().is_some());
        let both: Vec<_> = token.into_iter().chain(&self.reopening).cloned().collect();
        if both.is_empty() { self.access.iter().cloned().collect() } else { both }
    }

    /// Takes in what the relay said. Whether that is something new.
    fn admitted(&mut self, admittance: &Admittance) -> bool {
        let before = (self.access.clone(), self.reopening.clone(), self.access_required);
        let Admittance { required, reopening } = admittance;
        self.access_required = *required;
        // While nothing is asked for nothing is said, and what was said before may count again.
        if *required || reopening.is_some() {
            self.reopening.clone_from(reopening);
        }
        if self.reopening.is_some() && self.access_key().is_none() {
            self.access = None;
        }
        before != (self.access.clone(), self.reopening.clone(), self.access_required)
    }
}

impl Device {
    /// Takes an access token for a relay: for the mailbox there, and those of invitations.
    ///
    /// # Errors
    /// [`DeviceError::UnknownRelay`].
    pub fn set_access(&mut self, relay: &RelayAddress, access: &AccessKey) -> Done {
        self.write(0, |turn| {
            let mut profile = turn.profile()?;
            let mut found = profile.homes.iter_mut().filter(|home| home.relay == *relay);
            let home = found.next().ok_or(DeviceError::UnknownRelay)?;
            home.access = Some(access.to_text());
            home.revision += 1;
            turn.set_profile(&profile)
        })
    }

    /// The relay has opened the mailbox, and said who may open one.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn admitted(&mut self, relay: &RelayAddress, admittance: &Admittance) -> Done {
        self.write(0, |turn| {
            let mut profile = turn.profile()?;
            let mut changed = false;
            for home in profile.homes.iter_mut().filter(|home| home.relay == *relay) {
                changed |= home.admitted(admittance);
            }
            if changed { turn.set_profile(&profile) } else { Ok(()) }
        })
    }
}
