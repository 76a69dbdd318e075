//! What each fuzz target does with its input. Included by the targets (nightly, libFuzzer) and by
//! `relay/tests/corpus.rs` (stable, replays the corpora). Layout as in `protocol/fuzz/`.
#![allow(dead_code, reason = "each target uses one body, the replay uses the table")]

#[path = "world.rs"]
pub(crate) mod world;

use world::World;

/// A fuzz target: the name of its corpus, and its body.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every target.
pub(crate) const TARGETS: &[Target] = &[("session_sequence", session_sequence)];

/// Steps of one sequence: enough to fill every mailbox, let it expire, and fill it again.
const STEPS: usize = 256;

/// What clients ask for, time, commits and crashes, in the order of the input; after each step all that the
/// relay has promised is there.
pub(crate) fn session_sequence(input: &[u8]) {
    let mut world = World::new(input);
    for _ in 0..STEPS {
        if !world.step() {
            break;
        }
        world.check();
    }
    world.commit();
    world.check();
}
