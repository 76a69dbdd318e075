//! Cuts the power under the relay. `kill -9` leaves the page cache alive and so never tests a sync; here a layer
//! below the store records every write and every sync, and builds folders as a disk could have them after a cut:
//! what was not synced is dropped, reordered and torn.
//!
//! A load is recorded once and cut at many places; what was answered before a place must be there after it. Then
//! the load goes on from one of those folders, so that starting after a cut is recorded and cut as well.
//!
//! `POWER_CUTS` sets how many cuts are made, `POWER_CUT_SEED` where, `POWER_CUT_KEEP` a folder for what was
//! found wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    unreachable_pub,
    reason = "a test"
)]

mod check;
#[path = "../common/mod.rs"]
mod common;
mod content;
mod disk;
mod journal;
mod ledger;
mod load;
mod random;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use check::{Image, check};
use common::Relay;
use journal::{Recorded, Shim, Syncs};
use ledger::Ledger;
use load::{Load, Run};
use random::Random;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const CUTS: usize = 200;
/// Relays at once: some only wait for their holds.
const AT_ONCE: usize = 12;

/// Half of the mailboxes are read, so that much stays.
const LIGHT: Load =
    Load { run: 0, senders: 1, envelopes: 150, pipelined: 16, readers: 2, holds: 24, churns: 5 };
/// So much comes and goes that the store uses its space again.
const HEAVY: Load = Load { envelopes: 1500, readers: 4, ..LIGHT };
/// So much comes at once that one commit is larger than any part of the store's file.
const BULK: Load = Load { senders: 6, envelopes: 400, pipelined: 64, ..HEAVY };
const FAST: Syncs = Syncs::TakeLonger { ms: 0 };
const SLOW: Syncs = Syncs::TakeLonger { ms: 40 };
/// One after the other, each on a folder that a cut of the one before left.
const RUNS: [Plan; 9] = [
    Plan { load: Some(LIGHT), syncs: FAST, share: 3, rebuilds: false },
    Plan { load: None, syncs: FAST, share: 1, rebuilds: false },
    Plan { load: Some(HEAVY), syncs: FAST, share: 4, rebuilds: false },
    Plan { load: None, syncs: FAST, share: 1, rebuilds: false },
    Plan { load: None, syncs: FAST, share: 1, rebuilds: false },
    Plan { load: None, syncs: FAST, share: 2, rebuilds: true },
    Plan { load: Some(BULK), syncs: SLOW, share: 5, rebuilds: false },
    Plan { load: None, syncs: FAST, share: 1, rebuilds: false },
    Plan { load: Some(LIGHT), syncs: SLOW, share: 2, rebuilds: false },
];

