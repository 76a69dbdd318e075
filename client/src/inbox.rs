//! The inbox: what becomes of parts that came from one sender, and the receipts that are owed. Pure; days
//! are arguments.
//!
//! An envelope comes at least once; its message is taken in once and receipted each time. What a stranger
//! (who answers an invitation, or a newcomer) brings along is put aside until the message says who it is by.

use serde::{Deserialize, Serialize};
use velar_protocol::circle::limits::MAX_RECEIPT;
use velar_protocol::seal::{
    Arrival, Assembly, AssemblyError, Day, MemberId, MessageId, Part, Prekey, Whole,
};

use crate::records::Holder;

/// Parts of one message that is not complete.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbox {
    assembly: Assembly,
    stranger: bool,
    /// Prekeys that came with parts of a stranger.
    prekeys: Vec<Prekey>,
    /// The invitation or spare that a part came under; of a long message only the first part does.
    through: Option<Holder>,
}

/// What came of a part.
#[derive(Clone, PartialEq, Eq)]
pub enum Taken {
    /// The last part that was missing.
    Message(Box<Complete>),
    /// Others are missing.
    Waiting,
    /// It was here before.
    Double,
}

/// A message with all its parts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complete {
    /// The message.
    pub whole: Whole,
    /// The kind of prekey it came under; the invitation or spare, if any part came under one.
    pub through: Holder,
    /// Prekeys that came along, if its sender was a stranger.
    pub brought: Vec<Prekey>,
}

impl Inbox {
    /// Takes a part. `stranger`: its sender is not known yet.
    ///
    /// # Errors
    /// [`AssemblyError`]: it contradicts its message; nothing changes.
    pub fn take(
        &mut self,
        part: &Part,
        through: Holder,
        stranger: bool,
        today: Day,
    ) -> Result<Taken, AssemblyError> {
        let arrival = self.assembly.accept(part, today)?;
        self.stranger = stranger;
        if stranger && arrival != Arrival::Double {
            self.prekeys.extend(part.prekeys.iter().cloned());
        }
        if matches!(through, Holder::Invitation(_) | Holder::Spare(..)) {
            self.through = Some(through);
        }
        Ok(match arrival {
            Arrival::Whole(whole) => Taken::Message(Box::new(Complete {
                whole,
                through: self.through.take().unwrap_or(through),
                brought: std::mem::take(&mut self.prekeys),
            })),
            Arrival::Waiting { .. } => Taken::Waiting,
            Arrival::Double => Taken::Double,
        })
    }

    /// Whether its sender was not known when its last part came.
    #[must_use]
    pub fn is_of_stranger(&self) -> bool {
        self.stranger
    }

    /// The message, and whom it says it is by; `None` if nothing is waiting.
    #[must_use]
    pub fn message(&self) -> Option<(MemberId, MessageId)> {
        self.assembly.messages().next()
    }

    /// Drops the voices of what waits, if it is by this sender; says whether it is.
    pub fn forget_voices(&mut self, sender: &MemberId) -> bool {
        self.assembly.forget_voices(sender);
        self.message().is_some_and(|(by, _)| by == *sender)
    }

    /// Whether nothing is waiting: the record can go.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.assembly.incomplete() == 0
    }

    /// Gives up what has waited too long, and names it.
    pub fn expire(&mut self, today: Day) -> Vec<(MemberId, MessageId)> {
        self.assembly.expire(today)
    }
}

/// Messages of one member for which a receipt is owed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed(Vec<MessageId>);

impl Owed {
    /// One more; once is enough until the receipt is sent.
    pub fn add(&mut self, message: MessageId) {
        if !self.0.contains(&message) {
            self.0.push(message);
        }
    }

