//! Every fuzz target's corpus, on stable. A crash that fuzzing finds is fixed and its input added here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what must hold by panicking"
)]

#[path = "../fuzz/bodies.rs"]
mod bodies;
#[cfg(feature = "e2e")]
#[path = "corpus/seeds.rs"]
mod seeds;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

fn fuzz_folder(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fuzz", name].iter().collect()
}

fn names_in(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(fuzz_folder(folder)).unwrap();
    let name =
        |entry: fs::DirEntry| entry.path().file_stem().unwrap().to_string_lossy().into_owned();
    entries.map(|entry| name(entry.unwrap())).collect()
}

#[test]
fn every_corpus_passes_its_target() {
    for (name, body) in bodies::TARGETS {
        let folder = fuzz_folder("corpus").join(name);
        let files =
            fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut replayed = 0;
        for file in files {
            let path = file.unwrap().path();
            let input = fs::read(&path).unwrap();
            let outcome = std::panic::catch_unwind(|| body(&input));
            assert!(outcome.is_ok(), "{name} panics on {}", path.display());
            replayed += 1;
        }
        assert!(replayed > 0, "{name} has no seed");
    }
}

#[test]
fn every_target_is_in_the_table_and_has_a_file_and_a_corpus() {
    let table: BTreeSet<String> =
        bodies::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert!(table.is_subset(&names_in("fuzz_targets")), "a target has no file");
    assert!(table.is_subset(&names_in("corpus")), "a target has no corpus");
    // Targets behind a feature are in the table only with it.
    #[cfg(feature = "e2e")]
    assert_eq!(table, names_in("fuzz_targets"), "a file is not in the table");
}

#[test]
fn no_body_panics_on_short_inputs() {
    for (_, body) in bodies::TARGETS {
        body(&[]);
        for first in 0..=u8::MAX {
            body(&[first]);
            body(&[first; 16]);
        }
    }
}
