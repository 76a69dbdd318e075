//! One model of mailboxes and holds, and every store held to it: whatever clients ask, however time passes and
//! wherever the power fails, what was answered is there, in order, and nothing else is.
//!
//! `PROPTEST_CASES` sets the number of cases. A case that fails is kept, to be tried first from then on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what must hold by panicking"
)]

mod cut;
mod disk;
mod reference;
mod state;
mod system;
mod world;

use std::env;

use proptest::test_runner::{Config, FileFailurePersistence};
use proptest_state_machine::prop_state_machine;

use disk::{Memory, Sled};
use system::Test;

/// Seeds of cases that failed once, for every store.
const FAILED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/model.txt");

/// So many cases, unless the environment says otherwise.
fn cases(cases: u32) -> Config {
    let failure_persistence = Some(Box::new(FileFailurePersistence::Direct(FAILED)) as Box<_>);
    let config = Config { failure_persistence, ..Config::default() };
    if env::var_os("PROPTEST_CASES").is_some() { config } else { Config { cases, ..config } }
}

prop_state_machine! {
    #![proptest_config(cases(256))]

    #[test]
    fn the_memory_store_keeps_what_was_answered(sequential 1..80 => Test<Memory>);
}

prop_state_machine! {
    #![proptest_config(cases(48))]

    #[test]
    fn sled_keeps_what_was_answered(sequential 1..80 => Test<Sled>);
}
