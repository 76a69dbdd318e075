//! What an attack did, for people and for programs.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::Options;
use super::honest::Floor;
use super::kind::{Goals, Kind, NEAR, NEAR_IN_ANY_CASE};
use super::samples::{OPERATIONS, Operation, Samples, Series};

/// Milliseconds within which a short frame that is not whole is given up: 10 s, and a second for each 2 KiB of 4133
/// bytes, and what a busy machine takes.
const GIVEN_UP_MS: std::ops::Range<u64> = 10_000..20_000;

/// Heads a table of what [`line()`] makes.
pub const HEADING: &str = "\
| attack | per second | connect | open | send | delivery | hold | extend | alarm | failed | peak, MiB | disk, MiB | missed |
|---|---|---|---|---|---|---|---|---|---|---|---|---|";

/// What was measured.
pub(super) struct Measured<'a> {
    pub(super) kind: Kind,
    pub(super) options: &'a Options,
    pub(super) size: u32,
    /// Whether all parts of the attack did what they were to do first, and how long that took.
    pub(super) in_place: bool,
    pub(super) formed: Duration,
    /// The attacker's last report.
    pub(super) attack: Value,
    pub(super) rows: Vec<(Operation, [Series; 2])>,
    pub(super) floor: Option<Floor>,
    pub(super) peak_rss_kib: u64,
    pub(super) most_disk_kib: u64,
    /// Of one processor, during the attack.
    pub(super) relay_share: f64,
}

/// Each operation in the phases between these times.
pub(super) fn rows(
    samples: &Samples,
    [quiet, attacked, ended]: [Instant; 3],
) -> Vec<(Operation, [Series; 2])> {
    let both = |operation| {
        let phases = [(quiet, attacked), (attacked, ended)];
        (operation, phases.map(|(from, to)| samples.series(operation, from, to)))
    };
    OPERATIONS.map(both).into()
}

/// All of it.
pub(super) fn report(measured: &Measured<'_>) -> Value {
    let mut operations = Map::new();
    for (operation, [quiet, attacked]) in &measured.rows {
        let ratio = attacked.p99.as_secs_f64() / quiet.p99.as_secs_f64();
        let both = json!({
            "quiet": series(quiet),
            "attacked": series(attacked),
            "p99_ratio": ratio.is_finite().then_some(ratio),
        });
        operations.insert(operation.name().to_owned(), both);
    }
    json!({
        "kind": measured.kind.name(),
        "size": measured.size,
        "unit": measured.kind.unit(),
        "prefixes": measured.options.prefixes,
        "prefix_bits": if measured.options.ipv6 { measured.options.tier } else { 24 },
        "proved": measured.options.proved,
        "in_place": measured.in_place,
        "formed_s": measured.formed.as_secs_f64(),
        "attack": measured.attack,
        "operations": operations,
        "floor": measured.floor.map(|floor| json!({
            "sent": floor.sent,
            "accepted": floor.accepted,
        })),
        "peak_rss_mib": measured.peak_rss_kib as f64 / 1024.0,
        "disk_mib": measured.most_disk_kib as f64 / 1024.0,
        "relay_cpu": measured.relay_share,
        "missed": goals_missed(measured),
    })
}

/// A table of one attack, for people.
#[must_use]
pub fn table(json: &Value) -> String {
    let mut text = format!(
        "{}: {}\n{}; relay {:.2} processors, peak {:.0} MiB, disk {:.0} MiB\n\n",
        name(json),
        pace(at(json, "/attack")),
        counts(json),
        number(at(json, "/relay_cpu")),
        number(at(json, "/peak_rss_mib")),
        number(at(json, "/disk_mib")),
    );
    text +=
        "| ms | quiet p50 | p99 | max | failed | attacked p50 | p99 | max | failed | p99 ratio |\n";
    text += "|---|---|---|---|---|---|---|---|---|---|\n";
    for operation in OPERATIONS.map(Operation::name) {
        let both = at(json, &format!("/operations/{operation}"));
        let _ = write!(text, "| {operation} |");
        for phase in ["quiet", "attacked"] {
            let series = at(both, &format!("/{phase}"));
            for figure in ["p50_ms", "p99_ms", "max_ms"] {
                let _ = write!(text, " {} |", short(at(series, &format!("/{figure}"))));
            }
            let (failed, done) = (number(at(series, "/failed")), number(at(series, "/done")));
            let _ = write!(text, " {failed} of {} |", failed + done);
        }
        let _ = writeln!(text, " {} |", short(at(both, "/p99_ratio")));
    }
    text
}

/// The goals that were missed.
#[must_use]
pub fn missed(json: &Value) -> Vec<String> {
    let name = name(json);
    if at(json, "/failed") == &json!(true) {
        return vec![format!("{name}: did not run")];
    }
    let missed = at(json, "/missed").as_array().map(Vec::as_slice).unwrap_or_default();
    missed.iter().filter_map(Value::as_str).map(|goal| format!("{name}: {goal}")).collect()
}

