//! The load generator: starts a relay of its own, loads it over real QUIC, and prints what it measured,
//! one `name value unit` to a line. `tests/bench` runs it in rounds and draws the table of BENCHMARKS.md.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the figures are this program's output"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand, ValueEnum};
use tempfile::TempDir;
use velar_protocol::wire::RelayAddress;
use velar_tests::load::attack::{self, Prepared, Programs, Which};
use velar_tests::load::{
    Compactions, Outcome, Plan, Quiet, Refill, alarm, crash, drain, idle, latency, longest,
    quantile, stored, throughput, waits,
};
use velar_tests::process::{RelayProcess, Usage, disk_kib};

/// Loads a relay and prints what it measured.
#[derive(Parser)]
struct Arguments {
    /// The velar-relay program to start.
    #[arg(long)]
    relay: PathBuf,
    /// Folder for the relay's data: on the disk that is to be measured. Default: a temporary one.
    #[arg(long)]
    data: Option<PathBuf>,
    #[command(subcommand)]
    load: Load,
}

#[derive(Subcommand)]
enum Load {
    /// Many senders, each with a reader of its own.
    Throughput {
        /// Senders, and readers.
        #[arg(long, default_value_t = 64)]
        pairs: u32,
        /// Envelopes that each sender keeps on the way.
        #[arg(long, default_value_t = 16)]
        outstanding: usize,
        /// How long.
        #[arg(long, default_value_t = 4)]
        seconds: u64,
    },
    /// One envelope at a time.
    Latency {
        /// How many.
        #[arg(long, default_value_t = 500)]
        count: usize,
        /// Pause between an answer and the next envelope; 0: back to back.
        #[arg(long, default_value_t = 0)]
        pace_ms: u64,
    },
    /// Alarms with the panic kit, from the start of `velar panic` to the line on a watching screen. `VELAR_TEST_BINARIES`
    /// names the folder of the programs.
    Alarm {
        /// How many.
        #[arg(long, default_value_t = 200)]
        runs: usize,
    },
    /// `velar checkin` and `velar wipe`, from their start to their end. `VELAR_TEST_BINARIES` as for alarms.
    Waits {
        /// How many of each.
        #[arg(long, default_value_t = 20)]
        runs: usize,
    },
    /// Readers that only stay subscribed.
    Idle {
        /// How many.
        #[arg(long, default_value_t = 1000)]
        connections: usize,
    },
    /// Kills the relay at any moment, again and again, and counts what is missing afterwards. Ends with 1 if anything
    /// is wrong, and keeps the relay's data then.
    Crash {
        /// Whether readers are there all the time, or only after each filling.
        #[arg(long, value_enum)]
        readers: Readers,
        /// Kills at least.
        #[arg(long, default_value_t = 500)]
        kills: u64,
        /// Envelopes accepted at least.
        #[arg(long, default_value_t = 1_000_000)]
        accepted: u64,
        /// Mailboxes, with one sender each, who keeps 16 envelopes on the way.
        #[arg(long, default_value_t = 16)]
        senders: u32,
        /// Envelopes stored before readers who are away come back: some 8 KB of disk for each.
        #[arg(long, default_value_t = 100_000)]
        filling: u64,
        /// Longest run.
        #[arg(long, default_value_t = 7200)]
        seconds: u64,
        /// Chances; by default others each time.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Envelopes left for readers who are away; then the relay is killed and started again.
    Restart {
        /// How many.
        #[arg(long, default_value_t = 200_000)]
        stored: usize,
        /// Also read all of them back.
        #[arg(long)]
        read_back: bool,
    },
    /// Rounds of filling a relay and reading all of it, and how long somebody else has to wait meanwhile.
    Refill {
        /// How many.
        #[arg(long, default_value_t = 6)]
        rounds: usize,
        /// Envelopes in each.
        #[arg(long, default_value_t = 100_000)]
        count: usize,
        /// Instead: fill the disk up to its mark, read, and wait until the relay accepts again.
        #[arg(long)]
        until_full: bool,
        /// Read only every second mailbox; the rest stays.
        #[arg(long)]
        every_second: bool,
        /// The mark, in MiB.
        #[arg(long, default_value_t = 512)]
        free_space_mib: u32,
    },
    /// Attacks a relay with its shipped limits, and measures what honest people from other prefixes notice. Ends with 1
    /// if a goal is missed.
    Attack(attack::Options),
    /// The attacking side of that.
    #[command(hide = true)]
    Attacker(attack::Orders),
}

/// Where the readers are.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Readers {
    Online,
    Away,
}

