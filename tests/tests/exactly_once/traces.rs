//! What a vault once held and holds no more: not a byte of it is left in its files.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::PathBuf;

use rusqlite::{Connection, OpenFlags};
use velar::passphrase::PassphraseSource;
use velar::records::IssuedKind;
use velar::vault::Vault;
use velar_tests::load::Outcome;
use velar_tests::person::Person;

/// Bytes of a sealed value that are looked for: no other value begins with them.
const BEGINNING: usize = 24;

/// What was seen in a vault, time after time.
#[derive(Default)]
pub(crate) struct Traces {
    /// Beginnings of sealed values.
    sealed: BTreeSet<Vec<u8>>,
    /// Prekeys whose private halves were there.
    prekeys: BTreeSet<Vec<u8>>,
}

impl Traces {
    /// Takes down what is in the vault. No process has it open.
    pub(crate) fn take(&mut self, person: &Person) -> Outcome<()> {
        self.prekeys.extend(prekeys(person)?);
        self.sealed.extend(sealed(person)?);
        Ok(())
    }

    /// Prekeys were used up, and of no value that was removed is anything left.
    pub(crate) fn are_gone(&self, person: &Person) -> Outcome<()> {
        let (now, left) = (sealed(person)?, prekeys(person)?);
        let spent = self.prekeys.difference(&left).count();
        assert!(spent > 20, "{spent} prekeys of {} were used", person.name);
        let removed: HashSet<&[u8]> = self.sealed.difference(&now).map(Vec::as_slice).collect();
        assert!(removed.len() > spent, "{} values", removed.len());
        let kept: HashSet<&[u8]> = now.iter().map(Vec::as_slice).collect();
        let mut found = 0;
        for entry in fs::read_dir(files(person))? {
            let bytes = fs::read(entry?.path())?;
            assert!(!bytes.windows(BEGINNING).any(|bytes| removed.contains(bytes)));
            found += bytes.windows(BEGINNING).filter(|bytes| kept.contains(*bytes)).count();
        }
        assert!(found >= now.len(), "what is there is found: the search works");
        Ok(())
    }
}

fn files(person: &Person) -> PathBuf {
    person.vault().join("vault")
}

/// The prekeys whose private halves are in the vault.
fn prekeys(person: &Person) -> Outcome<BTreeSet<Vec<u8>>> {
    let passphrase = PassphraseSource::File(person.file("passphrase")).read("")?;
    let mut vault = Vault::open(&person.vault(), &passphrase)?;
    let issued = vault.read(|tx| tx.list::<IssuedKind>())?;
    Ok(issued.into_iter().map(|(_, issued)| issued.id.0.to_vec()).collect())
}

/// The beginnings of all sealed values that are in use.
fn sealed(person: &Person) -> Outcome<BTreeSet<Vec<u8>>> {
    let file = files(person).join("vault.db");
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut tables = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'chunk_%'")?;
    let names: Vec<String> = tables.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut all = BTreeSet::new();
    for name in names {
        let mut rows = connection.prepare(&format!("SELECT sealed FROM {name}"))?;
        for bytes in rows.query_map([], |row| row.get::<_, Vec<u8>>(0))? {
            let beginning = bytes?.into_iter().take(BEGINNING).collect::<Vec<u8>>();
            // Zeros are what was there once.
            if beginning.iter().any(|byte| *byte != 0) {
                all.insert(beginning);
            }
        }
    }
    Ok(all)
}
