//! What records of the tree `records` say, as bytes.

use velar_protocol::wire::{ChildId, DeliveryOutcome, HoldId, MailboxId, SendTokenHash};

use super::take;
use crate::store::{
    ClockMark, HeldDelivery, HeldKey, HoldRecord, LostHold, MailboxRecord, SpentChild,
    SpentChildren,
};

/// Of a mailbox's record, before its tokens.
const MAILBOX_HEAD: usize = 22;
/// At the end of a mailbox's record: how many envelopes went with it.
const EXPIRED: usize = 4;
/// Before the id of a replaced hold, where others have an outcome.
const REPLACES: u8 = 3;
/// Behind used children: a mailbox was opened with them.
const OPENS: u8 = 1;

/// `sequence_ceiling(8) ‖ expired(8) ‖ used_day(4) ‖ access(2) ‖ token(32)*`, and, if envelopes expired in the same step, how many
/// (4).
pub(in crate::store) fn mailbox_body(record: &MailboxRecord) -> Vec<u8> {
    let mut body = Vec::with_capacity(MAILBOX_HEAD + 32 * record.tokens.len());
    body.extend_from_slice(&record.sequence_ceiling.to_le_bytes());
    body.extend_from_slice(&record.expired.to_le_bytes());
    body.extend_from_slice(&record.used_day.to_le_bytes());
    body.extend_from_slice(&record.access.to_le_bytes());
    for token in &record.tokens {
        body.extend_from_slice(token.as_bytes());
    }
    body
}

/// [`mailbox_body`] of a step in which so many envelopes expire.
pub(in crate::store) fn expiring_body(record: &MailboxRecord, count: u32) -> Vec<u8> {
    let mut body = mailbox_body(record);
    body.extend_from_slice(&count.to_le_bytes());
    body
}

/// How many envelopes of a mailbox expired in the step that wrote this body.
pub(in crate::store) fn expired_with(body: &[u8]) -> u32 {
    let tail =
        body.get(MAILBOX_HEAD..).map_or(&[][..], |tokens| tokens.chunks_exact(32).remainder());
    tail.try_into().map_or(0, u32::from_le_bytes)
}

pub(in crate::store) fn mailbox(id: MailboxId, mut body: &[u8]) -> Option<MailboxRecord> {
    let sequence_ceiling = u64::from_le_bytes(take(&mut body)?);
    let expired = u64::from_le_bytes(take(&mut body)?);
    let used_day = u32::from_le_bytes(take(&mut body)?);
    let access = u16::from_le_bytes(take(&mut body)?);
    let mut tokens = Vec::with_capacity(body.len() / 32);
    while !body.is_empty() && body.len() != EXPIRED {
        tokens.push(SendTokenHash(take(&mut body)?));
    }
    Some(MailboxRecord { id, sequence_ceiling, expired, used_day, access, tokens })
}

/// `generation(4) ‖ due_s(8) ‖ (outcome(1) ‖ token(32))*`, and, if it takes the place of another in the same step, `3(1) ‖
/// that one's id(32)`.
pub(in crate::store) fn hold_body(record: &HoldRecord) -> Vec<u8> {
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

/// [`hold_body`] of a step in which another hold goes.
pub(in crate::store) fn replacing_body(record: &HoldRecord, old: HoldId) -> Vec<u8> {
    let mut body = hold_body(record);
    body.push(REPLACES);
    body.extend_from_slice(old.as_bytes());
    body
}

/// The hold that went in the step that wrote this body.
pub(in crate::store) fn replaced_with(body: &[u8]) -> Option<HoldId> {
    let (&REPLACES, old) = body.get(12..)?.chunks_exact(33).next_back()?.split_first()? else {
        return None;
    };
    Some(HoldId(old.try_into().ok()?))
}

pub(in crate::store) fn hold(id: HoldId, mut body: &[u8]) -> Option<HoldRecord> {
    let generation = u32::from_le_bytes(take(&mut body)?);
    let due_s = u64::from_le_bytes(take(&mut body)?);
    let mut deliveries = Vec::with_capacity(body.len() / 33);
    while !body.is_empty() {
        let outcome = match take::<1>(&mut body)? {
            [0] => DeliveryOutcome::Held,
            [1] => DeliveryOutcome::Refused,
            [2] => DeliveryOutcome::Full,
            [REPLACES] if body.len() == 32 => break,
            _ => return None,
        };
        deliveries.push(HeldDelivery { token: SendTokenHash(take(&mut body)?), outcome });
    }
    Some(HoldRecord { key: HeldKey { id, generation }, due_s, deliveries })
}

/// `hold_ms(8) ‖ age_ms(8) ‖ wall_ms(8) ‖ pending_ms(8)`.
pub(in crate::store) fn clock_body(mark: &ClockMark) -> Vec<u8> {
    let ClockMark { hold_ms, age_ms, wall_ms, pending_ms } = *mark;
    [hold_ms, age_ms, wall_ms, pending_ms].iter().flat_map(|ms| ms.to_le_bytes()).collect()
}

pub(in crate::store) fn clock(mut body: &[u8]) -> Option<ClockMark> {
    let mark = ClockMark {
        hold_ms: u64::from_le_bytes(take(&mut body)?),
        age_ms: u64::from_le_bytes(take(&mut body)?),
        wall_ms: u64::from_le_bytes(take(&mut body)?),
        pending_ms: u64::from_le_bytes(take(&mut body)?),
    };
    body.is_empty().then_some(mark)
}

/// `(until_s(8) ‖ id(16))*`, and, if a mailbox is opened in the same step, `1(1)`.
pub(in crate::store) fn spent_body(spent: &SpentChildren) -> Vec<u8> {
    let mut body = Vec::with_capacity(24 * spent.children.len());
    for child in &spent.children {
        body.extend_from_slice(&child.until_s.to_le_bytes());
        body.extend_from_slice(child.id.as_bytes());
    }
    body
}

/// [`spent_body`] of a step in which a mailbox is opened by one of them.
pub(in crate::store) fn opening_body(spent: &SpentChildren) -> Vec<u8> {
    let mut body = spent_body(spent);
    body.push(OPENS);
    body
}

/// Whether a mailbox was opened in the step that wrote this body.
pub(in crate::store) fn opens(body: &[u8]) -> bool {
    body.chunks_exact(24).remainder() == [OPENS]
}

pub(in crate::store) fn spent(access: u16, mut body: &[u8]) -> Option<SpentChildren> {
    let mut children = Vec::with_capacity(body.len() / 24);
    while !body.is_empty() && body != [OPENS] {
        let until_s = u64::from_le_bytes(take(&mut body)?);
        children.push(SpentChild { id: ChildId(take(&mut body)?), until_s });
    }
    Some(SpentChildren { access, children })
}

/// `until_s(8)`.
pub(in crate::store) fn lost_hold(id: HoldId, body: &[u8]) -> Option<LostHold> {
    Some(LostHold { id, until_s: u64::from_le_bytes(body.try_into().ok()?) })
}