/// A run of the relay. Without a load it is started and stopped.
#[derive(Clone, Copy)]
struct Plan {
    load: Option<Load>,
    syncs: Syncs,
    /// How many of twenty cuts are made in it.
    share: usize,
    /// Whether it copies its store while it starts, as after damage.
    rebuilds: bool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_survives_a_power_cut() {
    let Some(shim) = shim() else { return };
    let cuts = number("POWER_CUTS").map_or(CUTS, |cuts| cuts as usize);
    let mut random = seeded();
    let work = work();
    let mut data = initialised(work.path());
    let mut ledger = Ledger::default();
    for (plan, run) in RUNS.into_iter().zip(0..) {
        let count = (cuts * plan.share).div_ceil(20);
        let began = Instant::now();
        let asked = data.join("store/rebuild");
        if plan.rebuilds {
            fs::create_dir_all(data.join("store")).unwrap();
            fs::write(asked, "").unwrap();
        } else if asked.exists() {
            fs::remove_file(asked).unwrap();
        }
        let load = plan.load.map(|load| Load { run, ..load });
        let run = load::run(&shim, &data, ledger, load, plan.syncs).await;
        let (calls, mib) = (run.recorded.calls.len(), run.recorded.bytes.len() >> 20);
        let recorded = began.elapsed();
        let (next, wrong) = cut(run, count, plan.rebuilds, work.path(), &mut random).await;
        let checked = began.elapsed() - recorded;
        eprintln!("{count} cuts in {calls} calls ({mib} MiB): {recorded:.1?} + {checked:.1?}");
        assert!(wrong.is_empty(), "{} of {count} are wrong:\n{}", wrong.len(), wrong.join("\n"));
        (data, ledger) = next;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_whose_syncs_do_nothing_is_found_out() {
    let Some(shim) = shim() else { return };
    let mut random = seeded();
    let work = work();
    let data = initialised(work.path());
    let run = load::run(&shim, &data, Ledger::default(), Some(LIGHT), Syncs::DoNothing).await;
    let (_, wrong) = cut(run, 6, false, work.path(), &mut random).await;
    let missing = wrong.iter().any(|wrong| wrong.contains("is missing"));
    assert!(missing, "nothing is missing although nothing was synced: {wrong:?}");
}

/// Cuts a run at `count` places and checks each. A folder and its history to go on from, and what is wrong.
async fn cut(
    run: Run,
    count: usize,
    rebuilds: bool,
    work: &Path,
    random: &mut Random,
) -> ((PathBuf, Ledger), Vec<String>) {
    let Run { mut disk, recorded, start, ledger } = run;
    let calls = recorded.calls.len();
    let places = places(&recorded, start, count, random);
    let goes_on = random.below(count);
    let next = work.join(format!("data-{}", random.next()));
    let mut carried = Ledger::default();
    let mut checks = JoinSet::new();
    let room = Arc::new(Semaphore::new(AT_ONCE));
    for (at, place) in places.into_iter().enumerate() {
        let permit = room.clone().acquire_owned().await.unwrap();
        disk.advance(&recorded, place);
        let cut = recorded.calls[place - 1].1;
        let folder = work.join(format!("cut-{place}-{}", random.next()));
        let again = Random(random.0);
        disk.cut(&recorded, &folder, random);
        if at == goes_on {
            disk.cut(&recorded, &next, &mut Random(again.0));
            carried = ledger.carried(cut);
        }
        let kept = kept(&folder);
        let image = Image { folder: folder.clone(), cut, release: at % 4 == 0, rebuilds };
        let ledger = ledger.clone();
        checks.spawn(async move {
            let found = check(image, ledger).await;
            fs::remove_dir_all(&folder).unwrap();
            let _ = fs::remove_file(folder.with_extension("log"));
            match &kept {
                Some(kept) if found.is_empty() => fs::remove_dir_all(kept).unwrap(),
                _ => {}
            }
            drop(permit);
            (place, found)
        });
    }
    let mut wrong = Vec::new();
    while let Some(done) = checks.join_next().await {
        let (place, found) = done.unwrap();
        if !found.is_empty() {
            let shown: Vec<&str> = found.iter().take(8).map(String::as_str).collect();
            wrong.push(format!(
                "after call {place} of {calls} ({start} at start), {} things:\n  {}",
                found.len(),
                shown.join("\n  ")
            ));
        }
    }
    ((next, carried), wrong)
}

/// Numbers of calls after which the power goes. A third while it starts: few calls, and many of them dangerous.
/// Half of all where more is pending than at others.
fn places(recorded: &Recorded, start: usize, count: usize, random: &mut Random) -> Vec<usize> {
    let calls = recorded.calls.len();
    let pending = recorded.pending();
    let mut places: Vec<usize> = (0..count)
        .map(|at| {
            let (from, to) = if at % 3 == 0 { (1, start) } else { (start, calls) };
            let tries = if at % 2 == 0 { 32 } else { 1 };
            let place = (0..tries).map(|_| from + random.below(to - from + 1));
            place.max_by_key(|place| pending[*place]).unwrap()
        })
        .collect();
    places.sort_unstable();
    places
}

/// `None`, and a word about it, where this machine does not allow it.
fn shim() -> Option<Shim> {
    match Shim::build() {
        Ok(shim) => Some(shim),
        Err(reason) => {
            eprintln!("A POWER CUT WAS NOT TESTED: {reason}");
            None
        }
    }
}

fn work() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn initialised(work: &Path) -> PathBuf {
    // Without symbolic links: the shim compares paths.
    let data = fs::canonicalize(work).unwrap().join("data");
    Relay::init(&data);
    data
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn seeded() -> Random {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let seed = number("POWER_CUT_SEED").unwrap_or(now);
    eprintln!("POWER_CUT_SEED={seed}");
    Random(seed)
}

/// A copy from before anything started there, if that is wanted.
fn kept(folder: &Path) -> Option<PathBuf> {
    let kept = Path::new(&std::env::var_os("POWER_CUT_KEEP")?).join(folder.file_name()?);
    let copied = Command::new("cp").args(["-a", "--sparse=always"]).args([folder, &kept]).status();
    assert!(copied.unwrap().success());
    Some(kept)
}
