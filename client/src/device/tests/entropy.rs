//! Random bytes that a test can draw twice.

use std::convert::Infallible;

use getrandom::SysRng;
use rand_core::{Rng, TryCryptoRng, TryRng, UnwrapErr};
use velar_protocol::hash::labelled;

/// Draws from the operating system, unless a test says from what.
#[derive(Default)]
pub(crate) enum Entropy {
    /// As outside of tests.
    #[default]
    System,
    /// The same bytes for the same seed.
    Seeded {
        /// From what.
        seed: u64,
        /// How many blocks were drawn.
        drawn: u64,
    },
}

impl TryRng for Entropy {
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

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        match self {
            Self::System => UnwrapErr(SysRng).fill_bytes(dst),
            Self::Seeded { seed, drawn } => {
                for chunk in dst.chunks_mut(32) {
                    let parts = [&seed.to_le_bytes()[..], &drawn.to_le_bytes()];
                    let block = labelled(b"velar client test entropy", &parts);
                    chunk.iter_mut().zip(block).for_each(|(to, from)| *to = from);
                    *drawn += 1;
                }
            }
        }
        Ok(())
    }
}

impl TryCryptoRng for Entropy {}
