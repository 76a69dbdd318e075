//! `velar-relay`: parse, load, bind, wait, shut down.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{Signal, SignalKind, signal};
use velar_relay::commands::{self, Cli, Clock, Command, CommandError};
use velar_relay::config::{Config, Flags};
use velar_relay::logs;

/// What filling and emptying the store takes is given back.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "velar-relay: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), CommandError> {
    match cli.command {
        _ if cli.check_config => check(&cli.flags),
        Some(Command::Init(init)) => commands::print(&commands::init(&init)?),
        Some(Command::Address(args)) => {
            commands::print(&commands::address(&Config::load(&args.flags)?)?)
        }
        Some(Command::Check(args)) => {
            let (text, well) = commands::check(&Config::load(&args.flags)?)?;
            commands::print(&text)?;
            if well { Ok(()) } else { Err(CommandError::NotWell) }
        }
        Some(Command::Repair(args)) => {
            commands::print(&commands::repair(&Config::load(&args.flags)?, &args.into)?)
        }
        Some(Command::Access(command)) => {
            let told = commands::access(&Config::load(&command.flags())?, &command)?;
            commands::print(&told.out)?;
            commands::remark(&told.remark);
            Ok(())
        }
        Some(Command::Clock(Clock::Accept(args))) => {
            commands::print(&commands::accept_clock(&Config::load(&args.flags)?)?)
        }
        Some(Command::Serve(args)) if args.check_config => check(&args.flags),
        Some(Command::Serve(args)) => serve(&Config::load(&args.flags)?),
        None => {
            use clap::CommandFactory as _;
            Cli::command()
                .print_help()
                .map_err(|source| CommandError::Io { path: "stdout".into(), source })
        }
    }
}

fn check(flags: &Flags) -> Result<(), CommandError> {
    commands::print(&commands::check_config(&Config::load(flags)?)?)
}

fn serve(config: &Config) -> Result<(), CommandError> {
    // Whoever runs this inside something that logs already keeps that.
    let _ = logs::start(config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.workers)
        .max_blocking_threads(8)
        .enable_all()
        .build();
    let failed = |source| CommandError::Io { path: "runtime".into(), source };
    runtime.map_err(failed)?.block_on(async {
        let mut stop = [SignalKind::terminate(), SignalKind::interrupt()]
            .into_iter()
            .map(signal)
            .collect::<io::Result<Vec<Signal>>>()
            .map_err(failed)?;
        let (told, shutdown) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            any(&mut stop).await;
            let _ = told.send(());
            any(&mut stop).await;
            std::process::exit(130);
        });
        commands::serve(config, async { shutdown.await.unwrap_or(()) }).await
    })
}

/// Waits for either signal.
async fn any(signals: &mut [Signal]) {
    match signals {
        [first, second, ..] => {
            tokio::select! { _ = first.recv() => {}, _ = second.recv() => {} }
        }
        _ => std::future::pending().await,
    }
}
