//! From the start of `velar panic` to its line on the screen of somebody who watches: real programs, the panic
//! kit, one relay.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use velar_protocol::wire::RelayAddress;

use super::{Outcome, quantile};
use crate::person::{Person, form_circle};

/// Looks at the vault in which a kit has to be full, before something is wrong.
const LOOKS: usize = 40;

/// Median and 99th percentile.
#[derive(Clone, Copy, Debug)]
pub struct Alarm {
    /// From the start of the process until the line is on the screen.
    pub shown_p50: Duration,
    /// The same, 99th percentile.
    pub shown_p99: Duration,
    /// From the start of the process until it has ended by itself: at the relay for everybody, connections closed.
    pub ended_p50: Duration,
}

/// Raises `runs` alarms one after another in a circle of three, each without a passphrase, beside nothing else: the
/// kit is renewed between them.
///
/// # Errors
/// If an alarm is not shown, or a program fails.
pub async fn alarm(relay: &RelayAddress, root: &Path, runs: usize) -> Outcome<Alarm> {
    let others = [("Eva", "accompanier"), ("Ana", "defender")];
    let people = form_circle(root, relay, "Luz", &others).await?;
    let [luz, eva, ana] = people.try_into().map_err(|_| "three people")?;
    let mut screens = [luz.watch(&["--plain"]).await?, eva.watch(&["--plain"]).await?];
    let (mut shown, mut ended) = (Vec::with_capacity(runs), Vec::with_capacity(runs));
    let mut ready = 0;
    for run in 0..runs {
        if ready == 0 {
            ready = fill_kit(&ana).await?;
        }
        ready -= 1;
        let mut panic = ana.locked(&["panic"])?;
        let begun = Instant::now();
        let child = panic.spawn()?;
        let [luz_screen, eva_screen] = &mut screens;
        eva_screen.line_with("raised the alarm").await?;
        shown.push(begun.elapsed());
        let done = child.wait_with_output().await?;
        ended.push(begun.elapsed());
        if done.status.code() != Some(4) {
            return Err(String::from_utf8_lossy(&done.stderr).into());
        }
        luz_screen.line_with("raised the alarm").await?;
        if run == 0 {
            // Taken, it is not repeated between two measurements.
            luz.must(&["claim"]).await?;
        }
    }
    Ok(Alarm {
        shown_p50: quantile(&mut shown, 0.5),
        shown_p99: quantile(&mut shown, 0.99),
        ended_p50: quantile(&mut ended, 0.5),
    })
}

/// Until an alarm for everybody is ready; how many are.
async fn fill_kit(person: &Person) -> Outcome<u64> {
    for _ in 0..LOOKS {
        let (_, status) = person.json(&["status"]).await?;
        let whole = status.pointer("/kit/whole").and_then(Value::as_u64).unwrap_or(0);
        if whole > 0 {
            return Ok(whole);
        }
        person.must(&["checkin"]).await?;
    }
    Err("the kit does not fill".into())
}
