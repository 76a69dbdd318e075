//! A disk under a recorded process: what is durable at a point of the journal, what may be, and folders as a
//! power cut could leave them.
//!
//! * What was recorded before a sync began is durable once that sync has ended: for a file its bytes and size, for
//!   a folder the names in it. Everything else is pending.
//! * A pending write is kept, dropped, or torn into any subset of its sectors of 512 bytes, whatever became of
//!   others before or after it. A sector itself is never torn, and always is as the page cache once had it: it
//!   holds every write to it up to some point. That is what disks promise, and all they do.
//! * A file may have grown to its full size with zeros where pending writes were dropped.
//! * Cutting a file short happens in order with what follows: writes after it are on its new blocks.
//! * Pending names are kept or dropped. In one half of the cuts in order, as journalling file systems do, in the
//!   other half in any order in which each name's own history makes sense.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::content::{Change, Content};
use super::journal::{Call, Recorded};
use super::random::{Fate, Random};

type Id = usize;
/// A name in a folder, and what it then stands for.
type Effect = (Id, String, Option<Id>);

/// See the [module](self).
#[derive(Clone)]
pub struct Disk {
    things: Vec<Thing>,
    by_inode: HashMap<u64, Id>,
    /// Not yet durable, in order.
    names: Vec<Naming>,
    /// Calls taken so far.
    taken: usize,
    /// When syncs that have not ended began.
    syncs: HashMap<u64, usize>,
}

#[derive(Clone)]
enum Thing {
    File(Content),
    Folder(Folder),
}

#[derive(Clone, Default)]
struct Folder {
    now: BTreeMap<String, Id>,
    durable: BTreeMap<String, Id>,
}

#[derive(Clone)]
struct Naming {
    at: usize,
    effects: Vec<Effect>,
    /// Folders that must be synced for it.
    unsynced: Vec<Id>,
}

impl Disk {
    /// A disk whose whole content is durable: that of `folder`.
    pub fn of(folder: &Path, inodes: &HashMap<String, u64>) -> Self {
        let mut disk = Self {
            things: vec![Thing::Folder(Folder::default())],
            by_inode: HashMap::from([(inodes[""], 0)]),
            names: Vec::new(),
            taken: 0,
            syncs: HashMap::new(),
        };
        let mut paths: Vec<&String> = inodes.keys().filter(|path| !path.is_empty()).collect();
        paths.sort_unstable();
        for path in paths {
            let real = folder.join(path);
            let thing = if real.is_dir() {
                Thing::Folder(Folder::default())
            } else {
                Thing::File(Content::durable(fs::read(real).unwrap()))
            };
            let id = disk.add(inodes[path], thing);
            let (parent, name) = disk.split(path);
            let parent = disk.folder(parent);
            parent.now.insert(name.clone(), id);
            parent.durable.insert(name, id);
        }
        disk
    }

    /// Goes on until `count` calls are taken.
    pub fn advance(&mut self, recorded: &Recorded, count: usize) {
        while self.taken < count {
            let at = self.taken;
            self.taken += 1;
            self.take(at, &recorded.calls[at].0, &recorded.bytes);
        }
    }

    fn take(&mut self, at: usize, call: &Call, journal: &[u8]) {
        match call {
            Call::Create { path, inode } => {
                let id = self.add(*inode, Thing::File(Content::default()));
                self.name(at, vec![(path, Some(id))]);
            }
            Call::Mkdir { path, inode } => {
                let id = self.add(*inode, Thing::Folder(Folder::default()));
                self.name(at, vec![(path, Some(id))]);
            }
            Call::Rename { from, to } => {
                let id = self.find(from);
                self.name(at, vec![(from, None), (to, Some(id))]);
            }
            Call::Exchange { one, other } => {
                let (first, second) = (self.find(one), self.find(other));
                self.name(at, vec![(one, Some(second)), (other, Some(first))]);
            }
            Call::Remove { path } => self.name(at, vec![(path, None)]),
            Call::Link { from, to } => {
                let id = self.find(from);
                self.name(at, vec![(to, Some(id))]);
            }
            Call::Write { inode, offset, bytes } => {
                let change = Change::Write { offset: *offset as usize, bytes: bytes.clone() };
                self.change(at, *inode, change);
            }
            Call::Size { inode, size } => self.change(at, *inode, Change::Size(*size as usize)),
            Call::SyncBegin { pair } => {
                self.syncs.insert(*pair, at);
            }
            Call::SyncEnd { inode, pair } => {
                let began = self.syncs.remove(pair).expect("a sync begins before it ends");
                self.synced(*inode, began, journal);
            }
        }
    }

    fn synced(&mut self, inode: u64, began: usize, journal: &[u8]) {
        let id = self.by_inode[&inode];
        match &mut self.things[id] {
            Thing::File(file) => file.synced(began, journal),
            Thing::Folder(_) => {
                for naming in self.names.iter_mut().filter(|naming| naming.at < began) {
                    naming.unsynced.retain(|folder| *folder != id);
                }
                let kept = self.names.iter().map(|naming| naming.unsynced.is_empty()).collect();
                let kept = self.closed(kept);
                let mut durable = kept.iter();
                let names = std::mem::take(&mut self.names);
                for naming in names {
                    if *durable.next().unwrap() {
                        for (folder, name, id) in naming.effects {
                            set(&mut self.folder(folder).durable, name, id);
                        }
                    } else {
                        self.names.push(naming);
                    }
                }
            }
        }
    }

