//! Attacks on a relay as it is shipped, and what honest people from other prefixes notice of them: first a quiet phase,
//! then the same honest load beside an attacker, which is a process of its own.

mod attacker;
mod client;
mod honest;
mod kind;
mod namespace;
mod report;
mod samples;
mod socket;
mod source;

use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use data_encoding::HEXLOWER;
use rustix::fs::statvfs;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::{interval, sleep, timeout};
use velar_protocol::wire::RelayAddress;

use self::honest::Honest;
use self::namespace::{Needs, Place};
use self::report::{Measured, report, rows};
use self::source::{Addresses, MOST_ATTACKING};
use super::Outcome;
use crate::job::{Job, Said};
use crate::process::{RelayProcess, disk_kib};

pub use attacker::{Orders, attacker};
pub use kind::{Kind, Which};
pub use report::{HEADING, line, missed, table};

/// Longest wait until an attacker is in place; a relay may keep it from ever being.
const FORMING: Duration = Duration::from_secs(60);

/// Between two looks at the disk.
const LOOKS: Duration = Duration::from_millis(500);

/// What is left above the relay's mark of free space where there is no small disk to fill.
const ROOM_MIB: u64 = 256;

/// How to attack.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// With what.
    #[arg(value_enum, value_name = "KIND")]
    pub which: Which,
    /// Seconds of the attack, once the attacker is in place.
    #[arg(long, default_value_t = 20)]
    pub seconds: u64,
    /// Seconds of the quiet phase before it.
    #[arg(long, default_value_t = 10)]
    pub quiet_seconds: u64,
    /// How much: each attack says of what. By default what the shipped limits just about allow.
    #[arg(long)]
    pub size: Option<u32>,
    /// Address prefixes that the attacker comes from.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_ATTACKING)))]
    pub prefixes: u32,
    /// For `seats`: each connection proves that a mailbox is its own.
    #[arg(long)]
    pub proved: bool,
    /// Over IPv6, in a network of its own, where this machine allows one.
    #[arg(long)]
    pub ipv6: bool,
    /// Bits of an IPv6 prefix: the attacker's differ within these.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u8).range(32..=64))]
    pub tier: u8,
    /// Milliseconds between two honest operations of a kind.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    pub pace_ms: u64,
    /// A limit of the relay, as it is on its command line: `connections=64`. Otherwise all are as shipped.
    #[arg(long, value_name = "LIMIT=N")]
    pub limit: Vec<String>,
    /// Print one object of JSON.
    #[arg(long)]
    pub json: bool,
}

/// Where the programs are.
#[derive(Clone, Copy, Debug)]
pub struct Programs<'a> {
    /// `velar-relay`.
    pub relay: &'a Path,
    /// This one, which starts itself as the attacker.
    pub load: &'a Path,
}

/// Whether an attack can be run here.
#[derive(Debug)]
pub enum Prepared {
    /// Yes; with the folder for the relay's data, if it must be this one.
    Ready(Option<PathBuf>),
    /// It has run elsewhere.
    Ended(ExitCode),
    /// No; this says so.
    Skipped(String),
}

/// What an attacker has told last.
type Told = Arc<Mutex<Value>>;

impl Options {
    /// Sees to open files, a small disk, a network: before anything else is done.
    ///
    /// # Errors
    /// If the program cannot be started again.
    pub fn prepare(&self) -> Outcome<Prepared> {
        let files = getrlimit(Resource::Nofile);
        // Where it may not be raised, sockets fail, and say so.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files });
        let Which::One(kind) = self.which else { return Ok(Prepared::Ready(None)) };
        let disk_mib = kind.disk_mib();
        match namespace::enter(Needs { disk_mib, ipv6: self.ipv6 })? {
            Place::Here(folder) => Ok(Prepared::Ready(folder.filter(|_| disk_mib.is_some()))),
            Place::Ended(code) => Ok(Prepared::Ended(code)),
            Place::NotAllowed if self.ipv6 => {
                let why = "this machine lets nobody make a network namespace";
                let skipped = json!({ "kind": kind.name(), "skipped": why });
                let text = if self.json { skipped.to_string() } else { format!("SKIPPED: {why}") };
                Ok(Prepared::Skipped(text))
            }
            Place::NotAllowed => Ok(Prepared::Ready(None)),
        }
    }

    fn addresses(&self) -> Addresses {
        if self.ipv6 { Addresses::V6 { tier: self.tier } } else { Addresses::V4 }
    }

    fn size(&self, kind: Kind) -> u32 {
        self.size.unwrap_or_else(|| kind.size(self.prefixes))
    }
}

