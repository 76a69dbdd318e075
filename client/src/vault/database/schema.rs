//! What a vault's database is made of, and that it is made of nothing else.
//!
//! Whoever can write to the file can plant what SQLite runs or trusts by itself: triggers, views, virtual tables, columns and
//! indexes with expressions, statistics. So the schema is compared with the one that is made here before anything is asked of
//! a table, and a file that differs is left as it is: [`VaultError::Foreign`].

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Row};

use super::super::VaultError;
use super::super::record::{MAX_CLASS, MIN_CLASS};
use super::{failure, mend};

/// Of the tables below; in the file's header.
pub(super) const FORMAT: u32 = 1;

/// The last bytes of a rollback journal that names another journal: of a transaction over several databases, which
/// there never is. SQLite would delete the file that it names.
const NAMES_ANOTHER: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// The statements that make it. Their words are in the file, and compared: another format, if they change.
pub(super) fn statements() -> String {
    let mut schema = String::from(
        "CREATE TABLE record (
            position INTEGER PRIMARY KEY AUTOINCREMENT,
            kind BLOB NOT NULL,
            lookup BLOB NOT NULL,
            class INTEGER NOT NULL,
            chunk INTEGER NOT NULL,
            mark BLOB NOT NULL
         ) STRICT;
         CREATE TABLE free (
            class INTEGER NOT NULL,
            chunk INTEGER NOT NULL,
            PRIMARY KEY (class, chunk)
         ) STRICT, WITHOUT ROWID;",
    );
    schema.push_str(mend::INDEXES);
    for class in MIN_CLASS..=MAX_CLASS {
        schema.push_str(&format!(
            "CREATE TABLE chunk_{class} (id INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT;"
        ));
    }
    schema
}

/// Takes from a new connection what a planted schema could use. Asks nothing of the file.
pub(super) fn restrain(connection: &Connection) -> rusqlite::Result<()> {
    for (what, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
    ] {
        connection.set_db_config(what, on)?;
    }
    // A page that contradicts itself is an error.
    connection.pragma_update(None, "cell_size_check", true)
}

/// Whether a log lies beside the database, or a journal that is not of it alone. Before it is opened: SQLite would read
/// them into it.
///
/// # Errors
/// [`VaultError::Foreign`]; of the disk.
pub(super) fn check_beside(path: &Path) -> Result<(), VaultError> {
    for suffix in ["-wal", "-shm"] {
        let log = beside(path, suffix);
        if fs::symlink_metadata(&log).is_ok() {
            return Err(VaultError::Foreign);
        }
    }
    let journal = beside(path, "-journal");
    let mut file = match File::open(&journal) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(VaultError::io(&journal, error)),
    };
    let mut end = [0; NAMES_ANOTHER.len()];
    let found =
        file.seek(SeekFrom::End(-(end.len() as i64))).and_then(|_| file.read_exact(&mut end));
    if found.is_ok() && end == NAMES_ANOTHER { Err(VaultError::Foreign) } else { Ok(()) }
}

/// Compares the schema of an existing database with the one that is made here: the first thing that is asked of it.
///
/// # Errors
/// [`VaultError::UnknownVersion`]; [`VaultError::Foreign`]; [`VaultError::Damaged`] if it is empty or cannot be read.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), VaultError> {
    let failed = |error| failure(path, error);
    // From the header, without a look at any table.
    let version: u32 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    if version > FORMAT {
        return Err(VaultError::UnknownVersion { found: version, known: FORMAT });
    }
    let known = known().map_err(failed)?;
    let found = entries(connection, known.len() + 1).map_err(failed)?;
    // An empty file is a valid database for SQLite.
    if version == 0 && found.is_empty() {
        return Err(VaultError::DATABASE);
    }
    let mode: String =
        connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).map_err(failed)?;
    if version != FORMAT || mode == "wal" || found != known {
        return Err(VaultError::Foreign);
    }
    Ok(())
}

/// One row of the schema: type, name, table, statement; `None` where there is something that none has.
type Entry = Option<[String; 4]>;

/// The schema that [`statements`] make, in order.
fn known() -> rusqlite::Result<Vec<Entry>> {
    let memory = Connection::open_in_memory()?;
    memory.execute_batch(&statements())?;
    entries(&memory, usize::MAX)
}

/// The rows of a schema in order, so many at most.
fn entries(connection: &Connection, most: usize) -> rusqlite::Result<Vec<Entry>> {
    let mut statement =
        connection.prepare("SELECT type, name, tbl_name, sql FROM main.sqlite_schema")?;
    let mut rows = statement.query([])?;
    let mut entries = Vec::new();
    while entries.len() < most
        && let Some(row) = rows.next()?
    {
        entries.push(entry(row).ok());
    }
    entries.sort();
    Ok(entries)
}

/// Spaces between words count as one: nothing that is made here has a text or a comment, in which they would differ.
fn entry(row: &Row<'_>) -> rusqlite::Result<[String; 4]> {
    let sql: String = row.get(3)?;
    let words: Vec<&str> = sql.split_ascii_whitespace().collect();
    Ok([row.get(0)?, row.get(1)?, row.get(2)?, words.join(" ")])
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
