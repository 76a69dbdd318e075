//! Processes whose output is read by a task of its own, and that can be killed at any moment.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, Command};
use tokio::sync::oneshot;

use crate::load::Outcome;

/// What a process has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A whole line of its standard output. What was cut off by its end is not told.
    Line(String),
    /// It has ended, with this code; `None`: by a signal.
    Ended(Option<i32>),
}

/// A running process. Killed when dropped.
#[derive(Debug)]
pub struct Job {
    stdin: Option<ChildStdin>,
    kill: Option<oneshot::Sender<()>>,
    pid: u32,
}

impl Job {
    /// Starts it. `tell` hears every line, all of them before the end.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(
        mut command: Command,
        tell: impl Fn(Said) + Send + Sync + 'static,
    ) -> Outcome<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().ok_or("ended at once")?;
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        let (kill, mut killed) = oneshot::channel();
        tokio::spawn(async move {
            let mut line = Vec::new();
            let mut alive = true;
            loop {
                tokio::select! {
                    read = stdout.read_until(b'\n', &mut line) => {
                        if read.is_err() || line.pop() != Some(b'\n') {
                            break;
                        }
                        let whole = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
                        tell(Said::Line(whole));
                    }
                    // Dropped or told: both mean it.
                    _ = &mut killed, if alive => {
                        alive = false;
                        // It may have ended by itself.
                        let _ = child.start_kill();
                    }
                }
            }
            let code = tokio::select! {
                status = child.wait() => status.ok().and_then(|status| status.code()),
                _ = &mut killed, if alive => {
                    let _ = child.kill().await;
                    None
                }
            };
            tell(Said::Ended(code));
        });
        Ok(Self { stdin, kill: Some(kill), pid })
    }

    /// Kills it at once, as a crash would.
    pub fn kill_nine(&mut self) {
        self.kill.take();
    }

    /// Asks it to end. To be called before it has ended.
    ///
    /// # Errors
    /// If there is no such process.
    pub fn terminate(&self) -> Outcome<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).ok_or("no such process")?;
        Ok(kill_process(pid, Signal::TERM)?)
    }

    /// Types a line. That it does not read any more is no error.
    pub async fn type_line(&mut self, line: &str) {
        if let Some(stdin) = &mut self.stdin {
            let _ = stdin.write_all(format!("{line}\n").as_bytes()).await;
        }
    }

    /// Ends what is typed.
    pub fn close_stdin(&mut self) {
        self.stdin.take();
    }

    /// The number of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }
}
