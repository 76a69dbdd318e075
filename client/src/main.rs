//! `velar`: parse, run, say how it ended.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use tracing_subscriber::EnvFilter;
use velar::cli::{self, Cli, Command, Stop as Unclear};
use velar::commands::{self, Context, Stop};
use velar::failure::{Exit, Failure, failure};
use velar::terminal::Clock;
use velar::text::Text;

/// How long a command may take to end after the first Ctrl-C.
const ENDING: Duration = Duration::from_secs(5);

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
    let filter = cli.global.log.as_deref().unwrap_or("error");
    let filter = EnvFilter::try_new(filter)
        .map_err(|_| failure!(text, Exit::Usage, "error-log-filter", given = filter))?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let vault_dir = match (cli.global.vault_dir(|name| std::env::var_os(name)), &cli.command) {
        (Some(folder), _) => folder,
        (None, Command::Completions(_)) => Default::default(),
        (None, _) => return Err(failure!(text, Exit::Usage, "error-vault-no-place")),
    };
    let broken = |error: std::io::Error| {
        failure!(text, Exit::Failed, "error-internal", detail = error.to_string())
    };
    // Two threads: the network goes on while a person is asked.
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().map_err(broken)?;
    let (json, passphrase) = (cli.global.json, cli.global.passphrase());
    let stop = std::sync::Arc::new(Stop::new());
    runtime.spawn(stop.clone().obey_the_keyboard());
    let context = Context { text, clock: Clock::local(), json, vault_dir, passphrase, stop };
    let done = runtime.block_on(async {
        tokio::select! {
            done = commands::run(cli, &context) => done,
            () = too_slow(&context.stop) => {
                Err(failure!(context.text, Exit::Interrupted, "error-interrupted"))
            }
        }
    });
    runtime.shutdown_background();
    done
}

async fn too_slow(stop: &Stop) {
    stop.wait().await;
    tokio::time::sleep(ENDING).await;
}