    /// In as few receipts as carry them, oldest first.
    #[must_use]
    pub fn receipts(self) -> Vec<Vec<MessageId>> {
        self.0.chunks(MAX_RECEIPT).map(<[MessageId]>::to_vec).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use velar_protocol::seal::lifetimes::PART_DAYS;
    use velar_protocol::seal::{IdentitySecret, PrekeyKind, PrekeySecret, Voice, split};

    use super::*;

    const TODAY: Day = Day(20_000);

    fn sender() -> IdentitySecret {
        IdentitySecret::from_seed(&[5; 64])
    }

    fn parts(message: u8, len: usize, prekeys: u8) -> Vec<Part> {
        let issue = |n: u8| {
            let circle = velar_protocol::seal::CircleId([1; 32]);
            PrekeySecret::from_seed(&[n + 1; 96]).issue(
                &sender(),
                &circle,
                TODAY,
                PrekeyKind::OneTime,
            )
        };
        let body: Vec<u8> = (0..len).map(|i| i as u8).collect();
        let pieces = split(&body, (0..prekeys).map(issue).collect()).unwrap();
        let count = pieces.len() as u8;
        let part = |(index, piece): (usize, velar_protocol::seal::Piece)| Part {
            sender: sender().public().member(),
            roster_number: 1,
            roster_hash: [0; 32],
            voice: Voice([0; 16]),
            message: MessageId([message; 16]),
            sequence: u64::from(message),
            index: index as u8,
            count,
            yours_held: 0,
            body: piece.body,
            prekeys: piece.prekeys,
        };
        pieces.into_iter().enumerate().map(part).collect()
    }

    proptest! {
        #[test]
        fn parts_in_any_order_with_doubles_make_one_message(
            order in Just((0..6usize).chain(0..6).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let parts = parts(1, 15_000, 0);
            prop_assert_eq!(parts.len(), 6);
            let mut inbox = Inbox::default();
            let mut whole = Vec::new();
            for index in order {
                // After completion, whoever remembers the message does not ask again.
                if whole.is_empty()
                    && let Taken::Message(complete) =
                        inbox.take(&parts[index], Holder::Everyone, false, TODAY).unwrap()
                {
                    whole.push(complete.whole.body.clone());
                }
            }
            let body: Vec<u8> = (0..15_000).map(|i| i as u8).collect();
            prop_assert_eq!(whole, vec![body]);
            prop_assert!(inbox.is_empty());
        }
    }

    #[test]
    fn what_a_stranger_brings_is_kept_until_the_message_is_whole() {
        let parts = parts(1, 3_000, 4);
        let mut inbox = Inbox::default();
        let spare = Holder::Spare(sender().public().member(), 7);
        let mut last = None;
        for (index, part) in parts.iter().enumerate() {
            let through = if index == 0 { spare } else { Holder::Everyone };
            assert!(inbox.take(part, through, true, TODAY).is_ok_and(|taken| {
                last = Some(taken);
                true
            }));
        }
        let Some(Taken::Message(complete)) = last else { panic!("not complete") };
        assert_eq!((complete.through, complete.brought.len()), (spare, 4));
    }

    #[test]
    fn a_double_of_a_strangers_part_brings_nothing_twice() {
        let parts = parts(1, 3_000, 4);
        let mut inbox = Inbox::default();
        for _ in 0..3 {
            inbox.take(&parts[0], Holder::Everyone, true, TODAY).ok().unwrap();
        }
        assert_eq!(inbox.prekeys.len(), parts[0].prekeys.len());
    }

    #[test]
    fn what_never_becomes_complete_is_given_up_and_named() {
        let parts = parts(9, 3_000, 0);
        let mut inbox = Inbox::default();
        inbox.take(&parts[0], Holder::Everyone, false, TODAY).ok().unwrap();
        assert!(inbox.expire(Day(TODAY.0 + PART_DAYS)).is_empty());
        let expired = inbox.expire(Day(TODAY.0 + PART_DAYS + 1));
        assert_eq!(expired, [(sender().public().member(), MessageId([9; 16]))]);
        assert!(inbox.is_empty());
    }

    #[test]
    fn receipts_name_each_message_once_in_few_messages() {
        let mut owed = Owed::default();
        for n in 0..=u8::MAX {
            owed.add(MessageId([n; 16]));
            owed.add(MessageId([n / 2; 16]));
        }
        let receipts = owed.receipts();
        assert_eq!(receipts.len(), 256 / MAX_RECEIPT);
        assert_eq!(receipts.concat().len(), 256);
    }
}
