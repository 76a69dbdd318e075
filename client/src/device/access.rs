//! What opens my mailboxes, where a relay asks for it (SPEC.md §4.12).

use velar_protocol::circle::limits::INVITATION_ACCESS_S;
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

    /// What may be shown to open the mailbox, one after the other. A child is good once, so it comes last.
    pub(super) fn shown(&self) -> Vec<AccessToken> {
        let is_token = self.access_key().is_some();
        let token = self.access.iter().filter(|_| is_token);
        let child = self.access.iter().filter(|_| !is_token);
        token.chain(&self.reopening).chain(child).cloned().collect()
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

    /// Takes a child of an access token for the mailbox at a relay, where nothing better is there.
    ///
    /// # Errors
    /// [`DeviceError::UnknownRelay`]; [`DeviceError::RelayKnown`]: it has an access token there.
    pub fn set_child(&mut self, relay: &RelayAddress, child: AccessToken) -> Done {
        self.write(0, |turn| {
            let mut profile = turn.profile()?;
            let mut found = profile.homes.iter_mut().filter(|home| home.relay == *relay);
            let home = found.next().ok_or(DeviceError::UnknownRelay)?;
            if home.access_key().is_some() {
                return Err(DeviceError::RelayKnown);
            }
            home.access = Some(child);
            home.revision += 1;
            turn.set_profile(&profile)
        })
    }

    /// A child of this device's access token at a relay, for one more mailbox there, and until when it is good.
    ///
    /// # Errors
    /// [`DeviceError::UnknownRelay`]; [`DeviceError::NoAccessToken`].
    pub fn child_for(&mut self, relay: &RelayAddress, now_s: u64) -> Done<(AccessToken, u64)> {
        self.write(now_s, |turn| {
            turn.must_belong()?;
            let profile = turn.profile()?;
            let mut found = profile.homes.iter().filter(|home| home.relay == *relay);
            let home = found.next().ok_or(DeviceError::UnknownRelay)?;
            let key = home.access_key().ok_or_else(|| DeviceError::NoAccessToken(relay.place()))?;
            let until_s = now_s + INVITATION_ACCESS_S;
            Ok((key.child(until_s, turn.random()).to_text(), until_s))
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
