//! What one person says reaches another in the order in which it was said, however the relay slows it down.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::Value;
use velar::device::Device;
use velar::link::now_s;
use velar::passphrase::PassphraseSource;
use velar::vault::Vault;
use velar_tests::person::{form_circle, program};
use velar_tests::process::RelayProcess;

/// More than a sender has on the wire at once.
const MESSAGES: usize = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_over_the_rate_arrives_in_order() {
    let root = tempfile::tempdir().unwrap();
    let relay = program("velar-relay").unwrap();
    let relay = RelayProcess::init(&relay, &root.path().join("relay")).await.unwrap();
    let mut relay = relay.as_shipped();
    relay.start().await.unwrap();
    let others = [("Berta", "accompanier")];
    let people = form_circle(root.path(), relay.address().unwrap(), "Alba", &others).await.unwrap();
    let [alba, berta] = people.as_slice() else { unreachable!("two people") };
    relay.stop().await.unwrap();
    // There is room for one more each time a few were sent: what must not slip in before what was refused.
    let mut relay = relay.with_flag("--token-burst=16").with_flag("--token-rate-per-min=6000");
    relay.start().await.unwrap();
    let passphrase = PassphraseSource::File(alba.file("passphrase")).read("").unwrap();
    let mut device = Device::of(Vault::open(&alba.vault(), &passphrase).unwrap()).unwrap();
    let said: Vec<String> = (0..MESSAGES).map(|n| format!("message {n}")).collect();
    for text in &said {
        device.say(text, &[], now_s()).unwrap();
    }
    let mut berta_watch = berta.watch(&["--json"]).await.unwrap();
    let alba_watch = alba.watch(&["--json"]).await.unwrap();
    let mut shown = Vec::new();
    while shown.len() < MESSAGES {
        let line = berta_watch.line_with(r#""kind":"message""#).await.unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        shown.push(line["text"].as_str().unwrap().to_owned());
    }
    assert_eq!(shown, said);
    alba_watch.stop().await.unwrap();
    berta_watch.stop().await.unwrap();
}
