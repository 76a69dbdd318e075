//! The known-answer vectors in `vectors/` are what this code makes, and open with it.
//!
//! `VELAR_WRITE_VECTORS=1 cargo test -p velar-protocol --features e2e --test vectors` writes them anew:
//! only when the protocol changes on purpose. Their fields are explained in `vectors/README.md`.
#![cfg(feature = "e2e")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a panic is a failed test"
)]

mod given;

use blake2::Blake2s256;
use hkdf::SimpleHkdf;
use ml_kem::array::Array;
use serde_json::{Value, json};
use velar_protocol::hash::labelled;
use velar_protocol::seal::envelope::HEADER_LEN;
use velar_protocol::seal::*;
use velar_protocol::wire::{Access, AccessKey, AccessToken, Envelope, MailboxId};

use given::{Given, bytes, check, counting, hex, load};

const CIRCLE: CircleId = CircleId([0xc1; 32]);
const DAY: Day = Day(20_780);

fn ana() -> IdentitySecret {
    IdentitySecret::from_seed(&counting(0))
}

fn eva() -> IdentitySecret {
    IdentitySecret::from_seed(&counting(0x40))
}

fn prekey_secret(first: u8) -> PrekeySecret {
    PrekeySecret::from_seed(&counting(first))
}

fn prekey(owner: &IdentitySecret, first: u8) -> Prekey {
    prekey_secret(first).issue(owner, &CIRCLE, DAY, PrekeyKind::OneTime)
}

fn part(index: u8, count: u8, body: &[u8], prekeys: Vec<Prekey>) -> Part {
    Part {
        sender: ana().public().member(),
        roster_number: 0x0102_0304_0506_0708,
        roster_hash: counting(0x20),
        voice: Voice(counting(0x60)),
        message: MessageId(counting(0x70)),
        sequence: 41,
        index,
        count,
        yours_held: 3,
        body: body.to_vec(),
        prekeys,
    }
}

#[test]
fn keys_are_derived_as_written() {
    let hash = |label: &str, parts: &[&[u8]]| {
        let hexed: Vec<_> = parts.iter().map(hex).collect();
        json!({ "label": label, "parts": hexed, "digest": hex(labelled(label.as_bytes(), parts)) })
    };
    let identity = |secret: &IdentitySecret| {
        let public = secret.public();
        public.check().unwrap();
        json!({
            "seed": hex(&secret.to_seed()[..]), "ed25519": hex(public.ed25519),
            "x25519": hex(public.x25519), "member": hex(public.member().0),
        })
    };
    let one = |owner: &IdentitySecret, first: u8| {
        let made = prekey(owner, first);
        made.verify(&owner.public(), &CIRCLE, DAY, PrekeyKind::OneTime).unwrap();
        let last_resort = prekey_secret(first).issue(owner, &CIRCLE, DAY, PrekeyKind::LastResort);
        json!({
            "seed": hex(&prekey_secret(first).to_seed()[..]), "owner_seed": hex(&owner.to_seed()[..]),
            "circle": hex(CIRCLE.0), "day": DAY.0, "id": hex(made.id().0),
            "digest": hex(labelled(labels::PREKEY, &[&made.x25519, &made.ek[..]])),
            "bytes": hex(made.to_bytes()), "last_resort": hex(last_resort.to_bytes()),
        })
    };
    let signature = ana().sign(b"velar/1 example", &[b"one", b"two"]);
    check(
        "keys.json",
        &json!({
            "hash": [
                hash("velar/1 example", &[]),
                hash("velar/1 example", &[b""]),
                hash("velar/1 example", &[b"one", b"two"]),
            ],
            "identities": [identity(&ana()), identity(&eva())],
            "signatures": [{
                "seed": hex(&ana().to_seed()[..]), "label": "velar/1 example",
                "parts": [hex(b"one"), hex(b"two")], "signature": hex(signature.0),
            }],
            "prekeys": [one(&eva(), 0x80), one(&eva(), 0x90), one(&ana(), 0xa0)],
            "expand": [
                { "seed": hex([7; 32]), "label": "velar/1 example", "out": hex(&expand::<96>(&[7; 32], b"velar/1 example")[..]) },
            ],
        }),
    );
}

