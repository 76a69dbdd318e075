//! People as real processes: each with a vault of its own and the `velar` program.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::load::Outcome;

/// The passphrase of every vault in tests.
pub const PASSPHRASE: &str = "four words for testing";

/// The folder with `velar` and `velar-relay`, built now if they are not up to date. `VELAR_TEST_BINARIES`
/// names a folder to take them from as they are.
///
/// # Errors
/// If they cannot be built.
pub fn binaries() -> Outcome<&'static Path> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| build().map_err(|error| error.to_string()));
    folder.as_deref().map_err(|error| error.clone().into())
}

fn build() -> Outcome<PathBuf> {
    if let Some(folder) = std::env::var_os("VELAR_TEST_BINARIES") {
        return Ok(folder.into());
    }
    // …/target/debug/deps/forming-0123456789abcdef
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(Path::parent).ok_or("no target folder")?;
    let target = folder.parent().ok_or("no target folder")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--bins", "--package=velar", "--package=velar-relay"]);
    if folder.ends_with("release") {
        build.arg("--release");
    }
    let build = build.arg("--target-dir").arg(target).stdin(Stdio::null()).output()?;
    if !build.status.success() {
        return Err(String::from_utf8_lossy(&build.stderr).into());
    }
    Ok(folder.to_owned())
}

/// Somebody with a device.
#[derive(Debug)]
pub struct Person {
    vault: PathBuf,
    passphrase: PathBuf,
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Said {
    /// Exit code; `None` if it was killed.
    pub exit: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// A command that runs. Killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    err: BufReader<ChildStderr>,
    heard: String,
}

impl Person {
    /// With folders under `scratch`; no vault yet.
    ///
    /// # Errors
    /// If the passphrase file cannot be written.
    pub fn new(scratch: &Path, name: &str) -> Outcome<Self> {
        let (vault, passphrase) = (scratch.join(name), scratch.join(format!("{name}.passphrase")));
        let mut file = fs::OpenOptions::new();
        let mut file = file.write(true).create_new(true).mode(0o600).open(&passphrase)?;
        std::io::Write::write_all(&mut file, PASSPHRASE.as_bytes())?;
        Ok(Self { vault, passphrase })
    }

    /// The same, with a vault.
    ///
    /// # Errors
    /// If the vault cannot be made.
    pub fn with_vault(scratch: &Path, name: &str) -> Outcome<Self> {
        let person = Self::new(scratch, name)?;
        let said = person.run(&["init"])?;
        if said.exit == Some(0) { Ok(person) } else { Err(said.err.into()) }
    }

    /// Where the vault is.
    #[must_use]
    pub fn vault(&self) -> &Path {
        &self.vault
    }

    /// `velar` with these arguments, in English.
    ///
    /// # Errors
    /// If the program was not built.
    pub fn command(&self, args: &[&str]) -> Outcome<Command> {
        let mut command = Command::new(binaries()?.join("velar"));
        command
            .args(args)
            .arg("--vault")
            .arg(&self.vault)
            .arg("--passphrase-file")
            .arg(&self.passphrase)
            .env("LC_ALL", "C")
            .env_remove("VELAR_LOG")
            .env_remove("VELAR_VAULT")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(command)
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// If it does not start.
    pub fn run(&self, args: &[&str]) -> Outcome<Said> {
        let done = self.command(args)?.output()?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Said { exit: done.status.code(), out: text(done.stdout), err: text(done.stderr) })
    }

    /// Starts it.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(&self, args: &[&str]) -> Outcome<Running> {
        let mut child = self.command(args)?.spawn()?;
        let err = BufReader::new(child.stderr.take().ok_or("no stderr")?);
        Ok(Running { child, err, heard: String::new() })
    }
}

impl Said {
    /// The last line of JSON on standard output.
    #[must_use]
    pub fn json(&self) -> Value {
        let line = self.out.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_default()
    }

    /// The stable name of the failure, with `--json`.
    #[must_use]
    pub fn failure(&self) -> String {
        let lines = self.err.lines().rev();
        let error = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok()).next();
        let name = error.as_ref().and_then(|value| value.pointer("/error/name")?.as_str());
        name.unwrap_or_default().to_owned()
    }
}

impl Running {
    /// Waits until it says this on standard error.
    ///
    /// # Errors
    /// If it ends before.
    pub fn until(&mut self, words: &str) -> Outcome<()> {
        let mut line = String::new();
        while self.err.read_line(&mut line)? > 0 {
            self.heard.push_str(&line);
            if line.contains(words) {
                return Ok(());
            }
            line.clear();
        }
        Err(format!("it ended without saying \"{words}\":\n{}", self.heard).into())
    }

    /// Ctrl-C.
    ///
    /// # Errors
    /// If it has ended.
    pub fn interrupt(&self) -> Outcome<()> {
        let pid = i32::try_from(self.child.id())?;
        Ok(kill_process(Pid::from_raw(pid).ok_or("no process")?, Signal::INT)?)
    }

    /// Kills it as a crash would.
    ///
    /// # Errors
    /// If it has ended.
    pub fn kill_nine(mut self) -> Outcome<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits until it ends.
    ///
    /// # Errors
    /// If its output cannot be read.
    pub fn end(mut self) -> Outcome<Said> {
        self.err.read_to_string(&mut self.heard)?;
        let mut out = String::new();
        if let Some(stdout) = &mut self.child.stdout {
            stdout.read_to_string(&mut out)?;
        }
        let exit = self.child.wait()?.code();
        Ok(Said { exit, out, err: std::mem::take(&mut self.heard) })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
