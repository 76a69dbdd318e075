//! People at their terminals: the real `velar`, each with a vault of their own, and a circle that they form.

mod circle;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use rand_core::Rng;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use velar::device::{Device, Entropy};
use velar::passphrase::PassphraseSource;
use velar::vault::{KdfCost, Vault};

use crate::clock::SetClock;
use crate::load::Outcome;

pub use circle::{form_circle, gather};

/// Longest that anything here may take. Nothing is timed: who waits this long has found a fault.
const PATIENCE: Duration = Duration::from_secs(120);

/// What opens every vault in tests.
const PASSPHRASE: &str = "camino sal luna piedra";

/// One person: a name and a vault.
#[derive(Clone, Debug)]
pub struct Person {
    /// As the circle knows them.
    pub name: String,
    folder: PathBuf,
    passphrase: PathBuf,
    language: &'static str,
    zone: &'static str,
    clock: Option<SetClock>,
    /// Where this person's programs are, if not those that are built from this source.
    programs: Option<PathBuf>,
}

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Its exit code; -1 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// A command that goes on. Killed when dropped.
pub struct Running {
    child: Child,
    lines: Lines<BufReader<Box<dyn AsyncRead + Send + Unpin>>>,
    /// Lines so far, of standard output or of what [`Person::listen`] listens to.
    pub seen: Vec<String>,
    /// How many of them [`Running::until`] has passed over.
    passed: usize,
}

/// The program of this name, built now if it is not up to date. `VELAR_TEST_BINARIES` names a folder to take
/// the programs from as they are.
///
/// # Errors
/// If it cannot be built.
pub fn program(name: &str) -> Outcome<PathBuf> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| build().map_err(|error| error.to_string()));
    Ok(folder.as_ref().map_err(String::as_str)?.join(name))
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
    let mut build = std::process::Command::new(cargo);
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

impl Person {
    /// Makes a vault in a folder of its own below `root`.
    ///
    /// # Errors
    /// If `velar init` fails.
    pub async fn new(root: &Path, name: &str) -> Outcome<Self> {
        let person = Self::without_vault(root, name)?;
        person.must(&["init"]).await?;
        Ok(person)
    }