    /// With all earlier ones that are about the same names.
    fn closed(&self, mut kept: Vec<bool>) -> Vec<bool> {
        let key = |effect: &Effect| (effect.0, effect.1.clone());
        let mut needed: Vec<(Id, String)> = Vec::new();
        for (naming, kept) in self.names.iter().zip(&mut kept).rev() {
            *kept |= naming.effects.iter().any(|effect| needed.contains(&key(effect)));
            if *kept {
                needed.extend(naming.effects.iter().map(key));
            }
        }
        kept
    }

    fn name(&mut self, at: usize, effects: Vec<(&String, Option<Id>)>) {
        let effects: Vec<Effect> = effects
            .into_iter()
            .map(|(path, id)| {
                let (folder, name) = self.split(path);
                (folder, name, id)
            })
            .collect();
        for (folder, name, id) in &effects {
            set(&mut self.folder(*folder).now, name.clone(), *id);
        }
        let mut unsynced: Vec<Id> = effects.iter().map(|effect| effect.0).collect();
        unsynced.dedup();
        self.names.push(Naming { at, effects, unsynced });
    }

    fn change(&mut self, at: usize, inode: u64, change: Change) {
        let id = self.by_inode[&inode];
        let Thing::File(file) = &mut self.things[id] else { panic!("a write to a folder") };
        file.change(at, change);
    }

    fn add(&mut self, inode: u64, thing: Thing) -> Id {
        self.things.push(thing);
        self.by_inode.insert(inode, self.things.len() - 1);
        self.things.len() - 1
    }

    fn folder(&mut self, id: Id) -> &mut Folder {
        match &mut self.things[id] {
            Thing::Folder(folder) => folder,
            Thing::File(_) => panic!("a file is used as a folder"),
        }
    }

    fn split(&mut self, path: &str) -> (Id, String) {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        (self.find(parent), name.to_owned())
    }

    fn find(&mut self, path: &str) -> Id {
        let parts = path.split('/').filter(|part| !part.is_empty());
        parts.fold(0, |at, part| {
            let found = self.folder(at).now.get(part).copied();
            found.unwrap_or_else(|| panic!("{path} is used, and was never seen made"))
        })
    }

    /// Writes the folder as a power cut at this point could leave it.
    pub fn cut(&self, recorded: &Recorded, to: &Path, random: &mut Random) {
        let mut folders: BTreeMap<Id, BTreeMap<String, Id>> = BTreeMap::new();
        for (id, thing) in self.things.iter().enumerate() {
            if let Thing::Folder(folder) = thing {
                folders.insert(id, folder.durable.clone());
            }
        }
        let fate = random.fate();
        let ordered = random.one_in(2);
        let count = random.below(self.names.len() + 1);
        let kept = (0..self.names.len()).map(|at| match (fate, ordered) {
            (Fate::Kept, _) => true,
            (Fate::Dropped, _) => false,
            (Fate::Mixed, true) => at < count,
            (Fate::Mixed, false) => random.one_in(2),
        });
        let kept = kept.collect();
        for (naming, kept) in self.names.iter().zip(self.closed(kept)) {
            for (folder, name, id) in naming.effects.iter().filter(|_| kept) {
                set(folders.get_mut(folder).unwrap(), name.clone(), *id);
            }
        }
        let mut content = |file: &Content| file.cut(&recorded.bytes, random);
        self.write(0, to, &|id| folders[&id].clone(), &mut content);
    }

    /// Writes the folder as the process itself saw it at this point.
    pub fn whole(&self, recorded: &Recorded, to: &Path) {
        let names = |id| match &self.things[id] {
            Thing::Folder(folder) => folder.now.clone(),
            Thing::File(_) => BTreeMap::new(),
        };
        let mut content = |file: &Content| file.whole(&recorded.bytes);
        self.write(0, to, &names, &mut content);
    }

    fn write(
        &self,
        id: Id,
        to: &Path,
        names: &dyn Fn(Id) -> BTreeMap<String, Id>,
        content: &mut dyn FnMut(&Content) -> Vec<u8>,
    ) {
        match &self.things[id] {
            Thing::File(file) => write_sparse(to, &content(file)),
            Thing::Folder(_) => {
                fs::create_dir(to).unwrap();
                for (name, id) in names(id) {
                    self.write(id, &to.join(name), names, content);
                }
            }
        }
    }
}

fn set(names: &mut BTreeMap<String, Id>, name: String, id: Option<Id>) {
    match id {
        Some(id) => names.insert(name, id),
        None => names.remove(&name),
    };
}

/// Leaves holes where there are zeros: the store's file is mostly that.
fn write_sparse(path: &Path, bytes: &[u8]) {
    const BLOCK: usize = 16 << 10;
    static ZEROS: [u8; BLOCK] = [0; BLOCK];
    let file = fs::File::create(path).unwrap();
    for (at, block) in bytes.chunks(BLOCK).enumerate() {
        if block != &ZEROS[..block.len()] {
            file.write_all_at(block, (at * BLOCK) as u64).unwrap();
        }
    }
    file.set_len(bytes.len() as u64).unwrap();
}
