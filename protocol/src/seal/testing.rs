//! People, prekeys and repeatable randomness for the tests of sealing.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

use super::*;
use crate::hash::labelled;

/// The circle of all tests.
pub(super) const CIRCLE: CircleId = CircleId([0xc1; 32]);
/// The day of all tests.
pub(super) const TODAY: Day = Day(20_000);

/// Repeatable bytes that do not repeat themselves.
pub(super) struct Stream(pub(super) u64);

impl TryRng for Stream {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Infallible> {
        for chunk in dest.chunks_mut(32) {
            self.0 += 1;
            let block = labelled(b"test stream", &[&self.0.to_le_bytes()]);
            chunk.iter_mut().zip(block).for_each(|(to, from)| *to = from);
        }
        Ok(())
    }
}
impl TryCryptoRng for Stream {}

pub(super) fn person(seed: u8) -> IdentitySecret {
    IdentitySecret::from_seed(&[seed; 64])
}

pub(super) fn prekey_secret(seed: u8) -> PrekeySecret {
    PrekeySecret::from_seed(&[seed ^ 0x80; 96]) // never the keys of a `person`
}

/// A prekey of `owner`, issued today.
pub(super) fn issued(owner: &IdentitySecret, seed: u8) -> Prekey {
    prekey_secret(seed).issue(owner, &CIRCLE, TODAY, PrekeyKind::OneTime)
}

pub(super) fn checked(owner: &IdentitySecret, seed: u8) -> CheckedPrekey {
    issued(owner, seed).verify(&owner.public(), &CIRCLE, TODAY, PrekeyKind::OneTime).unwrap()
}

/// A small message in one part.
pub(super) fn part(sender: &IdentitySecret, body: &[u8], prekeys: Vec<Prekey>) -> Part {
    Part {
        sender: sender.public().member(),
        roster_number: 3,
        roster_hash: [4; 32],
        voice: Voice([5; 16]),
        message: MessageId([6; 16]),
        sequence: 7,
        index: 0,
        count: 1,
        yours_held: 2,
        body: body.to_vec(),
        prekeys,
    }
}
