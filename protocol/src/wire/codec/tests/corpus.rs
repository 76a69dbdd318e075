//! Every published frame is a seed of the fuzz targets.

use std::fs;
use std::path::PathBuf;

use super::notation::parse;

/// `(target, name, bytes)` of every seed that comes from the vectors.
fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let target_of = |name: &str| {
        if name.starts_with("request") { "request_decoding" } else { "response_decoding" }
    };
    parse().into_iter().map(|(name, bytes)| (target_of(&name), name, bytes)).collect()
}

fn path(target: &str, name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fuzz", "corpus", target, name].iter().collect()
}

#[test]
fn every_published_frame_is_a_fuzzing_seed() {
    for (target, name, bytes) in seeds() {
        let file = path(target, &name);
        let seed = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(seed, bytes, "{name}: run the ignored test `write_the_seeds`");
    }
}

#[test]
#[ignore = "writes fuzz/corpus from vectors/frames.txt; run it after a new vector"]
fn write_the_seeds() {
    for (target, name, bytes) in seeds() {
        let file = path(target, &name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
}
