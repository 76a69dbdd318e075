//! Relays as real processes.

use std::fs::{self, OpenOptions};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;
use velar::net::{Connector, Purpose};
use velar_protocol::wire::{Answer, RelayAddress, Request};

use crate::clock::SetClock;
use crate::load::Outcome;

/// Kernel clock ticks per second in /proc (`USER_HZ`, 100 on every Linux).
const TICKS_PER_S: u64 = 100;

/// A handshake with a relay on this machine takes a few milliseconds; one that is lost because the relay does
/// not listen yet would be repeated only after a second.
const KNOCK: Duration = Duration::from_millis(50);

/// Longest start: a relay with a full store and a cold disk cache.
const START: Duration = Duration::from_secs(60);

/// Flags that lift what stands in the way of a load from one address; all else is as shipped.
const LIFTED: &[&str] = &[
    "--connections=100000",
    "--connections-per-prefix=100000",
    "--new-mailboxes-per-prefix=1000000",
    "--mailbox-part=0",
    "--hold-part=0",
    "--token-rate-per-min=1000000000",
    "--token-burst=1000000000",
    "--hold-burst=1000000000",
    "--connection-rate-per-min=1000000000",
    "--connection-burst=1000000000",
];

/// A relay of its own on this machine, as a process that can be killed and started again. Killed when dropped.
#[derive(Debug)]
pub struct RelayProcess {
    program: PathBuf,
    data: PathBuf,
    ip: IpAddr,
    flags: Vec<String>,
    log: Option<PathBuf>,
    clock: Option<SetClock>,
    address: Option<RelayAddress>,
    child: Option<Child>,
}

/// What the kernel counts for a process.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pid: u32,
}

impl RelayProcess {
    /// Makes keys in `data` with `velar-relay init`. Nothing runs yet.
    ///
    /// # Errors
    /// If the program is not there or refuses.
    pub async fn init(program: &Path, data: &Path) -> Outcome<Self> {
        Self::init_at(Ipv4Addr::LOCALHOST, program, data).await
    }

    /// The same at another address of this machine, 127.0.0.2 say: its clients keep 127.0.0.1.
    ///
    /// # Errors
    /// As [`RelayProcess::init`].
    pub async fn init_at(ip: impl Into<IpAddr>, program: &Path, data: &Path) -> Outcome<Self> {
        let ip = ip.into();
        let listen = SocketAddr::from((ip, 0));
        let init = Command::new(program)
            .args(["init", &format!("--host={ip}"), &format!("--listen={listen}"), "--data"])
            .arg(data)
            .output()
            .await
            .map_err(|error| format!("{}: {error}", program.display()))?;
        if !init.status.success() {
            return Err(String::from_utf8_lossy(&init.stderr).into());
        }
        let (program, data) = (program.to_owned(), data.to_owned());
        let flags = LIFTED.iter().map(|&flag| flag.to_owned()).collect();
        Ok(Self { program, data, ip, flags, log: None, clock: None, address: None, child: None })
    }

    /// With the limits as they are shipped; without this, those that a load would meet are lifted.
    #[must_use]
    pub fn as_shipped(mut self) -> Self {
        self.flags.clear();
        self
    }

    /// With this flag, too; it wins over what was there before.
    #[must_use]
    pub fn with_flag(mut self, flag: &str) -> Self {
        self.set_flag(flag);
        self
    }

    /// The same, from the next start on.
    pub fn set_flag(&mut self, flag: &str) {
        let (name, _) = flag.split_once('=').unwrap_or((flag, ""));
        self.flags.retain(|known| known.split_once('=').is_none_or(|(known, _)| known != name));
        self.flags.push(flag.to_owned());
    }

    /// Logs all there is to log, each time it is started, at the end of this file.
    #[must_use]
    pub fn logging_to(mut self, file: PathBuf) -> Self {
        self.log = Some(file);
        self
    }

    /// On a machine with this clock.
    #[must_use]
    pub fn with_clock(mut self, clock: &SetClock) -> Self {
        self.clock = Some(clock.clone());
        self
    }

