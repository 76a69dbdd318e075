//! Makes a store anew of what can be read of it.

use std::fs;
use std::path::Path;

use super::{Findings, LEDGER_UNKNOWN, Opened, Ready, Start, gather, io, or_damaged};
use crate::store::StoreError;
use crate::store::sled::database::{Database, sync_folder};
use crate::store::sled::salvage::Salvage;
use crate::store::sled::{folder, repair};

impl Start<'_> {
    /// Of what can be read, where the engine cannot be trusted with it.
    pub(super) fn rebuilt(&self, reason: &str) -> Result<Ready, StoreError> {
        let (opened, is_known) = self.made_anew(reason)?;
        let ready = self.checked(opened)?;
        let ledger = ready.findings.ledger && is_known;
        let findings = Findings { rebuilt: true, ledger, ..ready.findings };
        Ok(Ready { findings, ..ready })
    }

    /// Makes a new database of all that can be read, and puts the others aside. Whether the ledger knew all that was answered.
    fn made_anew(&self, reason: &str) -> Result<(Opened, bool), StoreError> {
        let (folder, steps) = (self.folder, self.steps);
        // Before all of it is read.
        let known = &self.reading.state;
        self.has_room_for(known.envelope_count(), known.record_bytes())?;
        let paths = folder::databases(folder)?;
        let salvage = gather(&paths, &self.reading)?;
        self.has_room_for(salvage.count(), salvage.state.record_bytes())?;
        tracing::warn!(
            reason,
            "the store is not whole, as after a crash in an unlucky moment or on a failing disk; all that can be read is put \
             into a new one"
        );
        let path = folder.join(folder::REBUILDING);
        folder::remove_dir(&path)?;
        let filled = self.filled(&path, &salvage);
        if filled.is_err() {
            // What is there of it may be what fills the disk now.
            folder::remove_dir(&path)?;
        }
        let held = filled?;
        if held > 0 {
            tracing::error!(
                envelopes = held,
                "of holds that stay armed some envelopes are lost; whoever extends one is told, and so are their recipients \
                 when it is released"
            );
        }
        // Without a ledger nobody can say whether all is there.
        let is_known = self.reading.len > 0 || salvage.commit == 0;
        if !is_known {
            tracing::error!("{LEDGER_UNKNOWN}");
        }
        if held > 0 || !is_known {
            steps.pass();
            folder::ask_to_keep(folder)?;
        }
        let place = folder::next_database(folder)?;
        steps.pass();
        fs::rename(&path, &place).map_err(io("putting the new database in place"))?;
        sync_folder(folder)?;
        for path in &paths {
            steps.pass();
            fs::rename(path, folder::free_name(folder, folder::SUSPECT)?)
                .map_err(io("keeping a damaged database"))?;
        }
        steps.pass();
        folder::rebuild_done(folder).map_err(io("removing leftovers"))?;
        sync_folder(folder)?;
        let opened = self.open(&folder::databases(folder)?).map_err(or_damaged(folder))?;
        Ok((opened, is_known))
    }

    /// Makes a database in `path` of what was salvaged. Returns as [`repair::fill`].
    fn filled(&self, path: &Path, salvage: &Salvage) -> Result<u64, StoreError> {
        let new = Database::open(path, self.cache_mib, self.steps).map_err(or_damaged(path))?;
        let held = repair::fill(&new, salvage, self.reading.commit);
        new.close();
        held
    }

    fn has_room_for(&self, envelopes: u64, record_bytes: u64) -> Result<(), StoreError> {
        let needed = folder::room_for(envelopes, record_bytes) + folder::OPEN_ROOM;
        if folder::free_bytes(self.folder).is_none_or(|free| free >= needed) {
            return Ok(());
        }
        tracing::error!(
            mebibytes = needed >> 20,
            "the store is not whole, and there is no room to make it anew: make so much room on its disk"
        );
        Err(StoreError::NoRoom { path: self.folder.to_owned() })
    }
}
