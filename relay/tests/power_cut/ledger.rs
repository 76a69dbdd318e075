//! What a relay was asked and what it answered, each with the length of its journal: after a cut at any place it
//! says what must be there, what may, and what must not.

use std::collections::BTreeMap;

use velar_protocol::wire::Envelope;

/// Everything that was ever asked for.
#[derive(Clone, Default)]
pub struct Ledger {
    /// By the byte that their secret is made from.
    pub mailboxes: BTreeMap<u8, Life>,
    /// By number.
    pub envelopes: BTreeMap<u32, (u8, Life)>,
    /// By the bytes of their secret.
    pub holds: BTreeMap<[u8; 32], Hold>,
}

#[derive(Clone)]
pub struct Hold {
    pub life: Life,
    /// Mailbox and number of what it holds.
    pub held: Vec<(u8, u32)>,
    /// Whose place it takes, in one step.
    pub replaces: Option<[u8; 32]>,
}

/// Lengths of the journal. Of questions: just before they left. Of answers: when they had come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Life {
    pub asked: u64,
    pub made: Option<u64>,
    pub ending: Option<u64>,
    pub ended: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Must,
    May,
    MustNot,
}

impl Life {
    pub fn asked(at: u64) -> Self {
        Self { asked: at, ..Self::default() }
    }

    /// After a cut that left this much of the journal.
    pub fn after(&self, cut: u64) -> Presence {
        let before = |at: Option<u64>| at.is_some_and(|at| at <= cut);
        if self.asked >= cut || before(self.ended) {
            Presence::MustNot
        } else if before(self.made) && self.ending.is_none_or(|ending| ending >= cut) {
            Presence::Must
        } else {
            Presence::May
        }
    }

    /// The same as history for a relay that goes on from that cut.
    fn carried(&self, cut: u64) -> Option<Self> {
        let some = |yes: bool| yes.then_some(0);
        let presence = self.after(cut);
        (self.asked < cut).then_some(Self {
            asked: 0,
            made: some(presence == Presence::Must),
            ending: some(presence != Presence::Must),
            ended: some(presence == Presence::MustNot),
        })
    }
}

impl Ledger {
    /// History for a relay that goes on from a cut.
    pub fn carried(&self, cut: u64) -> Self {
        let mailboxes = self.mailboxes.iter();
        let envelopes = self.envelopes.iter();
        let holds = self.holds.iter();
        Self {
            mailboxes: mailboxes.filter_map(|(id, life)| Some((*id, life.carried(cut)?))).collect(),
            envelopes: envelopes
                .filter_map(|(id, (mailbox, life))| Some((*id, (*mailbox, life.carried(cut)?))))
                .collect(),
            holds: holds
                .filter_map(|(id, hold)| {
                    let life = hold.life.carried(cut)?;
                    Some((*id, Hold { life, held: hold.held.clone(), replaces: None }))
                })
                .collect(),
        }
    }
}

/// No two are alike anywhere, and none has a sector of zeros: a torn one cannot pass for another.
pub fn envelope(number: u32) -> Envelope {
    let mut random = super::random::Random(u64::from(number));
    let mut bytes = number.to_le_bytes().to_vec();
    while bytes.len() < 4096 {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    bytes.truncate(4096);
    Envelope::new(bytes).unwrap()
}

/// Numbers of one source grow in the order of sending.
pub fn source(number: u32) -> u32 {
    number >> 16
}
