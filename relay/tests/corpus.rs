//! Every fuzz target's corpus, on stable. A crash that fuzzing finds is fixed and its input added here.
//! `VELAR_WRITE_SEEDS=1` writes the seeds that are made by code anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what must hold by panicking"
)]

#[path = "../fuzz/bodies.rs"]
mod bodies;

use std::path::PathBuf;
use std::{env, fs};

use bodies::world::op::*;
use proptest::prelude::*;

fn folder(target: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fuzz", "corpus", target].iter().collect()
}

/// Mailbox 0 of tokens 0 and 1, mailbox 1 of token 2.
const BOTH: [u8; 9] = [OPEN, 0, 0b0011, 0, OPEN, 1, 0b0100, 0, COMMIT];
const READ: [u8; 5] = [SUBSCRIBE, 0b001, TAKE, 0, 7];

/// Sequences that go to the corners: `(name, operations after both mailboxes are open)`.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let many = |count: usize, what: &[u8]| what.repeat(count);
    let hold = |id: u8, for_s: u8, to: u8| [HOLD, id, for_s, to, 0];
    vec![
        ("send", vec![SEND, 0, SEND, 2, COMMIT]),
        ("send-unanswered", vec![SEND, 0, SEND, 1, SEND, 0]),
        ("send-crash", vec![SEND, 0, COMMIT, SEND, 1, SEND, 0, CRASH, 1, 9]),
        ("send-crash-nothing-arrives", vec![SEND, 0, SEND, 1, CRASH, 0, 0, AGAIN, 0, 1, COMMIT]),
        ("again", vec![SEND, 0, COMMIT, AGAIN, 0, 0, AGAIN, 1, 0, COMMIT, AGAIN, 2, 0, COMMIT]),
        ("token-full", many(6, &[SEND, 0, COMMIT])),
        ("mailbox-full", [many(4, &[SEND, 0]), many(4, &[SEND, 1]), vec![COMMIT]].concat()),
        (
            "full-and-freed",
            [many(6, &[SEND, 0]), READ.to_vec(), vec![ACK, 0, SEND, 0, COMMIT]].concat(),
        ),
        ("rate", many(12, &[SEND, 0, SUBSCRIBE, 1, TAKE, 0, 7, ACK, 0, LEAVE, 0])),
        ("read", [vec![SEND, 0, COMMIT, SEND, 1], READ.to_vec(), vec![ACK, 0, ACK, 0]].concat()),
        ("read-before-commit", [READ.to_vec(), vec![SEND, 0, TAKE, 0, 7, COMMIT, ACK, 0]].concat()),
        ("ack-before-commit", [READ.to_vec(), vec![SEND, 0, TAKE, 0, 7, ACK, 0, COMMIT]].concat()),
        (
            "ack-and-crash",
            [vec![SEND, 0, SEND, 0, COMMIT], READ.to_vec(), vec![ACK, 1, CRASH, 0, 1]].concat(),
        ),
        (
            "two-readers",
            [
                many(2, &[SUBSCRIBE, 0b011]),
                many(3, &[SEND, 0, SEND, 2]),
                vec![TAKE, 0, 2, TAKE, 1, 7, ACK, 0, COMMIT, LEAVE, 0, TAKE, 0, 7, ACK, 1, ACK, 0],
            ]
            .concat(),
        ),
        ("too-many-readers", many(3, &[SUBSCRIBE, 0b001])),
        ("reader-of-nothing", vec![SUBSCRIBE, 0b100, SUBSCRIBE, 0b111]),
        ("expiry", vec![SEND, 0, COMMIT, PASS, 119, SEND, 1, COMMIT, PASS, 1, PASS, 118, PASS, 1]),
        ("expiry-and-again", vec![SEND, 0, COMMIT, PASS, 120, AGAIN, 0, 0, COMMIT]),
        ("expiry-over-a-crash", vec![SEND, 0, COMMIT, CRASH, 0, 121, SEND, 0, COMMIT]),
        ("revoked", vec![SEND, 0, COMMIT, OPEN, 0, 0b0010, 0, SEND, 0, SEND, 1, COMMIT]),
        ("token-moves", vec![SEND, 0, OPEN, 0, 0b0010, 0, OPEN, 1, 0b0101, 0, SEND, 0, COMMIT]),
        ("token-taken", vec![OPEN, 1, 0b0001, 0, SEND, 0, COMMIT]),
        ("wrong-proof", vec![OPEN, 0, 0b1111, 7, SEND, 3]),
        ("third-mailbox", vec![OPEN, 2, 0b1000, 0, SEND, 3, CLOSE, 0, OPEN, 2, 0b1000, 0, SEND, 3]),
        ("close", [READ.to_vec(), vec![SEND, 0, CLOSE, 0, TAKE, 0, 7, CLOSE, 0]].concat()),
        ("close-and-open", vec![SEND, 0, COMMIT, CLOSE, 0, OPEN, 0, 1, 0, AGAIN, 0, 0, COMMIT]),
        ("hold", [&hold(0, 10, 0b0111)[..], &[COMMIT, PASS, 9, PASS, 1, COMMIT]].concat()),
        ("hold-before-commit", [&hold(0, 1, 0b0111)[..], &[PASS, 1, PASS, 1]].concat()),
        ("hold-refused", [hold(0, 10, 0b1000), hold(1, 0, 1), hold(2, 109, 1)].concat()),
        ("hold-extended", [&hold(0, 10, 1)[..], &[EXTEND, 0, 60, PASS, 50, PASS, 10]].concat()),
        ("hold-cancelled", [&hold(0, 10, 1)[..], &[CANCEL, 0, PASS, 50, EXTEND, 0, 9]].concat()),
        (
            "hold-cancelled-in-a-crash",
            [&hold(0, 10, 1)[..], &[COMMIT, CANCEL, 0, CRASH, 0, 3, PASS, 50]].concat(),
        ),
        (
            "hold-replaced",
            [&hold(0, 10, 0b0111)[..], &[HOLD, 1, 20, 0b0011, 1, PASS, 15, PASS, 15]].concat(),
        ),
        (
            "hold-replaced-by-its-name",
            [&hold(0, 10, 0b0111)[..], &[COMMIT, HOLD, 0, 20, 0b0100, 1, CRASH, 1, 1, PASS, 40]]
                .concat(),
        ),
        (
            "hold-reserves",
            [
                &hold(0, 60, 0b0011)[..],
                &many(5, &[SEND, 0, SEND, 1]),
                &[COMMIT, PASS, 40, PASS, 20, COMMIT],
            ]
            .concat(),
        ),
        (
            "hold-finds-no-room",
            [
                &many(4, &[SEND, 0, SEND, 1])[..],
                &hold(0, 60, 0b0111),
                &[COMMIT, PASS, 40, PASS, 20, COMMIT],
            ]
            .concat(),
        ),
        ("too-many-holds", (0..4).flat_map(|id| hold(id, 10, 0b0001)).collect()),
        (
            "hold-over-a-crash",
            [&hold(0, 10, 0b0111)[..], &[COMMIT, CRASH, 0, 40, PASS, 4, PASS, 1, PASS, 5]].concat(),
        ),
        (
            "crash-in-a-release",
            [&hold(0, 10, 0b0111)[..], &[COMMIT, PASS, 10, CRASH, 2, 0, PASS, 10, PASS, 10]]
                .concat(),
        ),
        (
            "hold-of-a-revoked-token",
            [
                &hold(0, 10, 0b0001)[..],
                &[OPEN, 0, 0b0010, 0, PASS, 5, OPEN, 0, 0b0011, 0, PASS, 5, COMMIT],
            ]
            .concat(),
        ),
        (
            "hold-moved-with-its-token",
            [
                &hold(0, 10, 0b0001)[..],
                &[OPEN, 0, 0, 0, OPEN, 1, 0b0101, 0, PASS, 10, COMMIT, CRASH, 9, 9],
            ]
            .concat(),
        ),
        ("raw", vec![RAW, 2, 1, 0, RAW, 2, 2, 0, RAW, 1, 1, RAW, 0, RAW, 4, 1, 7, 0, 0, SEND, 0]),
    ]
}