    /// A folder and a passphrase below `root`; no vault yet.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn without_vault(root: &Path, name: &str) -> Outcome<Self> {
        let folder = root.join(name);
        fs::create_dir_all(&folder)?;
        let person = Self {
            name: name.to_owned(),
            passphrase: folder.join("passphrase"),
            folder,
            language: "en",
            zone: "UTC",
            clock: None,
            programs: None,
        };
        person.write_secret("passphrase", PASSPHRASE)?;
        Ok(person)
    }

    /// As [`Person::new`], with a vault whose passphrase costs next to nothing to try: it opens in no time.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn with_cheap_vault(root: &Path, name: &str) -> Outcome<Self> {
        let person = Self::without_vault(root, name)?;
        let passphrase = PassphraseSource::File(person.passphrase.clone()).read("")?;
        let cost = KdfCost::new(KdfCost::MIN_MEMORY_KIB, 1)?;
        let mut entropy = Entropy::default();
        let mut draw = |buffer: &mut [u8]| entropy.fill_bytes(buffer);
        let mut vault = Vault::create(&person.vault(), &passphrase, cost, &mut draw)?;
        Device::initialise(&mut vault)?;
        Ok(person)
    }

    /// As [`Person::new`], with the programs in this folder.
    ///
    /// # Errors
    /// If `velar init` fails.
    pub async fn with_programs(root: &Path, name: &str, programs: &Path) -> Outcome<Self> {
        let person = Self::without_vault(root, name)?;
        let person = Self { programs: Some(programs.to_owned()), ..person };
        person.must(&["init"]).await?;
        Ok(person)
    }

    /// Writes a file of this person's that only they can read.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_secret(&self, name: &str, content: &str) -> Outcome<PathBuf> {
        let path = self.file(name);
        fs::write(&path, content)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(path)
    }

    /// The same person with the same vault, who types what is in this file of theirs.
    #[must_use]
    pub fn typing(&self, passphrase: &str) -> Self {
        Self { passphrase: self.file(passphrase), ..self.clone() }
    }

    /// The same person, in Spanish (`es`) or English (`en`).
    #[must_use]
    pub fn speaking(&self, language: &'static str) -> Self {
        Self { language, ..self.clone() }
    }

    /// The same person, whose device is in this time zone.
    #[must_use]
    pub fn in_zone(&self, zone: &'static str) -> Self {
        Self { zone, ..self.clone() }
    }

    /// The same person, whose device has this clock.
    #[must_use]
    pub fn with_clock(&self, clock: &SetClock) -> Self {
        Self { clock: Some(clock.clone()), ..self.clone() }
    }

    /// The vault's folder.
    #[must_use]
    pub fn vault(&self) -> PathBuf {
        self.folder.join("vault")
    }

    /// A file of this person's.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A call of `velar` for this person's vault; in English, if nothing else is said.
    ///
    /// # Errors
    /// If the program is not there.
    pub fn command(&self, args: &[&str]) -> Outcome<Command> {
        let mut command = self.locked(args)?;
        command.arg("--passphrase-file").arg(&self.passphrase);
        Ok(command)
    }

    /// The same without the passphrase: nothing that opens the vault is at hand, nor anybody who could be asked.
    ///
    /// # Errors
    /// As [`Person::command`].
    pub fn locked(&self, args: &[&str]) -> Outcome<Command> {
        let mut command = Command::new(match &self.programs {
            Some(folder) => folder.join("velar"),
            None => program("velar")?,
        });
        command
            .args(args)
            .arg("--vault")
            .arg(self.vault())
            .args(["--lang", self.language])
            .env("TZ", self.zone)
            .env_remove("VELAR_LOG")
            .env_remove("VELAR_VAULT")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(clock) = &self.clock {
            clock.give(&mut command);
        }
        Ok(command)
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// If it does not start, or does not end in two minutes.
    pub async fn run(&self, args: &[&str]) -> Outcome<Ran> {
        let output = timeout(PATIENCE, self.command(args)?.output());
        Ok(output.await.map_err(|_| format!("{args:?} does not end"))??.into())
    }

    /// Runs it in Spanish, then in English: exit code and all that it said of each.
    ///
    /// # Errors
    /// As [`Person::run`].
    pub async fn in_both(&self, args: &[&str]) -> Outcome<[(i32, String); 2]> {
        let spanish = self.speaking("es").run(args).await?;
        let english = self.speaking("en").run(args).await?;
        Ok([spanish, english].map(|ran| (ran.code, ran.out + &ran.err)))
    }

    /// Runs it to its end, without the passphrase.
    ///
    /// # Errors
    /// As [`Person::run`].
    pub async fn run_locked(&self, args: &[&str]) -> Outcome<Ran> {
        let output = timeout(PATIENCE, self.locked(args)?.output());
        Ok(output.await.map_err(|_| format!("{args:?} does not end"))??.into())
    }

    /// Starts it without the passphrase, otherwise as [`Person::start`].
    ///
    /// # Errors
    /// If it does not start.
    pub fn start_locked(&self, args: &[&str]) -> Outcome<Running> {
        let mut child = self.locked(args)?.stderr(Stdio::inherit()).spawn()?;
        let stdout = child.stdout.take().ok_or("no stdout")?;
        Ok(Running::new(child, Box::new(stdout)))
    }

    /// Runs it with this on standard input.
    ///
    /// # Errors
    /// As [`Person::run`].
    pub async fn run_with(&self, args: &[&str], input: &str) -> Outcome<Ran> {
        let mut child = self.command(args)?.stdin(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().ok_or("no stdin")?;
        stdin.write_all(input.as_bytes()).await?;
        drop(stdin);
        Ok(timeout(PATIENCE, child.wait_with_output()).await??.into())
    }

    /// Runs it and holds it to end with 0.
    ///
    /// # Errors
    /// If it ends with another code.
    pub async fn must(&self, args: &[&str]) -> Outcome<Ran> {
        let ran = self.run(args).await?;
        match ran.code {
            0 => Ok(ran),
            code => Err(format!("{} {args:?}: {code}\n{}{}", self.name, ran.out, ran.err).into()),
        }
    }

    /// Runs it with `--json` and reads the one object it prints.
    ///
    /// # Errors
    /// If it prints something else.
    pub async fn json(&self, args: &[&str]) -> Outcome<(i32, Value)> {
        let ran = self.run(&[args, &["--json"]].concat()).await?;
        let value = serde_json::from_str(&ran.out)
            .map_err(|_| format!("{} {args:?}: {ran:?}", self.name))?;
        Ok((ran.code, value))
    }

    /// Starts it; standard output is read by [`Running`], standard error goes where `err` says.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(&self, args: &[&str]) -> Outcome<Running> {
        let mut child = self.command(args)?.stderr(Stdio::inherit()).spawn()?;
        let stdout = child.stdout.take().ok_or("no stdout")?;
        Ok(Running::new(child, Box::new(stdout)))
    }

    /// Starts it; standard error is read by [`Running`], standard output kept for [`Running::ran`].
    ///
    /// # Errors
    /// If it does not start.
    pub fn listen(&self, args: &[&str]) -> Outcome<Running> {
        let mut child = self.command(args)?.spawn()?;
        let stderr = child.stderr.take().ok_or("no stderr")?;
        Ok(Running::new(child, Box::new(stderr)))
    }

    /// Starts `velar watch` with these options and waits until it is up to date. What it showed until then can
    /// still be waited for.
    ///
    /// # Errors
    /// If it ends before.
    pub async fn watch(&self, args: &[&str]) -> Outcome<Running> {
        let mut watch = self.start(&[&["watch"], args].concat())?;
        let up_to_date = |line: &str| {
            line.ends_with("Up to date.")
                || line.ends_with("Al día.")
                || line.contains(r#""kind":"caught-up""#)
        };
        watch.until(up_to_date).await?;
        watch.passed = 0;
        Ok(watch)
    }
}

impl Ran {
    /// The last line of JSON on standard output; null if there is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(self.out.lines().last().unwrap_or_default()).unwrap_or_default()
    }

    /// The stable name of the failure, with `--json`; empty if there is none.
    #[must_use]
    pub fn failure(&self) -> String {
        let mut lines = self.err.lines().rev();
        let error = lines.find_map(|line| serde_json::from_str::<Value>(line).ok());
        let name = error.as_ref().and_then(|value| value.pointer("/error/name")?.as_str());
        name.unwrap_or_default().to_owned()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let (out, err) = (text(output.stdout), text(output.stderr));
        Self { code: output.status.code().unwrap_or(-1), out, err }
    }
}

