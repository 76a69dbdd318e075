//! The vault as its callers see it, with a cheap key derivation.

mod damage;
mod foreign;
mod model;
mod several;
mod traces;

use std::os::unix::fs::PermissionsExt;

use super::*;
use tempfile::TempDir;

pub(super) struct Word;
impl Kind for Word {
    const TAG: u8 = 1;
    const NAME: &'static str = "word";
    type Value = String;
}

pub(super) struct Blob;
impl Kind for Blob {
    const TAG: u8 = 2;
    const NAME: &'static str = "blob";
    type Value = Vec<u8>;
}

pub(super) fn cheap() -> KdfCost {
    KdfCost::new(KdfCost::MIN_MEMORY_KIB, 1).unwrap()
}

pub(super) fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text).unwrap()
}

pub(super) fn ours() -> Passphrase {
    passphrase("la casa de la abuela")
}

pub(super) fn noise(buffer: &mut [u8]) {
    system_entropy(buffer).unwrap();
}

fn new() -> (TempDir, Vault) {
    let dir = tempfile::tempdir().unwrap();
    let vault = Vault::create(dir.path(), &ours(), cheap(), &mut noise).unwrap();
    (dir, vault)
}

fn open(dir: &TempDir) -> Vault {
    Vault::open(dir.path(), &ours()).unwrap()
}

fn put(vault: &mut Vault, key: &str, value: &str) {
    vault.write::<_, VaultError>(|tx| tx.put::<Word>(key.as_bytes(), &value.to_owned())).unwrap();
}

fn get(vault: &mut Vault, key: &str) -> Option<String> {
    vault.read::<_, VaultError>(|tx| tx.get::<Word>(key.as_bytes())).unwrap()
}

#[test]
fn what_was_put_is_there_after_opening_again() {
    let (dir, mut vault) = new();
    put(&mut vault, "ana", "salió a las seis");
    let voice = vault.voice();
    drop(vault);
    let mut vault = open(&dir);
    assert_eq!(get(&mut vault, "ana").as_deref(), Some("salió a las seis"));
    assert_eq!(get(&mut vault, "beto"), None);
    assert_eq!(vault.voice(), voice);
    assert_eq!(vault.damage(), []);
}

#[test]
fn kinds_do_not_see_each_other() {
    let (_dir, mut vault) = new();
    put(&mut vault, "k", "word");
    vault
        .write::<_, VaultError>(|tx| {
            assert!(!tx.contains::<Blob>(b"k")?);
            tx.put::<Blob>(b"k", &vec![7])?;
            assert_eq!(tx.get::<Word>(b"k")?.as_deref(), Some("word"));
            assert_eq!(tx.count::<Word>()?, 1);
            assert_eq!(tx.list::<Blob>()?.into_iter().map(|(_, v)| v).collect::<Vec<_>>(), [[7]]);
            assert!(tx.delete::<Blob>(b"k")?);
            assert!(!tx.delete::<Blob>(b"k")?);
            assert!(tx.contains::<Word>(b"k")?);
            Ok(())
        })
        .unwrap();
}

#[test]
fn an_error_or_a_panic_undoes_the_whole_transaction() {
    let (_dir, mut vault) = new();
    put(&mut vault, "a", "before");
    let result: Result<(), VaultError> = vault.write(|tx| {
        tx.put::<Word>(b"a", &"after".into())?;
        tx.delete::<Word>(b"a")?;
        Err(VaultError::Busy)
    });
    assert!(matches!(result, Err(VaultError::Busy)));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        vault.write::<(), VaultError>(|tx| {
            tx.put::<Word>(b"a", &"after".into())?;
            panic!("in the middle");
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(get(&mut vault, "a").as_deref(), Some("before"));
}

#[test]
fn a_reading_transaction_refuses_to_write() {
    let (_dir, mut vault) = new();
    let put = vault.read::<_, VaultError>(|tx| tx.put::<Word>(b"a", &"x".into()));
    assert!(matches!(put, Err(VaultError::ReadOnly)));
    let delete = vault.read::<_, VaultError>(|tx| tx.delete::<Word>(b"a"));
    assert!(matches!(delete, Err(VaultError::ReadOnly)));
}

#[test]
fn creating_twice_leaves_the_first_vault_as_it_was() {
    let (dir, mut vault) = new();
    put(&mut vault, "a", "kept");
    let other = passphrase("another one entirely");
    let again = Vault::create(dir.path(), &other, cheap(), &mut noise);
    assert!(matches!(again, Err(VaultError::AlreadyExists)));
    assert_eq!(get(&mut open(&dir), "a").as_deref(), Some("kept"));
    let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(names, [dir.path().join("vault")], "nothing unfinished is left");
}

#[test]
fn no_vault_and_a_wrong_passphrase_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Vault::open(dir.path(), &ours()), Err(VaultError::NotFound)));
    let (dir, _vault) = new();
    let wrong = Vault::open(dir.path(), &passphrase("la casa de la tía"));
    assert!(matches!(wrong, Err(VaultError::WrongPassphrase)));
}