    /// Starts it, at the same port as before, and waits until it has answered an `Info`. Returns how long
    /// that took, from the start of the process.
    ///
    /// # Errors
    /// If it does not serve within a minute.
    pub async fn start(&mut self) -> Outcome<Duration> {
        let port = self.address.as_ref().map_or(0, RelayAddress::port);
        let listen = SocketAddr::from((self.ip, port));
        let log = match &self.log {
            Some(file) => OpenOptions::new().create(true).append(true).open(file)?.into(),
            None => Stdio::inherit(),
        };
        let begun = Instant::now();
        let mut command = Command::new(&self.program);
        if let Some(clock) = &self.clock {
            clock.give(&mut command);
        }
        let mut child = command
            .args(["serve", if self.log.is_some() { "--log=trace" } else { "--log=warn" }])
            .args(&self.flags)
            .arg(format!("--listen={listen}"))
            .arg("--data")
            .arg(&self.data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let stdout = child.stdout.take().ok_or("no stdout")?;
        self.child = Some(child);
        let address = timeout(START, printed_address(stdout)).await??;
        let sockets = Connector::new()?;
        loop {
            match timeout(KNOCK, sockets.connect(&address, Purpose::Read)).await {
                Ok(Ok(connection)) => match connection.request(&Request::Info).await? {
                    Answer::Info(_) => break,
                    other => return Err(format!("asked for Info, was told {other:?}").into()),
                },
                Ok(Err(error)) => return Err(error.into()),
                Err(_) if begun.elapsed() < START => {}
                Err(_) => return Err("the relay does not serve".into()),
            }
        }
        self.address = Some(address);
        Ok(begun.elapsed())
    }

    /// Runs `velar-relay` with these arguments on its folder, beside it if it runs; what it prints.
    ///
    /// # Errors
    /// If it fails, with what it says.
    pub async fn command(&self, args: &[&str]) -> Outcome<String> {
        let mut command = Command::new(&self.program);
        let output = command.args(args).arg("--data").arg(&self.data).output().await?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Its folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Has the next start take any port that is free, as the first one does.
    pub fn forget_port(&mut self) {
        self.address = None;
    }

    /// How it ended, if it has ended by itself.
    ///
    /// # Errors
    /// If it was not started.
    pub fn ended(&mut self) -> Outcome<Option<ExitStatus>> {
        Ok(self.child.as_mut().ok_or("not running")?.try_wait()?)
    }

    /// Where it serves.
    ///
    /// # Errors
    /// If it was never started.
    pub fn address(&self) -> Outcome<&RelayAddress> {
        self.address.as_ref().ok_or_else(|| "not started".into())
    }

    /// What the kernel counts for it.
    ///
    /// # Errors
    /// If it does not run.
    pub fn usage(&self) -> Outcome<Usage> {
        let pid = self.child.as_ref().and_then(Child::id).ok_or("not running")?;
        Ok(Usage { pid })
    }

    /// Kills it at once, as a crash would.
    ///
    /// # Errors
    /// If it does not run.
    pub async fn kill_nine(&mut self) -> Outcome<()> {
        Ok(self.child.take().ok_or("not running")?.kill().await?)
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// If it does not run, or ends with an error.
    pub async fn stop(&mut self) -> Outcome<()> {
        let mut child = self.child.take().ok_or("not running")?;
        let pid = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        kill_process(pid.ok_or("not running")?, Signal::TERM)?;
        let status = timeout(START, child.wait()).await??;
        if status.success() { Ok(()) } else { Err(format!("the relay ended: {status}").into()) }
    }
}

/// Reads what a relay prints until its address comes; then it is listening.
async fn printed_address(stdout: ChildStdout) -> Outcome<RelayAddress> {
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await? {
        if let Ok(address) = line.parse() {
            return Ok(address);
        }
    }
    Err("the relay ended before it served".into())
}

impl Usage {
    /// The number of the process.
    #[must_use]
    pub fn pid(self) -> u32 {
        self.pid
    }

    /// CPU time used so far, user and system, to 10 ms.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn cpu(self) -> Outcome<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        // The name, in brackets, may contain spaces; utime and stime are fields 14 and 15 of all.
        let (_, fields) = stat.rsplit_once(") ").ok_or("unreadable stat")?;
        let times = fields.split(' ').skip(11).take(2);
        let ticks = times.map(str::parse::<u64>).sum::<Result<u64, _>>()?;
        Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_S))
    }

    /// Resident memory, in KiB.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn rss_kib(self) -> Outcome<u64> {
        self.status_kib("VmRSS:")
    }

    /// The most memory that was ever resident, in KiB.
    ///
    /// # Errors
    /// If the process is gone.
    pub fn peak_rss_kib(self) -> Outcome<u64> {
        self.status_kib("VmHWM:")
    }

    fn status_kib(self, field: &str) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find(|line| line.starts_with(field));
        let line = line.ok_or_else(|| format!("no {field}"))?;
        Ok(line.split_whitespace().nth(1).ok_or("unreadable status")?.parse()?)
    }
}

/// What a folder takes up on the disk, in KiB.
///
/// # Errors
/// If it cannot be read.
pub fn disk_kib(folder: &Path) -> Outcome<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut blocks = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        blocks +=
            if kind.is_dir() { disk_kib(&entry.path())? * 2 } else { entry.metadata()?.blocks() };
    }
    Ok(blocks / 2)
}