#[test]
fn access_texts_are_made_as_written() {
    let key: [u8; 32] = counting(0xb0);
    let token = AccessKey::new(key);
    let child = |expiry_s: u64, nonce: [u8; 16]| {
        let child = token.child(expiry_s, nonce);
        json!({
            "expiry_s": expiry_s, "nonce": hex(nonce), "text": child.to_text().expose(), "spent": hex(child.id().0),
        })
    };
    let reopening = |mailbox: [u8; 32]| {
        let text = token.reopening(&MailboxId(mailbox)).to_text();
        json!({ "mailbox": hex(mailbox), "text": text.expose() })
    };
    let of_another = AccessKey::new(counting(0xb1)).child(1_795_500_000, counting(0xd0)).to_text();
    let (text, once) = (token.to_text(), token.child(1_795_500_000, counting(0xd0)).to_text());
    let refused = |why: &str, text: &str| {
        let shown = AccessToken::new(text.to_owned()).unwrap();
        let is_of =
            Access::read(&shown).map(|it| bool::from(it.is_of(&token, &MailboxId([1; 32]))));
        assert!(is_of != Some(true), "{why}");
        json!({ "why": why, "text": text, "reads": is_of.is_some() })
    };
    check(
        "access.json",
        &json!({
            "key": hex(key), "text": text.expose(),
            "children": [child(1_795_500_000, counting(0xd0)), child(u64::MAX, [0; 16])],
            "reopening": [reopening([1; 32]), reopening(counting(0xe0))],
            // For the mailbox `01*32`.
            "refused": [
                refused("a text that was thought up", "aurora"),
                refused("a space before it", &format!(" {}", once.expose())),
                refused("the last character is missing", &once.expose()[..86]),
                refused("padding", &format!("{}=", text.expose())),
                refused("another version", &text.expose().replacen("-A", "-B", 1)),
                refused("a child's text as a token", &once.expose().replacen("once", "access", 1)),
                refused("a child of another token", of_another.expose()),
                refused("another mailbox's", token.reopening(&MailboxId([2; 32])).to_text().expose()),
            ],
        }),
    );
}

/// What ML-KEM makes of these 32 bytes for this prekey: ciphertext and shared secret.
fn encapsulated(prekey: &Prekey, random: &[u8; 32]) -> (Vec<u8>, [u8; 32]) {
    let ek = ml_kem::EncapsulationKey768::new(&Array(*prekey.ek)).unwrap();
    let (ciphertext, secret) = ek.encapsulate_deterministic(&Array(*random));
    (ciphertext.to_vec(), secret.0)
}

#[test]
fn headers_are_made_as_written() {
    let case = |first: u8, random: [u8; 32]| {
        let prekey = prekey(&eva(), first);
        let (ciphertext, secret) = encapsulated(&prekey, &random);
        let hint = hint(prekey.id(), ciphertext[..].try_into().unwrap());
        json!({
            "prekey_seed": hex(&prekey_secret(first).to_seed()[..]), "prekey_id": hex(prekey.id().0),
            "kem_random": hex(random), "kem_secret": hex(secret), "kem_ciphertext": hex(&ciphertext),
            "hint": hex(hint.0), "header": hex([&[1], &hint.0[..], &ciphertext].concat()),
        })
    };
    check(
        "header.json",
        &json!({ "headers": [
        case(0x80, counting(1)), case(0x80, counting(2)), case(0x90, counting(1)),
    ] }),
    );
}