#[test]
fn folders_and_files_are_for_their_owner_only() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("new").join("velar");
    let mut vault = Vault::create(&dir, &ours(), cheap(), &mut noise).unwrap();
    // The journal is there, and stays there empty, once something was written.
    put(&mut vault, "a", "b");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&dir.join("vault")), 0o700);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir.join("vault")).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["slots", "turn", "vault.db", "vault.db-journal"]);
    assert!(!vault.was_exposed());
}

#[test]
fn files_that_others_could_read_are_tightened_and_it_is_said() {
    let (dir, vault) = new();
    drop(vault);
    let file = dir.path().join("vault").join("vault.db");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(open(&dir).was_exposed());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!open(&dir).was_exposed());
}

#[test]
fn a_value_over_the_limit_is_refused_and_one_at_the_limit_is_kept() {
    let (_dir, mut vault) = new();
    // bincode: one marker byte and four of length.
    let largest = vec![3u8; MAX_VALUE_LEN - 5];
    vault.write::<_, VaultError>(|tx| tx.put::<Blob>(b"k", &largest)).unwrap();
    let over = vec![3u8; MAX_VALUE_LEN - 4];
    let refused = vault.write::<_, VaultError>(|tx| tx.put::<Blob>(b"k", &over));
    assert!(matches!(refused, Err(VaultError::Value { kind: "blob" })));
    let kept = vault.read::<_, VaultError>(|tx| tx.get::<Blob>(b"k")).unwrap();
    assert_eq!(kept, Some(largest));
}

#[test]
fn a_full_disk_is_said_and_loses_nothing() {
    let (_dir, mut vault) = new();
    put(&mut vault, "a", "kept");
    let pages: i64 =
        vault.database.raw().query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    vault.database.raw().pragma_update(None, "max_page_count", pages).unwrap();
    let full = vault.write::<_, VaultError>(|tx| {
        tx.put::<Word>(b"a", &"lost?".into())?;
        tx.put::<Blob>(b"k", &vec![0; 60_000])
    });
    assert!(matches!(full, Err(VaultError::DiskFull)));
    assert_eq!(get(&mut vault, "a").as_deref(), Some("kept"));
}

#[test]
fn a_transaction_that_sqlite_undid_by_itself_keeps_nothing_that_follows() {
    let (_dir, mut vault) = new();
    put(&mut vault, "a", "kept");
    let result = vault.write::<_, VaultError>(|tx| {
        tx.put::<Word>(b"a", &"lost?".into())?;
        let whole = tx.whole(|| {
            // As it does when the disk is full.
            tx.rows.raw().execute_batch("ROLLBACK").unwrap();
            Err::<(), _>(VaultError::DiskFull)
        });
        assert!(
            matches!(whole, Err(VaultError::DiskFull)),
            "the first error is the one that is told"
        );
        assert!(matches!(tx.put::<Word>(b"b", &"alone".into()), Err(VaultError::Io(_))));
        whole
    });
    assert!(matches!(result, Err(VaultError::DiskFull)));
    assert_eq!(get(&mut vault, "a").as_deref(), Some("kept"));
    assert_eq!(get(&mut vault, "b"), None);
}

#[test]
fn both_passphrases_open_the_same_data_with_different_voices() {
    let (dir, mut vault) = new();
    put(&mut vault, "a", "b");
    let second = passphrase("la otra casa de todos");
    vault.set_second_passphrase(&ours(), &second, &mut noise).unwrap();
    let mut other = Vault::open(dir.path(), &second).unwrap();
    assert_eq!(get(&mut other, "a").as_deref(), Some("b"));
    put(&mut other, "c", "d");
    let mut first = open(&dir);
    assert_eq!(get(&mut first, "c").as_deref(), Some("d"));
    assert_eq!(first.voice(), vault.voice());
    assert_ne!(other.voice(), vault.voice());

    let third = passphrase("ninguna casa de nadie");
    other.change_passphrase(&second, &third, &mut noise).unwrap();
    assert!(matches!(Vault::open(dir.path(), &second), Err(VaultError::WrongPassphrase)));
    assert_eq!(Vault::open(dir.path(), &third).unwrap().voice(), other.voice());

    first.clear_second_passphrase(&ours(), &mut noise).unwrap();
    assert!(matches!(Vault::open(dir.path(), &third), Err(VaultError::WrongPassphrase)));
    assert_eq!(open(&dir).voice(), vault.voice());
}

#[test]
fn after_destroying_the_slots_no_passphrase_opens() {
    let (dir, vault) = new();
    drop(vault);
    destroy_slots(dir.path(), &mut noise).unwrap();
    assert!(matches!(
        Vault::open(dir.path(), &ours()),
        Err(VaultError::Damaged { what: Part::Slots })
    ));
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(destroy_slots(empty.path(), &mut noise), Err(VaultError::NotFound)));
}
