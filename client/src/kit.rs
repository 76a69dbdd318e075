//! The panic kit: what lies beside the vault, outside its encryption, so that an alarm needs no passphrase.
//!
//! A file of envelopes sealed beforehand (spec/circles.md §11): [`Contents`] is what it holds and how its
//! bytes are read, whatever became of them; [`KitFile`] is where it lies and how several processes use it at
//! once; [`Posting`] hands a generation to the relays. Which generations there are is decided in the vault
//! ([`Device::keep_kit`](crate::device::Device::keep_kit)), and [`keep`] brings the two together.
//!
//! It shows relays and send tokens to whoever takes the device: no people, no mailboxes, no keys.

mod file;
mod format;
mod post;
mod record;
#[cfg(test)]
mod tests;

pub use file::{Empty, KitFile, Marker, Stamp, Taken};
pub use format::{Choice, Contents, Generation, SealedFor, Way, choose};
pub use post::{News, Posting};
pub use record::{Book, KitRecord, Made, Seat, State, VoicedBook};

use velar_protocol::circle::AlertId;
use velar_protocol::seal::MessageId;

use crate::device::{Device, DeviceError};

/// Generations that a kit holds.
pub const GENERATIONS: usize = 3;

/// How much of the kit may be made now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renew {
    /// Nothing: this device's clock is wrong by days, or its vault has only just been opened.
    Nothing,
    /// What lacks, but nothing is called old: no relay has said yet what time it is.
    Lacking,
    /// Everything.
    All,
}

/// Takes what `velar panic` did with the kit into the vault, and the kit to what it should be.
///
/// A kit that cannot be written stays as it is and is tried again with the next call: this is an error of
/// the vault alone.
///
/// # Errors
/// [`DeviceError`] of the vault.
pub fn keep(device: &mut Device, renew: Renew, now_s: u64) -> Result<(), DeviceError> {
    let file = KitFile::of(device.folder());
    let mut before = None;
    let look = || {
        before = file
            .bytes()
            .inspect_err(|error| tracing::warn!(%error, "the panic kit cannot be read"))
            .ok()?;
        Some(before.as_deref().map(Contents::decode))
    };
    let Some(wanted) = device.keep_kit(look, renew, now_s)? else { return Ok(()) };
    match file.replace(before.as_deref(), &wanted.encode()) {
        Ok(true) => {}
        Ok(false) => tracing::debug!("the panic kit was used meanwhile"),
        Err(error) => tracing::warn!(%error, "the panic kit cannot be written"),
    }
    Ok(())
}

/// After the vault was opened: if the kit was used since, what it did is in the vault from now on. Of a device that was
/// removed from its circle nothing stays in it: an alarm would reach nobody.
///
/// # Errors
/// [`DeviceError`] of the vault.
pub fn reconcile(device: &mut Device, now_s: u64) -> Result<(), DeviceError> {
    let bytes = KitFile::of(device.folder()).bytes().ok().flatten();
    let used = |found: Contents| found.generations.iter().any(|one| one.used_s.is_some());
    let contents = bytes.as_deref().map(Contents::decode);
    let is_full = contents.as_ref().is_some_and(|contents| !contents.generations.is_empty());
    // Whether it was removed does not decide whether a vault opens.
    if contents.is_some_and(used) || (is_full && device.is_removed().unwrap_or(false)) {
        keep(device, Renew::Nothing, now_s)?;
    }
    Ok(())
}

/// The vault was opened after an alarm was taken from the kit: it is in the vault from now on, whatever the kit's
/// file could or could not be made to say. Its alert and message; `None` if this vault does not know of it.
///
/// # Errors
/// [`DeviceError`] of the vault.
pub fn raised(
    device: &mut Device,
    taken: &Taken,
    now_s: u64,
) -> Result<Option<(AlertId, MessageId)>, DeviceError> {
    let file = KitFile::of(device.folder());
    let look = || {
        let bytes = file.bytes().ok().flatten();
        let mut found = bytes.as_deref().map(Contents::decode).unwrap_or_default();
        found.generations.retain(|one| one.number != taken.generation.number);
        let used_s = taken.generation.used_s.or(Some(now_s));
        found.generations.push(Generation { used_s, ..taken.generation.clone() });
        Some(Some(found))
    };
    device.keep_kit(look, Renew::Nothing, now_s)?;
    device.kit_message(taken.generation.number)
}
