//! Whatever happens to the bytes: a record reads as it was, or as damaged. Never as something else, never as absent.

use std::collections::BTreeMap;
use std::fs;

use super::*;

const RECORDS: u32 = 120;

/// A vault on disk that is put back before each damage.
struct Patient {
    dir: TempDir,
    healthy: Vec<u8>,
    expected: BTreeMap<u32, Vec<u8>>,
}

/// What was found after a damage.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    DoesNotOpen,
    /// How many records cannot be read by their keys, and by a list.
    Opens {
        by_key: usize,
        by_list: usize,
    },
}

const WELL: Found = Found::Opens { by_key: 0, by_list: 0 };

impl Patient {
    fn new() -> Self {
        let (dir, mut vault) = new();
        let mut expected = BTreeMap::new();
        vault
            .write::<_, VaultError>(|tx| {
                for key in 0..RECORDS {
                    let length = if key % 40 == 7 { 5000 } else { 90 };
                    let value = vec![key as u8; length];
                    tx.put::<Blob>(&key.to_le_bytes(), &value)?;
                    expected.insert(key, value);
                }
                Ok(())
            })
            .unwrap();
        drop(vault);
        let healthy = fs::read(dir.path().join("vault/vault.db")).unwrap();
        Self { dir, healthy, expected }
    }

    fn file(&self) -> std::path::PathBuf {
        self.dir.path().join("vault/vault.db")
    }

    fn with(&self, damage: impl FnOnce(&mut Vec<u8>)) -> Found {
        let mut bytes = self.healthy.clone();
        damage(&mut bytes);
        fs::write(self.file(), bytes).unwrap();
        self.examine()
    }

    fn examine(&self) -> Found {
        let mut vault = match Vault::open(self.dir.path(), &ours()) {
            Ok(vault) => vault,
            Err(
                VaultError::Damaged { .. }
                | VaultError::UnknownVersion { .. }
                | VaultError::Foreign,
            ) => return Found::DoesNotOpen,
            Err(other) => panic!("{other:?}"),
        };
        let by_key = vault.read::<_, VaultError>(|tx| {
            let mut damaged = 0;
            for (key, value) in &self.expected {
                match tx.get::<Blob>(&key.to_le_bytes()) {
                    Ok(found) => assert_eq!(found.as_ref(), Some(value), "record {key}"),
                    Err(VaultError::Damaged { .. }) => damaged += 1,
                    Err(other) => panic!("{other:?}"),
                }
            }
            Ok(damaged)
        });
        let by_key = match by_key {
            Err(VaultError::Damaged { .. }) => self.expected.len(),
            other => other.unwrap(),
        };
        let by_list = match vault.read::<_, VaultError>(|tx| tx.list::<Blob>()) {
            Ok(listed) => {
                for (_, value) in &listed {
                    let key = u32::from(value[0]);
                    assert_eq!(self.expected.get(&key), Some(value));
                }
                let left_out = self.expected.len() - listed.len();
                assert!(vault.index_damaged() || vault.damage().len() == left_out);
                left_out
            }
            Err(VaultError::Damaged { .. }) => self.expected.len(),
            Err(other) => panic!("{other:?}"),
        };
        Found::Opens { by_key, by_list }
    }
}

#[test]
fn a_flipped_byte_costs_one_record_at_most_outside_of_the_pages_of_structure() {
    let patient = Patient::new();
    assert_eq!(patient.with(|_| {}), WELL);
    let mut found = [0; 4];
    // A step that is coprime with the page size meets every kind of byte.
    for at in (0..patient.healthy.len()).step_by(401) {
        let which = match patient.with(|bytes| bytes[at] ^= 1 << (at % 8)) {
            WELL => 0,
            Found::Opens { by_key: 0..=1, by_list: 0..=1 } => 1,
            Found::Opens { .. } => 2,
            Found::DoesNotOpen => 3,
        };
        found[which] += 1;
    }
    let [well, one, more, closed] = found;
    assert!(well > 0 && one > 0, "{found:?}");
    assert!(more + closed < (well + one) / 8, "{found:?}");
}

#[test]
fn a_page_of_noise_is_damage_and_not_the_end_of_the_others() {
    let patient = Patient::new();
    let mut still_readable = 0;
    let pages = patient.healthy.len() / 4096;
    for page in 0..pages {
        let found = patient.with(|bytes| noise(&mut bytes[page * 4096..(page + 1) * 4096]));
        if let Found::Opens { by_key, by_list } = found
            && by_key.max(by_list) < patient.expected.len()
        {
            still_readable += 1;
        }
        patient.with(|bytes| bytes[page * 4096..(page + 1) * 4096].fill(0));
    }
    assert!(still_readable * 2 > pages, "{still_readable} of {pages}");
}