fn main() -> Outcome<ExitCode> {
    let arguments = Arguments::parse();
    let mut small_disk = None;
    if let Load::Attack(options) = &arguments.load {
        match options.prepare()? {
            Prepared::Ready(folder) => small_disk = folder,
            Prepared::Ended(code) => return Ok(code),
            Prepared::Skipped(report) => {
                println!("{report}");
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
    // As many threads as the yardstick's generator.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        match arguments.load {
            Load::Attack(options) => {
                let parent = small_disk.clone().or(arguments.data);
                attack_and_print(&arguments.relay, parent, small_disk.is_some(), options).await
            }
            Load::Attacker(orders) => attack::attacker(orders).await.map(|()| ExitCode::SUCCESS),
            _ => tokio::spawn(run(arguments)).await?.map(|()| ExitCode::SUCCESS),
        }
    })
}

async fn attack_and_print(
    relay: &Path,
    parent: Option<PathBuf>,
    small_disk: bool,
    options: attack::Options,
) -> Outcome<ExitCode> {
    let load = std::env::current_exe()?;
    let programs = Programs { relay, load: &load };
    let missed = match options.which {
        Which::All => {
            let (mut reports, mut missed) = (Vec::new(), Vec::new());
            if !options.json {
                println!("{}", attack::HEADING);
            }
            attack::all(programs, &options, |report| {
                if !options.json {
                    println!("{}", attack::line(report));
                }
                missed.extend(attack::missed(report));
                reports.push(report.clone());
            })
            .await?;
            if options.json {
                println!("{}", serde_json::Value::from(reports));
            }
            missed
        }
        Which::One(kind) => {
            let parent = parent.unwrap_or_else(std::env::temp_dir);
            let folder = tempfile::Builder::new().prefix("velar-load").tempdir_in(parent)?;
            let report =
                attack::attack(programs, folder.path(), small_disk, kind, &options).await?;
            if options.json {
                println!("{report}");
            } else {
                print!("{}", attack::table(&report));
            }
            attack::missed(&report)
        }
    };
    for missed in &missed {
        eprintln!("missed: {missed}");
    }
    Ok(if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn run(arguments: Arguments) -> Outcome<()> {
    let parent = arguments.data.unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::Builder::new().prefix("velar-load").tempdir_in(parent)?;
    if let Load::Crash { readers, kills, accepted, senders, filling, seconds, seed } =
        arguments.load
    {
        let seed = seed.map_or_else(getrandom::u64, Ok)?;
        let filling = (readers == Readers::Away).then_some(filling);
        let longest = Duration::from_secs(seconds);
        let plan = Plan { seed, kills, accepted, senders, filling, longest };
        return crash_and_print(&arguments.relay, folder, plan).await;
    }
    let data = folder.path().join("relay");
    let mut relay = RelayProcess::init(&arguments.relay, &data).await?;
    if let Load::Refill { free_space_mib, .. } = &arguments.load {
        relay = relay
            .with_flag("--mailbox-envelopes=10000000")
            .with_flag("--token-envelopes=10000000")
            .with_flag(&format!("--free-space-mib={free_space_mib}"));
    }
    relay.start().await?;
    let (address, usage) = (relay.address()?.clone(), relay.usage()?);
    match arguments.load {
        Load::Throughput { pairs, outstanding, seconds } => {
            let seen = throughput(&address, usage, pairs, outstanding, seconds).await?;
            let per_s = |count: u64| count as f64 / seen.elapsed.as_secs_f64();
            println!("accepted {:.0} /s", per_s(seen.accepted));
            println!("undelivered {} envelopes", seen.accepted.saturating_sub(seen.delivered));
            println!("cpu {:.0} us/message", micros(seen.relay_cpu) / seen.accepted.max(1) as f64);
            print_latency("ack", seen.ack_p50, seen.ack_p99);
            print_latency("delivered", seen.delivered_p50, seen.delivered_p99);
            println!("rss {} KiB", usage.rss_kib()?);
        }
        Load::Latency { count, pace_ms } => {
            let seen = latency(&address, count, Duration::from_millis(pace_ms)).await?;
            print_latency("ack", seen.ack_p50, seen.ack_p99);
            print_latency("delivered", seen.delivered_p50, seen.delivered_p99);
        }
        Load::Alarm { runs } => {
            let seen = alarm(&address, folder.path(), runs).await?;
            print_latency("shown", seen.shown_p50, seen.shown_p99);
            println!("ended_p50 {:.3} ms", micros(seen.ended_p50) / 1e3);
        }
        Load::Waits { runs } => {
            let mut seen = waits(&address, folder.path(), runs).await?;
            for (name, samples) in [
                ("checkin_heard", &mut seen.checkin_heard),
                ("checkin_alone", &mut seen.checkin_alone),
                ("wipe", &mut seen.wipe),
            ] {
                println!("{name}_p50 {:.3} s", quantile(samples, 0.5).as_secs_f64());
                println!("{name}_max {:.3} s", quantile(samples, 1.0).as_secs_f64());
            }
        }
        Load::Idle { connections } => {
            let seen = idle(&address, usage, connections, Duration::from_secs(5)).await?;
            let grown = seen.rss_after_kib.saturating_sub(seen.rss_before_kib) as f64;
            println!("per_connection {:.1} KiB", grown / connections.max(1) as f64);
            println!("rss {} KiB", seen.rss_after_kib);
            println!("connects {:.0} /s", connections as f64 / seen.connecting.as_secs_f64());
        }
        // Each has had a relay of its own, above.
        Load::Crash { .. } | Load::Attack(_) | Load::Attacker(_) => {}
        Load::Refill { rounds, count, until_full, every_second, .. } => {
            let count = if until_full { usize::MAX } else { count };
            refill(&address, usage, &data, rounds, count, every_second).await?;
        }
        Load::Restart { stored: count, read_back } => {
            let left = stored(&address, count).await?;
            println!("rss_full {} KiB", usage.rss_kib()?);
            println!("disk {} KiB", disk_kib(folder.path())?);
            relay.kill_nine().await?;
            let serving = relay.start().await?;
            println!("restart {:.3} s", serving.as_secs_f64());
            println!("restart_cpu {:.3} s", relay.usage()?.cpu()?.as_secs_f64());
            println!("rss_restarted {} KiB", relay.usage()?.rss_kib()?);
            if read_back {
                let elapsed = drain(&address, &left).await?;
                println!("read_back {:.0} /s", count as f64 / elapsed.as_secs_f64());
            }
        }
    }
    relay.stop().await
}

async fn crash_and_print(relay: &Path, folder: TempDir, plan: Plan) -> Outcome<()> {
    let begun = Instant::now();
    println!("seed {} run", plan.seed);
    let seen = crash(relay, &folder.path().join("relay"), plan).await;
    println!("seconds {:.0} s", begun.elapsed().as_secs_f64());
    let faults = match seen {
        Ok(seen) => {
            for (name, value, unit) in &seen.figures {
                println!("{name} {value} {unit}");
            }
            seen.faults
        }
        Err(error) => vec![error.to_string()],
    };
    if faults.is_empty() {
        return Ok(());
    }
    for fault in &faults {
        println!("fault: {fault}");
    }
    println!("kept: {}", folder.keep().display());
    Err("something is wrong; see above".into())
}

/// Rounds of filling and reading, with a line for each.
async fn refill(
    address: &RelayAddress,
    usage: Usage,
    data: &Path,
    rounds: usize,
    count: usize,
    every_second: bool,
) -> Outcome<()> {
    let mut mailboxes = Refill::open(address).await?;
    let quiet = Quiet::begin(address).await?;
    let compactions = Compactions::watch(data.join("store"));
    for round in 1..=rounds {
        let (shares, filling) = mailboxes.fill(count).await?;
        let accepted: usize = shares.iter().sum();
        let (rss_full, disk_full) = (usage.rss_kib()?, disk_kib(data)?);
        let reading = mailboxes.read(&shares, every_second).await?;
        let room = mailboxes.until_accepted().await?;
        println!("round {round}");
        println!("stored {accepted} envelopes");
        println!("accepted {:.0} /s", accepted as f64 / filling.as_secs_f64());
        println!("read {:.3} s", reading.as_secs_f64());
        println!("accepts_again {:.3} s", room.as_secs_f64());
        println!("rss_full {rss_full} KiB");
        println!("rss {} KiB", usage.rss_kib()?);
        println!("disk_full {disk_full} KiB");
        println!("disk {} KiB", disk_kib(data)?);
    }
    let during = compactions.end().await?;
    let (answered, delivered) = quiet.end().await?;
    println!("compactions {} times", during.len());
    println!("answer_max {:.3} ms", micros(longest(&answered, None)) / 1e3);
    println!("delivered_max {:.3} ms", micros(longest(&delivered, None)) / 1e3);
    println!("answer_max_compacting {:.3} ms", micros(longest(&answered, Some(&during))) / 1e3);
    println!("delivered_max_compacting {:.3} ms", micros(longest(&delivered, Some(&during))) / 1e3);
    Ok(())
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn print_latency(name: &str, p50: Duration, p99: Duration) {
    println!("{name}_p50 {:.3} ms", micros(p50) / 1e3);
    println!("{name}_p99 {:.3} ms", micros(p99) / 1e3);
}
