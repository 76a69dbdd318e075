//! The load generator: starts a relay of its own, loads it over real QUIC, and prints what it measured,
//! one `name value unit` to a line. `tests/bench` runs it in rounds and draws the table of BENCHMARKS.md.
#![expect(clippy::print_stdout, reason = "the figures are this program's output")]

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use velar_tests::load::{
    Outcome, alarm, drain, idle, latency, quantile, stored, throughput, waits,
};
use velar_tests::process::{RelayProcess, disk_kib};

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
    /// Envelopes left for readers who are away; then the relay is killed and started again.
    Restart {
        /// How many.
        #[arg(long, default_value_t = 200_000)]
        stored: usize,
        /// Also read all of them back.
        #[arg(long)]
        read_back: bool,
    },
}

fn main() -> Outcome<()> {
    let arguments = Arguments::parse();
    // As many threads as the yardstick's generator.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async { tokio::spawn(run(arguments)).await? })
}

async fn run(arguments: Arguments) -> Outcome<()> {
    let parent = arguments.data.unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::Builder::new().prefix("velar-load").tempdir_in(parent)?;
    let mut relay = RelayProcess::init(&arguments.relay, &folder.path().join("relay")).await?;
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

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn print_latency(name: &str, p50: Duration, p99: Duration) {
    println!("{name}_p50 {:.3} ms", micros(p50) / 1e3);
    println!("{name}_p99 {:.3} ms", micros(p99) / 1e3);
}
