//! Records as bytes: `version(1) ‖ crc32le(key ‖ body) ‖ body`. The checksum covers the key: a value
//! found under another key does not check out.

use velar_protocol::wire::{DeliveryOutcome, Envelope, HoldId, MailboxId, SendTokenHash};

use super::{HeldDelivery, HeldKey, HoldRecord, MailboxRecord, ShortDigest, StoredEnvelope};

const VERSION: u8 = 1;
const HEAD: usize = 5;

/// Key of an envelope in a mailbox: `mailbox(32) ‖ sequence(8, big-endian)`: a mailbox is one range, in order.
pub(super) fn envelope_key(mailbox: &MailboxId, sequence: u64) -> [u8; 40] {
    let mut key = [0; 40];
    key[..32].copy_from_slice(mailbox.as_bytes());
    key[32..].copy_from_slice(&sequence.to_be_bytes());
    key
}

/// Key of a held envelope: `hold(32) ‖ generation(4) ‖ delivery(1)`. No mailbox key has this length.
pub(super) fn held_key(key: HeldKey, delivery: u8) -> [u8; 37] {
    let mut bytes = [0; 37];
    bytes[..32].copy_from_slice(key.id.as_bytes());
    bytes[32..36].copy_from_slice(&key.generation.to_be_bytes());
    bytes[36] = delivery;
    bytes
}

pub(super) fn sealed(key: &[u8], body: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(HEAD + body.len());
    value.push(VERSION);
    value.extend_from_slice(&checksum(key, body).to_le_bytes());
    value.extend_from_slice(body);
    value
}

/// The body, if version and checksum are right.
pub(super) fn opened<'a>(key: &[u8], value: &'a [u8]) -> Option<&'a [u8]> {
    let (head, body) = value.split_at_checked(HEAD)?;
    let (&version, crc) = head.split_first()?;
    let crc = u32::from_le_bytes(crc.try_into().ok()?);
    (version == VERSION && crc == checksum(key, body)).then_some(body)
}

fn checksum(key: &[u8], body: &[u8]) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    hash.update(key);
    hash.update(body);
    hash.finalize()
}

pub(super) fn envelope(key: &[u8], value: &[u8]) -> Option<Envelope> {
    Envelope::new(opened(key, value)?.to_vec())
}

/// `received_at_s(8) ‖ digest(16)`.
pub(super) fn index_value(key: &[u8], stored: &StoredEnvelope) -> Vec<u8> {
    let mut body = [0; 24];
    body[..8].copy_from_slice(&stored.received_at_s.to_le_bytes());
    body[8..].copy_from_slice(&stored.digest);
    sealed(key, &body)
}

pub(super) fn index_entry(key: &[u8], value: &[u8]) -> Option<StoredEnvelope> {
    let body = opened(key, value)?;
    let mut rest = key;
    let mailbox = MailboxId(take(&mut rest)?);
    let sequence = u64::from_be_bytes(rest.try_into().ok()?);
    let mut rest = body;
    let received_at_s = u64::from_le_bytes(take(&mut rest)?);
    let digest: ShortDigest = rest.try_into().ok()?;
    Some(StoredEnvelope { mailbox, sequence, received_at_s, digest })
}

/// `sequence_ceiling(8) ‖ expired(8) ‖ used_day(4) ‖ token(32)*`.
pub(super) fn mailbox_body(record: &MailboxRecord) -> Vec<u8> {
    let mut body = Vec::with_capacity(20 + 32 * record.tokens.len());
    body.extend_from_slice(&record.sequence_ceiling.to_le_bytes());
    body.extend_from_slice(&record.expired.to_le_bytes());
    body.extend_from_slice(&record.used_day.to_le_bytes());
    for token in &record.tokens {
        body.extend_from_slice(token.as_bytes());
    }
    body
}

pub(super) fn mailbox(id: MailboxId, mut body: &[u8]) -> Option<MailboxRecord> {
    let sequence_ceiling = u64::from_le_bytes(take(&mut body)?);
    let expired = u64::from_le_bytes(take(&mut body)?);
    let used_day = u32::from_le_bytes(take(&mut body)?);
    let mut tokens = Vec::with_capacity(body.len() / 32);
    while !body.is_empty() {
        tokens.push(SendTokenHash(take(&mut body)?));
    }
    Some(MailboxRecord { id, sequence_ceiling, expired, used_day, tokens })
}

/// `generation(4) ‖ due_s(8) ‖ (outcome(1) ‖ token(32))*`.
pub(super) fn hold_body(record: &HoldRecord) -> Vec<u8> {
    let mut body = Vec::with_capacity(12 + 33 * record.deliveries.len());
    body.extend_from_slice(&record.key.generation.to_le_bytes());
    body.extend_from_slice(&record.due_s.to_le_bytes());
    for delivery in &record.deliveries {
        body.push(match delivery.outcome {
            DeliveryOutcome::Held => 0,
            DeliveryOutcome::Refused => 1,
            DeliveryOutcome::Full => 2,
        });
        body.extend_from_slice(delivery.token.as_bytes());
    }
    body
}

pub(super) fn hold(id: HoldId, mut body: &[u8]) -> Option<HoldRecord> {
    let generation = u32::from_le_bytes(take(&mut body)?);
    let due_s = u64::from_le_bytes(take(&mut body)?);
    let mut deliveries = Vec::with_capacity(body.len() / 33);
    while !body.is_empty() {
        let outcome = match take::<1>(&mut body)? {
            [0] => DeliveryOutcome::Held,
            [1] => DeliveryOutcome::Refused,
            [2] => DeliveryOutcome::Full,
            _ => return None,
        };
        deliveries.push(HeldDelivery { token: SendTokenHash(take(&mut body)?), outcome });
    }
    Some(HoldRecord { key: HeldKey { id, generation }, due_s, deliveries })
}

/// The next `N` bytes.
pub(super) fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_bit_or_a_foreign_key_does_not_check_out() {
        let value = sealed(b"key", b"body");
        assert_eq!(opened(b"key", &value), Some(&b"body"[..]));
        assert_eq!(opened(b"kez", &value), None);
        for byte in 0..value.len() {
            let mut bad = value.clone();
            bad[byte] ^= 4;
            assert_eq!(opened(b"key", &bad), None, "byte {byte}");
            assert_eq!(opened(b"key", &value[..byte]), None);
        }
    }

    #[test]
    fn records_survive_their_bytes_and_no_truncation_of_them_panics() {
        let mailbox_record = MailboxRecord {
            id: MailboxId([1; 32]),
            sequence_ceiling: 9,
            expired: 3,
            used_day: 20_000,
            tokens: vec![SendTokenHash([2; 32]), SendTokenHash([3; 32])],
        };
        let body = mailbox_body(&mailbox_record);
        assert_eq!(mailbox(mailbox_record.id, &body), Some(mailbox_record));
        let record = HoldRecord {
            key: HeldKey { id: HoldId([4; 32]), generation: 5 },
            due_s: 6,
            deliveries: [DeliveryOutcome::Held, DeliveryOutcome::Refused, DeliveryOutcome::Full]
                .map(|outcome| HeldDelivery { token: SendTokenHash([7; 32]), outcome })
                .to_vec(),
        };
        let held = hold_body(&record);
        assert_eq!(hold(record.key.id, &held), Some(record.clone()));
        for len in 0..body.len() {
            let _ = mailbox(MailboxId([1; 32]), &body[..len]);
        }
        for len in 0..held.len() {
            assert_ne!(hold(record.key.id, &held[..len]).as_ref(), Some(&record));
        }
    }
}