#[test]
fn with_a_damaged_page_what_does_not_meet_it_is_written_and_what_does_is_damage() {
    let patient = Patient::new();
    let vault = Vault::open(patient.dir.path(), &ours()).unwrap();
    let sealed: Vec<u8> = vault
        .database
        .raw()
        .query_row("SELECT sealed FROM chunk_7 ORDER BY id LIMIT 1 OFFSET 20", [], |row| row.get(0))
        .unwrap();
    drop(vault);
    let at = patient.healthy.windows(64).position(|window| window == &sealed[..64]).unwrap();
    let found = patient.with(|bytes| bytes[at / 4096 * 4096..][..4096].fill(0xff));
    assert!(matches!(found, Found::Opens { by_key: 1..40, by_list: 1..40 }), "{found:?}");

    let mut vault = Vault::open(patient.dir.path(), &ours()).unwrap();
    put(&mut vault, "new", "kept");
    assert_eq!(get(&mut vault, "new").as_deref(), Some("kept"));
    let meets = vault.write::<_, VaultError>(|tx| {
        tx.list::<Blob>()?;
        tx.put::<Word>(b"new", &"lost".into())
    });
    assert!(matches!(meets, Err(VaultError::Damaged { what: Part::Database })), "{meets:?}");
    assert_eq!(get(&mut vault, "new").as_deref(), Some("kept"));
}

#[test]
fn a_truncated_file_is_damage() {
    let patient = Patient::new();
    for length in (0..patient.healthy.len()).step_by(1777) {
        let found = patient.with(|bytes| bytes.truncate(length));
        assert_ne!(found, WELL, "{length}");
    }
}

#[test]
fn a_record_with_a_flipped_byte_is_left_out_and_named_and_can_be_written_again() {
    let (_dir, mut vault) = new();
    put(&mut vault, "a", "one");
    put(&mut vault, "b", "two");
    put(&mut vault, "c", "three");
    vault
        .database
        .raw()
        .execute_batch(
            "UPDATE chunk_7 SET sealed = CAST(substr(sealed, 1, 60) || x'00' || substr(sealed, 62) AS BLOB)
             WHERE id = (SELECT chunk FROM record ORDER BY position LIMIT 1 OFFSET 4);",
        )
        .unwrap();
    let read = |vault: &mut Vault| {
        let list = vault.read::<_, VaultError>(|tx| tx.list::<Word>()).unwrap();
        list.into_iter().map(|(_, value)| value).collect::<Vec<_>>()
    };
    assert_eq!(read(&mut vault), ["one", "three"]);
    let [Damage { kind: "word", position }] = vault.damage()[..] else { panic!("one is named") };
    assert!(position > 0);
    let get = vault.read::<_, VaultError>(|tx| tx.get::<Word>(b"b"));
    assert!(matches!(get, Err(VaultError::Damaged { what: Part::Record { kind: "word" } })));
    put(&mut vault, "b", "two again");
    assert_eq!(read(&mut vault), ["one", "two again", "three"]);
}

#[test]
fn a_flipped_byte_in_what_finds_a_record_is_mended() {
    let patient = Patient::new();
    let vault = Vault::open(patient.dir.path(), &ours()).unwrap();
    let lookup = vault.keys.lookup::<Blob>(&3u32.to_le_bytes());
    let kind = vault.keys.kind::<Blob>();
    drop(vault);
    let places = |needle: &[u8]| -> Vec<usize> {
        let windows = patient.healthy.windows(needle.len()).enumerate();
        windows.filter_map(|(at, window)| (window == needle).then_some(at)).collect()
    };
    let [lookups, kinds] = [places(&lookup), places(&kind)];
    assert_eq!(lookups.len(), 2, "in the table and in its index");
    for at in lookups.into_iter().chain(kinds.iter().step_by(17).copied()) {
        assert_eq!(patient.with(|bytes| bytes[at + 5] ^= 0x10), WELL, "{at}");
        assert_eq!(patient.examine(), WELL, "and stays so");
    }
}

#[test]
fn a_missing_an_empty_and_a_foreign_database_are_damage() {
    let (dir, vault) = new();
    let (other_dir, other) = new();
    drop((vault, other));
    let file = dir.path().join("vault/vault.db");
    let damaged = || {
        matches!(
            Vault::open(dir.path(), &ours()),
            Err(VaultError::Damaged { what: Part::Database })
        )
    };
    fs::copy(other_dir.path().join("vault/vault.db"), &file).unwrap();
    assert!(damaged(), "of another vault");
    fs::write(&file, b"").unwrap();
    assert!(damaged(), "empty");
    fs::write(&file, [7; 10_000]).unwrap();
    assert!(damaged(), "noise");
    fs::remove_file(&file).unwrap();
    assert!(damaged(), "missing");
    assert!(!file.exists(), "opening makes no new one");
}
