//! This device as a member of its circle: what it knows, says and hears, over its vault.
//!
//! [`Device`] has no network and no clock: envelopes and times come in as arguments. Everything that
//! belongs together happens in one transaction, one turn; what was decided in it is on disk when
//! the call returns, and a process that dies before has decided nothing.

mod access;
mod agreeing;
mod alerts;
mod arrived;
mod backup;
mod deadlines;
mod delivery;
mod drills;
mod duress;
mod effects;
mod error;
mod handover;
mod holding;
mod homes;
mod joining;
mod kits;
mod leaving;
mod log;
mod newer;
mod opening;
mod peers;
mod plans;
mod prekey_ids;
mod presence;
mod relays;
mod remembering;
mod roster;
mod sealing;
mod tending;
#[cfg(test)]
mod tests;
mod unopened;
mod views;

#[cfg(not(test))]
use getrandom::SysRng;
use rand_core::Rng;
#[cfg(not(test))]
use rand_core::UnwrapErr;
use velar_protocol::circle::{AlertId, Membership, PersonId, Roster};
use velar_protocol::seal::{CircleId, Day, Identity, IdentitySecret, MemberId, Voice};

pub use access::Admittance;
pub use alerts::{AlertView, CheckInSaid};
pub use arrived::{Arrived, UnopenedBy, UnopenedView};
pub use deadlines::Missed;
pub use delivery::{Due, DueId};
pub use drills::DrillView;
pub use error::DeviceError;
pub use holding::HoldsView;
pub use homes::{ExchangeView, HomeView};
pub use joining::{AnswerView, JoinState, OfferToSend};
pub use kits::KitView;
pub use log::{Consent, LogView};
pub use newer::NewerView;
pub use presence::WatcherView;
pub use relays::NamedRelay;
pub use views::{MemberView, Progress, Reach};

use crate::records::{LeftKind, Profile, ProfileKind, RosterKind, Secret};
use crate::vault::{Kind, Part, Tx, Vault, VaultError};

/// Draws from the operating system.
#[cfg(not(test))]
pub type Entropy = UnwrapErr<SysRng>;
#[cfg(test)]
pub(crate) use tests::entropy::Entropy;

/// A device: an open vault and the keys in it.
pub struct Device {
    vault: Vault,
    identity: IdentitySecret,
    entropy: Entropy,
    prekeys: prekey_ids::PrekeyIds,
}

/// One transaction on a device's state, at one moment.
struct Turn<'a> {
    tx: &'a Tx<'a>,
    identity: &'a IdentitySecret,
    voice: Voice,
    now_s: u64,
    entropy: &'a mut Entropy,
}

type Done<T = ()> = Result<T, DeviceError>;

