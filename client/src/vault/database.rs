//! The one file that knows SQLite.
//!
//! **Durable and traceless.** A rollback journal, not a write-ahead log: a log keeps what was deleted until its
//! next checkpoint. `TRUNCATE` commits by cutting the journal to nothing, synced. `secure_delete` zeroes what
//! is freed, but SQLite also leaves old copies of rows behind where it moves rows between pages. So
//! sealed values live in tables of their own, one per size, whose rows are only ever appended and
//! overwritten in place, never deleted: nothing in them moves. What frees a value overwrites it with zeros and
//! lists its place in `free`, to be used again. Between the tables, `record` maps a keyed hash to a place.
//! (What a file system keeps of the cut journal, and flash of anything, is sealed; THREATS.md.)
//!
//! **Damage.** SQLite has no checksums. Values are sealed, so damage to one shows when it is read. Damage to an
//! index could hide a record; so opening compares indexes and tables, mends whichever is wrong, and if that
//! fails says so in [`Database::index_damaged`]. Of a database with a damaged page all else can be read, and
//! written in transactions that do not meet that page.

use std::path::{Path, PathBuf};

use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params,
};

mod mend;
mod schema;

use super::files::Turn;
use super::record::{KindId, Lookup, MAX_CLASS, MIN_CLASS, Sealed, sealed_len};
use super::{BUSY_TIMEOUT, VaultError, WAIT_STEP};

/// An open database file.
pub(super) struct Database {
    connection: Connection,
    path: PathBuf,
    turn: Turn,
    /// Indexes and tables disagree and could not be mended: neither is believed alone.
    pub(super) index_damaged: bool,
}

/// A transaction's view of the rows.
pub(super) struct Rows<'a> {
    connection: &'a Connection,
    path: &'a Path,
    index_damaged: bool,
}

/// Where a record is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) position: i64,
    class: u8,
    chunk: i64,
}

impl Database {
    /// Makes a new database; the file must exist, empty.
    pub(super) fn create(path: &Path, turn: Turn) -> Result<Self, VaultError> {
        let database = Self::connect(path, turn)?;
        database.configure()?;
        let (schema, format) = (schema::statements(), schema::FORMAT);
        let sql = format!("BEGIN IMMEDIATE; {schema} PRAGMA user_version = {format}; COMMIT;");
        database.connection.execute_batch(&sql).map_err(|e| failure(path, e))?;
        Ok(database)
    }

    /// Opens an existing database, compares its schema with the one it must have, then its indexes with its tables.
    pub(super) fn open(path: &Path, turn: Turn) -> Result<Self, VaultError> {
        schema::check_beside(path)?;
        let mut database = Self::connect(path, turn)?;
        schema::check(&database.connection, path)?;
        database.configure()?;
        if !database.indexes_agree()? {
            let mended = mend::mend(&mut database.connection).unwrap_or(false);
            database.index_damaged = !mended || !database.indexes_agree()?;
            tracing::error!(mended, "the vault's database was damaged");
        }
        Ok(database)
    }