#[test]
fn every_seed_that_code_makes_is_in_its_corpus() {
    for (name, operations) in seeds() {
        let path = folder("session_sequence").join(name);
        let bytes = [&BOTH[..], &operations].concat();
        if env::var_os("VELAR_WRITE_SEEDS").is_some() {
            fs::write(&path, &bytes).unwrap();
        }
        let seed = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(seed, bytes, "{name} changed: run this with VELAR_WRITE_SEEDS=1");
    }
}

#[test]
fn every_corpus_passes_its_target() {
    for (name, body) in bodies::TARGETS {
        let mut replayed = 0;
        for file in fs::read_dir(folder(name)).unwrap() {
            let path = file.unwrap().path();
            let input = fs::read(&path).unwrap();
            let outcome = std::panic::catch_unwind(|| body(&input));
            assert!(outcome.is_ok(), "{name} panics on {}", path.display());
            replayed += 1;
        }
        assert!(replayed > 0, "{name} has no seed");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// A little fuzzing in every run of the tests.
    #[test]
    fn any_sequence_keeps_what_was_promised(
        operations in prop::collection::vec((0..COUNT, prop::collection::vec(0..40_u8, 4)), 0..60)
    ) {
        let length = [3, 1, 1, 2, 4, 2, 1, 1, 2, 1, 1, 0, 1, 2, 1];
        let operations = operations.iter().flat_map(|(op, arguments)| {
            [&[*op][..], &arguments[..length[usize::from(*op)]]].concat()
        });
        let input: Vec<u8> = BOTH.into_iter().chain(operations).collect();
        bodies::session_sequence(&input);
    }
}
