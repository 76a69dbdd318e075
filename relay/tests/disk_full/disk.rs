//! Small disks, and relays on them.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use tokio::time::sleep;

use crate::PATIENCE;
use crate::common::{Client, Relay};

/// Enough limits that only the disk is one, and no wait after an outage.
const UNLIMITED: [&str; 15] = [
    "--listen=127.0.0.1:0",
    "--host=127.0.0.1",
    "--mailbox-envelopes=1000000",
    "--token-envelopes=1000000",
    "--token-rate-per-min=100000000",
    "--token-burst=1000000",
    "--hold-burst=1000000",
    "--connection-rate-per-min=100000000",
    "--connection-burst=1000000",
    "--connections-per-prefix=1000",
    "--new-mailboxes-per-prefix=1000000",
    "--mailbox-part=0",
    "--outage-wait-s=0",
    "--log=info",
    "--cache-mib=8",
];

/// A small file system. Only processes in its namespace see it; this one looks in through /proc.
pub(crate) struct SmallDisk {
    holder: Child,
    mounted: PathBuf,
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// `None` where this machine lets nobody make namespaces.
    pub(crate) fn new(mebibytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = folder.path().join("disk");
        fs::create_dir(&mounted).unwrap();
        let mut holder = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
            .arg("mount -t tmpfs -o \"size=$1m,mode=0700\" small \"$0\" && echo mounted && read _")
            .arg(&mounted)
            .arg(mebibytes.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line != "mounted\n" {
            let _ = holder.wait();
            return None;
        }
        let this = Self { holder, mounted, folder };
        assert!(this.command("init", &UNLIMITED[..2]).output().unwrap().status.success());
        Some(this)
    }

    /// The disk as this process can reach it.
    fn here(&self) -> PathBuf {
        let inside = self.mounted.strip_prefix("/").unwrap();
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(inside)
    }

    fn command(&self, command: &str, args: &[&str]) -> Command {
        let mut inside = Command::new("nsenter");
        inside.arg(format!("--target={}", self.holder.id()));
        inside.args(["--user", "--mount", "--preserve-credentials"]);
        inside.arg(env!("CARGO_BIN_EXE_velar-relay")).args([command, "--data"]);
        inside.arg(self.mounted.join("relay")).args(args);
        inside
    }

    /// Starts a relay on it. What it logs, all have in one file.
    pub(crate) fn serve(&self, free_space: &str) -> (Relay, Client) {
        let log = OpenOptions::new().create(true).append(true).open(self.log_file()).unwrap();
        let mut command = self.command("serve", &[&UNLIMITED[..], &[free_space]].concat());
        command.stderr(log);
        let relay = Relay::from(command);
        let client = Client::new(relay.addr, &self.here().join("relay"));
        (relay, client)
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// What the relays on it have logged since the last look.
    pub(crate) fn log(&self) -> String {
        let log = fs::read_to_string(self.log_file()).unwrap();
        File::create(self.log_file()).unwrap();
        log
    }

    /// Waits until a relay on it has logged this.
    pub(crate) async fn logs(&self, line: &str) {
        let begun = Instant::now();
        while !fs::read_to_string(self.log_file()).unwrap().contains(line) {
            assert!(begun.elapsed() < PATIENCE, "{line}: {}", self.log());
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Where the store is.
    pub(crate) fn store(&self) -> PathBuf {
        self.here().join("relay/store")
    }

    /// Bytes that are free.
    pub(crate) fn free(&self) -> u64 {
        let stat = statvfs(self.here()).unwrap();
        stat.f_bavail * stat.f_frsize
    }

    /// Something else fills it, to the last byte.
    pub(crate) fn fill(&self) -> Ballast {
        let path = self.here().join("ballast");
        let mut file = File::create(&path).unwrap();
        let free = self.free();
        // In one step, and then what is left.
        let _ = fallocate(&file, FallocateFlags::empty(), 0, free);
        file = OpenOptions::new().append(true).open(&path).unwrap();
        while file.write_all(&[1; 4096]).is_ok() {}
        assert_eq!(self.free(), 0);
        Ballast { path }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The end of its input is the end of the namespace, and of the disk.
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

/// A file of something else.
pub(crate) struct Ballast {
    path: PathBuf,
}

impl Ballast {
    pub(crate) fn remove(self) {
        fs::remove_file(self.path).unwrap();
    }
}
