//! Mending: the columns that find a record are on disk twice, in the table and in an index, and each row has
//! a checksum of them. So whichever copy a flipped byte hit, the other one is known to be right.

use std::collections::BTreeMap;

use rusqlite::types::FromSql;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::super::record::{KindId, Lookup};
use super::Place;
use velar_protocol::hash::labelled;

const MARK_LABEL: &[u8] = b"velar/1 vault row";

/// The indexes of the table `record`.
pub(super) const INDEXES: &str = "CREATE UNIQUE INDEX record_lookup ON record (lookup);
     CREATE INDEX record_kind ON record (kind);";

/// Checksum of the columns that find a record.
pub(super) fn mark(kind: &KindId, lookup: &Lookup) -> [u8; 8] {
    let hash = labelled(MARK_LABEL, &[kind, lookup]);
    let mut mark = [0; 8];
    mark.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    mark
}

/// A row of the table `record`, as it is: a column is `None` if it cannot even have been one.
pub(super) struct Row {
    pub(super) place: Place,
    pub(super) kind: Option<KindId>,
    pub(super) lookup: Option<Lookup>,
    mark: Option<[u8; 8]>,
}

impl Row {
    /// Kind and lookup are what they were when the row was made.
    pub(super) fn is_right(&self) -> bool {
        fits(self.kind, self.lookup, self.mark)
    }
}

/// All rows, from the table alone. An error if any page of it cannot be read.
pub(super) fn scan(connection: &Connection) -> rusqlite::Result<Vec<Row>> {
    connection
        .prepare_cached(
            "SELECT position, class, chunk, kind, lookup, mark FROM record NOT INDEXED",
        )?
        .query_map([], |row| {
            Ok(Row {
                place: Place {
                    position: row.get(0)?,
                    class: row.get(1).unwrap_or(0),
                    chunk: row.get(2).unwrap_or(0),
                },
                kind: row.get(3).ok(),
                lookup: row.get(4).ok(),
                mark: row.get(5).ok(),
            })
        })?
        .collect()
}

/// Restores rows from the indexes where their checksum says that they are wrong, and makes the indexes anew from the
/// rows. All or nothing; `false` if a row cannot be restored.
pub(super) fn mend(connection: &mut Connection) -> rusqlite::Result<bool> {
    let tx = Transaction::new(connection, TransactionBehavior::Immediate)?;
    let wrong: Vec<Row> = scan(&tx)?.into_iter().filter(|row| !row.is_right()).collect();
    let mut restored = Vec::new();
    if !wrong.is_empty() {
        let kinds: BTreeMap<i64, KindId> = indexed(&tx, "kind")?;
        let lookups: BTreeMap<i64, Lookup> = indexed(&tx, "lookup")?;
        for row in wrong {
            let (kind, lookup) = (kinds.get(&row.place.position), lookups.get(&row.place.position));
            let candidates = [
                (row.kind, lookup.copied()),
                (kind.copied(), row.lookup),
                (kind.copied(), lookup.copied()),
            ];
            // If both columns agree with their indexes, it is the checksum that was hit.
            let agree = row.kind.as_ref() == kind && row.lookup.as_ref() == lookup;
            let right = candidates.into_iter().find(|(k, l)| agree || fits(*k, *l, row.mark));
            let Some((Some(kind), Some(lookup))) = right else { return Ok(false) };
            restored.push((row.place.position, kind, lookup));
        }
    }
    tx.execute_batch("DROP INDEX record_lookup; DROP INDEX record_kind;")?;
    for (position, kind, lookup) in restored {
        tx.execute(
            "UPDATE record SET kind = ?2, lookup = ?3, mark = ?4 WHERE position = ?1",
            params![position, kind, lookup, mark(&kind, &lookup)],
        )?;
    }
    tx.execute_batch(INDEXES)?;
    tx.commit()?;
    Ok(true)
}

fn fits(kind: Option<KindId>, lookup: Option<Lookup>, found: Option<[u8; 8]>) -> bool {
    matches!((kind, lookup, found), (Some(k), Some(l), Some(m)) if mark(&k, &l) == m)
}

/// A column as its index has it: the table is not touched.
fn indexed<T: FromSql>(tx: &Connection, column: &str) -> rusqlite::Result<BTreeMap<i64, T>> {
    let sql = format!(
        "SELECT position, {column} FROM record INDEXED BY record_{column} ORDER BY {column}"
    );
    // An entry that is not of the right length is no candidate.
    tx.prepare(&sql)?
        .query_map([], |row| Ok(row.get(0).and_then(|at| Ok((at, row.get(1)?))).ok()))?
        .filter_map(Result::transpose)
        .collect()
}