/// One attack as a line of a table under [`HEADING`]: 99th percentiles and the longest wait in milliseconds, *quiet* →
/// *attacked (longest)*.
#[must_use]
pub fn line(json: &Value) -> String {
    if at(json, "/failed") == &json!(true) || at(json, "/skipped").is_string() {
        let why = at(json, "/skipped").as_str().unwrap_or("did not run");
        return format!("| {} | {why} | | | | | | | | | | | |", name(json));
    }
    let mut text = format!("| {} | {} |", name(json), pace(at(json, "/attack")));
    let (mut failed, mut all) = (0.0, 0.0);
    for operation in OPERATIONS.map(Operation::name) {
        let both = at(json, &format!("/operations/{operation}"));
        let (quiet, attacked) = (at(both, "/quiet"), at(both, "/attacked"));
        let _ = write!(
            text,
            " {} → {} ({}) |",
            short(at(quiet, "/p99_ms")),
            short(at(attacked, "/p99_ms")),
            short(at(attacked, "/max_ms"))
        );
        failed += number(at(attacked, "/failed"));
        all += number(at(attacked, "/failed")) + number(at(attacked, "/done"));
    }
    let missed = at(json, "/missed").as_array().map_or(0, Vec::len);
    let missed = if missed == 0 { "–".to_owned() } else { format!("**{missed}**") };
    let _ = write!(
        text,
        " {failed} of {all} | {:.0} | {:.0} | {missed} |",
        number(at(json, "/peak_rss_mib")),
        number(at(json, "/disk_mib")),
    );
    text
}

fn goals_missed(measured: &Measured<'_>) -> Vec<String> {
    let goals = measured.kind.goals(measured.options.prefixes);
    let mut missed = Vec::new();
    for (operation, [quiet, attacked]) in &measured.rows {
        missed.extend(missed_by(&goals, *operation, quiet, attacked));
    }
    if let Some(floor) = measured.floor.filter(|floor| floor.accepted < floor.sent) {
        missed.push(format!(
            "floor: {} of {} envelopes accepted that every mailbox takes",
            floor.accepted, floor.sent
        ));
    }
    if let Some(most) = goals.memory_mib
        && measured.peak_rss_kib > most * 1024
    {
        missed.push(format!("memory: {} MiB, {most} allowed", measured.peak_rss_kib / 1024));
    }
    if let Some(most) = goals.disk_mib
        && measured.most_disk_kib > most * 1024
    {
        missed.push(format!("disk: {} MiB, {most} allowed", measured.most_disk_kib / 1024));
    }
    if measured.kind == Kind::HalfFrames {
        let after = at(&measured.attack, "/given_up_after_ms").as_u64().unwrap_or(0);
        let watched_ms = (number(at(&measured.attack, "/seconds")) * 1000.0) as u64;
        // It may not have been time for it yet.
        let due = after > 0 || watched_ms > GIVEN_UP_MS.end + measured.formed.as_millis() as u64;
        if due && !GIVEN_UP_MS.contains(&after) {
            missed.push(format!("half frames: the short one was given up after {after} ms"));
        }
    }
    missed
}

fn missed_by(
    goals: &Goals,
    operation: Operation,
    quiet: &Series,
    attacked: &Series,
) -> Vec<String> {
    let name = operation.name();
    let for_new = matches!(operation, Operation::Open | Operation::Hold);
    let needs_connection = matches!(operation, Operation::Connect | Operation::Alarm);
    let mut missed = Vec::new();
    if attacked.failed() > 0 && (goals.room_for_new || !for_new) {
        let reasons: Vec<_> =
            attacked.failures.iter().map(|(reason, count)| format!("{count} × {reason}")).collect();
        missed.push(format!("{name}: {}", reasons.join(", ")));
    }
    let longest = if needs_connection { goals.connect } else { goals.longest };
    if attacked.max > longest {
        let (max, longest) = (millis(attacked.max), millis(longest));
        missed.push(format!("{name}: longest {max:.1} ms, {longest:.0} allowed"));
    }
    let near = NEAR_IN_ANY_CASE.max(quiet.p99 * NEAR);
    if goals.near_quiet && !needs_connection && attacked.p99 > near {
        let (p99, near) = (millis(attacked.p99), millis(near));
        missed.push(format!("{name}: p99 {p99:.1} ms, {near:.0} allowed"));
    }
    missed
}

fn series(series: &Series) -> Value {
    let figure = |wait| (series.done > 0).then(|| millis(wait));
    json!({
        "done": series.done,
        "p50_ms": figure(series.p50),
        "p99_ms": figure(series.p99),
        "max_ms": figure(series.max),
        "failed": series.failed(),
        "failures": series.failures,
    })
}

