//! `velar`: parse, run, say how it ended.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime::Runtime;
use velar::cli::{self, Cli, Command, Stop as Unclear};
use velar::commands::{self, Context, Stop};
use velar::failure::{Exit, Failure, failure};
use velar::terminal::{Clock, clean};
use velar::text::{Text, t};

/// How long a command may wait on after the first Ctrl-C: [`ENDING_STEPS`] times this, of which each has to pass. What
/// keeps the program itself busy, a vault that opens slowly, is over before it counts.
const ENDING_STEP: Duration = Duration::from_millis(250);

const ENDING_STEPS: u32 = 20;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let early = cli::early(&args, |name| std::env::var(name).ok());
    let text = Text::new(early.language);
    let done = match cli::parse(&args, &text) {
        Ok(cli) => start(cli, text),
        // A reader that has gone is no failure.
        Err(Unclear::Show(help)) => Ok(help.print().map_or(Exit::Done, |()| Exit::Done)),
        Err(Unclear::NoCommand(help)) => Ok(help.print().map_or(Exit::Usage, |()| Exit::Usage)),
        Err(Unclear::Usage(failure)) => Err(failure),
    };
    done.unwrap_or_else(|failure| {
        failure.print(&mut std::io::stderr().lock(), early.json);
        failure.exit()
    })
    .into()
}

fn start(cli: Cli, text: Text) -> Result<Exit, Failure> {
    let alarm = matches!(cli.command, Command::Panic(_));
    let prepared = prepare(&cli, alarm, &text).inspect_err(|_| {
        if alarm {
            remark(&t!(text, "panic-failed"));
        }
    });
    let (vault_dir, runtime) = prepared?;
    let (json, passphrase) = (cli.global.json, cli.global.passphrase());
    let stop = std::sync::Arc::new(Stop::new());
    stop.last_words(alarm.then(|| t!(text, "panic-failed")));
    runtime.spawn(stop.clone().obey_the_keyboard());
    let context = Context { text, clock: Clock::local(), json, vault_dir, passphrase, stop };
    let done = runtime.block_on(async {
        tokio::select! {
            biased;
            done = commands::run(cli, &context) => done,
            () = too_slow(&context.stop) => {
                Err(failure!(context.text, Exit::Interrupted, "error-interrupted"))
            }
        }
    });
    runtime.shutdown_background();
    done
}

/// What every command needs. Only what is typed wrong is refused, and never an alarm for its log.
fn prepare(cli: &Cli, alarm: bool, text: &Text) -> Result<(PathBuf, Runtime), Failure> {
    let variable = |name: &str| std::env::var_os(name);
    let log = cli.global.log_filter(variable);
    match &log.bad {
        Some(given) if log.typed && !alarm => {
            return Err(failure!(text, Exit::Usage, "error-log-filter", given = given.as_str()));
        }
        Some(given) => remark(&t!(text, "warning-log-filter", given = clean(given))),
        None => {}
    }
    tracing_subscriber::fmt().with_env_filter(log.filter).with_writer(std::io::stderr).init();
    let vault_dir = match (cli.global.vault_dir(variable), &cli.command) {
        (Some(folder), _) => folder,
        (None, Command::Completions(_)) => Default::default(),
        (None, _) => return Err(failure!(text, Exit::Usage, "error-vault-no-place")),
    };
    // Two threads: the network goes on while a person is asked.
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().map_err(|error| {
        failure!(text, Exit::Failed, "error-internal", detail = error.to_string())
    })?;
    Ok((vault_dir, runtime))
}

fn remark(line: &str) {
    writeln!(std::io::stderr().lock(), "{line}").unwrap_or_default();
}

async fn too_slow(stop: &Stop) {
    stop.wait().await;
    for _ in 0..ENDING_STEPS {
        tokio::time::sleep(ENDING_STEP).await;
    }
}
