//! A relay and a circle of three: Luz coordinates and accompanies, Eva accompanies, Ana is at risk.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "shared by several test programs; helpers of tests fail by panicking"
)]

use std::collections::BTreeSet;

use serde_json::Value;
use tempfile::TempDir;
use velar_tests::load::Outcome;
use velar_tests::person::{Person, Running, form_circle, program};
use velar_tests::process::RelayProcess;

pub struct OfThree {
    pub relay: RelayProcess,
    pub luz: Person,
    pub eva: Person,
    pub ana: Person,
    pub _root: TempDir,
}

impl OfThree {
    pub async fn form() -> Outcome<Self> {
        let root = tempfile::tempdir()?;
        let mut relay =
            RelayProcess::init(&program("velar-relay")?, &root.path().join("relay")).await?;
        relay.start().await?;
        let others = [("Eva", "accompanier"), ("Ana", "defender")];
        let people = form_circle(root.path(), relay.address()?, "Luz", &others).await?;
        let [luz, eva, ana] = people.try_into().map_err(|_| "three people")?;
        Ok(Self { relay, luz, eva, ana, _root: root })
    }
}

pub fn object(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

/// The next ring of a `watch --json`.
pub async fn ring(watch: &mut Running) -> Outcome<Value> {
    Ok(object(&watch.line_with(r#""kind":"ring""#).await?))
}

/// How the only open alert stands, as somebody sees it.
pub async fn open_alert(person: &Person) -> Outcome<Value> {
    let (_, shown) = person.json(&["alerts"]).await?;
    Ok(shown["alerts"][0].clone())
}

/// Who leads, once somebody sees two who took it. Each look takes in what lies at the relay.
pub async fn leader_of_two(person: &Person) -> Outcome<Value> {
    for _ in 0..20 {
        let alert = open_alert(person).await?;
        let claims = alert["claims"].as_array().into_iter().flatten();
        let names: BTreeSet<_> = claims.filter_map(|claim| claim["name"].as_str()).collect();
        if names == BTreeSet::from(["Eva", "Luz"]) {
            return Ok(alert["leader"]["name"].clone());
        }
    }
    Err(format!("{} does not see both claims", person.name).into())
}
