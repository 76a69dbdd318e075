//! README, unit, container, compose file, example configuration and help name the port that the relay uses.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

use std::path::Path;

use velar_relay::Config;

/// Every document that names the port.
const DOCUMENTS: [&str; 9] = [
    "README.md",
    "README.es.md",
    "deploy/velar-relay.service",
    "deploy/Containerfile",
    "deploy/compose.yaml",
    "deploy/relay.example.toml",
    "client/locales/es/velar.ftl",
    "client/locales/en/velar.ftl",
    "relay/src/config.rs",
];

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The ports in a text: before `/udp`, after the host of an example address, after `[::]:`.
fn ports(text: &str) -> Vec<u16> {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    let mut found = Vec::new();
    for (at, _) in text.match_indices("/udp") {
        let before: String = text[..at].chars().rev().take_while(char::is_ascii_digit).collect();
        found.push(before.chars().rev().collect());
    }
    for mark in ["example.org:", "[::]:"] {
        found.extend(text.split(mark).skip(1).map(digits));
    }
    found.iter().filter_map(|digits| digits.parse().ok()).collect()
}

#[test]
fn every_document_names_the_port_that_the_relay_listens_on() {
    let port = Config::default().listen.port();
    let mut named = 0;
    for path in DOCUMENTS {
        let found = ports(&read(path));
        assert!(found.iter().all(|found| *found == port), "{path} names {found:?}, not {port}");
        named += usize::from(!found.is_empty());
    }
    assert!(named >= 8, "only {named} documents name a port: is the test still looking for it?");
}

#[test]
fn the_container_publishes_the_port_that_it_exposes() {
    let port = Config::default().listen.port();
    assert!(read("deploy/compose.yaml").contains(&format!("\"{port}:{port}/udp\"")));
    assert!(read("deploy/Containerfile").contains(&format!("EXPOSE {port}/udp")));
}

#[test]
fn the_unit_may_bind_the_port_and_nothing_more() {
    let unit = read("deploy/velar-relay.service");
    assert!(Config::default().listen.port() < 1024);
    assert!(unit.contains("\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n"));
    assert!(unit.contains("\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"));
    let data = Config::default().data;
    assert!(unit.contains(&format!("serve --data {}\n", data.display())));
    assert!(unit.contains(&format!("StateDirectory={}\n", data.file_name().unwrap().display())));
}