fn name(json: &Value) -> String {
    let mut name = at(json, "/kind").as_str().unwrap_or_default().to_owned();
    if let (Some(size), Some(unit)) = (at(json, "/size").as_u64(), at(json, "/unit").as_str()) {
        let _ = write!(name, ", {size} {unit}");
    }
    let prefixes = at(json, "/prefixes").as_u64().unwrap_or(1);
    if prefixes > 1 {
        let _ = write!(name, ", {prefixes} prefixes of /{}", at(json, "/prefix_bits"));
    }
    if at(json, "/proved") == true {
        name += ", proved";
    }
    name
}

/// How fast the attack was, on average.
fn pace(attack: &Value) -> String {
    let seconds = number(at(attack, "/seconds")).max(0.001);
    let per_s = |count: &Value| number(count) / seconds;
    format!(
        "{:.0} handshakes, {:.0} requests, {:.2} MB",
        per_s(at(attack, "/handshakes")),
        per_s(at(attack, "/requests")),
        per_s(at(attack, "/bytes")) / 1e6
    )
}

/// What the attack had reached.
fn counts(json: &Value) -> String {
    let attack = at(json, "/attack");
    let counts = [
        "connected",
        "turned_away",
        "open_now",
        "granted",
        "full",
        "refused",
        "events",
        "given_up",
    ];
    let told = counts.iter().filter(|count| number(at(attack, &format!("/{count}"))) != 0.0);
    let told: Vec<_> =
        told.map(|count| format!("{count} {}", at(attack, &format!("/{count}")))).collect();
    let formed =
        if at(json, "/in_place") == true { "in place after" } else { "not in place after" };
    format!("{formed} {:.1} s: {}", number(at(json, "/formed_s")), told.join(", "))
}

/// What is there, or nothing.
fn at<'a>(json: &'a Value, path: &str) -> &'a Value {
    json.pointer(path).unwrap_or(&Value::Null)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

fn millis(wait: Duration) -> f64 {
    wait.as_secs_f64() * 1e3
}

/// Three digits.
fn short(value: &Value) -> String {
    match value.as_f64() {
        None => "–".to_owned(),
        Some(value) if value < 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn took(ms: u64) -> Series {
        let wait = Duration::from_millis(ms);
        Series { done: 9, p50: wait, p99: wait, max: wait, ..Series::default() }
    }

    fn missed_with(kind: Kind, prefixes: u32, operation: Operation, attacked: Series) -> usize {
        missed_by(&kind.goals(prefixes), operation, &took(20), &attacked).len()
    }

    #[test]
    fn each_goal_is_missed_by_its_own_measure() {
        let seats = |operation, series| missed_with(Kind::Seats, 1, operation, series);
        assert_eq!(seats(Operation::Send, took(100)), 0, "five times as long as when it was quiet");
        assert_eq!(seats(Operation::Send, took(101)), 1);
        assert_eq!(seats(Operation::Send, took(1001)), 2, "the longest, too");
        assert_eq!(seats(Operation::Alarm, took(2000)), 0, "it needs a handshake");
        assert_eq!(seats(Operation::Alarm, took(2001)), 1);
        let many = |ms| missed_with(Kind::Seats, 200, Operation::Send, took(ms));
        assert_eq!((many(2000), many(2001)), (0, 1));
        let refused = Series { failures: [("full".to_owned(), 1)].into(), ..took(1) };
        assert_eq!(seats(Operation::Hold, refused.clone()), 1);
        let fill = |operation| missed_with(Kind::Fill, 100, operation, refused.clone());
        assert_eq!((fill(Operation::Hold), fill(Operation::Extend)), (0, 1));
        assert_eq!((fill(Operation::Open), fill(Operation::Alarm)), (0, 1));
    }

    #[test]
    fn a_report_is_a_table_for_people_and_a_line_for_many() {
        let json = json!({
            "kind": "seats", "size": 512, "unit": "connections", "prefixes": 20, "prefix_bits": 24,
            "attack": { "seconds": 2.0, "handshakes": 1000, "requests": 0, "bytes": 3_000_000 },
            "operations": { "alarm": {
                "quiet": { "done": 9, "p99_ms": 12.34, "max_ms": 15.0, "failed": 0 },
                "attacked": { "done": 7, "p99_ms": 61.2, "max_ms": 99.0, "failed": 2 },
                "p99_ratio": 4.96,
            } },
            "missed": ["alarm: 2 × full"],
        });
        let line = line(&json);
        assert!(line.starts_with("| seats, 512 connections, 20 prefixes of /24 | 500 handshakes,"));
        assert!(line.contains(" 12 → 61 (99) | 2 of 9 |"), "{line}");
        assert_eq!(
            line.matches(" | ").count(),
            HEADING.lines().next().unwrap().matches(" | ").count()
        );
        assert!(
            table(&json).contains("| alarm | – | 12 | 15 | 0 of 9 | – | 61 | 99 | 2 of 9 | 5.0 |")
        );
        let name = "seats, 512 connections, 20 prefixes of /24";
        assert_eq!(missed(&json), [format!("{name}: alarm: 2 × full")]);
    }
}