impl Device {
    /// Gives a new vault its identity.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn initialise(vault: &mut Vault) -> Done {
        let mut entropy = Entropy::default();
        let mut draw = |len: usize| {
            let mut bytes = vec![0; len];
            entropy.fill_bytes(&mut bytes);
            bytes
        };
        let identity = zeroize::Zeroizing::new(<[u8; 64]>::try_from(draw(64)).unwrap_or([0; 64]));
        let me = IdentitySecret::from_seed(&identity).public().member();
        let next_alarm = AlertId::draw(me, draw(8).try_into().unwrap_or_default());
        let profile = Profile {
            name: String::new(),
            identity: Secret(identity.to_vec()),
            person: PersonId(draw(16).try_into().unwrap_or_default()),
            homes: Vec::new(),
            card_counter: 0,
            check_in_counter: 0,
            check_in: None,
            next_alarm,
            circle: None,
            circle_name: String::new(),
        };
        vault.write(|tx| Ok(tx.put::<ProfileKind>(&[], &profile)?))
    }

    /// Takes over an open vault.
    ///
    /// # Errors
    /// [`DeviceError::Vault`]; [`DeviceError::Incomplete`] if it was never given an identity.
    pub fn of(mut vault: Vault) -> Done<Self> {
        let profile = vault.read(|tx| -> Done<_> { Ok(tx.get::<ProfileKind>(&[])?) })?;
        let seed = profile.and_then(|p| p.identity.array()).ok_or(DeviceError::Incomplete)?;
        let identity = IdentitySecret::from_seed(&seed);
        Ok(Self {
            vault,
            identity,
            entropy: Entropy::default(),
            prekeys: prekey_ids::PrekeyIds::default(),
        })
    }

    /// My keys' public half.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.identity.public()
    }

    /// My id.
    #[must_use]
    pub fn member(&self) -> MemberId {
        self.identity.public().member()
    }

    /// Whether another process, or this one, has changed anything since this was last asked.
    ///
    /// # Errors
    /// [`DeviceError::Vault`].
    pub fn changed(&mut self) -> Done<bool> {
        Ok(self.vault.changed()?)
    }

    /// Records of the vault that could not be read so far; a damaged index counts as one. Not 0: say so.
    #[must_use]
    pub fn damage(&self) -> usize {
        self.vault.damage().len() + usize::from(self.vault.index_damaged())
    }

    /// Whether the vault's files were open to other users of this machine until now.
    #[must_use]
    pub fn was_exposed(&self) -> bool {
        self.vault.was_exposed()
    }

    /// The folder that holds the vault's own: what lies beside the vault is there.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        self.vault.dir()
    }

    /// A random number for jitter.
    pub fn random(&mut self) -> u64 {
        self.entropy.next_u64()
    }

    fn write<T>(&mut self, now_s: u64, f: impl FnOnce(&mut Turn<'_>) -> Done<T>) -> Done<T> {
        let voice = Voice(self.vault.voice());
        let Self { vault, identity, entropy, .. } = self;
        vault.write(|tx| f(&mut Turn { tx, identity, voice, now_s, entropy }))
    }

    fn read<T>(&mut self, now_s: u64, f: impl FnOnce(&mut Turn<'_>) -> Done<T>) -> Done<T> {
        let voice = Voice(self.vault.voice());
        let Self { vault, identity, entropy, .. } = self;
        vault.read(|tx| f(&mut Turn { tx, identity, voice, now_s, entropy }))
    }
}

impl Turn<'_> {
    fn me(&self) -> MemberId {
        self.identity.public().member()
    }

    fn today(&self) -> Day {
        Day::of_unix(self.now_s)
    }

    fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill_bytes(&mut bytes);
        bytes
    }

    fn profile(&self) -> Done<Profile> {
        self.tx.get::<ProfileKind>(&[])?.ok_or(DeviceError::Incomplete)
    }

    fn set_profile(&self, profile: &Profile) -> Done {
        Ok(self.tx.put::<ProfileKind>(&[], profile)?)
    }

    /// The circle I am in, or am joining.
    fn circle(&self) -> Done<CircleId> {
        self.profile()?.circle.ok_or(DeviceError::NoCircle)
    }

    /// A record that concerns one member or one message. A damaged one is lost: it is said in the log and counts
    /// as not there, so that everything else goes on; what is stored next takes its place.
    fn readable<K: Kind>(&self, key: &[u8]) -> Done<Option<K::Value>> {
        match self.tx.get::<K>(key) {
            Err(VaultError::Damaged { what: Part::Record { kind } }) => {
                tracing::error!(kind, "a record is damaged: gone on without it");
                Ok(None)
            }
            other => Ok(other?),
        }
    }

    /// The newest roster; `None` before a circle is founded or joined.
    fn roster(&self) -> Done<Option<Roster>> {
        match self.tx.get::<RosterKind>(&[]) {
            Ok(None) => Ok(None),
            Ok(Some(signed)) => Ok(Some(Roster::anchor(self.circle()?, signed)?)),
            // Each state is kept a second time, under its number.
            Err(error @ VaultError::Damaged { what: Part::Record { .. } }) => {
                tracing::error!(%error, "the newest of the other copies is used");
                let circle = self.circle()?;
                let copies = self.tx.list::<RosterKind>()?.into_iter();
                let readable = copies.filter_map(|(_, signed)| Roster::anchor(circle, signed).ok());
                readable.max_by_key(Roster::number).map(Some).ok_or(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The roster, and who was in it.
    fn membership(&self) -> Done<Option<Membership>> {
        let Some(roster) = self.roster()? else { return Ok(None) };
        let former = self.tx.list::<LeftKind>()?.into_iter().map(|(_, former)| former);
        Ok(Some(Membership::new(roster, former.collect())))
    }

    /// The same, of a circle that there is.
    fn members(&self) -> Done<Membership> {
        match self.membership()? {
            Some(members) => Ok(members),
            None => self.the_roster().map(Membership::from),
        }
    }

    fn the_roster(&self) -> Done<Roster> {
        if let Some(roster) = self.roster()? {
            return Ok(roster);
        }
        Err(match self.join_state() {
            Ok(JoinState::Waiting | JoinState::Compare(_) | JoinState::Confirmed(_)) => {
                DeviceError::JoinPending
            }
            _ => DeviceError::NoCircle,
        })
    }
}
