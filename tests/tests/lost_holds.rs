//! A relay that has lost what was left there says so, and is left it again.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

use std::collections::BTreeSet;
use std::path::Path;

use velar_tests::load::Outcome;
use velar_tests::person::{form_circle, program};
use velar_tests::process::RelayProcess;

/// How the record of an envelope of a hold begins in a relay's store: magic, version, kind, length of its key.
const HELD: [u8; 7] = [0xf6, 0x9d, 0xc1, 0x7e, 3, b'd', 37];
/// Where its key is, and a byte of the envelope.
const KEY: std::ops::Range<usize> = 17..54;
const BODY: usize = 200;

/// Damages one envelope that is held in a relay's store, wherever it lies there; returns how many are left.
fn damage_one(data: &Path) -> Outcome<usize> {
    let path = data.join("store").join("sled").join("db");
    let mut bytes = std::fs::read(&path)?;
    let places: Vec<usize> = memchr::memmem::find_iter(&bytes, &HELD).collect();
    let key_at = |bytes: &[u8], at: usize| bytes[at..][KEY].to_vec();
    let keys: BTreeSet<Vec<u8>> = places.iter().map(|at| key_at(&bytes, *at)).collect();
    let first = keys.first().ok_or("nothing is held")?;
    for at in places {
        if key_at(&bytes, at) == *first {
            bytes[at + BODY] ^= 1;
        }
    }
    std::fs::write(path, bytes)?;
    Ok(keys.len() - 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_relay_has_lost_is_told_as_lost_in_both_languages_and_left_again() -> Outcome<()> {
    let root = tempfile::tempdir()?;
    let data = root.path().join("relay");
    let log = root.path().join("relay.log");
    let mut relay = RelayProcess::init(&program("velar-relay")?, &data).await?;
    relay = relay.logging_to(log.clone());
    relay.start().await?;
    let others = [("Eva", "accompanier"), ("Ana", "defender")];
    let people = form_circle(root.path(), relay.address()?, "Luz", &others).await?;
    let [luz, eva, ana] = people.try_into().map_err(|_| "three people")?;
    let (_, said) = ana.json(&["plan", "set", "--every", "60m"]).await?;
    let held = &said["holds"]["relays"][0];
    assert_eq!((&held["state"], &held["lost"]), (&"armed".into(), &false.into()), "{said}");

    relay.stop().await?;
    assert_eq!(damage_one(&data)?, 1, "of what is held for two");
    relay.start().await?;

    let (_, said) = ana.json(&["checkin"]).await?;
    let held = &said["holds"]["relays"][0];
    assert_eq!((&held["state"], &held["lost"]), (&"armed".into(), &true.into()), "{said}");
    assert_eq!(said["holds"]["nothing_for"].as_array().map(Vec::len), Some(0), "{said}");
    let spanish = "El servidor dice que perdió lo que había ahí antes, y que no avisó a tu círculo. \
                   Ya se dejó de nuevo.";
    let english = "The relay says it lost what was there before, and did not alert your circle. \
                   It has been left again.";
    let status = ana.in_both(&["status"]).await?;
    for ((_, shown), text) in status.iter().zip([spanish, english]) {
        assert!(shown.contains(text), "{shown}");
    }
    let told = ana.must(&["inbox", "--json"]).await?.out;
    assert_eq!(told.matches(r#""kind":"hold-lost""#).count(), 1, "{told}");
    assert!(!told.contains("hold-gone"), "{told}");
    let log = std::fs::read_to_string(log)?;
    assert_eq!(log.matches("a hold was dropped").count(), 1, "{log}");

    // Nobody was alarmed, and what was left again is there.
    for person in [&luz, &eva] {
        let (_, shown) = person.json(&["alerts"]).await?;
        assert_eq!(shown["alerts"].as_array().map(Vec::len), Some(0), "{shown}");
    }
    let (_, said) = ana.json(&["checkin"]).await?;
    let held = &said["holds"]["relays"][0];
    assert_eq!((&held["state"], &held["lost"]), (&"armed".into(), &false.into()), "{said}");
    for (_, shown) in ana.in_both(&["status"]).await? {
        assert!(!shown.contains(spanish) && !shown.contains(english), "{shown}");
    }
    Ok(())
}
