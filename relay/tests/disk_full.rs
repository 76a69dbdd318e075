//! A file system that is really full: 40 MiB of memory, mounted in a namespace of this test's own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test"
)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::{Client, Conn, Relay, envelope, number, secret, token};
use velar_protocol::wire::codec;
use velar_protocol::wire::{Answer, Event};

/// Enough limits that only the disk is one.
const UNLIMITED: [&str; 10] = [
    "--mailbox-envelopes=1000000",
    "--token-envelopes=1000000",
    "--token-rate-per-min=100000000",
    "--token-burst=1000000",
    "--connection-rate-per-min=100000000",
    "--connection-burst=1000000",
    "--listen=127.0.0.1:0",
    "--host=127.0.0.1",
    "--log=info",
    "--cache-mib=8",
];

/// A small file system. Only processes in its namespace see it; this one looks in through /proc.
struct SmallDisk {
    holder: Child,
    mounted: PathBuf,
    _folder: tempfile::TempDir,
}

impl SmallDisk {
    /// `None` where this machine lets nobody make namespaces.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = folder.path().join("disk");
        fs::create_dir(&mounted).unwrap();
        let mut holder = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
            .arg("mount -t tmpfs -o size=40m,mode=0700 small \"$0\" && echo mounted && read _")
            .arg(&mounted)
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
        Some(Self { holder, mounted, _folder: folder })
    }

    /// The disk as this process can reach it.
    fn here(&self) -> PathBuf {
        let inside = self.mounted.strip_prefix("/").unwrap();
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(inside)
    }

    fn relay(&self, command: &str, args: &[&str]) -> Command {
        let mut inside = Command::new("nsenter");
        inside.arg(format!("--target={}", self.holder.id()));
        inside.args(["--user", "--mount", "--preserve-credentials"]);
        inside.arg(env!("CARGO_BIN_EXE_velar-relay")).args([command, "--data"]);
        inside.arg(self.mounted.join("relay")).args(args).stderr(Stdio::piped());
        inside
    }

    fn serve(&self, free_space: &str) -> (Relay, Client) {
        let relay = Relay::from(self.relay("serve", &[&UNLIMITED[..], &[free_space]].concat()));
        let client = Client::new(relay.addr, &self.here().join("relay"));
        (relay, client)
    }

    /// Takes up `bytes` of it.
    fn ballast(&self, bytes: usize) -> PathBuf {
        let path = self.here().join("ballast");
        fs::write(&path, vec![1; bytes]).unwrap();
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The end of its input is the end of the namespace, and of the disk.
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

/// Sends until something else than `Accepted` comes, or nothing at all. How many were accepted, and that.
async fn fill(conn: &Conn) -> (u32, Option<Answer>) {
    let (mut send, mut recv) = conn.quic.open_bi().await.unwrap();
    for i in 0..20_000 {
        let frame = codec::encode(&common::send(&token(1), &envelope(i))).unwrap();
        if send.write_all(&frame).await.is_err() {
            return (i, None);
        }
        let mut header = [0; 4];
        if recv.read_exact(&mut header).await.is_err() {
            return (i, None);
        }
        let mut body = vec![0; codec::header::<Answer>(header).unwrap().len];
        recv.read_exact(&mut body).await.unwrap();
        match codec::decode(&body).unwrap() {
            Answer::Accepted => {}
            other => return (i, Some(other)),
        }
    }
    panic!("the disk never fills");
}

/// Reads all that waits.
async fn read_all(conn: &Conn) -> Vec<u32> {
    let mut subscription = conn.subscribe(&[&secret(1)]).await.unwrap();
    let mut found = Vec::new();
    loop {
        match subscription.event().await {
            Event::Envelope { sequence, envelope, .. } => {
                found.push(number(&envelope));
                subscription.ack(sequence).await;
            }
            Event::CaughtUp { expired, .. } => {
                assert_eq!(expired, 0, "something was lost");
                return found;
            }
            Event::Ended { reason } => panic!("{reason:?}"),
        }
    }
}

/// Where no namespace can be made: the mark alone, as if the disk were nearly full.
async fn without_a_small_disk() {
    eprintln!(
        "no small disk: `unshare --user --mount` is not permitted here; testing the mark only"
    );
    let data = tempfile::tempdir().unwrap();
    Relay::init(data.path());
    let relay = Relay::serve(data.path(), &["--free-space-mib", "4294967295"]);
    let conn = Client::new(relay.addr, data.path()).connect().await;
    assert!(matches!(conn.open(&secret(1), &[]).await, Answer::Full { .. }));
}

#[tokio::test]
async fn a_full_disk_stops_the_relay_loudly_and_loses_nothing_that_was_accepted() {
    let Some(disk) = SmallDisk::new() else { return without_a_small_disk().await };
    assert!(disk.relay("init", &UNLIMITED[6..8]).output().unwrap().status.success());
    let ballast = disk.ballast(12 << 20);
    // Without the mark that keeps a relay away from here.
    let (mut relay, client) = disk.serve("--free-space-mib=0");
    let conn = client.connect().await;
    assert_eq!(conn.open(&secret(1), &[&token(1)]).await, Answer::Opened);
    let (accepted, refused) = fill(&conn).await;
    assert!(accepted > 100, "{accepted}");
    assert!(matches!(refused, None | Some(Answer::Unavailable { .. })), "{refused:?}");
    let mut log = String::new();
    relay.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(!relay.child.wait().unwrap().success(), "{log}");
    // Where sled's own thread meets the full disk first, a commit never returns, and the watchdog ends it.
    let loud = [
        "velar-relay: the disk failed",
        "velar-relay: the store failed",
        "the disk does not answer; aborting",
    ];
    assert!(loud.iter().any(|line| log.contains(line)), "{log}");

    fs::remove_file(ballast).unwrap();
    let (_relay, client) = disk.serve("--free-space-mib=0");
    let found = read_all(&client.connect().await).await;
    // What was not answered may be there too: its sender sends it again, and it is recognised.
    assert!(found.len() <= accepted as usize + 1);
    assert!(found.iter().copied().eq(0..found.len() as u32), "in order, without a gap");
    assert!(found.len() >= accepted as usize, "{} of {accepted}", found.len());
}

#[tokio::test]
async fn the_mark_keeps_the_disk_from_filling_and_the_relay_serving() {
    let Some(disk) = SmallDisk::new() else { return without_a_small_disk().await };
    assert!(disk.relay("init", &UNLIMITED[6..8]).output().unwrap().status.success());
    let (mut relay, client) = disk.serve("--free-space-mib=8");
    let conn = client.connect().await;
    assert_eq!(conn.open(&secret(1), &[&token(1)]).await, Answer::Opened);
    let ballast = disk.ballast(12 << 20);
    let (accepted, refused) = fill(&conn).await;
    assert!(matches!(refused, Some(Answer::Full { .. })), "{refused:?}");
    assert!(relay.child.try_wait().unwrap().is_none(), "it goes on");
    relay.kill();
    let (_relay, client) = disk.serve("--free-space-mib=8");
    let conn = client.connect().await;
    assert!(read_all(&conn).await.iter().copied().eq(0..accepted));
    fs::remove_file(ballast).unwrap();
    // It looks once a second.
    while conn.send(&token(1), &envelope(1)).await != Answer::Accepted {}
}
