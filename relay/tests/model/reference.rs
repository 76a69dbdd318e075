//! What may happen to a relay, and in which order it is likely to show something.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest_state_machine::ReferenceStateMachine;

use crate::world::{HOLD_LENGTH_S, IDLE_S, Kept, World};

pub(crate) const MAILBOXES: u8 = 3;
pub(crate) const TOKENS: u8 = 4;
pub(crate) const HOLDS: u8 = 4;

/// One operation.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// A client asks for something.
    Ask(Ask),
    /// Somebody reads so many envelopes, and acknowledges those whose bits are set.
    Read { mailbox: u8, room: usize, acks: u8 },
    /// Somebody begins to read and goes on: what comes is sent at once. Whoever did before is gone.
    Watch { mailbox: u8 },
    /// Nobody reads any more.
    Leave,
    /// The writer's next round: everything so far is answered.
    Commit,
    /// Time passes: holds are released, envelopes expire, unused mailboxes go.
    Pass { seconds: u64 },
    /// The power fails when the store has taken `applied` of the writes that wait, and flushed them or not.
    Crash { applied: usize, flushed: bool, outage_s: u64 },
    /// An operator stops the relay and starts it again.
    Stop { outage_s: u64 },
}

/// A request that is answered.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Open { mailbox: u8, tokens: BTreeSet<u8> },
    Close { mailbox: u8 },
    Send { token: u8, number: u16 },
    Hold { hold: u8, for_s: u32, deliveries: Vec<Delivery>, replaces: Option<u8> },
    Extend { hold: u8, for_s: u32 },
    Cancel { hold: u8 },
}

/// An envelope, known by its number, and the token that it is sent by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Delivery {
    pub(crate) token: u8,
    pub(crate) number: u16,
}

/// What was asked so far, and the world that a relay would be in if every crash kept all it could. It only
/// decides what to try next: [`System`](crate::system::System) judges by what was answered.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    world: World,
    numbers: u16,
}

pub(crate) struct Reference;

impl ReferenceStateMachine for Reference {
    type State = Story;
    type Transition = Op;

    fn init_state() -> BoxedStrategy<Story> {
        let story = Story { world: World::new(), numbers: 0 };
        Just(setup().iter().fold(story, Reference::apply)).boxed()
    }

    fn transitions(story: &Story) -> BoxedStrategy<Op> {
        let numbers = story.numbers;
        let token = likely(story.world.tokens(), TOKENS);
        let mailbox = likely(story.world.mailboxes(), MAILBOXES);
        let there = likely(story.world.holds(), HOLDS);
        let again = (token.clone(), 0..8_u16).prop_map(move |(token, back)| Ask::Send {
            token,
            number: (numbers - back.min(numbers)).max(1),
        });
        let new = token.clone().prop_map(move |token| Ask::Send { token, number: numbers + 1 });
        let hold = hold(numbers, token, there.clone());
        let extend =
            (there.clone(), length()).prop_map(|(hold, for_s)| Ask::Extend { hold, for_s });
        let opening = if story.world.mailboxes().is_empty() { 20 } else { 2 };
        prop_oneof![
            12 => new.prop_map(Op::Ask),
            5 => again.prop_map(Op::Ask),
            opening => open().prop_map(Op::Ask),
            1 => mailbox.clone().prop_map(|mailbox| Op::Ask(Ask::Close { mailbox })),
            8 => hold.prop_map(Op::Ask),
            3 => extend.prop_map(Op::Ask),
            1 => there.prop_map(|hold| Op::Ask(Ask::Cancel { hold })),
            3 => mailbox.clone().prop_map(|mailbox| Op::Watch { mailbox }),
            1 => Just(Op::Leave),
            6 => (mailbox, 0..8_usize, any::<u8>())
                .prop_map(|(mailbox, room, acks)| Op::Read { mailbox, room, acks }),
            4 => Just(Op::Commit),
            8 => pause().prop_map(|seconds| Op::Pass { seconds }),
            5 => (applied(), any::<bool>(), outage())
                .prop_map(|(applied, flushed, outage_s)| Op::Crash { applied, flushed, outage_s }),
            1 => outage().prop_map(|outage_s| Op::Stop { outage_s }),
        ]
        .boxed()
    }

