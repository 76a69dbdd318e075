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
use velar_tests::clock::SetClock;
use velar_tests::load::Outcome;
use velar_tests::person::{Person, Running, gather, program};
use velar_tests::process::RelayProcess;

pub struct OfThree {
    pub relay: RelayProcess,
    pub luz: Person,
    pub eva: Person,
    pub ana: Person,
    pub root: TempDir,
}

impl OfThree {
    pub async fn form() -> Outcome<Self> {
        Self::form_by(tempfile::tempdir()?, None).await
    }

    /// The same, all programs by one clock; it says `then`, Unix seconds, when they are formed, or the right time.
    pub async fn form_at(then: Option<i64>) -> Outcome<(Self, SetClock)> {
        let root = tempfile::tempdir()?;
        let clock = SetClock::new(root.path())?;
        let set = |clock: &SetClock| then.map_or(Ok(()), |at_s| clock.set_to(at_s));
        set(&clock)?;
        let formed = Self::form_by(root, Some(&clock)).await?;
        // However long that took.
        set(&clock)?;
        Ok((formed, clock))
    }

    async fn form_by(root: TempDir, clock: Option<&SetClock>) -> Outcome<Self> {
        let program = program("velar-relay")?;
        let mut relay = RelayProcess::init(&program, &root.path().join("relay")).await?;
        if let Some(clock) = clock {
            relay = relay.with_clock(clock);
        }
        relay.start().await?;
        let person = |name| {
            let person = Person::with_cheap_vault(root.path(), name)?;
            Ok(clock.map_or_else(|| person.clone(), |clock| person.with_clock(clock)))
        };
        let people = ["Luz", "Eva", "Ana"].into_iter().map(person);
        let people = people.collect::<Outcome<Vec<_>>>()?;
        gather(relay.address()?, &people, &["accompanier", "defender"]).await?;
        let [luz, eva, ana] = people.try_into().map_err(|_| "three people")?;
        Ok(Self { relay, luz, eva, ana, root })
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