    fn connect(path: &Path, turn: Turn) -> Result<Self, VaultError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|e| failure(path, e))?;
        connection
            .busy_handler(Some(wait_for_others))
            .and_then(|()| schema::restrain(&connection))
            .map_err(|e| failure(path, e))?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(Self { connection, path: path.to_owned(), turn, index_damaged: false })
    }

    fn configure(&self) -> Result<(), VaultError> {
        let connection = &self.connection;
        let configure = || {
            // Temporary tables and statement journals stay off the disk.
            connection.pragma_update(None, "temp_store", "MEMORY")?;
            connection.pragma_update(None, "secure_delete", true)?;
            // `Ok` means on the medium; `fullfsync` makes macOS mean it too.
            connection.pragma_update(None, "synchronous", "EXTRA")?;
            connection.pragma_update(None, "fullfsync", true)?;
            connection.pragma_update_and_check(None, "journal_mode", "TRUNCATE", |row| {
                row.get::<_, String>(0)
            })
        };
        match configure() {
            Ok(mode) if mode == "truncate" => Ok(()),
            Ok(_) => Err(VaultError::Busy),
            Err(error) => Err(failure(&self.path, error)),
        }
    }

    fn indexes_agree(&self) -> Result<bool, VaultError> {
        let checked = self.connection.query_row("PRAGMA integrity_check(1)", [], |row| {
            row.get::<_, String>(0).map(|answer| answer == "ok")
        });
        match checked.map_err(|e| failure(&self.path, e)) {
            Err(VaultError::Damaged { .. }) => Ok(false),
            other => other,
        }
    }

    /// Runs `f` in a transaction: `write` takes the writers' lock at once and commits when `f` says `Ok`; else,
    /// and on panic, nothing changes.
    pub(super) fn transaction<T, E: From<VaultError>>(
        &mut self,
        write: bool,
        f: impl FnOnce(Rows<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let path = &self.path;
        let behavior =
            if write { TransactionBehavior::Immediate } else { TransactionBehavior::Deferred };
        let turn = if write { Some(self.turn.take()?) } else { None };
        let transaction = Transaction::new(&mut self.connection, behavior);
        drop(turn);
        let transaction = transaction.map_err(|e| failure(path, e))?;
        let index_damaged = self.index_damaged;
        let done = f(Rows { connection: &transaction, path, index_damaged })?;
        // A reading one just ends: SQLite refuses to commit what met a damaged page.
        if write {
            transaction.commit().map_err(|e| failure(path, e))?;
        }
        Ok(done)
    }

    /// Changes whenever another connection has committed.
    pub(super) fn others_commits(&self) -> Result<i64, VaultError> {
        self.connection
            .pragma_query_value(None, "data_version", |row| row.get(0))
            .map_err(|e| failure(&self.path, e))
    }

    #[cfg(test)]
    pub(super) fn raw(&self) -> &Connection {
        &self.connection
    }
}

