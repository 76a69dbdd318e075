//! A database in which somebody has planted something is refused before anything of it is used, and left as it is.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::*;

fn database(dir: &TempDir) -> PathBuf {
    dir.path().join("vault/vault.db")
}

/// Every file of the vault's folder.
fn files(dir: &TempDir) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(dir.path().join("vault")).unwrap();
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

fn a_vault() -> TempDir {
    let (dir, mut vault) = new();
    put(&mut vault, "a", "one");
    dir
}

/// Whoever can write to the file runs this on it.
fn plant(dir: &TempDir, sql: &str) {
    let connection = Connection::open(database(dir)).unwrap();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false).unwrap();
    connection.execute_batch(sql).unwrap();
}

/// Refused, without a byte changed or a file made.
fn is_refused(dir: &TempDir, what: &str) {
    let before = files(dir);
    for _ in 0..2 {
        let refused = Vault::open(dir.path(), &ours()).err();
        assert!(matches!(refused, Some(VaultError::Foreign)), "{what}: {refused:?}");
        assert!(files(dir) == before, "{what}: something was written");
    }
}

/// What can be planted, as SQL.
const PLANTED: &[&str] = &[
    "CREATE TRIGGER t AFTER UPDATE ON chunk_7 BEGIN DELETE FROM record; END;",
    "CREATE TRIGGER t AFTER INSERT ON record BEGIN INSERT INTO free VALUES (new.class, new.chunk); END;",
    "CREATE VIEW v AS SELECT * FROM record;",
    // A view in the place of a table.
    "ALTER TABLE free RENAME TO kept; CREATE VIEW free AS SELECT * FROM kept;",
    "CREATE TABLE more (a);",
    "CREATE TABLE chunk_21 (id INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT;",
    "CREATE TABLE sqlean (a); INSERT INTO sqlean VALUES (randomblob(9));",
    "ALTER TABLE record ADD COLUMN more ANY;",
    "ALTER TABLE record ADD COLUMN made TEXT AS (hex(kind));",
    "ALTER TABLE chunk_7 RENAME COLUMN sealed TO opened;",
    "CREATE INDEX i ON record (class);",
    "CREATE INDEX i ON record (hex(lookup));",
    "CREATE INDEX i ON record (mark) WHERE class > 7;",
    "DROP INDEX record_kind;",
    "DROP INDEX record_lookup; CREATE INDEX record_lookup ON record (lookup);",
    "DROP TABLE chunk_20;",
    "ANALYZE;",
    "PRAGMA user_version = 0;",
    "PRAGMA journal_mode = WAL;",
    // Without a module there is none; its row can be there all the same.
    "PRAGMA writable_schema = ON;
     INSERT INTO sqlite_schema VALUES ('table', 'x', 'x', 0, 'CREATE VIRTUAL TABLE x USING fts5(a)');",
    "PRAGMA writable_schema = ON;
     UPDATE sqlite_schema SET sql = replace(sql, 'class INTEGER NOT NULL', 'class INTEGER NOT NULL DEFAULT 9') WHERE name = 'record';",
    "PRAGMA writable_schema = ON;
     UPDATE sqlite_schema SET sql = replace(sql, 'mark BLOB NOT NULL', 'mark BLOB NOT NULL CHECK (mark > 0)') WHERE name = 'record';",
    "PRAGMA writable_schema = ON;
     UPDATE sqlite_schema SET sql = replace(sql, ' STRICT', ' /* */ STRICT') WHERE name = 'free';",
];

#[test]
fn whatever_is_planted_in_the_schema_is_refused_and_stays_as_it_is() {
    for sql in PLANTED {
        let dir = a_vault();
        plant(&dir, sql);
        is_refused(&dir, sql);
    }
}

#[test]
fn a_log_beside_the_database_and_a_journal_that_names_another_file_are_not_read() {
    for suffix in ["-wal", "-shm"] {
        let dir = a_vault();
        fs::write(database(&dir).with_extension(format!("db{suffix}")), b"").unwrap();
        is_refused(&dir, suffix);
    }
    let dir = a_vault();
    let target = dir.path().join("something of the person's");
    fs::write(&target, b"anything").unwrap();
    // As SQLite ends the journal of a transaction over several databases; it would delete the file that it names.
    let name = target.to_str().unwrap().as_bytes();
    let sum: u32 = name.iter().map(|byte| u32::from(*byte)).sum();
    let mut journal = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(database(&dir).with_extension("db-journal"))
        .unwrap();
    journal.write_all(&[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]).unwrap();
    journal.seek(SeekFrom::Start(512)).unwrap();
    journal.write_all(name).unwrap();
    journal.write_all(&(name.len() as u32).to_be_bytes()).unwrap();
    journal.write_all(&sum.to_be_bytes()).unwrap();
    journal.write_all(&[0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]).unwrap();
    drop(journal);
    is_refused(&dir, "journal");
    assert!(target.exists());
}