/// Runs one attack on a new relay whose data are in `folder`, and returns all that it measured as one object. `small`
/// says that this is a small disk.
///
/// # Errors
/// If a program does not start, or the relay ends.
pub async fn attack(
    programs: Programs<'_>,
    folder: &Path,
    small: bool,
    kind: Kind,
    options: &Options,
) -> Outcome<Value> {
    let addresses = options.addresses();
    let data = folder.join("relay");
    let mut relay =
        RelayProcess::init_at(addresses.relay(), programs.relay, &data).await?.as_shipped();
    for limit in &options.limit {
        relay = relay.with_flag(&format!("--{limit}"));
    }
    if kind.disk_mib().is_some() && !small {
        let mark = free_mib(folder)?.saturating_sub(ROOM_MIB);
        relay = relay.with_flag(&format!("--free-space-mib={mark}"));
    }
    relay.start().await?;
    let (address, usage) = (relay.address()?.clone(), relay.usage()?);
    let most_disk_kib = Arc::new(AtomicU64::new(0));
    let watching = tokio::spawn(watch_disk(data, most_disk_kib.clone()));

    let pace = Duration::from_millis(options.pace_ms);
    let quiet = Instant::now();
    let honest = Honest::begin(&address, addresses, pace).await?;
    sleep(Duration::from_secs(options.quiet_seconds)).await;

    let known = known(kind, &honest)?;
    let attacked = Instant::now();
    let cpu_before = usage.cpu()?;
    let told = Told::default();
    let job = start(programs, &address, kind, options, &known, &told)?;
    let in_place = timeout(FORMING, until_in_place(&told)).await.is_ok();
    let formed = attacked.elapsed();
    if kind == Kind::Taken {
        honest.tokens_are_taken(known);
    }
    sleep(Duration::from_secs(options.seconds)).await;
    let floor = if kind == Kind::Fill { Some(honest.floor().await) } else { None };
    let ended = Instant::now();
    let relay_cpu = usage.cpu()?.saturating_sub(cpu_before);
    let attack = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if !attack.is_object() {
        return Err("the attacker ended".into());
    }
    drop(job);
    let samples = honest.end().await;
    watching.abort();
    let report = report(&Measured {
        kind,
        options,
        size: options.size(kind),
        in_place,
        formed,
        attack,
        rows: rows(&samples, [quiet, attacked, ended]),
        floor,
        peak_rss_kib: usage.peak_rss_kib()?,
        most_disk_kib: most_disk_kib.load(Ordering::Relaxed),
        relay_share: relay_cpu.as_secs_f64() / (ended - attacked).as_secs_f64(),
    });
    relay.stop().await?;
    Ok(report)
}

/// Runs every attack in its usual forms, each by starting this program again, and hands on what each has to tell.
///
/// # Errors
/// If one does not start.
pub async fn all(
    programs: Programs<'_>,
    options: &Options,
    mut tell: impl FnMut(&Value),
) -> Outcome<()> {
    let forms = Kind::value_variants()
        .iter()
        .flat_map(|kind| kind.forms().iter().map(move |form| (kind, form)));
    for (kind, form) in forms {
        let mut command = Command::new(programs.load);
        command.arg("--relay").arg(programs.relay).args(["attack", kind.name(), "--json"]);
        command.args(form.iter());
        command.arg(format!("--seconds={}", options.seconds));
        command.arg(format!("--quiet-seconds={}", options.quiet_seconds));
        command.arg(format!("--pace-ms={}", options.pace_ms));
        command.args(options.limit.iter().map(|limit| format!("--limit={limit}")));
        if options.ipv6 {
            let ipv6 = (!form.contains(&"--ipv6")).then_some("--ipv6");
            command.args(ipv6).arg(format!("--tier={}", options.tier));
        }
        let ran = command.stderr(Stdio::inherit()).output().await?;
        match serde_json::from_slice(&ran.stdout) {
            Ok(report) => tell(&report),
            Err(_) => tell(&json!({ "kind": kind.name(), "failed": true })),
        }
    }
    Ok(())
}

/// What both the honest and the attacker know.
fn known(kind: Kind, honest: &Honest) -> Outcome<[u8; 32]> {
    if kind == Kind::Junk {
        return Ok(*honest.token().ok_or("no token")?.expose());
    }
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(seed)
}

fn start(
    programs: Programs<'_>,
    address: &RelayAddress,
    kind: Kind,
    options: &Options,
    known: &[u8; 32],
    told: &Told,
) -> Outcome<Job> {
    let mut command = Command::new(programs.load);
    command.arg("--relay").arg(programs.relay).args(["attacker", "--kind", kind.name()]);
    command.arg("--at").arg(address.to_string()).arg("--known").arg(HEXLOWER.encode(known));
    command.arg(format!("--size={}", options.size(kind)));
    command.arg(format!("--prefixes={}", options.prefixes));
    if options.proved {
        command.arg("--proved");
    }
    if options.ipv6 {
        command.arg(format!("--tier={}", options.tier));
    }
    let told = told.clone();
    Job::start(command, move |said| {
        let said = match said {
            Said::Line(line) => serde_json::from_str(&line).unwrap_or(Value::Null),
            Said::Ended(_) => Value::Null,
        };
        *told.lock().unwrap_or_else(PoisonError::into_inner) = said;
    })
}

async fn until_in_place(told: &Told) {
    let mut looks = interval(LOOKS / 5);
    loop {
        looks.tick().await;
        let told = told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.get("in_place").and_then(Value::as_bool) == Some(true) {
            return;
        }
    }
}

/// Keeps the most that the folder took.
async fn watch_disk(folder: PathBuf, most_kib: Arc<AtomicU64>) {
    let mut looks = interval(LOOKS);
    loop {
        looks.tick().await;
        // A file may be gone while it is looked at.
        most_kib.fetch_max(disk_kib(&folder).unwrap_or(0), Ordering::Relaxed);
    }
}

fn free_mib(folder: &Path) -> Outcome<u64> {
    let stat = statvfs(folder)?;
    Ok((stat.f_bavail * stat.f_frsize) >> 20)
}