impl Rows<'_> {
    #[cfg(test)]
    pub(super) fn raw(&self) -> &Connection {
        self.connection
    }

    /// Savepoints nest; the innermost is kept or undone.
    pub(super) fn savepoint(&self) -> Result<(), VaultError> {
        self.run(|c| c.execute_batch("SAVEPOINT whole"))
    }

    pub(super) fn keep_savepoint(&self) -> Result<(), VaultError> {
        self.run(|c| c.execute_batch("RELEASE whole"))
    }

    /// A full disk may have made SQLite undo the whole transaction already.
    pub(super) fn undo_savepoint(&self) -> Result<(), VaultError> {
        if self.connection.is_autocommit() {
            return Ok(());
        }
        self.run(|c| c.execute_batch("ROLLBACK TO whole; RELEASE whole"))
    }

    /// # Errors
    /// [`VaultError::Damaged`] if it cannot be told whether it is there.
    pub(super) fn find(&self, lookup: &Lookup) -> Result<Option<Place>, VaultError> {
        let indexed = self.run(|c| {
            c.prepare_cached("SELECT position, class, chunk FROM record WHERE lookup = ?1")?
                .query_row([lookup], |row| {
                    Ok(Place { position: row.get(0)?, class: row.get(1)?, chunk: row.get(2)? })
                })
                .optional()
        });
        match indexed {
            Ok(None) | Err(VaultError::Damaged { .. }) if self.index_damaged => {}
            other => return other,
        }
        let rows = self.run(mend::scan)?;
        match rows.iter().find(|row| row.lookup.as_ref() == Some(lookup)) {
            Some(row) => Ok(Some(row.place)),
            None if indexed.is_ok() && rows.iter().all(mend::Row::is_right) => Ok(None),
            None => Err(VaultError::DATABASE),
        }
    }

    /// Positions of a kind over `after`, ascending. With damaged indexes also those of rows that may be of any kind.
    pub(super) fn positions(&self, kind: &KindId, after: i64) -> Result<Vec<i64>, VaultError> {
        let indexed: Result<Vec<i64>, _> = self.run(|c| {
            c.prepare_cached(
                "SELECT position FROM record WHERE kind = ?1 AND position > ?2 ORDER BY position",
            )?
            .query_map(params![kind, after], |row| row.get(0))?
            .collect()
        });
        if !self.index_damaged {
            return indexed;
        }
        match (indexed, self.run(mend::scan)) {
            (indexed, Ok(rows)) => {
                let of_kind = |row: &&mend::Row| row.kind.as_ref() == Some(kind) || !row.is_right();
                let scanned = rows.iter().filter(of_kind).map(|row| row.place.position);
                let mut all: Vec<i64> = scanned.filter(|position| *position > after).collect();
                all.extend(indexed.unwrap_or_default());
                all.sort_unstable();
                all.dedup();
                Ok(all)
            }
            (indexed, Err(VaultError::Damaged { .. })) => indexed,
            (_, Err(error)) => Err(error),
        }
    }

    pub(super) fn count(&self, kind: &KindId) -> Result<u64, VaultError> {
        if self.index_damaged {
            return Ok(self.positions(kind, 0)?.len() as u64);
        }
        self.run(|c| {
            c.prepare_cached("SELECT count(*) FROM record WHERE kind = ?1")?
                .query_row([kind], |row| row.get(0))
        })
    }

    /// The record at a position that [`Rows::positions`] named.
    pub(super) fn at(&self, position: i64) -> Result<(Lookup, Place), VaultError> {
        self.run(|c| {
            c.prepare_cached("SELECT lookup, class, chunk FROM record WHERE position = ?1")?
                .query_row([position], |row| {
                    let place = Place { position, class: row.get(1)?, chunk: row.get(2)? };
                    Ok((row.get(0)?, place))
                })
        })
    }

    pub(super) fn sealed(&self, place: Place) -> Result<Vec<u8>, VaultError> {
        let class = known_class(place.class)?;
        self.run(|c| {
            c.prepare_cached(&format!("SELECT sealed FROM chunk_{class} WHERE id = ?1"))?
                .query_row([place.chunk], |row| row.get(0))
        })
    }

    /// Stores a record that [`Rows::find`] did not find.
    pub(super) fn insert(
        &self,
        kind: &KindId,
        lookup: &Lookup,
        sealed: &Sealed,
    ) -> Result<(), VaultError> {
        let chunk = self.occupy(sealed)?;
        self.run(|c| {
            c.prepare_cached(
                "INSERT INTO record (kind, lookup, class, chunk, mark) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                kind,
                lookup,
                sealed.class,
                chunk,
                mend::mark(kind, lookup)
            ])
        })?;
        Ok(())
    }

    /// Gives the record at `place` another value; its position stays.
    pub(super) fn replace(&self, place: Place, sealed: &Sealed) -> Result<(), VaultError> {
        if place.class == sealed.class {
            return self.overwrite(place.class, place.chunk, &sealed.bytes);
        }
        self.vacate(place)?;
        let chunk = self.occupy(sealed)?;
        self.run(|c| {
            c.prepare_cached("UPDATE record SET class = ?2, chunk = ?3 WHERE position = ?1")?
                .execute(params![place.position, sealed.class, chunk])
        })?;
        Ok(())
    }

    pub(super) fn delete(&self, place: Place) -> Result<(), VaultError> {
        self.vacate(place)?;
        self.run(|c| {
            c.prepare_cached("DELETE FROM record WHERE position = ?1")?.execute([place.position])
        })?;
        Ok(())
    }

    /// Puts sealed bytes into a free chunk, or a new one at the end.
    fn occupy(&self, sealed: &Sealed) -> Result<i64, VaultError> {
        let class = known_class(sealed.class)?;
        let free: Option<i64> = self.run(|c| {
            c.prepare_cached("SELECT chunk FROM free WHERE class = ?1 LIMIT 1")?
                .query_row([class], |row| row.get(0))
                .optional()
        })?;
        if let Some(chunk) = free {
            self.run(|c| {
                c.prepare_cached("DELETE FROM free WHERE class = ?1 AND chunk = ?2")?
                    .execute(params![class, chunk])
            })?;
            self.overwrite(class, chunk, &sealed.bytes)?;
            return Ok(chunk);
        }
        self.run(|c| {
            c.prepare_cached(&format!("INSERT INTO chunk_{class} (sealed) VALUES (?1)"))?
                .execute([&sealed.bytes])?;
            Ok(c.last_insert_rowid())
        })
    }

    fn vacate(&self, place: Place) -> Result<(), VaultError> {
        let class = known_class(place.class)?;
        self.overwrite(class, place.chunk, &vec![0; sealed_len(class)])?;
        self.run(|c| {
            c.prepare_cached("INSERT INTO free (class, chunk) VALUES (?1, ?2)")?
                .execute(params![class, place.chunk])
        })?;
        Ok(())
    }

    /// Bytes of the same length: SQLite then writes them over the old ones.
    fn overwrite(&self, class: u8, chunk: i64, bytes: &[u8]) -> Result<(), VaultError> {
        let class = known_class(class)?;
        let written = self.run(|c| {
            c.prepare_cached(&format!("UPDATE chunk_{class} SET sealed = ?2 WHERE id = ?1"))?
                .execute(params![chunk, bytes])
        })?;
        if written == 1 { Ok(()) } else { Err(VaultError::DATABASE) }
    }

    /// Nothing runs outside of the transaction: SQLite undoes it by itself after some errors (a full disk), and
    /// what came after one would be kept without the rest.
    fn run<T>(&self, f: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, VaultError> {
        if self.connection.is_autocommit() {
            let undone = std::io::Error::other("the transaction was undone after an earlier error");
            return Err(VaultError::Io(undone));
        }
        f(self.connection).map_err(|e| match failure(self.path, e) {
            // After a damaged page SQLite lets a transaction write no more, and calls that read-only too.
            VaultError::Permission(_) if self.connection.is_readonly("main") == Ok(false) => {
                VaultError::DATABASE
            }
            other => other,
        })
    }
}

