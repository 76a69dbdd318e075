//! Looks at the system calls: no `Accepted` leaves before its fdatasync.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    reason = "a test"
)]

mod common;

use std::fs;
use std::process::{Command, Stdio};

use common::{Client, Relay, envelope, secret, token};
use rustix::process::{Pid, Signal, kill_process};
use velar_protocol::wire::Answer;

/// What one line of the trace says.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    /// Bytes went to sled's file.
    Write,
    /// An fdatasync of sled's file returned.
    Synced,
    /// A datagram left.
    Sent,
}

#[tokio::test]
async fn an_accepted_answer_leaves_after_its_fdatasync() {
    let strace = Command::new("strace").arg("-V").stdout(Stdio::null()).status();
    assert!(
        strace.is_ok_and(|status| status.success()),
        "this test looks at system calls with strace; install it: apt-get install strace"
    );
    let data = tempfile::tempdir().unwrap();
    Relay::init(data.path());
    let trace = data.path().join("trace");
    let mut command = Command::new("strace");
    command
        .args(["-f", "-y", "-s", "0", "-ttt", "-e", "signal=none"])
        // A slow disk: an answer that did not wait for it would come long before.
        .args(["-e", "inject=fdatasync:delay_enter=50000", "-e"])
        .arg("trace=fdatasync,fsync,sendmsg,sendmmsg,sendto,pwrite64,write,sync_file_range,openat")
        .arg("-o")
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_velar-relay"))
        .args(["serve", "--data"])
        .arg(data.path());
    let mut relay = Relay::from(command);
    let conn = Client::new(relay.addr, data.path()).connect().await;
    conn.opened(&secret(1), &[&token(1)]).await;
    // One at a time. Between asking and the answer there must be a write, its sync, and then a datagram;
    // with this disk the sync of an earlier one cannot be mistaken for it.
    const COUNT: usize = 12;
    let mut marks = Vec::new();
    for i in 0..COUNT {
        marks.push(now());
        assert_eq!(conn.send(&token(1), &envelope(i as u32)).await, Answer::Accepted);
    }
    marks.push(now());
    // strace passes the signal on to nobody: the relay is its child.
    let child = child_of(relay.child.id());
    kill_process(child, Signal::TERM).unwrap();
    relay.child.wait().unwrap();

    let calls = calls(&fs::read_to_string(trace).unwrap());
    assert!(calls.iter().any(|(_, call)| *call == Call::Synced), "{calls:?}");
    for window in marks.windows(2) {
        let during: Vec<&(f64, Call)> =
            calls.iter().filter(|(at, _)| (window[0]..window[1]).contains(at)).collect();
        let synced = during.iter().position(|(_, call)| *call == Call::Synced);
        let synced = synced.unwrap_or_else(|| panic!("no fdatasync for an answer: {during:?}"));
        let wrote = during[..synced].iter().any(|(_, call)| *call == Call::Write);
        assert!(wrote, "synced before anything was written: {during:?}");
        let sent = during[synced..].iter().any(|(_, call)| *call == Call::Sent);
        assert!(sent, "the answer left before the fdatasync: {during:?}");
    }
}

fn now() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}

fn child_of(parent: u32) -> Pid {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    Pid::from_raw(children.split_whitespace().next().unwrap().parse().unwrap()).unwrap()
}

/// Calls in order of their return. `<unfinished …>` lines count where they resume.
fn calls(trace: &str) -> Vec<(f64, Call)> {
    let mut syncing = std::collections::HashMap::new();
    let mut found = Vec::new();
    for line in trace.lines() {
        let mut words = line.split_whitespace();
        let (Some(thread), Some(at)) = (words.next(), words.next()) else { continue };
        let Ok(at) = at.parse::<f64>() else { continue };
        let ours = line.contains("/store/sled/db>");
        if line.contains("fdatasync(") {
            if line.contains("unfinished") {
                syncing.insert(thread.to_owned(), ours);
            } else if ours && line.contains(" = 0") {
                found.push((at, Call::Synced));
            }
        } else if line.contains("fdatasync resumed") {
            if syncing.remove(thread) == Some(true) && line.contains(" = 0") {
                found.push((at, Call::Synced));
            }
        } else if line.contains("pwrite64(") && ours {
            found.push((at, Call::Write));
        } else if ["sendmsg(", "sendmmsg(", "sendto("].iter().any(|name| line.contains(name)) {
            found.push((at, Call::Sent));
        }
    }
    found
}