impl Running {
    fn new(child: Child, output: Box<dyn AsyncRead + Send + Unpin>) -> Self {
        Self { child, lines: BufReader::new(output).lines(), seen: Vec::new(), passed: 0 }
    }

    /// The number of the process; `None` if it has ended.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Reads on until a line fits; that line.
    ///
    /// # Errors
    /// If its output ends before, or nothing comes for two minutes.
    pub async fn until(&mut self, fits: impl Fn(&str) -> bool) -> Outcome<String> {
        loop {
            while let Some(line) = self.seen.get(self.passed) {
                self.passed += 1;
                if fits(line) {
                    return Ok(line.clone());
                }
            }
            let next = timeout(PATIENCE, self.lines.next_line()).await;
            let next = next.map_err(|_| format!("nothing fits: {:#?}", self.seen))??;
            self.seen.push(next.ok_or_else(|| format!("it ended: {:#?}", self.seen))?);
        }
    }

    /// Reads on until a line contains this.
    ///
    /// # Errors
    /// As [`Running::until`].
    pub async fn line_with(&mut self, text: &str) -> Outcome<String> {
        self.until(|line| line.contains(text)).await
    }

    /// Asks it to end as Ctrl-C does, reads the rest, and returns how it ended.
    ///
    /// # Errors
    /// If it does not end.
    pub async fn stop(self) -> Outcome<(ExitStatus, Vec<String>)> {
        self.interrupt()?;
        self.end().await
    }

    /// Asks it to end as Ctrl-C does.
    ///
    /// # Errors
    /// If it has ended.
    pub fn interrupt(&self) -> Outcome<()> {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok()).ok_or("has ended")?;
        let pid = rustix::process::Pid::from_raw(pid).ok_or("has ended")?;
        Ok(rustix::process::kill_process(pid, rustix::process::Signal::INT)?)
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// If it does not.
    pub async fn end(mut self) -> Outcome<(ExitStatus, Vec<String>)> {
        while let Some(line) = timeout(PATIENCE, self.lines.next_line()).await?? {
            self.seen.push(line);
        }
        Ok((timeout(PATIENCE, self.child.wait()).await??, self.seen))
    }

    /// Waits until it ends by itself; all that a command of [`Person::listen`] said.
    ///
    /// # Errors
    /// If it does not.
    pub async fn ran(mut self) -> Outcome<Ran> {
        let mut stdout = self.child.stdout.take().ok_or("its output was read line by line")?;
        let (status, seen) = self.end().await?;
        let mut out = String::new();
        timeout(PATIENCE, stdout.read_to_string(&mut out)).await??;
        Ok(Ran { code: status.code().unwrap_or(-1), out, err: seen.join("\n") })
    }

    /// Kills it at once.
    ///
    /// # Errors
    /// If it had ended.
    pub async fn kill_nine(mut self) -> Outcome<Vec<String>> {
        self.child.kill().await?;
        while let Some(line) = timeout(PATIENCE, self.lines.next_line()).await?? {
            self.seen.push(line);
        }
        Ok(self.seen)
    }

    /// Closes the reading end of its standard output, and waits until it ends by itself.
    ///
    /// # Errors
    /// If it does not.
    pub async fn stop_reading(mut self) -> Outcome<ExitStatus> {
        drop(self.lines);
        Ok(timeout(PATIENCE, self.child.wait()).await??)
    }
}
