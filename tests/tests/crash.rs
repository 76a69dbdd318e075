//! A relay that is killed at any moment under load, also while it starts: nothing accepted is missing, out of order,
//! changed, or called lost, and no hold is lost or released too early. The long form is `velar-load crash`.
#![expect(clippy::print_stderr, reason = "chances are printed, to be repeated")]

use std::time::Duration;

use velar_tests::load::{Outcome, Plan, crash};
use velar_tests::person::program;

/// Kills of each run. A debug build gets through about one a second.
const KILLS: u64 = 10;

/// Longest run on a machine that does much else.
const LONGEST: Duration = Duration::from_secs(180);

async fn nothing_is_wrong(filling: Option<u64>) -> Outcome<()> {
    let seed = match std::env::var("VELAR_TEST_SEED") {
        Ok(seed) => seed.parse()?,
        Err(_) => getrandom::u64()?,
    };
    eprintln!("to repeat these chances: VELAR_TEST_SEED={seed}");
    let plan = Plan { seed, kills: KILLS, accepted: 2_000, senders: 6, filling, longest: LONGEST };
    let folder = tempfile::Builder::new().prefix("velar-crash").tempdir()?;
    let seen = crash(&program("velar-relay")?, &folder.path().join("relay"), plan).await;
    if let Ok(seen) = &seen {
        for (name, value, unit) in &seen.figures {
            eprintln!("{name} {value} {unit}");
        }
        if seen.faults.is_empty() {
            return Ok(());
        }
    }
    let kept = folder.keep();
    eprintln!("the relay's data are kept in {}", kept.display());
    Err(seen?.faults.join("\n").into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_readers_online_every_accepted_envelope_survives_kills_at_any_moment() -> Outcome<()> {
    nothing_is_wrong(None).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_readers_away_every_accepted_envelope_survives_kills_at_any_moment() -> Outcome<()> {
    nothing_is_wrong(Some(1_000)).await
}