    fn apply(mut story: Story, op: &Op) -> Story {
        let Story { world, numbers } = &mut story;
        match op {
            Op::Ask(ask) => {
                world.ask(ask);
                *numbers = (*numbers).max(ask.highest_number());
            }
            Op::Read { mailbox, room, acks } => {
                let there = world.read(*mailbox).unwrap_or_default();
                acknowledged(&there, *room, *acks).for_each(|number| world.ack(*mailbox, number));
            }
            Op::Watch { mailbox } => {
                world.watch(*mailbox);
            }
            Op::Leave => world.leave(),
            Op::Commit => world.commit(),
            Op::Pass { seconds } => {
                let released = world.due_after(*seconds);
                *world = world.pass(*seconds, &released).swap_remove(0);
            }
            Op::Crash { outage_s, .. } | Op::Stop { outage_s } => {
                *world = world.restart(Kept::Everything, *outage_s).swap_remove(0);
            }
        }
        story
    }
}

impl Ask {
    fn highest_number(&self) -> u16 {
        match self {
            Ask::Send { number, .. } => *number,
            Ask::Hold { deliveries, .. } => {
                deliveries.iter().map(|one| one.number).max().unwrap_or(0)
            }
            _ => 0,
        }
    }
}

/// How every case begins: a mailbox of two senders, and one of a single sender.
pub(crate) fn setup() -> [Op; 3] {
    let open = |mailbox, tokens: &[u8]| {
        Op::Ask(Ask::Open { mailbox, tokens: tokens.iter().copied().collect() })
    };
    [open(0, &[0, 1]), open(1, &[2]), Op::Commit]
}

/// Of the first `room` of what is there, those whose bits are set.
pub(crate) fn acknowledged(there: &[u16], room: usize, acks: u8) -> impl Iterator<Item = u16> {
    let marked = move |(at, _): &(usize, &u16)| *at < 8 && acks >> at & 1 == 1;
    there.iter().take(room).enumerate().filter(marked).map(|(_, number)| *number)
}

fn open() -> impl Strategy<Value = Ask> {
    let tokens = subsequence((0..TOKENS).collect::<Vec<u8>>(), 0..=usize::from(TOKENS));
    (0..MAILBOXES, tokens)
        .prop_map(|(mailbox, tokens)| Ask::Open { mailbox, tokens: tokens.into_iter().collect() })
}

/// Mostly one of these; now and then any.
fn likely(known: Vec<u8>, all: u8) -> BoxedStrategy<u8> {
    if known.is_empty() {
        return (0..all).boxed();
    }
    prop_oneof![6 => select(known), 1 => 0..all].boxed()
}

fn hold(
    numbers: u16,
    token: BoxedStrategy<u8>,
    there: BoxedStrategy<u8>,
) -> impl Strategy<Value = Ask> {
    let tokens = prop::collection::vec(token, 1..4);
    let replaces = prop::option::weighted(0.3, there);
    (0..HOLDS, length(), tokens, replaces).prop_map(move |(hold, for_s, tokens, replaces)| {
        let numbered = (numbers + 1..).zip(tokens);
        let deliveries = numbered.map(|(number, token)| Delivery { token, number }).collect();
        Ask::Hold { hold, for_s, deliveries, replaces }
    })
}

fn length() -> impl Strategy<Value = u32> {
    let wrong = prop_oneof![Just(0), Just(HOLD_LENGTH_S + 1)];
    prop_oneof![20 => 1..=30_u32, 4 => 31..=HOLD_LENGTH_S, 1 => wrong]
}

fn pause() -> impl Strategy<Value = u64> {
    prop_oneof![30 => 1..=20_u64, 8 => 21..60_u64, 4 => 60..=130_u64, 2 => 3400..=3800_u64, 1 => Just(2 * IDLE_S)]
}

fn outage() -> impl Strategy<Value = u64> {
    prop_oneof![20 => 0..=10_u64, 6 => 11..=130_u64, 2 => 3400..=3800_u64, 1 => Just(2 * IDLE_S)]
}

fn applied() -> impl Strategy<Value = usize> {
    prop_oneof![1 => Just(0), 8 => 1..6_usize, 2 => Just(usize::MAX)]
}
