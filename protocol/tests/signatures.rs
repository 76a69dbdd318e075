//! `vectors/signatures.json`: what *strictly* means where a signature is verified, here as in another implementation.
#![cfg(feature = "e2e")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is a failed test")]

mod given;

use velar_protocol::seal::{Identity, Signature};
use velar_protocol::wire::{Exporter, MailboxId, Owner, Proof};

use given::{bytes, load, unhex};

#[test]
fn signatures_and_keys_are_judged_as_published() {
    let file = load("signatures.json");
    let label = file["label"].as_str().unwrap();
    for case in file["signatures"].as_array().unwrap() {
        let identity =
            Identity { ed25519: bytes(&case["ed25519"]), x25519: bytes(&file["x25519"]) };
        let parts: Vec<Vec<u8>> = case["parts"].as_array().unwrap().iter().map(unhex).collect();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let verified =
            identity.verify(label.as_bytes(), &parts, &Signature(bytes(&case["signature"])));
        assert_eq!(verified.is_ok(), case["holds"], "{}", case["why"]);
        assert_eq!(identity.check().is_ok(), case["usable"], "{}", case["why"]);
    }
}

#[test]
fn proofs_are_judged_as_published() {
    for case in load("signatures.json")["proofs"].as_array().unwrap() {
        let mailbox = MailboxId(bytes(&case["mailbox"]));
        let (exporter, proof) = (Exporter(bytes(&case["exporter"])), Proof(bytes(&case["proof"])));
        let owner = Owner::of_close(&exporter, mailbox, &proof);
        assert_eq!(owner.is_ok(), case["holds"], "{}", case["why"]);
    }
}
