//! The steps between which a process can die: every operation of the engine and of the file system that changes
//! something. A test can look at what is on disk before each of them; in the program this is nothing.

#[cfg(test)]
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

/// See the [module](self).
#[derive(Clone, Default)]
pub(crate) struct Steps {
    #[cfg(test)]
    watched: Arc<Mutex<Watched>>,
}

#[cfg(test)]
#[derive(Default)]
struct Watched {
    databases: Vec<(PathBuf, sled::Db)>,
    look: Option<Box<dyn FnMut() + Send>>,
}

impl Steps {
    /// Comes before every step.
    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "only tests look"))]
    pub(super) fn pass(&self) {
        #[cfg(test)]
        self.look();
    }
}

#[cfg(test)]
impl Steps {
    /// Calls `look` before each step, with all that went before on disk.
    pub(crate) fn watched(look: impl FnMut() + Send + 'static) -> Self {
        let this = Self::default();
        this.watched.lock().unwrap().look = Some(Box::new(look));
        this
    }

    /// What is written to this database is on disk before each look.
    pub(super) fn watch(&self, path: &Path, database: &sled::Db) {
        let mut watched = self.watched.lock().unwrap();
        if watched.look.is_some() {
            watched.databases.push((path.to_owned(), database.clone()));
        }
    }

    /// Lets go of one, so that it can be closed.
    pub(super) fn unwatch(&self, path: &Path) {
        self.watched.lock().unwrap().databases.retain(|(watched, _)| watched != path);
    }

    /// Lets go of all.
    pub(crate) fn let_go(&self) {
        self.watched.lock().unwrap().databases.clear();
    }

    fn look(&self) {
        let mut watched = self.watched.lock().unwrap();
        for (_, database) in &watched.databases {
            database.flush().unwrap();
        }
        if let Some(look) = &mut watched.look {
            look();
        }
    }
}
