//! Reads and writes `vectors/messages.txt`: `name = hex hex …`, where `5a*4096` repeats a byte and `#`
//! starts a comment.

use std::collections::BTreeMap;

const VECTORS: &str = include_str!("../../../../vectors/messages.txt");

/// Every vector: name to bytes.
pub(super) fn parse() -> BTreeMap<String, Vec<u8>> {
    let mut vectors = BTreeMap::<String, Vec<u8>>::new();
    let mut current = None;
    for line in VECTORS.lines() {
        let mut text = line.split('#').next().unwrap().trim();
        if let Some((name, bytes)) = text.split_once('=') {
            let name = name.trim().to_owned();
            assert!(vectors.insert(name.clone(), Vec::new()).is_none(), "{name} is there twice");
            current = Some(name);
            text = bytes;
        }
        for word in text.split_whitespace() {
            let name = current.as_ref().expect("bytes before the first name");
            vectors.get_mut(name).unwrap().extend(bytes_of(word));
        }
    }
    vectors
}

/// Bytes in this notation, to be pasted.
pub(super) fn render(bytes: &[u8]) -> String {
    let runs = bytes.chunk_by(|a, b| a == b);
    let mut lines = vec![String::from("   ")];
    for run in runs {
        let words = match run {
            [byte, .., _] if run.len() > 3 => vec![format!("{byte:02x}*{}", run.len())],
            _ => run.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        for word in words {
            if lines.last().unwrap().len() + word.len() > 98 {
                lines.push(String::from("   "));
            }
            let line = lines.last_mut().unwrap();
            line.push(' ');
            line.push_str(&word);
        }
    }
    lines.join("\n")
}

fn bytes_of(word: &str) -> Vec<u8> {
    let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).expect(word);
    match word.split_once('*') {
        Some((byte, times)) => hex(byte).repeat(times.parse().expect(word)),
        None => hex(word),
    }
}
