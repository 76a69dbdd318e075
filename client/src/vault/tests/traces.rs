//! What the files show to someone without a passphrase, and what deleting leaves.

use super::*;

fn files(dir: &TempDir) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir.path().join("vault")).unwrap() {
        all.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    all
}

/// The sealed bytes of every record in use, with its class and chunk.
fn sealed(vault: &Vault) -> Vec<(u8, i64, Vec<u8>)> {
    let connection = vault.database.raw();
    let mut places = connection.prepare("SELECT class, chunk FROM record").unwrap();
    let places: Vec<(u8, i64)> = places
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let sealed = |(class, chunk)| {
        let sql = format!("SELECT sealed FROM chunk_{class} WHERE id = ?1");
        (class, chunk, connection.query_row(&sql, [chunk], |row| row.get(0)).unwrap())
    };
    places.into_iter().map(sealed).collect()
}

/// Every 16-byte window, for many searches.
struct Haystack(std::collections::HashSet<[u8; 16]>);

impl Haystack {
    fn new(bytes: &[u8]) -> Self {
        Self(bytes.windows(16).map(|window| window.try_into().unwrap()).collect())
    }

    /// Any aligned piece of the needle, so that a page boundary inside it hides nothing.
    fn has_any_of(&self, needle: &[u8]) -> bool {
        needle.chunks_exact(16).any(|piece| self.0.contains(piece))
    }
}

#[test]
fn keys_values_and_names_of_kinds_are_not_in_the_files() {
    let (dir, mut vault) = new();
    put(&mut vault, "key of the record", "nothing that anybody may read");
    let large = b"the same words again ".repeat(3000);
    vault.write::<_, VaultError>(|tx| tx.put::<Blob>(b"another key", &large)).unwrap();
    let files = files(&dir);
    for plain in
        ["key of the record", "nothing that", "another key", "the same words", "blob ", "word"]
    {
        let found = files.windows(plain.len()).any(|window| window == plain.as_bytes());
        assert!(!found, "{plain}");
    }
    let sealed = sealed(&vault);
    let haystack = Haystack::new(&files);
    assert!(sealed.iter().all(|(_, _, bytes)| haystack.has_any_of(bytes)), "the search finds");
}

#[test]
fn deleted_and_replaced_values_leave_no_sealed_byte_in_the_files() {
    let (dir, mut vault) = new();
    // A private prekey (96 bytes), messages and large values; a fixed sequence of enough churn that SQLite
    // splits, merges and reorders pages.
    let lengths = [96, 96, 96, 300, 700, 1500, 4000, 96, 9000, 200];
    let mut state = 0x9e37_79b9_u32;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as usize % below
    };
    let mut gone = std::collections::BTreeMap::new();
    for round in 0..40u32 {
        let before = sealed(&vault);
        let writes: Vec<_> =
            (0..60).map(|_| (next(300) as u32, lengths[next(10)], next(3))).collect();
        vault
            .write::<_, VaultError>(|tx| {
                for (key, length, action) in &writes {
                    let key = key.to_le_bytes();
                    match action {
                        0 => drop(tx.delete::<Blob>(&key)?),
                        _ => tx.put::<Blob>(&key, &vec![round as u8; *length])?,
                    }
                }
                Ok(())
            })
            .unwrap();
        let after: std::collections::BTreeSet<_> =
            sealed(&vault).into_iter().map(|(_, _, bytes)| bytes).collect();
        for (class, chunk, bytes) in before {
            if !after.contains(&bytes) {
                gone.insert(bytes, (round, class, chunk));
            }
        }
    }
    assert!(gone.len() > 500, "{}", gone.len());
    let haystack = Haystack::new(&files(&dir));
    for (bytes, (round, class, chunk)) in &gone {
        let at = format!("round {round}, class {class}, chunk {chunk}");
        assert!(!haystack.has_any_of(bytes), "left of what was deleted: {at}");
    }
    for (_, _, bytes) in sealed(&vault) {
        assert!(haystack.has_any_of(&bytes), "the search finds what is there");
    }
}

#[test]
fn freed_room_is_used_again() {
    let (dir, mut vault) = new();
    let size = |dir: &TempDir| std::fs::metadata(dir.path().join("vault/vault.db")).unwrap().len();
    let mut sizes = Vec::new();
    for round in 0..6u32 {
        vault
            .write::<_, VaultError>(|tx| {
                for key in 0..100u32 {
                    tx.put::<Blob>(&(round * 100 + key).to_le_bytes(), &vec![1; 96])?;
                }
                Ok(())
            })
            .unwrap();
        sizes.push(size(&dir));
        vault
            .write::<_, VaultError>(|tx| {
                for key in 0..100u32 {
                    assert!(tx.delete::<Blob>(&(round * 100 + key).to_le_bytes())?);
                }
                Ok(())
            })
            .unwrap();
    }
    assert!(sizes[5] <= sizes[0] + 4 * 4096, "{sizes:?}");
}

#[test]
fn nothing_tells_whether_a_second_passphrase_was_ever_set() {
    let (dir, vault) = new();
    let listing = |dir: &TempDir| {
        let mut all: Vec<_> = std::fs::read_dir(dir.path().join("vault"))
            .unwrap()
            .map(|e| e.unwrap())
            .map(|e| {
                (
                    e.file_name(),
                    e.metadata().unwrap().len(),
                    std::os::unix::fs::DirEntryExt::ino(&e),
                )
            })
            .collect();
        all.sort();
        all
    };
    let before = listing(&dir);
    vault.set_second_passphrase(&ours(), &passphrase("la segunda de las dos"), &mut noise).unwrap();
    assert_eq!(listing(&dir), before, "the same files, sizes and inodes");
}