/// Evenly, not ever more rarely: who has waited longest must not be the least likely to be next.
fn wait_for_others(attempts: i32) -> bool {
    std::thread::sleep(WAIT_STEP);
    WAIT_STEP.saturating_mul(attempts.unsigned_abs()) < BUSY_TIMEOUT
}

/// A damaged class must not become part of a statement that names no table.
fn known_class(class: u8) -> Result<u8, VaultError> {
    if (MIN_CLASS..=MAX_CLASS).contains(&class) { Ok(class) } else { Err(VaultError::DATABASE) }
}

/// Every statement is a constant of this file and was right once: whatever SQLite finds wrong with one, or with
/// what it returns, is damage to the file.
fn failure(path: &Path, error: rusqlite::Error) -> VaultError {
    let Some(code) = error.sqlite_error() else {
        return VaultError::DATABASE;
    };
    match code.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => VaultError::Busy,
        ErrorCode::DiskFull => VaultError::DiskFull,
        ErrorCode::OutOfMemory => VaultError::OutOfMemory,
        ErrorCode::PermissionDenied | ErrorCode::ReadOnly => {
            VaultError::Permission(path.to_owned())
        }
        ErrorCode::SystemIoFailure
            if code.extended_code != rusqlite::ffi::SQLITE_IOERR_SHORT_READ =>
        {
            VaultError::Io(std::io::Error::other(error))
        }
        ErrorCode::CannotOpen | ErrorCode::OperationInterrupted | ErrorCode::ApiMisuse => {
            VaultError::Io(std::io::Error::other(error))
        }
        _ => VaultError::DATABASE,
    }
}