fn envelope_case(name: &str, circle: CircleId, first: u8, part: &Part) -> (Value, Envelope) {
    let (kem_random, ephemeral): ([u8; 32], [u8; 32]) = (counting(0x11), counting(0x22));
    let prekey = prekey_secret(first).issue(&eva(), &circle, DAY, PrekeyKind::OneTime);
    let checked = prekey.verify(&eva().public(), &circle, DAY, PrekeyKind::OneTime).unwrap();
    let mut given = Given([kem_random, ephemeral].concat());
    let envelope = seal(&ana(), &eva().public(), &circle, &checked, part, &mut given).unwrap();

    let (ciphertext, kem_secret) = encapsulated(&prekey, &kem_random);
    let digest = labelled(labels::PREKEY, &[&prekey.x25519, &prekey.ek[..]]);
    let Identity { ed25519, x25519 } = eva().public();
    let info = [&b"velar/1 seal"[..], &circle.0, &ed25519, &x25519, &digest].concat();
    let ciphertext_digest = labelled(labels::KEM_CIPHERTEXT, &[&ciphertext]);
    let mut psk = [0; 32];
    SimpleHkdf::<Blake2s256>::new(None, &kem_secret)
        .expand(&[&info[..], &ciphertext_digest].concat(), &mut psk)
        .unwrap();
    let prologue = [&info[..], &envelope.as_bytes()[..HEADER_LEN]].concat();
    let case = json!({
        "name": name, "sender_seed": hex(&ana().to_seed()[..]),
        "recipient_seed": hex(&eva().to_seed()[..]), "circle": hex(circle.0),
        "prekey_seed": hex(&prekey_secret(first).to_seed()[..]), "kem_random": hex(kem_random),
        "ephemeral": hex(ephemeral), "kem_secret": hex(kem_secret),
        "kem_ciphertext_digest": hex(ciphertext_digest), "info": hex(&info), "psk": hex(psk),
        "prologue": hex(&prologue), "plaintext": hex(&part.encode().unwrap()[..]),
        "envelope": hex(envelope.as_bytes()),
    });
    (case, envelope)
}

#[test]
fn envelopes_are_sealed_as_written_and_open_from_the_file() {
    let fresh = vec![prekey(&ana(), 0xa0), prekey(&ana(), 0xb0)];
    let (small, envelope) = envelope_case("small", CIRCLE, 0x80, &part(0, 1, b"estoy bien", fresh));
    let (full, _) = envelope_case("full", CIRCLE, 0x90, &part(1, 2, &[0xff; 2777], vec![]));
    let (invitation, _) =
        envelope_case("no circle", CircleId::NONE, 0x80, &part(0, 1, b"", vec![]));
    let refused = |why: &str, position: usize| {
        let mut bytes = envelope.as_bytes().to_vec();
        bytes[position] ^= 2;
        json!({ "like": "small", "why": why, "envelope": hex(bytes) })
    };
    check(
        "envelope.json",
        &json!({
            "envelopes": [small, full, invitation],
            "refused": [
                refused("version", 0), refused("hint", 1), refused("ciphertext", 17),
                refused("ephemeral key", 1105), refused("sender", 1137), refused("content", 1200),
                refused("tag", 4095),
            ],
        }),
    );
    envelopes_open_from_the_file();
}

fn envelopes_open_from_the_file() {
    let file = load("envelope.json");
    let open_case = |case: &Value, envelope: &Value| {
        let owner = IdentitySecret::from_seed(&bytes(&case["recipient_seed"])).public();
        let prekey = PrekeySecret::from_seed(&bytes(&case["prekey_seed"]));
        let envelope = Envelope::new(bytes::<4096>(envelope).to_vec()).unwrap();
        open(&owner, &CircleId(bytes(&case["circle"])), &prekey, &envelope)
    };
    let envelopes = file["envelopes"].as_array().unwrap();
    assert_eq!(envelopes.len(), 3);
    for case in envelopes {
        let sender = IdentitySecret::from_seed(&bytes(&case["sender_seed"])).public();
        let part = open_case(case, &case["envelope"]).unwrap().authenticate(&sender).unwrap();
        assert_eq!(hex(&part.encode().unwrap()[..]), case["plaintext"].as_str().unwrap());
    }
    for case in file["refused"].as_array().unwrap() {
        assert!(open_case(&envelopes[0], &case["envelope"]).is_err(), "{}", case["why"]);
    }
}

