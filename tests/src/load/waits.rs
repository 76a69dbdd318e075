//! What a person waits for: from the start of a program until it has ended. Real programs, a passphrase at its usual
//! cost, one relay.

use std::path::Path;
use std::time::{Duration, Instant};

use velar_protocol::wire::RelayAddress;

use super::Outcome;
use crate::files::copy;
use crate::person::{Person, gather};

/// Each as long as the runs took, one by one.
#[derive(Clone, Debug, Default)]
pub struct Waits {
    /// `velar checkin` while all others watch.
    pub checkin_heard: Vec<Duration>,
    /// `velar checkin` while nobody is there.
    pub checkin_alone: Vec<Duration>,
    /// `velar wipe --yes` of a vault that was in use.
    pub wipe: Vec<Duration>,
}

/// Has a defender with two accompaniers check in `runs` times with, and without, somebody who watches, and wipe as many
/// copies of her vault.
///
/// # Errors
/// If a program fails.
pub async fn waits(relay: &RelayAddress, root: &Path, runs: usize) -> Outcome<Waits> {
    let people = [
        Person::with_cheap_vault(root, "Luz")?,
        Person::with_cheap_vault(root, "Eva")?,
        Person::new(root, "Ana").await?,
    ];
    gather(relay, &people, &["accompanier", "defender"]).await?;
    let [luz, eva, ana] = &people;
    let checkin = ["checkin", "--mood", "tired", "--note", "todo bien"];
    let mut waits = Waits::default();
    let watches = [luz.watch(&["--plain"]).await?, eva.watch(&["--plain"]).await?];
    for _ in 0..runs {
        waits.checkin_heard.push(until_ended(ana, &checkin).await?);
    }
    for watch in watches {
        watch.stop().await?;
    }
    for _ in 0..runs {
        waits.checkin_alone.push(until_ended(ana, &checkin).await?);
    }
    let kept = ana.file("kept");
    copy(&ana.vault(), &kept)?;
    for _ in 0..runs {
        waits.wipe.push(until_ended(ana, &["wipe", "--yes"]).await?);
        copy(&kept, &ana.vault())?;
    }
    Ok(waits)
}

async fn until_ended(person: &Person, args: &[&str]) -> Outcome<Duration> {
    let begun = Instant::now();
    let ran = person.run(args).await?;
    let waited = begun.elapsed();
    // 4: it is at the relay, and not everybody has it.
    if ran.code == 0 || ran.code == 4 { Ok(waited) } else { Err(ran.err.into()) }
}