#[test]
fn a_newer_format_is_said_to_be_newer_whatever_it_is_made_of() {
    let dir = a_vault();
    plant(&dir, "CREATE TABLE of_version_2 (a); PRAGMA user_version = 2;");
    let newer = Vault::open(dir.path(), &ours()).err();
    assert!(matches!(newer, Some(VaultError::UnknownVersion { found: 2, known: 1 })), "{newer:?}");
}

#[test]
fn spaces_and_the_order_of_the_schema_make_no_difference() {
    let dir = a_vault();
    // As an index that was mended, and as a program whose source was laid out in another way made the tables.
    plant(
        &dir,
        "DROP INDEX record_lookup; CREATE UNIQUE INDEX record_lookup ON record (lookup);
         PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(replace(sql, char(10), ' '), 'kind BLOB', 'kind' || char(10, 9) || 'BLOB');",
    );
    let mut vault = open(&dir);
    assert_eq!(get(&mut vault, "a").as_deref(), Some("one"));
}

#[test]
fn the_words_of_the_schema_are_those_of_format_1() {
    let dir = a_vault();
    let connection = Connection::open(database(&dir)).unwrap();
    let mut all = connection.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").unwrap();
    let all = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let all: BTreeMap<String, String> = all.map(Result::unwrap).collect();
    let words = |name: &str| all[name].split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        words("record"),
        "CREATE TABLE record ( position INTEGER PRIMARY KEY AUTOINCREMENT, kind BLOB NOT NULL, \
         lookup BLOB NOT NULL, class INTEGER NOT NULL, chunk INTEGER NOT NULL, mark BLOB NOT NULL ) STRICT"
    );
    assert_eq!(
        words("free"),
        "CREATE TABLE free ( class INTEGER NOT NULL, chunk INTEGER NOT NULL, PRIMARY KEY (class, chunk) ) \
         STRICT, WITHOUT ROWID"
    );
    assert_eq!(words("record_lookup"), "CREATE UNIQUE INDEX record_lookup ON record (lookup)");
    assert_eq!(words("record_kind"), "CREATE INDEX record_kind ON record (kind)");
    assert_eq!(words("sqlite_sequence"), "CREATE TABLE sqlite_sequence(name,seq)");
    for class in 7..=20 {
        let name = format!("chunk_{class}");
        let made =
            format!("CREATE TABLE {name} (id INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT");
        assert_eq!(words(&name), made);
    }
    assert_eq!(all.len(), 19);
}

#[test]
fn an_open_vault_runs_no_trigger_and_no_view() {
    let (_dir, vault) = new();
    let connection = vault.database.raw();
    for (what, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    ] {
        assert_eq!(connection.db_config(what).unwrap(), on, "{}", what as i32);
    }
    let checks: bool =
        connection.pragma_query_value(None, "cell_size_check", |row| row.get(0)).unwrap();
    assert!(checks);
}

/// `.cargo/config.toml`. Whoever packages this program and sees it fail builds without that file, or with a library of the
/// system's: the refusals above hold all the same.
#[test]
fn sqlite_is_built_without_what_no_vault_needs() {
    let connection = Connection::open_in_memory().unwrap();
    let column = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let options = column("PRAGMA compile_options");
    for option in ["FTS", "RTREE", "GEOPOLY", "DBSTAT", "STAT4", "LOAD_EXTENSION", "USE_URI"] {
        let built_in = |built: &&String| built.contains(option) && !built.starts_with("OMIT_");
        assert_eq!(options.iter().find(built_in), None);
    }
    assert!(options.iter().any(|option| option == "OMIT_LOAD_EXTENSION"), "{options:?}");
    let modules = column("PRAGMA module_list");
    assert!(!modules.is_empty());
    for module in &modules {
        let needless = ["fts", "rtree", "geopoly", "dbstat"];
        assert!(!needless.iter().any(|name| module.starts_with(name)), "{modules:?}");
    }
}