#[test]
fn messages_are_cut_and_encoded_as_written() {
    let case = |name: &str, body: Vec<u8>, prekeys: Vec<Prekey>| {
        let in_hex: Vec<_> = prekeys.iter().map(|prekey| hex(prekey.to_bytes())).collect();
        let pieces = split(&body, prekeys).unwrap();
        let count = pieces.len() as u8;
        let number = |(index, piece): (usize, Piece)| {
            hex(&part(index as u8, count, &piece.body, piece.prekeys).encode().unwrap()[..])
        };
        let parts: Vec<_> = pieces.into_iter().enumerate().map(number).collect();
        json!({ "name": name, "body": hex(&body), "prekeys": in_hex, "parts": parts })
    };
    let malformed = |why: &str, position: usize, byte: u8| {
        let mut bytes = *part(0, 1, b"estoy bien", vec![]).encode().unwrap();
        bytes[position] = byte;
        assert!(Part::decode(&bytes).is_err(), "{why}");
        json!({ "why": why, "plaintext": hex(&bytes[..]) })
    };
    let fresh = |n: u8| (0..n).map(|i| prekey(&ana(), 0xa0 + i)).collect::<Vec<_>>();
    let fields = part(0, 1, b"", vec![]);
    let twice = {
        let mut bytes = *part(0, 1, b"", fresh(2)).encode().unwrap();
        bytes.copy_within(118..118 + 1284, 118 + 1284);
        assert_eq!(Part::decode(&bytes), Err(PartError::RepeatedPrekey));
        json!({ "why": "a prekey twice", "plaintext": hex(&bytes[..]) })
    };
    check(
        "message.json",
        &json!({
            "fields": {
                "sender": hex(fields.sender.0), "roster_number": fields.roster_number,
                "roster_hash": hex(fields.roster_hash), "voice": hex(fields.voice.0),
                "message": hex(fields.message.0), "sequence": fields.sequence,
                "yours_held": fields.yours_held,
            },
            "messages": [
                case("empty", vec![], vec![]),
                case("two prekeys", b"estoy bien".to_vec(), fresh(2)),
                case("just fits", vec![0x61; 2777], vec![]),
                case("two parts, three prekeys", (0..1701).map(|i| i as u8).collect(), fresh(3)),
                case("four parts", (0..9000).map(|i| (i % 251) as u8).collect(), fresh(1)),
            ],
            "malformed": [
                malformed("index not below count", 112, 1),
                malformed("no parts", 113, 0),
                malformed("65 parts", 113, 65),
                malformed("three prekeys", 115, 3),
                malformed("body too long", 117, 0xff),
                malformed("padding", 2894, 1),
                malformed("padding beside the body", 128, 1),
                twice,
            ],
        }),
    );
}

/// The fuzz target opens with fixed keys: one of its seeds is an envelope that they open.
#[test]
fn the_corpus_holds_an_envelope_that_opens() {
    let owner = IdentitySecret::from_seed(&[1; 64]);
    let (circle, secret) = (CircleId([3; 32]), PrekeySecret::from_seed(&[2; 96]));
    let prekey = secret.issue(&owner, &circle, DAY, PrekeyKind::OneTime);
    let checked = prekey.verify(&owner.public(), &circle, DAY, PrekeyKind::OneTime).unwrap();
    let mut given = Given(vec![5; 64]);
    let part = part(0, 1, b"estoy bien", vec![]);
    let made = seal(&ana(), &owner.public(), &circle, &checked, &part, &mut given).unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/envelope_opening/sealed");
    if std::env::var_os("VELAR_WRITE_VECTORS").is_some() {
        std::fs::write(path, made.as_bytes()).unwrap();
    }
    let envelope = Envelope::new(std::fs::read(path).unwrap()).unwrap();
    assert_eq!(envelope, made);
    let opened = open(&owner.public(), &circle, &secret, &envelope).unwrap();
    assert_eq!(opened.authenticate(&ana().public()), Ok(part));
}
