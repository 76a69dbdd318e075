//! The transcript of Verifpal's last run is of the models as they are, and says what they expect.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what must hold by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "model"].iter().collect()
}

/// Every model by its name.
fn models() -> BTreeMap<String, String> {
    let paths = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let models = paths.filter(|path| path.extension().is_some_and(|end| end == "vp"));
    let named = models.map(|path| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    });
    named.collect()
}

fn transcript() -> String {
    fs::read_to_string(folder().join("transcript.txt")).unwrap()
}

/// The lines `holds` or `fails`, a blank or two, and the query, of each model of the transcript.
fn results(transcript: &str) -> BTreeMap<String, Vec<(String, String)>> {
    let mut results: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let mut model = String::new();
    for line in transcript.lines() {
        if let Some(name) = line.strip_prefix("model ") {
            model = name.to_owned();
        } else if let Some((result, query)) =
            line.strip_prefix("  ").and_then(|line| line.split_once("  "))
        {
            let of_it = results.entry(model.clone()).or_default();
            of_it.push((result.to_owned(), query.to_owned()));
        }
    }
    results
}

/// What a model expects of each of its queries, likewise.
fn expectations(text: &str) -> Vec<(String, String)> {
    let (_, queries) = text.split_once("queries[\n").unwrap();
    let mut expected = None;
    let mut found = Vec::new();
    for line in queries.lines().map(str::trim) {
        if let Some(result) = line.strip_prefix("// expect: ") {
            expected = Some(result.to_owned());
        } else if line.contains("? ") && !line.starts_with("//") {
            let expected = expected.take().unwrap_or_else(|| format!("nothing of {line}"));
            found.push((expected, line.trim_end_matches('[').to_owned()));
        }
    }
    found
}

#[test]
fn the_transcript_is_of_the_models_as_they_are() {
    let transcript = transcript();
    let listed: BTreeMap<String, String> = transcript
        .lines()
        .filter_map(|line| line.strip_prefix("file ")?.split_once(".vp sha256 "))
        .map(|(name, hash)| (name.to_owned(), hash.to_owned()))
        .collect();
    let hash = |text: &String| HEXLOWER.encode(digest(&SHA256, text.as_bytes()).as_ref());
    let found: BTreeMap<String, String> =
        models().iter().map(|(name, text)| (name.clone(), hash(text))).collect();
    assert_eq!(listed, found, "run protocol/model/check --write");
}

#[test]
fn every_query_went_as_its_model_expects() {
    let found: BTreeMap<_, _> =
        models().iter().map(|(name, text)| (name.clone(), expectations(text))).collect();
    assert!(found.values().all(|queries| !queries.is_empty()));
    assert_eq!(results(&transcript()), found);
}

#[test]
fn both_outcomes_are_expected_somewhere() {
    // A tool that always says the same would not pass.
    for result in ["holds", "fails"] {
        let is_said = |(said, _): &(String, String)| said == result;
        assert!(models().values().any(|text| expectations(text).iter().any(is_said)), "{result}");
    }
}
