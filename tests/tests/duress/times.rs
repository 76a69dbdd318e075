//! How long commands take, under either passphrase.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use velar_tests::load::Outcome;
use velar_tests::person::Person;
use velar_tests::ranks::{Pair, compare, compare_all, limit};

use super::Circle;

/// Pairs of runs of each command.
const PAIRS: usize = 48;

/// How often two passphrases that make no difference may fail this test.
const FALSE_ALARM: f64 = 1e-6;

/// No more pairs are begun after this long: a slow machine has fewer, not a longer test.
const PATIENCE: Duration = Duration::from_secs(40);

/// Fewer pairs say too little: all commands together can reach √(pairs × commands).
const LEAST: usize = 16;

/// What a person does on a usual day, and an alarm.
const COMMANDS: &[&[&str]] = &[
    &["checkin"],
    &["status"],
    &["say", "voy", "para", "allá"],
    &["panic"],
    &["stand-down"],
    // The other passphrase opens the vault already: refused, when all has been tried that is tried otherwise.
    &["duress", "--second-file", "OTHER"],
];

/// Ana with one of her passphrases.
struct Way {
    ana: Person,
    /// The file with the other.
    other: PathBuf,
}

pub(super) async fn are_alike(circle: &Circle) -> Outcome<()> {
    // Their output is read on, or they would wait for that.
    let mut others = JoinSet::new();
    for person in [&circle.luz, &circle.eva] {
        let mut watch = person.watch(&["--plain"]).await?;
        others
            .spawn(async move { watch.until(|_| false).await.map_err(|error| error.to_string()) });
    }
    let way = |own, other| Way { ana: circle.ana.typing(own), other: circle.ana.file(other) };
    let ways = [way("passphrase", "second"), way("second", "passphrase")];
    let mut groups: Vec<Vec<Pair>> = vec![Vec::new(); COMMANDS.len()];
    // The first time is another: an alarm opens, connections are new to the system.
    for way in &ways {
        round(way, &mut vec![]).await?;
    }
    let begun = Instant::now();
    while groups[0].len() < PAIRS && (groups[0].len() < LEAST || begun.elapsed() < PATIENCE) {
        let second_first = getrandom::u32()? & 1 == 1;
        let mut times = [vec![], vec![]];
        for way in if second_first { [1, 0] } else { [0, 1] } {
            round(&ways[way], &mut times[way]).await?;
        }
        for (group, (one, two)) in groups.iter_mut().zip(times[0].iter().zip(&times[1])) {
            group.push((*one, *two));
        }
    }
    let limit = limit(2 * COMMANDS.len() + 1, FALSE_ALARM);
    let all = compare_all(&groups);
    eprintln!("{} pairs in {:?}; limit {limit:.2}; all {all:.2}", groups[0].len(), begun.elapsed());
    let mut worst = all;
    for (command, group) in COMMANDS.iter().zip(&groups) {
        let apart = compare(group);
        let median = median(group);
        eprintln!("{:<12} median {median:.1} ms, {apart:.2?}", command[0]);
        worst = worst.max(apart.location).max(apart.spread);
    }
    assert!(worst < limit, "{worst} of {limit}");
    assert!(others.try_join_next().is_none(), "somebody did not watch to the end");
    Ok(())
}

/// Each command once; milliseconds.
async fn round(way: &Way, times: &mut Vec<f64>) -> Outcome<()> {
    let other = way.other.display().to_string();
    for command in COMMANDS {
        let args: Vec<&str> =
            command.iter().map(|arg| if *arg == "OTHER" { &other } else { *arg }).collect();
        let begun = Instant::now();
        let ran = way.ana.run(&args).await?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        // On a slow machine receipts come later than a command waits for them.
        let codes: &[i32] = if command[0] == "duress" { &[8] } else { &[0, 3, 4] };
        assert!(codes.contains(&ran.code), "{command:?}: {ran:?}");
    }
    Ok(())
}

fn median(pairs: &[Pair]) -> f64 {
    let mut times: Vec<f64> = pairs.iter().flat_map(|(one, two)| [*one, *two]).collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
