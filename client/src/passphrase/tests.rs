use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

use super::*;

fn file(contents: &[u8], mode: u32) -> (tempfile::TempDir, PassphraseSource) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("passphrase");
    let mut options = File::options();
    let mut file = options.write(true).create_new(true).mode(mode).open(&path).unwrap();
    file.write_all(contents).unwrap();
    (dir, PassphraseSource::File(path))
}

fn read(contents: &[u8]) -> Result<Vec<u8>, PassphraseError> {
    let (_dir, source) = file(contents, 0o600);
    source.read("").map(|passphrase| passphrase.as_bytes().to_vec())
}

#[test]
fn the_first_line_counts_as_it_is() {
    assert_eq!(read(b"la casa").unwrap(), b"la casa");
    assert_eq!(read(b"la casa\n").unwrap(), b"la casa");
    assert_eq!(read(b"la casa\r\n").unwrap(), b"la casa");
    assert_eq!(read(b" la casa \n\n").unwrap(), b" la casa ");
    assert_eq!(read(b"la casa\nde quien\n").unwrap(), b"la casa");
    assert_eq!(read(&[&b"la casa\n"[..], &[b'x'; 100_000]].concat()).unwrap(), b"la casa");
}

#[test]
fn the_longest_passphrase_is_read_and_a_longer_one_refused() {
    let longest = [b'x'; MAX_LEN];
    assert_eq!(read(&longest).unwrap(), longest);
    assert_eq!(read(&[&longest[..], b"\r\n"].concat()).unwrap(), longest);
    let too_long =
        |bytes: &[u8]| matches!(read(bytes), Err(PassphraseError::TooLong { max: MAX_LEN }));
    assert!(too_long(&[b'x'; MAX_LEN + 1]));
    assert!(too_long(&[b'x'; 100_000]));
}

#[test]
fn empty_files_and_other_than_text_are_refused() {
    assert!(matches!(read(b""), Err(PassphraseError::Empty)));
    assert!(matches!(read(b"\n"), Err(PassphraseError::Empty)));
    assert!(matches!(read(b"\xff\xfe and more"), Err(PassphraseError::NotText)));
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    for mode in [0o640, 0o604, 0o660] {
        let (_dir, source) = file(b"la casa de la abuela", mode);
        assert!(matches!(source.read(""), Err(PassphraseError::Exposed { .. })), "{mode:o}");
    }
    let missing = PassphraseSource::File("/nonexistent/passphrase".into());
    assert!(matches!(missing.read(""), Err(PassphraseError::File { .. })));
}

#[test]
fn a_new_passphrase_is_counted_in_characters() {
    let (_dir, short) = file("ñañañañañ".as_bytes(), 0o600);
    assert!(matches!(short.read_new("", ""), Err(PassphraseError::TooShort { min: MIN_CHARS })));
    assert_eq!(short.read("").unwrap().as_bytes(), "ñañañañañ".as_bytes());
    let (_dir, enough) = file("ñañañañaña".as_bytes(), 0o600);
    enough.read_new("", "").unwrap();
}

#[test]
fn a_passphrase_comes_through_a_descriptor() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"por una tuberia\n").unwrap();
    drop(writer);
    let source = PassphraseSource::Descriptor(reader.as_raw_fd());
    assert_eq!(source.read_new("", "").unwrap().as_bytes(), b"por una tuberia");
    for closed in [-1, 1_000_000] {
        let source = PassphraseSource::Descriptor(closed);
        assert!(matches!(source.read(""), Err(PassphraseError::Descriptor { .. })));
    }
}

#[test]
fn debug_shows_nothing_of_a_passphrase() {
    let passphrase = Passphrase::new("la casa de la abuela").unwrap();
    assert_eq!(format!("{passphrase:?}"), "Passphrase(..)");
}
