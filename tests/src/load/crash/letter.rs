//! Envelopes that say what they are, and whose bytes can be made again from that: nobody has to keep them.

use velar_protocol::wire::Envelope;
use velar_protocol::wire::limits::ENVELOPE_LEN;

use super::chance::Chance;

/// Run (8 bytes), kind (1), delivery (1), mailbox (4), number (8), all little-endian.
const HEADER_LEN: usize = 22;

const SENT: u8 = 1;
const HELD: u8 = 2;

/// Names one envelope of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Letter {
    /// The sender's `number`th, from 0.
    Sent { mailbox: u32, number: u64 },
    /// One delivery of a hold.
    Held { mailbox: u32, hold: u64, delivery: u8 },
}

/// Why an envelope is none of this run's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It does not even claim to be.
    Foreign,
    /// It claims to be, but other bytes follow.
    Changed,
}

impl Letter {
    /// Its bytes: always the same ones.
    pub(super) fn envelope(self, run: u64) -> Envelope {
        Envelope::new(self.bytes(run)).unwrap_or_else(|| unreachable!("it was filled up"))
    }

    /// Finds out which one this is, and that no byte differs.
    pub(super) fn read(run: u64, envelope: &Envelope) -> Result<Self, Wrong> {
        let bytes = envelope.as_bytes();
        let letter = Self::claimed(run, bytes)?;
        if bytes.as_ref() == letter.bytes(run) { Ok(letter) } else { Err(Wrong::Changed) }
    }

    fn claimed(run: u64, bytes: &[u8]) -> Result<Self, Wrong> {
        let (claimed, rest) = bytes.split_first_chunk::<8>().ok_or(Wrong::Foreign)?;
        if u64::from_le_bytes(*claimed) != run {
            return Err(Wrong::Foreign);
        }
        let (&[kind, delivery], rest) = rest.split_first_chunk().ok_or(Wrong::Changed)?;
        let (mailbox, rest) = rest.split_first_chunk().ok_or(Wrong::Changed)?;
        let (number, _) = rest.split_first_chunk().ok_or(Wrong::Changed)?;
        let (mailbox, number) = (u32::from_le_bytes(*mailbox), u64::from_le_bytes(*number));
        match (kind, delivery) {
            (SENT, 0) => Ok(Self::Sent { mailbox, number }),
            (HELD, delivery) => Ok(Self::Held { mailbox, hold: number, delivery }),
            _ => Err(Wrong::Changed),
        }
    }

    fn bytes(self, run: u64) -> Vec<u8> {
        let (kind, delivery, mailbox, number) = match self {
            Self::Sent { mailbox, number } => (SENT, 0, mailbox, number),
            Self::Held { mailbox, hold, delivery } => (HELD, delivery, mailbox, hold),
        };
        let mut bytes = Vec::with_capacity(ENVELOPE_LEN + 8);
        bytes.extend_from_slice(&run.to_le_bytes());
        bytes.extend_from_slice(&[kind, delivery]);
        bytes.extend_from_slice(&mailbox.to_le_bytes());
        bytes.extend_from_slice(&number.to_le_bytes());
        debug_assert_eq!(bytes.len(), HEADER_LEN);
        let place = u64::from(mailbox) << 16 | u64::from(kind) << 8 | u64::from(delivery);
        let mut filling = Chance::new(run ^ number.rotate_left(40) ^ place);
        while bytes.len() < ENVELOPE_LEN {
            bytes.extend_from_slice(&filling.next().to_le_bytes());
        }
        bytes.truncate(ENVELOPE_LEN);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_is_read_as_itself_and_no_two_are_alike() {
        let letters = [
            Letter::Sent { mailbox: 3, number: 7 },
            Letter::Sent { mailbox: 7, number: 3 },
            Letter::Held { mailbox: 3, hold: 7, delivery: 0 },
            Letter::Held { mailbox: 3, hold: 7, delivery: 1 },
        ];
        for letter in letters {
            assert_eq!(Letter::read(5, &letter.envelope(5)), Ok(letter));
            let alike = letters.iter().filter(|other| other.envelope(5) == letter.envelope(5));
            assert_eq!(alike.count(), 1);
        }
    }

    #[test]
    fn a_changed_byte_is_seen_wherever_it_is() {
        let letter = Letter::Sent { mailbox: 3, number: 7 };
        for at in (0..ENVELOPE_LEN).step_by(7) {
            let mut bytes = letter.bytes(5);
            bytes[at] ^= 1;
            let envelope = Envelope::new(bytes).unwrap();
            let wrong = if at < 8 { Wrong::Foreign } else { Wrong::Changed };
            assert_eq!(Letter::read(5, &envelope), Err(wrong), "byte {at}");
        }
    }
}
